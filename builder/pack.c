// From trees to layers, configs, manifests and the index: what build and slim have in common.
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "builder/budget.h"
#include "builder/build.h"

// ---- layers ----

static const struct entry *const *entries_of(const struct built_layer *l, struct arena *a)
{
	const struct entry **out = arena_alloc(a, l->n * sizeof(*out));

	for (size_t i = 0; i < l->n; i++)
		out[i] = &l->entries[i]->entry;
	return out;
}

// Beside a layer that is still being compressed one of this size costs little memory.
#define BESIDE_MAX (2u << 20)

// Layers being written, one begun while the last one's bytes are under way in the workers.
struct packing {
	struct build *b;
	struct built_image *image;
	struct built_layer *layer;
	struct layer_writing *writing; // NULL: none under way
};

static void packing_drop(struct packing *p)
{
	layer_writing_drop(&p->writing);
}

static void layer_done(struct build *b, struct built_image *image, struct built_layer *l)
{
	if (b->events && b->events->layer)
		b->events->layer(b->events->arg, image, l);
}

static struct err *pack_finish(struct packing *p)
{
	if (!p->writing)
		return NULL;
	TRY_AS(layer_finish(&p->writing, &p->b->arena), "layer \"%s\"", p->layer->title);
	layer_done(p->b, p->image, p->layer);
	return NULL;
}

// How far the reading of one layer is.
struct packed {
	const struct build_events *events;
	const struct built_image *image;
	const struct built_layer *layer;
	uint64_t bytes;
};

static void on_bytes(void *arg, uint64_t plain_bytes)
{
	struct packed *p = arg;

	p->bytes += plain_bytes;
	p->events->packing(p->events->arg, p->image, p->layer, p->bytes);
}

static struct err *pack_begin(struct build *b, struct built_image *image, struct built_layer *l,
	struct packing *last, struct layer_writing **out)
{
	struct packed packed = {b->events, image, l, 0};
	const struct entry *const *entries = entries_of(l, &b->arena);
	const struct layer_options o = {
		.format = b->spec.format,
		.level = b->spec.level,
		.pool = b->pool,
		.cache = b->cache,
		.progress = b->events && b->events->packing ? on_bytes : NULL,
		.progress_arg = &packed,
	};

	l->raw_size = layer_raw_size(entries, l->n);
	l->compressor = compress_identity(b->spec.format, b->spec.level, l->raw_size, &b->arena);
	if (b->spec.args->dry_run)
		return NULL;
	if (l->raw_size > BESIDE_MAX)
		TRY(pack_finish(last));
	TRY_AS(layer_begin(&o, entries, l->n, &b->arena, &l->layer, out), "layer \"%s\"", l->title);
	return NULL;
}

static struct err *pack_layer(struct packing *p, struct built_image *image, struct built_layer *l)
{
	struct layer_writing *writing = NULL;
	struct err *e = pack_begin(p->b, image, l, p, &writing);

	if (!e)
		e = pack_finish(p);
	if (e) {
		layer_writing_drop(&writing);
		return e;
	}
	p->image = image;
	p->layer = l;
	p->writing = writing;
	if (!writing)
		layer_done(p->b, image, l);
	return NULL;
}

static struct err *pack_layers(struct build *b)
{
	drop(packing_drop) struct packing p = {.b = b};
	const char *warning = NULL;

	if (!b->spec.args->dry_run) {
		TRY(cache_open(b->spec.args->cache_dir, b->spec.args->no_cache, &b->arena, &warning,
			&b->cache));
		b->pool = pool_new(0);
	}
	if (warning)
		build_warn(b, warning);
	vec_each (image, &b->images)
		vec_each (l, &(*image)->layers)
			TRY(pack_layer(&p, *image, l));
	return pack_finish(&p);
}

// ---- documents ----

// The words of both formats for the same things.
struct media {
	const char *index, *manifest, *config;
};

static const struct media *media_of(const struct build *b)
{
	static const struct media oci = {OCI_INDEX, OCI_MANIFEST, OCI_CONFIG};
	static const struct media docker = {DOCKER_LIST, DOCKER_MANIFEST, DOCKER_CONFIG};

	return b->spec.is_docker ? &docker : &oci;
}

static const char *time_text(int64_t seconds, struct arena *a)
{
	char text[32];
	struct tm tm;
	time_t t = (time_t)seconds;

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return arena_strdup(a, text);
}

static const char *start_path(const struct installed *p)
{
	return p->script_path ? p->script_path : p->path;
}

