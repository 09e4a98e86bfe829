#include "builder/slim.h"

#include <string.h>

#include "builder/health.h"
#include "builder/python.h"
#include "builder/results.h"
#include "builder/scripts.h"
#include "ldd/verify.h"
#include "registry/ref.h"

// ---- names ----

// "nginx:1.25" → "nginx:1.25-slim"; what has no reference for a name is called by its file's.
static struct err *default_names(
	struct slim *s, const char *name, const char *place, const struct named_image *found)
{
	struct arena *a = &s->build->arena;
	struct build_args *args = &s->build_args;
	struct ref ref = {0};

	TRY(place_ref(place, name, found, a, &ref));
	const char *tag = ref.tag[0] && strcmp(ref.tag, "latest") != 0
		? arena_printf(a, "%.100s-slim", ref.tag)
		: "slim";

	snprintf(ref.tag, sizeof(ref.tag), "%s", tag);
	ref.digest[0] = 0;
	if (!args->tags.len && !args->push)
		vec_push(a, &args->tags, ref_familiar(&ref, a));
	if (!args->outputs.len && !args->load && !args->push)
		vec_push(a, &args->outputs,
			arena_printf(a, "./%s-slim.tar", path_base(ref.repository)));
	return NULL;
}

// ---- the config ----

static void override(struct strings *base, const struct strings *over)
{
	if (over->len)
		*base = *over;
}

// Variables that are set anew take the place of the image's.
static void merge_env(struct strings *env, const struct strings *texts, const struct strings *set,
	struct arena *a)
{
	struct strings out = {0};

	for (size_t i = 0; i < env->len; i++) {
		size_t n = strcspn(env->at[i], "=");
		const char *name = arena_strndup(a, env->at[i], n);
		bool is_given = false;

		for (size_t k = 0; k < texts->len; k++)
			is_given |= strncmp(texts->at[k], name, n) == 0 &&
				(texts->at[k][n] == '=' || !texts->at[k][n]);
		if (!is_given)
			vec_push(a, &out, env->at[i]);
	}
	for (size_t k = 0; k < texts->len; k++) {
		const char *name = arena_strndup(a, texts->at[k], strcspn(texts->at[k], "="));

		vec_push(a, &out, arena_printf(a, "%s=%s", name, env_value(set, name)));
	}
	*env = out;
}

// The image's config with what the options say instead, as docker run has it: another entrypoint
// drops the command too.
static void merge_config(const struct slim *s, struct runtime_config *c)
{
	const struct build_args *args = &s->build_args;
	const struct runtime_config *over = &s->build->spec.container.config;
	struct arena *a = &s->build->arena;
	struct map places = {0};

	if (over->entrypoint.len)
		c->cmd = (struct strings){0};
	override(&c->entrypoint, &over->entrypoint);
	override(&c->cmd, &over->cmd);
	merge_env(&c->env, &args->env, &over->env, a);
	vec_each (l, &over->labels)
		dict_put(&c->labels, &places, a, l->name, l->value);
	for (size_t i = 0; i < over->exposed_ports.len; i++)
		vec_push(a, &c->exposed_ports, over->exposed_ports.at[i]);
	for (size_t i = 0; i < over->volumes.len; i++)
		vec_push(a, &c->volumes, over->volumes.at[i]);
	c->user = over->user ? over->user : c->user;
	c->working_dir = over->working_dir ? over->working_dir : c->working_dir;
	c->stop_signal = over->stop_signal ? over->stop_signal : c->stop_signal;
}

// ---- what starts ----

static struct err *not_startable(const struct slimmed *m, const struct started *s)
{
	char text[PLATFORM_TEXT];

	return err_hint(err_new(ERR_NO_START, "%s (%s, %s): %s", s->word, s->why,
				platform_text(&m->image.platform, text), s->trouble),
		"--entry PATH names the program; imgmin check says more about the image");
}

// The loader goes on without what it cannot preload, and so do we (ld.so(8), LD_PRELOAD).
static struct err *take_preloaded(struct slim *s, struct slimmed *m, struct closure *c)
{
	const char *list = image_env(&m->image, "LD_PRELOAD");
	char *copy = arena_strdup(&s->build->arena, list ? list : ""), *save = NULL;

	if (!c->interpreter)
		return NULL;
	for (char *name = strtok_r(copy, ": ", &save); name; name = strtok_r(NULL, ": ", &save)) {
		bool found;

		TRY(closure_add_hidden(m->inside.resolver, c, c->objects.at[0], name,
			"preloaded by LD_PRELOAD", &found));
		if (!found && !m->built->assembly.programs.len) // said once
			build_warn(s->build,
				arena_printf(&s->build->arena,
					"LD_PRELOAD names %s, which the image lacks", name));
	}
	return NULL;
}

