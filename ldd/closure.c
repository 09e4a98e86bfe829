#include "ldd/closure.h"

#include <errno.h>
#include <string.h>

#define OBJECTS_MAX 20000 // of one process; far beyond any real one

const char *problem_kind_text(enum problem_kind k)
{
	static const char *const texts[] = {
		[PROBLEM_MISSING] = "missing",
		[PROBLEM_FATAL] = "fatal",
		[PROBLEM_INTERPRETER] = "interpreter",
		[PROBLEM_VERSION] = "version",
		[PROBLEM_SYMBOL] = "symbol",
		[PROBLEM_ABI] = "abi",
		[PROBLEM_FILE] = "file",
	};

	return texts[k];
}

bool closure_is_broken(const struct closure *c)
{
	vec_each (p, &c->problems)
		if (!p->is_warning)
			return true;
	return false;
}

struct err *closure_error(const struct closure *c, const char *program)
{
	const struct problem *first = NULL;
	size_t n = 0;

	vec_each (p, &c->problems) {
		if (p->is_warning)
			continue;
		if (!n++)
			first = p;
	}
	if (!first)
		return NULL;
	struct err *e = n == 1
		? err_new(ERR_NO_START, "%s would not start: %s", program, first->text)
		: err_new(ERR_NO_START, "%s would not start: %s (and %zu more)", program,
			  first->text, n - 1);

	return first->hint ? err_hint(e, "%s", first->hint) : e;
}

struct problem *closure_problem(struct resolver *r, struct closure *c, enum problem_kind kind,
	const char *name, const char *fmt, ...)
{
	struct arena *a = resolver_arena(r);
	struct problem *p = vec_add(a, &c->problems);
	va_list ap;

	va_start(ap, fmt);
	drop(mem_drop) char *text = str_vprintf(fmt, ap);
	va_end(ap);
	p->kind = kind;
	p->name = arena_strdup(a, name);
	p->text = arena_strdup(a, text);
	return p;
}

// ---- a process being put together ----

// The state of one resolution. `list` is what dl-deps.c calls the list of objects: breadth first,
// auxiliary objects in front of those that ask for them.
struct loading {
	struct resolver *r;
	struct arena *a;
	struct closure *c;
	struct loader *ld;
	struct object *program;
	struct object *interpreter;    // known by name, but listed only where someone asks for it
	const char *hidden;            // why what is being added is hidden; NULL: it is not
	const struct closure *process; // what is loaded already; NULL: nothing
};

// What only the resolution needs to know of an object.
struct loaded {
	struct object object; // first: the closure holds its address
	bool is_done, is_listed;
};

static struct loaded *loaded_of(struct object *o)
{
	return (struct loaded *)o;
}

static void note(struct loading *l, const char *text)
{
	for (size_t i = 0; i < l->c->notes.len; i++)
		if (strcmp(l->c->notes.at[i], text) == 0)
			return;
	vec_push(l->a, &l->c->notes, text);
}

static struct object *object_new(struct loading *l, const char *name,
	const struct object_file *file, enum rule rule, struct object *loader)
{
	struct loaded *o = arena_new(l->a, struct loaded);

	o->object.name = arena_strdup(l->a, name);
	o->object.file = file;
	o->object.rule = rule;
	o->object.loader = loader;
	o->object.hidden = l->hidden;
	vec_push(l->a, &o->object.names, o->object.name);
	return &o->object;
}

static void list_insert(struct loading *l, size_t at, struct object *o)
{
	vec_push(l->a, &l->c->objects, o);
	struct object **list = l->c->objects.at;

	memmove(list + at + 1, list + at, (l->c->objects.len - 1 - at) * sizeof(*list));
	list[at] = o;
	loaded_of(o)->is_listed = true;
}

