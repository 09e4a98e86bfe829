// imgmin inspect --format json: the shape that imgmin-inspect(1) promises.
#include <stdlib.h>
#include <string.h>

#include "builder/inspect.h"

static json_t *text_or_null(const char *s)
{
	return s ? json_text(s) : json_null();
}

static json_t *texts(const struct strings *s)
{
	json_t *out = json_array();

	for (size_t i = 0; i < s->len; i++)
		json_array_append_new(out, text_or_null(s->at[i]));
	return out;
}

static json_t *dict(const struct json_dict *d)
{
	json_t *out = json_object();

	vec_each (pair, d)
		json_object_set_new(out, pair->name, text_or_null(pair->value));
	return out;
}

static json_t *config_json(const struct image *image)
{
	const struct image_config *c = &image->config;
	const struct runtime_config *r = &c->config;

	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "digest",
		image->manifest.config.digest, "created", text_or_null(c->created), "author",
		text_or_null(c->author), "entrypoint", texts(&r->entrypoint), "cmd", texts(&r->cmd),
		"env", texts(&r->env), "user", text_or_null(r->user), "workdir",
		text_or_null(r->working_dir), "ports", texts(&r->exposed_ports), "volumes",
		texts(&r->volumes), "stop_signal", text_or_null(r->stop_signal), "labels",
		dict(&r->labels));
}

// The history entry that made a layer: those that made none are passed over.
static const struct history *history_of(const struct image_config *c, size_t layer)
{
	const struct history *h = c->history.at;

	for (size_t i = 0; i < c->history.len; i++)
		if (!h[i].empty_layer && layer-- == 0)
			return &h[i];
	return NULL;
}

static json_t *layers_json(const struct inspected *i)
{
	size_t n;
	const struct layer_facts *facts = layers_facts(i->inside->layers, &n);
	json_t *out = json_array();

	for (size_t k = 0; k < n; k++) {
		const struct history *h = history_of(&i->image->config, k);

		json_array_append_new(out,
			json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:o}", "digest",
				facts[k].descriptor.digest, "diff_id", facts[k].diff_id.text,
				"media_type", facts[k].descriptor.media_type, "size",
				(json_int_t)facts[k].descriptor.size, "raw_size",
				(json_int_t)facts[k].raw_size, "files", (json_int_t)facts[k].files,
				"created_by", text_or_null(h ? h->created_by : NULL), "comment",
				text_or_null(h ? h->comment : NULL)));
	}
	return out;
}

static json_t *object_json(const struct object *o)
{
	json_t *wanted_by = json_array();

	vec_each (by, &o->wanted_by)
		json_array_append_new(wanted_by, text_or_null((*by)->name));
	return json_pack("{s:o, s:o, s:s, s:o, s:o}", "name", text_or_null(o->name), "path",
		text_or_null(o->file ? o->file->walk->path : NULL), "rule", rule_text(o->rule),
		"wanted_by", wanted_by, "hidden", text_or_null(o->hidden));
}

// The program first; what may be missing and is counts as not there at all.
static json_t *objects_json(const struct started *s)
{
	json_t *out = json_array();

	for (size_t i = 0; s->is_elf && i < s->closure.objects.len; i++) {
		const struct object *o = s->closure.objects.at[i];

		if (o->file || !o->is_skipped_optional)
			json_array_append_new(out, object_json(o));
	}
	return out;
}

static json_t *started_json(const struct started *s)
{
	const char *interpreter = s->is_elf ? s->closure.interpreter_path : NULL;
	size_t missing = 0;

	for (size_t i = 1; s->is_elf && i < s->closure.objects.len; i++) {
		const struct object *o = s->closure.objects.at[i];

		missing += !o->file && !o->is_skipped_optional;
	}
	return json_pack("{s:o, s:o, s:s, s:b, s:o, s:I, s:o, s:o}", "word", text_or_null(s->word),
		"path", text_or_null(s->walk ? s->walk->path : NULL), "why", s->why, "elf",
		s->is_elf, "interpreter", text_or_null(interpreter), "missing", (json_int_t)missing,
		"trouble", text_or_null(s->trouble), "objects", objects_json(s));
}

