/* SPDX-License-Identifier: MIT */
/* Items on their way: see stress_cargo.h. */
#include "config.h"

#include "stress_cargo.h"
#include "stress_order.h"

#define FOREIGN_PRODUCER 0xffffu

/* ---- before a put ------------------------------------------------------ */

uint64_t cargo_due_ns(const struct actor *producer, uint32_t number)
{
	const struct config *c = producer->round->run->config;
	double period = (double)NS_PER_SECOND *
			producer->round->plan.producers / c->rate;

	return producer->pace_start_ns + (uint64_t)(number * period);
}

static unsigned source_of(const struct actor *a)
{
	return (unsigned)(a - a->round->actors);
}

static bool times_items(const struct round *r)
{
	return r->plan.hold == NOBODY && !r->plan.one_call;
}

static void stamp(struct actor *a, uint32_t number)
{
	if (number % STAMP_EVERY || number < a->stamped)
		return;
	a->stamped = number + 1;
	a->round->stamps[source_of(a)][number / STAMP_EVERY] = now_ns();
}

void cargo_write(struct actor *a, size_t n)
{
	bool stamps = times_items(a->round) && !a->round->run->config->rate;
	size_t size = item_size(a);

	for (size_t i = 0; i < n; i++) {
		struct item item = {source_of(a), a->number + (uint32_t)i};

		item_write(a->buffer + i * size, size, item, a->round->salt);
		if (stamps)
			stamp(a, item.number);
	}
}

void cargo_write_foreign(struct actor *a, unsigned char *to)
{
	struct item foreign = {FOREIGN_PRODUCER, 0};

	item_write(to, item_size(a), foreign, a->round->salt);
}

void cargo_accepted(struct actor *a)
{
	struct round *r = a->round;
	uint32_t before = a->number;

	a->number += (uint32_t)a->done;
	a->count[ACCEPTED] += a->done;
	actor_counts(&a->moved, a->done);
	if (a->role == PRODUCER && a->index == 0 && before < r->plan.trigger &&
	    a->number >= r->plan.trigger) {
		atomic_store(&r->triggered, true);
		sem_post(&r->bell);
	}
}

/* ---- after a get ------------------------------------------------------- */

static void time_item(struct actor *a, struct item item)
{
	struct round *r = a->round;
	uint64_t put, now;

	if (r->run->config->rate)
		put = cargo_due_ns(&r->actors[item.producer], item.number);
	else if (item.number % STAMP_EVERY == 0)
		put = r->stamps[item.producer][item.number / STAMP_EVERY];
	else
		return;
	now = now_ns();
	histogram_record(a->latency, now > put ? now - put : 0);
}

/* Is this an item of this round, at its place?  Tells what is wrong if not. */
static bool inspect(struct actor *a, const unsigned char *bytes,
		    const char *verb, struct item *item)
{
	struct round *r = a->round;

	if (!item_read(bytes, item_size(a), r->salt, item)) {
		actor_fail(a, "%s an item with damaged or stale content", verb);
		return false;
	}
	if (item->producer >= r->item_sources ||
	    item->number >= r->numbers_max) {
		actor_fail(a, "%s an item that nobody may have put (%u:%u)",
			   verb, item->producer, item->number);
		return false;
	}
	return true;
}

static void tick(struct actor *a, struct item item, const char *verb)
{
	if (!ledger_tick(&a->ledger, item))
		actor_fail(a, "%s item %u of producer %u twice", verb,
			   item.number, item.producer);
}

void cargo_taken(struct actor *a)
{
	size_t size = item_size(a);
	bool timed = times_items(a->round);
	struct item item;

	for (size_t i = 0; i < a->done; i++) {
		const unsigned char *bytes = a->buffer + i * size;

		if (!inspect(a, bytes, "got", &item))
			continue;
		order_check(a, item, item_rank(bytes), false);
		tick(a, item, "got");
		if (timed)
			time_item(a, item);
	}
	a->count[DELIVERED] += a->done;
	actor_counts(&a->moved, a->done);
}

void cargo_seen(struct actor *a)
{
	struct item item;

	a->count[PEEKED]++;
	if (inspect(a, a->buffer, "peeked at", &item))
		order_check(a, item, item_rank(a->buffer), true);
}

void cargo_discarded(struct actor *a, const unsigned char *bytes)
{
	struct item item;

	if (inspect(a, bytes, "discarded", &item))
		tick(a, item, "discarded");
	a->count[DISCARDED]++;
	actor_counts(&a->moved, 1);
}
