#include "builder/health.h"

#include <string.h>

#include "builder/shell.h"

// The n-th text of an array; NULL where there is none.
static const char *text_at(const json_t *list, size_t n)
{
	return json_string_value(json_array_get(list, n));
}

static void take_line(const char *line, const char *shell, struct arena *a, struct strings *out)
{
	struct shell_commands commands = {0};
	const char *broken;

	vec_push(a, out, arena_strdup(a, shell ? shell : "/bin/sh"));
	shell_read((struct span){(const uint8_t *)line, strlen(line)}, a, &commands, &broken);
	for (size_t i = 0; i < commands.names.len; i++)
		vec_push(a, out, commands.names.at[i]);
}

struct err *health_programs(const struct runtime_config *c, struct arena *a, struct strings *out)
{
	drop(json_drop) json_t *all = NULL;

	if (!c->unknown)
		return NULL;
	TRY(json_parse((struct span){(const uint8_t *)c->unknown, strlen(c->unknown)},
		"the image's config", &all));
	const json_t *test = json_object_get(json_object_get(all, "Healthcheck"), "Test");
	const char *how = text_at(test, 0), *what = text_at(test, 1);

	if (how && what && strcmp(how, "CMD") == 0)
		vec_push(a, out, arena_strdup(a, what));
	if (how && what && strcmp(how, "CMD-SHELL") == 0)
		take_line(what, text_at(json_object_get(all, "Shell"), 0), a, out);
	return NULL;
}
