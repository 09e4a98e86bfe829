// The story: from the interpreter's own modules, the script and the modules asked for, import by
// import. First what must be there, then what only some branches want.
#include <stdlib.h>
#include <string.h>

#include "builder/python_impl.h"

// Modules that nothing guards first: what they reach is hard, whoever else wants it too.
static struct err *follow_all(struct collector *c)
{
	for (;;) {
		if (c->next_hard < c->hard.len)
			TRY(python_follow(c, c->hard.at[c->next_hard++]));
		else if (c->next_soft < c->soft.len)
			TRY(python_follow(c, c->soft.at[c->next_soft++]));
		else
			return NULL;
	}
}

static struct err *start(struct collector *c)
{
	struct cause why = {"the interpreter at start", true};
	struct module *m;

	c->is_starting = true;
	for (const char *const *name = python_start; *name; name++) {
		TRY(python_load(c, *name, &why, &m));
		if (!is_there(m, c) && strncmp(*name, "encodings", 9) == 0)
			return err_hint(err_new(ERR_NO_START,
						"%s: %s is missing, which Python %s "
						"imports at start",
						c->path.library, *name, c->path.version),
				"Debian has it in libpython%s-minimal", c->path.version);
	}
	if (c->o->env)
		vec_each (variable, c->o->env)
			if (strncmp(*variable, "PYTHONWARNINGS=", 15) == 0)
				TRY(python_load(c, "warnings", &why, &m));
	TRY(follow_all(c));
	c->is_starting = false;
	// exec_prefix is where lib-dynload is; without it the interpreter says it is lost.
	if (c->path.dynload)
		python_add_file(c, c->o->sysroot, NULL, c->path.dynload, why.by);
	if (c->path.venv.config)
		python_add_file(c, c->o->sysroot,
			root_walk(c->o->sysroot, c->path.venv.config)->path, c->path.venv.config,
			"makes it a virtual environment");
	return NULL;
}

static struct err *load_script(struct collector *c)
{
	struct module *m = arena_new(c->a, struct module);

	if (!c->o->script)
		return NULL;
	*m = (struct module){.name = "__main__", .label = path_base(c->o->script), .is_hard = true};
	m->found = (struct python_found){
		.kind = MODULE_SOURCE,
		.place = &c->path.places.at[0],
		.file = c->o->script,
		.path = c->o->image_path,
	};
	*map_at(&c->modules, c->a, m->name) = m;
	vec_push(c->a, &c->hard, m);
	return python_add_found(c, m, "the script");
}

static struct err *load_roots(struct collector *c)
{
	const struct strings none = {0}, *roots = c->o->roots ? c->o->roots : &none;
	struct cause why = {"--python-module", true};
	struct module *m;

	vec_each (name, roots) {
		TRY(python_load(c, *name, &why, &m));
		if (!is_there(m, c))
			vec_push(c->a, &c->pending,
				(struct pending){.module = *name, .by = why.by, .is_hard = true});
	}
	return NULL;
}

static const char *by_of(const struct pending *p)
{
	return strncmp(p->by, "imported by ", 12) == 0 ? p->by + 12 : p->by;
}

// What the names in the script's and its packages' sources bring, until they bring nothing new.
static struct err *load_named(struct collector *c)
{
	for (bool any = true; any;) {
		any = false;
		for (const struct python_hidden *h = python_hidden; h->trigger; h++)
			if (h->is_name && map_get(&c->names, h->trigger))
				TRY(python_load_hidden(c, h->trigger, true));
		python_spread_names(c);
		TRY(python_follow_called(c, &any));
		TRY(python_follow_dists(c, &any));
		any |= c->next_hard < c->hard.len || c->next_soft < c->soft.len;
		TRY(follow_all(c));
	}
	return NULL;
}

// Does a package above it put modules in place by itself, as six does with six.moves?
static bool is_made_at_run_time(struct collector *c, const char *name)
{
	char *above = arena_strdup(c->a, name);

	for (char *dot; (dot = strrchr(above, '.'));) {
		const struct module *m;

		*dot = 0;
		m = map_get(&c->modules, above);
		if (is_there(m, c) && m->edits_modules)
			return true;
	}
	return false;
}

// Is it there at all? Only its first part is looked for, so that nothing gets loaded.
static bool exists(struct collector *c, const char *name)
{
	const char *top = arena_strndup(c->a, name, strcspn(name, "."));
	struct python_found found;

	python_find(&c->path, c->path.places.at, c->path.places.len, top, c->a, &found);
	return found.kind != MODULE_NONE;
}

