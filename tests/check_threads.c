/* SPDX-License-Identifier: MIT */
/*
 * Many producers and consumers at once: each item exactly once (G4), in the
 * order of its producer (G6), with what was written before the put (G9), never
 * more than the capacity (G7), and no call fails or hangs because another is
 * half-way (G8, G10).
 */
#include <stdio.h>
#include "crew.h"

/* ---- every item once, in order ------------------------------------------ */

enum { PRODUCERS_MAX = 4, CONSUMERS_MAX = 4, BATCH = 5 };

struct load {
	unsigned producers, consumers;
	size_t capacity, item_size;
	bool in_batches;
	enum coqueue_shutdown mode;

	unsigned items; /* of each producer */
	uint64_t seed;
	long *payload;               /* plain, indexed by producer and number */
	_Atomic unsigned char *seen; /* by a get or by item_destroy */
	unsigned accepted[PRODUCERS_MAX]; /* the first so many were */
};

/* What an item starts with; the rest of its bytes follow from it. */
struct header {
	unsigned producer, number;
};

enum { ITEM_MAX = 100 };

static void make_item(unsigned char *item, size_t size, unsigned producer,
		      unsigned number)
{
	struct header header = {producer, number};

	for (size_t i = sizeof(header); i < size; i++)
		item[i] = (unsigned char)(producer * 7 + number + i);
	memcpy(item, &header, sizeof(header));
}

static bool is_whole(const unsigned char *item, size_t size)
{
	unsigned char want[ITEM_MAX];
	struct header header;

	memcpy(&header, item, sizeof(header));
	make_item(want, size, header.producer, header.number);
	return memcmp(item, want, size) == 0;
}

static size_t index_of(const struct load *load, struct header header)
{
	return (size_t)header.producer * load->items + header.number;
}

static int produce(struct hand *me)
{
	struct load *load = me->arg;
	unsigned char items[BATCH * ITEM_MAX];
	uint64_t random = load->seed + me->index;
	unsigned number = 0;
	int code = 0;

	while (code == 0 && number < load->items) {
		size_t n = 1, done;

		if (load->in_batches)
			n += random_below(&random, BATCH);
		if (n > load->items - number)
			n = load->items - number;
		for (unsigned i = 0; i < n; i++) {
			struct header header = {me->index, number + i};

			load->payload[index_of(load, header)] = number + i + 1;
			make_item(items + i * load->item_size, load->item_size,
				  me->index, number + i);
		}
		code = coqueue_put_many(me->q, items, n, NULL, &done);
		number += (unsigned)done;
	}
	load->accepted[me->index] = number;
	return code;
}

static const char *check_item(struct load *load, const unsigned char *item,
			      long *last)
{
	struct header header;

	memcpy(&header, item, sizeof(header));
	if (header.producer >= load->producers || header.number >= load->items)
		return "an item from nowhere";
	if (!is_whole(item, load->item_size))
		return "a torn item";
	if (last && (long)header.number <= last[header.producer])
		return "items of one producer out of order";
	if (last)
		last[header.producer] = header.number;
	/* Not atomic: the put orders it before, or ThreadSanitizer objects. */
	if (load->payload[index_of(load, header)] != (long)header.number + 1)
		return "what was written before the put is missing";
	if (atomic_fetch_add(&load->seen[index_of(load, header)], 1))
		return "an item arrives twice";
	return NULL;
}

static int consume(struct hand *me)
{
	struct load *load = me->arg;
	unsigned char items[BATCH * ITEM_MAX];
	long last[PRODUCERS_MAX] = {-1, -1, -1, -1};
	size_t done;
	int code;

	while ((code = coqueue_get_many(me->q, items,
					load->in_batches ? BATCH : 1, NULL,
					&done)) == 0)
		for (size_t i = 0; i < done; i++) {
			const char *wrong = check_item(
				load, items + i * load->item_size, last);

			if (wrong)
				return complain(me, "%s", wrong);
		}
	return code;
}

static void destroy_item(void *item, void *ctx)
{
	const char *wrong = check_item(ctx, item, NULL);

	if (wrong) {
		fprintf(stderr, "item_destroy: %s\n", wrong);
		abort();
	}
}

/* Seen once is what was accepted, no more and no less. */
static void check_account(const struct load *load)
{
	for (unsigned p = 0; p < load->producers; p++)
		for (unsigned number = 0; number < load->items; number++) {
			struct header header = {p, number};
			unsigned seen = load->seen[index_of(load, header)];

			if (seen != (number < load->accepted[p]))
				ck_abort_msg("item %u of %u was seen %u times",
					     number, p, seen);
		}
}

static void await_traffic(coqueue_t *q, const struct load *load)
{
	await(stats_of(q).gets >= load->items / 4);
}

