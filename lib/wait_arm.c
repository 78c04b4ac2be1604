/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An armed waiter: memory of an event loop or a scheduler, woken by a function
 * of its own.  Once that has begun the node is not touched any more, because it
 * may be freed or armed again at any moment.  That it runs is noted beside: in a
 * table, by the node's address, where disarm looks and waits.
 */
#include "config.h"

#include <unistd.h>

#include "wait.h"

/* A wake function that runs; on its thread's stack. */
struct running {
	struct running *next;
	const struct node *node;
};

enum { BUCKETS = 64 };

static struct bucket {
	on_own_line struct sync_mutex lock;
	struct sync_cond ended;
	struct running *first; /* under lock */
	unsigned awaited;      /* under lock: who waits for `ended` */
} buckets[BUCKETS] = {
	[0 ... BUCKETS - 1] = {.lock = SYNC_MUTEX_INIT,
			       .ended = SYNC_COND_INIT},
};

sync_thread_local(struct running *, own_wake);

static struct bucket *bucket_of(const struct node *n)
{
	uintptr_t address = (uintptr_t)n / sizeof(coqueue_waiter_t);

	return &buckets[(address ^ address / BUCKETS) % BUCKETS];
}

void node_wake(struct node *n)
{
	coqueue_waiter_t *w =
		container_of((void *)n, coqueue_waiter_t, private_);
	struct bucket *b = bucket_of(n);
	struct running now = {.node = n}, **link;

	sync_lock(&b->lock);
	now.next = b->first;
	b->first = &now;
	waiter_wake_dropped(&n->waiter);
	sync_unlock(&b->lock);
	*sync_own(own_wake) = &now;
	w->wake(w);
	*sync_own(own_wake) = NULL;
	sync_lock(&b->lock);
	for (link = &b->first; *link != &now; link = &(*link)->next)
		;
	*link = now.next;
	if (b->awaited)
		sync_cond_broadcast(&b->ended);
	sync_unlock(&b->lock);
}

void node_wake_dropped(struct node *n)
{
	struct bucket *b = bucket_of(n);

	sync_lock(&b->lock);
	waiter_wake_dropped(&n->waiter);
	if (b->awaited)
		sync_cond_broadcast(&b->ended);
	sync_unlock(&b->lock);
}

/* Under the bucket's lock: whether a wake of n is due, or runs elsewhere. */
static bool node_is_woken_locked(struct bucket *b, struct node *n)
{
	/* [wait.4] acquire: with [wait.3], no waker touches it any more */
	if (sync_load(&n->waiter.wakers, acquire) != 0)
		return true;
	for (struct running *r = b->first; r; r = r->next)
		if (r->node == n && r != *sync_own(own_wake))
			return true;
	return false;
}

bool node_await_wakes(struct node *n)
{
	struct bucket *b = bucket_of(n);
	int cancel = sync_cancel_disable();
	bool woken;

	sync_lock(&b->lock);
	b->awaited++;
	while ((woken = node_is_woken_locked(b, n)) && !waker_is_busy())
		sync_cond_wait(&b->ended, &b->lock, NULL);
	b->awaited--;
	sync_unlock(&b->lock);
	sync_cancel_restore(cancel);
	return !woken;
}

/* A forked child has one thread, and its wake alone. */
static void forget_others(void)
{
	struct running *own = *sync_own(own_wake);

	for (int i = 0; i < BUCKETS; i++)
		buckets[i] = (struct bucket){.lock = SYNC_MUTEX_INIT,
					     .ended = SYNC_COND_INIT};
	if (own) {
		own->next = NULL;
		bucket_of(own->node)->first = own;
	}
}

static __attribute__((constructor)) void hook_fork(void)
{
	sync_at_fork_in_child(forget_others);
}

void coqueue_wake_eventfd(coqueue_waiter_t *w)
{
	const uint64_t one = 1;

	/* It fails when the counter is full, and then is readable anyway. */
	if (write((int)(intptr_t)w->data, &one, sizeof(one)) < 0)
		return;
}
