/* SPDX-License-Identifier: MIT */
/*
 * The items that an actor has in its buffer: written before a put, looked at,
 * ticked off and timed after a get.
 *
 * An item keeps its number until a put of it has succeeded.  So a producer's
 * accepted items are 0 ... number-1, and an item that the library kept
 * although it refused it shows up as doubled or foreign.
 */
#ifndef STRESS_CARGO_H
#define STRESS_CARGO_H

#include "stress_item.h"
#include "stress_round.h"

/* The next n of this producer, into the buffer; its next for one of several
 * queues, to that place of the buffer. */
void cargo_write(struct actor *a, size_t n);
void cargo_write_for(struct actor *a, unsigned queue, size_t place);
/* An item that no queue may ever accept. */
void cargo_write_foreign(struct actor *a, unsigned char *to);
/* a->done of those in the buffer were accepted, ... */
void cargo_accepted(struct actor *a);
/* ... were taken out; the one in the buffer was peeked at, was discarded. */
void cargo_taken(struct actor *a);
void cargo_seen(struct actor *a);
/* One of several queues has accepted its next; given the one at that place. */
void cargo_accepted_by(struct actor *a, unsigned queue);
void cargo_taken_from(struct actor *a, unsigned queue, size_t place);
void cargo_discarded(struct actor *a, const unsigned char *bytes);

/* When a producer with a rate wants to put this item. */
uint64_t cargo_due_ns(const struct actor *producer, uint32_t number);

/* An item's producer is a source: which producer that is, for which queue. */
static inline unsigned sources_each(const struct round *r)
{
	return r->plan.queues ? QUEUES_MAX : 1;
}

#define SOURCE_LENGTH 32

/* "3", or "3 for queue 2"; returns `to`. */
char *cargo_source(char *to, const struct round *r, unsigned source);

static inline size_t item_size(const struct actor *a)
{
	return a->round->run->config->item_size;
}

/* One writer. */
static inline void actor_counts(_Atomic uint64_t *counter, uint64_t by)
{
	uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);

	/* release: who sums up these counters has seen what was counted */
	atomic_store_explicit(counter, old + by, memory_order_release);
}

#endif /* STRESS_CARGO_H */
