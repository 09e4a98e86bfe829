// From closures to the tree of an image, and the proof that a loader finds the same inside it.
#pragma once
#include "builder/data.h"
#include "builder/sysroot.h"
#include "builder/tree.h"
#include "ldd/hidden.h"

// One program on its way into an image.
struct installed {
	struct program program;
	const struct platform *asserted; // NULL: its platform is what it is
	struct closure closure;          // in the sysroot
	struct suggestions suggestions;
	const char *path;        // in the image, as it is started
	const char *script_path; // in the image, of the script that it interprets; NULL: none
	const char *placed;      // where the file lies then, without links; NULL: as in the sysroot
	const char *reason;      // NULL: "the program"
	struct strings unbound;  // DT_NEEDED entries that nothing binds to, and that go
	struct closure proof;    // inside the image
	const struct installed *in; // the program that opens this library; NULL: it is started
	bool is_complete;           // of what is included: to be found again inside the image
	bool is_slimmed;            // its sysroot is an image made smaller
};

// A script on its way into an image.
struct scripted {
	struct root *root; // where the script is; NULL: the interpreter is started without one
	const char *path;  // canonical, in root
	const char *image_path;
	const char *interpreter; // in the sysroot
	const char *module;      // "python3 -m MODULE"; NULL: none
	const char *text;        // "sh -c TEXT"; NULL: none
};

// The option that brings files of the sysroot: slim calls it otherwise.
static inline const char *include_option(bool is_image)
{
	return is_image ? "--keep" : "--include";
}

// Where such files are.
static inline const char *sysroot_word(bool is_image)
{
	return is_image ? "image" : "sysroot";
}

// The image of one platform before it is packed.
struct assembly {
	const struct spec *spec;
	const struct container *container;
	struct platform platform;
	const struct sysroot *sysroot; // of the first program
	bool is_image;                 // the sysroot is an image made smaller
	struct {
		struct installed **at;
		size_t len, cap;
	} programs, included; // what else came that loads libraries itself
	struct {
		struct scripted *at;
		size_t len, cap;
	} scripts;
	struct strings named; // files of the sysroot that the command names
	struct data_needs data;
	struct shrunk shrunk;
	struct tree *tree;
	struct root *inside; // the finished tree
	struct resolver *inside_resolver;
	struct strings warnings, notes, details; // details are told with -v
	struct strings commands_left; // that scripts call and --include-commands would take
	size_t traced;                // files that --trace took
	const char
		*glibc_floor; // "2.34": the oldest glibc it would start with; NULL: none asked for
};

// Puts programs, libraries, links, --include, --add, runtime data and a minimal ld.so.cache where
// one is needed into a->tree, which the caller made, and finishes it.
must_check struct err *assemble(struct assembly *a, struct root *host);
void assembly_drop(struct assembly *a);

// A path of the sysroot, with all links on the way; of a link what it leads to, of an ELF file its
// libraries. --exclude is heeded.
must_check struct err *assembly_take(
	struct assembly *a, const char *path, enum part part, const char *reason);
// What a closure holds besides objects[0].
must_check struct err *assembly_take_closure(struct assembly *a, const struct installed *p);
// What an ELF file of the tree loads: `path` in `from`. Anything else is left alone.
must_check struct err *assembly_take_libraries(
	struct assembly *a, struct root *from, const char *path);

// Resolves every program, and what else came complete, again inside the finished tree: the answer
// must be the same set of files, else ERR_NO_START (builder/prove.c).
must_check struct err *assembly_prove(struct assembly *a);

// A minimal /etc/ld.so.cache where a library can be found by no other rule, and musl's list of
// directories (builder/loader_cache.c).
must_check struct err *assembly_add_loader_cache(struct assembly *a);

// Files of the tree `from` that match a --include pattern and no --exclude one (builder/include.c).
// "**" stands for any number of directories, other signs stay within one name; a pattern for a
// directory takes all below it. The pattern is absolute. Each path once, links among its parents.
// is_image: `from` is called so in messages.
must_check struct err *include_files(struct root *from, bool is_image, const char *pattern,
	const struct strings *exclude, struct arena *a, struct strings *paths);
// Does such a pattern match anything there? Directories that cannot be read may hold it.
bool include_matches(struct root *from, const char *pattern, struct arena *a);
bool is_excluded(const char *path, const struct strings *exclude);
// --add: a file, a link's target or a directory with all below it, of the host.
must_check struct err *add_files(struct tree *t, struct root *host, struct root *like,
	const struct added_file *f, struct arena *a);
