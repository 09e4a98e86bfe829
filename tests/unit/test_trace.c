// Logs of strace: lines of every format it has, and the real program over real runs.
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/map.h"
#include "builder/trace.h"

static struct arena arena;
static char top[64];

__attribute__((format(printf, 1, 2))) static int run(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	drop(mem_drop) char *words = str_vprintf(fmt, ap);
	va_end(ap);
	drop(mem_drop) char *all = str_printf("cd %s; %s", top, words);

	return system(all);
}

static int begin(void **state)
{
	(void)state;
	strcpy(top, "/tmp/test_trace.XXXXXX");
	assert_non_null(mkdtemp(top));
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_drop(&arena);
	run("rm -rf %s", top);
	return 0;
}

static struct strings read_text(const char *text, size_t *unknown)
{
	drop(mem_drop) char *path = str_printf("%s/log", top);
	FILE *f = fopen(path, "w");
	struct strings files;

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	struct err *e = trace_read(path, &arena, &files, unknown);

	if (e)
		fail_msg("%s", err_text(e));
	return files;
}

// The files of a log, parted by spaces, are those expected.
static void expect(const char *text, const char *expected, size_t unknown)
{
	size_t got_unknown;
	struct strings files = read_text(text, &got_unknown);
	char got[4096] = "";

	vec_each (f, &files)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", *got ? " " : "", *f);
	if (strcmp(got, expected) != 0)
		fail_msg("got \"%s\", not \"%s\", of\n%s", got, expected, text);
	assert_int_equal(got_unknown, unknown);
}

static void expect_refused(const char *text, enum err_kind kind)
{
	drop(mem_drop) char *path = str_printf("%s/log", top);
	drop(err_drop) struct err *e = NULL;
	FILE *f = fopen(path, "w");
	struct strings files;
	size_t unknown;

	fputs(text, f);
	fclose(f);
	e = trace_read(path, &arena, &files, &unknown);
	assert_non_null(e);
	assert_int_equal(err_kind(e), kind);
	assert_int_equal(files.len, 0);
}

static void test_prefixes(void **state)
{
	static const char *const prefixes[] = {"", "12 ", "12    ", "[pid    12] ", "12:34:56 ",
		"12 12:34:56 ", "12 12:34:56.123456 ", "12 1795181385.361500 ",
		"1795181385.361500 ", "1795181385 ", "     0.000123 ", "12      0.000123 ",
		"[pid 12] 12:34:56.1 ", "12<my sh> ", "[pid 12<a>] ",
		"12<sh> 13:29:45 (+     0.000187) [ 257] [00007f0cf0902001] ",
		"[00007f0cf0902001] ", "[  59] "};

	(void)state;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		drop(mem_drop) char *text = str_printf(
			"%sopen(\"/a\", O_RDONLY) = 3\n%saccess(\"/b\", R_OK)          = 0 <0.000012>\n"
			"%sstat(\"/no\", 0x7ffc) = -1 ENOENT (No such file or directory)\n",
			prefixes[i], prefixes[i], prefixes[i]);

		expect(text, "/a /b", 0);
	}
}

