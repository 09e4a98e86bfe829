#include "ldd/elf_view.h"

#include <stddef.h>
#include <string.h>

enum {
	PHDRS_MAX = 65536,   // bytes of program headers; the kernel's own limit (binfmt_elf.c)
	DYNAMIC_MAX = 16384, // entries of the dynamic section
	INTERP_MAX = 4096,   // PATH_MAX, the kernel's limit
	NOTES_MAX = 4 << 20, // bytes of all PT_NOTE together
	DYNAMIC_CHUNK = 32,  // entries translated at a time
};

// What the segments say before their contents are read.
struct segments {
	uint64_t dynamic, dynamic_size;
	uint64_t notes_total;
	bool has_interp;
	struct elf_segment property; // PT_GNU_PROPERTY
	struct {
		struct elf_segment *at;
		size_t len, cap;
	} notes;
};

// Entries of the dynamic section whose value is an offset into the string table.
struct dynamic_string {
	uint64_t tag, offset;
};
struct dynamic_strings {
	struct dynamic_string *at;
	size_t len, cap;
};

static const char *read_ident(struct elf_view *v, struct elf *out)
{
	static const uint8_t no_padding[EI_NIDENT - EI_PAD];
	uint8_t ident[EI_NIDENT];

	if (!view_read(v, 0, SELFMAG, ident))
		return v->size ? "file too short" : "the file is empty";
	if (memcmp(ident, ELFMAG, SELFMAG) != 0)
		return "not an ELF file";
	if (!view_read(v, 0, sizeof(ident), ident))
		return "file too short";
	out->class = ident[EI_CLASS];
	out->data = ident[EI_DATA];
	out->osabi = ident[EI_OSABI];
	out->abiversion = ident[EI_ABIVERSION];
	out->bad_ident = ident[EI_VERSION] != EV_CURRENT ||
		memcmp(ident + EI_PAD, no_padding, sizeof(no_padding)) != 0;
	v->is_64 = out->class == ELFCLASS64;
	v->big_endian = out->data == ELFDATA2MSB;
	return v->size < view_entry_size(v, ELF_T_EHDR) ? "file too short" : NULL;
}

static void read_program_header(struct elf_view *v, const void *p, struct arena *a, struct elf *out,
	struct segments *s, const char **why)
{
	struct elf_segment g = {
		.offset = VIEW_GET(v, p, Phdr, p_offset),
		.vaddr = VIEW_GET(v, p, Phdr, p_vaddr),
		.filesz = VIEW_GET(v, p, Phdr, p_filesz),
		.memsz = VIEW_GET(v, p, Phdr, p_memsz),
		.align = VIEW_GET(v, p, Phdr, p_align),
		.flags = (uint32_t)VIEW_GET(v, p, Phdr, p_flags),
	};
	bool inside = g.offset <= v->size && g.filesz <= v->size - g.offset;

	switch (VIEW_GET(v, p, Phdr, p_type)) {
	case PT_LOAD:
		if (!inside)
			*why = "a segment lies outside the file: it may be cut short";
		vec_push(a, &out->loads, g);
		break;
	case PT_DYNAMIC:
		if (out->is_dynamic)
			*why = "two PT_DYNAMIC";
		out->is_dynamic = true;
		s->dynamic = g.vaddr;
		s->dynamic_size = g.filesz;
		break;
	case PT_INTERP: // of several the kernel takes the first
		if (s->has_interp)
			break;
		s->has_interp = true;
		if (!inside || g.filesz < 2 || g.filesz > INTERP_MAX)
			*why = "PT_INTERP lies outside the file or has an odd size";
		else if (!(out->interp = view_string(v, g.offset, g.offset + g.filesz, a)))
			*why = "PT_INTERP has no end";
		break;
	case PT_GNU_PROPERTY:
		s->property = g;
		break;
	case PT_NOTE:
		s->notes_total += inside ? g.filesz : NOTES_MAX + 1;
		if (s->notes_total > NOTES_MAX)
			*why = "notes lie outside the file or are too large";
		vec_push(a, &s->notes, g);
		break;
	case PT_GNU_STACK:
		out->exec_stack = g.flags & PF_X;
		break;
	case PT_TLS:
		out->has_tls = true;
		break;
	default:
		break;
	}
}

static const char *read_segments(
	struct elf_view *v, struct arena *a, struct elf *out, struct segments *s)
{
	union {
		Elf32_Ehdr e32;
		Elf64_Ehdr e64;
	} h;
	union {
		Elf32_Phdr p32;
		Elf64_Phdr p64;
	} p;
	const char *why = NULL;
	size_t entry = view_entry_size(v, ELF_T_PHDR);

