#include "oci/transport.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/sink.h"

void blob_drop(struct blob *b)
{
	if (b->owned)
		fd_drop(&b->fd);
	*b = (struct blob){.fd = -1};
}

// How much of n bytes the kernel copied by itself; the rest is for the caller.
static uint64_t copy_in_kernel(int from, uint64_t off, uint64_t n, int to)
{
	uint64_t done = 0;

	while (done < n) {
		off_t at = (off_t)(off + done);
		uint64_t left = n - done;
		ssize_t got = copy_file_range(
			from, &at, to, NULL, left < (1u << 30) ? (size_t)left : 1u << 30, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		done += (uint64_t)got;
	}
	return done;
}

struct err *blob_copy(const struct blob *b, int fd, const char *name)
{
	uint64_t done = copy_in_kernel(b->fd, b->off, b->size, fd);
	struct fd_sink to;

	fd_sink_init(&to, fd, name);
	return sink_copy_fd(&to.sink, b->fd, b->off + done, b->size - done, name);
}

void transport_drop(struct transport **t)
{
	if (*t)
		(*t)->ops->close(*t);
	*t = NULL;
}

void transport_expect(struct transport *t, const struct descriptor *d, bool to_open)
{
	if (t->ops->expect)
		t->ops->expect(t, d, to_open);
}

static struct err *write_only(const struct transport *t)
{
	return err_new(ERR_FAILED, "%s was opened for writing", t->name);
}

static struct err *read_only(const struct transport *t)
{
	return err_new(ERR_FAILED, "%s was opened for reading", t->name);
}

struct err *transport_list(struct transport *t, struct arena *a, struct named_images *out)
{
	*out = (struct named_images){0};
	if (!t->ops->list)
		return write_only(t);
	TRY_AS(t->ops->list(t, a, out), "%s", t->name);
	return NULL;
}

struct err *transport_open(struct transport *t, const struct descriptor *d, struct blob *out)
{
	*out = (struct blob){.fd = -1};
	if (!t->ops->open)
		return write_only(t);
	TRY_AS(t->ops->open(t, d, out), "%s", t->name);
	return NULL;
}

struct err *transport_has(struct transport *t, const struct descriptor *d, bool *out)
{
	*out = false;
	TRY_AS(t->ops->has(t, d, out), "%s", t->name);
	return NULL;
}

struct err *transport_put(struct transport *t, const struct descriptor *d, const struct blob *b)
{
	if (!t->ops->put)
		return read_only(t);
	TRY_AS(t->ops->put(t, d, b), "%s", t->name);
	return NULL;
}

struct err *transport_put_document(
	struct transport *t, const struct descriptor *d, struct span bytes)
{
	if (!t->ops->put_document)
		return read_only(t);
	TRY_AS(t->ops->put_document(t, d, bytes), "%s", t->name);
	return NULL;
}

struct err *transport_tag(
	struct transport *t, const struct descriptor *d, const struct strings *names)
{
	if (!t->ops->tag)
		return read_only(t);
	TRY_AS(t->ops->tag(t, d, names), "%s", t->name);
	return NULL;
}

struct err *transport_commit(struct transport *t)
{
	if (!t->ops->commit)
		return read_only(t);
	TRY_AS(t->ops->commit(t), "%s", t->name);
	return NULL;
}

// The file that was read, as far as it has a name: what is not as it was made is said with its
// place.
static struct err *damaged(const struct descriptor *d, const struct digest *is, int fd)
{
	struct err *e = err_new(ERR_FAILED, "%s is damaged: its digest is %s", d->digest, is->text);
	char link[40], file[PATH_MAX];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, file, sizeof(file) - 1);

	file[n > 0 ? n : 0] = '\0';
	return err_hint(e, "get or build the image again: %s is not as it was made",
		file[0] && access(file, F_OK) == 0 ? file : "it");
}

// The size is known before the first byte, so that a longer blob is never read.
static struct err *stream(const struct descriptor *d, const struct blob *b, struct sink *s)
{
	struct digest wanted, got;
	struct hasher h;

	if (!digest_parse(d->digest, &wanted))
		return err_new(ERR_FAILED, "%.80s is not a sha256 digest", d->digest);
	if (d->size < 0 || b->size != (uint64_t)d->size)
		return err_new(ERR_FAILED, "%s has %llu bytes, its descriptor says %lld", d->digest,
			(unsigned long long)b->size, (long long)d->size);
	hasher_init(&h, s);
	TRY(sink_copy_fd(&h.sink, b->fd, b->off, b->size, d->digest));
	got = hasher_digest(&h);
	if (!digest_equal(&got, &wanted))
		return damaged(d, &got, b->fd);
	return NULL;
}

struct err *transport_get_opened(
	struct transport *t, const struct descriptor *d, const struct blob *b, struct sink *s)
{
	TRY_AS(stream(d, b, s), "%s", t->name);
	return NULL;
}

struct err *transport_get(struct transport *t, const struct descriptor *d, struct sink *s)
{
	drop(blob_drop) struct blob b = {.fd = -1};
	struct digest digest;

	if (!digest_parse(d->digest, &digest))
		return err_new(ERR_FAILED, "%s: %.80s is not a sha256 digest", t->name, d->digest);
	TRY(transport_open(t, d, &b));
	return transport_get_opened(t, d, &b, s);
}

struct err *transport_doubt(struct transport *t, const struct descriptor *d, struct err *e)
{
	if (t->ops->expect || !t->ops->open)
		return e;
	struct err *damage = transport_get(t, d, NULL);

	if (damage)
		err_drop(&e);
	return damage ? damage : e;
}

struct err *transport_read(
	struct transport *t, const struct descriptor *d, struct arena *a, struct span *out)
{
	drop(buffer_drop) struct buffer b = {0};

	if (d->size > OCI_DOCUMENT_MAX)
		return err_new(ERR_FAILED, "%s: %s has %lld bytes, more than the %u of a document",
			t->name, d->digest, (long long)d->size, OCI_DOCUMENT_MAX);
	buffer_init(&b, OCI_DOCUMENT_MAX, d->digest);
	TRY(transport_get(t, d, &b.sink));
	*out = (struct span){memcpy(arena_alloc(a, b.len + 1), b.bytes, b.len), b.len};
	return NULL;
}
