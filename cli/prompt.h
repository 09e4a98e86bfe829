// Questions on the terminal.
#pragma once
#include <stdbool.h>

#include "base/err.h"

// A line from the terminal, without its end; what is typed shows only where `shown`. ERR_USAGE
// where there is no terminal.
must_check struct err *prompt(const char *question, bool shown, struct arena *a, const char **out);
