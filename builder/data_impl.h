// Between the table of runtime data (data.c) and the rows that need code. Only for builder/data*.c.
#pragma once
#include "base/map.h"
#include "builder/data.h"

// A file that runs code in the image, once however many closures hold it.
struct data_user {
	const char *name; // for reasons: "libcurl.so.4"
	const struct object *object;
	struct closure alone; // the object by itself, for verify_imports
	enum libc_kind libc;
	bool is_program;
	bool *texts; // of a program: which texts of the table it holds; NULL: not looked at yet
};

struct collector {
	const struct data_options *o;
	struct arena *a;
	struct {
		struct data_user *at;
		size_t len, cap;
	} users; // sorted by name
	struct strings *warnings;
};

// One reason why a rule is looked at.
struct data_ask {
	const char *reason; // what calls for it; NULL: --with alone
	const char *param;  // "locale:PARAM", or a variable's value; NULL: none
	bool is_asked;      // by --with
};
// An image made smaller has no more data than before, unless it is asked for.
bool data_stays_as_it_was(const struct collector *c, const struct data_ask *q);

// Each adds the path, the links on the way to it, and the file (directory) it leads to.
// *found is false where the root has nothing there.
must_check struct err *need_put(
	struct collector *c, struct data_need *n, const char *path, bool *found);
// The same for all below a directory, without the directories. A path has none of fnmatch's signs.
must_check struct err *need_put_all(
	struct collector *c, struct data_need *n, const char *path, const struct strings *exclude);
// The file of `from` (this machine) at `source`, to lie at path.
must_check struct err *need_put_from(struct collector *c, struct data_need *n, struct root *from,
	const char *source, const char *path);
// Made up; parents that are links in the sysroot are followed.
void need_make_file(struct collector *c, struct data_need *n, const char *path, struct span bytes);
void need_make_link(struct collector *c, struct data_need *n, const char *path, const char *target);
void need_make_dir(struct collector *c, struct data_need *n, const char *path, mode_t mode);
// Files that another root gave: to where the sysroot's links let them lie.
void need_replace(struct collector *c, struct data_need *n);
void collect_warn(struct collector *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

// Is something there, at the end of all links?
bool sysroot_has(struct collector *c, const char *path);
// Directories that the programs' loaders have built in, each once.
must_check struct err *system_dirs(struct collector *c, struct strings *out);
// The first user with a soname that begins so ("libcrypto.so."); NULL: none.
const struct data_user *user_called(const struct collector *c, const char *prefix);
// The first user, by name, that imports one of the symbols; *symbol is which.
must_check struct err *user_importing(struct collector *c, const char *const *symbols,
	const char *ignore, bool is_glibc, const struct data_user **out, const char **symbol);
must_check struct err *user_has_texts(struct collector *c, const struct data_user *u,
	const char *const *texts, size_t n, bool *found);

// Why libraries are suggested; NULL: none is.
const char *suggested_libraries(struct collector *c);

// The rows that need code (data_files.c, data_certs.c, data_locale.c): they fill in n->files, and
// n->source where it is not what need_put found. Nothing found: no files.
typedef struct err *data_add_fn(struct collector *c, const struct data_ask *q, struct data_need *n);
data_add_fn add_certs, add_zone, add_local_zone, add_zones, add_accounts, add_nss, add_gconv,
	add_locale, add_terminfo, add_tmp, add_libgcc, add_dlopen, add_openssl_conf,
	add_openssl_modules, add_pam;
