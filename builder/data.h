// Runtime data: files that programs open though no loader asks for them (certificates, time zones,
// accounts …). One table says what calls for each, and which files it is.
#pragma once
#include "builder/spec.h"
#include "ldd/closure.h"

struct data_options {
	const struct strings *with, *without; // --with, --without: "certs", "locale:de_DE.UTF-8"
	const struct strings *env;            // of the image's config: "LANG=C.UTF-8"
	struct resolver *resolver;            // of the sysroot
	struct root *sysroot, *host;          // host NULL: nothing may come from this machine
	bool is_image; // the sysroot is an image made smaller: its own /etc/nsswitch.conf counts
	const struct closure *const *closures; // programs, and what else may run code in the image
	size_t nclosures;
};

struct data_file {
	const char *path;  // in the image
	struct root *root; // at the same path; NULL: made up here of the next three
	struct span bytes;
	mode_t mode;
	const char *target; // of a symbolic link
};

// One line of the report, included or not.
struct data_need {
	const char *name; // as --with takes it: "certs"
	const char
		*reason;  // "libcurl.so.4 imports SSL_CTX_set_default_verify_paths", "--with certs"
	bool is_included; // false: a suggestion, or turned off by --without
	bool is_refused;  // by --without
	const char *source; // where from: "the sysroot", "this machine", "built in"; NULL: nowhere
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
// nsswitch.conf else from a built-in default; certificates else from this machine, with a warning,
// else ERR_FAILED with a hint. An unknown name in with or without is ERR_USAGE and lists the names.
// The same answer for the same closures whatever their order.
must_check struct err *data_collect(const struct data_options *o, struct arena *a,
	struct data_needs *out, struct strings *warnings);

// The names that --with knows, each with what it is, for --help and the manual: rows end with NULL.
struct data_name {
	const char *name, *summary;
};
extern const struct data_name data_names[];
