#include "builder/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/root_impl.h"

#define COMPARED 65536 // bytes of two files at a time

struct tree {
	struct arena arena;
	struct map paths;
	struct {
		struct tree_entry **at;
		size_t len, cap;
	} entries;
	int64_t mtime;
	struct root *like;    // NULL: none
	struct root *smaller; // of files that were replaced; NULL: none
	const char *reason;   // of the entry that was added last; NULL: none
};

const char *part_text(enum part p)
{
	static const char *const texts[PART_COUNT] = {
		[PART_LIBC] = "loader and libc",
		[PART_LIBRARIES] = "libraries",
		[PART_DATA] = "data",
		[PART_PROGRAM] = "program",
	};

	return texts[p];
}

struct tree *tree_new(int64_t mtime)
{
	struct tree *t = mem_alloc(sizeof(*t));

	t->mtime = mtime;
	return t;
}

struct tree *tree_new_like(struct root *like)
{
	struct tree *t = tree_new(0);

	t->like = like;
	return t;
}

void tree_drop(struct tree **t)
{
	if (!*t)
		return;
	root_drop(&(*t)->smaller);
	arena_drop(&(*t)->arena);
	mem_drop(t);
}

struct arena *tree_arena(struct tree *t)
{
	return &t->arena;
}

const struct tree_entry *tree_find(const struct tree *t, const char *path)
{
	return map_get(&t->paths, path);
}

struct tree_entry *const *tree_entries(const struct tree *t, size_t *n)
{
	*n = t->entries.len;
	return t->entries.at;
}

// ---- adding ----

static struct err *add(struct tree *t, struct tree_entry e);

// Two roots may hold one file under two names, and two programs may bring copies of one library.
static struct err *compare_files(struct file *x, struct file *y, bool *same)
{
	drop(mem_drop) char *a = mem_alloc(COMPARED), *b = mem_alloc(COMPARED);
	size_t n, m;

	*same = file_size(x) == file_size(y);
	for (uint64_t at = 0; *same && at < file_size(x); at += COMPARED) {
		TRY(file_pread(x, a, COMPARED, at, &n));
		TRY(file_pread(y, b, COMPARED, at, &m));
		*same = n == m && memcmp(a, b, n) == 0;
	}
	return NULL;
}

// What an entry is, for messages: where it comes from and why it is there.
static const char *origin_text(struct tree *t, const struct tree_entry *e)
{
	const struct entry *x = &e->entry;

	if (x->root)
		return arena_printf(&t->arena, "%s (%s)",
			root_host_path(x->root, x->source, &t->arena), e->reason);
	return e->reason;
}

struct err *tree_is_same(
	const struct tree_entry *e, struct root *from, const char *source, bool *same)
{
	drop(file_drop) struct file *x = NULL, *y = NULL;

	struct root *root = e->old_root ? e->old_root : e->entry.root;
	const char *path = e->old_root ? e->old_source : e->entry.source;

	*same = S_ISREG(e->entry.mode) && root == from && strcmp(path, source) == 0;
	if (*same || !S_ISREG(e->entry.mode) || !root)
		return NULL;
	TRY(root_open_file(root, path, &x));
	TRY(root_open_file(from, source, &y));
	return compare_files(x, y, same);
}

static struct err *is_same_content(
	const struct tree_entry *old, const struct tree_entry *new, bool *same)
{
	const struct entry *x = &old->entry, *y = &new->entry;

	*same = (x->mode & S_IFMT) == (y->mode & S_IFMT);
	if (!*same || S_ISDIR(x->mode))
		return NULL;
	if (S_ISLNK(x->mode))
		*same = strcmp(x->target, y->target) == 0;
	else if (x->bytes || y->bytes)
		*same = x->bytes && y->bytes && x->size == y->size &&
			memcmp(x->bytes, y->bytes, (size_t)x->size) == 0;
	else
		return tree_is_same(old, y->root, y->source, same);
	return NULL;
}

static mode_t parent_mode(const struct tree *t, const char *path)
{
	const struct walk *w = t->like ? root_walk_parent(t->like, path) : NULL;

	return w && !w->error && S_ISDIR(w->node.mode) ? w->node.mode & 07777 : 0755;
}

