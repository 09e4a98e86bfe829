#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/platform.h"

static struct platform parsed(const char *text)
{
	struct platform p;

	assert_null(platform_parse(text, &p));
	return p;
}

static void parses_what_people_type(void **state)
{
	static const char *const cases[][2] = {
		{"linux/arm/v7", "linux/arm/v7"},
		{"linux/arm/v5", "linux/arm/v5"},
		{"linux/arm/v8", "linux/arm/v8"},
		{"linux/arm", "linux/arm/v7"},
		{"arm", "linux/arm/v7"},
		{"arm/6", "linux/arm/v6"},
		{"armhf", "linux/arm/v7"},
		{"armhf/v6", "linux/arm/v6"},
		{"armel", "linux/arm/v6"},
		{"armv6l", "linux/arm/v6"},
		{"arm64", "linux/arm64"},
		{"arm64/v8", "linux/arm64"},
		{"linux/arm64/v8.0", "linux/arm64"},
		{"arm64/8.2", "linux/arm64/v8.2"},
		{"linux/aarch64", "linux/arm64"},
		{"linux/amd64", "linux/amd64"},
		{"amd64/v1", "linux/amd64"},
		{"x86_64/v3", "linux/amd64/v3"},
		{"Linux/AMD64", "linux/amd64"},
		{"i386", "linux/386"},
		{"riscv64", "linux/riscv64"},
		{"mipsel", "linux/mipsle"},
		{"ppc64el", "linux/ppc64le"},
		{"windows/amd64", "windows/amd64"},
		{"macos/arm64", "darwin/arm64"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct platform p = parsed(cases[i][0]);
		char text[PLATFORM_TEXT];

		assert_string_equal(platform_text(&p, text), cases[i][1]);
	}
}

static void refuses_the_rest(void **state)
{
	static const char *const cases[] = {"", "/", "linux", "linux/", "linux/arm/v7/x",
		"linux/arm/", "linux/arm/v4", "linux/arm/v9", "linux/arm/v", "linux/arm/v77", "vax",
		"linux/vax", "plan/arm/v7", "linux/amd64/v5", "linux/386/v1", "linux/riscv64/v1",
		"arm 64", "linux//arm", "linux/arm64/v8 8.1", "linux/arm/7 5",
		"linux/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct platform p;
		drop(err_drop) struct err *e = platform_parse(cases[i], &p);

		if (!e)
			fail_msg("\"%s\" was accepted", cases[i]);
		assert_int_equal(err_kind(e), ERR_USAGE);
		assert_non_null(err_hint_text(e));
	}
}

static void says_what_runs_where(void **state)
{
	static const struct {
		const char *device, *image;
		bool runs;
	} cases[] = {
		{"arm/v7", "arm/v6", true},
		{"arm/v6", "arm/v7", false},
		{"arm/v6", "arm/v6", true},
		{"arm/v8", "arm/v5", true},
		{"amd64", "amd64/v2", false},
		{"amd64/v2", "amd64/v1", true},
		{"arm64", "arm64/v8", true},
		{"arm64/v9", "arm64", true},
		{"arm64", "arm64/v8.2", false},
		{"arm64/v8.2", "arm64/v8.1", true},
		{"arm64", "arm/v7", false},
		{"linux/amd64", "windows/amd64", false},
		{"riscv64", "riscv64", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct platform device = parsed(cases[i].device), image = parsed(cases[i].image);

		assert_int_equal(platform_runs(&device, &image), cases[i].runs);
	}
}

static void equal_means_the_same_to_an_engine(void **state)
{
	struct platform bare = {"linux", "arm64", ""}, v8 = {"linux", "arm64", "v8"};
	struct platform arm = {"linux", "arm", ""}, v7 = {"linux", "arm", "v7"};
	struct platform v6 = {"linux", "arm", "v6"}, odd = {"linux", "riscv64", "rva20"};
	struct platform riscv = {"linux", "riscv64", ""};

	(void)state;
	assert_true(platform_equal(&bare, &v8));
	assert_true(platform_equal(&arm, &v7)); // containerd platforms.Normalize
	assert_false(platform_equal(&v6, &v7));
	assert_false(platform_equal(&v7, &v8));
	assert_true(platform_equal(&odd, &odd));
	assert_false(platform_equal(&odd, &riscv));
	assert_false(platform_runs(&riscv, &odd));
	assert_int_equal(platform_level(&v6), 6);
	assert_int_equal(platform_level(&bare), 0);
	assert_int_equal(platform_level(&odd), 0);
}

static int by_order(const void *a, const void *b)
{
	return platform_order(a, b);
}

static void an_index_starts_with_the_lowest_arm(void **state)
{
	static const char *const sorted[] = {"linux/arm/v5", "linux/arm/v6", "linux/arm/v7",
		"linux/arm/v8", "linux/arm64", "linux/386", "linux/amd64", "linux/amd64/v3",
		"linux/riscv64", "windows/amd64"};
	enum { N = sizeof(sorted) / sizeof(*sorted) };
	struct platform p[N];

	(void)state;
	for (size_t i = 0; i < N; i++)
		p[i] = parsed(sorted[(i * 7 + 3) % N]);
	qsort(p, N, sizeof(*p), by_order);
	for (size_t i = 0; i < N; i++) {
		char text[PLATFORM_TEXT];

		assert_string_equal(platform_text(&p[i], text), sorted[i]);
	}
}

static void knows_this_machine(void **state)
{
	struct platform p = platform_host(), again;
	struct utsname u;
	char text[PLATFORM_TEXT];

	(void)state;
	assert_null(platform_parse(platform_text(&p, text), &again));
	assert_true(platform_equal(&p, &again));
	assert_int_equal(uname(&u), 0);
	if (!strcmp(u.machine, "x86_64") && sizeof(void *) == 8)
		assert_string_equal(text, "linux/amd64");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_what_people_type),
		cmocka_unit_test(refuses_the_rest),
		cmocka_unit_test(says_what_runs_where),
		cmocka_unit_test(equal_means_the_same_to_an_engine),
		cmocka_unit_test(an_index_starts_with_the_lowest_arm),
		cmocka_unit_test(knows_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
