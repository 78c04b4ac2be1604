/* SPDX-License-Identifier: MIT */
/*
 * What a queue must bring to be measured, in C or C++: a file that includes
 * this and defines, for a queue called foo,
 *
 *   int bench_foo_create(const struct bench_workload *w, void **queue)
 *                    0 or an errno value; ENOTSUP is no failure but a row
 *                    "not supported" in the report
 *   int bench_foo_put(void *queue, void *item)    0 or ESHUTDOWN
 *   int bench_foo_get(void *queue, void **item)   0 or ESHUTDOWN; both may wait
 *   void bench_foo_shutdown(void *queue, struct bench_run *run)
 *                    when the producers are done: consumers still take what
 *                    is left, then see ESHUTDOWN
 *   void bench_foo_destroy(void *queue)
 *
 *   BENCH_DEFINE_QUEUE(foo, BENCH_DOES(FIFO) | BENCH_DOES(LIFO))
 *
 * and a row in bench_tables.c.  One that has calls for several items defines
 *
 *   int bench_foo_put_many(void *queue, void **items, size_t n)
 *                    all of them
 *   int bench_foo_get_many(void *queue, void **items, size_t n, size_t *got)
 *                    at least one of them
 *
 * and says BENCH_DEFINE_BATCH_QUEUE.  A queue without a shutdown of its own calls
 * bench_put_ends() there, and bench_end_or_item() in its get.  One that does
 * COROUTINES brings a bench_run_fn, too: BENCH_DEFINE_COROUTINE_QUEUE.
 *
 * Equal treatment: each queue gets its own copy of every loop below, compiled
 * with direct calls of its put and get.  What is a header alone is inlined into
 * the loop, and what is a shared library goes through its table, coqueue too,
 * as in an application.
 */
#ifndef BENCH_QUEUE_H
#define BENCH_QUEUE_H

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "bench_window.h"
#include "bench_workload.h"

#ifdef __cplusplus
#define BENCH_EXTERN extern "C"
#else
#define BENCH_EXTERN extern
#endif

enum {
	BENCH_QUEUES = 2, /* a round trip needs two */
};

/* Bytes that processors fetch together. */
#define BENCH_ALIGNED __attribute__((aligned(128)))

struct bench_time {
	double clock; /* seconds */
	double cpu;   /* of all threads */
};

/* What the workers of a sample are to do; in this order. */
enum bench_phase {
	BENCH_COUNTED, /* count items */
	BENCH_TIMED,   /* where single items are timed: do so */
	BENCH_STOPPED
};

struct histogram;

struct bench_run {
	void *queues[BENCH_QUEUES];
	const struct bench_queue *queue;
	int phase;                    /* read by bench_running() */
	struct bench_window *window;  /* may be NULL */
	struct bench_worker *workers; /* producers, then consumers */
	unsigned int producers;
	unsigned int consumers;
	struct histogram *times; /* of single items; one worker records them */
	unsigned int pace;
	pthread_barrier_t start;
	/* of BENCH_SHUTDOWN */
	struct bench_time shutdown, last_return;
	unsigned int returned; /* consumers */
};

struct bench_worker;
typedef void bench_loop_fn(struct bench_worker *w);

struct bench_worker {
	/* written by the worker, read by the sampler */
	uint64_t items BENCH_ALIGNED;
	uint64_t waited_ns; /* CPU time until it was time for an item */
	/* written once, when it ends: sums of the items put and got */
	uint64_t put BENCH_ALIGNED;
	uint64_t got;
	uint64_t puts;       /* how many succeeded */
	uint64_t reading_ns; /* what a reading of its CPU clock takes */
	int err;
	struct bench_run *run;
	bench_loop_fn *loop;
	sem_t ended;
	pthread_t thread;
};

typedef int bench_put_fn(void *queue, void *item);
typedef int bench_get_fn(void *queue, void **item);
typedef int bench_put_many_fn(void *queue, void **items, size_t n);
typedef int bench_get_many_fn(void *queue, void **items, size_t n, size_t *got);

/* Call each() for n workers, as coroutines of this thread, the last one first;
 * until all have ended. */
