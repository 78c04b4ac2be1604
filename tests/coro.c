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

struct crew *coro_start(struct coro_pool *pool, unsigned n, hand_work *work,
			coqueue_t *q, void *arg)
{
	return crew_start_on(pool->fibers, n, work, q, arg);
}

struct crew *coro_call(struct coro_pool *pool, coqueue_t *q,
		       const struct op *op, unsigned n,
		       const struct timespec *deadline)
{
	return crew_call_on(pool->fibers, q, op, n, deadline);
}

struct crew *coro_block(struct coro_pool *pool, coqueue_t *q,
			const struct op *op, unsigned n)
{
	size_t before = waiting_in(q, op->line);
	struct crew *crew = coro_call(pool, q, op, n, NULL);

	await_waiting(q, op->line, before + n);
	return crew;
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
