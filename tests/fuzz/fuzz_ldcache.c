// Reads: ldd/ldcache.c
//
// ld.so.cache: any bytes are read; what was read is written, and reads back the same.
#include <stdlib.h>
#include <string.h>

#include "ldd/ldconf.h"
#include "tests/fuzz/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_cache(struct span bytes, struct arena *a, struct ldcache *out)
{
	const struct memory_entry tree[] = {
		{"/etc", {NULL, 0}}, {"/etc/ld.so.cache", bytes}, {NULL, {NULL, 0}}};
	drop(root_drop) struct root *r = memory_root(tree);

	if (ldcache_read(r, a, out))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	drop(arena_drop) struct arena a = {0};
	struct ldcache first, again;
	size_t plain = 0, text = 0;

	read_cache((struct span){data, size}, &a, &first);
	vec_each (e, &first) {
		plain += !(e->hwcap >> 62 & 1);
		text += strlen(e->name) + strlen(e->path) + 2;
	}
	if (text > 16 << 20) // entries may share strings, which are written one by one
		return 0;
	read_cache(ldcache_write(first.at, first.len, size & 1, &a), &a, &again);
	if (!again.is_present || again.len != plain)
		abort();
	return 0;
}
