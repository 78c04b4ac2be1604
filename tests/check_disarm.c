/* SPDX-License-Identifier: MIT */
/*
 * Disarming: rule R6 of waiters, and what becomes of a hint whose owner gives up
 * (G10, E67 to E73).
 */
#include "nodes.h"

/* ---- G10: a hint does not leave with its owner --------------------------- */

ARM_TEST(R6_E67_E68_a_woken_node_that_is_disarmed_passes_the_hint_on,
	 can_be_stolen)
{
	coqueue_t *q = queue_for(kind, arm);
	struct visit visit = {.spare = queue_with(1, 0)};
	struct node first, second;

	node_init(&first, q, arm, count_wake);
	node_init(&second, q, arm, look_around);
	second.arg = &visit;
	must_arm(&first);
	must_arm(&second);
	serve_one(q, arm->op->line);
	ck_wakes(&first, 1);
	ck_wakes(&second, 0);
	ck_assert_uint_eq(stats_of(q).passed_on, 0);
	ck_code(disarm_node(&first), EALREADY);
	ck_wakes(&second, 1);
	ck_assert_uint_eq(stats_of(q).passed_on, 1);
	check_visit(&visit);
	ck_ok(coqueue_destroy(visit.spare));
	ck_ok(coqueue_destroy(q));
}

ARM_TEST(R6_E67_E68_a_woken_node_that_is_disarmed_lets_a_thread_go,
	 can_be_stolen)
{
	coqueue_t *q = queue_for(kind, arm);
	struct crew *crew;
	struct node node;

	node_init(&node, q, arm, count_wake);
	must_arm(&node);
	crew = crew_block(q, arm->op, 1);
	serve_one(q, arm->op->line);
	ck_wakes(&node, 1);
	ck_assert_uint_eq(crew_finished(crew), 0);
	ck_code(disarm_node(&node), EALREADY);
	crew_expect(crew, 0);
	ck_ok(coqueue_destroy(q));
}

/* Used up by a stranger, there is nothing to pass on. */
ARM_TEST(R6_E67_E68_a_hint_that_came_to_nothing_is_not_passed_on, can_be_stolen)
{
	coqueue_t *q = queue_for(kind, arm);
	struct node first, second;

	node_init(&first, q, arm, count_wake);
	node_init(&second, q, arm, count_wake);
	must_arm(&first);
	must_arm(&second);
	serve_one(q, arm->op->line);
	steal(q, arm);
	ck_code(disarm_node(&first), EALREADY);
	ck_wakes(&second, 0);
	serve_one(q, arm->op->line);
	ck_wakes(&second, 1);
	ck_ok(arm_node(&second));
	ck_ok(coqueue_destroy(q));
}

/* The other way round: a thread that is cancelled, and a node behind it. */
ARM_TEST(R6_E67_E68_a_cancelled_thread_passes_the_hint_to_a_node,
	 is_served_in_turn)
{
	for (unsigned round = 0; round < scaled(60); round++) {
		coqueue_t *q = queue_for(kind, arm);
		struct crew *crew = crew_block(q, arm->op, 1);
		struct node node;

		node_init(&node, q, arm, count_wake);
		must_arm(&node);
		if (round % 2)
			crew_cancel(crew);
		serve_one(q, arm->op->line);
		crew_cancel(crew);
		crew_join(crew);
		if (crew_count(crew, 0) == 1)
			serve_one(q, arm->op->line);
		crew_free(crew);
		await(wakes_of(&node) == 1);
		ck_ok(arm_node(&node));
		ck_ok(coqueue_destroy(q));
	}
}

/* E69: whom a shutdown woke has been told; nobody else waits for that. */
ARM_TEST(E69_disarm_of_one_who_was_woken_by_shutdown_gives_EALREADY, is_refused)
{
	for_each_mode(mode) {
		coqueue_t *q = queue_for(kind, arm);
		struct node first, second;

		node_init(&first, q, arm, count_wake);
		node_init(&second, q, arm, count_wake);
		must_arm(&first);
		must_arm(&second);
		ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)mode));
		ck_code(disarm_node(&first), EALREADY);
		ck_wakes(&first, 1);
		ck_wakes(&second, 1);
		ck_code(arm_node(&second), ESHUTDOWN);
		ck_ok(coqueue_destroy(q));
	}
}

