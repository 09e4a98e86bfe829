// Which tree the libraries of a program come from: the one given, be it a directory or an image,
// this machine's, or the one that a cross toolchain brought along.
#pragma once
#include "ldd/closure.h"

struct sysroot {
	const char
		*place; // "/", "/usr/arm-linux-gnueabihf", "docker.io/library/debian:12@sha256:…"
	struct root *root;
	struct resolver *resolver;
	bool is_image; // its files are at no path of this machine
	// Why this one where nobody asked for it, and which image; NULL: this machine's own, or the
	// directory given.
	const char *told;
};

struct bundle;
struct places;
struct sysroots;

// "[PLATFORM=]SRC" in its parts; *is_for_all: without a platform. ERR_USAGE for one that is none.
must_check struct err *sysroot_read(
	const char *text, struct platform *platform, bool *is_for_all, const char **source);

struct sysroots_options {
	const struct strings *given;        // --sysroot: "[PLATFORM=]SRC", in order
	struct places *places;              // for images; lives longer. NULL: directories alone
	const struct strings *library_path; // --library-path: "DIR:=DIR…" each
	const struct strings *hwcaps;
	const char *env_library_path; // LD_LIBRARY_PATH of the image's env, inside it; NULL: none
	const char *workdir;          // the image's WorkingDir; NULL: "/"
	bool for_image;               // see struct resolver_options
};
must_check struct err *sysroots_open(const struct sysroots_options *o, struct sysroots **out);
void sysroots_drop(struct sysroots **s);
// The place of the image that a word of --sysroot names; NULL: a directory.
const char *sysroot_image(const char *text, struct arena *a);
// This machine's "/".
struct root *sysroots_host(const struct sysroots *s);
// What came up while their resolvers worked, each once.
struct strings sysroots_warnings(const struct sysroots *s, struct arena *a);

// A program on this machine, and the tree its libraries come from.
struct program {
	const char *asked; // as the user named it
	struct root *root; // the sysroot's if it lies in there, else this machine's
	const char *path;  // in root
	const struct object_file *file;
	// The script whose interpreter all the rest is about; root NULL: an ELF program.
	struct {
		struct root *root;
		const char *path; // canonical, in root
		const char *name; // as it was named, in root: a link may lead to it
		// What runs before the interpreter, in the sysroot: env(1), interpreters that are
		// scripts.
		struct strings between;
	} script;
	struct platform platform; // as far as the file itself tells
	const struct sysroot *sysroot;
	struct bundle *bundle; // the directory that it is the program of; NULL: none
};

// Opens a path on this machine; of a script with #! its interpreter, which is one of the tree that
// the script lies in, else of the first one given, else of this machine; of an image given, that of
// asked_platform, or the only one. An image is read when the first program needs it. What is
// neither is an error of kind ERR_NO_START with a hint; a path that is not there is ERR_FAILED.
// asked_platform (NULL: none) chooses among given sysroots where the file itself does not tell the
// whole platform.
must_check struct err *program_open(struct sysroots *s, const char *path,
	const struct platform *asked_platform, struct arena *a, struct program *out);
