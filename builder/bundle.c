#include "builder/bundle.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builder/own.h"
#include "ldd/verify.h"
#include "oci/layout.h"

#define ROUNDS_MAX 16 // a library found at last may miss another one
#define WARNED_MAX 20 // plugins without all their libraries

struct bundle {
	struct arena arena;
	const char *asked; // as the user named it
	const char *shown; // on this machine, without links in the last place
	struct bundle_files files;
	const char *entry;    // below it
	const char *at;       // in the image
	const char *place;    // the same as it was asked for: links of the sysroot may lead to `at`
	bool is_of_sysroot;   // it lies in there
	struct root *mounted; // NULL: the sysroot's own root serves
	struct sysroot sysroot;
	struct resolver_options options; // of the sysroot's resolver
	struct map by_name;              // file names → struct strings of paths in the image
	struct strings library_path;     // directories of the image for LD_LIBRARY_PATH
	struct {
		struct bundle_part *at;
		size_t len, cap;
	} parts;
	size_t foreign; // ELF files for other machines
};

// An ELF file besides the program.
struct bundle_part {
	struct installed installed;
	bool is_loaded; // others whose libraries are all there load it, so its own are too
};

bool bundle_is(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool bundle_holds(const struct bundle *b, const char *path)
{
	return b && path_is_below(path, b->at);
}

void bundle_drop(struct bundle **bp)
{
	struct bundle *b = *bp;

	if (!b)
		return;
	resolver_drop(&b->sysroot.resolver);
	root_drop(&b->mounted);
	arena_drop(&b->arena);
	mem_drop(bp);
}

// ---- where it stands ----

// What of this machine is no part of any system is not the image's to find.
static bool is_private(const char *path)
{
	return strcmp(path, "/") != 0 && !is_system_path(path);
}

static struct err *choose_place(struct bundle *b, const char *install)
{
	static const char *const taken[] = {"/", "/bin", "/dev", "/etc", "/lib", "/lib32", "/lib64",
		"/libx32", "/opt", "/proc", "/run", "/sbin", "/sys", "/usr", "/usr/bin", "/usr/lib",
		"/usr/lib64", "/usr/local", "/usr/sbin", "/usr/share", "/var"};
	struct arena *a = &b->arena;
	const char *name = path_base(b->shown);

	if (!install)
		b->place = arena_printf(a, "/opt/%s", name);
	else if (install[strlen(install) - 1] == '/')
		b->place = path_lexical(a, arena_printf(a, "%s%s", install, name));
	else
		b->place = path_lexical(a, install);
	b->at = b->place;
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		if (strcmp(b->place, taken[i]) == 0)
			return err_hint(
				err_new(ERR_USAGE, "%s: %s in the image is no place of its own",
					b->asked, b->place),
				"--install /opt/NAME says another");
	return NULL;
}

// Links of the sysroot on the way to the place are the image's too; what it has at the place itself
// makes room.
static struct err *follow_place(struct bundle *b, struct root *sysroot)
{
	struct arena *a = &b->arena;
	const char *at = "", *rest = b->place;

	while (strchr(rest + 1, '/')) {
		size_t n = 1 + strcspn(rest + 1, "/");
		const char *next = arena_printf(a, "%s%.*s", at, (int)n, rest);
		const struct walk *w = root_walk(sysroot, next);

		if (w->error || (root_is_host(sysroot) && is_private(w->path)))
			break;
		if (!S_ISDIR(w->node.mode))
			return err_hint(
				err_new(ERR_USAGE,
					"%s: %s in the sysroot is no directory, the bundle was to "
					"go to %s",
					b->asked, next, b->place),
				"--install /opt/NAME says another place");
		at = w->path;
		rest += n;
	}
	b->at = arena_printf(a, "%s%s", at, rest);
	return NULL;
}

// Its own place in the sysroot, if it lies there and nobody asks for another; else the one chosen.
static struct err *place_it(
	struct bundle *b, const char *install, struct root **top, const struct program *p)
{
	struct root *root = p->sysroot->root;
	size_t n = strlen(p->path) - strlen(b->entry);
	const struct walk *w = root_walk(root, arena_strndup(&b->arena, p->path, n));

	b->sysroot = *p->sysroot;
	b->sysroot.resolver = NULL; // its own comes with renew_resolver
	if (!install && p->root == root && !w->error &&
		(!root_is_host(root) || is_system_path(w->path))) {
		b->at = b->place = w->path;
		b->is_of_sysroot = true;
		return NULL;
	}
	TRY(follow_place(b, root));
	b->mounted = root_mount(root, take(*top), b->at, root_is_host(root) ? is_private : NULL);
	b->sysroot.root = b->mounted;
	return NULL;
}

static const char *in_image(struct bundle *b, const char *path)
{
	return arena_printf(&b->arena, "%s%s", b->at, path);
}

// ---- links ----

// Does the text of a link at `path` (below the bundle) lead above the bundle?
static bool climbs_out(const char *path, const char *target)
{
	int depth = -1;

	if (target[0] == '/')
		return true;
	for (; *path; path++)
		depth += *path == '/';
	for (; *target && depth >= 0; target += strspn(target, "/")) {
		size_t n = strcspn(target, "/");

		if (n == 2 && strncmp(target, "..", 2) == 0)
			depth--;
		else if (!(n == 1 && target[0] == '.'))
			depth++;
		target += n;
	}
	return depth < 0;
}

static void leave_out(struct bundle *b, const struct strings *exclude)
{
	size_t n = 0;

	vec_each (f, &b->files)
		if (!is_excluded(in_image(b, f->path), exclude))
			b->files.at[n++] = *f;
	b->files.len = n;
}

static const char *irregular_text(mode_t mode)
{
	return S_ISFIFO(mode) ? "a FIFO" : S_ISSOCK(mode) ? "a socket" : "a device";
}

static struct err *refuse_irregular(struct bundle *b)
{
	vec_each (f, &b->files)
		if (!S_ISREG(f->mode) && !S_ISDIR(f->mode) && !S_ISLNK(f->mode))
			return err_hint(err_new(ERR_FAILED, "%s%s is %s", b->asked, f->path,
						irregular_text(f->mode)),
				"a bundle holds files, links and directories: leave it out with "
				"--exclude %s",
				in_image(b, f->path));
	return NULL;
}

// What is a link within the bundle stays one, even where it leads nowhere: the program knows why.
static struct err *check_links(struct bundle *b)
{
	vec_each (f, &b->files) {
		if (!S_ISLNK(f->mode) || b->is_of_sysroot)
			continue;
		const char *path = in_image(b, f->path);
		const char *target = root_walk_parent(b->sysroot.root, path)->node.target;
		const struct walk *w = root_walk(b->sysroot.root, path);

		if (w->error ? climbs_out(f->path, target) : !bundle_holds(b, w->path))
			return err_hint(
				err_new(ERR_FAILED, "%s%s: the link to %s leads out of the bundle",
					b->asked, f->path, target),
				"put the file itself there (cp -L), or leave it out with --exclude %s",
				path);
	}
	return NULL;
}

// ---- opening ----

static struct err *refuse_other_directories(const struct bundle *b)
{
	struct stat st;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/imgmin.yaml", b->shown);
	if (stat(path, &st) == 0)
		return err_hint(
			err_new(ERR_USAGE, "%s: a project with its own imgmin.yaml, no program",
				b->asked),
			"imgmin build %s alone does what that says", b->asked);
	if (layout_is(b->shown))
		return err_hint(err_new(ERR_NO_START, "%s: an OCI layout", b->asked),
			"it is an image: imgmin inspect and imgmin check read it");
	return NULL;
}

// The user's word for it without dots and slashes at the end; a link keeps its own name.
static struct err *name_it(struct bundle *b, const char *path)
{
	struct arena *a = &b->arena;
	const char *last = path + strlen(path);
	char real[PATH_MAX];

	while (last > path + 1 && last[-1] == '/')
		last--;
	path = arena_strndup(a, path, (size_t)(last - path));
	b->asked = path;
	if (!realpath(path, real))
		return err_sys(errno, "%s", path);
	const char *base = path_base(path);

	if (strcmp(base, ".") == 0 || strcmp(base, "..") == 0 || !*base || path[0] != '/') {
		char dir[PATH_MAX];
		bool is_named = *base && strcmp(base, ".") != 0 && strcmp(base, "..") != 0;

		if (!is_named)
			b->shown = arena_strdup(a, real);
		else if (realpath(strchr(path, '/') ? path_dir(a, path) : ".", dir))
			b->shown = arena_printf(a, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, base);
		else
			return err_sys(errno, "%s", path);
		return NULL;
	}
	b->shown = path_lexical(a, path);
	return NULL;
}

static struct err *open_it(struct bundle *b, struct sysroots *s, const struct spec *spec,
	const struct platform *asked, struct arena *a, struct program *out)
{
	const struct strings *words = &spec->container.config.entrypoint;
	drop(root_drop) struct root *top = NULL;
	char real[PATH_MAX];

	TRY(refuse_other_directories(b));
	TRY(choose_place(b, spec->args->install));
	if (!realpath(b->shown, real))
		return err_sys(errno, "%s", b->shown);
	TRY(root_open_dir(real, &top));
	TRY(bundle_files_read(top, b->asked, &b->arena, &b->files));
	TRY(bundle_files_entry(&b->files, top, b->asked, path_base(b->shown), b->place,
		words->len ? words->at[0] : NULL, &b->arena, &b->entry));
	TRY(program_open(s, arena_printf(a, "%s%s", b->shown, b->entry), asked, a, out));
	TRY(place_it(b, spec->args->install, &top, out));
	b->options = *resolver_options(out->sysroot->resolver);
	leave_out(b, &spec->args->exclude);
	TRY(refuse_irregular(b));
	return check_links(b);
}

// A resolver that searches with the LD_LIBRARY_PATH so far. Closures of the one before are gone.
static struct err *renew_resolver(struct bundle *b, struct program *p)
{
	struct resolver_options o = b->options;
	struct strings path = {0};

	for (size_t i = 0; i < o.nlibrary_path; i++)
		vec_push(&b->arena, &path, o.library_path[i]);
	for (size_t i = 0; i < b->library_path.len; i++)
		vec_push(&b->arena, &path, arena_printf(&b->arena, "=%s", b->library_path.at[i]));
	o.sysroot = b->sysroot.root;
	o.library_path = path.at;
	o.nlibrary_path = path.len;
	o.own_dir = b->at;
	resolver_drop(&b->sysroot.resolver);
	b->sysroot.resolver = resolver_new(&o);
	p->sysroot = &b->sysroot;
	p->root = b->sysroot.root;
	p->path = in_image(b, b->entry);
	return resolver_file(b->sysroot.resolver, p->root, p->path, &p->file);
}

struct err *bundle_open(struct sysroots *s, const struct spec *spec, const char *path,
	const struct platform *asked, struct arena *a, struct program *out)
{
	drop(bundle_drop) struct bundle *b = mem_alloc(sizeof(*b));

	TRY(name_it(b, path));
	TRY(open_it(b, s, spec, asked, a, out));
	TRY(renew_resolver(b, out));
	out->asked = arena_strdup(a, b->asked);
	out->bundle = take(b);
	return NULL;
}

// ---- what its files load ----

static struct err *resolve_entry(struct bundle *b, struct installed *p)
{
	struct resolver *r = b->sysroot.resolver;

	p->suggestions = (struct suggestions){0};
	TRY(closure_resolve(r, p->program.root, p->program.path, &p->closure));
	return hidden_add(r, &p->closure, &p->suggestions);
}

// A program of its own is started, a library opened by the first one; of what is static nothing is.
static struct err *resolve_part(
	struct bundle *b, const struct installed *entry, const struct bundle_file *f)
{
	struct resolver *r = b->sysroot.resolver;
	const char *path = in_image(b, f->path), *why;
	bool is_plugin = !f->is_program && entry->closure.interpreter;
	const struct object_file *file;

	TRY(resolver_file(r, b->sysroot.root, path, &file));
	if (!file || file == entry->program.file || !file->elf.is_dynamic)
		return NULL;
	if (elf_fits(&entry->program.file->elf, &file->elf, &b->arena, &why) != ELF_FITS &&
		!(file->elf.interp && file->elf.machine == entry->program.file->elf.machine)) {
		b->foreign++;
		return NULL;
	}
	struct installed *p = &((struct bundle_part *)vec_add(&b->arena, &b->parts))->installed;

	*p = (struct installed){
		.program = entry->program, .path = path, .in = is_plugin ? entry : NULL};
	if (is_plugin)
		TRY(closure_resolve_plugin(r, &entry->closure, b->sysroot.root, path, &p->closure));
	else
		TRY(closure_resolve(r, b->sysroot.root, path, &p->closure));
	TRY(hidden_add(r, &p->closure, &p->suggestions));
	TRY(verify_versions(r, &p->closure));
	p->is_complete = !closure_is_broken(&p->closure);
	return NULL;
}

static void mark_loaded(struct bundle *b, struct map *loaded, const struct closure *c)
{
	for (size_t i = 1; i < c->objects.len; i++)
		if (c->objects.at[i]->file)
			*map_at(loaded, &b->arena, c->objects.at[i]->file->walk->path) = b;
}

// What lacks libraries by itself may be loaded by others that know where they are.
static void find_loaded(struct bundle *b, const struct installed *entry)
{
	struct map loaded = {0};

	if (!closure_is_broken(&entry->closure))
		mark_loaded(b, &loaded, &entry->closure);
	vec_each (part, &b->parts)
		if (part->installed.is_complete)
			mark_loaded(b, &loaded, &part->installed.closure);
	vec_each (part, &b->parts)
		part->is_loaded =
			map_get(&loaded, part->installed.closure.objects.at[0]->file->walk->path);
}

static struct err *resolve_all(struct bundle *b, struct installed *entry)
{
	b->parts.len = b->foreign = 0;
	TRY(resolve_entry(b, entry));
	vec_each (f, &b->files)
		if (f->is_elf && (!S_ISLNK(f->mode)))
			TRY(resolve_part(b, entry, f));
	find_loaded(b, entry);
	return NULL;
}

// ---- LD_LIBRARY_PATH ----

static void index_names(struct bundle *b)
{
	vec_each (f, &b->files) {
		if (S_ISDIR(f->mode) || !strstr(path_base(f->path), ".so"))
			continue;
		void **slot = map_at(&b->by_name, &b->arena, path_base(f->path));

		if (!*slot)
			*slot = arena_new(&b->arena, struct strings);
		vec_push(&b->arena, (struct strings *)*slot, in_image(b, f->path));
	}
}

// The directory of the bundle that has the library: the wanter's own, else the first.
static struct err *directory_with(struct bundle *b, const struct installed *entry,
	const struct installed *wanter, const char *name, const char **out)
{
	const struct strings *paths = map_get(&b->by_name, name);
	const char *own = path_dir(&b->arena, wanter->closure.objects.at[0]->file->path);

	*out = NULL;
	for (size_t i = 0; paths && i < paths->len; i++) {
		const char *dir = path_dir(&b->arena, paths->at[i]), *why;
		const struct object_file *f;

		TRY(resolver_file(b->sysroot.resolver, b->sysroot.root, paths->at[i], &f));
		if (!f || elf_fits(&entry->program.file->elf, &f->elf, &b->arena, &why) != ELF_FITS)
			continue;
		if (!*out || strcmp(dir, own) == 0)
			*out = dir;
	}
	return NULL;
}

static struct err *add_directories(
	struct bundle *b, const struct installed *entry, const struct installed *wanter)
{
	vec_each (q, &wanter->closure.problems) {
		const char *dir = NULL;

		if (q->kind == PROBLEM_MISSING && !q->is_warning)
			TRY(directory_with(b, entry, wanter, q->name, &dir));
		for (size_t i = 0; dir && i < b->library_path.len; i++)
			if (strcmp(b->library_path.at[i], dir) == 0)
				dir = NULL;
		if (dir && !strpbrk(dir, ":;"))
			vec_push(&b->arena, &b->library_path, dir);
	}
	return NULL;
}

// Which libraries of the bundle no rule finds, and where they are.
static struct err *find_directories(struct bundle *b, const struct installed *entry)
{
	TRY(add_directories(b, entry, entry));
	vec_each (part, &b->parts)
		if (!part->installed.is_complete && !part->is_loaded)
			TRY(add_directories(b, entry, &part->installed));
	return NULL;
}

static void tell(struct assembly *a, struct bundle *b, const char *text)
{
	vec_push(&b->arena, &a->warnings, text);
}

static void set_library_path(struct assembly *a, struct bundle *b)
{
	struct arena *arena = &b->arena;
	const char *old = a->container->library_path, *value = old && *old ? old : NULL;
	struct container *c = arena_new(arena, struct container);

	*c = *a->container;
	c->config.env = (struct strings){0};
	for (size_t i = 0; i < b->library_path.len; i++)
		value = arena_printf(arena, "%s%s%s", value ? value : "", value ? ":" : "",
			b->library_path.at[i]);
	for (size_t i = 0; i < a->container->config.env.len; i++)
		if (strncmp(a->container->config.env.at[i], "LD_LIBRARY_PATH=", 16) != 0)
			vec_push(arena, &c->config.env, a->container->config.env.at[i]);
	vec_push(arena, &c->config.env, arena_printf(arena, "LD_LIBRARY_PATH=%s", value));
	container_read(c, arena);
	a->container = c;
	tell(a, b,
		arena_printf(arena,
			"%s: LD_LIBRARY_PATH=%s is set in the image: libraries of the bundle are found "
			"by nothing else",
			b->asked, value));
}

// One line for each library, however many plugins ask for it.
static void tell_problems(struct assembly *a, struct bundle *b)
{
	struct map told = {0};
	size_t n = 0;

	vec_each (part, &b->parts) {
		const struct closure *c = &part->installed.closure;
		const char *path = part->installed.path;

		for (size_t i = 0; i < c->problems.len && !part->is_loaded; i++) {
			const struct problem *q = &c->problems.at[i];
			void **slot = map_at(&told, &b->arena, q->name);

			if (q->is_warning || *slot)
				continue;
			*slot = b;
			if (n++ < WARNED_MAX)
				tell(a, b, arena_printf(&b->arena, "%s: %s", path, q->text));
		}
	}
	if (n > WARNED_MAX)
		tell(a, b,
			arena_printf(&b->arena, "%s: %zu more of its libraries would not load",
				b->asked, n - WARNED_MAX));
	if (b->foreign)
		tell(a, b,
			arena_printf(&b->arena,
				"%s: %zu ELF files are for other machines; they are in the image as "
				"they are",
				b->asked, b->foreign));
	const struct strings *more = resolver_warnings(b->sysroot.resolver);

	for (size_t i = 0; i < more->len; i++)
		tell(a, b, more->at[i]);
}

// What the bundle has is there, whatever rule would find it.
static void forget_own_suggestions(struct bundle *b, struct installed *p)
{
	size_t n = 0;

	vec_each (s, &p->suggestions)
		if (!map_get(&b->by_name, s->name))
			p->suggestions.at[n++] = *s;
	p->suggestions.len = n;
}

struct err *bundle_resolve(struct assembly *a, struct installed *p)
{
	struct bundle *b = p->program.bundle;
	bool was_broken = true;

	index_names(b);
	for (int round = 0;; round++) {
		size_t known = b->library_path.len;

		TRY(resolve_all(b, p));
		if (!was_broken && closure_is_broken(&p->closure)) {
			// With it the program itself would not start.
			b->library_path.len = 0;
			TRY(renew_resolver(b, &p->program));
			TRY(resolve_all(b, p));
			break;
		}
		was_broken = closure_is_broken(&p->closure);
		TRY(find_directories(b, p));
		if (b->library_path.len == known || round == ROUNDS_MAX) {
			b->library_path.len = known;
			break;
		}
		TRY(renew_resolver(b, &p->program));
	}
	forget_own_suggestions(b, p);
	if (b->library_path.len)
		set_library_path(a, b);
	tell_problems(a, b);
	return NULL;
}

struct err *bundle_check_platform(
	const struct bundle *b, const struct platform *asked, struct platform *needed)
{
	if (strcmp(needed->arch, "arm") != 0)
		return NULL;
	vec_each (part, &b->parts) {
		struct closure *c = &part->installed.closure;
		struct platform own;
		char text[PLATFORM_TEXT];

		if (!part->installed.is_complete)
			continue;
		TRY(verify_platform(b->sysroot.resolver, c, NULL, &own));
		if (asked && !platform_runs(asked, &own))
			return err_hint(
				err_new(ERR_NO_START,
					"%s: %s is built for %s, above what was "
					"asked for",
					b->asked, part->installed.path, platform_text(&own, text)),
				"build it for that variant, or leave it out of the bundle");
		if (platform_level(&own) > platform_level(needed))
			*needed = own;
	}
	return NULL;
}

// ---- into the tree ----

// A link of a bundle that lies in the sysroot may lead elsewhere there.
static struct err *take_target(struct assembly *a, struct bundle *b, const char *path)
{
	const struct walk *w = root_walk(b->sysroot.root, path);

	if (!b->is_of_sysroot || w->error || bundle_holds(b, w->path))
		return NULL;
	return assembly_take(a, w->path, PART_DATA, "a link of the bundle leads there");
}

static struct err *add_file(struct assembly *a, struct bundle *b, const struct bundle_file *f)
{
	const char *path = in_image(b, f->path);
	const struct walk *w = root_walk_parent(b->sysroot.root, path);

	if (w->error)
		return err_sys(w->error, "%s%s", b->asked, f->path);
	TRY(tree_add_walk(a->tree, b->sysroot.root, w, PART_PROGRAM, "of the bundle"));
	return S_ISLNK(w->node.mode) ? take_target(a, b, path) : NULL;
}

struct err *bundle_assemble(struct assembly *a, struct installed *p)
{
	struct bundle *b = p->program.bundle;

	TRY(tree_add_walk(a->tree, b->sysroot.root, root_walk(b->sysroot.root, b->place),
		PART_PROGRAM, "the bundle"));
	// What is needed says by whom; the rest is only there.
	vec_each (part, &b->parts) {
		vec_push(tree_arena(a->tree), &a->included, &part->installed);
		TRY(assembly_take_closure(a, &part->installed));
	}
	vec_each (f, &b->files)
		TRY(add_file(a, b, f));
	return NULL;
}
