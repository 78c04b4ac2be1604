/* SPDX-License-Identifier: MIT */
/*
 * Rounds: what they use, their plan, their crew, and how one follows another.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "stress_order.h"
#include "stress_select.h"

#define LEDGER_MEMORY ((size_t)256 << 20) /* of all ledgers; used on demand */
#define NUMBERS_MIN 64u
#define NUMBERS_MAX (1u << 22)
#define HOLD_CAPACITY_MAX (1u << 16)
#define ROUND_MEMORY ((size_t)64 << 20) /* bytes, where items are many */
#define USUAL_SIZE 256     /* of a queue that is no question of its capacity */
#define ROUND_ITEMS 20000  /* at most, when a scenario counts items */
#define COROUTINES_USUAL 4 /* where a scenario wants some, and none are given */

/* ---- making what all rounds use ---------------------------------------- */

struct actor *round_actor(struct round *r, enum role role, unsigned index)
{
	unsigned first = 0;

	for (enum role before = 0; before < role; before++)
		first += r->most[before];
	return &r->actors[first + index];
}

unsigned round_crew_size(const struct round *r, enum role role)
{
	switch (role) {
	case PRODUCER:
		return r->plan.producers;
	case CONSUMER:
		return r->plan.consumers;
	case JOINER:
		return r->plan.joiners;
	case SHUTTER:
		return r->plan.shutters;
	case PLAYER:
		return r->plan.players;
	case RESIZER:
		return r->plan.resizers;
	default:
		return 1;
	}
}

struct actor *round_conductor(struct round *r)
{
	return round_actor(r, CONDUCTOR, 0);
}

static bool has_select(const struct config *c)
{
	for (unsigned i = 0; i < c->n_scenarios; i++)
		if (c->scenarios[i]->selects)
			return true;
	return false;
}

/* In a select, producers may. */
static bool gets_items(const struct round *r, enum role role, unsigned index)
{
	return role == CONSUMER || role == CONDUCTOR ||
	       (role == PRODUCER && has_select(r->run->config) &&
		index < SELECTERS_MAX);
}

/* From a get, or by discarding them. */
static bool takes_items(const struct round *r, enum role role, unsigned index)
{
	return gets_items(r, role, index) || role == SHUTTER;
}

static uint32_t numbers_that_fit(const struct round *r)
{
	size_t takers = 0, bits;
	uint32_t fit;

	for (enum role role = 0; role < N_ROLES; role++)
		for (unsigned i = 0; i < r->most[role]; i++)
			takers += takes_items(r, role, i);
	bits = LEDGER_MEMORY * 8 / r->item_sources / takers;
	fit = bits > NUMBERS_MAX ? NUMBERS_MAX : (uint32_t)bits;
	return fit < NUMBERS_MIN ? NUMBERS_MIN : fit & ~63u;
}

static int init_actor(struct round *r, enum role role, unsigned index)
{
	struct actor *a = round_actor(r, role, index);

	a->round = r;
	a->role = role;
	a->index = index;
	a->buffer = calloc(r->buffer_items, r->run->config->item_size);
	if (!a->buffer)
		return ENOMEM;
	if (takes_items(r, role, index) &&
	    ledger_init(&a->ledger, r->item_sources, r->numbers_max) != 0)
		return ENOMEM;
	if (!gets_items(r, role, index))
		return 0;
	a->expected = calloc(r->item_sources, sizeof(*a->expected));
	a->latency = calloc(1, sizeof(*a->latency));
	return a->expected && a->latency ? 0 : ENOMEM;
}

static int init_actors(struct round *r)
{
	r->actors = aligned_alloc(_Alignof(struct actor),
				  r->n_actors * sizeof(struct actor));
	r->ledgers = calloc(r->n_actors, sizeof(*r->ledgers));
	if (!r->actors || !r->ledgers)
		return ENOMEM;
	memset(r->actors, 0, r->n_actors * sizeof(struct actor));
	for (unsigned i = 0; i < r->n_actors; i++)
		r->ledgers[i] = &r->actors[i].ledger;
	for (enum role role = 0; role < N_ROLES; role++)
		for (unsigned i = 0; i < r->most[role]; i++)
			if (init_actor(r, role, i) != 0)
				return ENOMEM;
	return 0;
}

static int init_stamps(struct round *r)
{
	r->stamps = calloc(r->item_sources, sizeof(*r->stamps));
	if (!r->stamps)
		return ENOMEM;
	for (unsigned i = 0; i < r->item_sources; i++) {
		r->stamps[i] = calloc(r->numbers_max / STAMP_EVERY + 1,
				      sizeof(uint64_t));
		if (!r->stamps[i])
			return ENOMEM;
	}
	return 0;
}

