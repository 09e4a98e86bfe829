#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sandbox_impl.h"

// Calls that the headers of older distributions lack; the same number on all machines but two
// (Linux' include/uapi/asm-generic/unistd.h).
// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the kernel's own names
#if !defined(__mips__) && !defined(__alpha__)
#ifndef __NR_io_uring_setup
#define __NR_io_uring_setup 425
#endif
#ifndef __NR_open_tree
#define __NR_open_tree 428
#define __NR_move_mount 429
#define __NR_fsopen 430
#define __NR_fsmount 432
#endif
#ifndef __NR_pidfd_getfd
#define __NR_pidfd_getfd 438
#endif
#ifndef __NR_mount_setattr
#define __NR_mount_setattr 442
#endif
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif
#ifndef __NR_setxattrat
#define __NR_setxattrat 463
#define __NR_removexattrat 466
#endif
#ifndef __NR_file_setattr
#define __NR_file_setattr 469
#endif
#endif
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__arm__) && defined(__ARMEL__)
#define ARCH AUDIT_ARCH_ARM
#elif defined(__i386__)
#define ARCH AUDIT_ARCH_I386
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define ARCH AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCH AUDIT_ARCH_S390X
#endif

// What no command of imgmin does: to start or to read other processes, to change owners, modes and
// attributes of files, to act as an administrator; io_uring would pass the filter by.
static const int refused[] = {
	__NR_execve,
	__NR_execveat,
#ifndef __SANITIZE_ADDRESS__ // LeakSanitizer looks at the threads by it
	__NR_ptrace,
#endif
	__NR_process_vm_readv,
	__NR_process_vm_writev,
	__NR_pidfd_getfd,
	__NR_kcmp,
	__NR_io_uring_setup,
	__NR_bpf,
	__NR_perf_event_open,
	__NR_userfaultfd,
	__NR_add_key,
	__NR_request_key,
	__NR_keyctl,
	__NR_mount,
	__NR_umount2,
	__NR_open_tree,
	__NR_move_mount,
	__NR_fsopen,
	__NR_fsmount,
	__NR_pivot_root,
	__NR_chroot,
	__NR_unshare,
	__NR_setns,
	__NR_open_by_handle_at,
	__NR_swapon,
	__NR_swapoff,
	__NR_reboot,
	__NR_kexec_load,
	__NR_init_module,
	__NR_finit_module,
	__NR_delete_module,
	__NR_acct,
	__NR_syslog,
	__NR_quotactl,
	__NR_settimeofday,
	__NR_clock_settime,
	__NR_adjtimex,
	__NR_clock_adjtime,
	__NR_sethostname,
	__NR_setdomainname,
	__NR_vhangup,
	__NR_truncate,
	__NR_fchmod,
	__NR_fchmodat,
	__NR_fchown,
	__NR_fchownat,
	__NR_setxattr,
	__NR_lsetxattr,
	__NR_fsetxattr,
	__NR_removexattr,
	__NR_lremovexattr,
	__NR_fremovexattr,
// Not on every machine, or not in every header.
#ifdef __NR_mount_setattr
	__NR_mount_setattr,
#endif
#ifdef __NR_fchmodat2
	__NR_fchmodat2,
#endif
#ifdef __NR_setxattrat
	__NR_setxattrat,
	__NR_removexattrat,
#endif
#ifdef __NR_file_setattr
	__NR_file_setattr,
#endif
#ifdef __NR_kexec_file_load
	__NR_kexec_file_load,
#endif
#ifdef __NR_chmod
	__NR_chmod,
	__NR_chown,
	__NR_lchown,
#endif
#ifdef __NR_chown32
	__NR_chown32,
	__NR_lchown32,
	__NR_fchown32,
#endif
#ifdef __NR_truncate64
	__NR_truncate64,
#endif
#ifdef __NR_clock_settime64
	__NR_clock_settime64,
	__NR_clock_adjtime64,
#endif
#ifdef __NR_iopl
	__NR_iopl,
	__NR_ioperm,
#endif
#ifdef __NR_modify_ldt
	__NR_modify_ldt,
#endif
};

