#include "builder/check.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compress.h"
#include "builder/budget.h"
#include "builder/target.h"
#include "ldd/verify.h"

#define PLAIN_MAX (UINT64_C(64) << 30) // bytes of a layer, as oci/layers.c has it
#define FEATURES_MAX 16                // os.features that are compared

struct finding *finding_add(struct check *c, enum finding_kind kind, const char *fmt, ...)
{
	struct finding *f = vec_add(&c->arena, &c->findings);
	va_list ap;

	va_start(ap, fmt);
	drop(mem_drop) char *text = str_vprintf(fmt, ap);
	va_end(ap);
	f->kind = kind;
	f->platform = c->platform;
	f->text = arena_strdup(&c->arena, text);
	return f;
}

// An error of a part becomes a finding, and the rest is looked at all the same.
static void add_error(struct check *c, enum finding_kind kind, struct err *e)
{
	struct finding *f = finding_add(c, kind, "%s", err_text(e));

	if (err_hint_text(e))
		f->hint = arena_strdup(&c->arena, err_hint_text(e));
	err_drop(&e);
}

// These options are for programs; what an image lacks was forgotten when it was made.
static const char *problem_hint(const struct problem *p, const struct image *image)
{
	bool names_option = p->hint &&
		(strstr(p->hint, "--sysroot") || strstr(p->hint, "--library-path") ||
			strstr(p->hint, "--platform"));

	if (!image || !names_option)
		return p->hint;
	switch (p->kind) {
	case PROBLEM_MISSING:
		return "put it into the image where the loader looks for it: -v lists the places";
	case PROBLEM_INTERPRETER:
		return "put this loader into the image, or link the program statically";
	case PROBLEM_ABI:
		return "put a program of that platform into the image, or correct the image's "
		       "platform";
	default:
		return "put files into the image that were made for each other";
	}
}

static void add_problem(struct check *c, const struct problem *p, const struct image *image)
{
	struct finding *f =
		finding_add(c, p->is_warning ? FINDING_WARNING : FINDING_NO_START, "%s", p->text);
	const char *hint = problem_hint(p, image);

	f->hint = hint ? arena_strdup(&c->arena, hint) : NULL;
	for (size_t i = 0; i < p->searched.len; i++)
		vec_push(&c->arena, &f->details, arena_strdup(&c->arena, p->searched.at[i]));
}

// A program of another machine lacks its libraries, too: the reason comes first.
void check_closure(struct check *c, const struct closure *closure, const struct image *image)
{
	vec_each (p, &closure->problems)
		if (p->kind == PROBLEM_ABI)
			add_problem(c, p, image);
	vec_each (p, &closure->problems)
		if (p->kind != PROBLEM_ABI)
			add_problem(c, p, image);
}

static void damage(struct check *c, struct err *e)
{
	add_error(c, FINDING_DAMAGE,
		err_hint(e, "get or build the image again: it is not as it was made"));
}

// ---- layers and other blobs ----

static struct err *read_blob(struct transport *t, const struct descriptor *d)
{
	struct hasher h;

	hasher_init(&h, NULL);
	return transport_get(t, d, &h.sink);
}

static struct err *read_layer(
	struct transport *t, const struct descriptor *d, struct digest *diff_id)
{
	drop(decompressor_drop) struct decompressor *plain = NULL;
	struct hasher h;

	hasher_init(&h, NULL);
	TRY(decompress_open(&h.sink, PLAIN_MAX, &plain));
	TRY(transport_get(t, d, decompressor_sink(plain)));
	TRY_AS(sink_finish(decompressor_sink(plain)), "%s", d->digest);
	*diff_id = hasher_digest(&h);
	return NULL;
}

// Every layer on its own: all that are damaged are named. *ids are the diff_ids as they are.
static bool check_layers(
	struct check *c, struct transport *t, const struct image *image, struct strings *ids)
{
	const struct strings *said = &image->config.rootfs.diff_ids;
	const struct json_list *layers = &image->manifest.layers;
	bool is_readable = true;

