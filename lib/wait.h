/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting: the line of those who wait on one side of a queue.  A line knows
 * nothing of items; it asks its ready() whether so many tries are worth while.
 *
 *      line.asleep:     [w3] [w5] [w6]   by ticket: first come, first woken
 *      line.in_flight:  1                woken, and not yet out or asleep again
 *      line.armed:      2                1 + in_flight; 0, IDLE: nobody is asleep
 *
 * A waiter is memory of whoever waits.  It goes out -> asleep -> woken -> out;
 * from woken back to asleep, in its old place, when the one that was woken
 * finds nothing (somebody overtook it).  Threads, coroutines and the waiters of
 * event loops stand in one line, and differ in how they are woken (wake.c).
 *
 * A coroutine cannot be cancelled, so its call can be done for it while it is
 * parked: it leaves what it takes (waiter.offer), and goes asleep -> served.
 *
 * A wake-up costs thousands of puts.  So a publisher wakes more waiters only
 * while more can be served than wake-ups are in flight; usually it looks at one
 * word, and no lock is taken.  Invariants, whenever the lock is free and no
 * publisher is between publishing and waking:
 *   1. Somebody is asleep only while not ready(wake-ups in flight + 1).
 *   2. armed says what its picture says while somebody is asleep.
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
 * Coroutines and armed waiters come back soon, having neither spun nor yielded;
 * and so do threads where calls have slept of late.  So when one of them was the
 * last to be woken the line stays armed, as IDLE, and the next finds it so:
 * publishers pay a fence, and the heavy one is saved.  When as many have looked in
 * vain as it costs, the line is disarmed.  (For threads that sleep rarely it does
 * not pay: 1.8 times the processor time at capacity 1.)
 * And as long as all who armed it did so on one thread, the home of the line,
 * a look from there that finds it idle needs no fence either: what is in order in
 * one thread is in order.  Who arms it elsewhere takes its home away, and has a
 * heavy fence for those looks.  (A new thread may come to have the home of one that
 * has ended; it has seen what that one saw.)
 *
 * Lifetime.  A waiter is claimed under the lock and woken after unlocking, so
 * that the woken does not run into the lock.  Until its wakers have finished its
 * owner stays:
 *   [wait.3] -> [wait.4]   the last touch of a waker happens-before the owner
 *                          frees the waiter.
 *
 *   [wait.5] -> [wait.6]   a coroutine that is awake sees its waker counted, and
 *                          what was done for it; it takes no lock after.
 *
 * What everybody in line is told at once (an interrupt, a count of 0) is told by
 * ticket: it concerns all that are smaller, whether they are asleep or woken.
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

#include <coqueue/waiter.h>

#include "line.h"
#include "list.h"
#include "port.h"
#include "sync.h"

enum waiter_state {
	WAITER_OUT,    /* in no list */
	WAITER_ASLEEP, /* in line->asleep; will be woken */
	WAITER_WOKEN,  /* a wake-up is under way or done */
	WAITER_SERVED  /* out, its call having been done for it; as woken */
};

enum waiter_kind {
	WAITER_NODE,     /* an armed one: struct node */
	WAITER_THREAD,   /* a blocked thread, or its select: struct place */
	WAITER_COROUTINE /* a parked coroutine, or its select: struct place */
};

struct waiter {
	struct list link; /* under lock; of a deferred wake: its thread's */
	uint64_t ticket;  /* its place in line; 0: none yet; under lock */
	/* What others may take or fill without asking, or NULL; under lock. */
	void *offer;
	uint8_t state; /* enum waiter_state; under lock */
	uint8_t kind;  /* enum waiter_kind */
	/* Who still touch it [wait.3], [wait.4]; and, as WAKE_PENDING, whether
	 * a wake-up is due that has not begun.  Until then link is its own. */
	_Atomic uint32_t wakers;
};

#define WAKE_PENDING ((uint32_t)1 << 16)

void line_init(struct line *line, const struct line_kind *kind);

/* A pending wake-up begins, and w is touched until it has finished; or it does
 * not come to pass.  [wait.3] */
void waiter_wake_begins(struct waiter *w);
void waiter_wake_finished(struct waiter *w);
void waiter_wake_dropped(struct waiter *w);

static inline bool waiter_has_no_waker(const struct waiter *w)
{
	/* [wait.4] acquire: with [wait.3], no waker touches w any more */
	return sync_load(&w->wakers, acquire) == 0;
}

/* Wait, with no lock held, until it has none. */
void waiter_await_busy_wakers(struct waiter *w);

static inline void waiter_await_wakers(struct waiter *w)
{
	if (!waiter_has_no_waker(w))
		waiter_await_busy_wakers(w);
}

/* A blocked call has its ticket from its first step to its end: none that slips
 * between tries misses what is told to all, or loses its place. */
