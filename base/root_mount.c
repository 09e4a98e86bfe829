// One tree in another, as mount(2) would put it there.
#include <errno.h>
#include <string.h>

#include "base/root_impl.h"

struct mounted {
	struct root root;
	struct root *below, *top;
	const char *at;
	bool (*hides)(const char *path);
};

// The root that has a path, and the path in there.
static struct root *root_of(struct mounted *m, const char **path)
{
	if (!path_is_below(*path, m->at))
		return m->below;
	*path += strlen(m->at);
	if (!**path)
		*path = "/";
	return m->top;
}

static bool is_hidden(const struct mounted *m, const char *path)
{
	return m->hides && m->hides(path);
}

static int mounted_lstat(struct root *r, const char *path, struct node *out)
{
	struct mounted *m = (struct mounted *)r;
	const char *in = path;
	struct root *root = root_of(m, &in);
	int error = ENOENT;

	if (root == m->top || !is_hidden(m, path))
		error = root->ops->lstat(root, in, out);
	// Directories on the way to the mounted tree are there in any case.
	if (root == m->below && path_is_below(m->at, path) && (error || !S_ISDIR(out->mode))) {
		*out = (struct node){.mode = S_IFDIR | 0755};
		error = 0;
	}
	return error == ENOTDIR ? ENOENT : error; // one on the way may be a file below
}

static struct err *mounted_open(struct root *r, const char *path, struct file **out)
{
	struct root *root = root_of((struct mounted *)r, &path);

	return root_open_file(root, path, out);
}

// The name in directory `path` that leads to the mounted tree.
static const char *name_on_the_way(struct mounted *m, const char *path, struct arena *a)
{
	const char *rest = m->at + (strcmp(path, "/") == 0 ? 0 : strlen(path)) + 1;

	return arena_strndup(a, rest, strcspn(rest, "/"));
}

static struct err *list_on_the_way(
	struct mounted *m, const char *path, struct arena *a, struct strings *names)
{
	const char *own = name_on_the_way(m, path, a);
	struct strings all = {0};
	struct node node;
	size_t i = 0;

	if (!is_hidden(m, path) && m->below->ops->lstat(m->below, path, &node) == 0 &&
		S_ISDIR(node.mode))
		TRY(root_list(m->below, path, a, &all));
	for (; i < all.len && strcmp(all.at[i], own) < 0; i++)
		vec_push(a, names, all.at[i]);
	vec_push(a, names, own);
	for (; i < all.len; i++)
		if (strcmp(all.at[i], own) != 0)
			vec_push(a, names, all.at[i]);
	return NULL;
}

static struct err *mounted_list(
	struct root *r, const char *path, struct arena *a, struct strings *names)
{
	struct mounted *m = (struct mounted *)r;
	const char *in = path;
	struct root *root = root_of(m, &in);

	if (root == m->below && path_is_below(m->at, path))
		return list_on_the_way(m, path, a, names);
	return root_list(root, in, a, names);
}

static struct err *mounted_xattrs(
	struct root *r, const char *path, struct arena *a, struct xattrs *out)
{
	struct root *root = root_of((struct mounted *)r, &path);

	return root_xattrs(root, path, a, out);
}

static const char *mounted_host_path(struct root *r, const char *path, struct arena *a)
{
	struct root *root = root_of((struct mounted *)r, &path);

	return root_host_path(root, path, a);
}

static void mounted_close(struct root *r)
{
	root_drop(&((struct mounted *)r)->top);
}

struct root *root_mount(
	struct root *below, struct root *top, const char *at, bool (*hides)(const char *path))
{
	static const struct root_ops ops = {
		mounted_lstat, mounted_open, mounted_list, mounted_xattrs, mounted_close};
	struct mounted *m = root_new(sizeof(*m), &ops, below->name);

	m->root.is_host = below->is_host;
	m->root.host_path = mounted_host_path;
	m->below = below;
	m->top = top;
	m->at = arena_strdup(&m->root.arena, at);
	m->hides = hides;
	return &m->root;
}
