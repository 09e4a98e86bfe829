#include "builder/report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "builder/account.h"

// The bytes of the character at `at`, by its shape in UTF-8; 0: it is none.
static size_t char_bytes(const unsigned char *at)
{
	const size_t n = *at < 0x80 ? 1 : *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : *at >= 0xc2 ? 2 : 0;

	for (size_t i = 1; i < n; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return *at < 0xf5 ? n : 0;
}

// Commands to a terminal, and what cannot be seen or turns the text around it, as on the page.
static const struct {
	unsigned first, last;
} unseen[] = {{0, 0x1f}, {0x7f, 0x9f}, {0x61c, 0x61c}, {0x200b, 0x200f}, {0x2028, 0x202e},
	{0x2060, 0x206f}, {0xfeff, 0xfeff}};

static bool is_unseen(const unsigned char *at, size_t n)
{
	unsigned c = n == 1 ? *at : *at & (0x7fu >> n);

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (at[i] & 0x3fu);
	for (size_t i = 0; i < sizeof(unseen) / sizeof(*unseen); i++)
		if (c >= unseen[i].first && c <= unseen[i].last)
			return true;
	return false;
}

char *text_printable(const char *text, struct arena *a)
{
	char *out = arena_alloc(a, 4 * strlen(text) + 1), *end = out;

	for (const unsigned char *at = (const unsigned char *)text; *at;) {
		const size_t n = char_bytes(at), bytes = n ? n : 1;
		const bool is_hidden = !n || is_unseen(at, n);

		for (size_t i = 0; i < bytes; i++, at++)
			if (is_hidden)
				end += sprintf(end, "\\x%02x", *at);
			else
				*end++ = (char)*at;
	}
	return out;
}

struct row {
	const struct tree_entry *entry;
	const char *layer;
};

static int largest_first(const void *x, const void *y)
{
	const struct tree_entry *a = ((const struct row *)x)->entry;
	const struct tree_entry *b = ((const struct row *)y)->entry;

	if (a->entry.size != b->entry.size)
		return a->entry.size > b->entry.size ? -1 : 1;
	return strcmp(a->entry.path, b->entry.path);
}

static size_t rows_of(const struct built_image *image, struct row **out)
{
	size_t n = 0;

	vec_each (l, &image->layers)
		n += l->n;
	struct row *rows = mem_alloc(n * sizeof(*rows));

	n = 0;
	vec_each (l, &image->layers)
		for (size_t i = 0; i < l->n; i++)
			if (!S_ISDIR(l->entries[i]->entry.mode))
				rows[n++] = (struct row){l->entries[i], l->title};
	qsort(rows, n, sizeof(*rows), largest_first);
	*out = rows;
	return n;
}

// What one large file often means, and what can be done about it.
static const struct {
	const char *name, *advice;
} large[] = {
	{"/libicudata.so",
		"ICU's tables for all languages; a program that is built without ICU "
		"(Qt: -no-icu) does not ask for them"},
	{"/libcrypto.so",
		"all of OpenSSL; linked statically (libssl-dev has the .a) it is only what "
		"the program calls"},
	{"/libstdc++.so", "linked with -static-libstdc++ it is only what the program calls"},
	{"/locale-archive", "all locales of the sysroot; --with locale:NAME takes one"},
	{"/libLLVM",
		"a compiler, often for Mesa's drivers; --exclude leaves it out where no GPU is"},
};

static uint64_t bytes_of(const struct row *rows, size_t n)
{
	uint64_t all = 0;

	for (size_t i = 0; i < n; i++)
		all += S_ISREG(rows[i].entry->entry.mode) ? rows[i].entry->entry.size : 0;
	return all;
}

// Of a file that is a third of the image or more.
static void report_hints(FILE *out, const struct row *rows, size_t n, uint64_t all)
{
	for (size_t i = 0; i < n && i < 3; i++) {
		const struct entry *e = &rows[i].entry->entry;

		if (!S_ISREG(e->mode) || e->size < 1000000 || e->size < all / 3)
			continue;
		for (size_t k = 0; k < sizeof(large) / sizeof(*large); k++)
			if (strstr(e->path, large[k].name))
				fprintf(out, "hint: %s is %d %% of this image: %s\n",
					strrchr(e->path, '/') + 1,
					(int)((double)e->size / (double)all * 100),
					large[k].advice);
	}
}

void report_files(FILE *out, const struct built_image *image)
{
	static const char bar[] = "##########";
	const size_t shown_max = 60;
	drop(mem_drop) struct row *rows = NULL;
	size_t n = rows_of(image, &rows);
	const uint64_t all = bytes_of(rows, n);
	int width = 20;
	char size[16];

	for (size_t i = 0; i < n && i < shown_max; i++)
		if ((int)strlen(rows[i].entry->entry.path) > width)
			width = (int)strlen(rows[i].entry->entry.path);
	if (width > 60)
		width = 60;
	fprintf(out, "%9s  %-10s  %-*s  %-15s  %s\n", "SIZE", "SHARE", width, "FILE", "LAYER",
		"REASON");
	for (size_t i = 0; i < n && i < shown_max; i++) {
		const struct entry *e = &rows[i].entry->entry;

		if (S_ISLNK(e->mode))
			fprintf(out, "%9s  %-10s  %s -> %s\n", "link", "", e->path, e->target);
		else
			fprintf(out, "%9s  %-10.*s  %-*s  %-15s  %s\n", size_text(e->size, size),
				all ? (int)((double)e->size / (double)all * 10 + 0.5) : 0, bar,
				width, e->path, rows[i].layer, rows[i].entry->reason);
	}
	if (n > shown_max)
		fprintf(out, "%9s  %-10s  and %zu smaller files and links\n", "", "",
			n - shown_max);
	report_hints(out, rows, n, all);
}

static void sum(const struct built_image *image, uint64_t *raw, uint64_t *packed, size_t *files)
{
	*raw = *packed = 0;
	*files = 0;
	vec_each (l, &image->layers) {
		*raw += l->raw_size;
		*packed += (uint64_t)l->layer.descriptor.size;
		for (size_t i = 0; i < l->n; i++)
			*files += S_ISREG(l->entries[i]->entry.mode);
	}
}

void report_summary(FILE *out, const struct build *b)
{
	vec_each (it, &b->images) {
		const struct built_image *image = *it;
		const struct assembly *a = &image->assembly;
		char platform[PLATFORM_TEXT], x[16], y[16];
		uint64_t raw, packed;
		size_t files;

		sum(image, &raw, &packed, &files);
		fprintf(out, "%s: %zu file%s in %zu layer%s, %s raw",
			platform_text(&a->platform, platform), files, files == 1 ? "" : "s",
			image->layers.len, image->layers.len == 1 ? "" : "s", size_text(raw, x));
		if (packed)
			fprintf(out, ", %s %s", size_text(packed, y), b->spec.format->name);
		if (a->shrunk.before > a->shrunk.after)
			fprintf(out, ", %s less than its files: sections and padding",
				size_text(a->shrunk.before - a->shrunk.after, x));
		fputs("; verified: the loader finds the same inside the image", out);
		if (a->glibc_floor)
			fprintf(out, " (glibc %s or newer)", a->glibc_floor);
		fputc('\n', out);
		if (a->sysroot->told)
			fprintf(out, "%s: libraries come from %s\n",
				platform_text(&a->platform, platform), a->sysroot->told);
	}
}

void report_slim(FILE *out, const struct slim *s)
{
	vec_each (it, &s->images) {
		const struct slimmed *m = *it;
		char platform[PLATFORM_TEXT], sizes[4][16];
		uint64_t raw, packed;
		size_t files;

		sum(m->built, &raw, &packed, &files);
		fprintf(out, "%s: %s -> %s raw, ", platform_text(&m->image.platform, platform),
			size_text(m->raw_before, sizes[0]), size_text(raw, sizes[1]));
		if (packed)
			fprintf(out, "%s -> %s stored, ", size_text(m->packed_before, sizes[2]),
				size_text(packed, sizes[3]));
		fprintf(out, "%zu -> %zu files\n", m->files_before, files);
	}
}

// ---- files for CI ----

static struct err *write_text(const char *path, const char *text)
{
	drop(file_out_drop) struct file_out *f = NULL;

	TRY(file_out_open(path, 0644, &f));
	TRY(sink_write(file_out_sink(f), text, strlen(text)));
	return file_out_commit(f);
}

static json_t *layers_json(const struct built_image *image)
{
	json_t *out = json_array();

	vec_each (l, &image->layers)
		json_array_append_new(out,
			json_pack("{s:o, s:s, s:s, s:I, s:I, s:s, s:b}", "title",
				json_text(l->title), "digest", l->layer.descriptor.digest,
				"diff_id", l->layer.diff_id.text, "size",
				(json_int_t)l->layer.descriptor.size, "raw_size",
				(json_int_t)l->raw_size, "compressor", l->compressor, "cached",
				l->layer.is_cached));
	return out;
}

static json_t *image_json(const struct built_image *image)
{
	char platform[PLATFORM_TEXT];
	uint64_t raw, packed;
	struct account account;
	size_t files;

	sum(image, &raw, &packed, &files);
	account_image(image, &account);
	json_t *out = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:o}", "platform",
		platform_text(&image->assembly.platform, platform), "digest",
		image->descriptor.digest, "config_digest", image->config_descriptor.digest, "files",
		(json_int_t)files, "raw_size", (json_int_t)raw, "size", (json_int_t)packed,
		"layers", layers_json(image), "account", account_json(&account));

	if (image->assembly.glibc_floor)
		json_object_set_new(out, "glibc", json_string(image->assembly.glibc_floor));
	return out;
}

