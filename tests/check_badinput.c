/* SPDX-License-Identifier: MIT */
/* Bad arguments: EINVAL before anything else, and nothing has changed (G13). */
#include "crew.h"

static const struct timespec bad_times[] = {{0, -1},         {0, 1000000000},
					    {INT64_MAX, -1}, {-1, 1000000000},
					    {1, INT64_MAX},  {1, INT64_MIN}};
#define N_BAD_TIMES (sizeof(bad_times) / sizeof(*bad_times))

enum { OPEN = -1 }; /* or a shutdown mode */

/* Full, partly filled or empty queues of capacity 2, in each state. */
#define for_each_queue(state, items)                                           \
	for (int state = OPEN; state <= COQUEUE_IMMEDIATE; state++)            \
		for (size_t items = 0; items <= 2; items++)

static coqueue_t *queue_in(int state, size_t items)
{
	coqueue_t *q = queue_with(2, items);

	if (state != OPEN)
		ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)state));
	return q;
}

struct snapshot {
	size_t size, unfinished, state; /* no padding: compared as bytes */
	coqueue_stats_t stats;
};

static struct snapshot snapshot_of(const coqueue_t *q)
{
	struct snapshot s;

	memset(&s, 0, sizeof(s));
	s.size = coqueue_size(q);
	s.unfinished = coqueue_unfinished(q);
	s.state = coqueue_state(q);
	s.stats = stats_of(q);
	return s;
}

#define ck_unchanged(q, before)                                                \
	do {                                                                   \
		struct snapshot after_ = snapshot_of(q);                       \
		ck_assert_mem_eq(&(before), &after_, sizeof(after_));          \
	} while (0)

/* ---- put, get, peek, join ----------------------------------------------- */

START_TEST(no_queue_gives_EINVAL_in_every_form)
{
	for_each_op(op) {
		long item = 0;

		ck_code(op_call(op, NULL, &item, NULL), EINVAL);
		ck_code(op_call(op, NULL, &item, COQUEUE_NOWAIT), EINVAL);
		ck_code(op_call(op, NULL, &item, &bad_times[0]), EINVAL);
		ck_code(op_call(op, NULL, NULL, NULL), EINVAL);
	}
}
END_TEST

