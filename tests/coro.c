/* SPDX-License-Identifier: MIT */
/* Crews of coroutines, on the fibers of the tools. */
#include "../tools/fibers.h"
#include "coro.h"

struct coro_pool {
	struct fibers *fibers;
	unsigned n_threads;
};

struct coro_pool *coro_pool_start(unsigned n_threads, enum coro_manner manner)
{
	struct coro_pool *pool = calloc(1, sizeof(*pool));
	unsigned spurious = manner == CORO_SPURIOUS ? FIBERS_SPURIOUS : 0;

	ck_assert_ptr_nonnull(pool);
	pool->n_threads = n_threads;
	ck_ok(fibers_start(&pool->fibers, n_threads,
			   FIBERS_HOOKED | FIBERS_MIGRATE | FIBERS_APART |
				   spurious));
	return pool;
}

void coro_pool_end(struct coro_pool *pool)
{
	await(fibers_alive(pool->fibers) == 0);
	fibers_end(pool->fibers);
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

static void hand_main(void *hand)
{
	struct hand *me = hand;

	me->result = me->work(me);
	atomic_store(&me->finished, true);
}

static struct crew *coros_go(struct coro_pool *pool, struct crew *crew)
{
	for (unsigned i = 0; i < crew->n; i++)
		ck_ok(fiber_start(pool->fibers, hand_main, &crew->hands[i]));
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
	fiber_yield();
}

unsigned coro_thread(void)
{
	return fiber_thread();
}

bool coro_migrates(const struct coro_pool *pool)
{
	return pool->n_threads > 1;
}

unsigned coro_parked(struct coro_pool *pool)
{
	return fibers_parked(pool->fibers);
}

uint64_t coro_parks(struct coro_pool *pool)
{
	return fibers_parks(pool->fibers);
}