	if (!view_table(v, 0, 1, ELF_T_EHDR, &h))
		return "cannot read the ELF header";
	uint64_t off = VIEW_GET(v, &h, Ehdr, e_phoff), n = VIEW_GET(v, &h, Ehdr, e_phnum);

	out->type = (uint16_t)VIEW_GET(v, &h, Ehdr, e_type);
	out->machine = (uint16_t)VIEW_GET(v, &h, Ehdr, e_machine);
	out->version = (uint32_t)VIEW_GET(v, &h, Ehdr, e_version);
	out->flags = (uint32_t)VIEW_GET(v, &h, Ehdr, e_flags);
	out->phentsize = (uint16_t)VIEW_GET(v, &h, Ehdr, e_phentsize);
	if (out->type != ET_DYN && out->type != ET_EXEC)
		return "only ET_DYN and ET_EXEC can be loaded";
	if (out->phentsize != entry)
		return "the program headers do not have the expected size";
	if (n == PN_XNUM)
		return "the number of program headers is not in the header (PN_XNUM)";
	if (n * entry > PHDRS_MAX)
		return "too many program headers";
	if (!n || off > v->size || n * entry > v->size - off)
		return "the program headers lie outside the file";
	for (uint64_t i = 0; i < n && !why; i++) {
		if (!view_table(v, off + i * entry, 1, ELF_T_PHDR, &p))
			return "cannot read the program headers";
		read_program_header(v, &p, a, out, s, &why);
	}
	return why;
}

// Where the value of a dynamic tag is kept; 0 for the others.
#define KEEP(tag, field) [tag] = offsetof(struct elf, field)
static const uint16_t places[] = {
	KEEP(DT_SYMTAB, dt.symtab),
	KEEP(DT_STRTAB, dt.strtab),
	KEEP(DT_STRSZ, dt.strsz),
	KEEP(DT_HASH, dt.hash),
	KEEP(DT_REL, dt.rel),
	KEEP(DT_RELSZ, dt.relsz),
	KEEP(DT_RELA, dt.rela),
	KEEP(DT_RELASZ, dt.relasz),
	KEEP(DT_JMPREL, dt.jmprel),
	KEEP(DT_PLTRELSZ, dt.pltrelsz),
	KEEP(DT_PLTREL, dt.pltrel),
	KEEP(DT_RELR, dt.relr),
	KEEP(DT_RELRSZ, dt.relrsz),
	KEEP(DT_INIT, dt.init),
	KEEP(DT_INIT_ARRAY, dt.init_array),
	KEEP(DT_INIT_ARRAYSZ, dt.init_arraysz),
	KEEP(DT_FINI, dt.fini),
	KEEP(DT_FINI_ARRAY, dt.fini_array),
	KEEP(DT_FINI_ARRAYSZ, dt.fini_arraysz),
	KEEP(DT_FLAGS, dt_flags),
};

static uint64_t *place_of_tag(struct elf *out, uint64_t tag)
{
	switch (tag) {
	case DT_FLAGS_1:
		return &out->dt_flags_1;
	case DT_GNU_HASH:
		return &out->dt.gnu_hash;
	case DT_VERSYM:
		return &out->dt.versym;
	case DT_VERNEED:
		return &out->dt.verneed;
	case DT_VERNEEDNUM:
		return &out->dt.verneednum;
	case DT_VERDEF:
		return &out->dt.verdef;
	case DT_VERDEFNUM:
		return &out->dt.verdefnum;
	default:
		if (tag >= sizeof(places) / sizeof(*places) || !places[tag])
			return NULL;
		return (uint64_t *)((char *)out + places[tag]);
	}
}

static void read_dynamic_entry(struct arena *a, struct elf *out, struct dynamic_strings *strings,
	uint64_t tag, uint64_t value)
{
	uint64_t *place = place_of_tag(out, tag);

	if (place)
		*place = value;
	switch (tag) {
	case DT_NEEDED:
	case DT_AUXILIARY:
	case DT_FILTER:
	case DT_SONAME:
	case DT_RPATH:
	case DT_RUNPATH:
	case DT_AUDIT:
	case DT_DEPAUDIT:
		vec_push(a, strings, (struct dynamic_string){tag, value});
		break;
	case DT_BIND_NOW:
		out->bind_now = true;
		break;
	case DT_TEXTREL:
		out->has_textrel = true;
		break;
	case DT_RELR:
		out->has_relr = true;
		break;
	default:
		break;
	}
}

