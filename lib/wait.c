/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The line of waiters.  What it is and why it loses no wake-up: wait.h.
 */
#include "config.h"

#include "backoff.h"
#include "wait.h"

void line_init(struct line *line, struct sync_mutex *lock,
	       bool (*ready)(struct line *line, uint64_t n))
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
	struct list *place = &line->asleep;

	if (w->state == WAITER_ASLEEP)
		return;
	if (w->state == WAITER_WOKEN) {
		list_remove(&w->link);
		line->in_flight--;
		/* who comes back is among the first */
		list_for_each(place, &line->asleep)
			if (waiter_of(place)->ticket > w->ticket)
				break;
	} else {
		w->ticket = line->next_ticket++;
		line->waiting++;
		line->waits++;
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

/* Choose the first one asleep with a ticket in [from, limit) to be woken. */
static struct waiter *line_claim_locked(struct line *line, uint64_t from,
					uint64_t limit)
{
	struct list *link;
	struct waiter *w;

	list_for_each(link, &line->asleep)
		if (waiter_of(link)->ticket >= from)
			break;
	w = waiter_of(link);
	if (link == &line->asleep || w->ticket >= limit)
		return NULL;
	list_remove(link);
	list_insert(link, &line->woken);
	line->in_flight++;
	line->wakeups++;
	w->state = WAITER_WOKEN;
	w->wakes_begun++;
	line_arm_locked(line);
	return w;
}

struct waiter *line_settle_locked(struct line *line, uint64_t from,
				  uint64_t limit)
{
	bool armed = line_is_armed(line);

	line_arm_locked(line);
	if (list_empty(&line->asleep))
		return NULL;
	/* [wait.1] heavy fence: with [wait.2], arm before looking at ready();
	 * full fence: with that of line_wake_is_due() */
	if (!armed)
		sync_fence_heavy();
	else
		sync_fence();
	if (!line->ready(line, (uint64_t)line->in_flight + 1))
		return NULL;
	return line_claim_locked(line, from, limit);
}

void line_wake_ready_locked(struct line *line)
{
	uint64_t from = 0, limit = line->next_ticket;
	struct waiter *w;

	while ((w = line_settle_locked(line, from, limit))) {
		from = w->ticket + 1;
		sync_unlock(line->lock);
		w->wake(w);
		sync_lock(line->lock);
	}
}

static void waiter_tell_locked(struct waiter *w, int verdict)
{
	if (w->verdict == VERDICT_RETRY)
		w->verdict = verdict;
}

void line_wake_all_locked(struct line *line, int verdict)
{
	uint64_t from = 0, limit = line->next_ticket;
	struct list *link;
	struct waiter *w;

	/* at once: others wake them, too, while the lock is released */
	list_for_each(link, &line->woken)
		waiter_tell_locked(waiter_of(link), verdict);
	list_for_each(link, &line->asleep)
		waiter_tell_locked(waiter_of(link), verdict);
	while ((w = line_claim_locked(line, from, limit))) {
		from = w->ticket + 1;
		sync_unlock(line->lock);
		w->wake(w);
		sync_lock(line->lock);
	}
}
