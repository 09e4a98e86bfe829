#include "base/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/mem.h"

static void reads(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{"0", 0},
		{"17", 17},
		{"17B", 17},
		{"1k", 1000},
		{"1kB", 1000},
		{"1K", 1000},
		{"1KiB", 1024},
		{"1ki", 1024},
		{"2MiB", 2097152},
		{"10M", 10000000},
		{"1.5GB", 1500000000},
		{"1.5GiB", 1610612736},
		{"0.0000019M", 1}, // digits behind the sixth are not heard
		{"2T", 2000000000000},
		{"18446744073709551615", UINT64_MAX},
		{"16777215TiB", 18446742974197923840u},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		uint64_t got = 1234567;

		if (!size_parse(good[i].text, &got))
			fail_msg("%s was refused", good[i].text);
		assert_int_equal(got, good[i].bytes);
	}
}

static void refuses(void **state)
{
	static const char *const bad[] = {"", "k", "-1", "+1", " 1", "1 ", "1 kB", "1.", ".5",
		"1.M", "1x", "1kiBs", "1kBB", "1iB", "0x10", "1e3", "18446744073709551616",
		"16777216TiB", "18446744073709551.7k", "1,5M"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		uint64_t got = 7;

		if (size_parse(bad[i], &got))
			fail_msg("%s was taken", bad[i]);
		assert_int_equal(got, 7);
	}
}

static void writes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {
		{0, "0 B"},
		{999, "999 B"},
		{1000, "1.00 kB"},
		{9994, "9.99 kB"},
		{9996, "10.0 kB"},
		{99960, "100 kB"},
		{999499, "999 kB"},
		{999500, "1.00 MB"},
		{1500000, "1.50 MB"},
		{2000000000, "2.00 GB"},
		{UINT64_MAX, "18.4 EB"},
	};
	char out[16];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		assert_string_equal(size_text(sizes[i].bytes, out), sizes[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(refuses),
		cmocka_unit_test(writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
