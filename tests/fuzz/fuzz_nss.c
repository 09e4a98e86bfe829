// Reads: ldd/hidden_nss.c
//
// nsswitch.conf: names of services, which become parts of libraries' names.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"
#include "ldd/hidden_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"passwd", "group", "shadow", "hosts", "x"};
	drop(arena_drop) struct arena a = {0};
	struct map conf = {0};

	nss_parse(&a, (struct span){data, size}, &conf);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct strings *services = map_get(&conf, names[i]);

		if (services && services->len > 16)
			abort();
		for (size_t k = 0; services && k < services->len; k++) {
			const char *s = services->at[k];

			if (!*s || strlen(s) > 64)
				abort();
			for (; *s; s++)
				if (!isalnum((unsigned char)*s) && *s != '_' && *s != '-')
					abort();
		}
	}
	return 0;
}
