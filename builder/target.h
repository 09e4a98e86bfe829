// What known devices and engines cannot take: the profiles of `imgmin check --target`.
#pragma once
#include "builder/check.h"

struct target {
	const char *name;        // "pi-zero"
	const char *alias;       // another word for it; NULL: none
	const char *what;        // in sentences: "a Pi Zero", "balena-engine"
	const char *platform;    // the best it runs: "linux/arm/v6"; NULL: any
	const char *narrow;      // the 32-bit platform a 64-bit one runs as well; NULL: none
	uint64_t page_size;      // the largest page its kernels have; 0: 4096
	const char *small_pages; // beside page_size: how its kernel gets pages of 4096
	bool no_zstd, no_oci;    // what its engines cannot read: layers, media types
	bool first_match;  // takes the first arm manifest, not the best: the index order counts
	size_t layers_max; // 0: no limit of its own
};
extern const struct target targets[]; // ends with name NULL

// NULL where there is no such target.
const struct target *target_find(const char *name);
// Its names for messages: "pi-zero, pi3, …".
const char *target_names(struct arena *a);

// The words of --target in c->args; unknown ones are ERR_USAGE. First of all.
must_check struct err *check_targets(struct check *c);
// Can the engines take the image as a whole?
void check_target_index(
	struct check *c, const struct descriptor *top, const struct descriptors *manifests);
// What each device would take of these, remembered for check_target_image.
must_check struct err *check_target_devices(
	struct check *c, struct transport *t, const struct descriptors *manifests);
// The documents of one platform's image; in (NULL: not readable) is what its layers hold.
must_check struct err *check_target_image(
	struct check *c, const struct image *image, struct inside *in);
// A program of this machine, which needs the platform `needed`.
void check_target_program(
	struct check *c, const struct closure *closure, const struct platform *needed);
