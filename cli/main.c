#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/show.h"

// A standard stream that the caller closed would lend its number to the next file opened, and
// messages would end up in an image. The wrong access mode keeps reads and writes failing.
static void keep_streams_apart(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
				_exit(ERR_FAILED);
}

static int report(struct err *e)
{
	int status = err_kind(e);

	progress_end();
	show_error(e);
	err_drop(&e);
	return status;
}

static struct err *no_command(const struct common_args *common)
{
	command_print_help(common->help ? stdout : stderr, NULL);
	return common->help ? NULL : err_new(ERR_USAGE, "no command was given");
}

static struct err *run(int argc, char **argv, struct arena *a)
{
	struct common_args common = {.progress = "auto", .color = "auto"};
	const struct command *c;
	void *args;
	int used;

	TRY(opt_parse_common(argc, argv, &common, &used));
	argc -= used;
	argv += used;
	if (!argc)
		return no_command(&common);
	if (!strcmp(argv[0], "--version"))
		argv[0] = "version";
	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) &&
		command_print_group(stdout, argv[0]))
		return NULL;
	TRY(command_find(argc, argv, &c, &used));
	args = arena_alloc(a, c->args_size);
	TRY(opt_parse(c, argc - used, argv + used, a, args, &common));
	progress_start(&common);
	if (common.help) {
		command_print_help(stdout, c);
		return NULL;
	}
	return c->run(args, &common);
}

// What was printed counts as done only when the system took all of it.
static struct err *close_stdout(void)
{
	bool failed = ferror(stdout);
	int number = 0;

	if (fflush(stdout) || close(STDOUT_FILENO)) {
		number = errno;
		failed = true;
	}
	if (!failed)
		return NULL;
	return number ? err_sys(number, "stdout") : err_new(ERR_FAILED, "stdout: write failed");
}

int main(int argc, char **argv)
{
	drop(arena_drop) struct arena a = {0};
	struct err *e, *lost;

	keep_streams_apart();
	// A reader that goes away is a failed write like any other: cleaned up after, and told.
	signal(SIGPIPE, SIG_IGN);
	e = run(argc > 0 ? argc - 1 : 0, argv + (argc > 0), &a);
	progress_end();
	lost = close_stdout();
	if (e)
		err_drop(&lost);
	else
		e = lost;
	return e ? report(e) : 0;
}
