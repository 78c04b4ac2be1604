/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bounded FIFO, all that is not hot.  What it is: store_ring.h.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "store_ring.h"

static struct ring *ring_of(struct store *s)
{
	return container_of(s, struct ring, store);
}

static const struct ring *ring_of_const(const struct store *s)
{
	return container_of_const(s, struct ring, store);
}

/* ---- slots ---------------------------------------------------------------- */

/* Memory for so many slots, or 0 if that overflows. */
static size_t ring_bytes(size_t capacity, size_t item_size)
{
	size_t bytes;

	/* far from where rounding or positions could overflow */
	if (item_size > STORE_MAX_BYTES ||
	    __builtin_mul_overflow(store_stride(sizeof(uint64_t), item_size),
				   capacity, &bytes) ||
	    bytes > STORE_MAX_BYTES)
		return 0;
	bytes += store_first_stamp(item_size) + CACHE_LINE - 1;
	return bytes & ~(size_t)(CACHE_LINE - 1);
}

/* All slots free, from position 0. */
static void ring_lay_out(struct ring *r, size_t capacity, void *memory)
{
	uint64_t p = 0;

	r->slots =
		(unsigned char *)memory + store_first_stamp(r->store.item_size);
	r->last = (capacity - 1) * r->stride;
	/* a stride is a multiple of 8, so offsets need no bit below */
	for (r->mask = 6; r->mask < r->last;)
		r->mask = r->mask << 1 | 2;
	r->capacity = capacity;
	for (size_t i = 0; i < capacity; i++, p += r->stride)
		sync_init(ring_stamp(r, p), p);
}

int ring_init(struct ring *r, size_t capacity, size_t item_size)
{
	size_t bytes = ring_bytes(capacity, item_size);
	void *memory = bytes ? aligned_alloc(CACHE_LINE, bytes) : NULL;

	if (!memory)
		return ENOMEM;
	r->store.kind = &ring_kind;
	r->store.item_size = item_size;
	r->stride = store_stride(sizeof(uint64_t), item_size);
	r->before = 0;
	sync_init(&r->store.tail, 0);
	sync_init(&r->store.head, 0);
	ring_lay_out(r, capacity, memory);
	return 0;
}

static void ring_free(unsigned char *slots, size_t item_size)
{
	free(slots - store_first_stamp(item_size));
}

static void ring_fini(struct store *s)
{
	ring_free(ring_of(s)->slots, s->item_size);
}

static void ring_close(struct store *s)
{
	sync_or(&ring_of(s)->store.tail, RING_GATE, relaxed);
}

/* ---- positions ------------------------------------------------------------ */

/* How many positions of these slots lie before p. */
static uint64_t ring_count(const struct ring *r, uint64_t p)
{
	return p / ring_lap(r) * r->capacity + (p & r->mask) / r->stride;
}

static uint64_t ring_puts(const struct store *s)
{
	const struct ring *r = ring_of_const(s);

	/* [ring.9] acquire: with [ring.8], gets that made room for it */
	return r->before + ring_count(r, sync_load(&r->store.tail, acquire));
}

static uint64_t ring_gets(const struct store *s)
{
	const struct ring *r = ring_of_const(s);

	/* [ring.9] acquire: with [ring.8], the put of what was got */
	return r->before + ring_count(r, sync_load(&r->store.head, acquire));
}

static size_t ring_size(const struct store *s)
{
	size_t size = store_size(s), capacity = ring_of_const(s)->capacity;

	/* one more while a put has come in for an item that is leaving */
	return size > capacity ? capacity : size;
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
	       sync_load(ring_stamp(r, *end), acquire) == *end + RING_HELD;
	     m++)
		*end = ring_next(r, *end);
	return m;
}

/* The slot n places on; n < capacity. */
static uint64_t ring_skip(const struct ring *r, uint64_t p, uint64_t n)
{
	uint64_t offset = (p & r->mask) + n * r->stride;

	if (offset <= r->last)
		return p + n * r->stride;
	return (p | r->mask) + 2 + (offset - r->last - r->stride);
}

