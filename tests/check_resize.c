/* SPDX-License-Identifier: MIT */
/* A live queue's capacity: who is woken, what is kept, what may happen beside. */
#include "crew.h"

#define for_each_bounded_kind(kind)                                            \
	for_each_kind(kind)                                                    \
		if (kind_is_bounded(kind) && !kind_is_rendezvous(kind))

/* Of each order one, for tests that choose the capacity. */
#define for_each_order(kind)                                                   \
	for_each_kind(kind)                                                    \
		if (kind->capacity == 3)

static coqueue_t *queue_of(const struct kind *kind, size_t capacity,
			   size_t items)
{
	return queue_with_attr(capacity, items, kind_attr(kind));
}

/* ---- growing ------------------------------------------------------------- */

/* Five are parked; room for n more wakes n of them, and no more. */
static void grow_by(const struct kind *kind, size_t n)
{
	enum { PARKED = 5 };
	coqueue_t *q = kind_with(kind, kind->capacity);
	struct crew *crew = crew_block(q, &ops[OP_PUT], PARKED);
	uint64_t wakeups = stats_of(q).wakeups;

	ck_ok(coqueue_set_capacity(q, kind->capacity + n));
	ck_assert_uint_eq(coqueue_capacity(q), kind->capacity + n);
	await_waiting(q, PUTTERS, PARKED - n);
	await(crew_finished(crew) == n);
	ck_assert_uint_eq(stats_of(q).wakeups - wakeups, n);
	ck_assert_uint_eq(coqueue_size(q), kind->capacity + n);
	ck_code(coqueue_try_put(q, &(long){0}), EAGAIN);
	ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
	crew_join(crew);
	ck_assert_uint_eq(crew_count(crew, 0), n);
	ck_assert_uint_eq(crew_count(crew, ESHUTDOWN), PARKED - n);
	crew_free(crew);
	ck_ok(coqueue_destroy(q));
}

START_TEST(E43_growing_wakes_exactly_the_putters_that_now_fit)
{
	for_each_bounded_kind(kind)
		for (size_t n = 0; n <= 4; n++)
			grow_by(kind, n);
}
END_TEST

