// What a command needs to write and to reach, by its options, and nothing else from then on: the
// sandbox that it enters before it reads what others made.
#pragma once
#include "base/sandbox.h"
#include "builder/spec.h"
#include "cli/opt.h"

struct confinement {
	const struct registry_args *registry;
	const char *cache_dir; // --cache-dir; NULL: the usual one
	bool is_cacheless;     // --no-cache
	bool needs_cache;      // to keep layers in
	bool needs_spool;      // for what finds no room there, or goes to stdout when it is whole
	bool starts_programs;  // ssh
	// The rest is filled by these functions. Words that mean nothing are passed over: whoever
	// opens them says so.
	struct arena arena;
	struct sandbox allowed;
};

// An image that is read; with its layers: they are kept in the cache.
void confine_image(struct confinement *c, const char *place, bool with_layers);
// Those of --sysroot.
void confine_sysroots(struct confinement *c, const struct strings *sysroots);
// Where an image goes.
void confine_output(struct confinement *c, const char *place);
// A file that appears; NULL and "-": none.
void confine_file(struct confinement *c, const char *path);
// What build and slim have in common.
void confine_build(struct confinement *c, const struct build_args *args);
// Enters it, unless IMGMIN_SANDBOX is off, and says so with -v. c is of no use afterwards.
void confine_enter(struct confinement *c, const struct common_args *common);
