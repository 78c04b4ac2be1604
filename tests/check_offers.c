/* SPDX-License-Identifier: MIT */
/* Offers: what an armed put or get is at a rendezvous, rule R8 of waiters. */
#include "nodes.h"

static const struct arm *partner_of(const struct arm *arm)
{
	return arm == put_arm ? get_arm : put_arm;
}

static void check_completed(struct node *node, coqueue_t *q, uint64_t passed,
			    long item)
{
	ck_wakes(node, 1);
	ck_ok(arm_node(node));
	ck_assert_int_eq(node->item, item);
	ck_assert_uint_eq(stats_of(q).puts, passed);
	ck_assert_uint_eq(stats_of(q).gets, passed);
	ck_code(disarm_node(node), EALREADY);
	ck_wakes(node, 1);
}

/* Whichever call the partner makes; a try meets it, too. */
static void meet_by_calls(const struct arm *arm)
{
	for_each_op(op) {
		coqueue_t *q = queue_with(0, 0);
		struct node node;
		long item = SERVED_ITEM;

		if (helps(op, arm)) {
			node_init(&node, q, arm, count_wake);
			must_arm(&node);
			ck_ok(op_call(op, q, &item, COQUEUE_NOWAIT));
			ck_assert_int_eq(item, arm == put_arm ? MY_ITEM
							      : SERVED_ITEM);
			check_completed(&node, q, 1, item);
			ck_assert_uint_eq(coqueue_unfinished(q), 1);
		}
		ck_ok(coqueue_destroy(q));
	}
}

START_TEST(R8_an_armed_put_is_taken_by_every_form_of_get)
{
	meet_by_calls(put_arm);
}
END_TEST

START_TEST(R8_an_armed_get_is_served_by_every_form_of_put)
{
	meet_by_calls(get_arm);
}
END_TEST

