// --exclude patterns that nothing matches: mistyped, most likely.
#include <string.h>

#include "builder/build.h"

static bool is_of_closure(const struct closure *c, const struct strings *pattern)
{
	vec_each (o, &c->objects) {
		const struct object_file *f = (*o)->file;

		if (f && (is_excluded(f->walk->path, pattern) || is_excluded(f->path, pattern)))
			return true;
	}
	return false;
}

// What stands before "**" must be there; what it stands for would be looked for everywhere.
static const char *to_look_for(const char *pattern, struct arena *a)
{
	const char *deep = strstr(pattern, "**");

	while (deep && deep > pattern && deep[-1] != '/')
		deep--;
	while (deep && deep > pattern && deep[-1] == '/')
		deep--;
	return deep ? arena_strndup(a, pattern, (size_t)(deep - pattern)) : pattern;
}

// What is made up, or is this machine's own, counts as well as what the sysroot holds.
static bool is_used(const struct assembly *a, const struct strings *pattern, struct arena *arena)
{
	// A script's own modules lie elsewhere in the image, and those left out are not noted.
	vec_each (s, &a->scripts)
		if (s->root && !a->is_image)
			return true;
	vec_each (need, &a->data)
		vec_each (f, &need->files)
			if (is_excluded(f->path, pattern))
				return true;
	vec_each (p, &a->programs)
		if (is_of_closure(&(*p)->closure, pattern))
			return true;
	vec_each (p, &a->included)
		if (is_of_closure(&(*p)->closure, pattern))
			return true;
	const char *text = to_look_for(pattern->at[0], arena);

	return !*text || include_matches(a->sysroot->root, text, arena);
}

void exclude_warn(struct build *b)
{
	const struct strings *all = &b->spec.args->exclude;

	for (size_t i = 0; i < all->len; i++) {
		const struct strings pattern = {.at = all->at + i, .len = 1};
		bool used = false;

		vec_each (image, &b->images)
			used = used || is_used(&(*image)->assembly, &pattern, &b->arena);
		if (!used)
			build_warn(b,
				arena_printf(
					&b->arena, "--exclude %s: nothing matches it", all->at[i]));
	}
}
