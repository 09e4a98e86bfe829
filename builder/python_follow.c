// What one module brings: its imports, those in functions that are called, encodings, and names in
// C code.
#include <stdio.h>
#include <string.h>

#include "builder/python_impl.h"

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
		TRY(python_load_hidden(c, moves, false));
		return part ? python_load_hidden(c, arena_printf(c->a, "%s.%s", moves, part), false)
			    : NULL;
	}
	if (!at || (at[7] && at[7] != '.'))
		return NULL;
	const char *vendored = arena_printf(c->a, "%.*s._vendor%s", (int)(at - name), name, at + 7);

	TRY(python_load(c, vendored, why, is_there(*out, c) ? &m : out));
	return part ? python_load(c, arena_printf(c->a, "%s.%s", vendored, part), why, &m) : NULL;
}

// Is it one that six, which is there, makes at run time of a module of the library?
static bool is_made_by_six(struct collector *c, const char *name)
{
	const char *moves = strstr(name, "six.moves");

	if (!moves)
		return false;
	const char *six = arena_printf(c->a, "%.*s", (int)(moves + strlen("six") - name), name);

	if (!is_there(map_get(&c->modules, six), c))
		return false;
	for (const struct python_hidden *h = python_hidden; h->trigger; h++)
		if (strcmp(h->trigger, moves) == 0)
			return true;
	return strcmp(moves, "six.moves") == 0;
}

// The module an import names, and the one in it that it may name too.
static struct err *take_import(struct collector *c, struct module *m, const char *name,
	const struct python_import *i, const struct cause *why)
{
	struct module *found, *part;

	TRY(python_load(c, name, why, &found));
	TRY(load_stand_in(c, name, i->name, why, &found));
	if (!is_there(found, c)) {
		if (!is_made_by_six(c, name))
			put_off(c, m, i, name, why);
		return NULL;
	}
	if (!i->name || !found->found.is_package)
		return NULL;
	if (strcmp(i->name, "*") != 0)
		return python_load(c, arena_printf(c->a, "%s.%s", name, i->name), why, &part);
	found->is_starred = true;
	return found->is_followed ? python_load_all(c, found, &found->all, why->by) : NULL;
}

// The interpreter refuses it with an ImportError, whatever files there are.
static void say_above_top(
	struct collector *c, const struct module *m, const struct python_import *i, bool is_hard)
{
	if (is_library(m) || i->is_guarded)
		return;
	python_add_note(c,
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

	if (!function || (in_class && strncmp(function, "__", 2) == 0))
		return in_class && map_get(&c->names, in_class);
	if (in_class && !map_get(&c->names, in_class) && !map_get(&c->classes, in_class))
		return false; // nobody has one
	if (!map_get(&c->names, function))
		return false;
	for (const char *const *name = common; *name; name++)
		if (strcmp(function, *name) == 0)
			return false;
	return true;
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
	if (b->is_live)
		return false;
	bool is_called = is_live(c, b->function, b->in_class);
	bool is_named = !b->function && b->in_class && map_get(&c->classes, b->in_class);

	if (!(is_called || (is_named && !b->is_named)))
		return false;
	b->is_live = is_called;
	b->is_named = true;
	vec_each (name, &b->names)
		*map_at(is_called ? &c->names : &c->classes, c->a, *name) = c;
	return true;
}

void python_spread_names(struct collector *c)
{
	for (bool any = true; any;) {
		any = false;
		vec_each (s, &c->sources)
			vec_each (b, &(*s)->bodies)
				any |= spread_body(c, b);
	}
}

// Imports in functions of the library that are called, as far as names tell.
struct err *python_follow_called(struct collector *c, bool *any)
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
	TRY(python_load(c, arena_printf(c->a, "encodings.%s", plain), &why, &m));
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
	return python_load(c, arena_printf(c->a, "encodings.%.*s", (int)(to - at), at), &why, &m);
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

		TRY(python_places(c, m->name, &why, &at, &n));
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
			python_add_note(c,
				(struct python_note){.is_suggestion = true,
					.by = arena_printf(c->a, "%s:%u", m->label, *line),
					.text = arena_printf(c->a,
						"%s:%u imports a module whose name is made at "
						"run time: --python-module NAME takes it",
						m->label, *line)});
	return m->is_starred ? python_load_all(c, m, &m->all, m->label) : NULL;
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
		python_add_note(c,
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
			TRY(python_load(c, name, &why, &found));
	}
	return NULL;
}

struct err *python_follow(struct collector *c, struct module *m)
{
	m->is_followed = true;
	if (m->found.kind == MODULE_BYTECODE)
		python_add_note(c,
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
	return python_load_hidden(c, m->name, false);
}
