// oci/layers: what an engine would unpack is what the tree says, and hostile tars land nowhere.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <cmocka.h>
#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <malloc.h>

#include "oci/archive.h"
#include "oci/layers.h"
#include "sample_image.h"

struct item {
	char type;               // f d l h c, and x: a file with an attribute
	const char *path, *text; // contents, target
};

static void write_tar(const char *name, const struct item *items, size_t n)
{
	struct archive *a = archive_write_new();

	archive_write_set_format_pax_restricted(a);
	assert_int_equal(archive_write_open_filename(a, name), ARCHIVE_OK);
	for (size_t i = 0; i < n; i++) {
		struct archive_entry *e = archive_entry_new();
		const char *text = items[i].text ? items[i].text : "";
		bool is_file = items[i].type == 'f' || items[i].type == 'x';

		archive_entry_set_pathname(e, items[i].path);
		archive_entry_set_perm(e, 0640);
		archive_entry_set_filetype(e,
			items[i].type == 'd'           ? AE_IFDIR
				: items[i].type == 'l' ? AE_IFLNK
				: items[i].type == 'c' ? AE_IFCHR
						       : AE_IFREG);
		archive_entry_set_mtime(e, 77, 0);
		if (items[i].type == 'l')
			archive_entry_set_symlink(e, text);
		if (items[i].type == 'h')
			archive_entry_set_hardlink(e, text);
		if (items[i].type == 'x')
			archive_entry_xattr_add_entry(e, "user.k", "v\0w", 3);
		archive_entry_set_size(e, is_file ? (la_int64_t)strlen(text) : 0);
		assert_true(archive_write_header(a, e) >= ARCHIVE_WARN);
		if (is_file)
			archive_write_data(a, text, strlen(text));
		archive_entry_free(e);
	}
	archive_write_close(a);
	archive_write_free(a);
}

struct image {
	struct arena a;
	struct transport *t;
	struct layers *l;
	struct root *r;
};

static void image_drop(struct image *i)
{
	layers_drop(&i->l);
	transport_drop(&i->t);
	arena_drop(&i->a);
}

static struct err *open_tars(struct image *i, const struct sample_layer *layers, size_t n,
	const struct layers_options *limits)
{
	struct transport *t = NULL;
	struct named_images images;
	struct manifest m;
	struct image_config c;
	struct span text;

	must(archive_create("image.tar", 0, &t));
	struct descriptor d = put_image(t, &i->a, "arm", "v7", layers, n);

	must(transport_tag(t, &d, &(struct strings){0}));
	must(transport_commit(t));
	transport_drop(&t);
	must(archive_open("image.tar", &i->t));
	must(transport_list(i->t, &i->a, &images));
	must(transport_read(i->t, &images.at[0].descriptor, &i->a, &text));
	must(manifest_read(text, &i->a, &m, "manifest"));
	must(transport_read(i->t, &m.config, &i->a, &text));
	must(image_config_read(text, &i->a, &c, "config"));
	TRY(layers_open(i->t, &m, &c, limits, &i->l));
	i->r = layers_root(i->l);
	return NULL;
}

static struct err *open_items(
	struct image *i, const struct item *one, size_t none, const struct item *two, size_t ntwo)
{
	static const struct sample_layer layers[] = {
		{"one.tar", "one.tar", OCI_LAYER}, {"two.tar", "two.tar.gz", OCI_LAYER "+gzip"}};

	write_tar("one.tar", one, none);
	write_tar("two.tar", two, ntwo);
	run("gzip -nkf two.tar");
	return open_tars(i, layers, 2, NULL);
}

#define LIST(...)                                                                                  \
	(const struct item[]){__VA_ARGS__},                                                        \
		sizeof((struct item[]){__VA_ARGS__}) / sizeof(struct item)
#define OPEN(i, one, two) must(open_items(i, one, two))

// All paths with a mark of what they are, in order.
static const char *listing(struct image *i)
{
	size_t n;
	const struct layered_file *f = layers_files(i->l, &n);
	const char *text = "";

	for (size_t k = 0; k < n; k++)
		text = arena_printf(&i->a, "%s%s%s%s", text, k ? " " : "", f[k].path,
			S_ISDIR(f[k].node.mode)           ? "/"
				: S_ISLNK(f[k].node.mode) ? "@"
							  : "");
	return text;
}

static const char *contents(struct image *i, const char *path)
{
	struct span text;

	must(root_read(i->r, path, 1000, &i->a, &text));
	return text.ptr ? arena_strndup(&i->a, (const char *)text.ptr, text.len) : NULL;
}