// What a build would do about it can't be done here.
static struct err *not_sound(struct err *e)
{
	struct err *out = err_hint(err_new(err_kind(e), "%s", err_text(e)),
		"the image does not start as it is: imgmin check says more");

	err_drop(&e);
	return out;
}

static struct err *take_program(struct slim *s, struct slimmed *m, struct started *from)
{
	struct assembly *a = &m->built->assembly;
	struct installed *p = arena_new(&s->build->arena, struct installed);
	struct resolver *r = m->inside.resolver;

	TRY(take_preloaded(s, m, &from->closure));
	*p = (struct installed){
		.closure = from->closure,
		.suggestions = from->suggestions,
		.is_slimmed = true,
		.reason = from->why,
		.program =
			{
				.asked = from->word,
				.root = m->inside.root,
				.path = from->closure.objects.at[0]->file->path,
				.file = from->closure.objects.at[0]->file,
				.platform = m->image.platform,
				.sysroot = &m->sysroot,
			},
	};
	TRY(verify_versions(r, &p->closure));
	TRY(verify_symbols(r, &p->closure));
	if (s->build->events && s->build->events->resolved)
		s->build->events->resolved(s->build->events->arg, p);
	struct err *e = closure_error(&p->closure, from->word);

	if (e)
		return not_sound(e);
	const char *floor = verify_glibc_floor(r, &p->closure);

	if (floor && (!a->glibc_floor || strverscmp(floor, a->glibc_floor) > 0))
		a->glibc_floor = floor;
	vec_push(&s->build->arena, &a->programs, p);
	return NULL;
}

static void take_script(struct slim *s, struct slimmed *m, const struct started *from)
{
	vec_push(&s->build->arena, &m->built->assembly.scripts,
		(struct scripted){.root = m->inside.root,
			.path = from->walk->path,
			.image_path = from->path,
			.interpreter = from->interpreter});
}

// ---- the command's words ----

// A regular file that a word of the command names; NULL: none.
static const char *named_file(const struct slimmed *m, const char *word, struct arena *a)
{
	const char *equals = strchr(word, '=');

	if (word[0] == '-' && equals)
		word = equals + 1;
	if (!*word || word[0] == '-')
		return NULL;
	const char *path = path_in_workdir(&m->image.config.config, word, a);
	const struct walk *w = root_walk(m->inside.root, path);

	return !w->error && S_ISREG(w->node.mode) ? path : NULL;
}

// What Python is told to run (using/cmdline.html): a script, -m MODULE, or -c with a text, which is
// not followed.
static void take_python_words(
	struct slim *s, struct slimmed *m, const char *interpreter, const struct strings *words)
{
	struct arena *a = &s->build->arena;
	struct scripted script = {.interpreter = interpreter};

	for (size_t i = 1; i < words->len; i++) {
		const char *word = words->at[i],
			   *next = i + 1 < words->len ? words->at[i + 1] : NULL;
		const char *path = named_file(m, word, a);

		if (strcmp(word, "-m") == 0 && next)
			script.module = next;
		m->has_text |= strcmp(word, "-c") == 0;
		if (script.module || m->has_text)
			break;
		if (strcmp(word, "-W") == 0 || strcmp(word, "-X") == 0)
			i++;
		else if (word[0] != '-' && path) {
			script.root = m->inside.root;
			script.path = root_walk(m->inside.root, path)->path;
			script.image_path = path;
			break;
		}
	}
	vec_push(a, &m->built->assembly.scripts, script);
}

// sh -c TEXT, also as -ec.
static void take_shell_words(
	struct slim *s, struct slimmed *m, const char *interpreter, const struct strings *words)
{
	for (size_t i = 1; i + 1 < words->len; i++)
		if (words->at[i][0] == '-' && words->at[i][1] != '-' && strchr(words->at[i], 'c')) {
			vec_push(&s->build->arena, &m->built->assembly.scripts,
				(struct scripted){
					.interpreter = interpreter, .text = words->at[i + 1]});
			return;
		}
}

