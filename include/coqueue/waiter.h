/* SPDX-License-Identifier: MIT */
/*
 * coqueue - for coroutines, event loops and select: who waits without blocking
 * a thread.
 *
 * There is one primitive, *try or arm*: a call that is done at once, if it can
 * be, and else leaves a waiter in the queue's line, among the blocked threads.
 * When trying again has become worth while, the waiter's wake function is
 * called.  An item is always in the queue or with exactly one caller: a wake-up
 * says "try again" and hands nothing over.  (A rendezvous has no place of its
 * own for items; see coqueue_put_arm().)
 *
 * On it stand park hooks, by which the blocking calls of <coqueue.h> suspend a
 * coroutine instead of the thread; and select.
 *
 * What is said at the head of <coqueue.h> holds here, too.
 *
 * Try-or-arm is Rust's Future::poll() with its Waker; park and unpark are
 * java.util.concurrent's LockSupport; select is Go's.
 */
#ifndef COQUEUE_WAITER_H
#define COQUEUE_WAITER_H

#include <coqueue.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- waiters -------------------------------------------------------------- */

/*
 * One who may wait.  It is its owner's memory, and stays where it is while it
 * is armed.  Set wake and data, and private_ to zero (COQUEUE_WAITER_INIT does)
 * before the first use; it can then be armed any number of times.  wake and data
 * may be changed while it is not armed.
 *
 * wake runs
 * - exactly once for each EINPROGRESS that an arming call returned, unless
 *   coqueue_disarm() returned 0 first.  It may run before the arming call has
 *   returned;
 * - on the thread whose call made another try worth while (a put, get,
 *   task_done, shutdown, set_capacity, disarm ...), after that call has had its
 *   effect, with no lock of the library held, outside read-side sections of the
 *   library, and with cancellation disabled.  The library has no threads of its
 *   own, so it should be short: make a coroutine runnable, write an eventfd.
 *
 * It may call the library, for the same queue too: non-blocking calls, arming
 * (this node, too), disarm, shutdown.  What would have to block returns EDEADLK.
 * Wake functions that are due because of what it does run after it has returned,
 * one after the other, so there is no recursion, however long the chain.  It
 * must return, on the thread that called it (no longjmp(), no exception).  From
 * the moment it begins the library does not touch the node any more, unless it
 * is armed again: a wake function may free its node, having tried again or
 * disarmed it.
 *
 * A wake-up is a hint.  It may be in vain, since others may be faster; and who
 * was woken holds it until it tries again (arms again) or disarms: so long one
 * item (or room for one) may wait for it.  Who tries again, finds nothing and
 * is armed again keeps its place in line.
 */
typedef struct coqueue_waiter {
	void (*wake)(struct coqueue_waiter *w);
	void *data; /* the owner's; the library does not look at it */
	void *private_[6];
} coqueue_waiter_t;

#define COQUEUE_WAITER_INIT(wake, data)                                        \
	{                                                                      \
		(wake), (data),                                                \
		{                                                              \
			NULL, NULL, NULL, NULL, NULL, NULL                     \
		}                                                              \
	}

/*
 * Put, get, peek or join now, or arm w.  Trying and arming are one step: no
 * wake-up is missed between them.
 *
 * 0            done as by the call of the same name without _arm; not armed
 * EINPROGRESS  not done; armed.  Never from put, get and peek once a shutdown
 *              has returned
 * EBUSY        w is armed, or was woken and has not tried again, for another
 *              call or queue; nothing has changed
 * ESHUTDOWN, ENOMEM, EDEADLK (from a comparator), EINTR (join, when the queue is
 *              being destroyed): as by the call without _arm; not armed
 * EINVAL       an argument is NULL, or w->wake is; nothing has changed
 *
 * A node that is armed may be armed again, with the same call and queue: that is
 * another try, which keeps its place; when it is done the node is not armed any
 * more.
 *
 * On a rendezvous queue an armed put or get is an offer: item must stay valid
 * while it is armed, and any partner (blocking, trying or armed) may complete
 * it, at once.  Then wake runs, and arming again, with the same node and item,
 * returns the result, 0; also when a shutdown came in between.  Who disarms and
 * is told EALREADY must arm once more to learn whether that has happened; who
 * got an item so owns it.
 *
 * Not blocking, and no cancellation points.  They may wait a moment for a call
 * of another thread that is half-way, and take the queue's lock.
 */
COQUEUE_API int coqueue_put_arm(coqueue_t *q, const void *item,
				coqueue_waiter_t *w);
COQUEUE_API int coqueue_get_arm(coqueue_t *q, void *item, coqueue_waiter_t *w);
COQUEUE_API int coqueue_peek_arm(coqueue_t *q, void *item, coqueue_waiter_t *w);
COQUEUE_API int coqueue_join_arm(coqueue_t *q, coqueue_waiter_t *w);

