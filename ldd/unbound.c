#include "ldd/unbound.h"

#include <string.h>

#include "ldd/elf_view.h"
#include "ldd/facts.h"

enum {
	CRT_MAX = 0x48, // bytes of crti.o's _init and _fini on any machine
	OBJECTS_MAX = 4096,
};

struct objects {
	struct object **at;
	size_t len, cap;
};

struct unbinding {
	struct resolver *r;
	const struct closure *c;
	struct arena *a;
	struct object *program;
	struct strings *drop;  // what may go, and the name being tried
	struct objects before; // in the order of the search for symbols
	struct objects hidden; // loaded later, by dlopen
	struct scope scope;    // of `before`
	bool looks_up;         // something uses dlopen or dlsym
};

static bool is_in(const struct objects *list, const struct object *o)
{
	for (size_t i = 0; i < list->len; i++)
		if (list->at[i] == o)
			return true;
	return false;
}

static bool has_name(const struct strings *names, const char *name)
{
	vec_each (n, names)
		if (strcmp(*n, name) == 0)
			return true;
	return false;
}

// ---- which objects there are without the dropped entries ----

static bool add_dep(struct unbinding *u, struct objects *list, const struct elf_dep *dep)
{
	struct object *o = map_get(&u->c->known, dep->name);

	if (dep->kind != ELF_NEEDED || !o || list->len > OBJECTS_MAX)
		return false;
	if (!is_in(list, o))
		vec_push(u->a, list, o);
	return true;
}

// Adds what the listed objects need, breadth first; false where that is not known for certain.
static bool add_deps(struct unbinding *u, struct objects *list)
{
	for (size_t i = 0; i < list->len; i++) {
		struct object *o = list->at[i];

		if (!object_is_usable(o))
			return false;
		vec_each (dep, &o->file->elf.deps)
			if (!(o == u->program && has_name(u->drop, dep->name)) &&
				!add_dep(u, list, dep))
				return false;
	}
	return true;
}

// The program, what is preloaded, and what they need but for u->drop.
static bool list_objects(struct unbinding *u, struct objects *list)
{
	vec_push(u->a, list, u->program);
	vec_each (it, &u->c->objects)
		if (*it != u->program && object_is_at_start(*it) && !(*it)->wanted_by.len)
			vec_push(u->a, list, *it);
	return add_deps(u, list);
}

// The list must be the one that the closure has, else this program is not understood.
static bool list_before(struct unbinding *u)
{
	size_t i = 0;

	if (!list_objects(u, &u->before))
		return false;
	vec_each (it, &u->c->objects) {
		if (!object_is_at_start(*it))
			vec_push(u->a, &u->hidden, *it);
		else if (i == u->before.len || u->before.at[i++] != *it)
			return false;
	}
	return i == u->before.len;
}

// ---- what a library does by being loaded ----

// Is what DT_INIT or DT_FINI names the whole of its section, and no longer than crti.o makes it?
static bool is_crt_section(
	struct elf_view *v, const struct elf *e, const char *name, uint64_t address)
{
	uint64_t at, left, off, size;
	bool has_sections;

	return elf_find_section(v, name, SHT_PROGBITS, &off, &size, &has_sections) &&
		elf_locate(e, address, &at, &left) && at == off && size <= CRT_MAX;
}

// crtbegin.o gives every library one constructor and one destructor, which do nothing here; a
// constructor of its own is a second entry.
static bool is_inert(struct elf_view *v, const struct elf *e, const struct facts *facts)
{
	uint64_t word = v->is_64 ? 8 : 4;

	if (!e->dt.init && !e->dt.fini && !e->dt.init_arraysz && !e->dt.fini_arraysz)
		return true;
	return e->dt.init_arraysz == word && e->dt.fini_arraysz == word &&
		facts_imports(facts, "__cxa_finalize") &&
		facts_imports(facts, "_ITM_deregisterTMCloneTable") &&
		is_crt_section(v, e, ".init", e->dt.init) &&
		is_crt_section(v, e, ".fini", e->dt.fini);
}

// R_*_IRELATIVE; 0: not known.
static uint64_t irelative_type(uint16_t machine)
{
	switch (machine) {
	case EM_X86_64:
		return R_X86_64_IRELATIVE;
	case EM_386:
		return R_386_IRELATIVE;
	case EM_ARM:
		return R_ARM_IRELATIVE;
	case EM_AARCH64:
		return R_AARCH64_IRELATIVE;
	case EM_PPC64:
		return R_PPC64_IRELATIVE;
	case EM_S390:
		return 61; // R_390_IRELATIVE
	case EM_RISCV:
		return R_RISCV_IRELATIVE;
	default:
		return 0;
	}
}

