// What ld.so itself would load: runs a root's own loader on its programs, inside that root.
//
//   oracle [-q QEMU] ROOT LOADER PROGRAM...   one block a program: «PROGRAM:», then ld.so's trace
//   oracle [-q QEMU] -x ROOT COMMAND ARG...   runs one command in ROOT
//   oracle -f ROOT LOADER                     stdin → stdout, each file named by its inode in ROOT
//
// QEMU is a static emulator outside of ROOT; it is opened before chroot and needs no binfmt_misc.
// Never «qemu -L»: that falls back to the host's files. Needs root for chroot(2).
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int qemu = -1;

static void enter(const char *root)
{
	if (chroot(root) || chdir("/"))
		err(1, "chroot %s", root);
}

// argv[0] is the path, and argv[-1] is free for the emulator's name.
static void exec(char **argv, char *const env[])
{
	if (qemu < 0) {
		execve(argv[0], argv, env);
	} else {
		argv[-1] = "qemu";
		fexecve(qemu, argv - 1, env);
	}
	err(127, "%s", argv[0]);
}

static char *clean_env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};

// A loader that fails says so on stderr; its status is told where the trace would stand.
static void trace(char *loader, char *program)
{
	static char *env[] = {"LD_TRACE_LOADED_OBJECTS=1", "LC_ALL=C", NULL};
	char *argv[] = {NULL, loader, program, NULL};
	int status;

	printf("%s:\n", program);
	fflush(stdout);
	pid_t child = fork();

	if (child < 0)
		err(1, "fork");
	if (!child)
		exec(argv + 1, env);
	if (waitpid(child, &status, 0) < 0)
		err(1, "waitpid");
	if (status)
		printf("\tstatus %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static unsigned long long inode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (unsigned long long)st.st_ino;
}

// «NAME => PATH (0x…)» or «PATH (0x…)» becomes «NAME => INODE»; the kernel's vdso goes, and the
// loader's name, which depends on how it was started, becomes «loader».
static void identify(char *line, unsigned long long loader)
{
	char *name = line + strspn(line, "\t ");

	name[strcspn(name, "\n")] = '\0';
	char *address = strstr(name, " (0x");
	if (address)
		*address = '\0';
	size_t len = strlen(name);
	char *arrow = strstr(name, " => ");
	char *path = arrow ? arrow + 4 : name;

	if (len && name[len - 1] == ':' && !arrow) {
		puts(name);
		return;
	}
	if (!strncmp(name, "linux-vdso", 10) || !strncmp(name, "linux-gate", 10))
		return;
	if (arrow)
		*arrow = '\0';
	unsigned long long inode = *path == '/' ? inode_of(path) : 0;

	if (inode && inode == loader)
		printf("loader => %llu\n", inode);
	else if (inode)
		printf("%s => %llu\n", name, inode);
	else
		printf("%s => %s\n", name, path);
}

int main(int argc, char **argv)
{
	char line[8192];
	int option, run = 0, filter = 0;

	while ((option = getopt(argc, argv, "+q:xf")) > 0) {
		if (option == 'q')
			qemu = open(optarg, O_RDONLY);
		if (option == '?' || (option == 'q' && qemu < 0))
			err(2, "%s", option == 'q' ? optarg : "usage");
		run |= option == 'x';
		filter |= option == 'f';
	}
	if (argc - optind < 2)
		errx(2, "usage: oracle [-q QEMU] [-x|-f] ROOT LOADER|COMMAND [ARG...]");
	enter(argv[optind]);
	char **rest = argv + optind + 1;

	if (run)
		exec(rest, clean_env);
	if (filter) {
		while (fgets(line, sizeof(line), stdin))
			identify(line, inode_of(rest[0]));
		return 0;
	}
	for (char **program = rest + 1; *program; program++)
		trace(rest[0], *program);
	return 0;
}
