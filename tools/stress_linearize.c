/* SPDX-License-Identifier: MIT */
/*
 * Histories: see stress_linearize.h.
 *
 *     conductor            players (threads that live for the whole run)
 *     draw a plan
 *     make a queue
 *     let go  -----------> meet, and make calls, each drawn, each recorded
 *     wait until all have left, or sleep and nobody is awake to help
 *     "ending" ----------> no further call
 *     shut down (perhaps), destroy: who slept leaves
 *     check the history
 *
 * Who sleeps although the queue could serve him is never ended: nobody moves
 * then, and the watchdog reports a hang.
 *
 * Instants are read from CLOCK_MONOTONIC.  It is one order for all processors,
 * and to read it writes nothing that threads share; a shared counter would
 * line them up around each call and hide the races that are looked for.  Two
 * instants may be equal, the checker takes them for simultaneous.  The locked
 * instructions around each reading keep the processor from reading the clock
 * before the call has had its effect everywhere, or after the next one has
 * begun to look at the queue.
 */
#include "config.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include "linearize.h"
#include "stress_call.h"
#include "stress_linearize.h"

#define PLAYERS_MIN 4
#define CAPACITY_MAX 8
#define CALLS_MAX 200 /* recorded by one player in one history */
#define SHORT_MAX 40  /* in most histories */
#define BATCH 4
#define SHUTDOWNS_MAX 3
#define VALUES 1000 /* of one player */
#define RANKS 4     /* of a queue with priorities */
#define DEADLINE_MAX (300 * NS_PER_US)
#define SLEEP_MAX (20 * NS_PER_MS) /* far longer than any deadline */
#define TOO_HARD_PER_MILLE 1

const struct scenario linearize_scenario = {
	.name = "linearize",
	.what = "histories of a few threads, each checked for an order",
};

struct player {
	_Alignas(64) sem_t go;
	size_t length;  /* calls to record */
	unsigned puts;  /* of 8 puts and gets */
	uint64_t items; /* made so far */
	uint64_t called, returned;
	_Atomic bool patient; /* the call may take for ever, or has left */
	_Atomic int fence;
	size_t n;
	struct lin_op ops[CALLS_MAX + BATCH];
};

struct planned_shutdown {
	unsigned player;
	size_t after; /* recorded calls */
	enum coqueue_shutdown mode;
	bool is_done; /* the player's */
};

struct histories {
	struct player players[PLAYERS_MAX + 1]; /* the last: the conductor */
	struct lin_work *work;
	struct lin_op ops[(PLAYERS_MAX + 1) * (CALLS_MAX + BATCH)];

	/* of the history that is played */
	struct model_kind kind;
	unsigned yield_one_in; /* calls; 0: never */
	size_t item_size;
	struct planned_shutdown shutdowns[SHUTDOWNS_MAX];
	unsigned n_shutdowns;
	_Atomic unsigned arrived;
	_Atomic bool ending, quit;
};

/* ---- recording ---------------------------------------------------------- */

static struct player *player_of(struct actor *a)
{
	struct round *r = a->round;

	return &r->histories->players[a->role == CONDUCTOR ? r->plan.players
							   : a->index];
}

static uint64_t instant(struct player *p)
{
	uint64_t now;

	atomic_exchange(&p->fence, 1);
	now = now_ns();
	atomic_exchange(&p->fence, 0);
	return now;
}

static void begin(struct actor *a, enum activity what)
{
	struct player *p = player_of(a);

	actor_enters(a, what);
	p->called = instant(p);
}

static void end(struct actor *a)
{
	struct player *p = player_of(a);

	p->returned = instant(p);
	actor_enters(a, OWN_WORK);
}

static void count_effect(struct actor *a, enum lin_call call, uint64_t value)
{
	static const struct {
		bool is_counted;
		enum count count;
	} counts[LIN_N_CALLS] = {
		[LIN_PUT] = {true, ACCEPTED},
		[LIN_FORCE_PUT] = {true, ACCEPTED},
		[LIN_GET] = {true, DELIVERED},
		[LIN_PEEK] = {true, PEEKED},
		[LIN_JOIN] = {true, JOINED},
		[LIN_SHUTDOWN] = {true, SHUTDOWNS},
	};

	if (counts[call].is_counted)
		a->count[counts[call].count]++;
	else if (call == LIN_TASK_DONE)
		a->count[MARKED] += value;
}

