#include "builder/assemble.h"

#include <errno.h>
#include <string.h>

#include "builder/bundle.h"
#include "builder/own.h"
#include "builder/python.h"
#include "builder/scripts.h"
#include "builder/trace.h"
#include "ldd/verify.h"

void assembly_drop(struct assembly *a)
{
	resolver_drop(&a->inside_resolver);
	root_drop(&a->inside);
	tree_drop(&a->tree);
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
	if (!is_by_origin(o) && (o->rule == RULE_RPATH || o->rule == RULE_RUNPATH))
		vec_push(tree_arena(a->tree), &a->warnings,
			arena_printf(tree_arena(a->tree),
				"%s: the run path \"%s\" is a directory of this machine; %s goes to "
				"%s in the image",
				o->rule_of ? o->rule_of->name : o->name, o->rule_detail, o->name,
				path));
	return tree_add_file(a->tree, path, f->root, f->walk->path, 0755, PART_PROGRAM, reason);
}

static bool is_object_excluded(const struct assembly *a, const struct object *o)
{
	const struct strings *exclude = &a->spec->args->exclude;

	return is_excluded(o->file->walk->path, exclude) || is_excluded(o->file->path, exclude);
}

static struct err *add_object(struct assembly *a, const struct installed *p, const struct object *o)
{
	if (!o->file || is_object_excluded(a, o))
		return NULL;
	TRY(add_file_of(a, p, o, o->file));
	for (size_t i = 0; i < o->aliases.len; i++)
		TRY(add_file_of(a, p, o, o->aliases.at[i]));
	return NULL;
}

static struct err *add_interpreter(struct assembly *a, const struct closure *c)
{
	const struct object_file *f = c->interpreter;

	return f ? tree_add_walk(a->tree, f->root, f->walk, PART_LIBC,
			   arena_printf(
				   tree_arena(a->tree), "the loader of %s", c->objects.at[0]->name))
		 : NULL;
}

// The interpreter is a library of the sysroot's to its script, and so is what is on the way to it.
static struct err *add_interpreter_of_script(struct assembly *a, struct installed *p)
{
	const struct program *g = &p->program;
	const char *reason =
		arena_printf(tree_arena(a->tree), "runs %s", path_base(g->script.path));

	TRY(tree_add_walk(a->tree, g->root, g->file->walk, PART_LIBRARIES, reason));
	vec_each (path, &g->script.between)
		TRY(assembly_take(a, *path, PART_LIBRARIES, reason));
	return NULL;
}

static struct err *add_program(struct assembly *a, struct installed *p)
{
	const struct object_file *f = p->program.file;
	const char *reason = p->reason ? p->reason : "the program", *path;

	if (p->script_path)
		return add_interpreter_of_script(a, p);
	if ((p->program.bundle || !a->spec->args->install) && !is_own(p, f))
		return tree_add_walk(a->tree, f->root, f->walk, PART_PROGRAM, reason);
	TRY(tree_place(a->tree, p->program.sysroot->root, p->path, PART_PROGRAM, &path));
	p->placed = path;
	return tree_add_file(a->tree, path, f->root, f->walk->path, 0755, PART_PROGRAM, reason);
}

struct err *assembly_take_closure(struct assembly *a, const struct installed *p)
{
	TRY(add_interpreter(a, &p->closure));
	for (size_t i = 1; i < p->closure.objects.len; i++)
		TRY(add_object(a, p, p->closure.objects.at[i]));
	return NULL;
}

// ---- files that no program asks its loader for ----

// What comes along without a library that was excluded is the user's own wish, and told.
static bool lacks_excluded(struct assembly *a, const struct installed *p)
{
	struct arena *arena = tree_arena(a->tree);

	for (size_t i = 1; i < p->closure.objects.len; i++) {
		const struct object *o = p->closure.objects.at[i];

		if (!o->file || !is_object_excluded(a, o))
			continue;
		vec_push(arena, &a->warnings,
			arena_printf(arena, "%s: needs %s, which --exclude leaves out", p->path,
				o->name));
		return true;
	}
	return false;
}