/* Whether the n-th slot from p on is as a put (0) or a get (RING_HELD) needs it:
 * one look, and the lines alone where others work. */
static inline bool ring_nth_is(const struct ring *r, uint64_t p, uint64_t n,
			       uint64_t held)
{
	uint64_t nth = ring_skip(r, p, n - 1);

	/* [ring.4] acquire: with [ring.3], or [ring.2] with [ring.1]; who finds
	 * that the slot has gone on finds the head or tail moved, too */
	return sync_load(ring_stamp(r, nth), acquire) == nth + held;
}

static bool ring_may_put(const struct store *s, uint64_t n)
{
	const struct ring *r = ring_of_const(s);

	return ring_nth_is(r, sync_load(&r->store.tail, relaxed), n, 0);
}

/* The last first: mostly that is the answer, however many n are. */
static bool ring_can_put(const struct store *s, uint64_t n)
{
	const struct ring *r = ring_of_const(s);
	uint64_t p, end;

	if (n > r->capacity)
		return false;
	do {
		p = end = sync_load(&r->store.tail, relaxed);
		if (ring_nth_is(r, p, n, 0) && ring_free_from(r, n, &end) == n)
			return true;
	} while (sync_load(&r->store.tail, relaxed) != p);
	return false;
}

static bool ring_can_get(const struct store *s, uint64_t n)
{
	const struct ring *r = ring_of_const(s);
	uint64_t p, end;

	if (n > r->capacity)
		return false;
	do {
		p = end = sync_load(&r->store.head, relaxed);
		if (ring_nth_is(r, p, n, RING_HELD) &&
		    ring_held_from(r, n, &end) == n)
			return true;
	} while (sync_load(&r->store.head, relaxed) != p);
	return false;
}

static bool ring_is_finished(const struct store *s)
{
	const struct ring *r = ring_of_const(s);

	/* head never passes tail, and a closed tail stands still */
	return sync_load(&r->store.tail, relaxed) ==
	       (sync_load(&r->store.head, relaxed) | RING_GATE);
}

/* ---- put and get ---------------------------------------------------------- */

/*
 * Nothing could be done at *p: why; STORE_DONE: it can be tried again at the new
 * *p.
 *
 * Full at the instant when head is read: tail is p or beyond, and head is one
 * lap behind p.  Mirrored below: empty at the instant when tail is read, for
 * head is p or beyond, and tail is p.
 */
static enum store_result ring_refuses_put(const struct ring *r, uint64_t *p)
{
	uint64_t now;

	if (*p & RING_GATE)
		return STORE_CLOSED;
	/* [ring.7] full fence: with [ring.7] in the other thread */
	sync_fence();
	if (sync_load(&r->store.head, relaxed) == *p - ring_lap(r))
		return STORE_NONE;
	now = sync_load(&r->store.tail, relaxed);
	/* [ring.4] acquire: with [ring.3]; nothing is read through it */
	if (now == *p && sync_load(ring_stamp(r, now), acquire) != now)
		return STORE_BUSY;
	*p = now;
	return STORE_DONE;
}

static enum store_result ring_refuses_get(const struct ring *r, uint64_t *p)
{
	uint64_t now;

