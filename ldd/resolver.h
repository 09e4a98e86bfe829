// What one call of imgmin remembers while it resolves: files read once, loaders and their paths.
#pragma once
#include "base/map.h"
#include "ldd/abi.h"
#include "ldd/ldconf.h"

// One file of one root, read once however many programs want it.
struct object_file {
	struct root *root;
	const char *path;        // as found, inside the root; links in it are not resolved
	const struct walk *walk; // the real file, and the links on the way
	struct elf elf;
	void *memo; // ldd/verify.c keeps what it knows of the file here
};

struct resolver_options {
	struct root *sysroot; // the tree that the loader sees as "/"
	struct root *host;    // this machine's "/", for host paths of library_path; NULL: sysroot
	// LD_LIBRARY_PATH: host directories, or "=DIR" inside the sysroot.
	const char *const *library_path;
	size_t nlibrary_path;
	// glibc-hwcaps subdirectories to prefer, best first.
	const char *const *hwcaps;
	size_t nhwcaps;
	// What $PLATFORM stands for; NULL: path elements with it are dropped.
	const char *platform_string;
	// For an image, which does not take over /etc/ld.so.preload and /etc/nsswitch.conf of its
	// sysroot: both count as not there.
	bool for_image;
	// The image's WorkingDir, for relative names; NULL: "/".
	const char *workdir;
	// A directory of the sysroot whose files are the user's own: a bundle; NULL: none.
	const char *own_dir;
};

// The directories of an LD_LIBRARY_PATH that holds inside the sysroot, as library_path wants them
// ("=DIR"). An empty element is the working directory (elf/dl-load.c fillin_rpath); NULL has none.
void library_path_inside(struct arena *a, struct strings *out, const char *text);

struct resolver;
// The user's own: outside the sysroot, or below own_dir.
bool resolver_is_own(const struct resolver *r, const struct object_file *f);
struct resolver *resolver_new(const struct resolver_options *o);
void resolver_drop(struct resolver **r);
const struct resolver_options *resolver_options(const struct resolver *r);
struct root *resolver_sysroot(const struct resolver *r);
struct arena *resolver_arena(struct resolver *r);

// The file at path of root, read and remembered; *out is NULL where nothing is there. What is no
// regular file (a FIFO, a device, a directory) is never opened: its elf.not_elf says what it is.
must_check struct err *resolver_file(
	struct resolver *r, struct root *root, const char *path, const struct object_file **out);

// From now on the file, under the path it was read by, counts as one without these DT_NEEDED
// entries: what it will be once ldd/rewrite has taken them out.
must_check struct err *resolver_forget_needed(
	struct resolver *r, struct root *root, const char *path, const struct strings *names);

// One more place looked at for the process of `program`. An error where there were a million:
// thousands of names in a run path of thousands of directories would take hours and all memory.
must_check struct err *resolver_count_place(
	struct resolver *r, const void *program, const char *name);

// Warnings that came up on the way (a damaged cache, a cache made up from ld.so.conf), each once.
const struct strings *resolver_warnings(const struct resolver *r);
void resolver_warn(struct resolver *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

enum libc_kind { LIBC_NONE, LIBC_GLIBC, LIBC_MUSL };

// A dynamic loader as the programs of one ABI meet it in the sysroot, with the paths built into it.
struct loader {
	enum libc_kind kind;
	const struct elf *abi;          // a program it loads
	const char *path;               // PT_INTERP as the programs say it; NULL: none
	const struct object_file *file; // NULL: missing
	struct strings system_dirs;     // absolute, without a slash at the end
	const char *dirs_file;          // of the sysroot, that names them to musl; NULL: none
	const char *lib;                // what $LIB stands for: "lib/arm-linux-gnueabihf"
	struct map system_found;        // ldd/search.c: names already looked for
};
// The loader for programs like e. Without PT_INTERP, `kind_hint` decides between the libcs.
must_check struct err *resolver_loader(
	struct resolver *r, const struct elf *e, enum libc_kind kind_hint, struct loader **out);

// The paths that ld.so.cache, or ld.so.conf where there is no cache, has for a name; for libraries
// of e's ABI, in order, without glibc-hwcaps entries. *is_conf says which of the two.
must_check struct err *resolver_cached(struct resolver *r, const struct elf *e, const char *name,
	struct strings *paths, bool *is_conf);
