/* SPDX-License-Identifier: MIT */
/* Making a call and judging its result: see stress_call.h. */
#include "config.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include "stress_armed.h"
#include "stress_call.h"

#define UNTOUCHED UINT64_C(0xdeadbeefcafef00d)

const char *const activity_name[N_ACTIVITIES] = {
	[NOT_STARTED] = "(not started)",
	[OWN_WORK] = "(own work)",
	[PACING] = "(waiting for its time)",
	[AT_GATE] = "(kept at a gate)",
	[LEFT] = "(left)",
	[OBEYED_CANCELLATION] = "(cancelled)",
	[CREATING] = "(creating)",
	[WAITING_FOR_MOMENT] = "(letting the load run)",
	[WAITING_FOR_BLOCKED] = "(until callers are blocked)",
	[WAITING_FOR_IDLE] = "(until all is delivered)",
	[CANCELLING] = "(joining a cancelled one)",
	[JOINING_CREW] = "(until all have left)",
	[JUDGING] = "(judging)",
	[IN_PUT] = "coqueue_put",
	[IN_PUT_UNTIL] = "coqueue_put_until",
	[IN_TRY_PUT] = "coqueue_try_put",
	[IN_PUT_MANY] = "coqueue_put_many",
	[IN_FORCE_PUT] = "coqueue_force_put",
	[IN_GET] = "coqueue_get",
	[IN_GET_UNTIL] = "coqueue_get_until",
	[IN_TRY_GET] = "coqueue_try_get",
	[IN_GET_MANY] = "coqueue_get_many",
	[IN_PEEK] = "coqueue_peek",
	[IN_PEEK_UNTIL] = "coqueue_peek_until",
	[IN_TRY_PEEK] = "coqueue_try_peek",
	[IN_JOIN] = "coqueue_join",
	[IN_JOIN_UNTIL] = "coqueue_join_until",
	[IN_TASK_DONE] = "coqueue_task_done",
	[IN_SELECT] = "coqueue_select",
	[IN_SET_CAPACITY] = "coqueue_set_capacity",
	[IN_HOLD] = "coqueue_hold",
	[IN_RELEASE] = "coqueue_release",
	[IN_SHUTDOWN] = "coqueue_shutdown",
	[IN_INTERRUPT] = "coqueue_interrupt",
	[IN_DESTROY] = "coqueue_destroy",
};

const char *const caller_name[N_CALLERS] = {
	[THREAD] = "thread",
	[COROUTINE] = "coroutine",
	[ARMED] = "armed",
};

const char *const role_name[N_ROLES] = {
	[PRODUCER] = "producer", [CONDUCTOR] = "conductor",
	[CONSUMER] = "consumer", [JOINER] = "joiner",
	[SHUTTER] = "shutter",   [PLAYER] = "player",
	[RESIZER] = "resizer",
};

/* The thread, and the fiber: others may be waiting for either. */
static void yield(void)
{
	sched_yield();
	if (fiber_self())
		fiber_yield();
}

void actor_jitters(struct actor *a)
{
	if (a->round->run->config->jitter && random_one_in(&a->random, 3))
		yield();
}

static bool is_put(const struct call *c)
{
	return c->what >= IN_PUT && c->what <= IN_PUT_MANY;
}

/* A get that takes, not a peek. */
static bool is_get(const struct call *c)
{
	return c->what >= IN_GET && c->what <= IN_GET_MANY;
}

static bool is_join(const struct call *c)
{
	return c->what == IN_JOIN || c->what == IN_JOIN_UNTIL;
}

static enum form draw_form(struct actor *a, unsigned forms)
{
	unsigned k;

	if (!(forms & (forms - 1)))
		return forms;
	k = (unsigned)random_below(&a->random,
				   (unsigned)__builtin_popcount(forms));
	while (k--)
		forms &= forms - 1;
	return forms & -forms;
}

/* Now and then for ever and a day.  A plan that counts on patience gets no
 * deadline that could be met, others get some that are in the past. */
