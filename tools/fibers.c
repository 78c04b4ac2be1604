/* SPDX-License-Identifier: MIT */
/*
 * Fibers on ucontext.  One that is to be suspended switches to the loop of its
 * OS thread, and the loop puts it where it belongs: nobody can take it while it
 * still runs on its stack.
 *
 * Nothing that belongs to a thread is kept over a switch: functions that switch
 * ask here() again, which compilers cannot see through.
 */
#include "config.h"

#include <coqueue/waiter.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <ucontext.h>
#include "fibers.h"

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

/* On both sides of a stack nothing is mapped: valgrind takes a step of less than
 * 2 MB for a frame of the same stack. */
enum { STACK = 192 << 10, GUARD = 2 << 20, MAPPED = GUARD + STACK + GUARD };

/* One that is not used, at its lower end. */
struct spare {
	struct spare *next;
};

/* A stack, and where what runs on it goes on: a fiber, or a thread's loop. */
struct strand {
	ucontext_t context;
	const void *bottom; /* of the stack, and its size, for ASan */
	size_t size;
	void *asan, *tsan;
};

enum state { RUNNABLE, RUNNING, PARKED };
enum wish { WISH_YIELD, WISH_PARK, WISH_END };

TAILQ_HEAD(fiber_list, fiber);

struct fiber {
	struct fibers *pool;
	struct strand strand;
	void *stack;
	void (*work)(void *arg);
	void *arg;
	/* of the thread that runs it, until it is in its loop: */
	enum wish wish;
	const struct timespec *deadline;
	int cancel_state; /* of the fiber, while it does not run */
	/* under the pool's lock: */
	TAILQ_ENTRY(fiber) link; /* in runnable, or timed if it is there */
	enum state state;
	bool is_timed; /* it is in timed */
	bool unparked; /* before it parked */
	int woken;     /* what park returns */
	const struct worker *last;
};

struct worker {
	struct fibers *pool;
	pthread_t thread;
	struct strand loop;
	struct fiber *running;
	pthread_cond_t news; /* for this one, when it is idle */
	bool idle;           /* under lock */
};

