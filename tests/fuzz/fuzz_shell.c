// Reads: builder/shell.c builder/shell_*.c
//
// Any text as a shell script: names come once, and trouble says its line.
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "builder/shell.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct strings *list, struct arena *a)
{
	struct map seen = {0};

	vec_each (text, list) {
		void **slot = map_at(&seen, a, *text);

		if (!**text || *slot)
			abort();
		*slot = &seen;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	drop(arena_drop) struct arena a = {0};
	struct shell_commands c;
	const char *broken;

	shell_read((struct span){data, size}, &a, &c, &broken);
	check(&c.names, &a);
	check(&c.unknown, &a);
	check(&c.sourced, &a);
	if (broken && strncmp(broken, "line ", 5) != 0)
		abort();
	return 0;
}
