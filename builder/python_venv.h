// A virtual environment: a directory whose bin/python is a Python that lies elsewhere, with
// packages of its own.
#pragma once
#include "base/root.h"

struct python_venv {
	const char *config; // its pyvenv.cfg; NULL: the interpreter is of none
	const char *dir;    // "/opt/venv"
	const char *home;   // where that other Python is: "/usr/bin"; NULL: not said
	bool has_system;    // that one's packages are seen as well
};

// Read as the interpreter called by that path does: links in it are not followed
// (Modules/getpath.py, Lib/site.py).
must_check struct err *python_venv_read(
	struct root *root, const char *interpreter, struct arena *a, struct python_venv *out);
