#include "builder/transfer.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/map.h"
#include "builder/image.h"

#define INDEX_DEPTH_MAX 4               // indexes in indexes
#define DOCUMENTS_MAX 10000u            // of one image
#define DOCUMENTS_BYTES_MAX (64u << 20) // together; they are kept in memory

struct document {
	struct descriptor descriptor;
	struct span bytes;
};

// What has to be copied, each digest once, everything before what refers to it.
struct plan {
	struct transport *src;
	struct arena *a;
	struct map seen;
	vec(struct document) documents;
	uint64_t document_bytes;
	vec(struct descriptor) blobs;
};

// ---- what belongs to an image ----

static bool is_new(struct plan *p, const struct descriptor *d)
{
	void **at = map_at(&p->seen, p->a, d->digest);
	bool was_there = *at;

	*at = p;
	return !was_there;
}

// Layers that are only to be had elsewhere ("foreign", "nondistributable") are in no registry.
static bool is_elsewhere(const struct descriptor *d)
{
	return d->urls.len &&
		(strstr(d->media_type, ".foreign.") || strstr(d->media_type, "nondistributable"));
}

static void plan_blob(struct plan *p, const struct descriptor *d)
{
	if (!is_elsewhere(d) && is_new(p, d))
		vec_push(p->a, &p->blobs, *d);
}

static struct err *plan_document(struct plan *p, const struct descriptor *d, int depth);

static struct err *plan_index(
	struct plan *p, const struct descriptor *d, struct span text, int depth)
{
	struct index x;

	if (depth == INDEX_DEPTH_MAX)
		return err_new(ERR_FAILED, "%s: indexes are nested more than %d deep", d->digest,
			INDEX_DEPTH_MAX);
	TRY(index_read(text, p->a, &x, arena_printf(p->a, "index %s", d->digest)));
	const struct descriptor *inner = x.manifests.at;

	for (size_t i = 0; i < x.manifests.len; i++)
		TRY(plan_document(p, &inner[i], depth + 1));
	return NULL;
}

static struct err *plan_manifest(struct plan *p, const struct descriptor *d, struct span text)
{
	struct manifest m;

	TRY(manifest_read(text, p->a, &m, arena_printf(p->a, "manifest %s", d->digest)));
	const struct descriptor *layers = m.layers.at;

	for (size_t i = 0; i < m.layers.len; i++)
		plan_blob(p, &layers[i]);
	plan_blob(p, &m.config);
	return NULL;
}

// No index can be inside itself: each document is read by its digest and must have it.
static struct err *plan_document(struct plan *p, const struct descriptor *d, int depth)
{
	struct span text;

	if (!media_is_index(d->media_type) && !media_is_manifest(d->media_type)) {
		plan_blob(p, d);
		return NULL;
	}
	if (!is_new(p, d))
		return NULL;
	if (p->documents.len == DOCUMENTS_MAX)
		return err_new(ERR_FAILED, "it holds more than %u manifests", DOCUMENTS_MAX);
	TRY(transport_read(p->src, d, p->a, &text));
	p->document_bytes += text.len;
	if (p->document_bytes > DOCUMENTS_BYTES_MAX)
		return err_new(ERR_FAILED, "its manifests have more than %u bytes together",
			DOCUMENTS_BYTES_MAX);
	TRY(media_is_index(d->media_type) ? plan_index(p, d, text, depth)
					  : plan_manifest(p, d, text));
	vec_push(p->a, &p->documents, (struct document){*d, text});
	return NULL;
}

// ---- copying it ----

// A registry hashes what it gets and what it gives, and what is to be expected goes on meanwhile.
static bool is_remote(const struct transport *t)
{
	return t->ops->expect;
}

// A registry looks by itself what it has; only where opening a blob means downloading it is it
// asked beforehand.
static struct err *is_there(
	struct transport *src, struct transport *dst, const struct descriptor *d, bool *out)
{
	*out = false;
	return is_remote(src) || !is_remote(dst) ? transport_has(dst, d, out) : NULL;
}

