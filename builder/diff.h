// The story of `imgmin diff A B`: what changes for a device that holds A and pulls B.
#pragma once
#include <stdio.h>

#include "builder/image.h"
#include "builder/place.h"

struct diff_args {
	struct strings names; // two
	const char *platform, *output;
	const char *format; // text, json, or html: the page around the JSON
	bool keeps_same;    // files that are equal, too
	struct registry_args registry;
};

enum change_kind { CHANGE_ADDED, CHANGE_REMOVED, CHANGE_CONTENT, CHANGE_META };
struct change {
	enum change_kind kind;
	const char *path; // ends with a slash: a directory
	uint64_t old_size, new_size;
	const char *what; // "mode 0644 → 0755", "link to busybox"; NULL: nothing to say
};
// One platform of both images.
struct diff_platform {
	const char *platform;
	bool only_a, only_b; // of the other there is none for it
	struct {
		struct change *at;
		size_t len, cap;
	} changes; // sorted by path
	struct {
		struct same_file {
			const char *path;
			uint64_t size;
		} * at;
		size_t len, cap;
	} same;                  // regular files, where they are asked for
	uint64_t a_size, b_size; // of the layers as they are stored
	struct strings config;   // "Entrypoint: [\"/a\"] → [\"/b\"]"
	uint64_t download;       // bytes of documents and layers that a device holding A lacks
	uint64_t fetched_again;  // beside them: of layers that A has, but above another one
	size_t layers_new, layers_shared, layers_again; // again: of those shared
};
struct diff {
	struct arena arena;
	const struct diff_args *args;
	const char *a, *b; // as they were named, with their digests
	struct {
		struct diff_platform *at;
		size_t len, cap;
	} platforms;
};
// diff_drop in any case. A layer that the device has is found by its digest (containerd, podman,
// CRI-O). Docker's graph drivers and balena-engine find it only where all layers under it are
// equal, too (moby distribution/xfer): what they fetch again is counted apart.
must_check struct err *diff(
	const struct diff_args *args, const struct registry_events *events, struct diff *out);
void diff_drop(struct diff *d);

// For people, and in the shape that imgmin-diff(1) promises.
void diff_text(FILE *out, const struct diff *d);
void diff_json(FILE *out, const struct diff *d);
// The page that shows it, the equal files with the others.
must_check struct err *diff_html(FILE *out, const struct diff *d);
