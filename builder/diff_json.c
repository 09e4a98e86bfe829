// imgmin diff --format json: the shape that imgmin-diff(1) promises, and the page around it.
#include "builder/diff.h"
#include "builder/page.h"

static json_t *text_or_null(const char *s)
{
	return s ? json_text(s) : json_null();
}

static json_t *changes_json(const struct diff_platform *p)
{
	static const char *const kinds[] = {"added", "removed", "content", "metadata"};
	json_t *out = json_array();

	vec_each (c, &p->changes)
		json_array_append_new(out,
			json_pack("{s:s, s:o, s:I, s:I, s:o}", "kind", kinds[c->kind], "path",
				json_text(c->path), "old_size", (json_int_t)c->old_size, "new_size",
				(json_int_t)c->new_size, "what", text_or_null(c->what)));
	return out;
}

static json_t *same_json(const struct diff_platform *p)
{
	json_t *out = json_array();

	vec_each (f, &p->same)
		json_array_append_new(out,
			json_pack("{s:o, s:I}", "path", json_text(f->path), "size",
				(json_int_t)f->size));
	return out;
}

static json_t *platform_json(const struct diff_platform *p, bool with_same)
{
	json_t *config = json_array();

	for (size_t i = 0; i < p->config.len; i++)
		json_array_append_new(config, json_text(p->config.at[i]));
	json_t *out = json_pack("{s:o, s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"platform", json_text(p->platform), "in",
		p->only_a           ? "a"
			: p->only_b ? "b"
				    : "both",
		"files", changes_json(p), "config", config, "download", (json_int_t)p->download,
		"fetched_again", (json_int_t)p->fetched_again, "layers_new",
		(json_int_t)p->layers_new, "layers_shared", (json_int_t)p->layers_shared,
		"layers_again", (json_int_t)p->layers_again, "a_size", (json_int_t)p->a_size,
		"b_size", (json_int_t)p->b_size);

	if (with_same)
		json_object_set_new(out, "same", same_json(p));
	return out;
}

void diff_json(FILE *out, const struct diff *d)
{
	json_t *platforms = json_array();

	vec_each (p, &d->platforms)
		json_array_append_new(platforms, platform_json(p, d->args->keeps_same));
	drop(json_drop) json_t *all = json_pack("{s:o, s:o, s:o}", "a", json_text(d->a), "b",
		json_text(d->b), "platforms", platforms);

	json_dumpf(all, out, JSON_INDENT(1));
	fputc('\n', out);
}

struct err *diff_html(FILE *out, const struct diff *d)
{
	FILE *document;

	TRY(page_begin(out, &document));
	diff_json(document, d);
	return page_end(out, document);
}
