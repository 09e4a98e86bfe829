// The log's lines are taken apart first; then each call changes what is known of its process:
// working directory, descriptors. Where the log does not say yet in which directory a process
// stands, names hang on a place whose text a later getcwd or AT_FDCWD<…> may fill in.
#include "builder/trace.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builder/trace_impl.h"
#include "builder/trace_line.h"

#define LOG_MAX (1ull << 30)
#define LINE_MAX_BYTES (4u << 20) // strace -s makes long ones

// ---- Calls

// -y's path behind a descriptor; NULL for none, or what is no file. Behind a chroot it is a path
// of this machine all the same.
static struct place *annotated(struct trace *t, char *s)
{
	char *open = s ? strchr(s, '<') : NULL, *close = open ? trace_skip_annotation(open) : NULL;
	char *after, *path;

	if (!close || t->tree != TREE_HERE || s + strspn(s, "-0123456789ATFDCW_ /*") != open)
		return NULL;
	*close = 0;
	open[strcspn(open + 1, "<") + 1] = 0; // the device's numbers: </dev/null<char 1:3>>
	path = trace_unquote(open + 1, 0, &after);
	return path && *path == '/' ? trace_place_of(t, t->nowhere, path) : NULL;
}

static bool is_cwd(const char *fd)
{
	return strncmp(fd, "AT_FDCWD", 8) == 0 || (int)strtoll(fd, NULL, 0) == -100;
}

// The log says where the process stands: known from the beginning, where it has not moved.
static void cwd_is(struct trace *t, struct process *p, struct place *place)
{
	if (!place || p->cwd->place == place)
		return;
	struct place *at = p->cwd->place;

	if (at->text && !at->base)
		return;
	if (at->base == t->nowhere) { // no one place
		p->cwd->place = place;
		return;
	}
	at->text = place->text;
	at->base = NULL;
}

// The directory that a name is relative to. -1: no argument says so, it is the working directory.
static struct place *base_of(struct trace *t, struct process *p, struct call *c, int arg)
{
	char *fd = arg < 0 ? NULL : c->args[arg];

	if (!fd)
		return p->cwd->place;
	bool at_cwd = is_cwd(fd);
	long long number = strtoll(fd, NULL, 0);
	struct place *said = annotated(t, fd);

	if (at_cwd) {
		cwd_is(t, p, said);
		return p->cwd->place;
	}
	return said ? said : trace_fd_place(p, number) ? trace_fd_place(p, number) : t->nowhere;
}

enum how {
	USES,  // the file is needed
	OPENS, // as its flags say
	MAKES, // what stands there afterwards is the program's own work
	ENTERS,
	ENTERS_FD,
	LISTS,
	TELLS_CWD,
	LEAVES, // chroot
	CLONES,
	DUPS,
	DUPS_TO,
	CLOSES,
	EXECS,
};

static const struct {
	const char *name;
	enum how how;
	int dirfd, path;
} calls[] = {
	{"access", USES, -1, 0},
	{"chdir", ENTERS, -1, 0},
	{"chroot", LEAVES, -1, 0},
	{"clone", CLONES, -1, -1},
	{"clone2", CLONES, -1, -1},
	{"clone3", CLONES, -1, -1},
	{"close", CLOSES, -1, -1},
	{"creat", MAKES, -1, 0},
	{"dup", DUPS, -1, -1},
	{"dup2", DUPS_TO, -1, -1},
	{"dup3", DUPS_TO, -1, -1},
	{"execve", EXECS, -1, 0},
	{"execveat", EXECS, 0, 1},
	{"faccessat", USES, 0, 1},
	{"faccessat2", USES, 0, 1},
	{"fchdir", ENTERS_FD, 0, -1},
	{"fcntl", DUPS, -1, -1},
	{"fcntl64", DUPS, -1, -1},
	{"fork", CLONES, -1, -1},
	{"fstatat64", USES, 0, 1},
	{"getcwd", TELLS_CWD, -1, 0},
	{"getdents", LISTS, 0, -1},
	{"getdents64", LISTS, 0, -1},
	{"link", MAKES, -1, 1},
	{"linkat", MAKES, 2, 3},
	{"lstat", USES, -1, 0},
	{"lstat64", USES, -1, 0},
	{"mkdir", MAKES, -1, 0},
	{"mkdirat", MAKES, 0, 1},
	{"mknod", MAKES, -1, 0},
	{"mknodat", MAKES, 0, 1},
	{"newfstatat", USES, 0, 1},
	{"oldlstat", USES, -1, 0},
	{"oldstat", USES, -1, 0},
	{"open", OPENS, -1, 0},
	{"openat", OPENS, 0, 1},
	{"openat2", OPENS, 0, 1},
	{"pivot_root", LEAVES, -1, 0},
	{"readlink", USES, -1, 0},
	{"readlinkat", USES, 0, 1},
	{"rename", MAKES, -1, 1},
	{"renameat", MAKES, 2, 3},
	{"renameat2", MAKES, 2, 3},
	{"stat", USES, -1, 0},
	{"stat64", USES, -1, 0},
	{"statx", USES, 0, 1},
	{"symlink", MAKES, -1, 1},
	{"symlinkat", MAKES, 1, 2},
	{"vfork", CLONES, -1, -1},
};

