#include "ldd/resolver.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define PLACES_MAX 1000000 // for one process; real ones stay below a thousandth

struct resolver {
	struct arena arena;
	const void *process; // the program whose places are counted
	size_t places;
	struct resolver_options options;
	struct map files; // "ROOT:path as asked" → struct object_file
	struct map real;  // "ROOT:canonical path" → the first struct object_file read from there
	struct map loaders; // "machine class interpreter" → struct loader
	struct map warned;
	struct strings warnings;
	struct cache_index {
		bool is_read, is_conf;
		struct ldcache table;
		struct map paths; // is_conf: "flags name" → struct strings
	} cache;
};

void library_path_inside(struct arena *a, struct strings *out, const char *text)
{
	if (!text || !*text)
		return;
	for (size_t n;; text += n + 1) {
		n = strcspn(text, ":;");
		vec_push(a, out, arena_printf(a, "=%.*s", (int)n, text));
		if (!text[n])
			return;
	}
}

struct resolver *resolver_new(const struct resolver_options *o)
{
	struct resolver *r = mem_alloc(sizeof(*r));

	r->options = *o;
	return r;
}

void resolver_drop(struct resolver **r)
{
	if (!*r)
		return;
	arena_drop(&(*r)->arena);
	mem_drop(r);
}

const struct resolver_options *resolver_options(const struct resolver *r)
{
	return &r->options;
}

struct root *resolver_sysroot(const struct resolver *r)
{
	return r->options.sysroot;
}

bool resolver_is_own(const struct resolver *r, const struct object_file *f)
{
	const char *dir = r->options.own_dir;

	return f->root != r->options.sysroot || (dir && path_is_below(f->walk->path, dir));
}

struct arena *resolver_arena(struct resolver *r)
{
	return &r->arena;
}

struct err *resolver_count_place(struct resolver *r, const void *program, const char *name)
{
	if (r->process != program)
		r->places = 0;
	r->process = program;
	if (++r->places <= PLACES_MAX)
		return NULL;
	return err_new(ERR_NO_START, "%s looks for its libraries in more than %d places", name,
		PLACES_MAX);
}

const struct strings *resolver_warnings(const struct resolver *r)
{
	return &r->warnings;
}

void resolver_warn(struct resolver *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	drop(mem_drop) char *text = str_vprintf(fmt, ap);
	va_end(ap);
	void **seen = map_at(&r->warned, &r->arena, text);

	if (*seen)
		return;
	*seen = r;
	vec_push(&r->arena, &r->warnings, arena_strdup(&r->arena, text));
}

static const char *irregular_text(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a directory";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	default:
		return "a device";
	}
}

static struct err *read_real(struct resolver *r, struct object_file *o)
{
	drop(file_drop) struct file *f = NULL;

	if (!S_ISREG(o->walk->node.mode)) {
		o->elf.not_elf = irregular_text(o->walk->node.mode);
		return NULL;
	}
	TRY(root_open_file(o->root, o->walk->path, &f));
	TRY_AS(elf_read(f, &r->arena, &o->elf), "%s",
		root_host_path(o->root, o->walk->path, &r->arena));
	return NULL;
}

// A root and a path as the key of a memo table.
static const char *file_key(struct root *root, const char *path, char *buf, size_t n)
{
	size_t len = strlen(path), at = 0;

	if (len + 2 * sizeof(root) + 2 > n)
		return NULL;
	for (uintptr_t left = (uintptr_t)root; left; left >>= 4)
		buf[at++] = "0123456789abcdef"[left & 15];
	buf[at++] = ':';
	memcpy(buf + at, path, len + 1);
	return buf;
}

struct err *resolver_file(
	struct resolver *r, struct root *root, const char *path, const struct object_file **out)
{
	char buf[4200];
	const char *key = file_key(root, path, buf, sizeof(buf));
	const struct walk *w;

	*out = NULL;
	if (!key)
		return NULL; // longer than any path can be
	struct object_file *known = map_get(&r->files, key);

	if (known) {
		*out = known;
		return NULL;
	}
	w = root_walk(root, path);
	if (w->error)
		return NULL;
	struct object_file *o = arena_new(&r->arena, struct object_file);

	o->root = root;
	o->path = arena_strdup(&r->arena, path);
	o->walk = w;
	char real_buf[sizeof(buf)];
	const char *real = file_key(root, w->path, real_buf, sizeof(real_buf));
	const struct object_file *first = map_get(&r->real, real);

