// The new file's layout: segments move together, what tools read goes into the gaps.
#include "ldd/rewrite_impl.h"

#include <stdlib.h>
#include <string.h>

enum { DYNAMIC_MAX = 1 << 20, MIPS_RLD_MAP_REL = 0x70000035 };

uint64_t rewrite_page_size(const struct elf *e)
{
	switch (e->machine) {
	case EM_ARM:
	case EM_386:
	case EM_X86_64:
	case EM_RISCV:
	case EM_S390:
		return 4096;
	case EM_AARCH64:
	case EM_PPC64:
		return 65536;
	default:
		return 0;
	}
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

// ---- segments ----

// The alignment that p_offset and p_vaddr must share in the new file, and the new p_align.
static uint64_t choose_alignment(struct rewriter *w, struct rewrite_segment *s)
{
	uint64_t distance = s->vaddr - s->off, want = w->page;
	// A table that names little of the segment says little about what it needs.
	bool is_named = s->named >= s->memsz / 2;

	if (!want)
		want = max(s->align, REWRITE_PAGE_MAX);
	want = max(want, is_named ? s->need : s->align);
	s->new_align = min(s->align, want);
	return distance ? min(want, distance & -distance) : want;
}

// Thread-local data and the like have alignments of their own.
static void note_segment_alignments(struct rewriter *w)
{
	vec_each (s, &w->segments) {
		if (s->type == PT_LOAD || s->type == PT_GNU_STACK)
			continue;
		vec_each (load, &w->segments)
			if (load->type == PT_LOAD && s->vaddr >= load->vaddr &&
				s->vaddr - load->vaddr < load->memsz)
				load->need = max(load->need, s->align);
	}
}

static void place_loads(struct rewriter *w)
{
	uint64_t end = 0;

	for (size_t i = 0; i < w->nloads; i++) {
		struct rewrite_segment *s = w->loads[i];
		uint64_t align = choose_alignment(w, s);

		// Never beyond its old place, which is a multiple apart and not before `end`.
		s->new_off = end + ((s->vaddr - end) & (align - 1));
		end = s->new_off + s->filesz;
	}
	vec_each (s, &w->segments) {
		if (s->type != PT_LOAD || s->filesz)
			continue;
		// The loader may map the page before it: it must be one of the file.
		uint64_t align = choose_alignment(w, s), back = (end - s->vaddr) & (align - 1);

		s->new_off = back <= end ? end - back : s->vaddr & (align - 1);
	}
}

// Segments inside of a PT_LOAD move with it.
static void place_others(struct rewriter *w)
{
	vec_each (s, &w->segments) {
		if (s->type == PT_LOAD || s->type == PT_NULL || !s->off)
			continue;
		const struct rewrite_segment *load = rewrite_load_at(w, s->off, s->filesz);

		if (load)
			s->new_off = s->off - load->off + load->new_off;
		else if (s->filesz)
			s->new_off = rewrite_place(w, s->off, s->filesz);
		else
			s->new_off = 0; // it has no bytes, and its place may be gone
	}
}

static uint64_t moved(const struct rewriter *w, uint64_t off, uint64_t size)
{
	const struct rewrite_segment *load = rewrite_load_at(w, off, size);

	return load ? off - load->off + load->new_off : rewrite_place(w, off, size);
}

// ---- the gaps ----

static int by_at(const void *x, const void *y)
{
	const struct rewrite_range *a = x, *b = y;

	return a->at < b->at ? -1 : a->at > b->at;
}

struct gaps {
	struct rewrite_range *at;
	size_t len, cap;
	uint64_t end; // of everything placed
};

// What lies between the segments, the header and the program headers.
static void find_gaps(struct rewriter *w, struct gaps *g)
{
	struct {
		struct rewrite_range *at;
		size_t len, cap;
	} used = {0};

	vec_each (s, &w->segments)
		if (s->type == PT_LOAD)
			vec_push(
				w->tmp, &used, (struct rewrite_range){0, s->filesz, s->new_off, 0});
	vec_push(w->tmp, &used, (struct rewrite_range){0, w->header_size, 0, 0});
	vec_push(w->tmp, &used, (struct rewrite_range){0, w->phdrs_size, w->phoff, 0});
	qsort(used.at, used.len, sizeof(*used.at), by_at);
	vec_each (u, &used) {
		if (u->at > g->end)
			vec_push(w->tmp, g,
				(struct rewrite_range){.at = g->end, .size = u->at - g->end});
		g->end = max(g->end, u->at + u->size);
	}
}

// Takes the first gap that is large enough, else the end of the file.
static uint64_t take_place(struct gaps *g, uint64_t size, uint64_t align)
{
	vec_each (gap, g) {
		uint64_t skip = -gap->at & (align - 1), at = gap->at + skip;

		if (skip > gap->size || size > gap->size - skip)
			continue;
		gap->at += skip + size;
		gap->size -= skip + size;
		return at;
	}
	uint64_t at = g->end + (-g->end & (align - 1));

	g->end = at + size;
	return at;
}

// ---- the small section table ----

static void add_patch(struct rewriter *w, uint64_t off, uint64_t size, const uint8_t *bytes)
{
	vec_push(w->tmp, &w->patches, (struct rewrite_piece){off, size, 0, bytes});
}

static size_t write_names(struct rewriter *w, uint8_t **out, uint32_t *at)
{
	static const char own[] = ".shstrtab";
	size_t n = 1;

	for (size_t i = 0; i <= w->kept.len; i++) {
		at[i] = (uint32_t)n;
		n += strlen(i < w->kept.len ? w->kept.at[i].name : own) + 1;
	}
	*out = arena_alloc(w->a, n);
	for (size_t i = 0; i <= w->kept.len; i++) {
		const char *name = i < w->kept.len ? w->kept.at[i].name : own;

		memcpy(*out + at[i], name, strlen(name) + 1);
	}
	return n;
}

// The new index of the section that the old table had at `index`; 0: it is gone.
static size_t new_index(const struct rewriter *w, uint64_t index)
{
	vec_each (s, &w->kept)
		if (s->index == index)
			return (size_t)(s - w->kept.at) + 1;
	return 0;
}

static void write_table(struct rewriter *w, struct gaps *g)
{
	size_t entry = view_entry_size(w->v, ELF_T_SHDR), n = w->kept.len + 2;
	uint32_t *name_at = arena_alloc(w->tmp, n * sizeof(*name_at));
	uint8_t *names, *table = arena_alloc(w->a, n * entry), *p = table + entry;
	size_t names_size = write_names(w, &names, name_at);
	uint64_t names_off = take_place(g, names_size, 1);
	uint64_t off = take_place(g, n * entry, w->v->is_64 ? 8 : 4);

	vec_each (s, &w->kept) {
		memcpy(p, s->raw, entry);
		REWRITE_PUT(w, p, Shdr, sh_name, name_at[s - w->kept.at]);
		REWRITE_PUT(w, p, Shdr, sh_offset, s->size ? moved(w, s->off, s->size) : 0);
		REWRITE_PUT(w, p, Shdr, sh_link, new_index(w, REWRITE_GET(w, p, Shdr, sh_link)));
		if (s->type != SHT_DYNSYM) // there it is a number of symbols
			REWRITE_PUT(w, p, Shdr, sh_info, 0);
		p += entry;
	}
	REWRITE_PUT(w, p, Shdr, sh_name, name_at[w->kept.len]);
	REWRITE_PUT(w, p, Shdr, sh_type, SHT_STRTAB);
	REWRITE_PUT(w, p, Shdr, sh_offset, names_off);
	REWRITE_PUT(w, p, Shdr, sh_size, names_size);
	REWRITE_PUT(w, p, Shdr, sh_addralign, 1);
	add_patch(w, names_off, names_size, names);
	add_patch(w, off, n * entry, table);
	REWRITE_PUT(w, w->header, Ehdr, e_shoff, off);
	REWRITE_PUT(w, w->header, Ehdr, e_shnum, n);
	REWRITE_PUT(w, w->header, Ehdr, e_shstrndx, n - 1);
}

static void write_headers(struct rewriter *w, struct gaps *g)
{
	size_t entry = view_entry_size(w->v, ELF_T_PHDR);
	uint8_t *p = w->phdrs;

	vec_each (s, &w->segments) {
		REWRITE_PUT(w, p, Phdr, p_offset, s->new_off);
		REWRITE_PUT(w, p, Phdr, p_align, s->new_align);
		p += entry;
	}
	REWRITE_PUT(w, w->header, Ehdr, e_shoff, 0);
	REWRITE_PUT(w, w->header, Ehdr, e_shnum, 0);
	REWRITE_PUT(w, w->header, Ehdr, e_shstrndx, 0);
	if (w->kept.len)
		write_table(w, g);
	add_patch(w, 0, w->header_size, w->header);
	add_patch(w, w->phoff, w->phdrs_size, w->phdrs);
}

// ---- DT_NEEDED ----

static bool is_unwanted(const struct rewriter *w, const struct elf_dep *dep)
{
	if (dep->kind != ELF_NEEDED)
		return false;
	vec_each (name, w->o->drop_needed)
		if (strcmp(*name, dep->name) == 0)
			return true;
	return false;
}

// Entries that follow a removed one move up; the end is filled with DT_NULL.
static void shift_entries(struct rewriter *w, uint8_t *dynamic, uint64_t size, size_t entry)
{
	uint8_t *to = dynamic, *end = dynamic + size;
	size_t dep = 0;

	for (uint8_t *p = dynamic; p < end; p += entry) {
		uint64_t tag = REWRITE_GET(w, p, Dyn, d_tag);
		bool is_dep = tag == DT_NEEDED || (tag & 0xffffffff) == DT_AUXILIARY ||
			(tag & 0xffffffff) == DT_FILTER;

		if (is_dep && dep < w->e->deps.len && is_unwanted(w, &w->e->deps.at[dep++])) {
			w->dropped++;
			continue;
		}
		// The one value that counts from its own entry's place.
		if (tag == MIPS_RLD_MAP_REL && w->e->machine == EM_MIPS)
			REWRITE_PUT(
				w, p, Dyn, d_un, REWRITE_GET(w, p, Dyn, d_un) + (uint64_t)(p - to));
		memmove(to, p, entry);
		to += entry;
	}
	memset(to, 0, (size_t)(end - to));
}

const char *rewrite_drop_needed(struct rewriter *w)
{
	size_t entry = view_entry_size(w->v, ELF_T_DYN);
	const struct rewrite_segment *dynamic = NULL;
	uint64_t off, left, size = 0;

	vec_each (s, &w->segments)
		if (s->type == PT_DYNAMIC)
			dynamic = s;
	if (!w->o->drop_needed || !w->o->drop_needed->len || !dynamic)
		return NULL;
	if (!elf_locate(w->e, dynamic->vaddr, &off, &left) || dynamic->filesz > left ||
		dynamic->filesz > DYNAMIC_MAX || !rewrite_load_at(w, off, dynamic->filesz))
		return "its dynamic section is in no segment";
	uint8_t *bytes = arena_alloc(w->a, dynamic->filesz);

	if (!view_read(w->v, off, dynamic->filesz, bytes))
		return "its dynamic section cannot be read";
	while (size + entry <= dynamic->filesz) {
		uint64_t tag = REWRITE_GET(w, bytes + size, Dyn, d_tag);

		size += entry;
		if (tag == DT_NULL)
			break;
	}
	shift_entries(w, bytes, size, entry);
	if (w->dropped)
		add_patch(w, off, size, bytes); // the old place, until the segments have theirs
	return NULL;
}

// ---- what is changed ----

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a_size && b_size && a < b + b_size && b < a + a_size;
}

