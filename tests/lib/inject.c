// Lets one chosen system call of a program fail, without the kernel doing it.
//
//	inject --told FILE [--limit SECONDS] [--list] [--fail NAME:N:WHAT[+]] -- COMMAND...
//
// The program runs under a seccomp filter whose verdict is «ask the supervisor» (user
// notification), so that sanitizers, threads and children work as always; ptrace would keep
// LeakSanitizer from its work. Calls are counted by name, over all threads and children. The N-th
// of NAME fails with the errno WHAT, or returns 0 where WHAT is EOF, or moves half of the bytes
// where it is SHORT; with a + all later ones do, too. Counting begins with main, whose first call
// is fcntl(0, F_GETFD), and ends with its last, close(1): neither the loader's start nor what a
// sanitizer does at the end is of interest.
//
// FILE gets «call NAME N TARGET» for each call (--list), «hit NAME N TARGET» for the failed ones,
// and in the end «exit N», «signal N» or «hang», and «left» where a process outlived the program.
// Exit status: 0 the program ran, whatever became of it; 77 this machine does not permit it.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_CALLS 400
#define NOT_PERMITTED 77

// What a call is about: the text or the descriptor in that argument.
enum about { NOTHING, FD0, FD4, TEXT0, TEXT1, TEXT2 };
static const struct call {
	long number;
	const char *name;
	enum about about;
} calls[] = {
#define CALL(name, about)                                                                          \
	{                                                                                          \
		SYS_##name, #name, about                                                           \
	}
	CALL(openat, TEXT1),
	CALL(read, FD0),
	CALL(readv, FD0),
	CALL(pread64, FD0),
	CALL(preadv, FD0),
	CALL(write, FD0),
	CALL(writev, FD0),
	CALL(pwrite64, FD0),
	CALL(pwritev, FD0),
	CALL(close, FD0),
	CALL(lseek, FD0),
	CALL(statx, TEXT1),
	CALL(faccessat, TEXT1),
	CALL(faccessat2, TEXT1),
	CALL(readlinkat, TEXT1),
	CALL(getdents64, FD0),
	CALL(mkdirat, TEXT1),
	CALL(unlinkat, TEXT1),
	CALL(renameat2, TEXT1),
	CALL(linkat, TEXT1),
	CALL(symlinkat, TEXT0),
	CALL(ftruncate, FD0),
	CALL(fallocate, FD0),
	CALL(fsync, FD0),
	CALL(fdatasync, FD0),
	CALL(syncfs, FD0),
	CALL(copy_file_range, FD0),
	CALL(sendfile, FD0),
	CALL(fcntl, FD0),
	CALL(flock, FD0),
	CALL(ioctl, FD0),
	CALL(mmap, FD4),
	CALL(mprotect, NOTHING),
	CALL(brk, NOTHING),
	CALL(clone3, NOTHING),
	CALL(clone, NOTHING),
	CALL(execve, TEXT0),
	CALL(wait4, NOTHING),
	CALL(waitid, NOTHING),
	CALL(pipe2, NOTHING),
	CALL(dup, FD0),
	CALL(dup3, FD0),
	CALL(socket, NOTHING),
	CALL(socketpair, NOTHING),
	CALL(connect, FD0),
	CALL(bind, FD0),
	CALL(sendto, FD0),
	CALL(sendmsg, FD0),
	CALL(sendmmsg, FD0),
	CALL(recvfrom, FD0),
	CALL(recvmsg, FD0),
	CALL(getsockopt, FD0),
	CALL(setsockopt, FD0),
	CALL(getsockname, FD0),
	CALL(getpeername, FD0),
	CALL(ppoll, NOTHING),
	CALL(epoll_create1, NOTHING),
	CALL(epoll_ctl, FD0),
	CALL(epoll_pwait, FD0),
	CALL(eventfd2, NOTHING),
	CALL(getrandom, NOTHING),
	CALL(getcwd, NOTHING),
	CALL(utimensat, TEXT1),
	CALL(fchmod, FD0),
	CALL(fchmodat, TEXT1),
	CALL(fchown, FD0),
	CALL(fchownat, TEXT1),
	CALL(flistxattr, FD0),
	CALL(fgetxattr, FD0),
	CALL(lgetxattr, TEXT0),
	CALL(llistxattr, TEXT0),
	CALL(statfs, TEXT0),
	CALL(fstatfs, FD0),
	CALL(uname, NOTHING),
	CALL(prlimit64, NOTHING),
	CALL(sysinfo, NOTHING),
	CALL(sched_getaffinity, NOTHING),
	CALL(prctl, NOTHING),
	CALL(seccomp, NOTHING),
	CALL(fadvise64, FD0),
	CALL(memfd_create, TEXT0),
#ifdef SYS_newfstatat
	CALL(newfstatat, TEXT1),
	CALL(fstat, FD0),
#endif
#ifdef SYS_landlock_create_ruleset
	CALL(landlock_create_ruleset, NOTHING),
	CALL(landlock_add_rule, NOTHING),
	CALL(landlock_restrict_self, NOTHING),
#endif
#ifdef SYS_renameat
	CALL(renameat, TEXT1),
#endif
#ifdef SYS_open // x86-64 keeps the old calls, too
	CALL(open, TEXT0),
	CALL(stat, TEXT0),
	CALL(lstat, TEXT0),
	CALL(access, TEXT0),
	CALL(readlink, TEXT0),
	CALL(mkdir, TEXT0),
	CALL(rmdir, TEXT0),
	CALL(unlink, TEXT0),
	CALL(rename, TEXT0),
	CALL(link, TEXT0),
	CALL(symlink, TEXT0),
	CALL(chmod, TEXT0),
	CALL(chown, TEXT0),
	CALL(poll, NOTHING),
	CALL(pipe, NOTHING),
	CALL(dup2, FD0),
	CALL(vfork, NOTHING),
	CALL(fork, NOTHING),
#endif
#undef CALL
};
#define CALLS (sizeof(calls) / sizeof(*calls))

