#include "ldd/hidden.h"

#include <string.h>

#include "ldd/facts.h"
#include "ldd/hidden_impl.h"

// Against libraries that name each other without end; real programs stay under a hundred.
enum { OBJECTS_MAX = 4096, SUGGESTIONS_MAX = 1000 };

bool closure_has(const struct closure *c, const char *name)
{
	vec_each (it, &c->objects) {
		const struct object *o = *it;

		if (!o->file)
			continue;
		if ((o->name && !strcmp(o->name, name)) ||
			(o->file->elf.soname && !strcmp(o->file->elf.soname, name)))
			return true;
		vec_each (other, &o->names)
			if (!strcmp(*other, name))
				return true;
	}
	return false;
}

struct err *closure_would_find(struct resolver *r, struct closure *c, const struct object *by,
	const char *name, bool *found)
{
	const struct object *program = c->objects.at[0];
	struct found answer = {0};
	struct loader *ld;

	*found = closure_has(c, name);
	if (*found)
		return NULL;
	TRY(resolver_loader(r, &program->file->elf, c->libc, &ld));
	TRY(search_library(r, ld, by, program, name, &answer, NULL));
	*found = answer.file;
	return NULL;
}

struct err *suggest(struct resolver *r, struct closure *c, const struct object *by,
	const char *name, const char *why, struct suggestions *out)
{
	bool is_present;

	vec_each (it, out)
		if (!strcmp(it->name, name))
			return NULL;
	if (closure_has(c, name) || out->len >= SUGGESTIONS_MAX)
		return NULL;
	TRY(closure_would_find(r, c, by, name, &is_present));
	vec_push(resolver_arena(r), out, (struct suggestion){name, why, is_present});
	return NULL;
}

// glibc opens it to walk the stack: a thread that ends early, a backtrace (misc/unwind-link.c).
static struct err *add_libgcc(struct resolver *r, struct closure *c, const struct object *user)
{
	static const char *const triggers[] = {"pthread_cancel", "pthread_exit", "backtrace"};
	struct object *libc = closure_libc(c);
	struct facts *facts;
	bool found;

	if (c->libc == LIBC_MUSL || !libc || closure_has(c, "libgcc_s.so.1"))
		return NULL;
	TRY(facts_symbols(r, user->file, &facts));
	for (size_t i = 0; i < sizeof(triggers) / sizeof(*triggers); i++) {
		if (!facts_imports(facts, triggers[i]))
			continue;
		return closure_add_hidden(r, c, libc, "libgcc_s.so.1",
			arena_printf(resolver_arena(r), "libc opens it for %s, which %s imports",
				triggers[i], object_file_text(r, user->file)),
			&found);
	}
	return NULL;
}

static struct err *read_strings(
	struct resolver *r, const struct object_file *f, struct facts *facts)
{
	drop(file_drop) struct file *file = NULL;

	if (facts->has_lib_strings)
		return NULL;
	TRY(root_open_file(f->root, f->walk->path, &file));
	TRY(elf_read_lib_strings(file, &f->elf, resolver_arena(r), &facts->lib_strings));
	facts->has_lib_strings = true;
	return NULL;
}

static bool is_noted(const struct facts *facts, const char *name)
{
	for (size_t i = 0; i < facts->notes.len; i++)
		vec_each (it, &facts->notes.at[i].sonames)
			if (!strcmp(*it, name))
				return true;
	return false;
}

// Names standing in the text of something that calls dlopen: a guess, therefore only suggested.
static struct err *suggest_strings(
	struct resolver *r, struct closure *c, const struct object *user, struct suggestions *out)
{
	const struct elf *e = &user->file->elf;
	struct facts *facts;

	TRY(facts_symbols(r, user->file, &facts));
	if (!facts_imports(facts, "dlopen") && !facts_imports(facts, "dlmopen"))
		return NULL;
	TRY(read_strings(r, user->file, facts));
	for (size_t i = 0; i < facts->lib_strings.len; i++) {
		const char *name = facts->lib_strings.at[i];
		bool is_own = e->soname && !strcmp(e->soname, name);

		vec_each (dep, &e->deps)
			is_own = is_own || !strcmp(dep->name, name);
		if (is_own || is_noted(facts, name))
			continue;
		TRY(suggest(r, c, user, name,
			arena_printf(resolver_arena(r), "%s calls dlopen and holds the name",
				object_file_text(r, user->file)),
			out));
	}
	return NULL;
}

struct err *hidden_add(struct resolver *r, struct closure *c, struct suggestions *out)
{
	// What is added stands at the end and gets its turn.
	for (size_t i = 0; i < c->objects.len && i < OBJECTS_MAX; i++) {
		struct object *o = c->objects.at[i];

		if (!object_is_usable(o) || !o->file->elf.is_dynamic)
			continue;
		TRY(note_add(r, c, o, out));
		TRY(add_libgcc(r, c, o));
		TRY(nss_add(r, c, o));
	}
	// Only now is it known what is loaded anyway.
	for (size_t i = 0; i < c->objects.len && i < OBJECTS_MAX; i++) {
		const struct object *o = c->objects.at[i];

		if (object_is_usable(o) && o->file->elf.is_dynamic)
			TRY(suggest_strings(r, c, o, out));
	}
	return NULL;
}
