/* SPDX-License-Identifier: MIT */
/*
 * Coroutines that park where threads would block: the same calls, the same
 * results, in one line with threads.  Tests of the first suite run once for each
 * kind of queue and each sort of pool; the index that a failure names is kind *
 * N_POOLS + pool.
 *
 * On a pool of one thread a call that blocked the thread would block everybody.
 */
#include <limits.h>
#include "coro.h"
#include "nodes.h"

static const struct pool_sort {
	unsigned n_threads;
	enum coro_manner manner;
} pools[] = {
	{1, CORO_PLAIN},
	{3, CORO_PLAIN},
	{1, CORO_SPURIOUS},
	{3, CORO_SPURIOUS},
};
enum { N_POOLS = sizeof(pools) / sizeof(*pools) };

#define POOL_TEST(name)                                                        \
	static void name##_of(const struct kind *kind,                         \
			      struct coro_pool *pool);                         \
	START_TEST(name)                                                       \
	{                                                                      \
		const struct pool_sort *sort = &pools[_i % N_POOLS];           \
		struct coro_pool *pool =                                       \
			coro_pool_start(sort->n_threads, sort->manner);        \
                                                                               \
		name##_of(&kinds[_i / N_POOLS], pool);                         \
		coro_pool_end(pool);                                           \
	}                                                                      \
	END_TEST                                                               \
	static void name##_of(const struct kind *kind, struct coro_pool *pool)

/* Of the forms of waiting, those in which this kind makes anybody wait. */
#define for_each_wait(kind, op)                                                \
	for_each_op(op)                                                        \
		if (kind_can_block(kind, op))

static int code_of_shutdown(const struct op *op)
{
	return op->line == JOINERS ? 0 : ESHUTDOWN;
}

/* Nobody runs any more: all of them are parked. */
static void await_parked(struct coro_pool *pool, unsigned n)
{
	await(coro_parked(pool) == n);
}

/* ---- it parks, and is served ---------------------------------------------- */

POOL_TEST(every_form_of_waiting_parks_and_is_served_by_a_thread)
{
	for_each_wait(kind, op) {
		struct crew *crew;
		coqueue_t *q;

		if (!kind_can_serve(kind, op))
			continue;
		q = kind_that_blocks(kind, op);
		crew = coro_block(pool, q, op, 1);

		await_parked(pool, 1);
		ck_assert_uint_eq(crew_finished(crew), 0);
		serve_one(q, op->line);
		crew_join(crew);
		if (op->line == GETTERS)
			ck_assert_int_eq(crew->hands[0].item, SERVED_ITEM);
		crew_expect(crew, 0);
		ck_assert_uint_eq(waiting_in(q, op->line), 0);
		ck_ok(coqueue_destroy(q));
	}
}

static int serve_as_coro(struct hand *me)
{
	const struct op *op = me->arg;

	return serve_line(me->q, op->line);
}

POOL_TEST(every_form_of_waiting_is_served_by_a_coroutine)
{
	for_each_wait(kind, op) {
		struct crew *crew, *server;
		coqueue_t *q;

		if (!kind_can_serve(kind, op))
			continue;
		q = kind_that_blocks(kind, op);
		crew = coro_block(pool, q, op, 1);
		await_parked(pool, 1);
		server = coro_start(pool, 1, serve_as_coro, q,
				    (void *)(uintptr_t)op);
		crew_expect(server, 0);
		crew_expect(crew, 0);
		ck_ok(coqueue_destroy(q));
	}
}

/* It goes on in another thread, as it was: cancellation, too. */
static int call_and_look(struct hand *me)
{
	const struct op *op = me->arg;
	unsigned before = coro_thread();
	int code, state;

	code = op->call(me->q, &me->item, NULL);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	if (state != PTHREAD_CANCEL_ENABLE)
		return complain(me, "cancellation was left disabled");
	me->done = coro_thread() != before;
	return code;
}

POOL_TEST(a_parked_call_may_return_in_another_thread)
{
	size_t moved = 0;

	for_each_wait(kind, op) {
		struct crew *crew;
		coqueue_t *q;

		if (!kind_can_serve(kind, op))
			continue;
		q = kind_that_blocks(kind, op);
		crew = coro_start(pool, 1, call_and_look, q,
				  (void *)(uintptr_t)op);
		await_waiting(q, op->line, 1);
		await_parked(pool, 1);
		serve_one(q, op->line);
		crew_join(crew);
		moved += crew->hands[0].done;
		crew_expect(crew, 0);
		ck_ok(coqueue_destroy(q));
	}
	ck_assert((moved > 0) == coro_migrates(pool));
}

/* Nothing to wait for, or no time: no park. */
POOL_TEST(what_need_not_wait_does_not_park)
{
	struct timespec past = {0};

	for_each_op(op) {
		coqueue_t *q;

		if (op->line == PUTTERS && !kind_is_bounded(kind))
			continue;
		q = kind_that_blocks(kind, op);
		if (op->form == UNTIL)
			crew_expect(coro_call(pool, q, op, 2, &past),
				    ETIMEDOUT);
		if (op->form == UNTIL)
			crew_expect(coro_call(pool, q, op, 2, COQUEUE_NOWAIT),
				    EAGAIN);
		if (op->form == TRY)
			crew_expect(coro_call(pool, q, op, 2, NULL), EAGAIN);
		ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
		if (op->line == JOINERS && kind_is_rendezvous(kind))
			ck_ok(coqueue_task_done(q, 1));
		crew_expect(coro_call(pool, q, op, 2, NULL),
			    code_of_shutdown(op));
		ck_ok(coqueue_destroy(q));
	}
	ck_assert_uint_eq(coro_parks(pool), 0);
}

