#include "builder/sysroot.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builder/image_trees.h"
#include "builder/script.h"
#include "ldd/abi.h"
#include "oci/archive.h"
#include "oci/layout.h"

#define GIVEN_MAX 32 // platforms in one call

struct sysroots {
	struct arena arena;
	struct resolver_options options;
	struct places *places;
	struct root *host;
	struct sysroot host_sysroot;
	struct given {
		struct platform platform;
		bool is_for_all;
		struct sysroot sysroot;     // a directory
		struct image_trees *images; // NULL: it is none
	} given[GIVEN_MAX];
	size_t ngiven;
	struct { // cross toolchains' trees, opened when first needed
		struct sysroot *at;
		size_t len, cap;
	} found;
	struct strings warnings; // about what was given
};

static void make_resolver(struct sysroots *s, struct sysroot *tree)
{
	struct resolver_options o = s->options;

	o.sysroot = tree->root;
	o.host = s->host;
	tree->resolver = resolver_new(&o);
}

static struct err *open_tree(struct sysroots *s, const char *dir, struct sysroot *out)
{
	char real[PATH_MAX];

	if (!realpath(dir, real))
		return err_sys(errno, "--sysroot %s", dir);
	if (strcmp(real, "/") == 0) {
		*out = s->host_sysroot;
		return NULL;
	}
	TRY_AS(root_open_dir(real, &out->root), "sysroot");
	out->place = arena_strdup(&s->arena, real);
	make_resolver(s, out);
	return NULL;
}

// The word for an image, NULL for a directory. An image is named as everywhere, but what is there
// is never taken for a reference: it says itself what it is.
static const char *image_word(const char *text, struct arena *a)
{
	static const char *const words[] = {
		"docker://", "oci:", "oci-archive:", "docker-archive:", "docker-daemon:"};
	struct stat st;

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strncmp(text, words[i], strlen(words[i])) == 0)
			return text;
	if (stat(text, &st) || (S_ISDIR(st.st_mode) && !layout_is(text)))
		return NULL;
	return text[0] == '/' || text[0] == '.' ? text : arena_printf(a, "./%s", text);
}

static struct err *no_directory(struct err *e, const char *text)
{
	if (!e || err_number(e) != ENOENT || text[0] == '/' || text[0] == '.')
		return e;
	return err_hint(e, "an image in a registry is docker://%s", text);
}

// Images given for all may each hold other platforms; of directories only the first would be used.
static struct err *refuse_second(const struct sysroots *s)
{
	const struct given *g = &s->given[s->ngiven - 1];
	char text[PLATFORM_TEXT];

	for (size_t i = 0; i + 1 < s->ngiven; i++)
		if (g->is_for_all == s->given[i].is_for_all &&
			(g->is_for_all ? !g->images && !s->given[i].images
				       : platform_equal(&s->given[i].platform, &g->platform)))
			return err_hint(err_new(ERR_USAGE, "--sysroot: two for %s",
						g->is_for_all ? "all platforms"
							      : platform_text(&g->platform, text)),
				"--sysroot PLATFORM=SRC gives each platform its own");
	return NULL;
}

struct err *sysroot_read(
	const char *text, struct platform *platform, bool *is_for_all, const char **source)
{
	const char *equals = strpbrk(text, "=:"), *slash = strchr(text, '/');

	// "linux/arm/v7=DIR", and not a directory with '=' in its name, nor "oci:DIR".
	*is_for_all = !equals || *equals != '=' || text[0] == '/' || text[0] == '.';
	*source = text;
	if (*is_for_all)
		return NULL;
	drop(mem_drop) char *word = str_ndup(text, (size_t)(equals - text));
	struct err *e = platform_parse(word, platform);

	*is_for_all = e && slash && slash > equals; // "a=b/c"
	if (!*is_for_all)
		*source = equals + 1;
	else
		err_drop(&e);
	return e ? err_wrap(e, "--sysroot %s", text) : NULL;
}

