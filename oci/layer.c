#include "oci/layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>

#define READ_SIZE (256u << 10)
#define TAR_BLOCK 512u

// libarchive, writing without buffering of its own: what it is given in big pieces comes out at the
// sink as it went in.
//
// With hdrcharset=BINARY names are bytes, whatever the locale, but then every entry gets a PAX
// header that says so. Therefore names beyond ASCII have a writer of their own, in front of the
// same sink.
enum { PLAIN, BINARY, WRITERS };

struct tar {
	struct archive *writers[WRITERS];
	struct archive *now; // the one that has the entry being written
	struct archive_entry *entry;
	struct sink *sink;
	struct err *err; // of the sink; libarchive has no room for it
	void (*progress)(void *arg, uint64_t plain_bytes);
	void *progress_arg;
};

// Freeing a writer closes it, which writes its end: not that of a second one, nor after an error.
static void tar_drop(struct tar *t)
{
	t->sink = NULL;
	for (int i = 0; i < WRITERS; i++)
		archive_write_free(t->writers[i]);
	archive_entry_free(t->entry);
	err_drop(&t->err);
}

// Never fails for libarchive, which then would not free all it has; tar_check tells us.
static la_ssize_t tar_output(struct archive *a, void *arg, const void *bytes, size_t n)
{
	struct tar *t = arg;

	(void)a;
	if (t->sink && !t->err)
		t->err = sink_write(t->sink, bytes, n);
	return (la_ssize_t)n;
}

static struct err *tar_check(struct tar *t, bool is_done)
{
	const char *why = archive_error_string(t->now);

	if (t->err)
		return take(t->err);
	return is_done ? NULL : err_new(ERR_FAILED, "tar: %s", why ? why : "failed");
}

static struct err *writer_open(struct tar *t, int which)
{
	static const char *const options[] = {
		"xattrheader=SCHILY", "xattrheader=SCHILY,hdrcharset=BINARY"};
	struct archive *a = t->now = t->writers[which] = archive_write_new();

	if (!a)
		return err_sys(ENOMEM, "tar");
	// Without blocks there is no padding beyond the two zero blocks at the end.
	return tar_check(t,
		archive_write_set_format_pax_restricted(a) == ARCHIVE_OK &&
			archive_write_set_options(a, options[which]) == ARCHIVE_OK &&
			archive_write_set_bytes_per_block(a, 0) == ARCHIVE_OK &&
			archive_write_set_bytes_in_last_block(a, 1) == ARCHIVE_OK &&
			archive_write_open(a, t, NULL, tar_output, NULL) == ARCHIVE_OK);
}

static struct err *tar_open(struct tar *t, struct sink *s)
{
	*t = (struct tar){.entry = archive_entry_new(), .sink = s};
	if (!t->entry)
		return err_sys(ENOMEM, "tar");
	return writer_open(t, PLAIN);
}

// Ends the entry being written, padding included, and chooses the writer of the next one.
static struct err *tar_choose(struct tar *t, int which)
{
	if (t->now == t->writers[which])
		return NULL;
	TRY(tar_check(t, archive_write_finish_entry(t->now) == ARCHIVE_OK));
	t->now = t->writers[which];
	return t->now ? NULL : writer_open(t, which);
}

static bool is_ascii(const char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s >= 0x80)
			return false;
	}
	return true;
}

static bool is_plain(const struct entry *e)
{
	for (size_t i = 0; i < e->xattrs.len; i++) {
		if (!is_ascii(e->xattrs.at[i].name))
			return false;
	}
	return is_ascii(e->path) && (!e->hard_link || is_ascii(e->hard_link)) &&
		(!S_ISLNK(e->mode) || is_ascii(e->target));
}

// The name inside the tar: relative, the root itself "./".
static const char *tar_name(const char *path)
{
	return path[1] ? path + 1 : "./";
}

static struct err *tar_header(struct tar *t, const struct entry *e)
{
	struct archive_entry *h = archive_entry_clear(t->entry);