// Like the loaders, looks for the dynamic section at its address, not at its file offset.
static const char *read_dynamic(struct elf_view *v, struct arena *a, struct elf *out,
	const struct segments *s, struct dynamic_strings *strings)
{
	Elf64_Dyn chunk[DYNAMIC_CHUNK];
	size_t entry = view_entry_size(v, ELF_T_DYN);
	uint64_t off, left;

	if (!elf_locate(out, s->dynamic, &off, &left) || s->dynamic_size > left)
		return "PT_DYNAMIC lies outside the file";
	uint64_t n = s->dynamic_size / entry;

	if (n > DYNAMIC_MAX)
		return "the dynamic section is too large";
	view_expect(v, off, s->dynamic_size);
	for (uint64_t i = 0; i < n; i += DYNAMIC_CHUNK) {
		size_t m = n - i < DYNAMIC_CHUNK ? (size_t)(n - i) : DYNAMIC_CHUNK;

		if (!view_table(v, off + i * entry, m, ELF_T_DYN, chunk))
			return "cannot read the dynamic section";
		for (size_t k = 0; k < m; k++) {
			const char *d = (const char *)chunk + k * entry;
			uint64_t tag = VIEW_GET(v, d, Dyn, d_tag);

			if (tag == DT_NULL)
				return NULL;
			read_dynamic_entry(a, out, strings, tag, VIEW_GET(v, d, Dyn, d_un.d_val));
		}
	}
	return NULL;
}

static void keep_string(struct arena *a, struct elf *out, uint64_t tag, const char *text)
{
	switch (tag) {
	case DT_NEEDED:
		vec_push(a, &out->deps, (struct elf_dep){ELF_NEEDED, text});
		break;
	case DT_AUXILIARY:
		vec_push(a, &out->deps, (struct elf_dep){ELF_AUXILIARY, text});
		break;
	case DT_FILTER:
		vec_push(a, &out->deps, (struct elf_dep){ELF_FILTER, text});
		break;
	case DT_SONAME:
		out->soname = text;
		break;
	case DT_RPATH:
		out->rpath = text;
		break;
	case DT_RUNPATH:
		out->runpath = text;
		break;
	case DT_AUDIT:
		out->audit = text;
		break;
	default:
		out->depaudit = text;
	}
}

static const char *read_strings(
	struct elf_view *v, struct arena *a, struct elf *out, struct dynamic_strings *strings)
{
	uint64_t off, left;

	if (!out->dt.strtab)
		return "the dynamic section names no string table";
	if (!elf_locate(out, out->dt.strtab, &off, &left))
		return "the string table lies outside the loaded segments";
	if (out->dt.strsz > left)
		return "the string table reaches beyond its segment";
	vec_each (s, strings) {
		if (s->offset >= out->dt.strsz)
			return "the dynamic section names a string outside the string table";
		const char *text = view_string(v, off + s->offset, off + out->dt.strsz, a);

		if (!text)
			return "a string of the dynamic section has no end or is too long";
		keep_string(a, out, s->tag, text);
	}
	return NULL;
}

static const char *read_facts(struct elf_view *v, struct arena *a, struct elf *out)
{
	struct segments s = {0};
	struct dynamic_strings strings = {0};
	const char *why = NULL;

	if (out->class != ELFCLASS32 && out->class != ELFCLASS64)
		return "unknown ELF class";
	if (out->data != ELFDATA2LSB && out->data != ELFDATA2MSB)
		return "unknown byte order";
	why = read_segments(v, a, out, &s);
	for (size_t i = 0; i < s.notes.len && !why; i++)
		why = elf_read_notes(
			v, s.notes.at[i].offset, s.notes.at[i].filesz, s.notes.at[i].align, a, out);
	// patchelf moves the note and leaves this one behind, pointing at anything; ld.so passes
	// over it.
	if (!why && s.property.filesz <= NOTES_MAX)
		(void)elf_read_notes(
			v, s.property.offset, s.property.filesz, s.property.align, a, out);
	if (why || !out->is_dynamic)
		return why;
	why = read_dynamic(v, a, out, &s, &strings);
	if (!why)
		why = read_strings(v, a, out, &strings);
	if (!why)
		why = elf_read_versions(v, a, out);
	out->bind_now |= (out->dt_flags & DF_BIND_NOW) || (out->dt_flags_1 & DF_1_NOW);
	out->has_textrel |= (out->dt_flags & DF_TEXTREL) != 0;
	return why;
}

struct err *elf_read(struct file *f, struct arena *a, struct elf *out)
{
	struct elf_view v;

	view_open(&v, f);
	*out = (struct elf){.size = v.size};
	out->not_elf = read_ident(&v, out);
	if (!out->not_elf)
		out->broken = read_facts(&v, a, out);
	return v.err;
}
