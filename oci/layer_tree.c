#include "oci/layer_tree.h"

#include <archive.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "oci/tar_read.h"

#define LINKS_MAX 40                      // as in path_resolution(7)
#define TEXT_MAX (UINT64_C(256) << 20)    // link targets and attributes of all entries
#define FOLLOWED_MAX (UINT64_C(64) << 20) // bytes of targets followed for all entries: seconds
#define XATTRS_MAX 256                    // of one file
#define LAYER_ALL UINT16_MAX              // above every layer
#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"

static struct tree_node *node_new(
	struct layer_tree *t, struct tree_node *parent, const char *name, size_t n)
{
	struct tree_node *made = arena_alloc(&t->arena, sizeof(*made) + n + 1);

	memcpy(made->name, name, n);
	made->parent = parent;
	made->mode = S_IFDIR | 0755;
	made->path_len = (uint16_t)((parent ? parent->path_len : 0) + (parent ? n + 1 : 0));
	return made;
}

void layer_tree_init(struct layer_tree *t, uint64_t nodes_max)
{
	*t = (struct layer_tree){.nodes_max = nodes_max, .nslots = 1024};
	t->slots = mem_alloc(t->nslots * sizeof(*t->slots));
	t->root = node_new(t, NULL, "", 0);
}

void layer_tree_drop(struct layer_tree *t)
{
	mem_drop(&t->slots);
	arena_drop(&t->arena);
}

static size_t slot_of(
	const struct layer_tree *t, const struct tree_node *parent, const char *name, size_t n)
{
	uint64_t h = (uint64_t)(uintptr_t)parent * UINT64_C(0x9e3779b97f4a7c15);

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)name[i]) * UINT64_C(0x100000001b3);
	return (size_t)(h ^ h >> 29) & (t->nslots - 1);
}

static struct tree_node *child_of(
	const struct layer_tree *t, const struct tree_node *parent, const char *name, size_t n)
{
	struct tree_node *c = t->slots[slot_of(t, parent, name, n)];

	while (c && (c->parent != parent || strncmp(c->name, name, n) || c->name[n]))
		c = c->bucket;
	return c;
}

static void grow(struct layer_tree *t)
{
	drop(mem_drop) struct tree_node **old = t->slots;
	size_t nold = t->nslots;

	t->nslots *= 2;
	t->slots = mem_alloc(t->nslots * sizeof(*t->slots));
	for (size_t i = 0; i < nold; i++)
		for (struct tree_node *c = old[i], *next; c; c = next) {
			struct tree_node **slot =
				&t->slots[slot_of(t, c->parent, c->name, strlen(c->name))];

			next = c->bucket;
			c->bucket = *slot;
			*slot = c;
		}
}

// A new directory, to be made into what it shall be.
static struct err *add_child(struct layer_tree *t, struct tree_node *parent, const char *name,
	size_t n, struct tree_node **out)
{
	if (n > NAME_MAX)
		return err_new(ERR_FAILED, "a name of more than %d bytes", NAME_MAX);
	if (parent->path_len + n + 1 >= PATH_MAX)
		return err_new(ERR_FAILED, "a path of more than %d bytes", PATH_MAX);
	if (t->nnodes == t->nodes_max)
		return err_new(
			ERR_FAILED, "more than %llu entries", (unsigned long long)t->nodes_max);
	if (t->nnodes++ >= t->nslots)
		grow(t);
	struct tree_node *c = node_new(t, parent, name, n);
	struct tree_node **slot = &t->slots[slot_of(t, parent, name, n)];

	c->bucket = *slot;
	*slot = c;
	c->next = parent->child;
	if (c->next)
		c->next->before = c;
	parent->child = c;
	*out = c;
	return NULL;
}

static void unlink_node(struct layer_tree *t, struct tree_node *c)
{
	struct tree_node **at = &t->slots[slot_of(t, c->parent, c->name, strlen(c->name))];

	while (*at != c)
		at = &(*at)->bucket;
	*at = c->bucket;
	*(c->before ? &c->before->next : &c->parent->child) = c->next;
	if (c->next)
		c->next->before = c->before;
}

// Removes what lies below n and comes from a layer under `layer`; a directory stays while anything
// is left in it. What comes in later comes from that layer, so once a layer is enough, however
// often it hides the same. Depth is bounded by PATH_MAX.
static void remove_below(struct layer_tree *t, struct tree_node *n, unsigned layer)
{
	if (n->cleared == layer + 1)
		return;
	n->cleared = layer < LAYER_ALL ? (uint16_t)(layer + 1) : 0;
	for (struct tree_node *c = n->child, *next; c; c = next) {
		next = c->next;
		remove_below(t, c, layer);
		if (!c->child && c->layer < layer)
			unlink_node(t, c);
	}
}

