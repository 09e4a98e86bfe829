#include "registry/creds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[64];
static struct arena arena;

static void put(const char *name, const char *text, mode_t mode)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(name, mode), 0);
}

static char *get(const char *name)
{
	static char text[8192];
	FILE *f = fopen(name, "r");

	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static int enter(void **state)
{
	static const char *const unset[] = {"REGISTRY_AUTH_FILE", "DOCKER_AUTH_CONFIG",
		"XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DOCKER_CONFIG"};

	(void)state;
	strcpy(dir, "/tmp/test_creds.XXXXXX");
	if (!mkdtemp(dir) || chdir(dir) || mkdir(".docker", 0700) || mkdir("bin", 0700) ||
		mkdir("run", 0700) || mkdir("run/containers", 0700))
		return 1;
	for (size_t i = 0; i < sizeof(unset) / sizeof(*unset); i++)
		unsetenv(unset[i]);
	setenv("HOME", dir, 1);
	setenv("PATH", arena_printf(&arena, "%s/bin:/usr/bin:/bin", dir), 1);
	return 0;
}

static int leave(void **state)
{
	drop(mem_drop) char *cmd = str_printf("rm -rf '%s'", dir);

	(void)state;
	arena_drop(&arena);
	return chdir("/") || system(cmd);
}

static struct creds find(const char *host, const char *repository)
{
	struct creds c;

	assert_null(creds_find(host, repository, NULL, NULL, &arena, &c));
	return c;
}

static void helper(const char *name, const char *script)
{
	put(arena_printf(&arena, "bin/docker-credential-%s", name),
		arena_printf(&arena, "#!/bin/sh\n%s\n", script), 0755);
}

static void nobody(void **state)
{
	const struct creds c = find("reg.example", "a/b");

	(void)state;
	assert_null(c.username);
	assert_null(c.problem);
}

static void option(void **state)
{
	struct creds c;
	struct err *e;

	(void)state;
	assert_null(creds_find("h", "r", "bob:a:b", NULL, &arena, &c));
	assert_string_equal(c.username, "bob");
	assert_string_equal(c.password, "a:b");
	e = creds_find("h", "r", "secretword", NULL, &arena, &c);
	assert_int_equal(err_kind(e), ERR_USAGE);
	assert_null(strstr(err_text(e), "secretword"));
	err_drop(&e);
}

static void from_pipe(void **state)
{
	static const char text[] = "{\"auths\":{\"h\":{\"auth\":\"Ym9iOnA6cQ==\"}}}";
	struct creds c;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, strlen(text)), strlen(text));
	close(ends[1]);
	assert_null(creds_find(
		"h", "r", NULL, arena_printf(&arena, "/dev/fd/%d", ends[0]), &arena, &c));
	assert_non_null(c.username);
	assert_string_equal(c.username, "bob");
	close(ends[0]);
}

static void config(void **state)
{
	(void)state;
	put(".docker/config.json",
		"{\"auths\":{"
		"\"https://index.docker.io/v1/\":{\"auth\":\"aHViOmEg\"},"
		"\"reg.example\":{\"auth\":\"Ym9iOnA6cQ==\"},"
		"\"https://old.example/v2/\":{\"username\":\"u\",\"password\":\"p\"},"
		"\"nul.example\":{\"auth\":\"Ym9iOnAAAA==\"},"
		"\"broken.example\":{\"auth\":\"???\"},"
		"\"empty.example\":{},"
		"\"id.example\":{\"auth\":\"PHRva2VuPjo=\",\"identitytoken\":\"ident\"},"
		"\"tok.example\":{\"registrytoken\":\"tok\"}}}",
		0600);
	assert_string_equal(find("docker.io", "library/x").username, "hub");
	assert_string_equal(find("docker.io", "library/x").password, "a ");
	assert_string_equal(find("reg.example", "x").password, "p:q");
	assert_string_equal(find("old.example", "x").username, "u");
	assert_string_equal(find("nul.example", "x").password, "p");
	assert_null(find("broken.example", "x").username);
	assert_non_null(find("broken.example", "x").problem);
	assert_null(find("empty.example", "x").username);
	assert_string_equal(find("id.example", "x").identity_token, "ident");
	assert_string_equal(find("tok.example", "x").registry_token, "tok");
	assert_null(find("reg.example:5000", "x").username);
	assert_null(find("example", "x").username);
}

