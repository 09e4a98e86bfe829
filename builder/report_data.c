// What the report says of runtime data: what came and why, and what did not.
#include <string.h>

#include "builder/report.h"

static const char *cost(const struct data_need *n, char size[16])
{
	return n->bytes ? size_text(n->bytes, size) : "nothing";
}

static void report_need(FILE *out, const struct data_need *n)
{
	char size[16];

	if (n->is_included) {
		fprintf(out, "data %s: %s, %s", n->name, cost(n, size), n->reason);
		if (!strcmp(n->source, "built in"))
			fputs(", built in", out);
		fputc('\n', out);
	} else if (n->is_refused) {
		fprintf(out, "without %s: %s; %s\n", n->name, cost(n, size), n->reason);
	} else {
		fprintf(out, "not taken: %s, %s: %s; --with %s takes it\n", n->name, cost(n, size),
			n->reason, n->name);
	}
}

void report_data(FILE *out, const struct built_image *image)
{
	vec_each (n, &image->assembly.data)
		if (n->is_included)
			report_need(out, n);
	vec_each (n, &image->assembly.data)
		// Each of these libraries was told when its program was resolved.
		if (!n->is_included && strcmp(n->name, "dlopen") != 0)
			report_need(out, n);
}
