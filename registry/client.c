#include "registry/client.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/map.h"
#include "registry/answer.h"
#include "registry/download.h"
#include "registry/headers.h"
#include "registry/request.h"
#include "registry/upload.h"

#define REFERRER_PAGES 100
#define AT_ONCE 6 // blobs under way
#define ACCEPT "Accept: " OCI_INDEX ", " OCI_MANIFEST ", " DOCKER_LIST ", " DOCKER_MANIFEST

struct document {
	struct descriptor d;
	struct span bytes;
	bool is_queued;
	struct request put;
};

struct known;
struct registry {
	struct transport t;
	struct remote remote;
	struct ref ref;
	struct registry_options o;
	struct registry_events events;
	struct arena arena;
	const char *pull, *push; // scopes
	const char *mount_from;
	vec(struct upload *) queue;
	vec(struct document *) documents; // put or got, in that order
	struct map known;                 // by digest
	vec(struct known *) all_known;
	struct map downloads;
	vec(struct download *) all_downloads;
	size_t n_started;
};

// What was asked for a digest's sake, and the answer.
struct known {
	struct request head;
	bool is_asked, is_there, is_told, is_offered;
};

static void tell(
	struct registry *r, const struct descriptor *d, enum registry_fate fate, const char *from)
{
	if (r->events.blob)
		r->events.blob(r->events.arg, d, fate, from);
}

static void tell_queued(struct registry *r, const struct descriptor *d, enum registry_fate fate)
{
	if (r->events.progress)
		r->events.progress(r->events.arg, d, fate, 0);
}

// A fault in what a registry sent is the registry's, whoever noticed it.
static struct err *as_network(struct err *e)
{
	struct err *out;

	if (!e || err_kind(e) != ERR_FAILED || err_number(e))
		return e;
	out = err_new(ERR_NETWORK, "%s", err_text(e));
	if (err_hint_text(e))
		out = err_hint(out, "%s", err_hint_text(e));
	err_drop(&e);
	return out;
}

static struct descriptor copy_descriptor(struct arena *a, const struct descriptor *d)
{
	return (struct descriptor){
		.media_type = d->media_type ? arena_strdup(a, d->media_type) : NULL,
		.digest = arena_strdup(a, d->digest),
		.size = d->size,
	};
}

static char *manifest_path(struct registry *r, struct arena *a, const char *name)
{
	return arena_printf(a, "/v2/%s/manifests/%s", r->ref.repository, name);
}

static struct document *find_document(struct registry *r, const char *digest)
{
	vec_each (it, &r->documents)
		if (!strcmp((*it)->d.digest, digest))
			return *it;
	return NULL;
}

static struct document *keep_document(
	struct registry *r, const struct descriptor *d, struct span bytes)
{
	struct document *doc = arena_new(&r->arena, struct document);
	uint8_t *copy = arena_alloc(&r->arena, bytes.len + 1);

	memcpy(copy, bytes.ptr, bytes.len);
	doc->d = copy_descriptor(&r->arena, d);
	doc->bytes = (struct span){copy, bytes.len};
	vec_push(&r->arena, &r->documents, doc);
	return doc;
}

// ---- documents down

static bool is_document_type(const char *type)
{
	return media_is_index(type) || media_is_manifest(type);
}

static struct err *check_document(struct span text, const char *type, struct arena *a)
{
	struct index index;
	struct manifest manifest;

	if (media_is_index(type))
		return index_read(text, a, &index, "index");
	return manifest_read(text, a, &manifest, "manifest");
}