// Owners and time of an entry.
static void take_facts(const struct tree *t, struct tree_entry *e)
{
	const struct walk *w = t->like ? root_walk_parent(t->like, e->entry.path) : NULL;
	bool is_its = w && !w->error && (w->node.mode & S_IFMT) == (e->entry.mode & S_IFMT) &&
		(!e->entry.root || e->entry.root == t->like) && !e->entry.bytes;

	e->entry.mtime = is_its ? w->node.mtime : t->mtime;
	if (!is_its)
		return;
	e->entry.uid = w->node.uid;
	e->entry.gid = w->node.gid;
}

// Directories are made for what lies in them; each is as stable as the most stable of it.
static struct err *add_parents(struct tree *t, const struct tree_entry *e)
{
	const char *slash = strrchr(e->entry.path, '/');

	if (slash == e->entry.path)
		return NULL;
	drop(mem_drop) char *parent = str_ndup(e->entry.path, (size_t)(slash - e->entry.path));
	struct tree_entry *known = map_get(&t->paths, parent);

	if (!known)
		return add(t,
			(struct tree_entry){
				.entry = {.path = parent, .mode = S_IFDIR | parent_mode(t, parent)},
				.part = e->part,
				.reason = "holds what lies in it",
				.is_implied = true});
	if (!S_ISDIR(known->entry.mode))
		return err_new(ERR_USAGE, "%s (%s) lies below %s, which is no directory (%s)",
			e->entry.path, e->reason, parent, known->reason);
	if (known->part <= e->part)
		return NULL;
	known->part = e->part;
	return add_parents(t, known);
}

static struct err *merge(struct tree *t, struct tree_entry *old, const struct tree_entry *new)
{
	bool same;

	TRY(is_same_content(old, new, &same));
	if (!same)
		return err_hint(err_new(ERR_USAGE, "two files claim %s in the image: %s, and %s",
					old->entry.path, origin_text(t, old), origin_text(t, new)),
			"give one of them another place with --install or --add");
	if (old->is_implied && !new->is_implied) {
		old->entry.mode = new->entry.mode;
		old->reason = arena_strdup(&t->arena, new->reason);
		old->is_implied = false;
	}
	if (new->part >= old->part)
		return NULL;
	old->part = new->part;
	return add_parents(t, old);
}

static struct err *add(struct tree *t, struct tree_entry e)
{
	struct tree_entry *old = map_get(&t->paths, e.entry.path);

	if (strcmp(e.entry.path, "/") == 0)
		return NULL;
	if (old)
		return merge(t, old, &e);
	struct tree_entry *kept = arena_new(&t->arena, struct tree_entry);

	e.entry.path = arena_strdup(&t->arena, e.entry.path);
	take_facts(t, &e);
	// Thousands of files come for one reason.
	if (!t->reason || strcmp(t->reason, e.reason) != 0)
		t->reason = arena_strdup(&t->arena, e.reason);
	e.reason = t->reason;
	*kept = e;
	*map_at_kept(&t->paths, &t->arena, e.entry.path) = kept;
	vec_push(&t->arena, &t->entries, kept);
	return add_parents(t, kept);
}

// What belongs to the file on every machine; labels of this machine's security modules do not.
static bool is_kept_xattr(const char *name)
{
	return strcmp(name, "security.capability") == 0 || strncmp(name, "user.", 5) == 0;
}

static struct err *take_xattrs(
	struct tree *t, struct root *from, const char *source, struct entry *e)
{
	struct xattrs all = {0};

	TRY(root_xattrs(from, source, &t->arena, &all));
	vec_each (x, &all)
		if (from == t->like || is_kept_xattr(x->name))
			vec_push(&t->arena, &e->xattrs, *x);
	return NULL;
}

struct err *tree_add_file(struct tree *t, const char *path, struct root *from, const char *source,
	mode_t mode, enum part part, const char *reason)
{
	const struct walk *w = root_walk(from, source);
	struct tree_entry e = {.part = part, .reason = reason};

	if (w->error)
		return err_sys(w->error, "%s", root_host_path(from, source, &t->arena));
	e.entry = (struct entry){
		.path = path,
		.mode = S_IFREG | (mode ? mode & 07777 : w->node.mode & 07777),
		.size = w->node.size,
		.root = from,
		.source = w->path,
	};
	e.ino = from == t->like ? w->node.ino : 0;
	if (!tree_find(t, path))
		TRY(take_xattrs(t, from, w->path, &e.entry));
	return add(t, e);
}

