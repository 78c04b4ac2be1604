/* SPDX-License-Identifier: MIT */
/*
 * Arming: the rules R1 to R5 and R7 of waiters.  Those of disarm are in
 * check_disarm.c, and of a rendezvous in check_offers.c.
 */
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "nodes.h"

/* ---- R1: done, or armed --------------------------------------------------- */

static bool is_done_alone(const struct kind *kind, const struct arm *arm)
{
	return is_join(arm) || !kind_is_rendezvous(kind);
}

ARM_TEST(R1_what_can_be_done_is_done_and_not_armed, is_done_alone)
{
	bool gets = arm->op->line == GETTERS;
	coqueue_t *q = kind_with(kind, gets ? 1 : 0);
	struct node node;

	node_init(&node, q, arm, count_wake);
	ck_ok(arm_node(&node));
	ck_assert_int_eq(node.item, gets ? 0 : MY_ITEM);
	ck_assert_uint_eq(coqueue_size(q),
			  arm->op->line == PUTTERS || arm == peek_arm);
	ck_assert_uint_eq(waiting_in(q, arm->op->line), 0);
	ck_code(disarm_node(&node), EALREADY);
	ck_wakes(&node, 0);
	ck_ok(coqueue_destroy(q));
}

ARM_TEST(R1_what_cannot_be_done_is_armed_and_nothing_else, can_wait)
{
	coqueue_t *q = queue_for(kind, arm);
	size_t size = coqueue_size(q), unfinished = coqueue_unfinished(q);
	struct node node;

	node_init(&node, q, arm, count_wake);
	must_arm(&node);
	ck_assert_uint_eq(waiting_in(q, arm->op->line), 1);
	ck_assert_uint_eq(coqueue_size(q), size);
	ck_assert_uint_eq(coqueue_unfinished(q), unfinished);
	ck_assert_int_eq(node.item, MY_ITEM);
	ck_ok(disarm_node(&node));
	ck_assert_uint_eq(waiting_in(q, arm->op->line), 0);
	ck_code(disarm_node(&node), EALREADY);
	check_usable_as(kind, q);
	ck_wakes(&node, 0);
	ck_ok(coqueue_destroy(q));
}

static bool is_possible(const struct kind *kind, const struct arm *arm)
{
	(void)kind;
	(void)arm;
	return true;
}

ARM_TEST(R1_a_call_that_is_refused_does_not_arm, is_possible)
{
	for_each_mode(mode) {
		coqueue_t *q = queue_for(kind, arm);
		bool waits = is_join(arm) && mode == COQUEUE_GRACEFUL;
		int refusal = is_join(arm) ? 0 : ESHUTDOWN;
		struct node node;

		if (kind_is_rendezvous(kind))
			waits = is_join(arm); /* the item was taken */
		node_init(&node, q, arm, count_wake);
		ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)mode));
		ck_code(arm_node(&node), waits ? EINPROGRESS : refusal);
		ck_code(disarm_node(&node), waits ? 0 : EALREADY);
		ck_assert_uint_eq(waiting_in(q, arm->op->line), 0);
		ck_wakes(&node, 0);
		ck_ok(coqueue_destroy(q));
	}
}

struct late {
	const struct arm *arm;
	_Atomic bool returned; /* so has coqueue_shutdown() */
};

static int arm_until_refused(struct hand *me)
{
	struct late *late = me->arg;
	struct node node;

	node_init(&node, me->q, late->arm, count_wake);
	for (;;) {
		bool returned = atomic_load(&late->returned);
		int code = arm_node(&node);

		if (code == ESHUTDOWN)
			return code;
		if (code != EINPROGRESS && code != 0)
			return complain(me, "%s", code_name(code));
		if (returned)
			return complain(me, "%s after the end",
					code_name(code));
		code = coqueue_disarm(&node.waiter);
		if (code != 0 && code != EALREADY)
			return complain(me, "disarm: %s", code_name(code));
	}
}

ARM_TEST(R1_never_EINPROGRESS_once_a_shutdown_has_returned, is_refused)
{
	uint64_t random = suite_seed();

	for (unsigned round = 0; round < scaled(5); round++) {
		struct late late = {.arm = arm};
		coqueue_t *q = queue_for(kind, arm);
		struct crew *crew = crew_start(2, arm_until_refused, q, &late);

		for (unsigned n = random_below(&random, 20); n > 0; n--)
			sched_yield();
		ck_ok(coqueue_shutdown(q, round % 2));
		atomic_store(&late.returned, true);
		crew_expect(crew, ESHUTDOWN);
		ck_ok(coqueue_destroy(q));
	}
}

/* Arm until it is done, having been woken each time. */
static int arm_and_wait(struct hand *me, struct node *node)
{
	struct timespec limit = from_now(limit_ns());
	unsigned before = wakes_of(node);
	int code;

	while ((code = arm_node(node)) == EINPROGRESS) {
		while (wakes_of(node) == before && !is_past(&limit))
			hand_yield();
		if (wakes_of(node) == before)
			return complain(me, "%s: never woken", node->arm->name);
		if (wakes_of(node) != ++before)
			return complain(me, "%s: woken twice", node->arm->name);
	}
	return code;
}

struct rally {
	const struct arm *arm;
	unsigned rounds;
	_Atomic unsigned done;
};

static int be_served_often(struct hand *me)
{
	struct rally *rally = me->arg;
	struct node node;
	long item;

	node_init(&node, me->q, rally->arm, count_wake);
	for (unsigned i = 0; i < rally->rounds; i++) {
		int code = arm_and_wait(me, &node);

		if (code != 0)
			return code;
		if (rally->arm == peek_arm || rally->arm == join_arm)
			coqueue_try_get(me->q, &item);
		if (rally->arm == join_arm)
			coqueue_try_put(me->q, &item);
		atomic_fetch_add(&rally->done, 1);
	}
	return 0;
}

/* Of a join at a rendezvous a third party would be needed. */
static bool can_rally(const struct kind *kind, const struct arm *arm)
{
	return can_be_served(kind, arm) &&
	       !(kind_is_rendezvous(kind) && is_join(arm));
}

/* One who arms, at any moment before or after the one thing that helps. */
ARM_TEST(R1_R2_each_wake_up_comes_once_even_before_arm_returns, can_rally)
{
	struct rally rally = {.arm = arm, .rounds = scaled(300)};
	coqueue_t *q = queue_for(kind, arm);
	struct crew *crew = crew_start(1, be_served_often, q, &rally);
	uint64_t random = suite_seed();

	for (unsigned i = 0; i < rally.rounds; i++) {
		for (unsigned n = random_below(&random, 300); n > 0; n--)
			atomic_load(&rally.done);
		serve_one(q, arm->op->line);
		await(atomic_load(&rally.done) == i + 1 || crew_finished(crew));
		crew_check(crew);
	}
	crew_expect(crew, 0);
	ck_assert_uint_eq(waiting_in(q, arm->op->line), 0);
	ck_ok(coqueue_destroy(q));
}

/* ---- R2, R3: wake runs once, on the thread that helped ------------------- */

