/* SPDX-License-Identifier: MIT */
/*
 * Put and get in every form, without concurrency: order, exact capacity, item
 * sizes, and which result comes first when several would be right.
 */
#include <stdio.h>
#include "calls.h"
#include "crew.h"

/* ---- order and capacity ------------------------------------------------- */

/* G6, G7: rounds of put and get that start at every position of the ring. */
static void fill_and_drain(size_t capacity)
{
	coqueue_t *q = queue_with(capacity, 0);
	long in = 0, out = 0;

	for (size_t shift = 0; shift < 5; shift++) {
		for (size_t i = 0; i < capacity; i++, in++)
			ck_ok(coqueue_try_put(q, &in));
		ck_code(coqueue_try_put(q, &in), EAGAIN);
		ck_assert_uint_eq(coqueue_size(q), capacity);
		take_in_order(q, out, capacity);
		out += (long)capacity;
		ck_code(coqueue_try_get(q, &(long){0}), EAGAIN);
		ck_assert_uint_eq(coqueue_size(q), 0);
		ck_ok(coqueue_try_put(q, &in));
		take_in_order(q, out, 1);
		in++;
		out++;
	}
	ck_ok(coqueue_destroy(q));
}

START_TEST(capacity_is_exact_and_order_is_fifo_for_1_to_70)
{
	for (size_t capacity = 1; capacity <= 70; capacity++)
		fill_and_drain(capacity);
}
END_TEST

START_TEST(capacity_is_exact_and_order_is_fifo_for_odd_and_large)
{
	static const size_t capacities[] = {100,  127,  128,  129,   255,
					    256,  257,  1000, 1023,  1024,
					    1025, 4096, 4097, 65535, 65537};

	for (size_t i = 0; i < sizeof(capacities) / sizeof(*capacities); i++)
		fill_and_drain(capacities[i]);
}
END_TEST

