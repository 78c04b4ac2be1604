/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The unbounded FIFO, all that is not hot.  What it is: store_seg.h.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "store_seg.h"

/* So many idle segments keep their pages. */
#define MAX_SPARE 2

static struct chain *chain_of(struct store *s)
{
	return container_of(s, struct chain, store);
}

static const struct chain *chain_of_const(const struct store *s)
{
	return container_of_const(s, struct chain, store);
}

/* ---- segments; under the chain's lock ------------------------------------- */

static struct segment *segment_new(struct chain *c)
{
	int saved = errno;
	struct segment *s = aligned_alloc(CACHE_LINE, CACHE_LINE);

	errno_set_back(saved);
	if (!s)
		return NULL;
	s->pages = sync_pages_alloc(c->bytes);
	if (!s->pages) {
		free(s);
		return NULL;
	}
	sync_init(&s->base, 0);
	sync_init(&s->next, NULL);
	s->all_next = c->all;
	c->all = s;
	return s;
}

static struct segment *pop(struct segment **list)
{
	struct segment *s = *list;

	if (s)
		*list = s->idle_next;
	return s;
}

static struct segment *segment_get(struct chain *c)
{
	struct segment *s = pop(&c->spare);

	if (s) {
		c->n_spare--;
		return s;
	}
	s = pop(&c->idle);
	return s ? s : segment_new(c);
}

static void segment_retire(struct chain *c, struct segment *s)
{
	struct segment **list = &c->spare;

	/* nobody finds a position in it any more */
	sync_store(&s->base, 0, relaxed);
	if (c->n_spare < MAX_SPARE) {
		c->n_spare++;
	} else {
		sync_pages_discard(s->pages, c->bytes);
		list = &c->idle;
	}
	s->idle_next = *list;
	*list = s;
}

/* Add a segment for the positions from `base` on. */
static bool segment_add(struct chain *c, uint64_t base)
{
	struct segment *s = segment_get(c),
		       *last = sync_load(&c->tail_seg, relaxed);

	if (!s)
		return false;
	s->checked = base;
	sync_store(&s->next, NULL, relaxed);
	/* [seg.10] release: with [seg.11], nobody uses its slots any more */
	sync_store(&s->base, base, release);
	if (last)
		/* [seg.10] release: with [seg.11], it has its base */
		sync_store(&last->next, s, release);
	sync_store(&c->tail_seg, s, relaxed);
	return true;
}

/* Whether every get out of it is done. */
static bool segment_is_done(struct chain *c, struct segment *s)
{
	uint64_t base = sync_load(&s->base, relaxed);

	for (; s->checked - base < c->span; s->checked += SEG_STEP)
		/* [seg.4] acquire: with [seg.3], the get is done with it */
		if (sync_load(chain_stamp(c, s, s->checked - base), acquire) !=
		    s->checked)
			return false;
	return true;
}

static void retire_locked(struct chain *c)
{
	struct segment *s;

	while ((s = c->oldest) != sync_load(&c->head_seg, relaxed) &&
	       segment_is_done(c, s)) {
		c->oldest = sync_load(&s->next, relaxed);
		segment_retire(c, s);
	}
}

void chain_retire(struct chain *c)
{
	sync_lock(&c->lock);
	retire_locked(c);
	sync_unlock(&c->lock);
}

/* The tail has come to the end of its segment, or had.  False: no memory. */
static bool chain_extend(struct chain *c)
{
	uint64_t p, base;
	bool done = true;

	sync_lock(&c->lock);
	p = sync_load(&c->store.tail, relaxed) & ~SEG_GATE;
	base = sync_load(&sync_load(&c->tail_seg, relaxed)->base, relaxed);
	if (p - base >= c->span)
		done = segment_add(c, base + c->span);
	sync_unlock(&c->lock);
	return done;
}

