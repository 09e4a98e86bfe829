// imgmin ldd: what the loader would do.
#include <string.h>

#include "base/json.h"
#include "builder/sysroot.h"
#include "cli/confine.h"
#include "cli/registry_opts.h"
#include "cli/show.h"
#include "cli/show_registry.h"
#include "ldd/hidden.h"
#include "ldd/verify.h"

struct ldd_args {
	struct strings files, sysroots, library_path, hwcaps;
	const char *platform, *format, *why;
	struct registry_args registry;
};

// One call, and what it prints.
struct ldd {
	const struct ldd_args *args;
	struct arena arena;
	struct registry_events events;
	struct places places; // that images given as sysroots come from
	struct sysroots *sysroots;
	struct platform asked;
	json_t *files;       // --format json
	struct err *gravest; // what the command will end with
};

static void print_list(const struct closure *c)
{
	if (c->objects.len == 1 && !c->interpreter_path && !c->objects.at[0]->file->elf.deps.len) {
		puts("statically linked");
		return;
	}
	for (size_t i = 1; i < c->objects.len; i++)
		if (!c->objects.at[i]->hidden)
			printf("%s => %s\n", c->objects.at[i]->name,
				c->objects.at[i]->file ? c->objects.at[i]->file->path
						       : "not found");
}

// ---- tree ----

struct tree_walk {
	const struct closure *c;
	struct map printed;
	struct arena arena;
};

static void print_rule(const struct object *o)
{
	if (!o->file)
		printf(" => not found");
	else
		printf(" => %s [%s%s%s]", o->file->path, rule_text(o->rule),
			o->rule_detail ? " " : "", o->rule_detail ? o->rule_detail : "");
	if (o->hidden)
		printf(" (hidden: %s)", o->hidden);
}

static bool wants(const struct object *by, const struct object *o)
{
	for (size_t i = 0; i < o->wanted_by.len; i++)
		if (o->wanted_by.at[i] == by)
			return true;
	return false;
}

// Each object's needs are printed once, where it first stands; later it is named only.
static void print_below(struct tree_walk *t, const struct object *by, const char *indent, int depth)
{
	size_t last = 0;

	for (size_t i = 1; i < t->c->objects.len; i++)
		if (wants(by, t->c->objects.at[i]))
			last = i;
	for (size_t i = 1; i <= last; i++) {
		const struct object *o = t->c->objects.at[i];
		char key[32];

		if (!wants(by, o))
			continue;
		snprintf(key, sizeof(key), "%p", (const void *)o);
		void **seen = map_at(&t->printed, &t->arena, key);
		bool is_known = *seen != NULL;

		*seen = t;
		printf("%s%s%s", indent, i == last ? "└── " : "├── ", o->name);
		if (is_known) {
			printf(" (above)\n");
			continue;
		}
		print_rule(o);
		putchar('\n');
		if (depth < 200)
			print_below(t, o,
				arena_printf(
					&t->arena, "%s%s", indent, i == last ? "    " : "│   "),
				depth + 1);
	}
}

static void print_tree(const struct closure *c)
{
	struct tree_walk t = {.c = c};

	if (c->interpreter_path)
		printf("├── %s [interpreter]%s\n", c->interpreter_path,
			c->interpreter ? "" : " => not found");
	else if (c->objects.len == 1)
		puts("└── statically linked");
	print_below(&t, c->objects.at[0], "", 0);
	for (size_t i = 1; i < c->objects.len; i++)
		if (!c->objects.at[i]->wanted_by.len) {
			printf("├── %s", c->objects.at[i]->name);
			print_rule(c->objects.at[i]);
			putchar('\n');
		}
	arena_drop(&t.arena);
}

// ---- json ----

static json_t *json_texts(const struct strings *s)
{
	json_t *out = json_array();

	for (size_t i = 0; i < s->len; i++)
		json_array_append_new(out, json_text(s->at[i]));
	return out;
}

static json_t *text_or_null(const char *s)
{
	return s ? json_text(s) : json_null();
}

