#include "ldd/search.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "ldd/closure.h"

const char *rule_text(enum rule r)
{
	static const char *const texts[] = {
		[RULE_PROGRAM] = "program",
		[RULE_INTERPRETER] = "interpreter",
		[RULE_PRELOAD] = "preload",
		[RULE_PATH] = "path",
		[RULE_RPATH] = "rpath",
		[RULE_LIBRARY_PATH] = "library-path",
		[RULE_RUNPATH] = "runpath",
		[RULE_CACHE] = "ld.so.cache",
		[RULE_CONF] = "ld.so.conf",
		[RULE_DEFAULT] = "default",
		[RULE_NONE] = "none",
	};

	return texts[r];
}

// One search under way.
struct search {
	struct resolver *r;
	struct arena *a;
	struct loader *ld;
	const struct object *by, *program;
	const char *name;
	struct found *out;
	struct strings *places; // NULL: nobody wants to know
	bool is_over;           // found, or the loader stops
};

// ---- one candidate ----

static void place(struct search *s, const char *path, enum rule rule, const char *there)
{
	if (s->places)
		vec_push(s->a, s->places,
			arena_printf(s->a, "%s (%s): %s", path, rule_text(rule), there));
}

// musl goes on only where nothing is there to open; what else goes wrong ends the whole search
// (dynlink.c path_open). glibc then ends the one path of directories.
static bool ends_search(const struct search *s, int error)
{
	return s->ld->kind == LIBC_MUSL && error && error != ENOENT && error != ENOTDIR &&
		error != EACCES && error != ENAMETOOLONG;
}

// A file that is there and that the loader goes on without, as if it were not.
static void pass_over(
	struct search *s, const char *shown, enum rule rule, const char *why, int *error)
{
	place(s, shown, rule, why);
	vec_push(s->a, &s->out->notes, arena_printf(s->a, "%s passed over: %s", shown, why));
	*error = ENOENT;
}

// Looks at one path of one root. The errno of the attempt, as open_verify leaves it: 0 is found or
// fatal, ENOENT is not there or passed over.
static struct err *try_path(struct search *s, struct root *root, const char *path, enum rule rule,
	const char *detail, int *error)
{
	const struct walk *w = root_walk(root, path);
	const struct object_file *o;
	const char *why = NULL;
	enum elf_fit fit;

	*error = w->error;
	s->is_over = ends_search(s, w->error);
	if (s->places && w->error)
		place(s, root_host_path(root, path, s->a), rule, root_why(root, path));
	if (w->error)
		return NULL;
	struct err *e = resolver_file(s->r, root, path, &o);

	if (e && err_number(e) == EACCES) {
		err_drop(&e);
		pass_over(s, root_host_path(root, path, s->a), rule, strerror(EACCES), error);
		return NULL;
	}
	if (e)
		return e;
	if (!o)
		return err_new(ERR_FAILED, "%s: vanished", root_host_path(root, path, s->a));
	fit = elf_fits(s->ld->abi, &o->elf, s->a, &why);
	// The first file that opens is the one that musl takes.
	if (fit == ELF_SKIPPED && s->ld->kind == LIBC_MUSL)
		fit = ELF_FATAL;
	switch (fit) {
	case ELF_FITS:
		place(s, root_host_path(root, path, s->a), rule, "found");
		s->out->file = o;
		break;
	case ELF_FATAL:
		s->out->fatal = arena_printf(s->a, "%s: %s", root_host_path(root, path, s->a), why);
		break;
	case ELF_SKIPPED:
		// Another machine's is nothing to worry about where directories of several are
		// given.
		if (o->elf.machine != s->ld->abi->machine || o->elf.class != s->ld->abi->class) {
			place(s, root_host_path(root, path, s->a), rule, why);
			*error = ENOENT;
			return NULL;
		}
		pass_over(s, root_host_path(root, path, s->a), rule, why, error);
		return NULL;
	}
	s->out->rule = rule;
	s->out->detail = detail;
	s->is_over = true;
	return NULL;
}

// ---- one directory ----

