// The story: from the interpreter's own modules, the script and the modules asked for, import by
// import. First what must be there, then what only some branches want.
#include "builder/python.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "builder/python_dists.h"
#include "builder/python_find.h"
#include "builder/python_imports.h"
#include "builder/python_known.h"

enum {
	SOURCE_MAX = 16 << 20,
	EXTENSION_MAX = 256 << 20,
	MODULES_MAX = 100000,
	NOTES_MAX = 10000,
	PENDING_MAX = 100000,
	MISSING_MAX = 10000, // names that nothing has
	HANDLED_MAX = 64,    // imports of a try block that are looked at for its handlers
	LEVELS_MAX = 64,     // dots in a name
};

struct module {
	const char *name, *label; // "RPi.GPIO", "RPi/GPIO/__init__.py"
	struct python_found found;
	bool is_hard;   // the script does not start without it
	bool is_inside; // the interpreter
	bool is_starred, is_followed, edits_modules;
	struct strings all;
};

// Who asks, and whether the program ends where there is no answer.
struct cause {
	const char *by;
	bool is_hard;
};

// An import of something that was not found, or of a function that is not followed. Which of them
// are worth a note is known at the end.
struct pending {
	const char *module, *by;
	struct module *from; // NULL: asked for by name
	const struct python_import *import;
	bool is_hard, is_called;
};

struct collector {
	const struct python_options *o;
	struct arena *a;
	struct python_files *out;
	struct python_path path;
	struct map modules, paths, noted, library_names;
	struct map names; // of what is called, as far as names tell
	struct map texts; // string literals
	struct map dist_names;
	const struct strings *script_texts;
	struct python_dists dists;
	bool has_dists;       // they were looked for
	struct map classes;   // that the library names where its modules load
	struct module inside; // stands for all that the interpreter has in itself
	struct module missing;
	struct {
		struct module **at;
		size_t len, cap;
	} hard, soft;
	size_t next_hard, next_soft; // that were not followed yet
	struct {
		struct pending *at;
		size_t len, cap;
	} pending;
	struct {
		struct python_source **at;
		size_t len, cap;
	} sources; // of the standard library, whose functions may be called
	size_t nmodules, nmissing;
	struct map defined; // "module.name" of the library's modules → whether their text has it
	bool is_starting;   // before the script's directory is on sys.path
};

static bool is_library(const struct module *m)
{
	return m->found.place && m->found.place->is_library;
}

static bool is_there(const struct module *m, const struct collector *c)
{
	return m && m != &c->missing;
}

