#include "oci/layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>

#define READ_SIZE (256u << 10)

// libarchive, writing without buffering of its own: what it is given in big pieces comes out at the
// sink as it went in.
struct tar {
	struct archive *archive;
	struct archive_entry *entry;
	struct sink *sink;
	struct err *err; // of the sink; libarchive has no room for it
};

static void tar_drop(struct tar *t)
{
	if (t->archive) {
		archive_write_fail(t->archive); // no trailer after an error
		archive_write_free(t->archive);
	}
	archive_entry_free(t->entry);
	err_drop(&t->err);
}

static la_ssize_t tar_output(struct archive *a, void *arg, const void *bytes, size_t n)
{
	struct tar *t = arg;

	if (!t->err)
		t->err = sink_write(t->sink, bytes, n);
	if (!t->err)
		return (la_ssize_t)n;
	archive_set_error(a, EIO, "sink");
	return -1;
}

static struct err *tar_err(struct tar *t)
{
	const char *why = archive_error_string(t->archive);

	return t->err ? take(t->err) : err_new(ERR_FAILED, "tar: %s", why ? why : "failed");
}

static struct err *tar_open(struct tar *t, struct sink *s)
{
	*t = (struct tar){.archive = archive_write_new(), .entry = archive_entry_new(), .sink = s};
	if (!t->archive || !t->entry)
		return err_sys(ENOMEM, "tar");
	// Names are bytes, whatever the locale, and xattrs are written once and as everybody reads
	// them; no buffer means no padding beyond the two zero blocks.
	if (archive_write_set_format_pax_restricted(t->archive) ||
		archive_write_set_options(t->archive, "hdrcharset=BINARY,xattrheader=SCHILY") ||
		archive_write_set_bytes_per_block(t->archive, 0) ||
		archive_write_set_bytes_in_last_block(t->archive, 1) ||
		archive_write_open(t->archive, t, NULL, tar_output, NULL))
		return tar_err(t);
	return NULL;
}

// The name inside the tar: relative, the root itself "./".
static const char *tar_name(const char *path)
{
	return path[1] ? path + 1 : "./";
}

static struct err *tar_header(struct tar *t, const struct entry *e)
{
	struct archive_entry *h = archive_entry_clear(t->entry);

	archive_entry_copy_pathname(h, tar_name(e->path));
	archive_entry_set_mode(h, e->mode);
	archive_entry_set_uid(h, e->uid);
	archive_entry_set_gid(h, e->gid);
	archive_entry_set_mtime(h, (time_t)e->mtime, 0);
	if (S_ISREG(e->mode))
		archive_entry_set_size(h, (la_int64_t)e->size);
	if (S_ISLNK(e->mode))
		archive_entry_copy_symlink(h, e->target);
	// libarchive gives them out last in, first out.
	for (size_t i = e->xattrs.len; i-- > 0;) {
		const struct xattr *x = &e->xattrs.at[i];

		archive_entry_xattr_add_entry(h, x->name, x->value.ptr, x->value.len);
	}
	return archive_write_header(t->archive, h) ? tar_err(t) : NULL;
}

static struct err *tar_bytes(struct tar *t, const void *bytes, size_t n)
{
	la_ssize_t done = n ? archive_write_data(t->archive, bytes, n) : 0;

	return done == (la_ssize_t)n ? NULL : tar_err(t);
}

static struct err *changed(const struct entry *e, uint64_t now)
{
	return err_new(ERR_FAILED, "it changed while it was read: %llu bytes instead of %llu",
		(unsigned long long)now, (unsigned long long)e->size);
}

static struct err *tar_source(struct tar *t, const struct entry *e, char *buf)
{
	drop(file_drop) struct file *f = NULL;

	TRY(root_open_file(e->root, e->source, &f));
	if (file_size(f) != e->size)
		return changed(e, file_size(f));
	for (uint64_t off = 0; off < e->size;) {
		size_t got = 0;

		TRY(file_pread(f, buf, READ_SIZE, off, &got));
		if (got == 0)
			return changed(e, off);
		TRY(tar_bytes(t, buf, got));
		off += got;
	}
	return NULL;
}

static struct err *tar_content(struct tar *t, const struct entry *e, char *buf)
{
	drop(arena_drop) struct arena a = {0};

	if (!S_ISREG(e->mode))
		return NULL;
	if (e->bytes || !e->root)
		return e->bytes || !e->size ? tar_bytes(t, e->bytes, (size_t)e->size)
					    : err_new(ERR_FAILED, "add %s: no source", e->path);
	TRY_AS(tar_source(t, e, buf), "add %s from %s", e->path,
		root_host_path(e->root, e->source, &a));
	return NULL;
}

