/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_queue.h"
#include "textbook.h"

/* family: prefix of destroy and shutdown; made: what makes it of a workload w */
#define DEFINE_TEXTBOOK(name, kind, family, items, made)                       \
	static int bench_##name##_create(const struct bench_workload *w,       \
					 void **queue)                         \
	{                                                                      \
		(void)w;                                                       \
		*queue = made;                                                 \
		return *queue ? 0 : ENOMEM;                                    \
	}                                                                      \
	static inline int bench_##name##_put(void *queue, void *item)          \
	{                                                                      \
		return name##_put(queue, item);                                \
	}                                                                      \
	static inline int bench_##name##_get(void *queue, void **item)         \
	{                                                                      \
		return name##_get(queue, item);                                \
	}                                                                      \
	static void bench_##name##_shutdown(void *queue,                       \
					    struct bench_run *run)             \
	{                                                                      \
		(void)run;                                                     \
		family##_shutdown(queue);                                      \
	}                                                                      \
	static void bench_##name##_destroy(void *queue)                        \
	{                                                                      \
		family##_destroy(queue);                                       \
	}                                                                      \
	BENCH_DEFINE_ANY_QUEUE(name, BENCH_DOES(kind), NULL, single, items,    \
			       bench_##name##_shutdown)

static inline int bench_textbook_ring_put_value(void *queue, const void *item,
						size_t size)
{
	(void)size;
	return textbook_ring_put_value(queue, item);
}

static inline int bench_textbook_ring_get_value(void *queue, void *item,
						size_t size)
{
	(void)size;
	return textbook_ring_get_value(queue, item);
}

DEFINE_TEXTBOOK(textbook_ring, FIFO, textbook, both,
		textbook_ring_create(w->capacity, bench_item_size(w)))
DEFINE_TEXTBOOK(textbook_stack, LIFO, textbook, pointers,
		textbook_stack_create(w->capacity))
DEFINE_TEXTBOOK(textbook_heap, PRIORITY, textbook, pointers,
		textbook_heap_create(w->capacity, bench_compare))
DEFINE_TEXTBOOK(textbook_list, UNBOUNDED, textbook_list, pointers,
		textbook_list_create())
DEFINE_TEXTBOOK(textbook_meeting, RENDEZVOUS, textbook_meeting, pointers,
		textbook_meeting_create())
