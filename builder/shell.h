// Shell scripts, as far as they say which programs they start.
#pragma once
#include "base/mem.h"
#include "base/span.h"

struct shell_commands {
	// Words in simple command position (POSIX XCU 2.9.1), each once, in order: literal names
	// and paths, no builtins, keywords, functions or aliases of the script. Those behind exec,
	// command, env, nohup, nice, time, sudo, xargs and their options too.
	struct strings names;
	struct strings unknown; // words there that expand to something: "$EDITOR"
	struct strings sourced; // literal operands of "." and "source"
};

// Reads POSIX sh and what of bash and busybox ash is common (functions, [[ ]], <( ),
// here-documents, arithmetic, case, nested substitutions). Never fails: what cannot be followed
// ends the reading, and *broken says where ("line 12: a quote is not closed"; NULL: read to the
// end). At most 1 MiB is read.
void shell_read(struct span text, struct arena *a, struct shell_commands *out, const char **broken);
