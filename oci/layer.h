// Entries → tar → diff_id → compressor → digest: how a layer is written. Everything streams.
#pragma once
#include "base/compress.h"
#include "base/root.h"
#include "oci/cache.h"

// One file, directory or link of a layer. Where its bytes come from: `bytes` if set, else the
// regular file at canonical path `source` of `root`.
struct entry {
	const char *path; // canonical, absolute; no "." or "..", no link among its parents
	mode_t mode;      // type and permissions; S_IFREG, S_IFDIR, S_IFLNK
	uid_t uid;
	gid_t gid;
	int64_t mtime;      // seconds
	uint64_t size;      // of a regular file; the source must have just that many bytes
	const char *target; // of a symbolic link
	// The path of an entry before it in the same layer, which it shares its bytes with; NULL:
	// none.
	const char *hard_link;
	const void *bytes;
	struct root *root;
	const char *source;
	struct xattrs xattrs;
};

struct layer {
	struct digest diff_id;
	struct descriptor descriptor; // mediaType OCI_LAYER with the compressor's suffix
	uint64_t raw_size;            // of the tar
	struct blob blob;             // its compressed bytes
	bool is_cached;               // they were there already
};

struct layer_options {
	const struct compress_format *format;
	int level; // COMPRESS_AUTO or the format's own range
	struct pool *pool;
	struct cache *cache;
	void (*progress)(void *arg, uint64_t plain_bytes); // NULL: none; since the last call
	void *progress_arg;
};

// Writes n entries, sorted by path in byte order (parents before children), as a layer. The tar:
// ustar with PAX only where needed, xattrs as SCHILY.xattr.*, numeric owners only, two zero blocks
// at the end. A source whose size changes while it is read is an error. Only a layer that the cache
// lacks is compressed; where it may have one (cache_may_have) the tar is hashed first, else hashed
// and compressed in one pass.
must_check struct err *layer_write(const struct layer_options *o,
	const struct entry *const *entries, size_t n, struct arena *a, struct layer *out);
// The same in two steps: after the first all is read, and workers may still be compressing while
// the next layer begins. `out` and the options' pool and cache stay until the second, or the drop.
struct layer_writing;
must_check struct err *layer_begin(const struct layer_options *o,
	const struct entry *const *entries, size_t n, struct arena *a, struct layer *out,
	struct layer_writing **writing);
must_check struct err *layer_finish(struct layer_writing **writing, struct arena *a);
void layer_writing_drop(struct layer_writing **w);
// What the tar of these entries holds, to the byte, without reading any.
struct tar_sizes {
	uint64_t headers; // a block for each entry
	uint64_t records; // PAX records where ustar has no room, with headers of their own
	uint64_t content; // the files' own bytes; a hard link has none
	uint64_t padding; // behind them, to whole blocks
	uint64_t end;     // two zero blocks
};
void layer_tar_sizes(const struct entry *const *entries, size_t n, struct tar_sizes *out);
// The sum of them.
uint64_t layer_raw_size(const struct entry *const *entries, size_t n);
// Writes just the tar of the entries into s.
must_check struct err *layer_tar(const struct entry *const *entries, size_t n, struct sink *s,
	void (*progress)(void *arg, uint64_t plain_bytes), void *progress_arg);
