/* SPDX-License-Identifier: MIT */
/*
 * Waiting: who is served, deadlines, cancellation, wake-ups that are not
 * meant, and that whoever gives up passes a wake-up on.
 */
#include <signal.h>
#include "crew.h"

static const struct op *const get = &ops[OP_GET], *const put = &ops[OP_PUT];

/* ---- who is served ------------------------------------------------------ */

START_TEST(every_form_of_waiting_is_served)
{
	for_each_blocking_op(op) {
		coqueue_t *q = queue_that_blocks(op);
		struct crew *crew = crew_block(q, op, 1);

		serve_one(q, op->line);
		crew_join(crew);
		if (op->line == GETTERS)
			ck_assert_int_eq(crew->hands[0].item, 7);
		crew_expect(crew, 0);
		if (op->line == PUTTERS) {
			take_in_order(q, 1, 1);
			take_in_order(q, 0, 1);
		}
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* G12 */
START_TEST(E79_a_waiter_is_not_starved_by_those_who_barge_in)
{
	coqueue_t *q = queue_with(1, 0);
	struct crew *waiter = crew_block(q, get, 1);
	struct timespec limit = from_now(limit_ns());
	long item;

	while (!crew_finished(waiter)) {
		ck_ok(coqueue_put(q, &(long){1}));
		coqueue_try_get(q, &item);
		ck_assert_msg(!is_past(&limit), "starved");
	}
	crew_expect(waiter, 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* ---- deadlines ---------------------------------------------------------- */

/* E87: a clock other than the monotonic one would be far off. */
START_TEST(E87_a_wait_ends_at_its_deadline_and_leaves_no_trace)
{
	for_each_blocking_op(op)
		if (op->form == UNTIL) {
			coqueue_t *q = queue_that_blocks(op);
			size_t size = coqueue_size(q);
			struct timespec soon = from_now(15 * MS);
			struct crew *crew = crew_call(q, op, 3, &soon);

			crew_expect(crew, ETIMEDOUT);
			ck_assert_msg(is_past(&soon), "%s: early", op->name);
			ck_assert_uint_eq(waiting_in(q, op->line), 0);
			ck_assert_uint_eq(coqueue_size(q), size);
			check_usable(q);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

/* G13 */
START_TEST(E86_a_huge_deadline_means_for_ever)
{
	struct timespec huge = {0, 999999999};

	_Static_assert(sizeof(huge.tv_sec) == 8, "or another maximum");
	for (int64_t sec = INT64_MAX; sec > 1LL << 33; sec /= 16)
		for_each_blocking_op(op)
			if (op->form == UNTIL) {
				coqueue_t *q = queue_that_blocks(op);
				struct crew *crew;

				huge.tv_sec = sec;
				crew = crew_call(q, op, 2, &huge);
				await_waiting(q, op->line, 2);
				ck_assert_uint_eq(crew_finished(crew), 0);
				serve_one(q, op->line);
				if (!op->keeps)
					serve_one(q, op->line);
				crew_expect(crew, 0);
				ck_ok(coqueue_destroy(q));
			}
}
END_TEST

START_TEST(E86_zero_and_negative_deadlines_try_once)
{
	static const struct timespec past[] = {
		{0, 0}, {-1, 0}, {-1, 999999999}, {INT64_MIN, 0}, {0, 1}};

	for (size_t i = 0; i < sizeof(past) / sizeof(*past); i++)
		for_each_op(op)
			if (op->form == UNTIL) {
				coqueue_t *q = queue_that_blocks(op);
				long item = 0;

				ck_code(op_call(op, q, &item, &past[i]),
					ETIMEDOUT);
				serve_one(q, op->line);
				ck_ok(op_call(op, q, &item, &past[i]));
				ck_ok(coqueue_destroy(q));
			}
}
END_TEST

/* ---- cancellation ------------------------------------------------------- */

/* G14 */
START_TEST(E84_a_cancelled_call_has_no_effect_and_the_queue_stays_usable)
{
	struct timespec far = from_now(2 * limit_ns());

	FOR_THREADS_ALONE();
	for (int timed = 0; timed <= 1; timed++)
		for_each_blocking_op(op) {
			coqueue_t *q = queue_that_blocks(op);
			size_t size = coqueue_size(q);
			struct crew *crew =
				crew_call(q, op, 3, timed ? &far : NULL);

			await_waiting(q, op->line, 3);
			crew_cancel(crew);
			crew_expect(crew, WAS_CANCELLED);
			ck_assert_uint_eq(waiting_in(q, op->line), 0);
			ck_assert_uint_eq(coqueue_size(q), size);
			ck_assert_uint_eq(coqueue_unfinished(q), size);
			check_usable(q);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

/* G14, G3: shutdown reaches those around a cancelled one. */
START_TEST(E84_E71_a_cancelled_waiter_leaves_no_gap_in_the_line)
{
	FOR_THREADS_ALONE();
	for_each_mode(mode)
		for_each_blocking_op(op) {
			coqueue_t *q = queue_that_blocks(op);
			struct crew *crew = crew_block(q, op, 4);

			pthread_cancel(crew->hands[1].thread);
			await_waiting(q, op->line, 3);
			ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)mode));
			if (op->line == JOINERS && mode == COQUEUE_GRACEFUL)
				ck_ok(coqueue_task_done(q, 1));
			crew_join(crew);
			ck_assert_int_eq(crew->hands[1].result, WAS_CANCELLED);
			ck_assert_uint_eq(crew_count(crew, op->line == JOINERS
								   ? 0
								   : ESHUTDOWN),
					  3);
			crew_free(crew);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

static void use_the_queue(void *arg)
{
	struct hand *me = arg;

	/* No lock may be held where the caller's handlers run. */
	me->done = coqueue_size(me->q) + 100;
	coqueue_interrupt(me->q);
	coqueue_task_done(me->q, 0);
}

static int call_with_handler(struct hand *me)
{
	int code;

	pthread_cleanup_push(use_the_queue, me);
	code = op_call(me->op, me->q, &me->item, NULL);
	pthread_cleanup_pop(0);
	return code;
}

/* G14 */
START_TEST(E84_cleanup_handlers_of_a_cancelled_caller_may_use_the_queue)
{
	FOR_THREADS_ALONE();
	for_each_blocking_op(op) {
		coqueue_t *q = queue_that_blocks(op);
		size_t size = coqueue_size(q);
		struct crew *crew = crew_work(1, call_with_handler, q, op);

		await_waiting(q, op->line, 1);
		crew_cancel(crew);
		crew_join(crew);
		ck_assert_uint_eq(crew->hands[0].done, 100 + size);
		crew_expect(crew, WAS_CANCELLED);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

static int call_uncancellable(struct hand *me)
{
	int code, state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	code = op_call(me->op, me->q, &me->item, NULL);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	if (state != PTHREAD_CANCEL_DISABLE)
		return complain(me, "the call enabled cancellation");
	return code;
}

/* G14: who disabled cancellation waits on. */
START_TEST(E84_a_caller_that_cannot_be_cancelled_is_served)
{
	FOR_THREADS_ALONE();
	for_each_blocking_op(op) {
		coqueue_t *q = queue_that_blocks(op);
		struct crew *crew = crew_work(2, call_uncancellable, q, op);

		await_waiting(q, op->line, 2);
		crew_cancel(crew);
		serve_one(q, op->line);
		if (!op->keeps)
			serve_one(q, op->line);
		crew_expect(crew, 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

static void call_everything(struct hand *me)
{
	coqueue_stats_t stats = {.size = sizeof(stats)};
	coqueue_t *q = me->q, *other = NULL;

	for_each_op(op)
		if (op->form != PLAIN) {
			op_call(op, q, &me->item, COQUEUE_NOWAIT);
			me->done++;
		}
	coqueue_create(&other, 3, NULL);
	coqueue_task_done(q, 1);
	coqueue_interrupt(other);
	coqueue_stats(q, &stats);
	coqueue_state(q);
	coqueue_size(q);
	coqueue_unfinished(q);
	coqueue_capacity(q);
	coqueue_deadline(&(struct timespec){0}, 0);
	coqueue_shutdown(q, COQUEUE_GRACEFUL);
	me->done++;
	coqueue_shutdown(q, COQUEUE_IMMEDIATE);
	me->done++;
	coqueue_destroy(other);
	coqueue_destroy(q); /* waits for the joiners to leave */
	me->done++;
}

static int call_with_cancel_pending(struct hand *me)
{
	pthread_cancel(pthread_self());
	call_everything(me);
	pthread_testcancel();
	return complain(me, "no cancellation was pending");
}

/* G14 */
START_TEST(E84_non_blocking_calls_are_no_cancellation_points)
{
	struct crew *joiners, *crew;
	size_t calls = 3;
	coqueue_t *q;

	FOR_THREADS_ALONE();
	q = queue_with(2, 1);
	take_in_order(q, 0, 1);
	joiners = crew_block(q, &ops[OP_JOIN], 2);
	ck_ok(coqueue_put(q, &(long){1}));
	for_each_op(op)
		calls += op->form != PLAIN;
	crew = crew_start(1, call_with_cancel_pending, q, NULL);
	crew_join(crew);
	ck_assert_uint_eq(crew->hands[0].done, calls);
	crew_expect(crew, WAS_CANCELLED);
	crew_expect(joiners, EINTR);
}
END_TEST

static int call_once_with_cancel_pending(struct hand *me)
{
	pthread_cancel(pthread_self());
	return op_call(me->op, me->q, &me->item, NULL);
}

/* G14: it is cancelled without effect or has its effect, never both. */
START_TEST(E84_a_call_that_need_not_wait_is_cancelled_or_done)
{
	FOR_THREADS_ALONE();
	for_each_blocking_op(op) {
		coqueue_t *q = queue_with(3, op->line == JOINERS ? 0 : 1);
		size_t before = coqueue_size(q), after;
		struct crew *crew =
			crew_work(1, call_once_with_cancel_pending, q, op);
		int code;

		crew_join(crew);
		code = crew->hands[0].result;
		after = coqueue_size(q);
		if (code == WAS_CANCELLED || op->keeps)
			ck_assert_uint_eq(after, before);
		else if (op->line == PUTTERS)
			ck_assert_uint_eq(after, before + 1);
		else
			ck_assert_uint_eq(after, before - 1);
		if (code != WAS_CANCELLED)
			ck_ok(code);
		crew_free(crew);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* ---- giving up just when one's turn has come ---------------------------- */

enum how { BY_CANCEL, BY_DEADLINE };

/* PLAIN, TRY and UNTIL stand in this order in ops[]. */
static const struct op *until_form(const struct op *op)
{
	return op + (OP_PUT_UNTIL - OP_PUT);
}

static void give_up(struct crew *quitter, enum how how,
		    const struct timespec *deadline)
{
	if (how == BY_CANCEL)
		crew_cancel(quitter);
	else
		await(is_past(deadline));
}

/* A cancelled or timed out thread is awake some 50 us later. */
static void spend_up_to_100_us(uint64_t *random)
{
	struct timespec end = from_now(random_below(random, 100000));

	while (!is_past(&end))
		;
}

/*
 * Two wait, and the first in line gives up while one item, or room, comes.
 * Either it took it or the second must get it; no shutdown helps (G10).
 */
static void serve_one_of_two(const struct kind *kind, const struct op *first,
			     const struct op *second, enum how how,
			     uint64_t *random)
{
	coqueue_t *q = kind_that_blocks(kind, first);
	struct timespec deadline =
		from_now(how == BY_DEADLINE ? MS / 2 : limit_ns());
	struct crew *quitter = crew_call(q, until_form(first), 1, &deadline);
	struct crew *patient;
	bool gives_up_first = random_below(random, 2);
	int result;

	await(waiting_in(q, first->line) == 1 || crew_finished(quitter));
	patient = crew_call(q, second, 1, NULL);
	await(waiting_in(q, first->line) == 2 || crew_finished(quitter));
	if (gives_up_first) {
		give_up(quitter, how, &deadline);
		spend_up_to_100_us(random);
	}
	serve_one(q, first->line);
	if (!gives_up_first)
		give_up(quitter, how, &deadline);
	crew_join(quitter);
	result = quitter->hands[0].result;
	if (result == 0 && !first->keeps)
		serve_one(q, first->line);
	else if (result != 0)
		ck_code(result, how == BY_CANCEL ? WAS_CANCELLED : ETIMEDOUT);
	crew_free(quitter);
	crew_expect(patient, 0);
	await_waiting(q, first->line, 0);
	ck_ok(coqueue_destroy(q));
}

static void give_up_often(const struct op *first, const struct op *second,
			  enum how how)
{
	uint64_t random = suite_seed();

	for_each_kind(kind) {
		if (!kind_can_block(kind, first) ||
		    !kind_can_serve(kind, first))
			continue;
		for (unsigned round = 0; round < scaled(80); round++)
			serve_one_of_two(kind, first, second, how, &random);
	}
}

/* G10 */
START_TEST(E67_a_cancelled_getter_passes_the_item_on)
{
	FOR_THREADS_ALONE();
	give_up_often(get, get, BY_CANCEL);
}
END_TEST

/* G10 */
START_TEST(E68_a_cancelled_putter_passes_the_room_on)
{
	FOR_THREADS_ALONE();
	give_up_often(put, put, BY_CANCEL);
}
END_TEST

/* G10 */
START_TEST(E59_E67_a_cancelled_peeker_passes_the_item_on)
{
	FOR_THREADS_ALONE();
	give_up_often(&ops[OP_PEEK], get, BY_CANCEL);
}
END_TEST

/* G10 */
START_TEST(E08_a_getter_that_times_out_passes_the_item_on)
{
	give_up_often(get, get, BY_DEADLINE);
}
END_TEST

/* G10 */
START_TEST(E08_a_putter_that_times_out_passes_the_room_on)
{
	give_up_often(put, put, BY_DEADLINE);
}
END_TEST

/* G10 */
START_TEST(E08_E59_a_peeker_that_times_out_passes_the_item_on)
{
	give_up_often(&ops[OP_PEEK], get, BY_DEADLINE);
}
END_TEST

/* Never a hang, and the result is one of the two. */
START_TEST(E07_shutdown_and_deadline_coincide)
{
	for (unsigned round = 0; round < scaled(60); round++)
		for_each_blocking_op(op)
			if (op->form == UNTIL && op->line != JOINERS) {
				coqueue_t *q = queue_that_blocks(op);
				struct timespec soon = from_now(MS / 4);
				struct crew *crew = crew_call(q, op, 2, &soon);
				unsigned n;

				await(is_past(&soon));
				ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
				crew_join(crew);
				n = crew_count(crew, ETIMEDOUT) +
				    crew_count(crew, ESHUTDOWN);
				ck_assert_uint_eq(n, 2);
				crew_free(crew);
				ck_ok(coqueue_destroy(q));
			}
}
END_TEST

/* ---- wake-ups that are not meant ---------------------------------------- */

static void send_one_each(struct crew *crew)
{
	for (unsigned i = 0; i < crew->n; i++)
		pthread_kill(crew->hands[i].thread, SIGUSR1);
	sched_yield();
}

static bool sent(struct crew *crew, unsigned total)
{
	send_one_each(crew);
	return signals_counted() >= total;
}

/* G14 */
START_TEST(E88_signals_end_no_wait)
{
	unsigned before = signals_counted(), total = before;

	FOR_THREADS_ALONE();
	for (int restart = 0; restart <= 1; restart++)
		for_each_blocking_op(op) {
			coqueue_t *q = queue_that_blocks(op);
			struct crew *crew = crew_block(q, op, 3);

			count_signals(restart ? SA_RESTART : 0);
			total += scaled(250);
			await(sent(crew, total) || crew_finished(crew) > 0);
			ck_assert_uint_eq(crew_finished(crew), 0);
			await_waiting(q, op->line, 3);
			for (int i = 0; i < (op->keeps ? 1 : 3); i++)
				serve_one(q, op->line);
			crew_expect(crew, 0);
			ck_ok(coqueue_destroy(q));
		}
	report_injected(total - before);
}
END_TEST

/* G14 */
START_TEST(E78_E88_deadlines_hold_under_signals)
{
	FOR_THREADS_ALONE();
	count_signals(0);
	for_each_blocking_op(op)
		if (op->form == UNTIL) {
			coqueue_t *q = queue_that_blocks(op);
			struct timespec soon = from_now(10 * MS);
			struct crew *crew = crew_call(q, op, 2, &soon);

			while (crew_finished(crew) == 0)
				send_one_each(crew);
			crew_expect(crew, ETIMEDOUT);
			ck_assert(is_past(&soon));
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

/* A waiter that is woken and finds nothing keeps its deadline. */
START_TEST(E78_a_getter_whose_items_are_stolen_keeps_its_deadline)
{
	for (unsigned round = 0; round < scaled(20); round++) {
		coqueue_t *q = queue_with(1, 0);
		struct timespec soon = from_now(4 * MS);
		struct crew *crew = crew_call(q, &ops[OP_GET_UNTIL], 2, &soon);
		long item;
		int code;

		while (!is_past(&soon)) {
			coqueue_try_put(q, &(long){1});
			coqueue_try_get(q, &item);
		}
		crew_join(crew);
		for (unsigned i = 0; i < crew->n; i++) {
			code = crew->hands[i].result;
			ck_assert_msg(code == 0 || code == ETIMEDOUT, "%s",
				      code_name(code));
		}
		crew_free(crew);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

int main(void)
{
	return suite_run(
		"wait",
		TESTS(every_form_of_waiting_is_served,
		      E79_a_waiter_is_not_starved_by_those_who_barge_in,
		      E87_a_wait_ends_at_its_deadline_and_leaves_no_trace,
		      E86_a_huge_deadline_means_for_ever,
		      E86_zero_and_negative_deadlines_try_once,
		      E84_a_cancelled_call_has_no_effect_and_the_queue_stays_usable,
		      E84_E71_a_cancelled_waiter_leaves_no_gap_in_the_line,
		      E84_cleanup_handlers_of_a_cancelled_caller_may_use_the_queue,
		      E84_a_caller_that_cannot_be_cancelled_is_served,
		      E84_non_blocking_calls_are_no_cancellation_points,
		      E84_a_call_that_need_not_wait_is_cancelled_or_done,
		      E67_a_cancelled_getter_passes_the_item_on,
		      E68_a_cancelled_putter_passes_the_room_on,
		      E59_E67_a_cancelled_peeker_passes_the_item_on,
		      E08_a_getter_that_times_out_passes_the_item_on,
		      E08_a_putter_that_times_out_passes_the_room_on,
		      E08_E59_a_peeker_that_times_out_passes_the_item_on,
		      E07_shutdown_and_deadline_coincide,
		      E88_signals_end_no_wait,
		      E78_E88_deadlines_hold_under_signals,
		      E78_a_getter_whose_items_are_stolen_keeps_its_deadline));
}
