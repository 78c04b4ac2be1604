/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_queue.h"
#include "bench_spin.h"

#include <ck_ring.h>
#include <stdlib.h>

struct ck_queue {
	ck_ring_t ring;
	ck_ring_buffer_t items[];
};

/* A ring of n has room for one item less, and n is a power of two from 4 on.
 * Where threads are more than cores an item takes it some milliseconds. */
static int bench_ck_create(const struct bench_workload *w, void **queue)
{
	struct ck_queue *q;

	if (w->capacity < 4 || bench_is_crowded(w))
		return ENOTSUP;
	q = calloc(1, sizeof(*q) + w->capacity * sizeof(q->items[0]));
	if (!q)
		return ENOMEM;
	ck_ring_init(&q->ring, (unsigned int)w->capacity);
	*queue = q;
	return 0;
}

static inline bool bench_ck_try_put(void *queue, void *item)
{
	struct ck_queue *q = queue;

	return ck_ring_enqueue_mpmc(&q->ring, q->items, item);
}

static inline bool bench_ck_try_get(void *queue, void **item)
{
	struct ck_queue *q = queue;

	return ck_ring_dequeue_mpmc(&q->ring, q->items, item);
}

#define bench_ck_destroy free

BENCH_DEFINE_SPINNING(ck)
BENCH_DEFINE_QUEUE(ck, BENCH_DOES(FIFO))
