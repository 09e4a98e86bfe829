// Conditions that decide what is imported and are known before anything runs.
#include <stdlib.h>
#include <string.h>

#include "builder/python_imports.h"

#define DEPTH_MAX 20

struct condition {
	const struct python_scan_options *o;
	const struct token *at;
	size_t n;
};

static enum truth not_truth(enum truth t)
{
	return t == UNKNOWN ? UNKNOWN : t == TRUE ? FALSE : TRUE;
}

static bool string_is(const struct token *t, const char *text)
{
	return t->kind == TOKEN_STRING && t->is_plain && t->text.len == strlen(text) &&
		memcmp(t->text.ptr, text, t->text.len) == 0;
}

// Do the tokens begin with these words ("sys . platform ==")? *rest is the number behind them.
static bool begins(const struct condition *c, const char *words, size_t *rest)
{
	size_t i = 0;

	for (; *words; i++) {
		size_t n = strcspn(words, " ");
		struct span s = i < c->n ? c->at[i].text : (struct span){0};
		// import sys as _sys
		size_t skip = i == 0 && s.len == n + 1 && s.ptr[0] == '_';

		if (i >= c->n || c->at[i].kind == TOKEN_STRING || s.len - skip != n ||
			memcmp(s.ptr + skip, words, n) != 0)
			return false;
		words += n + (words[n] == ' ');
	}
	*rest = i;
	return true;
}

// == "text", != "text", in ("text", …), not in (…), .startswith("text") behind a known value.
static enum truth compare_text(const struct condition *c, size_t i, const char *value)
{
	const struct token *t = c->at + i;
	size_t left = c->n - i;
	bool is_not = left && token_is(t, "not"), known = true, found = false;

	if (left == 2 && (token_is(t, "==") || token_is(t, "!=")) && t[1].kind == TOKEN_STRING)
		return string_is(t + 1, value) == token_is(t, "==") ? TRUE : FALSE;
	if (left == 5 && token_is(t, ".") && token_is(t + 1, "startswith") &&
		t[3].kind == TOKEN_STRING && t[3].is_plain)
		return strncmp(value, (const char *)t[3].text.ptr, t[3].text.len) == 0 ? TRUE
										       : FALSE;
	if (left < 3u + is_not || !token_is(t + is_not, "in"))
		return UNKNOWN;
	for (size_t k = is_not + 1; k < left; k++) {
		found |= string_is(t + k, value);
		known &= t[k].kind == TOKEN_STRING || t[k].kind == TOKEN_OP;
	}
	return !known ? UNKNOWN : found != is_not ? TRUE : FALSE;
}

static long number_of(const struct token *t)
{
	char text[8] = "";

	if (t->kind != TOKEN_NUMBER || t->text.len >= sizeof(text))
		return -1;
	memcpy(text, t->text.ptr, t->text.len);
	return strtol(text, NULL, 0);
}

// Whether what is less (-1), equal (0) or greater (1) satisfies the operator.
static enum truth truth_of_order(const struct token *op, int order)
{
	if (token_is(op, "=="))
		return order == 0 ? TRUE : FALSE;
	if (token_is(op, "!="))
		return order != 0 ? TRUE : FALSE;
	if (token_is(op, ">="))
		return order >= 0 ? TRUE : FALSE;
	if (token_is(op, "<="))
		return order <= 0 ? TRUE : FALSE;
	if (token_is(op, "<"))
		return order < 0 ? TRUE : FALSE;
	return token_is(op, ">") ? (order > 0 ? TRUE : FALSE) : UNKNOWN;
}

// (3, minor) against what stands behind the operator. has_more: the left side is longer, as
// sys.version_info is.
static enum truth compare_version(
	const struct token *op, const struct token *right, size_t n, long minor, size_t parts)
{
	const long left[] = {3, minor};
	int order = 0;
	size_t count = 0;

	for (size_t k = 0; k < n; k++) {
		if (right[k].kind != TOKEN_NUMBER)
			continue;
		long v = number_of(right + k);

		if (v < 0 || (count >= 2 && order == 0))
			return UNKNOWN;
		if (order == 0)
			order = left[count] < v ? -1 : left[count] > v;
		count++;
	}
	if (!count)
		return UNKNOWN;
	if (order == 0 && parts > count)
		order = 1; // (3, 11, 2, …) > (3, 11)
	if (order == 0 && parts < count)
		order = -1;
	return truth_of_order(op, order);
}