static void test_calls(void **state)
{
	(void)state;
	expect("execve(\"/bin/sh\", [\"sh\", \"-c\", \"a; (b\\\")\"...], 0x7ffd /* 37 vars */) = 0\n"
	       "execve(\"/bin/v\", [\"v\"], [\"A=(\", \"B=\\\"1)\"]) = 0\n"
	       "execveat(AT_FDCWD, \"/x1\", [], NULL, 0) = 0\n"
	       "stat(\"/s1\", {st_mode=S_IFREG|0644, st_size=3, ...}) = 0\n"
	       "stat64(\"/s2\", {st_mode=S_IFREG|0644, st_size=3, ...}) = 0\n"
	       "lstat64(\"/s3\", {st_mode=S_IFLNK|0777}) = 0\n"
	       "fstatat64(AT_FDCWD, \"/s4\", {st_mode=S_IFREG|0644}, 0) = 0\n"
	       "statx(AT_FDCWD, \"/s5\", AT_STATX_SYNC_AS_STAT, STATX_ALL, {stx_mask=0}) = 0\n"
	       "newfstatat(3, \"\", {st_mode=S_IFREG|0755, st_size=2, ...}, AT_EMPTY_PATH) = 0\n"
	       "faccessat2(AT_FDCWD, \"/f1\", R_OK, AT_EACCESS) = 0\n"
	       "faccessat(AT_FDCWD, \"/f2\", R_OK) = 0\n"
	       "readlink(\"/l1\", \"target\", 4096) = 6\n"
	       "readlinkat(AT_FDCWD, \"/l2\", \"t\"..., 9) = 9\n"
	       "openat2(AT_FDCWD, \"/o1\", {flags=O_RDONLY, resolve=0}, 24) = 3\n"
	       "_llseek(3, 0, [0], SEEK_SET) = 0\nmmap2(NULL, 8192, PROT_READ, 0, -1, 0) = 0xb6f0e000\n"
	       "openat(AT_FDCWD, \"/o2\", O_RDONLY|O_LARGEFILE) = 4\nexit_group(0) = ?\n"
	       "statx(0, NULL, AT_STATX_SYNC_AS_STAT, STATX_ALL, NULL) = -1 EFAULT (Bad address)\n"
	       "chdir(\"/d1\") = 0\n+++ exited with 0 +++\n",
		"/bin/sh /bin/v /x1 /s1 /s2 /s3 /s4 /s5 /f1 /f2 /l1 /l2 /o1 /o2 /d1", 0);
	expect("openat(-100, \"/a\", 0x80000) = 3\n"
	       "openat(-100 /* AT_FDCWD */, \"/b\", 0x80000 /* O_RDONLY|O_CLOEXEC */) = 3\n"
	       "openat(4294967196, \"/c\", 0x241, 0666) = 3\n"
	       "open(\"/d\", 0x241 /* O_WRONLY|O_CREAT|O_TRUNC */, 0666) = 3\n",
		"/a /b", 0);
}

static void test_each_once(void **state)
{
	(void)state;
	expect("1 open(\"/a\", O_RDONLY) = 3\n1 stat(\"//a\", {}) = 0\n1 chdir(\"/\") = 0\n"
	       "1 stat(\"./a\", {}) = 0\n1 stat(\"a/\", {}) = 0\n1 stat(\"b/../a\", {}) = 0\n",
		"/a / /b/../a", 0);
	expect("1 open(\"/proc/self/maps\", O_RDONLY) = 3\n1 open(\"/sys\", O_RDONLY) = 3\n"
	       "1 stat(\"/usr/../dev/null\", {}) = 0\n1 stat(\"/device\", {}) = 0\n"
	       "1 stat(\"/process/a\", {}) = 0\n",
		"/device /process/a", 0);
	// Where that leads, only the kernel knew.
	expect("1 chdir(\"/proc/7/cwd\") = 0\n1 stat(\"../../../etc/x\", {}) = 0\n"
	       "1 stat(\"../../../etc/x\", {}) = 0\n1 stat(\"../y\", {}) = 0\n"
	       "1 open(\"/sys/../etc/z\", O_RDONLY) = 3\n1 stat(\"/usr/../etc/a\", {}) = 0\n",
		"/usr/../etc/a", 2);
}

static void test_strings(void **state)
{
	(void)state;
	expect("1 open(\"/f\\303\\244\", O_RDONLY) = 3\n1 open(\"/\\x66\\xc3\\xa4\", O_RDONLY) = 3\n"
	       "1 open(\"/q\\\"\\\\\", O_RDONLY) = 3\n1 open(\"/a,(b\", O_RDONLY) = 3\n"
	       "1 open(\"/t\\tn\\n\\1x\\0019\", O_RDONLY) = 3\n",
		"/f\303\244 /q\"\\ /a,(b /t\tn\n\1x\0019", 0);
	// Cut off, an address, a NUL: what they are is not known.
	expect("1 open(\"/usr/share/lo\"..., O_RDONLY) = 3\n1 open(0x7ffc1234, O_RDONLY) = 3\n"
	       "1 open(\"/a\\0b\", O_RDONLY) = 3\n1 open(\"/z\", O_RDONLY) = 4\n",
		"/z", 3);
	expect("1 open(\"/no end, O_RDONLY) = 3\n1 open(\"/z\", O_RDONLY) = 4\n1 open(\"/y\", O_R",
		"/z", 0);
}