// What becomes of the calls from a number on, up to the next step.
enum verdict { ALLOWED, REFUSED, UNKNOWN, SOCKETS, IOCTLS, CLONES };
#define VERDICTS (CLONES + 1)
struct step {
	uint32_t from;
	enum verdict verdict;
};
struct steps {
	struct step at[2 * (sizeof(refused) / sizeof(*refused) + 8)];
	size_t len;
};

// The verdicts stand behind TREE, and the search for one of them in front of it.
enum { TREE = 2 * (sizeof(refused) / sizeof(*refused)) + 32 };

struct filter {
	struct sock_filter at[TREE + 64];
	unsigned short first, end;
	const struct steps *steps;
	enum sandbox_network network;
	unsigned short ends[VERDICTS]; // where the verdicts stand
	bool is_too_large;             // a jump goes too far
};

#define REFUSE (SECCOMP_RET_ERRNO | EPERM)
// Of a call's argument the half that an int lies in.
#define ARG(n)                                                                                     \
	(offsetof(struct seccomp_data, args[n]) + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0))

static void add(struct filter *f, unsigned short code, uint32_t k, uint8_t yes, uint8_t no)
{
	f->at[f->end++] = (struct sock_filter){code, yes, no, k};
}

static void load(struct filter *f, size_t offset)
{
	add(f, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void end(struct filter *f, uint32_t result)
{
	add(f, BPF_RET | BPF_K, result, 0, 0);
}

// A call with one of these ints as argument n is refused, or (is_allowed) with any other.
static void filter_arg(
	struct filter *f, int n, const uint32_t *values, uint8_t nvalues, bool is_allowed)
{
	load(f, ARG(n));
	for (uint8_t i = 0; i < nvalues; i++)
		add(f, BPF_JMP | BPF_JEQ | BPF_K, values[i], (uint8_t)(nvalues - i), 0);
	end(f, is_allowed ? REFUSE : SECCOMP_RET_ALLOW);
	end(f, is_allowed ? SECCOMP_RET_ALLOW : REFUSE);
}

// Which argument of clone they are (clone(2), «C library/kernel differences»).
#ifdef __s390x__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif

// Threads, and no namespaces: in one of its own a process may do what an administrator does.
static void filter_clone(struct filter *f)
{
	const uint32_t namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
		CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

	load(f, ARG(CLONE_FLAGS));
	add(f, BPF_JMP | BPF_JSET | BPF_K, namespaces, 0, 1);
	end(f, REFUSE);
	end(f, SECCOMP_RET_ALLOW);
}

static void filter_verdict(struct filter *f, enum verdict v)
{
	static const uint32_t families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
	// What would type into the terminal (ioctl_tty(2)).
	static const uint32_t typing[] = {TIOCSTI, 0x541c /* TIOCLINUX */};

	switch (v) {
	case ALLOWED:
		end(f, SECCOMP_RET_ALLOW);
		break;
	case REFUSED:
		end(f, REFUSE);
		break;
	case UNKNOWN: // to a C library the sign to go on with an older call
		end(f, SECCOMP_RET_ERRNO | ENOSYS);
		break;
	case CLONES:
		filter_clone(f);
		break;
	case SOCKETS:
		filter_arg(f, 0, families, f->network == SANDBOX_ENGINE ? 1 : 4, true);
		break;
	case IOCTLS:
		filter_arg(f, 1, typing, 2, false);
		break;
	}
}

// The operand of a jump at `from` that leads to `to`: how many instructions it passes over.
static uint8_t distance(struct filter *f, unsigned short from, unsigned short to)
{
	f->is_too_large |= to - from - 1 > UINT8_MAX;
	return (uint8_t)(to - from - 1);
}

// A binary search for the step of the call's number, which is one of [low, high): the kernel runs
// through it for every call there is when it takes a filter. Jumps lead forward only, so what they
// lead to is written first, and the instructions from the last to the first. Returns where the
// search begins; one of a single step is its verdict.
static unsigned short search(struct filter *f, size_t low, size_t high)
{
	size_t middle = low + (high - low) / 2;

	if (high - low == 1)
		return f->ends[f->steps->at[low].verdict];
	unsigned short yes = search(f, middle, high), no = search(f, low, middle);
	unsigned short at = (unsigned short)(f->first - 1);

	f->at[at] = (struct sock_filter){BPF_JMP | BPF_JGE | BPF_K, distance(f, at, yes),
		distance(f, at, no), f->steps->at[middle].from};
	f->first = at;
	return at;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = ((const struct step *)a)->from, y = ((const struct step *)b)->from;

	return (x > y) - (x < y);
}

// The calls that are not simply allowed, sorted by their numbers.
static void list_calls(enum sandbox_network network, struct steps *out)
{
	out->len = 0;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		out->at[out->len++] = (struct step){(uint32_t)refused[i], REFUSED};
	out->at[out->len++] =
		(struct step){__NR_socket, network == SANDBOX_NO_NETWORK ? REFUSED : SOCKETS};
	out->at[out->len++] = (struct step){__NR_ioctl, IOCTLS};
	out->at[out->len++] = (struct step){__NR_clone, CLONES};
#ifdef __NR_clone3 // its flags lie in memory
	out->at[out->len++] = (struct step){__NR_clone3, UNKNOWN};
#endif
#ifdef __NR_socketcall // its arguments lie in memory, and glibc of i386 and s390x has no other way
	if (network == SANDBOX_NO_NETWORK)
		out->at[out->len++] = (struct step){__NR_socketcall, REFUSED};
#endif
#ifdef __x86_64__
	out->at[out->len++] = (struct step){0x40000000, REFUSED}; // x32 has other numbers
#endif
	qsort(out->at, out->len, sizeof(*out->at), by_number);
}

static void make_steps(const struct steps *calls, struct steps *out)
{
	const struct step *last = NULL;

	*out = (struct steps){{{0, ALLOWED}}, 1};
	for (const struct step *c = calls->at; c < calls->at + calls->len; last = c++) {
		bool is_next = last && c->from <= last->from + 1;

		if (is_next && c->verdict == last->verdict)
			continue;
		if (last && !is_next)
			out->at[out->len++] = (struct step){last->from + 1, ALLOWED};
		out->at[out->len++] = *c;
	}
#ifndef __x86_64__ // there the last one is all numbers above
	out->at[out->len++] = (struct step){last->from + 1, ALLOWED};
#endif
}

int sandbox_limit_calls(const struct sandbox *s)
{
#ifdef ARCH
	struct steps calls, steps;
	struct filter f = {.first = TREE, .end = TREE, .steps = &steps, .network = s->network};
	static const struct sock_filter start[] = {
		{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch)},
		{BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ARCH},
		{BPF_RET | BPF_K, 0, 0, REFUSE},
		{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)},
	};

	list_calls(s->network, &calls);
	make_steps(&calls, &steps);
	for (enum verdict v = 0; v < VERDICTS; v++) {
		f.ends[v] = f.end;
		filter_verdict(&f, v);
	}
	search(&f, 0, steps.len);
	f.first = (unsigned short)(f.first - sizeof(start) / sizeof(*start));
	memcpy(f.at + f.first, start, sizeof(start));
	if (f.is_too_large)
		return E2BIG;
	const struct sock_fprog program = {.len = f.end - f.first, .filter = f.at + f.first};

	// Without the flag kernels before 5.16 make every branch slower.
	if (!syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		    &program) ||
		!syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
		return 0;
	return errno;
#else
	return ENOSYS;
#endif
}
