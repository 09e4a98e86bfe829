#include "fixture.h"

#include <elf.h>

#include "ldd/verify.h"

// A liba with the given versions, one function each: "V1 V2" → f_V1@@V1, f_V2@@V2.
static void make_liba(struct fixture *f, const char *versions)
{
	shell(f,
		"{ for v in %s; do echo \"$v { global: f_$v; local: *; };\"; done; } >map;"
		"{ for v in %s; do echo \"int f_$v(void) { return 0; }\"; done; } >a.c;"
		"gcc -shared -fPIC -Wl,-soname,liba.so.1 -Wl,--version-script=map -o liba.so.1 a.c",
		versions, versions);
}

static void make_program(struct fixture *f, const char *source, const char *flags)
{
	shell(f, "echo '%s' >p.c; gcc -w -o p p.c %s -Wl,-rpath,'$ORIGIN' liba.so.1", source,
		flags);
}

static struct closure versions_of(struct fixture *f, const char *program)
{
	struct closure c = resolve(f, program);

	assert_null(verify_versions(f->r, &c));
	return c;
}

static void wanted_versions_are_there(void **state)
{
	struct fixture *f = *state;
	struct closure c;

	make_liba(f, "V1 V2");
	make_program(f, "int main(void) { return f_V1() + f_V2(); }", "");
	shell(f, "./p");
	fixture_open(f, "/");
	c = versions_of(f, "p");
	assert_null(problem_of(&c, PROBLEM_VERSION));
	expect_none(&c);
}

static void a_missing_version_is_named_with_those_around(void **state)
{
	struct fixture *f = *state;
	const struct problem *p;
	struct closure c;

	make_liba(f, "V1 V2 V3 V4");
	make_program(f, "int main(void) { return f_V1() + f_V4(); }", "");
	make_liba(f, "V1 V2 V3");
	shell(f, "! ./p 2>err; grep -q \"version .V4' not found\" err");
	fixture_open(f, "/");
	c = versions_of(f, "p");
	assert_int_equal(c.problems.len, 1);
	p = problem_of(&c, PROBLEM_VERSION);
	assert_non_null(p);
	assert_false(p->is_warning);
	assert_string_equal(p->name, "liba.so.1");
	expect_contains(p->text, "liba.so.1 has no version V4, which /tmp/");
	expect_contains(p->text, "it has V1 … V3");
	assert_non_null(p->hint);
	assert_true(closure_is_broken(&c));
}

// dl-version.c: such a library was there before it got versions, and passes.
static void a_provider_without_versions_passes(void **state)
{
	struct fixture *f = *state;
	struct closure c;

	make_liba(f, "V1");
	make_program(f, "int main(void) { return f_V1(); }", "");
	shell(f,
		"echo 'int puts(const char *s); int g(void) { return puts(\"\"); }' >>a.c;"
		"gcc -shared -fPIC -Wl,-soname,liba.so.1 -o liba.so.1 a.c; ./p 2>/dev/null");
	fixture_open(f, "/");
	c = versions_of(f, "p");
	assert_null(verify_symbols(f->r, &c));
	expect_none(&c);
}

// dl-lookup.c, check_match: an assertion fails where there is no version table at all.
static void a_provider_without_a_version_table_does_not(void **state)
{
	struct fixture *f = *state;
	struct closure c;

	make_liba(f, "V1");
	make_program(f, "int main(void) { return f_V1(); }", "-Wl,-z,now");
	shell(f,
		"gcc -nostdlib -shared -fPIC -Wl,-soname,liba.so.1 -o liba.so.1 a.c;"
		"! ./p 2>err; grep -q check_match err");
	fixture_open(f, "/");
	c = versions_of(f, "p");
	expect_none(&c);
	assert_null(verify_symbols(f->r, &c));
	assert_true(closure_is_broken(&c));
}

static void a_missing_library_is_said_once(void **state)
{
	struct fixture *f = *state;
	struct closure c;

	make_liba(f, "V1");
	make_program(f, "int main(void) { return f_V1(); }", "");
	shell(f, "rm liba.so.1");
	fixture_open(f, "/");
	c = versions_of(f, "p");
	assert_null(verify_symbols(f->r, &c));
	assert_int_equal(c.problems.len, 1);
	assert_int_equal(c.problems.at[0].kind, PROBLEM_MISSING);
}