/* ---- giving up ------------------------------------------------------------ */

static int get_two(struct hand *me)
{
	long items[2];

	return coqueue_get_many(me->q, items, 2, NULL, &me->done);
}

POOL_TEST(a_parked_get_many_takes_what_comes_with_the_first)
{
	struct crew *crew;
	coqueue_t *q;
	size_t put;

	if (kind->capacity < 2)
		return;
	q = kind_with(kind, 0);
	crew = coro_start(pool, 1, get_two, q, NULL);
	await_waiting(q, GETTERS, 1);
	ck_ok(coqueue_put_many(q, (long[]){1, 2}, 2, NULL, &put));
	crew_join(crew);
	ck_assert_uint_eq(crew->hands[0].done, 2);
	crew_expect(crew, 0);
	ck_ok(coqueue_destroy(q));
}

POOL_TEST(E87_a_parked_call_ends_at_its_deadline_and_leaves_no_trace)
{
	for_each_wait(kind, op) {
		struct timespec soon = from_now(3 * MS);
		coqueue_t *q;
		struct crew *crew;

		if (op->form != UNTIL)
			continue;
		q = kind_that_blocks(kind, op);
		crew = coro_call(pool, q, op, 3, &soon);
		crew_expect(crew, ETIMEDOUT);
		ck_assert_msg(is_past(&soon), "%s: early", op->name);
		ck_assert_uint_eq(waiting_in(q, op->line), 0);
		check_usable_as(kind, q);
		ck_ok(coqueue_destroy(q));
	}
}

POOL_TEST(E46_interrupt_reaches_parked_calls)
{
	for_each_wait(kind, op) {
		coqueue_t *q = kind_that_blocks(kind, op);
		struct crew *crew = coro_block(pool, q, op, 3);
		struct crew *threads = crew_block(q, op, 2);

		ck_ok(coqueue_interrupt(q));
		crew_expect(crew, EINTR);
		crew_expect(threads, EINTR);
		ck_assert_uint_eq(waiting_in(q, op->line), 0);
		ck_ok(coqueue_destroy(q));
	}
}

/* G10: the first of two is served just at its deadline: it, or the second. */
POOL_TEST(E67_E68_who_is_at_its_deadline_passes_the_hint_on)
{
	for_each_wait(kind, op) {
		if (op->form != PLAIN || op->keeps)
			continue;
		for (unsigned round = 0; round < scaled(20); round++) {
			coqueue_t *q = kind_that_blocks(kind, op);
			struct timespec soon = from_now(MS / 2);
			const struct op *until = op + (OP_PUT_UNTIL - OP_PUT);
			struct crew *quitter =
				coro_call(pool, q, until, 1, &soon);
			struct crew *patient;
			bool served;

			await(waiting_in(q, op->line) == 1 ||
			      crew_finished(quitter));
			patient = coro_call(pool, q, op, 1, NULL);
			await(waiting_in(q, op->line) == 2 ||
			      crew_finished(quitter));
			if (round % 2)
				await(is_past(&soon));
			serve_one(q, op->line);
			crew_join(quitter);
			served = crew_count(quitter, 0) == 1;
			crew_expect(quitter, served ? 0 : ETIMEDOUT);
			if (served)
				serve_one(q, op->line);
			crew_expect(patient, 0);
			ck_ok(coqueue_destroy(q));
		}
	}
}

/* ---- shutdown ------------------------------------------------------------- */

/* The most of those who get: the stacks take their time. */
static unsigned many(const struct op *op)
{
	return op->line == GETTERS && !op->keeps && !UNDER_ASAN && !UNDER_TSAN
		       ? 1000
		       : 100;
}

POOL_TEST(G3_a_shutdown_resumes_a_thousand_parked_coroutines)
{
	static const int plain[] = {OP_PUT, OP_GET, OP_PEEK, OP_JOIN};

	for_each_mode(mode)
		for (size_t i = 0; i < 4; i++) {
			const struct op *op = &ops[plain[i]];
			struct crew *crew;
			coqueue_t *q;

			if (!kind_can_block(kind, op))
				continue;
			q = kind_that_blocks(kind, op);
			crew = coro_block(pool, q, op, many(op));
			ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)mode));
			if (op->line == JOINERS && coqueue_unfinished(q) > 0)
				ck_ok(coqueue_task_done(q, 1));
			crew_expect(crew, code_of_shutdown(op));
			ck_assert_uint_eq(waiting_in(q, op->line), 0);
			ck_ok(coqueue_destroy(q));
		}
}

