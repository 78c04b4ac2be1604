/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A coroutine as a waiter: the scheduler of its thread parks it and makes it
 * runnable again, maybe on another thread.  So nothing that belongs to a thread
 * is used from before a park: the address of a thread-local value (that of
 * errno, and what pthread_self() returns) is never in the frame that parks, and
 * the compiler cannot keep it there, since who uses one is a function of its
 * own.  What is wanted of the scheduler is asked for again after each park.
 */
#include "config.h"

#include <errno.h>

#include "wait.h"

sync_thread_local(coqueue_scheduler_t, scheduler); /* size 0: none */

int coqueue_set_scheduler(const coqueue_scheduler_t *s)
{
	static const coqueue_scheduler_t none;

	if (s && (s->size != sizeof(*s) || !s->self || !s->park || !s->unpark))
		return EINVAL;
	*sync_own(scheduler) = s ? *s : none;
	return 0;
}

not_inlined bool park_is_set(void)
{
	return sync_own(scheduler)->size != 0;
}

not_inlined bool park_begin(struct sleeper *s)
{
	s->self = NULL;
	s->scheduler = *sync_own(scheduler);
	if (!s->scheduler.size)
		return false;
	s->cancel = sync_cancel_disable();
	s->saved = errno;
	s->self = s->scheduler.self(s->scheduler.ctx);
	errno = s->saved;
	if (!s->self)
		sync_cancel_restore(s->cancel);
	return s->self;
}

not_inlined void park_end(struct sleeper *s)
{
	sync_cancel_restore(s->cancel);
}

not_inlined coqueue_scheduler_t park_scheduler(void)
{
	return *sync_own(scheduler);
}

not_inlined bool park_has_moved(const struct sleeper *s)
{
	const coqueue_scheduler_t *now = sync_own(scheduler);

	return now->ctx != s->scheduler.ctx || now->park != s->scheduler.park ||
	       now->unpark != s->scheduler.unpark;
}

not_inlined bool park_returns(const struct sleeper *s)
{
	bool moved = park_has_moved(s);

	errno = s->saved;
	/* Others may have restored theirs here; if it is disabled for all of this
	 * thread, nobody has. */
	if (moved || !sync_cancel_was_disabled(s->cancel))
		sync_cancel_disable();
	return moved;
}

void park_wake(struct sleeper *s)
{
	/* [wait.5] release: with [wait.6], what was done before */
	sync_store(&s->awake, true, release);
	s->scheduler.unpark(s->scheduler.ctx, s->self);
}
