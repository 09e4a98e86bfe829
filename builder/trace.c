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

#include "base/map.h"

#define LOG_MAX (1ull << 30)
#define LINE_MAX_BYTES (4u << 20) // strace -s makes long ones
#define PLACES_MAX 1000000
#define FDS_MAX 1024
#define PROCESSES_MAX 32768 // alive at a time
#define PID_LIMIT 4194304   // the kernel's PID_MAX_LIMIT; larger numbers are times
#define CHAIN_MAX 64        // chdir after chdir below a directory that is not known
#define ARGS 6

// A name as far as it is known: absolute, or below another place, or (text NULL) nothing yet.
struct place {
	struct place *base;
	const char *text;
	size_t number, depth;
	bool used, made;
};

struct fds {
	size_t holders, len;
	struct place **at; // index: descriptor; NULL: not known
};

struct cwd { // what CLONE_FS shares
	struct place *place;
	bool elsewhere; // behind chroot(2): the names are those of another tree
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
	size_t nplaces, alive, unknown;
	bool is_strace;
	const char *full; // what there is too much of
};

// ---- Places

static struct place *place_new(struct trace *t)
{
	struct place *p = arena_new(&t->own, struct place);

	p->number = t->nplaces++;
	return p;
}

// Appends path without doubled slashes and "." names. ".." stays: text cannot say where a link
// before it leads.
static bool append(char out[PATH_MAX], size_t *n, const char *path)
{
	while (*path) {
		path += strspn(path, "/");
		size_t len = strcspn(path, "/");

		if (len && !(len == 1 && *path == '.')) {
			if (len + 2 > PATH_MAX - *n)
				return false;
			out[(*n)++] = '/';
			memcpy(out + *n, path, len);
			*n += len;
		}
		path += len;
	}
	out[*n] = 0;
	return true;
}

// The place of a name below base; NULL where it grows too long. The name is not empty.
static struct place *place_of(struct trace *t, struct place *base, const char *name)
{
	char path[PATH_MAX], key[PATH_MAX + 32];
	bool is_known = *name == '/' || (base->text && !base->base);
	size_t n = 0;

	if (*name != '/' && is_known && !append(path, &n, base->text))
		return NULL;
	if (!append(path, &n, name))
		return NULL;
	if (!n)
		strcpy(path, "/");
	if (!is_known && base->depth >= CHAIN_MAX)
		base = t->nowhere;
	if (is_known)
		strcpy(key, path);
	else
		snprintf(key, sizeof(key), "#%zu%s", base->number, path);
	void **slot = map_at(&t->places, &t->own, key);

	if (!*slot) {
		struct place *p = place_new(t);

		if (t->places.len > PLACES_MAX)
			t->full = "files";
		p->text = arena_strdup(&t->own, path);
		p->base = is_known ? NULL : base;
		p->depth = is_known ? 0 : base->depth + 1;
		*slot = p;
	}
	return *slot;
}

// The path of a place now that the log is read to its end.
static bool resolve(const struct place *p, char out[PATH_MAX], size_t *n)
{
	if (!p->text)
		return false;
	if (p->base && !resolve(p->base, out, n))
		return false;
	return append(out, n, p->text);
}

// The program made it, or a directory above it.
static bool is_made(struct trace *t, const struct place *p)
{
	char key[PATH_MAX + 32];
	int n = p->base ? snprintf(key, sizeof(key), "#%zu%s", p->base->number, p->text)
			: snprintf(key, sizeof(key), "%s", p->text);

	for (char *end = key + n; end && end > key; end = strrchr(key, '/')) {
		const struct place *above;

		*end = 0;
		above = map_get(&t->places, key);
		if (above && above->made)
			return true;
	}
	return false;
}

static void use(struct trace *t, struct place *p)
{
	if (!p->text || p->used || is_made(t, p))
		return;
	p->used = true;
	vec_push(&t->own, &t->used, p);
}

// ---- Processes

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
	if (f->len)
		memcpy(f->at, from->at, f->len * sizeof(*f->at));
	return f;
}

static void fd_set_place(struct process *p, long long fd, struct place *place)
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

static struct place *fd_place(const struct process *p, long long fd)
{
	return fd >= 0 && (size_t)fd < p->fds->len ? p->fds->at[fd] : NULL;
}

