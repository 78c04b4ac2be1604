/* SPDX-License-Identifier: MIT */
/* What a shutdown promises, and the items that it discards. */
#include "config.h"

#include <errno.h>
#include <unistd.h>
#include "stress_call.h"
#include "stress_cargo.h"

static _Thread_local struct actor *thread_is;

void worker_is(struct actor *a)
{
	thread_is = a;
	atomic_store(&a->tid, gettid());
}

/* Who calls; NULL: a thread of others. */
static struct actor *self(void)
{
	return fiber_self() ? fiber_arg() : thread_is;
}

static void raise_to(_Atomic int *value, int to)
{
	int old = atomic_load(value);

	while (old < to && !atomic_compare_exchange_weak(value, &old, to))
		;
}

/* What must be true as soon as any shutdown of this mode has returned. */
static void check_is_down(struct actor *a, enum coqueue_shutdown mode)
{
	coqueue_t *q = a->round->queue;
	enum coqueue_state least =
		mode == COQUEUE_IMMEDIATE ? COQUEUE_SHUT : COQUEUE_DRAINING;
	int rc;

	if (coqueue_state(q) < least)
		actor_fail(a, "a shutdown returned, the state is still %d",
			   (int)coqueue_state(q));
	cargo_write_foreign(a, a->buffer);
	rc = coqueue_try_put(q, a->buffer);
	if (rc != ESHUTDOWN)
		actor_fail(a, "a put after shutdown returned %s",
			   call_result(rc));
	if (mode != COQUEUE_IMMEDIATE)
		return;
	if (coqueue_size(q) != 0)
		actor_fail(a, "immediate shutdown returned and left %zu items",
			   coqueue_size(q));
	rc = coqueue_try_get(q, a->buffer);
	if (rc != ESHUTDOWN)
		actor_fail(a, "a get after immediate shutdown returned %s",
			   call_result(rc));
}

void worker_shuts_down(struct actor *a, enum coqueue_shutdown mode)
{
	struct round *r = a->round;
	int rc;

	raise_to(&r->begun, (int)finality_of(mode));
	actor_enters(a, IN_SHUTDOWN);
	rc = coqueue_shutdown(r->queue, mode);
	actor_enters(a, OWN_WORK);
	a->count[SHUTDOWNS]++;
	if (rc)
		actor_fail(a, "coqueue_shutdown returned %s", call_result(rc));
	raise_to(&r->returned, (int)finality_of(mode));
	check_is_down(a, mode);
}

/* ---- the last to leave ------------------------------------------------- */

static enum coqueue_side side_of(const struct actor *a)
{
	return a->role == PRODUCER ? COQUEUE_PUT : COQUEUE_GET;
}

/* ESHUTDOWN, or one more holds. */
static int hold(struct actor *a, enum coqueue_side side)
{
	int rc;

	actor_enters(a, IN_HOLD);
	rc = coqueue_hold(a->round->queue, side);
	actor_enters(a, OWN_WORK);
	if (rc &&
	    (rc != ESHUTDOWN || atomic_load(&a->round->begun) == STILL_OPEN))
		actor_fail(a, "coqueue_hold returned %s", call_result(rc));
	return rc;
}

static void release(struct actor *a, enum coqueue_side side)
{
	int rc;

	actor_enters(a, IN_RELEASE);
	rc = coqueue_release(a->round->queue, side);
	actor_enters(a, OWN_WORK);
	if (rc)
		actor_fail(a, "coqueue_release returned %s", call_result(rc));
}

/* While the caller holds, no release of this side is the last. */
static void check_not_yet(struct actor *a)
{
	int state = (int)coqueue_state(a->round->queue);

	if (state > atomic_load(&a->round->begun))
		actor_fail(a, "the state is %d before the last has released",
			   state);
}

void round_hold(struct round *r)
{
	for (unsigned i = 0; i < r->plan.producers; i++)
		if (r->plan.is_held[COQUEUE_PUT])
			hold(round_conductor(r), COQUEUE_PUT);
	for (unsigned i = 0; i < r->plan.consumers; i++)
		if (r->plan.is_held[COQUEUE_GET])
			hold(round_conductor(r), COQUEUE_GET);
}

void worker_holds_more(struct actor *a)
{
	enum coqueue_side side = side_of(a);

	if (!a->round->plan.is_held[side] || !random_one_in(&a->random, 32) ||
	    hold(a, side) != 0)
		return;
	actor_jitters(a);
	release(a, side);
	check_not_yet(a);
}

static void check_nobody_holds(struct actor *a, enum coqueue_side side)
{
	coqueue_t *q = a->round->queue;
	int rc = coqueue_release(q, side);

	if (rc != EINVAL)
		actor_fail(a, "a release after the last one returned %s",
			   call_result(rc));
	rc = coqueue_hold(q, side);
	if (rc != ESHUTDOWN)
		actor_fail(a, "a hold after the last release returned %s",
			   call_result(rc));
}

/* Which release is the last is the queue's to say.  It is none before all have
 * come to theirs, and when all have returned it has. */
void worker_releases(struct actor *a)
{
	struct round *r = a->round;
	enum coqueue_side side = side_of(a);
	enum coqueue_shutdown mode =
		side == COQUEUE_PUT ? COQUEUE_GRACEFUL : COQUEUE_IMMEDIATE;
	unsigned all = round_crew_size(r, a->role);

	if (!r->plan.is_held[side])
		return;
	check_not_yet(a);
	if (atomic_fetch_add(&r->releasing[side], 1) + 1 == all)
		raise_to(&r->begun, (int)finality_of(mode));
	release(a, side);
	if (atomic_fetch_add(&r->released[side], 1) + 1 < all)
		return;
	a->count[SHUTDOWNS]++;
	raise_to(&r->returned, (int)finality_of(mode));
	check_is_down(a, mode);
	check_nobody_holds(a, side);
}

/* ---- items that are discarded ------------------------------------------ */

/* What item_destroy may rely on, and that nothing gets in any more. */
static void check_destroy_context(struct actor *a, const void *item)
{
	struct round *r = a->round;
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	if (state != PTHREAD_CANCEL_DISABLE)
		actor_fail(a, "item_destroy ran with cancellation enabled");
	pthread_setcancelstate(state, NULL);
	if (!atomic_load(&r->destroying)) {
		if (coqueue_try_put(r->queue, item) != ESHUTDOWN)
			actor_fail(a, "item_destroy could put an item");
	} else if (atomic_load(&r->returned) == IMMEDIATELY) {
		actor_fail(a, "an item outlived an immediate shutdown");
	}
}

void worker_destroys(void *item, void *round)
{
	struct round *r = round;
	struct actor *a = self();

	if (!a || !a->ledger.ticked) {
		atomic_fetch_add(&r->strays, 1);
		return;
	}
	check_destroy_context(a, item);
	cargo_discarded(a, item);
}
