// The parts of hidden_add.
#pragma once
#include "base/map.h"
#include "ldd/hidden.h"

struct facts;

// nsswitch.conf's text into conf: from a database to its services, a struct strings.
void nss_parse(struct arena *a, struct span text, struct map *conf);
// Adds what libc opens for the names that `user` asks for.
must_check struct err *nss_add(struct resolver *r, struct closure *c, const struct object *user);

// The text of one .note.dlopen into facts->notes; what is wrong with it into facts->bad_note.
void note_parse(struct arena *a, const char *text, struct facts *facts);
// Adds what the notes of `user` call for.
must_check struct err *note_add(
	struct resolver *r, struct closure *c, struct object *user, struct suggestions *out);

// Is a library of that name loaded already?
bool closure_has(const struct closure *c, const char *name);
// Would a dlopen by `by` find it?
must_check struct err *closure_would_find(struct resolver *r, struct closure *c,
	const struct object *by, const char *name, bool *found);
// Suggests a library, once.
must_check struct err *suggest(struct resolver *r, struct closure *c, const struct object *by,
	const char *name, const char *why, struct suggestions *out);
