/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bounded FIFO, all that is not hot.  What it is: store_ring.h.
 */
#include "config.h"

#include <stdalign.h>

#include "store_ring.h"

/* The item comes first in a slot, aligned as the item's size suggests. */
static size_t ring_stride(size_t item_size)
{
	size_t align = item_size % alignof(max_align_t) ? alignof(uint64_t)
							: alignof(max_align_t);
	size_t bytes = sync_slot_bytes(item_size) + sizeof(uint64_t);

	return (bytes + align - 1) & ~(align - 1);
}

size_t ring_bytes(size_t capacity, size_t item_size)
{
	size_t stride, bytes;

	/* far from where stride or position arithmetic could overflow */
	if (item_size > SIZE_MAX / 4 || capacity > SIZE_MAX / 4)
		return 0;
	stride = ring_stride(item_size);
	if (__builtin_mul_overflow(stride, capacity, &bytes) ||
	    bytes > PTRDIFF_MAX)
		return 0;
	return bytes;
}

void ring_init(struct ring *r, size_t capacity, size_t item_size, void *slots)
{
	uint64_t mask = 0;

	while (mask < capacity - 1)
		mask = mask << 1 | 1;
	r->slots = slots;
	r->stride = ring_stride(item_size);
	r->stamp_at = sync_slot_bytes(item_size);
	r->item_size = item_size;
	r->capacity = capacity;
	r->index_mask = mask;
	r->lap = (mask + 1) << 1;
	sync_init(&r->tail, 0);
	sync_init(&r->head, 0);
	for (uint64_t i = 0; i < capacity; i++)
		sync_init(ring_stamp(r, i << 1), i << 1);
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
	return ring_slot(r, p);
}

uint64_t ring_count(const struct ring *r, uint64_t p)
{
	return p / r->lap * r->capacity + ((p >> 1) & r->index_mask);
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

bool ring_can_put(const struct ring *r)
{
	uint64_t p = sync_load(&r->tail, relaxed), again;

	for (;; p = again) {
		if (p & RING_GATE)
			return true;
		/* [ring.4] acquire: with [ring.3]; nothing is read through it */
		if (sync_load(ring_stamp(r, p), acquire) == p)
			return true;
		again = sync_load(&r->tail, relaxed);
		if (again == p)
			return false;
	}
}

bool ring_can_get(const struct ring *r)
{
	uint64_t p = sync_load(&r->head, relaxed), again;

	for (;; p = again) {
		/* [ring.2] acquire: with [ring.1]; nothing is read through it */
		if (sync_load(ring_stamp(r, p), acquire) == (p | RING_HELD))
			return true;
		if (sync_load(&r->tail, relaxed) == (p | RING_GATE))
			return true;
		again = sync_load(&r->head, relaxed);
		if (again == p)
			return false;
	}
}

/*
 * Full at the instant when head is read: tail is p or beyond, and head is one
 * lap behind p.  Mirrored in ring_get_refused(): empty when tail is read, for
 * then head is p or beyond and tail is p.
 */
cold enum store_result ring_put_refused(const struct ring *r, uint64_t *p)
{
	uint64_t now;

	if (*p & RING_GATE)
		return STORE_CLOSED;
	/* [ring.7] full fence: with [ring.7] in the other thread */
	sync_fence();
	if (sync_load(&r->head, relaxed) == *p - r->lap)
		return STORE_NONE;
	now = sync_load(&r->tail, relaxed);
	/* [ring.4] acquire: with [ring.3]; nothing is read through it */
	if (now == *p && sync_load(ring_stamp(r, now), acquire) != now)
		return STORE_BUSY;
	*p = now;
	return STORE_DONE;
}

cold enum store_result ring_get_refused(const struct ring *r, uint64_t *p)
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