static void list_append(struct loading *l, struct object *o)
{
	size_t at = l->c->objects.len;

	if (loaded_of(o)->is_listed)
		return;
	// The loader puts itself behind the last object that it has found: what it has not found is
	// in no search list (rtld.c dl_main).
	while (o == l->interpreter && !l->c->objects.at[at - 1]->file)
		at--;
	list_insert(l, at, o);
}

// The first that a name was given to keeps it.
static void know(struct loading *l, struct object *o, const char *name)
{
	void **known = map_at(&l->c->known, l->a, name);

	if (!*known)
		*known = o;
}

// What was not found is looked for again by every asker. The loaders know the program by no file
// name: a library of the same name is another file.
static void know_names(struct loading *l, struct object *o)
{
	if (!o->file)
		return;
	if (o != l->program)
		know(l, o, o->name);
	if (l->ld->kind == LIBC_GLIBC && o->file->elf.soname)
		know(l, o, o->file->elf.soname);
}

static void add_name(struct loading *l, struct object *o, const char *name)
{
	vec_push(l->a, &o->names, arena_strdup(l->a, name));
	know(l, o, name);
}

// What one object asks for comes one after the other.
static void add_wanter(struct loading *l, struct object *o, struct object *by)
{
	if (!o->wanted_by.len || o->wanted_by.at[o->wanted_by.len - 1] != by)
		vec_push(l->a, &o->wanted_by, by);
}

// ---- is it there already? ----

// musl's own names: libc, libpthread, librt, libm, libdl, libutil, libxnet are the loader itself.
static bool is_musl_itself(const struct loading *l, const char *name)
{
	static const char *const own[] = {"c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet."};

	if (l->ld->kind != LIBC_MUSL)
		return false;
	if (strncmp(name, "lib", 3) == 0)
		for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
			if (strncmp(name + 3, own[i], strlen(own[i])) == 0)
				return true;
	return l->ld->path && strcmp(name, l->ld->path) == 0;
}

static struct object *find_by_name(struct loading *l, const char *name)
{
	if (is_musl_itself(l, name) && l->interpreter)
		return l->interpreter;
	// The program is known to glibc's loader by the empty name.
	if (!name[0] && l->ld->kind == LIBC_GLIBC)
		return l->program;
	return map_get(&l->c->known, name);
}

static bool is_same_file(const struct object_file *x, const struct object_file *y)
{
	const struct node *m = &x->walk->node, *n = &y->walk->node;

	if (m->ino && n->ino)
		return m->dev == n->dev && m->ino == n->ino;
	return x->root == y->root && strcmp(x->walk->path, y->walk->path) == 0;
}

// A file under two names is one object (dl-load.c compares device and inode).
static struct object *find_by_file(struct loading *l, const struct object_file *f)
{
	vec_each (o, &l->c->objects)
		if ((*o)->file && is_same_file((*o)->file, f))
			return *o;
	if (l->interpreter && l->interpreter->file && is_same_file(l->interpreter->file, f))
		return l->interpreter;
	return NULL;
}

// ---- a process that runs ----

// What the process has is the plugin's too, and stands among its objects.
static struct object *adopt(struct loading *l, const struct object *theirs, struct object *by)
{
	struct object *o = object_new(l, theirs->name, theirs->file, theirs->rule, by);

	o->rule_detail = theirs->rule_detail;
	o->rule_of = theirs->rule_of;
	know_names(l, o);
	for (size_t i = 1; i < theirs->names.len; i++)
		add_name(l, o, theirs->names.at[i]);
	return o;
}

static struct object *of_process_by_name(struct loading *l, const char *name, struct object *by)
{
	struct object *theirs = l->process ? map_get(&l->process->known, name) : NULL;

	return !theirs || theirs == l->program ? theirs : adopt(l, theirs, by);
}

static struct object *of_process_by_file(
	struct loading *l, const struct object_file *f, struct object *by)
{
	if (!l->process)
		return NULL;
	vec_each (o, &l->process->objects)
		if ((*o)->file && is_same_file((*o)->file, f))
			return *o == l->program ? *o : adopt(l, *o, by);
	return NULL;
}