struct fibers {
	pthread_mutex_t lock;
	pthread_cond_t all_ended;
	/* under lock: */
	struct fiber_list runnable, timed;
	struct spare *spare;
	struct timespec nearest; /* no deadline in timed is before it */
	uint64_t random;
	unsigned alive, parked;
	uint64_t parks;
	bool ends;
	unsigned manner;
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

static void arrived(struct strand *at, struct strand *from)
{
	if (__sanitizer_finish_switch_fiber)
		__sanitizer_finish_switch_fiber(at->asan, &from->bottom,
						&from->size);
}

static __attribute__((noinline)) void go(struct strand *from, struct strand *to,
					 bool for_good)
{
	if (__sanitizer_start_switch_fiber)
		__sanitizer_start_switch_fiber(for_good ? NULL : &from->asan,
					       to->bottom, to->size);
	if (__tsan_switch_to_fiber)
		__tsan_switch_to_fiber(to->tsan, 0);
	swapcontext(&from->context, &to->context);
}

/* In a fiber: to the loop of the thread, and back on another. */
static __attribute__((noinline)) void leave(struct fiber *me, enum wish wish)
{
	me->wish = wish;
	go(&me->strand, &here()->loop, wish == WISH_END);
	arrived(&me->strand, &here()->loop);
}

static void fiber_main(void)
{
	struct fiber *me = here()->running;

	arrived(&me->strand, &here()->loop);
	me->work(me->arg);
	leave(me, WISH_END);
}

/* ---- stacks --------------------------------------------------------------- */

static void *stack_map(void)
{
	char *map = mmap(NULL, MAPPED, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED)
		return NULL;
	if (mprotect(map + GUARD, STACK, PROT_READ | PROT_WRITE) == 0)
		return map + GUARD;
	munmap(map, MAPPED);
	return NULL;
}

static void *stack_take(struct fibers *pool)
{
	struct spare *s;

	pthread_mutex_lock(&pool->lock);
	s = pool->spare;
	if (s)
		pool->spare = s->next;
	pthread_mutex_unlock(&pool->lock);
	return s ? s : stack_map();
}

/* Nothing of what was on it is left.  Under lock. */
static void stack_give(struct fibers *pool, void *stack)
{
	struct spare *s = stack;

	if (__asan_unpoison_memory_region)
		__asan_unpoison_memory_region(stack, STACK);
	s->next = pool->spare;
	pool->spare = s;
}

static void stacks_unmap(struct fibers *pool)
{
	struct spare *s;

	while ((s = pool->spare)) {
		pool->spare = s->next;
		munmap((char *)s - GUARD, MAPPED);
	}
}

/* ---- fibers --------------------------------------------------------------- */

static void strand_init(struct strand *s, void *stack)
{
	s->bottom = stack;
	s->size = STACK;
	if (__tsan_create_fiber)
		s->tsan = __tsan_create_fiber(0);
	getcontext(&s->context);
	s->context.uc_stack.ss_sp = stack;
	s->context.uc_stack.ss_size = STACK;
	makecontext(&s->context, fiber_main, 0);
}

static struct fiber *fiber_new(struct fibers *pool, void (*work)(void *arg),
			       void *arg)
{
	struct fiber *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->stack = stack_take(pool);
	if (!f->stack) {
		free(f);
		return NULL;
	}
	f->pool = pool;
	f->work = work;
	f->arg = arg;
	f->cancel_state = PTHREAD_CANCEL_ENABLE;
	strand_init(&f->strand, f->stack);
	return f;
}

/* Not to be used again at once: who still unparks it, AddressSanitizer tells. */
static void fiber_free(struct fiber *f)
{
	if (__tsan_destroy_fiber)
		__tsan_destroy_fiber(f->strand.tsan);
	free(f);
}

/* ---- who runs next; under lock -------------------------------------------- */

static bool suits(const struct worker *w, const struct fiber *f)
{
	return !(w->pool->manner & FIBERS_MIGRATE) || w->pool->n_workers == 1 ||
	       f->last != w;
}

/* One who is idle, and can run f; or any, for NULL. */
static void tell_worker(struct fibers *pool, const struct fiber *f)
{
	for (unsigned i = 0; i < pool->n_workers; i++) {
		struct worker *w = &pool->workers[i];

		if (!w->idle || (f && !suits(w, f)))
			continue;
		w->idle = false;
		pthread_cond_signal(&w->news);
		return;
	}
}

static void make_runnable(struct fibers *pool, struct fiber *f, int woken)
{
	if (f->is_timed)
		TAILQ_REMOVE(&pool->timed, f, link);
	pool->parked -= f->state == PARKED;
	f->is_timed = false;
	f->woken = woken;
	f->state = RUNNABLE;
	TAILQ_INSERT_TAIL(&pool->runnable, f, link);
	tell_worker(pool, f);
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec ||
	       (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

static void expect_deadline(struct fibers *pool, struct fiber *f)
{
	bool first = TAILQ_EMPTY(&pool->timed) ||
		     is_before(f->deadline, &pool->nearest);

	f->is_timed = true;
	TAILQ_INSERT_TAIL(&pool->timed, f, link);
	if (!first)
		return;
	pool->nearest = *f->deadline;
	tell_worker(pool, NULL);
}

/* xorshift: any one will do. */
static bool returns_for_nothing(struct fibers *pool)
{
	if (!(pool->manner & FIBERS_SPURIOUS))
		return false;
	pool->random ^= pool->random << 13;
	pool->random ^= pool->random >> 7;
	pool->random ^= pool->random << 17;
	return pool->random % 3 == 0;
}

static void become_parked(struct fibers *pool, struct fiber *f)
{
	pool->parks++;
	if (returns_for_nothing(pool)) {
		make_runnable(pool, f, 0);
	} else if (f->unparked) {
		f->unparked = false;
		make_runnable(pool, f, 0);
	} else {
		f->state = PARKED;
		pool->parked++;
		if (f->deadline)
			expect_deadline(pool, f);
	}
}

/* Let those go on whose deadline has passed; whether there is another one. */
static bool expire(struct fibers *pool)
{
	struct timespec now, nearest;
	struct fiber *f, *next;

	if (TAILQ_EMPTY(&pool->timed))
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (is_before(&now, &pool->nearest))
		return true;
	for (f = TAILQ_FIRST(&pool->timed); f; f = next) {
		next = TAILQ_NEXT(f, link);
		if (!is_before(&now, f->deadline))
			make_runnable(pool, f, ETIMEDOUT);
	}
	if (TAILQ_EMPTY(&pool->timed))
		return false;
	nearest = *TAILQ_FIRST(&pool->timed)->deadline;
	TAILQ_FOREACH(f, &pool->timed, link)
	if (is_before(f->deadline, &nearest))
		nearest = *f->deadline;
	pool->nearest = nearest;
	return true;
}

static struct fiber *take_runnable(struct worker *w)
{
	struct fibers *pool = w->pool;
	struct fiber *f;

	for (f = TAILQ_FIRST(&pool->runnable); f; f = TAILQ_NEXT(f, link))
		if (suits(w, f))
			break;
	if (!f)
		return NULL;
	TAILQ_REMOVE(&pool->runnable, f, link);
	f->state = RUNNING;
	f->last = w;
	return f;
}

/* ---- the loop of a thread ------------------------------------------------- */

static void end(struct fibers *pool, struct fiber *f)
{
	stack_give(pool, f->stack);
	fiber_free(f);
	if (--pool->alive == 0)
		pthread_cond_signal(&pool->all_ended);
}

/* The lock is held on entry and on return. */
static void run(struct worker *w, struct fiber *f)
{
	struct fibers *pool = w->pool;
	int cancel_state;

	pthread_mutex_unlock(&pool->lock);
	w->running = f;
	pthread_setcancelstate(f->cancel_state, &cancel_state);
	go(&w->loop, &f->strand, false);
	arrived(&w->loop, &f->strand);
	pthread_setcancelstate(cancel_state, &f->cancel_state);
	w->running = NULL;
	pthread_mutex_lock(&pool->lock);
	switch (f->wish) {
	case WISH_YIELD:
		make_runnable(pool, f, 0);
		break;
	case WISH_PARK:
		become_parked(pool, f);
		break;
	case WISH_END:
		end(pool, f);
	}
}

static void idle(struct worker *w, bool until_nearest)
{
	struct fibers *pool = w->pool;
	struct timespec until = pool->nearest;

	w->idle = true;
	if (until_nearest)
		pthread_cond_timedwait(&w->news, &pool->lock, &until);
	else
		pthread_cond_wait(&w->news, &pool->lock);
	w->idle = false;
}

static void loop(struct worker *w)
{
	struct fibers *pool = w->pool;
	struct fiber *f;
	bool some_timed;

	pthread_mutex_lock(&pool->lock);
	while (!pool->ends) {
		some_timed = expire(pool);
		f = take_runnable(w);
		if (f)
			run(w, f);
		else
			idle(w, some_timed);
	}
	pthread_mutex_unlock(&pool->lock);
}

/* ---- hooks ---------------------------------------------------------------- */

/* A thread that is a scheduler of its own is the ctx of its hooks, the pool
 * otherwise.  A call that goes on in another thread must ask again. */
static void check_ctx(const void *ctx)
{
	const struct worker *w = here();

	if (w->pool->manner & FIBERS_APART && ctx != w)
		abort();
}

static void *hook_self(void *ctx)
{
	check_ctx(ctx);
	return fiber_self();
}

static int hook_park(void *ctx, void *self, const struct timespec *deadline)
{
	check_ctx(ctx);
	if (self != fiber_self())
		abort();
	return fiber_park(deadline);
}

static void hook_unpark(void *ctx, void *fiber)
{
	(void)ctx;
	fiber_unpark(fiber);
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

	if (w->pool->manner & FIBERS_APART)
		scheduler.ctx = w;

	this_worker = w;
	if (__tsan_get_current_fiber)
		w->loop.tsan = __tsan_get_current_fiber();
	if (w->pool->manner & FIBERS_HOOKED &&
	    coqueue_set_scheduler(&scheduler) != 0)
		abort();
	loop(w);
	return NULL;
}

/* ---- pools ---------------------------------------------------------------- */

static void stop_workers(struct fibers *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->ends = true;
	for (unsigned i = 0; i < pool->n_workers; i++)
		pthread_cond_signal(&pool->workers[i].news);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->n_workers; i++)
		pthread_join(pool->workers[i].thread, NULL);
}

/* Under lock, so that they begin when all are there. */
static int start_workers(struct fibers *pool, unsigned n)
{
	pthread_condattr_t monotonic;
	int rc = 0;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_lock(&pool->lock);
	for (unsigned i = 0; i < n && !rc; i++) {
		struct worker *w = &pool->workers[i];

		w->pool = pool;
		pthread_cond_init(&w->news, &monotonic);
		rc = pthread_create(&w->thread, NULL, worker_main, w);
		pool->n_workers += rc == 0;
	}
	pthread_mutex_unlock(&pool->lock);
	pthread_condattr_destroy(&monotonic);
	return rc;
}

int fibers_start(struct fibers **pool, unsigned n_threads, unsigned manner)
{
	struct fibers *p =
		calloc(1, sizeof(*p) + n_threads * sizeof(struct worker));
	int rc;

	if (!p)
		return ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->all_ended, NULL);
	TAILQ_INIT(&p->runnable);
	TAILQ_INIT(&p->timed);
	p->manner = manner;
	p->random = 1;
	rc = start_workers(p, n_threads);
	if (rc) {
		stop_workers(p);
		free(p);
		return rc;
	}
	*pool = p;
	return 0;
}

void fibers_await(struct fibers *pool)
{
	pthread_mutex_lock(&pool->lock);
	while (pool->alive)
		pthread_cond_wait(&pool->all_ended, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
}

void fibers_end(struct fibers *pool)
{
	fibers_await(pool);
	stop_workers(pool);
	for (unsigned i = 0; i < pool->n_workers; i++)
		pthread_cond_destroy(&pool->workers[i].news);
	pthread_cond_destroy(&pool->all_ended);
	pthread_mutex_destroy(&pool->lock);
	stacks_unmap(pool);
	free(pool);
}

unsigned fibers_alive(struct fibers *pool)
{
	unsigned alive;

	pthread_mutex_lock(&pool->lock);
	alive = pool->alive;
	pthread_mutex_unlock(&pool->lock);
	return alive;
}

unsigned fibers_parked(struct fibers *pool)
{
	unsigned parked;

	pthread_mutex_lock(&pool->lock);
	parked = pool->parked;
	pthread_mutex_unlock(&pool->lock);
	return parked;
}

uint64_t fibers_parks(struct fibers *pool)
{
	uint64_t parks;

	pthread_mutex_lock(&pool->lock);
	parks = pool->parks;
	pthread_mutex_unlock(&pool->lock);
	return parks;
}

/* ---- calls of and about fibers -------------------------------------------- */

int fiber_start(struct fibers *pool, void (*work)(void *arg), void *arg)
{
	struct fiber *f = fiber_new(pool, work, arg);

	if (!f)
		return ENOMEM;
	pthread_mutex_lock(&pool->lock);
	pool->alive++;
	f->state = RUNNING;
	make_runnable(pool, f, 0);
	pthread_mutex_unlock(&pool->lock);
	return 0;
}

struct fiber *fiber_self(void)
{
	struct worker *w = here();

	return w ? w->running : NULL;
}

void *fiber_arg(void)
{
	struct fiber *me = fiber_self();

	return me ? me->arg : NULL;
}

void fiber_yield(void)
{
	leave(fiber_self(), WISH_YIELD);
}

int fiber_park(const struct timespec *deadline)
{
	struct fiber *me = fiber_self();

	me->deadline = deadline;
	leave(me, WISH_PARK);
	return me->woken;
}

void fiber_sleep(const struct timespec *until)
{
	while (fiber_park(until) != ETIMEDOUT)
		;
}

void fiber_unpark(struct fiber *f)
{
	struct fibers *pool = f->pool;

	pthread_mutex_lock(&pool->lock);
	if (f->state == PARKED)
		make_runnable(pool, f, 0);
	else
		f->unparked = true;
	pthread_mutex_unlock(&pool->lock);
}

unsigned fiber_thread(void)
{
	struct worker *w = here();

	return (unsigned)(w - w->pool->workers);
}
