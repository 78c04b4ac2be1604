/* SPDX-License-Identifier: MIT */
/*
 * One sample: a child process starts the threads of a workload, lets them run
 * warm, and reads the clock and the threads' counts twice.  What lies between
 * the two readings is the sample.  Then the producers stop, the queue is shut
 * down, and every item must have arrived.
 *
 * Equal treatment: each peer gets its own copy of every loop below, compiled
 * with direct calls of its put and get (the loops are inlined into functions
 * that name them).  The textbook queue is part of the program; coqueue's calls
 * go through the shared library's table in addition, as an application's do.
 */
#include "config.h"

#include "bench.h"

#include <coqueue.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "textbook.h"

enum {
	QUEUES = 2,         /* a round trip needs two */
	CACHE_LINES = 128,  /* bytes that processors fetch together */
	MIN_ITEMS = 1000,   /* fewer say little: the sample goes on ... */
	MAX_STRETCH = 10,   /* ... up to so many times its duration */
	SLACK_SECONDS = 30, /* for a busy machine, before "it hung" */
};

struct run {
	void *queues[QUEUES];
	atomic_bool stop;
	pthread_barrier_t start;
};

struct worker {
	/* written by the worker, read by the sampler */
	_Alignas(CACHE_LINES) atomic_uint_least64_t items;
	/* written once, when it ends: the sums of the items */
	_Alignas(CACHE_LINES) uint64_t put;
	uint64_t got;
	int err;
	struct run *run;
	pthread_t thread;
};

/* The loops, for any put and get. */

typedef int put_fn(void *queue, void *item);
typedef int get_fn(void *queue, void **item);

#define LOOP static inline __attribute__((always_inline)) void

static inline bool running(struct worker *w)
{
	return !atomic_load_explicit(&w->run->stop, memory_order_relaxed);
}

static inline void count(struct worker *w, uint64_t items)
{
	atomic_store_explicit(&w->items, items, memory_order_relaxed);
}

LOOP loop_solo(struct worker *w, put_fn *put, get_fn *get)
{
	void *queue = w->run->queues[0];
	uintptr_t n = 0, sent = 0, got = 0;
	void *item = NULL;

	while (running(w) && !w->err) {
		sent += ++n;
		w->err = put(queue, (void *)n);
		if (!w->err)
			w->err = get(queue, &item);
		got += (uintptr_t)item;
		count(w, n);
	}
	w->put = sent;
	w->got = got;
}

LOOP loop_producer(struct worker *w, put_fn *put)
{
	void *queue = w->run->queues[0];
	uintptr_t n = 0, sent = 0;

	while (running(w) && !w->err) {
		sent += ++n;
		w->err = put(queue, (void *)n);
	}
	w->put = sent;
}

LOOP loop_consumer(struct worker *w, get_fn *get)
{
	void *queue = w->run->queues[0];
	uint64_t n = 0, got = 0;
	void *item;

	while ((w->err = get(queue, &item)) == 0) {
		got += (uintptr_t)item;
		count(w, ++n);
	}
	w->got = got;
}

LOOP loop_asker(struct worker *w, put_fn *put, get_fn *get)
{
	void *there = w->run->queues[0], *back = w->run->queues[1];
	uintptr_t n = 0, sent = 0, got = 0;
	void *item = NULL;

	while (running(w) && !w->err) {
		sent += ++n;
		w->err = put(there, (void *)n);
		if (!w->err)
			w->err = get(back, &item);
		got += (uintptr_t)item;
		count(w, n);
	}
	w->put = sent;
	w->got = got;
}

LOOP loop_answerer(struct worker *w, put_fn *put, get_fn *get)
{
	void *there = w->run->queues[0], *back = w->run->queues[1];
	void *item;

	while ((w->err = get(there, &item)) == 0)
		if ((w->err = put(back, item)) != 0)
			break;
}

/* The peers. */

typedef void loop_fn(struct worker *w);

