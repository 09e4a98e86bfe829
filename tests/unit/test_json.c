// base/json: what it refuses, and that writing is one-to-one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <string.h>
#include <cmocka.h>

#include "base/json.h"

struct part {
	const char *text;
	int64_t number;
};
struct doc {
	const char *name;
	int64_t count;
	bool flag;
	struct strings words, ports;
	struct json_dict labels;
	struct part one;
	struct json_list parts;
	const char *unknown;
};
static const struct json_field part_fields[] = {
	{"text", JSON_TEXT, JSON_REQUIRED, offsetof(struct part, text), NULL},
	{"number", JSON_NUMBER, JSON_KEEP_EMPTY, offsetof(struct part, number), NULL},
	{0},
};
static const struct json_table part_table = {part_fields, sizeof(struct part), 0};
static const struct json_field doc_fields[] = {
	{"name", JSON_TEXT, 0, offsetof(struct doc, name), NULL},
	{"count", JSON_NUMBER, 0, offsetof(struct doc, count), NULL},
	{"flag", JSON_FLAG, 0, offsetof(struct doc, flag), NULL},
	{"words", JSON_TEXTS, 0, offsetof(struct doc, words), NULL},
	{"ports", JSON_SET, 0, offsetof(struct doc, ports), NULL},
	{"labels", JSON_DICT, 0, offsetof(struct doc, labels), NULL},
	{"one", JSON_STRUCT, 0, offsetof(struct doc, one), &part_table},
	{"parts", JSON_STRUCTS, 0, offsetof(struct doc, parts), &part_table},
	{0},
};
static const struct json_table doc_table = {
	doc_fields, sizeof(struct doc), offsetof(struct doc, unknown)};

static struct span span_of(const char *s)
{
	return (struct span){(const uint8_t *)s, strlen(s)};
}

static void fails_with(const char *text, const char *part)
{
	drop(arena_drop) struct arena a = {0};
	struct doc d;
	drop(err_drop) struct err *e = json_read(span_of(text), &doc_table, &a, &d, "doc");

	if (!e)
		fail_msg("accepted: %s", text);
	if (!strstr(err_text(e), part))
		fail_msg("«%s» does not say «%s»", err_text(e), part);
}

static void rewrites_to(const char *text, const char *wanted)
{
	drop(arena_drop) struct arena a = {0};
	struct doc d;
	drop(err_drop) struct err *e = json_read(span_of(text), &doc_table, &a, &d, "doc");

	if (e)
		fail_msg("%s: %s", text, err_text(e));
	assert_string_equal((const char *)json_write(&doc_table, &d, &a).ptr, wanted);
}

static void reads_and_writes_in_table_order(void **state)
{
	(void)state;
	rewrites_to(
		"{\"parts\":[{\"text\":\"a\",\"number\":3},{\"text\":\"b\"}], \"name\":\"n\\u00e9/\\n\","
		"\"count\":-9007199254740993,\"flag\":true,\"words\":[\"x\",\"\"],"
		"\"ports\":{\"90/udp\":{},\"80/tcp\":{}},\"labels\":{\"b\":\"2\",\"a\":\"1\"},"
		"\"one\":{\"text\":\"t\"}}",
		"{\"name\":\"n\xc3\xa9/\\n\",\"count\":-9007199254740993,\"flag\":true,"
		"\"words\":[\"x\",\"\"],\"ports\":{\"80/tcp\":{},\"90/udp\":{}},"
		"\"labels\":{\"a\":\"1\",\"b\":\"2\"},\"one\":{\"text\":\"t\",\"number\":0},"
		"\"parts\":[{\"text\":\"a\",\"number\":3},{\"text\":\"b\",\"number\":0}]}");
}

static void unknown_members_survive_sorted(void **state)
{
	(void)state;
	rewrites_to("{\"z\":[1,{\"y\":null,\"b\":1.5}],\"name\":\"n\",\"a\":{}}",
		"{\"name\":\"n\",\"a\":{},\"z\":[1,{\"b\":1.5,\"y\":null}]}");
}

static void null_and_empty_are_left_out(void **state)
{
	(void)state;
	rewrites_to("{\"name\":\"\",\"words\":null,\"labels\":{},\"one\":null,\"parts\":[]}", "{}");
}

static void refuses_what_is_not_the_document(void **state)
{
	(void)state;
	fails_with("", "doc: not valid JSON");
	fails_with("[]", "doc: should be an object");
	fails_with("\"text\"", "not valid JSON");
	fails_with("{} x", "not valid JSON");
	fails_with("{\"name\":\"a\",\"name\":\"b\"}", "duplicate");
	fails_with("{\"x\":{\"y\":1,\"y\":2}}", "duplicate");
	fails_with("{\"name\":\"a\\u0000b\"}", "not valid JSON");
	fails_with("{\"name\":\"\xff\"}", "unable to decode");
	fails_with("{\"name\":1}", "doc: name: should be a string");
	fails_with("{\"count\":1.0}", "count: should be a whole number");
	fails_with("{\"count\":99999999999999999999}", "integer");
	fails_with("{\"flag\":1}", "flag: should be true or false");
	fails_with("{\"words\":[\"a\",1]}", "words: should be an array of strings");
	fails_with("{\"labels\":{\"a\":1}}", "labels: should be an object of strings");
	fails_with("{\"parts\":[{\"text\":\"a\"},{\"number\":1}]}", "parts: [1]: text is missing");
	fails_with("{\"one\":{\"text\":null}}", "one: text is missing");
}

static void depth_is_bounded(void **state)
{
	(void)state;
	char text[8192] = "{\"a\":";

	memset(text + 5, '[', 5000);
	fails_with(text, "nested more than");
	// Brackets in strings nest nothing, escaped quotes end none.
	strcpy(text, "{\"name\":\"\\\"");
	memset(text + strlen(text), '[', 5000);
	strcpy(text + 5000, "\\\\\"}");
	drop(arena_drop) struct arena a = {0};
	struct doc d;

	assert_null(json_read(span_of(text), &doc_table, &a, &d, "doc"));
}

static void bytes_that_are_not_utf8_become_replacement_characters(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	struct doc d = {.name = "a\xff\xc3\xa9\xc3"};

	assert_string_equal((const char *)json_write(&doc_table, &d, &a).ptr,
		"{\"name\":\"a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes_in_table_order),
		cmocka_unit_test(unknown_members_survive_sorted),
		cmocka_unit_test(null_and_empty_are_left_out),
		cmocka_unit_test(refuses_what_is_not_the_document),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(bytes_that_are_not_utf8_become_replacement_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
