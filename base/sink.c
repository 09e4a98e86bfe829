#include "base/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/temp.h"

#define COPY_SIZE (256u << 10)

struct err *sink_write(struct sink *s, const void *bytes, size_t n)
{
	return n ? s->write(s, bytes, n) : NULL;
}

struct err *sink_finish(struct sink *s)
{
	return s->finish ? s->finish(s) : NULL;
}

void fd_drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static struct err *buffer_write(struct sink *s, const void *bytes, size_t n)
{
	struct buffer *b = (struct buffer *)s;

	if (n > b->max - b->len)
		return err_new(ERR_FAILED, "%s is larger than %zu bytes", b->what, b->max);
	if (n >= b->cap - b->len) {
		b->cap = (b->len + n + 1) * 2;
		b->bytes = mem_resize(b->bytes, b->cap);
	}
	memcpy(b->bytes + b->len, bytes, n);
	b->len += n;
	b->bytes[b->len] = '\0';
	return NULL;
}

void buffer_init(struct buffer *b, size_t max, const char *what)
{
	*b = (struct buffer){.sink = {buffer_write, NULL}, .max = max, .what = what, .cap = 64};
	b->bytes = mem_alloc(b->cap);
}

void buffer_drop(struct buffer *b)
{
	mem_drop(&b->bytes);
	b->len = b->cap = 0;
}

static struct err *write_all(int fd, const char *bytes, size_t n, const char *name)
{
	while (n) {
		ssize_t done = write(fd, bytes, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_sys(errno, "write %s", name);
		bytes += done;
		n -= (size_t)done;
	}
	return NULL;
}

static struct err *fd_sink_write(struct sink *s, const void *bytes, size_t n)
{
	struct fd_sink *f = (struct fd_sink *)s;

	return write_all(f->fd, bytes, n, f->name);
}

void fd_sink_init(struct fd_sink *s, int fd, const char *name)
{
	*s = (struct fd_sink){.sink = {fd_sink_write, NULL}, .fd = fd, .name = name};
}

struct err *sink_copy_fd(struct sink *s, int fd, uint64_t off, uint64_t n, const char *name)
{
	drop(mem_drop) char *buf = mem_alloc(n < COPY_SIZE ? (size_t)n : COPY_SIZE);

	while (n) {
		ssize_t got = pread(fd, buf, n < COPY_SIZE ? (size_t)n : COPY_SIZE, (off_t)off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(errno, "read %s", name);
		if (got == 0)
			return err_new(ERR_FAILED, "%s is cut short", name);
		TRY(sink_write(s, buf, (size_t)got));
		off += (uint64_t)got;
		n -= (uint64_t)got;
	}
	return NULL;
}

struct err *fd_read_at(int fd, void *bytes, size_t n, uint64_t off, const char *name, size_t *got)
{
	*got = 0;
	while (*got < n) {
		ssize_t more = pread(fd, (char *)bytes + *got, n - *got, (off_t)(off + *got));

		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0)
			return err_sys(errno, "read %s", name);
		if (more == 0)
			break;
		*got += (size_t)more;
	}
	return NULL;
}

struct err *spool_open(int *out)
{
	const char *dir = getenv("TMPDIR");

	if (!dir || !*dir)
		dir = "/tmp";
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
		drop(mem_drop) char *name = str_printf("%s/imgmin-XXXXXX", dir);

		fd = mkostemp(name, O_CLOEXEC);
		if (fd >= 0)
			unlink(name);
	}
	if (fd < 0)
		return err_hint(err_sys(errno, "temporary file in %s", dir),
			"set TMPDIR to a directory with space for the image");
	*out = fd;
	return NULL;
}

// Where something is to appear: the directory it lies in, held open, and its name there.
struct target {
	char *path, *name;
	int dirfd;
};

static void target_drop(struct target *t)
{
	fd_drop(&t->dirfd);
	mem_drop(&t->path);
	mem_drop(&t->name);
}

static struct err *target_open(const char *path, struct target *t)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	*t = (struct target){.path = str_printf("%.*s", (int)n, path), .dirfd = -1};
	const char *slash = strrchr(t->path, '/');
	drop(mem_drop) char *dir =
		slash ? str_printf("%.*s", (int)(slash - t->path) + 1, t->path) : str_dup(".");

	t->name = str_dup(slash ? slash + 1 : t->path);
	if (!*t->name || strcmp(t->name, ".") == 0 || strcmp(t->name, "..") == 0)
		return err_new(ERR_FAILED, "cannot write '%s': it names no file", path);
	t->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->dirfd < 0)
		return err_sys(errno, "cannot write %s: directory %s", path, dir);
	return NULL;
}

// A file system that cannot sync a directory keeps renames its own way.
static struct err *sync_fd(int fd, const char *path)
{
	if (fsync(fd) && errno != EINVAL && errno != EROFS && errno != ENOTSUP)
		return err_sys(errno, "write %s", path);
	return NULL;
}

struct file_out {
	struct fd_sink to;
	struct target target;
	char temp[TEMP_NAME];
	bool is_direct; // a device, FIFO or socket, or somebody's open descriptor: nothing to
			// rename
};

