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
 * A position p counts puts (tail) or gets (head).  The upper bits are the lap,
 * the lower ones (p & mask) the offset of the slot in bytes, so that the way
 * from a position to its slot is one "and".  Bit 0 belongs to neither: it says
 * "held" in a stamp, "gate closed" in the tail and "kept" in the head.  A stamp
 * never equals a tail that is closed, nor goes with a head that is kept, so the
 * open path pays nothing for either.  Positions wrap after 2^64 bytes of slots
 * have gone through the ring.
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
 *   5. Who keeps the head is the only one to move it.  So a put into a full
 *      ring, in exchange for the oldest item, is one instant: with the head
 *      kept, full is final but for the gate, and tail moves over the slot that
 *      is still held, one lap ahead of head.  Until head follows the call is
 *      half-way, and gets find it busy.
 *
 * Memory order.  What is in a slot is handed over by its stamp alone.
 *   [ring.1] -> [ring.2]  put publishes an item to get and peek
 *   [ring.3] -> [ring.4]  get hands the slot back to the put one lap later
 *   [ring.5] -> [ring.6]  a put that overwrites what a peek is reading shows
 *                         that peek a moved head
 *   [ring.8] -> [ring.9]  who sees a position sees all that came before it was
 *                         claimed: tail - head is a size, never more
 *   [ring.7] <-> [ring.7] two calls that each find nothing in one queue after
 *                         having put into another cannot both miss; claims are
 *                         in the same order, so who finds one, and then fences,
 *                         finds those that came before it
 *
 * Rejected: a power of two of slots with a count beside it (both sides then
 * write one word); head and tail cached by the other side (measured, no gain);
 * slots without stamps under two locks (slower from two threads on); slots of 16
 * bytes that straddle cache lines (1.2 times the time at capacity 8, 1.3 times
 * with four threads on each side); a prefetch of slots ahead (slower by a half: at
 * a full ring it takes lines from gets).
 *
 * Source: Dmitry Vyukov's bounded MPMC queue (sequence numbers per slot); laps
 * in the positions as in crossbeam-channel's array flavour; the validated read
 * of peek is a seqlock as in H.-J. Boehm, "Can seqlocks get along with
 * programming language memory models?" (2012).
 */
#ifndef COQUEUE_STORE_RING_H
#define COQUEUE_STORE_RING_H

#include "port.h"
#include "store.h"
#include "sync.h"

#define RING_HELD ((uint64_t)1) /* in a stamp */
#define RING_GATE ((uint64_t)1) /* in the tail */
#define RING_KEPT ((uint64_t)1) /* in the head */

struct ring {
	struct store store;
	/* written by ring_init() and ring_resize() */
	unsigned char *slots; /* each a stamp, then an item */
	uint64_t mask;        /* of the offset in a position; even */
	uint64_t last;        /* offset of the last slot */
	uint64_t stride;      /* bytes from slot to slot */
	size_t capacity;      /* slots */
	uint64_t before;      /* items that went through earlier slots */
};

extern const struct store_kind ring_kind;

/* 0 or ENOMEM. */
int ring_init(struct ring *r, size_t capacity, size_t item_size);

/* ---- slots ---------------------------------------------------------------- */

hot_inline _Atomic uint64_t *ring_stamp(const struct ring *r, uint64_t p)
{
	return (void *)(r->slots + (p & r->mask));
}

hot_inline uint64_t ring_next(const struct ring *r, uint64_t p)
{
	if (likely((p & r->mask) != r->last))
		return p + r->stride;
	return (p | r->mask) + 2;
}

/* The distance between two positions of one slot. */
hot_inline uint64_t ring_lap(const struct ring *r)
{
	return r->mask + 2;
}

/* Into the slot of a put that has been claimed; it is to be published. */
hot_inline void ring_fill(struct ring *r, _Atomic uint64_t *stamp,
			  const void *item)
{
	/* [ring.5] release: with [ring.6], words that a peek may read come
	 * after the move of head that [ring.4] has seen */
	sync_fence_release();
	sync_slot_write(stamp + 1, item, r->store.item_size);
}

/* Out of the slot of a get that has been claimed; it is to be handed back. */
hot_inline void ring_empty(struct ring *r, _Atomic uint64_t *stamp, void *item)
{
	sync_slot_read(stamp + 1, item, r->store.item_size);
}

/*
 * The fast path: one item, one try.  False says nothing: somebody was quicker,
 * or it is full (empty), busy or closed; ring_put() and ring_get() know.  Who is
 * patient, which is nobody who holds a lock, lets the quicker one run and tries
 * again.
 */
hot_inline bool ring_put_one(struct ring *r, const void *item, bool patient)
{
	_Atomic uint64_t *stamp;
	uint64_t p;

	for (;; sync_contended()) {
		p = sync_load(&r->store.tail, relaxed);
		stamp = ring_stamp(r, p);
		/* [ring.4] acquire: with [ring.3], the get is done with it */
		if (unlikely(sync_load(stamp, acquire) != p))
			return false;
		/* [ring.8] seq_cst: with [ring.9], what came before; [ring.7] */
		if (likely(sync_cas(&r->store.tail, &p, ring_next(r, p),
				    seq_cst)))
			break;
		if (!patient)
			return false;
	}
	ring_fill(r, stamp, item);
	/* [ring.1] release: publishes the item to [ring.2] */
	sync_store(stamp, p | RING_HELD, release);
	return true;
}

hot_inline bool ring_get_one(struct ring *r, void *item, bool patient)
{
	_Atomic uint64_t *stamp;
	uint64_t p;

	for (;; sync_contended()) {
		p = sync_load(&r->store.head, relaxed);
		stamp = ring_stamp(r, p);
		/* [ring.2] acquire: with [ring.1], the item is there */
		if (unlikely(sync_load(stamp, acquire) != p + RING_HELD))
			return false;
		/* [ring.8] seq_cst: with [ring.9], what came before; [ring.7] */
		if (likely(sync_cas(&r->store.head, &p, ring_next(r, p),
				    seq_cst)))
			break;
		if (!patient)
			return false;
	}
	ring_empty(r, stamp, item);
	/* [ring.3] release: hands the slot to [ring.4] */
	sync_store(stamp, p + ring_lap(r), release);
	return true;
}

#endif
