// imgmin.yaml: the options of `imgmin build` in a file, for a project that builds often.
#pragma once
#include "builder/spec.h"
#include "cli/opt.h"

#define PROJECT_FILE "imgmin.yaml"

// Where `given` (argv alone) asks for a project file, by --file, by a PATH that is a directory with
// imgmin.yaml, or by no PATH at all, args gets what it says; paths in it are taken from its
// directory. Keys are the names of opts, with `name` and `programs`. PATHs beside --file take the
// place of its programs, and tags that of its name; a platform given chooses among programs that
// have theirs. What it may not say is ERR_USAGE: "imgmin.yaml:3:5: …".
must_check struct err *project_under(const struct opt *opts, const struct build_args *given,
	struct arena *a, struct build_args *args);

// The keys that a table of options lets a file have, "name" and "programs" among them.
struct strings project_keys(const struct opt *opts, struct arena *a);
