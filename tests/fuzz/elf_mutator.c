// Changes an ELF file as one: fields of its headers, its dynamic section, versions, notes, symbols
// and relocations get values that mean something, bytes come in or go with every offset behind
// them put right, or the whole moves to another address.
#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "tests/fuzz/mutate.h"

enum {
	FIELDS_MAX = 2048,
	PHDRS_MAX = 32,
	SHDRS_MAX = 32,
	DYNAMIC_MAX = 128,
	CHAIN_MAX = 16,
	ROWS_MAX = 12, // of symbols and relocations
};

enum kind { VALUE, P_TYPE, D_TAG, E_TYPE, MACHINE, SH_TYPE, NOTE_TYPE, NAME };

struct field {
	uint32_t off;
	uint8_t width, kind;
};

struct image {
	uint8_t *bytes;
	size_t size, max;
	struct dice dice;
	bool is_64, is_big;
	struct field fields[FIELDS_MAX];
	size_t nfields;
	uint64_t phoff, phnum, shoff, shnum;
	uint64_t strings, strings_size; // in the file
	uint64_t dynamic;               // the offset of the dynamic section
};

#define IS(x, a64, a32) ((x)->is_64 ? (a64) : (a32))
#define AT(x, T, f) IS(x, (unsigned)offsetof(Elf64_##T, f), (unsigned)offsetof(Elf32_##T, f))
#define WIDTH(x, T, f)                                                                             \
	IS(x, (unsigned)sizeof(((Elf64_##T *)0)->f), (unsigned)sizeof(((Elf32_##T *)0)->f))
#define SIZE(x, T) IS(x, sizeof(Elf64_##T), sizeof(Elf32_##T))
#define FIELD(x, base, T, f, kind) add_field(x, (base) + AT(x, T, f), WIDTH(x, T, f), kind)
#define GET(x, base, T, f) get(x, (base) + AT(x, T, f), WIDTH(x, T, f))

static uint64_t get(const struct image *x, uint64_t off, unsigned width)
{
	uint64_t value = 0;

	if (off > x->size || width > x->size - off)
		return 0;
	for (unsigned i = 0; i < width; i++)
		value = value << 8 | x->bytes[off + (x->is_big ? i : width - 1 - i)];
	return value;
}

static void put(struct image *x, uint64_t off, unsigned width, uint64_t value)
{
	for (unsigned i = 0; i < width; i++, value >>= 8)
		x->bytes[off + (x->is_big ? width - 1 - i : i)] = (uint8_t)value;
}

static void add_field(struct image *x, uint64_t off, unsigned width, enum kind kind)
{
	if (off <= x->size && width <= x->size - off && x->nfields < FIELDS_MAX)
		x->fields[x->nfields++] =
			(struct field){(uint32_t)off, (uint8_t)width, (uint8_t)kind};
}

// ---- what is where

// The place in the file of a loaded address, x->size where there is none.
static uint64_t place_of(const struct image *x, uint64_t addr)
{
	for (uint64_t i = 0; i < x->phnum; i++) {
		uint64_t p = x->phoff + i * SIZE(x, Phdr);
		uint64_t vaddr = GET(x, p, Phdr, p_vaddr);

		if (GET(x, p, Phdr, p_type) == PT_LOAD && addr >= vaddr &&
			addr - vaddr < GET(x, p, Phdr, p_filesz))
			return GET(x, p, Phdr, p_offset) + (addr - vaddr);
	}
	return x->size;
}

static void find_header(struct image *x)
{
	FIELD(x, 0, Ehdr, e_type, E_TYPE);
	FIELD(x, 0, Ehdr, e_machine, MACHINE);
	FIELD(x, 0, Ehdr, e_phoff, VALUE);
	FIELD(x, 0, Ehdr, e_shoff, VALUE);
	FIELD(x, 0, Ehdr, e_flags, VALUE);
	FIELD(x, 0, Ehdr, e_phentsize, VALUE);
	FIELD(x, 0, Ehdr, e_phnum, VALUE);
	FIELD(x, 0, Ehdr, e_shentsize, VALUE);
	FIELD(x, 0, Ehdr, e_shnum, VALUE);
	FIELD(x, 0, Ehdr, e_shstrndx, VALUE);
	x->phoff = GET(x, 0, Ehdr, e_phoff);
	x->phnum = GET(x, 0, Ehdr, e_phnum);
	x->shoff = GET(x, 0, Ehdr, e_shoff);
	x->shnum = GET(x, 0, Ehdr, e_shnum);
	x->phnum = x->phnum < PHDRS_MAX ? x->phnum : PHDRS_MAX;
	x->shnum = x->shoff && x->shnum < SHDRS_MAX ? x->shnum : x->shoff ? SHDRS_MAX : 0;
}

static void find_notes(struct image *x, uint64_t at, uint64_t size)
{
	uint64_t end = at + size;

	for (int i = 0; i < CHAIN_MAX && end >= at && at + 12 <= end; i++) {
		uint64_t names = get(x, at, 4), descs = get(x, at + 4, 4);

		add_field(x, at, 4, VALUE);
		add_field(x, at + 4, 4, VALUE);
		add_field(x, at + 8, 4, NOTE_TYPE);
		at += 12 + ((names + 3) & ~UINT64_C(3));
		add_field(x, at, 4, NOTE_TYPE); // of a property
		add_field(x, at + 4, 4, VALUE);
		at += (descs + 3) & ~UINT64_C(3);
	}
}

static void find_segments(struct image *x)
{
	for (uint64_t i = 0; i < x->phnum; i++) {
		uint64_t p = x->phoff + i * SIZE(x, Phdr), type = GET(x, p, Phdr, p_type);

		FIELD(x, p, Phdr, p_type, P_TYPE);
		FIELD(x, p, Phdr, p_offset, VALUE);
		FIELD(x, p, Phdr, p_vaddr, VALUE);
		FIELD(x, p, Phdr, p_filesz, VALUE);
		FIELD(x, p, Phdr, p_memsz, VALUE);
		FIELD(x, p, Phdr, p_align, VALUE);
		FIELD(x, p, Phdr, p_flags, VALUE);
		if (type == PT_NOTE || type == PT_GNU_PROPERTY)
			find_notes(x, GET(x, p, Phdr, p_offset), GET(x, p, Phdr, p_filesz));
		if (type == PT_DYNAMIC)
			x->dynamic = GET(x, p, Phdr, p_offset);
	}
	for (uint64_t i = 0; i < x->shnum; i++) {
		uint64_t s = x->shoff + i * SIZE(x, Shdr);

		FIELD(x, s, Shdr, sh_name, VALUE);
		FIELD(x, s, Shdr, sh_type, SH_TYPE);
		FIELD(x, s, Shdr, sh_offset, VALUE);
		FIELD(x, s, Shdr, sh_size, VALUE);
	}
}

// The records have one layout in both classes.
static void find_needs(struct image *x, uint64_t at)
{
	for (int i = 0; i < CHAIN_MAX && at < x->size; i++) {
		uint64_t aux = at + get(x, at + 8, 4), next = get(x, at + 12, 4);

		add_field(x, at + 2, 2, VALUE);
		for (unsigned k = 4; k < 16; k += 4)
			add_field(x, at + k, 4, k == 4 ? NAME : VALUE);
		for (int n = 0; n < 4 && aux < x->size; n++) {
			add_field(x, aux + 4, 2, VALUE);
			add_field(x, aux + 6, 2, VALUE);
			add_field(x, aux + 8, 4, NAME);
			add_field(x, aux + 12, 4, VALUE);
			aux += get(x, aux + 12, 4);
		}
		if (!next)
			break;
		at += next;
	}
}

static void find_defines(struct image *x, uint64_t at)
{
	for (int i = 0; i < CHAIN_MAX && at < x->size; i++) {
		uint64_t aux = at + get(x, at + 12, 4), next = get(x, at + 16, 4);

		add_field(x, at + 2, 2, VALUE);
		add_field(x, at + 4, 2, VALUE);
		add_field(x, at + 6, 2, VALUE);
		add_field(x, at + 12, 4, VALUE);
		add_field(x, at + 16, 4, VALUE);
		add_field(x, aux, 4, NAME);
		add_field(x, aux + 4, 4, VALUE);
		if (!next)
			break;
		at += next;
	}
}

static void find_words(struct image *x, uint64_t at, unsigned width)
{
	for (unsigned i = 0; i < ROWS_MAX; i++)
		add_field(x, at + i * width, width, VALUE);
}

static void find_symbols(struct image *x, uint64_t at)
{
	for (unsigned i = 1; i < ROWS_MAX; i++) {
		uint64_t s = at + i * SIZE(x, Sym);

		FIELD(x, s, Sym, st_name, NAME);
		FIELD(x, s, Sym, st_info, VALUE);
		FIELD(x, s, Sym, st_shndx, VALUE);
	}
}

static void find_table(struct image *x, uint64_t tag, uint64_t value)
{
	uint64_t at = place_of(x, value);

	switch (tag) {
	case DT_STRTAB:
		x->strings = at;
		break;
	case DT_SYMTAB:
		find_symbols(x, at);
		break;
	case DT_VERNEED:
		find_needs(x, at);
		break;
	case DT_VERDEF:
		find_defines(x, at);
		break;
	case DT_VERSYM:
		find_words(x, at, 2);
		break;
	case DT_HASH:
	case DT_GNU_HASH:
		find_words(x, at, 4);
		break;
	case DT_REL:
	case DT_RELA:
	case DT_JMPREL:
	case DT_INIT_ARRAY:
		find_words(x, at, IS(x, 8, 4));
		break;
	default:
		break;
	}
}

static bool is_string_tag(uint64_t tag)
{
	return tag == DT_NEEDED || tag == DT_SONAME || tag == DT_RPATH || tag == DT_RUNPATH ||
		tag == DT_AUXILIARY || tag == DT_FILTER || tag == DT_AUDIT || tag == DT_DEPAUDIT;
}

static void find_dynamic(struct image *x)
{
	for (int i = 0; i < DYNAMIC_MAX && x->dynamic; i++) {
		uint64_t d = x->dynamic + (uint64_t)i * SIZE(x, Dyn);
		uint64_t tag = GET(x, d, Dyn, d_tag), value = GET(x, d, Dyn, d_un);

		FIELD(x, d, Dyn, d_tag, D_TAG);
		FIELD(x, d, Dyn, d_un, is_string_tag(tag) ? NAME : VALUE);
		if (tag == DT_NULL)
			break;
		if (tag == DT_STRSZ)
			x->strings_size = value;
		find_table(x, tag, value);
	}
	if (x->strings > x->size || x->strings_size > x->size - x->strings)
		x->strings_size = 0;
}

// ---- changes

static const uint32_t p_types[] = {PT_NULL, PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE, PT_PHDR,
	PT_TLS, PT_GNU_EH_FRAME, PT_GNU_STACK, PT_GNU_RELRO, PT_GNU_PROPERTY, 0x70000001};
static const uint32_t d_tags[] = {DT_NULL, DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH, DT_STRTAB,
	DT_STRSZ, DT_SYMTAB, DT_SYMENT, DT_HASH, DT_GNU_HASH, DT_VERSYM, DT_VERNEED, DT_VERNEEDNUM,
	DT_VERDEF, DT_VERDEFNUM, DT_REL, DT_RELSZ, DT_RELA, DT_RELASZ, DT_JMPREL, DT_PLTRELSZ,
	DT_PLTREL, DT_INIT_ARRAY, DT_INIT_ARRAYSZ, DT_FLAGS, DT_FLAGS_1, DT_BIND_NOW, DT_TEXTREL,
	DT_AUXILIARY, DT_FILTER, DT_AUDIT, DT_DEPAUDIT, 35, 36, 37};
static const uint32_t e_types[] = {ET_DYN, ET_EXEC, ET_REL, ET_CORE};
static const uint32_t machines[] = {
	EM_ARM, EM_AARCH64, EM_X86_64, EM_386, EM_MIPS, EM_PPC64, EM_S390, EM_RISCV};
static const uint32_t sh_types[] = {
	SHT_NULL, SHT_PROGBITS, SHT_STRTAB, SHT_NOTE, SHT_NOBITS, SHT_DYNSYM, 0x70000003};
static const uint32_t note_types[] = {
	1, NT_GNU_BUILD_ID, NT_GNU_PROPERTY_TYPE_0, 0x407c0c0a, 0xc0008002, 0x5346};
static const char *const words[] = {"libc.so.6", "libm.so.6", "liba.so", "$ORIGIN/../lib",
	"/lib:/usr/lib", "GLIBC_2.34", "GLIBC_PRIVATE", "__gmon_start__", "dlopen", "FDO",
	"[{\"soname\":[\"liba.so\"]}]", "/lib/ld-linux-armhf.so.3", ""};
#define PICK(x, list) list[dice_below(&(x)->dice, sizeof(list) / sizeof(*list))]

static uint64_t any_value(struct image *x, uint64_t old)
{
	static const uint64_t values[] = {0, 1, 2, 3, 4, 7, 8, 16, 0x1000, 0xfff, 0x10000, 0x7fff,
		0xffff, 0x7fffffff, 0x80000000, 0xffffffff, UINT64_C(0x7fffffffffffffff),
		UINT64_MAX, UINT64_MAX - 7};

	switch (dice_below(&x->dice, 6)) {
	case 0:
		return PICK(x, values);
	case 1:
		return old + dice_below(&x->dice, 17) - 8;
	case 2:
		return x->size + dice_below(&x->dice, 5) - 2;
	case 3:
		return dice_below(&x->dice, x->size + 1);
	case 4: { // what stands elsewhere
		const struct field *f = &x->fields[dice_below(&x->dice, x->nfields)];

		return get(x, f->off, f->width);
	}
	default:
		return dice_below(&x->dice, 2) ? old << 1
					       : old ^ (UINT64_C(1) << dice_below(&x->dice, 32));
	}
}

static void change_field(struct image *x)
{
	const struct field *f = &x->fields[dice_below(&x->dice, x->nfields)];
	uint64_t value = any_value(x, get(x, f->off, f->width));

	if (dice_below(&x->dice, 4)) { // mostly one of its own kind
		if (f->kind == P_TYPE)
			value = PICK(x, p_types);
		else if (f->kind == D_TAG)
			value = dice_below(&x->dice, 16)  ? PICK(x, d_tags)
				: dice_below(&x->dice, 2) ? (uint64_t)DT_AUXILIARY
							  : 0;
		else if (f->kind == E_TYPE)
			value = PICK(x, e_types);
		else if (f->kind == MACHINE)
			value = PICK(x, machines);
		else if (f->kind == SH_TYPE)
			value = PICK(x, sh_types);
		else if (f->kind == NOTE_TYPE)
			value = PICK(x, note_types);
		else if (f->kind == NAME && x->strings_size)
			value = dice_below(&x->dice, x->strings_size + 1);
	}
	put(x, f->off, f->width, value);
}

// A word with its NUL into the string table, where a string begins or inside one.
static void change_string(struct image *x)
{
	const char *word = PICK(x, words);
	uint64_t at = x->strings_size ? x->strings + dice_below(&x->dice, x->strings_size)
				      : dice_below(&x->dice, x->size);

	for (; dice_below(&x->dice, 4) && at > x->strings && x->bytes[at - 1]; at--)
		;
	for (; at < x->size; at++, word++) {
		x->bytes[at] = (uint8_t)*word;
		if (!*word)
			break;
	}
}

// Offsets in the file from `at` on move by `by`.
static void move_offset(struct image *x, uint64_t field, unsigned width, uint64_t at, uint64_t by)
{
	uint64_t off = get(x, field, width);

	if (off >= at && field <= x->size && width <= x->size - field)
		put(x, field, width, off + by);
}

static void move_offsets(struct image *x, uint64_t at, uint64_t by)
{
	for (uint64_t i = 0; i < x->phnum; i++)
		move_offset(x, x->phoff + i * SIZE(x, Phdr) + AT(x, Phdr, p_offset),
			WIDTH(x, Phdr, p_offset), at, by);
	for (uint64_t i = 0; i < x->shnum; i++)
		move_offset(x, x->shoff + i * SIZE(x, Shdr) + AT(x, Shdr, sh_offset),
			WIDTH(x, Shdr, sh_offset), at, by);
	move_offset(x, AT(x, Ehdr, e_phoff), WIDTH(x, Ehdr, e_phoff), at, by);
	move_offset(x, AT(x, Ehdr, e_shoff), WIDTH(x, Ehdr, e_shoff), at, by);
}

// Bytes of padding come in where a segment or section begins.
static void insert_gap(struct image *x)
{
	static const uint16_t sizes[] = {1, 4, 8, 16, 64, 512, 4096};
	uint64_t n = PICK(x, sizes), at = x->size;

	if (x->phnum)
		at = GET(x, x->phoff + dice_below(&x->dice, x->phnum) * SIZE(x, Phdr), Phdr,
			p_offset);
	if (at < SIZE(x, Ehdr) || at > x->size || n > x->max - x->size)
		return;
	move_offsets(x, at, n);
	memmove(x->bytes + at + n, x->bytes + at, x->size - at);
	memset(x->bytes + at, 0, n);
	x->size += n;
}

static bool is_address(uint64_t tag)
{
	static const uint32_t tags[] = {DT_STRTAB, DT_SYMTAB, DT_HASH, DT_GNU_HASH, DT_VERSYM,
		DT_VERNEED, DT_VERDEF, DT_REL, DT_RELA, DT_JMPREL, DT_INIT, DT_FINI, DT_INIT_ARRAY,
		DT_FINI_ARRAY, DT_PLTGOT, 36};

	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++)
		if (tags[i] == tag)
			return true;
	return false;
}

static void add_to(struct image *x, uint64_t field, unsigned width, uint64_t by)
{
	if (field <= x->size && width <= x->size - field)
		put(x, field, width, get(x, field, width) + by);
}

// Everything is loaded elsewhere.
static void rebase(struct image *x)
{
	uint64_t by = dice_below(&x->dice, 4) ? UINT64_C(0x10000) << dice_below(&x->dice, 16)
					      : 0 - (uint64_t)0x1000;

	for (uint64_t i = 0; i < x->phnum; i++)
		add_to(x, x->phoff + i * SIZE(x, Phdr) + AT(x, Phdr, p_vaddr),
			WIDTH(x, Phdr, p_vaddr), by);
	for (int i = 0; i < DYNAMIC_MAX && x->dynamic; i++) {
		uint64_t d = x->dynamic + (uint64_t)i * SIZE(x, Dyn);

		if (GET(x, d, Dyn, d_tag) == DT_NULL)
			break;
		if (is_address(GET(x, d, Dyn, d_tag)))
			add_to(x, d + AT(x, Dyn, d_un), WIDTH(x, Dyn, d_un), by);
	}
}

// The same more or less in the file and in memory.
static void resize_segment(struct image *x)
{
	uint64_t by = dice_below(&x->dice, 2) ? dice_below(&x->dice, 64)
					      : 0 - (uint64_t)dice_below(&x->dice, 64);

	if (!x->phnum)
		return;
	uint64_t p = x->phoff + dice_below(&x->dice, x->phnum) * SIZE(x, Phdr);

	add_to(x, p + AT(x, Phdr, p_filesz), WIDTH(x, Phdr, p_filesz), by);
	add_to(x, p + AT(x, Phdr, p_memsz), WIDTH(x, Phdr, p_memsz), by);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	struct image x = {.bytes = data, .size = size, .max = max, .dice = {seed}};
	size_t way = dice_below(&x.dice, 16);

	x.is_64 = size > EI_DATA && data[EI_CLASS] == ELFCLASS64;
	x.is_big = size > EI_DATA && data[EI_DATA] == ELFDATA2MSB;
	if (size < SIZE(&x, Ehdr) || way == 0)
		return LLVMFuzzerMutate(data, size, max);
	find_header(&x);
	find_segments(&x);
	find_dynamic(&x);
	if (way < 10)
		for (size_t n = 1 + dice_below(&x.dice, 2); n; n--)
			change_field(&x);
	else if (way < 12)
		change_string(&x);
	else if (way == 12)
		insert_gap(&x);
	else if (way == 13)
		rebase(&x);
	else if (way == 14)
		resize_segment(&x);
	else
		data[dice_below(&x.dice, 2) ? EI_CLASS : EI_DATA] ^= 3;
	return x.size;
}
