// ELF files assembled byte by byte, for tests: one PT_LOAD over all of the file, a dynamic section,
// versions and one note. Include it after <cmocka.h>.
#pragma once
#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/root_impl.h"

#define BUILD_VADDR 0x10000 // the address of offset 0

struct build_need {
	const char *file, *version;
	uint16_t flags;
};
struct build_dyn {
	uint64_t tag, value;
};

// Zero means: 64-bit, little-endian, ET_DYN, x86-64.
struct build {
	uint8_t class, data, osabi, abiversion;
	uint16_t type, machine;
	uint32_t flags;
	const char *interp, *soname, *rpath, *runpath;
	const char *needed[8];
	struct build_need needs[8]; // each its own Verneed
	const char *defines[8];     // the first is the base version
	struct build_dyn dyn[8];
	const char *note_owner;
	uint32_t note_type;
	const void *note;
	size_t note_size, note_align;
};

struct built {
	uint8_t bytes[1 << 17];
	size_t size;
	bool is_64, is_big;
	size_t phdrs, nphdrs, dynamic, strings, strings_size, verneed, verdef, note;
};

static inline void built_put(struct built *b, size_t at, uint64_t value, unsigned n)
{
	assert_true(at + n <= sizeof(b->bytes));
	for (unsigned i = 0; i < n; i++)
		b->bytes[b->is_big ? at + n - 1 - i : at + i] = (uint8_t)(value >> 8 * i);
}

// Appends a number, or an address-sized number for n = 0.
static inline void built_add(struct built *b, uint64_t value, unsigned n)
{
	n = n ? n : b->is_64 ? 8 : 4;
	built_put(b, b->size, value, n);
	b->size += n;
}

static inline void built_align(struct built *b, size_t n)
{
	b->size = (b->size + n - 1) / n * n;
}

// Appends a text to the string table, and says where it stands in it.
static inline uint32_t built_text(struct built *b, const char *text)
{
	size_t at = b->size, n = strlen(text) + 1;

	assert_true(at + n <= sizeof(b->bytes));
	memcpy(b->bytes + at, text, n);
	b->size += n;
	return (uint32_t)(at - b->strings);
}

// The offset of program header i's field: 0 type, 1 offset, 2 vaddr, 3 filesz, 4 memsz, 5 flags,
// 6 align.
static inline size_t built_phdr(const struct built *b, size_t i, int field)
{
	static const size_t at64[] = {0, 8, 16, 32, 40, 4, 48}, at32[] = {0, 4, 8, 16, 20, 24, 28};

	return b->phdrs + i * (b->is_64 ? 56 : 32) + (b->is_64 ? at64 : at32)[field];
}

static inline void built_segment(
	struct built *b, uint32_t type, size_t off, size_t size, uint32_t flags, size_t align)
{
	unsigned n = b->is_64 ? 8 : 4;
	size_t i = b->nphdrs++;

	built_put(b, built_phdr(b, i, 0), type, 4);
	built_put(b, built_phdr(b, i, 1), off, n);
	built_put(b, built_phdr(b, i, 2), BUILD_VADDR + off, n);
	built_put(b, built_phdr(b, i, 3), size, n);
	built_put(b, built_phdr(b, i, 4), size, n);
	built_put(b, built_phdr(b, i, 5), flags, 4);
	built_put(b, built_phdr(b, i, 6), align, n);
}

static inline void built_header(struct built *b, const struct build *s)
{
	const uint8_t ident[] = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, b->is_64 ? 2 : 1,
		b->is_big ? 2 : 1, 1, s->osabi, s->abiversion};

	memcpy(b->bytes, ident, sizeof(ident));
	b->size = EI_NIDENT;
	built_add(b, s->type ? s->type : ET_DYN, 2);
	built_add(b, s->machine ? s->machine : EM_X86_64, 2);
	built_add(b, EV_CURRENT, 4);
	built_add(b, 0, 0);                  // entry
	built_add(b, b->is_64 ? 64 : 52, 0); // phoff
	built_add(b, 0, 0);                  // shoff
	built_add(b, s->flags, 4);
	built_add(b, b->is_64 ? 64 : 52, 2);
	built_add(b, b->is_64 ? 56 : 32, 2);
	built_add(b, 0, 2); // phnum, put later
	built_add(b, b->is_64 ? 64 : 40, 2);
	built_add(b, 0, 4); // shnum, shstrndx
	b->phdrs = b->size;
	b->size += 5 * (b->is_64 ? 56 : 32);
}