static void run_load(struct load *load)
{
	coqueue_attr_t attr = {.size = sizeof(attr),
			       .item_size = load->item_size,
			       .item_destroy = destroy_item,
			       .ctx = load};
	size_t all = (size_t)load->producers * load->items;
	struct crew *producers, *consumers;
	coqueue_t *q = NULL;
	bool graceful = load->mode == COQUEUE_GRACEFUL;

	load->seed = suite_seed();
	load->payload = calloc(all, sizeof(*load->payload));
	load->seen = calloc(all, sizeof(*load->seen));
	ck_assert(load->payload && load->seen);
	ck_ok(coqueue_create(&q, load->capacity, &attr));
	consumers = crew_start(load->consumers, consume, q, load);
	producers = crew_start(load->producers, produce, q, load);
	if (graceful)
		crew_join(producers);
	else
		await_traffic(q, load);
	ck_ok(coqueue_shutdown(q, load->mode));
	crew_expect(consumers, ESHUTDOWN);
	crew_join(producers);
	if (graceful)
		ck_assert_uint_eq(crew_count(producers, 0), producers->n);
	crew_free(producers);
	ck_assert_uint_eq(stats_of(q).puts,
			  stats_of(q).gets + stats_of(q).discarded);
	check_account(load);
	ck_ok(coqueue_destroy(q));
	check_account(load);
	free(load->payload);
	free(load->seen);
}

static void run_loads(enum coqueue_shutdown mode, bool in_batches)
{
	static const unsigned crews[][2] = {
		{1, 1}, {2, 2}, {4, 1}, {1, 4}, {4, 4}};
	static const size_t capacities[] = {1, 2, 7, 64};

	for (size_t c = 0; c < sizeof(crews) / sizeof(*crews); c++)
		for (size_t i = 0; i < 4; i++) {
			struct load load = {
				.producers = crews[c][0],
				.consumers = crews[c][1],
				.capacity = capacities[i],
				.item_size = 8 + 23 * i,
				.in_batches = in_batches,
				.mode = mode,
				.items = scaled(3000) / crews[c][0],
			};

			run_load(&load);
		}
}

/* G4, G6, G9 */
START_TEST(E16_all_items_arrive_once_and_in_order_when_shut_down_gracefully)
{
	run_loads(COQUEUE_GRACEFUL, false);
}
END_TEST

/* G4, G6, G9 */
START_TEST(E54_batches_arrive_once_and_in_order_when_shut_down_gracefully)
{
	run_loads(COQUEUE_GRACEFUL, true);
}
END_TEST

/* G2, G4, G6 */
START_TEST(E16_E34_all_items_are_got_or_destroyed_when_shut_down_immediately)
{
	run_loads(COQUEUE_IMMEDIATE, false);
}
END_TEST

/* G2, G4, G6 */
START_TEST(E34_E51_batches_are_got_or_destroyed_when_shut_down_immediately)
{
	run_loads(COQUEUE_IMMEDIATE, true);
}
END_TEST

/* ---- no wake-up is lost ------------------------------------------------- */

static int put_count(struct hand *me)
{
	for (long item = 0; item < (long)scaled(2000); item++)
		if (coqueue_put(me->q, &item) != 0)
			return complain(me, "put failed");
	return 0;
}

static int get_count(struct hand *me)
{
	long item;

	for (unsigned i = 0; i < scaled(2000); i++)
		if (coqueue_get(me->q, &item) != 0)
			return complain(me, "get failed");
	return 0;
}

