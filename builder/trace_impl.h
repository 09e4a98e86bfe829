// What a log says, as far as it is read: names, processes, descriptors. For builder/trace*.c alone.
#pragma once
#include <limits.h>
#include <stdbool.h>

#include "base/map.h"

// A name as far as it is known: absolute, or below another place, or (text NULL) nothing yet.
struct place {
	struct place *base;
	const char *text;
	size_t number, depth;
	bool is_here; // in this machine's tree, not one behind chroot(2)
	bool used, made;
};

struct fds {
	size_t holders, len;
	struct place **at; // index: descriptor; NULL: not known
};

// Which tree a process's names are of.
enum tree_of_names {
	TREE_HERE,
	TREE_ENTERED, // behind chroot(2), in the program that called it
	TREE_INSIDE, // in a program started behind it: "chroot DIR PROGRAM" was traced for this one
	TREE_UNKNOWN, // behind a chroot of that one
	TREES,
};

struct cwd { // what CLONE_FS shares
	struct place *place;
	enum tree_of_names tree;
};

struct process {
	const char *pid; // NULL: the one that has lines without
	struct cwd *cwd;
	struct fds *fds;
	char *pending; // the call that is not finished
	bool ended;
	bool orphan; // seen before its parent's clone returned
};

struct trace {
	struct arena own;
	struct map pids, places;
	vec(struct place *) used; // in order
	vec(struct process *) processes;
	vec(struct process *) cloning; // those with an unfinished clone
	struct process *first;         // that has lines without pid
	struct process *last;
	struct place *nowhere; // below it nothing becomes known
	char *partial;         // a line that strace's own message cut in two
	size_t nplaces, alive;
	size_t unknown[TREES];   // names left out
	enum tree_of_names tree; // of the call at hand
	bool has_inside;         // a program was started behind chroot
	bool is_strace;
	const char *full; // what there is too much of
};

// ---- builder/trace_place.c

struct place *trace_place_new(struct trace *t);
// The place of a name below base; NULL where it grows too long. The name is not empty.
struct place *trace_place_of(struct trace *t, struct place *base, const char *name);
// Its path, now that the log is read to its end: appended to out.
bool trace_place_path(const struct place *p, char out[PATH_MAX], size_t *n);
// It is needed, unless the program made it.
void trace_place_use(struct trace *t, struct place *p);

// ---- builder/trace_process.c

// The process that a line is about; pid NULL: the line says none.
struct process *trace_process_of(struct trace *t, const char *pid);
struct process *trace_process_new(struct trace *t, const char *pid);
// A process that shows itself before the call that made it has returned.
struct process *trace_process_orphan(struct trace *t, const char *pid);
// clone returned pid to parent; `how` holds its flags.
void trace_process_child(struct trace *t, struct process *parent, const char *pid, const char *how);
void trace_process_inherit(
	struct trace *t, struct process *child, struct process *parent, const char *how);
// Its pid is used anew.
void trace_process_again(struct trace *t, struct process *p);
void trace_process_execs(struct process *p);
// Its clone has returned.
void trace_process_cloned(struct trace *t, const struct process *p);
void trace_process_end(struct trace *t, struct process *p);
void trace_processes_drop(struct trace *t);
// NULL: not known.
struct place *trace_fd_place(const struct process *p, long long fd);
void trace_fd_set(struct process *p, long long fd, struct place *place);
