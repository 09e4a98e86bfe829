#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "builder/budget.h"

static void within_the_budget_is_no_error(void **state)
{
	struct budget b = {0};

	(void)state;
	assert_null(budget_check(&b, 1000, 0));
	assert_null(budget_check(&b, 1000, 1000));
	assert_null(budget_check(&b, UINT64_MAX, UINT64_MAX));
}

static void expect_error(
	const struct budget *b, uint64_t size, uint64_t max, const char *text, const char *hint)
{
	struct err *e = budget_check(b, size, max);

	assert_non_null(e);
	assert_int_equal(err_kind(e), ERR_POLICY);
	assert_string_equal(err_text(e), text);
	if (hint)
		assert_string_equal(err_hint_text(e), hint);
	else
		assert_null(err_hint_text(e));
	err_drop(&e);
}

static void above_it_says_by_how_much(void **state)
{
	struct budget b = {0};

	(void)state;
	expect_error(
		&b, 2310000, 2000000, "its layers have 2.31 MB, --max-size allows 2.00 MB", NULL);
	// What would read the same is told exactly.
	expect_error(&b, 2000001, 2000000,
		"its layers have 2000001 bytes, --max-size allows 2000000", NULL);
}

static void the_five_largest_files_are_named(void **state)
{
	struct budget b = {0};

	(void)state;
	budget_see(&b, "/c", 3000);
	expect_error(&b, 9, 8, "its layers have 9 B, --max-size allows 8 B",
		"its largest files are /c 3.00 kB");
	budget_see(&b, "/a", 1000);
	budget_see(&b, "/f", 6000);
	budget_see(&b, "/b", 2000);
	budget_see(&b, "/e", 5000);
	budget_see(&b, "/empty", 0);
	budget_see(&b, "/g\n", 7000);
	budget_see(&b, "/e2", 5000);
	assert_int_equal(b.n, BUDGET_SHOWN);
	expect_error(&b, 9, 8, "its layers have 9 B, --max-size allows 8 B",
		"its largest files are /g\\x0a 7.00 kB, /f 6.00 kB, /e 5.00 kB, /e2 5.00 kB, "
		"/c 3.00 kB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(within_the_budget_is_no_error),
		cmocka_unit_test(above_it_says_by_how_much),
		cmocka_unit_test(the_five_largest_files_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