static void record(struct actor *a, enum lin_call call, uint64_t value,
		   int result)
{
	struct player *p = player_of(a);

	p->ops[p->n++] = (struct lin_op){
		.called = p->called,
		.returned = p->returned,
		.value = value,
		.result = result,
		.call = (uint8_t)call,
		.thread = (uint8_t)(p - a->round->histories->players),
	};
	a->count[RECORDED]++;
	if (result == 0)
		count_effect(a, call, value);
}

/* ---- items -------------------------------------------------------------- */

/* An item is its value, again and again.  Large ones take long to copy, and
 * calls are half-way for as long. */
static void write_items(struct actor *a, size_t n, uint64_t first)
{
	size_t size = a->round->histories->item_size;

	for (size_t at = 0; at < n * size; at += sizeof(first)) {
		uint64_t value = first + at / size;

		memcpy(a->buffer + at, &value, sizeof(value));
	}
}

static uint64_t read_item(struct actor *a, size_t i)
{
	size_t size = a->round->histories->item_size;
	const unsigned char *item = a->buffer + i * size;
	uint64_t value;

	memcpy(&value, item, sizeof(value));
	if (memcmp(item, item + sizeof(value), size - sizeof(value)) != 0)
		actor_fail(a,
			   "got an item that is parts of several, first %llu",
			   (unsigned long long)value);
	return value;
}

/* A put, get or peek of c->n items, recorded as so many single ones, and as
 * one more when it could not do all. */
static void record_series(struct actor *a, const struct call *c,
			  enum lin_call call, int result)
{
	size_t done = c->n > 1 ? a->done : result == 0;

	if (done > c->n || (result == 0 && done == 0) ||
	    (result == 0 && call == LIN_PUT && done < c->n)) {
		actor_fail(a, "%s of %zu returned %s and told %zu were done",
			   activity_name[c->what], c->n, call_result(result),
			   done);
		return;
	}
	for (size_t i = 0; i < done; i++)
		record(a, call, read_item(a, i), 0);
	if (result)
		record(a, call, call == LIN_PUT ? read_item(a, done) : 0,
		       result);
}

/* ---- calls -------------------------------------------------------------- */

static bool is_patient(const struct actor *a, const struct call *c)
{
	return c->form == FOR_EVER ||
	       (c->form == UNTIL &&
		(uint64_t)c->until.tv_sec >
			a->round->start_ns / NS_PER_SECOND + 3600);
}

static int make_call(struct actor *a, struct call *c)
{
	struct player *p = player_of(a);
	int result;

	a->done = 0;
	atomic_store(&p->patient, is_patient(a, c));
	begin(a, c->what);
	result = call_perform(a, c);
	end(a);
	atomic_store(&p->patient, false);
	if (result)
		call_count(a, c, result);
	return result;
}

static size_t draw_size(struct actor *a)
{
	return random_one_in(&a->random, 4)
		       ? random_between(&a->random, 2, BATCH)
		       : 1;
}

static void put(struct actor *a)
{
	struct player *p = player_of(a);
	struct call c = {.n = draw_size(a)};

	call_draw(a, &c, a->forms);
	c.what = call_function(&c, IN_PUT, IN_PUT_MANY);
	write_items(a, c.n, (a->index + 1) * VALUES + p->items);
	record_series(a, &c, LIN_PUT, make_call(a, &c));
	p->items += c.n;
}

static void force_put(struct actor *a)
{
	struct player *p = player_of(a);
	size_t n = BATCH, item_size = a->round->histories->item_size;
	int result;

	write_items(a, 1, (a->index + 1) * VALUES + p->items++);
	begin(a, IN_FORCE_PUT);
	result = coqueue_force_put(a->round->queue, a->buffer,
				   a->buffer + item_size, &n);
	end(a);
	if (n > (result == 0)) {
		actor_fail(a, "%s evicted %zu and returned %s",
			   activity_name[IN_FORCE_PUT], n, call_result(result));
		return;
	}
	record(a, LIN_FORCE_PUT, read_item(a, 0), result);
	if (result == 0)
		p->ops[p->n - 1].evicted = n ? read_item(a, 1) : LIN_NOTHING;
	a->count[DELIVERED] += n;
}

static void get(struct actor *a)
{
	struct call c = {.n = draw_size(a)};

	call_draw(a, &c, a->forms);
	c.what = call_function(&c, IN_GET, IN_GET_MANY);
	record_series(a, &c, LIN_GET, make_call(a, &c));
}

