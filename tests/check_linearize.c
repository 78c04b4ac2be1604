/* SPDX-License-Identifier: MIT */
/*
 * The checker of histories: each rule of the contract broken by hand, and
 * random histories compared with a checker that tries every order.
 */
#include "crew.h"

#include "../tools/linearize.h"

/* ---- histories by hand -------------------------------------------------- */

#define CALL_OF(name, which)                                                   \
	static struct lin_op name(unsigned thread, uint64_t called,            \
				  uint64_t returned, uint64_t value,           \
				  int result)                                  \
	{                                                                      \
		return (struct lin_op){called, returned,        value, result, \
				       which,  (uint8_t)thread, 0};            \
	}

CALL_OF(put, LIN_PUT)
CALL_OF(get, LIN_GET)
CALL_OF(peek, LIN_PEEK)
CALL_OF(task_done, LIN_TASK_DONE)
CALL_OF(join, LIN_JOIN)
CALL_OF(state, LIN_STATE)
CALL_OF(shutdown, LIN_SHUTDOWN)
CALL_OF(interrupt, LIN_INTERRUPT)
CALL_OF(set_capacity, LIN_SET_CAPACITY)
CALL_OF(hold, LIN_HOLD)
CALL_OF(release, LIN_RELEASE)

static struct lin_op force_put(unsigned thread, uint64_t called,
			       uint64_t returned, uint64_t value, int result,
			       uint64_t evicted)
{
	return (struct lin_op){called,        returned,        value,  result,
			       LIN_FORCE_PUT, (uint8_t)thread, evicted};
}

static struct lin_work *work;

static void expect(enum lin_verdict verdict, const struct lin_history *h)
{
	enum lin_verdict found = lin_check(work, h);

	if (found == verdict)
		return;
	lin_explain(stdout, work, h);
	fflush(stdout);
	ck_abort_msg("verdict %d, not %d", found, verdict);
}

#define KIND(order_, capacity_)                                                \
	((struct model_kind){                                                  \
		.order = (order_), .capacity = (capacity_), .ranks = 4})
#define LIFO(capacity) KIND(COQUEUE_LIFO, capacity)
#define PRIORITY(capacity) KIND(COQUEUE_PRIORITY, capacity)

#define HISTORY_OF(kind_, ...)                                                 \
	(struct lin_history)                                                   \
	{                                                                      \
		.kind = (kind_), .n = CALLS(__VA_ARGS__),                      \
		.ops = (const struct lin_op[]){__VA_ARGS__}, .threads = 3      \
	}
#define CALLS(...)                                                             \
	(sizeof((const struct lin_op[]){__VA_ARGS__}) / sizeof(struct lin_op))
#define good_of(...) expect(LIN_OK, &HISTORY_OF(__VA_ARGS__))
#define bad_of(...) expect(LIN_VIOLATION, &HISTORY_OF(__VA_ARGS__))

/* of a FIFO */
#define HISTORY(capacity, ...)                                                 \
	HISTORY_OF(KIND(COQUEUE_FIFO, capacity), __VA_ARGS__)
#define good(...) expect(LIN_OK, &HISTORY(__VA_ARGS__))
#define bad(...) expect(LIN_VIOLATION, &HISTORY(__VA_ARGS__))

START_TEST(an_empty_history_is_good)
{
	expect(LIN_OK, &(struct lin_history){.kind.capacity = 1});
}
END_TEST

START_TEST(G1_no_put_after_a_refusal)
{
	for_each_mode(mode) {
		uint64_t m = (uint64_t)mode;

		good(4, shutdown(0, 1, 9, m, 0), put(1, 2, 3, 7, 0),
		     put(1, 4, 5, 8, ESHUTDOWN));
		bad(4, shutdown(0, 1, 9, m, 0), put(1, 2, 3, 8, ESHUTDOWN),
		    put(1, 4, 5, 7, 0));
		bad(4, shutdown(0, 1, 9, m, 0), put(1, 2, 3, 8, ESHUTDOWN),
		    put(2, 4, 5, 7, 0));
		bad(4, shutdown(0, 1, 2, m, 0), put(1, 3, 4, 7, 0));
		bad(4, shutdown(0, 1, 2, m, 0), put(1, 3, 4, 7, EAGAIN));
		bad(4, put(1, 3, 4, 7, ESHUTDOWN));
		bad(4, put(1, 3, 4, 7, ESHUTDOWN), shutdown(0, 5, 6, m, 0));
	}
}
END_TEST

START_TEST(G4_an_item_leaves_once)
{
	good(4, put(0, 1, 2, 7, 0), get(1, 1, 3, 7, 0));
	good(4, put(0, 1, 2, 7, 0), put(0, 3, 4, 7, 0), get(1, 5, 6, 7, 0),
	     get(1, 7, 8, 7, 0));
	bad(4, put(0, 1, 2, 7, 0), get(1, 3, 4, 7, 0), get(1, 5, 6, 7, 0));
	bad(4, put(0, 1, 2, 7, 0), put(0, 3, 4, 7, 0), get(1, 5, 6, 7, 0),
	    get(1, 7, 8, 7, 0), get(1, 9, 10, 7, 0));
	bad(4, put(0, 1, 2, 7, 0), get(1, 3, 4, 8, 0));
	bad(4, put(0, 1, 2, 7, EAGAIN), get(1, 3, 4, 7, 0));
	bad(4, get(1, 3, 4, 7, 0), put(0, 5, 6, 7, 0));
	bad(4, put(0, 1, 2, 7, 0), get(1, 3, 4, 0, EAGAIN));
	bad(4, put(0, 1, 2, 7, 0), put(0, 3, 4, 8, 0), get(1, 5, 6, 8, 0));
}
END_TEST

START_TEST(G4_peek_leaves_the_item)
{
	good(4, put(0, 1, 2, 7, 0), peek(1, 3, 4, 7, 0), get(0, 5, 6, 7, 0),
	     peek(1, 7, 8, 0, EAGAIN));
	bad(4, put(0, 1, 2, 7, 0), put(0, 3, 4, 8, 0), peek(1, 5, 6, 8, 0));
	bad(4, put(0, 1, 2, 7, 0), get(0, 3, 4, 7, 0), peek(1, 5, 6, 7, 0));
	bad(4, put(0, 1, 2, 7, 0), peek(1, 3, 4, 0, EAGAIN));
	bad(4, peek(1, 3, 4, 0, ESHUTDOWN));
}
END_TEST

START_TEST(G5_no_early_end_after_graceful)
{
	good(4, put(0, 1, 2, 7, 0), shutdown(0, 3, 4, COQUEUE_GRACEFUL, 0),
	     get(1, 5, 6, 7, 0), get(1, 7, 8, 0, ESHUTDOWN),
	     peek(1, 9, 10, 0, ESHUTDOWN));
	good(4, put(0, 1, 9, 7, 0), shutdown(1, 2, 3, COQUEUE_GRACEFUL, 0),
	     get(1, 4, 5, 7, 0));
	bad(4, put(0, 1, 2, 7, 0), shutdown(0, 3, 4, COQUEUE_GRACEFUL, 0),
	    get(1, 5, 6, 0, ESHUTDOWN));
	bad(4, put(0, 1, 2, 7, 0), shutdown(0, 3, 4, COQUEUE_GRACEFUL, 0),
	    peek(1, 5, 6, 0, ESHUTDOWN));
	bad(4, put(0, 1, 9, 7, 0), shutdown(1, 2, 3, COQUEUE_GRACEFUL, 0),
	    get(1, 4, 5, 0, ESHUTDOWN), get(1, 6, 10, 7, 0));
	bad(4, shutdown(0, 3, 4, COQUEUE_GRACEFUL, 0), get(1, 5, 6, 0, EAGAIN));
}
END_TEST

START_TEST(G4_immediate_refuses_and_discards)
{
	uint64_t now = COQUEUE_IMMEDIATE;

	good(4, put(0, 1, 2, 7, 0), shutdown(0, 3, 4, now, 0),
	     get(1, 5, 6, 0, ESHUTDOWN), peek(1, 7, 8, 0, ESHUTDOWN));
	bad(4, put(0, 1, 2, 7, 0), shutdown(0, 3, 4, now, 0),
	    get(1, 5, 6, 7, 0));
	bad(4, put(0, 1, 2, 7, 0), shutdown(0, 3, 4, now, 0),
	    peek(1, 5, 6, 7, 0));
	bad(4, put(0, 1, 2, 7, 0), put(0, 3, 4, 8, 0),
	    shutdown(0, 5, 20, now, 0), get(1, 6, 7, 0, ESHUTDOWN),
	    get(1, 8, 9, 7, 0));
	bad(4, shutdown(0, 3, 4, now, 0),
	    shutdown(0, 5, 6, COQUEUE_GRACEFUL, 0), get(1, 7, 8, 0, EAGAIN));
	/* not even while the items are still there */
	bad(4, put(0, 1, 2, 7, 0), shutdown(0, 3, 20, now, 0),
	    state(1, 4, 5, COQUEUE_SHUT, 0), get(1, 6, 7, 7, 0));
	bad(4, put(0, 1, 2, 7, 0), shutdown(0, 3, 20, now, 0),
	    state(1, 4, 5, COQUEUE_SHUT, 0), peek(1, 6, 7, 7, 0));
	bad(4, shutdown(0, 3, 4, now, EAGAIN));
}
END_TEST

