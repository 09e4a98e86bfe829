// imgmin check: is an image sound, and would its programs start.
#include <stdio.h>

#include "builder/check.h"
#include "builder/report.h"
#include "cli/confine.h"
#include "cli/registry_opts.h"
#include "cli/show_registry.h"

static void print_findings(const struct check *c, bool details_too)
{
	drop(arena_drop) struct arena a = {0};

	vec_each (f, &c->findings) {
		printf("%s: %s: %s\n", f->kind == FINDING_WARNING ? "warning" : "error",
			text_printable(f->platform, &a), text_printable(f->text, &a));
		for (size_t i = 0; details_too && i < f->details.len; i++)
			printf("  searched %s\n", text_printable(f->details.at[i], &a));
		if (details_too && f->hint)
			printf("  hint: %s\n", text_printable(f->hint, &a));
	}
}

static void print_number(const char *before, size_t n, const char *what, const char *plural)
{
	printf("%s%zu %s", before, n, n == 1 ? what : plural);
}

static void print_summary(const struct check *c)
{
	size_t warnings = check_count(c, FINDING_WARNING);
	size_t errors = c->findings.len - warnings;
	drop(arena_drop) struct arena a = {0};

	printf("%s", text_printable(c->name, &a));
	if (c->images) {
		print_number(": ", c->images, "platform", "platforms");
		print_number(", ", c->layers, "layer", "layers");
	}
	print_number(c->images ? ", " : ": ", c->programs, "program", "programs");
	print_number(", ", c->libraries, "library", "libraries");
	print_number(": ", errors, "error", "errors");
	print_number(", ", warnings, "warning", "warnings");
	putchar('\n');
}

static struct err *check_run(void *args, const struct common_args *common)
{
	drop(check_drop) struct check c = {0};
	const struct registry_events events = show_registry_reading(common);

	const struct check_args *a = args;
	struct confinement rights = {.registry = &a->registry};

	if (check_is_program(a->names.at[0]))
		confine_sysroots(&rights, &a->sysroots);
	else
		confine_image(&rights, a->names.at[0], false);
	confine_enter(&rights, common);
	TRY(check(a, &events, &c));
	print_findings(&c, common->verbose > 0);
	if (!common->quiet)
		print_summary(&c);
	return check_verdict(&c);
}

#define AT(field) offsetof(struct check_args, field)

static const struct opt check_opts[] = {
	OPT("strict", 0, OPT_FLAG, AT(strict), NULL, "warnings count: exit status 4"),
	OPT("target", 0, OPT_TEXTS, AT(targets), "NAME",
		"a device or engine that must be able to take it, such as pi-zero, pi5, balena or "
		"docker-18 (repeatable)"),
	OPT("max-size", 0, OPT_SIZE, AT(max_size), "SIZE",
		"the layers of an image may have that many bytes as they are sent, such as 2MB or "
		"1.5MiB"),
	OPT("platform", 0, OPT_TEXT, AT(platform), "OS/ARCH[/VARIANT]",
		"only what a device of this platform would run; of a FILE: must run there"),
	OPT("sysroot", 0, OPT_TEXTS, AT(sysroots), "[PLATFORM=]SRC",
		"directory or image that the libraries of a FILE come from (repeatable)"),
	OPT("library-path", 0, OPT_TEXTS, AT(library_path), "DIR[:DIR]",
		"for a FILE: search as LD_LIBRARY_PATH; =DIR is inside the sysroot (repeatable)"),
	REGISTRY_OPTS(AT(registry)),
	{0},
};

static const struct check_args check_defaults = {.registry = REGISTRY_DEFAULTS};

const struct command command_check = {
	.name = "check",
	.synopsis = "[OPTIONS] IMAGE|FILE",
	.summary = "Tell whether an image is sound and its programs would start",
	.details =
		"Of an IMAGE every digest, size and diff_id is checked, whether config and index agree, "
		"and whether the programs that it starts are there, are for its platforms and find inside "
		"it what their loaders ask for. A FILE is an ELF program, checked against this machine's "
		"libraries or the sysroot's. Nothing is unpacked or run.\n\n"
		"On stdout stands one line for each finding. The exit status is 1 for damage in the image, "
		"3 where a program would not start, 4 where it holds nothing for --platform, is not for a "
		"--target, is above --max-size, or with --strict and a warning.",
	.opts = check_opts,
	.args_size = sizeof(struct check_args),
	.defaults = &check_defaults,
	.positional_offset = AT(names),
	.min_positional = 1,
	.max_positional = 1,
	.run = check_run,
};
