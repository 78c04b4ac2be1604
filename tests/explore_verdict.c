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

#include "explore_waiter.h"

#undef free
#undef aligned_alloc

static bool wrong(const char *what)
{
	snprintf(machine_failure, sizeof(machine_failure), "%s", what);
	return false;
}

/* ---- kinds of calls ------------------------------------------------------- */

enum lin_call lin_call_of(enum verb verb)
{
	switch (verb) {
	case GET:
	case TRY_GET:
	case GET_UNTIL:
	case GET_MANY:
	case GET_ARM:
	case GET_LOOP:
		return LIN_GET;
	case PEEK:
	case TRY_PEEK:
	case PEEK_UNTIL:
	case PEEK_ARM:
	case PEEK_LOOP:
		return LIN_PEEK;
	case TASK_DONE:
		return LIN_TASK_DONE;
	case JOIN:
	case TRY_JOIN:
	case JOIN_UNTIL:
	case JOIN_ARM:
	case JOIN_LOOP:
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
	case PUT_ARM:
	case PUT_LOOP:
		return LIN_PUT;
	case FORCE_PUT:
		return LIN_FORCE_PUT;
	case SET_CAPACITY:
		return LIN_SET_CAPACITY;
	case HOLD:
		return LIN_HOLD;
	case RELEASE:
		return LIN_RELEASE;
	case SELECT: /* until it has chosen */
	case TRY_SELECT:
	case SELECT_UNTIL:
	case REARM:
	case DISARM:
	case SIZE:
	case CANCEL:
	case SETTLE:
	case END:
		break;
	}
	return LIN_N_CALLS; /* not in the history */
}

static bool is_select(enum verb verb)
{
	return verb == SELECT || verb == TRY_SELECT || verb == SELECT_UNTIL;
}

static bool is_armed_call(enum verb verb)
{
	return verb >= PUT_ARM && verb <= JOIN_LOOP;
}

/* ---- who sleeps ----------------------------------------------------------- */

bool verdict_is_still(void)
{
	for (int i = 0; i < n_threads; i++)
		if (threads[i].state != DONE && threads[i].state != IN_COND)
			return wrong(threads[i].state == IN_MUTEX
					     ? "deadlock: a mutex"
					     : "deadlock: a grace period");
	if (queues[0])
		return true;
	for (int i = 0; i < n_threads; i++)
		if (threads[i].state != DONE)
			return wrong("destroy has returned, a call has not");
	return memory_is_clean() || wrong("destroy has not returned");
}

enum side { PUTS, GETS, PEEKS, JOINS, NEITHER, N_SIDES = NEITHER };

static enum side side_of(enum lin_call call)
{
	switch (call) {
	case LIN_PUT:
		return PUTS;
	case LIN_GET:
		return GETS;
	case LIN_PEEK:
		return PEEKS;
	case LIN_JOIN:
		return JOINS;
	default:
		return NEITHER;
	}
}

/* In a call that blocks. */
static const struct thread *sleeper(const struct record *r)
{
	const struct thread *t = &threads[r->caller];

	return r->result == PENDING && t->state == IN_COND && !t->cancelled &&
			       !is_armed_call(r->step->verb)
		       ? t
		       : NULL;
}

/* One who waits on a side of a queue.  Who was woken and does not run, or was
 * armed and has not tried again, may have one item or room for one to itself. */
struct waits {
	const struct record *in;
	enum side side;
	bool woken;
};

enum { WAITS_MAX = 2 * CALLERS * BULK };

static struct waits *add_wait(struct waits *w, const struct record *r,
			      enum side side, bool woken)
{
	*w = (struct waits){r, side, woken};
	return w + 1;
}

static struct waits *add_select(struct waits *w, const struct record *r,
				int queue)
{
	for (size_t i = 0; i < select_n_cases(r->step); i++)
		if (select_queue(r->step, i) == queue)
			w = add_wait(w, r,
				     select_side(r->step, i) == COQUEUE_PUT
					     ? PUTS
					     : GETS,
				     sleeper(r)->stalled);
	return w;
}

