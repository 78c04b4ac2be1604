/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The unbounded FIFO: a chain of segments, each an array of slots that putters
 * and getters work on without the lock.
 *
 *      head                                    tail
 *       |                                       |
 *     +-v---------------+   +----------------+ +v---------------+
 *     | . . p p p p p p |-->| p p p p p p p p |-->| p p p         |
 *     +-----------------+   +----------------+ +----------------+
 *      head_seg (or later)                      tail_seg
 *
 * A position is twice the number of a put, or of a get; bit 0 of the tail says
 * "gate closed".  A segment covers `span` positions from its base on.  The
 * stamp of the slot for position p goes (whatever) -> p|1 (held) -> p (done).
 *
 * Invariants:
 *   1. head <= tail; both only grow.  tail lies in tail_seg, or at its end.
 *   2. A slot belongs to the put that moved tail over its position, then, once
 *      held, to the get that moved head over it.
 *   3. No position is used twice, so a stamp p|1 is the item at p, whatever
 *      the slot was used for before; and a base that covers p is that of the
 *      only segment for p, as long as p is not done.
 *   4. Moving tail (head) over p is the instant at which that put (get) takes
 *      effect; until the stamp follows the call is half-way, as in store_ring.h.
 *
 * Memory.  A segment that has been used up is used again, further on, or lies
 * idle with its pages given back to the system; the addresses, and the
 * descriptor, are kept until the store is freed.  So nobody needs to know
 * whether others still look at a segment: what they find there is not theirs
 * by 3, and their claim fails.  (RCU could tell, but waiting for a grace period
 * has no place in a put or a get, and liburcu's call_rcu wants a thread of its
 * own.)  The price is address space for the peak, and a descriptor of one line
 * for each segment of it.
 *
 * Whoever reaches the end of a segment takes the chain's own lock: to add one
 * (put), or to go on to the next and retire those that are used up (get).  A
 * get that was slow, and is the last one in a segment that the head has left,
 * retires it.  No fence stands before it looks: if it and who makes head_seg
 * leave miss each other, the segment is retired with the next one.
 *
 * Memory order:
 *   [seg.1] -> [seg.2]    put publishes an item to get and peek
 *   [seg.3] -> [seg.4]    get is done with a slot before its segment is used
 *                         again
 *   [seg.10] -> [seg.11]  who finds the base of a segment finds it ready: its
 *                         slots are nobody else's any more
 *   [seg.5] -> [seg.6]    a put that overwrites what a peek is reading shows
 *                         that peek a moved head
 *   [seg.8] -> [seg.9]    who sees a position sees all that came before it was
 *                         claimed: tail - head is a size
 *   [seg.14] -> [seg.15]  who finds head_seg moved finds the head moved so far
 *
 * Rejected: slots of 16 bytes that each lie on one cache line, as the ring's do.
 * Puts then get ahead of gets, the queue grows, and so do page faults: 1.5 times
 * the time with four threads on each side.
 *
 * Sources: the slots are the ring's (store_ring.h); segments as in
 * crossbeam-channel's list flavour and in LCRQ (Morrison and Afek, 2013).
 */
#ifndef COQUEUE_STORE_SEG_H
#define COQUEUE_STORE_SEG_H

#include "port.h"
#include "store.h"
#include "sync.h"

#define SEG_HELD ((uint64_t)1) /* in a stamp */
#define SEG_GATE ((uint64_t)1) /* in the tail */
#define SEG_STEP ((uint64_t)2) /* from position to position */
/* Where the first stamp lies: items are aligned to the utmost. */
#define SEG_FIRST_STAMP (alignof(max_align_t) - sizeof(uint64_t))

struct segment {
	_Atomic uint64_t base;        /* first position; 0: not in use */
	unsigned char *pages;         /* slots: each a stamp, then an item */
	struct segment *_Atomic next; /* in the chain; written under its lock */
	/* under the chain's lock: */
	struct segment *idle_next;
	struct segment *all_next;
	uint64_t checked; /* positions known to be done */
};

