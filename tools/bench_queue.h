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
 * and a row in bench_tables.c.  A queue without a shutdown of its own says
 * BENCH_SHUT_BY_ENDS(foo), and calls bench_end_or_item() in its get.
 *
 * What a queue can do beyond that is said by
 *
 *   BENCH_DEFINE_ANY_QUEUE(foo, does, runner, calls, items, close)
 *
 *   runner           of one that does COROUTINES a bench_run_fn, else NULL
 *   calls            "many" if it defines
 *     int bench_foo_put_many(void *queue, void **items, size_t n)
 *                    all of them
 *     int bench_foo_get_many(void *queue, void **items, size_t n, size_t *got)
 *                    at least one of them
 *                    else "single"
 *   items            "values" if it keeps items of any size, and defines, instead
 *                    of put and get,
 *     int bench_foo_put_value(void *queue, const void *item, size_t size)
 *     int bench_foo_get_value(void *queue, void *item, size_t size)
 *                    "both" if it defines all four;
 *                    else "pointers": of larger items it is given a copy, which
 *                    malloc() makes room for, and free() when it was got
 *
 *   close            what ends gets that wait in the empty queue, with ESHUTDOWN:
 *                    as shutdown; NULL where it has no such call of its own
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
#include <stdlib.h>
#include <string.h>
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
	const struct bench_workload *workload;
	int phase;                    /* read by bench_running() */
	struct bench_window *window;  /* may be NULL */
	struct bench_worker *workers; /* producers, then consumers */
	unsigned int producers;
	unsigned int consumers;
	struct histogram *times; /* of single items; one worker records them */
	pthread_barrier_t start;
	/* of BENCH_SHUTDOWN */
	struct bench_time shutdown, last_return;
	unsigned int waiting, returned; /* consumers */
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

typedef int bench_put_value_fn(void *queue, const void *item, size_t size);
typedef int bench_get_value_fn(void *queue, void *item, size_t size);

/* Call each() for n workers, as coroutines of this thread, the last one first;
 * until all have ended. */
typedef void bench_run_fn(bench_loop_fn *each, struct bench_worker *workers,
			  unsigned int n);

struct bench_plan;
struct bench_sample;

struct bench_queue {
	unsigned int kinds; /* BENCH_DOES() of each, BENCH_ONE_BY_ONE */
	int (*create)(const struct bench_workload *workload, void **queue);
	void (*shutdown)(void *queue, struct bench_run *run);
	void (*close)(void *queue, struct bench_run *run); /* may be NULL */
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
/* Beside kinds: of their workloads those alone in which no more than one item is on
 * its way, from one thread to one other. */
#define BENCH_ONE_BY_ONE (1u << 31)

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

#define BENCH_SHUT_BY_ENDS(name)                                               \
	static void bench_##name##_shutdown(void *queue,                       \
					    struct bench_run *run)             \
	{                                                                      \
		bench_put_ends(queue, run, bench_##name##_put);                \
	}

BENCH_EXTERN struct bench_time bench_now(void);

/* Note the time that an item took, in BENCH_TIMED. */
BENCH_EXTERN void bench_record(struct bench_worker *w, uint64_t ns);

/* All consumers, which are threads, sleep in their gets. */
BENCH_EXTERN void bench_await_sleepers(const struct bench_run *run);

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

#include "bench_loops.h"

#define BENCH_DEFINE_QUEUE(name, does)                                         \
	BENCH_DEFINE_ANY_QUEUE(name, does, NULL, single, pointers, NULL)

/* The loops of BENCH_BATCHES. */
#define BENCH_CALLS_single(name)                                               \
	static void bench_##name##_batch_producer(struct bench_worker *w)      \
	{                                                                      \
		bench_producer_loop(w, bench_##name##_put);                    \
	}                                                                      \
	static void bench_##name##_batch_consumer(struct bench_worker *w)      \
	{                                                                      \
		bench_consumer_loop(w, bench_##name##_get);                    \
	}

#define BENCH_CALLS_many(name)                                                 \
	static void bench_##name##_batch_producer(struct bench_worker *w)      \
	{                                                                      \
		bench_batch_producer_loop(w, bench_##name##_put_many);         \
	}                                                                      \
	static void bench_##name##_batch_consumer(struct bench_worker *w)      \
	{                                                                      \
		bench_batch_consumer_loop(w, bench_##name##_get_many);         \
	}

/* The calls of BENCH_SIZED. */
#define BENCH_ITEMS_values(name)                                               \
	static inline int bench_##name##_put(void *queue, void *item)          \
	{                                                                      \
		return bench_##name##_put_value(queue, &item, sizeof(item));   \
	}                                                                      \
	static inline int bench_##name##_get(void *queue, void **item)         \
	{                                                                      \
		return bench_##name##_get_value(queue, item, sizeof(*item));   \
	}

#define BENCH_ITEMS_both(name)

#define BENCH_ITEMS_pointers(name)                                             \
	static inline int bench_##name##_put_value(                            \
		void *queue, const void *item, size_t size)                    \
	{                                                                      \
		return bench_put_copy(queue, item, size, bench_##name##_put);  \
	}                                                                      \
	static inline int bench_##name##_get_value(void *queue, void *item,    \
						   size_t size)                \
	{                                                                      \
		return bench_get_copy(queue, item, size, bench_##name##_get);  \
	}

#define BENCH_DEFINE_ANY_QUEUE(name, does, runner, calls, items, close)        \
	BENCH_ITEMS_##items(name) BENCH_CALLS_##calls(                         \
		name) static void bench_##name##_solo(struct bench_worker *w)  \
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
	static void bench_##name##_sized_producer(struct bench_worker *w)      \
	{                                                                      \
		bench_sized_producer_loop(w, bench_##name##_put_value);        \
	}                                                                      \
	static void bench_##name##_sized_consumer(struct bench_worker *w)      \
	{                                                                      \
		bench_sized_consumer_loop(w, bench_##name##_get_value);        \
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
		close,                                                         \
		bench_##name##_destroy,                                        \
		{bench_##name##_solo, bench_##name##_producer,                 \
		 bench_##name##_asker, bench_##name##_producer,                \
		 bench_shutdown_loop, bench_##name##_batch_producer,           \
		 bench_##name##_paced_producer,                                \
		 bench_##name##_sized_producer},                               \
		{NULL, bench_##name##_consumer, bench_##name##_answerer,       \
		 bench_##name##_consumer, bench_##name##_waiter,               \
		 bench_##name##_batch_consumer, bench_##name##_paced_consumer, \
		 bench_##name##_sized_consumer},                               \
		runner,                                                        \
		NULL,                                                          \
	};

#endif /* BENCH_QUEUE_H */