typedef void bench_run_fn(bench_loop_fn *each, struct bench_worker *workers,
			  unsigned int n);

struct bench_plan;
struct bench_sample;

struct bench_queue {
	unsigned int kinds; /* BENCH_DOES() of each */
	int (*create)(const struct bench_workload *workload, void **queue);
	void (*shutdown)(void *queue, struct bench_run *run);
	void (*destroy)(void *queue);
	bench_loop_fn *producer[BENCH_SHAPES];
	bench_loop_fn *consumer[BENCH_SHAPES];
	bench_run_fn *coroutines;
	/* Of a queue that is no part of this program, instead of the rest: take
	 * a sample; NULL, or what went wrong. */
	const char *(*sample)(const struct bench_workload *workload,
			      const struct bench_plan *plan,
			      struct bench_sample *out);
};

#define BENCH_DOES(kind) (1u << BENCH_##kind)

/* Items are numbers in a pointer: 256 priorities, evenly mixed, as the upper
 * byte; none is NULL or the end. */
#define BENCH_NEXT_ITEM ((uintptr_t)0x9e3779b97f4a7c15)
#define BENCH_PRIORITY_OF(item)                                                \
	((unsigned int)((item) >> (8 * sizeof(uintptr_t) - 8)))
#define BENCH_END ((void *)1)

/* The order of BENCH_PRIORITY, of pointers to items. */
static inline int bench_compare(const void *a, const void *b, void *ctx)
{
	unsigned int x = BENCH_PRIORITY_OF(*(const uintptr_t *)a);
	unsigned int y = BENCH_PRIORITY_OF(*(const uintptr_t *)b);

	(void)ctx;
	return (x > y) - (x < y);
}

/* Wait until consumers have taken all items, which an end might overtake in a
 * queue that is not FIFO throughout; then put an end for each of them. */
BENCH_EXTERN void bench_put_ends(void *queue, struct bench_run *run,
				 bench_put_fn *put);

BENCH_EXTERN struct bench_time bench_now(void);

/* Note the time that an item took, in BENCH_TIMED. */
BENCH_EXTERN void bench_record(struct bench_worker *w, uint64_t ns);

/* Until bench_clock() says `when`. */
BENCH_EXTERN void bench_wait_until(struct bench_worker *w, uint64_t when);

/* Nanoseconds. */
static inline uint64_t bench_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static inline int bench_end_or_item(const void *item)
{
	return item == BENCH_END ? ESHUTDOWN : 0;
}

/* The loops, for any put and get. */

#define BENCH_LOOP static inline __attribute__((always_inline)) void

static inline bool bench_is_before(struct bench_worker *w, int phase)
{
	return __atomic_load_n(&w->run->phase, __ATOMIC_RELAXED) < phase &&
	       !w->err;
}

static inline bool bench_running(struct bench_worker *w)
{
	return bench_is_before(w, BENCH_STOPPED);
}

static inline void bench_count(struct bench_worker *w, uint64_t items)
{
	__atomic_store_n(&w->items, items, __ATOMIC_RELAXED);
}

/* Put an item into one queue, and get one from that or another; until a phase. */
BENCH_LOOP bench_put_get_loop(struct bench_worker *w, void *to, void *from,
			      bench_put_fn *put, bench_get_fn *get, int until,
			      bool timed)
{
	uint64_t n = w->puts, begin = 0;
	uintptr_t item = 0, sent = 0, got = 0;
	void *back = NULL;

	while (bench_is_before(w, until)) {
		item += BENCH_NEXT_ITEM;
		sent += item;
		if (timed)
			begin = bench_clock();
		w->err = put(to, (void *)item);
		if (!w->err)
			w->err = get(from, &back);
		if (timed)
			bench_record(w, bench_clock() - begin);
		got += (uintptr_t)back;
		bench_count(w, ++n);
	}
	w->put += sent;
	w->got += got;
	w->puts = n;
}

/* A clock that is read for each item would be part of what an item takes, so
 * they are counted first and timed then. */
