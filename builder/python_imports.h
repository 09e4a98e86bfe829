// What one Python source file imports, and under which circumstances.
#pragma once
#include "base/map.h"
#include "builder/python_lex.h"

struct python_import {
	const char *module; // "a.b"; "" where there are only dots
	const char *name;   // y of `from x import y`, "*"; NULL: `import x`
	unsigned level;     // leading dots
	unsigned line;
	const char *function; // the outermost one it stands in; NULL: none
	const char *in_class; // the outermost one, where the function is its method; NULL: none
	bool is_getattr;      // that one is a module's __getattr__, which `from x import y` calls
	const char *wanted;   // and the y it is for; NULL: any
	bool is_guarded;      // in a try block that expects it to fail
	bool is_conditional;  // in a branch that may not be taken, for all that can be seen
	// In a handler of the imports [instead_first, instead_end), to be tried when those fail.
	size_t instead_first, instead_end;
	bool is_needless; // for who follows them, in their order
};

// The names in a function, in a class outside its functions, or outside of all these, which comes
// first.
struct python_body {
	const char *function; // NULL: of the class
	const char *in_class; // the outermost one; NULL: none
	struct strings names;
	bool is_live, is_named; // for who follows calls
};

struct python_source {
	struct {
		struct python_import *at;
		size_t len, cap;
	} imports; // in their order; those of branches never taken are left out
	struct {
		struct python_body *at;
		size_t len, cap;
	} bodies;
	struct strings all;       // of __all__
	struct strings encodings; // named where text is encoded or decoded
	struct strings texts;     // string literals of one word; not where bodies are wanted
	struct {
		unsigned *at;
		size_t len, cap;
	} computed;         // lines that import a name made at run time
	bool extends_path;  // its __path__ goes over all of sys.path
	bool edits_modules; // it puts modules in place by itself
};

struct python_scan_options {
	const char *name;  // for messages
	unsigned minor;    // of Python 3.x
	bool is_main;      // __name__ == "__main__"
	struct map *names; // gets every name that stands in it; NULL: not wanted
	struct arena *names_arena;
	bool wants_bodies;
};

must_check struct err *python_scan(const struct python_scan_options *o, struct span text,
	struct arena *a, struct python_source *out);

// What a condition comes to on Linux, with that Python, before any type checker.
enum truth { FALSE, TRUE, UNKNOWN };
enum truth python_truth(const struct python_scan_options *o, const struct token *at, size_t n);