/*
 * Take w out of the line.  A hint that it holds goes to the next in line.
 *
 * 0         it was armed, its wake function had not begun and will not
 * EALREADY  it was not armed (any more)
 * EBUSY     called inside a wake function, while w's own runs in another thread,
 *           or is about to: it is not armed, and must live on until a later
 *           call returns something else
 * EINVAL    w is NULL
 * EDEADLK   called by a comparator; nothing has changed
 *
 * After 0 and EALREADY w's wake function is not running in any other thread, and
 * the library will not touch w again: it may be freed.  For this the call waits
 * as long as that wake function runs: do not hold a lock here that a wake
 * function takes.  (Inside its own wake function a node is told EALREADY, or 0
 * if it has been armed again, and nothing is waited for.)
 *
 * Not a cancellation point.
 */
COQUEUE_API int coqueue_disarm(coqueue_waiter_t *w);

/*
 * A wake function for event loops: adds 1 to the eventfd whose number is in
 * data, `(void *)(intptr_t)fd`.  It becomes readable, and stays so until it is
 * read.  The fd should be non-blocking, but for loops that submit the read
 * itself (io_uring).
 */
COQUEUE_API void coqueue_wake_eventfd(coqueue_waiter_t *w);

/* ---- coroutines ----------------------------------------------------------- */

/*
 * How to suspend a coroutine.  With such a scheduler set, the blocking calls of
 * this library (put, get, peek, join and select in all their forms) park the
 * calling coroutine where they would block the thread.  They do the same as for
 * threads: one line, the same results, deadlines, interrupts, shutdown.
 *
 * self     the running coroutine, or NULL when none runs: then the thread blocks
 * park     suspend the running coroutine, `self`, until unpark or the deadline
 *          (CLOCK_MONOTONIC; NULL: for ever).  0 or ETIMEDOUT; it may also
 *          return 0 for nothing.  The coroutine may go on in another thread
 * unpark   make the coroutine runnable; called from any thread, also before
 *          park, which then returns at once.  It does not switch to it.  Two
 *          calls may come with no park between, since who finds himself awake
 *          does not park; they count as one: beware of putting a coroutine into
 *          a list in which it still is.  One that comes too late, at a deadline,
 *          makes a later park return for nothing.  The coroutine stays in its
 *          call until unpark has returned
 *
 * The hooks run with no lock of the library held, outside read-side sections of
 * the library, and with cancellation disabled; unpark is under the rules of wake
 * functions.  After park the library uses no thread-local value, address of
 * errno or pthread_self() of before.  A parked call is no cancellation point; the
 * state of cancellation goes with the coroutine, so a scheduler whose threads are
 * to be cancelled sets it where it switches, for who runs next.  One that disables
 * it in its threads saves each park a few ns.
 */
typedef struct coqueue_scheduler {
	size_t size; /* bytes: sizeof(coqueue_scheduler_t) */
	void *(*self)(void *ctx);
	int (*park)(void *ctx, void *self, const struct timespec *deadline);
	void (*unpark)(void *ctx, void *self);
	void *ctx; /* handed to all three */
} coqueue_scheduler_t;

/*
 * Set the scheduler of the calling thread; *s is copied.  NULL: blocking calls
 * block the thread again.  EINVAL when s->size is unknown or a function is NULL;
 * then nothing has changed.
 */
COQUEUE_API int coqueue_set_scheduler(const coqueue_scheduler_t *s);

/* ---- select --------------------------------------------------------------- */

/* At most so many cases. */
#define COQUEUE_SELECT_MAX 64

/* A put of *item into queue, or a get from it to *item. */
typedef struct coqueue_case {
	coqueue_t *queue;
	enum coqueue_side side;
	void *item;
	int result; /* set for the case that was chosen: 0 or ESHUTDOWN */
} coqueue_case_t;

/*
 * Wait for the first of n puts and gets that is ready, and perform it: exactly
 * one, whose index is put into *chosen.  Of several that are ready one is chosen
 * uniformly at random.  A queue that is shut (for a get: and has nothing left)
 * is ready, with the result ESHUTDOWN.  The same queue may stand in several
 * cases, also on both sides; a rendezvous is then not met by oneself.
 *
 * 0          case *chosen was performed; its result says how
 * EAGAIN     none is ready (COQUEUE_NOWAIT)
 * ETIMEDOUT  none was until the deadline
 * EINTR      one of the queues was interrupted by coqueue_interrupt()
 * EINVAL     cases or chosen is NULL; n is 0 or more than COQUEUE_SELECT_MAX; a
 *            queue or item is NULL, a side unknown; a bad deadline
 * EDEADLK    called where it must not block: inside a wake function, with nothing
 *            ready and a deadline other than COQUEUE_NOWAIT; by a comparator
 * ENOMEM     the case that was chosen at random needed memory that was not there
 * On error nothing was performed, and *chosen and all results are unchanged.
 *
 * A cancellation point while it waits, if a thread does.
 */
COQUEUE_API int coqueue_select(coqueue_case_t *cases, size_t n,
			       const struct timespec *deadline, size_t *chosen);

#ifdef __cplusplus
}
#endif

#endif /* COQUEUE_WAITER_H */
