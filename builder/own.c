#include "builder/own.h"

#include <string.h>

#include "builder/bundle.h"

bool is_system_path(const char *path)
{
	static const char *const tops[] = {
		"/lib", "/lib32", "/lib64", "/libx32", "/usr", "/bin", "/sbin", "/opt", "/etc"};

	for (size_t i = 0; i < sizeof(tops) / sizeof(*tops); i++)
		if (path_is_below(path, tops[i]))
			return true;
	return false;
}

// Below the folder whose bin holds the program: where pyenv puts a Python, or a virtual
// environment.
static bool is_beside(const char *program, const char *path)
{
	size_t n = (size_t)(path_base(program) - program);

	if (n < 6 || strncmp(program + n - 5, "/bin/", 5) != 0)
		return false;
	return strncmp(path, program, n - 5) == 0 && path[n - 5] == '/';
}

// An interpreter stays where its script says that it is, and so does what came with it.
static bool is_of_interpreter(const struct program *g, const char *path)
{
	return g->script.root && (is_beside(g->path, path) || is_beside(g->file->walk->path, path));
}

bool is_own(const struct installed *p, const struct object_file *f)
{
	if (f->root != p->program.sysroot->root)
		return true;
	if (bundle_holds(p->program.bundle, f->walk->path))
		return false; // it stands in the sysroot as it will in the image
	return root_is_host(f->root) && !is_of_interpreter(&p->program, f->walk->path) &&
		!is_system_path(f->walk->path);
}

static const char *install_path(const struct assembly *a, const char *name)
{
	struct arena *arena = tree_arena(a->tree);
	const char *install = a->spec->args->install;

	if (install && install[strlen(install) - 1] == '/')
		return path_lexical(arena, arena_printf(arena, "%s%s", install, name));
	if (install)
		return path_lexical(arena, install);
	return arena_printf(arena, "/usr/bin/%s", name);
}

void own_place_program(const struct assembly *a, struct installed *p)
{
	const struct program *g = &p->program;
	bool is_install = a->spec->args->install && !g->script.root && !g->bundle;

	// A program of the sysroot keeps its name there, be it a link's.
	p->path = is_install || (!g->script.root && is_own(p, g->file))
		? install_path(a, path_base(g->path))
		: g->path;
	if (!g->script.root)
		return;
	p->script_path = g->script.root == g->sysroot->root && !root_is_host(g->script.root) &&
			!a->spec->args->install
		? g->script.name
		: install_path(a, path_base(g->script.name));
}

// How to get from directory `from` to `to`, both absolute: "../lib/x".
static const char *relative_path(struct arena *a, const char *from, const char *to)
{
	const char *up = "";
	size_t common = 0;

	for (size_t i = 0;; i++) {
		bool ends = from[i] == 0 || from[i] == '/';

		if (ends && (to[i] == '/' || to[i] == 0))
			common = i;
		if (from[i] == 0 || from[i] != to[i])
			break;
	}
	for (const char *p = from + common; *p; p++)
		if (*p == '/')
			up = arena_printf(a, "%s../", up);
	return arena_printf(a, "%s%s", up, to + common + (to[common] == '/'));
}

bool is_by_origin(const struct object *o)
{
	const char *text = o->rule == RULE_PATH ? o->name : o->rule_detail;

	return text && o->rule_of &&
		(o->rule == RULE_RPATH || o->rule == RULE_RUNPATH || o->rule == RULE_PATH) &&
		(strstr(text, "$ORIGIN") || strstr(text, "${ORIGIN}"));
}

// Where the image has the directory that $ORIGIN stands for in an object, and the same on this
// machine.
static struct err *origins(struct assembly *a, const struct installed *p, const struct object *of,
	const char **here, const char **image)
{
	struct arena *arena = tree_arena(a->tree);
	bool is_program = of->rule == RULE_PROGRAM;
	const char *path = of->file->path;

	*here = path_dir(arena, is_program ? of->file->walk->path : path_lexical(arena, path));
	if (is_program)
		TRY(tree_place(a->tree, p->program.sysroot->root, p->path, PART_PROGRAM, &path));
	else if (is_own(p, of->file))
		TRY(own_library_path(a, p, of, of->file, &path));
	*image = path_dir(arena, path);
	return NULL;
}

struct err *own_library_path(struct assembly *a, const struct installed *p, const struct object *o,
	const struct object_file *f, const char **out)
{
	struct arena *arena = tree_arena(a->tree);
	const char *found = path_lexical(arena, f->path), *path, *from, *to;
	struct loader *ld;

	if (is_by_origin(o)) {
		TRY(origins(a, p, o->rule_of, &from, &to));
		path = arena_printf(arena, "%s/%s", to, relative_path(arena, from, found));
	} else {
		TRY(resolver_loader(
			p->program.sysroot->resolver, &p->program.file->elf, p->closure.libc, &ld));
		path = arena_printf(arena, "%s/%s",
			ld->system_dirs.len ? ld->system_dirs.at[0] : "/lib", path_base(found));
	}
	return tree_place(a->tree, p->program.sysroot->root, path, PART_PROGRAM, out);
}
