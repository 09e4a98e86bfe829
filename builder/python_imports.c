#include "builder/python_imports.h"

#include <string.h>

#define CONDITION_MAX 64 // tokens of a condition that is looked at
#define TEXT_MAX 100     // bytes of a string literal that may be a name
#define DOTTED_MAX 1000

// What holds for the statements of a block.
struct context {
	const char *function, *in_class, *wanted;
	bool is_never, is_conditional, is_guarded, is_getattr;
	size_t instead_first, instead_end;
	size_t body; // its number, from 1
};

// The statements of one indentation: what holds for them, and what the last compound one was, for
// the else and except that may follow.
struct block {
	struct context context;
	enum { OTHER, IF, TRY_BLOCK } kind;
	enum truth taken;  // of IF: was a branch before this one?
	size_t first, end; // of TRY_BLOCK: its imports
	bool is_ended;
};

struct parser {
	const struct python_scan_options *o;
	struct lexer lexer;
	struct arena *a;
	struct python_source *out;
	struct token tokens[4]; // the last ones, in turn
	unsigned at;
	const struct token *now, *before, *before2, *before3;
	struct block blocks[LEX_INDENTS_MAX + 1];
	size_t nblocks;
	unsigned depth; // of bodies that stand in their header's line
	struct token condition[CONDITION_MAX];
	size_t ncondition; // more than fit: unknown
};

static struct block *block_of(struct parser *p)
{
	return &p->blocks[p->nblocks - 1];
}

static const char *text_of(struct parser *p, const struct token *t)
{
	return arena_strndup(p->a, (const char *)t->text.ptr, t->text.len);
}

static bool is_one_of(const struct token *t, const char *const *words)
{
	for (; *words; words++)
		if (token_is(t, *words))
			return true;
	return false;
}

static void add_import(struct parser *p, const struct context *c, struct python_import i)
{
	if (c->is_never)
		return;
	i.function = c->function;
	i.in_class = c->in_class;
	i.is_getattr = c->is_getattr;
	i.wanted = c->wanted;
	i.is_guarded = c->is_guarded;
	i.is_conditional = c->is_conditional;
	i.instead_first = c->instead_first;
	i.instead_end = c->instead_end;
	vec_push(p->a, &p->out->imports, i);
}

// importlib.import_module("x.y"), __import__("x"), and the encodings that calls name.
static void look_at_call(struct parser *p, const struct context *c)
{
	static const char *const importers[] = {"import_module", "__import__", NULL};
	static const char *const coders[] = {"encode", "decode", "getincrementaldecoder",
		"getincrementalencoder", "getreader", "getwriter", "lookup", NULL};
	const struct token *t = p->before;
	bool is_text = t->kind == TOKEN_STRING && t->is_plain &&
		(token_is(p->now, ",") || token_is(p->now, ")"));

	if (token_is(p->before2, "(") && is_one_of(p->before3, importers)) {
		const char *name = is_text ? text_of(p, t) : NULL;
		size_t dots = name ? strspn(name, ".") : 0;

		if (!name && !c->is_never && !token_is(t, ")"))
			vec_push(p->a, &p->out->computed, t->line);
		else if (name && name[dots] && dots <= 32 && t->text.len <= DOTTED_MAX)
			add_import(p, c,
				(struct python_import){.module = name + dots,
					.level = (unsigned)dots,
					.line = t->line});
	}
	if (is_text && t->text.len && t->text.len < 40 && !c->is_never &&
		((token_is(p->before2, "(") && is_one_of(p->before3, coders)) ||
			(token_is(p->before2, "=") && token_is(p->before3, "encoding"))))
		vec_push(p->a, &p->out->encodings, text_of(p, t));
}

static void look_at_name(struct parser *p, const struct context *c)
{
	static const char *const extenders[] = {"extend_path", "declare_namespace", NULL};

	if (p->o->names && !p->now->is_keyword && p->now->text.len < 100) {
		char name[100] = "";

		memcpy(name, p->now->text.ptr, p->now->text.len);
		*map_at(p->o->names, p->o->names_arena, name) = p;
	}
	if (c->body && !p->now->is_keyword && !c->is_never && !token_is(p->before, "class") &&
		!token_is(p->before, "def"))
		vec_push(p->a, &p->out->bodies.at[c->body - 1].names, text_of(p, p->now));
	p->out->extends_path |= is_one_of(p->now, extenders);
	p->out->edits_modules |= token_is(p->before, ".") && token_is(p->before2, "sys") &&
		(token_is(p->now, "modules") || token_is(p->now, "meta_path"));
}

