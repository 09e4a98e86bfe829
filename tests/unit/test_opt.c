#include "cli/opt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct args {
	struct strings files, tags;
	const char *output, *layers;
	int64_t level, epoch;
	uint64_t size;
	bool strip, no_strip, no_cache;
	int hidden;
};

static const struct opt opts[] = {
	{.name = "tag",
		.letter = 't',
		.kind = OPT_TEXTS,
		.offset = offsetof(struct args, tags),
		.value = "REF",
		.help = "a name"},
	{.name = "output",
		.letter = 'o',
		.kind = OPT_TEXT,
		.offset = offsetof(struct args, output),
		.value = "PLACE",
		.help = "where it goes, told in so many words that no terminal of forty or of "
			"eighty columns could ever show them in a single line"},
	{.name = "layers",
		.kind = OPT_CHOICE,
		.offset = offsetof(struct args, layers),
		.choices = "stable|single|file",
		.help = "how files become layers"},
	{.name = "level",
		.kind = OPT_NUMBER,
		.offset = offsetof(struct args, level),
		.value = "N",
		.help = "of compression",
		.min = -2,
		.max = 22},
	{.name = "epoch",
		.kind = OPT_NUMBER,
		.offset = offsetof(struct args, epoch),
		.value = "N",
		.help = "seconds"},
	{.name = "max-size",
		.kind = OPT_SIZE,
		.offset = offsetof(struct args, size),
		.value = "SIZE",
		.help = "the largest"},
	{.name = "strip", .kind = OPT_FLAG, .offset = offsetof(struct args, strip), .help = "do"},
	{.name = "no-strip",
		.kind = OPT_FLAG,
		.offset = offsetof(struct args, no_strip),
		.help = "do not"},
	{.name = "no-cache",
		.letter = 'n',
		.kind = OPT_FLAG,
		.offset = offsetof(struct args, no_cache),
		.help = "do not"},
	{.name = "hidden", .kind = OPT_COUNT, .offset = offsetof(struct args, hidden)},
	{0},
};

static const struct args defaults = {.layers = "stable", .epoch = -1};

static const struct command command = {
	.name = "make",
	.synopsis = "[OPTIONS] FILE...",
	.summary = "makes a thing",
	.details = "A first paragraph.\n\nExamples:\n\n  imgmin make  x\n  imgmin make  y\n",
	.opts = opts,
	.args_size = sizeof(struct args),
	.defaults = &defaults,
	.positional_offset = offsetof(struct args, files),
	.min_positional = 1,
	.max_positional = 2,
};

// What one line, cut at its blanks, is parsed to.
struct parsed {
	struct arena arena;
	struct args args;
	struct common_args common;
	struct err *err;
};

static void parsed_drop(struct parsed *p)
{
	err_drop(&p->err);
	arena_drop(&p->arena);
}

static struct parsed parse(const char *line)
{
	struct parsed p = {.common = {.progress = "auto", .color = "auto"}};
	char *argv[32], *rest;
	int argc = 0;

	for (char *w = strtok_r(arena_strdup(&p.arena, line), " ", &rest); w;
		w = strtok_r(NULL, " ", &rest))
		argv[argc++] = w;
	p.err = opt_parse(&command, argc, argv, &p.arena, &p.args, &p.common);
	if (p.err && err_kind(p.err) != ERR_USAGE)
		fail_msg("not a usage error: %s", err_text(p.err));
	return p;
}

static void reads_values(void **state)
{
	(void)state;
	drop(parsed_drop) struct parsed p =
		parse("a --tag one --tag=two -t three -tfour -t=five --output -o b --level -1 "
		      "--layers=file -nqvv -v --max-size 2MiB");

	assert_null(p.err);
	assert_int_equal(p.args.files.len, 2);
	assert_string_equal(p.args.files.at[0], "a");
	assert_string_equal(p.args.files.at[1], "b");
	assert_int_equal(p.args.tags.len, 5);
	assert_string_equal(p.args.tags.at[0], "one");
	assert_string_equal(p.args.tags.at[1], "two");
	assert_string_equal(p.args.tags.at[2], "three");
	assert_string_equal(p.args.tags.at[3], "four");
	assert_string_equal(p.args.tags.at[4], "=five");
	// The word after an option is its value, whatever it looks like.
	assert_string_equal(p.args.output, "-o");
	assert_int_equal(p.args.level, -1);
	assert_string_equal(p.args.layers, "file");
	assert_true(p.args.no_cache);
	assert_true(p.common.quiet);
	assert_int_equal(p.common.verbose, 3);
	assert_int_equal(p.args.size, 2 << 20);
	assert_false(p.common.help);
}

