// imgmin inspect: what is in an image.
#include "builder/inspect.h"
#include "builder/results.h"
#include "cli/confine.h"
#include "cli/output.h"
#include "cli/registry_opts.h"
#include "cli/show_registry.h"

struct inspection {
	const struct inspect_args *args;
	struct registry_events events;
};

static struct err *write_inspection(void *context, FILE *out)
{
	const struct inspection *i = context;

	return inspect_write(i->args, &i->events, out);
}

static struct err *inspect_run(void *args, const struct common_args *common)
{
	struct inspect_args *a = args;
	struct inspection i = {a, show_registry_reading(common)};
	struct confinement c = {.registry = &a->registry};

	a->format = output_format(a->format, a->output);
	confine_image(&c, a->images.at[0], true);
	confine_file(&c, a->output);
	confine_enter(&c, common);
	TRY(results_check_file(a->output, &a->images));
	return output_whole(i.args->output, write_inspection, &i);
}

#define AT(field) offsetof(struct inspect_args, field)

static const struct opt inspect_opts[] = {
	OPT("format", 0, OPT_CHOICE, AT(format), "FORMAT",
		"text, json, or html: one self-contained page (default: by the FILE's ending, else text)",
		.choices = "text|json|html"),
	OPT("output", 'o', OPT_TEXT, AT(output), "FILE", "write there instead of to stdout"),
	OPT("platform", 0, OPT_TEXT, AT(platform), "OS/ARCH[/VARIANT]",
		"only what a device of this platform would run"),
	REGISTRY_OPTS(AT(registry)),
	{0},
};

static const struct inspect_args inspect_defaults = {.registry = REGISTRY_DEFAULTS};

const struct command command_inspect = {
	.name = "inspect",
	.synopsis = "[OPTIONS] IMAGE",
	.summary = "Show what is in an image, and why",
	.details =
		"Platforms, config, layers and the largest files, each with the reason it is there: what "
		"the entrypoint is, and what its loader finds inside the image. IMAGE is a reference, "
		"docker-daemon:REF, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF] or the "
		"path of a layout or an archive. Nothing is unpacked or run.",
	.opts = inspect_opts,
	.args_size = sizeof(struct inspect_args),
	.defaults = &inspect_defaults,
	.positional_offset = AT(images),
	.min_positional = 1,
	.max_positional = 1,
	.run = inspect_run,
};
