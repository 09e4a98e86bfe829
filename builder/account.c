#include "builder/account.h"

static void count_file(const struct tree_entry *e, struct account *out)
{
	if (!S_ISREG(e->entry.mode) || e->entry.hard_link)
		return;
	if (!e->segments) {
		out->data += e->entry.size;
		return;
	}
	out->elf_files++;
	out->segments += e->segments;
	out->elf_rest += e->entry.size - e->segments;
}

static void count_tar(const struct built_layer *l, struct tar_sizes *sum)
{
	const struct entry **entries = mem_alloc(l->n * sizeof(*entries));
	struct tar_sizes s;

	for (size_t i = 0; i < l->n; i++)
		entries[i] = &l->entries[i]->entry;
	layer_tar_sizes(entries, l->n, &s);
	mem_drop(&entries);
	sum->headers += s.headers;
	sum->records += s.records;
	sum->content += s.content;
	sum->padding += s.padding;
	sum->end += s.end;
}

void account_image(const struct built_image *image, struct account *out)
{
	*out = (struct account){0};
	vec_each (l, &image->layers) {
		for (size_t i = 0; i < l->n; i++)
			count_file(l->entries[i], out);
		out->entries += l->n;
		count_tar(l, &out->tar);
	}
}

uint64_t account_total(const struct account *c)
{
	return c->segments + c->elf_rest + c->data + c->tar.headers + c->tar.records +
		c->tar.padding + c->tar.end;
}

json_t *account_json(const struct account *c)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "segments", (json_int_t)c->segments,
		"elf_rest", (json_int_t)c->elf_rest, "data", (json_int_t)c->data, "tar_headers",
		(json_int_t)c->tar.headers, "tar_records", (json_int_t)c->tar.records,
		"tar_padding", (json_int_t)c->tar.padding, "tar_end", (json_int_t)c->tar.end);
}

void account_print(FILE *out, const struct built_image *image)
{
	char platform[PLATFORM_TEXT];
	struct account c;

	account_image(image, &c);
	fprintf(out,
		"%s: %ju bytes raw: %ju in segments of %zu ELF files, %ju besides in these, %ju in "
		"other files; of tar %ju in headers of %zu files, links and directories",
		platform_text(&image->assembly.platform, platform), (uintmax_t)account_total(&c),
		(uintmax_t)c.segments, c.elf_files, (uintmax_t)c.elf_rest, (uintmax_t)c.data,
		(uintmax_t)c.tar.headers, c.entries);
	if (c.tar.records)
		fprintf(out, ", %ju in records of long names and attributes",
			(uintmax_t)c.tar.records);
	fprintf(out, ", %ju padding, %ju at the end%s\n", (uintmax_t)c.tar.padding,
		(uintmax_t)c.tar.end, image->layers.len > 1 ? "s" : "");
}
