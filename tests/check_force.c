/* SPDX-License-Identifier: MIT */
/* force_put: a put that never waits, since the oldest item makes room. */
#include "crew.h"

static void force(coqueue_t *q, long item, long expected_old)
{
	long old = -1;
	size_t n = 99;

	errno = 4711;
	ck_ok(coqueue_force_put(q, &item, &old, &n));
	ck_assert_int_eq(errno, 4711);
	ck_assert_uint_eq(n, expected_old >= 0);
	ck_assert_int_eq(old, expected_old);
}

/* ---- one thread ---------------------------------------------------------- */

START_TEST(the_oldest_makes_room_once_it_is_full)
{
	for (size_t capacity = 1; capacity <= 5; capacity++) {
		coqueue_t *q = queue_with(capacity, 0);
		long n = (long)capacity, item;

		for (item = 0; item < n; item++) {
			force(q, item, -1);
			ck_assert_uint_eq(coqueue_size(q), (size_t)item + 1);
		}
		for (; item < 4 * n + 3; item++) {
			force(q, item, item - n);
			ck_assert_uint_eq(coqueue_size(q), capacity);
			ck_code(coqueue_try_put(q, &item), EAGAIN);
		}
		take_in_order(q, item - n, capacity);
		check_usable(q);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(what_is_evicted_counts_as_got)
{
	coqueue_t *q = queue_with(2, 2);
	struct crew *join = crew_block(q, &ops[OP_JOIN], 2);

	force(q, 2, 0);
	ck_assert_uint_eq(stats_of(q).puts, 3);
	ck_assert_uint_eq(stats_of(q).gets, 1);
	ck_assert_uint_eq(coqueue_unfinished(q), 3);
	ck_ok(coqueue_task_done(q, 1));
	take_in_order(q, 1, 2);
	ck_assert_uint_eq(crew_finished(join), 0);
	ck_ok(coqueue_task_done(q, 2));
	crew_expect(join, 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(below_the_size_one_goes_and_one_comes)
{
	coqueue_t *q = queue_with(5, 5);

	ck_ok(coqueue_set_capacity(q, 2));
	force(q, 5, 0);
	force(q, 6, 1);
	ck_assert_uint_eq(coqueue_size(q), 5);
	take_in_order(q, 2, 1);
	force(q, 7, 3); /* no room yet, although slots are free */
	ck_assert_uint_eq(coqueue_size(q), 4);
	take_in_order(q, 4, 2);
	force(q, 8, 6);
	take_in_order(q, 7, 2);
	check_usable(q);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* Three words, of which none may be of another item. */
START_TEST(wide_items_are_exchanged_as_a_whole)
{
	coqueue_attr_t attr = {.size = sizeof(attr), .item_size = 21};
	unsigned char item[21], old[21];
	coqueue_t *q = NULL;
	size_t n;

	ck_ok(coqueue_create(&q, 2, &attr));
	for (int i = 0; i < 9; i++) {
		memset(item, i, sizeof(item));
		ck_ok(coqueue_force_put(q, item, old, &n));
		ck_assert_uint_eq(n, i >= 2);
		memset(item, i - 2, sizeof(item));
		if (n)
			ck_assert_mem_eq(old, item, sizeof(old));
	}
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* ---- who is blocked ------------------------------------------------------ */

START_TEST(it_wakes_a_getter_for_each_item)
{
	coqueue_t *q = queue_with(2, 0);
	struct crew *crew = crew_block(q, &ops[OP_GET], 3);

	for (long item = 0; item < 3; item++) {
		force(q, item, -1);
		await(crew_finished(crew) == (unsigned)item + 1);
	}
	crew_expect(crew, 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(it_overtakes_blocked_putters_and_makes_them_no_room)
{
	coqueue_t *q = queue_with(2, 2);
	struct crew *crew = crew_block(q, &ops[OP_PUT], 2);

	for (long item = 2; item < 20; item++)
		force(q, item, item - 2);
	ck_assert_uint_eq(waiting_in(q, PUTTERS), 2);
	take_in_order(q, 18, 1);
	await_waiting(q, PUTTERS, 1);
	take_in_order(q, 19, 1);
	crew_expect(crew, 0);
	ck_assert_uint_eq(coqueue_size(q), 2);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* ---- beside others ------------------------------------------------------- */

enum { EACH = 4000, FORCERS = 2, PUTTERS_TOO = 1, GETTERS_TOO = 2 };

/* Item n of hand h is n * 8 + h; each is got or evicted once, in order. */
struct fates {
	_Atomic unsigned char times[EACH * 8];
	_Atomic bool over;
};

static int settle(struct hand *me, struct fates *fates, long *newest, long item)
{
	if (item <= newest[item % 8])
		return complain(me, "item %ld is late", item);
	newest[item % 8] = item;
	atomic_fetch_add(&fates->times[item], 1);
	return 0;
}

static int force_all(struct hand *me)
{
	struct fates *fates = me->arg;
	long newest[8] = {-1, -1, -1, -1, -1, -1, -1, -1}, old;
	int code = 0;
	size_t n;

	for (long i = 0; i < EACH && code == 0; i++) {
		long item = i * 8 + me->index;

		code = coqueue_force_put(me->q, &item, &old, &n);
		if (code == 0 && n == 1)
			code = settle(me, fates, newest, old);
		if (coqueue_size(me->q) > coqueue_capacity(me->q))
			return complain(me, "larger than its capacity");
	}
	return code;
}

static int put_all(struct hand *me)
{
	int code = 0;

	for (long i = 0; i < EACH && code == 0; i++) {
		long item = i * 8 + FORCERS + me->index;

		code = coqueue_put(me->q, &item);
	}
	return code;
}

static int get_all(struct hand *me)
{
	struct fates *fates = me->arg;
	long newest[8] = {-1, -1, -1, -1, -1, -1, -1, -1}, item;
	int code;

	while ((code = coqueue_get(me->q, &item)) == 0)
		if (settle(me, fates, newest, item) != 0)
			return COMPLAINED;
	return code;
}

static void force_beside(size_t capacity, unsigned getters)
{
	static struct fates fates;
	coqueue_t *q = queue_with(capacity, 0);
	struct crew *forcers, *put, *get = NULL;
	long item;

	memset(&fates, 0, sizeof(fates));
	forcers = crew_start(FORCERS, force_all, q, &fates);
	put = crew_start(PUTTERS_TOO, put_all, q, NULL);
	if (getters)
		get = crew_start(getters, get_all, q, &fates);
	crew_expect(forcers, 0);
	if (getters)
		crew_expect(put, 0);
	ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
	if (get)
		crew_expect(get, ESHUTDOWN);
	else
		crew_join(put);
	while (coqueue_get(q, &item) == 0)
		fates.times[item]++;
	for (long i = 0; i < EACH * 8; i++)
		if (fates.times[i] > 1 ||
		    (fates.times[i] == 0 &&
		     i % 8 < (getters ? FORCERS + PUTTERS_TOO : FORCERS)))
			ck_abort_msg("item %ld: %u times", i, fates.times[i]);
	if (!get)
		crew_free(put);
	ck_ok(coqueue_destroy(q));
}

/* G4, G6, G7 */
START_TEST(every_item_is_got_or_evicted_once_and_in_order)
{
	for (size_t capacity = 1; capacity <= 4; capacity++) {
		force_beside(capacity, GETTERS_TOO);
		force_beside(capacity, 0);
	}
}
END_TEST

static int force_until_refused(struct hand *me)
{
	long old;
	size_t n;
	int code;

	while ((code = coqueue_force_put(me->q, &me->item, &old, &n)) == 0)
		me->done += 1 - n;
	return n == 0 ? code : complain(me, "refused, and evicted");
}

/* Who was refused has evicted nothing: what came in without a way out stays. */
START_TEST(E16_a_refused_one_evicts_nothing)
{
	for (unsigned round = 0; round < scaled(100); round++) {
		size_t capacity = 1 + round % 3, left = 0;
		coqueue_t *q = queue_with(capacity, 0);
		struct crew *crew = crew_start(3, force_until_refused, q, NULL);
		long item;

		await(stats_of(q).puts >= capacity);
		ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
		while (coqueue_try_get(q, &item) == 0)
			left++;
		crew_join(crew);
		ck_assert_uint_eq(left, capacity);
		ck_assert_uint_eq(crew->hands[0].done + crew->hands[1].done +
					  crew->hands[2].done,
				  capacity);
		crew_expect(crew, ESHUTDOWN);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* ---- what it refuses ----------------------------------------------------- */

START_TEST(E17_after_a_shutdown_it_gives_ESHUTDOWN)
{
	for_each_mode(mode)
		for (size_t items = 0; items <= 2; items++) {
			coqueue_t *q = queue_with(2, items);
			long old = -1;
			size_t n = 99;

			ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)mode));
			ck_code(coqueue_force_put(q, &(long){9}, &old, &n),
				ESHUTDOWN);
			ck_assert_uint_eq(n, 0);
			ck_assert_int_eq(old, -1);
			if (mode == COQUEUE_GRACEFUL)
				take_in_order(q, 0, items);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

START_TEST(G13_of_no_fifo_and_of_a_rendezvous_it_gives_EINVAL)
{
	for_each_kind(kind) {
		bool has_oldest = kind->order == COQUEUE_FIFO &&
				  !kind_is_rendezvous(kind);
		size_t some = kind->capacity < 2 ? kind->capacity : 2, n = 99;
		coqueue_t *q = kind_with(kind, some);
		long item = 9, old = -1;

		if (!has_oldest) {
			ck_code(coqueue_force_put(q, &item, &old, &n), EINVAL);
			ck_assert_uint_eq(n, 0);
			ck_assert_uint_eq(coqueue_size(q), some);
			ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
			ck_code(coqueue_force_put(q, &item, &old, &n), EINVAL);
		} else {
			ck_ok(coqueue_force_put(q, &item, &old, &n));
			ck_assert_uint_eq(n, some == kind->capacity);
		}
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

int main(void)
{
	return suite_run(
		"force",
		TESTS(the_oldest_makes_room_once_it_is_full,
		      what_is_evicted_counts_as_got,
		      below_the_size_one_goes_and_one_comes,
		      wide_items_are_exchanged_as_a_whole,
		      it_wakes_a_getter_for_each_item,
		      it_overtakes_blocked_putters_and_makes_them_no_room,
		      every_item_is_got_or_evicted_once_and_in_order,
		      E16_a_refused_one_evicts_nothing,
		      E17_after_a_shutdown_it_gives_ESHUTDOWN,
		      G13_of_no_fifo_and_of_a_rendezvous_it_gives_EINVAL));
}
