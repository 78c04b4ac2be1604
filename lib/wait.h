/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting: the line of those who wait on one side of a queue.  A line knows
 * nothing of items; it asks its ready() whether so many tries are worth while.
 *
 *      line.asleep:  [w3] [w5] [w6]      by ticket: first come, first woken
 *      line.woken:   [w2]                wake-ups in flight
 *      line.armed:   2                   1 + wake-ups in flight; 0: nobody asleep
 *
 * A waiter is memory of whoever waits.  It goes out -> asleep -> woken -> out;
 * from woken back to asleep, in its old place, when the one that was woken
 * finds nothing (somebody overtook it).  A thread sleeps on a condition
 * variable of its own; what will differ for coroutines and event loops is the
 * wake function alone.
 *
 * A wake-up costs thousands of puts.  So a publisher wakes more waiters only
 * while more can be served than wake-ups are in flight; usually it looks at one
 * word, and no lock is taken.  Invariants, whenever the lock is free and no
 * publisher is between publishing and waking:
 *   1. Somebody is asleep only while not ready(wake-ups in flight + 1).
 *   2. armed says what its picture says.
 *   3. Whoever leaves woken (out or asleep) wakes more if 1 wants it.
 * So a woken thread that does not run delays one item, and nobody else.
 *
 * Who wakes several walks through the line by ticket, once: one that was woken
 * in vain and is asleep again, in its old place, is not woken again by the same
 * walk.
 *
 * No wake-up is lost (1):
 *   [wait.1] <=> [wait.2]  a waiter arms, then looks whether it is ready; a
 *                          publisher publishes, then looks whether the line is
 *                          armed; with a fence between on both sides, at least
 *                          one sees the other.
 *
 * Publishers are many and find nobody: they have the light fence, and the first
 * waiter, who is about to sleep, the heavy one.  Once it is over every publisher
 * whose item was not seen finds the line armed.  Who finds it so has a full
 * fence of its own before it looks whether more wake-ups are due than are in
 * flight, and so has who arms a line that was armed already.
 *
 * Lifetime.  A waiter is claimed under the lock and woken after unlocking, so
 * that the woken does not run into the lock.  Its owner leaves only when as
 * many wake-ups have finished as have begun:
 *   [wait.3] -> [wait.4]   the last touch of a waker happens-before the owner
 *                          frees the waiter.
 *
 * Rejected: one condition variable per side (glibc before 2.41 can lose a
 * signal on a condvar with several waiters, bug 25847, and woken threads queue
 * up on one mutex); waking one per publishing (a burst pays for each).
 *
 * Sources: the claim and the register-recheck-sleep order are crossbeam's
 * (waker.rs) and Go's (chan.go); passing on is the chained wake-up of
 * java.util.concurrent's Semaphore and of tokio's Notify.
 */
#ifndef COQUEUE_WAIT_H
#define COQUEUE_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "list.h"
#include "sync.h"

enum waiter_state {
	WAITER_OUT,    /* in no list */
	WAITER_ASLEEP, /* in line->asleep; will be woken */
	WAITER_WOKEN   /* in line->woken; a wake-up is under way or done */
};

/* What a waiter is told. */
#define VERDICT_RETRY (-1) /* try again; other verdicts are the result itself */

struct waiter {
	struct list link;                /* under lock */
	enum waiter_state state;         /* under lock */
	int verdict;                     /* under lock */
	uint64_t ticket;                 /* under lock; 0: none yet */
	uint32_t wakes_begun;            /* under lock */
	_Atomic uint32_t wakes_finished; /* [wait.3], [wait.4] */
	void (*wake)(struct waiter *w);  /* with no lock held */
};

struct line {
	on_own_line _Atomic uint32_t
		armed;           /* under lock; read anywhere [wait.2] */
	struct sync_mutex *lock; /* "the lock" of these comments */
	/* Could n more be served now? */
	bool (*ready)(struct line *line, uint64_t n);
	/* under lock: */
	struct list asleep, woken;
	uint32_t in_flight; /* in woken */
	size_t waiting;     /* in either list */
	uint64_t next_ticket;
	uint64_t waits;   /* callers that have been in line */
	uint64_t wakeups; /* waiters woken */
};

void line_init(struct line *line, struct sync_mutex *lock,
	       bool (*ready)(struct line *line, uint64_t n));

void waiter_init(struct waiter *w, void (*wake)(struct waiter *w));

/* Finish a wake-up: the last touch of a wake function.  [wait.3] */
void waiter_wake_finished(struct waiter *w);

/* Wait, with no lock held, until no waker touches w any more.  [wait.4] */
void waiter_await_wakers(struct waiter *w);

/* Stand in line, at the end or in the old place. */
void line_enter_locked(struct line *line, struct waiter *w);

/* Leave the line from whatever state. */
void line_leave_locked(struct line *line, struct waiter *w);

/*
 * Arm the line for what is published from now on.  For what was published
 * before, return a waiter whom the caller must wake after unlocking, the first
 * one whose ticket is in [from, limit) (it may be the caller's own, which is
 * then to try again), or NULL.
 */
struct waiter *line_settle_locked(struct line *line, uint64_t from,
				  uint64_t limit);

/*
 * Wake those for whom something is ready.  The lock is held on entry and on
 * return, and released for each wake-up.
 */
void line_wake_ready_locked(struct line *line);

/*
 * Whether anybody is asleep; under lock, or (line_published) after something
 * was published.
 */
static inline bool line_is_armed(struct line *line)
{
	return sync_load(&line->armed, relaxed);
}

hot_inline bool line_published(struct line *line)
{
	/* [wait.2] light fence: with [wait.1], publish before looking at it */
	sync_fence_light();
	return line_is_armed(line);
}

/* Armed: whether more could be served than wake-ups are in flight. */
static inline bool line_wake_is_due(struct line *line)
{
	/* [wait.2] full fence: with [wait.1], what is seen of the line is not
	 * newer than what ready() sees */
	sync_fence();
	return line->ready(line, sync_load(&line->armed, relaxed));
}

/*
 * Wake everybody who is in line at this moment and tell them the verdict; the
 * first verdict that a waiter is told stands.  The lock is held on entry and on
 * return, and released for each wake-up.
 */
void line_wake_all_locked(struct line *line, int verdict);

/* ---- threads (wait_thread.c) ---------------------------------------------- */

struct sleeper {
	struct waiter waiter;
	struct sync_mutex lock;
	struct sync_cond cond;
	bool awake; /* under this lock */
};

void sleeper_init(struct sleeper *s);
void sleeper_fini(struct sleeper *s);

/*
 * Sleep until woken or the deadline (NULL: for ever): 0 or ETIMEDOUT.  A
 * cancellation point.
 */
int sleeper_sleep(struct sleeper *s, const struct timespec *deadline);

#endif
