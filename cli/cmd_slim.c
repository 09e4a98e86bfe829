// imgmin slim: make an image that is there smaller.
#include "builder/report.h"
#include "builder/slim.h"
#include "cli/confine.h"
#include "cli/image_opts.h"
#include "cli/progress.h"
#include "cli/registry_opts.h"
#include "cli/show_build.h"
#include "cli/show_registry.h"

static struct err *slim_run(void *args, const struct common_args *common)
{
	drop(slim_drop) struct slim *s = NULL;
	const struct registry_events registry = show_registry(common);
	const struct build_events events = show_build(common, &registry);
	const struct slim_args *a = args;

	struct confinement c = {0};

	TRY(show_refuse_terminal(&a->build));
	confine_build(&c, &a->build);
	confine_image(&c, a->images.at[0], true);
	confine_enter(&c, common);
	TRY(slim_image(a, &events, &s));
	if (!common->quiet) {
		FILE *out = progress_report();

		report_slim(out, s);
		progress_report_close(&out);
	}
	show_built(s->build, common);
	return NULL;
}

#define AT(field) offsetof(struct slim_args, field)

static const struct opt slim_opts[] = {
	OPT("entry", 0, OPT_TEXTS, AT(entries), "PATH",
		"a program that is started in it, beside entrypoint and command (repeatable)"),
	OPT("keep", 0, OPT_TEXTS, AT(build.keep), "GLOB",
		"keep these files too, ** crosses directories (repeatable)"),
	PLACE_OPTS(AT(build)),
	OPT("platform", 0, OPT_TEXT, AT(build.platform), "OS/ARCH[/VARIANT]",
		"only this platform of an index; default all"),
	OPT("add", 0, OPT_TEXTS, AT(build.add), "SRC:DST[:MODE]",
		"add a file or folder of this machine (repeatable)"),
	OPT("exclude", 0, OPT_TEXTS, AT(build.exclude), "GLOB", "leave files out (repeatable)"),
	DATA_OPTS(AT(build)),
	CONFIG_OPTS(AT(build)),
	LAYER_OPTS(AT(build)),
	REGISTRY_OPTS(AT(build.registry)),
	{0},
};

static const struct slim_args slim_defaults = {.build = IMAGE_DEFAULTS};

const struct command command_slim = {
	.name = "slim",
	.synopsis = "[OPTIONS] IMAGE",
	.summary = "Make an image smaller: what its programs need, and no more",
	.details =
		"Keeps what entrypoint, command and --entry programs need, with the image's config, "
		"owners, modes and attributes. Nothing of the image is run or unpacked. All platforms of "
		"an index are made smaller, or the one of --platform.",
	.opts = slim_opts,
	.args_size = sizeof(struct slim_args),
	.defaults = &slim_defaults,
	.positional_offset = AT(images),
	.min_positional = 1,
	.max_positional = 1,
	.run = slim_run,
};
