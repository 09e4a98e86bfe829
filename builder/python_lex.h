// The tokens of a Python source file, one at a time: the language reference's «Lexical analysis»,
// as strict as the interpreter where that tells Python from other text.
#pragma once
#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "base/span.h"

enum token_kind {
	TOKEN_END,
	TOKEN_NEWLINE, // the end of a logical line
	TOKEN_INDENT,
	TOKEN_DEDENT,
	TOKEN_NAME, // keywords too
	TOKEN_NUMBER,
	TOKEN_STRING,
	TOKEN_OP, // one character, or one of := -> == != <= >=
};

struct token {
	enum token_kind kind;
	struct span text; // of a string literal: what stands between its quotes
	bool is_plain;    // a string without prefix b or f and without backslash: text is its value
	bool is_keyword;
	unsigned line;
	unsigned depth; // brackets open before it; a closing one counts as outside
};

#define LEX_BRACKETS_MAX 200 // MAXLEVEL and MAXINDENT of Parser/tokenizer.h
#define LEX_INDENTS_MAX 100

struct lexer {
	const char *name;
	struct span source;
	size_t at;
	unsigned line;
	bool nests_fstrings; // Python 3.12: an f-string's fields are code, quotes and all
	char coding[32];     // what its first two lines name; "" for none
	struct {
		char open;
		unsigned line;
	} brackets[LEX_BRACKETS_MAX];
	struct {
		unsigned column, alternate; // a tab as 8 columns, and as one
	} indents[LEX_INDENTS_MAX];
	unsigned nbrackets, nindents, ndedents;
	bool is_line_start;
	const struct token *last; // NULL: none
};

// name is for messages and, like source, lives as long as the lexer. minor: of Python 3.x.
// Null bytes, and bytes that are no UTF-8 where no coding line says otherwise, are errors.
must_check struct err *lexer_open(
	struct lexer *l, const char *name, struct span source, unsigned minor);
// *out is looked at again by the next call, which fills another one. ERR_FAILED «name:line: …»
// where the text is no Python.
must_check struct err *lexer_next(struct lexer *l, struct token *out);
must_check struct err *lexer_error(const struct lexer *l, unsigned line, const char *what);

// Is it that name, keyword or operator? Asked some twenty times a token, so inline: with the length
// of a literal known, most answers take one comparison.
static inline bool token_is(const struct token *t, const char *text)
{
	return t->text.len && t->text.ptr[0] == (unsigned char)text[0] &&
		t->text.len == strlen(text) && memcmp(t->text.ptr, text, t->text.len) == 0 &&
		(t->kind == TOKEN_NAME || t->kind == TOKEN_OP);
}