/* Blocked and armed, in line or woken. */
static size_t who_waits(int queue, struct waits *all)
{
	const struct record *r = story.records;
	struct waits *w = all;
	bool woken;

	for (; r < story.records + story.n_records; r++)
		if (sleeper(r) && is_select(r->step->verb))
			w = add_select(w, r, queue);
		else if (sleeper(r) && r->queue == queue)
			w = add_wait(w, r, side_of(r->call),
				     sleeper(r)->stalled);
	for (int i = 0; i < n_threads; i++) {
		r = waiter_is_armed(i, &woken);
		if (r && r->queue == queue)
			w = add_wait(w, r, side_of(r->call), woken);
	}
	return (size_t)(w - all);
}

/* Whether a sleeper could go on, beside so many who will. */
static bool is_ready_beside(int queue, enum side side, size_t others)
{
	enum coqueue_state state = coqueue_state(queues[queue]);
	size_t size = coqueue_size(queues[queue]);

	switch (side) {
	case PUTS:
		return state != COQUEUE_OPEN ||
		       coqueue_capacity(queues[queue]) > size + others;
	case GETS:
	case PEEKS:
		return state == COQUEUE_SHUT || size > others ||
		       (state == COQUEUE_DRAINING && size == 0);
	case JOINS:
		return coqueue_unfinished(queues[queue]) == 0;
	case NEITHER:
		break;
	}
	return true;
}

/* Peeks wait with gets, but for a rendezvous. */
static bool in_one_line(enum side a, enum side b)
{
	return a == b || (a == GETS && b == PEEKS) || (a == PEEKS && b == GETS);
}

static size_t woken_beside(const struct waits *all, size_t n, enum side side)
{
	size_t woken = 0;

	for (size_t i = 0; i < n; i++)
		woken += all[i].woken && in_one_line(all[i].side, side);
	return woken;
}

static void check_ready(int queue, const struct waits *all, size_t n)
{
	size_t others;

	for (size_t i = 0; i < n; i++) {
		others = woken_beside(all, n, all[i].side);
		if (!all[i].woken &&
		    is_ready_beside(queue, all[i].side, others))
			machine_fail("%d sleeps in %s: %s", all[i].in->caller,
				     verb_name(all[i].in->step->verb),
				     others ? "only who does not run would "
					      "wake it"
					    : "a lost wake-up");
	}
}

static size_t asleep_or_woken(const struct waits *all, size_t n, enum side side,
			      bool woken)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += all[i].side == side && all[i].woken == woken;
	return count;
}

static bool are_partners(const struct waits *a, const struct waits *b)
{
	return a->side == PUTS && !a->woken && b->side == GETS && !b->woken &&
	       a->in != b->in;
}

/* A rendezvous holds nothing that could tell.  Who sleeps beside a partner waits
 * for one that was woken, and is not back. */
static void check_partners(int queue, const struct waits *all, size_t n)
{
	if (scenario_kind(story.scenario, queue).capacity != 0 ||
	    asleep_or_woken(all, n, PUTS, false) <=
		    asleep_or_woken(all, n, GETS, true) ||
	    asleep_or_woken(all, n, GETS, false) <=
		    asleep_or_woken(all, n, PUTS, true))
		return;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			if (are_partners(&all[i], &all[j]))
				machine_fail("a put and a get sleep beside "
					     "each other: %d, %d",
					     all[i].in->caller,
					     all[j].in->caller);
}

/* Who was asleep when it began, and still is.  Armed ones stay. */
static void check_interrupted(const struct record *interrupt,
			      const struct waits *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (sleeper(all[i].in) && !all[i].woken &&
		    sleeper(all[i].in)->slept_at < interrupt->called)
			machine_fail("%d sleeps in %s, through an interrupt",
				     all[i].in->caller,
				     verb_name(all[i].in->step->verb));
}

/* A call that does not wait, or that is to be cancelled. */
static void check_may_sleep(const struct record *r)
{
	const struct thread *t = &threads[r->caller];

	if (!sleeper(r))
		return;
	if (t->cancel_asked && !(story.scenario->coroutines >> r->caller & 1))
		machine_fail("%d sleeps in %s, and is cancelled", r->caller,
			     verb_name(r->step->verb));
	if (r->step->verb == TRY_PUT || r->step->verb == TRY_GET ||
	    r->step->verb == TRY_SELECT)
		machine_fail("%d sleeps in %s, and must not", r->caller,
			     verb_name(r->step->verb));
}