	/* [ring.7] full fence: with [ring.7] in the other thread */
	sync_fence();
	now = sync_load(&r->store.tail, relaxed);
	if ((now & ~RING_GATE) == *p)
		return now & RING_GATE ? STORE_CLOSED : STORE_NONE;
	now = sync_load(&r->store.head, relaxed);
	/* [ring.2] acquire: with [ring.1]; nothing is read through it */
	if (now == *p &&
	    sync_load(ring_stamp(r, now), acquire) != now + RING_HELD)
		return STORE_BUSY;
	*p = now;
	return STORE_DONE;
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

static enum store_result ring_put(struct store *s, const void *items, size_t n,
				  size_t *done)
{
	struct ring *r = ring_of(s);
	const unsigned char *from = items;
	uint64_t p = sync_load(&r->store.tail, relaxed), end = p, m = 0, seen;
	_Atomic uint64_t *stamp;
	enum store_result why;

	if (n == 1 && ring_put_one(r, items, false)) {
		*done = 1;
		return STORE_DONE;
	}
	for (;; ring_advance(r, seen, &p, &end, &m)) {
		m += ring_free_from(r, n - m, &end);
		seen = p;
		if (m == 0) {
			why = ring_refuses_put(r, &seen);
			if (why != STORE_DONE)
				return why;
			continue;
		}
		/* [ring.8] seq_cst: with [ring.9], what came before; [ring.7] */
		if (sync_cas(&r->store.tail, &seen, end, seq_cst))
			break;
	}
	for (; p != end; p = ring_next(r, p), from += r->store.item_size) {
		stamp = ring_stamp(r, p);
		ring_fill(r, stamp, from);
		/* [ring.1] release: publishes the item to [ring.2] */
		sync_store(stamp, p | RING_HELD, release);
	}
	*done = m;
	return STORE_DONE;
}

static enum store_result ring_get(struct store *s, void *items, size_t n,
				  size_t *done)
{
	struct ring *r = ring_of(s);
	unsigned char *to = items;
	uint64_t p = sync_load(&r->store.head, relaxed), end = p, m = 0, seen;
	_Atomic uint64_t *stamp;
	enum store_result why;

	if (n == 1 && ring_get_one(r, items, false)) {
		*done = 1;
		return STORE_DONE;
	}
	for (;; ring_advance(r, seen, &p, &end, &m)) {
		m += ring_held_from(r, n - m, &end);
		seen = p;
		if (m == 0) {
			why = ring_refuses_get(r, &seen);
			if (why != STORE_DONE)
				return why;
			continue;
		}
		/* [ring.8] seq_cst: with [ring.9], what came before; [ring.7] */
		if (sync_cas(&r->store.head, &seen, end, seq_cst))
			break;
	}
	for (; p != end; p = ring_next(r, p), to += r->store.item_size) {
		stamp = ring_stamp(r, p);
		ring_empty(r, stamp, to);
		/* [ring.3] release: hands the slot to [ring.4] */
		sync_store(stamp, p + ring_lap(r), release);
	}
	*done = m;
	return STORE_DONE;
}

static enum store_result ring_peek(struct store *s, void *item)
{
	struct ring *r = ring_of(s);
	uint64_t p = sync_load(&r->store.head, relaxed), now, end;
	enum store_result why;

