#include "cli/opt.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"

const struct opt common_opts[] = {
	{.name = "progress",
		.kind = OPT_CHOICE,
		.offset = offsetof(struct common_args, progress),
		.value = "MODE",
		.choices = "auto|plain|json|none",
		.help = "how progress is shown on stderr: auto, plain, json or none"},
	{.name = "color",
		.kind = OPT_CHOICE,
		.offset = offsetof(struct common_args, color),
		.value = "WHEN",
		.choices = "auto|always|never",
		.help = "colours: auto (on a terminal), always or never"},
	{.name = "quiet",
		.letter = 'q',
		.kind = OPT_FLAG,
		.offset = offsetof(struct common_args, quiet),
		.help = "only warnings and errors on stderr"},
	{.name = "verbose",
		.letter = 'v',
		.kind = OPT_COUNT,
		.offset = offsetof(struct common_args, verbose),
		.help = "say more on stderr"},
	{.name = "help",
		.letter = 'h',
		.kind = OPT_FLAG,
		.offset = offsetof(struct common_args, help),
		.help = "show this help"},
	{0},
};

// What stands without any command; main answers it.
static const struct opt program_opts[] = {
	{.name = "version", .kind = OPT_FLAG, .help = "print the version"},
	{0},
};

// Parsing

// An option and the struct that its value goes to.
struct target {
	const struct opt *opt;
	const struct opt *table;
	void *base;
};

// One that was given.
struct setting {
	struct target target;
	const char *value;
};

struct parser {
	const struct command *command; // NULL: the common options alone
	char **argv;
	int argc, at; // argv[at] is what comes next
	struct arena *arena;
	void *args;
	struct common_args *common;
	vec(struct setting) settings; // of the command's own options
};

static bool takes_value(const struct opt *o)
{
	return o->kind != OPT_FLAG && o->kind != OPT_COUNT && o->kind != OPT_MAYBE;
}

static const struct opt *by_name(const struct opt *table, const char *name, size_t n)
{
	for (const struct opt *o = table; o && o->name; o++)
		if (strlen(o->name) == n && !memcmp(o->name, name, n))
			return o;
	return NULL;
}

static const struct opt *by_letter(const struct opt *table, char letter)
{
	for (const struct opt *o = table; o && o->name; o++)
		if (o->letter == letter)
			return o;
	return NULL;
}

// Looks for the long name, or for the letter where name is NULL; the command's own come first.
static bool lookup(
	const struct parser *p, const char *name, size_t n, char letter, struct target *out)
{
	const struct opt *own = p->command ? p->command->opts : NULL;

	*out = (struct target){.table = own, .base = p->args};
	out->opt = name ? by_name(own, name, n) : by_letter(own, letter);
	if (out->opt)
		return true;
	*out = (struct target){.table = common_opts, .base = p->common};
	out->opt = name ? by_name(common_opts, name, n) : by_letter(common_opts, letter);
	return out->opt;
}

static const char *command_text(const struct parser *p, struct arena *a)
{
	return p->command ? arena_printf(a, "imgmin %s", p->command->name) : "imgmin";
}

static struct err *unknown(const struct parser *p, const char *typed, const char *name)
{
	drop(arena_drop) struct arena a = {0};
	vec(const char *) names = {0};
	const char *near = NULL;
	struct err *e = err_new(ERR_USAGE, "%s: no such option of %s", typed, command_text(p, &a));

	for (const struct opt *o = p->command ? p->command->opts : NULL; o && o->name; o++)
		if (o->help)
			vec_push(&a, &names, o->name);
	for (const struct opt *o = common_opts; o->name; o++)
		vec_push(&a, &names, o->name);
	for (const struct opt *o = p->command ? NULL : program_opts; o && o->name; o++)
		vec_push(&a, &names, o->name);
	if (name)
		near = opt_nearest(name, names.at, names.len);
	if (near)
		return err_hint(e, "did you mean --%s?", near);
	if (!p->command)
		return err_hint(e,
			"a command's options stand after its name, as in "
			"'imgmin build --sysroot DIR ./sensor'");
	return err_hint(e, "'imgmin %s --help' lists the options", p->command->name);
}

static bool is_choice(const char *choices, const char *value)
{
	size_t n = strlen(value);

	for (const char *at = choices; at; at = strchr(at, '|')) {
		at += *at == '|';
		if (n && strcspn(at, "|") == n && !memcmp(at, value, n))
			return true;
	}
	return false;
}

