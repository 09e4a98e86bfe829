// Python scripts: the modules that a script reaches by its imports, found without running anything.
#pragma once
#include "base/root.h"

struct python_options {
	struct root *sysroot;        // where interpreter, standard library and packages are
	const char *interpreter;     // in it: "/usr/bin/python3"
	struct root *root;           // where the script is: this machine, or the sysroot again
	const char *script;          // canonical path in there
	const char *image_path;      // what the script will be called in the image: "/usr/bin/a.py"
	const struct strings *env;   // of the image: PYTHONPATH counts
	const struct strings *roots; // more modules to take by name, as if the script imported them
	bool takes_all;              // --python-all: the whole standard library
	int64_t mtime;               // that files of the image have: bytecode is checked by it
};

struct python_file {
	struct root *root;
	const char *source; // canonical, in root; NULL: a directory that must be there, even empty
	const char *path;   // in the image: its own for those of the sysroot
	const char *reason; // "imported by light_sensor", "the interpreter at start"
	bool is_extension;  // an ELF file that needs its libraries
	struct span bytes;  // instead of the source's, where set: bytecode with the image's time
};

// What was asked for and could not be had, or may be wanted.
struct python_note {
	const char *module; // "RPi._GPIO"
	const char *by;     // who imports it, with its line: "light_sensor.py:12"
	// Not found, and its import is not in a try block that expects that: the script would stop.
	bool is_missing;
	bool is_suggestion; // in a function of the standard library, or a name made at run time
	const char *text;   // one line for people
	const char *hint;   // NULL: the module's package is missing
};

struct python_files {
	struct {
		struct python_file *at;
		size_t len, cap;
	} files; // sorted by path, each once
	struct {
		struct python_note *at;
		size_t len, cap;
	} notes;
	const char *version; // "3.11"
};

// Follows import statements: packages and their __init__, relative ones, `from x import y` where y
// may be a module, in try blocks, importlib.import_module("literal") and __import__("literal"); of
// the script and third-party packages inside functions too, of the standard library at module level
// and in the functions that are called, as far as their names in the script and its packages tell:
// the others are suggestions. sys.path as the interpreter makes it: the script's directory,
// PYTHONPATH, the standard library, lib-dynload, dist-packages and site-packages with their .pth
// files; namespace packages. What C code imports is in python_known.c. Bytecode of the sysroot is
// taken where it is valid, the script's own is not. Text that is no Python is ERR_FAILED with file
// and line; a missing module while sys.path names a zipped egg, and a sysroot without this
// interpreter's library, are ERR_NO_START with a hint. At most 100,000 modules, 16 MiB a file.
// Sources: the Python language reference «The import system», Lib/site.py, Modules/getpath.py.
must_check struct err *python_collect(
	const struct python_options *o, struct arena *a, struct python_files *out);

// Is the program at that path of the sysroot a Python interpreter (python3, python3.11)? *version
// is "3.11" then.
bool python_is(
	struct root *sysroot, const char *interpreter, struct arena *a, const char **version);
