// What the cache takes up, and how it is kept small.
#pragma once
#include "oci/cache.h"

#define CACHE_MAX UINT64_C(2000000000) // bytes that stay after a run

enum cached_kind {
	CACHED_LAYER,   // made here
	CACHED_BLOB,    // fetched, or unpacked from what was fetched
	CACHED_PARTIAL, // a download or a layer that has not ended
};
struct cached {
	enum cached_kind kind;
	const char *digest; // NULL: not known yet
	uint64_t size;      // bytes
	int64_t used;       // last, nanoseconds since 1970
	const char *path;   // below the cache's directory
};
struct cache_contents {
	const char *dir;
	uint64_t size; // of all
	struct {
		struct cached *at; // the most recently used first
		size_t len, cap;
	} items;
};
// dir as cache_open takes it; nothing is made or removed. No directory there is an empty cache.
must_check struct err *cache_list(const char *dir, struct arena *a, struct cache_contents *out);

struct cache_prune {
	int64_t used_before; // nanoseconds since 1970: remove what was last used before
	uint64_t keep_size;  // then the least recently used until no more than this is left
};
struct cache_pruned {
	const char *dir;
	size_t removed, left;
	uint64_t removed_size, left_size;
};
// What other processes are writing stays, and what they have open they can still read.
must_check struct err *cache_prune(
	const char *dir, const struct cache_prune *how, struct arena *a, struct cache_pruned *out);