static struct err *set_choice(
	const struct opt *o, const char *typed, const char *value, const char **out)
{
	drop(arena_drop) struct arena a = {0};
	vec(const char *) words = {0};
	char *copy, *word, *rest, *list = "";
	const char *near;
	struct err *e;

	if (is_choice(o->choices, value)) {
		*out = value;
		return NULL;
	}
	copy = arena_strdup(&a, o->choices);
	for (word = strtok_r(copy, "|", &rest); word; word = strtok_r(NULL, "|", &rest)) {
		list = arena_printf(&a, "%s%s%s", list, *list ? ", " : "", word);
		vec_push(&a, &words, word);
	}
	e = err_new(ERR_USAGE, "%s %s: not one of %s", typed, value, list);
	near = opt_nearest(value, words.at, words.len);
	return near ? err_hint(e, "did you mean %s %s?", typed, near) : e;
}

static struct err *set_number(
	const struct opt *o, const char *typed, const char *value, int64_t *out)
{
	const char *digits = value + (*value == '-');
	long long number;
	char *end;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (!isdigit((unsigned char)*digits) || *end)
		return err_new(ERR_USAGE, "%s %s: not a whole number", typed, value);
	if (errno || (o->min < o->max && (number < o->min || number > o->max))) {
		if (o->min < o->max)
			return err_new(ERR_USAGE, "%s %s: not between %lld and %lld", typed, value,
				(long long)o->min, (long long)o->max);
		return err_new(ERR_USAGE, "%s %s: too large a number", typed, value);
	}
	*out = number;
	return NULL;
}

// "no-cache" ↔ "cache": the other half of the pair loses what it was told before.
static void clear_opposite(const struct target *t)
{
	const char *name = t->opt->name;

	for (const struct opt *o = t->table; o->name; o++) {
		bool opposite = (!strncmp(o->name, "no-", 3) && !strcmp(o->name + 3, name)) ||
			(!strncmp(name, "no-", 3) && !strcmp(name + 3, o->name));

		if (opposite && o->kind == OPT_FLAG)
			*(bool *)((char *)t->base + o->offset) = false;
	}
}

// A copy; the word itself is /proc/PID/cmdline for everybody.
static const char *hide(struct parser *p, const char *value)
{
	const char *kept = arena_strdup(p->arena, value);

	explicit_bzero((char *)value, strlen(value));
	return kept;
}

static struct err *set(
	struct arena *a, const struct target *t, const char *typed, const char *value)
{
	void *place = (char *)t->base + t->opt->offset;

	switch (t->opt->kind) {
	case OPT_FLAG:
		clear_opposite(t);
		*(bool *)place = true;
		break;
	case OPT_COUNT:
		++*(int *)place;
		break;
	case OPT_TEXT:
	case OPT_SECRET:
		*(const char **)place = value;
		break;
	case OPT_NUMBER:
		return set_number(t->opt, typed, value, place);
	case OPT_SIZE:
		if (!size_parse(value, place))
			return err_hint(err_new(ERR_USAGE, "%s %s: not a size", typed, value),
				"write it like 500kB, 2MB (10⁶ bytes) or 2MiB");
		break;
	case OPT_CHOICE:
		return set_choice(t->opt, typed, value, place);
	case OPT_MAYBE:
		clear_opposite(t);
		if (value)
			return set_choice(t->opt, typed, value, place);
		*(const char **)place =
			arena_strndup(a, t->opt->choices, strcspn(t->opt->choices, "|"));
		break;
	case OPT_TEXTS:
		vec_push(a, (struct strings *)place, value);
		break;
	}
	return NULL;
}

// What argv says, kept for opt_parse to say it again.
static struct err *give(
	struct parser *p, const struct target *t, const char *typed, const char *value)
{
	if (t->opt->kind == OPT_SECRET)
		value = hide(p, value);
	if (p->command && t->base == p->args)
		vec_push(p->arena, &p->settings, (struct setting){*t, value});
	return set(p->arena, t, typed, value);
}

static const char *value_name(const struct opt *o)
{
	if (!takes_value(o))
		return o->kind == OPT_MAYBE ? o->value : NULL; // "[=HOW]"
	return o->value ? o->value : o->choices ? o->choices : "VALUE";
}

