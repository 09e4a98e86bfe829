// One option table a command drives parsing, --help, completion and the check of the man pages.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

enum opt_kind {
	OPT_FLAG,   // bool; where NAME and no-NAME are both in the table, each clears the other's
	OPT_COUNT,  // int, one more each time (-v -v)
	OPT_TEXT,   // const char *
	OPT_SECRET, // const char *; what stands in argv is overwritten, where ps would show it
	OPT_NUMBER, // int64_t, decimal, within min and max
	OPT_SIZE,   // uint64_t bytes: 2MiB, 500kB, 10M (10⁶), 1GiB
	OPT_CHOICE, // const char *: one of `choices`
	OPT_MAYBE,  // const char *: as OPT_CHOICE, but only as --NAME=VALUE; bare: the first
	OPT_TEXTS,  // struct strings, repeatable
};

struct opt {
	const char *name; // "sysroot", without dashes
	char letter;      // 0: none
	enum opt_kind kind;
	size_t offset;     // of the value in the command's args struct
	const char *value; // what --help calls the value: "[PLATFORM=]SRC"; NULL for flags
	const char *help;  // one line; NULL: hidden from --help and the table
	const char
		*choices; // "gzip|zstd|none" of OPT_CHOICE; OPT_TEXT may list words for completion
	int64_t min, max; // of OPT_NUMBER
};

// One row of a table; further members as designated initializers behind.
#define OPT(name_, letter_, kind_, offset_, value_, help_, ...)                                    \
	{                                                                                          \
		.name = (name_), .letter = (letter_), .kind = (kind_), .offset = (offset_),        \
		.value = (value_), .help = (help_), __VA_ARGS__                                    \
	}

// Every command's options. Zeroed but for progress and color, which main sets to "auto".
struct common_args {
	const char *progress; // auto, plain, json or none
	const char *color;    // auto, always or never
	bool quiet, help;
	int verbose;
};
extern const struct opt common_opts[];

struct command {
	const char *name;       // "build"; "index create" for one of two words
	const char *synopsis;   // "[OPTIONS] PATH..."
	const char *summary;    // one line for imgmin help
	const char *details;    // paragraphs for --help; NULL: none
	const struct opt *opts; // ends with name NULL; the options of every command come on top
	size_t args_size;
	const void *defaults;                  // args_size bytes that args begin as; NULL: zeros
	size_t positional_offset;              // struct strings in args
	size_t min_positional, max_positional; // max 0: none allowed; SIZE_MAX: any number
	// Lays something under the options, a project file: `given` is what argv alone says, args
	// begins as the defaults with given's words, and the options come on top. NULL: nothing.
	struct err *(*under)(const void *given, struct arena *a, void *args);
	// Runs with parsed args; the result decides the exit status.
	struct err *(*run)(void *args, const struct common_args *common);
};

// Parses argv (without the program's and the command's name) into args, which gets the command's
// defaults first; strings are those of argv or live in the arena. "--opt VALUE", "--opt=VALUE",
// "-o VALUE", "-oVALUE", "-qv", "--" ends options. Wrong use: ERR_USAGE with the nearest known
// option as hint. Where --help or -h was given common->help is set and nothing else is checked.
must_check struct err *opt_parse(const struct command *c, int argc, char **argv, struct arena *a,
	void *args, struct common_args *common);
// The common options that stand before the command; *used is how many of argv they take. Ends at
// --version, which is not an option but a command in disguise.
must_check struct err *opt_parse_common(
	int argc, char **argv, struct common_args *common, int *used);
// One option's value into args as the command line would do it, said elsewhere: `typed` is how
// errors call it. value NULL: a flag, or OPT_MAYBE without a value.
must_check struct err *opt_set(const struct opt *table, const struct opt *o, const char *typed,
	const char *value, struct arena *a, void *args);
// The row of that name, NULL where there is none.
const struct opt *opt_find(const struct opt *table, const char *name);
// The nearest of the words to what was typed, NULL where none is near.
const char *opt_nearest(const char *typed, const char *const *words, size_t n);
// --help of one command, and of imgmin itself, wrapped for `columns`.
void opt_help(FILE *out, const struct command *c, int columns);
void opt_help_all(FILE *out, const struct command *const *commands, int columns);
// All options of all commands, one a line, tab-separated: command ("*": every command's, "imgmin":
// the program's own), --name, -x, value, choices, help. What completion scripts and the man page
// check are made from.
void opt_table(FILE *out, const struct command *const *commands);