/* The head has come to the end of its segment, or had. */
static void chain_advance(struct chain *c)
{
	struct segment *s;
	uint64_t p;

	sync_lock(&c->lock);
	p = sync_load(&c->store.head, relaxed);
	s = sync_load(&c->head_seg, relaxed);
	while (p - sync_load(&s->base, relaxed) >= c->span &&
	       s != sync_load(&c->tail_seg, relaxed))
		s = sync_load(&s->next, relaxed);
	/* [seg.14] release: with [seg.15], the head has come so far */
	sync_store(&c->head_seg, s, release);
	retire_locked(c);
	sync_unlock(&c->lock);
}

/* ---- beginning and end ---------------------------------------------------- */

static void chain_fini(struct store *store)
{
	struct chain *c = chain_of(store);
	struct segment *s;

	while ((s = c->all)) {
		c->all = s->all_next;
		sync_pages_free(s->pages, c->bytes);
		free(s);
	}
	sync_mutex_destroy(&c->lock);
}

int chain_init(struct chain *c, size_t item_size)
{
	size_t n;
	int err;

	if (item_size > STORE_MAX_BYTES / SYNC_SEGMENT_MIN / 2)
		return ENOMEM;
	c->store.kind = &chain_kind;
	c->store.item_size = item_size;
	c->stride = store_stride(sizeof(uint64_t), item_size);
	n = SYNC_SEGMENT_BYTES / c->stride;
	if (n < SYNC_SEGMENT_MIN)
		n = SYNC_SEGMENT_MIN;
	c->bytes = SEG_FIRST_STAMP + n * c->stride;
	c->span = n * SEG_STEP;
	c->spare = c->idle = c->all = NULL;
	c->n_spare = 0;
	sync_init(&c->tail_seg, NULL);
	err = sync_mutex_init(&c->lock);
	if (err)
		return err;
	/* base 0 means none, so positions begin later */
	if (!segment_add(c, c->span)) {
		chain_fini(&c->store);
		return ENOMEM;
	}
	c->oldest = c->all;
	sync_init(&c->head_seg, c->all);
	sync_init(&c->store.tail, c->span);
	sync_init(&c->store.head, c->span);
	return 0;
}

static void chain_close(struct store *s)
{
	sync_or(&chain_of(s)->store.tail, SEG_GATE, relaxed);
}

/* ---- positions ------------------------------------------------------------ */

static uint64_t chain_count(const struct chain *c, uint64_t p)
{
	return (p - c->span) / SEG_STEP;
}

static uint64_t chain_puts(const struct store *s)
{
	const struct chain *c = chain_of_const(s);

	/* [seg.9] acquire: with [seg.8], gets that came before */
	return chain_count(c, sync_load(&c->store.tail, acquire));
}

static uint64_t chain_gets(const struct store *s)
{
	const struct chain *c = chain_of_const(s);

	/* [seg.9] acquire: with [seg.8], the put of what was got */
	return chain_count(c, sync_load(&c->store.head, acquire));
}

static bool chain_can_put(const struct store *s, uint64_t n)
{
	(void)s;
	(void)n;
	return true;
}

/* Whether n positions from p on are held; s covers p, or comes before it. */
static bool chain_holds_from(const struct chain *c, const struct segment *s,
			     uint64_t p, uint64_t n)
{
	uint64_t offset;

	while (n > 0) {
		offset = segment_offset(s, p);
		if (offset >= c->span) {
			/* [seg.11] acquire: with [seg.10], it has its base */
			s = sync_load(&s->next, acquire);
			if (!s)
				return false;
			continue;
		}
		/* [seg.2] acquire: with [seg.1]; nothing is read through it */
		if (sync_load(chain_stamp(c, s, offset), acquire) !=
		    (p | SEG_HELD))
			return false;
		p += SEG_STEP;
		n--;
	}
	return true;
}

/* A segment that is left behind may lead astray, but then head_seg has moved. */
static bool chain_can_get(const struct store *store, uint64_t n)
{
	const struct chain *c = chain_of_const(store);
	struct segment *s;
	uint64_t p;

	do {
		/* [seg.15] acquire: with [seg.14], p is not before s */
		s = sync_load(&c->head_seg, acquire);
		p = sync_load(&c->store.head, relaxed);
		if (chain_holds_from(c, s, p, n))
			return true;
	} while (sync_load(&c->store.head, relaxed) != p ||
		 sync_load(&c->head_seg, relaxed) != s);
	return false;
}

