/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The queue: one lock, a store for the items, a line of waiters on each side,
 * and a state that only moves forward.
 *
 * Invariants:
 *   1. state changes under lock, OPEN -> DRAINING -> SHUT; the gate of the
 *      store is closed, under the same lock, before state leaves OPEN.
 *   2. A call that has an effect or waits touches the queue in a read-side
 *      section, under lock, or while it is counted: as `entered` from within a
 *      section, as `exited` under lock.  So a grace period and then entered ==
 *      exited mean that nobody is in the queue (object.c).
 *   3. unfinished = puts - finished.  Puts are counted by the store anyway, so
 *      a put pays nothing for task_done; finished = marked done + discarded.
 *   4. The store is touched without the lock only in a section in which the
 *      state was read without QUEUE_LOCKED and QUEUE_RESIZING.
 */
#ifndef COQUEUE_QUEUE_H
#define COQUEUE_QUEUE_H

#include <errno.h>
#include <stdbool.h>

#include <coqueue.h>

#include "clock.h"
#include "line.h"
#include "list.h"
#include "port.h"
#include "rcu.h"
#include "store_pile.h"
#include "store_ring.h"
#include "store_seg.h"
#include "sync.h"
#include "wait.h"

/* A store that never holds an item (rendezvous.c); what was put was got, too, and
 * counted at its tail.  Under lock: */
struct exchange {
	struct store store;
	bool closed;
	struct list offers[2]; /* by enum coqueue_side */
	size_t n_offers[2];
	struct line peekers; /* elsewhere they wait as getters do */
};

struct coqueue {
	/* read by every call; state is written under lock, rarely */
	_Atomic int state; /* enum coqueue_state, and flags [queue.1] */
	/* under lock: */
	unsigned resizers : 31;  /* in set_capacity, unlocked */
	unsigned shrinking : 1;  /* holds more than capacity */
	_Atomic size_t capacity; /* written under lock */
	void (*item_destroy)(void *item, void *ctx);
	void *ctx;
	size_t holds[2];    /* under lock; by enum coqueue_side */
	uint64_t discarded; /* under lock */
	/* Of who destroys it, to be told when all have left; written under lock,
	 * a hint elsewhere. */
	struct sync_cond *_Atomic destroyer;

	/* As at the ends of a store: task_done looks there next. */
	on_own_line _Atomic uint64_t finished; /* [task.1], [task.2] */
	struct line joiners;

	on_own_line struct sync_mutex lock;
	_Atomic uint64_t entered; /* calls that were counted: in a section */
	uint64_t exited;          /* of these, that have left; under lock */
	uint64_t passed_on;       /* under lock: wake-ups by those who left */

	/* One of them; the memory of a queue ends where it does. */
	on_own_line union {
		struct store store;
		struct exchange exchange;
		struct ring ring;
		struct chain chain;
		struct pile pile;
	};
};

#if UINTPTR_MAX > UINT32_MAX
_Static_assert(sizeof(struct line) + sizeof(uint64_t) == 2 * CACHE_LINE,
	       "an end and its line fill two cache lines");
#endif

/*
 * Flags beside the state.  On a fast path one comparison tells that a queue is
 * open, a ring, and to be worked on without the lock: then the word is 0.
 */
#define QUEUE_STATE 3    /* mask of the enum */
#define QUEUE_LOCKED 4   /* the store wants the lock, always */
#define QUEUE_RESIZING 8 /* ... for a while (resize.c) */
#define QUEUE_CHAIN 16   /* the store is a chain, no ring */
#define QUEUE_PILE 32    /* the store is a pile, no ring */
#define QUEUE_MEETS 64   /* the queue is a rendezvous */

hot_inline int queue_word(const struct coqueue *q)
{
	/* [queue.2] acquire: with [queue.1], who sees a state sees what
	 * came before it */
	return sync_load(&q->state, acquire);
}

static inline int queue_state(const struct coqueue *q)
{
	return queue_word(q) & QUEUE_STATE;
}

/* Whether calls in a section work on the store without the lock. */
static inline bool queue_is_lockless(const struct coqueue *q)
{
	return !(queue_word(q) & (QUEUE_LOCKED | QUEUE_RESIZING));
}

