/* SPDX-License-Identifier: MIT */
/*
 * Capacity 0: what only a rendezvous does.  What it has in common with the
 * other kinds is in check_kinds.c.
 */
#include "crew.h"

static void count_call(void *item, void *ctx)
{
	unsigned *calls = ctx;

	(void)item;
	++*calls;
}

/* E48: an item that nobody took is still its owner's. */
START_TEST(E48_shutdown_gives_back_what_was_not_taken)
{
	for_each_mode(mode) {
		coqueue_attr_t attr = COQUEUE_ATTR_INIT;
		unsigned destroyed = 0;
		struct crew *put, *get;
		coqueue_t *q;

		attr.item_size = sizeof(long);
		attr.item_destroy = count_call;
		attr.ctx = &destroyed;
		q = queue_with_attr(0, 0, attr);
		put = crew_block(q, &ops[OP_PUT], 2);
		ck_ok(coqueue_shutdown(q, mode));
		crew_expect(put, ESHUTDOWN);
		get = crew_call(q, &ops[OP_GET], 2, NULL);
		crew_expect(get, ESHUTDOWN);
		ck_assert_uint_eq(stats_of(q).puts, 0);
		ck_assert_uint_eq(coqueue_unfinished(q), 0);
		ck_ok(coqueue_destroy(q));
		ck_assert_uint_eq(destroyed, 0);
	}
}
END_TEST

/* E49: what was taken stays taken. */
START_TEST(E49_shutdown_right_after_takes_nothing_back)
{
	for_each_mode(mode) {
		coqueue_t *q = queue_with(0, 0);
		struct crew *put = crew_block(q, &ops[OP_PUT], 2);
		long item;

		ck_ok(coqueue_get(q, &item));
		ck_ok(coqueue_shutdown(q, mode));
		crew_join(put);
		ck_assert_int_eq(put->hands[item].result, 0);
		ck_assert_int_eq(put->hands[1 - item].result, ESHUTDOWN);
		crew_free(put);
		ck_assert_uint_eq(stats_of(q).gets, 1);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* Alone a call that does not wait finds nothing; a partner that sleeps is woken
 * for it, and meets it. */
static void check_meets(const struct op *op, const struct timespec *deadline,
			int alone)
{
	const struct op *partner = &ops[op->line == PUTTERS ? OP_GET : OP_PUT];
	coqueue_t *q = queue_with(0, 0);
	struct crew *crew;
	long item = 7;

	ck_code(op_call(op, q, &item, deadline), alone);
	crew = crew_block(q, partner, 1);
	ck_ok(op_call(op, q, &item, deadline));
	crew_join(crew);
	ck_assert_int_eq(crew->hands[0].result, 0);
	ck_assert_int_eq(item, crew->hands[0].item);
	crew_free(crew);
	ck_code(op_call(op, q, &item, deadline), alone);
	ck_ok(coqueue_destroy(q));
}

#define for_each_op_that_meets(op)                                             \
	for_each_op(op)                                                        \
		if (op->line != JOINERS && !op->keeps)

START_TEST(G7_a_try_meets_a_partner_that_waits)
{
	for_each_op_that_meets(op) if (op->form != PLAIN)
		check_meets(op, COQUEUE_NOWAIT, EAGAIN);
}
END_TEST

START_TEST(G8_who_comes_too_late_meets_a_partner_that_waits)
{
	struct timespec past = {0};

	for_each_op_that_meets(op) if (op->form == UNTIL)
		check_meets(op, &past, ETIMEDOUT);
}
END_TEST

/* It is always empty and always full. */
START_TEST(G7_it_holds_nothing)
{
	coqueue_t *q = queue_with(0, 0);
	struct crew *put = crew_block(q, &ops[OP_PUT], 2);
	struct crew *peek = crew_block(q, &ops[OP_PEEK], 2);
	long item;

	ck_assert_uint_eq(coqueue_size(q), 0);
	ck_assert_uint_eq(coqueue_capacity(q), 0);
	ck_code(coqueue_try_peek(q, &item), EAGAIN);
	ck_assert_uint_eq(coqueue_unfinished(q), 0);
	ck_ok(coqueue_get(q, &item));
	ck_ok(coqueue_get(q, &item));
	crew_expect(put, 0);
	ck_assert_uint_eq(coqueue_unfinished(q), 2);
	ck_ok(coqueue_task_done(q, 2));
	ck_ok(coqueue_join(q));
	ck_assert_uint_eq(crew_finished(peek), 0);
	ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
	crew_expect(peek, ESHUTDOWN);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* ---- E50: both may give up at the moment when they meet ------------------ */

static int call_with_little_time(struct hand *me)
{
	bool puts = me->index % 2 == 0;
	uint64_t random = suite_seed() + me->index;
	struct timespec soon;
	int code;

	for (unsigned i = 0; i < scaled(2000); i++) {
		soon = from_now((int64_t)random_below(&random, 100) * 1000);
		code = puts ? coqueue_put_until(me->q, &me->item, &soon)
			    : coqueue_get_until(me->q, &me->item, &soon);
		if (code != 0 && code != ETIMEDOUT)
			return complain(me, "gives %s", code_name(code));
		me->done += code == 0;
	}
	return 0;
}

START_TEST(E50_both_sides_agree_on_whether_they_have_met)
{
	coqueue_t *q = queue_with(0, 0);
	struct crew *crew = crew_start(4, call_with_little_time, q, NULL);
	size_t done[2] = {0, 0};

	crew_join(crew);
	for (unsigned i = 0; i < crew->n; i++)
		done[i % 2] += crew->hands[i].done;
	crew_expect(crew, 0);
	ck_assert_uint_eq(done[0], done[1]);
	ck_assert_uint_eq(stats_of(q).puts, done[0]);
	ck_assert_uint_eq(stats_of(q).gets, done[1]);
	ck_ok(coqueue_destroy(q));
}
END_TEST

int main(void)
{
	return suite_run("rendezvous",
			 TESTS(E48_shutdown_gives_back_what_was_not_taken,
			       E49_shutdown_right_after_takes_nothing_back,
			       G7_a_try_meets_a_partner_that_waits,
			       G8_who_comes_too_late_meets_a_partner_that_waits,
			       G7_it_holds_nothing,
			       E50_both_sides_agree_on_whether_they_have_met));
}
