/* SPDX-License-Identifier: MIT */
/*
 * The verbs that scenarios are made of: what the conductor does while the load
 * is running.
 *
 * It never waits without the watchdog seeing it.  Nothing here waits for time
 * to pass in order to be right: a wait is for a condition, and one that never
 * ends is a hang that the watchdog reports.
 */
#include "config.h"

#include <string.h>
#include <time.h>
#include "stress_round.h"

bool round_is_over(const struct round *r)
{
	return atomic_load(&r->run->signal) || atomic_load(&r->triggered) ||
	       atomic_load(&r->left[PRODUCER]) == r->plan.producers;
}

/* Less often as time goes by. */
void round_wait_until(struct round *r, bool (*holds)(struct round *r))
{
	uint64_t nap = 10 * NS_PER_US;

	while (!holds(r) && !atomic_load(&r->run->signal) && !r->start_error) {
		sleep_ns(nap);
		nap = smaller(nap * 2, NS_PER_MS);
	}
}

bool round_get_stats(struct round *r, coqueue_t *q, coqueue_stats_t *stats)
{
	int rc;

	stats->size = sizeof(*stats);
	rc = coqueue_stats(q, stats);
	if (rc)
		actor_fail(round_conductor(r), "coqueue_stats returned %s",
			   strerror(rc));
	return rc == 0;
}

static bool held_up(struct round *r)
{
	/* before the rest is looked at: these put nothing any more */
	unsigned held = atomic_load(&r->hold_gate.arrived) +
			atomic_load(&r->left[PRODUCER]);
	coqueue_stats_t s;

	if (!round_get_stats(r, r->queue, &s))
		return true;
	if (r->plan.hold == HOLD_CONSUMERS)
		return s.putters_waiting + atomic_load(&r->left[PRODUCER]) ==
			       r->plan.producers &&
		       /* at a rendezvous nothing is unfinished */
		       (r->plan.capacity == 0 ||
			s.joiners_waiting == r->plan.joiners);
	return held == r->plan.producers &&
	       s.getters_waiting == r->plan.consumers &&
	       coqueue_size(r->queue) == 0;
}

/* With everybody asleep or at a gate, size and capacity must be exact. */
static void check_held_up(struct round *r)
{
	size_t size = coqueue_size(r->queue);
	size_t expected = r->plan.hold == HOLD_CONSUMERS ? r->full : 0;

	if (!atomic_load(&r->run->signal) && size != expected)
		actor_fail(round_conductor(r),
			   "the size is %zu, not %zu, when all are blocked",
			   size, expected);
}

void round_wait_moment(struct round *r)
{
	uint64_t moment = r->plan.moment_ns;

	if (r->plan.hold != NOBODY) {
		round_step(r, WAITING_FOR_BLOCKED);
		round_wait_until(r, held_up);
		check_held_up(r);
		return;
	}
	round_step(r, WAITING_FOR_MOMENT);
	moment = moment == UINT64_MAX ? NS_PER_SECOND << 32
				      : moment + r->start_ns;
	while (!round_is_over(r) && now_ns() < moment)
		semaphore_wait(&r->bell, moment);
}

/* Putters that were woken for new room are among those who wait. */
static bool is_full(struct round *r)
{
	return coqueue_size(r->queue) >= r->full && held_up(r);
}

void round_wait_full(struct round *r)
{
	round_step(r, WAITING_FOR_BLOCKED);
	round_wait_until(r, is_full);
	check_held_up(r);
}

static bool all_released(struct round *r)
{
	const struct plan *p = &r->plan;

	return (!p->is_held[COQUEUE_PUT] ||
		atomic_load(&r->released[COQUEUE_PUT]) == p->producers) &&
	       (!p->is_held[COQUEUE_GET] ||
		atomic_load(&r->released[COQUEUE_GET]) == p->consumers);
}

void round_wait_released(struct round *r)
{
	round_step(r, JOINING_CREW);
	round_wait_until(r, all_released);
}

static bool all_blocked(struct round *r)
{
	coqueue_stats_t s;

	return !round_get_stats(r, r->queue, &s) ||
	       s.putters_waiting + s.getters_waiting + s.joiners_waiting ==
		       r->plan.producers + r->plan.consumers + r->plan.joiners;
}