static void begins_with_the_defaults(void **state)
{
	(void)state;
	drop(parsed_drop) struct parsed p = parse("a");

	assert_null(p.err);
	assert_string_equal(p.args.layers, "stable");
	assert_int_equal(p.args.epoch, -1);
	assert_null(p.args.output);
	assert_int_equal(p.args.tags.len, 0);
	assert_string_equal(p.common.progress, "auto");
}

static void dashes(void **state)
{
	(void)state;
	drop(parsed_drop) struct parsed p = parse("-o - -- --tag"), q = parse("- --output= -");

	assert_null(p.err);
	assert_string_equal(p.args.output, "-");
	assert_int_equal(p.args.files.len, 1);
	assert_string_equal(p.args.files.at[0], "--tag");
	assert_null(q.err);
	assert_int_equal(q.args.files.len, 2);
	assert_string_equal(q.args.files.at[1], "-");
	assert_string_equal(q.args.output, "");
}

static void the_last_of_a_pair_counts(void **state)
{
	(void)state;
	drop(parsed_drop) struct parsed p = parse("a --strip --no-strip"),
					q = parse("a --no-strip --strip --no-cache");

	assert_false(p.args.strip);
	assert_true(p.args.no_strip);
	assert_true(q.args.strip);
	assert_false(q.args.no_strip);
	assert_true(q.args.no_cache);
}

static void help_silences_errors(void **state)
{
	static const char *const lines[] = {
		"--help", "-h", "--bogus --help", "a b c d -qh", "--level x -h"};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		drop(parsed_drop) struct parsed p = parse(lines[i]);

		assert_null(p.err);
		assert_true(p.common.help);
	}
	// A value or a file of that name is no call for help.
	drop(parsed_drop) struct parsed p = parse("a --output --help"), q = parse("-- --help");

	assert_false(p.common.help);
	assert_string_equal(p.args.output, "--help");
	assert_false(q.common.help);
}

// Each line's error, and its hint where there is one.
static const struct {
	const char *line, *text, *hint;
} wrong[] = {
	{"", "make: an argument is missing", "imgmin make [OPTIONS] FILE..."},
	{"a b c", "c: one argument too many for make", "imgmin make [OPTIONS] FILE..."},
	{"a --outptu x", "--outptu: no such option of imgmin make", "did you mean --output?"},
	{"a --ouput=x", "--ouput: no such option of imgmin make", "did you mean --output?"},
	{"a --max 3", "--max: no such option of imgmin make", "did you mean --max-size?"},
	{"a --verbos", "--verbos: no such option of imgmin make", "did you mean --verbose?"},
	{"a --hiddn", "--hiddn: no such option of imgmin make",
		"'imgmin make --help' lists the options"},
	{"a --frobnicate", "--frobnicate: no such option of imgmin make",
		"'imgmin make --help' lists the options"},
	{"a --=x", "--: no such option of imgmin make", "'imgmin make --help' lists the options"},
	{"a --cache", "--cache: no such option of imgmin make", "did you mean --no-cache?"},
	{"a -x", "-x: no such option of imgmin make", "'imgmin make --help' lists the options"},
	{"a -nx", "-x: no such option of imgmin make", "'imgmin make --help' lists the options"},
	{"a --tag", "--tag: its value is missing", "--tag REF"},
	{"a -qo", "-o: its value is missing", "-o PLACE"},
	{"a --layers", "--layers: its value is missing", "--layers stable|single|file"},
	{"a --no-cache=yes", "--no-cache=yes: it takes no value", NULL},
	{"a --layers stabel", "--layers stabel: not one of stable, single, file",
		"did you mean --layers stable?"},
	{"a --layers=sta", "--layers sta: not one of stable, single, file",
		"did you mean --layers stable?"},
	{"a --layers=", "--layers : not one of stable, single, file", NULL},
	{"a --layers=stable|single", "--layers stable|single: not one of stable, single, file",
		NULL},
	{"a --color red", "--color red: not one of auto, always, never", NULL},
	{"a --level 23", "--level 23: not between -2 and 22", NULL},
	{"a --level -3", "--level -3: not between -2 and 22", NULL},
	{"a --level 9999999999999999999999",
		"--level 9999999999999999999999: not between -2 and 22", NULL},
	{"a --epoch 9999999999999999999999", "--epoch 9999999999999999999999: too large a number",
		NULL},
	{"a --level 1x", "--level 1x: not a whole number", NULL},
	{"a --level=", "--level : not a whole number", NULL},
	{"a --level +1", "--level +1: not a whole number", NULL},
	{"a --level --1", "--level --1: not a whole number", NULL},
	{"a --max-size big", "--max-size big: not a size",
		"write it like 500kB, 2MB (10⁶ bytes) or 2MiB"},
	// The first of several is told.
	{"a --level x --bogus", "--level x: not a whole number", NULL},
};

