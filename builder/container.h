// What a container is started with, and what its environment means for the programs in it.
#pragma once
#include "oci/types.h"

struct container {
	struct runtime_config config; // entrypoint empty: the image's program
	const char *library_path;     // LD_LIBRARY_PATH in env; NULL: none
	struct strings path;          // directories of PATH, of engines' default where env has none
};

// The value of NAME in env, the last one that is set (execve(2), environ(7)); NULL: none.
const char *env_value(const struct strings *env, const char *name);
// PATH of env, engines' default where it has none.
const char *env_path(const struct strings *env);
// A path as the container's process finds it that starts in WorkingDir.
const char *path_in_workdir(const struct runtime_config *c, const char *path, struct arena *a);
// Fills in what follows from config.
void container_read(struct container *c, struct arena *a);
