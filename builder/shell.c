// A reader of the shell's grammar (POSIX XCU 2.10, bash(1)) that keeps nothing but which words
// stand in command position. It goes over the text once; what a substitution holds is read as the
// list of commands that it is, and here-documents are read at the newline after their operator.
#include "builder/shell.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/map.h"

#define TEXT_MAX (1u << 20)
#define DEPTH_MAX 200
#define ARITHMETIC_MAX 4096 // bytes of $((…)) or ((…))

struct word {
	vec(char) text; // quotes removed, expansions as they are written; ends with NUL
	bool expands, quoted;
};

struct words {
	struct word *at;
	size_t len, cap;
};

struct here {
	const char *end;
	bool strips_tabs, quoted;
};

struct state {
	struct arena own, *arena;
	struct map functions, aliases, seen_names, seen_unknown, seen_sourced;
	struct strings names; // functions and aliases still among them
	struct shell_commands *out;
	size_t depth;
	bool in_literal; // in code that came as one word
};

// One text: the script, or what stands between two backquotes.
struct reader {
	struct state *st;
	const char *s;
	size_t n, pos, line;
	vec(struct here) heres;
	const char *broken;
	bool over; // an exit was read that is always reached
};

static void list(struct reader *r, bool is_top);
static void command(struct reader *r);
static void dollar(struct reader *r, struct word *w, bool in_quotes);
static bool word(struct reader *r, struct word *w);

// ---- Characters

static char at(const struct reader *r, size_t off)
{
	return r->pos + off < r->n ? r->s[r->pos + off] : 0;
}

static bool is_done(const struct reader *r)
{
	return r->broken || r->over || r->pos >= r->n;
}

// The first trouble ends the reading.
static void fail(struct reader *r, size_t pos, const char *what)
{
	size_t line = r->line;

	if (r->broken)
		return;
	for (size_t i = 0; i < pos && i < r->n; i++)
		line += r->s[i] == '\n';
	r->broken = arena_printf(r->st->arena, "line %zu: %s", line, what);
}

static bool enter(struct reader *r)
{
	if (r->st->depth >= DEPTH_MAX)
		fail(r, r->pos, "nested too deep");
	return !r->broken && ++r->st->depth;
}

static void leave(struct reader *r)
{
	r->st->depth--;
}

static void put(struct reader *r, struct word *w, char c)
{
	vec_push(&r->st->own, &w->text, c);
}

