// Files that were asked for by name: --include from the sysroot, --add from this machine.
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "builder/assemble.h"

#define DEPTH_MAX 64 // directories below one another

static const char *skip_slashes(const char *s)
{
	return s + strspn(s, "/");
}

// Behind the first name of a path or pattern.
static const char *skip_name(const char *s)
{
	return s + strcspn(s, "/");
}

static bool is_any_depth(const char *pattern)
{
	return skip_name(pattern) == pattern + 2 && strncmp(pattern, "**", 2) == 0;
}

// The first names of both, by fnmatch's rules: a leading dot is only matched by a dot.
static bool name_matches(const char *pattern, const char *path)
{
	char want[NAME_MAX + 1], have[NAME_MAX + 1];
	size_t n = strcspn(pattern, "/"), m = strcspn(path, "/");

	if (n >= sizeof(want) || m >= sizeof(have))
		return false;
	memcpy(want, pattern, n);
	want[n] = 0;
	memcpy(have, path, m);
	have[m] = 0;
	return fnmatch(want, have, FNM_PERIOD) == 0;
}

// Does the pattern match the path, or a directory above it? Where names differ, the last "**" takes
// one directory more; those before it need not change, for it can stand for anything.
static bool matches(const char *pattern, const char *path)
{
	const char *again = NULL, *from = NULL;

	for (;;) {
		pattern = skip_slashes(pattern);
		path = skip_slashes(path);
		if (!*pattern)
			return true;
		if (is_any_depth(pattern)) {
			again = pattern += 2;
			from = path;
		} else if (*path && name_matches(pattern, path)) {
			pattern = skip_name(pattern);
			path = skip_name(path);
		} else if (again && *from) {
			from = path = skip_slashes(skip_name(from));
			pattern = again;
		} else {
			return false;
		}
	}
}

bool is_excluded(const char *path, const struct strings *exclude)
{
	for (size_t i = 0; i < exclude->len; i++)
		if (matches(exclude->at[i], path))
			return true;
	return false;
}

// ---- --include ----

struct gather {
	struct root *from;
	const struct strings *exclude;
	struct arena *a;
	struct map seen;
	struct strings *paths;
	bool is_probe; // the first match will do
};

static const char *child(struct gather *g, const char *dir, const char *name)
{
	return arena_printf(g->a, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, name);
}

static bool is_left_out(const struct gather *g, const char *path, const struct walk *w)
{
	return w->error || is_excluded(path, g->exclude) || is_excluded(w->path, g->exclude);
}

static struct err *names_in(
	struct gather *g, const char *path, const struct walk *w, int depth, struct strings *names)
{
	if (depth > DEPTH_MAX)
		return err_new(ERR_FAILED, "%s: directories more than %d deep", path, DEPTH_MAX);
	return root_list(g->from, w->path, g->a, names);
}

// A path and all below it. Links to directories stay links.
static struct err *take_all(struct gather *g, const char *path, int depth)
{
	const struct walk *w = root_walk_parent(g->from, path);
	struct strings names = {0};
	void **seen;

	if (is_left_out(g, path, w))
		return NULL;
	seen = map_at(&g->seen, g->a, path);
	if (*seen)
		return NULL;
	*seen = g;
	if (strcmp(path, "/") != 0)
		vec_push(g->a, g->paths, path);
	if (!S_ISDIR(w->node.mode))
		return NULL;
	TRY(names_in(g, path, w, depth, &names));
	for (size_t i = 0; i < names.len; i++)
		TRY(take_all(g, child(g, path, names.at[i]), depth + 1));
	return NULL;
}

// What the whole pattern matches; of a link to a directory what lies in that too.
static struct err *take_match(struct gather *g, const char *path, int depth)
{
	const struct walk *w = root_walk(g->from, path);
	struct strings names = {0};

	if (g->is_probe) {
		if (!root_walk_parent(g->from, path)->error)
			vec_push(g->a, g->paths, path);
		return NULL;
	}
	TRY(take_all(g, path, depth));
	if (is_left_out(g, path, w) || !S_ISDIR(w->node.mode))
		return NULL;
	TRY(names_in(g, path, w, depth, &names));
	for (size_t i = 0; i < names.len; i++)
		TRY(take_all(g, child(g, path, names.at[i]), depth + 1));
	return NULL;
}

