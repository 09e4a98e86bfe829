// A file and a file tree that are bytes in memory, for fuzz targets.
#pragma once
#include "base/root.h"
#include "base/span.h"

struct file *memory_file(struct span bytes);

// An entry of a tree; bytes.ptr NULL: a directory. The list ends with path NULL. It must name every
// parent directory, and outlive the root.
struct memory_entry {
	const char *path;
	struct span bytes;
};
struct root *memory_root(const struct memory_entry *entries);

// The bytes in a file that has no name but /proc/self/fd/N, the result; the same one each time.
int memory_fd(struct span bytes);
