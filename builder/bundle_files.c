// What lies in a bundle, and which of it is the program.
#include <string.h>

#include "builder/bundle.h"

#define FILES_MAX 100000
#define DEPTH_MAX 64 // directories below one another
#define SHOWN_MAX 8  // candidates in a message

struct reading {
	struct root *root;
	const char *shown;
	struct arena *a, scratch;
	struct bundle_files *out;
};

// ---- all files ----

// An ELF file that a process can load or start; objects, kernel modules and core files are data.
static struct err *read_elf(struct reading *r, struct bundle_file *f)
{
	drop(file_drop) struct file *file = NULL;
	unsigned char head[20];
	struct elf elf;
	size_t n;

	TRY(root_open_file(r->root, f->path, &file));
	TRY(file_pread(file, head, sizeof(head), 0, &n));
	if (n < sizeof(head) || memcmp(head, ELFMAG, SELFMAG) != 0)
		return NULL;
	arena_drop(&r->scratch);
	TRY_AS(elf_read(file, &r->scratch, &elf), "%s%s", r->shown, f->path);
	f->is_elf = !elf.not_elf && !elf.broken && (elf.type == ET_EXEC || elf.type == ET_DYN);
	// Some libraries can be started too, to say their version: those have a name of their own.
	f->is_program = f->is_elf && !elf.soname &&
		(elf.type == ET_EXEC || elf.interp || (elf.dt_flags_1 & DF_1_PIE));
	return NULL;
}

static struct err *read_dir(struct reading *r, const char *dir, int depth)
{
	struct strings names = {0};

	if (depth > DEPTH_MAX)
		return err_new(ERR_FAILED, "%s%s: directories more than %d deep", r->shown, dir,
			DEPTH_MAX);
	TRY_AS(root_list(r->root, *dir ? dir : "/", r->a, &names), "%s%s", r->shown, dir);
	for (size_t i = 0; i < names.len; i++) {
		const char *path = arena_printf(r->a, "%s/%s", dir, names.at[i]);
		const struct walk *w = root_walk_parent(r->root, path);
		struct bundle_file f = {.path = path, .mode = w->node.mode};

		if (w->error)
			return err_sys(w->error, "%s%s", r->shown, path);
		if (r->out->len == FILES_MAX)
			return err_hint(
				err_new(ERR_FAILED, "%s: more than %d files", r->shown, FILES_MAX),
				"is it the folder of one program?");
		if (S_ISREG(f.mode))
			TRY(read_elf(r, &f));
		vec_push(r->a, r->out, f);
		if (S_ISDIR(f.mode))
			TRY(read_dir(r, path, depth + 1));
	}
	return NULL;
}

struct err *bundle_files_read(
	struct root *root, const char *shown, struct arena *a, struct bundle_files *out)
{
	struct reading r = {.root = root, .shown = shown, .a = a, .out = out};
	struct err *e = read_dir(&r, "", 1);

	arena_drop(&r.scratch);
	return e;
}

// ---- the program ----

static bool is_executable(const struct bundle_file *f)
{
	return f->is_program && (f->mode & 0111);
}

static const struct bundle_file *file_at(const struct bundle_files *files, const char *path)
{
	vec_each (f, files)
		if (strcmp(f->path, path) == 0)
			return f;
	return NULL;
}

// Is the path, which may be a link, one of a program?
static bool is_entry(const struct bundle_files *files, struct root *root, const char *path)
{
	const struct walk *w = root_walk(root, path);
	const struct bundle_file *f = w->error ? NULL : file_at(files, w->path);

	return f && is_executable(f);
}

// The only program, or the only one of a name; NULL where there are none or several.
static const char *only_program(const struct bundle_files *files, const char *name)
{
	const char *only = NULL;

	vec_each (f, files) {
		if (!is_executable(f) || (name && strcmp(path_base(f->path), name) != 0))
			continue;
		if (only)
			return NULL;
		only = f->path;
	}
	return only;
}

static struct err *no_program(const struct bundle_files *files, const char *shown)
{
	vec_each (f, files)
		if (f->is_program)
			return err_hint(err_new(ERR_NO_START,
						"%s: none of its programs may be executed", shown),
				"chmod +x %s%s", shown, f->path);
	return err_hint(err_new(ERR_NO_START, "%s: a directory without any ELF program", shown),
		"of scripts name the script itself; a folder of data comes with --add %s:/DIR",
		shown);
}

static struct err *many_programs(const struct bundle_files *files, const char *shown,
	const char *name, const char *at, struct arena *a)
{
	const char *list = "", *first = NULL;
	size_t n = 0;

	vec_each (f, files) {
		if (!is_executable(f))
			continue;
		first = first ? first : f->path;
		if (n++ < SHOWN_MAX)
			list = arena_printf(a, "%s%s%s", list, n > 1 ? ", " : "", f->path + 1);
	}
	if (n > SHOWN_MAX)
		list = arena_printf(a, "%s and %zu more", list, n - SHOWN_MAX);
	return err_hint(err_new(ERR_USAGE,
				"%s: several programs, and none is called %s: which one is to be "
				"started: %s?",
				shown, name, list),
		"say it with --entrypoint %s%s, or name the program itself and --add the rest", at,
		first);
}

struct err *bundle_files_entry(const struct bundle_files *files, struct root *root,
	const char *shown, const char *name, const char *at, const char *word, struct arena *a,
	const char **out)
{
	*out = NULL;
	if (word && path_is_below(word, at) && is_entry(files, root, word + strlen(at)))
		*out = word + strlen(at);
	if (!*out && is_entry(files, root, arena_printf(a, "/%s", name)))
		*out = arena_printf(a, "/%s", name);
	if (!*out)
		*out = only_program(files, name);
	if (!*out)
		*out = only_program(files, NULL);
	if (*out)
		return NULL;
	vec_each (f, files)
		if (is_executable(f))
			return many_programs(files, shown, name, at, a);
	return no_program(files, shown);
}