static void take_words(struct slim *s, struct slimmed *m)
{
	struct assembly *as = &m->built->assembly;
	const struct runtime_config *c = &m->image.config.config;
	struct arena *a = &s->build->arena;
	struct strings words = {0};
	const char *version, *first;

	vec_each (word, &c->entrypoint)
		vec_push(a, &words, *word);
	vec_each (word, &c->cmd)
		vec_push(a, &words, *word);
	for (size_t i = 1; i < words.len; i++) {
		const char *path = named_file(m, words.at[i], a);

		if (path)
			vec_push(a, &as->named, path);
	}
	if (!words.len || !m->inside.started.at[0].is_elf || as->scripts.len)
		return;
	first = m->inside.started.at[0].walk->path;
	if (python_is(m->inside.root, first, a, &version))
		take_python_words(s, m, first, &words);
	else if (is_shell(first))
		take_shell_words(s, m, first, &words);
}

// A Python that is started on its own may be given any script.
static void take_interpreters(struct slim *s, struct slimmed *m)
{
	struct assembly *a = &m->built->assembly;
	const char *version;

	vec_each (p, &a->programs) {
		const char *path = (*p)->program.file->walk->path;
		bool has_script = false;

		vec_each (known, &a->scripts)
			has_script |= strcmp(root_walk(m->inside.root, known->interpreter)->path,
					      path) == 0;
		if (!has_script && python_is(m->inside.root, path, &s->build->arena, &version))
			vec_push(&s->build->arena, &a->scripts,
				(struct scripted){.interpreter = path});
	}
}

// ---- what nobody can know ----

// A log of a run that used no file of the image says nothing about it.
static bool is_told_more(const struct slim *s, const struct assembly *a)
{
	const struct build_args *args = &s->build_args;

	return args->include_commands || s->args->entries.len || args->keep.len || a->traced;
}

// A shell starts whatever it is told to: without a word about that the smaller image would be a
// promise that can't be kept.
static struct err *refuse_unknown(const struct slim *s, const struct slimmed *m)
{
	const struct assembly *a = &m->built->assembly;
	const struct started *first = m->inside.started.at;
	const char *hint =
		"--include-commands takes what its scripts call; --entry, --keep and --trace "
		"name what else is needed";

	if (is_told_more(s, a))
		return NULL;
	if (a->commands_left.len)
		return err_hint(err_new(ERR_POLICY, "its script calls other programs: %s",
					strings_shown(&a->commands_left, 8, &s->build->arena)),
			"%s", hint);
	if (m->has_text && !s->build_args.python_all && !s->build_args.python_modules.len)
		return err_hint(
			err_new(ERR_POLICY, "what the text of %s -c imports is not followed",
				first->word),
			"the standard library is kept; --python-module NAME takes other modules, --keep and "
			"--trace files");
	bool has_words = false;

	vec_each (script, &a->scripts)
		has_words |= script->text != NULL;
	if (first->is_elf && is_shell(first->walk->path) && !has_words)
		return err_hint(
			err_new(ERR_POLICY,
				"it starts the shell %s, and what that will start is not known",
				first->word),
			"%s", hint);
	return NULL;
}

// A check that did not work in the old image does not stop a thing.
static struct err *start_health_check(struct slim *s, struct slimmed *m)
{
	struct inside *in = &m->inside;
	struct strings words = {0};
	struct arena *a = &s->build->arena;

	if (in->started.len)
		TRY(health_programs(&m->image.config.config, a, &words));
	for (size_t i = 0; i < words.len; i++) {
		size_t before = in->started.len;

		TRY(inside_start(in, words.at[i], "the health check"));
		if (in->started.len == before)
			continue;
		struct started *st = &in->started.at[before];

		if (st->trouble)
			build_warn(s->build,
				arena_printf(a, "the health check starts %s: %s", st->word,
					st->trouble));
		if (st->trouble || is_excluded(st->walk->path, &s->build_args.exclude))
			in->started.len = before;
	}
	return NULL;
}

static struct err *take_started(struct slim *s, struct slimmed *m)
{
	struct inside *in = &m->inside;

	for (size_t i = 0; i < s->args->entries.len; i++)
		TRY(inside_start(in, s->args->entries.at[i], "--entry"));
	TRY(start_health_check(s, m));
	vec_each (st, &in->started) {
		if (st->trouble && st->is_required)
			return not_startable(m, st);
		if (st->is_elf)
			TRY(take_program(s, m, st));
		else if (st->interpreter)
			take_script(s, m, st);
	}
	take_words(s, m);
	take_interpreters(s, m);
	if (!m->built->assembly.programs.len)
		return err_hint(
			err_new(ERR_USAGE,
				"it starts no program: it has no entrypoint and no command"),
			"name what to keep: --entry /usr/bin/PROGRAM");
	return NULL;
}

