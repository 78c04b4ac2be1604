/* SPDX-License-Identifier: MIT */
/*
 * coqueue - a blocking multi-producer, multi-consumer queue that can be shut
 * down.  One call wakes everybody who is blocked, later calls fail with
 * ESHUTDOWN, and the queue never reopens.
 *
 * The states and their names follow Python 3.13's queue.Queue.shutdown();
 * task_done and join are Python's too, interrupt is APR's, force_put is
 * crossbeam's; hold and release do what the counted handles of Rust's channels
 * do.
 *
 * What holds for every function here, unless its comment says otherwise:
 *
 * - It returns 0 or a positive errno value, and leaves errno as it was.
 * - EINVAL (a bad argument: NULL where it is not allowed, a tv_nsec outside
 *   0 ... 999999999) comes before any other result, and has no effect.
 * - It may be called by any number of threads at once, on the same queue.
 *   None may be called from a signal handler.
 * - Items are copied in and out, item_size bytes each.  An item whose put
 *   returned 0 belongs to the queue until exactly one get returns it or
 *   item_destroy was called for it once; an item whose put returned anything
 *   else is still the caller's.
 * - What a thread did before a put that returned 0 happens-before the return
 *   of the get (or peek) that delivers this item.
 * - A deadline is an absolute time of CLOCK_MONOTONIC.  NULL means for ever,
 *   COQUEUE_NOWAIT means do not block.  A deadline in the past (a negative
 *   tv_sec too) tries once; one too large for the clock means for ever.
 * - When a call must return: an item (or room) beats the deadline, shutdown
 *   beats the deadline, and after a shutdown ESHUTDOWN beats EAGAIN.
 * - A call that blocks is a cancellation point while it waits (deferred
 *   cancellation); a cancelled call has had no effect.  Calls that do not
 *   block are no cancellation points.  Signals end no wait.
 */
#ifndef COQUEUE_H
#define COQUEUE_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COQUEUE_VERSION_MAJOR 0
#define COQUEUE_VERSION_MINOR 1
#define COQUEUE_VERSION_PATCH 0

/* True when this header is of version major.minor.patch or later. */
#define COQUEUE_CHECK_VERSION(major, minor, patch)                             \
	(COQUEUE_VERSION_MAJOR > (major) ||                                    \
	 (COQUEUE_VERSION_MAJOR == (major) &&                                  \
	  (COQUEUE_VERSION_MINOR > (minor) ||                                  \
	   (COQUEUE_VERSION_MINOR == (minor) &&                                \
	    COQUEUE_VERSION_PATCH >= (patch)))))

#if defined(__GNUC__)
#define COQUEUE_API __attribute__((visibility("default")))
#define COQUEUE_MAY_BE_UNUSED __attribute__((unused))
#else
#define COQUEUE_API
#define COQUEUE_MAY_BE_UNUSED
#endif

struct timespec; /* strict C99 has <time.h> without it */

/* The queue.  Never copied; used through a pointer only. */
typedef struct coqueue coqueue_t;

/* The order in which items leave. */
enum coqueue_order {
	COQUEUE_FIFO,    /* in the order of their puts */
	COQUEUE_LIFO,    /* the newest first */
	COQUEUE_PRIORITY /* the smallest first, equal ones in FIFO order */
};

/* The life of a queue; states move down this list only. */
enum coqueue_state {
	COQUEUE_OPEN,     /* puts and gets work */
	COQUEUE_DRAINING, /* puts are refused, gets take what is left */
	COQUEUE_SHUT      /* puts and gets are refused, the queue is empty */
};

enum coqueue_shutdown {
	COQUEUE_GRACEFUL, /* go to DRAINING: what was accepted is delivered */
	COQUEUE_IMMEDIATE /* go to SHUT: what is left is discarded */
};

/* The capacity of a queue without a limit. */
#define COQUEUE_UNBOUNDED SIZE_MAX

/*
 * The deadline of a call that must not block.  It is told by its address, not
 * by its value, so pass &coqueue_nowait itself and no copy.
 */
extern COQUEUE_API const struct timespec coqueue_nowait;
#define COQUEUE_NOWAIT (&coqueue_nowait)

/*
 * How a queue is to be made.  Start from COQUEUE_ATTR_INIT, then set fields:
 * the struct may grow in later versions, and `size` tells which one you know.
 */
