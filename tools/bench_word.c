/* SPDX-License-Identifier: MIT */
/*
 * No queue, but what none can do without: a word that one core writes and another
 * reads.  What an item takes here is the machine's.
 */
#include "config.h"

#include "bench_queue.h"
#include "bench_spin.h"

#include <stdatomic.h>
#include <stdlib.h>

struct word {
	_Alignas(128) _Atomic(void *) item; /* NULL: none */
};

/* Of one putter and one getter. */
static int bench_word_create(const struct bench_workload *w, void **queue)
{
	struct word *word = aligned_alloc(_Alignof(struct word), sizeof(*word));

	(void)w;
	*queue = word;
	if (!word)
		return ENOMEM;
	atomic_init(&word->item, NULL);
	return 0;
}

static inline bool bench_word_try_put(void *queue, void *item)
{
	struct word *word = queue;

	if (atomic_load_explicit(&word->item, memory_order_acquire))
		return false;
	atomic_store_explicit(&word->item, item, memory_order_release);
	return true;
}

static inline bool bench_word_try_get(void *queue, void **item)
{
	struct word *word = queue;

	*item = atomic_load_explicit(&word->item, memory_order_acquire);
	if (!*item)
		return false;
	atomic_store_explicit(&word->item, NULL, memory_order_release);
	return true;
}

#define bench_word_destroy free

BENCH_DEFINE_SPINNING(word)
BENCH_DEFINE_QUEUE(word, BENCH_DOES(FIFO) | BENCH_ONE_BY_ONE)