static int find_call(const char *name)
{
	size_t low = 0, high = sizeof(calls) / sizeof(*calls);

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(name, calls[middle].name);

		if (order == 0)
			return (int)middle;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return -1;
}

static bool has_flag(const char *flags, const char *name, unsigned long bit)
{
	return strstr(flags, name) ||
		(isdigit((unsigned char)*flags) && strtoul(flags, NULL, 0) & bit);
}

// What O_CREAT|O_EXCL opened was not there before; what is only written is no need either. The
// numbers (-X raw) are those of all machines but alpha, mips, parisc and sparc.
static void opened(struct trace *t, struct place *place, const char *flags)
{
	bool creates = has_flag(flags, "O_CREAT", 0100), writes = has_flag(flags, "O_WRONLY", 1);
	bool truncates = has_flag(flags, "O_TRUNC", 01000);

	if ((creates && has_flag(flags, "O_EXCL", 0200)) || (truncates && (writes || creates)))
		place->made |= !place->used && place != t->nowhere;
	else if (!(creates && writes))
		trace_place_use(t, place);
}

static void enter(struct trace *t, struct process *p, struct place *place)
{
	trace_place_use(t, place);
	p->cwd->place = place == t->nowhere ? trace_place_new(t) : place;
}

// chroot and pivot_root. What is used from now on counts when another program is started: that a
// program shuts itself in tells nothing of the tree that it is of.
static void leave(struct trace *t, struct process *p, const char *path, const struct place *place)
{
	struct cwd *cwd = p->cwd;

	if (path && strcmp(path, "/") == 0)
		return;
	t->tree = cwd->tree = cwd->tree <= TREE_ENTERED ? TREE_ENTERED : TREE_UNKNOWN;
	if (path && (strcmp(path, ".") == 0 || place == cwd->place))
		cwd->place = trace_place_of(t, t->nowhere, "/");
}

static void started(struct trace *t, struct process *p)
{
	trace_process_execs(p);
	if (p->cwd->tree == TREE_ENTERED)
		p->cwd->tree = TREE_INSIDE;
	t->tree = p->cwd->tree;
	t->has_inside |= t->tree == TREE_INSIDE;
}

static void cloned(struct trace *t, struct process *p, const struct call *c)
{
	char pid[24];

	if (c->result <= 0 || c->result > TRACE_PID_LIMIT)
		return;
	drop(mem_drop) char *flags = str_printf("%s,%s,%s", c->args[0] ? c->args[0] : "",
		c->args[1] ? c->args[1] : "", c->args[2] ? c->args[2] : "");

	snprintf(pid, sizeof(pid), "%lld", c->result);
	trace_process_child(t, p, pid, flags);
}

// Calls that are about descriptors and processes.
static void other_call(struct trace *t, struct process *p, struct call *c, enum how how)
{
	long long fd = c->args[0] ? strtoll(c->args[0], NULL, 0) : -1;
	struct place *from = trace_fd_place(p, fd), *said = NULL;

	if ((how == DUPS || how == DUPS_TO || how == LISTS) && c->args[0])
		said = annotated(t, c->args[0]);
	if (said)
		from = said;
	if (how == CLOSES)
		trace_fd_set(p, fd, NULL);
	if (how == LISTS && from)
		trace_place_use(t, from);
	if (how == DUPS_TO || (how == DUPS && (!c->args[1] || strstr(c->args[1], "F_DUPFD"))))
		trace_fd_set(p, c->result, from);
	if (how == CLONES)
		cloned(t, p, c);
}

// What the call with that row of the table does to the place it names; path is NULL for a
// descriptor.
static void place_call(struct trace *t, struct process *p, const struct call *c, int i,
	const char *path, struct place *place)
{
	if (calls[i].how == ENTERS || calls[i].how == ENTERS_FD)
		enter(t, p, place);
	else if (calls[i].how == LEAVES)
		leave(t, p, path, place);
	else if (!path)
		return;
	else if (calls[i].how == MAKES)
		place->made |= !place->used && place != t->nowhere;
	else if (calls[i].how == OPENS)
		opened(t, place, c->args[calls[i].path + 1] ? c->args[calls[i].path + 1] : "");
	else
		trace_place_use(t, place);
	if (path && (calls[i].how == OPENS || strcmp(c->name, "creat") == 0))
		trace_fd_set(p, c->result, place);
}

