#include "fixture.h"

#include "ldd/verify.h"

#define HF "arm-linux-gnueabihf-gcc "
#define SF "arm-linux-gnueabi-gcc "

static const char *platform_of(
	struct fixture *f, const char *program, const char *asked, struct closure *c)
{
	static char text[PLATFORM_TEXT];
	struct platform want, p;

	*c = resolve(f, program);
	assert_int_equal(c->problems.len, 0);
	if (asked)
		assert_null(platform_parse(asked, &want));
	assert_null(verify_platform(f->r, c, asked ? &want : NULL, &p));
	return platform_text(&p, text);
}

static bool have(const char *tool)
{
	drop(mem_drop) char *words = str_printf("command -v %s >/dev/null", tool);

	return system(words) == 0;
}

static void need(const char *tool)
{
	if (!have(tool))
		skip();
}

static void x86_isa_levels(void **state)
{
	struct fixture *f = *state;
	struct closure c;

	if (strcmp(platform_host().arch, "amd64") != 0)
		skip();
	shell(f,
		"echo 'int main() { return f(); }' >p.c; echo 'int f() { return 0; }' >a.c;"
		"gcc -w -o v1 p.c a.c; gcc -w -o v3 p.c a.c -Wl,-z,x86-64-v3;"
		"gcc -w -shared -fPIC -Wl,-z,x86-64-v2 -o libv2.so a.c;"
		"gcc -w -o v2 p.c libv2.so -Wl,-rpath,'$ORIGIN'");
	fixture_open(f, "/");
	assert_string_equal(platform_of(f, "v1", NULL, &c), "linux/amd64");
	expect_none(&c);
	assert_string_equal(platform_of(f, "v3", NULL, &c), "linux/amd64/v3");
	expect_none(&c);
	assert_string_equal(platform_of(f, "v3", "amd64/v4", &c), "linux/amd64/v3");
	expect_none(&c);
	platform_of(f, "v3", "amd64", &c);
	assert_int_equal(c.problems.len, 1);
	assert_int_equal(c.problems.at[0].kind, PROBLEM_ABI);
	assert_true(closure_is_broken(&c));
	expect_contains(c.problems.at[0].text, "linux/amd64/v3");
	// The loader refuses a library that is above the processor.
	assert_string_equal(platform_of(f, "v2", "amd64", &c), "linux/amd64/v2");
	assert_int_equal(c.problems.len, 1);
	expect_contains(c.problems.at[0].text, "libv2.so");
}

static void another_machine_is_named_with_its_symptom(void **state)
{
	struct fixture *f = *state;
	struct closure c;

	if (strcmp(platform_host().arch, "amd64") != 0)
		skip();
	shell(f, "echo 'int main() { return 0; }' >p.c; gcc -o p p.c");
	fixture_open(f, "/");
	platform_of(f, "p", "linux/arm64", &c);
	assert_int_equal(c.problems.len, 1);
	expect_contains(c.problems.at[0].text, "linux/amd64");
	expect_contains(c.problems.at[0].text, "linux/arm64");
	expect_contains(c.problems.at[0].text, "exec format error");
	assert_true(closure_is_broken(&c));
}

// Debian's armhf toolchain brings start files of v7, whatever -march says.
static void the_pi_zero_crash(void **state)
{
	struct fixture *f = *state;
	struct closure c;

	need("arm-linux-gnueabihf-gcc");
	shell(f, "echo 'int main() { return 0; }' >p.c; " HF "-marm -march=armv6+fp -o p p.c");
	fixture_open(f, "/usr/arm-linux-gnueabihf");
	assert_string_equal(platform_of(f, "p", NULL, &c), "linux/arm/v7");
	expect_none(&c);
	assert_string_equal(platform_of(f, "p", "arm/v8", &c), "linux/arm/v7");
	expect_none(&c);
	platform_of(f, "p", "arm/v6", &c);
	assert_int_equal(c.problems.len, 1);
	assert_int_equal(c.problems.at[0].kind, PROBLEM_ABI);
	expect_contains(c.problems.at[0].text, "/p is built for linux/arm/v7");
	expect_contains(c.problems.at[0].text, "linux/arm/v6");
	expect_contains(c.problems.at[0].text, "Illegal instruction");
	expect_contains(c.problems.at[0].hint, "-march=armv6");
}

