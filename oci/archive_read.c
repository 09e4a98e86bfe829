#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compress.h"
#include "base/map.h"
#include "oci/archive.h"
#include "oci/docker_save.h"
#include "oci/layout.h"
#include "oci/tar_read.h"

#define MEMBERS_MAX 100000u
#define NAME_MAX_BYTES 1024u
#define IMAGES_MAX 1000u
#define PLAIN_MAX (UINT64_C(1) << 40) // what a compressed archive may become on disk
#define LINKS_MAX 8

// A member of the tar: a region of the file, or a link to another member.
struct member {
	uint64_t off, size;
	const char *link;
	const char *digest; // once it was computed
};

struct archive_in {
	struct transport transport;
	struct arena arena;
	int fd;
	struct map members;   // by clean name
	struct map by_digest; // docker save's own names: the member of a digest
	struct map documents; // made up here: the struct span of a digest
	struct named_images images;
};

static void archive_in_close(struct transport *t)
{
	struct archive_in *in = (struct archive_in *)t;

	fd_drop(&in->fd);
	arena_drop(&in->arena);
	mem_drop(&in);
}

// Where a link inside the archive leads, as a clean name; "../" is worked off on the text alone.
static char *link_target(struct arena *a, const char *from, const char *target)
{
	const char *slash = strrchr(from, '/');
	char *path = slash && *target != '/'
		? arena_printf(a, "%.*s/%s", (int)(slash - from), from, target)
		: arena_strdup(a, target);
	char *to = path;

	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && !memcmp(p, "..", 2)) {
			while (to > path && *--to != '/')
				;
		} else if (n && !(n == 1 && *p == '.')) {
			if (to > path)
				*to++ = '/';
			memmove(to, p, n);
			to += n;
		}
		p += n;
		p += *p == '/';
	}
	*to = '\0';
	return path;
}

// The member of that name, links followed; NULL where there is none.
static struct member *find(struct archive_in *in, const char *name)
{
	for (int i = 0; i <= LINKS_MAX; i++) {
		struct member *m = map_get(&in->members, name);

		if (!m || !m->link)
			return m;
		name = m->link;
	}
	return NULL;
}

static struct err *add_member(struct archive_in *in, struct archive_entry *e, uint64_t off)
{
	const char *name = archive_entry_pathname(e);
	const char *hard = archive_entry_hardlink(e), *target = archive_entry_symlink(e);

	if (strlen(name) > NAME_MAX_BYTES)
		return err_new(
			ERR_FAILED, "a member's name is longer than %u bytes", NAME_MAX_BYTES);
	drop(mem_drop) char *clean = mem_alloc(strlen(name) + 1);

	// Members that climb out or are neither file nor link cannot be named by any document.
	if (!tar_clean_name(name, clean) || !*clean)
		return NULL;
	struct member m = {.off = off};

	if (hard)
		m.link = link_target(&in->arena, "", hard);
	else if (archive_entry_filetype(e) == AE_IFLNK && target)
		m.link = link_target(&in->arena, clean, target);
	else if (archive_entry_filetype(e) == AE_IFREG)
		m.size = (uint64_t)archive_entry_size(e);
	else
		return NULL;
	struct member *kept = arena_new(&in->arena, struct member);

	*kept = m;
	*map_at(&in->members, &in->arena, clean) = kept;
	return NULL;
}

static struct err *read_members(struct archive_in *in)
{
	drop(tar_reader_drop) struct tar_reader *r = NULL;
	struct archive_entry *e;
	struct stat st;
	uint64_t off;

	if (fstat(in->fd, &st))
		return err_sys(errno, "read");
	TRY(tar_reader_open(in->fd, 0, (uint64_t)st.st_size, "archive", &r));
	for (unsigned n = 0;; n++) {
		TRY(tar_reader_next(r, &e, &off));
		if (!e)
			return NULL;
		if (n == MEMBERS_MAX)
			return err_new(ERR_FAILED, "has more than %u members", MEMBERS_MAX);
		TRY(add_member(in, e, off));
	}
}

// Everything from fd's position on through the decompressor into a temporary file.
static struct err *spool(int from, int *out)
{
	drop(decompressor_drop) struct decompressor *d = NULL;
	drop(mem_drop) char *buf = mem_alloc(1 << 16);
	drop(fd_drop) int fd = -1;
	struct fd_sink to;
	ssize_t got;

