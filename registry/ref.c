#include "registry/ref.h"

#include <stdbool.h>
#include <string.h>

// The rules are those of github.com/distribution/reference: reference.go holds the grammar,
// normalize.go what a bare name means.

#define DEFAULT_HOST "docker.io"
#define OFFICIAL "library/"

enum { NAME_MAX_BYTES = 255, TAG_MAX_BYTES = 128, IDENTIFIER_BYTES = 64 };

static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
	return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

static bool has_capital(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] >= 'A' && s[i] <= 'Z')
			return true;
	return false;
}

static bool is_hex(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(s[i] >= '0' && s[i] <= '9') && !(s[i] >= 'a' && s[i] <= 'f'))
			return false;
	return true;
}

static struct err *refuse(const char *text, const char *why)
{
	const char *at = strrchr(text, '@');

	// Somebody's user:password@ is not repeated.
	if (at && strncmp(at, "@sha", 4) && strchr(text, ':') < at)
		return err_new(ERR_USAGE, "image name '…%.300s': %s", at, why);
	return err_new(ERR_USAGE, "image name '%.300s': %s", text, why);
}

// component := alnum+ (("." | "_" | "__" | "-"+) alnum+)*, all in lower case. NULL: well-formed,
// else the reason.
static const char *component_fault(const char *s, size_t n)
{
	size_t i = 0;

	if (!n)
		return "a part of its path is empty";
	while (i < n) {
		size_t from = i;

		while (i < n && is_lower_alnum(s[i]))
			i++;
		if (i == from || (i < n && i + 1 == n))
			break;
		if (i == n)
			return NULL;
		if (s[i] == '-')
			i += strspn(s + i, "-");
		else if (s[i] == '_')
			i += 1 + (s[i + 1] == '_');
		else if (s[i] == '.')
			i++;
		else
			break;
		if (i >= n)
			break;
	}
	if (has_capital(s, n))
		return "its path holds a capital letter";
	return "each part of its path is letters and digits, joined by '.', '_', '__' or dashes";
}

static const char *path_fault(const char *path)
{
	for (;;) {
		size_t n = strcspn(path, "/");
		const char *fault = component_fault(path, n);

		if (fault || !path[n])
			return fault;
		path += n + 1;
	}
}

static const char *port_fault(const char *s, size_t n)
{
	if (!n)
		return "its port is empty";
	for (size_t i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return "its port is not a number";
	return NULL;
}

// "[" (hex | ":")+ "]", from s[0] on; *used is its length.
static const char *bracket_fault(const char *s, size_t n, size_t *used)
{
	size_t i = 1;

	for (; i < n && s[i] != ']'; i++) {
		if (s[i] == '%')
			return "an IPv6 host has no zone here";
		if (s[i] != ':' && !(is_hex(s + i, 1) || (s[i] >= 'A' && s[i] <= 'F')))
			return "its IPv6 host is malformed";
	}
	if (i == n || i == 1)
		return "its IPv6 host is malformed";
	*used = i + 1;
	return NULL;
}

// label ("." label)*; *end is where it ends.
static bool is_host_name(const char *s, size_t n, size_t *end)
{
	size_t i;

	for (i = 0; i < n && s[i] != ':'; i++) {
		bool first = i == 0 || s[i - 1] == '.';
		bool last = i + 1 == n || s[i + 1] == '.' || s[i + 1] == ':';

		if (!is_alnum(s[i]) && ((s[i] != '-' && s[i] != '.') || first || last))
			return false;
	}
	*end = i;
	return i > 0;
}

// host := (label ("." label)* | "[" IPv6 "]") (":" port)?; a label neither begins nor ends with a
// dash.
static const char *host_fault(const char *s, size_t n)
{
	size_t i = 0;

	if (n && s[0] == '[') {
		const char *fault = bracket_fault(s, n, &i);

		if (fault)
			return fault;
	} else if (!is_host_name(s, n, &i)) {
		return "its host is malformed";
	}
	if (i == n)
		return NULL;
	return s[i] == ':' ? port_fault(s + i + 1, n - i - 1) : "its host is malformed";
}

static const char *tag_fault(const char *tag)
{
	size_t n = strlen(tag);

	if (!n)
		return "its tag is empty";
	if (n > TAG_MAX_BYTES)
		return "its tag has more than 128 characters";
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(tag[i]) && tag[i] != '_' && (!i || (tag[i] != '.' && tag[i] != '-')))
			return "a tag is letters, digits and '_', and from the second on '.' and '-'";
	return NULL;
}