static void put_source(struct reader *r, struct word *w, size_t from)
{
	for (size_t i = from; i < r->pos && i < r->n; i++)
		put(r, w, r->s[i]);
	w->expands = true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

// Ends a word where it stands without quotes.
static bool is_meta(char c)
{
	return !c || is_blank(c) || strchr("\n;&|<>()", c);
}

// Blanks, joined lines and comments.
static void skip_space(struct reader *r)
{
	for (; !is_done(r); r->pos++) {
		if (at(r, 0) == '\\' && at(r, 1) == '\n')
			r->pos++;
		else if (at(r, 0) == '\\' && at(r, 1) == '\r' && at(r, 2) == '\n')
			r->pos += 2;
		else if (!is_blank(at(r, 0)))
			break;
	}
	if (!is_done(r) && at(r, 0) == '#')
		while (r->pos < r->n && at(r, 0) != '\n')
			r->pos++;
}

// ---- Here-documents

static bool is_end_line(const struct reader *r, const struct here *h, size_t *after)
{
	size_t pos = r->pos, len = strlen(h->end);

	while (h->strips_tabs && pos < r->n && r->s[pos] == '\t')
		pos++;
	if (len > r->n - pos || memcmp(r->s + pos, h->end, len) != 0)
		return false;
	pos += len;
	if (pos < r->n && r->s[pos] != '\n')
		return false;
	*after = pos + (pos < r->n);
	return true;
}

static void backquote(struct reader *r, bool in_quotes);

static void here_line(struct reader *r, const struct here *h)
{
	struct word unused = {0};

	while (!is_done(r) && at(r, 0) != '\n') {
		if (h->quoted)
			r->pos++;
		else if (at(r, 0) == '\\')
			r->pos += 2;
		else if (at(r, 0) == '$')
			dollar(r, &unused, true);
		else if (at(r, 0) == '`')
			backquote(r, true);
		else
			r->pos++;
	}
	r->pos += r->pos < r->n;
}

// At the beginning of a line. A document that the end of the text ends is one too.
static void read_heres(struct reader *r)
{
	__typeof__(r->heres) heres = r->heres;

	memset(&r->heres, 0, sizeof(r->heres));
	vec_each (h, &heres) {
		size_t after = r->n;

		while (!is_done(r) && !is_end_line(r, h, &after))
			here_line(r, h);
		if (!r->broken && r->pos < r->n)
			r->pos = after;
	}
}

// Newlines, with all that may stand between them.
static void newlines(struct reader *r)
{
	for (skip_space(r); !is_done(r) && at(r, 0) == '\n'; skip_space(r)) {
		r->pos++;
		read_heres(r);
	}
}

// ---- Words

static void single_quotes(struct reader *r, struct word *w)
{
	size_t begin = r->pos++;

	for (; r->pos < r->n && at(r, 0) != '\''; r->pos++)
		put(r, w, at(r, 0));
	if (r->pos >= r->n)
		fail(r, begin, "a quote is not closed");
	r->pos++;
	w->quoted = true;
}

// bash's $'…'; its escapes are not followed.
static void dollar_quotes(struct reader *r, struct word *w)
{
	size_t begin = r->pos;

	for (r->pos += 2; r->pos < r->n && at(r, 0) != '\''; r->pos++) {
		if (at(r, 0) == '\\') {
			put(r, w, at(r, 0));
			w->expands = true;
			r->pos++;
		}
		put(r, w, at(r, 0));
	}
	if (r->pos >= r->n)
		fail(r, begin, "a quote is not closed");
	r->pos++;
	w->quoted = true;
}

static void double_quotes(struct reader *r, struct word *w)
{
	size_t begin = r->pos++;

	w->quoted = true;
	if (!enter(r))
		return;
	while (!is_done(r) && at(r, 0) != '"') {
		if (at(r, 0) == '$') {
			dollar(r, w, true);
		} else if (at(r, 0) == '`') {
			size_t from = r->pos;

			backquote(r, true);
			put_source(r, w, from);
		} else if (at(r, 0) == '\\' && at(r, 1) && strchr("$`\"\\\n", at(r, 1))) {
			if (at(r, 1) != '\n')
				put(r, w, at(r, 1));
			r->pos += 2;
		} else {
			put(r, w, at(r, 0));
			r->pos++;
		}
	}
	leave(r);
	if (r->pos >= r->n)
		fail(r, begin, "a quote is not closed");
	r->pos++;
}

// Whatever a reader of its own finds is found in this text.
static void read_inner(struct reader *r, const char *s, size_t n, size_t pos)
{
	struct reader inner = {.st = r->st, .s = s, .n = n, .line = 1};

	if (!enter(r))
		return;
	list(&inner, false);
	leave(r);
	if (!inner.broken && inner.pos < inner.n)
		inner.broken = "unexpected";
	if (inner.broken)
		fail(r, pos, "between backquotes stands what cannot be followed");
}

static void backquote(struct reader *r, bool in_quotes)
{
	struct word inner = {0};
	size_t begin = r->pos++;

	for (; r->pos < r->n && at(r, 0) != '`'; r->pos++) {
		char next = at(r, 1);

		if (at(r, 0) == '\\' && next &&
			(strchr("$`\\", next) || (in_quotes && next == '"')))
			r->pos++;
		put(r, &inner, at(r, 0));
	}
	if (r->pos >= r->n) {
		fail(r, begin, "a backquote is not closed");
		return;
	}
	r->pos++;
	read_inner(r, inner.text.at ? inner.text.at : "", inner.text.len, begin);
}

// Behind "((": the position of its "))", or 0 where it is no arithmetic but ( ( … ) … ).
static size_t arithmetic_end(const struct reader *r)
{
	size_t depth = 0, end = r->n - r->pos > ARITHMETIC_MAX ? r->pos + ARITHMETIC_MAX : r->n;
	char quote = 0;

	for (size_t i = r->pos; i < end; i++) {
		char c = r->s[i];

		if (c == '\\' && quote != '\'')
			i++;
		else if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '(')
			depth++;
		else if (c == ')' && depth-- == 0)
			return i + 1 < r->n && r->s[i + 1] == ')' ? i : 0;
	}
	return 0;
}