	TRY(tar_choose(t, is_plain(e) ? PLAIN : BINARY));
	archive_entry_copy_pathname(h, tar_name(e->path));
	archive_entry_set_mode(h, e->mode);
	archive_entry_set_uid(h, e->uid);
	archive_entry_set_gid(h, e->gid);
	archive_entry_set_mtime(h, (time_t)e->mtime, 0);
	if (e->hard_link)
		archive_entry_copy_hardlink(h, tar_name(e->hard_link));
	else if (S_ISREG(e->mode))
		archive_entry_set_size(h, (la_int64_t)e->size);
	if (S_ISLNK(e->mode))
		archive_entry_copy_symlink(h, e->target);
	// libarchive gives them out last in, first out.
	for (size_t i = e->xattrs.len; i-- > 0;) {
		const struct xattr *x = &e->xattrs.at[i];

		archive_entry_xattr_add_entry(h, x->name, x->value.ptr, x->value.len);
	}
	return tar_check(t, archive_write_header(t->now, h) == ARCHIVE_OK);
}

static struct err *tar_bytes(struct tar *t, const void *bytes, size_t n)
{
	la_ssize_t done = n ? archive_write_data(t->now, bytes, n) : 0;

	return tar_check(t, done == (la_ssize_t)n);
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
		if (t->progress)
			t->progress(t->progress_arg, got);
	}
	return NULL;
}

static struct err *tar_content(struct tar *t, const struct entry *e, char *buf)
{
	drop(arena_drop) struct arena a = {0};

	if (!S_ISREG(e->mode) || e->hard_link)
		return NULL;
	if (t->progress && e->bytes)
		t->progress(t->progress_arg, e->size);
	if (e->bytes || !e->root)
		return e->bytes || !e->size ? tar_bytes(t, e->bytes, (size_t)e->size)
					    : err_new(ERR_FAILED, "add %s: no source", e->path);
	TRY_AS(tar_source(t, e, buf), "add %s from %s", e->path,
		root_host_path(e->root, e->source, &a));
	return NULL;
}

static struct err *tar_close(struct tar *t)
{
	TRY(tar_choose(t, PLAIN));
	return tar_check(t, archive_write_close(t->now) == ARCHIVE_OK);
}

