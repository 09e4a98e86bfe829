// Places that images come from and go to: the transports of containers-transports(5) by their
// words.
#pragma once
#include "oci/transport.h"

// "oci:DIR[:TAG]", "oci-archive:FILE[:TAG]", "docker-archive:FILE[:REF]", "-" (stdout), or a plain
// path: an existing directory or one ending in "/" is a layout, anything else an archive. *name is
// the TAG or REF given, NULL for none. Times in archives are `epoch` seconds.
must_check struct err *place_create(const char *place, int64_t epoch, struct arena *a,
	struct transport **out, const char **name);
// ERR_USAGE for what place_create would refuse by its words alone.
must_check struct err *place_check(const char *place);
// The same words, for an image that is there. A bare word that is no path is a reference: ERR_USAGE
// until registries are spoken to.
must_check struct err *place_open(
	const char *place, struct arena *a, struct transport **out, const char **name);
// The one image that `name` (NULL: the only one) means at a place; ERR_USAGE lists the names there
// are where it is not clear.
must_check struct err *place_find(
	struct transport *t, const char *name, struct arena *a, struct named_image *out);
