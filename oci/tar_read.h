// The entries of a plain tar that is a region of an open file, and where each one's bytes lie.
#pragma once
#include <archive_entry.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct tar_reader;

// size bytes of fd from off on; fd stays the caller's and its position is left alone. `what` names
// the tar in messages and must live as long as the reader.
must_check struct err *tar_reader_open(
	int fd, uint64_t off, uint64_t size, const char *what, struct tar_reader **out);
// The next entry, NULL at the end; it lives until the next call. The bytes of a regular file are
// archive_entry_size() bytes of the file behind fd from *off on: sparse entries are errors, so is a
// file that does not lie whole in the region, and a name in a PAX header that holds a NUL.
must_check struct err *tar_reader_next(
	struct tar_reader *r, struct archive_entry **entry, uint64_t *off);
void tar_reader_drop(struct tar_reader **r);

// A member name as a clean relative path ("./a//b/" is "a/b", "/" is ""), written to out, which has
// room for strlen(name) + 1. False where a part is "..".
bool tar_clean_name(const char *name, char *out);
