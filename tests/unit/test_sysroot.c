// Which tree a program's libraries come from, and how a program is called in it.
#include <limits.h>

#include "fixture.h"

#include "builder/place.h"
#include "builder/sysroot.h"

static struct fixture f = {.dir = "/tmp/imgmin-test-XXXXXX"};
static struct arena a;
static char old[PATH_MAX];

static int setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(f.dir));
	assert_non_null(getcwd(old, sizeof(old)));
	shell(&f,
		"mkdir -p s/usr/bin s/usr/lib t/bin out; ln -s s link; ln -s /usr/bin s/bin;"
		"echo 'int main(void) { return 0; }' >p.c; gcc -static -o s/usr/bin/p p.c;"
		"cp s/usr/bin/p t/bin/p; cp s/usr/bin/p out/p; ln -s p s/usr/bin/other;"
		"ln -s ../s/usr/bin/p out/in; echo text >out/text; : >out/empty");
	assert_int_equal(chdir(f.dir), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(chdir(old), 0);
	shell(&f, "rm -rf %s", f.dir);
	arena_drop(&a);
	return 0;
}

static struct sysroots *given(const char *first, const char *second)
{
	struct strings trees = {0};
	struct sysroots *s;

	if (first)
		vec_push(&a, &trees, first);
	if (second)
		vec_push(&a, &trees, second);
	assert_null(sysroots_open(&(struct sysroots_options){.given = &trees}, &s));
	return s;
}

static void expect_program(const char *sysroot, const char *path, bool is_inside, const char *want)
{
	drop(sysroots_drop) struct sysroots *s = given(sysroot, NULL);
	struct program p;
	struct err *e = program_open(s, path, NULL, &a, &p);

	if (e)
		fail_msg("%s", err_text(e));
	assert_string_equal(p.path, want);
	assert_int_equal(p.root != sysroots_host(s), is_inside);
	if (sysroot)
		assert_string_equal(p.sysroot->place, arena_printf(&a, "%s/s", f.dir));
}

static void programs_inside(void **state)
{
	(void)state;
	static const char *const sysroots[] = {"s", "s/", "link", "link/", "./s/../link/."};

	for (size_t i = 0; i < sizeof(sysroots) / sizeof(*sysroots); i++) {
		expect_program(sysroots[i], "s/usr/bin/p", true, "/usr/bin/p");
		expect_program(sysroots[i], "link/usr/bin/p", true, "/usr/bin/p");
		expect_program(sysroots[i], "./s//usr/./bin/p", true, "/usr/bin/p");
		expect_program(sysroots[i], "s/../s/usr/lib/../bin/p", true, "/usr/bin/p");
		expect_program(sysroots[i], "link/usr/bin/other", true, "/usr/bin/other");
		// An absolute link of the tree leads inside it.
		expect_program(sysroots[i], "link/bin/p", true, "/bin/p");
	}
}

static void programs_outside(void **state)
{
	(void)state;
	expect_program("s", "out/p", false, arena_printf(&a, "%s/out/p", f.dir));
	expect_program("s", "out/in", false, arena_printf(&a, "%s/out/in", f.dir));
	expect_program(NULL, "./out/../out/p", false, arena_printf(&a, "%s/out/p", f.dir));
}

static void one_tree_a_platform(void **state)
{
	(void)state;
	char host[PLATFORM_TEXT];
	struct platform platform = platform_host();
	drop(sysroots_drop) struct sysroots *s =
		given(arena_printf(&a, "%s=t", platform_text(&platform, host)), "linux/s390x=s");
	struct program p;

	assert_null(program_open(s, "out/p", NULL, &a, &p));
	assert_string_equal(path_base(p.sysroot->place), "t");
	// It lies in another platform's tree, and is this machine's file all the same.
	assert_null(program_open(s, "s/usr/bin/p", NULL, &a, &p));
	assert_string_equal(path_base(p.sysroot->place), "t");
	assert_ptr_equal(p.root, sysroots_host(s));
}

static void wrong(const char *tree, enum err_kind kind)
{
	struct strings trees = {0};
	struct sysroots *s;

	vec_push(&a, &trees, tree);
	struct places places = {0};
	struct err *e =
		sysroots_open(&(struct sysroots_options){.given = &trees, .places = &places}, &s);

	assert_non_null(e);
	assert_null(s);
	assert_int_equal(err_kind(e), kind);
	expect_contains(err_text(e), "--sysroot");
	err_drop(&e);
}

static void wrong_trees(void **state)
{
	(void)state;
	wrong("nothing", ERR_FAILED);
	wrong("linux/bogus=s", ERR_USAGE);
	wrong("docker://Sysroot:tag", ERR_USAGE);
	wrong("linux/arm64=docker-archive:", ERR_USAGE);
}

static void wrong_program(const char *path, enum err_kind kind)
{
	drop(sysroots_drop) struct sysroots *s = given(NULL, NULL);
	struct program p;
	struct err *e = program_open(s, path, NULL, &a, &p);

	assert_non_null(e);
	assert_int_equal(err_kind(e), kind);
	expect_contains(err_text(e), path);
	assert_non_null(err_hint_text(e));
	err_drop(&e);
}

static void wrong_programs(void **state)
{
	(void)state;
	wrong_program("nothing", ERR_FAILED);
	wrong_program("out/text", ERR_NO_START);
	wrong_program("out/empty", ERR_NO_START);
	wrong_program("out", ERR_NO_START);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_inside),
		cmocka_unit_test(programs_outside),
		cmocka_unit_test(one_tree_a_platform),
		cmocka_unit_test(wrong_trees),
		cmocka_unit_test(wrong_programs),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
