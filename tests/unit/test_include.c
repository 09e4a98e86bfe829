// --include and --exclude patterns on a sysroot, and --add of what lies on this machine.
#include "fixture.h"

#include "builder/assemble.h"

static struct fixture f = {.dir = "/tmp/imgmin-test-XXXXXX"};

static int setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(f.dir));
	shell(&f,
		"mkdir -p usr/lib/a/b/c usr/bin usr/share/doc/x etc/.hid opt; ln -s usr/lib lib;"
		"ln -s /usr/bin bin; touch usr/lib/one.so usr/lib/two.so.1 usr/lib/a/b/c/deep.so"
		" usr/bin/tool usr/share/doc/x/README usr/share/doc/x/.dot etc/.hid/f etc/conf"
		" 'etc/odd*name'; ln -s two.so.1 usr/lib/two.so; ln -s loop opt/loop;"
		"ln -s .. opt/up; mkfifo opt/fifo; umask 022; echo x >opt/run; chmod 750 opt/run;"
		"echo y >opt/plain; chmod 600 opt/plain; mkdir -p set/sub; echo z >set/sub/z;"
		"ln -s sub/z set/link; ln -s /nowhere set/dangling; ln -s set set-link;"
		"mkdir fifos; mkfifo fifos/f");
	assert_null(root_open_dir("/", &f.host));
	assert_null(root_open_dir(f.dir, &f.sysroot));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	root_drop(&f.host);
	root_drop(&f.sysroot);
	shell(&f, "rm -rf %s", f.dir);
	return 0;
}

// What the pattern takes, blank between the paths, must be `want`.
static void takes(const char *pattern, const char *exclude, const char *want)
{
	drop(arena_drop) struct arena a = {0};
	struct strings paths = {0}, excludes = {0};
	const char *got = "";

	if (exclude)
		vec_push(&a, &excludes, exclude);
	struct err *e = include_files(f.sysroot, false, pattern, &excludes, &a, &paths);

	if (e && want)
		fail_msg("%s", err_text(e));
	if (e) {
		assert_int_equal(err_kind(e), ERR_FAILED);
		expect_contains(err_text(e), pattern);
		expect_contains(err_hint_text(e), f.dir);
		err_drop(&e);
		return;
	}
	assert_non_null(want);
	for (size_t i = 0; i < paths.len; i++)
		got = arena_printf(&a, "%s%s%s", got, i ? " " : "", paths.at[i]);
	assert_string_equal(got, want);
}

static void globs(void **state)
{
	(void)state;
	takes("/etc/conf", NULL, "/etc/conf");
	takes("/etc/../etc//conf", NULL, "/etc/conf");
	takes("/usr/lib/*.so", NULL, "/usr/lib/one.so /usr/lib/two.so");
	takes("/usr/lib/*.so*", "/usr/lib/one.so", "/usr/lib/two.so /usr/lib/two.so.1");
	takes("/usr/lib/[!t]*.so", NULL, "/usr/lib/one.so");
	takes("/usr/*/tool", NULL, "/usr/bin/tool");
	takes("/etc/odd\\*name", NULL, "/etc/odd*name");
	takes("/usr/share/doc", NULL,
		"/usr/share/doc /usr/share/doc/x /usr/share/doc/x/.dot /usr/share/doc/x/README");
	takes("/usr/share/doc/x/", "/usr/share/doc/x/.*",
		"/usr/share/doc/x /usr/share/doc/x/README");
	takes("/etc/*", NULL, "/etc/conf /etc/odd*name"); // a dot is named
	takes("/usr/*.so", NULL, NULL);
	takes("/nothing", NULL, NULL);
	takes("/etc/conf/x", NULL, NULL);
	takes("/opt/loop/x", NULL, NULL);
}

static void any_depth(void **state)
{
	(void)state;
	takes("/usr/lib/**/*.so", NULL, "/usr/lib/one.so /usr/lib/two.so /usr/lib/a/b/c/deep.so");
	takes("/**/deep.so", NULL, "/usr/lib/a/b/c/deep.so");
	takes("/usr/**/c/**/deep.so", NULL, "/usr/lib/a/b/c/deep.so");
	takes("/usr/lib/a/**", NULL,
		"/usr/lib/a /usr/lib/a/b /usr/lib/a/b/c /usr/lib/a/b/c/deep.so");
	takes("/usr/lib/**/**/**/**/**/**/**/**/deep.so", NULL, "/usr/lib/a/b/c/deep.so");
	takes("/usr/lib", "/**/*.so*", "/usr/lib /usr/lib/a /usr/lib/a/b /usr/lib/a/b/c");
	takes("/usr/lib/a", "/usr/**/b", "/usr/lib/a");
	takes("/usr/lib/a", "/usr/lib/a", NULL);
}

static void links(void **state)
{
	(void)state;
	takes("/bin/*", NULL, "/bin/tool");
	takes("/bin", NULL, "/bin /bin/tool");
	takes("/bin", "/usr/bin/tool", "/bin");
	takes("/l*/one.so", NULL, "/lib/one.so");
	takes("/opt/up", "/opt/up/*", "/opt/up");
	takes("/opt/loop", NULL, "/opt/loop");
	takes("/opt/fifo", NULL, "/opt/fifo");
}

