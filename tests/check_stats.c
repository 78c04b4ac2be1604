/* SPDX-License-Identifier: MIT */
/* coqueue_stats: what is counted, and that waiters are never forgotten. */
#include "crew.h"

START_TEST(a_new_queue_has_counted_nothing)
{
	coqueue_t *q = queue_with(3, 0);
	coqueue_stats_t stats = stats_of(q);

	ck_assert_uint_eq(stats.size, sizeof(stats));
	ck_assert_uint_eq(stats.puts, 0);
	ck_assert_uint_eq(stats.gets, 0);
	ck_assert_uint_eq(stats.discarded, 0);
	ck_assert_uint_eq(stats.put_waits, 0);
	ck_assert_uint_eq(stats.get_waits, 0);
	ck_assert_uint_eq(stats.wakeups, 0);
	ck_assert_uint_eq(stats.putters_waiting, 0);
	ck_assert_uint_eq(stats.getters_waiting, 0);
	ck_assert_uint_eq(stats.joiners_waiting, 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(every_form_counts_items_and_failures_count_nothing)
{
	coqueue_t *q = queue_with(10, 1);
	uint64_t puts = 1, gets = 0;
	struct timespec past = {0};
	long item = 0;

	for_each_op(op)
		if (op->line == PUTTERS) {
			ck_ok(op_call(op, q, &item, NULL));
			ck_assert_uint_eq(stats_of(q).puts, ++puts);
		}
	for_each_op(op)
		if (op->line == GETTERS) {
			ck_ok(op_call(op, q, &item, NULL));
			gets += !op->keeps;
			ck_assert_uint_eq(stats_of(q).gets, gets);
		}
	take_in_order(q, 0, 1);
	for_each_op(op)
		if (op->line == GETTERS && op->form != PLAIN)
			op_call(op, q, &item, &past);
	ck_assert_uint_eq(stats_of(q).gets, 5);
	ck_assert_uint_eq(stats_of(q).get_waits, 0);
	ck_assert_uint_eq(stats_of(q).put_waits, 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(bulk_calls_count_each_item)
{
	coqueue_t *q = queue_with(4, 0);
	long items[6] = {0};
	size_t done;

	ck_code(coqueue_put_many(q, items, 6, COQUEUE_NOWAIT, &done), EAGAIN);
	ck_assert_uint_eq(stats_of(q).puts, 4);
	ck_ok(coqueue_get_many(q, items, 3, NULL, &done));
	ck_assert_uint_eq(stats_of(q).gets, 3);
	ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
	ck_assert_uint_eq(stats_of(q).discarded, 1);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(puts_are_gets_and_discarded_and_what_is_left)
{
	coqueue_t *q = queue_with(5, 5);
	coqueue_stats_t stats;

	take_in_order(q, 0, 2);
	stats = stats_of(q);
	ck_assert_uint_eq(stats.puts,
			  stats.gets + stats.discarded + coqueue_size(q));
	ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
	take_in_order(q, 2, 1);
	ck_assert_uint_eq(stats_of(q).discarded, 0);
	ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
	stats = stats_of(q);
	ck_assert_uint_eq(stats.puts, 5);
	ck_assert_uint_eq(stats.gets, 3);
	ck_assert_uint_eq(stats.discarded, 2);
	ck_ok(coqueue_destroy(q));
}
END_TEST

static size_t waiting_everywhere(const coqueue_t *q)
{
	return waiting_in(q, PUTTERS) + waiting_in(q, GETTERS) +
	       waiting_in(q, JOINERS);
}

START_TEST(a_blocked_call_is_counted_in_its_own_line)
{
	for_each_blocking_op(op) {
		coqueue_t *q = queue_that_blocks(op);
		struct crew *crew = crew_block(q, op, 3);
		coqueue_stats_t stats = stats_of(q);

		ck_assert_uint_eq(waiting_everywhere(q), 3);
		ck_assert_uint_eq(stats.put_waits, op->line == PUTTERS ? 3 : 0);
		ck_assert_uint_eq(stats.get_waits, op->line == GETTERS ? 3 : 0);
		ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
		crew_join(crew);
		crew_free(crew);
		ck_assert_uint_eq(waiting_everywhere(q), 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(serving_a_waiter_counts_a_wakeup)
{
	coqueue_t *q = queue_with(1, 0);
	struct crew *getters = crew_block(q, &ops[OP_GET], 2);
	struct crew *putters;

	ck_ok(coqueue_put(q, &(long){1}));
	await(crew_finished(getters) == 1);
	ck_assert_uint_ge(stats_of(q).wakeups, 1);
	ck_ok(coqueue_put(q, &(long){1}));
	crew_expect(getters, 0);
	ck_assert_uint_ge(stats_of(q).wakeups, 2);

	ck_ok(coqueue_put(q, &(long){1}));
	putters = crew_block(q, &ops[OP_PUT], 1);
	take_in_order(q, 1, 1);
	crew_expect(putters, 0);
	ck_assert_uint_ge(stats_of(q).wakeups, 3);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* In one queue, one line after the other: the figure is the sum of all three. */
START_TEST(one_waiter_served_is_one_wakeup_in_every_line)
{
	coqueue_t *q = queue_with(1, 0);
	struct crew *waiter = crew_block(q, &ops[OP_GET], 1);

	ck_ok(coqueue_put(q, &(long){1}));
	crew_expect(waiter, 0);
	ck_assert_uint_eq(stats_of(q).wakeups, 1);

	waiter = crew_block(q, &ops[OP_JOIN], 1);
	ck_ok(coqueue_task_done(q, 1));
	crew_expect(waiter, 0);
	ck_assert_uint_eq(stats_of(q).wakeups, 2);

	ck_ok(coqueue_put(q, &(long){1}));
	waiter = crew_block(q, &ops[OP_PUT], 1);
	take_in_order(q, 1, 1);
	crew_expect(waiter, 0);
	ck_assert_uint_eq(stats_of(q).wakeups, 3);
	ck_assert_uint_eq(stats_of(q).passed_on, 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(an_older_struct_is_filled_as_far_as_it_goes)
{
	size_t older = offsetof(coqueue_stats_t, passed_on);
	coqueue_t *q = queue_with(4, 2);
	unsigned char rest = 0x5a;
	coqueue_stats_t stats;

	memset(&stats, rest, sizeof(stats));
	stats.size = older;
	ck_ok(coqueue_stats(q, &stats));
	ck_assert_uint_eq(stats.size, older);
	ck_assert_uint_eq(stats.puts, 2);
	ck_assert_uint_eq(stats.joiners_waiting, 0);
	for (size_t i = older; i < sizeof(stats); i++)
		ck_assert_uint_eq(((unsigned char *)&stats)[i], rest);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* ---- while others work -------------------------------------------------- */

static int put_some(struct hand *me)
{
	for (long item = 0; item < (long)scaled(5000); item++)
		if (coqueue_put(me->q, &item) != 0)
			return complain(me, "put failed");
	return 0;
}

static int get_some(struct hand *me)
{
	long item;
	int code;

	while ((code = coqueue_get(me->q, &item)) == 0)
		;
	return code;
}

/* G7: nobody ever sees more than the capacity; counts never go back. */
START_TEST(figures_are_sane_while_others_work)
{
	for (size_t capacity = 1; capacity <= 7; capacity += 3) {
		coqueue_t *q = queue_with(capacity, 0);
		struct crew *put = crew_start(2, put_some, q, NULL);
		struct crew *get = crew_start(2, get_some, q, NULL);
		coqueue_stats_t last = stats_of(q), now;

		while (crew_finished(put) < 2) {
			if (coqueue_size(q) > capacity)
				ck_abort_msg("size %zu", coqueue_size(q));
			now = stats_of(q);
			if (now.puts < last.puts || now.gets < last.gets ||
			    now.putters_waiting > 2 || now.getters_waiting > 2)
				ck_abort_msg("figures go wrong");
			last = now;
			sched_yield();
		}
		crew_expect(put, 0);
		ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
		crew_expect(get, ESHUTDOWN);
		now = stats_of(q);
		ck_assert_uint_eq(now.puts, 2 * scaled(5000));
		ck_assert_uint_eq(now.gets, 2 * scaled(5000));
		ck_assert_uint_eq(waiting_everywhere(q), 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

int main(void)
{
	return suite_run(
		"stats",
		TESTS(a_new_queue_has_counted_nothing,
		      every_form_counts_items_and_failures_count_nothing,
		      bulk_calls_count_each_item,
		      puts_are_gets_and_discarded_and_what_is_left,
		      a_blocked_call_is_counted_in_its_own_line,
		      serving_a_waiter_counts_a_wakeup,
		      one_waiter_served_is_one_wakeup_in_every_line,
		      an_older_struct_is_filled_as_far_as_it_goes,
		      figures_are_sane_while_others_work));
}