static struct err *take_document(struct registry *r, const struct request *q, const char *digest,
	const char *wanted, struct document **out)
{
	const struct span text = {(const uint8_t *)q->x.text.bytes, q->x.text.len};
	const struct digest is = digest_of(text.ptr, text.len);
	drop(arena_drop) struct arena a = {0};
	const char *type = NULL;

	if (digest && strcmp(is.text, digest))
		return err_new(ERR_NETWORK, "what %s sent has the digest %s", q->at.host, is.text);
	TRY(answer_document_type(text, request_header(q, "Content-Type"), wanted, &a, &type));
	TRY(check_document(text, type, &a));
	*out = keep_document(r,
		&(struct descriptor){
			.media_type = type, .digest = is.text, .size = (int64_t)text.len},
		text);
	return NULL;
}

// By tag or digest; digest (NULL: any) and type (NULL: any) are what it has to be.
static struct err *get_document(struct registry *r, const char *name, const char *digest,
	const char *type, struct document **out)
{
	drop(request_drop) struct request q;

	request_init(&q, &r->remote, "GET", NULL);
	q.url = manifest_path(r, &q.arena, name);
	q.scope = r->pull;
	q.x.text_max = OCI_DOCUMENT_MAX;
	vec_push(&q.arena, &q.headers, ACCEPT);
	TRY(as_network(request_wait((request_start(&q), &q))));
	if (q.x.status == 404)
		return err_wrap(request_refused(&q), "no such %s (or repository)",
			strchr(name, ':') ? "digest" : "tag");
	if (q.x.status != 200)
		return request_refused(&q);
	return as_network(take_document(r, &q, digest, type, out));
}

static struct err *registry_list(struct transport *t, struct arena *a, struct named_images *out)
{
	struct registry *r = (struct registry *)t;
	const char *digest = *r->ref.digest ? r->ref.digest : NULL;
	struct document *doc = digest ? find_document(r, digest) : NULL;
	struct named_image *image;

	if (!doc)
		TRY(get_document(r, digest ?: ref_tag(&r->ref), digest, NULL, &doc));
	image = vec_add(a, out);
	image->descriptor = copy_descriptor(a, &doc->d);
	vec_push(a, &image->names, ref_full(&r->ref, a));
	return NULL;
}

static struct err *as_blob(struct span bytes, struct blob *out)
{
	int fd = memfd_create("document", MFD_CLOEXEC);
	struct fd_sink sink;

	if (fd < 0)
		return err_sys(errno, "memory for a document");
	fd_sink_init(&sink, fd, "memory");
	*out = (struct blob){.fd = fd, .size = bytes.len, .owned = true};
	struct err *e = sink_write(&sink.sink, bytes.ptr, bytes.len);

	if (e)
		blob_drop(out);
	return e;
}

static struct err *open_document(struct registry *r, const struct descriptor *d, struct blob *out)
{
	struct document *doc = find_document(r, d->digest);
	struct digest checked;

	if (!digest_parse(d->digest, &checked))
		return err_new(ERR_FAILED, "%.100s is not a digest we know", d->digest);
	if (d->size > (int64_t)OCI_DOCUMENT_MAX)
		return err_new(ERR_NETWORK, "%s: %lld bytes are too many for a document", d->digest,
			(long long)d->size);
	if (!doc)
		TRY_AS(get_document(r, d->digest, d->digest, d->media_type, &doc), "%s", d->digest);
	if (doc->d.size != d->size)
		return err_new(ERR_NETWORK, "%s has %lld bytes, not %lld", d->digest,
			(long long)doc->d.size, (long long)d->size);
	return as_blob(doc->bytes, out);
}

// ---- what refers to a document

// One page; *page becomes the next one's URL. *is_answer is false where the registry does not know
// referrers: some say 404, some 400 or 406, and some show their start page.
static struct err *referrers_page(struct registry *r, const char **page, struct arena *a,
	struct named_images *out, bool *is_answer)
{
	drop(request_drop) struct request q;
	const char *type, *link, *next;
	struct url to;

