/* SPDX-License-Identifier: MIT */
/*
 * One sample: a child process starts the threads of a workload, lets them run
 * warm, and reads the clock and the threads' counts twice.  What lies between
 * the two readings is the sample.  Then the producers stop, the queue is shut
 * down, and every item must have arrived.
 *
 * Workers are threads, or coroutines that share one more thread.
 */
#include "config.h"

#include "bench.h"
#include "bench_queue.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	MIN_ITEMS = 1000,   /* fewer say little: the sample goes on ... */
	MAX_STRETCH = 10,   /* ... up to so many times its duration */
	SLACK_SECONDS = 30, /* for a busy machine, before "it hung" */
};

const char bench_not_supported[] = "not supported";

/* The child process. */

struct job {
	const struct bench_workload *workload;
	const struct bench_queue *queue;
	const struct bench_plan *plan;
	struct bench_run run;
};

/* What the child tells its parent. */
struct verdict {
	struct bench_sample sample;
	const char *error; /* a string constant: the same in the parent */
};

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

static unsigned int workers_of(const struct bench_run *run)
{
	return run->producers + run->consumers;
}

/* Workers before this one have threads of their own. */
static unsigned int first_coroutine(const struct job *job)
{
	if (job->workload->kind != BENCH_COROUTINES)
		return workers_of(&job->run);
	return job->workload->shape == BENCH_MIXED ? job->run.producers : 0;
}

static unsigned int threads_of(const struct job *job)
{
	unsigned int first = first_coroutine(job);

	return first + (first < workers_of(&job->run));
}

static void *coroutines_main(void *arg)
{
	struct job *job = arg;
	unsigned int first = first_coroutine(job);

	pthread_barrier_wait(&job->run.start);
	job->queue->coroutines(work, &job->run.workers[first],
			       workers_of(&job->run) - first);
	return NULL;
}

/* The attributes of thread i: bound to a core when the plan says so. */
static int pin(const struct bench_plan *plan, unsigned int i,
	       pthread_attr_t *attr)
{
	unsigned int cpu, nth;
	cpu_set_t all, one;

	if (!plan->pin)
		return 0;
	if (sched_getaffinity(0, sizeof(all), &all))
		return errno;
	nth = i % (unsigned int)CPU_COUNT(&all);
	for (cpu = 0; !CPU_ISSET(cpu, &all) || nth-- > 0; cpu++)
		;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return pthread_attr_setaffinity_np(attr, sizeof(one), &one);
}

/* That of worker i, and if it is the first coroutine of all that follow. */
static int start_thread(struct job *job, unsigned int i)
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

static const char *create_queues(struct job *job)
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
	return NULL;
}

static void init_worker(struct job *job, unsigned int i)
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

static const char *start_workers(struct job *job)
{
	struct bench_run *run = &job->run;
	unsigned int i;

	run->workers = aligned_alloc(_Alignof(struct bench_worker),
				     workers_of(run) * sizeof(*run->workers));
	if (!run->workers)
		return "no memory";
	for (i = 0; i < workers_of(run); i++)
		init_worker(job, i);
	if (pthread_barrier_init(&run->start, NULL, threads_of(job) + 1))
		return "cannot make a barrier";
	for (i = 0; i < threads_of(job); i++)
		if (start_thread(job, i))
			return "cannot start a thread";
	pthread_barrier_wait(&run->start);
	return NULL;
}

static const char *start_all(struct job *job)
{
	const char *error;

	job->run = (struct bench_run){
		.queue = job->queue,
		.producers = job->workload->producers,
		.consumers = job->workload->consumers,
	};
	error = create_queues(job);
	return error ? error : start_workers(job);
}

static double seconds_of(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static void sleep_for(double seconds)
{
	struct timespec ts;

	ts.tv_sec = (time_t)seconds;
	ts.tv_nsec = (long)(1e9 * (seconds - (double)ts.tv_sec));
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &ts) == EINTR)
		;
}

struct bench_time bench_now(void)
{
	return (struct bench_time){
		.clock = seconds_of(CLOCK_MONOTONIC),
		.cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID),
	};
}

struct reading {
	double time;
	double cpu;
	uint64_t items;
};

/* Each item is counted by one worker: who got it, or got its answer. */
static uint64_t items_so_far(const struct bench_run *run)
{
	uint64_t items = 0;
	unsigned int i;

	for (i = 0; i < workers_of(run); i++)
		items += __atomic_load_n(&run->workers[i].items,
					 __ATOMIC_RELAXED);
	return items;
}

/*
 * Clock and counts belong together only when this thread was not preempted
 * between reading the one and the other: keep the quickest of a few tries.
 */
static struct reading read_all(const struct job *job)
{
	struct reading best = {0}, next;
	double took, best_took = 1e9;
	int tries;

	for (tries = 0; tries < 8 && best_took > 20e-6; tries++) {
		next.time = seconds_of(CLOCK_MONOTONIC);
		next.items = items_so_far(&job->run);
		next.cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
		took = seconds_of(CLOCK_MONOTONIC) - next.time;
		if (took < best_took) {
			best_took = took;
			best = next;
		}
	}
	return best;
}

