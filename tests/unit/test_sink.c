#include "base/sink.h"

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
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[64];

static int enter(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_sink.XXXXXX");
	return !mkdtemp(dir) || chdir(dir);
}

static int leave(void **state)
{
	drop(mem_drop) char *cmd = str_printf("rm -rf '%s'", dir);

	(void)state;
	return chdir("/") || system(cmd);
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void assert_content(const char *path, const char *text)
{
	char buf[256] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	buf[fread(buf, 1, sizeof(buf) - 1, f)] = '\0';
	fclose(f);
	assert_string_equal(buf, text);
}

static int entries(void)
{
	DIR *d = opendir(".");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void assert_fails(struct err *e, int number, const char *part)
{
	assert_non_null(e);
	assert_int_equal(err_number(e), number);
	if (!strstr(err_text(e), part))
		fail_msg("'%s' lacks '%s'", err_text(e), part);
	err_drop(&e);
}

static void buffer_is_bounded(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b, 300, "answer");
	assert_string_equal(b.bytes, "");
	for (int i = 0; i < 100; i++)
		assert_null(sink_write(&b.sink, "abc", 3));
	assert_int_equal(b.len, 300);
	assert_int_equal(strlen(b.bytes), 300);
	assert_fails(sink_write(&b.sink, "d", 1), 0, "answer is larger than 300 bytes");
	assert_null(sink_finish(&b.sink));
	buffer_drop(&b);
}

static void file_appears_on_commit(void **state)
{
	struct file_out *f;
	struct stat st;

	(void)state;
	put("target", "old");
	umask(022);
	assert_null(file_out_open("target", 0666, &f));
	assert_null(sink_write(file_out_sink(f), "new", 3));
	assert_content("target", "old");
	assert_int_equal(entries(), 2);
	assert_int_equal(pwrite(file_out_fd(f), "N", 1, 0), 1);
	assert_null(file_out_commit(f));
	assert_content("target", "New");
	file_out_drop(&f);
	assert_null(f);
	assert_content("target", "New");
	assert_int_equal(entries(), 1);
	assert_int_equal(stat("target", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
}

static void dropped_file_leaves_no_trace(void **state)
{
	struct file_out *f;

	(void)state;
	put("target", "old");
	assert_null(file_out_open("target", 0644, &f));
	assert_null(sink_write(file_out_sink(f), "new", 3));
	file_out_drop(&f);
	assert_content("target", "old");
	assert_int_equal(entries(), 1);
}

// A writer that is killed half-way; the result is what it left in the directory.
static void killed_writer(void (*open_it)(void))
{
	int ready[2];
	char c;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();

	if (pid == 0) {
		open_it();
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void half_a_file(void)
{
	struct file_out *f;

	if (file_out_open("target", 0644, &f) || sink_write(file_out_sink(f), "ne", 2))
		_exit(1);
}

static void half_a_directory(void)
{
	struct dir_out *d;
	const char *at;

	if (dir_out_open("tree", &d, &at) || chdir(at) || mkdir("sub", 0755))
		_exit(1);
	put("sub/file", "x");
}

static void next_run_sweeps(void **state)
{
	struct file_out *f, *g;

	(void)state;
	put("target", "old");
	put(".target.imgmin-notours", "x");
	killed_writer(half_a_file);
	killed_writer(half_a_file);
	assert_content("target", "old");
	assert_int_equal(entries(), 3); // the second swept the first's
	assert_null(file_out_open("target", 0644, &f));
	assert_int_equal(entries(), 3);
	// A live writer is left alone.
	assert_null(file_out_open("target", 0644, &g));
	assert_int_equal(entries(), 4);
	assert_null(sink_write(file_out_sink(f), "f", 1));
	assert_null(sink_write(file_out_sink(g), "g", 1));
	assert_null(file_out_commit(g));
	assert_null(file_out_commit(f));
	assert_content("target", "f");
	file_out_drop(&f);
	file_out_drop(&g);
	assert_int_equal(entries(), 2);
}

static void longest_name(void **state)
{
	char name[256];
	struct file_out *f;

	(void)state;
	memset(name, 'n', 255);
	name[255] = '\0';
	assert_null(file_out_open(name, 0644, &f));
	assert_null(sink_write(file_out_sink(f), "new", 3));
	assert_null(file_out_commit(f));
	file_out_drop(&f);
	assert_content(name, "new");
}

// All of them sweep, none of them takes away what another is writing.
static void many_writers(void **state)
{
	enum { WRITERS = 4, ROUNDS = 30 };
	pid_t pids[WRITERS];

	(void)state;
	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		for (int n = 0; pids[i] == 0 && n < ROUNDS; n++) {
			struct file_out *f;

			if (file_out_open("target", 0644, &f) ||
				sink_write(file_out_sink(f), "whole", 5) || file_out_commit(f))
				_exit(1);
			file_out_drop(&f);
		}
		if (pids[i] == 0)
			_exit(0);
	}
	for (int i = 0; i < WRITERS; i++) {
		int status;

		waitpid(pids[i], &status, 0);
		assert_int_equal(status, 0);
	}
	assert_content("target", "whole");
	assert_int_equal(entries(), 1);
}

static void special_targets(void **state)
{
	struct file_out *f;
	struct stat st;
	char buf[8];

	(void)state;
	assert_int_equal(mkdir("d", 0755), 0);
	assert_int_equal(symlink("d", "d-link"), 0);
	assert_fails(file_out_open("d", 0644, &f), EISDIR, "cannot write d");
	assert_fails(file_out_open("d-link", 0644, &f), EISDIR, "cannot write d-link");
	assert_fails(file_out_open("new/", 0644, &f), EISDIR, "cannot write new/");
	assert_fails(file_out_open("none/x", 0644, &f), ENOENT, "none/");
	assert_fails(file_out_open("", 0644, &f), 0, "names no file");
	assert_fails(file_out_open("d/..", 0644, &f), 0, "names no file");

	assert_null(file_out_open("/dev/null", 0644, &f));
	assert_null(sink_write(file_out_sink(f), "new", 3));
	assert_null(file_out_commit(f));
	file_out_drop(&f);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));

	assert_int_equal(mkfifo("fifo", 0600), 0);
	int fd = open("fifo", O_RDONLY | O_NONBLOCK);

	assert_null(file_out_open("fifo", 0644, &f));
	assert_null(sink_write(file_out_sink(f), "new", 3));
	assert_null(file_out_commit(f));
	file_out_drop(&f);
	assert_int_equal(read(fd, buf, sizeof(buf)), 3);
	close(fd);

	put("pointed-at", "old");
	assert_int_equal(symlink("pointed-at", "link"), 0);
	assert_null(file_out_open("link", 0644, &f));
	assert_null(sink_write(file_out_sink(f), "new", 3));
	assert_null(file_out_commit(f));
	file_out_drop(&f);
	assert_content("link", "new");
	assert_content("pointed-at", "old");
}

// It once was taken for a device and written over, with the end of a longer one left behind.
static void file_in_shared_memory(void **state)
{
	static const char *const words[] = {"longer", "less"};
	drop(mem_drop) char *path = str_printf("/dev/shm/imgmin-test-%d", (int)getpid());
	char text[16] = "";

	(void)state;
	if (access("/dev/shm", W_OK))
		skip();
	for (size_t i = 0; i < 2; i++) {
		drop(file_out_drop) struct file_out *f = NULL;

		assert_null(file_out_open(path, 0644, &f));
		assert_null(sink_write(file_out_sink(f), words[i], strlen(words[i])));
		assert_null(file_out_commit(f));
	}
	int fd = open(path, O_RDONLY);

	assert_int_equal(read(fd, text, sizeof(text) - 1), 4);
	assert_string_equal(text, "less");
	close(fd);
	unlink(path);
}

// Redirected into a file, /dev/stdout is that file: what it held stays, and so does the link.
static void stdout_is_written_through(void **state)
{
	struct file_out *f;
	int old = dup(STDOUT_FILENO);

	(void)state;
	fflush(stdout);
	int log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0644);

	assert_int_equal(write(log, "a", 1), 1);
	dup2(log, STDOUT_FILENO);
	struct err *e = file_out_open("/dev/stdout", 0644, &f);

	dup2(old, STDOUT_FILENO);
	assert_null(e);
	assert_null(sink_write(file_out_sink(f), "b", 1));
	assert_null(file_out_commit(f));
	file_out_drop(&f);
	assert_content("log", "ab");
	close(old);
	close(log);
}

static void disk_full(void **state)
{
	struct file_out *f;
	struct fd_sink s;
	int fd = open("/dev/full", O_WRONLY);

	(void)state;
	fd_sink_init(&s, fd, "out.tar");
	assert_fails(sink_write(&s.sink, "x", 1), ENOSPC, "write out.tar: No space left on device");
	close(fd);

	struct rlimit old, small = {4096, 4096};

	getrlimit(RLIMIT_FSIZE, &old);
	small.rlim_max = old.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	put("big", "old");
	assert_null(file_out_open("big", 0644, &f));
	setrlimit(RLIMIT_FSIZE, &small);
	drop(mem_drop) char *zeros = mem_alloc(10000);
	struct err *e = sink_write(file_out_sink(f), zeros, 10000);

	setrlimit(RLIMIT_FSIZE, &old);
	assert_fails(e, EFBIG, "write big");
	file_out_drop(&f);
	assert_content("big", "old");
	assert_int_equal(entries(), 1);
}

static void directory_appears_on_commit(void **state)
{
	struct dir_out *d;
	const char *at;

	(void)state;
	killed_writer(half_a_directory);
	assert_int_equal(entries(), 1);
	assert_null(dir_out_open("./tree//", &d, &at));
	assert_int_equal(entries(), 1);
	drop(mem_drop) char *file = str_printf("%s/file", at);

	put(file, "new");
	assert_int_equal(access("tree", F_OK), -1);
	assert_null(dir_out_commit(d));
	dir_out_drop(&d);
	assert_content("tree/file", "new");
	assert_fails(dir_out_open("tree", &d, &at), EEXIST, "tree");

	assert_null(dir_out_open("other", &d, &at));
	put("other", "came meanwhile");
	assert_fails(dir_out_commit(d), EEXIST, "other");
	dir_out_drop(&d);
	assert_content("other", "came meanwhile");
	assert_int_equal(entries(), 2);
}

static void copies_a_range(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b, 1 << 20, "copy");
	put("file", "0123456789");
	int fd = open("file", O_RDONLY);

	assert_null(sink_copy_fd(&b.sink, fd, 2, 5, "file"));
	assert_string_equal(b.bytes, "23456");
	assert_fails(sink_copy_fd(&b.sink, fd, 8, 5, "file"), 0, "file is cut short");
	assert_null(sink_copy_fd(&b.sink, fd, 10, 0, "file"));
	close(fd);
	buffer_drop(&b);
}

static void spools(void **state)
{
	int fd;

	(void)state;
	setenv("TMPDIR", dir, 1);
	assert_null(spool_open(&fd));
	assert_int_equal(entries(), 0);
	assert_int_equal(write(fd, "x", 1), 1);
	fd_drop(&fd);
	assert_int_equal(fd, -1);
	setenv("TMPDIR", "/nonexistent", 1);
	assert_fails(spool_open(&fd), ENOENT, "/nonexistent");
	unsetenv("TMPDIR");
}

#define test(f) cmocka_unit_test_setup_teardown(f, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(buffer_is_bounded),
		test(file_appears_on_commit),
		test(dropped_file_leaves_no_trace),
		test(next_run_sweeps),
		test(longest_name),
		test(many_writers),
		test(special_targets),
		test(file_in_shared_memory),
		test(stdout_is_written_through),
		test(disk_full),
		test(directory_appears_on_commit),
		test(copies_a_range),
		test(spools),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
