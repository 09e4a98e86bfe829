#include "registry/creds.h"

#include <string.h>

struct err *creds_find(const char *host, const char *repository, const char *given,
	const char *authfile, struct arena *a, struct creds *out)
{
	(void)host, (void)repository, (void)given, (void)authfile, (void)a;
	*out = (struct creds){0};
	return NULL;
}