static void layers_add_up(void **state)
{
	(void)state;
	drop(image_drop) struct image i = {0};

	OPEN(&i,
		LIST({'d', "./usr/", NULL}, {'f', "/usr/a", "one"}, {'f', "./usr/b", "b"},
			{'l', "usr/l", "a"}, {'f', "deep/er/file", "x"}),
		LIST({'f', "usr/a", "two"}, {'x', "usr/a-c", "c"}, {'c', "dev/null", NULL}));
	assert_string_equal(listing(&i),
		"/deep/ /deep/er/ /deep/er/file /dev/ /dev/null /usr/ /usr/a /usr/a-c /usr/b /usr/l@");
	assert_string_equal(contents(&i, "/usr/l"), "two");
	assert_string_equal(contents(&i, "/usr/../usr/b"), "b");
	const struct walk *w = root_walk(i.r, "/deep");

	assert_int_equal(w->node.mode, S_IFDIR | 0755);
	w = root_walk(i.r, "/usr/a");
	assert_int_equal(w->node.mode, S_IFREG | 0640);
	assert_int_equal(w->node.mtime, 77);
	assert_int_equal(root_walk(i.r, "/usr/a/x")->error, ENOTDIR);
	assert_int_equal(root_walk(i.r, "/nothing")->error, ENOENT);

	struct strings names = {0};
	struct xattrs x = {0};
	struct file *f = NULL;

	must(root_list(i.r, "/usr", &i.a, &names));
	assert_int_equal(names.len, 4);
	assert_string_equal(names.at[1], "a-c");
	must(root_xattrs(i.r, "/usr/a-c", &i.a, &x));
	assert_int_equal(x.len, 1);
	assert_string_equal(x.at[0].name, "user.k");
	assert_int_equal(x.at[0].value.len, 3);
	must_fail(root_open_file(i.r, "/dev/null", &f), "not a regular file");
	must_fail(root_open_file(i.r, "/usr", &f), "not a regular file");

	size_t n;
	const struct layer_facts *facts = layers_facts(i.l, &n);

	assert_int_equal(n, 2);
	assert_int_equal(facts[0].files, 2); // b and file
	assert_int_equal(facts[1].files, 2); // a and a-c
	assert_int_equal(facts[0].raw_size, file_bytes(&i.a, "one.tar").len);
}

static void whiteouts_hide_lower_layers_alone(void **state)
{
	(void)state;
	drop(image_drop) struct image i = {0};

	OPEN(&i,
		LIST({'f', "a/x", "1"}, {'f', "b/x", "1"}, {'f', "b/sub/y", "1"}, {'f', "c", "1"},
			{'f', "d/x", "1"}, {'l', "link", "d"}),
		LIST({'f', ".wh.c", ""}, {'f', "a/new", "2"}, {'f', ".wh.a", ""}, {'f', "b/z", "2"},
			{'f', "b/.wh..wh..opq", ""}, {'f', "link/.wh.x", ""},
			{'f', ".wh.nothing", ""}, {'f', "no/where/.wh.x", ""},
			{'f', ".wh..wh.plnk", ""}));
	assert_string_equal(listing(&i), "/a/ /a/new /b/ /b/z /d/ /link@");
}

static void kinds_replace_each_other(void **state)
{
	(void)state;
	drop(image_drop) struct image i = {0};

	OPEN(&i,
		LIST({'f', "dir/x", "1"}, {'f', "file", "1"}, {'l', "lib", "usr/lib"},
			{'d', "usr/lib", NULL}, {'f', "twice", "1"}, {'f', "twice", "2"}),
		LIST({'f', "dir", "now"}, {'d', "file", NULL}, {'f', "file/x", "2"},
			{'f', "lib/new", "3"}, {'l', "out", "../../../new/place"},
			{'f', "out/y", "4"}));
	assert_string_equal(listing(&i),
		"/dir /file/ /file/x /lib@ /new/ /new/place/ /new/place/y "
		"/out@ /twice /usr/ /usr/lib/ /usr/lib/new");
	assert_string_equal(contents(&i, "/dir"), "now");
	assert_string_equal(contents(&i, "/lib/new"), "3");
	assert_string_equal(contents(&i, "/twice"), "2");
}

