#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "builder/trace_impl.h"

#define PLACES_MAX 1000000
#define TREE_SIGN "@" // before the names of a tree behind chroot(2)
#define CHAIN_MAX 64  // chdir after chdir below a directory that is not known

struct place *trace_place_new(struct trace *t)
{
	struct place *p = arena_new(&t->own, struct place);

	p->number = t->nplaces++;
	p->is_here = t->tree == TREE_HERE;
	return p;
}

// Appends path without doubled slashes and "." names. ".." stays: text cannot say where a link
// before it leads.
static bool append(char out[PATH_MAX], size_t *n, const char *path)
{
	while (*path) {
		path += strspn(path, "/");
		size_t len = strcspn(path, "/");

		if (len && !(len == 1 && *path == '.')) {
			if (len + 2 > PATH_MAX - *n)
				return false;
			out[(*n)++] = '/';
			memcpy(out + *n, path, len);
			*n += len;
		}
		path += len;
	}
	out[*n] = 0;
	return true;
}

// A place that is new; base is NULL where its path is known as a whole.
static struct place *add_place(struct trace *t, const char *path, struct place *base, bool is_here)
{
	struct place *p = trace_place_new(t);

	if (t->places.len > PLACES_MAX)
		t->full = "files";
	p->text = arena_strdup(&t->own, path);
	p->base = base;
	p->is_here = is_here;
	p->depth = base ? base->depth + 1 : 0;
	return p;
}

// The place of a name below base; NULL where it grows too long. The name is not empty.
struct place *trace_place_of(struct trace *t, struct place *base, const char *name)
{
	char path[PATH_MAX], key[PATH_MAX + 32];
	bool is_absolute = *name == '/';
	bool is_known = is_absolute || (base->text && !base->base);
	bool is_here = is_absolute || base == t->nowhere ? t->tree == TREE_HERE : base->is_here;
	size_t n = 0;

	if (!is_absolute && is_known && !append(path, &n, base->text))
		return NULL;
	if (!append(path, &n, name))
		return NULL;
	if (!n)
		strcpy(path, "/");
	if (!is_known && base->depth >= CHAIN_MAX)
		base = t->nowhere;
	if (is_known)
		base = NULL;
	if (base)
		snprintf(key, sizeof(key), "#%zu%s", base->number, path);
	else
		snprintf(key, sizeof(key), "%s%s", is_here ? "" : TREE_SIGN, path);
	void **slot = map_at(&t->places, &t->own, key);

	if (!*slot)
		*slot = add_place(t, path, base, is_here);
	return *slot;
}

// The path of a place now that the log is read to its end.
bool trace_place_path(const struct place *p, char out[PATH_MAX], size_t *n)
{
	if (!p->text)
		return false;
	if (p->base && !trace_place_path(p->base, out, n))
		return false;
	return append(out, n, p->text);
}

// The program made it, or a directory above it.
static bool is_made(struct trace *t, const struct place *p)
{
	char key[PATH_MAX + 32];
	int n = p->base ? snprintf(key, sizeof(key), "#%zu%s", p->base->number, p->text)
			: snprintf(key, sizeof(key), "%s%s", p->is_here ? "" : TREE_SIGN, p->text);

	for (char *end = key + n; end && end > key; end = strrchr(key, '/')) {
		const struct place *above;

		*end = 0;
		above = map_get(&t->places, key);
		if (above && above->made)
			return true;
	}
	return false;
}

void trace_place_use(struct trace *t, struct place *p)
{
	if (!p->text || p->used || is_made(t, p))
		return;
	if (t->tree == TREE_ENTERED || t->tree == TREE_UNKNOWN) {
		t->unknown[t->tree]++;
		return;
	}
	p->used = true;
	vec_push(&t->own, &t->used, p);
}
