/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_queue.h"
#include "bench_spin.h"

#include <cassert>
#include <cstring>

#include <atomic_queue/atomic_queue.h>

using queue_type = atomic_queue::AtomicQueueB<void *>;

/* It has room for 64 items at least. */
static int bench_atomic_queue_create(const struct bench_workload *w,
				     void **queue)
{
	auto q = new queue_type(static_cast<unsigned int>(w->capacity));

	*queue = q;
	return q->capacity() == w->capacity ? 0 : ENOTSUP;
}

static inline bool bench_atomic_queue_try_put(void *queue, void *item)
{
	return static_cast<queue_type *>(queue)->try_push(item);
}

static inline bool bench_atomic_queue_try_get(void *queue, void **item)
{
	return static_cast<queue_type *>(queue)->try_pop(*item);
}

static void bench_atomic_queue_destroy(void *queue)
{
	delete static_cast<queue_type *>(queue);
}

BENCH_DEFINE_SPINNING(atomic_queue)
BENCH_DEFINE_QUEUE(atomic_queue, BENCH_DOES(FIFO))
