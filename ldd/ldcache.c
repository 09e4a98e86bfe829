// ld.so.cache, the new format of sysdeps/generic/dl-cache.h; an old table before it is passed over.
#include "ldd/ldconf.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC "glibc-ld.so.cache1.1"
#define OLD_MAGIC "ld.so-1.7.0"
enum {
	MAGIC_LEN = 20,
	OLD_HEADER = 16,
	OLD_ENTRY = 12,
	HEADER = 48,
	ENTRY = 24,
	ENDIAN_LE = 2,
	ENDIAN_BE = 3,
	CACHE_MAX = 64 << 20,
};
#define HWCAP_EXTENSION (UINT64_C(1) << 62)

static uint64_t uint_at(struct span s, size_t off, unsigned n, bool big_endian)
{
	uint64_t value = 0;

	(void)span_uint(s, off, n, big_endian, &value);
	return value;
}

// The new format behind an old table, where there is one: aligned for 64-bit numbers, which is to 4
// bytes on 32-bit x86 and to 8 elsewhere.
static bool skip_old_table(struct span s, struct span *out)
{
	struct span at;

	*out = s;
	if (!span_sub(s, 0, sizeof(OLD_MAGIC) - 1, &at) ||
		memcmp(at.ptr, OLD_MAGIC, sizeof(OLD_MAGIC) - 1) != 0)
		return true;
	for (int big = 0; big < 2; big++) {
		uint64_t end = OLD_HEADER + OLD_ENTRY * uint_at(s, 12, 4, big);

		for (uint64_t off = end; off <= ((end + 7) & ~UINT64_C(7)); off += 4)
			if (span_sub(s, off, MAGIC_LEN, &at) &&
				memcmp(at.ptr, MAGIC, MAGIC_LEN) == 0)
				return span_sub(s, off, s.len - off, out);
	}
	return false;
}

// Older ldconfigs left the byte order out: the one in which the table fits into the file.
static bool byte_order(struct span s, bool *big_endian)
{
	switch (s.ptr[28] & 3) {
	case ENDIAN_LE:
		*big_endian = false;
		return true;
	case ENDIAN_BE:
		*big_endian = true;
		return true;
	case 0:
		*big_endian = uint_at(s, 20, 4, false) > (s.len - HEADER) / ENTRY;
		return true;
	default:
		return false;
	}
}

static const char *parse(struct span s, struct arena *a, struct ldcache *out)
{
	bool big;

	if (!skip_old_table(s, &s))
		return "in the old format alone";
	if (s.len < HEADER || memcmp(s.ptr, MAGIC, MAGIC_LEN) != 0)
		return "not a cache";
	if (!byte_order(s, &big))
		return "its byte order is unknown";
	uint64_t n = uint_at(s, 20, 4, big), strings = uint_at(s, 24, 4, big);

	if (n > (s.len - HEADER) / ENTRY || strings > s.len - HEADER - n * ENTRY)
		return "cut short";
	// Every string before the last NUL of the file has an end. Entries whose strings have none
	// are passed over, as ld.so does.
	const uint8_t *nul = memrchr(s.ptr, 0, s.len);
	uint64_t end = nul ? (uint64_t)(nul - s.ptr) : 0;

	out->at = arena_alloc(a, (size_t)n * sizeof(*out->at));
	out->cap = (size_t)n;
	for (uint64_t i = 0; i < n; i++) {
		size_t at = HEADER + (size_t)i * ENTRY;
		uint64_t key = uint_at(s, at + 4, 4, big), value = uint_at(s, at + 8, 4, big);

		if (key > end || value > end)
			continue;
		vec_push(a, out,
			(struct ldcache_entry){
				.name = (const char *)s.ptr + key,
				.path = (const char *)s.ptr + value,
				.flags = (int)uint_at(s, at, 4, big),
				.hwcap = uint_at(s, at + 16, 8, big),
			});
	}
	return NULL;
}

struct err *ldcache_read(struct root *r, struct arena *a, struct ldcache *out)
{
	struct span text = {NULL, 0};
	struct err *err = root_read(r, "/etc/ld.so.cache", CACHE_MAX, a, &text);

