#include "cli/progress_line.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/size.h"

// A longer line is harder to follow, and harder to take back when the window gets narrow.
enum { COLUMNS_MAX = 120, STATUS = 12, FIGURES = 19, RATE = 10, LEFT = 6 };

struct line {
	char *out;
	size_t n;
	int columns;
};

static bool is_utf8(void)
{
	return MB_CUR_MAX > 1;
}

static void put(struct line *l, const char *bytes, size_t n, int columns)
{
	if (n >= PROGRESS_LINE_MAX - l->n)
		return;
	memcpy(l->out + l->n, bytes, n);
	l->n += n;
	l->out[l->n] = '\0';
	l->columns += columns;
}

static void put_spaces(struct line *l, int n)
{
	while (n-- > 0)
		put(l, " ", 1, 1);
}

// The next character's bytes and columns; what is none in this locale is shown as "?".
static size_t next_char(const char **text, int *columns, const char **shown)
{
	mbstate_t state = {0};
	wchar_t c;
	size_t n = mbrtowc(&c, *text, MB_CUR_MAX, &state);
	const bool is_char = n && n <= MB_LEN_MAX;

	*columns = is_char ? wcwidth(c) : -1;
	*shown = *text;
	*text += is_char ? n : 1;
	if (*columns >= 0)
		return n;
	*columns = 1;
	*shown = "?";
	return 1;
}

static int width_of(const char *text)
{
	const char *shown;
	int all = 0, columns;

	while (*text) {
		next_char(&text, &columns, &shown);
		all += columns;
	}
	return all;
}

static void put_cut(struct line *l, const char *text, int columns)
{
	const char *dots = is_utf8() ? "…" : "..";
	const int room = columns - (is_utf8() ? 1 : 2);
	const bool is_cut = width_of(text) > columns;
	int taken = 0, width;

	if (columns < 3)
		return;
	while (*text) {
		const char *shown;
		const size_t n = next_char(&text, &width, &shown);

		// A heap of characters without a width must not eat the other fields' place.
		if (taken + width > (is_cut ? room : columns) || l->n > PROGRESS_LINE_MAX / 2)
			break;
		put(l, shown, n, width);
		taken += width;
	}
	if (is_cut)
		put(l, dots, strlen(dots), columns - room);
}

int progress_cut(const char *text, int columns, char *out)
{
	struct line l = {.out = out};

	*out = '\0';
	put_cut(&l, text, columns);
	return l.columns;
}

static void put_field(struct line *l, const char *text, int columns)
{
	put_spaces(l, columns - width_of(text));
	put_cut(l, text, columns);
}

static void put_bar(struct line *l, const struct progress_row *r, int columns)
{
	const char *full = is_utf8() ? "━" : "#", *empty = is_utf8() ? "─" : "-";
	int done = 0;

	if (r->figures || !r->total) {
		put_spaces(l, columns);
		return;
	}
	if (r->total)
		done = (int)((double)r->done / (double)r->total * columns);
	for (int i = 0; i < columns; i++) {
		const char *piece = i < done ? full : empty;

		put(l, piece, strlen(piece), 1);
	}
}

static void time_text(int64_t ms, bool with_tenths, char out[16])
{
	const long long s = (long long)ms / 1000;

	if (with_tenths && ms < 10000)
		snprintf(out, 16, "%.1fs", (double)ms / 1000);
	else if (s < 60)
		snprintf(out, 16, "%ds", (int)s);
	else if (s < 3600)
		snprintf(out, 16, "%dm%02ds", (int)(s / 60), (int)(s % 60));
	else if (s < 100 * 3600LL)
		snprintf(out, 16, "%dh%02dm", (int)(s / 3600), (int)(s / 60 % 60));
	else
		snprintf(out, 16, "days");
}

static void figures_text(const struct progress_row *r, char out[64])
{
	char done[16], total[16];

	if (r->figures)
		snprintf(out, 64, "%.60s", r->figures);
	else if (r->total)
		snprintf(out, 64, "%s / %s", size_text(r->done, done), size_text(r->total, total));
	else
		snprintf(out, 64, "%s", r->done ? size_text(r->done, done) : "");
}

static void rate_text(const struct progress_row *r, char out[32])
{
	char size[16];

	out[0] = '\0';
	if (r->rate)
		snprintf(out, 32, "%s/s", size_text(r->rate, size));
}

static void left_text(const struct progress_row *r, char out[16])
{
	out[0] = '\0';
	if (r->figures)
		time_text(r->took, true, out);
	else if (r->rate && r->total > r->done)
		time_text((int64_t)((double)(r->total - r->done) / (double)r->rate * 1000) + 999,
			false, out);
}

// Where there is hardly any room: the name and how much of it is done.
static void put_narrow(struct line *l, const struct progress_row *r, int columns)
{
	char percent[8] = "";

	if (r->figures)
		snprintf(percent, sizeof(percent), "done");
	else if (r->total)
		snprintf(percent, sizeof(percent), "%d%%",
			(int)((double)r->done / (double)r->total * 100));
	const int name = columns - 5;

	put_cut(l, r->name, name);
	put_spaces(l, name - l->columns);
	put_field(l, percent, columns < 5 ? columns : 5);
}

int progress_line(const struct progress_row *r, int columns, char *out)
{
	const int width = columns > COLUMNS_MAX ? COLUMNS_MAX : columns - 1;
	const int status = width >= 56 ? STATUS : 0, rate = width >= 70 ? RATE + 1 : 0;
	const int bar = width >= 100 ? 24 : width >= 78 ? 10 : 0;
	const int name = width - status - rate - (bar ? bar + 1 : 0) - FIGURES - LEFT - 2;
	char figures[64], rate_shown[32], left[16];
	struct line l = {.out = out};

	out[0] = '\0';
	if (name < 10) {
		put_narrow(&l, r, width);
		return l.columns;
	}
	figures_text(r, figures);
	rate_text(r, rate_shown);
	left_text(r, left);
	put_cut(&l, r->name, name);
	put_spaces(&l, name - l.columns);
	if (status) {
		put_spaces(&l, 1);
		put_cut(&l, r->status, status - 1);
		put_spaces(&l, name + status - l.columns);
	}
	if (bar) {
		put_spaces(&l, 1);
		put_bar(&l, r, bar);
	}
	put_spaces(&l, 1);
	put_field(&l, figures, FIGURES);
	if (rate) {
		put_spaces(&l, 1);
		put_field(&l, rate_shown, RATE);
	}
	put_spaces(&l, 1);
	put_field(&l, left, LEFT);
	while (l.n && out[l.n - 1] == ' ') {
		out[--l.n] = '\0';
		l.columns--;
	}
	return l.columns;
}
