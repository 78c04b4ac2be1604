/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_queue.h"

#include <libavutil/error.h>
#include <libavutil/threadmessage.h>

static int bench_ffmpeg_create(const struct bench_workload *w, void **queue)
{
	AVThreadMessageQueue *q;
	int err =
		av_thread_message_queue_alloc(&q, (unsigned int)w->capacity,
					      (unsigned int)bench_item_size(w));

	*queue = q;
	return AVUNERROR(err);
}

/* What it sends is not const, but copied. */
static inline int bench_ffmpeg_put_value(void *queue, const void *item,
					 size_t size)
{
	(void)size;
	return AVUNERROR(av_thread_message_queue_send(
		queue, (void *)(uintptr_t)item, 0));
}

static inline int bench_ffmpeg_get_value(void *queue, void *item, size_t size)
{
	(void)size;
	return AVUNERROR(av_thread_message_queue_recv(queue, item, 0));
}

static void bench_ffmpeg_shutdown(void *queue, struct bench_run *run)
{
	(void)run;
	av_thread_message_queue_set_err_recv(queue, AVERROR(ESHUTDOWN));
}

static void bench_ffmpeg_destroy(void *queue)
{
	AVThreadMessageQueue *q = queue;

	av_thread_message_queue_free(&q);
}

BENCH_DEFINE_ANY_QUEUE(ffmpeg, BENCH_DOES(FIFO), NULL, single, values,
		       bench_ffmpeg_shutdown)
