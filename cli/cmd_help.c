#include "cli/commands.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "builder/data.h"
#include "builder/target.h"

struct help_args {
	struct strings words;
	bool table, completion_words;
};

static int columns_of(FILE *out)
{
	struct winsize size;

	if (isatty(fileno(out)) && !ioctl(fileno(out), TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	return 80;
}

void command_print_help(FILE *out, const struct command *c)
{
	if (c)
		opt_help(out, c, columns_of(out));
	else
		opt_help_all(out, commands, columns_of(out));
}

bool command_print_group(FILE *out, const char *group)
{
	size_t n = 0;

	for (const struct command *const *c = commands; *c; c++) {
		if (!command_is_of(*c, group))
			continue;
		if (n++)
			fputc('\n', out);
		command_print_help(out, *c);
	}
	return n;
}

// What completion scripts know besides the options, tab-separated: "command", its name, synopsis
// and summary; "data" or "target", the name and what it is.
static void print_words(FILE *out)
{
	for (const struct command *const *c = commands; *c; c++)
		fprintf(out, "command\t%s\t%s\t%s\n", (*c)->name, (*c)->synopsis, (*c)->summary);
	for (const struct data_name *d = data_names; d->name; d++)
		fprintf(out, "data\t%s\t%s\n", d->name, d->summary);
	for (const struct target *t = targets; t->name; t++)
		fprintf(out, "target\t%s\t%s\n", t->name, t->what);
}

static struct err *help_run(void *args, const struct common_args *common)
{
	struct help_args *h = args;
	const struct command *c = NULL;
	int used = 0;

	(void)common;
	if (h->table) {
		opt_table(stdout, commands);
		return NULL;
	}
	if (h->completion_words) {
		print_words(stdout);
		return NULL;
	}
	if (h->words.len == 1 && command_print_group(stdout, h->words.at[0]))
		return NULL;
	if (h->words.len) {
		int n = (int)h->words.len;

		TRY(command_find(n, (char *const *)h->words.at, &c, &used));
		if (used < n)
			return err_hint(err_new(ERR_USAGE, "%s: one argument too many for help",
						h->words.at[used]),
				"imgmin help %s", c->name);
	}
	command_print_help(stdout, c);
	return NULL;
}

static const struct opt help_opts[] = {
	// For completion scripts and the check of the man pages.
	{.name = "table", .kind = OPT_FLAG, .offset = offsetof(struct help_args, table)},
	{.name = "words", .kind = OPT_FLAG, .offset = offsetof(struct help_args, completion_words)},
	{0},
};

const struct command command_help = {
	.name = "help",
	.synopsis = "[COMMAND]",
	.summary = "Show the commands, or the options of one",
	.opts = help_opts,
	.args_size = sizeof(struct help_args),
	.positional_offset = offsetof(struct help_args, words),
	.max_positional = 2,
	.run = help_run,
};

static struct err *version_run(void *args, const struct common_args *common)
{
	(void)args;
	(void)common;
	puts("imgmin " VERSION);
	return NULL;
}

const struct command command_version = {
	.name = "version",
	.synopsis = "",
	.summary = "Print the version",
	.run = version_run,
};
