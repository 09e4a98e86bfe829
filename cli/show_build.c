#include "cli/show_build.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builder/report.h"
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

static void show_text_note(void *arg, const char *text)
{
	const struct common_args *common = arg;

	if (!common->quiet)
		show_note("%s", text);
}

static void show_detail(void *arg, const char *text)
{
	const struct common_args *common = arg;

	if (common->verbose)
		show_note("%s", text);
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
	vec_each (image, &b->images) {
		const struct strings *left = &(*image)->assembly.shrunk.as_they_are;

		report_data(stderr, *image);
		for (size_t i = 0; i < left->len && common->verbose; i++)
			show_note("not made smaller: %s", left->at[i]);
	}
	report_summary(stderr, b);
	if (b->cache && cache_is_full(b->cache))
		show_warning(
			"no room in the layer cache %s: not all layers are kept for the next run",
			cache_dir(b->cache));
}

void show_built(const struct build *b, const struct common_args *common)
{
	FILE *out = writes_to_stdout(b) ? stderr : stdout;

	if (b->spec.args->dry_run)
		return;
	if (!common->quiet)
		show_places(b);
	for (size_t i = 0; i < b->spec.tags_shown.len; i++)
		fprintf(out, "%s@%s\n", b->spec.tags_shown.at[i], b->top.digest);
}

struct build_events show_build(
	const struct common_args *common, const struct registry_events *registry)
{
	return (struct build_events){
		.arg = (void *)common,
		.resolved = show_resolved,
		.warning = show_text,
		.note = show_text_note,
		.detail = show_detail,
		.layer = show_layer,
		.made = show_made,
		.pushed = show_push,
		.registry = registry,
	};
}

struct err *show_refuse_terminal(const struct build_args *args)
{
	for (size_t i = 0; i < args->outputs.len; i++)
		if (strcmp(args->outputs.at[i], "-") == 0 && isatty(STDOUT_FILENO))
			return err_hint(
				err_new(ERR_USAGE, "-o -: an archive is nothing for a terminal"),
				"redirect it, or name a file");
	return NULL;
}
