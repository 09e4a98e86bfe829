// Runtime data: files that programs open though no loader asks for them (certificates, time zones,
// accounts …). One table says what calls for each, and which files it is.
#pragma once
#include "builder/spec.h"
#include "ldd/hidden.h"

struct data_options {
	// --with, --without: "certs", "locale:de_DE.UTF-8", "certs,tzdata"; NULL: none
	const struct strings *with, *without;
	const struct strings *env;   // of the image's config: "LANG=C.UTF-8"; NULL: none
	const char *user;            // of the image's config: "33", "www-data:adm"; NULL: none
	struct resolver *resolver;   // of the sysroot
	struct root *sysroot, *host; // host NULL: nothing may come from this machine
	// The sysroot is an image made smaller: it goes on as it did. What it lacks comes only
	// where
	// --with asks for it, neither from this machine nor from what is built in.
	bool is_image;
	const struct closure *const *closures; // programs, and what else may run code in the image
	size_t nclosures;
	// Paths that the image has by --add or --include: certificates that lie there are the ones.
	// NULL: none.
	const struct strings *present;
	// What hidden_add suggested, for "dlopen": of each closure, or NULL.
	const struct suggestions *const *suggestions;
};

// A path whose parents are no links: those on the way are files of their own.
struct data_file {
	const char *path;   // in the image
	mode_t mode;        // with the type: regular file, directory or symbolic link
	const char *target; // of a symbolic link
	// Of a regular file: the canonical path `source` of `root`; root NULL: `bytes`.
	struct root *root;
	const char *source;
	struct span bytes;
};

// One line of the report, included or not.
struct data_need {
	const char *name; // as --with takes it: "certs"
	const char
		*reason;  // "libcurl.so.4 imports SSL_CTX_set_default_verify_paths", "--with certs"
	bool is_included; // false: a suggestion, or turned off by --without
	bool is_refused;  // by --without
	const char *source; // "the sysroot", "this machine", "built in"; NULL: nothing was found
	uint64_t bytes;     // of its regular files
	struct {
		struct data_file *at;
		size_t len, cap;
	} files; // sorted by path; also of one that is not included
};
struct data_needs {
	struct data_need *at;
	size_t len, cap;
};

// What is called for, in the order of the table. Files come from the sysroot; passwd, group and
// nsswitch.conf else from a built-in default; certificates and the zone that TZ names else from
// this machine, with a warning, and so do zones, terminfo and services that are asked for.
// Certificates, and what --with asks for, that are nowhere are ERR_FAILED with a hint. An unknown
// name in with or without is ERR_USAGE and lists the names. ELF files among the files (gconv,
// providers, PAM) bring no libraries: their closures are the caller's. The same answer for the same
// closures whatever their order.
must_check struct err *data_collect(const struct data_options *o, struct arena *a,
	struct data_needs *out, struct strings *warnings);

// The need that brings the path into the image; NULL: none does.
const struct data_need *data_need_of(const struct data_needs *needs, const char *path);
// Does --without leave the file out? False for links on the way to it, and where another need
// brings it.
bool data_is_refused(const struct data_needs *needs, const char *path);

// The names that --with knows, each with what it is, for --help and the manual: rows end with NULL.
struct data_name {
	const char *name, *summary;
	bool takes_param; // "locale:NAME"
};
extern const struct data_name data_names[];
