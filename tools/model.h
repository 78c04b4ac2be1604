/* SPDX-License-Identifier: MIT */
/*
 * A queue in one thread, of any kind: what each call answers, and what it does.
 * This is the contract as a program, as short as it can be said; the checker of
 * histories (linearize.h) and the tests compare the library with it.
 *
 *   items    a  b  c  d  e  f  .  .
 *            gone |  ^        ^
 *                 gone        end      a FIFO holds c, d, e, f
 *
 *   items    a  b  c  d  e  f  .  .    another order: who left is told by left[],
 *   left     e  b  .  .                the first `gone` of it: it holds a, c, d, f
 *
 * Items are appended and never moved, so whoever keeps a struct model_state
 * can go back to it, as long as nothing was put since then but in its future.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <coqueue.h>

struct model_kind {
	enum coqueue_order order;
	size_t capacity; /* when it is made; 0 and COQUEUE_UNBOUNDED too */
	/* PRIORITY: an item ranks by its value modulo this, the smallest first,
	 * so that many rank alike.  model_compare() is it for a queue. */
	uint64_t ranks;
};

/* For qsort() and coqueue_attr_t: <0, 0, >0. */
int model_compare(const struct model_kind *kind, uint64_t a, uint64_t b);

#define MODEL_N_SIDES 2

struct model_state {
	uint32_t gone, end; /* items that left, items that came */
	uint64_t unfinished;
	size_t capacity;
	uint16_t holds[MODEL_N_SIDES];
	enum coqueue_state state;
};

struct model {
	struct model_kind kind;
	uint64_t *items;
	/* Not of a FIFO.  By when they left: which items did.  By item: which
	 * of those it is, if it is one; else anything. */
	uint64_t *left, *left_as;
	struct model_state now;
};

/* Words for n items. */
#define MODEL_ROOM(n) (3 * (n))

/* An open and empty queue.  room: MODEL_ROOM(n), of as many items as will be
 * put in all. */
void model_init(struct model *m, struct model_kind kind, uint64_t *room,
		size_t n);

/* 0, or EAGAIN (what would wait), ESHUTDOWN, EINVAL; *value: the item. */
int model_put(struct model *m, uint64_t value);
int model_get(struct model *m, uint64_t *value);
int model_peek(const struct model *m, uint64_t *value);
int model_task_done(struct model *m, uint64_t n);
int model_join(const struct model *m);
int model_set_capacity(struct model *m, size_t capacity);
int model_hold(struct model *m, enum coqueue_side side);

/* A put and a get of a rendezvous, at one instant. */
int model_hand_over(struct model *m);

/* *n_evicted: 0 or 1 item that made room, *evicted. */
int model_force_put(struct model *m, uint64_t value, uint64_t *evicted,
		    size_t *n_evicted);

size_t model_size(const struct model *m);

/* Which item a get would take, as an index of items; `end` when there is none. */
size_t model_next(const struct model *m);
bool model_holds(const struct model *m, size_t item);

/* A shutdown: the state changes at once, the items left go with
 * model_discard(), which belongs to the immediate one and comes later.  So it
 * is with the release of the last consumer; after any other, and while the queue
 * is not SHUT, there is nothing to discard. */
void model_shutdown(struct model *m, enum coqueue_shutdown mode);
int model_release(struct model *m, enum coqueue_side side);
size_t model_discard(struct model *m);

#endif
