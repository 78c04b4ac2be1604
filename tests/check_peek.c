/* SPDX-License-Identifier: MIT */
/* Peek: the first item stays, and whoever looked passes the wake-up on. */
#include "crew.h"

#define for_each_peek(op)                                                      \
	for_each_blocking_op(op)                                               \
		if (op->line == GETTERS && op->keeps)

START_TEST(peek_shows_the_first_item_and_leaves_it)
{
	coqueue_t *q = queue_with(3, 3);
	long item;

	for (long first = 0; first < 3; first++) {
		for_each_op(op)
			if (op->line == GETTERS && op->keeps) {
				item = -1;
				ck_ok(op_call(op, q, &item, NULL));
				ck_assert_int_eq(item, first);
				ck_assert_uint_eq(coqueue_size(q),
						  3 - (size_t)first);
			}
		take_in_order(q, first, 1);
	}
	ck_code(coqueue_try_peek(q, &item), EAGAIN);
	ck_assert_uint_eq(stats_of(q).gets, 3);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(peek_does_not_make_room)
{
	coqueue_t *q = queue_with(1, 1);
	long item;

	ck_ok(coqueue_peek(q, &item));
	ck_code(coqueue_try_put(q, &item), EAGAIN);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* G3 */
START_TEST(E57_blocked_peekers_all_get_ESHUTDOWN)
{
	for_each_mode(mode)
		for_each_peek(op) {
			coqueue_t *q = queue_that_blocks(op);
			struct crew *peekers = crew_block(q, op, 3);

			ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)mode));
			crew_expect(peekers, ESHUTDOWN);
			ck_assert_uint_eq(waiting_in(q, GETTERS), 0);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

START_TEST(E58_peek_while_draining_shows_what_is_left)
{
	coqueue_t *q = queue_with(2, 2);
	long item = -1;

	ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
	for (int i = 0; i < 2; i++) {
		ck_ok(coqueue_peek(q, &item));
		ck_assert_int_eq(item, 0);
	}
	take_in_order(q, 0, 2);
	ck_code(coqueue_peek(q, &item), ESHUTDOWN);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* G10: an item that stays serves all who look at it. */
START_TEST(E59_one_put_serves_all_peekers)
{
	for_each_peek(op) {
		coqueue_t *q = queue_that_blocks(op);
		struct crew *peekers = crew_block(q, op, 4);

		ck_ok(coqueue_put(q, &(long){42}));
		crew_join(peekers);
		for (unsigned i = 0; i < peekers->n; i++)
			ck_assert_int_eq(peekers->hands[i].item, 42);
		crew_expect(peekers, 0);
		ck_assert_uint_eq(coqueue_size(q), 1);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* G10: the peekers stand in front, so the getter needs what they pass on. */
START_TEST(E59_one_put_serves_the_getter_behind_two_peekers)
{
	for_each_peek(op) {
		coqueue_t *q = queue_that_blocks(op);
		struct crew *peekers = crew_block(q, op, 2);
		struct crew *getter = crew_block(q, &ops[OP_GET], 1);

		ck_ok(coqueue_put(q, &(long){1}));
		crew_expect(getter, 0);
		/* A peeker that came too late sees the next item. */
		ck_ok(coqueue_put(q, &(long){2}));
		crew_expect(peekers, 0);
		ck_assert_uint_eq(coqueue_size(q), 1);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(E59_two_getters_and_a_peeker_need_three_items_at_most)
{
	for_each_peek(op) {
		coqueue_t *q = queue_with(4, 0);
		struct crew *first = crew_block(q, &ops[OP_GET], 1);
		struct crew *peeker = crew_block(q, op, 1);
		struct crew *second = crew_block(q, &ops[OP_GET], 1);

		ck_ok(coqueue_put(q, &(long){1}));
		ck_ok(coqueue_put(q, &(long){2}));
		crew_expect(first, 0);
		crew_expect(second, 0);
		ck_ok(coqueue_put(q, &(long){3}));
		crew_expect(peeker, 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* ---- while others get and put ------------------------------------------- */

enum { WORDS = 29 };

struct wide {
	long words[WORDS];
};

static int put_wide(struct hand *me)
{
	struct wide item;

	for (long n = 0; n < (long)scaled(4000); n++) {
		for (int i = 0; i < WORDS; i++)
			item.words[i] = n;
		if (coqueue_put(me->q, &item) != 0)
			return complain(me, "put failed");
	}
	return 0;
}

static int see_wide(struct hand *me, int (*see)(coqueue_t *, void *))
{
	struct wide item;
	long last = 0;
	int code;

	while ((code = see(me->q, &item)) == 0) {
		for (int i = 1; i < WORDS; i++)
			if (item.words[i] != item.words[0])
				return complain(me, "torn: %ld and %ld",
						item.words[0], item.words[i]);
		if (item.words[0] < last)
			return complain(me, "%ld after %ld", item.words[0],
					last);
		last = item.words[0];
		hand_pause();
	}
	return code;
}

static int peek_wide(struct hand *me)
{
	return see_wide(me, coqueue_peek);
}

static int get_wide(struct hand *me)
{
	return see_wide(me, coqueue_get);
}

/* G8, G9: with one putter, nobody may see items go backwards. */
START_TEST(a_peeked_item_is_whole_and_no_older_than_the_last)
{
	for (size_t capacity = 1; capacity <= 4; capacity += 3) {
		coqueue_attr_t attr = COQUEUE_ATTR_INIT;
		struct crew *putter, *getters, *peekers;
		coqueue_t *q = NULL;

		attr.item_size = sizeof(struct wide);
		ck_ok(coqueue_create(&q, capacity, &attr));
		putter = crew_start(1, put_wide, q, NULL);
		getters = crew_start(2, get_wide, q, NULL);
		peekers = crew_start(2, peek_wide, q, NULL);
		crew_expect(putter, 0);
		ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
		crew_expect(getters, ESHUTDOWN);
		crew_expect(peekers, ESHUTDOWN);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

int main(void)
{
	return suite_run(
		"peek",
		TESTS(peek_shows_the_first_item_and_leaves_it,
		      peek_does_not_make_room,
		      E57_blocked_peekers_all_get_ESHUTDOWN,
		      E58_peek_while_draining_shows_what_is_left,
		      E59_one_put_serves_all_peekers,
		      E59_one_put_serves_the_getter_behind_two_peekers,
		      E59_two_getters_and_a_peeker_need_three_items_at_most,
		      a_peeked_item_is_whole_and_no_older_than_the_last));
}
