// From closures to the tree of an image, and the proof that a loader finds the same inside it.
#pragma once
#include "builder/spec.h"
#include "builder/sysroot.h"
#include "builder/tree.h"
#include "ldd/hidden.h"

// One program on its way into an image.
struct installed {
	struct program program;
	struct closure closure; // in the sysroot
	struct suggestions suggestions;
	const char *path;     // in the image, as it is started
	struct closure proof; // inside the image
};

// The image of one platform before it is packed.
struct assembly {
	const struct spec *spec;
	struct platform platform;
	const struct sysroot *sysroot; // of the first program
	struct {
		struct installed **at;
		size_t len, cap;
	} programs, included; // what --include brought that loads libraries itself
	struct tree *tree;
	struct root *inside; // the finished tree
	struct resolver *inside_resolver;
	struct strings warnings;
	const char
		*glibc_floor; // "2.34": the oldest glibc it would start with; NULL: none asked for
};

// Puts programs, libraries, links, a minimal ld.so.cache where one is needed, --include and --add
// into a->tree and finishes it.
must_check struct err *assemble(struct assembly *a, struct root *host);
// Resolves every program again inside the finished tree: the answer must be the same set of files,
// else ERR_NO_START.
must_check struct err *assemble_prove(struct assembly *a);
void assembly_drop(struct assembly *a);

// Files of the tree `from` that match a --include pattern and no --exclude one (builder/include.c).
// "**" stands for any number of directories, other signs stay within one name; a pattern for a
// directory takes all below it. The pattern is absolute. Each path once, links among its parents.
must_check struct err *include_files(struct root *from, const char *pattern,
	const struct strings *exclude, struct arena *a, struct strings *paths);
bool is_excluded(const char *path, const struct strings *exclude);
// --add: a file, a link's target or a directory with all below it, of the host.
must_check struct err *add_files(struct tree *t, struct root *host, struct root *like,
	const struct added_file *f, struct arena *a);
