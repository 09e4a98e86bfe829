// Undefined symbols, looked up as elf/dl-lookup.c does in the global scope. Since glibc 2.30 the
// file that a version was asked from at link time plays no part (its NEWS).
#include <string.h>

#include "ldd/facts.h"
#include "ldd/verify.h"

// A program that lacks a whole library's symbols is not helped by a thousand lines.
enum { MAX_REPORTED = 8 };

static bool answers_to(const struct object_file *f, const char *name)
{
	const char *slash = strrchr(f->path, '/');

	return (f->elf.soname && !strcmp(f->elf.soname, name)) ||
		!strcmp(slash ? slash + 1 : f->path, name);
}

// A library that had versions when the program was linked and now has no version table at all
// passes dl-version.c and trips an assertion in check_match.
static bool has_lost_versions(const struct object_file *f, const struct elf_symbol *want)
{
	return want->version && want->file && !f->elf.dt.versym && answers_to(f, want->file);
}

// check_match of dl-lookup.c. Version index 2, the first definition's, is taken for an unversioned
// reference even where hidden: that is what programs from before the library's versions mean.
static bool matches(const struct scope *scope, const struct object_file *f,
	const struct elf_symbol *want, const struct elf_symbol *def)
{
	const char *first = f->elf.defines.len ? f->elf.defines.at[0] : NULL;

	if (!scope->has_versions)
		return true;
	if (has_lost_versions(f, want))
		return false;
	if (!f->elf.has_verdef || (!def->version && !def->is_hidden_version))
		return true;
	if (want->version)
		return def->version && !strcmp(def->version, want->version);
	return !def->is_hidden_version || (first && def->version && !strcmp(def->version, first));
}

struct err *scope_find(struct resolver *r, const struct scope *scope, const struct elf_symbol *want,
	const struct object_file **out)
{
	uint32_t hash = symbol_hash(want->name);

	for (size_t i = 0; i < scope->len; i++) {
		const struct elf_symbol *def = NULL;
		struct facts *facts;

		*out = scope->at[i];
		TRY(facts_symbols(r, *out, &facts));
		if (facts->damage)
			return NULL; // it may be there
		while ((def = facts_find(facts, want->name, hash, def)))
			if (def->is_defined && matches(scope, *out, want, def))
				return NULL;
	}
	*out = NULL;
	return NULL;
}

static bool is_checked(const struct elf_symbol *s)
{
	// MIPS's global pointer is the linker's own (MIPS psABI, chapter 5).
	return !s->is_defined && s->bind == STB_GLOBAL && strcmp(s->name, "_gp_disp") != 0 &&
		strcmp(s->name, "__gnu_local_gp") != 0;
}

static void report(struct resolver *r, struct closure *c, const struct object *o,
	const struct elf_symbol *s, bool is_warning, size_t more)
{
	struct arena *a = resolver_arena(r);
	struct problem *p = closure_problem(r, c, PROBLEM_SYMBOL, s->name,
		"%s wants the symbol %s%s%s, which no library of the program defines%s",
		object_file_text(r, o->file), s->name, s->version ? "@" : "",
		s->version ? s->version : "",
		more ? arena_printf(a, " (and %zu more like it)", more) : "");

	p->is_warning = is_warning;
	if (is_warning)
		p->hint = "the program starts, and ends where it first calls it";
}

struct missing {
	const struct elf_symbol **at;
	size_t len, cap;
};

static void report_all(struct resolver *r, struct closure *c, const struct object *o,
	const struct missing *missing, bool is_warning)
{
	for (size_t i = 0; i < missing->len && i < MAX_REPORTED; i++)
		report(r, c, o, missing->at[i], is_warning,
			i + 1 == MAX_REPORTED ? missing->len - MAX_REPORTED : 0);
}

// A file that found all its symbols in some files finds them wherever these are loaded.
static bool is_known_fine(const struct facts *facts, struct resolver *r)
{
	if (!facts->found_in)
		return false;
	for (size_t i = 0; i < facts->nfound_in; i++)
		if (!facts_of(r, facts->found_in[i])->in_scope)
			return false;
	return true;
}

static void remember(struct facts *facts, struct arena *a, const struct scope *used)
{
	facts->found_in = arena_alloc(a, (used->len + 1) * sizeof(*used->at));
	facts->nfound_in = used->len;
	if (used->len)
		memcpy(facts->found_in, used->at, used->len * sizeof(*used->at));
}

static void add_once(struct arena *a, struct scope *s, const struct object_file *f)
{
	vec_each (it, s)
		if (*it == f)
			return;
	vec_push(a, s, f);
}

static struct err *check_object(struct resolver *r, struct closure *c, const struct scope *scope,
	const struct object *o, struct arena *scratch)
{
	struct missing stops = {0}, lazy = {0};
	struct scope used = {0};
	struct facts *facts;

	TRY(facts_symbols(r, o->file, &facts));
	if (is_known_fine(facts, r))
		return NULL;
	if (facts->damage)
		closure_problem(r, c, PROBLEM_SYMBOL, o->name, "%s: its symbols cannot be read: %s",
			object_file_text(r, o->file), facts->damage)
			->is_warning = true;
	vec_each (s, &facts->symbols) {
		const struct object_file *found;

		if (!is_checked(s))
			continue;
		TRY(scope_find(r, scope, s, &found));
		if (found)
			add_once(scratch, &used, found);
		else if (s->by_data || o->file->elf.bind_now || c->libc == LIBC_MUSL)
			vec_push(scratch, &stops, s);
		else
			vec_push(scratch, &lazy, s);
	}
	report_all(r, c, o, &stops, false);
	report_all(r, c, o, &lazy, true);
	if (!stops.len && !lazy.len && !facts->damage)
		remember(facts, resolver_arena(r), &used);
	return NULL;
}

static void collect_scope(
	struct resolver *r, struct arena *a, const struct closure *c, struct scope *out)
{
	vec_each (it, &c->objects)
		if (object_is_usable(*it) && object_is_at_start(*it))
			vec_push(a, out, (*it)->file);
	if (c->interpreter)
		add_once(a, out, c->interpreter);
	out->has_versions = c->libc != LIBC_MUSL;
	vec_each (f, out)
		facts_of(r, *f)->in_scope = true;
}

static bool is_complete(const struct closure *c)
{
	vec_each (it, &c->objects)
		if (!object_is_usable(*it) && object_is_at_start(*it) &&
			!(*it)->is_skipped_optional)
			return false;
	return c->objects.len;
}

static struct err *check_all(
	struct resolver *r, struct closure *c, const struct scope *scope, struct arena *scratch)
{
	vec_each (it, &c->objects)
		if (object_is_usable(*it) && object_is_at_start(*it) &&
			(*it)->file != c->interpreter)
			TRY(check_object(r, c, scope, *it, scratch));
	return NULL;
}

struct err *verify_symbols(struct resolver *r, struct closure *c)
{
	drop(arena_drop) struct arena scratch = {0};
	struct scope scope = {0};
	struct err *e;

	// Plugins and lone libraries leave symbols to their program; where a library is missing,
	// its symbols are no news.
	if (!c->interpreter_path || !is_complete(c))
		return NULL;
	collect_scope(r, &scratch, c, &scope);
	e = check_all(r, c, &scope, &scratch);
	vec_each (f, &scope)
		facts_of(r, *f)->in_scope = false;
	return e;
}