static void apply(struct trace *t, struct process *p, struct call *c)
{
	int i = find_call(c->name);
	bool lost;

	if (i < 0 || c->result < 0)
		return;
	t->tree = p->cwd->tree;
	if (calls[i].how == EXECS)
		started(t, p);
	if (calls[i].path < 0 && calls[i].how != ENTERS_FD) {
		other_call(t, p, c, calls[i].how);
		return;
	}
	struct place *base = base_of(t, p, c, calls[i].dirfd), *place = base;
	const char *path = calls[i].path < 0 ? NULL : trace_path_arg(c->args[calls[i].path], &lost);

	if (calls[i].how == TELLS_CWD) {
		if (path && *path == '/')
			cwd_is(t, p, trace_place_of(t, base, path));
		return;
	}
	if (path) {
		place = t->tree == TREE_UNKNOWN ? NULL : trace_place_of(t, base, path);
		lost = !place;
	}
	if (calls[i].path >= 0 && lost) {
		t->unknown[t->tree]++;
		place = t->nowhere;
	}
	place_call(t, p, c, i, path, place);
}

// ---- The log

static bool is_clone(const char *text)
{
	return strncmp(text, "clone", 5) == 0 || strncmp(text, "fork(", 5) == 0 ||
		strncmp(text, "vfork(", 6) == 0;
}

static void unfinished(struct trace *t, struct process *p, char *text, char *tail)
{
	while (tail > text && tail[-1] == ' ')
		tail--;
	*tail = 0;
	mem_drop(&p->pending);
	trace_process_cloned(t, p);
	p->pending = str_dup(text);
	if (is_clone(text))
		vec_push(&t->own, &t->cloning, p);
}

static void call_line(struct trace *t, struct process *p, char *text)
{
	struct call c;

	if (!trace_parse_call(text, &c))
		return;
	t->is_strace = true;
	apply(t, p, &c);
}

static void resumed_line(struct trace *t, struct process *p, char *text)
{
	char *rest = strstr(text, " resumed>");
	drop(mem_drop) char *pending = take(p->pending);

	trace_process_cloned(t, p);
	t->is_strace |= rest != NULL;
	if (!rest || !pending)
		return;
	drop(mem_drop) char *whole = str_printf("%s%s", pending, rest + strlen(" resumed>"));

	call_line(t, p, whole);
}

// "+++ exited with 0 +++"; a thread's execve goes on under the pid of the process.
static void end_line(struct trace *t, struct process *p, char *text)
{
	char *by = strstr(text, "superseded by execve in pid ");

	t->is_strace = true;
	trace_process_cloned(t, p);
	if (by) {
		by += strlen("superseded by execve in pid ");
		by[strspn(by, "0123456789")] = 0;
		struct process *thread = map_get(&t->pids, by);

		if (thread && thread != p && thread->pending) {
			mem_drop(&p->pending);
			p->pending = take(thread->pending);
			trace_process_cloned(t, thread);
			trace_process_end(t, thread);
		}
		return;
	}
	trace_process_end(t, p);
}

// strace says so in the middle of the line of the call that makes it; what follows comes next.
static bool attached(struct trace *t, char *line)
{
	char *at = strstr(line, "strace: Process "), *pid, *end;

	if (!at)
		return false;
	pid = at + strlen("strace: Process ");
	end = pid + strspn(pid, "0123456789");
	if (end == pid || end - pid > 7 || strcmp(end, " attached") != 0)
		return false;
	*end = *at = 0;
	if (at > line) {
		char number[16];
		bool has_pid;
		char *text = trace_skip_prefix(line, number, &has_pid);
		struct process *p = trace_process_of(t, has_pid ? number : NULL);

		if (text && is_clone(text) && !map_get(&t->pids, pid)) {
			trace_process_new(t, pid)->orphan = true;
			trace_process_inherit(t, map_get(&t->pids, pid), p, text);
		}
		mem_drop(&t->partial);
		t->partial = str_dup(line);
	} else if (!map_get(&t->pids, pid)) {
		trace_process_orphan(t, pid);
	}
	return true;
}

// What is told of a process: its end, a call, the rest of one.
static void told(struct trace *t, const char *pid, char *text)
{
	bool is_end = strncmp(text, "+++ ", 4) == 0, is_rest = strncmp(text, "<... ", 5) == 0;
	char *tail = strstr(text, "<unfinished ...>");

	if (!is_end && !is_rest && !strchr(text, '('))
		return;
	struct process *p = trace_process_of(t, pid);

	if (p->ended && !is_end)
		trace_process_again(t, p);
	if (is_end)
		end_line(t, p, text);
	else if (is_rest)
		resumed_line(t, p, text);
	else if (tail && tail[strlen("<unfinished ...>")] == 0)
		unfinished(t, p, text, tail);
	else
		call_line(t, p, text);
}