static json_t *head_json(const struct inspected *i)
{
	const struct image *image = i->image;
	char platform[PLATFORM_TEXT];
	json_t *programs;
	uint64_t size = 0, raw = 0;
	size_t n = 0;

	if (!i->inside)
		return json_pack("{s:s, s:s, s:I, s:s, s:o}", "kind", "artifact", "digest",
			image->descriptor.digest, "manifest_size",
			(json_int_t)image->descriptor.size, "media_type",
			image->descriptor.media_type, "annotations",
			dict(&image->descriptor.annotations));
	const struct layer_facts *facts = layers_facts(i->inside->layers, &n);

	for (size_t k = 0; k < n; k++) {
		size += (uint64_t)facts[k].descriptor.size;
		raw += facts[k].raw_size;
	}
	programs = json_array();
	vec_each (s, &i->inside->started)
		json_array_append_new(programs, started_json(s));
	return json_pack("{s:s, s:s, s:s, s:I, s:s, s:o, s:I, s:I, s:o, s:o, s:o}", "kind", "image",
		"platform", platform_text(&image->platform, platform), "digest",
		image->descriptor.digest, "manifest_size", (json_int_t)image->descriptor.size,
		"media_type", image->descriptor.media_type, "annotations",
		dict(&image->manifest.annotations), "size", (json_int_t)size, "raw_size",
		(json_int_t)raw, "config", config_json(image), "layers", layers_json(i), "programs",
		programs);
}

// Files go out one by one: an image may hold a million.
static void print_files(FILE *out, const struct inspected *i)
{
	size_t n, written = 0;
	const struct layered_file *files = layers_files(i->inside->layers, &n);

	fputs(",\n\"files\":[", out);
	for (size_t k = 0; k < n; k++) {
		const struct layered_file *f = &files[k];
		drop(json_drop) json_t *one = NULL;

		if (!S_ISREG(f->node.mode))
			continue;
		one = json_pack("{s:o, s:I, s:I, s:s, s:o, s:o}", "path", text_or_null(f->path),
			"size", (json_int_t)f->node.size, "layer", (json_int_t)f->layer, "mode",
			(char[]){'0' + (f->node.mode >> 9 & 7), '0' + (f->node.mode >> 6 & 7),
				'0' + (f->node.mode >> 3 & 7), '0' + (f->node.mode & 7), 0},
			"hard_link", text_or_null(f->hard_link), "why",
			text_or_null(inspected_reason(i, f)));
		fputs(written++ ? ",\n" : "\n", out);
		json_dumpf(one, out, JSON_COMPACT);
	}
	fputs("]", out);
}

static void json_begin(
	FILE *out, const char *name, const struct descriptor *top, size_t images, size_t all)
{
	drop(json_drop) json_t *head = json_pack("{s:o, s:s, s:s}", "name", text_or_null(name),
		"digest", top->digest, "media_type", top->media_type);
	char *text = json_dumps(head, JSON_COMPACT);

	(void)images;
	(void)all;
	text[strlen(text) - 1] = 0; // its last brace comes with json_end
	fprintf(out, "%s,\n\"images\":[", text);
	free(text);
}

static void json_image(FILE *out, const struct inspected *i, size_t number, struct arena *a)
{
	drop(json_drop) json_t *head = head_json(i);
	char *text = json_dumps(head, JSON_COMPACT);

	(void)a;
	text[strlen(text) - 1] = 0;
	fprintf(out, "%s%s", number ? ",\n" : "\n", text);
	free(text);
	if (i->inside)
		print_files(out, i);
	fputc('}', out);
}

static void json_end(FILE *out)
{
	fputs("]}\n", out);
}

const struct inspect_format inspect_json = {json_begin, json_image, json_end};