// Renaming over /dev/stdout, even one redirected into a file, would only replace the link. Files in
// /dev/shm are files like others.
bool file_out_is_direct(const char *path)
{
	struct stat st;

	if (strncmp(path, "/dev/std", 8) == 0 || strncmp(path, "/dev/fd/", 8) == 0 ||
		strncmp(path, "/proc/", 6) == 0)
		return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static struct err *open_direct(struct file_out *f, const char *path)
{
	int fd = strcmp(path, "/dev/stdout") == 0 ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
						  : open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return err_sys(errno, "cannot write %s", path);
	f->is_direct = true;
	fd_sink_init(&f->to, fd, f->target.path);
	return NULL;
}

static struct err *open_temp(struct file_out *f, const char *path, mode_t mode)
{
	struct target *t = &f->target;
	struct stat st;

	if (path[strlen(path) - 1] == '/' ||
		(fstatat(t->dirfd, t->name, &st, 0) == 0 && S_ISDIR(st.st_mode)))
		return err_sys(EISDIR, "cannot write %s", path);
	temp_sweep(t->dirfd, t->name);
	int fd = temp_make(t->dirfd, t->name, mode & 07777, f->temp);

	if (fd < 0)
		return err_sys(errno, "cannot write %s", path);
	fd_sink_init(&f->to, fd, t->path);
	return NULL;
}

struct err *file_out_open(const char *path, mode_t mode, struct file_out **out)
{
	drop(file_out_drop) struct file_out *f = mem_alloc(sizeof(*f));

	f->to.fd = -1;
	TRY(target_open(path, &f->target));
	TRY(file_out_is_direct(path) ? open_direct(f, path) : open_temp(f, path, mode));
	*out = take(f);
	return NULL;
}

struct err *file_out_try(const char *path)
{
	drop(file_out_drop) struct file_out *f = NULL;

	return file_out_is_direct(path) ? NULL : file_out_open(path, 0600, &f);
}

struct sink *file_out_sink(struct file_out *f)
{
	return &f->to.sink;
}

int file_out_fd(struct file_out *f)
{
	return f->to.fd;
}

struct err *file_out_commit(struct file_out *f)
{
	struct target *t = &f->target;

	if (f->is_direct)
		return NULL;
	TRY(sync_fd(f->to.fd, t->path));
	if (renameat(t->dirfd, f->temp, t->dirfd, t->name))
		return err_sys(errno, "cannot write %s", t->path);
	f->temp[0] = '\0';
	return sync_fd(t->dirfd, t->path);
}

void file_out_drop(struct file_out **pf)
{
	struct file_out *f = *pf;

	if (!f)
		return;
	if (f->temp[0])
		unlinkat(f->target.dirfd, f->temp, 0);
	temp_forget(f->temp);
	fd_drop(&f->to.fd);
	target_drop(&f->target);
	mem_drop(pf);
}

struct dir_out {
	struct target target;
	char temp[TEMP_NAME];
	char *dir;
	int lock;
};

struct err *dir_out_open(const char *path, struct dir_out **out, const char **dir)
{
	drop(dir_out_drop) struct dir_out *d = mem_alloc(sizeof(*d));
	struct target *t = &d->target;
	struct stat st;

	d->lock = -1;
	TRY(target_open(path, t));
	if (fstatat(t->dirfd, t->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return err_sys(EEXIST, "cannot make directory %s", path);
	temp_sweep(t->dirfd, t->name);
	d->lock = temp_make(t->dirfd, t->name, S_IFDIR | 0777, d->temp);
	if (d->lock < 0)
		return err_sys(errno, "cannot make directory %s", path);
	d->dir = str_printf("%.*s%s", (int)(strlen(t->path) - strlen(t->name)), t->path, d->temp);
	*dir = d->dir;
	*out = take(d);
	return NULL;
}

struct err *dir_out_commit(struct dir_out *d)
{
	struct target *t = &d->target;

	// The files in it were synced by whoever wrote them, or not: one call does for all.
	if (syncfs(d->lock) && errno != EINVAL && errno != ENOSYS)
		return err_sys(errno, "write %s", t->path);
	int failed = renameat2(t->dirfd, d->temp, t->dirfd, t->name, RENAME_NOREPLACE);

	if (failed &&
		(errno == EINVAL || errno == ENOSYS)) // NFS, among others; never replaces files
		failed = renameat(t->dirfd, d->temp, t->dirfd, t->name);
	if (failed)
		return err_sys(errno, "cannot make directory %s", t->path);
	d->temp[0] = '\0';
	return sync_fd(t->dirfd, t->path);
}

void dir_out_drop(struct dir_out **pd)
{
	struct dir_out *d = *pd;

	if (!d)
		return;
	if (d->temp[0])
		temp_remove(d->target.dirfd, d->temp);
	temp_forget(d->temp);
	fd_drop(&d->lock);
	target_drop(&d->target);
	mem_drop(&d->dir);
	mem_drop(pd);
}
