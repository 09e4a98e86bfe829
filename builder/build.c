#include "builder/build.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ldd/verify.h"

static void warn(struct build *b, const char *text)
{
	if (b->events && b->events->warning)
		b->events->warning(b->events->arg, text);
}

// ---- programs, and which image each is for ----

static bool same_abi(const struct installed *x, const struct installed *y)
{
	const struct elf *a = &x->program.file->elf, *b = &y->program.file->elf;

	return a->machine == b->machine && a->class == b->class && a->data == b->data &&
		elf_arm_float(a) == elf_arm_float(b);
}

// Programs of one machine, ABI and sysroot share an image; those that differ in their variant and
// have one name are the same program for several boards.
static bool belongs(const struct built_image *image, const struct installed *p)
{
	vec_each (q, &image->assembly.programs) {
		if (!same_abi(*q, p) ||
			(*q)->program.sysroot->resolver != p->program.sysroot->resolver)
			return false;
		if (strcmp((*q)->program.platform.variant, p->program.platform.variant) != 0 &&
			strcmp(path_base((*q)->program.path), path_base(p->program.path)) == 0)
			return false;
	}
	return true;
}

static void into_image(struct build *b, struct installed *p)
{
	vec_each (image, &b->images)
		if (belongs(*image, p)) {
			vec_push(&b->arena, &(*image)->assembly.programs, p);
			return;
		}
	struct built_image *image = arena_new(&b->arena, struct built_image);

	image->assembly.spec = &b->spec;
	image->assembly.sysroot = p->program.sysroot;
	vec_push(&b->arena, &image->assembly.programs, p);
	vec_push(&b->arena, &b->images, image);
}

static struct err *open_programs(struct build *b)
{
	const struct strings *paths = &b->spec.args->paths;
	const struct platform *asked = b->spec.has_platform ? &b->spec.platform : NULL;

	for (size_t i = 0; i < paths->len; i++) {
		struct installed *p = arena_new(&b->arena, struct installed);

		TRY(program_open(b->sysroots, paths->at[i], asked, &b->arena, &p->program));
		if (p->program.script)
			return err_hint(err_new(ERR_NO_START,
						"%s: imgmin does not build images of scripts yet",
						paths->at[i]),
				"build its interpreter and add the script: imgmin build %s --add "
				"%s:/usr/bin/ --entrypoint '%s /usr/bin/%s'",
				p->program.script_runs, paths->at[i], p->program.script_runs,
				path_base(paths->at[i]));
		if (p->program.file->elf.type != ET_EXEC && !p->program.file->elf.interp &&
			p->program.file->elf.soname)
			return err_hint(err_new(ERR_NO_START, "%s is a shared library, no program",
						paths->at[i]),
				"give the program that loads it; --library-path says where its "
				"libraries are");
		into_image(b, p);
	}
	return NULL;
}

// ---- what they load ----

static struct err *resolve_program(struct build *b, struct assembly *a, struct installed *p)
{
	struct resolver *r = p->program.sysroot->resolver;
	const struct platform *asked = b->spec.has_platform ? &b->spec.platform : NULL;
	struct platform needed;

	TRY(closure_resolve(r, p->program.root, p->program.path, &p->closure));
	TRY(hidden_add(r, &p->closure, &p->suggestions));
	TRY(verify_versions(r, &p->closure));
	TRY(verify_symbols(r, &p->closure));
	TRY(verify_platform(r, &p->closure, asked, &needed));
	if (b->events && b->events->resolved)
		b->events->resolved(b->events->arg, p);
	TRY(closure_error(&p->closure, p->program.asked));
	if (!a->platform.arch[0] || platform_level(&needed) > platform_level(&a->platform))
		a->platform = needed;
	const char *floor = verify_glibc_floor(r, &p->closure);

	if (floor && (!a->glibc_floor || strverscmp(floor, a->glibc_floor) > 0))
		a->glibc_floor = floor;
	return NULL;
}

static struct err *refuse_doubles(const struct build *b)
{
	for (size_t i = 0; i < b->images.len; i++)
		for (size_t k = 0; k < i; k++) {
			const struct assembly *x = &b->images.at[k]->assembly;
			const struct assembly *y = &b->images.at[i]->assembly;
			char text[PLATFORM_TEXT];

			if (platform_equal(&x->platform, &y->platform))
				return err_hint(
					err_new(ERR_USAGE,
						"%s and %s are both for %s: an index holds one image for "
						"each platform",
						x->programs.at[0]->program.asked,
						y->programs.at[0]->program.asked,
						platform_text(&x->platform, text)),
					"their libraries may need a higher variant than the programs; give "
					"each its own with --sysroot PLATFORM=DIR");
		}
	return NULL;
}