static void most_specific(void **state)
{
	setenv("XDG_RUNTIME_DIR", arena_printf(&arena, "%s/run", dir), 1);
	(void)state;
	put("run/containers/auth.json",
		"{\"auths\":{\"h\":{\"auth\":\"YTox\"},\"h/team\":{\"auth\":\"Yjox\"},"
		"\"h/team/app\":{\"auth\":\"Yzox\"}}}",
		0600);
	assert_string_equal(find("h", "x").username, "a");
	assert_string_equal(find("h", "team/x").username, "b");
	assert_string_equal(find("h", "team/app").username, "c");
	assert_string_equal(find("h", "teamwork/app").username, "a");
}

static void order(void **state)
{
	struct creds c;

	(void)state;
	put(".docker/config.json", "{\"auths\":{\"h\":{\"auth\":\"ZDox\"}}}", 0600);
	assert_string_equal(find("h", "x").username, "d");
	setenv("XDG_RUNTIME_DIR", arena_printf(&arena, "%s/run", dir), 1);
	put("run/containers/auth.json", "{\"auths\":{\"h\":{\"auth\":\"eDox\"}}}", 0600);
	assert_string_equal(find("h", "x").username, "x");
	setenv("DOCKER_AUTH_CONFIG", "{\"auths\":{\"h\":{\"auth\":\"ZTox\"}}}", 1);
	assert_string_equal(find("h", "x").username, "e");
	put("named", "{\"auths\":{\"h\":{\"auth\":\"bjox\"}}}", 0600);
	assert_null(creds_find("h", "x", NULL, "named", &arena, &c));
	assert_string_equal(c.username, "n");
	struct err *e = creds_find("h", "x", NULL, "missing", &arena, &c);

	assert_non_null(e);
	err_drop(&e);
}

static void helpers(void **state)
{
	(void)state;
	put(".docker/config.json",
		"{\"credsStore\":\"all\",\"credHelpers\":{\"one.example\":\"one\","
		"\"gone.example\":\"gone\",\"evil.example\":\"../x\",\"fails.example\":\"fails\"},"
		"\"auths\":{\"gone.example\":{\"auth\":\"Zjox\"}}}",
		0600);
	helper("one",
		"read h; [ \"$1 $h\" = 'get one.example' ] || exit 3\n"
		"echo '{\"ServerURL\":\"x\",\"Username\":\"u1\",\"Secret\":\"s1\"}'");
	helper("all",
		"read h; case $h in id.example) "
		"echo '{\"Username\":\"<token>\",\"Secret\":\"ident\"}';; "
		"https://index.docker.io/v1/) echo '{\"Username\":\"hub\",\"Secret\":\"s\"}';; "
		"*) echo 'credentials not found in native keychain'; exit 1;; esac");
	helper("fails", "echo secretword; exit 7");
	assert_string_equal(find("one.example", "x").password, "s1");
	assert_string_equal(find("one.example", "x").source, "docker-credential-one");
	assert_string_equal(find("id.example", "x").identity_token, "ident");
	assert_null(find("id.example", "x").username);
	assert_string_equal(find("docker.io", "x").username, "hub");
	assert_null(find("other.example", "x").username);
	assert_null(find("other.example", "x").problem);
	assert_string_equal(find("gone.example", "x").username, "f");
	assert_non_null(strstr(find("gone.example", "x").problem, "docker-credential-gone"));
	assert_non_null(find("evil.example", "x").problem);
	assert_non_null(strstr(find("fails.example", "x").problem, "status 7"));
	assert_null(strstr(find("fails.example", "x").problem, "secretword"));
}

static void floods(void **state)
{
	(void)state;
	put(".docker/config.json", "{\"credsStore\":\"flood\"}", 0600);
	helper("flood", "exec cat /dev/zero");
	const struct creds c = find("h", "x");

	assert_null(c.username);
	assert_non_null(c.problem);
}

static void hangs(void **state)
{
	char pid[16];

	(void)state;
	put(".docker/config.json", "{\"credsStore\":\"hang\"}", 0600);
	helper("hang", "sleep 1000 & echo $! >child; wait");
	const struct creds c = find("h", "x");

	assert_null(c.username);
	assert_non_null(strstr(c.problem, "no answer"));
	// What it started ended with it.
	snprintf(pid, sizeof(pid), "%s", get("child"));
	pid[strcspn(pid, "\n")] = '\0';
	for (int i = 0; i < 100; i++) {
		drop(mem_drop) char *stat_path = str_printf("/proc/%s/stat", pid);

		if (access(stat_path, F_OK) || strstr(get(stat_path), ") Z"))
			return;
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	}
	fail_msg("the helper's child still runs");
}