typedef struct coqueue_attr {
	size_t size;              /* bytes: sizeof(coqueue_attr_t) */
	enum coqueue_order order; /* COQUEUE_FIFO */
	size_t item_size;         /* bytes per item; 0: sizeof(void *) */
	/* For COQUEUE_PRIORITY, required there: <0, 0, >0 as for qsort().  It
	 * runs with the queue locked, so it must return (no longjmp(), no
	 * cancellation point), soon, and may call nothing of this library
	 * (calls that would block answer EDEADLK).  One that contradicts
	 * itself makes the order arbitrary, and does no other harm. */
	int (*compare)(const void *a, const void *b, void *ctx);
	/* Called once for each item that is discarded by an immediate
	 * shutdown or by destroy; may be NULL.  `item` points to a copy of the
	 * item, aligned for every C type of item_size bytes, gone when the
	 * call returns.  It runs on the thread that shuts down or destroys, with
	 * no lock held and cancellation disabled, and may call non-blocking
	 * functions and shutdown, for the same queue too, but not from
	 * within destroy. */
	void (*item_destroy)(void *item, void *ctx);
	void *ctx; /* handed to both */
} coqueue_attr_t;

#define COQUEUE_ATTR_INIT                                                      \
	{                                                                      \
		sizeof(coqueue_attr_t), COQUEUE_FIFO, 0, 0, 0, 0               \
	}

/*
 * Make a queue for at most `capacity` items (exactly that many, for every
 * capacity from 1) and store it in *q.  attr NULL: a FIFO of pointers.
 *
 * With the capacity COQUEUE_UNBOUNDED puts never wait; the queue grows and
 * shrinks with what it holds, and a put may answer ENOMEM.
 *
 * With capacity 0 it is a rendezvous, whatever its order: a put returns 0 when
 * a get has taken its item, and the other way round.  It is always empty and
 * always full: its size is 0, peek finds nothing and waits for shutdown, and a
 * try succeeds when a partner waits.  Once a partner that slept has been woken
 * for a call, that call waits for its answer, beyond a deadline and without
 * being a cancellation point; a try, too.
 *
 * EINVAL   q is NULL; attr has an unknown size or unknown values; PRIORITY
 *          without compare; capacity x item_size overflows
 * ENOMEM   no memory
 * On error *q is unchanged.
 */
COQUEUE_API int coqueue_create(coqueue_t **q, size_t capacity,
			       const coqueue_attr_t *attr);

/*
 * Shut the queue down immediately, wait until every caller that is still in
 * it has left (blocked putters and getters with ESHUTDOWN, joiners with
 * EINTR), and free everything.  Items that were left go to item_destroy.
 * As with pthread objects, no other call on the queue may begin once this one
 * has begun.  It may wait and is no cancellation point.
 *
 * EINVAL   q is NULL
 * EBUSY    waiters are armed (<coqueue/waiter.h>), or were woken and have neither
 *          tried again nor been disarmed; the queue was shut down immediately,
 *          and is still there
 * EDEADLK  called inside an RCU read-side section of the caller (liburcu-bp),
 *          inside a wake function, or by a comparator; nothing was done
 */
COQUEUE_API int coqueue_destroy(coqueue_t *q);

/*
 * Put: copy *item into the queue.  coqueue_put() waits for room as
 * long as it takes, coqueue_put_until() until the deadline, coqueue_try_put()
 * does not wait.
 *
 * 0          stored; the queue owns the item
 * ESHUTDOWN  the queue was shut down, before the call or while it waited
 * EAGAIN     full (try, and until with COQUEUE_NOWAIT)
 * ETIMEDOUT  still full at the deadline
 * EINTR      interrupted by coqueue_interrupt() while it waited
 * EINVAL     q or item is NULL, or a bad deadline
 * ENOMEM     no memory for one more (queues without a limit)
 * EDEADLK    called by a comparator; or inside a wake function
 *            (<coqueue/waiter.h>), where it would have to wait
 * On any error the item is still the caller's and nothing has changed.
 */
COQUEUE_API int coqueue_put(coqueue_t *q, const void *item);
COQUEUE_API int coqueue_try_put(coqueue_t *q, const void *item);
COQUEUE_API int coqueue_put_until(coqueue_t *q, const void *item,
				  const struct timespec *deadline);

