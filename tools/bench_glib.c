/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_queue.h"

#include <glib.h>

static int bench_glib_create(const struct bench_workload *w, void **queue)
{
	(void)w;
	*queue = g_async_queue_new(); /* aborts when there is no memory */
	return 0;
}

static inline int bench_glib_put(void *queue, void *item)
{
	g_async_queue_push(queue, item);
	return 0;
}

static inline int bench_glib_get(void *queue, void **item)
{
	*item = g_async_queue_pop(queue);
	return bench_end_or_item(*item);
}

BENCH_SHUT_BY_ENDS(glib)

static void bench_glib_destroy(void *queue)
{
	g_async_queue_unref(queue);
}

BENCH_DEFINE_QUEUE(glib, BENCH_DOES(UNBOUNDED))
