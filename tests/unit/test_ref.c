#include "registry/ref.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define HEX64 "1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5c7b9a1f3e5d7c9b1a3f"
#define SHA "sha256:" HEX64
#define TAG128                                                                                     \
	"v0123456789012345678901234567890123456789012345678901234567890123"                        \
	"456789012345678901234567890123456789012345678901234567890123456"

static const struct {
	const char *text, *host, *repository, *tag, *digest, *familiar;
} valid[] = {
	{"debian", "docker.io", "library/debian", "", "", "debian:latest"},
	{"debian:12", "docker.io", "library/debian", "12", "", "debian:12"},
	{"library/debian", "docker.io", "library/debian", "", "", "debian:latest"},
	{"docker.io/debian", "docker.io", "library/debian", "", "", "debian:latest"},
	{"docker.io/library/debian", "docker.io", "library/debian", "", "", "debian:latest"},
	{"index.docker.io/debian", "docker.io", "library/debian", "", "", "debian:latest"},
	{"index.docker.io/user/sensor", "docker.io", "user/sensor", "", "", "user/sensor:latest"},
	{"user/sensor:1.2", "docker.io", "user/sensor", "1.2", "", "user/sensor:1.2"},
	{"library/a/b", "docker.io", "library/a/b", "", "", "library/a/b:latest"},
	{"host:5000/a/b@" SHA, "host:5000", "a/b", "", SHA, "host:5000/a/b@" SHA},
	{"a/b:tag@" SHA, "docker.io", "a/b", "tag", SHA, "a/b:tag@" SHA},
	{"debian@" SHA, "docker.io", "library/debian", "", SHA, "debian@" SHA},
	{"test.com:5000", "docker.io", "library/test.com", "5000", "", "test.com:5000"},
	{"test:5000/repo", "test:5000", "repo", "", "", "test:5000/repo:latest"},
	{"test:5000/repo:tag@" SHA, "test:5000", "repo", "tag", SHA, "test:5000/repo:tag@" SHA},
	{"localhost/x", "localhost", "x", "", "", "localhost/x:latest"},
	{"localhost", "docker.io", "library/localhost", "", "", "localhost:latest"},
	{"localhost:5000", "docker.io", "library/localhost", "5000", "", "localhost:5000"},
	{"docker.io/localhost/x", "docker.io", "localhost/x", "", "",
		"docker.io/localhost/x:latest"},
	{"docker.io/test.com/x", "docker.io", "test.com/x", "", "", "docker.io/test.com/x:latest"},
	{"Upper.case/lowercase:Tag", "Upper.case", "lowercase", "Tag", "",
		"Upper.case/lowercase:Tag"},
	{"HOST:5000/x", "HOST:5000", "x", "", "", "HOST:5000/x:latest"},
	{"[::1]:5000/repo", "[::1]:5000", "repo", "", "", "[::1]:5000/repo:latest"},
	{"[2001:db8::1]/repo", "[2001:db8::1]", "repo", "", "", "[2001:db8::1]/repo:latest"},
	{"[2001:DB8::1]:5000/r@" SHA, "[2001:DB8::1]:5000", "r", "", SHA,
		"[2001:DB8::1]:5000/r@" SHA},
	{"192.168.1.1", "docker.io", "library/192.168.1.1", "", "", "192.168.1.1:latest"},
	{"192.168.1.1:5000/repo", "192.168.1.1:5000", "repo", "", "",
		"192.168.1.1:5000/repo:latest"},
	{"sub-dom1.foo.com/bar/baz/quux:some-long-tag", "sub-dom1.foo.com", "bar/baz/quux",
		"some-long-tag", "", "sub-dom1.foo.com/bar/baz/quux:some-long-tag"},
	{"b.gcr.io/test.example.com/my-app:test.example.com", "b.gcr.io", "test.example.com/my-app",
		"test.example.com", "", "b.gcr.io/test.example.com/my-app:test.example.com"},
	{"xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com", "myimage", "xn--n3h.com", "",
		"xn--n3h.com/myimage:xn--n3h.com"},
	{"foo_bar.com:8080", "docker.io", "library/foo_bar.com", "8080", "", "foo_bar.com:8080"},
	{"a__b/c---d.e_f", "docker.io", "a__b/c---d.e_f", "", "", "a__b/c---d.e_f:latest"},
	{"a:_tag.-", "docker.io", "library/a", "_tag.-", "", "a:_tag.-"},
	{"a:" TAG128, "docker.io", "library/a", TAG128, "", "a:" TAG128},
	// Hex digits of another number, or with a tag, are a name like any other.
	{"a" HEX64, "docker.io", "library/a" HEX64, "", "", "a" HEX64 ":latest"},
	{HEX64 ":1", "docker.io", "library/" HEX64, "1", "", HEX64 ":1"},
};

