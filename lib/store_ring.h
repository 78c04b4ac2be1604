/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bounded FIFO: a ring of slots that putters and getters work on without
 * the lock, for every capacity from 1, exactly.
 *
 *          head                       tail
 *           |                          |
 *     +-----v-----+-----------+--------v--+-----------+
 *     | item      | item      | (free)    | (free)    |
 *     | stamp p|1 | stamp p|1 | stamp p   | stamp p   |
 *     +-----------+-----------+-----------+-----------+
 *
 * A position p counts puts (tail) or gets (head).  It is an even number: the
 * lap in the upper bits, then the index of the slot, then one bit that is 0.
 * That bit says "held" in a stamp and "gate closed" in the tail; so a stamp
 * never equals a closed tail, and the open path pays nothing for the gate.
 *
 * Invariants, with "lap" for the distance of a position to the same slot one
 * round later:
 *   1. head <= tail <= head + lap; both only grow.
 *   2. The stamp of a slot goes p -> p|1 -> p+lap, only ever by whoever moved
 *      tail over p (the put), then head over p (the get).
 *   3. stamp == p and tail == p: the slot is free for the put at p, and stays
 *      so until tail moves.  stamp == p|1 and head == p: likewise for the get.
 *   4. Moving tail (head) over p is the instant at which that put (get) takes
 *      effect.  Between that and the stamp the call is half-way: others who
 *      need this very slot find it neither full nor empty, but busy.
 *
 * Memory order.  Positions are claimed by relaxed compare-and-swap: what is in
 * a slot is handed over by its stamp alone.
 *   [ring.1] -> [ring.2]  put publishes an item to get and peek
 *   [ring.3] -> [ring.4]  get hands the slot back to the put one lap later
 *   [ring.5] -> [ring.6]  a put that overwrites what a peek is reading shows
 *                         that peek a moved head
 *   [ring.7] <-> [ring.7] two calls that each find nothing in one queue after
 *                         having put into another cannot both miss
 *
 * Rejected: a power of two of slots with a count beside it (both sides then
 * write one word); head and tail cached by the other side (measured, no gain);
 * slots without stamps under two locks (slower from two threads on).
 *
 * Source: Dmitry Vyukov's bounded MPMC queue (sequence numbers per slot); laps
 * in the positions as in crossbeam-channel's array flavour; the validated read
 * of peek is a seqlock as in H.-J. Boehm, "Can seqlocks get along with
 * programming language memory models?" (2012).
 */
#ifndef COQUEUE_STORE_RING_H
#define COQUEUE_STORE_RING_H

#include <stdbool.h>
#include <stddef.h>

#include "port.h"
#include "store.h"
#include "sync.h"

#define RING_HELD ((uint64_t)1) /* in a stamp */
#define RING_GATE ((uint64_t)1) /* in the tail */

struct ring {
	/* written by ring_init() alone */
	unsigned char *slots;
	size_t stride;       /* bytes from slot to slot */
	size_t stamp_at;     /* bytes from the item to its stamp */
	size_t item_size;    /* bytes */
	uint64_t capacity;   /* slots */
	uint64_t lap;        /* distance between a slot's positions */
	uint64_t index_mask; /* of p / 2 */

	on_own_line _Atomic uint64_t tail; /* next put; gate: under lock */
	on_own_line _Atomic uint64_t head; /* next get */
};

/* Bytes of slots for `capacity` items, or 0 if that overflows. */
size_t ring_bytes(size_t capacity, size_t item_size);

/* Make an empty ring of `slots`, ring_bytes() long, aligned as by malloc(). */
void ring_init(struct ring *r, size_t capacity, size_t item_size, void *slots);

/* Under lock: no put takes effect from now on. */
void ring_close(struct ring *r);

/*
 * Take everything out at once: head jumps to tail.  The caller guarantees that
 * the gate is closed and no put, get or peek is or will be in progress.
 * *first is the position of the first item; returns how many there are.
 */
uint64_t ring_take_all(struct ring *r, uint64_t *first);

/* The item at a position that ring_take_all() took out. */
void *ring_taken(struct ring *r, uint64_t p);

/* How many positions lie before p: puts before tail, gets before head. */
uint64_t ring_count(const struct ring *r, uint64_t p);

uint64_t ring_puts(const struct ring *r);
uint64_t ring_gets(const struct ring *r);

/* Exact at some instant, unless the ring is busier than we are patient. */
size_t ring_size(const struct ring *r);

/* Whether a put (get, peek) would now be something else than NONE or BUSY. */
bool ring_can_put(const struct ring *r);
bool ring_can_get(const struct ring *r);

