// What is known of CPython and can't be read from the sources of its modules.
#pragma once
#include <stdbool.h>

// Modules that the interpreter imports by itself, in the end NULL.
extern const char *const python_start[];

// Modules whose code is inside the interpreter too and taken from there (Python/frozen.c): their
// files are not read.
bool python_is_frozen(const char *module, unsigned minor);

// C code imports `needs` when `trigger` is loaded, or when a function of that name is called.
struct python_hidden {
	const char *trigger;
	bool is_name; // the trigger is a name in the source of the script or a package
	const char *needs;
};
extern const struct python_hidden python_hidden[]; // ends with trigger NULL
// As needs: the module with the interpreter's configuration, whose name says for which platform.
extern const char python_config[];
