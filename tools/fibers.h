/* SPDX-License-Identifier: MIT */
/*
 * Fibers: coroutines on a few OS threads, with the scheduler's hooks that
 * coqueue_set_scheduler() wants.  For the tools and the tests.
 *
 * A pool is OS threads that take runnable fibers from one queue, so that a fiber
 * that was suspended goes on wherever there is room.
 *
 * A fiber may use neither errno nor anything else that belongs to a thread over
 * a call that may suspend it: compilers keep the address, and do not know that
 * the thread may change within a function.
 */
#ifndef FIBERS_H
#define FIBERS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct fibers; /* a pool */
struct fiber;

/* What a pool is like; a set of them. */
enum fibers_manner {
	FIBERS_HOOKED = 1,   /* blocking calls of coqueue park the fiber */
	FIBERS_MIGRATE = 2,  /* never twice in a row on the same thread */
	FIBERS_SPURIOUS = 4, /* park often returns for nothing */
	FIBERS_APART = 8     /* each thread is a scheduler of its own: abort()
			      * when hooks of another are called on it */
};

/* 0 or an errno value. */
int fibers_start(struct fibers **pool, unsigned n_threads, unsigned manner);

/* Wait until all fibers have ended; the same, then stop the threads and free. */
void fibers_await(struct fibers *pool);
void fibers_end(struct fibers *pool);

/* Of this moment: that have not ended, that are parked; park calls so far. */
unsigned fibers_alive(struct fibers *pool);
unsigned fibers_parked(struct fibers *pool);
uint64_t fibers_parks(struct fibers *pool);

/* One more, that calls work(arg).  0 or ENOMEM. */
int fiber_start(struct fibers *pool, void (*work)(void *arg), void *arg);

/* The fiber that runs here, and its arg; NULL: none does. */
struct fiber *fiber_self(void);
void *fiber_arg(void);

/* In a fiber: let the others that are runnable go first; suspend it until
 * unpark or the deadline (CLOCK_MONOTONIC; NULL: for ever), 0 or ETIMEDOUT; or
 * until the time has come, whoever unparks it. */
void fiber_yield(void);
int fiber_park(const struct timespec *deadline);
void fiber_sleep(const struct timespec *until);

/* From any thread: make it runnable, or its next park return at once. */
void fiber_unpark(struct fiber *f);

/* In a fiber: which of the pool's threads runs it now. */
unsigned fiber_thread(void);

#endif /* FIBERS_H */
