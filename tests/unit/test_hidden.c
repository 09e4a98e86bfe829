#include "fixture.h"

#include "ldd/hidden.h"
#include "ldd/hidden_impl.h"

static struct closure hidden_of(struct fixture *f, const char *program, struct suggestions *out)
{
	struct closure c = resolve(f, program);

	*out = (struct suggestions){0};
	assert_null(hidden_add(f->r, &c, out));
	return c;
}

static const struct suggestion *suggestion_called(const struct suggestions *list, const char *name)
{
	vec_each (it, list)
		if (!strcmp(it->name, name))
			return it;
	return NULL;
}

static void libgcc_comes_with_what_ends_threads(void **state)
{
	struct fixture *f = *state;
	struct suggestions s;
	struct closure c;

	shell(f,
		"echo 'void pthread_exit(void *); int main() { pthread_exit(0); }' >p.c;"
		"gcc -o p p.c; echo 'int main() { return 0; }' >q.c; gcc -o q q.c");
	fixture_open(f, "/");
	c = hidden_of(f, "p", &s);
	struct object *libgcc = object_called(&c, "libgcc_s.so.1");

	assert_non_null(libgcc);
	expect_contains(libgcc->hidden, "pthread_exit");
	expect_contains(libgcc->hidden, "/p imports");
	c = hidden_of(f, "q", &s);
	assert_null(object_called(&c, "libgcc_s.so.1"));
}

// A program with a note of this text; its libraries are libone and libtwo.
static void make_noted(struct fixture *f, const char *name, const char *json)
{
	shell(f,
		"echo 'int x;' >l.c; gcc -shared -fPIC -Wl,-soname,libone.so.1 -o libone.so.1 l.c;"
		"gcc -shared -fPIC -Wl,-soname,libtwo.so.1 -o libtwo.so.1 l.c;"
		"cat >note.s <<'E'\n.section .note.dlopen,\"a\",@note\n.balign 4\n"
		".long 4, 2f-1f, 0x407c0c0a\n.asciz \"FDO\"\n1: .asciz \"%s\"\n2: .balign 4\n"
		".section .note.GNU-stack,\"\",@progbits\nE\n"
		"echo 'int main() { return 0; }' >p.c; gcc -o %s p.c note.s -Wl,-rpath,'$ORIGIN'",
		json, name);
}

static void notes_bring_the_first_that_is_there(void **state)
{
	struct fixture *f = *state;
	struct suggestions s;
	struct closure c;

	make_noted(f, "p",
		"[{\\\"soname\\\":[\\\"libno.so.1\\\",\\\"libtwo.so.1\\\",\\\"libone.so.1\\\"],"
		"\\\"priority\\\":\\\"required\\\",\\\"feature\\\":\\\"twos\\\"},"
		"{\\\"soname\\\":[\\\"libno.so.2\\\"]}]");
	fixture_open(f, "/");
	c = hidden_of(f, "p", &s);
	expect_none(&c);
	assert_non_null(object_called(&c, "libtwo.so.1"));
	expect_contains(
		object_called(&c, "libtwo.so.1")->hidden, "for twos (.note.dlopen, required)");
	assert_ptr_equal(object_called(&c, "libtwo.so.1")->loader, c.objects.at[0]);
	assert_null(object_called(&c, "libone.so.1"));
	assert_int_equal(s.len, 1); // recommended, and not there
	assert_string_equal(s.at[0].name, "libno.so.2");
	assert_false(s.at[0].is_present);
}

static void suggested_notes_are_only_told(void **state)
{
	struct fixture *f = *state;
	struct suggestions s;
	struct closure c;

	make_noted(f, "p",
		"[{\\\"soname\\\":[\\\"libone.so.1\\\"],\\\"priority\\\":\\\"suggested\\\"}]");
	fixture_open(f, "/");
	c = hidden_of(f, "p", &s);
	assert_null(object_called(&c, "libone.so.1"));
	assert_int_equal(s.len, 1);
	assert_string_equal(s.at[0].name, "libone.so.1");
	assert_true(s.at[0].is_present);
}

