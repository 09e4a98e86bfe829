// What clang's analyser learns before it reads a file: these functions never return NULL. Its
// version 14 does not take never_null's word for it.
#pragma once
#include "base/err.h"

static inline void *is_there_(void *p)
{
	if (!p)
		__builtin_unreachable();
	return p;
}

#define err_new(...) ((struct err *)is_there_(err_new(__VA_ARGS__)))
#define err_sys(...) ((struct err *)is_there_(err_sys(__VA_ARGS__)))
#define err_wrap(...) ((struct err *)is_there_(err_wrap(__VA_ARGS__)))
#define err_hint(...) ((struct err *)is_there_(err_hint(__VA_ARGS__)))
#define err_as(...) ((struct err *)is_there_(err_as(__VA_ARGS__)))
