/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_coroutines.h"

#include <coqueue.h>

static int bench_coqueue_create(const struct bench_workload *w, void **queue)
{
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;
	size_t capacity = w->capacity;
	coqueue_t *q;
	int err;

	attr.item_size = bench_item_size(w);
	if (w->kind == BENCH_UNBOUNDED)
		capacity = COQUEUE_UNBOUNDED;
	if (w->kind == BENCH_LIFO)
		attr.order = COQUEUE_LIFO;
	if (w->kind == BENCH_PRIORITY) {
		attr.order = COQUEUE_PRIORITY;
		attr.compare = bench_compare;
	}
	err = coqueue_create(&q, capacity, &attr);
	if (!err)
		*queue = q;
	return err;
}

static inline int bench_coqueue_put_value(void *queue, const void *item,
					  size_t size)
{
	(void)size;
	return coqueue_put(queue, item);
}

static inline int bench_coqueue_get_value(void *queue, void *item, size_t size)
{
	(void)size;
	return coqueue_get(queue, item);
}

static inline int bench_coqueue_put_many(void *queue, void **items, size_t n)
{
	size_t done;

	return coqueue_put_many(queue, items, n, NULL, &done);
}

static inline int bench_coqueue_get_many(void *queue, void **items, size_t n,
					 size_t *got)
{
	return coqueue_get_many(queue, items, n, NULL, got);
}

static void bench_coqueue_shutdown(void *queue, struct bench_run *run)
{
	(void)run;
	coqueue_shutdown(queue, COQUEUE_GRACEFUL);
}

static void bench_coqueue_destroy(void *queue)
{
	coqueue_destroy(queue);
}

#define KINDS_OF_THREADS                                                       \
	(BENCH_DOES(FIFO) | BENCH_DOES(UNBOUNDED) | BENCH_DOES(LIFO) |         \
	 BENCH_DOES(PRIORITY) | BENCH_DOES(RENDEZVOUS))

#if HAVE_BOOST_CONTEXT
BENCH_DEFINE_ANY_QUEUE(coqueue, KINDS_OF_THREADS | BENCH_DOES(COROUTINES),
		       bench_coroutines_run, many, values,
		       bench_coqueue_shutdown)
#else
BENCH_DEFINE_ANY_QUEUE(coqueue, KINDS_OF_THREADS, NULL, many, values,
		       bench_coqueue_shutdown)
#endif