/* ---- slots ---------------------------------------------------------------- */

hot_inline unsigned char *ring_slot(const struct ring *r, uint64_t p)
{
	return r->slots + ((p >> 1) & r->index_mask) * r->stride;
}

hot_inline _Atomic uint64_t *ring_item(const struct ring *r, uint64_t p)
{
	return (void *)ring_slot(r, p);
}

hot_inline _Atomic uint64_t *ring_stamp(const struct ring *r, uint64_t p)
{
	return (void *)(ring_slot(r, p) + r->stamp_at);
}

hot_inline uint64_t ring_next(const struct ring *r, uint64_t p)
{
	uint64_t index = (p >> 1) & r->index_mask;

	if (likely(index + 1 < r->capacity))
		return p + 2;
	return (p | (r->lap - 1)) + 1;
}

/* ---- put, get, peek ------------------------------------------------------- */

/*
 * Nothing could be done at *p: say why, or move *p to where it can be tried
 * again and return STORE_DONE.
 */
enum store_result ring_put_refused(const struct ring *r, uint64_t *p);
enum store_result ring_get_refused(const struct ring *r, uint64_t *p);

/* Put up to n items; *done tells how many when the result is STORE_DONE. */
hot_inline enum store_result ring_put(struct ring *r, const void *items,
				      size_t n, size_t *done)
{
	const unsigned char *from = items;
	uint64_t p = sync_load(&r->tail, relaxed);
	uint64_t first, end;
	size_t m;

	do {
		/* [ring.4] acquire: with [ring.3], the get is done with it */
		for (m = 0, end = p;
		     m < n && sync_load(ring_stamp(r, end), acquire) == end; m++)
			end = ring_next(r, end);
		if (unlikely(m == 0)) {
			enum store_result why = ring_put_refused(r, &p);

			if (why != STORE_DONE)
				return why;
		}
		first = p;
	} while (unlikely(m == 0) ||
		 unlikely(!sync_cas(&r->tail, &p, end, relaxed)));
	for (p = first; p != end; p = ring_next(r, p)) {
		/* [ring.5] release: for [ring.6], words that a peek may read
		 * come after the move of head that [ring.4] has seen */
		sync_fence_release();
		sync_slot_write(ring_item(r, p), from, r->item_size);
		/* [ring.1] release: publishes the item to [ring.2] */
		sync_store(ring_stamp(r, p), p | RING_HELD, release);
		from += r->item_size;
	}
	*done = m;
	return STORE_DONE;
}

/* Get up to n items; *done tells how many when the result is STORE_DONE. */
hot_inline enum store_result ring_get(struct ring *r, void *items, size_t n,
				      size_t *done)
{
	unsigned char *to = items;
	uint64_t p = sync_load(&r->head, relaxed);
	uint64_t first, end;
	size_t m;

	do {
		/* [ring.2] acquire: with [ring.1], the item is there */
		for (m = 0, end = p;
		     m < n && sync_load(ring_stamp(r, end), acquire) ==
				      (end | RING_HELD);
		     m++)
			end = ring_next(r, end);
		if (unlikely(m == 0)) {
			enum store_result why = ring_get_refused(r, &p);

			if (why != STORE_DONE)
				return why;
		}
		first = p;
	} while (unlikely(m == 0) ||
		 unlikely(!sync_cas(&r->head, &p, end, relaxed)));
	for (p = first; p != end; p = ring_next(r, p)) {
		sync_slot_read(ring_item(r, p), to, r->item_size);
		/* [ring.3] release: hands the slot to [ring.4] */
		sync_store(ring_stamp(r, p), p + r->lap, release);
		to += r->item_size;
	}
	*done = m;
	return STORE_DONE;
}

/* Copy the first item and leave it there. */
static inline enum store_result ring_peek(struct ring *r, void *item)
{
	uint64_t p = sync_load(&r->head, relaxed);

	for (;;) {
		/* [ring.2] acquire: with [ring.1], the item is there */
		if (sync_load(ring_stamp(r, p), acquire) == (p | RING_HELD)) {
			uint64_t now;

			sync_slot_read(ring_item(r, p), item, r->item_size);
			/* [ring.6] acquire: with [ring.5], if the words are
			 * of a later put, head is seen to have moved */
			sync_fence_acquire();
			now = sync_load(&r->head, relaxed);
			if (likely(now == p))
				return STORE_DONE;
			p = now;
		} else {
			enum store_result why = ring_get_refused(r, &p);

			if (why != STORE_DONE)
				return why;
		}
	}
}

#endif