static struct cwd *cwd_new(struct trace *t, struct place *place)
{
	struct cwd *c = arena_new(&t->own, struct cwd);

	c->place = place ? place : place_new(t);
	return c;
}

// Makes p, new or long gone, a process of which nothing is known.
static void process_begin(struct trace *t, struct process *p)
{
	p->cwd = cwd_new(t, NULL);
	p->fds = fds_copy(NULL);
	p->ended = p->orphan = false;
	if (++t->alive > PROCESSES_MAX)
		t->full = "processes";
}

static struct process *process_new(struct trace *t, const char *pid)
{
	struct process *p = arena_new(&t->own, struct process);

	p->pid = pid ? arena_strdup(&t->own, pid) : NULL;
	if (pid)
		*map_at(&t->pids, &t->own, pid) = p;
	vec_push(&t->own, &t->processes, p);
	process_begin(t, p);
	return p;
}

static void process_end(struct trace *t, struct process *p)
{
	if (p->ended)
		return;
	p->ended = true;
	t->alive--;
	fds_release(&p->fds);
	p->fds = fds_copy(NULL);
	mem_drop(&p->pending);
}

static void inherit(struct trace *t, struct process *child, struct process *parent, const char *how)
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
		child->cwd->elsewhere = parent->cwd->elsewhere;
	}
}

// A process that shows itself before the call that made it has returned: whose it is is clear
// where all that are cloning stand in one place.
static struct process *orphan_new(struct trace *t, const char *pid)
{
	struct process *p = process_new(t, pid);
	struct process *parent = t->cloning.len ? t->cloning.at[0] : NULL;

	p->orphan = true;
	vec_each (other, &t->cloning)
		if ((*other)->cwd->place != parent->cwd->place)
			return p;
	if (parent && parent->pending)
		inherit(t, p, parent, parent->pending);
	return p;
}

// clone returned pid to parent.
static void child_known(struct trace *t, struct process *parent, const char *pid, const char *how)
{
	struct process *child = map_get(&t->pids, pid);

	if (child == parent)
		return;
	if (child && child->orphan) {
		struct place *place = child->cwd->place;

		child->orphan = false;
		// Nothing was known at its birth, and it has not moved yet.
		if (!child->ended && !place->text && place != parent->cwd->place)
			inherit(t, child, parent, how);
		return;
	}
	if (!child) {
		child = process_new(t, pid);
	} else {
		process_end(t, child);
		fds_release(&child->fds);
		process_begin(t, child);
	}
	inherit(t, child, parent, how);
}

// Without a pid strace speaks of the only process there is.
static struct process *process_nameless(struct trace *t)
{
	if (t->first && !t->first->ended)
		return t->first;
	for (size_t i = 0; t->alive && i < t->processes.len; i++)
		if (!t->processes.at[i]->ended)
			return t->first = t->processes.at[i];
	return t->first ? t->first : (t->first = process_new(t, NULL));
}

static struct process *process_of(struct trace *t, const char *pid)
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
		p = orphan_new(t, pid);
	return t->last = p;
}

// ---- Lines

// Behind "[pid 12<sh>] ", "12 ", times, "[ 59] " and "[00007f…] ".
static char *skip_prefix(char *s, char pid[16], bool *has_pid)
{
	*has_pid = false;
	for (;;) {
		size_t n;

		s += strspn(s, " \t");
		if (strncmp(s, "[pid ", 5) == 0) {
			s += 5 + strspn(s + 5, " ");
			n = strspn(s, "0123456789");
			*has_pid = n > 0 && n < 8;
			snprintf(pid, 16, "%.*s", n < 8 ? (int)n : 0, s);
			if (s[n] == '<' && strchr(s, '>'))
				s = strchr(s, '>');
			s += strcspn(s, "]");
			s += *s == ']';
		} else if (*s == '[' && s[n = 1 + strspn(s + 1, " 0123456789abcdef")] == ']') {
			s += n + 1;
		} else if (strncmp(s, "(+", 2) == 0 && strchr(s, ')')) {
			s = strchr(s, ')') + 1;
		} else if ((n = strspn(s, "0123456789:.")) && (s[n] == ' ' || s[n] == '<')) {
			bool is_pid = !*has_pid && n < 8 && strspn(s, "0123456789") == n &&
				atol(s) <= PID_LIMIT;

			if (is_pid) {
				snprintf(pid, 16, "%.*s", (int)n, s);
				*has_pid = true;
			}
			s += n;
			if (*s == '<' && !(s = strchr(s, '>')))
				return NULL;
			s += *s == '>';
		} else {
			return s;
		}
	}
}