void round_wait_all_blocked(struct round *r)
{
	round_step(r, WAITING_FOR_BLOCKED);
	/* Not even a signal may end this early: callers that have not yet
	 * come would find the queue destroyed. */
	while (!all_blocked(r))
		sleep_ns(20 * NS_PER_US);
}

bool round_producers_left(struct round *r)
{
	return atomic_load(&r->left[PRODUCER]) == r->plan.producers;
}

static bool run_dry(struct round *r)
{
	coqueue_stats_t s;

	return round_producers_left(r) && coqueue_size(r->queue) == 0 &&
	       (!round_get_stats(r, r->queue, &s) ||
		s.getters_waiting + atomic_load(&r->left[CONSUMER]) ==
			r->plan.consumers);
}

void round_stop(struct round *r)
{
	atomic_store(&r->stop, true);
}

void round_run_dry(struct round *r)
{
	round_step(r, WAITING_FOR_IDLE);
	round_stop(r);
	round_wait_until(r, run_dry);
}

void round_note_blocked(struct round *r, coqueue_t *q)
{
	coqueue_stats_t s;

	if (!round_get_stats(r, q, &s))
		return;
	r->result->met_blocked[PUTTERS] += s.putters_waiting >= 2;
	r->result->met_blocked[GETTERS] += s.getters_waiting >= 2;
	r->result->met_blocked[JOINERS] += s.joiners_waiting >= 2;
}

void round_shut_down(struct round *r, enum coqueue_shutdown mode)
{
	round_note_blocked(r, r->queue);
	gate_open(&r->shut_gate);
	worker_shuts_down(round_conductor(r), mode);
	atomic_fetch_add(&r->run->steps, 1);
}

void round_open_gates(struct round *r)
{
	gate_open(&r->hold_gate);
	gate_open(&r->shut_gate);
}

void round_interrupt(struct round *r, coqueue_t *q)
{
	struct actor *conductor = round_conductor(r);
	int rc;

	round_step(r, IN_INTERRUPT);
	rc = coqueue_interrupt(q);
	round_step(r, OWN_WORK);
	if (rc)
		actor_fail(conductor, "coqueue_interrupt returned %s",
			   strerror(rc));
}

static struct actor *draw_worker(struct round *r)
{
	const struct plan *p = &r->plan;
	unsigned k = (unsigned)random_below(
		&r->random, p->producers + p->consumers + p->joiners);

	if (k < p->producers)
		return round_actor(r, PRODUCER, k);
	k -= p->producers;
	if (k < p->consumers)
		return round_actor(r, CONSUMER, k);
	return round_actor(r, JOINER, k - p->consumers);
}

/* All n are cancelled before any is waited for, so that the wake-ups that
 * some of them hold meet each other. */
void round_cancel(struct round *r, unsigned n)
{
	struct actor *victim[8];

	if (n > sizeof(victim) / sizeof(victim[0]))
		n = sizeof(victim) / sizeof(victim[0]);
	round_step(r, CANCELLING);
	for (unsigned i = 0; i < n; i++) {
		victim[i] = draw_worker(r);
		if (victim[i]->caller == THREAD && victim[i]->running &&
		    !victim[i]->cancelled)
			victim[i]->cancelled =
				pthread_cancel(victim[i]->thread) == 0;
	}
	for (unsigned i = 0; i < n; i++) {
		if (!victim[i]->cancelled || !worker_join(victim[i]))
			continue;
		round_conductor(r)->count[CANCELLED]++;
		worker_start(victim[i]);
	}
	round_step(r, OWN_WORK);
}

void round_put(struct round *r, size_t n)
{
	while (n--)
		worker_puts(round_conductor(r), 1);
}

void round_get(struct round *r, size_t n)
{
	while (n--)
		worker_gets(round_conductor(r), 1);
}

void round_linger(struct round *r, uint64_t ns)
{
	uint64_t until = now_ns() + ns;

	round_step(r, WAITING_FOR_MOMENT);
	while (!round_is_over(r) && now_ns() < until)
		semaphore_wait(&r->bell, until);
}
