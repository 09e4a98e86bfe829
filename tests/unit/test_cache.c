#include "oci/cache_prune.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[64]; // of the test; the cache is in kept/
static struct arena arena;

static int enter(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_cache.XXXXXX");
	return !mkdtemp(dir) || chdir(dir);
}

static int leave(void **state)
{
	drop(mem_drop) char *cmd = str_printf("rm -rf '%s'", dir);

	(void)state;
	arena_drop(&arena);
	return chdir("/") || system(cmd);
}

static struct cache *open_kept(void)
{
	drop(mem_drop) char *path = str_printf("%s/kept", dir);
	const char *warning;
	struct cache *c;

	assert_null(cache_open(path, false, &arena, &warning, &c));
	assert_null(warning);
	return c;
}

static int entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void assert_blob(struct blob *b, const char *text)
{
	char buf[100];

	assert_int_equal(b->size, strlen(text));
	assert_int_equal(pread(b->fd, buf, sizeof(buf), (off_t)b->off), strlen(text));
	assert_memory_equal(buf, text, strlen(text));
	assert_true(b->owned);
	close(b->fd);
}

static void keep(struct cache *c, const char *origin, const char *identity, const char *text)
{
	struct digest diff_id = digest_of(origin, strlen(origin)), digest,
		      want = digest_of(text, strlen(text));
	struct cache_entry *e;
	struct blob b;

	assert_null(cache_begin(c, &e));
	assert_null(sink_write(cache_entry_sink(e), text, 1));
	assert_null(sink_write(cache_entry_sink(e), text + 1, strlen(text) - 1));
	assert_null(sink_finish(cache_entry_sink(e)));
	assert_null(cache_commit(e, &diff_id, identity, &digest, &b));
	assert_string_equal(digest.text, want.text);
	assert_blob(&b, text);
	cache_entry_drop(&e);
	assert_null(e);
}

static bool find(struct cache *c, const char *origin, const char *identity, const char *text)
{
	struct digest diff_id = digest_of(origin, strlen(origin)), digest;
	struct blob b;
	bool found;

	assert_null(cache_find(c, &diff_id, identity, &digest, &b, &found));
	if (found)
		assert_blob(&b, text);
	return found;
}

static void finds_what_it_kept(void **state)
{
	struct cache *c = open_kept();

	(void)state;
	assert_false(cache_may_have(c, "gzip 6"));
	assert_false(find(c, "one", "gzip 6", ""));
	keep(c, "one", "gzip 6", "1 with 6");
	keep(c, "one", "gzip 9", "1 with 9");
	keep(c, "two", "gzip 6", "2 with 6");
	keep(c, "two", "gzip 6", "2 with 6");
	cache_drop(&c);
	assert_null(c);
	c = open_kept();
	assert_true(cache_may_have(c, "gzip 6"));
	assert_false(cache_may_have(c, "gzip 1"));
	assert_true(find(c, "one", "gzip 6", "1 with 6"));
	assert_true(find(c, "one", "gzip 9", "1 with 9"));
	assert_true(find(c, "two", "gzip 6", "2 with 6"));
	assert_false(find(c, "two", "gzip 9", ""));
	cache_drop(&c);
	assert_int_equal(entries("kept/tmp"), 0);
	assert_int_equal(entries("kept/blobs/sha256"), 3);
}

static void blobs_without_origin(void **state)
{
	struct cache *c = open_kept();
	struct cache_entry *e;
	struct digest digest;
	struct blob b;

	(void)state;
	assert_null(cache_begin(c, &e));
	assert_null(sink_write(cache_entry_sink(e), "config", 6));
	assert_null(cache_commit(e, NULL, NULL, &digest, &b));
	assert_blob(&b, "config");
	cache_entry_drop(&e);
	assert_null(cache_begin(c, &e));
	assert_null(sink_write(cache_entry_sink(e), "dropped", 7));
	cache_entry_drop(&e);
	cache_drop(&c);
	assert_int_equal(entries("kept/tmp"), 0);
	assert_int_equal(entries("kept/layers"), 0);
	assert_int_equal(entries("kept/blobs/sha256"), 1);
}

static char *blob_file(const char *text)
{
	struct digest d = digest_of(text, strlen(text));

	return str_printf("kept/blobs/sha256/%s", digest_hex(&d));
}

