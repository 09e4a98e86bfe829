// imgmin inspect for people.
#include <stdlib.h>
#include <string.h>

#include "builder/inspect.h"
#include "builder/report.h"

#define FILES_SHOWN 20

static void row(FILE *out, struct arena *a, const char *name, const char *value)
{
	if (value && *value)
		fprintf(out, "  %-12s %s\n", name, text_printable(value, a));
}

// As the config has them: ["/bin/sh", "-c"].
static void row_words(FILE *out, struct arena *a, const char *name, const struct strings *s)
{
	if (!s->len)
		return;
	fprintf(out, "  %-12s [", name);
	for (size_t i = 0; i < s->len; i++)
		fprintf(out, "%s\"%s\"", i ? ", " : "", text_printable(s->at[i], a));
	fputs("]\n", out);
}

static void rows_each(FILE *out, struct arena *a, const char *name, const struct strings *s)
{
	for (size_t i = 0; i < s->len; i++)
		row(out, a, i ? "" : name, s->at[i]);
}

static void print_config(FILE *out, const struct image *image, struct arena *a)
{
	const struct runtime_config *c = &image->config.config;

	row(out, a, "config", image->manifest.config.digest);
	row(out, a, "created", image->config.created);
	row_words(out, a, "entrypoint", &c->entrypoint);
	row_words(out, a, "cmd", &c->cmd);
	rows_each(out, a, "env", &c->env);
	row(out, a, "user", c->user);
	row(out, a, "workdir", c->working_dir);
	rows_each(out, a, "ports", &c->exposed_ports);
	rows_each(out, a, "volumes", &c->volumes);
	row(out, a, "stop signal", c->stop_signal);
	for (size_t i = 0; i < c->labels.len; i++)
		row(out, a, i ? "" : "labels",
			arena_printf(a, "%s=%s", c->labels.at[i].name, c->labels.at[i].value));
}

static const char *layer_title(const struct image_config *c, size_t layer)
{
	const struct history *h = c->history.at;

	for (size_t i = 0; i < c->history.len; i++)
		if (!h[i].empty_layer && layer-- == 0) {
			const char *text =
				h[i].comment && *h[i].comment ? h[i].comment : h[i].created_by;

			return text ? text : "";
		}
	return "";
}

static void print_layers(FILE *out, const struct inspected *i, struct arena *a)
{
	size_t n;
	const struct layer_facts *facts = layers_facts(i->inside->layers, &n);
	uint64_t size = 0, raw = 0, files = 0;
	char x[16], y[16];

	fprintf(out, "\n  %5s  %-19s  %9s  %9s  %6s  %s\n", "LAYER", "DIGEST", "SIZE", "RAW",
		"FILES", "FROM");
	for (size_t k = 0; k < n; k++) {
		const struct layer_facts *f = &facts[k];

		fprintf(out, "  %5zu  %.19s  %9s  %9s  %6llu  %.60s\n", k, f->descriptor.digest,
			size_text((uint64_t)f->descriptor.size, x), size_text(f->raw_size, y),
			(unsigned long long)f->files,
			text_printable(layer_title(&i->image->config, k), a));
		size += (uint64_t)f->descriptor.size;
		raw += f->raw_size;
		files += f->files;
	}
	fprintf(out, "  %5s  %-19s  %9s  %9s  %6llu\n", "total", "", size_text(size, x),
		size_text(raw, y), (unsigned long long)files);
}

static bool is_larger(const struct layered_file *f, const struct layered_file *than)
{
	return f->node.size > than->node.size;
}

// The largest regular files, the first in path order of equal ones; returns how many.
static size_t largest(const struct layered_file *files, size_t n,
	const struct layered_file *top[FILES_SHOWN], size_t *all)
{
	size_t found = 0;

	*all = 0;
	for (size_t i = 0; i < n; i++) {
		size_t at = found;

		if (!S_ISREG(files[i].node.mode))
			continue;
		++*all;
		while (at > 0 && is_larger(&files[i], top[at - 1]))
			at--;
		if (at == FILES_SHOWN)
			continue;
		if (found < FILES_SHOWN)
			found++;
		memmove(&top[at + 1], &top[at], (found - at - 1) * sizeof(*top));
		top[at] = &files[i];
	}
	return found;
}

static void print_files(FILE *out, const struct inspected *i, struct arena *a)
{
	const struct layered_file *top[FILES_SHOWN];
	size_t n, all;
	const struct layered_file *files = layers_files(i->inside->layers, &n);
	size_t shown = largest(files, n, top, &all);
	int width = 20;
	char size[16];

	if (!shown)
		return;
	for (size_t k = 0; k < shown; k++)
		if ((int)strlen(top[k]->path) > width)
			width = (int)strlen(top[k]->path);
	if (width > 60)
		width = 60;
	fprintf(out, "\n  %9s  %-*s  %5s  %s\n", "SIZE", width, "FILE", "LAYER", "WHY");
	for (size_t k = 0; k < shown; k++)
		fprintf(out, "  %9s  %-*s  %5zu  %s\n", size_text(top[k]->node.size, size), width,
			text_printable(top[k]->path, a), top[k]->layer,
			text_printable(inspected_reason(i, top[k]), a));
	if (all > shown)
		fprintf(out, "  %9s  and %zu smaller files\n", "", all - shown);
}

static void text_begin(
	FILE *out, const char *name, const struct descriptor *top, size_t images, size_t all)
{
	drop(arena_drop) struct arena a = {0};

	fprintf(out, "%s\n", text_printable(image_shown(name, top->digest, &a), &a));
	if (!media_is_index(top->media_type))
		return;
	fprintf(out, "an index of %zu image%s", all, all == 1 ? "" : "s");
	if (images < all)
		fprintf(out, "; %zu of them shown", images);
	fputc('\n', out);
}

static void text_image(FILE *out, const struct inspected *i, size_t number, struct arena *a)
{
	const struct image *image = i->image;
	char platform[PLATFORM_TEXT];

	(void)number;
	if (!i->inside) {
		fprintf(out, "\nartifact%s\n",
			descriptor_is_attestation(&image->descriptor) ? " (attestation)" : "");
		row(out, a, "digest", image->descriptor.digest);
		row(out, a, "type", image->manifest.artifact_type);
		return;
	}
	fprintf(out, "\n%s\n", text_printable(platform_text(&image->platform, platform), a));
	row(out, a, "digest", image->descriptor.digest);
	print_config(out, image, a);
	vec_each (s, &i->inside->started)
		if (s->trouble && s->is_required)
			row(out, a, "trouble", arena_printf(a, "%s: %s", s->word, s->trouble));
	print_layers(out, i, a);
	print_files(out, i, a);
}

static void text_end(FILE *out)
{
	(void)out;
}

const struct inspect_format inspect_text = {text_begin, text_image, text_end};
