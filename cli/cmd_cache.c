// imgmin cache du, imgmin cache prune: what is kept between runs.
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/size.h"
#include "cli/opt.h"
#include "cli/show.h"
#include "oci/cache_prune.h"

#define DAYS 7 // that nobody used: what prune removes unless it is told
#define SECOND INT64_C(1000000000)

struct cache_args {
	const char *cache_dir, *format;
	bool all;
	uint64_t keep_size; // UINT64_MAX: not given
	struct strings none;
};

static const char *const kinds[] = {"layer", "blob", "partial"};

static const char *time_text(int64_t used, char out[32])
{
	const time_t t = (time_t)(used / SECOND);
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return out;
}

static void print_items(const struct cache_contents *c)
{
	char size[16], used[32];

	vec_each (item, &c->items)
		printf("%-7s  %9s  %s  %s\n", kinds[item->kind], size_text(item->size, size),
			time_text(item->used, used), item->digest ? item->digest : "-");
}

static void print_sums(const struct cache_contents *c)
{
	static const char *const titles[] = {
		"layers made here",
		"fetched or unpacked",
		"not finished",
	};
	char size[16];

	printf("%s\n", c->dir);
	for (size_t kind = 0; kind < sizeof(titles) / sizeof(*titles); kind++) {
		uint64_t sum = 0;
		size_t n = 0;

		vec_each (item, &c->items)
			if (item->kind == kind) {
				sum += item->size;
				n++;
			}
		printf("  %-19s  %5zu  %9s\n", titles[kind], n, size_text(sum, size));
	}
	printf("  %-19s  %5zu  %9s\n", "total", c->items.len, size_text(c->size, size));
}

static void print_json(const struct cache_contents *c)
{
	json_t *items = json_array();
	char used[32];

	vec_each (item, &c->items)
		json_array_append_new(items,
			json_pack("{s:s, s:s?, s:I, s:s}", "kind", kinds[item->kind], "digest",
				item->digest, "size", (json_int_t)item->size, "last_used",
				time_text(item->used, used)));
	drop(json_drop) json_t *all = json_pack("{s:o, s:I, s:o}", "dir", json_text(c->dir), "size",
		(json_int_t)c->size, "items", items);

	json_dumpf(all, stdout, JSON_INDENT(1));
	putchar('\n');
}

static struct err *du_run(void *args, const struct common_args *common)
{
	drop(arena_drop) struct arena a = {0};
	const struct cache_args *c = args;
	struct cache_contents contents;

	TRY(cache_list(c->cache_dir, &a, &contents));
	if (strcmp(c->format, "json") == 0) {
		print_json(&contents);
		return NULL;
	}
	if (common->verbose)
		print_items(&contents);
	print_sums(&contents);
	return NULL;
}

static struct err *prune_run(void *args, const struct common_args *common)
{
	drop(arena_drop) struct arena a = {0};
	const struct cache_args *c = args;
	const bool is_sized = c->keep_size != UINT64_MAX;
	struct cache_prune how = {.used_before = INT64_MIN, .keep_size = c->keep_size};
	struct cache_pruned done;
	char removed[16], left[16];

	if (c->all && is_sized)
		return err_hint(err_new(ERR_USAGE, "--all and --keep-size contradict each other"),
			"--keep-size 0 is --all");
	if (c->all)
		how.keep_size = 0;
	else if (!is_sized)
		how.used_before = ((int64_t)time(NULL) - DAYS * 24LL * 3600) * SECOND;
	TRY(cache_prune(c->cache_dir, &how, &a, &done));
	printf("freed %s (%zu removed); %s (%zu) left in %s\n",
		size_text(done.removed_size, removed), done.removed,
		size_text(done.left_size, left), done.left, done.dir);
	if (!done.removed && done.left && !c->all && !is_sized && !common->quiet)
		show_note("all of it was used within %d days; --all removes it, too", DAYS);
	return NULL;
}

#define AT(field) offsetof(struct cache_args, field)
#define CACHE_DIR                                                                                  \
	OPT("cache-dir", 0, OPT_TEXT, AT(cache_dir), "DIR",                                        \
		"the cache; default: $XDG_CACHE_HOME/imgmin, else ~/.cache/imgmin")

static const struct opt du_opts[] = {
	CACHE_DIR,
	OPT("format", 0, OPT_CHOICE, AT(format), "FORMAT", "text (default) or json",
		.choices = "text|json"),
	{0},
};

static const struct opt prune_opts[] = {
	OPT("all", 0, OPT_FLAG, AT(all), NULL, "remove everything that is not being written"),
	CACHE_DIR,
	OPT("keep-size", 0, OPT_SIZE, AT(keep_size), "SIZE",
		"remove the least recently used until no more than this is left"),
	{0},
};

static const struct cache_args cache_defaults = {.format = "text", .keep_size = UINT64_MAX};

const struct command command_cache_du = {
	.name = "cache du",
	.synopsis = "[OPTIONS]",
	.summary = "Show what the cache takes up",
	.details =
		"Layers that were made before, layers and documents that were fetched, and what has "
		"not ended. -v lists each, the most recently used first.",
	.opts = du_opts,
	.args_size = sizeof(struct cache_args),
	.defaults = &cache_defaults,
	.positional_offset = AT(none),
	.run = du_run,
};

const struct command command_cache_prune = {
	.name = "cache prune",
	.synopsis = "[OPTIONS]",
	.summary = "Remove from the cache what is not needed any more",
	.details =
		"Without an option: what nobody used for seven days. What other processes are writing "
		"stays, and those that read go on undisturbed. Nothing is lost but time: whatever is "
		"missing is made or fetched again. By itself the cache keeps to 2 GB.",
	.opts = prune_opts,
	.args_size = sizeof(struct cache_args),
	.defaults = &cache_defaults,
	.positional_offset = AT(none),
	.run = prune_run,
};
