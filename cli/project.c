#include "cli/project.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/root.h"
#include "base/yaml.h"
#include "builder/sysroot.h"
#include "cli/image_opts.h"

struct project {
	const char *file; // as errors call it
	const char *dir;  // before a relative path: "", "./board/"
	const struct opt *opts;
	const struct build_args *given;
	struct build_args *args;
	struct arena *arena;
	const char *name;
	struct {
		struct program_entry *at;
		size_t len, cap;
	} programs;
};

struct program_entry {
	const char *path;
	const char *platform; // NULL: none was said
};

// ---- what is special about a key ----

enum role {
	ROLE_PLAIN,
	ROLE_PATH,    // relative to the file
	ROLE_PATHS,   // several, with ':' between; "=DIR" is inside the sysroot
	ROLE_PLACE,   // a path unless it is something else
	ROLE_SYSROOT, // "[PLATFORM=]SRC", or a map of them
	ROLE_ADD,     // "SRC:DST[:MODE]"
	ROLE_WORDS,   // words, or a list of them
	ROLE_PAIRS,   // "NAME=VALUE", or a map of them
};

static enum role role_of(const char *key)
{
	static const struct {
		const char *key;
		enum role role;
	} roles[] = {
		{"add", ROLE_ADD},
		{"annotation", ROLE_PAIRS},
		{"cache-dir", ROLE_PATH},
		{"cmd", ROLE_WORDS},
		{"digestfile", ROLE_PATH},
		{"entrypoint", ROLE_WORDS},
		{"env", ROLE_PAIRS},
		{"iidfile", ROLE_PATH},
		{"label", ROLE_PAIRS},
		{"library-path", ROLE_PATHS},
		{"metadata-file", ROLE_PATH},
		{"output", ROLE_PLACE},
		{"sysroot", ROLE_SYSROOT},
		{"trace", ROLE_PATH},
	};

	for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++)
		if (strcmp(key, roles[i].key) == 0)
			return roles[i].role;
	return ROLE_PLAIN;
}

// Who somebody is, and how a registry is spoken to, differs between those who share the file.
static bool is_refused(const struct opt *o)
{
	return o->offset >= offsetof(struct build_args, registry) || strcmp(o->name, "file") == 0;
}

struct strings project_keys(const struct opt *opts, struct arena *a)
{
	struct strings keys = {0};

	vec_push(a, &keys, "name");
	vec_push(a, &keys, "programs");
	for (const struct opt *o = opts; o->name; o++)
		if (o->help && !is_refused(o))
			vec_push(a, &keys, o->name);
	return keys;
}

static struct err *no_such_key(const struct project *p, const struct yaml *key)
{
	bool is_option = opt_find(p->opts, key->text) || opt_find(common_opts, key->text);

	if (is_option)
		return err_hint(yaml_error(p->file, key, "%s: not for a project file", key->text),
			strcmp(key->text, "creds") == 0 || strcmp(key->text, "authfile") == 0
				? "'imgmin login' keeps credentials; --%s gives them"
				: "--%s says it on the command line",
			key->text);
	struct err *e = yaml_error(p->file, key, "%s: no such key", key->text);
	struct strings keys = project_keys(p->opts, p->arena);
	const char *near = opt_nearest(key->text, keys.at, keys.len);

	return near
		? err_hint(e, "did you mean %s:?", near)
		: err_hint(e, "keys are the options of 'imgmin build --help', name and programs");
}

// ---- values ----

static struct err *wants(
	const struct project *p, const struct yaml *key, const struct yaml *value, const char *what)
{
	static const char *const found[] = {"a text", "a list", "a map"};

	return yaml_error(p->file, value, "%s: %s, where %s is meant", key->text,
		yaml_is_null(value) ? "nothing" : found[value->kind], what);
}

static struct err *want_text(
	const struct project *p, const struct yaml *key, const struct yaml *value)
{
	return value->kind == YAML_TEXT && !yaml_is_null(value) ? NULL
								: wants(p, key, value, "a text");
}

static bool begins(const char *text, const char *word)
{
	return strncmp(text, word, strlen(word)) == 0;
}