#define SHORT (-1)
static struct {
	FILE *told;
	double limit;
	bool is_listing;
	char name[32];
	unsigned long nth;
	int number; // errno; 0: EOF
	bool is_lasting;
} wanted = {.limit = 20};

static unsigned long seen[CALLS];
static bool is_counting;

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(2);
}

static _Noreturn void usage(void)
{
	fputs("usage: inject --told FILE [--limit SECONDS] [--list] [--fail NAME:N:WHAT[+]] -- COMMAND...\n",
		stderr);
	exit(2);
}

static int errno_of(const char *name)
{
	if (strcmp(name, "EOF") == 0)
		return 0;
	if (strcmp(name, "SHORT") == 0)
		return SHORT;
	for (int i = 1; i < 200; i++) {
		const char *known = strerrorname_np(i);

		if (known && strcmp(known, name) == 0)
			return i;
	}
	usage();
}

static void parse_fault(char *text)
{
	char what[32];

	if (sscanf(text, "%31[^:]:%lu:%31s", wanted.name, &wanted.nth, what) != 3)
		usage();
	size_t n = strlen(what);

	wanted.is_lasting = what[n - 1] == '+';
	if (wanted.is_lasting)
		what[n - 1] = '\0';
	wanted.number = errno_of(what);
}

// ---- the program's side ----

// Asks the supervisor about these calls and permits all others.
static void filter_install(void)
{
	static struct sock_filter code[2 * CALLS + 8];
	size_t n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < CALLS; i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i].number, 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {(unsigned short)n, code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			&program) < 0)
		_exit(NOT_PERMITTED);
}

// The supervisor takes the listener, the first free descriptor, while this process is stopped.
#define LISTENER 3
static _Noreturn void become(char **argv)
{
	setpgid(0, 0);
	for (int fd = LISTENER; fd < 100; fd++)
		close(fd);
	filter_install();
	raise(SIGSTOP);
	execvp(argv[0], argv);
	_exit(127);
}

// ---- the supervisor ----

static const struct call *call_of(int number, size_t *index)
{
	for (size_t i = 0; i < CALLS; i++)
		if (calls[i].number == number) {
			*index = i;
			return &calls[i];
		}
	return NULL;
}

static void fd_name(uint32_t pid, uint64_t fd, char *text, size_t n)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/%u/fd/%d", pid, (int)fd);
	ssize_t got = readlink(link, text, n - 1);

	text[got < 0 ? 0 : got] = '\0';
}

