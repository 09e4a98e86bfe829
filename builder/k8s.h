// The story of `imgmin k8s`: an image in a registry → the DaemonSet that runs it on every node
// which can.
#pragma once
#include <stdio.h>

#include "builder/place.h"

struct k8s_args {
	struct strings images;       // one
	struct strings devices;      // paths on the node
	const char *device_resource; // of a device plugin; NULL: none
	bool privileged;
	struct strings node_selector; // "key=value"
	struct strings env;           // "NAME=VALUE"
	const char *name, *namespace; // NULL: from the image's name; none
	struct registry_args registry;
};

// Writes it as YAML, the same bytes for the same image and arguments. What Kubernetes' API would
// refuse, and a device that the container could not open, are ERR_USAGE.
must_check struct err *k8s_write(
	const struct k8s_args *args, const struct registry_events *events, FILE *out);
