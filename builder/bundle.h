// A directory with many ELF files as one program: PyInstaller's onedir, a Qt program, a Node or
// Java tree. It stands at one place of the image, and of the sysroot while libraries are looked
// for.
#pragma once
#include "builder/assemble.h"

// Is the path a directory, or a link to one?
bool bundle_is(const char *path);

// Reads the directory and finds its program: the executable named like it, else the only one; the
// one that --entrypoint names goes first. Then opens it as program_open does, with a sysroot that
// holds the bundle: at /opt/NAME, where --install says, or where it lies in the sysroot.
// ERR_USAGE where it is not clear what to start, ERR_NO_START where there is nothing to. *out is
// the program's bundle; bundle_drop it once nothing refers to the program any more.
must_check struct err *bundle_open(struct sysroots *s, const struct spec *spec, const char *path,
	const struct platform *asked, struct arena *a, struct program *out);
void bundle_drop(struct bundle **b);

// Does a path of the image belong to it? NULL holds nothing.
bool bundle_holds(const struct bundle *b, const char *path);

// What the program and all other ELF files of the bundle load: p->closure, with what is hidden, and
// the closures of the others, which the program opens as plugins or starts. Where they find each
// other by no rule of their own, a->container gets an LD_LIBRARY_PATH. Problems of the program
// stand in its closure, those of the others become warnings.
must_check struct err *bundle_resolve(struct assembly *a, struct installed *p);
// Of 32-bit ARM the plugins' variant counts too: raises *needed, or ERR_NO_START where it is above
// `asked` (NULL: nothing was).
must_check struct err *bundle_check_platform(
	const struct bundle *b, const struct platform *asked, struct platform *needed);

// All files of the bundle, and what its ELF files load, into the tree.
must_check struct err *bundle_assemble(struct assembly *a, struct installed *p);

// ---- builder/bundle_files.c ----

struct bundle_file {
	const char *path; // below the bundle: "/lib/libx.so"
	mode_t mode;
	bool is_elf; // a program or shared library
	bool is_program;
};
struct bundle_files {
	struct bundle_file *at;
	size_t len, cap;
};

// All below the top of `root`, parents first, in byte order: at most 100,000 files, 64 directories
// deep. Devices, FIFOs and sockets are among them.
must_check struct err *bundle_files_read(
	struct root *root, const char *shown, struct arena *a, struct bundle_files *out);
// Which one to start, as a path below the bundle, which is called `name`. `at` is its place in the
// image, `word` the first of --entrypoint (NULL: none).
must_check struct err *bundle_files_entry(const struct bundle_files *files, struct root *root,
	const char *shown, const char *name, const char *at, const char *word, struct arena *a,
	const char **out);
