// The dynamic symbol table with its versions, found without section headers.
#include "ldd/elf_view.h"

#include <string.h>

enum {
	SYMBOLS_MAX = 4 << 20,
	TABLE_MAX = 64 << 20, // bytes of one table: symbols, their strings, relocations
	INDEX_MAX = 0x7fff,   // of a version; bit 15 of a versym entry says "hidden"
};

struct version {
	const char *version, *file;
};

struct symbols_reader {
	struct elf_view *v;
	const struct elf *e;
	struct arena *a;     // for what is handed back
	struct arena *tmp;   // for the tables
	size_t entry;        // bytes of a symbol in the file
	size_t max;          // symbols that fit between symtab and the end of its segment
	struct span table;   // translated
	struct span strings; // ends with NUL
	struct span versym;  // as in the file
	uint8_t *by_data;    // one flag a symbol
	struct {
		struct version *at;
		size_t len, cap;
	} versions; // by index
	struct span relocations[3];
};

// The file bytes from a loaded address on, at most n, in the arena.
static struct span load_table(struct symbols_reader *r, uint64_t addr, uint64_t n, struct arena *a)
{
	uint64_t off, left;

	if (!addr || !n || !elf_locate(r->e, addr, &off, &left))
		return (struct span){NULL, 0};
	if (n > left)
		n = left;
	if (n > TABLE_MAX)
		return (struct span){NULL, 0};
	uint8_t *bytes = arena_alloc(a, (size_t)n + 1);

	if (!view_read(r->v, off, n, bytes))
		return (struct span){NULL, 0};
	return (struct span){bytes, (size_t)n};
}

// DT_HASH: its second word is the number of symbols. 64-bit s390 and Alpha have 64-bit words.
static uint64_t count_by_hash(struct symbols_reader *r)
{
	uint64_t off, left;
	unsigned size =
		r->v->is_64 && (r->e->machine == EM_S390 || r->e->machine == EM_ALPHA) ? 8 : 4;
	uint8_t bytes[16];

	if (!r->e->dt.hash || !elf_locate(r->e, r->e->dt.hash, &off, &left) || left < 2UL * size)
		return 0;
	return view_read(r->v, off, 2UL * size, bytes) ? view_uint(r->v, bytes + size, size) : 0;
}

// The number behind symbol `last`'s chain, whose hashes stand from `at` on; the last one is odd.
static uint64_t end_of_chain(struct symbols_reader *r, uint64_t at, uint64_t end, uint64_t last)
{
	uint8_t h[4];

	for (; last < r->max; at += 4) {
		if (at > end || end - at < 4 || !view_read(r->v, at, 4, h))
			return 0;
		last++;
		if (view_uint(r->v, h, 4) & 1)
			break;
	}
	return last;
}

// DT_GNU_HASH: the highest bucket begins the last chain; its end is the last symbol
// (https://sourceware.org/legacy-ml/binutils/2006-10/msg00377.html).
static uint64_t count_by_gnu_hash(struct symbols_reader *r)
{
	uint64_t off, left;
	uint8_t h[16];

	if (!r->e->dt.gnu_hash || !elf_locate(r->e, r->e->dt.gnu_hash, &off, &left) ||
		left < sizeof(h) || !view_read(r->v, off, sizeof(h), h))
		return 0;
	uint64_t nbuckets = view_uint(r->v, h, 4), first = view_uint(r->v, h + 4, 4);
	uint64_t bloom = view_uint(r->v, h + 8, 4) * (r->v->is_64 ? 8 : 4), last = 0;
	uint64_t buckets = off + sizeof(h) + bloom, end = off + left;

	if (buckets > end || nbuckets > (end - buckets) / 4)
		return 0;
	for (uint64_t i = 0; i < nbuckets; i++) {
		if (!view_read(r->v, buckets + 4 * i, 4, h))
			return 0;
		uint64_t b = view_uint(r->v, h, 4);

		last = b > last ? b : last;
	}
	// No symbol is hashed, and bfd writes 1 for the first whatever comes before.
	if (last < first)
		return 0;
	return end_of_chain(r, buckets + 4 * nbuckets + 4 * (last - first), end, last);
}

// The symbol of the relocation at p.
static uint64_t relocation_symbol(struct symbols_reader *r, const uint8_t *p)
{
	if (!r->v->is_64)
		return view_uint(r->v, p + offsetof(Elf32_Rel, r_info), 4) >> 8;
	uint64_t info = view_uint(r->v, p + offsetof(Elf64_Rel, r_info), 8);

	// 64-bit little-endian MIPS has its symbol first, whatever the byte order.
	if (r->e->machine == EM_MIPS && !r->v->big_endian)
		return info & 0xffffffff;
	return info >> 32;
}

static void load_relocations(struct symbols_reader *r)
{
	r->relocations[0] = load_table(r, r->e->dt.rel, r->e->dt.relsz, r->tmp);
	r->relocations[1] = load_table(r, r->e->dt.rela, r->e->dt.relasz, r->tmp);
	r->relocations[2] = load_table(r, r->e->dt.jmprel, r->e->dt.pltrelsz, r->tmp);
}