static bool chain_is_finished(const struct store *s)
{
	const struct chain *c = chain_of_const(s);

	/* head never passes tail, and a closed tail stands still */
	return sync_load(&c->store.tail, relaxed) ==
	       (sync_load(&c->store.head, relaxed) | SEG_GATE);
}

/* ---- put and get ---------------------------------------------------------- */

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Up to n positions, within one segment; DONE: *p, *m are ours, in *s. */
static enum store_result chain_claim_put(struct chain *c, uint64_t n,
					 struct segment **s, uint64_t *p,
					 uint64_t *m)
{
	uint64_t offset;

	for (;;) {
		*p = sync_load(&c->store.tail, relaxed);
		if (*p & SEG_GATE)
			return STORE_CLOSED;
		*s = sync_load(&c->tail_seg, relaxed);
		offset = segment_offset(*s, *p);
		if (offset >= c->span) {
			if (!chain_extend(c))
				return STORE_NOMEM;
			continue;
		}
		*m = min(n, (c->span - offset) / SEG_STEP);
		/* [seg.8] seq_cst: with [seg.9], what came before; [ring.7] */
		if (sync_cas(&c->store.tail, p, *p + *m * SEG_STEP, seq_cst))
			return STORE_DONE;
	}
}

static enum store_result chain_put(struct store *store, const void *items,
				   size_t n, size_t *done)
{
	struct chain *c = chain_of(store);
	const unsigned char *from = items;
	_Atomic uint64_t *stamp;
	struct segment *s;
	uint64_t p, m, base;
	enum store_result result = chain_claim_put(c, n, &s, &p, &m);

	if (result != STORE_DONE)
		return result;
	base = sync_load(&s->base, relaxed);
	*done = m;
	for (; m > 0; m--, p += SEG_STEP, from += store->item_size) {
		stamp = chain_stamp(c, s, p - base);
		chain_fill(c, stamp, from);
		/* [seg.1] release: publishes the item to [seg.2] */
		sync_store(stamp, p | SEG_HELD, release);
	}
	return STORE_DONE;
}

/* There is no limit, so nothing has to make room. */
static enum store_result chain_force(struct store *s, const void *item,
				     void *old, size_t *evicted)
{
	size_t done;

	(void)old;
	(void)evicted;
	return chain_put(s, item, 1, &done);
}

/*
 * Why nothing is held at p.  DONE: no reason is left, try again.  Empty at the
 * instant when tail is read, for head is p or beyond, and tail is p.
 */
static enum store_result chain_why_none(struct chain *c, uint64_t p)
{
	uint64_t now;

	/* [ring.7] full fence: with [ring.7] in the other thread */
	sync_fence();
	now = sync_load(&c->store.tail, relaxed);
	if ((now & ~SEG_GATE) == p)
		return now & SEG_GATE ? STORE_CLOSED : STORE_NONE;
	return sync_load(&c->store.head, relaxed) == p ? STORE_BUSY
						       : STORE_DONE;
}

/*
 * The segment and the offset of the head, whose item is there: DONE.  The head
 * may have moved on since *p was read.
 */
static enum store_result chain_find_head(struct chain *c, struct segment **s,
					 uint64_t *p, uint64_t *offset)
{
	enum store_result why;

	for (;;) {
		*p = sync_load(&c->store.head, relaxed);
		*s = sync_load(&c->head_seg, relaxed);
		*offset = segment_offset(*s, *p);
		/* [seg.2] acquire: with [seg.1], the item is there */
		if (*offset < c->span && sync_load(chain_stamp(c, *s, *offset),
						   acquire) == (*p | SEG_HELD))
			return STORE_DONE;
		why = chain_why_none(c, *p);
		if (why == STORE_BUSY && *offset >= c->span)
			chain_advance(c);
		else if (why != STORE_DONE)
			return why;
	}
}