// Are these bytes something else as well? Only a file made on purpose has the name of its loader or
// its strings among them. Not so PT_GNU_PROPERTY, which patchelf leaves behind (may_touch_headers).
static bool is_shared(const struct rewriter *w, uint64_t off, uint64_t size)
{
	const struct elf *e = w->e;
	const uint64_t tables[][2] = {{e->dt.strtab, e->dt.strsz}, {e->dt.verneed, 1},
		{e->dt.verdef, 1}, {e->dt.symtab, 1}, {e->dt.versym, 1}};
	uint64_t at, left;

	vec_each (s, &w->segments)
		if ((s->type == PT_INTERP || s->type == PT_NOTE || s->type == PT_TLS) &&
			overlap(off, size, s->off, s->filesz))
			return true;
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		if (tables[i][0] && elf_locate(e, tables[i][0], &at, &left) &&
			overlap(off, size, at, min(tables[i][1], left)))
			return true;
	return false;
}

static const char *check_shared(struct rewriter *w)
{
	bool is_any = is_shared(w, 0, w->header_size) || is_shared(w, w->phoff, w->phdrs_size);

	vec_each (p, &w->patches) // the dynamic section's
		is_any |= is_shared(w, p->off, p->size);
	return is_any ? "its headers are other data as well" : NULL;
}

