// Which file goes into which layer. Engines reuse a layer only where everything under it is equal,
// so what changes least lies at the bottom.
#include <string.h>

#include "base/map.h"
#include "builder/build.h"

#define LAYERS_MAX 100 // Docker refuses more than about 125

static struct built_layer *new_layer(struct built_image *image, const char *title, struct arena *a)
{
	struct built_layer *l = vec_add(a, &image->layers);

	l->title = title;
	return l;
}

struct picked {
	const struct tree_entry **at;
	size_t len, cap;
};

// Hard links of one file share its bytes where they are in one layer.
static void link_doubles(struct built_layer *l, struct arena *a)
{
	struct map first = {0};

	for (size_t i = 0; i < l->n; i++) {
		struct tree_entry *e = (struct tree_entry *)l->entries[i];

		if (!e->ino)
			continue;
		void **known =
			map_at(&first, a, arena_printf(a, "%llu", (unsigned long long)e->ino));

		if (*known)
			e->entry.hard_link = ((const struct tree_entry *)*known)->entry.path;
		else
			*known = e;
	}
}

static void keep(
	struct built_image *image, const char *title, const struct picked *p, struct arena *a)
{
	if (!p->len)
		return;
	struct built_layer *l = new_layer(image, title, a);

	l->entries = p->at;
	l->n = p->len;
	link_doubles(l, a);
}

static void split_stable(struct built_image *image, struct arena *a)
{
	size_t n;
	struct tree_entry *const *all = tree_entries(image->assembly.tree, &n);

	for (enum part part = 0; part < PART_COUNT; part++) {
		struct picked p = {0};

		for (size_t i = 0; i < n; i++)
			if (all[i]->part == part)
				vec_push(a, &p, all[i]);
		keep(image, part_text(part), &p, a);
	}
}

static void split_single(struct built_image *image, struct arena *a)
{
	size_t n;
	struct tree_entry *const *all = tree_entries(image->assembly.tree, &n);
	struct picked p = {0};

	for (size_t i = 0; i < n; i++)
		vec_push(a, &p, all[i]);
	keep(image, "all files", &p, a);
}

// Every regular file gets a layer, by part and then by path, until there would be too many: the
// rest shares the last. Directories and links come with the first file that follows them, those
// behind the last file with it.
static void split_by_file(struct built_image *image, struct arena *a)
{
	size_t n;
	struct tree_entry *const *all = tree_entries(image->assembly.tree, &n);
	struct picked p = {0};
	const char *title = "links and directories";

	for (enum part part = 0; part < PART_COUNT; part++) {
		for (size_t i = 0; i < n; i++) {
			if (all[i]->part != part)
				continue;
			bool is_file = S_ISREG(all[i]->entry.mode);

			vec_push(a, &p, all[i]);
			if (!is_file || image->layers.len == LAYERS_MAX - 1)
				continue;
			keep(image, all[i]->entry.path, &p, a);
			p = (struct picked){0};
		}
	}
	if (image->layers.len == LAYERS_MAX - 1)
		title = "all further files";
	keep(image, title, &p, a);
}

void layering_split(struct built_image *image, enum layering how, struct arena *a)
{
	switch (how) {
	case LAYERS_STABLE:
		split_stable(image, a);
		break;
	case LAYERS_SINGLE:
		split_single(image, a);
		break;
	case LAYERS_FILE:
		split_by_file(image, a);
		break;
	}
}
