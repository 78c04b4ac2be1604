/* SPDX-License-Identifier: MIT */
/* task_done, join, unfinished. */
#include "crew.h"

#define for_each_join(op)                                                      \
	for_each_blocking_op(op)                                               \
		if (op->line == JOINERS)

START_TEST(unfinished_counts_puts_and_not_gets)
{
	coqueue_t *q = queue_with(4, 3);
	size_t done;
	long item;

	ck_assert_uint_eq(coqueue_unfinished(q), 3);
	ck_ok(coqueue_get(q, &item));
	ck_ok(coqueue_peek(q, &item));
	ck_assert_uint_eq(coqueue_unfinished(q), 3);
	ck_ok(coqueue_put_many(q, (long[]){7, 8}, 2, NULL, &done));
	ck_assert_uint_eq(coqueue_unfinished(q), 5);
	ck_code(coqueue_try_put(q, &item), EAGAIN);
	ck_assert_uint_eq(coqueue_unfinished(q), 5);
	ck_ok(coqueue_task_done(q, 4));
	ck_assert_uint_eq(coqueue_unfinished(q), 1);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(task_done_beyond_what_was_put_marks_nothing)
{
	coqueue_t *q = queue_with(2, 2);

	ck_code(coqueue_task_done(q, 3), EINVAL);
	ck_assert_uint_eq(coqueue_unfinished(q), 2);
	ck_code(coqueue_task_done(q, SIZE_MAX), EINVAL);
	ck_assert_uint_eq(coqueue_unfinished(q), 2);
	ck_ok(coqueue_task_done(q, 2));
	ck_code(coqueue_task_done(q, 1), EINVAL);
	ck_ok(coqueue_task_done(q, 0));
	ck_assert_uint_eq(coqueue_unfinished(q), 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* G3 */
START_TEST(E28_all_joiners_return_when_the_count_reaches_0)
{
	for_each_join(op) {
		coqueue_t *q = queue_with(3, 3);
		struct crew *joiners = crew_block(q, op, 3);

		ck_ok(coqueue_task_done(q, 1));
		ck_ok(coqueue_task_done(q, 1));
		ck_assert_uint_eq(crew_finished(joiners), 0);
		ck_ok(coqueue_task_done(q, 1));
		crew_expect(joiners, 0);
		ck_assert_uint_eq(waiting_in(q, JOINERS), 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(E28_a_join_completes_although_the_next_item_came_at_once)
{
	for_each_join(op) {
		coqueue_t *q = queue_with(2, 1);
		struct crew *joiners = crew_block(q, op, 2);

		/* Count 0 was there; a joiner that looks later may also see
		 * the next item and wait on, so finish that one too. */
		ck_ok(coqueue_task_done(q, 1));
		ck_ok(coqueue_put(q, &(long){1}));
		ck_ok(coqueue_task_done(q, 1));
		crew_expect(joiners, 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* G3 */
START_TEST(E22_immediate_with_nothing_fetched_releases_the_joiners)
{
	for_each_join(op) {
		coqueue_t *q = queue_with(3, 3);
		struct crew *joiners = crew_block(q, op, 3);

		ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
		crew_expect(joiners, 0);
		ck_assert_uint_eq(coqueue_unfinished(q), 0);
		ck_code(coqueue_task_done(q, 1), EINVAL);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(E23_E24_immediate_leaves_the_joiners_to_what_was_fetched)
{
	for_each_join(op) {
		coqueue_t *q = queue_with(3, 3);
		struct crew *joiners = crew_block(q, op, 2);
		long item;

		ck_ok(coqueue_get(q, &item));
		ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
		ck_assert_uint_eq(coqueue_unfinished(q), 1);
		await_waiting(q, JOINERS, 2);
		ck_assert_uint_eq(crew_finished(joiners), 0);
		ck_ok(coqueue_task_done(q, 1));
		crew_expect(joiners, 0);
		ck_code(coqueue_task_done(q, 1), EINVAL);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(E25_task_done_ahead_of_get_stops_at_0)
{
	for_each_join(op) {
		coqueue_t *q = queue_with(3, 3);
		struct crew *joiners;

		ck_ok(coqueue_task_done(q, 2));
		joiners = crew_block(q, op, 2);
		ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
		ck_assert_uint_eq(coqueue_unfinished(q), 0);
		crew_expect(joiners, 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* E30 */
START_TEST(E26_graceful_leaves_the_joiners_until_all_is_fetched_and_done)
{
	for_each_join(op) {
		coqueue_t *q = queue_with(2, 2);
		struct crew *joiners = crew_block(q, op, 2);

		ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
		take_in_order(q, 0, 2);
		await_waiting(q, JOINERS, 2);
		ck_assert_uint_eq(crew_finished(joiners), 0);
		ck_ok(coqueue_task_done(q, 2));
		crew_expect(joiners, 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(E36_immediate_while_draining_releases_the_joiners)
{
	for_each_join(op) {
		coqueue_t *q = queue_with(3, 3);
		struct crew *joiners = crew_block(q, op, 2);

		ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
		ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
		crew_expect(joiners, 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(E27_join_returns_at_once_when_all_is_done)
{
	for_each_mode(mode) {
		coqueue_t *q = queue_with(2, 2);

		ck_ok(coqueue_task_done(q, 2));
		ck_ok(coqueue_join(q));
		ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)mode));
		ck_ok(coqueue_join(q));
		ck_ok(coqueue_join_until(q, COQUEUE_NOWAIT));
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(E29_join_until_a_deadline_changes_nothing)
{
	coqueue_t *q = queue_with(2, 2);
	struct timespec soon = from_now(10 * MS);
	struct crew *joiners = crew_call(q, &ops[OP_JOIN_UNTIL], 2, &soon);

	crew_expect(joiners, ETIMEDOUT);
	ck_assert(is_past(&soon));
	ck_assert_uint_eq(coqueue_unfinished(q), 2);
	ck_assert_uint_eq(waiting_in(q, JOINERS), 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* ---- workers ------------------------------------------------------------ */

enum { WORKERS = 3, TASKS = 5000 };

/* Plain on purpose: join must order every worker's write before the reads. */
struct ledger {
	long finished[WORKERS];
};

static int work_tasks(struct hand *me)
{
	struct ledger *ledger = me->arg;
	long task;
	int code;

	while ((code = coqueue_get(me->q, &task)) == 0) {
		ledger->finished[me->index]++;
		if (coqueue_task_done(me->q, 1) != 0)
			return complain(me, "task_done failed");
	}
	return code;
}

START_TEST(join_sees_what_the_workers_did_before_task_done)
{
	struct ledger ledger = {{0}};
	coqueue_t *q = queue_with(8, 0);
	struct crew *workers = crew_start(WORKERS, work_tasks, q, &ledger);

	for (long round = 1; round <= 10; round++) {
		long sum = 0;

		for (unsigned i = 0; i < scaled(TASKS) / 10; i++)
			ck_ok(coqueue_put(q, &(long){i}));
		ck_ok(coqueue_join(q));
		for (int i = 0; i < WORKERS; i++)
			sum += ledger.finished[i];
		ck_assert_int_eq(sum, round * (scaled(TASKS) / 10));
	}
	ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
	crew_expect(workers, ESHUTDOWN);
	ck_assert_uint_eq(coqueue_unfinished(q), 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

static int finish_one(struct hand *me)
{
	struct ledger *ledger = me->arg;

	ledger->finished[me->index] = 1;
	return coqueue_task_done(me->q, 1);
}

/* Nothing but the count tells it: no lock is taken by either. */
START_TEST(join_that_need_not_wait_sees_what_was_done_before_task_done)
{
	for (unsigned round = 0; round < 10; round++) {
		struct ledger ledger = {{0}};
		coqueue_t *q = queue_with(2, 2);
		struct crew *workers = crew_start(2, finish_one, q, &ledger);

		await(coqueue_join_until(q, COQUEUE_NOWAIT) == 0);
		ck_assert_int_eq(ledger.finished[0] + ledger.finished[1], 2);
		crew_expect(workers, 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

static int join_often(struct hand *me)
{
	for (unsigned i = 0; i < scaled(300); i++)
		if (coqueue_join(me->q) != 0)
			return complain(me, "join failed");
	return 0;
}

static int put_and_finish(struct hand *me)
{
	_Atomic bool *stop = me->arg;

	while (!atomic_load(stop)) {
		long item = 0;

		if (coqueue_put(me->q, &item) || coqueue_get(me->q, &item) ||
		    coqueue_task_done(me->q, 1))
			return complain(me, "a call failed");
	}
	return 0;
}

/* No shutdown here, which would hide a lost wake-up. */
START_TEST(E28_joiners_never_sleep_through_a_count_of_0)
{
	_Atomic bool stop = false;
	coqueue_t *q = queue_with(2, 0);
	struct crew *joiners = crew_start(2, join_often, q, NULL);
	struct crew *worker = crew_start(1, put_and_finish, q, &stop);

	crew_expect(joiners, 0);
	atomic_store(&stop, true);
	crew_expect(worker, 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

int main(void)
{
	return suite_run(
		"task",
		TESTS(unfinished_counts_puts_and_not_gets,
		      task_done_beyond_what_was_put_marks_nothing,
		      E28_all_joiners_return_when_the_count_reaches_0,
		      E28_a_join_completes_although_the_next_item_came_at_once,
		      E22_immediate_with_nothing_fetched_releases_the_joiners,
		      E23_E24_immediate_leaves_the_joiners_to_what_was_fetched,
		      E25_task_done_ahead_of_get_stops_at_0,
		      E26_graceful_leaves_the_joiners_until_all_is_fetched_and_done,
		      E36_immediate_while_draining_releases_the_joiners,
		      E27_join_returns_at_once_when_all_is_done,
		      E29_join_until_a_deadline_changes_nothing,
		      join_sees_what_the_workers_did_before_task_done,
		      join_that_need_not_wait_sees_what_was_done_before_task_done,
		      E28_joiners_never_sleep_through_a_count_of_0));
}
