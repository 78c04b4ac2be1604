/* SPDX-License-Identifier: MIT */
/*
 * LIFO and PRIORITY, beyond what every kind must do: comparators that lie or
 * call the library, and queues that grow and shrink.
 */
#include <stdalign.h>
#include <stddef.h>
#include "crew.h"

static coqueue_t *queue_by(int (*compare)(const void *, const void *, void *),
			   void *ctx, size_t capacity)
{
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;

	attr.order = COQUEUE_PRIORITY;
	attr.compare = compare;
	attr.ctx = ctx;
	return queue_with_attr(capacity, 0, attr);
}

/* ---- comparators --------------------------------------------------------- */

static int say_random(const void *a, const void *b, void *random)
{
	(void)a;
	(void)b;
	return (int)random_below(random, 3) - 1;
}

static int say_greater(const void *a, const void *b, void *unused)
{
	(void)a;
	(void)b;
	(void)unused;
	return 1;
}

static int say_less(const void *a, const void *b, void *unused)
{
	(void)a;
	(void)b;
	(void)unused;
	return -1;
}

/* Put and get at random, then all: each item comes out once. */
static void shuffle_through(coqueue_t *q, size_t most, uint64_t *random)
{
	enum { ITEMS = 3000 };
	unsigned char times[ITEMS] = {0};
	long put = 0, item;

	for (size_t left = ITEMS; left > 0;) {
		size_t held = coqueue_size(q);

		if (put < ITEMS && held < most && random_below(random, 5) < 3) {
			ck_ok(coqueue_try_put(q, &put));
			put++;
		} else if (held > 0) {
			ck_ok(coqueue_try_get(q, &item));
			ck_assert(item >= 0 && item < ITEMS);
			times[item]++;
			left--;
		}
	}
	for (int i = 0; i < ITEMS; i++)
		if (times[i] != 1)
			ck_abort_msg("item %d: %u times", i, times[i]);
	ck_code(coqueue_try_get(q, &item), EAGAIN);
}

