#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include "base/sandbox_impl.h"

// One at a time waits for it.
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_there, is_asked, is_done;
	const struct sandbox_program *program;
	pid_t *pid;
	int result;
} outside = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void set_files(posix_spawn_file_actions_t *files, const struct sandbox_program *p)
{
	posix_spawn_file_actions_adddup2(files, p->in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(files, p->out, STDOUT_FILENO);
	if (p->takes_errors)
		posix_spawn_file_actions_adddup2(files, p->out, STDERR_FILENO);
	else
		posix_spawn_file_actions_addopen(files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
}

// Signals reach it as they reach any program, whatever this process does with its own.
static void set_signals(posix_spawnattr_t *attributes, bool has_group)
{
	sigset_t none, usual;

	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGINT);
	sigaddset(&usual, SIGTERM);
	sigaddset(&usual, SIGHUP);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &usual);
	posix_spawnattr_setpgroup(attributes, 0);
	posix_spawnattr_setflags(attributes,
		(short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
			(has_group ? POSIX_SPAWN_SETPGROUP : 0)));
}

static int start(const struct sandbox_program *p, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;

	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	set_files(&files, p);
	set_signals(&attributes, p->has_group);
	const int failed = posix_spawnp(pid, p->argv[0], &files, &attributes, p->argv, environ);

	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return failed;
}

static void *stand_outside(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&outside.lock);
	for (;;) {
		while (!outside.is_asked)
			pthread_cond_wait(&outside.changed, &outside.lock);
		outside.result = start(outside.program, outside.pid);
		outside.is_asked = false;
		outside.is_done = true;
		pthread_cond_broadcast(&outside.changed);
	}
	return NULL;
}

bool sandbox_has_outside(void)
{
	return outside.is_there;
}

// Signals are for the others.
void sandbox_stand_outside(void)
{
	sigset_t all, before;
	pthread_t thread;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (!pthread_create(&thread, NULL, stand_outside, NULL)) {
		pthread_detach(thread);
		outside.is_there = true;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int sandbox_spawn(const struct sandbox_program *p, pid_t *pid)
{
	int result;

	if (!outside.is_there)
		return start(p, pid);
	pthread_mutex_lock(&outside.lock);
	while (outside.is_asked || outside.is_done)
		pthread_cond_wait(&outside.changed, &outside.lock);
	outside.program = p;
	outside.pid = pid;
	outside.is_asked = true;
	pthread_cond_broadcast(&outside.changed);
	while (!outside.is_done)
		pthread_cond_wait(&outside.changed, &outside.lock);
	outside.is_done = false;
	result = outside.result;
	pthread_cond_broadcast(&outside.changed);
	pthread_mutex_unlock(&outside.lock);
	return result;
}
