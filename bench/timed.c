/*
 * timed OUT COMMAND...: runs a command, its output thrown away, and writes to OUT how long it took
 * in nanoseconds, the largest resident set among it and what it waited for, in KiB, and its status.
 *
 * Small on purpose: a process counts as its own what its parent held before execve, and a large
 * parent would be the floor of all that is measured.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Does not return. */
static void become(char **argv)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, 0);
	dup2(null, 1);
	execvp(argv[0], argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	int out = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out < 0)
		return 2;

	long long start = now();
	pid_t child = vfork();
	if (child < 0)
		return 2;
	if (!child)
		become(argv + 2);

	int status;
	struct rusage used;
	while (wait4(child, &status, 0, &used) < 0)
		if (errno != EINTR)
			return 2;
	long long took = now() - start;

	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return dprintf(out, "%lld %ld %d\n", took, used.ru_maxrss, status) < 0 ? 2 : 0;
}