// ---- loading one name ----

static struct problem *problem_of(struct loading *l, enum problem_kind kind, const char *name)
{
	vec_each (p, &l->c->problems)
		if (p->kind == kind && strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

// Says once what is missing, with every place that was looked at.
static struct err *tell_missing(
	struct loading *l, struct object *by, const char *name, const char *asked)
{
	struct strings places = {0};
	struct found again;

	if (problem_of(l, PROBLEM_MISSING, name))
		return NULL;
	TRY(search_library(l->r, l->ld, by, l->program, asked, &again, &places));
	size_t shown = strlen(name) > 200 ? 200 : strlen(name);
	struct problem *p = closure_problem(l->r, l->c, PROBLEM_MISSING, name,
		"%.*s%s, needed by %s, is not found", (int)shown, name,
		shown < strlen(name) ? "…" : "", by->name);

	p->searched = places;
	const struct object_file *program = l->program->file;
	const char *beside = arena_printf(l->a, "%s/%s", path_dir(l->a, program->path), name);

	p->hint =
		"give its directory with --library-path, or a sysroot that holds it with --sysroot";
	// The commonest case of all: it lies beside the program, where no loader looks.
	if (!strchr(name, '/') && root_walk(program->root, beside)->error == 0)
		p->hint = arena_printf(l->a,
			"it lies beside the program: --library-path %s takes it from there, and "
			"-Wl,-rpath,'$ORIGIN' makes the program look there by itself",
			root_host_path(program->root, path_dir(l->a, program->path), l->a));
	return NULL;
}

// The object that `by` gets for name: a known one, a new one, or one without a file where nothing
// was found. *out is NULL only where the loader would stop.
static struct err *load(struct loading *l, struct object *by, const char *name, bool is_optional,
	struct object **out)
{
	struct found found;
	const char *asked = name;

	TRY(resolver_count_place(l->r, l->program, l->program->name));
	name = search_expand_name(l->r, l->ld, by, l->program, asked);
	*out = find_by_name(l, name);
	if (!*out)
		*out = of_process_by_name(l, name, by);
	if (*out)
		return NULL;
	if (!name[0]) {
		closure_problem(l->r, l->c, PROBLEM_FATAL, name,
			"%s needs a library with an empty name", by->name);
		return NULL;
	}
	TRY(search_library(l->r, l->ld, by, l->program, asked, &found, NULL));
	for (size_t i = 0; i < found.notes.len; i++)
		note(l, found.notes.at[i]);
	if (found.fatal && is_optional) {
		// The loader catches this error too (dl-deps.c openaux, rtld.c do_preload).
		note(l,
			arena_printf(l->a, "%s, optional for %s, cannot be loaded: %s", name,
				by->name, found.fatal));
		return NULL;
	}
	if (found.fatal) {
		struct problem *p = closure_problem(l->r, l->c, PROBLEM_FATAL, name,
			"%s, needed by %s, stops the loader: %s", name, by->name, found.fatal);

		p->hint = "the loader takes the first of that name and searches no further: "
			  "replace it, or move it away";
		found.file = NULL;
	} else if (!found.file && !is_optional) {
		TRY(tell_missing(l, by, name, asked));
	}
	if (found.file)
		*out = find_by_file(l, found.file);
	if (found.file && !*out)
		*out = of_process_by_file(l, found.file, by);
	if (*out) {
		add_name(l, *out, name);
		vec_push(l->a, &(*out)->aliases, found.file);
		return NULL;
	}
	*out = object_new(l, name, found.file, found.rule, by);
	know_names(l, *out);
	(*out)->rule_detail = found.detail;
	(*out)->rule_of = found.of;
	(*out)->is_skipped_optional = is_optional && !found.file;
	return NULL;
}

// DT_AUXILIARY and DT_FILTER: in front of the object that asks (dl-deps.c _dl_map_object_deps).
// *at is where that object stands; what comes in moves it on.
static void list_in_front(struct loading *l, size_t *at, struct object *o)
{
	struct object **list = l->c->objects.at;

	if (loaded_of(o)->is_listed) {
		size_t now = 0;

		while (list[now] != o)
			now++;
		if (now <= *at)
			return;
		memmove(list + *at + 1, list + *at, (now - *at) * sizeof(*list));
		list[*at] = o;
	} else {
		list_insert(l, *at, o);
	}
	++*at;
}

static struct err *load_dep(
	struct loading *l, struct object *by, const struct elf_dep *dep, size_t *at)
{
	bool is_filter = dep->kind != ELF_NEEDED;
	struct object *o;

	TRY(load(l, by, dep->name, dep->kind == ELF_AUXILIARY, &o));
	if (!o || (l->process && o == l->program))
		return NULL;
	if (o != l->program) // which nobody's wish brings in
		add_wanter(l, o, by);
	if (is_filter)
		list_in_front(l, at, o);
	else
		list_append(l, o);
	return NULL;
}

// What is missing because it could not be looked at is not missing.
static struct err *check_roots(const struct loading *l)
{
	const struct resolver_options *o = resolver_options(l->r);

	TRY(root_fault(o->sysroot));
	return o->host ? root_fault(o->host) : NULL;
}

// Loads what every listed object from `from` on needs, breadth first.
static struct err *load_all(struct loading *l, size_t from)
{
	for (size_t i = from; i < l->c->objects.len;) {
		struct object *o = l->c->objects.at[i];
		size_t at = i;

		if (loaded_of(o)->is_done) {
			i++;
			continue;
		}
		loaded_of(o)->is_done = true;
		if (!o->file)
			continue;
		vec_each (dep, &o->file->elf.deps) {
			if (l->c->objects.len > OBJECTS_MAX)
				return err_new(ERR_NO_START, "%s needs more than %d objects",
					l->program->name, OBJECTS_MAX);
			if (dep->kind != ELF_NEEDED && l->ld->kind == LIBC_MUSL)
				continue; // musl knows neither
			TRY(load_dep(l, o, dep, &at));
		}
	}
	return check_roots(l);
}

// ---- the program and its loader ----

static struct err *tell_other_loaders(
	struct loading *l, const struct elf *program, struct problem *p)
{
	static const char *const dirs[] = {"/lib", "/lib64", "/lib32", "/usr/lib", "/usr/lib64"};
	struct root *root = resolver_sysroot(l->r);

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		const struct walk *w = root_walk(root, dirs[i]);
		struct strings names = {0};

		if (w->error || !S_ISDIR(w->node.mode))
			continue;
		TRY(root_list(root, w->path, l->a, &names));
		for (size_t k = 0; k < names.len; k++) {
			const char *path = arena_printf(l->a, "%s/%s", dirs[i], names.at[k]);
			const struct object_file *f;
			const char *why;

			if (strncmp(names.at[k], "ld", 2) != 0 || !strstr(names.at[k], ".so"))
				continue;
			TRY(resolver_file(l->r, root, path, &f));
			if (!f || elf_fits(program, &f->elf, l->a, &why) != ELF_FITS)
				continue;
			p->hint = arena_printf(l->a,
				"the sysroot has %s for this ABI: link the program with "
				"-Wl,--dynamic-linker=%s, or use a sysroot that has %s",
				path, path, l->c->interpreter_path);
			return NULL;
		}
	}
	p->hint = "use --sysroot with the root of a system that this program was made for";
	return NULL;
}

static struct err *check_interpreter(struct loading *l)
{
	const char *path = l->c->interpreter_path;
	const char *shown = root_host_path(resolver_sysroot(l->r), path, l->a);
	const struct object_file *f = l->ld->file;
	const char *why = NULL, *base = strrchr(path, '/');
	struct problem *p = NULL;