static void look_at_text(struct parser *p)
{
	const struct span text = p->now->text;

	if (p->o->wants_bodies || !p->now->is_plain || text.len < 2 || text.len > TEXT_MAX ||
		memchr(text.ptr, ' ', text.len) || memchr(text.ptr, '\n', text.len))
		return;
	vec_push(p->a, &p->out->texts, text_of(p, p->now));
}

// Takes the next token, after a look at this one.
static struct err *advance(struct parser *p, const struct context *c)
{
	if (p->now->kind == TOKEN_NAME)
		look_at_name(p, c);
	if (p->now->kind == TOKEN_STRING)
		look_at_text(p);
	look_at_call(p, c);
	p->before3 = p->before2;
	p->before2 = p->before;
	p->before = p->now;
	struct token *next = &p->tokens[++p->at % 4];

	p->now = next;
	return lexer_next(&p->lexer, next);
}

static bool ends_statement(const struct parser *p)
{
	return p->now->kind == TOKEN_NEWLINE || p->now->kind == TOKEN_END ||
		(token_is(p->now, ";") && !p->now->depth);
}

static struct err *unexpected(struct parser *p)
{
	if (p->now->kind == TOKEN_NEWLINE || p->now->kind == TOKEN_END)
		return lexer_error(&p->lexer, p->now->line, "the statement ends too early");
	return err_new(ERR_FAILED, "%s:%u: \"%.*s\" is not expected here", p->o->name, p->now->line,
		p->now->text.len > 40 ? 40 : (int)p->now->text.len, (const char *)p->now->text.ptr);
}

static struct err *expect_name(struct parser *p)
{
	return p->now->kind == TOKEN_NAME && !p->now->is_keyword ? NULL : unexpected(p);
}

// a.b.c
static struct err *dotted(struct parser *p, const struct context *c, const char **out)
{
	char name[DOTTED_MAX + 1];
	size_t n = 0;

	for (;;) {
		TRY(expect_name(p));
		if (p->now->text.len >= sizeof(name) - n - 1)
			return lexer_error(
				&p->lexer, p->now->line, "the name of a module is too long");
		memcpy(name + n, p->now->text.ptr, p->now->text.len);
		n += p->now->text.len;
		TRY(advance(p, c));
		if (!token_is(p->now, "."))
			break;
		name[n++] = '.';
		TRY(advance(p, c));
	}
	*out = arena_strndup(p->a, name, n);
	return NULL;
}

// «as name», where it stands.
static struct err *skip_as(struct parser *p, const struct context *c)
{
	if (!token_is(p->now, "as"))
		return NULL;
	TRY(advance(p, c));
	TRY(expect_name(p));
	return advance(p, c);
}

static struct err *parse_import(struct parser *p, const struct context *c)
{
	unsigned line = p->now->line;

	do {
		const char *name;

		TRY(advance(p, c));
		TRY(dotted(p, c, &name));
		TRY(skip_as(p, c));
		add_import(p, c, (struct python_import){.module = name, .line = line});
	} while (token_is(p->now, ","));
	return ends_statement(p) ? NULL : unexpected(p);
}

// from ..a.b import (c as d, e); from . import *
static struct err *parse_from(struct parser *p, const struct context *c)
{
	struct python_import i = {.module = "", .line = p->now->line};

	TRY(advance(p, c));
	for (; token_is(p->now, "."); i.level++)
		TRY(advance(p, c));
	if (!i.level || !token_is(p->now, "import"))
		TRY(dotted(p, c, &i.module));
	if (!token_is(p->now, "import"))
		return unexpected(p);
	TRY(advance(p, c));
	if (token_is(p->now, "*")) {
		i.name = "*";
		add_import(p, c, i);
		TRY(advance(p, c));
		return ends_statement(p) ? NULL : unexpected(p);
	}
	bool in_brackets = token_is(p->now, "(");

	if (in_brackets)
		TRY(advance(p, c));
	do {
		if (in_brackets && token_is(p->now, ")"))
			break;
		TRY(expect_name(p));
		i.name = text_of(p, p->now);
		TRY(advance(p, c));
		TRY(skip_as(p, c));
		add_import(p, c, i);
		if (!token_is(p->now, ","))
			break;
		TRY(advance(p, c));
	} while (!ends_statement(p));
	if (in_brackets) {
		if (!i.name || !token_is(p->now, ")"))
			return unexpected(p);
		TRY(advance(p, c));
	}
	return ends_statement(p) ? NULL : unexpected(p);
}

