// The story of `imgmin index`: images pushed by separate jobs become one multi-arch tag.
#pragma once
#include "builder/transfer.h"

struct index_args {
	struct strings words; // REF IMAGE...
	const char *format;
	bool append;
	struct registry_args registry;
};

// Puts an index of the images (each may be one itself) under words.at[0], a reference. A bare
// digest is an image of its repository. What lies elsewhere is copied there. In the index the
// platforms stand in platform_order, then what has none. Two manifests for one platform are
// ERR_USAGE; with args->append those that are there already come first, and the tag is read again
// until no other job changes it.
must_check struct err *index_create(const struct index_args *args,
	const struct registry_events *events, struct arena *a, struct transferred *out);

// The place that the first word names: "docker://REF" for a bare one.
const char *index_place(const char *word, struct arena *a);

struct index_shown {
	const char *name;
	struct descriptor top;
	struct span text; // the index as it is
	struct index index;
};
// ERR_USAGE for an image that is no index.
must_check struct err *index_inspect(const struct index_args *args,
	const struct registry_events *events, struct arena *a, struct index_shown *out);