POOL_TEST(G5_a_graceful_shutdown_ends_no_get_that_can_be_served)
{
	enum { GET = 5 };

	for (unsigned round = 0; round < scaled(10); round++) {
		unsigned items = 1 + round % (GET - 1);
		coqueue_t *q = kind_with(kind, 0);
		struct crew *crew = coro_block(pool, q, &ops[OP_GET], GET);

		for (long item = 0; item < (long)items; item++)
			ck_ok(coqueue_put(q, &item));
		ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
		crew_join(crew);
		ck_assert_msg(crew_count(crew, 0) == items &&
				      crew_count(crew, ESHUTDOWN) ==
					      GET - items,
			      "%u items: %s", items, crew_report(crew));
		crew_free(crew);
		ck_ok(coqueue_destroy(q));
	}
}

POOL_TEST(E80_destroy_lets_parked_callers_leave_first)
{
	for_each_wait(kind, op) {
		coqueue_t *q = kind_that_blocks(kind, op);
		struct crew *crew;
		long item;

		if (op->line == JOINERS)
			coqueue_try_get(q, &item);
		crew = coro_block(pool, q, op, 3);
		ck_ok(coqueue_destroy(q));
		crew_expect(crew, op->line == JOINERS ? EINTR : ESHUTDOWN);
	}
}

/* ---- threads and coroutines in one line ----------------------------------- */

POOL_TEST(G12_E75_threads_and_coroutines_are_served_in_one_order)
{
	enum { EACH = 3 };

	for_each_wait(kind, op) {
		struct crew *threads[EACH], *coros[EACH];
		coqueue_t *q;

		if (op->keeps || op->form != PLAIN)
			continue;
		q = kind_that_blocks(kind, op);
		for (int i = 0; i < EACH; i++) {
			coros[i] = coro_block(pool, q, op, 1);
			threads[i] = crew_block(q, op, 1);
		}
		for (int i = 0; i < EACH; i++) {
			serve_one(q, op->line);
			crew_expect(coros[i], 0);
			ck_assert_uint_eq(crew_finished(threads[i]), 0);
			serve_one(q, op->line);
			crew_expect(threads[i], 0);
			if (i + 1 < EACH)
				ck_assert_uint_eq(crew_finished(coros[i + 1]),
						  0);
		}
		ck_ok(coqueue_destroy(q));
	}
}

POOL_TEST(E75_a_shutdown_reaches_threads_and_coroutines)
{
	for_each_mode(mode) {
		for_each_wait(kind, op) {
			coqueue_t *q = kind_that_blocks(kind, op);
			struct crew *first = coro_block(pool, q, op, 2);
			struct crew *threads = crew_block(q, op, 2);
			struct crew *second = coro_block(pool, q, op, 2);

			ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)mode));
			if (op->line == JOINERS && coqueue_unfinished(q) > 0)
				ck_ok(coqueue_task_done(q, 1));
			crew_expect(first, code_of_shutdown(op));
			crew_expect(threads, code_of_shutdown(op));
			crew_expect(second, code_of_shutdown(op));
			ck_ok(coqueue_destroy(q));
		}
	}
}

struct market {
	_Atomic uint64_t put, got; /* sums of items */
	long items;                /* of each putter */
};

static int put_all(struct hand *me)
{
	struct market *market = me->arg;

	for (long item = 1; item <= market->items; item++) {
		int code = coqueue_put(me->q, &item);

		if (code != 0)
			return complain(me, "%s", code_name(code));
		atomic_fetch_add(&market->put, (uint64_t)item);
	}
	return 0;
}

static int put_all_in_bulk(struct hand *me)
{
	enum { BULK = 7 };
	struct market *market = me->arg;
	long items[BULK], item = 1;
	size_t done;

	while (item <= market->items) {
		size_t n = 0;
		int code;

		for (; n < BULK && item <= market->items; n++) {
			atomic_fetch_add(&market->put, (uint64_t)item);
			items[n] = item++;
		}
		code = coqueue_put_many(me->q, items, n, NULL, &done);
		if (code != 0 || done != n)
			return complain(me, "%s", code_name(code));
	}
	return 0;
}

static int get_until_shut(struct hand *me)
{
	struct market *market = me->arg;
	long item;
	int code;

	while ((code = coqueue_get(me->q, &item)) == 0) {
		atomic_fetch_add(&market->got, (uint64_t)item);
		me->done++;
	}
	return code;
}

static int get_in_bulk_until_shut(struct hand *me)
{
	struct market *market = me->arg;
	long items[5];
	size_t done;
	int code;

	while ((code = coqueue_get_many(me->q, items, 5, NULL, &done)) == 0)
		for (size_t i = 0; i < done; i++)
			atomic_fetch_add(&market->got, (uint64_t)items[i]);
	return code;
}

/* G4: single and in bulk, threads and coroutines. */
POOL_TEST(G4_threads_and_coroutines_lose_and_double_no_item)
{
	struct market market = {.items = scaled(500)};
	coqueue_t *q = kind_with(kind, 0);
	struct crew *coro_getters[] = {
		coro_start(pool, 2, get_until_shut, q, &market),
		coro_start(pool, 2, get_in_bulk_until_shut, q, &market),
	};
	struct crew *getters = crew_start(1, get_until_shut, q, &market);
	struct crew *coro_putters[] = {
		coro_start(pool, 2, put_all, q, &market),
		coro_start(pool, 2, put_all_in_bulk, q, &market),
	};
	struct crew *putters = crew_start(1, put_all, q, &market);

	crew_expect(putters, 0);
	for (int i = 0; i < 2; i++)
		crew_expect(coro_putters[i], 0);
	ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
	crew_expect(getters, ESHUTDOWN);
	for (int i = 0; i < 2; i++)
		crew_expect(coro_getters[i], ESHUTDOWN);
	ck_assert_uint_eq(market.put, market.got);
	ck_assert_uint_eq(stats_of(q).gets, 5 * (uint64_t)market.items);
	ck_ok(coqueue_destroy(q));
}