struct err *layer_tar(const struct entry *const *entries, size_t n, struct sink *s,
	void (*progress)(void *arg, uint64_t plain_bytes), void *progress_arg)
{
	drop(tar_drop) struct tar t = {0};
	drop(mem_drop) char *buf = mem_alloc(READ_SIZE);

	TRY(tar_open(&t, s));
	t.progress = progress;
	t.progress_arg = progress_arg;
	for (size_t i = 0; i < n; i++) {
		TRY(tar_header(&t, entries[i]));
		TRY(tar_content(&t, entries[i], buf));
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
static struct err *measure_entry(
	struct tar *t, const struct counter *c, const struct entry *e, struct tar_sizes *out)
{
	const uint64_t content = S_ISREG(e->mode) && !e->hard_link ? e->size : 0;
	const uint64_t before = c->size;

	TRY(tar_header(t, e));
	out->headers += TAR_BLOCK;
	out->records += c->size - before - TAR_BLOCK;
	const uint64_t begin = c->size;

	TRY(tar_check(t, archive_write_finish_entry(t->now) == ARCHIVE_OK));
	out->content += content;
	out->padding += c->size - begin - content;
	return NULL;
}

static struct err *measure(struct tar *t, struct counter *c, const struct entry *const *entries,
	size_t n, struct tar_sizes *out)
{
	TRY(tar_open(t, &c->sink));
	for (size_t i = 0; i < n; i++)
		TRY(measure_entry(t, c, entries[i], out));
	const uint64_t before = c->size;

	TRY(tar_close(t));
	out->end = c->size - before;
	return NULL;
}

void layer_tar_sizes(const struct entry *const *entries, size_t n, struct tar_sizes *out)
{
	drop(tar_drop) struct tar t = {0};
	struct counter c = {.sink.write = count};

	*out = (struct tar_sizes){0};
	struct err *err = measure(&t, &c, entries, n, out);

	err_drop(&err); // it will come again when they are written
}

uint64_t layer_raw_size(const struct entry *const *entries, size_t n)
{
	struct tar_sizes s;

	layer_tar_sizes(entries, n, &s);
	return s.headers + s.records + s.content + s.padding + s.end;
}

// What a layer is known by before its bytes are read, beside its diff_id.
static const char *identity_of(const struct layer_options *o, uint64_t raw_size, struct arena *a)
{
	return arena_printf(a, "%s tar %llu", compress_identity(o->format, o->level, raw_size, a),
		(unsigned long long)raw_size);
}

// A layer being written. The compressor comes after what it writes to, and is dropped before.
struct layer_writing {
	struct layer_options o;
	const char *identity;
	struct layer *out;
	struct digest digest;
	struct cache_entry *kept; // NULL: the cache had it
	struct compressor *compressor;
	struct hasher plain;
};

static struct err *find_kept(struct layer_writing *w, const struct entry *const *entries, size_t n)
{
	const struct layer_options *o = &w->o;
	struct layer *out = w->out;
	struct hasher h;

	hasher_init(&h, NULL);
	TRY(layer_tar(entries, n, &h.sink, NULL, NULL));
	out->diff_id = hasher_digest(&h);
	TRY(cache_find(
		o->cache, &out->diff_id, w->identity, &w->digest, &out->blob, &out->is_cached));
	for (size_t i = 0; out->is_cached && o->progress && i < n; i++) {
		if (S_ISREG(entries[i]->mode))
			o->progress(o->progress_arg, entries[i]->size);
	}
	return NULL;
}

// tar → diff_id → compressor → digest → cache, in one pass: this thread reads and hashes while the
// workers compress.
static struct err *begin_new(struct layer_writing *w, const struct entry *const *entries, size_t n)
{
	const struct layer_options *o = &w->o;

	TRY(cache_begin(o->cache, &w->kept));
	TRY(compress_open(o->format, o->level, w->out->raw_size, o->pool, cache_entry_sink(w->kept),
		&w->compressor));
	hasher_init(&w->plain, compressor_sink(w->compressor));
	return layer_tar(entries, n, &w->plain.sink, o->progress, o->progress_arg);
}

static struct err *finish_new(struct layer_writing *w)
{
	struct layer *out = w->out;

	TRY(sink_finish(&w->plain.sink));
	const struct digest diff_id = hasher_digest(&w->plain);

	// The first reading, if there was one, ended in out.
	if (out->diff_id.text[0] && !digest_equal(&out->diff_id, &diff_id))
		return err_new(ERR_FAILED, "files changed while they were read");
	out->diff_id = diff_id;
	return cache_commit(w->kept, &diff_id, w->identity, &w->digest, &out->blob);
}

void layer_writing_drop(struct layer_writing **w)
{
	if (!*w)
		return;
	compressor_drop(&(*w)->compressor);
	cache_entry_drop(&(*w)->kept);
	mem_drop(w);
}

struct err *layer_begin(const struct layer_options *o, const struct entry *const *entries, size_t n,
	struct arena *a, struct layer *out, struct layer_writing **writing)
{
	drop(layer_writing_drop) struct layer_writing *w = mem_alloc(sizeof(*w));
	const uint64_t raw_size = layer_raw_size(entries, n);

	w->o = *o;
	w->identity = identity_of(o, raw_size, a);
	w->out = out;
	*out = (struct layer){.raw_size = raw_size, .blob.fd = -1};
	if (cache_may_have(o->cache, w->identity))
		TRY(find_kept(w, entries, n));
	if (!out->is_cached)
		TRY(begin_new(w, entries, n));
	*writing = take(w);
	return NULL;
}

struct err *layer_finish(struct layer_writing **writing, struct arena *a)
{
	drop(layer_writing_drop) struct layer_writing *w = take(*writing);
	struct layer *out = w->out;

	if (!out->is_cached)
		TRY(finish_new(w));
	out->descriptor.media_type = arena_printf(a, OCI_LAYER "%s", w->o.format->suffix);
	out->descriptor.digest = arena_strdup(a, w->digest.text);
	out->descriptor.size = (int64_t)out->blob.size;
	return NULL;
}

struct err *layer_write(const struct layer_options *o, const struct entry *const *entries, size_t n,
	struct arena *a, struct layer *out)
{
	struct layer_writing *w;

	TRY(layer_begin(o, entries, n, a, out, &w));
	return layer_finish(&w, a);
}