static void make_config(struct build *b, struct built_image *image)
{
	struct arena *a = &b->arena;
	const struct platform *p = &image->assembly.platform;
	struct image_config *c = &image->config;
	struct {
		struct history *at;
		size_t len, cap;
	} history = {0};

	if (image->base)
		*c = *image->base;
	// An image made smaller keeps its time, unless another one is asked for.
	if (!c->created || b->spec.epoch)
		c->created = time_text(b->spec.epoch, a);
	c->architecture = p->arch;
	c->os = p->os;
	c->variant = p->variant[0] ? p->variant : NULL;
	c->config = image->assembly.container->config;
	c->rootfs = (struct rootfs){.type = "layers"};
	if (!c->config.entrypoint.len && !image->base)
		vec_push(a, &c->config.entrypoint, start_path(image->assembly.programs.at[0]));
	vec_each (l, &image->layers) {
		vec_push(a, &c->rootfs.diff_ids, l->layer.diff_id.text);
		vec_push(a, &history,
			(struct history){.created = c->created,
				.created_by = b->command,
				.comment = l->title});
	}
	c->history = (struct json_list){history.at, history.len, history.cap};
	image->config_text = json_write(&image_config_table, c, a);
	image->config_descriptor = descriptor_of(media_of(b)->config, image->config_text, a);
}

static void make_manifest(struct build *b, struct built_image *image)
{
	struct arena *a = &b->arena;
	struct {
		struct descriptor *at;
		size_t len, cap;
	} layers = {0};
	struct manifest m = {
		.schema_version = 2,
		.media_type = media_of(b)->manifest,
		.config = image->config_descriptor,
		.annotations = b->spec.annotations,
	};

	vec_each (l, &image->layers)
		vec_push(a, &layers, l->layer.descriptor);
	m.layers = (struct json_list){layers.at, layers.len, layers.cap};
	image->text = json_write(&manifest_table, &m, a);
	image->descriptor = descriptor_of(media_of(b)->manifest, image->text, a);
	image->descriptor.platform = oci_platform_of(&image->assembly.platform, a);
}

static int by_platform(const void *x, const void *y)
{
	const struct descriptor *a = x, *b = y;
	struct platform p = platform_of(&a->platform), q = platform_of(&b->platform);

	return platform_order(&p, &q);
}

static void make_index(struct build *b)
{
	struct arena *a = &b->arena;
	struct {
		struct descriptor *at;
		size_t len, cap;
	} manifests = {0};
	struct index index = {
		.schema_version = 2,
		.media_type = media_of(b)->index,
		.annotations = b->spec.annotations,
	};

	vec_each (image, &b->images)
		vec_push(a, &manifests, (*image)->descriptor);
	qsort(manifests.at, manifests.len, sizeof(*manifests.at), by_platform);
	index.manifests = (struct json_list){manifests.at, manifests.len, manifests.cap};
	b->index_text = json_write(&index_table, &index, a);
	b->top = descriptor_of(media_of(b)->index, b->index_text, a);
}

// Layers were written with OCI's words.
static void name_layers(struct build *b, struct built_image *image)
{
	bool is_gzip = strcmp(b->spec.format->suffix, "+gzip") == 0;

	vec_each (l, &image->layers)
		if (b->spec.is_docker)
			l->layer.descriptor.media_type =
				is_gzip ? DOCKER_LAYER ".gzip" : DOCKER_LAYER;
}

static void make_documents(struct build *b)
{
	vec_each (image, &b->images) {
		name_layers(b, *image);
		make_config(b, *image);
		make_manifest(b, *image);
	}
	if (b->images.len > 1)
		make_index(b);
	else
		b->top = b->images.at[0]->descriptor;
}

static struct err *check_size(const struct build *b, const struct built_image *image)
{
	struct budget budget = {0};
	char text[PLATFORM_TEXT];
	uint64_t size = 0;

	vec_each (l, &image->layers) {
		size += (uint64_t)l->layer.descriptor.size;
		for (size_t i = 0; i < l->n; i++)
			if (S_ISREG(l->entries[i]->entry.mode))
				budget_see(&budget, l->entries[i]->entry.path,
					l->entries[i]->entry.size);
	}
	TRY_AS(budget_check(&budget, size, b->spec.args->max_size), "%s",
		platform_text(&image->assembly.platform, text));
	return NULL;
}

struct err *build_pack(struct build *b)
{
	TRY(pack_layers(b));
	if (!b->spec.args->dry_run)
		make_documents(b);
	if (b->events && b->events->made)
		b->events->made(b->events->arg, b);
	if (b->spec.args->dry_run)
		return NULL;
	vec_each (image, &b->images)
		TRY(check_size(b, *image));
	TRY(build_publish(b));
	return build_write_results(b);
}