static void wrong_use_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		drop(parsed_drop) struct parsed p = parse(wrong[i].line);

		if (!p.err)
			fail_msg("taken: '%s'", wrong[i].line);
		assert_string_equal(err_text(p.err), wrong[i].text);
		if (!wrong[i].hint)
			assert_null(err_hint_text(p.err));
		else
			assert_string_equal(err_hint_text(p.err), wrong[i].hint);
	}
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{"0", 0},
		{"17", 17},
		{"17B", 17},
		{"500k", 500000},
		{"500kB", 500000},
		{"500KB", 500000},
		{"2M", 2000000},
		{"2mb", 2000000},
		{"2MiB", 2097152},
		{"2Mi", 2097152},
		{"3KiB", 3072},
		{"1.5GB", 1500000000},
		{"0.5KiB", 512},
		{"1.0000009MB", 1000000},
		{"1GiB", 1073741824},
		{"1T", 1000000000000},
		{"1TiB", 1099511627776},
		{"18446744073709551615", UINT64_MAX},
	};
	static const char *const bad[] = {"", "M", "-1", "+1", "1X", "1MM", "1iB", "1 M", "1.M",
		".5M", "1.5.5M", "18446744073709551616", "16777216TiB", "1e3", "0x10", "MiB",
		"18446744073709551.7k"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		char *argv[] = {"a", "--max-size", (char *)good[i].text};
		drop(parsed_drop) struct parsed p = {0};

		p.err = opt_parse(&command, 3, argv, &p.arena, &p.args, &p.common);
		if (p.err)
			fail_msg("%s", err_text(p.err));
		assert_int_equal(p.args.size, good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char *argv[] = {"a", "--max-size", (char *)bad[i]};
		drop(parsed_drop) struct parsed p = {0};

		p.err = opt_parse(&command, 3, argv, &p.arena, &p.args, &p.common);
		if (!p.err)
			fail_msg("taken: '%s'", bad[i]);
	}
}

static void common_options_before_the_command(void **state)
{
	char *argv[] = {"-qv", "--progress", "json", "--color=never", "build", "-v"};
	char *asks_version[] = {"-v", "--version"}, *bad[] = {"--tag", "x", "build"};
	char *help[] = {"--bogus", "-h", "build"};
	struct common_args common = {0};
	struct err *e;
	int used;

	(void)state;
	assert_null(opt_parse_common(6, argv, &common, &used));
	assert_int_equal(used, 4);
	assert_true(common.quiet);
	assert_int_equal(common.verbose, 1);
	assert_string_equal(common.progress, "json");
	assert_string_equal(common.color, "never");
	assert_null(opt_parse_common(2, asks_version, &common, &used));
	assert_int_equal(used, 1);
	assert_false(common.help);
	e = opt_parse_common(3, bad, &common, &used);
	assert_non_null(e);
	assert_string_equal(err_text(e), "--tag: no such option of imgmin");
	err_drop(&e);
	assert_null(opt_parse_common(3, help, &common, &used));
	assert_true(common.help);
}

