// Between the parts of the shell's reader: words (shell_words.c), what a simple command starts
// (shell_starts.c) and the commands around them (shell.c).
#pragma once
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/map.h"
#include "builder/shell.h"

#define SHELL_DEPTH_MAX 200

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

static inline char at(const struct reader *r, size_t off)
{
	return r->pos + off < r->n ? r->s[r->pos + off] : 0;
}

static inline bool is_done(const struct reader *r)
{
	return r->broken || r->over || r->pos >= r->n;
}

static inline bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static inline bool is_word(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0;
}

// The first trouble ends the reading.
void shell_fail(struct reader *r, size_t pos, const char *what);
// One level deeper; false where that is too deep. Only then no leave follows.
bool shell_enter(struct reader *r);
void shell_leave(struct reader *r);
// Blanks, joined lines and comments.
void shell_skip_space(struct reader *r);
// Newlines, with all that may stand between them: here-documents too.
void shell_newlines(struct reader *r);
// The next word of the line; false where there is none.
bool shell_word(struct reader *r, struct word *w);
// The unquoted word that stands here, as long as no character has a meaning.
struct span shell_plain_word(struct reader *r);
bool shell_accept(struct reader *r, const char *text);
// At "((": true where it was arithmetic.
bool shell_arithmetic(struct reader *r);
// Behind the bracket of $(, <( and ( … ).
void shell_brackets(struct reader *r, size_t begin);
// Commands up to a word or sign that belongs to what is around them.
void shell_list(struct reader *r, bool is_top);
// Notes what the simple command that begins with words->at[i] starts.
void shell_starts(struct reader *r, const struct words *words, size_t i);
// "NAME=…", "NAME+=…", "NAME[…]=…"
bool shell_is_assignment(const char *s);
