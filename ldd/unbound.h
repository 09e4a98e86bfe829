// DT_NEEDED entries of a program that nothing binds to: stubs such as libpthread and librt are
// since glibc 2.34, and what was linked without --as-needed.
#pragma once
#include "ldd/closure.h"

// The NEEDED names of the closure's program that may go: found in the closure, no symbol of any
// object in it that could bind there does (breadth-first scope without it would give every object
// the same definitions), no Verneed of the program names it, and the library itself and what only
// it brings have neither constructors, destructors, TLS, IRELATIVE relocations nor STB_GNU_UNIQUE
// symbols. Only a program's own entries are looked at. Where a table cannot be read: none.
must_check struct err *unbound_needed(
	struct resolver *r, const struct closure *c, struct arena *a, struct strings *out);