// The value that was not attached: the next word, whatever it looks like.
static struct err *next_value(
	struct parser *p, const struct target *t, const char *typed, const char **value)
{
	if (p->at >= p->argc)
		return err_hint(err_new(ERR_USAGE, "%s: its value is missing", typed), "%s %s",
			typed, value_name(t->opt));
	*value = p->argv[p->at++];
	return NULL;
}

static struct err *parse_long(struct parser *p, char *word)
{
	size_t n = strcspn(word + 2, "=");
	const char *value = word[2 + n] ? word + 3 + n : NULL;
	drop(mem_drop) char *typed = str_printf("%.*s", (int)(2 + n), word);
	struct target t;

	if (!lookup(p, word + 2, n, 0, &t))
		return unknown(p, typed, typed + 2);
	if (!takes_value(t.opt)) {
		if (value && t.opt->kind != OPT_MAYBE)
			return err_new(ERR_USAGE, "%s: it takes no value", word);
	} else if (!value) {
		TRY(next_value(p, &t, typed, &value));
	}
	return give(p, &t, typed, value);
}

static struct err *parse_letters(struct parser *p, char *word)
{
	for (char *at = word + 1; *at; at++) {
		char typed[] = {'-', *at, 0};
		const char *value = at + 1;
		struct target t;

		if (!lookup(p, NULL, 0, *at, &t))
			return unknown(p, (unsigned char)*at < 0x80 ? typed : word, NULL);
		if (!takes_value(t.opt)) {
			TRY(give(p, &t, typed, NULL));
			continue;
		}
		if (!*value)
			TRY(next_value(p, &t, typed, &value));
		return give(p, &t, typed, value);
	}
	return NULL;
}

static struct err *parse_option(struct parser *p)
{
	char *word = p->argv[p->at++];

	return word[1] == '-' ? parse_long(p, word) : parse_letters(p, word);
}

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1];
}

// Keeps the first error only, so that a --help further on can still be heard.
static void keep_first(struct err **first, struct err *e)
{
	if (*first)
		err_drop(&e);
	else
		*first = e;
}

static struct err *check_positional(const struct command *c, const struct strings *words)
{
	struct err *e = NULL;

	if (words->len < c->min_positional)
		e = err_new(ERR_USAGE, "%s: an argument is missing", c->name);
	else if (words->len > c->max_positional)
		e = err_new(ERR_USAGE, "%s: one argument too many for %s",
			words->at[c->max_positional], c->name);
	if (!e)
		return NULL;
	return err_hint(e, "imgmin %s%s%s", c->name, *c->synopsis ? " " : "", c->synopsis);
}

struct err *opt_set(const struct opt *table, const struct opt *o, const char *typed,
	const char *value, struct arena *a, void *args)
{
	return set(a, &(struct target){.opt = o, .table = table, .base = args}, typed, value);
}

const struct opt *opt_find(const struct opt *table, const char *name)
{
	return by_name(table, name, strlen(name));
}

static void begin(const struct command *c, void *args, const struct strings *words)
{
	if (c->args_size && c->defaults)
		memcpy(args, c->defaults, c->args_size);
	else if (c->args_size)
		memset(args, 0, c->args_size);
	if (c->max_positional)
		*(struct strings *)((char *)args + c->positional_offset) = *words;
}

// The command's file first, then the options once more.
static struct err *lay_under(struct parser *p, const struct strings *words)
{
	const struct command *c = p->command;
	void *given = arena_alloc(p->arena, c->args_size);

	memcpy(given, p->args, c->args_size);
	begin(c, p->args, words);
	TRY(c->under(given, p->arena, p->args));
	vec_each (s, &p->settings)
		TRY(set(p->arena, &s->target, s->target.opt->name, s->value));
	return NULL;
}

struct err *opt_parse(const struct command *c, int argc, char **argv, struct arena *a, void *args,
	struct common_args *common)
{
	struct parser p = {.command = c,
		.argv = argv,
		.argc = argc,
		.arena = a,
		.args = args,
		.common = common};
	struct strings words = {0};
	struct err *first = NULL;
	bool options_ended = false;

