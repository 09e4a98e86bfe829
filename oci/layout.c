#include "oci/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "base/sink.h"

#define LAYOUT_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"

struct tagging {
	struct descriptor descriptor;
	struct strings names;
};

struct layout {
	struct transport transport;
	struct arena arena;
	const char *dir;       // where it is, or where it is being made
	struct dir_out *fresh; // NULL: it was there before
	vec(struct tagging) taggings;
};

static const struct transport_ops reading_ops, writing_ops;

static struct layout *layout_new(const char *dir, const struct transport_ops *ops)
{
	struct layout *l = mem_alloc(sizeof(*l));

	l->transport.ops = ops;
	l->transport.name = arena_printf(&l->arena, "oci:%s", dir);
	l->dir = arena_strdup(&l->arena, dir);
	return l;
}

static void layout_close(struct transport *t)
{
	struct layout *l = (struct layout *)t;

	dir_out_drop(&l->fresh);
	arena_drop(&l->arena);
	mem_drop(&l);
}

// A regular file of at most max bytes; a FIFO does not block.
static struct err *open_regular(const char *path, int *fd, uint64_t *size)
{
	struct stat st;

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*fd < 0)
		return err_sys(errno, "open %s", path);
	if (fstat(*fd, &st))
		return err_sys(errno, "open %s", path);
	if (!S_ISREG(st.st_mode))
		return err_new(ERR_FAILED, "%s is not a regular file", path);
	*size = (uint64_t)st.st_size;
	return NULL;
}

static struct err *read_document(
	const char *dir, const char *name, struct arena *a, struct span *out)
{
	const char *path = arena_printf(a, "%s/%s", dir, name);
	drop(buffer_drop) struct buffer b = {0};
	drop(fd_drop) int fd = -1;
	uint64_t size = 0;

	TRY(open_regular(path, &fd, &size));
	buffer_init(&b, OCI_DOCUMENT_MAX, path);
	TRY(sink_copy_fd(&b.sink, fd, 0, size, path));
	*out = (struct span){memcpy(arena_alloc(a, b.len + 1), b.bytes, b.len), b.len};
	return NULL;
}

// An index that is not there yet is an empty one.
static struct err *read_index(const char *dir, struct arena *a, struct index *out)
{
	struct span text;
	struct err *e = read_document(dir, "index.json", a, &text);

	if (e && err_number(e) == ENOENT) {
		err_drop(&e);
		*out = (struct index){.schema_version = 2, .media_type = OCI_INDEX};
		return NULL;
	}
	TRY(e);
	return index_read(text, a, out, "index.json");
}

struct err *layout_look(const char *dir, bool *is)
{
	static const char *const names[] = {"index.json", "oci-layout"};

	*is = true;
	for (size_t i = 0; *is && i < sizeof(names) / sizeof(*names); i++) {
		drop(mem_drop) char *path = str_printf("%s/%s", dir, names[i]);

		*is = access(path, R_OK) == 0;
		if (!*is && errno != ENOENT && errno != ENOTDIR)
			return err_sys(errno, "%s", path);
	}
	return NULL;
}

bool layout_is(const char *dir)
{
	bool is;
	struct err *e = layout_look(dir, &is);

	err_drop(&e);
	return is;
}

static struct err *check_version(const char *dir)
{
	drop(arena_drop) struct arena a = {0};
	drop(json_drop) json_t *j = NULL;
	struct span text;

	TRY(read_document(dir, "oci-layout", &a, &text));
	TRY(json_parse(text, "oci-layout", &j));
	const char *version = json_string_value(json_object_get(j, "imageLayoutVersion"));

	if (!version || strncmp(version, "1.", 2))
		return err_new(ERR_FAILED, "oci-layout: imageLayoutVersion is %.20s, not 1.x",
			version ? version : "missing");
	return NULL;
}

struct err *layout_open(const char *dir, struct transport **out)
{
	TRY_AS(check_version(dir), "oci:%s", dir);
	struct layout *l = layout_new(dir, &reading_ops);

	*out = &l->transport;
	return NULL;
}