/* With a queue that hangs this does not end; the parent ends it. */
static struct bench_sample measure(const struct job *job)
{
	double seconds = job->plan->seconds;
	struct reading from, to;
	double items;

	sleep_for(seconds / 5); /* warm up */
	from = read_all(job);
	do {
		sleep_for(seconds);
		to = read_all(job);
	} while (to.items == from.items ||
		 (to.items - from.items < MIN_ITEMS &&
		  to.time - from.time < seconds * MAX_STRETCH));
	items = (double)(to.items - from.items);
	return (struct bench_sample){
		.ns = 1e9 * (to.time - from.time) / items,
		.cpu_ns = 1e9 * (to.cpu - from.cpu) / items,
		.items = to.items - from.items,
	};
}

static void await_workers(struct bench_run *run, unsigned int from,
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
	while (items_so_far(run) < items)
		sched_yield();
	for (i = 0; i < run->consumers; i++)
		put(queue, BENCH_END);
}

/*
 * Producers first: a consumer leaves when the queue is shut and empty.  Nobody
 * waits at the other one: who asks takes its answer there, and is a producer.
 */
static void stop_everything(struct job *job)
{
	struct bench_run *run = &job->run;

	__atomic_store_n(&run->stop, true, __ATOMIC_RELAXED);
	await_workers(run, 0, run->producers);
	job->queue->shutdown(run->queues[0], run);
	await_workers(run, run->producers, workers_of(run));
}

/* A fast queue that loses items would be no queue. */
static const char *verify(const struct job *job)
{
	uint64_t put = 0, got = 0;
	unsigned int i;

	for (i = 0; i < workers_of(&job->run); i++) {
		put += job->run.workers[i].put;
		got += job->run.workers[i].got;
		if (job->run.workers[i].err !=
		    (i < job->workload->producers ? 0 : ESHUTDOWN))
			return "a put or get failed";
	}
	return put == got ? NULL : "not the items that were put came out";
}

static void destroy_all(struct job *job)
{
	struct bench_run *run = &job->run;
	unsigned int i;

	for (i = 0; i < threads_of(job); i++)
		pthread_join(run->workers[i].thread, NULL);
	for (i = 0; i < BENCH_QUEUES; i++)
		job->queue->destroy(run->queues[i]);
	bench_window_destroy(run->window);
	pthread_barrier_destroy(&run->start);
	free(run->workers);
}

/* Again and again, and only the time of the shutdown itself counts. */
static const char *take_shutdowns(struct job *job, struct bench_sample *out)
{
	double end = bench_now().clock + job->plan->seconds;
	const struct bench_run *run = &job->run;
	struct bench_time sum = {0};
	const char *error;

	do {
		error = start_all(job);
		if (error)
			return error;
		await_workers(&job->run, 0, workers_of(run));
		sum.clock += run->last_return.clock - run->shutdown.clock;
		sum.cpu += run->last_return.cpu - run->shutdown.cpu;
		out->items++;
		error = verify(job);
		destroy_all(job);
	} while (!error && bench_now().clock < end);
	out->ns = 1e9 * sum.clock / (double)out->items;
	out->cpu_ns = 1e9 * sum.cpu / (double)out->items;
	return error;
}

static const char *take(struct job *job, struct bench_sample *out)
{
	const char *error;

	if (job->queue->sample)
		return job->queue->sample(job->workload, job->plan, out);
	if (job->workload->shape == BENCH_SHUTDOWN)
		return take_shutdowns(job, out);
	error = start_all(job);
	if (error)
		return error;
	*out = measure(job);
	stop_everything(job);
	error = verify(job);
	destroy_all(job);
	return error;
}

/* Threads that could not all be started are left waiting: they end here. */
static _Noreturn void child(struct job *job, int fd)
{
	struct verdict verdict = {.error = NULL};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	verdict.error = take(job, &verdict.sample);
	_exit(write(fd, &verdict, sizeof(verdict)) != sizeof(verdict));
}

/* The parent. */

static const char *read_verdict(int fd, const struct bench_plan *plan,
				struct bench_sample *out)
{
	double limit = plan->seconds * (MAX_STRETCH + 2) + SLACK_SECONDS;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	struct verdict verdict;
	int n;

	do
		n = poll(&ready, 1, (int)(1000 * limit));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return "it hung";
	if (read(fd, &verdict, sizeof(verdict)) != sizeof(verdict))
		return "it crashed";
	*out = verdict.sample;
	return verdict.error;
}

const char *bench_take(const struct bench_workload *workload,
		       const struct bench_queue *queue,
		       const struct bench_plan *plan, struct bench_sample *out)
{
	struct job job = {.workload = workload, .queue = queue, .plan = plan};
	const char *error;
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		return "cannot make a pipe";
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(&job, fds[1]);
	close(fds[1]);
	error = pid < 0 ? "cannot fork" : read_verdict(fds[0], plan, out);
	close(fds[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return error;
}