void line_ticket_locked(struct line *line, struct waiter *w);

/*
 * Stand in line, by ticket, or else at the end.  One whose wake-up is due but has
 * not begun stays woken instead: it will try again.
 */
void line_enter_locked(struct line *line, struct waiter *w);

/* Leave the line from whatever state. */
void line_leave_locked(struct line *line, struct waiter *w);

/*
 * Arm the line for what is published from now on, on behalf of one who has just
 * come (or NULL).  For what was published before, return a waiter, the first one
 * whose ticket is in [from, limit), or NULL.  The caller must wake it after
 * unlocking; but the newcomer is to try again.
 */
struct waiter *line_settle_locked(struct line *line,
				  const struct waiter *newcomer, uint64_t from,
				  uint64_t limit);

/*
 * Serve, or wake, those for whom something is ready, and wake those who were
 * served; how many.  The lock is held on entry and on return, and released for each
 * wake-up.
 */
unsigned line_wake_ready_locked(struct line *line);

/*
 * The first of them, for the caller to wake after unlocking, or NULL; and whether
 * others in line may be due, too.
 */
struct waiter *line_first_locked(struct line *line, bool *more);

/* w is asleep, and what it waits for has been done: out of the line; to be woken. */
void line_serve_locked(struct line *line, struct waiter *w);

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

/* Idle: whether enough have looked in vain, and it is to be disarmed. */
static inline bool line_is_idle_for_long(struct line *line)
{
	uint32_t vain = sync_load(&line->vain, relaxed);

	sync_store(&line->vain, vain + 1, relaxed);
	return vain >= SYNC_VAIN_LOOKS;
}

/* Armed: whether it is idle, and at home: then nobody has armed it elsewhere since,
 * or his heavy fence is still to come, and he finds what was published [wait.1].
 * Not in a frame that parks: sync_self(). */
static inline bool line_is_idle_at_home(const struct line *line)
{
	return sync_load(&line->armed, relaxed) == LINE_IDLE &&
	       sync_load(&line->home, relaxed) == sync_self();
}

/* Armed: whether more could be served than wake-ups are in flight, or the line
 * is to be disarmed. */
static inline bool line_wake_is_due(struct line *line)
{
	uint32_t armed;

	/* [wait.2] full fence: with [wait.1], what is seen of the line is not
	 * newer than what ready() sees */
	sync_fence();
	armed = sync_load(&line->armed, relaxed);
	return armed == LINE_IDLE ? line_is_idle_for_long(line)
				  : line->kind->ready(line, armed, NULL);
}

/*
 * Whether a thread that spins would overtake who cannot: a coroutine that was
 * woken has to wait for its thread, and would get next to nothing.
 */
static inline bool line_is_mixed(const struct line *line)
{
	return sync_load(&line->foreign, relaxed) != 0;
}

/*
 * Wake everybody who is in line at this moment, and tell them how their call
 * has ended: 0, EINTR (which concerns blocked calls only), or VERDICT_RETRY: not
 * yet, try again.  The lock is held on entry and on return, and released for
 * each wake-up.
 */
#define VERDICT_RETRY (-1)
void line_wake_all_locked(struct line *line, int verdict);

/* What w has been told. */
int line_verdict_locked(const struct line *line, const struct waiter *w);

/* ---- waking (wake.c) ------------------------------------------------------ */

/*
 * Wake a claimed waiter; with no lock held.  From within a wake function of this
 * thread it is put off until that has returned.
 */
void waiter_wake(struct waiter *w);

/* Whether the calling thread is in a wake function. */
bool waker_is_busy(void);

/* Take back the wake-up of a node that this thread has put off.  False: it has not. */
bool waker_take_back(struct waiter *w);

/* ---- blocked calls (wait_thread.c, wait_park.c) ---------------------------- */

/* A thread, or a coroutine with the scheduler of its thread. */
struct sleeper {
	coqueue_scheduler_t scheduler; /* of a coroutine */
	void *self;                    /* the coroutine, or NULL: a thread */
	int cancel;                    /* of a coroutine: the state it left */
	int saved;                     /* errno, likewise */
	struct sync_mutex lock;
	struct sync_cond cond;
	_Atomic bool awake;
};

/* With no lock held: a hook of the scheduler may run. */
void sleeper_init(struct sleeper *s);
void sleeper_init_thread(struct sleeper *s);
void sleeper_fini(struct sleeper *s);

void sleeper_wake(struct sleeper *s);

/*
 * Sleep until woken or the deadline (NULL: for ever): 0, ETIMEDOUT, or MOVED: a
 * coroutine that nobody has woken is on a thread of another scheduler.  A
 * cancellation point, for a thread.  sleeper_again() comes before the next.
 */