START_TEST(no_item_gives_EINVAL_in_every_state)
{
	for_each_queue(state, items)
		for_each_op(op) {
			coqueue_t *q = queue_in(state, items);
			struct snapshot before = snapshot_of(q);

			if (op->line != JOINERS) {
				ck_code(op_call(op, q, NULL, NULL), EINVAL);
				ck_code(op_call(op, q, NULL, COQUEUE_NOWAIT),
					EINVAL);
			}
			ck_unchanged(q, before);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

START_TEST(E06_E18_a_bad_deadline_gives_EINVAL_in_every_state)
{
	for_each_queue(state, items)
		for_each_op(op) {
			coqueue_t *q = queue_in(state, items);
			struct snapshot before = snapshot_of(q);

			for (size_t i = 0; i < N_BAD_TIMES; i++)
				if (op->form == UNTIL)
					ck_code(op_call(op, q, &(long){99},
							&bad_times[i]),
						EINVAL);
			ck_unchanged(q, before);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

START_TEST(bulk_calls_give_EINVAL_in_every_state)
{
	for_each_queue(state, items) {
		coqueue_t *q = queue_in(state, items);
		struct snapshot before = snapshot_of(q);
		long buffer[3] = {0};
		size_t done;

		for (size_t n = 1; n <= 3; n++) {
			ck_code(coqueue_put_many(NULL, buffer, n, NULL, &done),
				EINVAL);
			ck_code(coqueue_put_many(q, NULL, n, NULL, &done),
				EINVAL);
			ck_code(coqueue_get_many(NULL, buffer, n, NULL, &done),
				EINVAL);
			ck_code(coqueue_get_many(q, NULL, n, NULL, &done),
				EINVAL);
			for (size_t i = 0; i < N_BAD_TIMES; i++) {
				ck_code(coqueue_put_many(q, buffer, n,
							 &bad_times[i], &done),
					EINVAL);
				ck_code(coqueue_get_many(q, buffer, n,
							 &bad_times[i], &done),
					EINVAL);
			}
		}
		ck_unchanged(q, before);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(bulk_calls_of_no_items_check_their_other_arguments)
{
	coqueue_t *q = queue_with(1, 0);
	size_t done;

	ck_code(coqueue_put_many(NULL, NULL, 0, NULL, &done), EINVAL);
	ck_code(coqueue_get_many(NULL, NULL, 0, NULL, &done), EINVAL);
	ck_code(coqueue_put_many(q, NULL, 0, &bad_times[0], &done), EINVAL);
	ck_code(coqueue_get_many(q, NULL, 0, &bad_times[0], &done), EINVAL);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* ---- the rest ----------------------------------------------------------- */

START_TEST(other_calls_without_a_queue)
{
	coqueue_stats_t stats = {.size = sizeof(stats)};

	errno = 4711;
	ck_code(coqueue_destroy(NULL), EINVAL);
	ck_code(coqueue_shutdown(NULL, COQUEUE_GRACEFUL), EINVAL);
	ck_code(coqueue_shutdown(NULL, COQUEUE_IMMEDIATE), EINVAL);
	ck_code(coqueue_interrupt(NULL), EINVAL);
	ck_code(coqueue_set_capacity(NULL, 1), EINVAL);
	ck_code(coqueue_hold(NULL, COQUEUE_PUT), EINVAL);
	ck_code(coqueue_release(NULL, COQUEUE_GET), EINVAL);
	ck_code(coqueue_task_done(NULL, 0), EINVAL);
	ck_code(coqueue_task_done(NULL, 1), EINVAL);
	ck_code(coqueue_stats(NULL, &stats), EINVAL);
	ck_assert_uint_eq(coqueue_unfinished(NULL), 0);
	ck_assert_uint_eq(coqueue_size(NULL), 0);
	ck_assert_uint_eq(coqueue_capacity(NULL), 0);
	ck_assert_int_eq(coqueue_state(NULL), COQUEUE_SHUT);
	ck_assert_int_eq(errno, 4711);
}
END_TEST

START_TEST(an_unknown_shutdown_mode_gives_EINVAL_in_every_state)
{
	static const int modes[] = {-1, 2, 3, 1000};

	for_each_queue(state, items) {
		coqueue_t *q = queue_in(state, items);
		struct snapshot before = snapshot_of(q);

		for (size_t i = 0; i < 4; i++) {
			volatile int mode = modes[i];

			ck_code(coqueue_shutdown(q,
						 (enum coqueue_shutdown)mode),
				EINVAL);
		}
		ck_unchanged(q, before);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(an_unknown_side_gives_EINVAL_in_every_state)
{
	static const int unknown[] = {-1, 2, 3, 1000};

	for_each_queue(state, items) {
		coqueue_t *q = queue_in(state, items);
		struct snapshot before = snapshot_of(q);

		for (size_t i = 0; i < 4; i++) {
			volatile int side = unknown[i];

			ck_code(coqueue_hold(q, (enum coqueue_side)side),
				EINVAL);
			ck_code(coqueue_release(q, (enum coqueue_side)side),
				EINVAL);
		}
		ck_unchanged(q, before);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(release_without_a_hold_gives_EINVAL_in_every_state)
{
	for_each_queue(state, items) {
		coqueue_t *q = queue_in(state, items);
		struct snapshot before = snapshot_of(q);

		ck_code(coqueue_release(q, COQUEUE_PUT), EINVAL);
		ck_code(coqueue_release(q, COQUEUE_GET), EINVAL);
		ck_unchanged(q, before);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(set_capacity_to_none_or_no_limit_or_too_much_gives_EINVAL)
{
	static const size_t bad[] = {0, COQUEUE_UNBOUNDED, SIZE_MAX - 1,
				     SIZE_MAX / sizeof(long) + 1};

	for_each_queue(state, items) {
		coqueue_t *q = queue_in(state, items);
		struct snapshot before = snapshot_of(q);

		for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
			ck_code(coqueue_set_capacity(q, bad[i]), EINVAL);
		ck_assert_uint_eq(coqueue_capacity(q), 2);
		ck_unchanged(q, before);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(force_put_without_one_of_its_arguments_gives_EINVAL)
{
	for_each_queue(state, items) {
		coqueue_t *q = queue_in(state, items);
		struct snapshot before = snapshot_of(q);
		long item = 9, old = -1;
		size_t n = 99;

		ck_code(coqueue_force_put(q, &item, &old, NULL), EINVAL);
		ck_code(coqueue_force_put(NULL, &item, &old, &n), EINVAL);
		ck_assert_uint_eq(n, 0);
		n = 99;
		ck_code(coqueue_force_put(q, NULL, &old, &n), EINVAL);
		ck_assert_uint_eq(n, 0);
		n = 99;
		ck_code(coqueue_force_put(q, &item, NULL, &n), EINVAL);
		ck_assert_uint_eq(n, 0);
		ck_assert_int_eq(old, -1);
		ck_unchanged(q, before);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

START_TEST(stats_of_an_unknown_size_give_EINVAL)
{
	static const size_t sizes[] = {0, 1, sizeof(coqueue_stats_t) - 1,
				       sizeof(coqueue_stats_t) + 8, SIZE_MAX};
	coqueue_t *q = queue_with(1, 1);

	ck_code(coqueue_stats(q, NULL), EINVAL);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		coqueue_stats_t stats, untouched;

		memset(&stats, 0x5a, sizeof(stats));
		stats.size = sizes[i];
		untouched = stats;
		ck_code(coqueue_stats(q, &stats), EINVAL);
		ck_assert_mem_eq(&stats, &untouched, sizeof(stats));
	}
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(E24_task_done_beyond_what_was_put_gives_EINVAL)
{
	for_each_queue(state, items) {
		coqueue_t *q = queue_in(state, items);
		struct snapshot before = snapshot_of(q);

		ck_code(coqueue_task_done(q, before.unfinished + 1), EINVAL);
		ck_code(coqueue_task_done(q, SIZE_MAX), EINVAL);
		ck_unchanged(q, before);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* ---- create ------------------------------------------------------------- */

static int create_with(size_t capacity, coqueue_attr_t attr)
{
	coqueue_t *const before = (coqueue_t *)&attr, *q = before;
	int code;

	errno = 4711;
	code = coqueue_create(&q, capacity, &attr);
	ck_assert_int_eq(errno, 4711);
	ck_assert_ptr_eq(q, before);
	return code;
}

static int compare(const void *a, const void *b, void *ctx)
{
	(void)ctx;
	return memcmp(a, b, 1);
}

START_TEST(create_with_nowhere_to_store_gives_EINVAL)
{
	ck_code(coqueue_create(NULL, 1, NULL), EINVAL);
	ck_code(coqueue_create(NULL, 0, NULL), EINVAL);
}
END_TEST

START_TEST(create_with_an_attr_of_unknown_size_gives_EINVAL)
{
	static const size_t sizes[] = {0, 1, sizeof(coqueue_attr_t) - 1,
				       sizeof(coqueue_attr_t) + 8, SIZE_MAX};
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		attr.size = sizes[i];
		ck_code(create_with(1, attr), EINVAL);
		ck_code(create_with(0, attr), EINVAL);
	}
}
END_TEST

START_TEST(create_with_an_unknown_order_gives_EINVAL)
{
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;
	volatile int order = -1;

	attr.compare = compare;
	attr.order = (enum coqueue_order)order;
	ck_code(create_with(1, attr), EINVAL);
	order = 3;
	attr.order = (enum coqueue_order)order;
	ck_code(create_with(1, attr), EINVAL);
}
END_TEST

START_TEST(create_with_priority_and_no_comparator_gives_EINVAL)
{
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;

	attr.order = COQUEUE_PRIORITY;
	ck_code(create_with(1, attr), EINVAL);
	ck_code(create_with(COQUEUE_UNBOUNDED, attr), EINVAL);
}
END_TEST

START_TEST(create_without_a_limit_of_items_that_are_too_large)
{
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;

	attr.order = COQUEUE_LIFO;
	for (size_t less = 0; less < 100; less++) {
		attr.item_size = SIZE_MAX - less;
		ck_code(create_with(COQUEUE_UNBOUNDED, attr), ENOMEM);
	}
}
END_TEST

START_TEST(create_with_sizes_that_overflow_gives_EINVAL)
{
	static const struct {
		size_t capacity, item_size;
	} sizes[] = {{SIZE_MAX - 1, 0},     {SIZE_MAX / 2, 3},
		     {SIZE_MAX / 8 + 1, 8}, {(size_t)1 << 32, (size_t)1 << 32},
		     {2, SIZE_MAX},         {3, SIZE_MAX / 2},
		     {2, SIZE_MAX / 2 + 1}};
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		attr.item_size = sizes[i].item_size;
		ck_code(create_with(sizes[i].capacity, attr), EINVAL);
	}
}
END_TEST

/* Sizes near the limit, where headers and rounding up may wrap around. */
START_TEST(create_with_sizes_that_just_fit_gives_EINVAL_or_ENOMEM)
{
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;

	for (size_t less = 0; less < 5000; less += 7) {
		int code;

		attr.item_size = 0;
		code = create_with(SIZE_MAX / sizeof(void *) - less, attr);
		ck_assert_msg(code == EINVAL || code == ENOMEM, "%s",
			      code_name(code));
		attr.item_size = SIZE_MAX - less;
		code = create_with(1, attr);
		ck_assert_msg(code == EINVAL || code == ENOMEM, "%s",
			      code_name(code));
	}
}
END_TEST

/* ---- each code of each function ----------------------------------------- */

/* What has no place in the tables above: ENOMEM is in check_object.c and
 * check_faults.c, EDEADLK in check_rcu.c and check_pile.c, EINTR in
 * check_interrupt.c, ESHUTDOWN of other calls in check_resize.c, check_holds.c
 * and check_force.c. */

START_TEST(E17_E29_each_function_gives_each_of_its_codes)
{
	struct timespec past = {0};

	for_each_op(op) {
		coqueue_t *q = queue_that_blocks(op);
		long item = 0;
		bool until = op->form == UNTIL;

		if (op->form == TRY)
			ck_code(op_call(op, q, &item, NULL), EAGAIN);
		if (until) {
			ck_code(op_call(op, q, &item, COQUEUE_NOWAIT), EAGAIN);
			ck_code(op_call(op, q, &item, &past), ETIMEDOUT);
			ck_code(op_call(op, q, &item, &bad_times[0]), EINVAL);
		}
		ck_code(op_call(op, NULL, &item, NULL), EINVAL);
		ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
		ck_code(op_call(op, q, &item, NULL),
			op->line == JOINERS ? 0 : ESHUTDOWN);
		ck_ok(coqueue_destroy(q));
		q = queue_with(3, op->line == JOINERS ? 0 : 1);
		ck_ok(op_call(op, q, &item, NULL));
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

int main(void)
{
	return suite_run(
		"badinput",
		TESTS(no_queue_gives_EINVAL_in_every_form,
		      no_item_gives_EINVAL_in_every_state,
		      E06_E18_a_bad_deadline_gives_EINVAL_in_every_state,
		      bulk_calls_give_EINVAL_in_every_state,
		      bulk_calls_of_no_items_check_their_other_arguments,
		      other_calls_without_a_queue,
		      an_unknown_shutdown_mode_gives_EINVAL_in_every_state,
		      an_unknown_side_gives_EINVAL_in_every_state,
		      release_without_a_hold_gives_EINVAL_in_every_state,
		      set_capacity_to_none_or_no_limit_or_too_much_gives_EINVAL,
		      force_put_without_one_of_its_arguments_gives_EINVAL,
		      stats_of_an_unknown_size_give_EINVAL,
		      E24_task_done_beyond_what_was_put_gives_EINVAL,
		      create_with_nowhere_to_store_gives_EINVAL,
		      create_with_an_attr_of_unknown_size_gives_EINVAL,
		      create_with_an_unknown_order_gives_EINVAL,
		      create_with_priority_and_no_comparator_gives_EINVAL,
		      create_without_a_limit_of_items_that_are_too_large,
		      create_with_sizes_that_overflow_gives_EINVAL,
		      create_with_sizes_that_just_fit_gives_EINVAL_or_ENOMEM,
		      E17_E29_each_function_gives_each_of_its_codes));
}
