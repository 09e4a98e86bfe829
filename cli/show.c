#include "cli/show.h"

#include "builder/report.h"
#include "cli/progress.h"

void show_error(const struct err *e)
{
	drop(arena_drop) struct arena a = {0};

	const char *hint = err_hint_text(e);

	progress_say(PROGRESS_ERROR, text_printable(err_text(e), &a),
		hint ? text_printable(hint, &a) : NULL);
}

// One line, whatever bytes names of files hold.
static void show_line(enum progress_kind kind, const char *fmt, va_list ap)
{
	drop(arena_drop) struct arena a = {0};
	drop(mem_drop) char *text = str_vprintf(fmt, ap);

	progress_say(kind, text_printable(text, &a), NULL);
}

void show_warning(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	show_line(PROGRESS_WARNING, fmt, ap);
	va_end(ap);
}

void show_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	show_line(PROGRESS_NOTE, fmt, ap);
	va_end(ap);
}

void show_detail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	show_line(PROGRESS_DETAIL, fmt, ap);
	va_end(ap);
}

static void show_problem(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	show_line(PROGRESS_PROBLEM, fmt, ap);
	va_end(ap);
}

static void show_searched(const char *place)
{
	drop(arena_drop) struct arena a = {0};

	progress_say(PROGRESS_SEARCHED, text_printable(place, &a), NULL);
}

void show_problems(const char *program, const struct closure *c)
{
	for (size_t i = 0; i < c->notes.len; i++)
		show_warning("%s: %s", program, c->notes.at[i]);
	size_t stopping = 0;

	vec_each (p, &c->problems)
		stopping += !p->is_warning;
	vec_each (p, &c->problems) {
		// One alone is what the final error says; here it would stand twice.
		if (!p->is_warning && stopping == 1 && !p->searched.len)
			continue;
		show_problem("%s: %s: %s", p->is_warning ? "warning" : "problem", program, p->text);
		for (size_t i = 0; i < p->searched.len; i++)
			show_searched(p->searched.at[i]);
	}
}
