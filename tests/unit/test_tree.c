// The tree of an image: each path once, parents there, links followed, and a root in its own right.
#include <sys/xattr.h>

#include "fixture.h"

#include "builder/tree.h"

struct made {
	struct fixture f;
	struct tree *t;
};

static int setup(void **state)
{
	struct made *m = mem_alloc(sizeof(*m));
	struct fixture *f = &m->f;

	strcpy(f->dir, "/tmp/imgmin-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	shell(f,
		"umask 022; mkdir -p usr/lib usr/bin other; ln -s usr/lib lib; ln -s /usr/bin bin;"
		"echo one >usr/lib/one; cp usr/lib/one other/copy; echo two >other/two;"
		"chmod 4711 usr/lib/one; ln -s one usr/lib/link; ln -s loop2 loop1; ln -s loop1 loop2;"
		"mkdir -m 1777 tmp; mkfifo fifo");
	assert_null(root_open_dir(f->dir, &f->sysroot));
	m->t = tree_new(1234567);
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct made *m = *state;

	tree_drop(&m->t);
	root_drop(&m->f.sysroot);
	shell(&m->f, "rm -rf %s", m->f.dir);
	mem_drop(state);
	return 0;
}

static void ok(struct err *e)
{
	if (e)
		fail_msg("%s", err_text(e));
}

static void fails(struct err *e, enum err_kind kind, const char *part)
{
	assert_non_null(e);
	assert_int_equal(err_kind(e), kind);
	expect_contains(err_text(e), part);
	err_drop(&e);
}

static const struct tree_entry *entry(struct made *m, const char *path)
{
	const struct tree_entry *e = tree_find(m->t, path);

	if (!e)
		fail_msg("%s is not there", path);
	return e;
}

static void parents_come_by_themselves(void **state)
{
	struct made *m = *state;
	struct tree_entry *const *all;
	size_t n;

	ok(tree_add_file(m->t, "/opt/x/one", m->f.sysroot, "/usr/lib/one", 0, PART_PROGRAM, "why"));
	tree_finish(m->t);
	all = tree_entries(m->t, &n);
	assert_int_equal(n, 3);
	assert_string_equal(all[0]->entry.path, "/opt");
	assert_string_equal(all[1]->entry.path, "/opt/x");
	assert_string_equal(all[2]->entry.path, "/opt/x/one");
	assert_int_equal(all[0]->entry.mode, S_IFDIR | 0755);
	assert_int_equal(all[2]->entry.mode, S_IFREG | 04711);
	assert_int_equal(all[2]->entry.mtime, 1234567);
	assert_int_equal(all[2]->entry.size, 4);
	assert_string_equal(all[2]->reason, "why");
}

static void the_same_twice_is_once(void **state)
{
	struct made *m = *state;
	struct root *r = m->f.sysroot;

	ok(tree_add_file(m->t, "/a/one", r, "/usr/lib/one", 0, PART_PROGRAM, "first"));
	ok(tree_add_file(m->t, "/a/one", r, "/lib/link", 0, PART_DATA, "second"));
	assert_string_equal(entry(m, "/a/one")->reason, "first");
	ok(tree_add_link(m->t, "/a/l", "x", PART_DATA, "first"));
	ok(tree_add_link(m->t, "/a/l", "x", PART_DATA, "second"));
	ok(tree_add_bytes(
		m->t, "/a/b", (struct span){(const uint8_t *)"b", 1}, 0644, PART_DATA, "x"));
	ok(tree_add_bytes(
		m->t, "/a/b", (struct span){(const uint8_t *)"b", 1}, 0644, PART_DATA, "y"));
	// A copy is as good.
	ok(tree_add_file(m->t, "/a/one", r, "/other/copy", 0, PART_DATA, "a copy"));
	assert_string_equal(entry(m, "/a/one")->entry.source, "/usr/lib/one");
}