START_TEST(G6_items_leave_in_the_order_of_their_puts)
{
	good(4, put(0, 1, 3, 7, 0), put(1, 2, 4, 8, 0), get(2, 5, 6, 8, 0),
	     get(2, 7, 8, 7, 0));
	bad(4, put(0, 1, 2, 7, 0), put(1, 3, 4, 8, 0), get(2, 5, 6, 8, 0),
	    get(2, 7, 8, 7, 0));
	bad(4, put(0, 1, 9, 7, 0), put(0, 1, 9, 8, 0), get(2, 2, 3, 8, 0),
	    get(2, 4, 5, 7, 0));
	good(4, put(0, 1, 9, 7, 0), put(1, 1, 9, 8, 0), get(2, 1, 9, 8, 0),
	     get(2, 1, 9, 7, 0));
	bad(4, put(0, 1, 9, 7, 0), put(0, 1, 9, 8, 0), get(2, 1, 9, 8, 0),
	    get(2, 1, 9, 7, 0));
}
END_TEST

START_TEST(G7_capacity_is_exact)
{
	good(1, put(0, 1, 2, 7, 0), put(0, 3, 4, 8, EAGAIN));
	bad(1, put(0, 1, 2, 7, 0), put(0, 3, 4, 8, 0));
	bad(2, put(0, 1, 2, 7, 0), put(0, 3, 4, 8, EAGAIN));
	bad(2, put(0, 1, 2, 7, 0), put(0, 3, 4, 8, ETIMEDOUT));
	bad(2, put(0, 1, 2, 6, 0), put(0, 3, 4, 7, 0), put(0, 5, 6, 8, 0),
	    get(0, 7, 8, 6, 0));
	good(2, put(0, 1, 2, 6, 0), put(0, 3, 4, 7, 0), put(0, 5, 8, 8, 0),
	     get(1, 7, 9, 6, 0));
}
END_TEST

START_TEST(G8_EAGAIN_and_ETIMEDOUT_need_such_an_instant)
{
	good(1, put(0, 1, 4, 7, 0), get(1, 2, 3, 0, EAGAIN));
	good(1, put(0, 1, 4, 7, 0), get(1, 2, 3, 0, ETIMEDOUT));
	good(1, put(0, 1, 2, 7, 0), put(1, 3, 6, 8, ETIMEDOUT),
	     get(0, 4, 5, 7, 0));
	bad(1, put(0, 1, 2, 7, 0), get(1, 3, 4, 0, ETIMEDOUT));
	bad(1, put(0, 1, 2, 7, 0), peek(1, 3, 4, 0, ETIMEDOUT));
	/* capacity 1: full, and then empty without a get */
	bad(1, put(0, 1, 9, 7, 0), put(1, 2, 3, 8, EAGAIN),
	    get(1, 4, 5, 0, EAGAIN));
	bad(1, put(0, 3, 4, 8, EAGAIN));
	bad(1, put(0, 3, 4, 8, ENOMEM));
}
END_TEST

START_TEST(G8_the_order_of_each_thread_and_of_time_is_kept)
{
	good(4, get(0, 1, 9, 7, 0), put(1, 1, 9, 7, 0));
	bad(4, get(0, 1, 9, 7, 0), put(0, 1, 9, 7, 0));
	good(4, put(0, 1, 9, 6, 0), get(1, 9, 10, 0, EAGAIN),
	     get(1, 11, 12, 6, 0));
	bad(4, put(0, 1, 8, 6, 0), get(1, 9, 10, 0, EAGAIN),
	    get(1, 11, 12, 6, 0));
	/* the order of ops[] holds for one thread, not between threads */
	good(4, get(1, 3, 4, 7, 0), put(0, 1, 2, 7, 0));
}
END_TEST

START_TEST(G8_a_bulk_call_is_a_series)
{
	good(2, put(0, 1, 9, 1, 0), put(0, 1, 9, 2, 0), put(0, 1, 9, 3, 0),
	     put(0, 1, 9, 4, ETIMEDOUT), put(1, 1, 9, 5, 0), get(1, 1, 9, 1, 0),
	     get(1, 1, 9, 5, 0));
	bad(2, put(0, 1, 9, 1, 0), put(0, 1, 9, 2, 0), put(0, 1, 9, 3, 0),
	    put(0, 1, 9, 4, EAGAIN));
	bad(3, put(0, 1, 9, 1, 0), put(0, 1, 9, 2, 0), put(0, 1, 9, 3, 0),
	    get(1, 10, 11, 1, 0), get(1, 10, 11, 3, 0));
}
END_TEST

START_TEST(a_call_without_return_is_ordered_somewhere)
{
	good(4, put(0, 1, LIN_NEVER, 7, 0), get(1, 2, 3, 0, EAGAIN),
	     get(1, 4, 5, 7, 0));
	good(4, put(0, 1, LIN_NEVER, 7, 0), get(1, 2, 3, 0, EAGAIN));
	bad(4, put(0, 4, LIN_NEVER, 7, 0), get(1, 2, 3, 7, 0));
}
END_TEST

START_TEST(task_done_and_join_count)
{
	good(4, put(0, 1, 2, 7, 0), join(1, 3, 4, 0, EAGAIN),
	     task_done(0, 5, 6, 1, 0), join(1, 7, 8, 0, 0));
	good(4, put(0, 1, 2, 7, 0), join(1, 3, 6, 0, 0),
	     task_done(0, 4, 7, 1, 0));
	good(4, put(0, 1, 2, 7, 0), task_done(0, 5, 6, 2, EINVAL),
	     task_done(0, 7, 8, 0, 0), join(1, 9, 10, 0, ETIMEDOUT));
	bad(4, put(0, 1, 2, 7, 0), join(1, 3, 4, 0, 0));
	bad(4, put(0, 1, 2, 7, 0), get(0, 3, 4, 7, 0), join(1, 5, 6, 0, 0));
	bad(4, join(1, 3, 4, 0, EAGAIN));
	bad(4, join(1, 3, 4, 0, ETIMEDOUT));
	bad(4, join(1, 3, 4, 0, ESHUTDOWN));
	bad(4, put(0, 1, 2, 7, 0), task_done(0, 5, 6, 2, 0));
	bad(4, put(0, 1, 2, 7, 0), task_done(0, 5, 6, 1, EINVAL));
	bad(4, put(0, 1, 2, 7, 0), task_done(0, 5, 6, 1, 0),
	    join(1, 7, 8, 0, EAGAIN));
}
END_TEST

START_TEST(immediate_lowers_unfinished_by_what_it_discards)
{
	uint64_t now = COQUEUE_IMMEDIATE;

	good(4, put(0, 1, 2, 6, 0), put(0, 3, 4, 7, 0), get(0, 5, 6, 6, 0),
	     shutdown(0, 7, 8, now, 0), join(0, 9, 10, 0, EAGAIN),
	     task_done(0, 11, 12, 1, 0), join(0, 13, 14, 0, 0));
	/* the same again discards nothing more */
	good(4, put(0, 1, 2, 6, 0), put(0, 3, 4, 7, 0), get(0, 5, 6, 6, 0),
	     shutdown(0, 7, 8, now, 0), shutdown(0, 9, 10, now, 0),
	     join(0, 11, 12, 0, EAGAIN));
	/* the count falls later than the state changes, in one instant */
	good(4, put(0, 1, 2, 6, 0), shutdown(0, 7, 20, now, 0),
	     state(1, 8, 9, COQUEUE_SHUT, 0), join(1, 10, 11, 0, EAGAIN),
	     join(1, 12, 13, 0, 0));
	/* task_done ran ahead: the count does not fall below 0 */
	good(4, put(0, 1, 2, 6, 0), task_done(0, 3, 4, 1, 0),
	     shutdown(0, 5, 6, now, 0), join(0, 7, 8, 0, 0),
	     task_done(0, 9, 10, 1, EINVAL));
	/* what does not go back to the model's state is a violation */
	bad(4, put(0, 1, 2, 6, 0), shutdown(0, 7, 20, now, 0),
	    join(1, 8, 9, 0, 0), state(1, 10, 11, COQUEUE_OPEN, 0));
	bad(4, put(0, 1, 2, 6, 0), shutdown(0, 3, 4, now, 0),
	    join(0, 5, 6, 0, EAGAIN));
	bad(4, put(0, 1, 2, 6, 0), get(0, 3, 4, 6, 0),
	    shutdown(0, 5, 6, now, 0), join(0, 7, 8, 0, 0));
	bad(4, put(0, 1, 2, 6, 0), shutdown(0, 7, 20, now, 0),
	    join(1, 8, 9, 0, 0), join(1, 10, 11, 0, EAGAIN));
}
END_TEST

