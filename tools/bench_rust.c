/* SPDX-License-Identifier: MIT */
/* Channels of Rust, which tools/bench_rust.rs makes a library of. */
#include "config.h"

#include "bench_queue.h"

/* A capacity of 0 is a rendezvous, if there is a limit. */
#define DEFINE_CHANNEL(name, does)                                             \
	void *rust_##name##_create(size_t capacity, bool limit);               \
	void rust_##name##_put(void *channel, void *item);                     \
	void *rust_##name##_get(void *channel);                                \
	void rust_##name##_close(void *channel);                               \
	void rust_##name##_destroy(void *channel);                             \
                                                                               \
	static int bench_##name##_create(const struct bench_workload *w,       \
					 void **queue)                         \
	{                                                                      \
		*queue = rust_##name##_create(w->capacity,                     \
					      w->kind != BENCH_UNBOUNDED);     \
		return 0;                                                      \
	}                                                                      \
	static inline int bench_##name##_put(void *queue, void *item)          \
	{                                                                      \
		rust_##name##_put(queue, item);                                \
		return 0;                                                      \
	}                                                                      \
	static inline int bench_##name##_get(void *queue, void **item)         \
	{                                                                      \
		*item = rust_##name##_get(queue);                              \
		return bench_end_or_item(*item);                               \
	}                                                                      \
	BENCH_SHUT_BY_ENDS(name)                                               \
	static void bench_##name##_close(void *queue, struct bench_run *run)   \
	{                                                                      \
		(void)run;                                                     \
		rust_##name##_close(queue);                                    \
	}                                                                      \
	static void bench_##name##_destroy(void *queue)                        \
	{                                                                      \
		rust_##name##_destroy(queue);                                  \
	}                                                                      \
	BENCH_DEFINE_ANY_QUEUE(name, does, NULL, single, pointers,             \
			       bench_##name##_close)

DEFINE_CHANNEL(crossbeam, BENCH_DOES(FIFO) | BENCH_DOES(UNBOUNDED) |
				  BENCH_DOES(RENDEZVOUS))
DEFINE_CHANNEL(async, BENCH_DOES(FIFO) | BENCH_DOES(UNBOUNDED))
