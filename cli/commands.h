// All commands of the program, and how they are found by what was typed.
#pragma once
#include "cli/opt.h"

// In the order of help; NULL ends it.
extern const struct command *const commands[];

// The command that argv begins with; *used is how many words its name takes. None: ERR_USAGE with
// the nearest one as hint.
must_check struct err *command_find(
	int argc, char *const *argv, const struct command **out, int *used);

// Is it one of the commands of a word: "index create" of "index"?
bool command_is_of(const struct command *c, const char *group);
// The help of all commands of a word, blank lines between them; false: there are none.
bool command_print_group(FILE *out, const char *group);
// The help of one command, or of the program where c is NULL, as wide as the terminal behind out.
void command_print_help(FILE *out, const struct command *c);
