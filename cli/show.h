// What several commands print alike: problems of a program, and warnings.
#pragma once
#include "ldd/closure.h"

// "imgmin: error: …" and the hint, if there is one, on stderr, a printable line each.
void show_error(const struct err *e);
// "imgmin: warning: …" on stderr.
void show_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
// "imgmin: …": worth knowing, and nothing is wrong.
void show_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
// The same, because -v asked.
void show_detail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
// The problems of a program on stderr, each with every place that was searched, and the warnings.
// What the exit status will be of is told by closure_error.
void show_problems(const char *program, const struct closure *c);
