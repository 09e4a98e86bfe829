#include "builder/python_lex.h"

#include <ctype.h>
#include <string.h>

#define FIELD_DEPTH_MAX 150 // MAXFSTRINGLEVEL of Parser/tokenizer.h

struct err *lexer_error(const struct lexer *l, unsigned line, const char *what)
{
	return err_new(ERR_FAILED, "%s:%u: %s", l->name, line, what);
}

// 0 behind the end: no source holds that byte.
static unsigned char peek(const struct lexer *l, size_t ahead)
{
	return l->at + ahead < l->source.len ? l->source.ptr[l->at + ahead] : 0;
}

static bool at_end(const struct lexer *l)
{
	return l->at >= l->source.len;
}

enum { STARTS_NAME = 1, DIGIT = 2, OPERATOR = 4, OPENS = 8, CLOSES = 16 };

static const uint8_t classes[256] = {
	['a' ... 'z'] = STARTS_NAME,
	['A' ... 'Z'] = STARTS_NAME,
	['_'] = STARTS_NAME,
	[0x80 ... 0xff] = STARTS_NAME,
	['0' ... '9'] = DIGIT,
	['('] = OPERATOR | OPENS,
	['['] = OPERATOR | OPENS,
	['{'] = OPERATOR | OPENS,
	[')'] = OPERATOR | CLOSES,
	[']'] = OPERATOR | CLOSES,
	['}'] = OPERATOR | CLOSES,
	['<' ... '>'] = OPERATOR,
	['!'] = OPERATOR,
	['%'] = OPERATOR,
	['&'] = OPERATOR,
	['*' ... '/'] = OPERATOR, // * + , - . /
	[':' ... ';'] = OPERATOR,
	['@'] = OPERATOR,
	['^'] = OPERATOR,
	['|'] = OPERATOR,
	['~'] = OPERATOR,
};

static bool starts_name(unsigned char c)
{
	return classes[c] & STARTS_NAME;
}

static bool in_name(unsigned char c)
{
	return classes[c] & (STARTS_NAME | DIGIT);
}

// Takes the end of a line, of any system's kind; false where there is none.
static bool take_newline(struct lexer *l)
{
	unsigned char c = peek(l, 0);

	if (c != '\n' && c != '\r')
		return false;
	l->at += c == '\r' && peek(l, 1) == '\n' ? 2 : 1;
	l->line++;
	return true;
}

static void skip_comment(struct lexer *l)
{
	while (!at_end(l) && peek(l, 0) != '\n' && peek(l, 0) != '\r')
		l->at++;
}

// How many bytes the character at p has in UTF-8; 0: it is none.
static size_t utf8_length(const uint8_t *p, size_t left)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = *p < 0x80 ? 1
		: *p < 0xc2  ? 0
		: *p < 0xe0  ? 2
		: *p < 0xf0  ? 3
		: *p < 0xf5  ? 4
			     : 0;

	if (n < 2 || n > left)
		return n > left ? 0 : n;
	uint32_t c = *p & (0x7fu >> n);

	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	return c >= least[n] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? n : 0;
}

// "# -*- coding: latin-1 -*-" (PEP 263): ^[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)
static bool read_coding(struct lexer *l, const uint8_t *line, size_t n)
{
	size_t at = 0, len = 0;

	while (at < n && strchr(" \t\f", line[at]))
		at++;
	if (at == n || line[at] != '#')
		return false;
	for (; at + 7 < n; at++) {
		if (memcmp(line + at, "coding", 6) != 0 || !strchr(":=", line[at + 6]))
			continue;
		for (at += 7; at < n && (line[at] == ' ' || line[at] == '\t');)
			at++;
		for (; at < n && (isalnum(line[at]) || strchr("-_.", line[at])); at++)
			if (len + 1 < sizeof(l->coding))
				l->coding[len++] = line[at] == '_' ? '-' : (char)tolower(line[at]);
		l->coding[len] = 0;
		return len > 0;
	}
	return false;
}

