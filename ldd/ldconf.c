// ld.so.conf as ldconfig reads it (elf/ldconfig.c, parse_conf).
#include "ldd/ldconf.h"

#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

#include "base/map.h"

enum {
	FILE_MAX = 1 << 20,
	DEPTH_MAX = 32,
	FILES_MAX = 1024, // read in all
	DIRS_MAX = 4096,
	PATTERN_MAX = 1024,
	STEPS_MAX = 4096, // into directories, for all patterns
};

struct conf {
	struct root *root;
	struct arena *a;
	struct map files, dirs, steps; // seen
	size_t nfiles;
	struct strings *out;
};

static struct err *read_conf(struct conf *c, const char *path, int depth);

static bool has_magic(const char *pattern, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strchr("*?[\\", pattern[i]))
			return true;
	return false;
}

// One step of glob(3): the entries of directory dir (canonical, "" is the root) that match the
// first part of pattern, each with the rest of the pattern. Names come in byte order, as in the C
// locale.
static struct err *expand(struct conf *c, const char *dir, const char *pattern, struct strings *out)
{
	pattern += strspn(pattern, "/");
	size_t n = strcspn(pattern, "/");
	const char *rest = pattern + n + strspn(pattern + n, "/");
	char *part = arena_strndup(c->a, pattern, n);
	struct strings names = {0};
	void **seen = map_at(&c->steps, c->a, arena_printf(c->a, "%s//%s", dir, pattern));

	// The same files again: "*/../*/../*" leads back to one directory again and again.
	if (!n || *seen || c->steps.len > STEPS_MAX)
		return NULL;
	*seen = c;
	if (has_magic(part, n))
		TRY(root_list(c->root, *dir ? dir : "/", c->a, &names));
	else
		vec_push(c->a, &names, part);
	vec_each (name, &names) {
		if (*name != part && fnmatch(part, *name, FNM_PERIOD) != 0)
			continue;
		const char *path = arena_printf(c->a, "%s/%s", dir, *name);
		const struct walk *w = root_walk(c->root, path);

		if (w->error)
			continue;
		if (!*rest)
			vec_push(c->a, out, path);
		else if (S_ISDIR(w->node.mode))
			TRY(expand(c, w->path[1] ? w->path : "", rest, out));
	}
	return NULL;
}

// A pattern that is not absolute is relative to the file it stands in.
static struct err *include(struct conf *c, const char *pattern, const char *from, int depth)
{
	struct strings files = {0};

	if (strlen(pattern) > PATTERN_MAX)
		return NULL;
	if (*pattern != '/')
		pattern = arena_printf(
			c->a, "%.*s/%s", (int)(strrchr(from, '/') - from), from, pattern);
	TRY(expand(c, "", pattern, &files));
	vec_each (file, &files)
		TRY(read_conf(c, *file, depth + 1));
	return NULL;
}

static void add_dir(struct conf *c, char *dir)
{
	char *equals = strchr(dir, '='); // "dir=libc5", of old

	if (equals)
		*equals = '\0';
	size_t n = strlen(dir);

	while (n && isspace((unsigned char)dir[n - 1]))
		n--;
	while (n > 1 && dir[n - 1] == '/')
		n--;
	dir[n] = '\0';
	if (*dir != '/' || c->out->len >= DIRS_MAX)
		return;
	void **seen = map_at(&c->dirs, c->a, dir);

	if (!*seen)
		vec_push(c->a, c->out, *seen = dir);
}

static struct err *read_line(struct conf *c, char *line, const char *path, int depth)
{
	char *comment = strchr(line, '#'), *state = NULL;

	if (comment)
		*comment = '\0';
	line += strspn(line, " \t\r\v\f");
	if (strncmp(line, "hwcap", 5) == 0 && isblank((unsigned char)line[5]))
		return NULL;
	if (strncmp(line, "include", 7) != 0 || !isblank((unsigned char)line[7])) {
		add_dir(c, line);
		return NULL;
	}
	for (char *p = strtok_r(line + 8, " \t\r", &state); p; p = strtok_r(NULL, " \t\r", &state))
		TRY(include(c, p, path, depth));
	return NULL;
}

static struct err *read_conf(struct conf *c, const char *path, int depth)
{
	struct span text = {NULL, 0};
	const struct walk *w = root_walk(c->root, path);

	if (w->error || !S_ISREG(w->node.mode) || depth >= DEPTH_MAX)
		return NULL;
	void **seen = map_at(&c->files, c->a, w->path);

	// What a file names stands where it was first read; reading it again adds nothing.
	if (*seen || c->nfiles++ >= FILES_MAX)
		return NULL;
	*seen = c;
	TRY_AS(root_read(c->root, path, FILE_MAX, c->a, &text), "%s", path);
	for (size_t at = 0; at < text.len;) {
		const uint8_t *start = text.ptr + at, *nl = memchr(start, '\n', text.len - at);
		size_t n = nl ? (size_t)(nl - start) : text.len - at;

		TRY(read_line(c, arena_strndup(c->a, (const char *)start, n), path, depth));
		at += n + 1;
	}
	return NULL;
}

struct err *ldconf_read(struct root *r, struct arena *a, struct strings *dirs)
{
	struct conf c = {.root = r, .a = a, .out = dirs};

	*dirs = (struct strings){0};
	return read_conf(&c, "/etc/ld.so.conf", 0);
}
