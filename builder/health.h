// What an image's health check starts. Engines run it inside the container, and a check that is
// missing makes a sound container an unhealthy one.
#pragma once
#include "oci/types.h"

// The programs that Healthcheck.Test of Docker's config names (CMD), or the shell and the commands
// of its line (CMD-SHELL): names or paths, none where there is no check.
must_check struct err *health_programs(
	const struct runtime_config *c, struct arena *a, struct strings *out);