// ---- pieces ----

static int by_off(const void *x, const void *y)
{
	const struct rewrite_piece *a = x, *b = y;

	return a->off < b->off ? -1 : a->off > b->off;
}

static void add_copy(struct rewriter *w, uint64_t off, uint64_t end, uint64_t source)
{
	if (off < end)
		vec_push(w->a, &w->out->pieces,
			(struct rewrite_piece){off, end - off, source, NULL});
}

// A segment's bytes, but for those that patches replace.
static void copy_load(struct rewriter *w, const struct rewrite_segment *s)
{
	uint64_t at = s->new_off, end = s->new_off + s->filesz;

	vec_each (p, &w->patches) {
		if (p->off + p->size <= at || p->off >= end)
			continue;
		add_copy(w, at, p->off, s->off + (at - s->new_off));
		at = max(at, p->off + p->size);
	}
	add_copy(w, at, end, s->off + (at - s->new_off));
}

static const char *make_pieces(struct rewriter *w)
{
	qsort(w->patches.at, w->patches.len, sizeof(*w->patches.at), by_off);
	for (size_t i = 0; i < w->nloads; i++)
		copy_load(w, w->loads[i]);
	vec_each (b, &w->blobs)
		add_copy(w, b->at, b->at + b->size, b->off);
	vec_each (p, &w->patches)
		vec_push(w->a, &w->out->pieces, *p);
	qsort(w->out->pieces.at, w->out->pieces.len, sizeof(*w->out->pieces.at), by_off);
	vec_each (p, &w->out->pieces)
		if (p > w->out->pieces.at && p->off < p[-1].off + p[-1].size)
			return "its headers lie across each other";
	return NULL;
}