// An ELF file is loaded by someone one day, so its libraries come along; what it lacks is a
// warning, for its program may bring it.
struct err *assembly_take_libraries(struct assembly *a, struct root *from, const char *path)
{
	struct arena *arena = tree_arena(a->tree);
	const struct installed *like = a->programs.at[0];
	struct resolver *r = a->sysroot->resolver;
	const struct object_file *f;
	const char *why;

	TRY(resolver_file(r, from, path, &f));
	if (!f || f->elf.not_elf || f->elf.broken || !f->elf.is_dynamic ||
		(!f->elf.interp &&
			elf_fits(&like->program.file->elf, &f->elf, arena, &why) != ELF_FITS))
		return NULL;
	struct installed *p = arena_new(arena, struct installed);

	*p = (struct installed){.program = like->program, .path = path};
	TRY(closure_resolve(r, from, path, &p->closure));
	TRY(verify_versions(r, &p->closure));
	vec_each (q, &p->closure.problems)
		vec_push(arena, &a->warnings, arena_printf(arena, "%s: %s", path, q->text));
	p->is_complete = !closure_is_broken(&p->closure) && !lacks_excluded(a, p);
	vec_push(arena, &a->included, p);
	return assembly_take_closure(a, p);
}

struct err *assembly_take(struct assembly *a, const char *path, enum part part, const char *reason)
{
	struct root *from = a->sysroot->root;
	const struct walk *w = root_walk_parent(from, path), *end = root_walk(from, path);

	if (w->error)
		return err_sys(w->error, "%s", root_host_path(from, path, tree_arena(a->tree)));
	TRY(tree_add_walk(a->tree, from, w, part, reason));
	if (end->error || !S_ISREG(end->node.mode) ||
		is_excluded(end->path, &a->spec->args->exclude))
		return NULL;
	TRY(tree_add_walk(a->tree, from, end, part, reason));
	return assembly_take_libraries(a, from, end->path);
}

static struct err *add_includes(
	struct assembly *a, const struct strings *patterns, const char *option)
{
	struct arena *arena = tree_arena(a->tree);

	for (size_t i = 0; i < patterns->len; i++) {
		const char *reason = arena_printf(arena, "%s %s", option, patterns->at[i]);
		struct strings paths = {0};

		TRY_AS(include_files(a->sysroot->root, a->is_image, patterns->at[i],
			       &a->spec->args->exclude, arena, &paths),
			"%s", option);
		for (size_t k = 0; k < paths.len; k++)
			TRY(assembly_take(a, paths.at[k], PART_DATA, reason));
	}
	return NULL;
}

// ---- an image's own config ----

// Engines make what is missing, but for root alone, and a new volume takes after its directory.
static struct err *add_config_dir(struct assembly *a, const char *path, const char *reason)
{
	const struct walk *w = root_walk(a->sysroot->root, path);

	if (w->error || !S_ISDIR(w->node.mode) || is_excluded(w->path, &a->spec->args->exclude))
		return NULL;
	return tree_add_walk(a->tree, a->sysroot->root, w, PART_DATA, reason);
}

// The loader reads the list again in the image.
static struct err *add_preload_list(struct assembly *a)
{
	vec_each (p, &a->programs)
		vec_each (o, &(*p)->closure.objects)
			if ((*o)->rule == RULE_PRELOAD)
				return assembly_take(a, "/etc/ld.so.preload", PART_LIBRARIES,
					"names what is preloaded");
	return NULL;
}

static struct err *add_config_dirs(struct assembly *a)
{
	const struct runtime_config *c = &a->container->config;

