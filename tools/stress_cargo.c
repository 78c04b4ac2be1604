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
	return (unsigned)(a - a->round->actors) * sources_each(a->round);
}

char *cargo_source(char *to, const struct round *r, unsigned source)
{
	unsigned each = sources_each(r);

	if (each == 1)
		snprintf(to, SOURCE_LENGTH, "%u", source);
	else
		snprintf(to, SOURCE_LENGTH, "%u for queue %u", source / each,
			 source % each);
	return to;
}

static bool times_items(const struct round *r)
{
	return r->plan.hold == NOBODY && !r->plan.one_call &&
	       !(r->plan.queues && r->run->config->rate);
}

static void stamp(struct actor *a, unsigned queue, uint32_t number)
{
	if (number % STAMP_EVERY || number < a->stamped[queue])
		return;
	a->stamped[queue] = number + 1;
	a->round->stamps[source_of(a) + queue][number / STAMP_EVERY] = now_ns();
}

static void write_at(struct actor *a, size_t place, unsigned queue,
		     uint32_t number)
{
	struct round *r = a->round;
	struct item item = {source_of(a) + queue, number};

	item_write(a->buffer + place * item_size(a), item_size(a), item,
		   r->salt);
	if (times_items(r) && !r->run->config->rate)
		stamp(a, queue, number);
}

void cargo_write(struct actor *a, size_t n)
{
	for (size_t i = 0; i < n; i++)
		write_at(a, i, 0, a->number + (uint32_t)i);
}

void cargo_write_for(struct actor *a, unsigned queue, size_t place)
{
	write_at(a, place, queue, a->put_in[queue]);
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

void cargo_accepted_by(struct actor *a, unsigned queue)
{
	a->put_in[queue]++;
	a->done = 1;
	cargo_accepted(a);
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
	char source[SOURCE_LENGTH];

	if (!ledger_tick(&a->ledger, item))
		actor_fail(a, "%s item %u of producer %s twice", verb,
			   item.number,
			   cargo_source(source, a->round, item.producer));
}

static void take(struct actor *a, unsigned queue, size_t place)
{
	const unsigned char *bytes = a->buffer + place * item_size(a);
	struct round *r = a->round;
	char source[SOURCE_LENGTH];
	struct item item;

	if (!inspect(a, bytes, "got", &item))
		return;
	if (item.producer % sources_each(r) != queue)
		actor_fail(a, "got an item of producer %s from queue %u",
			   cargo_source(source, r, item.producer), queue);
	order_check(a, item, item_rank(bytes), false);
	tick(a, item, "got");
	if (times_items(r))
		time_item(a, item);
}

static void count_taken(struct actor *a, size_t n)
{
	a->count[DELIVERED] += n;
	actor_counts(&a->moved, n);
}

void cargo_taken(struct actor *a)
{
	for (size_t i = 0; i < a->done; i++)
		take(a, 0, i);
	count_taken(a, a->done);
}

void cargo_taken_from(struct actor *a, unsigned queue, size_t place)
{
	take(a, queue, place);
	a->taken_from[queue]++;
	count_taken(a, 1);
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
