// Where a loader looks for a library: glibc's and musl's rules, applied to one name.
#pragma once
#include "ldd/resolver.h"

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
	RULE_NONE, // not found
};
const char *rule_text(enum rule r);

struct object;

// What a search came to.
struct found {
	const struct object_file *file; // NULL: not found, or fatal
	enum rule rule;
	const struct object *of; // whose path or $ORIGIN it was; NULL: nobody's
	const char *detail;      // the path element that found it; NULL: none
	const char *fatal;       // the file the loader stops at, and why; NULL: it does not
	struct strings notes;    // candidates passed over, odd path elements
};

// The name as the loader asks for it and knows it afterwards: glibc puts $ORIGIN and the others
// into each DT_NEEDED first (elf/dl-deps.c expand_dst), musl takes it as it stands.
const char *search_expand_name(struct resolver *r, struct loader *ld, const struct object *by,
	const struct object *program, const char *name);
// Looks for `name` on behalf of `by` in a process of `program`. Every
// place looked at, with what was there, goes to `places` unless that is NULL. glibc elf/dl-load.c
// _dl_map_object; musl ldso/dynlink.c load_library.
must_check struct err *search_library(struct resolver *r, struct loader *ld,
	const struct object *by, const struct object *program, const char *name, struct found *out,
	struct strings *places);
