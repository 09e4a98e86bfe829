#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>

#define WORKERS_MAX 8

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE };

struct job {
	struct pool *pool;
	struct err *(*fn)(void *arg);
	void *arg;
	struct err *err;
	enum job_state state;
	struct job *next; // in the queue
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	struct job *first, **last; // queue
	size_t queued;
	unsigned workers, started, idle; // idle: waiting, perhaps woken already
	bool is_closing;
	pthread_t threads[];
};

struct pool *pool_new(unsigned workers)
{
	if (workers == 0) {
		cpu_set_t cpus;

		workers = 1;
		if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
			workers = (unsigned)CPU_COUNT(&cpus);
		if (workers > WORKERS_MAX)
			workers = WORKERS_MAX;
	}
	struct pool *p = mem_alloc(sizeof(*p) + workers * sizeof(p->threads[0]));

	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->done, NULL);
	p->last = &p->first;
	p->workers = workers;
	return p;
}

unsigned pool_workers(const struct pool *p)
{
	return p->workers;
}

static void queue_push(struct pool *p, struct job *j)
{
	*p->last = j;
	p->last = &j->next;
	p->queued++;
}

static void queue_remove(struct pool *p, struct job *j)
{
	struct job **at = &p->first;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	if (p->last == &j->next)
		p->last = at;
	p->queued--;
}

// With the lock held, which is given back while the job runs.
static void job_run(struct job *j)
{
	struct pool *p = j->pool;

	queue_remove(p, j);
	j->state = JOB_RUNNING;
	pthread_mutex_unlock(&p->lock);
	struct err *e = j->fn(j->arg);

	pthread_mutex_lock(&p->lock);
	j->err = e;
	j->state = JOB_DONE;
	pthread_cond_broadcast(&p->done);
}

static void *worker(void *arg)
{
	struct pool *p = arg;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		if (p->first) {
			job_run(p->first);
			continue;
		}
		if (p->is_closing)
			break;
		p->idle++;
		pthread_cond_wait(&p->work, &p->lock);
		p->idle--;
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

// Threads begin with the first jobs, so that a command without any pays nothing. Where none can be
// made, job_wait does the work.
static void worker_start(struct pool *p)
{
	sigset_t all, old;

	// Signals are for the thread that called pool_submit.
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (pthread_create(&p->threads[p->started], NULL, worker, p) == 0)
		p->started++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

struct job *pool_submit(struct pool *p, struct err *(*fn)(void *arg), void *arg)
{
	struct job *j = mem_alloc(sizeof(*j));

	*j = (struct job){.pool = p, .fn = fn, .arg = arg};
	pthread_mutex_lock(&p->lock);
	queue_push(p, j);
	// Whoever waits may have been woken for an earlier job and not have come to it yet.
	if (p->idle)
		pthread_cond_signal(&p->work);
	if (p->queued > p->idle && p->started < p->workers)
		worker_start(p);
	pthread_mutex_unlock(&p->lock);
	return j;
}

struct err *job_wait(struct job *j)
{
	struct pool *p = j->pool;

	pthread_mutex_lock(&p->lock);
	// A job that nobody has begun is done here: so jobs may submit jobs and wait for them, even
	// when every worker does just that.
	if (j->state == JOB_QUEUED)
		job_run(j);
	while (j->state != JOB_DONE)
		pthread_cond_wait(&p->done, &p->lock);
	pthread_mutex_unlock(&p->lock);
	struct err *e = j->err;

	mem_drop(&j);
	return e;
}

void pool_drop(struct pool **pp)
{
	struct pool *p = *pp;

	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->is_closing = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->started; i++)
		pthread_join(p->threads[i], NULL);
	pthread_cond_destroy(&p->done);
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
	mem_drop(pp);
}
