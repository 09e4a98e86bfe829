// Finished layers and other blobs by content, kept between runs; safe for several processes at
// once.
#pragma once
#include "base/digest.h"
#include "oci/transport.h"

struct cache;
// dir NULL: $XDG_CACHE_HOME/imgmin, else ~/.cache/imgmin; made where missing. A directory that
// can't be made or written gives a cache in a temporary directory that ends with it (*warning says
// so). is_temporary: from the start such a directory (--no-cache).
must_check struct err *cache_open(const char *dir, bool is_temporary, struct arena *a,
	const char **warning, struct cache **out);
// Where something was added, the least recently used beyond CACHE_MAX goes (oci/cache_prune.h).
void cache_drop(struct cache **c);
// Makes the directory that cache_open(dir, false) will use, so that it can be named to a sandbox.
// NULL: there is none. *is_there is false where that failed, and a temporary one may have to do.
const char *cache_prepare(const char *dir, struct arena *a, bool *is_there);

// Something found no room in it, and is not there for the next run.
bool cache_is_full(const struct cache *c);
const char *cache_dir(const struct cache *c);

// False: no layer of this identity was ever kept, so there is no point in hashing one to look it
// up.
bool cache_may_have(const struct cache *c, const char *identity);
// The layer that was made from diff_id by the compressor `identity` (compress_identity, and
// whatever else tells layers apart beforehand), if kept.
// Its bytes have been hashed: a damaged one is removed and counts as not there. *found says.
must_check struct err *cache_find(struct cache *c, const struct digest *diff_id,
	const char *identity, struct digest *digest, struct blob *out, bool *found);

// A new blob: write to cache_begin's sink, then commit it under its digest and (where diff_id is
// not NULL) under its origin. Not synced: what is read back is checked. Where the cache has no room
// the blob lies in a temporary file and is not kept.
struct cache_entry;
must_check struct err *cache_begin(struct cache *c, struct cache_entry **out);
struct sink *cache_entry_sink(struct cache_entry *e);
must_check struct err *cache_commit(struct cache_entry *e, const struct digest *diff_id,
	const char *identity, struct digest *digest, struct blob *out);
void cache_entry_drop(struct cache_entry **e);

// A blob kept under its digest, hashed before it is given out.
must_check struct err *cache_get(
	struct cache *c, const struct digest *d, struct blob *out, bool *found);
// Is there something under that digest? It may be damaged.
bool cache_has(const struct cache *c, const struct digest *d);
// What is there so far of a blob that comes from elsewhere, open for reading and writing and
// locked; *fd is -1 while another process is at it, or there is no room. It stays for later runs
// unless it is kept or forgotten.
must_check struct err *cache_partial(struct cache *c, const struct digest *d, int *fd);
// fd holds all of it, and the caller has hashed it. What was taken away meanwhile is not kept.
must_check struct err *cache_keep(struct cache *c, const struct digest *d, int fd);
void cache_forget(struct cache *c, const struct digest *d);
