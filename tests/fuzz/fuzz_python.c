// Reads: builder/python.c builder/python_*.c
//
// A Python source file, as the script of a small installation and by itself for newer versions.
#include <stdlib.h>
#include <string.h>

#include "builder/python.h"
#include "builder/python_imports.h"
#include "tests/fuzz/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIBRARY "/usr/lib/python3.11"
#define TEXT(s)                                                                                    \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}

static void scan(struct span text)
{
	drop(arena_drop) struct arena a = {0};
	struct map names = {0};
	struct python_source s;
	const struct python_scan_options o = {.name = "x.py",
		.minor = 13,
		.names = &names,
		.names_arena = &a,
		.wants_bodies = true};
	struct err *e = python_scan(&o, text, &a, &s);

	vec_each (i, &s.imports)
		if (i->instead_first > i->instead_end || i->instead_end > s.imports.len)
			abort();
	err_drop(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	drop(arena_drop) struct arena a = {0};
	const struct memory_entry tree[] = {
		{"/app", {NULL, 0}},
		{"/app/main.py", {data, size}},
		{"/app/own", {NULL, 0}},
		{"/app/own/__init__.py", {data, size}},
		{"/app/own/part.py", TEXT("from . import other, main\n")},
		{"/usr", {NULL, 0}},
		{"/usr/bin", {NULL, 0}},
		{"/usr/bin/python3.11", TEXT("\177ELF..PyInit_time\0.cpython-311-arm-x.so\0")},
		{"/usr/lib", {NULL, 0}},
		{LIBRARY, {NULL, 0}},
		{LIBRARY "/os.py", TEXT("import sys\n")},
		{LIBRARY "/json.py", {data, size}},
		{LIBRARY "/encodings", {NULL, 0}},
		{LIBRARY "/encodings/__init__.py", TEXT("")},
		{LIBRARY "/encodings/aliases.py", TEXT("{'l1' : 'latin_1', 'x")},
		{LIBRARY "/encodings/ascii.py", TEXT("")},
		{LIBRARY "/encodings/latin_1.py", TEXT("")},
		{LIBRARY "/encodings/utf_8.py", TEXT("")},
		{NULL, {NULL, 0}},
	};
	drop(root_drop) struct root *r = memory_root(tree);
	struct python_files files;
	struct err *e = python_collect(&(struct python_options){.sysroot = r,
					       .interpreter = "/usr/bin/python3.11",
					       .root = r,
					       .script = "/app/main.py",
					       .image_path = "/app/main.py"},
		&a, &files);

	for (size_t i = 1; !e && i < files.files.len; i++)
		if (strcmp(files.files.at[i - 1].path, files.files.at[i].path) >= 0)
			abort();
	err_drop(&e);
	scan((struct span){data, size});
	return 0;
}
