#include "builder/assemble.h"

#include <errno.h>
#include <string.h>

#include "ldd/verify.h"

void assembly_drop(struct assembly *a)
{
	resolver_drop(&a->inside_resolver);
	root_drop(&a->inside);
	tree_drop(&a->tree);
}

// ---- whose file is it, and where does it go ----

// Directories that an image may have like its sysroot; anything else of this machine is the user's
// own.
static bool is_system_path(const char *path)
{
	static const char *const tops[] = {
		"/lib", "/lib32", "/lib64", "/libx32", "/usr", "/bin", "/sbin", "/opt", "/etc"};

	for (size_t i = 0; i < sizeof(tops) / sizeof(*tops); i++) {
		size_t n = strlen(tops[i]);

		if (strncmp(path, tops[i], n) == 0 && path[n] == '/')
			return true;
	}
	return false;
}

// The user's own file: outside the sysroot, or outside the system's directories where the sysroot
// is this machine itself. It does not keep its path, which is one of a build machine.
static bool is_own(const struct installed *p, const struct object_file *f)
{
	if (f->root != p->program.sysroot->root)
		return true;
	return root_is_host(f->root) && !is_system_path(f->walk->path);
}

static const char *program_path(const struct assembly *a, const struct installed *p)
{
	struct arena *arena = tree_arena(a->tree);
	const char *install = a->spec->args->install;
	const char *name = path_base(p->program.path);

	if (install && install[strlen(install) - 1] == '/')
		return path_lexical(arena, arena_printf(arena, "%s%s", install, name));
	if (install)
		return path_lexical(arena, install);
	// A program of the sysroot keeps its name there, be it a link's.
	if (!is_own(p, p->program.file))
		return p->program.path;
	return arena_printf(arena, "/usr/bin/%s", name);
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

static bool by_origin(const struct object *o)
{
	const char *text = o->rule == RULE_PATH ? o->name : o->rule_detail;

	return text && o->rule_of &&
		(o->rule == RULE_RPATH || o->rule == RULE_RUNPATH || o->rule == RULE_PATH) &&
		(strstr(text, "$ORIGIN") || strstr(text, "${ORIGIN}"));
}

static struct err *own_library_path(struct assembly *a, const struct installed *p,
	const struct object *o, const struct object_file *f, const char **out);

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

// Where an own library goes: to the same place relative to the object whose $ORIGIN found it, else
// into the loader's first directory.
static struct err *own_library_path(struct assembly *a, const struct installed *p,
	const struct object *o, const struct object_file *f, const char **out)
{
	struct arena *arena = tree_arena(a->tree);
	const char *found = path_lexical(arena, f->path), *path, *from, *to;
	struct loader *ld;

	if (by_origin(o)) {
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

// ---- one object ----

static const char *reason_of(struct assembly *a, const struct object *o)
{
	struct arena *arena = tree_arena(a->tree);

	if (o->hidden)
		return o->hidden;
	if (o->rule == RULE_INTERPRETER)
		return arena_printf(arena, "the loader of %s", o->loader->name);
	if (o->wanted_by.len)
		return arena_printf(arena, "needed by %s%s", o->wanted_by.at[0]->name,
			o->wanted_by.len > 1
				? arena_printf(arena, " and %zu more", o->wanted_by.len - 1)
				: "");
	return "preloaded";
}

static bool is_libc(const struct object *o)
{
	return o->rule == RULE_INTERPRETER || strcmp(o->name, "libc.so.6") == 0;
}

// A path with ".." in it needs the directories before each of them.
static struct err *add_dirs_on_the_way(
	struct assembly *a, const struct object_file *f, enum part part, const char *reason)
{
	for (const char *up = f->path; (up = strstr(up, "/../")); up += 3) {
		const char *dir =
			arena_strndup(tree_arena(a->tree), f->path, (size_t)(up - f->path));
		const struct walk *w = root_walk(f->root, dir);

		if (!w->error && S_ISDIR(w->node.mode))
			TRY(tree_add_walk(a->tree, f->root, w, part, reason));
	}
	return NULL;
}

static struct err *add_file_of(struct assembly *a, const struct installed *p,
	const struct object *o, const struct object_file *f)
{
	const char *reason = reason_of(a, o), *path;
	enum part part = is_libc(o) ? PART_LIBC : PART_LIBRARIES;

	if (!is_own(p, f)) {
		TRY(add_dirs_on_the_way(a, f, part, reason));
		return tree_add_walk(a->tree, f->root, f->walk, part, reason);
	}
	TRY(own_library_path(a, p, o, f, &path));
	if (!by_origin(o) && (o->rule == RULE_RPATH || o->rule == RULE_RUNPATH))
		vec_push(tree_arena(a->tree), &a->warnings,
			arena_printf(tree_arena(a->tree),
				"%s: the run path \"%s\" is a directory of this machine; %s goes to "
				"%s in the image",
				o->rule_of ? o->rule_of->name : o->name, o->rule_detail, o->name,
				path));
	return tree_add_file(a->tree, path, f->root, f->walk->path, 0755, PART_PROGRAM, reason);
}

static struct err *add_object(struct assembly *a, const struct installed *p, const struct object *o)
{
	const struct strings *exclude = &a->spec->args->exclude;

	if (!o->file)
		return NULL;
	if (is_excluded(o->file->walk->path, exclude) || is_excluded(o->file->path, exclude))
		return NULL;
	TRY(add_file_of(a, p, o, o->file));
	for (size_t i = 0; i < o->aliases.len; i++)
		TRY(add_file_of(a, p, o, o->aliases.at[i]));
	return NULL;
}

static struct err *add_program(struct assembly *a, struct installed *p)
{
	const struct object_file *f = p->program.file;
	const char *path;

	if (!a->spec->args->install && !is_own(p, f))
		return tree_add_walk(a->tree, f->root, f->walk, PART_PROGRAM, "the program");
	TRY(tree_place(a->tree, p->program.sysroot->root, p->path, PART_PROGRAM, &path));
	return tree_add_file(
		a->tree, path, f->root, f->walk->path, 0755, PART_PROGRAM, "the program");
}

// ---- ld.so.cache ----

static bool lies_in(const struct strings *dirs, const char *path)
{
	for (size_t i = 0; i < dirs->len; i++) {
		size_t n = strlen(dirs->at[i]);

		if (strncmp(path, dirs->at[i], n) == 0 && path[n] == '/' &&
			!strchr(path + n + 1, '/'))
			return true;
	}
	return false;
}

// Would the default search, which the image goes by without a cache, come upon another file of that
// name first?
static bool is_shadowed(const struct assembly *a, const struct installed *p,
	const struct strings *dirs, const struct object *o)
{
	struct root *root = p->program.sysroot->root;

	for (size_t i = 0; i < dirs->len; i++) {
		const char *path = arena_printf(tree_arena(a->tree), "%s/%s", dirs->at[i], o->name);
		const struct walk *w = root_walk(root, path);

		if (w->error || !tree_find(a->tree, w->path))
			continue;
		return strcmp(w->path, o->file->walk->path) != 0;
	}
	return false;
}

struct cache_entries {
	struct ldcache_entry *at;
	size_t len, cap;
};

// What only a cache can find: libraries of directories that ld.so.conf had named, and those that
// stand behind another of their name.
static struct err *collect_cache(
	struct assembly *a, const struct installed *p, struct cache_entries *out)
{
	struct arena *arena = tree_arena(a->tree);
	struct loader *ld;

	if (p->closure.libc != LIBC_GLIBC)
		return NULL;
	TRY(resolver_loader(p->program.sysroot->resolver, &p->program.file->elf, LIBC_GLIBC, &ld));
	vec_each (o, &p->closure.objects) {
		const struct object_file *f = (*o)->file;

		if (!f || ((*o)->rule != RULE_CACHE && (*o)->rule != RULE_CONF) ||
			(lies_in(&ld->system_dirs, f->path) &&
				!is_shadowed(a, p, &ld->system_dirs, *o)))
			continue;
		vec_push(arena, out,
			(struct ldcache_entry){.name = (*o)->name,
				.path = f->path,
				.flags = elf_cache_flags(&f->elf)});
	}
	return NULL;
}

static struct err *add_cache(struct assembly *a)
{
	struct cache_entries entries = {0};
	bool big_endian = false;

	vec_each (p, &a->programs) {
		TRY(collect_cache(a, *p, &entries));
		big_endian = (*p)->program.file->elf.data == ELFDATA2MSB;
	}
	vec_each (p, &a->included)
		TRY(collect_cache(a, *p, &entries));
	if (!entries.len || tree_find(a->tree, "/etc/ld.so.cache"))
		return NULL;
	return tree_add_bytes(a->tree, "/etc/ld.so.cache",
		ldcache_write(entries.at, entries.len, big_endian, tree_arena(a->tree)), 0644,
		PART_LIBRARIES, "libraries outside the loader's own directories");
}

// ---- --include ----

// An included ELF file is loaded by someone one day, so its libraries come along; what it lacks is
// a warning, for its program may bring it.
static struct err *add_included_closure(
	struct assembly *a, struct installed *p, struct root *root, const char *path)
{
	struct arena *arena = tree_arena(a->tree);
	struct resolver *r = a->sysroot->resolver;
	const struct object_file *f;
	struct closure c;
	const char *why;

	TRY(resolver_file(r, root, path, &f));
	if (!f || f->elf.not_elf || f->elf.broken || !f->elf.is_dynamic ||
		(!f->elf.interp &&
			elf_fits(&p->program.file->elf, &f->elf, arena, &why) != ELF_FITS))
		return NULL;
	TRY(closure_resolve(r, root, path, &c));
	vec_each (q, &c.problems)
		vec_push(arena, &a->warnings, arena_printf(arena, "%s: %s", path, q->text));
	struct installed *included = arena_new(arena, struct installed);

	*included = (struct installed){.program = p->program, .closure = c, .path = path};
	vec_push(arena, &a->included, included);
	for (size_t i = 1; i < c.objects.len; i++)
		TRY(add_object(a, included, c.objects.at[i]));
	if (c.interpreter)
		TRY(tree_add_walk(
			a->tree, c.interpreter->root, c.interpreter->walk, PART_LIBC, "a loader"));
	return NULL;
}

// A link brings the file that it leads to.
static struct err *add_included(struct assembly *a, const char *path, const char *reason)
{
	struct root *from = a->sysroot->root;
	const struct walk *w = root_walk_parent(from, path), *end = root_walk(from, path);

	if (w->error)
		return err_sys(w->error, "%s", root_host_path(from, path, tree_arena(a->tree)));
	TRY(tree_add_walk(a->tree, from, w, PART_DATA, reason));
	if (end->error || !S_ISREG(end->node.mode) ||
		is_excluded(end->path, &a->spec->args->exclude))
		return NULL;
	TRY(tree_add_walk(a->tree, from, end, PART_DATA, reason));
	return add_included_closure(a, a->programs.at[0], from, end->path);
}

static struct err *add_includes(struct assembly *a)
{
	struct arena *arena = tree_arena(a->tree);
	const struct build_args *args = a->spec->args;

	for (size_t i = 0; i < args->include.len; i++) {
		const char *reason = arena_printf(arena, "--include %s", args->include.at[i]);
		struct strings paths = {0};

		TRY(include_files(
			a->sysroot->root, args->include.at[i], &args->exclude, arena, &paths));
		for (size_t k = 0; k < paths.len; k++)
			TRY(add_included(a, paths.at[k], reason));
	}
	return NULL;
}

// ---- the whole ----

struct err *assemble(struct assembly *a, struct root *host)
{
	struct arena *arena;

	a->tree = tree_new(a->spec->epoch);
	arena = tree_arena(a->tree);
	vec_each (pp, &a->programs) {
		struct installed *p = *pp;
		const struct closure *c = &p->closure;

		p->path = program_path(a, p);
		if (!json_is_text(p->path))
			return err_hint(
				err_new(ERR_USAGE,
					"%s: not UTF-8, which the image's config cannot hold",
					p->program.asked),
				"give it another name with --install");
		TRY(add_program(a, p));
		if (c->interpreter)
			TRY(tree_add_walk(a->tree, c->interpreter->root, c->interpreter->walk,
				PART_LIBC,
				arena_printf(arena, "the loader of %s", c->objects.at[0]->name)));
		for (size_t i = 1; i < c->objects.len; i++)
			TRY(add_object(a, p, c->objects.at[i]));
	}
	TRY(add_includes(a));
	for (size_t i = 0; i < a->spec->adds.len; i++)
		TRY(add_files(a->tree, host, a->sysroot->root, &a->spec->adds.at[i], arena));
	TRY(add_cache(a));
	tree_finish(a->tree);
	return NULL;
}

// ---- the proof ----

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

static struct err *prove_program(struct assembly *a, struct installed *p)
{
	TRY(closure_resolve(a->inside_resolver, a->inside, p->path, &p->proof));
	TRY(verify_versions(a->inside_resolver, &p->proof));
	for (size_t i = 1; i < p->closure.objects.len; i++)
		if (p->closure.objects.at[i]->file)
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
	const struct runtime_config *c = &a->spec->config;
	const char *word = c->entrypoint.len ? c->entrypoint.at[0] : NULL;
	const struct walk *w = NULL;

	if (word && strchr(word, '/')) {
		w = root_walk(a->inside, word);
	} else if (word) {
		for (size_t i = 0; i < a->spec->path_dirs.len && (!w || w->error); i++)
			w = root_walk(a->inside,
				arena_printf(tree_arena(a->tree), "%s/%s", a->spec->path_dirs.at[i],
					word));
	}
	if (word && (!w || w->error || !S_ISREG(w->node.mode) || !(w->node.mode & 0111)))
		return err_hint(err_new(ERR_NO_START,
					"--entrypoint %s: the image has no such program", word),
			"the program lies at %s; other files come with --add and --include",
			a->programs.at[0]->path);
	if (c->user && !strspn(c->user, "0123456789") && root_walk(a->inside, "/etc/passwd")->error)
		return err_hint(
			err_new(ERR_NO_START,
				"--user %s: the image has no /etc/passwd to find that name in",
				c->user),
			"give numbers, as in --user 65534:65534, or bring the file with --add or --include");
	return NULL;
}

struct err *assemble_prove(struct assembly *a)
{
	struct resolver_options o = {.workdir = a->spec->config.working_dir};
	struct strings inside = {0};
	struct arena *arena = tree_arena(a->tree);

	a->inside = tree_root(a->tree);
	library_path_inside(arena, &inside, a->spec->env_library_path);
	o.sysroot = a->inside;
	o.library_path = inside.at;
	o.nlibrary_path = inside.len;
	o.hwcaps = a->spec->args->hwcaps.at;
	o.nhwcaps = a->spec->args->hwcaps.len;
	a->inside_resolver = resolver_new(&o);
	vec_each (p, &a->programs)
		TRY(prove_program(a, *p));
	return prove_entrypoint(a);
}