/* E71: whoever comes and goes leaves nothing behind. */
ARM_TEST(E71_disarmed_nodes_are_out_of_the_line_at_once, can_wait)
{
	coqueue_t *q = queue_for(kind, arm);
	struct node stays, node;
	long before = 0;

	node_init(&stays, q, arm, count_wake);
	must_arm(&stays);
	for (unsigned i = 0; i < scaled(20000); i++) {
		node_init(&node, q, arm, count_wake);
		must_arm(&node);
		ck_ok(disarm_node(&node));
		ck_code(disarm_node(&node), EALREADY);
		if (i == 1000)
			before = resident();
	}
	ck_assert_uint_eq(waiting_in(q, arm->op->line), 1);
	ck_assert_int_le(resident() - before, 1 << 20);
	ck_ok(disarm_node(&stays));
	ck_ok(coqueue_destroy(q));
}

/* ---- R6: disarm ----------------------------------------------------------- */

ARM_TEST(R6_E70_disarm_of_what_is_not_armed_changes_nothing, can_be_served)
{
	coqueue_t *q = queue_for(kind, arm);
	struct node never, served, waits;

	node_init(&never, q, arm, count_wake);
	node_init(&served, q, arm, count_wake);
	node_init(&waits, q, arm, count_wake);
	ck_code(disarm_node(&never), EALREADY);
	must_arm(&served);
	serve_one(q, arm->op->line);
	must_be_served(&served);
	block_again(kind, q, arm);
	must_arm(&waits);
	ck_code(disarm_node(&never), EALREADY);
	ck_code(disarm_node(&served), EALREADY);
	ck_code(coqueue_disarm(NULL), EINVAL);
	ck_assert_uint_eq(waiting_in(q, arm->op->line), 1);
	ck_wakes(&waits, 0);
	serve_one(q, arm->op->line);
	ck_wakes(&waits, 1);
	ck_ok(arm_node(&waits));
	ck_ok(coqueue_destroy(q));
}

static void disarm_itself(coqueue_waiter_t *w)
{
	struct node *node = node_of(w);

	count_wake(w);
	node->result = disarm_node(node);
}

ARM_TEST(R6_disarm_in_ones_own_wake_gives_EALREADY, can_be_served)
{
	coqueue_t *q = queue_for(kind, arm);
	struct node node;

	node_init(&node, q, arm, disarm_itself);
	must_arm(&node);
	serve_one(q, arm->op->line);
	ck_wakes(&node, 1);
	ck_code(node.result, EALREADY);
	ck_code(disarm_node(&node), EALREADY);
	ck_ok(coqueue_destroy(q));
}

static void arm_and_disarm_itself(coqueue_waiter_t *w)
{
	struct node *node = node_of(w);
	int *results = node->arg;

	count_wake(w);
	/* what it was woken for, and what is not there then */
	for (int i = 0; i < 3 && results[0] != EINPROGRESS; i++)
		results[0] = arm_node(node);
	results[1] = disarm_node(node);
	results[2] = disarm_node(node);
}

ARM_TEST(R6_disarm_of_one_armed_again_in_its_own_wake_gives_0,
	 is_served_in_turn)
{
	coqueue_t *q = queue_for(kind, arm);
	int results[3] = {-1, -1, -1};
	struct node node;

	node_init(&node, q, arm, arm_and_disarm_itself);
	node.arg = results;
	must_arm(&node);
	serve_one(q, arm->op->line);
	ck_wakes(&node, 1);
	ck_code(results[0], EINPROGRESS);
	ck_code(results[1], 0);
	ck_code(results[2], EALREADY);
	ck_assert_uint_eq(waiting_in(q, arm->op->line), 0);
	ck_ok(coqueue_destroy(q));
}

