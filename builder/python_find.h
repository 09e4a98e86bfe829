// One module's file among places, and the bytecode that lies beside it.
#pragma once
#include "builder/python_path.h"

enum python_kind {
	MODULE_NONE,
	MODULE_SOURCE,
	MODULE_EXTENSION,
	MODULE_BYTECODE,
	MODULE_NAMESPACE
};

struct python_found {
	enum python_kind kind;
	bool is_package;
	const struct python_place *place; // NULL for a namespace
	const char *file;                 // canonical, in the place's root
	const char *path;                 // in the image
	struct {
		struct python_place *at;
		size_t len, cap;
	} inside; // of a package: where its modules are
};

// The file that `import name` (its last part) takes from these places, as FileFinder of
// importlib/_bootstrap_external.py chooses it. kind is MODULE_NONE where there is none.
void python_find(const struct python_path *p, const struct python_place *places, size_t n,
	const char *name, struct arena *a, struct python_found *out);

// The directories called name in all places: what pkgutil.extend_path makes of a package.
void python_find_portions(const struct python_place *places, size_t n, const char *name,
	struct arena *a, struct python_found *out);

// The bytecode of a source file in its __pycache__ that is valid for it. Where that is told by the
// source's time, *out has the image's instead. NULL span: none.
must_check struct err *python_bytecode(const struct python_path *p, const struct python_found *f,
	int64_t mtime, struct arena *a, const char **path, struct span *out);