// `case` is a name elsewhere, so its header is only known by its colon.
static struct err *parse_simple(struct parser *p, struct context *c)
{
	bool is_case = token_is(p->now, "case");
	bool is_all = token_is(p->now, "__all__") && !c->function && !c->in_class;

	if (token_is(p->now, "import"))
		return parse_import(p, c);
	if (token_is(p->now, "from"))
		return parse_from(p, c);
	while (!ends_statement(p)) {
		bool is_colon = is_case && token_is(p->now, ":") && !p->now->depth;

		if (is_all && p->now->kind == TOKEN_STRING && p->now->is_plain)
			vec_push(p->a, &p->out->all, text_of(p, p->now));
		TRY(advance(p, c));
		c->is_conditional |= is_colon;
		if (is_colon && token_is(p->now, "import"))
			return parse_import(p, c);
		if (is_colon && token_is(p->now, "from"))
			return parse_from(p, c);
	}
	return NULL;
}

// The rest of a header, to its colon: kept as the condition.
static struct err *parse_header(struct parser *p, const struct context *c)
{
	unsigned lambdas = 0;

	p->ncondition = 0;
	for (;;) {
		if (p->now->kind == TOKEN_NEWLINE || p->now->kind == TOKEN_END)
			return lexer_error(&p->lexer, p->now->line, "a ':' is missing");
		if (!p->now->depth && token_is(p->now, ":") && !lambdas--)
			break;
		lambdas += !p->now->depth && token_is(p->now, "lambda");
		if (p->ncondition < CONDITION_MAX)
			p->condition[p->ncondition] = *p->now;
		p->ncondition++;
		TRY(advance(p, c));
	}
	return advance(p, c);
}

static bool header_names(const struct parser *p, const char *const *words)
{
	for (size_t i = 0; i < p->ncondition && i < CONDITION_MAX; i++)
		if (is_one_of(&p->condition[i], words))
			return true;
	return false;
}

static enum truth header_truth(const struct parser *p)
{
	return p->ncondition > CONDITION_MAX ? UNKNOWN
					     : python_truth(p->o, p->condition, p->ncondition);
}

static void enter_branch(struct context *c, enum truth condition, enum truth before)
{
	c->is_never |= condition == FALSE || before == TRUE;
	c->is_conditional |= condition == UNKNOWN || before == UNKNOWN;
}

static void enter_if(struct parser *p, struct context *c, bool is_first)
{
	struct block *b = block_of(p);
	enum truth t = header_truth(p);

	// if name == "y": in a module's __getattr__(name)
	if (c->is_getattr && p->ncondition == 3 && token_is(&p->condition[1], "==") &&
		p->condition[2].is_plain)
		c->wanted = text_of(p, &p->condition[2]);
	if (is_first)
		b->taken = FALSE;
	enter_branch(c, t, b->taken);
	b->kind = IF;
	if (t == TRUE || (t == UNKNOWN && b->taken == FALSE))
		b->taken = t;
}

static const char *const import_errors[] = {
	"ImportError", "ModuleNotFoundError", "Exception", "BaseException", NULL};

static void enter_except(struct parser *p, struct context *c)
{
	struct block *b = block_of(p);

	if (!b->is_ended)
		b->end = p->out->imports.len;
	b->is_ended = true;
	c->is_conditional = true;
	if (p->ncondition && !header_names(p, import_errors))
		return;
	for (size_t i = b->first; i < b->end; i++)
		p->out->imports.at[i].is_guarded = true;
	c->instead_first = b->first;
	c->instead_end = b->end;
}

static void enter_body(struct parser *p, struct context *c)
{
	if (!p->o->wants_bodies)
		return;
	vec_push(p->a, &p->out->bodies,
		(struct python_body){.function = c->function, .in_class = c->in_class});
	c->body = p->out->bodies.len;
}

// The bases of a class are live with it.
static void enter_class(struct parser *p, struct context *c)
{
	if (c->in_class || c->function)
		return;
	c->in_class = p->ncondition ? text_of(p, &p->condition[0]) : "";
	enter_body(p, c);
	for (size_t i = 1; c->body && i < p->ncondition && i < CONDITION_MAX; i++)
		if (p->condition[i].kind == TOKEN_NAME)
			vec_push(p->a, &p->out->bodies.at[c->body - 1].names,
				text_of(p, &p->condition[i]));
}

static void enter_def(struct parser *p, struct context *c)
{
	if (c->function)
		return;
	c->function = p->ncondition ? text_of(p, &p->condition[0]) : "";
	c->is_getattr = !c->in_class && strcmp(c->function, "__getattr__") == 0;
	enter_body(p, c);
}

