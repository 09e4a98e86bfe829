// What a command has to show, whole or not at all.
#pragma once
#include <stdio.h>

#include "base/err.h"

// "text", "json" or "html": what was given, else (NULL) what the file's name ends in, else text.
const char *output_format(const char *given, const char *path);

// Calls write(context, out) and hands over what it wrote to the file at `path`, to stdout where
// that is NULL or "-". Where write fails, or the bytes find no room, nothing of it appears.
must_check struct err *output_whole(
	const char *path, struct err *(*write)(void *context, FILE *out), void *context);
