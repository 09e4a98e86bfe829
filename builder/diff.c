#include "builder/diff.h"

#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "builder/diff_config.h"

// One of the two images, with all its platforms.
struct side {
	struct transport *t;
	struct named_image found;
	struct {
		struct image *at;
		size_t len, cap;
	} images; // artifacts left out
	const char *shown;
};

static void side_drop(struct side *s)
{
	transport_drop(&s->t);
}

// ---- one file ----

static const char *type_of(const struct node *n)
{
	switch (n->mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "link";
	case S_IFCHR:
		return "character device";
	case S_IFBLK:
		return "block device";
	case S_IFIFO:
		return "FIFO";
	default:
		return "special file";
	}
}

// Both are regular files of one size.
static struct err *same_bytes(
	struct root *x, const char *px, struct root *y, const char *py, bool *same)
{
	enum { CHUNK = 1 << 16 };
	drop(file_drop) struct file *f = NULL, *g = NULL;
	drop(mem_drop) char *buf = mem_alloc((size_t)2 * CHUNK);
	uint64_t size;

	TRY(root_open_file(x, px, &f));
	TRY(root_open_file(y, py, &g));
	size = file_size(f);
	*same = size == file_size(g);
	for (uint64_t off = 0; *same && off < size;) {
		size_t n, m;

		TRY(file_pread(f, buf, CHUNK, off, &n));
		TRY(file_pread(g, buf + CHUNK, CHUNK, off, &m));
		*same = n == m && n && memcmp(buf, buf + CHUNK, n) == 0;
		off += n;
	}
	return NULL;
}

static bool xattrs_equal(const struct xattrs *x, const struct xattrs *y)
{
	if (x->len != y->len)
		return false;
	for (size_t i = 0; i < x->len; i++) {
		const struct xattr *p = &x->at[i], *q = &y->at[i];

		if (strcmp(p->name, q->name) != 0 || p->value.len != q->value.len ||
			(p->value.len && memcmp(p->value.ptr, q->value.ptr, p->value.len) != 0))
			return false;
	}
	return true;
}

// The names of both, each once: "security.capability, user.x".
static const char *xattr_names(const struct xattrs *x, const struct xattrs *y, struct arena *a)
{
	const char *out = "";

	for (size_t i = 0, k = 0; i < x->len || k < y->len;) {
		int order = i == x->len ? 1
			: k == y->len   ? -1
					: strcmp(x->at[i].name, y->at[k].name);

		out = arena_printf(a, "%s%s%s", out, *out ? ", " : "",
			order <= 0 ? x->at[i].name : y->at[k].name);
		i += order <= 0;
		k += order >= 0;
	}
	return out;
}

// What is compared, and where it is noted.
struct comparison {
	struct arena *a;
	struct diff_platform *out;
	struct root *x, *y;
	size_t common; // layers that are equal, from the lowest up
	bool keeps_same;
};

static void say(struct comparison *c, const char **what, const char *more)
{
	*what = *what ? arena_printf(c->a, "%s, %s", *what, more) : more;
}

// What differs beside content; times do not count.
static struct err *compare_facts(struct comparison *c, const struct layered_file *x,
	const struct layered_file *y, const char **what)
{
	const struct node *m = &x->node, *n = &y->node;
	struct xattrs p = {0}, q = {0};

	if ((m->mode & S_IFMT) != (n->mode & S_IFMT)) {
		say(c, what, arena_printf(c->a, "%s → %s", type_of(m), type_of(n)));
		return NULL;
	}
	if (S_ISLNK(m->mode) && strcmp(m->target, n->target) != 0)
		say(c, what, arena_printf(c->a, "link to %s → %s", m->target, n->target));
	if ((m->mode & 07777) != (n->mode & 07777) && !S_ISLNK(m->mode))
		say(c, what,
			arena_printf(c->a, "mode %04o → %04o", m->mode & 07777u, n->mode & 07777u));
	if (m->uid != n->uid || m->gid != n->gid)
		say(c, what,
			arena_printf(c->a, "owner %u:%u → %u:%u", m->uid, m->gid, n->uid, n->gid));
	TRY(root_xattrs(c->x, x->path, c->a, &p));
	TRY(root_xattrs(c->y, y->path, c->a, &q));
	if (!xattrs_equal(&p, &q))
		say(c, what, arena_printf(c->a, "attributes %s", xattr_names(&p, &q, c->a)));
	return NULL;
}

static uint64_t size_of(const struct layered_file *f)
{
	return S_ISREG(f->node.mode) ? f->node.size : 0;
}

static const char *path_of(struct comparison *c, const struct layered_file *f)
{
	return S_ISDIR(f->node.mode) ? arena_printf(c->a, "%s/", f->path)
				     : arena_strdup(c->a, f->path);
}

