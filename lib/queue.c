/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Put, get and peek in every form.
 *
 * The fast path is one read-side section: state, store, is anybody to be woken.
 * It does not take the lock of the queue.  Who finds the ring full and may wait
 * spins on it for a moment; what that cannot finish goes on in call.c.
 *
 *     rcu_reader_enter
 *       open, a ring?       no: another kind, or ESHUTDOWN
 *       ring_put            full: again, EAGAIN, or wait
 *       getters armed?      yes: choose one, wake it after the section
 *     rcu_reader_leave
 *
 * A rendezvous, a queue whose capacity changes, and all queues of the reference
 * build make each attempt under the lock, in the section (call.c).
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
static int closed(const struct coqueue *q)
{
	return queue_state(q) == COQUEUE_OPEN ? BUSY : ESHUTDOWN;
}

static int outcome(const struct coqueue *q, enum store_result r)
{
	switch (r) {
	case STORE_DONE:
		return 0;
	case STORE_NONE:
		return EAGAIN;
	case STORE_BUSY:
		return BUSY;
	case STORE_NOMEM:
		return ENOMEM;
	case STORE_CLOSED:
		break;
	}
	return closed(q);
}

/* As much as goes at once; that more is wanted is told as BUSY. */
static int call_put(struct call *c)
{
	struct coqueue *q = c->queue;
	size_t n = 0, room = SIZE_MAX;
	int err;

	c->other = &q->store.getters;
	if (queue_state(q) != COQUEUE_OPEN)
		return ESHUTDOWN;
	if (unlikely(queue_word(q) & QUEUE_RESIZING))
		room = queue_room_locked(q);
	if (room == 0)
		return EAGAIN;
	err = outcome(q,
		      q->store.kind->put(&q->store, c->items,
					 c->left < room ? c->left : room, &n));
	call_moved(c, n);
	return !err && c->left ? BUSY : err;
}

/* Who takes the last item of a closed queue sends home those who wait for more;
 * putters there are none. */
static int call_get(struct call *c)
{
	struct coqueue *q = c->queue;
	int err, state = queue_state(q);
	size_t n = 0;

	c->other =
		state == COQUEUE_OPEN ? &q->store.putters : &q->store.getters;
	if (state == COQUEUE_SHUT)
		return ESHUTDOWN;
	err = outcome(q, q->store.kind->get(&q->store, c->items, c->left, &n));
	call_moved(c, n);
	return err;
}

static int call_peek(struct call *c)
{
	struct coqueue *q = c->queue;

	if (queue_state(q) == COQUEUE_SHUT)
		return ESHUTDOWN;
	return outcome(q, q->store.kind->peek(&q->store, c->items));
}

/* For how much room a put spins, so that it does not follow on the heels of gets,
 * whose cache lines it would take away.  Items lie before it meanwhile, and what
 * there is it takes when it has spun for long enough. */
static uint64_t room_to_spin_for(const struct coqueue *q)
{
	size_t quarter = sync_load(&q->capacity, relaxed) / 4;

	if (quarter == 0)
		return 1;
	return quarter < SYNC_SPIN_ROOM ? quarter : SYNC_SPIN_ROOM;
}

/* For who spins: the state is new, or the store may have what is wanted. */
static bool may_put(const struct coqueue *q)
{
	return queue_state(q) != COQUEUE_OPEN ||
	       q->store.kind->may_put(&q->store, room_to_spin_for(q));
}

static bool may_get(const struct coqueue *q)
{
	return queue_state(q) != COQUEUE_OPEN ||
	       q->store.kind->can_get(&q->store, 1);
}

/* Whether put_one() and get_one() try: it is open, and worked on without the lock. */
static bool has_fast_path(const struct coqueue *q)
{
	return !(queue_word(q) & ~(QUEUE_CHAIN | QUEUE_PILE));
}

