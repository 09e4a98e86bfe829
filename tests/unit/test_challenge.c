#include "registry/challenge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct arena arena;

static int leave(void **state)
{
	(void)state;
	arena_drop(&arena);
	return 0;
}

// What was understood, as text: "scheme name=value …" joined by " | ".
static const char *read_as_text(const char *header)
{
	struct challenges all = {0};
	const char *out = "";

	challenges_add(header, &arena, &all);
	vec_each (c, &all) {
		out = arena_printf(&arena, "%s%s%s", out, *out ? " | " : "", c->scheme);
		vec_each (p, &c->params)
			out = arena_printf(&arena, "%s %s=[%s]", out, p->name, p->value);
	}
	return out;
}

static void understood(void **state)
{
	static const struct {
		const char *header, *expected;
	} cases[] = {
		{"", ""},
		{"Basic", "basic"},
		{"Basic realm=\"x\"", "basic realm=[x]"},
		{"BEARER REALM=\"https://a/t\",Service=\"s\"",
			"bearer realm=[https://a/t] service=[s]"},
		{"Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:a/b:pull,push\"",
			"bearer realm=[https://a/t] service=[s] scope=[repository:a/b:pull,push]"},
		// several challenges in one header
		{"Basic realm=\"x\", Bearer realm=\"y\", service=z",
			"basic realm=[x] | bearer realm=[y] service=[z]"},
		{"Negotiate, Basic realm=\"x\"", "negotiate | basic realm=[x]"},
		{"Negotiate oRQwEqADCgE=, Bearer realm=\"y\"", "negotiate | bearer realm=[y]"},
		// escapes, spaces around the sign, no quotes
		{"Basic realm=\"a \\\"b\\\\c\\\", d\"", "basic realm=[a \"b\\c\", d]"},
		{"Bearer realm = \"y\" ,  service = s", "bearer realm=[y] service=[s]"},
		{"Bearer realm=https://a/t?x=1,service=s",
			"bearer realm=[https://a/t?x=1] service=[s]"},
		// the first of two counts
		{"Bearer realm=\"y\", realm=\"z\"", "bearer realm=[y]"},
		// malformed
		{"Bearer realm=\"never ends", "bearer realm=[never ends]"},
		{"realm=\"nobody's\"", ""},
		{",,;; Basic realm=\"x\",,", "basic realm=[x]"},
		{"Bearer realm=", "bearer"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(read_as_text(cases[i].header), cases[i].expected);
}

static void found_by_scheme(void **state)
{
	struct challenges all = {0};

	(void)state;
	challenges_add("Basic realm=\"x\"", &arena, &all);
	challenges_add("Bearer realm=\"y\"", &arena, &all);
	assert_string_equal(challenge_get(challenges_find(&all, "bearer"), "realm"), "y");
	assert_null(challenge_get(challenges_find(&all, "basic"), "scope"));
	assert_null(challenges_find(&all, "digest"));
}

static void bounded(void **state)
{
	struct challenges all = {0};
	const char *many = "Basic a=1";

	(void)state;
	for (int i = 0; i < 200; i++)
		many = arena_printf(&arena, "%s, a%d=%d", many, i, i);
	for (int i = 0; i < 200; i++)
		challenges_add(many, &arena, &all);
	assert_true(all.len <= 16);
	assert_true(all.at[0].params.len <= 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(understood),
		cmocka_unit_test(found_by_scheme),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, leave);
}