static struct err *tar_close(struct tar *t)
{
	return archive_write_close(t->archive) ? tar_err(t) : NULL;
}

struct err *layer_tar(const struct entry *const *entries, size_t n, struct sink *s,
	void (*progress)(void *arg, uint64_t plain_bytes), void *progress_arg)
{
	drop(tar_drop) struct tar t = {0};
	drop(mem_drop) char *buf = mem_alloc(READ_SIZE);

	TRY(tar_open(&t, s));
	for (size_t i = 0; i < n; i++) {
		TRY(tar_header(&t, entries[i]));
		TRY(tar_content(&t, entries[i], buf));
		if (progress && S_ISREG(entries[i]->mode))
			progress(progress_arg, entries[i]->size);
	}
	return tar_close(&t);
}

struct counter {
	struct sink sink;
	uint64_t size;
};

static struct err *count(struct sink *s, const void *bytes, size_t n)
{
	(void)bytes;
	((struct counter *)s)->size += n;
	return NULL;
}

// Content that is not written libarchive replaces by zeros.
uint64_t layer_raw_size(const struct entry *const *entries, size_t n)
{
	drop(tar_drop) struct tar t = {0};
	struct counter c = {.sink.write = count};
	struct err *err = tar_open(&t, &c.sink);

	for (size_t i = 0; !err && i < n; i++)
		err = tar_header(&t, entries[i]);
	if (!err)
		err = tar_close(&t);
	err_drop(&err); // it will come again when they are written
	return c.size;
}

// What a layer is known by before its bytes are read, beside its diff_id.
static const char *identity_of(const struct layer_options *o, uint64_t raw_size, struct arena *a)
{
	return arena_printf(a, "%s tar %llu", compress_identity(o->format, o->level, raw_size, a),
		(unsigned long long)raw_size);
}

static struct err *find_kept(const struct layer_options *o, const struct entry *const *entries,
	size_t n, const char *identity, struct layer *out, struct digest *digest)
{
	struct hasher h;

	hasher_init(&h, NULL);
	TRY(layer_tar(entries, n, &h.sink, NULL, NULL));
	out->diff_id = hasher_digest(&h);
	TRY(cache_find(o->cache, &out->diff_id, identity, digest, &out->blob, &out->is_cached));
	if (out->is_cached && o->progress)
		o->progress(o->progress_arg, h.size);
	return NULL;
}

// tar → diff_id → compressor → digest → cache, in one pass: this thread reads and hashes while the
// workers compress.
static struct err *make_new(const struct layer_options *o, const struct entry *const *entries,
	size_t n, const char *identity, struct layer *out, struct digest *digest)
{
	drop(cache_entry_drop) struct cache_entry *kept = NULL;
	drop(compressor_drop) struct compressor *c = NULL;
	struct hasher plain;

	TRY(cache_begin(o->cache, &kept));
	TRY(compress_open(o->format, o->level, out->raw_size, o->pool, cache_entry_sink(kept), &c));
	hasher_init(&plain, compressor_sink(c));
	TRY(layer_tar(entries, n, &plain.sink, o->progress, o->progress_arg));
	TRY(sink_finish(&plain.sink));
	const struct digest diff_id = hasher_digest(&plain);

	// The first reading, if there was one, ended in out.
	if (out->diff_id.text[0] && !digest_equal(&out->diff_id, &diff_id))
		return err_new(ERR_FAILED, "files changed while they were read");
	out->diff_id = diff_id;
	return cache_commit(kept, &diff_id, identity, digest, &out->blob);
}

struct err *layer_write(const struct layer_options *o, const struct entry *const *entries, size_t n,
	struct arena *a, struct layer *out)
{
	const uint64_t raw_size = layer_raw_size(entries, n);
	const char *identity = identity_of(o, raw_size, a);
	struct digest digest;

	*out = (struct layer){.raw_size = raw_size, .blob.fd = -1};
	if (cache_may_have(o->cache, identity))
		TRY(find_kept(o, entries, n, identity, out, &digest));
	if (!out->is_cached)
		TRY(make_new(o, entries, n, identity, out, &digest));
	out->descriptor.media_type = arena_printf(a, OCI_LAYER "%s", o->format->suffix);
	out->descriptor.digest = arena_strdup(a, digest.text);
	out->descriptor.size = (int64_t)out->blob.size;
	return NULL;
}
