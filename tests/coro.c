/* SPDX-License-Identifier: MIT */
/*
 * Coroutines on ucontext.  A coroutine that is to be suspended switches to the
 * loop of its OS thread, and the loop puts it where it belongs: nobody can take
 * it while it still runs on its stack.
 *
 * Nothing that belongs to a thread is kept over a switch: functions that switch
 * ask here() again, which compilers cannot see through.
 */
#include <sys/mman.h>
#include <sys/queue.h>
#include <ucontext.h>
#include "coro.h"

/* Sanitizers follow switches only if told so. */
void __asan_unpoison_memory_region(const volatile void *from, size_t bytes)
	__attribute__((weak));
void __sanitizer_start_switch_fiber(void **save, const void *bottom,
				    size_t size) __attribute__((weak));
void __sanitizer_finish_switch_fiber(void *saved, const void **bottom,
				     size_t *size) __attribute__((weak));
void *__tsan_get_current_fiber(void) __attribute__((weak));
void *__tsan_create_fiber(unsigned flags) __attribute__((weak));
void __tsan_destroy_fiber(void *fiber) __attribute__((weak));
void __tsan_switch_to_fiber(void *fiber, unsigned flags) __attribute__((weak));

enum { STACK = 256 * 1024, GUARD = 64 * 1024 };

/* A stack, and what runs on it: a coroutine, or the loop of a thread. */
struct fiber {
	ucontext_t context;
	const void *bottom; /* of the stack, and its size, for ASan */
	size_t size;
	void *asan, *tsan;
};

enum coro_state { RUNNABLE, RUNNING, PARKED };
enum coro_wish { WISH_YIELD, WISH_PARK, WISH_END };

TAILQ_HEAD(coro_list, coro);

struct coro {
	struct fiber fiber;
	void *stack;
	struct hand *hand;
	/* of the thread that runs it, until it is in its loop: */
	enum coro_wish wish;
	int cancel_state; /* of the coroutine, while it does not run */
	const struct timespec *deadline;
	/* under the pool's lock: */
	TAILQ_ENTRY(coro) link; /* in runnable, or timed if it is there */
	enum coro_state state;
	bool is_timed, unparked; /* before it parked */
	int woken;               /* what park returns */
	const struct worker *last;
};

struct worker {
	struct coro_pool *pool;
	pthread_t thread;
	struct fiber loop;
	struct coro *running;
};

struct coro_pool {
	pthread_mutex_t lock;
	pthread_cond_t news;
	/* under lock: */
	struct coro_list runnable, timed;
	enum coro_manner manner;
	uint64_t random;
	unsigned alive, parked;
	uint64_t parks;
	bool ends;
	unsigned n_workers;
	struct worker workers[];
};

/* ---- switching ------------------------------------------------------------ */

static _Thread_local struct worker *this_worker;

static __attribute__((noinline)) struct worker *here(void)
{
	__asm__ volatile("" ::: "memory");
	return this_worker;
}

static void arrived(struct fiber *at, struct fiber *from)
{
	if (__sanitizer_finish_switch_fiber)
		__sanitizer_finish_switch_fiber(at->asan, &from->bottom,
						&from->size);
}

static __attribute__((noinline)) void go(struct fiber *from, struct fiber *to,
					 bool for_good)
{
	if (__sanitizer_start_switch_fiber)
		__sanitizer_start_switch_fiber(for_good ? NULL : &from->asan,
					       to->bottom, to->size);
	if (__tsan_switch_to_fiber)
		__tsan_switch_to_fiber(to->tsan, 0);
	swapcontext(&from->context, &to->context);
}

/* In a coroutine: to the loop of the thread, and back on another. */
static __attribute__((noinline)) void leave(struct coro *me,
					    enum coro_wish wish)
{
	me->wish = wish;
	go(&me->fiber, &here()->loop, wish == WISH_END);
	arrived(&me->fiber, &here()->loop);
}

static void coro_main(void)
{
	struct coro *me = here()->running;

	arrived(&me->fiber, &here()->loop);
	me->hand->result = me->hand->work(me->hand);
	atomic_store(&me->hand->finished, true);
	leave(me, WISH_END);
}

static struct coro *coro_new(struct hand *hand)
{
	struct coro *c = calloc(1, sizeof(*c));
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ck_assert(c && stack != MAP_FAILED);
	ck_assert_int_eq(mprotect(stack, GUARD, PROT_NONE), 0);
	c->hand = hand;
	c->stack = stack;
	c->cancel_state = PTHREAD_CANCEL_ENABLE;
	c->fiber.bottom = stack + GUARD;
	c->fiber.size = STACK - GUARD;
	getcontext(&c->fiber.context);
	c->fiber.context.uc_stack.ss_sp = stack + GUARD;
	c->fiber.context.uc_stack.ss_size = STACK - GUARD;
	makecontext(&c->fiber.context, coro_main, 0);
	if (__tsan_create_fiber)
		c->fiber.tsan = __tsan_create_fiber(0);
	return c;
}