	request_init(&q, &r->remote, "GET", *page);
	q.scope = r->pull;
	q.x.text_max = OCI_DOCUMENT_MAX;
	TRY(as_network(request_wait((request_start(&q), &q))));
	type = request_header(&q, "Content-Type");
	*is_answer = q.x.status == 200 && type && !strncmp(type, OCI_INDEX, strlen(OCI_INDEX));
	if (!*is_answer && (q.x.status == 401 || q.x.status == 403 || q.x.status >= 500))
		return request_refused(&q);
	if (!*is_answer)
		return NULL;
	TRY(as_network(answer_referrers(
		(struct span){(const uint8_t *)q.x.text.bytes, q.x.text.len}, a, out)));
	link = request_header(&q, "Link");
	next = link ? header_next_page(link, a) : NULL;
	if (!next) {
		*page = NULL;
		return NULL;
	}
	TRY(url_resolve(&q.at, next, a, &to));
	TRY(url_may_follow(&q.at, &to, r->remote.address));
	if (!strcmp(to.text, q.at.text))
		return err_new(ERR_NETWORK, "%s: the list of referrers goes round", q.at.host);
	*page = to.text;
	return NULL;
}

// By the API, else by the index that is tagged with the digest (distribution-spec, «Listing
// Referrers»).
static struct err *registry_referrers(
	struct transport *t, const struct descriptor *to, struct arena *a, struct named_images *out)
{
	struct registry *r = (struct registry *)t;
	const char *page = arena_printf(a, "/v2/%s/referrers/%s", r->remote.repository, to->digest);
	const char *tag = arena_printf(a, "sha256-%s", to->digest + strlen("sha256:"));
	struct document *doc = NULL;
	bool is_answer = true;

	for (int i = 0; page && is_answer; i++) {
		if (i == REFERRER_PAGES)
			return err_new(ERR_NETWORK, "more than %d pages of referrers", i);
		TRY(referrers_page(r, &page, a, out, &is_answer));
	}
	if (is_answer)
		return NULL;
	struct err *e = get_document(r, tag, NULL, OCI_INDEX, &doc);

	if (e && err_number(e) == ENOENT) {
		err_drop(&e);
		return NULL;
	}
	return e ? e : as_network(answer_referrers(doc->bytes, a, out));
}

// ---- blobs down

static struct download *queue_download(struct registry *r, const struct descriptor *d)
{
	void **at = map_at(&r->downloads, &r->arena, d->digest);
	struct download *down = *at;

	if (down && !down->is_done)
		return down;
	if (down && down->blob.fd >= 0)
		return down;
	down = arena_new(&r->arena, struct download);
	down->remote = &r->remote;
	down->scope = r->pull;
	down->d = copy_descriptor(&r->arena, d);
	down->file.fd = down->blob.fd = -1;
	vec_push(&r->arena, &r->all_downloads, down);
	tell_queued(r, d, FATE_DOWNLOADED);
	*at = down;
	return down;
}

// Starts queued downloads in their order, as many as may be under way.
static void start_downloads(struct registry *r)
{
	size_t under_way = 0;

	for (size_t i = 0; i < r->n_started; i++)
		under_way += !r->all_downloads.at[i]->is_done;
	while (r->n_started < r->all_downloads.len && under_way < AT_ONCE) {
		struct download *d = r->all_downloads.at[r->n_started++];

		download_start(d);
		under_way += !d->is_done;
	}
}

static struct err *open_blob(struct registry *r, const struct descriptor *d, struct blob *out)
{
	struct download *down = queue_download(r, d);

	for (start_downloads(r); !down->is_done; start_downloads(r))
		TRY(http_step(r->remote.http));
	if (down->error)
		return take(down->error);
	if (down->blob.size != (uint64_t)d->size)
		return err_new(ERR_NETWORK, "%s has %llu bytes, not %lld", d->digest,
			(unsigned long long)down->blob.size, (long long)d->size);
	tell(r, d, down->fate, NULL);
	*out = down->blob;
	down->blob = (struct blob){.fd = -1};
	return NULL;
}

static struct err *registry_open_blob(
	struct transport *t, const struct descriptor *d, struct blob *out)
{
	struct registry *r = (struct registry *)t;

