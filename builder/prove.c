// The proof: a loader that starts inside the image finds what it found in the sysroot.
#include <string.h>

#include "builder/assemble.h"
#include "ldd/verify.h"

#define ACCOUNTS_MAX (1u << 20) // bytes of /etc/passwd or /etc/group

static const struct object *find_named(const struct closure *c, const char *name)
{
	vec_each (o, &c->objects)
		for (size_t i = 0; i < (*o)->names.len; i++)
			if (strcmp((*o)->names.at[i], name) == 0)
				return *o;
	return NULL;
}

static struct err *differs(const struct installed *p, const struct object *o, const char *inside)
{
	return err_hint(
		err_new(ERR_NO_START,
			"%s would not start from the image: %s is %s in the sysroot, but inside the "
			"image it is %s",
			p->path, o->name, o->file->path, inside),
		"imgmin ldd %s shows who asks for it", p->program.asked);
}

static struct err *prove_object(struct assembly *a, struct installed *p, const struct object *o)
{
	const struct object *in = find_named(&p->proof, o->name);

	if (!in && o->hidden) {
		bool found;

		TRY(closure_add_hidden(a->inside_resolver, &p->proof, p->proof.objects.at[0],
			o->name, o->hidden, &found));
		in = find_named(&p->proof, o->name);
	}
	if (!in || !in->file)
		return differs(p, o, "not found");
	const struct tree_entry *e = tree_find(a->tree, in->file->walk->path);
	bool same = false;

	if (e)
		TRY(tree_is_same(e, o->file->root, o->file->walk->path, &same));
	if (!same)
		return differs(p, o, in->file->path);
	return NULL;
}

// By --without; a loader never asks for these.
static bool is_left_out(const struct assembly *a, const struct object *o)
{
	return o->hidden && data_is_refused(&a->data, o->file->walk->path);
}

static struct err *prove_program(struct assembly *a, struct installed *p)
{
	TRY(p->in ? closure_resolve_plugin(
			    a->inside_resolver, &p->in->proof, a->inside, p->path, &p->proof)
		  : closure_resolve(a->inside_resolver, a->inside, p->path, &p->proof));
	TRY(verify_versions(a->inside_resolver, &p->proof));
	for (size_t i = 1; i < p->closure.objects.len; i++)
		if (p->closure.objects.at[i]->file && !is_left_out(a, p->closure.objects.at[i]))
			TRY(prove_object(a, p, p->closure.objects.at[i]));
	vec_each (q, &p->proof.problems)
		if (!q->is_warning)
			return err_new(ERR_NO_START, "%s would not start from the image: %s",
				p->path, q->text);
	vec_each (o, &p->proof.objects)
		if ((*o)->file && !find_named(&p->closure, (*o)->name) &&
			(*o)->rule != RULE_PROGRAM)
			return err_new(ERR_NO_START,
				"%s would load %s from the image, which the sysroot did not give it",
				p->path, (*o)->file->path);
	return NULL;
}

// Does a line of passwd or group begin with the name and a colon? *is_there: is there such a file?
static struct err *has_account(const struct assembly *a, const char *file, const char *name,
	size_t n, bool *is_there, bool *found)
{
	struct span text;
	const char *line, *end;

	TRY(root_read(a->inside, file, ACCOUNTS_MAX, tree_arena(a->tree), &text));
	*is_there = text.ptr != NULL;
	*found = false;
	if (!text.len)
		return NULL;
	line = (const char *)text.ptr;
	end = line + text.len;
	while (line < end && !*found) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		size_t len = (size_t)((newline ? newline : end) - line);

		*found = len > n && line[n] == ':' && memcmp(line, name, n) == 0;
		line += len + 1;
	}
	return NULL;
}

// Engines look names up in the image and start nothing where one is missing; numbers are taken as
// they are.
static struct err *prove_account(
	const struct assembly *a, const char *what, const char *file, const char *name, size_t n)
{
	bool is_there, found;

	if (strspn(name, "0123456789") >= n)
		return NULL;
	TRY(has_account(a, file, name, n, &is_there, &found));
	if (found)
		return NULL;
	if (is_there)
		return err_hint(err_new(ERR_NO_START, "the %s %.*s is not in the image's %s", what,
					(int)n, name, file),
			"give numbers, as in --user 65534:65534, or a file that has it: --add %s:%s",
			path_base(file), file);
	return err_hint(
		err_new(ERR_NO_START, "the %s %.*s: the image has no %s to find that name in", what,
			(int)n, name, file),
		"give numbers, as in --user 65534:65534, or bring the file with --with passwd or --add");
}

static struct err *prove_user(const struct assembly *a)
{
	const char *user = a->container->config.user, *colon = user ? strchr(user, ':') : NULL;

	if (!user)
		return NULL;
	TRY(prove_account(a, "user", "/etc/passwd", user, strcspn(user, ":")));
	return colon ? prove_account(a, "group", "/etc/group", colon + 1, strlen(colon + 1)) : NULL;
}

// What a container is told to start must be there too, and who shall start it.
static struct err *prove_entrypoint(const struct assembly *a)
{
	const struct runtime_config *c = &a->container->config;
	const char *word = c->entrypoint.len ? c->entrypoint.at[0] : NULL;
	const struct walk *w = NULL;

	if (word && strchr(word, '/')) {
		w = root_walk(a->inside, path_in_workdir(c, word, tree_arena(a->tree)));
	} else if (word) {
		for (size_t i = 0; i < a->container->path.len && (!w || w->error); i++)
			w = root_walk(a->inside,
				arena_printf(tree_arena(a->tree), "%s/%s", a->container->path.at[i],
					word));
	}
	if (word && (!w || w->error || !S_ISREG(w->node.mode) || !(w->node.mode & 0111)))
		return err_hint(err_new(ERR_NO_START,
					"the entrypoint %s: the image has no such program", word),
			"the program lies at %s; other files come with --add and %s",
			a->programs.at[0]->path, include_option(a->is_image));
	return prove_user(a);
}

struct err *assembly_prove(struct assembly *a)
{
	struct resolver_options o = {.workdir = a->container->config.working_dir};
	struct strings inside = {0};
	struct arena *arena = tree_arena(a->tree);

	a->inside = tree_root(a->tree);
	library_path_inside(arena, &inside, a->container->library_path);
	o.sysroot = a->inside;
	o.library_path = inside.at;
	o.nlibrary_path = inside.len;
	o.hwcaps = a->spec->args->hwcaps.at;
	o.nhwcaps = a->spec->args->hwcaps.len;
	a->inside_resolver = resolver_new(&o);
	vec_each (p, &a->programs)
		TRY(prove_program(a, *p));
	vec_each (p, &a->included)
		// --without may have taken it out again.
		if ((*p)->is_complete && !root_walk(a->inside, (*p)->path)->error)
			TRY(prove_program(a, *p));
	return prove_entrypoint(a);
}