/* How many of each side are such callers, in this scenario. */
static unsigned count_beside(const struct config *c, const struct scenario *s,
			     enum caller caller)
{
	enum caller usual = c->runtime == ARM ? ARMED : COROUTINE;

	if (!s->callers)
		return caller == usual ? c->coroutines : 0;
	if (!(s->callers & 1u << caller))
		return 0;
	return c->coroutines ? c->coroutines : COROUTINES_USUAL;
}

static void count_most(struct round *r)
{
	const struct config *c = r->run->config;
	unsigned beside, most = 0;

	for (unsigned i = 0; i < c->n_scenarios; i++) {
		beside = count_beside(c, c->scenarios[i], COROUTINE) +
			 count_beside(c, c->scenarios[i], ARMED);
		most = beside > most ? beside : most;
	}
	r->most[PRODUCER] = c->producers + most;
	r->most[CONDUCTOR] = 1;
	r->most[CONSUMER] = c->consumers + most;
	r->most[JOINER] = JOINERS_MAX;
	r->most[SHUTTER] = SHUTTERS_MAX;
	r->most[PLAYER] = c->players;
	r->most[RESIZER] = RESIZERS_MAX;
	for (enum role role = 0; role < N_ROLES; role++)
		r->n_actors += r->most[role];
}

int round_init(struct round *r, struct run *run)
{
	const struct config *c = run->config;

	memset(r, 0, sizeof(*r));
	r->run = run;
	count_most(r);
	r->item_sources = r->most[PRODUCER] + 1;
	r->buffer_items = c->batch < 4 ? 4 : c->batch;
	if (has_select(c))
		select_count(r);
	r->numbers_max = numbers_that_fit(r);
	sem_init(&r->bell, 0, 0);
	if (init_actors(r) == 0 && init_stamps(r) == 0)
		return 0;
	round_free(r);
	return ENOMEM;
}

void round_free(struct round *r)
{
	for (enum caller caller = 0; caller < N_CALLERS; caller++)
		if (r->pools[caller])
			fibers_end(r->pools[caller]);
	for (unsigned i = 0; r->actors && i < r->n_actors; i++) {
		ledger_free(&r->actors[i].ledger);
		free(r->actors[i].buffer);
		free(r->actors[i].expected);
		free(r->actors[i].latency);
	}
	for (unsigned i = 0; r->stamps && i < r->item_sources; i++)
		free(r->stamps[i]);
	free(r->actors);
	free(r->ledgers);
	free(r->stamps);
	sem_destroy(&r->bell);
}

/* ---- the plan ---------------------------------------------------------- */

static void plan_defaults(struct plan *p, const struct config *c,
			  const struct scenario *s)
{
	unsigned coroutines = count_beside(c, s, COROUTINE);
	unsigned armed = count_beside(c, s, ARMED);

	*p = (struct plan){
		.order = c->order,
		.capacity = c->capacity,
		.producers = c->producers + coroutines + armed,
		.consumers = c->consumers + coroutines + armed,
		.beside = {[COROUTINE] = coroutines, [ARMED] = armed},
		.put_forms = FOR_EVER,
		.get_forms = FOR_EVER,
		.join_forms = FOR_EVER,
		.batch = c->batch,
		.ahead = 4096,
		.patience_ns = NS_PER_MS,
		.trigger = NO_TRIGGER,
		.moment_ns = NS_PER_MS,
	};
}

/* How many items, when the end is told by items and not by time. */
static void plan_items(struct round *r, uint64_t items_left)
{
	struct plan *p = &r->plan;
	uint64_t most = (uint64_t)r->numbers_max * p->producers;

	if (p->one_call) {
		p->items = smaller(p->producers * p->batch, most);
		return;
	}
	if (items_left == UINT64_MAX) {
		p->items = most;
		return;
	}
	most = smaller(most, items_left);
	p->moment_ns = UINT64_MAX;
	p->items = most;
	if (p->long_round)
		return;
	p->items = random_between(&r->random, 1, smaller(most, ROUND_ITEMS));
	p->trigger =
		(uint32_t)random_below(&r->random, p->items / p->producers + 1);
}

static size_t usual_size(const struct plan *p)
{
	return capacity_is_limit(p->capacity) ? p->largest : USUAL_SIZE;
}

/* Whether all can be made to block by keeping one side back: there must be
 * items enough for that, and soon. */