// What is expanded between here and end.
static void expansions_to(struct reader *r, size_t end)
{
	struct word unused = {0};

	while (!is_done(r) && r->pos < end) {
		if (at(r, 0) == '$')
			dollar(r, &unused, true);
		else if (at(r, 0) == '`')
			backquote(r, true);
		else
			r->pos += at(r, 0) == '\\' ? 2 : 1;
	}
	if (r->pos > end)
		fail(r, end, "an arithmetic expression ends too early");
}

// At "((": true where it was arithmetic.
static bool arithmetic(struct reader *r)
{
	r->pos += 2;
	size_t end = arithmetic_end(r);

	if (!end) {
		r->pos -= 2;
		return false;
	}
	if (enter(r)) {
		expansions_to(r, end);
		leave(r);
	}
	r->pos = end + 2;
	return true;
}

// Behind the bracket of $(, <( and ( … ).
static void list_in_brackets(struct reader *r, size_t begin)
{
	__typeof__(r->heres) outer = r->heres;

	memset(&r->heres, 0, sizeof(r->heres));
	if (!enter(r))
		return;
	list(r, false);
	leave(r);
	vec_each (h, &r->heres)
		vec_push(&r->st->own, &outer, *h);
	r->heres = outer;
	if (!r->broken && at(r, 0) != ')')
		fail(r, r->pos < r->n ? r->pos : begin,
			r->pos < r->n ? "a command cannot stand here" : "a bracket is not closed");
	r->pos++;
}

// At the operator of ${name…}. In double quotes a single one is text, but not in patterns
// (POSIX XCU 2.6.2).
static bool has_quotes(const struct reader *r, bool in_quotes)
{
	char op = at(r, 0) == ':' ? at(r, 1) : at(r, 0);

	return !in_quotes || !op || !strchr("-=+?", op);
}

static void parameter(struct reader *r, bool in_quotes)
{
	size_t begin = r->pos;
	struct word unused = {0};

	r->pos += 2;
	if (strchr("#!", at(r, 0)) && at(r, 1) != '}')
		r->pos++;
	if (at(r, 0) && strchr("@*#?$!-", at(r, 0)))
		r->pos++;
	while (is_name(at(r, 0)))
		r->pos++;
	bool quotes = has_quotes(r, in_quotes);

	if (!enter(r))
		return;
	while (!is_done(r) && at(r, 0) != '}') {
		if (at(r, 0) == '\\')
			r->pos += 2;
		else if (at(r, 0) == '\'' && quotes)
			single_quotes(r, &unused);
		else if (at(r, 0) == '"')
			double_quotes(r, &unused);
		else if (at(r, 0) == '$')
			dollar(r, &unused, in_quotes);
		else if (at(r, 0) == '`')
			backquote(r, in_quotes);
		else
			r->pos++;
	}
	leave(r);
	if (r->pos >= r->n)
		fail(r, begin, "a ${ is not closed");
	r->pos++;
}

// At "$".
static void dollar(struct reader *r, struct word *w, bool in_quotes)
{
	size_t from = r->pos;
	char c = at(r, 1);

	if (c == '(') {
		r->pos++;
		if (at(r, 1) != '(' || !arithmetic(r)) {
			r->pos++;
			list_in_brackets(r, from);
		}
	} else if (c == '{') {
		parameter(r, in_quotes);
	} else if (c == '\'' && !in_quotes) {
		dollar_quotes(r, w);
		return;
	} else if (c == '"' && !in_quotes) {
		r->pos++;
		double_quotes(r, w);
		return;
	} else if (isdigit((unsigned char)c) || (c && strchr("@*#?$!-", c))) {
		r->pos += 2;
	} else if (is_name(c)) {
		for (r->pos++; is_name(at(r, 0));)
			r->pos++;
	} else {
		put(r, w, '$');
		r->pos++;
		return;
	}
	put_source(r, w, from);
}

