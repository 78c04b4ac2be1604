/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Capacity 0: an item goes from a put to a get without ever being in the queue.
 *
 * Whoever finds no partner makes an offer: its item, or the place for one.  A
 * partner that comes takes an offer, under the lock, and both calls have taken
 * effect at that instant.
 *
 * Armed waiters and parked coroutines make their offers where they stand in line
 * (waiter.offer).  One whose offer was taken is out of the line, and woken.
 *
 * A thread may be cancelled at any moment while it sleeps, and a call whose item
 * is gone can no longer be without effect (G14).  So a thread that sleeps in line
 * has no offer.  It makes one while it is awake, in a list of its side, spins for
 * a moment, and withdraws it before it goes to sleep.  Who finds a thread asleep
 * first in line wakes it, by an offer that is firm: it stays until the woken
 * thread has taken it, or has left the line without (a cancellation, an
 * interrupt) and nobody else could be woken.  Firm offers are waited for
 * without cancellation and beyond deadlines: the partner is on its way, and
 * needs nothing but the lock.  A try is a firm offer or none.
 *
 * Who waits for a firm offer's answer stands in no line, so nobody waits for it
 * in turn.  A select, which stands in several, withdraws from all before it makes
 * one (select.c).
 *
 * Invariants, whenever the lock is free:
 *   1. Offers of threads stand on one side at most: who comes takes before it
 *      offers.
 *   2. There are no more firm offers than threads woken, and not back yet, on the
 *      other side.
 *   3. No thread goes to sleep while a thread sleeps on the other side: the
 *      sleeper would have been woken by the offer that comes before sleep.  One
 *      that is awake, but whose partner was taken away, tries again before it
 *      sleeps, finds who sleeps by then, and wakes it in its turn.
 *   4. Offers in line stand on both sides only while a thread that was woken for
 *      one of them is on its way.
 *
 * The verdict of an offer is looked at without the lock only to know when to
 * stop waiting: who offers takes the lock before it returns, and what its partner
 * did comes with that.
 *   [meet.1] -> [meet.2]  who sees a count sees the put and the get
 *
 * Peekers find nothing here, ever.  They wait in a line of their own, for
 * shutdown, so that no offer wakes them.
 *
 * Source: offers and withdrawal as in W. N. Scherer III, D. Lea, M. L. Scott,
 * "Scalable synchronous queues" (2006); that a sleeper must consent is ours.
 */
#include "config.h"

#include <string.h>

#include "queue.h"

enum {
	OFFER_OPEN = -3,
	OFFER_AGAIN = -2, /* dismissed: try again */
	/* other verdicts are the result of the call: 0, EINTR */
};

struct offer {
	struct list link; /* under lock */
	unsigned char *item;
	bool firm;   /* under lock */
	bool asleep; /* under lock */
	_Atomic int verdict;
	struct sleeper sleeper;
};

static struct exchange *exchange_of(struct store *s)
{
	return container_of(s, struct exchange, store);
}

static struct offer *offer_of(struct list *link)
{
	return container_of(link, struct offer, link);
}

/* ---- offers; under lock --------------------------------------------------- */

static void offer_make(struct exchange *x, struct offer *o,
		       enum coqueue_side side, unsigned char *item)
{
	o->item = item;
	o->firm = o->asleep = false;
	sync_init(&o->verdict, OFFER_OPEN);
	sleeper_init_thread(&o->sleeper);
	list_insert(&o->link, &x->offers[side]);
	x->n_offers[side]++;
}

static bool offer_is_open(const struct offer *o)
{
	return sync_load(&o->verdict, relaxed) == OFFER_OPEN;
}

static void offer_remove(struct exchange *x, struct offer *o,
			 enum coqueue_side side)
{
	list_remove(&o->link);
	x->n_offers[side]--;
}