struct chain {
	struct store store;
	/* written by chain_init() alone */
	uint64_t span; /* positions of a segment */
	size_t stride; /* bytes from slot to slot */
	size_t bytes;  /* of the pages of a segment */
	/* where the ends are, once in a segment, under the chain's lock */
	struct segment *_Atomic tail_seg;
	struct segment *_Atomic head_seg;

	/* under the chain's lock, which begins a cache line: */
	struct segment *oldest; /* not retired */
	struct sync_mutex lock;
	struct segment *spare; /* idle, with its pages */
	struct segment *idle;  /* without */
	struct segment *all;
	unsigned n_spare;
};

extern const struct store_kind chain_kind;

/* 0 or ENOMEM. */
int chain_init(struct chain *c, size_t item_size);

/* Retire what is used up, if this get was the last one in its segment. */
not_inlined void chain_retire(struct chain *c);

/* ---- slots ---------------------------------------------------------------- */

/* Position p lies so far into a segment; not in it if that is >= span. */
hot_inline uint64_t segment_offset(const struct segment *s, uint64_t p)
{
	/* [seg.11] acquire: with [seg.10], the slots are ready */
	return p - sync_load(&s->base, acquire);
}

hot_inline _Atomic uint64_t *
chain_stamp(const struct chain *c, const struct segment *s, uint64_t offset)
{
	return (void *)(s->pages + SEG_FIRST_STAMP +
			offset / SEG_STEP * c->stride);
}

/* Into the slot of a put that has been claimed; it is to be published. */
hot_inline void chain_fill(const struct chain *c, _Atomic uint64_t *stamp,
			   const void *item)
{
	/* [seg.5] release: with [seg.6], words that a peek may read come after
	 * the move of head that [seg.4] and [seg.10] handed on */
	sync_fence_release();
	sync_slot_write(stamp + 1, item, c->store.item_size);
}

/* After a get: whether head_seg has left its segment, so it may be the last. */
hot_inline bool chain_has_left(struct chain *c, const struct segment *s)
{
	return sync_load(&c->head_seg, relaxed) != s;
}

/*
 * The fast path: one item, one try.  False says nothing; the functions of
 * chain_kind know.
 */
hot_inline bool chain_put_one(struct chain *c, const void *item)
{
	_Atomic uint64_t *stamp;
	struct segment *s;
	uint64_t p, offset;

	for (;; sync_contended()) {
		p = sync_load(&c->store.tail, relaxed);
		s = sync_load(&c->tail_seg, relaxed);
		offset = segment_offset(s, p);
		if (unlikely(offset >= c->span) || unlikely(p & SEG_GATE))
			return false;
		/* [seg.8] seq_cst: with [seg.9], what came before; [ring.7] */
		if (likely(sync_cas(&c->store.tail, &p, p + SEG_STEP, seq_cst)))
			break;
	}
	stamp = chain_stamp(c, s, offset);
	chain_fill(c, stamp, item);
	/* [seg.1] release: publishes the item to [seg.2] */
	sync_store(stamp, p | SEG_HELD, release);
	return true;
}

hot_inline bool chain_get_one(struct chain *c, void *item)
{
	_Atomic uint64_t *stamp;
	struct segment *s;
	uint64_t p, offset;

	for (;; sync_contended()) {
		p = sync_load(&c->store.head, relaxed);
		s = sync_load(&c->head_seg, relaxed);
		offset = segment_offset(s, p);
		if (unlikely(offset >= c->span))
			return false;
		stamp = chain_stamp(c, s, offset);
		/* [seg.2] acquire: with [seg.1], the item is there */
		if (unlikely(sync_load(stamp, acquire) != (p | SEG_HELD)))
			return false;
		/* [seg.8] seq_cst: with [seg.9], what came before; [ring.7] */
		if (likely(sync_cas(&c->store.head, &p, p + SEG_STEP, seq_cst)))
			break;
	}
	sync_slot_read(stamp + 1, item, c->store.item_size);
	/* [seg.3] release: done, for [seg.4] */
	sync_store(stamp, p, release);
	if (unlikely(chain_has_left(c, s)))
		chain_retire(c);
	return true;
}

#endif
