/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Select: a call that stands in several lines, with one sleeper.
 *
 *   1. try      each case, in an order by chance, as a call that does not wait
 *   2. stand    in each line: a step of the call (call.c), so nothing is missed
 *   3. sleep    until woken in any of them; step in each again, by chance
 *   4. leave    all lines, and pass on what others still need
 *
 * Which one is performed.  Cases are tried by the select itself, one after the
 * other, so it is the first that succeeds.  A partner at a rendezvous may take an
 * offer of a parked coroutine on its own; the offers of one select are a choice,
 * which one partner makes, or the select itself while it tries (wait.h).
 *
 * A thread has no offer in line (rendezvous.c); what it waits for has to be
 * offered to it.  Two selects of threads that stand in line would wait for each
 * other for ever.  So one that finds a thread asleep on the other side leaves
 * all lines and tries again: a try wakes that thread, and waits for its answer.
 * Who waits so stands nowhere, and nobody waits for it in turn.  And lines are
 * taken in the order of their queues' addresses, so of several that meet in this
 * way one goes on.
 *
 * Source: Go's select (select.go) for the passes and the order by chance.
 */
#include "config.h"

#include "backoff.h"
#include "queue.h"

struct branch {
	struct call call;
	struct place place;
};

struct select {
	coqueue_case_t *cases;
	struct branch *branches;
	size_t n;
	const struct timespec *deadline;
	size_t *chosen;
	struct sleeper sleeper;
	struct choice choice;
	uint8_t order[COQUEUE_SELECT_MAX];
};

/* What a round answers: leave all lines, and try anew. */
#define ANEW EBUSY

static void shuffle(struct select *s)
{
	uint8_t other;
	size_t at;

	for (size_t i = 0; i < s->n; i++)
		s->order[i] = (uint8_t)i;
	for (size_t i = s->n; i > 1; i--) {
		at = sync_random() % i;
		other = s->order[at];
		s->order[at] = s->order[i - 1];
		s->order[i - 1] = other;
	}
}

static void sort_by_queue(struct select *s)
{
	uint8_t moved;
	size_t at;

	for (size_t i = 1; i < s->n; i++) {
		moved = s->order[i];
		for (at = i;
		     at > 0 &&
		     (uintptr_t)s->cases[moved].queue <
			     (uintptr_t)s->cases[s->order[at - 1]].queue;
		     at--)
			s->order[at] = s->order[at - 1];
		s->order[at] = moved;
	}
}

/* The answer of one case, if it is one of the whole. */
static int choose(struct select *s, size_t i, int err)
{
	if (err != 0 && err != ESHUTDOWN)
		return err;
	s->cases[i].result = err;
	*s->chosen = i;
	return 0;
}

static int try_case(const coqueue_case_t *c)
{
	return c->side == COQUEUE_PUT ? coqueue_try_put(c->queue, c->item)
				      : coqueue_try_get(c->queue, c->item);
}

/* EAGAIN: none is ready. */
static int select_try(struct select *s)
{
	int err;

	shuffle(s);
	for (size_t i = 0; i < s->n; i++) {
		err = try_case(&s->cases[s->order[i]]);
		if (err != EAGAIN)
			return choose(s, s->order[i], err);
	}
	return EAGAIN;
}

/* ---- in line -------------------------------------------------------------- */

static void branch_init(struct select *s, size_t i)
{
	struct branch *b = &s->branches[i];
	const coqueue_case_t *c = &s->cases[i];

	if (c->side == COQUEUE_PUT)
		call_init_put(&b->call, c->queue, c->item);
	else
		call_init_get(&b->call, c->queue, c->item);
	place_init(&b->place, &s->sleeper);
	b->place.choice = &s->choice;
}

/* Whether a thread, other than this one, sleeps where its partners stand. */
static bool partner_sleeps_locked(const struct select *s,
				  const struct branch *b)
{
	const struct line *line = b->call.line == &b->call.queue->store.putters
					  ? &b->call.queue->store.getters
					  : &b->call.queue->store.putters;
	struct list *link;
	struct place *p;

	list_for_each(link, &line->asleep) {
		p = container_of(link, struct place, waiter.link);
		if (p->waiter.kind == WAITER_THREAD &&
		    p->sleeper != &s->sleeper)
			return true;
	}
	return false;
}

static int branch_step(struct select *s, struct branch *b, bool stand)
{
	struct coqueue *q = b->call.queue;
	int err;

	sync_lock(&q->lock);
	err = call_step_locked(&b->call, &b->place.waiter, stand);
	if (err == EINPROGRESS && !s->sleeper.self && queue_is_rendezvous(q) &&
	    partner_sleeps_locked(s, b))
		err = ANEW;
	sync_unlock(&q->lock);
	return err;
}

