/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_queue.h"

#include <oneapi/tbb/concurrent_queue.h>

using queue_type = tbb::concurrent_bounded_queue<void *>;

static int bench_tbb_create(const struct bench_workload *w, void **queue)
{
	auto q = new queue_type;

	if (w->kind != BENCH_UNBOUNDED)
		q->set_capacity(static_cast<std::ptrdiff_t>(w->capacity));
	*queue = q;
	return 0;
}

static inline int bench_tbb_put(void *queue, void *item)
{
	static_cast<queue_type *>(queue)->push(item);
	return 0;
}

static inline int bench_tbb_get(void *queue, void **item)
{
	try {
		static_cast<queue_type *>(queue)->pop(*item);
	} catch (tbb::user_abort &) {
		return ESHUTDOWN;
	}
	return bench_end_or_item(*item);
}

/* Consumers do not take what is left. */
static void bench_tbb_close(void *queue, struct bench_run *)
{
	static_cast<queue_type *>(queue)->abort();
}

BENCH_SHUT_BY_ENDS(tbb)

static void bench_tbb_destroy(void *queue)
{
	delete static_cast<queue_type *>(queue);
}

BENCH_DEFINE_ANY_QUEUE(tbb, BENCH_DOES(FIFO) | BENCH_DOES(UNBOUNDED), NULL,
		       single, pointers, bench_tbb_close)
