/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shutdown and interrupt.
 *
 *          under lock                    no lock              under lock
 *   +---------------------------+  +-----------------+  +-------------------+
 *   | close the gate, then      |  | wake everybody; |  | IMMEDIATE: take   |
 *   | publish DRAINING or SHUT  |->| grace period    |->| all items out     |-> destroy
 *   +---------------------------+  +-----------------+  +-------------------+   them
 *
 * When it takes effect.  Publishing the state is the instant of the shutdown:
 *
 *   - Before it the gate was closed, so each put that is accepted was accepted
 *     earlier, although it may still be half-way (busy).
 *   - After it every refusal is due: whoever meets the closed gate earlier
 *     waits for the state (closed() in queue.c).
 *   - A get that finds the queue closed and empty knows that this is final.
 *     No put can come, not even one that saw OPEN.  (Had the flag no gate, an
 *     old put could still slip in between a refused put and its grace period,
 *     into the slot that a younger get has just freed: no order of these calls
 *     explains that.)
 *   - IMMEDIATE: calls that still saw the earlier state take items that would
 *     be discarded; they are earlier calls, and take effect just before.
 *
 *   [queue.1] -> [queue.2]  who sees the state sees the gate, and everything
 *                           else that came before
 *
 * What the grace period is for [rcu.grace]: every call that saw an earlier
 * state on the fast path has ended.  So when shutdown returns no put can still
 * take effect (G2); nobody but us works on the store, and all its items can be
 * taken out at once; and destroy can free the memory.
 *
 * Getters that found a half-way put in their way sleep on when the others have
 * left.  Whoever fills that slot, or takes the last item of a closed queue,
 * wakes them (call_get() in queue.c).
 *
 * Who shuts down twice at once gets all this twice: each call waits for a
 * grace period of its own, that begins after the state was published.
 */
#include "config.h"

#include "probe.h"
#include "queue.h"

static void publish_locked(struct coqueue *q, enum coqueue_shutdown mode)
{
	int state = mode == COQUEUE_IMMEDIATE ? COQUEUE_SHUT : COQUEUE_DRAINING,
	    word = queue_word(q);

	if ((word & QUEUE_STATE) >= state)
		return;
	if ((word & QUEUE_STATE) == COQUEUE_OPEN)
		q->store.kind->close(&q->store);
	/* [queue.1] release: with [queue.2], the gate was closed before */
	sync_store(&q->state, state | (word & ~QUEUE_STATE), release);
}

/* After the grace period: nobody else touches the items any more. */
static void discard(struct coqueue *q)
{
	struct store *s = &q->store;
	struct taken taken;
	uint64_t n;

	sync_lock(&q->lock);
	n = s->kind->take_all(s, &taken);
	queue_discarded_locked(q, n);
	queue_wake_joiners_locked(q);
	sync_unlock(&q->lock);
	PROBE2(discard, q, n);
	if (!q->item_destroy)
		return;
	for (; n > 0; n--)
		q->item_destroy(s->kind->next_taken(s, &taken), q->ctx);
}

/* The lock is held on entry, and released. */
static void shut_locked(struct coqueue *q, enum coqueue_shutdown mode)
{
	int cancel = sync_cancel_disable(), saved = errno;

	PROBE2(shutdown__begin, q, mode);
	publish_locked(q, mode);
	line_wake_all_locked(&q->store.putters, VERDICT_RETRY);
	line_wake_all_locked(&q->store.getters, VERDICT_RETRY);
	queue_wake_peekers_locked(q, VERDICT_RETRY);
	sync_unlock(&q->lock);
	rcu_wait_readers();
	/* for a get that saw OPEN, took the last item, and told putters */
	sync_lock(&q->lock);
	queue_wake_ready_locked(q, &q->store.getters);
	sync_unlock(&q->lock);
	if (mode == COQUEUE_IMMEDIATE)
		discard(q);
	PROBE2(shutdown__end, q, mode);
	errno = saved;
	sync_cancel_restore(cancel);
}

void queue_shut(struct coqueue *q, enum coqueue_shutdown mode)
{
	sync_lock(&q->lock);
	shut_locked(q, mode);
}

int coqueue_shutdown(coqueue_t *q, enum coqueue_shutdown mode)
{
	if (!q || (mode != COQUEUE_GRACEFUL && mode != COQUEUE_IMMEDIATE))
		return EINVAL;
	if (queue_must_not_block())
		return EDEADLK;
	queue_enter(q);
	queue_shut(q, mode);
	queue_leave(q);
	return 0;
}

int coqueue_interrupt(coqueue_t *q)
{
	if (!q)
		return EINVAL;
	if (pile_is_comparing())
		return EDEADLK;
	queue_enter(q);
	sync_lock(&q->lock);
	queue_interrupt_offers_locked(q);
	line_wake_all_locked(&q->store.putters, EINTR);
	line_wake_all_locked(&q->store.getters, EINTR);
	queue_wake_peekers_locked(q, EINTR);
	line_wake_all_locked(&q->joiners, EINTR);
	queue_caller_leave_locked(q);
	sync_unlock(&q->lock);
	return 0;
}

/* ---- producers and consumers that are counted ----------------------------- */

static bool side_is_valid(enum coqueue_side side)
{
	return side == COQUEUE_PUT || side == COQUEUE_GET;
}

int coqueue_hold(coqueue_t *q, enum coqueue_side side)
{
	int err = ESHUTDOWN;

	if (!q || !side_is_valid(side))
		return EINVAL;
	if (pile_is_comparing())
		return EDEADLK;
	queue_enter(q);
	sync_lock(&q->lock);
	if (queue_state(q) == COQUEUE_OPEN) {
		q->holds[side]++;
		err = 0;
	}
	queue_caller_leave_locked(q);
	sync_unlock(&q->lock);
	return err;
}

int coqueue_release(coqueue_t *q, enum coqueue_side side)
{
	bool held, last;

	if (!q || !side_is_valid(side))
		return EINVAL;
	if (queue_must_not_block())
		return EDEADLK;
	queue_enter(q);
	sync_lock(&q->lock);
	held = q->holds[side] > 0;
	last = q->holds[side] == 1;
	q->holds[side] -= held;
	if (last) /* in the same instant, or a hold could come between */
		shut_locked(q, side == COQUEUE_PUT ? COQUEUE_GRACEFUL
						   : COQUEUE_IMMEDIATE);
	else
		sync_unlock(&q->lock);
	queue_leave(q);
	return held ? 0 : EINVAL;
}
