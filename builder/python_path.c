// Sources: Modules/getpath.py, Lib/site.py as Debian patches it, Python/dynload_shlib.c.
#include "builder/python_path.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "builder/python.h"
#include "ldd/elf.h"

enum {
	BINARY_MAX = 128 << 20,
	PTH_MAX = 1 << 20,
	PLACES_MAX = 1000,
	NAME_MAX_ = 100,
};

struct finder {
	const struct python_options *o;
	struct arena *a;
	struct python_path *out;
	struct map seen; // places, by their path in the image
};

static bool has_file(struct root *r, const char *path)
{
	const struct walk *w = root_walk(r, path);

	return !w->error && S_ISREG(w->node.mode);
}

static bool has_dir(struct root *r, const char *path)
{
	const struct walk *w = root_walk(r, path);

	return !w->error && S_ISDIR(w->node.mode);
}

// "python3.11" → 11; 0 where the name says nothing.
static unsigned minor_of_name(const char *name)
{
	char *rest;

	if (strncmp(name, "python3.", 8) != 0 || !isdigit((unsigned char)name[8]))
		return 0;
	unsigned long minor = strtoul(name + 8, &rest, 10);

	return minor < 1000 && (!*rest || *rest == 'd' || *rest == 'm') ? (unsigned)minor : 0;
}

static bool is_python_name(const char *name)
{
	if (strncmp(name, "python", 6) != 0)
		return false;
	return name[6 + strspn(name + 6, "0123456789.dm")] == 0;
}

static bool is_elf(struct root *r, const char *path)
{
	drop(file_drop) struct file *f = NULL;
	char head[4];
	size_t got = 0;
	struct err *e = root_open_file(r, path, &f);

	if (!e)
		e = file_pread(f, head, sizeof(head), 0, &got);
	bool is = !e && got == 4 && memcmp(head, "\177ELF", 4) == 0;

	err_drop(&e);
	return is;
}

// What getpath.py does: from the program's own directory upward, lib/python3.X/os.py.
static const char *find_library(struct root *r, const char *binary, unsigned minor, struct arena *a)
{
	for (const char *dir = path_dir(a, binary);; dir = path_dir(a, dir)) {
		const char *library = arena_printf(a, "%s/lib/python3.%u", dir, minor);

		if (has_file(r, arena_printf(a, "%s/os.py", library)))
			return library;
		if (!*dir)
			return NULL;
	}
}

// A virtual environment says where the Python is that it was made of; a link leads there, a copy
// does not.
static const char *library_of(struct root *r, const struct python_venv *venv, const char *binary,
	unsigned minor, struct arena *a)
{
	const char *library = venv->home
		? find_library(r, arena_printf(a, "%s/python", venv->home), minor, a)
		: NULL;

	return library ? library : find_library(r, binary, minor, a);
}

// A name without a version ("python3", a copy): the only library above it says which it is.
static unsigned minor_of(
	struct root *r, const struct python_venv *venv, const char *binary, struct arena *a)
{
	unsigned minor = minor_of_name(path_base(binary)), found = 0;

	if (minor)
		return minor;
	for (unsigned m = 3; m < 50; m++) {
		if (!library_of(r, venv, binary, m, a))
			continue;
		if (found)
			return 0;
		found = m;
	}
	return found;
}

bool python_is(struct root *sysroot, const char *interpreter, struct arena *a, const char **version)
{
	const struct walk *w = root_walk(sysroot, interpreter);

	if (w->error || !S_ISREG(w->node.mode) ||
		(!is_python_name(path_base(interpreter)) && !is_python_name(path_base(w->path))) ||
		!is_elf(sysroot, w->path))
		return false;
	struct python_venv venv;
	struct err *unread = python_venv_read(sysroot, interpreter, a, &venv);
	unsigned minor = minor_of(sysroot, &venv, w->path, a);

	err_drop(&unread);
	*version = arena_printf(a, "3.%u", minor);
	return minor != 0;
}

