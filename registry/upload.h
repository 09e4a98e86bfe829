// One blob on its way up: exists, mount, session, whole PUT; after a fault whatever leads on.
#pragma once
#include "registry/request.h"

struct upload {
	// To be filled; borrowed until done.
	struct remote *remote;
	const char *scope, *mount_from; // another repository, NULL: none
	struct descriptor d;
	struct blob blob;
	bool is_missing; // asked already: it is not there …
	bool is_there;   // … or is
	bool is_offered; // and could not be mounted
	void (*done)(struct upload *u);
	void *arg;

	// What became of it.
	struct err *error;
	enum registry_fate fate;

	// upload's own.
	struct request request;
	struct arena arena;
	int step, failures, gone;
	bool is_open, is_chunked, is_resumed;
	struct url location;
	uint64_t offset, length, chunk, best;
};

void upload_start(struct upload *u);
void upload_drop(struct upload *u); // not while it is under way, http_drop() aside
