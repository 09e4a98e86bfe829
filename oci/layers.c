#include "oci/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compress.h"
#include "base/pool.h"
#include "base/root_impl.h"
#include "base/sink.h"
#include "oci/layer_tree.h"

#define PLAIN_MAX (UINT64_C(64) << 30)
#define ENTRIES_MAX 2000000u
#define LAYERS_MAX 1000u
#define RATIO_MAX 1100u // gzip reaches 1,032 with nothing but zeros
#define RATIO_FREE (UINT64_C(64) << 20)
#define FILES_OPEN_MAX 256u // for layers; processes may have 1024

struct layers_root {
	struct root root;
	struct layers *layers;
};

// Where the plain tar of a layer lies.
struct plain {
	struct blob tar;
	uint64_t at;        // its first byte, counted over all layers
	struct job *job;    // that hashes it; NULL: it was hashed on the way
	struct digest is;   // its digest
	const char *digest; // the descriptor's, for messages
};

struct layers {
	struct arena arena;
	const char *name;
	const struct layers_options *options; // while they are opened
	struct plain *plain;                  // one for each layer
	int spool;                            // of compressed layers, one after the other
	uint64_t spooled;                     // bytes in it
	int archive, archive_of;              // a descriptor that several layers lie in, and whose
	unsigned nfiles_open;
	uint64_t size, size_max; // of all plain tars
	uint64_t ratio_max;
	struct pool *pool;
	struct layer_tree tree;
	struct layer_facts *facts;
	size_t nfacts;
	struct layered_file *files; // made when they are asked for
	size_t nfiles;
	struct root *root;
};

// ---- a plain tar of each layer ----

static struct err *look_compressed(const struct blob *b, const char *digest, bool *is)
{
	unsigned char h[4] = {0};
	size_t got;

	TRY(fd_read_at(b->fd, h, sizeof(h), b->off, digest, &got));
	*is = got >= 2 && decompress_knows(h);
	return NULL;
}

static struct err *hash_plain(void *arg)
{
	struct plain *p = arg;
	struct hasher h;

	hasher_init(&h, NULL);
	TRY(sink_copy_fd(&h.sink, p->tar.fd, p->tar.off, p->tar.size, p->digest));
	p->is = hasher_digest(&h);
	return NULL;
}

// Layers of an archive share its descriptor; of a layout each has its own, and those are few.
static struct err *keep_open(struct layers *l, struct blob *b, struct plain *p)
{
	int fd = b->fd;

	if (!b->owned && (l->archive < 0 || l->archive_of != fd)) {
		fd = fcntl(b->fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			return err_sys(errno, "keep the layer open");
		l->nfiles_open++;
		if (l->archive < 0) {
			l->archive = fd;
			l->archive_of = b->fd;
		}
	} else if (!b->owned) {
		fd = l->archive;
	} else {
		l->nfiles_open++;
	}
	p->tar = (struct blob){.fd = fd, .off = b->off, .size = b->size};
	p->tar.owned = fd != l->archive;
	b->owned = false;
	return NULL;
}

// How much a layer of that size may come to.
static uint64_t plain_max(const struct layers *l, uint64_t size)
{
	const uint64_t left = l->size_max - l->size;
	uint64_t most;

	if (__builtin_mul_overflow(size, l->ratio_max, &most) || most > left)
		return left;
	return most > RATIO_FREE ? most : left < RATIO_FREE ? left : RATIO_FREE;
}

// Tells how far the reading of a layer is.
struct reading {
	struct sink sink;
	struct sink *next;
	const struct layers_options *o;
	const struct descriptor *d;
	uint64_t bytes;
};

static struct err *reading_write(struct sink *s, const void *bytes, size_t n)
{
	struct reading *r = (struct reading *)s;

