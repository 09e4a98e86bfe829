// imgmin pull: an image out of a registry.
#include <string.h>

#include "cli/show.h"
#include "cli/transfer.h"

// "./sensor.tar" for user/sensor:1.2
static struct err *default_place(const char *from, struct arena *a, const char **out)
{
	struct ref ref;

	TRY(ref_parse(from + strlen("docker://"), &ref));
	const char *slash = strrchr(ref.repository, '/');

	*out = arena_printf(a, "./%s.tar", slash ? slash + 1 : ref.repository);
	return NULL;
}

static struct err *pull_run(void *args, const struct common_args *common)
{
	drop(arena_drop) struct arena a = {0};
	const struct transfer_args *t = args;
	const char *ref = t->words.at[0], *to = t->words.len > 1 ? t->words.at[1] : NULL;
	const char *from =
		arena_printf(&a, "%s%s", strncmp(ref, "docker://", 9) == 0 ? "" : "docker://", ref);

	if (to) {
		TRY(place_ask_target(to, true));
		return transfer_run(t, common, from, to);
	}
	TRY(default_place(from, &a, &to));
	TRY(transfer_run(t, common, from, to));
	// Nobody has named this file.
	show_note("wrote %s", to);
	return NULL;
}

static const struct opt pull_opts[] = {
	TRANSFER_PLATFORM,
	TRANSFER_REGISTRY,
	{0},
};

const struct command command_pull = {
	.name = "pull",
	.synopsis = "[OPTIONS] REF [DEST]",
	.summary = "Fetch an image from a registry",
	.details =
		"DEST is the path of an archive or (ending in /, or an existing directory) a layout, "
		"oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF], docker-daemon: or - for "
		"stdout; default ./NAME.tar. All platforms are fetched; bytes and digests stay as they "
		"are. What was fetched before an interruption is kept and not fetched again.\n\n"
		"On stdout stands NAME@DIGEST.",
	.opts = pull_opts,
	.args_size = sizeof(struct transfer_args),
	.defaults = &transfer_defaults,
	.positional_offset = offsetof(struct transfer_args, words),
	.min_positional = 1,
	.max_positional = 2,
	.run = pull_run,
};