static void static_programs_say_it_themselves(void **state)
{
	struct fixture *f = *state;
	struct closure c;

	need("arm-linux-gnueabihf-gcc");
	shell(f,
		"echo 'void _start(void) { for (;;) ; }' >p.c;"
		"for v in 5te 6 7-a 8-a; do " SF "-march=armv$v -nostdlib -static -o p$v p.c; done;"
		"arm-linux-gnueabi-objcopy -R .ARM.attributes p6 bare");
	fixture_open(f, "/");
	assert_string_equal(platform_of(f, "p5te", NULL, &c), "linux/arm/v5");
	assert_string_equal(platform_of(f, "p6", NULL, &c), "linux/arm/v6");
	assert_string_equal(platform_of(f, "p6", "arm/v6", &c), "linux/arm/v6");
	expect_none(&c);
	assert_string_equal(platform_of(f, "p7-a", NULL, &c), "linux/arm/v7");
	assert_string_equal(platform_of(f, "p8-a", NULL, &c), "linux/arm/v8");
	expect_none(&c);

	assert_string_equal(platform_of(f, "bare", "arm/v6", &c), "linux/arm/v6");
	expect_none(&c);
	assert_string_equal(platform_of(f, "bare", NULL, &c), "linux/arm");
	assert_int_equal(c.problems.len, 1);
	expect_contains(c.problems.at[0].hint, "--platform linux/arm/v");
}

static void microcontrollers_are_refused(void **state)
{
	struct fixture *f = *state;
	struct closure c;

	need("arm-linux-gnueabi-gcc");
	shell(f,
		"echo 'void _start(void) { for (;;) ; }' >p.c;" SF
		"-march=armv7-m -mthumb -mfloat-abi=soft -nostdlib -static -o p p.c");
	fixture_open(f, "/");
	platform_of(f, "p", NULL, &c);
	assert_int_equal(c.problems.len, 1);
	assert_int_equal(c.problems.at[0].kind, PROBLEM_ABI);
	// The user's word is taken.
	assert_string_equal(platform_of(f, "p", "arm/v7", &c), "linux/arm/v7");
	expect_none(&c);
}

// A v5 program, and one function as a v5 and a v7 library, over Debian's armel libc (v5).
static void make_armel(struct fixture *f)
{
	shell(f,
		"mkdir -p root/lib own; cp -L /usr/arm-linux-gnueabi/lib/ld-linux.so.3 "
		"/usr/arm-linux-gnueabi/lib/libc.so.6 root/lib;"
		"echo 'int main() { return f(); }' >p.c; echo 'int f() { return 0; }' >a.c;" SF
		"-w -shared -fPIC -march=armv7-a -nostdlib -Wl,-soname,libf.so -o own/libf.so a.c;" SF
		"-w -march=armv5te -o p p.c own/libf.so");
}

static void a_higher_library_of_the_sysroot_warns(void **state)
{
	struct fixture *f = *state;
	struct closure c;

	need("arm-linux-gnueabi-gcc");
	make_armel(f);
	shell(f, "mv own/libf.so root/lib; mkdir -p root/usr/bin; cp p root/usr/bin/p");
	fixture_open(f, "root");
	assert_string_equal(platform_of(f, "p", "arm/v6", &c), "linux/arm/v5");
	assert_int_equal(c.problems.len, 1);
	assert_true(c.problems.at[0].is_warning);
	assert_string_equal(c.problems.at[0].name, "libf.so");
	expect_contains(c.problems.at[0].text, "ARMv7");
	assert_false(closure_is_broken(&c));
	// The program is the program wherever it lies.
	assert_string_equal(platform_of(f, "/usr/bin/p", NULL, &c), "linux/arm/v5");
	assert_string_equal(platform_of(f, "/usr/bin/p", "arm/v5", &c), "linux/arm/v5");
	assert_false(closure_is_broken(&c));
}

