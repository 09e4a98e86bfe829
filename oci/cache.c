// DIR/blobs/sha256/HEX                   the blobs
// DIR/layers/HEX of identity/HEX of diff_id  a symbolic link to the blob that was made of it
// DIR/tmp/                               blobs being written; HEX.part: downloads to go on with
#include "oci/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/temp.h"
#include "oci/cache_impl.h"

#define LINK "../../" CACHE_BLOBS "/"
#define TEMP_CACHE "cache" // of a temporary cache's directory

static struct err *make_parents(const char *dir)
{
	drop(mem_drop) char *path = str_dup(dir);

	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		// The mode of a missing $XDG_CACHE_HOME; what fails shows below.
		(void)mkdir(path, 0700);
		*p = '/';
	}
	return mkdir(path, 0755) && errno != EEXIST ? err_sys(errno, "%s", dir) : NULL;
}

static struct err *make_rooms(struct cache *c)
{
	static const char *const rooms[] = {"blobs", CACHE_BLOBS, "layers", "tmp"};

	for (size_t i = 0; i < sizeof(rooms) / sizeof(*rooms); i++) {
		if (mkdirat(c->fd, rooms[i], 0755) && errno != EEXIST)
			return err_sys(errno, "%s/%s", c->dir, rooms[i]);
		if (faccessat(c->fd, rooms[i], R_OK | W_OK | X_OK, AT_EACCESS))
			return err_sys(errno, "%s/%s", c->dir, rooms[i]);
	}
	return NULL;
}

static struct err *make_kept(const char *dir, struct cache **out)
{
	drop(cache_drop) struct cache *c = mem_alloc(sizeof(*c));

	c->parent = c->fd = -1;
	c->dir = str_dup(dir);
	TRY(make_parents(dir));
	c->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->fd < 0)
		return err_sys(errno, "%s", dir);
	TRY(make_rooms(c));
	*out = take(c);
	return NULL;
}

static struct err *open_kept(const char *dir, struct cache **out)
{
	TRY(make_kept(dir, out));
	drop(fd_drop) int tmp = openat((*out)->fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	temp_sweep(tmp, CACHE_TEMP);
	cache_sweep_partials(tmp, CACHE_PARTIAL_DAYS);
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
const char *cache_default_dir(struct arena *a)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (xdg && xdg[0] == '/') // a relative one is to be ignored (XDG base directory spec)
		return arena_printf(a, "%s/imgmin", xdg);
	return home && home[0] == '/' ? arena_printf(a, "%s/.cache/imgmin", home) : NULL;
}

const char *cache_prepare(const char *dir, struct arena *a, bool *is_there)
{
	drop(cache_drop) struct cache *c = NULL;

	if (!dir)
		dir = cache_default_dir(a);
	struct err *e = dir ? make_kept(dir, &c) : NULL;

	err_drop(&e); // cache_open will meet it again, and tell
	*is_there = c != NULL;
	return dir;
}

struct err *cache_open(const char *dir, bool is_temporary, struct arena *a, const char **warning,
	struct cache **out)
{
	*warning = NULL;
	if (is_temporary)
		return open_temporary(out);
	if (!dir)
		dir = cache_default_dir(a);
	struct err *e = dir ? open_kept(dir, out)
			    : err_new(ERR_FAILED, "neither XDG_CACHE_HOME nor HOME is set");

	if (!e)
		return NULL;
	const char *why = arena_strdup(a, err_text(e));

	*warning = arena_printf(a, "layers are not kept for the next run: %s", why);
	err_drop(&e);
	TRY_AS(open_temporary(out), "%s; instead", why);
	return NULL;
}

void cache_drop(struct cache **pc)
{
	struct cache *c = *pc;

	if (!c)
		return;
	if (c->temp[0])
		temp_remove(c->parent, c->temp);
	else if (c->has_grown)
		cache_trim(c->fd);
	temp_forget(c->temp);
	fd_drop(&c->fd);
	fd_drop(&c->parent);
	mem_drop(&c->dir);
	mem_drop(pc);
}

bool cache_is_full(const struct cache *c)
{
	return c->is_full;
}

const char *cache_dir(const struct cache *c)
{
	return c->dir;
}

static char *blob_path(const struct digest *d)
{
	return str_printf(CACHE_BLOBS "/%s", digest_hex(d));
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
	futimens(fd, NULL); // when it was last of use; in somebody else's cache that may not work
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
		temp_remove(c->fd, link); // not one of ours
		return NULL;
	}
	drop(mem_drop) char *path = blob_path(digest);

	*found = blob_check(c, path, digest, out);
	if (!*found) {
		temp_remove(c->fd, path);
		unlinkat(c->fd, link, 0);
	}
	return NULL;
}

// Under its place for good; a directory that stands there gives way.
static bool keep_as(const struct cache *c, int dirfd, const char *name, const char *path)
{
	if (renameat(dirfd, name, c->fd, path) == 0)
		return true;
	if (errno != EISDIR)
		return false;
	temp_remove(c->fd, path);
	return renameat(dirfd, name, c->fd, path) == 0;
}

struct cache_entry {
	struct sink sink;
	struct cache *cache;
	struct hasher hasher;
	struct sink file; // after the hasher
	int fd;
	uint64_t size;   // written to fd
	bool is_spooled; // fd is an unlinked file elsewhere: nothing will be kept
	char *name;
	int tmp;
	char temp[TEMP_NAME];
};

static bool is_full(int number)
{
	return number == ENOSPC || number == EDQUOT;
}

static struct err *explain(struct err *e)
{
	if (e && is_full(err_number(e)))
		return err_hint(e,
			"free some space there (imgmin cache prune --all), or choose another place "
			"with --cache-dir or TMPDIR");
	return e;
}