ARM_TEST(R2_wake_runs_once_for_each_EINPROGRESS, can_be_served)
{
	coqueue_t *q = queue_for(kind, arm);
	struct node node;

	node_init(&node, q, arm, count_wake);
	for (unsigned round = 0; round < 4; round++) {
		must_arm(&node);
		ck_wakes(&node, round);
		serve_one(q, arm->op->line);
		ck_wakes(&node, round + 1);
		must_be_served(&node);
		block_again(kind, q, arm);
		ck_wakes(&node, round + 1);
	}
	ck_code(disarm_node(&node), EALREADY);
	ck_ok(coqueue_destroy(q));
}

ARM_TEST(R2_no_wake_runs_after_disarm_returned_0, can_be_served)
{
	coqueue_t *q = queue_for(kind, arm);
	struct node node;

	node_init(&node, q, arm, count_wake);
	must_arm(&node);
	ck_ok(disarm_node(&node));
	if (!kind_is_rendezvous(kind) || is_join(arm))
		serve_one(q, arm->op->line);
	ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
	ck_wakes(&node, 0);
	ck_ok(coqueue_destroy(q));
}

static bool is_helped_by_calls(const struct kind *kind, const struct arm *arm)
{
	return can_be_served(kind, arm) && !is_join(arm);
}

/* G11, too: wake runs with nothing held, after the call had its effect. */
ARM_TEST(R3_wake_runs_in_the_call_that_helped_after_its_effect,
	 is_helped_by_calls)
{
	for_each_op(op) {
		struct visit visit = {.spare = queue_with(1, 0)};
		coqueue_t *q = queue_for(kind, arm);
		struct node node;
		long item = SERVED_ITEM;

		if (helps(op, arm)) {
			node_init(&node, q, arm, look_around);
			node.arg = &visit;
			must_arm(&node);
			ck_ok(op_call(op, q, &item, COQUEUE_NOWAIT));
			ck_wakes(&node, 1);
			check_visit(&visit);
			if (arm->op->line == GETTERS)
				ck_assert_int_eq(node.item, SERVED_ITEM);
		}
		ck_ok(coqueue_destroy(visit.spare));
		ck_ok(coqueue_destroy(q));
	}
}

/* Calls that help, other than put and get. */

static int help_by_task_done(coqueue_t *q)
{
	return coqueue_task_done(q, 1);
}

static int help_by_discarding(coqueue_t *q)
{
	return coqueue_shutdown(q, COQUEUE_IMMEDIATE);
}

static int help_by_growing(coqueue_t *q)
{
	return coqueue_set_capacity(q, 3);
}

static int help_by_force_put(coqueue_t *q)
{
	long item = SERVED_ITEM, old;
	size_t n;

	return coqueue_force_put(q, &item, &old, &n);
}

static int help_by_put_many(coqueue_t *q)
{
	long items[2] = {SERVED_ITEM, 8};
	size_t done;

	return coqueue_put_many(q, items, 2, COQUEUE_NOWAIT, &done);
}

static int help_by_get_many(coqueue_t *q)
{
	long items[2];
	size_t done;

	return coqueue_get_many(q, items, 2, COQUEUE_NOWAIT, &done);
}

static int help_by_put_arm(coqueue_t *q)
{
	struct node node;

	node_init(&node, q, put_arm, count_wake);
	return arm_node(&node);
}

static int help_by_get_arm(coqueue_t *q)
{
	struct node node;

	node_init(&node, q, get_arm, count_wake);
	return arm_node(&node);
}

