// A transport: Docker or balena-engine on this machine or at DOCKER_HOST, spoken to by the Engine
// API; no docker client is needed.
#pragma once
#include "base/platform.h"
#include "oci/transport.h"
#include "registry/ref.h"

// Is it at another machine, or at a port, rather than behind a socket?
bool daemon_is_remote(void);
// For reading: what `docker save REF` gives. It is spooled to a temporary file.
must_check struct err *daemon_open(const struct ref *ref, struct transport **out);
// For writing: what is put goes to the engine as an archive, as it comes; commit waits for its
// answer. Times in it are `epoch` seconds.
must_check struct err *daemon_create(int64_t epoch, struct transport **out);
// What the engine runs by itself, "linux/arm/v7".
must_check struct err *daemon_platform(struct platform *out);