	return is_document_type(d->media_type) ? open_document(r, d, out) : open_blob(r, d, out);
}

// ---- what is there

static void on_head(struct request *q)
{
	struct known *k = q->arg;

	k->is_asked = false;
	k->is_there = !q->error && q->x.status == 200;
}

// Asks for a blob or document without waiting for the answer.
static struct known *ask(struct registry *r, const struct descriptor *d)
{
	struct known *k = map_get(&r->known, d->digest);
	struct request *q;

	if (k)
		return k;
	k = arena_new(&r->arena, struct known);
	*map_at(&r->known, &r->arena, d->digest) = k;
	k->is_asked = true;
	q = &k->head;
	request_init(q, &r->remote, "HEAD", NULL);
	q->url = is_document_type(d->media_type)
		? manifest_path(r, &q->arena, d->digest)
		: arena_printf(&q->arena, "/v2/%s/blobs/%s", r->ref.repository, d->digest);
	q->scope = r->push;
	q->done = on_head;
	q->arg = k;
	vec_push(&q->arena, &q->headers, ACCEPT);
	vec_push(&r->arena, &r->all_known, k);
	request_start(q);
	return k;
}

// The other repository's blob, not a byte of it moved. Any answer but 201 means: send it.
static struct err *mount_blob(struct registry *r, const struct descriptor *d, bool *out)
{
	drop(request_drop) struct request q;
	const char *url;

	request_init(&q, &r->remote, "POST", NULL);
	url = arena_printf(&q.arena, "/v2/%s/blobs/uploads/", r->ref.repository);
	url = url_with(url, "mount", d->digest, &q.arena);
	q.url = url_with(url, "from", r->mount_from, &q.arena);
	q.scope = r->push;
	q.has_body = true;
	q.body = (struct http_body){.bytes = "", .fd = -1};
	TRY(request_wait((request_start(&q), &q)));
	*out = q.x.status == 201;
	if (*out)
		tell(r, d, FATE_MOUNTED, r->mount_from);
	return NULL;
}

static struct err *registry_has(struct transport *t, const struct descriptor *d, bool *out)
{
	struct registry *r = (struct registry *)t;
	struct digest checked;

	if (!digest_parse(d->digest, &checked))
		return err_new(ERR_FAILED, "%.100s is not a digest we know", d->digest);
	struct known *k = ask(r, d);

	while (k->is_asked)
		TRY(http_step(r->remote.http));
	if (k->head.error)
		return take(k->head.error);
	if (k->head.x.status == 401 || k->head.x.status == 403)
		return request_refused(&k->head);
	if (!k->is_there && r->mount_from && !k->is_offered && !is_document_type(d->media_type)) {
		k->is_offered = true;
		TRY(mount_blob(r, d, &k->is_there));
		k->is_told = k->is_there;
	}
	*out = k->is_there;
	if (*out && !k->is_told && !is_document_type(d->media_type))
		tell(r, d, FATE_EXISTS, NULL);
	k->is_told = *out;
	return NULL;
}

// ---- up

static struct err *registry_put(
	struct transport *t, const struct descriptor *d, const struct blob *b)
{
	struct registry *r = (struct registry *)t;
	struct upload *u;
	const struct known *k = map_get(&r->known, d->digest);

	vec_each (it, &r->queue)
		if (!strcmp((*it)->d.digest, d->digest))
			return NULL;
	u = arena_new(&r->arena, struct upload);
	u->remote = &r->remote;
	u->scope = r->push;
	u->d = copy_descriptor(&r->arena, d);
	u->is_missing = k && !k->is_asked && !k->is_there;
	u->is_offered = k && k->is_offered;
	u->blob = *b;
	u->blob.owned = true;
	u->blob.fd = dup(b->fd); // the caller's may be closed before its turn comes
	if (u->blob.fd < 0)
		return err_sys(errno, "put %s", d->digest);
	vec_push(&r->arena, &r->queue, u);
	return NULL;
}

