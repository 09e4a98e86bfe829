#include "registry/answer.h"
#include "registry/headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define D1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"

static struct arena arena;

static int leave(void **state)
{
	(void)state;
	arena_drop(&arena);
	return 0;
}

static struct span span_of(const char *text)
{
	return (struct span){(const uint8_t *)text, strlen(text)};
}

static void several_referrers(void **state)
{
	struct named_images out = {0};

	(void)state;
	assert_null(answer_referrers(
		span_of("{\"schemaVersion\":2,\"manifests\":["
			"{\"mediaType\":\"a/b\",\"digest\":\"" D1 "\",\"size\":7},"
			"{\"mediaType\":\"c/d\",\"digest\":\"" D2 "\",\"size\":8}]}"),
		&arena, &out));
	assert_int_equal(out.len, 2);
	assert_string_equal(out.at[0].descriptor.digest, D1);
	assert_string_equal(out.at[1].descriptor.digest, D2);
	assert_string_equal(out.at[1].descriptor.media_type, "c/d");
	assert_int_equal(out.at[1].descriptor.size, 8);
}

static void complaints(void **state)
{
	static const struct {
		const char *body, *expected;
	} cases[] = {
		{"", ""},
		{"{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no \\u001b[31m\"}]}",
			"DENIED: no  [31m"},
		{"{\"details\":\"wrong\"}", "wrong"},
		{"{\"error\":\"invalid\",\"error_description\":\"x\\u009by\"}", "invalid: xy"},
		{"gone away\r\nmore", "gone away"},
		{"<html>", ""},
		{"a\xc2\xc2\x9b\x9b"
		 "b",
			"ab"},
	};
	char out[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		answer_complaint(span_of(cases[i].body), out, sizeof(out));
		assert_string_equal(out, cases[i].expected);
	}
	answer_complaint(span_of("{\"message\":\"abcdef\"}"), out, 4);
	assert_string_equal(out, "abc");
}

static void tokens(void **state)
{
	const char *token;
	int64_t seconds;

	(void)state;
	assert_null(answer_token(
		span_of("{\"token\":\"a.b\",\"expires_in\":300}"), &arena, &token, &seconds));
	assert_string_equal(token, "a.b");
	assert_int_equal(seconds, 300);
	assert_null(answer_token(
		span_of("{\"token\":\"\",\"access_token\":\"c\"}"), &arena, &token, &seconds));
	assert_string_equal(token, "c");
	assert_int_equal(seconds, 60);
	struct err *e =
		answer_token(span_of("{\"token\":\"a\\r\\nX: y\"}"), &arena, &token, &seconds);

	assert_non_null(e);
	err_drop(&e);
}

static void loads(void **state)
{
	(void)state;
	assert_null(answer_load_error(span_of("{\"stream\":\"a\"}\nnothing\n"), &arena));
	assert_string_equal(
		answer_load_error(span_of("{\"stream\":\"a\"}\n\n{\"error\":\"b\"}"), &arena), "b");
}

static void ranges(void **state)
{
	uint64_t n = 0;

	(void)state;
	assert_true(header_range("0-9", 100, &n) && n == 10);
	assert_true(header_range("bytes=0-9", 100, &n) && n == 10);
	assert_true(header_range("0-0", 100, &n) && n == 0);
	assert_false(header_range("0-100", 100, &n));
	assert_false(header_range("1-9", 100, &n));
	assert_true(header_content_range("bytes 7-9/10", &n) && n == 7);
	assert_false(header_content_range("bytes */10", &n));
	assert_int_equal(header_chunk_least("4096"), 4096);
	assert_int_equal(header_chunk_least("-1"), 0);
}

static void waits(void **state)
{
	const time_t now = 784111777; // Sun, 06 Nov 1994 08:49:37 GMT

	(void)state;
	assert_int_equal(header_retry_after("2", now), 2000);
	assert_int_equal(header_retry_after("1e9", now), 60000);
	assert_int_equal(header_retry_after("Sun, 06 Nov 1994 08:49:47 GMT", now), 10000);
	assert_int_equal(header_retry_after("Sun, 06 Nov 1994 08:49:27 GMT", now), -1);
	assert_int_equal(header_retry_after("soon", now), -1);
}

static void pages_and_warnings(void **state)
{
	char text[8];

	(void)state;
	assert_string_equal(header_next_page("</v2/x?n=1>; rel=\"next\"", &arena), "/v2/x?n=1");
	assert_null(header_next_page("</v2/x>; rel=\"last\"", &arena));
	assert_true(header_warning("299 - \"old\033 thing\" \"date\"", text, sizeof(text)));
	assert_string_equal(text, "old thi");
	assert_false(header_warning("110 - \"stale\"", text, sizeof(text)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(several_referrers, leave),
		cmocka_unit_test_teardown(complaints, leave),
		cmocka_unit_test_teardown(tokens, leave),
		cmocka_unit_test_teardown(loads, leave),
		cmocka_unit_test(ranges),
		cmocka_unit_test(waits),
		cmocka_unit_test_teardown(pages_and_warnings, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