/* Its owner is told why. */
static void offer_end(struct exchange *x, struct offer *o,
		      enum coqueue_side side, int verdict)
{
	offer_remove(x, o, side);
	sync_store(&o->verdict, verdict, relaxed);
	if (o->asleep)
		sleeper_wake(&o->sleeper);
}

static void dismiss_all(struct exchange *x, enum coqueue_side side, int verdict)
{
	while (!list_empty(&x->offers[side]))
		offer_end(x, offer_of(x->offers[side].next), side, verdict);
}

/* The newest firm offers that more threads had been woken for than are now. */
static void dismiss_excess(struct exchange *x, enum coqueue_side side,
			   uint32_t consenting)
{
	struct list *link = x->offers[side].prev, *older;
	size_t excess = x->n_offers[side];

	excess = excess > consenting ? excess - consenting : 0;
	for (; excess > 0; excess--, link = older) {
		older = link->prev;
		if (offer_of(link)->firm)
			offer_end(x, offer_of(link), side, OFFER_AGAIN);
	}
}

/* ---- offers in line; under lock -------------------------------------------- */

static struct line *line_of(const struct exchange *x, enum coqueue_side side)
{
	struct coqueue *q = container_of((struct exchange *)(uintptr_t)x,
					 struct coqueue, exchange);

	return side == COQUEUE_PUT ? &q->store.putters : &q->store.getters;
}

/*
 * The next offer in line after `link`, for who is part of the choice `own`; NULL:
 * none before a thread that has to be woken.
 */
static struct waiter *next_in_line(const struct line *line, struct list *link,
				   const struct choice *own)
{
	const struct choice *c;
	struct waiter *w;

	for (link = link->next; link != &line->asleep; link = link->next) {
		w = container_of(link, struct waiter, link);
		c = choice_of(w);
		if (c &&
		    (c == own || sync_load(&c->state, relaxed) != CHOICE_OPEN))
			continue; /* itself, or a select that is trying */
		if (w->kind == WAITER_THREAD)
			return NULL;
		if (w->offer)
			return w;
	}
	return NULL;
}

/* How many offers of that side could be taken, but at most so many. */
static uint64_t count_offers(const struct exchange *x, enum coqueue_side side,
			     uint64_t most, const struct choice *own)
{
	const struct line *line = line_of(x, side);
	struct list *link = (struct list *)(uintptr_t)&line->asleep;
	uint64_t found = x->n_offers[side];

	for (struct waiter *w;
	     found < most && (w = next_in_line(line, link, own));
	     link = &w->link)
		found++;
	return found;
}

/* The first of them that is not lost to another queue of its select. */
static struct waiter *take_in_line(struct line *line)
{
	struct list *link = &line->asleep;
	struct waiter *w;

	while ((w = next_in_line(line, link, NULL)) && choice_of(w) &&
	       !choice_make(choice_of(w)))
		link = &w->link;
	return w;
}

/* ---- the store ------------------------------------------------------------ */

static void pass(struct exchange *x, enum coqueue_side from, void *offered,
		 unsigned char *item)
{
	if (from == COQUEUE_PUT)
		memcpy(item, offered, x->store.item_size);
	else
		memcpy(offered, item, x->store.item_size);
	/* [meet.1] release: with [meet.2], what was counted before */
	sync_store(&x->store.tail, sync_load(&x->store.tail, relaxed) + 1,
		   release);
}

/* The oldest of the threads that wait for an answer, or NULL. */
static struct offer *first_firm(struct exchange *x, enum coqueue_side side)
{
	struct list *link;

	list_for_each(link, &x->offers[side])
		if (offer_of(link)->firm)
			return offer_of(link);
	return NULL;
}

/*
 * One offer of that side: of those that wait for an answer, then of those in
 * line, then of threads that have just come.
 */
