// What push, pull and copy have in common.
#pragma once
#include "builder/transfer.h"
#include "cli/opt.h"
#include "cli/registry_opts.h"

struct transfer_args {
	struct strings words; // SRC DEST
	const char *platform;
	bool all, referrers;
	struct registry_args registry;
};
extern const struct transfer_args transfer_defaults;

#define TRANSFER_PLATFORM                                                                          \
	OPT("platform", 0, OPT_TEXT, offsetof(struct transfer_args, platform),                     \
		"OS/ARCH[/VARIANT]",                                                               \
		"only what a device of this platform would run; default: all")
#define TRANSFER_REFERRERS                                                                         \
	OPT("referrers", 0, OPT_FLAG, offsetof(struct transfer_args, referrers), NULL,             \
		"take along what refers to the image: SBOMs, signatures")
#define TRANSFER_REGISTRY REGISTRY_OPTS(offsetof(struct transfer_args, registry))

// Copies and prints what stands at the end.
must_check struct err *transfer_run(const struct transfer_args *args,
	const struct common_args *common, const char *from, const char *to);