static bool hold_is_sensible(const struct plan *p, const struct config *c)
{
	size_t size = usual_size(p);

	if (size > HOLD_CAPACITY_MAX)
		return false;
	if (c->rate && 2 * (double)size > c->rate / 10)
		return false;
	return p->hold == HOLD_PRODUCERS ||
	       (p->capacity != COQUEUE_UNBOUNDED &&
		p->items > p->largest + (p->batch + 1) * p->producers);
}

static void plan_hold(struct round *r)
{
	struct plan *p = &r->plan;

	if (p->one_call || p->hold == NOBODY)
		return;
	if (!hold_is_sensible(p, r->run->config)) {
		p->hold = NOBODY;
		return;
	}
	p->hold_at = random_below(
		&r->random,
		smaller(usual_size(p) * 2, p->items / p->producers) + 1);
	p->put_forms = p->get_forms = p->join_forms = FOR_EVER;
	p->burst = 0;
}

static void make_plan(struct round *r, const struct scenario *s,
		      uint64_t end_ns, uint64_t items_left)
{
	const struct config *c = r->run->config;
	struct plan *p = &r->plan;
	uint64_t now = now_ns();

	plan_defaults(p, c, s);
	s->plan(p, c, &r->random);
	if (c->rate)
		p->moment_ns +=
			(uint64_t)(16 * (double)NS_PER_SECOND / c->rate);
	if (end_ns != UINT64_MAX)
		p->moment_ns =
			smaller(p->moment_ns, end_ns > now ? end_ns - now : 0);
	if (p->largest < p->capacity)
		p->largest = p->capacity;
	p->ahead = smaller(p->ahead, ROUND_MEMORY / c->item_size);
	plan_items(r, items_left);
	plan_hold(r);
}

/* ---- the crew ---------------------------------------------------------- */

/* What a consumer takes before it leaves.  When consumers end the queue, there
 * is so much for each, and soon; else there is no end to it. */
static uint32_t draw_quota(const struct round *r, struct random *random)
{
	const struct plan *p = &r->plan;
	const struct config *c = r->run->config;
	uint64_t most = smaller(p->items, ROUND_ITEMS);

	if (!p->is_held[COQUEUE_GET] || p->is_held[COQUEUE_PUT])
		return UINT32_MAX;
	most = smaller(most, ROUND_MEMORY / c->item_size);
	if (c->rate)
		most = smaller(most, (uint64_t)(c->rate / 20) + 1);
	return (uint32_t)random_between(random, 0, most / p->consumers);
}

static void assign(struct round *r, struct actor *a)
{
	const struct plan *p = &r->plan;
	const struct config *c = r->run->config;

	worker_reset(a);
	a->random = random_from(c->seed ^ r->salt, a->role, a->index);
	a->forms = a->role == PRODUCER ? p->put_forms : p->get_forms;
	if (a->role == CONDUCTOR || (p->patient_half && a->rank % 2 == 0))
		a->forms = FOR_EVER;
	if (a->role == CONSUMER)
		a->share = draw_quota(r, &a->random);
	if (a->role != PRODUCER || a->index >= p->producers)
		return;
	a->share = (uint32_t)(p->items / p->producers +
			      (a->index < p->items % p->producers));
	if (p->is_held[COQUEUE_PUT])
		a->share = (uint32_t)random_between(&a->random, 0, a->share);
	a->pace_start_ns = r->start_ns;
	if (c->rate)
		a->pace_start_ns +=
			(uint64_t)((double)NS_PER_SECOND / c->rate * a->index);
}

/* Who is what.  All sorts take their turn, so that the first few are of all. */
static void deal(struct round *r, enum role role, unsigned threads)
{
	const unsigned *beside = r->plan.beside;
	unsigned n[N_CALLERS] = {[THREAD] = threads}, dealt[N_CALLERS] = {0};
	enum caller next = THREAD;
	struct actor *a;

	for (enum caller caller = COROUTINE; caller < N_CALLERS; caller++)
		if (role == PRODUCER || role == CONSUMER)
			n[caller] = beside[caller];
		else if (beside[caller])
			n[caller] = threads;
	if (role == JOINER && r->plan.one_call)
		n[ARMED] = 0; /* destroy cannot send it away */
	for (unsigned i = 0; i < round_crew_size(r, role); i++) {
		while (dealt[next] == n[next])
			next = (next + 1) % N_CALLERS;
		a = round_actor(r, role, i);
		a->caller = next;
		a->rank = dealt[next]++;
		next = (next + 1) % N_CALLERS;
	}
}