static const char *relative(const struct project *p, const char *path)
{
	return path[0] == '/' ? path : arena_printf(p->arena, "%s%s", p->dir, path);
}

static const char *relative_dirs(const struct project *p, const char *dirs)
{
	char *copy = arena_strdup(p->arena, dirs), *save = NULL, *out = "";

	for (char *dir = strtok_r(copy, ":;", &save); dir; dir = strtok_r(NULL, ":;", &save))
		out = arena_printf(p->arena, "%s%s%s", out, *out ? ":" : "",
			dir[0] == '=' ? dir : relative(p, dir));
	return out;
}

static const char *relative_place(const struct project *p, const char *place)
{
	static const char *const files[] = {"oci:", "oci-archive:", "docker-archive:"};
	struct ref ref;
	bool is_registry;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (begins(place, files[i]))
			return arena_printf(
				p->arena, "%s%s", files[i], relative(p, place + strlen(files[i])));
	if (strcmp(place, "-") == 0 || begins(place, "docker-daemon:"))
		return place;
	drop(err_drop) struct err *e = place_is_registry(place, p->arena, &is_registry, &ref);

	return e || is_registry ? place : relative(p, place);
}

// "docker://debian", "sysroots/pi": unlike an output's, a plain word is a directory.
static const char *relative_tree(const struct project *p, const char *place)
{
	return begins(place, "docker://") ? place
		: begins(place, "oci:") || begins(place, "oci-archive:") ||
			begins(place, "docker-archive:") || begins(place, "docker-daemon:")
		? relative_place(p, place)
		: relative(p, place);
}

static const char *relative_sysroot(const struct project *p, const char *text)
{
	size_t n = strcspn(text, "=:/.");
	const char *equals = strchr(text, '=');

	// As sysroot.c reads it: a platform is before '=', and a path says so before that.
	if (!equals || text[0] == '/' || text[0] == '.' || text[n] == ':')
		return relative_tree(p, text);
	return arena_printf(
		p->arena, "%.*s%s", (int)(equals + 1 - text), text, relative_tree(p, equals + 1));
}

static const char *from_here(const struct project *p, enum role role, const char *text)
{
	switch (role) {
	case ROLE_PATH:
	case ROLE_ADD:
		return relative(p, text);
	case ROLE_PATHS:
		return relative_dirs(p, text);
	case ROLE_PLACE:
		return relative_place(p, text);
	case ROLE_SYSROOT:
		return relative_sysroot(p, text);
	default:
		return text;
	}
}

// The same error with its place, and without the dashes that nobody typed.
static struct err *placed(const struct project *p, const struct yaml *at, struct err *e)
{
	const char *text, *hint;
	struct err *out;

	if (!e)
		return NULL;
	text = err_text(e);
	hint = err_hint_text(e);
	out = err_new(err_kind(e), "%s:%u:%u: %s", p->file, at->line, at->column,
		begins(text, "--") ? text + 2 : text);
	if (hint)
		out = err_hint(out, "%s", hint);
	err_drop(&e);
	return out;
}

// A value that no image can have is told with its place, before anything else is looked at.
static struct err *check_alone(const struct project *p, const struct opt *o, const char *value)
{
	drop(arena_drop) struct arena a = {0};
	struct build_args one = IMAGE_DEFAULTS;
	struct spec ignored;

	if (strcmp(o->name, "compression-level") == 0) // what it may be is up to the format
		return NULL;
	vec_push(&a, &one.paths, "program");
	TRY(opt_set(p->opts, o, o->name, value, &a, &one));
	return spec_from_args(&one, &a, &ignored);
}

static struct err *take_text(const struct project *p, const struct opt *o, const struct yaml *key,
	const struct yaml *at, const char *text)
{
	enum role role = role_of(o->name);
	drop(mem_drop) char *typed = str_printf("%s:", key->text);

	if (!*text && role != ROLE_PLAIN && role != ROLE_WORDS)
		return yaml_error(p->file, at, "%s: an empty text", key->text);
	text = from_here(p, role, text);
	TRY(placed(p, at, opt_set(p->opts, o, typed, text, p->arena, p->args)));
	return placed(p, at, check_alone(p, o, text));
}

