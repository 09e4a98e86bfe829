// One blob on its way down: into a partial file that later runs resume, hashed as it comes.
#pragma once
#include "registry/request.h"

struct download {
	// To be filled; borrowed until done.
	struct remote *remote;
	const char *scope;
	struct descriptor d;

	// What became of it.
	bool is_done;
	struct err *error;
	enum registry_fate fate;
	struct blob blob;

	// download's own.
	struct request request;
	struct arena arena;
	struct hasher hasher;
	struct digest digest;
	struct fd_sink file;
	bool is_kept, is_inherited, is_ready;
	int failures;
	uint64_t size, best;
};

void download_start(struct download *d);
void download_drop(struct download *d); // not while it is under way, http_drop() aside
