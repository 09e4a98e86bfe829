// Between the parts of python_collect: modules found and queued (python_load.c), what one module
// imports (python_follow.c), metadata of distributions (python_metadata.c), the story (python.c).
#pragma once
#include "base/map.h"
#include "builder/python.h"
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

static inline bool is_library(const struct module *m)
{
	return m->found.place && m->found.place->is_library;
}

static inline bool is_there(const struct module *m, const struct collector *c)
{
	return m && m != &c->missing;
}

// A file of the image; NULL: it is among them already.
struct python_file *python_add_file(struct collector *c, struct root *root, const char *source,
	const char *path, const char *reason);
// Each text once.
void python_add_note(struct collector *c, struct python_note note);
// A module's file, its bytecode, and the .pth file that leads to it.
must_check struct err *python_add_found(struct collector *c, struct module *m, const char *reason);
// The module of that name with all packages above it, found and queued; c->missing for none.
must_check struct err *python_load(
	struct collector *c, const char *name, const struct cause *why, struct module **out);
must_check struct err *python_load_all(
	struct collector *c, struct module *package, const struct strings *names, const char *by);
// Where to look for a module: sys.path, or the places of its package. *n 0: nowhere.
must_check struct err *python_places(struct collector *c, const char *name, const struct cause *why,
	const struct python_place **at, size_t *n);
// What python_known.c has for that module, or that name in a source.
must_check struct err *python_load_hidden(struct collector *c, const char *trigger, bool is_name);
// Loads what a queued module imports.
must_check struct err *python_follow(struct collector *c, struct module *m);
// Names in functions that are called call others.
void python_spread_names(struct collector *c);
// Imports in functions of the library that are called, as far as names tell.
must_check struct err *python_follow_called(struct collector *c, bool *any);
// Takes metadata, and loads what entry points lead to where somebody asks for their group.
must_check struct err *python_follow_dists(struct collector *c, bool *any);
void python_suggest_plugins(struct collector *c);