/* Coroutines alone: nobody else could help. */
POOL_TEST(G4_coroutines_among_themselves_lose_and_double_no_item)
{
	struct market market = {.items = scaled(500)};
	coqueue_t *q = kind_with(kind, 0);
	struct crew *getters = coro_start(pool, 3, get_until_shut, q, &market);
	struct crew *putters = coro_start(pool, 3, put_all, q, &market);

	crew_expect(putters, 0);
	ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
	crew_expect(getters, ESHUTDOWN);
	ck_assert_uint_eq(market.put, market.got);
	ck_assert_uint_eq(stats_of(q).gets, 3 * (uint64_t)market.items);
	ck_ok(coqueue_destroy(q));
}

/* ---- rendezvous on one thread --------------------------------------------- */

static int call_once(struct hand *me)
{
	const struct op *op = me->arg;
	struct timespec past = {0};

	return op->call(me->q, &me->item, op->form == UNTIL ? &past : NULL);
}

/* A partner that is parked cannot run before the call returns. */
static void meet_the_parked(struct coro_pool *pool, const struct op *op,
			    bool from_thread)
{
	const struct op *partner = &ops[op->line == PUTTERS ? OP_GET : OP_PUT];
	coqueue_t *q = queue_with(0, 0);
	struct crew *parked = coro_block(pool, q, partner, 1), *crew;
	long item;

	await_parked(pool, 1);
	parked->hands[0].item = 5;
	if (from_thread) {
		crew = crew_start(1, call_once, q, (void *)(uintptr_t)op);
		crew_join(crew);
	} else {
		crew = coro_start(pool, 1, call_once, q, (void *)(uintptr_t)op);
		crew_join(crew);
	}
	item = crew->hands[0].item;
	crew_expect(crew, 0);
	crew_join(parked);
	ck_assert_int_eq(parked->hands[0].item, item);
	crew_expect(parked, 0);
	ck_assert_uint_eq(stats_of(q).puts, 1);
	ck_ok(coqueue_destroy(q));
}

START_TEST(G7_calls_that_do_not_wait_meet_a_parked_partner)
{
	for (unsigned i = 0; i < N_POOLS; i++) {
		struct coro_pool *pool =
			coro_pool_start(pools[i].n_threads, pools[i].manner);

		for_each_op(op)
			if (op->line != JOINERS && !op->keeps) {
				meet_the_parked(pool, op, false);
				meet_the_parked(pool, op, true);
			}
		coro_pool_end(pool);
	}
}
END_TEST

START_TEST(R8_an_armed_node_meets_a_parked_partner)
{
	struct coro_pool *pool = coro_pool_start(1, CORO_PLAIN);

	for (int i = ARM_PUT; i <= ARM_GET; i++) {
		const struct op *partner = &ops[i == ARM_PUT ? OP_GET : OP_PUT];
		coqueue_t *q = queue_with(0, 0);
		struct crew *parked = coro_block(pool, q, partner, 1);
		struct node node;
		int code;

		node_init(&node, q, &arms[i], count_wake);
		code = arm_node(&node);
		if (code == EINPROGRESS) {
			await(wakes_of(&node) == 1);
			code = arm_node(&node);
		}
		ck_ok(code);
		crew_join(parked);
		ck_assert_int_eq(parked->hands[0].item, node.item);
		crew_expect(parked, 0);
		ck_ok(coqueue_destroy(q));
	}
	coro_pool_end(pool);
}
END_TEST

/* ---- wakes of nodes -------------------------------------------------------- */

struct in_wake {
	const struct op *op;
	coqueue_t *q;
	long item;
	int result;
};

static void call_in_wake(coqueue_waiter_t *w)
{
	struct in_wake *in_wake = node_of(w)->arg;

	count_wake(w);
	in_wake->result = in_wake->op->call(in_wake->q, &in_wake->item, NULL);
}

/* The wake function runs in a coroutine, which must not be parked there. */
POOL_TEST(R4_what_would_block_in_a_wake_does_not_park)
{
	for_each_wait(kind, op) {
		struct in_wake in_wake = {.op = op};
		coqueue_t *q = queue_with(1, 0);
		struct node node;

		in_wake.q = kind_that_blocks(kind, op);
		node_init(&node, q, get_arm, call_in_wake);
		node.arg = &in_wake;
		must_arm(&node);
		crew_expect(coro_start(pool, 1, serve_as_coro, q,
				       (void *)(uintptr_t)&ops[OP_GET]),
			    0);
		ck_wakes(&node, 1);
		ck_code(in_wake.result, EDEADLK);
		ck_code(disarm_node(&node), EALREADY);
		ck_ok(coqueue_destroy(in_wake.q));
		ck_ok(coqueue_destroy(q));
	}
}