static void text_at(uint32_t pid, uint64_t address, char *text, size_t n)
{
	// Page by page: the text may end just before one that is not there.
	size_t done = 0;

	while (done < n - 1) {
		size_t piece = 4096 - (address + done) % 4096;
		struct iovec to = {text + done, piece < n - 1 - done ? piece : n - 1 - done};
		struct iovec from = {(void *)(uintptr_t)(address + done), to.iov_len};
		ssize_t got = process_vm_readv((pid_t)pid, &to, 1, &from, 1, 0);

		if (got <= 0 || memchr(text + done, 0, (size_t)got))
			break;
		done += (size_t)got;
	}
	text[n - 1] = '\0';
}

static void describe(const struct seccomp_notif *q, const struct call *c, char *text, size_t n)
{
	memset(text, 0, n);
	switch (c->about) {
	case NOTHING:
		break;
	case FD0:
		fd_name(q->pid, q->data.args[0], text, n);
		break;
	case FD4:
		fd_name(q->pid, q->data.args[4], text, n);
		break;
	case TEXT0:
		text_at(q->pid, q->data.args[0], text, n);
		break;
	case TEXT1:
		text_at(q->pid, q->data.args[1], text, n);
		break;
	case TEXT2:
		text_at(q->pid, q->data.args[2], text, n);
		break;
	}
	if (!*text && c->about == TEXT1) // by descriptor alone
		fd_name(q->pid, q->data.args[0], text, n);
	if (c->about == FD4 && (int)q->data.args[4] < 0)
		snprintf(text, n, "memory");
	text[strcspn(text, "\n")] = '\0';
}

static bool is_chosen(const struct call *c, unsigned long nth)
{
	return *wanted.name && strcmp(c->name, wanted.name) == 0 &&
		(nth == wanted.nth || (wanted.is_lasting && nth > wanted.nth));
}

// Whether this call is to fail; counts and tells it.
static bool decide(const struct seccomp_notif *q, pid_t child)
{
	size_t index;
	const struct call *c = call_of(q->data.nr, &index);
	bool is_main = (pid_t)q->pid == child;
	char text[512];

	if (!c)
		return false;
	if (!is_counting && is_main && c->number == SYS_fcntl && q->data.args[0] == 0 &&
		q->data.args[1] == F_GETFD)
		is_counting = true;
	if (!is_counting)
		return false;
	unsigned long nth = ++seen[index];
	bool is_hit = is_chosen(c, nth);

	if (is_main && c->number == SYS_close && (int)q->data.args[0] == STDOUT_FILENO)
		is_counting = false;
	if (wanted.is_listing || is_hit) {
		describe(q, c, text, sizeof(text));
		fprintf(wanted.told, "%s %s %lu %s\n", is_hit ? "hit" : "call", c->name, nth, text);
	}
	return is_hit;
}

static int fd_of(uint32_t thread, int fd)
{
	char path[64], line[256];
	int pid = (int)thread, at = -1, copy = -1;

	snprintf(path, sizeof(path), "/proc/%u/status", thread);
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Tgid: %d", &pid) == 1)
			break;
	if (f)
		fclose(f);
	at = (int)syscall(SYS_pidfd_open, pid, 0);
	if (at >= 0)
		copy = (int)syscall(SYS_pidfd_getfd, at, fd, 0);
	close(at);
	return copy;
}

// Half of the bytes, moved in the program's stead: how many, or a negative errno.
static int64_t move_half(const struct seccomp_notif *q)
{
	static char bytes[1 << 20];
	const __u64 *args = q->data.args;
	size_t n = args[2] / 2 < sizeof(bytes) ? args[2] / 2 : sizeof(bytes);
	struct iovec here = {bytes, n}, there = {(void *)(uintptr_t)args[1], n};
	bool is_write =
		q->data.nr == SYS_write || q->data.nr == SYS_pwrite64 || q->data.nr == SYS_sendto;
	int fd = fd_of(q->pid, (int)args[0]);
	ssize_t got = -1;

	if (fd < 0 ||
		(is_write && process_vm_readv((pid_t)q->pid, &here, 1, &there, 1, 0) != (ssize_t)n))
		die("half of a call");
	switch (q->data.nr) {
	case SYS_read:
		got = read(fd, bytes, n);
		break;
	case SYS_pread64:
		got = pread(fd, bytes, n, (off_t)args[3]);
		break;
	case SYS_recvfrom:
		got = recv(fd, bytes, n, (int)args[3] | MSG_DONTWAIT);
		break;
	case SYS_write:
		got = write(fd, bytes, n);
		break;
	case SYS_pwrite64:
		got = pwrite(fd, bytes, n, (off_t)args[3]);
		break;
	case SYS_sendto:
		got = send(fd, bytes, n, (int)args[3] | MSG_NOSIGNAL);
		break;
	default:
		usage();
	}
	int number = errno;

	close(fd);
	here.iov_len = there.iov_len = got > 0 ? (size_t)got : 0;
	if (got > 0 && !is_write && process_vm_writev((pid_t)q->pid, &here, 1, &there, 1, 0) != got)
		die("half of a call");
	return got < 0 ? -number : got;
}