// At the bracket of a pattern like @(a|b), or of an array's values.
static void words_in_brackets(struct reader *r, struct word *w)
{
	size_t begin = r->pos++;
	struct word inner = {0};

	if (!enter(r))
		return;
	for (newlines(r); !is_done(r) && at(r, 0) != ')'; newlines(r)) {
		size_t before = r->pos;

		if (at(r, 0) == '(')
			words_in_brackets(r, &inner);
		else if (!word(r, &inner) && r->pos == before)
			r->pos++;
		inner = (struct word){0};
	}
	leave(r);
	if (r->pos >= r->n)
		fail(r, begin, "a bracket is not closed");
	r->pos++;
	put_source(r, w, begin);
}

static bool is_pattern_bracket(const struct reader *r, size_t begin)
{
	return r->pos > begin && strchr("?*+@!", r->s[r->pos - 1]) && at(r, 1) != ')';
}

static bool is_array_bracket(const struct reader *r, size_t begin)
{
	return r->pos > begin + 1 && r->s[r->pos - 1] == '=' && is_name(r->s[begin]);
}

// One character, or what begins with it; false where the word ends.
static bool word_part(struct reader *r, struct word *w, size_t begin)
{
	char c = at(r, 0);
	size_t from = r->pos;

	if (c == '\'') {
		single_quotes(r, w);
	} else if (c == '"') {
		double_quotes(r, w);
	} else if (c == '$') {
		dollar(r, w, false);
	} else if (c == '`') {
		backquote(r, false);
		put_source(r, w, from);
	} else if (c == '\\' && at(r, 1) == '\n') {
		r->pos += 2;
	} else if (c == '\\') {
		w->quoted = true;
		put(r, w, r->pos + 1 < r->n ? at(r, 1) : '\\');
		r->pos += 2;
	} else if ((c == '<' || c == '>') && at(r, 1) == '(') {
		r->pos += 2;
		list_in_brackets(r, from);
		put_source(r, w, from);
	} else if (c == '(' && (is_pattern_bracket(r, begin) || is_array_bracket(r, begin))) {
		words_in_brackets(r, w);
	} else if (is_meta(c) && (c || r->pos >= r->n)) {
		return false;
	} else {
		w->expands |= c == '*' || c == '?' || (c == '~' && r->pos == begin);
		if (c)
			put(r, w, c);
		r->pos++;
	}
	return true;
}

// The next word of the line; false where there is none.
static bool word(struct reader *r, struct word *w)
{
	skip_space(r);
	size_t begin = r->pos;

	*w = (struct word){0};
	while (!is_done(r) && word_part(r, w, begin))
		;
	put(r, w, 0);
	if (r->pos > r->n)
		r->pos = r->n;
	return r->pos > begin;
}

// The unquoted word that stands here, as long as no character has a meaning.
static struct span plain_word(struct reader *r)
{
	skip_space(r);
	size_t n = 0;

	while (!is_meta(at(r, n)) && !strchr("$`\"'\\", at(r, n)))
		n++;
	if (!is_meta(at(r, n)))
		n = 0;
	return (struct span){(const uint8_t *)r->s + r->pos, r->pos < r->n ? n : 0};
}

static bool is_word(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0;
}

static bool accept(struct reader *r, const char *text)
{
	struct span s = plain_word(r);

	if (is_done(r) || !is_word(s, text))
		return false;
	r->pos += s.len;
	return true;
}

// ---- What a simple command starts

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

static bool is_assignment(const char *s)
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
		if (runner->assigns && is_assignment(text))
			continue;
		if (strcmp(text, "-") == 0 && strcmp(runner->name, "env") == 0)
			continue; // its old -i
		if (text[0] != '-' || !text[1])
			break;
		if (asks && strpbrk(text, "vV"))
			return words->len;
		i += takes_next(runner, text);
	}
	while (runner->assigns && i < words->len && is_assignment(words->at[i].text.at))
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

	if (r->st->in_literal || r->st->depth >= DEPTH_MAX)
		return;
	r->st->in_literal = true;
	r->st->depth++;
	list(&inner, false);
	r->st->depth--;
	r->st->in_literal = false;
}

