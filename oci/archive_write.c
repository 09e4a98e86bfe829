#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "oci/archive.h"
#include "oci/docker_save.h"
#include "oci/layout.h"

#define LAYOUT_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"
#define NESTING_MAX 4     // of an index in an index
#define REACHED_MAX 10000 // documents of one image, each time that an index names them

// What was put under a digest. Documents and configs are kept: manifest.json follows from them.
struct stored {
	struct descriptor descriptor;
	struct span bytes; // ptr NULL: not kept
	size_t order;      // counted from 0 as they were put
};

struct tagged {
	struct descriptor descriptor;
	struct strings names;
};

struct archive_out {
	struct transport transport;
	struct arena arena;
	struct file_out *file; // NULL: stdout
	int fd;
	int64_t mtime;
	struct map stored; // by digest
	size_t count;
	vec(struct tagged) tagged;
	void (*moved)(void *arg, uint64_t bytes); // NULL: nobody watches
	void *moved_arg;
};

// manifest.json while it is being made: one entry a platform manifest.
struct entries {
	struct map seen; // digest of the manifest → index in list + 1
	vec(struct docker_save) list;
};

static void out_close(struct transport *t)
{
	struct archive_out *o = (struct archive_out *)t;

	file_out_drop(&o->file);
	arena_drop(&o->arena);
	mem_drop(&o);
}

static struct err *write_bytes(struct archive_out *o, const void *bytes, size_t n)
{
	struct fd_sink to;

	fd_sink_init(&to, o->fd, o->transport.name);
	return sink_write(&to.sink, bytes, n);
}

// Takes the header; the zeros that libarchive would fill the entry up with are refused.
struct header_sink {
	struct buffer bytes;
	bool is_complete;
};

static la_ssize_t collect(struct archive *a, void *arg, const void *bytes, size_t n)
{
	struct header_sink *h = arg;
	struct err *e = NULL;

	if (h->is_complete)
		return -1;
	e = sink_write(&h->bytes.sink, bytes, n);
	if (!e)
		return (la_ssize_t)n;
	archive_set_error(a, ENOMEM, "%s", err_text(e));
	err_drop(&e);
	return -1;
}

// The header alone is libarchive's: the bytes that follow are copied by the kernel where it can.
static struct err *header_of(const char *name, uint64_t size, int64_t mtime, struct header_sink *to)
{
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	struct err *failed = NULL;

	archive_write_set_format_pax_restricted(a);
	archive_write_set_bytes_per_block(a, 0);
	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_size(e, (la_int64_t)size);
	archive_entry_set_mtime(e, (time_t)mtime, 0);
	if (archive_write_open(a, to, NULL, collect, NULL) != ARCHIVE_OK ||
		archive_write_header(a, e) != ARCHIVE_OK)
		failed = err_new(ERR_FAILED, "tar header of %s: %s", name, archive_error_string(a));
	to->is_complete = true;
	archive_entry_free(e);
	archive_write_free(a);
	return failed;
}

static struct err *write_header(struct archive_out *o, const char *name, uint64_t size)
{
	struct header_sink h = {.is_complete = false};

	buffer_init(&h.bytes, 1 << 16, "tar header");
	struct err *e = header_of(name, size, o->mtime, &h);

	if (!e)
		e = write_bytes(o, h.bytes.bytes, h.bytes.len);
	buffer_drop(&h.bytes);
	return e;
}

static struct err *write_padding(struct archive_out *o, uint64_t size)
{
	static const char zeros[512];

	return write_bytes(o, zeros, (size_t)(-size & 511));
}

static struct err *write_member(struct archive_out *o, const char *name, struct span bytes)
{
	TRY(write_header(o, name, bytes.len));
	TRY(write_bytes(o, bytes.ptr, bytes.len));
	return write_padding(o, bytes.len);
}

// The member's name of a digest, which nothing but a digest becomes.
static struct err *member_name(const struct descriptor *d, struct arena *a, const char **out)
{
	struct digest digest;