static void excluded(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *path;
		bool is;
	} cases[] = {
		{"/a/b", "/a/b", true},
		{"/a/b", "/a/b/c", true},
		{"/a/b", "/a/bc", false},
		{"/a/b/c", "/a/b", false},
		{"/a/*", "/a/b/c", true},
		{"/a/*", "/a", false},
		{"/a/*/c", "/a/c", false},
		{"/a/**", "/a", true},
		{"/**", "/anything/at/all", true},
		{"/**/x", "/x", true},
		{"/**/x", "/a/b/x/y", true},
		{"/a/**/x/**/y", "/a/x/b/x/c/y", true},
		{"/a/**/x/y", "/a/x/x/x/y", true},
		{"/a/**/x/y", "/a/x/x/x/z", false},
		{"/a/x**y", "/a/x/y", false},
		{"/a/x**y", "/a/x1y", true},
		{"/a/?", "/a/", false},
		{"/*", "/.hidden", false},
		{"/**/a/**/a/**/a/**/a/**/a/**/b",
			"/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a",
			false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *pattern = cases[i].pattern;

		if (is_excluded(cases[i].path, &(struct strings){&pattern, 1, 1}) != cases[i].is)
			fail_msg("%s, %s", pattern, cases[i].path);
	}
}

// ---- --add ----

static struct err *add(struct tree *t, const char *source, const char *path, mode_t mode)
{
	drop(mem_drop) char *full = str_printf("%s/%s", f.dir, source);
	struct added_file file = {full, path, mode};

	return add_files(t, f.host, f.sysroot, &file, tree_arena(t));
}

static void expect_added(struct tree *t, const char *path, mode_t mode)
{
	const struct tree_entry *e = tree_find(t, path);

	if (!e)
		fail_msg("%s is not there", path);
	assert_int_equal(e->entry.mode, mode);
	assert_int_equal(e->part, PART_DATA);
}

static void added_files(void **state)
{
	(void)state;
	drop(tree_drop) struct tree *t = tree_new(0);

	assert_null(add(t, "opt/run", "/srv/run", 0));
	expect_added(t, "/srv/run", S_IFREG | 0755);
	assert_null(add(t, "opt/plain", "/srv/", 0));
	expect_added(t, "/srv/plain", S_IFREG | 0644);
	assert_null(add(t, "opt/plain", "/srv/key", 0400));
	expect_added(t, "/srv/key", S_IFREG | 0400);
	assert_null(add(t, "set/link", "/srv/z", 0)); // a link named outright is what it points at
	expect_added(t, "/srv/z", S_IFREG | 0644);
	// Through the sysroot's links.
	assert_null(add(t, "opt/plain", "/lib/x", 0));
	expect_added(t, "/usr/lib/x", S_IFREG | 0644);
	assert_string_equal(tree_find(t, "/lib")->entry.target, "usr/lib");
}

static void added_directories(void **state)
{
	(void)state;
	drop(tree_drop) struct tree *t = tree_new(0);

	assert_null(add(t, "set-link", "/srv/set", 0600));
	expect_added(t, "/srv/set", S_IFDIR | 0755);
	expect_added(t, "/srv/set/sub/z", S_IFREG | 0600);
	assert_string_equal(tree_find(t, "/srv/set/link")->entry.target, "sub/z");
	assert_string_equal(tree_find(t, "/srv/set/dangling")->entry.target, "/nowhere");
	assert_null(add(t, "set", "/", 0));
	expect_added(t, "/sub/z", S_IFREG | 0644);
	// What is a directory here and a link there lies where the link leads.
	shell(&f, "mkdir -p over/lib/a over/bin; echo 1 >over/lib/a/new; echo 2 >over/bin/new");
	assert_null(add(t, "over", "/", 0));
	expect_added(t, "/usr/lib/a/new", S_IFREG | 0644);
	expect_added(t, "/usr/bin/new", S_IFREG | 0644);
	assert_string_equal(tree_find(t, "/bin")->entry.target, "/usr/bin");
}

static void what_cannot_be_added(void **state)
{
	(void)state;
	drop(tree_drop) struct tree *t = tree_new(0);
	static const char *const cases[][2] = {{"nothing", "No such file"},
		{"set/dangling", "No such file"}, {"fifos", "neither a file"},
		{"opt/loop", "symbolic links"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err *e = add(t, cases[i][0], "/x", 0);

		assert_non_null(e);
		assert_int_equal(err_kind(e), ERR_FAILED);
		expect_contains(err_text(e), cases[i][1]);
		expect_contains(err_text(e), cases[i][0]);
		err_drop(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs),
		cmocka_unit_test(any_depth),
		cmocka_unit_test(links),
		cmocka_unit_test(excluded),
		cmocka_unit_test(added_files),
		cmocka_unit_test(added_directories),
		cmocka_unit_test(what_cannot_be_added),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