	if (layers->len != said->len)
		finding_add(c, FINDING_DAMAGE,
			"the manifest has %zu layers, the config %zu diff_ids", layers->len,
			said->len);
	for (size_t i = 0; i < layers->len; i++) {
		const struct descriptor *d = (const struct descriptor *)layers->at + i;
		struct digest diff_id;
		struct err *e = read_layer(t, d, &diff_id);

		if (e) {
			// A wrong digest says more than what the decompressor stumbled over.
			struct err *stored = read_blob(t, d);

			damage(c, err_wrap(stored ? stored : e, "layer %zu", i));
			if (stored)
				err_drop(&e);
			is_readable = false;
			continue;
		}
		if (i < said->len && strcmp(said->at[i], diff_id.text) != 0)
			finding_add(c, FINDING_DAMAGE,
				"layer %zu: its diff_id is %s, the config says %s", i, diff_id.text,
				said->at[i])
				->hint = "build the image again: what made it put a layer and a "
					 "config together that are not of one image";
		vec_push(&c->arena, ids, arena_strdup(&c->arena, diff_id.text));
	}
	return is_readable;
}

// Reading the layers checks them; only where that fails each is looked at on its own, and then the
// inside once more as far as it can be read.
static struct err *open_inside(struct check *c, struct transport *t, const struct image *image,
	struct inside *in, bool *is_open)
{
	struct err *e = inside_open(t, image, NULL, NULL, in);
	struct strings ids = {0};
	size_t before = c->findings.len;

	*is_open = !e;
	if (!e)
		return NULL;
	inside_drop(in);
	*in = (struct inside){0};
	if (check_layers(c, t, image, &ids)) {
		struct err *again = inside_open(t, image, &ids, NULL, in);

		*is_open = !again;
		if (again)
			damage(c, again);
	}
	if (c->findings.len == before)
		damage(c, take(e));
	err_drop(&e);
	return NULL;
}

static void check_artifact(struct check *c, struct transport *t, const struct image *image)
{
	const struct json_list *layers = &image->manifest.layers;
	struct err *e = read_blob(t, &image->manifest.config);

	if (e)
		damage(c, err_wrap(e, "config"));
	for (size_t i = 0; i < layers->len; i++) {
		e = read_blob(t, (const struct descriptor *)layers->at + i);
		if (e)
			damage(c, err_wrap(e, "layer %zu", i));
	}
}

// ---- documents ----

static void check_word(struct check *c, const char *name, const char *index, const char *config)
{
	if (index && *index && config && *config && strcmp(index, config) != 0)
		finding_add(c, FINDING_DAMAGE, "its %s is %s in the index, but %s in its config",
			name, index, config);
}

// Engines choose by the index and then believe the config.
static void check_agreement(struct check *c, const struct image *image)
{
	const struct platform by_index = platform_of(&image->descriptor.platform);
	const struct image_config *k = &image->config;
	const struct platform by_config = platform_of(&(struct oci_platform){
		.architecture = k->architecture, .os = k->os, .variant = k->variant});

	if (!by_config.arch[0] || !by_config.os[0])
		finding_add(c, FINDING_DAMAGE, "the config does not say for which %s it is",
			by_config.arch[0] ? "os" : "architecture");
	check_word(c, "os", by_index.os, by_config.os);
	check_word(c, "architecture", by_index.arch, by_config.arch);
	check_word(c, "variant", by_index.variant, by_config.variant);
	if (strcmp(image->platform.arch, "arm") == 0 && !by_config.variant[0])
		finding_add(c, FINDING_WARNING,
			"the config does not say which ARM variant it is for%s",
			by_index.variant[0] ? "" : ": engines take it for v7");
}

static void check_size(struct check *c, const struct image *image, struct inside *in)
{
	struct budget budget = {0};
	uint64_t size = 0;
	size_t n = 0;
	const struct layered_file *files = in ? layers_files(in->layers, &n) : NULL;

	for (size_t i = 0; i < image->manifest.layers.len; i++)
		size += (uint64_t)((const struct descriptor *)image->manifest.layers.at + i)->size;
	for (size_t i = 0; i < n; i++)
		if (S_ISREG(files[i].node.mode) && !files[i].hard_link)
			budget_see(&budget, files[i].path, files[i].node.size);
	struct err *e = budget_check(&budget, size, c->args->max_size);

	if (e)
		add_error(c, FINDING_POLICY, e);
}