static void disarm_the_other(coqueue_waiter_t *w)
{
	struct node *node = node_of(w);

	count_wake(w);
	node->result = disarm_node(node->other);
}

/* Armed nodes, of which one, when it is woken, disarms the next. */
static void arm_batch(struct node *nodes, int n, coqueue_t *q,
		      const struct arm *arm, int disarms)
{
	for (int i = 0; i < n; i++) {
		node_init(&nodes[i], q, arm,
			  i == disarms ? disarm_the_other : count_wake);
		must_arm(&nodes[i]);
	}
	nodes[disarms].other = &nodes[disarms + 1];
}

/* The batch is woken one by one, and one takes out another before its turn. */
ARM_TEST(R6_one_of_a_batch_is_disarmed_by_an_earlier_ones_wake, is_refused)
{
	for_each_mode(mode) {
		coqueue_t *q = queue_for(kind, arm);
		struct node nodes[4];

		arm_batch(nodes, 4, q, arm, 1);
		ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)mode));
		ck_ok(nodes[1].result);
		for (int i = 0; i < 4; i++)
			ck_wakes(&nodes[i], i != 2);
		ck_code(disarm_node(&nodes[2]), EALREADY);
		for (int i = 0; i < 4; i++)
			if (i != 2)
				ck_code(arm_node(&nodes[i]), ESHUTDOWN);
		ck_wakes(&nodes[2], 0);
		ck_ok(coqueue_destroy(q));
	}
}

START_TEST(R6_one_of_many_joiners_is_disarmed_by_an_earlier_ones_wake)
{
	coqueue_t *q = queue_with(1, 1);
	struct node nodes[4];

	arm_batch(nodes, 4, q, join_arm, 1);
	ck_ok(coqueue_task_done(q, 1));
	ck_ok(nodes[1].result);
	for (int i = 0; i < 4; i++)
		ck_wakes(&nodes[i], i != 2);
	for (int i = 0; i < 4; i++)
		ck_code(disarm_node(&nodes[i]), EALREADY);
	ck_ok(coqueue_destroy(q));
}
END_TEST

static int serve_two(coqueue_t *q, const struct arm *arm)
{
	long items[2] = {SERVED_ITEM, SERVED_ITEM};
	size_t done;

	return arm->op->line == GETTERS
		       ? coqueue_put_many(q, items, 2, COQUEUE_NOWAIT, &done)
		       : coqueue_get_many(q, items, 2, COQUEUE_NOWAIT, &done);
}

/* Two are to be woken; the first takes out the second, whose hint goes on. */
ARM_TEST(R6_E67_E68_a_hint_on_its_way_to_one_who_is_disarmed_goes_on,
	 leaves_others_some)
{
	coqueue_t *q = queue_for(kind, arm);
	struct node nodes[3];

	arm_batch(nodes, 3, q, arm, 0);
	ck_ok(serve_two(q, arm));
	ck_wakes(&nodes[0], 1);
	ck_ok(nodes[0].result);
	ck_wakes(&nodes[1], 0);
	ck_wakes(&nodes[2], 1);
	ck_ok(arm_node(&nodes[0]));
	ck_ok(arm_node(&nodes[2]));
	ck_code(disarm_node(&nodes[1]), EALREADY);
	ck_ok(coqueue_destroy(q));
}

/* The same, when the wake-up is put off because of the wake that caused it. */
struct put_off {
	struct node inner, behind;
	int disarmed;
};

static void serve_and_disarm(coqueue_waiter_t *w)
{
	struct put_off *put_off = node_of(w)->arg;

	serve_one(put_off->inner.q, put_off->inner.arm->op->line);
	put_off->disarmed = disarm_node(&put_off->inner);
}