static void note_same(struct comparison *c, const struct layered_file *f)
{
	if (c->keeps_same && S_ISREG(f->node.mode))
		vec_push(c->a, &c->out->same,
			(struct same_file){arena_strdup(c->a, f->path), f->node.size});
}

static struct err *compare_file(
	struct comparison *c, const struct layered_file *x, const struct layered_file *y)
{
	bool is_regular = S_ISREG(x->node.mode) && S_ISREG(y->node.mode), same = true;
	const char *what = NULL;

	// Nothing above the equal layers touched it.
	if (x->layer == y->layer && x->layer < c->common) {
		note_same(c, y);
		return NULL;
	}
	TRY(compare_facts(c, x, y, &what));
	if (is_regular && x->node.size == y->node.size)
		TRY(same_bytes(c->x, x->path, c->y, y->path, &same));
	else if (is_regular || (x->node.mode & S_IFMT) != (y->node.mode & S_IFMT))
		same = false;
	if (same && !what) {
		note_same(c, y);
		return NULL;
	}
	vec_push(c->a, &c->out->changes,
		(struct change){
			.kind = same ? CHANGE_META : CHANGE_CONTENT,
			.path = path_of(c, y),
			.old_size = size_of(x),
			.new_size = size_of(y),
			.what = what,
		});
	return NULL;
}

// A directory that holds something is not worth a word of its own.
static struct err *only_in(
	struct comparison *c, struct root *r, const struct layered_file *f, enum change_kind kind)
{
	const char *what = NULL;

	if (S_ISDIR(f->node.mode)) {
		drop(arena_drop) struct arena a = {0};
		struct strings names = {0};

		TRY(root_list(r, f->path, &a, &names));
		if (names.len)
			return NULL;
	} else if (S_ISLNK(f->node.mode)) {
		what = arena_printf(c->a, "link to %s", f->node.target);
	} else if (!S_ISREG(f->node.mode)) {
		what = type_of(&f->node);
	}
	vec_push(c->a, &c->out->changes,
		(struct change){
			.kind = kind,
			.path = path_of(c, f),
			.old_size = kind == CHANGE_REMOVED ? size_of(f) : 0,
			.new_size = kind == CHANGE_ADDED ? size_of(f) : 0,
			.what = what,
		});
	return NULL;
}

static struct err *compare_trees(
	struct comparison *c, const struct layers *old, const struct layers *new)
{
	size_t n, m;
	const struct layered_file *x = layers_files(old, &n), *y = layers_files(new, &m);

	for (size_t i = 0, k = 0; i < n || k < m;) {
		int order = i == n ? 1 : k == m ? -1 : strcmp(x[i].path, y[k].path);

		if (order < 0)
			TRY(only_in(c, c->x, &x[i], CHANGE_REMOVED));
		else if (order > 0)
			TRY(only_in(c, c->y, &y[k], CHANGE_ADDED));
		else
			TRY(compare_file(c, &x[i], &y[k]));
		i += order <= 0;
		k += order >= 0;
	}
	return NULL;
}

// ---- one platform ----

static const struct descriptor *layer_at(const struct image *image, size_t i)
{
	return (const struct descriptor *)image->manifest.layers.at + i;
}

// How many layers are the same, from the lowest up.
static size_t common_layers(const struct image *x, const struct image *y)
{
	const struct strings *p = &x->config.rootfs.diff_ids, *q = &y->config.rootfs.diff_ids;
	size_t n = 0;

	while (n < p->len && n < q->len && strcmp(p->at[n], q->at[n]) == 0)
		n++;
	return n;
}

static struct err *compare_files(struct diff *d, struct side *a, const struct image *x,
	struct side *b, const struct image *y, struct diff_platform *out)
{
	drop(layers_drop) struct layers *old = NULL, *new = NULL;
	struct comparison c = {.a = &d->arena,
		.out = out,
		.common = common_layers(x, y),
		.keeps_same = d->args->keeps_same};

	if (!c.keeps_same && c.common == x->config.rootfs.diff_ids.len &&
		c.common == y->config.rootfs.diff_ids.len)
		return NULL;
	TRY_AS(layers_open(a->t, &x->manifest, &x->config, NULL, &old), "%s", d->args->names.at[0]);
	TRY_AS(layers_open(b->t, &y->manifest, &y->config, NULL, &new), "%s", d->args->names.at[1]);
	c.x = layers_root(old);
	c.y = layers_root(new);
	return compare_trees(&c, old, new);
}

static uint64_t stored_size(const struct image *image)
{
	uint64_t sum = 0;

	for (size_t i = 0; image && i < image->manifest.layers.len; i++)
		sum += (uint64_t)layer_at(image, i)->size;
	return sum;
}

