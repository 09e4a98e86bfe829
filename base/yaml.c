#include "base/yaml.h"

#include <libfyaml.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"

struct reader {
	struct fy_parser *parser;
	struct fy_diag *diag;
	const char *name;
	struct arena *arena;
};

// ---- errors ----

static struct err *error_at(
	const struct reader *r, const struct fy_mark *m, const char *fmt, const char *word)
{
	drop(mem_drop) char *text = str_printf(fmt, word);

	return err_new(ERR_USAGE, "%s:%d:%d: %s", r->name, m ? m->line + 1 : 1,
		m ? m->column + 1 : 1, text);
}

struct err *yaml_error(const char *name, const struct yaml *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	drop(mem_drop) char *text = str_vprintf(fmt, ap);
	va_end(ap);
	return err_new(ERR_USAGE, "%s:%u:%u: %s", name, at->line, at->column, text);
}

// What the library says first; all that follows is a consequence.
static struct err *syntax_error(const struct reader *r)
{
	void *at = NULL;
	const struct fy_diag_error *d = fy_diag_errors_iterate(r->diag, &at);

	if (!d || !d->msg)
		return err_new(ERR_USAGE, "%s: not YAML", r->name);
	return err_new(ERR_USAGE, "%s:%d:%d: %.*s", r->name, d->line, d->column,
		(int)strcspn(d->msg, "\n"), d->msg);
}

// ---- events ----

// The library keeps events by parser; a pair lets drop() hand one back.
struct event {
	struct reader *reader;
	struct fy_event *event;
};

static void event_free(struct event *e)
{
	if (e->event)
		fy_parser_event_free(e->reader->parser, e->event);
	e->event = NULL;
}

static struct err *next(struct reader *r, struct event *out)
{
	*out = (struct event){r, fy_parser_parse(r->parser)};
	return out->event ? NULL : syntax_error(r);
}

static struct err *refuse_marks(const struct reader *r, struct fy_event *e)
{
	const struct fy_mark *m = fy_event_start_mark(e);
	struct fy_token *anchor = NULL, *tag = NULL;

	if (e->type == FYET_ALIAS)
		return error_at(r, m, "%s", "aliases (*name) are not read here");
	if (e->type == FYET_SCALAR)
		anchor = e->scalar.anchor, tag = e->scalar.tag;
	else if (e->type == FYET_SEQUENCE_START)
		anchor = e->sequence_start.anchor, tag = e->sequence_start.tag;
	else if (e->type == FYET_MAPPING_START)
		anchor = e->mapping_start.anchor, tag = e->mapping_start.tag;
	if (anchor)
		return error_at(r, m, "%s", "anchors (&name) are not read here");
	if (tag)
		return error_at(r, m, "%s", "tags (!name) are not read here");
	return NULL;
}

static struct err *node(struct reader *r, struct event *e, int depth, struct yaml *out);

static struct err *text(struct reader *r, struct fy_event *e, struct yaml *out)
{
	enum fy_scalar_style style = fy_token_scalar_style(e->scalar.value);
	size_t n = 0;
	const char *bytes = fy_token_get_text(e->scalar.value, &n);
	char *copy = arena_strndup(r->arena, bytes ? bytes : "", bytes ? n : 0);

	// The library's place is behind the quote.
	if ((style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && out->column > 1)
		out->column--;
	if (bytes && (strlen(copy) != n || !json_is_text(copy)))
		return yaml_error(r->name, out, "a text with bytes that are none");
	out->kind = YAML_TEXT;
	out->text = copy;
	out->is_plain = style == FYSS_PLAIN;
	return NULL;
}

static struct err *list(struct reader *r, int depth, struct yaml *out)
{
	out->kind = YAML_LIST;
	for (;;) {
		drop(event_free) struct event e = {0};
		struct yaml item = {0};

		TRY(next(r, &e));
		if (e.event->type == FYET_SEQUENCE_END)
			return NULL;
		TRY(node(r, &e, depth + 1, &item));
		vec_push(r->arena, &out->items, item);
	}
}

static struct err *take_key(struct reader *r, struct map *seen, struct yaml *key)
{
	void **slot;

	if (key->kind != YAML_TEXT)
		return yaml_error(r->name, key, "a key that is no text");
	slot = map_at(seen, r->arena, key->text);
	if (*slot)
		return yaml_error(r->name, key, "%s: stands in line %u already", key->text,
			((const struct yaml *)*slot)->line);
	struct yaml *kept = arena_new(r->arena, struct yaml);

	*kept = *key;
	*slot = kept;
	return NULL;
}

static struct err *map(struct reader *r, int depth, struct yaml *out)
{
	struct map seen = {0};

	out->kind = YAML_MAP;
	for (;;) {
		drop(event_free) struct event e = {0}, v = {0};
		struct yaml key = {0}, value = {0};

		TRY(next(r, &e));
		if (e.event->type == FYET_MAPPING_END)
			return NULL;
		TRY(node(r, &e, depth + 1, &key));
		TRY(take_key(r, &seen, &key));
		// "[a: b]": the library tells the place of the colon.
		if (key.line == out->line && key.column < out->column)
			out->column = key.column;
		TRY(next(r, &v));
		TRY(node(r, &v, depth + 1, &value));
		vec_push(r->arena, &out->keys, key);
		vec_push(r->arena, &out->items, value);
	}
}

static struct err *node(struct reader *r, struct event *e, int depth, struct yaml *out)
{
	const struct fy_mark *m = fy_event_start_mark(e->event);

