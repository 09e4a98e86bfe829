// What the old file's headers say, and whether all of it is understood.
#include "ldd/rewrite_impl.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

enum {
	LOADS_MAX = sizeof(((struct rewriter *)0)->loads) / sizeof(void *),
	NAMES_MAX = 1 << 20, // bytes of the section names
	KEPT_MAX = 64,       // sections in the small table
	ALIGN_MAX = 4096,    // of kept bytes outside of the segments
	GAPS_MAX = 64 << 20, // bytes that no header names, looked at for zeros
	TAIL_MAX = 64 << 10, // zeros behind everything, as Go leaves to a whole page
	GAP_CHUNK = 32768,
	PROCESSOR_ATTRIBUTES = 0x70000003, // as a section's type and a segment's, ARM and RISC-V
};

static const char no_sense[] = "its headers make no sense";

// Sections that are of no use to a running program, wherever they came from.
static const char *const droppable[] = {
	".comment",
	".note",
	".note.*",
	".debug_*",
	".zdebug_*",
	".gnu_debugdata",
	".gnu_debugaltlink",
	".gdb_index",
	".stab",
	".stab.*",
	".stabstr",
	".gnu.warning.*",
	".gnu.build.attributes*",
	".gnu.attributes",
	".gnu.lto_*",
	".gnu.debuglto_*",
	".GCC.command.line",
	".pdr",
	".mdebug*",
	".SUNW_ctf",
	".ctf",
	".llvm_addrsig",
	".llvm.*",
	".rel.*",
	".rela.*",
	".shstrtab",
	".strtab",
	".symtab",
	".symtab_shndx",
	".gnu_debuglink",
	".ARM.attributes",
	".riscv.attributes",
};

// Those that tools look for in an image. binutils wants .dynamic wherever there are sections, and
// debuggers name a stripped library's functions by .dynsym.
static const char *const kept[] = {
	".dynsym",
	".dynstr",
	".dynamic",
	".note.gnu.build-id",
	".note.ABI-tag",
	".note.dlopen",
	".note.package",
	".note.go.buildid",
	".go.buildinfo",
	".gnu_debuglink",
	".ARM.attributes",
	".riscv.attributes",
};

// A checksum of the whole file stands in it: FIPS builds of libgcrypt (src/fips.c) and of
// OpenSSL's provider as Red Hat makes it.
static const char *const checksums[] = {".rodata1", ".note.fdo.integrity"};

#define IN(list, name) is_in(list, sizeof(list) / sizeof(*(list)), name)
static bool is_in(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (fnmatch(list[i], name, 0) == 0)
			return true;
	return false;
}

static bool is_power(uint64_t n)
{
	return n && !(n & (n - 1));
}

struct rewrite_segment *rewrite_load_at(const struct rewriter *w, uint64_t off, uint64_t size)
{
	for (size_t i = 0; i < w->nloads; i++) {
		struct rewrite_segment *s = w->loads[i];

		if (off >= s->off && off - s->off <= s->filesz &&
			size <= s->filesz - (off - s->off))
			return s;
	}
	return NULL;
}

static bool touches_load(const struct rewriter *w, uint64_t off, uint64_t size)
{
	for (size_t i = 0; i < w->nloads; i++) {
		const struct rewrite_segment *s = w->loads[i];

		if (off < s->off + s->filesz && s->off < off + size)
			return true;
	}
	return false;
}

void rewrite_keep(struct rewriter *w, uint64_t off, uint64_t size, uint64_t align)
{
	vec_each (b, &w->blobs)
		if (b->off == off && b->size == size) {
			b->align = b->align < align ? align : b->align;
			return;
		}
	vec_push(w->tmp, &w->blobs, (struct rewrite_range){off, size, 0, align});
}

uint64_t rewrite_place(const struct rewriter *w, uint64_t off, uint64_t size)
{
	vec_each (b, &w->blobs)
		if (b->off == off && b->size == size)
			return b->at;
	return off;
}

static void know(struct rewriter *w, uint64_t off, uint64_t size)
{
	if (size)
		vec_push(w->tmp, &w->known, (struct rewrite_range){off, size, 0, 0});
}

// ---- segments ----

