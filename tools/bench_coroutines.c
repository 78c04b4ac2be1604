/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_coroutines.h"
#include "bench_spin.h"

#include <coqueue/waiter.h>

#include <error.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* Boost.Context's, whose header is C++. */
struct transfer {
	void *from; /* the context that jumped here */
	void *data;
};
extern struct transfer jump_fcontext(void *to, void *data);
extern void *make_fcontext(void *stack_end, size_t size,
			   void (*start)(struct transfer));

enum {
	STACK_SIZE = 65536,
	/* Stacks of equal layout would share a few sets of the caches. */
	STACK_STEP = STACK_SIZE + 5 * 64,
	/* Before the thread sleeps: about as long as it takes to wake it. */
	LOOKS = 200,
};

struct coroutine {
	void *context; /* while it does not run */
	struct coroutine *next_woken;
	struct bench_worker *worker;
	bool is_ready;         /* in the ring */
	_Atomic bool is_woken; /* among the woken */
};

struct scheduler {
	struct coroutine *running;
	struct coroutine **ready; /* a ring */
	size_t mask, head, tail;
	unsigned int alive;
	bench_loop_fn *each;
	struct coroutine thread; /* who called bench_coroutines_run() */
	_Atomic(struct coroutine *) woken BENCH_ALIGNED; /* or &asleep */
	sem_t wake;
};

static _Thread_local struct scheduler *own;
static struct coroutine asleep; /* nobody: the thread waits for `wake` */

/* Unparked twice before it parks, it still stands there once, and among the woken
 * likewise: who finds himself awake does not park. */
static void make_ready(struct scheduler *s, struct coroutine *c)
{
	if (c->is_ready)
		return;
	c->is_ready = true;
	s->ready[s->tail++ & s->mask] = c;
}

/* The ring is empty: take whom others have woken, first come, first served. */
static void take_woken(struct scheduler *s)
{
	struct coroutine *c = NULL, *next, *order = NULL;
	unsigned int looks = 0;

	while (looks < LOOKS &&
	       !atomic_load_explicit(&s->woken, memory_order_relaxed))
		bench_spin_wait(&looks);
	if (atomic_compare_exchange_strong(&s->woken, &c, &asleep))
		while (sem_wait(&s->wake))
			;
	for (c = atomic_exchange(&s->woken, NULL); c; c = next) {
		next = c->next_woken;
		c->next_woken = order;
		order = c;
	}
	for (c = order; c; c = next) {
		next = c->next_woken;
		/* an exchange: who found it set has made c awake before */
		atomic_exchange(&c->is_woken, false);
		make_ready(s, c);
	}
}

/* To whom is next in the ring; returns when this one is. */
static void switch_to_next(struct scheduler *s)
{
	struct coroutine *self = s->running, *next;
	struct transfer back;

	while (s->head == s->tail)
		take_woken(s);
	next = s->ready[s->head++ & s->mask];
	next->is_ready = false;
	if (next == self)
		return;
	s->running = next;
	back = jump_fcontext(next->context, self);
	((struct coroutine *)back.data)->context = back.from;
}

static void start(struct transfer from)
{
	struct scheduler *s = own;

	((struct coroutine *)from.data)->context = from.from;
	s->each(s->running->worker);
	if (--s->alive == 0)
		make_ready(s, &s->thread);
	switch_to_next(s); /* for ever */
}

static void *hook_self(void *ctx)
{
	return ((struct scheduler *)ctx)->running;
}

/* No workload has deadlines.  An unpark that came before is in the ring. */
static int hook_park(void *ctx, void *self, const struct timespec *deadline)
{
	(void)self;
	(void)deadline;
	switch_to_next(ctx);
	return 0;
}

static void hook_unpark(void *ctx, void *self)
{
	struct scheduler *s = ctx;
	struct coroutine *c = self, *before;

	if (s == own) {
		make_ready(s, c);
		return;
	}
	if (atomic_exchange(&c->is_woken, true))
		return;
	before = atomic_load(&s->woken);
	do
		c->next_woken = before == &asleep ? NULL : before;
	while (!atomic_compare_exchange_weak(&s->woken, &before, c));
	if (before == &asleep)
		sem_post(&s->wake);
}

/* Last to first, so that consumers wait when a producer begins. */
static void make_all(struct scheduler *s, struct coroutine *all, char *stacks,
		     struct bench_worker *workers, unsigned int n)
{
	unsigned int i;

	for (i = n; i-- > 0;) {
		all[i].worker = &workers[i];
		all[i].context =
			make_fcontext(stacks + i * STACK_STEP + STACK_SIZE,
				      STACK_SIZE, start);
		make_ready(s, &all[i]);
	}
}

void bench_coroutines_run(bench_loop_fn *each, struct bench_worker *workers,
			  unsigned int n)
{
	struct scheduler s = {.alive = n, .each = each};
	coqueue_scheduler_t hooks = {sizeof(hooks), hook_self, hook_park,
				     hook_unpark, &s};
	struct coroutine *all = calloc(n, sizeof(*all));
	char *stacks = aligned_alloc(64, (size_t)n * STACK_STEP);
	int cancel;

	for (s.mask = 1; s.mask < n; s.mask *= 2)
		;
	s.ready = calloc(s.mask--, sizeof(struct coroutine *));
	if (!all || !stacks || !s.ready || sem_init(&s.wake, 0, 0))
		error(EXIT_FAILURE, errno, "coroutines");
	own = &s;
	s.running = &s.thread;
	make_all(&s, all, stacks, workers, n);
	/* as waiter.h advises; whom would it end? */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	coqueue_set_scheduler(&hooks);
	switch_to_next(&s);
	coqueue_set_scheduler(NULL);
	pthread_setcancelstate(cancel, NULL);
	own = NULL;
	sem_destroy(&s.wake);
	free(s.ready);
	free(stacks);
	free(all);
}
