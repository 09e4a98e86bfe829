// Reads: ldd/elf.c ldd/elf_*.c ldd/abi.c
//
// Everything that reads an ELF file, on any bytes.
#include <stdlib.h>
#include <string.h>

#include "ldd/abi.h"
#include "tests/fuzz/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t sum;

// Every text that comes out must be one.
static void use(const char *text)
{
	sum += text ? strlen(text) : 0;
}

static void use_facts(const struct elf *e)
{
	use(e->interp);
	use(e->soname);
	use(e->rpath);
	use(e->runpath);
	use(e->build_id);
	vec_each (d, &e->deps)
		use(d->name);
	vec_each (n, &e->needs) {
		use(n->file);
		use(n->version);
	}
	vec_each (s, &e->defines)
		use(*s);
	vec_each (s, &e->dlopen)
		use(*s);
}

static void expect_success(struct err *err)
{
	if (err && strstr(err_text(err), "memory"))
		abort(); // reading from memory cannot fail
	err_drop(&err);
}

static void find_texts(struct file *f, const struct elf *e, struct arena *a)
{
	static const char *const texts[] = {"GLIBC_2.4", "/lib", "dlopen"};
	bool found[3] = {false};
	const char *after = NULL;

	expect_success(elf_find_texts(f, e, texts, 3, found));
	expect_success(elf_read_text_after(f, e, "GLIBC_", '.', a, &after));
	use(after);
	if (after && strchr(after, '.'))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	drop(arena_drop) struct arena a = {0};
	drop(file_drop) struct file *f = memory_file((struct span){data, size});
	struct elf_symbols symbols;
	struct strings names = {0}, dirs = {0};
	struct platform platform;
	struct elf_arm arm;
	struct elf e;
	const char *why;
	int goarm;
	bool is_go;

	if (elf_read(f, &a, &e))
		abort();
	use_facts(&e);
	expect_success(elf_read_symbols(f, &e, &a, &symbols));
	vec_each (s, &symbols) {
		use(s->name);
		use(s->version);
		use(s->file);
	}
	struct span array;

	if (elf_read_at(f, &e, e.dt.init_array, e.dt.init_arraysz, &a, &array) && array.len > size)
		abort();
	expect_success(elf_read_arm(f, &e, &arm));
	expect_success(elf_read_goarm(f, &e, &goarm, &is_go));
	expect_success(elf_read_lib_strings(f, &e, &a, &names));
	expect_success(elf_read_dir_strings(f, &e, &a, &dirs));
	vec_each (s, &names)
		use(*s);
	vec_each (s, &dirs)
		use(*s);
	find_texts(f, &e, &a);
	expect_success(elf_platform(f, &e, &platform));
	if (elf_fits(&e, &e, &a, &why) != ELF_FITS)
		use(why);
	use(elf_machine_text(&e, &a));
	return 0;
}