/* Whether the caller, if it had to block, would wait for itself. */
static inline bool queue_must_not_block(void)
{
	return rcu_reader_inside() || pile_is_comparing();
}

/* ---- callers (call.c) ----------------------------------------------------- */

/* From within a section: this call stays in the queue after the section. */
static inline void queue_caller_enter(struct coqueue *q)
{
	sync_add(&q->entered, 1, relaxed);
}

void queue_caller_leave_locked(struct coqueue *q);

/* Nobody is counted any more.  Who left has seen, by the lock, all who entered and
 * left before; so the last sees them all. */
static inline bool queue_is_left_locked(const struct coqueue *q)
{
	return sync_load(&q->entered, relaxed) == q->exited;
}

/* The same for calls that have no fast path. */
void queue_enter(struct coqueue *q);
void queue_leave(struct coqueue *q);

/*
 * For a look at the store, beside or in a section, without the lock.  Returns
 * what queue_look_end() wants to know.
 */
bool queue_look_begin(const struct coqueue *q);
void queue_look_end(const struct coqueue *q, bool locked);

/* ---- rendezvous.c --------------------------------------------------------- */

void exchange_init(struct exchange *x, size_t item_size);

static inline bool queue_is_rendezvous(const struct coqueue *q)
{
	return queue_word(q) & QUEUE_MEETS;
}

struct call;

/*
 * Make an offer and wait for a partner: for a moment, or, if one has been
 * woken, for its answer; not at all if there is none and the caller is not
 * patient.  The lock is held on entry and on return, and released meanwhile.
 * 0, EINTR, EAGAIN (nobody came), BUSY (attempt again).
 */
int call_meet_locked(struct call *c, bool patient);

/* Whether n in line could meet partners, w (or NULL) others than itself. */
bool call_may_meet_locked(const struct coqueue *q, const struct line *line,
			  uint64_t n, const struct waiter *w);

/* Somebody has left the line: who counted on it is told.  Returns the line of those
 * who may want to be woken, since it has hidden an offer from them; or NULL. */
struct line *call_left_locked(struct coqueue *q, const struct line *line);

void queue_interrupt_offers_locked(struct coqueue *q);

/* Those who peek into a rendezvous: as line_wake_all_locked(). */
void queue_wake_peekers_locked(struct coqueue *q, int verdict);

/* ---- calls that may wait (call.c) ----------------------------------------- */

/* In the reference build nobody looks without the lock. */
#define SPINS (COQUEUE_FASTPATH ? SYNC_SPINS : 0)
#define SPINS_RESTING (COQUEUE_FASTPATH ? SYNC_SPINS_RESTING : 0)
#define YIELDS (COQUEUE_FASTPATH ? SYNC_YIELDS : 0)
#define MOST_YIELDS (COQUEUE_FASTPATH ? SYNC_MOST_YIELDS : 0)
#define WOKEN_YIELDS (COQUEUE_FASTPATH ? SYNC_WOKEN_YIELDS : 0)

/* What attempts answer beside public codes: a half-way call is in the way. */
#define BUSY EBUSY
/* What a step of a select answers: a partner has taken another of its offers. */
#define CHOSEN EALREADY

/* Let others run, for who waits awake, unless that has taken long of late.  How many
 * items they put: a hint. */
uint64_t queue_yield(const struct coqueue *q);

struct call {
	struct coqueue *queue;
	/* One attempt, the store being ours to touch: 0, EAGAIN or BUSY (wait),
	 * or another code, which is final.  Moves items, left and done. */
	int (*attempt)(struct call *c);
	/* A glance: is it worth an attempt?  For who spins. */
	bool (*may)(const struct coqueue *q);
	struct line *line;  /* where to wait */
	struct line *other; /* whom moved items concern; attempts set it */
	const struct timespec *deadline; /* valid */
	unsigned char *items;
	size_t left;  /* items still wanted */
	size_t *done; /* items moved so far; may be NULL */
	bool tells; /* an attempt may concern the other line without moving any */
	/* Just now, for as long as it is to wait awake; who stands in line looks
	 * again anyway. */
	bool tried;
	/* arm.c: stand in line with this one, and return.  What it is then armed
	 * for; and that it may stand there already. */
	struct waiter *armed;
	uintptr_t armed_for;
	bool stands;
};