START_TEST(each_immediate_shutdown_returns_after_a_discard)
{
	uint64_t now = COQUEUE_IMMEDIATE;

	good(4, put(0, 1, 2, 6, 0), shutdown(0, 3, 9, now, 0),
	     shutdown(1, 4, 8, now, 0), join(2, 5, 6, 0, EAGAIN),
	     join(1, 10, 11, 0, 0));
	bad(4, put(0, 1, 2, 6, 0), shutdown(0, 3, 20, now, 0),
	    shutdown(1, 4, 8, now, 0), join(1, 9, 10, 0, EAGAIN));
}
END_TEST

START_TEST(the_state_only_moves_on)
{
	good(4, state(0, 1, 2, COQUEUE_OPEN, 0),
	     shutdown(1, 3, 6, COQUEUE_GRACEFUL, 0),
	     state(0, 4, 5, COQUEUE_DRAINING, 0),
	     shutdown(0, 7, 10, COQUEUE_IMMEDIATE, 0),
	     state(1, 8, 9, COQUEUE_SHUT, 0),
	     shutdown(0, 11, 12, COQUEUE_GRACEFUL, 0),
	     state(1, 13, 14, COQUEUE_SHUT, 0));
	bad(4, state(0, 1, 2, COQUEUE_DRAINING, 0));
	bad(4, shutdown(1, 3, 9, COQUEUE_GRACEFUL, 0),
	    state(0, 4, 5, COQUEUE_DRAINING, 0),
	    state(0, 6, 7, COQUEUE_OPEN, 0));
	bad(4, shutdown(1, 3, 4, COQUEUE_GRACEFUL, 0),
	    state(0, 5, 6, COQUEUE_OPEN, 0));
	bad(4, shutdown(1, 3, 4, COQUEUE_IMMEDIATE, 0),
	    shutdown(1, 5, 6, COQUEUE_GRACEFUL, 0),
	    state(0, 7, 8, COQUEUE_DRAINING, 0));
}
END_TEST

START_TEST(EINTR_needs_an_interrupt_that_overlaps)
{
	good(1, get(0, 1, 4, 0, EINTR), interrupt(1, 2, 3, 0, 0));
	good(1, peek(0, 1, 3, 0, EINTR), interrupt(1, 2, 5, 0, 0));
	good(1, put(0, 1, 2, 5, 0), put(0, 3, 4, 6, EINTR),
	     join(1, 2, 5, 0, EINTR), interrupt(2, 1, 9, 0, 0));
	bad(1, get(0, 1, 4, 0, EINTR));
	bad(1, get(0, 1, 4, 0, EINTR), interrupt(1, 5, 6, 0, 0));
	bad(1, get(0, 5, 6, 0, EINTR), interrupt(1, 1, 4, 0, 0));
	bad(1, task_done(0, 1, 4, 0, EINTR), interrupt(1, 2, 3, 0, 0));
	bad(1, put(0, 1, 4, 7, EINTR), interrupt(1, 2, 3, 0, 0),
	    get(0, 5, 6, 7, 0));
	bad(1, interrupt(1, 2, 3, 0, EINVAL));
}
END_TEST

START_TEST(destroy_is_an_interrupt_and_a_shutdown)
{
	good(1, put(0, 1, 2, 7, 0), join(1, 3, 6, 0, EINTR),
	     interrupt(2, 4, 8, 0, 0), shutdown(2, 4, 8, COQUEUE_IMMEDIATE, 0),
	     put(0, 5, 7, 8, ESHUTDOWN));
}
END_TEST

/* ---- other kinds -------------------------------------------------------- */

START_TEST(G6_LIFO_the_newest_leaves_first)
{
	good_of(LIFO(4), put(0, 1, 2, 7, 0), put(0, 3, 4, 8, 0),
		peek(1, 5, 6, 8, 0), get(1, 7, 8, 8, 0), put(0, 9, 10, 9, 0),
		get(1, 11, 12, 9, 0), get(1, 13, 14, 7, 0),
		get(1, 15, 16, 0, EAGAIN));
	good_of(LIFO(4), put(0, 1, 2, 7, 0), get(1, 3, 8, 7, 0),
		put(0, 4, 5, 8, 0), get(1, 9, 10, 8, 0));
	good_of(LIFO(4), put(0, 1, 9, 7, 0), put(1, 1, 9, 8, 0),
		get(2, 10, 11, 7, 0), get(2, 12, 13, 8, 0));
	good_of(LIFO(4), put(0, 1, 2, 7, 0), put(0, 3, 4, 8, 0),
		shutdown(0, 5, 6, COQUEUE_GRACEFUL, 0), get(1, 7, 8, 8, 0),
		get(1, 9, 10, 7, 0), get(1, 11, 12, 0, ESHUTDOWN));
	bad_of(LIFO(4), put(0, 1, 2, 7, 0), put(0, 3, 4, 8, 0),
	       get(1, 5, 6, 7, 0));
	bad_of(LIFO(4), put(0, 1, 2, 7, 0), put(0, 3, 4, 8, 0),
	       get(1, 5, 6, 7, 0), get(1, 7, 8, 8, 0));
	bad_of(LIFO(4), put(0, 1, 2, 7, 0), put(0, 3, 4, 8, 0),
	       peek(1, 5, 6, 7, 0));
	/* in the order of one thread's bulk get */
	bad_of(LIFO(4), put(0, 1, 2, 7, 0), put(0, 3, 4, 8, 0),
	       get(1, 5, 9, 7, 0), get(1, 5, 9, 8, 0));
	bad_of(LIFO(4), put(0, 1, 2, 7, 0), put(0, 3, 4, 8, 0),
	       get(1, 5, 6, 8, 0), get(1, 7, 8, 8, 0));
}
END_TEST

START_TEST(G6_PRIORITY_the_smallest_leaves_first_and_equals_in_order)
{
	/* by their rank: 1, 0, 0, 1, 3 */
	good_of(PRIORITY(5), put(0, 1, 2, 5, 0), put(0, 3, 4, 8, 0),
		put(0, 5, 6, 4, 0), put(0, 7, 8, 1, 0), put(0, 9, 10, 3, 0),
		peek(1, 11, 12, 8, 0), get(1, 13, 14, 8, 0),
		get(1, 15, 16, 4, 0), put(0, 17, 18, 12, 0),
		get(1, 19, 20, 12, 0), get(1, 21, 22, 5, 0),
		get(1, 23, 24, 1, 0), get(1, 25, 26, 3, 0));
	good_of(PRIORITY(4), put(0, 1, 9, 8, 0), put(1, 1, 9, 4, 0),
		get(2, 10, 11, 4, 0), get(2, 12, 13, 8, 0));
	good_of(PRIORITY(4), put(0, 1, 2, 5, 0), get(1, 3, 8, 5, 0),
		put(0, 4, 5, 4, 0), get(1, 9, 10, 4, 0));
	bad_of(PRIORITY(4), put(0, 1, 2, 5, 0), put(0, 3, 4, 4, 0),
	       get(1, 5, 6, 5, 0), get(1, 7, 8, 4, 0));
	bad_of(PRIORITY(4), put(0, 1, 2, 4, 0), put(0, 3, 4, 5, 0),
	       get(1, 5, 6, 5, 0), get(1, 7, 8, 4, 0));
	bad_of(PRIORITY(4), put(0, 1, 2, 4, 0), put(0, 3, 4, 5, 0),
	       peek(1, 5, 6, 5, 0));
	/* not stable */
	bad_of(PRIORITY(4), put(0, 1, 2, 8, 0), put(0, 3, 4, 4, 0),
	       get(1, 5, 6, 4, 0), get(1, 7, 8, 8, 0));
	bad_of(PRIORITY(4), put(0, 1, 2, 4, 0), put(0, 3, 4, 8, 0),
	       get(1, 5, 6, 8, 0), get(1, 7, 8, 4, 0));
	bad_of(PRIORITY(4), put(0, 1, 2, 4, 0), put(0, 3, 4, 8, 0),
	       peek(1, 5, 6, 8, 0));
}
END_TEST

