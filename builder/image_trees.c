#include "builder/image_trees.h"

#include <stdlib.h>
#include <string.h>

struct image_trees {
	struct arena arena;
	struct places *places;
	const char *word;
	struct transport *transport; // NULL: not asked yet
	const char *name;            // for messages, without the digest
	vec(struct image_tree) trees;
};

struct err *image_trees_new(struct places *places, const char *word, struct image_trees **out)
{
	struct image_trees *t = mem_alloc(sizeof(*t));
	struct err *e;

	t->places = places;
	t->word = arena_strdup(&t->arena, word);
	e = place_claim_creds(places, word, false, &t->arena);
	if (e)
		image_trees_drop(&t);
	*out = t;
	return e;
}

void image_trees_drop(struct image_trees **pt)
{
	struct image_trees *t = *pt;

	if (!t)
		return;
	vec_each (tree, &t->trees)
		layers_drop(&tree->layers);
	transport_drop(&t->transport);
	arena_drop(&t->arena);
	mem_drop(pt);
}

// ---- what there is ----

// The platform of a single manifest stands in its config only.
static struct err *add_tree(struct image_trees *t, const struct descriptor *d)
{
	struct platform p = platform_of(&d->platform);

	if (descriptor_is_attestation(d))
		return NULL;
	if (!p.arch[0]) {
		struct image image;

		TRY(image_read(t->transport, d, &t->arena, &image));
		if (image.is_artifact)
			return NULL;
		p = image.platform;
	}
	vec_push(&t->arena, &t->trees, (struct image_tree){.descriptor = *d, .platform = p});
	return NULL;
}

static struct err *ask_image(struct image_trees *t)
{
	struct descriptors manifests;
	struct named_image found;
	const char *name;

	TRY(place_open(t->places, t->word, &t->arena, &t->transport, &name));
	TRY(place_find(t->transport, name, &t->arena, &found));
	TRY(image_manifests(t->transport, &found.descriptor, &t->arena, &manifests));
	vec_each (d, &manifests)
		TRY(add_tree(t, d));
	t->name = t->transport->name;
	return NULL;
}

static struct err *ask_once(struct image_trees *t)
{
	struct err *e = t->transport ? NULL : ask_image(t);

	if (!e)
		return NULL;
	transport_drop(&t->transport);
	t->trees.len = 0;
	return place_wrap(e, t->word);
}

struct image_tree *image_trees_known(struct image_trees *t, size_t *n)
{
	*n = t->trees.len;
	return t->trees.at;
}

struct err *image_trees_all(struct image_trees *t, struct image_tree **out, size_t *n)
{
	TRY(ask_once(t));
	*out = t->trees.at;
	*n = t->trees.len;
	return NULL;
}

const char *image_trees_platforms(struct image_trees *t)
{
	const char *all = "";
	char text[PLATFORM_TEXT];

	vec_each (tree, &t->trees)
		all = arena_printf(&t->arena, "%s%s%s", all, *all ? ", " : "",
			platform_text(&tree->platform, text));
	return *all ? all : "no platform";
}

// ---- which of them ----

struct wish {
	const struct platform *platform;
	bool is_soft;
};

// The lower the sooner: what runs on the program's platform from the highest variant down, then the
// rest from the lowest up. Debian's v5 (armel) is software floating point, which is told by itself:
// its libraries fit no other program.
static int rank(const struct image_tree *tree, const struct wish *w)
{
	const int level = platform_level(&tree->platform);

	if (w->is_soft)
		return level;
	if (strcmp(tree->platform.arch, "arm") == 0 && level == 5)
		return 1000;
	return platform_runs(w->platform, &tree->platform) ? -level : 100 + level;
}

static int compare_trees(const void *x, const void *y, void *arg)
{
	const struct image_tree *a = *(struct image_tree *const *)x;
	const struct image_tree *b = *(struct image_tree *const *)y;
	const int order = rank(a, arg) - rank(b, arg);

	return order ? order : a < b ? -1 : a > b; // the index's order
}

static bool is_machine(const struct platform *a, const struct platform *b)
{
	return strcmp(a->os, b->os) == 0 && strcmp(a->arch, b->arch) == 0;
}

static struct err *nothing_for(struct image_trees *t, const struct platform *p)
{
	char text[PLATFORM_TEXT];
	struct err *e = err_new(ERR_NO_START, "sysroot %s: it holds nothing for %s", t->name,
		platform_text(p, text));
	const char *there = image_trees_platforms(t);

	if (t->trees.len != 1)
		return err_hint(e, "it holds %s", there);
	// docker import calls everything this machine's.
	return err_hint(e, "it holds %s; if it only calls itself that, --sysroot %s=%s", there,
		text, t->word);
}

struct err *image_trees_for(struct image_trees *t, const struct platform *p, bool is_soft,
	bool is_sure, struct image_tree ***out, size_t *n)
{
	struct wish wish = {p, is_soft};

	TRY(ask_once(t));
	*out = arena_alloc(&t->arena, (t->trees.len + 1) * sizeof(**out));
	*n = 0;
	vec_each (tree, &t->trees)
		if (is_machine(&tree->platform, p) || (is_sure && t->trees.len == 1))
			(*out)[(*n)++] = tree;
	qsort_r(*out, *n, sizeof(**out), compare_trees, &wish);
	if (*n)
		return NULL;
	return nothing_for(t, p);
}

// ---- its files ----

static struct err *read_tree(struct image_trees *t, struct image_tree *tree)
{
	struct layers_options o = {0};
	struct image image;

	tree->sysroot.place = image_shown(t->name, tree->descriptor.digest, &t->arena);
	TRY(places_reading(t->places, &t->arena, &o));
	TRY(image_read(t->transport, &tree->descriptor, &t->arena, &image));
	if (image.is_artifact)
		return err_new(ERR_FAILED, "%s is no image that starts", tree->sysroot.place);
	TRY(layers_open(t->transport, &image.manifest, &image.config, &o, &tree->layers));
	tree->sysroot.root = layers_root(tree->layers);
	tree->sysroot.is_image = true;
	tree->sysroot.told = tree->sysroot.place; // a tag may mean another one tomorrow
	return NULL;
}

struct err *image_tree_read(struct image_trees *t, struct image_tree *tree)
{
	return tree->layers ? NULL : place_wrap(read_tree(t, tree), t->word);
}