static void answer(int listener, pid_t child)
{
	struct seccomp_notif q = {0};
	struct seccomp_notif_resp a = {0};

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &q))
		return; // the thread is gone
	a.id = q.id;
	bool is_hit = decide(&q, child);
	int64_t result = -wanted.number;

	if (is_hit && wanted.number == SHORT && q.data.args[2] > 1)
		result = move_half(&q);
	else if (!is_hit || wanted.number == SHORT)
		a.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	if (!a.flags && result < 0)
		a.error = (int)result;
	else if (!a.flags)
		a.val = result;
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &a) && errno != ENOENT &&
		errno != EINPROGRESS)
		die("answer");
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// Answers until nobody is left who could ask; a process that is left behind is told and ended.
static void supervise(int listener, pid_t child, int ended)
{
	struct pollfd all[2] = {
		{.fd = listener, .events = POLLIN}, {.fd = ended, .events = POLLIN}};
	double deadline = now() + wanted.limit;
	bool is_over = false;

	for (;;) {
		double left = deadline - now();

		if (left <= 0) {
			fputs(is_over ? "left\n" : "hang\n", wanted.told);
			kill(-child, SIGKILL);
			return;
		}
		if (poll(all, 2, (int)(left * 1000) + 1) < 0 && errno != EINTR)
			die("poll");
		if (all[0].revents & POLLIN)
			answer(listener, child);
		else if (all[0].revents & (POLLHUP | POLLERR))
			return;
		if (!is_over && all[1].revents) {
			is_over = true;
			all[1].fd = -1;
			deadline = now() + 1;
		}
	}
}

static void tell_end(int status)
{
	if (WIFSIGNALED(status))
		fprintf(wanted.told, "signal %d\n", WTERMSIG(status));
	else
		fprintf(wanted.told, "exit %d\n", WEXITSTATUS(status));
}

static _Noreturn void not_permitted(const char *what)
{
	fprintf(stderr, "seccomp user notification is not permitted here: %s: %s\n", what,
		strerror(errno));
	exit(NOT_PERMITTED);
}

static void run(char **argv)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		die("fork");
	if (child == 0)
		become(argv);
	if (waitpid(child, &status, WUNTRACED) != child)
		die("waitpid");
	if (!WIFSTOPPED(status))
		not_permitted("filter");
	int ended = (int)syscall(SYS_pidfd_open, child, 0);
	int listener = ended < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, ended, LISTENER, 0);

	if (listener < 0) {
		int number = errno;

		kill(child, SIGKILL);
		errno = number;
		not_permitted("listener");
	}
	kill(child, SIGCONT);
	supervise(listener, child, ended);
	if (waitpid(child, &status, 0) != child)
		die("waitpid");
	tell_end(status);
}

int main(int argc, char **argv)
{
	int i = 1;

	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--list") == 0)
			wanted.is_listing = true;
		else if (strcmp(argv[i], "--told") == 0 && i + 1 < argc)
			wanted.told = fopen(argv[++i], "we");
		else if (strcmp(argv[i], "--limit") == 0 && i + 1 < argc)
			wanted.limit = strtod(argv[++i], NULL);
		else if (strcmp(argv[i], "--fail") == 0 && i + 1 < argc)
			parse_fault(argv[++i]);
		else
			usage();
	}
	if (!wanted.told || i + 1 >= argc)
		usage();
	run(argv + i + 1);
	return fclose(wanted.told) ? 2 : 0;
}
