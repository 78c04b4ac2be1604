/* SPDX-License-Identifier: MIT */
/*
 * The scenario select: see stress_select.h.
 *
 * A consumer that waits for ever waits for all queues that are not over; on
 * fewer it waits for a moment, or tries.  So a producer may wait for ever on any
 * of them, and nobody waits for nothing but by the library's fault.
 *
 * A call names up to CASES_MAX puts and gets, of a queue twice now and then.
 * All its items lie in the actor's buffer, each case at a place of its own, and
 * when it has returned every place but that of the chosen one, and every result,
 * must be as before.
 */
#include "config.h"

#include <coqueue/waiter.h>
#include <errno.h>
#include <string.h>
#include "stress_call.h"
#include "stress_cargo.h"
#include "stress_order.h"
#include "stress_select.h"

#define CASES_MAX 8
#define UNTOUCHED UINT64_C(0xfeedfacedeadbeef)
#define NO_RESULT (-1)
#define NOT_CHOSEN SIZE_MAX

struct selection {
	struct call call; /* its form and deadline */
	size_t n;
	coqueue_case_t cases[CASES_MAX];
	unsigned queue[CASES_MAX]; /* of the round's */
	int known[CASES_MAX];      /* the finality that the caller knows of */
	size_t chosen;
};

/* ---- queues --------------------------------------------------------------- */

void select_count(struct round *r)
{
	unsigned producers =
		(unsigned)smaller(r->most[PRODUCER], SELECTERS_MAX);

	if (r->item_sources < producers * QUEUES_MAX)
		r->item_sources = producers * QUEUES_MAX;
	if (r->buffer_items < CASES_MAX)
		r->buffer_items = CASES_MAX;
}

/* Only the conductor shuts down and destroys. */
static void discards(void *item, void *lane)
{
	struct lane *l = lane;

	l->discarded++;
	cargo_discarded(round_conductor(l->round), item);
}

static void publish(struct round *r, unsigned n)
{
	pthread_mutex_lock(&r->run->view);
	r->n_lanes = n;
	pthread_mutex_unlock(&r->run->view);
}

int select_open(struct round *r)
{
	const struct plan *p = &r->plan;
	int rc;

	for (unsigned i = 0; i < p->queues; i++) {
		struct lane *l = &r->lanes[i];

		*l = (struct lane){
			.round = r,
			.order = p->order,
			.capacity = p->capacity,
		};
		draw_any_kind(&r->random, &l->order, &l->capacity);
		rc = round_make_queue(r, &l->queue, l->order, l->capacity,
				      discards, l);
		while (rc && i--)
			coqueue_destroy(r->lanes[i].queue);
		if (rc)
			return rc;
	}
	publish(r, p->queues);
	return 0;
}

static void shut(struct round *r, struct lane *l, enum coqueue_shutdown mode)
{
	struct actor *conductor = round_conductor(r);
	int rc, finality = (int)finality_of(mode);

	round_note_blocked(r, l->queue);
	if (atomic_load(&l->begun) < finality)
		atomic_store(&l->begun, finality);
	round_step(r, IN_SHUTDOWN);
	rc = coqueue_shutdown(l->queue, mode);
	round_step(r, OWN_WORK);
	conductor->count[SHUTDOWNS]++;
	if (rc)
		actor_fail(conductor, "coqueue_shutdown returned %s",
			   call_result(rc));
	if (atomic_load(&l->returned) < finality)
		atomic_store(&l->returned, finality);
	if (mode == COQUEUE_IMMEDIATE && coqueue_size(l->queue) != 0)
		actor_fail(conductor, "immediate shutdown left %zu items",
			   coqueue_size(l->queue));
}

void select_shut_all(struct round *r)
{
	for (unsigned i = 0; i < r->plan.queues; i++)
		shut(r, &r->lanes[i], COQUEUE_IMMEDIATE);
	atomic_store(&r->begun, IMMEDIATELY);
}

static void sum_up(const struct round *r, unsigned queue, struct sums *sums)
{
	static const char *const names[QUEUES_MAX] = {
		"queue 0: ", "queue 1: ", "queue 2: ", "queue 3: ",
		"queue 4: ", "queue 5: ", "queue 6: ", "queue 7: ",
	};

	*sums = (struct sums){
		.whose = names[queue],
		.discarded = r->lanes[queue].discarded,
	};
	for (unsigned i = 0; i < r->n_actors; i++) {
		const struct actor *a = &r->actors[i];

		if (a->index >= round_crew_size(r, a->role))
			continue;
		sums->accepted += a->put_in[queue];
		sums->delivered += a->taken_from[queue];
	}
}

void select_close(struct round *r)
{
	struct actor *conductor = round_conductor(r);
	struct sums sums;
	int rc;

	publish(r, 0);
	for (unsigned i = 0; i < r->plan.queues; i++) {
		struct lane *l = &r->lanes[i];

		sum_up(r, i, &sums);
		judge_queue_of(r, l->queue, &sums);
		round_step(r, IN_DESTROY);
		rc = coqueue_destroy(l->queue);
		round_step(r, JUDGING);
		if (rc)
			actor_fail(conductor, "coqueue_destroy returned %s",
				   call_result(rc));
		if (l->discarded && atomic_load(&l->begun) != IMMEDIATELY)
			actor_fail(conductor,
				   "consumers were told the end of queue %u "
				   "while %lu accepted items were left",
				   i, (unsigned long)l->discarded);
	}
}

