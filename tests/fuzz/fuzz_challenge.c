// Reads: registry/challenge.c
//
// WWW-Authenticate, one header a line: challenges within their bounds, each parameter once.
#include <ctype.h>
#include <string.h>

#include "registry/challenge.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name)
{
	must(*name);
	for (; *name; name++)
		must(*name > ' ' && !isupper((unsigned char)*name) && *name != '"');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	drop(arena_drop) struct arena a = {0};
	char *text = arena_strndup(&a, (const char *)data, size), *line;
	struct challenges all = {0};

	while ((line = strsep(&text, "\n")))
		challenges_add(line, &a, &all);
	must(all.len <= 16);
	vec_each (c, &all) {
		check_name(c->scheme);
		must(challenges_find(&all, c->scheme) <= c && c->params.len <= 32);
		vec_each (p, &c->params) {
			check_name(p->name);
			must(challenge_get(c, p->name) == p->value);
		}
	}
	return 0;
}
