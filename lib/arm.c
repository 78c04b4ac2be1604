/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Armed waiters: one step of a call (call.c), and who stands in line is memory
 * of an event loop.
 *
 * A node says itself what it is armed for, in one word: the queue, and in the
 * low bits which call.  The word is written under the lock of that queue; it is
 * read without, in a read-side section, so that the queue is still there.
 *
 *   [arm.1] -> [arm.2]  who sees that its offer was taken finds what it got for
 *                       it, and needs the queue no more
 */
#include "config.h"

#include "queue.h"

enum arm_call { ARM_PUT, ARM_GET, ARM_PEEK, ARM_JOIN }; /* beside NODE_SERVED */

_Static_assert(ARM_JOIN < NODE_SERVED && 2 * NODE_SERVED <= CACHE_LINE,
	       "the bits of a queue's address that are 0 suffice");

static uintptr_t armed_for(const struct coqueue *q, enum arm_call call)
{
	return (uintptr_t)q | call;
}

static struct coqueue *queue_of(uintptr_t armed_for)
{
	return (struct coqueue *)(armed_for & ~(uintptr_t)(CACHE_LINE - 1));
}

static uintptr_t node_armed_for(const struct node *n)
{
	/* [arm.2] acquire: with [arm.1], what was passed */
	return sync_load(&n->armed_for, acquire);
}

static int arm(struct call *c, enum arm_call call, coqueue_waiter_t *w)
{
	struct node *n = node_of(w);
	uintptr_t before = node_armed_for(n);

	c->armed_for = armed_for(c->queue, call);
	if (before == (c->armed_for | NODE_SERVED)) {
		n->waiter.state = WAITER_OUT;
		node_set_armed(n, 0);
		return 0;
	}
	if (before && before != c->armed_for)
		return EBUSY;
	c->armed = &n->waiter;
	c->stands = before;
	rcu_reader_enter();
	return call_run(c);
}

int coqueue_put_arm(coqueue_t *q, const void *item, coqueue_waiter_t *w)
{
	struct call c;

	if (!q || !item || !w || !w->wake)
		return EINVAL;
	call_init_put(&c, q, item);
	return arm(&c, ARM_PUT, w);
}

int coqueue_get_arm(coqueue_t *q, void *item, coqueue_waiter_t *w)
{
	struct call c;

	if (!q || !item || !w || !w->wake)
		return EINVAL;
	call_init_get(&c, q, item);
	return arm(&c, ARM_GET, w);
}

int coqueue_peek_arm(coqueue_t *q, void *item, coqueue_waiter_t *w)
{
	struct call c;

	if (!q || !item || !w || !w->wake)
		return EINVAL;
	call_init_peek(&c, q, item);
	return arm(&c, ARM_PEEK, w);
}

int coqueue_join_arm(coqueue_t *q, coqueue_waiter_t *w)
{
	struct call c;

	if (!q || !w || !w->wake)
		return EINVAL;
	call_init_join(&c, q);
	return arm(&c, ARM_JOIN, w);
}

/* ---- disarm --------------------------------------------------------------- */

static struct line *line_of(struct coqueue *q, uintptr_t armed_for)
{
	struct call c;

	switch (armed_for & (NODE_SERVED - 1)) {
	case ARM_PUT:
		return &q->store.putters;
	case ARM_JOIN:
		return &q->joiners;
	case ARM_PEEK:
		call_init_peek(&c, q, NULL);
		return c.line;
	}
	return &q->store.getters;
}

/* Out of the line; whether its wake function will not run therefore. */
static bool leave_locked(struct node *n, struct coqueue *q, uintptr_t armed_for)
{
	struct call c = {.queue = q, .line = line_of(q, armed_for)};
	bool spared;

	if (sync_load(&n->armed_for, relaxed) != armed_for)
		return false;
	spared =
		n->waiter.state == WAITER_ASLEEP || waker_take_back(&n->waiter);
	call_leave_locked(&c, &n->waiter);
	return spared;
}

static bool leave(struct node *n)
{
	uintptr_t armed_for;
	struct coqueue *q;
	bool spared;

	rcu_reader_enter();
	armed_for = node_armed_for(n);
	if (!armed_for || armed_for & NODE_SERVED) {
		rcu_reader_leave();
		return false;
	}
	q = queue_of(armed_for);
	queue_caller_enter(q);
	rcu_reader_leave();
	sync_lock(&q->lock);
	spared = leave_locked(n, q, armed_for);
	queue_caller_leave_locked(q);
	sync_unlock(&q->lock);
	return spared;
}

static bool is_in_line(const struct node *n)
{
	uintptr_t armed_for = node_armed_for(n);

	return armed_for && !(armed_for & NODE_SERVED);
}

int coqueue_disarm(coqueue_waiter_t *w)
{
	bool spared = false;

	if (!w)
		return EINVAL;
	if (pile_is_comparing())
		return EDEADLK;
	do {
		spared |= leave(node_of(w));
		if (!node_await_wakes(node_of(w)))
			return EBUSY;
	} while (is_in_line(node_of(w))); /* a wake function has armed it */
	return spared ? 0 : EALREADY;
}
