// Reads: registry/ref.c
//
// Image names: what is read and written again, in full or as Docker shows it, means the same.
#include <string.h>

#include "registry/ref.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const struct ref *r, const char *written)
{
	struct ref again;

	must(!ref_parse(written, &again));
	must(!strcmp(again.host, r->host) && !strcmp(again.repository, r->repository));
	must(!strcmp(again.tag, ref_tag(r)) && !strcmp(again.digest, r->digest));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	drop(arena_drop) struct arena a = {0};
	struct ref r;
	drop(err_drop) struct err *e = ref_parse(arena_strndup(&a, (const char *)data, size), &r);

	if (e) {
		must(err_kind(e) == ERR_USAGE);
		return 0;
	}
	must(*r.host && *r.repository && strlen(r.repository) <= 255);
	if (strlen(r.host) + 1 + strlen(r.repository) > 255)
		return 0; // the host that was left out makes it too long
	compare(&r, ref_full(&r, &a));
	compare(&r, ref_familiar(&r, &a));
	return 0;
}
