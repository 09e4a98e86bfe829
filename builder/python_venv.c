#include "builder/python_venv.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define CONFIG_MAX (64u << 10)

static char *trim(char *s)
{
	s += strspn(s, " \t\r");
	for (size_t n = strlen(s); n && isspace((unsigned char)s[n - 1]);)
		s[--n] = 0;
	return s;
}

static void read_config(char *text, struct python_venv *out)
{
	out->has_system = true; // what it does not say
	for (char *line; (line = strsep(&text, "\n"));) {
		char *value = strchr(line, '=');

		if (!value)
			continue;
		*value++ = 0;
		line = trim(line);
		value = trim(value);
		if (strcasecmp(line, "home") == 0 && *value == '/')
			out->home = value;
		else if (strcasecmp(line, "include-system-site-packages") == 0)
			out->has_system = strcasecmp(value, "true") == 0;
	}
}

struct err *python_venv_read(
	struct root *root, const char *interpreter, struct arena *a, struct python_venv *out)
{
	const char *bin = path_dir(a, interpreter), *dir = path_dir(a, bin);
	const char *const dirs[] = {bin, dir};

	*out = (struct python_venv){0};
	for (size_t i = 0; i < 2; i++) {
		const char *path = arena_printf(a, "%s/pyvenv.cfg", dirs[i]);
		const struct walk *w = root_walk(root, path);
		struct span text;

		if (w->error || !S_ISREG(w->node.mode))
			continue;
		TRY(root_read(root, w->path, CONFIG_MAX, a, &text));
		out->config = path;
		out->dir = dir;
		read_config(arena_strndup(a, (const char *)text.ptr, text.len), out);
		return NULL;
	}
	return NULL;
}