static struct err *look_empty(const char *dir, bool *is)
{
	DIR *d = opendir(dir);
	int n = 0;

	*is = false;
	if (!d && errno == ENOTDIR)
		return NULL;
	if (!d)
		return err_sys(errno, "%s", dir);
	errno = 0;
	while (n <= 2 && readdir(d))
		n++;
	int number = n <= 2 ? errno : 0;

	closedir(d);
	*is = n <= 2;
	return number ? err_sys(number, "%s", dir) : NULL;
}

static struct err *make_dirs(const char *dir)
{
	static const char *const names[] = {"blobs", "blobs/sha256"};

	for (size_t i = 0; i < 2; i++) {
		drop(mem_drop) char *path = str_printf("%s/%s", dir, names[i]);

		if (mkdir(path, 0777) && errno != EEXIST)
			return err_sys(errno, "make %s", path);
	}
	return NULL;
}

static struct err *write_file(struct layout *l, const char *name, struct span bytes)
{
	const char *path = arena_printf(&l->arena, "%s/%s", l->dir, name);
	drop(file_out_drop) struct file_out *f = NULL;

	TRY(file_out_open(path, 0666, &f));
	TRY(sink_write(file_out_sink(f), bytes.ptr, bytes.len));
	return file_out_commit(f);
}

static struct err *not_a_layout(void)
{
	return err_hint(err_new(ERR_FAILED, "is neither empty nor an OCI image layout"),
		"name a new or an empty directory");
}

// What is at dir: nothing, an empty directory or a layout; anything else is an error.
static struct err *look(const char *dir, bool *is_there, bool *is_layout)
{
	bool is_empty;

	*is_layout = false;
	*is_there = access(dir, F_OK) == 0;
	if (!*is_there)
		return errno == ENOENT ? NULL : err_sys(errno, "%s", dir);
	TRY(layout_look(dir, is_layout));
	if (*is_layout)
		return NULL;
	TRY(look_empty(dir, &is_empty));
	return is_empty ? NULL : not_a_layout();
}

struct err *layout_try(const char *dir)
{
	drop(dir_out_drop) struct dir_out *fresh = NULL;
	drop(mem_drop) char *index = str_printf("%s/index.json", dir);
	const char *made;
	bool is_there, is_layout;
	struct err *e = look(dir, &is_there, &is_layout);

	if (!e)
		e = is_there ? file_out_try(index) : dir_out_open(dir, &fresh, &made);
	return e ? err_wrap(e, "oci:%s", dir) : NULL;
}

static struct err *prepare(struct layout *l, const char *dir)
{
	const struct span version = {(const uint8_t *)LAYOUT_TEXT, strlen(LAYOUT_TEXT)};
	bool is_there, is_layout;
	const char *made;

	TRY(look(dir, &is_there, &is_layout));
	if (is_layout) {
		TRY(check_version(dir));
		return make_dirs(l->dir);
	}
	if (!is_there) {
		TRY(dir_out_open(dir, &l->fresh, &made));
		l->dir = arena_strdup(&l->arena, made);
	}
	TRY(make_dirs(l->dir));
	return write_file(l, "oci-layout", version);
}

struct err *layout_create(const char *dir, struct transport **out)
{
	struct layout *l = layout_new(dir, &writing_ops);
	drop(transport_drop) struct transport *t = &l->transport;

	TRY_AS(prepare(l, dir), "%s", t->name);
	*out = take(t);
	return NULL;
}

static struct err *layout_list(struct transport *t, struct arena *a, struct named_images *out)
{
	struct layout *l = (struct layout *)t;
	struct index x;

	TRY(read_index(l->dir, a, &x));
	layout_names(&x, a, out);
	return NULL;
}

// NULL for what is not a digest: nothing else becomes part of a path.
static char *blob_path(const struct layout *l, const struct descriptor *d)
{
	struct digest digest;

	if (!d->digest || !digest_parse(d->digest, &digest))
		return NULL;
	return str_printf("%s/blobs/sha256/%s", l->dir, digest_hex(&digest));
}

static struct err *not_a_digest(const struct descriptor *d)
{
	return err_new(ERR_FAILED, "%.80s is not a sha256 digest", d->digest ? d->digest : "");
}