START_TEST(every_order_has_a_capacity_an_end_and_a_count)
{
	for (int order = COQUEUE_FIFO; order <= COQUEUE_PRIORITY; order++) {
		struct model_kind k = KIND((enum coqueue_order)order, 1);
		uint64_t now = COQUEUE_IMMEDIATE;

		good_of(k, put(0, 1, 2, 7, 0), put(0, 3, 4, 8, EAGAIN));
		bad_of(k, put(0, 1, 2, 7, 0), put(0, 3, 4, 8, 0));
		bad_of(k, put(0, 1, 2, 7, 0), get(0, 3, 4, 7, 0),
		       put(0, 5, 6, 8, EAGAIN));
		good_of(k, put(0, 1, 2, 7, 0), shutdown(0, 3, 4, now, 0),
			join(0, 5, 6, 0, 0), get(0, 7, 8, 0, ESHUTDOWN));
		bad_of(k, put(0, 1, 2, 7, 0), shutdown(0, 3, 4, now, 0),
		       join(0, 5, 6, 0, EAGAIN));
		bad_of(k, put(0, 1, 2, 7, 0), get(0, 3, 4, 7, 0),
		       shutdown(0, 5, 6, now, 0), join(0, 7, 8, 0, 0));
	}
}
END_TEST

START_TEST(a_queue_without_limit_takes_every_put)
{
	for (int order = COQUEUE_FIFO; order <= COQUEUE_PRIORITY; order++) {
		struct model_kind k =
			KIND((enum coqueue_order)order, COQUEUE_UNBOUNDED);

		good_of(k, put(0, 1, 2, 7, 0), get(1, 3, 4, 7, 0),
			get(1, 5, 6, 0, EAGAIN),
			set_capacity(1, 7, 8, 4, EINVAL));
		bad_of(k, put(0, 1, 2, 7, 0), put(0, 3, 4, 8, EAGAIN));
		bad_of(k, put(0, 1, 2, 7, 0), put(0, 3, 4, 8, ETIMEDOUT));
		bad_of(k, set_capacity(1, 7, 8, 4, 0));
	}
	good(COQUEUE_UNBOUNDED, put(0, 1, 2, 7, 0),
	     force_put(0, 3, 4, 8, 0, LIN_NOTHING), get(1, 5, 6, 7, 0));
	bad(COQUEUE_UNBOUNDED, put(0, 1, 2, 7, 0), force_put(0, 3, 4, 8, 0, 7));
}
END_TEST

START_TEST(G7_a_rendezvous_is_a_put_and_a_get_at_one_instant)
{
	good(0, put(0, 1, 4, 7, 0), get(1, 2, 3, 7, 0),
	     join(0, 5, 6, 0, EAGAIN), task_done(0, 7, 8, 1, 0),
	     join(0, 9, 10, 0, 0));
	good(0, get(1, 1, 4, 7, 0), put(0, 4, 6, 7, 0));
	bad(0, put(0, 1, 4, 7, 0));
	bad(0, get(0, 1, 4, 7, 0));
	bad(0, put(0, 1, 4, 7, 0), get(1, 2, 3, 8, 0));
	bad(0, put(0, 1, 2, 7, 0), get(1, 3, 4, 7, 0));
	bad(0, get(1, 1, 2, 7, 0), put(0, 3, 4, 7, 0));
	bad(0, put(0, 1, 9, 7, 0), get(0, 1, 9, 7, 0));
	bad(0, put(0, 1, 9, 7, 0), put(1, 1, 9, 7, 0), get(2, 1, 9, 7, 0));
	bad(0, put(0, 1, 9, 7, 0), get(1, 1, 9, 7, 0), get(2, 1, 9, 7, 0));
	bad(0, put(0, 1, 4, 7, 0), get(1, 2, 3, 7, 0), join(0, 5, 6, 0, 0));
	bad(0, put(0, 1, 4, 7, 0), get(1, 2, 3, 7, 0),
	    task_done(0, 7, 8, 2, 0));
	/* together means that nothing comes between */
	bad(0, put(0, 1, 4, 7, 0), get(1, 3, 9, 8, 0), put(1, 3, 9, 9, EAGAIN),
	    get(2, 5, 9, 7, 0), put(2, 5, 9, 8, 0));
	/* a call that is still on, and one that found nobody */
	good(0, put(0, 1, LIN_NEVER, 7, 0), get(1, 2, 3, 7, 0));
	good(0, put(0, 1, 2, 7, EAGAIN), get(1, 1, 2, 0, EAGAIN),
	     peek(1, 3, 4, 0, EAGAIN), put(0, 5, 6, 7, ETIMEDOUT));
	bad(0, put(0, 1, 4, 7, 0), get(1, 2, 3, 7, 0), peek(2, 1, 9, 7, 0));
	good(0, peek(0, 1, 4, 0, EINTR), interrupt(1, 2, 3, 0, 0));
}
END_TEST

START_TEST(G8_bulk_calls_of_a_rendezvous_are_series)
{
	good(0, put(0, 1, 9, 1, 0), put(0, 1, 9, 2, 0), put(0, 1, 9, 3, 0),
	     get(1, 1, 9, 1, 0), get(2, 1, 9, 2, 0), get(1, 1, 9, 3, 0),
	     get(1, 10, 11, 3, EAGAIN));
	bad(0, put(0, 1, 9, 1, 0), put(0, 1, 9, 2, 0), get(1, 1, 9, 2, 0),
	    get(1, 1, 9, 1, 0));
	/* who meets whom decides whether all can: 0's 7 must go to 2 */
	good(0, put(0, 1, 3, 7, 0), get(1, 2, 9, 7, 0), get(2, 2, 9, 7, 0),
	     get(2, 2, 9, 8, 0), put(0, 4, 5, 8, 0), put(0, 6, 7, 7, 0));
}
END_TEST

START_TEST(E48_E49_a_rendezvous_and_shutdown)
{
	for_each_mode(mode) {
		uint64_t m = (uint64_t)mode;

		good(0, put(0, 1, 9, 7, 0), get(1, 2, 10, 7, 0),
		     shutdown(2, 3, 4, m, 0));
		good(0, put(0, 1, 9, 7, ESHUTDOWN), get(1, 2, 10, 0, ESHUTDOWN),
		     shutdown(2, 3, 4, m, 0), peek(2, 5, 6, 0, ESHUTDOWN),
		     join(2, 7, 8, 0, 0));
		bad(0, put(0, 1, 9, 7, 0), get(1, 5, 10, 7, 0),
		    shutdown(2, 3, 4, m, 0));
		bad(0, put(0, 1, 9, 7, 0), get(1, 2, 10, 0, ESHUTDOWN),
		    shutdown(2, 3, 4, m, 0));
		bad(0, put(0, 1, 2, 7, 0), shutdown(2, 3, 4, m, 0),
		    get(1, 5, 6, 7, 0));
		bad(0, shutdown(2, 3, 4, m, 0), put(0, 5, 6, 7, EAGAIN));
		bad(0, shutdown(2, 3, 4, m, 0), get(0, 5, 6, 7, EAGAIN));
		bad(0, shutdown(2, 3, 4, m, 0), peek(0, 5, 6, 7, EAGAIN));
		/* what was handed over is not discarded */
		bad(0, put(0, 1, 3, 7, 0), get(1, 2, 4, 7, 0),
		    shutdown(2, 5, 6, m, 0), join(2, 7, 8, 0, 0));
	}
	bad(0, put(0, 1, 2, 7, ESHUTDOWN));
	bad(0, get(0, 1, 2, 7, ESHUTDOWN));
	bad(0, peek(0, 1, 2, 7, ESHUTDOWN));
}
END_TEST

/* ---- other calls -------------------------------------------------------- */

START_TEST(force_put_makes_room_by_the_oldest)
{
	good(2, force_put(0, 1, 2, 1, 0, LIN_NOTHING), put(0, 3, 4, 2, 0),
	     force_put(0, 5, 6, 3, 0, 1), get(0, 7, 8, 2, 0),
	     get(0, 9, 10, 3, 0), task_done(0, 11, 12, 3, 0),
	     join(0, 13, 14, 0, 0));
	good(1, put(0, 1, 2, 1, 0), force_put(0, 3, 9, 2, 0, LIN_NOTHING),
	     get(1, 4, 5, 1, 0), get(1, 6, 7, 2, 0));
	good(1, force_put(0, 1, 9, 1, 0, LIN_NOTHING),
	     force_put(1, 1, 9, 2, 0, 1), force_put(2, 1, 9, 3, 0, 2),
	     get(0, 10, 11, 3, 0));
	/* not the oldest, none, though there is room, two, not gone */
	bad(2, put(0, 1, 2, 1, 0), put(0, 3, 4, 2, 0),
	    force_put(0, 5, 6, 3, 0, 2));
	bad(2, put(0, 1, 2, 1, 0), put(0, 3, 4, 2, 0),
	    force_put(0, 5, 6, 3, 0, LIN_NOTHING));
	bad(2, put(0, 1, 2, 1, 0), force_put(0, 5, 6, 3, 0, 1));
	bad(2, put(0, 1, 2, 1, 0), put(0, 3, 4, 2, 0),
	    force_put(0, 5, 6, 3, 0, 1), get(0, 7, 8, 3, 0));
	bad(2, put(0, 1, 2, 1, 0), put(0, 3, 4, 2, 0),
	    force_put(0, 5, 6, 3, 0, 1), get(0, 7, 8, 1, 0));
	bad(1, put(0, 1, 2, 1, 0), force_put(0, 5, 6, 3, 0, 3));
	/* it is one instant */
	bad(1, put(0, 1, 2, 1, 0), force_put(0, 3, 9, 2, 0, 1),
	    get(1, 4, 5, 0, EAGAIN), get(1, 6, 7, 2, 0));
	/* the item that made room is unfinished, and it is not marked twice */
	bad(1, put(0, 1, 2, 1, 0), force_put(0, 3, 4, 2, 0, 1),
	    task_done(0, 5, 6, 1, 0), join(0, 7, 8, 0, 0));
	bad(1, put(0, 1, 2, 1, 0), force_put(0, 3, 4, 2, 0, 1),
	    shutdown(0, 5, 6, COQUEUE_IMMEDIATE, 0), join(0, 7, 8, 0, 0));
	bad(1, put(0, 1, 2, 1, 0), force_put(0, 3, 4, 2, EAGAIN, 0));
}
END_TEST

