#include "base/root_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

#define LINKS_MAX 40       // path_resolution(7)
#define PATH_TEXT_MAX 4096 // PATH_MAX, with its NUL
#define REMEMBERED_MAX 64  // directories above one another whose walks are remembered

// Answers already given. One table for each way a last link can be treated, and one for what lies
// on the way: hundreds of paths lead through the same few directories and links.
struct root_memo {
	struct map followed, parents, nodes;
};

void *root_new(size_t size, const struct root_ops *ops, const char *name)
{
	struct root *r = mem_alloc(size);

	r->ops = ops;
	r->name = arena_strdup(&r->arena, name);
	r->memo = arena_new(&r->arena, struct root_memo);
	return r;
}

void root_drop(struct root **r)
{
	if (!*r)
		return;
	(*r)->ops->close(*r);
	arena_drop(&(*r)->arena);
	mem_drop(r);
}

bool root_is_host(const struct root *r)
{
	return r->is_host;
}

struct links {
	struct link *at;
	size_t len, cap;
};

// One walk under way: `done` is canonical and real, `rest` is still to be followed.
struct walking {
	struct root *root;
	char done[PATH_TEXT_MAX];
	size_t len;
	char rest[2 * PATH_TEXT_MAX];
	struct node node; // of done
	struct links links;
};

static void go_up(struct walking *w)
{
	while (w->len > 0 && w->done[--w->len] != '/')
		;
	w->done[w->len] = 0;
}

// Puts a link's target in front of what is left ("" or "/…"); false where that gets too long.
static bool push_target(struct walking *w, const char *target, const char *rest)
{
	size_t n = strlen(target), m = strlen(rest);

	if (n + m + 1 > sizeof(w->rest))
		return false;
	memmove(w->rest + n, rest, m + 1);
	memcpy(w->rest, target, n);
	return true;
}

static bool is_answer(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP || error == EACCES ||
		error == ENAMETOOLONG;
}

static int root_lstat(struct root *r, const char *path, struct node *out)
{
	const struct node *known = map_get(&r->memo->nodes, path);

	if (known) {
		*out = *known;
		return 0;
	}
	*out = (struct node){0};
	int error = r->ops->lstat(r, path[0] ? path : "/", out);

	if (error && !r->fault && !is_answer(error)) {
		r->fault = error;
		r->fault_at = arena_strdup(&r->arena, path[0] ? path : "/");
	}
	if (!error && (S_ISDIR(out->mode) || S_ISLNK(out->mode))) {
		struct node *kept = arena_new(&r->arena, struct node);

		*kept = *out;
		*map_at(&r->memo->nodes, &r->arena, path) = kept;
	}
	return error;
}

// Takes one name onto the real path; a link is put into rest instead.
static int step(struct walking *w, const char *name, size_t n, const char *rest, bool follow)
{
	if (!S_ISDIR(w->node.mode))
		return ENOTDIR;
	if (n == 2 && name[0] == '.' && name[1] == '.') {
		go_up(w);
		return root_lstat(w->root, w->done, &w->node);
	}
	if (n > 255 || w->len + 1 + n + 1 > sizeof(w->done))
		return ENAMETOOLONG;
	size_t parent = w->len;

	w->done[w->len] = '/';
	memcpy(w->done + w->len + 1, name, n);
	w->len += n + 1;
	w->done[w->len] = 0;
	int error = root_lstat(w->root, w->done, &w->node);

	if (error || !S_ISLNK(w->node.mode) || !follow)
		return error;
	if (w->links.len == LINKS_MAX)
		return ELOOP;
	struct arena *a = &w->root->arena;

	vec_push(a, &w->links, (struct link){arena_strdup(a, w->done), w->node.target});
	if (!w->node.target[0])
		return ENOENT;
	if (!push_target(w, w->node.target, rest))
		return ENAMETOOLONG;
	w->len = w->node.target[0] == '/' ? 0 : parent;
	w->done[w->len] = 0;
	return root_lstat(w->root, w->done, &w->node);
}

static int walk_rest(struct walking *w, bool follow_last)
{
	for (;;) {
		char *name = w->rest + strspn(w->rest, "/");
		size_t n = strcspn(name, "/");
		const char *rest = name + n;
		bool is_last = rest[strspn(rest, "/")] == 0;

		if (n == 0)
			return 0;
		if (!(n == 1 && name[0] == '.')) {
			// A slash after the last name asks for a directory, so a link there is
			// followed.
			bool follow = follow_last || !is_last || rest[0] == '/';
			size_t links = w->links.len;
			char copy[256];

			if (n < sizeof(copy))
				memcpy(copy, name, n);
			int error = step(w, n < sizeof(copy) ? copy : name, n, rest, follow);

			if (error)
				return error;
			if (w->links.len > links)
				continue; // rest begins with the link's target now
		}
		if (is_last && rest[0] == '/' && !S_ISDIR(w->node.mode))
			return ENOTDIR;
		memmove(w->rest, rest, strlen(rest) + 1);
	}
}