// The first members are those that docker buildx writes, so that CI steps made for it go on
// working.
static struct err *write_metadata(struct build *b, const char *path)
{
	drop(json_drop) json_t *all = NULL;
	json_t *images = json_array();
	const char *names = "";

	for (size_t i = 0; i < b->spec.tags_shown.len; i++)
		names = arena_printf(
			&b->arena, "%s%s%s", names, i ? "," : "", b->spec.tags_shown.at[i]);
	vec_each (image, &b->images)
		json_array_append_new(images, image_json(*image));
	all = json_pack("{s:s, s:{s:s, s:s, s:I}, s:s, s:s, s:o}", "containerimage.digest",
		b->top.digest, "containerimage.descriptor", "mediaType", b->top.media_type,
		"digest", b->top.digest, "size", (json_int_t)b->top.size, "image.name", names,
		"imgmin.version", VERSION, "imgmin.images", images);
	if (b->images.len == 1)
		json_object_set_new(all, "containerimage.config.digest",
			json_string(b->images.at[0]->config_descriptor.digest));
	char *text = json_dumps(all, JSON_INDENT(2));
	struct err *e = write_text(path, text);

	free(text);
	return e;
}

struct err *build_write_results(struct build *b)
{
	const struct build_args *args = b->spec.args;
	// The image's id is its config's digest; several platforms have none in common but the
	// index's.
	const char *id =
		b->images.len == 1 ? b->images.at[0]->config_descriptor.digest : b->top.digest;

	if (args->iidfile)
		TRY(write_text(args->iidfile, id));
	if (args->digestfile)
		TRY(write_text(args->digestfile, b->top.digest));
	return args->metadata_file ? write_metadata(b, args->metadata_file) : NULL;
}
