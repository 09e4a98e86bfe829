#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sandbox_impl.h"
#include "base/sink.h"

// Numbers that older headers lack; the same on all machines but two (Linux'
// include/uapi/asm-generic/unistd.h).
#if !defined(__NR_landlock_create_ruleset) && !defined(__mips__) && !defined(__alpha__)
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_add_rule 445
#define __NR_landlock_restrict_self 446
#endif

// ---- Landlock ----

// Linux' include/uapi/linux/landlock.h, of which the headers here may have but the beginning.
enum {
	LL_EXECUTE = 1 << 0,
	LL_WRITE_FILE = 1 << 1,
	LL_REMOVE_DIR = 1 << 4,
	LL_REMOVE_FILE = 1 << 5,
	LL_MAKE_CHAR = 1 << 6,
	LL_MAKE_DIR = 1 << 7,
	LL_MAKE_REG = 1 << 8,
	LL_MAKE_SOCK = 1 << 9,
	LL_MAKE_FIFO = 1 << 10,
	LL_MAKE_BLOCK = 1 << 11,
	LL_MAKE_SYM = 1 << 12,
	LL_REFER = 1 << 13,     // ABI 2
	LL_TRUNCATE = 1 << 14,  // ABI 3
	LL_IOCTL_DEV = 1 << 15, // ABI 5
};
#define LL_NET_ALL 3   // bind and connect of TCP, ABI 4
#define LL_SCOPE_ALL 3 // abstract sockets and signals of processes outside, ABI 6
#define LL_RULE_PATH_BENEATH 1
#define LL_CREATE_VERSION 1

struct ll_ruleset {
	uint64_t fs, net, scoped;
};
struct ll_path_beneath {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

#define OF_FILES (LL_WRITE_FILE | LL_REMOVE_FILE | LL_MAKE_REG | LL_TRUNCATE)
static const unsigned rights_of[] = {
	[SANDBOX_FILE] = LL_WRITE_FILE | LL_TRUNCATE | LL_IOCTL_DEV,
	[SANDBOX_SPOOL] = LL_WRITE_FILE | LL_TRUNCATE,
	[SANDBOX_FILES] = OF_FILES,
	[SANDBOX_TREE] = OF_FILES | LL_REMOVE_DIR | LL_MAKE_DIR | LL_MAKE_SYM | LL_REFER,
};

static struct ll_ruleset handled(const struct sandbox *s, int abi)
{
	struct ll_ruleset r = {.fs = (LL_MAKE_SYM << 1) - 1};

	r.fs &= ~(uint64_t)(1 << 2 | 1 << 3); // reading a file, a directory
	if (abi >= 2)
		r.fs |= LL_REFER;
	if (abi >= 3) // not only of what is opened to be written: open(2), O_TRUNC
		r.fs |= LL_TRUNCATE;
	if (abi >= 4 && s->network != SANDBOX_NETWORK)
		r.net = LL_NET_ALL;
	if (abi >= 5)
		r.fs |= LL_IOCTL_DEV;
	// A program that is started outside may have to be stopped.
	if (abi >= 6 && !s->starts_programs)
		r.scoped = LL_SCOPE_ALL;
	return r;
}

#ifdef __NR_landlock_create_ruleset
// A file system without O_TMPFILE makes the file first and removes its name (spool_open).
static unsigned spool_rights(const char *dir)
{
	drop(fd_drop) int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return rights_of[SANDBOX_SPOOL] | (fd < 0 ? LL_MAKE_REG | LL_REMOVE_FILE : 0);
}

static bool allow(int ruleset, const struct ll_ruleset *all, const struct sandbox_path *p)
{
	// A rule for what is no directory where one is meant would be refused, and all others with
	// it.
	const int kind = p->rights == SANDBOX_FILE ? 0 : O_DIRECTORY;
	drop(fd_drop) int fd = open(p->path, O_PATH | O_CLOEXEC | kind);
	struct ll_path_beneath rule = {.parent_fd = fd};

	if (fd < 0) // whoever needs it will say so
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES || errno == ELOOP;
	rule.allowed = all->fs &
		(p->rights == SANDBOX_SPOOL ? spool_rights(p->path) : rights_of[p->rights]);
	// EBADFD: a pipe or the like, which no rule is about.
	return !syscall(__NR_landlock_add_rule, ruleset, LL_RULE_PATH_BENEATH, &rule, 0) ||
		errno == EBADFD;
}

static bool allow_all(int ruleset, const struct ll_ruleset *all, const struct sandbox *s)
{
	const struct sandbox_path null = {"/dev/null", SANDBOX_FILE};

	vec_each (p, &s->writable)
		if (!allow(ruleset, all, p))
			return false;
	return allow(ruleset, all, &null);
}

// 0, or an errno; *abi is 0 where the kernel has none of it.
static int limit_files(const struct sandbox *s, int *abi)
{
	long version = syscall(__NR_landlock_create_ruleset, NULL, 0, LL_CREATE_VERSION);
	struct ll_ruleset all;

	*abi = version > 0 ? (int)version : 0;
	if (!*abi)
		return errno;
	// The first ABI lets nothing move from one directory to another, as the cache does.
	if (*abi < 2 && s->writable.len)
		return EXDEV;
	all = handled(s, *abi);
	drop(fd_drop) int fd = (int)syscall(__NR_landlock_create_ruleset, &all, sizeof(all), 0);

	if (fd < 0 || !allow_all(fd, &all, s) || syscall(__NR_landlock_restrict_self, fd, 0))
		return errno;
	return 0;
}
#else
static int limit_files(const struct sandbox *s, int *abi)
{
	*abi = 0;
	return ENOSYS;
}
#endif

// ---- all of it ----

static const char *files_text(const struct sandbox *s, struct arena *a)
{
	const char *out = "";

	vec_each (p, &s->writable)
		out = arena_printf(a, "%s%s%s%s", out, *out ? ", " : "",
			p->rights == SANDBOX_SPOOL ? "unnamed files in " : "", p->path);
	return *out ? arena_printf(a, "writes only to %s", out) : "no writes";
}

static const char *landlock_text(const struct sandbox *s, int failed, int abi, struct arena *a)
{
	if (failed == EXDEV)
		return "Landlock of this kernel (ABI 1) is too old: writes are not limited";
	if (!abi && (failed == ENOSYS || failed == EOPNOTSUPP))
		return "this kernel has no Landlock: writes are not limited";
	if (failed)
		return arena_printf(
			a, "no Landlock (%s): writes are not limited", strerror(failed));
	return arena_printf(a, "Landlock (ABI %d): %s", abi, files_text(s, a));
}

static const char *seccomp_text(const struct sandbox *s, int failed, struct arena *a)
{
	static const char *const networks[] = {
		[SANDBOX_NO_NETWORK] = "no network",
		[SANDBOX_ENGINE] = "sockets of this machine only",
		[SANDBOX_NETWORK] = "network open",
	};

	if (failed)
		return arena_printf(
			a, "no seccomp (%s): exec and network are not limited", strerror(failed));
	return arena_printf(a, "seccomp: %s, %s",
		sandbox_has_outside() ? "exec only for ssh and credential helpers" : "no exec",
		networks[s->network]);
}

const char *sandbox_enter(const struct sandbox *s, struct arena *a)
{
	int abi = 0, files, calls;

	if (s->starts_programs)
		sandbox_stand_outside();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return arena_printf(a, "this kernel has none: %s", strerror(errno));
	files = limit_files(s, &abi);
	calls = sandbox_limit_calls(s);
	return arena_printf(
		a, "%s; %s", landlock_text(s, files, abi, a), seccomp_text(s, calls, a));
}
