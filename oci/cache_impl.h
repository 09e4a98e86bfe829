// Between the files of the cache only.
#pragma once
#include "base/temp.h"
#include "oci/cache.h"

#define CACHE_BLOBS "blobs/sha256"
#define CACHE_TEMP "blob" // of what is being written
#define CACHE_PARTIAL_DAYS 1

struct cache {
	char *dir;
	int fd;         // of dir
	bool has_grown; // by what was kept
	bool is_full;   // something found no room
	// Only of a temporary cache: where it lies, and its name there.
	int parent;
	char temp[TEMP_NAME];
};

// NULL where the environment names none.
const char *cache_default_dir(struct arena *a);
// Removes downloads that nobody went on with for so many days, and nobody is at.
void cache_sweep_partials(int tmp, int days);
// Makes room: the least recently used beyond CACHE_MAX goes. Best effort; one process at a time.
void cache_trim(int dir);