	if (base && (strncmp(base, "/linker", 7) == 0 || strncmp(base, "/ld-uClibc", 10) == 0)) {
		p = closure_problem(l->r, l->c, PROBLEM_INTERPRETER, path,
			"the interpreter %s is not supported: only glibc's and musl's are", path);
		p->hint = "link the program with glibc or musl, or statically";
		return NULL;
	}
	if (path[0] != '/') {
		p = closure_problem(l->r, l->c, PROBLEM_INTERPRETER, path,
			"the interpreter \"%s\" is no absolute path", path);
	} else if (!f) {
		p = closure_problem(l->r, l->c, PROBLEM_INTERPRETER, path,
			"the interpreter %s of %s is not there: %s", shown, l->program->name,
			root_why(resolver_sysroot(l->r), path));
	} else if (elf_fits(l->ld->abi, &f->elf, l->a, &why) != ELF_FITS) {
		p = closure_problem(l->r, l->c, PROBLEM_INTERPRETER, path,
			"the interpreter %s cannot load %s: %s", shown, l->program->name, why);
	}
	if (!p)
		return NULL;
	// What is not there decides nothing: the program's own marks tell what it fits with.
	struct elf *program = arena_new(l->a, struct elf);

	*program = *l->ld->abi;
	program->interp = NULL;
	if (!f)
		l->ld->abi = program;
	return tell_other_loaders(l, program, p);
}

// Without PT_INTERP (a library as a root) the names it needs tell the libc.
static enum libc_kind kind_by_needed(const struct elf *e)
{
	vec_each (dep, &e->deps)
		if (strncmp(dep->name, "libc.musl-", 10) == 0 || strcmp(dep->name, "libc.so") == 0)
			return LIBC_MUSL;
	return LIBC_GLIBC;
}

static struct err *load_preload(struct loading *l)
{
	struct span text;

