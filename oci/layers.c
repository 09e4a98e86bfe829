#include "oci/layers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compress.h"
#include "base/root_impl.h"
#include "base/sink.h"
#include "oci/layer_tree.h"

#define PLAIN_MAX (UINT64_C(64) << 30)
#define ENTRIES_MAX 2000000u
#define LAYERS_MAX 1000u

struct layers_root {
	struct root root;
	struct layers *layers;
};

struct layers {
	struct arena arena;
	const char *name;
	int spool;          // all layers' plain tars, one after the other
	uint64_t spooled;   // bytes in it
	uint64_t plain_max; // of them
	struct layer_tree tree;
	struct layer_facts *facts;
	size_t nfacts;
	struct layered_file *files; // made when they are asked for
	size_t nfiles;
	struct root *root;
};

// Streams one layer: size and digest checked, decompressed, hashed, spooled.
static struct err *spool_layer(
	struct layers *l, struct transport *t, const struct descriptor *d, struct layer_facts *f)
{
	drop(decompressor_drop) struct decompressor *plain = NULL;
	struct fd_sink to;
	struct hasher h;

	fd_sink_init(&to, l->spool, "temporary file");
	hasher_init(&h, &to.sink);
	TRY(decompress_open(&h.sink, l->plain_max - l->spooled, &plain));
	TRY(transport_get(t, d, decompressor_sink(plain)));
	TRY(sink_finish(decompressor_sink(plain)));
	f->raw_size = h.size;
	f->diff_id = hasher_digest(&h);
	f->descriptor = *d;
	return NULL;
}

static struct err *index_layer(struct layers *l, const char *diff_id, size_t number)
{
	const struct layer_facts *f = &l->facts[number];

	if (strcmp(f->diff_id.text, diff_id))
		return err_new(ERR_FAILED, "its diff_id is %s, the config says %s", f->diff_id.text,
			diff_id);
	TRY(layer_tree_add(
		&l->tree, l->spool, l->spooled, f->raw_size, (unsigned)number, "its tar"));
	l->spooled += f->raw_size;
	return NULL;
}

static struct err *read_layers(struct layers *l, struct transport *t, const struct manifest *m,
	const struct image_config *c)
{
	const struct descriptor *d = m->layers.at;
	const struct strings *ids = &c->rootfs.diff_ids;

	if (m->layers.len != ids->len)
		return err_new(ERR_FAILED,
			"%s: the manifest has %zu layers, the config %zu diff_ids", t->name,
			m->layers.len, ids->len);
	if (m->layers.len > LAYERS_MAX)
		return err_new(ERR_FAILED, "%s: more than %u layers", t->name, LAYERS_MAX);
	l->nfacts = m->layers.len;
	l->facts = arena_alloc(&l->arena, (l->nfacts + 1) * sizeof(*l->facts));
	TRY(spool_open(&l->spool));
	for (size_t i = 0; i < l->nfacts; i++) {
		TRY_AS(spool_layer(l, t, &d[i], &l->facts[i]), "layer %s", d[i].digest);
		TRY_AS(index_layer(l, ids->at[i], i), "%s: layer %s", t->name, d[i].digest);
	}
	return NULL;
}

static const struct tree_node *node_at(struct root *r, const char *path, int *error)
{
	return layer_tree_find(&((struct layers_root *)r)->layers->tree, path, error);
}

static int layers_lstat(struct root *r, const char *path, struct node *out)
{
	int error = 0;
	const struct tree_node *n = node_at(r, path, &error);

	if (n)
		*out = tree_node_facts(n);
	return error;
}

static struct err *layers_open_file(struct root *r, const char *path, struct file **out)
{
	struct layers *l = ((struct layers_root *)r)->layers;
	int error = 0;
	const struct tree_node *n = node_at(r, path, &error);

	if (!n)
		return err_sys(error, "%s: %s", r->name, path);
	if (!S_ISREG(n->mode))
		return err_new(ERR_FAILED, "%s: %s is not a regular file", r->name, path);
	*out = file_from_fd(l->spool, false, n->off, n->size, path);
	return NULL;
}

static struct err *layers_list(
	struct root *r, const char *path, struct arena *a, struct strings *names)
{
	int error = 0;
	const struct tree_node *n = node_at(r, path, &error);

	if (n && !S_ISDIR(n->mode))
		error = ENOTDIR;
	if (error)
		return err_sys(error, "%s: %s", r->name, path);
	tree_node_names(n, a, names);
	return NULL;
}

static struct err *layers_xattrs(
	struct root *r, const char *path, struct arena *a, struct xattrs *out)
{
	int error = 0;
	const struct tree_node *n = node_at(r, path, &error);

	if (!n)
		return err_sys(error, "%s: %s", r->name, path);
	for (size_t i = 0; n->xattrs && i < n->xattrs->len; i++)
		vec_push(a, out, n->xattrs->at[i]);
	return NULL;
}

static void layers_close(struct root *r)
{
	(void)r; // all of it is the layers'
}

static const struct root_ops ops = {
	.lstat = layers_lstat,
	.open = layers_open_file,
	.list = layers_list,
	.xattrs = layers_xattrs,
	.close = layers_close,
};

struct err *layers_open(struct transport *t, const struct manifest *m, const struct image_config *c,
	const struct layers_limits *limits, struct layers **out)
{
	drop(layers_drop) struct layers *l = mem_alloc(sizeof(*l));
	uint64_t entries = limits && limits->entries ? limits->entries : ENTRIES_MAX;

	l->spool = -1;
	l->name = arena_strdup(&l->arena, t->name);
	l->plain_max = limits && limits->plain_bytes ? limits->plain_bytes : PLAIN_MAX;
	layer_tree_init(&l->tree, entries);
	TRY(read_layers(l, t, m, c));
	struct layers_root *r = root_new(sizeof(*r), &ops, l->name);

	r->layers = l;
	l->root = &r->root;
	layer_tree_count(&l->tree, l->facts);
	*out = take(l);
	return NULL;
}

struct root *layers_root(struct layers *l)
{
	return l->root;
}

const struct layer_facts *layers_facts(const struct layers *l, size_t *n)
{
	*n = l->nfacts;
	return l->facts;
}

const struct layered_file *layers_files(const struct layers *l, size_t *n)
{
	struct layers *own = (struct layers *)l; // remembers the answer, nothing else

	if (!own->files)
		own->files = layer_tree_files(&own->tree, &own->arena, &own->nfiles);
	*n = own->nfiles;
	return own->files;
}

void layers_drop(struct layers **pl)
{
	struct layers *l = *pl;

	if (!l)
		return;
	root_drop(&l->root);
	fd_drop(&l->spool);
	layer_tree_drop(&l->tree);
	arena_drop(&l->arena);
	mem_drop(pl);
}
