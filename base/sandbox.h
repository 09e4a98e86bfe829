// What the process may still do before it reads what others made: Landlock (landlock(7)) limits
// where it writes, a filter of system calls (seccomp(2)) takes exec, sockets and the
// administrator's calls. Each as far as the kernel has it; everything may be read.
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "base/mem.h"

enum sandbox_rights {
	SANDBOX_FILE,  // what stands there, a device or a FIFO, is written
	SANDBOX_SPOOL, // unnamed files in this directory
	SANDBOX_FILES, // files appear in this directory, are replaced and removed
	SANDBOX_TREE,  // so are directories and links, and they move about in it
};

enum sandbox_network {
	SANDBOX_NO_NETWORK,
	SANDBOX_ENGINE,  // sockets of this machine's daemons
	SANDBOX_NETWORK, // and the Internet's
};

struct sandbox {
	struct {
		// Rights hold for all that is below path; one that is not there is passed over.
		struct sandbox_path {
			const char *path;
			enum sandbox_rights rights;
		} * at;
		size_t len, cap;
	} writable;
	enum sandbox_network network;
	bool starts_programs; // by sandbox_spawn, which no limit reaches
};

// For good, and for the threads to come: there must be none yet. What was reached, in words; where
// a kernel lacks something the rest holds all the same.
const char *sandbox_enter(const struct sandbox *s, struct arena *a);

struct sandbox_program {
	char *const *argv; // looked for in PATH
	int in, out;
	bool takes_errors; // of its standard error, too: to out
	bool has_group;    // of its own, and Ctrl-C is not for it
};

// posix_spawnp(3), by a thread that stands outside the sandbox if there is one: credential helpers
// and ssh write and connect wherever they are used to. 0, or an errno.
int sandbox_spawn(const struct sandbox_program *p, pid_t *pid);