static inline void built_versions(struct built *b, const struct build *s, const uint32_t *names)
{
	built_align(b, 8);
	b->verneed = b->size;
	for (size_t i = 0; i < 8 && s->needs[i].file; i++) {
		bool is_last = i == 7 || !s->needs[i + 1].file;

		built_add(b, 1, 2);
		built_add(b, 1, 2); // one aux
		built_add(b, *names++, 4);
		built_add(b, 16, 4);
		built_add(b, is_last ? 0 : 32, 4);
		built_add(b, 0, 4);
		built_add(b, s->needs[i].flags, 2);
		built_add(b, i + 2, 2);
		built_add(b, *names++, 4);
		built_add(b, 0, 4);
	}
	b->verdef = b->size;
	for (size_t i = 0; i < 8 && s->defines[i]; i++) {
		bool is_last = i == 7 || !s->defines[i + 1];

		built_add(b, 1, 2);
		built_add(b, i == 0 ? VER_FLG_BASE : 0, 2);
		built_add(b, i + 1, 2);
		built_add(b, 1, 2);
		built_add(b, 0, 4);
		built_add(b, 20, 4);
		built_add(b, is_last ? 0 : 28, 4);
		built_add(b, *names++, 4);
		built_add(b, 0, 4);
	}
}

static inline void built_note(struct built *b, const struct build *s)
{
	size_t align = s->note_align ? s->note_align : 4;

	built_align(b, 8);
	b->note = b->size;
	if (!s->note_owner)
		return;
	built_add(b, strlen(s->note_owner) + 1, 4);
	built_add(b, s->note_size, 4);
	built_add(b, s->note_type, 4);
	memcpy(b->bytes + b->size, s->note_owner, strlen(s->note_owner) + 1);
	b->size += strlen(s->note_owner) + 1;
	built_align(b, align);
	memcpy(b->bytes + b->size, s->note, s->note_size);
	b->size += s->note_size;
	built_align(b, align);
}

static inline void built_dyn(struct built *b, uint64_t tag, uint64_t value)
{
	built_add(b, tag, 0);
	built_add(b, value, 0);
}

static inline void built_dynamic(
	struct built *b, const struct build *s, const uint32_t *needed, const uint32_t *names)
{
	built_align(b, 8);
	b->dynamic = b->size;
	for (size_t i = 0; i < 8 && s->needed[i]; i++)
		built_dyn(b, DT_NEEDED, needed[i]);
	if (s->soname)
		built_dyn(b, DT_SONAME, names[0]);
	if (s->rpath)
		built_dyn(b, DT_RPATH, names[1]);
	if (s->runpath)
		built_dyn(b, DT_RUNPATH, names[2]);
	built_dyn(b, DT_STRTAB, BUILD_VADDR + b->strings);
	built_dyn(b, DT_STRSZ, b->strings_size);
	if (s->needs[0].file)
		built_dyn(b, DT_VERNEED, BUILD_VADDR + b->verneed);
	if (s->defines[0])
		built_dyn(b, DT_VERDEF, BUILD_VADDR + b->verdef);
	for (size_t i = 0; i < 8 && s->dyn[i].tag; i++)
		built_dyn(b, s->dyn[i].tag, s->dyn[i].value);
	built_dyn(b, DT_NULL, 0);
}

static inline void build_elf(struct built *b, const struct build *s)
{
	uint32_t needed[8] = {0}, names[3] = {0}, versions[24] = {0}, *version = versions;
	size_t interp;

	*b = (struct built){.is_64 = s->class != ELFCLASS32, .is_big = s->data == ELFDATA2MSB};
	built_header(b, s);
	interp = b->strings = b->size;
	if (s->interp)
		built_text(b, s->interp);
	b->strings = b->size;
	built_text(b, "");
	for (size_t i = 0; i < 8 && s->needed[i]; i++)
		needed[i] = built_text(b, s->needed[i]);
	names[0] = s->soname ? built_text(b, s->soname) : 0;
	names[1] = s->rpath ? built_text(b, s->rpath) : 0;
	names[2] = s->runpath ? built_text(b, s->runpath) : 0;
	for (size_t i = 0; i < 8 && s->needs[i].file; i++) {
		*version++ = built_text(b, s->needs[i].file);
		*version++ = built_text(b, s->needs[i].version);
	}
	for (size_t i = 0; i < 8 && s->defines[i]; i++)
		*version++ = built_text(b, s->defines[i]);
	b->strings_size = b->size - b->strings;
	built_versions(b, s, versions);
	built_note(b, s);
	size_t note_end = b->size;

	built_dynamic(b, s, needed, names);
	built_segment(b, PT_LOAD, 0, b->size, PF_R, 4096);
	built_segment(b, PT_DYNAMIC, b->dynamic, b->size - b->dynamic, PF_R | PF_W, 8);
	if (s->interp)
		built_segment(b, PT_INTERP, interp, strlen(s->interp) + 1, PF_R, 1);
	if (s->note_owner)
		built_segment(b, PT_NOTE, b->note, note_end - b->note, PF_R,
			s->note_align ? s->note_align : 4);
	built_put(b, b->is_64 ? 56 : 44, b->nphdrs, 2);
}

// The file as an open one, without a name.
static inline struct file *built_file(const struct built *b)
{
	int fd = memfd_create("built", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, b->bytes, b->size), b->size);
	return file_from_fd(fd, true, 0, b->size, "built");
}

// The file at a path of this machine.
static inline void built_save(const struct built *b, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, b->bytes, b->size), b->size);
	close(fd);
}
