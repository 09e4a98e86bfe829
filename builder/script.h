// The first bytes of a file, which decide how execve(2) starts it.
#pragma once
#include "base/root.h"

#define SCRIPTS_MAX 4 // interpreters that are scripts again (fs/exec.c exec_binprm)

struct script {
	bool is_elf, is_script;
	const char *interpreter; // of a script: the word behind "#!"; NULL: none
	const char *argument;    // all that follows it, as one word; NULL: nothing
};

// Looks at as many bytes as the kernel does (BINPRM_BUF_SIZE, fs/binfmt_script.c). path is
// canonical.
must_check struct err *script_read(
	struct root *r, const char *path, struct arena *a, struct script *out);

// The word that env(1) is told to look for in PATH, where it is the interpreter ("-S python3 -u" →
// "python3"); else NULL.
const char *script_env_word(const struct script *s, struct arena *a);
