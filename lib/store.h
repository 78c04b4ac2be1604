/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a store of items must do.  A store knows nothing of waiting, shutdown
 * or tasks; what it promises is that each operation takes effect at one
 * instant, and that it tells truly why it did nothing.  A kind of store is one
 * file, and a table of its functions.
 *
 * Who calls holds the lock of the queue, or is in a read-side section and the
 * store is one that works without the lock.
 *
 * A store has a gate: once closed, no put takes effect any more, so "closed
 * and empty" is known at one instant and is final.  See shutdown.c for what
 * that is good for.
 */
#ifndef COQUEUE_STORE_H
#define COQUEUE_STORE_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "line.h"
#include "sync.h"

enum store_result {
	STORE_DONE,   /* at least one item was moved */
	STORE_NONE,   /* full, or empty, at some instant during the call */
	STORE_BUSY,   /* neither: a call that is half-way is in the way */
	STORE_CLOSED, /* put: the gate is closed; get: closed and empty */
	STORE_NOMEM   /* put: it would take memory that is not there */
};

/*
 * A store begins a cache line, and has two ends.  Each is a position, which only
 * grows, and next to it the waiters for whom it moves: who has moved it looks there
 * next.  The two have a pair of cache lines for themselves; of waiters a store
 * itself knows nothing.
 */
struct store {
	_Atomic uint64_t tail; /* of puts */
	struct line getters;
	_Atomic uint64_t head; /* of gets */
	struct line putters;
	const struct store_kind *kind;
	size_t item_size; /* bytes */
};

/* Of what was taken out at once, the next. */
struct taken {
	uint64_t next;           /* a position, or an index */
	struct segment *segment; /* of a chain */
};

struct store_kind {
	/*
	 * Up to n >= 1 items; *done tells how many when the result is
	 * STORE_DONE.
	 */
	enum store_result (*put)(struct store *s, const void *items, size_t n,
				 size_t *done);
	enum store_result (*get)(struct store *s, void *items, size_t n,
				 size_t *done);
	/* Copy the next item and leave it there. */
	enum store_result (*peek)(struct store *s, void *item);
	/* Put one item; when full the oldest makes room, and *evicted is 1.
	 * NULL where there is no oldest. */
	enum store_result (*force)(struct store *s, const void *item, void *old,
				   size_t *evicted);

	/* Whether the next n puts (gets) would find room (an item). */
	bool (*can_put)(const struct store *s, uint64_t n);
	bool (*can_get)(const struct store *s, uint64_t n);
	/* A glance by who waits for room, for n <= capacity: likely. */
	bool (*may_put)(const struct store *s, uint64_t n);

	/* How many were ever put (got). */
	uint64_t (*puts)(const struct store *s);
	uint64_t (*gets)(const struct store *s);

	/* Exact at some instant, unless the store is busier than we are
	 * patient. */
	size_t (*size)(const struct store *s);

	/* Under lock, once: no put takes effect from now on. */
	void (*close)(struct store *s);
	/* Closed and empty, which is final. */
	bool (*is_finished)(const struct store *s);

	/*
	 * Under lock, and nobody works on the store without it: at most so
	 * many items from now on.  0; or nothing has changed, for want of
	 * memory (ENOMEM) or because it holds more (EBUSY).
	 */
	int (*resize)(struct store *s, size_t capacity);

	/*
	 * Take everything out at once; closed, under lock, and nobody works on
	 * the store any more.  Returns how many; next_taken() then gives so
	 * many, one after the other, where they lie.
	 */
	uint64_t (*take_all)(struct store *s, struct taken *taken);
	void *(*next_taken)(struct store *s, struct taken *taken);

	/* Free its memory. */
	void (*fini)(struct store *s);
};

/* The usual size(). */
static inline size_t store_size(const struct store *s)
{
	uint64_t puts = s->kind->puts(s), gets, again;

	for (int patience = 16;; patience--) {
		gets = s->kind->gets(s);
		again = s->kind->puts(s);
		if (again == puts || patience == 0)
			break; /* no put in between: exact when gets was read */
		puts = again;
	}
	return gets > puts ? 0 : (size_t)(puts - gets);
}

/* Items larger than this are refused: nothing that is computed from it, and
 * from a moderate number, overflows. */
#define STORE_MAX_BYTES (SIZE_MAX / 4)

/* How an item is aligned: as malloc() would. */
static inline size_t store_align(size_t item_size)
{
	return item_size % alignof(max_align_t) ? sizeof(uint64_t)
						: alignof(max_align_t);
}

/* What comes before a first stamp, that the items behind stamps be so aligned. */
static inline size_t store_first_stamp(size_t item_size)
{
	return store_align(item_size) - sizeof(uint64_t);
}

/* Bytes from slot to slot, each a header of whole words (a stamp, or nothing)
 * and an item. */
static inline size_t store_stride(size_t header, size_t item_size)
{
	size_t align = store_align(item_size);

	return (header + sync_slot_bytes(item_size) + align - 1) & ~(align - 1);
}

#endif