static int64_t draw_patience(struct actor *a)
{
	uint64_t patience = a->round->plan.patience_ns;

	if (random_one_in(&a->random, 32))
		return INT64_MAX;
	if (patience >= NS_PER_SECOND)
		return (int64_t)random_between(&a->random, patience / 2,
					       patience);
	if (random_one_in(&a->random, 16))
		return -(int64_t)random_below(&a->random, NS_PER_SECOND);
	return (int64_t)random_below(&a->random, patience);
}

void call_draw(struct actor *a, struct call *c, unsigned forms)
{
	c->form = draw_form(a, forms);
	c->by_until = c->form == UNTIL ||
		      (c->form == AT_ONCE && random_one_in(&a->random, 4));
	c->deadline = c->form == AT_ONCE ? COQUEUE_NOWAIT : NULL;
	if (c->form != UNTIL)
		return;
	coqueue_deadline(&c->until, draw_patience(a));
	c->deadline = &c->until;
}

enum activity call_function(const struct call *c, enum activity for_ever,
			    enum activity many)
{
	if (c->n > 1)
		return many;
	return for_ever + (c->form == FOR_EVER ? 0 : c->by_until ? 1 : 2);
}

int call_perform(struct actor *a, const struct call *c)
{
	coqueue_t *q = a->round->queue;
	void *items = a->buffer;

	if (a->caller == ARMED && armed_can(c))
		return armed_perform(a, c);
	switch (c->what) {
	case IN_PUT:
		return coqueue_put(q, items);
	case IN_PUT_UNTIL:
		return coqueue_put_until(q, items, c->deadline);
	case IN_TRY_PUT:
		return coqueue_try_put(q, items);
	case IN_PUT_MANY:
		return coqueue_put_many(q, items, c->n, c->deadline, &a->done);
	case IN_GET:
		return coqueue_get(q, items);
	case IN_GET_UNTIL:
		return coqueue_get_until(q, items, c->deadline);
	case IN_TRY_GET:
		return coqueue_try_get(q, items);
	case IN_GET_MANY:
		return coqueue_get_many(q, items, c->n, c->deadline, &a->done);
	case IN_PEEK:
		return coqueue_peek(q, items);
	case IN_PEEK_UNTIL:
		return coqueue_peek_until(q, items, c->deadline);
	case IN_TRY_PEEK:
		return coqueue_try_peek(q, items);
	case IN_JOIN:
		return coqueue_join(q);
	default:
		return coqueue_join_until(q, c->deadline);
	}
}

const char *call_result(int rc)
{
	switch (rc) {
	case 0:
		return "0";
	case ESHUTDOWN:
		return "ESHUTDOWN";
	case EAGAIN:
		return "EAGAIN";
	case ETIMEDOUT:
		return "ETIMEDOUT";
	case EINTR:
		return "EINTR";
	default:
		return strerror(rc);
	}
}

static bool is_past(const struct timespec *deadline)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec != deadline->tv_sec
		       ? now.tv_sec > deadline->tv_sec
		       : now.tv_nsec >= deadline->tv_nsec;
}

/* Whether a queue that only drains may still answer 0: a put never, and at a
 * rendezvous nothing is left. */
static bool draining_refuses(const struct actor *a, const struct call *c)
{
	return is_put(c) || a->round->plan.capacity == 0;
}

/* What is wrong with this result of a put, get or peek; NULL: nothing. */
static const char *why_impossible(const struct actor *a, const struct call *c,
				  int rc)
{
	enum finality refuses =
		draining_refuses(a, c) ? GRACEFULLY : IMMEDIATELY;

	if (rc == ESHUTDOWN)
		return atomic_load(&a->round->begun) == STILL_OPEN
			       ? "before any shutdown"
			       : NULL;
	if (c->after >= refuses)
		return "after the caller knew it was shut down";
	if (rc == 0)
		return NULL;
	if (is_put(c) && a->round->plan.capacity == COQUEUE_UNBOUNDED)
		return rc == ENOMEM ? NULL : "from a queue without a limit";
	if (c->after != STILL_OPEN)
		return "in a queue that only drains, where nothing waits";
	return NULL;
}

/* A queue without a limit may be out of memory. */
static bool may_lack_memory(const struct actor *a, const struct call *c)
{
	return c->what == IN_SELECT ||
	       (is_put(c) && a->round->plan.capacity == COQUEUE_UNBOUNDED);
}

