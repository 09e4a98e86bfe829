// Sizes as people write and read them: powers of ten, KiB and MiB understood.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// "1.50 MB", in powers of ten, three figures; at most 16 bytes with the NUL.
const char *size_text(uint64_t bytes, char out[16]);
// "2MiB", "1.5GB", "500k", "10M" (10⁶), case as you like; at most six digits after the point are
// heard. False, and *out untouched, for anything else and for more than 64 bits hold.
bool size_parse(const char *text, uint64_t *out);