static void test_written(void **state)
{
	(void)state;
	expect("1 openat(AT_FDCWD, \"/w\", O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0666) = 3\n"
	       "1 openat(AT_FDCWD, \"/log\", O_WRONLY|O_CREAT|O_APPEND, 0666) = 3\n"
	       "1 open(\"/t\", O_WRONLY|O_TRUNC) = 3\n1 creat(\"/c\", 0600) = 3\n"
	       "1 open(\"/rw\", O_RDWR) = 3\n1 open(\"/db\", O_RDWR|O_CREAT, 0600) = 3\n"
	       "1 open(\"/wo\", O_WRONLY) = 3\n",
		"/rw /db /wo", 0);
	// What it made itself it does not need, unless it was there before.
	expect("1 open(\"/tmp/x1\", O_RDWR|O_CREAT|O_EXCL, 0600) = 3\n1 stat(\"/tmp/x1\", {}) = 0\n"
	       "1 mkdir(\"/tmp/d\", 0700) = 0\n1 open(\"/tmp/d/e/f\", O_RDONLY) = 3\n"
	       "1 rename(\"/tmp/x1\", \"/tmp/x2\") = 0\n1 open(\"/tmp/x2\", O_RDONLY) = 3\n"
	       "1 symlink(\"x2\", \"/tmp/x3\") = 0\n1 readlink(\"/tmp/x3\", \"x2\", 9) = 2\n"
	       "1 stat(\"/tmp/dd\", {}) = 0\n"
	       "1 open(\"/conf\", O_RDONLY) = 3\n1 rename(\"/tmp/x2\", \"/conf\") = 0\n"
	       "1 open(\"/conf\", O_RDONLY) = 3\n",
		"/tmp/dd /conf", 0);
}