static void two_contents_are_refused(void **state)
{
	struct made *m = *state;
	struct root *r = m->f.sysroot;
	struct span bytes = {(const uint8_t *)"one\n", 4};

	ok(tree_add_file(m->t, "/a", r, "/usr/lib/one", 0, PART_DATA, "the first"));
	struct err *e = tree_add_file(m->t, "/a", r, "/other/two", 0, PART_DATA, "the second");

	assert_non_null(e);
	expect_contains(err_text(e), "the first");
	expect_contains(err_hint_text(e), "--install");
	fails(e, ERR_USAGE, "the second");
	fails(tree_add_link(m->t, "/a", "x", PART_DATA, "a link"), ERR_USAGE, "two files claim /a");
	fails(tree_add_dir(m->t, "/a", 0755, PART_DATA, "a directory"), ERR_USAGE, "/a");
	fails(tree_add_bytes(m->t, "/a", bytes, 0644, PART_DATA, "bytes"), ERR_USAGE, "/a");
	ok(tree_add_link(m->t, "/l", "x", PART_DATA, "a link"));
	fails(tree_add_link(m->t, "/l", "y", PART_DATA, "other"), ERR_USAGE, "two files claim /l");
}

static void nothing_lies_below_a_file(void **state)
{
	struct made *m = *state;
	struct root *r = m->f.sysroot;

	ok(tree_add_file(m->t, "/a", r, "/usr/lib/one", 0, PART_DATA, "a file"));
	fails(tree_add_link(m->t, "/a/b/c", "x", PART_DATA, "a link"), ERR_USAGE,
		"lies below /a, which is no directory (a file)");
	ok(tree_add_link(m->t, "/d/x", "y", PART_DATA, "why"));
	fails(tree_add_file(m->t, "/d", r, "/usr/lib/one", 0, PART_DATA, "late"), ERR_USAGE, "/d");
}

static void a_directory_is_as_stable_as_what_is_in_it(void **state)
{
	struct made *m = *state;
	struct root *r = m->f.sysroot;

	ok(tree_add_file(m->t, "/x/y/one", r, "/usr/lib/one", 0, PART_PROGRAM, "program"));
	assert_int_equal(entry(m, "/x")->part, PART_PROGRAM);
	ok(tree_add_link(m->t, "/x/l", "t", PART_LIBC, "libc"));
	assert_int_equal(entry(m, "/x")->part, PART_LIBC);
	assert_int_equal(entry(m, "/x/y")->part, PART_PROGRAM);
	// The same file again, more stable: its directories come along.
	ok(tree_add_file(m->t, "/x/y/one", r, "/usr/lib/one", 0, PART_LIBRARIES, "library"));
	assert_int_equal(entry(m, "/x/y/one")->part, PART_LIBRARIES);
	assert_int_equal(entry(m, "/x/y")->part, PART_LIBRARIES);
	assert_int_equal(entry(m, "/x")->part, PART_LIBC);
}

static void a_named_directory_has_its_own_mode(void **state)
{
	struct made *m = *state;

	ok(tree_add_link(m->t, "/tmp/x", "y", PART_DATA, "link"));
	assert_int_equal(entry(m, "/tmp")->entry.mode, S_IFDIR | 0755);
	ok(tree_add_walk(
		m->t, m->f.sysroot, root_walk(m->f.sysroot, "/tmp"), PART_DATA, "--include"));
	assert_int_equal(entry(m, "/tmp")->entry.mode, S_IFDIR | 01777);
	assert_string_equal(entry(m, "/tmp")->reason, "--include");
	ok(tree_add_link(m->t, "/tmp/z", "y", PART_DATA, "link"));
	assert_int_equal(entry(m, "/tmp")->entry.mode, S_IFDIR | 01777);
}

static void walks_bring_their_links(void **state)
{
	struct made *m = *state;
	struct root *r = m->f.sysroot;

	ok(tree_add_walk(m->t, r, root_walk(r, "/lib/link"), PART_LIBRARIES, "why"));
	assert_string_equal(entry(m, "/lib")->entry.target, "usr/lib");
	assert_string_equal(entry(m, "/usr/lib/link")->entry.target, "one");
	assert_int_equal(entry(m, "/usr/lib/one")->entry.size, 4);
	ok(tree_add_walk(m->t, r, root_walk_parent(r, "/bin"), PART_DATA, "why"));
	assert_string_equal(entry(m, "/bin")->entry.target, "/usr/bin");
	ok(tree_add_walk(m->t, r, root_walk(r, "/fifo"), PART_DATA, "why"));
	assert_null(tree_find(m->t, "/fifo"));
}

