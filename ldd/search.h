// Where a loader looks for a library: glibc's and musl's rules, applied to one name.
#pragma once
#include "ldd/abi.h"
#include "ldd/ldconf.h"

enum libc_kind { LIBC_NONE, LIBC_GLIBC, LIBC_MUSL };

// How a library was found; the words stand in `ldd --format json` (rule_text).
enum rule {
	RULE_PROGRAM,      // it is the program itself
	RULE_INTERPRETER,  // PT_INTERP
	RULE_PRELOAD,      // /etc/ld.so.preload
	RULE_PATH,         // its name holds a slash
	RULE_RPATH,        // DT_RPATH of its loader or of one above
	RULE_LIBRARY_PATH, // LD_LIBRARY_PATH
	RULE_RUNPATH,
	RULE_CACHE, // ld.so.cache
	RULE_CONF,  // ld.so.conf, where the root has no cache
	RULE_DEFAULT,
	RULE_BESIDE, // moved into the image from outside the sysroot
};
const char *rule_text(enum rule r);

// One file of one root, read once however many programs want it.
struct object_file {
	struct root *root;
	const char *path;        // as found, inside the root; links in it are not resolved
	const struct walk *walk; // the real file, and the links on the way
	struct elf elf;
	void *memo; // ldd/verify.c keeps what it knows of the file here
};

// Everything one call of imgmin remembers: roots, files read, names resolved.
struct resolver;

struct resolver_options {
	struct root *sysroot; // the tree that the loader sees as "/"
	const char *const
		*library_path; // LD_LIBRARY_PATH; host paths, or "=DIR" inside the sysroot
	size_t nlibrary_path;
	const char *const *hwcaps; // glibc-hwcaps subdirectories to prefer, best first
	size_t nhwcaps;
	const char
		*platform_string; // what $PLATFORM stands for, NULL: elements with it are dropped
	const char *workdir;      // the image's WorkingDir, for relative names; NULL: "/"
};
struct resolver *resolver_new(const struct resolver_options *o);
void resolver_drop(struct resolver **r);
struct root *resolver_sysroot(const struct resolver *r);
struct arena *resolver_arena(struct resolver *r);
// The file at path of root, read and remembered; *out is NULL where nothing is there. Opening a
// FIFO, device or directory gives an object_file whose elf.not_elf says so.
must_check struct err *resolver_file(
	struct resolver *r, struct root *root, const char *path, const struct object_file **out);
// Warnings that came up on the way (a damaged cache, a cache made up from ld.so.conf), each once.
const struct strings *resolver_warnings(const struct resolver *r);
