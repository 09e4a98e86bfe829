// What known devices and engines cannot take: the profiles of `imgmin check --target`.
#pragma once
#include "builder/check.h"

struct target {
	const char *name;                            // "pi-zero"
	const char *summary;                         // one line for --help and the manual
	const char *platform;                        // the best it runs: "linux/arm/v6"; NULL: any
	uint64_t page_size;                          // the largest page its kernels have; 0: 4096
	bool no_zstd, no_oci_index, no_docker_media; // what its engines cannot read
	bool first_match;  // takes the first manifest that fits, not the best: the index order
			   // counts
	size_t layers_max; // 0: no limit of its own
};
extern const struct target targets[]; // ends with name NULL

// NULL where there is no such target.
const struct target *target_find(const char *name);
// Its names for messages: "pi-zero, pi3, …".
const char *target_names(struct arena *a);
