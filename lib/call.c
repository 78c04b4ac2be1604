/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a call waits: put, get, peek and join, all alike.
 *
 *   1. spin     a few attempts, for what comes in a moment
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

/*
 * How long a call tries before it sleeps.  A sleep and its wake-up cost some
 * 40 us together; spinning about 10 us and yielding a few times catches those
 * who are just about to come.  In the reference build nobody looks without the
 * lock.
 */
enum {
	SPINS = COQUEUE_FASTPATH ? 200 : 0,
	YIELDS = COQUEUE_FASTPATH ? 4 : 0
};

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

/* Whether an attempt's answer means that the call goes on waiting. */
static bool must_wait(int err)
{
	return err == EAGAIN || err == BUSY;
}

/* One attempt in a section; *wake is whom its effect calls for, or NULL. */
static int call_attempt_reader(struct call *c, struct waiter **wake)
{
	size_t before = c->left;
	int err = c->attempt(c);

	*wake = c->left != before && line_published(c->other)
			? line_disarm(c->other)
			: NULL;
	return err;
}

/* One attempt under lock, which is released for the wake-up. */
static int call_attempt_locked(struct call *c)
{
	size_t before = c->left;
	int err = c->attempt(c);
	struct waiter *w = c->left != before && line_published(c->other)
				   ? line_disarm_locked(c->other)
				   : NULL;

	if (w) {
		sync_unlock(&c->queue->lock);
		w->wake(w);
		sync_lock(&c->queue->lock);
	}
	return err;
}

/* One attempt by a counted caller, with the lock where there is no fast path. */
static int call_attempt(struct call *c)
{
	struct waiter *w;
	int err;

	if (!COQUEUE_FASTPATH) {
		sync_lock(&c->queue->lock);
		err = call_attempt_locked(c);
		sync_unlock(&c->queue->lock);
		return err;
	}
	rcu_reader_enter();
	err = call_attempt_reader(c, &w);
	rcu_reader_leave();
	waiter_wake(w);
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
	struct line *line = s->call->line;
	struct waiter *next;

	line_leave_locked(line, &s->sleeper.waiter);
	next = line_pass_on_locked(line);
	/* next is blocked in the queue, so it keeps the queue alive, too */
	queue_caller_leave_locked(q);
	sync_unlock(&q->lock);
	waiter_wake(next);
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
	struct waiter *own = &s->sleeper.waiter, *next, *nudged = NULL;
	int err;

	line_enter_locked(s->call->line, own);
	next = line_pass_on_locked(s->call->line);
	if (next == own) {
		waiter_wake_finished(own);
		return 0;
	}
	if (s->call->other)
		nudged = line_nudge_locked(s->call->other);
	sync_unlock(&q->lock);
	waiter_wake(next);
	waiter_wake(nudged);
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
		if (woken == ETIMEDOUT) {
			err = ETIMEDOUT;
			break;
		}
		woken = sleep_once(&s);
	}
	sleep_end(&s);
	return err;
}

/* Counted as a caller, in no section: until the answer is there. */
static int call_wait(struct call *c, bool patient)
{
	struct backoff backoff = {0};
	int err = BUSY;

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

/* In the section of the first attempt: a few more, and none of them sleeps. */
static int call_spin(struct call *c, struct waiter **wake)
{
	int err = EAGAIN;

	for (int i = 0; must_wait(err) && !*wake && i < SPINS; i++) {
		sync_pause();
		if (c->line->ready(c->line))
			err = call_attempt_reader(c, wake);
	}
	return err;
}

int call_run(struct call *c)
{
	bool nowait = c->deadline == COQUEUE_NOWAIT, patient, stay;
	struct waiter *w = NULL;
	int err = BUSY;

	if (!nowait)
		c->deadline = deadline_saturate(c->deadline);
	if (COQUEUE_FASTPATH)
		err = call_attempt_reader(c, &w);
	patient = must_wait(err) && !nowait && !deadline_has_passed(c->deadline);
	if (patient && !w)
		err = call_spin(c, &w);
	stay = err == BUSY || (err == EAGAIN && patient);
	if (stay)
		queue_caller_enter(c->queue);
	rcu_reader_leave();
	waiter_wake(w);
	if (stay)
		err = call_wait(c, patient);
	return err == EAGAIN && !nowait ? ETIMEDOUT : err;
}

cold int call_wake(struct line *other)
{
	struct waiter *w = line_disarm(other);

	rcu_reader_leave();
	waiter_wake(w);
	return 0;
}
