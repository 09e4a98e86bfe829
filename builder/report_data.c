// What the report says of runtime data: what came and why, and what did not.
#include <string.h>

#include "base/map.h"
#include "builder/report.h"

static const char *cost(const struct data_need *n, char size[16])
{
	return n->bytes ? size_text(n->bytes, size) : "nothing";
}

static void report_need(FILE *out, const struct data_need *n)
{
	char size[16];

	if (n->is_included) {
		fprintf(out, "data %s: %s, %s", n->name, cost(n, size), n->reason);
		if (!strcmp(n->source, "built in"))
			fputs(", built in", out);
		fputc('\n', out);
	} else if (n->is_refused) {
		fprintf(out, "without %s: %s; %s\n", n->name, cost(n, size), n->reason);
	} else {
		fprintf(out, "not taken: %s, %s: %s; --with %s takes it\n", n->name, cost(n, size),
			n->reason, n->name);
	}
}

// ---- what was asked for, or is called by a script ----

struct group {
	const char *reason;
	uint64_t bytes;
	size_t files;
};
struct groups {
	struct group *at;
	size_t len, cap;
};

// Reasons that speak of an option, a run or a script, not of one file alone.
static bool is_of_group(const char *reason)
{
	static const char *const starts[] = {"--keep ", "--include ", "--add ", "used in ",
		"called by ", "the standard library"};

	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		if (strncmp(reason, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

static struct groups groups_of(const struct built_image *image, struct arena *a)
{
	struct groups groups = {0};
	struct map known = {0};
	size_t n;
	struct tree_entry *const *all = tree_entries(image->assembly.tree, &n);

	for (size_t i = 0; i < n; i++) {
		const char *reason = all[i]->reason;

		if (!S_ISREG(all[i]->entry.mode) || !is_of_group(reason))
			continue;
		void **at = map_at(&known, a, reason);

		if (!*at) {
			vec_push(a, &groups, (struct group){.reason = reason});
			*at = (void *)groups.len;
		}
		struct group *g = &groups.at[(size_t)*at - 1];

		g->files++;
		g->bytes += all[i]->entry.size;
	}
	return groups;
}

static void report_groups(FILE *out, const struct built_image *image)
{
	drop(arena_drop) struct arena a = {0};
	struct groups groups = groups_of(image, &a);
	char size[16];

	vec_each (g, &groups)
		fprintf(out, "%s: %s, %zu file%s\n", text_printable(g->reason, &a),
			size_text(g->bytes, size), g->files, g->files == 1 ? "" : "s");
}

void report_data(FILE *out, const struct built_image *image)
{
	report_groups(out, image);
	vec_each (n, &image->assembly.data)
		if (n->is_included)
			report_need(out, n);
	vec_each (n, &image->assembly.data)
		// Each of these libraries was told when its program was resolved.
		if (!n->is_included && strcmp(n->name, "dlopen") != 0)
			report_need(out, n);
}