static int by_offset(const void *x, const void *y)
{
	const struct rewrite_segment *a = *(struct rewrite_segment *const *)x;
	const struct rewrite_segment *b = *(struct rewrite_segment *const *)y;

	return a->off < b->off ? -1 : a->off > b->off;
}

static const char *check_load(struct rewrite_segment *s)
{
	uint64_t distance = s->vaddr - s->off;

	if (s->filesz > s->memsz || (s->align > 1 && !is_power(s->align)))
		return no_sense;
	if (s->align > 1 && distance & (s->align - 1))
		return "a segment is not aligned as it says";
	if (distance & (REWRITE_PAGE_MIN - 1))
		return "a segment does not lie on pages";
	return NULL;
}

static const char *check_loads(struct rewriter *w)
{
	const char *why = NULL;

	vec_each (s, &w->segments) {
		if (s->type != PT_LOAD)
			continue;
		if ((why = check_load(s)))
			return why;
		if (s->filesz && w->nloads == LOADS_MAX)
			return "it has too many segments";
		if (s->filesz)
			w->loads[w->nloads++] = s;
	}
	qsort(w->loads, w->nloads, sizeof(*w->loads), by_offset);
	for (size_t i = 1; i < w->nloads; i++)
		if (w->loads[i]->off - w->loads[i - 1]->off < w->loads[i - 1]->filesz)
			return "its segments share bytes of the file";
	return w->nloads ? NULL : "no segment has bytes of the file";
}

// Kernels before 5.18 take the program headers to be at the first PT_LOAD's distance between file
// and memory (fs/binfmt_elf.c, load_addr): both must be in one segment that stays where it is.
static bool may_move(const struct rewriter *w)
{
	const struct rewrite_segment *first = NULL;

	vec_each (s, &w->segments)
		if (s->type == PT_LOAD && !first)
			first = s;
	for (size_t i = 1; i < w->nloads; i++)
		if (w->loads[i]->vaddr <= w->loads[i - 1]->vaddr)
			return false;
	return first && first == w->loads[0] && first->off == 0 &&
		first->filesz >= w->header_size &&
		rewrite_load_at(w, w->phoff, w->phdrs_size) == first;
}

static bool is_attributes(const struct rewriter *w, uint32_t type)
{
	return type == PROCESSOR_ATTRIBUTES && w->e->machine == EM_RISCV;
}

static bool touches_headers(const struct rewriter *w, const struct rewrite_segment *s)
{
	return s->off < w->header_size ||
		(s->off < w->phoff + w->phdrs_size && w->phoff < s->off + s->filesz);
}

// patchelf leaves PT_GNU_PROPERTY behind where the program headers grow.
static bool may_touch_headers(const struct rewrite_segment *s)
{
	return s->type == PT_PHDR || s->type == PT_GNU_RELRO || s->type == PT_GNU_PROPERTY;
}

// A segment that is not loaded may be put elsewhere.
static bool is_movable(const struct rewriter *w, const struct rewrite_segment *s)
{
	return is_attributes(w, s->type) && !touches_load(w, s->off, s->filesz) &&
		s->align <= ALIGN_MAX && (s->align <= 1 || is_power(s->align));
}

static const char *check_other_segments(struct rewriter *w)
{
	vec_each (s, &w->segments) {
		if (s->type == PT_LOAD || s->type == PT_NULL || !s->filesz)
			continue;
		if (s->off > w->v->size || s->filesz > w->v->size - s->off)
			return no_sense;
		if (!may_touch_headers(s) && touches_headers(w, s))
			return "a segment has bytes of its headers";
		know(w, s->off, s->filesz);
		if (rewrite_load_at(w, s->off, s->filesz))
			continue;
		if (!is_movable(w, s))
			return "a segment that is not loaded has bytes of its own";
		rewrite_keep(w, s->off, s->filesz, s->align ? s->align : 1);
	}
	return NULL;
}