START_TEST(force_put_is_for_an_open_FIFO_that_can_hold_items)
{
	for_each_mode(mode) {
		good(1, put(0, 1, 2, 1, 0),
		     shutdown(0, 3, 4, (uint64_t)mode, 0),
		     force_put(0, 5, 6, 2, ESHUTDOWN, 0));
		bad(1, put(0, 1, 2, 1, 0), shutdown(0, 3, 4, (uint64_t)mode, 0),
		    force_put(0, 5, 6, 2, 0, 1));
		good_of(LIFO(1), shutdown(0, 3, 4, (uint64_t)mode, 0),
			force_put(0, 5, 6, 2, EINVAL, 0));
	}
	good_of(LIFO(1), force_put(0, 5, 6, 2, EINVAL, 0));
	bad_of(LIFO(1), force_put(0, 5, 6, 2, 0, LIN_NOTHING));
	good_of(PRIORITY(1), force_put(0, 5, 6, 2, EINVAL, 0));
	bad_of(PRIORITY(1), force_put(0, 5, 6, 2, 0, LIN_NOTHING));
	good(0, force_put(0, 5, 6, 2, EINVAL, 0));
	bad(0, force_put(0, 1, 9, 2, 0, LIN_NOTHING), get(1, 1, 9, 2, 0));
	bad(1, force_put(0, 5, 6, 2, EINVAL, 0));
	bad(COQUEUE_UNBOUNDED, force_put(0, 5, 6, 2, EINVAL, 0));
}
END_TEST

START_TEST(E43_E44_set_capacity_changes_when_a_put_must_wait)
{
	for (int order = COQUEUE_FIFO; order <= COQUEUE_PRIORITY; order++) {
		struct model_kind one = KIND((enum coqueue_order)order, 1);
		struct model_kind two = KIND((enum coqueue_order)order, 2);

		good_of(one, put(0, 1, 2, 8, 0), put(0, 3, 4, 4, EAGAIN),
			set_capacity(0, 5, 6, 2, 0), put(0, 7, 8, 4, 0),
			put(0, 9, 10, 12, EAGAIN));
		bad_of(one, put(0, 1, 2, 8, 0), set_capacity(0, 5, 6, 2, 0),
		       put(0, 7, 8, 4, EAGAIN));
		bad_of(one, put(0, 1, 2, 8, 0), put(0, 3, 4, 4, 0),
		       set_capacity(0, 5, 6, 2, 0));
		good_of(two, put(0, 1, 2, 8, 0), put(0, 3, 4, 8, 0),
			set_capacity(0, 5, 6, 1, 0), put(0, 7, 8, 4, EAGAIN),
			get(0, 9, 10, 8, 0), put(0, 11, 12, 4, EAGAIN),
			get(0, 13, 14, 8, 0), put(0, 15, 16, 4, 0));
		bad_of(two, put(0, 1, 2, 8, 0), put(0, 3, 4, 8, 0),
		       set_capacity(0, 5, 6, 1, 0), get(0, 9, 10, 8, 0),
		       put(0, 11, 12, 4, 0));
		bad_of(two, put(0, 1, 2, 8, 0), put(0, 3, 4, 8, 0),
		       set_capacity(0, 5, 6, 1, 0), get(0, 9, 10, 8, 0),
		       get(0, 11, 12, 8, 0), put(0, 13, 14, 8, EAGAIN));
	}
	/* at some instant of its interval */
	good(1, put(0, 1, 2, 7, 0), set_capacity(1, 3, 9, 2, 0),
	     put(0, 4, 5, 8, EAGAIN), put(0, 6, 7, 8, 0));
	bad(1, put(0, 1, 2, 7, 0), set_capacity(1, 3, 9, 2, 0),
	    put(0, 4, 5, 8, 0), put(0, 6, 7, 9, 0));
	/* of two, either may be the last */
	good(1, set_capacity(0, 1, 9, 3, 0), set_capacity(1, 1, 9, 1, 0),
	     put(0, 10, 11, 7, 0), put(0, 12, 13, 8, 0));
	good(1, set_capacity(0, 1, 9, 3, 0), set_capacity(1, 1, 9, 1, 0),
	     put(0, 10, 11, 7, 0), put(0, 12, 13, 8, EAGAIN));
	/* above its capacity it lets one go for one, and no more */
	good(3, put(0, 1, 2, 1, 0), put(0, 3, 4, 2, 0), put(0, 5, 6, 3, 0),
	     set_capacity(0, 7, 8, 1, 0), force_put(0, 9, 10, 4, 0, 1),
	     get(0, 11, 12, 2, 0));
}
END_TEST

START_TEST(E45_set_capacity_is_for_open_bounded_queues)
{
	good(2, set_capacity(0, 1, 2, 0, EINVAL),
	     set_capacity(0, 3, 4, COQUEUE_UNBOUNDED, EINVAL),
	     set_capacity(0, 5, 6, 2, 0));
	bad(2, set_capacity(0, 1, 2, 0, 0));
	bad(2, set_capacity(0, 1, 2, COQUEUE_UNBOUNDED, 0));
	bad(2, set_capacity(0, 1, 2, 1, EINVAL));
	bad(2, set_capacity(0, 1, 2, 1, ESHUTDOWN));
	good(0, set_capacity(0, 1, 2, 1, EINVAL),
	     set_capacity(0, 3, 4, 0, EINVAL));
	bad(0, set_capacity(0, 1, 2, 1, 0));
	for_each_mode(mode) {
		good(2, shutdown(0, 1, 2, (uint64_t)mode, 0),
		     set_capacity(0, 3, 4, 1, ESHUTDOWN),
		     set_capacity(0, 5, 6, 0, EINVAL));
		bad(2, shutdown(0, 1, 2, (uint64_t)mode, 0),
		    set_capacity(0, 3, 4, 1, 0));
	}
}
END_TEST

START_TEST(E82_the_last_producer_ends_gracefully)
{
	good(2, hold(0, 1, 2, COQUEUE_PUT, 0), hold(1, 3, 4, COQUEUE_PUT, 0),
	     release(0, 5, 6, COQUEUE_PUT, 0), put(0, 7, 8, 1, 0),
	     state(0, 9, 10, COQUEUE_OPEN, 0),
	     release(1, 11, 12, COQUEUE_PUT, 0), put(0, 13, 14, 2, ESHUTDOWN),
	     state(0, 15, 16, COQUEUE_DRAINING, 0), get(1, 17, 18, 1, 0),
	     get(1, 19, 20, 0, ESHUTDOWN));
	bad(2, hold(0, 1, 2, COQUEUE_PUT, 0), release(0, 5, 6, COQUEUE_PUT, 0),
	    put(0, 7, 8, 1, 0));
	bad(2, hold(0, 1, 2, COQUEUE_PUT, 0), release(0, 5, 6, COQUEUE_PUT, 0),
	    get(0, 7, 8, 1, EAGAIN));
	bad(2, hold(0, 1, 2, COQUEUE_PUT, 0), put(0, 3, 4, 1, 0),
	    release(0, 5, 6, COQUEUE_PUT, 0), get(0, 7, 8, 1, ESHUTDOWN));
	bad(2, hold(0, 1, 2, COQUEUE_PUT, 0), hold(1, 3, 4, COQUEUE_PUT, 0),
	    release(0, 5, 6, COQUEUE_PUT, 0), put(0, 7, 8, 1, ESHUTDOWN));
	/* each side counts for itself */
	good(2, hold(0, 1, 2, COQUEUE_PUT, 0), hold(0, 3, 4, COQUEUE_GET, 0),
	     release(0, 5, 6, COQUEUE_PUT, 0),
	     state(0, 7, 8, COQUEUE_DRAINING, 0));
	bad(2, hold(0, 1, 2, COQUEUE_PUT, 0), release(0, 5, 6, COQUEUE_GET, 0));
}
END_TEST