BENCH_LOOP bench_asker_loop(struct bench_worker *w, bench_put_fn *put,
			    bench_get_fn *get)
{
	void *there = w->run->queues[0], *back = w->run->queues[1];

	bench_put_get_loop(w, there, back, put, get, BENCH_TIMED, false);
	bench_put_get_loop(w, there, back, put, get, BENCH_STOPPED, true);
}

BENCH_LOOP bench_producer_loop(struct bench_worker *w, bench_put_fn *put)
{
	void *queue = w->run->queues[0];
	uintptr_t item = 0, sent = 0;
	uint64_t n = 0;

	while (bench_running(w)) {
		if (n++ % BENCH_WINDOW_STEP == 0)
			bench_window_take(w->run->window);
		item += BENCH_NEXT_ITEM;
		sent += item;
		w->err = put(queue, (void *)item);
	}
	w->put = sent;
	w->puts = w->err ? n - 1 : n;
}

BENCH_LOOP bench_consumer_loop(struct bench_worker *w, bench_get_fn *get)
{
	void *queue = w->run->queues[0];
	uint64_t n = 0, got = 0;
	void *item;

	while ((w->err = get(queue, &item)) == 0) {
		got += (uintptr_t)item;
		bench_count(w, ++n);
		if (n % BENCH_WINDOW_STEP == 0)
			bench_window_give(w->run->window);
	}
	w->got = got;
}

/* Of BENCH_PACED.  An item is the time of its put.  A put that comes late, since
 * the one before took long or the sleep did, does not delay the next ones. */
BENCH_LOOP bench_paced_producer_loop(struct bench_worker *w, bench_put_fn *put)
{
	uint64_t n = 0, next = bench_clock();
	uintptr_t item, sent = 0;

	while (bench_running(w)) {
		bench_wait_until(w, next += w->run->pace);
		item = (uintptr_t)bench_clock();
		sent += item;
		w->err = put(w->run->queues[0], (void *)item);
		n++;
	}
	w->put = sent;
	w->puts = n;
}

BENCH_LOOP bench_paced_consumer_loop(struct bench_worker *w, bench_get_fn *get)
{
	uint64_t n = 0, got = 0;
	void *item;

	while ((w->err = get(w->run->queues[0], &item)) == 0) {
		bench_record(w, (uintptr_t)bench_clock() - (uintptr_t)item);
		got += (uintptr_t)item;
		bench_count(w, ++n);
	}
	w->got = got;
}

/* Of BENCH_BATCHES; the kinds of queues that have it need no window. */
BENCH_LOOP bench_batch_producer_loop(struct bench_worker *w,
				     bench_put_many_fn *put_many)
{
	uintptr_t item = 0, sent = 0;
	void *items[BENCH_BATCH];
	uint64_t n = 0;
	int i;

	while (bench_running(w)) {
		for (i = 0; i < BENCH_BATCH; i++) {
			item += BENCH_NEXT_ITEM;
			sent += item;
			items[i] = (void *)item;
		}
		w->err = put_many(w->run->queues[0], items, BENCH_BATCH);
		n += BENCH_BATCH;
	}
	w->put = sent;
	w->puts = n;
}

BENCH_LOOP bench_batch_consumer_loop(struct bench_worker *w,
				     bench_get_many_fn *get_many)
{
	void *queue = w->run->queues[0], *items[BENCH_BATCH];
	uint64_t n = 0, sum = 0;
	size_t got, i;

	while ((w->err = get_many(queue, items, BENCH_BATCH, &got)) == 0) {
		for (i = 0; i < got; i++)
			sum += (uintptr_t)items[i];
		bench_count(w, n += got);
	}
	w->got = sum;
}

BENCH_LOOP bench_answerer_loop(struct bench_worker *w, bench_put_fn *put,
			       bench_get_fn *get)
{
	void *there = w->run->queues[0], *back = w->run->queues[1];
	void *item;

	while ((w->err = get(there, &item)) == 0)
		if ((w->err = put(back, item)) != 0)
			break;
}