START_TEST(a_comparator_that_contradicts_itself_loses_nothing)
{
	static int (*const liars[])(const void *, const void *, void *) = {
		say_random, say_greater, say_less};
	static const size_t capacities[] = {1,  2,    3,
					    17, 1000, COQUEUE_UNBOUNDED};
	uint64_t random = suite_seed();

	for (int i = 0; i < 3; i++)
		for (int c = 0; c < 6; c++) {
			coqueue_t *q =
				queue_by(liars[i], &random, capacities[c]);

			shuffle_through(q, capacities[c], &random);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

START_TEST(items_that_a_liar_ordered_are_destroyed_once)
{
	uint64_t random = suite_seed();
	coqueue_t *q = queue_by(say_random, &random, 200);

	for (long item = 0; item < 200; item++)
		ck_ok(coqueue_try_put(q, &item));
	ck_ok(coqueue_set_capacity(q, 50));
	ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
	ck_assert_uint_eq(stats_of(q).discarded, 200);
	ck_ok(coqueue_destroy(q));
}
END_TEST

static int compare_doubles(const void *a, const void *b, void *count)
{
	double x = *(const double *)a, y = *(const double *)b;

	++*(unsigned *)count;
	return x < y ? -1 : x > y;
}

START_TEST(the_comparator_gets_its_ctx_and_few_calls)
{
	enum { ITEMS = 1 << 12, HEIGHT = 12 };
	unsigned count = 0;
	coqueue_attr_t attr = {.size = sizeof(attr),
			       .order = COQUEUE_PRIORITY,
			       .item_size = sizeof(double),
			       .compare = compare_doubles,
			       .ctx = &count};
	double item, last = -1;
	coqueue_t *q = NULL;

	ck_ok(coqueue_create(&q, ITEMS, &attr));
	for (int i = 0; i < ITEMS; i++) {
		item = i * 7919 % ITEMS + 0.5;
		ck_ok(coqueue_put(q, &item));
	}
	for (int i = 0; i < ITEMS; i++, last = item) {
		ck_ok(coqueue_get(q, &item));
		ck_assert(item > last);
	}
	ck_assert_uint_gt(count, 0);
	ck_assert_uint_le(count, 3 * ITEMS * HEIGHT);
	ck_ok(coqueue_destroy(q));
}
END_TEST

struct aligned_log {
	size_t size;
	unsigned wrong;
};

static int compare_bytes(const void *a, const void *b, void *ctx)
{
	struct aligned_log *log = ctx;
	size_t alignment = log->size & -log->size;

	if (alignment > alignof(max_align_t))
		alignment = alignof(max_align_t);
	log->wrong += (uintptr_t)a % alignment || (uintptr_t)b % alignment;
	return memcmp(a, b, log->size);
}

START_TEST(it_sees_items_of_any_size_aligned_and_whole)
{
	for (size_t size = 1; size <= 70; size++) {
		struct aligned_log log = {.size = size};
		coqueue_attr_t attr = {.size = sizeof(attr),
				       .order = COQUEUE_PRIORITY,
				       .item_size = size,
				       .compare = compare_bytes,
				       .ctx = &log};
		unsigned char item[70];
		coqueue_t *q = NULL;

		ck_ok(coqueue_create(&q, COQUEUE_UNBOUNDED, &attr));
		for (unsigned i = 0; i < 60; i++) {
			memset(item, (int)(i * 37 % 60), size);
			ck_ok(coqueue_put(q, item));
		}
		for (unsigned i = 0; i < 60; i++) {
			ck_ok(coqueue_get(q, item));
			for (size_t byte = 0; byte < size; byte++)
				ck_assert_uint_eq(item[byte], i);
		}
		ck_assert_uint_eq(log.wrong, 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* ---- a comparator that calls the library --------------------------------- */

struct caller {
	coqueue_t *own, *other;
	unsigned calls;
	int complaint; /* a line of this file */
};

#define expect(condition)                                                      \
	do {                                                                   \
		if (!(condition))                                              \
			caller->complaint = __LINE__;                          \
	} while (0)

static void call_on(struct caller *caller, coqueue_t *q)
{
	coqueue_stats_t stats = {.size = sizeof(stats)};
	long item = 0, old;
	size_t n;

	/* a put that finds room in another queue need not be refused */
	for_each_op(op)
		expect((q == caller->other && op->line == PUTTERS) ||
		       op->call(q, &item, NULL) == EDEADLK);
	expect(coqueue_shutdown(q, COQUEUE_GRACEFUL) == EDEADLK);
	expect(coqueue_shutdown(q, COQUEUE_IMMEDIATE) == EDEADLK);
	expect(coqueue_destroy(q) == EDEADLK);
	expect(coqueue_interrupt(q) == EDEADLK);
	expect(coqueue_hold(q, COQUEUE_PUT) == EDEADLK);
	expect(coqueue_release(q, COQUEUE_PUT) == EDEADLK);
	expect(coqueue_shutdown(NULL, COQUEUE_GRACEFUL) == EINVAL);
	if (q == caller->other) {
		expect(coqueue_force_put(q, &item, &old, &n) == EDEADLK);
		expect(n == 0);
	}
	expect(coqueue_set_capacity(q, 7) == EDEADLK);
	expect(coqueue_stats(q, &stats) == EDEADLK);
	expect(coqueue_state(q) == COQUEUE_OPEN);
	expect(coqueue_capacity(q) == 3);
}

static int compare_and_call(const void *a, const void *b, void *ctx)
{
	struct caller *caller = ctx;

	caller->calls++;
	call_on(caller, caller->own);
	call_on(caller, caller->other);
	return compare_steps(a, b, NULL);
}

START_TEST(E40_calls_from_a_comparator_give_EDEADLK)
{
	struct caller caller = {.other = queue_with(3, 0)};
	long item;

	caller.own = queue_by(compare_and_call, &caller, 3);
	for (item = 20; item >= 0; item -= 10)
		ck_ok(coqueue_put(caller.own, &item));
	for (long expected = 0; expected <= 20; expected += 10) {
		ck_ok(coqueue_get(caller.own, &item));
		ck_assert_int_eq(item, expected);
	}
	ck_assert_uint_gt(caller.calls, 0);
	ck_assert_msg(!caller.complaint, "line %d", caller.complaint);
	check_usable(caller.other);
	ck_ok(coqueue_destroy(caller.own));
	ck_ok(coqueue_destroy(caller.other));
}
END_TEST

/* ---- without a limit ----------------------------------------------------- */

enum { MANY = 100000 };

#define for_each_unbounded_pile(kind)                                          \
	for_each_kind(kind)                                                    \
		if (!kind_is_bounded(kind) && kind->order != COQUEUE_FIFO)

START_TEST(queues_without_a_limit_grow_and_shrink_again)
{
	for_each_unbounded_pile(kind) {
		coqueue_t *q = kind_with(kind, 0);

		for (int round = 0; round < 2; round++) {
			for (long item = 0; item < MANY; item++)
				ck_ok(coqueue_try_put(q, &item));
			ck_assert_uint_eq(coqueue_size(q), MANY);
			take_all_of(kind, q, MANY);
		}
		ck_assert_uint_eq(stats_of(q).gets, 2 * MANY);
		check_usable_as(kind, q);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* Swinging about each size at which it grows or shrinks. */
START_TEST(order_is_kept_while_it_grows_and_shrinks)
{
	for_each_unbounded_pile(kind) {
		coqueue_t *q = kind_with(kind, 0);

		for (size_t n = 1; n < 400; n += 1 + n / 16) {
			for (long item = 0; item < (long)n; item++)
				ck_ok(coqueue_try_put(q, &item));
			take_all_of(kind, q, n);
		}
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

int main(void)
{
	return suite_run(
		"pile",
		TESTS(a_comparator_that_contradicts_itself_loses_nothing,
		      items_that_a_liar_ordered_are_destroyed_once,
		      the_comparator_gets_its_ctx_and_few_calls,
		      it_sees_items_of_any_size_aligned_and_whole,
		      E40_calls_from_a_comparator_give_EDEADLK,
		      queues_without_a_limit_grow_and_shrink_again,
		      order_is_kept_while_it_grows_and_shrinks));
}