	if (first)
		o->elf = first->elf;
	else
		TRY(read_real(r, o)); // what cannot be read is not remembered
	if (!first)
		*map_at(&r->real, &r->arena, real) = o;
	*map_at(&r->files, &r->arena, key) = o;
	*out = o;
	return NULL;
}

static bool is_among(const struct strings *names, const char *name)
{
	for (size_t i = 0; i < names->len; i++)
		if (strcmp(names->at[i], name) == 0)
			return true;
	return false;
}

struct err *resolver_forget_needed(
	struct resolver *r, struct root *root, const char *path, const struct strings *names)
{
	const struct object_file *f;

	TRY(resolver_file(r, root, path, &f));
	if (!f)
		return NULL;
	struct elf *e = &((struct object_file *)f)->elf;
	__typeof__(e->deps) all = e->deps;

	e->deps = (__typeof__(e->deps)){0};
	vec_each (d, &all)
		if (d->kind != ELF_NEEDED || !is_among(names, d->name))
			vec_push(&r->arena, &e->deps, *d);
	return NULL;
}

// Without the slash that stands at the end of most.
static const char *plain_dir(struct arena *a, const char *dir)
{
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		n--;
	return arena_strndup(a, dir, n);
}

// The system directories stand as strings in the loader; they depend on how it was built.
static struct err *glibc_dirs(struct resolver *r, struct loader *ld)
{
	struct strings dirs = {0};

	if (ld->file && !ld->file->elf.not_elf && !ld->file->elf.broken) {
		drop(file_drop) struct file *f = NULL;

		TRY(root_open_file(ld->file->root, ld->file->walk->path, &f));
		TRY(elf_read_dir_strings(f, &ld->file->elf, &r->arena, &dirs));
	}
	if (dirs.len == 0)
		for (const char *const *dir = elf_system_dirs(ld->abi); *dir; dir++)
			vec_push(&r->arena, &dirs, *dir);
	for (size_t i = 0; i < dirs.len; i++)
		vec_push(&r->arena, &ld->system_dirs, plain_dir(&r->arena, dirs.at[i]));
	// The first directory is that of $LIB: "/lib/x86_64-linux-gnu" on Debian, "/lib64"
	// upstream.
	ld->lib = ld->system_dirs.len ? ld->system_dirs.at[0] + 1 : "lib";
	return NULL;
}

// <prefix>/etc/ld-musl-ARCH.path, the prefix being two components above the loader.
static struct err *musl_dirs(struct resolver *r, struct loader *ld)
{
	const char *const usual[] = {"/lib", "/usr/local/lib", "/usr/lib"};
	struct arena *a = &r->arena;
	const char *base = ld->path ? strrchr(ld->path, '/') : NULL;
	const char *end = base ? strstr(base, ".so") : NULL;
	struct span text = {0};

	if (end) {
		char *prefix = arena_strndup(a, ld->path, (size_t)(base - ld->path));
		char *up = strrchr(prefix, '/');

		if (up)
			*up = 0;
		const char *path =
			arena_printf(a, "%s/etc%.*s.path", prefix, (int)(end - base), base);

		TRY(root_read(r->options.sysroot, path, 65536, a, &text));
		ld->dirs_file = text.ptr ? path : NULL;
	}
	if (!text.ptr) {
		for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
			vec_push(a, &ld->system_dirs, usual[i]);
		return NULL;
	}
	char *copy = arena_strndup(a, (const char *)text.ptr, text.len), *save = NULL;

	for (char *dir = strtok_r(copy, ":\n", &save); dir; dir = strtok_r(NULL, ":\n", &save))
		vec_push(a, &ld->system_dirs, plain_dir(a, dir));
	return NULL;
}

static enum libc_kind kind_of_loader(const char *path, enum libc_kind hint)
{
	const char *base = path ? strrchr(path, '/') : NULL;

	if (!base)
		return hint;
	return strncmp(base, "/ld-musl-", 9) == 0 ? LIBC_MUSL : LIBC_GLIBC;
}

struct err *resolver_loader(
	struct resolver *r, const struct elf *e, enum libc_kind kind_hint, struct loader **out)
{
	char key[4200];
	int n = snprintf(key, sizeof(key), "%d %d %d %x %d %s", e->machine, e->class, e->data,
		e->flags, (int)kind_hint, e->interp ? e->interp : "");

	if (n < 0 || (size_t)n >= sizeof(key))
		return err_new(ERR_NO_START, "the interpreter's path is too long");
	void **known = map_at(&r->loaders, &r->arena, key);

	*out = *known;
	if (*known)
		return NULL;
	struct loader *ld = arena_new(&r->arena, struct loader);

