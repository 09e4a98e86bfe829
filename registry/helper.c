#include "registry/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/sandbox.h"

enum { HELPER_SECONDS = 15, OUTPUT_MAX = 64 << 10 };

static bool is_name(const char *name)
{
	return *name && strlen(name) < 100 &&
		name[strspn(name,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"0123456789-_.")] == '\0';
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

// Reads until the end; errors name no byte of it.
static struct err *read_all(int fd, int64_t deadline, struct buffer *out)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		const int64_t left = deadline - now_ms();
		char bytes[4096];

		if (left <= 0)
			return err_new(ERR_AUTH, "no answer in %d seconds", HELPER_SECONDS);
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		const ssize_t n = read(fd, bytes, sizeof(bytes));

		if (n < 0 && errno != EINTR)
			return err_sys(errno, "read its answer");
		if (n == 0)
			return NULL;
		if (n > 0)
			TRY(sink_write(&out->sink, bytes, (size_t)n));
	}
}

// Waits for its end, which comes by force at the deadline, or at once if it is of no more use.
static int reap(pid_t pid, int64_t deadline, bool is_useless)
{
	const struct timespec tick = {.tv_nsec = 2000000};
	int status = 0;

	while (!is_useless && now_ms() < deadline) {
		const pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid) {
			kill(-pid, SIGKILL); // what it left behind
			return status;
		}
		nanosleep(&tick, NULL);
	}
	kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return -1;
}

static struct err *converse(
	const char *program, const char *verb, const char *input, struct buffer *out, int *status)
{
	const int64_t deadline = now_ms() + HELPER_SECONDS * 1000LL;
	int in[2], answer[2];
	pid_t pid;

	// A socket, because writing to a helper that has gone must not end us by SIGPIPE.
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in))
		return err_sys(errno, "socket");
	drop(fd_drop) int in_ours = in[0], in_its = in[1];

	if (pipe2(answer, O_CLOEXEC))
		return err_sys(errno, "pipe");
	drop(fd_drop) int out_ours = answer[0], out_its = answer[1];
	char *argv[] = {(char *)program, (char *)verb, NULL};
	// In a process group of its own, so that whatever it starts ends with it.
	const struct sandbox_program its = {
		.argv = argv, .in = in_its, .out = out_its, .has_group = true};
	const int failed = sandbox_spawn(&its, &pid);

	if (failed)
		return failed == ENOENT ? err_new(ERR_AUTH, "no such program in PATH")
					: err_sys(failed, "start");
	fd_drop(&in_its);
	fd_drop(&out_its);
	if (send(in_ours, input, strlen(input), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EPIPE)
		errno = 0; // it need not read
	fd_drop(&in_ours);
	struct err *e = read_all(out_ours, deadline, out);

	*status = reap(pid, deadline, e != NULL);
	return e;
}

struct err *helper_run(
	const char *name, const char *verb, const char *input, struct buffer *out, bool *found)
{
	int status = 0;

	*found = false;
	if (!is_name(name))
		return err_new(ERR_AUTH, "credential helper '%.60s': not a name", name);
	drop(mem_drop) char *program = str_printf("docker-credential-%s", name);

	buffer_init(out, OUTPUT_MAX, "its answer");
	TRY_AS(converse(program, verb, input, out, &status), "%s", program);
	if (status == 0) {
		*found = true;
		return NULL;
	}
	// The protocol has no code for this; all helpers say the same sentence.
	if (strstr(out->bytes, "credentials not found"))
		return NULL;
	if (status < 0 || !WIFEXITED(status))
		return err_new(ERR_AUTH, "%s was ended", program);
	return err_new(ERR_AUTH, "%s failed with status %d", program, WEXITSTATUS(status));
}
