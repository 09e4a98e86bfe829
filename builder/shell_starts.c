// What a simple command starts: its own name, and what stands behind runners, in code that comes as
// one word, and behind find's -exec.
#include "builder/shell_impl.h"

static bool in_table(const char *const *table, const char *name)
{
	for (; *table; table++)
		if (strcmp(*table, name) == 0)
			return true;
	return false;
}

static bool is_builtin(const char *name)
{
	static const char *const builtins[] = {".", ":", "[", "[[", "alias", "bg", "bind", "break",
		"builtin", "caller", "cd", "chdir", "command", "compgen", "complete", "compopt",
		"continue", "declare", "dirs", "disown", "echo", "enable", "eval", "exec", "exit",
		"export", "false", "fc", "fg", "getopts", "hash", "help", "history", "jobs", "kill",
		"let", "local", "logout", "mapfile", "popd", "printf", "pushd", "pwd", "read",
		"readarray", "readonly", "return", "set", "shift", "shopt", "source", "suspend",
		"test", "time", "times", "trap", "true", "type", "typeset", "ulimit", "umask",
		"unalias", "unset", "wait", NULL};

	return in_table(builtins, name);
}

// Programs and builtins that start what stands behind their options.
static const struct runner {
	const char *name;
	const char *with_value; // options that take the next word
	size_t operands;        // before the command
	bool assigns;           // NAME=value may stand before it
} runners[] = {
	{"builtin", "", 0, false},
	{"command", "", 0, false},
	{"doas", "Cu", 0, false},
	{"env", "uC", 0, true},
	{"exec", "a", 0, false},
	{"ionice", "cn", 0, false},
	{"nice", "n", 0, false},
	{"nohup", "", 0, false},
	{"setsid", "", 0, false},
	{"stdbuf", "ioe", 0, false},
	{"sudo", "ughpCrtDTRU", 0, true},
	{"time", "fo", 0, false},
	{"timeout", "ks", 1, false},
	{"xargs", "aEILnPsd", 0, false},
};

static const struct runner *find_runner(const char *name)
{
	for (size_t i = 0; i < sizeof(runners) / sizeof(*runners); i++)
		if (strcmp(runners[i].name, name) == 0)
			return &runners[i];
	return NULL;
}

static bool takes_next(const struct runner *runner, const char *option)
{
	static const char *const long_ones[] = {"--user", "--group", "--signal", "--kill-after",
		"--adjustment", "--unset", "--chdir", "--delimiter", "--arg-file", "--max-args",
		"--max-procs", "--max-chars", "--host", "--prompt", "--class", "--classdata",
		"--input", "--output", "--error", "--format", NULL};

	if (option[1] == '-')
		return in_table(long_ones, option);
	for (option++; *option; option++)
		if (strchr(runner->with_value, *option))
			return !option[1];
	return false;
}

bool shell_is_assignment(const char *s)
{
	const char *begin = s;

	while (is_name(*s))
		s++;
	if (s == begin || isdigit((unsigned char)*begin))
		return false;
	if (*s == '[' && strstr(s, "]="))
		s = strstr(s, "]=") + 1;
	else if (*s == '[' && strstr(s, "]+="))
		s = strstr(s, "]+=") + 1;
	return *s == '=' || (*s == '+' && s[1] == '=');
}

// The word behind a runner's own, or words->len where it starts nothing.
static size_t behind(const struct runner *runner, const struct words *words, size_t i)
{
	bool asks = strcmp(runner->name, "command") == 0;

	for (i++; i < words->len; i++) {
		const char *text = words->at[i].text.at;

		if (strcmp(text, "--") == 0) {
			i++;
			break;
		}
		if (runner->assigns && shell_is_assignment(text))
			continue;
		if (strcmp(text, "-") == 0 && strcmp(runner->name, "env") == 0)
			continue; // its old -i
		if (text[0] != '-' || !text[1])
			break;
		if (asks && strpbrk(text, "vV"))
			return words->len;
		i += takes_next(runner, text);
	}
	while (runner->assigns && i < words->len && shell_is_assignment(words->at[i].text.at))
		i++;
	return i + runner->operands;
}

static void add_once(
	struct state *st, struct arena *a, struct map *seen, struct strings *to, const char *text)
{
	void **slot = map_at(seen, &st->own, text);

	if (!*slot)
		vec_push(a, to, arena_strdup(a, text));
	*slot = to;
}

// Code that stands in one word: of trap, eval and sh -c. What is broken in it breaks nothing else.
static void read_literal(struct reader *r, const struct word *w)
{
	struct reader inner = {.st = r->st, .s = w->text.at, .n = w->text.len - 1, .line = 1};

	if (r->st->in_literal || r->st->depth >= SHELL_DEPTH_MAX)
		return;
	r->st->in_literal = true;
	r->st->depth++;
	shell_list(&inner, false);
	r->st->depth--;
	r->st->in_literal = false;
}

static void read_aliases(struct state *st, const struct words *words, size_t first)
{
	for (size_t k = first; k < words->len; k++) {
		char *text = words->at[k].text.at, *equals = strchr(text, '=');

		if (equals && equals != text)
			*map_at(&st->aliases, &st->own,
				arena_strndup(&st->own, text, equals - text)) = st;
	}
}

static bool is_shell(const char *name)
{
	static const char *const shells[] = {
		"sh", "bash", "dash", "ash", "/bin/sh", "/bin/bash", "/bin/dash", "/bin/ash", NULL};

	return in_table(shells, name);
}

static void read_operands(struct reader *r, const char *name, const struct words *words, size_t i)
{
	struct state *st = r->st;
	const struct word *first = i + 1 < words->len ? &words->at[i + 1] : NULL;
	bool is_dot = strcmp(name, ".") == 0 || strcmp(name, "source") == 0;

	if (!first)
		return;
	if (is_dot && !first->expands && *first->text.at)
		add_once(st, st->arena, &st->seen_sourced, &st->out->sourced, first->text.at);
	if (strcmp(name, "trap") == 0 && first->quoted)
		read_literal(r, first);
	if (strcmp(name, "eval") == 0 && !first->expands && words->len == i + 2)
		read_literal(r, first);
	if (is_shell(name) && words->len > i + 2 && !words->at[i + 2].expands &&
		first->text.at[0] == '-' && strchr(first->text.at, 'c'))
		read_literal(r, &words->at[i + 2]);
	if (strcmp(name, "alias") == 0)
		read_aliases(st, words, i + 1);
}

// find … -exec COMMAND
static void find_starts(struct reader *r, const struct words *words, size_t i)
{
	static const char *const options[] = {"-exec", "-execdir", "-ok", "-okdir", NULL};

	for (; i + 1 < words->len; i++)
		if (in_table(options, words->at[i].text.at)) {
			const struct words one = {words->at + i + 1, 1, 1};

			if (strcmp(one.at[0].text.at, "{}") != 0)
				shell_starts(r, &one, 0);
		}
}

void shell_starts(struct reader *r, const struct words *words, size_t i)
{
	struct state *st = r->st;

	while (i < words->len) {
		const struct word *w = &words->at[i];
		const char *name = w->text.at;
		const struct runner *runner = find_runner(name);

		if (!*name)
			return;
		if (w->expands) {
			add_once(st, st->arena, &st->seen_unknown, &st->out->unknown, name);
			return;
		}
		if (!is_builtin(name))
			add_once(st, &st->own, &st->seen_names, &st->names, name);
		if (!runner) {
			read_operands(r, name, words, i);
			if (strcmp(name, "find") == 0)
				find_starts(r, words, i);
			return;
		}
		i = behind(runner, words, i);
	}
}
