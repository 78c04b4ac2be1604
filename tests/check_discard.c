/* SPDX-License-Identifier: MIT */
/* What becomes of items that nobody gets: item_destroy and its rules. */
#include <stdalign.h>
#include <stddef.h>
#include "crew.h"

/* What item_destroy saw.  It must not assert: it runs inside the library. */
struct log {
	coqueue_t *q;
	void (*act)(struct log *log, long item); /* may be NULL */
	_Atomic unsigned seen[64];
	_Atomic unsigned n;
	pthread_t thread;
	int depth, deepest;
	const char *complaint;
	void *arg;
};

static void item_destroy(void *item, void *ctx)
{
	struct log *log = ctx;
	long number;

	memcpy(&number, item, sizeof(number));
	if (++log->depth > log->deepest)
		log->deepest = log->depth;
	if (!pthread_equal(pthread_self(), log->thread))
		log->complaint = "runs on another thread";
	if ((uintptr_t)item % alignof(long) != 0)
		log->complaint = "the item is misaligned";
	atomic_fetch_add(&log->seen[number % 64], 1);
	atomic_fetch_add(&log->n, 1);
	if (log->act)
		log->act(log, number);
	log->depth--;
}

static coqueue_t *queue_with_log(size_t capacity, size_t items, struct log *log)
{
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;

	attr.item_destroy = item_destroy;
	attr.ctx = log;
	log->thread = pthread_self();
	log->q = queue_with_attr(capacity, items, attr);
	return log->q;
}

#define for_each_end(end) for (int end = 0; end <= 2; end++)

/* Three ways to discard what is left. */
static void end(coqueue_t **q, int way)
{
	if (way == 0)
		ck_ok(coqueue_shutdown(*q, COQUEUE_GRACEFUL));
	if (way <= 1)
		ck_ok(coqueue_shutdown(*q, COQUEUE_IMMEDIATE));
	ck_ok(coqueue_destroy(*q));
	*q = NULL;
}

/* ---- each item once ----------------------------------------------------- */

/* G4 */
START_TEST(E31_E36_every_item_left_is_destroyed_once)
{
	for_each_end(way)
		for (size_t items = 0; items <= 5; items++) {
			struct log log = {0};
			coqueue_t *q = queue_with_log(5, items, &log);

			end(&q, way);
			ck_assert_uint_eq(log.n, items);
			for (size_t i = 0; i < 64; i++)
				ck_assert_uint_eq(log.seen[i], i < items);
			ck_assert_msg(!log.complaint, "%s", log.complaint);
		}
}
END_TEST

START_TEST(E33_the_queue_is_empty_and_all_are_destroyed_at_the_return)
{
	struct log log = {0};
	coqueue_t *q = queue_with_log(5, 5, &log);

	ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
	ck_assert_uint_eq(coqueue_size(q), 0);
	ck_assert_uint_eq(log.n, 5);
	ck_assert_uint_eq(stats_of(q).discarded, 5);
	ck_ok(coqueue_destroy(q));
	ck_assert_uint_eq(log.n, 5);
}
END_TEST

static void count_in_order(void *item, void *ctx)
{
	long *expected = ctx;

	if (*(long *)item == *expected)
		++*expected;
}

/* More than a segment of an unbounded queue, from somewhere in the middle. */
START_TEST(E31_many_items_left_are_destroyed_in_order)
{
	enum { GOT = 1000, ITEMS = 20000 };

	for_each_end(way) {
		coqueue_attr_t attr = COQUEUE_ATTR_INIT;
		long next = GOT;
		coqueue_t *q;

		attr.item_size = sizeof(long);
		attr.item_destroy = count_in_order;
		attr.ctx = &next;
		q = queue_with_attr(COQUEUE_UNBOUNDED, ITEMS, attr);
		take_in_order(q, 0, GOT);
		end(&q, way);
		ck_assert_int_eq(next, ITEMS);
	}
}
END_TEST

START_TEST(items_that_were_got_are_not_destroyed)
{
	for_each_end(way) {
		struct log log = {0};
		coqueue_t *q = queue_with_log(3, 3, &log);

		take_in_order(q, 0, 1);
		ck_ok(coqueue_put(q, &(long){3}));
		end(&q, way);
		ck_assert_uint_eq(log.n, 3);
		ck_assert_uint_eq(log.seen[0], 0);
	}
}
END_TEST

