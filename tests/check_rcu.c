/* SPDX-License-Identifier: MIT */
/* Callers that use liburcu-bp themselves, as the library does. */
#include "crew.h"
#include <urcu/urcu-bp.h>

static void check_open(coqueue_t *q)
{
	long item = 0;

	ck_assert_int_eq(coqueue_state(q), COQUEUE_OPEN);
	ck_assert_uint_eq(coqueue_size(q), 1);
	ck_ok(coqueue_try_put(q, &item));
	ck_ok(coqueue_try_get(q, &item));
	ck_ok(coqueue_task_done(q, 1));
}

/* E40 */
START_TEST(E40_calls_that_wait_for_a_grace_period_give_EDEADLK_in_a_section)
{
	coqueue_t *q = queue_with(2, 1);
	struct crew *joiners = crew_block(q, &ops[OP_JOIN], 2);

	urcu_bp_read_lock();
	urcu_bp_read_lock();
	for (int depth = 2; depth > 0; depth--) {
		errno = 4711;
		ck_code(coqueue_shutdown(q, COQUEUE_GRACEFUL), EDEADLK);
		ck_code(coqueue_shutdown(q, COQUEUE_IMMEDIATE), EDEADLK);
		ck_code(coqueue_destroy(q), EDEADLK);
		ck_code(coqueue_set_capacity(q, 3), EDEADLK);
		ck_code(coqueue_release(q, COQUEUE_PUT), EDEADLK);
		ck_assert_uint_eq(coqueue_capacity(q), 2);
		ck_assert_int_eq(errno, 4711);
		check_open(q);
		urcu_bp_read_unlock();
	}
	ck_assert_uint_eq(crew_finished(joiners), 0);
	await_waiting(q, JOINERS, 2);
	check_open(q);
	ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
	crew_expect(joiners, 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(bad_arguments_come_before_EDEADLK)
{
	coqueue_t *q = queue_with(1, 0);
	volatile int mode = 2;

	urcu_bp_read_lock();
	ck_code(coqueue_shutdown(NULL, COQUEUE_GRACEFUL), EINVAL);
	ck_code(coqueue_shutdown(q, (enum coqueue_shutdown)mode), EINVAL);
	ck_code(coqueue_destroy(NULL), EINVAL);
	ck_code(coqueue_set_capacity(q, 0), EINVAL);
	ck_code(coqueue_set_capacity(q, COQUEUE_UNBOUNDED), EINVAL);
	ck_code(coqueue_release(NULL, COQUEUE_PUT), EINVAL);
	urcu_bp_read_unlock();
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(calls_that_do_not_block_work_in_a_read_side_section)
{
	coqueue_t *q = queue_with(2, 1);
	long item = 0;

	urcu_bp_read_lock();
	for_each_op(op)
		if (op->form != PLAIN && op->line != JOINERS)
			op_call(op, q, &item, COQUEUE_NOWAIT);
	ck_ok(coqueue_interrupt(q));
	ck_ok(coqueue_hold(q, COQUEUE_PUT));
	ck_ok(coqueue_task_done(q, 1));
	ck_assert_uint_eq(stats_of(q).puts, 2);
	ck_assert_uint_eq(stats_of(q).gets, 2);
	urcu_bp_read_unlock();
	ck_assert_int_eq(urcu_bp_read_ongoing(), 0);
	check_usable(q);
	ck_ok(coqueue_destroy(q));
}
END_TEST

static void look_for_a_section(void *item, void *ctx)
{
	int *inside = ctx;

	(void)item;
	if (urcu_bp_read_ongoing())
		++*inside;
	urcu_bp_synchronize_rcu(); /* hangs when a section lasts */
}

/* G11 */
START_TEST(item_destroy_runs_outside_any_read_side_section)
{
	for (int shut = 0; shut <= 1; shut++) {
		int inside = 0;
		coqueue_attr_t attr = {.size = sizeof(attr),
				       .item_destroy = look_for_a_section,
				       .ctx = &inside};
		coqueue_t *q = queue_with_attr(3, 3, attr);

		if (shut)
			ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
		ck_ok(coqueue_destroy(q));
		ck_assert_int_eq(inside, 0);
	}
}
END_TEST

/* A blocked caller must not hold up other users of liburcu. */
START_TEST(blocked_callers_are_in_no_read_side_section)
{
	for_each_blocking_op(op) {
		coqueue_t *q = queue_that_blocks(op);
		struct crew *crew = crew_block(q, op, 2);

		urcu_bp_synchronize_rcu();
		ck_assert_uint_eq(crew_finished(crew), 0);
		ck_ok(coqueue_interrupt(q));
		crew_expect(crew, EINTR);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

int main(void)
{
	return suite_run(
		"rcu",
		TESTS(E40_calls_that_wait_for_a_grace_period_give_EDEADLK_in_a_section,
		      bad_arguments_come_before_EDEADLK,
		      calls_that_do_not_block_work_in_a_read_side_section,
		      item_destroy_runs_outside_any_read_side_section,
		      blocked_callers_are_in_no_read_side_section));
}