	if (c->working_dir)
		TRY(add_config_dir(a, c->working_dir, "the working directory"));
	for (size_t i = 0; i < c->volumes.len; i++)
		TRY(add_config_dir(a, c->volumes.at[i], "a volume"));
	return NULL;
}

// ---- a real run ----

// What a log shows of this machine's own files, or of nothing that is there, is not the sysroot's.
static struct err *add_traces(struct assembly *a)
{
	struct arena *arena = tree_arena(a->tree);
	const struct strings *logs = &a->spec->args->trace;

	for (size_t i = 0; i < logs->len; i++) {
		const char *reason = arena_printf(arena, "used in %s", logs->at[i]);
		struct strings files = {0};
		size_t unknown;

		TRY(trace_read(logs->at[i], arena, &files, &unknown));
		if (unknown)
			vec_push(arena, &a->warnings,
				arena_printf(arena,
					"%s: %zu paths are left out: the log does not say where "
					"they start",
					logs->at[i], unknown));
		for (size_t k = 0; k < files.len; k++) {
			if (root_walk_parent(a->sysroot->root, files.at[k])->error ||
				is_excluded(files.at[k], &a->spec->args->exclude))
				continue;
			const struct walk *w = root_walk(a->sysroot->root, files.at[k]);

			a->traced += !w->error && S_ISREG(w->node.mode);
			TRY(assembly_take(a, files.at[k], PART_DATA, reason));
		}
	}
	return NULL;
}

// ---- runtime data ----

// Programs, and what else runs code in the image: their closures, and what may be opened besides.
static void tell_closures(struct assembly *a, struct data_options *o)
{
	struct arena *arena = tree_arena(a->tree);
	size_t n = a->programs.len + a->included.len;
	const struct closure **closures = arena_alloc(arena, n * sizeof(*closures));
	const struct suggestions **suggestions = arena_alloc(arena, n * sizeof(*suggestions));

	o->closures = closures;
	o->suggestions = suggestions;
	vec_each (p, &a->programs) {
		suggestions[o->nclosures] = &(*p)->suggestions;
		closures[o->nclosures++] = &(*p)->closure;
	}
	vec_each (p, &a->included) {
		suggestions[o->nclosures] = &(*p)->suggestions;
		closures[o->nclosures++] = &(*p)->closure;
	}
}

static struct err *add_data_file(struct assembly *a, const struct data_file *f, const char *reason)
{
	mode_t mode = f->mode & 07777;

	if (tree_find(a->tree, f->path) || is_excluded(f->path, &a->spec->args->exclude))
		return NULL; // what was asked for by name goes first
	if (S_ISLNK(f->mode))
		return tree_add_link(a->tree, f->path, f->target, PART_DATA, reason);
	if (S_ISDIR(f->mode))
		return tree_add_dir(a->tree, f->path, mode, PART_DATA, reason);
	if (!f->root)
		return tree_add_bytes(a->tree, f->path, f->bytes, mode, PART_DATA, reason);
	TRY(tree_add_file(a->tree, f->path, f->root, f->source, mode, PART_DATA, reason));
	return f->root == a->sysroot->root ? assembly_take_libraries(a, f->root, f->source) : NULL;
}

// Libraries that are opened at run time stand in the closures; --without leaves them out all the
// same.
static void forget_refused(struct assembly *a)
{
	vec_each (need, &a->data)
		for (size_t i = 0; need->is_refused && i < need->files.len; i++) {
			const char *path = need->files.at[i].path;
			const struct tree_entry *e = tree_find(a->tree, path);

			if (e && data_is_refused(&a->data, path) &&
				strncmp(e->reason, "--", 2) != 0)
				tree_forget(a->tree, (struct tree_entry *)e);
		}
}

static struct err *add_data(struct assembly *a, struct root *host)
{
	struct arena *arena = tree_arena(a->tree);
	struct data_options o = {
		.with = &a->spec->args->with,
		.without = &a->spec->args->without,
		.env = &a->container->config.env,
		.user = a->container->config.user,
		.resolver = a->sysroot->resolver,
		.sysroot = a->sysroot->root,
		.host = host,
		.is_image = a->is_image,
	};