	if (!d->digest || !digest_parse(d->digest, &digest))
		return err_new(
			ERR_FAILED, "%.80s is not a sha256 digest", d->digest ? d->digest : "");
	*out = arena_printf(a, "blobs/sha256/%s", digest_hex(&digest));
	return NULL;
}

static struct err *copy_descriptor(
	const struct descriptor *d, struct arena *a, struct descriptor *out)
{
	return json_read(
		json_write(&descriptor_table, d, a), &descriptor_table, a, out, "descriptor");
}

static struct err *remember(struct archive_out *o, const struct descriptor *d, struct span bytes)
{
	struct stored *s = arena_new(&o->arena, struct stored);

	TRY(copy_descriptor(d, &o->arena, &s->descriptor));
	s->bytes = bytes;
	s->order = o->count++;
	*map_at(&o->stored, &o->arena, d->digest) = s;
	return NULL;
}

static struct err *out_has(struct transport *t, const struct descriptor *d, bool *out)
{
	struct archive_out *o = (struct archive_out *)t;

	*out = d->digest && map_get(&o->stored, d->digest);
	return NULL;
}

static struct err *out_put_document(
	struct transport *t, const struct descriptor *d, struct span bytes)
{
	struct archive_out *o = (struct archive_out *)t;
	const char *name;

	TRY(member_name(d, &o->arena, &name));
	if (map_get(&o->stored, d->digest))
		return NULL;
	if (bytes.len > OCI_DOCUMENT_MAX)
		return err_new(ERR_FAILED, "%s has more than the %u bytes of a document", d->digest,
			OCI_DOCUMENT_MAX);
	TRY(write_member(o, name, bytes));
	void *kept = memcpy(arena_alloc(&o->arena, bytes.len + 1), bytes.ptr, bytes.len);

	return remember(o, d, (struct span){kept, bytes.len});
}

static bool is_config(const struct descriptor *d)
{
	return d->media_type &&
		(!strcmp(d->media_type, OCI_CONFIG) || !strcmp(d->media_type, DOCKER_CONFIG));
}

static struct err *put_config(struct transport *t, const struct descriptor *d, const struct blob *b)
{
	drop(buffer_drop) struct buffer bytes = {0};

	buffer_init(&bytes, OCI_DOCUMENT_MAX, d->digest);
	TRY(sink_copy_fd(&bytes.sink, b->fd, b->off, b->size, d->digest));
	return out_put_document(t, d, (struct span){(const uint8_t *)bytes.bytes, bytes.len});
}

#define WATCHED (1u << 20) // bytes between two calls

static struct err *copy_watched(struct archive_out *o, const struct blob *b)
{
	for (uint64_t at = 0; at < b->size;) {
		const uint64_t left = b->size - at, n = left < WATCHED ? left : WATCHED;

		TRY(blob_copy(&(struct blob){.fd = b->fd, .off = b->off + at, .size = n}, o->fd,
			o->transport.name));
		at += n;
		o->moved(o->moved_arg, at);
	}
	return NULL;
}

void archive_watch(struct transport *t, void (*moved)(void *arg, uint64_t bytes), void *arg)
{
	struct archive_out *o = (struct archive_out *)t;

	o->moved = moved;
	o->moved_arg = arg;
}

static struct err *out_put(struct transport *t, const struct descriptor *d, const struct blob *b)
{
	struct archive_out *o = (struct archive_out *)t;
	const char *name;

	if (is_config(d))
		return put_config(t, d, b);
	TRY(member_name(d, &o->arena, &name));
	if (map_get(&o->stored, d->digest))
		return NULL;
	TRY(write_header(o, name, b->size));
	TRY(o->moved ? copy_watched(o, b) : blob_copy(b, o->fd, o->transport.name));
	TRY(write_padding(o, b->size));
	return remember(o, d, (struct span){0});
}

static struct err *out_tag(
	struct transport *t, const struct descriptor *d, const struct strings *names)
{
	struct archive_out *o = (struct archive_out *)t;
	struct tagged *g = vec_add(&o->arena, &o->tagged);

