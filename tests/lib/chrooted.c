// chrooted ROOT DIR [NAME=VALUE]... PROGRAM [ARG]...: runs PROGRAM inside ROOT with DIR as its
// working directory and nothing but these variables. env(1) with chroot(8) would hand the
// loader's variables to chroot itself. Every run has its own /proc where ROOT has a directory for
// it, because $ORIGIN of a program comes from /proc/self/exe.
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static int give_up(const char *what)
{
	perror(what);
	return 125;
}

int main(int argc, char **argv)
{
	int i = 3;

	if (argc < 4)
		return 125;
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return give_up("unshare");
	if (chroot(argv[1]) != 0 || chdir(argv[2]) != 0)
		return give_up(argv[1]);
	if (access("/proc", F_OK) == 0 && mount("proc", "/proc", "proc", 0, NULL) != 0)
		return give_up("mount /proc");
	clearenv();
	for (; i < argc - 1 && strchr(argv[i], '=') != NULL; i++)
		putenv(argv[i]);
	alarm(10);
	execv(argv[i], argv + i);
	return give_up(argv[i]);
}