static void deal_all(struct round *r)
{
	const struct config *c = r->run->config;

	deal(r, PRODUCER, c->producers);
	deal(r, CONSUMER, c->consumers);
	deal(r, JOINER, JOINERS_MAX);
	deal(r, SHUTTER, SHUTTERS_MAX);
	deal(r, RESIZER, RESIZERS_MAX);
}

/* NULL after the last of those who work in this round, conductor included. */
static struct actor *next_in_round(struct round *r, struct actor *a)
{
	struct actor *end = r->actors + r->n_actors;

	for (a = a ? a + 1 : r->actors; a < end; a++)
		if (a->index < round_crew_size(r, a->role))
			return a;
	return NULL;
}

static int start_thread(struct actor *a)
{
	pthread_attr_t attr;
	int rc;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, WORKER_STACK);
	rc = pthread_create(&a->thread, &attr, worker_main, a);
	pthread_attr_destroy(&attr);
	return rc;
}

void worker_start(struct actor *a)
{
	struct round *r = a->round;
	bool is_thread = a->caller == THREAD;
	int rc = is_thread ? start_thread(a)
			   : fiber_start(r->pools[a->caller], worker_fiber, a);

	a->running = rc == 0;
	if (!rc)
		return;
	r->start_error = rc;
	r->run->not_started = is_thread ? "a thread" : "a coroutine";
}

/* They stay, for later rounds.  Armed ones run where the library knows of no
 * scheduler: what would block, blocks. */
static void start_pools(struct round *r)
{
	for (enum caller caller = COROUTINE; caller < N_CALLERS; caller++) {
		if (!r->plan.beside[caller] || r->pools[caller])
			continue;
		r->start_error =
			fibers_start(&r->pools[caller], r->run->config->workers,
				     caller == COROUTINE ? FIBERS_HOOKED : 0);
		if (!r->start_error)
			continue;
		r->run->not_started = "threads for coroutines";
		return;
	}
}

static void start_crew(struct round *r)
{
	struct actor *a = NULL;

	start_pools(r);
	while (!r->start_error && (a = next_in_round(r, a)))
		if (a->role != CONDUCTOR)
			worker_start(a);
}

void round_step(struct round *r, enum activity what)
{
	atomic_store(&round_conductor(r)->activity, what);
	atomic_fetch_add(&r->run->steps, 1);
}

bool worker_join(struct actor *a)
{
	void *end;

	pthread_join(a->thread, &end);
	a->running = a->cancelled = false;
	return end == PTHREAD_CANCELED;
}

static void join_fibers(struct round *r, enum caller caller)
{
	struct fibers *pool = r->pools[caller];
	uint64_t parks;

	if (!pool)
		return;
	fibers_await(pool);
	if (caller != COROUTINE)
		return;
	parks = fibers_parks(pool);
	round_conductor(r)->count[PARKS] = parks - r->parks_before;
	r->parks_before = parks;
}

static void join_crew(struct round *r)
{
	struct actor *a = NULL;

	round_step(r, JOINING_CREW);
	while ((a = next_in_round(r, a)))
		if (a->running && a->caller == THREAD)
			worker_join(a);
	join_fibers(r, COROUTINE);
	join_fibers(r, ARMED);
}

/* ---- the life of the queue --------------------------------------------- */

coqueue_t *round_queue(const struct round *r, unsigned i)
{
	if (r->queue)
		return i == 0 ? r->queue : NULL;
	return i < r->n_lanes ? r->lanes[i].queue : NULL;
}

void round_publish_queue(struct round *r, coqueue_t *q)
{
	pthread_mutex_lock(&r->run->view);
	r->queue = q;
	pthread_mutex_unlock(&r->run->view);
}

static int compare_ranks(const void *a, const void *b, void *unused)
{
	(void)unused;
	return (int)item_rank(a) - (int)item_rank(b);
}

int round_make_queue(struct round *r, coqueue_t **q, enum coqueue_order order,
		     size_t capacity, void (*item_destroy)(void *, void *),
		     void *ctx)
{
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;

	attr.order = order;
	attr.item_size = r->run->config->item_size;
	if (attr.order == COQUEUE_PRIORITY)
		attr.compare = compare_ranks;
	attr.item_destroy = item_destroy;
	attr.ctx = ctx;
	round_step(r, CREATING);
	return coqueue_create(q, capacity, &attr);
}

static int create_queue(struct round *r)
{
	coqueue_t *q;
	int rc = round_make_queue(r, &q, r->plan.order, r->plan.capacity,
				  worker_destroys, r);

	if (rc == 0)
		round_publish_queue(r, q);
	return rc;
}

