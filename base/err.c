#include "base/err.h"

#include <stdlib.h>
#include <string.h>

struct err {
	enum err_kind kind;
	int number;
	char *text;
	char *hint;
};

struct err *err_new(enum err_kind kind, const char *fmt, ...)
{
	struct err *e = mem_alloc(sizeof(*e));
	va_list ap;

	va_start(ap, fmt);
	e->text = str_vprintf(fmt, ap);
	va_end(ap);
	e->kind = kind;
	return e;
}

struct err *err_sys(int number, const char *fmt, ...)
{
	struct err *e = mem_alloc(sizeof(*e));
	va_list ap;

	va_start(ap, fmt);
	drop(mem_drop) char *what = str_vprintf(fmt, ap);
	va_end(ap);
	e->text = str_printf("%s: %s", what, strerror(number));
	e->kind = ERR_FAILED;
	e->number = number;
	return e;
}

struct err *err_wrap(struct err *cause, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	drop(mem_drop) char *what = str_vprintf(fmt, ap);
	va_end(ap);
	drop(mem_drop) char *why = cause->text;

	cause->text = str_printf("%s: %s", what, why);
	return cause;
}

struct err *err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (e->hint)
		return e;
	va_start(ap, fmt);
	e->hint = str_vprintf(fmt, ap);
	va_end(ap);
	return e;
}

struct err *err_as(struct err *e, int number)
{
	e->number = number;
	return e;
}

enum err_kind err_kind(const struct err *e)
{
	return e->kind;
}

int err_number(const struct err *e)
{
	return e->number;
}

const char *err_text(const struct err *e)
{
	return e->text;
}

const char *err_hint_text(const struct err *e)
{
	return e->hint;
}

void err_drop(struct err **e)
{
	if (!*e)
		return;
	free((*e)->text);
	free((*e)->hint);
	mem_drop(e);
}
