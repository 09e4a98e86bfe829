#include "base/map.h"

#include <stdint.h>
#include <string.h>

struct map_slot {
	const char *key;
	uint64_t hash;
	void *value;
};

// Eight bytes at a time; keys come from files, so a collision may cost time, never correctness.
static uint64_t hash_text(const char *s)
{
	size_t n = strlen(s), tail = n % 8;
	uint64_t h = n, word;

	for (const char *end = s + n - tail; s < end; s += 8) {
		memcpy(&word, s, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15;
		h ^= h >> 32;
	}
	for (word = 0; tail; tail--)
		word = word << 8 | (unsigned char)s[tail - 1];
	h = (h ^ word) * 0x9e3779b97f4a7c15;
	return h ^ h >> 32;
}

static struct map_slot *find(const struct map *m, const char *key, uint64_t hash)
{
	for (size_t i = (size_t)hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct map_slot *s = &m->slots[i];

		if (!s->key || (s->hash == hash && strcmp(s->key, key) == 0))
			return s;
	}
}

static void grow(struct map *m, struct arena *a)
{
	struct map bigger = {.cap = m->cap ? m->cap * 2 : 16, .len = m->len};

	bigger.slots = arena_alloc(a, bigger.cap * sizeof(*bigger.slots));
	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].key)
			*find(&bigger, m->slots[i].key, m->slots[i].hash) = m->slots[i];
	arena_release(a, m->slots, m->cap * sizeof(*m->slots));
	*m = bigger;
}

static struct map_slot *slot_at(struct map *m, struct arena *a, const char *key)
{
	uint64_t hash = hash_text(key);

	if (m->len * 4 >= m->cap * 3)
		grow(m, a);
	struct map_slot *s = find(m, key, hash);

	m->len += !s->key;
	s->hash = hash;
	return s;
}

void **map_at(struct map *m, struct arena *a, const char *key)
{
	struct map_slot *s = slot_at(m, a, key);

	if (!s->key)
		s->key = arena_strdup(a, key);
	return &s->value;
}

void **map_at_kept(struct map *m, struct arena *a, const char *key)
{
	struct map_slot *s = slot_at(m, a, key);

	if (!s->key)
		s->key = key;
	return &s->value;
}

void *map_get(const struct map *m, const char *key)
{
	return m->cap ? find(m, key, hash_text(key))->value : NULL;
}
