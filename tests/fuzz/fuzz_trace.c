// Reads: builder/trace.c builder/trace_*.c
//
// A log of strace: every file comes once, is absolute and no kernel's own.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "builder/trace.h"
#include "tests/fuzz/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	drop(arena_drop) struct arena a = {0};
	struct map seen = {0};
	struct strings files;
	char path[64];
	size_t unknown;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory_fd((struct span){data, size}));
	drop(err_drop) struct err *e = trace_read(path, &a, &files, &unknown);

	if (e && files.len)
		abort();
	vec_each (file, &files) {
		void **slot = map_at(&seen, &a, *file);

		if ((*file)[0] != '/' || strlen(*file) >= PATH_MAX || *slot)
			abort();
		if (strncmp(*file, "/proc/", 6) == 0 || strncmp(*file, "/sys/", 5) == 0 ||
			strncmp(*file, "/dev/", 5) == 0)
			abort();
		*slot = &seen;
	}
	return 0;
}
