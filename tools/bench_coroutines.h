/* SPDX-License-Identifier: MIT */
/*
 * Coroutines for queues that bring none of their own, coqueue: the least that
 * can run, park and wake them, so that what is measured is the queue.  Contexts
 * are switched by Boost.Context's assembler (swapcontext() would make a system
 * call each time).
 *
 * All of them stay on the thread that runs them.  Who can go on stands in a
 * ring; who is woken by another thread is pushed onto a stack without a lock,
 * where the first thread looks when the ring is empty; it looks a while before
 * it sleeps.
 */
#ifndef BENCH_COROUTINES_H
#define BENCH_COROUTINES_H

#include "bench_queue.h"

/*
 * A bench_run_fn: each() of every worker as a coroutine, which coqueue's
 * blocking calls park.
 */
void bench_coroutines_run(bench_loop_fn *each, struct bench_worker *workers,
			  unsigned int n);

#endif /* BENCH_COROUTINES_H */
