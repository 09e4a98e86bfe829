// What the readers of one ELF file share: cached, bounded reads and its byte order and class.
// Only for ldd/elf*.c, ldd/rewrite*.c and ldd/unbound.c.
#pragma once
#include <libelf.h>

#include "ldd/elf.h"

enum {
	VIEW_HEAD = 1024,   // the first read: it has the headers and most notes
	VIEW_WINDOW = 8192, // every further one
	VIEW_WINDOWS = 4,
	VIEW_STRINGS = 4 << 20, // limit for all strings copied from one file
};

struct elf_view {
	struct file *f;
	uint64_t size;
	bool is_64, big_endian;
	struct err *err; // the first read that failed; from then on every read says false
	uint64_t string_budget;
	unsigned next;
	struct {
		uint64_t off;
		size_t len;
	} at[VIEW_WINDOWS];
	uint8_t bytes[VIEW_WINDOWS][VIEW_WINDOW]; // on the stack of the reader, filled on demand
};

void view_open(struct elf_view *v, struct file *f);
// The same for a file whose header is known.
void view_open_elf(struct elf_view *v, struct file *f, const struct elf *e);
// The bytes that are at hand from off on, at least one; an empty span outside the file.
struct span view_peek(struct elf_view *v, uint64_t off);
// What comes next is n bytes at off: reads no more than these where they are not at hand.
void view_expect(struct elf_view *v, uint64_t off, uint64_t n);
// n bytes at off copied to dst; false where they do not all lie in the file.
bool view_read(struct elf_view *v, uint64_t off, uint64_t n, void *dst);
// The NUL-ended string at off, ended before `end`; NULL where it is not. Lives in the arena.
const char *view_string(struct elf_view *v, uint64_t off, uint64_t end, struct arena *a);
// n structs of libelf's type t at off, in this machine's byte order; dst is aligned for them.
bool view_table(struct elf_view *v, uint64_t off, size_t n, Elf_Type t, void *dst);
// The size of one such struct in the file, and here.
size_t view_entry_size(const struct elf_view *v, Elf_Type t);
// The unsigned integer of n bytes at p.
static inline uint64_t view_uint(const struct elf_view *v, const void *p, unsigned n)
{
	uint64_t value = 0;

	(void)span_uint((struct span){p, n}, 0, n, v->big_endian, &value);
	return value;
}

// Field f of the struct Elf32_T or Elf64_T at p, after view_table.
#define VIEW_GET(v, p, T, f)                                                                       \
	((v)->is_64 ? (uint64_t)((const Elf64_##T *)(p))->f : (uint64_t)((const Elf32_##T *)(p))->f)

// Where the loaded address addr stands in the file, and how many bytes of its segment's file part
// follow; false where no PT_LOAD has it.
bool elf_locate(const struct elf *e, uint64_t addr, uint64_t *off, uint64_t *left);

// The parts of elf_read. Each returns why the file is broken, NULL where it is not.
const char *elf_read_notes(struct elf_view *v, uint64_t off, uint64_t size, uint64_t align,
	struct arena *a, struct elf *out);
const char *elf_read_versions(struct elf_view *v, struct arena *a, struct elf *out);

// Calls back for every version the file asks for (file is set) and defines (file is NULL).
struct elf_version_seen {
	const char *file, *version;
	uint16_t flags, index; // VER_FLG_*, vna_other or vd_ndx
};
const char *elf_each_version(struct elf_view *v, const struct elf *e, struct arena *a,
	void (*seen)(void *arg, const struct elf_version_seen *s), void *arg);

// The section of that name (NULL: any) and type (0: any): its place in the file. false where there
// is none; *has_sections says whether the file has usable section headers at all.
bool elf_find_section(struct elf_view *v, const char *name, uint32_t type, uint64_t *off,
	uint64_t *size, bool *has_sections);
