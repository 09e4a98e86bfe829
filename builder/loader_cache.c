// The ld.so.cache of an image: no more than what only a cache can find. musl has no cache, but may
// have a list of its directories.
#include <string.h>

#include "builder/assemble.h"

static bool lies_in(const struct strings *dirs, const char *path)
{
	for (size_t i = 0; i < dirs->len; i++) {
		size_t n = strlen(dirs->at[i]);

		if (strncmp(path, dirs->at[i], n) == 0 && path[n] == '/' &&
			!strchr(path + n + 1, '/'))
			return true;
	}
	return false;
}

// Would the default search, which the image goes by without a cache, come upon another file of that
// name first?
static bool is_shadowed(const struct assembly *a, const struct installed *p,
	const struct strings *dirs, const struct object *o)
{
	struct root *root = p->program.sysroot->root;

	for (size_t i = 0; i < dirs->len; i++) {
		const char *path = arena_printf(tree_arena(a->tree), "%s/%s", dirs->at[i], o->name);
		const struct walk *w = root_walk(root, path);

		if (w->error || !tree_find(a->tree, w->path))
			continue;
		return strcmp(w->path, o->file->walk->path) != 0;
	}
	return false;
}

struct cache_entries {
	struct ldcache_entry *at;
	size_t len, cap;
};

// What only a cache can find: libraries of directories that ld.so.conf had named, and those that
// stand behind another of their name.
static struct err *collect_cache(
	struct assembly *a, const struct installed *p, struct cache_entries *out)
{
	struct arena *arena = tree_arena(a->tree);
	struct loader *ld;

	if (p->closure.libc != LIBC_GLIBC)
		return NULL;
	TRY(resolver_loader(p->program.sysroot->resolver, &p->program.file->elf, LIBC_GLIBC, &ld));
	vec_each (o, &p->closure.objects) {
		const struct object_file *f = (*o)->file;

		if (!f || ((*o)->rule != RULE_CACHE && (*o)->rule != RULE_CONF) ||
			(lies_in(&ld->system_dirs, f->path) &&
				!is_shadowed(a, p, &ld->system_dirs, *o)))
			continue;
		vec_push(arena, out,
			(struct ldcache_entry){.name = (*o)->name,
				.path = f->path,
				.flags = elf_cache_flags(&f->elf)});
	}
	return NULL;
}

// Where libraries lie that musl searches by its list, the image has the list too.
static struct err *add_musl_dirs(struct assembly *a, const struct installed *p)
{
	const struct closure *c = &p->closure;
	struct loader *ld;

	if (c->libc != LIBC_MUSL)
		return NULL;
	TRY(resolver_loader(p->program.sysroot->resolver, &p->program.file->elf, LIBC_MUSL, &ld));
	for (size_t i = 1; ld->dirs_file && i < c->objects.len; i++)
		if (c->objects.at[i]->file && c->objects.at[i]->rule != RULE_INTERPRETER)
			return tree_find(a->tree, ld->dirs_file)
				? NULL
				: assembly_take(a, ld->dirs_file, PART_LIBRARIES,
					  "names the loader's directories");
	return NULL;
}

struct err *assembly_add_loader_cache(struct assembly *a)
{
	struct cache_entries entries = {0};
	bool big_endian = false;

	vec_each (p, &a->programs) {
		TRY(collect_cache(a, *p, &entries));
		TRY(add_musl_dirs(a, *p));
		big_endian = (*p)->program.file->elf.data == ELFDATA2MSB;
	}
	vec_each (p, &a->included)
		TRY(collect_cache(a, *p, &entries));
	if (!entries.len || tree_find(a->tree, "/etc/ld.so.cache"))
		return NULL;
	return tree_add_bytes(a->tree, "/etc/ld.so.cache",
		ldcache_write(entries.at, entries.len, big_endian, tree_arena(a->tree)), 0644,
		PART_LIBRARIES, "libraries outside the loader's own directories");
}