ARM_TEST(R6_E67_E68_a_hint_that_was_put_off_goes_on_when_its_owner_is_disarmed,
	 can_be_stolen)
{
	struct put_off put_off = {.disarmed = -1};
	coqueue_t *q = queue_for(kind, arm);

	node_init(&put_off.inner, q, arm, count_wake);
	node_init(&put_off.behind, q, arm, count_wake);
	must_arm(&put_off.inner);
	must_arm(&put_off.behind);
	in_a_wake(serve_and_disarm, &put_off);
	ck_ok(put_off.disarmed);
	ck_wakes(&put_off.inner, 0);
	ck_wakes(&put_off.behind, 1);
	ck_ok(arm_node(&put_off.behind));
	ck_code(disarm_node(&put_off.inner), EALREADY);
	ck_ok(coqueue_destroy(q));
}

/* ---- R6: disarm, while wake runs in another thread ------------------------ */

/* A wake function that stays until it is let go, and touches no node. */
static struct gate {
	_Atomic unsigned entered, left;
	_Atomic bool open;
} gate;

static void wait_at_gate(coqueue_waiter_t *w)
{
	(void)w;
	atomic_fetch_add(&gate.entered, 1);
	while (!atomic_load(&gate.open))
		sched_yield();
	atomic_fetch_add(&gate.left, 1);
}

static int serve_this_line(struct hand *me)
{
	const struct arm *arm = me->arg;

	return serve_line(me->q, arm->op->line);
}

/* Serve the one that is armed in another thread, which stays in its wake. */
static struct crew *served_up_to_the_gate(coqueue_t *q, const struct arm *arm)
{
	struct crew *crew;

	memset(&gate, 0, sizeof(gate));
	crew = crew_start(1, serve_this_line, q, (void *)(uintptr_t)arm);
	await(atomic_load(&gate.entered) == 1);
	return crew;
}

static void open_gate(void)
{
	for (int i = 0; i < 2000; i++) /* let those go wrong who would */
		sched_yield();
	ck_assert_uint_eq(atomic_load(&gate.left), 0);
	atomic_store(&gate.open, true);
}

static int disarm_and_look(struct hand *me)
{
	int code = disarm_node(me->arg);

	if (atomic_load(&gate.left) == 0)
		return complain(me, "%s while wake runs", code_name(code));
	return code;
}

ARM_TEST(R6_disarm_waits_for_a_wake_that_runs_in_another_thread, can_be_served)
{
	coqueue_t *q = queue_for(kind, arm);
	struct crew *server, *crew;
	struct node node;

	node_init(&node, q, arm, wait_at_gate);
	must_arm(&node);
	server = served_up_to_the_gate(q, arm);
	crew = crew_start(2, disarm_and_look, NULL, &node);
	open_gate();
	crew_expect(crew, EALREADY);
	crew_expect(server, 0);
	ck_ok(coqueue_destroy(q));
}

/* Also of one who has tried again meanwhile, and was served or waits again. */
ARM_TEST(R6_disarm_waits_for_an_earlier_wake_of_one_who_has_tried_again,
	 can_be_served)
{
	for (int waits_again = 0; waits_again <= 1; waits_again++) {
		coqueue_t *q = queue_for(kind, arm);
		struct crew *server, *crew;
		struct node node;

		node_init(&node, q, arm, wait_at_gate);
		must_arm(&node);
		server = served_up_to_the_gate(q, arm);
		must_be_served(&node);
		if (waits_again) {
			block_again(kind, q, arm);
			must_arm(&node);
		}
		crew = crew_start(1, disarm_and_look, NULL, &node);
		open_gate();
		crew_expect(crew, waits_again ? 0 : EALREADY);
		crew_expect(server, 0);
		ck_ok(coqueue_destroy(q));
	}
}

