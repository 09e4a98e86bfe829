// imgmin deploy: an image into the engine of a device.
#include <string.h>

#include "base/size.h"
#include "builder/deploy.h"
#include "builder/image.h"
#include "cli/confine.h"
#include "cli/progress.h"
#include "cli/registry_opts.h"
#include "cli/show.h"
#include "cli/show_registry.h"
#include "registry/ref.h"

static struct err *deploy_run(void *args, const struct common_args *common)
{
	drop(arena_drop) struct arena a = {0};
	const struct registry_events events = show_registry(common);
	struct deployed done;
	char sent[16], held[16];
	const struct deploy_args *d = args;
	struct confinement c = {.registry = &d->registry, .starts_programs = true};
	struct ref ref;

	confine_image(&c, d->words.at[0], false);
	confine_enter(&c, common);
	TRY(deploy(args, &events, &a, &done));
	progress_end();
	size_text(done.bytes_sent, sent);
	size_text(done.bytes_held, held);
	show_note("%s: sent %zu of %zu layers, %s; the device held %s", done.engine,
		done.layers_sent, done.layers, sent, held);
	TRY(ref_parse(done.name, &ref));
	printf("%s\n", image_shown(ref_familiar(&ref, &a), done.digest, &a));
	return NULL;
}

#define AT(field) offsetof(struct deploy_args, field)

static const struct opt deploy_opts[] = {
	OPT("engine", 0, OPT_CHOICE, AT(engine), "ENGINE",
		"of the device; default auto: the first of these that is there",
		.choices = "auto|docker|balena-engine|containerd"),
	OPT("platform", 0, OPT_TEXT, AT(platform), "OS/ARCH[/VARIANT]",
		"what the device is; default: what it says"),
	OPT("namespace", 'n', OPT_TEXT, AT(namespace), "NAME",
		"of containerd, such as k8s.io; default: that of ctr on the device"),
	REGISTRY_OPTS(AT(registry)),
	{0},
};

static const struct deploy_args deploy_defaults = {
	.engine = "auto",
	.registry = REGISTRY_DEFAULTS,
};

const struct command command_deploy = {
	.name = "deploy",
	.synopsis = "[OPTIONS] IMAGE ssh://[USER@]HOST[:PORT]",
	.summary = "Load an image into the engine of a device over ssh",
	.details =
		"Asks the device for its engine, its platform and its layers, and sends the image for "
		"it to docker load (or ctr images import) there. Docker and balena-engine get no layer "
		"that they hold beneath those they lack; containerd gets all. ssh is that of this "
		"machine, with its keys and its config.\n\n"
		"On stdout stands NAME@DIGEST.",
	.opts = deploy_opts,
	.args_size = sizeof(struct deploy_args),
	.defaults = &deploy_defaults,
	.positional_offset = AT(words),
	.min_positional = 2,
	.max_positional = 2,
	.run = deploy_run,
};