static void remove_node(struct layer_tree *t, struct tree_node *n, unsigned layer)
{
	remove_below(t, n, layer);
	if (!n->child && n->layer < layer)
		unlink_node(t, n);
}

// One walk from a directory of the tree to another.
struct steps {
	struct layer_tree *tree;
	unsigned layer;
	bool makes_parents;
	int links; // followed so far
};

static struct err *step_along(
	struct steps *s, struct tree_node *from, const char *path, struct tree_node **out);

static struct err *step_link(struct steps *s, struct tree_node *link, struct tree_node **out)
{
	struct tree_node *from = *link->target == '/' ? s->tree->root : link->parent;

	if (++s->links > LINKS_MAX)
		return err_new(ERR_FAILED, "too many links at %s", link->name);
	// 40 links of 4,096 bytes before each of millions of entries would take hours.
	s->tree->followed += link->size;
	if (s->tree->followed > FOLLOWED_MAX)
		return err_new(ERR_FAILED, "the links lead a longer way than any image needs");
	return step_along(s, from, link->target, out);
}

// The directory of that name in `from`; NULL where it is missing and not to be made.
static struct err *step_into(
	struct steps *s, struct tree_node *from, const char *name, size_t n, struct tree_node **out)
{
	struct tree_node *c = child_of(s->tree, from, name, n);

	*out = c;
	if (!c && s->makes_parents) {
		TRY(add_child(s->tree, from, name, n, out));
		(*out)->layer = (uint16_t)s->layer;
		return NULL;
	}
	if (!c || S_ISDIR(c->mode))
		return NULL;
	if (S_ISLNK(c->mode))
		return step_link(s, c, out);
	return err_new(ERR_FAILED, "%s is not a directory", c->name);
}

static struct err *step_along(
	struct steps *s, struct tree_node *from, const char *path, struct tree_node **out)
{
	while (*path && from) {
		size_t n = strcspn(path, "/");

		if (n == 2 && path[0] == '.' && path[1] == '.')
			from = from->parent ? from->parent : from;
		else if (n && !(n == 1 && *path == '.'))
			TRY(step_into(s, from, path, n, &from));
		path += n;
		path += *path == '/';
	}
	*out = from;
	return NULL;
}

// The directory that the entry `name` (clean) lies in, and its last part.
static struct err *find_parent(struct layer_tree *t, const char *name, unsigned layer,
	bool makes_parents, struct tree_node **parent, const char **last)
{
	struct steps s = {.tree = t, .layer = layer, .makes_parents = makes_parents};
	const char *slash = strrchr(name, '/');

	*last = slash ? slash + 1 : name;
	if (!slash) {
		*parent = t->root;
		return NULL;
	}
	drop(mem_drop) char *dir = str_printf("%.*s", (int)(slash - name), name);

	return step_along(&s, t->root, dir, parent);
}

static struct err *clean(const char *name, char out[PATH_MAX])
{
	if (strlen(name) >= PATH_MAX)
		return err_new(ERR_FAILED, "a path of more than %d bytes", PATH_MAX);
	if (!*name)
		return err_new(ERR_FAILED, "an entry without a name");
	if (!tar_clean_name(name, out))
		return err_new(ERR_FAILED, "%s climbs out of the image", name);
	return NULL;
}

// One that is applied.
struct change {
	struct layer_tree *tree;
	struct archive_entry *entry;
	uint64_t off;
	unsigned layer;
};

static struct err *apply_whiteout(
	struct change *c, const char *name, const char *last, struct tree_node *parent)
{
	struct layer_tree *t = c->tree;

	if (!strcmp(last, OPAQUE)) {
		remove_below(t, parent, c->layer);
		return NULL;
	}
	// The rest of this name space held AUFS's own notes.
	if (!strncmp(last, WHITEOUT WHITEOUT, 8))
		return NULL;
	const char *hidden = last + strlen(WHITEOUT);

	if (!*hidden || !strcmp(hidden, ".") || !strcmp(hidden, ".."))
		return err_new(ERR_FAILED, "%s hides nothing", name);
	struct tree_node *n = child_of(t, parent, hidden, strlen(hidden));

	if (n)
		remove_node(t, n, c->layer);
	return NULL;
}

static struct err *spend_text(struct layer_tree *t, size_t n)
{
	t->text += n;
	if (t->text > TEXT_MAX)
		return err_new(ERR_FAILED, "more than %llu bytes of link targets and attributes",
			(unsigned long long)TEXT_MAX);
	return NULL;
}

static int compare_xattrs(const void *x, const void *y)
{
	return strcmp(((const struct xattr *)x)->name, ((const struct xattr *)y)->name);
}

// Written as SCHILY.xattr and as LIBARCHIVE.xattr, an attribute still is one.
static bool has_xattr(const struct xattrs *x, const char *name)
{
	for (size_t i = 0; i < x->len; i++)
		if (!strcmp(x->at[i].name, name))
			return true;
	return false;
}

