// Where the interpreter of a sysroot looks for modules: its sys.path, and how it tells files.
#pragma once
#include "base/map.h"
#include "base/root.h"
#include "builder/python_venv.h"

struct python_place {
	struct root *root;
	const char *dir;  // in root; "" is its top
	const char *path; // in the image, likewise
	const char *pth;  // the .pth file that names it, in the sysroot; NULL: none
	bool is_library;  // of the standard library
	bool is_script;   // the script's own directory
};

struct python_path {
	struct {
		struct python_place *at;
		size_t len, cap;
	} places;            // in the order they are searched
	const char *binary;  // canonical
	const char *version; // "3.11"
	unsigned minor;
	const char *tag;         // "cpython-311", of bytecode
	const char *suffixes[6]; // of modules, the first found counts; then NULL
	const char *library;     // "/usr/lib/python3.11"
	const char *dynload;     // its lib-dynload; NULL: there is none
	struct python_venv venv; // that the interpreter is of
	struct map builtins;     // modules inside the interpreter
	struct strings archives; // zipped eggs and the like, that sys.path names
	struct strings executed; // "file:line: import …" of .pth files
};

struct python_options;
must_check struct err *python_path_find(
	const struct python_options *o, struct arena *a, struct python_path *out);
