/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Put, get and peek in every form.
 *
 * The fast path is one read-side section: state, store, is anybody to be woken.
 * It takes no lock.  What it cannot finish goes on in call.c.
 *
 *     rcu_reader_enter
 *       state OPEN?         no: ESHUTDOWN
 *       ring_put            full: EAGAIN, or wait
 *       getters armed?      yes: choose one, wake it after the section
 *     rcu_reader_leave
 *
 * put and get are one piece of code each for one item and for many, and mirror
 * each other.
 */
#include "config.h"

#include "queue.h"

/* ---- attempts ------------------------------------------------------------- */

/*
 * Refused by the gate, or closed and empty.  Shutdown closes the gate a moment
 * before it changes the state; the refusal must not be known earlier than the
 * state (shutdown.c), so until then the queue is busy.
 */
static cold int closed(const struct coqueue *q)
{
	return queue_state(q) == COQUEUE_OPEN ? BUSY : ESHUTDOWN;
}

hot_inline int outcome(const struct coqueue *q, enum store_result r)
{
	if (likely(r == STORE_DONE))
		return 0;
	if (r == STORE_NONE)
		return EAGAIN;
	return r == STORE_BUSY ? BUSY : closed(q);
}

hot_inline int attempt_put(struct coqueue *q, const void *items, size_t n,
			   size_t *done)
{
	if (unlikely(queue_state(q) != COQUEUE_OPEN))
		return ESHUTDOWN;
	return outcome(q, ring_put(&q->ring, items, n, done));
}

hot_inline int attempt_get(struct coqueue *q, void *items, size_t n,
			   size_t *done)
{
	if (unlikely(queue_state(q) == COQUEUE_SHUT))
		return ESHUTDOWN;
	return outcome(q, ring_get(&q->ring, items, n, done));
}

hot_inline int attempt_peek(struct coqueue *q, void *item)
{
	if (unlikely(queue_state(q) == COQUEUE_SHUT))
		return ESHUTDOWN;
	return outcome(q, ring_peek(&q->ring, item));
}

bool queue_ready_to_put(struct line *line)
{
	const struct coqueue *q =
		container_of(line, struct coqueue, putters);

	return queue_state(q) != COQUEUE_OPEN || ring_can_put(&q->ring);
}

bool queue_ready_to_get(struct line *line)
{
	const struct coqueue *q =
		container_of(line, struct coqueue, getters);

	return queue_state(q) == COQUEUE_SHUT || ring_can_get(&q->ring);
}

/* ---- the attempts of calls that wait -------------------------------------- */

static void call_moved(struct call *c, size_t n)
{
	c->items += n * c->queue->ring.item_size;
	c->left -= n;
	*c->done += n;
}

static int call_put(struct call *c)
{
	size_t n = 0;
	int err = attempt_put(c->queue, c->items, c->left, &n);

	call_moved(c, n);
	return !err && c->left ? BUSY : err;
}

static int call_get(struct call *c)
{
	size_t n = 0;
	int err = attempt_get(c->queue, c->items, c->left, &n);

	call_moved(c, n);
	return err;
}

static int call_peek(struct call *c)
{
	return attempt_peek(c->queue, c->items);
}

/* ---- put ------------------------------------------------------------------ */

/* In a section, which it leaves: `moved` of n are stored, or err says why not. */
static cold int put_slow(struct coqueue *q, const void *items, size_t n,
			 const struct timespec *deadline, size_t *done,
			 size_t moved, int err)
{
	struct call c = {
		.queue = q,
		.attempt = call_put,
		.line = &q->putters,
		.other = &q->getters,
		.deadline = deadline,
		.items = (unsigned char *)(uintptr_t)items,
		.left = n,
		.done = done,
	};

	*done = 0;
	call_moved(&c, moved);
	return call_go_on(&c, err ? err : BUSY, moved > 0);
}

hot_inline int put(struct coqueue *q, const void *items, size_t n,
		   const struct timespec *deadline, size_t *done)
{
	struct waiter *w;
	size_t moved = 0;
	int err;

	rcu_reader_enter();
	err = COQUEUE_FASTPATH ? attempt_put(q, items, n, &moved) : BUSY;
	if (unlikely(err || moved < n))
		return put_slow(q, items, n, deadline, done, moved, err);
	w = line_published(&q->getters);
	rcu_reader_leave();
	waiter_wake(w);
	*done = n;
	return 0;
}