ARM_TEST(R6_disarm_in_a_wake_while_that_ones_runs_elsewhere_gives_EBUSY,
	 can_be_served)
{
	coqueue_t *q = queue_for(kind, arm), *own = queue_with(1, 0);
	struct crew *server;
	struct node node, asks;

	node_init(&node, q, arm, wait_at_gate);
	node_init(&asks, own, get_arm, disarm_the_other);
	asks.other = &node;
	must_arm(&node);
	must_arm(&asks);
	server = served_up_to_the_gate(q, arm);
	serve_one(own, GETTERS);
	ck_wakes(&asks, 1);
	ck_code(asks.result, EBUSY);
	open_gate();
	ck_code(disarm_node(&node), EALREADY);
	ck_assert_uint_eq(atomic_load(&gate.left), 1);
	crew_expect(server, 0);
	ck_code(disarm_node(&asks), EALREADY);
	ck_ok(coqueue_destroy(own));
	ck_ok(coqueue_destroy(q));
}

/* R7, E72: the owner has tried again, so the node is its own; the wake function
 * returns when there is no node any more. */
ARM_TEST(R6_E72_a_node_may_be_gone_before_its_wake_has_returned, can_be_served)
{
	coqueue_t *q = queue_for(kind, arm);
	struct node *node = malloc(sizeof(*node));
	struct crew *server;

	ck_assert_ptr_nonnull(node);
	node_init(node, q, arm, wait_at_gate);
	must_arm(node);
	server = served_up_to_the_gate(q, arm);
	must_be_served(node);
	memset(node, 0x5a, sizeof(*node));
	free(node);
	open_gate();
	crew_expect(server, 0);
	ck_ok(coqueue_destroy(q));
}

/* More nodes than wakes can be told apart by. */
static int use_nodes(void *unused)
{
	enum { MANY = 1000 };
	static struct node nodes[MANY];

	(void)unused;
	for (int i = 0; i < MANY; i++) {
		coqueue_t *q = NULL;
		long item = 1;

		if (coqueue_create(&q, 1, NULL) != 0)
			return 1;
		node_init(&nodes[i], q, get_arm, count_wake);
		if (arm_node(&nodes[i]) != EINPROGRESS ||
		    coqueue_put(q, &item) != 0 || wakes_of(&nodes[i]) != 1 ||
		    disarm_node(&nodes[i]) != EALREADY ||
		    arm_node(&nodes[i]) != 0 || coqueue_destroy(q) != 0)
			return 2;
	}
	return 0;
}

/* The wake is lost to the child, with its thread. */
START_TEST(G15_a_child_that_is_forked_while_a_wake_runs_uses_its_own_nodes)
{
	coqueue_t *q = queue_with(1, 0);
	struct crew *server;
	struct node node;

	node_init(&node, q, get_arm, wait_at_gate);
	must_arm(&node);
	server = served_up_to_the_gate(q, get_arm);
	check_in_child(use_nodes, NULL);
	open_gate();
	crew_expect(server, 0);
	ck_code(disarm_node(&node), EALREADY);
	ck_ok(coqueue_destroy(q));
}
END_TEST

static void try_again_and_free(coqueue_waiter_t *w)
{
	struct node *node = node_of(w);
	_Atomic unsigned *freed = node->arg;

	if (arm_node(node) != 0)
		return;
	memset(node, 0x5a, sizeof(*node));
	free(node);
	atomic_fetch_add(freed, 1);
}

ARM_TEST(R4_E72_a_wake_function_may_free_its_node, can_be_served)
{
	coqueue_t *q = queue_for(kind, arm);
	_Atomic unsigned freed = 0;

	for (unsigned i = 1; i <= 3; i++) {
		struct node *node = malloc(sizeof(*node));

		ck_assert_ptr_nonnull(node);
		node_init(node, q, arm, try_again_and_free);
		node->arg = &freed;
		must_arm(node);
		serve_one(q, arm->op->line);
		ck_assert_uint_eq(atomic_load(&freed), i);
		block_again(kind, q, arm);
	}
	ck_ok(coqueue_destroy(q));
}

static void disarm_and_free(coqueue_waiter_t *w)
{
	struct node *node = node_of(w);
	int *result = node->arg;

	*result = coqueue_disarm(w);
	memset(node, 0x5a, sizeof(*node));
	free(node);
}