const char *rewrite_read_segments(struct rewriter *w)
{
	size_t entry = view_entry_size(w->v, ELF_T_PHDR);

	w->header_size = view_entry_size(w->v, ELF_T_EHDR);
	w->header = arena_alloc(w->a, w->header_size);
	if (!view_read(w->v, 0, w->header_size, w->header))
		return no_sense;
	w->phoff = REWRITE_GET(w, w->header, Ehdr, e_phoff);
	w->phdrs_size = REWRITE_GET(w, w->header, Ehdr, e_phnum) * entry;
	if (w->phoff < w->header_size || w->phoff > w->v->size ||
		w->phdrs_size > w->v->size - w->phoff)
		return no_sense;
	w->phdrs = arena_alloc(w->a, w->phdrs_size);
	if (!view_read(w->v, w->phoff, w->phdrs_size, w->phdrs))
		return no_sense;
	know(w, 0, w->header_size);
	know(w, w->phoff, w->phdrs_size);
	for (const uint8_t *p = w->phdrs; p < w->phdrs + w->phdrs_size; p += entry) {
		struct rewrite_segment s = {
			.type = (uint32_t)REWRITE_GET(w, p, Phdr, p_type),
			.off = REWRITE_GET(w, p, Phdr, p_offset),
			.vaddr = REWRITE_GET(w, p, Phdr, p_vaddr),
			.filesz = REWRITE_GET(w, p, Phdr, p_filesz),
			.memsz = REWRITE_GET(w, p, Phdr, p_memsz),
			.align = REWRITE_GET(w, p, Phdr, p_align),
		};

		s.new_off = s.off;
		s.new_align = s.align;
		if (s.type == PT_LOAD &&
			(s.off > w->v->size || s.filesz > w->v->size - s.off ||
				s.vaddr + s.memsz < s.vaddr))
			return no_sense;
		if (s.type == PT_LOAD)
			know(w, s.off, s.filesz);
		vec_push(w->tmp, &w->segments, s);
	}
	const char *why = check_loads(w);

	if (why)
		return why;
	w->may_move = may_move(w);
	return check_other_segments(w);
}

// ---- sections ----

// The alignment that a section asks for is one its segment must keep.
static const char *note_alignment(struct rewriter *w, const struct rewrite_section *s)
{
	if (s->align > 1 && !is_power(s->align))
		return no_sense;
	vec_each (load, &w->segments) {
		if (load->type != PT_LOAD || s->addr < load->vaddr ||
			s->addr - load->vaddr >= load->memsz)
			continue;
		if (s->align > load->need)
			load->need = s->align;
		// .tbss has an address, but no memory there.
		if (s->type != SHT_NOBITS || !(s->flags & SHF_TLS))
			load->named += s->size;
	}
	return NULL;
}

static const char *keep_section(struct rewriter *w, const struct rewrite_section *s, bool loaded)
{
	bool is_attribute = s->type == PROCESSOR_ATTRIBUTES &&
		(w->e->machine == EM_ARM || w->e->machine == EM_RISCV);

	if (w->o->drop_section_headers || (!is_attribute && !IN(kept, s->name)) ||
		s->type == SHT_NOBITS)
		return NULL;
	if (w->kept.len == KEPT_MAX || s->align > ALIGN_MAX ||
		(s->align > 1 && !is_power(s->align)))
		return no_sense;
	vec_push(w->tmp, &w->kept, *s);
	if (!loaded && s->size)
		rewrite_keep(w, s->off, s->size, s->align ? s->align : 1);
	return NULL;
}

static bool is_droppable(const struct rewrite_section *s)
{
	return s->type == SHT_SYMTAB || s->type == SHT_STRTAB || s->type == SHT_GROUP ||
		s->type == SHT_SYMTAB_SHNDX || IN(droppable, s->name);
}

static const char *read_section(struct rewriter *w, const struct rewrite_section *s)
{
	bool has_bytes = s->type != SHT_NOBITS && s->size;
	const char *why = NULL;

	if (s->type == SHT_NULL)
		return NULL;
	if (has_bytes && (s->off > w->v->size || s->size > w->v->size - s->off))
		return no_sense;
	if (IN(checksums, s->name))
		return "it holds a checksum of itself";
	if (s->flags & SHF_ALLOC && (why = note_alignment(w, s)))
		return why;
	if (has_bytes)
		know(w, s->off, s->size);
	bool loaded = rewrite_load_at(w, s->off, s->size) != NULL;

	if (has_bytes && !loaded) {
		if (touches_load(w, s->off, s->size))
			return "a section lies across the end of a segment";
		if (s->flags & SHF_ALLOC)
			return "a section that should be loaded lies in no segment";
		if (!is_droppable(s))
			return arena_printf(w->a,
				"it has a section of its own kind, %.64s, that programs may read",
				s->name);
	}
	return keep_section(w, s, loaded);
}