void round_destroy_queue(struct round *r)
{
	struct actor *conductor = round_conductor(r);
	coqueue_t *q = r->queue;
	int rc;

	atomic_store(&r->begun, IMMEDIATELY);
	atomic_store(&r->destroying, true);
	round_publish_queue(r, NULL);
	round_step(r, IN_DESTROY);
	/* not while somebody is armed, or has been woken and comes back */
	while ((rc = coqueue_destroy(q)) == EBUSY && r->plan.beside[ARMED])
		sleep_ns(20 * NS_PER_US);
	round_step(r, JUDGING);
	if (rc)
		actor_fail(conductor, "coqueue_destroy returned %s",
			   strerror(rc));
}

/* ---- a round, a scenario ----------------------------------------------- */

static void reset_round(struct round *r, const struct scenario *s)
{
	const struct config *c = r->run->config;
	uint64_t scenario = (uint64_t)(s - scenarios);

	r->start_ns = now_ns();
	r->salt = random_mix(c->seed + random_mix(scenario << 40 | r->index));
	atomic_store(&r->begun, STILL_OPEN);
	atomic_store(&r->returned, STILL_OPEN);
	atomic_store(&r->destroying, false);
	atomic_store(&r->stop, false);
	atomic_store(&r->triggered, false);
	for (enum role role = 0; role < N_ROLES; role++)
		atomic_store(&r->left[role], 0);
	for (enum coqueue_side side = 0; side < N_SIDES; side++) {
		atomic_store(&r->releasing[side], 0);
		atomic_store(&r->released[side], 0);
	}
	deal_all(r);
	r->full = r->plan.capacity;
	gate_shut(&r->hold_gate);
	gate_shut(&r->shut_gate);
	while (sem_trywait(&r->bell) == 0)
		;
	for (unsigned i = 0; i < r->n_actors; i++)
		assign(r, &r->actors[i]);
	worker_is(round_conductor(r));
}

/* When a thread could not be started, those that were must still get out. */
static void give_up(struct round *r)
{
	if (r->plan.queues)
		select_shut_all(r);
	else
		worker_shuts_down(round_conductor(r), COQUEUE_IMMEDIATE);
}

static void play(struct round *r, const struct scenario *s)
{
	r->run->not_started = "a queue";
	r->start_error = r->plan.queues ? select_open(r) : create_queue(r);
	if (r->start_error)
		return;
	if (s->prepare)
		s->prepare(r);
	start_crew(r);
	if (r->start_error)
		give_up(r);
	else
		s->conduct(r);
	round_open_gates(r);
	join_crew(r);
	r->result->load_ns += now_ns() - r->start_ns;
	if (r->queue) {
		judge_queue(r);
		round_destroy_queue(r);
	}
	if (r->plan.queues)
		select_close(r);
	judge_accounts(r);
}

/* The counts move from the crew to the result in one step for who looks. */
void round_add_up(struct round *r)
{
	struct result *sum = r->result;
	struct actor *a = NULL;

	judge_collect(r);
	pthread_mutex_lock(&r->run->view);
	sum->rounds++;
	while ((a = next_in_round(r, a))) {
		for (unsigned i = 0; i < N_COUNTS; i++)
			sum->count[i] += a->count[i];
		if (a->role != CONDUCTOR) {
			sum->moved_by[a->caller][COQUEUE_PUT] +=
				a->count[ACCEPTED];
			sum->moved_by[a->caller][COQUEUE_GET] +=
				a->count[DELIVERED];
		}
		if (a->latency)
			histogram_add(&sum->latency, a->latency);
		atomic_store(&a->moved, 0);
	}
	pthread_mutex_unlock(&r->run->view);
}

/* A short-lived queue takes as long as some hundred items. */
static uint64_t items_worth(const struct round *r)
{
	return r->plan.one_call ? 100 : r->plan.items;
}

int scenario_run(struct round *r, const struct scenario *s, uint64_t end_ns,
		 struct result *result)
{
	uint64_t items_left = r->run->config->items;

	r->result = result;
	r->index = 0;
	if (!items_left)
		items_left = UINT64_MAX;
	do {
		r->random = random_from(r->run->config->seed,
					(uint64_t)(s - scenarios), r->index);
		make_plan(r, s, end_ns, items_left);
		reset_round(r, s);
		play(r, s);
		if (r->start_error)
			return r->start_error;
		round_add_up(r);
		r->index++;
		if (items_left != UINT64_MAX)
			items_left -= smaller(items_left, items_worth(r));
	} while (items_left && now_ns() < end_ns &&
		 !atomic_load(&r->run->signal) &&
		 !atomic_load(&result->violations.n));
	return 0;
}