// Is dir one that every root has, so that a file of this machine there says nothing about the
// target?
static bool is_system_path(const char *dir)
{
	static const char *const tops[] = {"/lib", "/lib32", "/lib64", "/libx32", "/usr"};

	for (size_t i = 0; i < sizeof(tops) / sizeof(*tops); i++) {
		size_t n = strlen(tops[i]);

		if (strncmp(dir, tops[i], n) == 0 && (dir[n] == '/' || dir[n] == 0) &&
			strncmp(dir, "/usr/local/", 11) != 0)
			return true;
	}
	return false;
}

static struct err *try_in(struct search *s, struct root *root, const char *dir, enum rule rule,
	const char *detail, int *error)
{
	const struct resolver_options *o = resolver_options(s->r);
	const char *slash = dir[0] && dir[strlen(dir) - 1] == '/' ? "" : "/";

	TRY(resolver_count_place(s->r, s->program, s->program->name));
	for (size_t i = 0; i < o->nhwcaps && s->ld->kind == LIBC_GLIBC && !s->is_over; i++)
		TRY(try_path(s, root,
			arena_printf(
				s->a, "%s%sglibc-hwcaps/%s/%s", dir, slash, o->hwcaps[i], s->name),
			rule, detail, error));
	if (s->is_over)
		return NULL;
	int missing = root_walk(root, dir)->error;

	if (missing && !s->places) {
		// A directory that is not there is not looked into a thousand times; why it is not
		// is the same to glibc (dl-load.c open_path: nonexisting).
		*error = ENOENT;
		s->is_over = ends_search(s, missing);
		return NULL;
	}
	TRY(try_path(
		s, root, arena_printf(s->a, "%s%s%s", dir, slash, s->name), rule, detail, error));
	if (missing)
		*error = ENOENT;
	return NULL;
}

static bool is_own(const struct search *s, const struct object *o)
{
	return o && o->file && o->file->root != resolver_sysroot(s->r);
}

// A directory as it stands in a path of `of` after expansion: below $ORIGIN it is one of the root
// that `of` came from; else it is the sysroot's, and for the user's own files, which may name their
// build directory, this machine's after it.
static struct err *try_dir(struct search *s, const struct object *of, const char *dir,
	bool is_origin, enum rule rule, const char *detail, int *error)
{
	struct root *sysroot = resolver_sysroot(s->r);

	s->out->of = of;
	if (is_origin && of)
		return try_in(s, of->file->root, dir, rule, detail, error);
	if (dir[0] != '/') {
		const char *workdir = resolver_options(s->r)->workdir;

		vec_push(s->a, &s->out->notes,
			arena_printf(s->a, "%s element \"%s\" means the working directory (%s)",
				rule_text(rule), detail, workdir ? workdir : "/"));
		dir = arena_printf(s->a, "%s/%s", workdir ? workdir : "", dir);
	}
	TRY(try_in(s, sysroot, dir, rule, detail, error));
	if (s->is_over || !is_own(s, of) || is_system_path(dir))
		return NULL;
	TRY(try_in(s, of->file->root, dir, rule, detail, error));
	if (s->out->file)
		vec_push(s->a, &s->out->notes,
			arena_printf(s->a,
				"%s of %s is a directory of this machine; $ORIGIN would hold on the "
				"device",
				detail, of->name));
	return NULL;
}

// ---- $ORIGIN, $LIB, $PLATFORM ----

// The directory of an object: the program's real one, a library's as it was found.
static const char *origin_of(struct search *s, const struct object *o)
{
	const char *path = o == s->program ? o->file->walk->path : o->file->path;
	const char *slash = strrchr(path, '/');

	return slash == path ? "/" : arena_strndup(s->a, path, slash ? (size_t)(slash - path) : 0);
}