static void coro_free(struct coro *c)
{
	if (__tsan_destroy_fiber)
		__tsan_destroy_fiber(c->fiber.tsan);
	if (__asan_unpoison_memory_region)
		__asan_unpoison_memory_region(c->fiber.bottom, c->fiber.size);
	munmap(c->stack, STACK);
	free(c);
}

/* ---- the queue of the runnable; under lock -------------------------------- */

static void make_runnable(struct coro_pool *pool, struct coro *c, int woken)
{
	if (c->is_timed)
		TAILQ_REMOVE(&pool->timed, c, link);
	pool->parked -= c->state == PARKED;
	c->is_timed = false;
	c->woken = woken;
	c->state = RUNNABLE;
	TAILQ_INSERT_TAIL(&pool->runnable, c, link);
	pthread_cond_broadcast(&pool->news);
}

static void become_parked(struct coro_pool *pool, struct coro *c)
{
	bool spurious = pool->manner == CORO_SPURIOUS &&
			random_below(&pool->random, 3) == 0;

	pool->parks++;
	if (c->unparked || spurious) {
		c->unparked &= spurious;
		make_runnable(pool, c, 0);
		return;
	}
	c->state = PARKED;
	pool->parked++;
	c->is_timed = c->deadline;
	if (c->is_timed)
		TAILQ_INSERT_TAIL(&pool->timed, c, link);
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec ||
	       (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/* Let go on whose deadline has passed; the nearest of the others, or NULL. */
static const struct timespec *expire(struct coro_pool *pool)
{
	const struct timespec *nearest = NULL;
	struct timespec now;
	struct coro *c, *next;

	if (TAILQ_EMPTY(&pool->timed))
		return NULL;
	now = from_now(0);
	for (c = TAILQ_FIRST(&pool->timed); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (!is_before(&now, c->deadline))
			make_runnable(pool, c, ETIMEDOUT);
		else if (!nearest || is_before(c->deadline, nearest))
			nearest = c->deadline;
	}
	return nearest;
}

static struct coro *take_runnable(struct worker *w)
{
	struct coro_pool *pool = w->pool;
	struct coro *c;

	for (c = TAILQ_FIRST(&pool->runnable); c; c = TAILQ_NEXT(c, link))
		if (pool->n_workers == 1 || c->last != w)
			break;
	if (!c)
		return NULL;
	TAILQ_REMOVE(&pool->runnable, c, link);
	c->state = RUNNING;
	c->last = w;
	return c;
}

/* ---- the loop of a thread ------------------------------------------------- */

/* The lock is held on entry and on return. */
static void run(struct worker *w, struct coro *c)
{
	struct coro_pool *pool = w->pool;

	enum coro_wish wish;
	int cancel_state;

	pthread_mutex_unlock(&pool->lock);
	w->running = c;
	pthread_setcancelstate(c->cancel_state, &cancel_state);
	go(&w->loop, &c->fiber, false);
	arrived(&w->loop, &c->fiber);
	pthread_setcancelstate(cancel_state, &c->cancel_state);
	w->running = NULL;
	wish = c->wish;
	if (wish == WISH_END)
		coro_free(c);
	pthread_mutex_lock(&pool->lock);
	switch (wish) {
	case WISH_YIELD:
		make_runnable(pool, c, 0);
		break;
	case WISH_PARK:
		become_parked(pool, c);
		break;
	case WISH_END:
		pool->alive--;
	}
}

static void loop(struct worker *w)
{
	struct coro_pool *pool = w->pool;
	const struct timespec *nearest;
	struct timespec until;
	struct coro *c;

	pthread_mutex_lock(&pool->lock);
	while (!pool->ends) {
		nearest = expire(pool);
		c = take_runnable(w);
		if (c) {
			run(w, c);
		} else if (nearest) {
			until = *nearest; /* its owner may be gone by then */
			pthread_cond_timedwait(&pool->news, &pool->lock,
					       &until);
		} else {
			pthread_cond_wait(&pool->news, &pool->lock);
		}
	}
	pthread_mutex_unlock(&pool->lock);
}

/* ---- hooks ---------------------------------------------------------------- */

static void *hook_self(void *ctx)
{
	(void)ctx;
	return here()->running;
}

static int hook_park(void *ctx, void *self, const struct timespec *deadline)
{
	struct coro *me = self;

	(void)ctx;
	me->deadline = deadline;
	leave(me, WISH_PARK);
	return me->woken;
}

static void hook_unpark(void *ctx, void *coroutine)
{
	struct coro_pool *pool = ctx;
	struct coro *c = coroutine;

	pthread_mutex_lock(&pool->lock);
	if (c->state == PARKED)
		make_runnable(pool, c, 0);
	else
		c->unparked = true;
	pthread_mutex_unlock(&pool->lock);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	coqueue_scheduler_t scheduler = {
		.size = sizeof(scheduler),
		.self = hook_self,
		.park = hook_park,
		.unpark = hook_unpark,
		.ctx = w->pool,
	};

	this_worker = w;
	if (__tsan_get_current_fiber)
		w->loop.tsan = __tsan_get_current_fiber();
	if (coqueue_set_scheduler(&scheduler) != 0)
		abort();
	loop(w);
	return NULL;
}

/* ---- pools and crews ------------------------------------------------------ */

struct coro_pool *coro_pool_start(unsigned n_threads, enum coro_manner manner)
{
	struct coro_pool *pool =
		calloc(1, sizeof(*pool) + n_threads * sizeof(struct worker));
	pthread_condattr_t monotonic;

	ck_assert_ptr_nonnull(pool);
	ck_ok(pthread_mutex_init(&pool->lock, NULL));
	ck_ok(pthread_condattr_init(&monotonic));
	ck_ok(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC));
	ck_ok(pthread_cond_init(&pool->news, &monotonic));
	ck_ok(pthread_condattr_destroy(&monotonic));
	TAILQ_INIT(&pool->runnable);
	TAILQ_INIT(&pool->timed);
	pool->manner = manner;
	pool->random = suite_seed();
	pool->n_workers = n_threads;
	for (unsigned i = 0; i < n_threads; i++) {
		pool->workers[i].pool = pool;
		ck_ok(pthread_create(&pool->workers[i].thread, NULL,
				     worker_main, &pool->workers[i]));
	}
	return pool;
}

static unsigned alive_in(struct coro_pool *pool)
{
	unsigned alive;

	pthread_mutex_lock(&pool->lock);
	alive = pool->alive;
	pthread_mutex_unlock(&pool->lock);
	return alive;
}

void coro_pool_end(struct coro_pool *pool)
{
	await(alive_in(pool) == 0);
	pthread_mutex_lock(&pool->lock);
	pool->ends = true;
	pthread_cond_broadcast(&pool->news);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->n_workers; i++)
		ck_ok(pthread_join(pool->workers[i].thread, NULL));
	pthread_cond_destroy(&pool->news);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

/* A crew whose hands no thread has to be joined for. */
static struct crew *crew_of_coros(unsigned n, hand_work *work, coqueue_t *q)
{
	struct crew *crew = calloc(1, sizeof(*crew) + n * sizeof(struct hand));

	ck_assert_ptr_nonnull(crew);
	ck_ok(pthread_barrier_init(&crew->start, NULL, 1));
	crew->n = n;
	for (unsigned i = 0; i < n; i++) {
		crew->hands[i].q = q;
		crew->hands[i].index = i;
		crew->hands[i].item = i;
		crew->hands[i].result = STILL_RUNS;
		crew->hands[i].work = work;
		crew->hands[i].crew = crew;
		crew->hands[i].joined = true;
	}
	return crew;
}

static struct crew *coros_go(struct coro_pool *pool, struct crew *crew)
{
	for (unsigned i = 0; i < crew->n; i++) {
		struct coro *c = coro_new(&crew->hands[i]);

		pthread_mutex_lock(&pool->lock);
		pool->alive++;
		c->state = RUNNING;
		make_runnable(pool, c, 0);
		pthread_mutex_unlock(&pool->lock);
	}
	return crew;
}

struct crew *coro_start(struct coro_pool *pool, unsigned n, hand_work *work,
			coqueue_t *q, void *arg)
{
	struct crew *crew = crew_of_coros(n, work, q);

	for (unsigned i = 0; i < n; i++)
		crew->hands[i].arg = arg;
	return coros_go(pool, crew);
}

/* Not op_call(), which looks at errno. */
static int make_call(struct hand *me)
{
	return me->op->call(me->q, &me->item, me->deadline);
}

struct crew *coro_call(struct coro_pool *pool, coqueue_t *q,
		       const struct op *op, unsigned n,
		       const struct timespec *deadline)
{
	struct crew *crew = crew_of_coros(n, make_call, q);

	for (unsigned i = 0; i < n; i++) {
		crew->hands[i].op = op;
		crew->hands[i].deadline = deadline;
	}
	return coros_go(pool, crew);
}

struct crew *coro_block(struct coro_pool *pool, coqueue_t *q,
			const struct op *op, unsigned n)
{
	size_t before = waiting_in(q, op->line);
	struct crew *crew = coro_call(pool, q, op, n, NULL);

	await_waiting(q, op->line, before + n);
	return crew;
}

void coro_join(struct crew *crew)
{
	await(crew_finished(crew) == crew->n);
	crew_check(crew);
}

void coro_yield(void)
{
	leave(here()->running, WISH_YIELD);
}

unsigned coro_thread(void)
{
	struct worker *w = here();

	return (unsigned)(w - w->pool->workers);
}

bool coro_migrates(const struct coro_pool *pool)
{
	return pool->n_workers > 1;
}

unsigned coro_parked(struct coro_pool *pool)
{
	unsigned parked;

	pthread_mutex_lock(&pool->lock);
	parked = pool->parked;
	pthread_mutex_unlock(&pool->lock);
	return parked;
}

uint64_t coro_parks(struct coro_pool *pool)
{
	uint64_t parks;

	pthread_mutex_lock(&pool->lock);
	parks = pool->parks;
	pthread_mutex_unlock(&pool->lock);
	return parks;
}