START_TEST(E83_the_last_consumer_ends_at_once)
{
	good(2, hold(0, 1, 2, COQUEUE_GET, 0), hold(0, 1, 2, COQUEUE_GET, 0),
	     put(0, 3, 4, 1, 0), release(0, 5, 6, COQUEUE_GET, 0),
	     peek(0, 7, 8, 1, 0), release(0, 9, 10, COQUEUE_GET, 0),
	     state(0, 11, 12, COQUEUE_SHUT, 0), get(0, 13, 14, 0, ESHUTDOWN),
	     join(0, 15, 16, 0, 0));
	bad(2, hold(0, 1, 2, COQUEUE_GET, 0), put(0, 3, 4, 1, 0),
	    release(0, 9, 10, COQUEUE_GET, 0), get(0, 13, 14, 1, 0));
	/* it discards in its interval: later than the state changes */
	good(2, hold(0, 1, 2, COQUEUE_GET, 0), put(0, 3, 4, 1, 0),
	     release(0, 5, 20, COQUEUE_GET, 0), state(1, 6, 7, COQUEUE_SHUT, 0),
	     join(1, 8, 9, 0, EAGAIN), join(1, 10, 11, 0, 0));
	bad(2, hold(0, 1, 2, COQUEUE_GET, 0), put(0, 3, 4, 1, 0),
	    release(0, 5, 6, COQUEUE_GET, 0), join(1, 8, 9, 0, EAGAIN));
	/* not the last one discards nothing, also not in the interval of a shutdown that is to do it later */
	good(2, hold(0, 1, 2, COQUEUE_GET, 0), hold(0, 1, 2, COQUEUE_GET, 0),
	     put(0, 3, 4, 1, 0), shutdown(1, 5, 20, COQUEUE_IMMEDIATE, 0),
	     state(0, 7, 8, COQUEUE_SHUT, 0), release(0, 9, 10, COQUEUE_GET, 0),
	     task_done(0, 11, 12, 1, 0));
	/* not the last one discards nothing */
	bad(2, hold(0, 1, 2, COQUEUE_GET, 0), hold(0, 1, 2, COQUEUE_GET, 0),
	    put(0, 3, 4, 1, 0), release(0, 5, 6, COQUEUE_GET, 0),
	    join(0, 7, 8, 0, 0));
	bad(2, hold(0, 1, 2, COQUEUE_GET, 0), hold(0, 1, 2, COQUEUE_GET, 0),
	    put(0, 3, 4, 1, 0), shutdown(0, 5, 6, COQUEUE_GRACEFUL, 0),
	    release(0, 7, 8, COQUEUE_GET, 0), get(0, 9, 10, 1, ESHUTDOWN));
	/* while it drains */
	good(2, hold(0, 1, 2, COQUEUE_GET, 0), put(0, 3, 4, 1, 0),
	     shutdown(0, 5, 6, COQUEUE_GRACEFUL, 0),
	     release(0, 7, 8, COQUEUE_GET, 0), get(0, 9, 10, 1, ESHUTDOWN),
	     state(0, 11, 12, COQUEUE_SHUT, 0));
}
END_TEST

START_TEST(a_release_needs_a_hold_and_a_hold_an_open_queue)
{
	for (uint64_t side = COQUEUE_PUT; side <= COQUEUE_GET; side++) {
		good(2, release(0, 1, 2, side, EINVAL), hold(0, 3, 4, side, 0),
		     release(0, 5, 6, side, 0), release(0, 7, 8, side, EINVAL),
		     hold(0, 9, 10, side, ESHUTDOWN));
		bad(2, release(0, 1, 2, side, 0));
		bad(2, hold(0, 3, 4, side, 0), release(0, 5, 6, side, EINVAL));
		bad(2, hold(0, 3, 4, side, 0), release(0, 5, 6, side, 0),
		    hold(0, 9, 10, side, 0));
		bad(2, hold(0, 3, 4, side, ESHUTDOWN));
		good(2, hold(0, 1, 2, 2 + side, EINVAL),
		     release(0, 3, 4, 2 + side, EINVAL));
		for_each_mode(mode) {
			good(2, hold(0, 1, 2, side, 0),
			     shutdown(0, 3, 4, (uint64_t)mode, 0),
			     hold(0, 5, 6, side, ESHUTDOWN),
			     release(0, 7, 8, side, 0),
			     release(0, 9, 10, side, EINVAL));
			bad(2, shutdown(0, 3, 4, (uint64_t)mode, 0),
			    hold(0, 5, 6, side, 0));
		}
	}
}
END_TEST

/* ---- limits ------------------------------------------------------------- */

START_TEST(a_spent_budget_is_too_hard)
{
	struct lin_work *small = lin_work_new(1);
	struct lin_history h =
		HISTORY(4, put(0, 1, 9, 1, 0), put(1, 1, 9, 2, 0));

	ck_assert_ptr_nonnull(small);
	ck_assert_int_eq(lin_check(small, &h), LIN_TOO_HARD);
	lin_work_free(small);
	expect(LIN_OK, &h);
	ck_assert_uint_eq(lin_moves(work), 2);
}
END_TEST

/* 24 puts, two at a time, of which one is seen in the end: whoever does not
 * look ahead has tried all orders of the others before he orders it first. */
START_TEST(a_peek_tells_of_items_that_stay)
{
	struct lin_work *small = lin_work_new(1000);
	struct lin_op all[25];
	struct lin_history h = {{.capacity = COQUEUE_UNBOUNDED}, 25, all, 3};

	ck_assert_ptr_nonnull(small);
	for (unsigned i = 0; i < 24; i++)
		all[i] = put(i % 2, 2 * (i / 2), 2 * (i / 2) + 1, i, 0);
	for (uint64_t seen = 0; seen < 2; seen++) {
		all[24] = peek(2, 100, 101, seen, 0);
		ck_assert_int_eq(lin_check(small, &h), LIN_OK);
	}
	all[24] = peek(2, 100, 101, 2, 0);
	ck_assert_int_eq(lin_check(small, &h), LIN_VIOLATION);
	lin_work_free(small);
}
END_TEST

/* ---- text --------------------------------------------------------------- */

static char *explained(const struct lin_history *h)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(f);
	lin_explain(f, work, h);
	ck_assert_int_eq(fclose(f), 0);
	return text;
}

START_TEST(an_explanation_of_a_long_history_shows_the_last_steps)
{
	struct lin_op all[101];
	struct lin_history h = {{.capacity = 1}, 101, all, 1};
	char *text;

	for (uint64_t i = 0; i < 100; i++)
		all[i] = (i % 2 ? get : put)(0, 2 * i, 2 * i + 1, i / 2, 0);
	all[100] = get(0, 200, 201, 50, 0);
	expect(LIN_VIOLATION, &h);
	text = explained(&h);
	ck_assert_ptr_nonnull(strstr(text, " answers like this:\n"
					   "       (60 steps)\n"
					   "   61. thread 0: put 30 -> 0\n"));
	ck_assert_ptr_nonnull(strstr(text,
				     "  100. thread 0: get -> 0, item 49\n"
				     "         OPEN, 50 unfinished"));
	free(text);
}
END_TEST

START_TEST(an_explanation_tells_how_far_it_went_and_what_could_not_follow)
{
	struct lin_history h =
		HISTORY(1, put(0, 1, 2, 70, 0), get(1, 3, 6, 80, 0),
			get(2, 4, LIN_NEVER, 0, EAGAIN), put(0, 7, 8, 80, 0));
	static const char *const parts[] = {
		"history of 4 calls on a FIFO queue of capacity 1:\n"
		"  [       1,        2]  thread 0: put 70 -> 0\n",
		"  [       4,        ...]  thread 2: get -> EAGAIN\n",
		"    1. thread 0: put 70 -> 0\n"
		"         OPEN, 1 unfinished, holds 70\n",
		"what cannot come next:\n"
		"  thread 0: put 80 -> 0: later than thread 1: get -> 0, item "
		"80\n"
		"  thread 1: get -> 0, item 80: the queue answers 0, item 70\n"
		"  thread 2: get -> EAGAIN: the queue answers 0, item 70\n"};
	char *text;

	expect(LIN_VIOLATION, &h);
	text = explained(&h);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		ck_assert_msg(strstr(text, parts[i]), "no\n%sin\n%s", parts[i],
			      text);
	free(text);
}
END_TEST

/* ---- random histories --------------------------------------------------- */

enum { MAX_THREADS = 8, MAX_OPS = 1600, TINY_OPS = 7, INSTANT = 16 };

/* Every order with every sort of capacity; 1: so many as there are threads. */
static const struct model_kind models[] = {
	{COQUEUE_FIFO, 1, 0},
	{COQUEUE_LIFO, 1, 0},
	{COQUEUE_PRIORITY, 1, 3},
	{COQUEUE_FIFO, 0, 0},
	{COQUEUE_FIFO, COQUEUE_UNBOUNDED, 0},
	{COQUEUE_LIFO, COQUEUE_UNBOUNDED, 0},
	{COQUEUE_PRIORITY, COQUEUE_UNBOUNDED, 3},
};

