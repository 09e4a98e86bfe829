#include "cli/show.h"

void show_warning(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	drop(mem_drop) char *text = str_vprintf(fmt, ap);
	va_end(ap);
	fprintf(stderr, "imgmin: warning: %s\n", text);
}

static void show_one(const char *program, const struct problem *p)
{
	fprintf(stderr, "imgmin: %s: %s: %s\n", p->is_warning ? "warning" : "problem", program,
		p->text);
	for (size_t i = 0; i < p->searched.len; i++)
		fprintf(stderr, "  searched %s\n", p->searched.at[i]);
}

struct err *show_problems(const char *program, const struct closure *c, bool warnings_too)
{
	const struct problem *first = NULL;
	size_t n = 0;

	for (size_t i = 0; warnings_too && i < c->notes.len; i++)
		show_warning("%s: %s", program, c->notes.at[i]);
	vec_each (p, &c->problems) {
		if (p->is_warning && !warnings_too)
			continue;
		if (p->is_warning || p->searched.len || n)
			show_one(program, p);
		if (p->is_warning)
			continue;
		if (!first)
			first = p;
		n++;
	}
	if (!first)
		return NULL;
	struct err *e = n == 1
		? err_new(ERR_NO_START, "%s would not start: %s", program, first->text)
		: err_new(ERR_NO_START, "%s would not start: %s (and %zu more)", program,
			  first->text, n - 1);

	return first->hint ? err_hint(e, "%s", first->hint) : e;
}
