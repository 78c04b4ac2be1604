/* SPDX-License-Identifier: MIT */
/* Destroy, while callers are blocked in the queue or on their way out. */
#include "crew.h"

/* What a blocked call returns when its queue is destroyed. */
static int destroyed_code(const struct op *op)
{
	return op->line == JOINERS ? EINTR : ESHUTDOWN;
}

/* G3.  One of three fetched items is not done, so no joiner is let go by
 * the discarding alone. */
START_TEST(E80_destroy_lets_all_blocked_callers_leave_first)
{
	for_each_blocking_op(op) {
		coqueue_t *q = queue_that_blocks(op);
		struct crew *crew;
		long item;

		if (op->line == JOINERS)
			ck_ok(coqueue_get(q, &item));
		crew = crew_block(q, op, 3);
		errno = 4711;
		ck_ok(coqueue_destroy(q));
		ck_assert_int_eq(errno, 4711);
		crew_expect(crew, destroyed_code(op));
	}
}
END_TEST

START_TEST(E80_destroy_lets_callers_of_all_kinds_leave)
{
	coqueue_t *q = queue_with(1, 1);
	struct crew *get, *peek, *put, *join;

	take_in_order(q, 0, 1);
	join = crew_block(q, &ops[OP_JOIN], 2);
	get = crew_block(q, &ops[OP_GET], 2);
	peek = crew_block(q, &ops[OP_PEEK], 2);
	ck_ok(coqueue_destroy(q));
	crew_expect(join, EINTR);
	crew_expect(get, ESHUTDOWN);
	crew_expect(peek, ESHUTDOWN);

	q = queue_with(1, 1);
	take_in_order(q, 0, 1);
	ck_ok(coqueue_put(q, &(long){1}));
	join = crew_block(q, &ops[OP_JOIN], 2);
	put = crew_block(q, &ops[OP_PUT], 2);
	ck_ok(coqueue_destroy(q));
	crew_expect(join, EINTR);
	crew_expect(put, ESHUTDOWN);
}
END_TEST

START_TEST(destroy_works_in_every_state)
{
	for (int first = -1; first <= COQUEUE_IMMEDIATE; first++)
		for (int second = -1; second <= COQUEUE_IMMEDIATE; second++)
			for (size_t items = 0; items <= 2; items++) {
				coqueue_t *q = queue_with(2, items);

				if (first >= 0)
					ck_ok(coqueue_shutdown(
						q,
						(enum coqueue_shutdown)first));
				if (second >= 0)
					ck_ok(coqueue_shutdown(
						q,
						(enum coqueue_shutdown)second));
				ck_ok(coqueue_destroy(q));
			}
}
END_TEST

/* E81, for callers who were released by a shutdown or an interrupt.  Who was
 * interrupted may first meet what the shutdown of the destroy does. */
static void destroy_behind_the_released(int release(coqueue_t *q), int code,
					int join_code)
{
	for (unsigned round = 0; round < scaled(20); round++)
		for_each_blocking_op(op) {
			int want = op->line == JOINERS ? join_code : code;
			coqueue_t *q = queue_that_blocks(op);
			struct crew *crew = crew_block(q, op, 3);
			unsigned n;

			ck_ok(release(q));
			ck_ok(coqueue_destroy(q));
			crew_join(crew);
			n = crew_count(crew, want);
			if (want == EINTR)
				n += crew_count(crew, op->line == JOINERS
							      ? 0
							      : ESHUTDOWN);
			ck_assert_msg(n == 3, "%s: %s", op->name,
				      crew_report(crew));
			crew_free(crew);
		}
}

static int shut_down_now(coqueue_t *q)
{
	return coqueue_shutdown(q, COQUEUE_IMMEDIATE);
}

START_TEST(E81_destroy_right_behind_an_immediate_shutdown)
{
	destroy_behind_the_released(shut_down_now, ESHUTDOWN, 0);
}
END_TEST

START_TEST(E81_destroy_right_behind_an_interrupt)
{
	destroy_behind_the_released(coqueue_interrupt, EINTR, EINTR);
}
END_TEST

static int free_all(coqueue_t *q)
{
	long items[2] = {0};
	size_t done;

	if (coqueue_size(q) == 0)
		return coqueue_put_many(q, items, 2, NULL, &done);
	if (waiting_in(q, JOINERS))
		return coqueue_task_done(q, 1);
	return coqueue_get_many(q, items, 2, NULL, &done);
}

