/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_workers.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "bench_machine.h"

static void work(struct bench_worker *w)
{
	w->loop(w);
	sem_post(&w->ended);
}

static void *worker_main(void *arg)
{
	struct bench_worker *w = arg;

	pthread_barrier_wait(&w->run->start);
	work(w);
	return NULL;
}

/* Workers before this one have threads of their own. */
static unsigned int first_coroutine(const struct bench_job *job)
{
	if (job->workload->kind != BENCH_COROUTINES)
		return bench_workers_of(&job->run);
	return job->workload->shape == BENCH_MIXED ? job->run.producers : 0;
}

static unsigned int threads_of(const struct bench_job *job)
{
	unsigned int first = first_coroutine(job);

	return first + (first < bench_workers_of(&job->run));
}

static void *coroutines_main(void *arg)
{
	struct bench_job *job = arg;
	unsigned int first = first_coroutine(job);

	pthread_barrier_wait(&job->run.start);
	job->queue->coroutines(work, &job->run.workers[first],
			       bench_workers_of(&job->run) - first);
	return NULL;
}

/* The attributes of thread i: bound to a core when the plan says so. */
static int pin(const struct bench_plan *plan, unsigned int i,
	       pthread_attr_t *attr)
{
	cpu_set_t core;
	int err;

	if (!plan->pin)
		return 0;
	err = bench_core(i, &core);
	return err ? err
		   : pthread_attr_setaffinity_np(attr, sizeof(core), &core);
}

/* That of worker i, and if it is the first coroutine of all that follow. */
static int start_thread(struct bench_job *job, unsigned int i)
{
	struct bench_worker *w = &job->run.workers[i];
	pthread_attr_t attr;
	int err;

	err = pthread_attr_init(&attr);
	if (err)
		return err;
	err = pin(job->plan, i, &attr);
	if (!err && i < first_coroutine(job))
		err = pthread_create(&w->thread, &attr, worker_main, w);
	else if (!err)
		err = pthread_create(&w->thread, &attr, coroutines_main, job);
	pthread_attr_destroy(&attr);
	return err;
}

static const char *create_all(struct bench_job *job)
{
	unsigned int i;
	int err;

	for (i = 0; i < BENCH_QUEUES; i++) {
		err = job->queue->create(job->workload, &job->run.queues[i]);
		if (err == ENOTSUP)
			return bench_not_supported;
		if (err)
			return "cannot create a queue";
	}
	if (job->workload->kind == BENCH_UNBOUNDED) {
		job->run.window = bench_window_create();
		if (!job->run.window)
			return "no memory";
	}
	if (bench_workload_is_timed(job->workload)) {
		job->run.times = calloc(1, sizeof(*job->run.times));
		if (!job->run.times)
			return "no memory";
	}
	return NULL;
}

static void init_worker(struct bench_job *job, unsigned int i)
{
	const struct bench_workload *workload = job->workload;
	struct bench_worker *w = &job->run.workers[i];

	*w = (struct bench_worker){
		.run = &job->run,
		.loop = i < workload->producers
				? job->queue->producer[workload->shape]
				: job->queue->consumer[workload->shape],
	};
	sem_init(&w->ended, 0, 0);
}

static const char *start_workers(struct bench_job *job)
{
	struct bench_run *run = &job->run;
	unsigned int i;

	run->workers =
		aligned_alloc(_Alignof(struct bench_worker),
			      bench_workers_of(run) * sizeof(*run->workers));
	if (!run->workers)
		return "no memory";
	for (i = 0; i < bench_workers_of(run); i++)
		init_worker(job, i);
	if (pthread_barrier_init(&run->start, NULL, threads_of(job) + 1))
		return "cannot make a barrier";
	for (i = 0; i < threads_of(job); i++)
		if (start_thread(job, i))
			return "cannot start a thread";
	pthread_barrier_wait(&run->start);
	return NULL;
}

const char *bench_job_start(struct bench_job *job)
{
	const char *error;

	job->run = (struct bench_run){
		.queue = job->queue,
		.producers = job->workload->producers,
		.consumers = job->workload->consumers,
		.workload = job->workload,
	};
	error = create_all(job);
	return error ? error : start_workers(job);
}

uint64_t bench_items_so_far(const struct bench_run *run)
{
	uint64_t items = 0;
	unsigned int i;

	for (i = 0; i < bench_workers_of(run); i++)
		items += __atomic_load_n(&run->workers[i].items,
					 __ATOMIC_RELAXED);
	return items;
}

void bench_enter(struct bench_run *run, enum bench_phase phase)
{
	__atomic_store_n(&run->phase, phase, __ATOMIC_RELAXED);
}

void bench_await_workers(struct bench_run *run, unsigned int from,
			 unsigned int to)
{
	unsigned int i;

	for (i = from; i < to; i++)
		while (sem_wait(&run->workers[i].ended))
			;
}

/* With a queue that loses items this does not end; the parent ends it. */
void bench_put_ends(void *queue, struct bench_run *run, bench_put_fn *put)
{
	uint64_t items = 0;
	unsigned int i;

	for (i = 0; i < run->producers; i++)
		items += run->workers[i].puts;
	while (bench_items_so_far(run) < items)
		sched_yield();
	for (i = 0; i < run->consumers; i++)
		put(queue, BENCH_END);
}

void bench_job_stop(struct bench_job *job)
{
	struct bench_run *run = &job->run;

	bench_enter(run, BENCH_STOPPED);
	bench_await_workers(run, 0, run->producers);
	job->queue->shutdown(run->queues[0], run);
	bench_await_workers(run, run->producers, bench_workers_of(run));
}

const char *bench_job_verify(const struct bench_job *job)
{
	uint64_t put = 0, got = 0;
	unsigned int i;

	for (i = 0; i < bench_workers_of(&job->run); i++) {
		put += job->run.workers[i].put;
		got += job->run.workers[i].got;
		if (job->run.workers[i].err !=
		    (i < job->workload->producers ? 0 : ESHUTDOWN))
			return "a put or get failed";
	}
	return put == got ? NULL : "not the items that were put came out";
}

void bench_job_release(struct bench_job *job)
{
	struct bench_run *run = &job->run;
	unsigned int i;

	for (i = 0; i < threads_of(job); i++)
		pthread_join(run->workers[i].thread, NULL);
	for (i = 0; i < BENCH_QUEUES; i++)
		job->queue->destroy(run->queues[i]);
	bench_window_destroy(run->window);
	free(run->times);
	pthread_barrier_destroy(&run->start);
	free(run->workers);
}