const char *sysroot_image(const char *text, struct arena *a)
{
	struct platform platform;
	bool is_for_all;
	drop(err_drop) struct err *e = sysroot_read(text, &platform, &is_for_all, &text);

	return e ? NULL : image_word(text, a);
}

static struct err *open_given(struct sysroots *s, const char *text)
{
	struct given *g = &s->given[s->ngiven];

	if (s->ngiven == GIVEN_MAX)
		return err_new(ERR_USAGE, "--sysroot: more than %d", GIVEN_MAX);
	TRY(sysroot_read(text, &g->platform, &g->is_for_all, &text));
	const char *image = s->places ? image_word(text, &s->arena) : NULL;

	if (image)
		TRY_AS(image_trees_new(s->places, image, &g->images), "--sysroot %s", text);
	else
		TRY(no_directory(open_tree(s, text, &g->sysroot), text));
	s->ngiven++;
	return refuse_second(s);
}

// path from this machine's top.
static const char *absolute(const char *path, struct arena *a)
{
	char cwd[PATH_MAX];

	if (path[0] == '/')
		return path;
	if (!getcwd(cwd, sizeof(cwd)))
		return path;
	return arena_printf(a, "%s/%s", strcmp(cwd, "/") == 0 ? "" : cwd, path);
}

// The loader goes on without it, so it is no error.
static void add_host_directory(struct sysroots *s, struct strings *out, const char *dir)
{
	struct stat st;

	if (stat(dir, &st) || !S_ISDIR(st.st_mode))
		vec_push(&s->arena, &s->warnings,
			arena_printf(&s->arena, "--library-path %s: no such directory", dir));
	vec_push(&s->arena, out, absolute(dir, &s->arena));
}

// "a:=b" → "/here/a", "=b". The separators are those of LD_LIBRARY_PATH.
static void add_library_path(struct sysroots *s, struct strings *out, const char *dirs)
{
	char *copy = arena_strdup(&s->arena, dirs), *save = NULL;

	for (char *dir = strtok_r(copy, ":;", &save); dir; dir = strtok_r(NULL, ":;", &save))
		if (dir[0] == '=' || strchr(dir, '$'))
			vec_push(&s->arena, out, dir[0] == '=' ? dir : absolute(dir, &s->arena));
		else
			add_host_directory(s, out, dir);
}

static void take_options(struct sysroots *s, const struct sysroots_options *o)
{
	struct strings path = {0};

	for (size_t i = 0; o->library_path && i < o->library_path->len; i++)
		add_library_path(s, &path, o->library_path->at[i]);
	library_path_inside(&s->arena, &path, o->env_library_path);
	s->options.library_path = path.at;
	s->options.nlibrary_path = path.len;
	s->options.workdir = o->workdir;
	s->options.for_image = o->for_image;
	if (o->hwcaps) {
		s->options.hwcaps = o->hwcaps->at;
		s->options.nhwcaps = o->hwcaps->len;
	}
}

struct err *sysroots_open(const struct sysroots_options *o, struct sysroots **out)
{
	struct sysroots *s = mem_alloc(sizeof(*s));
	struct err *e;

	take_options(s, o);
	s->places = o->places;
	*out = s;
	e = root_open_dir("/", &s->host);
	if (!e) {
		s->host_sysroot = (struct sysroot){.place = "/", .root = s->host};
		make_resolver(s, &s->host_sysroot);
	}
	for (size_t i = 0; !e && o->given && i < o->given->len; i++)
		e = open_given(s, o->given->at[i]);
	if (e)
		sysroots_drop(out);
	return e;
}

struct root *sysroots_host(const struct sysroots *s)
{
	return s->host;
}

static void add_warnings(const struct sysroot *tree, struct arena *a, struct strings *out)
{
	const struct strings *w = resolver_warnings(tree->resolver);

	for (size_t i = 0; i < w->len; i++)
		vec_push(a, out, w->at[i]);
}

static void add_image_warnings(struct image_trees *images, struct arena *a, struct strings *out)
{
	size_t n;
	const struct image_tree *trees = image_trees_known(images, &n);

	for (size_t i = 0; i < n; i++)
		if (trees[i].sysroot.resolver)
			add_warnings(&trees[i].sysroot, a, out);
}