static json_t *object_json(const struct object *o)
{
	json_t *wanted_by = json_array();

	vec_each (by, &o->wanted_by)
		json_array_append_new(wanted_by, text_or_null((*by)->name));
	json_t *out = json_pack("{s:o, s:o, s:s, s:o, s:b}", "name", text_or_null(o->name), "path",
		text_or_null(o->file ? o->file->path : NULL), "rule", rule_text(o->rule),
		"wanted_by", wanted_by, "hidden", o->hidden != NULL);

	if (o->hidden)
		json_object_set_new(out, "why", text_or_null(o->hidden));
	return out;
}

static json_t *file_json(const struct program *p, const struct closure *c)
{
	static const char *const libcs[] = {
		[LIBC_NONE] = NULL, [LIBC_GLIBC] = "glibc", [LIBC_MUSL] = "musl"};
	char platform[PLATFORM_TEXT];
	json_t *objects = json_array(), *problems = json_array();

	for (size_t i = 1; i < c->objects.len; i++)
		json_array_append_new(objects, object_json(c->objects.at[i]));
	vec_each (q, &c->problems) {
		json_t *one =
			json_pack("{s:s, s:o, s:o, s:b, s:o}", "kind", problem_kind_text(q->kind),
				"name", text_or_null(q->name), "text", text_or_null(q->text),
				"warning", q->is_warning, "searched", json_texts(&q->searched));

		json_array_append_new(problems, one);
	}
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "path", text_or_null(p->asked),
		"platform", platform_text(&p->platform, platform), "interpreter",
		text_or_null(c->interpreter_path), "libc", text_or_null(libcs[c->libc]), "objects",
		objects, "problems", problems);
}

// ---- --why ----

static bool is_called(const struct object *o, const char *name)
{
	for (size_t i = 0; i < o->names.len; i++)
		if (strcmp(o->names.at[i], name) == 0)
			return true;
	return false;
}

// The way up to the program by whoever asked first, and then everyone else who asks.
static struct err *print_why(const struct program *p, const struct closure *c, const char *name)
{
	const struct object *it = NULL;

	for (size_t i = 1; i < c->objects.len && !it; i++)
		if (is_called(c->objects.at[i], name))
			it = c->objects.at[i];
	if (!it)
		return err_hint(err_new(ERR_FAILED, "%s does not load %s", p->asked, name),
			"imgmin ldd --format list %s lists what it loads", p->asked);
	for (const struct object *o = it; o; o = o->loader) {
		printf("%s", o->name);
		if (o->hidden)
			printf(" (hidden: %s)", o->hidden);
		printf("%s", o->loader ? " ← " : "\n");
	}
	for (size_t i = 0; i < it->wanted_by.len; i++)
		if (it->wanted_by.at[i] != it->loader)
			printf("also by %s\n", it->wanted_by.at[i]->name);
	return NULL;
}

// ---- one program after the other ----

static struct err *resolve(struct ldd *l, const char *path, struct program *p, struct closure *c)
{
	struct suggestions suggestions = {0};
	const struct platform *asked = l->args->platform ? &l->asked : NULL;

	TRY(program_open(l->sysroots, path, asked, &l->arena, p));
	struct resolver *r = p->sysroot->resolver;

	TRY(closure_resolve(r, p->root, p->path, c));
	TRY(verify_versions(r, c));
	if (asked) {
		struct platform needed;

		TRY(verify_platform(r, c, asked, &needed));
	}
	if (strcmp(l->args->format, "list") != 0)
		TRY(hidden_add(r, c, &suggestions));
	return NULL;
}

static struct err *print_closure(struct ldd *l, const struct program *p, const struct closure *c)
{
	bool is_list = strcmp(l->args->format, "list") == 0;

	if (l->files) {
		json_array_append_new(l->files, file_json(p, c));
		return NULL;
	}
	if (!is_list || l->args->files.len > 1)
		printf("%s%s\n", p->asked, is_list ? ":" : "");
	if (l->args->why)
		return print_why(p, c, l->args->why);
	if (is_list)
		print_list(c);
	else
		print_tree(c);
	return NULL;
}

// Every error is told in its turn; the gravest of them decides the exit status.
static void keep_gravest(struct ldd *l, struct err *e)
{
	drop(err_drop) struct err *told = e;

	if (!l->gravest || err_kind(e) >= err_kind(l->gravest)) {
		told = l->gravest;
		l->gravest = e;
	}
	if (told)
		show_error(told);
}

