/* SPDX-License-Identifier: MIT */
/*
 * How queues that cannot wait are waited for: most of the time with a pause of
 * the processor, and after some of these others may run.  C and C++.
 */
#ifndef BENCH_SPIN_H
#define BENCH_SPIN_H

#include <sched.h>

enum { BENCH_SPINS = 64 };

static inline void bench_spin_wait(unsigned int *spins)
{
	if (++*spins % BENCH_SPINS == 0)
		sched_yield();
	else
#if defined(__x86_64__) || defined(__i386__)
		__builtin_ia32_pause();
#elif defined(__aarch64__)
		__asm__ volatile("isb");
#else
		__asm__ volatile("" ::: "memory");
#endif
}

/* Until the condition, which is a call that then did what is wanted. */
#define BENCH_SPIN_UNTIL(condition)                                            \
	do {                                                                   \
		unsigned int spins_ = 0;                                       \
		while (!(condition))                                           \
			bench_spin_wait(&spins_);                              \
	} while (0)

#endif /* BENCH_SPIN_H */
