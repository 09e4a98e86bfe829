// Results that would take the place of an input or of each other.
#pragma once
#include "builder/spec.h"

// Of build and slim: outputs and the files that --iidfile and its like name, against what is read;
// image: the one to make smaller, NULL for none. Only files that are there already can be one and
// the same as an input. ERR_USAGE names the option. What could not be written is said, too.
must_check struct err *results_check(const struct build_args *args, const struct strings *outputs,
	const char *image, struct arena *a);
// Of inspect and diff: -o FILE (NULL: stdout) against the images' places.
must_check struct err *results_check_file(const char *output, const struct strings *images);
