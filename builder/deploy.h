// The story of `imgmin deploy`: an image into the engine of a device, over ssh, without the layers
// that the device holds.
#pragma once
#include "builder/place.h"

struct deploy_args {
	struct strings words;  // IMAGE ssh://…
	const char *engine;    // auto, docker, balena-engine or containerd
	const char *platform;  // NULL: the device's
	const char *namespace; // of containerd; NULL: the device's usual one
	struct registry_args registry;
};

struct deployed {
	const char *name, *digest; // full reference; of the platform's manifest
	const char *engine;
	size_t layers, layers_sent;
	uint64_t bytes_sent, bytes_held; // of layers, compressed
};
// *out lives in the arena. ERR_NETWORK where ssh fails, ERR_FAILED where no engine is there.
must_check struct err *deploy(const struct deploy_args *args, const struct registry_events *events,
	struct arena *a, struct deployed *out);
