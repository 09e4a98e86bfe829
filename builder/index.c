#include "builder/index.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "builder/image.h"

#define SETTLE_MS 300 // to twice that, before a tag is read again
#define ROUNDS_MAX 20

// An image that is to be brought, and its entries.
struct source {
	struct transport *transport;
	const char *word, *place; // as given; where that is
	size_t first, end;
};

struct joining {
	struct places places;
	struct arena *a;
	struct transport *dst;
	const char *word, *place; // dst's: as it was given, with its transport
	struct descriptors entries;
	struct strings from; // of each entry, for messages
	vec(struct source) sources;
};

// ---- entries ----

static bool is_platform(const struct descriptor *d)
{
	return !descriptor_is_attestation(d) && d->platform.architecture;
}

static bool same_platform(const struct descriptor *x, const struct descriptor *y)
{
	struct platform p = platform_of(&x->platform), q = platform_of(&y->platform);
	const char *v = x->platform.os_version, *w = y->platform.os_version;

	return is_platform(x) && is_platform(y) && platform_equal(&p, &q) &&
		strcmp(v ? v : "", w ? w : "") == 0;
}

static struct err *add_entry(struct joining *j, const struct descriptor *d, const char *from)
{
	for (size_t i = 0; i < j->entries.len; i++) {
		const struct descriptor *e = &j->entries.at[i];
		struct platform p = platform_of(&d->platform);
		char text[PLATFORM_TEXT];

		if (strcmp(e->digest, d->digest) == 0)
			return NULL;
		if (same_platform(e, d))
			return err_hint(err_new(ERR_USAGE, "%s and %s are both for %s",
						j->from.at[i], from, platform_text(&p, text)),
				"an index holds one image for each platform; without --append "
				"only what is named will be in it");
	}
	vec_push(j->a, &j->entries, *d);
	vec_push(j->a, &j->from, from);
	return NULL;
}

// What a manifest that stood alone is for says its config only.
static struct err *learn_platform(struct transport *t, struct descriptor *d, struct arena *a)
{
	struct image image;

	if (d->platform.architecture || descriptor_is_attestation(d))
		return NULL;
	TRY(image_read(t, d, a, &image));
	if (!image.is_artifact)
		d->platform = (struct oci_platform){
			.architecture = image.config.architecture,
			.os = image.config.os,
			.os_version = image.config.os_version,
			.variant = image.config.variant,
		};
	return NULL;
}

static struct err *add_images(struct joining *j, struct transport *t, const char *name,
	const char *from, struct named_image *found)
{
	struct descriptors manifests;

	TRY(place_find(t, name, j->a, found));
	TRY(image_manifests(t, &found->descriptor, j->a, &manifests));
	vec_each (d, &manifests) {
		struct json_dict notes = {0};

		// Names are the places' own.
		for (size_t i = 0; i < d->annotations.len; i++)
			if (strcmp(d->annotations.at[i].name, OCI_REF_NAME) != 0 &&
				strcmp(d->annotations.at[i].name, CONTAINERD_IMAGE_NAME) != 0)
				vec_push(j->a, &notes, d->annotations.at[i]);
		d->annotations = notes;
		TRY(learn_platform(t, d, j->a));
		TRY(add_entry(j, d, from));
	}
	return NULL;
}

// ---- where they come from ----

// "sha256:…" and "@sha256:…", what --digestfile holds, are images in REF's repository.
static struct err *place_of(const struct joining *j, const char *word, const char **out)
{
	const char *text = word + (word[0] == '@');
	struct digest digest;
	struct ref ref;

	*out = word;
	if (strncmp(text, "sha256:", 7) != 0)
		return NULL;
	if (!digest_parse(text, &digest))
		return err_new(ERR_USAGE, "a sha256 digest has 64 hex digits in lower case");
	TRY(ref_parse(j->place + strlen("docker://"), &ref));
	*out = arena_printf(j->a, "docker://%s/%s@%s", ref.host, ref.repository, digest.text);
	return NULL;
}

static struct err *look_up(struct joining *j, const char *word)
{
	struct named_image found;
	const char *name;

	vec_push(j->a, &j->sources, (struct source){.word = word, .first = j->entries.len});
	struct source *s = &j->sources.at[j->sources.len - 1];

	TRY(place_of(j, word, &s->place));
	TRY(place_open(&j->places, s->place, j->a, &s->transport, &name));
	TRY(add_images(j, s->transport, name, word, &found));
	s->end = j->entries.len;
	return NULL;
}

static struct err *bring(struct joining *j, struct source *s)
{
	TRY(place_mount(j->dst, j->place, s->place, j->a));
	for (size_t i = s->first; i < s->end; i++) {
		bool has;

		TRY(transport_has(j->dst, &j->entries.at[i], &has));
		if (!has)
			TRY(transfer_content(s->transport, &j->entries.at[i], j->dst, j->a));
	}
	transport_drop(&s->transport);
	return NULL;
}

// Adds what the tag holds; one that is not there yet is an empty index, and *digest "".
static struct err *keep(struct joining *j, const char **digest)
{
	drop(transport_drop) struct transport *t = NULL;
	struct named_image found = {0};
	const char *name;

	TRY(place_open(&j->places, j->place, j->a, &t, &name));
	struct err *e = add_images(j, t, NULL, j->word, &found);

