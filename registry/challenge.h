// WWW-Authenticate (RFC 9110, 11.6.1): what a registry asks for.
#pragma once
#include "base/json.h"

struct challenge {
	const char *scheme;      // in lower case: "basic", "bearer"
	struct json_dict params; // names in lower case, values without quotes
};
struct challenges {
	struct challenge *at;
	size_t len, cap;
};

// Adds the challenges of one header's value. What is malformed is skipped: another challenge beside
// it may be one we understand.
void challenges_add(const char *p, struct arena *a, struct challenges *out);
// The first one of that scheme, NULL if there is none.
const struct challenge *challenges_find(const struct challenges *c, const char *scheme);
// A parameter's value, NULL where there is none.
const char *challenge_get(const struct challenge *c, const char *name);
