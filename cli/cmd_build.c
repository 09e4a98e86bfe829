// imgmin build: from programs to an image.
#include "builder/build.h"
#include "cli/confine.h"
#include "cli/image_opts.h"
#include "cli/project.h"
#include "cli/registry_opts.h"
#include "cli/show_build.h"
#include "cli/show_registry.h"

static struct err *build_run(void *args, const struct common_args *common)
{
	drop(build_drop) struct build *b = NULL;
	const struct registry_events registry = show_registry(common);
	const struct build_events events = show_build(common, &registry);

	struct confinement c = {0};

	TRY(show_refuse_terminal(args));
	confine_build(&c, args);
	confine_enter(&c, common);
	TRY(build_images(args, &events, &b));
	show_built(b, common);
	return NULL;
}

#define AT(field) offsetof(struct build_args, field)

static const struct opt build_opts[] = {
	OPT("file", 'f', OPT_TEXT, AT(file), "FILE",
		"read this imgmin.yaml; a PATH takes the place of its programs"),
	PLACE_OPTS(0),
	OPT("platform", 0, OPT_TEXT, AT(platform), "OS/ARCH[/VARIANT]",
		"assert the platform; a program of another one is an error"),
	OPT("sysroot", 0, OPT_TEXTS, AT(sysroots), "[PLATFORM=]SRC",
		"directory or image (docker://debian:bookworm-slim) that libraries come from; one "
		"per platform (repeatable)"),
	OPT("library-path", 0, OPT_TEXTS, AT(library_path), "DIR[:DIR]",
		"search as LD_LIBRARY_PATH; =DIR is inside the sysroot (repeatable)"),
	OPT("hwcaps", 0, OPT_TEXTS, AT(hwcaps), "NAME",
		"prefer libraries of glibc-hwcaps/NAME (repeatable)"),
	OPT("install", 0, OPT_TEXT, AT(install), "PATH",
		"where the program lands in the image; a directory ends in /"),
	OPT("add", 0, OPT_TEXTS, AT(add), "SRC:DST[:MODE]",
		"add a file or folder of this machine (repeatable)"),
	OPT("include", 0, OPT_TEXTS, AT(include), "GLOB",
		"add files of the sysroot, ** crosses directories (repeatable)"),
	OPT("exclude", 0, OPT_TEXTS, AT(exclude), "GLOB",
		"leave files of the sysroot out (repeatable)"),
	DATA_OPTS(0),
	CONFIG_OPTS(0),
	LAYER_OPTS(0),
	REGISTRY_OPTS(AT(registry)),
	{0},
};

static const struct build_args build_defaults = IMAGE_DEFAULTS;

static struct err *build_under(const void *given, struct arena *a, void *args)
{
	return project_under(build_opts, given, a, args);
}

const struct command command_build = {
	.name = "build",
	.synopsis = "[OPTIONS] [PATH...]",
	.summary = "Make an image from programs and what their loader will ask for",
	.details =
		"Each PATH is an ELF program, dynamic or static, for any machine, a script, or a folder that "
		"holds a program with its libraries and plugins. Several programs of one "
		"machine share an image, and the first is its entrypoint; programs of several machines "
		"become one multi-arch image. Nothing is run.\n\n"
		"Without PATH, or with a directory that holds one, imgmin.yaml says what is built: see "
		"imgmin.yaml(5). Options are added to its lists and replace its other values.\n\n"
		"After assembly the loader's search is repeated inside the image: it must find the same "
		"files, else the exit status is 3. On stdout stands NAME@DIGEST, a line for each tag.",
	.opts = build_opts,
	.args_size = sizeof(struct build_args),
	.defaults = &build_defaults,
	.positional_offset = AT(paths),
	.max_positional = SIZE_MAX,
	.under = build_under,
	.run = build_run,
};