struct strings sysroots_warnings(const struct sysroots *s, struct arena *a)
{
	struct strings out = {0};

	for (size_t i = 0; i < s->warnings.len; i++)
		vec_push(a, &out, s->warnings.at[i]);
	add_warnings(&s->host_sysroot, a, &out);
	for (size_t i = 0; i < s->ngiven; i++)
		if (s->given[i].images)
			add_image_warnings(s->given[i].images, a, &out);
		else if (s->given[i].sysroot.root != s->host)
			add_warnings(&s->given[i].sysroot, a, &out);
	vec_each (tree, &s->found)
		add_warnings(tree, a, &out);
	return out;
}

static void tree_drop(struct sysroots *s, struct sysroot *tree)
{
	if (tree->resolver == s->host_sysroot.resolver)
		return;
	resolver_drop(&tree->resolver);
	root_drop(&tree->root);
}

static void images_drop(struct image_trees **images)
{
	size_t n;
	struct image_tree *trees = image_trees_known(*images, &n);

	for (size_t i = 0; i < n; i++)
		resolver_drop(&trees[i].sysroot.resolver);
	image_trees_drop(images);
}

void sysroots_drop(struct sysroots **sp)
{
	struct sysroots *s = *sp;

	if (!s)
		return;
	for (size_t i = 0; i < s->ngiven; i++)
		if (s->given[i].images)
			images_drop(&s->given[i].images);
		else
			tree_drop(s, &s->given[i].sysroot);
	vec_each (tree, &s->found)
		tree_drop(s, tree);
	resolver_drop(&s->host_sysroot.resolver);
	root_drop(&s->host);
	arena_drop(&s->arena);
	mem_drop(sp);
}

// ---- where a path lies ----

// A path of the tree as it is to be said in an image: as it was typed, but ".." is taken where it
// leads.
static const char *plain_path(struct root *root, const char *path, struct arena *a)
{
	const char *dir = path_dir(a, path);
	const struct walk *w;

	if (!strstr(path, "/../"))
		return path_lexical(a, path);
	w = root_walk(root, *dir ? dir : "/");
	return w->error ? path
			: path_lexical(a, arena_printf(a, "%s/%s", w->path, path_base(path)));
}

// path as it lies in the tree, NULL where it does not: below a directory that is the tree's top,
// however it was named. What comes behind that may be links that lead elsewhere on this machine.
static const char *inside(const struct sysroot *tree, const char *path, struct arena *a)
{
	char real[PATH_MAX];
	const char *in = NULL;

	for (const char *slash = path; slash; slash = strchr(slash + 1, '/')) {
		const char *top =
			slash == path ? "/" : arena_strndup(a, path, (size_t)(slash - path));

		if (realpath(top, real) && strcmp(real, tree->place) == 0)
			in = slash;
	}
	return in ? plain_path(tree->root, in, a) : NULL;
}

// ---- which tree ----

static struct err *fits_in(
	struct sysroots *s, const struct sysroot *tree, const struct elf *e, bool *fits)
{
	const struct object_file *interp;
	const char *why;

	*fits = false;
	if (!e->interp)
		return NULL;
	TRY(resolver_file(tree->resolver, tree->root, e->interp, &interp));
	*fits = interp && elf_fits(e, &interp->elf, &s->arena, &why) == ELF_FITS;
	return NULL;
}

// The tree a cross toolchain keeps for e's ABI: /usr/TRIPLET. *out is NULL where there is none.
static struct err *cross_tree(struct sysroots *s, const struct elf *e, const struct sysroot **out)
{
	for (const char *const *t = elf_triplets(e); *t; t++) {
		const char *place = arena_printf(&s->arena, "/usr/%s", *t);
		struct sysroot tree = {0};

		vec_each (known, &s->found)
			if (strcmp(known->place, place) == 0) {
				*out = known;
				return NULL;
			}
		// The compiler alone makes the directory too: only one with libraries counts.
		if (root_walk(s->host, arena_printf(&s->arena, "%s/lib", place))->error)
			continue;
		TRY(open_tree(s, place, &tree));
		tree.told = arena_printf(&s->arena, "the cross toolchain's %s", place);
		struct sysroot *kept = arena_new(&s->arena, struct sysroot);

		*kept = tree;
		vec_push(&s->arena, &s->found, tree);
		*out = kept;
		return NULL;
	}
	return NULL;
}