	if (l->ld->kind != LIBC_GLIBC || !l->c->interpreter_path ||
		resolver_options(l->r)->for_image)
		return NULL;
	TRY(root_read(resolver_sysroot(l->r), "/etc/ld.so.preload", 65536, l->a, &text));
	if (!text.ptr)
		return NULL;
	char *copy = arena_strndup(l->a, (const char *)text.ptr, text.len), *save = NULL;

	// Comments are cut; names stand apart by blanks or colons (rtld.c handle_preload).
	for (char *c = copy; (c = strchr(c, '#'));)
		while (*c && *c != '\n')
			*c++ = ' ';
	for (char *name = strtok_r(copy, ": \t\n", &save); name;
		name = strtok_r(NULL, ": \t\n", &save)) {
		struct object *o;

		// The loader goes on without what it cannot preload.
		TRY(load(l, l->program, name, true, &o));
		if (!o || !o->file)
			continue;
		if (o->rule != RULE_PROGRAM)
			o->rule = RULE_PRELOAD;
		list_append(l, o);
	}
	return NULL;
}

static struct err *begin(struct loading *l, const struct object_file *file)
{
	const char *base = strrchr(file->path, '/');
	const struct elf *e = &file->elf;

	l->program = object_new(l, base ? base + 1 : file->path, file, RULE_PROGRAM, NULL);
	list_append(l, l->program);
	if (e->not_elf || e->broken) {
		closure_problem(l->r, l->c, PROBLEM_FILE, file->path, "%s: %s",
			root_host_path(file->root, file->path, l->a),
			e->not_elf ? e->not_elf : e->broken);
		return NULL;
	}
	if (e->type != ET_EXEC && e->type != ET_DYN) {
		closure_problem(l->r, l->c, PROBLEM_FILE, file->path,
			"%s is neither a program nor a shared library",
			root_host_path(file->root, file->path, l->a));
		return NULL;
	}
	l->c->interpreter_path = e->interp;
	if (!e->interp && e->deps.len == 0)
		return NULL; // static
	TRY(resolver_loader(l->r, e, kind_by_needed(e), &l->ld));
	l->c->libc = l->ld->kind;
	l->c->interpreter = l->ld->file;
	know_names(l, l->program);
	if (e->interp) {
		TRY(check_interpreter(l));
		if (l->ld->file) {
			l->interpreter =
				object_new(l, e->interp, l->ld->file, RULE_INTERPRETER, l->program);
			know_names(l, l->interpreter);
		}
	}
	TRY(load_preload(l));
	return load_all(l, 0);
}

struct err *closure_resolve(
	struct resolver *r, struct root *root, const char *path, struct closure *out)
{
	struct loading l = {.r = r, .a = resolver_arena(r), .c = out};
	const struct object_file *file;

