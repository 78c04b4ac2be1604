/* SPDX-License-Identifier: MIT */
/* Producers and consumers that are counted: the last of a side ends the queue. */
#include "crew.h"

static const enum coqueue_side sides[] = {COQUEUE_PUT, COQUEUE_GET};

static enum coqueue_state state_after(enum coqueue_side side)
{
	return side == COQUEUE_PUT ? COQUEUE_DRAINING : COQUEUE_SHUT;
}

static void count_destroyed(void *item, void *ctx)
{
	(void)item;
	++*(unsigned *)ctx;
}

static coqueue_t *queue_that_counts(const struct kind *kind, size_t items,
				    unsigned *destroyed)
{
	coqueue_attr_t attr = kind_attr(kind);

	attr.item_destroy = count_destroyed;
	attr.ctx = destroyed;
	return queue_with_attr(kind->capacity, items, attr);
}

/* ---- the last to leave --------------------------------------------------- */

START_TEST(E82_the_last_producer_shuts_down_gracefully)
{
	for_each_kind(kind) {
		coqueue_t *q = kind_with(kind, 0);
		struct crew *get = crew_block(q, &ops[OP_GET], 2),
			    *peek = crew_block(q, &ops[OP_PEEK], 2);

		ck_ok(coqueue_hold(q, COQUEUE_PUT));
		ck_ok(coqueue_hold(q, COQUEUE_PUT));
		ck_ok(coqueue_release(q, COQUEUE_PUT));
		ck_assert_int_eq(coqueue_state(q), COQUEUE_OPEN);
		ck_assert_uint_eq(waiting_in(q, GETTERS), 4);
		ck_ok(coqueue_release(q, COQUEUE_PUT));
		ck_assert_int_eq(coqueue_state(q), COQUEUE_DRAINING);
		crew_expect(get, ESHUTDOWN);
		crew_expect(peek, ESHUTDOWN);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(E82_what_the_last_producer_put_is_delivered)
{
	for_each_kind(kind) {
		unsigned destroyed = 0;
		size_t n = kind->capacity < 3 ? kind->capacity : 3;
		coqueue_t *q = queue_that_counts(kind, n, &destroyed);
		long item;

		ck_ok(coqueue_hold(q, COQUEUE_PUT));
		ck_ok(coqueue_release(q, COQUEUE_PUT));
		ck_code(coqueue_try_put(q, &(long){0}), ESHUTDOWN);
		ck_assert_uint_eq(coqueue_size(q), n);
		take_all_of(kind, q, n);
		ck_code(coqueue_get(q, &item), ESHUTDOWN);
		ck_assert_uint_eq(destroyed, 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(E83_the_last_consumer_shuts_down_immediately)
{
	for_each_kind(kind) {
		unsigned destroyed = 0;
		size_t n = kind->capacity < 3 ? kind->capacity : 3;
		coqueue_t *q = queue_that_counts(kind, n, &destroyed);
		struct crew *put = NULL;

		if (n == kind->capacity)
			put = crew_block(q, &ops[OP_PUT], 2);
		ck_ok(coqueue_hold(q, COQUEUE_GET));
		ck_ok(coqueue_hold(q, COQUEUE_GET));
		ck_ok(coqueue_release(q, COQUEUE_GET));
		ck_assert_int_eq(coqueue_state(q), COQUEUE_OPEN);
		ck_assert_uint_eq(coqueue_size(q), n);
		ck_ok(coqueue_release(q, COQUEUE_GET));
		ck_assert_int_eq(coqueue_state(q), COQUEUE_SHUT);
		ck_assert_uint_eq(coqueue_size(q), 0);
		ck_assert_uint_eq(destroyed, n);
		if (put)
			crew_expect(put, ESHUTDOWN);
		ck_ok(coqueue_destroy(q));
		ck_assert_uint_eq(destroyed, n);
	}
}
END_TEST

START_TEST(E22_E83_joiners_leave_with_the_last_consumer)
{
	coqueue_t *q = queue_with(2, 2);
	struct crew *join = crew_block(q, &ops[OP_JOIN], 2);

	ck_ok(coqueue_hold(q, COQUEUE_GET));
	ck_ok(coqueue_release(q, COQUEUE_GET));
	crew_expect(join, 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* First all producers, while the consumers still drain; then they, too. */
START_TEST(E36_E83_consumers_that_leave_a_draining_queue_discard_the_rest)
{
	unsigned destroyed = 0;
	coqueue_t *q = queue_that_counts(&kinds[2], 3, &destroyed);

	ck_ok(coqueue_hold(q, COQUEUE_PUT));
	ck_ok(coqueue_hold(q, COQUEUE_GET));
	ck_ok(coqueue_release(q, COQUEUE_PUT));
	take_in_order(q, 0, 1);
	ck_assert_uint_eq(destroyed, 0);
	ck_ok(coqueue_release(q, COQUEUE_GET));
	ck_assert_int_eq(coqueue_state(q), COQUEUE_SHUT);
	ck_assert_uint_eq(destroyed, 2);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(E37_producers_that_leave_a_shut_queue_change_nothing)
{
	coqueue_t *q = queue_with(2, 2);

	ck_ok(coqueue_hold(q, COQUEUE_PUT));
	ck_ok(coqueue_hold(q, COQUEUE_GET));
	ck_ok(coqueue_release(q, COQUEUE_GET));
	ck_ok(coqueue_release(q, COQUEUE_PUT));
	ck_assert_int_eq(coqueue_state(q), COQUEUE_SHUT);
	ck_code(coqueue_release(q, COQUEUE_PUT), EINVAL);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* ---- counting ------------------------------------------------------------ */

START_TEST(the_sides_are_counted_apart)
{
	for (int i = 0; i < 2; i++) {
		coqueue_t *q = queue_with(2, 0);
		enum coqueue_side side = sides[i], other = sides[!i];

		for (int n = 0; n < 3; n++)
			ck_ok(coqueue_hold(q, side));
		ck_code(coqueue_release(q, other), EINVAL);
		ck_ok(coqueue_hold(q, other));
		for (int n = 0; n < 2; n++)
			ck_ok(coqueue_release(q, side));
		ck_assert_int_eq(coqueue_state(q), COQUEUE_OPEN);
		check_usable(q);
		ck_ok(coqueue_release(q, side));
		ck_assert_int_eq(coqueue_state(q), (int)state_after(side));
		ck_code(coqueue_release(q, side), EINVAL);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(hold_after_shutdown_gives_ESHUTDOWN_and_counts_nothing)
{
	for_each_mode(mode)
		for (int i = 0; i < 2; i++) {
			coqueue_t *q = queue_with(2, 1);

			errno = 4711;
			ck_ok(coqueue_hold(q, sides[i]));
			ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)mode));
			ck_code(coqueue_hold(q, sides[i]), ESHUTDOWN);
			ck_ok(coqueue_release(q, sides[i]));
			ck_code(coqueue_release(q, sides[i]), EINVAL);
			ck_assert_int_eq(errno, 4711);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

/* ---- as programs use it -------------------------------------------------- */

enum { WORKERS = 3, JOBS = 300 };

static int produce(struct hand *me)
{
	int code = 0;

	for (long item = 0; item < JOBS && code == 0; item++)
		code = coqueue_put(me->q, &item);
	return code ? code : coqueue_release(me->q, COQUEUE_PUT);
}

/* Until nothing is left; or so many, and then it leaves. */
static int consume(struct hand *me)
{
	const size_t *most = me->arg;
	long item;
	int code = 0;

	while (me->done < *most && (code = coqueue_get(me->q, &item)) == 0)
		me->done++;
	if (coqueue_release(me->q, COQUEUE_GET) != 0)
		return complain(me, "release failed");
	return code == ESHUTDOWN ? 0 : code;
}

static size_t sum_done(struct crew *crew)
{
	size_t sum = 0;

	for (unsigned i = 0; i < crew->n; i++)
		sum += crew->hands[i].done;
	return sum;
}

static void hold_for(coqueue_t *q, enum coqueue_side side)
{
	for (int i = 0; i < WORKERS; i++)
		ck_ok(coqueue_hold(q, side));
}

START_TEST(E82_all_that_counted_producers_put_is_consumed)
{
	for_each_kind(kind) {
		size_t most = SIZE_MAX;
		coqueue_t *q = kind_with(kind, 0);
		struct crew *put, *get;

		hold_for(q, COQUEUE_PUT);
		hold_for(q, COQUEUE_GET);
		put = crew_start(WORKERS, produce, q, NULL);
		get = crew_start(WORKERS, consume, q, &most);
		crew_expect(put, 0);
		crew_join(get);
		ck_assert_uint_eq(sum_done(get), WORKERS * JOBS);
		crew_expect(get, 0);
		ck_assert_int_eq(coqueue_state(q), COQUEUE_SHUT);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

static int produce_until_refused(struct hand *me)
{
	int code;

	while ((code = coqueue_put(me->q, &me->item)) == 0) {
		me->done++;
		hand_pause();
	}
	return code;
}

START_TEST(E83_producers_end_when_the_last_consumer_has_left)
{
	for_each_kind(kind) {
		unsigned destroyed = 0;
		size_t most = 50;
		coqueue_t *q = queue_that_counts(kind, 0, &destroyed);
		struct crew *put, *get;

		hold_for(q, COQUEUE_GET);
		put = crew_start(WORKERS, produce_until_refused, q, NULL);
		get = crew_start(WORKERS, consume, q, &most);
		crew_join(get);
		crew_join(put);
		ck_assert_uint_eq(sum_done(get), WORKERS * most);
		ck_assert_uint_eq(sum_done(put), WORKERS * most + destroyed);
		crew_expect(get, 0);
		crew_expect(put, ESHUTDOWN);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

int main(void)
{
	return suite_run(
		"holds",
		TESTS(E82_the_last_producer_shuts_down_gracefully,
		      E82_what_the_last_producer_put_is_delivered,
		      E83_the_last_consumer_shuts_down_immediately,
		      E22_E83_joiners_leave_with_the_last_consumer,
		      E36_E83_consumers_that_leave_a_draining_queue_discard_the_rest,
		      E37_producers_that_leave_a_shut_queue_change_nothing,
		      the_sides_are_counted_apart,
		      hold_after_shutdown_gives_ESHUTDOWN_and_counts_nothing,
		      E82_all_that_counted_producers_put_is_consumed,
		      E83_producers_end_when_the_last_consumer_has_left));
}
