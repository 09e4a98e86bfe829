#include "builder/target.h"

#include <string.h>

// Where the rules come from:
//
// no_zstd: Docker reads zstd layers since 23.0 (moby/moby#41759), containerd since 1.5 (its release
// notes). balena-engine is Docker 18.09 to 20.10; zstd was offered to it and not taken
// (balena-os/balena-engine#469).
//
// no_oci: before moby/moby#37359 (18.06) Docker does not know OCI's media types. 19.03 takes the
// type, then stumbles over it: "mediaType in manifest should be …" (moby/moby#39727), until
// moby/moby#40070.
//
// k3s 1.21 brings containerd 1.4, 1.22 brings 1.5 (k3s-io/k3s#5204).
//
// first_match: Docker until 18.05 compares no variant at all, later ones up to 19.03 and containerd
// up to 1.4 fall back to the first arm entry, or take it (moby/moby#34875, #37647,
// containerd/containerd#2991).
//
// layers_max: maxLayerDepth in moby's layer/layer_store.go, the same from 1.10 to 28.
//
// platform, narrow: the processors, by Raspberry Pi's documentation: ARM1176 (Pi 1, Zero),
// Cortex-A7 (Pi 2), A53 (Pi 3, Zero 2), A72 (Pi 4), A76 (Pi 5); from the A53 on they
// run 64-bit and 32-bit programs.
//
// page_size: Raspberry Pi OS starts kernel_2712.img on a Pi 5, with pages of 16 KiB; kernel8.img
// has 4 KiB (raspberrypi/bookworm-feedback#107).
#define DEVICE(name_, what_, platform_, narrow_, ...)                                              \
	{                                                                                          \
		.name = (name_), .what = (what_), .platform = (platform_), .narrow = (narrow_),    \
		__VA_ARGS__                                                                        \
	}
#define ENGINE(name_, what_, ...)                                                                  \
	{                                                                                          \
		.name = (name_), .what = (what_), .no_zstd = true, __VA_ARGS__                     \
	}
#define DOCKER_LAYERS 125

const struct target targets[] = {
	DEVICE("pi-zero", "a Pi Zero or Pi 1", "linux/arm/v6", NULL, .alias = "pi1"),
	DEVICE("pi-zero-2", "a Pi Zero 2", "linux/arm64", "linux/arm/v8"),
	DEVICE("pi2", "a Pi 2", "linux/arm/v7", NULL),
	DEVICE("pi3", "a Pi 3", "linux/arm64", "linux/arm/v8"),
	DEVICE("pi4", "a Pi 4", "linux/arm64", "linux/arm/v8"),
	DEVICE("pi5", "a Pi 5", "linux/arm64", "linux/arm/v8", .page_size = 16384,
		.small_pages = "keep larger pages with imgmin build --page-size 16K, or put "
			       "kernel=kernel8.img into the Pi's config.txt"),
	ENGINE("balena", "balena-engine", .first_match = true, .layers_max = DOCKER_LAYERS),
	ENGINE("docker-18", "Docker 18", .no_oci = true, .first_match = true,
		.layers_max = DOCKER_LAYERS),
	ENGINE("docker-19", "Docker 19", .no_oci = true, .first_match = true,
		.layers_max = DOCKER_LAYERS),
	ENGINE("docker-20", "Docker 20", .layers_max = DOCKER_LAYERS),
	ENGINE("containerd-1.4", "containerd 1.4", .alias = "k3s-1.21", .first_match = true),
	{0},
};

const struct target *target_find(const char *name)
{
	for (const struct target *t = targets; t->name; t++)
		if (strcmp(t->name, name) == 0 || (t->alias && strcmp(t->alias, name) == 0))
			return t;
	return NULL;
}

const char *target_names(struct arena *a)
{
	const char *all = "";

	for (const struct target *t = targets; t->name; t++)
		all = arena_printf(a, "%s%s%s%s%s", all, *all ? ", " : "", t->name,
			t->alias ? ", " : "", t->alias ? t->alias : "");
	return all;
}