/*
 * Get: move the next item to *item.  coqueue_get() waits for one as long as
 * it takes, coqueue_get_until() until the deadline, coqueue_try_get() does not
 * wait.
 *
 * 0          *item is the caller's now
 * ESHUTDOWN  the queue was shut down and nothing is left for this caller
 * EAGAIN     empty (try, and until with COQUEUE_NOWAIT)
 * ETIMEDOUT  still empty at the deadline
 * EINTR      interrupted by coqueue_interrupt() while it waited
 * EINVAL     q or item is NULL, or a bad deadline
 * EDEADLK    called by a comparator; or inside a wake function
 *            (<coqueue/waiter.h>), where it would have to wait
 * On any error *item is unchanged.
 */
COQUEUE_API int coqueue_get(coqueue_t *q, void *item);
COQUEUE_API int coqueue_try_get(coqueue_t *q, void *item);
COQUEUE_API int coqueue_get_until(coqueue_t *q, void *item,
				  const struct timespec *deadline);

/*
 * Peek: copy the next item to *item and leave it in the queue, where any get
 * may take it at once.  Waiting, results and errors are those of get; on an
 * error *item is unspecified, and it is never an item's owner.
 */
COQUEUE_API int coqueue_peek(coqueue_t *q, void *item);
COQUEUE_API int coqueue_try_peek(coqueue_t *q, void *item);
COQUEUE_API int coqueue_peek_until(coqueue_t *q, void *item,
				   const struct timespec *deadline);

/*
 * Put n items, in order, each as room appears, until all are stored or the
 * call must stop.  Other putters' items may come between them.  *done (not
 * NULL) always tells how many were stored, whatever is returned, and when the
 * call is cancelled too; the rest is still the caller's.  Results are those
 * of put; 0 means all n.  n = 0 returns 0 in every state.  items may be NULL
 * only when n is 0.
 */
COQUEUE_API int coqueue_put_many(coqueue_t *q, const void *items, size_t n,
				 const struct timespec *deadline, size_t *done);

/*
 * Get up to n items: wait for the first, then take what is there.  *done (not
 * NULL) always tells how many were taken.  0 means at least one; results
 * are those of get otherwise.  n = 0 returns 0 in every state.  items may be
 * NULL only when n is 0.
 */
COQUEUE_API int coqueue_get_many(coqueue_t *q, void *items, size_t n,
				 const struct timespec *deadline, size_t *done);

/*
 * Put an item without ever waiting for room: when the queue is full, its oldest
 * item makes room, in the same instant, and is copied to *evicted; it belongs
 * to the caller and counts as got (task_done is due for it).  *n_evicted tells
 * whether that happened: 0 or 1, whatever is returned.
 *
 * 0          stored; the queue owns the item
 * ESHUTDOWN  the queue was shut down; nothing was evicted
 * EINVAL     q, item, evicted or n_evicted is NULL; or the queue is no FIFO, or
 *            a rendezvous
 * ENOMEM     no memory for more of an unbounded queue
 * EDEADLK    called by a comparator
 * On any error the item is still the caller's and nothing has changed.
 */
COQUEUE_API int coqueue_force_put(coqueue_t *q, const void *item, void *evicted,
				  size_t *n_evicted);

/*
 * Shut the queue down, in any state, any number of times, from any number of
 * threads: puts are refused from now on, and everybody who waits and can no
 * longer be served is woken and gets ESHUTDOWN.  GRACEFUL leaves the items
 * for gets; IMMEDIATE discards them (item_destroy is called for each, after
 * the waiters were released, and the unfinished count falls by as many) and
 * ends a graceful shutdown that still drains.
 *
 * When it has returned, no put that began earlier can still take effect, and
 * after IMMEDIATE the queue is empty.  For this it waits for an RCU grace
 * period of liburcu-bp: usually microseconds, longer while some thread of the
 * process stays inside a read-side section of its own.  It does not wait for
 * the woken to leave.  No cancellation point.
 *
 * EINVAL   q is NULL or mode is unknown
 * EDEADLK  called inside an RCU read-side section of the caller (liburcu-bp), or
 *          by a comparator; nothing was done
 */
COQUEUE_API int coqueue_shutdown(coqueue_t *q, enum coqueue_shutdown mode);

/* The two ends of a queue. */
enum coqueue_side {
	COQUEUE_PUT, /* producers */
	COQUEUE_GET  /* consumers */
};

