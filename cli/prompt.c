#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/sink.h"
#include "cli/prompt.h"

#define LINE_MAX_BYTES 4096u

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
#define SIGNALS (sizeof(signals) / sizeof(*signals))

// A signal ends the reading, so that the terminal can be given back as it was.
static struct err *read_line(int fd, struct arena *a, const char **out)
{
	char line[LINE_MAX_BYTES];
	size_t n = 0;
	ssize_t got = 0;

	while (n < sizeof(line) && (got = read(fd, line + n, 1)) == 1 && line[n] != '\n')
		n++;
	if (got < 0 && !interrupted)
		return err_sys(errno, "terminal");
	if (got <= 0)
		return err_new(ERR_USAGE, "nothing was typed");
	if (n == sizeof(line))
		return err_new(ERR_USAGE, "the line is longer than %u bytes", LINE_MAX_BYTES);
	*out = arena_strndup(a, line, n);
	explicit_bzero(line, sizeof(line));
	return NULL;
}

static struct err *ask(int fd, const char *question, bool shown, struct arena *a, const char **out)
{
	struct termios before, quiet;

	if (tcgetattr(fd, &before))
		return err_sys(errno, "terminal");
	quiet = before;
	if (!shown)
		quiet.c_lflag &= ~(tcflag_t)ECHO;
	if (write(fd, question, strlen(question)) < 0 || tcsetattr(fd, TCSAFLUSH, &quiet))
		return err_sys(errno, "terminal");
	struct err *e = read_line(fd, a, out);
	bool is_restored = tcsetattr(fd, TCSAFLUSH, &before) == 0;

	if (!shown && write(fd, "\n", 1) < 0)
		is_restored = false;
	return e || is_restored ? e : err_sys(errno, "terminal");
}

struct err *prompt(const char *question, bool shown, struct arena *a, const char **out)
{
	drop(fd_drop) int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct sigaction before[SIGNALS], now = {.sa_handler = on_signal};

	if (fd < 0)
		return err_new(ERR_USAGE, "there is no terminal to ask on");
	interrupted = 0;
	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &now, &before[i]);
	struct err *e = ask(fd, question, shown, a, out);

	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &before[i], NULL);
	if (interrupted)
		raise(interrupted);
	return e;
}
