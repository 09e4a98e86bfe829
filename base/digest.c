// The low-level SHA256 calls are deprecated in favour of EVP, but linked statically EVP brings the
// whole provider machinery: 5 MB of program, and milliseconds of start-up for every command.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/digest.h"

#include <openssl/sha.h>
#include <string.h>

#define PREFIX "sha256:"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(((struct hasher *)0)->state), "hasher.state");

bool digest_parse(const char *text, struct digest *out)
{
	const size_t prefix = strlen(PREFIX), hex = 2 * (size_t)SHA256_DIGEST_LENGTH;

	if (strncmp(text, PREFIX, prefix) != 0 ||
		strspn(text + prefix, "0123456789abcdef") != hex || text[prefix + hex] != '\0')
		return false;
	memcpy(out->text, text, prefix + hex + 1);
	return true;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return strcmp(a->text, b->text) == 0;
}

static struct digest digest_from_bytes(const unsigned char md[static SHA256_DIGEST_LENGTH])
{
	static const char hex[] = "0123456789abcdef";
	struct digest d = {PREFIX};
	char *p = d.text + strlen(PREFIX);

	for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++) {
		*p++ = hex[md[i] >> 4];
		*p++ = hex[md[i] & 15];
	}
	*p = '\0';
	return d;
}

struct digest digest_of(const void *bytes, size_t n)
{
	struct hasher h;

	hasher_init(&h, NULL);
	SHA256_Update((SHA256_CTX *)h.state, bytes, n);
	return hasher_digest(&h);
}

static struct err *hasher_write(struct sink *s, const void *bytes, size_t n)
{
	struct hasher *h = (struct hasher *)s;

	SHA256_Update((SHA256_CTX *)h->state, bytes, n);
	h->size += n;
	return h->next ? sink_write(h->next, bytes, n) : NULL;
}

static struct err *hasher_finish(struct sink *s)
{
	struct hasher *h = (struct hasher *)s;

	return h->next ? sink_finish(h->next) : NULL;
}

void hasher_init(struct hasher *h, struct sink *next)
{
	*h = (struct hasher){.sink = {hasher_write, hasher_finish}, .next = next};
	SHA256_Init((SHA256_CTX *)h->state);
}

struct digest hasher_digest(struct hasher *h)
{
	unsigned char md[SHA256_DIGEST_LENGTH];

	SHA256_Final(md, (SHA256_CTX *)h->state);
	return digest_from_bytes(md);
}
