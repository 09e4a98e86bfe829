// The one interface to wherever images live: a layout directory, an archive, a registry, an
// engine's daemon. Blobs are regions of open files, so they can be read again without being kept.
#pragma once
#include "oci/types.h"

// Bytes of a blob as they are stored: size bytes of fd from off on.
struct blob {
	int fd;
	uint64_t off, size;
	bool owned; // blob_drop closes fd
};
void blob_drop(struct blob *b);
// Writes the blob at fd's position, by the kernel alone where it can; `name` is for messages.
must_check struct err *blob_copy(const struct blob *b, int fd, const char *name);

// One image or index that a transport holds, and the names it has there (full references or tags).
struct named_image {
	struct descriptor descriptor;
	struct strings names;
};
struct named_images {
	struct named_image *at;
	size_t len, cap;
};

struct transport;
struct transport_ops {
	// The top-level images, in their stored order; they live in the arena.
	struct err *(*list)(struct transport *t, struct arena *a, struct named_images *out);
	// Opens a blob or document; ERR_FAILED where it is not there or has another size.
	struct err *(*open)(struct transport *t, const struct descriptor *d, struct blob *out);
	// Is it already there? A put can then be left out.
	struct err *(*has)(struct transport *t, const struct descriptor *d, bool *out);
	// Stores a layer's or config's bytes under d->digest. The caller vouches for size and
	// digest.
	struct err *(*put)(struct transport *t, const struct descriptor *d, const struct blob *b);
	// Stores a manifest or index (blobs first, platform manifests before their index).
	struct err *(*put_document)(
		struct transport *t, const struct descriptor *d, struct span bytes);
	// Gives a stored manifest or index its names; d may carry platform and annotations.
	struct err *(*tag)(
		struct transport *t, const struct descriptor *d, const struct strings *names);
	// Makes everything put so far appear, whole.
	struct err *(*commit)(struct transport *t);
	// NULL, or: d will be asked for soon, by open (to_open) or by has. Several are then under
	// way at once.
	void (*expect)(struct transport *t, const struct descriptor *d, bool to_open);
	// NULL, or: what refers to a manifest or index (image-spec, subject); else list has it.
	struct err *(*referrers)(struct transport *t, const struct descriptor *to, struct arena *a,
		struct named_images *out);
	void (*close)(struct transport *t); // without a commit nothing has changed
};
struct transport {
	const struct transport_ops
		*ops;     // those that write are NULL where it was opened for reading
	const char *name; // "oci-archive:sensor.tar", for messages
	// Digest of the platform manifest that takes the bare names of a tagged index where each
	// platform needs names of its own (manifest.json); set before commit, must live till then.
	// NULL: the one put first.
	const char *preferred;
};
void transport_drop(struct transport **t);

must_check struct err *transport_list(
	struct transport *t, struct arena *a, struct named_images *out);
must_check struct err *transport_open(
	struct transport *t, const struct descriptor *d, struct blob *out);
must_check struct err *transport_has(struct transport *t, const struct descriptor *d, bool *out);
must_check struct err *transport_put(
	struct transport *t, const struct descriptor *d, const struct blob *b);
must_check struct err *transport_put_document(
	struct transport *t, const struct descriptor *d, struct span bytes);
must_check struct err *transport_tag(
	struct transport *t, const struct descriptor *d, const struct strings *names);
must_check struct err *transport_commit(struct transport *t);
void transport_expect(struct transport *t, const struct descriptor *d, bool to_open);

// Streams the blob into s; size and digest are checked, a difference is an error after the last
// write (so finish s only when this succeeded).
must_check struct err *transport_get(
	struct transport *t, const struct descriptor *d, struct sink *s);
// The same of one that was opened.
must_check struct err *transport_get_opened(
	struct transport *t, const struct descriptor *d, const struct blob *b, struct sink *s);
// e is what went wrong with the blob's bytes: where they do not have their digest, that is returned
// in its place. What comes from a registry was checked on its way.
must_check struct err *transport_doubt(
	struct transport *t, const struct descriptor *d, struct err *e);
// A document whole: at most OCI_DOCUMENT_MAX bytes, size and digest checked.
must_check struct err *transport_read(
	struct transport *t, const struct descriptor *d, struct arena *a, struct span *out);