// A list of words as the JSON array that the option takes.
static struct err *take_words(const struct project *p, const struct opt *o, const struct yaml *key,
	const struct yaml *value)
{
	drop(json_drop) json_t *words = json_array();

	vec_each (word, &value->items) {
		TRY(want_text(p, key, word));
		json_array_append_new(words, json_string(word->text));
	}
	drop(mem_drop) char *text = json_dumps(words, JSON_COMPACT);

	return take_text(p, o, key, value, arena_strdup(p->arena, text ? text : "[]"));
}

// {NAME: VALUE}; a NAME of env without one has the value it has here.
static struct err *take_pair(const struct project *p, const struct opt *o, const struct yaml *key,
	const struct yaml *name, const struct yaml *value)
{
	bool is_bare = yaml_is_null(value) && strcmp(o->name, "env") == 0;

	if (!is_bare)
		TRY(want_text(p, name, value));
	if (!*name->text || strchr(name->text, '='))
		return yaml_error(p->file, name, "%s: '%s' is no name", key->text, name->text);
	return take_text(p, o, key, name,
		is_bare ? name->text : arena_printf(p->arena, "%s=%s", name->text, value->text));
}

// {PLATFORM: SRC}
static struct err *take_sysroot(const struct project *p, const struct opt *o,
	const struct yaml *platform, const struct yaml *value)
{
	struct platform ignored;

	TRY(placed(p, platform, platform_parse(platform->text, &ignored)));
	TRY(want_text(p, platform, value));
	return take_text(p, o, platform, value,
		arena_printf(p->arena, "%s=%s", platform->text, value->text));
}

static struct err *take_list(const struct project *p, const struct opt *o, const struct yaml *key,
	const struct yaml *value)
{
	enum role role = role_of(o->name);

	if (value->kind == YAML_TEXT) {
		TRY(want_text(p, key, value));
		return take_text(p, o, key, value, value->text);
	}
	if (value->kind == YAML_MAP && role != ROLE_PAIRS && role != ROLE_SYSROOT)
		return wants(p, key, value, "a list");
	for (size_t i = 0; i < value->items.len; i++) {
		const struct yaml *item = &value->items.at[i];

		if (value->kind == YAML_LIST) {
			TRY(want_text(p, key, item));
			TRY(take_text(p, o, key, item, item->text));
		} else if (role == ROLE_SYSROOT) {
			TRY(take_sysroot(p, o, &value->keys.at[i], item));
		} else {
			TRY(take_pair(p, o, key, &value->keys.at[i], item));
		}
	}
	return NULL;
}

static bool is_word(const struct yaml *value, const char *word)
{
	return value->kind == YAML_TEXT && value->is_plain && strcmp(value->text, word) == 0;
}

// true or false; `strip` has further words.
static struct err *take_switch(const struct project *p, const struct opt *o, const struct yaml *key,
	const struct yaml *value)
{
	drop(mem_drop) char *opposite = str_printf("no-%s", o->name);
	const struct opt *no = opt_find(p->opts, opposite);

	if (is_word(value, "true"))
		return opt_set(p->opts, o, o->name, NULL, p->arena, p->args);
	if (is_word(value, "false"))
		return no && o->kind == OPT_MAYBE
			? opt_set(p->opts, no, no->name, NULL, p->arena, p->args)
			: NULL;
	if (o->kind == OPT_FLAG)
		return yaml_is_null(value) || value->kind != YAML_TEXT
			? wants(p, key, value, "true or false")
			: yaml_error(p->file, value, "%s: %s, where true or false is meant",
				  key->text, value->text);
	TRY(want_text(p, key, value));
	return take_text(p, o, key, value, value->text);
}