	TRY(sink_write(r->next, bytes, n));
	r->bytes += n;
	if (r->o->progress)
		r->o->progress(r->o->progress_arg, r->d, r->bytes);
	return NULL;
}

// Decompressed into `to`, the hashes of both sides checked or known on the way.
static struct err *decompress_into(struct layers *l, struct transport *t,
	const struct descriptor *d, const struct blob *b, struct sink *to, struct plain *p)
{
	drop(decompressor_drop) struct decompressor *plain = NULL;
	struct hasher h;

	hasher_init(&h, to);
	TRY(decompress_open(&h.sink, plain_max(l, b->size), &plain));
	struct reading reading = {
		.sink.write = reading_write,
		.next = decompressor_sink(plain),
		.o = l->options,
		.d = d,
	};

	TRY(transport_get_opened(t, d, b, &reading.sink));
	TRY(sink_finish(decompressor_sink(plain)));
	p->tar.size = h.size;
	p->is = hasher_digest(&h);
	return NULL;
}

static struct err *spool_layer(struct layers *l, struct transport *t, const struct descriptor *d,
	const struct blob *b, struct plain *p)
{
	struct fd_sink to;

	if (l->spool < 0)
		TRY(spool_open(&l->spool));
	fd_sink_init(&to, l->spool, "temporary file");
	TRY(decompress_into(l, t, d, b, &to.sink, p));
	p->tar.fd = l->spool;
	p->tar.off = l->spooled;
	l->spooled += p->tar.size;
	return NULL;
}

static struct err *cache_layer(struct layers *l, struct transport *t, const struct descriptor *d,
	const struct blob *b, const struct digest *diff_id, struct plain *p)
{
	drop(cache_entry_drop) struct cache_entry *e = NULL;
	struct digest digest;

	TRY(cache_begin(l->options->cache, &e));
	TRY(decompress_into(l, t, d, b, cache_entry_sink(e), p));
	if (!digest_equal(&p->is, diff_id))
		return NULL; // not worth keeping: an error follows
	TRY(cache_commit(e, NULL, NULL, &digest, &p->tar));
	l->nfiles_open++;
	return NULL;
}

// A plain one stays where it is and is hashed while it is being indexed.
static struct err *take_stored(struct layers *l, struct transport *t, const struct descriptor *d,
	const struct digest *diff_id, struct plain *p)
{
	drop(blob_drop) struct blob b = {.fd = -1};

	TRY(transport_open(t, d, &b));
	if (d->size < 0 || b.size != (uint64_t)d->size)
		return err_new(ERR_FAILED, "it has %llu bytes, its descriptor says %lld",
			(unsigned long long)b.size, (long long)d->size);
	const bool may_stay_open = l->nfiles_open < FILES_OPEN_MAX;

	bool is_compressed;

	TRY(look_compressed(&b, d->digest, &is_compressed));
	if (!is_compressed && (may_stay_open || !b.owned)) {
		if (b.size > l->size_max - l->size)
			return err_new(ERR_FAILED, "with it the layers are larger than %llu bytes",
				(unsigned long long)l->size_max);
		TRY(keep_open(l, &b, p));
		p->job = pool_submit(l->pool, hash_plain, p);
		return NULL;
	}
	if (l->options->cache && diff_id && may_stay_open)
		return cache_layer(l, t, d, &b, diff_id, p);
	return spool_layer(l, t, d, &b, p);
}

static struct err *take_layer(struct layers *l, struct transport *t, const struct descriptor *d,
	const struct digest *diff_id, struct plain *p)
{
	bool found = false;

	p->digest = d->digest;
	if (l->options->cache && diff_id && l->nfiles_open < FILES_OPEN_MAX)
		TRY(cache_get(l->options->cache, diff_id, &p->tar, &found));
	if (!found || !diff_id)
		return take_stored(l, t, d, diff_id, p);
	l->nfiles_open++;
	p->is = *diff_id;
	if (p->tar.size > l->size_max - l->size)
		return err_new(ERR_FAILED, "with it the layers are larger than %llu bytes",
			(unsigned long long)l->size_max);
	return NULL;
}

// ---- all of them ----

static struct err *check_hash(struct plain *p, const struct descriptor *d, const char *diff_id)
{
	const bool was_stored_plain = p->job != NULL;

	if (was_stored_plain)
		TRY(job_wait(take(p->job)));
	if (was_stored_plain && strcmp(p->is.text, d->digest) != 0)
		return err_new(ERR_FAILED, "is damaged: its digest is %s", p->is.text);
	if (strcmp(p->is.text, diff_id) != 0)
		return err_new(
			ERR_FAILED, "its diff_id is %s, the config says %s", p->is.text, diff_id);
	return NULL;
}

static struct err *read_layer(
	struct layers *l, struct transport *t, const struct descriptor *d, const char *id, size_t i)
{
	struct plain *p = &l->plain[i];
	struct digest diff_id;
	const bool is_digest = digest_parse(id, &diff_id);

	struct err *e = take_layer(l, t, d, is_digest ? &diff_id : NULL, p);

