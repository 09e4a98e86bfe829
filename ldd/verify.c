// Symbol versions: what elf/dl-version.c checks before a program's first instruction.
#include "ldd/verify.h"

#include <ctype.h>
#include <string.h>

#include "ldd/facts.h"

// Every name an object answers to (_dl_name_match_p): the first in load order wins.
static void add_name(
	struct map *names, struct arena *a, const char *name, const struct object_file *f)
{
	void **slot = name ? map_at(names, a, name) : NULL;

	if (slot && !*slot)
		*slot = (void *)f;
}

static void collect_names(struct arena *a, const struct closure *c, struct map *names)
{
	vec_each (it, &c->objects) {
		struct object *o = *it;

		if (!object_is_usable(o))
			continue;
		if (o != c->objects.at[0]) { // the program has no file name here
			add_name(names, a, o->name, o->file);
			vec_each (name, &o->names)
				add_name(names, a, *name, o->file);
		}
		add_name(names, a, o->file->elf.soname, o->file);
		add_name(names, a, o->file->path, o->file);
	}
	if (c->interpreter) {
		add_name(names, a, c->interpreter_path, c->interpreter);
		add_name(names, a, c->interpreter->elf.soname, c->interpreter);
	}
}

// match_symbol of dl-version.c; a provider without any Verdef passes.
static bool provides(struct resolver *r, const struct object_file *provider, const char *version)
{
	const struct elf *e = &provider->elf;

	return !e->has_verdef || facts_defines(r, provider, version) ||
		(e->soname && !strcmp(e->soname, version)); // the base version
}

// Looked up once for each pair of files, however many programs load both.
static const struct version_answer *answer_of(struct resolver *r, const struct object_file *wanter,
	size_t group, const struct object_file *provider)
{
	struct arena *a = resolver_arena(r);
	struct facts *facts = facts_of(r, wanter);
	const struct need_group *g = &facts->groups.at[group];
	struct version_answer *answer;

	vec_each (it, &facts->answers)
		if (it->provider == provider && it->group == group)
			return it;
	answer = vec_add(a, &facts->answers);
	*answer = (struct version_answer){.provider = provider, .group = group};
	for (size_t i = g->first; i < g->first + g->n; i++) {
		const struct elf_version_need *need = &wanter->elf.needs.at[i];

		if (!provides(r, provider, need->version))
			vec_push(a, need->weak ? &answer->weak : &answer->missing, need->version);
	}
	return answer;
}

static size_t family_len(const char *version)
{
	return strcspn(version, "0123456789");
}

// "GLIBC_2.2.5 … GLIBC_2.31": the versions of the family that `like` belongs to, else all.
static const char *versions_around(struct arena *a, const struct elf *e, const char *like)
{
	const char *lowest = NULL, *highest = NULL;
	size_t n = family_len(like), found = 0;

	for (int all = 0; all < 2 && !found; all++) {
		vec_each (it, &e->defines) {
			if (!all &&
				(family_len(*it) != n || strncmp(*it, like, n) != 0 || !(*it)[n]))
				continue;
			found++;
			if (!lowest || strverscmp(*it, lowest) < 0)
				lowest = *it;
			if (!highest || strverscmp(*it, highest) > 0)
				highest = *it;
		}
	}
	if (found < 2)
		return found ? lowest : "none";
	return arena_printf(a, "%s %s %s", lowest, found == 2 ? "and" : "…", highest);
}

static const char *joined(struct arena *a, const struct strings *list)
{
	const char *text = list->at[0];

	for (size_t i = 1; i < list->len; i++) {
		if (i == 4 && list->len > 5)
			return arena_printf(a, "%s and %zu more", text, list->len - i);
		text = arena_printf(
			a, "%s%s%s", text, i + 1 == list->len ? " and " : ", ", list->at[i]);
	}
	return text;
}

static const char *highest_of(const struct strings *list)
{
	const char *highest = list->at[0];

	vec_each (it, list)
		if (strverscmp(*it, highest) > 0)
			highest = *it;
	return highest;
}

static const char *version_hint(
	struct arena *a, const struct object_file *provider, const struct strings *missing)
{
	const char *wanted = highest_of(missing), *has = NULL;

