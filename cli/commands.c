#include "cli/commands.h"

#include <string.h>

extern const struct command command_build, command_slim, command_ldd, command_inspect,
	command_check, command_diff, command_cache_du, command_cache_prune, command_push,
	command_pull, command_copy, command_index_create, command_index_inspect, command_k8s,
	command_deploy, command_login, command_logout, command_help, command_version;

const struct command *const commands[] = {
	&command_build,
	&command_slim,
	&command_ldd,
	&command_inspect,
	&command_check,
	&command_diff,
	&command_push,
	&command_pull,
	&command_copy,
	&command_index_create,
	&command_index_inspect,
	&command_deploy,
	&command_k8s,
	&command_cache_du,
	&command_cache_prune,
	&command_login,
	&command_logout,
	&command_help,
	&command_version,
	NULL,
};

// How many of the words the command's name takes ("index create" is two), 0 for another name.
static int matches(const struct command *c, int argc, char *const *argv)
{
	const char *name = c->name;

	for (int i = 0; i < argc; i++) {
		size_t n = strlen(argv[i]);

		if (!n || strncmp(name, argv[i], n))
			return 0;
		if (!name[n])
			return i + 1;
		if (name[n] != ' ')
			return 0;
		name += n + 1;
	}
	return 0;
}

bool command_is_of(const struct command *c, const char *group)
{
	size_t n = strlen(group);

	return n && strncmp(c->name, group, n) == 0 && c->name[n] == ' ';
}

// "imgmin index": the first word of several commands. NULL: it is none.
static struct err *incomplete(int argc, char *const *argv)
{
	drop(arena_drop) struct arena a = {0};
	const char *there = "";
	bool is_option = argc > 1 && argv[1][0] == '-';

	for (const struct command *const *c = commands; *c; c++)
		if (command_is_of(*c, argv[0]))
			there = arena_printf(
				&a, "%s%simgmin %s", there, *there ? ", " : "", (*c)->name);
	if (!*there)
		return NULL;
	return err_hint(argc > 1 && !is_option
			? err_new(ERR_USAGE, "%s %s: no such command", argv[0], argv[1])
			: err_new(ERR_USAGE, "%s: which command of it?", argv[0]),
		"there are %s", there);
}

static struct err *unknown(int argc, char *const *argv)
{
	struct err *group = incomplete(argc, argv);

	if (group)
		return group;
	const char *word = argv[0];
	const char *names[sizeof(commands) / sizeof(*commands)];
	const char *near;
	size_t n = 0;
	struct err *e = err_new(ERR_USAGE, "%s: no such command", word);

	if (strchr(word, '/'))
		return err_hint(e, "imgmin build %s", word);
	for (; commands[n]; n++)
		names[n] = commands[n]->name;
	near = opt_nearest(word, names, n);
	if (near)
		return err_hint(e, "did you mean imgmin %s?", near);
	return err_hint(e, "'imgmin help' lists the commands");
}

struct err *command_find(int argc, char *const *argv, const struct command **out, int *used)
{
	for (const struct command *const *c = commands; *c; c++) {
		*used = matches(*c, argc, argv);
		if (*used) {
			*out = *c;
			return NULL;
		}
	}
	return unknown(argc, argv);
}
