// A directory of this machine as a root.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/root_impl.h"
#include "base/sink.h"

#define XATTRS_MAX 65536 // bytes of all names, or of one value: XATTR_SIZE_MAX of the kernel

struct dir_root {
	struct root root;
	int fd;
	// The directory asked for last, opened when it is asked for again: most libraries lie in
	// one.
	struct {
		char path[256];
		size_t len;
		int fd; // -1: not opened
	} near;
};

struct fd_file {
	struct file file;
	int fd;
	bool owned;
	uint64_t base;
	const char *name;
};

// Canonical "/usr/lib" is "usr/lib" for the *at() calls.
static const char *relative(const char *path)
{
	return path[1] ? path + 1 : ".";
}

static void forget(struct dir_root *d)
{
	if (d->near.fd >= 0)
		close(d->near.fd);
	d->near.fd = -1;
	d->near.len = 0;
}

// The descriptor and the name for the *at() calls: of its own directory where that was asked for
// just before, else of the root.
static int place(struct root *r, const char *path, const char **name)
{
	struct dir_root *d = (struct dir_root *)r;
	size_t n = (size_t)(strrchr(path, '/') - path);

	*name = relative(path);
	if (n == 0 || n >= sizeof(d->near.path))
		return d->fd;
	if (n != d->near.len || memcmp(path, d->near.path, n) != 0) {
		forget(d);
		memcpy(d->near.path, path, n);
		d->near.path[n] = 0;
		d->near.len = n;
		return d->fd;
	}
	if (d->near.fd < 0)
		d->near.fd = openat(d->fd, relative(d->near.path),
			O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (d->near.fd < 0)
		return d->fd;
	*name = path + n + 1;
	return d->near.fd;
}

static int dir_lstat(struct root *r, const char *path, struct node *out)
{
	const char *name;
	int dir = place(r, path, &name);
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno;
	*out = (struct node){
		.mode = st.st_mode,
		.uid = st.st_uid,
		.gid = st.st_gid,
		.size = (uint64_t)st.st_size,
		.mtime = st.st_mtim.tv_sec,
		.dev = st.st_dev,
		.ino = st.st_ino,
	};
	if (S_ISLNK(st.st_mode)) {
		char target[PATH_MAX];
		ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);

		if (n < 0)
			return errno;
		out->target = arena_strndup(&r->arena, target, (size_t)n);
	}
	return 0;
}

static struct err *fd_pread(struct file *f, void *buf, size_t n, uint64_t off, size_t *got)
{
	struct fd_file *d = (struct fd_file *)f;

	// n bytes are there by the size that the file had when it was opened.
	TRY(fd_read_at(d->fd, buf, n, d->base + off, d->name, got));
	return *got == n ? NULL : err_new(ERR_FAILED, "%s became shorter meanwhile", d->name);
}

static void fd_close(struct file *f)
{
	struct fd_file *d = (struct fd_file *)f;

	if (d->owned)
		close(d->fd);
	mem_drop(&d->name);
}

struct file *file_from_fd(int fd, bool owned, uint64_t base, uint64_t n, const char *name)
{
	static const struct file_ops ops = {fd_pread, fd_close};
	struct fd_file *f = file_new(sizeof(*f), &ops, n);

	f->fd = fd;
	f->owned = owned;
	f->base = base;
	f->name = str_dup(name);
	return &f->file;
}

static struct err *dir_open(struct root *r, const char *path, struct file **out)
{
	drop(mem_drop) char *shown = str_printf("%s%s", r->is_host ? "" : r->name, path);
	const char *name;
	int dir = place(r, path, &name);
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return err_sys(errno, "open %s", shown);
	struct err *e = fstat(fd, &st) < 0 ? err_sys(errno, "look at %s", shown)
		: !S_ISREG(st.st_mode)     ? err_new(ERR_FAILED, "%s is no regular file", shown)
					   : NULL;

	if (e) {
		close(fd);
		return e;
	}
	*out = file_from_fd(fd, true, 0, (uint64_t)st.st_size, shown);
	return NULL;
}

static struct err *dir_list(
	struct root *r, const char *path, struct arena *a, struct strings *names)
{
	int fd = openat(((struct dir_root *)r)->fd, relative(path),
		O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return err_sys(errno, "list %s", root_host_path(r, path, a));
	errno = 0;
	for (struct dirent *e; (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			vec_push(a, names, arena_strdup(a, e->d_name));
	int error = errno;

	closedir(d);
	return error ? err_sys(error, "list %s", root_host_path(r, path, a)) : NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct xattr *)a)->name, ((const struct xattr *)b)->name);
}

// A name vanished or the filesystem keeps none: then there is nothing to take along.
static bool no_xattrs(int error)
{
	return error == ENOTSUP || error == ENODATA || error == EPERM;
}

static struct err *fd_xattrs(int fd, const char *shown, struct arena *a, struct xattrs *out)
{
	char *names = arena_alloc(a, XATTRS_MAX), *value = arena_alloc(a, XATTRS_MAX);
	ssize_t n = flistxattr(fd, names, XATTRS_MAX);

	if (n < 0)
		return no_xattrs(errno) ? NULL : err_sys(errno, "attributes of %s", shown);
	for (const char *name = names; name < names + n; name += strlen(name) + 1) {
		ssize_t len = fgetxattr(fd, name, value, XATTRS_MAX);

		if (len < 0 && no_xattrs(errno))
			continue;
		if (len < 0)
			return err_sys(errno, "attribute %s of %s", name, shown);
		uint8_t *copy = arena_alloc(a, (size_t)len + 1);

		memcpy(copy, value, (size_t)len);
		vec_push(a, out, (struct xattr){arena_strdup(a, name), {copy, (size_t)len}});
	}
	if (out->len)
		qsort(out->at, out->len, sizeof(*out->at), by_name);
	return NULL;
}

static struct err *dir_xattrs(struct root *r, const char *path, struct arena *a, struct xattrs *out)
{
	const char *name;
	int dir = place(r, path, &name);
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return err_sys(errno, "open %s", root_host_path(r, path, a));
	// Nearly no file has any: look before room is made for them.
	struct err *e = flistxattr(fd, NULL, 0) == 0
		? NULL
		: fd_xattrs(fd, root_host_path(r, path, a), a, out);

	close(fd);
	return e;
}

static void dir_close(struct root *r)
{
	struct dir_root *d = (struct dir_root *)r;

	forget(d);
	close(d->fd);
}

struct err *root_open_dir(const char *dir, struct root **out)
{
	static const struct root_ops ops = {dir_lstat, dir_open, dir_list, dir_xattrs, dir_close};
	char real[PATH_MAX];

	if (!realpath(dir, real))
		return err_sys(errno, "open %s", dir);
	int fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(errno, "open %s", dir);
	struct dir_root *r = root_new(sizeof(*r), &ops, real);

	r->fd = fd;
	r->near.fd = -1;
	r->root.is_host = strcmp(real, "/") == 0;
	*out = &r->root;
	return NULL;
}
