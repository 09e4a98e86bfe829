// The story of `imgmin inspect`: what is in an image, and why.
#pragma once
#include <stdio.h>

#include "builder/image.h"
#include "builder/place.h"

struct inspect_args {
	struct strings images;
	const char *platform, *output;
	const char *format; // text, json, or html: the page around the JSON
	struct registry_args registry;
};

// One platform's image as it is shown; `inside` is closed after it.
struct inspected {
	const struct image *image;
	const struct inside *inside; // NULL for an artifact
	struct map reasons;          // canonical path → why the file is there
};
// Why the regular file is there: "the program", "needed by sensor", "Python", "data".
const char *inspected_reason(const struct inspected *i, const struct layered_file *f);

// A way to show them; each is called in this order.
struct inspect_format {
	// `images` of the `all` that there are are shown.
	void (*begin)(FILE *out, const char *name, const struct descriptor *top, size_t images,
		size_t all);
	void (*image)(FILE *out, const struct inspected *i, size_t number, struct arena *a);
	void (*end)(FILE *out);
};
extern const struct inspect_format inspect_text, inspect_json;

// Writes all of it to out, one platform after the other.
must_check struct err *inspect_write(
	const struct inspect_args *args, const struct registry_events *events, FILE *out);
