/* SPDX-License-Identifier: MIT */
/*
 * Faults for coqueue-stress --inject: proof that the tool notices.
 *
 * The test build links the library statically, and the linker leads the calls
 * named in Makefile.am (-Wl,--wrap) through here, also those that the library
 * makes itself.  Each fault is the symptom of a bug that a queue may have:
 *
 *     lose        a put returns 0 and stores nothing
 *     duplicate   a put stores its item twice
 *     reorder     two items of one producer change places
 *     late-put    a put that shutdown refused returns 0
 *     signal-one  a shutdown wakes only the first of those who are blocked
 *     swallow     a wake-up is lost
 *
 * and one is a symptom of nothing:
 *
 *     slow-check  the check of a history takes four seconds, once
 *
 * For callers that are coroutines, or arm waiters, too.
 */
#include "config.h"

#include <coqueue/waiter.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../tools/fibers.h"
#include "../tools/linearize.h"

enum fault {
	NONE,
	LOSE,
	DUPLICATE,
	REORDER,
	LATE_PUT,
	SIGNAL_ONE,
	SWALLOW,
	SLOW_CHECK
};

#define ONE_PUT_IN 100
#define ONE_WAKE_UP_IN 3

static enum fault fault;
static atomic_uint puts_made, wake_ups, queues_made;
static atomic_size_t item_size;

static _Thread_local struct {
	coqueue_t *queue; /* NULL: nothing is held back */
	unsigned made;    /* which queue it is: addresses are used again */
	unsigned char item[64];
} held;

static _Thread_local struct {
	bool inside;
	unsigned wake_ups;
} shutdown_call;

bool inject(const char *name);

int __real_coqueue_create(coqueue_t **q, size_t capacity,
			  const coqueue_attr_t *attr);
int __real_coqueue_put_until(coqueue_t *q, const void *item,
			     const struct timespec *deadline);
int __real_coqueue_shutdown(coqueue_t *q, enum coqueue_shutdown mode);
int __real_coqueue_put_arm(coqueue_t *q, const void *item, coqueue_waiter_t *w);
int __real_coqueue_set_scheduler(const coqueue_scheduler_t *s);
int __real_pthread_cond_broadcast(pthread_cond_t *cond);
void __real_fiber_unpark(struct fiber *f);
enum lin_verdict __real_lin_check(struct lin_work *w,
				  const struct lin_history *h);

int __wrap_coqueue_create(coqueue_t **q, size_t capacity,
			  const coqueue_attr_t *attr);
int __wrap_coqueue_put(coqueue_t *q, const void *item);
int __wrap_coqueue_try_put(coqueue_t *q, const void *item);
int __wrap_coqueue_put_until(coqueue_t *q, const void *item,
			     const struct timespec *deadline);
int __wrap_coqueue_shutdown(coqueue_t *q, enum coqueue_shutdown mode);
int __wrap_coqueue_put_arm(coqueue_t *q, const void *item, coqueue_waiter_t *w);
int __wrap_coqueue_set_scheduler(const coqueue_scheduler_t *s);
int __wrap_pthread_cond_broadcast(pthread_cond_t *cond);
void __wrap_fiber_unpark(struct fiber *f);
enum lin_verdict __wrap_lin_check(struct lin_work *w,
				  const struct lin_history *h);

bool inject(const char *name)
{
	static const char *const names[] = {
		[LOSE] = "lose",
		[DUPLICATE] = "duplicate",
		[REORDER] = "reorder",
		[LATE_PUT] = "late-put",
		[SIGNAL_ONE] = "signal-one",
		[SWALLOW] = "swallow",
		[SLOW_CHECK] = "slow-check",
	};

	for (fault = LOSE; fault <= SLOW_CHECK; fault++)
		if (strcmp(name, names[fault]) == 0)
			return true;
	fault = NONE;
	return false;
}

static bool due(enum fault which, atomic_uint *counter, unsigned one_in)
{
	return fault == which &&
	       atomic_fetch_add(counter, 1) % one_in == one_in - 1;
}