struct err *tree_add_bytes(struct tree *t, const char *path, struct span bytes, mode_t mode,
	enum part part, const char *reason)
{
	char *copy = arena_alloc(&t->arena, bytes.len + 1);

	if (bytes.len)
		memcpy(copy, bytes.ptr, bytes.len);
	return add(t,
		(struct tree_entry){.part = part,
			.reason = reason,
			.entry = {.path = path,
				.mode = S_IFREG | (mode & 07777),
				.size = bytes.len,
				.bytes = copy}});
}

struct err *tree_add_link(
	struct tree *t, const char *path, const char *target, enum part part, const char *reason)
{
	return add(t,
		(struct tree_entry){.part = part,
			.reason = reason,
			.entry = {.path = path,
				.mode = S_IFLNK | 0777,
				.target = arena_strdup(&t->arena, target)}});
}

struct err *tree_add_dir(
	struct tree *t, const char *path, mode_t mode, enum part part, const char *reason)
{
	return add(t,
		(struct tree_entry){.part = part,
			.reason = reason,
			.entry = {.path = path, .mode = S_IFDIR | (mode & 07777)}});
}

struct err *tree_add_walk(
	struct tree *t, struct root *from, const struct walk *w, enum part part, const char *reason)
{
	for (size_t i = 0; i < w->nlinks; i++)
		TRY(tree_add_link(t, w->links[i].path, w->links[i].target, part, reason));
	if (S_ISREG(w->node.mode))
		return tree_add_file(t, w->path, from, w->path, 0, part, reason);
	if (S_ISLNK(w->node.mode))
		return tree_add_link(t, w->path, w->node.target, part, reason);
	if (S_ISDIR(w->node.mode))
		return tree_add_dir(t, w->path, w->node.mode & 07777, part, reason);
	return NULL; // devices and sockets are the engine's to make
}

void tree_forget(struct tree *t, struct tree_entry *e)
{
	size_t n = 0;

	vec_each (x, &t->entries)
		if (*x != e)
			t->entries.at[n++] = *x;
	t->entries.len = n;
	*map_at(&t->paths, &t->arena, e->entry.path) = NULL;
}

void tree_adopt(struct tree *t, struct root *root)
{
	t->smaller = root;
}

void tree_replace(
	struct tree *t, struct tree_entry *e, struct root *from, const char *source, uint64_t size)
{
	e->old_root = e->entry.root;
	e->old_source = e->entry.source;
	e->old_size = e->entry.size;
	e->entry.root = from;
	e->entry.source = arena_strdup(&t->arena, source);
	e->entry.size = size;
}

// ---- where a path lies ----

// The link at path, in the tree or in `like`, which then gives it to the tree; NULL: none there.
static struct err *link_at(
	struct tree *t, struct root *like, const char *path, enum part part, const char **target)
{
	const struct tree_entry *known = tree_find(t, path);

	*target = NULL;
	if (known) {
		*target = S_ISLNK(known->entry.mode) ? known->entry.target : NULL;
		return NULL;
	}
	if (!like)
		return NULL;
	const struct walk *w = root_walk_parent(like, path);

	if (w->error || !S_ISLNK(w->node.mode) || strcmp(w->path, path) != 0)
		return NULL;
	*target = w->node.target;
	return tree_add_link(t, path, *target, part, "a link of the sysroot");
}

struct err *tree_place(
	struct tree *t, struct root *like, const char *path, enum part part, const char **out)
{
	drop(arena_drop) struct arena scratch = {0};
	struct arena *a = &scratch;
	const char *end = path[0] && path[strlen(path) - 1] == '/' ? "/" : "";
	char *at = arena_printf(a, "%s%s", path_lexical(a, path), end);
	int followed = 0;

