// Reads: registry/headers.c registry/url.c
//
// Values of an answer's headers: bounded numbers, text that a terminal may show, and URLs that mean
// the same when they are read again and lead nowhere they must not.
#include <string.h>

#include "registry/headers.h"
#include "registry/url.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOB = 1000, NOW = 784111777, URL_LONG = 16000 };

static bool same(const struct url *x, const struct url *y)
{
	return !strcmp(x->text, y->text) && url_same_origin(x, y);
}

static void check_url(const struct url *u, struct arena *a)
{
	struct url again;

	must(!strcmp(u->scheme, "http") || !strcmp(u->scheme, "https"));
	must(*u->host && u->port >= 0 && u->port <= 65535);
	for (const char *p = u->text; *p; p++)
		must((unsigned char)*p > ' ' && *p != 127);
	must(!url_parse(u->text, a, &again) && same(u, &again));
	must(!strpbrk(url_shown(u->text, a), "?#") || strstr(url_shown(u->text, a), "?…"));
	if (strlen(u->text) > URL_LONG) // with more behind it, it may be too long
		return;
	must(!url_parse(url_with(u->text, "digest", "sha256:a b", a), a, &again));
	must(url_same_origin(u, &again) || strchr(u->text, '#'));
}

static void check_location(const char *value, struct arena *a)
{
	struct url base, to;
	struct err *e = url_parse("https://reg.example:5000/v2/a?x=1", a, &base);

	must(!e);
	e = url_resolve(&base, value, a, &to);
	if (e) {
		must(err_kind(e) == ERR_NETWORK);
		err_drop(&e);
		return;
	}
	check_url(&to, a);
	e = url_may_follow(&base, &to, ADDRESS_ORDINARY);
	must(e || (!strcmp(to.scheme, "https") && address_of_host(to.host) == ADDRESS_ORDINARY));
	err_drop(&e);
}

static void check_numbers(const char *value)
{
	const int64_t ms = header_retry_after(value, NOW);
	uint64_t n;

	must(ms >= -1 && ms <= RETRY_AFTER_MAX * 1000);
	must(!header_range(value, BLOB, &n) || n <= BLOB);
	(void)header_content_range(value, &n);
	must(header_chunk_least(value) <= INT64_MAX);
}

static void check_texts(const char *value, struct arena *a)
{
	const char *next = header_next_page(value, a);
	char text[32];

	must(!next || (strlen(next) < strlen(value) && !strchr(next, '>')));
	must(!strpbrk(header_media_type(value, a), "; \t"));
	if (!header_warning(value, text, sizeof(text)))
		return;
	must(strlen(text) < sizeof(text));
	for (const char *p = text; *p; p++)
		must((unsigned char)*p >= ' ' && *p != 127 && *p != '"');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	drop(arena_drop) struct arena a = {0};
	const char *value = arena_strndup(&a, (const char *)data, size);

	check_numbers(value);
	check_texts(value, &a);
	check_location(value, &a);
	(void)address_of_host(value);
	return 0;
}