static const char *read_names(
	struct rewriter *w, const uint8_t *header, char **names, uint64_t *names_size)
{
	uint64_t off = REWRITE_GET(w, header, Shdr, sh_offset);
	uint64_t size = REWRITE_GET(w, header, Shdr, sh_size);

	if (REWRITE_GET(w, header, Shdr, sh_type) != SHT_STRTAB || !size || size > NAMES_MAX)
		return no_sense;
	*names = arena_alloc(w->tmp, size + 1);
	*names_size = size;
	return view_read(w->v, off, size, *names) ? NULL : no_sense;
}

const char *rewrite_read_sections(struct rewriter *w)
{
	uint64_t entry = view_entry_size(w->v, ELF_T_SHDR), names_size;
	uint64_t n = REWRITE_GET(w, w->header, Ehdr, e_shnum);
	uint64_t strings = REWRITE_GET(w, w->header, Ehdr, e_shstrndx);
	const char *why;
	char *names;

	w->shoff = REWRITE_GET(w, w->header, Ehdr, e_shoff);
	if (!w->shoff && !n)
		return NULL;
	if (w->shoff < w->header_size || !n || strings >= n ||
		REWRITE_GET(w, w->header, Ehdr, e_shentsize) != entry || w->shoff > w->v->size ||
		n > (w->v->size - w->shoff) / entry)
		return no_sense;
	w->shdrs_size = n * entry;
	know(w, w->shoff, w->shdrs_size);
	uint8_t *table = arena_alloc(w->tmp, w->shdrs_size);

	if (!view_read(w->v, w->shoff, w->shdrs_size, table))
		return no_sense;
	if ((why = read_names(w, table + strings * entry, &names, &names_size)))
		return why;
	for (const uint8_t *p = table + entry; p < table + w->shdrs_size; p += entry) {
		uint64_t name = REWRITE_GET(w, p, Shdr, sh_name);
		struct rewrite_section s = {
			.name = name < names_size ? names + name : "",
			.type = (uint32_t)REWRITE_GET(w, p, Shdr, sh_type),
			.flags = REWRITE_GET(w, p, Shdr, sh_flags),
			.addr = REWRITE_GET(w, p, Shdr, sh_addr),
			.off = REWRITE_GET(w, p, Shdr, sh_offset),
			.size = REWRITE_GET(w, p, Shdr, sh_size),
			.align = REWRITE_GET(w, p, Shdr, sh_addralign),
			.index = (size_t)(p - table) / entry,
			.raw = p,
		};

		if (name >= names_size)
			return no_sense;
		if ((why = read_section(w, &s)))
			return why;
	}
	return NULL;
}

// ---- what no header names ----

static int by_place(const void *x, const void *y)
{
	const struct rewrite_range *a = x, *b = y;

	return a->off < b->off ? -1 : a->off > b->off;
}

static bool is_zero(struct rewriter *w, uint64_t off, uint64_t end)
{
	drop(mem_drop) uint8_t *bytes = mem_alloc(GAP_CHUNK);

	while (off < end) {
		size_t n = end - off < GAP_CHUNK ? (size_t)(end - off) : GAP_CHUNK;

		if (!view_read(w->v, off, n, bytes))
			return false;
		for (size_t i = 0; i < n; i++)
			if (bytes[i])
				return false;
		off += n;
	}
	return true;
}

// Bytes that no header names are padding only where they are zero: self-extracting programs,
// bundles and AppImages keep what they read at start there.
const char *rewrite_check_known(struct rewriter *w)
{
	uint64_t end = 0, budget = GAPS_MAX;

	qsort(w->known.at, w->known.len, sizeof(*w->known.at), by_place);
	vec_each (k, &w->known) {
		if (k->off > end) {
			if (k->off - end > budget)
				return "it has too much padding";
			budget -= k->off - end;
			if (!is_zero(w, end, k->off))
				return "it has bytes that no header names";
		}
		if (k->off + k->size > end)
			end = k->off + k->size;
	}
	if (w->v->size - end > TAIL_MAX || !is_zero(w, end, w->v->size))
		return "it has bytes behind its sections, as programs that read themselves do";
	return NULL;
}
