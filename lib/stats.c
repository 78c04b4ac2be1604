/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a queue tells about itself.  Puts and gets are counted by the store
 * (in a ring they are its positions), so they cost nothing.
 */
#include "config.h"

#include <string.h>

#include "queue.h"

/* Before the first figure that was added. */
#define STATS_MIN_SIZE offsetof(coqueue_stats_t, passed_on)

enum coqueue_state coqueue_state(const coqueue_t *q)
{
	return q ? (enum coqueue_state)queue_state(q) : COQUEUE_SHUT;
}

size_t coqueue_size(const coqueue_t *q)
{
	size_t size;
	bool locked;

	if (!q)
		return 0;
	locked = queue_look_begin(q);
	size = q->store.kind->size(&q->store);
	queue_look_end(q, locked);
	return size;
}

size_t coqueue_capacity(const coqueue_t *q)
{
	return q ? sync_load(&q->capacity, relaxed) : 0;
}

int coqueue_stats(const coqueue_t *q, coqueue_stats_t *out)
{
	struct coqueue *locked = (struct coqueue *)(uintptr_t)q;
	static const struct line nobody;
	const struct line *peekers;
	coqueue_stats_t now;

	if (!q || !out ||
	    (out->size != sizeof(now) && out->size != STATS_MIN_SIZE))
		return EINVAL;
	if (pile_is_comparing())
		return EDEADLK;
	queue_enter(locked);
	sync_lock(&locked->lock);
	peekers = queue_is_rendezvous(q) ? &q->exchange.peekers : &nobody;
	now.size = out->size;
	now.discarded = q->discarded;
	now.gets = q->store.kind->gets(&q->store) - q->discarded;
	now.puts = q->store.kind->puts(&q->store);
	now.put_waits = q->store.putters.waits;
	now.get_waits = q->store.getters.waits + peekers->waits;
	now.wakeups = q->store.putters.wakeups + q->store.getters.wakeups +
		      peekers->wakeups + q->joiners.wakeups;
	now.putters_waiting = q->store.putters.waiting;
	now.getters_waiting = q->store.getters.waiting + peekers->waiting;
	now.joiners_waiting = q->joiners.waiting;
	now.passed_on = q->passed_on;
	queue_caller_leave_locked(locked);
	sync_unlock(&locked->lock);
	memcpy(out, &now, now.size);
	return 0;
}
