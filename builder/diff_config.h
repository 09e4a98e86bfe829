// What differs between the configs of two images, in words.
#pragma once
#include "builder/image.h"

// "Entrypoint: [\"/a\"] → [\"/b\"]", "Env LANG: C → C.UTF-8", "Label x: (none) → 1". The history is
// left out: it says how an image was made.
must_check struct err *diff_configs(
	const struct image *x, const struct image *y, struct arena *a, struct strings *out);