/* G4 */
START_TEST(E19_an_item_whose_put_failed_is_not_destroyed)
{
	struct log log = {0};
	coqueue_t *q = queue_with_log(2, 2, &log);
	struct crew *putters = crew_block(q, &ops[OP_PUT], 2);
	struct timespec past = {0};

	ck_code(coqueue_try_put(q, &(long){9}), EAGAIN);
	ck_code(coqueue_put_until(q, &(long){9}, &past), ETIMEDOUT);
	ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
	ck_code(coqueue_try_put(q, &(long){9}), ESHUTDOWN);
	crew_expect(putters, ESHUTDOWN);
	ck_assert_uint_eq(log.n, 0);
	ck_ok(coqueue_destroy(q));
	ck_assert_uint_eq(log.n, 2);
	ck_assert_uint_eq(log.seen[9], 0);
}
END_TEST

static int get_marked(struct hand *me)
{
	struct log *log = me->arg;
	long item;
	int code;

	while ((code = coqueue_get(me->q, &item)) == 0)
		atomic_fetch_add(&log->seen[item % 64], 1);
	return code;
}

/* G4 */
START_TEST(E34_an_item_is_got_or_destroyed_and_not_both)
{
	for (unsigned round = 0; round < scaled(300); round++) {
		struct log log = {0};
		coqueue_t *q = queue_with_log(64, 64, &log);
		struct crew *getters = crew_start(2, get_marked, q, &log);

		await(stats_of(q).gets > round % 20);
		ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
		crew_expect(getters, ESHUTDOWN);
		for (int i = 0; i < 64; i++)
			if (log.seen[i] != 1)
				ck_abort_msg("item %d: %u", i, log.seen[i]);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

static int put_until_refused(struct hand *me)
{
	int code;

	for (me->item = me->index; me->item < 64; me->item += 2)
		if ((code = coqueue_put(me->q, &me->item)) != 0)
			return code;
	return 0;
}

/* G2, G4: a put in flight is refused, or its item destroyed by the return. */
START_TEST(E16_E39_an_accepted_item_is_destroyed_by_the_return)
{
	for (unsigned round = 0; round < scaled(300); round++) {
		struct log log = {0};
		coqueue_t *q = queue_with_log(64, 0, &log);
		struct crew *putters =
			crew_start(2, put_until_refused, q, NULL);
		unsigned destroyed, accepted = 0;

		await(stats_of(q).puts > round % 30);
		ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
		destroyed = log.n;
		crew_join(putters);
		for (unsigned i = 0; i < 2; i++)
			accepted += (unsigned)putters->hands[i].item / 2;
		ck_assert_uint_eq(destroyed, accepted);
		crew_free(putters);
		ck_ok(coqueue_destroy(q));
		ck_assert_uint_eq(log.n, destroyed);
	}
}
END_TEST

START_TEST(without_item_destroy_items_are_dropped)
{
	for_each_end(way) {
		coqueue_t *q = queue_with(3, 3);

		end(&q, way);
	}
}
END_TEST

/* For every C type of this size. */
static bool is_aligned(const void *item, size_t size)
{
	size_t alignment = size & -size;

	if (alignment > alignof(max_align_t))
		alignment = alignof(max_align_t);
	return (uintptr_t)item % alignment == 0;
}

struct pattern {
	size_t size;
	int wrong;
};

static void compare_pattern(void *item, void *ctx)
{
	const unsigned char *bytes = item;
	struct pattern *pattern = ctx;

	for (size_t i = 0; i < pattern->size; i++)
		if (bytes[i] != (unsigned char)(bytes[0] + i))
			pattern->wrong++;
	if (!is_aligned(item, pattern->size))
		pattern->wrong++;
}

START_TEST(item_destroy_sees_items_of_any_size_aligned_and_unchanged)
{
	for (size_t size = 1; size <= 100; size++) {
		struct pattern pattern = {.size = size};
		coqueue_attr_t attr = {.size = sizeof(attr),
				       .item_size = size,
				       .item_destroy = compare_pattern,
				       .ctx = &pattern};
		unsigned char item[100];
		coqueue_t *q = NULL;

		ck_ok(coqueue_create(&q, 7, &attr));
		for (size_t k = 0; k < 7; k++) {
			for (size_t i = 0; i < size; i++)
				item[i] = (unsigned char)(k * 10 + i);
			ck_ok(coqueue_put(q, item));
		}
		ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
		ck_ok(coqueue_destroy(q));
		ck_assert_int_eq(pattern.wrong, 0);
	}
}
END_TEST

/* ---- what item_destroy may rely on (G11) -------------------------------- */

#define expect(log, call, code)                                                \
	do {                                                                   \
		if ((call) != (code))                                          \
			(log)->complaint = #call " is not " #code;             \
	} while (0)

static void call_everything(struct log *log, long item)
{
	coqueue_t *q = log->q;
	coqueue_stats_t stats = {.size = sizeof(stats)};
	size_t done;

	expect(log, coqueue_try_put(q, &item), ESHUTDOWN);
	expect(log, coqueue_put_until(q, &item, COQUEUE_NOWAIT), ESHUTDOWN);
	expect(log, coqueue_put_many(q, &item, 1, COQUEUE_NOWAIT, &done),
	       ESHUTDOWN);
	expect(log, coqueue_try_get(q, &item), ESHUTDOWN);
	expect(log, coqueue_get_many(q, &item, 1, COQUEUE_NOWAIT, &done),
	       ESHUTDOWN);
	expect(log, coqueue_try_peek(q, &item), ESHUTDOWN);
	expect(log, coqueue_shutdown(q, COQUEUE_GRACEFUL), 0);
	expect(log, coqueue_shutdown(q, COQUEUE_IMMEDIATE), 0);
	expect(log, coqueue_interrupt(q), 0);
	expect(log, coqueue_task_done(q, 0), 0);
	expect(log, coqueue_state(q), COQUEUE_SHUT);
	expect(log, coqueue_capacity(q), 4);
	expect(log, coqueue_stats(q, &stats), 0);
	coqueue_size(q);
	coqueue_unfinished(q);
}

/* G11 */
START_TEST(E32_E40_item_destroy_may_call_the_queue)
{
	for_each_mode(mode) {
		struct log log = {.act = call_everything};
		coqueue_t *q = queue_with_log(4, 4, &log);

		if (mode == COQUEUE_GRACEFUL)
			ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
		ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
		ck_assert_msg(!log.complaint, "%s", log.complaint);
		ck_assert_uint_eq(log.n, 4);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

static void shut_down_again(struct log *log, long item)
{
	(void)item;
	expect(log, coqueue_shutdown(log->q, COQUEUE_IMMEDIATE), 0);
}

/* G11 */
START_TEST(E32_E40_shutdown_inside_item_destroy_does_not_recurse)
{
	enum { ITEMS = 5000 };
	struct log log = {.act = shut_down_again};
	coqueue_t *q = queue_with_log(ITEMS, ITEMS, &log);

	ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
	ck_assert_msg(!log.complaint, "%s", log.complaint);
	ck_assert_uint_eq(log.n, ITEMS);
	ck_assert_int_eq(log.deepest, 1);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* G11: a lock that the blocked callers hold while they wait. */
struct held {
	pthread_rwlock_t lock;
	const struct op *op;
	_Atomic unsigned holders;
};

static int call_holding_the_lock(struct hand *me)
{
	struct held *held = me->arg;
	long item = 0;
	int code;

	pthread_rwlock_rdlock(&held->lock);
	code = op_call(held->op, me->q, &item, NULL);
	pthread_rwlock_unlock(&held->lock);
	return code;
}

static void take_the_lock(struct log *log, long item)
{
	struct held *held = log->arg;
	struct timespec limit;

	(void)item;
	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += limit_ns() / (1000 * MS);
	if (pthread_rwlock_timedwrlock(&held->lock, &limit) != 0)
		log->complaint = "a waiter was not released before";
	else
		pthread_rwlock_unlock(&held->lock);
}

static void discard_under_a_waiters_lock(int op, int way, int code)
{
	struct held held = {.lock = PTHREAD_RWLOCK_INITIALIZER, .op = &ops[op]};
	struct log log = {.act = take_the_lock, .arg = &held};
	coqueue_t *q = queue_with_log(2, 2, &log);
	struct crew *crew = crew_start(2, call_holding_the_lock, q, &held);

	await_waiting(q, ops[op].line, 2);
	end(&q, way);
	crew_expect(crew, code);
	ck_assert_msg(!log.complaint, "%s", log.complaint);
	ck_assert_uint_eq(log.n, 2);
	pthread_rwlock_destroy(&held.lock);
}

START_TEST(E31_item_destroy_may_take_a_lock_that_a_blocked_putter_holds)
{
	for_each_end(way)
		discard_under_a_waiters_lock(OP_PUT, way, ESHUTDOWN);
}
END_TEST

/* After an immediate shutdown joins return 0; destroy ends the rest. */
START_TEST(E31_item_destroy_may_take_a_lock_that_a_joiner_holds)
{
	discard_under_a_waiters_lock(OP_JOIN, 0, 0);
	discard_under_a_waiters_lock(OP_JOIN, 1, 0);
}
END_TEST

struct meeting {
	_Atomic bool begun, over;
};

static int call_meanwhile(struct hand *me)
{
	struct meeting *meeting = me->arg;
	struct log log = {.q = me->q};
	struct timespec limit = from_now(limit_ns());

	while (!atomic_load(&meeting->begun) && !is_past(&limit))
		hand_yield();
	call_everything(&log, 0);
	atomic_store(&meeting->over, true);
	return log.complaint ? complain(me, "%s", log.complaint) : 0;
}

static void let_the_other_call(struct log *log, long item)
{
	struct meeting *meeting = log->arg;
	struct timespec limit = from_now(limit_ns());

	(void)item;
	atomic_store(&meeting->begun, true);
	while (!atomic_load(&meeting->over) && !is_past(&limit))
		hand_yield();
	if (!atomic_load(&meeting->over))
		log->complaint = "another thread hangs in the queue";
}

/* G11 */
START_TEST(E31_other_threads_may_call_the_queue_while_item_destroy_runs)
{
	struct meeting meeting = {false, false};
	struct log log = {.act = let_the_other_call, .arg = &meeting};
	coqueue_t *q = queue_with_log(4, 4, &log);
	struct crew *other = crew_start(1, call_meanwhile, q, &meeting);

	ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
	crew_expect(other, 0);
	ck_assert_msg(!log.complaint, "%s", log.complaint);
	ck_assert_uint_eq(log.n, 4);
	ck_ok(coqueue_destroy(q));
}
END_TEST

static void look_at_cancellation(struct log *log, long item)
{
	int state;

	(void)item;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	if (state != PTHREAD_CANCEL_DISABLE)
		log->complaint = "cancellation is enabled";
	pthread_setcancelstate(state, NULL);
}

/* G11 */
START_TEST(item_destroy_runs_with_cancellation_disabled)
{
	for_each_end(way) {
		struct log log = {.act = look_at_cancellation};
		coqueue_t *q = queue_with_log(2, 2, &log);
		int state;

		end(&q, way);
		ck_assert_msg(!log.complaint, "%s", log.complaint);
		pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
		ck_assert_int_eq(state, PTHREAD_CANCEL_ENABLE);
	}
}
END_TEST

static void change_errno(struct log *log, long item)
{
	(void)log;
	(void)item;
	errno = EILSEQ;
}

START_TEST(errno_is_kept_although_item_destroy_changes_it)
{
	struct log log = {.act = change_errno};
	coqueue_t *q = queue_with_log(2, 2, &log);

	errno = 4711;
	ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
	ck_assert_int_eq(errno, 4711);
	ck_ok(coqueue_destroy(q));
	q = queue_with_log(2, 2, &log);
	errno = 4711;
	ck_ok(coqueue_destroy(q));
	ck_assert_int_eq(errno, 4711);
}
END_TEST

static void put_elsewhere(struct log *log, long item)
{
	coqueue_t *other = log->arg;

	if (coqueue_try_put(other, &item) != 0)
		log->complaint = "put to another queue failed";
}

START_TEST(item_destroy_may_put_into_another_queue_from_within_destroy)
{
	for_each_end(way) {
		coqueue_t *other = queue_with(2, 0);
		struct log log = {.act = put_elsewhere, .arg = other};
		coqueue_t *q = queue_with_log(2, 2, &log);

		end(&q, way);
		ck_assert_msg(!log.complaint, "%s", log.complaint);
		ck_assert_uint_eq(coqueue_size(other), 2);
		ck_ok(coqueue_destroy(other));
	}
}
END_TEST

int main(void)
{
	return suite_run(
		"discard",
		TESTS(E31_E36_every_item_left_is_destroyed_once,
		      E33_the_queue_is_empty_and_all_are_destroyed_at_the_return,
		      E31_many_items_left_are_destroyed_in_order,
		      items_that_were_got_are_not_destroyed,
		      E19_an_item_whose_put_failed_is_not_destroyed,
		      E34_an_item_is_got_or_destroyed_and_not_both,
		      E16_E39_an_accepted_item_is_destroyed_by_the_return,
		      without_item_destroy_items_are_dropped,
		      item_destroy_sees_items_of_any_size_aligned_and_unchanged,
		      E32_E40_item_destroy_may_call_the_queue,
		      E32_E40_shutdown_inside_item_destroy_does_not_recurse,
		      E31_item_destroy_may_take_a_lock_that_a_blocked_putter_holds,
		      E31_item_destroy_may_take_a_lock_that_a_joiner_holds,
		      E31_other_threads_may_call_the_queue_while_item_destroy_runs,
		      item_destroy_runs_with_cancellation_disabled,
		      errno_is_kept_although_item_destroy_changes_it,
		      item_destroy_may_put_into_another_queue_from_within_destroy));
}
