// imgmin build: from programs to an image.
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builder/build.h"
#include "builder/report.h"
#include "cli/registry_opts.h"
#include "cli/show.h"
#include "cli/show_registry.h"

static void show_resolved(void *arg, const struct installed *p)
{
	const struct common_args *common = arg;

	show_problems(p->program.asked, &p->closure, !common->quiet);
	for (size_t i = 0; i < p->suggestions.len && !common->quiet; i++)
		show_note("%s may open %s%s: %s", p->program.asked, p->suggestions.at[i].name,
			p->suggestions.at[i].is_present ? " (--include takes it)"
							: " (not in the sysroot)",
			p->suggestions.at[i].why);
}

static void show_text(void *arg, const char *text)
{
	const struct common_args *common = arg;

	if (!common->quiet)
		show_warning("%s", text);
}

static void show_layer(void *arg, const struct built_image *image, const struct built_layer *l)
{
	const struct common_args *common = arg;
	char platform[PLATFORM_TEXT], raw[16], packed[16];

	if (common->quiet || strcmp(common->progress, "none") == 0 || !l->layer.descriptor.digest)
		return;
	fprintf(stderr, "%s %s: %s, %s raw, %s%s\n",
		platform_text(&image->assembly.platform, platform), l->title,
		l->layer.descriptor.digest, size_text(l->raw_size, raw),
		size_text((uint64_t)l->layer.descriptor.size, packed),
		l->layer.is_cached ? ", from the cache" : "");
}

static void show_push(void *arg, const char *tag, const struct descriptor *top)
{
	const struct common_args *common = arg;

	if (!common->quiet)
		show_pushed(stderr, tag, top);
}

static bool writes_to_stdout(const struct build *b)
{
	for (size_t i = 0; i < b->spec.outputs.len; i++)
		if (strcmp(b->spec.outputs.at[i], "-") == 0)
			return true;
	return false;
}

// The files that were written, and what an engine that knows no index makes of several platforms.
static void show_places(const struct build *b)
{
	char size[16], text[PLATFORM_TEXT];
	struct stat st;

	for (size_t i = 0; i < b->spec.outputs.len; i++) {
		const char *place = b->spec.outputs.at[i];

		if (stat(place, &st) == 0 && S_ISREG(st.st_mode))
			show_note("wrote %s, %s", place, size_text((uint64_t)st.st_size, size));
		else if (strcmp(place, "-") != 0)
			show_note("wrote %s", place);
	}
	if (b->images.len > 1 && b->spec.outputs.len)
		show_note(
			"docker load gives %s to %s; the others are called %s-ARCH[-VARIANT] there",
			b->spec.tags_shown.at[0],
			platform_text(&b->images.at[0]->assembly.platform, text),
			b->spec.tags_shown.at[0]);
}

static void show_made(void *arg, const struct build *b)
{
	const struct common_args *common = arg;

	if (common->quiet)
		return;
	if (b->spec.args->dry_run || isatty(STDERR_FILENO) || common->verbose)
		vec_each (image, &b->images)
			report_files(stderr, *image);
	report_summary(stderr, b);
}

static void print_names(const struct build *b, const struct common_args *common)
{
	FILE *out = writes_to_stdout(b) ? stderr : stdout;

	if (b->spec.args->dry_run)
		return;
	if (!common->quiet)
		show_places(b);
	for (size_t i = 0; i < b->spec.tags_shown.len; i++)
		fprintf(out, "%s@%s\n", b->spec.tags_shown.at[i], b->top.digest);
}

static struct err *build_run(void *args, const struct common_args *common)
{
	drop(build_drop) struct build *b = NULL;
	const struct registry_events registry = show_registry(common);
	const struct build_events events = {
		.arg = (void *)common,
		.resolved = show_resolved,
		.warning = show_text,
		.layer = show_layer,
		.made = show_made,
		.pushed = show_push,
		.registry = &registry,
	};

	const struct build_args *a = args;

	for (size_t i = 0; i < a->outputs.len; i++)
		if (strcmp(a->outputs.at[i], "-") == 0 && isatty(STDOUT_FILENO))
			return err_hint(
				err_new(ERR_USAGE, "-o -: an archive is nothing for a terminal"),
				"redirect it, or name a file");
	TRY(build_images(args, &events, &b));
	print_names(b, common);
	return NULL;
}

#define AT(field) offsetof(struct build_args, field)