// In the first line or, where the first holds no code, in the second.
static void find_coding(struct lexer *l)
{
	const uint8_t *p = l->source.ptr, *end = p + l->source.len;

	for (int i = 0; i < 2 && p < end; i++) {
		const uint8_t *stop = p;

		while (stop < end && *stop != '\n' && *stop != '\r')
			stop++;
		if (read_coding(l, p, (size_t)(stop - p)))
			return;
		while (p < stop && strchr(" \t\f", *p))
			p++;
		if (p < stop && *p != '#')
			return;
		p = stop + (stop + 1 < end && stop[0] == '\r' && stop[1] == '\n' ? 2 : 1);
	}
}

static struct err *check_bytes(struct lexer *l)
{
	bool is_utf8 = !l->coding[0] || strncmp(l->coding, "utf-8", 5) == 0 ||
		strcmp(l->coding, "utf8") == 0;
	unsigned line = 1;

	for (size_t i = 0; i < l->source.len;) {
		const uint8_t *p = l->source.ptr + i;
		size_t n = is_utf8 && *p >= 0x80 ? utf8_length(p, l->source.len - i) : 1;

		if (!*p)
			return lexer_error(l, line, "no Python source: it has null bytes");
		if (!n)
			return err_hint(lexer_error(l, line, "a byte that is no UTF-8"),
				"save the file as UTF-8, or name its encoding: # -*- coding: "
				"latin-1 -*-");
		line += *p == '\n';
		i += n;
	}
	return NULL;
}

struct err *lexer_open(struct lexer *l, const char *name, struct span source, unsigned minor)
{
	*l = (struct lexer){.name = name, .line = 1, .is_line_start = true};
	if (source.len >= 3 && memcmp(source.ptr, "\xef\xbb\xbf", 3) == 0)
		source = (struct span){source.ptr + 3, source.len - 3};
	l->source = source;
	l->nests_fstrings = minor >= 12;
	find_coding(l);
	return check_bytes(l);
}

// The blanks that a line begins with. A backslash among them joins the next line, whose blanks
// don't count any more.
static void measure_indent(struct lexer *l, unsigned *column, unsigned *alternate)
{
	bool counts = true;

	*column = *alternate = 0;
	for (;; l->at++) {
		unsigned char c = peek(l, 0);

		if (c == '\\' && (peek(l, 1) == '\n' || peek(l, 1) == '\r')) {
			l->at++;
			take_newline(l);
			l->at--;
			counts = *column == 0;
		} else if (c != ' ' && c != '\t' && c != '\f') {
			return;
		} else if (counts) {
			*column = c == ' ' ? *column + 1 : c == '\t' ? (*column / 8 + 1) * 8 : 0;
			*alternate = c == '\f' ? 0 : *alternate + 1;
		}
	}
}

static struct err *compare_indent(struct lexer *l, unsigned column, unsigned alternate, bool *more)
{
	unsigned n = l->nindents;
	unsigned now = n ? l->indents[n - 1].column : 0,
		 other = n ? l->indents[n - 1].alternate : 0;

	*more = column > now;
	if ((column == now && alternate != other) || (column > now && alternate <= other))
		return lexer_error(l, l->line, "tabs and spaces are mixed in its indentation");
	if (column > now) {
		if (n == LEX_INDENTS_MAX)
			return lexer_error(l, l->line, "too many levels of indentation");
		l->indents[l->nindents].column = column;
		l->indents[l->nindents++].alternate = alternate;
		return NULL;
	}
	for (; l->nindents && column < l->indents[l->nindents - 1].column; l->nindents--)
		l->ndedents++;
	now = l->nindents ? l->indents[l->nindents - 1].column : 0;
	other = l->nindents ? l->indents[l->nindents - 1].alternate : 0;
	if (column != now)
		return lexer_error(
			l, l->line, "its indentation matches no line above (is this Python?)");
	if (alternate != other)
		return lexer_error(l, l->line, "tabs and spaces are mixed in its indentation");
	return NULL;
}

// From the start of a line to its first token; lines without one are passed over.
static struct err *start_line(struct lexer *l, bool *is_indented)
{
	unsigned column, alternate;

	*is_indented = false;
	do {
		measure_indent(l, &column, &alternate);
		if (peek(l, 0) == '#')
			skip_comment(l);
	} while (take_newline(l));
	l->is_line_start = false;
	if (at_end(l))
		column = alternate = 0;
	return compare_indent(l, column, alternate, is_indented);
}

