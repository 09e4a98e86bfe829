// Children enter the sandbox and try, against the running kernel.
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/sandbox.h"

extern char **environ;

static char dir[] = "/tmp/test_sandbox-XXXXXX";
static bool has_landlock, has_seccomp;

// What goes wrong in a child ends it, and the test with it.
#define want(what)                                                                                 \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "# %s:%d: %s (errno %d)\n", __FILE__, __LINE__, #what,     \
				errno);                                                            \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)
#define want_errno(number, what) want((errno = 0, (what) < 0) && errno == (number))
#define want_denied(what) want((errno = 0, (what) < 0) && (errno == EACCES || errno == EXDEV))

// A build with --coverage counts what children ran, too, in $COUNTS.
extern void __gcov_dump(void) __attribute__((weak));

static void in_child(void (*tries)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		alarm(20);
		tries();
		if (__gcov_dump)
			__gcov_dump();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static const char *enter(struct sandbox *s, const char *path, enum sandbox_rights rights)
{
	static struct arena a;

	if (path)
		vec_push(&a, &s->writable, ((struct sandbox_path){path, rights}));
	if (getenv("COUNTS"))
		vec_push(&a, &s->writable, ((struct sandbox_path){getenv("COUNTS"), SANDBOX_TREE}));
	return sandbox_enter(s, &a);
}

static int make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	want(write(fd, "x", 1) == 1);
	return close(fd);
}

static void need(bool is_there)
{
	if (!is_there)
		skip();
}

// ---- files ----

