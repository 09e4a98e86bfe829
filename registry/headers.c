#include "registry/headers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "registry/curl.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

// Seconds until an HTTP date, -1 for one that is past or none.
static double seconds_until(const char *date, time_t now)
{
	const struct curl_table *c;
	struct err *e = curl_load(&c);

	if (e) {
		err_drop(&e);
		return -1;
	}
	const time_t then = c->getdate(date, NULL);

	return then == -1 ? -1 : difftime(then, now);
}

int64_t header_retry_after(const char *value, time_t now)
{
	double seconds = -1;
	char *end;

	if (is_digit(*value)) {
		seconds = strtod(value, &end);
		if (end[strspn(end, " \t")])
			seconds = -1;
	}
	if (seconds < 0)
		seconds = seconds_until(value, now);
	if (seconds < 0)
		return -1;
	return (int64_t)((seconds < RETRY_AFTER_MAX ? seconds : RETRY_AFTER_MAX) * 1000);
}

bool header_range(const char *value, uint64_t size, uint64_t *out)
{
	char *end;

	if (!strncasecmp(value, "bytes", 5))
		value += 5 + strspn(value + 5, "= ");
	if (strncmp(value, "0-", 2) || !is_digit(value[2]))
		return false;
	const unsigned long long last = strtoull(value + 2, &end, 10);

	if (*end || last >= size)
		return false;
	*out = last ? last + 1 : 0; // "0-0" is what an empty session says
	return true;
}

bool header_content_range(const char *value, uint64_t *from)
{
	char *end;

	if (strncasecmp(value, "bytes ", 6) || !is_digit(value[6]))
		return false;
	*from = strtoull(value + 6, &end, 10);
	return *end == '-';
}

uint64_t header_chunk_least(const char *value)
{
	const long long n = strtoll(value, NULL, 10);

	return n > 0 ? (uint64_t)n : 0;
}

const char *header_next_page(const char *value, struct arena *a)
{
	const char *end = *value == '<' ? strchr(value, '>') : NULL;

	if (!end || (!strstr(end, "rel=\"next\"") && !strstr(end, "rel=next")))
		return NULL;
	return arena_strndup(a, value + 1, (size_t)(end - value - 1));
}

bool header_warning(const char *value, char *text, size_t n)
{
	size_t len = 0;

	if (strncmp(value, "299 ", 4))
		return false;
	value = strchr(value, '"') ?: "\"";
	for (value++; *value && *value != '"' && len + 1 < n; value++)
		if ((unsigned char)*value >= ' ' && *value != 127)
			text[len++] = *value;
	text[len] = '\0';
	return true;
}

const char *header_media_type(const char *value, struct arena *a)
{
	return arena_strndup(a, value, strcspn(value, "; \t"));
}