/*
 * Count producers and consumers, so that the queue ends when one side is gone.
 * coqueue_hold() counts one more.  coqueue_release() counts one less; the last
 * producer to leave shuts the queue down gracefully, the last consumer
 * immediately, and that call waits as coqueue_shutdown() does.  Whoever never
 * holds is not counted, and need not hold to put or get.
 *
 * Hold before the other side can see you leave: usually whoever starts a thread
 * holds for it, and the thread releases.
 *
 * EINVAL     q is NULL or side is unknown; release: nobody holds this side
 * ESHUTDOWN  hold: the queue was shut down
 * EDEADLK    release: called inside an RCU read-side section of the caller
 *            (liburcu-bp), or by a comparator; hold: by a comparator
 * On any error nothing has changed.
 */
COQUEUE_API int coqueue_hold(coqueue_t *q, enum coqueue_side side);
COQUEUE_API int coqueue_release(coqueue_t *q, enum coqueue_side side);

/*
 * Make every call that is blocked in the queue at this moment (put, get, peek,
 * join, select; of threads and parked coroutines) return EINTR.  It is not
 * remembered: who blocks later, blocks.  Armed waiters are not concerned.
 * EINVAL when q is NULL, EDEADLK when a comparator calls it.
 */
COQUEUE_API int coqueue_interrupt(coqueue_t *q);

/*
 * Tell that n items that were put are finished.  EINVAL when q is NULL or when
 * more would be marked than were put; then nothing is marked.  It happens-
 * before the return of every join that it completes.
 */
COQUEUE_API int coqueue_task_done(coqueue_t *q, size_t n);

/*
 * Wait until every item that was put was marked done (or was discarded by an
 * immediate shutdown).  Never ESHUTDOWN.
 *
 * 0          the count of unfinished items was 0
 * EAGAIN     it was not (join_until with COQUEUE_NOWAIT)
 * ETIMEDOUT  it was not, until the deadline
 * EINTR      interrupted by coqueue_interrupt(), or the queue is destroyed
 * EINVAL     q is NULL, or a bad deadline
 * EDEADLK    called by a comparator; or inside a wake function, where it would
 *            have to wait
 */
COQUEUE_API int coqueue_join(coqueue_t *q);
COQUEUE_API int coqueue_join_until(coqueue_t *q,
				   const struct timespec *deadline);

/*
 * Items put and not yet marked done or discarded.  Like size, exact while no
 * put is in progress.  0 when q is NULL.
 */
COQUEUE_API size_t coqueue_unfinished(const coqueue_t *q);

/* The state at this moment; COQUEUE_SHUT when q is NULL. */
COQUEUE_API enum coqueue_state coqueue_state(const coqueue_t *q);

/*
 * The number of items; exact when nobody else is active, and never more than
 * the capacity (but after coqueue_set_capacity() to less than it holds).  0 when
 * q is NULL.
 */
COQUEUE_API size_t coqueue_size(const coqueue_t *q);

/* The capacity, in items.  0 when q is NULL. */
COQUEUE_API size_t coqueue_capacity(const coqueue_t *q);

/*
 * Change the capacity of a queue that is in use, from one limit to another.
 * When it grows, as many putters as now fit are woken.  When it shrinks below
 * the number of items nothing is lost: puts wait (EAGAIN) until gets have made
 * room.
 *
 * It costs an RCU grace period, as coqueue_shutdown() does, and copies every
 * item; during both, and as long as a FIFO holds more than its capacity, calls
 * go through the queue's lock.  It is no cancellation point.
 *
 * EINVAL     q is NULL; from or to 0 or COQUEUE_UNBOUNDED; capacity x item_size
 *            overflows
 * ENOMEM     no memory
 * ESHUTDOWN  the queue was shut down
 * EDEADLK    called inside an RCU read-side section of the caller (liburcu-bp),
 *            or by a comparator
 * On any error nothing has changed.
 */
COQUEUE_API int coqueue_set_capacity(coqueue_t *q, size_t capacity);

typedef struct coqueue_stats {
	size_t size;            /* bytes: sizeof(coqueue_stats_t); set it */
	uint64_t puts;          /* items stored since creation */
	uint64_t gets;          /* items taken */
	uint64_t discarded;     /* items discarded by immediate shutdown */
	uint64_t put_waits;     /* puts that had to wait */
	uint64_t get_waits;     /* gets and peeks that had to wait */
	uint64_t wakeups;       /* waiters woken */
	size_t putters_waiting; /* now: blocked, or armed and not woken */
	size_t getters_waiting; /* the same; peekers too */
	size_t joiners_waiting; /* the same */
	uint64_t passed_on;     /* of wakeups, by waiters who left: mostly
				 * they had no use for their own wake-up */
} coqueue_stats_t;