// The reason that must be given stands beside each.
static const struct {
	const char *text, *why;
} invalid[] = {
	{"", "empty"},
	{":tag", "nothing stands before"},
	{"@" SHA, "nothing stands before"},
	{"docker/Docker", "capital"},
	{"Debian", "capital"},
	{"Uppercase/lowercase:Tag", "a host would have a '.'"},
	{"LOCALHOST/x", "a host would have a '.'"},
	{"bad name", "blank"},
	{"x/y z:1", "blank"},
	{"tab\t", "blank"},
	{"docker.io/docker/Docker", "capital"},
	{"-docker", "each part"},
	{"-docker/docker", "each part"},
	{"-docker.io/docker/docker", "host is malformed"},
	{"docker.io-/docker/docker", "host is malformed"},
	{"a..b/c", "host is malformed"},
	{".a/c", "host is malformed"},
	{"foo_bar.com/x", "host is malformed"},
	{"a///b", "empty"},
	{"a/", "empty"},
	{"/a", "empty"},
	{"docker.io/", "empty"},
	{"a.b//c", "empty"},
	{"foo-/bar", "each part"},
	{"foo/bar-", "each part"},
	{"foo/_bar", "each part"},
	{"foo/bar_", "each part"},
	{"foo/a___b", "each part"},
	{"foo/a._b", "each part"},
	{"foo/a..b", "each part"},
	{"aa/asdf$$^/aa", "each part"},
	{"a b", "blank"},
	{"caf\xc3\xa9", "each part"},
	{"a\n", "blank"},
	{"https://github.com/docker/docker", "no scheme"},
	{"docker://debian", "no scheme"},
	{HEX64, "64 hex digits"},
	{"[fe80::1%eth0]:5000/r", "zone"},
	{"[::1]", "tag"},
	{"[]/r", "each part"},
	{"[::1/r", "IPv6"},
	{"[::g]/r", "IPv6"},
	{"[:]:x/r", "port is not a number"},
	{"[::1]5000/r", "host is malformed"},
	{"host:/r", "port is empty"},
	{"host:50a/r", "port is not a number"},
	{"a:", "tag is empty"},
	{"a:.tag", "a tag is"},
	{"a:-tag", "a tag is"},
	{"a:t+g", "a tag is"},
	{"a:b:c", "a tag is"},
	{"a:" TAG128 "x", "more than 128"},
	{"a@" SHA "0", "64 hex digits"},
	{"a@sha256:1a3f", "64 hex digits"},
	{"a@sha256:1A3F5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5c7b9a1f3e5d7c9b1a3f", "lower case"},
	{"a@sha512:" HEX64 HEX64, "sha256:"},
	{"a@" HEX64, "sha256:"},
	{"a@", "sha256:"},
	{"a@" SHA "@" SHA, "64 hex digits"},
};

static struct ref parsed(const char *text)
{
	struct ref r;
	struct err *e = ref_parse(text, &r);

