// The one walk: links stay inside, ".." stops at the root, loops end, and nothing blocks.
#include <errno.h>
#include <fcntl.h>
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

#include "base/root_impl.h"

static char top[64];
static struct root *root;

static void put(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int setup(void **state)
{
	(void)state;
	strcpy(top, "/tmp/test_root.XXXXXX");
	assert_non_null(mkdtemp(top));
	assert_int_equal(chdir(top), 0);
	mkdir("usr", 0755);
	mkdir("usr/lib", 0755);
	mkdir("usr/lib/deep", 0755);
	put("usr/lib/libc.so.6", "libc");
	put("plain", "x");
	assert_int_equal(symlink("usr/lib", "lib"), 0);
	assert_int_equal(symlink("/usr/lib/libc.so.6", "abs"), 0);
	assert_int_equal(symlink("../../../../../../usr/lib/libc.so.6", "usr/lib/deep/climb"), 0);
	assert_int_equal(symlink("loop2", "loop1"), 0);
	assert_int_equal(symlink("loop1", "loop2"), 0);
	assert_int_equal(symlink("/etc/passwd", "leak"), 0);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	mkfifo("fifo", 0600);
	assert_null(root_open_dir(top, &root));
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	root_drop(&root);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static void expect(const char *path, int error, const char *canonical, size_t nlinks)
{
	const struct walk *w = root_walk(root, path);

	if (w->error != error)
		print_error("%s: %s\n", path, strerror(w->error));
	assert_int_equal(w->error, error);
	if (canonical)
		assert_string_equal(w->path, canonical);
	if (!error)
		assert_int_equal(w->nlinks, nlinks);
	assert_ptr_equal(w, root_walk(root, path)); // remembered
}

static void walks(void **state)
{
	(void)state;
	expect("/", 0, "/", 0);
	expect("", 0, "/", 0);
	expect("/..", 0, "/", 0);
	expect("/usr/lib/libc.so.6", 0, "/usr/lib/libc.so.6", 0);
	expect("usr//lib/./libc.so.6", 0, "/usr/lib/libc.so.6", 0);
	expect("/lib/libc.so.6", 0, "/usr/lib/libc.so.6", 1);
	expect("/lib/deep/../libc.so.6", 0, "/usr/lib/libc.so.6", 1);
	expect("/abs", 0, "/usr/lib/libc.so.6", 1);
	expect("/lib/deep/climb", 0, "/usr/lib/libc.so.6", 2);
	expect("/loop1", ELOOP, NULL, 0);
	expect("/leak", ENOENT, NULL, 0);
	expect("/dangling", ENOENT, NULL, 0);
	expect("/plain/", ENOTDIR, NULL, 0);
	expect("/plain/x", ENOTDIR, NULL, 0);
	expect("/plain/..", ENOTDIR, NULL, 0);
	expect("/lib/", 0, "/usr/lib", 1);
	expect("/../../lib/../lib", 0, "/usr/lib", 1);
}

// As many names as a path can hold, each a directory's: found as deep as the stack is not.
static void deep_paths(void **state)
{
	(void)state;
	char path[4096] = "";

	for (size_t i = 0; i < 2000; i++)
		strcat(path, "/a");
	expect(path, ENOENT, NULL, 0);
	memcpy(path, "/usr", 4);
	memcpy(path + strlen(path) - 4, "/lib", 4);
	expect(path, ENOENT, NULL, 0);
	path[0] = 0;
	for (size_t i = 0; i < 400; i++)
		strcat(path, "/lib/deep/");
	strcat(path, "x");
	expect(path, ENOENT, NULL, 0);
}

static void failures_have_words(void **state)
{
	(void)state;
	assert_string_equal(root_why(root, "/dangling"), "a link that leads nowhere");
	assert_string_equal(root_why(root, "/lib/nothing"), strerror(ENOENT));
	assert_string_equal(root_why(root, "/plain/x"), strerror(ENOTDIR));
	assert_string_equal(root_why(root, "/loop1"), strerror(ELOOP));
}

static void links_are_told(void **state)
{
	(void)state;
	const struct walk *w = root_walk(root, "/lib/deep/climb");

	assert_string_equal(w->links[0].path, "/lib");
	assert_string_equal(w->links[0].target, "usr/lib");
	assert_string_equal(w->links[1].path, "/usr/lib/deep/climb");
}

static void last_link_kept(void **state)
{
	(void)state;
	const struct walk *w = root_walk_parent(root, "/lib/deep/climb");

	assert_int_equal(w->error, 0);
	assert_true(S_ISLNK(w->node.mode));
	assert_string_equal(w->path, "/usr/lib/deep/climb");
	w = root_walk_parent(root, "/lib");
	assert_string_equal(w->path, "/lib");
	assert_string_equal(w->node.target, "usr/lib");
}

static void long_names(void **state)
{
	(void)state;
	char *path = malloc(20000);

	memset(path, 'a', 19999);
	path[19999] = 0;
	assert_int_equal(root_walk(root, path)->error, ENAMETOOLONG);
	path[300] = 0;
	assert_int_equal(root_walk(root, path)->error, ENAMETOOLONG);
	memcpy(path, "/usr/", 5);
	assert_int_equal(root_walk(root, path)->error, ENAMETOOLONG);
	free(path);
}

static void only_regular_files_open(void **state)
{
	(void)state;
	static const char *const refused[] = {"/fifo", "/usr", "/lib", "/none"};
	struct file *f = NULL;

	for (size_t i = 0; i < 4; i++) {
		struct err *e = root_open_file(root, refused[i], &f);

		assert_non_null(e);
		err_drop(&e);
	}
	assert_null(root_open_file(root, "/usr/lib/libc.so.6", &f));
	char text[16] = "";
	size_t got;

	assert_int_equal(file_size(f), 4);
	assert_null(file_pread(f, text, sizeof(text), 1, &got));
	assert_int_equal(got, 3);
	assert_string_equal(text, "ibc");
	assert_null(file_pread(f, text, sizeof(text), UINT64_MAX, &got));
	assert_int_equal(got, 0);
	file_drop(&f);
}

static void lists_in_byte_order(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	struct strings names = {0};

	assert_null(root_list(root, "/usr/lib", &a, &names));
	assert_int_equal(names.len, 2);
	assert_string_equal(names.at[0], "deep");
	assert_string_equal(names.at[1], "libc.so.6");
}

static void reads_within_bounds(void **state)
{
	(void)state;
	drop(arena_drop) struct arena a = {0};
	struct span text;

	assert_null(root_read(root, "/abs", 4, &a, &text));
	assert_memory_equal(text.ptr, "libc", 4);
	assert_null(root_read(root, "/leak", 100, &a, &text));
	assert_null(text.ptr);
	struct err *e = root_read(root, "/lib/libc.so.6", 3, &a, &text);

	assert_non_null(e);
	err_drop(&e);
}

// Links to a name beside them, through a directory that is reached by a link: the short way says
// what the walk name by name says, which paths too deep to be remembered take.
static void links_beside(void **state)
{
	static const char *const names[] = {
		"so", "so.6", "gone", "round", "up", "here", "dir", "c0", "c5"};
	char text[8], next[8];

	(void)state;
	assert_int_equal(symlink("so.6", "usr/lib/so"), 0);
	assert_int_equal(symlink("libc.so.6", "usr/lib/so.6"), 0);
	assert_int_equal(symlink("missing", "usr/lib/gone"), 0);
	assert_int_equal(symlink("round", "usr/lib/round"), 0);
	assert_int_equal(symlink("..", "usr/lib/up"), 0);
	assert_int_equal(symlink(".", "usr/lib/here"), 0);
	assert_int_equal(symlink("deep", "usr/lib/dir"), 0);
	for (int i = 0; i < 41; i++) { // too many from the first on, not from the sixth
		snprintf(text, sizeof(text), "c%d", i);
		snprintf(next, sizeof(next), "c%d", i + 1);
		assert_int_equal(chdir("usr/lib") || symlink(next, text) || chdir(top), 0);
	}
	put("usr/lib/c41", "end");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char path[400] = "", shortly[32];

		for (int k = 0; k < 100; k++)
			strcat(path, "/.");
		snprintf(shortly, sizeof(shortly), "/lib/%s", names[i]);
		strcat(path, shortly);
		const struct walk *w = root_walk(root, shortly), *by_name = root_walk(root, path);

		assert_int_equal(w->error, by_name->error);
		assert_int_equal(w->nlinks, by_name->nlinks);
		for (size_t k = 0; k < w->nlinks; k++) {
			assert_string_equal(w->links[k].path, by_name->links[k].path);
			assert_string_equal(w->links[k].target, by_name->links[k].target);
		}
		if (!w->error)
			assert_string_equal(w->path, by_name->path);
	}
	expect("/lib/so", 0, "/usr/lib/libc.so.6", 3);
	expect("/lib/c5", 0, "/usr/lib/c41", 37);
	expect("/lib/c0", ELOOP, NULL, 0);
	assert_true(S_ISLNK(root_walk_parent(root, "/lib/so")->node.mode));
}

// A file that ends earlier than it did when it was opened is not read as a shorter one.
static void shrinking_file(void **state)
{
	drop(file_drop) struct file *f = NULL;
	char bytes[4];
	size_t got;

	(void)state;
	put("shrinks", "long enough");
	assert_null(root_open_file(root, "/shrinks", &f));
	assert_int_equal(truncate("shrinks", 2), 0);
	struct err *e = file_pread(f, bytes, sizeof(bytes), 0, &got);

	assert_non_null(e);
	assert_non_null(strstr(err_text(e), "shorter"));
	err_drop(&e);
}

static int broken_lstat(struct root *r, const char *path, struct node *out)
{
	(void)r;
	out->mode = S_IFDIR | 0755;
	return strcmp(path, "/bad") == 0 ? EIO : strcmp(path, "/closed") == 0 ? EACCES : 0;
}

static void broken_close(struct root *r)
{
	(void)r;
}

// An error of the machine counts as «not there» in a walk, and is kept for whoever concludes from
// it.
static void machine_errors_are_kept(void **state)
{
	static const struct root_ops ops = {.lstat = broken_lstat, .close = broken_close};
	drop(root_drop) struct root *r = root_new(sizeof(*r), &ops, "/broken");

	(void)state;
	assert_int_equal(root_walk(r, "/good")->error, 0);
	assert_int_equal(root_walk(r, "/closed/x")->error, EACCES);
	assert_null(root_fault(r));
	assert_int_equal(root_walk(r, "/bad/x")->error, EIO);
	struct err *e = root_fault(r);

	assert_int_equal(err_number(e), EIO);
	assert_non_null(strstr(err_text(e), "/broken/bad"));
	err_drop(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks),
		cmocka_unit_test(deep_paths),
		cmocka_unit_test(failures_have_words),
		cmocka_unit_test(links_are_told),
		cmocka_unit_test(last_link_kept),
		cmocka_unit_test(long_names),
		cmocka_unit_test(only_regular_files_open),
		cmocka_unit_test(lists_in_byte_order),
		cmocka_unit_test(reads_within_bounds),
		cmocka_unit_test(links_beside),
		cmocka_unit_test(shrinking_file),
		cmocka_unit_test(machine_errors_are_kept),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