static struct err *default_tree(struct sysroots *s, const struct elf *e,
	const struct platform *platform, const struct sysroot **out)
{
	struct platform host = platform_host();
	bool is_native = strcmp(platform->arch, host.arch) == 0, fits;
	char text[PLATFORM_TEXT];

	*out = &s->host_sysroot;
	TRY(fits_in(s, &s->host_sysroot, e, &fits));
	if (fits && !is_native) {
		struct sysroot *told = arena_new(&s->arena, struct sysroot);

		*told = s->host_sysroot;
		told->told = "this machine's multiarch directories";
		*out = told;
	}
	if (fits || is_native || e->not_elf || e->broken || (!e->interp && e->deps.len == 0))
		return NULL;
	*out = NULL;
	TRY(cross_tree(s, e, out));
	if (*out)
		return NULL;
	const char *triplet = elf_triplets(e)[0];

	return err_hint(err_new(ERR_NO_START, "no libraries for %s on this machine",
				platform_text(platform, text)),
		"give them with --sysroot DIR or IMAGE%s%s",
		triplet ? ", or install the cross toolchain for " : "", triplet ? triplet : "");
}

// Of an image the first tree whose loader suits the program; where none does, the first, which then
// says what is missing.
static struct err *tree_of_image(struct sysroots *s, struct given *g, const struct elf *e,
	const struct platform *p, const struct sysroot **out)
{
	const bool is_soft = e->machine == EM_ARM && elf_arm_float(e) == EF_ARM_ABI_FLOAT_SOFT;
	struct image_tree **trees;
	bool fits = false;
	size_t n;

	TRY(image_trees_for(g->images, p, is_soft, !g->is_for_all, &trees, &n));
	for (size_t i = 0; i < n && !fits; i++) {
		TRY(image_tree_read(g->images, trees[i]));
		if (!trees[i]->sysroot.resolver)
			make_resolver(s, &trees[i]->sysroot);
		TRY(fits_in(s, &trees[i]->sysroot, e, &fits));
		if (fits || i == 0)
			*out = &trees[i]->sysroot;
		if (!e->interp)
			break;
	}
	return NULL;
}

static bool is_for(const struct given *g, const struct platform *p)
{
	return !g->is_for_all && strcmp(g->platform.arch, p->arch) == 0 &&
		(!p->variant[0] || !g->platform.variant[0] || platform_runs(&g->platform, p));
}

// *out is NULL where none was given for p. Of images given for all, the first that holds p's
// machine.
static struct err *given_tree(struct sysroots *s, const struct elf *e, const struct platform *p,
	const struct sysroot **out)
{
	drop(err_drop) struct err *lacking = NULL;

	*out = NULL;
	for (int for_all = 0; for_all < 2; for_all++)
		for (size_t i = 0; i < s->ngiven; i++) {
			struct given *g = &s->given[i];

			if (for_all ? !g->is_for_all : !is_for(g, p))
				continue;
			if (!g->images) {
				*out = &g->sysroot;
				return NULL;
			}
			struct err *failed = tree_of_image(
				s, g, e, g->platform.variant[0] ? &g->platform : p, out);

			if (!failed || err_kind(failed) != ERR_NO_START)
				return failed;
			err_drop(lacking ? &failed : &lacking);
			lacking = lacking ? lacking : failed;
		}
	return take(lacking);
}

// ---- a program ----

static struct err *no_program(int number, const char *path)
{
	return err_hint(err_sys(number, "%s", path), "give the path of a program, as in ./NAME");
}

