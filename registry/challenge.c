#include "registry/challenge.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { CHALLENGES_MAX = 16, PARAMS_MAX = 32 };

static bool is_token(char c)
{
	return c > ' ' && c < 127 && !strchr("\"(),/:;<=>?@[\\]{}", c);
}

static const char *skip_spaces(const char *p)
{
	return p + strspn(p, " \t");
}

static char *lower(struct arena *a, const char *s, size_t n)
{
	char *out = arena_strndup(a, s, n);

	for (char *p = out; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return out;
}

// A quoted string from its first quote on; one that never ends takes the rest.
static const char *read_quoted(const char *p, struct arena *a, const char **out)
{
	char *to = arena_alloc(a, strlen(p) + 1);

	*out = to;
	for (p++; *p && *p != '"'; p++) {
		if (*p == '\\' && p[1])
			p++;
		*to++ = *p;
	}
	return *p ? p + 1 : p;
}

// Everything up to a comma or space: some write realm=https://auth.example/token unquoted.
static const char *read_bare(const char *p, struct arena *a, const char **out)
{
	const size_t n = strcspn(p, ", \t");

	*out = arena_strndup(a, p, n);
	return p + n;
}

// Base64 as in "Negotiate oRQwEqADCgE=": nothing for us. NULL where that is not what stands here.
static const char *skip_token68(const char *p)
{
	const char *from = p;

	while (isalnum((unsigned char)*p) || (*p && strchr("-._~+/", *p)))
		p++;
	if (p == from || *p != '=')
		return NULL;
	p = skip_spaces(p + strspn(p, "="));
	return !*p || *p == ',' ? p : NULL;
}

void challenges_add(const char *p, struct arena *a, struct challenges *out)
{
	struct challenge *current = NULL;

	for (;;) {
		p += strspn(p, ", \t");
		const char *from = p;

		while (is_token(*p))
			p++;
		if (p == from) {
			if (!*p)
				return;
			p++; // garbage
			continue;
		}
		char *name = lower(a, from, (size_t)(p - from));
		const char *after = skip_spaces(p), *value;

		if (*after != '=') {
			if (out->len == CHALLENGES_MAX)
				return;
			current = vec_add(a, out);
			current->scheme = name;
			p = skip_token68(after) ?: p;
			continue;
		}
		p = skip_spaces(after + 1);
		p = *p == '"' ? read_quoted(p, a, &value) : read_bare(p, a, &value);
		if (current && current->params.len < PARAMS_MAX && !challenge_get(current, name))
			vec_push(a, &current->params, (struct json_pair){name, value});
	}
}

const struct challenge *challenges_find(const struct challenges *c, const char *scheme)
{
	vec_each (it, c)
		if (!strcmp(it->scheme, scheme))
			return it;
	return NULL;
}

const char *challenge_get(const struct challenge *c, const char *name)
{
	vec_each (it, &c->params)
		if (!strcmp(it->name, name))
			return it->value;
	return NULL;
}