#define MOVED EXDEV
int sleeper_sleep(struct sleeper *s, const struct timespec *deadline);

static inline void sleeper_again(struct sleeper *s)
{
	sync_store(&s->awake, false, relaxed);
}

/* One place in line of a blocked call; a select has several, and one sleeper. */
struct place {
	struct waiter waiter;
	struct sleeper *sleeper;
	struct choice *choice; /* of a select, else NULL */
	bool leaves;       /* once served it does not touch the queue, which */
	_Atomic bool gone; /* it has left therefore [call.1], [call.2] */
};

static inline void place_init(struct place *p, struct sleeper *s)
{
	p->waiter.ticket = 0;
	p->waiter.offer = NULL;
	p->waiter.state = WAITER_OUT;
	p->waiter.kind = s->self ? WAITER_COROUTINE : WAITER_THREAD;
	sync_init(&p->waiter.wakers, 0);
	p->sleeper = s;
	p->choice = NULL;
	p->leaves = false;
	sync_init(&p->gone, false);
}

/*
 * Of a select.  It is made while the select tries; of the offers of a coroutine
 * one is taken, by who makes the choice.
 */
struct choice {
	_Atomic uint64_t state; /* enum choice_state */
};

enum choice_state { CHOICE_OPEN, CHOICE_MADE };

/* Make it; false: it has been made.  Relaxed: that one alone makes it is all that
 * it says; what an offer holds is ordered by the lock of its queue, which who
 * takes it has, and who made the offer takes before it looks. */
static inline bool choice_make(struct choice *c)
{
	uint64_t open = CHOICE_OPEN;

	return sync_cas(&c->state, &open, CHOICE_MADE, relaxed);
}

/* The choice that w is part of, or NULL. */
static inline struct choice *choice_of(const struct waiter *w)
{
	return w->kind == WAITER_NODE
		       ? NULL
		       : container_of_const(w, struct place, waiter)->choice;
}

/* Ask for the running coroutine and its scheduler, with no lock held, and disable
 * cancellation until park_end().  False: none runs. */
bool park_begin(struct sleeper *s);
void park_end(struct sleeper *s);

/* Between parks: the scheduler of this thread; whether it is another. */
coqueue_scheduler_t park_scheduler(void);
bool park_has_moved(const struct sleeper *s);

/* Whether coroutines may run on this thread. */
bool park_is_set(void);

/* From a park: whether this thread has another scheduler. */
bool park_returns(const struct sleeper *s);

/* Inlined: where stacks are switched the processor predicts no return, and each
 * frame costs its time. */
hot_inline int park_sleep(struct sleeper *s, const struct timespec *deadline)
{
	bool awake;
	int err = 0;

	/* [wait.6] acquire: with [wait.5], by whom it was woken */
	while (!(awake = sync_load(&s->awake, acquire)) && !err) {
		err = s->scheduler.park(s->scheduler.ctx, s->self, deadline);
		if (park_returns(s) && !err)
			err = MOVED;
	}
	return awake ? 0 : err;
}

void park_wake(struct sleeper *s);

/* ---- armed waiters (wait_arm.c) -------------------------------------------- */

/* What lies in coqueue_waiter_t.private_; its owner leaves it zeroed at first. */
struct node {
	struct waiter waiter;
	/* For what it waits: its owner says so, and NODE_SERVED; 0: for nothing.
	 * Written under lock, [arm.1], [arm.2] */
	_Atomic uintptr_t armed_for;
};

#define NODE_SERVED ((uintptr_t)4)

_Static_assert(sizeof(struct node) <=
		       sizeof(((coqueue_waiter_t *)NULL)->private_),
	       "a node fits into what its owner has");
_Static_assert(_Alignof(struct node) <= _Alignof(coqueue_waiter_t),
	       "and lies well there");

static inline struct node *node_of(coqueue_waiter_t *w)
{
	return (struct node *)(void *)w->private_;
}

/* It waits for a call of a queue; 0: for none.  Under the lock of that. */
static inline void node_set_armed(struct node *n, uintptr_t armed_for)
{
	sync_store(&n->armed_for, armed_for, relaxed);
}

/* Under lock: its offer was taken, which its owner need not ask the queue for. */
static inline void node_set_served(struct node *n)
{
	/* [arm.1] release: with [arm.2], what was offered has been passed */
	sync_store(&n->armed_for,
		   sync_load(&n->armed_for, relaxed) | NODE_SERVED, release);
}

/* Run its wake function; or it does not come to pass. */
void node_wake(struct node *n);
void node_wake_dropped(struct node *n);

/*
 * Until its wake function neither is due nor runs in another thread; with no
 * lock held.  From within a wake function it is not waited for: false.
 */
bool node_await_wakes(struct node *n);

#endif
