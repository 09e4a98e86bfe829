// Dependencies that DT_NEEDED does not show, found without running anything.
#pragma once
#include "ldd/closure.h"

struct suggestion {
	const char *name; // a library
	const char *why;  // who may open it and how that is known
	bool is_present;  // the sysroot has it
};
struct suggestions {
	struct suggestion *at;
	size_t len, cap;
};

// Adds to the closure what would be opened at run time: libgcc_s where pthread_cancel, pthread_exit
// or backtrace are imported and it exists; sonames of dlopen notes (required and recommended: the
// first of each list that is there; required and missing is a problem); libnss_X of the root's
// nsswitch.conf services where getpwnam, getaddrinfo and friends are imported (none for files and
// dns since glibc 2.34). Repeats until nothing new comes. Suggested notes, and library
// names standing as strings in objects that import dlopen, only go to `out`.
must_check struct err *hidden_add(struct resolver *r, struct closure *c, struct suggestions *out);