// Appends a name to a directory's path; false where that gets too long.
static bool join(char path[PATH_TEXT_MAX], const char *dir, const char *name)
{
	size_t n = dir[1] ? strlen(dir) : 0, m = strlen(name);

	if (m > 255 || n + 1 + m + 1 > PATH_TEXT_MAX)
		return false;
	char *end = mempcpy(path, dir, n);

	*end = '/';
	memcpy(end + 1, name, m + 1);
	return true;
}

static bool is_plain_name(const char *name)
{
	return name[0] && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

// The walk of `dir` is known, a directory without "." or "..", and `name` is one plain name in it:
// then one lstat decides, and one more for each link to a name beside it. NULL: it is not as
// simple.
static struct walk *walk_below(
	struct root *r, const struct walk *dir, const char *name, bool follow)
{
	struct links links = {0};
	char path[PATH_TEXT_MAX];
	struct node node;
	int error;

	if (dir->error || !S_ISDIR(dir->node.mode))
		return NULL;
	for (;; name = node.target) {
		if (!join(path, dir->path, name))
			return NULL;
		error = root_lstat(r, path, &node);
		if (error || !S_ISLNK(node.mode) || !follow)
			break;
		if (!links.len)
			for (size_t i = 0; i < dir->nlinks; i++)
				vec_push(&r->arena, &links, dir->links[i]);
		if (!is_plain_name(node.target) || links.len >= LINKS_MAX)
			return NULL;
		vec_push(&r->arena, &links,
			(struct link){arena_strdup(&r->arena, path), node.target});
	}
	struct walk *w = arena_new(&r->arena, struct walk);

	w->error = error;
	w->path = error ? NULL : arena_strdup(&r->arena, path);
	w->node = node;
	w->links = links.len ? links.at : dir->links;
	w->nlinks = links.len ? links.len : dir->nlinks;
	return w;
}

static const struct walk *walk_memo(struct root *r, const char *path, bool follow);

// A run path may hold two thousand names: the stack would not hold as many steps up.
static bool is_deep(const char *path)
{
	size_t n = 0;

	for (; (path = strchr(path, '/')); path++)
		n++;
	return n > REMEMBERED_MAX;
}

// The directory part is walked (and remembered) by itself, so that a thousand names in one
// directory cost one lstat each.
static struct walk *walk_by_directory(struct root *r, const char *path, bool follow)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_TEXT_MAX];

	if (!slash || !slash[1] || strcmp(slash, "/.") == 0 || strcmp(slash, "/..") == 0 ||
		is_deep(path))
		return NULL;
	size_t n = (size_t)(slash - path);

	if (n == 0 || n >= sizeof(dir))
		return NULL;
	memcpy(dir, path, n);
	dir[n] = 0;
	const struct walk *parent = walk_memo(r, dir, true);

	if (parent->error) {
		struct walk *w = arena_new(&r->arena, struct walk);

		*w = *parent;
		return w;
	}
	return walk_below(r, parent, slash + 1, follow);
}

static struct walk *walk_by_hand(struct root *r, const char *path, bool follow)
{
	struct walk *out = arena_new(&r->arena, struct walk);
	struct walking w; // 12 KB of text that nobody needs zeroed

	w.root = r;
	w.done[0] = 0;
	w.len = 0;
	memset(&w.links, 0, sizeof(w.links));
	if (strlen(path) >= PATH_TEXT_MAX) {
		out->error = ENAMETOOLONG;
		return out;
	}
	memcpy(w.rest, path, strlen(path) + 1);
	out->error = root_lstat(r, "/", &w.node);
	if (!out->error)
		out->error = walk_rest(&w, follow);
	if (!out->error)
		out->path = arena_strdup(&r->arena, w.len ? w.done : "/");
	out->node = w.node;
	out->links = w.links.at;
	out->nlinks = w.links.len;
	return out;
}