/* Up to n held positions, within one segment; DONE: *p, *m are ours, in *s. */
static enum store_result chain_claim_get(struct chain *c, uint64_t n,
					 struct segment **s, uint64_t *p,
					 uint64_t *m)
{
	enum store_result why;
	uint64_t offset, seen, most;

	do {
		why = chain_find_head(c, s, p, &offset);
		if (why != STORE_DONE)
			return why;
		most = min(n, (c->span - offset) / SEG_STEP);
		for (*m = 1; *m < most; ++*m)
			if (!chain_holds_from(c, *s, *p + *m * SEG_STEP, 1))
				break;
		seen = *p;
		/* [seg.8] seq_cst: with [seg.9], what came before; [ring.7] */
	} while (!sync_cas(&c->store.head, &seen, *p + *m * SEG_STEP, seq_cst));
	return STORE_DONE;
}

/* Copy m items out, from p on, and mark their slots done. */
static void chain_take(struct chain *c, struct segment *s, uint64_t p,
		       uint64_t m, unsigned char *to)
{
	uint64_t base = sync_load(&s->base, relaxed);
	_Atomic uint64_t *stamp;

	for (; m > 0; m--, p += SEG_STEP, to += c->store.item_size) {
		stamp = chain_stamp(c, s, p - base);
		sync_slot_read(stamp + 1, to, c->store.item_size);
		/* [seg.3] release: done, for [seg.4] */
		sync_store(stamp, p, release);
	}
	if (chain_has_left(c, s))
		chain_retire(c);
}

/* A claim ends with its segment, and what is there may not. */
static enum store_result chain_get(struct store *store, void *items, size_t n,
				   size_t *done)
{
	struct chain *c = chain_of(store);
	unsigned char *to = items;
	enum store_result why;
	struct segment *s;
	uint64_t p, m;

	for (*done = 0; *done < n; *done += m) {
		why = chain_claim_get(c, n - *done, &s, &p, &m);
		if (why != STORE_DONE)
			return *done ? STORE_DONE : why;
		chain_take(c, s, p, m, to + *done * store->item_size);
	}
	return STORE_DONE;
}

static enum store_result chain_peek(struct store *store, void *item)
{
	struct chain *c = chain_of(store);
	enum store_result why;
	struct segment *s;
	uint64_t p, offset;

	do {
		why = chain_find_head(c, &s, &p, &offset);
		if (why != STORE_DONE)
			return why;
		sync_slot_read(chain_stamp(c, s, offset) + 1, item,
			       store->item_size);
		/* [seg.6] acquire: with [seg.5], if the words are of a later
		 * put, head is seen to have moved */
		sync_fence_acquire();
	} while (sync_load(&c->store.head, relaxed) != p);
	return STORE_DONE;
}

/* ---- all at once ---------------------------------------------------------- */

static uint64_t chain_take_all(struct store *store, struct taken *taken)
{
	struct chain *c = chain_of(store);
	uint64_t head = sync_load(&c->store.head, relaxed),
		 end = sync_load(&c->store.tail, relaxed) & ~SEG_GATE;

	if (head == end)
		return 0;
	taken->next = head;
	taken->segment = sync_load(&c->head_seg, relaxed);
	sync_store(&c->store.head, end, relaxed);
	return (end - head) / SEG_STEP;
}

static void *chain_next_taken(struct store *store, struct taken *taken)
{
	struct chain *c = chain_of(store);
	_Atomic uint64_t *stamp;
	uint64_t offset;

	while ((offset = segment_offset(taken->segment, taken->next)) >=
	       c->span)
		taken->segment = sync_load(&taken->segment->next, relaxed);
	stamp = chain_stamp(c, taken->segment, offset);
	taken->next += SEG_STEP;
	/* [seg.2] acquire: with [seg.1], the item is there */
	(void)sync_load(stamp, acquire);
	return sync_slot_item(stamp + 1);
}

const struct store_kind chain_kind = {
	.put = chain_put,
	.get = chain_get,
	.peek = chain_peek,
	.force = chain_force,
	.can_put = chain_can_put,
	.can_get = chain_can_get,
	.may_put = chain_can_put,
	.puts = chain_puts,
	.gets = chain_gets,
	.size = store_size,
	.close = chain_close,
	.is_finished = chain_is_finished,
	.take_all = chain_take_all,
	.next_taken = chain_next_taken,
	.fini = chain_fini,
};