static void say_function(struct collector *c, const struct pending *p)
{
	void **seen = map_at(&c->noted, c->a, p->module);

	if (*seen || !exists(c, p->module) || p->import->is_getattr)
		return;
	*seen = c;
	python_add_note(c,
		(struct python_note){.module = p->module,
			.by = by_of(p),
			.is_suggestion = true,
			.text = arena_printf(c->a, "%s is left out: %s imports it in %s() only",
				p->module, by_of(p), p->import->function)});
}

static void say_missing(struct collector *c, const struct pending *p)
{
	const char *function = p->import ? p->import->function : NULL;
	bool is_made = is_made_at_run_time(c, p->module);

	if ((is_made || (p->from && is_library(p->from))) && !p->is_hard)
		return;
	python_add_note(c,
		(struct python_note){.module = p->module,
			.by = by_of(p),
			.is_missing = p->is_hard && !is_made,
			.text = arena_printf(c->a, "%s, which %s %s%s%s%s, is not found", p->module,
				by_of(p), p->from ? "imports" : "asks for", function ? " in " : "",
				function ? function : "", function ? "()" : "")});
}

static struct err *say_pending(struct collector *c)
{
	vec_each (p, &c->pending) {
		const struct module *m = map_get(&c->modules, p->module);

		if (is_there(m, c))
			continue;
		if (p->from && is_library(p->from) && p->import->function) {
			say_function(c, p);
			continue;
		}
		if (p->is_hard && c->path.archives.len && !is_made_at_run_time(c, p->module))
			return err_hint(err_new(ERR_NO_START,
						"%s, which %s imports, is not found, and %s is an "
						"archive",
						p->module, by_of(p), c->path.archives.at[0]),
				"modules are not taken out of zipped eggs: install the package "
				"unpacked (pip install)");
		say_missing(c, p);
	}
	vec_each (line, &c->path.executed)
		python_add_note(c,
			(struct python_note){.by = *line,
				.text = arena_printf(c->a,
					"left out, though Python runs it at start: %s", *line)});
	return NULL;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

// All of the standard library but its own tests and what C programs are built with.
static struct err *take_all(struct collector *c, const char *dir, int depth)
{
	const char *reason = c->o->script ? "--python-all" : "the standard library, for any script";
	struct strings names = {0};

	TRY(root_list(c->o->sysroot, root_walk(c->o->sysroot, dir)->path, c->a, &names));
	vec_each (name, &names) {
		const char *path = arena_printf(c->a, "%s/%s", dir, *name);
		const struct walk *w = root_walk(c->o->sysroot, path);

		if (w->error || strcmp(*name, "__pycache__") == 0 || ends_with(*name, ".a") ||
			strncmp(*name, "config-", 7) == 0 || strcmp(*name, "test") == 0 ||
			ends_with(*name, "-packages"))
			continue;
		if (S_ISDIR(w->node.mode) && depth < LEVELS_MAX)
			TRY(take_all(c, path, depth + 1));
		if (!S_ISREG(w->node.mode))
			continue;
		struct python_file *f = python_add_file(c, c->o->sysroot, w->path, path, reason);
		const struct python_place place = {c->o->sysroot, dir, dir, NULL, true, false};
		const struct python_found found = {.place = &place, .file = w->path, .path = path};
		struct span bytes = {0};

		if (f)
			f->is_extension = ends_with(*name, ".so");
		if (ends_with(*name, ".py"))
			TRY(python_bytecode(&c->path, &found, c->o->mtime, c->a, &path, &bytes));
		if (bytes.ptr && (f = python_add_file(c, c->o->sysroot, w->path, path, reason)))
			f->bytes = bytes;
	}
	return NULL;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct python_file *)a)->path, ((const struct python_file *)b)->path);
}

struct err *python_collect(
	const struct python_options *o, struct arena *a, struct python_files *out)
{
	struct collector *c = arena_new(a, struct collector);

	*out = (struct python_files){0};
	*c = (struct collector){.o = o, .a = a, .out = out};
	c->inside.is_inside = c->inside.is_followed = true;
	TRY(python_path_find(o, a, &c->path));
	out->version = c->path.version;
	TRY(start(c));
	TRY(load_script(c));
	TRY(load_roots(c));
	TRY(follow_all(c));
	TRY(load_named(c));
	if (o->takes_all)
		TRY(take_all(c, c->path.library, 0));
	TRY(say_pending(c));
	python_suggest_plugins(c);
	qsort(out->files.at, out->files.len, sizeof(*out->files.at), by_path);
	return NULL;
}
