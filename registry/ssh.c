#include "registry/ssh.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sandbox.h"

#define SAID_MAX (16u << 20) // bytes that the other side may say
#define SSH_FAILED 255       // ssh(1), EXIT STATUS
#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

struct ssh {
	struct ssh_target to;
	pid_t pid;
	int input, output;
	pthread_t reader;
	bool is_reading;
	struct buffer said;
	struct err *error; // the reader's
};

// ---- ssh://user@host:port ----

static bool take_word(const char *from, size_t n, const char *chars, char *out, size_t size)
{
	if (!n || n >= size || from[0] == '-' || strspn(from, chars) < n)
		return false;
	memcpy(out, from, n);
	out[n] = '\0';
	return true;
}

static bool take_port(const char *s, size_t n, int *out)
{
	char *end;

	if (!n || n > 5 || strspn(s, "0123456789") < n)
		return false;
	*out = (int)strtol(s, &end, 10);
	return end == s + n && *out > 0 && *out < 65536;
}

static bool take_host(const char *s, size_t n, struct ssh_target *out)
{
	const char *colon = memchr(s, ':', n);

	if (n && s[0] == '[') {
		const char *end = memchr(s, ']', n);
		size_t len = end ? (size_t)(end - s) - 1 : 0;

		if (!take_word(
			    s + 1, len, "0123456789abcdefABCDEF:.", out->host, sizeof(out->host)))
			return false;
		n -= len + 2;
		return !n || (end[1] == ':' && take_port(end + 2, n - 1, &out->port));
	}
	if (colon && !take_port(colon + 1, n - (size_t)(colon + 1 - s), &out->port))
		return false;
	return take_word(
		s, colon ? (size_t)(colon - s) : n, NAME_CHARS, out->host, sizeof(out->host));
}

struct err *ssh_parse(const char *url, struct ssh_target *out)
{
	const char *s = strncmp(url, "ssh://", 6) == 0 ? url + 6 : "";
	size_t n = strlen(s);
	const char *at;

	*out = (struct ssh_target){0};
	if (n && s[n - 1] == '/')
		n--;
	at = memchr(s, '@', n);
	bool is_good =
		!at || take_word(s, (size_t)(at - s), NAME_CHARS, out->user, sizeof(out->user));

	if (at) {
		n -= (size_t)(at + 1 - s);
		s = at + 1;
	}
	if (is_good && take_host(s, n, out))
		return NULL;
	return err_hint(err_new(ERR_USAGE, "%s: not ssh://[USER@]HOST[:PORT]", url),
		"keys, jump hosts and the rest are for ~/.ssh/config");
}

// ---- the process ----

// Whatever it says is read as it comes, so that it never waits for us while we wait for it.
static void *read_said(void *arg)
{
	struct ssh *s = arg;
	char bytes[4096];

	for (;;) {
		const ssize_t n = read(s->output, bytes, sizeof(bytes));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return NULL;
		if (!s->error)
			s->error = sink_write(&s->said.sink, bytes, (size_t)n);
	}
}

static struct err *start(struct ssh *s, const char *command, int in)
{
	char port[16], *argv[16] = {"ssh", "-T", "-x", "-o", "ClearAllForwardings=yes"};
	int ends[2], n = 5;

	if (s->to.port) {
		snprintf(port, sizeof(port), "%d", s->to.port);
		argv[n++] = "-p";
		argv[n++] = port;
	}
	if (s->to.user[0]) {
		argv[n++] = "-l";
		argv[n++] = s->to.user;
	}
	argv[n++] = "--";
	argv[n++] = s->to.host;
	argv[n] = (char *)command;
	if (pipe2(ends, O_CLOEXEC))
		return err_sys(errno, "pipe");
	s->output = ends[0];
	drop(fd_drop) int out = ends[1];
	// In our own process group: it may ask at the terminal, and Ctrl-C is for both.
	const struct sandbox_program its = {
		.argv = argv, .in = in, .out = out, .takes_errors = true};
	int failed = sandbox_spawn(&its, &s->pid);

	if (failed == ENOENT)
		return err_hint(err_new(ERR_FAILED, "ssh is not installed on this machine"),
			"apt install openssh-client");
	if (failed)
		return err_sys(failed, "start ssh");
	failed = pthread_create(&s->reader, NULL, read_said, s);
	s->is_reading = !failed;
	return failed ? err_sys(failed, "thread") : NULL;
}

struct err *ssh_start(
	const struct ssh_target *to, const char *command, bool has_input, struct ssh **out)
{
	drop(ssh_drop) struct ssh *s = mem_alloc(sizeof(*s));
	int ends[2] = {-1, -1};

	*s = (struct ssh){.to = *to, .input = -1, .output = -1};
	buffer_init(&s->said, SAID_MAX, "what the device says");
	if (has_input && pipe2(ends, O_CLOEXEC))
		return err_sys(errno, "pipe");
	s->input = ends[1];
	drop(fd_drop) int in = has_input ? ends[0] : open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (in < 0)
		return err_sys(errno, "/dev/null");
	TRY(start(s, command, in));
	*out = take(s);
	return NULL;
}

int ssh_input(const struct ssh *s)
{
	return s->input;
}

// Its end; -1 by a signal.
static int reap(struct ssh *s)
{
	int status = 0;

	fd_drop(&s->input);
	s->input = -1;
	while (s->pid && waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	s->pid = 0;
	if (s->is_reading)
		pthread_join(s->reader, NULL);
	s->is_reading = false;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// The last line that says something, printable by whoever prints it.
static char *last_line(const char *said)
{
	size_t n = strlen(said), begin;

	while (n && (said[n - 1] == '\n' || said[n - 1] == '\r'))
		n--;
	for (begin = n; begin && said[begin - 1] != '\n'; begin--)
		continue;
	return str_printf("%.*s", (int)(n - begin > 400 ? 400 : n - begin), said + begin);
}

struct err *ssh_finish(struct ssh *s, const char **said, int *status)
{
	*status = reap(s);
	*said = s->said.len ? s->said.bytes : "";
	if (s->error)
		return take(s->error);
	if (*status >= 0 && *status != SSH_FAILED)
		return NULL;
	drop(mem_drop) char *why = last_line(*said);

	return err_hint(err_new(ERR_NETWORK, "%s", *why ? why : "ssh has ended"),
		"does 'ssh %s%s%s true' work?", s->to.user, s->to.user[0] ? "@" : "", s->to.host);
}

void ssh_drop(struct ssh **p)
{
	struct ssh *s = *p;

	if (!s)
		return;
	if (s->pid)
		kill(s->pid, SIGTERM);
	reap(s);
	fd_drop(&s->output);
	buffer_drop(&s->said);
	err_drop(&s->error);
	mem_drop(p);
}