static struct err *read_xattrs(
	struct layer_tree *t, struct archive_entry *e, const struct xattrs **out)
{
	struct xattrs *x = NULL;
	const char *name;
	const void *value;
	size_t n;

	*out = NULL;
	if (archive_entry_xattr_reset(e) == 0)
		return NULL;
	x = arena_new(&t->arena, struct xattrs);
	while (archive_entry_xattr_next(e, &name, &value, &n) == ARCHIVE_OK) {
		if (!name || has_xattr(x, name))
			continue;
		if (x->len == XATTRS_MAX)
			return err_new(ERR_FAILED, "more than %d attributes", XATTRS_MAX);
		TRY(spend_text(t, strlen(name) + n + sizeof(struct xattr)));
		void *kept = arena_alloc(&t->arena, n + 1);

		if (n)
			memcpy(kept, value, n);
		vec_push(&t->arena, x, (struct xattr){arena_strdup(&t->arena, name), {kept, n}});
	}
	qsort(x->at, x->len, sizeof(*x->at), compare_xattrs);
	*out = x;
	return NULL;
}

static struct err *set_facts(struct change *c, struct tree_node *n)
{
	struct archive_entry *e = c->entry;
	const char *target = archive_entry_symlink(e);

	n->mode = archive_entry_mode(e);
	if (!(n->mode & S_IFMT))
		n->mode |= S_IFREG;
	n->uid = (uid_t)archive_entry_uid(e);
	n->gid = (gid_t)archive_entry_gid(e);
	n->mtime = archive_entry_mtime(e);
	n->layer = (uint16_t)c->layer;
	n->off = n->size = 0;
	n->target = NULL;
	n->ino = ++c->tree->last_ino;
	n->has_hard_link = false;
	if (S_ISREG(n->mode)) {
		n->off = c->off;
		n->size = (uint64_t)archive_entry_size(e);
	} else if (S_ISLNK(n->mode)) {
		if (!target || strlen(target) >= PATH_MAX)
			return err_new(ERR_FAILED, "a link without a sound target");
		TRY(spend_text(c->tree, strlen(target)));
		n->target = arena_strdup(&c->tree->arena, target);
		n->size = strlen(target);
	}
	return read_xattrs(c->tree, e, &n->xattrs);
}

// Another name of a file that is there, perhaps from a lower layer.
static struct err *find_hard_link(struct change *c, struct tree_node **out)
{
	const char *to = archive_entry_hardlink(c->entry);
	struct tree_node *parent;
	char name[PATH_MAX];
	const char *last;

	TRY(clean(to, name));
	TRY(find_parent(c->tree, name, c->layer, false, &parent, &last));
	*out = parent && *last ? child_of(c->tree, parent, last, strlen(last)) : NULL;
	if (!*out)
		return err_new(ERR_FAILED, "hard link to %s, which is missing", to);
	if (S_ISDIR((*out)->mode))
		return err_new(ERR_FAILED, "hard link to %s, which is a directory", to);
	return NULL;
}

static void become_hard_link(struct change *c, struct tree_node *n, struct tree_node *to)
{
	if (n == to)
		return;
	n->target = to->target;
	n->xattrs = to->xattrs;
	n->off = to->off;
	n->size = to->size;
	n->mtime = to->mtime;
	n->mode = to->mode;
	n->uid = to->uid;
	n->gid = to->gid;
	n->ino = to->ino;
	n->layer = (uint16_t)c->layer;
	n->has_hard_link = to->has_hard_link = true;
}

static struct err *apply_node(struct change *c, struct tree_node *parent, const char *last)
{
	struct layer_tree *t = c->tree;
	struct tree_node *n = child_of(t, parent, last, strlen(last)), *to = NULL;

	if (archive_entry_hardlink(c->entry))
		TRY(find_hard_link(c, &to));
	if (!n)
		TRY(add_child(t, parent, last, strlen(last), &n));
	if (!to)
		TRY(set_facts(c, n));
	else
		become_hard_link(c, n, to);
	// What is no directory (any more) has nothing below it, from whichever layer.
	if (!S_ISDIR(n->mode))
		remove_below(t, n, LAYER_ALL);
	return NULL;
}

static struct err *apply(struct change *c)
{
	struct tree_node *parent;
	char name[PATH_MAX];
	const char *last;

	TRY(clean(archive_entry_pathname(c->entry), name));
	if (!*name) {
		if (archive_entry_hardlink(c->entry) ||
			archive_entry_filetype(c->entry) != AE_IFDIR)
			return err_new(ERR_FAILED, "the image's / is not a directory");
		return set_facts(c, c->tree->root);
	}
	const char *slash = strrchr(name, '/');
	bool is_whiteout = !strncmp(slash ? slash + 1 : name, WHITEOUT, strlen(WHITEOUT));

