/* SPDX-License-Identifier: MIT */
/* coqueue_interrupt: whoever is blocked returns EINTR, and nothing else. */
#include "crew.h"

START_TEST(E46_all_blocked_callers_get_EINTR_and_the_queue_works_on)
{
	for_each_blocking_op(op) {
		coqueue_t *q = queue_that_blocks(op);
		struct crew *crew = crew_block(q, op, 3);
		size_t size = coqueue_size(q);

		ck_ok(coqueue_interrupt(q));
		crew_expect(crew, EINTR);
		ck_assert_uint_eq(coqueue_size(q), size);
		ck_assert_int_eq(coqueue_state(q), COQUEUE_OPEN);
		ck_assert_uint_eq(waiting_in(q, op->line), 0);
		check_usable(q);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(E46_callers_with_a_deadline_get_EINTR_before_it)
{
	struct timespec far = from_now(2 * limit_ns());

	for_each_blocking_op(op)
		if (op->form == UNTIL) {
			coqueue_t *q = queue_that_blocks(op);
			struct crew *crew = crew_call(q, op, 2, &far);

			await_waiting(q, op->line, 2);
			ck_ok(coqueue_interrupt(q));
			crew_expect(crew, EINTR);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

START_TEST(E46_interrupt_reaches_getters_peekers_and_joiners_at_once)
{
	coqueue_t *q = queue_with(2, 1);
	struct crew *get, *peek, *join;

	take_in_order(q, 0, 1);
	get = crew_block(q, &ops[OP_GET], 2);
	peek = crew_block(q, &ops[OP_PEEK], 2);
	join = crew_block(q, &ops[OP_JOIN], 2);
	ck_ok(coqueue_interrupt(q));
	crew_expect(get, EINTR);
	crew_expect(peek, EINTR);
	crew_expect(join, EINTR);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(E46_interrupt_reaches_putters_and_joiners_at_once)
{
	coqueue_t *q = queue_with(2, 2);
	struct crew *put = crew_block(q, &ops[OP_PUT], 2);
	struct crew *join = crew_block(q, &ops[OP_JOIN], 2);

	ck_ok(coqueue_interrupt(q));
	crew_expect(put, EINTR);
	crew_expect(join, EINTR);
	take_in_order(q, 0, 2);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(E46_joiners_of_a_draining_queue_are_interrupted_too)
{
	coqueue_t *q = queue_with(2, 1);
	struct crew *join;

	ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
	join = crew_block(q, &ops[OP_JOIN], 2);
	ck_ok(coqueue_interrupt(q));
	crew_expect(join, EINTR);
	ck_assert_uint_eq(coqueue_unfinished(q), 1);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(E47_an_interrupt_before_the_wait_is_not_remembered)
{
	for_each_blocking_op(op) {
		coqueue_t *q = queue_that_blocks(op);
		struct timespec soon = from_now(5 * MS);
		struct crew *crew;
		long item;

		ck_ok(coqueue_interrupt(q));
		if (op->form == UNTIL)
			ck_code(op_call(op, q, &item, &soon), ETIMEDOUT);
		crew = crew_block(q, op, 2);
		ck_assert_uint_eq(crew_finished(crew), 0);
		ck_ok(coqueue_interrupt(q));
		crew_expect(crew, EINTR);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(E47_who_blocks_after_an_interrupt_stays_while_others_leave)
{
	for_each_blocking_op(op) {
		coqueue_t *q = queue_that_blocks(op);
		struct crew *before = crew_block(q, op, 2), *after;

		ck_ok(coqueue_interrupt(q));
		after = crew_call(q, op, 2, NULL);
		crew_expect(before, EINTR);
		await_waiting(q, op->line, 2);
		ck_assert_uint_eq(crew_finished(after), 0);
		ck_ok(coqueue_interrupt(q));
		crew_expect(after, EINTR);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(non_blocking_calls_never_return_EINTR)
{
	for_each_op(op) {
		coqueue_t *q = queue_that_blocks(op);
		long item;

		ck_ok(coqueue_interrupt(q));
		if (op->form != PLAIN)
			ck_code(op_call(op, q, &item, COQUEUE_NOWAIT), EAGAIN);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/*
 * G10: a getter that is interrupted after it was chosen for the item passes
 * the wake-up on to one that came after the interrupt.  No shutdown here.
 */
START_TEST(E46_E67_an_interrupted_getter_passes_the_item_on)
{
	for (unsigned round = 0; round < scaled(300); round++) {
		coqueue_t *q = queue_with(2, 0);
		struct crew *first = crew_block(q, &ops[OP_GET], 2), *second;
		size_t owed;

		ck_ok(coqueue_interrupt(q));
		second = crew_call(q, &ops[OP_GET], 1, NULL);
		ck_ok(coqueue_put(q, &(long){round}));
		crew_join(first);
		owed = crew_count(first, 0);
		ck_assert_uint_eq(crew_count(first, EINTR), 2 - owed);
		ck_assert_uint_le(owed, 1);
		crew_free(first);
		if (owed)
			ck_ok(coqueue_put(q, &(long){round}));
		crew_expect(second, 0);
		ck_assert_uint_eq(coqueue_size(q), 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* G10, for room. */
START_TEST(E46_E68_an_interrupted_putter_passes_the_room_on)
{
	for (unsigned round = 0; round < scaled(300); round++) {
		coqueue_t *q = queue_with(1, 1);
		struct crew *first = crew_block(q, &ops[OP_PUT], 2), *second;
		size_t stored;
		long item;

		ck_ok(coqueue_interrupt(q));
		second = crew_call(q, &ops[OP_PUT], 1, NULL);
		ck_ok(coqueue_get(q, &item));
		crew_join(first);
		stored = crew_count(first, 0);
		ck_assert_uint_eq(crew_count(first, EINTR), 2 - stored);
		ck_assert_uint_le(stored, 1);
		crew_free(first);
		if (stored)
			ck_ok(coqueue_get(q, &item));
		crew_expect(second, 0);
		ck_assert_uint_eq(coqueue_size(q), 1);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

static int interrupt_often(struct hand *me)
{
	_Atomic bool *stop = me->arg;

	while (!atomic_load(stop)) {
		if (coqueue_interrupt(me->q) != 0)
			return complain(me, "interrupt failed");
		hand_yield();
	}
	return 0;
}

static int put_stubbornly(struct hand *me)
{
	int code;

	for (me->item = 0; me->item < (long)scaled(3000); me->item++)
		while ((code = coqueue_put(me->q, &me->item)) != 0)
			if (code != EINTR)
				return complain(me, "%s", code_name(code));
	return 0;
}

static int get_stubbornly(struct hand *me)
{
	long item;
	int code;

	while ((code = coqueue_get(me->q, &item)) != ESHUTDOWN)
		if (code == 0)
			me->item++;
		else if (code != EINTR)
			return complain(me, "%s", code_name(code));
	return 0;
}

/* G4 */
START_TEST(E46_interrupts_neither_lose_nor_double_items)
{
	_Atomic bool stop = false;
	coqueue_t *q = queue_with(2, 0);
	struct crew *interrupter = crew_start(1, interrupt_often, q, &stop);
	struct crew *put = crew_start(2, put_stubbornly, q, NULL);
	struct crew *get = crew_start(2, get_stubbornly, q, NULL);

	crew_expect(put, 0);
	ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
	crew_join(get);
	ck_assert_int_eq(get->hands[0].item + get->hands[1].item,
			 2 * scaled(3000));
	crew_expect(get, 0);
	atomic_store(&stop, true);
	crew_expect(interrupter, 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

int main(void)
{
	return suite_run(
		"interrupt",
		TESTS(E46_all_blocked_callers_get_EINTR_and_the_queue_works_on,
		      E46_callers_with_a_deadline_get_EINTR_before_it,
		      E46_interrupt_reaches_getters_peekers_and_joiners_at_once,
		      E46_interrupt_reaches_putters_and_joiners_at_once,
		      E46_joiners_of_a_draining_queue_are_interrupted_too,
		      E47_an_interrupt_before_the_wait_is_not_remembered,
		      E47_who_blocks_after_an_interrupt_stays_while_others_leave,
		      non_blocking_calls_never_return_EINTR,
		      E46_E67_an_interrupted_getter_passes_the_item_on,
		      E46_E68_an_interrupted_putter_passes_the_room_on,
		      E46_interrupts_neither_lose_nor_double_items));
}