	if (e)
		fail_msg("%s", err_text(e));
	return r;
}

static void reads_valid_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(valid) / sizeof(*valid); i++) {
		struct ref r = parsed(valid[i].text);

		assert_string_equal(r.host, valid[i].host);
		assert_string_equal(r.repository, valid[i].repository);
		assert_string_equal(r.tag, valid[i].tag);
		assert_string_equal(r.digest, valid[i].digest);
	}
}

// Written in either form and read again, a name stays what it was.
static void writes_what_it_reads(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(valid) / sizeof(*valid); i++) {
		drop(arena_drop) struct arena a = {0};
		struct ref r = parsed(valid[i].text), again;
		char *full = ref_full(&r, &a), *familiar = ref_familiar(&r, &a);

		assert_string_equal(familiar, valid[i].familiar);
		assert_memory_equal(full, r.host, strlen(r.host));
		again = parsed(full);
		assert_string_equal(ref_full(&again, &a), full);
		assert_string_equal(again.repository, r.repository);
		again = parsed(familiar);
		assert_string_equal(ref_full(&again, &a), full);
	}
}

static void refuses_invalid_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(invalid) / sizeof(*invalid); i++) {
		struct ref r;
		struct err *e = ref_parse(invalid[i].text, &r);

		if (!e)
			fail_msg("taken: '%s'", invalid[i].text);
		assert_int_equal(err_kind(e), ERR_USAGE);
		if (!strstr(err_text(e), invalid[i].why))
			fail_msg("'%s' is not the reason in: %s", invalid[i].why, err_text(e));
		err_drop(&e);
	}
}

static void full_names(void **state)
{
	drop(arena_drop) struct arena a = {0};
	struct ref r = parsed("debian");

	(void)state;
	assert_string_equal(ref_full(&r, &a), "docker.io/library/debian:latest");
	assert_string_equal(ref_tag(&r), "latest");
	r = parsed("debian:12");
	assert_string_equal(ref_full(&r, &a), "docker.io/library/debian:12");
	assert_string_equal(ref_tag(&r), "12");
	r = parsed("debian@" SHA);
	assert_string_equal(ref_full(&r, &a), "docker.io/library/debian@" SHA);
	assert_string_equal(ref_tag(&r), "");
	r = parsed("debian:12@" SHA);
	assert_string_equal(ref_full(&r, &a), "docker.io/library/debian:12@" SHA);
	assert_string_equal(ref_tag(&r), "12");
}

// Takes or refuses a name of n bytes, made of "a/a/a/…a" behind the given host.
static void check_length(const char *host, size_t n, bool taken)
{
	char text[2200];
	struct ref r;
	struct err *e;

	strcpy(text, host);
	for (size_t i = strlen(host); i < n; i++)
		text[i] = (n - i) % 2 ? 'a' : '/';
	text[n] = 0;
	e = ref_parse(text, &r);
	assert_int_equal(taken, !e);
	err_drop(&e);
	strcat(text, ":tag@" SHA);
	e = ref_parse(text, &r);
	assert_int_equal(taken, !e);
	err_drop(&e);
}

static void lengths(void **state)
{
	char text[256];
	struct ref r;
	struct err *e;

	(void)state;
	check_length("", 255, true);
	check_length("", 257, false);
	check_length("host.com/", 254, true);
	check_length("host.com:50/", 255, true);
	check_length("host.com/", 256, false);
	check_length("host.com/", 1999, false);
	// "library/" counts: the repository's name has at most 255 bytes as well.
	memset(text, 'a', 248);
	text[247] = 0;
	assert_null(ref_parse(text, &r));
	assert_int_equal(strlen(r.repository), 255);
	text[247] = 'a';
	text[248] = 0;
	e = ref_parse(text, &r);
	assert_non_null(e);
	err_drop(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_valid_names),
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(refuses_invalid_names),
		cmocka_unit_test(full_names),
		cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
