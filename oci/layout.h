// A transport: the OCI image layout directory (image-layout.md).
#pragma once
#include "oci/transport.h"

// For reading: a directory with oci-layout and index.json.
must_check struct err *layout_open(const char *dir, struct transport **out);
// For writing: made where it does not exist (whole, on commit), else added to: blobs first, the new
// index.json in one rename on commit. An image tagged before under the same name loses the name,
// other images stay.
must_check struct err *layout_create(const char *dir, struct transport **out);
// Could it be made or added to? What is tried leaves nothing.
must_check struct err *layout_try(const char *dir);
// Could dir be one? (For recognising a plain path.)
bool layout_is(const char *dir);
// The same; what cannot be looked at is an error.
must_check struct err *layout_look(const char *dir, bool *is);

// What index.json says, for archives too. The names of an entry are its io.containerd.image.name
// and its org.opencontainers.image.ref.name; entries of one digest are one image.
void layout_names(const struct index *x, struct arena *a, struct named_images *out);
// An entry for each name: a full reference ("docker.io/user/sensor:1.2") becomes the first of these
// annotations and its tag the second, a name without "/" the second alone. Entries that had the
// name lose it. Without names there is one bare entry.
void layout_tag(
	struct index *x, struct arena *a, const struct descriptor *d, const struct strings *names);
