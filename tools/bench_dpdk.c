/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_queue.h"
#include "bench_spin.h"

#include <stdlib.h>
#include <sys/sysinfo.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#include <rte_ring.h>
#pragma GCC diagnostic pop

/*
 * In memory of our own: that needs no environment of DPDK.  In the simplest mode
 * all wait for a thread that is preempted in a call, without sched_yield(); where
 * threads are more than cores, DPDK's manual has another one.
 */
static int bench_dpdk_create(const struct bench_workload *w, void **queue)
{
	bool crowded = w->producers + w->consumers > (unsigned int)get_nprocs();
	unsigned int capacity = (unsigned int)w->capacity;
	unsigned int modes =
		crowded ? RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ : 0;
	size_t size =
		(size_t)rte_ring_get_memsize(rte_align32pow2(capacity + 1));
	struct rte_ring *ring = aligned_alloc(RTE_CACHE_LINE_SIZE, size);

	*queue = ring;
	return ring ? -rte_ring_init(ring, "bench", capacity,
				     RING_F_EXACT_SZ | modes)
		    : ENOMEM;
}

static inline int bench_dpdk_put(void *queue, void *item)
{
	BENCH_SPIN_UNTIL(rte_ring_enqueue(queue, item) == 0);
	return 0;
}

static inline int bench_dpdk_get(void *queue, void **item)
{
	BENCH_SPIN_UNTIL(rte_ring_dequeue(queue, item) == 0);
	return bench_end_or_item(*item);
}

static void bench_dpdk_shutdown(void *queue, struct bench_run *run)
{
	bench_put_ends(queue, run, bench_dpdk_put);
}

static void bench_dpdk_destroy(void *queue)
{
	free(queue);
}

BENCH_DEFINE_QUEUE(dpdk, BENCH_DOES(FIFO))
