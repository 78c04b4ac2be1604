/* SPDX-License-Identifier: MIT */
/*
 * Shutdown in both modes and every state.  What it discards is in
 * check_discard.c, joins are in check_task.c, destroy in check_destroy.c.
 */
#include "crew.h"

static void shut_down(coqueue_t *q, int mode)
{
	ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)mode));
}

/* ---- everyone leaves ---------------------------------------------------- */

/* Block n callers in each way, shut down, and have them all leave. */
static void shut_down_with_blocked(enum line line, int mode, unsigned n)
{
	for_each_blocking_op(op) {
		coqueue_t *q;
		struct crew *crew;
		coqueue_stats_t stats;

		if (op->line != line)
			continue;
		q = queue_that_blocks(op);
		crew = crew_block(q, op, n);
		shut_down(q, mode);
		crew_expect(crew, ESHUTDOWN);
		stats = stats_of(q);
		ck_assert_uint_eq(stats.putters_waiting, 0);
		ck_assert_uint_eq(stats.getters_waiting, 0);
		/* No item of a refused put is in the queue (G4). */
		if (mode == COQUEUE_GRACEFUL && line == PUTTERS)
			take_in_order(q, 0, 2);
		ck_assert_uint_eq(coqueue_size(q), 0);
		ck_ok(coqueue_destroy(q));
	}
}

/* G3 */
START_TEST(E01_blocked_getters_all_get_ESHUTDOWN_graceful)
{
	shut_down_with_blocked(GETTERS, COQUEUE_GRACEFUL, 3);
}
END_TEST

/* G3 */
START_TEST(E02_blocked_getters_all_get_ESHUTDOWN_immediate)
{
	shut_down_with_blocked(GETTERS, COQUEUE_IMMEDIATE, 3);
}
END_TEST

/* G3 */
START_TEST(E12_blocked_putters_all_get_ESHUTDOWN_graceful)
{
	shut_down_with_blocked(PUTTERS, COQUEUE_GRACEFUL, 3);
}
END_TEST

/* G3 */
START_TEST(E13_blocked_putters_all_get_ESHUTDOWN_immediate)
{
	shut_down_with_blocked(PUTTERS, COQUEUE_IMMEDIATE, 3);
}
END_TEST

/* G3 */
START_TEST(E01_E12_forty_blocked_all_get_ESHUTDOWN)
{
	for_each_mode(mode) {
		shut_down_with_blocked(GETTERS, mode, 40);
		shut_down_with_blocked(PUTTERS, mode, 40);
	}
}
END_TEST

