// The story of `imgmin slim`: an image → what its entrypoint, command and --entry programs need of
// it.
#pragma once
#include "builder/build.h"
#include "builder/image.h"

struct slim_args {
	struct build_args build; // tags, places, data, layers, config; paths stay empty
	struct strings images;   // one
	struct strings entries;
};

// One platform on its way from its image to the smaller one.
struct slimmed {
	struct image image;
	struct inside inside;
	struct sysroot sysroot;
	struct container container;
	struct built_image *built;
	uint64_t raw_before, packed_before; // of its layers
	size_t files_before;
	bool has_text; // "python3 -c TEXT"
};

struct slim {
	struct build *build;
	const struct slim_args *args;
	struct build_args build_args; // with the names that follow from the image's
	struct transport *transport;
	struct root *host;
	const char *name; // of the image
	struct {
		struct slimmed **at;
		size_t len, cap;
	} images;
};

// Reads the image, nothing of it is run or unpacked, and writes the smaller one to its places. A
// program that would not start is ERR_NO_START; an entrypoint that starts programs nobody can know
// is ERR_POLICY. *out is set as soon as there is something to show; slim_drop it in any case.
must_check struct err *slim_image(
	const struct slim_args *args, const struct build_events *events, struct slim **out);
void slim_drop(struct slim **s);
