// What stderr shows of work under way: live lines on a terminal, else a line or a JSON object for
// each event. There is one terminal, so what is here is one, too; any thread may call it.
#pragma once
#include <stdint.h>
#include <stdio.h>

#include "cli/opt.h"

enum progress_kind {
	PROGRESS_ERROR,
	PROGRESS_WARNING,
	PROGRESS_PROBLEM,  // what is wrong with a program
	PROGRESS_SEARCHED, // a place where it was looked for
	PROGRESS_NOTE,
	PROGRESS_DETAIL, // what -v asked for
	PROGRESS_REPORT, // tables and sums
};

// A layer or blob on its way.
struct progress_event {
	const char *key;       // tells it from others, from its beginning to its end
	const char *event;     // "layer" or "blob"
	const char *name;      // what people call it
	const char *platform;  // NULL: does not matter
	const char *status;    // "uploading"; at the end "uploaded"
	uint64_t bytes, total; // so far, and of all
	const char *digest;    // NULL: not known yet
	const char *figures;   // at the end, on a terminal; NULL: the total
	const char *from;      // repository that it was mounted from
	uint64_t size;         // of a layer at its end: compressed
};

// Which way the options, the environment and the terminal want it. Asks for nothing else yet.
void progress_start(const struct common_args *common);
// It goes on, or (with no bytes) waits its turn.
void progress_update(const struct progress_event *e);
// It is over; plain is the line for logs, NULL: nobody is told.
void progress_over(const struct progress_event *e, const char *plain);
// A name stands in a registry.
void progress_tagged(const char *name, const char *digest, int64_t size, const char *plain);
// A printable line, above what is live; hint may be NULL.
void progress_say(enum progress_kind kind, const char *text, const char *hint);
// Lines for PROGRESS_REPORT, shown when closed.
FILE *progress_report(void);
// The table so far gets no wider than the terminal, if that is where it goes.
void progress_report_cut(FILE *f);
void progress_report_close(FILE **f);
// Nothing is live any more, and what was is taken back.
void progress_end(void);
