/* SPDX-License-Identifier: MIT */
/*
 * What queues cost: resident bytes of an empty queue and of an item, for each
 * kind, and that what has been used is given back.  It prints the figures of
 * the README.
 */
#include <stdio.h>
#include <unistd.h>
#include "crew.h"

enum { QUEUES = 1000, ITEMS = 1000000, MIB = 1 << 20 };

static int by_value(const void *a, const void *b, void *ctx)
{
	const long *x = a, *y = b;

	(void)ctx;
	return (*x > *y) - (*x < *y);
}

static const struct sort {
	const char *name;
	enum coqueue_order order;
	size_t capacity; /* of the queue that is filled */
	long empty;      /* bytes of an empty one, at most */
} sorts[] = {
	{"FIFO", COQUEUE_FIFO, ITEMS, 1350},
	{"FIFO, unbounded", COQUEUE_FIFO, COQUEUE_UNBOUNDED, 1450},
	{"LIFO", COQUEUE_LIFO, ITEMS, 1400},
	{"LIFO, unbounded", COQUEUE_LIFO, COQUEUE_UNBOUNDED, 1600},
	{"PRIORITY", COQUEUE_PRIORITY, ITEMS, 1600},
	{"PRIORITY, unbounded", COQUEUE_PRIORITY, COQUEUE_UNBOUNDED, 2300},
	{"rendezvous", COQUEUE_FIFO, 0, 1200},
};
enum { N_SORTS = sizeof(sorts) / sizeof(sorts[0]) };

static coqueue_t *make(const struct sort *sort, size_t capacity)
{
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;
	coqueue_t *q = NULL;

	attr.item_size = sizeof(long);
	attr.order = sort->order;
	attr.compare = by_value;
	ck_ok(coqueue_create(&q, capacity, &attr));
	return q;
}

static long bytes_of_an_empty_queue(const struct sort *sort)
{
	static coqueue_t *queues[QUEUES];
	size_t capacity = sort->capacity == ITEMS ? 1 : sort->capacity;
	long before = resident(), bytes;

	for (int i = 0; i < QUEUES; i++)
		queues[i] = make(sort, capacity);
	bytes = (resident() - before) / QUEUES;
	for (int i = 0; i < QUEUES; i++)
		ck_ok(coqueue_destroy(queues[i]));
	return bytes;
}

static void fill(coqueue_t *q, long n)
{
	for (long i = 0; i < n; i++)
		ck_ok(coqueue_try_put(q, &i));
}

static void take_out(coqueue_t *q, long n)
{
	long item;

	for (long i = 0; i < n; i++)
		ck_ok(coqueue_try_get(q, &item));
}

static double bytes_of_an_item(const struct sort *sort)
{
	long before = resident(), bytes;
	coqueue_t *q = make(sort, sort->capacity);

	fill(q, ITEMS);
	bytes = resident() - before;
	take_out(q, ITEMS);
	ck_ok(coqueue_destroy(q));
	return (double)bytes / ITEMS;
}

/* Sanitizers have memory of their own, of which nothing can be said. */
static bool can_tell(const struct sort *sort, bool grows)
{
	return !UNDER_ASAN && !UNDER_TSAN &&
	       (!grows || sort->capacity == COQUEUE_UNBOUNDED);
}

/* Each test runs once for each sort, with a time limit of its own. */

START_TEST(an_item_of_8_bytes_costs_little)
{
	const struct sort *sort = &sorts[_i];
	long empty;
	double item;

	if (!can_tell(sort, false))
		return;
	empty = bytes_of_an_empty_queue(sort);
	item = sort->capacity ? bytes_of_an_item(sort) : 0;
	printf("%-20s %5ld bytes empty, %4.1f bytes per item\n", sort->name,
	       empty, item);
	ck_assert_int_le(empty, sort->empty);
	ck_assert(item < 64);
}
END_TEST

static void check_swings(const struct sort *sort, long few, long many)
{
	coqueue_t *q = make(sort, sort->capacity);
	long before;

	fill(q, few);
	before = resident();
	for (int i = 0; i < 3; i++) {
		fill(q, many);
		ck_assert_int_gt(resident() - before, 8 * many);
		take_out(q, many);
		ck_assert_int_lt(resident() - before, MIB);
	}
	take_out(q, few);
	ck_ok(coqueue_destroy(q));
}

/* Ten million items, three times; of PRIORITY, which is slower, one. */
START_TEST(memory_comes_back_when_a_queue_shrinks)
{
	const struct sort *sort = &sorts[_i];

	if (can_tell(sort, true))
		check_swings(sort, 0,
			     sort->order == COQUEUE_PRIORITY ? ITEMS
							     : 10L * ITEMS);
}
END_TEST

/* What was given back is used again, also while items are held. */
START_TEST(a_queue_that_swings_does_not_grow)
{
	for (int i = 0; i < 5 && can_tell(&sorts[_i], true); i++)
		check_swings(&sorts[_i], 1000, ITEMS / 2);
}
END_TEST

int main(void)
{
	return suite_run_each("memory",
			      TESTS(an_item_of_8_bytes_costs_little,
				    memory_comes_back_when_a_queue_shrinks,
				    a_queue_that_swings_does_not_grow),
			      N_SORTS);
}
