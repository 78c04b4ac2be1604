/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waking: what threads, coroutines and armed waiters differ in.
 *
 * A thread is woken by its condition variable.  The others are woken by code of
 * the application, which may call the library and so cause more wake-ups.  These
 * are put off until it has returned, in a list of the thread that owes them:
 *
 *      put -> wake w1 -> (it puts elsewhere: w2 is claimed, and put off)
 *          -> wake w2 -> ...
 *
 * so that the stack does not grow with the chain.  Who waits is not touched by
 * this list for longer than until its wake-up begins.
 */
#include "config.h"

#include <errno.h>

#include "wait.h"

struct waker {
	bool busy; /* in a wake function */
	struct list deferred;
};

sync_thread_local(struct waker, waker);

bool waker_is_busy(void)
{
	return sync_own(waker)->busy;
}

static struct place *place_of(struct waiter *w)
{
	return container_of(w, struct place, waiter);
}

static void wake_thread(struct waiter *w)
{
	sleeper_wake(place_of(w)->sleeper);
	waiter_wake_finished(w);
}

/* By code of the application. */
static void wake_foreign(struct waiter *w)
{
	if (w->kind == WAITER_NODE) {
		node_wake(container_of(w, struct node, waiter));
		return;
	}
	/* Of several places some may be pending while their owner goes on. */
	if (choice_of(w))
		waiter_wake_begins(w);
	sleeper_wake(place_of(w)->sleeper);
	waiter_wake_finished(w);
}

static void wake_deferred(struct list *deferred)
{
	struct list *link = deferred->next;

	list_remove(link);
	wake_foreign(container_of(link, struct waiter, link));
}

void waiter_wake(struct waiter *w)
{
	struct waker *own = sync_own(waker);
	int cancel, saved;

	if (w->kind == WAITER_THREAD) {
		wake_thread(w);
		return;
	}
	if (own->busy) {
		list_insert(&w->link, &own->deferred);
		return;
	}
	own->busy = true;
	list_init(&own->deferred);
	cancel = sync_cancel_disable();
	saved = errno;
	wake_foreign(w);
	while (!list_empty(&own->deferred))
		wake_deferred(&own->deferred);
	errno = saved;
	sync_cancel_restore(cancel);
	own->busy = false;
}

bool waker_take_back(struct waiter *w)
{
	struct waker *own = sync_own(waker);
	struct list *link;

	if (!own->busy)
		return false;
	list_for_each(link, &own->deferred)
		if (link == &w->link) {
			list_remove(link);
			node_wake_dropped(container_of(w, struct node, waiter));
			return true;
		}
	return false;
}