enum { N_MODELS = sizeof(models) / sizeof(*models) };

/* A queue in one thread, played by several in turn. */
struct play {
	uint64_t *random;
	struct model model;
	unsigned threads;
	unsigned end_one_in; /* calls: shutdown and release */
	bool repeats;        /* values come more than once */
	uint64_t instant, interrupted;
	/* of each thread: when it last returned, and its half shutdown */
	uint64_t returned[MAX_THREADS];
	struct lin_op *discards[MAX_THREADS];
	size_t n;
	struct lin_op ops[MAX_OPS];
	uint64_t room[MODEL_ROOM(MAX_OPS)];
};

static uint64_t earlier(struct play *p, unsigned thread)
{
	uint64_t since = p->instant - random_below(p->random, 4 * INSTANT);
	uint64_t last = p->returned[thread];

	return since > last && since < p->instant ? since : last + 1;
}

/* An answer, as the call may give it: EINTR when somebody interrupts. */
static int disguise(struct play *p, unsigned thread, int answer)
{
	if (answer != EAGAIN)
		return answer;
	if (p->interrupted > p->returned[thread] && random_below(p->random, 2))
		return EINTR;
	return random_below(p->random, 2) ? EAGAIN : ETIMEDOUT;
}

static uint64_t draw_value(struct play *p, enum lin_call call)
{
	switch (call) {
	case LIN_PUT:
	case LIN_FORCE_PUT:
		return p->repeats ? random_below(p->random, 3)
				  : 100 + p->instant / INSTANT;
	case LIN_SHUTDOWN:
	case LIN_HOLD:
	case LIN_RELEASE:
		return random_below(p->random, 2);
	case LIN_SET_CAPACITY:
		return random_below(p->random, p->threads + 2);
	default:
		return random_below(p->random, 3);
	}
}

static void play_call(struct play *p, struct lin_op *op)
{
	static const uint8_t calls[] = {
		LIN_PUT,  LIN_PUT,       LIN_PUT,          LIN_PUT,
		LIN_GET,  LIN_GET,       LIN_GET,          LIN_GET,
		LIN_PEEK, LIN_JOIN,      LIN_STATE,        LIN_TASK_DONE,
		LIN_HOLD, LIN_FORCE_PUT, LIN_SET_CAPACITY, LIN_INTERRUPT};
	struct lin_answer a;

	op->call = calls[random_below(p->random, sizeof(calls))];
	if (random_below(p->random, p->end_one_in) == 0)
		op->call =
			random_below(p->random, 2) ? LIN_SHUTDOWN : LIN_RELEASE;
	op->value = draw_value(p, (enum lin_call)op->call);
	a = lin_answer(&p->model, (struct lin_step){.op = op});
	op->value = a.value;
	op->evicted = a.evicted;
	op->result = disguise(p, op->thread, a.result);
}

static struct lin_op *new_op(struct play *p, unsigned thread)
{
	struct lin_op *op = &p->ops[p->n++];

	*op = (struct lin_op){.thread = (uint8_t)thread};
	return op;
}

static void set_interval(struct play *p, struct lin_op *op)
{
	op->called = op->result == EINTR ? p->returned[op->thread] + 1
					 : earlier(p, op->thread);
	op->returned = p->instant + random_below(p->random, INSTANT);
	p->returned[op->thread] = op->returned;
}

/* Of a rendezvous: this thread puts, another one gets. */
static void play_meeting(struct play *p, unsigned thread, unsigned partner)
{
	struct lin_op *put = new_op(p, thread), *get = new_op(p, partner);

	put->call = LIN_PUT;
	put->value = get->value = draw_value(p, LIN_PUT);
	get->call = LIN_GET;
	model_hand_over(&p->model);
	set_interval(p, put);
	set_interval(p, get);
}

static bool may_meet(const struct play *p, unsigned thread, unsigned partner)
{
	return p->model.kind.capacity == 0 &&
	       p->model.now.state == COQUEUE_OPEN && thread != partner &&
	       !p->discards[partner];
}

static void play_turn(struct play *p)
{
	unsigned thread = random_below(p->random, p->threads);
	unsigned partner = random_below(p->random, p->threads);
	struct lin_op *op = p->discards[thread];

	if (op) {
		lin_answer(&p->model,
			   (struct lin_step){.op = op, .part = LIN_DISCARD});
		p->discards[thread] = NULL;
		op->returned = p->instant + random_below(p->random, INSTANT);
		p->returned[thread] = op->returned;
	} else if (may_meet(p, thread, partner)) {
		play_meeting(p, thread, partner);
	} else {
		op = new_op(p, thread);
		play_call(p, op);
		set_interval(p, op);
		if (op->call == LIN_INTERRUPT)
			p->interrupted = p->instant;
		if (lin_may_discard(op))
			p->discards[thread] = op;
	}
	p->instant += INSTANT;
}

static void play(struct play *p, uint64_t *random, struct model_kind kind,
		 unsigned threads, size_t n)
{
	memset(p, 0, offsetof(struct play, ops));
	p->random = random;
	p->threads = threads;
	p->end_one_in = random_below(random, 2) ? 40 : 4 * (unsigned)n;
	p->repeats = random_below(random, 2) &&
		     (n < 100 || kind.capacity != COQUEUE_UNBOUNDED);
	p->instant = 8 * INSTANT;
	if (kind.capacity == 1)
		kind.capacity += random_below(random, threads);
	model_init(&p->model, kind, p->room, MAX_OPS);
	while (p->n < n)
		play_turn(p);
	for (unsigned t = 0; t < threads; t++)
		if (p->discards[t])
			p->discards[t]->returned = LIN_NEVER;
}

static const struct lin_history *played(const struct play *p)
{
	static struct lin_history h;

	h = (struct lin_history){p->model.kind, p->n, p->ops, p->threads};
	return &h;
}

/* ---- every order -------------------------------------------------------- */

/* The definition, word by word, for tiny histories. */
struct brute {
	const struct lin_history *h;
	unsigned ordered[TINY_OPS]; /* steps of each op that were ordered */
	size_t left;                /* ops not yet ordered whole */
};

static unsigned steps_of(const struct lin_op *op)
{
	if (op->call == LIN_SHUTDOWN)
		return op->value == COQUEUE_IMMEDIATE ? 2 : 1;
	return op->call == LIN_RELEASE && op->value == COQUEUE_GET &&
			       !op->result
		       ? 2
		       : 1;
}

static bool brute_must_wait(const struct brute *b, size_t i)
{
	const struct lin_op *all = b->h->ops;

	for (size_t k = 0; k < b->h->n; k++)
		if (b->ordered[k] < steps_of(&all[k]) &&
		    (all[k].returned < all[i].called ||
		     (all[k].thread == all[i].thread && k < i)))
			return true;
	return false;
}

static bool brute_interrupted(const struct lin_history *h,
			      const struct lin_op *op)
{
	bool blocks = op->call == LIN_PUT || op->call == LIN_GET ||
		      op->call == LIN_PEEK || op->call == LIN_JOIN;

	for (size_t i = 0; i < h->n; i++)
		if (blocks && h->ops[i].call == LIN_INTERRUPT &&
		    !(h->ops[i].returned < op->called) &&
		    !(op->returned < h->ops[i].called))
			return true;
	return false;
}

static bool brute_fits(struct model *m, const struct lin_history *h,
		       struct lin_step step)
{
	const struct lin_op *op = step.op;
	struct lin_answer a;

	if (op->result == EINTR)
		return brute_interrupted(h, op);
	a = lin_answer(m, step);
	if (op->result == ETIMEDOUT)
		return a.result == EAGAIN;
	if (op->call == LIN_FORCE_PUT && a.result == 0 &&
	    a.evicted != op->evicted)
		return false;
	return a.result == op->result && a.value == op->value;
}

/* A model of its own, of what another one is now. */
static struct model copied(const struct model *m, uint64_t *room)
{
	struct model copy;

	memcpy(room, m->items, MODEL_ROOM(TINY_OPS) * sizeof(*room));
	model_init(&copy, m->kind, room, TINY_OPS);
	copy.now = m->now;
	return copy;
}

static bool brute_orders(struct brute *b, const struct model *m);

/* Whether there is an order that goes on with this step of op i and, for a
 * meeting, the get k; without: k == i. */
static bool brute_goes_on(struct brute *b, const struct model *m, size_t i,
			  size_t k)
{
	const struct lin_op *op = &b->h->ops[i], *other = &b->h->ops[k];
	uint64_t room[MODEL_ROOM(TINY_OPS)];
	struct model next = copied(m, room);
	bool found;

	if (!brute_fits(&next, b->h,
			(struct lin_step){op, k == i ? NULL : other,
					  (enum lin_part)b->ordered[i]}))
		return false;
	b->left -= ++b->ordered[i] == steps_of(op);
	if (k != i)
		b->left -= ++b->ordered[k];
	found = brute_orders(b, &next);
	if (k != i)
		b->left += b->ordered[k]--;
	b->left += b->ordered[i]-- == steps_of(op);
	return found;
}

