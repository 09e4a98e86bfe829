// Reads: base/yaml.c
//
// YAML: a tree within its bounds, or an error with a place.
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// libfyaml 0.7.12 forgets 2 kB where a text of many quotes is compared; a run reads one file.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:fy_atom_iter_grow_chunk";
}

static void check(const struct yaml *y, int depth)
{
	if (depth > YAML_DEPTH_MAX || !y->line || !y->column)
		abort();
	if ((y->kind == YAML_TEXT) != (y->text != NULL) || (y->text && !json_is_text(y->text)))
		abort();
	if (y->keys.len != (y->kind == YAML_MAP ? y->items.len : 0))
		abort();
	vec_each (key, &y->keys)
		if (key->kind != YAML_TEXT)
			abort();
	vec_each (item, &y->items)
		check(item, depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	drop(arena_drop) struct arena a = {0};
	struct yaml *top;
	drop(err_drop) struct err *e = yaml_read((struct span){data, size}, "f", &a, &top);

	if (e && (strncmp(err_text(e), "f:", 2) != 0 || strchr(err_text(e), '\n')))
		abort();
	if (!e && top)
		check(top, 0);
	return 0;
}
