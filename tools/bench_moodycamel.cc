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

BENCH_SHUT_BY_ENDS(moodycamel)

static void bench_moodycamel_destroy(void *queue)
{
	delete static_cast<queue_type *>(queue);
}

BENCH_DEFINE_QUEUE(moodycamel, BENCH_DOES(UNBOUNDED))

/* With tokens, one for each thread: there is one queue where these are used. */
static inline int bench_moodycamel_tokens_put(void *queue, void *item)
{
	auto q = static_cast<queue_type *>(queue);
	static thread_local moodycamel::ProducerToken token(*q);

	return q->enqueue(token, item) ? 0 : ENOMEM;
}

static inline int bench_moodycamel_tokens_get(void *queue, void **item)
{
	auto q = static_cast<queue_type *>(queue);
	static thread_local moodycamel::ConsumerToken token(*q);

	q->wait_dequeue(token, *item);
	return bench_end_or_item(*item);
}

static constexpr auto bench_moodycamel_tokens_create = bench_moodycamel_create;
static constexpr auto bench_moodycamel_tokens_shutdown =
	bench_moodycamel_shutdown;
static constexpr auto bench_moodycamel_tokens_destroy =
	bench_moodycamel_destroy;

BENCH_DEFINE_QUEUE(moodycamel_tokens, BENCH_DOES(UNBOUNDED))