static void read_operands(struct reader *r, const char *name, const struct words *words, size_t i)
{
	static const char *const shells[] = {
		"sh", "bash", "dash", "ash", "/bin/sh", "/bin/bash", "/bin/dash", "/bin/ash", NULL};
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
	if (in_table(shells, name) && words->len > i + 2 && !words->at[i + 2].expands &&
		first->text.at[0] == '-' && strchr(first->text.at, 'c'))
		read_literal(r, &words->at[i + 2]);
	for (size_t k = i + 1; k < words->len; k++) {
		char *text = words->at[k].text.at, *equals = strchr(text, '=');

		if (strcmp(name, "alias") != 0 || !equals || equals == text)
			continue;
		*map_at(&st->aliases, &st->own, arena_strndup(&st->own, text, equals - text)) = st;
	}
}

static void starts(struct reader *r, const struct words *words, size_t i);

// find … -exec COMMAND
static void find_starts(struct reader *r, const struct words *words, size_t i)
{
	static const char *const options[] = {"-exec", "-execdir", "-ok", "-okdir", NULL};

	for (; i + 1 < words->len; i++)
		if (in_table(options, words->at[i].text.at)) {
			const struct words one = {words->at + i + 1, 1, 1};

			if (strcmp(one.at[0].text.at, "{}") != 0)
				starts(r, &one, 0);
		}
}

static void starts(struct reader *r, const struct words *words, size_t i)
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

// ---- Commands

static bool here_operator(struct reader *r)
{
	struct here h = {.strips_tabs = at(r, 2) == '-'};
	struct word w;

	r->pos += h.strips_tabs ? 3 : 2;
	if (!word(r, &w)) {
		fail(r, r->pos, "a here-document has no end word");
		return false;
	}
	h.end = w.text.at;
	h.quoted = w.quoted;
	vec_push(&r->st->own, &r->heres, h);
	return true;
}

// A redirection that stands here; true where there was one.
static bool redirection(struct reader *r)
{
	struct word target;
	size_t begin, digits = 0;

	skip_space(r);
	begin = r->pos;
	while (isdigit((unsigned char)at(r, digits)))
		digits++;
	if (at(r, digits) == '&' && at(r, digits + 1) == '>' && digits == 0)
		digits = 1;
	char op = at(r, digits);

	if ((op != '<' && op != '>') || (at(r, digits + 1) == '(' && digits == 0) || is_done(r))
		return false;
	r->pos += digits;
	if (op == '<' && at(r, 1) == '<' && at(r, 2) != '<')
		return here_operator(r);
	if (op == '<' && at(r, 1) == '<')
		r->pos += 2;
	else if (at(r, 1) && strchr("<>&|", at(r, 1)))
		r->pos++;
	r->pos++;
	if (!word(r, &target))
		fail(r, begin, "a redirection leads nowhere");
	return true;
}

static void redirections(struct reader *r)
{
	while (!is_done(r) && redirection(r))
		;
}

static void want(struct reader *r, size_t begin, const char *keyword)
{
	newlines(r);
	if (r->broken || r->over || accept(r, keyword))
		return;
	if (r->pos < r->n)
		fail(r, r->pos, arena_printf(&r->st->own, "something else than \"%s\"", keyword));
	else
		fail(r, begin, arena_printf(&r->st->own, "no \"%s\" follows", keyword));
}

static void if_command(struct reader *r, size_t begin)
{
	do {
		list(r, false);
		want(r, begin, "then");
		list(r, false);
	} while (!is_done(r) && accept(r, "elif"));
	if (accept(r, "else"))
		list(r, false);
	want(r, begin, "fi");
}

static void loop_body(struct reader *r, size_t begin)
{
	newlines(r);
	if (accept(r, "{")) { // bash's other form
		list(r, false);
		want(r, begin, "}");
		return;
	}
	want(r, begin, "do");
	list(r, false);
	want(r, begin, "done");
}