static bool brute_meets(const struct brute *b, size_t i, size_t k)
{
	const struct lin_op *put = &b->h->ops[i], *get = &b->h->ops[k];

	return b->h->kind.capacity == 0 && put->call == LIN_PUT &&
	       put->result == 0 && get->call == LIN_GET && get->result == 0 &&
	       get->value == put->value && !b->ordered[k] &&
	       !brute_must_wait(b, k);
}

static bool brute_orders(struct brute *b, const struct model *m)
{
	if (b->left == 0)
		return true;
	for (size_t i = 0; i < b->h->n; i++) {
		if (b->ordered[i] == steps_of(&b->h->ops[i]) ||
		    brute_must_wait(b, i))
			continue;
		for (size_t k = 0; k < b->h->n; k++)
			if ((k == i || brute_meets(b, i, k)) &&
			    brute_goes_on(b, m, i, k))
				return true;
	}
	return false;
}

static enum lin_verdict brute_check(const struct lin_history *h)
{
	struct brute b = {.h = h, .left = h->n};
	uint64_t room[MODEL_ROOM(TINY_OPS)] = {0};
	struct model m;

	model_init(&m, h->kind, room, TINY_OPS);
	return brute_orders(&b, &m) ? LIN_OK : LIN_VIOLATION;
}

/* ---- damage ------------------------------------------------------------- */

static void swap_ops(struct lin_op *a, struct lin_op *b)
{
	struct lin_op old = *a;

	*a = *b;
	*b = old;
}

static void swap_answers(struct lin_op *a, struct lin_op *b)
{
	struct lin_op old = *a;

	a->result = b->result;
	a->value = b->value;
	a->evicted = b->evicted;
	b->result = old.result;
	b->value = old.value;
	b->evicted = old.evicted;
}

/* Change a history so that it may be wrong now. */
static void damage(struct play *p)
{
	struct lin_op *a = &p->ops[random_below(p->random, (unsigned)p->n)];
	struct lin_op *b = &p->ops[random_below(p->random, (unsigned)p->n)];

	switch (random_below(p->random, 7)) {
	case 0:
		swap_answers(a, b);
		break;
	case 1:
		swap_ops(a, b);
		break;
	case 2: /* lost */
		*a = p->ops[--p->n];
		break;
	case 3: /* doubled, or another's */
		a->value = b->value;
		break;
	case 4: /* at another time, or for a shorter one */
		a->called = a->returned;
		break;
	case 5:
		a->result = b->result;
		break;
	case 6: /* what made room is another's, or nothing */
		a->evicted =
			random_below(p->random, 2) ? b->value : LIN_NOTHING;
		break;
	}
}

static struct model_kind any_kind(uint64_t *random)
{
	return models[random_below(random, N_MODELS)];
}

static void check_random(unsigned rounds, unsigned threads, unsigned calls)
{
	uint64_t random = suite_seed();
	static struct play p;

	while (rounds--) {
		play(&p, &random, any_kind(&random),
		     1 + random_below(&random, threads),
		     1 + random_below(&random, calls));
		expect(LIN_OK, played(&p));
	}
}

START_TEST(random_histories_of_a_queue_in_one_thread_are_good)
{
	check_random(scaled(20000), 5, 20);
}
END_TEST

START_TEST(long_random_histories_are_good)
{
	check_random(scaled(300), MAX_THREADS, MAX_OPS - 1);
}
END_TEST

static void check_tiny(struct model_kind kind, unsigned rounds)
{
	uint64_t random = suite_seed();
	unsigned seen[LIN_TOO_HARD + 1] = {0};
	static struct play p;

	for (unsigned i = 0; i < rounds; i++) {
		enum lin_verdict verdict;

		play(&p, &random, kind, 1 + random_below(&random, 4),
		     1 + random_below(&random, TINY_OPS - 1));
		for (unsigned n = random_below(&random, 4); n && p.n; n--)
			damage(&p);
		verdict = brute_check(played(&p));
		expect(verdict, played(&p));
		seen[verdict]++;
	}
	ck_assert_uint_gt(seen[LIN_OK], rounds / 10);
	ck_assert_uint_gt(seen[LIN_VIOLATION], rounds / 10);
}

/* Whatever was damaged, two checkers must agree, and see both verdicts often. */
START_TEST(tiny_histories_get_the_verdict_of_trying_every_order)
{
	for (unsigned i = 0; i < N_MODELS; i++)
		check_tiny(models[i], scaled(10000));
}
END_TEST

/* An item that left twice, or left another one behind, is found in any length. */
START_TEST(damage_in_a_long_history_is_found)
{
	uint64_t random = suite_seed();
	static struct play p;

	for (unsigned i = 0; i < scaled(100); i++) {
		struct lin_op *got[MAX_OPS];
		unsigned n = 0, at;

		play(&p, &random, models[0], MAX_THREADS, MAX_OPS / 2);
		for (size_t k = 0; k < p.n; k++)
			if (p.ops[k].call == LIN_GET && p.ops[k].result == 0)
				got[n++] = &p.ops[k];
		if (p.repeats || n < 30)
			continue;
		at = random_below(&random, n - 25);
		swap_answers(got[at], got[at + 25]);
		expect(LIN_VIOLATION, played(&p));
		got[at]->value = got[at + 25]->value;
		expect(LIN_VIOLATION, played(&p));
	}
}
END_TEST

/*
 * Items that nobody sees are alike, or each order of their puts would be a state
 * of its own.
 */
START_TEST(puts_that_nobody_sees_make_no_history_too_hard)
{
	enum { THREADS = 4, PUTS = 6, N = THREADS * PUTS };
	struct lin_op made[N + 1];

	for (unsigned i = 0; i < N; i++)
		made[i] = put(i / PUTS, 1, 100, i + 1, 0);
	made[N] = get(0, 101, 102, 0, EAGAIN);
	for (int order = COQUEUE_FIFO; order <= COQUEUE_PRIORITY; order++) {
		const struct lin_history h = {
			.kind = KIND((enum coqueue_order)order,
				     COQUEUE_UNBOUNDED),
			.n = N + 1,
			.ops = made,
			.threads = THREADS,
		};

		expect(LIN_VIOLATION, &h);
	}
}
END_TEST

int main(void)
{
	int result;

	work = lin_work_new(0);
	if (!work)
		return EXIT_FAILURE;
	result = suite_run(
		"linearize",
		TESTS(an_empty_history_is_good, G1_no_put_after_a_refusal,
		      G4_an_item_leaves_once, G4_peek_leaves_the_item,
		      G4_immediate_refuses_and_discards,
		      G5_no_early_end_after_graceful,
		      G6_items_leave_in_the_order_of_their_puts,
		      G7_capacity_is_exact,
		      G8_EAGAIN_and_ETIMEDOUT_need_such_an_instant,
		      G8_the_order_of_each_thread_and_of_time_is_kept,
		      G8_a_bulk_call_is_a_series,
		      a_call_without_return_is_ordered_somewhere,
		      task_done_and_join_count,
		      immediate_lowers_unfinished_by_what_it_discards,
		      each_immediate_shutdown_returns_after_a_discard,
		      the_state_only_moves_on,
		      EINTR_needs_an_interrupt_that_overlaps,
		      destroy_is_an_interrupt_and_a_shutdown,
		      G6_LIFO_the_newest_leaves_first,
		      G6_PRIORITY_the_smallest_leaves_first_and_equals_in_order,
		      every_order_has_a_capacity_an_end_and_a_count,
		      a_queue_without_limit_takes_every_put,
		      G7_a_rendezvous_is_a_put_and_a_get_at_one_instant,
		      G8_bulk_calls_of_a_rendezvous_are_series,
		      puts_that_nobody_sees_make_no_history_too_hard,
		      E48_E49_a_rendezvous_and_shutdown,
		      force_put_makes_room_by_the_oldest,
		      force_put_is_for_an_open_FIFO_that_can_hold_items,
		      E43_E44_set_capacity_changes_when_a_put_must_wait,
		      E45_set_capacity_is_for_open_bounded_queues,
		      E82_the_last_producer_ends_gracefully,
		      E83_the_last_consumer_ends_at_once,
		      a_release_needs_a_hold_and_a_hold_an_open_queue,
		      a_spent_budget_is_too_hard,
		      a_peek_tells_of_items_that_stay,
		      an_explanation_of_a_long_history_shows_the_last_steps,
		      an_explanation_tells_how_far_it_went_and_what_could_not_follow,
		      random_histories_of_a_queue_in_one_thread_are_good,
		      long_random_histories_are_good,
		      tiny_histories_get_the_verdict_of_trying_every_order,
		      damage_in_a_long_history_is_found));
	lin_work_free(work);
	return result;
}
