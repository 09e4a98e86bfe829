// What the commands that make an image tell while they do.
#pragma once
#include "builder/build.h"
#include "cli/opt.h"

// Both live as long as the events are used.
struct build_events show_build(
	const struct common_args *common, const struct registry_events *registry);
// An archive is nothing for a terminal: ERR_USAGE.
must_check struct err *show_refuse_terminal(const struct build_args *args);
// Where it went on stderr, NAME@DIGEST for each tag on stdout.
void show_built(const struct build *b, const struct common_args *common);
