/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread as a waiter: it sleeps on a condition variable of its own, under a
 * mutex of its own, in its own stack frame.
 *
 * The waker broadcasts after unlocking, or the woken would run into the mutex
 * and sleep again.  It may then touch the condvar when the owner is already
 * awake; waiter_await_wakers() makes the owner wait for it.
 */
#include "config.h"

#include "wait.h"

static void sleeper_wake(struct waiter *w)
{
	struct sleeper *s = container_of(w, struct sleeper, waiter);

	sync_lock(&s->lock);
	s->awake = true;
	sync_unlock(&s->lock);
	sync_cond_broadcast(&s->cond);
	waiter_wake_finished(w);
}

void sleeper_init(struct sleeper *s)
{
	waiter_init(&s->waiter, sleeper_wake);
	s->lock = (struct sync_mutex)SYNC_MUTEX_INIT;
	s->cond = (struct sync_cond)SYNC_COND_INIT;
	s->awake = false;
}

void sleeper_fini(struct sleeper *s)
{
	waiter_await_wakers(&s->waiter);
	sync_cond_destroy(&s->cond);
	sync_mutex_destroy(&s->lock);
}

static void sleeper_unlock(void *lock)
{
	sync_unlock(lock);
}

int sleeper_sleep(struct sleeper *s, const struct timespec *deadline)
{
	int err = 0;

	sync_lock(&s->lock);
	sync_cancel_push(sleeper_unlock, &s->lock);
	while (!s->awake && err != ETIMEDOUT)
		err = sync_cond_wait(&s->cond, &s->lock, deadline);
	if (s->awake)
		err = 0;
	s->awake = false;
	sync_cancel_pop();
	sync_unlock(&s->lock);
	return err;
}
