/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a call waits: put, get, peek and join, all alike.
 *
 *   1. spin     for what comes in a moment, looking at one slot
 *   2. yield    a few more, letting others run
 *   3. sleep    under lock: attempt, stand in line, arm, sleep, and again
 *   4. leave    under lock: out of the line, pass on what others still need
 *
 * A call that must not wait comes here too when its attempt found the queue
 * neither full nor empty but busy (store.h).  It stays until that is over.
 *
 * Cancellation takes effect in sleep alone, and then does 4 (G14).
 */
#include "config.h"

#include "backoff.h"
#include "queue.h"

void queue_caller_leave_locked(struct coqueue *q)
{
	if (sync_sub(&q->callers, 1, relaxed) == 1 &&
	    sync_load(&q->destroying, relaxed))
		sync_cond_broadcast(&q->left);
}

void queue_enter(struct coqueue *q)
{
	rcu_reader_enter();
	queue_caller_enter(q);
	rcu_reader_leave();
}

void queue_leave(struct coqueue *q)
{
	sync_lock(&q->lock);
	queue_caller_leave_locked(q);
	sync_unlock(&q->lock);
}

bool queue_look_begin(const struct coqueue *q)
{
	struct coqueue *looked_at = (struct coqueue *)(uintptr_t)q;
	bool locked;

	rcu_reader_enter();
	locked = queue_word(q) & QUEUE_RESIZING;
	if (locked)
		sync_lock(&looked_at->lock);
	return locked;
}

void queue_look_end(const struct coqueue *q, bool locked)
{
	struct coqueue *looked_at = (struct coqueue *)(uintptr_t)q;

	if (locked)
		sync_unlock(&looked_at->lock);
	rcu_reader_leave();
}

/* Whether an attempt's answer means that the call goes on waiting. */
static bool must_wait(int err)
{
	return err == EAGAIN || err == BUSY;
}

/*
 * One attempt, in a section without the lock, or with it.  Whether somebody is
 * to be woken for its effect.
 */
static bool call_attempt_now(struct call *c, bool locked, int *err)
{
	size_t before = c->left;

	*err = c->attempt(c);
	if (c->left == before && !c->tells)
		return false;
	if (locked && unlikely(c->queue->shrinking))
		queue_shrink_locked(c->queue);
	return (locked ? line_is_armed(c->other) : line_published(c->other)) &&
	       line_wake_is_due(c->other);
}

/* One attempt in a section, with the lock if the store wants it. */
static bool call_attempt_reader(struct call *c, int *err)
{
	bool locked = !queue_is_lockless(c->queue), wake;

	if (locked)
		sync_lock(&c->queue->lock);
	wake = call_attempt_now(c, locked, err);
	if (locked)
		sync_unlock(&c->queue->lock);
	return wake;
}

/* One attempt under lock, which is released for the wake-ups. */
static int call_attempt_locked(struct call *c)
{
	int err;

	if (call_attempt_now(c, true, &err))
		line_wake_ready_locked(c->other);
	return err;
}

/* One attempt by a counted caller. */
static int call_attempt(struct call *c)
{
	bool wake;
	int err;

	rcu_reader_enter();
	wake = call_attempt_reader(c, &err);
	rcu_reader_leave();
	if (wake) {
		sync_lock(&c->queue->lock);
		line_wake_ready_locked(c->other);
		sync_unlock(&c->queue->lock);
	}
	return err;
}

/* Whether the call needs a partner, rather than an item or room. */
static bool call_can_meet(const struct call *c)
{
	return c->left > 0 && queue_is_rendezvous(c->queue);
}

/* Without waiting, but for a partner who was asleep and is on its way. */
static int call_try_meet(struct call *c)
{
	int err;

	sync_lock(&c->queue->lock);
	do {
		err = call_attempt_locked(c);
		if (err == EAGAIN)
			err = call_meet_locked(c, false);
	} while (err == BUSY);
	queue_caller_leave_locked(c->queue);
	sync_unlock(&c->queue->lock);
	return err;
}

struct sleep {
	struct call *call;
	struct sleeper sleeper;
};

/* Out of the line, out of the queue; the lock is released. */
static void sleep_end(struct sleep *s)
{
	struct coqueue *q = s->call->queue;

	line_leave_locked(s->call->line, &s->sleeper.waiter);
	line_wake_ready_locked(s->call->line);
	call_left_locked(q, s->call->line);
	queue_caller_leave_locked(q);
	sync_unlock(&q->lock);
	sleeper_fini(&s->sleeper);
}

static void sleep_cancelled(void *arg)
{
	struct sleep *s = arg;

	sync_lock(&s->call->queue->lock);
	sleep_end(s);
}