	TRY(spool_open(&fd));
	fd_sink_init(&to, fd, "temporary file");
	TRY(decompress_open(&to.sink, PLAIN_MAX, &d));
	while ((got = read(from, buf, 1 << 16)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(errno, "read");
		TRY(sink_write(decompressor_sink(d), buf, (size_t)got));
	}
	TRY(sink_finish(decompressor_sink(d)));
	*out = fd;
	fd = -1;
	return NULL;
}

static struct err *look_compression(int fd, uint64_t off, const char **out)
{
	static const struct {
		const char *magic;
		size_t n;
		const char *name;
	} formats[] = {
		{"\x1f\x8b", 2, "gzip"},
		{"\x28\xb5\x2f\xfd", 4, "zstd"},
		{"\xfd\x37zXZ", 5, "xz"},
		{"BZh", 3, "bzip2"},
	};
	char head[6] = "";
	size_t got;

	*out = NULL;
	TRY(fd_read_at(fd, head, sizeof(head), off, "it", &got));
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats) && !*out; i++)
		if (!memcmp(head, formats[i].magic, formats[i].n))
			*out = formats[i].name;
	return NULL;
}

// A plain tar is read in place; a pipe or a compressed file is spooled.
static struct err *open_plain(const char *path, int *out)
{
	drop(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return err_sys(errno, "open");
	if (S_ISDIR(st.st_mode))
		return err_sys(EISDIR, "open");
	const char *compression = "unknown";

	if (S_ISREG(st.st_mode))
		TRY(look_compression(fd, 0, &compression));
	if (compression && (!strcmp(compression, "xz") || !strcmp(compression, "bzip2")))
		return err_hint(err_new(ERR_FAILED, "compressed with %s, which is not supported",
					compression),
			"unpack it first");
	if (compression)
		return spool(fd, out);
	*out = fd;
	fd = -1;
	return NULL;
}

static struct err *read_member(
	struct archive_in *in, const char *name, struct arena *a, struct span *out)
{
	const struct member *m = find(in, name);
	drop(buffer_drop) struct buffer b = {0};

	if (!m)
		return err_new(ERR_FAILED, "%s is missing", name);
	if (m->size > OCI_DOCUMENT_MAX)
		return err_new(ERR_FAILED, "%s is larger than %u bytes", name, OCI_DOCUMENT_MAX);
	buffer_init(&b, OCI_DOCUMENT_MAX, name);
	TRY(sink_copy_fd(&b.sink, in->fd, m->off, m->size, name));
	*out = (struct span){memcpy(arena_alloc(a, b.len + 1), b.bytes, b.len), b.len};
	return NULL;
}

// docker save keeps layers plain, so their digest is the config's diff_id (which every reader
// checks); others compress them, then the digest has to be computed.
static struct err *made_up_layer(
	struct archive_in *in, const char *name, const char *diff_id, struct descriptor *out)
{
	drop(mem_drop) char *clean = mem_alloc(strlen(name) + 1);
	struct member *m = tar_clean_name(name, clean) ? find(in, clean) : NULL;
	struct arena *a = &in->arena;

	if (!m)
		return err_new(ERR_FAILED, "layer %s is missing", name);
	const char *compression = NULL;

	if (m->size)
		TRY(look_compression(in->fd, m->off, &compression));
	if (compression && !m->digest) {
		struct hasher h;

		hasher_init(&h, NULL);
		TRY(sink_copy_fd(&h.sink, in->fd, m->off, m->size, name));
		m->digest = arena_strdup(a, hasher_digest(&h).text);
	}
	*out = (struct descriptor){
		.media_type =
			compression ? arena_printf(a, OCI_LAYER "+%s", compression) : OCI_LAYER,
		.digest = compression ? m->digest : diff_id,
		.size = (int64_t)m->size,
	};
	*map_at(&in->by_digest, a, out->digest) = m;
	return NULL;
}

static struct err *made_up_layers(struct archive_in *in, const struct docker_save *s,
	const struct image_config *c, struct arena *a, struct manifest *m)
{
	const struct strings *ids = &c->rootfs.diff_ids;
	struct descriptor *d = arena_alloc(a, (s->layers.len + 1) * sizeof(*d));

	if (s->layers.len != ids->len)
		return err_new(ERR_FAILED, "%zu layers, but the config has %zu diff_ids",
			s->layers.len, ids->len);
	for (size_t i = 0; i < ids->len; i++)
		TRY(made_up_layer(in, s->layers.at[i], ids->at[i], &d[i]));
	m->layers = (struct json_list){d, ids->len, ids->len};
	return NULL;
}

static void add_image(
	struct archive_in *in, const struct descriptor *d, const struct strings *names)
{
	struct named_image *image = NULL;