static size_t relocation_size(const struct symbols_reader *r, size_t table)
{
	bool has_addend = table == 1 || (table == 2 && r->e->dt.pltrel == DT_RELA);

	return view_entry_size(r->v, has_addend ? ELF_T_RELA : ELF_T_REL);
}

// Some linkers let DT_RELA's range include the PLT's relocations.
static bool is_plt(const struct symbols_reader *r, size_t table, size_t at)
{
	uint64_t base = table == 0 ? r->e->dt.rel : r->e->dt.rela;

	return table == 2 ||
		(base + at >= r->e->dt.jmprel && base + at - r->e->dt.jmprel < r->e->dt.pltrelsz);
}

// The highest symbol that a relocation uses, plus one: a program that exports nothing has an empty
// DT_GNU_HASH, which does not say how many symbols it imports.
static uint64_t count_by_relocations(struct symbols_reader *r)
{
	uint64_t n = 0;

	for (size_t t = 0; t < 3; t++) {
		size_t size = relocation_size(r, t);

		for (size_t at = 0; size <= r->relocations[t].len - at; at += size) {
			uint64_t s = relocation_symbol(r, r->relocations[t].ptr + at);

			if (s >= n && s < r->max)
				n = s + 1;
		}
	}
	return n;
}

static void mark_data_symbols(struct symbols_reader *r, size_t n)
{
	for (size_t t = 0; t < 2; t++) {
		size_t size = relocation_size(r, t);

		for (size_t at = 0; size <= r->relocations[t].len - at; at += size) {
			uint64_t s = relocation_symbol(r, r->relocations[t].ptr + at);

			if (s < n && !is_plt(r, t, at))
				r->by_data[s] = 1;
		}
	}
}

static void keep_version(void *arg, const struct elf_version_seen *s)
{
	struct symbols_reader *r = arg;
	size_t i = s->index & INDEX_MAX;

	while (r->versions.len <= i)
		vec_push(r->tmp, &r->versions, (struct version){NULL, NULL});
	if (i >= 2 && !(s->flags & VER_FLG_BASE))
		r->versions.at[i] = (struct version){s->version, s->file};
}

static void read_symbol(struct symbols_reader *r, size_t i, size_t entry, struct elf_symbols *out)
{
	const uint8_t *p = r->table.ptr + i * entry;
	uint64_t name = VIEW_GET(r->v, p, Sym, st_name), versym = 0;
	unsigned info = (unsigned)VIEW_GET(r->v, p, Sym, st_info);
	struct elf_symbol s = {
		.bind = ELF64_ST_BIND(info),
		.type = ELF64_ST_TYPE(info),
		.is_defined = VIEW_GET(r->v, p, Sym, st_shndx) != SHN_UNDEF,
	};

	if (s.bind == STB_LOCAL || name >= r->strings.len || !r->strings.ptr[name])
		return;
	s.name = (const char *)r->strings.ptr + name;
	s.by_data = !s.is_defined && r->by_data[i];
	(void)span_uint(r->versym, 2 * i, 2, r->v->big_endian, &versym);
	if ((versym & INDEX_MAX) < r->versions.len) {
		const struct version *version = &r->versions.at[versym & INDEX_MAX];

		s.version = version->version;
		s.file = s.is_defined ? NULL : version->file;
	}
	s.is_hidden_version = versym & 0x8000;
	vec_push(r->a, out, s);
}

struct err *elf_read_symbols(
	struct file *f, const struct elf *e, struct arena *a, struct elf_symbols *out)
{
	struct elf_view v;
	drop(arena_drop) struct arena tmp = {0};
	struct symbols_reader r = {.v = &v, .e = e, .a = a, .tmp = &tmp};
	uint64_t off, left;

	*out = (struct elf_symbols){0};
	if (e->not_elf || e->broken || !e->dt.symtab)
		return NULL;
	view_open_elf(&v, f, e);
	r.entry = view_entry_size(&v, ELF_T_SYM);
	if (!elf_locate(e, e->dt.symtab, &off, &left))
		return err_new(ERR_FAILED, "the symbol table lies outside the loaded segments");
	r.max = left / r.entry < SYMBOLS_MAX ? (size_t)(left / r.entry) : SYMBOLS_MAX;
	load_relocations(&r);

	uint64_t n = count_by_hash(&r);

	n = n ? n : count_by_gnu_hash(&r);
	if (n <= 1) {
		uint64_t used = count_by_relocations(&r);

		n = n > used ? n : used;
	}
	n = n < r.max ? n : r.max;
	uint8_t *table = arena_alloc(&tmp, (size_t)n * r.entry + 1);

	if (view_table(&v, off, (size_t)n, ELF_T_SYM, table))
		r.table = (struct span){table, (size_t)n * r.entry};
	r.strings = load_table(&r, e->dt.strtab, e->dt.strsz, a); // a NUL follows it
	r.versym = load_table(&r, e->dt.versym, 2 * n, &tmp);
	r.by_data = arena_alloc(&tmp, (size_t)n + 1);
	mark_data_symbols(&r, (size_t)n);
	const char *why = elf_each_version(&v, e, a, keep_version, &r);

	if (why && !v.err)
		return err_new(ERR_FAILED, "%s", why);
	for (size_t i = 1; i < n && r.table.ptr; i++)
		read_symbol(&r, i, r.entry, out);
	return v.err;
}
