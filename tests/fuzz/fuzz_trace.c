// Reads: builder/trace.c builder/trace_*.c
//
// A log of strace: every file comes once, is absolute and no kernel's own.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/map.h"
#include "base/span.h"
#include "builder/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	drop(arena_drop) struct arena a = {0};
	static int fd = -1;
	struct map seen = {0};
	struct strings files;
	char path[64];
	size_t unknown;

	if (fd < 0)
		fd = memfd_create("log", 0);
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	drop(err_drop) struct err *e = trace_read(path, &a, &files, &unknown);

	if (e && files.len)
		abort();
	vec_each (file, &files) {
		void **slot = map_at(&seen, &a, *file);

		if ((*file)[0] != '/' || strlen(*file) >= PATH_MAX || *slot)
			abort();
		if (strncmp(*file, "/proc/", 6) == 0)
			abort();
		*slot = &seen;
	}
	return 0;
}
