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
	r->mask = 0;
	while (r->mask < r->last)
		r->mask = r->mask << 1 | 2;
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
	/* [ring.9] acquire: with [ring.8], gets that made room for it */
	return ring_count(r, sync_load(&r->tail, acquire) & ~RING_GATE);
}

uint64_t ring_gets(const struct ring *r)
{
	/* [ring.9] acquire: with [ring.8], the put of what was got */
	return ring_count(r, sync_load(&r->head, acquire));
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

/* Move *end over up to n free slots; returns how many there were. */
static uint64_t ring_free_from(const struct ring *r, uint64_t n, uint64_t *end)
{
	uint64_t m = 0;

	/* [ring.4] acquire: with [ring.3], the get is done with it */
	for (; m < n && sync_load(ring_stamp(r, *end), acquire) == *end; m++)
		*end = ring_next(r, *end);
	return m;
}

/* The same for slots that hold an item. */
static uint64_t ring_held_from(const struct ring *r, uint64_t n, uint64_t *end)
{
	uint64_t m = 0;

	/* [ring.2] acquire: with [ring.1], the item is there */
	for (; m < n &&
	       sync_load(ring_stamp(r, *end), acquire) == (*end | RING_HELD);
	     m++)
		*end = ring_next(r, *end);
	return m;
}

bool ring_can_put(const struct ring *r, uint64_t n)
{
	uint64_t p, end;

	do {
		p = end = sync_load(&r->tail, relaxed);
		if (ring_free_from(r, n, &end) == n)
			return true;
	} while (sync_load(&r->tail, relaxed) != p);
	return false;
}

bool ring_can_get(const struct ring *r, uint64_t n)
{
	uint64_t p, end;

	do {
		p = end = sync_load(&r->head, relaxed);
		if (ring_held_from(r, n, &end) == n)
			return true;
	} while (sync_load(&r->head, relaxed) != p);
	return false;
}

bool ring_is_finished(const struct ring *r)
{
	/* head never passes tail, and a closed tail stands still */
	return sync_load(&r->tail, relaxed) ==
	       (sync_load(&r->head, relaxed) | RING_GATE);
}

/*
 * Nothing could be done at *p.  True: this is why; false: it can be tried again
 * at the new *p.
 *
 * Full at the instant when head is read: tail is p or beyond, and head is one
 * lap behind p.  Mirrored below: empty at the instant when tail is read, for
 * head is p or beyond, and tail is p.
 */
static bool ring_refuses_put(const struct ring *r, uint64_t *p,
			     enum store_result *why)
{
	uint64_t now;

	*why = STORE_CLOSED;
	if (*p & RING_GATE)
		return true;
	/* [ring.7] full fence: with [ring.7] in the other thread */
	sync_fence();
	*why = STORE_NONE;
	if (sync_load(&r->head, relaxed) == *p - ring_lap(r))
		return true;
	*why = STORE_BUSY;
	now = sync_load(&r->tail, relaxed);
	/* [ring.4] acquire: with [ring.3]; nothing is read through it */
	if (now == *p && sync_load(ring_stamp(r, now), acquire) != now)
		return true;
	*p = now;
	return false;
}

static bool ring_refuses_get(const struct ring *r, uint64_t *p,
			     enum store_result *why)
{
	uint64_t now;

	/* [ring.7] full fence: with [ring.7] in the other thread */
	sync_fence();
	now = sync_load(&r->tail, relaxed);
	*why = now & RING_GATE ? STORE_CLOSED : STORE_NONE;
	if ((now & ~RING_GATE) == *p)
		return true;
	*why = STORE_BUSY;
	now = sync_load(&r->head, relaxed);
	/* [ring.2] acquire: with [ring.1]; nothing is read through it */
	if (now == *p &&
	    sync_load(ring_stamp(r, now), acquire) != (now | RING_HELD))
		return true;
	*p = now;
	return false;
}

/*
 * A claim from *p to `end`, *m positions, has failed: the position is `seen`
 * now.  What lies behind that has been looked at already (invariant 3).
 */
static void ring_advance(const struct ring *r, uint64_t seen, uint64_t *p,
			 uint64_t *end, uint64_t *m)
{
	for (; *m > 0 && *p != seen; --*m)
		*p = ring_next(r, *p);
	if (*m == 0)
		*p = *end = seen;
}

enum store_result ring_put(struct ring *r, const void *items, size_t n,
			   size_t *done)
{
	const unsigned char *from = items;
	uint64_t p = sync_load(&r->tail, relaxed), end = p, m = 0, seen;
	_Atomic uint64_t *stamp;
	enum store_result why;

	if (n == 1 && ring_put_one(r, items)) {
		*done = 1;
		return STORE_DONE;
	}
	for (;; ring_advance(r, seen, &p, &end, &m)) {
		m += ring_free_from(r, n - m, &end);
		seen = p;
		if (m == 0) {
			if (ring_refuses_put(r, &seen, &why))
				return why;
			continue;
		}
		/* [ring.8] release: with [ring.9], what came before this */
		if (sync_cas(&r->tail, &seen, end, release))
			break;
	}
	for (; p != end; p = ring_next(r, p), from += r->item_size) {
		stamp = ring_stamp(r, p);
		ring_fill(r, stamp, from);
		/* [ring.1] release: publishes the item to [ring.2] */
		sync_store(stamp, p | RING_HELD, release);
	}
	*done = m;
	return STORE_DONE;
}

enum store_result ring_get(struct ring *r, void *items, size_t n, size_t *done)
{
	unsigned char *to = items;
	uint64_t p = sync_load(&r->head, relaxed), end = p, m = 0, seen;
	_Atomic uint64_t *stamp;
	enum store_result why;

	if (n == 1 && ring_get_one(r, items)) {
		*done = 1;
		return STORE_DONE;
	}
	for (;; ring_advance(r, seen, &p, &end, &m)) {
		m += ring_held_from(r, n - m, &end);
		seen = p;
		if (m == 0) {
			if (ring_refuses_get(r, &seen, &why))
				return why;
			continue;
		}
		/* [ring.8] release: with [ring.9], what came before this */
		if (sync_cas(&r->head, &seen, end, release))
			break;
	}
	for (; p != end; p = ring_next(r, p), to += r->item_size) {
		stamp = ring_stamp(r, p);
		ring_empty(r, stamp, to);
		/* [ring.3] release: hands the slot to [ring.4] */
		sync_store(stamp, p + ring_lap(r), release);
	}
	*done = m;
	return STORE_DONE;
}

enum store_result ring_peek(struct ring *r, void *item)
{
	uint64_t p = sync_load(&r->head, relaxed), now, end;
	enum store_result why;

	for (;; p = now) {
		now = end = p;
		if (ring_held_from(r, 1, &end) == 0) {
			if (ring_refuses_get(r, &now, &why))
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
