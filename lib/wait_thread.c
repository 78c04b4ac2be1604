/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread as a waiter: it sleeps on a condition variable of its own, under a
 * mutex of its own, in its own stack frame.  (A coroutine: wait_park.c.)
 *
 * The waker broadcasts after unlocking, or the woken would run into the mutex
 * and sleep again.  It may then touch the condvar when the owner is already
 * awake; waiter_await_wakers() makes the owner wait for it.
 */
#include "config.h"

#include "wait.h"

void sleeper_wake(struct sleeper *s)
{
	if (s->self) {
		park_wake(s);
		return;
	}
	sync_lock(&s->lock);
	sync_store(&s->awake, true, relaxed);
	sync_unlock(&s->lock);
	sync_cond_broadcast(&s->cond);
}

void sleeper_init_thread(struct sleeper *s)
{
	s->self = NULL;
	s->lock = (struct sync_mutex)SYNC_MUTEX_INIT;
	s->cond = (struct sync_cond)SYNC_COND_INIT;
	sync_init(&s->awake, false);
}

void sleeper_init(struct sleeper *s)
{
	if (park_begin(s))
		sync_init(&s->awake, false);
	else
		sleeper_init_thread(s);
}

void sleeper_fini(struct sleeper *s)
{
	if (s->self) {
		park_end(s);
		return;
	}
	sync_cond_destroy(&s->cond);
	sync_mutex_destroy(&s->lock);
}

static void sleeper_unlock(void *lock)
{
	sync_unlock(lock);
}

static int thread_sleep(struct sleeper *s, const struct timespec *deadline)
{
	bool awake;
	int err = 0;

	sync_lock(&s->lock);
	sync_cancel_push(sleeper_unlock, &s->lock);
	while (!(awake = sync_load(&s->awake, relaxed)) && err != ETIMEDOUT)
		err = sync_cond_wait(&s->cond, &s->lock, deadline);
	if (awake)
		err = 0;
	sleeper_again(s);
	sync_cancel_pop();
	sync_unlock(&s->lock);
	return err;
}

int sleeper_sleep(struct sleeper *s, const struct timespec *deadline)
{
	return s->self ? park_sleep(s, deadline) : thread_sleep(s, deadline);
}
