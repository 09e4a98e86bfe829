#include "ldd/facts.h"

#include <ctype.h>
#include <string.h>

enum {
	CHAIN_MAX = 512,  // symbols in one place of the hash table
	DEFINES_FEW = 32, // versions that are looked through sooner than a map of them is made
};

// GLIBC_2.34 → "2.34". DT_RELR came with glibc 2.36 and its own version name.
static const char *glibc_number(const char *version)
{
	if (!strcmp(version, "GLIBC_ABI_DT_RELR"))
		return "2.36";
	if (strncmp(version, "GLIBC_", 6) != 0 || !isdigit((unsigned char)version[6]))
		return NULL;
	return version + 6;
}

static void fill_needs(struct arena *a, const struct elf *e, struct facts *facts)
{
	for (size_t i = 0; i < e->needs.len; i++) {
		const struct elf_version_need *need = &e->needs.at[i];
		// What libc asks of its own loader is no one's requirement.
		const char *number =
			strncmp(need->file, "ld", 2) != 0 ? glibc_number(need->version) : NULL;

		if (number && (!facts->floor || strverscmp(number, facts->floor) > 0))
			facts->floor = number;
		if (i && !strcmp(need->file, need[-1].file))
			facts->groups.at[facts->groups.len - 1].n++;
		else
			vec_push(a, &facts->groups, (struct need_group){need->file, i, 1});
	}
}

struct facts *facts_of(struct resolver *r, const struct object_file *f)
{
	struct arena *a = resolver_arena(r);
	struct facts *facts = f->memo;

	if (facts)
		return facts;
	facts = arena_new(a, struct facts);
	if (!f->elf.not_elf && !f->elf.broken)
		fill_needs(a, &f->elf, facts);
	// The slot is ours, whoever hands the file around as const.
	((struct object_file *)f)->memo = facts;
	return facts;
}

bool facts_defines(struct resolver *r, const struct object_file *f, const char *version)
{
	struct facts *facts = facts_of(r, f);

	if (f->elf.defines.len <= DEFINES_FEW) {
		vec_each (it, &f->elf.defines)
			if (strcmp(*it, version) == 0)
				return true;
		return false;
	}
	if (!facts->has_defines) {
		vec_each (it, &f->elf.defines)
			*map_at(&facts->defines, resolver_arena(r), *it) = (void *)*it;
		facts->has_defines = true;
	}
	return map_get(&facts->defines, version);
}

static struct err *read_symbols(
	struct arena *a, const struct object_file *f, struct elf_symbols *out)
{
	drop(file_drop) struct file *file = NULL;

	TRY(root_open_file(f->root, f->walk->path, &file));
	return elf_read_symbols(file, &f->elf, a, out);
}

// The hash of DT_GNU_HASH.
uint32_t symbol_hash(const char *name)
{
	uint32_t h = 5381;

	for (; *name; name++)
		h = h * 33 + (unsigned char)*name;
	return h;
}

// False where many names meet in one place of the table: looking each of them up would take their
// number squared. A name has as many definitions as it has versions, a dozen.
static bool build_index(
	struct arena *a, const struct elf_symbols *symbols, struct symbol_index *out)
{
	size_t n = symbols->len, buckets = 16;

	while (buckets < n)
		buckets *= 2;
	drop(mem_drop) uint16_t *lengths = mem_alloc(buckets * sizeof(*lengths));

	out->mask = (uint32_t)(buckets - 1);
	out->buckets = arena_alloc(a, buckets * sizeof(uint32_t));
	out->next = arena_alloc(a, n * sizeof(uint32_t));
	out->hashes = arena_alloc(a, n * sizeof(uint32_t));
	for (size_t i = n; i-- > 0;) { // backwards, so that chains keep the table's order
		uint32_t hash = symbol_hash(symbols->at[i].name);

		if (++lengths[hash & out->mask] > CHAIN_MAX)
			return false;
		out->hashes[i] = hash;
		out->next[i] = out->buckets[hash & out->mask];
		out->buckets[hash & out->mask] = (uint32_t)(i + 1);
	}
	return true;
}

struct err *facts_symbols(struct resolver *r, const struct object_file *f, struct facts **out)
{
	struct arena *a = resolver_arena(r);
	struct facts *facts = *out = facts_of(r, f);
	drop(err_drop) struct err *e = NULL;

	if (facts->has_symbols)
		return NULL;
	e = read_symbols(a, f, &facts->symbols);
	if (e && err_number(e))
		return take(e);
	if (e)
		facts->damage = arena_strdup(a, err_text(e));
	else if (!build_index(a, &facts->symbols, &facts->index))
		facts->damage = "too many symbols of one name";
	if (facts->damage)
		facts->symbols = (struct elf_symbols){0};
	facts->has_symbols = true;
	return NULL;
}

const struct elf_symbol *facts_find(
	const struct facts *f, const char *name, uint32_t hash, const struct elf_symbol *after)
{
	const struct symbol_index *x = &f->index;
	uint32_t i;

	if (!f->symbols.len)
		return NULL;
	i = after ? x->next[after - f->symbols.at] : x->buckets[hash & x->mask];
	for (; i; i = x->next[i - 1])
		if (x->hashes[i - 1] == hash && !strcmp(f->symbols.at[i - 1].name, name))
			return &f->symbols.at[i - 1];
	return NULL;
}

bool facts_imports(const struct facts *f, const char *name)
{
	const struct elf_symbol *s = NULL;
	uint32_t hash = symbol_hash(name);

	while ((s = facts_find(f, name, hash, s)))
		if (!s->is_defined)
			return true;
	return false;
}

bool object_is_usable(const struct object *o)
{
	return o->file && !o->file->elf.not_elf && !o->file->elf.broken;
}

bool object_is_at_start(const struct object *o)
{
	for (; o; o = o->loader)
		if (o->hidden)
			return false;
	return true;
}

struct object *closure_libc(const struct closure *c)
{
	vec_each (it, &c->objects) {
		const char *soname = object_is_usable(*it) ? (*it)->file->elf.soname : NULL;

		if (!soname)
			soname = (*it)->file && (*it)->name ? (*it)->name : "";
		if (!strncmp(soname, "libc.so", 7) || !strncmp(soname, "libc.musl-", 10))
			return *it;
	}
	return NULL;
}

const char *object_file_text(struct resolver *r, const struct object_file *f)
{
	return f->root ? root_host_path(f->root, f->path, resolver_arena(r)) : f->path;
}
