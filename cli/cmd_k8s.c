// imgmin k8s: a DaemonSet for an image.
#include "builder/k8s.h"
#include "cli/confine.h"
#include "cli/output.h"
#include "cli/registry_opts.h"
#include "cli/show_registry.h"

struct asked {
	const struct k8s_args *args;
	struct registry_events events;
};

static struct err *write_yaml(void *context, FILE *out)
{
	const struct asked *k = context;

	return k8s_write(k->args, &k->events, out);
}

static struct err *k8s_run(void *args, const struct common_args *common)
{
	struct asked k = {args, show_registry_reading(common)};

	struct confinement c = {.registry = &k.args->registry};

	confine_image(&c, k.args->images.at[0], false);
	confine_enter(&c, common);
	return output_whole(NULL, write_yaml, &k);
}

#define AT(field) offsetof(struct k8s_args, field)

static const struct opt k8s_opts[] = {
	OPT("device", 0, OPT_TEXTS, AT(devices), "PATH",
		"a device of the node, with one of the next two (repeatable)"),
	OPT("device-resource", 0, OPT_TEXT, AT(device_resource), "NAME",
		"of a device plugin on the node, which gives the container its device"),
	OPT("privileged", 0, OPT_FLAG, AT(privileged), NULL,
		"give the container every device and every right on the node"),
	OPT("node-selector", 0, OPT_TEXTS, AT(node_selector), "KEY=VALUE",
		"only on nodes with this label (repeatable)"),
	OPT("env", 'e', OPT_TEXTS, AT(env), "NAME=VALUE", "environment variable (repeatable)"),
	OPT("name", 0, OPT_TEXT, AT(name), "NAME", "of the DaemonSet; default: the image's"),
	OPT("namespace", 'n', OPT_TEXT, AT(namespace), "NAME", "where kubectl apply puts it"),
	REGISTRY_OPTS(AT(registry)),
	{0},
};

static const struct k8s_args k8s_defaults = {.registry = REGISTRY_DEFAULTS};

const struct command command_k8s = {
	.name = "k8s",
	.synopsis = "[OPTIONS] IMAGE",
	.summary = "Print a Kubernetes DaemonSet for an image",
	.details =
		"IMAGE is in a registry. The DaemonSet names it by its digest, runs on nodes of the "
		"architectures it is for, with a read-only root and no rights but those asked for, and "
		"is YAML on stdout, for kubectl apply -f -.",
	.opts = k8s_opts,
	.args_size = sizeof(struct k8s_args),
	.defaults = &k8s_defaults,
	.positional_offset = AT(images),
	.min_positional = 1,
	.max_positional = 1,
	.run = k8s_run,
};