// The length of token `name` at s (behind the '$'), with or without braces; 0 where it is not
// there. glibc: a letter, digit or '_' behind an unbraced one makes it another word (dl-load.c
// is_dst).
static size_t token_length(const char *s, const char *name, bool is_musl)
{
	size_t n = strlen(name);
	bool is_braced = s[0] == '{';

	if (strncmp(s + is_braced, name, n) != 0)
		return 0;
	char next = s[is_braced + n];

	if (is_braced)
		return next == '}' ? n + 2 : 0;
	bool is_word = (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') ||
		(next >= '0' && next <= '9') || next == '_';

	return is_word && !is_musl ? 0 : n;
}

// Text in the making. What is longer than any path is cut, and still too long.
struct expanded {
	char text[3 * PATH_MAX];
	size_t len;
};

static void append(struct expanded *e, const char *text, size_t n)
{
	if (n > sizeof(e->text) - e->len)
		n = sizeof(e->text) - e->len;
	memcpy(e->text + e->len, text, n);
	e->len += n;
}

// text with its tokens put in for `of`; NULL where a token has no value. *is_origin says whether
// one was $ORIGIN.
static const char *expand(
	struct search *s, const struct object *of, const char *text, bool *is_origin)
{
	bool is_musl = s->ld->kind == LIBC_MUSL;
	struct expanded out;

	out.len = 0;
	*is_origin = false;
	for (const char *dollar; (dollar = strchr(text, '$'));) {
		size_t origin = token_length(dollar + 1, "ORIGIN", is_musl);
		size_t lib = token_length(dollar + 1, "LIB", false);
		size_t platform = token_length(dollar + 1, "PLATFORM", false);
		const char *value = "$";

		if (is_musl && !origin)
			return NULL; // any other '$' voids the whole path (fixup_rpath)
		if (origin && of && of->file) {
			value = origin_of(s, of);
			// "$ORIGIN/x" of an object in "/" is "/x".
			if (strcmp(value, "/") == 0 && dollar[1 + origin] == '/')
				value = "";
			*is_origin = true;
		} else if (lib) {
			value = s->ld->lib;
		} else if (platform) {
			value = resolver_options(s->r)->platform_string;
		}
		if (!value)
			return NULL;
		append(&out, text, (size_t)(dollar - text));
		append(&out, value, strlen(value));
		text = dollar + 1 + (origin ? origin : lib ? lib : platform);
	}
	append(&out, text, strlen(text));
	return arena_strndup(s->a, out.text, out.len);
}

// ---- one path of directories ----

// A DT_RPATH or DT_RUNPATH, expanded for the object that has it.
struct run_path {
	struct run_dir {
		const char *element, *dir; // as it stands there; expanded
		bool is_origin;
	} * at;
	size_t len, cap;
};

// musl passes over empty elements (dynlink.c path_open), to glibc they are the working directory.
static struct err *take_apart(
	struct search *s, const struct object *of, const char *path, struct run_path *out)
{
	const bool is_musl = s->ld->kind == LIBC_MUSL;
	bool is_origin;

	if (!path[0])
		return NULL; // an empty one is as good as none (dl-load.c decompose_rpath)
	if (is_musl && !expand(s, of, path, &is_origin)) {
		vec_push(s->a, &s->out->notes,
			arena_printf(s->a,
				"musl drops the run path \"%s\" of %s: it knows only $ORIGIN", path,
				of->name));
		return NULL;
	}
	for (const char *end;; path = end + 1) {
		end = path + strcspn(path, is_musl ? ":\n" : ":");
		const char *element = arena_strndup(s->a, path, (size_t)(end - path));
		const char *dir = expand(s, of, element, &is_origin);

		TRY(resolver_count_place(s->r, s->program, s->program->name));
		if (dir && (*element || !is_musl))
			vec_push(s->a, out, (struct run_dir){element, dir, is_origin});
		if (!*end)
			return NULL;
	}
}

// Tries the elements of a DT_RPATH or DT_RUNPATH of `of`, which has only one that counts.
static struct err *try_run_path(
	struct search *s, const struct object *of, const char *path, enum rule rule)
{
	if (!of->run_path) {
		struct run_path *fresh = arena_new(s->a, struct run_path);

		TRY(take_apart(s, of, path, fresh));
		// The slot is ours, whoever hands the object around as const.
		((struct object *)of)->run_path = fresh;
	}
	vec_each (d, of->run_path) {
		int error = ENOENT;

		TRY(try_dir(s, of, d->dir, d->is_origin, rule, d->element, &error));
		// What is there and cannot be opened ends this path, not the search.
		if (s->is_over || (error != ENOENT && error != EACCES && error != ENOTDIR))
			return NULL;
	}
	return NULL;
}

static struct err *try_library_path(struct search *s)
{
	const struct resolver_options *o = resolver_options(s->r);

	for (size_t i = 0; i < o->nlibrary_path && !s->is_over; i++) {
		const char *dir = o->library_path[i];
		bool is_inside = dir[0] == '=';
		struct root *root = is_inside || !o->host ? o->sysroot : o->host;
		int error = ENOENT;
		bool is_origin;

		dir = expand(s, s->program, dir + is_inside, &is_origin);
		if (dir)
			TRY(is_inside || is_origin
					? try_dir(s, s->program, dir, is_origin, RULE_LIBRARY_PATH,
						  o->library_path[i], &error)
					: try_in(s, root, dir, RULE_LIBRARY_PATH, dir, &error));
	}
	return NULL;
}

// DT_RPATH of the asker, of its loader and so on up, then of the program; void where the asker has
// a RUNPATH.
static struct err *try_rpaths(struct search *s)
{
	bool did_program = false;

	if (s->by && s->by->file->elf.runpath)
		return NULL;
	for (const struct object *o = s->by; o && !s->is_over; o = o->loader) {
		if (o->file && o->file->elf.rpath && !o->file->elf.runpath)
			TRY(try_run_path(s, o, o->file->elf.rpath, RULE_RPATH));
		did_program |= o == s->program;
	}
	const struct elf *p = &s->program->file->elf;

	if (!s->is_over && !did_program && p->rpath && !p->runpath)
		TRY(try_run_path(s, s->program, p->rpath, RULE_RPATH));
	return NULL;
}

// ---- the system's part, the same for every asker ----

static bool in_system_dirs(const struct loader *ld, const char *path)
{
	for (size_t i = 0; i < ld->system_dirs.len; i++) {
		size_t n = strlen(ld->system_dirs.at[i]);

		if (strncmp(path, ld->system_dirs.at[i], n) == 0 && path[n] == '/')
			return true;
	}
	return false;
}

// A path that the cache has, after those of the glibc-hwcaps directories beside it.
static struct err *try_cached(struct search *s, const char *path, enum rule rule)
{
	const struct resolver_options *o = resolver_options(s->r);
	struct root *root = resolver_sysroot(s->r);
	const char *base = strrchr(path, '/');
	int error;

	for (size_t i = 0; base && i < o->nhwcaps && !s->is_over; i++)
		TRY(try_path(s, root,
			arena_printf(s->a, "%.*s/glibc-hwcaps/%s%s", (int)(base - path), path,
				o->hwcaps[i], base),
			rule, NULL, &error));
	return s->is_over ? NULL : try_path(s, root, path, rule, NULL, &error);
}

// glibc takes the first path that the cache has for the ABI, and no second one.
static struct err *try_cache(struct search *s, bool no_default)
{
	struct strings paths;
	bool is_conf;

	TRY(resolver_cached(s->r, s->ld->abi, s->name, &paths, &is_conf));
	if (!paths.len || (no_default && in_system_dirs(s->ld, paths.at[0])))
		return NULL;
	TRY(try_cached(s, paths.at[0], is_conf ? RULE_CONF : RULE_CACHE));
	if (s->out->file && is_conf && !in_system_dirs(s->ld, paths.at[0]))
		resolver_warn(s->r,
			"%s has no ld.so.cache: it was made up from ld.so.conf, which a device's "
			"loader would not read",
			root_host_path(resolver_sysroot(s->r), "/etc", s->a));
	return NULL;
}

static struct err *try_default(struct search *s)
{
	for (size_t i = 0; i < s->ld->system_dirs.len && !s->is_over; i++) {
		int error = ENOENT;

		TRY(try_in(s, resolver_sysroot(s->r), s->ld->system_dirs.at[i], RULE_DEFAULT,
			s->ld->system_dirs.at[i], &error));
		if (s->ld->kind == LIBC_GLIBC && error != 0 && error != ENOENT && error != EACCES &&
			error != ENOTDIR)
			break;
	}
	return NULL;
}

// DF_1_NODEFLIB of the asker; musl does not know it.
static bool avoids_default(const struct search *s)
{
	return s->ld->kind == LIBC_GLIBC && s->by && s->by->file->elf.dt_flags_1 & DF_1_NODEFLIB;
}

static struct err *try_system(struct search *s)
{
	bool no_default = avoids_default(s);

	if (s->ld->kind == LIBC_GLIBC)
		TRY(try_cache(s, no_default));
	return s->is_over || no_default ? NULL : try_default(s);
}

static struct err *try_system_memo(struct search *s)
{
	bool no_default = avoids_default(s);

	if (s->places || no_default)
		return try_system(s);
	const struct found *known = map_get(&s->ld->system_found, s->name);

	if (!known) {
		struct found *fresh = arena_new(s->a, struct found);
		struct found *out = s->out;

		s->out = fresh;
		TRY(try_system(s));
		s->out = out;
		*map_at(&s->ld->system_found, s->a, s->name) = fresh;
		known = fresh;
	}
	s->out->of = NULL;
	s->out->file = known->file;
	s->out->fatal = known->fatal;
	s->out->rule = known->rule;
	s->out->detail = known->detail;
	for (size_t i = 0; i < known->notes.len; i++)
		vec_push(s->a, &s->out->notes, known->notes.at[i]);
	return NULL;
}

// ---- the two libcs ----

// A name with a slash is that path and no other.
static struct err *try_name_as_path(struct search *s)
{
	bool is_origin = false;
	bool is_glibc = s->ld->kind == LIBC_GLIBC;
	const char *path = is_glibc ? expand(s, s->by, s->name, &is_origin) : s->name;
	struct root *sysroot = resolver_sysroot(s->r);
	int error;

	if (!path)
		return NULL;
	s->out->of = s->by;
	if (is_origin)
		return try_path(s, s->by->file->root, path, RULE_PATH, NULL, &error);
	if (path[0] != '/') {
		const char *workdir = resolver_options(s->r)->workdir;

		vec_push(s->a, &s->out->notes,
			arena_printf(s->a, "\"%s\" is looked for in the working directory (%s)",
				s->name, workdir ? workdir : "/"));
		path = arena_printf(s->a, "%s/%s", workdir ? workdir : "", path);
	}
	TRY(try_path(s, sysroot, path, RULE_PATH, NULL, &error));
	if (!s->is_over && is_own(s, s->by) && !is_system_path(path))
		TRY(try_path(s, s->by->file->root, path, RULE_PATH, NULL, &error));
	return NULL;
}

static struct err *search_glibc(struct search *s)
{
	TRY(try_rpaths(s));
	if (!s->is_over)
		TRY(try_library_path(s));
	if (!s->is_over && s->by && s->by->file->elf.runpath)
		TRY(try_run_path(s, s->by, s->by->file->elf.runpath, RULE_RUNPATH));
	return s->is_over ? NULL : try_system_memo(s);
}

// RPATH and RUNPATH are one, and inherited (dynlink.c load_library).
static struct err *search_musl(struct search *s)
{
	TRY(try_library_path(s));
	for (const struct object *o = s->by; o && !s->is_over; o = o->loader) {
		const char *runpath = o->file->elf.runpath, *rpath = o->file->elf.rpath;

		if (runpath)
			TRY(try_run_path(s, o, runpath, RULE_RUNPATH));
		else if (rpath)
			TRY(try_run_path(s, o, rpath, RULE_RPATH));
	}
	return s->is_over ? NULL : try_system_memo(s);
}

const char *search_expand_name(struct resolver *r, struct loader *ld, const struct object *by,
	const struct object *program, const char *name)
{
	struct search s = {.r = r, .a = resolver_arena(r), .ld = ld, .program = program};
	bool is_origin;

	if (ld->kind != LIBC_GLIBC || !strchr(name, '$'))
		return name;
	const char *expanded = expand(&s, by, name, &is_origin);

	return expanded ? expanded : name;
}

struct err *search_library(struct resolver *r, struct loader *ld, const struct object *by,
	const struct object *program, const char *name, struct found *out, struct strings *places)
{
	struct search s = {
		.r = r,
		.a = resolver_arena(r),
		.ld = ld,
		.by = by,
		.program = program,
		.name = name,
		.out = out,
		.places = places,
	};

	*out = (struct found){.rule = RULE_NONE};
	if (strchr(search_expand_name(r, ld, by, program, name), '/'))
		return try_name_as_path(&s);
	return ld->kind == LIBC_MUSL ? search_musl(&s) : search_glibc(&s);
}
