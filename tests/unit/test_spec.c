// Options of `imgmin build` → what to build.
#include "fixture.h"

#include "builder/spec.h"

static struct arena a;

static int teardown(void **state)
{
	(void)state;
	arena_drop(&a);
	unsetenv("SOURCE_DATE_EPOCH");
	return 0;
}

static struct strings list(const char *first, const char *second)
{
	struct strings s = {0};

	vec_push(&a, &s, first);
	if (second)
		vec_push(&a, &s, second);
	return s;
}

static struct build_args args(void)
{
	return (struct build_args){.paths = list("out/sensor", NULL),
		.layers = "stable",
		.compression = "gzip",
		.compression_level = "auto"};
}

static struct spec spec(const struct build_args *args)
{
	struct spec s;
	struct err *e = spec_from_args(args, &a, &s);

	if (e)
		fail_msg("%s", err_text(e));
	return s;
}

static void wrong(struct build_args args, const char *part)
{
	struct spec s;
	struct err *e = spec_from_args(&args, &a, &s);

	if (!e)
		fail_msg("no error about %s", part);
	expect_contains(err_text(e), part);
	assert_int_equal(err_kind(e), ERR_USAGE);
	err_drop(&e);
}

static void words(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", ""},
		{"  \t\n ", ""},
		{"one two", "<one><two>"},
		{" one\ttwo\nthree\rfour\vfive\fsix ", "<one><two><three><four><five><six>"},
		{"'a b' \"c d\"e", "<a b><c de>"},
		{"'' \"\"", "<><>"},
		{"a\\ b \\'c", "<a b><'c>"},
		{"'a\\b' \"a\\b\\\"\\\\\\$\"", "<a\\b><a\\b\"\\$>"},
		{"$HOME *", "<$HOME><*>"},
		{"[\"a\",\"b c\",\"\"]", "<a><b c><>"},
		{" [] ", ""},
		{"\xc3\xa4 b", "<\xc3\xa4><b>"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct strings out;
		const char *got = "";

		assert_null(words_parse(cases[i].text, &a, &out, "--cmd"));
		for (size_t k = 0; k < out.len; k++)
			got = arena_printf(&a, "%s<%s>", got, out.at[k]);
		assert_string_equal(got, cases[i].want);
	}
}

static void wrong_words(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"'a", "a \"b", "a\\", "[\"a\"", "[1]", "[\"a\\u0000\"]", "[\"a\"] b"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct strings out;
		struct err *e = words_parse(cases[i], &a, &out, "--cmd");

		if (!e)
			fail_msg("%s is taken", cases[i]);
		assert_int_equal(err_kind(e), ERR_USAGE);
		expect_contains(err_text(e), "--cmd");
		err_drop(&e);
	}
}

static void expect_name(const char *path, const char *name, bool is_renamed)
{
	struct build_args o = args();

	o.paths = list(path, NULL);
	struct spec s = spec(&o);

	assert_string_equal(s.name, name);
	assert_int_equal(s.is_renamed, is_renamed);
	assert_string_equal(s.outputs.at[0], arena_printf(&a, "./%s.tar", name));
}

static void names(void **state)
{
	(void)state;
	expect_name("out/sensor", "sensor", false);
	expect_name("sensor", "sensor", false);
	expect_name("/x/Sensor", "sensor", true);
	expect_name("/x/A+b C_d.e", "a-b-c_d.e", true);
	expect_name("/x/__x__", "x", true);
	expect_name("/x/[", "image", true);
	expect_name("/x/\xc3\xa4x", "x", true);
	struct build_args o = args();

	o.tags = list("user/App:1.2", NULL);
	wrong(o, "App");
	o.tags = list("user/app:1.2", "host:5000/x/y");
	struct spec s = spec(&o);

	assert_string_equal(s.name, "app");
	assert_string_equal(s.tags.at[0], "docker.io/user/app:1.2");
	assert_string_equal(s.tags_shown.at[0], "user/app:1.2");
	assert_string_equal(s.tags.at[1], "host:5000/x/y:latest");
	o.tags = list("x@sha256:"
		      "0123456789012345678901234567890123456789012345678901234567890123",
		NULL);
	wrong(o, "digest");
}

