// imgmin copy: an image from any place to any other.
#include "cli/transfer.h"

static struct err *copy_run(void *args, const struct common_args *common)
{
	const struct transfer_args *t = args;

	if (t->all && t->platform)
		return err_new(ERR_USAGE, "--all and --platform are opposites");
	TRY(place_ask_target(t->words.at[1], false));
	return transfer_run(t, common, t->words.at[0], t->words.at[1]);
}

static const struct opt copy_opts[] = {
	OPT("all", 0, OPT_FLAG, offsetof(struct transfer_args, all), NULL,
		"all platforms; this is the default"),
	TRANSFER_PLATFORM,
	TRANSFER_REFERRERS,
	TRANSFER_REGISTRY,
	{0},
};

const struct command command_copy = {
	.name = "copy",
	.synopsis = "[OPTIONS] SRC DEST",
	.summary = "Copy an image between registries, layouts, archives and engines",
	.details =
		"Places are docker://REF, docker-daemon:REF, oci:DIR[:TAG], oci-archive:FILE[:TAG], "
		"docker-archive:FILE[:REF] or a path; a word that is no path is a reference. All platforms "
		"are copied; bytes and digests stay as they are. Where DEST names no tag, the names stay. "
		"Between repositories of one registry layers are mounted, not sent.\n\n"
		"On stdout stands NAME@DIGEST, or TAG: digest: DIGEST size: SIZE of a registry.",
	.opts = copy_opts,
	.args_size = sizeof(struct transfer_args),
	.defaults = &transfer_defaults,
	.positional_offset = offsetof(struct transfer_args, words),
	.min_positional = 2,
	.max_positional = 2,
	.run = copy_run,
};
