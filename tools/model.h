/* SPDX-License-Identifier: MIT */
/*
 * A queue in one thread: what each call answers, and what it does.  This is
 * the contract as a program, as short as it can be said; the checker of
 * histories (linearize.h) and the tests compare the library with it.
 *
 *   items    a  b  c  d  e  f  .  .
 *            gone |  ^        ^
 *                 first       end      the queue holds c, d, e, f
 *
 * Items are appended and never moved, so whoever keeps a struct model_state
 * can go back to it, as long as nothing was put since then but in its future.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stddef.h>
#include <stdint.h>
#include <coqueue.h>

struct model_state {
	size_t first, end; /* what the queue holds, as indices of items */
	uint64_t unfinished;
	enum coqueue_state state;
};

struct model {
	size_t capacity;
	uint64_t *items; /* room for all that will ever be put */
	struct model_state now;
};

/* An open and empty queue.  items: room for as many as will be put in all. */
void model_init(struct model *m, size_t capacity, uint64_t *items);

/* 0, or EAGAIN (what would wait), ESHUTDOWN, EINVAL; *value: the item. */
int model_put(struct model *m, uint64_t value);
int model_get(struct model *m, uint64_t *value);
int model_peek(const struct model *m, uint64_t *value);
int model_task_done(struct model *m, uint64_t n);
int model_join(const struct model *m);

size_t model_size(const struct model *m);

/* A shutdown: the state changes at once, the items left go with
 * model_discard(), which belongs to the immediate one and comes later. */
void model_shutdown(struct model *m, enum coqueue_shutdown mode);
size_t model_discard(struct model *m);

#endif
