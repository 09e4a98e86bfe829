// A read-only file tree and the one walk through it: links are followed inside the tree only.
// A host directory is one, the files of an image are one, the tree a build assembles is one.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/span.h"

// What is known of one file without opening it.
struct node {
	mode_t mode; // type and permissions
	uid_t uid;
	gid_t gid;
	uint64_t size;
	int64_t mtime;      // seconds
	uint64_t dev, ino;  // equal for one file under two names; 0, 0 where unknown
	const char *target; // of a symbolic link
};

struct root;
struct file; // an open regular file

// A link that a walk passed: at `path` (whose parents are real directories) stands `target`.
struct link {
	const char *path, *target;
};

// Where a path leads. Belongs to the root and lives as long as it.
struct walk {
	int error; // 0, or ENOENT, ENOTDIR, ELOOP, EACCES, EIO…: then only links is meaningful
	const char *path; // canonical: absolute inside the root, no links, no "." or ".."
	struct node node;
	const struct link *links; // in the order they were passed
	size_t nlinks;
};

// Follows path from the root of r like the kernel does after chroot(2): ".." stops at the root,
// absolute link targets start there again, 40 links are too many (path_resolution(7)). A path that
// is not absolute is taken from "/". Answers are remembered: the tree must not change meanwhile.
const struct walk *root_walk(struct root *r, const char *path);
// The same, but a link in the last place is not followed.
const struct walk *root_walk_parent(struct root *r, const char *path);
// Why a walk that failed did, for messages: "No such file or directory", "a link that leads
// nowhere".
const char *root_why(struct root *r, const char *path);
// An error where a walk so far met one that says nothing of the tree: EIO, ENOMEM and the like.
// Such a path counted as not there; whoever draws conclusions from that has to ask here first.
must_check struct err *root_fault(struct root *r);
// path, absolute, without ".", ".." and doubled slashes, as text alone: ".." stops at the root.
char *path_lexical(struct arena *a, const char *path);
// The last name of a path, and the text before its last slash ("" where there is none).
const char *path_base(const char *path);
const char *path_dir(struct arena *a, const char *path);
// Is the canonical path `dir` itself or below it?
bool path_is_below(const char *path, const char *dir);
// Opens the regular file at a canonical path (walk.path). Anything else, a FIFO or device among
// them, is an error at once and never blocks.
must_check struct err *root_open_file(struct root *r, const char *path, struct file **out);
// The names in the directory at a canonical path, in byte order, without "." and "..".
must_check struct err *root_list(
	struct root *r, const char *path, struct arena *a, struct strings *names);
// The whole file at path (walked), at most max bytes; NULL span for none there.
must_check struct err *root_read(
	struct root *r, const char *path, size_t max, struct arena *a, struct span *out);
// For messages: path as the user would find it ("/srv/sysroot/usr/lib/x").
const char *root_host_path(struct root *r, const char *path, struct arena *a);
// Is r the host's own "/"?
bool root_is_host(const struct root *r);
void root_drop(struct root **r);

uint64_t file_size(const struct file *f);
// n bytes from off on; fewer only at the end of the file, *got says how many.
must_check struct err *file_pread(struct file *f, void *buf, size_t n, uint64_t off, size_t *got);
void file_drop(struct file **f);

// Extended attributes of the file at a canonical path, sorted by name; none where unsupported.
struct xattr {
	const char *name;
	struct span value;
};
struct xattrs {
	struct xattr *at;
	size_t len, cap;
};
must_check struct err *root_xattrs(
	struct root *r, const char *path, struct arena *a, struct xattrs *out);

// A directory of this machine.
must_check struct err *root_open_dir(const char *dir, struct root **out);

// A tree that is `below`, but at the canonical path `at` (not "/") stands `top`, which it owns.
// What `hides` says so of, by its path, is not there; NULL: nothing. `below` must outlive it.
struct root *root_mount(
	struct root *below, struct root *top, const char *at, bool (*hides)(const char *path));
