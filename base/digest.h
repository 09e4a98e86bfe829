// SHA-256 digests as OCI writes them, and a sink that computes one on the way.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/sink.h"

// "sha256:" and 64 lower-case hex digits (image-spec descriptor.md, Digests).
struct digest {
	char text[72];
};

// False for anything but a well-formed sha256 digest. Only what passed here may be used in a path.
bool digest_parse(const char *text, struct digest *out);
static inline const char *digest_hex(const struct digest *d)
{
	return d->text + 7;
}
bool digest_equal(const struct digest *a, const struct digest *b);
struct digest digest_of(const void *bytes, size_t n);

// Passes everything on to next (which may be NULL) and knows size and digest of what went through.
struct hasher {
	struct sink sink;
	struct sink *next;
	uint64_t size;
	_Alignas(16) unsigned char state[128];
};
void hasher_init(struct hasher *h, struct sink *next);
// What went through so far; may be asked once, after the last write.
struct digest hasher_digest(struct hasher *h);