	struct strings present = {0};

	vec_each (f, &a->spec->adds)
		vec_push(arena, &present, f->path);
	o.present = &present;
	tell_closures(a, &o);
	TRY(data_collect(&o, arena, &a->data, &a->warnings));
	vec_each (need, &a->data) {
		const char *reason = arena_printf(arena, "%s: %s", need->name, need->reason);

		if (!need->is_included)
			continue;
		vec_each (f, &need->files)
			TRY(add_data_file(a, f, reason));
	}
	forget_refused(a);
	return NULL;
}

// ---- smaller files ----

static struct err *shrink(struct assembly *a)
{
	struct arena *arena = tree_arena(a->tree);
	struct {
		struct dropped_needed *at;
		size_t len, cap;
	} dropped = {0};

	vec_each (p, &a->programs)
		if ((*p)->unbound.len && (*p)->placed)
			vec_push(arena, &dropped,
				(struct dropped_needed){(*p)->placed, &(*p)->unbound});
	return shrink_tree(a->tree, &a->spec->shrink, dropped.at, dropped.len, &a->shrunk);
}

// ---- the whole ----

static struct err *add_installed(struct assembly *a, struct installed *p)
{
	own_place_program(a, p);
	if (!json_is_text(p->path))
		return err_hint(
			err_new(ERR_USAGE, "%s: not UTF-8, which the image's config cannot hold",
				p->program.asked),
			"give it another name with --install");
	if (p->script_path)
		vec_push(tree_arena(a->tree), &a->scripts,
			(struct scripted){.root = p->program.script.root,
				.path = p->program.script.path,
				.image_path = p->script_path,
				.interpreter = p->program.path});
	TRY(add_program(a, p));
	TRY(assembly_take_closure(a, p));
	return p->program.bundle ? bundle_assemble(a, p) : NULL;
}

// The sysroot's Python built as the program itself will be given some script: it gets its library,
// unless the user says what it needs.
static void add_lone_interpreters(struct assembly *a)
{
	const struct build_args *args = a->spec->args;
	const char *version;

	if (a->is_image || args->include.len || args->trace.len || args->add.len)
		return;
	vec_each (p, &a->programs) {
		const struct program *g = &(*p)->program;

		if (!(*p)->script_path && g->root == a->sysroot->root &&
			python_is(g->root, g->path, tree_arena(a->tree), &version))
			vec_push(tree_arena(a->tree), &a->scripts,
				(struct scripted){.interpreter = g->path});
	}
}

struct err *assemble(struct assembly *a, struct root *host)
{
	const struct build_args *args = a->spec->args;

	vec_each (p, &a->programs)
		TRY(add_installed(a, *p));
	add_lone_interpreters(a);
	vec_each (s, &a->scripts)
		TRY(assembly_take_script(a, s));
	vec_each (path, &a->named)
		if (!is_excluded(*path, &args->exclude))
			TRY(assembly_take(a, *path, PART_PROGRAM, "named by the command"));
	TRY(add_includes(a, &args->include, "--include"));
	TRY(add_includes(a, &args->keep, "--keep"));
	TRY(add_traces(a));
	if (a->is_image) {
		TRY(add_preload_list(a));
		TRY(add_config_dirs(a));
	}
	for (size_t i = 0; i < a->spec->adds.len; i++)
		TRY(add_files(a->tree, host, a->sysroot->root, &a->spec->adds.at[i],
			tree_arena(a->tree)));
	TRY(add_data(a, host));
	TRY(shrink(a));
	TRY(assembly_add_loader_cache(a));
	tree_finish(a->tree);
	// Whatever was not there for an error's sake would be missing in the image.
	TRY(root_fault(a->sysroot->root));
	return host ? root_fault(host) : NULL;
}