/* Keep this item until the next put of the same producer. */
static bool hold_back(coqueue_t *q, const void *item)
{
	size_t size = atomic_load(&item_size);

	if (held.queue || size > sizeof(held.item) ||
	    !due(REORDER, &puts_made, ONE_PUT_IN))
		return false;
	memcpy(held.item, item, size);
	held.queue = q;
	held.made = atomic_load(&queues_made);
	return true;
}

/* After a put, which in a coroutine may have returned on another thread: not
 * inline, or its caller would know the address of the first one's `held`. */
static __attribute__((noinline)) void put_held(coqueue_t *q)
{
	bool is_here =
		held.queue == q && held.made == atomic_load(&queues_made);
	unsigned char item[sizeof(held.item)];

	memcpy(item, held.item, sizeof(item));
	held.queue = NULL;
	if (is_here)
		__real_coqueue_put_until(q, item, NULL);
}

static int faulty_put(coqueue_t *q, const void *item,
		      const struct timespec *deadline)
{
	int rc;

	if (due(LOSE, &puts_made, ONE_PUT_IN) || hold_back(q, item))
		return 0;
	rc = __real_coqueue_put_until(q, item, deadline);
	if (rc == 0 && due(DUPLICATE, &puts_made, ONE_PUT_IN))
		__real_coqueue_put_until(q, item, NULL);
	if (rc == 0)
		put_held(q);
	return rc == ESHUTDOWN && fault == LATE_PUT ? 0 : rc;
}

int __wrap_coqueue_create(coqueue_t **q, size_t capacity,
			  const coqueue_attr_t *attr)
{
	atomic_store(&item_size, attr && attr->item_size ? attr->item_size
							 : sizeof(void *));
	atomic_fetch_add(&queues_made, 1);
	return __real_coqueue_create(q, capacity, attr);
}

int __wrap_coqueue_put(coqueue_t *q, const void *item)
{
	return faulty_put(q, item, NULL);
}

int __wrap_coqueue_try_put(coqueue_t *q, const void *item)
{
	return faulty_put(q, item, COQUEUE_NOWAIT);
}

int __wrap_coqueue_put_until(coqueue_t *q, const void *item,
			     const struct timespec *deadline)
{
	return faulty_put(q, item, deadline);
}

/* Nothing that would have to wait: neither REORDER nor DUPLICATE. */
int __wrap_coqueue_put_arm(coqueue_t *q, const void *item, coqueue_waiter_t *w)
{
	int rc;

	if (due(LOSE, &puts_made, ONE_PUT_IN))
		return 0;
	rc = __real_coqueue_put_arm(q, item, w);
	return rc == ESHUTDOWN && fault == LATE_PUT ? 0 : rc;
}

int __wrap_coqueue_shutdown(coqueue_t *q, enum coqueue_shutdown mode)
{
	int rc;

	shutdown_call.inside = true;
	shutdown_call.wake_ups = 0;
	rc = __real_coqueue_shutdown(q, mode);
	shutdown_call.inside = false;
	return rc;
}

static bool loses_wake_up(void)
{
	return (fault == SIGNAL_ONE && shutdown_call.inside &&
		shutdown_call.wake_ups++ > 0) ||
	       due(SWALLOW, &wake_ups, ONE_WAKE_UP_IN);
}

/* The library wakes each of the threads who wait by a broadcast of its own; the
 * tool makes none. */
int __wrap_pthread_cond_broadcast(pthread_cond_t *cond)
{
	return loses_wake_up() ? 0 : __real_pthread_cond_broadcast(cond);
}

/* By an armed waiter's wake function. */
void __wrap_fiber_unpark(struct fiber *f)
{
	if (!loses_wake_up())
		__real_fiber_unpark(f);
}

/* Coroutines by the scheduler: all threads have the same. */
static void faulty_unpark(void *ctx, void *fiber)
{
	(void)ctx;
	__wrap_fiber_unpark(fiber);
}

int __wrap_coqueue_set_scheduler(const coqueue_scheduler_t *s)
{
	coqueue_scheduler_t faulty = *s;

	faulty.unpark = faulty_unpark;
	return __real_coqueue_set_scheduler(&faulty);
}

enum lin_verdict __wrap_lin_check(struct lin_work *w,
				  const struct lin_history *h)
{
	static unsigned checks;

	if (fault == SLOW_CHECK && checks++ == 0)
		sleep(4);
	return __real_lin_check(w, h);
}