// Blanks, comments and joined lines between two tokens.
static struct err *skip_blanks(struct lexer *l)
{
	for (;;) {
		unsigned char c = peek(l, 0);

		if (c == ' ' || c == '\t' || c == '\f') {
			l->at++;
		} else if (c == '#') {
			skip_comment(l);
		} else if (c == '\\') {
			l->at++;
			if (!take_newline(l))
				return lexer_error(l, l->line, "a backslash within a line");
		} else if (!l->nbrackets || !take_newline(l)) {
			return NULL;
		}
	}
}

struct literal {
	unsigned char quote;
	bool is_triple, is_raw, is_formatted;
	unsigned line; // where it starts
};

static struct err *skip_string(struct lexer *l, const struct literal *s, unsigned depth);

// The letters before a quote; false where they are no string prefix.
static bool read_prefix(const uint8_t *p, size_t n, struct literal *out)
{
	if (n > 2)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!strchr("rRbBuUfFtT", p[i]))
			return false;
		out->is_raw |= tolower(p[i]) == 'r';
		out->is_formatted |= strchr("fFtT", p[i]) != NULL;
	}
	return true;
}

static void read_quotes(struct lexer *l, struct literal *out)
{
	out->quote = peek(l, 0);
	out->is_triple = peek(l, 1) == out->quote && peek(l, 2) == out->quote;
	out->line = l->line;
	l->at += out->is_triple ? 3 : 1;
}

static struct err *never_closed(const struct lexer *l, const struct literal *s)
{
	return lexer_error(l, s->line, "a string that is never closed");
}

// What follows the colon in a field: text with fields again.
static struct err *skip_format(struct lexer *l, const struct literal *s, unsigned depth);

// A field of an f-string from behind its "{" to behind its "}".
static struct err *skip_field(struct lexer *l, const struct literal *s, unsigned depth)
{
	unsigned open = 0;

	if (depth > FIELD_DEPTH_MAX)
		return lexer_error(l, l->line, "f-strings nested too deeply");
	while (!at_end(l)) {
		unsigned char c = peek(l, 0);

		if (c == '"' || c == '\'') {
			struct literal inner = {0};
			size_t n = 0;

			while (n < 2 && l->at > n && isalpha(l->source.ptr[l->at - n - 1]))
				n++;
			read_prefix(l->source.ptr + l->at - n, n, &inner);
			read_quotes(l, &inner);
			TRY(skip_string(l, &inner, depth + 1));
			continue;
		}
		if (c == '#') {
			skip_comment(l);
			continue;
		}
		if (take_newline(l))
			continue;
		l->at++;
		if (c == '}' && !open)
			return NULL;
		if (c == ':' && !open)
			return skip_format(l, s, depth);
		open += strchr("([{", c) != NULL;
		open -= open && strchr(")]}", c);
	}
	return never_closed(l, s);
}

static struct err *skip_format(struct lexer *l, const struct literal *s, unsigned depth)
{
	while (!at_end(l)) {
		unsigned char c = peek(l, 0);

		if (take_newline(l))
			continue;
		l->at++;
		if (c == '}')
			return NULL;
		if (c == '{')
			TRY(skip_field(l, s, depth + 1));
	}
	return never_closed(l, s);
}

// A backslash and what it stands before. \N{DASH} is no field.
static void skip_escape(struct lexer *l, const struct literal *s)
{
	l->at++;
	if (at_end(l) || take_newline(l))
		return;
	if (peek(l, 0) == 'N' && peek(l, 1) == '{' && s->is_formatted && !s->is_raw)
		while (!at_end(l) && peek(l, 0) != '}' && peek(l, 0) != '\n')
			l->at++;
	if (s->is_raw && peek(l, 0) == '{')
		return;
	l->at += !at_end(l);
}

// From behind the opening quotes to behind the closing ones.
static struct err *skip_string(struct lexer *l, const struct literal *s, unsigned depth)
{
	while (!at_end(l)) {
		unsigned char c = peek(l, 0);

		if (c == '\\') {
			skip_escape(l, s);
		} else if (c == s->quote && !s->is_triple) {
			l->at++;
			return NULL;
		} else if (c == s->quote && peek(l, 1) == c && peek(l, 2) == c) {
			l->at += 3;
			return NULL;
		} else if (c == '\n' || c == '\r') {
			if (!s->is_triple)
				return never_closed(l, s);
			take_newline(l);
		} else if (c == '{' && s->is_formatted && l->nests_fstrings) {
			l->at++;
			if (peek(l, 0) == '{')
				l->at++;
			else
				TRY(skip_field(l, s, depth + 1));
		} else {
			l->at++;
		}
	}
	return never_closed(l, s);
}

