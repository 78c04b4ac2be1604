/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A queue's beginning and end.
 *
 * Destroy must free memory that calls which began earlier may still use: a put
 * whose item made the getter destroy the queue has yet to look whom to wake.
 * Every call that may be seen to have begun is in a read-side section, or
 * counted; what is counted was so before its section ended.  So: shut down
 * (which waits for a grace period), then wait until nobody is counted, then
 * free.
 */
#include "config.h"

#include <stdlib.h>

#include "probe.h"
#include "queue.h"

static bool attr_is_valid(const coqueue_attr_t *attr)
{
	if (attr->size != sizeof(*attr))
		return false;
	switch (attr->order) {
	case COQUEUE_FIFO:
	case COQUEUE_LIFO:
		return true;
	case COQUEUE_PRIORITY:
		return attr->compare;
	}
	return false;
}

static int queue_init_sync(struct coqueue *q)
{
	int err = rcu_prepare();

	return err ? err : sync_mutex_init(&q->lock);
}

/* How calls are to work on it, which tells what its store is. */
static int queue_word_for(size_t capacity, enum coqueue_order order)
{
	const int word =
		COQUEUE_FASTPATH ? COQUEUE_OPEN : COQUEUE_OPEN | QUEUE_LOCKED;

	if (capacity == 0)
		return COQUEUE_OPEN | QUEUE_LOCKED | QUEUE_MEETS;
	if (order != COQUEUE_FIFO)
		return word | QUEUE_PILE;
	return capacity == COQUEUE_UNBOUNDED ? word | QUEUE_CHAIN : word;
}

/* Bytes of a queue, in whole lines: its store comes last. */
static size_t queue_bytes(int word)
{
	size_t store = word & QUEUE_MEETS   ? sizeof(struct exchange)
		       : word & QUEUE_PILE  ? sizeof(struct pile)
		       : word & QUEUE_CHAIN ? sizeof(struct chain)
					    : sizeof(struct ring);
	size_t bytes = offsetof(struct coqueue, store) + store;

	return (bytes + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
}

/* 0 or ENOMEM. */
static int queue_init_store(struct coqueue *q, size_t capacity,
			    size_t item_size, const coqueue_attr_t *attr,
			    int word)
{
	if (word & QUEUE_PILE)
		return pile_init(&q->pile, capacity, item_size,
				 attr->order == COQUEUE_PRIORITY ? attr->compare
								 : NULL,
				 attr->ctx);
	if (word & QUEUE_CHAIN)
		return chain_init(&q->chain, item_size);
	if (!(word & QUEUE_MEETS))
		return ring_init(&q->ring, capacity, item_size);
	exchange_init(&q->exchange, item_size);
	return 0;
}

#define FROM_LINE_TO_LOCK(line)                                                \
	((ptrdiff_t)offsetof(struct coqueue, lock) -                           \
	 (ptrdiff_t)offsetof(struct coqueue, line))

static const struct line_kind putters = {queue_ready_to_put,
					 queue_serve_put_locked,
					 FROM_LINE_TO_LOCK(store.putters)};
static const struct line_kind getters = {queue_ready_to_get,
					 queue_serve_get_locked,
					 FROM_LINE_TO_LOCK(store.getters)};
static const struct line_kind peekers = {queue_ready_to_leave, NULL,
					 FROM_LINE_TO_LOCK(exchange.peekers)};
static const struct line_kind joiners = {queue_ready_to_join, NULL,
					 FROM_LINE_TO_LOCK(joiners)};

static void queue_init(struct coqueue *q, size_t capacity,
		       const coqueue_attr_t *attr, int word)
{
	sync_init(&q->state, word);
	sync_init(&q->capacity, capacity);
	q->item_destroy = attr->item_destroy;
	q->ctx = attr->ctx;
	line_init(&q->store.putters, &putters);
	line_init(&q->store.getters, &getters);
	line_init(&q->joiners, &joiners);
	if (queue_is_rendezvous(q))
		line_init(&q->exchange.peekers, &peekers);
	sync_init(&q->finished, 0);
	sync_init(&q->destroyer, NULL);
	q->discarded = 0;
	q->passed_on = 0;
	q->resizers = 0;
	q->shrinking = false;
	q->holds[COQUEUE_PUT] = q->holds[COQUEUE_GET] = 0;
	sync_init(&q->entered, 0);
	q->exited = 0;
}

static int queue_make(struct coqueue **made, size_t capacity, size_t item_size,
		      const coqueue_attr_t *attr)
{
	int word = queue_word_for(capacity, attr->order), err;
	struct coqueue *q = aligned_alloc(CACHE_LINE, queue_bytes(word));

	if (!q)
		return ENOMEM;
	err = queue_init_store(q, capacity, item_size, attr, word);
	if (err)
		goto no_store;
	err = queue_init_sync(q);
	if (err)
		goto no_sync;
	queue_init(q, capacity, attr, word);
	*made = q;
	return 0;
no_sync:
	q->store.kind->fini(&q->store);
no_store:
	free(q);
	return err;
}

int coqueue_create(coqueue_t **q, size_t capacity, const coqueue_attr_t *attr)
{
	static const coqueue_attr_t pointers = COQUEUE_ATTR_INIT;
	struct coqueue *made = NULL;
	size_t item_size, bytes;
	int err, saved = errno;

	if (!attr)
		attr = &pointers;
	if (!q || !attr_is_valid(attr))
		return EINVAL;
	item_size = attr->item_size ? attr->item_size : sizeof(void *);
	if (capacity != COQUEUE_UNBOUNDED &&
	    __builtin_mul_overflow(capacity, item_size, &bytes))
		return EINVAL;
	err = queue_make(&made, capacity, item_size, attr);
	errno_set_back(saved);
	if (err)
		return err;
	PROBE3(create, made, capacity, item_size);
	*q = made;
	return 0;
}

/* Armed, or woken and not back yet: their owners may still ask. */
static bool has_nodes_locked(const struct coqueue *q)
{
	return q->store.putters.nodes || q->store.getters.nodes ||
	       q->joiners.nodes ||
	       (queue_is_rendezvous(q) && q->exchange.peekers.nodes);
}

/* Wait until nobody is in the queue; EBUSY: somebody is armed, and stays. */
static int await_callers(struct coqueue *q)
{
	struct sync_cond left = SYNC_COND_INIT;
	int err = 0;

	sync_lock(&q->lock);
	if (!has_nodes_locked(q)) {
		sync_store(&q->destroyer, &left, relaxed);
		line_wake_all_locked(&q->joiners, EINTR);
		while (!queue_is_left_locked(q))
			sync_cond_wait(&left, &q->lock, NULL);
	}
	if (has_nodes_locked(q)) {
		sync_store(&q->destroyer, NULL, relaxed);
		err = EBUSY;
	}
	sync_unlock(&q->lock);
	sync_cond_destroy(&left);
	return err;
}

int coqueue_destroy(coqueue_t *q)
{
	int cancel, err;

	if (!q)
		return EINVAL;
	if (queue_must_not_block() || waker_is_busy())
		return EDEADLK;
	cancel = sync_cancel_disable();
	queue_shut(q, COQUEUE_IMMEDIATE);
	err = await_callers(q);
	if (err) {
		sync_cancel_restore(cancel);
		return err;
	}
	sync_mutex_destroy(&q->lock);
	q->store.kind->fini(&q->store);
	free(q);
	sync_cancel_restore(cancel);
	return 0;
}

const char *coqueue_version(void)
{
	return PACKAGE_VERSION;
}