	for (size_t i = 0; i < names->len; i++)
		vec_push(&o->arena, &g->names, arena_strdup(&o->arena, names->at[i]));
	return copy_descriptor(d, &o->arena, &g->descriptor);
}

// A platform manifest that a tagged descriptor leads to.
struct reached {
	const struct stored *stored;
	struct oci_platform platform;
};
struct reached_list {
	struct reached *at;
	size_t len, cap;
	size_t seen; // of manifests and indexes
};

// Attestations and other artifacts hang in the index, too; docker load has no use for them.
static bool is_image(const struct manifest *m, const struct oci_platform *p)
{
	return is_config(&m->config) && !(p->os && !strcmp(p->os, "unknown"));
}

static struct err *reach(
	struct archive_out *o, const struct descriptor *d, int depth, struct reached_list *out)
{
	const struct stored *s = map_get(&o->stored, d->digest);
	struct index x;

	if (!s || !s->bytes.ptr || depth > NESTING_MAX)
		return NULL;
	if (++out->seen > REACHED_MAX)
		return err_new(ERR_FAILED, "its indexes name more than %d manifests", REACHED_MAX);
	if (media_is_manifest(d->media_type)) {
		struct manifest m;

		TRY(manifest_read(s->bytes, &o->arena, &m, d->digest));
		if (is_image(&m, &d->platform))
			vec_push(&o->arena, out, (struct reached){s, d->platform});
	} else if (media_is_index(d->media_type)) {
		TRY(index_read(s->bytes, &o->arena, &x, d->digest));
		const struct descriptor *inner = x.manifests.at;

		for (size_t i = 0; i < x.manifests.len; i++)
			TRY(reach(o, &inner[i], depth + 1, out));
	}
	return NULL;
}

// The one that takes the bare names.
static size_t preferred_of(const struct archive_out *o, const struct reached_list *l)
{
	size_t best = 0;

	for (size_t i = 0; i < l->len; i++) {
		if (o->transport.preferred &&
			!strcmp(l->at[i].stored->descriptor.digest, o->transport.preferred))
			return i;
		if (l->at[i].stored->order < l->at[best].stored->order)
			best = i;
	}
	return best;
}

static struct err *entry_for(struct archive_out *o, struct entries *entries, const struct stored *s,
	struct docker_save **out)
{
	struct arena *a = &o->arena;
	void **place = map_at(&entries->seen, a, s->descriptor.digest);
	struct manifest m;

	if (*place) {
		*out = &entries->list.at[(uintptr_t)*place - 1];
		return NULL;
	}
	*out = vec_add(a, &entries->list);
	*place = (void *)(uintptr_t)entries->list.len;
	TRY(manifest_read(s->bytes, a, &m, s->descriptor.digest));
	TRY(member_name(&m.config, a, &(*out)->config));
	const struct descriptor *layers = m.layers.at;

	for (size_t i = 0; i < m.layers.len; i++) {
		const char *name = NULL;

		TRY(member_name(&layers[i], a, &name));
		vec_push(a, &(*out)->layers, name);
	}
	return NULL;
}

// "-arm-v7": from the index, else from the config.
static struct err *suffix_of(struct archive_out *o, const struct reached *r, const char **out)
{
	struct oci_platform p = r->platform;
	struct arena *a = &o->arena;
	struct manifest m;

	if (!p.architecture) {
		TRY(manifest_read(r->stored->bytes, a, &m, r->stored->descriptor.digest));
		const struct stored *config = map_get(&o->stored, m.config.digest);
		struct image_config c;

		if (!config || !config->bytes.ptr)
			return err_new(ERR_FAILED, "the config of %s is missing",
				r->stored->descriptor.digest);
		TRY(image_config_read(config->bytes, a, &c, m.config.digest));
		p = (struct oci_platform){
			.os = c.os, .architecture = c.architecture, .variant = c.variant};
	}
	bool is_linux = !p.os || !strcmp(p.os, "linux");