// What holds in the body of the compound statement whose header was just read.
static struct context enter(struct parser *p, const struct token *keyword, struct context c)
{
	static const char *const suppress[] = {"suppress", NULL};
	struct block *b = block_of(p);

	if (token_is(keyword, "if") || token_is(keyword, "elif")) {
		enter_if(p, &c, token_is(keyword, "if"));
	} else if (token_is(keyword, "else")) {
		if (b->kind == IF)
			enter_branch(&c, TRUE, b->taken);
		if (b->kind == TRY_BLOCK && !b->is_ended)
			b->end = p->out->imports.len;
	} else if (token_is(keyword, "try")) {
		b->kind = TRY_BLOCK;
		b->first = b->end = p->out->imports.len;
		b->is_ended = false;
	} else if (token_is(keyword, "except")) {
		enter_except(p, &c);
	} else if (token_is(keyword, "def")) {
		enter_def(p, &c);
	} else if (token_is(keyword, "class")) {
		enter_class(p, &c);
	} else {
		if (token_is(keyword, "while"))
			c.is_never |= header_truth(p) == FALSE;
		if (token_is(keyword, "with") && header_names(p, suppress))
			c.is_guarded |= header_names(p, import_errors);
		if (!token_is(keyword, "finally"))
			b->kind = OTHER;
	}
	return c;
}

static struct err *parse_statement(struct parser *p, struct context c);

// A body: an indented block, or statements in the rest of the line.
static struct err *parse_body(struct parser *p, struct context c)
{
	if (p->now->kind != TOKEN_NEWLINE) {
		if (p->depth++ > 20)
			return lexer_error(
				&p->lexer, p->now->line, "too many statements in a line");
		TRY(parse_statement(p, c));
		p->depth--;
		return NULL;
	}
	TRY(advance(p, &c));
	if (p->now->kind != TOKEN_INDENT)
		return lexer_error(&p->lexer, p->now->line, "an indented block is missing");
	p->blocks[p->nblocks++] = (struct block){.context = c};
	return advance(p, &c);
}

static bool is_compound(const struct token *t)
{
	static const char *const words[] = {"if", "elif", "else", "try", "except", "finally", "for",
		"while", "with", "def", "class", "async", NULL};

	return t->is_keyword && is_one_of(t, words);
}

// One line: a compound statement with its header, or simple ones.
static struct err *parse_statement(struct parser *p, struct context c)
{
	if (is_compound(p->now)) {
		if (token_is(p->now, "async"))
			TRY(advance(p, &c));
		struct token keyword = *p->now;

		if (!is_compound(&keyword))
			return unexpected(p);
		TRY(advance(p, &c));
		TRY(parse_header(p, &c));
		return parse_body(p, enter(p, &keyword, c));
	}
	for (;;) {
		TRY(parse_simple(p, &c));
		if (!token_is(p->now, ";"))
			break;
		TRY(advance(p, &c));
	}
	if (p->now->kind == TOKEN_NEWLINE)
		return advance(p, &c);
	return NULL;
}

static struct err *parse_file(struct parser *p)
{
	while (p->now->kind != TOKEN_END) {
		struct context c = block_of(p)->context;

		if (p->now->kind == TOKEN_DEDENT) {
			p->nblocks--;
			TRY(advance(p, &c));
		} else if (p->now->kind == TOKEN_INDENT) {
			// Behind a header with `match` or `case`, which are names elsewhere.
			if (!token_is(p->before2, ":"))
				return lexer_error(
					&p->lexer, p->now->line, "unexpected indentation");
			c.is_conditional = true;
			p->blocks[p->nblocks++] = (struct block){.context = c};
			TRY(advance(p, &c));
		} else {
			TRY(parse_statement(p, c));
		}
	}
	return NULL;
}

struct err *python_scan(const struct python_scan_options *o, struct span text, struct arena *a,
	struct python_source *out)
{
	struct parser *p = arena_new(a, struct parser);

	*p = (struct parser){.o = o, .a = a, .out = out, .nblocks = 1};
	p->now = p->before = p->before2 = p->before3 = p->tokens;
	*out = (struct python_source){0};
	TRY(lexer_open(&p->lexer, o->name, text, o->minor));
	if (p->lexer.coding[0])
		vec_push(a, &out->encodings, arena_strdup(a, p->lexer.coding));
	enter_body(p, &p->blocks[0].context);
	TRY(lexer_next(&p->lexer, p->tokens));
	return parse_file(p);
}
