// Smaller files: every ELF file of an image's tree, rewritten without what no loader reads.
#pragma once
#include "builder/tree.h"

enum strip { STRIP_NONE, STRIP_SECTIONS, STRIP_ALL }; // --no-strip, --strip, --strip=all

struct shrink_options {
	enum strip strip;
	uint64_t page_size; // 0: by the machine
};

struct shrunk {
	size_t files;           // rewritten
	uint64_t before, after; // their bytes
	struct strings
		as_they_are; // "/usr/bin/x: WHY", those that were left as they are for a reason
};

// What goes from the DT_NEEDED of one program (ldd/unbound.h).
struct dropped_needed {
	const char *path; // in the image
	const struct strings *names;
};
// Replaces the tree's ELF files by smaller ones that are read from the old ones as they are asked
// for, and tells each entry what its segments hold; nothing is written. Call it before tree_finish;
// strings live in the tree.
must_check struct err *shrink_tree(struct tree *t, const struct shrink_options *o,
	const struct dropped_needed *dropped, size_t ndropped, struct shrunk *out);