ARM_TEST(R4_E72_a_wake_function_may_disarm_and_free_its_node, can_be_served)
{
	coqueue_t *q = queue_for(kind, arm);
	struct node *node = malloc(sizeof(*node));
	int result = -1;

	ck_assert_ptr_nonnull(node);
	node_init(node, q, arm, disarm_and_free);
	node->arg = &result;
	must_arm(node);
	serve_one(q, arm->op->line);
	ck_code(result, EALREADY);
	ck_ok(coqueue_destroy(q));
}

/* ---- R6: a race of disarm with wake --------------------------------------- */

struct duel {
	const struct kind *kind;
	const struct arm *arm;
	_Atomic bool over;
	_Atomic unsigned wakes; /* of the node there is at present */
};

static void count_for_duel(coqueue_waiter_t *w)
{
	struct duel *duel = node_of(w)->arg;

	atomic_fetch_add(&duel->wakes, 1);
}

/* After EALREADY it may have been served (R8): try again, until it is known. */
static int leave_duel(struct hand *me, struct node *node)
{
	struct duel *duel = me->arg;
	int code, wanted;

	for (;;) {
		code = disarm_node(node);
		wanted = code == EALREADY;
		if (code != 0 && code != EALREADY)
			return complain(me, "disarm: %s", code_name(code));
		if (atomic_exchange(&duel->wakes, 0) != (unsigned)wanted)
			return complain(me, "%s, and woken or not",
					code_name(code));
		if (code == 0 || !kind_is_rendezvous(duel->kind))
			return EINPROGRESS;
		code = arm_node(node);
		if (code != EINPROGRESS)
			return code;
	}
}

static int arm_and_leave_often(struct hand *me)
{
	struct duel *duel = me->arg;
	uint64_t random = suite_seed();
	long item;

	for (unsigned i = 0; i < scaled(1500); i++) {
		struct node *node = malloc(sizeof(*node));
		int code;

		if (!node)
			return ENOMEM;
		node_init(node, me->q, duel->arm, count_for_duel);
		node->arg = duel;
		code = arm_node(node);
		for (unsigned n = random_below(&random, 200); n > 0; n--)
			atomic_load(&duel->over);
		if (code == EINPROGRESS)
			code = leave_duel(me, node);
		free(node);
		if (code != 0 && code != EINPROGRESS)
			return code;
		me->done += code == 0;
		/* back to where one must wait */
		if (code == 0 && duel->arm == join_arm &&
		    !kind_is_rendezvous(duel->kind)) {
			coqueue_try_get(me->q, &item);
			coqueue_try_put(me->q, &item);
		}
	}
	atomic_store(&duel->over, true);
	return 0;
}

static int serve_duel(struct hand *me)
{
	struct duel *duel = me->arg;
	enum line line = duel->arm->op->line;
	bool keeps = duel->arm->op->keeps;
	long item = SERVED_ITEM;

	while (!atomic_load(&duel->over)) {
		if (line == GETTERS)
			me->done += coqueue_try_put(me->q, &item) == 0;
		else if (line == PUTTERS)
			me->done += coqueue_try_get(me->q, &item) == 0;
		else
			coqueue_task_done(me->q, 1);
		if (line == GETTERS && keeps)
			coqueue_try_get(me->q, &item);
		sched_yield();
	}
	return 0;
}

ARM_TEST(R6_disarm_races_with_a_wake_in_another_thread_and_the_node_is_freed,
	 can_be_served)
{
	struct duel duel = {.kind = kind, .arm = arm};
	coqueue_t *q = queue_for(kind, arm);
	struct crew *server = crew_start(1, serve_duel, q, &duel);
	struct crew *crew = crew_start(1, arm_and_leave_often, q, &duel);

	crew_join(crew);
	crew_join(server);
	if (kind_is_rendezvous(kind) && !is_join(arm))
		ck_assert_uint_eq(crew->hands[0].done, server->hands[0].done);
	crew_expect(crew, 0);
	crew_expect(server, 0);
	ck_assert_uint_eq(waiting_in(q, arm->op->line), 0);
	ck_ok(coqueue_destroy(q));
}

