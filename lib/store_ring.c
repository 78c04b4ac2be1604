/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bounded FIFO, all that is not hot.  What it is: store_ring.h.
 */
#include "config.h"

#include <stdalign.h>

#include "store_ring.h"

/* Bytes from slot to slot; items are aligned as malloc() would. */
static size_t ring_stride(size_t item_size)
{
	size_t bytes = sizeof(uint64_t) + sync_slot_bytes(item_size);
	size_t align = item_size % alignof(max_align_t) ? sizeof(uint64_t)
							: alignof(max_align_t);

	return (bytes + align - 1) & ~(align - 1);
}

/* Of the first stamp, so that the first item is aligned to the utmost. */
#define FIRST_STAMP (alignof(max_align_t) - sizeof(uint64_t))

size_t ring_bytes(size_t capacity, size_t item_size)
{
	size_t bytes;

	/* far from where rounding or positions could overflow */
	if (item_size > SIZE_MAX / 4 ||
	    __builtin_mul_overflow(ring_stride(item_size), capacity, &bytes) ||
	    bytes > SIZE_MAX / 4)
		return 0;
	return FIRST_STAMP + bytes;
}

void ring_init(struct ring *r, size_t capacity, size_t item_size, void *memory)
{
	uint64_t p = 0;

	r->slots = (unsigned char *)memory + FIRST_STAMP;
	r->stride = ring_stride(item_size);
	r->last = (capacity - 1) * r->stride;
	r->mask = 1;
	while (r->mask < r->last)
		r->mask = r->mask << 1 | 1;
	r->item_size = item_size;
	r->capacity = capacity;
	sync_init(&r->tail, 0);
	sync_init(&r->head, 0);
	for (size_t i = 0; i < capacity; i++, p += r->stride)
		sync_init(ring_stamp(r, p), p);
}

void ring_close(struct ring *r)
{
	sync_or(&r->tail, RING_GATE, relaxed);
}

uint64_t ring_take_all(struct ring *r, uint64_t *first)
{
	uint64_t end = sync_load(&r->tail, relaxed) & ~RING_GATE;

	*first = sync_load(&r->head, relaxed);
	sync_store(&r->head, end, relaxed);
	return ring_count(r, end) - ring_count(r, *first);
}

void *ring_taken(struct ring *r, uint64_t p)
{
	/* [ring.2] acquire: with [ring.1], the item is there */
	(void)sync_load(ring_stamp(r, p), acquire);
	return sync_slot_item(ring_stamp(r, p) + 1);
}

uint64_t ring_count(const struct ring *r, uint64_t p)
{
	return p / ring_lap(r) * r->capacity + (p & r->mask) / r->stride;
}

uint64_t ring_puts(const struct ring *r)
{
	return ring_count(r, sync_load(&r->tail, relaxed) & ~RING_GATE);
}

uint64_t ring_gets(const struct ring *r)
{
	return ring_count(r, sync_load(&r->head, relaxed));
}

size_t ring_size(const struct ring *r)
{
	uint64_t puts = ring_puts(r), gets, again;

	for (int patience = 16;; patience--) {
		gets = ring_gets(r);
		again = ring_puts(r);
		if (again == puts || patience == 0)
			break; /* no put in between: gets <= puts <= gets + n */
		puts = again;
	}
	return gets > puts ? 0 : (size_t)(puts - gets);
}

bool ring_may_put(const struct ring *r)
{
	uint64_t p = sync_load(&r->tail, relaxed);

	/* [ring.4] acquire: with [ring.3]; nothing is read through it */
	return (p & RING_GATE) || sync_load(ring_stamp(r, p), acquire) == p;
}

/* Closed and empty is no matter of this slot: who spins looks at the state. */
bool ring_may_get(const struct ring *r)
{
	uint64_t p = sync_load(&r->head, relaxed);

	/* [ring.2] acquire: with [ring.1]; nothing is read through it */
	return sync_load(ring_stamp(r, p), acquire) == (p | RING_HELD);
}

/* A size that was read while others work is no more than a good guess; what is
 * known is that there is one. */
static size_t ring_at_least_one(size_t n)
{
	return n ? n : 1;
}

size_t ring_can_put(const struct ring *r)
{
	uint64_t p = sync_load(&r->tail, relaxed), again;

	for (;; p = again) {
		if (p & RING_GATE)
			return SIZE_MAX;
		if (ring_may_put(r))
			return ring_at_least_one(r->capacity - ring_size(r));
		again = sync_load(&r->tail, relaxed);
		if (again == p)
			return 0;
	}
}

size_t ring_can_get(const struct ring *r)
{
	uint64_t p = sync_load(&r->head, relaxed), again;

	for (;; p = again) {
		if (ring_may_get(r))
			return ring_at_least_one(ring_size(r));
		if (sync_load(&r->tail, relaxed) == (p | RING_GATE))
			return SIZE_MAX;
		again = sync_load(&r->head, relaxed);
		if (again == p)
			return 0;
	}
}

