#include "cli/progress_line.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <cmocka.h>

// Columns as a terminal counts them; -1 for what is no text in this locale.
static int width(const char *text)
{
	wchar_t wide[PROGRESS_LINE_MAX];
	const size_t n = mbstowcs(wide, text, PROGRESS_LINE_MAX);

	return n == (size_t)-1 ? -1 : wcswidth(wide, n);
}

static void expect(const struct progress_row *r, int columns, const char *want)
{
	char line[PROGRESS_LINE_MAX];
	const int n = progress_line(r, columns, line);

	assert_string_equal(line, want);
	assert_int_equal(n, width(line));
	assert_true(n < columns);
}

static const struct progress_row half = {
	.name = "loader and libc amd64",
	.status = "uploading",
	.done = 37500000,
	.total = 75000000,
	.rate = 12500000,
};
static const struct progress_row over = {
	.name = "84d6cabb08fb",
	.status = "uploaded",
	.total = 75000000,
	.figures = "75.0 MB",
	.rate = 10100000,
	.took = 7420,
};

static void lines(void **state)
{
	(void)state;
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	expect(&half, 20, "loader and li…  50%");
	expect(&half, 40, "loader and …   37.5 MB / 75.0 MB     3s");
	expect(&half, 80,
		"loader and libc a… uploading   ━━━━━─────   37.5 MB / 75.0 MB  12.5 MB/s     3s");
	expect(&half, 200,
		"loader and libc amd64                         uploading   "
		"━━━━━━━━━━━━────────────   37.5 MB / 75.0 MB  12.5 MB/s     3s");
	expect(&over, 20, "84d6cabb08fb   done");
	expect(&over, 40, "84d6cabb08fb             75.0 MB   7.4s");
	expect(&over, 80,
		"84d6cabb08fb       uploaded                           75.0 MB  10.1 MB/s   7.4s");
}

static void without_utf8(void **state)
{
	struct progress_row r = half;

	(void)state;
	setlocale(LC_CTYPE, "C");
	expect(&half, 80,
		"loader and libc .. uploading   #####-----   37.5 MB / 75.0 MB  12.5 MB/s     3s");
	r.name = "caf\xc3\xa9";
	expect(&r, 20, "caf??           50%");
	setlocale(LC_CTYPE, "C.UTF-8");
	expect(&r, 20, "café            50%");
	r.name = "caf\xe9";
	expect(&r, 20, "caf?            50%");
}

// Names whose characters take two columns, or none.
static void wide_names(void **state)
{
	struct progress_row r = half;
	char heap[4096] = "a";

	(void)state;
	setlocale(LC_CTYPE, "C.UTF-8");
	r.name = "光センサー";
	expect(&r, 20, "光センサー      50%");
	r.name = "光センサーの画像を作る";
	expect(&r, 20, "光センサーの…   50%");
	expect(&r, 19, "光センサーの…  50%");
	expect(&r, 18, "光センサー…   50%");
	for (int i = 0; i < 2000; i++)
		strcat(heap + i * 2, "\xcc\x81");
	r.name = heap;
	for (int columns = 1; columns < 250; columns++) {
		char line[PROGRESS_LINE_MAX];

		progress_line(&r, columns, line);
		assert_in_range(width(line) + 1, 1, (unsigned)columns);
	}
}

// Whatever the numbers and the width: shorter than the terminal is wide.
static void never_wraps(void **state)
{
	static const uint64_t numbers[] = {0, 1, 999, 75000000, 999499999, UINT64_MAX};
	static const char *const names[] = {"", "x", "libraries",
		"libraries of a very long name "
		"that somebody thought of for the armv7 variant of his device, and more",
		"画像画像"};
	const size_t n = sizeof(numbers) / sizeof(*numbers);

	(void)state;
	setlocale(LC_CTYPE, "C.UTF-8");
	for (int columns = 0; columns < 300; columns++)
		for (size_t i = 0; i < n * n * n * 5; i++) {
			char line[PROGRESS_LINE_MAX];
			const struct progress_row r = {
				.name = names[i % 5],
				.status = i % 2 ? "downloading" : "packing",
				.done = numbers[i / 5 % n],
				.total = numbers[i / 5 / n % n],
				.rate = numbers[i / 5 / n / n],
			};

			if (r.total && r.done > r.total)
				continue;
			const int got = progress_line(&r, columns, line);

			assert_int_equal(got, width(line));
			assert_true(width(line) < columns || !*line);
		}
}

static void times(void **state)
{
	static const struct {
		uint64_t left;
		const char *text;
	} cases[] = {{1, "1s"}, {59, "59s"}, {60, "1m00s"}, {3599, "59m59s"}, {3600, "1h00m"},
		{359999, "99h59m"}, {360000, "days"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char line[PROGRESS_LINE_MAX];
		const struct progress_row r = {
			.name = "x", .status = "y", .total = cases[i].left, .rate = 1};

		progress_line(&r, 80, line);
		assert_string_equal(strrchr(line, ' ') + 1, cases[i].text);
	}
}

static void cuts(void **state)
{
	char line[PROGRESS_LINE_MAX];

	(void)state;
	setlocale(LC_CTYPE, "C.UTF-8");
	assert_int_equal(progress_cut("and 12 more", 40, line), 11);
	assert_string_equal(line, "and 12 more");
	assert_int_equal(progress_cut("and 12 more", 8, line), 8);
	assert_string_equal(line, "and 12 …");
	assert_int_equal(progress_cut("and 12 more", 2, line), 0);
	assert_string_equal(line, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(without_utf8),
		cmocka_unit_test(wide_names),
		cmocka_unit_test(never_wraps),
		cmocka_unit_test(times),
		cmocka_unit_test(cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