static void a_higher_library_of_ones_own_counts(void **state)
{
	struct fixture *f = *state;
	struct closure c;

	need("arm-linux-gnueabi-gcc");
	make_armel(f);
	shell(f, SF "-w -march=armv5te -o p p.c own/libf.so -Wl,-rpath,'$ORIGIN/own'");
	fixture_open(f, "root");
	assert_string_equal(platform_of(f, "p", NULL, &c), "linux/arm/v7");
	expect_none(&c);
	platform_of(f, "p", "arm/v6", &c);
	assert_int_equal(c.problems.len, 1);
	assert_false(c.problems.at[0].is_warning);
	expect_contains(c.problems.at[0].text, "own/libf.so is built for linux/arm/v7");
}

// Only the program's own level, the loader's and libc's are left: here libc is what is too high.
static void a_higher_libc_counts(void **state)
{
	struct fixture *f = *state;
	struct closure c;

	need("arm-linux-gnueabi-gcc");
	make_armel(f);
	shell(f,
		"echo 'int __libc_start_main; int f;' >c.c;" SF
		"-w -shared -fPIC -march=armv7-a -nostdlib -Wl,-soname,libc.so.6 "
		"-o root/lib/libc.so.6 c.c; mkdir -p x; mv own/libf.so x;" SF
		"-w -shared -fPIC -march=armv5te -nostdlib -o root/lib/libf.so a.c");
	fixture_open(f, "root");
	platform_of(f, "p", "arm/v6", &c);
	assert_int_equal(c.problems.len, 1);
	expect_contains(c.problems.at[0].text, "libc.so.6 is built for linux/arm/v7");
	expect_contains(c.problems.at[0].hint, "sysroot");
}

static void a_program_of_the_other_float_abi_is_refused(void **state)
{
	struct fixture *f = *state;
	struct platform p;
	struct closure c;

	need("arm-linux-gnueabi-gcc");
	need("arm-linux-gnueabihf-gcc");
	shell(f,
		"echo 'int main() { return 0; }' >p.c;" SF
		"-o p p.c -Wl,--dynamic-linker=/lib/ld-linux-armhf.so.3");
	fixture_open(f, "/usr/arm-linux-gnueabihf");
	c = resolve(f, "p");
	expect_none(&c);
	assert_null(verify_platform(f->r, &c, NULL, &p));
	assert_int_equal(c.problems.len, 1);
	assert_int_equal(c.problems.at[0].kind, PROBLEM_ABI);
	expect_contains(c.problems.at[0].text, "/p is built for soft float, its loader");
	assert_true(closure_is_broken(&c));
}

static void a_broken_program_is_not_judged_twice(void **state)
{
	struct fixture *f = *state;
	struct platform asked, p;
	struct closure c;

	shell(f, "echo no >p");
	fixture_open(f, "/");
	c = resolve(f, "p");
	assert_null(platform_parse("arm/v6", &asked));
	assert_null(verify_platform(f->r, &c, &asked, &p));
	assert_null(verify_versions(f->r, &c));
	assert_null(verify_symbols(f->r, &c));
	assert_int_equal(c.problems.len, 1);
	assert_true(platform_equal(&asked, &p));
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(x86_isa_levels),
		TEST(another_machine_is_named_with_its_symptom),
		TEST(the_pi_zero_crash),
		TEST(static_programs_say_it_themselves),
		TEST(microcontrollers_are_refused),
		TEST(a_higher_library_of_the_sysroot_warns),
		TEST(a_higher_library_of_ones_own_counts),
		TEST(a_higher_libc_counts),
		TEST(a_program_of_the_other_float_abi_is_refused),
		TEST(a_broken_program_is_not_judged_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
