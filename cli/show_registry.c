#include "cli/show_registry.h"

#include <string.h>

#include "builder/report.h"
#include "cli/progress.h"
#include "cli/show.h"

static bool is_config(const struct descriptor *d)
{
	return d->media_type &&
		(strcmp(d->media_type, OCI_CONFIG) == 0 ||
			strcmp(d->media_type, DOCKER_CONFIG) == 0);
}

// What people call a blob: the beginning of its digest.
static struct progress_event event_of(const struct descriptor *d, char name[16])
{
	const char *colon = strchr(d->digest, ':');

	snprintf(name, 16, "%.12s", colon ? colon + 1 : d->digest);
	return (struct progress_event){
		.key = d->digest,
		.event = "blob",
		.name = name,
		.digest = d->digest,
		.total = (uint64_t)d->size,
	};
}

static void show_moving(
	void *arg, const struct descriptor *d, enum registry_fate fate, uint64_t bytes)
{
	char name[16];
	struct progress_event e;

	(void)arg;
	if (is_config(d))
		return;
	e = event_of(d, name);
	e.status = fate == FATE_UPLOADED ? "uploading" : "downloading";
	e.bytes = bytes < e.total ? bytes : e.total;
	progress_update(&e);
}

// Seen while it lasts, and then of no interest.
static void show_reading(void *arg, const struct descriptor *d, uint64_t bytes)
{
	char name[16];
	struct progress_event e = event_of(d, name);

	(void)arg;
	e.status = bytes < e.total ? "reading" : "read";
	e.bytes = bytes;
	if (bytes < e.total)
		progress_update(&e);
	else
		progress_over(&e, NULL);
}

static void show_blob(const struct common_args *common, const struct descriptor *d,
	enum registry_fate fate, const char *from, bool is_told)
{
	static const char *const words[] = {
		[FATE_EXISTS] = "exists",
		[FATE_MOUNTED] = "mounted from ",
		[FATE_UPLOADED] = "uploaded",
		[FATE_DOWNLOADED] = "downloaded",
		[FATE_KEPT] = "from the cache",
	};
	static const char *const statuses[] = {
		[FATE_EXISTS] = "exists",
		[FATE_MOUNTED] = "mounted",
		[FATE_UPLOADED] = "uploaded",
		[FATE_DOWNLOADED] = "downloaded",
		[FATE_KEPT] = "cached",
	};
	const bool was_moved = fate == FATE_UPLOADED || fate == FATE_DOWNLOADED;
	char name[16], size[16];
	struct progress_event e = event_of(d, name);

	if (is_config(d) && !common->verbose)
		return;
	drop(mem_drop) char *plain = str_printf("%s: %s%s%s%s%s", name, words[fate],
		fate == FATE_MOUNTED && from ? from : "", was_moved ? " (" : "",
		was_moved ? size_text((uint64_t)d->size, size) : "", was_moved ? ")" : "");

	e.status = statuses[fate];
	e.bytes = was_moved ? e.total : 0;
	e.from = from;
	progress_over(&e, is_told ? plain : NULL);
}

static void show_fate(
	void *arg, const struct descriptor *d, enum registry_fate fate, const char *from)
{
	show_blob(arg, d, fate, from, true);
}

// What was looked into before is no news.
static void show_fetched(
	void *arg, const struct descriptor *d, enum registry_fate fate, const char *from)
{
	const struct common_args *common = arg;

	show_blob(common, d, fate, from, fate != FATE_KEPT || common->verbose);
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
		show_detail("%s", text_printable(line, &a));
}

struct registry_events show_registry(const struct common_args *common)
{
	return (struct registry_events){
		.arg = (void *)common,
		.blob = show_fate,
		.progress = show_moving,
		.reading = show_reading,
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

char *pushed_text(const char *name, const struct descriptor *top)
{
	size_t n = strcspn(name, "@");
	const char *slash = memrchr(name, '/', n); // a port's colon stands before it
	const char *tag = slash ? slash : name;

	tag = memchr(tag, ':', (size_t)(name + n - tag));
	if (!tag && name[n]) // pushed by its digest alone
		return str_printf("%s: size: %lld", name, (long long)top->size);
	tag = tag ? tag + 1 : name;
	return str_printf("%.*s: digest: %s size: %lld", (int)(name + n - tag), tag, top->digest,
		(long long)top->size);
}

void show_pushed(FILE *out, const char *name, const struct descriptor *top)
{
	drop(mem_drop) char *line = pushed_text(name, top);

	fprintf(out, "%s\n", line);
}
