// Modules found and queued, and their files.
#include <string.h>

#include "builder/python_impl.h"

struct python_file *python_add_file(struct collector *c, struct root *root, const char *source,
	const char *path, const char *reason)
{
	void **seen = map_at(&c->paths, c->a, path);

	if (*seen)
		return NULL;
	*seen = c;
	struct python_file *f = vec_add(c->a, &c->out->files);

	*f = (struct python_file){.root = root, .source = source, .path = path, .reason = reason};
	return f;
}

void python_add_note(struct collector *c, struct python_note note)
{
	void **seen = map_at(&c->noted, c->a, note.text);

	if (*seen || c->out->notes.len >= NOTES_MAX)
		return;
	*seen = c;
	vec_push(c->a, &c->out->notes, note);
}

// A module's file, its bytecode, and the .pth file that leads to it. The script's own bytecode
// stays out: whether there is any depends on who ran it last, and it names this machine's paths.
struct err *python_add_found(struct collector *c, struct module *m, const char *reason)
{
	const struct python_found *f = &m->found;
	const char *path;
	struct span bytes;

	if (f->kind == MODULE_NAMESPACE ||
		(is_library(m) && strcmp(m->name, "os") != 0 &&
			python_is_frozen(m->name, c->path.minor)))
		return NULL;
	struct python_file *file = python_add_file(c, f->place->root, f->file, f->path, reason);

	if (file)
		file->is_extension = f->kind == MODULE_EXTENSION;
	if (f->place->pth)
		python_add_file(c, f->place->root, root_walk(f->place->root, f->place->pth)->path,
			f->place->pth, arena_printf(c->a, "leads to %s", m->name));
	if (f->kind != MODULE_SOURCE || f->place->is_script)
		return NULL;
	TRY(python_bytecode(&c->path, f, c->o->mtime, c->a, &path, &bytes));
	if (bytes.ptr) {
		file = python_add_file(c, f->place->root, f->file, path, reason);
		if (file)
			file->bytes = bytes;
	}
	return NULL;
}

// The path below its entry of sys.path, for messages.
static const char *label_of(const struct collector *c, const struct python_found *f)
{
	size_t longest = 0;

	vec_each (p, &c->path.places) {
		size_t n = strlen(p->path);

		if (strncmp(f->path, p->path, n) == 0 && f->path[n] == '/' && n >= longest)
			longest = n + 1;
	}
	return f->path + longest;
}

static void say_shadow(struct collector *c, struct module *m)
{
	const struct python_place *all = c->path.places.at;
	struct python_found other;

	if (!m->found.place || !m->found.place->is_script || strchr(m->name, '.'))
		return;
	for (size_t i = 0; i < c->path.places.len; i++) {
		if (!all[i].is_library)
			continue;
		python_find(&c->path, &all[i], 1, m->name, c->a, &other);
		if (other.kind == MODULE_NONE || other.kind == MODULE_NAMESPACE)
			continue;
		python_add_note(c,
			(struct python_note){.module = m->name,
				.by = m->found.path,
				.text = arena_printf(c->a,
					"%s beside the script stands in for the standard "
					"library's %s, for all modules",
					path_base(m->found.path), m->name)});
		return;
	}
}

// ".cpython-311-arm-linux-gnueabihf.so" → "_sysconfigdata__arm-linux-gnueabihf"
static const char *config_name(struct collector *c)
{
	const char *suffix = c->path.suffixes[0];
	size_t tag = strlen(c->path.tag) + 2, n = strlen(suffix);

	if (n < tag + 3)
		return "_sysconfigdata__linux_";
	return arena_printf(c->a, "%s_%.*s", python_config, (int)(n - tag - 3), suffix + tag);
}

struct err *python_load_hidden(struct collector *c, const char *trigger, bool is_name)
{
	struct module *m;

	for (const struct python_hidden *h = python_hidden; h->trigger; h++) {
		struct cause why = {arena_printf(c->a, "the code behind %s", trigger), false};
		const char *name = h->needs;

		if (h->is_name != is_name || strcmp(h->trigger, trigger) != 0)
			continue;
		if (name == python_config)
			name = config_name(c);
		TRY(python_load(c, name, &why, &m));
	}
	return NULL;
}

// Where to look for a module: sys.path, or the places of its package. *n 0: nowhere.
struct err *python_places(struct collector *c, const char *name, const struct cause *why,
	const struct python_place **at, size_t *n)
{
	const char *dot = strrchr(name, '.');
	struct module *parent;

	*at = c->path.places.at;
	*n = c->path.places.len;
	if (c->is_starting && *n && c->path.places.at[0].is_script)
		++*at, --*n;
	if (!dot)
		return NULL;
	TRY(python_load(c, arena_strndup(c->a, name, (size_t)(dot - name)), why, &parent));
	*n = 0;
	if (is_there(parent, c) && parent->found.is_package) {
		*at = parent->found.inside.at;
		*n = parent->found.inside.len;
	}
	return NULL;
}

static size_t count_dots(const char *name)
{
	size_t n = 0;

	for (; (name = strchr(name, '.')); name++)
		n++;
	return n;
}

// The module of that name with all packages above it, found and queued; c->missing for none.
struct err *python_load(
	struct collector *c, const char *name, const struct cause *why, struct module **out)
{
	const struct python_place *places;
	size_t n;

	*out = map_get(&c->modules, name);
	if (*out)
		return NULL;
	if (map_get(&c->path.builtins, name)) {
		*out = *map_at(&c->modules, c->a, name) = &c->inside;
		return python_load_hidden(c, name, false);
	}
	*out = &c->missing;
	if (!*name || count_dots(name) > LEVELS_MAX)
		return NULL;
	TRY(python_places(c, name, why, &places, &n));
	struct module *m = arena_new(c->a, struct module);
	const char *dot = strrchr(name, '.');

	python_find(&c->path, places, n, dot ? dot + 1 : name, c->a, &m->found);
	// In a file or not, the interpreter has these: an image may lack their sources.
	if (m->found.kind == MODULE_NONE && python_is_frozen(name, c->path.minor)) {
		*out = *map_at(&c->modules, c->a, name) = &c->inside;
		return python_load_hidden(c, name, false);
	}
	if (m->found.kind == MODULE_NONE) {
		if (c->nmissing++ >= MISSING_MAX)
			return err_new(ERR_FAILED, "%s: more than %d modules are not found",
				c->o->script ? c->o->script : c->o->interpreter, MISSING_MAX);
		*map_at(&c->modules, c->a, name) = &c->missing;
		return NULL;
	}
	if (c->nmodules++ >= MODULES_MAX)
		return err_new(ERR_FAILED, "%s: more than %d modules",
			c->o->script ? c->o->script : c->o->interpreter, MODULES_MAX);
	m->name = arena_strdup(c->a, name);
	m->label = m->found.path ? label_of(c, &m->found) : m->name;
	m->is_hard = why->is_hard;
	*map_at(&c->modules, c->a, name) = m;
	if (why->is_hard)
		vec_push(c->a, &c->hard, m);
	else
		vec_push(c->a, &c->soft, m);
	say_shadow(c, m);
	*out = m;
	return python_add_found(c, m, why->by);
}

struct err *python_load_all(
	struct collector *c, struct module *package, const struct strings *names, const char *by)
{
	struct cause why = {by, false};

	vec_each (name, names) {
		struct module *m;

		if (strchr(*name, '.') || !**name)
			continue;
		TRY(python_load(c, arena_printf(c->a, "%s.%s", package->name, *name), &why, &m));
	}
	return NULL;
}