static int partial(struct cache *c, const struct digest *d)
{
	int fd;

	assert_null(cache_partial(c, d, &fd));
	return fd;
}

static void partial_blobs(void **state)
{
	const struct digest d = digest_of("whole", 5);
	struct cache *c = open_kept(), *other = open_kept();
	struct blob b;
	bool found;
	int fd = partial(c, &d);

	(void)state;
	assert_int_equal(write(fd, "who", 3), 3);
	assert_int_equal(partial(other, &d), -1); // somebody is at it
	close(fd);
	fd = partial(other, &d);
	assert_int_equal(lseek(fd, 0, SEEK_END), 3);
	assert_int_equal(write(fd, "le", 2), 2);
	assert_null(cache_keep(other, &d, fd));
	close(fd);
	assert_int_equal(entries("kept/tmp"), 0);
	assert_null(cache_get(c, &d, &b, &found));
	assert_true(found);
	assert_blob(&b, "whole");
	fd = partial(c, &d);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0); // a new one
	cache_forget(c, &d);
	close(fd);
	assert_int_equal(entries("kept/tmp"), 0);
	cache_drop(&c);
	cache_drop(&other);
}

// Somebody empties the cache while it is used.
static void partial_blobs_taken_away(void **state)
{
	const struct digest d = digest_of("whole", 5);
	struct cache *c = open_kept();
	struct blob b;
	bool found;
	int fd = partial(c, &d), next;

	(void)state;
	assert_int_equal(write(fd, "whole", 5), 5);
	assert_int_equal(system("rm kept/tmp/*"), 0);
	assert_null(cache_keep(c, &d, fd));
	next = partial(c, &d);
	assert_int_equal(write(next, "wh", 2), 2);
	assert_null(cache_keep(c, &d, fd)); // and not the other's half
	assert_int_equal(write(next, "ole", 3), 3);
	assert_null(cache_keep(c, &d, next));
	close(fd);
	close(next);
	assert_null(cache_get(c, &d, &b, &found));
	assert_true(found);
	assert_blob(&b, "whole");
	cache_drop(&c);
}

static void damage_is_removed(void **state)
{
	struct cache *c = open_kept();
	drop(mem_drop) char *file = blob_file("text");

	(void)state;
	for (int how = 0; how < 7; how++) {
		keep(c, "one", "gzip 6", "text");
		assert_true(find(c, "one", "gzip 6", "text"));
		if (how == 0) // another byte
			assert_int_equal(system("printf X | dd conv=notrunc status=none "
						"of=$(echo kept/blobs/sha256/*)"),
				0);
		if (how == 1)
			assert_int_equal(truncate(file, 2), 0);
		if (how == 2)
			assert_int_equal(truncate(file, 2000), 0);
		if (how == 3)
			assert_int_equal(unlink(file), 0);
		if (how == 4) { // would block for ever
			assert_int_equal(unlink(file), 0);
			assert_int_equal(mkfifo(file, 0644), 0);
		}
		if (how == 5) {
			assert_int_equal(unlink(file), 0);
			assert_int_equal(symlink("/etc/passwd", file), 0);
		}
		if (how == 6) {
			assert_int_equal(unlink(file), 0);
			assert_int_equal(mkdir(file, 0755), 0);
			drop(mem_drop) char *inner = str_printf("%s/file", file);

			assert_int_equal(close(open(inner, O_CREAT | O_WRONLY, 0644)), 0);
		}
		assert_false(find(c, "one", "gzip 6", ""));
		assert_int_equal(entries("kept/blobs/sha256"), 0);
		assert_false(find(c, "one", "gzip 6", ""));
	}
	keep(c, "one", "gzip 6", "text");
	assert_int_equal(system("ln -sfn ../../../../etc/passwd kept/layers/*/*"), 0);
	assert_false(find(c, "one", "gzip 6", ""));
	// Its link now leads to other bytes than before.
	keep(c, "one", "gzip 6", "text");
	keep(c, "one", "gzip 6", "other");
	assert_true(find(c, "one", "gzip 6", "other"));
	cache_drop(&c);
}