static void a_weak_need_only_warns(void **state)
{
	struct fixture *f = *state;
	struct closure c;

	make_liba(f, "V1 V2");
	make_program(f, "int main(void) { return f_V2(); }", "");
	make_liba(f, "V1");
	fixture_open(f, "/");
	c = resolve(f, "p");
	vec_each (need, &elf_of(c.objects.at[0])->needs)
		need->weak = true;
	assert_null(verify_versions(f->r, &c));
	assert_int_equal(c.problems.len, 1);
	assert_true(c.problems.at[0].is_warning);
	assert_false(closure_is_broken(&c));
}

static void each_program_is_told_about_a_shared_library(void **state)
{
	struct fixture *f = *state;

	make_liba(f, "V1 V2");
	make_program(f, "int main(void) { return f_V2(); }", "");
	shell(f,
		"cp p q; echo 'int g(void) { return f_V2(); }' >g.c;"
		"gcc -w -shared -fPIC -o libg.so g.c liba.so.1;"
		"gcc -w -o r p.c liba.so.1 libg.so -Wl,--no-as-needed -Wl,-rpath,'$ORIGIN'");
	make_liba(f, "V1");
	fixture_open(f, "/");
	for (int i = 0; i < 2; i++) {
		struct closure p = versions_of(f, i ? "q" : "p");

		assert_int_equal(p.problems.len, 1);
		expect_contains(p.problems.at[0].text, i ? "/q" : "/p");
	}
}

static void an_old_glibc_gets_a_hint(void **state)
{
	struct fixture *f = *state;
	struct closure c;

	shell(f, "echo 'int main(void) { return 0; }' >p.c; gcc -o p p.c");
	fixture_open(f, "/");
	c = resolve(f, "p");
	struct elf *libc = elf_of(object_called(&c, "libc.so.6"));
	static const char *defines[] = {"GLIBC_2.2.5", "GLIBC_2.31", "GLIBC_2.4", "GLIBC_PRIVATE"};

	libc->defines = (struct strings){defines, 4, 4};
	assert_null(verify_versions(f->r, &c));
	expect_contains(c.problems.at[0].text, "GLIBC_2.34");
	expect_contains(c.problems.at[0].text, "GLIBC_2.2.5 … GLIBC_2.31");
	expect_contains(c.problems.at[0].hint, "the sysroot's glibc is 2.31");
	expect_contains(c.problems.at[0].hint, "2.34 or newer");
	assert_string_equal(verify_glibc_floor(f->r, &c), "2.34");
}

static void relr_needs_a_libc_that_knows_it(void **state)
{
	struct fixture *f = *state;
	struct closure c;

	shell(f,
		"echo 'int x; int *y = &x; int main(void) { return *y; }' >p.c;"
		"gcc -Wl,-z,pack-relative-relocs -o p p.c; ./p");
	fixture_open(f, "/");
	c = versions_of(f, "p");
	expect_none(&c);
	assert_true(elf_of(c.objects.at[0])->has_relr);
	assert_string_equal(verify_glibc_floor(f->r, &c), "2.36");

	shell(f, "cp p q; echo >>q");
	c = resolve(f, "q");
	vec_each (need, &elf_of(c.objects.at[0])->needs)
		if (!strcmp(need->version, "GLIBC_ABI_DT_RELR"))
			need->version = "GLIBC_2.2.5";
	assert_null(verify_versions(f->r, &c));
	assert_int_equal(c.problems.len, 1);
	expect_contains(c.problems.at[0].text, "GLIBC_ABI_DT_RELR");
	assert_true(closure_is_broken(&c));
}

// A program that wants `gone` of a liba which has it no more.
static struct closure with_gone(struct fixture *f, const char *source, const char *flags)
{
	struct closure c;

	shell(f,
		"echo 'int gone; int here; int go(void) { return 0; }' >a.c;"
		"gcc -shared -fPIC -Wl,-soname,liba.so.1 -o liba.so.1 a.c");
	make_program(f, source, flags);
	shell(f, "echo 'int here;' >a.c; gcc -shared -fPIC -Wl,-soname,liba.so.1 -o liba.so.1 a.c");
	fixture_open(f, "/");
	c = resolve(f, "p");
	assert_null(verify_symbols(f->r, &c));
	return c;
}

static void a_lazy_call_warns(void **state)
{
	struct fixture *f = *state;
	struct closure c =
		with_gone(f, "int main(int n) { return n > 1 ? go() : 0; }", "-Wl,-z,lazy");

	shell(f, "./p; ! ./p 1 2>/dev/null");
	assert_int_equal(c.problems.len, 1);
	assert_int_equal(c.problems.at[0].kind, PROBLEM_SYMBOL);
	assert_string_equal(c.problems.at[0].name, "go");
	assert_true(c.problems.at[0].is_warning);
}

