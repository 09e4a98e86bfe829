#include "cli/show_registry.h"

#include <string.h>

#include "builder/report.h"
#include "cli/show.h"

static bool is_config(const struct descriptor *d)
{
	return d->media_type &&
		(strcmp(d->media_type, OCI_CONFIG) == 0 ||
			strcmp(d->media_type, DOCKER_CONFIG) == 0);
}

static void show_blob(
	void *arg, const struct descriptor *d, enum registry_fate fate, const char *from)
{
	static const char *const words[] = {
		[FATE_EXISTS] = "exists",
		[FATE_MOUNTED] = "mounted from ",
		[FATE_UPLOADED] = "uploaded",
		[FATE_DOWNLOADED] = "downloaded",
		[FATE_KEPT] = "from the cache",
	};
	const struct common_args *common = arg;
	char size[16];

	if (common->quiet || strcmp(common->progress, "none") == 0 ||
		(is_config(d) && !common->verbose))
		return;
	fprintf(stderr, "%.12s: %s%s", strchr(d->digest, ':') + 1, words[fate],
		fate == FATE_MOUNTED && from ? from : "");
	if (fate == FATE_UPLOADED || fate == FATE_DOWNLOADED)
		fprintf(stderr, " (%s)", size_text((uint64_t)d->size, size));
	fputc('\n', stderr);
}

// What was looked into before is no news.
static void show_fetched(
	void *arg, const struct descriptor *d, enum registry_fate fate, const char *from)
{
	const struct common_args *common = arg;

	if (fate != FATE_KEPT || common->verbose)
		show_blob(arg, d, fate, from);
}

// Registries choose these words.
static void show_text(void *arg, const char *text)
{
	drop(arena_drop) struct arena a = {0};
	const struct common_args *common = arg;

	if (!common->quiet)
		show_warning("%s", text_printable(text, &a));
}

static void show_log(void *arg, const char *line)
{
	drop(arena_drop) struct arena a = {0};
	const struct common_args *common = arg;

	if (common->verbose > 1)
		show_note("%s", text_printable(line, &a));
}

struct registry_events show_registry(const struct common_args *common)
{
	return (struct registry_events){
		.arg = (void *)common,
		.blob = show_blob,
		.warning = show_text,
		.log = show_log,
	};
}

struct registry_events show_registry_reading(const struct common_args *common)
{
	struct registry_events events = show_registry(common);

	events.blob = show_fetched;
	return events;
}

void show_pushed(FILE *out, const char *name, const struct descriptor *top)
{
	const char *colon = strrchr(name, ':');

	fprintf(out, "%s: digest: %s size: %lld\n", colon ? colon + 1 : name, top->digest,
		(long long)top->size);
}
