// The distributions that packages of Python come from, as their metadata beside them says: what
// importlib.metadata and pkg_resources read.
#pragma once
#include "builder/python_path.h"

struct python_entry {
	const char *group; // "console_scripts"
	const char *name;  // "flake8"
	const char *module;
};

struct python_dist {
	const char *name; // "gitlint-core", as python_dist_name gives it
	const struct python_place *place;
	struct strings files; // of its metadata, below the place
	struct strings tops;  // what can be imported of it
	struct strings needs; // names of distributions that it requires, without its extras'
	struct {
		struct python_entry *at;
		size_t len, cap;
	} entries;
	bool is_taken; // for who follows them
};

struct python_dists {
	struct python_dist *at;
	size_t len, cap;
};

// The X.dist-info and X.egg-info of all places but the standard library's, in their order. Licences
// and lists of files are not among their files.
must_check struct err *python_dists_find(
	const struct python_path *p, struct arena *a, struct python_dists *out);
// "Gitlint_Core==0.18" → "gitlint-core" (PEP 503), without what comes behind a name (PEP 508).
const char *python_dist_name(const char *text, struct arena *a);
