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

static not_inlined int errno_of_thread(void)
{
	return errno;
}

static not_inlined void set_errno_of_thread(int value)
{
	errno = value;
}

not_inlined bool park_begin(struct sleeper *s)
{
	int saved;

	s->self = NULL;
	s->scheduler = *sync_own(scheduler);
	if (!s->scheduler.size)
		return false;
	s->cancel = sync_cancel_disable();
	saved = errno;
	s->self = s->scheduler.self(s->scheduler.ctx);
	errno = saved;
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

static not_inlined int park(struct sleeper *s, const struct timespec *deadline)
{
	int saved = errno_of_thread(), err;

	err = s->scheduler.park(s->scheduler.ctx, s->self, deadline);
	set_errno_of_thread(saved);
	sync_cancel_disable(); /* of the thread that it has come to */
	return err;
}

not_inlined bool park_has_moved(const struct sleeper *s)
{
	const coqueue_scheduler_t *now = sync_own(scheduler);

	return now->ctx != s->scheduler.ctx || now->park != s->scheduler.park ||
	       now->unpark != s->scheduler.unpark;
}

int park_sleep(struct sleeper *s, const struct timespec *deadline)
{
	bool awake;
	int err = 0;

	/* [wait.6] acquire: with [wait.5], by whom it was woken */
	while (!(awake = sync_load(&s->awake, acquire)) && !err) {
		err = park(s, deadline);
		if (!err && park_has_moved(s))
			err = MOVED;
	}
	return awake ? 0 : err;
}

void park_wake(struct sleeper *s)
{
	/* [wait.5] release: with [wait.6], what was done before */
	sync_store(&s->awake, true, release);
	s->scheduler.unpark(s->scheduler.ctx, s->self);
}
