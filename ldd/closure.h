// What a program's loader would load, in its order, each object with the reason it is there.
#pragma once
#include "ldd/search.h"

struct object {
	const char *name;               // as it was first asked for: what ld.so prints
	const struct object_file *file; // NULL: not found
	enum rule rule;
	const char *rule_detail;      // the directory or cache entry that found it; NULL: none
	const struct object *rule_of; // whose run path or $ORIGIN found it; NULL: nobody's
	struct object *loader; // who asked first, the program for the preloaded; NULL for itself
	struct {
		struct object **at;
		size_t len, cap;
	} wanted_by;          // everyone who asked, in order
	struct strings names; // every name it was asked by
	// Other ways to the same file that a search came by: their links must be in an image too.
	struct {
		const struct object_file **at;
		size_t len, cap;
	} aliases;
	const char *hidden;        // why it is here though no DT_NEEDED asks for it; NULL: one does
	bool is_skipped_optional;  // DT_AUXILIARY that is not there
	struct run_path *run_path; // ldd/search.c keeps its run path here, taken apart
};

enum problem_kind {
	PROBLEM_MISSING, // library not found
	PROBLEM_FATAL,   // a file the loader stops at
	PROBLEM_INTERPRETER,
	PROBLEM_VERSION, // symbol version not defined by its provider
	PROBLEM_SYMBOL,  // undefined symbol
	PROBLEM_ABI,     // machine, float ABI, ISA level, variant
	PROBLEM_FILE,    // the program itself is no usable ELF file
};
const char *problem_kind_text(enum problem_kind k);

struct problem {
	enum problem_kind kind;
	bool is_warning;         // the program starts all the same
	const char *name;        // the library or symbol
	const char *text;        // one line, names wanter and cause
	struct strings searched; // every place looked at, with what was there
	const char *hint;        // what to do; NULL: nothing special
};

struct closure {
	struct {
		struct object **at;
		size_t len, cap;
	} objects; // [0] is the program; then load order as ld.so's trace has it
	const struct object_file *interpreter; // NULL: static, a library, or missing
	const char *interpreter_path;          // PT_INTERP, NULL: none
	enum libc_kind libc;
	struct {
		struct problem *at;
		size_t len, cap;
	} problems;
	struct strings notes; // said once per program: candidates skipped and why, odd run paths
	struct map known;     // the loaded object of a name
	const struct closure *process; // of a plugin: the program's that loads it; NULL: none
};

// Resolves what the loader of the program at (root, path) would load. Problems of the program are
// no errors: they stand in out->problems. Everything lives as long as the resolver.
// Rules: elf.md; glibc elf/dl-load.c, elf/dl-deps.c, elf/rtld.c; musl ldso/dynlink.c.
must_check struct err *closure_resolve(
	struct resolver *r, struct root *root, const char *path, struct closure *out);

// The same for a library that the program of `process` opens by its path at run time: objects[0] is
// the library, then what it needs. What the process has loaded serves before anything is searched;
// the program's DT_RPATH serves too, as dlopen's caller stands above the library.
must_check struct err *closure_resolve_plugin(struct resolver *r, const struct closure *process,
	struct root *root, const char *path, struct closure *out);

// Adds a library (and what it needs) that no DT_NEEDED asks for, as dlopen by `by` would find it.
// Already loaded: nothing happens. Not found: *found is false and no problem is recorded.
must_check struct err *closure_add_hidden(struct resolver *r, struct closure *c, struct object *by,
	const char *name, const char *why, bool *found);

// True where a problem keeps the program from starting.
bool closure_is_broken(const struct closure *c);
// ERR_NO_START that sums up what keeps the program from starting, with the first problem's hint;
// NULL where it starts.
must_check struct err *closure_error(const struct closure *c, const char *program);
struct problem *closure_problem(struct resolver *r, struct closure *c, enum problem_kind kind,
	const char *name, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