struct call {
	const char *name;
	char *args[ARGS];
	long long result;
	char *annotation; // -y's path of the result, or NULL
};

// At a quote: behind the closing one.
static char *skip_string(char *s)
{
	for (s++; *s && *s != '"'; s++)
		if (*s == '\\' && s[1])
			s++;
	return *s ? s + 1 : NULL;
}

// At the "<" of -y's path: its ">". Sockets' have arrows and devices' more brackets in them.
static char *skip_annotation(char *s)
{
	bool is_path = s[1] == '/' || s[1] == '\\';
	size_t depth = 0;

	for (; *s; s++) {
		depth += *s == '<';
		if (*s == '>' && (is_path || s[-1] != '-') && --depth == 0)
			return s;
	}
	return NULL;
}

// Behind the element that is no bracket or comma; NULL where the line ends in it.
static char *skip_element(char *s, const char *begin)
{
	char before = s > begin ? s[-1] : 0;

	if (*s == '"')
		return skip_string(s);
	if (strncmp(s, "/*", 2) == 0)
		return (s = strstr(s, "*/")) ? s + 2 : NULL;
	if (*s == '<' && s[1] != '<' && (isdigit((unsigned char)before) || before == 'D'))
		return (s = skip_annotation(s)) ? s + 1 : NULL;
	return s + 1;
}

static bool parse_result(char *s, struct call *c)
{
	char *end;

	s += strspn(s, " \t");
	if (*s++ != '=' || *s++ != ' ')
		return false;
	c->result = *s == '?' ? -1 : (long long)strtoull(s, &end, 0);
	if (*s != '?' && end == s)
		return false;
	if (*s != '?' && *end == '<')
		c->annotation = end;
	return true;
}

// "openat(AT_FDCWD</usr>, "share", O_RDONLY) = 3</usr/share>"; cuts text into pieces.
static bool parse_call(char *text, struct call *c)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
	size_t nargs = 0, depth = 0;
	char *s = text + n, *arg;

	*c = (struct call){.name = text, .result = -1};
	if (!n || *s != '(')
		return false;
	*s++ = 0;
	for (arg = s; *s;) {
		if (depth == 0 && (*s == ',' || *s == ')')) {
			bool is_end = *s == ')';

			*s++ = 0;
			if (nargs < ARGS)
				c->args[nargs++] = arg + strspn(arg, " ");
			if (is_end)
				return parse_result(s, c);
			arg = s;
			continue;
		}
		depth += strchr("([{", *s) != NULL;
		depth -= depth && strchr(")]}", *s);
		s = skip_element(s, arg);
		if (!s)
			return false;
	}
	return false;
}

// One character behind a backslash, as strace(1) writes them.
static char unescape(char **s)
{
	static const char from[] = "ntvfr", to[] = "\n\t\v\f\r";
	const char *at = strchr(from, **s);
	unsigned v = 0, n = 0;

	if (**s && at) {
		++*s;
		return to[at - from];
	}
	if (**s == 'x') {
		for (++*s; n < 2 && isxdigit((unsigned char)**s); n++, ++*s)
			v = v * 16 +
				(isdigit((unsigned char)**s) ? **s - '0' : (**s | 32) - 'a' + 10);
		return (char)v;
	}
	if (**s < '0' || **s > '7')
		return *(*s)++;
	for (; n < 3 && **s >= '0' && **s <= '7'; n++, ++*s)
		v = v * 8 + (unsigned)(**s - '0');
	return (char)v;
}

// Text up to the closing character, unescaped in place; NULL where a NUL is in it or no end.
static char *unquote(char *s, char close, char **after)
{
	char *begin = s, *out = s;

	while (*s != close) {
		char c = *s++;

		if (c == '\\' && *s)
			c = unescape(&s);
		if (!c)
			return NULL;
		*out++ = c;
	}
	*after = s + 1;
	*out = 0;
	return begin;
}