// What a layer has already hidden it may hide again; what it brought itself stays.
static void whiteouts_may_come_again(void **state)
{
	(void)state;
	drop(image_drop) struct image i = {0};

	OPEN(&i,
		LIST({'f', "a/b/c/old", "1"}, {'f', "a/b/old", "1"}, {'f', "a/old", "1"},
			{'f', "e/1", "1"}, {'f', "e/2", "1"}, {'f', "e/3", "1"}),
		LIST({'f', "a/b/.wh..wh..opq", ""}, {'f', "a/b/c/new", "2"},
			{'f', "a/b/.wh..wh..opq", ""}, {'f', "a/b/.wh.c", ""}, {'f', ".wh.a", ""},
			{'f', "a/new", "2"}, {'f', "a/.wh..wh..opq", ""}, {'f', "e/.wh.2", ""},
			{'f', "e/.wh.2", ""}, {'f', "e/.wh.3", ""}, {'f', "e/2/x", "2"},
			{'f', "e/.wh.2", ""}, {'f', "e/.wh.1", ""}, {'f', "e/2", "2"}));
	assert_string_equal(listing(&i), "/a/ /a/b/ /a/b/c/ /a/b/c/new /a/new /e/ /e/2");
}

static void hard_links_share_a_file(void **state)
{
	(void)state;
	drop(image_drop) struct image i = {0};
	size_t n;

	OPEN(&i, LIST({'f', "b", "one"}, {'h', "c", "./b"}, {'l', "s", "b"}),
		LIST({'h', "a", "/b"}, {'f', "b", "two"}, {'h', "t", "s"}));
	const struct layered_file *f = layers_files(i.l, &n);

	assert_string_equal(listing(&i), "/a /b /c /s@ /t@");
	assert_string_equal(contents(&i, "/a"), "one");
	assert_string_equal(contents(&i, "/b"), "two");
	assert_null(f[0].hard_link);
	assert_null(f[1].hard_link);
	assert_string_equal(f[2].hard_link, "/a");
	assert_int_equal(f[0].node.ino, f[2].node.ino);
	assert_int_not_equal(f[0].node.ino, f[1].node.ino);
}

static void fails_with(const char *part, const struct item *one, size_t n)
{
	drop(image_drop) struct image i = {0};

	must_fail(open_items(&i, one, n, LIST({'f', "ok", NULL})), part);
}

static void hostile_entries_are_errors(void **state)
{
	(void)state;
	char deep[6000];

	fails_with("../x climbs out", LIST({'f', "../x", "1"}));
	fails_with("a/../../x climbs out", LIST({'f', "a/../../x", "1"}));
	fails_with("../../etc/shadow climbs out", LIST({'h', "x", "../../etc/shadow"}));
	fails_with("hard link to none", LIST({'h', "x", "none"}));
	fails_with("which is a directory", LIST({'d', "d", NULL}, {'h', "x", "d"}));
	fails_with("/ is not a directory", LIST({'l', "/", "etc"}));
	fails_with("/ is not a directory", LIST({'l', "./.", "etc"}));
	fails_with("is not a directory", LIST({'f', "a", "1"}, {'f', "a/b", "2"}));
	fails_with("too many links", LIST({'l', "a", "b"}, {'l', "b", "a"}, {'f', "a/x", "1"}));
	fails_with("hides nothing", LIST({'f', ".wh.", ""}));
	fails_with("hides nothing", LIST({'d', "a", NULL}, {'f', "a/.wh...", ""}));
	memset(deep, 'a', sizeof(deep));
	for (size_t k = 2; k < sizeof(deep); k += 3)
		deep[k] = '/';
	deep[sizeof(deep) - 1] = '\0';
	fails_with("a path of more than", LIST({'f', deep, "1"}));
	memset(deep, 'a', 300);
	deep[300] = '\0';
	fails_with("a name of more than", LIST({'f', deep, "1"}));
}

// A link that leads out of the tree leads to the tree's own root instead; nothing is written.
static void links_out_of_the_tree_stay_inside(void **state)
{
	(void)state;
	drop(image_drop) struct image i = {0};

	OPEN(&i, LIST({'l', "etc", "/../../tmp"}), LIST({'f', "etc/imgmin-pwned", "x"}));
	assert_string_equal(listing(&i), "/etc@ /tmp/ /tmp/imgmin-pwned");
	assert_int_equal(access("/tmp/imgmin-pwned", F_OK), -1);
}

