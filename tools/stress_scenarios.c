/* SPDX-License-Identifier: MIT */
/*
 * The scenarios.  Each is a plan (what the next round looks like, drawn from
 * the seed) and a conduct (how it comes to its end, in the verbs of
 * stress_round.h); the load itself, the checks and the accounts are the same
 * for all.  To add one, write these two and a row of the table.
 */
#include "config.h"

#include <string.h>
#include "stress_select.h"

/* ---- pieces ------------------------------------------------------------ */

static uint64_t short_moment(struct random *r)
{
	return random_skewed(r, 20 * NS_PER_US, 30 * NS_PER_MS);
}

/* Up to that; what is no limit stays what it is. */
static size_t draw_capacity(size_t capacity, size_t most, struct random *r)
{
	if (!capacity_is_limit(capacity))
		return capacity;
	return random_skewed(r, 1, smaller(capacity, most));
}

/* Every kind of call, small capacities as often as the wanted one; in two of
 * four rounds one side is kept back, so that all of the other are blocked. */
static void plan_any_call(struct plan *p, const struct config *c,
			  struct random *r)
{
	static const enum hold holds[] = {NOBODY, NOBODY, HOLD_PRODUCERS,
					  HOLD_CONSUMERS};

	if (random_one_in(r, 2))
		p->capacity = draw_capacity(c->capacity, c->capacity, r);
	if (c->batch == 1 && random_one_in(r, 3))
		p->batch = 4;
	p->put_forms = p->get_forms = random_one_in(r, 2) ? FOR_EVER : ANY_FORM;
	p->patient_half = true;
	p->peek_one_in = random_one_in(r, 2) ? 8 : 0;
	p->hold = holds[random_below(r, 4)];
	p->moment_ns = short_moment(r);
}

void draw_any_kind(struct random *r, enum coqueue_order *order,
		   size_t *capacity)
{
	size_t limit = capacity_is_limit(*capacity) ? *capacity : 64;

	if (random_one_in(r, 2))
		return;
	*order = (enum coqueue_order)random_below(r, N_ORDERS);
	switch (random_below(r, 3)) {
	case 0:
		*capacity = 0;
		break;
	case 1:
		*capacity = COQUEUE_UNBOUNDED;
		break;
	default:
		*capacity = random_skewed(r, 1, limit);
	}
}

static void plan_task_done(struct plan *p, struct random *r)
{
	p->mark_done = true;
	p->joiners = (unsigned)random_between(r, 2, JOINERS_MAX);
	p->join_forms = random_one_in(r, 2) ? FOR_EVER : FOR_EVER | UNTIL;
}

/* One side is slow now and then, so that the other waits. */
static void plan_lopsided(struct plan *p, struct random *r)
{
	unsigned slow = (unsigned)random_below(r, 3);

	if (slow < 2)
		p->think_one_in[slow] = (unsigned)random_between(r, 2, 12);
}

static void plan_shutters(struct plan *p, struct random *r,
			  bool may_be_immediate)
{
	p->shutters = (unsigned)random_between(r, 1, SHUTTERS_MAX);
	for (unsigned i = 0; i < p->shutters; i++)
		p->shutter_mode[i] = may_be_immediate && random_one_in(r, 2)
					     ? COQUEUE_IMMEDIATE
					     : COQUEUE_GRACEFUL;
}

static enum coqueue_shutdown draw_mode(struct round *r)
{
	return random_one_in(&r->random, 2) ? COQUEUE_IMMEDIATE
					    : COQUEUE_GRACEFUL;
}

/* A shutdown wakes everybody, and so hides that someone was forgotten before;
 * in half of the rounds the queue runs dry first, without that help. */
static void end_either_way(struct round *r)
{
	if (random_one_in(&r->random, 2))
		round_run_dry(r);
	round_shut_down(r, draw_mode(r));
}

/* ---- mpmc: a long load, ended gracefully ------------------------------- */

static void mpmc_plan(struct plan *p, const struct config *c, struct random *r)
{
	(void)c;
	p->long_round = true;
	p->ahead = (uint64_t)1 << 18;
	p->moment_ns = random_between(r, NS_PER_SECOND / 4, NS_PER_SECOND);
}

static void mpmc_conduct(struct round *r)
{
	round_wait_moment(r);
	round_run_dry(r);
	round_shut_down(r, COQUEUE_GRACEFUL);
}

/* ---- drain: a graceful shutdown at any moment -------------------------- */

static void drain_plan(struct plan *p, const struct config *c, struct random *r)
{
	plan_any_call(p, c, r);
	if (random_one_in(r, 4))
		plan_shutters(p, r, false);
}

static void drain_conduct(struct round *r)
{
	round_wait_moment(r);
	round_shut_down(r, COQUEUE_GRACEFUL);
}

/* ---- abort: an immediate shutdown, or several of both kinds ------------ */

static void abort_plan(struct plan *p, const struct config *c, struct random *r)
{
	plan_any_call(p, c, r);
	if (random_one_in(r, 2))
		plan_task_done(p, r);
	if (random_one_in(r, 3))
		plan_shutters(p, r, true);
}