/* One step in each line: an answer, or EINPROGRESS, EAGAIN or BUSY, ANEW. */
static int select_round(struct select *s, bool stand)
{
	int err, all = stand ? EINPROGRESS : EAGAIN;
	size_t i;

	for (size_t k = 0; k < s->n; k++) {
		i = s->order[k];
		err = branch_step(s, &s->branches[i], stand);
		if (err == CHOSEN)
			return EAGAIN; /* which, leaving tells */
		if (!stand && (err == EAGAIN || err == BUSY))
			all = err == BUSY ? BUSY : all;
		else if (err != EINPROGRESS)
			return choose(s, i, err);
	}
	return all;
}

/* Out of all lines.  Whether a partner has taken an offer: *chosen is known. */
static bool leave_lines(struct select *s)
{
	struct branch *b;
	bool served = false;

	for (size_t i = 0; i < s->n; i++) {
		b = &s->branches[i];
		sync_lock(&b->call.queue->lock);
		if (b->place.waiter.state == WAITER_SERVED) {
			served = true;
			choose(s, i, 0);
		}
		call_leave_locked(&b->call, &b->place.waiter);
		sync_unlock(&b->call.queue->lock);
	}
	for (size_t i = 0; i < s->n; i++)
		waiter_await_wakers(&s->branches[i].place.waiter);
	return served;
}

static void select_begin(struct select *s)
{
	for (size_t i = 0; i < s->n; i++)
		queue_enter(s->cases[i].queue);
	sleeper_init(&s->sleeper);
	sync_init(&s->choice.state, CHOICE_OPEN);
	for (size_t i = 0; i < s->n; i++)
		branch_init(s, i);
}

static void select_end(struct select *s)
{
	sleeper_fini(&s->sleeper);
	for (size_t i = 0; i < s->n; i++)
		queue_leave(s->cases[i].queue);
}

static void select_cancelled(void *arg)
{
	struct select *s = arg;

	leave_lines(s);
	select_end(s);
}

/* Sleep once: 0, ETIMEDOUT, or MOVED. */
static int select_sleep(struct select *s)
{
	int err;

	if (s->sleeper.self && park_has_moved(&s->sleeper))
		return MOVED;
	sync_cancel_push(select_cancelled, s);
	err = sleeper_sleep(&s->sleeper, s->deadline);
	sync_cancel_pop();
	sleeper_again(&s->sleeper); /* what woke it is looked at from now on */
	return err;
}

/* In all lines, until there is an answer. */
static int select_in_line(struct select *s)
{
	struct backoff backoff = {0};
	int err, woken = 0;

	sort_by_queue(s);
	while ((err = select_round(s, woken != ETIMEDOUT)) == EINPROGRESS ||
	       (woken == ETIMEDOUT && err == BUSY)) {
		if (err == BUSY)
			backoff_wait(&backoff); /* half-way beats a deadline */
		else if ((woken = select_sleep(s)) == MOVED)
			break; /* its places name the scheduler it had */
		shuffle(s);
	}
	if (leave_lines(s))
		return 0;
	sleeper_again(&s->sleeper);
	if (woken == MOVED)
		s->sleeper.scheduler = park_scheduler();
	return woken == MOVED ? ANEW : err;
}

static not_inlined int select_wait(struct select *s)
{
	struct backoff backoff = {0};
	int err;

	select_begin(s);
	/* who was woken for another's offer may hide who sleeps: let it go on */
	while ((err = select_in_line(s)) == ANEW &&
	       (err = select_try(s)) == EAGAIN &&
	       !deadline_has_passed(s->deadline))
		backoff_wait(&backoff);
	select_end(s);
	return err == EAGAIN ? ETIMEDOUT : err;
}

/* ---- the call ------------------------------------------------------------- */

static bool case_is_valid(const coqueue_case_t *c)
{
	return c->queue && c->item &&
	       (c->side == COQUEUE_PUT || c->side == COQUEUE_GET);
}

int coqueue_select(coqueue_case_t *cases, size_t n,
		   const struct timespec *deadline, size_t *chosen)
{
	struct select s = {.cases = cases, .n = n, .chosen = chosen};
	int err;

	if (!cases || !chosen || n == 0 || n > COQUEUE_SELECT_MAX ||
	    !deadline_is_valid(deadline))
		return EINVAL;
	for (size_t i = 0; i < n; i++)
		if (!case_is_valid(&cases[i]))
			return EINVAL;
	if (pile_is_comparing())
		return EDEADLK;
	err = select_try(&s);
	if (err != EAGAIN || deadline == COQUEUE_NOWAIT)
		return err;
	s.deadline = deadline_saturate(deadline);
	if (deadline_has_passed(s.deadline))
		return ETIMEDOUT;
	if (waker_is_busy())
		return EDEADLK;
	s.branches = __builtin_alloca(n * sizeof(*s.branches));
	return select_wait(&s);
}