START_TEST(R3_other_calls_that_help_wake_too)
{
	static const struct {
		const struct arm *arm;
		int (*help)(coqueue_t *q);
	} rows[] = {
		{&arms[ARM_JOIN], help_by_task_done},
		{&arms[ARM_JOIN], help_by_discarding},
		{&arms[ARM_PUT], help_by_growing},
		{&arms[ARM_PUT], help_by_get_many},
		{&arms[ARM_PUT], help_by_get_arm},
		{&arms[ARM_GET], help_by_force_put},
		{&arms[ARM_GET], help_by_put_many},
		{&arms[ARM_GET], help_by_put_arm},
		{&arms[ARM_PEEK], help_by_force_put},
		{&arms[ARM_PEEK], help_by_put_many},
		{&arms[ARM_PEEK], help_by_put_arm},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct visit visit = {.spare = queue_with(1, 0)};
		coqueue_t *q = queue_that_blocks(rows[i].arm->op);
		struct node node;

		node_init(&node, q, rows[i].arm, look_around);
		node.arg = &visit;
		must_arm(&node);
		ck_ok(rows[i].help(q));
		ck_wakes(&node, 1);
		check_visit(&visit);
		ck_ok(coqueue_destroy(visit.spare));
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* G3: a shutdown, and the last release, end what can no longer be served. */
ARM_TEST(R3_shutdown_wakes_who_can_no_longer_be_served, is_refused)
{
	for_each_mode(mode)
		for (int released = 0; released <= 1; released++) {
			coqueue_t *q = queue_for(kind, arm);
			struct node nodes[3];

			for (int i = 0; i < 3; i++) {
				node_init(&nodes[i], q, arm, count_wake);
				must_arm(&nodes[i]);
			}
			if (released) {
				enum coqueue_side side =
					mode == COQUEUE_GRACEFUL ? COQUEUE_PUT
								 : COQUEUE_GET;

				ck_ok(coqueue_hold(q, side));
				ck_ok(coqueue_release(q, side));
			} else {
				ck_ok(coqueue_shutdown(
					q, (enum coqueue_shutdown)mode));
			}
			for (int i = 0; i < 3; i++) {
				ck_wakes(&nodes[i], 1);
				ck_code(arm_node(&nodes[i]), ESHUTDOWN);
				ck_assert_int_eq(nodes[i].item, MY_ITEM);
				ck_code(disarm_node(&nodes[i]), EALREADY);
			}
			ck_ok(coqueue_destroy(q));
		}
}

static int help_with_cancel_pending(struct hand *me)
{
	const struct arm *arm = me->arg;

	pthread_cancel(pthread_self());
	if (arm->op->line == GETTERS)
		return coqueue_try_put(me->q, &me->item);
	if (arm->op->line == PUTTERS)
		return coqueue_try_get(me->q, &me->item);
	return coqueue_task_done(me->q, 1);
}

static void test_cancel(coqueue_waiter_t *w)
{
	pthread_testcancel();
	count_wake(w);
}

/* G11, G14 */
ARM_TEST(R3_wake_runs_with_cancellation_disabled, can_be_served)
{
	coqueue_t *q = queue_for(kind, arm);
	struct crew *crew;
	struct node node;

	node_init(&node, q, arm, test_cancel);
	must_arm(&node);
	crew = crew_start(1, help_with_cancel_pending, q,
			  (void *)(uintptr_t)arm);
	crew_expect(crew, 0);
	ck_wakes(&node, 1);
	ck_code(disarm_node(&node), EALREADY);
	ck_ok(coqueue_destroy(q));
}

/* ---- R4: what a wake function may do -------------------------------------- */

struct calls_made {
	struct node second;
	const char *wrong; /* NULL: all went as they must */
	coqueue_t *other;
};

#define must(condition)                                                        \
	do {                                                                   \
		if (!(condition))                                              \
			calls->wrong = #condition;                             \
	} while (0)

static void try_everything(struct calls_made *calls, coqueue_t *q)
{
	long item = 1, old;
	size_t n;

	for_each_op(op)
		if (op->form != PLAIN) {
			int code = op_call(op, q, &item, COQUEUE_NOWAIT);

			must(code == 0 || code == EAGAIN);
		}
	n = 0;
	must(coqueue_force_put(calls->other, &item, &old, &n) == 0);
	must(coqueue_interrupt(q) == 0);
	must(coqueue_hold(q, COQUEUE_PUT) == 0);
	must(coqueue_hold(q, COQUEUE_PUT) == 0);
	must(coqueue_release(q, COQUEUE_PUT) == 0);
	must(coqueue_task_done(q, 0) == 0);
	must(coqueue_size(q) <= coqueue_capacity(q));
	must(coqueue_set_capacity(calls->other, 2) == 0);
}

/* Not armed, armed again, another one armed, both disarmed, shut down. */
static void call_everything(coqueue_waiter_t *w)
{
	struct node *node = node_of(w);
	struct calls_made *calls = node->arg;
	int code;

	count_wake(w);
	if (wakes_of(node) > 1)
		return;
	try_everything(calls, node->q);
	try_everything(calls, calls->other);
	do
		code = arm_node(node);
	while (code == 0 && node->arm != join_arm && node->arm != peek_arm);
	must(code == EINPROGRESS || code == 0);
	code = arm_node(&calls->second);
	must(code == EINPROGRESS || code == 0);
	must(disarm_node(&calls->second) == (code == 0 ? EALREADY : 0));
	code = disarm_node(node);
	must(code == 0 || code == EALREADY);
	must(coqueue_shutdown(node->q, COQUEUE_GRACEFUL) == 0);
	must(coqueue_state(node->q) == COQUEUE_DRAINING);
	must(coqueue_shutdown(node->q, COQUEUE_IMMEDIATE) == 0);
}

ARM_TEST(R4_E72_wake_may_call_the_same_queue_and_shut_it_down, can_be_served)
{
	struct calls_made calls = {.other = queue_with(1, 0)};
	coqueue_t *q = queue_for(kind, arm);
	struct node node;

	node_init(&node, q, arm, call_everything);
	node_init(&calls.second, q, arm, count_wake);
	node.arg = &calls;
	must_arm(&node);
	serve_one(q, arm->op->line);
	ck_wakes(&node, 1);
	ck_assert_msg(!calls.wrong, "not so in wake: %s", calls.wrong);
	ck_assert_int_eq(coqueue_state(q), COQUEUE_SHUT);
	ck_wakes(&calls.second, 0);
	ck_ok(coqueue_destroy(calls.other));
	ck_ok(coqueue_destroy(q));
}

struct blocking_call {
	const struct op *op;
	coqueue_t *q;
	long item;
	int for_ever, far, past, nowait;
};

static void block_in_wake(coqueue_waiter_t *w)
{
	struct blocking_call *call = node_of(w)->arg;
	struct timespec far = from_now(2 * limit_ns()), past = {0};

	call->for_ever = op_call(call->op, call->q, &call->item, NULL);
	if (call->op->form != UNTIL)
		return;
	call->far = op_call(call->op, call->q, &call->item, &far);
	call->past = op_call(call->op, call->q, &call->item, &past);
	call->nowait = op_call(call->op, call->q, &call->item, COQUEUE_NOWAIT);
}

START_TEST(R4_what_would_block_in_a_wake_gives_EDEADLK)
{
	for_each_kind(kind) {
		for_each_op(op) {
			struct blocking_call call = {.op = op, .item = MY_ITEM};
			size_t size;

			if (!kind_can_block(kind, op))
				continue;
			call.q = kind_that_blocks(kind, op);
			size = coqueue_size(call.q);
			in_a_wake(block_in_wake, &call);
			ck_code(call.for_ever, EDEADLK);
			if (op->form == UNTIL) {
				ck_code(call.far, EDEADLK);
				ck_code(call.past, ETIMEDOUT);
				ck_code(call.nowait, EAGAIN);
			}
			ck_assert_int_eq(call.item, MY_ITEM);
			ck_assert_uint_eq(coqueue_size(call.q), size);
			ck_assert_uint_eq(waiting_in(call.q, op->line), 0);
			ck_ok(coqueue_destroy(call.q));
		}
	}
}
END_TEST

static void block_where_it_need_not(coqueue_waiter_t *w)
{
	struct blocking_call *call = node_of(w)->arg;

	call->for_ever = op_call(call->op, call->q, &call->item, NULL);
}

START_TEST(R4_a_blocking_call_that_need_not_wait_works_in_a_wake)
{
	for_each_op(op) {
		struct blocking_call call = {.op = op};

		call.q = queue_with(3, op->line == JOINERS ? 0 : 1);
		in_a_wake(block_where_it_need_not, &call);
		ck_ok(call.for_ever);
		ck_ok(coqueue_destroy(call.q));
	}
}
END_TEST

struct destroys {
	coqueue_t *blocked;
	int own, other;
};

static void destroy_in_wake(coqueue_waiter_t *w)
{
	struct destroys *destroys = node_of(w)->arg;

	destroys->own = coqueue_destroy(node_of(w)->q);
	destroys->other = coqueue_destroy(destroys->blocked);
}

/* The put that wakes is in the one, a thread in the other. */
START_TEST(R4_destroy_that_would_wait_in_a_wake_gives_EDEADLK)
{
	struct destroys destroys = {.blocked = queue_with(1, 0)};
	struct crew *crew = crew_block(destroys.blocked, &ops[OP_GET], 1);

	in_a_wake(destroy_in_wake, &destroys);
	ck_code(destroys.own, EDEADLK);
	ck_code(destroys.other, EDEADLK);
	ck_assert_int_eq(coqueue_state(destroys.blocked), COQUEUE_OPEN);
	ck_assert_uint_eq(crew_finished(crew), 0);
	serve_one(destroys.blocked, GETTERS);
	crew_expect(crew, 0);
	ck_ok(coqueue_destroy(destroys.blocked));
}
END_TEST

/* The woken partner needs a moment; its wake-up must not wait for this one. */
static void try_in_wake(coqueue_waiter_t *w)
{
	struct blocking_call *call = node_of(w)->arg;

	call->nowait = op_call(call->op, call->q, &call->item, COQUEUE_NOWAIT);
}

START_TEST(R4_a_try_in_a_wake_meets_a_thread_that_waits)
{
	static const int tries[] = {OP_TRY_PUT, OP_TRY_GET, OP_PUT_MANY,
				    OP_GET_MANY};

	for (size_t i = 0; i < sizeof(tries) / sizeof(*tries); i++) {
		struct blocking_call call = {.op = &ops[tries[i]],
					     .q = queue_with(0, 0),
					     .item = MY_ITEM};
		bool puts = call.op->line == PUTTERS;
		struct crew *crew =
			crew_block(call.q, &ops[puts ? OP_GET : OP_PUT], 1);

		in_a_wake(try_in_wake, &call);
		ck_ok(call.nowait);
		crew_join(crew);
		ck_assert_int_eq(crew->hands[0].item, call.item);
		crew_expect(crew, 0);
		ck_ok(coqueue_destroy(call.q));
	}
}
END_TEST

/* ---- R4: no recursion ----------------------------------------------------- */

struct chain {
	size_t n, woken;
	uintptr_t lowest, highest; /* of the stack */
	unsigned depth, deepest;   /* of wake functions in each other */
	int wrong;
};

static void pass_along(coqueue_waiter_t *w)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	struct node *node = node_of(w);
	struct chain *chain = node->arg;
	int code;

	if (++chain->depth > chain->deepest)
		chain->deepest = chain->depth;
	if (chain->woken++ == 0 || here < chain->lowest)
		chain->lowest = here;
	if (here > chain->highest)
		chain->highest = here;
	count_wake(w);
	code = arm_node(node);
	if (code == 0 && node->other)
		code = coqueue_try_put(node->other->q, &node->item);
	if (code != 0)
		chain->wrong = code;
	chain->depth--;
}

START_TEST(R4_ten_thousand_chained_wakes_do_not_recurse)
{
	enum { N = 10000, FEW_FRAMES = 8192 };
	struct node *nodes = calloc(N, sizeof(*nodes));
	struct chain chain = {.n = N};

	ck_assert_ptr_nonnull(nodes);
	for (size_t i = 0; i < N; i++) {
		node_init(&nodes[i], queue_with(1, 0), get_arm, pass_along);
		nodes[i].arg = &chain;
		nodes[i].other = i + 1 < N ? &nodes[i + 1] : NULL;
		must_arm(&nodes[i]);
	}
	ck_ok(coqueue_put(nodes[0].q, &(long){SERVED_ITEM}));
	ck_ok(chain.wrong);
	ck_assert_uint_eq(chain.woken, N);
	ck_assert_uint_eq(chain.deepest, 1);
	ck_assert_uint_le(chain.highest - chain.lowest, FEW_FRAMES);
	ck_assert_int_eq(nodes[N - 1].item, SERVED_ITEM);
	for (size_t i = 0; i < N; i++)
		ck_ok(coqueue_destroy(nodes[i].q));
	free(nodes);
}
END_TEST

/* On one queue: each woken node makes room for, or feeds, the next in line. */
static void pass_along_here(coqueue_waiter_t *w)
{
	struct node *node = node_of(w);
	struct chain *chain = node->arg;
	long item;

	if (++chain->depth > chain->deepest)
		chain->deepest = chain->depth;
	chain->woken++;
	node->result = arm_node(node);
	if (node->result == 0 && chain->woken < chain->n)
		chain->wrong |= node->arm == get_arm
					? coqueue_try_put(node->q, &node->item)
					: coqueue_try_get(node->q, &item);
	chain->depth--;
}

ARM_TEST(R4_a_chain_of_wakes_on_one_queue_does_not_recurse, is_served_in_turn)
{
	enum { N = 200 };
	struct node nodes[N];
	struct chain chain = {.n = N};
	coqueue_t *q = queue_for(kind, arm);

	for (size_t i = 0; i < N; i++) {
		node_init(&nodes[i], q, arm, pass_along_here);
		nodes[i].arg = &chain;
		must_arm(&nodes[i]);
	}
	serve_one(q, arm->op->line);
	ck_ok(chain.wrong);
	ck_assert_uint_eq(chain.woken, N);
	ck_assert_uint_eq(chain.deepest, 1);
	for (size_t i = 0; i < N; i++)
		ck_ok(nodes[i].result);
	ck_ok(coqueue_destroy(q));
}

struct deferral {
	struct node inner;
	unsigned in_wake; /* inner's wake-ups when the outer wake ended */
};

static void serve_the_inner(coqueue_waiter_t *w)
{
	struct deferral *deferral = node_of(w)->arg;

	count_wake(w);
	coqueue_try_put(deferral->inner.q, &(long){SERVED_ITEM});
	deferral->in_wake = wakes_of(&deferral->inner);
}

START_TEST(R4_wakes_caused_in_a_wake_run_after_it_and_before_the_call_returns)
{
	struct deferral deferral = {.in_wake = 99};
	coqueue_t *q = queue_with(1, 0), *inner = queue_with(1, 0);
	struct node node;

	node_init(&deferral.inner, inner, get_arm, count_wake);
	node_init(&node, q, get_arm, serve_the_inner);
	node.arg = &deferral;
	must_arm(&deferral.inner);
	must_arm(&node);
	ck_ok(coqueue_put(q, &(long){SERVED_ITEM}));
	ck_wakes(&node, 1);
	ck_assert_uint_eq(deferral.in_wake, 0);
	ck_wakes(&deferral.inner, 1);
	must_be_served(&deferral.inner);
	must_be_served(&node);
	ck_ok(coqueue_destroy(inner));
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* Its wake is put off; it is served, and armed again, before that. */
static void serve_and_arm_the_inner(coqueue_waiter_t *w)
{
	struct deferral *deferral = node_of(w)->arg;

	serve_the_inner(w);
	must_be_served(&deferral->inner);
	must_arm(&deferral->inner);
}

START_TEST(R2_a_node_that_is_armed_before_its_wake_has_begun_is_woken_by_it)
{
	struct deferral deferral = {.in_wake = 99};
	coqueue_t *q = queue_with(1, 0), *inner = queue_with(1, 0);
	struct node node;

	node_init(&deferral.inner, inner, get_arm, count_wake);
	node_init(&node, q, get_arm, serve_and_arm_the_inner);
	node.arg = &deferral;
	must_arm(&deferral.inner);
	must_arm(&node);
	ck_ok(coqueue_put(q, &(long){SERVED_ITEM}));
	ck_assert_uint_eq(deferral.in_wake, 0);
	ck_wakes(&deferral.inner, 1);
	must_arm(&deferral.inner); /* woken in vain: it tries again */
	ck_ok(coqueue_put(inner, &(long){SERVED_ITEM}));
	ck_wakes(&deferral.inner, 2);
	must_be_served(&deferral.inner);
	must_be_served(&node);
	ck_ok(coqueue_destroy(inner));
	ck_ok(coqueue_destroy(q));
}
END_TEST

static void shut_down_in_wake(coqueue_waiter_t *w)
{
	count_wake(w);
	node_of(w)->result = coqueue_shutdown(node_of(w)->q, COQUEUE_IMMEDIATE);
}

/* Also when it is a shutdown that woke. */
ARM_TEST(R4_a_shutdown_in_a_wake_wakes_the_others, is_refused)
{
	for (int by_shutdown = 0; by_shutdown <= 1; by_shutdown++) {
		struct node first, second;
		struct crew *crew;
		coqueue_t *q;
		unsigned n;

		if (!by_shutdown && !can_be_served(kind, arm))
			continue;
		q = queue_for(kind, arm);
		node_init(&first, q, arm, shut_down_in_wake);
		node_init(&second, q, arm, count_wake);
		must_arm(&first);
		must_arm(&second);
		crew = crew_block(q, arm->op, 2);
		if (by_shutdown)
			ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
		else
			serve_one(q, arm->op->line);
		ck_ok(first.result);
		ck_assert_int_eq(coqueue_state(q), COQUEUE_SHUT);
		ck_wakes(&first, 1);
		ck_wakes(&second, 1);
		ck_code(arm_node(&second), ESHUTDOWN);
		ck_code(arm_node(&first),
			kind_is_rendezvous(kind) && !by_shutdown ? 0
								 : ESHUTDOWN);
		crew_join(crew);
		/* whom the item woke, too, may have seen it */
		n = by_shutdown || arm != peek_arm ? 0 : crew_count(crew, 0);
		ck_assert_uint_eq(crew_count(crew, ESHUTDOWN) + n, 2);
		crew_free(crew);
		ck_ok(coqueue_destroy(q));
	}
}

/* ---- R5: a hint ----------------------------------------------------------- */

ARM_TEST(R5_E78_who_was_woken_in_vain_keeps_its_place, can_be_stolen)
{
	coqueue_t *q = queue_for(kind, arm);
	struct node first, second;
	struct crew *between;

	node_init(&first, q, arm, count_wake);
	node_init(&second, q, arm, count_wake);
	must_arm(&first);
	between = crew_block(q, arm->op, 1);
	must_arm(&second);
	for (unsigned i = 1; i <= 3; i++) {
		serve_one(q, arm->op->line);
		ck_wakes(&first, i);
		steal(q, arm);
		must_arm(&first);
	}
	serve_one(q, arm->op->line);
	ck_wakes(&first, 4);
	ck_ok(arm_node(&first));
	ck_wakes(&second, 0);
	ck_assert_uint_eq(crew_finished(between), 0);
	serve_one(q, arm->op->line);
	crew_expect(between, 0);
	ck_wakes(&second, 0);
	serve_one(q, arm->op->line);
	ck_wakes(&second, 1);
	ck_ok(arm_node(&second));
	ck_ok(coqueue_destroy(q));
}

static bool is_served_with_all(const struct kind *kind, const struct arm *arm)
{
	return can_be_served(kind, arm) && arm->op->keeps;
}

/* One item serves all peekers, one count of 0 all joiners; who was woken and
 * has not tried again may keep others waiting so long. */
ARM_TEST(R5_what_serves_one_peeker_or_joiner_serves_all, is_served_with_all)
{
	coqueue_t *q = queue_for(kind, arm);
	struct node nodes[3];

	for (unsigned round = 1; round <= 3; round++) {
		for (int i = 0; i < 3; i++) {
			if (round == 1)
				node_init(&nodes[i], q, arm, count_wake);
			must_arm(&nodes[i]);
		}
		serve_one(q, arm->op->line);
		for (int i = 0; i < 3; i++) {
			ck_wakes(&nodes[i], round);
			must_be_served(&nodes[i]);
		}
		block_again(kind, q, arm);
	}
	ck_ok(coqueue_destroy(q));
}

static bool joins(const struct kind *kind, const struct arm *arm)
{
	(void)kind;
	return is_join(arm);
}

ARM_TEST(R5_a_joiner_that_was_woken_is_done_though_more_was_put_since, joins)
{
	coqueue_t *q = queue_for(kind, arm);
	struct node node;

	node_init(&node, q, arm, count_wake);
	for (unsigned round = 1; round <= 3; round++) {
		must_arm(&node);
		serve_one(q, JOINERS);
		block_again(kind, q, arm);
		ck_wakes(&node, round);
		ck_ok(arm_node(&node));
	}
	must_arm(&node);
	ck_ok(disarm_node(&node));
	ck_ok(coqueue_destroy(q));
}

static bool peeks(const struct kind *kind, const struct arm *arm)
{
	return can_be_served(kind, arm) && arm == peek_arm;
}

ARM_TEST(R5_a_peeker_that_was_woken_in_vain_waits_again, peeks)
{
	coqueue_t *q = queue_for(kind, arm);
	struct node node;

	node_init(&node, q, arm, count_wake);
	must_arm(&node);
	for (unsigned i = 1; i <= 3; i++) {
		serve_one(q, GETTERS);
		ck_wakes(&node, i);
		steal(q, arm);
		must_arm(&node);
	}
	serve_one(q, GETTERS);
	ck_wakes(&node, 4);
	must_be_served(&node);
	ck_ok(coqueue_destroy(q));
}

/* It costs one item, or room for one, no more. */
ARM_TEST(R5_E74_a_woken_node_that_never_tries_again_starves_nobody,
	 leaves_others_some)
{
	coqueue_t *q = queue_for(kind, arm);
	struct node lost, next;
	struct crew *crew;

	node_init(&lost, q, arm, count_wake);
	node_init(&next, q, arm, count_wake);
	must_arm(&lost);
	must_arm(&next);
	crew = crew_block(q, arm->op, 2);
	serve_one(q, arm->op->line);
	ck_wakes(&lost, 1);
	ck_wakes(&next, 0);
	serve_one(q, arm->op->line);
	ck_wakes(&next, 1);
	ck_ok(arm_node(&next));
	serve_one(q, arm->op->line);
	serve_one(q, arm->op->line);
	crew_expect(crew, 0);
	ck_wakes(&lost, 1);
	ck_code(disarm_node(&lost), EALREADY);
	ck_ok(coqueue_destroy(q));
}

/* More in flight than a slot has bytes, and than half of the ring. */
START_TEST(R5_each_item_wakes_one_however_many_were_woken_before)
{
	enum { N = 40, CAPACITY = 64 };
	const struct arm *arm = _i == 0 ? put_arm : get_arm;
	coqueue_t *q = queue_with(CAPACITY, arm == put_arm ? CAPACITY : 0);
	struct node nodes[N];

	for (int i = 0; i < N; i++) {
		node_init(&nodes[i], q, arm, count_wake);
		must_arm(&nodes[i]);
	}
	for (int i = 0; i < N; i++) {
		serve_one(q, arm->op->line);
		ck_wakes(&nodes[i], 1);
		if (i + 1 < N)
			ck_wakes(&nodes[i + 1], 0);
	}
	for (int i = 0; i < N; i++)
		must_be_served(&nodes[i]);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* ---- R7: one call and one queue ------------------------------------------ */

ARM_TEST(R7_arming_an_armed_node_again_keeps_its_place, is_served_in_turn)
{
	coqueue_t *q = queue_for(kind, arm);
	struct node nodes[3];

	for (int i = 0; i < 3; i++) {
		node_init(&nodes[i], q, arm, count_wake);
		must_arm(&nodes[i]);
	}
	must_arm(&nodes[1]);
	must_arm(&nodes[0]);
	must_arm(&nodes[0]);
	ck_assert_uint_eq(waiting_in(q, arm->op->line), 3);
	for (int i = 0; i < 3; i++) {
		serve_one(q, arm->op->line);
		for (int k = 0; k < 3; k++)
			ck_wakes(&nodes[k], k <= i);
		must_be_served(&nodes[i]);
	}
	ck_ok(coqueue_destroy(q));
}

ARM_TEST(R7_who_armed_anew_stands_at_the_end, is_served_in_turn)
{
	coqueue_t *q = queue_for(kind, arm);
	struct node first, second;

	node_init(&first, q, arm, count_wake);
	node_init(&second, q, arm, count_wake);
	must_arm(&first);
	must_arm(&second);
	ck_ok(disarm_node(&first));
	must_arm(&first);
	serve_one(q, arm->op->line);
	ck_wakes(&first, 0);
	ck_wakes(&second, 1);
	must_be_served(&second);
	serve_one(q, arm->op->line);
	ck_wakes(&first, 1);
	must_be_served(&first);
	ck_ok(coqueue_destroy(q));
}

ARM_TEST(R7_success_disarms, can_be_served)
{
	coqueue_t *q = queue_for(kind, arm);
	struct node node;

	node_init(&node, q, arm, count_wake);
	must_arm(&node);
	serve_one(q, arm->op->line);
	must_be_served(&node);
	ck_assert_uint_eq(waiting_in(q, arm->op->line), 0);
	ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
	ck_wakes(&node, 1);
	ck_code(disarm_node(&node), EALREADY);
	ck_ok(coqueue_destroy(q));
}

/* What the node is armed for stays, and nothing else is done. */
static void must_be_busy(struct node *node, coqueue_t *q, const struct arm *arm)
{
	coqueue_t *own_queue = node->q;
	const struct arm *own_arm = node->arm;
	size_t size = coqueue_size(q);
	long item = node->item;

	node->q = q;
	node->arm = arm;
	ck_code(arm_node(node), EBUSY);
	ck_assert_uint_eq(coqueue_size(q), size);
	ck_assert_int_eq(node->item, item);
	node->q = own_queue;
	node->arm = own_arm;
}

ARM_TEST(R7_another_call_or_queue_gives_EBUSY_and_changes_nothing,
	 can_be_served)
{
	coqueue_t *q = queue_for(kind, arm), *other = queue_with(3, 1);
	struct node node;

	node_init(&node, q, arm, count_wake);
	must_arm(&node);
	for (int woken = 0; woken <= 1; woken++) {
		for (int i = 0; i < N_ARMS; i++) {
			if (&arms[i] != arm)
				must_be_busy(&node, q, &arms[i]);
			must_be_busy(&node, other, &arms[i]);
		}
		ck_wakes(&node, (unsigned)woken);
		if (!woken)
			serve_one(q, arm->op->line);
	}
	must_be_served(&node);
	node.q = other;
	node.arm = get_arm;
	ck_ok(arm_node(&node));
	must_arm(&node);
	ck_ok(disarm_node(&node));
	ck_ok(coqueue_destroy(other));
	ck_ok(coqueue_destroy(q));
}

ARM_TEST(R7_EINVAL_comes_before_EBUSY_and_changes_nothing, can_be_served)
{
	coqueue_t *q = queue_for(kind, arm);
	coqueue_waiter_t without_wake = COQUEUE_WAITER_INIT(NULL, NULL);
	struct node node;
	long item = 1;

	node_init(&node, q, arm, count_wake);
	ck_code(arm->call(NULL, &item, &node.waiter), EINVAL);
	ck_code(arm->call(q, &item, NULL), EINVAL);
	ck_code(arm->call(q, &item, &without_wake), EINVAL);
	if (!is_join(arm))
		ck_code(arm->call(q, NULL, &node.waiter), EINVAL);
	ck_assert_uint_eq(waiting_in(q, arm->op->line), 0);
	ck_code(disarm_node(&node), EALREADY);
	must_arm(&node);
	ck_code(arm->call(NULL, &item, &node.waiter), EINVAL);
	if (!is_join(arm))
		ck_code(arm->call(q, NULL, &node.waiter), EINVAL);
	serve_one(q, arm->op->line);
	ck_wakes(&node, 1);
	must_be_served(&node);
	ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
	ck_code(arm->call(q, &item, NULL), EINVAL);
	ck_code(arm->call(q, &item, &without_wake), EINVAL);
	ck_ok(coqueue_destroy(q));
}

/* ---- G12: one line of threads and nodes ----------------------------------- */

ARM_TEST(G12_threads_and_nodes_are_served_in_the_order_in_which_they_came,
	 is_served_in_turn)
{
	coqueue_t *q = queue_for(kind, arm);
	struct node nodes[3];
	struct crew *threads[3];

	for (int i = 0; i < 3; i++) {
		threads[i] = crew_block(q, arm->op, 1);
		node_init(&nodes[i], q, arm, count_wake);
		must_arm(&nodes[i]);
	}
	for (int i = 0; i < 3; i++) {
		serve_one(q, arm->op->line);
		crew_expect(threads[i], 0);
		ck_wakes(&nodes[i], 0);
		serve_one(q, arm->op->line);
		ck_wakes(&nodes[i], 1);
		must_be_served(&nodes[i]);
	}
	ck_ok(coqueue_destroy(q));
}

ARM_TEST(E75_a_shutdown_reaches_threads_and_nodes, is_refused)
{
	for_each_mode(mode) {
		coqueue_t *q = queue_for(kind, arm);
		struct crew *threads[3];
		struct node nodes[3];

		for (int i = 0; i < 3; i++) {
			threads[i] = crew_block(q, arm->op, 1);
			node_init(&nodes[i], q, arm, count_wake);
			must_arm(&nodes[i]);
		}
		ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)mode));
		for (int i = 0; i < 3; i++) {
			crew_expect(threads[i], ESHUTDOWN);
			ck_wakes(&nodes[i], 1);
			ck_code(arm_node(&nodes[i]), ESHUTDOWN);
		}
		ck_ok(coqueue_destroy(q));
	}
}

