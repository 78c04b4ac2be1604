/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_queue.h"

#include <concurrentqueue/blockingconcurrentqueue.h>

using queue_type = moodycamel::BlockingConcurrentQueue<void *>;

static int bench_moodycamel_create(const struct bench_workload *, void **queue)
{
	*queue = new queue_type;
	return 0;
}

static inline int bench_moodycamel_put(void *queue, void *item)
{
	return static_cast<queue_type *>(queue)->enqueue(item) ? 0 : ENOMEM;
}

static inline int bench_moodycamel_get(void *queue, void **item)
{
	static_cast<queue_type *>(queue)->wait_dequeue(*item);
	return bench_end_or_item(*item);
}

static void bench_moodycamel_shutdown(void *queue, struct bench_run *run)
{
	bench_put_ends(queue, run, bench_moodycamel_put);
}

static void bench_moodycamel_destroy(void *queue)
{
	delete static_cast<queue_type *>(queue);
}

BENCH_DEFINE_QUEUE(moodycamel, BENCH_DOES(UNBOUNDED))
