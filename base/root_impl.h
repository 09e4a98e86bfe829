// What an implementation of struct root provides; only for files that implement one.
#pragma once
#include "base/root.h"

struct root_ops {
	// The node at a canonical path, the last part not followed; the result is an errno, 0 if
	// found.
	int (*lstat)(struct root *r, const char *path, struct node *out);
	struct err *(*open)(struct root *r, const char *path, struct file **out);
	struct err *(*list)(
		struct root *r, const char *path, struct arena *a, struct strings *names);
	struct err *(*xattrs)(
		struct root *r, const char *path, struct arena *a, struct xattrs *out);
	void (*close)(struct root *r); // frees what the implementation holds, not r itself
};

struct file_ops {
	struct err *(*pread)(struct file *f, void *buf, size_t n, uint64_t off, size_t *got);
	void (*close)(struct file *f); // frees what the implementation holds, not f itself
};

struct root {
	const struct root_ops *ops;
	const char *name; // for messages
	bool is_host;
	// root_host_path where the name does not tell; NULL: it does.
	const char *(*host_path)(struct root *r, const char *path, struct arena *a);
	int fault; // the first errno that is no answer on the tree, and where
	const char *fault_at;
	struct arena arena; // remembered walks, and whatever the implementation puts there
	struct root_memo *memo;
};

struct file {
	const struct file_ops *ops;
	uint64_t size;
};

// A zeroed struct of `size` bytes that begins with struct root (struct file), ready for use.
void *root_new(size_t size, const struct root_ops *ops, const char *name);
void *file_new(size_t size, const struct file_ops *ops, uint64_t bytes);
// n bytes of an open descriptor from base on, as a file; the descriptor is closed with it if owned.
struct file *file_from_fd(int fd, bool owned, uint64_t base, uint64_t n, const char *name);
