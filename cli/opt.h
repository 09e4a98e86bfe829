// One option table a command drives parsing, --help, completion and the check of the man pages.
#pragma once
#include <stdio.h>

#include "base/err.h"

enum opt_kind {
	OPT_FLAG,    // bool; --no-NAME is understood where the name is in the table as well
	OPT_COUNT,   // int, one more each time (-v -v)
	OPT_TEXT,    // const char *
	OPT_NUMBER,  // int64_t, decimal, within min and max
	OPT_SIZE,    // uint64_t bytes: 2MiB, 500kB, 10M (10⁶), 1GiB
	OPT_CHOICE,  // const char *: one of `choices`
	OPT_TEXTS,   // struct strings, repeatable
};

struct opt {
	const char *name;  // "sysroot", without dashes
	char letter;       // 0: none
	enum opt_kind kind;
	size_t offset;     // of the value in the command's args struct
	const char *value; // what --help calls the value: "[PLATFORM=]SRC"; NULL for flags
	const char *help;  // one line
	const char *choices; // "gzip|zstd|none" of OPT_CHOICE; OPT_TEXT may list words for completion
	int64_t min, max;  // of OPT_NUMBER
};

struct command {
	const char *name;     // "build"; "index create" for one of two words
	const char *synopsis; // "[OPTIONS] PATH..."
	const char *summary;  // one line for imgmin help
	const char *details;  // paragraphs for --help; NULL: none
	const struct opt *opts; // ends with name NULL; the options of every command come on top
	size_t args_size;
	size_t positional_offset; // struct strings in args
	size_t min_positional, max_positional; // max 0: none allowed; SIZE_MAX: any number
	// Runs with parsed args; the result decides the exit status.
	struct err *(*run)(void *args);
};

// Every command's options: progress, quiet, verbose, color, help.
struct common_args {
	const char *progress, *color;
	bool quiet;
	int verbose;
};
extern const struct opt common_opts[];

// Parses argv (without the program's and the command's name) into args; strings are those of argv or
// live in the arena. "--opt VALUE", "--opt=VALUE", "-o VALUE", "-oVALUE", "-qv", "--" ends options.
// Unknown options: ERR_USAGE with the nearest known one as hint. *help is set where --help or -h
// was given; then nothing else is checked.
must_check struct err *opt_parse(const struct command *c, int argc, char **argv, struct arena *a,
	void *args, struct common_args *common, bool *help);
// --help of one command, and of imgmin itself, wrapped for `columns`.
void opt_help(FILE *out, const struct command *c, int columns);
void opt_help_all(FILE *out, const struct command *const *commands, int columns);
// All options of all commands, one a line, tab-separated: command, --name, -x, value, choices, help.
// What completion scripts and the man page check are made from.
void opt_table(FILE *out, const struct command *const *commands);
