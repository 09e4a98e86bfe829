#include "builder/image.h"

#include <string.h>

#include "builder/container.h"

#define INDEX_DEPTH_MAX 4                       // indexes in indexes
#define MANIFESTS_MAX 1000                      // of one image, its indexes among them
#define ATTESTATION "vnd.docker.reference.type" // annotation of BuildKit's

// *seen counts what was read: indexes that hold none but each other would never end.
static struct err *add_manifests(struct transport *t, const struct descriptor *d, int depth,
	size_t *seen, struct arena *a, struct descriptors *out)
{
	struct index x;
	struct span text;

	if (++*seen > MANIFESTS_MAX)
		return err_new(
			ERR_FAILED, "it holds more than %d manifests and indexes", MANIFESTS_MAX);
	if (!media_is_index(d->media_type)) {
		vec_push(a, out, *d);
		return NULL;
	}
	if (depth == INDEX_DEPTH_MAX)
		return err_new(ERR_FAILED, "%s: indexes are nested more than %d deep", d->digest,
			INDEX_DEPTH_MAX);
	TRY(transport_read(t, d, a, &text));
	TRY(index_read(text, a, &x, arena_printf(a, "index %s", d->digest)));
	for (size_t i = 0; i < x.manifests.len; i++)
		TRY(add_manifests(
			t, (struct descriptor *)x.manifests.at + i, depth + 1, seen, a, out));
	return NULL;
}

struct err *image_manifests(
	struct transport *t, const struct descriptor *top, struct arena *a, struct descriptors *out)
{
	size_t seen = 0;

	*out = (struct descriptors){0};
	return add_manifests(t, top, 0, &seen, a, out);
}

bool descriptor_is_attestation(const struct descriptor *d)
{
	const char *arch = d->platform.architecture;

	return (arch && strcmp(arch, "unknown") == 0) || dict_get(&d->annotations, ATTESTATION);
}

char *image_shown(const char *name, const char *digest, struct arena *a)
{
	return arena_printf(a, "%.*s@%s", (int)strcspn(name, "@"), name, digest);
}

// ---- one manifest ----

static bool is_artifact(const struct image *image)
{
	const struct manifest *m = &image->manifest;

	if (descriptor_is_attestation(&image->descriptor) || m->artifact_type)
		return true;
	return strcmp(m->config.media_type, OCI_CONFIG) != 0 &&
		strcmp(m->config.media_type, DOCKER_CONFIG) != 0;
}

struct err *image_read(
	struct transport *t, const struct descriptor *d, struct arena *a, struct image *out)
{
	struct span text;

	*out = (struct image){.descriptor = *d, .platform = platform_of(&d->platform)};
	if (!media_is_manifest(d->media_type))
		return err_new(ERR_FAILED, "%s is no manifest: its media type is %s", d->digest,
			d->media_type);
	TRY(transport_read(t, d, a, &text));
	TRY(manifest_read(text, a, &out->manifest, arena_printf(a, "manifest %s", d->digest)));
	out->is_artifact = is_artifact(out);
	if (out->is_artifact)
		return NULL;
	const struct descriptor *c = &out->manifest.config;

	TRY(transport_read(t, c, a, &text));
	TRY(image_config_read(text, a, &out->config, arena_printf(a, "config %s", c->digest)));
	if (!out->platform.arch[0])
		out->platform = platform_of(&(struct oci_platform){
			.architecture = out->config.architecture,
			.os = out->config.os,
			.variant = out->config.variant,
		});
	return NULL;
}

const char *image_env(const struct image *image, const char *name)
{
	return env_value(&image->config.config.env, name);
}

// ---- the one that was asked for ----

// A single manifest has its platform in its config only.
static struct err *platform_at(
	struct transport *t, const struct descriptor *d, struct arena *a, struct platform *out)
{
	struct image image;

	*out = platform_of(&d->platform);
	if (out->arch[0])
		return NULL;
	TRY(image_read(t, d, a, &image));
	*out = image.platform;
	return NULL;
}

bool platform_is_better(
	const struct platform *p, const struct platform *than, const struct platform *asked)
{
	if (!platform_runs(asked, p))
		return false;
	if (!than->arch[0])
		return true;
	return !platform_equal(than, asked) &&
		(platform_equal(p, asked) || platform_level(p) > platform_level(than));
}

struct err *image_select(
	struct transport *t, const char *asked, struct arena *a, struct descriptors *manifests)
{
	struct platform wanted, best = {0};
	struct descriptors chosen = {0};
	const char *there = "";
	char text[PLATFORM_TEXT];

	TRY_AS(platform_parse(asked, &wanted), "--platform %s", asked);
	vec_each (d, manifests) {
		struct platform p;

		if (descriptor_is_attestation(d))
			continue;
		TRY(platform_at(t, d, a, &p));
		there = arena_printf(
			a, "%s%s%s", there, *there ? ", " : "", platform_text(&p, text));
		if (!platform_is_better(&p, &best, &wanted))
			continue;
		best = p;
		chosen.len = 0;
		vec_push(a, &chosen, *d);
	}
	if (!chosen.len)
		return err_hint(err_new(ERR_USAGE, "%s: no image for %s", t->name,
					platform_text(&wanted, text)),
			"it holds %s", *there ? there : "none");
	*manifests = chosen;
	return NULL;
}