bool queue_ready_to_put(struct line *line, uint64_t n, const struct waiter *w)
{
	const struct coqueue *q =
		container_of(line, struct coqueue, store.putters);
	int word = queue_word(q);

	if ((word & QUEUE_STATE) != COQUEUE_OPEN)
		return true;
	if (unlikely(word & QUEUE_MEETS))
		return call_may_meet_locked(q, line, n, w);
	return (!(word & QUEUE_RESIZING) || queue_room_locked(q) >= n) &&
	       q->store.kind->can_put(&q->store, n);
}

bool queue_ready_to_get(struct line *line, uint64_t n, const struct waiter *w)
{
	const struct coqueue *q =
		container_of(line, struct coqueue, store.getters);
	int word = queue_word(q), state = word & QUEUE_STATE;

	if (unlikely(word & QUEUE_MEETS) && state == COQUEUE_OPEN)
		return call_may_meet_locked(q, line, n, w);
	return state == COQUEUE_SHUT || q->store.kind->can_get(&q->store, n) ||
	       (state == COQUEUE_DRAINING &&
		q->store.kind->is_finished(&q->store));
}

/* Peekers of a rendezvous. */
bool queue_ready_to_leave(struct line *line, uint64_t n, const struct waiter *w)
{
	(void)n; /* one and all */
	(void)w;
	return queue_state(container_of(line, struct coqueue,
					exchange.peekers)) != COQUEUE_OPEN;
}

/* ---- put ------------------------------------------------------------------ */

void call_init_put(struct call *c, struct coqueue *q, const void *item)
{
	*c = (struct call){
		.queue = q,
		.attempt = call_put,
		.may = may_put,
		.line = &q->store.putters,
		.items = (unsigned char *)(uintptr_t)item,
		.left = 1,
	};
}

/* In a section, which it leaves: all that is not over at the first try. */
static not_inlined int put_slow(struct coqueue *q, const void *items, size_t n,
				const struct timespec *deadline, size_t *done,
				bool tried)
{
	struct call c;

	call_init_put(&c, q, items);
	c.tried = tried;
	c.other = &q->store.getters;
	c.left = n;
	c.deadline = deadline;
	c.done = done;
	return call_run(&c);
}

static not_inlined int put_begin(struct coqueue *q, const void *items, size_t n,
				 const struct timespec *deadline, size_t *done)
{
	rcu_reader_enter();
	return put_slow(q, items, n, deadline, done, false);
}

hot_inline bool put_one(struct coqueue *q, const void *item)
{
	int word = queue_word(q);

	if (likely(word == COQUEUE_OPEN))
		return ring_put_one(&q->ring, item, true);
	if (word == (COQUEUE_OPEN | QUEUE_CHAIN))
		return chain_put_one(&q->chain, item);
	return word == (COQUEUE_OPEN | QUEUE_PILE) &&
	       pile_put_one(&q->pile, item);
}

/* In a section, which it leaves: one item has been put, or got, on the fast path. */
hot_inline int end_fast(struct coqueue *q, struct line *other)
{
	if (unlikely(line_published(other)))
		return call_wake(q, other);
	rcu_reader_leave();
	return 0;
}

/* The fast path of a ring again, while the call is patient. */
static not_inlined int put_soon(struct coqueue *q, const void *item,
				const struct timespec *deadline)
{
	struct line *line = &q->store.putters;
	int spins = call_spins(line, deadline);

	for (; spins > 0 && queue_word(q) == COQUEUE_OPEN; spins--) {
		sync_pause();
		if (!may_put(q) || !ring_put_one(&q->ring, item, true))
			continue;
		call_note_slept(line, false);
		return end_fast(q, &q->store.getters);
	}
	return put_slow(q, item, 1, deadline, NULL,
			spins == 0 && has_fast_path(q));
}

hot_inline int put(struct coqueue *q, const void *item,
		   const struct timespec *deadline)
{
	if (unlikely(!COQUEUE_FASTPATH) || unlikely(!rcu_reader_known()))
		return put_begin(q, item, 1, deadline, NULL);
	rcu_reader_enter();
	if (likely(put_one(q, item)))
		return end_fast(q, &q->store.getters);
	return put_soon(q, item, deadline);
}