static struct err *registry_put_document(
	struct transport *t, const struct descriptor *d, struct span bytes)
{
	struct registry *r = (struct registry *)t;
	struct document *doc = find_document(r, d->digest) ?: keep_document(r, d, bytes);

	doc->is_queued = true;
	return NULL;
}

struct batch {
	struct registry *r;
	size_t started, ended;
	struct err *error;
};

static void on_uploaded(struct upload *u)
{
	struct batch *b = u->arg;

	b->ended++;
	if (!u->error)
		tell(b->r, &u->d, u->fate, u->fate == FATE_MOUNTED ? u->mount_from : NULL);
	else if (!b->error)
		b->error = take(u->error);
}

static struct err *upload_blobs(struct registry *r)
{
	struct batch b = {.r = r};

	vec_each (it, &r->queue)
		tell_queued(r, &(*it)->d, FATE_UPLOADED);
	while (b.ended < r->queue.len && !b.error) {
		while (b.started < r->queue.len && b.started - b.ended < AT_ONCE) {
			struct upload *u = r->queue.at[b.started++];

			u->arg = &b;
			u->done = on_uploaded;
			u->mount_from = u->is_offered ? NULL : r->mount_from;
			upload_start(u);
		}
		if (b.ended == b.started)
			continue;
		struct err *e = http_step(r->remote.http);

		if (e && !b.error)
			b.error = e;
	}
	if (b.error)
		return b.error; // the others end with the transport
	vec_each (it, &r->queue)
		upload_drop(*it);
	r->queue.len = 0;
	return NULL;
}

static void start_put(struct registry *r, struct document *doc, const char *name)
{
	struct request *q = &doc->put;

	request_drop(q);
	request_init(q, &r->remote, "PUT", NULL);
	q->url = manifest_path(r, &q->arena, name);
	q->scope = r->push;
	q->has_body = true;
	q->body = (struct http_body){.bytes = doc->bytes.ptr, .fd = -1, .size = doc->bytes.len};
	vec_push(&q->arena, &q->headers,
		arena_printf(&q->arena, "Content-Type: %s", doc->d.media_type));
	request_start(q);
}

static struct err *end_put(struct document *doc, const char *name)
{
	struct request *q = &doc->put;

	TRY_AS(request_wait(q), "manifest %s", name);
	if (q->x.status != 201 && q->x.status != 200 && q->x.status != 202)
		return err_wrap(request_refused(q), "manifest %s", name);
	doc->is_queued = false;
	return NULL;
}

static struct err *put_as(struct registry *r, struct document *doc, const char *name)
{
	start_put(r, doc, name);
	return end_put(doc, name);
}

// Manifests together, then indexes one by one in the order they came; `last` not at all.
static struct err *put_documents(struct registry *r, const struct document *last)
{
	vec_each (it, &r->documents)
		if ((*it)->is_queued && *it != last && !media_is_index((*it)->d.media_type))
			start_put(r, *it, (*it)->d.digest);
	vec_each (it, &r->documents)
		if ((*it)->is_queued && *it != last && !media_is_index((*it)->d.media_type))
			TRY(end_put(*it, (*it)->d.digest));
	vec_each (it, &r->documents)
		if ((*it)->is_queued && *it != last)
			TRY(put_as(r, *it, (*it)->d.digest));
	return NULL;
}

// Does the tag mean this document already? Then all it needs is there: a registry takes no
// manifest before its blobs.
static struct err *is_tagged(
	struct registry *r, const char *name, const struct document *doc, bool *out)
{
	drop(request_drop) struct request q;
	const char *digest;

