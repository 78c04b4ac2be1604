/* SPDX-License-Identifier: MIT */
/*
 * How queues that cannot wait are waited for: most of the time with a pause of
 * the processor, and after some of these others may run.  C and C++.
 */
#ifndef BENCH_SPIN_H
#define BENCH_SPIN_H

#include <sched.h>
#include <stdbool.h>
#include <sys/sysinfo.h>

#include "bench_workload.h"

enum { BENCH_SPINS = 64 };

static inline void bench_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

static inline void bench_spin_wait(unsigned int *spins)
{
	if (++*spins % BENCH_SPINS == 0)
		sched_yield();
	else
		bench_pause();
}

/* Whether one that is preempted in a call may keep others waiting for long. */
static inline bool bench_is_crowded(const struct bench_workload *w)
{
	return w->producers + w->consumers > (unsigned int)get_nprocs();
}

/* Until the condition, which is a call that then did what is wanted. */
#define BENCH_SPIN_UNTIL(condition)                                            \
	do {                                                                   \
		unsigned int spins_ = 0;                                       \
		while (!(condition))                                           \
			bench_spin_wait(&spins_);                              \
	} while (0)

/* The put, get and shutdown of bench_queue.h, from calls that may fail:
 *   bool bench_foo_try_put(void *queue, void *item)
 *   bool bench_foo_try_get(void *queue, void **item)
 */
#define BENCH_DEFINE_SPINNING(name)                                            \
	static inline int bench_##name##_put(void *queue, void *item)          \
	{                                                                      \
		BENCH_SPIN_UNTIL(bench_##name##_try_put(queue, item));         \
		return 0;                                                      \
	}                                                                      \
	static inline int bench_##name##_get(void *queue, void **item)         \
	{                                                                      \
		BENCH_SPIN_UNTIL(bench_##name##_try_get(queue, item));         \
		return bench_end_or_item(*item);                               \
	}                                                                      \
	BENCH_SHUT_BY_ENDS(name)

#endif /* BENCH_SPIN_H */
