// Reads: ldd/ldconf.c
//
// ld.so.conf and the files it includes: NUL bytes part the input into files.
#include <stdlib.h>
#include <string.h>

#include "ldd/ldconf.h"
#include "tests/fuzz/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	drop(arena_drop) struct arena a = {0};
	struct memory_entry tree[] = {
		{"/etc", {NULL, 0}},
		{"/etc/ld.so.conf", {(const uint8_t *)"", 0}},
		{"/etc/ld.so.conf.d", {NULL, 0}},
		{"/etc/ld.so.conf.d/a.conf", {(const uint8_t *)"", 0}},
		{"/etc/ld.so.conf.d/b.conf", {(const uint8_t *)"", 0}},
		{"/etc/ld.so.conf.d/deep", {NULL, 0}},
		{"/etc/ld.so.conf.d/deep/c", {(const uint8_t *)"", 0}},
		{NULL, {NULL, 0}},
	};
	struct strings dirs;

	for (size_t i = 0; size && tree[i].path; i++) {
		const uint8_t *nul = memchr(data, 0, size);
		size_t n = nul ? (size_t)(nul - data) : size;

		if (!tree[i].bytes.ptr)
			continue;
		tree[i].bytes = (struct span){data, n};
		data += n + (nul != NULL);
		size -= n + (nul != NULL);
	}
	drop(root_drop) struct root *r = memory_root(tree);
	struct err *err = ldconf_read(r, &a, &dirs);

	err_drop(&err);
	vec_each (dir, &dirs) {
		if ((*dir)[0] != '/')
			abort();
		for (const char *const *other = dirs.at; other < dir; other++)
			if (strcmp(*other, *dir) == 0)
				abort();
	}
	return 0;
}
