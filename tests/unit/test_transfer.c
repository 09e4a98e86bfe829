// builder/transfer: what is copied from place to place stays what it was.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <cmocka.h>

#include "builder/transfer.h"
#include "oci/layout.h"
#include "sample_image.h"

static const struct transfer_options everything;

static struct err *copy(struct arena *a, const char *from, const char *to,
	const struct transfer_options *o, struct transferred *out)
{
	drop(places_drop) struct places places = {0};

	return transfer_places(&places, from, to, o, a, out);
}

static struct transferred must_copy(struct arena *a, const char *from, const char *to)
{
	struct transferred done;

	must(copy(a, from, to, &everything, &done));
	return done;
}

static struct descriptor put_index(
	struct transport *t, struct arena *a, const struct descriptor *inner, size_t n)
{
	struct index x = {.schema_version = 2, .media_type = OCI_INDEX};

	x.manifests = (struct json_list){(void *)inner, n, n};
	struct span text = json_write(&index_table, &x, a);
	struct descriptor d = descriptor_of(OCI_INDEX, text, a);

	must(transport_put_document(t, &d, text));
	return d;
}

// Three platforms in a layout, amd64 with a layer of its own; an index below `depth` others.
static struct descriptor write_layout(struct arena *a, const char *dir, int depth, const char *name)
{
	drop(transport_drop) struct transport *t = NULL;
	struct sample_layer gz = hello_layer(true), plain = hello_layer(false);
	struct strings names = {0};

	must(layout_create(dir, &t));
	struct descriptor d[] = {
		put_image(t, a, "arm", "v6", &gz, 1),
		put_image(t, a, "arm", "v7", &gz, 1),
		put_image(t, a, "amd64", NULL, &plain, 1),
	};
	struct descriptor top = put_index(t, a, d, 3);

	for (int i = 0; i < depth; i++)
		top = put_index(t, a, &top, 1);
	if (name)
		vec_push(a, &names, name);
	must(transport_tag(t, &top, &names));
	must(transport_commit(t));
	return top;
}

static void layout_archive_layout(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	struct descriptor top = write_layout(&a, "one", 0, "docker.io/user/sensor:1.2");
	struct transferred done = must_copy(&a, "oci:one", "one.tar");

	assert_string_equal(done.top.digest, top.digest);
	assert_int_equal(done.names.len, 1); // not "1.2" beside it
	assert_string_equal(done.names.at[0], "docker.io/user/sensor:1.2");
	assert_false(done.is_pushed);
	done = must_copy(&a, "./one.tar", "oci:two");
	// What is told lives on when both places are closed.
	assert_string_equal(done.top.digest, top.digest);
	assert_string_equal(done.names.at[0], "docker.io/user/sensor:1.2");
	must_copy(&a, "two/", "two.tar");
	assert_int_equal(run("diff -r one two"), 0);
	assert_int_equal(run("cmp one.tar two.tar"), 0);
	// Into what holds it already: nothing changes.
	must_copy(&a, "one.tar", "oci:two");
	assert_int_equal(run("diff -r one two"), 0);
}

static void real_readers_agree(void **state)
{
	(void)state;
	if (!have("skopeo"))
		skip();
	drop(arena_drop) struct arena a = {0};
	struct descriptor top = write_layout(&a, "read", 0, "docker.io/user/read:1");

	must_copy(&a, "oci:read:1", "oci-archive:read.tar:tag");
	const char *digest = output_of(
		&a, "skopeo inspect --raw oci-archive:read.tar:tag | sha256sum | cut -d' ' -f1");

	assert_string_equal(digest, strchr(top.digest, ':') + 1);
	assert_int_equal(run("skopeo copy -q --all --preserve-digests oci-archive:read.tar "
			     "oci:copied:x"),
		0);
	struct transferred done = must_copy(&a, "oci:copied:x", "oci:back");

	assert_string_equal(done.top.digest, top.digest);
}

