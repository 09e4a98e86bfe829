// A transport: the OCI image layout directory (image-layout.md).
#pragma once
#include "oci/transport.h"

// For reading: a directory with oci-layout and index.json.
must_check struct err *layout_open(const char *dir, struct transport **out);
// For writing: made where it does not exist (whole, on commit), else added to: blobs first, the new
// index.json in one rename on commit. An image tagged before under the same name loses the name,
// other images stay.
must_check struct err *layout_create(const char *dir, struct transport **out);
// Could dir be one? (For recognising a plain path.)
bool layout_is(const char *dir);
