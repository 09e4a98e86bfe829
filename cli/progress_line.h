// One line of progress, laid out for the width of a terminal: a pure function.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_LINE_MAX 1024

struct progress_row {
	const char *name;     // printable
	const char *status;   // one word: "uploading"
	uint64_t done, total; // bytes; total 0: not known
	uint64_t rate;        // bytes a second; 0: not known
	const char *figures;  // of what is over, instead of both: "75.0 MB"; NULL: it goes on
	int64_t took;         // milliseconds, of what is over
};

// NAME STATUS BAR DONE / TOTAL RATE LEFT, as much of it as has a place, never as wide as `columns`:
// a terminal wraps nothing. The widths are those of the thread's locale; without UTF-8 all is
// ASCII. out has PROGRESS_LINE_MAX bytes; the result is the columns taken.
int progress_line(const struct progress_row *r, int columns, char *out);
// The beginning of a text that has a place in `columns`, "…" behind it if it is not all.
int progress_cut(const char *text, int columns, char *out);
