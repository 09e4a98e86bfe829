#include "cli/transfer.h"

#include <string.h>

#include "builder/image.h"
#include "cli/confine.h"
#include "cli/progress.h"
#include "cli/show_registry.h"

const struct transfer_args transfer_defaults = {.registry = REGISTRY_DEFAULTS};

// Names in Docker's short form; what is none, a layout's tag, as it is.
static const char *shown(const char *name, struct arena *a)
{
	struct ref ref;
	drop(err_drop) struct err *e = strchr(name, '/') ? ref_parse(name, &ref) : NULL;

	return e || !strchr(name, '/') ? name : ref_familiar(&ref, a);
}

static void print(const struct transferred *t, FILE *out, struct arena *a)
{
	for (size_t i = 0; i < t->names.len; i++)
		if (t->is_pushed)
			show_pushed(out, t->names.at[i], &t->top);
		else
			fprintf(out, "%s\n",
				image_shown(shown(t->names.at[i], a), t->top.digest, a));
	if (!t->names.len)
		fprintf(out, "%s\n", t->top.digest);
}

struct err *transfer_run(const struct transfer_args *args, const struct common_args *common,
	const char *from, const char *to)
{
	drop(arena_drop) struct arena a = {0};
	drop(places_drop) struct places places = {0};
	const struct registry_events events = show_registry(common);
	struct transfer_options o = {.with_referrers = args->referrers};
	struct confinement c = {.registry = &args->registry};
	struct platform platform;
	struct transferred done;

	if (args->platform) {
		TRY_AS(platform_parse(args->platform, &platform), "--platform");
		o.platform = &platform;
	}
	confine_image(&c, from, false);
	confine_output(&c, to);
	confine_enter(&c, common);
	TRY(places_open(&args->registry, &events, &places));
	TRY(transfer_places(&places, from, to, &o, &a, &done));
	progress_end();
	print(&done, strcmp(to, "-") == 0 ? stderr : stdout, &a);
	return NULL;
}
