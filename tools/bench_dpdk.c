/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_queue.h"
#include "bench_spin.h"

#include <rte_ring.h>
#include <stdlib.h>

/*
 * In memory of our own: no environment of DPDK.  Where threads are more than
 * cores, its manual has modes that do not wait for one preempted in a call.
 */
static int bench_dpdk_create(const struct bench_workload *w, void **queue)
{
	unsigned int n = (unsigned int)w->capacity, modes = RING_F_EXACT_SZ;

	if (bench_is_crowded(w))
		modes |= RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ;
	*queue = aligned_alloc(
		RTE_CACHE_LINE_SIZE,
		(size_t)rte_ring_get_memsize(rte_align32pow2(n + 1)));
	return *queue ? -rte_ring_init(*queue, "bench", n, modes) : ENOMEM;
}

static inline bool bench_dpdk_try_put(void *queue, void *item)
{
	return rte_ring_enqueue(queue, item) == 0;
}

static inline bool bench_dpdk_try_get(void *queue, void **item)
{
	return rte_ring_dequeue(queue, item) == 0;
}

BENCH_DEFINE_SPINNING(dpdk)

static inline int bench_dpdk_put_many(void *queue, void **items, size_t n)
{
	BENCH_SPIN_UNTIL(rte_ring_enqueue_bulk(queue, items, n, NULL) == n);
	return 0;
}

/* Ends come after all items, and those of others are for them. */
static inline int bench_dpdk_get_many(void *queue, void **items, size_t n,
				      size_t *got)
{
	BENCH_SPIN_UNTIL(*got = rte_ring_dequeue_burst(queue, items, n, NULL));
	if (items[0] != BENCH_END)
		return 0;
	bench_dpdk_put_many(queue, items + 1, *got - 1);
	return ESHUTDOWN;
}

#define bench_dpdk_destroy free

BENCH_DEFINE_ANY_QUEUE(dpdk, BENCH_DOES(FIFO), NULL, many, pointers, NULL)