/* Its unpark comes after the wake; at a rendezvous the try meets it at once. */
POOL_TEST(R4_a_try_in_a_wake_serves_a_parked_coroutine)
{
	for (int i = 0; i < 2; i++) {
		const struct op *op = &ops[i ? OP_PUT : OP_GET];
		struct in_wake in_wake = {
			.op = &ops[i ? OP_TRY_GET : OP_TRY_PUT],
			.item = SERVED_ITEM,
			.result = STILL_RUNS,
		};
		struct crew *crew;

		if (!kind_can_block(kind, op))
			continue;
		in_wake.q = kind_that_blocks(kind, op);
		crew = coro_block(pool, in_wake.q, op, 1);
		in_a_wake(call_in_wake, &in_wake);
		ck_ok(in_wake.result);
		crew_join(crew);
		if (op->line == GETTERS)
			ck_assert_int_eq(crew->hands[0].item, SERVED_ITEM);
		crew_expect(crew, 0);
		ck_ok(coqueue_destroy(in_wake.q));
	}
}

/* ---- select --------------------------------------------------------------- */

struct choice {
	coqueue_t *q[2];
	enum coqueue_side side;
	const struct timespec *deadline;
	size_t chosen;
	long item[2];
};

static int select_once(struct hand *me)
{
	struct choice *choice = me->arg;
	coqueue_case_t cases[2] = {
		{choice->q[0], choice->side, &choice->item[0], 0},
		{choice->q[1], choice->side, &choice->item[1], 0},
	};
	int code = coqueue_select(cases, 2, choice->deadline, &choice->chosen);

	return code == 0 ? cases[choice->chosen].result : code;
}

enum ending { BY_SERVICE, BY_SHUTDOWN, BY_INTERRUPT, BY_DEADLINE, N_ENDINGS };

static void end_select(struct coro_pool *pool, const struct kind *kind,
		       enum coqueue_side side, enum ending ending)
{
	static const int codes[N_ENDINGS] = {0, ESHUTDOWN, EINTR, ETIMEDOUT};
	const struct op *op = &ops[side == COQUEUE_PUT ? OP_PUT : OP_GET];
	struct choice choice = {.side = side, .item = {MY_ITEM, MY_ITEM}};
	struct timespec soon = from_now(3 * MS);
	struct crew *crew;

	for (int i = 0; i < 2; i++)
		choice.q[i] = kind_that_blocks(kind, op);
	choice.deadline = ending == BY_DEADLINE ? &soon : NULL;
	crew = coro_start(pool, 1, select_once, NULL, &choice);
	if (ending != BY_DEADLINE) {
		await_waiting(choice.q[1], op->line, 1);
		await_parked(pool, 1);
	}
	if (ending == BY_SERVICE)
		serve_one(choice.q[1], op->line);
	else if (ending == BY_SHUTDOWN)
		ck_ok(coqueue_shutdown(choice.q[1], COQUEUE_GRACEFUL));
	else if (ending == BY_INTERRUPT)
		ck_ok(coqueue_interrupt(choice.q[1]));
	crew_expect(crew, codes[ending]);
	if (ending == BY_SERVICE || ending == BY_SHUTDOWN)
		ck_assert_uint_eq(choice.chosen, 1);
	if (ending == BY_SERVICE && side == COQUEUE_GET)
		ck_assert_int_eq(choice.item[1], SERVED_ITEM);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(waiting_in(choice.q[i], op->line), 0);
		ck_ok(coqueue_destroy(choice.q[i]));
	}
}

POOL_TEST(E62_a_select_parks_and_ends_as_in_a_thread)
{
	for (int side = COQUEUE_PUT; side <= COQUEUE_GET; side++)
		for (int ending = 0; ending < N_ENDINGS; ending++)
			if (side == COQUEUE_GET || kind_is_bounded(kind))
				end_select(pool, kind, (enum coqueue_side)side,
					   (enum ending)ending);
}

POOL_TEST(E63_selects_of_coroutines_meet_in_a_ring)
{
	for (unsigned n = 2; n <= RING_MOST && kind_is_bounded(kind); n += 2) {
		struct crew *crew;
		struct ring ring;

		ring_make(&ring, kind, n);
		crew = coro_start(pool, n, go_round, NULL, &ring);
		ring_shut(&ring, scaled(500));
		crew_expect(crew, ESHUTDOWN);
		ring_check(&ring);
	}
}

/* ---- a scheduler of one thread -------------------------------------------- */

/*
 * Its coroutine is the thread itself; park looks for unpark, and yields.  What
 * the hooks are told, and where they run, is easy to see here.
 */
struct lone {
	const struct op *op; /* the call that is made */
	const struct timespec *deadline;
	bool in_coroutine;
	unsigned spurious; /* parks that return for nothing */
	_Atomic bool unparked;
	_Atomic unsigned parks, unparks, unparks_over;
	coqueue_t *q, *spare; /* the business of hooks; to be shut down */
	enum line serve;      /* in park, before parking, */
	bool serves;          /* if so */
	void (*in_unpark)(struct lone *lone);
	/* seen in hooks: */
	int cancel_state, section, blocking;
};

static void *lone_self(void *ctx)
{
	struct lone *lone = ctx;

	return lone->in_coroutine ? lone : NULL;
}

