// imgmin diff: what changes for a device that holds one image and pulls another.
#include <string.h>

#include "builder/diff.h"
#include "builder/results.h"
#include "cli/confine.h"
#include "cli/output.h"
#include "cli/registry_opts.h"
#include "cli/show_registry.h"

static struct err *write_diff(void *context, FILE *out)
{
	const struct diff *d = context;

	if (strcmp(d->args->format, "html") == 0)
		return diff_html(out, d);
	if (strcmp(d->args->format, "json") == 0)
		diff_json(out, d);
	else
		diff_text(out, d);
	return NULL;
}

static struct err *diff_run(void *args, const struct common_args *common)
{
	drop(diff_drop) struct diff d = {0};
	struct diff_args *a = args;
	const struct registry_events events = show_registry_reading(common);
	struct confinement c = {.registry = &a->registry};

	a->format = output_format(a->format, a->output);
	a->keeps_same = strcmp(a->format, "html") == 0;
	vec_each (name, &a->names)
		confine_image(&c, *name, true);
	confine_file(&c, a->output);
	confine_enter(&c, common);
	TRY(results_check_file(a->output, &a->names));
	TRY(diff(a, &events, &d));
	return output_whole(a->output, write_diff, &d);
}

#define AT(field) offsetof(struct diff_args, field)

static const struct opt diff_opts[] = {
	OPT("format", 0, OPT_CHOICE, AT(format), "FORMAT",
		"text, json, or html: one self-contained page (default: by the FILE's ending, else text)",
		.choices = "text|json|html"),
	OPT("output", 'o', OPT_TEXT, AT(output), "FILE", "write there instead of to stdout"),
	OPT("platform", 0, OPT_TEXT, AT(platform), "OS/ARCH[/VARIANT]",
		"only what a device of this platform would run; default: all"),
	REGISTRY_OPTS(AT(registry)),
	{0},
};

static const struct diff_args diff_defaults = {.registry = REGISTRY_DEFAULTS};

const struct command command_diff = {
	.name = "diff",
	.synopsis = "[OPTIONS] A B",
	.summary = "Show what differs between two images, and what an update downloads",
	.details =
		"Files added, removed and changed, the largest change first, changes of the config, and the "
		"bytes that a device holding A downloads for B. A and B are references, docker-daemon:REF, "
		"oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF] or paths of layouts or "
		"archives; images of several platforms are compared platform by platform.\n\n"
		"A difference is no failure: the exit status is 0.",
	.opts = diff_opts,
	.args_size = sizeof(struct diff_args),
	.defaults = &diff_defaults,
	.positional_offset = AT(names),
	.min_positional = 2,
	.max_positional = 2,
	.run = diff_run,
};