	vec_each (it, &in->images)
		if (!strcmp(it->descriptor.digest, d->digest))
			image = it;
	if (!image)
		image = vec_add(&in->arena, &in->images);
	image->descriptor = *d;
	for (size_t i = 0; i < names->len; i++)
		vec_push(&in->arena, &image->names, names->at[i]);
}

static struct err *make_up(struct archive_in *in, const struct docker_save *s)
{
	drop(mem_drop) char *clean = mem_alloc(strlen(s->config) + 1);
	struct manifest m = {.schema_version = 2, .media_type = OCI_MANIFEST};
	drop(arena_drop) struct arena a = {0};
	struct image_config c;
	struct span text = {NULL, 0};

	if (!tar_clean_name(s->config, clean))
		return err_new(ERR_FAILED, "config %s climbs out", s->config);
	TRY(read_member(in, clean, &a, &text));
	TRY(image_config_read(text, &a, &c, clean));
	m.config = descriptor_of(OCI_CONFIG, text, &a);
	*map_at(&in->by_digest, &in->arena, m.config.digest) = find(in, clean);
	TRY(made_up_layers(in, s, &c, &a, &m));

	struct span *document = arena_new(&in->arena, struct span);

	*document = json_write(&manifest_table, &m, &in->arena);
	struct descriptor d = descriptor_of(OCI_MANIFEST, *document, &in->arena);

	d.platform.os = arena_strdup(&in->arena, c.os);
	d.platform.architecture = arena_strdup(&in->arena, c.architecture);
	d.platform.variant = c.variant ? arena_strdup(&in->arena, c.variant) : NULL;
	*map_at(&in->documents, &in->arena, d.digest) = document;
	add_image(in, &d, &s->repo_tags);
	return NULL;
}

static struct err *read_docker(struct archive_in *in)
{
	struct json_list images;
	struct span text = {NULL, 0};

	TRY(read_member(in, "manifest.json", &in->arena, &text));
	TRY(json_read_list(text, &docker_save_table, &in->arena, &images, "manifest.json"));
	const struct docker_save *s = images.at;

	if (images.len > IMAGES_MAX)
		return err_new(ERR_FAILED, "manifest.json: more than %u images", IMAGES_MAX);
	for (size_t i = 0; i < images.len; i++)
		TRY_AS(make_up(in, &s[i]), "manifest.json: [%zu]", i);
	return NULL;
}

static struct err *read_documents(struct archive_in *in)
{
	struct index x;
	struct span text = {NULL, 0};

	if (find(in, "index.json")) {
		TRY(read_member(in, "index.json", &in->arena, &text));
		TRY(index_read(text, &in->arena, &x, "index.json"));
		layout_names(&x, &in->arena, &in->images);
		return NULL;
	}
	if (find(in, "manifest.json"))
		return read_docker(in);
	return err_hint(
		err_new(ERR_FAILED,
			"is a tar of files, not an image: neither index.json nor manifest.json in it"),
		"docker save writes an image, docker export does not; docker import makes one of such a "
		"tree, and unpacked it is what --sysroot takes");
}

static struct err *load(struct archive_in *in, const char *path)
{
	TRY(open_plain(path, &in->fd));
	TRY(read_members(in));
	return read_documents(in);
}

static struct err *in_list(struct transport *t, struct arena *a, struct named_images *out)
{
	struct archive_in *in = (struct archive_in *)t;

	vec_each (it, &in->images) {
		struct named_image *copy = vec_add(a, out);

		// Through its own text: a copy of all of it, which outlives the transport.
		TRY(json_read(json_write(&descriptor_table, &it->descriptor, a), &descriptor_table,
			a, &copy->descriptor, "descriptor"));
		for (size_t i = 0; i < it->names.len; i++)
			vec_push(a, &copy->names, arena_strdup(a, it->names.at[i]));
	}
	return NULL;
}

static const struct member *member_of(struct archive_in *in, const struct digest *d)
{
	drop(mem_drop) char *name = str_printf("blobs/sha256/%s", digest_hex(d));
	const struct member *m = find(in, name);

	return m ? m : map_get(&in->by_digest, d->text);
}

// Blobs are regions of files, so a document that is in no file gets one in memory.
static struct err *open_document(const struct span *text, struct blob *out)
{
	drop(blob_drop) struct blob b = {
		.fd = memfd_create("document", MFD_CLOEXEC), .size = text->len, .owned = true};
	struct fd_sink to;