// ---- the plan ----

// How the file became smaller: what no segment held, and the rest, which was padding.
static const char *account(struct rewriter *w, uint64_t size)
{
	struct rewrite *out = w->out;
	uint64_t named = 0, kept = 0, end = 0;

	for (size_t i = 0; i < w->nloads; i++)
		out->segments += w->loads[i]->filesz;
	vec_each (k, &w->known) { // sorted by rewrite_check_known
		uint64_t from = max(end, k->off);

		end = max(end, k->off + k->size);
		named += end > from ? end - from : 0;
	}
	vec_each (p, &out->pieces)
		kept += p->size;
	if (size > w->v->size || (size == w->v->size && !w->dropped))
		return "it would not become smaller";
	if (!w->v->is_64 && size > UINT32_MAX)
		return "it is too large";
	out->size = size;
	out->sections_gone = min(named - min(named, kept), w->v->size - size);
	out->padding_gone = w->v->size - size - out->sections_gone;
	return NULL;
}

static const char *lay_out(struct rewriter *w)
{
	struct gaps gaps = {0};
	const char *why;

	note_segment_alignments(w);
	if (w->may_move)
		place_loads(w);
	vec_each (p, &w->patches) // the dynamic section's
		p->off = moved(w, p->off, p->size);
	find_gaps(w, &gaps);
	vec_each (b, &w->blobs)
		b->at = take_place(&gaps, b->size, b->align);
	place_others(w);
	write_headers(w, &gaps);
	if ((why = make_pieces(w)))
		return why;
	return account(w, gaps.end);
}

static const char *plan(struct rewriter *w)
{
	const char *why = rewrite_read_segments(w);

	why = why ? why : rewrite_read_sections(w);
	why = why ? why : rewrite_check_known(w);
	why = why ? why : rewrite_drop_needed(w);
	why = why ? why : check_shared(w);
	return why ? why : lay_out(w);
}

struct err *rewrite_plan(struct file *f, const struct elf *e, const struct rewrite_options *o,
	struct arena *a, struct rewrite *out)
{
	drop(arena_drop) struct arena tmp = {0};
	struct elf_view v;
	struct rewriter w = {.v = &v, .e = e, .o = o, .a = a, .tmp = &tmp, .out = out};

	*out = (struct rewrite){.why_not = e->not_elf ? e->not_elf : e->broken};
	if (out->why_not)
		return NULL;
	if (e->bad_ident) {
		out->why_not = "its header is marked";
		return NULL;
	}
	view_open_elf(&v, f, e);
	w.page = o->page_size ? o->page_size : rewrite_page_size(e);
	const char *why = plan(&w);

	if (why)
		*out = (struct rewrite){.why_not = why};
	return v.err;
}
