// --max-size: is an image small enough to be sent, and if not, which files fill it.
#pragma once
#include <stdint.h>

#include "base/err.h"

#define BUDGET_SHOWN 5

// The largest files of an image seen so far, the largest first. A zeroed struct is empty.
struct budget {
	struct budget_file {
		const char *path; // borrowed
		uint64_t size;    // bytes
	} largest[BUDGET_SHOWN];
	size_t n;
};

void budget_see(struct budget *b, const char *path, uint64_t size);
// ERR_POLICY where an image whose layers have `size` bytes as they are sent is above max, with the
// largest files as hint. max 0: there is no budget.
must_check struct err *budget_check(const struct budget *b, uint64_t size, uint64_t max);
