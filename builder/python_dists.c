// Sources: the packaging specifications «Recording installed projects» and «Entry points», and
// Lib/importlib/metadata.
#include "builder/python_dists.h"

#include <ctype.h>
#include <string.h>

enum {
	METADATA_MAX = 16 << 20,
	DISTS_MAX = 10000,
	ENTRIES_MAX = 10000,
};

struct reader {
	struct python_dist *dist;
	struct arena *a;
	const char *dir; // of the metadata, below the place
};

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && strcmp(text + n - m, end) == 0;
}

const char *python_dist_name(const char *text, struct arena *a)
{
	size_t n = strcspn(text, "=<>!~;[( ");
	char *out = arena_strndup(a, text, n), *to = out;

	for (const char *p = out; *p; p++) {
		bool is_mark = strchr("-_.", *p);

		if (!is_mark || (to > out && to[-1] != '-'))
			*to++ = is_mark ? '-' : (char)tolower((unsigned char)*p);
	}
	*to = 0;
	return out;
}

// "flake8-5.0.4.egg-info", "SCons-4.4.0-py3.10.egg-info" → its name.
static const char *name_of(const char *file, struct arena *a)
{
	return python_dist_name(arena_strndup(a, file, strcspn(file, "-")), a);
}

static const char *in_root(const struct python_place *p, const char *below, struct arena *a)
{
	return arena_printf(a, "%s/%s", p->dir, below);
}

// A file's text, "" where there is none.
static struct err *read_text(struct reader *r, const char *name, char **out)
{
	const struct python_place *p = r->dist->place;
	const char *below = arena_printf(r->a, "%s/%s", r->dir, name);
	const struct walk *w = root_walk(p->root, in_root(p, below, r->a));
	struct span text = {0};

	*out = arena_strdup(r->a, "");
	if (w->error || !S_ISREG(w->node.mode))
		return NULL;
	TRY(root_read(p->root, w->path, METADATA_MAX, r->a, &text));
	if (text.ptr)
		*out = arena_strndup(r->a, (const char *)text.ptr, text.len);
	return NULL;
}

static char *trim(char *line)
{
	line += strspn(line, " \t");
	for (size_t n = strlen(line); n && isspace((unsigned char)line[n - 1]);)
		line[--n] = 0;
	return line;
}

static void add_top(struct reader *r, const char *name)
{
	vec_each (known, &r->dist->tops)
		if (strcmp(*known, name) == 0)
			return;
	vec_push(r->a, &r->dist->tops, name);
}

// A line of RECORD: "black/__init__.py,sha256=…", "six.py,…", "x__mypyc.cpython-311….so,…".
static void add_recorded(struct reader *r, const char *line)
{
	const char *path = arena_strndup(r->a, line, strcspn(line, ","));
	size_t top = strcspn(path, "/");
	const char *first = arena_strndup(r->a, path, top);

	if (*path == '.' || *path == '/' || *path == '"' || strchr(first, '-'))
		return;
	if (path[top])
		add_top(r, first);
	else if (ends_with(path, ".py") || ends_with(path, ".so"))
		add_top(r, arena_strndup(r->a, path, strcspn(path, ".")));
}

static struct err *read_tops(struct reader *r)
{
	char *text, *own = arena_strdup(r->a, r->dist->name);

	TRY(read_text(r, "top_level.txt", &text));
	for (char *line; (line = strsep(&text, "\n"));)
		if (*trim(line))
			add_top(r, trim(line));
	if (r->dist->tops.len)
		return NULL;
	TRY(read_text(r, "RECORD", &text));
	for (char *line; (line = strsep(&text, "\n"));)
		add_recorded(r, line);
	for (char *p = own; (p = strchr(p, '-'));)
		*p = '_';
	add_top(r, own);
	return NULL;
}

static void add_needed(struct reader *r, const char *line)
{
	const char *name = python_dist_name(line, r->a);

	if (*name && !strstr(line, "extra =") && r->dist->needs.len < ENTRIES_MAX)
		vec_push(r->a, &r->dist->needs, name);
}

// Lines of requires.txt up to its first section, or the header's «Requires-Dist:» of METADATA.
static struct err *read_needs(struct reader *r)
{
	static const char field[] = "Requires-Dist:";
	char *text;

	TRY(read_text(r, "requires.txt", &text));
	for (char *line; (line = strsep(&text, "\n")) && *trim(line) != '[';)
		add_needed(r, trim(line));
	TRY(read_text(r, "METADATA", &text));
	for (char *line; (line = strsep(&text, "\n")) && *line;)
		if (strncmp(line, field, sizeof(field) - 1) == 0)
			add_needed(r, trim(line + sizeof(field) - 1));
	return NULL;
}

// "[console_scripts]", then lines "flake8 = flake8.main.cli:main".
static struct err *read_entries(struct reader *r)
{
	const char *group = "";
	char *text;

	TRY(read_text(r, "entry_points.txt", &text));
	for (char *line; (line = strsep(&text, "\n"));) {
		line = trim(line);
		if (*line == '[') {
			group = arena_strndup(r->a, line + 1, strcspn(line + 1, "]"));
			continue;
		}
		char *value = strchr(line, '=');

		if (!value || *line == '#' || *line == ';' || r->dist->entries.len >= ENTRIES_MAX)
			continue;
		*value++ = 0;
		value = trim(value);
		value[strcspn(value, ": \t[")] = 0;
		vec_push(r->a, &r->dist->entries,
			(struct python_entry){.group = group, .name = trim(line), .module = value});
	}
	return NULL;
}

static void find_files(struct reader *r)
{
	static const char *const names[] = {"METADATA", "PKG-INFO", "entry_points.txt",
		"top_level.txt", "requires.txt", "namespace_packages.txt"};
	const struct python_place *p = r->dist->place;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *below = arena_printf(r->a, "%s/%s", r->dir, names[i]);
		const struct walk *w = root_walk(p->root, in_root(p, below, r->a));

		if (!w->error && S_ISREG(w->node.mode))
			vec_push(r->a, &r->dist->files, below);
	}
}

static struct err *read_dist(struct reader *r)
{
	const struct python_place *p = r->dist->place;
	const struct walk *w = root_walk(p->root, in_root(p, r->dir, r->a));

	if (w->error)
		return NULL;
	if (S_ISREG(w->node.mode)) // the oldest form: PKG-INFO alone
		vec_push(r->a, &r->dist->files, r->dir);
	else
		find_files(r);
	TRY(read_tops(r));
	TRY(read_needs(r));
	return read_entries(r);
}

static struct err *read_place(
	const struct python_place *p, struct arena *a, struct python_dists *out)
{
	const struct walk *w = root_walk(p->root, *p->dir ? p->dir : "/");
	struct strings names = {0};

	if (w->error || !S_ISDIR(w->node.mode))
		return NULL;
	TRY(root_list(p->root, w->path, a, &names));
	vec_each (name, &names) {
		struct python_dist dist = {.name = name_of(*name, a), .place = p};
		struct reader r = {&dist, a, *name};

		if ((!ends_with(*name, ".dist-info") && !ends_with(*name, ".egg-info")) ||
			out->len >= DISTS_MAX)
			continue;
		TRY(read_dist(&r));
		vec_push(a, out, dist);
	}
	return NULL;
}

struct err *python_dists_find(
	const struct python_path *p, struct arena *a, struct python_dists *out)
{
	*out = (struct python_dists){0};
	vec_each (place, &p->places)
		if (!place->is_library)
			TRY(read_place(place, a, out));
	return NULL;
}