	request_init(&q, &r->remote, "HEAD", NULL);
	q.url = manifest_path(r, &q.arena, name);
	q.scope = r->push;
	vec_push(&q.arena, &q.headers, ACCEPT);
	TRY(request_wait((request_start(&q), &q)));
	digest = request_header(&q, "Docker-Content-Digest");
	*out = q.x.status == 200 && digest && !strcmp(digest, doc->d.digest);
	return (q.x.status == 401 || q.x.status == 403) ? request_refused(&q) : NULL;
}

static struct err *are_tagged(
	struct registry *r, const struct strings *tags, const struct document *doc, bool *out)
{
	*out = true;
	for (size_t i = 0; i < tags->len && *out; i++)
		TRY(is_tagged(r, tags->at[i], doc, out));
	return NULL;
}

// The blob that changes most: of the last image the topmost layer.
static struct upload *find_first_to_ask(struct registry *r)
{
	for (size_t i = r->queue.len; i--;) {
		struct upload *u = r->queue.at[i];
		const char *type = u->d.media_type;

		if (type && strcmp(type, OCI_CONFIG) && strcmp(type, DOCKER_CONFIG))
			return u;
	}
	return NULL;
}

// A blob that is not there tells that no tag means this image, without another round trip. What
// goes wrong here does so again, and is told then.
static struct err *is_new(struct registry *r, bool *out)
{
	struct upload *u = find_first_to_ask(r);

	*out = u && u->is_missing;
	if (!u || u->is_missing)
		return NULL;
	const struct known *k = ask(r, &u->d);

	while (k->is_asked)
		TRY(http_step(r->remote.http));
	u->is_there = k->is_there;
	u->is_missing = *out = !k->head.error && k->head.x.status == 404;
	return NULL;
}

static void forget_queue(struct registry *r)
{
	vec_each (it, &r->queue) {
		tell(r, &(*it)->d, FATE_EXISTS, NULL);
		upload_drop(*it);
	}
	vec_each (it, &r->documents)
		(*it)->is_queued = false;
	r->queue.len = 0;
}

static struct err *push(struct registry *r, struct document *doc, const struct strings *tags)
{
	bool all = false, new = false;

	if (tags->len)
		TRY(is_new(r, &new));
	if (tags->len && !new)
		TRY(are_tagged(r, tags, doc, &all));
	if (all) {
		forget_queue(r);
		return NULL;
	}
	TRY(upload_blobs(r));
	TRY(put_documents(r, doc));
	for (size_t i = 0; i < tags->len; i++)
		TRY(put_as(r, doc, tags->at[i]));
	return tags->len ? NULL : put_as(r, doc, doc->d.digest);
}

// A tag, or a reference to this repository.
static struct err *tag_of(struct registry *r, const char *name, struct arena *a, const char **out)
{
	struct ref ref;

	*out = name;
	if (!strpbrk(name, "/:@"))
		return NULL;
	TRY(ref_parse(name, &ref));
	if (strcmp(ref.host, r->ref.host) || strcmp(ref.repository, r->ref.repository))
		return err_new(ERR_USAGE, "%s is not in the repository of %s", name, r->t.name);
	*out = arena_strdup(a, ref_tag(&ref));
	return NULL;
}

static struct err *registry_tag(
	struct transport *t, const struct descriptor *d, const struct strings *names)
{
	struct registry *r = (struct registry *)t;
	struct document *doc = find_document(r, d->digest);
	struct strings tags = {0};
	const char *tag;

	if (*r->ref.digest && strcmp(r->ref.digest, d->digest))
		return err_new(ERR_USAGE, "the digest of the image is %s", d->digest);
	if (!doc) // it was there already
		TRY_AS(get_document(r, d->digest, d->digest, d->media_type, &doc), "%s", d->digest);
	for (size_t i = 0; i < names->len; i++) {
		TRY(tag_of(r, names->at[i], &r->arena, &tag));
		if (*tag)
			vec_push(&r->arena, &tags, tag);
	}
	if (!names->len && *ref_tag(&r->ref))
		vec_push(&r->arena, &tags, ref_tag(&r->ref));
	return push(r, doc, &tags);
}