// Every «PyInit_name» of its symbols is a module inside (PyImport_Inittab).
static void read_builtins(struct finder *f, struct span bytes)
{
	static const char *const always[] = {"sys", "builtins", "marshal", "_warnings", "__main__",
		"_frozen_importlib", "_frozen_importlib_external", "zipimport", "os.path"};
	const uint8_t *end = bytes.ptr + bytes.len;

	for (const uint8_t *p = bytes.ptr; p && p < end;) {
		char name[NAME_MAX_ + 1];
		size_t n = 0;

		p = memmem(p, (size_t)(end - p), "PyInit_", 7);
		if (!p)
			break;
		for (p += 7; p < end && n < NAME_MAX_ && (isalnum(*p) || *p == '_'); p++)
			name[n++] = (char)*p;
		name[n] = 0;
		if (n && p < end && !*p)
			*map_at(&f->out->builtins, f->a, name) = f;
	}
	if (f->out->builtins.len == 0)
		return;
	for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
		*map_at(&f->out->builtins, f->a, always[i]) = f;
}

// ".cpython-311-arm-linux-gnueabihf.so" stands in the interpreter.
static const char *find_suffix(struct finder *f, struct span bytes)
{
	const char *start = arena_printf(f->a, ".%s-", f->out->tag);
	const uint8_t *p = memmem(bytes.ptr, bytes.len, start, strlen(start));
	size_t n = 0, left = p ? (size_t)(bytes.ptr + bytes.len - p) : 0;

	while (n < left && n < NAME_MAX_ && p[n] && (isalnum(p[n]) || strchr("._-", p[n])))
		n++;
	return p && n > 3 && memcmp(p + n - 3, ".so", 3) == 0
		? arena_strndup(f->a, (const char *)p, n)
		: ".so";
}

// The same, without reading the whole file.
static struct err *read_suffix(
	struct finder *f, struct file *file, const struct elf *e, const char **out)
{
	const char *start = arena_printf(f->a, ".%s-", f->out->tag), *rest;

	*out = ".so";
	TRY(elf_read_text_after(file, e, start, 0, f->a, &rest));
	size_t n = rest
		? strspn(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
		: 0;

	if (n > 3 && !rest[n] && strcmp(rest + n - 3, ".so") == 0)
		*out = arena_printf(f->a, "%s%s", start, rest);
	return NULL;
}

// Of the dynamic symbols alone; nothing is found where the file is no such program.
static struct err *read_symbols(struct finder *f, struct file *file, const char **suffix)
{
	drop(arena_drop) struct arena scratch = {0};
	struct span bytes;
	struct elf elf;

	TRY(elf_read(file, &scratch, &elf));
	if (elf.not_elf || elf.broken || !elf.dt.strsz || elf.dt.strsz > BINARY_MAX ||
		!elf_read_at(file, &elf, elf.dt.strtab, elf.dt.strsz, &scratch, &bytes))
		return NULL;
	read_builtins(f, bytes);
	return f->out->builtins.len ? read_suffix(f, file, &elf, suffix) : NULL;
}

static struct err *read_interpreter_file(struct finder *f, const char *path)
{
	drop(arena_drop) struct arena scratch = {0};
	drop(file_drop) struct file *file = NULL;
	const struct walk *w = root_walk(f->o->sysroot, path);
	const char *suffix = ".so";
	struct span bytes;

	if (w->error || !S_ISREG(w->node.mode))
		return NULL;
	TRY(root_open_file(f->o->sysroot, w->path, &file));
	TRY(read_symbols(f, file, &suffix));
	if (!f->out->builtins.len) {
		TRY(root_read(f->o->sysroot, path, BINARY_MAX, &scratch, &bytes));
		read_builtins(f, bytes);
		suffix = find_suffix(f, bytes);
	}
	const char *const all[] = {suffix, ".abi3.so", ".so", ".py", ".pyc"};

	memcpy(f->out->suffixes, all, sizeof(all));
	return NULL;
}

// Most builds have all of Python in a library of their own; Debian's has it in the program.
static struct err *read_interpreter(struct finder *f)
{
	const char *prefix = path_dir(f->a, path_dir(f->a, f->out->library));
	const char *lib = arena_printf(f->a, "%s/lib", prefix);
	const char *name = arena_printf(f->a, "libpython%s.so.1.0", f->out->version);
	struct strings dirs = {0};

