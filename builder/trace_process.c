// What is known of the processes of a log: where they stand, what their descriptors are.
#include <stdlib.h>
#include <string.h>

#include "builder/trace_impl.h"

#define FDS_MAX 1024
#define PROCESSES_MAX 32768 // alive at a time

static void fds_release(struct fds **fds)
{
	if (*fds && --(*fds)->holders == 0) {
		free((*fds)->at);
		free(*fds);
	}
	*fds = NULL;
}

static struct fds *fds_copy(const struct fds *from)
{
	struct fds *f = mem_alloc(sizeof(*f));

	f->holders = 1;
	f->len = from ? from->len : 0;
	f->at = mem_alloc(f->len * sizeof(*f->at));
	if (from && f->len)
		memcpy(f->at, from->at, f->len * sizeof(*f->at));
	return f;
}

void trace_fd_set(struct process *p, long long fd, struct place *place)
{
	struct fds *f = p->fds;

	if (fd < 0 || fd >= FDS_MAX || (!place && (size_t)fd >= f->len))
		return;
	if ((size_t)fd >= f->len) {
		f->at = mem_resize(f->at, ((size_t)fd + 1) * sizeof(*f->at));
		memset(f->at + f->len, 0, ((size_t)fd + 1 - f->len) * sizeof(*f->at));
		f->len = (size_t)fd + 1;
	}
	f->at[fd] = place;
}

struct place *trace_fd_place(const struct process *p, long long fd)
{
	return fd >= 0 && (size_t)fd < p->fds->len ? p->fds->at[fd] : NULL;
}

static struct cwd *cwd_new(struct trace *t, struct place *place)
{
	struct cwd *c = arena_new(&t->own, struct cwd);

	c->place = place ? place : trace_place_new(t);
	return c;
}

// Makes p, new or long gone, a process of which nothing is known.
static void process_begin(struct trace *t, struct process *p)
{
	p->cwd = cwd_new(t, NULL);
	p->cwd->place->is_here = true;
	p->fds = fds_copy(NULL);
	p->ended = p->orphan = false;
	if (++t->alive > PROCESSES_MAX)
		t->full = "processes";
}

// Its pid is used anew.
void trace_process_again(struct trace *t, struct process *p)
{
	fds_release(&p->fds);
	process_begin(t, p);
}

struct process *trace_process_new(struct trace *t, const char *pid)
{
	struct process *p = arena_new(&t->own, struct process);

	p->pid = pid ? arena_strdup(&t->own, pid) : NULL;
	if (pid)
		*map_at(&t->pids, &t->own, pid) = p;
	vec_push(&t->own, &t->processes, p);
	process_begin(t, p);
	return p;
}

void trace_process_end(struct trace *t, struct process *p)
{
	if (p->ended)
		return;
	p->ended = true;
	t->alive--;
	fds_release(&p->fds);
	p->fds = fds_copy(NULL);
	mem_drop(&p->pending);
}

void trace_process_inherit(
	struct trace *t, struct process *child, struct process *parent, const char *how)
{
	fds_release(&child->fds);
	if (strstr(how, "CLONE_FILES")) {
		child->fds = parent->fds;
		child->fds->holders++;
	} else {
		child->fds = fds_copy(parent->fds);
	}
	if (strstr(how, "CLONE_FS")) {
		child->cwd = parent->cwd;
	} else {
		child->cwd = cwd_new(t, parent->cwd->place);
		child->cwd->tree = parent->cwd->tree;
	}
}

static void tree_is(struct cwd *c, enum tree_of_names tree)
{
	c->tree = tree;
	c->place->is_here = tree == TREE_HERE;
}

// A process that shows itself before the call that made it has returned: whose it is is clear
// where all that are cloning stand in one place.
struct process *trace_process_orphan(struct trace *t, const char *pid)
{
	struct process *p = trace_process_new(t, pid);
	struct process *parent = t->cloning.len ? t->cloning.at[0] : NULL;

	p->orphan = true;
	if (!parent)
		return p;
	tree_is(p->cwd, parent->cwd->tree);
	vec_each (other, &t->cloning)
		if ((*other)->cwd->place != parent->cwd->place)
			return p;
	if (parent->pending)
		trace_process_inherit(t, p, parent, parent->pending);
	return p;
}

// clone returned pid to parent.
void trace_process_child(struct trace *t, struct process *parent, const char *pid, const char *how)
{
	struct process *child = map_get(&t->pids, pid);

	if (child == parent)
		return;
	if (child && child->orphan) {
		struct place *place = child->cwd->place;

		child->orphan = false;
		// Nothing was known at its birth, and it has not moved yet.
		if (!child->ended && !place->text && place != parent->cwd->place)
			trace_process_inherit(t, child, parent, how);
		return;
	}
	if (!child) {
		child = trace_process_new(t, pid);
	} else {
		trace_process_end(t, child);
		trace_process_again(t, child);
	}
	trace_process_inherit(t, child, parent, how);
}

// Without a pid strace speaks of the only process there is.
static struct process *process_nameless(struct trace *t)
{
	if (t->first && !t->first->ended)
		return t->first;
	for (size_t i = 0; t->alive && i < t->processes.len; i++)
		if (!t->processes.at[i]->ended)
			return t->first = t->processes.at[i];
	return t->first ? t->first : (t->first = trace_process_new(t, NULL));
}

struct process *trace_process_of(struct trace *t, const char *pid)
{
	if (!pid)
		return process_nameless(t);
	if (t->last && t->last->pid && !t->last->ended && strcmp(t->last->pid, pid) == 0)
		return t->last;
	struct process *p = map_get(&t->pids, pid);

	if (!p && t->first && !t->first->pid && !t->first->ended) {
		p = t->first;
		p->pid = arena_strdup(&t->own, pid);
		*map_at(&t->pids, &t->own, pid) = p;
	}
	if (!p)
		p = trace_process_orphan(t, pid);
	return t->last = p;
}

void trace_process_execs(struct process *p)
{
	if (p->fds->holders > 1) {
		struct fds *own = fds_copy(p->fds);

		fds_release(&p->fds);
		p->fds = own;
	}
}

void trace_process_cloned(struct trace *t, const struct process *p)
{
	for (size_t i = 0; i < t->cloning.len; i++)
		if (t->cloning.at[i] == p) {
			t->cloning.at[i] = t->cloning.at[--t->cloning.len];
			return;
		}
}

void trace_processes_drop(struct trace *t)
{
	vec_each (p, &t->processes) {
		fds_release(&(*p)->fds);
		mem_drop(&(*p)->pending);
	}
}