/* G3: all forms of waiting at once, joiners too. */
START_TEST(E01_E57_getters_peekers_and_joiners_leave_together)
{
	for_each_mode(mode) {
		coqueue_t *q = queue_with(2, 1);
		struct crew *get, *peek, *join;

		take_in_order(q, 0, 1); /* fetched and not done */
		get = crew_block(q, &ops[OP_GET], 2);
		peek = crew_block(q, &ops[OP_PEEK], 2);
		join = crew_block(q, &ops[OP_JOIN], 2);
		shut_down(q, mode);
		crew_expect(get, ESHUTDOWN);
		crew_expect(peek, ESHUTDOWN);
		await_waiting(q, JOINERS, 2);
		ck_assert_uint_eq(crew_finished(join), 0);
		ck_ok(coqueue_task_done(q, 1));
		crew_expect(join, 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* G3 */
START_TEST(E12_E22_putters_and_joiners_leave_together)
{
	coqueue_t *q = queue_with(2, 2);
	struct crew *put = crew_block(q, &ops[OP_PUT], 2);
	struct crew *join = crew_block(q, &ops[OP_JOIN], 2);

	shut_down(q, COQUEUE_IMMEDIATE);
	crew_expect(put, ESHUTDOWN);
	crew_expect(join, 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/*
 * n callers of each form that waits, at two queues: joiners of one wait for its
 * items, joiners of the other for an item that has been taken.
 */
static void shut_down_a_crowd(int mode, unsigned n)
{
	coqueue_t *full = queue_with(2, 2), *empty = queue_with(2, 1);
	struct crew *crews[N_OPS];

	take_in_order(empty, 0, 1);
	for_each_blocking_op(op)
		crews[op - ops] = crew_block(
			op->line == PUTTERS || op == &ops[OP_JOIN] ? full
								   : empty,
			op, n);
	shut_down(full, mode);
	shut_down(empty, mode);
	for_each_blocking_op(op)
		if (op->line != JOINERS)
			crew_expect(crews[op - ops], ESHUTDOWN);
	await_waiting(empty, JOINERS, n);
	ck_assert_uint_eq(crew_finished(crews[OP_JOIN_UNTIL]), 0);
	ck_ok(coqueue_task_done(empty, 1));
	crew_expect(crews[OP_JOIN_UNTIL], 0);
	if (mode == COQUEUE_GRACEFUL) {
		await_waiting(full, JOINERS, n);
		ck_assert_uint_eq(crew_finished(crews[OP_JOIN]), 0);
		take_in_order(full, 0, 2);
		ck_ok(coqueue_task_done(full, 2));
	}
	crew_expect(crews[OP_JOIN], 0);
	ck_ok(coqueue_destroy(full));
	ck_ok(coqueue_destroy(empty));
}

/* G3 */
START_TEST(E01_E12_E22_a_crowd_of_every_kind_leaves)
{
	enum { WAYS_TO_WAIT = 10, MOST = 1000 / WAYS_TO_WAIT };
	unsigned n = scaled(10) < MOST ? scaled(10) : MOST;

	for_each_mode(mode)
		shut_down_a_crowd(mode, n);
	report_injected(2 * WAYS_TO_WAIT * n);
}
END_TEST

/* ---- woken, and then a shutdown ----------------------------------------- */

/* G4, G5: k items for more than k parked getters, then shutdown at once. */
START_TEST(E03_E09_parked_getters_get_what_was_put_before_a_graceful_shutdown)
{
	enum { GET = 4 };

	for (unsigned round = 0; round < scaled(200); round++) {
		long items = 1 + round % (GET - 1);
		coqueue_t *q = queue_with(GET, 0);
		struct crew *crew = crew_block(q, &ops[OP_GET], GET);

		for (long item = 0; item < items; item++)
			ck_ok(coqueue_put(q, &item));
		shut_down(q, COQUEUE_GRACEFUL);
		crew_join(crew);
		ck_assert_msg(crew_count(crew, 0) == items &&
				      crew_count(crew, ESHUTDOWN) ==
					      (unsigned)(GET - items),
			      "%ld items: %s", items, crew_report(crew));
		crew_free(crew);
		ck_assert_uint_eq(coqueue_size(q), 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* G4: the same with an immediate one; an item is got or discarded. */
START_TEST(E03_parked_getters_and_an_immediate_shutdown_share_the_items)
{
	for (unsigned round = 0; round < scaled(200); round++) {
		coqueue_t *q = queue_with(4, 0);
		struct crew *crew = crew_block(q, &ops[OP_GET], 3);
		coqueue_stats_t stats;

		for (long item = 0; item < 2; item++)
			ck_ok(coqueue_put(q, &item));
		shut_down(q, COQUEUE_IMMEDIATE);
		crew_join(crew);
		stats = stats_of(q);
		ck_assert_uint_eq(crew_count(crew, 0), stats.gets);
		ck_assert_uint_eq(stats.gets + stats.discarded, 2);
		ck_assert_uint_eq(crew_count(crew, ESHUTDOWN), 3 - stats.gets);
		crew_free(crew);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(E10_getters_that_start_after_an_immediate_shutdown_get_nothing)
{
	coqueue_t *q = queue_with(2, 2);

	shut_down(q, COQUEUE_IMMEDIATE);
	crew_expect(crew_call(q, &ops[OP_GET], 2, NULL), ESHUTDOWN);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* G4 */
START_TEST(E14_a_parked_putter_that_is_shut_down_has_stored_or_not)
{
	for (unsigned round = 0; round < scaled(200); round++) {
		coqueue_t *q = queue_with(2, 2);
		struct crew *crew = crew_block(q, &ops[OP_PUT], 2);
		unsigned stored, left = 0;
		long item;

		take_in_order(q, 0, 1);
		shut_down(q, COQUEUE_GRACEFUL);
		while (coqueue_get(q, &item) == 0)
			left++;
		crew_join(crew);
		stored = crew_count(crew, 0);
		ck_assert_uint_le(stored, 1);
		ck_assert_uint_eq(crew_count(crew, ESHUTDOWN), 2 - stored);
		ck_assert_uint_eq(left, 1 + stored);
		crew_free(crew);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* ---- racing with a shutdown --------------------------------------------- */

enum { RACERS = 2, STOCK = 3 };

struct race {
	enum coqueue_shutdown mode;
	_Atomic bool refused; /* some call was refused: no later put succeeds */
	_Atomic bool returned; /* so has coqueue_shutdown() */
	_Atomic size_t accepted, received;
};

static int race_put(struct hand *me)
{
	struct race *race = me->arg;
	long item = me->index;

	for (;;) {
		bool refused = atomic_load(&race->refused);
		bool returned = atomic_load(&race->returned);
		int code = coqueue_put(me->q, &item);

		if (code != 0) {
			atomic_store(&race->refused, true);
			return code;
		}
		atomic_fetch_add(&race->accepted, 1);
		if (refused || returned)
			return complain(me, "a put succeeded after %s",
					refused ? "a refusal" : "shutdown");
	}
}

static int race_get(struct hand *me)
{
	struct race *race = me->arg;
	long item;
	int code;

	while ((code = coqueue_get(me->q, &item)) == 0)
		atomic_fetch_add(&race->received, 1);
	atomic_store(&race->refused, true);
	return code;
}

/* G1, G2, G4, G5 for one shutdown in the middle of puts and gets. */
static void race_once(unsigned getters, enum coqueue_shutdown mode,
		      unsigned yields)
{
	struct race race = {.mode = mode};
	coqueue_t *q = queue_with(STOCK, 0);
	struct crew *put = crew_start(RACERS, race_put, q, &race), *get = NULL;
	size_t size, discarded;
	long item;

	if (getters)
		get = crew_start(getters, race_get, q, &race);
	while (yields--)
		sched_yield();
	ck_ok(coqueue_shutdown(q, mode));
	atomic_store(&race.returned, true);
	size = coqueue_size(q);
	if (mode == COQUEUE_IMMEDIATE)
		ck_assert_uint_eq(size, 0);
	if (!getters) { /* nothing came or went since */
		crew_join(put);
		ck_assert_uint_eq(coqueue_size(q), size);
	}
	while (coqueue_get(q, &item) == 0)
		atomic_fetch_add(&race.received, 1);
	crew_expect(put, ESHUTDOWN);
	if (get)
		crew_expect(get, ESHUTDOWN);
	discarded = stats_of(q).discarded;
	ck_assert_uint_eq(race.accepted, race.received + discarded);
	ck_assert_uint_eq(coqueue_size(q), 0);
	ck_ok(coqueue_destroy(q));
}

/* G1, G2, G4, G5 */
START_TEST(E15_E16_E41_puts_and_gets_race_with_shutdown)
{
	uint64_t random = suite_seed();

	for (unsigned round = 0; round < scaled(300); round++)
		race_once(round % 3 ? RACERS : 0,
			  round & 1 ? COQUEUE_GRACEFUL : COQUEUE_IMMEDIATE,
			  random_below(&random, 20));
}
END_TEST

static int race_try_put(struct hand *me)
{
	struct race *race = me->arg;

	for (;;) {
		bool refused = atomic_load(&race->refused);
		int code = coqueue_try_put(me->q, &(long){0});

		if (code == ESHUTDOWN) {
			atomic_store(&race->refused, true);
			return code;
		}
		if (code == 0)
			atomic_fetch_add(&race->accepted, 1);
		hand_pause();
		if (code == 0 && refused)
			return complain(me, "a put succeeded after a refusal");
	}
}

/* G2: "drained and empty" is final, for puts that never wait as well. */
START_TEST(E15_no_put_takes_effect_after_shutdown_has_returned)
{
	for (unsigned round = 0; round < scaled(200); round++) {
		struct race race = {.mode = COQUEUE_GRACEFUL};
		coqueue_t *q = queue_with(64, 0);
		struct crew *crew = crew_start(RACERS, race_try_put, q, &race);
		size_t received = 0;
		long item;

		await(atomic_load(&race.accepted) > 0);
		for (unsigned i = 0; i < 20 + round % 100; i++)
			received += coqueue_try_get(q, &item) == 0;
		shut_down(q, COQUEUE_GRACEFUL);
		while (coqueue_try_get(q, &item) == 0)
			received++;
		ck_code(coqueue_try_get(q, &item), ESHUTDOWN);
		crew_expect(crew, ESHUTDOWN);
		ck_assert_uint_eq(coqueue_size(q), 0);
		ck_assert_uint_eq(received, race.accepted);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

static int try_get_until_refused(struct hand *me)
{
	long item;
	int code, again;

	while ((code = coqueue_try_get(me->q, &item)) == EAGAIN || code == 0)
		hand_pause();
	again = coqueue_try_get(me->q, &item);
	return again == code ? code : complain(me, "%s", code_name(again));
}

START_TEST(E11_try_get_never_says_EAGAIN_after_ESHUTDOWN)
{
	for_each_mode(mode)
		for (unsigned round = 0; round < scaled(50); round++) {
			coqueue_t *q = queue_with(STOCK, 0);
			struct crew *crew =
				crew_start(3, try_get_until_refused, q, NULL);

			for (long item = 0; item < 5; item++)
				ck_ok(coqueue_put(q, &item));
			shut_down(q, mode);
			crew_expect(crew, ESHUTDOWN);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

/* Two getters; whoever hears that nothing is left, nothing may come after. */
struct ending {
	_Atomic bool ended;
};

static int get_until_the_end(struct hand *me)
{
	struct ending *ending = me->arg;
	long item;

	for (;;) {
		bool ended = atomic_load(&ending->ended);
		int code = coqueue_get(me->q, &item);

		if (code != 0) {
			atomic_store(&ending->ended, true);
			return code;
		}
		me->done++;
		if (ended)
			return complain(me, "an item after ESHUTDOWN");
	}
}

/* G5 */
START_TEST(E16_no_getter_hears_ESHUTDOWN_while_an_accepted_item_is_left)
{
	for (unsigned round = 0; round < scaled(150); round++) {
		struct ending ending = {false};
		struct race race = {.mode = COQUEUE_GRACEFUL};
		coqueue_t *q = queue_with(2 + round % 30, 0);
		struct crew *put = crew_start(2, race_try_put, q, &race);
		struct crew *get = crew_start(2, get_until_the_end, q, &ending);

		await(atomic_load(&race.accepted) > round % 50);
		shut_down(q, COQUEUE_GRACEFUL);
		crew_join(get);
		crew_join(put);
		ck_assert_uint_eq(get->hands[0].done + get->hands[1].done,
				  race.accepted);
		crew_expect(put, ESHUTDOWN);
		crew_expect(get, ESHUTDOWN);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* ---- states ------------------------------------------------------------- */

static int shut_down_and_look(struct hand *me)
{
	struct race *race = me->arg;
	enum coqueue_shutdown mode =
		me->index % 2 ? race->mode : COQUEUE_IMMEDIATE;
	int code = coqueue_shutdown(me->q, mode);

	if (coqueue_try_put(me->q, &(long){0}) != ESHUTDOWN)
		return complain(me, "a put succeeded after my shutdown");
	if (mode == COQUEUE_IMMEDIATE && coqueue_size(me->q) != 0)
		return complain(me, "not empty after my shutdown");
	if (mode == COQUEUE_IMMEDIATE && coqueue_state(me->q) != COQUEUE_SHUT)
		return complain(me, "not shut after my shutdown");
	if (coqueue_state(me->q) == COQUEUE_OPEN)
		return complain(me, "open after my shutdown");
	return code;
}

/* G2: each of several shutdowns keeps the promise at its own return. */
static void shut_down_together(enum coqueue_shutdown other_mode)
{
	for (unsigned round = 0; round < scaled(200); round++) {
		struct race race = {.mode = other_mode};
		coqueue_t *q = queue_with(STOCK, 0);
		struct crew *put = crew_start(RACERS, race_put, q, &race);
		struct crew *get = crew_start(RACERS, race_get, q, &race);
		struct crew *shut = crew_start(3, shut_down_and_look, q, &race);

		crew_expect(shut, 0);
		crew_expect(put, ESHUTDOWN);
		crew_expect(get, ESHUTDOWN);
		ck_assert_int_eq(coqueue_state(q), COQUEUE_SHUT);
		ck_assert_uint_eq(race.accepted,
				  race.received + stats_of(q).discarded);
		ck_ok(coqueue_destroy(q));
	}
}

START_TEST(E38_several_immediate_shutdowns_each_keep_the_promise)
{
	shut_down_together(COQUEUE_IMMEDIATE);
}
END_TEST

START_TEST(E39_graceful_and_immediate_together_end_shut)
{
	shut_down_together(COQUEUE_GRACEFUL);
}
END_TEST

/* G1: states only move to the right. */
START_TEST(E35_E37_no_shutdown_goes_back)
{
	for_each_mode(first)
		for_each_mode(second) {
			coqueue_t *q = queue_with(2, 1);
			int last = first > second ? first : second;

			ck_assert_int_eq(coqueue_state(q), COQUEUE_OPEN);
			shut_down(q, first);
			ck_assert_int_eq(coqueue_state(q),
					 first ? COQUEUE_SHUT
					       : COQUEUE_DRAINING);
			shut_down(q, second);
			ck_assert_int_eq(coqueue_state(q),
					 last ? COQUEUE_SHUT
					      : COQUEUE_DRAINING);
			ck_assert_uint_eq(coqueue_size(q), !last);
			ck_code(coqueue_try_put(q, &(long){0}), ESHUTDOWN);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

START_TEST(a_drained_queue_stays_draining)
{
	coqueue_t *q = queue_with(1, 1);

	shut_down(q, COQUEUE_GRACEFUL);
	take_in_order(q, 0, 1);
	ck_assert_int_eq(coqueue_state(q), COQUEUE_DRAINING);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(E42_queries_stay_exact_after_shutdown)
{
	coqueue_t *q = queue_with(4, 3);

	shut_down(q, COQUEUE_GRACEFUL);
	ck_assert_uint_eq(coqueue_capacity(q), 4);
	for (size_t left = 3; left > 0; left--) {
		ck_assert_uint_eq(coqueue_size(q), left);
		ck_assert_uint_eq(coqueue_unfinished(q), 3);
		take_in_order(q, 3 - (long)left, 1);
	}
	ck_assert_uint_eq(coqueue_size(q), 0);
	ck_ok(coqueue_task_done(q, 3));
	ck_assert_uint_eq(coqueue_unfinished(q), 0);
	shut_down(q, COQUEUE_IMMEDIATE);
	ck_assert_uint_eq(coqueue_capacity(q), 4);
	ck_assert_uint_eq(stats_of(q).gets, 3);
	ck_ok(coqueue_destroy(q));
}
END_TEST

int main(void)
{
	return suite_run(
		"shutdown",
		TESTS(E01_blocked_getters_all_get_ESHUTDOWN_graceful,
		      E02_blocked_getters_all_get_ESHUTDOWN_immediate,
		      E12_blocked_putters_all_get_ESHUTDOWN_graceful,
		      E13_blocked_putters_all_get_ESHUTDOWN_immediate,
		      E01_E12_forty_blocked_all_get_ESHUTDOWN,
		      E01_E57_getters_peekers_and_joiners_leave_together,
		      E12_E22_putters_and_joiners_leave_together,
		      E01_E12_E22_a_crowd_of_every_kind_leaves,
		      E03_E09_parked_getters_get_what_was_put_before_a_graceful_shutdown,
		      E03_parked_getters_and_an_immediate_shutdown_share_the_items,
		      E10_getters_that_start_after_an_immediate_shutdown_get_nothing,
		      E14_a_parked_putter_that_is_shut_down_has_stored_or_not,
		      E15_E16_E41_puts_and_gets_race_with_shutdown,
		      E15_no_put_takes_effect_after_shutdown_has_returned,
		      E11_try_get_never_says_EAGAIN_after_ESHUTDOWN,
		      E16_no_getter_hears_ESHUTDOWN_while_an_accepted_item_is_left,
		      E38_several_immediate_shutdowns_each_keep_the_promise,
		      E39_graceful_and_immediate_together_end_shut,
		      E35_E37_no_shutdown_goes_back,
		      a_drained_queue_stays_draining,
		      E42_queries_stay_exact_after_shutdown));
}
