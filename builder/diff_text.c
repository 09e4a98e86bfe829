// imgmin diff for people.
#include <stdlib.h>
#include <string.h>

#include "builder/diff.h"
#include "builder/report.h"

static const char *const kind_words[] = {"added", "removed", "changed", "changed"};

static uint64_t weight(const struct change *c)
{
	return c->old_size > c->new_size ? c->old_size - c->new_size : c->new_size - c->old_size;
}

// What changes most bytes, then by path: the list comes in that order.
static int heaviest_first(const void *x, const void *y)
{
	const struct change *a = *(const struct change *const *)x;
	const struct change *b = *(const struct change *const *)y;

	if (weight(a) != weight(b))
		return weight(a) > weight(b) ? -1 : 1;
	return strcmp(a->path, b->path);
}

static void print_change(FILE *out, const struct change *c, struct arena *a)
{
	char x[16], y[16];
	const char *sizes = "";

	if (c->kind == CHANGE_CONTENT)
		sizes = arena_printf(
			a, "%s → %s", size_text(c->old_size, x), size_text(c->new_size, y));
	else if (c->old_size || c->new_size)
		sizes = arena_printf(a, "%s",
			size_text(c->kind == CHANGE_REMOVED ? c->old_size : c->new_size, x));
	// An arrow is three bytes and one column.
	fprintf(out, "  %-7s  %*s  %s", kind_words[c->kind],
		c->kind == CHANGE_CONTENT ? 21 + 2 : 21, sizes, text_printable(c->path, a));
	if (c->what)
		fprintf(out, "  (%s)", text_printable(c->what, a));
	fputc('\n', out);
}

// "2 files added (12.0 kB), 1 changed"
static void print_sums(FILE *out, const struct diff_platform *p)
{
	size_t n[3] = {0};
	uint64_t before = 0, after = 0;
	char size[16];

	vec_each (c, &p->changes) {
		n[c->kind == CHANGE_META ? CHANGE_CONTENT : c->kind]++;
		before += c->old_size;
		after += c->new_size;
	}
	fprintf(out, "  files: %zu added, %zu removed, %zu changed; %s%s raw\n", n[CHANGE_ADDED],
		n[CHANGE_REMOVED], n[CHANGE_CONTENT], after < before ? "-" : "+",
		size_text(after < before ? before - after : after - before, size));
}

static void print_files(FILE *out, const struct diff_platform *p, struct arena *a)
{
	drop(mem_drop) const struct change **rows = mem_alloc(p->changes.len * sizeof(*rows) + 1);

	for (size_t i = 0; i < p->changes.len; i++)
		rows[i] = &p->changes.at[i];
	qsort(rows, p->changes.len, sizeof(*rows), heaviest_first);
	for (size_t i = 0; i < p->changes.len; i++)
		print_change(out, rows[i], a);
	if (p->changes.len)
		print_sums(out, p);
}

static const char *of_layers(size_t n, size_t all, struct arena *a)
{
	return arena_printf(a, "%zu of %zu layer%s", n, all, all == 1 ? "" : "s");
}

static void print_download(FILE *out, const struct diff_platform *p, struct arena *a)
{
	const size_t all = p->layers_new + p->layers_shared;
	char size[16];

	if (p->only_a)
		return;
	fprintf(out, "  a device that holds A downloads %s for B (%s)\n",
		size_text(p->download, size), of_layers(p->layers_new, all, a));
	if (p->layers_again)
		fprintf(out,
			"  and %s more (%s) where it reuses layers only above equal ones, as Docker's "
			"graph drivers and balena do\n",
			size_text(p->fetched_again, size), of_layers(p->layers_again, all, a));
}

static void print_platform(FILE *out, const struct diff_platform *p, struct arena *a)
{
	fprintf(out, "\n%s\n", text_printable(p->platform, a));
	if (p->only_a)
		fputs("  only in A\n", out);
	else if (p->only_b)
		fputs("  only in B\n", out);
	else if (!p->changes.len && !p->config.len)
		fputs("  no difference in files and config\n", out);
	print_files(out, p, a);
	for (size_t i = 0; i < p->config.len; i++)
		fprintf(out, "  config   %s\n", text_printable(p->config.at[i], a));
	print_download(out, p, a);
}

void diff_text(FILE *out, const struct diff *d)
{
	drop(arena_drop) struct arena a = {0};

	fprintf(out, "A: %s\nB: %s\n", text_printable(d->a, &a), text_printable(d->b, &a));
	vec_each (p, &d->platforms)
		print_platform(out, p, &a);
}
