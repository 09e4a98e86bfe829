// imgmin.yaml under the options of `imgmin build`, and what it may not say.
#include "fixture.h"

#include <sys/stat.h>

#include "base/yaml.h"
#include "cli/commands.h"
#include "cli/project.h"

static struct arena a;
static char here[64], before[4096];

static int setup(void **state)
{
	(void)state;
	snprintf(here, sizeof(here), "/tmp/imgmin-test-XXXXXX");
	return !getcwd(before, sizeof(before)) || !mkdtemp(here) || chdir(here);
}

static int teardown(void **state)
{
	drop(mem_drop) char *line = str_printf("rm -rf %s", here);

	(void)state;
	arena_drop(&a);
	return chdir(before) || system(line);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static const struct command *build(void)
{
	const struct command *c;
	int used;

	assert_null(command_find(1, (char *[]){(char *)"build"}, &c, &used));
	return c;
}

// Words of `line` as argv.
static struct err *parse(const char *line, struct build_args *args)
{
	struct common_args common = {0};
	char *argv[16], *save = NULL, *copy = arena_strdup(&a, line);
	int argc = 0;

	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	return opt_parse(build(), argc, argv, &a, args, &common);
}

static struct build_args built(const char *yaml, const char *line)
{
	struct build_args args;

	write_file("imgmin.yaml", yaml);
	struct err *e = parse(line, &args);

	if (e)
		fail_msg("%s", err_text(e));
	return args;
}

static const char *joined(const struct strings *s)
{
	const char *out = "";

	vec_each (text, s)
		out = arena_printf(&a, "%s<%s>", out, *text ? *text : "NULL");
	return out;
}

#define expect_list(field, text) assert_string_equal(joined(&(field)), text)

static void every_form(void **state)
{
	(void)state;
	struct build_args b = built("name: user/sensor\n"
				    "programs: [build/a, /opt/b]\n"
				    "sysroot: {linux/arm/v7: roots/pi, arm64: docker://debian}\n"
				    "library-path: lib:=/opt/lib\n"
				    "with: [certs, 'tzdata']\n"
				    "add: conf/x.toml:/etc/x.toml:0644\n"
				    "env: {LANG: C.UTF-8, N: 010, V: yes}\n"
				    "label: [a=b, 'c=d e']\n"
				    "entrypoint: [/usr/bin/a, \"b c\"]\n"
				    "cmd: --once -v\n"
				    "user: 65534\n"
				    "push: false\n"
				    "load: true\n"
				    "strip: all\n"
				    "compression: zstd\n"
				    "compression-level: 19\n"
				    "max-size: 2MiB\n",
		"");

	expect_list(b.tags, "<user/sensor>");
	expect_list(b.paths, "<build/a></opt/b>");
	expect_list(b.platforms, "<NULL><NULL>");
	expect_list(b.sysroots, "<linux/arm/v7=roots/pi><arm64=docker://debian>");
	expect_list(b.library_path, "<lib:=/opt/lib>");
	expect_list(b.with, "<certs><tzdata>");
	expect_list(b.add, "<conf/x.toml:/etc/x.toml:0644>");
	expect_list(b.env, "<LANG=C.UTF-8><N=010><V=yes>");
	expect_list(b.labels, "<a=b><c=d e>");
	assert_string_equal(b.entrypoint, "[\"/usr/bin/a\",\"b c\"]");
	assert_string_equal(b.cmd, "--once -v");
	assert_string_equal(b.user, "65534");
	assert_false(b.push);
	assert_true(b.load);
	assert_string_equal(b.strip, "all");
	assert_string_equal(b.compression, "zstd");
	assert_string_equal(b.compression_level, "19");
	assert_int_equal(b.max_size, 2 << 20);
	assert_string_equal(b.layers, "stable");
	b = built("{\"programs\": \"x\", \"strip\": false, \"tag\": [\"y\"]}", "");
	assert_true(b.no_strip);
	expect_list(b.tags, "<y>");
	expect_list(b.paths, "<x>");
}

static void options_win(void **state)
{
	(void)state;
	static const char yaml[] = "tag: [second]\nname: first\nprograms: x\nenv: {A: 1}\n"
				   "layers: single\ncompression: zstd\nno-strip: true\n"
				   "max-size: 1MB\nuser: root\n";
	struct build_args b = built(yaml, "");

	expect_list(b.tags, "<first><second>");
	// A tab that indents nothing.
	b = built("name:\t>-\n  x\nprograms: y?\n", "");
	expect_list(b.tags, "<x>");
	b = built(yaml, "-t third --layers stable --env A=2 --max-size 3MB --strip");
	expect_list(b.tags, "<second><third>");
	expect_list(b.env, "<A=1><A=2>");
	assert_string_equal(b.layers, "stable");
	assert_string_equal(b.compression, "zstd");
	assert_string_equal(b.user, "root");
	assert_int_equal(b.max_size, 3000000);
	assert_false(b.no_strip);
	// What argv says alone is the same as before.
	b = built(yaml, "other --env A=2 --creds me:secret");
	expect_list(b.paths, "<other>");
	expect_list(b.env, "<A=2>");
	expect_list(b.tags, "");
	assert_string_equal(b.registry.creds, "me:secret");
	b = built(yaml, "other -f imgmin.yaml --creds me:secret");
	expect_list(b.paths, "<other>");
	expect_list(b.tags, "<first><second>");
	assert_string_equal(b.registry.creds, "me:secret");
}

static void one_sysroot_for_each_platform(void **state)
{
	(void)state;
	static const char yaml[] =
		"programs: x\nsysroot: [docker://debian, 'linux/arm/v7=pi', 'arm64=root/a']\n";
	struct build_args b = built(yaml, "--sysroot armhf=./other");

	expect_list(b.sysroots, "<docker://debian><arm64=root/a><armhf=./other>");
	b = built(yaml, "--sysroot arm64=docker://x --sysroot oci:all");
	expect_list(b.sysroots, "<linux/arm/v7=pi><arm64=docker://x><oci:all>");
	// What is wrong on the command line stays wrong: it is told where they are opened.
	b = built(yaml, "--sysroot arm/v7=a --sysroot arm/v7=b");
	expect_list(b.sysroots, "<docker://debian><arm64=root/a><arm/v7=a><arm/v7=b>");
	write_file("imgmin.yaml", yaml);
	struct err *e = parse("--sysroot nonsense=b", &b);

	assert_non_null(e);
	assert_int_equal(err_kind(e), ERR_USAGE);
	err_drop(&e);
}

static void paths_are_the_files(void **state)
{
	(void)state;
	assert_int_equal(mkdir("board", 0755), 0);
	write_file("board/imgmin.yaml",
		"programs: {linux/arm64: bin/x, arm/v7: [bin/y, /z]}\n"
		"sysroot: [oci:root, a=b/c, docker-daemon:x, 'linux/arm64=docker://x', =d]\n"
		"library-path: 'lib:/opt:=/in'\n"
		"trace: [t.log]\n"
		"output: [out.tar, 'oci:o:1', '-', 'docker-daemon:x', 'docker-archive:/a.tar']\n"
		"iidfile: iid\n");
	for (const char *const *line =
			(const char *const[]){"board", "board/", "-f board/imgmin.yaml", NULL};
		*line; line++) {
		struct build_args b;
		struct err *e = parse(*line, &b);

		if (e)
			fail_msg("%s: %s", *line, err_text(e));
		expect_list(b.paths, "<./board/bin/x><./board/bin/y></z>");
		expect_list(b.platforms, "<linux/arm64><arm/v7><arm/v7>");
		expect_list(b.sysroots,
			"<oci:./board/root><a=./board/b/c><docker-daemon:x>"
			"<linux/arm64=docker://x><=./board/d>");
		expect_list(b.library_path, "<./board/lib:/opt:=/in>");
		expect_list(b.trace, "<./board/t.log>");
		expect_list(b.outputs,
			"<./board/out.tar><oci:./board/o:1><-><docker-daemon:x>"
			"<docker-archive:/a.tar>");
		assert_string_equal(b.iidfile, "./board/iid");
	}
	struct build_args b;

	assert_null(parse("board --platform linux/arm/v7 -o x.tar", &b));
	expect_list(b.paths, "<./board/bin/y></z>");
	assert_true(strstr(joined(&b.outputs), "<x.tar>") != NULL);
}

static void wrong(const char *yaml, const char *want, const char *hint)
{
	struct build_args args;

	write_file("imgmin.yaml", yaml);
	struct err *e = parse("", &args);

	if (!e)
		fail_msg("no error: %s", want);
	assert_string_equal(err_text(e), want);
	assert_int_equal(err_kind(e), ERR_USAGE);
	if (hint)
		expect_contains(err_hint_text(e), hint);
	err_drop(&e);
}

static void errors_have_a_place(void **state)
{
	(void)state;
	static const struct {
		const char *yaml, *want, *hint;
	} cases[] = {
		{"\nsysrot: x", "imgmin.yaml:2:1: sysrot: no such key", "did you mean sysroot:?"},
		{"xyzzy: x", "imgmin.yaml:1:1: xyzzy: no such key", "imgmin build --help"},
		{"tags: x", "imgmin.yaml:1:1: tags: no such key", "did you mean tag:?"},
		{"a:\n  b: c", "imgmin.yaml:1:1: a: no such key", NULL},
		{"name: x\nname: y", "imgmin.yaml:2:1: name: stands in line 1 already", NULL},
		{"env:\n  ? a: b\n  ? c:\t? d",
			"imgmin.yaml:3:7: a tab where only spaces may indent", NULL},
		{"? name\xc3\xa9:\t\t- x\n", "imgmin.yaml:1:9: a tab where only spaces may indent",
			NULL},
		{"env:\n  A: 1\n  A: 2", "imgmin.yaml:3:3: A: stands in line 2 already", NULL},
		{"name: [a]", "imgmin.yaml:1:7: name: a list, where a text is meant", NULL},
		{"name:", "imgmin.yaml:1:1: name: nothing, where a text is meant", NULL},
		{"user: ~", "imgmin.yaml:1:7: user: nothing, where a text is meant", NULL},
		{"with: {a: b}", "imgmin.yaml:1:7: with: a map, where a list is meant", NULL},
		{"add: [a: b]", "imgmin.yaml:1:7: add: a map, where a text is meant", NULL},
		{"add: [/a:b]", "imgmin.yaml:1:7: add /a:b: b is not an absolute path", NULL},
		{"push: yes", "imgmin.yaml:1:7: push: yes, where true or false is meant", NULL},
		{"push: 'true'", "imgmin.yaml:1:7: push: true, where true or false is meant", NULL},
		{"push: [true]", "imgmin.yaml:1:7: push: a list, where true or false is meant",
			NULL},
		{"strip: some", "imgmin.yaml:1:8: strip: some: not one of sections, all", NULL},
		{"format: oic", "imgmin.yaml:1:9: format: oic: not one of oci, docker",
			"did you mean format: oci?"},
		{"max-size: big", "imgmin.yaml:1:11: max-size: big: not a size", "2MiB"},
		{"platform: vax",
			"imgmin.yaml:1:11: platform \"vax\": unknown architecture "
			"\"vax\"",
			NULL},
		{"name: 'A b'", NULL, NULL},
		{"env: ['=x']", "imgmin.yaml:1:7: env =x: not NAME=VALUE", NULL},
		{"env: {'A=B': x}", "imgmin.yaml:1:7: env: 'A=B' is no name", NULL},
		{"label: {A: }", NULL, NULL},
		{"programs: {}", "imgmin.yaml: it names no programs", "programs: build/sensor"},
		{"name: x", "imgmin.yaml: it names no programs", NULL},
		{"", "imgmin.yaml: it names no programs", NULL},
		{"programs: [[a, {b: c}]]",
			"imgmin.yaml:1:12: programs: a list, where a path is meant", NULL},
		{"programs: {arm64: a}\nplatform: arm64",
			"imgmin.yaml:2:1: platform: the programs name theirs already", NULL},
		{"trace: ''", "imgmin.yaml:1:8: trace: an empty text", NULL},
		{"creds: a:b", "imgmin.yaml:1:1: creds: not for a project file", "imgmin login"},
		{"authfile: x", "imgmin.yaml:1:1: authfile: not for a project file",
			"imgmin login"},
		{"tls-verify: false", "imgmin.yaml:1:1: tls-verify: not for a project file",
			"--tls-verify"},
		{"file: x", "imgmin.yaml:1:1: file: not for a project file", NULL},
		{"quiet: true", "imgmin.yaml:1:1: quiet: not for a project file", "--quiet"},
		{"help: true", "imgmin.yaml:1:1: help: not for a project file", NULL},
		{"- a", "imgmin.yaml:1:1: no map of keys and values", NULL},
		{"a: &x b", "imgmin.yaml:1:7: anchors (&name) are not read here", NULL},
		{"a: *x", "imgmin.yaml:1:5: aliases (*name) are not read here", NULL},
		{"a: !x y", NULL, NULL},
		{"a: ]", NULL, NULL},
		{"a: \"\\0\"", "imgmin.yaml:1:4: a text with bytes that are none", NULL},
		{"a: \xff", "imgmin.yaml: not UTF-8", NULL},
		{"a: b\nc: \x01", "imgmin.yaml:2: a control character, 0x01", NULL},
		{"? [a]\n: b", "imgmin.yaml:1:3: a key that is no text", NULL},
		{"name: x\n---\nname: y", "imgmin.yaml:2:1: a second document", NULL},
		{"a: [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",
			"imgmin.yaml:1:19: lists and maps more than 16 deep", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (cases[i].want) {
			wrong(cases[i].yaml, cases[i].want, cases[i].hint);
			continue;
		}
		// The words are the library's or another room's; the place counts.
		struct build_args args;

		write_file("imgmin.yaml", cases[i].yaml);
		drop(err_drop) struct err *e = parse("", &args);

		if (!e)
			fail_msg("no error: %s", cases[i].yaml);
		expect_contains(err_text(e), "imgmin.yaml:1:");
		assert_int_equal(err_kind(e), ERR_USAGE);
	}
}

static void no_file_no_path(void **state)
{
	struct build_args b;

	(void)state;
	if (unlink("imgmin.yaml")) {
	}
	drop(err_drop) struct err *e = parse("", &b);

	assert_string_equal(err_text(e), "build: an argument is missing");
	expect_contains(err_hint_text(e), "imgmin.yaml");
	drop(err_drop) struct err *f = parse("-f nowhere.yaml", &b);

	expect_contains(err_text(f), "nowhere.yaml: No such file");
	assert_int_equal(mkdir("both", 0755), 0);
	write_file("both/imgmin.yaml", "programs: x");
	drop(err_drop) struct err *g = parse("both other", &b);

	expect_contains(err_text(g), "both/imgmin.yaml: ");
	assert_int_equal(err_kind(g), ERR_USAGE);
	// A directory without one is a PATH like any other.
	assert_int_equal(mkdir("bundle", 0755), 0);
	assert_null(parse("bundle", &b));
	expect_list(b.paths, "<bundle>");
}

// A file of the greatest size, and one byte more.
static void bounded(void **state)
{
	(void)state;
	char *text = arena_alloc(&a, YAML_MAX + 2);

	memset(text, '#', YAML_MAX + 1);
	memcpy(text, "programs: x\n", 12);
	struct build_args b;

	write_file("imgmin.yaml", text);
	drop(err_drop) struct err *e = parse("", &b);

	expect_contains(err_text(e), "larger than 1048576 bytes");
	text[YAML_MAX] = '\0';
	write_file("imgmin.yaml", text);
	assert_null(parse("", &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form),
		cmocka_unit_test(options_win),
		cmocka_unit_test(one_sysroot_for_each_platform),
		cmocka_unit_test(paths_are_the_files),
		cmocka_unit_test(errors_have_a_place),
		cmocka_unit_test(no_file_no_path),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
