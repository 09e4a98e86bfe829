#include "cli/show.h"

#include <stdio.h>

void show_warning(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	drop(mem_drop) char *text = str_vprintf(fmt, ap);
	va_end(ap);
	fprintf(stderr, "imgmin: warning: %s\n", text);
}

void show_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	drop(mem_drop) char *text = str_vprintf(fmt, ap);
	va_end(ap);
	fprintf(stderr, "imgmin: %s\n", text);
}

void show_problems(const char *program, const struct closure *c, bool warnings_too)
{
	for (size_t i = 0; warnings_too && i < c->notes.len; i++)
		show_warning("%s: %s", program, c->notes.at[i]);
	size_t stopping = 0;

	vec_each (p, &c->problems)
		stopping += !p->is_warning;
	vec_each (p, &c->problems) {
		if (p->is_warning && !warnings_too)
			continue;
		// One alone is what the final error says; here it would stand twice.
		if (!p->is_warning && stopping == 1 && !p->searched.len)
			continue;
		fprintf(stderr, "imgmin: %s: %s: %s\n", p->is_warning ? "warning" : "problem",
			program, p->text);
		for (size_t i = 0; i < p->searched.len; i++)
			fprintf(stderr, "  searched %s\n", p->searched.at[i]);
	}
}
