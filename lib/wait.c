/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The line of waiters.  What it is and why it loses no wake-up: wait.h.
 */
#include "config.h"

#include <errno.h>

#include "backoff.h"
#include "probe.h"
#include "wait.h"

void line_init(struct line *line, const struct line_kind *kind)
{
	sync_init(&line->armed, 0);
	sync_init(&line->vain, 0);
	sync_init(&line->home, 0);
	line->kind = kind;
	line->owed = false;
	sync_init(&line->slept, 0);
	list_init(&line->asleep);
	list_init(&line->served);
	line->in_flight = 0;
	line->consenting = 0;
	line->waiting = 0;
	line->nodes = 0;
	sync_init(&line->foreign, 0);
	line->next_ticket = 1;
	line->completed = 0;
	line->interrupted = 0;
	line->waits = 0;
	line->wakeups = 0;
}

/* A coroutine has one place, and comes back to it when its waker has finished: it
 * never has more than one. */
static bool waiter_is_alone(const struct waiter *w)
{
	return w->kind == WAITER_COROUTINE && !choice_of(w);
}

void waiter_wake_begins(struct waiter *w)
{
	/* [wait.3] release: the link is free when this is seen by [wait.4] */
	sync_sub(&w->wakers, WAKE_PENDING - 1, release);
}

void waiter_wake_finished(struct waiter *w)
{
	/* [wait.3] release: what the waker did to w comes before [wait.4] */
	if (waiter_is_alone(w))
		sync_store(&w->wakers, 0, release);
	else
		sync_sub(&w->wakers, 1, release);
}

void waiter_wake_dropped(struct waiter *w)
{
	/* [wait.3] release: with [wait.4], as if it had begun, and finished */
	sync_sub(&w->wakers, WAKE_PENDING, release);
}

void waiter_await_busy_wakers(struct waiter *w)
{
	struct backoff backoff = {0};

	do {
		backoff_wait(&backoff);
	} while (!waiter_has_no_waker(w));
}

static struct waiter *waiter_of(struct list *link)
{
	return container_of(link, struct waiter, link);
}

/* One more in line, or (-1) one less. */
static void line_count_in_locked(struct line *line, const struct waiter *w,
				 uint32_t n)
{
	line->waiting += n;
	if (w->kind == WAITER_NODE)
		line->nodes += n;
	if (w->kind != WAITER_THREAD)
		sync_store(&line->foreign,
			   sync_load(&line->foreign, relaxed) + n, relaxed);
}

static void line_count_woken_locked(struct line *line, const struct waiter *w)
{
	line->in_flight++;
	line->consenting += w->kind == WAITER_THREAD;
	line->waiting -= w->kind == WAITER_NODE;
}

static void line_count_back_locked(struct line *line, const struct waiter *w)
{
	line->in_flight--;
	line->consenting -= w->kind == WAITER_THREAD;
	line->waiting += w->kind == WAITER_NODE;
}

void line_ticket_locked(struct line *line, struct waiter *w)
{
	if (!w->ticket)
		w->ticket = line->next_ticket++;
}

/* Whom w stands before, with its ticket. */
static struct list *line_place_locked(struct line *line, const struct waiter *w)
{
	struct list *place;

	list_for_each(place, &line->asleep)
		if (waiter_of(place)->ticket > w->ticket)
			break;
	return place;
}

void line_enter_locked(struct line *line, struct waiter *w)
{
	struct list *place = &line->asleep;
	/* [wait.4] acquire: with [wait.3], the link is free */
	bool pending = sync_load(&w->wakers, acquire) >= WAKE_PENDING;

	if (w->state == WAITER_ASLEEP || (w->state == WAITER_WOKEN && pending))
		return;
	if (w->kind == WAITER_NODE && w->state != WAITER_WOKEN)
		w->ticket = 0; /* of an earlier time */
	/* who comes back is among the first, who is new the last */
	if (w->ticket && w->ticket + 1 < line->next_ticket)
		place = line_place_locked(line, w);
	line_ticket_locked(line, w);
	if (w->state == WAITER_WOKEN) {
		line_count_back_locked(line, w);
	} else {
		line_count_in_locked(line, w, 1);
		line->waits++;
	}
	if (pending) {
		line_count_woken_locked(line, w);
		w->state = WAITER_WOKEN;
		return;
	}
	list_insert(&w->link, place);
	w->state = WAITER_ASLEEP;
}

