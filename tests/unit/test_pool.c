#include "base/pool.h"

#include <setjmp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define JOBS 200

struct task {
	struct pool *pool;
	int n, result;
};

static struct err *square(void *arg)
{
	struct task *t = arg;

	t->result = t->n * t->n;
	return t->n % 50 == 7 ? err_new(ERR_POLICY, "task %d", t->n) : NULL;
}

static void runs_every_job(void **state)
{
	struct task tasks[JOBS];
	struct job *jobs[JOBS];

	(void)state;
	for (unsigned workers = 1; workers <= 5; workers++) {
		struct pool *p = pool_new(workers);

		assert_int_equal(pool_workers(p), workers);
		for (int i = 0; i < JOBS; i++) {
			tasks[i] = (struct task){.n = i};
			jobs[i] = pool_submit(p, square, &tasks[i]);
		}
		for (int i = JOBS - 1; i >= 0; i--) {
			struct err *e = job_wait(jobs[i]);

			assert_int_equal(tasks[i].result, i * i);
			assert_int_equal(e != NULL, i % 50 == 7);
			if (e)
				assert_int_equal(err_kind(e), ERR_POLICY);
			err_drop(&e);
		}
		pool_drop(&p);
		assert_null(p);
	}
}

static struct err *fan_out(void *arg)
{
	struct task *t = arg, parts[2];
	struct job *jobs[2];

	if (t->n == 0) {
		t->result = 1;
		return NULL;
	}
	for (int i = 0; i < 2; i++) {
		parts[i] = (struct task){.pool = t->pool, .n = t->n - 1};
		jobs[i] = pool_submit(t->pool, fan_out, &parts[i]);
	}
	for (int i = 0; i < 2; i++) {
		TRY(job_wait(jobs[i]));
		t->result += parts[i].result;
	}
	return NULL;
}

// Every worker ends up waiting for jobs of its own.
static void jobs_may_wait_for_jobs(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= 3; workers++) {
		struct pool *p = pool_new(workers);
		struct task top = {.pool = p, .n = 6};

		assert_null(job_wait(pool_submit(p, fan_out, &top)));
		assert_int_equal(top.result, 64);
		pool_drop(&p);
	}
}

static struct err *blocked_signals(void *arg)
{
	struct task *t = arg;
	sigset_t now;

	pthread_sigmask(SIG_SETMASK, NULL, &now);
	t->result = sigismember(&now, SIGINT) && sigismember(&now, SIGTERM);
	t->n = gettid() != getpid();
	return NULL;
}

static void workers_leave_signals_to_main(void **state)
{
	struct pool *p = pool_new(1);
	struct task t = {0};
	sigset_t now;

	(void)state;
	// Until a worker, not the waiting thread, got one.
	for (int i = 0; i < 1000 && !t.n; i++) {
		struct job *j = pool_submit(p, blocked_signals, &t);

		usleep(1000);
		assert_null(job_wait(j));
	}
	assert_true(t.n);
	assert_true(t.result);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	assert_false(sigismember(&now, SIGINT));
	pool_drop(&p);
}

static void default_size(void **state)
{
	struct pool *p = pool_new(0), *none = NULL;

	(void)state;
	assert_in_range(pool_workers(p), 1, 8);
	pool_drop(&p);
	pool_drop(&none);
}

struct meeting {
	pthread_mutex_t lock;
	pthread_cond_t all_here;
	int here, expected;
	int came_late;
};

// Until all are here at once; whoever waits for long has been left alone.
static struct err *meet(void *arg)
{
	struct meeting *m = arg;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	pthread_mutex_lock(&m->lock);
	if (++m->here == m->expected)
		pthread_cond_broadcast(&m->all_here);
	while (m->here < m->expected && !m->came_late)
		m->came_late = pthread_cond_timedwait(&m->all_here, &m->lock, &until) != 0;
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

// Two jobs handed in at once while one worker waits and one was never needed: both begin.
static void jobs_begin_while_workers_are_free(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct meeting first = {
			PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 1, 0};
		struct meeting m = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 2, 0};
		struct pool *p = pool_new(2);
		struct job *one = pool_submit(p, meet, &first);

		usleep(2000);
		assert_null(job_wait(one));
		usleep(2000); // now a worker waits
		struct job *a = pool_submit(p, meet, &m), *b = pool_submit(p, meet, &m);

		usleep(5000); // nobody else does what is queued
		assert_null(job_wait(a));
		assert_null(job_wait(b));
		assert_int_equal(m.came_late, 0);
		pool_drop(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_every_job),
		cmocka_unit_test(jobs_may_wait_for_jobs),
		cmocka_unit_test(workers_leave_signals_to_main),
		cmocka_unit_test(jobs_begin_while_workers_are_free),
		cmocka_unit_test(default_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