static void missing_sources_are_named(void **state)
{
	struct made *m = *state;

	fails(tree_add_file(m->t, "/x", m->f.sysroot, "/nothing", 0, PART_DATA, "why"), ERR_FAILED,
		m->f.dir);
}

static void expect_place(struct made *m, struct root *like, const char *path, const char *want)
{
	const char *got;

	ok(tree_place(m->t, like, path, PART_DATA, &got));
	assert_string_equal(got, want);
}

static void places_follow_links(void **state)
{
	struct made *m = *state;
	struct root *r = m->f.sysroot;
	const char *got;

	expect_place(m, r, "/lib/x", "/usr/lib/x");
	assert_string_equal(entry(m, "/lib")->entry.target, "usr/lib");
	expect_place(m, r, "/bin/../bin//x", "/usr/bin/x");
	expect_place(m, r, "/../lib/./y/z", "/usr/lib/y/z");
	expect_place(m, NULL, "/bin/x", "/usr/bin/x"); // the tree has the link now
	expect_place(m, r, "/new/place", "/new/place");
	expect_place(m, r, "/", "/");
	expect_place(m, r, "/lib", "/lib");
	expect_place(m, r, "/lib/", "/usr/lib");
	expect_place(m, r, "/new/", "/new");
	fails(tree_place(m->t, r, "/loop1/x", PART_DATA, &got), ERR_FAILED, "symbolic links");
	ok(tree_add_link(m->t, "/own", "../../new", PART_DATA, "why"));
	expect_place(m, NULL, "/own/x", "/new/x");
	expect_place(m, NULL, "/own/", "/new");
}

static void only_attributes_that_travel_are_kept(void **state)
{
	struct made *m = *state;
	drop(mem_drop) char *path = str_printf("%s/other/two", m->f.dir);

	if (setxattr(path, "user.note", "hi", 2, 0) < 0)
		skip();
	ok(tree_add_file(m->t, "/two", m->f.sysroot, "/other/two", 0, PART_DATA, "why"));
	const struct entry *e = &entry(m, "/two")->entry;

	assert_int_equal(e->xattrs.len, 1);
	assert_string_equal(e->xattrs.at[0].name, "user.note");
	assert_memory_equal(e->xattrs.at[0].value.ptr, "hi", 2);
}

static void the_tree_is_a_root(void **state)
{
	struct made *m = *state;
	drop(arena_drop) struct arena a = {0};
	struct strings names = {0};
	struct file *f;
	struct span text;
	char buf[8];
	size_t got;

	ok(tree_add_walk(
		m->t, m->f.sysroot, root_walk(m->f.sysroot, "/lib/one"), PART_DATA, "why"));
	ok(tree_add_bytes(m->t, "/usr/lib/bytes", (struct span){(const uint8_t *)"\0b", 2}, 0600,
		PART_DATA, "why"));
	tree_finish(m->t);
	drop(root_drop) struct root *r = tree_root(m->t);

	assert_string_equal(root_walk(r, "/lib/one")->path, "/usr/lib/one");
	ok(root_read(r, "/lib/one", 100, &a, &text));
	assert_memory_equal(text.ptr, "one\n", 4);
	ok(root_open_file(r, "/usr/lib/bytes", &f));
	ok(file_pread(f, buf, sizeof(buf), 1, &got));
	assert_int_equal(got, 1);
	assert_int_equal(buf[0], 'b');
	file_drop(&f);
	ok(root_list(r, "/usr/lib", &a, &names));
	assert_int_equal(names.len, 2);
	assert_string_equal(names.at[0], "bytes");
	names.len = 0;
	ok(root_list(r, "/", &a, &names));
	assert_int_equal(names.len, 2);
	fails(root_open_file(r, "/usr", &f), ERR_FAILED, "no regular file");
	fails(root_open_file(r, "/nothing", &f), ERR_FAILED, "no regular file");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(parents_come_by_themselves),
		TEST(the_same_twice_is_once),
		TEST(two_contents_are_refused),
		TEST(nothing_lies_below_a_file),
		TEST(a_directory_is_as_stable_as_what_is_in_it),
		TEST(a_named_directory_has_its_own_mode),
		TEST(walks_bring_their_links),
		TEST(missing_sources_are_named),
		TEST(places_follow_links),
		TEST(only_attributes_that_travel_are_kept),
		TEST(the_tree_is_a_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
