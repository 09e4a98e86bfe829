// What a container of an image starts: the words of its config, followed as runtimes and the kernel
// follow them, to programs and what their loaders find inside the image.
#include <errno.h>
#include <string.h>

#include "builder/container.h"
#include "builder/image.h"
#include "builder/script.h"

#define STARTED_MAX 64 // files that one config names

// ---- from a word to a file ----

static const char *absolute(struct inside *in, const char *path)
{
	return path_in_workdir(&in->image->config.config, path, &in->arena);
}

static const char *not_startable(const struct walk *w)
{
	if (w->error)
		return strerror(w->error);
	if (S_ISDIR(w->node.mode))
		return "a directory";
	if (!S_ISREG(w->node.mode))
		return "no regular file";
	return w->node.mode & 0111 ? NULL : "not executable";
}

// A word with a slash is a path, another one is looked for in PATH (runc, exec.LookPath).
static void find_file(struct inside *in, struct started *s)
{
	const char *path = env_path(&in->image->config.config.env), *trouble = NULL;
	char *copy, *save = NULL;

	if (strchr(s->word, '/')) {
		s->path = absolute(in, s->word);
		const struct walk *w = root_walk(in->root, s->path);

		s->walk = w->error ? NULL : w;
		s->trouble = not_startable(w);
		return;
	}
	copy = arena_strdup(&in->arena, path);
	for (char *dir = strtok_r(copy, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		const char *at = absolute(in, arena_printf(&in->arena, "%s/%s", dir, s->word));
		const struct walk *w = root_walk(in->root, at);

		if (!not_startable(w)) {
			s->path = at;
			s->walk = w;
			return;
		}
		if (!w->error && !trouble)
			trouble = arena_printf(&in->arena, "%s is %s", at, not_startable(w));
	}
	s->trouble = trouble ? trouble : arena_printf(&in->arena, "not found in PATH (%s)", path);
}

static bool is_known(const struct inside *in, const struct walk *w)
{
	vec_each (s, &in->started)
		if (s->walk && strcmp(s->walk->path, w->path) == 0)
			return true;
	return false;
}

// ---- scripts ----

static struct err *start(struct inside *in, struct started s, int depth);

static struct err *start_interpreters(
	struct inside *in, const struct started *file, const struct script *script, int depth)
{
	const char *why = arena_printf(&in->arena, "runs %s", path_base(file->walk->path));

	if (!script->interpreter)
		return NULL;
	// The kernel knows no PATH.
	struct started s = {.word = absolute(in, script->interpreter),
		.why = why,
		.is_required = file->is_required};

	TRY(start(in, s, depth + 1));
	s.word = script_env_word(script, &in->arena);
	return s.word ? start(in, s, depth + 1) : NULL;
}

// What env(1) would find where that is the interpreter.
static const char *interpreter_of(struct inside *in, const struct script *script)
{
	struct started s = {.word = script_env_word(script, &in->arena)};

	if (!s.word)
		return absolute(in, script->interpreter);
	find_file(in, &s);
	return s.path;
}

// A script that names itself, or another one that names it, is started by nothing.
static struct err *is_endless(struct inside *in, struct script script, bool *out)
{
	for (int i = 0; script.is_script && script.interpreter; i++) {
		const struct walk *w = root_walk(in->root, absolute(in, script.interpreter));

		*out = i > SCRIPTS_MAX;
		if (*out || w->error || !S_ISREG(w->node.mode))
			return NULL;
		TRY(script_read(in->root, w->path, &in->arena, &script));
	}
	return NULL;
}

// ---- programs ----

static struct err *resolve(struct inside *in, struct started *s)
{
	s->is_elf = true;
	// Its name decides $ORIGIN: as it was asked for, links and all.
	TRY(closure_resolve(in->resolver, in->root, s->path, &s->closure));
	return hidden_add(in->resolver, &s->closure, &s->suggestions);
}

static struct err *start(struct inside *in, struct started s, int depth)
{
	struct script script = {0};
	bool endless = false;

	find_file(in, &s);
	if (s.walk && is_known(in, s.walk))
		return NULL;
	if (!s.trouble)
		TRY(script_read(in->root, s.walk->path, &in->arena, &script));
	TRY(is_endless(in, script, &endless));
	if (endless)
		s.trouble = "its interpreter is a script, and that one's too, without end";
	else if (script.is_elf)
		TRY(resolve(in, &s));
	else if (!s.trouble && !script.is_script)
		s.trouble = "neither an ELF program nor a script with #!";
	else if (script.is_script && depth > SCRIPTS_MAX)
		s.trouble = "its interpreter is a script, too many times over";
	if (script.is_script && script.interpreter && !s.trouble)
		s.interpreter = interpreter_of(in, &script);
	vec_push(&in->arena, &in->started, s);
	return script.is_script && !s.trouble ? start_interpreters(in, &s, &script, depth) : NULL;
}

// A word behind the program's name: a wrapper such as tini may start it, or it is mere data.
static struct err *start_argument(struct inside *in, const char *word, bool is_command)
{
	struct started s = {.word = word, .why = "named by the command"};
	const struct object_file *f;
	struct script script;

	if (in->started.len >= STARTED_MAX)
		return NULL;
	if (word[0] != '/' && (!is_command || strchr(word, '/')))
		return NULL;
	find_file(in, &s);
	if (!s.walk || s.trouble)
		return NULL;
	TRY(script_read(in->root, s.walk->path, &in->arena, &script));
	if (script.is_script)
		return start(in, s, 0);
	if (!script.is_elf)
		return NULL;
	TRY(resolver_file(in->resolver, in->root, s.walk->path, &f));
	if (f->elf.interp || f->elf.type == ET_EXEC || f->elf.dt_flags_1 & DF_1_PIE)
		return start(in, (struct started){.word = word, .why = s.why}, 0);
	return NULL;
}

static struct err *start_words(struct inside *in)
{
	const struct runtime_config *c = &in->image->config.config;
	const struct strings *first = c->entrypoint.len ? &c->entrypoint : &c->cmd;

	if (!first->len)
		return NULL;
	TRY(start(in,
		(struct started){.word = first->at[0], .why = "the program", .is_required = true},
		0));
	for (size_t i = 1; i < first->len; i++)
		TRY(start_argument(in, first->at[i], false));
	for (size_t i = 0; first != &c->cmd && i < c->cmd.len; i++)
		TRY(start_argument(in, c->cmd.at[i], i == 0));
	return NULL;
}

struct err *inside_start(struct inside *in, const char *word, const char *why)
{
	return start(in, (struct started){.word = word, .why = why, .is_required = true}, 0);
}

// ---- the whole ----

static void make_resolver(struct inside *in)
{
	struct resolver_options o = {
		.sysroot = in->root, .workdir = in->image->config.config.working_dir};
	struct strings path = {0};

	library_path_inside(&in->arena, &path, image_env(in->image, "LD_LIBRARY_PATH"));
	o.library_path = path.at;
	o.nlibrary_path = path.len;
	in->resolver = resolver_new(&o);
}

struct err *inside_open(struct transport *t, const struct image *image,
	const struct strings *diff_ids, const struct layers_options *options, struct inside *out)
{
	struct image_config config = image->config;

	*out = (struct inside){.image = image};
	if (diff_ids)
		config.rootfs.diff_ids = *diff_ids;
	TRY(layers_open(t, &image->manifest, &config, options, &out->layers));
	out->root = layers_root(out->layers);
	make_resolver(out);
	return start_words(out);
}

void inside_drop(struct inside *in)
{
	resolver_drop(&in->resolver);
	layers_drop(&in->layers);
	arena_drop(&in->arena);
}