static struct err *copy_blob(
	struct transport *src, const struct descriptor *d, struct transport *dst)
{
	drop(blob_drop) struct blob b = {.fd = -1};

	if (!is_remote(src) && !is_remote(dst))
		TRY(transport_get(src, d, NULL));
	TRY(transport_open(src, d, &b));
	return transport_put(dst, d, &b);
}

static struct err *copy_blobs(struct plan *p, struct transport *dst)
{
	vec(struct descriptor) missing = {0};

	if (is_remote(p->src))
		vec_each (d, &p->blobs)
			transport_expect(dst, d, false);
	vec_each (d, &p->blobs) {
		bool has;

		TRY(is_there(p->src, dst, d, &has));
		if (has)
			continue;
		transport_expect(p->src, d, true);
		vec_push(p->a, &missing, *d);
	}
	vec_each (d, &missing)
		TRY(copy_blob(p->src, d, dst));
	return NULL;
}

struct err *transfer_content(
	struct transport *src, const struct descriptor *d, struct transport *dst, struct arena *a)
{
	struct plan p = {.src = src, .a = a};

	TRY(plan_document(&p, d, 0));
	TRY(copy_blobs(&p, dst));
	vec_each (document, &p.documents)
		TRY(transport_put_document(dst, &document->descriptor, document->bytes));
	return NULL;
}

static struct err *select_platform(struct transport *src, const struct platform *platform,
	struct arena *a, struct descriptor *top)
{
	struct descriptors manifests;
	char text[PLATFORM_TEXT];

	TRY(image_manifests(src, top, a, &manifests));
	TRY(image_select(src, platform_text(platform, text), a, &manifests));
	*top = manifests.at[0];
	return NULL;
}

static struct err *transfer_referrer(
	struct transport *src, const struct descriptor *d, struct transport *dst, struct arena *a)
{
	const struct strings none = {0};

	TRY(transfer_content(src, d, dst, a));
	return is_remote(dst) ? NULL : transport_tag(dst, d, &none);
}

// What a layout lists may refer to what is copied, by name or not (image-spec, subject).
static struct err *copy_referrers(
	struct transport *src, const struct descriptor *to, struct transport *dst, struct arena *a)
{
	struct named_images all = {0};

	if (src->ops->referrers) {
		TRY(src->ops->referrers(src, to, a, &all));
		vec_each (n, &all)
			TRY(transfer_referrer(src, &n->descriptor, dst, a));
		return NULL;
	}
	TRY(transport_list(src, a, &all));
	vec_each (n, &all) {
		struct manifest m;
		struct span text;

		if (!media_is_manifest(n->descriptor.media_type))
			continue;
		TRY(transport_read(src, &n->descriptor, a, &text));
		TRY(manifest_read(text, a, &m, n->descriptor.digest));
		if (!m.subject.digest || strcmp(m.subject.digest, to->digest) != 0)
			continue;
		TRY(transfer_referrer(src, &n->descriptor, dst, a));
	}
	return NULL;
}

// A registry that refuses what it got says little of it: was it damaged before it was sent?
static struct err *blame_source(
	struct transport *src, const struct descriptor *d, struct arena *a, struct err *refused)
{
	struct plan p = {.src = src, .a = a};
	drop(err_drop) struct err *unplanned = NULL;

	if (!refused || err_kind(refused) != ERR_NETWORK || err_number(refused) != EBADMSG)
		return refused;
	unplanned = plan_document(&p, d, 0);
	vec_each (blob, &p.blobs) {
		struct err *e = transport_doubt(src, blob, refused);

		if (e != refused)
			return e;
	}
	return refused;
}

static struct err *finish(
	struct transport *dst, const struct descriptor *top, const struct strings *names)
{
	TRY(transport_tag(dst, top, names));
	return transport_commit(dst);
}

struct err *transfer_image(struct transport *src, const struct named_image *from,
	struct transport *dst, const struct strings *names, const struct transfer_options *o,
	struct arena *a, struct descriptor *top)
{
	*top = from->descriptor;
	if (o->platform)
		TRY(select_platform(src, o->platform, a, top));
	TRY(transfer_content(src, top, dst, a));
	if (o->with_referrers)
		TRY(copy_referrers(src, top, dst, a));
	return blame_source(src, top, a, finish(dst, top, names));
}

