/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_queue.h"

#include <boost/fiber/all.hpp>
#include <vector>

using boost::fibers::channel_op_status;
using buffered = boost::fibers::buffered_channel<void *>;
using unbuffered = boost::fibers::unbuffered_channel<void *>;

/* A buffered_channel(n) takes a power of two and holds one item less: of
 * capacity 1 that is exact, of the others of this bench one too few. */
static int bench_fiber_create(const struct bench_workload *w, void **queue)
{
	*queue = new buffered(w->capacity < 2 ? 2 : w->capacity);
	return 0;
}

static int bench_fiber_unbuf_create(const struct bench_workload *w,
				    void **queue)
{
	if (w->capacity > 1)
		return ENOTSUP;
	*queue = new unbuffered;
	return 0;
}

static int to_errno(channel_op_status status)
{
	return status == channel_op_status::success ? 0 : ESHUTDOWN;
}

template <class channel> static inline int put(void *queue, void *item)
{
	return to_errno(static_cast<channel *>(queue)->push(item));
}

template <class channel> static inline int get(void *queue, void **item)
{
	return to_errno(static_cast<channel *>(queue)->pop(*item));
}

template <class channel> static void shut(void *queue, struct bench_run *)
{
	static_cast<channel *>(queue)->close();
}

template <class channel> static void destroy(void *queue)
{
	delete static_cast<channel *>(queue);
}

static void run(bench_loop_fn *each, struct bench_worker *workers,
		unsigned int n)
{
	std::vector<boost::fibers::fiber> fibers;

	while (n-- > 0)
		fibers.emplace_back(each, &workers[n]);
	for (auto &fiber : fibers)
		fiber.join();
}

#define FIBER_QUEUE(name, channel)                                             \
	static constexpr auto bench_##name##_put = put<channel>;               \
	static constexpr auto bench_##name##_get = get<channel>;               \
	static constexpr auto bench_##name##_shutdown = shut<channel>;         \
	static constexpr auto bench_##name##_destroy = destroy<channel>;       \
	BENCH_DEFINE_ANY_QUEUE(name, BENCH_DOES(COROUTINES), run, single,      \
			       pointers, bench_##name##_shutdown)

FIBER_QUEUE(fiber, buffered)
FIBER_QUEUE(fiber_unbuf, unbuffered)