/* ---- a call --------------------------------------------------------------- */

static bool is_over(const struct actor *a, unsigned queue,
		    enum coqueue_side side)
{
	return a->over[side] & 1u << queue;
}

/* Without a limit producers would be ahead by more than consumers can take. */
static bool is_far_ahead(const struct round *r, unsigned queue)
{
	const struct lane *l = &r->lanes[queue];

	return l->capacity == COQUEUE_UNBOUNDED &&
	       coqueue_size(l->queue) >= r->plan.ahead;
}

/* How many queues this caller may go on with, in any order. */
static unsigned draw_candidates(struct actor *a, enum coqueue_side side,
				unsigned *queues)
{
	struct round *r = a->round;
	unsigned n = 0, at;

	for (unsigned i = 0; i < r->plan.queues; i++) {
		if (is_over(a, i, side) ||
		    (side == COQUEUE_PUT && is_far_ahead(r, i)))
			continue;
		at = (unsigned)random_below(&a->random, n + 1);
		queues[n++] = queues[at];
		queues[at] = i;
	}
	return n;
}

static void add_case(struct actor *a, struct selection *s, unsigned queue,
		     enum coqueue_side side)
{
	static const uint64_t mark = UNTOUCHED;
	unsigned char *item = a->buffer + s->n * item_size(a);
	struct lane *l = &a->round->lanes[queue];

	if (side == COQUEUE_PUT)
		cargo_write_for(a, queue, s->n);
	else
		memcpy(item, &mark, sizeof(mark));
	s->cases[s->n] = (coqueue_case_t){
		.queue = l->queue,
		.side = side,
		.item = item,
		.result = NO_RESULT,
	};
	s->queue[s->n] = queue;
	s->known[s->n] = is_over(a, queue, side)
				 ? IMMEDIATELY
				 : atomic_load_explicit(&l->returned,
							memory_order_acquire);
	s->n++;
}

/* As a rule 2 to CASES_MAX of the candidates, of which one may come twice. */
static void draw_some(struct actor *a, struct selection *s, unsigned n_queues,
		      const unsigned *queues, enum coqueue_side side)
{
	unsigned n = (unsigned)random_between(&a->random, 2, CASES_MAX - 2);
	unsigned all = a->round->plan.queues;

	for (unsigned i = 0; i < n; i++)
		add_case(a, s, queues[i % n_queues], side);
	if (random_one_in(&a->random, 32)) /* it may be over, and ready so */
		add_case(a, s, (unsigned)random_below(&a->random, all), side);
	if (side == COQUEUE_PUT && a->round->plan.relays &&
	    random_one_in(&a->random, 4))
		add_case(a, s, (unsigned)random_below(&a->random, all),
			 COQUEUE_GET);
}

static void draw_selection(struct actor *a, struct selection *s,
			   unsigned n_queues, const unsigned *queues)
{
	enum coqueue_side side =
		a->role == PRODUCER ? COQUEUE_PUT : COQUEUE_GET;

	*s = (struct selection){.chosen = NOT_CHOSEN};
	s->call.what = IN_SELECT;
	call_draw(a, &s->call, a->forms);
	if (side == COQUEUE_PUT || s->call.form != FOR_EVER) {
		draw_some(a, s, n_queues, queues, side);
		return;
	}
	for (unsigned i = 0; i < n_queues; i++)
		add_case(a, s, queues[i], side);
}

/* ---- its result ----------------------------------------------------------- */

static void check_untouched(struct actor *a, const struct selection *s)
{
	static const uint64_t mark = UNTOUCHED;

	for (size_t i = 0; i < s->n; i++) {
		const coqueue_case_t *c = &s->cases[i];

		if (i == s->chosen && c->result == 0)
			continue;
		if (i != s->chosen && c->result != NO_RESULT)
			actor_fail(a,
				   "coqueue_select chose case %zu and wrote "
				   "the result %d of case %zu",
				   s->chosen, c->result, i);
		if (c->side == COQUEUE_GET &&
		    memcmp(c->item, &mark, sizeof(mark)) != 0)
			actor_fail(a,
				   "coqueue_select wrote an item for case %zu, "
				   "which was not performed",
				   i);
	}
}

/* A queue that is shut for a case makes a select ready. */
static bool one_was_over(const struct actor *a, const struct selection *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_over(a, s->queue[i], s->cases[i].side))
			return true;
	return false;
}

static void check_failed(struct actor *a, const struct selection *s, int rc)
{
	const char *why = call_why_too_early(a, &s->call, rc);

	if (!why && rc != ENOMEM && one_was_over(a, s))
		why = "though a queue was known to be shut";
	if (why)
		actor_fail(a, "coqueue_select returned %s %s", call_result(rc),
			   why);
	if (s->chosen != NOT_CHOSEN)
		actor_fail(a, "coqueue_select returned %s and chose %zu",
			   call_result(rc), s->chosen);
}

