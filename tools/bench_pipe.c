/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_queue.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { FOR_GET, FOR_PUT, ENDS };

/*
 * A pipe has a number of pages.  Where the items fill some, these are as many as
 * they are, fewer while one of the pages is half read; else each item is a
 * packet, which has a page to itself.  All of that is the kernel's memory.
 */
static int bench_pipe_create(const struct bench_workload *w, void **queue)
{
	int *ends = malloc(ENDS * sizeof(*ends));
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	bool packets = w->capacity * bench_item_size(w) % page != 0;
	int size = (int)(w->capacity * (packets ? page : bench_item_size(w)));

	if (!ends)
		return ENOMEM;
	if (pipe2(ends, packets ? O_DIRECT : 0))
		return errno == EINVAL ? ENOTSUP : errno;
	*queue = ends;
	return fcntl(ends[FOR_PUT], F_SETPIPE_SZ, size) == size &&
			       w->shape != BENCH_MEMORY
		       ? 0
		       : ENOTSUP;
}

/* Up to PIPE_BUF bytes are written at once, and so they are read. */
static inline int bench_pipe_put_value(void *queue, const void *item,
				       size_t size)
{
	return write(((int *)queue)[FOR_PUT], item, size) < 0 ? errno : 0;
}

static inline int bench_pipe_get_value(void *queue, void *item, size_t size)
{
	return read(((int *)queue)[FOR_GET], item, size) > 0 ? 0 : ESHUTDOWN;
}

static void bench_pipe_shutdown(void *queue, struct bench_run *run)
{
	(void)run;
	close(((int *)queue)[FOR_PUT]);
}

static void bench_pipe_destroy(void *queue)
{
	close(((int *)queue)[FOR_GET]);
	free(queue);
}

BENCH_DEFINE_ANY_QUEUE(pipe, BENCH_DOES(FIFO), NULL, single, values,
		       bench_pipe_shutdown)
