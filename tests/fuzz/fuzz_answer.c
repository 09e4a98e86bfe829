// Reads: registry/answer.c
//
// What registries, token services and engines answer: one line a terminal may show, tokens that fit
// into a header, documents that are what they say.
#include <string.h>

#include "registry/answer.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_complaint(struct span body)
{
	char shorter[16], out[512];

	answer_complaint(body, out, sizeof(out));
	must(strlen(out) < sizeof(out));
	for (const char *p = out; *p; p++) {
		must((unsigned char)*p >= ' ' && *p != 127);
		must((unsigned char)p[0] != 0xc2 || (unsigned char)p[1] < 0x80 ||
			(unsigned char)p[1] >= 0xa0);
	}
	answer_complaint(body, shorter, sizeof(shorter));
	must(strlen(shorter) < sizeof(shorter));
}

static void check_token(struct span body, struct arena *a)
{
	const char *token;
	int64_t seconds;

	if (fails(answer_token(body, a, &token, &seconds)))
		return;
	must(*token && strlen(token) <= 16 << 10);
	must(seconds >= 1 && seconds <= 24 * 3600);
	for (; *token; token++)
		must((unsigned char)*token > ' ' && *token != 127);
}

static void check_documents(struct span body, struct arena *a)
{
	struct named_images out = {0};
	struct digest digest;
	const char *type;

	if (!fails(answer_document_type(body, NULL, NULL, a, &type)))
		must(media_is_index(type) || media_is_manifest(type));
	if (!fails(answer_document_type(body, OCI_INDEX "; charset=utf-8", OCI_INDEX, a, &type)))
		must(!strcmp(type, OCI_INDEX));
	if (fails(answer_referrers(body, a, &out)))
		return;
	vec_each (image, &out)
		must(digest_parse(image->descriptor.digest, &digest) &&
			image->descriptor.size >= 0 && image->descriptor.media_type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span body = {data, size};
	drop(arena_drop) struct arena a = {0};

	check_complaint(body);
	check_token(body, &a);
	check_documents(body, &a);
	(void)answer_load_error(body, &a);
	(void)answer_engine_message(body, &a);
	return 0;
}