// Reads the file where it lies: in a given tree, else on this machine.
static struct err *open_where_it_lies(
	struct sysroots *s, const char *path, struct arena *a, struct program *out)
{
	const char *full = absolute(path, a);
	const struct sysroot *tree = &s->host_sysroot;

	out->path = NULL;
	for (size_t i = 0; i < s->ngiven && !out->path; i++) {
		if (s->given[i].images)
			continue;
		out->path = inside(&s->given[i].sysroot, full, a);
		if (out->path)
			tree = &s->given[i].sysroot;
	}
	if (!out->path)
		out->path = plain_path(s->host, full, a);
	out->root = tree->root;
	out->sysroot = tree;
	TRY(resolver_file(tree->resolver, tree->root, out->path, &out->file));
	if (out->file)
		return NULL;
	return no_program(root_walk(tree->root, out->path)->error, path);
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

static struct err *refuse(const struct program *p, const char *why)
{
	struct err *e = err_new(ERR_NO_START, "%s: %s", p->asked, why);

	if (S_ISDIR(p->file->walk->node.mode))
		return err_hint(e, "name the programs in it");
	if (!p->file->elf.not_elf && p->file->elf.type == ET_REL)
		return err_hint(e, "it is an object file: link it into a program first");
	if (archive_is(p->asked))
		return err_hint(e, "it is an image: imgmin inspect and imgmin check read it");
	if (ends_with(p->asked, ".yaml") || ends_with(p->asked, ".yml"))
		return err_hint(e, "a project file is read with -f %s", p->asked);
	if (ends_with(p->asked, ".py"))
		return err_hint(e,
			"its first line has to name its interpreter, as in "
			"#!/usr/bin/python3");
	return err_hint(e,
		"imgmin takes ELF programs, and scripts whose first line names their interpreter, "
		"as in #!/usr/bin/python3");
}

static const char *given_platforms(const struct sysroots *s, struct arena *a)
{
	struct strings all = {0};
	char text[PLATFORM_TEXT];

	for (size_t i = 0; i < s->ngiven; i++)
		if (!s->given[i].is_for_all)
			vec_push(a, &all,
				arena_strdup(a, platform_text(&s->given[i].platform, text)));
	return strings_shown(&all, GIVEN_MAX, a);
}

// Of several trees the one for the platform that was asked for.
static struct err *given_for_script(
	struct sysroots *s, const struct platform *asked, struct arena *a, struct given **out)
{
	char text[PLATFORM_TEXT];

	for (int for_all = 0; for_all < 2; for_all++)
		for (size_t i = 0; i < s->ngiven; i++) {
			*out = &s->given[i];
			if (asked ? (for_all ? (*out)->is_for_all : is_for(*out, asked))
				  : s->ngiven == 1 || (*out)->is_for_all)
				return NULL;
		}
	if (asked)
		return err_hint(err_new(ERR_NO_START, "no sysroot was given for %s",
					platform_text(asked, text)),
			"give it with --sysroot %s=DIR", text);
	return err_hint(
		err_new(ERR_NO_START, "a script does not say for which platform it is meant"),
		"say it with --platform: sysroots are given for %s", given_platforms(s, a));
}

// A script says nothing of its platform: of an image the one that was asked for, or the only one.
static struct err *tree_of_script(struct sysroots *s, const struct platform *asked, struct arena *a,
	const struct sysroot **out)
{
	struct image_tree *tree, **trees = &tree;
	struct given *g;
	size_t n;

	TRY(given_for_script(s, asked, a, &g));
	if (!g->images) {
		*out = &g->sysroot;
		return NULL;
	}
	if (asked || !g->is_for_all)
		TRY(image_trees_for(g->images, asked ? asked : &g->platform, false, !g->is_for_all,
			&trees, &n));
	else
		TRY(image_trees_all(g->images, &tree, &n));
	if (n == 0 || (n > 1 && trees == &tree))
		return err_hint(err_new(ERR_NO_START,
					"a script does not say for which platform it is meant"),
			"say it with --platform; the sysroot holds %s",
			image_trees_platforms(g->images));
	TRY(image_tree_read(g->images, trees[0]));
	if (!trees[0]->sysroot.resolver)
		make_resolver(s, &trees[0]->sysroot);
	*out = &trees[0]->sysroot;
	return NULL;
}

// "/home/me/venv/bin/python" of this machine; sysroots have none of it.
static bool is_venv_here(const char *interpreter, struct arena *a)
{
	return access(arena_printf(a, "%s/../pyvenv.cfg", path_dir(a, interpreter)), F_OK) == 0;
}

static struct err *no_interpreter(const struct program *p, const char *what, struct arena *a)
{
	if (what[0] != '/')
		return err_hint(err_new(ERR_NO_START,
					"%s: its interpreter %s has no whole path, and the kernel "
					"looks for it where the container starts",
					p->asked, what),
			"write #!/usr/bin/env %s, or its path", path_base(what));
	struct err *e = err_new(ERR_NO_START, "%s: its interpreter %s is not there: %s", p->asked,
		root_host_path(p->root, what, a), root_why(p->root, what));

