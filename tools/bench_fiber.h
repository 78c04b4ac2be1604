/* SPDX-License-Identifier: MIT */
/* What the channels of Boost.Fiber have in common: all but how they are made. */
#ifndef BENCH_FIBER_H
#define BENCH_FIBER_H

#include "bench_queue.h"

#include <boost/fiber/all.hpp>
#include <vector>

static int to_errno(boost::fibers::channel_op_status status)
{
	return status == boost::fibers::channel_op_status::success ? 0
								   : ESHUTDOWN;
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

#endif /* BENCH_FIBER_H */
