/* SPDX-License-Identifier: MIT */
/*
 * What must hold when a schedule has come to rest:
 *
 *   - whoever has not returned sleeps, and could not be served: nobody waits
 *     for a lock, a grace period, or a wake-up that was lost
 *   - nor for one that only a thread would pass on which does not get to run
 *   - the history is linearizable (tools/linearize.h), with all that is left in
 *     the queue taken out at its end
 *   - each item was got, or discarded, once, or is still its putter's
 *   - after destroy everybody is out and the memory is free
 */
#include "config.h"

#include "../tools/linearize.h"
#include "explore_scenario.h"

#undef free
#undef aligned_alloc

static bool wrong(const char *what)
{
	snprintf(machine_failure, sizeof(machine_failure), "%s", what);
	return false;
}

/* ---- kinds of calls ------------------------------------------------------- */

static enum lin_call lin_call_of(enum verb verb)
{
	switch (verb) {
	case GET:
	case TRY_GET:
	case GET_UNTIL:
	case GET_MANY:
		return LIN_GET;
	case PEEK:
	case TRY_PEEK:
	case PEEK_UNTIL:
		return LIN_PEEK;
	case TASK_DONE:
		return LIN_TASK_DONE;
	case JOIN:
	case TRY_JOIN:
	case JOIN_UNTIL:
		return LIN_JOIN;
	case STATE:
		return LIN_STATE;
	case GRACEFUL:
	case IMMEDIATE:
	case DESTROY:
		return LIN_SHUTDOWN;
	case INTERRUPT:
		return LIN_INTERRUPT;
	case PUT:
	case TRY_PUT:
	case PUT_UNTIL:
	case PUT_MANY:
		return LIN_PUT;
	case FORCE_PUT:
		return LIN_FORCE_PUT;
	case SET_CAPACITY:
		return LIN_SET_CAPACITY;
	case HOLD:
		return LIN_HOLD;
	case RELEASE:
		return LIN_RELEASE;
	case SIZE:
	case CANCEL:
	case SETTLE:
	case END:
		break;
	}
	return LIN_N_CALLS; /* not in the history */
}

/* ---- who sleeps ----------------------------------------------------------- */

bool verdict_is_still(void)
{
	for (int i = 0; i < n_threads; i++)
		if (threads[i].state != DONE && threads[i].state != IN_COND)
			return wrong(threads[i].state == IN_MUTEX
					     ? "deadlock: a mutex"
					     : "deadlock: a grace period");
	if (!story.destroyed)
		return true;
	for (int i = 0; i < n_threads; i++)
		if (threads[i].state != DONE)
			return wrong("destroy has returned, a call has not");
	return memory_is_clean() || wrong("destroy has not returned");
}

enum side { PUTS, GETS, JOINS, NEITHER };

static enum side side_of(const struct record *r)
{
	switch (lin_call_of(r->step->verb)) {
	case LIN_PUT:
		return PUTS;
	case LIN_GET:
	case LIN_PEEK:
		return GETS;
	case LIN_JOIN:
		return JOINS;
	default:
		return NEITHER;
	}
}

static const struct thread *sleeper(const struct record *r)
{
	const struct thread *t = &threads[r->caller];

	return r->result == PENDING && t->state == IN_COND && !t->cancelled
		       ? t
		       : NULL;
}

/* Who peeks is no partner. */
static bool sleeps_in(enum lin_call call)
{
	const struct record *r = story.records;

	for (; r < story.records + story.n_records; r++)
		if (sleeper(r) && lin_call_of(r->step->verb) == call)
			return true;
	return false;
}

/* Whether a sleeper could go on, beside so many who will. */
static bool is_ready_beside(enum side side, size_t others)
{
	enum coqueue_state state = coqueue_state(queue);
	size_t size = coqueue_size(queue);

	switch (side) {
	case PUTS:
		return state != COQUEUE_OPEN ||
		       coqueue_capacity(queue) > size + others;
	case GETS:
		return state == COQUEUE_SHUT || size > others ||
		       (state == COQUEUE_DRAINING && size == 0);
	case JOINS:
		return coqueue_unfinished(queue) == 0;
	case NEITHER:
		break;
	}
	return true;
}

static size_t stalled_on(enum side side)
{
	const struct record *r = story.records;
	size_t n = 0;

	for (; r < story.records + story.n_records; r++)
		n += sleeper(r) && sleeper(r)->stalled && side_of(r) == side;
	return n;
}

/* Who was asleep when it began, and still is. */
static void check_interrupted(const struct record *interrupt)
{
	const struct record *r = story.records;

	for (; r < story.records + story.n_records; r++)
		if (sleeper(r) && !sleeper(r)->stalled &&
		    sleeper(r)->slept_at < interrupt->called)
			machine_fail("%d sleeps in %s, through an interrupt",
				     r->caller, verb_name(r->step->verb));
}

/* A rendezvous holds nothing that could tell. */
static void check_partners(void)
{
	if (coqueue_capacity(queue) == 0 && sleeps_in(LIN_PUT) &&
	    sleeps_in(LIN_GET))
		machine_fail("a put and a get sleep beside each other");
}