	TRY(read_interpreter_file(f, f->out->binary));
	if (f->out->builtins.len)
		return NULL;
	if (has_dir(f->o->sysroot, lib))
		TRY(root_list(f->o->sysroot, root_walk(f->o->sysroot, lib)->path, f->a, &dirs));
	vec_push(f->a, &dirs, ".");
	vec_push(f->a, &dirs, "../lib64");
	vec_each (dir, &dirs) {
		const char *path = arena_printf(f->a, "%s/%s/%s", lib, *dir, name);

		if (!f->out->builtins.len && has_file(f->o->sysroot, path))
			TRY(read_interpreter_file(f, path));
	}
	if (f->out->builtins.len)
		return NULL;
	return err_hint(err_new(ERR_NO_START, "%s: no Python with its modules inside, and no %s",
				root_host_path(f->o->sysroot, f->out->binary, f->a), name),
		"the interpreter's package brings it");
}

// A directory as text to put "/name" behind.
static const char *place_text(struct finder *f, const char *dir)
{
	const char *path = path_lexical(f->a, dir);

	return path[1] ? path : "";
}

static struct python_place *add_place(struct finder *f, struct root *root, const char *dir)
{
	const char *path = place_text(f, dir);
	void **seen = map_at(&f->seen, f->a, path);

	if (*seen || f->out->places.len >= PLACES_MAX)
		return NULL;
	if (!has_dir(root, path)) {
		if (has_file(root, path))
			vec_push(f->a, &f->out->archives, path);
		return NULL;
	}
	*seen = f;
	struct python_place *p = vec_add(f->a, &f->out->places);

	*p = (struct python_place){.root = root, .dir = path, .path = path};
	return p;
}

// One line of a .pth file (site.addpackage).
static void read_pth_line(
	struct finder *f, const char *dir, const char *pth, char *line, unsigned number)
{
	line[strcspn(line, "\r")] = 0;
	for (size_t n = strlen(line); n && isspace((unsigned char)line[n - 1]);)
		line[--n] = 0;
	if (!*line || *line == '#' || strlen(line) > 4096)
		return;
	if (strncmp(line, "import ", 7) == 0 || strncmp(line, "import\t", 7) == 0) {
		// setuptools' own, which only matters to who builds packages.
		if (strcmp(path_base(pth), "distutils-precedence.pth") == 0)
			return;
		vec_push(f->a, &f->out->executed,
			arena_printf(f->a, "%s:%u: %.60s%s", pth, number, line,
				strlen(line) > 60 ? "…" : ""));
		return;
	}
	struct python_place *p = add_place(
		f, f->o->sysroot, *line == '/' ? line : arena_printf(f->a, "%s/%s", dir, line));

	if (p)
		p->pth = pth;
}

static struct err *read_pth(struct finder *f, const char *dir, const char *name)
{
	const char *path = arena_printf(f->a, "%s/%s", dir, name);
	struct span text;

	if (!has_file(f->o->sysroot, path))
		return NULL;
	TRY(root_read(f->o->sysroot, path, PTH_MAX, f->a, &text));
	char *all = arena_strndup(f->a, (const char *)text.ptr, text.len), *state = NULL;
	unsigned number = 0;

	while (all) {
		char *line = strsep(&all, "\n");

		read_pth_line(f, dir, path, line, ++number);
	}
	(void)state;
	return NULL;
}

// A directory of packages, then what its .pth files name.
static struct err *add_site(struct finder *f, const char *dir)
{
	struct strings names = {0};

	if (!has_dir(f->o->sysroot, dir) || !add_place(f, f->o->sysroot, dir))
		return NULL;
	TRY(root_list(f->o->sysroot, root_walk(f->o->sysroot, dir)->path, f->a, &names));
	vec_each (name, &names) {
		size_t n = strlen(*name);

		if (n > 4 && strcmp(*name + n - 4, ".pth") == 0 && **name != '.')
			TRY(read_pth(f, dir, *name));
	}
	return NULL;
}

// Debian keeps packages in dist-packages, and says so in its site.py.
static struct err *is_debian(struct finder *f, bool *is)
{
	drop(arena_drop) struct arena scratch = {0};
	struct span text;

	TRY(root_read(f->o->sysroot, arena_printf(f->a, "%s/site.py", f->out->library), PTH_MAX,
		&scratch, &text));
	// An image may lack the source: the module is frozen into the interpreter.
	*is = text.ptr ? memmem(text.ptr, text.len, "dist-packages", 13) != NULL
		       : !root_walk(f->o->sysroot, "/usr/lib/python3/dist-packages")->error;
	return NULL;
}

// A virtual environment's packages come before those of the Python it was made of, if it sees them.
static struct err *add_sites(struct finder *f)
{
	const char *prefix = path_dir(f->a, path_dir(f->a, f->out->library));
	const char *version = f->out->version;
	const struct python_venv *venv = &f->out->venv;
	bool debian;