	out->line = m ? (unsigned)m->line + 1 : 1;
	out->column = m ? (unsigned)m->column + 1 : 1;
	TRY(refuse_marks(r, e->event));
	if (e->event->type == FYET_SCALAR)
		return text(r, e->event, out);
	if (depth >= YAML_DEPTH_MAX)
		return yaml_error(r->name, out, "lists and maps more than %d deep", YAML_DEPTH_MAX);
	if (e->event->type == FYET_SEQUENCE_START)
		return list(r, depth, out);
	if (e->event->type == FYET_MAPPING_START)
		return map(r, depth, out);
	return yaml_error(r->name, out, "not YAML");
}

// ---- the document ----

static struct err *one_document(struct reader *r, struct yaml **out)
{
	for (;;) {
		drop(event_free) struct event e = {0};

		TRY(next(r, &e));
		switch (e.event->type) {
		case FYET_STREAM_START:
		case FYET_DOCUMENT_END:
			break;
		case FYET_STREAM_END:
			return NULL;
		case FYET_DOCUMENT_START:
			if (*out)
				return error_at(
					r, fy_event_start_mark(e.event), "%s", "a second document");
			break;
		default:
			*out = arena_new(r->arena, struct yaml);
			TRY(node(r, &e, 0, *out));
		}
	}
}

// What a text editor would not show is no YAML either (YAML 1.2.2, 5.1), and the library need not
// see it.
static struct err *check_bytes(struct span s, const char *name, struct arena *a)
{
	const char *copy = arena_strndup(a, (const char *)s.ptr, s.len);
	unsigned line = 1;

	if (strlen(copy) == s.len && !json_is_text(copy))
		return err_new(ERR_USAGE, "%s: not UTF-8", name);
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.ptr[i];

		line += c == '\n';
		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
			return err_new(ERR_USAGE, "%s:%u: a control character, 0x%02x", name, line,
				(unsigned)c);
	}
	return NULL;
}

// A neighbour that lets a sign be an indicator, also as YAML 1.1's line breaks and a BOM.
static bool is_apart(struct span s, size_t i)
{
	return i >= s.len || s.ptr[i] <= ' ' || s.ptr[i] >= 0x80;
}

// Of the blanks from i on, with an indicator behind them: where the first tab is. 0: none.
static size_t tab_before_indicator(struct span s, size_t i)
{
	size_t tab = 0;

	for (; i < s.len && (s.ptr[i] == ' ' || s.ptr[i] == '\t'); i++)
		if (s.ptr[i] == '\t' && !tab)
			tab = i;
	if (i >= s.len || !memchr("?:|>-", s.ptr[i], 5) || (s.ptr[i] == '-' && !is_apart(s, i + 1)))
		return 0;
	return tab;
}

// "? a:<tab>: b": libfyaml up to 0.7.12 takes the tab for an error too, but drops the key a twice
// and then crashes in fy_parser_destroy() (pantoniou/libfyaml issue 57). It must not see that.
static struct err *check_tabs(struct span s, const char *name)
{
	unsigned line = 1, column = 0;
	bool has_key = false;
	size_t tab;

	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.ptr[i];

		column += (c & 0xc0) != 0x80;
		has_key |= c == '?' && is_apart(s, i - 1) && is_apart(s, i + 1);
		if (has_key && c == ':' && (tab = tab_before_indicator(s, i + 1)))
			return err_new(ERR_USAGE, "%s:%u:%u: a tab where only spaces may indent",
				name, line, column + (unsigned)(tab - i));
		if (c == '\n')
			line++, column = 0;
	}
	return NULL;
}

static void parser_drop(struct fy_parser **p)
{
	if (*p)
		fy_parser_destroy(*p);
}

static void diag_drop(struct fy_diag **d)
{
	if (*d)
		fy_diag_destroy(*d);
}

struct err *yaml_read(struct span s, const char *name, struct arena *a, struct yaml **out)
{
	struct fy_diag_cfg quiet;

	*out = NULL;
	if (s.len > YAML_MAX)
		return err_new(ERR_USAGE, "%s: larger than %d bytes", name, YAML_MAX);
	TRY(check_bytes(s, name, a));
	TRY(check_tabs(s, name));
	fy_diag_cfg_default(&quiet);
	quiet.fp = NULL;
	drop(diag_drop) struct fy_diag *diag = fy_diag_create(&quiet);
	if (!diag)
		return err_new(ERR_FAILED, "%s: no memory to read it", name);
	fy_diag_set_collect_errors(diag, true);
	const struct fy_parse_cfg cfg = {
		.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE, .diag = diag};
	drop(parser_drop) struct fy_parser *parser = fy_parser_create(&cfg);

	if (!parser || fy_parser_set_string(parser, (const char *)s.ptr, s.len))
		return err_new(ERR_FAILED, "%s: no memory to read it", name);
	struct reader r = {.parser = parser, .diag = diag, .name = name, .arena = a};

	return one_document(&r, out);
}

bool yaml_is_null(const struct yaml *y)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};

	if (y->kind != YAML_TEXT || !y->is_plain)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(y->text, words[i]) == 0)
			return true;
	return false;
}
