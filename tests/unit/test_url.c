#include "registry/url.h"

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

static struct url parse(const char *text)
{
	struct url u;

	assert_null(url_parse(text, &arena, &u));
	return u;
}

static void parsed(void **state)
{
	struct url u = parse("HTTPS://Registry.Example/v2/?a=b%2Fc");

	(void)state;
	assert_string_equal(u.scheme, "https");
	assert_string_equal(u.host, "registry.example");
	assert_int_equal(u.port, 443);
	assert_string_equal(parse("http://[::1]:5000/x").host, "::1");
	assert_int_equal(parse("http://[::1]:5000/x").port, 5000);
}

static void refused(void **state)
{
	static const char *const cases[] = {"ftp://host/x", "file:///etc/passwd",
		"https://user:secret@host/", "/v2/", "https://ho st/", "https://host/\r\nX: y", "",
		"https://", "https://%2531/", "https://h%25st/"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct url u;
		struct err *e = url_parse(cases[i], &arena, &u);

		assert_non_null(e);
		assert_null(strstr(err_text(e), "secret"));
		err_drop(&e);
	}
}

static void resolved(void **state)
{
	static const struct {
		const char *base, *location, *expected;
	} cases[] = {
		{"http://h:5000/v2/a/blobs/uploads/", "/v2/a/blobs/uploads/1?_state=a%2Bb==&c",
			"http://h:5000/v2/a/blobs/uploads/1?_state=a%2Bb==&c"},
		{"https://h/v2/a/blobs/uploads/", "1?x", "https://h/v2/a/blobs/uploads/1?x"},
		{"https://h/v2/a/blobs/uploads/", "https://cdn.example/x?y=z",
			"https://cdn.example/x?y=z"},
		{"https://h/v2/a", "//other/x", "https://other/x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct url base = parse(cases[i].base);
		struct url to;

		assert_null(url_resolve(&base, cases[i].location, &arena, &to));
		assert_string_equal(to.text, cases[i].expected);
	}
}

static void parameters(void **state)
{
	(void)state;
	assert_string_equal(url_with("http://h/u", "digest", "sha256:ab", &arena),
		"http://h/u?digest=sha256:ab");
	assert_string_equal(url_with("http://h/u?_state=x", "a", "b c&d+", &arena),
		"http://h/u?_state=x&a=b%20c%26d%2B");
	assert_string_equal(url_shown("https://h/x?sig=secret", &arena), "https://h/x?…");
}

static void addresses(void **state)
{
	static const struct {
		const char *host;
		enum address expected;
	} cases[] = {
		{"localhost", ADDRESS_LOOPBACK},
		{"LOCALHOST.", ADDRESS_LOOPBACK},
		{"a.localhost", ADDRESS_LOOPBACK},
		{"127.0.0.1", ADDRESS_LOOPBACK},
		{"127.1", ADDRESS_LOOPBACK},
		{"2130706433", ADDRESS_LOOPBACK},
		{"0x7f000001", ADDRESS_LOOPBACK},
		{"::1", ADDRESS_LOOPBACK},
		{"[::1]", ADDRESS_LOOPBACK},
		{"::ffff:127.0.0.1", ADDRESS_LOOPBACK},
		{"169.254.169.254", ADDRESS_LINK_LOCAL},
		{"::ffff:169.254.169.254", ADDRESS_LINK_LOCAL},
		{"64:ff9b::169.254.169.254", ADDRESS_LINK_LOCAL},
		{"64:ff9b::127.0.0.1", ADDRESS_LOOPBACK},
		{"64:ff9b::10.0.0.1", ADDRESS_ORDINARY},
		{"0177.0.0.1", ADDRESS_LOOPBACK},
		{"0xa9fea9fe", ADDRESS_LINK_LOCAL},
		{"0", ADDRESS_UNSPECIFIED},
		{"fe80::1", ADDRESS_LINK_LOCAL},
		{"0.0.0.0", ADDRESS_UNSPECIFIED},
		{"::", ADDRESS_UNSPECIFIED},
		{"10.0.0.1", ADDRESS_ORDINARY},
		{"192.168.1.1", ADDRESS_ORDINARY},
		{"registry.example", ADDRESS_ORDINARY},
		{"notlocalhost", ADDRESS_ORDINARY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(address_of_host(cases[i].host), cases[i].expected);
}

static bool may(const char *from, const char *to, enum address registry)
{
	const struct url a = parse(from), b = parse(to);
	struct err *e = url_may_follow(&a, &b, registry);
	const bool yes = !e;

	err_drop(&e);
	return yes;
}

static void followed(void **state)
{
	(void)state;
	assert_true(may("https://h/", "https://cdn/", ADDRESS_ORDINARY));
	assert_true(may("http://h/", "https://h/", ADDRESS_ORDINARY));
	assert_true(may("https://h/", "https://10.0.0.1/", ADDRESS_ORDINARY));
	assert_false(may("https://h/", "http://h/", ADDRESS_ORDINARY));
	assert_false(may("https://h/", "https://127.0.0.1/", ADDRESS_ORDINARY));
	assert_false(may("http://h/", "http://169.254.169.254/latest/", ADDRESS_ORDINARY));
	assert_false(may("http://127.0.0.1/", "http://169.254.169.254/", ADDRESS_LOOPBACK));
	assert_true(may("http://127.0.0.1:5000/", "http://localhost:5001/", ADDRESS_LOOPBACK));
}

static void origins(void **state)
{
	const struct url a = parse("https://h/x"), b = parse("https://H:443/y"),
			 c = parse("https://h:444/x"), d = parse("http://h:443/x");

	(void)state;
	assert_true(url_same_origin(&a, &b));
	assert_false(url_same_origin(&a, &c));
	assert_false(url_same_origin(&a, &d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsed),
		cmocka_unit_test(refused),
		cmocka_unit_test(resolved),
		cmocka_unit_test(parameters),
		cmocka_unit_test(addresses),
		cmocka_unit_test(followed),
		cmocka_unit_test(origins),
	};

	return cmocka_run_group_tests(tests, NULL, leave);
}
