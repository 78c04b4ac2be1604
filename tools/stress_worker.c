/* SPDX-License-Identifier: MIT */
/*
 * What the threads of a crew do.  There is one loop for each role; what makes
 * scenarios differ is in the plan.
 *
 * Threads are cancelled only where nothing is half done: in library calls and
 * at pthread_testcancel().  A call that was cancelled leaves in_call set, and
 * the thread that takes over settles what that call had moved (nothing, if the
 * library keeps its word; part of a put_many).
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif
#include "stress_call.h"
#include "stress_cargo.h"
#include "stress_linearize.h"
#include "stress_order.h"
#include "stress_select.h"

/* ---- gates ------------------------------------------------------------- */

static void pass_as_fiber(struct gate *g)
{
	uint64_t nap = 50 * NS_PER_US;

	while (sem_trywait(&g->turnstile) != 0) {
		sleep_ns(nap);
		nap = smaller(nap * 2, 10 * NS_PER_MS);
	}
	sem_post(&g->turnstile);
}

/* Semaphores, so that no broadcast is needed: whoever passes lets the next
 * one through.  Cancelled is who has not yet passed. */
void gate_pass(struct gate *g)
{
	int state;

	if (fiber_self()) {
		pass_as_fiber(g);
		return;
	}
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	while (!semaphore_wait(&g->turnstile, now_ns() + NS_PER_MS)) {
		pthread_setcancelstate(state, NULL);
		pthread_testcancel();
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	}
	pthread_setcancelstate(state, NULL);
	sem_post(&g->turnstile);
}

void gate_shut(struct gate *g)
{
	sem_init(&g->turnstile, 0, 0);
	atomic_store(&g->arrived, 0);
}

void gate_open(struct gate *g)
{
	sem_post(&g->turnstile);
}

static void stop_at(struct actor *a, struct gate *g)
{
	actor_enters(a, AT_GATE);
	atomic_fetch_add(&g->arrived, 1);
	gate_pass(g);
	actor_enters(a, OWN_WORK);
}

/* ---- what makes schedules differ --------------------------------------- */

void worker_thinks(struct actor *a)
{
	unsigned one_in = a->round->plan.think_one_in[a->role == CONSUMER];

	if (one_in && random_one_in(&a->random, one_in))
		sleep_ns(random_below(&a->random, 300 * NS_PER_US));
}

bool worker_paces(struct actor *a, uint32_t number)
{
	const struct round *r = a->round;
	uint64_t due = cargo_due_ns(a, number), now;

	actor_enters(a, PACING);
	while ((now = now_ns()) < due && !atomic_load(&r->stop) &&
	       !atomic_load(&r->begun)) {
		uint64_t left = due - now;

		sleep_ns(smaller(left, 10 * NS_PER_MS));
		pthread_testcancel();
	}
	actor_enters(a, OWN_WORK);
	return !atomic_load(&r->stop);
}

/* ---- producers --------------------------------------------------------- */

int worker_puts(struct actor *a, size_t n)
{
	struct call c = {.n = n};
	int rc;

	call_draw(a, &c, a->forms);
	c.what = call_function(&c, IN_PUT, IN_PUT_MANY);
	cargo_write(a, n);
	rc = call_make(a, &c);
	cargo_accepted(a);
	return rc;
}

/* Of the items that are left to put, or to take. */
static size_t draw_batch(struct actor *a, uint32_t left)
{
	size_t batch = a->caller == ARMED ? 1 : a->round->plan.batch;

	if (batch > 1 && a->forms != FOR_EVER)
		batch = random_between(&a->random, 1, batch);
	return smaller(batch, left);
}

static uint64_t sum_of(struct round *r, enum role role, bool marked)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < round_crew_size(r, role); i++) {
		struct actor *a = round_actor(r, role, i);

		sum += atomic_load_explicit(marked ? &a->marked : &a->moved,
					    memory_order_acquire);
	}
	return sum;
}

/* All items that were in the queue before a join must be marked when it has
 * returned 0.  Discarded ones count as marked before we hear of them, so
 * after an immediate shutdown there is nothing to compare. */
static int join_once(struct actor *a)
{
	struct round *r = a->round;
	struct call c = {.n = 0};
	uint64_t put = sum_of(r, PRODUCER, false), marked;
	int rc;

	call_draw(a, &c, r->plan.join_forms);
	c.what = c.form == FOR_EVER ? IN_JOIN : IN_JOIN_UNTIL;
	rc = call_make(a, &c);
	if (rc)
		return rc;
	a->count[JOINED]++;
	marked = sum_of(r, CONSUMER, true);
	if (marked < put && atomic_load(&r->begun) != IMMEDIATELY)
		actor_fail(a, "a join returned 0 with %lu of %lu items done",
			   (unsigned long)marked, (unsigned long)put);
	return 0;
}

static void join_own_burst(struct actor *a)
{
	if (!a->round->plan.burst || a->number < a->next_join)
		return;
	a->next_join = a->number + a->round->plan.burst;
	while (join_once(a) != 0 && !atomic_load(&a->round->begun))
		;
}