static struct err *resolve_programs(struct build *b)
{
	vec_each (image, &b->images)
		vec_each (p, &(*image)->assembly.programs)
			TRY(resolve_program(b, &(*image)->assembly, *p));
	struct strings warnings = sysroots_warnings(b->sysroots, &b->arena);

	for (size_t i = 0; i < warnings.len; i++)
		warn(b, warnings.at[i]);
	return refuse_doubles(b);
}

// ---- trees ----

static struct err *assemble_images(struct build *b)
{
	vec_each (image, &b->images) {
		struct assembly *a = &(*image)->assembly;

		TRY(assemble(a, sysroots_host(b->sysroots)));
		for (size_t i = 0; i < a->warnings.len; i++)
			warn(b, a->warnings.at[i]);
		TRY(assemble_prove(a));
		layering_split(*image, b->spec.layering, &b->arena);
	}
	return NULL;
}

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

static struct err *pack_begin(
	struct build *b, struct built_layer *l, struct packing *last, struct layer_writing **out)
{
	const struct entry *const *entries = entries_of(l, &b->arena);
	const struct layer_options o = {
		.format = b->spec.format,
		.level = b->spec.level,
		.pool = b->pool,
		.cache = b->cache,
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
	struct err *e = pack_begin(p->b, l, p, &writing);

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
		warn(b, warning);
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

static void make_config(struct build *b, struct built_image *image)
{
	struct arena *a = &b->arena;
	const struct platform *p = &image->assembly.platform;
	struct image_config *c = &image->config;
	struct {
		struct history *at;
		size_t len, cap;
	} history = {0};

	*c = (struct image_config){
		.created = time_text(b->spec.epoch, a),
		.architecture = p->arch,
		.os = p->os,
		.variant = p->variant[0] ? p->variant : NULL,
		.config = b->spec.config,
		.rootfs = {.type = "layers"},
	};
	if (!c->config.entrypoint.len)
		vec_push(a, &c->config.entrypoint, image->assembly.programs.at[0]->path);
	vec_each (l, &image->layers) {
		vec_push(a, &c->rootfs.diff_ids, l->layer.diff_id.text);
		vec_push(a, &history,
			(struct history){.created = c->created,
				.created_by = "imgmin build",
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

// ---- the story ----

static struct err *build_all(struct build *b, const struct build_args *args)
{
	TRY(spec_from_args(args, &b->arena, &b->spec));
	TRY(places_open(&args->registry, b->events ? b->events->registry : NULL, &b->places));
	b->places.epoch = b->spec.epoch;
	const struct sysroots_options o = {
		.given = &args->sysroots,
		.library_path = &args->library_path,
		.hwcaps = &args->hwcaps,
		.env_library_path = b->spec.env_library_path,
		.workdir = b->spec.config.working_dir,
		.for_image = true,
	};

	if (b->spec.is_renamed)
		warn(b,
			arena_printf(&b->arena,
				"the image is called %s: names of images are of a-z, 0-9, '.', '_' and "
				"'-'",
				b->spec.name));
	TRY(sysroots_open(&o, &b->sysroots));
	TRY(open_programs(b));
	TRY(resolve_programs(b));
	TRY(assemble_images(b));
	TRY(pack_layers(b));
	if (!args->dry_run)
		make_documents(b);
	if (b->events && b->events->made)
		b->events->made(b->events->arg, b);
	if (args->dry_run)
		return NULL;
	TRY(build_publish(b));
	return build_write_results(b);
}

struct err *build_images(
	const struct build_args *args, const struct build_events *events, struct build **out)
{
	*out = mem_alloc(sizeof(**out));
	(*out)->events = events;
	return build_all(*out, args);
}

void build_drop(struct build **bp)
{
	struct build *b = *bp;

	if (!b)
		return;
	vec_each (image, &b->images) {
		vec_each (l, &(*image)->layers)
			blob_drop(&l->layer.blob);
		assembly_drop(&(*image)->assembly);
	}
	places_drop(&b->places);
	cache_drop(&b->cache);
	if (b->pool)
		pool_drop(&b->pool);
	sysroots_drop(&b->sysroots);
	arena_drop(&b->arena);
	mem_drop(bp);
}
