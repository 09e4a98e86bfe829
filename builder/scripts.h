// What scripts bring into an image besides their interpreter: modules of Python, commands of a
// shell.
#pragma once
#include "builder/assemble.h"

// Puts the script and what it needs into the tree. Of a shell script the commands it names go to
// a->commands_left unless --include-commands takes them. A module that is missing is ERR_NO_START.
must_check struct err *assembly_take_script(struct assembly *a, const struct scripted *s);
// Is it a POSIX shell by its name? busybox is one, too.
bool is_shell(const char *path);