static struct err *check_image(struct check *c, struct transport *t, const struct image *image)
{
	drop(inside_drop) struct inside in = {0};
	bool is_open;

	c->images++;
	c->layers += image->manifest.layers.len;
	check_agreement(c, image);
	TRY(open_inside(c, t, image, &in, &is_open));
	check_size(c, image, is_open ? &in : NULL);
	TRY(check_target_image(c, image, is_open ? &in : NULL));
	return is_open ? check_inside(c, &in) : NULL;
}

static struct err *check_manifest(struct check *c, struct transport *t, const struct descriptor *d)
{
	struct platform p = platform_of(&d->platform);
	char text[PLATFORM_TEXT];
	struct image image;
	struct err *e;

	c->platform = p.arch[0] ? arena_strdup(&c->arena, platform_text(&p, text)) : d->digest;
	e = image_read(t, d, &c->arena, &image);
	if (e) {
		damage(c, e);
		return NULL;
	}
	if (!image.is_artifact) {
		c->platform = arena_strdup(&c->arena, platform_text(&image.platform, text));
		return check_image(c, t, &image);
	}
	c->platform = "artifact";
	check_artifact(c, t, &image);
	return NULL;
}

// What makes two entries of an index the same choice for an engine.
static const char *platform_key(struct check *c, const struct descriptor *d)
{
	const struct platform p = platform_of(&d->platform);
	const char *version = d->platform.os_version, *key;
	char text[PLATFORM_TEXT];

	if (!p.arch[0] || descriptor_is_attestation(d))
		return NULL;
	key = arena_printf(&c->arena, "%s%s%s", platform_text(&p, text), version ? " " : "",
		version ? version : "");
	for (size_t i = 0; i < d->platform.os_features.len && i < FEATURES_MAX; i++)
		key = arena_printf(&c->arena, "%s %s", key, d->platform.os_features.at[i]);
	return key;
}

static void check_duplicates(struct check *c, const struct descriptors *manifests)
{
	struct map seen = {0};

	vec_each (d, manifests) {
		const char *key = platform_key(c, d);
		void **at = key ? map_at(&seen, &c->arena, key) : NULL;

		if (!at)
			continue;
		c->platform = key;
		if (*at)
			finding_add(c, FINDING_WARNING,
				"the index holds it more than once: engines never take %s",
				d->digest);
		*at = c;
	}
}

// The manifest that a device of --platform would take: that there is none is the image's fault, not
// that of the command line.
static struct err *narrow(struct check *c, struct transport *t, struct descriptors *manifests)
{
	struct platform wanted;
	char text[PLATFORM_TEXT];

	TRY_AS(platform_parse(c->args->platform, &wanted), "--platform %s", c->args->platform);
	struct err *e = image_select(t, c->args->platform, &c->arena, manifests);

	if (!e || err_kind(e) != ERR_USAGE)
		return e;
	finding_add(c, FINDING_POLICY, "no image for %s", platform_text(&wanted, text))->hint =
		arena_strdup(&c->arena, err_hint_text(e));
	err_drop(&e);
	manifests->len = 0;
	return NULL;
}

static struct err *check_place(struct check *c, const struct registry_events *events)
{
	drop(places_drop) struct places places = {0};
	drop(transport_drop) struct transport *t = NULL;
	struct descriptors manifests;
	struct named_image found;
	const char *name;
	struct err *e;

	if (c->args->sysroots.len || c->args->library_path.len)
		return err_hint(err_new(ERR_USAGE,
					"%s is an image, no program: it brings its own "
					"libraries",
					c->name),
			"leave --sysroot and --library-path out");
	TRY(places_open(&c->args->registry, events, &places));
	TRY(place_open(&places, c->name, &c->arena, &t, &name));
	TRY(place_find(t, name, &c->arena, &found));
	const char *whole = media_is_index(found.descriptor.media_type) ? "index" : "image";