static const char *why_impossible(const struct actor *a,
				  const struct selection *s)
{
	const coqueue_case_t *c = &s->cases[s->chosen];
	const struct lane *l = &a->round->lanes[s->queue[s->chosen]];
	int refuses = c->side == COQUEUE_PUT || l->capacity == 0 ? GRACEFULLY
								 : IMMEDIATELY;

	if (c->result == ESHUTDOWN)
		return atomic_load(&l->begun) == STILL_OPEN
			       ? "before any shutdown"
			       : NULL;
	if (c->result != 0)
		return "which is not in the list of results";
	return s->known[s->chosen] >= refuses
		       ? "after the caller knew it was shut down"
		       : NULL;
}

/* The case that was chosen goes to the accounts. */
static void settle(struct actor *a, struct selection *s)
{
	const coqueue_case_t *c = &s->cases[s->chosen];
	unsigned queue = s->queue[s->chosen];
	const char *why = why_impossible(a, s);

	if (why)
		actor_fail(a, "coqueue_select: a %s of queue %u gave %s %s",
			   c->side == COQUEUE_PUT ? "put" : "get", queue,
			   call_result(c->result), why);
	if (c->result == ESHUTDOWN) {
		a->count[c->side == COQUEUE_PUT ? REFUSED : ENDED]++;
		a->over[c->side] |= 1u << queue;
	} else if (c->side == COQUEUE_PUT) {
		cargo_accepted_by(a, queue);
	} else {
		cargo_taken_from(a, queue, s->chosen);
	}
}

static void select_once(struct actor *a, unsigned n_queues,
			const unsigned *queues)
{
	struct selection s;
	int rc;

	draw_selection(a, &s, n_queues, queues);
	actor_enters(a, IN_SELECT);
	rc = coqueue_select(s.cases, s.n, s.call.deadline, &s.chosen);
	actor_enters(a, OWN_WORK);
	a->count[SELECTED] += rc == 0;
	if (rc == 0 && s.chosen >= s.n) {
		actor_fail(a, "coqueue_select chose %zu of %zu", s.chosen, s.n);
		return;
	}
	check_untouched(a, &s);
	if (rc == 0) {
		settle(a, &s);
		return;
	}
	check_failed(a, &s, rc);
	call_count(a, &s.call, rc);
}

/* ---- workers -------------------------------------------------------------- */

static void produce(struct actor *a)
{
	const unsigned all = (1u << a->round->plan.queues) - 1;
	const struct config *c = a->round->run->config;
	unsigned queues[QUEUES_MAX], n;

	while (worker_puts_on(a) && a->over[COQUEUE_PUT] != all) {
		worker_thinks(a);
		actor_jitters(a);
		if (c->rate && !worker_paces(a, a->number))
			return;
		n = draw_candidates(a, COQUEUE_PUT, queues);
		if (n)
			select_once(a, n, queues);
		else /* all that are left are far ahead */
			sleep_ns(50 * NS_PER_US);
	}
}

static void consume(struct actor *a)
{
	unsigned queues[QUEUES_MAX], n;

	while ((n = draw_candidates(a, COQUEUE_GET, queues))) {
		worker_thinks(a);
		actor_jitters(a);
		select_once(a, n, queues);
	}
}

void select_work(struct actor *a)
{
	if (a->role == PRODUCER)
		produce(a);
	else
		consume(a);
}

/* ---- the scenario --------------------------------------------------------- */

/* All that was put has been got, without the help of a shutdown. */
static bool is_dry(struct round *r)
{
	if (!round_producers_left(r))
		return false;
	for (unsigned i = 0; i < r->plan.queues; i++)
		if (coqueue_size(r->lanes[i].queue) != 0)
			return false;
	return true;
}

/* One queue after the other is shut, some of them twice, while the load goes on
 * with the rest; which at some point may run dry. */
void select_conduct(struct round *r)
{
	const unsigned n = r->plan.queues;
	unsigned first = (unsigned)random_below(&r->random, n);
	unsigned dry_at = (unsigned)random_below(&r->random, 2 * n);

	round_wait_moment(r);
	for (unsigned i = 0; i < n; i++) {
		struct lane *l = &r->lanes[(first + i) % n];

		if (i == dry_at) {
			round_stop(r);
			round_step(r, WAITING_FOR_IDLE);
			round_wait_until(r, is_dry);
		}
		if (r->plan.interrupts)
			round_interrupt(r, l->queue);
		if (random_one_in(&r->random, 2)) {
			shut(r, l, COQUEUE_GRACEFUL);
			round_linger(r, random_below(&r->random, NS_PER_MS));
		}
		if (atomic_load(&l->begun) == STILL_OPEN ||
		    random_one_in(&r->random, 3))
			shut(r, l, COQUEUE_IMMEDIATE);
		round_linger(r, random_below(&r->random, NS_PER_MS));
	}
	atomic_store(&r->begun, GRACEFULLY); /* nobody waits for its time */
}