static void what_is_required_and_missing_is_a_problem(void **state)
{
	struct fixture *f = *state;
	struct suggestions s;
	struct closure c;

	make_noted(f, "p",
		"[{\\\"soname\\\":[\\\"libno.so.1\\\",\\\"libno.so.0\\\"],"
		"\\\"priority\\\":\\\"required\\\",\\\"feature\\\":\\\"all\\\"}]");
	fixture_open(f, "/");
	c = hidden_of(f, "p", &s);
	assert_int_equal(c.problems.len, 1);
	assert_int_equal(c.problems.at[0].kind, PROBLEM_MISSING);
	expect_contains(c.problems.at[0].text, "libno.so.1 or libno.so.0 not found");
	assert_true(closure_is_broken(&c));
}

static void bad_notes_are_a_warning(void **state)
{
	static const char *const bad[] = {"no JSON", "{}", "[1]", "[{}]", "[{\\\"soname\\\":[]}]",
		"[{\\\"soname\\\":\\\"libone.so.1\\\"}]", "[{\\\"soname\\\":[\\\"a b\\\"]}]", "[",
		"[{\\\"soname\\\":[\\\"libone.so.1\\\"],\\\"priority\\\":\\\"urgent\\\"}]"};
	struct fixture *f = *state;
	enum { N = sizeof(bad) / sizeof(*bad) };

	for (size_t i = 0; i < N; i++) {
		char name[8];

		snprintf(name, sizeof(name), "p%zu", i);
		make_noted(f, name, bad[i]);
	}
	fixture_open(f, "/");
	for (size_t i = 0; i < N; i++) {
		struct suggestions s;
		char name[8];

		snprintf(name, sizeof(name), "p%zu", i);
		struct closure c = hidden_of(f, name, &s);

		expect_none(&c);
		assert_int_equal(c.notes.len, 1);
		expect_contains(c.notes.at[0], ".note.dlopen: ");
		assert_null(object_called(&c, "libone.so.1"));
	}
}

static void names_in_text_are_suggested_where_dlopen_is_called(void **state)
{
	struct fixture *f = *state;
	struct suggestions s;
	struct closure c;

	shell(f,
		"echo 'int x;' >l.c; gcc -shared -fPIC -o libone.so.1 l.c;"
		"echo 'const char *n[] = { \"libone.so.1\", \"libno.so.7\", \"libc.so.6\" };"
		"int main() { return CALL(n[0], 1) != n; }' >p.c;"
		"gcc -w -DCALL=dlopen -o p p.c -Wl,-rpath,'$ORIGIN';"
		"gcc -w -DCALL=rename -o q p.c -Wl,-rpath,'$ORIGIN'");
	fixture_open(f, "/");
	c = hidden_of(f, "p", &s);
	assert_null(object_called(&c, "libone.so.1"));
	assert_non_null(suggestion_called(&s, "libone.so.1"));
	assert_true(suggestion_called(&s, "libone.so.1")->is_present);
	assert_non_null(suggestion_called(&s, "libno.so.7"));
	assert_false(suggestion_called(&s, "libno.so.7")->is_present);
	assert_null(suggestion_called(&s, "libc.so.6"));
	c = hidden_of(f, "q", &s);
	assert_int_equal(s.len, 0);
}

// A sysroot with this machine's libc, the services fake, files and dns, and a program that asks
// for users.
static void make_nss(struct fixture *f, const char *conf)
{
	shell(f,
		"mkdir -p root/lib root/lib64 root/etc root/usr/bin;"
		"I=$(readelf -l /bin/sh | sed -n 's/.*interpreter: \\(.*\\)]/\\1/p');"
		"mkdir -p root/$(dirname $I); cp -L $I root/$I;"
		"for l in $(gcc -print-file-name=libc.so.6); do cp -L $l root/lib; done;"
		"cp root/lib/libc.so.6 root/lib64; echo 'int x;' >l.c;"
		"for s in fake files dns; do "
		"gcc -shared -fPIC -Wl,-soname,libnss_$s.so.2 -o root/lib/libnss_$s.so.2 l.c;"
		"cp root/lib/libnss_$s.so.2 root/lib64; done;"
		"echo 'int main() { return getpwnam(\"a\") == 0; }' >p.c; gcc -w -o root/usr/bin/p p.c;"
		"echo 'int main() { return getaddrinfo(); }' >q.c; gcc -w -o root/usr/bin/q q.c");
	if (conf)
		shell(f, "printf '%s' >root/etc/nsswitch.conf", conf);
}