static struct err *layout_open_blob(
	struct transport *t, const struct descriptor *d, struct blob *out)
{
	drop(mem_drop) char *path = blob_path((struct layout *)t, d);
	drop(blob_drop) struct blob b = {.fd = -1, .owned = true};

	if (!path)
		return not_a_digest(d);
	TRY(open_regular(path, &b.fd, &b.size));
	if (d->size < 0 || b.size != (uint64_t)d->size)
		return err_new(ERR_FAILED, "%s has %llu bytes, its descriptor says %lld", d->digest,
			(unsigned long long)b.size, (long long)d->size);
	*out = b;
	b.owned = false;
	return NULL;
}

static struct err *layout_has(struct transport *t, const struct descriptor *d, bool *out)
{
	drop(mem_drop) char *path = blob_path((struct layout *)t, d);
	struct stat st;

	if (!path)
		return not_a_digest(d);
	*out = stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == d->size;
	return NULL;
}

static struct err *layout_put(struct transport *t, const struct descriptor *d, const struct blob *b)
{
	drop(mem_drop) char *path = blob_path((struct layout *)t, d);
	drop(file_out_drop) struct file_out *f = NULL;
	bool is_there;

	TRY(layout_has(t, d, &is_there));
	if (is_there)
		return NULL;
	TRY(file_out_open(path, 0666, &f));
	TRY(blob_copy(b, file_out_fd(f), path));
	return file_out_commit(f);
}

static struct err *layout_put_document(
	struct transport *t, const struct descriptor *d, struct span bytes)
{
	struct digest digest;
	bool is_there;

	TRY(layout_has(t, d, &is_there));
	if (is_there)
		return NULL;
	if (!digest_parse(d->digest, &digest))
		return not_a_digest(d);
	drop(mem_drop) char *name = str_printf("blobs/sha256/%s", digest_hex(&digest));

	return write_file((struct layout *)t, name, bytes);
}

static struct err *layout_queue_tag(
	struct transport *t, const struct descriptor *d, const struct strings *names)
{
	struct layout *l = (struct layout *)t;
	struct tagging *g = vec_add(&l->arena, &l->taggings);

	for (size_t i = 0; i < names->len; i++)
		vec_push(&l->arena, &g->names, arena_strdup(&l->arena, names->at[i]));
	// Through its own text: a copy of all of it.
	return json_read(json_write(&descriptor_table, d, &l->arena), &descriptor_table, &l->arena,
		&g->descriptor, "descriptor");
}

static struct err *publish(struct layout *l)
{
	drop(arena_drop) struct arena a = {0};
	struct index x;

	TRY(read_index(l->dir, &a, &x));
	vec_each (g, &l->taggings)
		layout_tag(&x, &a, &g->descriptor, &g->names);
	return write_file(l, "index.json", json_write(&index_table, &x, &a));
}

// Others may be adding to the same layout: the index is read and replaced under a lock of the
// directory. Where the file system has no locks there is none.
static struct err *publish_locked(struct layout *l)
{
	drop(fd_drop) int fd = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(errno, "open %s", l->dir);
	while (flock(fd, LOCK_EX) && errno == EINTR)
		;
	return publish(l);
}

static struct err *layout_commit(struct transport *t)
{
	struct layout *l = (struct layout *)t;

	if (!l->fresh)
		return publish_locked(l);
	TRY(publish(l)); // nobody else knows the new directory yet
	return dir_out_commit(l->fresh);
}

static const struct transport_ops reading_ops = {
	.list = layout_list,
	.open = layout_open_blob,
	.has = layout_has,
	.close = layout_close,
};
static const struct transport_ops writing_ops = {
	.list = layout_list,
	.open = layout_open_blob,
	.has = layout_has,
	.put = layout_put,
	.put_document = layout_put_document,
	.tag = layout_queue_tag,
	.commit = layout_commit,
	.close = layout_close,
};

static void add_name(struct strings *names, struct arena *a, const char *name)
{
	if (!name || !*name)
		return;
	for (size_t i = 0; i < names->len; i++)
		if (!strcmp(names->at[i], name))
			return;
	vec_push(a, names, name);
}

