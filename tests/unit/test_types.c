// oci/types: documents of real engines come through, hostile ones do not.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <string.h>
#include <cmocka.h>

#include "oci/types.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DESC(type, size)                                                                           \
	"{\"mediaType\":\"" type "\",\"digest\":\"sha256:" HEX "\",\"size\":" size "}"

static struct span span_of(const char *s)
{
	return (struct span){(const uint8_t *)s, strlen(s)};
}

static void manifest_fails(const char *text, const char *part)
{
	drop(arena_drop) struct arena a = {0};
	struct manifest m;
	drop(err_drop) struct err *e = manifest_read(span_of(text), &a, &m, "manifest");

	if (!e || !strstr(err_text(e), part))
		fail_msg("%s: «%s» does not say «%s»", text, e ? err_text(e) : "accepted", part);
}

static void index_fails(const char *text, const char *part)
{
	drop(arena_drop) struct arena a = {0};
	struct index x;
	drop(err_drop) struct err *e = index_read(span_of(text), &a, &x, "index");

	if (!e || !strstr(err_text(e), part))
		fail_msg("%s: «%s» does not say «%s»", text, e ? err_text(e) : "accepted", part);
}

static void manifests_come_back_as_written(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	const char *text =
		"{\"schemaVersion\":2,\"mediaType\":\"" OCI_MANIFEST
		"\",\"config\":" DESC(OCI_CONFIG, "7") ",\"layers\":[" DESC(OCI_LAYER "+gzip",
			"0") "],\"annotations\":{\"k\":\"v\"},\"future\":{\"a\":[1]}}";
	struct manifest m;

	assert_null(manifest_read(span_of(text), &a, &m, "manifest"));
	assert_int_equal(m.layers.len, 1);
	assert_int_equal(m.config.size, 7);
	assert_null(m.subject.digest);
	assert_string_equal((const char *)json_write(&manifest_table, &m, &a).ptr, text);
}

static void hostile_manifests_are_refused(void **state)
{
	(void)state;
	manifest_fails(
		"{\"schemaVersion\":1,\"config\":" DESC(OCI_CONFIG, "7") "}", "schemaVersion is 1");
	manifest_fails("{\"schemaVersion\":2}", "config is missing");
	manifest_fails("{\"schemaVersion\":2,\"mediaType\":\"" OCI_INDEX
		       "\",\"config\":" DESC(OCI_CONFIG, "7") "}",
		"is not a manifest's");
	manifest_fails("{\"schemaVersion\":2,\"manifests\":[],\"config\":" DESC(
			       OCI_CONFIG, "7") ",\"layers\":[]}",
		"\"manifests\" too");
	manifest_fails("{\"schemaVersion\":2,\"config\":" DESC(OCI_CONFIG, "-1") "}", "negative");
	manifest_fails("{\"schemaVersion\":2,\"config\":" DESC(OCI_CONFIG, "1e300") "}",
		"should be a whole number");
	manifest_fails("{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"size\":1,"
		       "\"digest\":\"sha256:../../x\"}}",
		"is not sha256");
	manifest_fails("{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"size\":1,"
		       "\"digest\":\"sha256:0123456789ABCDEF" HEX "\"}}",
		"is not sha256");
	manifest_fails("{\"schemaVersion\":2,\"config\":" DESC(OCI_CONFIG,
			       "7") ",\"layers\":["
				    "{\"mediaType\":\"x\",\"size\":1,\"digest\":\"\"}]}",
		"layers: [0]: digest");
	manifest_fails("{\"schemaVersion\":2,\"config\":" DESC(OCI_CONFIG,
			       "7") ",\"subject\":"
				    "{\"mediaType\":\"x\",\"size\":1,\"digest\":\"md5:1\"}}",
		"subject: digest");
}

static void indexes_are_read_and_hybrids_refused(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	const char *text = "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" OCI_MANIFEST
			   "\",\"digest\":\"sha256:" HEX
			   "\",\"size\":3,\"platform\":{\"architecture\":\"arm\","
			   "\"os\":\"linux\",\"variant\":\"v7\"}}]}";
	struct index x;

	assert_null(index_read(span_of(text), &a, &x, "index"));
	assert_string_equal((const char *)json_write(&index_table, &x, &a).ptr, text);
	const struct descriptor *d = x.manifests.at;
	struct platform p = platform_of(&d->platform);

	assert_string_equal(p.arch, "arm");
	assert_string_equal(p.variant, "v7");
	index_fails("{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}", "\"layers\" too");
	index_fails("{\"schemaVersion\":2,\"manifests\":[],\"config\":{}}", "\"config\" too");
	index_fails(
		"{\"schemaVersion\":2,\"mediaType\":\"" OCI_MANIFEST "\"}", "is not an index's");
}

static void configs_of_docker_keep_what_they_hold(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	const char *text =
		"{\"architecture\":\"arm\",\"os\":\"linux\",\"config\":{\"Env\":null,"
		"\"Cmd\":[\"sh\"],\"Labels\":null,\"OnBuild\":[\"RUN x\"]},\"history\":[{\"created\":"
		"\"2020-01-01T00:00:00Z\",\"empty_layer\":true}],\"rootfs\":{\"type\":\"layers\","
		"\"diff_ids\":[\"sha256:" HEX "\"]},\"docker_version\":\"20\"}";
	struct image_config c;

	assert_null(image_config_read(span_of(text), &a, &c, "config"));
	assert_int_equal(c.config.env.len, 0);
	assert_string_equal((const char *)json_write(&image_config_table, &c, &a).ptr,
		"{\"architecture\":\"arm\",\"os\":\"linux\",\"config\":{\"Cmd\":[\"sh\"],"
		"\"OnBuild\":[\"RUN x\"]},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" HEX
		"\"]},\"history\":[{\"created\":\"2020-01-01T00:00:00Z\",\"empty_layer\":true}],"
		"\"docker_version\":\"20\"}");
	drop(err_drop) struct err *e = image_config_read(
		span_of("{\"architecture\":\"a\",\"os\":\"l\",\"rootfs\":{\"diff_ids\":[\"sha256:x\"]}}"),
		&a, &c, "config");

	assert_non_null(e);
}

static void descriptors_are_made_and_annotated(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	struct descriptor d = descriptor_of(OCI_CONFIG, span_of("{}"), &a);

	assert_string_equal(d.digest,
		"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
	assert_int_equal(d.size, 2);
	dict_set(&d.annotations, &a, "k", "1");
	dict_set(&d.annotations, &a, "k", "2");
	assert_string_equal(dict_get(&d.annotations, "k"), "2");
	assert_int_equal(d.annotations.len, 1);
	assert_null(dict_get(&d.annotations, "x"));

	// What was there before is found again, and two hundred thousand are no matter.
	struct map places = {0};

	for (int i = 0; i < 400000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "n%d", i % 200000);
		dict_put(&d.annotations, &places, &a, name, i < 200000 ? "old" : "new");
	}
	dict_put(&d.annotations, &places, &a, "k", "3");
	assert_int_equal(d.annotations.len, 200001);
	assert_string_equal(d.annotations.at[0].value, "3");
	assert_string_equal(dict_get(&d.annotations, "n199999"), "new");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manifests_come_back_as_written),
		cmocka_unit_test(hostile_manifests_are_refused),
		cmocka_unit_test(indexes_are_read_and_hybrids_refused),
		cmocka_unit_test(configs_of_docker_keep_what_they_hold),
		cmocka_unit_test(descriptors_are_made_and_annotated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
