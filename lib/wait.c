/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The line of waiters.  What it is and why it loses no wake-up: wait.h.
 */
#include "config.h"

#include "backoff.h"
#include "wait.h"

void line_init(struct line *line, struct sync_mutex *lock,
	       size_t (*ready)(struct line *))
{
	sync_init(&line->armed, 0);
	line->lock = lock;
	line->ready = ready;
	list_init(&line->asleep);
	list_init(&line->woken);
	line->in_flight = 0;
	line->waiting = 0;
	line->next_ticket = 1;
	line->waits = 0;
	line->wakeups = 0;
}

void waiter_init(struct waiter *w, void (*wake)(struct waiter *w))
{
	w->state = WAITER_OUT;
	w->verdict = VERDICT_RETRY;
	w->ticket = 0;
	w->wakes_begun = 0;
	sync_init(&w->wakes_finished, 0);
	w->wake = wake;
}

void waiter_wake_finished(struct waiter *w)
{
	/* [wait.3] release: what the waker did to w comes before [wait.4] */
	sync_add(&w->wakes_finished, 1, release);
}

void waiter_await_wakers(struct waiter *w)
{
	struct backoff backoff = {0};

	/* [wait.4] acquire: with [wait.3], no waker touches w any more */
	while (sync_load(&w->wakes_finished, acquire) != w->wakes_begun)
		backoff_wait(&backoff);
}

static struct waiter *waiter_of(struct list *link)
{
	return container_of(link, struct waiter, link);
}

void line_enter_locked(struct line *line, struct waiter *w)
{
	struct list *place;

	if (w->state == WAITER_ASLEEP)
		return;
	if (w->state == WAITER_WOKEN) {
		list_remove(&w->link);
		line->in_flight--;
	} else {
		w->ticket = line->next_ticket++;
		line->waiting++;
		line->waits++;
	}
	/* who comes back is among the first, who is new is the last */
	if (w->state == WAITER_OUT) {
		place = &line->asleep;
	} else {
		list_for_each(place, &line->asleep)
			if (waiter_of(place)->ticket > w->ticket)
				break;
	}
	list_insert(&w->link, place);
	w->state = WAITER_ASLEEP;
}

void line_leave_locked(struct line *line, struct waiter *w)
{
	if (w->state == WAITER_OUT)
		return;
	list_remove(&w->link);
	line->in_flight -= w->state == WAITER_WOKEN;
	w->state = WAITER_OUT;
	line->waiting--;
}

static void line_arm_locked(struct line *line)
{
	sync_store(&line->armed,
		   list_empty(&line->asleep) ? 0 : line->in_flight + 1,
		   relaxed);
}

/* Choose the first one asleep, if it came before `limit`, to be woken. */
static struct waiter *line_claim_locked(struct line *line, uint64_t limit)
{
	struct waiter *w = waiter_of(line->asleep.next);

	if (list_empty(&line->asleep) || w->ticket >= limit)
		return NULL;
	list_remove(&w->link);
	list_insert(&w->link, &line->woken);
	line->in_flight++;
	line->wakeups++;
	w->state = WAITER_WOKEN;
	w->wakes_begun++;
	line_arm_locked(line);
	return w;
}

struct waiter *line_settle_locked(struct line *line)
{
	line_arm_locked(line);
	if (list_empty(&line->asleep))
		return NULL;
	/* [wait.1] full fence: with [wait.2], arm before looking at ready() */
	sync_fence();
	if (line->ready(line) <= line->in_flight)
		return NULL;
	return line_claim_locked(line, UINT64_MAX);
}

void line_wake_ready_locked(struct line *line, size_t n)
{
	struct waiter *w;

	for (; n > 0 && (w = line_settle_locked(line)); n--) {
		sync_unlock(line->lock);
		w->wake(w);
		sync_lock(line->lock);
	}
}

void line_wake_all_locked(struct line *line, int verdict)
{
	uint64_t limit = line->next_ticket;
	struct list *link;
	struct waiter *w;

	list_for_each(link, &line->woken)
		waiter_of(link)->verdict = verdict;
	while ((w = line_claim_locked(line, limit))) {
		w->verdict = verdict;
		sync_unlock(line->lock);
		w->wake(w);
		sync_lock(line->lock);
	}
}