static void try_tree(void)
{
	struct sandbox s = {0};
	int kept = open("out/kept", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	enter(&s, "in", SANDBOX_TREE);
	want(!make("in/a"));
	want(!mkdir("in/sub", 0700));
	want(!rename("in/a", "in/sub/b"));
	want(!rename("in/sub", "in/bus"));
	want(!symlink("b", "in/bus/link"));
	want(open("in", O_TMPFILE | O_RDWR, 0600) >= 0);
	want(open("in/bus/b", O_WRONLY | O_TRUNC) >= 0);
	want(!unlink("in/bus/link"));

	want_denied(make("out/new"));
	want_denied(open("out/file", O_WRONLY));
	want_denied(open("out/file", O_RDONLY | O_TRUNC));
	want_denied(unlink("out/file"));
	want_denied(mkdir("out/sub", 0700));
	want_denied(symlink("b", "out/link"));
	want_denied(rename("out/file", "out/elif"));
	want_denied(rename("in/bus/b", "out/b"));
	want_denied(rename("out/file", "in/file"));
	want_denied(link("in/bus/b", "out/b"));
	want_denied(open("out", O_TMPFILE | O_RDWR, 0600));
	// A link that leads out is no way out.
	want(!symlink("../out/file", "in/way"));
	want_denied(open("in/way", O_WRONLY));

	want(open("out/file", O_RDONLY) >= 0);
	want(open("/dev/null", O_WRONLY) >= 0);
	want(write(kept, "x", 1) == 1); // open before
}

static void try_files(void)
{
	struct sandbox s = {0};

	enter(&s, "in", SANDBOX_FILES);
	want(!make("in/.temp"));
	want(!rename("in/.temp", "in/result"));
	want(!unlink("in/result"));
	want_denied(mkdir("in/sub", 0700));
	want_denied(symlink("b", "in/link"));
	want_denied(rename("in/dir/file", "in/file"));
}

static void try_spool(void)
{
	struct sandbox s = {0};
	int fd;

	enter(&s, "in", SANDBOX_SPOOL);
	fd = open("in", O_TMPFILE | O_RDWR, 0600);
	want(fd >= 0 && write(fd, "x", 1) == 1 && !ftruncate(fd, 0));
	want_denied(make("in/new"));
	want_denied(unlink("in/dir/file"));
}

static void try_special(void)
{
	struct sandbox s = {0};

	enter(&s, "in/fifo", SANDBOX_FILE);
	want(open("in/fifo", O_RDWR) >= 0);
	want_denied(make("in/new"));
	want_denied(unlink("in/fifo"));
}

// One that is missing, and no place at all.
static void try_nothing(void)
{
	struct sandbox s = {0};

	enter(&s, "missing", SANDBOX_TREE);
	want_denied(mkdir("missing", 0700));
	want_denied(make("in/new"));
}

// A file that is opened to be read alone can be truncated by that (open(2), O_TRUNC).
static void try_no_writes(void)
{
	struct sandbox s = {0};

	want(!make("in/full"));
	enter(&s, NULL, 0);
	want_denied(open("in/full", O_RDONLY | O_TRUNC));
	want_denied(open("in/full", O_WRONLY));
	want_denied(make("in/new"));
	want_denied(unlink("in/full"));
}

// One that is no directory is passed over; the rest holds.
static void try_no_directory(void)
{
	struct sandbox s = {0};

	enter(&s, "out/file", SANDBOX_SPOOL);
	want_denied(open("out/file", O_WRONLY));
	want_denied(make("in/new"));
}

static void test_files(void **state)
{
	(void)state;
	need(has_landlock);
	in_child(try_tree);
	assert_int_equal(
		system("rm -rf in/* && mkdir in/dir && touch in/dir/file && mkfifo in/fifo"), 0);
	in_child(try_files);
	in_child(try_spool);
	in_child(try_special);
	in_child(try_nothing);
	in_child(try_no_writes);
	in_child(try_no_directory);
}

// ---- calls ----

static void try_calls(void)
{
	char *const argv[] = {"true", NULL};
	struct sandbox s = {0};
	int fd = open("out/file", O_RDWR), pair[2];
	struct iovec io = {pair, 1};

	enter(&s, "in", SANDBOX_TREE);
	want_errno(EPERM, execve("/bin/true", argv, environ));
	want_errno(EPERM, syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv, environ, 0));
#ifndef __SANITIZE_ADDRESS__
	want_errno(EPERM, ptrace(PTRACE_TRACEME, 0, 0, 0));
	want_errno(EPERM, ptrace(PTRACE_ATTACH, getppid(), 0, 0));
#endif
	want_errno(EPERM, process_vm_readv(getppid(), &io, 1, &io, 1, 0));
	want_errno(EPERM, syscall(SYS_unshare, 0));
	want_errno(EPERM, syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
	want_errno(ENOSYS, syscall(435 /* clone3 */, NULL, 0));
	want_errno(EPERM, syscall(SYS_keyctl, 0, -3, 0));
	want_errno(EPERM, syscall(SYS_bpf, 0, NULL, 0));
	want_errno(EPERM, syscall(SYS_mount, NULL, NULL, NULL, 0, NULL));
	want_errno(EPERM, syscall(430 /* fsopen */, "tmpfs", 0));
	want_errno(EPERM, syscall(428 /* open_tree */, AT_FDCWD, "out", 0));
	want_errno(EPERM, syscall(442 /* mount_setattr */, AT_FDCWD, "out", 0, NULL, 0));
	want_errno(EPERM, syscall(425 /* io_uring_setup */, 1, NULL));
	want_errno(EPERM, chmod("out/file", 04755));
	want_errno(EPERM, fchmod(fd, 04755));
	want_errno(EPERM, chown("out/file", 0, 0));
	want_errno(EPERM, setxattr("out/file", "user.a", "b", 1, 0));
	want_errno(EPERM, truncate("out/file", 0));
	want_errno(EPERM, ioctl(fd, TIOCSTI, "x"));
	want_errno(EPERM, socket(AF_UNIX, SOCK_STREAM, 0));
	want_errno(EPERM, socket(AF_INET, SOCK_STREAM, 0));
	want_errno(EPERM, socket(AF_INET6, SOCK_DGRAM, 0));
	want_errno(EPERM, socket(AF_NETLINK, SOCK_RAW, 0));
	// What goes on as before.
	want_errno(ENOTTY, ioctl(fd, TIOCGWINSZ, &io));
	want(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	want(!futimens(fd, NULL) && !ftruncate(fd, 0));
	signal(SIGUSR1, SIG_IGN);
	want(!raise(SIGUSR1) && !kill(getpid(), SIGUSR1));
}

static void *try_in_thread(void *arg)
{
	(void)arg;
	want_errno(EPERM, execve("/bin/true", (char *const[]){"true", NULL}, environ));
	want(!has_landlock || (make("out/new") < 0 && errno == EACCES));
	want(!make("in/by-thread"));
	return NULL;
}

static void try_threads(void)
{
	struct sandbox s = {0};
	pthread_t thread;

	enter(&s, "in", SANDBOX_TREE);
	want(!pthread_create(&thread, NULL, try_in_thread, NULL));
	want(!pthread_join(thread, NULL));
	// A child that it makes is no way out either.
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(execve("/bin/true", (char *const[]){"true", NULL}, environ) ? errno : 0);
	want(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == EPERM);
}

static void test_calls(void **state)
{
	(void)state;
	need(has_seccomp);
	in_child(try_calls);
	in_child(try_threads);
}

// ---- network ----

static struct sockaddr_in there = {.sin_family = AF_INET};

static void try_engine(void)
{
	struct sandbox s = {.network = SANDBOX_ENGINE};

	enter(&s, NULL, 0);
	want(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
	want_errno(EPERM, socket(AF_INET, SOCK_STREAM, 0));
	want_errno(EPERM, socket(AF_NETLINK, SOCK_RAW, 0));
}

static void try_network(void)
{
	struct sandbox s = {.network = SANDBOX_NETWORK};
	int fd;

	enter(&s, NULL, 0);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	want(fd >= 0 && !connect(fd, (struct sockaddr *)&there, sizeof(there)));
	want(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
	want(socket(AF_NETLINK, SOCK_RAW, 0) >= 0);
	want_errno(EPERM, socket(AF_PACKET, SOCK_RAW, 0));
	want_errno(EPERM, execve("/bin/true", (char *const[]){"true", NULL}, environ));
}

static void try_socket_from_before(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sandbox s = {0};

	if (!strstr(enter(&s, NULL, 0), "ABI") || syscall(444, NULL, 0, 1) < 4)
		return;
	want_denied(connect(fd, (struct sockaddr *)&there, sizeof(there)));
}

static void test_network(void **state)
{
	socklen_t n = sizeof(there);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	need(has_seccomp);
	there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&there, sizeof(there)), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&there, &n), 0);
	in_child(try_engine);
	in_child(try_network);
	in_child(try_socket_from_before);
	close(fd);
}

// ---- programs that stand outside ----

static int start(pid_t *pid, const char *program, const char *script)
{
	char *const argv[] = {(char *)program, "-c", (char *)script, NULL};
	const struct sandbox_program its = {
		.argv = argv, .in = STDIN_FILENO, .out = STDOUT_FILENO, .takes_errors = true};

	return sandbox_spawn(&its, pid);
}

static void *start_one(void *arg)
{
	char script[100];
	int status;
	pid_t pid;

	snprintf(script, sizeof(script), "echo x >out/by-program-%d; exit %d", *(int *)arg,
		*(int *)arg);
	want(!start(&pid, "sh", script));
	want(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == *(int *)arg);
	return NULL;
}

static void try_programs(void)
{
	struct sandbox s = {.starts_programs = true};
	pthread_t threads[8];
	int numbers[8];
	pid_t pid;

	enter(&s, "in", SANDBOX_TREE);
	for (int i = 0; i < 8; i++) {
		numbers[i] = i + 1;
		want(!pthread_create(&threads[i], NULL, start_one, &numbers[i]));
	}
	for (int i = 0; i < 8; i++)
		want(!pthread_join(threads[i], NULL));
	want(start(&pid, "no-such-program-here", "") == ENOENT);
	want(!access("out/by-program-8", F_OK));
	want(!has_landlock || (make("out/new") < 0 && errno == EACCES));
	want_errno(EPERM, execve("/bin/true", (char *const[]){"true", NULL}, environ));
	// They can be stopped.
	want(!start(&pid, "sh", "exec sleep 60"));
	want(!kill(pid, SIGKILL) && waitpid(pid, NULL, 0) == pid);
}

static void test_programs(void **state)
{
	int one = 9;

	(void)state;
	start_one(&one); // without a sandbox
	need(has_seccomp);
	in_child(try_programs);
}

// ---- words ----

static void write_text(const struct sandbox *s, char *text, size_t size)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		struct arena a = {0};

		dprintf(ends[1], "%s", sandbox_enter(s, &a));
		_exit(0);
	}
	close(ends[1]);
	ssize_t n = read(ends[0], text, size - 1);

	close(ends[0]);
	text[n > 0 ? n : 0] = '\0';
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_words(void **state)
{
	struct sandbox_path paths[] = {{"in", SANDBOX_TREE}, {"/tmp", SANDBOX_SPOOL}};
	struct sandbox none = {0}, some = {.network = SANDBOX_NETWORK, .starts_programs = true};
	char text[400];

	(void)state;
	need(has_landlock && has_seccomp);
	write_text(&none, text, sizeof(text));
	assert_non_null(strstr(text, "no writes; seccomp: no exec, no network"));
	some.writable.at = paths;
	some.writable.len = 2;
	write_text(&some, text, sizeof(text));
	assert_non_null(strstr(text,
		"writes only to in, unnamed files in /tmp; seccomp: exec only for ssh and "
		"credential helpers, network open"));
}

static int setup(void **state)
{
	const struct sandbox none = {0};
	char text[400];

	(void)state;
	write_text(&none, text, sizeof(text));
	has_landlock = strstr(text, "Landlock (ABI");
	has_seccomp = strstr(text, "seccomp: no exec");
	return !mkdtemp(dir) || chdir(dir) || mkdir("in", 0700) || mkdir("out", 0700) ||
		make("out/file");
}

static int teardown(void **state)
{
	(void)state;
	return system("rm -rf in out") || chdir("/") || rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_network),
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
