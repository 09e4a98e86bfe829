// Borrowed bytes, and the one checked way to slice them and to read integers from them.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
	const uint8_t *ptr;
	size_t len;
};

// *out = n bytes of s from off on; false (and *out untouched) where they do not all lie in s.
static inline bool span_sub(struct span s, uint64_t off, uint64_t n, struct span *out)
{
	if (off > s.len || n > s.len - off)
		return false;
	*out = (struct span){s.ptr + off, (size_t)n};
	return true;
}

// The unsigned integer of n bytes (1, 2, 4, 8) at off in the given byte order; false outside.
static inline bool span_uint(
	struct span s, uint64_t off, unsigned n, bool big_endian, uint64_t *out)
{
	struct span at;
	uint64_t v = 0;

	if (!span_sub(s, off, n, &at))
		return false;
	for (unsigned i = 0; i < n; i++)
		v = v << 8 | at.ptr[big_endian ? i : n - 1 - i];
	*out = v;
	return true;
}