START_TEST(size_counts_every_put_and_get)
{
	coqueue_t *q = queue_with(5, 0);
	long item = 0;

	for (size_t n = 1; n <= 5; n++) {
		ck_ok(coqueue_put(q, &item));
		ck_assert_uint_eq(coqueue_size(q), n);
	}
	for (size_t n = 5; n-- > 0;) {
		ck_ok(coqueue_get(q, &item));
		ck_assert_uint_eq(coqueue_size(q), n);
	}
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(every_form_of_put_appends_and_every_form_of_get_takes_the_first)
{
	struct timespec deadline = from_now(limit_ns());

	for_each_op(put)
		for_each_op(get) {
			coqueue_t *q;
			long item = 2;

			if (put->line != PUTTERS || get->line != GETTERS ||
			    get->keeps)
				continue;
			q = queue_with(3, 2);
			ck_ok(op_call(put, q, &item, &deadline));
			for (long i = 0; i < 3; i++) {
				ck_ok(op_call(get, q, &item, &deadline));
				ck_assert_int_eq(item, i);
			}
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

/* ---- item sizes --------------------------------------------------------- */

enum { MAX_ITEM = 5000, GUARD = 8 };

static void write_item(unsigned char *item, size_t size, unsigned number)
{
	for (size_t i = 0; i < size; i++)
		item[i] = (unsigned char)(number * 31 + i * 7);
}

/* Take an item to a misaligned place and see that nothing else was written. */
static void read_item(coqueue_t *q, size_t size, unsigned number,
		      size_t misaligned)
{
	unsigned char got[MAX_ITEM + 4 * GUARD], want[MAX_ITEM];
	unsigned char *place = got + GUARD + misaligned;

	memset(got, 0xa5, sizeof(got));
	write_item(want, size, number);
	ck_ok(coqueue_try_get(q, place));
	ck_assert_mem_eq(place, want, size);
	for (size_t i = 0; i < GUARD; i++) {
		ck_assert_uint_eq(place[-1 - (long)i], 0xa5);
		ck_assert_uint_eq(place[size + i], 0xa5);
	}
}

static void carry_items_of(size_t size)
{
	enum { CAPACITY = 3, ROUNDS = 8 };
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;
	unsigned char in[MAX_ITEM + GUARD];
	unsigned number = 0;
	coqueue_t *q = NULL;

	attr.item_size = size;
	ck_ok(coqueue_create(&q, CAPACITY, &attr));
	for (size_t round = 0; round < ROUNDS; round++) {
		size_t n = 1 + round % CAPACITY;

		for (unsigned i = 0; i < n; i++) {
			write_item(in + round, size, number + i);
			ck_ok(coqueue_try_put(q, in + round));
			memset(in, 0, sizeof(in));
		}
		for (unsigned i = 0; i < n; i++)
			read_item(q, size, number++, (round + i) % GUARD);
	}
	ck_ok(coqueue_destroy(q));
}

START_TEST(items_of_1_to_200_bytes_are_carried_unchanged)
{
	for (size_t size = 1; size <= 200; size++)
		carry_items_of(size);
}
END_TEST

START_TEST(large_and_odd_items_are_carried_unchanged)
{
	static const size_t sizes[] = {255,  256,  257,  511,  513,
				       1000, 1023, 1025, 2047, 2049,
				       4095, 4096, 4097, 4999, 5000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		carry_items_of(sizes[i]);
}
END_TEST

START_TEST(item_size_0_means_a_pointer)
{
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;
	void *in = &attr, *out[2] = {NULL, &attr};
	coqueue_t *q = NULL;

	ck_ok(coqueue_create(&q, 1, &attr));
	ck_ok(coqueue_put(q, &in));
	ck_ok(coqueue_get(q, out));
	ck_assert_ptr_eq(out[0], in);
	ck_assert_ptr_eq(out[1], &attr);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* ---- which result comes first ------------------------------------------- */

enum situation { EMPTY, PARTLY, FULL, DRAINING, DRAINED, SHUT, N_SITUATIONS };
static const char *const situation_names[] = {
	"empty", "partly filled", "full", "draining", "drained", "shut"};

enum when { FOR_EVER, NOWAIT, PAST, NEAR, FAR, BAD_LOW, BAD_HIGH, N_WHEN };
static const char *const when_names[] = {
	"for ever",          "nowait", "past", "near", "far", "tv_nsec -1",
	"tv_nsec 1000000000"};

static coqueue_t *queue_in(enum situation situation)
{
	static const size_t items[N_SITUATIONS] = {0, 1, 2, 1, 0, 1};
	coqueue_t *q = queue_with(2, items[situation]);

	if (situation == SHUT)
		ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
	else if (situation >= DRAINING)
		ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
	return q;
}

static const struct timespec *deadline_of(enum when when, struct timespec *t)
{
	*t = from_now(when == NEAR ? 3 * MS : limit_ns());
	switch (when) {
	case FOR_EVER:
		return NULL;
	case NOWAIT:
		return COQUEUE_NOWAIT;
	case PAST:
		*t = (struct timespec){-5, 999999999};
		break;
	case BAD_LOW:
		t->tv_nsec = -1;
		break;
	case BAD_HIGH:
		t->tv_nsec = 1000000000;
		break;
	default:
		break;
	}
	return t;
}

/* -1: it would have to wait for ever. */
static int when_it_must_wait(const struct op *op, enum when when)
{
	if (op->form == TRY || (op->form == UNTIL && when == NOWAIT))
		return EAGAIN;
	if (op->form == UNTIL && (when == PAST || when == NEAR))
		return ETIMEDOUT;
	return -1;
}

/* The contract as a table: the result of this call in this situation. */
static int expected(const struct op *op, enum situation s, enum when when)
{
	if (op->form == UNTIL && (when == BAD_LOW || when == BAD_HIGH))
		return EINVAL;
	switch (op->line) {
	case PUTTERS:
		if (s >= DRAINING)
			return ESHUTDOWN;
		return s == FULL ? when_it_must_wait(op, when) : 0;
	case GETTERS:
		if (s == DRAINED || s == SHUT)
			return ESHUTDOWN;
		return s == EMPTY ? when_it_must_wait(op, when) : 0;
	default:
		return s == PARTLY || s == FULL || s == DRAINING
			       ? when_it_must_wait(op, when)
			       : 0;
	}
}

static void check_one(const struct op *op, enum situation s, enum when when)
{
	int want = expected(op, s, when), got;
	coqueue_t *q;
	struct timespec storage;
	const struct timespec *deadline = deadline_of(when, &storage);
	size_t before;
	long item = 99;

	if (want == -1)
		return;
	q = queue_in(s);
	before = coqueue_size(q);
	got = op_call(op, q, &item, deadline);
	ck_assert_msg(got == want, "%s, %s, deadline %s: %s, not %s", op->name,
		      situation_names[s], when_names[when], code_name(got),
		      code_name(want));
	if (want == ETIMEDOUT)
		ck_assert_msg(is_past(deadline), "%s: too early", op->name);
	/* Only a put or get that returned 0 has had an effect. */
	if (want != 0 || op->keeps)
		ck_assert_uint_eq(coqueue_size(q), before);
	else if (op->line == PUTTERS)
		ck_assert_uint_eq(coqueue_size(q), before + 1);
	else
		ck_assert_uint_eq(coqueue_size(q), before - 1);
	if (op->line == GETTERS && (want == 0 || !op->keeps))
		ck_assert_int_eq(item, want == 0 ? 0 : 99);
	ck_ok(coqueue_destroy(q));
}

static void check_line(enum line line)
{
	for_each_op(op)
		if (op->line == line)
			for (int s = 0; s < N_SITUATIONS; s++)
				for (int when = 0; when < N_WHEN; when++)
					check_one(op, (enum situation)s,
						  (enum when)when);
}

/* E17, E18, E19; G8, G13 */
START_TEST(E17_E18_result_of_every_put_in_every_situation)
{
	check_line(PUTTERS);
}
END_TEST

/* E04, E05, E06, E58; G8, G13 */
START_TEST(E05_E06_result_of_every_get_and_peek_in_every_situation)
{
	check_line(GETTERS);
}
END_TEST

/* E27, E29, E30 */
START_TEST(E27_E29_result_of_every_join_in_every_situation)
{
	check_line(JOINERS);
}
END_TEST

START_TEST(E04_draining_keeps_order_and_then_never_says_EAGAIN)
{
	coqueue_t *q = queue_with(5, 5);

	ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
	take_in_order(q, 0, 5);
	for (int i = 0; i < 3; i++)
		for_each_op(op)
			if (op->line != JOINERS)
				ck_code(op_call(op, q, &(long){0},
						COQUEUE_NOWAIT),
					ESHUTDOWN);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* ---- against a model ---------------------------------------------------- */

START_TEST(random_calls_agree_with_a_model)
{
	uint64_t random = suite_seed();
	uint8_t bytes[800];
	char why[200];

	for (unsigned i = 0; i < scaled(500); i++) {
		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = (uint8_t)random_next(&random);
		ck_assert_msg(
			calls_agree(bytes, sizeof(bytes), why, sizeof(why)),
			"%s", why);
	}
}
END_TEST

int main(void)
{
	return suite_run(
		"put_get",
		TESTS(capacity_is_exact_and_order_is_fifo_for_1_to_70,
		      capacity_is_exact_and_order_is_fifo_for_odd_and_large,
		      size_counts_every_put_and_get,
		      every_form_of_put_appends_and_every_form_of_get_takes_the_first,
		      items_of_1_to_200_bytes_are_carried_unchanged,
		      large_and_odd_items_are_carried_unchanged,
		      item_size_0_means_a_pointer,
		      E17_E18_result_of_every_put_in_every_situation,
		      E05_E06_result_of_every_get_and_peek_in_every_situation,
		      E27_E29_result_of_every_join_in_every_situation,
		      E04_draining_keeps_order_and_then_never_says_EAGAIN,
		      random_calls_agree_with_a_model));
}
