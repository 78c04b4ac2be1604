/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_fiber.h"

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

FIBER_QUEUE(fiber, buffered)
FIBER_QUEUE(fiber_unbuf, unbuffered)