static const struct walk *walk_memo(struct root *r, const char *path, bool follow)
{
	struct map *memo = follow ? &r->memo->followed : &r->memo->parents;
	struct walk *known = map_get(memo, path);

	if (!known && follow) { // what is no link is the same, followed or not
		known = map_get(&r->memo->parents, path);
		if (known && !known->error && S_ISLNK(known->node.mode))
			known = NULL;
	}
	if (known)
		return known;
	known = walk_by_directory(r, path, follow);
	if (!known)
		known = walk_by_hand(r, path, follow);
	*map_at(memo, &r->arena, path) = known;
	return known;
}

const struct walk *root_walk(struct root *r, const char *path)
{
	return walk_memo(r, path, true);
}

const struct walk *root_walk_parent(struct root *r, const char *path)
{
	return walk_memo(r, path, false);
}

const char *root_why(struct root *r, const char *path)
{
	int error = root_walk(r, path)->error;
	const struct walk *last = root_walk_parent(r, path);

	return error == ENOENT && !last->error && S_ISLNK(last->node.mode)
		? "a link that leads nowhere"
		: strerror(error);
}

struct err *root_fault(struct root *r)
{
	if (!r->fault)
		return NULL;
	drop(arena_drop) struct arena a = {0};

	return err_sys(r->fault, "%s", root_host_path(r, r->fault_at, &a));
}

char *path_lexical(struct arena *a, const char *path)
{
	char *out = arena_alloc(a, strlen(path) + 2), *end = out;

	for (const char *at = path + strspn(path, "/"); *at; at += strspn(at, "/")) {
		size_t n = strcspn(at, "/");

		if (n == 2 && strncmp(at, "..", 2) == 0) {
			while (end > out && *--end != '/')
				;
		} else if (!(n == 1 && at[0] == '.')) {
			*end++ = '/';
			memcpy(end, at, n);
			end += n;
		}
		at += n;
	}
	*end = 0;
	if (end == out)
		strcpy(out, "/");
	return out;
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

const char *path_dir(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? arena_strndup(a, path, (size_t)(slash - path)) : "";
}

bool path_is_below(const char *path, const char *dir)
{
	size_t n = strcmp(dir, "/") == 0 ? 0 : strlen(dir);

	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == 0);
}

struct err *root_open_file(struct root *r, const char *path, struct file **out)
{
	return r->ops->open(r, path, out);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct err *root_list(struct root *r, const char *path, struct arena *a, struct strings *names)
{
	TRY(r->ops->list(r, path, a, names));
	if (names->len)
		qsort(names->at, names->len, sizeof(*names->at), by_text);
	return NULL;
}

struct err *root_read(
	struct root *r, const char *path, size_t max, struct arena *a, struct span *out)
{
	const struct walk *w = root_walk(r, path);
	drop(file_drop) struct file *f = NULL;
	size_t got = 0;

	*out = (struct span){0};
	if (w->error == ENOENT || w->error == ENOTDIR)
		return NULL;
	if (w->error)
		return err_sys(w->error, "%s", root_host_path(r, path, a));
	TRY(root_open_file(r, w->path, &f));
	if (file_size(f) > max)
		return err_new(
			ERR_FAILED, "%s: larger than %zu bytes", root_host_path(r, path, a), max);
	char *bytes = arena_alloc(a, (size_t)file_size(f) + 1);

	TRY(file_pread(f, bytes, (size_t)file_size(f), 0, &got));
	*out = (struct span){(const uint8_t *)bytes, got};
	return NULL;
}

const char *root_host_path(struct root *r, const char *path, struct arena *a)
{
	if (r->host_path)
		return r->host_path(r, path, a);
	if (r->is_host)
		return arena_strdup(a, path);
	return arena_printf(a, "%s%s%s", r->name, path[0] == '/' ? "" : "/", path);
}

struct err *root_xattrs(struct root *r, const char *path, struct arena *a, struct xattrs *out)
{
	return r->ops->xattrs ? r->ops->xattrs(r, path, a, out) : NULL;
}

void *file_new(size_t size, const struct file_ops *ops, uint64_t bytes)
{
	struct file *f = mem_alloc(size);

	f->ops = ops;
	f->size = bytes;
	return f;
}

uint64_t file_size(const struct file *f)
{
	return f->size;
}

struct err *file_pread(struct file *f, void *buf, size_t n, uint64_t off, size_t *got)
{
	*got = 0;
	if (off >= f->size)
		return NULL;
	if (n > f->size - off)
		n = (size_t)(f->size - off);
	return f->ops->pread(f, buf, n, off, got);
}

void file_drop(struct file **f)
{
	if (!*f)
		return;
	(*f)->ops->close(*f);
	mem_drop(f);
}