static struct err *take_option(const struct project *p, const struct opt *o, const struct yaml *key,
	const struct yaml *value)
{
	if (o->kind == OPT_FLAG || o->kind == OPT_MAYBE)
		return take_switch(p, o, key, value);
	if (o->kind == OPT_TEXTS)
		return take_list(p, o, key, value);
	if (role_of(o->name) == ROLE_WORDS && value->kind == YAML_LIST)
		return take_words(p, o, key, value);
	TRY(want_text(p, key, value));
	return take_text(p, o, key, value, value->text);
}

// ---- name and programs ----

static struct err *take_name(struct project *p, const struct yaml *key, const struct yaml *value)
{
	TRY(want_text(p, key, value));
	p->name = value->text;
	return placed(p, value, check_alone(p, opt_find(p->opts, "tag"), value->text));
}

static struct err *take_program(
	struct project *p, const struct yaml *key, const char *platform, const struct yaml *value)
{
	if (value->kind == YAML_LIST) {
		vec_each (item, &value->items) {
			if (item->kind != YAML_TEXT)
				return wants(p, key, item, "a path");
			TRY(take_program(p, key, platform, item));
		}
		return NULL;
	}
	if (value->kind != YAML_TEXT || yaml_is_null(value) || !*value->text)
		return wants(p, key, value, "a path");
	vec_push(
		p->arena, &p->programs, (struct program_entry){relative(p, value->text), platform});
	return NULL;
}

// Which of the platforms --platform means; NULL given: all.
static struct err *is_chosen(const struct project *p, const struct yaml *platform, bool *out)
{
	struct platform own, asked;

	TRY(placed(p, platform, platform_parse(platform->text, &own)));
	*out = true;
	if (!p->given->platform)
		return NULL;
	TRY(platform_parse(p->given->platform, &asked));
	*out = platform_equal(&own, &asked);
	return NULL;
}

static struct err *take_programs(
	struct project *p, const struct yaml *key, const struct yaml *value)
{
	struct strings there = {0};

	if (value->kind != YAML_MAP)
		return take_program(p, key, NULL, value);
	for (size_t i = 0; i < value->items.len; i++) {
		const struct yaml *platform = &value->keys.at[i];
		size_t before = p->programs.len;
		bool chosen;

		TRY(is_chosen(p, platform, &chosen));
		TRY(take_program(p, platform, platform->text, &value->items.at[i]));
		if (!chosen)
			p->programs.len = before;
		vec_push(p->arena, &there, platform->text);
	}
	if (!p->programs.len && there.len)
		return err_hint(
			yaml_error(p->file, key, "programs: none for %s", p->given->platform),
			"there are %s", strings_shown(&there, 8, p->arena));
	return NULL;
}

// ---- the file ----

static struct err *take_key(struct project *p, const struct yaml *key, const struct yaml *value)
{
	const struct opt *o = opt_find(p->opts, key->text);

	if (strcmp(key->text, "name") == 0)
		return take_name(p, key, value);
	if (strcmp(key->text, "programs") == 0)
		return take_programs(p, key, value);
	if (!o || !o->help || is_refused(o))
		return no_such_key(p, key);
	return take_option(p, o, key, value);
}

// `name` is the first of the tags, and gives way to those of the command line.
static void settle_tags(struct project *p)
{
	struct strings tags = {0};

	if (p->name && !p->given->tags.len)
		vec_push(p->arena, &tags, p->name);
	vec_each (tag, &p->args->tags)
		vec_push(p->arena, &tags, *tag);
	p->args->tags = tags;
}

static struct err *are_same_sysroot(const char *x, const char *y, bool *out)
{
	struct platform of_x = {0}, of_y = {0};
	bool x_for_all, y_for_all;
	const char *source;

	TRY(sysroot_read(x, &of_x, &x_for_all, &source));
	TRY(sysroot_read(y, &of_y, &y_for_all, &source));
	*out = x_for_all == y_for_all && (x_for_all || platform_equal(&of_x, &of_y));
	return NULL;
}

// One for each platform: that of the command line takes the place of the file's.
static struct err *settle_sysroots(struct project *p)
{
	struct strings kept = {0};

