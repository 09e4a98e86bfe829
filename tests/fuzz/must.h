// What a fuzz target holds to be true of every result.
#pragma once
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

#define must(holds)                                                                                \
	do {                                                                                       \
		if (!(holds)) {                                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #holds);                \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

// Is it an error? Then it says what; it is dropped.
static inline bool fails(struct err *e)
{
	bool yes = e != NULL;

	must(!yes || *err_text(e));
	err_drop(&e);
	return yes;
}