static void for_command(struct reader *r, size_t begin)
{
	struct word w;

	skip_space(r);
	if (at(r, 0) == '(' && at(r, 1) == '(') {
		if (!arithmetic(r))
			fail(r, r->pos, "a bracket is not closed");
	} else {
		if (!word(r, &w))
			fail(r, r->pos, "a loop without a name");
		newlines(r);
		if (accept(r, "in"))
			while (!is_done(r) && word(r, &w))
				;
	}
	skip_space(r);
	if (at(r, 0) == ';')
		r->pos++;
	loop_body(r, begin);
}

// At "(" or the first word of "a | b) …".
static void case_patterns(struct reader *r)
{
	struct word w;

	do {
		if (!word(r, &w)) {
			fail(r, r->pos, "a pattern is missing");
			return;
		}
		skip_space(r);
	} while (!is_done(r) && at(r, 0) == '|' && ++r->pos);
	if (!r->broken && at(r, 0) != ')')
		fail(r, r->pos, "a pattern does not end");
	r->pos++;
}

static void case_command(struct reader *r, size_t begin)
{
	bool is_closed = false;
	struct word w;

	if (!word(r, &w))
		fail(r, r->pos, "case has no word");
	want(r, begin, "in");
	newlines(r);
	for (; !is_done(r) && !(is_closed = accept(r, "esac")); newlines(r)) {
		if (at(r, 0) == '(') {
			r->pos++;
			skip_space(r);
		}
		case_patterns(r);
		list(r, false);
		if (at(r, 0) != ';')
			continue;
		while (at(r, 0) == ';' || at(r, 0) == '&')
			r->pos++;
	}
	if (!is_closed)
		fail(r, begin, "no \"esac\" follows");
}

// [[ … ]]: words, and operators that are no shell operators here.
static void condition(struct reader *r, size_t begin)
{
	struct word w;

	for (newlines(r); !is_done(r); newlines(r)) {
		if (accept(r, "]]"))
			return;
		if (!is_done(r) && !word(r, &w))
			r->pos++;
	}
	fail(r, begin, "no \"]]\" follows");
}

static void is_function(struct reader *r, const char *name)
{
	*map_at(&r->st->functions, &r->st->own, name) = r;
}

// function NAME [()] …
static void function_command(struct reader *r)
{
	struct word w;

	if (!word(r, &w))
		fail(r, r->pos, "a function without a name");
	is_function(r, w.text.at);
	skip_space(r);
	if (at(r, 0) == '(') {
		r->pos++;
		skip_space(r);
		r->pos += at(r, 0) == ')';
	}
	newlines(r);
	command(r);
}

static void group(struct reader *r, size_t begin)
{
	if (at(r, 1) == '(' && arithmetic(r))
		return;
	r->pos++;
	list_in_brackets(r, begin);
}

// Behind a compound command's first word; false where it is no keyword.
static bool compound(struct reader *r)
{
	size_t begin;

	skip_space(r);
	begin = r->pos;
	if (at(r, 0) == '(')
		group(r, begin);
	else if (accept(r, "if"))
		if_command(r, begin);
	else if (accept(r, "while") || accept(r, "until")) {
		list(r, false);
		loop_body(r, begin);
	} else if (accept(r, "for") || accept(r, "select"))
		for_command(r, begin);
	else if (accept(r, "case"))
		case_command(r, begin);
	else if (accept(r, "{")) {
		list(r, false);
		want(r, begin, "}");
	} else if (accept(r, "[["))
		condition(r, begin);
	else
		return false;
	redirections(r);
	return true;
}

