/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_queue.h"
#include "bench_spin.h"

#include <boost/lockfree/queue.hpp>

using queue_type = boost::lockfree::queue<void *>;

/* With so many nodes; push() makes more of them, bounded_push() does not. */
static int bench_lockfree_create(const struct bench_workload *w, void **queue)
{
	*queue = new queue_type(w->capacity);
	return 0;
}

static inline bool bench_lockfree_try_put(void *queue, void *item)
{
	return static_cast<queue_type *>(queue)->bounded_push(item);
}

static inline bool bench_lockfree_try_get(void *queue, void **item)
{
	return static_cast<queue_type *>(queue)->pop(*item);
}

static void bench_lockfree_destroy(void *queue)
{
	delete static_cast<queue_type *>(queue);
}

BENCH_DEFINE_SPINNING(lockfree)
BENCH_DEFINE_QUEUE(lockfree, BENCH_DOES(FIFO))
