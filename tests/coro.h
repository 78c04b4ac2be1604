/* SPDX-License-Identifier: MIT */
/*
 * Coroutines for tests: many on one OS thread, or migrating over several, with
 * the scheduler's hooks that coqueue_set_scheduler() wants.
 *
 * A pool is OS threads that take runnable coroutines from one queue.  With more
 * than one thread a coroutine that was suspended always goes on in another
 * thread than before, so that whatever would survive a park in a thread is found
 * out every time.
 *
 * Coroutines are the hands of a crew (crew.h): the same work functions, the same
 * verdicts, the same crew_join(), crew_expect(), crew_free().  They must not
 * assert, and must not use errno: its address is cached by compilers, who do not
 * know that a thread may change within a function.
 */
#ifndef CORO_H
#define CORO_H

#include "crew.h"
#include <coqueue/waiter.h>

struct coro_pool;

/* What park does beside its duty. */
enum coro_manner {
	CORO_PLAIN,
	CORO_SPURIOUS /* it often returns for nothing */
};

/* OS threads whose scheduler is the pool.  The end: all coroutines must have
 * ended by then. */
struct coro_pool *coro_pool_start(unsigned n_threads, enum coro_manner manner);
void coro_pool_end(struct coro_pool *pool);

/* n coroutines that do this work, or make this call once each (as crew_start()
 * and crew_call() do with threads); crew_block() for coroutines. */
struct crew *coro_start(struct coro_pool *pool, unsigned n, hand_work *work,
			coqueue_t *q, void *arg);
struct crew *coro_call(struct coro_pool *pool, coqueue_t *q,
		       const struct op *op, unsigned n,
		       const struct timespec *deadline);
struct crew *coro_block(struct coro_pool *pool, coqueue_t *q,
			const struct op *op, unsigned n);

/* In a coroutine: let the others that are runnable go first. */
void coro_yield(void);

/* In a coroutine: which of the pool's threads runs it now. */
unsigned coro_thread(void);

/* Whether there is more than one thread. */
bool coro_migrates(const struct coro_pool *pool);

/* Coroutines that are parked now; park calls so far. */
unsigned coro_parked(struct coro_pool *pool);
uint64_t coro_parks(struct coro_pool *pool);

#endif /* CORO_H */
