// The files an image will hold: each path once, with where its bytes come from and why it is there.
#pragma once
#include "ldd/closure.h"
#include "oci/layer.h"

// Which layer a file belongs to, the most stable first.
enum part { PART_LIBC, PART_LIBRARIES, PART_DATA, PART_PROGRAM, PART_COUNT };
const char *part_text(enum part p);

struct tree_entry {
	struct entry entry;
	enum part part;
	const char *reason; // "needed by sensor", "the program", "--add"
	bool is_implied;    // a directory that nobody named: made for what lies in it
	uint64_t ino;       // of an image made smaller: equal for hard links of one file; 0: none
	uint64_t segments;  // bytes of it that PT_LOADs hold; 0: no file that is loaded
	// What the file was before it was made smaller (tree_replace); NULL: it is as it was.
	struct root *old_root;
	const char *old_source;
	uint64_t old_size;
};

struct tree;
struct tree *tree_new(int64_t mtime);
// Of an image made smaller: what comes from `like` keeps its owners, times and attributes, and its
// directories are as they are there.
struct tree *tree_new_like(struct root *like);
void tree_drop(struct tree **t);
struct arena *tree_arena(struct tree *t);

// Each adds one path (canonical; parents come by themselves, as directories of mode 0755). What is
// there already with the same content stays, with the lower part of the two; different content, or
// a path below something that is no directory, is an error that names both reasons. Owners are 0,
// times the tree's, unless it is like another.

// The regular file at canonical path `source` of `from`; mode 0: that of the source.
must_check struct err *tree_add_file(struct tree *t, const char *path, struct root *from,
	const char *source, mode_t mode, enum part part, const char *reason);
must_check struct err *tree_add_bytes(struct tree *t, const char *path, struct span bytes,
	mode_t mode, enum part part, const char *reason);
must_check struct err *tree_add_link(
	struct tree *t, const char *path, const char *target, enum part part, const char *reason);
must_check struct err *tree_add_dir(
	struct tree *t, const char *path, mode_t mode, enum part part, const char *reason);
// A file, link or directory of the same path in `from`, after the links that lead there.
must_check struct err *tree_add_walk(struct tree *t, struct root *from, const struct walk *w,
	enum part part, const char *reason);

// Where a path asked for will really lie: links among its parents, in the tree or in `like` (the
// sysroot, may be NULL), are followed, and those of `like` are added; a slash at the end asks for
// the directory, so that a link in the last place is followed too. The result lives in the tree.
must_check struct err *tree_place(
	struct tree *t, struct root *like, const char *path, enum part part, const char **out);

// Are the file's bytes those of a regular file of the tree, as it was before tree_replace?
must_check struct err *tree_is_same(
	const struct tree_entry *e, struct root *from, const char *source, bool *same);

// Takes an entry out again; directories made for it stay.
void tree_forget(struct tree *t, struct tree_entry *e);
// The root of files that take the place of others; it ends with the tree. At most one.
void tree_adopt(struct tree *t, struct root *root);
// Another file takes the place of an entry's: `source` of `from`, of that many bytes.
void tree_replace(
	struct tree *t, struct tree_entry *e, struct root *from, const char *source, uint64_t size);

// All entries sorted by path, parents before children. After this nothing can be added.
void tree_finish(struct tree *t);
struct tree_entry *const *tree_entries(const struct tree *t, size_t *n);
// NULL where the path is not in the tree.
const struct tree_entry *tree_find(const struct tree *t, const char *path);
// The finished tree as a root, for resolving inside it. Ends before the tree does.
struct root *tree_root(struct tree *t);