/* ---- the rest of the queue ------------------------------------------------ */

ARM_TEST(E46_interrupt_does_not_concern_armed_nodes, can_be_served)
{
	coqueue_t *q = queue_for(kind, arm);
	struct crew *crew;
	struct node node;

	node_init(&node, q, arm, count_wake);
	must_arm(&node);
	crew = crew_block(q, arm->op, 2);
	ck_ok(coqueue_interrupt(q));
	crew_expect(crew, EINTR);
	ck_wakes(&node, 0);
	must_arm(&node);
	serve_one(q, arm->op->line);
	ck_wakes(&node, 1);
	must_be_served(&node);
	ck_ok(coqueue_destroy(q));
}

/* Which of them, of the calls that waited: each once, however often it tries. */
static uint64_t waits_of(const coqueue_t *q, const struct arm *arm)
{
	coqueue_stats_t stats = stats_of(q);

	return arm->op->line == PUTTERS ? stats.put_waits : stats.get_waits;
}

ARM_TEST(stats_count_armed_nodes, can_be_served)
{
	coqueue_t *q = queue_for(kind, arm);
	uint64_t waits = waits_of(q, arm), wakeups = stats_of(q).wakeups;
	struct node nodes[2];

	for (unsigned i = 0; i < 2; i++) {
		node_init(&nodes[i], q, arm, count_wake);
		must_arm(&nodes[i]);
		must_arm(&nodes[i]);
		ck_assert_uint_eq(waiting_in(q, arm->op->line), i + 1);
		if (!is_join(arm))
			ck_assert_uint_eq(waits_of(q, arm), waits + i + 1);
	}
	ck_ok(disarm_node(&nodes[0]));
	ck_assert_uint_eq(waiting_in(q, arm->op->line), 1);
	serve_one(q, arm->op->line);
	ck_assert_uint_eq(stats_of(q).wakeups, wakeups + 1);
	must_be_served(&nodes[1]);
	ck_assert_uint_eq(waiting_in(q, arm->op->line), 0);
	ck_ok(coqueue_destroy(q));
}

