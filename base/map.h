// A hash map from text to a pointer, for memo tables and sets.
#pragma once
#include "base/mem.h"

// A zeroed struct is an empty map. Keys and slots live in the arena given to map_at.
struct map {
	struct map_slot *slots;
	size_t len, cap;
};

// The place of key's value, made (holding NULL) where there is none. The key is copied into the
// arena. The address stays valid until the next map_at on this map.
void **map_at(struct map *m, struct arena *a, const char *key);
// The same, but the key is not copied: it must live as long as the map.
void **map_at_kept(struct map *m, struct arena *a, const char *key);
// The value of key, NULL where there is none.
void *map_get(const struct map *m, const char *key);
