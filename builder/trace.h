// The log of `strace -f` over a real run: which files a program used.
#pragma once
#include "base/root.h"

// The files that the log shows opened, executed, mapped as interpreter, stat'ed, read as link or
// listed with success, each once, in order of appearance; relative ones from the process's working
// directory as far as the log tells it (chdir, fchdir, AT_FDCWD, -y's <…>), else left out and
// counted in *unknown. The kernel's own (/proc, /sys, /dev) are none of them; what ".." reaches
// through these counts in *unknown too. Lines may be of -o files with pids, of stderr with [pid N],
// with times (-t, -r), with <unfinished …> and resumed calls. A file that is no strace log at all
// is ERR_USAGE. Text is bounded: 1 GiB of log, 1,000,000 files, paths of PATH_MAX.
must_check struct err *trace_read(
	const char *log, struct arena *a, struct strings *files, size_t *unknown);
