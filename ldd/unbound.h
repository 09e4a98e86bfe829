// DT_NEEDED entries of a program that nothing binds to: stubs such as libpthread and librt are
// since glibc 2.34, and what was linked without --as-needed.
#pragma once
#include "ldd/closure.h"

// The NEEDED names of the closure's program that may go: found in the closure and wanted by nobody
// else, no symbol of any object in it binds there, what stays keeps its order, no Verneed names it,
// and the library itself and what only it brings have neither constructors nor destructors (but for
// those that gcc's crtbegin.o gives every library), TLS, IRELATIVE relocations nor STB_GNU_UNIQUE
// symbols. Where something opens libraries or looks symbols up at run time, one that offers any
// symbol by its plain name stays. Only a program's own entries are looked at, and only glibc's
// loader is known well enough. Where a table cannot be read: none.
must_check struct err *unbound_needed(
	struct resolver *r, const struct closure *c, struct arena *a, struct strings *out);