static void one_platform(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	struct platform v7 = {"linux", "arm", "v7"}, v5 = {"linux", "arm", "v5"};
	struct transferred done;

	write_layout(&a, "some", 0, "sensor");
	must(copy(&a, "oci:some", "oci:v7", &(struct transfer_options){.platform = &v7}, &done));
	assert_string_equal(done.top.media_type, OCI_MANIFEST);
	assert_string_equal(done.top.platform.variant, "v7");
	// Its manifest, its config, its layer.
	assert_string_equal(output_of(&a, "ls v7/blobs/sha256 | wc -l"), "3");
	must_fail(
		copy(&a, "oci:some", "oci:v5", &(struct transfer_options){.platform = &v5}, &done),
		"no image for linux/arm/v5");
	assert_int_not_equal(access("v5", F_OK), 0);
}

static void nested_indexes(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	struct descriptor top = write_layout(&a, "deep", 3, "deep");
	struct transferred done = must_copy(&a, "oci:deep", "deep.tar");

	assert_string_equal(done.top.digest, top.digest);
	must_copy(&a, "deep.tar", "oci:deep-again");
	assert_int_equal(run("diff -r deep deep-again"), 0);
	write_layout(&a, "deeper", 4, "deeper");
	must_fail(copy(&a, "oci:deeper", "deeper.tar", &everything, &done), "nested more than 4");
	assert_int_not_equal(access("deeper.tar", F_OK), 0);
}

// An index that names itself can't have the digest it is named by.
static void cycle(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	struct descriptor top = write_layout(&a, "round", 0, "round");
	const char *path = arena_printf(&a, "round/blobs/sha256/%s", strchr(top.digest, ':') + 1);
	struct index x = {.schema_version = 2, .media_type = OCI_INDEX};
	struct transferred done;

	x.manifests = (struct json_list){&top, 1, 1};
	struct span text = json_write(&index_table, &x, &a);

	assert_true(text.len < (size_t)top.size);
	char *padded =
		arena_printf(&a, "%-*.*s", (int)top.size, (int)text.len, (const char *)text.ptr);

	write_text(path, padded);
	must_fail(copy(&a, "oci:round", "round.tar", &everything, &done), "damaged");
	assert_int_not_equal(access("round.tar", F_OK), 0);
}

// Each manifest is small enough, all of them are not.
static void too_much_together(void **state)
{
	enum { N = 17, SIZE = 4 << 20 };
	static const char manifest[] =
		"{\"schemaVersion\":2,\"mediaType\":\"" OCI_MANIFEST "\",\"config\":"
		"{\"mediaType\":\"" OCI_CONFIG "\",\"size\":2,\"digest\":\"sha256:"
		"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"},\"layers\":[]}";

	(void)state;
	drop(arena_drop) struct arena a = {0};
	drop(transport_drop) struct transport *t = NULL;
	struct descriptor d[N];
	struct strings names = {0};
	struct transferred done;
	char *text = arena_alloc(&a, SIZE);

	memset(text, ' ', SIZE);
	memcpy(text, manifest, strlen(manifest));
	must(layout_create("much", &t));
	for (size_t i = 0; i < N; i++) {
		const struct span one = {(const uint8_t *)text, SIZE - i};

		d[i] = descriptor_of(OCI_MANIFEST, one, &a);
		must(transport_put_document(t, &d[i], one));
	}
	struct descriptor top = put_index(t, &a, d, N);

	must(transport_tag(t, &top, &names));
	must(transport_commit(t));
	must_fail(copy(&a, "oci:much", "much.tar", &everything, &done), "bytes together");
	assert_int_not_equal(access("much.tar", F_OK), 0);
	assert_int_equal(run("rm -r much"), 0);
}

static void damage_is_not_copied(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	struct transferred done;

	write_layout(&a, "bad", 0, "bad");
	struct span layer = file_bytes(&a, "hello.tar.gz");
	struct digest d = digest_of(layer.ptr, layer.len);

	assert_int_equal(run("printf x | dd of=bad/blobs/sha256/%s conv=notrunc bs=1 seek=30 2>&1 "
			     "| grep -q copied",
				 digest_hex(&d)),
		0);
	must_fail(copy(&a, "oci:bad", "bad.tar", &everything, &done), "damaged");
	must_fail(copy(&a, "oci:bad", "oci:bad2", &everything, &done), d.text);
	assert_int_not_equal(access("bad.tar", F_OK), 0);
	assert_int_not_equal(access("bad2", F_OK), 0);
}

