/* SPDX-License-Identifier: MIT */
#include "nodes.h"

/* ---- arming calls --------------------------------------------------------- */

static int call_put_arm(coqueue_t *q, long *item, coqueue_waiter_t *w)
{
	return coqueue_put_arm(q, item, w);
}

static int call_get_arm(coqueue_t *q, long *item, coqueue_waiter_t *w)
{
	return coqueue_get_arm(q, item, w);
}

static int call_peek_arm(coqueue_t *q, long *item, coqueue_waiter_t *w)
{
	return coqueue_peek_arm(q, item, w);
}

static int call_join_arm(coqueue_t *q, long *item, coqueue_waiter_t *w)
{
	(void)item;
	return coqueue_join_arm(q, w);
}

const struct arm arms[N_ARMS] = {
	[ARM_PUT] = {"put_arm", &ops[OP_PUT], call_put_arm},
	[ARM_GET] = {"get_arm", &ops[OP_GET], call_get_arm},
	[ARM_PEEK] = {"peek_arm", &ops[OP_PEEK], call_peek_arm},
	[ARM_JOIN] = {"join_arm", &ops[OP_JOIN], call_join_arm},
};

const struct arm *const put_arm = &arms[ARM_PUT],
			*const get_arm = &arms[ARM_GET],
			*const peek_arm = &arms[ARM_PEEK],
			*const join_arm = &arms[ARM_JOIN];

/* ---- nodes ---------------------------------------------------------------- */

struct node *node_of(coqueue_waiter_t *w)
{
	return w->data;
}

void count_wake(coqueue_waiter_t *w)
{
	atomic_fetch_add(&node_of(w)->wakes, 1);
}

void node_init(struct node *node, coqueue_t *q, const struct arm *arm,
	       wake_function *wake)
{
	coqueue_waiter_t waiter = COQUEUE_WAITER_INIT(wake, node);

	memset(node, 0, sizeof(*node));
	node->waiter = waiter;
	node->q = q;
	node->arm = arm;
	node->item = MY_ITEM;
	node->result = STILL_RUNS;
}

int arm_node(struct node *node)
{
	errno_mark();
	return errno_kept(node->arm->call(node->q, &node->item, &node->waiter));
}

int disarm_node(struct node *node)
{
	errno_mark();
	return errno_kept(coqueue_disarm(&node->waiter));
}

void must_arm(struct node *node)
{
	ck_code(arm_node(node), EINPROGRESS);
}

unsigned wakes_of(const struct node *node)
{
	return atomic_load(&node->wakes);
}

void ck_wakes(const struct node *node, unsigned wanted)
{
	if (wakes_of(node) != wanted)
		ck_abort_msg("%s: woken %u times, not %u", node->arm->name,
			     wakes_of(node), wanted);
}

void must_be_served(struct node *node)
{
	ck_ok(arm_node(node));
	if (node->arm->op->line == GETTERS)
		ck_assert_int_eq(node->item, SERVED_ITEM);
}

/* ---- queues --------------------------------------------------------------- */

bool can_wait(const struct kind *kind, const struct arm *arm)
{
	return kind_can_block(kind, arm->op);
}

bool can_be_served(const struct kind *kind, const struct arm *arm)
{
	return can_wait(kind, arm) && kind_can_serve(kind, arm->op);
}

bool is_served_in_turn(const struct kind *kind, const struct arm *arm)
{
	return can_be_served(kind, arm) && !arm->op->keeps;
}

bool can_be_stolen(const struct kind *kind, const struct arm *arm)
{
	return is_served_in_turn(kind, arm) && !kind_is_rendezvous(kind);
}

coqueue_t *queue_for(const struct kind *kind, const struct arm *arm)
{
	return can_wait(kind, arm) ? kind_that_blocks(kind, arm->op)
				   : kind_with(kind, 0);
}

void block_again(const struct kind *kind, coqueue_t *q, const struct arm *arm)
{
	long item;

	if (arm->op->line == GETTERS && arm->op->keeps)
		ck_ok(coqueue_try_get(q, &item));
	if (arm->op->line != JOINERS)
		return;
	coqueue_try_get(q, &item);
	if (kind_is_rendezvous(kind))
		hand_over(q, 1);
	else
		ck_ok(coqueue_try_put(q, &(long){1}));
}