/* Sleep once: woken, spuriously awake, or at the deadline (ETIMEDOUT). */
static int sleep_once(struct sleep *s)
{
	struct coqueue *q = s->call->queue;
	struct waiter *own = &s->sleeper.waiter, *next;
	int err;

	line_enter_locked(s->call->line, own);
	next = line_settle_locked(s->call->line, 0, UINT64_MAX);
	if (next == own) {
		waiter_wake_finished(own);
		return 0;
	}
	sync_unlock(&q->lock);
	if (next)
		next->wake(next);
	sync_cancel_push(sleep_cancelled, s);
	err = sleeper_sleep(&s->sleeper, s->call->deadline);
	sync_cancel_pop();
	sync_lock(&q->lock);
	return err;
}

/* Sleep until the call has its answer. */
static int call_sleep(struct call *c)
{
	struct sleep s = {.call = c};
	struct backoff backoff = {0};
	int err, woken = 0;

	sleeper_init(&s.sleeper);
	sync_lock(&c->queue->lock);
	for (;;) {
		err = call_attempt_locked(c);
		if (!must_wait(err))
			break;
		if (s.sleeper.waiter.verdict != VERDICT_RETRY) {
			err = s.sleeper.waiter.verdict;
			break;
		}
		if (call_can_meet(c)) {
			err = call_meet_locked(c, woken != ETIMEDOUT);
			if (err == BUSY)
				continue;
			if (err != EAGAIN)
				break;
		}
		if (woken != ETIMEDOUT) {
			woken = sleep_once(&s);
		} else if (err == EAGAIN) {
			err = ETIMEDOUT;
			break;
		} else {
			/* what is half-way beats the deadline, too */
			sync_unlock(&c->queue->lock);
			backoff_wait(&backoff);
			sync_lock(&c->queue->lock);
		}
	}
	sleep_end(&s);
	return err;
}

/* Counted as a caller, in no section: until the answer is there. */
static int call_wait(struct call *c, bool patient)
{
	struct backoff backoff = {0};
	int err = BUSY;

	if (call_can_meet(c))
		return patient ? call_sleep(c) : call_try_meet(c);
	for (int i = 0; patient && must_wait(err) && i < YIELDS; i++) {
		sync_yield();
		err = call_attempt(c);
	}
	if (patient && must_wait(err))
		return call_sleep(c);
	while (err == BUSY && (err = call_attempt(c)) == BUSY)
		backoff_wait(&backoff);
	queue_leave(c->queue);
	return err;
}

/* A glance, but not at a store that may be replaced. */
static bool call_may(const struct call *c)
{
	return !(queue_word(c->queue) & QUEUE_RESIZING) && c->may(c->queue);
}

/*
 * In a section: wait up to `spins` pauses for what the call needs, and attempt.
 * Whether somebody is to be woken for its effect.
 */
static bool call_spin(struct call *c, int spins, int *err)
{
	bool wake;

	do {
		for (; spins > 0 && !call_may(c); spins--)
			sync_pause();
		wake = call_attempt_reader(c, err);
	} while (must_wait(*err) && !wake && spins-- > 0);
	return wake;
}

int call_run(struct call *c)
{
	bool nowait = c->deadline == COQUEUE_NOWAIT, wake, stay, meets, patient;
	int err;

	if (unlikely(pile_is_comparing())) {
		rcu_reader_leave();
		return EDEADLK;
	}
	if (!nowait)
		c->deadline = deadline_saturate(c->deadline);
	patient = !nowait && !deadline_has_passed(c->deadline);
	meets = call_can_meet(c);
	wake = call_spin(c, patient && !meets ? SPINS : 0, &err);
	stay = err == BUSY || (err == EAGAIN && (patient || meets));
	if (stay || wake)
		queue_caller_enter(c->queue);
	rcu_reader_leave();
	if (wake) {
		sync_lock(&c->queue->lock);
		line_wake_ready_locked(c->other);
		if (!stay)
			queue_caller_leave_locked(c->queue);
		sync_unlock(&c->queue->lock);
	}
	if (stay)
		err = call_wait(c, patient);
	return err == EAGAIN && !nowait ? ETIMEDOUT : err;
}

cold int call_wake(struct coqueue *q, struct line *other)
{
	bool wake = line_wake_is_due(other);

	if (wake)
		queue_caller_enter(q);
	rcu_reader_leave();
	if (wake) {
		sync_lock(&q->lock);
		line_wake_ready_locked(other);
		queue_caller_leave_locked(q);
		sync_unlock(&q->lock);
	}
	return 0;
}
