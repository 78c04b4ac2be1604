/* SPDX-License-Identifier: MIT */
/*
 * Arming callers: see stress_armed.h.  Every other call tries again in its wake
 * function, on the thread that woke it, and the fiber sleeps until that has
 * succeeded; the others try again in the fiber.
 *
 * A wake function may still run when what it woke for is done, so each call ends
 * with disarm, which waits for that.
 */
#include "config.h"

#include <coqueue/waiter.h>
#include <errno.h>
#include "stress_armed.h"

/* One call; on the fiber's stack. */
struct arming {
	coqueue_waiter_t waiter;
	coqueue_t *queue; /* the round forgets it when it destroys it */
	struct actor *actor;
	const struct call *call;
	struct fiber *fiber;
	bool tries_in_wake, spared; /* spared: disarm has returned 0 */
	uint64_t armed;             /* how often */
	_Atomic uint64_t woken;
	int rc;             /* of a try in the wake function ... */
	_Atomic bool is_up; /* ... which is over: the fiber has to go on */
};

bool armed_can(const struct call *c)
{
	switch (c->what) {
	case IN_PUT:
	case IN_PUT_UNTIL:
	case IN_GET:
	case IN_GET_UNTIL:
	case IN_PEEK:
	case IN_PEEK_UNTIL:
	case IN_JOIN:
	case IN_JOIN_UNTIL:
		return c->form != AT_ONCE;
	default:
		return false;
	}
}

/* One more EINPROGRESS, if it is one.  Counted before: then it may be woken
 * already, and try again elsewhere. */
static int try_or_arm(struct arming *m)
{
	void *item = m->actor->buffer;
	int rc;

	m->armed++;
	switch (m->call->what) {
	case IN_PUT:
	case IN_PUT_UNTIL:
		rc = coqueue_put_arm(m->queue, item, &m->waiter);
		break;
	case IN_GET:
	case IN_GET_UNTIL:
		rc = coqueue_get_arm(m->queue, item, &m->waiter);
		break;
	case IN_PEEK:
	case IN_PEEK_UNTIL:
		rc = coqueue_peek_arm(m->queue, item, &m->waiter);
		break;
	default:
		rc = coqueue_join_arm(m->queue, &m->waiter);
		break;
	}
	if (rc != EINPROGRESS)
		m->armed--;
	return rc;
}

/* On any thread.  When it is up, or armed again, it may be gone. */
static void wake(coqueue_waiter_t *w)
{
	struct arming *m = w->data;
	struct fiber *fiber = m->fiber;
	int rc = EINPROGRESS;

	atomic_fetch_add(&m->woken, 1);
	if (m->tries_in_wake) {
		rc = try_or_arm(m);
		if (rc == EINPROGRESS)
			return;
	}
	m->rc = rc;
	atomic_store(&m->is_up, true);
	fiber_unpark(fiber);
}

/* False: not until the deadline. */
static bool sleep_until_up(struct arming *m)
{
	while (!atomic_load(&m->is_up))
		if (fiber_park(m->call->deadline) == ETIMEDOUT)
			return atomic_load(&m->is_up);
	return true;
}

static int go_on(struct arming *m)
{
	atomic_store(&m->is_up, false);
	return m->rc == EINPROGRESS ? try_or_arm(m) : m->rc;
}

/* ETIMEDOUT; or it has been woken, and what came of that is to be learnt. */
static int give_up(struct arming *m)
{
	int rc = coqueue_disarm(&m->waiter);

	m->spared = rc == 0;
	if (m->spared)
		return ETIMEDOUT;
	if (rc == EALREADY && atomic_load(&m->is_up))
		return go_on(m);
	actor_fail(m->actor, "coqueue_disarm returned %s, woken %lu of %lu",
		   call_result(rc), (unsigned long)m->woken,
		   (unsigned long)m->armed);
	return ETIMEDOUT;
}

static void check_over(struct arming *m)
{
	int rc = coqueue_disarm(&m->waiter);

	if (rc != EALREADY)
		actor_fail(m->actor, "coqueue_disarm returned %s at the end",
			   call_result(rc));
	if (m->armed - m->spared != atomic_load(&m->woken))
		actor_fail(m->actor, "a waiter was armed %lu times, woken %lu",
			   (unsigned long)(m->armed - m->spared),
			   (unsigned long)m->woken);
	m->actor->count[ARMINGS] += m->armed;
}

int armed_perform(struct actor *a, const struct call *c)
{
	struct arming m = {
		.waiter = {.wake = wake, .data = &m},
		.queue = a->round->queue,
		.actor = a,
		.call = c,
		.fiber = fiber_self(),
		.tries_in_wake = random_one_in(&a->random, 2),
	};
	int rc = try_or_arm(&m);

	while (rc == EINPROGRESS)
		rc = sleep_until_up(&m) ? go_on(&m) : give_up(&m);
	check_over(&m);
	return rc;
}