	ld->kind = kind_of_loader(e->interp, kind_hint);
	ld->abi = e;
	ld->path = e->interp;
	if (e->interp)
		TRY(resolver_file(r, r->options.sysroot, e->interp, &ld->file));
	TRY(ld->kind == LIBC_MUSL ? musl_dirs(r, ld) : glibc_dirs(r, ld));
	*map_at(&r->loaders, &r->arena, key) = ld;
	*out = ld;
	return NULL;
}

static void cache_add(struct resolver *r, int flags, const char *name, const char *path)
{
	drop(mem_drop) char *key = str_printf("%x %s", (unsigned)flags, name);
	void **at = map_at(&r->cache.paths, &r->arena, key);

	if (!*at)
		*at = arena_new(&r->arena, struct strings);
	struct strings *paths = *at;

	vec_push(&r->arena, paths, path);
}

static bool is_library_name(const char *name)
{
	return fnmatch("lib*.so*", name, 0) == 0 || fnmatch("ld-*.so*", name, 0) == 0;
}

// One directory of ld.so.conf, as ldconfig takes it up: the key is the DT_SONAME
// (elf/ldconfig.c search_dir).
static struct err *conf_dir(struct resolver *r, const char *dir)
{
	const struct walk *w = root_walk(r->options.sysroot, dir);
	struct strings names = {0};

	if (w->error || !S_ISDIR(w->node.mode))
		return NULL;
	TRY(root_list(r->options.sysroot, w->path, &r->arena, &names));
	for (size_t i = 0; i < names.len; i++) {
		const char *path = arena_printf(&r->arena, "%s/%s", dir, names.at[i]);
		const struct object_file *o;

		if (!is_library_name(names.at[i]))
			continue;
		TRY(resolver_file(r, r->options.sysroot, path, &o));
		if (!o || o->elf.not_elf || o->elf.broken || !o->elf.is_dynamic)
			continue;
		const char *soname = o->elf.soname ? o->elf.soname : names.at[i];
		const char *by_soname = arena_printf(&r->arena, "%s/%s", dir, soname);

		if (root_walk(r->options.sysroot, by_soname)->error == 0)
			path = by_soname;
		cache_add(r, elf_cache_flags(&o->elf), soname, path);
	}
	return NULL;
}

static struct err *cache_load(struct resolver *r)
{
	struct ldcache *cache = &r->cache.table;
	struct strings dirs = {0};

	r->cache.is_read = true;
	TRY(ldcache_read(r->options.sysroot, &r->arena, cache));
	if (cache->warning)
		resolver_warn(r, "%s is ignored: %s",
			root_host_path(r->options.sysroot, "/etc/ld.so.cache", &r->arena),
			cache->warning);
	if (cache->is_present || cache->warning)
		return NULL;
	r->cache.is_conf = true;
	TRY(ldconf_read(r->options.sysroot, &r->arena, &dirs));
	for (size_t i = 0; i < dirs.len; i++)
		TRY(conf_dir(r, dirs.at[i]));
	return NULL;
}

static bool is_taken(const int *flags, size_t n, int is)
{
	for (size_t i = 0; i < n; i++)
		if (flags[i] == is)
			return true;
	return false;
}

static void table_paths(struct resolver *r, const int *flags, size_t nflags, const char *name,
	struct strings *paths)
{
	size_t n;
	const struct ldcache_entry *e = ldcache_find(&r->cache.table, name, &n);

	for (; n; n--, e++)
		if (is_taken(flags, nflags, e->flags) && !(e->hwcap & 1ull << 62))
			vec_push(&r->arena, paths, e->path);
}

// ldconfig would have sorted them by their flags, downward.
static void conf_paths(struct resolver *r, const int *flags, size_t nflags, const char *name,
	struct strings *paths)
{
	for (size_t i = 0; i < nflags; i++) {
		drop(mem_drop) char *key = str_printf("%x %s", (unsigned)flags[i], name);
		const struct strings *known = map_get(&r->cache.paths, key);

		for (size_t k = 0; known && k < known->len; k++)
			vec_push(&r->arena, paths, known->at[k]);
	}
}

struct err *resolver_cached(struct resolver *r, const struct elf *e, const char *name,
	struct strings *paths, bool *is_conf)
{
	int flags[3];
	size_t n = elf_cache_flags_taken(e, flags);

	if (!r->cache.is_read)
		TRY(cache_load(r));
	*is_conf = r->cache.is_conf;
	*paths = (struct strings){0};
	if (*is_conf)
		conf_paths(r, flags, n, name, paths);
	else
		table_paths(r, flags, n, name, paths);
	return NULL;
}