static void services_come_from_nsswitch(void **state)
{
	struct fixture *f = *state;
	struct suggestions s;
	struct closure c;

	make_nss(f, "# a comment\\npasswd:\tfiles fake absent # more\\nhosts: files dns\\n");
	fixture_open(f, "root");
	c = hidden_of(f, "/usr/bin/p", &s);
	expect_none(&c);
	struct object *fake = object_called(&c, "libnss_fake.so.2");

	assert_non_null(fake);
	expect_contains(fake->hidden, "getpwnam");
	expect_contains(fake->hidden, "passwd");
	assert_null(object_called(&c, "libnss_absent.so.2"));
	assert_null(object_called(&c, "libnss_files.so.2")); // part of libc since 2.34
	c = hidden_of(f, "/usr/bin/q", &s);
	assert_null(object_called(&c, "libnss_fake.so.2"));
	assert_null(object_called(&c, "libnss_dns.so.2"));
}

static void an_old_glibc_needs_its_own_services(void **state)
{
	static const char *defines[] = {"GLIBC_2.2.5", "GLIBC_2.31"};
	struct fixture *f = *state;
	struct suggestions s = {0};
	struct closure c;

	make_nss(f, NULL);
	fixture_open(f, "root");
	c = resolve(f, "/usr/bin/p");
	elf_of(object_called(&c, "libc.so.6"))->defines = (struct strings){defines, 2, 2};
	assert_null(hidden_add(f->r, &c, &s));
	assert_non_null(object_called(&c, "libnss_files.so.2"));
	assert_null(object_called(&c, "libnss_dns.so.2"));
	c = hidden_of(f, "/usr/bin/q", &s);
	assert_non_null(object_called(&c, "libnss_files.so.2"));
	assert_non_null(object_called(&c, "libnss_dns.so.2"));
}

static void musl_opens_nothing(void **state)
{
	struct fixture *f = *state;
	struct suggestions s;
	struct closure c;
	size_t before;

	if (access("/usr/bin/musl-gcc", X_OK) != 0)
		skip();
	shell(f,
		"echo 'int main() { getpwnam(\"a\"); getaddrinfo(); pthread_exit(0); }' >p.c;"
		"musl-gcc -w -o p p.c");
	fixture_open(f, "/");
	before = resolve(f, "p").objects.len;
	c = hidden_of(f, "p", &s);
	assert_int_equal(c.libc, LIBC_MUSL);
	assert_int_equal(c.objects.len, before);
}

static void nsswitch_conf_is_read_as_glibc_does(void **state)
{
	static const char text[] =
		"hosts: files mdns4_minimal [NOTFOUND=return] dns[!UNAVAIL=return]x\n"
		"  group :db\tcompat\r\n#passwd: no\nbroken line\n: none\n"
		"shadow:\npasswd: ../../evil /abs a.b ok\npasswd: last\nnetgroup: [x";
	struct arena a = {0};
	struct map conf = {0};
	const struct strings *hosts, *group, *passwd;

	(void)state;
	nss_parse(&a, (struct span){(const uint8_t *)text, sizeof(text) - 1}, &conf);
	hosts = map_get(&conf, "hosts");
	assert_int_equal(hosts->len, 4);
	assert_string_equal(hosts->at[1], "mdns4_minimal");
	assert_string_equal(hosts->at[2], "dns");
	assert_string_equal(hosts->at[3], "x");
	group = map_get(&conf, "group");
	assert_int_equal(group->len, 2);
	assert_string_equal(group->at[1], "compat");
	passwd = map_get(&conf, "passwd");
	assert_int_equal(passwd->len, 1);
	assert_string_equal(passwd->at[0], "last");
	assert_int_equal(((const struct strings *)map_get(&conf, "shadow"))->len, 0);
	assert_null(map_get(&conf, "broken line"));
	arena_drop(&a);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(libgcc_comes_with_what_ends_threads),
		TEST(notes_bring_the_first_that_is_there),
		TEST(suggested_notes_are_only_told),
		TEST(what_is_required_and_missing_is_a_problem),
		TEST(bad_notes_are_a_warning),
		TEST(names_in_text_are_suggested_where_dlopen_is_called),
		TEST(services_come_from_nsswitch),
		TEST(an_old_glibc_needs_its_own_services),
		TEST(musl_opens_nothing),
		cmocka_unit_test(nsswitch_conf_is_read_as_glibc_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
