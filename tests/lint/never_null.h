// What clang's analyser learns before it reads a file: these functions never return NULL. Its
// version 14 does not take never_null's word for it. No function says so here, since what is called
// too deep is not looked into.
#pragma once
#include "base/err.h"

#define is_there_(call)                                                                            \
	({                                                                                         \
		struct err *there_ = (call);                                                       \
		if (!there_)                                                                       \
			__builtin_unreachable();                                                   \
		there_;                                                                            \
	})

#define err_new(...) is_there_(err_new(__VA_ARGS__))
#define err_sys(...) is_there_(err_sys(__VA_ARGS__))
#define err_wrap(...) is_there_(err_wrap(__VA_ARGS__))
#define err_hint(...) is_there_(err_hint(__VA_ARGS__))
#define err_as(...) is_there_(err_as(__VA_ARGS__))
