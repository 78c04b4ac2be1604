/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A lock for what is mostly some dozens of instructions, and whose holder waits
 * for no other thread of the queue.  Whoever finds it taken lets others run, then
 * sleeps (backoff.h), so that a holder that was preempted, or whose comparator
 * takes its time, is waited for without spinning.  There is no queue: the sleeps
 * are short, some 65 us at most, so that who sleeps gets its turn.
 *
 *   [spin.1] -> [spin.2]  what the last holder did
 *
 * Why not the mutex: at its end that looks for sleepers as well, and who finds
 * it taken goes to sleep at once, for longer than it is held.
 */
#ifndef COQUEUE_SPIN_H
#define COQUEUE_SPIN_H

#include <stdbool.h>

#include "backoff.h"
#include "port.h"
#include "sync.h"

struct spin {
	_Atomic bool held;
};

static inline void spin_init(struct spin *s)
{
	sync_init(&s->held, false);
}

static not_inlined void spin_wait(struct spin *s)
{
	struct backoff backoff = {.for_lock = true};

	do {
		if (!backoff_sleeps(&backoff))
			sync_contended_lock();
		backoff_wait(&backoff);
		/* [spin.2] acquire: with [spin.1], what the last holder did */
	} while (sync_load(&s->held, relaxed) ||
		 sync_swap(&s->held, true, acquire));
}

hot_inline void spin_lock(struct spin *s)
{
	/* [spin.2] acquire: with [spin.1], what the last holder did */
	if (unlikely(sync_swap(&s->held, true, acquire)))
		spin_wait(s);
}

hot_inline void spin_unlock(struct spin *s)
{
	/* [spin.1] release: with [spin.2], what was done under it */
	sync_store(&s->held, false, release);
}

#endif
