/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting for another thread that is about to finish something, or to give back
 * a lock (spin.h), and that nobody tells us about: first pause, then let others
 * run, then sleep, each time longer, up to a millisecond.  It never spins without
 * bound.  Calls that must not block wait like this for one that is half-way; no
 * one does for an item that nobody has begun to put.
 */
#ifndef COQUEUE_BACKOFF_H
#define COQUEUE_BACKOFF_H

#include "sync.h"

enum {
	BACKOFF_SLEEP_NS = 4096,
	BACKOFF_SLEEP_DOUBLINGS = 8,
	BACKOFF_SLEEP_DOUBLINGS_FOR_LOCK = 4 /* others do not queue up */
};

struct backoff {
	unsigned step;
	bool for_lock; /* whose holder waits for nobody */
};

/* Whether the next wait is a sleep, as all after it. */
static inline bool backoff_sleeps(const struct backoff *b)
{
	return b->step + 1 > SYNC_BACKOFF_PAUSES + SYNC_BACKOFF_YIELDS;
}

static inline void backoff_wait(struct backoff *b)
{
	unsigned sleeps;

	if (b->step <
	    SYNC_BACKOFF_PAUSES + SYNC_BACKOFF_YIELDS + BACKOFF_SLEEP_DOUBLINGS)
		b->step++;
	if (b->step <= SYNC_BACKOFF_PAUSES) {
		sync_pause();
	} else if (b->step <= SYNC_BACKOFF_PAUSES + SYNC_BACKOFF_YIELDS) {
		if (!sync_yield())
			b->step = SYNC_BACKOFF_PAUSES + SYNC_BACKOFF_YIELDS;
	} else {
		sleeps = b->step - SYNC_BACKOFF_PAUSES - SYNC_BACKOFF_YIELDS;
		if (b->for_lock && sleeps > BACKOFF_SLEEP_DOUBLINGS_FOR_LOCK)
			sleeps = BACKOFF_SLEEP_DOUBLINGS_FOR_LOCK;
		sync_sleep((long)BACKOFF_SLEEP_NS << sleeps, b->for_lock);
	}
}

#endif
