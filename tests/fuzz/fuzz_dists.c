// Reads: builder/python_dists.c builder/python_metadata.c
//
// The metadata of a Python distribution; NUL bytes part the input into its files.
#include <string.h>

#include "builder/python_dists.h"
#include "tests/fuzz/memory.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DIST "/site/A_pkg-1.0.dist-info"

static void check(const struct python_dist *d, struct arena *a)
{
	must(!strcmp(d->name, "a-pkg") && d->files.len > 0 && d->tops.len > 0);
	vec_each (name, &d->tops) {
		must(**name && !strchr(*name, '\n'));
		for (const char *const *other = d->tops.at; other < name; other++)
			must(strcmp(*other, *name) != 0);
	}
	vec_each (name, &d->needs)
		must(**name && !strcmp(python_dist_name(*name, a), *name));
	must(d->needs.len <= 10000 && d->entries.len <= 10000);
	vec_each (e, &d->entries)
		must(!strpbrk(e->module, ": \t[\n") && !strpbrk(e->name, "=\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	drop(arena_drop) struct arena a = {0};
	struct memory_entry tree[] = {
		{"/site", {NULL, 0}},
		{DIST, {NULL, 0}},
		{DIST "/METADATA", {(const uint8_t *)"", 0}},
		{DIST "/entry_points.txt", {(const uint8_t *)"", 0}},
		{DIST "/requires.txt", {(const uint8_t *)"", 0}},
		{DIST "/top_level.txt", {(const uint8_t *)"", 0}},
		{DIST "/RECORD", {(const uint8_t *)"", 0}},
		{NULL, {NULL, 0}},
	};
	struct python_dists dists;

	for (size_t i = 2; size && tree[i].path; i++) {
		const uint8_t *nul = memchr(data, 0, size);
		size_t n = nul ? (size_t)(nul - data) : size;

		tree[i].bytes = (struct span){data, n};
		data += n + (nul != NULL);
		size -= n + (nul != NULL);
	}
	drop(root_drop) struct root *r = memory_root(tree);
	struct python_place place = {.root = r, .dir = "/site", .path = "/site"};
	const struct python_path path = {.places = {&place, 1, 1}};

	must(!python_dists_find(&path, &a, &dists) && dists.len == 1);
	check(&dists.at[0], &a);
	return 0;
}
