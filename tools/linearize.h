/* SPDX-License-Identifier: MIT */
/*
 * Is there an order?  A history is what threads called and what they were
 * answered, each call with the instant before it and the one after it.  It is
 * linearizable (G8) when the calls can be put into one order in which
 *
 *   1. whatever returned before another call began comes first,
 *   2. the calls of one thread stand as they do in ops[], and
 *   3. a queue in one thread (model.h), called in this order, gives each call
 *      the answer that it got.
 *
 * Bulk calls: a series of single ones, all of the same interval.  An immediate
 * shutdown takes effect twice in its interval: the state changes, later the
 * items left are discarded; the release of the last consumer does too.  A put
 * and a get of a rendezvous (capacity 0) take effect together, at one instant
 * of both.  EINTR: no effect, and some LIN_INTERRUPT overlaps
 * the call (record destroy as LIN_INTERRUPT and LIN_SHUTDOWN, both of its
 * interval).  Calls that had no effect because they were cancelled do not
 * belong into a history.
 */
#ifndef LINEARIZE_H
#define LINEARIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "model.h"

enum lin_call {
	LIN_PUT,
	LIN_GET,
	LIN_PEEK,
	LIN_TASK_DONE,
	LIN_JOIN,
	LIN_STATE,
	LIN_SHUTDOWN,
	LIN_INTERRUPT,
	LIN_FORCE_PUT,
	LIN_SET_CAPACITY,
	LIN_HOLD,
	LIN_RELEASE,
	LIN_N_CALLS
};

#define LIN_NEVER UINT64_MAX
#define LIN_NOTHING UINT64_MAX

struct lin_op {
	/* Instants of one order; equal ones are taken for simultaneous.
	 * returned: LIN_NEVER when the effect is known but the call still on. */
	uint64_t called, returned;
	/* The item put, got or peeked; n of task_done; what coqueue_state()
	 * answered (enum coqueue_state); enum coqueue_shutdown; the new
	 * capacity; enum coqueue_side of hold and release. */
	uint64_t value;
	int result; /* 0 or an errno value */
	uint8_t call, thread;
	uint64_t evicted; /* by force_put: an item or LIN_NOTHING */
};

struct lin_history {
	struct model_kind kind;
	size_t n;
	const struct lin_op *ops;
	size_t threads; /* more than any ops[].thread */
};

enum lin_verdict {
	LIN_OK,
	LIN_VIOLATION,
	LIN_TOO_HARD /* out of memory, or the budget is spent */
};

/* Memory that checks use again and again; of one thread at a time. */
struct lin_work;

/* budget: so many moves may one search try; 0: as many as is reasonable.
 * NULL: no memory. */
struct lin_work *lin_work_new(uint64_t budget);
void lin_work_free(struct lin_work *w);

enum lin_verdict lin_check(struct lin_work *w, const struct lin_history *h);

/* Moves tried by the last search. */
uint64_t lin_moves(const struct lin_work *w);

/* One instant of a call: one that may discard has two, others the first. */
struct lin_step {
	const struct lin_op *op;
	const struct lin_op *partner; /* of a put: the get it meets, or NULL */
	enum lin_part { LIN_EFFECT, LIN_DISCARD } part;
};

bool lin_may_discard(const struct lin_op *op);

/* What the model answers there, and does.  value, evicted: of a call that
 * answers no item and no state, those of the op. */
struct lin_answer {
	int result;
	uint64_t value, evicted;
};
struct lin_answer lin_answer(struct model *m, struct lin_step step);

/* The longest order that can be found, into steps[], which has room for two
 * per op.  How many steps it has. */
size_t lin_longest(struct lin_work *w, const struct lin_history *h,
		   struct lin_step *steps);

/* For a human reader: the calls, in the order in which they began. */
void lin_print(FILE *f, const struct lin_history *h);

/* The calls, the longest order that could be found, what the model held at
 * each step of it, and what kept each thread from going on. */
void lin_explain(FILE *f, struct lin_work *w, const struct lin_history *h);

#endif
