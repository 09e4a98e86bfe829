// What the mutators that know a format share.
#pragma once
#include <stddef.h>
#include <stdint.h>

// libFuzzer's own: a changed value of at most max bytes, in place; the result is its size.
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
// Called by libFuzzer in place of it.
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

struct dice {
	uint64_t state;
};

// A number below n (n > 0), from the seed alone: the same seed makes the same input again.
static inline size_t dice_below(struct dice *d, size_t n)
{
	d->state = d->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (size_t)(d->state >> 33) % n;
}