/* Without a limit producers would be ahead by more than consumers can take in
 * the time that is left. */
static void wait_for_consumers(struct actor *a)
{
	struct round *r = a->round;
	const struct plan *p = &r->plan;

	if (p->capacity != COQUEUE_UNBOUNDED ||
	    !random_one_in(&a->random, p->ahead / 1024 + 1))
		return;
	while (coqueue_size(r->queue) >= p->ahead && !atomic_load(&r->stop) &&
	       !atomic_load(&r->begun)) {
		sleep_ns(50 * NS_PER_US);
		pthread_testcancel();
	}
}

bool worker_puts_on(struct actor *a)
{
	return a->number < a->share && !atomic_load(&a->round->stop);
}

/* Everything before the next put; false: there is no next put. */
static bool prepare_put(struct actor *a, size_t *n)
{
	struct round *r = a->round;

	if (!worker_puts_on(a))
		return false;
	if (r->plan.hold == HOLD_PRODUCERS && a->number >= r->plan.hold_at)
		stop_at(a, &r->hold_gate);
	join_own_burst(a);
	worker_thinks(a);
	wait_for_consumers(a);
	pthread_testcancel();
	actor_jitters(a);
	worker_holds_more(a);
	*n = draw_batch(a, a->share - a->number);
	return !r->run->config->rate || r->plan.one_call ||
	       worker_paces(a, a->number + (uint32_t)*n - 1);
}

/* Whoever was refused once must be refused in every form of call. */
static void put_in_vain(struct actor *a)
{
	static const struct call ways[] = {
		{.what = IN_TRY_PUT, .form = AT_ONCE, .n = 1},
		{.what = IN_PUT, .form = FOR_EVER, .n = 1},
		{.what = IN_PUT_UNTIL, .form = UNTIL, .n = 1},
		{.what = IN_PUT_MANY, .form = FOR_EVER, .n = 1},
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct call c = ways[i];

		cargo_write(a, 1);
		call_make_in_vain(a, &c);
		cargo_accepted(a);
	}
}

static void produce(struct actor *a)
{
	const struct plan *p = &a->round->plan;
	size_t n;
	int rc = 0;

	while (prepare_put(a, &n)) {
		rc = worker_puts(a, n);
		if (rc == ESHUTDOWN || p->one_call)
			break;
	}
	if (rc == ESHUTDOWN && !p->one_call)
		put_in_vain(a);
	worker_releases(a);
}

/* ---- consumers --------------------------------------------------------- */

static void mark_done(struct actor *a, size_t n)
{
	size_t first = n;

	if (!n || !a->round->plan.mark_done)
		return;
	if (n > 1 && random_one_in(&a->random, 2))
		first = random_between(&a->random, 1, n - 1);
	actor_counts(&a->marked, n);
	a->count[MARKED] += n;
	actor_enters(a, IN_TASK_DONE);
	if (coqueue_task_done(a->round->queue, first) != 0 ||
	    (n > first && coqueue_task_done(a->round->queue, n - first) != 0))
		actor_fail(a, "coqueue_task_done failed for %zu items just got",
			   n);
	actor_enters(a, OWN_WORK);
}

/* A rendezvous has nothing to show: who waits for that waits for its end. */
static unsigned peek_forms(const struct actor *a)
{
	const struct plan *p = &a->round->plan;

	return p->capacity || p->one_call ? a->forms : AT_ONCE;
}

static int peek_once(struct actor *a)
{
	struct call c = {.n = 1};
	int rc;

	call_draw(a, &c, peek_forms(a));
	c.what = call_function(&c, IN_PEEK, IN_PEEK);
	order_look(a);
	rc = call_make(a, &c);
	if (rc == 0)
		cargo_seen(a);
	return rc;
}

int worker_gets(struct actor *a, size_t n)
{
	struct call c = {.n = n};
	int rc;

	call_draw(a, &c, a->forms);
	c.what = call_function(&c, IN_GET, IN_GET_MANY);
	order_look(a);
	rc = call_make(a, &c);
	cargo_taken(a);
	if (a->role == CONSUMER)
		mark_done(a, a->done);
	return rc;
}

static uint32_t quota_left(const struct actor *a)
{
	if (a->share == UINT32_MAX)
		return UINT32_MAX;
	return a->share - (uint32_t)a->count[DELIVERED];
}

static int get_or_peek(struct actor *a)
{
	unsigned peeks = a->round->plan.peek_one_in;

	if (peeks && random_one_in(&a->random, peeks))
		return peek_once(a);
	return worker_gets(a, draw_batch(a, quota_left(a)));
}

/* False: this consumer leaves without having been refused.  Only those leave
 * that do not wait for ever, so that a wake-up that was lost with one of them
 * is missed by the others. */