	if (!root_is_host(p->root) && is_venv_here(what, a))
		return err_hint(e,
			"it is a virtual environment of this machine: begin the script with "
			"#!/usr/bin/python3 and --add its packages, or make one in the sysroot");
	return err_hint(e, "install it, or give a sysroot that has it with --sysroot");
}

static bool ends_in_cr(const char *text)
{
	return text && *text && text[strlen(text) - 1] == '\r';
}

// What the kernel and env(1) would stumble over: one argument at most comes from the line.
static struct err *check_line(const struct script *s, const struct program *p)
{
	bool is_env = strcmp(path_base(s->interpreter), "env") == 0;
	const char *word = s->argument;

	if (ends_in_cr(s->interpreter) || ends_in_cr(word))
		return err_hint(err_new(ERR_NO_START,
					"%s: its first line ends in CR LF, and the kernel takes "
					"the CR for part of the name",
					p->asked),
			"save it with the line ends of Unix: sed -i 's/\\r$//' %s", p->asked);
	if (is_env && !word)
		return err_hint(
			err_new(ERR_NO_START, "%s: its first line has env start nothing", p->asked),
			"name the interpreter: #!%s python3", s->interpreter);
	if (is_env && word[0] != '-' && strpbrk(word, " \t"))
		return err_hint(err_new(ERR_NO_START,
					"%s: its first line has env look for a program called "
					"\"%s\": the kernel hands over one word",
					p->asked, word),
			"let env split it: #!%s -S %s", s->interpreter, word);
	return NULL;
}

// What env(1) finds for a word in the usual PATH; NULL: nothing.
static const char *find_in_path(struct root *root, const char *word, struct arena *a)
{
	static const char *const dirs[] = {
		"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		const char *path = arena_printf(a, "%s/%s", dirs[i], word);
		const struct walk *w = root_walk(root, path);

		if (!w->error && S_ISREG(w->node.mode) && w->node.mode & 0111)
			return path;
	}
	return NULL;
}

static struct err *take_interpreter(
	const struct script *script, struct arena *a, struct program *out)
{
	const char *word = script_env_word(script, a);

	out->root = out->sysroot->root;
	out->path = script->interpreter;
	if (word && strchr(word, '/')) {
		out->path = word;
	} else if (word) {
		out->path = find_in_path(out->root, word, a);
		if (!out->path)
			return err_hint(
				err_new(ERR_NO_START, "%s: env finds no %s in the PATH of %s",
					out->asked, word, out->sysroot->place),
				"install it, or give a sysroot that has it with --sysroot");
	}
	if (word)
		vec_push(a, &out->script.between, script->interpreter);
	if (word && root_walk(out->root, script->interpreter)->error)
		return no_interpreter(out, script->interpreter, a);
	TRY(resolver_file(out->sysroot->resolver, out->root, out->path, &out->file));
	return out->file ? NULL : no_interpreter(out, out->path, a);
}

// A script is started by its interpreter, and that may be one too.
static struct err *follow_script(
	struct sysroots *s, const struct platform *asked, struct arena *a, struct program *out)
{
	struct script script = {.is_script = true};

