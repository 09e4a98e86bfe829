// A reader of the shell's grammar (POSIX XCU 2.10, bash(1)) that keeps nothing but which words
// stand in command position. It goes over the text once; what a substitution holds is read as the
// list of commands that it is, and here-documents are read at the newline after their operator.
#include "builder/shell_impl.h"

#define TEXT_MAX (1u << 20)

static void command(struct reader *r);

static bool here_operator(struct reader *r)
{
	struct here h = {.strips_tabs = at(r, 2) == '-'};
	struct word w;

	r->pos += h.strips_tabs ? 3 : 2;
	if (!shell_word(r, &w)) {
		shell_fail(r, r->pos, "a here-document has no end word");
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

	shell_skip_space(r);
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
	if (!shell_word(r, &target))
		shell_fail(r, begin, "a redirection leads nowhere");
	return true;
}

static void redirections(struct reader *r)
{
	while (!is_done(r) && redirection(r))
		;
}

static void want(struct reader *r, size_t begin, const char *keyword)
{
	shell_newlines(r);
	if (r->broken || r->over || shell_accept(r, keyword))
		return;
	if (r->pos < r->n)
		shell_fail(r, r->pos,
			arena_printf(&r->st->own, "something else than \"%s\"", keyword));
	else
		shell_fail(r, begin, arena_printf(&r->st->own, "no \"%s\" follows", keyword));
}

static void if_command(struct reader *r, size_t begin)
{
	do {
		shell_list(r, false);
		want(r, begin, "then");
		shell_list(r, false);
	} while (!is_done(r) && shell_accept(r, "elif"));
	if (shell_accept(r, "else"))
		shell_list(r, false);
	want(r, begin, "fi");
}

static void loop_body(struct reader *r, size_t begin)
{
	shell_newlines(r);
	if (shell_accept(r, "{")) { // bash's other form
		shell_list(r, false);
		want(r, begin, "}");
		return;
	}
	want(r, begin, "do");
	shell_list(r, false);
	want(r, begin, "done");
}

static void for_command(struct reader *r, size_t begin)
{
	struct word w;

	shell_skip_space(r);
	if (at(r, 0) == '(' && at(r, 1) == '(') {
		if (!shell_arithmetic(r))
			shell_fail(r, r->pos, "a bracket is not closed");
	} else {
		if (!shell_word(r, &w))
			shell_fail(r, r->pos, "a loop without a name");
		shell_newlines(r);
		if (shell_accept(r, "in"))
			while (!is_done(r) && shell_word(r, &w))
				;
	}
	shell_skip_space(r);
	if (at(r, 0) == ';')
		r->pos++;
	loop_body(r, begin);
}

// At "(" or the first word of "a | b) …".
static void case_patterns(struct reader *r)
{
	struct word w;

	do {
		if (!shell_word(r, &w)) {
			shell_fail(r, r->pos, "a pattern is missing");
			return;
		}
		shell_skip_space(r);
	} while (!is_done(r) && at(r, 0) == '|' && ++r->pos);
	if (!r->broken && at(r, 0) != ')')
		shell_fail(r, r->pos, "a pattern does not end");
	r->pos++;
}

static void case_command(struct reader *r, size_t begin)
{
	bool is_closed = false;
	struct word w;

	if (!shell_word(r, &w))
		shell_fail(r, r->pos, "case has no word");
	want(r, begin, "in");
	shell_newlines(r);
	for (; !is_done(r) && !(is_closed = shell_accept(r, "esac")); shell_newlines(r)) {
		if (at(r, 0) == '(') {
			r->pos++;
			shell_skip_space(r);
		}
		case_patterns(r);
		shell_list(r, false);
		if (at(r, 0) != ';')
			continue;
		while (at(r, 0) == ';' || at(r, 0) == '&')
			r->pos++;
	}
	if (!is_closed)
		shell_fail(r, begin, "no \"esac\" follows");
}

// [[ … ]]: words, and operators that are no shell operators here.
static void condition(struct reader *r, size_t begin)
{
	struct word w;

	for (shell_newlines(r); !is_done(r); shell_newlines(r)) {
		if (shell_accept(r, "]]"))
			return;
		if (!is_done(r) && !shell_word(r, &w))
			r->pos++;
	}
	shell_fail(r, begin, "no \"]]\" follows");
}

static void is_function(struct reader *r, const char *name)
{
	*map_at(&r->st->functions, &r->st->own, name) = r;
}

// function NAME [()] …
static void function_command(struct reader *r)
{
	struct word w;

	if (!shell_word(r, &w))
		shell_fail(r, r->pos, "a function without a name");
	is_function(r, w.text.at);
	shell_skip_space(r);
	if (at(r, 0) == '(') {
		r->pos++;
		shell_skip_space(r);
		r->pos += at(r, 0) == ')';
	}
	shell_newlines(r);
	command(r);
}

static void group(struct reader *r, size_t begin)
{
	if (at(r, 1) == '(' && shell_arithmetic(r))
		return;
	r->pos++;
	shell_brackets(r, begin);
}

// Behind a compound command's first word; false where it is no keyword.
static bool compound(struct reader *r)
{
	size_t begin;

	shell_skip_space(r);
	begin = r->pos;
	if (at(r, 0) == '(')
		group(r, begin);
	else if (shell_accept(r, "if"))
		if_command(r, begin);
	else if (shell_accept(r, "while") || shell_accept(r, "until")) {
		shell_list(r, false);
		loop_body(r, begin);
	} else if (shell_accept(r, "for") || shell_accept(r, "select"))
		for_command(r, begin);
	else if (shell_accept(r, "case"))
		case_command(r, begin);
	else if (shell_accept(r, "{")) {
		shell_list(r, false);
		want(r, begin, "}");
	} else if (shell_accept(r, "[["))
		condition(r, begin);
	else
		return false;
	redirections(r);
	return true;
}

// name() command, behind the name.
static void definition(struct reader *r, const struct word *name)
{
	r->pos++;
	shell_skip_space(r);
	if (at(r, 0) != ')') {
		shell_fail(r, r->pos, "a bracket cannot stand here");
		return;
	}
	r->pos++;
	is_function(r, name->text.at);
	shell_newlines(r);
	command(r);
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

		if (!shell_word(r, &w))
			break;
		// {fd}>file: bash's own choice of a number
		if (w.text.at[0] == '{' && strchr("<>", at(r, 0)) && at(r, 0) && w.text.len > 3)
			continue;
		if (!words.len && !strchr("\"'\\$", r->s[from]) && shell_is_assignment(w.text.at))
			continue;
		vec_push(&r->st->own, &words, w);
		shell_skip_space(r);
		if (words.len == 1 && at(r, 0) == '(' && !w.expands) {
			definition(r, &w);
			return;
		}
	}
	if (!r->broken && r->pos == begin)
		shell_fail(r, begin, "a command is missing");
	shell_starts(r, &words, 0);
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

		if (shell_accept(r, "!"))
			continue;
		if (shell_accept(r, "time")) {
			if (shell_accept(r, "-p"))
				continue;
			shell_skip_space(r);
			if (at(r, 0) != '-')
				continue;
			r->pos = begin;
		}
		break;
	}
	if (shell_accept(r, "function")) {
		function_command(r);
		return false;
	}
	if (shell_accept(r, "coproc")) {
		size_t begin = r->pos;
		struct span name = shell_plain_word(r);

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
	if (!shell_enter(r))
		return;
	any_command(r);
	shell_leave(r);
}

