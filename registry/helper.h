// Credential helpers: programs docker-credential-NAME that speak JSON on stdin and stdout
// (github.com/docker/docker-credential-helpers).
#pragma once
#include <stdbool.h>

#include "base/sink.h"

// Runs `docker-credential-NAME VERB` with input on stdin, without a shell. Its answer, at most
// 64 KiB, goes to out. *found is false where it says that it has no such credentials. Errors
// (missing, failing, slower than 15 seconds, too much output) never quote what it said.
must_check struct err *helper_run(
	const char *name, const char *verb, const char *input, struct buffer *out, bool *found);