// Is the first of several parts a host, and not part of a path on Docker Hub? Newer engines take
// one with a capital for a host as well; Docker 20.10 takes none that is named so.
static bool names_host(const char *s, size_t n)
{
	return (n == 9 && !memcmp(s, "localhost", 9)) || memchr(s, '.', n) || memchr(s, ':', n);
}

// Cuts "@digest" and ":tag" off the end of name and keeps them in out.
static const char *cut_suffixes(char *name, struct ref *out)
{
	char *at = strchr(name, '@'), *slash, *colon;
	const char *fault;
	struct digest digest;

	if (at) {
		*at++ = 0;
		if (strncmp(at, "sha256:", 7))
			return "its digest does not begin with sha256:";
		if (!digest_parse(at, &digest))
			return "a sha256 digest has 64 hex digits in lower case";
		strcpy(out->digest, digest.text);
	}
	slash = strrchr(name, '/');
	colon = strchr(slash ? slash : name, ':');
	if (colon) {
		*colon++ = 0;
		fault = tag_fault(colon);
		if (fault)
			return fault;
		strcpy(out->tag, colon);
	}
	return NULL;
}

// name is host and path, without tag and digest.
static const char *split_name(const char *name, struct ref *out)
{
	const char *slash = strchr(name, '/'), *path = name, *fault, *prefix = "";
	size_t host = slash ? (size_t)(slash - name) : 0;

	if (strlen(name) > NAME_MAX_BYTES)
		return "it has more than 255 characters";
	strcpy(out->host, DEFAULT_HOST);
	if (slash && names_host(name, host)) {
		fault = host_fault(name, host);
		if (fault)
			return fault;
		memcpy(out->host, name, host);
		out->host[host] = 0;
		path = slash + 1;
		if (!strcmp(out->host, "index.docker.io"))
			strcpy(out->host, DEFAULT_HOST);
	}
	if (path == name && has_capital(name, host))
		return "its path holds a capital letter; a host would have a '.' or ':' too";
	fault = path_fault(path);
	if (fault)
		return fault;
	if (!strcmp(out->host, DEFAULT_HOST) && !strchr(path, '/'))
		prefix = OFFICIAL;
	if (strlen(prefix) + strlen(path) > NAME_MAX_BYTES)
		return "it has more than 255 characters";
	strcpy(out->repository, prefix);
	strcat(out->repository, path);
	return NULL;
}

struct err *ref_parse(const char *text, struct ref *out)
{
	// Longer than any valid one: name, ":", tag, "@", digest.
	char name[NAME_MAX_BYTES + 1 + TAG_MAX_BYTES + sizeof(out->digest) + 1];
	const char *fault;

	*out = (struct ref){0};
	if (!*text)
		return refuse(text, "it is empty");
	if (strstr(text, "://"))
		return err_hint(refuse(text, "a name has no scheme"), "leave out '%.*s'",
			(int)(strstr(text, "://") - text + 3), text);
	if (strlen(text) == IDENTIFIER_BYTES && is_hex(text, IDENTIFIER_BYTES))
		return refuse(text, "64 hex digits are an image's ID, not its name");
	if (strpbrk(text, " \t\n\v\f\r"))
		return refuse(text, "it holds a blank");
	if (strlen(text) >= sizeof(name))
		return refuse(text, "it is too long");
	strcpy(name, text);
	fault = cut_suffixes(name, out);
	if (!fault && !*name)
		fault = "nothing stands before its tag or digest";
	if (!fault)
		fault = split_name(name, out);
	return fault ? refuse(text, fault) : NULL;
}

const char *ref_tag(const struct ref *r)
{
	return *r->tag || *r->digest ? r->tag : "latest";
}

static char *with_suffixes(const struct ref *r, const char *host, const char *path, struct arena *a)
{
	const char *tag = ref_tag(r);

	return arena_printf(a, "%s%s%s%s%s%s%s", host, *host ? "/" : "", path, *tag ? ":" : "", tag,
		*r->digest ? "@" : "", r->digest);
}

char *ref_full(const struct ref *r, struct arena *a)
{
	return with_suffixes(r, r->host, r->repository, a);
}

char *ref_familiar(const struct ref *r, struct arena *a)
{
	const char *path = r->repository, *slash;

	if (strcmp(r->host, DEFAULT_HOST))
		return ref_full(r, a);
	if (!strncmp(path, OFFICIAL, strlen(OFFICIAL)) && !strchr(path + strlen(OFFICIAL), '/'))
		path += strlen(OFFICIAL);
	// A path that begins like a host would be read as one.
	slash = strchr(path, '/');
	if (slash && names_host(path, (size_t)(slash - path)))
		return ref_full(r, a);
	return with_suffixes(r, "", path, a);
}
