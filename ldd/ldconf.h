// /etc/ld.so.cache read and written, /etc/ld.so.conf read as ldconfig reads it.
#pragma once
#include "base/root.h"
#include "ldd/elf.h"

struct ldcache_entry {
	const char *name, *path;
	int flags;      // elf_cache_flags
	uint64_t hwcap; // bit 62 marks a glibc-hwcaps entry
};
struct ldcache {
	struct ldcache_entry *at; // in the order of the file, entries of one name together
	size_t len, cap;
	const char *warning; // why the file is ignored; NULL: it is used, or there is none
	bool is_present;     // a usable cache
};
// Reads /etc/ld.so.cache of the root. Damage is a warning, never an error
// (sysdeps/generic/dl-cache.h; elf/cache.c; see elf.md).
must_check struct err *ldcache_read(struct root *r, struct arena *a, struct ldcache *out);
// The entries called `name`: *n of them, the first is returned. Like ld.so, trusts the file's order
// (elf/dl-cache.c, search_cache).
const struct ldcache_entry *ldcache_find(const struct ldcache *c, const char *name, size_t *n);
// The bytes of a new-format cache, as ldconfig sorts it, for the byte order of `abi`.
struct span ldcache_write(
	const struct ldcache_entry *entries, size_t n, bool big_endian, struct arena *a);

// The directories that ld.so.conf names, in order, absolute, without doubles: comments, include
// with globs relative to the including file in C collation, at most 32 files deep. A missing file
// is an empty list. Old "hwcap" lines are passed over (ldconfig(8), elf/ldconfig.c).
must_check struct err *ldconf_read(struct root *r, struct arena *a, struct strings *dirs);
