/* SPDX-License-Identifier: MIT */
/*
 * A thread that is stopped anywhere inside a call (G16).  A signal handler
 * stops it, wherever it happens to be, until we let it go on.  Meanwhile the
 * others either get on or sleep: nobody may burn the processor for nothing.
 */
#include <stdio.h>
#include "crew.h"

/* ---- the others --------------------------------------------------------- */

struct scene {
	const char *name;
	size_t capacity;
	unsigned putters, getters, lookers;
};

/* Wide items: who is stopped is likely to be half-way through one. */
struct item {
	unsigned char bytes[4096];
};

struct stage {
	const struct scene *scene;
	_Atomic bool over;
	_Atomic uint64_t calls; /* that have ended */
	_Atomic long puts, gets;
};

static int putter(struct hand *me, struct stage *stage)
{
	struct item items[2] = {0};
	int code = 0;

	for (unsigned i = 0; code == 0; i++) {
		code = coqueue_put_many(me->q, items, 1 + i % 2, NULL,
					&me->done);
		atomic_fetch_add(&stage->puts, (long)me->done);
		atomic_fetch_add(&stage->calls, 1);
	}
	return code;
}

static int getter(struct hand *me, struct stage *stage)
{
	struct item item;
	int code;

	while ((code = coqueue_get(me->q, &item)) == 0) {
		atomic_fetch_add(&stage->gets, 1);
		atomic_fetch_add(&stage->calls, 1);
	}
	return code;
}

/* Calls that never wait for an item, but perhaps for another call. */
static int looker(struct hand *me, struct stage *stage)
{
	struct item item;
	int code;

	do {
		code = coqueue_try_peek(me->q, &item);
		coqueue_size(me->q);
		atomic_fetch_add(&stage->calls, 1);
	} while (code != ESHUTDOWN);
	return code;
}

static int play(struct hand *me)
{
	struct stage *stage = me->arg;
	const struct scene *scene = stage->scene;

	if (me->index < scene->putters)
		return putter(me, stage);
	if (me->index < scene->putters + scene->getters)
		return getter(me, stage);
	return looker(me, stage);
}

static coqueue_t *queue_of(size_t capacity)
{
	coqueue_attr_t attr = {.size = sizeof(attr),
			       .item_size = sizeof(struct item)};
	coqueue_t *q = NULL;

	ck_ok(coqueue_create(&q, capacity, &attr));
	return q;
}

/* ---- who burns the processor -------------------------------------------- */

static void stop_one_after_the_other(const struct scene *scene, unsigned rounds)
{
	uint64_t random = suite_seed();
	struct stage stage = {.scene = scene};
	coqueue_t *q = queue_of(scene->capacity);
	unsigned n = scene->putters + scene->getters + scene->lookers;
	struct crew *crew = crew_start(n, play, q, &stage);
	struct item item;
	uint64_t before;

	while (rounds--) {
		before = atomic_load(&stage.calls);
		await(atomic_load(&stage.calls) - before >
		      random_below(&random, 300));
		crew_gets_on_without(crew, random_below(&random, n),
				     &stage.calls, scene->name);
	}
	ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
	while (coqueue_get(q, &item) == 0)
		atomic_fetch_add(&stage.gets, 1);
	crew_expect(crew, ESHUTDOWN);
	ck_assert_int_eq(stage.puts, stage.gets);
	ck_ok(coqueue_destroy(q));
}

/* G16; G4 */
START_TEST(others_get_on_or_sleep_while_one_is_stopped_inside_a_call)
{
	enum { SCENES = 8 };
	static const struct scene scenes[SCENES] = {
		{"one putter, capacity 4", 4, 1, 2, 0},
		{"one getter, capacity 4", 4, 2, 1, 0},
		{"one putter, capacity 1", 1, 1, 2, 0},
		{"one getter, capacity 1", 1, 2, 1, 0},
		{"two and two, capacity 1", 1, 2, 2, 0},
		{"two and two, capacity 3", 3, 2, 2, 0},
		{"one, one and a looker", 2, 1, 1, 1},
		{"two, two and a looker, capacity 32", 32, 2, 2, 1},
	};

	prepare_to_stop();
	for (size_t i = 0; i < SCENES; i++)
		stop_one_after_the_other(&scenes[i], scaled(40));
	finish_stopping();
	report_injected(SCENES * scaled(40));
}
END_TEST

/* ---- a shutdown meanwhile ----------------------------------------------- */

static int shut_down_gracefully(struct hand *me)
{
	return coqueue_shutdown(me->q, COQUEUE_GRACEFUL);
}

