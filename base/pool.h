// A few worker threads and a queue of jobs.
#pragma once
#include "base/err.h"

struct pool;
struct job; // one piece of work handed in

// workers = 0: as many as there are processors this process may run on, at most 8.
struct pool *pool_new(unsigned workers);
unsigned pool_workers(const struct pool *p);
// fn(arg) runs in a worker; its error is what job_wait returns. arg stays the caller's.
struct job *pool_submit(struct pool *p, struct err *(*fn)(void *arg), void *arg);
// Waits for the job, frees it and returns its error.
must_check struct err *job_wait(struct job *j);
// Waits for all workers to end. Every job must have been waited for.
void pool_drop(struct pool **p);