static int lone_park(void *ctx, void *self, const struct timespec *deadline)
{
	struct lone *lone = ctx;

	if (self != lone)
		return EINVAL;
	atomic_fetch_add(&lone->parks, 1);
	if (lone->spare) {
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE,
				       &lone->cancel_state);
		lone->section = coqueue_shutdown(lone->spare, COQUEUE_GRACEFUL);
	}
	if (lone->serves) {
		lone->serves = false;
		serve_line(lone->q, lone->serve);
	}
	if (lone->spurious > 0 && !(deadline && is_past(deadline))) {
		lone->spurious--;
		return 0;
	}
	while (!atomic_exchange(&lone->unparked, false)) {
		if (deadline && is_past(deadline))
			return ETIMEDOUT;
		sched_yield();
	}
	return 0;
}

static void lone_unpark(void *ctx, void *self)
{
	struct lone *lone = self;

	if (ctx != self)
		return;
	atomic_fetch_add(&lone->unparks, 1);
	atomic_store(&lone->unparked, true);
	if (lone->in_unpark)
		lone->in_unpark(lone);
	atomic_fetch_add(&lone->unparks_over, 1);
}

static coqueue_scheduler_t lone_scheduler(struct lone *lone)
{
	coqueue_scheduler_t scheduler = {
		.size = sizeof(scheduler),
		.self = lone_self,
		.park = lone_park,
		.unpark = lone_unpark,
		.ctx = lone,
	};

	return scheduler;
}

/* A thread with the scheduler makes the call. */
static int call_as_lone(struct hand *me)
{
	struct lone *lone = me->arg;
	coqueue_scheduler_t scheduler = lone_scheduler(lone);
	int code = coqueue_set_scheduler(&scheduler), state;

	if (code != 0)
		return complain(me, "set_scheduler: %s", code_name(code));
	memset(&scheduler, 0x5a, sizeof(scheduler)); /* it was copied */
	code = op_call(lone->op, me->q, &me->item, lone->deadline);
	if (atomic_load(&lone->unparks) != atomic_load(&lone->unparks_over))
		return complain(me, "returned while unpark runs");
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	if (state != PTHREAD_CANCEL_ENABLE)
		return complain(me, "cancellation was left disabled");
	return code;
}

static bool is_parked(struct lone *lone, coqueue_t *q)
{
	return waiting_in(q, lone->op->line) > 0 &&
	       atomic_load(&lone->parks) > 0;
}