/* G10: as many gets as puts; no shutdown helps who sleeps for ever. */
START_TEST(as_many_gets_as_puts_all_complete_without_a_shutdown)
{
	for (size_t capacity = 1; capacity <= 9; capacity += 2)
		for (unsigned n = 1; n <= 9; n += 4) {
			coqueue_t *q = queue_with(capacity, 0);
			struct crew *put = crew_start(n, put_count, q, NULL);
			struct crew *get = crew_start(n, get_count, q, NULL);

			crew_expect(put, 0);
			crew_expect(get, 0);
			ck_assert_uint_eq(coqueue_size(q), 0);
			ck_assert_uint_eq(waiting_in(q, PUTTERS), 0);
			ck_assert_uint_eq(waiting_in(q, GETTERS), 0);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

static int put_and_get(struct hand *me)
{
	long item = 0;

	for (unsigned i = 0; i < scaled(3000); i++)
		if (coqueue_put(me->q, &item) || coqueue_get(me->q, &item))
			return complain(me, "a call failed");
	return 0;
}

/* G10: of n threads at capacity n - 1 some always wait for the others. */
START_TEST(threads_that_put_and_get_in_turn_never_block_each_other_for_ever)
{
	for (unsigned n = 2; n <= 6; n++) {
		coqueue_t *q = queue_with(n - 1, 0);

		crew_expect(crew_start(n, put_and_get, q, NULL), 0);
		ck_assert_uint_eq(coqueue_size(q), 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* ---- full and empty are never an artefact ------------------------------- */

enum { WIDE = 4000 }; /* bytes, which take a while to copy */

static int try_in_turn(struct hand *me)
{
	const unsigned *rounds = me->arg;
	unsigned char item[WIDE] = {0};
	int code;

	for (unsigned i = 0; i < *rounds; i++) {
		/* The others hold n - 1 items at most: there is room. */
		if ((code = coqueue_try_put(me->q, item)) != 0)
			return complain(me, "try_put: %s", code_name(code));
		/* Ours or another's is there. */
		if ((code = coqueue_try_peek(me->q, item)) != 0)
			return complain(me, "try_peek: %s", code_name(code));
		if ((code = coqueue_try_get(me->q, item)) != 0)
			return complain(me, "try_get: %s", code_name(code));
	}
	return 0;
}

static void try_in_turn_with(size_t item_size, unsigned rounds)
{
	for (unsigned n = 1; n <= 5; n++) {
		coqueue_attr_t attr = {.size = sizeof(attr),
				       .item_size = item_size};
		coqueue_t *q = NULL;

		ck_ok(coqueue_create(&q, n, &attr));
		crew_expect(crew_start(n, try_in_turn, q, &rounds), 0);
		ck_ok(coqueue_destroy(q));
	}
}

/* G7, G8 */
START_TEST(EAGAIN_is_never_an_artefact_of_a_call_that_is_half_way)
{
	try_in_turn_with(sizeof(long), scaled(20000));
	try_in_turn_with(WIDE, scaled(10000));
}
END_TEST

/* G7 */
START_TEST(threads_that_fill_together_store_exactly_the_capacity)
{
	for (size_t capacity = 1; capacity <= 40; capacity++) {
		coqueue_t *q = queue_with(capacity, 0);

		for (int round = 0; round < 3; round++)
			check_filled_together(q, capacity);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* ---- pointers ----------------------------------------------------------- */

static int send_pointers(struct hand *me)
{
	for (long i = 1; i <= (long)scaled(10000); i++) {
		long *box = malloc(sizeof(*box));

		if (!box)
			return complain(me, "no memory");
		*box = i;
		if (coqueue_put(me->q, &box) != 0)
			return complain(me, "put failed");
	}
	return 0;
}

static int receive_pointers(struct hand *me)
{
	long *box;
	int code;

	while ((code = coqueue_get(me->q, &box)) == 0) {
		me->item += *box;
		free(box);
	}
	return code;
}

/* G9 */
START_TEST(what_a_pointer_points_to_arrives_with_it)
{
	long n = (long)scaled(10000);
	coqueue_t *q = NULL;
	struct crew *senders, *receivers;

	ck_ok(coqueue_create(&q, 8, NULL));
	senders = crew_start(2, send_pointers, q, NULL);
	receivers = crew_start(2, receive_pointers, q, NULL);
	crew_expect(senders, 0);
	ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
	crew_join(receivers);
	ck_assert_int_eq(receivers->hands[0].item + receivers->hands[1].item,
			 n * (n + 1));
	crew_expect(receivers, ESHUTDOWN);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* ---- errno -------------------------------------------------------------- */

/* Stay alive until all have called, so that each is a new reader to RCU. */
static int stay(struct hand *me, int code)
{
	_Atomic unsigned *calls = me->arg;
	struct timespec limit = from_now(limit_ns());

	atomic_fetch_add(calls, 1);
	while (atomic_load(calls) < me->crew->n && !is_past(&limit))
		sched_yield();
	return code;
}

static int first_put(struct hand *me)
{
	return stay(me, op_call(&ops[OP_TRY_PUT], me->q, &me->item, NULL));
}

static int first_shutdown(struct hand *me)
{
	int code;

	errno = 0;
	code = coqueue_shutdown(me->q, COQUEUE_GRACEFUL);
	return stay(me, errno ? ERRNO_CHANGED : code);
}

START_TEST(the_first_call_of_each_of_many_threads_keeps_errno)
{
	_Atomic unsigned puts = 0, shutdowns = 0;
	coqueue_t *q;

	FOR_THREADS_ALONE();
	q = queue_with(1, 1);
	crew_expect(crew_start(100, first_put, q, &puts), EAGAIN);
	crew_expect(crew_start(300, first_shutdown, q, &shutdowns), 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

int main(void)
{
	return suite_run(
		"threads",
		TESTS(E16_all_items_arrive_once_and_in_order_when_shut_down_gracefully,
		      E54_batches_arrive_once_and_in_order_when_shut_down_gracefully,
		      E16_E34_all_items_are_got_or_destroyed_when_shut_down_immediately,
		      E34_E51_batches_are_got_or_destroyed_when_shut_down_immediately,
		      as_many_gets_as_puts_all_complete_without_a_shutdown,
		      threads_that_put_and_get_in_turn_never_block_each_other_for_ever,
		      EAGAIN_is_never_an_artefact_of_a_call_that_is_half_way,
		      threads_that_fill_together_store_exactly_the_capacity,
		      what_a_pointer_points_to_arrives_with_it,
		      the_first_call_of_each_of_many_threads_keeps_errno));
}