// false where the table cannot be read, too.
static bool has_no_irelative(
	struct elf_view *v, const struct elf *e, uint64_t address, uint64_t size, bool has_addend)
{
	size_t entry = view_entry_size(v, has_addend ? ELF_T_RELA : ELF_T_REL);
	uint64_t type = irelative_type(e->machine), off, left;
	uint8_t info[8];

	if (!size)
		return true;
	if (!type || !elf_locate(e, address, &off, &left) || size > left)
		return false;
	for (uint64_t at = 0; at + entry <= size; at += entry) {
		unsigned word = v->is_64 ? 8 : 4;

		if (!view_read(v, off + at + word, word, info))
			return false;
		if ((view_uint(v, info, word) & (v->is_64 ? 0xffffffff : 0xff)) == type)
			return false;
	}
	return true;
}

static bool has_unique_symbol(const struct facts *facts)
{
	vec_each (s, &facts->symbols)
		if (s->bind == STB_GNU_UNIQUE)
			return true;
	return false;
}

static struct err *check_library(struct unbinding *u, const struct object *o, bool *may_go)
{
	const struct elf *e = &o->file->elf;
	drop(file_drop) struct file *f = NULL;
	struct facts *facts;
	struct elf_view v;

	*may_go = false;
	if (e->has_tls || e->audit || e->depaudit)
		return NULL;
	TRY(facts_symbols(u->r, o->file, &facts));
	if (has_unique_symbol(facts))
		return NULL;
	TRY(root_open_file(o->file->root, o->file->walk->path, &f));
	view_open_elf(&v, f, e);
	*may_go = is_inert(&v, e, facts) &&
		has_no_irelative(&v, e, e->dt.rel, e->dt.relsz, false) &&
		has_no_irelative(&v, e, e->dt.rela, e->dt.relasz, true) &&
		has_no_irelative(&v, e, e->dt.jmprel, e->dt.pltrelsz, e->dt.pltrel == DT_RELA);
	return v.err;
}

// ---- who binds to it ----

// Copy relocations skip the program, whose own definition they fill (elf/dl-reloc.c).
static struct err *binds_to(struct unbinding *u, const struct object *by,
	const struct elf_symbol *s, const struct object_file *to, bool *binds)
{
	struct scope others = {u->scope.at + 1, u->scope.len - 1, 0, u->scope.has_versions};
	const struct object_file *found;

	TRY(scope_find(u->r, &u->scope, s, &found));
	if (found != to && by == u->program && s->is_defined)
		TRY(scope_find(u->r, &others, s, &found));
	*binds = found == to;
	return NULL;
}

static struct err *is_used_by(struct unbinding *u, const struct object *by,
	const struct elf_symbol *def, const struct object *o, bool *used)
{
	const struct elf_symbol *s = NULL;
	uint32_t hash = symbol_hash(def->name);
	// Libraries define their versions as symbols, too, which nothing refers to: glibc's all
	// have the same.
	bool is_version = has_name(&o->file->elf.defines, def->name);

	while (!*used && (s = facts_find(facts_of(u->r, by->file), def->name, hash, s)))
		if (!s->is_defined || !is_version)
			TRY(binds_to(u, by, s, o->file, used));
	return NULL;
}

static bool is_gone(const struct unbinding *u, const struct objects *after, const struct object *o)
{
	return is_in(&u->before, o) && !is_in(after, o);
}

// Does what stays use a symbol of o, or could it at run time?
static struct err *check_symbols(
	struct unbinding *u, const struct objects *after, const struct object *o, bool *may_go)
{
	const struct elf *e = &o->file->elf;
	bool used = false;

	vec_each (s, &facts_of(u->r, o->file)->symbols) {
		if (!s->is_defined)
			continue;
		// dlsym finds no name@VERSION, and the names of the versions are no use to it.
		if (u->looks_up && !s->is_hidden_version && !has_name(&e->defines, s->name))
			used = true;
		for (size_t i = 0; i < after->len && !used; i++)
			TRY(is_used_by(u, after->at[i], s, o, &used));
		for (size_t i = 0; i < u->hidden.len && !used; i++)
			if (object_is_usable(u->hidden.at[i]))
				TRY(is_used_by(u, u->hidden.at[i], s, o, &used));
		if (used)
			break;
	}
	*may_go = !used;
	return NULL;
}