static struct err *take_string(struct lexer *l, struct literal s, size_t prefix, struct token *out)
{
	const uint8_t *from = l->source.ptr + l->at - prefix;

	read_quotes(l, &s);
	size_t start = l->at;

	TRY(skip_string(l, &s, 0));
	out->kind = TOKEN_STRING;
	out->text = (struct span){l->source.ptr + start, l->at - start - (s.is_triple ? 3 : 1)};
	out->is_plain = !s.is_formatted && !memchr(from, 'b', prefix) &&
		!memchr(from, 'B', prefix) && !memchr(out->text.ptr, '\\', out->text.len);
	return NULL;
}

static bool is_keyword(struct span s)
{
	static const char *const words['z' + 1][6] = {// by their first letters
		['F'] = {"False"},
		['N'] = {"None"},
		['T'] = {"True"},
		['a'] = {"and", "as", "assert", "async", "await"},
		['b'] = {"break"},
		['c'] = {"class", "continue"},
		['d'] = {"def", "del"},
		['e'] = {"elif", "else", "except"},
		['f'] = {"finally", "for", "from"},
		['g'] = {"global"},
		['i'] = {"if", "import", "in", "is"},
		['l'] = {"lambda"},
		['n'] = {"nonlocal", "not"},
		['o'] = {"or"},
		['p'] = {"pass"},
		['r'] = {"raise", "return"},
		['t'] = {"try"},
		['w'] = {"while", "with"},
		['y'] = {"yield"}};

	if (*s.ptr > 'z')
		return false;
	for (const char *const *word = words[*s.ptr]; *word; word++)
		if (strncmp(*word, (const char *)s.ptr, s.len) == 0 && !(*word)[s.len])
			return true;
	return false;
}

static struct err *take_name(struct lexer *l, struct token *out)
{
	size_t start = l->at;
	struct literal s = {0};

	while (in_name(peek(l, 0)))
		l->at++;
	out->text = (struct span){l->source.ptr + start, l->at - start};
	if ((peek(l, 0) == '"' || peek(l, 0) == '\'') &&
		read_prefix(out->text.ptr, out->text.len, &s))
		return take_string(l, s, out->text.len, out);
	out->kind = TOKEN_NAME;
	out->is_keyword = is_keyword(out->text);
	return NULL;
}

static void take_digits(struct lexer *l)
{
	while (isdigit(peek(l, 0)) || peek(l, 0) == '_')
		l->at++;
}

static void take_number(struct lexer *l, struct token *out)
{
	size_t start = l->at;

	out->kind = TOKEN_NUMBER;
	if (peek(l, 0) == '0' && peek(l, 1) && strchr("xXoObB", peek(l, 1))) {
		l->at += 2;
		while (isxdigit(peek(l, 0)) || peek(l, 0) == '_')
			l->at++;
	} else {
		take_digits(l);
		if (peek(l, 0) == '.') {
			l->at++;
			take_digits(l);
		}
		unsigned char sign = peek(l, 1);

		if (tolower(peek(l, 0)) == 'e' &&
			(isdigit(sign) || (strchr("+-", sign) && sign && isdigit(peek(l, 2))))) {
			l->at += 2;
			take_digits(l);
		}
		l->at += tolower(peek(l, 0)) == 'j';
	}
	out->text = (struct span){l->source.ptr + start, l->at - start};
}

static struct err *close_bracket(struct lexer *l, unsigned char c)
{
	if (!l->nbrackets)
		return err_new(ERR_FAILED, "%s:%u: '%c' closes nothing", l->name, l->line, c);
	unsigned char open = (unsigned char)l->brackets[l->nbrackets - 1].open;

	if (open != (c == ')' ? '(' : c == ']' ? '[' : '{'))
		return err_new(ERR_FAILED, "%s:%u: '%c' does not close the '%c' of line %u",
			l->name, l->line, c, open, l->brackets[l->nbrackets - 1].line);
	l->nbrackets--;
	return NULL;
}