/* Nobody waits for what does not come: a rendezvous has nothing to show. */
static void peek(struct actor *a)
{
	struct call c = {.n = 1};
	bool is_rendezvous = a->round->histories->kind.capacity == 0;

	call_draw(a, &c, is_rendezvous ? AT_ONCE : a->forms);
	c.what = call_function(&c, IN_PEEK, IN_PEEK);
	record_series(a, &c, LIN_PEEK, make_call(a, &c));
}

/* Who joins for ever is out of the game, most of the time. */
static void join(struct actor *a)
{
	struct call c = {.n = 1};

	call_draw(a, &c,
		  random_one_in(&a->random, 8) ? a->forms : UNTIL | AT_ONCE);
	c.what = c.form == FOR_EVER ? IN_JOIN : IN_JOIN_UNTIL;
	record(a, LIN_JOIN, 0, make_call(a, &c));
}

static void task_done(struct actor *a)
{
	size_t n = random_below(&a->random, 3);
	int result;

	begin(a, IN_TASK_DONE);
	result = coqueue_task_done(a->round->queue, n);
	end(a);
	record(a, LIN_TASK_DONE, n, result);
}

static void state(struct actor *a)
{
	enum coqueue_state answer;

	begin(a, OWN_WORK);
	answer = coqueue_state(a->round->queue);
	end(a);
	record(a, LIN_STATE, answer, 0);
}

static void set_capacity(struct actor *a)
{
	size_t capacity = random_between(&a->random, 1, CAPACITY_MAX);
	int result;

	begin(a, IN_SET_CAPACITY);
	result = coqueue_set_capacity(a->round->queue, capacity);
	end(a);
	record(a, LIN_SET_CAPACITY, capacity, result);
}

static enum coqueue_side draw_side(struct actor *a)
{
	return random_one_in(&a->random, 2) ? COQUEUE_PUT : COQUEUE_GET;
}

static void hold(struct actor *a)
{
	enum coqueue_side side = draw_side(a);
	int result;

	begin(a, IN_HOLD);
	result = coqueue_hold(a->round->queue, side);
	end(a);
	record(a, LIN_HOLD, side, result);
}

static void release(struct actor *a)
{
	enum coqueue_side side = draw_side(a);
	int result;

	begin(a, IN_RELEASE);
	result = coqueue_release(a->round->queue, side);
	end(a);
	record(a, LIN_RELEASE, side, result);
}

static void interrupt(struct actor *a)
{
	int result;

	begin(a, IN_INTERRUPT);
	result = coqueue_interrupt(a->round->queue);
	end(a);
	record(a, LIN_INTERRUPT, 0, result);
}

static void shut_down(struct actor *a, enum coqueue_shutdown mode)
{
	int result;

	begin(a, IN_SHUTDOWN);
	result = coqueue_shutdown(a->round->queue, mode);
	end(a);
	record(a, LIN_SHUTDOWN, mode, result);
}

/* ---- players ------------------------------------------------------------ */

static void any_call(struct actor *a)
{
	static const struct {
		unsigned below; /* of 128 */
		void (*call)(struct actor *a);
	} calls[] = {
		{2, hold},      {3, release}, {4, set_capacity},
		{8, force_put}, {20, peek},   {28, task_done},
		{34, join},     {38, state},  {40, interrupt},
	};
	uint64_t k = random_below(&a->random, 128);

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (k < calls[i].below) {
			calls[i].call(a);
			return;
		}
	if (random_below(&a->random, 8) < player_of(a)->puts)
		put(a);
	else
		get(a);
}

static bool shuts_down_now(struct actor *a, enum coqueue_shutdown *mode)
{
	struct histories *h = a->round->histories;

	for (unsigned i = 0; i < h->n_shutdowns; i++) {
		struct planned_shutdown *s = &h->shutdowns[i];

		if (s->player == a->index && s->after <= player_of(a)->n &&
		    !s->is_done) {
			s->is_done = true;
			*mode = s->mode;
			return true;
		}
	}
	return false;
}

/* All begin together, as far as there are processors. */
static void meet(struct round *r)
{
	struct histories *h = r->histories;

	atomic_fetch_add(&h->arrived, 1);
	for (unsigned spins = 0; atomic_load(&h->arrived) < r->plan.players;)
		if (++spins > 200)
			sched_yield();
}