// Behind "sys.version_info": >= (3, 8), [0] == 2, [:2] < (3, 11), .major == 3.
static enum truth version_truth(const struct condition *c, size_t i)
{
	const struct token *t = c->at + i;
	size_t left = c->n - i, skip = 0, parts = 5;

	if (left > 3 && token_is(t, "[") && number_of(t + 1) == 0 && token_is(t + 2, "]"))
		skip = 3, parts = 1;
	else if (left > 4 && token_is(t, "[") && token_is(t + 1, ":") && number_of(t + 2) == 2)
		skip = 4, parts = 2;
	else if (left > 2 && token_is(t, ".") && token_is(t + 1, "major"))
		skip = 2, parts = 1;
	if (left < skip + 2)
		return UNKNOWN;
	for (size_t k = skip + 1; k < left; k++)
		if (t[k].kind == TOKEN_NAME || t[k].kind == TOKEN_STRING)
			return UNKNOWN;
	return compare_version(t + skip, t + skip + 1, left - skip - 1, c->o->minor, parts);
}

static enum truth one_token(const struct token *t)
{
	if (token_is(t, "False") || token_is(t, "TYPE_CHECKING") || token_is(t, "PY2") ||
		token_is(t, "WINDOWS"))
		return FALSE;
	if (token_is(t, "True") || token_is(t, "PY3"))
		return TRUE;
	long v = number_of(t);

	return v < 0 ? UNKNOWN : v ? TRUE : FALSE;
}

static enum truth truth_of(struct condition c, unsigned depth);

// A condition without `and`, `or` and `not` around it.
static enum truth comparison(struct condition c, unsigned depth)
{
	size_t i;

	if (c.n == 1)
		return one_token(c.at);
	if (c.n == 3 && token_is(c.at + 1, ".") && c.at[2].kind == TOKEN_NAME)
		return one_token(c.at + 2);
	if (c.n > 2 && token_is(c.at, "(") && token_is(c.at + c.n - 1, ")")) {
		for (i = 1; i + 1 < c.n; i++)
			if (c.at[i].depth <= c.at[0].depth)
				return UNKNOWN;
		return truth_of((struct condition){c.o, c.at + 1, c.n - 2}, depth + 1);
	}
	if (begins(&c, "__name__", &i))
		return c.n == i + 2 && string_is(c.at + i + 1, "__main__") &&
				(token_is(c.at + i, "==") || token_is(c.at + i, "!="))
			? (c.o->is_main == token_is(c.at + i, "==") ? TRUE : FALSE)
			: UNKNOWN;
	if (begins(&c, "sys . platform", &i))
		return compare_text(&c, i, "linux");
	if (begins(&c, "os . name", &i))
		return compare_text(&c, i, "posix");
	if (begins(&c, "platform . system ( )", &i))
		return compare_text(&c, i, "Linux");
	if (begins(&c, "sys . version_info", &i))
		return version_truth(&c, i);
	return UNKNOWN;
}

// Where `word` stands outside brackets; n: nowhere.
static size_t find_word(const struct condition *c, const char *word)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->at[i].depth == c->at[0].depth && token_is(c->at + i, word))
			return i;
	return c->n;
}

static enum truth truth_of(struct condition c, unsigned depth)
{
	if (!c.n || depth > DEPTH_MAX || find_word(&c, "if") < c.n || find_word(&c, "lambda") < c.n)
		return UNKNOWN;
	for (int is_and = 0; is_and < 2; is_and++) {
		size_t i = find_word(&c, is_and ? "and" : "or");
		enum truth decides = is_and ? FALSE : TRUE, left, right;

		if (i == c.n)
			continue;
		left = truth_of((struct condition){c.o, c.at, i}, depth + 1);
		right = truth_of((struct condition){c.o, c.at + i + 1, c.n - i - 1}, depth + 1);
		if (left == decides || right == decides)
			return decides;
		return left == UNKNOWN || right == UNKNOWN ? UNKNOWN : not_truth(decides);
	}
	if (token_is(c.at, "not"))
		return not_truth(truth_of((struct condition){c.o, c.at + 1, c.n - 1}, depth + 1));
	return comparison(c, depth);
}

enum truth python_truth(const struct python_scan_options *o, const struct token *at, size_t n)
{
	return truth_of((struct condition){o, at, n}, 0);
}
