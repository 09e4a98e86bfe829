// ld.so.cache and ld.so.conf: what we read is what ldconfig wrote, what we write ld.so reads.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ldd/ldconf.h"

static struct arena arena;
static char top[64];

static void run(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	drop(mem_drop) char *command = str_vprintf(fmt, ap);
	va_end(ap);
	if (system(command) != 0)
		fail_msg("%s", command);
}

static char *output_of(const char *fmt, ...)
{
	char *out = arena_alloc(&arena, 1 << 16);
	va_list ap;

	va_start(ap, fmt);
	drop(mem_drop) char *command = str_vprintf(fmt, ap);
	va_end(ap);
	FILE *p = popen(command, "r");

	assert_non_null(p);
	assert_true(fread(out, 1, (1 << 16) - 1, p) < (1 << 16) - 1);
	assert_int_equal(pclose(p), 0);
	return out;
}

static void put(const char *name, const void *bytes, size_t n)
{
	drop(mem_drop) char *path = str_printf("%s/%s", top, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

static void put_text(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

static int begin(void **state)
{
	(void)state;
	strcpy(top, "/tmp/test_ldconf.XXXXXX");
	assert_non_null(mkdtemp(top));
	run("mkdir -p %s/etc/ld.so.conf.d", top);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_drop(&arena);
	run("rm -rf %s", top);
	return 0;
}

static void expect_dirs(const char *const *expected)
{
	drop(root_drop) struct root *root = NULL; // a new one: they remember what they have seen
	struct strings dirs;
	size_t n = 0;

	assert_null(root_open_dir(top, &root));
	assert_null(ldconf_read(root, &arena, &dirs));
	for (; expected[n]; n++) {
		assert_true(n < dirs.len);
		assert_string_equal(dirs.at[n], expected[n]);
	}
	assert_int_equal(dirs.len, n);
}

static void test_conf_lines(void **state)
{
	(void)state;
	expect_dirs((const char *[]){NULL});
	put_text("etc/ld.so.conf",
		"# a comment\n\n  /opt/a/ \t# behind\n/opt/b=libc6\nrelative\n"
		"hwcap 1 nosegneg\n/opt/a\n/\n/opt/c//\r\n/opt/last");
	expect_dirs((const char *[]){"/opt/a", "/opt/b", "/", "/opt/c", "/opt/last", NULL});
}

// Relative to the including file, in byte order, hidden files left out, every file once.
static void test_conf_include(void **state)
{
	(void)state;
	put_text("etc/ld.so.conf", "/first\ninclude ld.so.conf.d/*.conf\n/last\n");
	put_text("etc/ld.so.conf.d/b.conf", "/b\n");
	put_text("etc/ld.so.conf.d/a.conf", "/a\ninclude other/?.list /etc/missing/*\n");
	put_text("etc/ld.so.conf.d/Z.conf", "/Z\ninclude ../ld.so.conf\n");
	put_text("etc/ld.so.conf.d/.hidden.conf", "/hidden\n");
	put_text("etc/ld.so.conf.d/ignored.txt", "/ignored\n");
	run("mkdir %s/etc/ld.so.conf.d/other", top);
	put_text("etc/ld.so.conf.d/other/1.list", "/one\ninclude /etc/ld.so.conf.d/[ab].conf\n");
	expect_dirs((const char *[]){"/first", "/Z", "/a", "/one", "/b", "/last", NULL});
}

static void test_conf_endless(void **state)
{
	(void)state;
	put_text("etc/ld.so.conf", "include /etc/ld.so.conf\ninclude ld.so.conf.d/0\n");
	for (int i = 0; i < 40; i++) {
		drop(mem_drop) char *name = str_printf("etc/ld.so.conf.d/%d", i);
		drop(mem_drop) char *text = str_printf("/d%d\ninclude %d\n", i, i + 1);

		put_text(name, text);
	}
	drop(root_drop) struct root *root = NULL;
	struct strings dirs;

	assert_null(root_open_dir(top, &root));
	assert_null(ldconf_read(root, &arena, &dirs));
	assert_int_equal(dirs.len, 31);
}

// A pattern that has 3 to the power of 200 ways through: the answer comes all the same.
static void test_conf_pattern_explodes(void **state)
{
	char text[2000] = "include ";

	(void)state;
	run("mkdir %s/etc/a %s/etc/b", top, top);
	for (int i = 0; i < 200; i++)
		strcat(text, "*/../");
	strcat(text, "x\n/after\n");
	put_text("etc/ld.so.conf", text);
	expect_dirs((const char *[]){"/after", NULL});
}

static void test_conf_special(void **state)
{
	(void)state;
	run("mkfifo %s/etc/ld.so.conf", top);
	expect_dirs((const char *[]){NULL});
}

static const struct ldcache_entry entries[] = {
	{"libb.so.2", "/opt/odd/libb.so.2", 0x303, 0},
	{"libb.so.10", "/opt/odd/libb.so.10", 0x303, 0},
	{"liba.so", "/opt/odd/liba.so", 0x303, 0},
	{"libb.so.2", "/opt/32/libb.so.2", 0x3, 0},
	{"libb.so.2", "/opt/hw/libb.so.2", 0x303, UINT64_C(1) << 62},
	{"libb.so.2", "/opt/second/libb.so.2", 0x303, 0},
};

static void read_cache(struct ldcache *out)
{
	drop(root_drop) struct root *r = NULL;

	assert_null(root_open_dir(top, &r));
	assert_null(ldcache_read(r, &arena, out));
}

static void test_cache_round(void **state)
{
	struct ldcache c;

	(void)state;
	read_cache(&c);
	assert_false(c.is_present);
	assert_null(c.warning);
	for (int big = 0; big < 2; big++) {
		struct span s = ldcache_write(entries, 6, big, &arena);

		put("etc/ld.so.cache", s.ptr, s.len);
		read_cache(&c);
		assert_true(c.is_present);
		assert_null(c.warning);
		assert_int_equal(c.len, 5); // without the one for a CPU
		assert_string_equal(c.at[0].name, "libb.so.10");
		assert_string_equal(c.at[1].path, "/opt/odd/libb.so.2");
		assert_string_equal(c.at[2].path, "/opt/second/libb.so.2");
		assert_string_equal(c.at[3].path, "/opt/32/libb.so.2");
		assert_int_equal(c.at[3].flags, 3);
		assert_string_equal(c.at[4].name, "liba.so");
	}
}

static void expect_found(const struct ldcache *c, const char *name, size_t at, size_t n)
{
	size_t have = 99;
	const struct ldcache_entry *e = ldcache_find(c, name, &have);

	assert_int_equal(have, n);
	assert_ptr_equal(e, n ? &c->at[at] : NULL);
}

static void test_cache_find(void **state)
{
	struct span s = ldcache_write(entries, 6, false, &arena);
	struct ldcache c = {0};

	(void)state;
	expect_found(&c, "liba.so", 0, 0);
	put("etc/ld.so.cache", s.ptr, s.len);
	read_cache(&c);
	expect_found(&c, "libb.so.10", 0, 1);
	expect_found(&c, "libb.so.2", 1, 3);
	expect_found(&c, "libb.so.02", 1, 3); // numbers are compared by their value
	expect_found(&c, "liba.so", 4, 1);
	const char *const absent[] = {"", "liba", "liba.so.1", "libb.so.3", "libc.so", "zzz"};

	for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++)
		expect_found(&c, absent[i], 0, 0);
}

static void expect_warning(const char *words)
{
	struct ldcache c;

	read_cache(&c);
	assert_false(c.is_present);
	assert_non_null(c.warning);
	if (!strstr(c.warning, words))
		fail_msg("\"%s\" does not say \"%s\"", c.warning, words);
}

static void test_cache_damage(void **state)
{
	struct span s = ldcache_write(entries, 3, false, &arena);
	uint8_t *bytes = arena_alloc(&arena, s.len);
	struct ldcache c;

	(void)state;
	put("etc/ld.so.cache", "", 0);
	expect_warning("not a cache");
	put("etc/ld.so.cache", "glibc-ld.so.cache1.0 and much more than a header would have had",
		60);
	expect_warning("not a cache");
	for (size_t n = 1; n < s.len; n++) {
		put("etc/ld.so.cache", s.ptr, n);
		read_cache(&c);
		assert_false(c.is_present);
	}
	put("etc/ld.so.cache", s.ptr, s.len - 1);
	expect_warning("cut short");
	memcpy(bytes, s.ptr, s.len);
	bytes[28] = 1;
	put("etc/ld.so.cache", bytes, s.len);
	expect_warning("byte order");
	bytes[28] = 3;
	put("etc/ld.so.cache", bytes, s.len);
	expect_warning("cut short");
	bytes[28] = 0; // as ldconfig wrote it before glibc 2.33
	memset(bytes + 48 + 4, 0xff, 4);
	put("etc/ld.so.cache", bytes, s.len);
	read_cache(&c);
	assert_true(c.is_present);
	assert_int_equal(c.len, 2); // the entry whose key lies outside is passed over
	run("rm %s/etc/ld.so.cache && mkfifo %s/etc/ld.so.cache", top, top);
	expect_warning("no regular file");
}

static bool has_ldconfig(void)
{
	return access("/sbin/ldconfig", X_OK) == 0;
}

static void make_library(void)
{
	run("mkdir -p %s/opt/odd && cd %s/opt/odd && echo 'int f(void){return 42;}' >f.c && "
	    "gcc -shared -fPIC -Wl,-soname,libodd.so.1 f.c -o libodd.so.1 && rm f.c",
		top, top);
}

static void test_cache_of_ldconfig(void **state)
{
	static const char *const formats[] = {"new", "compat"};

	(void)state;
	if (!has_ldconfig())
		skip();
	make_library();
	put_text("etc/ld.so.conf", "/opt/odd\n");
	for (int i = 0; i < 2; i++) {
		struct ldcache c;

		run("/sbin/ldconfig -c %s -r %s", formats[i], top);
		read_cache(&c);
		assert_true(c.is_present);
		assert_int_equal(c.len, 1);
		assert_string_equal(c.at[0].name, "libodd.so.1");
		assert_string_equal(c.at[0].path, "/opt/odd/libodd.so.1");
#ifdef __x86_64__
		assert_int_equal(c.at[0].flags, 0x303);
#endif
	}
	run("/sbin/ldconfig -c old -r %s", top);
	expect_warning("old format");
}

// The host's own cache has as many entries as ldconfig prints.
static void test_cache_of_this_machine(void **state)
{
	drop(root_drop) struct root *host = NULL;
	struct ldcache c;

	(void)state;
	if (!has_ldconfig() || access("/etc/ld.so.cache", R_OK) != 0)
		skip();
	assert_null(root_open_dir("/", &host));
	assert_null(ldcache_read(host, &arena, &c));
	assert_true(c.is_present);
	unsigned long n = strtoul(output_of("/sbin/ldconfig -p"), NULL, 10);

	assert_int_equal(c.len, n);
	vec_each (e, &c) {
		size_t same;
		const struct ldcache_entry *first = ldcache_find(&c, e->name, &same);

		assert_true(first && first <= e && e < first + same);
	}
	// ldconfig sorts like us: writing what was read keeps the order.
	struct span s = ldcache_write(c.at, c.len, false, &arena);
	struct ldcache again;

	put("etc/ld.so.cache", s.ptr, s.len);
	read_cache(&again);
	size_t k = 0;

	vec_each (e, &c) {
		if (e->hwcap >> 62 & 1)
			continue;
		assert_string_equal(again.at[k].path, e->path);
		k++;
	}
	assert_int_equal(again.len, k);
}

static void test_ldconfig_prints_ours(void **state)
{
	(void)state;
	if (!has_ldconfig())
		skip();
	struct span s = ldcache_write(entries, 3, false, &arena);

	put("etc/ld.so.cache", s.ptr, s.len);
	char *text = output_of("/sbin/ldconfig -r %s -p", top);

	assert_non_null(strstr(text, "3 libs found"));
	assert_non_null(strstr(text, "libb.so.10 (libc6,x86-64) => /opt/odd/libb.so.10"));
	assert_non_null(strstr(text, "liba.so (libc6,x86-64) => /opt/odd/liba.so"));
}

// The proof: a program whose library only the cache can find starts in a chroot.
static void test_loader_reads_ours(void **state)
{
	struct ldcache_entry found[40] = {{"libodd.so.1", "/opt/odd/libodd.so.1", 0x303, 0}};

	(void)state;
#ifndef __x86_64__
	skip();
#endif
	if (geteuid() != 0)
		skip();
	make_library();
	run("cd %s && echo 'int f(void); int main(void){return f();}' >m.c && "
	    "gcc m.c opt/odd/libodd.so.1 -o m && mkdir -p lib64 lib/x86_64-linux-gnu && "
	    "cp -L /lib64/ld-linux-x86-64.so.2 lib64/ && "
	    "cp -L /lib/x86_64-linux-gnu/libc.so.6 lib/x86_64-linux-gnu/",
		top);
	int status = system(arena_printf(&arena, "chroot %s /m 2>/dev/null", top));

	assert_int_equal(WEXITSTATUS(status), 127);
	for (int i = 1; i < 40; i++) { // enough for a search by halves to go wrong
		found[i].name = arena_printf(&arena, "lib%c%d.so.%d", "mnopq"[i % 5], i * 7, i);
		found[i].path = arena_printf(&arena, "/opt/odd/%s", found[i].name);
		found[i].flags = 0x303;
	}
	struct span s = ldcache_write(found, 40, false, &arena);

	put("etc/ld.so.cache", s.ptr, s.len);
	status = system(arena_printf(&arena, "chroot %s /m", top));
	assert_int_equal(WEXITSTATUS(status), 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_conf_lines, begin, end),
		cmocka_unit_test_setup_teardown(test_conf_include, begin, end),
		cmocka_unit_test_setup_teardown(test_conf_endless, begin, end),
		cmocka_unit_test_setup_teardown(test_conf_pattern_explodes, begin, end),
		cmocka_unit_test_setup_teardown(test_conf_special, begin, end),
		cmocka_unit_test_setup_teardown(test_cache_round, begin, end),
		cmocka_unit_test_setup_teardown(test_cache_find, begin, end),
		cmocka_unit_test_setup_teardown(test_cache_damage, begin, end),
		cmocka_unit_test_setup_teardown(test_cache_of_ldconfig, begin, end),
		cmocka_unit_test_setup_teardown(test_cache_of_this_machine, begin, end),
		cmocka_unit_test_setup_teardown(test_ldconfig_prints_ours, begin, end),
		cmocka_unit_test_setup_teardown(test_loader_reads_ours, begin, end),
	};

	return cmocka_run_group_tests_name("ldconf", tests, NULL, NULL);
}
