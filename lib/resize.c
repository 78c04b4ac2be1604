/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A new capacity for a live queue.
 *
 *      under lock              no lock            under lock
 *   +----------------+   +-----------------+   +------------------------+
 *   | set RESIZING   |-->| grace period    |-->| capacity; replace the  |
 *   +----------------+   +-----------------+   | store; clear RESIZING  |
 *                                              +------------------------+
 *
 * While RESIZING is set every attempt is made under the lock, as always in the
 * reference build and for the stores that want it.  After the grace period
 * [rcu.grace] nobody works on the store without the lock any more, and whoever
 * holds it may replace the slots.  Who then sees RESIZING cleared sees the new
 * slots: [queue.1], [queue.2].
 *
 * The new capacity holds from the third box on, which is one instant.
 *
 * A ring that holds more than its new capacity keeps its slots, and RESIZING
 * stays: puts find no room (queue_room_locked), and the get that brings it down
 * to its capacity replaces the slots (queue_shrink_locked).  For want of memory
 * the next get tries again.
 *
 * Several at once: each sets RESIZING and waits for a grace period of its own;
 * it is cleared by the last of them.  The last capacity stands.
 */
#include "config.h"

#include "queue.h"

uint64_t queue_room_locked(const struct coqueue *q)
{
	size_t size, capacity = sync_load(&q->capacity, relaxed);

	if (!q->shrinking)
		return UINT64_MAX;
	size = q->store.kind->size(&q->store);
	return size < capacity ? capacity - size : 0;
}

static void resize_end_locked(struct coqueue *q)
{
	if (q->resizers == 0 && !q->shrinking)
		/* [queue.1] release: with [queue.2], the slots are new */
		sync_store(&q->state, queue_word(q) & ~QUEUE_RESIZING, release);
}

void queue_shrink_locked(struct coqueue *q)
{
	size_t capacity = sync_load(&q->capacity, relaxed);

	if (queue_state(q) != COQUEUE_OPEN ||
	    q->store.kind->resize(&q->store, capacity) != 0)
		return;
	q->shrinking = false;
	resize_end_locked(q);
}

/* After the grace period. */
static int resize_locked(struct coqueue *q, size_t capacity)
{
	int err;

	if (queue_state(q) != COQUEUE_OPEN)
		return ESHUTDOWN;
	err = q->store.kind->resize(&q->store, capacity);
	if (err && err != EBUSY)
		return err;
	q->shrinking = err == EBUSY;
	sync_store(&q->capacity, capacity, relaxed);
	return 0;
}

static int resize(struct coqueue *q, size_t capacity)
{
	int cancel = sync_cancel_disable(), saved = errno, err;

	sync_lock(&q->lock);
	q->resizers++;
	/* [queue.1] release: with [queue.2], as all that changes the state */
	sync_store(&q->state, queue_word(q) | QUEUE_RESIZING, release);
	sync_unlock(&q->lock);
	rcu_wait_readers();
	sync_lock(&q->lock);
	err = resize_locked(q, capacity);
	q->resizers--;
	resize_end_locked(q);
	queue_wake_ready_locked(q, &q->store.putters);
	queue_caller_leave_locked(q);
	sync_unlock(&q->lock);
	errno = saved;
	sync_cancel_restore(cancel);
	return err;
}

static bool is_bounded(size_t capacity)
{
	return capacity != 0 && capacity != COQUEUE_UNBOUNDED;
}

int coqueue_set_capacity(coqueue_t *q, size_t capacity)
{
	size_t bytes;

	if (!q || !is_bounded(capacity) ||
	    !is_bounded(sync_load(&q->capacity, relaxed)) ||
	    __builtin_mul_overflow(capacity, q->store.item_size, &bytes))
		return EINVAL;
	if (queue_must_not_block())
		return EDEADLK;
	queue_enter(q);
	return resize(q, capacity);
}