/* G11 */
START_TEST(park_runs_with_nothing_held_and_cancellation_disabled)
{
	for_each_blocking_op(op) {
		struct lone lone = {.in_coroutine = true, .op = op};
		coqueue_t *q = queue_that_blocks(op);
		struct crew *crew;

		lone.spare = queue_with(1, 0);
		lone.section = STILL_RUNS;
		crew = crew_start(1, call_as_lone, q, &lone);
		await(is_parked(&lone, q));
		serve_one(q, op->line);
		crew_expect(crew, 0);
		ck_assert_int_eq(lone.cancel_state, PTHREAD_CANCEL_DISABLE);
		ck_ok(lone.section);
		ck_ok(coqueue_destroy(lone.spare));
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(a_parked_call_is_no_cancellation_point)
{
	for_each_blocking_op(op) {
		struct lone lone = {.in_coroutine = true, .op = op};
		coqueue_t *q = queue_that_blocks(op);
		struct crew *crew = crew_start(1, call_as_lone, q, &lone);

		await(is_parked(&lone, q));
		crew_cancel(crew);
		serve_one(q, op->line);
		crew_expect(crew, 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* What wakes it comes from within park, so unpark comes before it sleeps. */
START_TEST(unpark_may_come_before_park)
{
	for_each_blocking_op(op) {
		struct lone lone = {.in_coroutine = true, .op = op};
		coqueue_t *q = queue_that_blocks(op);

		lone.q = q;
		lone.serves = true;
		lone.serve = op->line;
		crew_expect(crew_start(1, call_as_lone, q, &lone), 0);
		ck_assert_uint_ge(atomic_load(&lone.unparks), 1);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(E88_park_may_return_for_nothing_any_number_of_times)
{
	for_each_blocking_op(op) {
		struct timespec far = from_now(2 * limit_ns());
		struct lone lone = {.in_coroutine = true,
				    .op = op,
				    .deadline = &far,
				    .spurious = 100};
		coqueue_t *q = queue_that_blocks(op);
		struct crew *crew = crew_start(1, call_as_lone, q, &lone);

		await(atomic_load(&lone.parks) > 100);
		ck_assert_uint_eq(waiting_in(q, op->line), 1);
		ck_assert_uint_eq(crew_finished(crew), 0);
		serve_one(q, op->line);
		crew_expect(crew, 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* E78: the deadline stays the same, however often it returns for nothing. */
START_TEST(E78_E88_returning_for_nothing_prolongs_no_deadline)
{
	for_each_blocking_op(op) {
		struct timespec soon = from_now(5 * MS);
		struct lone lone = {.in_coroutine = true,
				    .op = op,
				    .deadline = &soon,
				    .spurious = UINT_MAX};
		coqueue_t *q;

		if (op->form != UNTIL)
			continue;
		q = queue_that_blocks(op);
		crew_expect(crew_start(1, call_as_lone, q, &lone), ETIMEDOUT);
		ck_assert(is_past(&soon));
		ck_assert_uint_eq(waiting_in(q, op->line), 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

static void linger(struct lone *lone)
{
	(void)lone;
	for (int i = 0; i < 500; i++) /* let the call go wrong, if it would */
		sched_yield();
}

/* Else the coroutine, and what unpark was given, could be gone. */
START_TEST(a_call_does_not_return_before_its_unpark_has_returned)
{
	for_each_blocking_op(op) {
		struct lone lone = {
			.in_coroutine = true, .op = op, .in_unpark = linger};
		coqueue_t *q = queue_that_blocks(op);
		struct crew *crew = crew_start(1, call_as_lone, q, &lone);

		await(is_parked(&lone, q));
		serve_one(q, op->line);
		crew_expect(crew, 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

static void block_in_unpark(struct lone *lone)
{
	long item = 1;

	lone->blocking = coqueue_get(lone->q, &item);
}

START_TEST(R4_what_would_block_in_unpark_gives_EDEADLK)
{
	for_each_blocking_op(op) {
		struct lone lone = {.in_coroutine = true,
				    .op = op,
				    .q = queue_with(1, 0),
				    .in_unpark = block_in_unpark};
		coqueue_t *q = queue_that_blocks(op);
		struct crew *crew = crew_start(1, call_as_lone, q, &lone);

		await(is_parked(&lone, q));
		serve_one(q, op->line);
		crew_expect(crew, 0);
		ck_code(lone.blocking, EDEADLK);
		ck_ok(coqueue_destroy(lone.q));
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(outside_of_a_coroutine_the_thread_blocks)
{
	for_each_blocking_op(op) {
		struct lone lone = {.in_coroutine = false, .op = op};
		coqueue_t *q = queue_that_blocks(op);
		struct crew *crew = crew_start(1, call_as_lone, q, &lone);

		await_waiting(q, op->line, 1);
		serve_one(q, op->line);
		crew_expect(crew, 0);
		ck_assert_uint_eq(atomic_load(&lone.parks), 0);
		ck_assert_uint_eq(atomic_load(&lone.unparks), 0);
		/* it is a cancellation point, too */
		crew = crew_start(1, call_as_lone, queue_that_blocks(op),
				  &lone);
		await_waiting(crew->hands[0].q, op->line, 1);
		crew_cancel(crew);
		crew_join(crew);
		ck_code(crew->hands[0].result, WAS_CANCELLED);
		ck_ok(coqueue_destroy(crew->hands[0].q));
		crew_free(crew);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* ---- coqueue_set_scheduler ------------------------------------------------ */

/* How often the scheduler parks a call of this thread that has little time. */
static unsigned parks_for(struct lone *lone)
{
	struct timespec soon = from_now(MS);
	unsigned before = atomic_load(&lone->parks);
	coqueue_t *q = queue_with(1, 0);
	long item;

	ck_code(op_call(&ops[OP_GET_UNTIL], q, &item, &soon), ETIMEDOUT);
	ck_ok(coqueue_destroy(q));
	return atomic_load(&lone->parks) - before;
}

static int set_scheduler(const coqueue_scheduler_t *s)
{
	int code;

	errno = 4711;
	code = coqueue_set_scheduler(s);
	return errno == 4711 ? code : ERRNO_CHANGED;
}

START_TEST(a_scheduler_that_is_not_whole_gives_EINVAL_and_changes_nothing)
{
	static const size_t sizes[] = {0, 1, sizeof(coqueue_scheduler_t) - 1,
				       sizeof(coqueue_scheduler_t) + 8,
				       SIZE_MAX};
	struct lone lone = {.in_coroutine = true};
	const coqueue_scheduler_t good = lone_scheduler(&lone);

	for (int set = 0; set <= 1; set++) {
		coqueue_scheduler_t bad;

		if (set)
			ck_ok(set_scheduler(&good));
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			bad = good;
			bad.size = sizes[i];
			ck_code(set_scheduler(&bad), EINVAL);
		}
		bad = good;
		bad.self = NULL;
		ck_code(set_scheduler(&bad), EINVAL);
		bad = good;
		bad.park = NULL;
		ck_code(set_scheduler(&bad), EINVAL);
		bad = good;
		bad.unpark = NULL;
		ck_code(set_scheduler(&bad), EINVAL);
		if (set)
			ck_assert_uint_gt(parks_for(&lone), 0);
		else
			ck_assert_uint_eq(parks_for(&lone), 0);
	}
	ck_ok(set_scheduler(NULL));
}
END_TEST

START_TEST(without_a_scheduler_the_thread_blocks_again)
{
	struct lone lone = {.in_coroutine = true};
	coqueue_scheduler_t scheduler = lone_scheduler(&lone);

	ck_ok(set_scheduler(NULL));
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq(parks_for(&lone), 0);
		ck_ok(set_scheduler(&scheduler));
		ck_assert_uint_gt(parks_for(&lone), 0);
		ck_ok(set_scheduler(NULL));
	}
	ck_assert_uint_eq(parks_for(&lone), 0);
}
END_TEST

static int look_for_scheduler(struct hand *me)
{
	struct timespec soon = from_now(MS);

	return coqueue_get_until(me->q, &me->item, &soon);
}

START_TEST(a_scheduler_is_of_one_thread)
{
	struct lone lone = {.in_coroutine = true}, other = lone;
	coqueue_scheduler_t scheduler = lone_scheduler(&lone);
	coqueue_t *q = queue_with(1, 0);

	ck_ok(set_scheduler(&scheduler));
	crew_expect(crew_start(1, look_for_scheduler, q, NULL), ETIMEDOUT);
	ck_assert_uint_eq(atomic_load(&lone.parks), 0);
	scheduler = lone_scheduler(&other); /* the newest holds */
	ck_ok(set_scheduler(&scheduler));
	ck_assert_uint_gt(parks_for(&other), 0);
	ck_assert_uint_eq(atomic_load(&lone.parks), 0);
	ck_ok(set_scheduler(NULL));
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* ---- fairness ------------------------------------------------------------- */

static uint64_t done_by(const struct crew *crew)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < crew->n; i++)
		sum += crew->hands[i].done;
	return sum;
}

/*
 * G12: as many threads as coroutines get, and the next item comes when all of
 * them wait again, or who spins would overtake.
 */
static void check_fair(const struct kind *kind, unsigned n_threads)
{
	enum { EACH = 4 };
	struct coro_pool *pool = coro_pool_start(n_threads, CORO_PLAIN);
	coqueue_t *q = kind_with(kind, 0);
	struct market market = {.items = scaled(2000)};
	struct crew *coros, *threads;
	uint64_t by_coros, by_threads;

	coros = coro_start(pool, EACH, get_until_shut, q, &market);
	threads = crew_start(EACH, get_until_shut, q, &market);
	for (long item = 0; item < market.items; item++) {
		await(coqueue_size(q) == 0 &&
		      waiting_in(q, GETTERS) == 2 * EACH);
		ck_ok(coqueue_put(q, &item));
	}
	ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
	crew_join(coros);
	crew_join(threads);
	by_coros = done_by(coros);
	by_threads = done_by(threads);
	ck_assert_uint_eq(by_coros + by_threads, (uint64_t)market.items);
	ck_assert_uint_ge(by_coros * 10, (uint64_t)market.items * 4);
	ck_assert_uint_ge(by_threads * 10, (uint64_t)market.items * 4);
	crew_expect(coros, ESHUTDOWN);
	crew_expect(threads, ESHUTDOWN);
	coro_pool_end(pool);
	ck_ok(coqueue_destroy(q));
}

START_TEST(G12_neither_threads_nor_coroutines_get_less_than_40_per_cent)
{
	check_fair(&kinds[_i / 2], _i % 2 ? 4 : 1);
}
END_TEST

int main(void)
{
	int failed = suite_run_each(
		"park",
		TESTS(every_form_of_waiting_parks_and_is_served_by_a_thread,
		      every_form_of_waiting_is_served_by_a_coroutine,
		      a_parked_call_may_return_in_another_thread,
		      what_need_not_wait_does_not_park,
		      a_parked_get_many_takes_what_comes_with_the_first,
		      E87_a_parked_call_ends_at_its_deadline_and_leaves_no_trace,
		      E46_interrupt_reaches_parked_calls,
		      E67_E68_who_is_at_its_deadline_passes_the_hint_on,
		      G3_a_shutdown_resumes_a_thousand_parked_coroutines,
		      G5_a_graceful_shutdown_ends_no_get_that_can_be_served,
		      E80_destroy_lets_parked_callers_leave_first,
		      G12_E75_threads_and_coroutines_are_served_in_one_order,
		      E75_a_shutdown_reaches_threads_and_coroutines,
		      G4_threads_and_coroutines_lose_and_double_no_item,
		      G4_coroutines_among_themselves_lose_and_double_no_item,
		      R4_what_would_block_in_a_wake_does_not_park,
		      R4_a_try_in_a_wake_serves_a_parked_coroutine,
		      E62_a_select_parks_and_ends_as_in_a_thread,
		      E63_selects_of_coroutines_meet_in_a_ring),
		N_KINDS * N_POOLS);

	failed |= suite_run_each(
		"park, fairness",
		TESTS(G12_neither_threads_nor_coroutines_get_less_than_40_per_cent),
		N_KINDS * 2);
	failed |= suite_run(
		"park, others",
		TESTS(G7_calls_that_do_not_wait_meet_a_parked_partner,
		      R8_an_armed_node_meets_a_parked_partner,
		      park_runs_with_nothing_held_and_cancellation_disabled,
		      a_parked_call_is_no_cancellation_point,
		      unpark_may_come_before_park,
		      E88_park_may_return_for_nothing_any_number_of_times,
		      E78_E88_returning_for_nothing_prolongs_no_deadline,
		      a_call_does_not_return_before_its_unpark_has_returned,
		      R4_what_would_block_in_unpark_gives_EDEADLK,
		      outside_of_a_coroutine_the_thread_blocks,
		      a_scheduler_that_is_not_whole_gives_EINVAL_and_changes_nothing,
		      without_a_scheduler_the_thread_blocks_again,
		      a_scheduler_is_of_one_thread));
	return failed;
}