/* Of BENCH_SHUTDOWN; all of them are on one thread. */
BENCH_LOOP bench_shutdown_loop(struct bench_worker *w)
{
	w->run->shutdown = bench_now();
	w->run->queue->shutdown(w->run->queues[0], w->run);
}

BENCH_LOOP bench_waiter_loop(struct bench_worker *w, bench_get_fn *get)
{
	void *item;

	w->err = get(w->run->queues[0], &item);
	if (++w->run->returned == w->run->consumers)
		w->run->last_return = bench_now();
}

#define BENCH_DEFINE_QUEUE(name, does)                                         \
	BENCH_DEFINE_COROUTINE_QUEUE(name, does, NULL)

#define BENCH_DEFINE_COROUTINE_QUEUE(name, does, runner)                       \
	BENCH_DEFINE_ANY_QUEUE(name, does, runner, bench_##name##_producer,    \
			       bench_##name##_consumer)

#define BENCH_DEFINE_BATCH_QUEUE(name, does, runner)                           \
	static void bench_##name##_batch_producer(struct bench_worker *w)      \
	{                                                                      \
		bench_batch_producer_loop(w, bench_##name##_put_many);         \
	}                                                                      \
	static void bench_##name##_batch_consumer(struct bench_worker *w)      \
	{                                                                      \
		bench_batch_consumer_loop(w, bench_##name##_get_many);         \
	}                                                                      \
	BENCH_DEFINE_ANY_QUEUE(name, does, runner,                             \
			       bench_##name##_batch_producer,                  \
			       bench_##name##_batch_consumer)

#define BENCH_DEFINE_ANY_QUEUE(name, does, runner, batch_producer,             \
			       batch_consumer)                                 \
	static void bench_##name##_solo(struct bench_worker *w)                \
	{                                                                      \
		bench_put_get_loop(w, w->run->queues[0], w->run->queues[0],    \
				   bench_##name##_put, bench_##name##_get,     \
				   BENCH_STOPPED, false);                      \
	}                                                                      \
	static void bench_##name##_producer(struct bench_worker *w)            \
	{                                                                      \
		bench_producer_loop(w, bench_##name##_put);                    \
	}                                                                      \
	static void bench_##name##_consumer(struct bench_worker *w)            \
	{                                                                      \
		bench_consumer_loop(w, bench_##name##_get);                    \
	}                                                                      \
	static void bench_##name##_asker(struct bench_worker *w)               \
	{                                                                      \
		bench_asker_loop(w, bench_##name##_put, bench_##name##_get);   \
	}                                                                      \
	static void bench_##name##_answerer(struct bench_worker *w)            \
	{                                                                      \
		bench_answerer_loop(w, bench_##name##_put,                     \
				    bench_##name##_get);                       \
	}                                                                      \
	static void bench_##name##_paced_producer(struct bench_worker *w)      \
	{                                                                      \
		bench_paced_producer_loop(w, bench_##name##_put);              \
	}                                                                      \
	static void bench_##name##_paced_consumer(struct bench_worker *w)      \
	{                                                                      \
		bench_paced_consumer_loop(w, bench_##name##_get);              \
	}                                                                      \
	static void bench_##name##_waiter(struct bench_worker *w)              \
	{                                                                      \
		bench_waiter_loop(w, bench_##name##_get);                      \
	}                                                                      \
	BENCH_EXTERN const struct bench_queue bench_##name;                    \
	const struct bench_queue bench_##name = {                              \
		does,                                                          \
		bench_##name##_create,                                         \
		bench_##name##_shutdown,                                       \
		bench_##name##_destroy,                                        \
		{bench_##name##_solo, bench_##name##_producer,                 \
		 bench_##name##_asker, bench_##name##_producer,                \
		 bench_shutdown_loop, batch_producer,                          \
		 bench_##name##_paced_producer},                               \
		{NULL, bench_##name##_consumer, bench_##name##_answerer,       \
		 bench_##name##_consumer, bench_##name##_waiter,               \
		 batch_consumer, bench_##name##_paced_consumer},               \
		runner,                                                        \
		NULL,                                                          \
	};

#endif /* BENCH_QUEUE_H */