static bool take_offer(struct exchange *x, enum coqueue_side side,
		       unsigned char *item)
{
	struct offer *o = first_firm(x, side);
	struct line *line = line_of(x, side);
	struct waiter *w = o ? NULL : take_in_line(line);

	if (w) {
		pass(x, side, w->offer, item);
		call_serve_locked(container_of(x, struct coqueue, exchange),
				  line, w);
		return true;
	}
	if (!o && !list_empty(&x->offers[side]))
		o = offer_of(x->offers[side].next);
	if (!o)
		return false;
	pass(x, side, o->item, item);
	offer_end(x, o, side, 0);
	return true;
}

/* Up to n partners' offers of that side are taken. */
static enum store_result take_offers(struct store *s, enum coqueue_side side,
				     unsigned char *items, size_t n,
				     size_t *done)
{
	struct exchange *x = exchange_of(s);

	if (x->closed)
		return STORE_CLOSED;
	for (*done = 0; *done < n && take_offer(x, side, items); ++*done)
		items += s->item_size;
	return *done ? STORE_DONE : STORE_NONE;
}

static enum store_result exchange_put(struct store *s, const void *items,
				      size_t n, size_t *done)
{
	return take_offers(s, COQUEUE_GET, (unsigned char *)(uintptr_t)items, n,
			   done);
}

static enum store_result exchange_get(struct store *s, void *items, size_t n,
				      size_t *done)
{
	return take_offers(s, COQUEUE_PUT, items, n, done);
}

static enum store_result exchange_peek(struct store *s, void *item)
{
	(void)item;
	return exchange_of(s)->closed ? STORE_CLOSED : STORE_NONE;
}

/* Nothing is ever there; who could meet whom, call_may_meet_locked() tells. */
static bool exchange_has_none(const struct store *s, uint64_t n)
{
	(void)s;
	(void)n;
	return false;
}

/* Puts and gets are one. */
static uint64_t exchange_passed(const struct store *s)
{
	/* [meet.2] acquire: with [meet.1], the put and the get */
	return sync_load(&s->tail, acquire);
}

static size_t exchange_size(const struct store *s)
{
	(void)s;
	return 0;
}

static void exchange_close(struct store *s)
{
	exchange_of(s)->closed = true;
	dismiss_all(exchange_of(s), COQUEUE_PUT, OFFER_AGAIN);
	dismiss_all(exchange_of(s), COQUEUE_GET, OFFER_AGAIN);
}

static bool exchange_is_finished(const struct store *s)
{
	return container_of_const(s, struct exchange, store)->closed;
}

static uint64_t exchange_take_all(struct store *s, struct taken *taken)
{
	(void)s;
	(void)taken;
	return 0;
}

static void exchange_fini(struct store *s)
{
	(void)s;
}

static const struct store_kind exchange_kind = {
	.put = exchange_put,
	.get = exchange_get,
	.peek = exchange_peek,
	.can_put = exchange_has_none,
	.can_get = exchange_has_none,
	.may_put = exchange_has_none,
	.puts = exchange_passed,
	.gets = exchange_passed,
	.size = exchange_size,
	.close = exchange_close,
	.is_finished = exchange_is_finished,
	.take_all = exchange_take_all,
	.fini = exchange_fini,
};

void exchange_init(struct exchange *x, size_t item_size)
{
	x->store.kind = &exchange_kind;
	x->store.item_size = item_size;
	x->closed = false;
	for (int side = 0; side < 2; side++) {
		list_init(&x->offers[side]);
		x->n_offers[side] = 0;
	}
	sync_init(&x->store.tail, 0);
}

/* ---- calls ---------------------------------------------------------------- */

/*
 * Spin for a partner; the lock is free.  For one that was woken, until it has
 * had the time to wake: two who fell asleep would else wait for each other's
 * waking ever after, and be eighty times slower.
 */