const char *call_why_too_early(const struct actor *a, const struct call *c,
			       int rc)
{
	switch (rc) {
	case 0:
		return NULL;
	case ESHUTDOWN:
		return is_join(c)             ? "from a join"
		       : c->what == IN_SELECT ? "from a select"
					      : NULL;
	case EAGAIN:
		return c->form == AT_ONCE ? NULL : "from a call that may wait";
	case ETIMEDOUT:
		return c->form == UNTIL && is_past(&c->until)
			       ? NULL
			       : "before its deadline";
	case EINTR:
		return a->round->plan.interrupts ||
				       (is_join(c) &&
					atomic_load(&a->round->destroying))
			       ? NULL
			       : "without an interrupt";
	case ENOMEM:
		if (may_lack_memory(a, c))
			return NULL;
		/* fall through */
	default:
		return "which is not in its list of results";
	}
}

static void check_done(struct actor *a, const struct call *c, int rc)
{
	bool fits;

	if (is_put(c))
		fits = a->done <= c->n && (rc == 0) == (a->done == c->n) &&
		       !(rc && a->done && c->after);
	else
		fits = a->done <= c->n && (rc == 0) == (a->done > 0);
	if (!fits)
		actor_fail(a, "%s of %zu returned %s and told %zu were done",
			   activity_name[c->what], c->n, call_result(rc),
			   a->done);
}

static void check_result(struct actor *a, const struct call *c, int rc)
{
	const char *why = call_why_too_early(a, c, rc);

	if (!why && !is_join(c))
		why = why_impossible(a, c, rc);
	if (why)
		actor_fail(a, "%s returned %s %s", activity_name[c->what],
			   call_result(rc), why);
	if (!is_join(c))
		check_done(a, c, rc);
}

void call_count(struct actor *a, const struct call *c, int rc)
{
	switch (rc) {
	case ESHUTDOWN:
		a->count[is_put(c) ? REFUSED : ENDED]++;
		a->knows = IMMEDIATELY;
		break;
	case EAGAIN:
		a->count[WOULD_BLOCK]++;
		yield();
		break;
	case ETIMEDOUT:
		a->count[TIMED_OUT]++;
		break;
	case EINTR:
		a->count[INTERRUPTED]++;
		break;
	default:
		break;
	}
}

/* A get that returns an error must not have touched the caller's memory. */
static void check_untouched(struct actor *a, const struct call *c, int rc)
{
	static const uint64_t mark = UNTOUCHED;

	if (is_get(c) && memcmp(a->buffer, &mark, sizeof(mark)) != 0)
		actor_fail(a, "%s returned %s and wrote an item",
			   activity_name[c->what], call_result(rc));
}

static void mark_buffer(struct actor *a, const struct call *c)
{
	static const uint64_t mark = UNTOUCHED;

	if (is_get(c))
		memcpy(a->buffer, &mark, sizeof(mark));
}

int call_make(struct actor *a, struct call *c)
{
	int known =
		atomic_load_explicit(&a->round->returned, memory_order_acquire);
	int rc;

	c->after = known > (int)a->knows ? (enum finality)known : a->knows;
	a->done = 0;
	a->is_put = is_put(c);
	a->in_call = true;
	mark_buffer(a, c);
	actor_enters(a, c->what);
	rc = call_perform(a, c);
	actor_enters(a, OWN_WORK);
	a->in_call = false;
	if (c->what != IN_PUT_MANY && c->what != IN_GET_MANY)
		a->done = rc == 0;
	actor_jitters(a);
	if (rc || c->after || c->n > 1)
		check_result(a, c, rc);
	if (rc) {
		check_untouched(a, c, rc);
		call_count(a, c, rc);
	}
	return rc;
}

int call_make_in_vain(struct actor *a, struct call *c)
{
	coqueue_deadline(&c->until, -1);
	c->deadline = c->form == UNTIL     ? &c->until
		      : c->form == AT_ONCE ? COQUEUE_NOWAIT
					   : NULL;
	return call_make(a, c);
}