/*
 * Nothing could be done at *p: say why, or move *p to where it can be tried
 * again and return STORE_DONE.
 *
 * Full at the instant when head is read: tail is p or beyond, and head is one
 * lap behind p.  Mirrored below: empty at the instant when tail is read, for
 * head is p or beyond, and tail is p.
 */
static enum store_result ring_put_refused(const struct ring *r, uint64_t *p)
{
	uint64_t now;

	if (*p & RING_GATE)
		return STORE_CLOSED;
	/* [ring.7] full fence: with [ring.7] in the other thread */
	sync_fence();
	if (sync_load(&r->head, relaxed) == *p - ring_lap(r))
		return STORE_NONE;
	now = sync_load(&r->tail, relaxed);
	/* [ring.4] acquire: with [ring.3]; nothing is read through it */
	if (now == *p && sync_load(ring_stamp(r, now), acquire) != now)
		return STORE_BUSY;
	*p = now;
	return STORE_DONE;
}

static enum store_result ring_get_refused(const struct ring *r, uint64_t *p)
{
	uint64_t now;

	/* [ring.7] full fence: with [ring.7] in the other thread */
	sync_fence();
	now = sync_load(&r->tail, relaxed);
	if ((now & ~RING_GATE) == *p)
		return now & RING_GATE ? STORE_CLOSED : STORE_NONE;
	now = sync_load(&r->head, relaxed);
	/* [ring.2] acquire: with [ring.1]; nothing is read through it */
	if (now == *p &&
	    sync_load(ring_stamp(r, now), acquire) != (now | RING_HELD))
		return STORE_BUSY;
	*p = now;
	return STORE_DONE;
}

/* How many of n slots from p on are free; *end: the position after them. */
static size_t ring_free_from(const struct ring *r, uint64_t p, size_t n,
			     uint64_t *end)
{
	size_t m = 0;

	/* [ring.4] acquire: with [ring.3], the get is done with it */
	while (m < n && sync_load(ring_stamp(r, p), acquire) == p) {
		p = ring_next(r, p);
		m++;
	}
	*end = p;
	return m;
}

/* How many of n slots from p on hold an item; *end: the position after them. */
static size_t ring_held_from(const struct ring *r, uint64_t p, size_t n,
			     uint64_t *end)
{
	size_t m = 0;

	/* [ring.2] acquire: with [ring.1], the item is there */
	while (m < n &&
	       sync_load(ring_stamp(r, p), acquire) == (p | RING_HELD)) {
		p = ring_next(r, p);
		m++;
	}
	*end = p;
	return m;
}

enum store_result ring_put(struct ring *r, const void *items, size_t n,
			   size_t *done)
{
	const unsigned char *from = items;
	uint64_t p = sync_load(&r->tail, relaxed), seen, end;
	_Atomic uint64_t *stamp;
	enum store_result why;

	for (;; p = seen) {
		*done = ring_free_from(r, p, n, &end);
		seen = p;
		if (*done == 0) {
			why = ring_put_refused(r, &seen);
			if (why != STORE_DONE)
				return why;
		} else if (sync_cas(&r->tail, &seen, end, relaxed)) {
			break;
		}
	}
	for (; p != end; p = ring_next(r, p), from += r->item_size) {
		stamp = ring_stamp(r, p);
		ring_fill(r, stamp, from);
		/* [ring.1] release: publishes the item to [ring.2] */
		sync_store(stamp, p | RING_HELD, release);
	}
	return STORE_DONE;
}

enum store_result ring_get(struct ring *r, void *items, size_t n, size_t *done)
{
	unsigned char *to = items;
	uint64_t p = sync_load(&r->head, relaxed), seen, end;
	_Atomic uint64_t *stamp;
	enum store_result why;

	for (;; p = seen) {
		*done = ring_held_from(r, p, n, &end);
		seen = p;
		if (*done == 0) {
			why = ring_get_refused(r, &seen);
			if (why != STORE_DONE)
				return why;
		} else if (sync_cas(&r->head, &seen, end, relaxed)) {
			break;
		}
	}
	for (; p != end; p = ring_next(r, p), to += r->item_size) {
		stamp = ring_stamp(r, p);
		ring_empty(r, stamp, to);
		/* [ring.3] release: hands the slot to [ring.4] */
		sync_store(stamp, p + ring_lap(r), release);
	}
	return STORE_DONE;
}

enum store_result ring_peek(struct ring *r, void *item)
{
	uint64_t p = sync_load(&r->head, relaxed), now, end;
	enum store_result why;

	for (;; p = now) {
		now = p;
		if (ring_held_from(r, p, 1, &end) == 0) {
			why = ring_get_refused(r, &now);
			if (why != STORE_DONE)
				return why;
			continue;
		}
		ring_empty(r, ring_stamp(r, p), item);
		/* [ring.6] acquire: with [ring.5], if the words are of a later
		 * put, head is seen to have moved */
		sync_fence_acquire();
		now = sync_load(&r->head, relaxed);
		if (now == p)
			return STORE_DONE;
	}
}