static void many_processes(void **state)
{
	enum { PROCESSES = 4, ROUNDS = 50 };
	pid_t pids[PROCESSES];

	(void)state;
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		for (int n = 0; n < ROUNDS; n++) {
			struct cache *c = open_kept();
			drop(mem_drop) char *text = str_printf("layer %d", n);

			if (!find(c, text, "gzip 6", text))
				keep(c, text, "gzip 6", text);
			if (!find(c, text, "gzip 6", text))
				_exit(1);
			cache_drop(&c);
		}
		_exit(0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status;

		waitpid(pids[i], &status, 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(entries("kept/blobs/sha256"), ROUNDS);
	assert_int_equal(entries("kept/tmp"), 0);
}

// A process killed while it holds an unfinished entry in a cache.
static void kill_writer(bool is_temporary)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();

	if (pid == 0) {
		const char *warning;
		struct cache *c;
		struct cache_entry *e;

		if (cache_open(is_temporary ? NULL : "kept", is_temporary, &arena, &warning, &c) ||
			cache_begin(c, &e) || sink_write(cache_entry_sink(e), "half", 4) ||
			write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void leftovers_are_swept(void **state)
{
	struct cache_entry *e;
	struct cache *c, *again;
	const char *warning;

	(void)state;
	kill_writer(false);
	assert_int_equal(entries("kept/tmp"), 1);
	c = open_kept();
	assert_int_equal(entries("kept/tmp"), 0);
	// What is being written is none.
	assert_null(cache_begin(c, &e));
	again = open_kept();
	assert_int_equal(entries("kept/tmp"), 1);
	cache_drop(&again);
	cache_entry_drop(&e);
	cache_drop(&c);

	assert_int_equal(mkdir("temp", 0755), 0);
	setenv("TMPDIR", "temp", 1);
	kill_writer(true);
	assert_int_equal(entries("temp"), 1);
	assert_null(cache_open(NULL, true, &arena, &warning, &c));
	assert_null(cache_open(NULL, true, &arena, &warning, &again));
	assert_int_equal(entries("temp"), 2);
	keep(again, "one", "gzip 6", "text");
	assert_true(find(again, "one", "gzip 6", "text"));
	cache_drop(&again);
	cache_drop(&c);
	assert_int_equal(entries("temp"), 0);
	unsetenv("TMPDIR");
}

static void where_it_is(void **state)
{
	struct cache *c;
	const char *warning;

	(void)state;
	setenv("HOME", dir, 1);
	unsetenv("XDG_CACHE_HOME");
	assert_null(cache_open(NULL, false, &arena, &warning, &c));
	assert_null(warning);
	assert_int_equal(access(".cache/imgmin/layers", F_OK), 0);
	cache_drop(&c);
	setenv("XDG_CACHE_HOME", "relative", 1);
	assert_null(cache_open(NULL, false, &arena, &warning, &c));
	assert_int_equal(access("relative", F_OK), -1);
	cache_drop(&c);
	drop(mem_drop) char *xdg = str_printf("%s/a/b", dir);

	setenv("XDG_CACHE_HOME", xdg, 1);
	assert_null(cache_open(NULL, false, &arena, &warning, &c));
	assert_int_equal(access("a/b/imgmin/layers", F_OK), 0);
	cache_drop(&c);
}

static void unusable_directories(void **state)
{
	struct cache *c;
	const char *warning;

	(void)state;
	assert_int_equal(close(open("file", O_CREAT | O_WRONLY, 0644)), 0);
	assert_null(cache_open("file/cache", false, &arena, &warning, &c));
	assert_non_null(strstr(warning, "file/cache: Not a directory"));
	keep(c, "one", "gzip 6", "text");
	cache_drop(&c);
	assert_null(cache_open("/proc/none", false, &arena, &warning, &c));
	assert_non_null(strstr(warning, "/proc/none"));
	cache_drop(&c);
	unsetenv("XDG_CACHE_HOME");
	unsetenv("HOME");
	assert_null(cache_open(NULL, false, &arena, &warning, &c));
	assert_non_null(strstr(warning, "HOME"));
	cache_drop(&c);
}

// What stands in the way of keeping a blob is put aside, or costs the next run some time only.
static void nothing_fails_for_keeping(void **state)
{
	struct cache *c = open_kept();
	drop(mem_drop) char *file = blob_file("text");

	(void)state;
	assert_int_equal(mkdir(file, 0755), 0);
	keep(c, "one", "gzip 6", "text");
	assert_true(find(c, "one", "gzip 6", "text"));
	// A directory where the link should be, and a file where its directory should be.
	assert_int_equal(system("l=$(echo kept/layers/*/*) && rm $l && mkdir -p $l/x"), 0);
	assert_false(find(c, "one", "gzip 6", ""));
	keep(c, "one", "gzip 6", "text");
	assert_true(find(c, "one", "gzip 6", "text"));
	assert_int_equal(system("l=$(echo kept/layers/*) && rm -r $l && touch $l"), 0);
	assert_false(find(c, "one", "gzip 6", ""));
	keep(c, "one", "gzip 6", "text");
	assert_true(find(c, "one", "gzip 6", "text"));

	// Somebody empties the cache.
	struct digest digest;
	struct cache_entry *e;
	struct blob b;

	assert_null(cache_begin(c, &e));
	assert_null(sink_write(cache_entry_sink(e), "later", 5));
	assert_int_equal(system("rm -r kept/*"), 0);
	assert_null(cache_commit(e, NULL, NULL, &digest, &b));
	assert_blob(&b, "later");
	cache_entry_drop(&e);
	cache_drop(&c);
	// The download's place is a directory.
	const struct digest d = digest_of("whole", 5);

	c = open_kept();
	file = (mem_drop(&file), str_printf("kept/tmp/%s.part", digest_hex(&d)));
	assert_int_equal(mkdir(file, 0755), 0);
	assert_int_equal(partial(c, &d), -1);
	int fd = partial(c, &d);

	assert_true(fd >= 0);
	close(fd);
	cache_drop(&c);
}

// A file in the cache, of so many bytes without taking them, last used `age` seconds ago.
static void lay(const char *path, uint64_t size, time_t age)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
	struct timespec times[2] = {{.tv_sec = time(NULL) - age}, {.tv_sec = time(NULL) - age}};

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static void lay_blob(const char *text, uint64_t size, time_t age)
{
	drop(mem_drop) char *path = blob_file(text);

	lay(path, size, age);
}

static bool has_blob(const char *text)
{
	drop(mem_drop) char *path = blob_file(text);

	return access(path, F_OK) == 0;
}

static void oldest_go_first(void **state)
{
	struct cache *c = open_kept();

	(void)state;
	keep(c, "origin", "gzip 6", "layer");
	cache_drop(&c);
	lay_blob("layer", 5, 100); // damaged by now: nothing but its age counts here
	lay_blob("old", CACHE_MAX / 2, 300);
	lay_blob("older", CACHE_MAX / 4, 400);
	lay_blob("new", CACHE_MAX / 2, 200);

	// Reading alone removes nothing.
	c = open_kept();
	cache_drop(&c);
	assert_true(has_blob("older"));
	c = open_kept();
	keep(c, "one", "gzip 6", "text");
	cache_drop(&c);
	assert_false(has_blob("older"));
	assert_false(has_blob("old"));
	assert_true(has_blob("new"));
	assert_true(has_blob("layer"));
	assert_true(has_blob("text"));
	assert_int_equal(entries("kept/layers"), 1);

	// Use makes young again; links go with what they lead to.
	c = open_kept();
	assert_true(find(c, "one", "gzip 6", "text"));
	cache_drop(&c);
	struct cache_pruned done;
	const struct cache_prune how = {.used_before = INT64_MIN, .keep_size = 4};

	assert_null(cache_prune("kept", &how, &arena, &done));
	assert_int_equal(done.removed, 2);
	assert_int_equal(done.removed_size, CACHE_MAX / 2 + 5);
	assert_int_equal(done.left, 1);
	assert_int_equal(done.left_size, 4);
	assert_true(has_blob("text"));
	c = open_kept();
	assert_true(find(c, "one", "gzip 6", "text"));
	assert_false(find(c, "origin", "gzip 6", ""));
	cache_drop(&c);
}

static void listing_adds_up(void **state)
{
	struct cache_contents all;
	struct cache *c = open_kept();
	const struct digest d = digest_of("whole", 5);
	struct cache_entry *e;
	uint64_t sum = 0;
	size_t kinds[3] = {0};
	int fd = partial(c, &d);

	(void)state;
	keep(c, "one", "gzip 6", "layer");
	lay_blob("fetched", 1000, 50);
	assert_int_equal(write(fd, "who", 3), 3);
	assert_null(cache_begin(c, &e));
	assert_null(sink_write(cache_entry_sink(e), "half", 4));
	lay("kept/blobs/sha256/README", 1, 0); // not ours
	lay("kept/blobs/elsewhere", 1, 0);
	assert_null(cache_list("kept", &arena, &all));
	assert_int_equal(all.items.len, 4);
	for (size_t i = 0; i < all.items.len; i++) {
		sum += all.items.at[i].size;
		kinds[all.items.at[i].kind]++;
		assert_true(!i || all.items.at[i].used <= all.items.at[i - 1].used);
	}
	assert_int_equal(sum, 5 + 1000 + 3 + 4);
	assert_int_equal(all.size, sum);
	assert_int_equal(kinds[CACHED_LAYER], 1);
	assert_int_equal(kinds[CACHED_BLOB], 1);
	assert_int_equal(kinds[CACHED_PARTIAL], 2);
	assert_int_equal(all.items.at[3].size, 1000);

	// What is being written stays, and so does what is not ours.
	struct cache_pruned done;
	const struct cache_prune everything = {.used_before = INT64_MIN, .keep_size = 0};

	assert_null(cache_prune("kept", &everything, &arena, &done));
	assert_int_equal(done.removed, 2);
	assert_int_equal(done.left, 2);
	assert_int_equal(done.left_size, 7);
	assert_int_equal(entries("kept/blobs/sha256"), 1);
	assert_int_equal(entries("kept/layers"), 0);
	assert_int_equal(entries("kept/tmp"), 2);
	cache_entry_drop(&e);
	close(fd);
	assert_null(cache_prune("kept", &everything, &arena, &done));
	assert_int_equal(done.removed, 1);
	assert_int_equal(entries("kept/tmp"), 0);
	cache_drop(&c);
	// No cache is an empty one, and is not made.
	assert_null(cache_list("none", &arena, &all));
	assert_int_equal(all.items.len, 0);
	assert_null(cache_prune("none", &everything, &arena, &done));
	assert_int_equal(done.removed, 0);
	assert_int_equal(access("none", F_OK), -1);
}

static void what_is_in_use_stays_readable(void **state)
{
	struct cache *c = open_kept();
	const struct cache_prune everything = {.used_before = INT64_MIN, .keep_size = 0};
	const struct digest diff_id = digest_of("one", 3);
	struct cache_pruned done;
	struct digest digest;
	struct blob b;
	bool found;

	(void)state;
	keep(c, "one", "gzip 6", "text");
	assert_null(cache_find(c, &diff_id, "gzip 6", &digest, &b, &found));
	assert_true(found);
	assert_null(cache_prune("kept", &everything, &arena, &done));
	assert_int_equal(done.removed, 1);
	assert_blob(&b, "text");
	assert_false(find(c, "one", "gzip 6", ""));
	keep(c, "one", "gzip 6", "text");
	assert_true(find(c, "one", "gzip 6", "text"));
	cache_drop(&c);
}

static void old_downloads_are_swept(void **state)
{
	const struct digest d = digest_of("whole", 5);
	drop(mem_drop) char *path = str_printf("kept/tmp/%s.part", digest_hex(&d));
	struct cache *c = open_kept(), *other;
	int fd;

	(void)state;
	lay(path, 3, 23 * 3600);
	cache_drop(&c);
	c = open_kept();
	assert_int_equal(entries("kept/tmp"), 1);
	// Somebody is at it.
	fd = partial(c, &d);
	lay(path, 3, 25 * 3600);
	other = open_kept();
	assert_int_equal(entries("kept/tmp"), 1);
	cache_drop(&other);
	close(fd);
	cache_drop(&c);
	c = open_kept();
	assert_int_equal(entries("kept/tmp"), 0);
	cache_drop(&c);
}

// Caches that are pruned all the time while others work in them.
static void many_prune(void **state)
{
	enum { PROCESSES = 4, ROUNDS = 40 };
	const struct cache_prune everything = {.used_before = INT64_MIN, .keep_size = 0};
	pid_t pids[PROCESSES];

	(void)state;
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		for (int n = 0; n < ROUNDS; n++) {
			struct cache *c = open_kept();
			drop(mem_drop) char *text = str_printf("layer %d", n % 5);
			struct cache_pruned done;

			find(c, text, "gzip 6", text);
			keep(c, text, "gzip 6", text); // asserts that its bytes are there
			cache_drop(&c);
			if (i == 0 && cache_prune("kept", &everything, &arena, &done))
				_exit(1);
		}
		_exit(0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status;

		waitpid(pids[i], &status, 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(entries("kept/tmp"), 0);
}

// What does not fit into the cache goes through a temporary file.
static void full_disk(void **state)
{
	enum { SIZE = 800000 };
	static char block[8000], back[8000];
	struct cache_entry *e;
	struct digest digest;
	struct blob b;

	(void)state;
	assert_int_equal(mkdir("kept", 0755), 0);
	if (mount("tmpfs", "kept", "tmpfs", 0, "size=64k"))
		skip(); // needs root
	struct cache *c = open_kept();
	const struct digest diff_id = digest_of("one", 3);

	assert_null(cache_begin(c, &e));
	assert_false(cache_is_full(c));
	for (int i = 0; i < SIZE / 8000; i++) {
		memset(block, i, sizeof(block));
		assert_null(sink_write(cache_entry_sink(e), block, sizeof(block)));
	}
	assert_null(cache_commit(e, &diff_id, "gzip 6", &digest, &b));
	cache_entry_drop(&e);
	assert_true(cache_is_full(c));
	assert_int_equal(b.size, SIZE);
	for (int i = 0; i < SIZE / 8000; i++) {
		memset(block, i, sizeof(block));
		assert_int_equal(pread(b.fd, back, sizeof(back), i * 8000), sizeof(back));
		assert_memory_equal(block, back, sizeof(back));
	}
	close(b.fd);
	assert_int_equal(entries("kept/tmp"), 0);
	assert_int_equal(entries("kept/blobs/sha256"), 0);
	assert_false(find(c, "one", "gzip 6", ""));
	keep(c, "two", "gzip 6", "small"); // there is room again
	assert_true(find(c, "two", "gzip 6", "small"));
	cache_drop(&c);
	assert_int_equal(umount("kept"), 0);
}

static void full_disks(void **state)
{
	static char block[8192];
	struct cache_entry *e;
	struct err *err = NULL;

	(void)state;
	assert_int_equal(mkdir("kept", 0755), 0);
	if (mount("tmpfs", "kept", "tmpfs", 0, "size=64k"))
		skip(); // needs root
	struct cache *c = open_kept();

	assert_int_equal(mkdir("kept/tmpdir", 0755), 0);
	setenv("TMPDIR", "kept/tmpdir", 1);
	assert_null(cache_begin(c, &e));
	for (int i = 0; !err && i < 100; i++)
		err = sink_write(cache_entry_sink(e), block, sizeof(block));
	cache_entry_drop(&e);
	cache_drop(&c);
	unsetenv("TMPDIR");
	assert_int_equal(entries("kept/tmp"), 0);
	assert_int_equal(entries("kept/tmpdir"), 0);
	assert_int_equal(umount("kept"), 0);
	assert_non_null(err);
	assert_int_equal(err_number(err), ENOSPC);
	assert_non_null(strstr(err_text(err), "temporary file in kept/tmpdir"));
	assert_non_null(strstr(err_text(err), "layer cache /tmp/test_cache."));
	assert_non_null(strstr(err_hint_text(err), "imgmin cache prune"));
	assert_non_null(strstr(err_hint_text(err), "--cache-dir"));
	err_drop(&err);
}

#define test(f) cmocka_unit_test_setup_teardown(f, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(finds_what_it_kept),
		test(blobs_without_origin),
		test(partial_blobs),
		test(partial_blobs_taken_away),
		test(damage_is_removed),
		test(many_processes),
		test(leftovers_are_swept),
		test(where_it_is),
		test(unusable_directories),
		test(nothing_fails_for_keeping),
		test(oldest_go_first),
		test(listing_adds_up),
		test(what_is_in_use_stays_readable),
		test(old_downloads_are_swept),
		test(many_prune),
		test(full_disk),
		test(full_disks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
