// Symbol versions: what a file asks for (Verneed) and defines (Verdef); LSB, Symbol Versioning.
#include "ldd/elf_view.h"

enum { VERSIONS_MAX = 16384 }; // records of both chains together; real files have a few hundred

// One walk of a chain. Its records have the same layout in both classes.
struct walker {
	struct elf_view *v;
	const struct elf *e;
	struct arena *a;
	uint64_t strings, strings_end; // in the file
	size_t records;
	void (*seen)(void *arg, const struct elf_version_seen *s);
	void *arg;
};

static const char *string_at(struct walker *w, uint64_t offset)
{
	if (offset >= w->e->dt.strsz)
		return NULL;
	return view_string(w->v, w->strings + offset, w->strings_end, w->a);
}

static bool record_at(struct walker *w, uint64_t off, unsigned size, uint8_t *bytes)
{
	return ++w->records <= VERSIONS_MAX && view_read(w->v, off, size, bytes);
}

static unsigned half(struct walker *w, const uint8_t *p)
{
	return (unsigned)view_uint(w->v, p, 2);
}

static uint32_t word(struct walker *w, const uint8_t *p)
{
	return (uint32_t)view_uint(w->v, p, 4);
}

static const char *needs_of_file(
	struct walker *w, const char *file, uint64_t at, uint64_t end, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t aux[sizeof(Elf64_Vernaux)];

		if (at > end || end - at < sizeof(aux) || !record_at(w, at, sizeof(aux), aux))
			return "a version need lies outside its segment";
		struct elf_version_seen s = {
			.file = file,
			.version = string_at(w, word(w, aux + offsetof(Elf64_Vernaux, vna_name))),
			.flags = (uint16_t)half(w, aux + offsetof(Elf64_Vernaux, vna_flags)),
			.index = (uint16_t)half(w, aux + offsetof(Elf64_Vernaux, vna_other)),
		};
		uint32_t next = word(w, aux + offsetof(Elf64_Vernaux, vna_next));

		if (!s.version)
			return "a version need has no name";
		w->seen(w->arg, &s);
		if (!next)
			break;
		at += next;
	}
	return NULL;
}

static const char *walk_needs(struct walker *w)
{
	uint64_t at, left;

	if (!elf_locate(w->e, w->e->dt.verneed, &at, &left))
		return "DT_VERNEED lies outside the loaded segments";
	for (uint64_t end = at + left;;) {
		uint8_t need[sizeof(Elf64_Verneed)];

		if (at > end || end - at < sizeof(need) || !record_at(w, at, sizeof(need), need))
			return "a version need lies outside its segment";
		uint32_t next = word(w, need + offsetof(Elf64_Verneed, vn_next));
		const char *file = string_at(w, word(w, need + offsetof(Elf64_Verneed, vn_file)));

		if (!file)
			return "a version need names no file";
		const char *why =
			needs_of_file(w, file, at + word(w, need + offsetof(Elf64_Verneed, vn_aux)),
				end, half(w, need + offsetof(Elf64_Verneed, vn_cnt)));

		if (why || !next)
			return why;
		at += next;
	}
}

static const char *walk_defines(struct walker *w)
{
	uint64_t at, left;

	if (!elf_locate(w->e, w->e->dt.verdef, &at, &left))
		return "DT_VERDEF lies outside the loaded segments";
	for (uint64_t end = at + left;;) {
		uint8_t def[sizeof(Elf64_Verdef)], aux[sizeof(Elf64_Verdaux)];

		if (at > end || end - at < sizeof(def) || !record_at(w, at, sizeof(def), def))
			return "a version definition lies outside its segment";
		// The first name is the version; the others are its predecessors, for
		// documentation.
		uint64_t first = at + word(w, def + offsetof(Elf64_Verdef, vd_aux));

		if (first > end || end - first < sizeof(aux) ||
			!record_at(w, first, sizeof(aux), aux))
			return "a version definition lies outside its segment";
		struct elf_version_seen s = {
			.version = string_at(w, word(w, aux + offsetof(Elf64_Verdaux, vda_name))),
			.flags = (uint16_t)half(w, def + offsetof(Elf64_Verdef, vd_flags)),
			.index = (uint16_t)half(w, def + offsetof(Elf64_Verdef, vd_ndx)),
		};
		uint32_t next = word(w, def + offsetof(Elf64_Verdef, vd_next));

		if (!s.version)
			return "a version definition has no name";
		w->seen(w->arg, &s);
		if (!next)
			return NULL;
		at += next;
	}
}

const char *elf_each_version(struct elf_view *v, const struct elf *e, struct arena *a,
	void (*seen)(void *arg, const struct elf_version_seen *s), void *arg)
{
	struct walker w = {.v = v, .e = e, .a = a, .seen = seen, .arg = arg};
	uint64_t left;
	const char *why = NULL;

	if (!elf_locate(e, e->dt.strtab, &w.strings, &left))
		return "the string table lies outside the loaded segments";
	w.strings_end = w.strings + e->dt.strsz;
	if (e->dt.verneed)
		why = walk_needs(&w);
	if (!why && e->dt.verdef)
		why = walk_defines(&w);
	return why;
}

struct keeper {
	struct arena *a;
	struct elf *out;
};

static void keep(void *arg, const struct elf_version_seen *s)
{
	struct keeper *k = arg;

	if (s->file)
		vec_push(k->a, &k->out->needs,
			(struct elf_version_need){
				s->file, s->version, (s->flags & VER_FLG_WEAK) != 0});
	else if (!(s->flags & VER_FLG_BASE))
		vec_push(k->a, &k->out->defines, s->version);
}

const char *elf_read_versions(struct elf_view *v, struct arena *a, struct elf *out)
{
	struct keeper k = {a, out};

	out->has_verdef = out->dt.verdef != 0;
	if (!out->dt.verneed && !out->dt.verdef)
		return NULL;
	return elf_each_version(v, out, a, keep, &k);
}
