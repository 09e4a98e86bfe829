// The user's own files: those that keep no path of the build machine, and where they go instead.
#pragma once
#include "builder/assemble.h"

// Does it lie in a directory that an image may have like its sysroot? Anything else of this machine
// is the user's own.
bool is_system_path(const char *path);
// Outside the sysroot, or outside the system's directories where the sysroot is this machine.
bool is_own(const struct installed *p, const struct object_file *f);
// Where a program goes, and the script that it interprets (else NULL): --install, the own path in
// the sysroot, else /usr/bin/NAME. Of a script only itself is installed elsewhere.
void own_place_program(const struct assembly *a, struct installed *p);
// Was the object found by $ORIGIN in a run path or a name?
bool is_by_origin(const struct object *o);
// Where an own library (f, under which o was found) goes: to the same place relative to the object
// whose $ORIGIN found it, else into the loader's first directory.
must_check struct err *own_library_path(struct assembly *a, const struct installed *p,
	const struct object *o, const struct object_file *f, const char **out);