// ---- from place to place ----

// A layout lists the tag of a full name, too; it would become a name of its own.
static bool is_tag_of(const struct strings *names, const char *tag)
{
	size_t n = strlen(tag);

	for (size_t i = 0; i < names->len; i++) {
		size_t len = strlen(names->at[i]);

		if (len > n && names->at[i][len - n - 1] == ':' &&
			strcmp(names->at[i] + len - n, tag) == 0)
			return true;
	}
	return false;
}

static struct strings names_for(const struct named_image *from, const char *given, struct arena *a)
{
	struct strings names = {0};

	if (given)
		vec_push(a, &names, given);
	for (size_t i = 0; !given && i < from->names.len; i++)
		if (!is_tag_of(&from->names, from->names.at[i]))
			vec_push(a, &names, from->names.at[i]);
	return names;
}

// A digest is what an image has, not what it is called: "a:1@sha256:…" is kept as "a:1", and
// "a@sha256:…" is no name.
static struct strings names_to_keep(const struct strings *shown, struct arena *a)
{
	struct strings names = {0};

	for (size_t i = 0; i < shown->len; i++) {
		const char *name = shown->at[i], *at = strchr(name, '@');
		struct ref ref;
		drop(err_drop) struct err *e = at ? ref_parse(name, &ref) : NULL;

		if (!at || e)
			vec_push(a, &names, name);
		else if (ref.tag[0])
			vec_push(a, &names, arena_strndup(a, name, (size_t)(at - name)));
	}
	return names;
}

// What goes on to a registry is told there, once.
static struct err *open_source(struct places *p, const char *from, const char *to,
	struct registry_events *silent, struct arena *a, struct transport **out, const char **name)
{
	const struct registry_events *events = p->events;
	bool is_registry;
	struct ref ref;

	TRY(place_is_registry(to, a, &is_registry, &ref));
	if (is_registry && events) {
		*silent = *events;
		silent->blob = NULL;
		p->events = silent;
	}
	struct err *e = place_open(p, from, a, out, name);

	p->events = events;
	return e;
}

// What is written would take the place of what is read.
static struct err *refuse_itself(const char *from, const char *to, struct arena *a)
{
	const char *in, *out;
	struct stat x, y;

	TRY(place_file(from, false, a, &in));
	TRY(place_file(to, true, a, &out));
	if (!in || !out || stat(in, &x) || stat(out, &y) || !S_ISREG(y.st_mode) ||
		x.st_dev != y.st_dev || x.st_ino != y.st_ino)
		return NULL;
	return err_hint(err_new(ERR_USAGE, "%s and %s are the same file", from, to),
		"give the copy another name");
}

struct err *transfer_places(struct places *p, const char *from, const char *to,
	const struct transfer_options *given_options, struct arena *a, struct transferred *out)
{
	struct registry_events silent; // outlives src
	drop(transport_drop) struct transport *src = NULL;
	drop(transport_drop) struct transport *dst = NULL;
	struct transfer_options o = *given_options;
	struct platform single;
	const char *name, *given;
	struct named_image found;
	bool is_single;

	TRY(refuse_itself(from, to, a));
	TRY(place_claim_creds(p, from, false, a));
	TRY(place_claim_creds(p, to, true, a));
	TRY(open_source(p, from, to, &silent, a, &src, &name));
	TRY(place_find(src, name, a, &found));
	TRY(place_platform(to, a, &is_single, &single));
	if (is_single && !o.platform && media_is_index(found.descriptor.media_type))
		o.platform = &single;
	TRY(place_create(p, to, a, &dst, &given));
	TRY(place_mount(dst, to, from, a));
	out->is_pushed = is_remote(dst);
	out->names = names_for(&found, given, a);

	const struct strings names = names_to_keep(&out->names, a);

	return transfer_image(src, &found, dst, &names, &o, a, &out->top);
}