	if (b.fd < 0)
		return err_sys(errno, "memfd_create");
	fd_sink_init(&to, b.fd, "document in memory");
	TRY(sink_write(&to.sink, text->ptr, text->len));
	*out = b;
	b.owned = false;
	return NULL;
}

static struct err *in_open(struct transport *t, const struct descriptor *d, struct blob *out)
{
	struct archive_in *in = (struct archive_in *)t;
	struct digest digest;

	if (!d->digest || !digest_parse(d->digest, &digest))
		return err_new(
			ERR_FAILED, "%.80s is not a sha256 digest", d->digest ? d->digest : "");
	const struct span *text = map_get(&in->documents, digest.text);

	if (text)
		return open_document(text, out);
	const struct member *m = member_of(in, &digest);

	if (!m)
		return err_new(ERR_FAILED, "%s is missing", digest.text);
	if (d->size < 0 || m->size != (uint64_t)d->size)
		return err_new(ERR_FAILED, "%s has %llu bytes, its descriptor says %lld",
			digest.text, (unsigned long long)m->size, (long long)d->size);
	*out = (struct blob){.fd = in->fd, .off = m->off, .size = m->size};
	return NULL;
}

static struct err *in_has(struct transport *t, const struct descriptor *d, bool *out)
{
	struct archive_in *in = (struct archive_in *)t;
	struct digest digest;

	*out = d->digest && digest_parse(d->digest, &digest) &&
		(map_get(&in->documents, digest.text) || member_of(in, &digest));
	return NULL;
}

static const struct transport_ops in_ops = {
	.list = in_list,
	.open = in_open,
	.has = in_has,
	.close = archive_in_close,
};

struct err *archive_open(const char *path, struct transport **out)
{
	struct archive_in *in = mem_alloc(sizeof(*in));
	drop(transport_drop) struct transport *t = &in->transport;

	t->ops = &in_ops;
	t->name = arena_strdup(&in->arena, path);
	in->fd = -1;
	TRY_AS(load(in, path), "%s", path);
	*out = take(t);
	return NULL;
}

// Does what fd holds compressed begin like a tar?
static struct err *look_compressed_tar(int fd, bool *is)
{
	drop(decompressor_drop) struct decompressor *d = NULL;
	drop(buffer_drop) struct buffer plain = {0};
	drop(mem_drop) char *buf = mem_alloc(1 << 16);

	size_t got;

	buffer_init(&plain, 1 << 20, "beginning");
	TRY(decompress_open(&plain.sink, 1 << 20, &d));
	TRY(fd_read_at(fd, buf, 1 << 16, 0, "it", &got));
	struct err *e = NULL;

	// The error that says the buffer is full ends it as well as the end of what was read.
	for (size_t i = 0; !e && i < got && plain.len < 512; i += 256)
		e = sink_write(decompressor_sink(d), buf + i, got - i < 256 ? got - i : 256);
	err_drop(&e);
	*is = plain.len >= 512 && !memcmp(plain.bytes + 257, "ustar", 5);
	return NULL;
}

static struct err *look_for_documents(int fd, uint64_t size, bool *is)
{
	drop(tar_reader_drop) struct tar_reader *r = NULL;
	struct archive_entry *e = NULL;
	uint64_t off;
	struct err *failed = tar_reader_open(fd, 0, size, "archive", &r);

	for (unsigned n = 0; !failed && !*is && n < MEMBERS_MAX; n++) {
		failed = tar_reader_next(r, &e, &off);
		if (failed || !e)
			break;
		const char *name = archive_entry_pathname(e);

		name += strncmp(name, "./", 2) ? 0 : 2;
		*is = !strcmp(name, "index.json") || !strcmp(name, "manifest.json");
	}
	// What is no tar is no archive; what could not be read may be one.
	if (failed && err_number(failed))
		return failed;
	err_drop(&failed);
	return NULL;
}

struct err *archive_look(const char *path, bool *is)
{
	drop(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *compression;
	struct stat st;

	*is = false;
	if (fd < 0 || fstat(fd, &st))
		return err_sys(errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return NULL;
	TRY_AS(look_compression(fd, 0, &compression), "%s", path);
	TRY_AS(compression ? look_compressed_tar(fd, is)
			   : look_for_documents(fd, (uint64_t)st.st_size, is),
		"%s", path);
	return NULL;
}

bool archive_is(const char *path)
{
	bool is;
	struct err *e = archive_look(path, &is);

	err_drop(&e);
	return is;
}
