#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "builder/target.h"

static void the_table_is_sound(void **state)
{
	(void)state;
	for (const struct target *t = targets; t->name; t++) {
		struct platform p, narrow;

		assert_non_null(t->what);
		assert_ptr_equal(target_find(t->name), t);
		if (t->alias)
			assert_ptr_equal(target_find(t->alias), t);
		// A device has a platform, an engine something it cannot read.
		assert_int_equal(t->platform != NULL, !t->no_zstd);
		if (t->platform)
			assert_null(platform_parse(t->platform, &p));
		if (t->narrow) {
			assert_null(platform_parse(t->narrow, &narrow));
			assert_string_equal(p.arch, "arm64");
			assert_string_equal(narrow.arch, "arm");
		}
		assert_int_equal(t->page_size & (t->page_size - 1), 0);
		assert_int_equal(t->page_size != 0, t->small_pages != NULL);
	}
}

static void finds_by_whole_names_alone(void **state)
{
	(void)state;
	assert_null(target_find(""));
	assert_null(target_find("pi"));
	assert_null(target_find("PI5"));
	assert_null(target_find("docker-180"));
}

static void names_all(void **state)
{
	struct arena a = {0};
	const char *names = target_names(&a);

	(void)state;
	for (const struct target *t = targets; t->name; t++)
		assert_non_null(strstr(names, t->name));
	assert_memory_equal(names, "pi-zero, pi1, ", 14);
	arena_drop(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_sound),
		cmocka_unit_test(finds_by_whole_names_alone),
		cmocka_unit_test(names_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
