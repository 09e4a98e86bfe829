#include "builder/python_find.h"

#include <string.h>

#define BYTECODE_MAX (16 << 20)
#define HEADER_SIZE 16 // PEP 552

static const struct walk *walk_in(
	const struct python_place *p, struct arena *a, const char *name, const char *suffix)
{
	const struct walk *w = root_walk(p->root, arena_printf(a, "%s/%s%s", p->dir, name, suffix));

	return w->error ? NULL : w;
}

static enum python_kind kind_of(const char *suffix)
{
	size_t n = strlen(suffix);

	if (strcmp(suffix, ".py") == 0)
		return MODULE_SOURCE;
	return n > 3 && strcmp(suffix + n - 3, "pyc") == 0 ? MODULE_BYTECODE : MODULE_EXTENSION;
}

static bool find_file(const struct python_path *p, const struct python_place *place,
	const char *name, struct arena *a, struct python_found *out)
{
	for (const char *const *suffix = p->suffixes; *suffix; suffix++) {
		const struct walk *w = walk_in(place, a, name, *suffix);

		if (!w || !S_ISREG(w->node.mode))
			continue;
		out->kind = kind_of(*suffix);
		out->place = place;
		out->file = w->path;
		out->path = arena_printf(
			a, "%s/%s%s", strcmp(place->path, "/") ? place->path : "", name, *suffix);
		return true;
	}
	return false;
}

static struct python_place place_inside(
	const struct python_place *p, const char *name, struct arena *a)
{
	struct python_place inside = *p;

	inside.dir = arena_printf(a, "%s/%s", p->dir, name);
	inside.path = arena_printf(a, "%s/%s", p->path, name);
	return inside;
}

void python_find_portions(const struct python_place *places, size_t n, const char *name,
	struct arena *a, struct python_found *out)
{
	out->inside.len = 0;
	for (size_t i = 0; i < n; i++) {
		const struct walk *w = walk_in(&places[i], a, name, "");

		if (w && S_ISDIR(w->node.mode))
			vec_push(a, &out->inside, place_inside(&places[i], name, a));
	}
}

void python_find(const struct python_path *p, const struct python_place *places, size_t n,
	const char *name, struct arena *a, struct python_found *out)
{
	const char *init = arena_printf(a, "%s/__init__", name);
	bool has_dir = false;

	*out = (struct python_found){0};
	for (size_t i = 0; i < n; i++) {
		const struct walk *w = walk_in(&places[i], a, name, "");
		bool is_dir = w && S_ISDIR(w->node.mode);

		if (is_dir && find_file(p, &places[i], init, a, out)) {
			out->is_package = true;
			vec_push(a, &out->inside, place_inside(&places[i], name, a));
			return;
		}
		if (find_file(p, &places[i], name, a, out))
			return;
		has_dir |= is_dir;
	}
	if (!has_dir)
		return;
	out->kind = MODULE_NAMESPACE; // PEP 420
	out->is_package = true;
	python_find_portions(places, n, name, a, out);
}

static bool is_valid(struct span pyc, const struct node *source, bool *is_timed)
{
	uint64_t flags, mtime, size;

	if (!span_uint(pyc, 4, 4, false, &flags) || !span_uint(pyc, 8, 4, false, &mtime) ||
		!span_uint(pyc, 12, 4, false, &size) || pyc.ptr[2] != '\r' || pyc.ptr[3] != '\n')
		return false;
	*is_timed = flags == 0;
	if (flags)
		return flags == 1 || flags == 3; // by the source's hash, unchecked and checked
	return mtime == ((uint64_t)source->mtime & 0xffffffff) &&
		size == (source->size & 0xffffffff);
}

struct err *python_bytecode(const struct python_path *p, const struct python_found *f,
	int64_t mtime, struct arena *a, const char **path, struct span *out)
{
	struct root *r = f->place->root;
	const char *base = path_base(f->path);
	const char *name =
		arena_printf(a, "__pycache__/%.*s.%s.pyc", (int)strlen(base) - 3, base, p->tag);
	const char *dir = path_dir(a, f->path);
	// The place's directory may be called otherwise in the image.
	const char *in_root =
		arena_printf(a, "%s%s/%s", f->place->dir, dir + strlen(f->place->path), name);
	const struct walk *w = root_walk(r, in_root);
	drop(arena_drop) struct arena scratch = {0};
	struct span bytes;
	bool is_timed;

	*out = (struct span){0};
	if (w->error || !S_ISREG(w->node.mode) || w->node.size > BYTECODE_MAX)
		return NULL;
	TRY(root_read(r, w->path, BYTECODE_MAX, &scratch, &bytes));
	if (!is_valid(bytes, &root_walk(r, f->file)->node, &is_timed))
		return NULL;
	uint8_t *copy = arena_alloc(a, bytes.len);

	memcpy(copy, bytes.ptr, bytes.len);
	for (size_t i = 0; is_timed && i < 4; i++)
		copy[8 + i] = (uint8_t)(mtime >> 8 * i);
	*path = arena_printf(a, "%s/%s", dir, name);
	*out = (struct span){copy, bytes.len};
	return NULL;
}
