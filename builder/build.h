// The story of `imgmin build`: programs → closures → trees → layers → images → places.
#pragma once
#include "builder/assemble.h"
#include "builder/place.h"
#include "oci/cache.h"

struct built_layer {
	const char *title; // "loader and libc"
	const struct tree_entry *const *entries;
	size_t n;
	uint64_t raw_size;
	struct layer layer;
	const char *compressor; // compress_identity
};

struct built_image {
	const struct image_config *base; // whose config is taken over; NULL: none
	struct assembly assembly;
	struct {
		struct built_layer *at;
		size_t len, cap;
	} layers;
	struct image_config config;
	struct descriptor config_descriptor, descriptor;
	struct span config_text, text; // the documents
};

struct build;
// What the caller may want to show while it goes on; any may be NULL.
struct build_events {
	void *arg;
	// A program was resolved; with its problems it may be about to fail.
	void (*resolved)(void *arg, const struct installed *p);
	void (*warning)(void *arg, const char *text);
	void (*note)(void *arg, const char *text);
	void (*detail)(void *arg, const char *text);
	// A layer being packed: so many of its raw_size bytes were read.
	void (*packing)(void *arg, const struct built_image *image, const struct built_layer *l,
		uint64_t bytes);
	void (*layer)(void *arg, const struct built_image *image, const struct built_layer *l);
	// All is made, and nothing published yet; with dry_run the last event.
	void (*made)(void *arg, const struct build *b);
	// A tag (a full reference) stands in its registry.
	void (*pushed)(void *arg, const char *tag, const struct descriptor *top);
	const struct registry_events *registry;
};

struct build {
	struct arena arena;
	struct spec spec;
	const struct build_events *events;
	const char *command; // "imgmin build", for the history
	struct places places;
	struct sysroots *sysroots;
	struct pool *pool;
	struct cache *cache;
	struct { // in the order of the PATHs
		struct built_image **at;
		size_t len, cap;
	} images;
	struct descriptor top;  // of the index, or of the one manifest
	struct span index_text; // empty: there is one platform only
};

// Builds what the spec says and writes it to its places. Problems of a program that keep it from
// starting are ERR_NO_START. *out is set as soon as there is something to show, also on errors;
// build_drop it in any case.
must_check struct err *build_images(
	const struct build_args *args, const struct build_events *events, struct build **out);
void build_drop(struct build **b);

// Fills the tree, which is the image's then, proves it and plans its layers.
must_check struct err *build_assemble(
	struct build *b, struct built_image *image, struct tree *tree, struct root *host);
// From finished trees to layers, documents and all that was asked for (builder/pack.c).
must_check struct err *build_pack(struct build *b);
// Warns of --exclude patterns that no assembled image had a use for (builder/exclude.c).
void exclude_warn(struct build *b);
// Tells the listener.
void build_warn(struct build *b, const char *text);

// Where the spec says: places, the engine, registries (builder/publish.c).
must_check struct err *build_publish(struct build *b);

// The documents that --iidfile, --digestfile and --metadata-file ask for (builder/report.c).
must_check struct err *build_write_results(struct build *b);

// Which layer each entry of a finished tree goes into (builder/layering.c): at most 100, the most
// stable first; empty ones are left out.
void layering_split(struct built_image *image, enum layering how, struct arena *a);
