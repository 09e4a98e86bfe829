// A line of strace's log, taken apart: text only, nothing of what it means.
#pragma once
#include <stdbool.h>

#define TRACE_ARGS 6
#define TRACE_PID_LIMIT 4194304 // the kernel's PID_MAX_LIMIT; larger numbers are times

struct call {
	const char *name;
	char *args[TRACE_ARGS];
	long long result;
	char *annotation; // -y's path of the result, or NULL
};

// Behind "[pid 12<sh>] ", "12 ", times, "[ 59] " and "[00007f…] "; NULL where the line ends in it.
char *trace_skip_prefix(char *s, char pid[16], bool *has_pid);
// "openat(AT_FDCWD</usr>, "share", O_RDONLY) = 3</usr/share>"; cuts text into pieces.
bool trace_parse_call(char *text, struct call *c);
// At the "<" of -y's path: its ">", NULL for none.
char *trace_skip_annotation(char *s);
// Text up to the closing character, unescaped in place; NULL where a NUL is in it or no end.
char *trace_unquote(char *s, char close, char **after);
// A path among the arguments: NULL for none there, *lost where it is not to be read.
const char *trace_path_arg(char *arg, bool *lost);