// a && b || c | d
static void and_or(struct reader *r, bool is_top)
{
	bool is_end = any_command(r);

	for (shell_skip_space(r); !is_done(r); shell_skip_space(r)) {
		char c = at(r, 0), next = at(r, 1);

		if (c != '|' && !(c == '&' && next == '&'))
			break;
		r->pos += next == c || next == '&' ? 2 : 1;
		shell_newlines(r);
		if (is_done(r))
			shell_fail(r, r->pos, "a command is missing");
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
	struct span s = shell_plain_word(r);

	if (at(r, 0) == ')' || (at(r, 0) == ';' && (at(r, 1) == ';' || at(r, 1) == '&')))
		return true;
	for (size_t i = 0; words[i]; i++)
		if (is_word(s, words[i]))
			return true;
	return false;
}

// Commands up to a word or sign that belongs to what is around them.
void shell_list(struct reader *r, bool is_top)
{
	if (!shell_enter(r))
		return;
	for (shell_newlines(r); !is_done(r) && !closes_list(r); shell_newlines(r)) {
		and_or(r, is_top);
		shell_skip_space(r);
		if ((at(r, 0) == ';' && at(r, 1) != ';' && at(r, 1) != '&') || at(r, 0) == '&')
			r->pos++;
	}
	shell_leave(r);
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
	shell_list(&r, true);
	if (!r.over && r.pos < r.n)
		shell_fail(&r, r.pos, "a word or sign that closes nothing");
	if (text.len > TEXT_MAX && !r.over)
		r.broken = "only the first 1 MiB is read";
	*broken = r.broken;
	vec_each (name, &st.names)
		if (!map_get(&st.functions, *name) && !map_get(&st.aliases, *name))
			vec_push(a, &out->names, arena_strdup(a, *name));
}
