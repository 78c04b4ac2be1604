/* SPDX-License-Identifier: MIT */
/* Making and destroying queues, and what concerns no queue at all. */
#include <stdalign.h>
#include <stdio.h>
#include "crew.h"

struct job {
	int id;
	char name[16]; /* no padding: jobs are compared by their bytes */
};

COQUEUE_DEFINE_TYPED(jobs, struct job)

START_TEST(create_without_attr_makes_a_fifo_of_pointers)
{
	coqueue_t *q = NULL;
	int a, b;
	void *items[2] = {&a, &b}, *item = NULL;

	ck_ok(coqueue_create(&q, 2, NULL));
	ck_ok(coqueue_put(q, &items[0]));
	ck_ok(coqueue_put(q, &items[1]));
	ck_ok(coqueue_get(q, &item));
	ck_assert_ptr_eq(item, &a);
	ck_ok(coqueue_get(q, &item));
	ck_assert_ptr_eq(item, &b);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(a_new_queue_is_open_and_empty)
{
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;
	coqueue_t *q = NULL;

	for (size_t capacity = 1; capacity < 5000; capacity = capacity * 3 + 1)
		for (attr.item_size = 0; attr.item_size < 40;
		     attr.item_size += 13) {
			ck_ok(coqueue_create(&q, capacity, &attr));
			ck_assert_uint_eq(coqueue_capacity(q), capacity);
			ck_assert_uint_eq(coqueue_size(q), 0);
			ck_assert_uint_eq(coqueue_unfinished(q), 0);
			ck_assert_int_eq(coqueue_state(q), COQUEUE_OPEN);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

/* G13.  2^48 bytes are more than an x86-64 process can have. */
START_TEST(more_memory_than_there_is_gives_ENOMEM)
{
	coqueue_t *q = NULL;

	errno = 4711;
	for (unsigned bits = 45; bits <= 60; bits++)
		ck_code(coqueue_create(&q, (size_t)1 << bits, NULL), ENOMEM);
	ck_assert_int_eq(errno, 4711);
	ck_assert_ptr_null(q);
	ck_ok(coqueue_create(&q, 1, NULL));
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(queues_do_not_share_anything)
{
	coqueue_t *a = queue_with(3, 0), *b = queue_with(3, 3);
	long item;

	ck_ok(coqueue_shutdown(b, COQUEUE_IMMEDIATE));
	check_usable(a);
	ck_assert_uint_eq(stats_of(a).discarded, 0);
	ck_ok(coqueue_destroy(b));
	check_usable(a);
	ck_code(coqueue_try_get(a, &item), EAGAIN);
	ck_ok(coqueue_destroy(a));
}
END_TEST

START_TEST(version_is_that_of_the_header)
{
	char text[32];

	snprintf(text, sizeof(text), "%d.%d.%d", COQUEUE_VERSION_MAJOR,
		 COQUEUE_VERSION_MINOR, COQUEUE_VERSION_PATCH);
	ck_assert_str_eq(coqueue_version(), text);
}
END_TEST

START_TEST(check_version_compares_all_three_numbers)
{
	enum {
		MAJOR = COQUEUE_VERSION_MAJOR,
		MINOR = COQUEUE_VERSION_MINOR,
		PATCH = COQUEUE_VERSION_PATCH
	};

	ck_assert(COQUEUE_CHECK_VERSION(MAJOR, MINOR, PATCH));
	ck_assert(COQUEUE_CHECK_VERSION(MAJOR, MINOR, PATCH - 1));
	ck_assert(COQUEUE_CHECK_VERSION(MAJOR, MINOR - 1, PATCH + 1));
	ck_assert(COQUEUE_CHECK_VERSION(MAJOR - 1, MINOR + 1, PATCH + 1));
	ck_assert(!COQUEUE_CHECK_VERSION(MAJOR, MINOR, PATCH + 1));
	ck_assert(!COQUEUE_CHECK_VERSION(MAJOR, MINOR + 1, 0));
	ck_assert(!COQUEUE_CHECK_VERSION(MAJOR + 1, 0, 0));
}
END_TEST

static bool is_between(const struct timespec *low, const struct timespec *t,
		       const struct timespec *high)
{
	return (t->tv_sec > low->tv_sec ||
		(t->tv_sec == low->tv_sec && t->tv_nsec >= low->tv_nsec)) &&
	       (t->tv_sec < high->tv_sec ||
		(t->tv_sec == high->tv_sec && t->tv_nsec <= high->tv_nsec));
}

START_TEST(deadline_is_that_far_from_now)
{
	static const int64_t offsets[] = {
		0,          1,           999999999,      1000000000,
		123456789,  5000000001,  86400000000000, -1,
		-999999999, -1000000000, -5000000001};

	for (size_t i = 0; i < sizeof(offsets) / sizeof(*offsets); i++) {
		struct timespec low = from_now(offsets[i]), t, high;

		coqueue_deadline(&t, offsets[i]);
		high = from_now(offsets[i]);
		ck_assert_int_ge(t.tv_nsec, 0);
		ck_assert_int_lt(t.tv_nsec, 1000000000);
		ck_assert_msg(is_between(&low, &t, &high), "offset %lld",
			      (long long)offsets[i]);
	}
}
END_TEST

/* E86 */
START_TEST(E86_deadline_saturates_and_stays_valid)
{
	struct timespec now = from_now(0), far, past;

	coqueue_deadline(&far, INT64_MAX);
	coqueue_deadline(&past, INT64_MIN);
	ck_assert_int_ge(far.tv_nsec, 0);
	ck_assert_int_lt(far.tv_nsec, 1000000000);
	ck_assert_int_ge(past.tv_nsec, 0);
	ck_assert_int_lt(past.tv_nsec, 1000000000);
	ck_assert(is_between(&now, &now, &far));
	ck_assert_int_ge(far.tv_sec - now.tv_sec, 9000000000);
	ck_assert(is_past(&past));
	coqueue_deadline(NULL, 0);
}
END_TEST

START_TEST(nowait_is_told_by_its_address)
{
	coqueue_t *q = queue_with(1, 0);
	const struct timespec epoch = {0, 0};
	long item;

	ck_assert_ptr_eq(COQUEUE_NOWAIT, &coqueue_nowait);
	ck_code(coqueue_get_until(q, &item, COQUEUE_NOWAIT), EAGAIN);
	ck_code(coqueue_get_until(q, &item, &epoch), ETIMEDOUT);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(typed_macro_makes_single_calls)
{
	struct job in = {7, "seven"}, out = {0};
	struct timespec deadline = from_now(limit_ns());
	coqueue_t *q = NULL;

	ck_ok(jobs_create(&q, 2, NULL));
	ck_ok(jobs_put(q, &in));
	ck_ok(jobs_try_put(q, &in));
	ck_code(jobs_put_until(q, &in, COQUEUE_NOWAIT), EAGAIN);
	ck_ok(jobs_get(q, &out));
	ck_assert_mem_eq(&in, &out, sizeof(in));
	ck_ok(jobs_try_get(q, &out));
	ck_code(jobs_try_get(q, &out), EAGAIN);
	ck_ok(jobs_put_until(q, &in, &deadline));
	ck_ok(jobs_get_until(q, &out, &deadline));
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(typed_macro_makes_bulk_calls)
{
	struct job in[3] = {{1, "a"}, {2, "b"}, {3, "c"}}, out[4];
	coqueue_t *q = NULL;
	size_t done;

	ck_ok(jobs_create(&q, 3, NULL));
	ck_ok(jobs_put_many(q, in, 3, NULL, &done));
	ck_assert_uint_eq(done, 3);
	ck_ok(jobs_get_many(q, out, 4, NULL, &done));
	ck_assert_uint_eq(done, 3);
	ck_assert_mem_eq(in, out, sizeof(in));
	ck_ok(coqueue_destroy(q));
}
END_TEST

static void count(void *item, void *ctx)
{
	(void)item;
	++*(int *)ctx;
}

START_TEST(typed_create_takes_the_rest_of_the_attr)
{
	int destroyed = 0;
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;
	struct job job = {1, "a"};
	coqueue_t *q = NULL;

	attr.item_size = 1;
	attr.item_destroy = count;
	attr.ctx = &destroyed;
	ck_ok(jobs_create(&q, 1, &attr));
	ck_ok(jobs_put(q, &job));
	ck_ok(coqueue_destroy(q));
	ck_assert_int_eq(destroyed, 1);
	attr.size = 1;
	ck_code(jobs_create(&q, 1, &attr), EINVAL);
}
END_TEST

int main(void)
{
	return suite_run("object",
			 TESTS(create_without_attr_makes_a_fifo_of_pointers,
			       a_new_queue_is_open_and_empty,
			       more_memory_than_there_is_gives_ENOMEM,
			       queues_do_not_share_anything,
			       version_is_that_of_the_header,
			       check_version_compares_all_three_numbers,
			       deadline_is_that_far_from_now,
			       E86_deadline_saturates_and_stays_valid,
			       nowait_is_told_by_its_address,
			       typed_macro_makes_single_calls,
			       typed_macro_makes_bulk_calls,
			       typed_create_takes_the_rest_of_the_attr));
}