/* Armed, or woken by the shutdown of the destroy and not tried again. */
ARM_TEST(destroy_with_a_node_gives_EBUSY_and_has_only_shut_down, can_wait)
{
	for (int before = 0; before <= 1; before++) {
		coqueue_t *q = queue_for(kind, arm);
		struct crew *crew;
		struct node node;
		bool joins = is_join(arm);

		if (joins && !kind_is_rendezvous(kind))
			ck_ok(coqueue_try_get(q, &(long){0}));
		node_init(&node, q, arm, count_wake);
		must_arm(&node);
		if (before && !joins)
			ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
		crew = before || joins ? NULL : crew_block(q, arm->op, 1);
		ck_code(coqueue_destroy(q), EBUSY);
		ck_assert_int_eq(coqueue_state(q), COQUEUE_SHUT);
		if (crew)
			crew_expect(crew, ESHUTDOWN);
		ck_wakes(&node, !joins);
		ck_code(coqueue_destroy(q), EBUSY);
		ck_code(disarm_node(&node), joins ? 0 : EALREADY);
		ck_ok(coqueue_destroy(q));
	}
}

/* Not only disarm: who has tried again is out, too. */
ARM_TEST(destroy_after_the_node_has_tried_again_frees_the_queue, is_refused)
{
	coqueue_t *q = queue_for(kind, arm);
	struct node node;

	node_init(&node, q, arm, count_wake);
	must_arm(&node);
	ck_code(coqueue_destroy(q), EBUSY);
	ck_code(arm_node(&node), ESHUTDOWN);
	ck_ok(coqueue_destroy(q));
	ck_code(disarm_node(&node), EALREADY);
}

