// DIR/blobs/sha256/HEX                   the blobs
// DIR/layers/HEX of identity/HEX of diff_id  a symbolic link to the blob that was made of it
// DIR/tmp/                               blobs being written; HEX.part: downloads to go on with
#include "oci/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/temp.h"

#define BLOBS "blobs/sha256"
#define LINK "../../" BLOBS "/"
#define TEMP_BASE "blob"
#define TEMP_CACHE "cache" // of a temporary cache's directory

struct cache {
	char *dir;
	int fd; // of dir
	// Only of a temporary cache: where it lies, and its name there.
	int parent;
	char temp[TEMP_NAME];
};

static struct err *make_parents(const char *dir)
{
	drop(mem_drop) char *path = str_dup(dir);

	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		mkdir(path, 0700); // the mode of a missing $XDG_CACHE_HOME; what fails shows below
		*p = '/';
	}
	return mkdir(path, 0755) && errno != EEXIST ? err_sys(errno, "%s", dir) : NULL;
}

static struct err *make_rooms(struct cache *c)
{
	static const char *const rooms[] = {"blobs", BLOBS, "layers", "tmp"};

	for (size_t i = 0; i < sizeof(rooms) / sizeof(*rooms); i++) {
		if (mkdirat(c->fd, rooms[i], 0755) && errno != EEXIST)
			return err_sys(errno, "%s/%s", c->dir, rooms[i]);
		if (faccessat(c->fd, rooms[i], R_OK | W_OK | X_OK, AT_EACCESS))
			return err_sys(errno, "%s/%s", c->dir, rooms[i]);
	}
	return NULL;
}

static struct err *open_kept(const char *dir, struct cache **out)
{
	drop(cache_drop) struct cache *c = mem_alloc(sizeof(*c));

	c->parent = c->fd = -1;
	c->dir = str_dup(dir);
	TRY(make_parents(dir));
	c->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->fd < 0)
		return err_sys(errno, "%s", dir);
	TRY(make_rooms(c));
	drop(fd_drop) int tmp = openat(c->fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	temp_sweep(tmp, TEMP_BASE);
	*out = take(c);
	return NULL;
}

static struct err *open_temporary(struct cache **out)
{
	drop(cache_drop) struct cache *c = mem_alloc(sizeof(*c));
	const char *parent = getenv("TMPDIR");

	if (!parent || !*parent)
		parent = "/tmp";
	c->fd = -1;
	c->parent = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->parent >= 0) {
		temp_sweep(c->parent, TEMP_CACHE);
		c->fd = temp_make(c->parent, TEMP_CACHE, S_IFDIR | 0700, c->temp);
	}
	if (c->fd < 0) {
		c->temp[0] = '\0';
		return err_hint(err_sys(errno, "temporary directory in %s", parent),
			"set TMPDIR to a directory with space for the image");
	}
	c->dir = str_printf("%s/%s", parent, c->temp);
	TRY(make_rooms(c));
	*out = take(c);
	return NULL;
}

// NULL where the environment names none.
static const char *default_dir(struct arena *a)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (xdg && xdg[0] == '/') // a relative one is to be ignored (XDG base directory spec)
		return arena_printf(a, "%s/imgmin", xdg);
	return home && home[0] == '/' ? arena_printf(a, "%s/.cache/imgmin", home) : NULL;
}

struct err *cache_open(const char *dir, bool is_temporary, struct arena *a, const char **warning,
	struct cache **out)
{
	*warning = NULL;
	if (is_temporary)
		return open_temporary(out);
	if (!dir)
		dir = default_dir(a);
	struct err *e = dir ? open_kept(dir, out)
			    : err_new(ERR_FAILED, "neither XDG_CACHE_HOME nor HOME is set");

	if (!e)
		return NULL;
	*warning = arena_printf(a, "layers are not kept for the next run: %s", err_text(e));
	err_drop(&e);
	return open_temporary(out);
}

void cache_drop(struct cache **pc)
{
	struct cache *c = *pc;

	if (!c)
		return;
	if (c->temp[0])
		temp_remove(c->parent, c->temp);
	temp_forget(c->temp);
	fd_drop(&c->fd);
	fd_drop(&c->parent);
	mem_drop(&c->dir);
	mem_drop(pc);
}