static void abort_conduct(struct round *r)
{
	round_wait_moment(r);
	if (random_one_in(&r->random, 3)) {
		round_shut_down(r, COQUEUE_GRACEFUL);
		if (random_one_in(&r->random, 2))
			round_open_gates(r);
		round_linger(r, random_below(&r->random, 200 * NS_PER_US));
	}
	round_shut_down(r, COQUEUE_IMMEDIATE);
}

/* ---- join: task_done and join ------------------------------------------ */

static void join_plan(struct plan *p, const struct config *c, struct random *r)
{
	plan_any_call(p, c, r);
	plan_task_done(p, r);
	if (random_one_in(r, 2))
		p->burst = (uint32_t)random_skewed(r, 1, 256);
}

static void join_conduct(struct round *r)
{
	round_wait_moment(r);
	if (r->plan.hold == NOBODY)
		end_either_way(r);
	else
		round_shut_down(r, draw_mode(r));
}

/* ---- timeout: short deadlines ------------------------------------------ */

static void timeout_plan(struct plan *p, const struct config *c,
			 struct random *r)
{
	plan_any_call(p, c, r);
	plan_lopsided(p, r);
	if (random_one_in(r, 2))
		plan_task_done(p, r);
	p->capacity = draw_capacity(p->capacity, 8, r);
	p->ahead = 64;
	p->put_forms = p->get_forms = p->join_forms = UNTIL;
	p->patience_ns = random_skewed(r, 5 * NS_PER_US, 2 * NS_PER_MS);
	p->hold = NOBODY;
	p->moment_ns = random_skewed(r, 2 * NS_PER_MS, 60 * NS_PER_MS);
}

static void timeout_conduct(struct round *r)
{
	round_wait_moment(r);
	end_either_way(r);
}

/* ---- cancel: pthread_cancel and interrupts ----------------------------- */

static void cancel_plan(struct plan *p, const struct config *c,
			struct random *r)
{
	plan_any_call(p, c, r);
	plan_lopsided(p, r);
	if (random_one_in(r, 2))
		plan_task_done(p, r);
	if (random_one_in(r, 4))
		plan_shutters(p, r, true);
	p->capacity = draw_capacity(p->capacity, 8, r);
	p->ahead = 64;
	p->put_forms = p->get_forms = p->join_forms = FOR_EVER;
	p->interrupts = true;
	p->moment_ns = short_moment(r);
}

static void cancel_conduct(struct round *r)
{
	unsigned strokes = (unsigned)random_between(&r->random, 1, 12);

	round_wait_moment(r);
	for (; strokes; strokes--) {
		if (random_one_in(&r->random, 4))
			round_interrupt(r, r->queue);
		else
			round_cancel(
				r, (unsigned)random_between(&r->random, 1, 4));
		round_linger(r, random_below(&r->random, 300 * NS_PER_US));
	}
	if (r->plan.hold != NOBODY || r->plan.shutters) {
		round_shut_down(r, draw_mode(r));
		round_cancel(r, 4);
	} else {
		end_either_way(r);
	}
}

/* ---- churn: queues that die while their callers leave ------------------ */

static void churn_plan(struct plan *p, const struct config *c, struct random *r)
{
	bool full = random_one_in(r, 2) && c->capacity != COQUEUE_UNBOUNDED;

	p->one_call = true;
	if (capacity_is_limit(c->capacity))
		p->capacity = random_between(r, 1, smaller(c->capacity, 4));
	p->hold = full ? HOLD_CONSUMERS : HOLD_PRODUCERS;
	p->producers = full ? (unsigned)random_between(r, 1, p->producers) : 0;
	p->consumers = full ? 0 : (unsigned)random_between(r, 1, p->consumers);
	if (c->capacity != 0) /* or there is nothing unfinished */
		p->joiners = (unsigned)random_between(r, 0, JOINERS_MAX);
	p->put_forms = p->get_forms = p->join_forms = FOR_EVER | UNTIL;
	p->patience_ns = NS_PER_SECOND * 3600;
	p->peek_one_in = 3;
}

/* Full, so that puts block, or empty with an item unfinished, so that gets
 * and joins do.  At a rendezvous puts and gets block as it is. */
static void churn_prepare(struct round *r)
{
	if (r->plan.capacity == 0)
		return;
	round_put(r, r->plan.hold == HOLD_CONSUMERS ? r->plan.capacity : 1);
	if (r->plan.hold == HOLD_PRODUCERS)
		round_get(r, 1);
}

static void churn_conduct(struct round *r)
{
	round_wait_all_blocked(r);
	if (!random_one_in(&r->random, 3))
		round_shut_down(r, draw_mode(r));
	round_destroy_queue(r);
}

/* ---- resize: new capacities for a live queue --------------------------- */

static void resize_plan(struct plan *p, const struct config *c,
			struct random *r)
{
	plan_any_call(p, c, r);
	plan_lopsided(p, r);
	if (random_one_in(r, 3))
		plan_task_done(p, r);
	p->largest = c->capacity;
	p->resizers = (unsigned)random_between(r, 1, RESIZERS_MAX);
}