static bool prepare_get(struct actor *a)
{
	worker_thinks(a);
	pthread_testcancel();
	actor_jitters(a);
	worker_holds_more(a);
	if (quota_left(a) == 0)
		return false;
	return a->forms == FOR_EVER || !atomic_load(&a->round->stop);
}

static void get_in_vain(struct actor *a)
{
	static const struct call ways[] = {
		{.what = IN_TRY_GET, .form = AT_ONCE, .n = 1},
		{.what = IN_GET, .form = FOR_EVER, .n = 1},
		{.what = IN_GET_UNTIL, .form = UNTIL, .n = 1},
		{.what = IN_GET_MANY, .form = FOR_EVER, .n = 1},
		{.what = IN_PEEK, .form = FOR_EVER, .n = 1},
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct call c = ways[i];

		call_make_in_vain(a, &c);
		if (c.what != IN_PEEK)
			cargo_taken(a);
	}
}

static void consume(struct actor *a)
{
	const struct plan *p = &a->round->plan;
	int rc = 0;

	if (p->hold == HOLD_CONSUMERS && !p->one_call)
		stop_at(a, &a->round->hold_gate);
	while (prepare_get(a)) {
		rc = get_or_peek(a);
		if (rc == ESHUTDOWN || p->one_call)
			break;
	}
	if (rc == ESHUTDOWN && !p->one_call)
		get_in_vain(a);
	worker_releases(a);
}

/* ---- joiners ----------------------------------------------------------- */

static void join_in(struct actor *a)
{
	struct round *r = a->round;
	bool last;
	int rc;

	do {
		pthread_testcancel();
		last = atomic_load(&r->stop) || atomic_load(&r->begun);
		rc = join_once(a);
		if (r->plan.one_call)
			return;
		if (!last)
			sleep_ns(random_below(&a->random, 100 * NS_PER_US));
	} while (rc != 0 || !last);
}

/* ---- shutters ---------------------------------------------------------- */

static void shut(struct actor *a)
{
	stop_at(a, &a->round->shut_gate);
	actor_jitters(a);
	worker_shuts_down(a, a->round->plan.shutter_mode[a->index]);
}

/* ---- a worker's life --------------------------------------------------- */

void worker_reset(struct actor *a)
{
	atomic_store(&a->activity, NOT_STARTED);
	atomic_store(&a->moved, 0);
	atomic_store(&a->marked, 0);
	a->knows = STILL_OPEN;
	a->number = 0;
	memset(a->stamped, 0, sizeof(a->stamped));
	memset(a->put_in, 0, sizeof(a->put_in));
	memset(a->taken_from, 0, sizeof(a->taken_from));
	memset(a->over, 0, sizeof(a->over));
	a->next_join = a->round->plan.burst;
	a->in_call = false;
	a->done = 0;
	memset(a->count, 0, sizeof(a->count));
	order_forget(a);
	if (a->latency && a->latency->count)
		memset(a->latency, 0, sizeof(*a->latency));
}

static void settle_cancelled_call(struct actor *a)
{
	if (!a->in_call)
		return;
	a->in_call = false;
	if (a->is_put) {
		cargo_accepted(a);
		return;
	}
	if (a->done)
		actor_fail(a, "a cancelled get took %zu items", a->done);
	cargo_taken(a);
	mark_done(a, a->done);
}

/* On the way out of a cancelled thread. */
static void obey_cancellation(void *actor)
{
	actor_enters(actor, OBEYED_CANCELLATION);
#ifdef __SANITIZE_ADDRESS__
	/* It has not seen that the frames below were unwound, and would take
	 * what uses their stack next for a trespasser. */
	__asan_unpoison_memory_region((char *)__builtin_frame_address(0) -
					      WORKER_STACK / 2,
				      WORKER_STACK / 2);
#endif
}

static void work(struct actor *a)
{
	static void (*const of[N_ROLES])(struct actor *) = {
		[PRODUCER] = produce,      [CONSUMER] = consume,
		[JOINER] = join_in,        [SHUTTER] = shut,
		[PLAYER] = linearize_play, [RESIZER] = worker_resizes,
	};

	/* players are there before anything is planned */
	if (a->role != PLAYER && a->round->plan.queues)
		select_work(a);
	else
		of[a->role](a);
}

static void has_left(struct actor *a)
{
	actor_enters(a, LEFT);
	atomic_fetch_add(&a->round->left[a->role], 1);
	atomic_fetch_add(&a->round->run->steps, 1);
	sem_post(&a->round->bell);
}

void *worker_main(void *actor)
{
	struct actor *a = actor;

	worker_is(a);
	actor_enters(a, OWN_WORK);
	settle_cancelled_call(a);
	pthread_cleanup_push(obey_cancellation, a);
	work(a);
	pthread_cleanup_pop(0);
	has_left(a);
	return NULL;
}

/* It is not cancelled: and where cleanups are noted belongs to a thread. */
void worker_fiber(void *actor)
{
	struct actor *a = actor;

	actor_enters(a, OWN_WORK);
	work(a);
	has_left(a);
}