struct peer {
	void *(*create)(size_t capacity);
	void (*shutdown)(void *queue);
	void (*destroy)(void *queue);
	/* by shape: one for producers, one for consumers */
	loop_fn *producer[3];
	loop_fn *consumer[3];
};

#define DEFINE_PEER(name)                                                      \
	static void name##_solo(struct worker *w)                              \
	{                                                                      \
		loop_solo(w, name##_put_one, name##_get_one);                  \
	}                                                                      \
	static void name##_producer(struct worker *w)                          \
	{                                                                      \
		loop_producer(w, name##_put_one);                              \
	}                                                                      \
	static void name##_consumer(struct worker *w)                          \
	{                                                                      \
		loop_consumer(w, name##_get_one);                              \
	}                                                                      \
	static void name##_asker(struct worker *w)                             \
	{                                                                      \
		loop_asker(w, name##_put_one, name##_get_one);                 \
	}                                                                      \
	static void name##_answerer(struct worker *w)                          \
	{                                                                      \
		loop_answerer(w, name##_put_one, name##_get_one);              \
	}                                                                      \
	static const struct peer peer_##name = {                               \
		.create = name##_create_one,                                   \
		.shutdown = name##_shutdown_one,                               \
		.destroy = name##_destroy_one,                                 \
		.producer = {name##_solo, name##_producer, name##_asker},      \
		.consumer = {NULL, name##_consumer, name##_answerer},          \
	};

static void *textbook_create_one(size_t capacity)
{
	return textbook_create(capacity);
}

static void textbook_shutdown_one(void *queue)
{
	textbook_shutdown(queue);
}

static void textbook_destroy_one(void *queue)
{
	textbook_destroy(queue);
}

static inline int textbook_put_one(void *queue, void *item)
{
	return textbook_put(queue, item);
}

static inline int textbook_get_one(void *queue, void **item)
{
	return textbook_get(queue, item);
}

DEFINE_PEER(textbook)

static void *coqueue_create_one(size_t capacity)
{
	coqueue_t *q;

	return coqueue_create(&q, capacity, NULL) ? NULL : q;
}

static void coqueue_shutdown_one(void *queue)
{
	coqueue_shutdown(queue, COQUEUE_GRACEFUL);
}

static void coqueue_destroy_one(void *queue)
{
	coqueue_destroy(queue);
}

static inline int coqueue_put_one(void *queue, void *item)
{
	return coqueue_put(queue, &item);
}

static inline int coqueue_get_one(void *queue, void **item)
{
	return coqueue_get(queue, item);
}

DEFINE_PEER(coqueue)

static const struct peer *const peers[BENCH_PEERS] = {
	&peer_textbook,
	&peer_coqueue,
};

const char *const bench_peer_names[BENCH_PEERS] = {"textbook", "coqueue"};

const struct bench_workload bench_workloads[] = {
	{"solo", BENCH_SOLO, 1, 0, 1024, "one thread puts an item, gets it"},
	{"1p1c", BENCH_FLOW, 1, 1, 1024, "1 producer, 1 consumer"},
	{"2p2c", BENCH_FLOW, 2, 2, 1024, "2 producers, 2 consumers"},
	{"4p4c", BENCH_FLOW, 4, 4, 1024, "4 producers, 4 consumers"},
	{"32p32c", BENCH_FLOW, 32, 32, 1024, "32 producers, 32 consumers"},
	{"capacity1", BENCH_FLOW, 1, 1, 1, "1 producer, 1 consumer"},
	{"roundtrip", BENCH_ROUNDTRIP, 1, 1, 1024,
	 "a thread asks, another answers"},
	{NULL, BENCH_SOLO, 0, 0, 0, NULL},
};

/* The child process. */

struct job {
	const struct bench_workload *workload;
	const struct peer *peer;
	const struct bench_plan *plan;
	struct run run;
	struct worker *workers; /* producers, then consumers */
	unsigned int threads;
};

struct start {
	struct worker *worker;
	loop_fn *loop;
};

/* What the child tells its parent. */
struct verdict {
	struct bench_sample sample;
	const char *error; /* a string constant: the same in the parent */
};

static void *worker_main(void *arg)
{
	struct start start = *(struct start *)arg;

	free(arg);
	pthread_barrier_wait(&start.worker->run->start);
	start.loop(start.worker);
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

static int start_worker(struct job *job, unsigned int i)
{
	const struct bench_workload *workload = job->workload;
	struct start *start = malloc(sizeof(*start));
	pthread_attr_t attr;
	int err;

	if (!start)
		return ENOMEM;
	start->worker = &job->workers[i];
	start->worker->run = &job->run;
	start->loop = i < workload->producers
			      ? job->peer->producer[workload->shape]
			      : job->peer->consumer[workload->shape];
	err = pthread_attr_init(&attr);
	if (err)
		return err;
	err = pin(job->plan, i, &attr);
	if (!err)
		err = pthread_create(&start->worker->thread, &attr, worker_main,
				     start);
	pthread_attr_destroy(&attr);
	return err;
}

static const char *start_everything(struct job *job)
{
	unsigned int i;

	for (i = 0; i < QUEUES; i++) {
		job->run.queues[i] = job->peer->create(job->workload->capacity);
		if (!job->run.queues[i])
			return "cannot create a queue";
	}
	job->threads = job->workload->producers + job->workload->consumers;
	job->workers = aligned_alloc(CACHE_LINES,
				     job->threads * sizeof(*job->workers));
	if (!job->workers)
		return "no memory";
	if (pthread_barrier_init(&job->run.start, NULL, job->threads + 1))
		return "cannot make a barrier";
	for (i = 0; i < job->threads; i++) {
		job->workers[i] = (struct worker){.err = 0};
		if (start_worker(job, i))
			return "cannot start a thread";
	}
	return NULL;
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

struct reading {
	double time;
	double cpu;
	uint64_t items;
};

/* Each item is counted by one worker: who got it, or got its answer. */
static uint64_t items_so_far(const struct job *job)
{
	uint64_t items = 0;
	unsigned int i;

	for (i = 0; i < job->threads; i++)
		items += atomic_load_explicit(&job->workers[i].items,
					      memory_order_relaxed);
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
		next.items = items_so_far(job);
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

static void join_workers(struct job *job, unsigned int from, unsigned int to)
{
	unsigned int i;

	for (i = from; i < to; i++)
		pthread_join(job->workers[i].thread, NULL);
}

/* Producers first: a consumer leaves when the queue is shut and empty. */
static void stop_everything(struct job *job)
{
	unsigned int i;

	atomic_store(&job->run.stop, true);
	join_workers(job, 0, job->workload->producers);
	for (i = 0; i < QUEUES; i++)
		job->peer->shutdown(job->run.queues[i]);
	join_workers(job, job->workload->producers, job->threads);
	for (i = 0; i < QUEUES; i++)
		job->peer->destroy(job->run.queues[i]);
}

/* A fast queue that loses items would be no queue. */
static const char *verify(const struct job *job)
{
	uint64_t put = 0, got = 0;
	unsigned int i;

	for (i = 0; i < job->threads; i++) {
		put += job->workers[i].put;
		got += job->workers[i].got;
		if (job->workers[i].err !=
		    (i < job->workload->producers ? 0 : ESHUTDOWN))
			return "a put or get failed";
	}
	return put == got ? NULL : "not the items that were put came out";
}

static const char *take(struct job *job, struct bench_sample *out)
{
	const char *error = start_everything(job);

	if (error)
		return error;
	pthread_barrier_wait(&job->run.start);
	*out = measure(job);
	stop_everything(job);
	return verify(job);
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

const char *bench_take(const struct bench_workload *workload, unsigned int peer,
		       const struct bench_plan *plan, struct bench_sample *out)
{
	struct job job = {
		.workload = workload, .peer = peers[peer], .plan = plan};
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