/* Two threads disarm the nodes of a shutdown's batch, from both ends. */
enum { BATCH = 64 };

struct batch {
	struct node *nodes[BATCH];
	_Atomic unsigned taken;
};

static int disarm_the_batch(struct hand *me)
{
	struct batch *batch = me->arg;
	unsigned i;

	while ((i = atomic_fetch_add(&batch->taken, 1)) < BATCH) {
		struct node *node = batch->nodes[BATCH - 1 - i];
		int code = disarm_node(node);
		unsigned wakes = wakes_of(node);

		if ((code != 0 && code != EALREADY) ||
		    wakes != (code == EALREADY))
			return complain(me, "%s, woken %u times",
					code_name(code), wakes);
		free(node);
	}
	return 0;
}

ARM_TEST(R6_E73_a_shutdown_touches_no_node_that_was_disarmed_and_freed,
	 is_refused)
{
	for (unsigned round = 0; round < scaled(30); round++) {
		coqueue_t *q = queue_for(kind, arm);
		struct batch batch = {.taken = 0};
		struct crew *crew;

		for (int i = 0; i < BATCH; i++) {
			struct node *node = malloc(sizeof(*node));

			ck_assert_ptr_nonnull(node);
			node_init(node, q, arm, count_wake);
			must_arm(node);
			batch.nodes[i] = node;
		}
		crew = crew_start(2, disarm_the_batch, q, &batch);
		ck_ok(coqueue_shutdown(q, round % 2));
		crew_expect(crew, 0);
		ck_ok(coqueue_destroy(q));
	}
}

int main(void)
{
	int failed = suite_run_arms(
		"disarm",
		TESTS(R6_E67_E68_a_woken_node_that_is_disarmed_passes_the_hint_on,
		      R6_E67_E68_a_woken_node_that_is_disarmed_lets_a_thread_go,
		      R6_E67_E68_a_hint_that_came_to_nothing_is_not_passed_on,
		      R6_E67_E68_a_cancelled_thread_passes_the_hint_to_a_node,
		      E69_disarm_of_one_who_was_woken_by_shutdown_gives_EALREADY,
		      E71_disarmed_nodes_are_out_of_the_line_at_once,
		      R6_E70_disarm_of_what_is_not_armed_changes_nothing,
		      R6_disarm_in_ones_own_wake_gives_EALREADY,
		      R6_disarm_of_one_armed_again_in_its_own_wake_gives_0,
		      R6_one_of_a_batch_is_disarmed_by_an_earlier_ones_wake,
		      R6_E67_E68_a_hint_on_its_way_to_one_who_is_disarmed_goes_on,
		      R6_E67_E68_a_hint_that_was_put_off_goes_on_when_its_owner_is_disarmed,
		      R6_disarm_waits_for_a_wake_that_runs_in_another_thread,
		      R6_disarm_waits_for_an_earlier_wake_of_one_who_has_tried_again,
		      R6_disarm_in_a_wake_while_that_ones_runs_elsewhere_gives_EBUSY,
		      R6_E72_a_node_may_be_gone_before_its_wake_has_returned,
		      R4_E72_a_wake_function_may_free_its_node,
		      R4_E72_a_wake_function_may_disarm_and_free_its_node,
		      R6_disarm_races_with_a_wake_in_another_thread_and_the_node_is_freed,
		      R6_E73_a_shutdown_touches_no_node_that_was_disarmed_and_freed));

	failed |= suite_run(
		"disarm, others",
		TESTS(R6_one_of_many_joiners_is_disarmed_by_an_earlier_ones_wake,
		      G15_a_child_that_is_forked_while_a_wake_runs_uses_its_own_nodes));
	return failed;
}