	*out = (struct closure){0};
	TRY(resolver_file(r, root, path, &file));
	if (!file) {
		const struct walk *w = root_walk(root, path);

		return err_sys(w->error, "%s", root_host_path(root, path, l.a));
	}
	return begin(&l, file);
}

// The plugin's own names and its loader's come first in a search, the program's run path last.
static struct err *begin_plugin(struct loading *l, const struct object_file *file)
{
	const struct closure *process = l->process;
	const struct elf *e = &file->elf;
	const char *why;
	struct object *plugin = object_new(l, path_base(file->path), file, RULE_PATH, l->program);

	list_append(l, plugin);
	l->c->process = process;
	l->c->libc = process->libc;
	l->c->interpreter = process->interpreter;
	l->c->interpreter_path = process->interpreter_path;
	TRY(resolver_loader(l->r, &l->program->file->elf, process->libc, &l->ld));
	// The places are counted for each plugin anew.
	TRY(resolver_count_place(l->r, plugin, plugin->name));
	if (elf_fits(l->ld->abi, e, l->a, &why) != ELF_FITS) {
		closure_problem(l->r, l->c, PROBLEM_FILE, file->path, "%s: %s",
			root_host_path(file->root, file->path, l->a), why);
		return NULL;
	}
	know_names(l, plugin);
	if (l->ld->file) {
		l->interpreter = object_new(
			l, process->interpreter_path, l->ld->file, RULE_INTERPRETER, l->program);
		know_names(l, l->interpreter);
	}
	return load_all(l, 0);
}

struct err *closure_resolve_plugin(struct resolver *r, const struct closure *process,
	struct root *root, const char *path, struct closure *out)
{
	struct loading l = {.r = r,
		.a = resolver_arena(r),
		.c = out,
		.process = process,
		.program = process->objects.at[0]};
	const struct object_file *file;

	*out = (struct closure){0};
	TRY(resolver_file(r, root, path, &file));
	if (!file)
		return err_sys(root_walk(root, path)->error, "%s", root_host_path(root, path, l.a));
	return begin_plugin(&l, file);
}

static bool is_wanted_by(const struct object *o, const struct object *by)
{
	vec_each (it, &o->wanted_by)
		if (*it == by)
			return true;
	return false;
}

struct err *closure_add_hidden(struct resolver *r, struct closure *c, struct object *by,
	const char *name, const char *why, bool *found)
{
	struct loading l = {.r = r, .a = resolver_arena(r), .c = c, .process = c->process};
	size_t from = c->objects.len;
	struct object *o;

	l.program = (c->process ? c->process : c)->objects.at[0];

	l.hidden = why;
	TRY(resolver_loader(
		r, &l.program->file->elf, kind_by_needed(&l.program->file->elf), &l.ld));
	TRY(load(&l, by, name, true, &o));
	*found = o && o->file;
	if (!*found)
		return check_roots(&l);
	if (!is_wanted_by(o, by))
		add_wanter(&l, o, by);
	list_append(&l, o);
	l.hidden = arena_printf(l.a, "needed by %s", name);
	return load_all(&l, from);
}