// Assignments, redirections and words in any order. *is_end: nothing runs behind it.
static void simple(struct reader *r, bool *is_end)
{
	struct words words = {0};
	size_t begin = r->pos;
	struct word w;

	while (!is_done(r)) {
		if (redirection(r))
			continue;
		size_t from = r->pos;

		if (!word(r, &w))
			break;
		// {fd}>file: bash's own choice of a number
		if (w.text.at[0] == '{' && strchr("<>", at(r, 0)) && at(r, 0) && w.text.len > 3)
			continue;
		if (!words.len && !strchr("\"'\\$", r->s[from]) && is_assignment(w.text.at))
			continue;
		vec_push(&r->st->own, &words, w);
		skip_space(r);
		if (words.len == 1 && at(r, 0) == '(' && !w.expands) {
			r->pos++;
			skip_space(r);
			if (at(r, 0) != ')') {
				fail(r, r->pos, "a bracket cannot stand here");
				return;
			}
			r->pos++;
			is_function(r, w.text.at);
			newlines(r);
			command(r);
			return;
		}
	}
	if (!r->broken && r->pos == begin)
		fail(r, begin, "a command is missing");
	starts(r, &words, 0);
	*is_end = words.len &&
		(strcmp(words.at[0].text.at, "exit") == 0 ||
			(words.len > 1 && strcmp(words.at[0].text.at, "exec") == 0));
}

// Returns whether nothing runs behind it.
static bool any_command(struct reader *r)
{
	bool is_end = false;

	for (;;) {
		size_t begin = r->pos;

		if (accept(r, "!"))
			continue;
		if (accept(r, "time")) {
			if (accept(r, "-p"))
				continue;
			skip_space(r);
			if (at(r, 0) != '-')
				continue;
			r->pos = begin;
		}
		break;
	}
	if (accept(r, "function")) {
		function_command(r);
		return false;
	}
	if (accept(r, "coproc")) {
		size_t begin = r->pos;
		struct span name = plain_word(r);

		r->pos += is_word(name, "{") ? 0 : name.len;
		if (!compound(r)) {
			r->pos = begin;
			command(r);
		}
		return false;
	}
	if (!compound(r))
		simple(r, &is_end);
	return is_end;
}

static void command(struct reader *r)
{
	if (!enter(r))
		return;
	any_command(r);
	leave(r);
}

// a && b || c | d
static void and_or(struct reader *r, bool is_top)
{
	bool is_end = any_command(r);

	for (skip_space(r); !is_done(r); skip_space(r)) {
		char c = at(r, 0), next = at(r, 1);

		if (c != '|' && !(c == '&' && next == '&'))
			break;
		r->pos += next == c || next == '&' ? 2 : 1;
		newlines(r);
		if (is_done(r))
			fail(r, r->pos, "a command is missing");
		else
			command(r);
		is_end = false;
	}
	if (is_top && is_end && at(r, 0) != '&' && !r->broken)
		r->over = true;
}

static bool closes_list(struct reader *r)
{
	static const char *const words[] = {
		"then", "else", "elif", "fi", "do", "done", "esac", "}", NULL};
	struct span s = plain_word(r);

	if (at(r, 0) == ')' || (at(r, 0) == ';' && (at(r, 1) == ';' || at(r, 1) == '&')))
		return true;
	for (size_t i = 0; words[i]; i++)
		if (is_word(s, words[i]))
			return true;
	return false;
}

// Commands up to a word or sign that belongs to what is around them.
static void list(struct reader *r, bool is_top)
{
	if (!enter(r))
		return;
	for (newlines(r); !is_done(r) && !closes_list(r); newlines(r)) {
		and_or(r, is_top);
		skip_space(r);
		if ((at(r, 0) == ';' && at(r, 1) != ';' && at(r, 1) != '&') || at(r, 0) == '&')
			r->pos++;
	}
	leave(r);
}

static void state_drop(struct state *st)
{
	arena_drop(&st->own);
}

void shell_read(struct span text, struct arena *a, struct shell_commands *out, const char **broken)
{
	drop(state_drop) struct state st = {.arena = a, .out = out};
	struct reader r = {.st = &st, .s = (const char *)text.ptr, .n = text.len, .line = 1};

	*out = (struct shell_commands){0};
	if (r.n > TEXT_MAX)
		r.n = TEXT_MAX;
	list(&r, true);
	if (!r.over && r.pos < r.n)
		fail(&r, r.pos, "a word or sign that closes nothing");
	if (text.len > TEXT_MAX && !r.over)
		r.broken = "only the first 1 MiB is read";
	*broken = r.broken;
	vec_each (name, &st.names)
		if (!map_get(&st.functions, *name) && !map_get(&st.aliases, *name))
			vec_push(a, &out->names, arena_strdup(a, *name));
}
