// Where a finished build goes: places, registries, the engine of this machine.
#include <string.h>

#include "base/sink.h"
#include "builder/build.h"
#include "builder/image.h"

// ---- into one place ----

static struct err *put_bytes(struct transport *t, const struct descriptor *d, struct span bytes)
{
	drop(fd_drop) int fd = -1;
	struct fd_sink s;

	TRY(spool_open(&fd));
	fd_sink_init(&s, fd, "temporary file");
	TRY(sink_write(&s.sink, bytes.ptr, bytes.len));
	return transport_put(t, d, &(struct blob){.fd = fd, .size = bytes.len});
}

static struct err *put_image(struct transport *t, const struct built_image *image)
{
	vec_each (l, &image->layers)
		TRY(transport_put(t, &l->layer.descriptor, &l->layer.blob));
	TRY(put_bytes(t, &image->config_descriptor, image->config_text));
	return transport_put_document(t, &image->descriptor, image->text);
}

// All of it, or (where `only` is not NULL) one platform's image.
static struct err *put_all(const struct build *b, struct transport *t, const struct strings *names,
	const struct built_image *only)
{
	const struct descriptor *top = only ? &only->descriptor : &b->top;

	vec_each (image, &b->images)
		if (!only || *image == only)
			TRY(put_image(t, *image));
	if (b->index_text.len && !only)
		TRY(transport_put_document(t, top, b->index_text));
	TRY(transport_tag(t, top, names));
	return transport_commit(t);
}

// ---- -o ----

static struct err *write_place(struct build *b, const char *place)
{
	drop(transport_drop) struct transport *t = NULL;
	struct strings names = b->spec.tags;
	const char *name;

	TRY(place_elsewhere(place_create(&b->places, place, &b->arena, &t, &name)));
	if (name) {
		names = (struct strings){0};
		vec_push(&b->arena, &names, name);
	}
	return place_elsewhere(put_all(b, t, &names, NULL));
}

// ---- --push ----

static bool same_repository(const struct ref *x, const struct ref *y)
{
	return strcmp(x->host, y->host) == 0 && strcmp(x->repository, y->repository) == 0;
}

// Repositories of one registry take the blobs over from the first.
static struct err *push_repository(
	struct build *b, const struct strings *names, const char *pushed_before)
{
	drop(transport_drop) struct transport *t = NULL;
	const char *place = arena_printf(&b->arena, "docker://%s", names->at[0]), *name;

	TRY(place_create(&b->places, place, &b->arena, &t, &name));
	if (pushed_before)
		TRY(place_mount(t, place, arena_printf(&b->arena, "docker://%s", pushed_before),
			&b->arena));
	TRY(put_all(b, t, names, NULL));
	for (size_t i = 0; i < names->len && b->events && b->events->pushed; i++)
		b->events->pushed(b->events->arg, names->at[i], &b->top);
	return NULL;
}

static struct err *push(struct build *b)
{
	const struct strings *tags = &b->spec.tags;
	struct ref *refs = arena_alloc(&b->arena, tags->len * sizeof(*refs));

	for (size_t i = 0; i < tags->len; i++)
		TRY(ref_parse(tags->at[i], &refs[i]));
	for (size_t i = 0; i < tags->len; i++) {
		struct strings names = {0};
		bool is_done = false;

		for (size_t k = 0; k < i; k++)
			is_done |= same_repository(&refs[i], &refs[k]);
		for (size_t k = i; k < tags->len && !is_done; k++)
			if (same_repository(&refs[i], &refs[k]))
				vec_push(&b->arena, &names, tags->at[k]);
		if (!is_done)
			TRY(push_repository(b, &names, i ? tags->at[0] : NULL));
	}
	return NULL;
}

// ---- --load ----

// The engine runs one of them; a single one is loaded whatever its platform is.
static struct err *pick_for_engine(
	struct build *b, const char *place, const struct built_image **out)
{
	struct platform engine, best = {0};
	char text[PLATFORM_TEXT];
	bool is_single;

	*out = NULL;
	if (b->images.len == 1)
		return NULL;
	TRY(place_platform(place, &b->arena, &is_single, &engine));
	vec_each (image, &b->images) {
		const struct platform *p = &(*image)->assembly.platform;

		if (platform_is_better(p, &best, &engine)) {
			best = *p;
			*out = *image;
		}
	}
	return *out ? NULL
		    : err_new(ERR_USAGE, "--load: none of the programs is for the engine's %s",
			      platform_text(&engine, text));
}

static struct err *load(struct build *b)
{
	drop(transport_drop) struct transport *t = NULL;
	const char *place = "docker-daemon:", *name;
	const struct built_image *image;

	TRY_AS(pick_for_engine(b, place, &image), "--load");
	TRY_AS(place_create(&b->places, place, &b->arena, &t, &name), "--load");
	TRY_AS(put_all(b, t, &b->spec.tags, image), "--load");
	return NULL;
}

static struct err *claim_creds(struct build *b)
{
	const struct strings *tags = &b->spec.tags;

	for (size_t i = 0; i < b->spec.outputs.len; i++)
		TRY(place_claim_creds(&b->places, b->spec.outputs.at[i], true, &b->arena));
	for (size_t i = 0; b->spec.args->push && i < tags->len; i++)
		TRY(place_claim_creds(&b->places,
			arena_printf(&b->arena, "docker://%s", tags->at[i]), true, &b->arena));
	return NULL;
}

struct err *build_publish(struct build *b)
{
	TRY(claim_creds(b));
	for (size_t i = 0; i < b->spec.outputs.len; i++)
		TRY(write_place(b, b->spec.outputs.at[i]));
	if (b->spec.args->load)
		TRY(load(b));
	return b->spec.args->push ? push(b) : NULL;
}
