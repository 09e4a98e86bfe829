// imgmin push: an image into a registry.
#include <string.h>

#include "cli/transfer.h"

static struct err *push_run(void *args, const struct common_args *common)
{
	const struct transfer_args *t = args;
	const char *ref = t->words.at[1];

	TRY(place_refuse_file(ref, "SRC comes first, then REF"));
	drop(mem_drop) char *to =
		str_printf("%s%s", strncmp(ref, "docker://", 9) == 0 ? "" : "docker://", ref);

	return transfer_run(t, common, t->words.at[0], to);
}

static const struct opt push_opts[] = {
	TRANSFER_PLATFORM,
	TRANSFER_REFERRERS,
	TRANSFER_REGISTRY,
	{0},
};

const struct command command_push = {
	.name = "push",
	.synopsis = "[OPTIONS] SRC REF",
	.summary = "Send an image to a registry",
	.details =
		"SRC is the path of an archive or a layout, oci:DIR[:TAG], oci-archive:FILE[:TAG], "
		"docker-archive:FILE[:REF], docker-daemon:REF or another reference. All platforms are "
		"sent; bytes and digests stay as they are, and what the registry has is not sent again. "
		"The tag comes last: a push that fails leaves none.\n\n"
		"On stderr stands a line for each layer, on stdout TAG: digest: DIGEST size: SIZE.",
	.opts = push_opts,
	.args_size = sizeof(struct transfer_args),
	.defaults = &transfer_defaults,
	.positional_offset = offsetof(struct transfer_args, words),
	.min_positional = 2,
	.max_positional = 2,
	.run = push_run,
};