	*out = (struct ldcache){0};
	if (err) {
		out->warning = arena_strdup(a, err_text(err));
		err_drop(&err);
		return NULL;
	}
	if (!text.ptr)
		return NULL;
	const char *why = parse(text, a, out);

	out->is_present = !why;
	out->warning = why;
	return NULL;
}

static unsigned take_number(const char **s)
{
	unsigned n = 0;

	for (; **s >= '0' && **s <= '9'; (*s)++)
		n = n * 10 + (unsigned)(**s - '0');
	return n;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

// Names in the order in which ld.so searches the table, numbers by their value (elf/dl-cache.c,
// _dl_cache_libcmp).
static int compare_names(const char *a, const char *b)
{
	while (*a) {
		if (is_digit(*a) && is_digit(*b)) {
			int x = (int)take_number(&a), y = (int)take_number(&b);

			if (x != y)
				return x < y ? -1 : 1;
		} else if (is_digit(*a) != is_digit(*b)) {
			return is_digit(*a) ? 1 : -1;
		} else if (*a != *b) {
			return *a - *b;
		} else {
			a++;
			b++;
		}
	}
	return *a - *b;
}

const struct ldcache_entry *ldcache_find(const struct ldcache *c, const char *name, size_t *n)
{
	size_t low = 0, high = c->len;

	// The first entry whose name is not greater: names go downward.
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_names(c->at[middle].name, name) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (*n = 0; low + *n < c->len && compare_names(c->at[low + *n].name, name) == 0; ++*n)
		;
	return *n ? &c->at[low] : NULL;
}

// elf/cache.c, compare: names downward, then flags and hwcap downward; equals stay in their order.
static int compare_entries(const void *pa, const void *pb)
{
	const struct ldcache_entry *a = *(const struct ldcache_entry *const *)pa;
	const struct ldcache_entry *b = *(const struct ldcache_entry *const *)pb;
	int order = compare_names(b->name, a->name);

	if (order)
		return order;
	if (a->flags != b->flags)
		return a->flags < b->flags ? 1 : -1;
	if (a->hwcap != b->hwcap)
		return a->hwcap < b->hwcap ? 1 : -1;
	return (a > b) - (a < b);
}

static void put(uint8_t *at, uint64_t value, unsigned n, bool big_endian)
{
	for (unsigned i = 0; i < n; i++)
		at[big_endian ? n - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

static uint32_t put_text(uint8_t *bytes, size_t *at, const char *text)
{
	size_t start = *at, n = strlen(text) + 1;

	memcpy(bytes + start, text, n);
	*at += n;
	return (uint32_t)start;
}

struct span ldcache_write(
	const struct ldcache_entry *entries, size_t n, bool big_endian, struct arena *a)
{
	drop(mem_drop) const struct ldcache_entry **sorted = mem_alloc(n * sizeof(*sorted));
	size_t kept = 0, strings = 0;

	// Entries of glibc-hwcaps point into an extension that is not written: images have none.
	for (size_t i = 0; i < n; i++) {
		if (entries[i].hwcap & HWCAP_EXTENSION)
			continue;
		sorted[kept++] = &entries[i];
		strings += strlen(entries[i].name) + strlen(entries[i].path) + 2;
	}
	qsort(sorted, kept, sizeof(*sorted), compare_entries);
	size_t at = HEADER + kept * ENTRY;
	uint8_t *bytes = arena_alloc(a, at + strings);

	memcpy(bytes, MAGIC, MAGIC_LEN);
	put(bytes + 20, kept, 4, big_endian);
	put(bytes + 24, strings, 4, big_endian);
	bytes[28] = big_endian ? ENDIAN_BE : ENDIAN_LE;
	for (size_t i = 0; i < kept; i++) {
		uint8_t *entry = bytes + HEADER + i * ENTRY;

		put(entry, (uint32_t)sorted[i]->flags, 4, big_endian);
		put(entry + 4, put_text(bytes, &at, sorted[i]->name), 4, big_endian);
		put(entry + 8, put_text(bytes, &at, sorted[i]->path), 4, big_endian);
		put(entry + 16, sorted[i]->hwcap, 8, big_endian);
	}
	return (struct span){bytes, at};
}