/* A call that does not wait, or that is to be cancelled. */
static void check_may_sleep(const struct record *r)
{
	const struct thread *t = &threads[r->caller];

	if (r->result == PENDING && t->state == IN_COND &&
	    (t->cancel_asked || r->step->verb == TRY_PUT ||
	     r->step->verb == TRY_GET))
		machine_fail("%d sleeps in %s, and must not", r->caller,
			     verb_name(r->step->verb));
}

void verdict_sleepers(void)
{
	const struct record *r = story.records;

	if (!queue)
		return;
	check_partners();
	for (int i = 0; i < story.n_records; i++)
		check_may_sleep(&story.records[i]);
	for (int i = 0; i < story.n_records; i++)
		if (story.records[i].step->verb == INTERRUPT &&
		    story.records[i].result == 0)
			check_interrupted(&story.records[i]);
	for (; r < story.records + story.n_records; r++)
		if (sleeper(r) && !sleeper(r)->stalled &&
		    is_ready_beside(side_of(r), stalled_on(side_of(r))))
			machine_fail("%d sleeps in %s: %s", r->caller,
				     verb_name(r->step->verb),
				     stalled_on(side_of(r))
					     ? "only who does not run would "
					       "wake it"
					     : "a lost wake-up");
}

/* ---- items ---------------------------------------------------------------- */

static bool puts_items(const struct record *r)
{
	return side_of(r) == PUTS || r->step->verb == FORCE_PUT;
}

static bool each_item_is_somewhere(void)
{
	const struct record *r;
	uint64_t value;
	int ways;

	for (int i = 0; i < story.n_records; i++) {
		r = &story.records[i];
		for (size_t j = 0; puts_items(r) && j < BULK; j++) {
			value = r->values[j];
			ways = story.got[value] + story.discarded[value];
			if (ways == (j < r->n))
				continue;
			snprintf(machine_failure, sizeof(machine_failure),
				 "item %ju, %s, was got %d and discarded %d "
				 "times",
				 (uintmax_t)value,
				 j < r->n ? "accepted" : "not accepted",
				 story.got[value], story.discarded[value]);
			return false;
		}
	}
	return true;
}

/* ---- history -------------------------------------------------------------- */

enum { OPS = RECORDS * BULK };

static struct lin_op ops[OPS];

static uint64_t lin_value_of(const struct record *r)
{
	switch (r->step->verb) {
	case GRACEFUL:
		return COQUEUE_GRACEFUL;
	case IMMEDIATE:
	case DESTROY:
		return COQUEUE_IMMEDIATE;
	case TASK_DONE:
	case SET_CAPACITY:
	case HOLD:
	case RELEASE:
		return (uint64_t)r->step->n;
	default:
		return r->values[0];
	}
}

static struct lin_op *add_op(struct lin_op *op, const struct record *r,
			     enum lin_call call, uint64_t value, int result)
{
	op->called = r->called;
	op->returned = r->result == PENDING ? LIN_NEVER : r->returned;
	op->value = value;
	op->evicted = r->evicted ? r->evicted : LIN_NOTHING;
	op->result = result;
	op->call = (uint8_t)call;
	op->thread = (uint8_t)r->caller;
	return op + 1;
}

/* A bulk call is a series of single ones; one that was cancelled or has not
 * returned is what it has moved. */
static struct lin_op *add_record(struct lin_op *op, const struct record *r)
{
	enum lin_call c = lin_call_of(r->step->verb);

	if (c == LIN_N_CALLS)
		return op;
	for (size_t i = 0; i < r->n; i++)
		op = add_op(op, r, c, r->values[i], 0);
	if (r->result == PENDING || (r->n && r->result == 0))
		return op;
	if (r->step->verb == DESTROY)
		op = add_op(op, r, LIN_INTERRUPT, 0, 0);
	return add_op(op, r, c, lin_value_of(r), r->result);
}

static struct lin_history history(void)
{
	struct lin_op *end = ops;

	for (int i = 0; i < story.n_records; i++)
		end = add_record(end, &story.records[i]);
	return (struct lin_history){
		.kind = scenario_kind(story.scenario),
		.n = (size_t)(end - ops),
		.ops = ops,
		.threads = (size_t)n_threads + 1,
	};
}

static struct lin_work *work(void)
{
	static struct lin_work *made;

	if (!made && !(made = lin_work_new(0)))
		abort();
	return made;
}

static bool is_linearizable(void)
{
	struct lin_history h = history();

	switch (lin_check(work(), &h)) {
	case LIN_OK:
		return true;
	case LIN_VIOLATION:
		return wrong("no order explains the history");
	case LIN_TOO_HARD:
		break;
	}
	return wrong("the history is too hard to check");
}

bool verdict(void)
{
	for (int i = 0; i < n_threads; i++)
		if (threads[i].state != DONE)
			return wrong("a caller has not left with destroy");
	if (!memory_is_clean())
		return wrong("destroy has not freed the queue");
	return each_item_is_somewhere() && is_linearizable();
}

void verdict_print(FILE *f)
{
	struct lin_history h = history();

	lin_explain(f, work(), &h);
}