static struct err *registry_commit(struct transport *t)
{
	struct registry *r = (struct registry *)t;

	TRY(upload_blobs(r));
	return put_documents(r, NULL);
}

static void registry_expect(struct transport *t, const struct descriptor *d, bool to_open)
{
	struct registry *r = (struct registry *)t;
	struct digest checked;

	if (!digest_parse(d->digest, &checked))
		return;
	if (!to_open)
		ask(r, d);
	else if (!is_document_type(d->media_type))
		queue_download(r, d);
}

static void registry_close(struct transport *t)
{
	struct registry *r = (struct registry *)t;

	http_drop(&r->remote.http); // from here on nothing calls back
	vec_each (it, &r->queue)
		upload_drop(*it);
	vec_each (it, &r->all_downloads)
		download_drop(*it);
	vec_each (it, &r->all_known)
		request_drop(&(*it)->head);
	vec_each (it, &r->documents)
		request_drop(&(*it)->put);
	remote_drop(&r->remote);
	arena_drop(&r->arena);
	mem_drop(&r);
}

static const struct transport_ops ops = {
	.list = registry_list,
	.open = registry_open_blob,
	.has = registry_has,
	.put = registry_put,
	.put_document = registry_put_document,
	.tag = registry_tag,
	.commit = registry_commit,
	.expect = registry_expect,
	.referrers = registry_referrers,
	.close = registry_close,
};

// "localhost:5000" is a name and a tag to Docker's rules; nobody means that.
static struct err *refuse_address(const struct ref *ref)
{
	const bool is_port = ref->tag[strspn(ref->tag, "0123456789")] == '\0' && *ref->tag;
	const char *colon = *ref->tag ? ":" : "";

	if (strcmp(ref->host, "docker.io") || strcmp(ref->repository, "library/localhost"))
		return NULL;
	return err_hint(
		err_new(ERR_USAGE, "localhost%s%s names a registry, not an image", colon, ref->tag),
		"localhost%s%s/NAME:TAG", is_port ? colon : "", is_port ? ref->tag : "");
}

struct err *registry_open(const struct ref *ref, const struct registry_options *o,
	const struct registry_events *events, struct transport **out)
{
	TRY(refuse_address(ref));
	struct registry *r = mem_alloc(sizeof(*r));
	struct err *e;

	r->ref = *ref;
	r->o = *o;
	if (events)
		r->events = *events;
	r->t.ops = &ops;
	r->t.name = ref_familiar(ref, &r->arena);
	r->pull = arena_printf(&r->arena, "repository:%s:pull", ref->repository);
	r->push = arena_printf(&r->arena, "repository:%s:pull,push", ref->repository);
	e = remote_open(&r->remote, ref, &r->o, &r->events);
	if (e) {
		registry_close(&r->t);
		return e;
	}
	*out = &r->t;
	return NULL;
}

void registry_mount_from(struct transport *t, const struct ref *source)
{
	struct registry *r = (struct registry *)t;

	if (t->ops != &ops || strcmp(source->host, r->ref.host) ||
		!strcmp(source->repository, r->ref.repository))
		return;
	r->mount_from = arena_strdup(&r->arena, source->repository);
	r->push = arena_printf(&r->arena, "repository:%s:pull,push repository:%s:pull",
		r->ref.repository, source->repository);
}

struct err *registry_ping(const struct ref *ref, const struct registry_options *o,
	const struct registry_events *events)
{
	struct remote remote;
	struct request q;
	struct err *e = remote_open(&remote, ref, o, events);

	request_init(&q, &remote, "GET", "/v2/");
	q.scope = "";
	if (!e)
		e = request_wait((request_start(&q), &q));
	if (!e && q.x.status != 200)
		e = request_refused(&q);
	http_drop(&remote.http);
	request_drop(&q);
	remote_drop(&remote);
	return e ? err_wrap(e, "registry %s", ref->host) : NULL;
}
