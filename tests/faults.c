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
 */
#include "config.h"

#include <coqueue.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum fault { NONE, LOSE, DUPLICATE, REORDER, LATE_PUT, SIGNAL_ONE, SWALLOW };

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
int __real_pthread_cond_broadcast(pthread_cond_t *cond);

int __wrap_coqueue_create(coqueue_t **q, size_t capacity,
			  const coqueue_attr_t *attr);
int __wrap_coqueue_put(coqueue_t *q, const void *item);
int __wrap_coqueue_try_put(coqueue_t *q, const void *item);
int __wrap_coqueue_put_until(coqueue_t *q, const void *item,
			     const struct timespec *deadline);
int __wrap_coqueue_shutdown(coqueue_t *q, enum coqueue_shutdown mode);
int __wrap_pthread_cond_broadcast(pthread_cond_t *cond);

bool inject(const char *name)
{
	static const char *const names[] = {
		[LOSE] = "lose",
		[DUPLICATE] = "duplicate",
		[REORDER] = "reorder",
		[LATE_PUT] = "late-put",
		[SIGNAL_ONE] = "signal-one",
		[SWALLOW] = "swallow",
	};

	for (fault = LOSE; fault <= SWALLOW; fault++)
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

static void put_held(coqueue_t *q)
{
	if (held.queue == q && held.made == atomic_load(&queues_made))
		__real_coqueue_put_until(q, held.item, NULL);
	held.queue = NULL;
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
	if (rc == 0 && held.queue)
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

int __wrap_coqueue_shutdown(coqueue_t *q, enum coqueue_shutdown mode)
{
	int rc;

	shutdown_call.inside = true;
	shutdown_call.wake_ups = 0;
	rc = __real_coqueue_shutdown(q, mode);
	shutdown_call.inside = false;
	return rc;
}

/* The library wakes each of those who wait by a broadcast of its own; the
 * tool makes none. */
int __wrap_pthread_cond_broadcast(pthread_cond_t *cond)
{
	if (fault == SIGNAL_ONE && shutdown_call.inside &&
	    shutdown_call.wake_ups++ > 0)
		return 0;
	if (due(SWALLOW, &wake_ups, ONE_WAKE_UP_IN))
		return 0;
	return __real_pthread_cond_broadcast(cond);
}
