// What the parts of rewrite share: the tables of the old file. Only for ldd/rewrite*.c.
#pragma once
#include "ldd/elf_view.h"
#include "ldd/rewrite.h"

enum { REWRITE_PAGE_MIN = 4096, REWRITE_PAGE_MAX = 65536 };

// Bytes of the old file; `at` is where they go.
struct rewrite_range {
	uint64_t off, size, at;
	uint64_t align; // 0: it has its place already
};

struct rewrite_segment {
	uint32_t type;
	uint64_t off, vaddr, filesz, memsz, align;
	uint64_t new_off, new_align;
	// PT_LOAD only: the largest alignment of its sections, and how many bytes of it they name.
	uint64_t need, named;
};

struct rewrite_section {
	const char *name;
	uint32_t type;
	uint64_t flags, addr, off, size, align;
	size_t index;       // in the old table
	const uint8_t *raw; // its header as in the file
};

struct rewriter {
	struct elf_view *v;
	const struct elf *e;
	const struct rewrite_options *o;
	struct arena *a;   // for what is handed back
	struct arena *tmp; // for the tables
	struct rewrite *out;
	uint64_t page; // 0: the alignment the file has

	uint8_t *header, *phdrs; // as in the file; patched in the end
	uint64_t header_size, phoff, phdrs_size;
	uint64_t shoff, shdrs_size;
	vec(struct rewrite_segment) segments;
	struct rewrite_segment *loads[64]; // with file bytes, by their place in the file
	size_t nloads;
	bool may_move; // segments may get another place in the file

	vec(struct rewrite_section) kept; // those that the small table names
	vec(struct rewrite_range) known;  // everything that headers name
	vec(struct rewrite_range) blobs;  // kept bytes outside of the PT_LOADs
	vec(struct rewrite_piece) patches;
	uint64_t dropped; // DT_NEEDED entries taken out
};

// The steps; each returns why the file is to stay as it is, NULL to go on.
const char *rewrite_read_segments(struct rewriter *w);
const char *rewrite_read_sections(struct rewriter *w);
const char *rewrite_check_known(struct rewriter *w);
const char *rewrite_drop_needed(struct rewriter *w);

// The PT_LOAD whose file bytes hold all of [off, off+size); NULL: none.
struct rewrite_segment *rewrite_load_at(const struct rewriter *w, uint64_t off, uint64_t size);
// Keeps bytes that no PT_LOAD has.
void rewrite_keep(struct rewriter *w, uint64_t off, uint64_t size, uint64_t align);
// Where they go; `off` itself where they have not been kept.
uint64_t rewrite_place(const struct rewriter *w, uint64_t off, uint64_t size);

// Writes an unsigned integer of n bytes.
static inline void rewrite_put(const struct rewriter *w, uint8_t *p, unsigned n, uint64_t value)
{
	for (unsigned i = 0; i < n; i++)
		p[w->v->big_endian ? n - 1 - i : i] = (uint8_t)(value >> 8 * i);
}
#define REWRITE_PUT(w, p, T, f, value)                                                             \
	((w)->v->is_64 ? rewrite_put((w), (p) + offsetof(Elf64_##T, f),                            \
				 sizeof(((Elf64_##T *)0)->f), (value))                             \
		       : rewrite_put((w), (p) + offsetof(Elf32_##T, f),                            \
				 sizeof(((Elf32_##T *)0)->f), (value)))
#define REWRITE_GET(w, p, T, f)                                                                    \
	((w)->v->is_64 ? view_uint((w)->v, (p) + offsetof(Elf64_##T, f),                           \
				 sizeof(((Elf64_##T *)0)->f))                                      \
		       : view_uint((w)->v, (p) + offsetof(Elf32_##T, f),                           \
				 sizeof(((Elf32_##T *)0)->f)))
