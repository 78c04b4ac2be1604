/* SPDX-License-Identifier: MIT */
/* put_many and get_many. */
#include "crew.h"

enum { MANY = 6 };
static const long six[MANY] = {10, 11, 12, 13, 14, 15};

/* ---- without waiting ---------------------------------------------------- */

START_TEST(no_items_give_0_in_every_state)
{
	for (int shut = -1; shut <= COQUEUE_IMMEDIATE; shut++)
		for (size_t items = 0; items <= 1; items++) {
			coqueue_t *q = queue_with(1, items);
			size_t done = 99;

			if (shut >= 0)
				ck_ok(coqueue_shutdown(
					q, (enum coqueue_shutdown)shut));
			ck_ok(coqueue_put_many(q, NULL, 0, NULL, &done));
			ck_assert_uint_eq(done, 0);
			done = 99;
			ck_ok(coqueue_get_many(q, NULL, 0, NULL, &done));
			ck_assert_uint_eq(done, 0);
			ck_ok(coqueue_put_many(q, six, 0, COQUEUE_NOWAIT,
					       &done));
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

START_TEST(put_many_stores_in_order)
{
	coqueue_t *q = queue_with(MANY, 0);
	size_t done;

	for (int round = 0; round < 5; round++) {
		ck_ok(coqueue_put_many(q, six, MANY, NULL, &done));
		ck_assert_uint_eq(done, MANY);
		take_in_order(q, 10, MANY);
		check_usable(q);
		ck_ok(coqueue_try_put(q, &six[0])); /* another start */
		take_in_order(q, 10, 1);
	}
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(put_many_tells_how_many_found_room)
{
	struct timespec past = {-1, 0};

	for (size_t room = 0; room < MANY; room++) {
		coqueue_t *q = queue_with(MANY, MANY - room);
		size_t done = 99;

		ck_code(coqueue_put_many(q, six, MANY, COQUEUE_NOWAIT, &done),
			EAGAIN);
		ck_assert_uint_eq(done, room);
		ck_code(coqueue_put_many(q, six, MANY, &past, &done),
			ETIMEDOUT);
		ck_assert_uint_eq(done, 0);
		take_in_order(q, 0, MANY - room);
		take_in_order(q, 10, room);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(put_many_past_its_deadline_tries_once)
{
	coqueue_t *q = queue_with(4, 0);
	struct timespec past = {-1, 0};
	size_t done = 99;

	ck_code(coqueue_put_many(q, six, MANY, &past, &done), ETIMEDOUT);
	ck_assert_uint_eq(done, 4);
	take_in_order(q, 10, 4);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(put_many_keeps_waiting_until_its_deadline)
{
	coqueue_t *q = queue_with(4, 0);
	struct timespec soon = from_now(20 * MS);
	size_t done = 99;

	ck_code(coqueue_put_many(q, six, MANY, &soon, &done), ETIMEDOUT);
	ck_assert(is_past(&soon));
	ck_assert_uint_eq(done, 4);
	take_in_order(q, 10, 4);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(E53_get_many_takes_what_is_there_up_to_n)
{
	for (size_t n = 1; n <= MANY; n++)
		for (size_t there = 1; there <= MANY; there++) {
			coqueue_t *q = queue_with(MANY, there);
			long got[MANY + 1];
			size_t done = 99, want = n < there ? n : there;

			memset(got, -1, sizeof(got));
			ck_ok(coqueue_get_many(q, got, n, NULL, &done));
			ck_assert_uint_eq(done, want);
			for (long i = 0; i <= MANY; i++)
				ck_assert_int_eq(got[i],
						 i < (long)want ? i : -1);
			take_in_order(q, (long)want, there - want);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

START_TEST(E53_get_many_drains_a_graceful_shutdown)
{
	coqueue_t *q = queue_with(MANY, 5);
	long got[4];
	size_t done;

	ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
	ck_ok(coqueue_get_many(q, got, 4, NULL, &done));
	ck_assert_uint_eq(done, 4);
	ck_ok(coqueue_get_many(q, got, 4, COQUEUE_NOWAIT, &done));
	ck_assert_uint_eq(done, 1);
	ck_assert_int_eq(got[0], 4);
	ck_code(coqueue_get_many(q, got, 4, COQUEUE_NOWAIT, &done), ESHUTDOWN);
	ck_assert_uint_eq(done, 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* G13 */
START_TEST(done_must_not_be_NULL)
{
	coqueue_t *q = queue_with(2, 1);
	long got[2];

	for (size_t n = 0; n <= 1; n++) {
		ck_code(coqueue_put_many(q, six, n, NULL, NULL), EINVAL);
		ck_code(coqueue_get_many(q, got, n, NULL, NULL), EINVAL);
	}
	ck_assert_uint_eq(coqueue_size(q), 1);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(done_is_set_whatever_is_returned)
{
	coqueue_t *q = queue_with(2, 0);
	struct timespec bad = {0, -1};
	long item;
	size_t done;

#define ck_none(call, code)                                                    \
	do {                                                                   \
		done = 99;                                                     \
		ck_code(call, code);                                           \
		ck_assert_uint_eq(done, 0);                                    \
	} while (0)
	ck_none(coqueue_put_many(NULL, six, 1, NULL, &done), EINVAL);
	ck_none(coqueue_put_many(q, NULL, 1, NULL, &done), EINVAL);
	ck_none(coqueue_put_many(q, six, 1, &bad, &done), EINVAL);
	ck_none(coqueue_get_many(NULL, &item, 1, NULL, &done), EINVAL);
	ck_none(coqueue_get_many(q, NULL, 1, NULL, &done), EINVAL);
	ck_none(coqueue_get_many(q, &item, 1, &bad, &done), EINVAL);
	ck_none(coqueue_get_many(q, &item, 1, COQUEUE_NOWAIT, &done), EAGAIN);
	ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
	ck_none(coqueue_put_many(q, six, 1, NULL, &done), ESHUTDOWN);
	ck_none(coqueue_get_many(q, &item, 1, NULL, &done), ESHUTDOWN);
#undef ck_none
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(odd_items_in_batches_across_the_end_of_the_ring)
{
	enum { SIZE = 7, CAPACITY = 5 };
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;
	unsigned char in[CAPACITY][SIZE], out[CAPACITY][SIZE];
	coqueue_t *q = NULL;
	size_t done;

	attr.item_size = SIZE;
	ck_ok(coqueue_create(&q, CAPACITY, &attr));
	for (int round = 0; round < 40; round++) {
		size_t n = 1 + (size_t)round % CAPACITY;

		for (size_t i = 0; i < sizeof(in); i++)
			in[i / SIZE][i % SIZE] =
				(unsigned char)(i * 5 + (size_t)round);
		ck_ok(coqueue_put_many(q, in, n, NULL, &done));
		ck_ok(coqueue_get_many(q, out, CAPACITY, NULL, &done));
		ck_assert_uint_eq(done, n);
		ck_assert_mem_eq(in, out, n * SIZE);
	}
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* ---- waiting ------------------------------------------------------------ */

static int put_six(struct hand *me)
{
	return coqueue_put_many(me->q, six, MANY, NULL, &me->done);
}

static int get_six(struct hand *me)
{
	long got[MANY];
	int code = coqueue_get_many(me->q, got, MANY, NULL, &me->done);

	for (size_t i = 1; i < me->done; i++)
		if (got[i] != got[i - 1] + 1)
			return complain(me, "%ld after %ld", got[i],
					got[i - 1]);
	return code;
}

/* Two threads with put_many(6) into a queue of 4; both wait. */
static struct crew *block_put_many(coqueue_t *q)
{
	struct crew *crew = crew_start(2, put_six, q, NULL);

	await_waiting(q, PUTTERS, 2);
	return crew;
}

static size_t done_by(const struct crew *crew)
{
	size_t done = 0;

	for (unsigned i = 0; i < crew->n; i++)
		done += crew->hands[i].done;
	return done;
}

START_TEST(put_many_of_more_than_the_capacity_goes_on_as_room_appears)
{
	coqueue_t *q = queue_with(4, 0);
	struct crew *crew = block_put_many(q);
	long item;

	for (int i = 0; i < 2 * MANY; i++)
		ck_ok(coqueue_get(q, &item));
	crew_join(crew);
	ck_assert_uint_eq(done_by(crew), 2 * MANY);
	crew_expect(crew, 0);
	ck_assert_uint_eq(coqueue_size(q), 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(put_many_that_had_to_wait_goes_on_with_the_next_item)
{
	coqueue_t *q = queue_with(2, 0);
	struct crew *crew = crew_start(1, put_six, q, NULL);
	long item;

	await_waiting(q, PUTTERS, 1);
	for (int i = 0; i < MANY; i++) {
		ck_ok(coqueue_get(q, &item));
		ck_assert_int_eq(item, six[i]);
	}
	crew_expect(crew, 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* G3, G4 */
START_TEST(E51_blocked_put_many_tells_how_many_a_graceful_shutdown_accepted)
{
	coqueue_t *q = queue_with(4, 0);
	struct crew *crew = block_put_many(q);
	long item;

	ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
	crew_join(crew);
	ck_assert_uint_eq(done_by(crew), 4);
	crew_expect(crew, ESHUTDOWN);
	for (int i = 0; i < 4; i++)
		ck_ok(coqueue_get(q, &item));
	ck_code(coqueue_get(q, &item), ESHUTDOWN);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(E51_blocked_put_many_tells_how_many_an_immediate_one_discarded)
{
	coqueue_t *q = queue_with(4, 0);
	struct crew *crew = block_put_many(q);

	ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
	crew_join(crew);
	ck_assert_uint_eq(done_by(crew), 4);
	crew_expect(crew, ESHUTDOWN);
	ck_assert_uint_eq(stats_of(q).discarded, 4);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(E46_blocked_put_many_tells_how_many_before_the_interrupt)
{
	coqueue_t *q = queue_with(4, 0);
	struct crew *crew = block_put_many(q);

	ck_ok(coqueue_interrupt(q));
	crew_join(crew);
	ck_assert_uint_eq(done_by(crew), 4);
	crew_expect(crew, EINTR);
	ck_assert_uint_eq(coqueue_size(q), 4);
	check_usable(q);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* G14 */
START_TEST(E84_cancelled_put_many_tells_how_many)
{
	struct crew *crew;
	coqueue_t *q;

	FOR_THREADS_ALONE();
	q = queue_with(4, 0);
	crew = block_put_many(q);
	crew_cancel(crew);
	crew_join(crew);
	ck_assert_uint_eq(done_by(crew), 4);
	crew_expect(crew, WAS_CANCELLED);
	ck_assert_uint_eq(coqueue_size(q), 4);
	check_usable(q);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(E01_E02_blocked_get_many_all_get_ESHUTDOWN)
{
	for_each_mode(mode) {
		coqueue_t *q = queue_with(4, 0);
		struct crew *crew = crew_start(3, get_six, q, NULL);

		await_waiting(q, GETTERS, 3);
		ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)mode));
		crew_join(crew);
		ck_assert_uint_eq(done_by(crew), 0);
		crew_expect(crew, ESHUTDOWN);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* ---- wake-ups of several ------------------------------------------------ */

/* G10: one call that brings n items lets n getters go on. */
START_TEST(put_many_serves_as_many_getters_as_it_brings_items)
{
	for_each_blocking_op(op) {
		coqueue_t *q = queue_with(MANY, 0);
		struct crew *crew;
		size_t done;

		if (op->line == GETTERS) {
			crew = crew_block(q, op, MANY);
			ck_ok(coqueue_put_many(q, six, MANY, NULL, &done));
			crew_expect(crew, 0);
		}
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(E54_get_many_lets_as_many_putters_go_on_as_it_makes_room)
{
	for_each_blocking_op(op) {
		coqueue_t *q = queue_with(MANY, MANY);
		struct crew *crew;
		long got[MANY];
		size_t done;

		if (op->line == PUTTERS) {
			crew = crew_block(q, op, MANY);
			ck_ok(coqueue_get_many(q, got, MANY, NULL, &done));
			/* One that barged in may be among those taken. */
			ck_assert_uint_eq(done, MANY);
			crew_expect(crew, 0);
			ck_assert_uint_eq(coqueue_size(q), MANY);
		}
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(one_put_ends_one_blocked_get_many_and_leaves_the_other)
{
	coqueue_t *q = queue_with(4, 0);
	struct crew *crew = crew_start(2, get_six, q, NULL);

	await_waiting(q, GETTERS, 2);
	ck_ok(coqueue_put(q, &six[0]));
	await(crew_finished(crew) == 1);
	await_waiting(q, GETTERS, 1);
	ck_ok(coqueue_put(q, &six[0]));
	crew_join(crew);
	ck_assert_uint_eq(done_by(crew), 2);
	crew_expect(crew, 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* ---- all at once -------------------------------------------------------- */

enum { BATCH = 16, BATCHES = 500 };

static int put_batches(struct hand *me)
{
	long batch[BATCH], next = 0;

	for (unsigned i = 0; i < scaled(BATCHES); i++) {
		size_t n = 1 + i % BATCH;

		for (size_t k = 0; k < n; k++)
			batch[k] = next++;
		if (coqueue_put_many(me->q, batch, n, NULL, &me->done) != 0 ||
		    me->done != n)
			return complain(me, "put_many: %zu", me->done);
	}
	me->item = next;
	return 0;
}

static int get_batches(struct hand *me)
{
	long batch[BATCH];
	size_t done;
	int code;

	while ((code = coqueue_get_many(me->q, batch, BATCH, NULL, &done)) == 0)
		me->item += (long)done;
	return code;
}

/* G4 */
START_TEST(E54_batches_of_many_threads_all_arrive)
{
	static const size_t capacities[] = {1, 3, BATCH, 100};

	for (size_t i = 0; i < sizeof(capacities) / sizeof(*capacities); i++) {
		coqueue_t *q = queue_with(capacities[i], 0);
		struct crew *put = crew_start(2, put_batches, q, NULL);
		struct crew *get = crew_start(2, get_batches, q, NULL);

		crew_join(put);
		ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
		crew_join(get);
		ck_assert_int_eq(put->hands[0].item + put->hands[1].item,
				 get->hands[0].item + get->hands[1].item);
		crew_expect(put, 0);
		crew_expect(get, ESHUTDOWN);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* What is there is taken, however many segments of memory it lies in. */
START_TEST(get_many_takes_all_of_an_unbounded_queue)
{
	enum { ITEMS = 20000 };
	static long items[ITEMS + 1];
	coqueue_t *q = queue_with(COQUEUE_UNBOUNDED, ITEMS);
	size_t done;

	ck_ok(coqueue_get_many(q, items, ITEMS + 1, NULL, &done));
	ck_assert_uint_eq(done, ITEMS);
	for (long i = 0; i < ITEMS; i++)
		ck_assert_int_eq(items[i], i);
	ck_ok(coqueue_destroy(q));
}
END_TEST

int main(void)
{
	return suite_run(
		"bulk",
		TESTS(get_many_takes_all_of_an_unbounded_queue,
		      no_items_give_0_in_every_state, put_many_stores_in_order,
		      put_many_tells_how_many_found_room,
		      put_many_past_its_deadline_tries_once,
		      put_many_keeps_waiting_until_its_deadline,
		      E53_get_many_takes_what_is_there_up_to_n,
		      E53_get_many_drains_a_graceful_shutdown,
		      done_must_not_be_NULL, done_is_set_whatever_is_returned,
		      odd_items_in_batches_across_the_end_of_the_ring,
		      put_many_of_more_than_the_capacity_goes_on_as_room_appears,
		      put_many_that_had_to_wait_goes_on_with_the_next_item,
		      E51_blocked_put_many_tells_how_many_a_graceful_shutdown_accepted,
		      E51_blocked_put_many_tells_how_many_an_immediate_one_discarded,
		      E46_blocked_put_many_tells_how_many_before_the_interrupt,
		      E84_cancelled_put_many_tells_how_many,
		      E01_E02_blocked_get_many_all_get_ESHUTDOWN,
		      put_many_serves_as_many_getters_as_it_brings_items,
		      E54_get_many_lets_as_many_putters_go_on_as_it_makes_room,
		      one_put_ends_one_blocked_get_many_and_leaves_the_other,
		      E54_batches_of_many_threads_all_arrive));
}