	for (;; p = now) {
		now = end = p;
		if (ring_held_from(r, 1, &end) == 0) {
			why = ring_refuses_get(r, &now);
			if (why != STORE_DONE)
				return why;
			continue;
		}
		ring_empty(r, ring_stamp(r, p), item);
		/* [ring.6] acquire: with [ring.5], if the words are of a later
		 * put, head is seen to have moved */
		sync_fence_acquire();
		now = sync_load(&r->store.head, relaxed);
		if (now == p)
			return STORE_DONE;
	}
}

/* ---- a full ring's oldest item makes room --------------------------------- */

/* Keep the head at the item *p; false: somebody was quicker, or it is busy. */
static bool ring_keep_head(struct ring *r, uint64_t *p)
{
	*p = sync_load(&r->store.head, relaxed);
	/* [ring.2] acquire: with [ring.1], the item is there */
	if (sync_load(ring_stamp(r, *p), acquire) != *p + RING_HELD)
		return false;
	/* [ring.9] acquire: with [ring.8]; what earlier gets released goes on
	 * with the store that lets the head go */
	return sync_cas(&r->store.head, p, *p | RING_KEPT, acquire);
}

/* Head goes on from being kept to p, with what was seen when it was kept. */
static void ring_let_head_go(struct ring *r, uint64_t p)
{
	/* [ring.8] release: with [ring.9], what came before this claim */
	sync_store(&r->store.head, p, release);
}

/* With the head kept at p: the exchange, or false if it is not full or shut. */
static bool ring_exchange(struct ring *r, uint64_t p, const void *item,
			  void *old)
{
	uint64_t tail = p + ring_lap(r), seen = tail;
	_Atomic uint64_t *stamp = ring_stamp(r, p);

	/* [ring.8] seq_cst: with [ring.9], what came before; [ring.7] */
	if (!sync_cas(&r->store.tail, &seen, ring_next(r, tail), seq_cst))
		return false;
	ring_empty(r, stamp, old);
	ring_fill(r, stamp, item);
	/* [ring.1] release: publishes the item to [ring.2] */
	sync_store(stamp, tail | RING_HELD, release);
	return true;
}

static enum store_result ring_force(struct store *s, const void *item,
				    void *old, size_t *evicted)
{
	struct ring *r = ring_of(s);
	enum store_result result;
	size_t done;
	uint64_t p;

	for (;;) {
		result = ring_put(s, item, 1, &done);
		if (result != STORE_NONE)
			return result;
		if (!ring_keep_head(r, &p))
			return STORE_BUSY;
		if (ring_exchange(r, p, item, old)) {
			ring_let_head_go(r, ring_next(r, p));
			*evicted = 1;
			return STORE_DONE;
		}
		ring_let_head_go(r, p);
	}
}

/* ---- under lock, with nobody else ----------------------------------------- */

/* The items from p on, into slots that are free from position 0 on. */
static void ring_move(struct ring *r, const struct ring *old, uint64_t p)
{
	uint64_t end = sync_load(&r->store.tail, relaxed), q = 0;

	for (; p != end; p = ring_next(old, p), q = ring_next(r, q)) {
		sync_slot_write(ring_stamp(r, q) + 1,
				sync_slot_item(ring_stamp(old, p) + 1),
				r->store.item_size);
		sync_init(ring_stamp(r, q), q | RING_HELD);
	}
	sync_store(&r->store.tail, q, relaxed);
	sync_store(&r->store.head, 0, relaxed);
}

static int ring_resize(struct store *s, size_t capacity)
{
	struct ring *r = ring_of(s);
	struct ring old = {.slots = r->slots,
			   .mask = r->mask,
			   .last = r->last,
			   .stride = r->stride};
	size_t bytes = ring_bytes(capacity, s->item_size);
	void *memory;

	if (ring_size(s) > capacity)
		return EBUSY;
	memory = bytes ? aligned_alloc(CACHE_LINE, bytes) : NULL;
	if (!memory)
		return ENOMEM;
	r->before = ring_gets(s);
	ring_lay_out(r, capacity, memory);
	ring_move(r, &old, sync_load(&r->store.head, relaxed));
	ring_free(old.slots, s->item_size);
	return 0;
}

static uint64_t ring_take_all(struct store *s, struct taken *taken)
{
	struct ring *r = ring_of(s);
	uint64_t head = sync_load(&r->store.head, relaxed),
		 end = sync_load(&r->store.tail, relaxed) & ~RING_GATE;

	if (head == end)
		return 0;
	taken->next = head;
	sync_store(&r->store.head, end, relaxed);
	return ring_count(r, end) - ring_count(r, head);
}

static void *ring_next_taken(struct store *s, struct taken *taken)
{
	struct ring *r = ring_of(s);
	uint64_t p = taken->next;

	taken->next = ring_next(r, p);
	/* [ring.2] acquire: with [ring.1], the item is there */
	(void)sync_load(ring_stamp(r, p), acquire);
	return sync_slot_item(ring_stamp(r, p) + 1);
}

const struct store_kind ring_kind = {
	.put = ring_put,
	.get = ring_get,
	.peek = ring_peek,
	.force = ring_force,
	.can_put = ring_can_put,
	.can_get = ring_can_get,
	.may_put = ring_may_put,
	.puts = ring_puts,
	.gets = ring_gets,
	.size = ring_size,
	.close = ring_close,
	.is_finished = ring_is_finished,
	.resize = ring_resize,
	.take_all = ring_take_all,
	.next_taken = ring_next_taken,
	.fini = ring_fini,
};