static void with_bind_now_it_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct closure c =
		with_gone(f, "int main(int n) { return n > 1 ? go() : 0; }", "-Wl,-z,now");

	shell(f, "! ./p 2>/dev/null");
	assert_int_equal(c.problems.len, 1);
	assert_false(c.problems.at[0].is_warning);
}

static void data_is_wanted_at_start(void **state)
{
	struct fixture *f = *state;
	struct closure c =
		with_gone(f, "extern int gone; int main(int n) { return n > 1 ? gone : 0; }",
			"-fPIC -Wl,-z,lazy");

	shell(f, "! ./p 2>/dev/null");
	assert_int_equal(c.problems.len, 1);
	assert_false(c.problems.at[0].is_warning);
	assert_string_equal(c.problems.at[0].name, "gone");
}

static void a_weak_symbol_may_be_missing(void **state)
{
	struct fixture *f = *state;
	struct closure c = with_gone(f,
		"extern int here; __attribute__((weak)) int go(); int main() { return go ? 1 : here; }",
		"-fPIC -Wl,-z,now");

	shell(f, "./p");
	expect_none(&c);
}

static void a_lone_library_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct closure c;

	shell(f,
		"echo 'int f(void) { return of_the_program(); }' >a.c;"
		"gcc -w -shared -fPIC -Wl,-z,now -o liba.so.1 a.c");
	fixture_open(f, "/");
	c = resolve(f, "liba.so.1");
	assert_null(verify_symbols(f->r, &c));
	expect_none(&c);
}

static void versions_of_symbols_count(void **state)
{
	struct fixture *f = *state;
	struct closure c;

	// First f@@V1 alone; then f@V1 beside f@@V2; then V1 without an f.
	shell(f,
		"echo 'V1 { global: f; local: *; };' >map1; echo 'V1 { global: g; local: *; }; V2 { global: f; };' >map2;"
		"echo 'V1 { global: f; g; local: *; }; V2 { global: f; };' >map3;"
		"echo 'int g; int f() { return 0; }' >a.c;"
		"gcc -shared -fPIC -Wl,-soname,liba.so.1 -Wl,--version-script=map1 -o liba.so.1 a.c");
	make_program(f, "int main() { return f(); }", "-Wl,-z,now");
	shell(f,
		"cp liba.so.1 old; mkdir both only2;"
		"echo '__asm__(\".symver f1,f@V1\"); __asm__(\".symver f2,f@@V2\");"
		"int g; int f1() { return 0; } int f2() { return 1; }' >b.c;"
		"gcc -shared -fPIC -Wl,-soname,liba.so.1 -Wl,--version-script=map3 "
		"-o both/liba.so.1 b.c;"
		"gcc -shared -fPIC -Wl,-soname,liba.so.1 -Wl,--version-script=map2 "
		"-o only2/liba.so.1 a.c;"
		"cp p both/p; cp p only2/p; both/p; ! only2/p 2>/dev/null");
	fixture_open(f, "/");
	c = resolve(f, "both/p");
	assert_null(verify_symbols(f->r, &c));
	expect_none(&c);
	c = resolve(f, "only2/p");
	assert_null(verify_versions(f->r, &c));
	expect_none(&c); // the version is defined, only the symbol has gone
	assert_null(verify_symbols(f->r, &c));
	assert_int_equal(c.problems.len, 1);
	expect_contains(c.problems.at[0].text, "f@V1");
}

// What was found in one program's scope may be missing in another's.
static void a_library_is_fine_only_beside_its_provider(void **state)
{
	struct fixture *f = *state;
	struct closure c;

	shell(f,
		"echo 'int f(void) { return g(); }' >a.c; echo 'int g(void) { return 0; }' >g.c;"
		"gcc -w -shared -fPIC -Wl,-z,now -o liba.so a.c; gcc -shared -fPIC -o libg.so g.c;"
		"echo 'int main() { return f(); }' >p.c;"
		"L=\"-Wl,-rpath,\\$ORIGIN -Wl,--no-as-needed -Wl,--allow-shlib-undefined\";"
		"gcc -w -o p p.c $L liba.so libg.so; gcc -w -o q p.c $L liba.so; ./p;"
		"! ./q 2>/dev/null");
	fixture_open(f, "/");
	for (int i = 0; i < 2; i++) {
		c = resolve(f, "p");
		assert_null(verify_symbols(f->r, &c));
		expect_none(&c);
		c = resolve(f, "q");
		assert_null(verify_symbols(f->r, &c));
		assert_int_equal(c.problems.len, 1);
		assert_string_equal(c.problems.at[0].name, "g");
		assert_false(c.problems.at[0].is_warning);
	}
}