	vec_each (it, &provider->elf.defines)
		if (!strncmp(*it, "GLIBC_2", 7) && (!has || strverscmp(*it, has) > 0))
			has = *it;
	if (!strncmp(wanted, "GLIBC_2", 7) && has && strverscmp(wanted, has) > 0)
		return arena_printf(a,
			"the sysroot's glibc is %s, linked against was %s or newer: use a newer sysroot "
			"or build against an older one",
			has + 6, wanted + 6);
	if (!strncmp(wanted, "GLIBCXX_", 8) || !strncmp(wanted, "CXXABI_", 7) ||
		!strncmp(wanted, "GCC_", 4))
		return "it was built with a newer GCC than the sysroot's: use a newer sysroot, or link "
		       "with -static-libstdc++ -static-libgcc";
	return "the image's sysroot should be the one that was linked against";
}

static void report(struct resolver *r, struct closure *c, const struct object *wanter,
	const struct version_answer *answer, const struct strings *missing, bool is_warning)
{
	struct arena *a = resolver_arena(r);
	const struct need_group *g = &facts_of(r, wanter->file)->groups.at[answer->group];
	struct problem *p;

	p = closure_problem(r, c, PROBLEM_VERSION, g->file,
		"%s has no version %s, which %s wants%s; it has %s",
		object_file_text(r, answer->provider), joined(a, missing),
		object_file_text(r, wanter->file), missing == &answer->weak ? " weakly" : "",
		versions_around(a, &answer->provider->elf, highest_of(missing)));
	p->is_warning = is_warning;
	p->hint = version_hint(a, answer->provider, missing);
}

static bool needs_version(const struct elf *e, const char *version)
{
	vec_each (it, &e->needs)
		if (!strcmp(it->version, version))
			return true;
	return false;
}

// Since 2.36 glibc refuses DT_RELR without GLIBC_ABI_DT_RELR among the versions wanted of libc;
// before, it left such relocations undone and the program crashed.
static void check_relr(struct resolver *r, struct closure *c, const struct object *o)
{
	static const char version[] = "GLIBC_ABI_DT_RELR";
	const struct object *libc = closure_libc(c);
	struct problem *p;

	if (!o->file->elf.has_relr || o->file == c->interpreter || !object_is_at_start(o) ||
		o == libc || !libc || needs_version(&o->file->elf, version))
		return;
	vec_each (g, &facts_of(r, o->file)->groups) {
		if (strncmp(g->file, "libc.so.", 8) != 0)
			continue;
		p = closure_problem(r, c, PROBLEM_VERSION, o->name,
			"%s has DT_RELR relocations but does not want version %s of %s",
			object_file_text(r, o->file), version, g->file);
		p->hint =
			"link it with -z pack-relative-relocs as its compiler driver does, or without";
		return;
	}
	if (facts_defines(r, libc->file, version))
		return;
	p = closure_problem(r, c, PROBLEM_VERSION, o->name,
		"%s has DT_RELR relocations, which %s does not know", object_file_text(r, o->file),
		object_file_text(r, libc->file));
	p->hint = "use a sysroot with glibc 2.36 or newer, or link without -z pack-relative-relocs";
}

struct err *verify_versions(struct resolver *r, struct closure *c)
{
	struct arena scratch = {0};
	struct map names = {0};

	if (c->libc == LIBC_MUSL) // has no such check
		return NULL;
	collect_names(&scratch, c, &names);
	vec_each (it, &c->objects) {
		const struct object *o = *it;
		struct facts *facts;

		if (!object_is_usable(o))
			continue;
		facts = facts_of(r, o->file);
		for (size_t i = 0; i < facts->groups.len; i++) {
			// One that is missing stands among the problems already.
			const struct object_file *provider =
				map_get(&names, facts->groups.at[i].file);
			const struct version_answer *answer;

			if (!provider)
				continue;
			answer = answer_of(r, o->file, i, provider);
			if (answer->missing.len)
				report(r, c, o, answer, &answer->missing, !object_is_at_start(o));
			if (answer->weak.len)
				report(r, c, o, answer, &answer->weak, true);
		}
		check_relr(r, c, o);
	}
	arena_drop(&scratch);
	return NULL;
}

const char *verify_glibc_floor(struct resolver *r, const struct closure *c)
{
	const char *floor = NULL;

	vec_each (it, &c->objects) {
		const char *own = object_is_usable(*it) ? facts_of(r, (*it)->file)->floor : NULL;

		if (own && (!floor || strverscmp(own, floor) > 0))
			floor = own;
	}
	return floor;
}

struct err *verify_imports(
	struct resolver *r, const struct closure *c, const char *symbol, const struct object **by)
{
	*by = NULL;
	vec_each (it, &c->objects) {
		struct facts *facts;

		if (!object_is_usable(*it))
			continue;
		TRY(facts_symbols(r, (*it)->file, &facts));
		if (facts_imports(facts, symbol)) {
			*by = *it;
			return NULL;
		}
	}
	return NULL;
}