	if (e && err_number(e) == ENOENT)
		err_drop(&e);
	*digest = found.descriptor.digest ? found.descriptor.digest : "";
	return e;
}

// ---- the index ----

static int in_order(const void *x, const void *y)
{
	const struct descriptor *a = x, *b = y;
	struct platform p = platform_of(&a->platform), q = platform_of(&b->platform);

	if (is_platform(a) != is_platform(b))
		return is_platform(a) ? -1 : 1;
	int order = is_platform(a) ? platform_order(&p, &q) : 0;

	return order ? order : strcmp(a->digest, b->digest);
}

// Docker's own types where all that is in it has them: engines that know them only read it.
static const char *type_of(const struct joining *j)
{
	vec_each (d, &j->entries)
		if (strcmp(d->media_type, DOCKER_MANIFEST) != 0)
			return OCI_INDEX;
	return DOCKER_LIST;
}

static struct err *put_index(struct joining *j, const struct strings *names, struct descriptor *out)
{
	const char *type = type_of(j);
	struct index x = {.schema_version = 2, .media_type = type};

	qsort(j->entries.at, j->entries.len, sizeof(*j->entries.at), in_order);
	x.manifests = (struct json_list){j->entries.at, j->entries.len, j->entries.cap};
	struct span text = json_write(&index_table, &x, j->a);

	*out = descriptor_of(type, text, j->a);
	TRY(transport_put_document(j->dst, out, text));
	TRY(transport_tag(j->dst, out, names));
	return transport_commit(j->dst);
}

// A registry has no lock: a job that read the tag before it was put here may put its own index
// over it a moment later. So the tag is read again after a while, not the same one for jobs that
// started together, and what it holds by then is joined until it stays.
static struct err *settle(struct joining *j, const struct strings *names, struct descriptor *top)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		const char *there, *name;

		(void)poll(NULL, 0, SETTLE_MS + (int)(getpid() % SETTLE_MS));
		TRY(keep(j, &there));
		if (strcmp(there, top->digest) == 0)
			return NULL;
		transport_drop(&j->dst);
		TRY(place_create(&j->places, j->place, j->a, &j->dst, &name));
		TRY(put_index(j, names, top));
	}
	return err_hint(err_new(ERR_FAILED, "other jobs go on changing this tag"),
		"join all images by one imgmin index create after them");
}

static struct err *join(struct joining *j, const struct index_args *args, struct transferred *out)
{
	const char *name, *there;

	TRY(place_claim_creds(&j->places, j->place, true, j->a));
	for (size_t i = 1; i < args->words.len; i++) {
		TRY_AS(place_of(j, args->words.at[i], &there), "%s", args->words.at[i]);
		TRY(place_claim_creds(&j->places, there, false, j->a));
	}
	TRY(place_create(&j->places, j->place, j->a, &j->dst, &name));
	if (args->append)
		TRY(place_wrap(keep(j, &there), j->word));
	// First all that may collide, then what takes its time and leaves blobs there.
	for (size_t i = 1; i < args->words.len; i++)
		TRY(place_wrap(look_up(j, args->words.at[i]), args->words.at[i]));
	vec_each (s, &j->sources)
		TRY(place_wrap(bring(j, s), s->word));
	out->is_pushed = true;
	vec_push(j->a, &out->names, name);
	// Once more: bringing images may have taken minutes.
	if (args->append)
		TRY(place_wrap(keep(j, &there), j->word));
	TRY(put_index(j, &out->names, &out->top));
	if (args->append)
		TRY(place_wrap(settle(j, &out->names, &out->top), j->word));
	return NULL;
}

const char *index_place(const char *word, struct arena *a)
{
	return strncmp(word, "docker://", 9) == 0 ? word : arena_printf(a, "docker://%s", word);
}

struct err *index_create(const struct index_args *args, const struct registry_events *events,
	struct arena *a, struct transferred *out)
{
	struct joining j = {
		.a = a, .word = args->words.at[0], .place = index_place(args->words.at[0], a)};

	*out = (struct transferred){0};
	TRY(place_refuse_file(args->words.at[0], "REF comes first, then the IMAGEs"));
	TRY(places_open(&args->registry, events, &j.places));
	struct err *e = join(&j, args, out);

	vec_each (s, &j.sources)
		transport_drop(&s->transport);
	transport_drop(&j.dst);
	places_drop(&j.places);
	return e;
}

// ---- inspect ----

struct err *index_inspect(const struct index_args *args, const struct registry_events *events,
	struct arena *a, struct index_shown *out)
{
	drop(places_drop) struct places places = {0};
	drop(transport_drop) struct transport *t = NULL;
	struct named_image found;
	const char *name;

	TRY(places_open(&args->registry, events, &places));
	TRY(place_open(&places, args->words.at[0], a, &t, &name));
	TRY(place_find(t, name, a, &found));
	out->name = found.names.len ? found.names.at[0] : args->words.at[0];
	out->top = found.descriptor;
	if (!media_is_index(found.descriptor.media_type))
		return err_hint(err_new(ERR_USAGE, "%s is one image, no index", out->name),
			"imgmin inspect %s", args->words.at[0]);
	TRY(transport_read(t, &found.descriptor, a, &out->text));
	return index_read(out->text, a, &out->index, out->name);
}