static void environment(void **state)
{
	(void)state;
	struct build_args o = args();
	struct spec s = spec(&o);

	assert_int_equal(s.container.config.env.len, 1);
	expect_contains(s.container.config.env.at[0], "PATH=/usr/local/sbin:");
	assert_null(s.container.library_path);
	o.env = list("A=1", "A=2=3");
	s = spec(&o);
	assert_int_equal(s.container.config.env.len, 2);
	assert_string_equal(s.container.config.env.at[1], "A=2=3");
	o.env = list("PATH=/bin", "LD_LIBRARY_PATH=/a:/b");
	s = spec(&o);
	assert_int_equal(s.container.config.env.len, 2);
	assert_string_equal(s.container.config.env.at[0], "PATH=/bin");
	assert_string_equal(s.container.library_path, "/a:/b");
	setenv("IMGMIN_TEST", "here", 1);
	o.env = list("IMGMIN_TEST", "EMPTY=");
	s = spec(&o);
	assert_string_equal(s.container.config.env.at[1], "IMGMIN_TEST=here");
	assert_string_equal(s.container.config.env.at[2], "EMPTY=");
	unsetenv("IMGMIN_TEST");
	wrong(o, "not set here");
	o.env = list("=x", NULL);
	wrong(o, "--env =x");
	o.env = list("", NULL);
	wrong(o, "--env");
	o.env = list("A=\xff", NULL);
	wrong(o, "not UTF-8");
}

static void config(void **state)
{
	(void)state;
	struct build_args o = args();

	o.labels = list("a=b", "c=");
	o.annotations = list("x.y=z", NULL);
	o.expose = list("80", "53/udp");
	o.volumes = list("/data", NULL);
	o.user = "1000:1000";
	o.workdir = "/srv";
	o.stop_signal = "SIGINT";
	o.entrypoint = "/bin/x -v";
	struct spec s = spec(&o);

	assert_string_equal(dict_get(&s.container.config.labels, "a"), "b");
	assert_string_equal(dict_get(&s.container.config.labels, "c"), "");
	assert_string_equal(dict_get(&s.annotations, "x.y"), "z");
	assert_string_equal(s.container.config.exposed_ports.at[0], "80/tcp");
	assert_string_equal(s.container.config.exposed_ports.at[1], "53/udp");
	assert_string_equal(s.container.config.volumes.at[0], "/data");
	assert_string_equal(s.container.config.user, "1000:1000");
	assert_string_equal(s.container.config.working_dir, "/srv");
	assert_int_equal(s.container.config.entrypoint.len, 2);
	static const char *const ports[] = {"", "0", "65536", "x", "80/xyz", " 80", "+80", "80 "};

	for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
		struct build_args p = args();

		p.expose = list(ports[i], NULL);
		wrong(p, "--expose");
	}
	o.workdir = "srv";
	wrong(o, "--workdir srv");
	o = args();
	o.labels = list("novalue", NULL);
	wrong(o, "--label novalue");
	o = args();
	o.volumes = list("data", NULL);
	wrong(o, "--volume data");
	o = args();
	o.user = "\xfe";
	wrong(o, "--user");
}