static void ldd_one(struct ldd *l, const char *path)
{
	struct program p = {0};
	struct closure c = {0};
	struct err *e = resolve(l, path, &p, &c);

	if (e) {
		keep_gravest(l, e);
		return;
	}
	e = print_closure(l, &p, &c);
	if (e)
		keep_gravest(l, e);
	if (p.script.root && strcmp(l->args->format, "list") != 0)
		show_note("%s is run by %s", path, p.path);
	if (strcmp(l->args->format, "list") != 0 && p.sysroot->told)
		show_note("%s: libraries come from %s", path, p.sysroot->told);
	show_problems(path, &c);
	e = closure_error(&c, path);
	if (e)
		keep_gravest(l, e);
}

static struct err *ldd_all(struct ldd *l)
{
	const struct ldd_args *args = l->args;
	struct sysroots_options o = {
		.given = &args->sysroots,
		.places = &l->places,
		.library_path = &args->library_path,
		.hwcaps = &args->hwcaps,
	};

	if (args->platform)
		TRY(platform_parse(args->platform, &l->asked));
	TRY(places_open(&args->registry, &l->events, &l->places));
	TRY(sysroots_open(&o, &l->sysroots));
	if (strcmp(args->format, "json") == 0)
		l->files = json_array();
	for (size_t i = 0; i < args->files.len; i++)
		ldd_one(l, args->files.at[i]);
	if (l->files) {
		json_t *all = json_pack("{s:o}", "files", l->files);

		json_dumpf(all, stdout, JSON_INDENT(1));
		putchar('\n');
		json_decref(all);
	}
	struct strings warnings = sysroots_warnings(l->sysroots, &l->arena);

	for (size_t i = 0; i < warnings.len; i++)
		show_warning("%s", warnings.at[i]);
	return take(l->gravest);
}

static struct err *ldd_run(void *args, const struct common_args *common)
{
	struct ldd l = {.args = args, .events = show_registry_reading(common)};
	struct confinement c = {.registry = &l.args->registry};

	confine_sysroots(&c, &l.args->sysroots);
	confine_enter(&c, common);
	struct err *e = ldd_all(&l);

	sysroots_drop(&l.sysroots);
	places_drop(&l.places);
	arena_drop(&l.arena);
	return e;
}

#define AT(field) offsetof(struct ldd_args, field)

static const struct opt ldd_opts[] = {
	OPT("sysroot", 0, OPT_TEXTS, AT(sysroots), "[PLATFORM=]SRC",
		"directory or image (docker://debian:bookworm-slim) that libraries come from; one "
		"per platform (repeatable)"),
	OPT("library-path", 0, OPT_TEXTS, AT(library_path), "DIR[:DIR]",
		"search as LD_LIBRARY_PATH; =DIR is inside the sysroot (repeatable)"),
	OPT("platform", 0, OPT_TEXT, AT(platform), "OS/ARCH[/VARIANT]",
		"assert the platform; a program of another one is an error"),
	OPT("hwcaps", 0, OPT_TEXTS, AT(hwcaps), "NAME",
		"prefer libraries of glibc-hwcaps/NAME (repeatable)"),
	OPT("format", 0, OPT_CHOICE, AT(format), "FORMAT", "tree, list (what ld.so prints) or json",
		.choices = "tree|list|json"),
	OPT("why", 0, OPT_TEXT, AT(why), "NAME", "only say by whom the library NAME is asked for"),
	REGISTRY_OPTS(AT(registry)),
	{0},
};

static const struct ldd_args ldd_defaults = {.format = "tree", .registry = REGISTRY_DEFAULTS};

const struct command command_ldd = {
	.name = "ldd",
	.synopsis = "[OPTIONS] FILE...",
	.summary = "Show what a program's loader would load, and from where",
	.details =
		"Reads the ELF headers of each FILE and applies the rules of its loader, glibc's or "
		"musl's, to a sysroot. Nothing is run.\n\n"
		"The exit status is 3 where a library, a symbol version or the interpreter is missing.",
	.opts = ldd_opts,
	.args_size = sizeof(struct ldd_args),
	.defaults = &ldd_defaults,
	.positional_offset = AT(files),
	.min_positional = 1,
	.max_positional = SIZE_MAX,
	.run = ldd_run,
};