static void test_directories(void **state)
{
	(void)state;
	expect("1 open(\"lost\", O_RDONLY) = 3\n1 stat(\"lost\", {}) = 0\n1 chdir(\"/d\") = 0\n"
	       "1 open(\"a\", O_RDONLY) = 3\n1 chdir(\"sub\") = 0\n1 open(\"./b\", O_RDONLY) = 3\n"
	       "1 chdir(\"..\") = 0\n1 open(\"c\", O_RDONLY) = 3\n1 chdir(\"no\") = -1 ENOENT (No)\n"
	       "1 open(\"d\", O_RDONLY) = 3\n",
		"/d /d/a /d/sub /d/sub/b /d/sub/.. /d/sub/../c /d/sub/../d", 1);
	// The log says later where it began.
	expect("1 open(\"a\", O_RDONLY) = 3\n1 chdir(\"sub\") = 0\n1 open(\"b\", O_RDONLY) = 3\n"
	       "1 fork() = 2\n2 open(\"c\", O_RDONLY) = 3\n2 getcwd(\"/w/sub\", 4096) = 7\n"
	       "1 open(\"e\", O_RDONLY) = 3\n",
		"/w/sub /w/sub/b /w/sub/c /w/sub/e", 1);
	expect("1 open(\"a\", O_RDONLY) = 3\n1 getcwd(\"/w\", 4096) = 3\n1 open(\"b\", O_RDONLY) = 4\n",
		"/w/a /w/b", 0);
	expect("1 execve(\"./p\", [\"./p\"], 0x7 /* 1 var */) = 0\n"
	       "1 openat(AT_FDCWD</w>, \"b\", O_RDONLY) = 4</w/b>\n",
		"/w/p /w/b", 0);
	expect("1 openat(AT_FDCWD, \"/d\", O_RDONLY|O_DIRECTORY) = 3\n1 openat(3, \"a\", O_RDONLY) = 4\n"
	       "1 dup2(3, 9) = 9\n1 close(3) = 0\n1 openat(3, \"b\", O_RDONLY) = 5\n"
	       "1 fstatat64(9, \"c\", {}, 0) = 0\n1 fcntl(9, F_DUPFD_CLOEXEC, 10) = 10\n"
	       "1 fchdir(10) = 0\n1 stat(\"d\", {}) = 0\n1 fcntl(9, F_GETFL) = 7\n"
	       "1 openat(7, \"e\", O_RDONLY) = 6\n",
		"/d /d/a /d/c /d/d", 2);
	expect("1 openat(5</x y\\74\\76>, \"a\", O_RDONLY) = 3</x y\\74\\76/a>\n"
	       "1 getdents64(7</list>, 0x55 /* 3 entries */, 32768) = 80\n"
	       "1 fchdir(8</eight>) = 0\n1 stat(\"n\", {}) = 0\n"
	       "1 write(1</dev/pts/0<char 136:0>>, \"x\", 1) = 1\n"
	       "1 read(4<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"(\", 1) = 1\n"
	       "1 openat(4<UNIX-STREAM:[12->13,\"/run/x\"]>, \"no\", O_RDONLY) = 3\n"
	       "1 open(\"/z\", O_RDONLY) = 3</z>\n",
		"/x y<>/a /list /eight /eight/n /z", 1);
}

static void test_chroot(void **state)
{
	(void)state;
	// What a program does in a jail of its own is of another tree than what it is made of.
	expect("1 open(\"/m\", O_RDONLY) = 3\n1 chroot(\"/jail\") = 0\n"
	       "1 open(\"/a\", O_RDONLY) = 3\n",
		"/m", 1);
	expect("1 open(\"/m\", O_RDONLY) = 3\n1 chroot(\"/\") = 0\n1 open(\"/a\", O_RDONLY) = 3\n",
		"/m /a", 0);
	// chroot DIR PROGRAM: the log is about PROGRAM, of this machine there is no word.
	expect("1 execve(\"/usr/sbin/chroot\", [\"chroot\"], 0x7 /* 1 var */) = 0\n"
	       "1 open(\"/lib/libc.so.6\", O_RDONLY) = 3\n1 open(\"rel\", O_RDONLY) = 4\n"
	       "1 chroot(\"root\") = 0\n1 chdir(\"/\") = 0\n"
	       "1 open(\"/etc/passwd\", O_RDONLY) = 5\n1 execve(\"/bin/no\", [], 0x7) = -1 ENOENT (No)\n"
	       "1 execve(\"/app/run\", [\"run\"], 0x7 /* 1 var */) = 0\n"
	       "1 open(\"/app/lib\", O_RDONLY) = 6\n1 open(\"etc/conf\", O_RDONLY) = 7\n"
	       "1 openat(3, \"no\", O_RDONLY) = 8\n"
	       "1 clone(child_stack=NULL, flags=SIGCHLD) = 2\n2 execve(\"/bin/sub\", [], 0x7) = 0\n"
	       "2 chdir(\"/app\") = 0\n2 open(\"rel\", O_RDONLY) = 3\n",
		"/app/run /app/lib /etc/conf /bin/sub /app /app/rel", 0);
	// The same names in both trees, and a file that was made in this machine's.
	expect("1 open(\"/a\", O_RDONLY) = 3\n1 open(\"/b\", O_WRONLY|O_CREAT|O_TRUNC, 0644) = 3\n"
	       "1 vfork( <unfinished ...>\n2 chdir(\"/r\") = 0\n2 chroot(\".\") = 0\n"
	       "2 execve(\"/p\", [\"p\"], 0x7 /* 1 var */ <unfinished ...>\n"
	       "1 <... vfork resumed>) = 2\n2 <... execve resumed>) = 0\n"
	       "2 open(\"/a\", O_RDONLY) = 3\n2 open(\"b\", O_RDONLY) = 3\n"
	       "1 open(\"/z\", O_RDONLY) = 3\n",
		"/p /a /b", 0);
	// With -y strace writes this machine's name of what is open.
	expect("1 chroot(\"/r\") = 0\n1 chdir(\"/\") = 0\n1 execve(\"/p\", [\"p\"], 0x7) = 0\n"
	       "1 openat(AT_FDCWD</r>, \"/d\", O_RDONLY|O_DIRECTORY) = 3</r/d>\n"
	       "1 openat(3</r/d>, \"a\", O_RDONLY) = 4</r/d/a>\n"
	       "1 openat(AT_FDCWD</r>, \"b\", O_RDONLY) = 5</r/b>\n",
		"/p /d /d/a /b", 0);
	// A jail in there.
	expect("1 chroot(\"/r\") = 0\n1 execve(\"/p\", [\"p\"], 0x7) = 0\n1 chroot(\"/j\") = 0\n"
	       "1 open(\"/a\", O_RDONLY) = 4\n",
		"/p", 1);
}

// The usual way to trace a program of an image.
static void test_real_chroot(void **state)
{
	struct strings files;
	size_t unknown;

	(void)state;
	if (getuid() != 0 || run("strace -o out true 2>out"))
		skip();
	assert_int_equal(
		run("mkdir -p r/bin r/app; echo data >r/app/data;"
		    "printf '#include <fcntl.h>\n#include <sys/wait.h>\n#include <unistd.h>\n"
		    "int main(void) { char b[9];\n"
		    "if (!fork()) return read(open(\"app/data\", O_RDONLY), b, 5) != 5;\n"
		    "return wait(0) < 0; }\n' >p.c;"
		    "cc -static -o r/bin/p p.c"),
		0);
	static const char *const formats[] = {"-f", "-fy", "-f -z"};

	for (size_t i = 0; i < 3; i++) {
		drop(mem_drop) char *log = str_printf("%s/chroot.log", top);
		char got[256] = "";

		assert_int_equal(run("strace %s -o chroot.log chroot r /bin/p", formats[i]), 0);
		assert_null(trace_read(log, &arena, &files, &unknown));
		vec_each (f, &files)
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s ", *f);
		assert_string_equal(got, "/bin/p /app/data ");
		assert_int_equal(unknown, 0);
	}
}

static void test_processes(void **state)
{
	(void)state;
	// Threads share the directory, children have their own.
	expect("1 chdir(\"/d\") = 0\n1 clone(child_stack=NULL, flags=SIGCHLD) = 2\n2 chdir(\"/e\") = 0\n"
	       "1 open(\"a\", O_RDONLY) = 3\n2 open(\"b\", O_RDONLY) = 3\n"
	       "1 clone3({flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD, exit_signal=0} => "
	       "{parent_tid=[3]}, 88) = 3\n3 chdir(\"/f\") = 0\n1 open(\"c\", O_RDONLY) = 4\n"
	       "3 open(\"/dir\", O_RDONLY) = 9\n1 openat(9, \"g\", O_RDONLY) = 4\n"
	       "2 openat(9, \"no\", O_RDONLY) = 4\n",
		"/d /e /d/a /e/b /f /f/c /dir /dir/g", 1);
	// A child seen before its parent hears of it.
	expect("1 chdir(\"/d\") = 0\n1 vfork( <unfinished ...>\n2 open(\"a\", O_RDONLY) = 3\n"
	       "2 +++ exited with 0 +++\n1 <... vfork resumed>) = 2\n1 open(\"b\", O_RDONLY) = 3\n",
		"/d /d/a /d/b", 0);
	// Of two that are cloning it could be either's.
	expect("1 chdir(\"/d\") = 0\n1 fork() = 2\n2 chdir(\"/e\") = 0\n1 fork( <unfinished ...>\n"
	       "2 fork( <unfinished ...>\n3 brk(NULL) = 0x1\n1 <... fork resumed>) = 4\n"
	       "2 <... fork resumed>) = 3\n3 open(\"a\", O_RDONLY) = 3\n4 open(\"b\", O_RDONLY) = 3\n",
		"/d /e /e/a /d/b", 0);
	expect("1 openat(AT_FDCWD, \"/a\", O_RDONLY <unfinished ...>\n2 open(\"/b\", O_RDONLY) = 3\n"
	       "1 <... openat resumed>)       = 3\n2 stat(\"/c\",  <unfinished ...>\n"
	       "2 <... stat resumed>{st_mode=S_IFREG|0644}) = -1 ENOENT (No such file)\n"
	       "1 stat(\"/d\",  <unfinished ...>\n1 <... stat resumed> {st_mode=S_IFREG|0644}) = 0\n"
	       "1 open(\"/e\", O_RDONLY <unfinished ...>\n1 +++ killed by SIGKILL +++\n",
		"/b /a /d", 0);
	expect("1 clone(child_stack=0x7, flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD) = 2\n"
	       "2 execve(\"/x\", [\"x\"], 0x7 /* 1 var */ <unfinished ...>\n"
	       "1 +++ superseded by execve in pid 2 +++\n1 <... execve resumed>) = 0\n",
		"/x", 0);
}

static void test_stderr(void **state)
{
	(void)state;
	expect("chdir(\"/d\") = 0\n"
	       "clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLDstrace: Process 12 attached\n"
	       ", child_tidptr=0x7fd05d34ba10) = 12\n"
	       "[pid    11] wait4(-1,  <unfinished ...>\n[pid    12] open(\"a\", O_RDONLY) = 3\n"
	       "[pid    12] vfork(strace: Process 13 attached\n <unfinished ...>\n"
	       "[pid    13] chdir(\"/e\") = 0\n[pid    13] open(\"b\", O_RDONLY) = 3\n"
	       "[pid    13] exit_group(0) = ?\n[pid    13] +++ exited with 0 +++\n"
	       "[pid    12] <... vfork resumed>) = 13\n[pid    12] open(\"c\", O_RDONLY) = 3\n"
	       "[pid    12] +++ exited with 0 +++\n"
	       "<... wait4 resumed>[{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 12\n"
	       "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED} ---\n"
	       "the program's own words (in between) = 1\nopen(\"d\", O_RDONLY) = 3\n",
		"/d /d/a /e /e/b /d/c /d/d", 0);
}

static void test_no_log(void **state)
{
	struct strings files;
	size_t unknown;

	(void)state;
	expect_refused("", ERR_USAGE);
	expect_refused("hello\nworld\n", ERR_USAGE);
	expect_refused("int main(void)\n{\n\treturn f(1) == 2;\n}\n", ERR_USAGE);
	expect("1 +++ exited with 0 +++\n", "", 0);
	drop(err_drop) struct err *e = trace_read("/nowhere/log", &arena, &files, &unknown);

	assert_non_null(e);
	drop(err_drop) struct err *dir = trace_read(top, &arena, &files, &unknown);

	assert_non_null(dir);
}

static void test_bounds(void **state)
{
	char name[5000];
	size_t unknown;

	(void)state;
	// Longer than a path may be.
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = 0;
	drop(mem_drop) char *text = str_printf(
		"1 open(\"/%s\", O_RDONLY) = 3\n1 open(\"/b\", O_RDONLY) = 2000000000\n", name);

	expect(text, "/b", 1);
	// A line longer than is read.
	drop(mem_drop) char *line = mem_alloc(6 << 20);

	memset(line, 'x', (6 << 20) - 1);
	memcpy(line, "1 open(\"/", 9);
	strcpy(line + (6 << 20) - 30, "\n1 open(\"/c\", O_RDONLY) = 3\n");
	struct strings files = read_text(line, &unknown);

	assert_int_equal(files.len, 1);
	assert_string_equal(files.at[0], "/c");
	// A directory below a directory, and so on.
	{
		drop(mem_drop) char *many = mem_alloc(200 * 32);

		for (int i = 0; i < 200; i++)
			strcat(many, "1 chdir(\"x\") = 0\n");
		files = read_text(many, &unknown);
		assert_int_equal(files.len, 0);
	}
	// Many ends of a process that has none: each is one step.
	{
		static const char end_line[] = "+++ exited with 0 +++\n";
		const size_t n = 1000000;
		drop(mem_drop) char *many = mem_alloc(n * (sizeof(end_line) - 1) + 1);

		for (size_t i = 0; i < n; i++)
			memcpy(many + i * (sizeof(end_line) - 1), end_line, sizeof(end_line) - 1);
		files = read_text(many, &unknown);
		assert_int_equal(files.len, 0);
	}
}

// ---- The real strace

static bool has_strace(void)
{
	return system("strace -f -o /dev/null true 2>/dev/null") == 0;
}

// Every file that -y says was opened for reading, as the kernel names it.
static void expect_all_opened(const char *what, const struct strings *files)
{
	drop(mem_drop) char *path = str_printf("%s/truth", top);
	drop(mem_drop) char *line = mem_alloc(PATH_MAX);
	char real[PATH_MAX];
	struct map have = {0};
	size_t n = 0;
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	vec_each (file, files)
		if (realpath(*file, real))
			*map_at(&have, &arena, real) = &have;
	for (; fgets(line, PATH_MAX, f); n++) {
		line[strcspn(line, "\n")] = 0;
		if (!map_get(&have, line))
			fail_msg("%s: %s is missing", what, line);
	}
	fclose(f);
	assert_true(n > 3);
}

static void test_real(void **state)
{
	static const char *const programs[] = {"python3 -c \"import ssl, subprocess;"
					       "subprocess.run(['cat', '/etc/hostname'])\"",
		"sh -c 'cd /etc; cat hostname passwd; (cd /usr; ls share); cat hosts | sort'",
		"git init -q repo", "sh s.sh"};
	static const char *const formats[] = {"-o log", "-o log -y", "-o log -yy -ttt -T",
		"-o log -t -v", "-o log -r -xx", "-o log -tt -i -n -Y -y", "-o log -X raw",
		"-o log -X verbose -s 4", "-o log -e trace=file,process,desc", "2>log"};

	(void)state;
	if (!has_strace())
		skip();
	assert_int_equal(
		run("mkdir -p d/e; echo 1 >d/e/f; echo 2 >'d/\303\244 b'; echo 3 >d/g;"
		    "printf 'cd d/e\\ncat f ../g\\ncd ..\\nexec cat \"\303\244 b\"\\n' >s.sh"),
		0);
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		if (strncmp(programs[i], "sh", 2) != 0 &&
			run("%.*s --version >out 2>&1", (int)strcspn(programs[i], " "),
				programs[i]))
			continue;
		// What is opened, by another format: the kernel's name of each result.
		assert_int_equal(
			run("rm -rf repo; strace -f -y -qq -z -e trace=open,openat -e signal=none"
			    " -o raw %s >out 2>&1",
				programs[i]),
			0);
		assert_int_equal(
			run("grep -v O_CREAT raw | sed -n 's/.*= [0-9]*<\\(.*\\)>$/\\1/p' |"
			    "grep -v '^/\\(proc\\|sys\\|dev\\)/' | while IFS= read -r l; do "
			    "printf '%%b\\n' \"$(printf %%s \"$l\" | sed 's/\\\\\\([0-7]\\)/\\\\0\\1/g')\";"
			    "done | grep -v /repo | sort -u >truth"),
			0);
		for (size_t k = 0; k < sizeof(formats) / sizeof(*formats); k++) {
			drop(mem_drop) char *log = str_printf("%s/log", top);
			drop(mem_drop) char *what = str_printf("%s of %s", formats[k], programs[i]);
			struct strings files;
			size_t unknown;

			run("rm -rf repo; strace -f %s %s >out", formats[k], programs[i]);
			assert_null(trace_read(log, &arena, &files, &unknown));
			// Where -y is missing, the test's own directory is not to be known.
			if (strstr(formats[k], "-y"))
				expect_all_opened(what, &files);
			else if (!strstr(programs[i], "s.sh") && !strstr(programs[i], "git"))
				expect_all_opened(what, &files);
			vec_each (file, &files)
				if (strstr(*file, "/repo/.git"))
					fail_msg("%s: %s is its own work", what, *file);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_each_once),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_directories),
		cmocka_unit_test(test_chroot),
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_stderr),
		cmocka_unit_test(test_no_log),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_real_chroot),
		cmocka_unit_test(test_real),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