// What of a directory matches the pattern, name by name. Links on the way are followed as a shell
// does it, by "**" they are not.
static struct err *expand(struct gather *g, const char *path, const char *pattern, int depth)
{
	const struct walk *w = root_walk(g->from, path);
	struct strings names = {0};

	pattern = skip_slashes(pattern);
	if (!*pattern)
		return take_match(g, path, depth);
	if (is_left_out(g, path, w) || !S_ISDIR(w->node.mode))
		return NULL;
	const char *rest = skip_name(pattern);
	bool any_depth = is_any_depth(pattern);

	if (any_depth)
		TRY(expand(g, path, rest, depth));
	if (any_depth && !*skip_slashes(rest))
		return NULL;
	if (strcspn(pattern, "*?[\\") >= (size_t)(rest - pattern))
		return expand(g,
			child(g, path, arena_strndup(g->a, pattern, (size_t)(rest - pattern))),
			rest, depth + 1);
	TRY(names_in(g, path, w, depth, &names));
	for (size_t i = 0; i < names.len && !(g->is_probe && g->paths->len); i++) {
		const char *in = child(g, path, names.at[i]);

		if (any_depth && S_ISDIR(root_walk_parent(g->from, in)->node.mode))
			TRY(expand(g, in, pattern, depth + 1));
		else if (!any_depth && name_matches(pattern, names.at[i]))
			TRY(expand(g, in, rest, depth + 1));
	}
	return NULL;
}

struct err *include_files(struct root *from, bool is_image, const char *pattern,
	const struct strings *exclude, struct arena *a, struct strings *paths)
{
	struct gather g = {.from = from, .exclude = exclude, .a = a, .paths = paths};
	size_t before = paths->len;

	TRY(expand(&g, "/", path_lexical(a, pattern), 0));
	if (paths->len == before)
		return err_hint(err_new(ERR_FAILED, "nothing in the %s matches %s",
					sysroot_word(is_image), pattern),
			"%s%s",
			is_image ? "imgmin inspect IMAGE lists its files" : "the sysroot is ",
			is_image ? "" : root_host_path(from, "/", a));
	return NULL;
}

bool include_matches(struct root *from, const char *pattern, struct arena *a)
{
	const struct strings nothing = {0};
	struct strings paths = {0};
	struct gather g = {
		.from = from, .exclude = &nothing, .a = a, .paths = &paths, .is_probe = true};
	// What cannot be read may well match.
	drop(err_drop) struct err *e = expand(&g, "/", path_lexical(a, pattern), 0);

	return e || paths.len;
}

// ---- --add ----

struct adding {
	struct tree *tree;
	struct root *host, *like;
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
	// A directory that is a link in the image goes where that leads.
	if (S_ISDIR(w->node.mode))
		path = arena_printf(d->a, "%s/", path);
	TRY(tree_place(d->tree, d->like, path, PART_DATA, &path));
	if (S_ISREG(w->node.mode))
		return tree_add_file(d->tree, path, d->host, w->path,
			d->mode                       ? d->mode
				: w->node.mode & 0111 ? 0755
						      : 0644,
			PART_DATA, d->reason);
	if (S_ISLNK(w->node.mode))
		return tree_add_link(d->tree, path, w->node.target, PART_DATA, d->reason);
	if (!S_ISDIR(w->node.mode))
		return err_new(ERR_FAILED, "%s is neither a file, a link nor a directory", source);
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
	struct adding d = {.tree = t, .host = host, .like = like, .mode = f->mode, .a = a};
	char real[PATH_MAX];
	const char *path = f->path;
	size_t n = strlen(path);

	d.reason = arena_printf(a, "--add %s:%s", f->source, f->path);
	if (!realpath(f->source, real)) // a link named outright means what it points at
		return err_sys(errno, "--add %s", f->source);
	if (path[n - 1] == '/' && !S_ISDIR(root_walk(host, real)->node.mode))
		path = arena_printf(a, "%s%s", path, path_base(f->source));
	return add_one(&d, real, path, 0);
}