/* An attempt under lock, that wakes nobody. */
static bool attempt_locked(struct call *c)
{
	bool done = c->attempt(c) == 0;

	if (done && unlikely(c->queue->shrinking))
		queue_shrink_locked(c->queue);
	return done;
}

bool queue_put_locked(struct coqueue *q, const void *item)
{
	struct call c;

	if (put_one(q, item))
		return true;
	call_init_put(&c, q, item);
	return attempt_locked(&c);
}

int coqueue_put(coqueue_t *q, const void *item)
{
	if (unlikely(!q) || unlikely(!item))
		return EINVAL;
	return put(q, item, NULL);
}

int coqueue_try_put(coqueue_t *q, const void *item)
{
	if (unlikely(!q) || unlikely(!item))
		return EINVAL;
	return put(q, item, COQUEUE_NOWAIT);
}

int coqueue_put_until(coqueue_t *q, const void *item,
		      const struct timespec *deadline)
{
	if (unlikely(!q) || unlikely(!item) || !deadline_is_valid(deadline))
		return EINVAL;
	return put(q, item, deadline);
}

int coqueue_put_many(coqueue_t *q, const void *items, size_t n,
		     const struct timespec *deadline, size_t *done)
{
	if (!done)
		return EINVAL;
	*done = 0;
	if (!q || (!items && n) || !deadline_is_valid(deadline))
		return EINVAL;
	if (n == 0)
		return 0;
	return put_begin(q, items, n, deadline, done);
}

/* ---- a put that never waits ----------------------------------------------- */

struct force {
	struct call call;
	void *old;
	size_t n_old;
};

/*
 * A queue that holds too much is not shrunk by it: one goes, one comes.  It is
 * ours alone then, so that is one instant, too.
 */
static enum store_result force_full(struct coqueue *q, struct force *f)
{
	struct store *s = &q->store;

	if (queue_word(q) & QUEUE_RESIZING && queue_room_locked(q) == 0 &&
	    s->kind->get(s, f->old, 1, &f->n_old) != STORE_DONE)
		return STORE_BUSY;
	return s->kind->force(s, f->call.items, f->old, &f->n_old);
}

static int call_force(struct call *c)
{
	struct force *f = container_of(c, struct force, call);
	struct coqueue *q = c->queue;
	int err;

	c->other = &q->store.getters;
	if (queue_state(q) != COQUEUE_OPEN)
		return ESHUTDOWN;
	err = outcome(q, force_full(q, f));
	if (!err)
		call_moved(c, 1);
	return err;
}

int coqueue_force_put(coqueue_t *q, const void *item, void *evicted,
		      size_t *n_evicted)
{
	struct force f = {.old = evicted};
	int err;

	if (!n_evicted)
		return EINVAL;
	*n_evicted = 0;
	if (!q || !item || !evicted || !q->store.kind->force)
		return EINVAL;
	call_init_put(&f.call, q, item);
	f.call.attempt = call_force;
	f.call.deadline = COQUEUE_NOWAIT;
	f.call.tells = true; /* getters may have found the head kept */
	rcu_reader_enter();
	err = call_run(&f.call);
	*n_evicted = f.n_old;
	return err;
}

/* ---- get ------------------------------------------------------------------ */

void call_init_get(struct call *c, struct coqueue *q, void *item)
{
	*c = (struct call){
		.queue = q,
		.attempt = call_get,
		.may = may_get,
		.line = &q->store.getters,
		.items = item,
		.left = 1,
	};
}

/* In a section, which it leaves: all that is not over at the first try. */
static not_inlined int get_slow(struct coqueue *q, void *items, size_t n,
				const struct timespec *deadline, size_t *done,
				bool tried)
{
	struct call c;

	call_init_get(&c, q, items);
	c.tried = tried;
	c.other = &q->store.putters;
	c.left = n;
	c.deadline = deadline;
	c.done = done;
	return call_run(&c);
}

