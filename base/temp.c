#include "base/temp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/sink.h"

#define MARK ".imgmin-"
#define RANDOM_LEN 6
#define TRIES 100

static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

// ".BASE.imgmin-"; a file name has at most 255 bytes.
static void prefix_of(const char *base, char prefix[TEMP_NAME])
{
	const int room = NAME_MAX - (int)(1 + strlen(MARK) + RANDOM_LEN);

	snprintf(prefix, TEMP_NAME, ".%.*s" MARK, room, base);
}

static void random_name(const char *base, char name[TEMP_NAME])
{
	uint32_t r[RANDOM_LEN];

	if (getrandom(r, sizeof(r), GRND_NONBLOCK) != sizeof(r)) {
		// Early in boot; O_EXCL keeps equal names apart.
		struct timespec now;

		clock_gettime(CLOCK_MONOTONIC, &now);
		for (int i = 0; i < RANDOM_LEN; i++)
			r[i] = (uint32_t)now.tv_nsec / (i + 1) + (uint32_t)getpid();
	}
	prefix_of(base, name);
	char *p = name + strlen(name);

	for (int i = 0; i < RANDOM_LEN; i++)
		*p++ = letters[r[i] % (sizeof(letters) - 1)];
	*p = '\0';
}

// 1: it is; 0: the name is gone or another file's; -1: errno says why nobody knows.
static int is_same_file(int fd, int dirfd, const char *name)
{
	struct stat a, b;

	if (fstat(fd, &a))
		return -1;
	if (fstatat(dirfd, name, &b, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -1;
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int make_one(int dirfd, const char *name, mode_t mode)
{
	if (!S_ISDIR(mode))
		return openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode & 07777);
	if (mkdirat(dirfd, name, mode & 07777))
		return -1;
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	int number = errno;

	unlinkat(dirfd, name, AT_REMOVEDIR);
	// Swept by another process before it was locked.
	errno = number == ENOENT ? EEXIST : number;
	return -1;
}

// ---- what a stop by signal removes ----

static pthread_mutex_t watched_lock = PTHREAD_MUTEX_INITIALIZER;
static struct watched {
	struct watched *next;
	int dirfd;
	const char *name;
} * watched;
static sigset_t stopping;
static void (*on_stop)(void);

// Waits for the signal in a thread of its own, where everything may be called, which a handler may
// not. The lock is kept: nothing new is made while the process ends.
static void *watch(void *unused)
{
	int signal_number;

	(void)unused;
	if (sigwait(&stopping, &signal_number))
		return NULL;
	pthread_mutex_lock(&watched_lock);
	for (struct watched *w = watched; w; w = w->next)
		if (w->name[0])
			temp_remove(w->dirfd, w->name);
	if (on_stop)
		on_stop();
	signal(signal_number, SIG_DFL);
	pthread_sigmask(SIG_UNBLOCK, &stopping, NULL);
	raise(signal_number);
	return NULL;
}

// Signals that the caller of the program ignores (nohup) stay ignored.
static void watch_start(void)
{
	static const int all[] = {SIGINT, SIGTERM, SIGHUP};
	pthread_t thread;
	sigset_t before;

	sigemptyset(&stopping);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct sigaction a;

		if (sigaction(all[i], NULL, &a) == 0 && a.sa_handler == SIG_DFL)
			sigaddset(&stopping, all[i]);
	}
	pthread_sigmask(SIG_BLOCK, &stopping, &before);
	if (pthread_create(&thread, NULL, watch, NULL) == 0)
		pthread_detach(thread);
	else
		pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void temp_watch(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, watch_start);
}

void temp_on_stop(void (*fn)(void))
{
	on_stop = fn;
}

static void watch_add(int dirfd, const char *name)
{
	struct watched *w = mem_alloc(sizeof(*w));

	*w = (struct watched){.dirfd = dirfd, .name = name};
	temp_watch();
	pthread_mutex_lock(&watched_lock);
	w->next = watched;
	watched = w;
	pthread_mutex_unlock(&watched_lock);
}

void temp_forget(const char *name)
{
	pthread_mutex_lock(&watched_lock);
	for (struct watched **at = &watched; *at; at = &(*at)->next)
		if ((*at)->name == name) {
			struct watched *w = *at;

			*at = w->next;
			free(w);
			break;
		}
	pthread_mutex_unlock(&watched_lock);
}

int temp_make(int dirfd, const char *base, mode_t mode, char name[TEMP_NAME])
{
	for (int i = 0; i < TRIES; i++) {
		random_name(base, name);
		int fd = make_one(dirfd, name, mode);

		if (fd < 0 && errno == EEXIST)
			continue;
		if (fd < 0)
			return -1;
		// Where locks are not supported nothing is ever swept either.
		bool is_swept = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
		int is_ours = is_swept ? 0 : is_same_file(fd, dirfd, name);
		int number = errno;

		if (is_ours > 0) {
			watch_add(dirfd, name);
			return fd;
		}
		close(fd); // a sweep came between creation and lock
		if (is_ours < 0) {
			unlinkat(dirfd, name, S_ISDIR(mode) ? AT_REMOVEDIR : 0);
			errno = number;
			return -1;
		}
	}
	errno = EEXIST;
	return -1;
}

void temp_remove(int dirfd, const char *name)
{
	if (unlinkat(dirfd, name, 0) == 0 || (errno != EISDIR && errno != EPERM))
		return;
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		fd_drop(&fd);
		return;
	}
	for (struct dirent *e; (e = readdir(d));) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			temp_remove(fd, e->d_name);
	}
	closedir(d);
	unlinkat(dirfd, name, AT_REMOVEDIR);
}

static void sweep_one(int dirfd, const char *name)
{
	drop(fd_drop) int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB))
		return;
	// What its maker renamed meanwhile is no leftover.
	if (is_same_file(fd, dirfd, name) > 0)
		temp_remove(dirfd, name);
}

void temp_sweep(int dirfd, const char *base)
{
	char prefix[TEMP_NAME];
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		fd_drop(&fd);
		return;
	}
	prefix_of(base, prefix);
	size_t n = strlen(prefix);

	for (struct dirent *e; (e = readdir(d));) {
		if (strncmp(e->d_name, prefix, n) == 0 && strlen(e->d_name) == n + RANDOM_LEN &&
			strspn(e->d_name + n, letters) == RANDOM_LEN)
			sweep_one(dirfd, e->d_name);
	}
	closedir(d);
}
