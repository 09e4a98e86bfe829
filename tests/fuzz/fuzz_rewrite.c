// Reads: ldd/rewrite.c ldd/rewrite_*.c
//
// A smaller file made of any bytes: where one is planned, it is read and compared with the old one.
#include <string.h>

#include "ldd/rewrite.h"
#include "tests/fuzz/memory.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NEW_MAX = 1 << 22 };

static bool same(const char *a, const char *b)
{
	return !a || !b ? a == b : strcmp(a, b) == 0;
}

// Every fact that a loader needs.
static void compare(const struct elf *old, const struct elf *new, size_t ndropped)
{
	must(!new->not_elf && !new->broken);
	must(same(old->interp, new->interp) && same(old->soname, new->soname));
	must(same(old->runpath, new->runpath) && same(old->build_id, new->build_id));
	must(old->dlopen.len == new->dlopen.len && old->needs.len == new->needs.len);
	must(memcmp(&old->dt, &new->dt, sizeof(old->dt)) == 0);
	must(ndropped ? new->deps.len <= old->deps.len : new->deps.len == old->deps.len);
	must(old->loads.len == new->loads.len);
	for (size_t i = 0; i < old->loads.len; i++) {
		const struct elf_segment *s = &old->loads.at[i], *t = &new->loads.at[i];

		must(s->vaddr == t->vaddr && s->filesz == t->filesz && s->memsz == t->memsz);
		must((t->vaddr - t->offset) % 4096 == 0);
		must(t->align <= 1 || (t->vaddr - t->offset) % t->align == 0);
	}
}

// Do the tables that the dynamic section names lie among the headers? Only a file made on purpose
// has that, and what they hold changes then.
static bool reads_headers(const struct elf *e, const uint8_t *bytes)
{
	uint64_t tables[] = {e->dt.strtab, e->dt.verneed, e->dt.verdef}, end = 0, n = 0;
	bool is_64 = e->class == ELFCLASS64, big = e->data == ELFDATA2MSB;

	(void)span_uint((struct span){bytes, 64}, is_64 ? 32 : 28, is_64 ? 8 : 4, big, &end);
	(void)span_uint((struct span){bytes, 64}, is_64 ? 56 : 44, 2, big, &n);
	end += n * e->phentsize;
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		vec_each (s, &e->loads)
			if (tables[i] >= s->vaddr && tables[i] - s->vaddr < s->filesz &&
				s->offset + (tables[i] - s->vaddr) < end)
				return true;
	return false;
}

static void rewrite(struct span bytes, const struct rewrite_options *o)
{
	drop(arena_drop) struct arena a = {0};
	drop(file_drop) struct file *f = memory_file(bytes), *g = NULL;
	struct rewrite w;
	struct elf e, n;
	size_t got;

	must(!elf_read(f, &a, &e) && !rewrite_plan(f, &e, o, &a, &w));
	if (w.why_not) {
		must(strlen(w.why_not) > 0);
		return;
	}
	must(w.size <= bytes.len && w.sections_gone + w.padding_gone == bytes.len - w.size);
	g = rewrite_open(&w, take(f));
	uint8_t *all = arena_alloc(&a, w.size + 1);

	must(w.size <= NEW_MAX && !file_pread(g, all, w.size + 1, 0, &got) && got == w.size);
	must(!elf_read(g, &a, &n));
	if (!reads_headers(&e, all))
		compare(&e, &n, o->drop_needed ? o->drop_needed->len : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *names[] = {"libc.so.6", "liba.so"};
	static const struct strings drop_needed = {names, 2, 2};
	struct span bytes = {data, size};

	rewrite(bytes, &(struct rewrite_options){0});
	rewrite(bytes, &(struct rewrite_options){.drop_section_headers = true, .page_size = 4096});
	rewrite(bytes, &(struct rewrite_options){.page_size = 16384, .drop_needed = &drop_needed});
	return 0;
}
