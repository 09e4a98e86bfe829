// Write-and-finish streams, and files that appear whole on commit or not at all.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

// Something bytes are written to. A filter has a sink as its first member and passes on to the
// next one. finish is called once, after the last write, and only when all writes succeeded; it
// does not free anything: the owner's own drop does.
struct sink {
	struct err *(*write)(struct sink *s, const void *bytes, size_t n);
	struct err *(*finish)(struct sink *s); // NULL: nothing to finish
};
must_check struct err *sink_write(struct sink *s, const void *bytes, size_t n);
must_check struct err *sink_finish(struct sink *s);

// Bytes collected in memory, at most `max` of them; more is an error naming `what`.
struct buffer {
	struct sink sink;
	char *bytes; // a NUL always follows
	size_t len, cap, max;
	const char *what;
};
void buffer_init(struct buffer *b, size_t max, const char *what);
void buffer_drop(struct buffer *b);

// A file being written beside its target. file_out_commit syncs it and renames it over the target;
// file_out_drop without a commit leaves the target as it was and removes what was written.
// Opening sweeps what killed runs left beside the same target. A target that is a symbolic link is
// replaced, not followed; devices, FIFOs and /dev/stdout are written directly, as the bytes come.
struct file_out;
must_check struct err *file_out_open(const char *path, mode_t mode, struct file_out **out);
// Is that path written directly?
bool file_out_is_direct(const char *path);
struct sink *file_out_sink(struct file_out *f);
// The descriptor behind it, for copy_file_range and pread; owned by f.
int file_out_fd(struct file_out *f);
must_check struct err *file_out_commit(struct file_out *f);
void file_out_drop(struct file_out **f);

// Could it be opened, and its bytes be written there? Devices and FIFOs are not tried.
must_check struct err *file_out_try(const char *path);

// The same for a whole directory that does not exist yet: *dir is where to write.
struct dir_out;
must_check struct err *dir_out_open(const char *path, struct dir_out **out, const char **dir);
must_check struct err *dir_out_commit(struct dir_out *d);
void dir_out_drop(struct dir_out **d);

// An open descriptor as a sink (stdout, a spool file); finish does not close it.
struct fd_sink {
	struct sink sink;
	int fd;
	const char *name; // for messages
};
void fd_sink_init(struct fd_sink *s, int fd, const char *name);

// n bytes of fd from off on, through a fixed buffer, into s. A shorter file is an error.
must_check struct err *sink_copy_fd(
	struct sink *s, int fd, uint64_t off, uint64_t n, const char *name);

// Up to n bytes of fd from off on; fewer only at the end of the file, *got says how many.
must_check struct err *fd_read_at(
	int fd, void *bytes, size_t n, uint64_t off, const char *name, size_t *got);

// An unlinked temporary file in $TMPDIR (else /tmp), open for reading and writing.
must_check struct err *spool_open(int *fd);
// For drop(fd_drop): closes a descriptor that is not negative.
void fd_drop(int *fd);
