// Reads: oci/types.c oci/layout.c oci/docker_save.c base/json.c base/platform.c
//
// Any bytes as each of an image's documents: what is read and written reads back, and is written,
// the same; an index keeps its images whatever is tagged in it.
#include <string.h>

#include "oci/docker_save.h"
#include "oci/layout.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_equal(struct span x, struct span y)
{
	must(x.len == y.len && !memcmp(x.ptr, y.ptr, x.len));
}

static void check_descriptor(const struct descriptor *d, struct arena *a)
{
	struct platform p = platform_of(&d->platform), again;
	struct digest digest;
	char text[PLATFORM_TEXT];

	must(d->media_type && digest_parse(d->digest, &digest) && d->size >= 0);
	if (*p.os && *p.arch && !fails(platform_parse(platform_text(&p, text), &again)))
		must(!platform_order(&again, &again) && platform_runs(&again, &again));
	(void)oci_platform_of(&p, a);
}

static void check_descriptors(const struct json_list *list, struct arena *a)
{
	const struct descriptor *d = list->at;

	for (size_t i = 0; i < list->len; i++)
		check_descriptor(&d[i], a);
}

static void check_manifest(struct span text, struct arena *a)
{
	struct manifest m, again;

	if (fails(manifest_read(text, a, &m, "m")))
		return;
	check_descriptor(&m.config, a);
	check_descriptors(&m.layers, a);
	struct span once = json_write(&manifest_table, &m, a);

	must(!manifest_read(once, a, &again, "m"));
	must_equal(once, json_write(&manifest_table, &again, a));
}

static size_t images_of(const struct index *x, struct arena *a)
{
	struct named_images images = {0};

	layout_names(x, a, &images);
	must(images.len <= x->manifests.len && !images.len == !x->manifests.len);
	return images.len;
}

static void tag(struct index *x, struct arena *a)
{
	const char *names[] = {"docker.io/user/a:1", "latest"};
	struct span none = {(const uint8_t *)"", 0};
	struct descriptor d = descriptor_of(OCI_MANIFEST, none, a);
	const struct descriptor *there = x->manifests.at;
	size_t before = images_of(x, a);
	bool is_new = true;
	struct index again;

	for (size_t i = 0; i < x->manifests.len; i++)
		is_new &= strcmp(there[i].digest, d.digest) != 0;
	layout_tag(x, a, &d, &(struct strings){names, 2, 2});
	must(images_of(x, a) == before + is_new);
	struct span once = json_write(&index_table, x, a);

	layout_tag(x, a, &d, &(struct strings){names, 2, 2});
	must_equal(once, json_write(&index_table, x, a));
	must(!index_read(once, a, &again, "x"));
}

static void check_index(struct span text, struct arena *a)
{
	struct index x, again;

	if (fails(index_read(text, a, &x, "x")))
		return;
	check_descriptors(&x.manifests, a);
	struct span once = json_write(&index_table, &x, a);

	must(!index_read(once, a, &again, "x"));
	must_equal(once, json_write(&index_table, &again, a));
	tag(&again, a);
}

static void check_config(struct span text, struct arena *a)
{
	struct image_config c, again;

	if (fails(image_config_read(text, a, &c, "c")))
		return;
	struct span once = json_write(&image_config_table, &c, a);

	must(!image_config_read(once, a, &again, "c"));
	must_equal(once, json_write(&image_config_table, &again, a));
}

static void check_save(struct span text, struct arena *a)
{
	struct json_list list, again;

	if (fails(json_read_list(text, &docker_save_table, a, &list, "s")))
		return;
	struct span once = json_write_list(&docker_save_table, &list, a);

	must(!json_read_list(once, &docker_save_table, a, &again, "s"));
	must_equal(once, json_write_list(&docker_save_table, &again, a));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	drop(arena_drop) struct arena a = {0};
	const struct span text = {data, size};

	check_manifest(text, &a);
	check_index(text, &a);
	check_config(text, &a);
	check_save(text, &a);
	return 0;
}
