#include <pthread.h>
#include <signal.h>

#include "base/sandbox_impl.h"

// One at a time waits for it.
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_there, is_asked, is_done;
	pid_t *pid;
	const char *program;
	const posix_spawn_file_actions_t *files;
	const posix_spawnattr_t *attributes;
	char *const *argv, *const *environment;
	int result;
} outside = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void *stand_outside(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&outside.lock);
	for (;;) {
		while (!outside.is_asked)
			pthread_cond_wait(&outside.changed, &outside.lock);
		outside.result = posix_spawnp(outside.pid, outside.program, outside.files,
			outside.attributes, outside.argv, outside.environment);
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

int sandbox_spawn(pid_t *pid, const char *program, const posix_spawn_file_actions_t *files,
	const posix_spawnattr_t *attributes, char *const *argv, char *const *environment)
{
	int result;

	if (!outside.is_there)
		return posix_spawnp(pid, program, files, attributes, argv, environment);
	pthread_mutex_lock(&outside.lock);
	while (outside.is_asked || outside.is_done)
		pthread_cond_wait(&outside.changed, &outside.lock);
	outside.pid = pid;
	outside.program = program;
	outside.files = files;
	outside.attributes = attributes;
	outside.argv = argv;
	outside.environment = environment;
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