/* The served and the still blocked leave; nobody may be lost in between. */
START_TEST(E81_destroy_right_behind_a_wake_up)
{
	for (unsigned round = 0; round < scaled(20); round++)
		for_each_blocking_op(op) {
			coqueue_t *q = queue_that_blocks(op);
			struct crew *crew = crew_block(q, op, 3);

			ck_ok(free_all(q));
			ck_ok(coqueue_destroy(q));
			crew_join(crew);
			ck_assert_uint_eq(
				crew_count(crew, 0) +
					crew_count(crew, destroyed_code(op)),
				3);
			crew_free(crew);
		}
}
END_TEST

/* ---- destroyed by whom it served ---------------------------------------- */

/*
 * A call of the other thread serves a call of ours, which returns first; then
 * we destroy the queue, and the other's call, still on its way out of it, must
 * be waited for.
 */
struct duty {
	const char *name;
	size_t items; /* of capacity 1 */
	const struct op *mine;
	int code; /* that mine returns */
	int (*theirs)(coqueue_t *q);
};

struct handover {
	const struct duty *duty;
	_Atomic(coqueue_t *) q;
	_Atomic bool stop;
};

static int serve(struct hand *me)
{
	struct handover *handover = me->arg;

	while (!atomic_load(&handover->stop)) {
		coqueue_t *q = atomic_exchange(&handover->q, NULL);
		int code = q ? handover->duty->theirs(q) : 0;

		if (code != 0)
			return complain(me, "%s: %s", handover->duty->name,
					code_name(code));
		if (!q)
			hand_yield();
	}
	return 0;
}

static int their_put(coqueue_t *q)
{
	return coqueue_put(q, &(long){1});
}

static int their_put_many(coqueue_t *q)
{
	size_t done;

	return coqueue_put_many(q, (long[]){1}, 1, NULL, &done);
}

static int their_get(coqueue_t *q)
{
	return coqueue_get(q, &(long){0});
}

static int their_try_get(coqueue_t *q)
{
	return coqueue_try_get(q, &(long){0});
}

static int their_task_done(coqueue_t *q)
{
	return coqueue_task_done(q, 1);
}

static int their_graceful(coqueue_t *q)
{
	return coqueue_shutdown(q, COQUEUE_GRACEFUL);
}

static int their_interrupt(coqueue_t *q)
{
	coqueue_stats_t stats = {.size = sizeof(stats)};
	int code;

	do
		code = coqueue_stats(q, &stats);
	while (code == 0 && stats.getters_waiting == 0);
	return code ? code : coqueue_interrupt(q);
}

static const struct duty duties[] = {
	{"put", 0, &ops[OP_GET], 0, their_put},
	{"put, peeked", 0, &ops[OP_PEEK], 0, their_put},
	{"put_many", 0, &ops[OP_GET_MANY], 0, their_put_many},
	{"get", 1, &ops[OP_PUT], 0, their_get},
	{"try_get", 1, &ops[OP_PUT_MANY], 0, their_try_get},
	{"task_done", 1, &ops[OP_JOIN], 0, their_task_done},
	{"graceful", 0, &ops[OP_GET], ESHUTDOWN, their_graceful},
	{"immediate", 1, &ops[OP_PUT], ESHUTDOWN, shut_down_now},
	{"immediate, joined", 1, &ops[OP_JOIN], 0, shut_down_now},
	{"interrupt", 0, &ops[OP_GET], EINTR, their_interrupt},
};

static void be_served(const struct duty *duty, unsigned rounds)
{
	struct handover handover = {.duty = duty};
	struct crew *crew = crew_start(1, serve, NULL, &handover);

	for (unsigned round = 0; round < rounds; round++) {
		coqueue_t *q = queue_with(1, duty->items);
		long item = 0;

		atomic_store(&handover.q, q);
		ck_code(op_call(duty->mine, q, &item, NULL), duty->code);
		/* Polling gives the other thread no rest on its way out. */
		for (unsigned i = 0; i < round % 4; i++)
			sched_yield();
		ck_ok(coqueue_destroy(q));
	}
	atomic_store(&handover.stop, true);
	crew_expect(crew, 0);
}

START_TEST(E81_destroyed_by_the_served_while_the_server_returns)
{
	for (size_t i = 0; i < sizeof(duties) / sizeof(*duties); i++)
		be_served(&duties[i], scaled(300));
}
END_TEST

int main(void)
{
	return suite_run(
		"destroy",
		TESTS(E80_destroy_lets_all_blocked_callers_leave_first,
		      E80_destroy_lets_callers_of_all_kinds_leave,
		      destroy_works_in_every_state,
		      E81_destroy_right_behind_an_immediate_shutdown,
		      E81_destroy_right_behind_an_interrupt,
		      E81_destroy_right_behind_a_wake_up,
		      E81_destroyed_by_the_served_while_the_server_returns));
}