/* Give the others a chance to get as far as they can. */
static void let_them_run(struct crew *crew, int64_t nanoseconds)
{
	struct timespec end = from_now(nanoseconds);

	while (crew_finished(crew) < crew->n && !is_past(&end))
		sched_yield();
}

static long drain(coqueue_t *q)
{
	struct item item;
	long n = 0;
	int code;

	while ((code = coqueue_try_get(q, &item)) == 0)
		n++;
	ck_code(code, ESHUTDOWN);
	return n;
}

static int put_until_refused(struct hand *me)
{
	struct stage *stage = me->arg;
	struct item item = {0};
	int code;

	while ((code = coqueue_try_put(me->q, &item)) != ESHUTDOWN) {
		me->done += code == 0;
		atomic_fetch_add(&stage->calls, 1);
	}
	return code;
}

/*
 * G2, G5: a putter is stopped, perhaps after it has seen OPEN.  A shutdown
 * that returns nevertheless must have excluded its put, or have let it in.
 */
START_TEST(E15_a_stopped_putter_puts_nothing_once_shutdown_has_returned)
{
	prepare_to_stop();
	for (unsigned round = 0; round < scaled(150); round++) {
		struct stage stage = {.calls = 0};
		coqueue_t *q = queue_of(2);
		struct crew *crew = crew_start(1, put_until_refused, q, &stage);
		struct crew *shut;
		struct item item;
		long n = 0;

		await(atomic_load(&stage.calls) > 0);
		for (unsigned i = 0; i < round % 50; i++)
			n += coqueue_try_get(q, &item) == 0;
		stop_thread(&crew->hands[0]);
		shut = crew_start(1, shut_down_gracefully, q, NULL);
		let_them_run(shut, 3 * MS);
		if (crew_finished(shut))
			n += drain(q);
		thaw_thread();
		crew_expect(shut, 0);
		crew_join(crew);
		n += drain(q);
		ck_assert_int_eq(n, (long)crew->hands[0].done);
		crew_expect(crew, ESHUTDOWN);
		ck_ok(coqueue_destroy(q));
	}
	finish_stopping();
}
END_TEST

