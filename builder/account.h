// Where every byte of an image's layers goes.
#pragma once
#include <stdio.h>

#include "builder/build.h"

struct account {
	uint64_t segments; // of ELF files, as loaders map them
	uint64_t elf_rest; // what these files hold besides: section tables, gaps between segments
	uint64_t data;     // all other files
	struct tar_sizes tar; // of all layers; its content is the three above
	size_t elf_files, entries;
};
void account_image(const struct built_image *image, struct account *out);
// Just the bytes of the layers' tars.
uint64_t account_total(const struct account *c);
json_t *account_json(const struct account *c);
// One line: "linux/arm/v7: 1498112 bytes raw: 1489000 in segments, …".
void account_print(FILE *out, const struct built_image *image);
