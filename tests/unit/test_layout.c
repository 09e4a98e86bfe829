// oci/layout: what is written is what others read, and adding to a layout loses nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <cmocka.h>

#include "oci/layout.h"
#include "sample_image.h"

static struct descriptor write_layout(
	struct arena *a, const char *dir, const char *name, const char *arch)
{
	drop(transport_drop) struct transport *t = NULL;
	struct sample_layer layer = hello_layer(true);
	struct strings names = {0};

	must(layout_create(dir, &t));
	struct descriptor d = put_image(t, a, arch, NULL, &layer, 1);

	if (name)
		vec_push(a, &names, name);
	must(transport_tag(t, &d, &names));
	must(transport_commit(t));
	return d;
}

static struct named_images list(struct arena *a, const char *dir)
{
	drop(transport_drop) struct transport *t = NULL;
	struct named_images images;

	must(layout_open(dir, &t));
	must(transport_list(t, a, &images));
	return images;
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	drop(transport_drop) struct transport *t = NULL;

	assert_false(layout_is("one"));
	struct descriptor d = write_layout(&a, "one", "docker.io/user/sensor:1.2", "amd64");

	assert_true(layout_is("one"));
	struct named_images images = list(&a, "one");

	assert_int_equal(images.len, 1);
	assert_string_equal(images.at[0].descriptor.digest, d.digest);
	assert_int_equal(images.at[0].names.len, 2);
	assert_string_equal(images.at[0].names.at[0], "docker.io/user/sensor:1.2");
	assert_string_equal(images.at[0].names.at[1], "1.2");
	assert_string_equal(images.at[0].descriptor.platform.architecture, "amd64");

	struct span text;
	struct manifest m;

	must(layout_open("one", &t));
	must(transport_read(t, &d, &a, &text));
	must(manifest_read(text, &a, &m, "manifest"));
	must(transport_read(t, m.layers.at, &a, &text));
	assert_int_equal(text.len, file_bytes(&a, "hello.tar.gz").len);
	must_fail(transport_tag(t, &d, &(struct strings){0}), "opened for reading");
}

static void nothing_appears_without_a_commit(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	struct transport *t = NULL;
	struct sample_layer layer = hello_layer(false);

	must(layout_create("never", &t));
	put_image(t, &a, "arm", "v7", &layer, 1);
	transport_drop(&t);
	assert_int_equal(access("never", F_OK), -1);
	assert_int_equal(run("ls -A | grep -q never"), 1);
}

static void others_stay_and_the_name_moves(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	struct descriptor first = write_layout(&a, "many", "docker.io/user/sensor:1", "amd64");

	// What others wrote into the index stays.
	must(run("sed -i 's/^{/{\"future\":[1,2],\"annotations\":{\"k\":\"v\"},/' many/index.json")
			? err_new(ERR_FAILED, "sed")
			: NULL);
	struct descriptor second = write_layout(&a, "many", "docker.io/user/other:1.5", "arm64");
	struct descriptor third = write_layout(&a, "many", "docker.io/user/sensor:1", "riscv64");
	struct named_images images = list(&a, "many");

	assert_int_equal(images.len, 3);
	assert_string_equal(images.at[0].descriptor.digest, first.digest);
	assert_int_equal(images.at[0].names.len, 0);
	assert_string_equal(images.at[1].descriptor.digest, second.digest);
	assert_int_equal(images.at[1].names.len, 2);
	assert_string_equal(images.at[2].descriptor.digest, third.digest);
	assert_string_equal(images.at[2].names.at[0], "docker.io/user/sensor:1");
	assert_int_equal(run("grep -q '\"future\":\\[1,2\\]' many/index.json"), 0);
	assert_int_equal(run("grep -q '\"k\":\"v\"' many/index.json"), 0);

	// The same image under its own name again is one entry, not two.
	write_layout(&a, "many", "docker.io/user/sensor:1", "riscv64");
	assert_int_equal(list(&a, "many").len, 3);
	assert_string_equal(output_of(&a, "grep -o mediaType many/index.json | wc -l"), "4");
}