// A path among the arguments: NULL for none there, *lost where it is not to be read.
static const char *path_arg(char *arg, bool *lost)
{
	char *after = "", *path = NULL;

	*lost = arg && strcmp(arg, "NULL") != 0;
	if (arg && *arg == '"')
		path = unquote(arg + 1, '"', &after);
	if (!path || strncmp(after, "...", 3) == 0)
		return NULL;
	*lost = false;
	return *path ? path : NULL;
}

// -y's path behind a descriptor; NULL for none, or what is no file.
static struct place *annotated(struct trace *t, char *s)
{
	char *open = s ? strchr(s, '<') : NULL, *close = open ? skip_annotation(open) : NULL;
	char *after, *path;

	if (!close || s + strspn(s, "-0123456789ATFDCW_ /*") != open)
		return NULL;
	*close = 0;
	open[strcspn(open + 1, "<") + 1] = 0; // the device's numbers: </dev/null<char 1:3>>
	path = unquote(open + 1, 0, &after);
	return path && *path == '/' ? place_of(t, t->nowhere, path) : NULL;
}

// ---- Calls

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
	return said ? said : fd_place(p, number) ? fd_place(p, number) : t->nowhere;
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
		use(t, place);
}

static void enter(struct trace *t, struct process *p, struct place *place)
{
	use(t, place);
	p->cwd->place = place == t->nowhere ? place_new(t) : place;
}

// Calls that are about descriptors and processes.
static void other_call(struct trace *t, struct process *p, struct call *c, enum how how)
{
	long long fd = c->args[0] ? strtoll(c->args[0], NULL, 0) : -1;
	struct place *from = fd_place(p, fd), *said = NULL;
	char pid[24];

	if ((how == DUPS || how == DUPS_TO || how == LISTS) && c->args[0])
		said = annotated(t, c->args[0]);
	if (said)
		from = said;
	if (how == CLOSES)
		fd_set_place(p, fd, NULL);
	if (how == LISTS && from)
		use(t, from);
	if (how == DUPS_TO || (how == DUPS && (!c->args[1] || strstr(c->args[1], "F_DUPFD"))))
		fd_set_place(p, c->result, from);
	if (how == CLONES && c->result > 0 && c->result <= PID_LIMIT) {
		drop(mem_drop) char *flags = str_printf("%s,%s,%s", c->args[0] ? c->args[0] : "",
			c->args[1] ? c->args[1] : "", c->args[2] ? c->args[2] : "");

		snprintf(pid, sizeof(pid), "%lld", c->result);
		child_known(t, p, pid, flags);
	}
}

static void execed(struct process *p)
{
	if (p->fds->holders > 1) {
		struct fds *own = fds_copy(p->fds);

		fds_release(&p->fds);
		p->fds = own;
	}
}

static void apply(struct trace *t, struct process *p, struct call *c)
{
	int i = find_call(c->name);
	bool lost;

	if (i < 0 || c->result < 0)
		return;
	if (calls[i].how == EXECS)
		execed(p);
	if (calls[i].path < 0 && calls[i].how != ENTERS_FD) {
		other_call(t, p, c, calls[i].how);
		return;
	}
	struct place *base = base_of(t, p, c, calls[i].dirfd), *place = base;
	const char *path = calls[i].path < 0 ? NULL : path_arg(c->args[calls[i].path], &lost);

	if (calls[i].how == TELLS_CWD) {
		if (path && *path == '/')
			cwd_is(t, p, place_of(t, base, path));
		return;
	}
	if (path) {
		place = p->cwd->elsewhere ? NULL : place_of(t, base, path);
		lost = !place;
	}
	if (calls[i].path >= 0 && lost) {
		t->unknown++;
		place = t->nowhere;
	}
	if (calls[i].how == ENTERS || calls[i].how == ENTERS_FD)
		enter(t, p, place);
	else if (calls[i].how == LEAVES)
		p->cwd->elsewhere = !path || strcmp(path, "/") != 0;
	else if (!path)
		return;
	else if (calls[i].how == MAKES)
		place->made |= !place->used && place != t->nowhere;
	else if (calls[i].how == OPENS)
		opened(t, place, c->args[calls[i].path + 1] ? c->args[calls[i].path + 1] : "");
	else
		use(t, place);
	if (calls[i].how == OPENS || strcmp(c->name, "creat") == 0)
		fd_set_place(p, c->result, place);
}

