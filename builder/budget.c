#include "builder/budget.h"

#include <inttypes.h>
#include <string.h>

#include "base/size.h"
#include "builder/report.h"

void budget_see(struct budget *b, const char *path, uint64_t size)
{
	size_t at = 0;

	while (at < b->n && b->largest[at].size >= size)
		at++;
	if (at == BUDGET_SHOWN)
		return;
	if (b->n < BUDGET_SHOWN)
		b->n++;
	memmove(b->largest + at + 1, b->largest + at, (b->n - at - 1) * sizeof(*b->largest));
	b->largest[at] = (struct budget_file){path, size};
}

static const char *largest_text(const struct budget *b, struct arena *a)
{
	const char *all = "";
	char size[16];

	for (size_t i = 0; i < b->n; i++)
		all = arena_printf(a, "%s%s%s %s", all, i ? ", " : "",
			text_printable(b->largest[i].path, a), size_text(b->largest[i].size, size));
	return all;
}

struct err *budget_check(const struct budget *b, uint64_t size, uint64_t max)
{
	drop(arena_drop) struct arena a = {0};
	char is[16], may[16];
	struct err *e;

	if (!max || size <= max)
		return NULL;
	if (strcmp(size_text(size, is), size_text(max, may)) != 0)
		e = err_new(ERR_POLICY, "its layers have %s, --max-size allows %s", is, may);
	else
		e = err_new(ERR_POLICY,
			"its layers have %" PRIu64 " bytes, --max-size allows %" PRIu64, size, max);
	return b->n ? err_hint(e, "its largest files are %s", largest_text(b, &a)) : e;
}