// What stays must be found without the help of what goes, and ask for no version of it.
static bool is_independent(
	const struct unbinding *u, const struct objects *after, const struct object *o)
{
	if (o->file == u->c->interpreter)
		return true; // loaded before all others
	if ((o->loader && is_gone(u, after, o->loader)) ||
		(o->rule_of && is_gone(u, after, o->rule_of)))
		return false;
	if (!object_is_usable(o))
		return true;
	vec_each (need, &o->file->elf.needs) {
		const struct object *provider = map_get(&u->c->known, need->file);

		if (!provider || is_gone(u, after, provider))
			return false;
	}
	return true;
}

static bool stays_in_order(const struct unbinding *u, const struct objects *after)
{
	size_t i = 0;

	vec_each (it, &u->before)
		if (i < after->len && after->at[i] == *it)
			i++;
	return i == after->len;
}

// Nothing that comes later by dlopen may bring it back at another place.
static bool hidden_need_none(struct unbinding *u, const struct objects *after)
{
	vec_each (it, &u->hidden) {
		if (!is_independent(u, after, *it))
			return false;
		if (!object_is_usable(*it))
			continue;
		vec_each (dep, &(*it)->file->elf.deps) {
			const struct object *o = map_get(&u->c->known, dep->name);

			if (!o || is_gone(u, after, o))
				return false;
		}
	}
	return true;
}

// May the entries of u->drop go together, the last of them being `name`?
static struct err *try_drop(struct unbinding *u, const char *name, bool *may_go)
{
	const struct object *target = map_get(&u->c->known, name);
	struct objects after = {0};

	*may_go = false;
	if (!target || target->file == u->c->interpreter || !list_objects(u, &after) ||
		is_in(&after, target) || !stays_in_order(u, &after) || !hidden_need_none(u, &after))
		return NULL;
	vec_each (it, &after)
		if (!is_independent(u, &after, *it))
			return NULL;
	vec_each (it, &u->before) {
		if (is_in(&after, *it))
			continue;
		if ((*it)->file == u->c->interpreter || *it == closure_libc(u->c))
			return *may_go = false, NULL;
		TRY(check_library(u, *it, may_go));
		if (*may_go)
			TRY(check_symbols(u, &after, *it, may_go));
		if (!*may_go)
			return NULL;
	}
	return NULL;
}

// ---- the program ----

static bool looks_up(const struct facts *facts)
{
	static const char *const names[] = {
		"dlopen", "dlmopen", "dlsym", "dlvsym", "__libc_dlopen_mode", "__libc_dlsym"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (facts_imports(facts, names[i]))
			return true;
	return false;
}

// Reads the symbols of every object; false where some cannot be read.
static struct err *read_objects(struct unbinding *u, bool *readable)
{
	const struct object *libc = closure_libc(u->c);

	*readable = list_before(u);
	u->scope.has_versions = true;
	vec_each (it, &u->c->objects) {
		struct facts *facts;

		if (!*readable || !object_is_usable(*it))
			continue;
		TRY(facts_symbols(u->r, (*it)->file, &facts));
		*readable = !facts->damage;
		u->looks_up |= *it != libc && looks_up(facts);
	}
	for (size_t i = 0; *readable && i < u->before.len; i++)
		vec_push(u->a, &u->scope, u->before.at[i]->file);
	return NULL;
}

struct err *unbound_needed(
	struct resolver *r, const struct closure *c, struct arena *a, struct strings *out)
{
	drop(arena_drop) struct arena tmp = {0};
	struct strings dropped = {0};
	struct unbinding u = {.r = r, .c = c, .a = &tmp, .drop = &dropped};
	bool may_go;

	*out = (struct strings){0};
	if (!c->objects.len || c->libc != LIBC_GLIBC || !c->interpreter)
		return NULL;
	u.program = c->objects.at[0];
	if (!object_is_usable(u.program))
		return NULL;
	TRY(read_objects(&u, &may_go));
	if (!may_go)
		return NULL;
	vec_each (dep, &u.program->file->elf.deps) {
		vec_push(&tmp, &dropped, dep->name);
		TRY(try_drop(&u, dep->name, &may_go));
		if (!may_go)
			dropped.len--;
	}
	vec_each (name, &dropped)
		vec_push(a, out, arena_strdup(a, *name));
	return NULL;
}