static void nearest(void **state)
{
	static const char *const words[] = {"build", "ldd", "inspect", "check", "help", "version"};
	const size_t n = sizeof(words) / sizeof(*words);
	char longer[100];

	(void)state;
	assert_string_equal(opt_nearest("buidl", words, n), "build");
	assert_string_equal(opt_nearest("bulid", words, n), "build");
	assert_string_equal(opt_nearest("ins", words, n), "inspect");
	assert_string_equal(opt_nearest("chekc", words, n), "check");
	assert_string_equal(opt_nearest("ld", words, n), "ldd");
	assert_null(opt_nearest("", words, n));
	assert_null(opt_nearest("x", words, n));
	assert_null(opt_nearest("yaml", (const char *[]){"text", "json", "html"}, 3));
	assert_null(opt_nearest("deploy", words, n));
	assert_null(opt_nearest("push", words, n));
	memset(longer, 'b', sizeof(longer));
	longer[sizeof(longer) - 1] = 0;
	assert_null(opt_nearest(longer, words, n));
	longer[40] = 0;
	assert_null(opt_nearest(longer, words, n));
}

// What write(out) prints; freed by the caller.
static char *printed(void (*write)(FILE *out, int columns), int columns)
{
	char *text;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	write(out, columns);
	fclose(out);
	return text;
}

static void write_help(FILE *out, int columns)
{
	opt_help(out, &command, columns);
}

static void write_help_all(FILE *out, int columns)
{
	const struct command *const commands[] = {&command, NULL};

	opt_help_all(out, commands, columns);
}

static void write_table(FILE *out, int columns)
{
	const struct command *const commands[] = {&command, NULL};

	(void)columns;
	opt_table(out, commands);
}

static void check_width(const char *text, int columns)
{
	for (const char *at = text; *at; at += strcspn(at, "\n") + 1)
		if (strcspn(at, "\n") > (size_t)columns)
			fail_msg("over %d columns: %.*s", columns, (int)strcspn(at, "\n"), at);
}

static void help_fits_its_columns(void **state)
{
	(void)state;
	for (int columns = 40; columns <= 100; columns += 20) {
		drop(mem_drop) char *help = printed(write_help, columns);
		drop(mem_drop) char *all = printed(write_help_all, columns);

		check_width(help, columns);
		check_width(all, columns);
	}
}

static void help_tells_all(void **state)
{
	drop(mem_drop) char *help = printed(write_help, 80);

	(void)state;
	assert_ptr_equal(strstr(help, "Usage: imgmin make [OPTIONS] FILE...\n"), help);
	assert_non_null(strstr(help, "\n  -t, --tag REF"));
	assert_non_null(strstr(help, "a name (repeatable)\n"));
	assert_non_null(strstr(help, "\n      --layers stable|single|file  how"));
	assert_non_null(strstr(help, "\n  -n, --no-cache "));
	assert_non_null(strstr(help, "\n  -v, --verbose "));
	assert_non_null(strstr(help, "\n  imgmin make  x\n  imgmin make  y\n"));
	assert_null(strstr(help, "hidden"));
}

static void table_has_every_option(void **state)
{
	drop(mem_drop) char *table = printed(write_table, 0);
	size_t lines = 0, tabs = 0;

	(void)state;
	assert_non_null(strstr(table, "\nmake\t--tag\t-t\tREF\t\ta name (repeatable)\n"));
	assert_non_null(strstr(
		table, "\nmake\t--layers\t\tstable|single|file\tstable|single|file\thow files"));
	assert_non_null(strstr(table, "\nmake\t--no-cache\t-n\t\t\tdo not\n"));
	assert_non_null(strstr(table, "*\t--quiet\t-q\t\t\t"));
	assert_null(strstr(table, "hidden"));
	for (const char *at = table; *at; at++) {
		lines += *at == '\n';
		tabs += *at == '\t';
	}
	assert_int_equal(tabs, 5 * lines);
	assert_int_equal(lines, 5 + 1 + sizeof(opts) / sizeof(*opts) - 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_values),
		cmocka_unit_test(begins_with_the_defaults),
		cmocka_unit_test(dashes),
		cmocka_unit_test(the_last_of_a_pair_counts),
		cmocka_unit_test(help_silences_errors),
		cmocka_unit_test(wrong_use_is_told),
		cmocka_unit_test(sizes),
		cmocka_unit_test(common_options_before_the_command),
		cmocka_unit_test(nearest),
		cmocka_unit_test(help_fits_its_columns),
		cmocka_unit_test(help_tells_all),
		cmocka_unit_test(table_has_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
