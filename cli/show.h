// What several commands print alike: problems of a program, and text made safe for a terminal.
#pragma once
#include <stdio.h>

#include "ldd/closure.h"

// Prints warnings and problems to stderr, with every place searched and the hints. Then the result
// is NULL if the program starts, else an error of kind ERR_NO_START that sums them up.
must_check struct err *show_problems(
	const char *program, const struct closure *c, bool warnings_too);
// "imgmin: warning: …" on stderr.
void show_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