void layout_names(const struct index *x, struct arena *a, struct named_images *out)
{
	const struct descriptor *d = x->manifests.at;
	struct map seen = {0};

	for (size_t i = 0; i < x->manifests.len; i++) {
		void **place = map_at(&seen, a, d[i].digest);

		if (!*place) {
			*vec_add(a, out) = (struct named_image){.descriptor = d[i]};
			*place = (void *)(uintptr_t)out->len; // counted from 1: the array may move
		}
		struct strings *names = &out->at[(uintptr_t)*place - 1].names;

		add_name(names, a, dict_get(&d[i].annotations, CONTAINERD_IMAGE_NAME));
		add_name(names, a, dict_get(&d[i].annotations, OCI_REF_NAME));
	}
}

static void dict_remove(struct json_dict *d, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < d->len; i++)
		if (strcmp(d->at[i].name, name))
			d->at[n++] = d->at[i];
	d->len = n;
}

static bool has_value(const struct json_dict *d, const char *name, const char *value)
{
	const char *there = dict_get(d, name);

	return there && value && !strcmp(there, value);
}

// Takes the name away from its former owners. What is then a nameless entry of the very image that
// is being tagged is left out.
static void forget(struct index *x, const char *full, const char *tag, const char *digest)
{
	struct descriptor *d = x->manifests.at;
	size_t n = 0;

	for (size_t i = 0; i < x->manifests.len; i++) {
		struct json_dict *notes = &d[i].annotations;
		bool is_same = has_value(notes, CONTAINERD_IMAGE_NAME, full);

		if (is_same)
			dict_remove(notes, CONTAINERD_IMAGE_NAME);
		if (is_same || has_value(notes, OCI_REF_NAME, tag))
			dict_remove(notes, OCI_REF_NAME);
		if (strcmp(d[i].digest, digest) || dict_get(notes, CONTAINERD_IMAGE_NAME) ||
			dict_get(notes, OCI_REF_NAME))
			d[n++] = d[i];
	}
	x->manifests.len = n;
}

static void add_entry(struct index *x, struct arena *a, const struct descriptor *d,
	const char *full, const char *tag)
{
	vec(struct descriptor) entries = {x->manifests.at, x->manifests.len, x->manifests.cap};
	struct descriptor *e = vec_add(a, &entries);

	*e = *d;
	e->annotations = (struct json_dict){0};
	for (size_t i = 0; i < d->annotations.len; i++)
		vec_push(a, &e->annotations,
			(struct json_pair){arena_strdup(a, d->annotations.at[i].name),
				arena_strdup(a, d->annotations.at[i].value)});
	dict_remove(&e->annotations, CONTAINERD_IMAGE_NAME);
	dict_remove(&e->annotations, OCI_REF_NAME);
	if (full)
		dict_set(&e->annotations, a, CONTAINERD_IMAGE_NAME, full);
	if (tag)
		dict_set(&e->annotations, a, OCI_REF_NAME, tag);
	x->manifests = (struct json_list){entries.at, entries.len, entries.cap};
}

// The tag of a full reference; NULL where it has none.
static const char *tag_of(struct arena *a, const char *full)
{
	size_t n = strcspn(full, "@");
	const char *name = arena_strndup(a, full, n);
	const char *colon = strrchr(name, ':');

	return colon && !strchr(colon, '/') ? colon + 1 : NULL;
}

void layout_tag(
	struct index *x, struct arena *a, const struct descriptor *d, const struct strings *names)
{
	struct descriptor *there = x->manifests.at;

	for (size_t i = 0; i < names->len; i++) {
		const char *full = strchr(names->at[i], '/') ? names->at[i] : NULL;
		const char *tag = full ? tag_of(a, full) : names->at[i];

		forget(x, full, tag, d->digest);
		add_entry(x, a, d, full, tag);
	}
	if (names->len)
		return;
	for (size_t i = 0; i < x->manifests.len; i++)
		if (!strcmp(there[i].digest, d->digest))
			return;
	add_entry(x, a, d, NULL, NULL);
}