static void play(struct actor *a)
{
	struct histories *h = a->round->histories;
	struct player *p = player_of(a);
	enum coqueue_shutdown mode;

	meet(a->round);
	while (p->n < p->length && !atomic_load(&h->ending)) {
		if (shuts_down_now(a, &mode))
			shut_down(a, mode);
		else
			any_call(a);
		atomic_store_explicit(&a->moved, p->n, memory_order_relaxed);
		if (h->yield_one_in &&
		    random_one_in(&a->random, h->yield_one_in))
			sched_yield();
		actor_jitters(a);
	}
}

void linearize_play(struct actor *a)
{
	struct round *r = a->round;
	unsigned players;

	for (;;) {
		actor_enters(a, AT_GATE);
		while (sem_wait(&player_of(a)->go) != 0)
			;
		if (atomic_load(&r->histories->quit))
			return;
		actor_enters(a, OWN_WORK);
		play(a);
		atomic_store(&player_of(a)->patient, true);
		actor_enters(a, LEFT);
		players = r->plan.players; /* the next plan may come now */
		if (atomic_fetch_add(&r->left[PLAYER], 1) + 1 == players)
			sem_post(&r->bell);
	}
}

/* ---- the plan ----------------------------------------------------------- */

static void plan_player(struct round *r, unsigned index, size_t longest)
{
	static const unsigned forms[] = {ANY_FORM, ANY_FORM, UNTIL | AT_ONCE,
					 AT_ONCE};
	struct actor *a = round_actor(r, PLAYER, index);
	struct player *p = &r->histories->players[index];

	a->random = random_from(r->run->config->seed, r->index, index + 1);
	a->forms = forms[random_below(&r->random, 4)];
	p->length = random_between(&r->random, (longest + 1) / 2, longest);
	p->puts = (unsigned)random_between(&r->random, 1, 7);
	p->items = 0;
	p->n = 0;
	memset(a->count, 0, sizeof(a->count));
}

static void plan_shutdowns(struct round *r, size_t longest)
{
	struct histories *h = r->histories;

	h->n_shutdowns = (unsigned)random_below(&r->random, SHUTDOWNS_MAX + 1);
	for (unsigned i = 0; i < h->n_shutdowns; i++)
		h->shutdowns[i] = (struct planned_shutdown){
			.player = (unsigned)random_below(&r->random,
							 r->plan.players),
			.after = random_below(&r->random, longest),
			.mode = random_one_in(&r->random, 2) ? COQUEUE_IMMEDIATE
							     : COQUEUE_GRACEFUL,
		};
}

static size_t draw_capacity(struct round *r)
{
	switch (random_below(&r->random, 8)) {
	case 0:
		return 0;
	case 1:
	case 2:
		return COQUEUE_UNBOUNDED;
	default:
		return random_between(&r->random, 1, CAPACITY_MAX);
	}
}

static struct model_kind draw_kind(struct round *r)
{
	return (struct model_kind){
		.order = (enum coqueue_order)random_below(&r->random, N_ORDERS),
		.capacity = draw_capacity(r),
		.ranks = RANKS,
	};
}

static void plan_history(struct round *r)
{
	static const unsigned yields[] = {0, 1, 4, 16};
	static const size_t sizes[] = {8, 8, 512, LINEARIZE_ITEM_MAX};
	struct histories *h = r->histories;
	size_t longest;

	r->random = random_from(r->run->config->seed, r->index, 0);
	r->plan = (struct plan){
		.players = (unsigned)random_between(&r->random, PLAYERS_MIN,
						    PLAYERS_MAX),
		.patience_ns =
			random_skewed(&r->random, NS_PER_US, DEADLINE_MAX),
		.interrupts = true,
	};
	h->kind = draw_kind(r);
	longest = random_one_in(&r->random, 64)
			  ? CALLS_MAX
			  : random_skewed(&r->random, 2, SHORT_MAX);
	for (unsigned i = 0; i < PLAYERS_MAX; i++)
		plan_player(r, i, longest);
	plan_shutdowns(r, longest);
	h->players[r->plan.players].n = 0; /* the conductor's */
	memset(round_conductor(r)->count, 0, sizeof(round_conductor(r)->count));
	h->yield_one_in = yields[random_below(&r->random, 4)];
	h->item_size = sizes[random_below(&r->random, 4)];
	atomic_store(&h->arrived, 0);
	atomic_store(&h->ending, false);
	atomic_store(&r->left[PLAYER], 0);
}

