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
		return (struct lin_op){called, returned, value,                \
				       result, which,    (uint8_t)thread};     \
	}

CALL_OF(put, LIN_PUT)
CALL_OF(get, LIN_GET)
CALL_OF(peek, LIN_PEEK)
CALL_OF(task_done, LIN_TASK_DONE)
CALL_OF(join, LIN_JOIN)
CALL_OF(state, LIN_STATE)
CALL_OF(shutdown, LIN_SHUTDOWN)
CALL_OF(interrupt, LIN_INTERRUPT)

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

#define HISTORY(capacity_, ...)                                                \
	(struct lin_history)                                                   \
	{                                                                      \
		.capacity = (capacity_), .n = CALLS(__VA_ARGS__),              \
		.ops = (const struct lin_op[]){__VA_ARGS__}, .threads = 3      \
	}
#define CALLS(...)                                                             \
	(sizeof((const struct lin_op[]){__VA_ARGS__}) / sizeof(struct lin_op))
#define good(...) expect(LIN_OK, &HISTORY(__VA_ARGS__))
#define bad(...) expect(LIN_VIOLATION, &HISTORY(__VA_ARGS__))

START_TEST(an_empty_history_is_good)
{
	expect(LIN_OK, &(struct lin_history){.capacity = 1});
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
	struct lin_history h = {1, 101, all, 1};
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
		"history of 4 calls on a queue of capacity 1:\n"
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

enum { MAX_THREADS = 8, MAX_OPS = 1600, TINY_OPS = 6, INSTANT = 16 };

/* A queue in one thread, played by several in turn. */
struct play {
	uint64_t *random;
	struct model model;
	unsigned threads;
	bool repeats; /* values come more than once */
	uint64_t instant, interrupted;
	/* of each thread: when it last returned, and its half shutdown */
	uint64_t returned[MAX_THREADS];
	struct lin_op *discards[MAX_THREADS];
	size_t n;
	struct lin_op ops[MAX_OPS];
	uint64_t items[MAX_OPS];
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

static void play_call(struct play *p, struct lin_op *op)
{
	static const uint8_t calls[] = {
		LIN_PUT,  LIN_PUT,   LIN_PUT,       LIN_PUT,
		LIN_GET,  LIN_GET,   LIN_GET,       LIN_PEEK,
		LIN_JOIN, LIN_STATE, LIN_TASK_DONE, LIN_INTERRUPT};
	struct lin_step step = {op, LIN_EFFECT};

	op->call = calls[random_below(p->random, sizeof(calls))];
	if (op->call == LIN_PUT)
		op->value = p->repeats ? random_below(p->random, 3)
				       : 100 + p->instant / INSTANT;
	else
		op->value = random_below(p->random, 3);
	if (random_below(p->random, 40) == 0) {
		op->call = LIN_SHUTDOWN;
		op->value = random_below(p->random, 2);
	}
	op->result = disguise(p, op->thread,
			      lin_answer(&p->model, step, &op->value));
}

static void play_turn(struct play *p)
{
	unsigned thread = random_below(p->random, p->threads);
	struct lin_op *op = p->discards[thread];

	if (op) {
		lin_answer(&p->model, (struct lin_step){op, LIN_DISCARD},
			   &op->value);
		p->discards[thread] = NULL;
	} else {
		op = &p->ops[p->n++];
		*op = (struct lin_op){.thread = (uint8_t)thread};
		play_call(p, op);
		op->called = op->result == EINTR ? p->returned[thread] + 1
						 : earlier(p, thread);
		if (op->call == LIN_INTERRUPT)
			p->interrupted = p->instant;
		if (op->call == LIN_SHUTDOWN && op->value == COQUEUE_IMMEDIATE)
			p->discards[thread] = op;
	}
	op->returned = p->instant + random_below(p->random, INSTANT);
	p->returned[thread] = op->returned;
	p->instant += INSTANT;
}

static void play(struct play *p, uint64_t *random, unsigned threads, size_t n)
{
	memset(p, 0, offsetof(struct play, ops));
	p->random = random;
	p->threads = threads;
	p->repeats = random_below(random, 2);
	p->instant = 8 * INSTANT;
	model_init(&p->model, 1 + random_below(random, threads), p->items);
	while (p->n < n)
		play_turn(p);
	for (unsigned t = 0; t < threads; t++)
		if (p->discards[t])
			p->discards[t]->returned = LIN_NEVER;
}

static const struct lin_history *played(const struct play *p)
{
	static struct lin_history h;

	h = (struct lin_history){p->model.capacity, p->n, p->ops, p->threads};
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
	return op->call == LIN_SHUTDOWN && op->value == COQUEUE_IMMEDIATE ? 2
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

static bool brute_fits(struct model *m, const struct lin_history *h,
		       const struct lin_op *op, unsigned part)
{
	uint64_t value = op->value;
	int answer;

	if (op->result == EINTR) {
		bool blocks = op->call == LIN_PUT || op->call == LIN_GET ||
			      op->call == LIN_PEEK || op->call == LIN_JOIN;

		for (size_t i = 0; i < h->n; i++)
			if (blocks && h->ops[i].call == LIN_INTERRUPT &&
			    !(h->ops[i].returned < op->called) &&
			    !(op->returned < h->ops[i].called))
				return true;
		return false;
	}
	answer = lin_answer(m, (struct lin_step){op, (enum lin_part)part},
			    &value);
	if (op->result == ETIMEDOUT)
		return answer == EAGAIN;
	return answer == op->result && value == op->value;
}

static bool brute_orders(struct brute *b, const struct model *m)
{
	if (b->left == 0)
		return true;
	for (size_t i = 0; i < b->h->n; i++) {
		const struct lin_op *op = &b->h->ops[i];
		uint64_t items[TINY_OPS];
		struct model next = *m;
		bool found;

		if (b->ordered[i] == steps_of(op) || brute_must_wait(b, i))
			continue;
		memcpy(items, m->items, sizeof(items));
		next.items = items;
		if (!brute_fits(&next, b->h, op, b->ordered[i]))
			continue;
		b->left -= ++b->ordered[i] == steps_of(op);
		found = brute_orders(b, &next);
		b->left += b->ordered[i]-- == steps_of(op);
		if (found)
			return true;
	}
	return false;
}

static enum lin_verdict brute_check(const struct lin_history *h)
{
	struct brute b = {.h = h, .left = h->n};
	uint64_t items[TINY_OPS] = {0};
	struct model m;

	model_init(&m, h->capacity, items);
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
	b->result = old.result;
	b->value = old.value;
}

/* Change a history so that it may be wrong now. */
static void damage(struct play *p)
{
	struct lin_op *a = &p->ops[random_below(p->random, (unsigned)p->n)];
	struct lin_op *b = &p->ops[random_below(p->random, (unsigned)p->n)];

	switch (random_below(p->random, 6)) {
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
	}
}

static void check_random(unsigned rounds, unsigned threads, unsigned calls)
{
	uint64_t random = suite_seed();
	static struct play p;

	while (rounds--) {
		play(&p, &random, 1 + random_below(&random, threads),
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
	check_random(scaled(300), MAX_THREADS, MAX_OPS);
}
END_TEST

/* Whatever was damaged, two checkers must agree, and see both verdicts often. */
START_TEST(tiny_histories_get_the_verdict_of_trying_every_order)
{
	uint64_t random = suite_seed();
	unsigned rounds = scaled(30000), seen[LIN_TOO_HARD + 1] = {0};
	static struct play p;

	for (unsigned i = 0; i < rounds; i++) {
		enum lin_verdict verdict;

		play(&p, &random, 1 + random_below(&random, 4),
		     1 + random_below(&random, TINY_OPS));
		for (unsigned n = random_below(&random, 4); n && p.n; n--)
			damage(&p);
		verdict = brute_check(played(&p));
		expect(verdict, played(&p));
		seen[verdict]++;
	}
	ck_assert_uint_gt(seen[LIN_OK], rounds / 10);
	ck_assert_uint_gt(seen[LIN_VIOLATION], rounds / 10);
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

		play(&p, &random, MAX_THREADS, MAX_OPS / 2);
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
		      a_spent_budget_is_too_hard,
		      an_explanation_of_a_long_history_shows_the_last_steps,
		      an_explanation_tells_how_far_it_went_and_what_could_not_follow,
		      random_histories_of_a_queue_in_one_thread_are_good,
		      long_random_histories_are_good,
		      tiny_histories_get_the_verdict_of_trying_every_order,
		      damage_in_a_long_history_is_found));
	lin_work_free(work);
	return result;
}