static bool has_layer(const struct image *image, size_t n, const char *digest)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(layer_at(image, i)->digest, digest) == 0)
			return true;
	return false;
}

static uint64_t document_size(const struct descriptor *d, const struct descriptor *there)
{
	return there && strcmp(d->digest, there->digest) == 0 ? 0 : (uint64_t)d->size;
}

// x is NULL where the device has nothing of it.
static void count_download(const struct side *a, const struct image *x, const struct side *b,
	const struct image *y, struct diff_platform *out)
{
	const size_t n = y->manifest.layers.len, common = x ? common_layers(x, y) : 0;
	const size_t held = x ? x->manifest.layers.len : 0;

	if (media_is_index(b->found.descriptor.media_type))
		out->download +=
			document_size(&b->found.descriptor, x ? &a->found.descriptor : NULL);
	out->download += document_size(&y->descriptor, x ? &x->descriptor : NULL);
	out->download += document_size(&y->manifest.config, x ? &x->manifest.config : NULL);
	for (size_t i = 0; i < n; i++) {
		const struct descriptor *l = layer_at(y, i);

		if (x && has_layer(x, held, l->digest)) {
			out->layers_shared++;
			if (i < common || has_layer(y, i, l->digest))
				continue;
			out->layers_again++;
			out->fetched_again += (uint64_t)l->size;
		} else {
			out->layers_new++;
			if (!has_layer(y, i, l->digest)) // else it comes once for all
				out->download += (uint64_t)l->size;
		}
	}
}

static struct err *compare_images(struct diff *d, struct side *a, const struct image *x,
	struct side *b, const struct image *y)
{
	struct diff_platform *out = vec_add(&d->arena, &d->platforms);
	char text[PLATFORM_TEXT];

	out->platform = arena_strdup(&d->arena, platform_text(&(y ? y : x)->platform, text));
	out->only_a = !y;
	out->only_b = !x;
	out->a_size = stored_size(x);
	out->b_size = stored_size(y);
	if (y)
		count_download(a, x, b, y, out);
	if (!x || !y)
		return NULL;
	TRY(diff_configs(x, y, &d->arena, &out->config));
	return compare_files(d, a, x, b, y, out);
}

// ---- the story ----

static struct err *open_side(
	struct diff *d, struct places *places, const char *place, struct side *s)
{
	struct arena *a = &d->arena;
	struct descriptors manifests;
	const char *name;

	TRY(place_open(places, place, a, &s->t, &name));
	TRY(place_find(s->t, name, a, &s->found));
	TRY(place_wrap(image_manifests(s->t, &s->found.descriptor, a, &manifests), place));
	if (d->args->platform)
		TRY(image_select(s->t, d->args->platform, a, &manifests));
	vec_each (m, &manifests) {
		struct image image;

		if (descriptor_is_attestation(m))
			continue;
		TRY(place_wrap(image_read(s->t, m, a, &image), place));
		if (!image.is_artifact)
			vec_push(a, &s->images, image);
	}
	s->shown = image_shown(
		s->found.names.len ? s->found.names.at[0] : place, s->found.descriptor.digest, a);
	return s->images.len ? NULL : err_new(ERR_FAILED, "%s holds no image", place);
}

// Images of one platform belong together. What was chosen by --platform is one on each side, and
// the variants may differ.
static bool is_pair(const struct diff *d, const struct image *x, const struct image *y)
{
	return d->args->platform || platform_equal(&x->platform, &y->platform);
}

static struct err *compare_sides(struct diff *d, struct side *a, struct side *b)
{
	drop(mem_drop) bool *taken = mem_alloc(a->images.len);

	vec_each (y, &b->images) {
		struct image *x = NULL;

		for (size_t i = 0; !x && i < a->images.len; i++) {
			if (taken[i] || !is_pair(d, &a->images.at[i], y))
				continue;
			taken[i] = true;
			x = &a->images.at[i];
		}
		TRY(compare_images(d, a, x, b, y));
	}
	for (size_t i = 0; i < a->images.len; i++)
		if (!taken[i])
			TRY(compare_images(d, a, &a->images.at[i], b, NULL));
	return NULL;
}

struct err *diff(
	const struct diff_args *args, const struct registry_events *events, struct diff *out)
{
	drop(places_drop) struct places places = {0};
	drop(side_drop) struct side a = {0}, b = {0};

	*out = (struct diff){.args = args};
	TRY(places_open(&args->registry, events, &places));
	TRY(open_side(out, &places, args->names.at[0], &a));
	TRY(open_side(out, &places, args->names.at[1], &b));
	out->a = a.shown;
	out->b = b.shown;
	return compare_sides(out, &a, &b);
}

void diff_drop(struct diff *d)
{
	arena_drop(&d->arena);
}