static void stored(void **state)
{
	const char *where, *left;
	struct stat st;

	(void)state;
	put(".docker/config.json",
		"{\"psFormat\":\"x\",\"auths\":{\"other\":{\"auth\":\"bzox\"},"
		"\"https://h/v1/\":{\"auth\":\"b2xkOjE=\"}},\"aliases\":{\"b\":\"c\"}}",
		0644);
	assert_null(creds_store("h", "bob", "p:q", NULL, &arena, &where));
	assert_non_null(strstr(where, ".docker/config.json"));
	assert_int_equal(stat(".docker/config.json", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_string_equal(find("h", "x").password, "p:q");
	assert_string_equal(find("other", "x").username, "o");
	assert_non_null(strstr(get(".docker/config.json"), "psFormat"));
	assert_non_null(strstr(get(".docker/config.json"), "aliases"));
	assert_null(strstr(get(".docker/config.json"), "https://h/v1/"));
	assert_null(creds_store("docker.io", "hub", "s", NULL, &arena, &where));
	assert_non_null(strstr(get(".docker/config.json"), "https://index.docker.io/v1/"));
	assert_string_equal(find("docker.io", "x").username, "hub");
	assert_null(creds_erase("h", NULL, &arena, &where, &left));
	assert_non_null(where);
	assert_null(left);
	assert_null(find("h", "x").username);
	assert_string_equal(find("other", "x").username, "o");
	assert_null(creds_erase("h", NULL, &arena, &where, &left));
	assert_null(where);
	setenv("DOCKER_AUTH_CONFIG", "{\"auths\":{\"h\":{\"auth\":\"ZTox\"}}}", 1);
	assert_null(creds_erase("h", NULL, &arena, &where, &left));
	assert_string_equal(left, "DOCKER_AUTH_CONFIG");
	assert_null(creds_erase("other", NULL, &arena, &where, &left));
	assert_null(left);
}

static void stored_where_it_is_read(void **state)
{
	const char *where;

	(void)state;
	setenv("XDG_RUNTIME_DIR", arena_printf(&arena, "%s/run", dir), 1);
	put("run/containers/auth.json", "{\"auths\":{\"h\":{\"auth\":\"eDox\"}}}", 0600);
	assert_null(creds_store("h", "bob", "1", NULL, &arena, &where));
	assert_non_null(strstr(where, "run/containers/auth.json"));
	assert_string_equal(find("h", "x").username, "bob");
	assert_null(creds_store("new", "ann", "1", NULL, &arena, &where));
	assert_non_null(strstr(where, ".docker/config.json"));
	assert_string_equal(find("new", "x").username, "ann");
	assert_null(creds_store("h", "cid", "1", "sub/auth.json", &arena, &where));
	assert_string_equal(where, "sub/auth.json");
	setenv("DOCKER_AUTH_CONFIG", "{\"auths\":{\"e\":{\"auth\":\"ZTox\"}}}", 1);
	struct err *e = creds_store("e", "x", "secretword", NULL, &arena, &where);

	assert_non_null(e);
	assert_null(strstr(err_text(e), "secretword"));
	err_drop(&e);
}

static void stored_in_helper(void **state)
{
	const char *where, *left;

	(void)state;
	put(".docker/config.json", "{\"credHelpers\":{\"h\":\"keep\"}}", 0600);
	helper("keep", "cat >\"kept.$1\"");
	assert_null(creds_store("h", "bob", "p\"q", NULL, &arena, &where));
	assert_string_equal(where, "docker-credential-keep");
	assert_string_equal(get("kept.store"),
		"{\"ServerURL\":\"h\",\"Username\":\"bob\",\"Secret\":\"p\\\"q\"}");
	assert_null(strstr(get(".docker/config.json"), "bob"));
	assert_null(creds_erase("h", NULL, &arena, &where, &left));
	assert_string_equal(get("kept.erase"), "h");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nobody),
		TEST(option),
		TEST(from_pipe),
		TEST(config),
		TEST(most_specific),
		TEST(order),
		TEST(helpers),
		TEST(floods),
		TEST(hangs),
		TEST(stored),
		TEST(stored_where_it_is_read),
		TEST(stored_in_helper),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
