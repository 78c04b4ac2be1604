/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LIFO and PRIORITY: items in an array of slots, under a lock of their own.
 *
 *     LIFO       slots   [a] [b] [c] [ ] [ ]      next out: slot size - 1
 *
 *     PRIORITY   heap    (2) (0) (1) (4) (3)      next out: slot heap[0]
 *                slots   [b] [c] [a] [ ] [ ]
 *
 * The heap orders the numbers of slots, so that items, which may be large, stay
 * where they are.  Beyond its size stand the numbers of the free slots.  Each
 * number goes with the age of its item, by which equal items leave in FIFO
 * order.  Whatever a comparator answers, a number stands there exactly once:
 * one that contradicts itself spoils the order and nothing else.
 *
 * A pile without a limit grows by half and shrinks when three quarters are
 * empty; one with a limit has its memory from the beginning.
 *
 * Its counters, from which its size follows, are read without that lock.
 *   [pile.1] -> [pile.2]  who sees a count sees the put, or get, that made it
 *
 * Sources: the heap is J. W. J. Williams's, "Heapsort" (1964); that the hole
 * sinks to the bottom first, R. W. Floyd's.
 */
#ifndef COQUEUE_STORE_PILE_H
#define COQUEUE_STORE_PILE_H

#include "port.h"
#include "spin.h"
#include "store.h"
#include "sync.h"

/* Of compare(): whether a caller is inside, who must not call us then. */
bool pile_is_comparing(void);

struct pile_entry {
	size_t slot;
	uint64_t age;
};

struct pile {
	struct store store;
	_Atomic size_t capacity; /* items; SIZE_MAX: no limit */
	/* written by pile_init() alone */
	size_t stride; /* bytes from slot to slot */
	int (*compare)(const void *a, const void *b, void *ctx);
	void *ctx;

	/* under the pile's lock, which begins a cache line, while others may work
	 * on it: */
	unsigned char *slots;    /* items */
	struct pile_entry *heap; /* PRIORITY alone */
	struct spin lock;
	bool closed; /* also read when the state tells that it is */
	size_t room; /* slots */
};

extern const struct store_kind pile_kind;

/* The fast path: one item, one try.  False says nothing; the functions of
 * pile_kind know. */
bool pile_put_one(struct pile *p, const void *item);
bool pile_get_one(struct pile *p, void *item);

/* compare NULL: LIFO.  0 or ENOMEM. */
int pile_init(struct pile *p, size_t capacity, size_t item_size,
	      int (*compare)(const void *a, const void *b, void *ctx),
	      void *ctx);

#endif