	c->platform = whole;
	e = image_manifests(t, &found.descriptor, &c->arena, &manifests);
	if (e) {
		damage(c, e);
		return NULL;
	}
	check_duplicates(c, &manifests);
	c->platform = whole;
	check_target_index(c, &found.descriptor, &manifests);
	if (c->args->platform)
		TRY(narrow(c, t, &manifests));
	if (manifests.len)
		TRY(check_target_devices(c, t, &manifests));
	vec_each (d, &manifests)
		TRY(check_manifest(c, t, d));
	return NULL;
}

// ---- a program of this machine ----

static struct err *resolve_program(struct check *c, struct sysroots *s)
{
	struct suggestions suggestions = {0};
	struct platform asked, needed, *wanted = NULL;
	struct closure closure = {0};
	struct program p;
	char text[PLATFORM_TEXT];

	if (c->args->platform) {
		TRY_AS(platform_parse(c->args->platform, &asked), "--platform");
		wanted = &asked;
	}
	TRY(program_open(s, c->name, wanted, &c->arena, &p));
	struct resolver *r = p.sysroot->resolver;

	TRY(closure_resolve(r, p.root, p.path, &closure));
	TRY(hidden_add(r, &closure, &suggestions));
	TRY(verify_versions(r, &closure));
	TRY(verify_symbols(r, &closure));
	TRY(verify_platform(r, &closure, wanted, &needed));
	c->platform = arena_strdup(&c->arena, platform_text(&needed, text));
	c->programs = 1;
	c->libraries = closure.objects.len - 1;
	check_closure(c, &closure, NULL);
	check_target_program(c, &closure, &needed);
	struct strings warnings = sysroots_warnings(s, &c->arena);

	for (size_t i = 0; i < warnings.len; i++)
		finding_add(c, FINDING_WARNING, "%s", warnings.at[i]);
	return NULL;
}

static struct err *check_program(struct check *c, const struct registry_events *events)
{
	drop(places_drop) struct places places = {0};
	const struct sysroots_options o = {
		.given = &c->args->sysroots,
		.places = &places,
		.library_path = &c->args->library_path,
	};
	struct sysroots *s = NULL;
	struct err *e = places_open(&c->args->registry, events, &places);

	if (!e)
		e = sysroots_open(&o, &s);
	if (!e)
		e = resolve_program(c, s);
	sysroots_drop(&s);
	return e;
}

bool check_is_program(const char *path)
{
	drop(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char magic[4];
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		pread(fd, magic, 4, 0) == 4 && memcmp(magic, "\177ELF", 4) == 0;
}

// ---- the whole ----

struct err *check(
	const struct check_args *args, const struct registry_events *events, struct check *out)
{
	*out = (struct check){.args = args, .name = args->names.at[0]};
	TRY(check_targets(out));
	return check_is_program(out->name) ? check_program(out, events) : check_place(out, events);
}

void check_drop(struct check *c)
{
	arena_drop(&c->arena);
}

size_t check_count(const struct check *c, enum finding_kind kind)
{
	size_t n = 0;

	vec_each (f, &c->findings)
		n += f->kind == kind;
	return n;
}

static struct err *verdict(
	const struct check *c, enum finding_kind kind, enum err_kind status, const char *what)
{
	const struct finding *first = NULL;
	size_t n = check_count(c, kind);
	struct err *e;

	vec_each (f, &c->findings)
		if (!first && f->kind == kind)
			first = f;
	if (!first)
		return NULL;
	if (n > 1)
		e = err_new(status, "%s%s: %s: %s (and %zu more)", c->name, what, first->platform,
			first->text, n - 1);
	else
		e = err_new(status, "%s%s: %s: %s", c->name, what, first->platform, first->text);
	return first->hint ? err_hint(e, "%s", first->hint) : e;
}

struct err *check_verdict(const struct check *c)
{
	TRY(verdict(c, FINDING_DAMAGE, ERR_FAILED, " is damaged"));
	TRY(verdict(c, FINDING_NO_START, ERR_NO_START, " would not start"));
	TRY(verdict(c, FINDING_POLICY, ERR_POLICY, ""));
	return c->args->strict
		? verdict(c, FINDING_WARNING, ERR_POLICY, ": --strict allows no warning")
		: NULL;
}