static bool anybody_stalls(void)
{
	for (int i = 0; i < n_threads; i++)
		if (threads[i].stalled)
			return true;
	return false;
}

/* ---- who is first --------------------------------------------------------- */

static const struct place *place_of(const struct record *r)
{
	return sleeper(r) ? &sleeper(r)->place : &r->place;
}

/* A thread at a rendezvous is woken for its offer, too, and may wait for that
 * to be taken by one who does not run. */
static bool may_have_offered(const struct record *r)
{
	return !is_armed_call(r->step->verb) &&
	       !(story.scenario->coroutines >> r->caller & 1) &&
	       scenario_kind(story.scenario, r->queue).capacity == 0;
}

static uint64_t stood_at(const struct record *r)
{
	if (may_have_offered(r))
		return place_of(r)->since;
	return sleeper(r) ? sleeper(r)->slept_at : r->stood;
}

/* Whether b has come to the line of a when that stood there. */
static bool comes_behind(const struct record *b, const struct record *a)
{
	uint64_t came = is_armed_call(b->step->verb) ? b->came : b->called;

	return b->queue == a->queue && came > stood_at(a) &&
	       side_of(b->call) != NEITHER &&
	       in_one_line(side_of(b->call), side_of(a->call));
}

/*
 * Whether it was woken by a call that should have woken another one first, which
 * stands there.  Who wakes several passes by whoever stands there again, having
 * been woken by it.
 */
static bool was_woken_before(const struct record *b, const struct record *a)
{
	if (may_have_offered(b) || (may_have_offered(a) && anybody_stalls()))
		return false;
	if (place_of(a)->wakes == 0)
		return place_of(b)->wakes > 0;
	return place_of(b)->woken_by > place_of(a)->since;
}

static bool was_interrupted(int queue)
{
	const struct record *r = story.records;

	for (; r < story.records + story.n_records; r++)
		if (r->queue == queue && r->step->verb == INTERRUPT)
			return true;
	return false;
}

/* G12: first come, first woken, threads, coroutines and nodes alike. */
static void check_order(int queue, const struct waits *all, size_t n)
{
	const struct record *r;

	if (was_interrupted(queue)) /* that wakes blocked ones alone */
		return;
	for (size_t i = 0; i < n; i++) {
		if (all[i].woken || is_select(all[i].in->step->verb))
			continue;
		for (r = story.records; r < story.records + story.n_records;
		     r++)
			if (comes_behind(r, all[i].in) &&
			    !is_select(r->step->verb) &&
			    was_woken_before(r, all[i].in))
				machine_fail("%d sleeps in %s, and %d, in %s, "
					     "was behind it and woken",
					     all[i].in->caller,
					     verb_name(all[i].in->step->verb),
					     r->caller,
					     verb_name(r->step->verb));
	}
}

static void check_queue(int queue)
{
	const struct record *r = story.records;
	struct waits all[WAITS_MAX];
	size_t n = who_waits(queue, all);

	check_partners(queue, all, n);
	for (; r < story.records + story.n_records; r++)
		if (r->step->verb == INTERRUPT && r->queue == queue &&
		    r->result == 0)
			check_interrupted(r, all, n);
	check_ready(queue, all, n);
	check_order(queue, all, n);
}

void verdict_sleepers(void)
{
	for (int i = 0; i < story.n_records && !anybody_stalls(); i++)
		check_may_sleep(&story.records[i]);
	for (int queue = 0; queue < story_queues(); queue++)
		if (queues[queue])
			check_queue(queue);
}

/* ---- items ---------------------------------------------------------------- */

static bool item_is_somewhere(uint64_t value, bool accepted)
{
	if (story.got[value] + story.discarded[value] == accepted)
		return true;
	snprintf(machine_failure, sizeof(machine_failure),
		 "item %ju, %s, was got %d and discarded %d times",
		 (uintmax_t)value, accepted ? "accepted" : "not accepted",
		 story.got[value], story.discarded[value]);
	return false;
}