	TRY_AS(find_parent(c->tree, name, c->layer, !is_whiteout, &parent, &last), "%s", name);
	if (is_whiteout)
		return parent ? apply_whiteout(c, name, last, parent) : NULL;
	TRY_AS(apply_node(c, parent, last), "%s", name);
	return NULL;
}

struct err *layer_tree_add(
	struct layer_tree *t, const struct blob *tar, uint64_t at, unsigned layer, const char *what)
{
	drop(tar_reader_drop) struct tar_reader *r = NULL;
	struct change c = {.tree = t, .layer = layer};
	uint64_t off;

	TRY(tar_reader_open(tar->fd, tar->off, tar->size, what, &r));
	for (;;) {
		TRY(tar_reader_next(r, &c.entry, &off));
		if (!c.entry)
			return NULL;
		c.off = at + (off - tar->off);
		if (++t->nentries > t->nodes_max)
			return err_new(ERR_FAILED, "more than %llu entries",
				(unsigned long long)t->nodes_max);
		TRY(apply(&c));
	}
}

const struct tree_node *layer_tree_find(const struct layer_tree *t, const char *path, int *error)
{
	const struct tree_node *n = t->root;

	while (*path) {
		size_t len = strcspn(path, "/");

		if (len && !S_ISDIR(n->mode)) {
			*error = ENOTDIR;
			return NULL;
		}
		if (len)
			n = child_of(t, n, path, len);
		if (!n) {
			*error = ENOENT;
			return NULL;
		}
		path += len;
		path += *path == '/';
	}
	*error = 0;
	return n;
}

struct node tree_node_facts(const struct tree_node *n)
{
	return (struct node){
		.mode = n->mode,
		.uid = n->uid,
		.gid = n->gid,
		.size = n->size,
		.mtime = n->mtime,
		.dev = n->ino ? 1 : 0,
		.ino = n->ino,
		.target = n->target,
	};
}

static int compare_names(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

void tree_node_names(const struct tree_node *n, struct arena *a, struct strings *names)
{
	for (const struct tree_node *c = n->child; c; c = c->next)
		vec_push(a, names, c->name);
	if (names->len)
		qsort(names->at, names->len, sizeof(*names->at), compare_names);
}

// The next node in a walk over all of them, parents first; NULL after the last.
static const struct tree_node *following(const struct tree_node *n)
{
	if (n->child)
		return n->child;
	while (n && !n->next)
		n = n->parent;
	return n ? n->next : NULL;
}

void layer_tree_count(const struct layer_tree *t, struct layer_facts *facts)
{
	for (const struct tree_node *n = t->root; n; n = following(n))
		if (S_ISREG(n->mode))
			facts[n->layer].files++;
}

static void write_path(const struct tree_node *n, char *out)
{
	out += n->path_len;
	*out = '\0';
	for (; n->parent; n = n->parent) {
		size_t len = strlen(n->name);

		out -= len + 1;
		*out = '/';
		memcpy(out + 1, n->name, len);
	}
}

static int compare_files(const void *x, const void *y)
{
	return strcmp(
		((const struct layered_file *)x)->path, ((const struct layered_file *)y)->path);
}

// Of the names of one file the first in order holds it, the others point there.
static void mark_hard_links(struct layered_file *files, size_t n, const bool *linked)
{
	size_t last = 0;

	for (size_t i = 0; i < n; i++)
		if (files[i].node.ino > last)
			last = (size_t)files[i].node.ino;
	drop(mem_drop) const char **first = mem_alloc((last + 1) * sizeof(*first));

	for (size_t i = 0; i < n; i++) {
		size_t ino = (size_t)files[i].node.ino;

		if (!ino || !linked[ino])
			continue;
		if (first[ino])
			files[i].hard_link = first[ino];
		else
			first[ino] = files[i].path;
	}
}

struct layered_file *layer_tree_files(const struct layer_tree *t, struct arena *a, size_t *n)
{
	drop(mem_drop) bool *linked = mem_alloc((size_t)t->last_ino + 1);
	size_t count = 0, text = 0;

	for (const struct tree_node *it = following(t->root); it; it = following(it)) {
		count++;
		text += it->path_len + 1u;
		linked[it->ino] |= it->has_hard_link;
	}
	struct layered_file *files = arena_alloc(a, (count + 1) * sizeof(*files));
	char *path = arena_alloc(a, text + 1);

	*n = 0;
	for (const struct tree_node *it = following(t->root); it; it = following(it)) {
		write_path(it, path);
		files[(*n)++] = (struct layered_file){
			.path = path, .node = tree_node_facts(it), .layer = it->layer};
		path += it->path_len + 1u;
	}
	qsort(files, count, sizeof(*files), compare_files);
	mark_hard_links(files, count, linked);
	return files;
}