	for (char *slash = at + 1; (slash = strchr(slash, '/'));) {
		const char *target, *parent = arena_strndup(a, at, (size_t)(slash - at));

		TRY(link_at(t, like, parent, part, &target));
		if (!target) {
			slash++;
			continue;
		}
		if (++followed > 40)
			return err_sys(ELOOP, "%s in the image", path);
		const char *dir =
			target[0] == '/' ? target : arena_printf(a, "%s/../%s", parent, target);

		at = arena_printf(
			a, "%s%s", path_lexical(a, arena_printf(a, "%s%s", dir, slash)), end);
		slash = at + 1;
	}
	*out = path_lexical(&t->arena, at);
	return NULL;
}

// ---- finished ----

static int by_path(const void *x, const void *y)
{
	const struct tree_entry *const *a = x, *const *b = y;

	return strcmp((*a)->entry.path, (*b)->entry.path);
}

// Hard links of one file belong into one layer: the most stable that any of them is of.
static void join_links(struct tree *t)
{
	struct map first = {0};

	for (int pass = 0; pass < 2; pass++)
		vec_each (e, &t->entries) {
			char key[24];

			if (!(*e)->ino)
				continue;
			snprintf(key, sizeof(key), "%llu", (unsigned long long)(*e)->ino);
			void **known = map_at(&first, &t->arena, key);
			struct tree_entry *f = *known ? *known : *e;

			*known = f;
			if ((*e)->part < f->part)
				f->part = (*e)->part;
			(*e)->part = f->part;
		}
}

void tree_finish(struct tree *t)
{
	if (t->like)
		join_links(t);
	if (t->entries.len)
		qsort(t->entries.at, t->entries.len, sizeof(*t->entries.at), by_path);
}

// ---- as a root ----

struct tree_as_root {
	struct root root;
	struct tree *tree;
};

struct bytes_file {
	struct file file;
	const char *bytes;
};

static int tree_lstat(struct root *r, const char *path, struct node *out)
{
	struct tree *t = ((struct tree_as_root *)r)->tree;
	const struct tree_entry *e = tree_find(t, path);

	if (strcmp(path, "/") == 0) {
		*out = (struct node){.mode = S_IFDIR | 0755};
		return 0;
	}
	if (!e)
		return ENOENT;
	*out = (struct node){
		.mode = e->entry.mode,
		.uid = e->entry.uid,
		.gid = e->entry.gid,
		.size = e->entry.size,
		.mtime = e->entry.mtime,
		.target = e->entry.target,
	};
	return 0;
}

static struct err *bytes_pread(struct file *f, void *buf, size_t n, uint64_t off, size_t *got)
{
	memcpy(buf, ((struct bytes_file *)f)->bytes + off, n);
	*got = n;
	return NULL;
}

static void bytes_close(struct file *f)
{
	(void)f;
}

static struct err *tree_open(struct root *r, const char *path, struct file **out)
{
	static const struct file_ops ops = {bytes_pread, bytes_close};
	const struct tree_entry *e = tree_find(((struct tree_as_root *)r)->tree, path);

	if (!e || !S_ISREG(e->entry.mode))
		return err_new(ERR_FAILED, "%s is no regular file in the image", path);
	if (!e->entry.bytes)
		return root_open_file(e->entry.root, e->entry.source, out);
	struct bytes_file *f = file_new(sizeof(*f), &ops, e->entry.size);

	f->bytes = e->entry.bytes;
	*out = &f->file;
	return NULL;
}

static struct err *tree_list(
	struct root *r, const char *path, struct arena *a, struct strings *names)
{
	struct tree *t = ((struct tree_as_root *)r)->tree;
	size_t n = strlen(path) == 1 ? 0 : strlen(path);

	vec_each (e, &t->entries) {
		const char *p = (*e)->entry.path;

		if (strncmp(p, path, n) == 0 && p[n] == '/' && !strchr(p + n + 1, '/'))
			vec_push(a, names, arena_strdup(a, p + n + 1));
	}
	return NULL;
}

static void tree_root_close(struct root *r)
{
	(void)r;
}

struct root *tree_root(struct tree *t)
{
	static const struct root_ops ops = {
		tree_lstat, tree_open, tree_list, NULL, tree_root_close};
	struct tree_as_root *r = root_new(sizeof(*r), &ops, "image:");

	r->tree = t;
	return &r->root;
}