static not_inlined int get_begin(struct coqueue *q, void *items, size_t n,
				 const struct timespec *deadline, size_t *done)
{
	rcu_reader_enter();
	return get_slow(q, items, n, deadline, done, false);
}

hot_inline bool get_one(struct coqueue *q, void *item)
{
	int word = queue_word(q);

	if (likely(word == COQUEUE_OPEN))
		return ring_get_one(&q->ring, item, true);
	if (word == (COQUEUE_OPEN | QUEUE_CHAIN))
		return chain_get_one(&q->chain, item);
	return word == (COQUEUE_OPEN | QUEUE_PILE) &&
	       pile_get_one(&q->pile, item);
}

/* The fast path of a ring again, while the call is patient. */
static not_inlined int get_soon(struct coqueue *q, void *item,
				const struct timespec *deadline)
{
	struct line *line = &q->store.getters;
	int spins = call_spins(line, deadline);

	for (; spins > 0 && queue_word(q) == COQUEUE_OPEN; spins--) {
		sync_pause();
		if (!may_get(q) || !ring_get_one(&q->ring, item, true))
			continue;
		call_note_slept(line, false);
		return end_fast(q, &q->store.putters);
	}
	return get_slow(q, item, 1, deadline, NULL,
			spins == 0 && has_fast_path(q));
}

hot_inline int get(struct coqueue *q, void *item,
		   const struct timespec *deadline)
{
	if (unlikely(!COQUEUE_FASTPATH) || unlikely(!rcu_reader_known()))
		return get_begin(q, item, 1, deadline, NULL);
	rcu_reader_enter();
	if (likely(get_one(q, item)))
		return end_fast(q, &q->store.putters);
	return get_soon(q, item, deadline);
}

bool queue_get_locked(struct coqueue *q, void *item)
{
	struct call c;

	if (get_one(q, item))
		return true;
	call_init_get(&c, q, item);
	return attempt_locked(&c);
}

int coqueue_get(coqueue_t *q, void *item)
{
	if (unlikely(!q) || unlikely(!item))
		return EINVAL;
	return get(q, item, NULL);
}

int coqueue_try_get(coqueue_t *q, void *item)
{
	if (unlikely(!q) || unlikely(!item))
		return EINVAL;
	return get(q, item, COQUEUE_NOWAIT);
}

int coqueue_get_until(coqueue_t *q, void *item, const struct timespec *deadline)
{
	if (unlikely(!q) || unlikely(!item) || !deadline_is_valid(deadline))
		return EINVAL;
	return get(q, item, deadline);
}

/* What is there after the wait is claimed at once. */
int coqueue_get_many(coqueue_t *q, void *items, size_t n,
		     const struct timespec *deadline, size_t *done)
{
	if (!done)
		return EINVAL;
	*done = 0;
	if (!q || (!items && n) || !deadline_is_valid(deadline))
		return EINVAL;
	if (n == 0)
		return 0;
	return get_begin(q, items, n, deadline, done);
}

/* ---- peek ----------------------------------------------------------------- */

void call_init_peek(struct call *c, struct coqueue *q, void *item)
{
	*c = (struct call){
		.queue = q,
		.attempt = call_peek,
		.may = may_get,
		.line = queue_is_rendezvous(q) ? &q->exchange.peekers
					       : &q->store.getters,
		.items = item,
	};
}

int coqueue_peek_until(coqueue_t *q, void *item,
		       const struct timespec *deadline)
{
	struct call c;

	if (!q || !item || !deadline_is_valid(deadline))
		return EINVAL;
	call_init_peek(&c, q, item);
	c.deadline = deadline;
	rcu_reader_enter();
	return call_run(&c);
}

int coqueue_peek(coqueue_t *q, void *item)
{
	return coqueue_peek_until(q, item, NULL);
}

int coqueue_try_peek(coqueue_t *q, void *item)
{
	return coqueue_peek_until(q, item, COQUEUE_NOWAIT);
}
