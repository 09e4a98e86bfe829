// Words and what stands in them: quotes, expansions and here-documents.
#include "builder/shell_impl.h"

#define ARITHMETIC_MAX 4096 // bytes of $((…)) or ((…))

static void dollar(struct reader *r, struct word *w, bool in_quotes);

// ---- Characters

// The first trouble ends the reading.
void shell_fail(struct reader *r, size_t pos, const char *what)
{
	size_t line = r->line;

	if (r->broken)
		return;
	for (size_t i = 0; i < pos && i < r->n; i++)
		line += r->s[i] == '\n';
	r->broken = arena_printf(r->st->arena, "line %zu: %s", line, what);
}

bool shell_enter(struct reader *r)
{
	if (r->st->depth >= SHELL_DEPTH_MAX)
		shell_fail(r, r->pos, "nested too deep");
	return !r->broken && ++r->st->depth;
}

void shell_leave(struct reader *r)
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

// Ends a word where it stands without quotes.
static bool is_meta(char c)
{
	return !c || is_blank(c) || strchr("\n;&|<>()", c);
}

// Blanks, joined lines and comments.
void shell_skip_space(struct reader *r)
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
		if (!h->quoted && at(r, 0) == '\\')
			r->pos += 2;
		else if (!h->quoted && at(r, 0) == '$')
			dollar(r, &unused, true);
		else if (!h->quoted && at(r, 0) == '`')
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
void shell_newlines(struct reader *r)
{
	for (shell_skip_space(r); !is_done(r) && at(r, 0) == '\n'; shell_skip_space(r)) {
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
		shell_fail(r, begin, "a quote is not closed");
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
		shell_fail(r, begin, "a quote is not closed");
	r->pos++;
	w->quoted = true;
}

static void double_quotes(struct reader *r, struct word *w)
{
	size_t begin = r->pos++;

	w->quoted = true;
	if (!shell_enter(r))
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
	shell_leave(r);
	if (r->pos >= r->n)
		shell_fail(r, begin, "a quote is not closed");
	r->pos++;
}

// Whatever a reader of its own finds is found in this text.
static void read_inner(struct reader *r, const char *s, size_t n, size_t pos)
{
	struct reader inner = {.st = r->st, .s = s, .n = n, .line = 1};

	if (!shell_enter(r))
		return;
	shell_list(&inner, false);
	shell_leave(r);
	if (!inner.broken && inner.pos < inner.n)
		inner.broken = "unexpected";
	if (inner.broken)
		shell_fail(r, pos, "between backquotes stands what cannot be followed");
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
		shell_fail(r, begin, "a backquote is not closed");
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
		shell_fail(r, end, "an arithmetic expression ends too early");
}

// At "((": true where it was arithmetic.
bool shell_arithmetic(struct reader *r)
{
	r->pos += 2;
	size_t end = arithmetic_end(r);

	if (!end) {
		r->pos -= 2;
		return false;
	}
	if (shell_enter(r)) {
		expansions_to(r, end);
		shell_leave(r);
	}
	r->pos = end + 2;
	return true;
}

// Behind the bracket of $(, <( and ( … ).
void shell_brackets(struct reader *r, size_t begin)
{
	__typeof__(r->heres) outer = r->heres;

	memset(&r->heres, 0, sizeof(r->heres));
	if (!shell_enter(r))
		return;
	shell_list(r, false);
	shell_leave(r);
	vec_each (h, &r->heres)
		vec_push(&r->st->own, &outer, *h);
	r->heres = outer;
	if (!r->broken && at(r, 0) != ')')
		shell_fail(r, r->pos < r->n ? r->pos : begin,
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

	if (!shell_enter(r))
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
	shell_leave(r);
	if (r->pos >= r->n)
		shell_fail(r, begin, "a ${ is not closed");
	r->pos++;
}

// At "$".
static void dollar(struct reader *r, struct word *w, bool in_quotes)
{
	size_t from = r->pos;
	char c = at(r, 1);

	if (c == '(') {
		r->pos++;
		if (at(r, 1) != '(' || !shell_arithmetic(r)) {
			r->pos++;
			shell_brackets(r, from);
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

	if (!shell_enter(r))
		return;
	for (shell_newlines(r); !is_done(r) && at(r, 0) != ')'; shell_newlines(r)) {
		size_t before = r->pos;

		if (at(r, 0) == '(')
			words_in_brackets(r, &inner);
		else if (!shell_word(r, &inner) && r->pos == before)
			r->pos++;
		inner = (struct word){0};
	}
	shell_leave(r);
	if (r->pos >= r->n)
		shell_fail(r, begin, "a bracket is not closed");
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
		shell_brackets(r, from);
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
bool shell_word(struct reader *r, struct word *w)
{
	shell_skip_space(r);
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
struct span shell_plain_word(struct reader *r)
{
	shell_skip_space(r);
	size_t n = 0;

	while (!is_meta(at(r, n)) && !strchr("$`\"'\\", at(r, n)))
		n++;
	if (!is_meta(at(r, n)))
		n = 0;
	return (struct span){(const uint8_t *)r->s + r->pos, r->pos < r->n ? n : 0};
}

bool shell_accept(struct reader *r, const char *text)
{
	struct span s = shell_plain_word(r);

	if (is_done(r) || !is_word(s, text))
		return false;
	r->pos += s.len;
	return true;
}