static bool items_are_somewhere(const struct record *r)
{
	bool puts = r->call == LIN_PUT || r->call == LIN_FORCE_PUT;

	for (size_t j = 0; j < BULK; j++) {
		if (is_select(r->step->verb)) {
			if (r->offered[j] &&
			    !item_is_somewhere(r->offered[j],
					       puts && r->n &&
						       r->values[0] ==
							       r->offered[j]))
				return false;
		} else if (puts && r->values[j] &&
			   !item_is_somewhere(r->values[j], j < r->n)) {
			return false;
		}
	}
	return true;
}

static bool each_item_is_somewhere(void)
{
	for (int i = 0; i < story.n_records; i++)
		if (!items_are_somewhere(&story.records[i]))
			return false;
	return true;
}

/* ---- history -------------------------------------------------------------- */

enum { OPS = RECORDS * BULK };

static struct lin_op ops[OPS];
static size_t lin_threads; /* of which each op on its own is one */

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
	op->thread =
		(uint8_t)(r->on_its_own ? lin_threads++ : (size_t)r->caller);
	return op + 1;
}

/* No case was ready: each was found so at some instant, in any order. */
static struct lin_op *add_refused(struct lin_op *op, const struct record *r,
				  int queue)
{
	if (r->result != EAGAIN && r->result != ETIMEDOUT)
		return op;
	for (size_t i = 0; i < select_n_cases(r->step); i++) {
		if (select_queue(r->step, i) != queue)
			continue;
		op = add_op(op, r,
			    select_side(r->step, i) == COQUEUE_PUT ? LIN_PUT
								   : LIN_GET,
			    r->offered[i], r->result);
		op[-1].thread = (uint8_t)lin_threads++;
	}
	return op;
}

/* Without effect, and that is no answer of the queue. */
static bool is_none(const struct record *r)
{
	return r->result == EINPROGRESS || r->result == ECANCELED ||
	       r->result == EDEADLK;
}

/* A bulk call is a series of single ones; one that was cancelled or has not
 * returned is what it has moved. */
static struct lin_op *add_record(struct lin_op *op, const struct record *r,
				 int queue)
{
	if (is_select(r->step->verb) && r->call == LIN_N_CALLS)
		return add_refused(op, r, queue);
	if (r->call == LIN_N_CALLS || r->queue != queue || is_none(r))
		return op;
	for (size_t i = 0; i < r->n; i++)
		op = add_op(op, r, r->call, r->values[i], 0);
	if (r->result == PENDING || (r->n && r->result == 0))
		return op;
	if (r->step->verb != DESTROY)
		return add_op(op, r, r->call, lin_value_of(r), r->result);
	/* EBUSY: it has shut the queue, at least */
	op = add_op(op, r, LIN_INTERRUPT, 0, 0);
	return add_op(op, r, r->call, lin_value_of(r), 0);
}

static struct lin_history history(int queue)
{
	struct lin_op *end = ops;

	lin_threads = (size_t)n_threads + 1;
	for (int i = 0; i < story.n_records; i++)
		end = add_record(end, &story.records[i], queue);
	return (struct lin_history){
		.kind = scenario_kind(story.scenario, queue),
		.n = (size_t)(end - ops),
		.ops = ops,
		.threads = lin_threads,
	};
}

static struct lin_work *work(void)
{
	static struct lin_work *made;

	if (!made && !(made = lin_work_new(0)))
		abort();
	return made;
}

static bool is_linearizable(int queue)
{
	struct lin_history h = history(queue);

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
	if (!memory_is_untouched())
		return wrong("something was written to freed memory");
	if (!each_item_is_somewhere())
		return false;
	for (int queue = 0; queue < story_queues(); queue++)
		if (!is_linearizable(queue))
			return false;
	return true;
}

void verdict_print(FILE *f)
{
	struct lin_history h;

	for (int queue = 0; queue < story_queues(); queue++) {
		h = history(queue);
		lin_explain(f, work(), &h);
	}
}