static struct python_file *add_file(struct collector *c, struct root *root, const char *source,
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

static void add_note(struct collector *c, struct python_note note)
{
	void **seen = map_at(&c->noted, c->a, note.text);

	if (*seen || c->out->notes.len >= NOTES_MAX)
		return;
	*seen = c;
	vec_push(c->a, &c->out->notes, note);
}

// A module's file, its bytecode, and the .pth file that leads to it. The script's own bytecode
// stays out: whether there is any depends on who ran it last, and it names this machine's paths.
static struct err *add_found(struct collector *c, struct module *m, const char *reason)
{
	const struct python_found *f = &m->found;
	const char *path;
	struct span bytes;

	if (f->kind == MODULE_NAMESPACE ||
		(is_library(m) && strcmp(m->name, "os") != 0 &&
			python_is_frozen(m->name, c->path.minor)))
		return NULL;
	struct python_file *file = add_file(c, f->place->root, f->file, f->path, reason);

	if (file)
		file->is_extension = f->kind == MODULE_EXTENSION;
	if (f->place->pth)
		add_file(c, f->place->root, root_walk(f->place->root, f->place->pth)->path,
			f->place->pth, arena_printf(c->a, "leads to %s", m->name));
	if (f->kind != MODULE_SOURCE || f->place->is_script)
		return NULL;
	TRY(python_bytecode(&c->path, f, c->o->mtime, c->a, &path, &bytes));
	if (bytes.ptr) {
		file = add_file(c, f->place->root, f->file, path, reason);
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
		add_note(c,
			(struct python_note){.module = m->name,
				.by = m->found.path,
				.text = arena_printf(c->a,
					"%s beside the script stands in for the standard "
					"library's %s, for all modules",
					path_base(m->found.path), m->name)});
		return;
	}
}

static struct err *load(
	struct collector *c, const char *name, const struct cause *why, struct module **out);

// ".cpython-311-arm-linux-gnueabihf.so" → "_sysconfigdata__arm-linux-gnueabihf"
static const char *config_name(struct collector *c)
{
	const char *suffix = c->path.suffixes[0];
	size_t tag = strlen(c->path.tag) + 2, n = strlen(suffix);

	if (n < tag + 3)
		return "_sysconfigdata__linux_";
	return arena_printf(c->a, "%s_%.*s", python_config, (int)(n - tag - 3), suffix + tag);
}

static struct err *load_hidden(struct collector *c, const char *trigger, bool is_name)
{
	struct module *m;

	for (const struct python_hidden *h = python_hidden; h->trigger; h++) {
		struct cause why = {arena_printf(c->a, "the code behind %s", trigger), false};
		const char *name = h->needs;

		if (h->is_name != is_name || strcmp(h->trigger, trigger) != 0)
			continue;
		if (name == python_config)
			name = config_name(c);
		TRY(load(c, name, &why, &m));
	}
	return NULL;
}

// Where to look for a module: sys.path, or the places of its package. *n 0: nowhere.
static struct err *places_of(struct collector *c, const char *name, const struct cause *why,
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
	TRY(load(c, arena_strndup(c->a, name, (size_t)(dot - name)), why, &parent));
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
static struct err *load(
	struct collector *c, const char *name, const struct cause *why, struct module **out)
{
	const struct python_place *places;
	size_t n;

	*out = map_get(&c->modules, name);
	if (*out)
		return NULL;
	if (map_get(&c->path.builtins, name)) {
		*out = *map_at(&c->modules, c->a, name) = &c->inside;
		return load_hidden(c, name, false);
	}
	*out = &c->missing;
	if (!*name || count_dots(name) > LEVELS_MAX)
		return NULL;
	TRY(places_of(c, name, why, &places, &n));
	struct module *m = arena_new(c->a, struct module);
	const char *dot = strrchr(name, '.');

	python_find(&c->path, places, n, dot ? dot + 1 : name, c->a, &m->found);
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
	return add_found(c, m, why->by);
}

static struct err *load_all(
	struct collector *c, struct module *package, const struct strings *names, const char *by)
{
	struct cause why = {by, false};

	vec_each (name, names) {
		struct module *m;

		if (strchr(*name, '.') || !**name)
			continue;
		TRY(load(c, arena_printf(c->a, "%s.%s", package->name, *name), &why, &m));
	}
	return NULL;
}

// The absolute name of what an import asks for; NULL where its dots lead above the top.
static const char *absolute(
	struct collector *c, const struct module *m, const struct python_import *i)
{
	size_t n = strlen(m->name);

	if (!i->level)
		return i->module;
	for (unsigned up = m->found.is_package; up < i->level; up++) {
		const char *dot = memrchr(m->name, '.', n);

		if (!dot)
			return NULL;
		n = (size_t)(dot - m->name);
	}
	return arena_printf(c->a, "%.*s%s%s", (int)n, m->name, *i->module ? "." : "", i->module);
}

static void put_off(struct collector *c, struct module *m, const struct python_import *i,
	const char *name, const struct cause *why)
{
	// An import in one of its functions waits already.
	if (c->pending.len < PENDING_MAX && !i->is_guarded && !(is_library(m) && i->function))
		vec_push(c->a, &c->pending,
			(struct pending){.module = name,
				.by = why->by,
				.from = m,
				.import = i,
				.is_hard = why->is_hard});
}

// Does the library's module define that name, by its own text?
static bool read_definition(const struct module *m, const char *name)
{
	drop(arena_drop) struct arena scratch = {0};
	const char *def = arena_printf(&scratch, "\ndef %s(", name);
	const char *class = arena_printf(&scratch, "\nclass %s", name);
	struct span text = {0};

	struct err *e = root_read(m->found.place->root, m->found.file, SOURCE_MAX, &scratch, &text);
	bool is = !e && text.ptr &&
		(memmem(text.ptr, text.len, def, strlen(def)) ||
			memmem(text.ptr, text.len, class, strlen(class)));

	err_drop(&e);
	return is;
}

static bool defines(struct collector *c, const struct module *m, const char *name)
{
	char key[256];
	size_t n = (size_t)snprintf(key, sizeof(key), "%s:%s", m->name, name);

	if (!is_library(m) || m->found.kind != MODULE_SOURCE || n >= sizeof(key))
		return false;
	void **known = map_at(&c->defined, c->a, key);

	if (!*known)
		*known = read_definition(m, name) ? (void *)m : (void *)c;
	return *known == m;
}

// Will this import work for sure, as far as a library's module can be trusted?
static bool surely_works(struct collector *c, const struct module *m, const struct python_import *i)
{
	const char *name = absolute(c, m, i);
	const struct module *other = name ? map_get(&c->modules, name) : NULL;

	if (!is_there(other, c) || is_library(m))
		return is_there(other, c);
	return i->name ? defines(c, other, i->name) : is_library(other);
}

// In a handler for a try block whose imports all worked, or for one that is itself in such a
// handler.
static bool is_needless(struct collector *c, const struct module *m, const struct python_source *s,
	const struct python_import *i)
{
	if (i->instead_end - i->instead_first > HANDLED_MAX)
		return false;
	for (size_t k = i->instead_first; k < i->instead_end; k++)
		if (s->imports.at[k].is_needless)
			return true;
	for (size_t k = i->instead_first; k < i->instead_end; k++)
		if (!surely_works(c, m, &s->imports.at[k]))
			return false;
	return i->instead_first < i->instead_end;
}

// What packages put in place by themselves: six.moves.queue is queue, and pkg_resources.extern.x is
// pkg_resources._vendor.x.
static struct err *load_stand_in(struct collector *c, const char *name, const char *part,
	const struct cause *why, struct module **out)
{
	const char *moves = strstr(name, "six.moves"), *at = strstr(name, ".extern");
	struct module *m;

	if (moves) {
		TRY(load_hidden(c, moves, false));
		return part ? load_hidden(c, arena_printf(c->a, "%s.%s", moves, part), false)
			    : NULL;
	}
	if (!at || (at[7] && at[7] != '.'))
		return NULL;
	const char *vendored = arena_printf(c->a, "%.*s._vendor%s", (int)(at - name), name, at + 7);

	TRY(load(c, vendored, why, is_there(*out, c) ? &m : out));
	return part ? load(c, arena_printf(c->a, "%s.%s", vendored, part), why, &m) : NULL;
}

// The module an import names, and the one in it that it may name too.
static struct err *take_import(struct collector *c, struct module *m, const char *name,
	const struct python_import *i, const struct cause *why)
{
	struct module *found, *part;

	TRY(load(c, name, why, &found));
	TRY(load_stand_in(c, name, i->name, why, &found));
	if (!is_there(found, c)) {
		put_off(c, m, i, name, why);
		return NULL;
	}
	if (!i->name || !found->found.is_package)
		return NULL;
	if (strcmp(i->name, "*") != 0)
		return load(c, arena_printf(c->a, "%s.%s", name, i->name), why, &part);
	found->is_starred = true;
	return found->is_followed ? load_all(c, found, &found->all, why->by) : NULL;
}

// The interpreter refuses it with an ImportError, whatever files there are.
static void say_above_top(
	struct collector *c, const struct module *m, const struct python_import *i, bool is_hard)
{
	if (is_library(m) || i->is_guarded)
		return;
	add_note(c,
		(struct python_note){.module = i->module,
			.by = arena_printf(c->a, "%s:%u", m->label, i->line),
			.is_missing = is_hard,
			.text = arena_printf(c->a,
				"%s:%u has a relative import that leads above its package",
				m->label, i->line),
			.hint = "a script is in no package: import the module by its name, or name "
				"a script beside the package that imports it"});
}

static struct err *follow_import(struct collector *c, struct module *m,
	const struct python_source *s, struct python_import *i)
{
	const char *name = absolute(c, m, i);
	struct cause why = {
		.by = arena_printf(c->a, "imported by %s:%u", m->label, i->line),
		.is_hard = m->is_hard && !i->function && !i->is_guarded && !i->is_conditional,
	};

	i->is_needless = is_needless(c, m, s, i);
	if (i->is_needless)
		return NULL;
	if (!name) {
		say_above_top(c, m, i, why.is_hard);
		return NULL;
	}
	if (!is_library(m) || !i->function)
		return take_import(c, m, name, i, &why);
	if (c->pending.len < PENDING_MAX)
		vec_push(c->a, &c->pending,
			(struct pending){.module = name, .by = why.by, .from = m, .import = i});
	return NULL;
}

// Is that function or class of the library called, as far as names tell?
static bool is_live(struct collector *c, const char *function, const char *in_class)
{
	static const char *const common[] = {"main", "test", "_test", NULL};

	for (const char *const *name = common; function && *name; name++)
		if (strcmp(function, *name) == 0)
			return false;
	if (!function || (in_class && strncmp(function, "__", 2) == 0))
		return in_class && map_get(&c->names, in_class);
	if (in_class && !map_get(&c->names, in_class) && !map_get(&c->classes, in_class))
		return false; // nobody has one
	return map_get(&c->names, function);
}

static bool is_called(struct collector *c, const struct python_import *i)
{
	if (i->is_getattr)
		return !i->wanted || map_get(&c->names, i->wanted);
	return is_live(c, i->function, i->in_class);
}

// Names in functions that are called call others; what a class that is only named has in itself is
// named too.
static bool spread_body(struct collector *c, struct python_body *b)
{
	bool is_called = is_live(c, b->function, b->in_class);
	bool is_named = !b->function && b->in_class && map_get(&c->classes, b->in_class);

	if (b->is_live || !(is_called || (is_named && !b->is_named)))
		return false;
	b->is_live = is_called;
	b->is_named = true;
	vec_each (name, &b->names)
		*map_at(is_called ? &c->names : &c->classes, c->a, *name) = c;
	return true;
}

static void spread_names(struct collector *c)
{
	for (bool any = true; any;) {
		any = false;
		vec_each (s, &c->sources)
			vec_each (b, &(*s)->bodies)
				any |= spread_body(c, b);
	}
}

// Imports in functions of the library that are called, as far as names tell.
static struct err *follow_called(struct collector *c, bool *any)
{
	for (size_t k = 0; k < c->pending.len; k++) {
		struct pending p = c->pending.at[k];

		if (p.is_called || !p.from || !is_library(p.from) || !p.import->function ||
			!is_called(c, p.import))
			continue;
		struct cause why = {p.by, false};

		*any = c->pending.at[k].is_called = true;
		TRY(take_import(c, p.from, p.module, p.import, &why));
	}
	return NULL;
}

// "latin-1" → encodings.latin_1, by the name itself or by the library's own list of aliases.
static struct err *load_encoding(struct collector *c, const char *name, const char *by)
{
	struct cause why = {by, false};
	char *plain = arena_strdup(c->a, name);
	struct module *m;

	for (char *p = plain; *p; p++)
		*p = strchr("- .", *p) ? '_' : (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
	TRY(load(c, arena_printf(c->a, "encodings.%s", plain), &why, &m));
	if (is_there(m, c))
		return NULL;
	// encodings/aliases.py has lines like «'latin1' : 'latin_1',».
	const struct module *aliases = map_get(&c->modules, "encodings.aliases");
	struct span text = {0};

	if (!is_there(aliases, c))
		return NULL;
	TRY(root_read(c->o->sysroot, aliases->found.file, SOURCE_MAX, c->a, &text));
	const char *key = arena_printf(c->a, "'%s'", plain), *at, *to;

	at = text.ptr ? memmem(text.ptr, text.len, key, strlen(key)) : NULL;
	if (!at)
		return NULL;
	at += strlen(key);
	at += strspn(at, " :'");
	to = at + strcspn(at, "'\n");
	return load(c, arena_printf(c->a, "encodings.%.*s", (int)(to - at), at), &why, &m);
}

static const char *by_of(const struct pending *p)
{
	return strncmp(p->by, "imported by ", 12) == 0 ? p->by + 12 : p->by;
}

// Names of distributions and of groups of entry points may be among them.
static void note_texts(struct collector *c, const struct module *m, const struct python_source *s)
{
	if (strcmp(m->name, "__main__") == 0)
		c->script_texts = &s->texts;
	vec_each (text, &s->texts) {
		*map_at(&c->texts, c->a, *text) = c;
		*map_at(&c->dist_names, c->a, python_dist_name(*text, c->a)) = c;
	}
}

static struct err *follow_scanned(struct collector *c, struct module *m, struct python_source *s)
{
	m->edits_modules = s->edits_modules;
	m->all = s->all;
	note_texts(c, m, s);
	if (s->extends_path && m->found.is_package) {
		const struct python_place *at;
		struct cause why = {m->label, false};
		size_t n;

		TRY(places_of(c, m->name, &why, &at, &n));
		python_find_portions(
			at, n, path_base(arena_printf(c->a, "%s", m->name)), c->a, &m->found);
	}
	vec_each (i, &s->imports)
		TRY(follow_import(c, m, s, i));
	vec_each (encoding, &s->encodings)
		if (!is_library(m))
			TRY(load_encoding(c, *encoding,
				arena_printf(c->a, "an encoding that %s names", m->label)));
	vec_each (line, &s->computed)
		if (!is_library(m))
			add_note(c,
				(struct python_note){.is_suggestion = true,
					.by = arena_printf(c->a, "%s:%u", m->label, *line),
					.text = arena_printf(c->a,
						"%s:%u imports a module whose name is made at "
						"run time: --python-module NAME takes it",
						m->label, *line)});
	return m->is_starred ? load_all(c, m, &m->all, m->label) : NULL;
}

static struct err *follow_source(struct collector *c, struct module *m)
{
	drop(arena_drop) struct arena scratch = {0};
	struct root *r = m->found.place->root;
	struct python_scan_options o = {
		.name = root_host_path(r, m->found.file, &scratch),
		.minor = c->path.minor,
		.is_main = strcmp(m->name, "__main__") == 0,
		.names = is_library(m) ? NULL : &c->names,
		.wants_bodies = is_library(m),
		.names_arena = c->a,
	};
	struct python_source *s = arena_new(c->a, struct python_source);
	struct span text;

	TRY(root_read(r, m->found.file, SOURCE_MAX, &scratch, &text));
	struct err *e = python_scan(&o, text, c->a, s);

	if (e && !m->is_hard) {
		add_note(c,
			(struct python_note){.module = m->name,
				.by = m->label,
				.text = arena_strdup(c->a, err_text(e))});
		err_drop(&e);
		return NULL;
	}
	TRY(e);
	if (is_library(m)) {
		vec_push(c->a, &c->sources, s);
		vec_each (name, &s->bodies.at[0].names)
			*map_at(&c->classes, c->a, *name) = c;
	}
	return follow_scanned(c, m, s);
}

static const char word_bytes[] = "_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

// Is it the name of a module that C code may import: one of the library, or of its own package?
static bool is_module_name(struct collector *c, const struct module *m, const char *s)
{
	static const char *const words[] = {"code", "copy", "test", "this", "site", "token",
		"string", "select", "types", "time", NULL};
	size_t top = strcspn(s, "."), own = strcspn(m->name, ".");

	for (const char *p = s; *p; p++)
		if (*p != '.' && !strchr(word_bytes, *p))
			return false;
	for (const char *const *word = words; *word; word++)
		if (strcmp(s, *word) == 0)
			return false;
	if (s[top] && top == own && strncmp(s, m->name, top) == 0)
		return true;
	return map_get(&c->library_names, arena_strndup(c->a, s, top));
}

// A module beside it, or one that generated code always wants: mypyc's for a whole package, cffi's.
static const char *named_beside(struct collector *c, const struct module *m, const char *s)
{
	const char *dot = strrchr(m->name, '.');
	size_t n = strlen(s);
	struct python_found found;

	if (strcmp(s, "_cffi_backend") == 0 || (n > 7 && strcmp(s + n - 7, "__mypyc") == 0))
		return s;
	if (!dot || *s != '_' || strspn(s, word_bytes) != n)
		return NULL;
	const char *name = arena_printf(c->a, "%.*s.%s", (int)(dot - m->name), m->name, s);
	const struct module *package =
		map_get(&c->modules, arena_strndup(c->a, m->name, (size_t)(dot - m->name)));

	if (!is_there(package, c))
		return NULL;
	python_find(&c->path, package->found.inside.at, package->found.inside.len, s, c->a, &found);
	return found.kind != MODULE_NONE && found.kind != MODULE_NAMESPACE ? name : NULL;
}

static struct err *list_library(struct collector *c)
{
	struct strings names = {0};

	if (c->library_names.len)
		return NULL;
	TRY(root_list(
		c->o->sysroot, root_walk(c->o->sysroot, c->path.library)->path, c->a, &names));
	vec_each (name, &names)
		*map_at(&c->library_names, c->a, arena_strndup(c->a, *name, strcspn(*name, "."))) =
			c;
	return NULL;
}

// A package's own C code: the names of modules among its strings, as Cython leaves them.
static struct err *follow_extension(struct collector *c, struct module *m)
{
	drop(arena_drop) struct arena scratch = {0};
	struct cause why = {arena_printf(c->a, "named in %s", m->label), false};
	struct span bytes;

	TRY(list_library(c));
	TRY(root_read(m->found.place->root, m->found.file, EXTENSION_MAX, &scratch, &bytes));
	for (size_t at = 0; at < bytes.len;) {
		const char *s = (const char *)bytes.ptr + at;
		size_t n = strnlen(s, bytes.len - at);
		struct module *found;

		at += n + 1;
		if (n < 2 || n > 100 || at > bytes.len)
			continue;
		const char *name = named_beside(c, m, s);

		if (!name && strchr("_abcdefghijklmnopqrstuvwxyz", *s) && is_module_name(c, m, s))
			name = s;
		if (name)
			TRY(load(c, name, &why, &found));
	}
	return NULL;
}

static struct err *follow(struct collector *c, struct module *m)
{
	m->is_followed = true;
	if (m->found.kind == MODULE_BYTECODE)
		add_note(c,
			(struct python_note){.module = m->name,
				.by = m->label,
				.is_suggestion = true,
				.text = arena_printf(c->a,
					"%s is bytecode without its source: what it imports is "
					"not seen",
					m->found.path)});
	if (is_library(m) && c->o->takes_all)
		return NULL;
	if (m->found.kind == MODULE_SOURCE)
		TRY(follow_source(c, m));
	if (m->found.kind == MODULE_EXTENSION && !is_library(m))
		TRY(follow_extension(c, m));
	return load_hidden(c, m->name, false);
}

// Modules that nothing guards first: what they reach is hard, whoever else wants it too.
static struct err *follow_all(struct collector *c)
{
	for (;;) {
		if (c->next_hard < c->hard.len)
			TRY(follow(c, c->hard.at[c->next_hard++]));
		else if (c->next_soft < c->soft.len)
			TRY(follow(c, c->soft.at[c->next_soft++]));
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
		TRY(load(c, *name, &why, &m));
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
				TRY(load(c, "warnings", &why, &m));
	TRY(follow_all(c));
	c->is_starting = false;
	// exec_prefix is where lib-dynload is; without it the interpreter says it is lost.
	if (c->path.dynload)
		add_file(c, c->o->sysroot, NULL, c->path.dynload, why.by);
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
	return add_found(c, m, "the script");
}

static struct err *load_roots(struct collector *c)
{
	const struct strings none = {0}, *roots = c->o->roots ? c->o->roots : &none;
	struct cause why = {"--python-module", true};
	struct module *m;

	vec_each (name, roots) {
		TRY(load(c, *name, &why, &m));
		if (!is_there(m, c))
			vec_push(c->a, &c->pending,
				(struct pending){.module = *name, .by = why.by, .is_hard = true});
	}
	return NULL;
}

// ---- distributions ----

static bool reads_metadata(const struct collector *c)
{
	static const char *const readers[] = {
		"importlib.metadata", "importlib_metadata", "pkg_resources", NULL};

	for (const char *const *name = readers; *name; name++)
		if (is_there(map_get(&c->modules, *name), c))
			return true;
	return false;
}

// Is something of it in the image, or is it asked for by its name?
static bool is_wanted(struct collector *c, const struct python_dist *d)
{
	if (map_get(&c->dist_names, d->name))
		return true;
	vec_each (top, &d->tops) {
		const struct module *m = map_get(&c->modules, *top);

		if (is_there(m, c) && m != &c->inside &&
			(!m->found.place || m->found.place->root == d->place->root) &&
			!is_library(m))
			return true;
	}
	return false;
}

// Does the script's own text name the distribution and this command of it, as setuptools writes it?
static bool is_scripts_own(
	struct collector *c, const struct python_dist *d, const struct python_entry *e)
{
	bool has_dist = false, has_name = false;

	if (!c->script_texts)
		return false;
	vec_each (text, c->script_texts) {
		has_dist |= strcmp(python_dist_name(*text, c->a), d->name) == 0;
		has_name |= strcmp(*text, e->name) == 0;
	}
	return has_dist && has_name;
}

// A plugin that nobody imports: its distribution is not among those taken.
static void suggest_plugins(struct collector *c)
{
	vec_each (d, &c->dists)
		vec_each (e, &d->entries) {
			if (d->is_taken || strcmp(e->group, "console_scripts") == 0 ||
				strcmp(e->group, "gui_scripts") == 0 ||
				strncmp(e->group, "distutils.", 10) == 0 ||
				!map_get(&c->texts, e->group))
				continue;
			add_note(c,
				(struct python_note){.module = e->module,
					.by = d->name,
					.is_suggestion = true,
					.text = arena_printf(c->a,
						"%s is left out: a plugin (%s) of the "
						"distribution %s",
						e->module, e->group, d->name)});
		}
}

static struct err *follow_entry(
	struct collector *c, const struct python_dist *d, const struct python_entry *e)
{
	bool is_command =
		strcmp(e->group, "console_scripts") == 0 || strcmp(e->group, "gui_scripts") == 0;
	struct cause why = {arena_printf(c->a, "%s of %s", e->name, d->name), is_command};
	struct module *m;

	if (!map_get(&c->texts, e->group) || (is_command && !is_scripts_own(c, d, e)))
		return NULL;
	TRY(load(c, e->module, &why, &m));
	if (!is_there(m, c) && c->pending.len < PENDING_MAX)
		vec_push(c->a, &c->pending,
			(struct pending){.module = e->module, .by = why.by, .is_hard = is_command});
	return NULL;
}

static void take_dist(struct collector *c, struct python_dist *d)
{
	vec_each (file, &d->files) {
		const char *at = arena_printf(c->a, "%s/%s", d->place->dir, *file);

		add_file(c, d->place->root, root_walk(d->place->root, at)->path,
			arena_printf(c->a, "%s/%s", d->place->path, *file),
			arena_printf(c->a, "metadata of %s", d->name));
	}
	d->is_taken = true;
}

static void note_needs(struct collector *c)
{
	vec_each (d, &c->dists)
		for (size_t i = 0; d->is_taken && i < d->needs.len; i++)
			*map_at(&c->dist_names, c->a, d->needs.at[i]) = c;
}

// Metadata of what is in the image comes along where something may ask for it, and what its entry
// points lead to where their group is asked for.
static struct err *follow_dists(struct collector *c, bool *any)
{
	if (!reads_metadata(c))
		return NULL;
	if (!c->has_dists)
		TRY(python_dists_find(&c->path, c->a, &c->dists));
	c->has_dists = true;
	// It wants to see all that a program's distribution requires before it starts the program.
	if (is_there(map_get(&c->modules, "pkg_resources"), c))
		note_needs(c);
	vec_each (d, &c->dists) {
		if (!d->is_taken && is_wanted(c, d)) {
			take_dist(c, d);
			*any = true;
		}
		for (size_t i = 0; d->is_taken && i < d->entries.len; i++)
			TRY(follow_entry(c, d, &d->entries.at[i]));
	}
	return NULL;
}

// What the names in the script's and its packages' sources bring, until they bring nothing new.
static struct err *load_named(struct collector *c)
{
	for (bool any = true; any;) {
		any = false;
		for (const struct python_hidden *h = python_hidden; h->trigger; h++)
			if (h->is_name && map_get(&c->names, h->trigger))
				TRY(load_hidden(c, h->trigger, true));
		spread_names(c);
		TRY(follow_called(c, &any));
		TRY(follow_dists(c, &any));
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
	add_note(c,
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
	add_note(c,
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
		add_note(c,
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
		struct python_file *f = add_file(c, c->o->sysroot, w->path, path, reason);
		const struct python_place place = {c->o->sysroot, dir, dir, NULL, true, false};
		const struct python_found found = {.place = &place, .file = w->path, .path = path};
		struct span bytes = {0};

		if (f)
			f->is_extension = ends_with(*name, ".so");
		if (ends_with(*name, ".py"))
			TRY(python_bytecode(&c->path, &found, c->o->mtime, c->a, &path, &bytes));
		if (bytes.ptr && (f = add_file(c, c->o->sysroot, w->path, path, reason)))
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
	suggest_plugins(c);
	qsort(out->files.at, out->files.len, sizeof(*out->files.at), by_path);
	return NULL;
}