	for (int depth = 0; S_ISREG(out->file->walk->node.mode); depth++) {
		TRY(script_read(out->root, out->file->walk->path, a, &script));
		if (!script.is_script || !script.interpreter)
			return NULL;
		if (depth == SCRIPTS_MAX)
			return err_hint(err_new(ERR_NO_START,
						"%s: its interpreter is a script, and that one's "
						"too, too many times over",
						out->asked),
				"end it with a program, such as #!/bin/sh");
		if (out->root == s->host && s->ngiven)
			TRY_AS(tree_of_script(s, asked, a, &out->sysroot), "%s", out->asked);
		if (!depth) {
			out->script.root = out->root;
			out->script.path = out->file->walk->path;
			out->script.name = out->path;
		} else {
			vec_push(a, &out->script.between, out->path);
		}
		TRY(check_line(&script, out));
		TRY(take_interpreter(&script, a, out));
	}
	return NULL;
}

// The tree that a script's interpreter is of, where it was given; NULL: it was not.
static struct err *tree_of_interpreter(const struct sysroots *s, const struct program *p,
	const struct platform *is, const struct sysroot **out)
{
	char text[PLATFORM_TEXT], given[PLATFORM_TEXT];

	*out = NULL;
	if (!p->script.root || p->sysroot == &s->host_sysroot)
		return NULL;
	*out = p->sysroot;
	for (size_t i = 0; i < s->ngiven; i++) {
		const struct given *g = &s->given[i];

		if (g->images || g->is_for_all || &g->sysroot != p->sysroot || is_for(g, is))
			continue;
		platform_text(is, text);
		return err_hint(
			err_new(ERR_NO_START,
				"%s: its interpreter %s is for %s, the sysroot for %s", p->asked,
				p->path, text, platform_text(&g->platform, given)),
			"give another one, or call it what it is: --sysroot %s=%s", text,
			g->sysroot.place);
	}
	return NULL;
}

static struct err *tree_of_program(struct sysroots *s, const struct platform *asked,
	const struct program *p, const struct sysroot **tree)
{
	const struct elf *e = &p->file->elf;
	struct platform platform = p->platform;

	if (asked && !platform.variant[0] && strcmp(asked->arch, platform.arch) == 0)
		platform = *asked;
	TRY(tree_of_interpreter(s, p, &platform, tree));
	if (!*tree)
		TRY_AS(given_tree(s, e, &platform, tree), "%s", p->asked);
	if (!*tree)
		TRY_AS(default_tree(s, e, &platform, tree), "%s", p->asked);
	return NULL;
}

struct err *program_open(struct sysroots *s, const char *path,
	const struct platform *asked_platform, struct arena *a, struct program *out)
{
	drop(file_drop) struct file *f = NULL;
	const struct sysroot *tree;

	*out = (struct program){.asked = path};
	TRY(open_where_it_lies(s, path, a, out));
	if (out->file->elf.not_elf)
		TRY(follow_script(s, asked_platform, a, out));
	const struct elf *e = &out->file->elf;

	if (e->not_elf || e->broken)
		return refuse(out, e->not_elf ? e->not_elf : e->broken);
	if (e->machine == EM_ARM) // the others say it all in their header
		TRY(root_open_file(out->root, out->file->walk->path, &f));
	TRY_AS(elf_platform(f, e, &out->platform), "%s", path);
	TRY(tree_of_program(s, asked_platform, out, &tree));
	if (out->root != tree->root && out->root != s->host) {
		// It lies in a tree that was given for another platform.
		out->root = s->host;
		out->path = plain_path(s->host, absolute(path, a), a);
	}
	out->sysroot = tree;
	TRY(resolver_file(tree->resolver, out->root, out->path, &out->file));
	if (!out->file)
		return no_program(ENOENT, path);
	return NULL;
}
