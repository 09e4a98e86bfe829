#include "tests/fuzz/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/root_impl.h"

struct mem_file {
	struct file base;
	struct span bytes;
};

struct mem_root {
	struct root base;
	const struct memory_entry *entries;
};

static struct err *pread_memory(struct file *f, void *buf, size_t n, uint64_t off, size_t *got)
{
	struct span bytes = ((struct mem_file *)f)->bytes;

	*got = off >= bytes.len ? 0 : bytes.len - off < n ? bytes.len - (size_t)off : n;
	if (*got)
		memcpy(buf, bytes.ptr + off, *got);
	return NULL;
}

static void close_memory(struct file *f)
{
	(void)f;
}

struct file *memory_file(struct span bytes)
{
	static const struct file_ops ops = {pread_memory, close_memory};
	struct mem_file *f = file_new(sizeof(*f), &ops, bytes.len);

	f->bytes = bytes;
	return &f->base;
}

static const struct memory_entry *find(struct root *r, const char *path)
{
	for (const struct memory_entry *e = ((struct mem_root *)r)->entries; e->path; e++)
		if (strcmp(e->path, path) == 0)
			return e;
	return NULL;
}

static int lstat_memory(struct root *r, const char *path, struct node *out)
{
	const struct memory_entry *e = find(r, path);

	*out = (struct node){.mode = S_IFDIR | 0755};
	if (strcmp(path, "/") == 0)
		return 0;
	if (!e)
		return ENOENT;
	if (e->bytes.ptr) {
		out->mode = S_IFREG | 0644;
		out->size = e->bytes.len;
	}
	return 0;
}

static struct err *open_memory(struct root *r, const char *path, struct file **out)
{
	const struct memory_entry *e = find(r, path);

	if (!e || !e->bytes.ptr)
		return err_sys(ENOENT, "%s", path);
	*out = memory_file(e->bytes);
	return NULL;
}

static struct err *list_memory(
	struct root *r, const char *path, struct arena *a, struct strings *names)
{
	size_t n = strlen(path);

	for (const struct memory_entry *e = ((struct mem_root *)r)->entries; e->path; e++)
		if (strncmp(e->path, path, n) == 0 && e->path[n] == '/' &&
			!strchr(e->path + n + 1, '/'))
			vec_push(a, names, e->path + n + 1);
	return NULL;
}

static void close_root(struct root *r)
{
	(void)r;
}

struct root *memory_root(const struct memory_entry *entries)
{
	static const struct root_ops ops = {.lstat = lstat_memory,
		.open = open_memory,
		.list = list_memory,
		.close = close_root};
	struct mem_root *r = root_new(sizeof(*r), &ops, "memory");

	r->entries = entries;
	return &r->base;
}

int memory_fd(struct span bytes)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("input", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET) ||
		pwrite(fd, bytes.ptr, bytes.len, 0) != (ssize_t)bytes.len)
		abort();
	return fd;
}
