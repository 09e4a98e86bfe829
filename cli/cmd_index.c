// imgmin index create, imgmin index inspect: images of several jobs as one tag.
#include <string.h>
#include <unistd.h>

#include "base/sink.h"
#include "builder/image.h"
#include "builder/index.h"
#include "builder/report.h"
#include "cli/confine.h"
#include "cli/registry_opts.h"
#include "cli/show_registry.h"

static struct err *create_run(void *args, const struct common_args *common)
{
	drop(arena_drop) struct arena a = {0};
	const struct registry_events events = show_registry(common);
	const struct index_args *x = args;
	struct confinement c = {.registry = &x->registry};
	struct transferred done;

	vec_each (word, &x->words)
		confine_image(&c, *word, false);
	confine_output(&c, index_place(x->words.at[0], &a));
	confine_enter(&c, common);
	TRY(index_create(args, &events, &a, &done));
	for (size_t i = 0; i < done.names.len; i++)
		show_pushed(stdout, done.names.at[i], &done.top);
	return NULL;
}

static void print_text(const struct index_shown *x, struct arena *a)
{
	const struct descriptor *d = x->index.manifests.at;

	puts(text_printable(image_shown(x->name, x->top.digest, a), a));
	for (size_t i = 0; i < x->index.manifests.len; i++) {
		struct platform p = platform_of(&d[i].platform);
		char text[PLATFORM_TEXT];

		printf("%-16s %s %lld\n",
			p.arch[0] ? text_printable(platform_text(&p, text), a) : "-", d[i].digest,
			(long long)d[i].size);
	}
}

static struct err *inspect_run(void *args, const struct common_args *common)
{
	drop(arena_drop) struct arena a = {0};
	const struct index_args *i = args;
	const struct registry_events events = show_registry(common);
	struct confinement c = {.registry = &i->registry};
	struct index_shown x;

	confine_image(&c, i->words.at[0], false);
	confine_enter(&c, common);
	TRY(index_inspect(i, &events, &a, &x));
	if (strcmp(i->format, "text") == 0)
		print_text(&x, &a);
	else
		fwrite(x.text.ptr, 1, x.text.len, stdout);
	return NULL;
}

#define AT(field) offsetof(struct index_args, field)

static const struct opt create_opts[] = {
	OPT("append", 0, OPT_FLAG, AT(append), NULL, "keep the images that REF holds already"),
	REGISTRY_OPTS(AT(registry)),
	{0},
};

static const struct opt inspect_opts[] = {
	OPT("format", 0, OPT_CHOICE, AT(format), "FORMAT",
		"text (default), or json: the index byte for byte", .choices = "text|json"),
	REGISTRY_OPTS(AT(registry)),
	{0},
};

static const struct index_args index_defaults = {
	.format = "text",
	.registry = REGISTRY_DEFAULTS,
};

const struct command command_index_create = {
	.name = "index create",
	.synopsis = "[OPTIONS] REF IMAGE...",
	.summary = "Join images of several jobs into one multi-arch tag",
	.details =
		"IMAGEs are references by tag or digest, bare digests of REF's repository, or other places; one that is an index itself "
		"gives all its images. What lies in another repository or at another place is copied to "
		"REF's. Two images for one platform are refused. In the index platforms stand in the order "
		"that old engines need, attestations last.\n\n"
		"On stdout stands TAG: digest: DIGEST size: SIZE.",
	.opts = create_opts,
	.args_size = sizeof(struct index_args),
	.defaults = &index_defaults,
	.positional_offset = AT(words),
	.min_positional = 2,
	.max_positional = SIZE_MAX,
	.run = create_run,
};

const struct command command_index_inspect = {
	.name = "index inspect",
	.synopsis = "[OPTIONS] REF",
	.summary = "List the images of a multi-arch tag",
	.details =
		"On stdout stands a line for each image: its platform, its digest and the size of "
		"its manifest.",
	.opts = inspect_opts,
	.args_size = sizeof(struct index_args),
	.defaults = &index_defaults,
	.positional_offset = AT(words),
	.min_positional = 1,
	.max_positional = 1,
	.run = inspect_run,
};