static void plain_tags_are_taken_as_they_are(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};

	write_layout(&a, "plain", "v2", "amd64");
	write_layout(&a, "plain", NULL, "arm");
	write_layout(&a, "plain", NULL, "arm");
	struct named_images images = list(&a, "plain");

	assert_int_equal(images.len, 2);
	assert_int_equal(images.at[0].names.len, 1);
	assert_string_equal(images.at[0].names.at[0], "v2");
}

static void processes_that_tag_at_once_lose_nothing(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	const int n = 12;

	hello_layer(true);
	write_layout(&a, "race", "first", "amd64");
	for (int i = 0; i < n; i++)
		if (fork() == 0) {
			char name[32], arch[32];

			snprintf(name, sizeof(name), "tag-%d", i);
			snprintf(arch, sizeof(arch), "arch%d", i);
			write_layout(&a, "race", name, arch);
			_exit(0);
		}
	for (int i = 0; i < n; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(list(&a, "race").len, n + 1);
}

static void damage_is_found(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	drop(transport_drop) struct transport *t = NULL;
	struct descriptor d = write_layout(&a, "bad", "x", "amd64");
	const char *blob = arena_printf(&a, "bad/blobs/sha256/%s", d.digest + 7);
	struct span text;
	bool is_there;

	must(layout_open("bad", &t));
	must(transport_has(t, &d, &is_there));
	assert_true(is_there);
	run("sed -i 's/schemaVersion/schemaVersiom/' %s", blob);
	must_fail(transport_read(t, &d, &a, &text), "is damaged");
	run("echo >>%s", blob);
	must_fail(transport_read(t, &d, &a, &text), "its descriptor says");
	run("truncate -s 5 %s", blob);
	must_fail(transport_read(t, &d, &a, &text), "its descriptor says");
	unlink(blob);
	must_fail(transport_read(t, &d, &a, &text), "No such file");
	assert_int_equal(mkfifo(blob, 0600), 0);
	must_fail(transport_read(t, &d, &a, &text), "not a regular file");
	struct descriptor hostile = {.digest = "sha256:../../index.json", .size = 10};

	must_fail(transport_read(t, &hostile, &a, &text), "is not a sha256 digest");
	struct descriptor huge = {.digest = d.digest, .size = OCI_DOCUMENT_MAX + 1};

	must_fail(transport_read(t, &huge, &a, &text), "more than the");
}

static void directories_that_are_no_layout_are_refused(void **state)
{
	(void)state;
	drop(transport_drop) struct transport *t = NULL;

	run("mkdir -p empty full && touch full/x");
	must_fail(layout_open("missing", &t), "No such file");
	must_fail(layout_open("full", &t), "oci-layout");
	must_fail(layout_create("full", &t), "neither empty nor");
	must(layout_create("empty", &t));
	run("mkdir -p old && echo '{\"imageLayoutVersion\":\"2.0\"}' >old/oci-layout && "
	    "echo '{}' >old/index.json");
	transport_drop(&t);
	must_fail(layout_open("old", &t), "imageLayoutVersion is 2.0");
}

static void skopeo_and_umoci_read_it(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	struct descriptor d = write_layout(&a, "real", "docker.io/library/sensor:latest", "amd64");

	if (have("skopeo"))
		assert_string_equal(
			output_of(&a, "skopeo inspect --format '{{.Digest}}' oci:real:latest"),
			d.digest);
	if (have("umoci")) {
		assert_int_equal(
			run("umoci unpack --rootless --image real:latest bundle >/dev/null"), 0);
		assert_int_equal(run("cmp -s bundle/rootfs/bin/hello tree/bin/hello"), 0);
		// What umoci writes comes back in, beside what was there.
		assert_int_equal(
			run("umoci config --image real:latest --tag two --config.user 1"), 0);
		assert_int_equal(list(&a, "real").len, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(nothing_appears_without_a_commit),
		cmocka_unit_test(others_stay_and_the_name_moves),
		cmocka_unit_test(plain_tags_are_taken_as_they_are),
		cmocka_unit_test(processes_that_tag_at_once_lose_nothing),
		cmocka_unit_test(damage_is_found),
		cmocka_unit_test(directories_that_are_no_layout_are_refused),
		cmocka_unit_test(skopeo_and_umoci_read_it),
	};

	return cmocka_run_group_tests(tests, make_work_dir, remove_work_dir);
}