void steal(coqueue_t *q, const struct arm *arm)
{
	long item = SERVED_ITEM;

	if (arm->op->line == PUTTERS)
		ck_ok(coqueue_try_put(q, &item));
	else
		ck_ok(coqueue_try_get(q, &item));
}

bool is_refused(const struct kind *kind, const struct arm *arm)
{
	return !is_join(arm) && can_wait(kind, arm);
}

bool leaves_others_some(const struct kind *kind, const struct arm *arm)
{
	return can_be_stolen(kind, arm) && kind->capacity > 1;
}

int serve_line(coqueue_t *q, enum line line)
{
	long item = SERVED_ITEM;

	if (line == GETTERS)
		return coqueue_put(q, &item);
	if (line == PUTTERS)
		return coqueue_get(q, &item);
	return coqueue_task_done(q, 1);
}

int suite_run_arms(const char *name, const TTest *const *tests)
{
	return suite_run_each(name, tests, N_KINDS * N_ARMS);
}

/* ---- in wake functions ---------------------------------------------------- */

void look_around(coqueue_waiter_t *w)
{
	struct node *node = node_of(w);
	struct visit *visit = node->arg;
	coqueue_stats_t stats = {.size = sizeof(stats)};

	count_wake(w);
	visit->thread = pthread_self();
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &visit->cancel_state);
	/* in a read-side section: EDEADLK */
	visit->section = coqueue_shutdown(visit->spare, COQUEUE_GRACEFUL);
	visit->locked = coqueue_stats(node->q, &stats) != 0;
	visit->served = arm_node(node);
}

void check_visit(const struct visit *visit)
{
	int cancel_state;

	ck_assert(pthread_equal(visit->thread, pthread_self()));
	ck_assert_int_eq(visit->cancel_state, PTHREAD_CANCEL_DISABLE);
	ck_ok(visit->section);
	ck_assert(!visit->locked);
	ck_ok(visit->served);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &cancel_state);
	ck_assert_int_eq(cancel_state, PTHREAD_CANCEL_ENABLE);
}

void in_a_wake(wake_function *function, void *arg)
{
	coqueue_t *q = queue_with(1, 0);
	struct node node;

	node_init(&node, q, get_arm, function);
	node.arg = arg;
	must_arm(&node);
	ck_ok(coqueue_try_put(q, &(long){SERVED_ITEM}));
	ck_code(disarm_node(&node), EALREADY);
	ck_ok(coqueue_destroy(q));
}

/* ---- rings of selects ----------------------------------------------------- */

void ring_make(struct ring *ring, const struct kind *kind, unsigned n)
{
	memset(ring, 0, sizeof(*ring));
	ring->n = n;
	for (unsigned i = 0; i < n; i++)
		ring->q[i] = kind_with(kind, 0);
}

int go_round(struct hand *me)
{
	struct ring *ring = me->arg;
	unsigned own = me->index, left = (own + ring->n - 1) % ring->n;
	long item[2];
	coqueue_case_t cases[2] = {
		{ring->q[own], COQUEUE_PUT, &item[0], 0},
		{ring->q[left], COQUEUE_GET, &item[1], 0},
	};
	size_t chosen;

	for (item[0] = 1;; item[0]++) {
		int code = coqueue_select(cases, 2, NULL, &chosen);

		if (code != 0)
			return complain(me, "%s", code_name(code));
		if (cases[chosen].result != 0)
			return cases[chosen].result;
		if (chosen == 0)
			atomic_fetch_add(&ring->put[own], (uint64_t)item[0]);
		else
			atomic_fetch_add(&ring->got[left], (uint64_t)item[1]);
		atomic_fetch_add(&ring->done, 1);
	}
}

void ring_shut(struct ring *ring, unsigned done)
{
	await(atomic_load(&ring->done) >= done);
	for (unsigned i = 0; i < ring->n; i++)
		ck_ok(coqueue_shutdown(ring->q[i], COQUEUE_GRACEFUL));
}

void ring_check(struct ring *ring)
{
	long item;

	for (unsigned i = 0; i < ring->n; i++) {
		while (coqueue_try_get(ring->q[i], &item) == 0)
			ring->got[i] += (uint64_t)item;
		ck_assert_uint_eq(ring->put[i], ring->got[i]);
		ck_ok(coqueue_destroy(ring->q[i]));
	}
}
