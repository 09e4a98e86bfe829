// Temporary names for what is being made: locked while their maker lives, so that a later run can
// tell what a killed one left behind.
#pragma once
#include <sys/types.h>

#include "base/err.h"

#define TEMP_NAME 256

// Makes the file (the directory, if mode has S_IFDIR) `.BASE.imgmin-XXXXXX` in the directory dirfd.
// The result is its descriptor, open for reading and writing and flock()ed; -1 and errno. A long
// base is cut. The umask applies to mode. From here to temp_forget a stop by SIGINT, SIGTERM or
// SIGHUP removes it before the process ends, unless name is empty by then; dirfd and name must live
// as long. The first call is the main thread's.
int temp_make(int dirfd, const char *base, mode_t mode, char name[TEMP_NAME]);
// Listens for these signals from now on, even if nothing is made. The main thread's, too.
void temp_watch(void);
// What is called last before such a stop, in a thread of its own: what was made is gone by then.
void temp_on_stop(void (*fn)(void));
// To be called once for each temp_make, before name and dirfd go away.
void temp_forget(const char *name);
// Removes what temp_make made for the same base in processes that are gone. Best effort.
void temp_sweep(int dirfd, const char *base);
// Removes the file or directory with all it holds. Best effort.
void temp_remove(int dirfd, const char *name);