/*
 * Fill *out; set out->size first.  The figures are read one after the other
 * while others work; puts == gets + discarded + size once nobody does.
 * A size that ends before passed_on is taken, too: *out is then filled so far.
 * EINVAL when q or out is NULL or out->size is unknown; EDEADLK when a
 * comparator calls it.
 */
COQUEUE_API int coqueue_stats(const coqueue_t *q, coqueue_stats_t *out);

/*
 * Set *out to the time of CLOCK_MONOTONIC that is so many nanoseconds from
 * now (negative: in the past).  Saturates.  Does nothing when out is NULL.
 */
COQUEUE_API void coqueue_deadline(struct timespec *out,
				  int64_t nanoseconds_from_now);

/* The version of the library that runs, such as "0.1.0". */
COQUEUE_API const char *coqueue_version(void);

/*
 * Define name_create(), name_put(), name_try_put(), name_put_until(),
 * name_put_many(), and the same for get, for items of type T: the functions
 * above with T * where they have void *, so that the compiler checks the type.
 * name_create() sets item_size to sizeof(T).  T is one name or a pointer type.
 *
 *     COQUEUE_DEFINE_TYPED(jobs, struct job)      (no semicolon)
 *     ...
 *     jobs_create(&q, 64, NULL);
 *     jobs_put(q, &job);
 */
#define COQUEUE_DEFINE_TYPED(name, T)                                          \
	COQUEUE_MAY_BE_UNUSED static inline int name##_create(                 \
		coqueue_t **q, size_t capacity, const coqueue_attr_t *attr)    \
	{                                                                      \
		coqueue_attr_t typed = COQUEUE_ATTR_INIT;                      \
		if (attr && attr->size != sizeof(typed))                       \
			return coqueue_create(q, capacity, attr);              \
		if (attr)                                                      \
			typed = *attr;                                         \
		typed.item_size = sizeof(T);                                   \
		return coqueue_create(q, capacity, &typed);                    \
	}                                                                      \
	COQUEUE_MAY_BE_UNUSED static inline int name##_put(coqueue_t *q,       \
							   T const *item)      \
	{                                                                      \
		return coqueue_put(q, item);                                   \
	}                                                                      \
	COQUEUE_MAY_BE_UNUSED static inline int name##_try_put(coqueue_t *q,   \
							       T const *item)  \
	{                                                                      \
		return coqueue_try_put(q, item);                               \
	}                                                                      \
	COQUEUE_MAY_BE_UNUSED static inline int name##_put_until(              \
		coqueue_t *q, T const *item, const struct timespec *deadline)  \
	{                                                                      \
		return coqueue_put_until(q, item, deadline);                   \
	}                                                                      \
	COQUEUE_MAY_BE_UNUSED static inline int name##_put_many(               \
		coqueue_t *q, T const *items, size_t n,                        \
		const struct timespec *deadline, size_t *done)                 \
	{                                                                      \
		return coqueue_put_many(q, items, n, deadline, done);          \
	}                                                                      \
	COQUEUE_MAY_BE_UNUSED static inline int name##_get(coqueue_t *q,       \
							   T *item)            \
	{                                                                      \
		return coqueue_get(q, item);                                   \
	}                                                                      \
	COQUEUE_MAY_BE_UNUSED static inline int name##_try_get(coqueue_t *q,   \
							       T *item)        \
	{                                                                      \
		return coqueue_try_get(q, item);                               \
	}                                                                      \
	COQUEUE_MAY_BE_UNUSED static inline int name##_get_until(              \
		coqueue_t *q, T *item, const struct timespec *deadline)        \
	{                                                                      \
		return coqueue_get_until(q, item, deadline);                   \
	}                                                                      \
	COQUEUE_MAY_BE_UNUSED static inline int name##_get_many(               \
		coqueue_t *q, T *items, size_t n,                              \
		const struct timespec *deadline, size_t *done)                 \
	{                                                                      \
		return coqueue_get_many(q, items, n, deadline, done);          \
	}

#ifdef __cplusplus
}
#endif

#endif /* COQUEUE_H */
