// Memory: what comes is zeroed and aligned, arenas keep what they gave, arrays and maps grow.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/map.h"

static void memory_is_zeroed_and_aligned(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};

	for (size_t n = 0; n < 9000; n += 37) {
		char *p = arena_alloc(&a, n);

		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n);
	}
	char *big = arena_alloc(&a, 5 << 20), *small = arena_alloc(&a, 1);

	assert_int_equal(big[(5 << 20) - 1], 0);
	assert_int_equal(*small, 0);
}

static void text_stays(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	char source[] = "text";
	const char *copy = arena_strdup(&a, source), *part = arena_strndup(&a, source, 2);
	const char *whole = arena_strndup(&a, source, 100);
	const char *made = arena_printf(&a, "%s:%d", source, 7);

	memset(source, 'x', 4);
	for (size_t i = 0; i < 1000; i++)
		arena_strdup(&a, "more");
	assert_string_equal(copy, "text");
	assert_string_equal(part, "te");
	assert_string_equal(whole, "text");
	assert_string_equal(made, "text:7");
	assert_string_equal(arena_strdup(&a, ""), "");
}

static void arrays_grow(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	vec(size_t) v = {0};
	size_t seen = 0;

	vec_each (none, &v)
		fail_msg("%zu in an empty array", *none);
	for (size_t i = 0; i < 10000; i++)
		vec_push(&a, &v, i);
	*vec_add(&a, &v) += 10000; // zeroed
	assert_int_equal(v.len, 10001);
	vec_each (it, &v)
		assert_int_equal(*it, seen++);
}

static void taken_is_not_dropped(void **state)
{
	(void)state;
	char *kept;

	{
		drop(mem_drop) char *p = str_dup("kept");

		kept = take(p);
		assert_null(p);
	}
	assert_string_equal(kept, "kept");
	mem_drop(&kept);
	assert_null(kept);
	mem_drop(&kept);
}

static void a_copy_ends_with_its_text(void **state)
{
	(void)state;
	const char source[] = {'a', 'b', 'c', 'd'};
	drop(mem_drop) char *part = str_ndup(source, 3), *whole = str_ndup("ab", 100);

	assert_string_equal(part, "abc");
	assert_string_equal(whole, "ab");
}

static void maps_find_each_key(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	struct map m = {0};
	char key[32];

	assert_null(map_get(&m, "nothing"));
	for (uintptr_t i = 1; i <= 5000; i++) {
		snprintf(key, sizeof(key), "key %zu", (size_t)i);
		void **at = map_at(&m, &a, key);

		assert_null(*at);
		*at = (void *)i;
	}
	strcpy(key, "changed"); // keys are copied
	assert_int_equal(m.len, 5000);
	for (uintptr_t i = 1; i <= 5000; i++) {
		snprintf(key, sizeof(key), "key %zu", (size_t)i);
		assert_ptr_equal(map_get(&m, key), (void *)i);
		assert_ptr_equal(*map_at(&m, &a, key), (void *)i);
	}
	assert_int_equal(m.len, 5000);
	assert_null(map_get(&m, "key 5001"));
	assert_null(map_get(&m, ""));
	*map_at(&m, &a, "") = &m;
	assert_ptr_equal(map_get(&m, ""), &m);
}

static void errors_gain_context(void **state)
{
	(void)state;
	struct err *e =
		err_wrap(err_wrap(err_sys(2, "open %s", "x"), "add x"), "layer \"%s\"", "y");

	assert_string_equal(err_text(e), "layer \"y\": add x: open x: No such file or directory");
	assert_int_equal(err_kind(e), ERR_FAILED);
	assert_int_equal(err_number(e), 2);
	assert_null(err_hint_text(e));
	e = err_hint(err_hint(e, "do %d", 1), "do 2");
	assert_string_equal(err_hint_text(e), "do 1");
	err_drop(&e);
	assert_null(e);
	err_drop(&e);
	e = err_wrap(err_new(ERR_NO_START, "no"), "why");
	assert_int_equal(err_kind(e), ERR_NO_START);
	err_drop(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_and_aligned),
		cmocka_unit_test(text_stays),
		cmocka_unit_test(arrays_grow),
		cmocka_unit_test(taken_is_not_dropped),
		cmocka_unit_test(a_copy_ends_with_its_text),
		cmocka_unit_test(maps_find_each_key),
		cmocka_unit_test(errors_gain_context),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