START_TEST(R8_an_armed_put_and_an_armed_get_meet)
{
	for (int i = ARM_PUT; i <= ARM_GET; i++) {
		coqueue_t *q = queue_with(0, 0);
		struct node offer, comes;

		node_init(&offer, q, &arms[i], count_wake);
		node_init(&comes, q, partner_of(&arms[i]), count_wake);
		if (i == ARM_PUT)
			comes.item = 0;
		else
			offer.item = 0;
		must_arm(&offer);
		ck_ok(arm_node(&comes));
		ck_wakes(&comes, 0);
		ck_assert_int_eq(comes.item, MY_ITEM);
		check_completed(&offer, q, 1, MY_ITEM);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* The thread must first wake up: 0, or armed and then woken. */
START_TEST(R8_an_offer_meets_a_thread_that_waits)
{
	for (int i = ARM_PUT; i <= ARM_GET; i++) {
		const struct arm *arm = &arms[i];
		coqueue_t *q = queue_with(0, 0);
		struct crew *crew = crew_block(q, partner_of(arm)->op, 1);
		struct node node;
		int code;

		node_init(&node, q, arm, count_wake);
		code = arm_node(&node);
		if (code == EINPROGRESS) {
			await(wakes_of(&node) == 1);
			code = arm_node(&node);
		}
		ck_ok(code);
		crew_join(crew);
		ck_assert_int_eq(crew->hands[0].item, node.item);
		crew_expect(crew, 0);
		ck_assert_uint_eq(stats_of(q).puts, 1);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* E48, E49 */
START_TEST(R8_the_result_of_an_offer_is_kept_over_a_shutdown)
{
	for_each_mode(mode)
		for (int i = ARM_PUT; i <= ARM_GET; i++) {
			coqueue_t *q = queue_with(0, 0);
			struct node met, alone;

			node_init(&met, q, &arms[i], count_wake);
			node_init(&alone, q, &arms[i], count_wake);
			must_arm(&met);
			must_arm(&alone);
			serve_one(q, arms[i].op->line);
			ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)mode));
			ck_wakes(&met, 1);
			ck_wakes(&alone, 1);
			ck_code(arm_node(&alone), ESHUTDOWN);
			ck_assert_int_eq(alone.item, MY_ITEM);
			ck_ok(arm_node(&met));
			ck_assert_int_eq(met.item,
					 i == ARM_GET ? SERVED_ITEM : MY_ITEM);
			ck_code(arm_node(&met), ESHUTDOWN);
			ck_assert_uint_eq(stats_of(q).puts, 1);
			ck_assert_uint_eq(stats_of(q).discarded, 0);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

START_TEST(R8_after_EALREADY_one_retry_tells_that_it_was_completed)
{
	for (int i = ARM_PUT; i <= ARM_GET; i++) {
		coqueue_t *q = queue_with(0, 0);
		struct node node;

		node_init(&node, q, &arms[i], count_wake);
		must_arm(&node);
		serve_one(q, arms[i].op->line);
		ck_code(disarm_node(&node), EALREADY);
		ck_code(disarm_node(&node), EALREADY);
		check_completed(&node, q, 1,
				i == ARM_GET ? SERVED_ITEM : MY_ITEM);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(R8_after_EALREADY_one_retry_tells_that_it_was_refused)
{
	for_each_mode(mode)
		for (int i = ARM_PUT; i <= ARM_GET; i++) {
			coqueue_t *q = queue_with(0, 0);
			struct node node;

			node_init(&node, q, &arms[i], count_wake);
			must_arm(&node);
			ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)mode));
			ck_code(disarm_node(&node), EALREADY);
			ck_code(arm_node(&node), ESHUTDOWN);
			ck_assert_int_eq(node.item, MY_ITEM);
			ck_assert_uint_eq(stats_of(q).puts, 0);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

START_TEST(R8_disarm_gives_0_when_nobody_took_the_offer)
{
	for (int i = ARM_PUT; i <= ARM_GET; i++) {
		coqueue_t *q = queue_with(0, 0);
		struct node node;
		long item = SERVED_ITEM;

		node_init(&node, q, &arms[i], count_wake);
		must_arm(&node);
		ck_ok(disarm_node(&node));
		ck_code(coqueue_try_get(q, &item), EAGAIN);
		ck_code(coqueue_try_put(q, &item), EAGAIN);
		ck_assert_int_eq(node.item, MY_ITEM);
		ck_assert_uint_eq(stats_of(q).puts, 0);
		must_arm(&node);
		serve_one(q, arms[i].op->line);
		check_completed(&node, q, 1,
				i == ARM_GET ? SERVED_ITEM : MY_ITEM);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* What is put and got meanwhile is another's. */
START_TEST(R8_an_armed_peek_ends_by_shutdown_alone)
{
	for_each_mode(mode) {
		coqueue_t *q = queue_with(0, 0);
		struct node peek, put;
		long item;

		node_init(&peek, q, peek_arm, count_wake);
		node_init(&put, q, put_arm, count_wake);
		must_arm(&peek);
		must_arm(&put);
		must_arm(&peek);
		ck_ok(coqueue_try_get(q, &item));
		ck_ok(arm_node(&put));
		ck_code(coqueue_try_put(q, &item), EAGAIN);
		must_arm(&peek);
		ck_wakes(&peek, 0);
		ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)mode));
		ck_wakes(&peek, 1);
		ck_code(arm_node(&peek), ESHUTDOWN);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(R8_offers_are_taken_in_the_order_in_which_they_were_made)
{
	coqueue_t *q = queue_with(0, 0);
	struct node nodes[3];
	long item;

	for (int i = 0; i < 3; i++) {
		node_init(&nodes[i], q, put_arm, count_wake);
		nodes[i].item = i;
		must_arm(&nodes[i]);
	}
	must_arm(&nodes[1]);
	for (int i = 0; i < 3; i++) {
		ck_ok(coqueue_try_get(q, &item));
		ck_assert_int_eq(item, i);
		check_completed(&nodes[i], q, (uint64_t)i + 1, i);
	}
	for (int i = 0; i < 3; i++) {
		node_init(&nodes[i], q, get_arm, count_wake);
		must_arm(&nodes[i]);
	}
	must_arm(&nodes[1]);
	for (int i = 0; i < 3; i++) {
		item = 10 + i;
		ck_ok(coqueue_try_put(q, &item));
		check_completed(&nodes[i], q, (uint64_t)i + 4, 10 + i);
	}
	ck_ok(coqueue_destroy(q));
}
END_TEST

static int put_this(struct hand *me)
{
	return coqueue_put(me->q, me->arg);
}

/* Threads that sleep consent first, and yet are served in their turn (G12). */
static void take_from_nodes_and_threads(const struct op *get)
{
	coqueue_t *q = queue_with(0, 0);
	long items[3] = {1, 3, 5}, item;
	struct crew *threads[3];
	struct node nodes[3];

	for (int i = 0; i < 3; i++) {
		node_init(&nodes[i], q, put_arm, count_wake);
		nodes[i].item = 2 * i;
		must_arm(&nodes[i]);
		threads[i] = crew_start(1, put_this, q, &items[i]);
		await_waiting(q, PUTTERS, (size_t)(2 * i + 2));
	}
	for (int i = 0; i < 6; i++) {
		ck_ok(op_call(get, q, &item, COQUEUE_NOWAIT));
		ck_assert_int_eq(item, i);
	}
	for (int i = 0; i < 3; i++) {
		crew_expect(threads[i], 0);
		ck_wakes(&nodes[i], 1);
		ck_ok(arm_node(&nodes[i]));
	}
	ck_ok(coqueue_destroy(q));
}

START_TEST(R8_offers_and_threads_of_one_side_are_served_in_their_order)
{
	for_each_op(op)
		if (op->line == GETTERS && !op->keeps)
			take_from_nodes_and_threads(op);
}
END_TEST

int main(void)
{
	return suite_run(
		"offers",
		TESTS(R8_an_armed_put_is_taken_by_every_form_of_get,
		      R8_an_armed_get_is_served_by_every_form_of_put,
		      R8_an_armed_put_and_an_armed_get_meet,
		      R8_an_offer_meets_a_thread_that_waits,
		      R8_the_result_of_an_offer_is_kept_over_a_shutdown,
		      R8_after_EALREADY_one_retry_tells_that_it_was_completed,
		      R8_after_EALREADY_one_retry_tells_that_it_was_refused,
		      R8_disarm_gives_0_when_nobody_took_the_offer,
		      R8_an_armed_peek_ends_by_shutdown_alone,
		      R8_offers_are_taken_in_the_order_in_which_they_were_made,
		      R8_offers_and_threads_of_one_side_are_served_in_their_order));
}