START_TEST(E43_growing_beyond_need_wakes_all_putters_once)
{
	for_each_bounded_kind(kind) {
		coqueue_t *q = kind_with(kind, kind->capacity);
		struct crew *crew = crew_block(q, &ops[OP_PUT], 3);
		uint64_t wakeups = stats_of(q).wakeups;

		ck_ok(coqueue_set_capacity(q, kind->capacity + 100));
		crew_expect(crew, 0);
		ck_assert_uint_eq(stats_of(q).wakeups - wakeups, 3);
		check_usable_as(kind, q);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* ---- shrinking ----------------------------------------------------------- */

/* From the capacity and so many items to less. */
static void shrink(const struct kind *kind, size_t from, size_t to)
{
	coqueue_t *q = queue_of(kind, from, from);
	struct crew *crew = crew_block(q, &ops[OP_PUT], 2);
	long item;

	ck_ok(coqueue_set_capacity(q, to));
	ck_assert_uint_eq(coqueue_capacity(q), to);
	ck_assert_uint_eq(coqueue_size(q), from);
	ck_assert_uint_eq(coqueue_unfinished(q), from);
	for (size_t left = from; left > to; left--) {
		ck_code(coqueue_try_put(q, &item), EAGAIN);
		ck_ok(coqueue_try_peek(q, &item));
		ck_ok(coqueue_try_get(q, &item));
		ck_assert_uint_eq(coqueue_size(q), left - 1);
		ck_assert_uint_eq(waiting_in(q, PUTTERS), 2);
	}
	ck_code(coqueue_try_put(q, &item), EAGAIN);
	ck_ok(coqueue_try_get(q, &item));
	await_waiting(q, PUTTERS, 1);
	ck_assert_uint_eq(coqueue_size(q), to);
	ck_ok(coqueue_try_get(q, &item));
	crew_expect(crew, 0);
	check_usable_as(kind, q);
	ck_ok(coqueue_destroy(q));
}

START_TEST(E44_below_the_size_puts_wait_and_gets_go_on)
{
	for_each_order(kind)
		for (size_t from = 1; from <= 6; from++)
			for (size_t to = 1; to <= from; to++)
				shrink(kind, from, to);
}
END_TEST

/* In bulk: get_many may take more than there is too much. */
START_TEST(E44_bulk_calls_below_the_size)
{
	for_each_order(kind) {
		coqueue_t *q = queue_of(kind, 8, 8);
		long items[8] = {0};
		size_t done;

		ck_ok(coqueue_set_capacity(q, 3));
		ck_code(coqueue_put_many(q, items, 2, COQUEUE_NOWAIT, &done),
			EAGAIN);
		ck_assert_uint_eq(done, 0);
		ck_ok(coqueue_get_many(q, items, 7, COQUEUE_NOWAIT, &done));
		ck_assert_uint_eq(done, 7);
		ck_code(coqueue_put_many(q, items, 5, COQUEUE_NOWAIT, &done),
			EAGAIN);
		ck_assert_uint_eq(done, 2);
		ck_assert_uint_eq(coqueue_size(q), 3);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* The items lie anywhere in the store when it is replaced. */
START_TEST(E44_order_is_kept_through_any_changes)
{
	for_each_order(kind)
		for (size_t offset = 0; offset < 5; offset++) {
			coqueue_t *q = queue_of(kind, 5, 0);
			uint64_t random = suite_seed() + offset;
			long item = 0;

			for (size_t i = 0; i < offset; i++) {
				ck_ok(coqueue_try_put(q, &item));
				ck_ok(coqueue_try_get(q, &item));
			}
			for (item = 0; item < 5; item++)
				ck_ok(coqueue_try_put(q, &item));
			for (int i = 0; i < 20; i++)
				ck_ok(coqueue_set_capacity(
					q, 1 + random_below(&random, 9)));
			ck_assert_uint_eq(coqueue_size(q), 5);
			ck_assert_uint_eq(stats_of(q).puts, 5 + offset);
			ck_assert_uint_eq(stats_of(q).gets, offset);
			take_all_of(kind, q, 5);
			check_usable_as(kind, q);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

START_TEST(E44_growing_again_ends_the_shortage)
{
	for_each_order(kind) {
		coqueue_t *q = queue_of(kind, 4, 4);
		struct crew *crew = crew_block(q, &ops[OP_PUT], 3);

		ck_ok(coqueue_set_capacity(q, 1));
		ck_ok(coqueue_set_capacity(q, 2));
		ck_assert_uint_eq(waiting_in(q, PUTTERS), 3);
		ck_ok(coqueue_set_capacity(q, 6));
		await_waiting(q, PUTTERS, 1);
		ck_assert_uint_eq(coqueue_size(q), 6);
		ck_ok(coqueue_set_capacity(q, 7));
		crew_expect(crew, 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

static void count_destroyed(void *item, void *ctx)
{
	(void)item;
	++*(unsigned *)ctx;
}

START_TEST(E44_E36_a_shutdown_below_the_size_delivers_or_destroys_all)
{
	for_each_order(kind)
		for_each_mode(mode) {
			unsigned destroyed = 0;
			coqueue_attr_t attr = kind_attr(kind);
			long item, got = 0;
			coqueue_t *q;

			attr.item_destroy = count_destroyed;
			attr.ctx = &destroyed;
			q = queue_with_attr(6, 6, attr);
			ck_ok(coqueue_set_capacity(q, 2));
			ck_ok(coqueue_try_get(q, &item));
			ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)mode));
			while (coqueue_get(q, &item) == 0)
				got++;
			ck_assert_int_eq(got, mode == COQUEUE_GRACEFUL ? 5 : 0);
			ck_assert_uint_eq(destroyed, (unsigned)(5 - got));
			ck_code(coqueue_set_capacity(q, 9), ESHUTDOWN);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

/* ---- beside others ------------------------------------------------------- */

enum { MOVED = 3000, LARGEST = 8 };

static int put_numbers(struct hand *me)
{
	for (long i = 0; i < MOVED; i++) {
		long item = 2 * i + me->index;
		int code = coqueue_put(me->q, &item);

		if (code != 0)
			return complain(me, "put: %s", code_name(code));
	}
	return 0;
}

/* Of each putter in order, unless it is a LIFO; each item once. */
struct receipt {
	bool in_order;
	_Atomic unsigned char times[2 * MOVED];
};

static int get_numbers(struct hand *me)
{
	struct receipt *receipt = me->arg;
	long newest[2] = {-1, -1}, item;

	for (unsigned i = 0; i < MOVED; i++) {
		int code = coqueue_get(me->q, &item);

		if (code != 0)
			return complain(me, "get: %s", code_name(code));
		if (receipt->in_order && item <= newest[item % 2])
			return complain(me, "item %ld is late", item);
		newest[item % 2] = item;
		atomic_fetch_add(&receipt->times[item], 1);
	}
	return 0;
}

/* Two putters, two getters, and all the time another capacity. */
static void resize_beside(const struct kind *kind)
{
	static struct receipt receipt;
	uint64_t random = suite_seed();
	coqueue_t *q = kind_with(kind, 0);
	struct crew *put, *get;

	memset(&receipt, 0, sizeof(receipt));
	receipt.in_order = kind->order != COQUEUE_LIFO;
	put = crew_start(2, put_numbers, q, NULL);
	get = crew_start(2, get_numbers, q, &receipt);
	while (crew_finished(put) < 2) {
		size_t n = 1 + random_below(&random, LARGEST), size;

		ck_ok(coqueue_set_capacity(q, n));
		size = coqueue_size(q);
		/* it only falls while it is too large */
		ck_assert_uint_le(coqueue_size(q), size > n ? size : n);
	}
	crew_expect(put, 0);
	crew_expect(get, 0);
	for (unsigned i = 0; i < 2 * MOVED; i++)
		if (receipt.times[i] != 1)
			ck_abort_msg("item %u: %u times", i, receipt.times[i]);
	check_usable_as(kind, q);
	ck_ok(coqueue_destroy(q));
}

START_TEST(E43_E44_nothing_is_lost_beside_puts_and_gets)
{
	for_each_bounded_kind(kind)
		resize_beside(kind);
}
END_TEST

static int put_while_open(struct hand *me)
{
	int code;

	while ((code = coqueue_try_put(me->q, &me->item)) != ESHUTDOWN)
		me->done += code == 0;
	return code;
}

/* Nobody gets: the size never falls, and what set_capacity allows is exact. */
START_TEST(the_capacity_holds_at_its_return_beside_puts)
{
	for_each_bounded_kind(kind) {
		coqueue_t *q = kind_with(kind, 0);
		struct crew *crew = crew_start(2, put_while_open, q, NULL);
		long item;

		for (unsigned round = 0; round < scaled(60); round++) {
			size_t n = 1 + round * 7 % 13, size;

			ck_ok(coqueue_set_capacity(q, n));
			size = coqueue_size(q);
			await(coqueue_size(q) >= n);
			ck_assert_uint_eq(coqueue_size(q), size > n ? size : n);
			for (int i = 0; i < 5; i++)
				coqueue_try_get(q, &item);
		}
		ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
		crew_expect(crew, ESHUTDOWN);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

static int resize_until_refused(struct hand *me)
{
	size_t n = me->index;
	int code;

	while ((code = coqueue_set_capacity(me->q, 1 + n++ % 5)) == 0)
		;
	return code;
}

/* Who is blocked is served, which putters may be, or sent home. */
static void shut_down_beside_resizes(const struct kind *kind,
				     const struct op *op, int mode,
				     unsigned yields)
{
	coqueue_t *q = queue_of(kind, 3, op->line == PUTTERS ? 3 : 0);
	struct crew *blocked = crew_block(q, op, 3);
	struct crew *resizers = crew_start(2, resize_until_refused, q, NULL);
	unsigned served;

	while (yields--)
		sched_yield();
	ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)mode));
	crew_expect(resizers, ESHUTDOWN);
	crew_join(blocked);
	served = crew_count(blocked, 0);
	ck_assert_uint_eq(served + crew_count(blocked, ESHUTDOWN), 3);
	ck_assert_uint_le(served, op->line == PUTTERS ? 2 : 0);
	ck_assert_uint_eq(coqueue_size(q) + stats_of(q).discarded,
			  served + (op->line == PUTTERS ? 3 : 0));
	crew_free(blocked);
	ck_ok(coqueue_destroy(q));
}

START_TEST(E45_resizes_beside_shutdown_lose_no_waiter)
{
	uint64_t random = suite_seed();

	for_each_order(kind)
		for (unsigned round = 0; round < scaled(15); round++)
			for_each_mode(mode) {
				shut_down_beside_resizes(
					kind, &ops[OP_PUT], mode,
					random_below(&random, 10));
				shut_down_beside_resizes(
					kind, &ops[OP_GET], mode,
					random_below(&random, 10));
			}
}
END_TEST

/* ---- what it refuses ----------------------------------------------------- */

START_TEST(G13_from_or_to_no_limit_or_none_or_too_much_gives_EINVAL)
{
	static const size_t bad[] = {0, COQUEUE_UNBOUNDED,
				     SIZE_MAX / sizeof(long) + 1, SIZE_MAX - 1};

	for_each_kind(kind)
		for (int i = 0; i < 5; i++) {
			coqueue_t *q = kind_with(kind, 0);
			bool changes = kind_is_bounded(kind) &&
				       !kind_is_rendezvous(kind);

			if (i < 4)
				ck_code(coqueue_set_capacity(q, bad[i]),
					EINVAL);
			else
				ck_code(coqueue_set_capacity(q, 2),
					changes ? 0 : EINVAL);
			ck_assert_uint_eq(coqueue_capacity(q),
					  i == 4 && changes ? 2
							    : kind->capacity);
			check_usable_as(kind, q);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

START_TEST(E45_after_a_shutdown_it_gives_ESHUTDOWN)
{
	for_each_bounded_kind(kind)
		for_each_mode(mode) {
			coqueue_t *q = kind_with(kind, 1);

			ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)mode));
			errno = 4711;
			ck_code(coqueue_set_capacity(q, 5), ESHUTDOWN);
			ck_code(coqueue_set_capacity(q, 0), EINVAL);
			ck_assert_int_eq(errno, 4711);
			ck_assert_uint_eq(coqueue_capacity(q), kind->capacity);
			ck_assert_uint_eq(coqueue_size(q),
					  mode == COQUEUE_GRACEFUL);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

/* 2^48 bytes are more than an x86-64 process can have. */
START_TEST(G13_without_the_memory_it_gives_ENOMEM)
{
	for_each_bounded_kind(kind) {
		coqueue_t *q = kind_with(kind, kind->capacity);
		struct crew *crew = crew_block(q, &ops[OP_PUT], 2);

		for (unsigned bits = 45; bits <= 60; bits++)
			ck_code(coqueue_set_capacity(q, (size_t)1 << bits),
				ENOMEM);
		ck_assert_uint_eq(coqueue_capacity(q), kind->capacity);
		ck_assert_uint_eq(waiting_in(q, PUTTERS), 2);
		serve_one(q, PUTTERS);
		serve_one(q, PUTTERS);
		crew_expect(crew, 0);
		ck_assert_uint_eq(coqueue_size(q), kind->capacity);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

int main(void)
{
	return suite_run(
		"resize",
		TESTS(E43_growing_wakes_exactly_the_putters_that_now_fit,
		      E43_growing_beyond_need_wakes_all_putters_once,
		      E44_below_the_size_puts_wait_and_gets_go_on,
		      E44_bulk_calls_below_the_size,
		      E44_order_is_kept_through_any_changes,
		      E44_growing_again_ends_the_shortage,
		      E44_E36_a_shutdown_below_the_size_delivers_or_destroys_all,
		      E43_E44_nothing_is_lost_beside_puts_and_gets,
		      the_capacity_holds_at_its_return_beside_puts,
		      E45_resizes_beside_shutdown_lose_no_waiter,
		      G13_from_or_to_no_limit_or_none_or_too_much_gives_EINVAL,
		      E45_after_a_shutdown_it_gives_ESHUTDOWN,
		      G13_without_the_memory_it_gives_ENOMEM));
}