static void take_line(struct trace *t, char *line)
{
	char pid[16];
	bool has_pid;
	drop(mem_drop) char *begun = take(t->partial);
	drop(mem_drop) char *whole = NULL;

	if (begun && *line && strchr(" ,)", *line))
		line = whole = str_printf("%s%s", begun, line);
	if (attached(t, line))
		return;
	char *text = trace_skip_prefix(line, pid, &has_pid);

	if (text && (islower((unsigned char)*text) || *text == '<' || *text == '+'))
		told(t, has_pid ? pid : NULL, text);
}

// One line without its newline; false at the end of the file. A longer one than LINE_MAX_BYTES is
// read to its end and comes empty.
static bool read_line(FILE *f, char **line, size_t *cap, uint64_t *total)
{
	size_t n = 0;
	bool is_long = false;
	int c;

	while ((c = getc_unlocked(f)) != EOF && c != '\n' && ++*total <= LOG_MAX) {
		is_long |= n >= LINE_MAX_BYTES;
		if (is_long)
			continue;
		if (n + 1 >= *cap)
			*line = mem_resize(*line, *cap = *cap ? *cap * 2 : 4096);
		(*line)[n++] = (char)c;
	}
	++*total;
	if (!*line)
		*line = mem_resize(NULL, *cap = 4096);
	(*line)[is_long ? 0 : n] = 0;
	return c != EOF || n;
}

// The kernel's own trees.
static bool is_special(const char *path)
{
	static const char *const dirs[] = {"/proc", "/sys", "/dev"};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		size_t n = strlen(dirs[i]);

		if (strncmp(path, dirs[i], n) == 0 && (path[n] == '/' || !path[n]))
			return true;
	}
	return false;
}

// A file of the program, told once. Where ".." leads out of the kernel's trees again depends on
// links and processes that were there then: "/proc/7/cwd/../../../../etc/x".
static void hand_over_path(
	struct arena *a, const char *path, struct strings *files, size_t *unknown)
{
	drop(arena_drop) struct arena scratch = {0};

	if (is_special(path_lexical(&scratch, path)))
		return;
	if (is_special(path))
		++*unknown;
	else
		vec_push(a, files, arena_strdup(a, path));
}

// Where a program was started behind a chroot the log is about that one: what led there are files
// of this machine, which may have the names of others in the image.
static void hand_over(struct trace *t, struct arena *a, struct strings *files, size_t *unknown)
{
	struct map seen = {0};

	*unknown = t->unknown[TREE_INSIDE] + t->unknown[TREE_UNKNOWN];
	if (!t->has_inside)
		*unknown += t->unknown[TREE_HERE] + t->unknown[TREE_ENTERED];
	vec_each (p, &t->used) {
		char path[PATH_MAX];
		size_t n = 0;

		if (t->has_inside && (*p)->is_here)
			continue;
		if (!trace_place_path(*p, path, &n)) {
			++*unknown;
			continue;
		}
		if (!n)
			strcpy(path, "/");
		void **slot = map_at(&seen, &t->own, path);

		if (!*slot)
			hand_over_path(a, path, files, unknown);
		*slot = *p;
	}
}

static void trace_drop(struct trace *t)
{
	trace_processes_drop(t);
	mem_drop(&t->partial);
	arena_drop(&t->own);
}

static void file_close(FILE **f)
{
	if (*f)
		fclose(*f);
}

struct err *trace_read(const char *log, struct arena *a, struct strings *files, size_t *unknown)
{
	drop(trace_drop) struct trace t = {0};
	drop(file_close) FILE *f = fopen(log, "re");
	drop(mem_drop) char *line = NULL;
	size_t cap = 0;
	uint64_t total = 0;

	*files = (struct strings){0};
	*unknown = 0;
	if (!f)
		return err_sys(errno, "%s", log);
	t.nowhere = trace_place_new(&t);
	while (!t.full && total <= LOG_MAX && read_line(f, &line, &cap, &total))
		take_line(&t, line);
	if (ferror(f))
		return err_sys(errno, "read %s", log);
	if (total > LOG_MAX + 1)
		return err_new(ERR_FAILED, "%s: more than 1 GiB of log", log);
	if (t.full)
		return err_new(ERR_FAILED, "%s: too many %s in one log", log, t.full);
	if (!t.is_strace)
		return err_new(ERR_USAGE, "%s: not a log of strace", log);
	hand_over(&t, a, files, unknown);
	return NULL;
}