/* One item; the rest is for the caller to set. */
void call_init_put(struct call *c, struct coqueue *q, const void *item);
void call_init_get(struct call *c, struct coqueue *q, void *item);
void call_init_peek(struct call *c, struct coqueue *q, void *item);
void call_init_join(struct call *c, struct coqueue *q);

/* The attempt has moved n items. */
static inline void call_moved(struct call *c, size_t n)
{
	c->items += n * c->queue->store.item_size;
	c->left -= n;
	if (c->done)
		*c->done += n;
}

/* The last one has been moved, and the queue may be gone. */
static inline void call_moved_last(struct call *c)
{
	c->left = 0;
	if (c->done)
		++*c->done;
}

/*
 * Run a call to its end, or until it is armed (EINPROGRESS).  It is called in a
 * read-side section and leaves it.
 */
int call_run(struct call *c);

/*
 * Under lock, in one step: one try; then out of the line with its answer, or in
 * line and armed (EINPROGRESS), or, if it shall not stand there, EAGAIN or BUSY.
 * Then whom that concerns is woken, with the lock released in between.
 */
int call_step_locked(struct call *c, struct waiter *w, bool stand);

/*
 * Serve and wake those in line for whom something is ready, and those for whom
 * something is ready therefore; the lock is released for each wake-up.  How many
 * of those in line.
 */
unsigned queue_wake_ready_locked(struct coqueue *q, struct line *line);

/* Under lock: do the call of a parked coroutine for it.  False: not done. */
bool queue_serve_put_locked(struct line *line, struct waiter *w);
bool queue_serve_get_locked(struct line *line, struct waiter *w);

/* Under lock: the call of w has been done for it. */
void call_serve_locked(struct coqueue *q, struct line *line, struct waiter *w);

/* Out of the line, and pass on what others need; the lock is released in
 * between. */
void call_leave_locked(struct call *c, struct waiter *w);

/* How many pauses a call, which has tried in vain, waits awake before it asks for a
 * place in line; and that it has slept, or not. */
int call_spins(const struct line *line, const struct timespec *deadline);
void call_note_slept(struct line *line, bool slept);

/* The end of a call that found the other line armed: leave the section, wake. */
not_inlined int call_wake(struct coqueue *q, struct line *other);

/* ---- shutdown.c ----------------------------------------------------------- */

/* The work of coqueue_shutdown(), for a caller who keeps the queue alive. */
void queue_shut(struct coqueue *q, enum coqueue_shutdown mode);

/* ---- resize.c ------------------------------------------------------------- */

/* How many puts there is room for while the queue holds too much; under lock. */
uint64_t queue_room_locked(const struct coqueue *q);

/* Under lock, after items have left a queue that held too much. */
void queue_shrink_locked(struct coqueue *q);

/* ---- task.c --------------------------------------------------------------- */

/* Items put and not yet finished, the store being ours to touch. */
uint64_t queue_unfinished(const struct coqueue *q);

/* Add to finished what was discarded; under lock. */
void queue_discarded_locked(struct coqueue *q, uint64_t n);

/* Joiners may go when nothing is unfinished; under lock, released in between. */
void queue_wake_joiners_locked(struct coqueue *q);

bool queue_ready_to_join(struct line *line, uint64_t n, const struct waiter *w);

/* ---- queue.c -------------------------------------------------------------- */

/* Put, or get, one item under lock; nobody is woken.  False: not at once. */
bool queue_put_locked(struct coqueue *q, const void *item);
bool queue_get_locked(struct coqueue *q, void *item);

/* Whether n puts (gets, peeks) would now be answered without waiting. */
bool queue_ready_to_put(struct line *line, uint64_t n, const struct waiter *w);
bool queue_ready_to_get(struct line *line, uint64_t n, const struct waiter *w);
bool queue_ready_to_leave(struct line *line, uint64_t n,
			  const struct waiter *w);

#endif