// ---- one platform ----

static struct err *read_image(struct slim *s, const struct descriptor *d, struct slimmed *m)
{
	struct arena *a = &s->build->arena;
	const struct layer_facts *layers;
	struct layers_options o = {0};
	size_t n;

	TRY(image_read(s->transport, d, a, &m->image));
	if (m->image.is_artifact)
		return NULL;
	merge_config(s, &m->image.config.config);
	m->container.config = m->image.config.config;
	container_read(&m->container, a);
	TRY(places_reading(&s->build->places, a, &o));
	TRY(inside_open(s->transport, &m->image, NULL, &o, &m->inside));
	layers = layers_facts(m->inside.layers, &n);
	for (size_t i = 0; i < n; i++) {
		m->raw_before += layers[i].raw_size;
		m->packed_before += (uint64_t)layers[i].descriptor.size;
		m->files_before += (size_t)layers[i].files;
	}
	return NULL;
}

static struct err *slim_platform(struct slim *s, struct slimmed *m)
{
	struct build *b = s->build;
	struct built_image *built = arena_new(&b->arena, struct built_image);

	m->sysroot = (struct sysroot){
		.place = s->name, .root = m->inside.root, .resolver = m->inside.resolver};
	m->built = built;
	built->base = &m->image.config;
	built->assembly = (struct assembly){
		.spec = &b->spec,
		.container = &m->container,
		.platform = m->image.platform,
		.sysroot = &m->sysroot,
		.is_image = true,
	};
	vec_push(&b->arena, &b->images, built);
	TRY(take_started(s, m));
	TRY(build_assemble(b, built, tree_new_like(m->inside.root), s->host));
	return refuse_unknown(s, m);
}

static struct err *slim_manifest(struct slim *s, const struct descriptor *d)
{
	struct arena *a = &s->build->arena;
	struct slimmed *m = arena_new(a, struct slimmed);

	vec_push(a, &s->images, m);
	TRY(read_image(s, d, m));
	if (!m->image.is_artifact)
		return slim_platform(s, m);
	s->images.len--;
	build_warn(s->build,
		arena_printf(a,
			"%s is an attestation or another artifact of the whole image: it is left out",
			d->digest));
	return NULL;
}

// ---- the story ----

static struct err *slim_all(struct slim *s, const struct registry_events *events)
{
	struct build *b = s->build;
	struct arena *a = &b->arena;
	const char *place = s->args->images.at[0], *name;
	struct descriptors manifests;
	struct named_image found;

	s->build_args = s->args->build;
	TRY(places_open(&s->build_args.registry, events, &b->places));
	b->places.cache_dir = s->build_args.cache_dir;
	b->places.is_cacheless = s->build_args.no_cache;
	TRY(results_check(&s->build_args, &s->build_args.outputs, place, a));
	TRY(place_open(&b->places, place, a, &s->transport, &name));
	TRY(place_find(s->transport, name, a, &found));
	s->name = place;
	TRY(default_names(s, name, place, &found));
	TRY(spec_from_args(&s->build_args, a, &b->spec));
	TRY(results_check(&s->build_args, &b->spec.outputs, place, a)); // by default, too
	b->places.epoch = b->spec.epoch;
	TRY(root_open_dir("/", &s->host));
	TRY(place_wrap(image_manifests(s->transport, &found.descriptor, a, &manifests), place));
	if (s->build_args.platform)
		TRY(image_select(s->transport, s->build_args.platform, a, &manifests));
	vec_each (d, &manifests)
		TRY(place_wrap(slim_manifest(s, d), place));
	exclude_warn(b);
	if (!b->images.len)
		return err_new(ERR_FAILED, "%s holds no image that starts a program", place);
	return build_pack(b);
}

struct err *slim_image(
	const struct slim_args *args, const struct build_events *events, struct slim **out)
{
	struct slim *s = *out = mem_alloc(sizeof(**out));

	s->args = args;
	s->build = mem_alloc(sizeof(*s->build));
	s->build->events = events;
	s->build->command = "imgmin slim";
	return slim_all(s, events ? events->registry : NULL);
}

void slim_drop(struct slim **sp)
{
	struct slim *s = *sp;

	if (!s)
		return;
	vec_each (built, &s->build->images)
		assembly_drop(&(*built)->assembly);
	vec_each (m, &s->images)
		inside_drop(&(*m)->inside);
	root_drop(&s->host);
	transport_drop(&s->transport);
	build_drop(&s->build);
	mem_drop(sp);
}