	vec_each (own, &p->args->sysroots) {
		bool is_replaced = false;

		for (size_t i = 0; i < p->given->sysroots.len && !is_replaced; i++)
			TRY(are_same_sysroot(*own, p->given->sysroots.at[i], &is_replaced));
		if (!is_replaced)
			vec_push(p->arena, &kept, *own);
	}
	p->args->sysroots = kept;
	return NULL;
}

static struct err *settle_programs(struct project *p)
{
	if (p->args->paths.len)
		return NULL; // from the command line
	if (!p->programs.len)
		return err_hint(err_new(ERR_USAGE, "%s: it names no programs", p->file),
			"programs: build/sensor");
	vec_each (program, &p->programs) {
		vec_push(p->arena, &p->args->paths, program->path);
		vec_push(p->arena, &p->args->platforms, program->platform);
	}
	return NULL;
}

static struct err *read_project(struct project *p, struct span text)
{
	struct yaml *top;

	TRY(yaml_read(text, p->file, p->arena, &top));
	if (top && !yaml_is_null(top) && top->kind != YAML_MAP)
		return yaml_error(p->file, top, "no map of keys and values");
	for (size_t i = 0; top && i < top->keys.len; i++) {
		TRY(take_key(p, &top->keys.at[i], &top->items.at[i]));
		if (p->args->platform && p->programs.len && p->programs.at[0].platform)
			return yaml_error(p->file, &top->keys.at[i],
				"platform: the programs name theirs already");
	}
	settle_tags(p);
	TRY(settle_sysroots(p));
	return settle_programs(p);
}

static void close_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

static struct err *load(const char *file, struct arena *a, struct span *out)
{
	drop(close_file) FILE *f = fopen(file, "re");

	if (!f)
		return err_sys(errno, "%s", file);
	char *bytes = arena_alloc(a, YAML_MAX + 1);

	*out = (struct span){(uint8_t *)bytes, fread(bytes, 1, YAML_MAX + 1, f)};
	if (ferror(f))
		return err_sys(errno, "%s", file);
	return NULL;
}

static bool is_there(const char *file)
{
	struct stat st;

	return stat(file, &st) == 0 && S_ISREG(st.st_mode);
}

// The project file that a PATH stands for; NULL: it is no such directory.
static const char *file_of(const char *path, struct arena *a)
{
	size_t n = strlen(path);
	const char *file =
		arena_printf(a, "%s%s" PROJECT_FILE, path, n && path[n - 1] == '/' ? "" : "/");

	return is_there(file) ? file : NULL;
}

static struct err *find(const struct build_args *given, struct arena *a, const char **out)
{
	const struct strings *paths = &given->paths;

	*out = given->file;
	if (*out)
		return NULL;
	if (!paths->len) {
		*out = PROJECT_FILE;
		return is_there(*out)
			? NULL
			: err_hint(err_new(ERR_USAGE, "build: an argument is missing"),
				  is_there("imgmin.yml")
					  ? "-f imgmin.yml reads that file; without -f it is "
					    "called " PROJECT_FILE
					  : "imgmin build [OPTIONS] PATH..., or none "
					    "where " PROJECT_FILE " says it");
	}
	for (size_t i = 0; i < paths->len; i++) {
		*out = file_of(paths->at[i], a);
		if (*out && paths->len > 1)
			return err_hint(
				err_new(ERR_USAGE,
					"%s: what it says is built without further PATHs", *out),
				"-f %s takes them in place of its programs", *out);
	}
	return NULL;
}

struct err *project_under(const struct opt *opts, const struct build_args *given, struct arena *a,
	struct build_args *args)
{
	struct project p = {.opts = opts, .given = given, .args = args, .arena = a};
	struct span text;

	TRY(find(given, a, &p.file));
	if (!p.file)
		return NULL;
	if (!given->file)
		args->paths = (struct strings){0};
	p.dir = arena_strndup(a, p.file, (size_t)(path_base(p.file) - p.file));
	if (*p.dir && p.dir[0] != '/' && p.dir[0] != '.')
		p.dir = arena_printf(a, "./%s", p.dir);
	TRY(load(p.file, a, &text));
	return read_project(&p, text);
}
