/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_queue.h"

#include <apr_queue.h>

static int bench_apr_create(const struct bench_workload *w, void **queue)
{
	apr_pool_t *pool;
	apr_queue_t *q;

	if (apr_initialize() || apr_pool_create(&pool, NULL) ||
	    apr_queue_create(&q, (unsigned int)w->capacity, pool))
		return ENOMEM;
	*queue = q;
	return 0;
}

/* Whoever was woken and finds that another was faster gets APR_EINTR. */

static inline int bench_apr_put(void *queue, void *item)
{
	apr_status_t status;

	while ((status = apr_queue_push(queue, item)) == APR_EINTR)
		;
	return status;
}

static inline int bench_apr_get(void *queue, void **item)
{
	apr_status_t status;

	while ((status = apr_queue_pop(queue, item)) == APR_EINTR)
		;
	return status ? ESHUTDOWN : bench_end_or_item(*item);
}

/* It gives up what is left. */
static void bench_apr_close(void *queue, struct bench_run *run)
{
	(void)run;
	apr_queue_term(queue);
}

BENCH_SHUT_BY_ENDS(apr)

/* It goes with the pools. */
static void bench_apr_destroy(void *queue)
{
	(void)queue;
	apr_terminate();
}

BENCH_DEFINE_ANY_QUEUE(apr, BENCH_DOES(FIFO), NULL, single, pointers,
		       bench_apr_close)
