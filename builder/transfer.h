// The copy loop between two transports: push, pull and copy are it with different ends.
#pragma once
#include "base/platform.h"
#include "builder/place.h"

struct transfer_options {
	const struct platform *platform; // only this one of an index; NULL: all
	bool with_referrers;             // SBOMs, signatures that refer to what is copied
};

// Copies the image `from` (of src) to dst under names: blobs first, then platform manifests, then
// the index, the names last. Bytes and digests stay as they are. Nested indexes are followed,
// cycles and more than 4 levels are errors. *top is what got the names.
must_check struct err *transfer_image(struct transport *src, const struct named_image *from,
	struct transport *dst, const struct strings *names, const struct transfer_options *o,
	struct arena *a, struct descriptor *top);
// The same without names and commit: d and all it leads to.
must_check struct err *transfer_content(
	struct transport *src, const struct descriptor *d, struct transport *dst, struct arena *a);

struct transferred {
	struct descriptor top;
	struct strings
		names;  // it goes by: full references or tags; those with a digest are not kept
	bool is_pushed; // to a registry
};
// From one place to another, both as words. Where `to` says no name, the names stay.
must_check struct err *transfer_places(struct places *p, const char *from, const char *to,
	const struct transfer_options *o, struct arena *a, struct transferred *out);