static void signals(void **state)
{
	static const char *const good[] = {"SIGTERM", "term", "SigInt", "1", "64", "RTMIN",
		"SIGRTMIN+1", "SIGRTMIN+15", "rtmax-14", "SIGCLD", "WINCH"};
	static const char *const bad[] = {"", "FOO", "SIG", "SIGSIGTERM", "0", "65", "-1", "+1",
		" 9", "9 ", "9x", "RTMIN+", "RTMIN+0", "RTMIN+16", "RTMAX-15", "RTMAX+1",
		"99999999999999999999"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct build_args o = args();

		o.stop_signal = good[i];
		assert_string_equal(spec(&o).container.config.stop_signal, good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct build_args o = args();

		o.stop_signal = bad[i];
		wrong(o, "--stop-signal");
	}
}

static void users(void **state)
{
	static const char *const good[] = {"0", "2147483647", "65534:65534", "nobody", "nobody:0",
		"www-data:www-data", "user@domain", "1a", "m\xc3\xbcller"};
	static const char *const bad[] = {"", ":", ":1", "1:", "1:2:3", "a b", "a\n", "-1", "+1",
		"2147483648", "1:2147483648", "99999999999999999999", " 1", "1 ", "a:b c"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct build_args o = args();

		o.user = good[i];
		assert_string_equal(spec(&o).container.config.user, good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct build_args o = args();

		o.user = bad[i];
		wrong(o, "--user");
	}
}

static void added(void **state)
{
	(void)state;
	struct build_args o = args();

	o.add = list("a b:/x/", "c:/y:0640");
	struct spec s = spec(&o);

	assert_string_equal(s.adds.at[0].source, "a b");
	assert_string_equal(s.adds.at[0].path, "/x/");
	assert_int_equal(s.adds.at[0].mode, 0);
	assert_int_equal(s.adds.at[1].mode, 0640);
	static const char *const cases[] = {"", "a", "a:", ":/x", "a:b", "a:/x:", "a:/x:9",
		"a:/x:10000", "a:/x:0", "a:/x:644x"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		o.add = list(cases[i], NULL);
		wrong(o, "--add");
	}
	o = args();
	o.exclude = list("*.a", NULL);
	wrong(o, "--exclude *.a");
	o = args();
	o.include = list("usr", NULL);
	wrong(o, "--include usr");
}

static void places(void **state)
{
	(void)state;
	static const char *const wrong_places[] = {
		"sensor", "oci:", "oci::tag", "oci-archive:", ""};
	struct build_args o = args();

	o.outputs = list("oci:d:tag", "-");
	assert_int_equal(spec(&o).outputs.len, 2);
	o.outputs = list("docker://x/y", "docker-daemon:x");
	assert_int_equal(spec(&o).outputs.len, 2);
	o = args();
	assert_int_equal(spec(&o).outputs.len, 1);
	o.load = true;
	assert_int_equal(spec(&o).outputs.len, 0);
	o.push = true;
	wrong(o, "--push");
	o.tags = list("user/sensor", NULL);
	assert_int_equal(spec(&o).outputs.len, 0);
	o = args();
	for (size_t i = 0; i < sizeof(wrong_places) / sizeof(*wrong_places); i++) {
		o.outputs = list(wrong_places[i], NULL);
		wrong(o, wrong_places[i]);
	}
	o.outputs = list("docker://X", NULL);
	wrong(o, "image name 'X'");
	o = args();
	o.install = "opt/x";
	wrong(o, "--install opt/x");
	o.paths = list("a", "b");
	o.install = "/opt/x";
	wrong(o, "several programs");
	o.install = "/opt/";
	spec(&o);
}

static void layers(void **state)
{
	(void)state;
	struct build_args o = args();

	assert_int_equal(spec(&o).level, COMPRESS_AUTO);
	assert_int_equal(spec(&o).epoch, 0);
	setenv("SOURCE_DATE_EPOCH", "77", 1);
	assert_int_equal(spec(&o).epoch, 77);
	o.source_date_epoch = "5";
	assert_int_equal(spec(&o).epoch, 5);
	o.source_date_epoch = "253402300800";
	wrong(o, "--source-date-epoch");
	o.source_date_epoch = "-1";
	wrong(o, "--source-date-epoch");
	o.source_date_epoch = NULL;
	setenv("SOURCE_DATE_EPOCH", "x", 1);
	wrong(o, "SOURCE_DATE_EPOCH");
	setenv("SOURCE_DATE_EPOCH", "", 1);
	o.compression_level = "12";
	assert_int_equal(spec(&o).level, 12);
	o.compression_level = "13";
	wrong(o, "levels 1 to 12");
	o.compression = "zstd";
	o.layers = "file";
	assert_int_equal(spec(&o).level, 13);
	assert_int_equal(spec(&o).layering, LAYERS_FILE);
	o.compression_level = "much";
	wrong(o, "--compression-level");
	o = args();
	o.platform = "linux/armhf";
	assert_string_equal(spec(&o).platform.variant, "v7");
	o.platform = "bogus/what";
	wrong(o, "bogus");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(wrong_words),
		cmocka_unit_test(names),
		cmocka_unit_test(environment),
		cmocka_unit_test(config),
		cmocka_unit_test(signals),
		cmocka_unit_test(users),
		cmocka_unit_test(added),
		cmocka_unit_test(places),
		cmocka_unit_test(layers),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