	*out = arena_printf(a, "%s%s-%s%s%s", is_linux ? "" : "-", is_linux ? "" : p.os,
		p.architecture, p.variant && *p.variant ? "-" : "",
		p.variant && *p.variant ? p.variant : "");
	return NULL;
}

// Docker's own way to write a name: docker.io/library/sensor:1 is sensor:1. NULL for what is no
// name with a tag: docker load would refuse the whole archive.
static const char *familiar(struct arena *a, const char *name)
{
	const char *colon = strrchr(name, ':');

	if (!colon || colon == name || strchr(colon, '/') || strchr(name, '@'))
		return NULL;
	if (!strncmp(name, "docker.io/", 10))
		name += 10;
	if (!strncmp(name, "library/", 8) && !strchr(name + 8, '/'))
		name += 8;
	return arena_strdup(a, name);
}

static void add_tags(
	struct arena *a, struct docker_save *e, const struct strings *names, const char *suffix)
{
	for (size_t i = 0; i < names->len; i++) {
		const char *name = familiar(a, names->at[i]);

		if (name)
			vec_push(a, &e->repo_tags, arena_printf(a, "%s%s", name, suffix));
	}
}

// The preferred one comes first: readers that know one image only take the first.
static struct err *add_entries(
	struct archive_out *o, const struct tagged *g, struct entries *entries)
{
	struct reached_list list = {0};
	struct docker_save *e;

	TRY(reach(o, &g->descriptor, 0, &list));
	if (!list.len)
		return NULL;
	size_t first = preferred_of(o, &list);

	TRY(entry_for(o, entries, list.at[first].stored, &e));
	add_tags(&o->arena, e, &g->names, "");
	for (size_t i = 0; i < list.len; i++) {
		const char *suffix = "";

		if (list.at[i].stored == list.at[first].stored)
			continue;
		TRY(suffix_of(o, &list.at[i], &suffix));
		TRY(entry_for(o, entries, list.at[i].stored, &e));
		add_tags(&o->arena, e, &g->names, suffix);
	}
	return NULL;
}

static struct err *write_documents(struct archive_out *o)
{
	struct index x = {.schema_version = 2, .media_type = OCI_INDEX};
	struct entries entries = {0};

	vec_each (g, &o->tagged) {
		layout_tag(&x, &o->arena, &g->descriptor, &g->names);
		TRY(add_entries(o, g, &entries));
	}
	struct json_list list = {entries.list.at, entries.list.len, entries.list.cap};

	TRY(write_member(o, "index.json", json_write(&index_table, &x, &o->arena)));
	return write_member(
		o, "manifest.json", json_write_list(&docker_save_table, &list, &o->arena));
}

static struct err *out_commit(struct transport *t)
{
	struct archive_out *o = (struct archive_out *)t;
	static const char end[1024];

	TRY(write_documents(o));
	TRY(write_bytes(o, end, sizeof(end)));
	return o->file ? file_out_commit(o->file) : NULL;
}

static const struct transport_ops out_ops = {
	.has = out_has,
	.put = out_put,
	.put_document = out_put_document,
	.tag = out_tag,
	.commit = out_commit,
	.close = out_close,
};

static struct err *begin(struct archive_out *o, const char *path)
{
	const struct span version = {(const uint8_t *)LAYOUT_TEXT, strlen(LAYOUT_TEXT)};

	o->fd = STDOUT_FILENO;
	if (strcmp(path, "-")) {
		TRY(file_out_open(path, 0666, &o->file));
		o->fd = file_out_fd(o->file);
	}
	return write_member(o, "oci-layout", version);
}

struct err *archive_create(const char *path, int64_t mtime, struct transport **out)
{
	struct archive_out *o = mem_alloc(sizeof(*o));
	drop(transport_drop) struct transport *t = &o->transport;

	t->ops = &out_ops;
	t->name = arena_strdup(&o->arena, strcmp(path, "-") ? path : "stdout");
	o->mtime = mtime;
	TRY(begin(o, path));
	*out = take(t);
	return NULL;
}