/* ---- many threads, each with nodes --------------------------------------- */

struct market {
	_Atomic uint64_t put, got; /* sums of items */
	unsigned items;
};

/* Now and then it changes its mind; item 0 does not exist. */
static int trade(struct hand *me, const struct arm *arm, _Atomic uint64_t *sum)
{
	struct market *market = me->arg;
	uint64_t random = suite_seed() + me->index;
	struct node node;

	node_init(&node, me->q, arm, count_wake);
	for (me->done = 0; me->done < market->items;) {
		int code;

		if (arm == put_arm)
			node.item = (long)(me->done + 1);
		code = random_below(&random, 4) ? arm_and_wait(me, &node)
						: arm_node(&node);
		if (code == EINPROGRESS) {
			unsigned before = wakes_of(&node);

			code = disarm_node(&node);
			if (code == 0 && wakes_of(&node) != before)
				return complain(me, "woken and disarmed");
			if (code == EALREADY)
				code = arm_and_wait(me, &node);
			else if (code == 0)
				continue;
		}
		if (code == ESHUTDOWN)
			return code;
		if (code != 0)
			return complain(me, "%s", code_name(code));
		atomic_fetch_add(sum, (uint64_t)node.item);
		me->done++;
	}
	return 0;
}

static int trade_put(struct hand *me)
{
	return trade(me, put_arm, &((struct market *)me->arg)->put);
}

