#include "cli/show_build.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builder/account.h"
#include "builder/report.h"
#include "cli/progress.h"
#include "cli/show.h"
#include "cli/show_registry.h"

static void show_resolved(void *arg, const struct installed *p)
{
	const struct common_args *common = arg;
	bool is_image = p->is_slimmed;

	show_problems(p->program.asked, &p->closure);
	for (size_t i = 0; i < p->suggestions.len && !common->quiet; i++)
		show_note("%s may open %s (%s%s): %s", p->program.asked, p->suggestions.at[i].name,
			p->suggestions.at[i].is_present ? include_option(is_image) : "not in the ",
			p->suggestions.at[i].is_present ? " takes it" : sysroot_word(is_image),
			p->suggestions.at[i].why);
}

static void show_text(void *arg, const char *text)
{
	(void)arg;
	show_warning("%s", text);
}

static void show_text_note(void *arg, const char *text)
{
	const struct common_args *common = arg;

	if (!common->quiet)
		show_note("%s", text);
}

static void show_text_detail(void *arg, const char *text)
{
	const struct common_args *common = arg;

	if (common->verbose)
		show_detail("%s", text);
}

static struct progress_event event_of(const struct built_image *image, const struct built_layer *l,
	char key[32], char platform[PLATFORM_TEXT])
{
	snprintf(key, 32, "%p", (const void *)l);
	return (struct progress_event){
		.key = key,
		.event = "layer",
		.name = l->title,
		.platform = platform_text(&image->assembly.platform, platform),
		.status = "packing",
		.total = l->raw_size,
	};
}

static void show_packing(
	void *arg, const struct built_image *image, const struct built_layer *l, uint64_t bytes)
{
	char key[32], platform[PLATFORM_TEXT];
	struct progress_event e = event_of(image, l, key, platform);

	(void)arg;
	e.bytes = bytes;
	progress_update(&e);
}

static void show_layer(void *arg, const struct built_image *image, const struct built_layer *l)
{
	char key[32], platform[PLATFORM_TEXT], raw[16], packed[16], figures[48];
	struct progress_event e = event_of(image, l, key, platform);

	(void)arg;
	if (!l->layer.descriptor.digest)
		return;
	size_text(l->raw_size, raw);
	size_text((uint64_t)l->layer.descriptor.size, packed);
	snprintf(figures, sizeof(figures), "%s > %s", raw, packed);
	e.status = l->layer.is_cached ? "cached" : "packed";
	e.bytes = e.total;
	e.size = (uint64_t)l->layer.descriptor.size;
	e.digest = l->layer.descriptor.digest;
	e.figures = figures;

	drop(mem_drop) char *plain = str_printf("%s %s: %s, %s raw, %s%s", platform, l->title,
		l->layer.descriptor.digest, raw, packed,
		l->layer.is_cached ? ", from the cache" : "");

	progress_over(&e, plain);
}

static void show_push(void *arg, const char *tag, const struct descriptor *top)
{
	drop(mem_drop) char *line = pushed_text(tag, top);

	(void)arg;
	progress_tagged(tag, top->digest, top->size, line);
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
	FILE *out = progress_report();

	// A table's lines are cut where the terminal ends, others are not.
	if (b->spec.args->dry_run || isatty(STDERR_FILENO) || common->verbose)
		vec_each (image, &b->images) {
			report_files(out, *image);
			progress_report_cut(out);
			account_print(out, *image);
		}
	vec_each (image, &b->images) {
		const struct strings *left = &(*image)->assembly.shrunk.as_they_are;

		report_data(out, *image);
		for (size_t i = 0; i < left->len && common->verbose; i++)
			fprintf(out, "imgmin: not made smaller: %s\n", left->at[i]);
	}
	report_summary(out, b);
	progress_report_close(&out);
	if (b->cache && cache_is_full(b->cache))
		show_warning(
			"no room in the layer cache %s: not all layers are kept for the next run",
			cache_dir(b->cache));
}

void show_built(const struct build *b, const struct common_args *common)
{
	FILE *out = writes_to_stdout(b) ? stderr : stdout;

	progress_end();
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
		.detail = show_text_detail,
		.packing = show_packing,
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