	begin(c, args, &words);
	while (p.at < argc) {
		if (options_ended || !is_option(argv[p.at])) {
			vec_push(a, &words, argv[p.at++]);
		} else if (!strcmp(argv[p.at], "--")) {
			options_ended = true;
			p.at++;
		} else {
			keep_first(&first, parse_option(&p));
		}
	}
	if (common->help) {
		err_drop(&first);
		return NULL;
	}
	TRY(first);
	TRY(check_positional(c, &words));
	if (c->max_positional)
		*(struct strings *)((char *)args + c->positional_offset) = words;
	return c->under ? lay_under(&p, &words) : NULL;
}

struct err *opt_parse_common(int argc, char **argv, struct common_args *common, int *used)
{
	struct parser p = {.argv = argv, .argc = argc, .common = common};
	struct err *first = NULL;

	while (p.at < argc && is_option(argv[p.at]) && strcmp(argv[p.at], "--version"))
		keep_first(&first, parse_option(&p));
	*used = p.at;
	if (common->help)
		err_drop(&first);
	return first;
}

// The nearest word

enum { LONGEST_WORD = 40 };

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

// Edits (insert, remove, replace, swap neighbours) between two words of at most LONGEST_WORD bytes:
// the restricted Damerau-Levenshtein distance.
static unsigned edits(const char *a, const char *b)
{
	unsigned rows[3][LONGEST_WORD + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];
	size_t n = strlen(b);

	for (unsigned j = 0; j <= n; j++)
		above[j] = j;
	for (unsigned i = 1; a[i - 1]; i++) {
		unsigned *oldest = before;

		row[0] = i;
		for (unsigned j = 1; j <= n; j++) {
			row[j] = least(least(above[j], row[j - 1]) + 1,
				above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = oldest;
	}
	return above[n];
}

const char *opt_nearest(const char *typed, const char *const *words, size_t n)
{
	size_t len = strlen(typed);
	const char *nearest = NULL;
	// One edit in a short word: of yaml every second letter is one of html.
	unsigned best = len < 5 ? 2 : (unsigned)len / 3 + 2;

	if (!len || len > LONGEST_WORD)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		unsigned distance;

		if (strlen(words[i]) > LONGEST_WORD)
			continue;
		// A word's beginning counts as one edit and another part of it as two, however much
		// is missing: --compr, --epoch.
		distance = edits(typed, words[i]);
		if (len > 1 && !strncmp(words[i], typed, len))
			distance = least(distance, 1);
		else if (len > 3 && strstr(words[i], typed))
			distance = least(distance, 2);
		if (distance < best) {
			best = distance;
			nearest = words[i];
		}
	}
	return nearest;
}

// Help

enum { LEFT_MAX = 34, COLUMNS_MIN = 40, COLUMNS_MAX = 100 };

// Characters, not bytes: continuation bytes of UTF-8 take no column.
static int width(const char *s, size_t n)
{
	int columns = 0;

	for (size_t i = 0; i < n; i++)
		columns += (s[i] & 0xc0) != 0x80;
	return columns;
}

// Words of text from column `at` on, broken before `columns`, continued at `indent`.
static void wrap(FILE *out, const char *text, size_t n, int at, int indent, int columns)
{
	const char *end = text + n;
	bool first = true;

	while (text < end) {
		size_t len = 0;
		int w;

		while (text < end && (*text == ' ' || *text == '\n'))
			text++;
		while (text + len < end && text[len] != ' ' && text[len] != '\n')
			len++;
		if (!len)
			break;
		w = width(text, len);
		if (!first && at + 1 + w > columns) {
			fprintf(out, "\n%*s", indent, "");
			at = indent;
		} else if (!first) {
			fputc(' ', out);
			at++;
		}
		fwrite(text, 1, len, out);
		at += w;
		text += len;
		first = false;
	}
	fputc('\n', out);
}

static int bounded_columns(int columns)
{
	return columns < COLUMNS_MIN ? COLUMNS_MIN : columns > COLUMNS_MAX ? COLUMNS_MAX : columns;
}

// "  -t, --tag REF"
static char *left_text(const struct opt *o, struct arena *a)
{
	const char *value = value_name(o);
	char *letter = o->letter ? arena_printf(a, "-%c, ", o->letter) : "    ";

	return arena_printf(a, "  %s--%s%s%s", letter, o->name,
		value && strncmp(value, "[=", 2) != 0 ? " " : "", value ? value : "");
}

static void line(FILE *out, const char *left, int column, const char *text, int columns)
{
	int at = width(left, strlen(left));

	fputs(left, out);
	if (at + 2 > column) {
		fprintf(out, "\n%*s", column, "");
		at = column;
	} else {
		fprintf(out, "%*s", column - at, "");
	}
	wrap(out, text, strlen(text), column, column, columns);
}

static char *help_text(const struct opt *o, struct arena *a)
{
	bool repeats = o->kind == OPT_TEXTS || o->kind == OPT_COUNT;

	return arena_printf(a, "%s%s", o->help,
		repeats && !strstr(o->help, "(repeatable)") ? " (repeatable)" : "");
}

static void options(FILE *out, const char *title, const struct opt *table, int columns)
{
	drop(arena_drop) struct arena a = {0};
	int column = 0, left_max = columns < 60 ? 22 : LEFT_MAX;
	bool any = false;

	for (const struct opt *o = table; o && o->name; o++) {
		char *left = left_text(o, &a);
		int w = width(left, strlen(left));

		any = any || o->help;
		if (o->help && w <= left_max && w > column)
			column = w;
	}
	if (!any)
		return;
	column = (column ? column : left_max) + 2;
	fprintf(out, "\n%s:\n", title);
	for (const struct opt *o = table; o->name; o++)
		if (o->help)
			line(out, left_text(o, &a), column, help_text(o, &a), columns);
}

// Paragraphs are parted by an empty line; one that begins with a space is printed as it is.
static void paragraphs(FILE *out, const char *text, int columns)
{
	while (*text) {
		const char *gap = strstr(text, "\n\n");
		size_t n = gap ? (size_t)(gap - text) : strlen(text);

		fputc('\n', out);
		if (*text == ' ')
			fprintf(out, "%.*s%s", (int)n, text, text[n - 1] == '\n' ? "" : "\n");
		else
			wrap(out, text, n, 0, 0, columns);
		text += n;
		text += strspn(text, "\n");
	}
}

void opt_help(FILE *out, const struct command *c, int columns)
{
	columns = bounded_columns(columns);
	fprintf(out, "Usage: imgmin %s%s%s\n\n", c->name, *c->synopsis ? " " : "", c->synopsis);
	wrap(out, c->summary, strlen(c->summary), 0, 0, columns);
	options(out, "Options", c->opts, columns);
	options(out, "Options of every command", common_opts, columns);
	if (c->details)
		paragraphs(out, c->details, columns);
}

void opt_help_all(FILE *out, const struct command *const *commands, int columns)
{
	drop(arena_drop) struct arena a = {0};
	int column = 0;

	columns = bounded_columns(columns);
	fputs("Usage: imgmin COMMAND [OPTIONS] ...\n", out);
	paragraphs(out, "Minimal OCI images from ELF programs, for embedded Linux.", columns);
	fputs("\nCommands:\n", out);
	for (const struct command *const *c = commands; *c; c++)
		if (width((*c)->name, strlen((*c)->name)) > column)
			column = width((*c)->name, strlen((*c)->name));
	for (const struct command *const *c = commands; *c; c++)
		line(out, arena_printf(&a, "  %s", (*c)->name), column + 4, (*c)->summary, columns);
	options(out, "Options of every command", common_opts, columns);
	options(out, "Options without a command", program_opts, columns);
	paragraphs(out,
		"'imgmin help COMMAND' shows the options of a command, 'man imgmin-COMMAND' its "
		"manual.",
		columns);
}

// The table

static void table_rows(FILE *out, const char *command, const struct opt *table)
{
	drop(arena_drop) struct arena a = {0};

	for (const struct opt *o = table; o && o->name; o++) {
		char letter[3] = {o->letter ? '-' : 0, o->letter, 0};
		const char *value = value_name(o);

		if (o->help)
			fprintf(out, "%s\t--%s\t%s\t%s\t%s\t%s\n", command, o->name, letter,
				value ? value : "", o->choices ? o->choices : "", help_text(o, &a));
	}
}

void opt_table(FILE *out, const struct command *const *commands)
{
	table_rows(out, "*", common_opts);
	table_rows(out, "imgmin", program_opts);
	for (const struct command *const *c = commands; *c; c++)
		table_rows(out, (*c)->name, (*c)->opts);
}