static int trade_get(struct hand *me)
{
	return trade(me, get_arm, &((struct market *)me->arg)->got);
}

static int plain_put(struct hand *me)
{
	struct market *market = me->arg;

	for (long item = 1; item <= (long)market->items; item++) {
		int code = coqueue_put(me->q, &item);

		if (code != 0)
			return complain(me, "%s", code_name(code));
		atomic_fetch_add(&market->put, (uint64_t)item);
	}
	return 0;
}

static int plain_get(struct hand *me)
{
	struct market *market = me->arg;

	for (unsigned i = 0; i < market->items; i++) {
		long item;
		int code = coqueue_get(me->q, &item);

		if (code != 0)
			return complain(me, "%s", code_name(code));
		atomic_fetch_add(&market->got, (uint64_t)item);
	}
	return 0;
}

/* G4: as many who put as who get, half of them with nodes. */
START_TEST(G4_nodes_and_threads_lose_and_double_no_item)
{
	struct market market = {.items = scaled(2000)};
	coqueue_t *q = kind_with(&kinds[_i], 0);
	struct crew *crews[] = {
		crew_start(1, trade_put, q, &market),
		crew_start(1, trade_get, q, &market),
		crew_start(1, plain_put, q, &market),
		crew_start(1, plain_get, q, &market),
	};

	for (int i = 0; i < 4; i++)
		crew_expect(crews[i], 0);
	ck_assert_uint_eq(market.put, market.got);
	ck_assert_uint_eq(stats_of(q).puts, 2 * market.items);
	ck_assert_uint_eq(stats_of(q).gets, 2 * market.items);
	ck_assert_uint_eq(waiting_in(q, PUTTERS) + waiting_in(q, GETTERS), 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* ---- comparators ---------------------------------------------------------- */

static struct from_comparator {
	coqueue_t *q;
	struct node armed;
	int codes[N_ARMS], disarmed;
	bool active;
} from_comparator;

static int arm_and_compare(const void *a, const void *b, void *unused)
{
	struct from_comparator *from = &from_comparator;
	struct node node;

	for (int i = 0; from->active && i < N_ARMS; i++) {
		node_init(&node, from->q, &arms[i], count_wake);
		from->codes[i] = arm_node(&node);
		from->disarmed = coqueue_disarm(&node.waiter);
	}
	return compare_steps(a, b, unused);
}

START_TEST(E40_arming_in_a_comparator_gives_EDEADLK)
{
	struct from_comparator *from = &from_comparator;
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;
	coqueue_t *q, *other = queue_with(2, 1);

	attr.order = COQUEUE_PRIORITY;
	attr.compare = arm_and_compare;
	q = queue_with_attr(3, 2, attr);
	for (int own = 0; own <= 1; own++) {
		memset(from->codes, 0, sizeof(from->codes));
		from->q = own ? q : other;
		from->active = true;
		ck_ok(coqueue_put(q, &(long){5}));
		from->active = false;
		take_in_order(q, own, 1);
		for (int i = 0; i < N_ARMS; i++)
			ck_code(from->codes[i], EDEADLK);
		ck_code(from->disarmed, EDEADLK);
	}
	ck_assert_uint_eq(coqueue_size(other), 1);
	ck_ok(coqueue_destroy(other));
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* ---- eventfds ------------------------------------------------------------- */

static bool is_readable(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, 0) == 1;
}

static int new_eventfd(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static coqueue_waiter_t waiter_with_fd(int fd)
{
	coqueue_waiter_t w =
		COQUEUE_WAITER_INIT(coqueue_wake_eventfd, (void *)(intptr_t)fd);

	return w;
}

static void must_hold(int fd, uint64_t wanted)
{
	uint64_t value = 0;

	ck_assert(is_readable(fd) && is_readable(fd));
	ck_assert_int_eq(read(fd, &value, sizeof(value)), sizeof(value));
	ck_assert_uint_eq(value, wanted);
	ck_assert(!is_readable(fd));
}

START_TEST(E77_an_eventfd_is_readable_after_a_wake_and_stays_so)
{
	int fd = new_eventfd();
	coqueue_waiter_t w = waiter_with_fd(fd);
	coqueue_t *q = queue_with(2, 0);
	long item;

	for (int i = 0; i < 3; i++) {
		ck_code(coqueue_get_arm(q, &item, &w), EINPROGRESS);
		ck_assert(!is_readable(fd));
		ck_ok(coqueue_put(q, &(long){i}));
		must_hold(fd, 1);
		ck_ok(coqueue_get_arm(q, &item, &w));
		ck_assert_int_eq(item, i);
	}
	ck_code(coqueue_get_arm(q, &item, &w), EINPROGRESS);
	ck_ok(coqueue_disarm(&w));
	ck_ok(coqueue_put(q, &(long){3}));
	ck_assert(!is_readable(fd));
	close(fd);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(E77_a_shutdown_makes_every_eventfd_readable_for_good)
{
	for_each_mode(mode) {
		coqueue_t *q = queue_with(1, 0);
		coqueue_waiter_t w[3];
		int fds[3];
		long item;

		for (int i = 0; i < 3; i++) {
			fds[i] = new_eventfd();
			w[i] = waiter_with_fd(fds[i]);
			ck_code(coqueue_get_arm(q, &item, &w[i]), EINPROGRESS);
		}
		ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)mode));
		for (int i = 0; i < 3; i++) {
			must_hold(fds[i], 1);
			ck_code(coqueue_get_arm(q, &item, &w[i]), ESHUTDOWN);
			close(fds[i]);
		}
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* Several queues may share one. */
START_TEST(E77_an_eventfd_counts_the_wakes_of_several_queues)
{
	int fd = new_eventfd();
	coqueue_waiter_t w[3];
	coqueue_t *q[3];
	long item;

	for (int i = 0; i < 3; i++) {
		q[i] = queue_with(1, 0);
		w[i] = waiter_with_fd(fd);
		ck_code(coqueue_get_arm(q[i], &item, &w[i]), EINPROGRESS);
	}
	for (int i = 0; i < 3; i++)
		ck_ok(coqueue_put(q[i], &(long){i}));
	must_hold(fd, 3);
	for (int i = 0; i < 3; i++) {
		ck_ok(coqueue_get_arm(q[i], &item, &w[i]));
		ck_ok(coqueue_destroy(q[i]));
	}
	close(fd);
}
END_TEST

static int wait_for_readable(struct hand *me)
{
	struct pollfd poll_fd = {.fd = *(int *)me->arg, .events = POLLIN};

	return poll(&poll_fd, 1, (int)(limit_ns() / MS)) == 1
		       ? 0
		       : complain(me, "not readable");
}

START_TEST(E77_a_loop_that_polls_an_eventfd_is_woken)
{
	int fd = new_eventfd();
	coqueue_waiter_t w = waiter_with_fd(fd);
	coqueue_t *q = queue_with(1, 0);
	struct crew *crew;
	long item;

	ck_code(coqueue_get_arm(q, &item, &w), EINPROGRESS);
	crew = crew_start(1, wait_for_readable, q, &fd);
	ck_ok(coqueue_put(q, &(long){SERVED_ITEM}));
	crew_expect(crew, 0);
	ck_ok(coqueue_get_arm(q, &item, &w));
	ck_assert_int_eq(item, SERVED_ITEM);
	close(fd);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* Full, or no eventfd at all: the write fails, and nobody's errno tells. */
START_TEST(E77_an_eventfd_that_cannot_be_written_leaves_errno_alone)
{
	uint64_t most = UINT64_MAX - 1;
	int fd = new_eventfd();
	coqueue_t *q = queue_with(2, 0);
	int bad[2] = {fd, -1};
	long item = SERVED_ITEM;

	ck_assert_int_eq(write(fd, &most, sizeof(most)), sizeof(most));
	for (int i = 0; i < 2; i++) {
		coqueue_waiter_t w = waiter_with_fd(bad[i]);

		ck_code(coqueue_get_arm(q, &item, &w), EINPROGRESS);
		ck_ok(op_call(&ops[OP_PUT], q, &item, NULL));
		ck_ok(coqueue_get_arm(q, &item, &w));
	}
	must_hold(fd, most);
	close(fd);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* ---- suites --------------------------------------------------------------- */

int main(void)
{
	int failed = suite_run_arms(
		"arm",
		TESTS(R1_what_can_be_done_is_done_and_not_armed,
		      R1_what_cannot_be_done_is_armed_and_nothing_else,
		      R1_a_call_that_is_refused_does_not_arm,
		      R1_never_EINPROGRESS_once_a_shutdown_has_returned,
		      R1_R2_each_wake_up_comes_once_even_before_arm_returns,
		      R2_wake_runs_once_for_each_EINPROGRESS,
		      R2_no_wake_runs_after_disarm_returned_0,
		      R3_wake_runs_in_the_call_that_helped_after_its_effect,
		      R3_shutdown_wakes_who_can_no_longer_be_served,
		      R3_wake_runs_with_cancellation_disabled,
		      R4_E72_wake_may_call_the_same_queue_and_shut_it_down,
		      R4_a_chain_of_wakes_on_one_queue_does_not_recurse,
		      R4_a_shutdown_in_a_wake_wakes_the_others,
		      R5_E78_who_was_woken_in_vain_keeps_its_place,
		      R5_what_serves_one_peeker_or_joiner_serves_all,
		      R5_a_joiner_that_was_woken_is_done_though_more_was_put_since,
		      R5_a_peeker_that_was_woken_in_vain_waits_again,
		      R5_E74_a_woken_node_that_never_tries_again_starves_nobody,
		      R7_arming_an_armed_node_again_keeps_its_place,
		      R7_who_armed_anew_stands_at_the_end, R7_success_disarms,
		      R7_another_call_or_queue_gives_EBUSY_and_changes_nothing,
		      R7_EINVAL_comes_before_EBUSY_and_changes_nothing,
		      G12_threads_and_nodes_are_served_in_the_order_in_which_they_came,
		      E75_a_shutdown_reaches_threads_and_nodes,
		      E46_interrupt_does_not_concern_armed_nodes,
		      stats_count_armed_nodes,
		      destroy_with_a_node_gives_EBUSY_and_has_only_shut_down,
		      destroy_after_the_node_has_tried_again_frees_the_queue));

	failed |= suite_run_each(
		"arm, kinds",
		TESTS(G4_nodes_and_threads_lose_and_double_no_item), N_KINDS);
	failed |= suite_run_each(
		"arm, many",
		TESTS(R5_each_item_wakes_one_however_many_were_woken_before),
		2);
	failed |= suite_run(
		"arm, others",
		TESTS(R3_other_calls_that_help_wake_too,
		      R4_what_would_block_in_a_wake_gives_EDEADLK,
		      R4_a_blocking_call_that_need_not_wait_works_in_a_wake,
		      R4_destroy_that_would_wait_in_a_wake_gives_EDEADLK,
		      R4_a_try_in_a_wake_meets_a_thread_that_waits,
		      R4_ten_thousand_chained_wakes_do_not_recurse,
		      R4_wakes_caused_in_a_wake_run_after_it_and_before_the_call_returns,
		      R2_a_node_that_is_armed_before_its_wake_has_begun_is_woken_by_it,
		      E40_arming_in_a_comparator_gives_EDEADLK,
		      E77_an_eventfd_is_readable_after_a_wake_and_stays_so,
		      E77_a_shutdown_makes_every_eventfd_readable_for_good,
		      E77_an_eventfd_counts_the_wakes_of_several_queues,
		      E77_a_loop_that_polls_an_eventfd_is_woken,
		      E77_an_eventfd_that_cannot_be_written_leaves_errno_alone));
	return failed;
}
