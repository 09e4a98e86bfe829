// Errors are returned values: NULL is success, anything else says what failed, why, and what to do.
#pragma once
#include "base/mem.h"

// What kind of failure it is; the number is the exit status that cli.md promises.
enum err_kind {
	ERR_FAILED = 1,   // I/O, a bad image, anything internal
	ERR_USAGE = 2,    // wrong usage
	ERR_NO_START = 3, // the program would not start
	ERR_POLICY = 4,   // a policy said no
	ERR_AUTH = 5,     // not authorised
	ERR_NETWORK = 6,  // network or registry
};

struct err;

#define must_check __attribute__((warn_unused_result))

// One line, no full stop.
must_check never_null struct err *err_new(enum err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
// «text: strerror(number)», of kind ERR_FAILED.
must_check never_null struct err *err_sys(int number, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
// «text: cause»; kind, errno and hint stay those of the cause, which is taken over.
must_check never_null struct err *err_wrap(struct err *cause, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
// The same error with the line that tells the user what to do next; an earlier hint stays.
must_check never_null struct err *err_hint(struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
// The same error as one of that errno: a registry's 404 is ENOENT.
must_check never_null struct err *err_as(struct err *e, int number);

enum err_kind err_kind(const struct err *e);
// The errno behind it, 0 where there was none.
int err_number(const struct err *e);
// The whole line, owned by the error.
const char *err_text(const struct err *e);
// NULL where there is none.
const char *err_hint_text(const struct err *e);
void err_drop(struct err **e);

#define TRY(call)                                                                                  \
	do {                                                                                       \
		struct err *err_ = (call);                                                         \
		if (err_)                                                                          \
			return err_;                                                               \
	} while (0)
#define TRY_AS(call, ...)                                                                          \
	do {                                                                                       \
		struct err *err_ = (call);                                                         \
		if (err_)                                                                          \
			return err_wrap(err_, __VA_ARGS__);                                        \
	} while (0)