static void resize_conduct(struct round *r)
{
	unsigned strokes = (unsigned)random_between(&r->random, 1, 8);

	round_wait_moment(r);
	if (r->plan.hold == HOLD_CONSUMERS)
		while (strokes--)
			round_resize(r);
	if (r->plan.hold == NOBODY)
		end_either_way(r);
	else
		round_shut_down(r, draw_mode(r));
}

/* ---- holds: the last to leave shuts down ------------------------------- */

static void holds_plan(struct plan *p, const struct config *c, struct random *r)
{
	plan_any_call(p, c, r);
	p->hold = NOBODY;
	p->is_held[COQUEUE_GET] = random_one_in(r, 2);
	p->is_held[COQUEUE_PUT] =
		!p->is_held[COQUEUE_GET] || random_one_in(r, 2);
}

static void holds_conduct(struct round *r)
{
	if (r->plan.is_held[COQUEUE_PUT]) {
		round_wait_moment(r);
		round_stop(r);
	}
	round_wait_released(r);
	if (atomic_load(&r->run->signal))
		round_shut_down(r, COQUEUE_GRACEFUL);
}

/* ---- mixed: threads, coroutines and armed waiters on one queue ---------- */

static void mixed_plan(struct plan *p, const struct config *c, struct random *r)
{
	plan_any_call(p, c, r);
	draw_any_kind(r, &p->order, &p->capacity);
	if (random_one_in(r, 3))
		plan_lopsided(p, r);
	if (random_one_in(r, 3))
		plan_task_done(p, r);
	if (random_one_in(r, 4))
		plan_shutters(p, r, true);
}

static void mixed_conduct(struct round *r)
{
	round_wait_moment(r);
	if (r->plan.hold == NOBODY && !r->plan.shutters)
		end_either_way(r);
	else
		round_shut_down(r, draw_mode(r));
}

/* ---- select: puts and gets on several queues ----------------------------- */

static void select_plan(struct plan *p, const struct config *c,
			struct random *r)
{
	plan_any_call(p, c, r);
	if (random_one_in(r, 3))
		plan_lopsided(p, r);
	p->queues = (unsigned)random_between(r, 2, QUEUES_MAX);
	p->producers = (unsigned)smaller(p->producers, SELECTERS_MAX);
	p->consumers = (unsigned)smaller(p->consumers, SELECTERS_MAX);
	p->relays = random_one_in(r, 2);
	p->interrupts = random_one_in(r, 3);
	p->ahead = 256;
	p->hold = NOBODY;
}

/* ---- the table --------------------------------------------------------- */

const struct scenario scenarios[] = {
	{.name = "mpmc",
	 .what = "a long load, then graceful shutdown when all is delivered",
	 .plan = mpmc_plan,
	 .conduct = mpmc_conduct},
	{.name = "drain",
	 .what = "graceful shutdown at any moment: what was accepted comes out",
	 .plan = drain_plan,
	 .conduct = drain_conduct},
	{.name = "abort",
	 .what = "immediate shutdown under load, alone or with others at once",
	 .plan = abort_plan,
	 .conduct = abort_conduct},
	{.name = "join",
	 .what = "task_done and join, with either shutdown",
	 .plan = join_plan,
	 .conduct = join_conduct},
	{.name = "timeout",
	 .what = "puts, gets, peeks and joins with very short deadlines",
	 .plan = timeout_plan,
	 .conduct = timeout_conduct},
	{.name = "cancel",
	 .what = "pthread_cancel and coqueue_interrupt on blocked threads",
	 .plan = cancel_plan,
	 .conduct = cancel_conduct},
	{.name = "churn",
	 .what = "short-lived queues, destroyed while their callers leave",
	 .plan = churn_plan,
	 .prepare = churn_prepare,
	 .conduct = churn_conduct},
	{.name = "resize",
	 .what = "a capacity that grows and shrinks while the load runs",
	 .plan = resize_plan,
	 .conduct = resize_conduct,
	 .changes_capacity = true},
	{.name = "holds",
	 .what = "the last producer to leave shuts down, or the last consumer",
	 .plan = holds_plan,
	 .prepare = round_hold,
	 .conduct = holds_conduct},
	{.name = "mixed",
	 .what = "threads, coroutines and armed waiters on any kind of queue",
	 .plan = mixed_plan,
	 .conduct = mixed_conduct,
	 .callers = 1u << COROUTINE | 1u << ARMED},
	{.name = "select",
	 .what = "puts and gets by select on 2 to 8 queues, which end in turn",
	 .plan = select_plan,
	 .conduct = select_conduct,
	 .selects = true,
	 .callers = 1u << COROUTINE},
};

_Static_assert(sizeof(scenarios) / sizeof(scenarios[0]) <= SCENARIOS_MAX,
	       "raise SCENARIOS_MAX");

const unsigned n_scenarios = sizeof(scenarios) / sizeof(scenarios[0]);

const struct scenario *scenario_find(const char *name)
{
	for (unsigned i = 0; i < n_scenarios; i++)
		if (strcmp(scenarios[i].name, name) == 0)
			return &scenarios[i];
	return NULL;
}