static struct err *take_operator(struct lexer *l, struct token *out)
{
	unsigned char c = peek(l, 0), second = peek(l, 1);
	bool is_pair = second == '=' ? c && strchr(":=!<>", c) : c == '-' && second == '>';
	size_t n = is_pair ? 2 : 1;

	if (!(classes[c] & OPERATOR) || (c == '!' && n == 1))
		return err_new(ERR_FAILED, "%s:%u: '%c' (0x%02x) is no Python", l->name, l->line,
			isprint(c) ? c : '?', c);
	if (classes[c] & OPENS) {
		if (l->nbrackets == LEX_BRACKETS_MAX)
			return lexer_error(l, l->line, "too many nested brackets");
		l->brackets[l->nbrackets].open = (char)c;
		l->brackets[l->nbrackets++].line = l->line;
	}
	if (classes[c] & CLOSES) {
		TRY(close_bracket(l, c));
		out->depth = l->nbrackets;
	}
	out->kind = TOKEN_OP;
	out->text = (struct span){l->source.ptr + l->at, n};
	l->at += n;
	return NULL;
}

static struct err *take_end(struct lexer *l, struct token *out)
{
	enum token_kind last = l->last ? l->last->kind : TOKEN_END;
	bool ends_line = last != TOKEN_NEWLINE && last != TOKEN_END && last != TOKEN_DEDENT &&
		last != TOKEN_INDENT;

	if (l->nbrackets)
		return err_new(ERR_FAILED, "%s:%u: '%c' is never closed", l->name,
			l->brackets[l->nbrackets - 1].line, l->brackets[l->nbrackets - 1].open);
	out->kind = ends_line ? TOKEN_NEWLINE : l->nindents ? TOKEN_DEDENT : TOKEN_END;
	l->nindents -= out->kind == TOKEN_DEDENT;
	return NULL;
}

static bool is_operand(const struct token *t)
{
	return t->kind == TOKEN_NUMBER || t->kind == TOKEN_STRING ||
		(t->kind == TOKEN_NAME && !t->is_keyword);
}

// Two names, numbers or texts side by side are no Python, and any prose or shell script has them.
static struct err *check_neighbours(const struct lexer *l, const struct token *t)
{
	const struct token *last = l->last;

	if (!last || !is_operand(last) || !is_operand(t))
		return NULL;
	if (last->kind == TOKEN_STRING && t->kind == TOKEN_STRING)
		return NULL;
	if (token_is(last, "match") || token_is(last, "case") || token_is(last, "type"))
		return NULL;
	if (token_is(last, "print") || token_is(last, "exec"))
		return err_hint(lexer_error(l, t->line, "this is Python 2"),
			"Python 3 has print and exec as functions: 2to3 -w %s", l->name);
	return err_new(ERR_FAILED, "%s:%u: no Python at \"%.*s\"", l->name, t->line,
		t->text.len > 40 ? 40 : (int)t->text.len, (const char *)t->text.ptr);
}

static struct err *take_token(struct lexer *l, struct token *out)
{
	unsigned char c = peek(l, 0);

	out->line = l->line;
	out->depth = l->nbrackets;
	if (at_end(l))
		return take_end(l, out);
	if (take_newline(l)) {
		out->kind = TOKEN_NEWLINE;
		l->is_line_start = true;
		return NULL;
	}
	if (starts_name(c))
		return take_name(l, out);
	if (c == '"' || c == '\'')
		return take_string(l, (struct literal){0}, 0, out);
	if (isdigit(c) || (c == '.' && isdigit(peek(l, 1)))) {
		take_number(l, out);
		return NULL;
	}
	return take_operator(l, out);
}

struct err *lexer_next(struct lexer *l, struct token *out)
{
	bool is_indented = false;

	*out = (struct token){.line = l->line};
	if (l->is_line_start)
		TRY(start_line(l, &is_indented));
	out->line = l->line;
	if (is_indented) {
		out->kind = TOKEN_INDENT;
	} else if (l->ndedents) {
		l->ndedents--;
		out->kind = TOKEN_DEDENT;
	} else {
		TRY(skip_blanks(l));
		TRY(take_token(l, out));
		TRY(check_neighbours(l, out));
	}
	l->last = out;
	return NULL;
}
