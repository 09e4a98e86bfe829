// The documents that registries, token services and engines answer with.
#pragma once
#include <stdint.h>

#include "base/span.h"
#include "oci/transport.h"

// What an answer that refuses says, in one line of at most n - 1 bytes without control characters,
// "" where it has no words: {"errors":[{"code","message"}]} of a registry, {"details"}, {"message"}
// and OAuth's of token services, else the first line of what is no HTML.
void answer_complaint(struct span body, char *out, size_t n);
// Text behind what is in `out` already, in the same manner; NULL: nothing.
void answer_add_clean(char *out, size_t n, const char *text);
// A token service's token and how many seconds it lives.
must_check struct err *answer_token(
	struct span body, struct arena *a, const char **token, int64_t *seconds);
// The media type of a manifest or index: what Content-Type (NULL: not given) and the document say
// must be one, and be `wanted` where that is not NULL.
must_check struct err *answer_document_type(struct span body, const char *content_type,
	const char *wanted, struct arena *a, const char **out);
// The manifests of a list of referrers, added to out.
must_check struct err *answer_referrers(
	struct span body, struct arena *a, struct named_images *out);
// A failed load has status 200, too: a line {"error":"…"} among those that tell of progress. Its
// text, NULL where there is none.
const char *answer_load_error(struct span body, struct arena *a);
// {"message":"No such image: x"} of an engine; NULL where it is something else.
const char *answer_engine_message(struct span body, struct arena *a);