// Each link is one of 40 at most, but the way through them all is long, and many entries go it.
static void long_ways_are_bounded(void **state)
{
	(void)state;
	enum { LINKS = 39, ENTRIES = 2000 };
	struct item *items = mem_alloc((1 + LINKS + ENTRIES) * sizeof(*items));
	drop(arena_drop) struct arena a = {0};
	const char *around = "";
	size_t n = 0;

	for (int i = 0; i < 800; i++)
		around = arena_printf(&a, "%sd/../", around);
	items[n++] = (struct item){'d', "d", NULL};
	for (int i = 0; i < LINKS; i++)
		items[n++] = (struct item){'l', arena_printf(&a, "l%d", i),
			i ? arena_printf(&a, "%sl%d", around, i - 1) : "d"};
	for (int i = 0; i < ENTRIES; i++)
		items[n++] = (struct item){'f', arena_printf(&a, "l%d/%d", LINKS - 1, i), ""};
	fails_with("a longer way than any image needs", items, n);
	{
		drop(image_drop) struct image i = {0};

		must(open_items(&i, items, n - ENTRIES + 100, items, 1));
		assert_string_equal(contents(&i, "/d/99"), "");
	}
	free(items);
}

static void damaged_tars_are_errors(void **state)
{
	(void)state;
	struct sample_layer layer = {"cut.tar", "cut.tar", OCI_LAYER};
	static const struct {
		const char *make, *part;
	} cases[] = {
		{"head -c 700 one.tar >cut.tar", "cut short in a"},
		{"head -c 300 one.tar >cut.tar", "not a sound tar"},
		{"echo 'this is no tar' >cut.tar", "not a sound tar"},
		{"rm -f s && truncate -s 1M s && printf x >>s && tar -cSf cut.tar s",
			"stored sparse"},
	};

	write_tar("one.tar",
		LIST({'f', "a",
			"12345678901234567890123456789012345678901234567890"
			"12345678901234567890123456789012345678901234567890"
			"12345678901234567890123456789012345678901234567890"
			"12345678901234567890123456789012345678901234567890"}));
	for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
		drop(image_drop) struct image i = {0};

		run("%s", cases[k].make);
		must_fail(open_tars(&i, &layer, 1, NULL), cases[k].part);
	}
}

// "path=a<NUL>b" in a PAX header.
static void a_nul_in_a_name_is_an_error(void **state)
{
	(void)state;
	drop(image_drop) struct image i = {0};
	struct sample_layer layer = {"nul.tar", "nul.tar", OCI_LAYER};

	if (!have("python3"))
		return;
	assert_int_equal(
		run("python3 -c 'import tarfile,io\n"
		    "def h(n,t,s):\n"
		    " x=tarfile.TarInfo(n); x.size=s; x.type=t; return x.tobuf(tarfile.USTAR_FORMAT)\n"
		    "p=b\"12 path=a\\0b\\n\"\n"
		    "open(\"nul.tar\",\"wb\").write(h(\"p\",b\"x\",len(p))+p.ljust(512,b\"\\0\")+"
		    "h(\"q\",b\"0\",0)+bytes(1024))'"),
		0);
	must_fail(open_tars(&i, &layer, 1, NULL), "a name holds a NUL");
}

static void limits_and_mismatches_are_errors(void **state)
{
	(void)state;
	struct sample_layer layer = {"big.tar", "big.tar.gz", OCI_LAYER "+gzip"};
	struct sample_layer wrong = {"one.tar", "big.tar.gz", OCI_LAYER "+gzip"};

	write_tar("one.tar", LIST({'f', "a", "1"}, {'f', "b/c/d/e", "1"}));
	run("truncate -s 30M big && tar -cf big.tar big && gzip -nkf big.tar");
	{
		drop(image_drop) struct image i = {0};

		must_fail(
			open_tars(&i, &layer, 1, &(struct layers_options){.plain_bytes = 20 << 20}),
			"layer sha256:");
	}
	{
		drop(image_drop) struct image i = {0};

		must_fail(open_tars(&i, &wrong, 1, NULL), "its diff_id is");
	}
	run("truncate -s 100M big && tar -cf big.tar big && gzip -nkf big.tar");
	{
		drop(image_drop) struct image i = {0};

		must(open_tars(&i, &layer, 1, NULL));
	}
	{
		drop(image_drop) struct image i = {0};

		must_fail(open_tars(&i, &layer, 1, &(struct layers_options){.ratio = 500}),
			"decompresses to more than");
	}
	{
		drop(image_drop) struct image i = {0};

		layer = (struct sample_layer){"one.tar", "one.tar", OCI_LAYER};
		must_fail(open_tars(&i, &layer, 1, &(struct layers_options){.entries = 4}),
			"more than 4 entries");
	}
	{
		drop(image_drop) struct image i = {0};
		struct manifest m = {0};
		struct image_config c = {0};

		must(open_tars(&i, &layer, 1, &(struct layers_options){.entries = 5}));
		vec_push(&i.a, &c.rootfs.diff_ids, "sha256:x");
		struct layers *none = NULL;

		must_fail(layers_open(i.t, &m, &c, NULL, &none), "0 layers, the config 1 diff_ids");
	}
}

