// builder/image_trees: which of an image's platforms a program's libraries come from.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "builder/image_trees.h"
#include "oci/layout.h"
#include "sample_image.h"

static struct arena a;
static struct places places = {.is_cacheless = true};

static struct descriptor put_index(
	struct transport *t, const struct descriptor *manifests, size_t n)
{
	struct index x = {.schema_version = 2, .media_type = OCI_INDEX};

	x.manifests = (struct json_list){(void *)manifests, n, n};
	struct span text = json_write(&index_table, &x, &a);
	struct descriptor d = descriptor_of(OCI_INDEX, text, &a);

	must(transport_put_document(t, &d, text));
	return d;
}

static int setup(void **state)
{
	static const char *const words[][2] = {
		{"amd64", NULL}, {"arm", "v5"}, {"arm", "v7"}, {"arm", "v6"}, {"arm64", "v8"}};
	struct transport *t = NULL;
	struct descriptor d[6];

	if (make_work_dir(state))
		return -1;
	struct sample_layer layer = hello_layer(true);

	must(layout_create("many", &t));
	for (size_t i = 0; i < 5; i++)
		d[i] = put_image(t, &a, words[i][0], words[i][1], &layer, 1);
	d[5] = put_image(t, &a, "amd64", "v3", &layer, 1);
	d[5].platform.architecture = "unknown"; // an attestation
	d[5].platform.os = "unknown";
	struct descriptor top = put_index(t, d, 6);

	must(transport_tag(t, &top, &(struct strings){0}));
	must(transport_commit(t));
	transport_drop(&t);
	must(layout_create("one", &t));
	d[0] = put_image(t, &a, "amd64", NULL, &layer, 1);
	d[0].platform = (struct oci_platform){0}; // only the config says it
	must(transport_tag(t, &d[0], &(struct strings){0}));
	must(transport_commit(t));
	transport_drop(&t);
	return 0;
}

static int teardown(void **state)
{
	places_drop(&places);
	arena_drop(&a);
	return remove_work_dir(state);
}

// The platforms in the order they are tried.
static const char *order(struct image_trees *t, const char *program, bool is_soft)
{
	struct image_tree **trees;
	struct platform p;
	const char *text = "";
	char one[PLATFORM_TEXT];
	size_t n;

	must(platform_parse(program, &p));
	must(image_trees_for(t, &p, is_soft, false, &trees, &n));
	for (size_t i = 0; i < n; i++)
		text = arena_printf(
			&a, "%s%s%s", text, i ? " " : "", platform_text(&trees[i]->platform, one));
	return text;
}

static void the_nearest_comes_first(void **state)
{
	(void)state;
	drop(image_trees_drop) struct image_trees *t = NULL;

	must(image_trees_new(&places, "oci:many", &t));
	assert_string_equal(order(t, "amd64", false), "linux/amd64");
	assert_string_equal(order(t, "arm64", false), "linux/arm64");
	assert_string_equal(order(t, "arm/v7", false), "linux/arm/v7 linux/arm/v6 linux/arm/v5");
	// A Raspberry Pi's own programs: v5 is software floating point, v7 may still serve.
	assert_string_equal(order(t, "arm/v6", false), "linux/arm/v6 linux/arm/v7 linux/arm/v5");
	assert_string_equal(order(t, "arm/v7", true), "linux/arm/v5 linux/arm/v6 linux/arm/v7");
	assert_string_equal(image_trees_platforms(t),
		"linux/amd64, linux/arm/v5, linux/arm/v7, linux/arm/v6, linux/arm64");
}

static void what_is_lacking_is_said(void **state)
{
	(void)state;
	drop(image_trees_drop) struct image_trees *t = NULL;
	struct platform p;
	struct image_tree **trees;
	size_t n;

	must(image_trees_new(&places, "oci:one", &t));
	must(platform_parse("linux/386", &p));
	struct err *e = image_trees_for(t, &p, false, false, &trees, &n);

	assert_non_null(e);
	assert_int_equal(err_kind(e), ERR_NO_START);
	assert_string_equal(err_hint_text(e),
		"it holds linux/amd64; if it only calls itself that, --sysroot linux/386=oci:one");
	err_drop(&e);
	// By the user's own word it will do: 386 libraries may lie in an amd64 image.
	must(image_trees_for(t, &p, false, true, &trees, &n));
	assert_int_equal(n, 1);
}

static void a_tree_is_read_once(void **state)
{
	(void)state;
	drop(image_trees_drop) struct image_trees *t = NULL;
	struct image_tree *trees;
	size_t n;

	must(image_trees_new(&places, "oci:many", &t));
	assert_null(image_trees_known(t, &n));
	assert_int_equal(n, 0);
	must(image_trees_all(t, &trees, &n));
	assert_int_equal(n, 5);
	must(image_tree_read(t, &trees[1]));
	struct layers *first = trees[1].layers;

	must(image_tree_read(t, &trees[1]));
	assert_ptr_equal(trees[1].layers, first);
	assert_null(trees[0].layers);
	assert_true(trees[1].sysroot.is_image);
	assert_string_equal(trees[1].sysroot.place,
		arena_printf(&a, "oci:many@%s", trees[1].descriptor.digest));
	assert_int_equal(root_walk(trees[1].sysroot.root, "/bin/hello")->error, 0);
	assert_string_equal(
		root_host_path(trees[1].sysroot.root, "/bin/hello", &a), "oci:many/bin/hello");
}

static void words_that_are_none(void **state)
{
	(void)state;
	struct image_trees *t = NULL;
	struct err *e = image_trees_new(&places, "docker://A", &t);

	assert_int_equal(err_kind(e), ERR_USAGE);
	assert_null(t);
	err_drop(&e);
	must(image_trees_new(&places, "oci:none", &t));
	size_t n;
	struct image_tree *trees;

	must_fail(image_trees_all(t, &trees, &n), "oci:none");
	image_trees_drop(&t);
	must(image_trees_new(&places, "oci:many:tag", &t));
	for (int i = 0; i < 2; i++) // the same again when it is asked again
		must_fail(image_trees_all(t, &trees, &n), "no image is called tag");
	image_trees_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearest_comes_first),
		cmocka_unit_test(what_is_lacking_is_said),
		cmocka_unit_test(a_tree_is_read_once),
		cmocka_unit_test(words_that_are_none),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