// ---- The log

static bool is_clone(const char *text)
{
	return strncmp(text, "clone", 5) == 0 || strncmp(text, "fork(", 5) == 0 ||
		strncmp(text, "vfork(", 6) == 0;
}

static void cloning_over(struct trace *t, const struct process *p)
{
	for (size_t i = 0; i < t->cloning.len; i++)
		if (t->cloning.at[i] == p) {
			t->cloning.at[i] = t->cloning.at[--t->cloning.len];
			return;
		}
}

static void unfinished(struct trace *t, struct process *p, char *text, char *tail)
{
	while (tail > text && tail[-1] == ' ')
		tail--;
	*tail = 0;
	mem_drop(&p->pending);
	cloning_over(t, p);
	p->pending = str_dup(text);
	if (is_clone(text))
		vec_push(&t->own, &t->cloning, p);
}

static void call_line(struct trace *t, struct process *p, char *text)
{
	struct call c;

	if (!parse_call(text, &c))
		return;
	t->is_strace = true;
	apply(t, p, &c);
}

static void resumed_line(struct trace *t, struct process *p, char *text)
{
	char *rest = strstr(text, " resumed>");
	drop(mem_drop) char *pending = take(p->pending);

	cloning_over(t, p);
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
	cloning_over(t, p);
	if (by) {
		by += strlen("superseded by execve in pid ");
		by[strspn(by, "0123456789")] = 0;
		struct process *thread = map_get(&t->pids, by);

		if (thread && thread != p && thread->pending) {
			mem_drop(&p->pending);
			p->pending = take(thread->pending);
			cloning_over(t, thread);
			process_end(t, thread);
		}
		return;
	}
	process_end(t, p);
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
		char *text = skip_prefix(line, number, &has_pid);
		struct process *p = process_of(t, has_pid ? number : NULL);

		if (text && is_clone(text) && !map_get(&t->pids, pid)) {
			process_new(t, pid)->orphan = true;
			inherit(t, map_get(&t->pids, pid), p, text);
		}
		mem_drop(&t->partial);
		t->partial = str_dup(line);
	} else if (!map_get(&t->pids, pid)) {
		orphan_new(t, pid);
	}
	return true;
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
	char *text = skip_prefix(line, pid, &has_pid);

	if (!text || !(islower((unsigned char)*text) || *text == '<' || *text == '+'))
		return;
	bool is_end = strncmp(text, "+++ ", 4) == 0, is_rest = strncmp(text, "<... ", 5) == 0;
	char *tail = strstr(text, "<unfinished ...>");

	if (!is_end && !is_rest && !strchr(text, '('))
		return;
	struct process *p = process_of(t, has_pid ? pid : NULL);

	if (p->ended && !is_end) {
		fds_release(&p->fds);
		process_begin(t, p);
	}
	if (is_end)
		end_line(t, p, text);
	else if (is_rest)
		resumed_line(t, p, text);
	else if (tail && tail[strlen("<unfinished ...>")] == 0)
		unfinished(t, p, text, tail);
	else
		call_line(t, p, text);
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

static bool is_special(struct arena *a, const char *path)
{
	static const char *const dirs[] = {"/proc", "/sys", "/dev"};
	const char *plain = path_lexical(a, path);

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		size_t n = strlen(dirs[i]);

		if (strncmp(plain, dirs[i], n) == 0 && (plain[n] == '/' || !plain[n]))
			return true;
	}
	return false;
}

static void hand_over(struct trace *t, struct arena *a, struct strings *files, size_t *unknown)
{
	struct map seen = {0};

	vec_each (p, &t->used) {
		drop(arena_drop) struct arena scratch = {0};
		char path[PATH_MAX];
		size_t n = 0;

		if (!resolve(*p, path, &n)) {
			t->unknown++;
			continue;
		}
		if (!n)
			strcpy(path, "/");
		void **slot = map_at(&seen, &t->own, path);

		if (!*slot && !is_special(&scratch, path))
			vec_push(a, files, arena_strdup(a, path));
		*slot = *p;
	}
	*unknown = t->unknown;
}

static void trace_drop(struct trace *t)
{
	vec_each (p, &t->processes) {
		fds_release(&(*p)->fds);
		mem_drop(&(*p)->pending);
	}
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
	t.nowhere = place_new(&t);
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
