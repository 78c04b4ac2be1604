/* SPDX-License-Identifier: MIT */
/*
 * New capacities for the queue of a round.  While the load runs, resizers set
 * them, one after the other; when all producers are blocked, the conductor does,
 * and then it can be said how many items must be there.
 */
#include "config.h"

#include <errno.h>
#include "stress_call.h"

/* 1, back to the largest, or anything between. */
static size_t draw_capacity(struct round *r, struct random *random)
{
	switch (random_below(random, 4)) {
	case 0:
		return 1;
	case 1:
		return r->plan.largest;
	default:
		return random_skewed(random, 1, r->plan.largest);
	}
}

static void check_result(struct actor *a, int rc, int known)
{
	const char *why = NULL;

	if (rc == 0 && known != STILL_OPEN)
		why = "after the caller knew it was shut down";
	else if (rc == ESHUTDOWN && atomic_load(&a->round->begun) == STILL_OPEN)
		why = "before any shutdown";
	else if (rc && rc != ESHUTDOWN && rc != ENOMEM)
		why = "which is not in its list of results";
	if (why)
		actor_fail(a, "coqueue_set_capacity returned %s %s",
			   call_result(rc), why);
}

/* 0, ESHUTDOWN or ENOMEM. */
static int set_capacity(struct actor *a, size_t capacity)
{
	int known =
		atomic_load_explicit(&a->round->returned, memory_order_acquire);
	int rc;

	actor_enters(a, IN_SET_CAPACITY);
	rc = coqueue_set_capacity(a->round->queue, capacity);
	actor_enters(a, OWN_WORK);
	check_result(a, rc, known);
	a->count[RESIZED] += rc == 0;
	return rc;
}

static void check_size(struct actor *a, size_t limit)
{
	size_t size = coqueue_size(a->round->queue);

	if (size > limit)
		actor_fail(a, "the size is %zu, when %zu is the most it can be",
			   size, limit);
}

/* How many items there can be until the capacity is changed again: no put
 * brings them above the capacity.  Others may change it, too. */
static size_t size_limit(const struct round *r, size_t capacity)
{
	size_t size = coqueue_size(r->queue);

	if (r->plan.resizers > 1)
		return r->plan.largest;
	return size > capacity ? size : capacity;
}

/* They stop before the queue runs dry: to grow wakes putters, and so hides that
 * one was forgotten. */
void worker_resizes(struct actor *a)
{
	struct round *r = a->round;
	size_t capacity, limit = r->plan.largest;
	int rc = 0;

	if (r->plan.hold == HOLD_CONSUMERS)
		return; /* the conductor does it */
	while (rc != ESHUTDOWN && !atomic_load(&r->stop) &&
	       !atomic_load(&r->begun)) {
		actor_jitters(a);
		capacity = draw_capacity(r, &a->random);
		rc = set_capacity(a, capacity);
		if (rc == 0)
			limit = size_limit(r, capacity);
		check_size(a, limit);
		sleep_ns(random_below(&a->random, 200 * NS_PER_US));
		check_size(a, limit);
	}
}

void round_resize(struct round *r)
{
	size_t capacity = draw_capacity(r, &r->random);

	round_step(r, IN_SET_CAPACITY);
	if (set_capacity(round_conductor(r), capacity) != 0)
		return;
	if (capacity > r->full)
		r->full = capacity;
	round_wait_full(r);
}