/* G10 G16: who was woken and does not get to run delays one item. */
START_TEST(a_stopped_getter_that_was_woken_keeps_nothing_from_the_others)
{
	coqueue_t *q = queue_with(8, 0);
	struct crew *first = crew_block(q, &ops[OP_GET], 1),
		    *others = crew_block(q, &ops[OP_GET], 2);

	prepare_to_stop();
	stop_thread(&first->hands[0]);
	for (long item = 0; item < 3; item++)
		ck_ok(coqueue_put(q, &item));
	await(crew_finished(others) == 2);
	ck_assert_uint_eq(crew_finished(first), 0);
	thaw_thread();
	crew_expect(others, 0);
	crew_expect(first, 0);
	finish_stopping();
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* G16: each of them is woken by the put, none by the one before it. */
START_TEST(a_stopped_getter_keeps_nothing_of_a_bulk_put_from_the_next)
{
	coqueue_t *q = queue_with(8, 0);
	struct crew *first = crew_block(q, &ops[OP_GET], 1),
		    *second = crew_block(q, &ops[OP_GET], 1);
	const long items[] = {1, 2};
	size_t done;

	prepare_to_stop();
	stop_thread(&first->hands[0]);
	ck_ok(coqueue_put_many(q, items, 2, NULL, &done));
	await(crew_finished(second) == 1);
	ck_assert_uint_eq(crew_finished(first), 0);
	thaw_thread();
	crew_expect(first, 0);
	crew_expect(second, 0);
	finish_stopping();
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* The count was 0 while it was in line. */
START_TEST(a_joiner_returns_though_more_was_put_before_it_ran)
{
	coqueue_t *q = queue_with(8, 1);
	struct crew *first = crew_block(q, &ops[OP_JOIN], 1),
		    *second = crew_block(q, &ops[OP_JOIN], 1);
	long item = 1;

	prepare_to_stop();
	stop_thread(&first->hands[0]);
	ck_ok(coqueue_task_done(q, 1));
	ck_ok(coqueue_put(q, &item));
	thaw_thread();
	crew_expect(first, 0);
	crew_expect(second, 0);
	ck_assert_uint_eq(coqueue_unfinished(q), 1);
	finish_stopping();
	ck_ok(coqueue_destroy(q));
}
END_TEST

static int destroy(struct hand *me)
{
	return coqueue_destroy(me->q);
}

/* It must not free what the stopped one will touch. */
START_TEST(E80_E81_destroy_waits_for_callers_that_have_not_left)
{
	for_each_blocking_op(op) {
		coqueue_t *q = queue_that_blocks(op);
		struct crew *blocked = crew_block(q, op, 2), *destroyer;

		prepare_to_stop();
		stop_thread(&blocked->hands[1]);
		destroyer = crew_start(1, destroy, q, NULL);
		let_them_run(destroyer, 20 * MS);
		ck_assert_uint_eq(crew_finished(destroyer), 0);
		thaw_thread();
		crew_expect(destroyer, 0);
		crew_expect(blocked, op->line == JOINERS ? 0 : ESHUTDOWN);
		finish_stopping();
	}
}
END_TEST

/* A getter is woken and stopped, and somebody else takes what it was woken for. */
static void stop_on_the_way(coqueue_t *q, struct crew *getter)
{
	long item = 1;

	prepare_to_stop();
	stop_thread(&getter->hands[0]);
	ck_ok(coqueue_put(q, &item));
	ck_ok(coqueue_try_get(q, &item));
}

/* G12: it finds nothing, since somebody was quicker, and sleeps again. */
START_TEST(E79_a_getter_that_was_woken_in_vain_keeps_its_place)
{
	coqueue_t *q = queue_with(8, 0);
	struct crew *first = crew_block(q, &ops[OP_GET], 1),
		    *second = crew_block(q, &ops[OP_GET], 1);
	long item = 2;

	stop_on_the_way(q, first);
	thaw_thread();
	for (int i = 0; i < 2000; i++)
		sched_yield(); /* time to find nothing */
	ck_ok(coqueue_put(q, &item));
	await(crew_finished(first) == 1);
	ck_assert_int_eq(first->hands[0].item, 2);
	ck_assert_uint_eq(crew_finished(second), 0);
	ck_ok(coqueue_put(q, &item));
	crew_expect(first, 0);
	crew_expect(second, 0);
	finish_stopping();
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* It is still blocked, although its wake-up is under way. */
START_TEST(E46_a_getter_that_was_woken_in_vain_is_interrupted_too)
{
	coqueue_t *q = queue_with(8, 0);
	struct crew *first = crew_block(q, &ops[OP_GET], 1),
		    *second = crew_block(q, &ops[OP_GET], 1);

	stop_on_the_way(q, first);
	ck_ok(coqueue_interrupt(q));
	thaw_thread();
	crew_expect(first, EINTR);
	crew_expect(second, EINTR);
	finish_stopping();
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* G16: the shutdown itself may be delayed, and sleeps. */
START_TEST(a_shutdown_that_waits_for_a_stopped_thread_sleeps)
{
	static const struct scene scene = {"shutdown", 2, 2, 2, 0};

	prepare_to_stop();
	for (unsigned round = 0; round < scaled(40); round++) {
		struct stage stage = {.scene = &scene};
		coqueue_t *q = queue_of(scene.capacity);
		struct crew *crew = crew_start(4, play, q, &stage), *shut;
		int64_t used;

		await(atomic_load(&stage.calls) > round);
		stop_thread(&crew->hands[round % 4]);
		shut = crew_start(1, shut_down_gracefully, q, NULL);
		let_them_run(shut, 20 * MS);
		used = crew_finished(shut) ? 0 : crew_cpu_time(shut);
		ck_assert_int_lt(used, 15 * MS);
		thaw_thread();
		crew_expect(shut, 0);
		crew_expect(crew, ESHUTDOWN);
		ck_assert_int_eq(stage.puts, stage.gets);
		ck_ok(coqueue_destroy(q));
	}
	finish_stopping();
}
END_TEST

int main(void)
{
	return suite_run(
		"progress",
		TESTS(others_get_on_or_sleep_while_one_is_stopped_inside_a_call,
		      E15_a_stopped_putter_puts_nothing_once_shutdown_has_returned,
		      a_stopped_getter_that_was_woken_keeps_nothing_from_the_others,
		      E79_a_getter_that_was_woken_in_vain_keeps_its_place,
		      E46_a_getter_that_was_woken_in_vain_is_interrupted_too,
		      a_stopped_getter_keeps_nothing_of_a_bulk_put_from_the_next,
		      a_joiner_returns_though_more_was_put_before_it_ran,
		      E80_E81_destroy_waits_for_callers_that_have_not_left,
		      a_shutdown_that_waits_for_a_stopped_thread_sleeps));
}