	// Of damage the decompressor notices first, and says less.
	if (e && err_kind(e) == ERR_FAILED && !err_number(e))
		e = transport_doubt(t, d, e);
	TRY_AS(e, "layer %s", d->digest);
	p->at = l->size;
	l->size += p->tar.size;
	l->facts[i].descriptor = *d;
	l->facts[i].raw_size = p->tar.size;
	if (!p->job)
		TRY_AS(check_hash(p, d, id), "%s: layer %s", t->name, d->digest);
	TRY_AS(layer_tree_add(&l->tree, &p->tar, p->at, (unsigned)i, "its tar"), "%s: layer %s",
		t->name, d->digest);
	return NULL;
}

// What is said first of a damaged layer is that it is damaged, whatever its tar looked like.
static struct err *wait_for_hashes(
	struct layers *l, struct transport *t, const struct strings *ids, struct err *so_far)
{
	struct err *damage = NULL;

	for (size_t i = 0; i < l->nfacts; i++) {
		struct plain *p = &l->plain[i];

		if (!p->job)
			continue;
		struct err *e = check_hash(p, &l->facts[i].descriptor, ids->at[i]);

		if (e) { // the lowest one's is told
			err_drop(damage ? &e : &so_far);
			damage = damage ? damage : err_wrap(e, "%s: layer %s", t->name, p->digest);
		}
	}
	return damage ? damage : so_far;
}

static void expect_layers(struct layers *l, struct transport *t, const struct descriptor *d,
	const struct strings *ids)
{
	for (size_t i = 0; i < l->nfacts; i++) {
		struct digest diff_id;

		if (!l->options->cache || !digest_parse(ids->at[i], &diff_id) ||
			!cache_has(l->options->cache, &diff_id))
			transport_expect(t, &d[i], true);
	}
}

static struct err *read_layers(struct layers *l, struct transport *t, const struct manifest *m,
	const struct image_config *c)
{
	const struct descriptor *d = m->layers.at;
	const struct strings *ids = &c->rootfs.diff_ids;
	struct err *e = NULL;

	if (m->layers.len != ids->len)
		return err_new(ERR_FAILED,
			"%s: the manifest has %zu layers, the config %zu diff_ids", t->name,
			m->layers.len, ids->len);
	if (m->layers.len > LAYERS_MAX)
		return err_new(ERR_FAILED, "%s: more than %u layers", t->name, LAYERS_MAX);
	l->nfacts = m->layers.len;
	l->facts = arena_alloc(&l->arena, (l->nfacts + 1) * sizeof(*l->facts));
	l->plain = arena_alloc(&l->arena, (l->nfacts + 1) * sizeof(*l->plain));
	for (size_t i = 0; i < l->nfacts; i++)
		l->plain[i].tar.fd = -1;
	expect_layers(l, t, d, ids);
	for (size_t i = 0; i < l->nfacts && !e; i++)
		e = read_layer(l, t, &d[i], ids->at[i], i);
	TRY(wait_for_hashes(l, t, ids, e));
	for (size_t i = 0; i < l->nfacts; i++)
		l->facts[i].diff_id = l->plain[i].is;
	return NULL;
}

// ---- the root ----

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

// Where the byte of that number lies.
static const struct plain *plain_at(const struct layers *l, uint64_t at)
{
	size_t low = 0, high = l->nfacts;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (l->plain[middle].at <= at)
			low = middle;
		else
			high = middle;
	}
	return &l->plain[low];
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
	const struct plain *p = plain_at(l, n->off);

	*out = file_from_fd(p->tar.fd, false, p->tar.off + (n->off - p->at), n->size, path);
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
	const struct layers_options *options, struct layers **out)
{
	static const struct layers_options defaults = {0};
	drop(layers_drop) struct layers *l = mem_alloc(sizeof(*l));

	l->options = options ? options : &defaults;
	l->spool = l->archive = -1;
	l->name = arena_strdup(&l->arena, t->name);
	l->size_max = l->options->plain_bytes ? l->options->plain_bytes : PLAIN_MAX;
	l->ratio_max = l->options->ratio ? l->options->ratio : RATIO_MAX;
	l->pool = pool_new(0);
	layer_tree_init(&l->tree, l->options->entries ? l->options->entries : ENTRIES_MAX);
	TRY(read_layers(l, t, m, c));
	pool_drop(&l->pool);
	l->options = NULL;
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
	if (l->pool)
		pool_drop(&l->pool);
	for (size_t i = 0; i < l->nfacts; i++)
		blob_drop(&l->plain[i].tar);
	fd_drop(&l->archive);
	fd_drop(&l->spool);
	layer_tree_drop(&l->tree);
	arena_drop(&l->arena);
	mem_drop(pl);
}
