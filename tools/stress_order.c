/* SPDX-License-Identifier: MIT */
/* The order of what comes: see stress_order.h. */
#include "config.h"

#include <string.h>
#include "stress_order.h"
#include "stress_select.h"

/* A rendezvous is a FIFO. */
static enum coqueue_order order_of(const struct round *r, unsigned queue)
{
	const struct plan *p = &r->plan;

	if (p->queues)
		return r->lanes[queue].capacity ? r->lanes[queue].order
						: COQUEUE_FIFO;
	return p->capacity ? p->order : COQUEUE_FIFO;
}

/* All producers' counters at once, but not in each call: one per call in all. */
void order_look(struct actor *a)
{
	struct round *r = a->round;

	if (order_of(r, 0) == COQUEUE_FIFO)
		return;
	a->has_looked = ++a->looks % r->item_sources == 0;
	for (unsigned i = 0; a->has_looked && i < r->plan.producers; i++)
		a->expected[i].there = (uint32_t)atomic_load_explicit(
			&round_actor(r, PRODUCER, i)->moved,
			memory_order_acquire);
}

static void check_fifo(struct actor *a, struct item item, bool is_peek)
{
	uint32_t *lowest = a->expected[item.producer].lowest;
	char source[SOURCE_LENGTH];

	if (item.number < lowest[0])
		actor_fail(a, "%s item %u of producer %s after having seen %u",
			   is_peek ? "peeked at" : "got", item.number,
			   cargo_source(source, a->round, item.producer),
			   lowest[0] - 1);
	lowest[0] = item.number + !is_peek;
}

static void smaller_ranks_are_gone(struct actor *a, unsigned rank)
{
	for (unsigned i = 0; i < a->round->plan.producers; i++) {
		struct expected *e = &a->expected[i];

		for (unsigned k = 0; k < rank; k++)
			if (e->lowest[k] < e->there)
				e->lowest[k] = e->there;
	}
}

static void check_priority(struct actor *a, struct item item, unsigned rank,
			   bool is_peek)
{
	uint32_t *lowest = &a->expected[item.producer].lowest[rank];
	char source[SOURCE_LENGTH];

	if (item.number < *lowest)
		actor_fail(a,
			   "%s item %u of producer %s and rank %u too late: "
			   "all below %u had to come before others that came",
			   is_peek ? "peeked at" : "got", item.number,
			   cargo_source(source, a->round, item.producer), rank,
			   *lowest);
	*lowest = item.number + !is_peek;
	if (a->has_looked)
		smaller_ranks_are_gone(a, rank);
}

static void check_lifo(struct actor *a, struct item item, bool is_peek)
{
	struct expected *e = &a->expected[item.producer];

	if (item.number > e->gone_from && item.number < e->gone_to)
		actor_fail(a,
			   "%s item %u of producer %u, which was there when "
			   "it got the older %u",
			   is_peek ? "peeked at" : "got", item.number,
			   item.producer, e->gone_from);
	if (!a->has_looked)
		return;
	e->gone_from = item.number;
	e->gone_to = e->there;
}

void order_check(struct actor *a, struct item item, unsigned rank, bool is_peek)
{
	switch (order_of(a->round, item.producer % sources_each(a->round))) {
	case COQUEUE_FIFO:
		check_fifo(a, item, is_peek);
		break;
	case COQUEUE_LIFO:
		check_lifo(a, item, is_peek);
		break;
	case COQUEUE_PRIORITY:
		check_priority(a, item, rank, is_peek);
		break;
	}
}

void order_forget(struct actor *a)
{
	a->looks = 0;
	a->has_looked = false;
	if (a->expected)
		memset(a->expected, 0,
		       a->round->item_sources * sizeof(*a->expected));
}