void line_leave_locked(struct line *line, struct waiter *w)
{
	if (w->state == WAITER_ASLEEP)
		list_remove(&w->link);
	else if (w->state == WAITER_WOKEN)
		line_count_back_locked(line, w);
	if (w->state == WAITER_ASLEEP || w->state == WAITER_WOKEN)
		line_count_in_locked(line, w, (uint32_t)-1);
	w->state = WAITER_OUT;
}

static void line_arm_locked(struct line *line, uint32_t armed)
{
	sync_store(&line->armed, armed, relaxed);
}

/* It is to be woken after unlocking. */
static void waiter_owe_wake_locked(struct line *line, struct waiter *w)
{
	if (waiter_is_alone(w))
		sync_store(&w->wakers, 1, relaxed);
	else
		sync_add(&w->wakers,
			 w->kind == WAITER_THREAD ? 1 : WAKE_PENDING, relaxed);
	line->wakeups++;
	PROBE2(wake, line, w->kind);
}

/* What armed is when nobody is asleep any more, w having been woken. */
static uint32_t line_rests_as(const struct line *line, const struct waiter *w)
{
	if (w->kind == WAITER_THREAD &&
	    sync_load(&line->slept, relaxed) < SYNC_SLEPT_OFTEN)
		return 0;
	return LINE_IDLE;
}

/* From asleep. */
static void waiter_claim_locked(struct line *line, struct waiter *w,
				enum waiter_state state)
{
	list_remove(&w->link);
	w->state = (uint8_t)state;
	if (state == WAITER_WOKEN)
		line_count_woken_locked(line, w);
	else
		line_count_in_locked(line, w, (uint32_t)-1);
	if (!list_empty(&line->asleep))
		line_arm_locked(line, line->in_flight + 1);
	else
		line_arm_locked(line, line_rests_as(line, w));
}

/* The first one asleep with a ticket of `from` or more, after w (NULL: of all). */
static struct waiter *line_find_locked(struct line *line, struct waiter *w,
				       uint64_t from)
{
	struct list *link = w ? w->link.next : line->asleep.next;

	for (; link != &line->asleep; link = link->next)
		if (waiter_of(link)->ticket >= from)
			return waiter_of(link);
	return NULL;
}

/* The first one with a ticket in [from, limit) for whom something is ready. */
static struct waiter *line_find_ready_locked(struct line *line, uint64_t from,
					     uint64_t limit)
{
	struct waiter *w = line_find_locked(line, NULL, from);

	/* a select cannot be served by itself, others behind it can */
	while (w && w->ticket < limit &&
	       !line->kind->ready(line, (uint64_t)line->in_flight + 1, w))
		w = choice_of(w) ? line_find_locked(line, w, from) : NULL;
	return w && w->ticket < limit ? w : NULL;
}

/* Who has just come is to arm the line: whether others have looked at it without
 * a fence until now, and are not to any more. */
static bool line_home_changes_locked(struct line *line, const struct waiter *w)
{
	uintptr_t here = w->kind == WAITER_THREAD ? 0 : sync_self();
	uintptr_t home = sync_load(&line->home, relaxed);
	bool armed = line_is_armed(line);

	if (armed && (home == 0 || home == here))
		return false;
	sync_store(&line->home, armed ? 0 : here, relaxed);
	return true;
}

