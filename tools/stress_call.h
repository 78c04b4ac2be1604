/* SPDX-License-Identifier: MIT */
/*
 * Calls of the queue that can wait, all made in one place: it tells the
 * watchdog where this thread is, and checks the result against everything the
 * caller knows at this moment.
 *
 * A call that is cancelled leaves in_call set in its actor, and the thread
 * that takes over settles what it had moved.
 */
#ifndef STRESS_CALL_H
#define STRESS_CALL_H

#include "stress_round.h"

struct call {
	enum activity what;
	enum form form;
	bool by_until; /* through the function that takes a deadline */
	struct timespec until;
	const struct timespec *deadline; /* NULL, COQUEUE_NOWAIT or &until */
	size_t n;
	enum finality after; /* the caller knows of this shutdown */
};

/* Draw one of the forms, and the deadline that it needs. */
void call_draw(struct actor *a, struct call *c, unsigned forms);

/* The function to call: for ever, until or at once; for one item or many. */
enum activity call_function(const struct call *c, enum activity for_ever,
			    enum activity many);

/* What the queue returned; a->done tells how many items have moved. */
int call_make(struct actor *a, struct call *c);

/* The parts of it: just the call, and the accounts of a call that failed. */
int call_perform(struct actor *a, const struct call *c);
void call_count(struct actor *a, const struct call *c, int rc);

/* The same in a queue that must refuse it, whatever the deadline. */
int call_make_in_vain(struct actor *a, struct call *c);

const char *call_result(int rc);

/* What is wrong with this way of giving up, which joins and selects have, too;
 * NULL: nothing. */
const char *call_why_too_early(const struct actor *a, const struct call *c,
			       int rc);

static inline void actor_enters(struct actor *a, enum activity what)
{
	atomic_store_explicit(&a->activity, what, memory_order_relaxed);
}

/* Between any two statements: let another thread come in between. */
void actor_jitters(struct actor *a);

#endif /* STRESS_CALL_H */