	if (venv->config) {
		TRY(add_site(f,
			arena_printf(f->a, "%s/lib64/python%s/site-packages", venv->dir, version)));
		TRY(add_site(f,
			arena_printf(f->a, "%s/lib/python%s/site-packages", venv->dir, version)));
		if (!venv->has_system)
			return NULL;
	}
	TRY(is_debian(f, &debian));
	if (!debian) {
		TRY(add_site(
			f, arena_printf(f->a, "%s/lib64/python%s/site-packages", prefix, version)));
		return add_site(
			f, arena_printf(f->a, "%s/lib/python%s/site-packages", prefix, version));
	}
	TRY(add_site(
		f, arena_printf(f->a, "%s/local/lib/python%s/dist-packages", prefix, version)));
	TRY(add_site(f, arena_printf(f->a, "%s/lib/python3/dist-packages", prefix)));
	return add_site(f, arena_printf(f->a, "%s/lib/python%s/dist-packages", prefix, version));
}

// The script's directory, as it will be called in the image.
static void add_script(struct finder *f)
{
	struct python_place *p;

	if (!f->o->script)
		return;
	const char *path = place_text(f, path_dir(f->a, f->o->image_path));

	*map_at(&f->seen, f->a, path) = f;
	p = vec_add(f->a, &f->out->places);
	*p = (struct python_place){
		.root = f->o->root,
		.dir = path_dir(f->a, f->o->script),
		.path = path,
		.is_script = true,
	};
}

static void add_environment(struct finder *f)
{
	const struct strings none = {0}, *env = f->o->env ? f->o->env : &none;

	vec_each (variable, env) {
		if (strncmp(*variable, "PYTHONPATH=", 11) != 0)
			continue;
		char *all = arena_strdup(f->a, *variable + 11);

		while (all) {
			const char *dir = strsep(&all, ":");

			if (*dir == '/')
				add_place(f, f->o->sysroot, dir);
		}
	}
}

static void add_library(struct finder *f)
{
	const char *prefix = path_dir(f->a, path_dir(f->a, f->out->library));
	struct python_place *p;

	add_place(f, f->o->sysroot,
		arena_printf(f->a, "%s/lib/python3%u.zip", prefix, f->out->minor));
	p = add_place(f, f->o->sysroot, f->out->library);
	if (p)
		p->is_library = true;
	p = add_place(f, f->o->sysroot, arena_printf(f->a, "%s/lib-dynload", f->out->library));
	if (p) {
		p->is_library = true;
		f->out->dynload = p->path;
	}
}

struct err *python_path_find(
	const struct python_options *o, struct arena *a, struct python_path *out)
{
	struct finder f = {.o = o, .a = a, .out = out};
	const struct walk *w = root_walk(o->sysroot, o->interpreter);

	*out = (struct python_path){0};
	if (w->error || !python_is(o->sysroot, o->interpreter, a, &out->version))
		return err_hint(err_new(ERR_NO_START, "%s is no Python with its library beside it",
					root_host_path(o->sysroot, o->interpreter, a)),
			"the library is lib/python3.X/os.py beside the interpreter's bin; Debian "
			"has it in libpython3-stdlib");
	out->binary = w->path;
	TRY(python_venv_read(o->sysroot, o->interpreter, a, &out->venv));
	out->minor = minor_of(o->sysroot, &out->venv, w->path, a);
	out->tag = arena_printf(a, "cpython-3%u", out->minor);
	out->library = library_of(o->sysroot, &out->venv, w->path, out->minor, a);
	if (!out->library)
		return err_hint(err_new(ERR_NO_START,
					"%s: the library of Python %s is missing: "
					"lib/python%s/os.py",
					root_host_path(o->sysroot, o->interpreter, a), out->version,
					out->version),
			"Debian has it in libpython%s-stdlib", out->version);
	TRY(read_interpreter(&f));
	add_script(&f);
	add_environment(&f);
	add_library(&f);
	return add_sites(&f);
}