// All of it, or an errno.
static int write_at(int fd, const char *bytes, size_t n, uint64_t off)
{
	while (n) {
		ssize_t done = pwrite(fd, bytes, n, (off_t)off);

		if (done < 0 && errno != EINTR)
			return errno;
		if (done <= 0)
			continue;
		bytes += done;
		off += (uint64_t)done;
		n -= (size_t)done;
	}
	return 0;
}

static char *spool_name(const struct cache *c)
{
	const char *dir = getenv("TMPDIR");

	return str_printf("temporary file in %s (the layer cache %s is full)",
		dir && *dir ? dir : "/tmp", c->dir);
}

// The cache has no room: what is there moves to a temporary file, and the image can still be made.
static struct err *spool_entry(struct cache_entry *e)
{
	drop(mem_drop) char *name = spool_name(e->cache);
	drop(fd_drop) int fd = -1;
	struct fd_sink to;

	TRY(spool_open(&fd));
	fd_sink_init(&to, fd, name);
	if (e->size)
		TRY(sink_copy_fd(&to.sink, e->fd, 0, e->size, e->name));
	if (e->temp[0])
		unlinkat(e->tmp, e->temp, 0);
	e->temp[0] = '\0';
	fd_drop(&e->fd);
	e->fd = fd;
	fd = -1;
	e->is_spooled = e->cache->is_full = true;
	mem_drop(&e->name);
	e->name = take(name);
	return NULL;
}

// A temporary cache lies where temporary files do.
static bool may_spool(const struct cache_entry *e, int error)
{
	return is_full(error) && !e->is_spooled && !e->cache->temp[0];
}

static struct err *file_write(struct sink *s, const void *bytes, size_t n)
{
	struct cache_entry *e = (void *)((char *)s - offsetof(struct cache_entry, file));
	int error = write_at(e->fd, bytes, n, e->size);

	if (may_spool(e, error)) {
		TRY(explain(spool_entry(e)));
		error = write_at(e->fd, bytes, n, e->size);
	}
	if (error)
		return explain(err_sys(error, "write %s", e->name));
	e->size += n;
	return NULL;
}

static struct err *entry_write(struct sink *s, const void *bytes, size_t n)
{
	return sink_write(&((struct cache_entry *)s)->hasher.sink, bytes, n);
}

struct err *cache_begin(struct cache *c, struct cache_entry **out)
{
	drop(cache_entry_drop) struct cache_entry *e = mem_alloc(sizeof(*e));

	e->sink.write = entry_write;
	e->file.write = file_write;
	e->cache = c;
	e->name = str_printf("layer cache %s", c->dir);
	e->fd = -1;
	hasher_init(&e->hasher, &e->file);
	e->tmp = openat(c->fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (e->tmp < 0)
		return err_sys(errno, "open %s", e->name);
	e->fd = temp_make(e->tmp, CACHE_TEMP, 0644, e->temp);
	if (e->fd < 0) {
		const int error = errno;

		e->temp[0] = '\0';
		if (!may_spool(e, error))
			return explain(err_sys(error, "write %s", e->name));
		TRY(explain(spool_entry(e)));
	}
	*out = take(e);
	return NULL;
}

struct sink *cache_entry_sink(struct cache_entry *e)
{
	return &e->sink;
}

// Made in one step; where another process was faster its link is as good. Without the link the
// layer is only made again next time.
static void link_make(const struct cache *c, const struct digest *diff_id, const char *identity,
	const struct digest *digest)
{
	drop(mem_drop) char *dir = identity_path(identity);
	drop(mem_drop) char *link = str_printf("%s/%s", dir, digest_hex(diff_id));
	drop(mem_drop) char *to = str_printf(LINK "%s", digest_hex(digest));
	struct digest old;

	// Once more where something else stood in the way, or dir was swept as an empty one.
	for (int i = 0; i < 2; i++) {
		mkdirat(c->fd, dir, 0755);
		if (symlinkat(to, c->fd, link) == 0)
			return;
		if (errno == ENOTDIR)
			temp_remove(c->fd, dir);
		else if (link_read(c, link, &old) && digest_equal(&old, digest))
			return;
		else
			temp_remove(c->fd, link);
	}
}

// The bytes are there, kept or not: what stands in the way of keeping them (no room, a cache that
// somebody emptied) costs the next run some time, and fails nothing.
struct err *cache_commit(struct cache_entry *e, const struct digest *diff_id, const char *identity,
	struct digest *digest, struct blob *out)
{
	struct cache *c = e->cache;

	*digest = hasher_digest(&e->hasher);
	drop(mem_drop) char *path = blob_path(digest);

	if (!e->is_spooled && keep_as(c, e->tmp, e->temp, path)) {
		e->temp[0] = '\0';
		c->has_grown = true;
		if (diff_id)
			link_make(c, diff_id, identity, digest);
	}
	*out = (struct blob){.fd = e->fd, .size = e->hasher.size, .owned = true};
	e->fd = -1;
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
	fd_drop(&e->fd);
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
		temp_remove(c->fd, path);
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
	if (fd < 0 && errno == EISDIR)
		temp_remove(c->fd, path);
	if (fd < 0 && (is_full(errno) || errno == EISDIR))
		return NULL;
	if (fd < 0 || fstat(fd, &is))
		return err_sys(errno, "write layer cache %s", c->dir);
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
	if (keep_as(c, c->fd, from, to))
		c->has_grown = true;
	futimens(fd, NULL); // its last bytes may be of an earlier run
	flock(fd, LOCK_UN);
	return NULL;
}

void cache_forget(struct cache *c, const struct digest *d)
{
	drop(mem_drop) char *path = partial_path(d);

	unlinkat(c->fd, path, 0);
}