static char *blob_path(const struct digest *d)
{
	return str_printf(BLOBS "/%s", digest_hex(d));
}

static char *identity_path(const char *identity)
{
	struct digest d = digest_of(identity, strlen(identity));

	return str_printf("layers/%.32s", digest_hex(&d));
}

bool cache_may_have(const struct cache *c, const char *identity)
{
	drop(mem_drop) char *dir = identity_path(identity);

	return faccessat(c->fd, dir, F_OK, 0) == 0;
}

// The digest that the link at path names.
static bool link_read(const struct cache *c, const char *path, struct digest *out)
{
	const size_t prefix = strlen(LINK);
	char to[256];
	ssize_t n = readlinkat(c->fd, path, to, sizeof(to) - 1);

	if (n < 0)
		return false;
	to[n] = '\0';
	if (strncmp(to, LINK, prefix) != 0)
		return false;
	drop(mem_drop) char *text = str_printf("sha256:%s", to + prefix);

	return digest_parse(text, out);
}

// Is what stands at path really the blob d? Then *out is it.
static bool blob_check(
	const struct cache *c, const char *path, const struct digest *d, struct blob *out)
{
	drop(fd_drop) int fd = openat(c->fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	struct hasher h;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return false;
	hasher_init(&h, NULL);
	struct err *e = sink_copy_fd(&h.sink, fd, 0, (uint64_t)st.st_size, path);
	const struct digest is = hasher_digest(&h);

	if (e || !digest_equal(&is, d)) {
		err_drop(&e);
		return false;
	}
	*out = (struct blob){.fd = fd, .size = h.size, .owned = true};
	fd = -1;
	return true;
}

struct err *cache_find(struct cache *c, const struct digest *diff_id, const char *identity,
	struct digest *digest, struct blob *out, bool *found)
{
	drop(mem_drop) char *dir = identity_path(identity);
	drop(mem_drop) char *link = str_printf("%s/%s", dir, digest_hex(diff_id));

	*found = false;
	if (faccessat(c->fd, link, F_OK, AT_SYMLINK_NOFOLLOW))
		return NULL;
	if (!link_read(c, link, digest)) {
		unlinkat(c->fd, link, 0); // not one of ours
		return NULL;
	}
	drop(mem_drop) char *path = blob_path(digest);

	*found = blob_check(c, path, digest, out);
	if (!*found) {
		unlinkat(c->fd, path, 0);
		unlinkat(c->fd, link, 0);
	}
	return NULL;
}

struct cache_entry {
	struct sink sink;
	struct cache *cache;
	struct hasher hasher;
	struct fd_sink file;
	char *name;
	int tmp;
	char temp[TEMP_NAME];
};

static struct err *explain(struct err *e)
{
	if (e && (err_number(e) == ENOSPC || err_number(e) == EDQUOT))
		return err_hint(e,
			"free some space there, or choose another place with "
			"--cache-dir");
	return e;
}

static struct err *entry_write(struct sink *s, const void *bytes, size_t n)
{
	return explain(sink_write(&((struct cache_entry *)s)->hasher.sink, bytes, n));
}

struct err *cache_begin(struct cache *c, struct cache_entry **out)
{
	drop(cache_entry_drop) struct cache_entry *e = mem_alloc(sizeof(*e));

	e->sink.write = entry_write;
	e->cache = c;
	e->name = str_printf("layer cache %s", c->dir);
	e->file.fd = -1;
	e->tmp = openat(c->fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (e->tmp < 0)
		return err_sys(errno, "open %s", e->name);
	int fd = temp_make(e->tmp, TEMP_BASE, 0644, e->temp);

	if (fd < 0) {
		e->temp[0] = '\0';
		return explain(err_sys(errno, "write %s", e->name));
	}
	fd_sink_init(&e->file, fd, e->name);
	hasher_init(&e->hasher, &e->file.sink);
	*out = take(e);
	return NULL;
}

struct sink *cache_entry_sink(struct cache_entry *e)
{
	return &e->sink;
}

// Made in one step; where another process was faster its link is as good.
static struct err *link_make(const struct cache_entry *e, const struct digest *diff_id,
	const char *identity, const struct digest *digest)
{
	const int at = e->cache->fd;
	drop(mem_drop) char *dir = identity_path(identity);
	drop(mem_drop) char *link = str_printf("%s/%s", dir, digest_hex(diff_id));
	drop(mem_drop) char *to = str_printf(LINK "%s", digest_hex(digest));
	struct digest old;

	if (mkdirat(at, dir, 0755) && errno != EEXIST)
		return explain(err_sys(errno, "write %s", e->name));
	if (symlinkat(to, at, link) == 0 ||
		(link_read(e->cache, link, &old) && digest_equal(&old, digest)))
		return NULL;
	unlinkat(at, link, 0);
	if (symlinkat(to, at, link) && errno != EEXIST)
		return explain(err_sys(errno, "write %s", e->name));
	return NULL;
}

struct err *cache_commit(struct cache_entry *e, const struct digest *diff_id, const char *identity,
	struct digest *digest, struct blob *out)
{
	*digest = hasher_digest(&e->hasher);
	drop(mem_drop) char *path = blob_path(digest);

	if (renameat(e->tmp, e->temp, e->cache->fd, path))
		return explain(err_sys(errno, "write %s", e->name));
	e->temp[0] = '\0';
	if (diff_id)
		TRY(link_make(e, diff_id, identity, digest));
	*out = (struct blob){.fd = e->file.fd, .size = e->hasher.size, .owned = true};
	e->file.fd = -1;
	return NULL;
}

void cache_entry_drop(struct cache_entry **pe)
{
	struct cache_entry *e = *pe;

	if (!e)
		return;
	if (e->temp[0])
		unlinkat(e->tmp, e->temp, 0);
	temp_forget(e->temp);
	fd_drop(&e->file.fd);
	fd_drop(&e->tmp);
	mem_drop(&e->name);
	mem_drop(pe);
}

struct err *cache_get(struct cache *c, const struct digest *d, struct blob *out, bool *found)
{
	drop(mem_drop) char *path = blob_path(d);

	*found = false;
	if (faccessat(c->fd, path, F_OK, AT_SYMLINK_NOFOLLOW))
		return NULL;
	*found = blob_check(c, path, d, out);
	if (!*found)
		unlinkat(c->fd, path, 0);
	return NULL;
}

bool cache_has(const struct cache *c, const struct digest *d)
{
	drop(mem_drop) char *path = blob_path(d);

	return faccessat(c->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static char *partial_path(const struct digest *d)
{
	return str_printf("tmp/%s.part", digest_hex(d));
}

static bool is_at(const struct cache *c, const char *path, int fd)
{
	struct stat is, named;

	return !fstat(fd, &is) && !fstatat(c->fd, path, &named, AT_SYMLINK_NOFOLLOW) &&
		is.st_ino == named.st_ino && is.st_dev == named.st_dev;
}

struct err *cache_partial(struct cache *c, const struct digest *d, int *out)
{
	drop(mem_drop) char *path = partial_path(d);
	drop(fd_drop) int fd =
		openat(c->fd, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
	struct stat is;

	*out = -1;
	if (fd < 0 || fstat(fd, &is))
		return explain(err_sys(errno, "write layer cache %s", c->dir));
	if (!S_ISREG(is.st_mode) || flock(fd, LOCK_EX | LOCK_NB))
		return NULL;
	// Another process may have kept it between our open and our lock.
	if (!is_at(c, path, fd))
		return NULL;
	*out = fd;
	fd = -1;
	return NULL;
}

struct err *cache_keep(struct cache *c, const struct digest *d, int fd)
{
	drop(mem_drop) char *from = partial_path(d);
	drop(mem_drop) char *to = blob_path(d);

	// Where somebody emptied the cache meanwhile another's may stand there, or nothing. The
	// caller has what he needs all the same.
	if (!is_at(c, from, fd))
		return NULL;
	if (renameat(c->fd, from, c->fd, to))
		return explain(err_sys(errno, "write layer cache %s", c->dir));
	flock(fd, LOCK_UN);
	return NULL;
}

void cache_forget(struct cache *c, const struct digest *d)
{
	drop(mem_drop) char *path = partial_path(d);

	unlinkat(c->fd, path, 0);
}
