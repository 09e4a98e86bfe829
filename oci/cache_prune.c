#include "oci/cache_prune.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/map.h"
#include "base/root.h"
#include "oci/cache_impl.h"

#define PARTIAL ".part"
#define TEMP_PREFIX "." CACHE_TEMP ".imgmin-"

// ---- reading directories ----

static void dir_drop(DIR **d)
{
	if (*d)
		closedir(*d);
}

static DIR *dir_open(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		fd_drop(&fd);
	return d;
}

static const char *next_name(DIR *d)
{
	for (struct dirent *e; (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			return e->d_name;
	return NULL;
}

static bool is_hex(const char *name, size_t n)
{
	return strlen(name) == n && strspn(name, "0123456789abcdef") == n;
}

// The first n characters of the name are a digest's.
static bool is_partial(const char *name)
{
	return strlen(name) == 64 + strlen(PARTIAL) && strspn(name, "0123456789abcdef") == 64 &&
		!strcmp(name + 64, PARTIAL);
}

static int64_t time_of(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

// ---- what there is ----

struct list {
	struct arena *a;
	int fd; // of the cache
	struct cache_contents *out;
	struct map layers; // hex digests that links lead to
};

static void add_item(struct list *l, enum cached_kind kind, const char *room, const char *name)
{
	const char *path = arena_printf(l->a, "%s/%s", room, name);
	const char *digest = NULL;
	struct stat st;

	// A directory or a FIFO in a blob's place goes like a blob, whatever is in it.
	if (fstatat(l->fd, path, &st, AT_SYMLINK_NOFOLLOW))
		return;
	if (kind != CACHED_PARTIAL || is_partial(name))
		digest = arena_printf(l->a, "sha256:%.64s", name);
	vec_push(l->a, &l->out->items,
		(struct cached){
			.kind = kind,
			.digest = digest,
			.size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0,
			.used = time_of(&st),
			.path = path,
		});
	l->out->size += l->out->items.at[l->out->items.len - 1].size;
}

static void list_links(struct list *l)
{
	drop(dir_drop) DIR *layers = dir_open(l->fd, "layers");
	const char *name;
	char to[256];

	while (layers && (name = next_name(layers))) {
		drop(dir_drop) DIR *of_one = dir_open(dirfd(layers), name);
		const char *link;

		while (of_one && (link = next_name(of_one))) {
			ssize_t n = readlinkat(dirfd(of_one), link, to, sizeof(to) - 1);

			if (n < 0)
				continue;
			to[n] = '\0';
			*map_at(&l->layers, l->a, path_base(to)) = l;
		}
	}
}

static void list_blobs(struct list *l)
{
	drop(dir_drop) DIR *d = dir_open(l->fd, CACHE_BLOBS);
	const char *name;

	while (d && (name = next_name(d)))
		if (is_hex(name, 64))
			add_item(l, map_get(&l->layers, name) ? CACHED_LAYER : CACHED_BLOB,
				CACHE_BLOBS, name);
}

static void list_partials(struct list *l)
{
	drop(dir_drop) DIR *d = dir_open(l->fd, "tmp");
	const char *name;

	while (d && (name = next_name(d)))
		if (is_partial(name) || !strncmp(name, TEMP_PREFIX, strlen(TEMP_PREFIX)))
			add_item(l, CACHED_PARTIAL, "tmp", name);
}

static int latest_first(const void *x, const void *y)
{
	const struct cached *a = x, *b = y;

	if (a->used != b->used)
		return a->used > b->used ? -1 : 1;
	return strcmp(a->path, b->path);
}

static void list_all(int fd, struct arena *a, struct cache_contents *out)
{
	struct list l = {.a = a, .fd = fd, .out = out};

	list_links(&l);
	list_blobs(&l);
	list_partials(&l);
	if (out->items.len)
		qsort(out->items.at, out->items.len, sizeof(*out->items.at), latest_first);
}

// *fd is -1 where there is no such directory.
static struct err *open_there(const char *dir, struct arena *a, const char **found, int *fd)
{
	*found = dir ? dir : cache_default_dir(a);
	if (!*found)
		return err_hint(err_new(ERR_FAILED, "neither XDG_CACHE_HOME nor HOME is set"),
			"name the cache with --cache-dir");
	*fd = open(*found, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *fd < 0 && errno != ENOENT ? err_sys(errno, "%s", *found) : NULL;
}

struct err *cache_list(const char *dir, struct arena *a, struct cache_contents *out)
{
	drop(fd_drop) int fd = -1;

	*out = (struct cache_contents){0};
	TRY(open_there(dir, a, &out->dir, &fd));
	if (fd >= 0)
		list_all(fd, a, out);
	return NULL;
}

// ---- what goes ----

static bool is_same(int fd, int at, const char *path)
{
	struct stat x, y;

	return !fstat(fd, &x) && !fstatat(at, path, &y, AT_SYMLINK_NOFOLLOW) &&
		x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

// Whoever writes holds a lock.
static bool remove_partial(int at, const char *path)
{
	drop(fd_drop) int fd = openat(at, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) || !is_same(fd, at, path))
		return false;
	temp_remove(at, path);
	return true;
}

static bool remove_item(int fd, const struct cached *c)
{
	struct stat st;

	if (c->kind == CACHED_PARTIAL)
		return remove_partial(fd, c->path);
	// Somebody may have used it since it was listed.
	if (fstatat(fd, c->path, &st, AT_SYMLINK_NOFOLLOW) || time_of(&st) > c->used)
		return false;
	temp_remove(fd, c->path);
	return true;
}

// Links that lead nowhere, and directories without any.
static void sweep_links(int fd)
{
	drop(dir_drop) DIR *layers = dir_open(fd, "layers");
	const char *name, *link;

	while (layers && (name = next_name(layers))) {
		drop(dir_drop) DIR *of_one =
			is_hex(name, 32) ? dir_open(dirfd(layers), name) : NULL;

		while (of_one && (link = next_name(of_one)))
			if (faccessat(dirfd(of_one), link, F_OK, 0))
				unlinkat(dirfd(of_one), link, 0);
		if (of_one)
			unlinkat(dirfd(layers), name, AT_REMOVEDIR); // stays unless it is empty
	}
}

static void remove_some(int fd, const struct cache_contents *all, const struct cache_prune *how,
	struct cache_pruned *out)
{
	uint64_t kept = all->size;

	*out = (struct cache_pruned){.dir = all->dir};
	for (size_t i = all->items.len; i-- > 0;) {
		const struct cached *c = &all->items.at[i];
		bool goes = c->used < how->used_before || kept > how->keep_size;

		if (goes && remove_item(fd, c)) {
			kept -= c->size;
			out->removed++;
			out->removed_size += c->size;
		}
	}
	out->left = all->items.len - out->removed;
	out->left_size = kept;
	if (out->removed)
		sweep_links(fd);
}

struct err *cache_prune(
	const char *dir, const struct cache_prune *how, struct arena *a, struct cache_pruned *out)
{
	drop(fd_drop) int fd = -1;
	struct cache_contents all = {0};

	*out = (struct cache_pruned){0};
	TRY(open_there(dir, a, &out->dir, &fd));
	if (fd < 0)
		return NULL;
	flock(fd, LOCK_EX); // after another one's
	list_all(fd, a, &all);
	all.dir = out->dir;
	remove_some(fd, &all, how, out);
	return NULL;
}

void cache_trim(int dir)
{
	drop(arena_drop) struct arena a = {0};
	// A lock of its own: that of a copied descriptor would be the same.
	drop(fd_drop) int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct cache_prune how = {.used_before = INT64_MIN, .keep_size = CACHE_MAX};
	struct cache_contents all = {0};
	struct cache_pruned done;

	if (fd < 0 || (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK))
		return; // another process is at it
	list_all(fd, &a, &all);
	if (all.size > how.keep_size)
		remove_some(fd, &all, &how, &done);
}

void cache_sweep_partials(int tmp, int days)
{
	drop(dir_drop) DIR *d = dir_open(tmp, ".");
	const time_t before = time(NULL) - (time_t)days * 24 * 3600;
	const char *name;
	struct stat st;

	while (d && (name = next_name(d)))
		if (is_partial(name) && !fstatat(tmp, name, &st, AT_SYMLINK_NOFOLLOW) &&
			st.st_mtime < before)
			remove_partial(tmp, name);
}