/* ---- the end ------------------------------------------------------------ */

/* Whether everybody has left or sleeps at one instant.  Who left is counted
 * first: nobody is counted twice. */
static bool nobody_runs(struct round *r, coqueue_stats_t *s)
{
	unsigned left = atomic_load(&r->left[PLAYER]);

	*s = (coqueue_stats_t){.size = sizeof(*s)};
	return coqueue_stats(r->queue, s) == 0 &&
	       left + s->putters_waiting + s->getters_waiting +
			       s->joiners_waiting ==
		       r->plan.players;
}

/* Whether one of those who sleep should be awake: then he will be soon. */
static bool somebody_is_served(const struct round *r, const coqueue_stats_t *s)
{
	bool open = coqueue_state(r->queue) == COQUEUE_OPEN;
	bool meet = coqueue_capacity(r->queue) == 0 && s->putters_waiting &&
		    s->getters_waiting;
	size_t size = coqueue_size(r->queue);

	return meet ||
	       (s->putters_waiting &&
		(!open || size < coqueue_capacity(r->queue))) ||
	       (s->getters_waiting && (!open || size > 0)) ||
	       (s->joiners_waiting && coqueue_unfinished(r->queue) == 0);
}

static bool all_are_patient(struct round *r)
{
	for (unsigned i = 0; i < r->plan.players; i++)
		if (!atomic_load(&r->histories->players[i].patient))
			return false;
	return true;
}

static uint64_t calls_made(struct round *r)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < r->plan.players; i++)
		sum += atomic_load(&round_actor(r, PLAYER, i)->moved);
	return sum;
}

static bool all_have_left(const struct round *r)
{
	return atomic_load(&r->left[PLAYER]) == r->plan.players;
}

/* Until all have left, or sleep for good. */
static void wait_end(struct round *r)
{
	uint64_t nap = 50 * NS_PER_US, calls = 0, since = now_ns();
	coqueue_stats_t s;

	round_step(r, WAITING_FOR_IDLE);
	while (!all_have_left(r)) {
		uint64_t now = now_ns(), before = calls;

		if (semaphore_wait(&r->bell, now + nap))
			continue;
		nap = smaller(2 * nap, NS_PER_MS);
		calls = calls_made(r);
		if (calls != before)
			since = now;
		if (nobody_runs(r, &s) && !somebody_is_served(r, &s) &&
		    (all_are_patient(r) || now - since > SLEEP_MAX))
			return;
	}
}

/* Nobody makes another call: until all have left or sleep in their last. */
static void wait_last_calls(struct round *r)
{
	uint64_t nap = 10 * NS_PER_US;
	coqueue_stats_t s;

	round_step(r, WAITING_FOR_BLOCKED);
	while (!nobody_runs(r, &s)) {
		sleep_ns(nap);
		nap = smaller(2 * nap, NS_PER_MS);
	}
}

static void destroy(struct round *r)
{
	struct actor *conductor = round_conductor(r);

	begin(conductor, IN_DESTROY);
	round_destroy_queue(r);
	end(conductor);
	record(conductor, LIN_INTERRUPT, 0, 0);
	record(conductor, LIN_SHUTDOWN, COQUEUE_IMMEDIATE, 0);
}

static void end_history(struct round *r)
{
	wait_end(r);
	atomic_store(&r->histories->ending, true);
	wait_last_calls(r);
	if (random_one_in(&r->random, 2)) {
		shut_down(round_conductor(r), COQUEUE_GRACEFUL);
		wait_last_calls(r);
	}
	destroy(r);
	round_step(r, JOINING_CREW);
	while (!all_have_left(r))
		sem_wait(&r->bell);
	while (sem_trywait(&r->bell) == 0)
		;
}

/* ---- a history ---------------------------------------------------------- */

static int compare(const void *a, const void *b, void *kind)
{
	uint64_t values[2];

	memcpy(&values[0], a, sizeof(*values));
	memcpy(&values[1], b, sizeof(*values));
	return model_compare(kind, values[0], values[1]);
}

static int create_queue(struct round *r)
{
	struct histories *h = r->histories;
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;
	coqueue_t *q;
	int rc;

	round_step(r, CREATING);
	attr.order = h->kind.order;
	attr.item_size = h->item_size;
	if (h->kind.order == COQUEUE_PRIORITY)
		attr.compare = compare;
	attr.ctx = &h->kind;
	rc = coqueue_create(&q, h->kind.capacity, &attr);
	r->run->not_started = "a queue";
	if (rc == 0)
		round_publish_queue(r, q);
	return rc;
}

