#include "registry/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "registry/curl.h"

#define URL_MAX (16u << 10)

static struct err *get_part(
	const struct curl_table *c, CURLU *u, CURLUPart part, struct arena *a, const char **out)
{
	char *text = NULL;

	if (c->url_get(u, part, &text, part == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0))
		return err_new(ERR_NETWORK, "malformed URL");
	*out = arena_strdup(a, text);
	c->free(text);
	return NULL;
}

// A name or an address. libcurl decodes "%25" in it, and what then holds a '%' would be decoded
// again.
static bool is_host(const char *host)
{
	return *host &&
		!host[strspn(host,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"0123456789-._:[]")];
}

static struct err *check_length(const char *url)
{
	return strlen(url) > URL_MAX ? err_new(ERR_NETWORK, "URL of more than %u bytes", URL_MAX)
				     : NULL;
}

static struct err *fill(const struct curl_table *c, CURLU *u, struct arena *a, struct url *out)
{
	const char *port, *host;
	size_t n;

	TRY(get_part(c, u, CURLUPART_URL, a, &out->text));
	TRY(check_length(out->text)); // resolved and encoded
	TRY(get_part(c, u, CURLUPART_SCHEME, a, &out->scheme));
	TRY(get_part(c, u, CURLUPART_HOST, a, &host));
	TRY(get_part(c, u, CURLUPART_PORT, a, &port));
	if (strcmp(out->scheme, "http") && strcmp(out->scheme, "https"))
		return err_new(ERR_NETWORK, "URL with scheme %.20s", out->scheme);
	if (!is_host(host))
		return err_new(ERR_NETWORK, "URL with a malformed host");
	n = strlen(host);
	char *plain =
		*host == '[' && n > 2 ? arena_strndup(a, host + 1, n - 2) : arena_strdup(a, host);

	for (char *p = plain; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	out->host = plain;
	out->port = (int)strtol(port, NULL, 10);
	return NULL;
}

static void url_handle_drop(CURLU **u)
{
	const struct curl_table *c;
	struct err *e = curl_load(&c);

	err_drop(&e);
	if (*u)
		c->url_cleanup(*u);
}

static struct err *set(const struct curl_table *c, CURLU *u, const char *text)
{
	TRY(check_length(text));
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			return err_new(ERR_NETWORK, "URL with control characters");
	if (c->url_set(u, CURLUPART_URL, text, CURLU_DISALLOW_USER | CURLU_NON_SUPPORT_SCHEME))
		return err_new(ERR_NETWORK, "malformed URL");
	return NULL;
}

struct err *url_parse(const char *text, struct arena *a, struct url *out)
{
	const struct curl_table *c;

	TRY(curl_load(&c));
	drop(url_handle_drop) CURLU *u = c->url();

	TRY(set(c, u, text));
	return fill(c, u, a, out);
}

struct err *url_resolve(
	const struct url *base, const char *location, struct arena *a, struct url *out)
{
	const struct curl_table *c;

	TRY(curl_load(&c));
	drop(url_handle_drop) CURLU *u = c->url();

	TRY(set(c, u, base->text));
	TRY(set(c, u, location));
	return fill(c, u, a, out);
}

char *url_with(const char *url, const char *name, const char *value, struct arena *a)
{
	static const char hex[] = "0123456789ABCDEF";
	const size_t n = strlen(value);
	char *encoded = arena_alloc(a, n * 3 + 1), *to = encoded;

	for (const char *p = value; *p; p++) {
		const unsigned char b = (unsigned char)*p;

		if (isalnum(b) || strchr("-._~:/", b)) {
			*to++ = *p;
			continue;
		}
		*to++ = '%';
		*to++ = hex[b >> 4];
		*to++ = hex[b & 15];
	}
	if (!*url) // the first parameter of a form
		return arena_printf(a, "%s=%s", name, encoded);
	const char *mark = strchr(url, '?');

	return arena_printf(a, "%s%s%s=%s", url, !mark ? "?" : mark[1] ? "&" : "", name, encoded);
}

bool url_same_origin(const struct url *a, const struct url *b)
{
	return !strcmp(a->scheme, b->scheme) && !strcmp(a->host, b->host) && a->port == b->port;
}

char *url_shown(const char *url, struct arena *a)
{
	const size_t n = strcspn(url, "?#");

	return arena_printf(a, "%.*s%s", (int)(n < 300 ? n : 300), url, url[n] ? "?…" : "");
}

static enum address address_of_v4(struct in_addr in)
{
	const uint32_t ip = ntohl(in.s_addr);

	if (ip >> 24 == 127)
		return ADDRESS_LOOPBACK;
	if (ip >> 16 == 0xa9fe) // 169.254.0.0/16
		return ADDRESS_LINK_LOCAL;
	return ip >> 24 == 0 ? ADDRESS_UNSPECIFIED : ADDRESS_ORDINARY;
}

static enum address address_of_v6(const struct in6_addr *in)
{
	struct in_addr v4;

	// RFC 6052: behind NAT64 that is the IPv4 address, too.
	static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};

	if (IN6_IS_ADDR_V4MAPPED(in) || !memcmp(in->s6_addr, nat64, sizeof(nat64))) {
		memcpy(&v4, &in->s6_addr[12], 4);
		return address_of_v4(v4);
	}
	if (IN6_IS_ADDR_LOOPBACK(in))
		return ADDRESS_LOOPBACK;
	if (IN6_IS_ADDR_LINKLOCAL(in))
		return ADDRESS_LINK_LOCAL;
	return IN6_IS_ADDR_UNSPECIFIED(in) ? ADDRESS_UNSPECIFIED : ADDRESS_ORDINARY;
}

enum address address_of(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return address_of_v4(((const struct sockaddr_in *)(const void *)sa)->sin_addr);
	if (sa->sa_family == AF_INET6)
		return address_of_v6(&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
	return ADDRESS_ORDINARY;
}

enum address address_of_host(const char *host)
{
	char plain[256];
	struct in_addr v4;
	struct in6_addr v6;
	size_t n = strlen(host);

	if (n && host[0] == '[' && host[n - 1] == ']') {
		host++;
		n -= 2;
	}
	if (n && host[n - 1] == '.')
		n--;
	if (!n || n >= sizeof(plain))
		return ADDRESS_ORDINARY;
	memcpy(plain, host, n);
	plain[n] = '\0';
	if (!strcasecmp(plain, "localhost") ||
		(n > 10 && !strcasecmp(plain + n - 10, ".localhost"))) // RFC 6761
		return ADDRESS_LOOPBACK;
	if (inet_aton(plain, &v4)) // takes 127.1 and 0x7f000001 too, as resolvers do
		return address_of_v4(v4);
	plain[strcspn(plain, "%")] = '\0';
	return inet_pton(AF_INET6, plain, &v6) == 1 ? address_of_v6(&v6) : ADDRESS_ORDINARY;
}

struct err *url_may_follow(const struct url *from, const struct url *to, enum address registry)
{
	static const char *const words[] = {
		"", "a loopback address", "a link-local address", "no address at all"};
	const enum address at = address_of_host(to->host);

	if (!strcmp(from->scheme, "https") && strcmp(to->scheme, "https"))
		return err_new(
			ERR_NETWORK, "%s leads from https to http, which is refused", from->host);
	if (at != ADDRESS_ORDINARY && at != registry)
		return err_new(ERR_NETWORK, "%s leads to %s (%s), which is refused", from->host,
			to->host, words[at]);
	return NULL;
}