static void this_machines_programs_are_fine(void **state)
{
	static const char *const programs[] = {"/usr/bin/ls", "/usr/bin/bash", "/usr/bin/gcc",
		"/usr/bin/perl", "/usr/bin/python3", "/usr/bin/git", "/usr/bin/gdb",
		"/usr/bin/podman", "/usr/bin/cmake", "/usr/sbin/sshd", "/usr/bin/openssl",
		"/usr/bin/skopeo"};
	struct fixture *f = *state;
	const struct object *by;

	fixture_open(f, "/");
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		struct platform host = platform_host(), p;
		struct closure c;

		if (access(programs[i], X_OK) != 0)
			continue;
		c = resolve(f, programs[i]);
		assert_null(verify_versions(f->r, &c));
		assert_null(verify_symbols(f->r, &c));
		assert_null(verify_platform(f->r, &c, &host, &p));
		expect_none(&c);
		assert_true(platform_equal(&p, &host));
		assert_null(verify_imports(f->r, &c, "no_such_symbol_anywhere", &by));
		assert_null(by);
		assert_null(verify_imports(f->r, &c, "__libc_start_main", &by));
		assert_non_null(by);
	}
}

static void musl_programs_are_fine(void **state)
{
	struct fixture *f = *state;
	struct closure c;

	if (access("/usr/bin/musl-gcc", X_OK) != 0)
		skip();
	shell(f,
		"echo '#include <stdio.h>\nint main() { return gone(puts(\"\")); }' >p.c;"
		"echo 'int gone(int i) { return i < 0; }' >a.c;"
		"musl-gcc -shared -fPIC -o liba.so a.c; musl-gcc -w -o p p.c liba.so -Wl,-rpath,%s",
		f->dir);
	fixture_open(f, "/");
	c = resolve(f, "p");
	assert_int_equal(c.libc, LIBC_MUSL);
	assert_null(verify_versions(f->r, &c));
	assert_null(verify_symbols(f->r, &c));
	expect_none(&c);
}

// A thousand definitions of one name, which each lookup would pass: said, not searched.
static void a_name_with_too_many_definitions(void **state)
{
	struct fixture *f = *state;
	const struct problem *p;
	struct closure c;

	shell(f,
		"for i in $(seq 1000); do echo \"V$i { };\" >&3;"
		"echo \"int f$i(void) { return 0; } __asm__(\\\".symver f$i, f@V$i\\\");\"; done"
		" >a.c 3>map; echo 'int g(void) { return 0; }' >>a.c;"
		"gcc -w -shared -fPIC -Wl,-soname,liba.so.1 -Wl,--version-script=map -o liba.so.1 a.c");
	make_program(f, "int main(void) { return g(); }", "");
	fixture_open(f, "/");
	c = resolve(f, "p");
	assert_null(verify_symbols(f->r, &c));
	p = problem_of(&c, PROBLEM_SYMBOL);
	assert_non_null(p);
	assert_true(p->is_warning);
	expect_contains(p->text, "too many symbols of one name");
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(wanted_versions_are_there),
		TEST(a_missing_version_is_named_with_those_around),
		TEST(a_provider_without_versions_passes),
		TEST(a_provider_without_a_version_table_does_not),
		TEST(a_missing_library_is_said_once),
		TEST(a_weak_need_only_warns),
		TEST(a_name_with_too_many_definitions),
		TEST(each_program_is_told_about_a_shared_library),
		TEST(an_old_glibc_gets_a_hint),
		TEST(relr_needs_a_libc_that_knows_it),
		TEST(a_lazy_call_warns),
		TEST(with_bind_now_it_is_an_error),
		TEST(data_is_wanted_at_start),
		TEST(a_weak_symbol_may_be_missing),
		TEST(a_lone_library_is_left_alone),
		TEST(versions_of_symbols_count),
		TEST(a_library_is_fine_only_beside_its_provider),
		TEST(this_machines_programs_are_fine),
		TEST(musl_programs_are_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
