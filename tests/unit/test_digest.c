#include "base/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define ABC "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define EMPTY "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// The examples of FIPS 180-2.
static void known_values(void **state)
{
	(void)state;
	assert_string_equal(digest_of("abc", 3).text, ABC);
	assert_string_equal(digest_of("", 0).text, EMPTY);
	struct digest d = digest_of("abc", 3);

	assert_string_equal(digest_hex(&d), &ABC[7]);
}

static void parses_only_well_formed(void **state)
{
	struct digest d = {"untouched"}, e;
	char upper[] = ABC;

	(void)state;
	upper[8] = 'A';
	assert_false(digest_parse("", &d));
	assert_false(digest_parse("sha256:", &d));
	assert_false(digest_parse("sha256:../../etc/passwd", &d));
	assert_false(digest_parse(ABC "0", &d));
	assert_false(digest_parse(ABC "\n", &d));
	assert_false(digest_parse(ABC "/", &d));
	assert_false(digest_parse(upper, &d));
	assert_false(digest_parse(&ABC[1], &d));
	assert_false(
		digest_parse("sha512:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f2"
			     "0015ad",
			&d));
	assert_string_equal(d.text, "untouched");
	assert_true(digest_parse(ABC, &d));
	assert_string_equal(d.text, ABC);
	e = digest_of("abc", 3);
	assert_true(digest_equal(&d, &e));
	e = digest_of("abd", 3);
	assert_false(digest_equal(&d, &e));
}

static void hasher_passes_on(void **state)
{
	struct buffer b;
	struct hasher h;

	(void)state;
	buffer_init(&b, 100, "test");
	hasher_init(&h, &b.sink);
	assert_null(sink_write(&h.sink, "a", 1));
	assert_null(sink_write(&h.sink, "bc", 2));
	assert_null(sink_finish(&h.sink));
	assert_int_equal(h.size, 3);
	assert_string_equal(hasher_digest(&h).text, ABC);
	assert_string_equal(b.bytes, "abc");
	buffer_drop(&b);
	hasher_init(&h, NULL);
	assert_null(sink_finish(&h.sink));
	assert_string_equal(hasher_digest(&h).text, EMPTY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values),
		cmocka_unit_test(parses_only_well_formed),
		cmocka_unit_test(hasher_passes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
