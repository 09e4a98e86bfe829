// Files that were asked for by name: --include from the sysroot, --add from this machine.
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "builder/assemble.h"

#define DEPTH_MAX 64 // directories below one another

// Does the pattern match the path, or a directory above it? "**" stands for any number of
// directories; the other signs are fnmatch's and stay within one name.
static bool matches(const char *pattern, const char *path)
{
	for (;;) {
		pattern += strspn(pattern, "/");
		path += strspn(path, "/");
		if (!*pattern)
			return true; // whole, or a directory above
		if (!*path)
			return strcmp(pattern, "**") == 0;
		size_t n = strcspn(pattern, "/"), m = strcspn(path, "/");

		if (n == 2 && strncmp(pattern, "**", 2) == 0) {
			if (!pattern[n])
				return true;
			for (const char *p = path; p; p = strchr(p, '/')) {
				p += strspn(p, "/");
				if (matches(pattern + n, p))
					return true;
			}
			return false;
		}
		char want[NAME_MAX + 1], have[NAME_MAX + 1];

		if (n >= sizeof(want) || m >= sizeof(have))
			return false;
		memcpy(want, pattern, n);
		want[n] = 0;
		memcpy(have, path, m);
		have[m] = 0;
		if (fnmatch(want, have, FNM_PERIOD) != 0)
			return false;
		pattern += n;
		path += m;
	}
}

bool is_excluded(const char *path, const struct strings *exclude)
{
	for (size_t i = 0; i < exclude->len; i++)
		if (matches(exclude->at[i], path))
			return true;
	return false;
}

// The directory that every match lies below: the pattern up to its first sign.
static const char *fixed_part(const char *pattern, struct arena *a)
{
	size_t sign = strcspn(pattern, "*?[\\"), n = sign;

	if (!pattern[sign])
		return pattern;
	while (n > 0 && pattern[n - 1] != '/')
		n--;
	return n > 1 ? arena_strndup(a, pattern, n - 1) : "/";
}

struct gather {
	struct root *from;
	const char *pattern;
	const struct strings *exclude;
	struct arena *a;
	struct strings *paths;
};

static struct err *gather(struct gather *g, const char *path, int depth)
{
	const struct walk *w = root_walk_parent(g->from, path);
	struct strings names = {0};

	if (w->error || is_excluded(path, g->exclude))
		return NULL;
	if (matches(g->pattern, path) && strcmp(path, "/") != 0)
		vec_push(g->a, g->paths, arena_strdup(g->a, path));
	if (!S_ISDIR(w->node.mode))
		return NULL;
	if (depth > DEPTH_MAX)
		return err_new(ERR_FAILED, "%s: directories more than %d deep", path, DEPTH_MAX);
	TRY(root_list(g->from, w->path, g->a, &names));
	for (size_t i = 0; i < names.len; i++)
		TRY(gather(g,
			arena_printf(
				g->a, "%s/%s", strcmp(path, "/") == 0 ? "" : path, names.at[i]),
			depth + 1));
	return NULL;
}

struct err *include_files(struct root *from, const char *pattern, const struct strings *exclude,
	struct arena *a, struct strings *paths)
{
	struct gather g = {from, pattern, exclude, a, paths};
	size_t before = paths->len;

	if (pattern[0] != '/')
		return err_new(
			ERR_USAGE, "--include %s: not an absolute path of the sysroot", pattern);
	TRY(gather(&g, fixed_part(pattern, a), 0));
	if (paths->len == before)
		return err_hint(err_new(ERR_FAILED, "--include %s: nothing in the sysroot matches",
					pattern),
			"the sysroot is %s", root_host_path(from, "/", a));
	return NULL;
}

// ---- --add ----

struct adding {
	struct tree *tree;
	struct root *host;
	const char *reason;
	mode_t mode;
	struct arena *a;
};

static struct err *add_one(struct adding *d, const char *source, const char *path, int depth)
{
	const struct walk *w = root_walk_parent(d->host, source);
	struct strings names = {0};

	if (w->error)
		return err_sys(w->error, "%s", source);
	if (S_ISREG(w->node.mode))
		return tree_add_file(d->tree, path, d->host, w->path,
			d->mode                       ? d->mode
				: w->node.mode & 0111 ? 0755
						      : 0644,
			PART_DATA, d->reason);
	if (S_ISLNK(w->node.mode))
		return tree_add_link(d->tree, path, w->node.target, PART_DATA, d->reason);
	if (!S_ISDIR(w->node.mode))
		return err_new(ERR_FAILED, "%s is neither a file nor a directory", source);
	if (depth > DEPTH_MAX)
		return err_new(ERR_FAILED, "%s: directories more than %d deep", source, DEPTH_MAX);
	if (strcmp(path, "/") != 0)
		TRY(tree_add_dir(d->tree, path, 0755, PART_DATA, d->reason));
	TRY(root_list(d->host, w->path, d->a, &names));
	for (size_t i = 0; i < names.len; i++)
		TRY(add_one(d, arena_printf(d->a, "%s/%s", w->path, names.at[i]),
			arena_printf(
				d->a, "%s/%s", strcmp(path, "/") == 0 ? "" : path, names.at[i]),
			depth + 1));
	return NULL;
}

struct err *add_files(struct tree *t, struct root *host, struct root *like,
	const struct added_file *f, struct arena *a)
{
	struct adding d = {.tree = t, .host = host, .mode = f->mode, .a = a};
	char real[PATH_MAX];
	const char *path = f->path;
	size_t n = strlen(path);

	d.reason = arena_printf(a, "--add %s:%s", f->source, f->path);
	if (!realpath(f->source, real)) // a link named outright means what it points at
		return err_sys(errno, "--add %s", f->source);
	if (path[n - 1] == '/' && !S_ISDIR(root_walk(host, real)->node.mode)) {
		const char *base = strrchr(f->source, '/');

		path = arena_printf(a, "%s%s", path, base ? base + 1 : f->source);
	}
	TRY(tree_place(t, like, path, PART_DATA, &path));
	return add_one(&d, real, path, 0);
}