static const struct opt build_opts[] = {
	OPT("tag", 't', OPT_TEXTS, AT(tags), "REF", "name of the image (repeatable)"),
	OPT("output", 'o', OPT_TEXTS, AT(outputs), "PLACE",
		"where it goes: FILE, oci:DIR, oci-archive:FILE or - (repeatable); default ./NAME.tar"),
	OPT("push", 0, OPT_FLAG, AT(push), NULL, "push every --tag to its registry"),
	OPT("load", 0, OPT_FLAG, AT(load), NULL, "load it into Docker or balena-engine"),
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
	OPT("entrypoint", 0, OPT_TEXT, AT(entrypoint), "WORDS",
		"what a container starts: words or a JSON array; default: the first program"),
	OPT("cmd", 0, OPT_TEXT, AT(cmd), "WORDS", "default arguments: words or a JSON array"),
	OPT("env", 'e', OPT_TEXTS, AT(env), "NAME[=VALUE]", "environment variable (repeatable)"),
	OPT("label", 0, OPT_TEXTS, AT(labels), "NAME=VALUE", "label in the config (repeatable)"),
	OPT("annotation", 0, OPT_TEXTS, AT(annotations), "NAME=VALUE",
		"annotation of manifest and index (repeatable)"),
	OPT("user", 'u', OPT_TEXT, AT(user), "USER[:GROUP]", "who the program runs as"),
	OPT("workdir", 'w', OPT_TEXT, AT(workdir), "DIR", "its working directory"),
	OPT("expose", 0, OPT_TEXTS, AT(expose), "PORT[/PROTO]", "port it listens on (repeatable)"),
	OPT("volume", 0, OPT_TEXTS, AT(volumes), "DIR", "directory to be mounted (repeatable)"),
	OPT("stop-signal", 0, OPT_TEXT, AT(stop_signal), "SIGNAL", "what ends it"),
	OPT("layers", 0, OPT_CHOICE, AT(layers), "HOW", "how files become layers; default stable",
		.choices = "stable|single|file"),
	OPT("compression", 0, OPT_CHOICE, AT(compression), "FORMAT",
		"gzip (default, read by every engine), zstd or none", .choices = "gzip|zstd|none"),
	OPT("compression-level", 0, OPT_TEXT, AT(compression_level), "N|auto",
		"default auto, by the layer's size", .choices = "auto"),
	OPT("format", 0, OPT_CHOICE, AT(format), "FORMAT",
		"media types: oci (default), or docker for engines before 2018",
		.choices = "oci|docker"),
	OPT("source-date-epoch", 0, OPT_TEXT, AT(source_date_epoch), "SECONDS",
		"time of everything in the image; default $SOURCE_DATE_EPOCH, else 0"),
	OPT("iidfile", 0, OPT_TEXT, AT(iidfile), "FILE", "write the image id there"),
	OPT("digestfile", 0, OPT_TEXT, AT(digestfile), "FILE", "write the digest there"),
	OPT("metadata-file", 0, OPT_TEXT, AT(metadata_file), "FILE", "write results as JSON there"),
	OPT("dry-run", 0, OPT_FLAG, AT(dry_run), NULL, "report, write nothing"),
	OPT("no-cache", 0, OPT_FLAG, AT(no_cache), NULL, "neither use nor keep finished layers"),
	OPT("cache-dir", 0, OPT_TEXT, AT(cache_dir), "DIR",
		"where finished layers are kept; default $XDG_CACHE_HOME/imgmin"),
	REGISTRY_OPTS(AT(registry)),
	{0},
};

static const struct build_args build_defaults = {
	.layers = "stable",
	.compression = "gzip",
	.compression_level = "auto",
	.format = "oci",
	.registry = REGISTRY_DEFAULTS,
};

const struct command command_build = {
	.name = "build",
	.synopsis = "[OPTIONS] PATH...",
	.summary = "Make an image from programs and what their loader will ask for",
	.details =
		"Each PATH is an ELF program, dynamic or static, for any machine. Several programs of one "
		"machine share an image, and the first is its entrypoint; programs of several machines "
		"become one multi-arch image. Nothing is run.\n\n"
		"After assembly the loader's search is repeated inside the image: it must find the same "
		"files, else the exit status is 3. On stdout stands NAME@DIGEST, a line for each tag.",
	.opts = build_opts,
	.args_size = sizeof(struct build_args),
	.defaults = &build_defaults,
	.positional_offset = AT(paths),
	.min_positional = 1,
	.max_positional = SIZE_MAX,
	.run = build_run,
};
