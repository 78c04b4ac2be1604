/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_queue.h"

#include <boost/thread/concurrent_queues/sync_bounded_queue.hpp>

using queue_type = boost::concurrent::sync_bounded_queue<void *>;

static int bench_boost_bounded_create(const struct bench_workload *w,
				      void **queue)
{
	*queue = new queue_type(w->capacity);
	return 0;
}

static int to_errno(boost::concurrent::queue_op_status status)
{
	return status == boost::concurrent::queue_op_status::success
		       ? 0
		       : ESHUTDOWN;
}

static inline int bench_boost_bounded_put(void *queue, void *item)
{
	return to_errno(static_cast<queue_type *>(queue)->wait_push_back(item));
}

static inline int bench_boost_bounded_get(void *queue, void **item)
{
	return to_errno(
		static_cast<queue_type *>(queue)->wait_pull_front(*item));
}

static void bench_boost_bounded_shutdown(void *queue, struct bench_run *)
{
	static_cast<queue_type *>(queue)->close();
}

static void bench_boost_bounded_destroy(void *queue)
{
	delete static_cast<queue_type *>(queue);
}

BENCH_DEFINE_ANY_QUEUE(boost_bounded, BENCH_DOES(FIFO), NULL, single, pointers,
		       bench_boost_bounded_shutdown)