static struct lin_history collect(struct round *r)
{
	struct histories *h = r->histories;
	struct lin_history all = {
		.kind = h->kind,
		.ops = h->ops,
		.threads = r->plan.players + 1,
	};

	for (size_t t = 0; t < all.threads; t++) {
		const struct player *p = &h->players[t];

		for (size_t i = 0; i < p->n; i++) {
			struct lin_op *op = &h->ops[all.n++];

			*op = p->ops[i];
			op->called -= r->start_ns;
			op->returned -= r->start_ns;
		}
	}
	return all;
}

static void tell_violation(struct round *r, const struct lin_history *h)
{
	FILE *out = r->run->out;

	flockfile(out);
	fprintf(out,
		"\nseed %llu, history %llu has no order; instants in "
		"nanoseconds\n",
		(unsigned long long)r->run->config->seed,
		(unsigned long long)r->index);
	lin_explain(out, r->histories->work, h);
	fputc('\n', out);
	fflush(out);
	funlockfile(out);
	actor_fail(round_conductor(r), "%zu calls of %u threads have no order",
		   h->n, r->plan.players);
}

static void check_history(struct round *r)
{
	struct lin_history h = collect(r);

	round_step(r, JUDGING);
	switch (lin_check(r->histories->work, &h)) {
	case LIN_OK:
		break;
	case LIN_VIOLATION:
		tell_violation(r, &h);
		break;
	case LIN_TOO_HARD:
		r->result->too_hard++;
		break;
	}
	round_add_up(r);
}

static int play_history(struct round *r)
{
	int rc;

	plan_history(r);
	r->start_ns = now_ns();
	rc = create_queue(r);
	if (rc)
		return rc;
	for (unsigned i = 0; i < r->plan.players; i++)
		sem_post(&r->histories->players[i].go);
	end_history(r);
	r->result->load_ns += now_ns() - r->start_ns;
	check_history(r);
	return 0;
}

/* ---- life --------------------------------------------------------------- */

static int start_players(struct round *r)
{
	for (unsigned i = 0; i < PLAYERS_MAX && !r->start_error; i++) {
		sem_init(&r->histories->players[i].go, 0, 0);
		worker_start(round_actor(r, PLAYER, i));
	}
	return r->start_error;
}

static void stop_players(struct round *r)
{
	atomic_store(&r->histories->quit, true);
	for (unsigned i = 0; i < PLAYERS_MAX; i++) {
		struct actor *a = round_actor(r, PLAYER, i);

		if (!a->running)
			continue;
		sem_post(&r->histories->players[i].go);
		worker_join(a);
		sem_destroy(&r->histories->players[i].go);
	}
}

static bool goes_on(const struct round *r, uint64_t end_ns)
{
	uint64_t wanted = r->run->config->histories;

	return (wanted ? r->index < wanted : now_ns() < end_ns) &&
	       !atomic_load(&r->run->signal) &&
	       !atomic_load(&r->result->violations.n);
}

static int play_all(struct round *r, uint64_t end_ns)
{
	int rc = 0;

	for (r->index = 0; !rc && goes_on(r, end_ns); r->index++)
		rc = play_history(r);
	if (r->result->too_hard * 1000 > r->result->rounds * TOO_HARD_PER_MILLE)
		verdicts_add(&r->result->violations,
			     "%llu of %llu histories were too hard to check",
			     (unsigned long long)r->result->too_hard,
			     (unsigned long long)r->result->rounds);
	return rc;
}

static struct histories *histories_new(void)
{
	struct histories *h = aligned_alloc(_Alignof(struct histories),
					    sizeof(struct histories));

	if (!h)
		return NULL;
	memset(h, 0, sizeof(*h));
	h->work = lin_work_new(0);
	if (h->work)
		return h;
	free(h);
	return NULL;
}

int linearize_run(struct round *r, uint64_t end_ns, struct result *result)
{
	int rc;

	r->result = result;
	r->run->not_started = "memory for histories";
	r->histories = histories_new();
	if (!r->histories)
		return ENOMEM;
	rc = start_players(r);
	if (rc == 0)
		rc = play_all(r, end_ns);
	stop_players(r);
	lin_work_free(r->histories->work);
	free(r->histories);
	return rc;
}