static void names(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	drop(transport_drop) struct transport *t = NULL;
	struct named_images all;

	write_layout(&a, "named", 0, "docker.io/user/sensor:1.2");
	must_copy(&a, "oci:named:1.2", "docker-archive:named.tar:other/name");
	assert_string_equal(
		output_of(&a, "tar -xOf named.tar manifest.json | grep -o 'other/name:[^\"]*'"),
		"other/name:latest\nother/name:latest-arm-v7\nother/name:latest-amd64");
	must_copy(&a, "docker-archive:named.tar:other/name", "oci:out:v1");
	must(layout_open("out", &t));
	must(transport_list(t, &a, &all));
	assert_int_equal(all.len, 1);
	assert_int_equal(all.at[0].names.len, 1);
	assert_string_equal(all.at[0].names.at[0], "v1");
	struct transferred done;

	must_fail(copy(&a, "oci:named:2", "x.tar", &everything, &done), "no image is called 2");
}

static void referrers(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	struct descriptor top = write_layout(&a, "signed", 0, "signed");
	drop(transport_drop) struct transport *t = NULL;
	const struct strings none = {0};
	struct transferred done;
	const struct span empty = span_of("{}");
	struct manifest m = {
		.schema_version = 2,
		.media_type = OCI_MANIFEST,
		.artifact_type = "application/x-signature",
		.config = descriptor_of("application/vnd.oci.empty.v1+json", empty, &a),
		.subject = descriptor_of(OCI_INDEX, empty, &a),
	};

	m.subject.digest = top.digest;
	m.subject.size = top.size;
	struct span text = json_write(&manifest_table, &m, &a);
	struct descriptor signature = descriptor_of(OCI_MANIFEST, text, &a);

	must(layout_create("signed", &t));
	put_bytes(t, &m.config, empty);
	must(transport_put_document(t, &signature, text));
	must(transport_tag(t, &signature, &none));
	must(transport_commit(t));
	must(copy(&a, "oci:signed:signed", "oci:plain", &everything, &done));
	must(copy(&a, "oci:signed:signed", "oci:both",
		&(struct transfer_options){.with_referrers = true}, &done));
	assert_string_equal(done.top.digest, top.digest);
	assert_int_not_equal(
		run("test -e plain/blobs/sha256/%s", strchr(signature.digest, ':') + 1), 0);
	assert_int_equal(run("diff -r signed/blobs both/blobs"), 0);
	assert_int_equal(run("grep -q %s both/index.json", signature.digest), 0);
}

static void words(void **state)
{
	(void)state;
	static const struct {
		const char *word;
		int want; // 1: to a registry, 0: not, -1: wrong
	} cases[] = {
		{"sensor", 1},
		{"debian:12.5", 1},
		{"ghcr.io/a/b:1", 1},
		{"localhost:5000/a", 1},
		{"docker://a/b", 1},
		{"docker://A", -1},
		{"docker://", -1},
		{"Sensor", -1},
		{"out/sensor", 0},
		{"./sensor", 0},
		{"/tmp/a:b", 0},
		{"../a:b", 0},
		{"sensor.tar", 0},
		{"a:b.tar", 0},
		{"dir/", 0},
		{"-", 0},
		{"oci:dir", 0},
		{"oci::tag", -1},
		{"oci-archive:a.tar:x", 0},
		{"docker-archive:a.tar:X", -1},
		{"docker-daemon:", 0},
		{"docker-daemon:a/b", 0},
		{"containers-storage:x", -1},
		{"dir:x", -1},
		{"", -1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		drop(arena_drop) struct arena a = {0};
		bool is_registry = false;
		struct ref ref;
		drop(err_drop) struct err *e =
			place_is_registry(cases[i].word, &a, &is_registry, &ref);

		if ((e ? -1 : is_registry) != cases[i].want)
			fail_msg("%s: %d, %s", cases[i].word, is_registry, e ? err_text(e) : "");
		if (e)
			assert_int_equal(err_kind(e), ERR_USAGE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout_archive_layout),
		cmocka_unit_test(real_readers_agree),
		cmocka_unit_test(one_platform),
		cmocka_unit_test(nested_indexes),
		cmocka_unit_test(cycle),
		cmocka_unit_test(too_much_together),
		cmocka_unit_test(damage_is_not_copied),
		cmocka_unit_test(names),
		cmocka_unit_test(referrers),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, make_work_dir, remove_work_dir);
}
