// URLs that registries hand out: what they mean, and whether they may be followed.
#pragma once
#include <netinet/in.h>
#include <stdbool.h>

#include "base/err.h"

struct url {
	const char *text;          // whole
	const char *scheme, *host; // host without brackets, in lower case
	int port;
};

// Absolute, http or https, without user and password; at most 16 KiB. Strings live in the arena.
must_check struct err *url_parse(const char *text, struct arena *a, struct url *out);
// A Location as an answer from base gave it, relative or not (RFC 3986). The query stays verbatim.
must_check struct err *url_resolve(
	const struct url *base, const char *location, struct arena *a, struct url *out);
// With the parameter appended by "?" or "&"; the value is percent-encoded.
char *url_with(const char *url, const char *name, const char *value, struct arena *a);
bool url_same_origin(const struct url *a, const struct url *b);
// For messages and logs: without query, which may hold a signature.
char *url_shown(const char *url, struct arena *a);

// Places that no host elsewhere has a business to send us to.
enum address { ADDRESS_ORDINARY, ADDRESS_LOOPBACK, ADDRESS_LINK_LOCAL, ADDRESS_UNSPECIFIED };
// Of a host as written: "localhost", "127.1", "[::1]", "169.254.169.254"; names are ORDINARY.
enum address address_of_host(const char *host);
enum address address_of(const struct sockaddr *sa);

// May `from` send us on to `to`? Never from https to http, and never to loopback, link-local or
// unspecified addresses unless the registry itself is at such a one. ERR_NETWORK says why not.
must_check struct err *url_may_follow(
	const struct url *from, const struct url *to, enum address registry);