int coqueue_put_until(coqueue_t *q, const void *item,
		      const struct timespec *deadline)
{
	size_t done;

	if (unlikely(!q || !item || !deadline_is_valid(deadline)))
		return EINVAL;
	return put(q, item, 1, deadline, &done);
}

int coqueue_put(coqueue_t *q, const void *item)
{
	size_t done;

	if (unlikely(!q || !item))
		return EINVAL;
	return put(q, item, 1, NULL, &done);
}

int coqueue_try_put(coqueue_t *q, const void *item)
{
	size_t done;

	if (unlikely(!q || !item))
		return EINVAL;
	return put(q, item, 1, COQUEUE_NOWAIT, &done);
}

int coqueue_put_many(coqueue_t *q, const void *items, size_t n,
		     const struct timespec *deadline, size_t *done)
{
	size_t unused;

	if (!done)
		done = &unused;
	*done = 0;
	if (!q || (!items && n) || !deadline_is_valid(deadline))
		return EINVAL;
	return n ? put(q, items, n, deadline, done) : 0;
}

/* ---- get ------------------------------------------------------------------ */

/* In a section, which it leaves: nothing was taken, err says why. */
static cold int get_slow(struct coqueue *q, void *items, size_t n,
			 const struct timespec *deadline, size_t *done, int err)
{
	struct call c = {
		.queue = q,
		.attempt = call_get,
		.line = &q->getters,
		.other = &q->putters,
		.deadline = deadline,
		.items = items,
		.left = n,
		.done = done,
	};

	*done = 0;
	return call_go_on(&c, err, false);
}

hot_inline int get(struct coqueue *q, void *items, size_t n,
		   const struct timespec *deadline, size_t *done)
{
	struct waiter *w;
	int err;

	rcu_reader_enter();
	err = COQUEUE_FASTPATH ? attempt_get(q, items, n, done) : BUSY;
	if (unlikely(err))
		return get_slow(q, items, n, deadline, done, err);
	w = line_published(&q->putters);
	rcu_reader_leave();
	waiter_wake(w);
	return 0;
}

int coqueue_get_until(coqueue_t *q, void *item, const struct timespec *deadline)
{
	size_t done;

	if (unlikely(!q || !item || !deadline_is_valid(deadline)))
		return EINVAL;
	return get(q, item, 1, deadline, &done);
}

int coqueue_get(coqueue_t *q, void *item)
{
	size_t done;

	if (unlikely(!q || !item))
		return EINVAL;
	return get(q, item, 1, NULL, &done);
}

int coqueue_try_get(coqueue_t *q, void *item)
{
	size_t done;

	if (unlikely(!q || !item))
		return EINVAL;
	return get(q, item, 1, COQUEUE_NOWAIT, &done);
}

/* Wait for the first, then take what is there, as far as it goes. */
int coqueue_get_many(coqueue_t *q, void *items, size_t n,
		     const struct timespec *deadline, size_t *done)
{
	unsigned char *to = items;
	size_t unused, more;
	int err;

	if (!done)
		done = &unused;
	*done = 0;
	if (!q || (!items && n) || !deadline_is_valid(deadline))
		return EINVAL;
	if (n == 0)
		return 0;
	err = get(q, to, n, deadline, done);
	while (!err && *done < n &&
	       !get(q, to + *done * q->ring.item_size, n - *done,
		    COQUEUE_NOWAIT, &more))
		*done += more;
	return err;
}

/* ---- peek ----------------------------------------------------------------- */

static int peek(struct coqueue *q, void *item, const struct timespec *deadline)
{
	struct call c = {
		.queue = q,
		.attempt = call_peek,
		.line = &q->getters,
		.deadline = deadline,
		.items = item,
	};
	int err;

	rcu_reader_enter();
	err = COQUEUE_FASTPATH ? attempt_peek(q, item) : BUSY;
	if (err)
		return call_go_on(&c, err, false);
	rcu_reader_leave();
	return 0;
}

int coqueue_peek_until(coqueue_t *q, void *item,
		       const struct timespec *deadline)
{
	if (!q || !item || !deadline_is_valid(deadline))
		return EINVAL;
	return peek(q, item, deadline);
}

int coqueue_peek(coqueue_t *q, void *item)
{
	return coqueue_peek_until(q, item, NULL);
}

int coqueue_try_peek(coqueue_t *q, void *item)
{
	return coqueue_peek_until(q, item, COQUEUE_NOWAIT);
}
