// The proof: a loader that starts inside the image finds what it found in the sysroot.
#include <string.h>

#include "builder/assemble.h"
#include "ldd/verify.h"

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
	if (c->user && !strspn(c->user, "0123456789") && root_walk(a->inside, "/etc/passwd")->error)
		return err_hint(
			err_new(ERR_NO_START,
				"the user %s: the image has no /etc/passwd to find that name in",
				c->user),
			"give numbers, as in --user 65534:65534, or bring the file with --with passwd or --add");
	return NULL;
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