static void empty_layers_are_fine(void **state)
{
	(void)state;
	drop(image_drop) struct image i = {0};
	struct sample_layer layers[] = {
		{"zeros.tar", "zeros.tar", OCI_LAYER}, {"none.tar", "none.tar", OCI_LAYER}};

	run("head -c 1024 /dev/zero >zeros.tar; : >none.tar");
	must(open_tars(&i, layers, 2, NULL));
	assert_string_equal(listing(&i), "");
	struct strings names = {0};

	must(root_list(i.r, "/", &i.a, &names));
	assert_int_equal(names.len, 0);
}

// Names of every length and any bytes come through, in any locale.
static void check_names(void)
{
	drop(image_drop) struct image i = {0};
	struct sample_layer layers[] = {
		{"gnu.tar", "gnu.tar", OCI_LAYER}, {"pax.tar", "pax.tar", OCI_LAYER}};

	run("L=$(printf '%%0200d' 7); mkdir -p names/$L && echo long >names/$L/$L && "
	    "echo utf >names/$(printf 'cafe\\314\\201') && echo raw >names/$(printf '\\377') && "
	    "tar --format=gnu -C names -cf gnu.tar . && tar --format=posix -C names -cf pax.tar .");
	must(open_tars(&i, layers, 2, NULL));
	char longest[512];

	snprintf(longest, sizeof(longest), "/%0200d/%0200d", 7, 7);
	assert_string_equal(contents(&i, longest), "long\n");
	assert_string_equal(contents(&i, "/cafe\314\201"), "utf\n");
	assert_string_equal(contents(&i, "/\377"), "raw\n");
}

static void names_are_bytes(void **state)
{
	(void)state;
	check_names();
	assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
	check_names();
	setlocale(LC_ALL, "C");
}

// The index of 100,000 files, its sorted list included, takes no more than 30 MB.
static void a_large_index_is_small(void **state)
{
	(void)state;
	struct sample_layer layer = {"many.tar", "many.tar", OCI_LAYER};

	if (!have("python3"))
		return;
	run("python3 -c 'import tarfile\n"
	    "t=tarfile.open(\"many.tar\",\"w\",format=tarfile.USTAR_FORMAT)\n"
	    "for i in range(100000): t.addfile(tarfile.TarInfo("
	    "\"usr/share/things/%%03d/some-file-name-%%06d.txt\"%%(i%%500,i)))\n"
	    "t.close()'");
	drop(image_drop) struct image i = {0};
	struct mallinfo2 before = mallinfo2(), after;
	size_t n;

	must(open_tars(&i, &layer, 1, NULL));
	arena_drop(&i.a); // the sample's own copies of the tar
	after = mallinfo2();
	size_t index = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;

	layers_files(i.l, &n);
	after = mallinfo2();
	size_t all = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;

	print_message("# index %zu bytes, with the sorted list %zu\n", index, all);
	assert_int_equal(n, 100000 + 500 + 3);
	assert_true(all < 35000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layers_add_up),
		cmocka_unit_test(whiteouts_hide_lower_layers_alone),
		cmocka_unit_test(kinds_replace_each_other),
		cmocka_unit_test(whiteouts_may_come_again),
		cmocka_unit_test(hard_links_share_a_file),
		cmocka_unit_test(hostile_entries_are_errors),
		cmocka_unit_test(links_out_of_the_tree_stay_inside),
		cmocka_unit_test(long_ways_are_bounded),
		cmocka_unit_test(damaged_tars_are_errors),
		cmocka_unit_test(a_nul_in_a_name_is_an_error),
		cmocka_unit_test(limits_and_mismatches_are_errors),
		cmocka_unit_test(empty_layers_are_fine),
		cmocka_unit_test(names_are_bytes),
		cmocka_unit_test(a_large_index_is_small),
	};

	return cmocka_run_group_tests(tests, make_work_dir, remove_work_dir);
}