struct waiter *line_settle_locked(struct line *line,
				  const struct waiter *newcomer, uint64_t from,
				  uint64_t limit)
{
	struct waiter *w;
	bool heavy;

	if (list_empty(&line->asleep))
		return NULL;
	heavy = newcomer && line_home_changes_locked(line, newcomer);
	line_arm_locked(line, line->in_flight + 1);
	/* [wait.1] heavy fence: with [wait.2], arm and take the home away before
	 * looking at ready(); full fence: with that of line_wake_is_due() */
	if (heavy)
		sync_fence_heavy();
	else
		sync_fence();
	sync_store(&line->vain, 0, relaxed);
	w = line_find_ready_locked(line, from, limit);
	if (w)
		waiter_claim_locked(line, w, WAITER_WOKEN);
	if (w && w != newcomer) /* who is awake need not be woken */
		waiter_owe_wake_locked(line, w);
	return w;
}

/* The lock is held on entry and on return. */
static void line_wake_one_locked(struct line *line, struct waiter *w)
{
	struct sync_mutex *lock = (void *)((char *)line + line->kind->lock);

	sync_unlock(lock);
	waiter_wake(w);
	sync_lock(lock);
}

/* Do what those wait for who stand first, as long as that can be done. */
static void line_serve_first_locked(struct line *line)
{
	struct waiter *w;

	do {
		w = waiter_of(line->asleep.next);
	} while (!list_empty(&line->asleep) && w->offer && line->kind->serve &&
		 line->kind->ready(line, (uint64_t)line->in_flight + 1, w) &&
		 line->kind->serve(line, w));
}

/* Who is to be woken next; from: the smallest ticket, of those not served. */
static struct waiter *line_next_locked(struct line *line, uint64_t *from,
				       uint64_t limit)
{
	struct waiter *w;

	line_serve_first_locked(line);
	if (!list_empty(&line->served)) {
		w = waiter_of(line->served.next);
		list_remove(&w->link);
		return w;
	}
	w = line_settle_locked(line, NULL, *from, limit);
	if (w)
		*from = w->ticket + 1;
	return w;
}

static struct waiter *line_look_locked(struct line *line, uint64_t *from,
				       uint64_t limit)
{
	if (list_empty(&line->asleep))
		line_arm_locked(line, 0);
	return line_next_locked(line, from, limit);
}

struct waiter *line_first_locked(struct line *line, bool *more)
{
	uint64_t from = 0;
	struct waiter *w = line_look_locked(line, &from, UINT64_MAX);

	*more = w && !(list_empty(&line->asleep) && list_empty(&line->served));
	return w;
}

unsigned line_wake_ready_locked(struct line *line)
{
	uint64_t from = 0, limit = line->next_ticket;
	struct waiter *w = line_look_locked(line, &from, limit);
	unsigned n = 0;

	for (; w; w = line_next_locked(line, &from, limit), n++)
		line_wake_one_locked(line, w);
	return n;
}

void line_serve_locked(struct line *line, struct waiter *w)
{
	waiter_claim_locked(line, w, WAITER_SERVED);
	waiter_owe_wake_locked(line, w);
	list_insert(&w->link, &line->served);
	if (w->kind == WAITER_NODE)
		node_set_served(container_of(w, struct node, waiter));
}

void line_wake_all_locked(struct line *line, int verdict)
{
	uint64_t from = 0, limit = line->next_ticket;
	struct waiter *w;

	if (verdict == EINTR)
		line->interrupted = limit;
	else if (verdict == 0)
		line->completed = limit;
	while ((w = line_find_locked(line, NULL, from)) && w->ticket < limit) {
		from = w->ticket + 1;
		if (verdict == EINTR && w->kind == WAITER_NODE)
			continue;
		waiter_claim_locked(line, w, WAITER_WOKEN);
		waiter_owe_wake_locked(line, w);
		line_wake_one_locked(line, w);
	}
}

int line_verdict_locked(const struct line *line, const struct waiter *w)
{
	if (w->kind == WAITER_NODE && w->state == WAITER_OUT)
		return VERDICT_RETRY; /* its ticket is of an earlier time */
	if (w->ticket < line->completed)
		return 0;
	return w->ticket < line->interrupted && w->kind != WAITER_NODE
		       ? EINTR
		       : VERDICT_RETRY;
}