static void offer_spin(const struct coqueue *q, struct offer *o, bool firm)
{
	bool rests = firm && sync_rests_from_yields();

	for (int i = rests ? SPINS_RESTING : SPINS; i > 0 && offer_is_open(o);
	     i--)
		sync_pause();
	for (int i = firm ? WOKEN_YIELDS : YIELDS; i > 0 && offer_is_open(o);
	     i--)
		(void)queue_yield(q);
}

/* The partner is on its way: it ends the offer, or somebody for it does. */
static void offer_sleep(struct coqueue *q, struct offer *o)
{
	int cancel = sync_cancel_disable();

	if (offer_is_open(o)) {
		sync_lock(&q->lock);
		o->asleep = offer_is_open(o);
		sync_unlock(&q->lock);
	}
	while (offer_is_open(o))
		sleeper_sleep(&o->sleeper, NULL);
	sync_cancel_restore(cancel);
}

/* Whether enough partners have been woken for this offer, the newest. */
static bool offer_is_firm(const struct exchange *x, struct offer *o,
			  enum coqueue_side side, const struct line *partners)
{
	uint64_t partners_left = partners->consenting;

	o->firm =
		count_offers(x, side, partners_left + 1, NULL) <= partners_left;
	return o->firm;
}

int call_meet_locked(struct call *c, bool patient)
{
	struct coqueue *q = c->queue;
	struct exchange *x = &q->exchange;
	bool puts = c->line == &q->store.putters, firm;
	enum coqueue_side side = puts ? COQUEUE_PUT : COQUEUE_GET;
	struct line *partners = puts ? &q->store.getters : &q->store.putters;
	struct offer o;
	int verdict;

	offer_make(x, &o, side, c->items);
	queue_wake_ready_locked(q, partners);
	firm = offer_is_open(&o) && offer_is_firm(x, &o, side, partners);
	if (firm || patient) {
		sync_unlock(&q->lock);
		offer_spin(q, &o, firm);
		if (firm)
			offer_sleep(q, &o);
		sync_lock(&q->lock);
	}
	verdict = sync_load(&o.verdict, relaxed);
	if (verdict == OFFER_OPEN)
		offer_remove(x, &o, side);
	sleeper_fini(&o.sleeper);
	switch (verdict) {
	case 0:
		call_moved(c, 1);
		return puts && c->left ? BUSY : 0;
	case OFFER_AGAIN:
		return BUSY;
	case OFFER_OPEN:
		return EAGAIN;
	}
	return patient ? verdict : EAGAIN;
}

bool call_may_meet_locked(const struct coqueue *q, const struct line *line,
			  uint64_t n, const struct waiter *w)
{
	return count_offers(&q->exchange,
			    line == &q->store.putters ? COQUEUE_GET
						      : COQUEUE_PUT,
			    n, w ? choice_of(w) : NULL) >= n;
}

struct line *call_left_locked(struct coqueue *q, const struct line *line)
{
	struct exchange *x = &q->exchange;
	enum coqueue_side other;
	struct line *partners = NULL;

	if (!queue_is_rendezvous(q) ||
	    (line != &q->store.putters && line != &q->store.getters))
		return NULL;
	other = line == &q->store.putters ? COQUEUE_GET : COQUEUE_PUT;
	/* whom it has hidden, the others may take now */
	if (next_in_line(line, (struct list *)(uintptr_t)&line->asleep, NULL)) {
		dismiss_all(x, other, OFFER_AGAIN);
		partners = line_of(x, other);
	}
	dismiss_excess(x, other, line->consenting);
	return partners;
}

void queue_interrupt_offers_locked(struct coqueue *q)
{
	if (!queue_is_rendezvous(q))
		return;
	dismiss_all(&q->exchange, COQUEUE_PUT, EINTR);
	dismiss_all(&q->exchange, COQUEUE_GET, EINTR);
}

void queue_wake_peekers_locked(struct coqueue *q, int verdict)
{
	if (queue_is_rendezvous(q))
		line_wake_all_locked(&q->exchange.peekers, verdict);
}
