// Between the parts of the sandbox.
#pragma once
#include "base/sandbox.h"

// The filter of system calls: 0, or an errno.
int sandbox_limit_calls(const struct sandbox *s);

// Starts the thread that sandbox_spawn works by, before there is a sandbox.
void sandbox_stand_outside(void);
bool sandbox_has_outside(void);
