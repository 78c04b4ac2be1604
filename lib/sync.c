/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What of sync.h is too large for a header: yields, locks, and the heavy side of the
 * asymmetric fence.  That is membarrier(2), which makes every running thread of the
 * process execute a full fence before it returns.  Where the system has no such
 * call, both sides are full fences.
 *
 * Source: the fence is liburcu's idea, whose readers pay nothing by it either.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sync.h"

_Thread_local char sync_mark_of_thread;

/* ---- yields --------------------------------------------------------------- */

sync_thread_local(uint64_t, next_yield); /* not before; 0: at once */

/* Now, in ns. */
static uint64_t sync_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

bool sync_rests_from_yields(void)
{
	if (likely(!*sync_own(next_yield)))
		return false;
	if (sync_clock() < *sync_own(next_yield))
		return true;
	*sync_own(next_yield) = 0;
	return false;
}

bool sync_yield(void)
{
	if (sync_rests_from_yields())
		return false;
	sched_yield();
	return true;
}

uint64_t sync_timed_yield(void)
{
	uint64_t begun = sync_clock();

	return sync_yield() ? sync_clock() - begun : 0;
}

void sync_judge_yield(uint64_t took, uint64_t items)
{
	if (took >= SYNC_YIELD_LONG_NS && items < took / SYNC_YIELD_NS_PER_ITEM)
		*sync_own(next_yield) = sync_clock() + SYNC_YIELD_REST * took;
}

/* ---- mutexes -------------------------------------------------------------- */

void sync_lock_taken(struct sync_mutex *m)
{
	for (int pauses = 1; pauses <= SYNC_LOCK_PAUSES; pauses *= 2) {
		for (int i = 0; i < pauses; i++)
			sync_pause();
		if (!pthread_mutex_trylock(&m->native))
			return;
	}
	pthread_mutex_lock(&m->native);
}

/* ---- the heavy fence ------------------------------------------------------ */

bool sync_is_asymmetric;

#if defined(SYS_membarrier) && !PORT_TSAN

/* As in <linux/membarrier.h>, which need not be there. */
enum { EXPEDITED = 1 << 3, REGISTER_EXPEDITED = 1 << 4 };

/* The call may want memory, and a process that was restored from a file has to
 * register again. */
enum { TRIES = 1000, NS_BETWEEN_TRIES = 1000000 };

static bool membarrier(int command)
{
	int saved = errno;
	bool done = syscall(SYS_membarrier, command, 0, 0) == 0;

	errno = saved;
	return done;
}

/*
 * When the library is loaded, or before main() where it is linked in: nobody
 * has used a light fence yet.  A child that is forked inherits it.
 */
static __attribute__((constructor)) void register_membarrier(void)
{
	sync_is_asymmetric =
		membarrier(REGISTER_EXPEDITED) && membarrier(EXPEDITED);
}

void sync_fence_heavy(void)
{
	sync_fence();
	if (!sync_is_asymmetric)
		return;
	for (int i = 0; !membarrier(EXPEDITED); i++) {
		if (i == TRIES)
			abort(); /* taken away: wake-ups would be lost */
		sync_sleep(NS_BETWEEN_TRIES, true);
		(void)membarrier(REGISTER_EXPEDITED);
	}
}

#else

void sync_fence_heavy(void)
{
	sync_fence();
}

#endif
