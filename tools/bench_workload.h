/* SPDX-License-Identifier: MIT */
/* What is to be done with a queue of which kind; C and C++. */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>

/* A queue's kind, which it has from its creation on. */
enum bench_kind {
	BENCH_FIFO, /* bounded, as LIFO and PRIORITY are */
	BENCH_UNBOUNDED,
	BENCH_LIFO,
	BENCH_PRIORITY, /* by bench_compare() */
	BENCH_RENDEZVOUS,
	BENCH_COROUTINES /* bounded FIFO; coroutines call, on one thread */
};

/* What the threads or coroutines of a workload do. */
enum bench_shape {
	BENCH_SOLO,      /* one thread puts an item and gets it back */
	BENCH_FLOW,      /* producers put, consumers get */
	BENCH_ROUNDTRIP, /* one thread puts and waits for the other's answer */
	BENCH_MIXED,     /* BENCH_FLOW, but that producers are threads */
	BENCH_SHUTDOWN,  /* consumers wait, a producer shuts down */
	BENCH_BATCHES,   /* BENCH_FLOW, BENCH_BATCH items a call if it can */
	BENCH_PACED,     /* BENCH_FLOW, an item at a time, each timed */
	BENCH_SIZED,     /* BENCH_FLOW, items of a size */
	BENCH_MEMORY,    /* nobody does anything: what does the queue take? */
	BENCH_SHAPES
};

enum { BENCH_BATCH = 32 };

/* A pace from which on a producer sleeps until it is time for the next item; else
 * it spins. */
enum { BENCH_SLEEP = 50000 };

struct bench_workload {
	const char *name;
	enum bench_kind kind;
	enum bench_shape shape;
	unsigned int producers;
	unsigned int consumers;
	size_t capacity; /* in items; 0 where the kind has none */
	const char *about;
	/* of BENCH_PACED: nanoseconds from an item to the next */
	unsigned int pace;
	/* of BENCH_SIZED: bytes, a multiple of a pointer's; else 0 */
	size_t item_size;
};

/* Largest item_size. */
enum { BENCH_ITEM_MAX = 4096 };

static inline size_t bench_item_size(const struct bench_workload *w)
{
	return w->item_size ? w->item_size : sizeof(void *);
}

/* Else nanoseconds. */
static inline bool bench_is_in_bytes(const struct bench_workload *w)
{
	return w->shape == BENCH_MEMORY;
}

/* Whether single items are timed. */
static inline bool bench_workload_is_timed(const struct bench_workload *w)
{
	return w->shape == BENCH_ROUNDTRIP || w->shape == BENCH_PACED;
}

#endif /* BENCH_WORKLOAD_H */
