/* SPDX-License-Identifier: MIT */
/*
 * Select (E60 to E66): the first of several puts and gets.  Tests of the first
 * suite run once for each kind of queue, whose index a failure names.
 */
#include "coro.h"
#include "nodes.h"

/* ---- picks ---------------------------------------------------------------- */

enum {
	UNTOUCHED = -77 /* a result */,
	FIRST_ITEM = 100 /* of the put cases */
};

/* A select and what it was told. */
struct pick {
	coqueue_case_t cases[COQUEUE_SELECT_MAX];
	long items[COQUEUE_SELECT_MAX];
	size_t n, chosen;
	const struct timespec *deadline;
};

static void pick_reset(struct pick *pick)
{
	for (size_t i = 0; i < pick->n; i++) {
		pick->items[i] = pick->cases[i].side == COQUEUE_PUT
					 ? FIRST_ITEM + (long)i
					 : UNTOUCHED;
		pick->cases[i].result = UNTOUCHED;
	}
	pick->chosen = SIZE_MAX;
}

static void pick_add(struct pick *pick, coqueue_t *q, enum coqueue_side side)
{
	pick->cases[pick->n].queue = q;
	pick->cases[pick->n].side = side;
	pick->cases[pick->n].item = &pick->items[pick->n];
	pick->n++;
}

/* Whether only what was chosen has changed, or nothing. */
static bool pick_is_sound(const struct pick *pick, int code)
{
	if ((pick->chosen < pick->n) != (code == 0))
		return false;
	for (size_t i = 0; i < pick->n; i++) {
		bool chosen = i == pick->chosen;
		bool got = chosen && pick->cases[i].result == 0 &&
			   pick->cases[i].side == COQUEUE_GET;

		if ((pick->cases[i].result == UNTOUCHED) != !chosen)
			return false;
		if (!got &&
		    pick->items[i] != (pick->cases[i].side == COQUEUE_PUT
					       ? FIRST_ITEM + (long)i
					       : UNTOUCHED))
			return false;
	}
	return true;
}

static int pick_one(struct pick *pick, const struct timespec *deadline)
{
	int code;

	pick_reset(pick);
	pick->deadline = deadline;
	errno_mark();
	code = coqueue_select(pick->cases, pick->n, pick->deadline,
			      &pick->chosen);
	return pick_is_sound(pick, code) ? errno_kept(code) : COMPLAINED;
}

static int pick_in_hand(struct hand *me)
{
	struct pick *pick = me->arg;

	return pick_one(pick, pick->deadline);
}

#define ck_chosen(pick, wanted, code)                                          \
	do {                                                                   \
		ck_assert_uint_eq((pick)->chosen, wanted);                     \
		ck_code((pick)->cases[(pick)->chosen].result, code);           \
	} while (0)

/* ---- sides ---------------------------------------------------------------- */

static enum line line_of(enum coqueue_side side)
{
	return side == COQUEUE_PUT ? PUTTERS : GETTERS;
}

static const struct op *op_of(enum coqueue_side side)
{
	return &ops[side == COQUEUE_PUT ? OP_PUT : OP_GET];
}

static enum coqueue_side other_side(enum coqueue_side side)
{
	return side == COQUEUE_PUT ? COQUEUE_GET : COQUEUE_PUT;
}

/* Two queues, in both of which the side must wait. */
struct pair {
	coqueue_t *q[2];
	enum coqueue_side side;
	struct pick pick;
};

static void pair_make(struct pair *pair, const struct kind *kind,
		      enum coqueue_side side)
{
	pair->side = side;
	pair->pick.n = 0;
	pair->pick.deadline = NULL;
	for (int i = 0; i < 2; i++) {
		pair->q[i] = kind_that_blocks(kind, op_of(side));
		pick_add(&pair->pick, pair->q[i], side);
	}
}

static void pair_destroy(struct pair *pair)
{
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(waiting_in(pair->q[i], PUTTERS), 0);
		ck_assert_uint_eq(waiting_in(pair->q[i], GETTERS), 0);
		ck_ok(coqueue_destroy(pair->q[i]));
	}
}

/* A thread that waits in both of them. */
static struct crew *pair_block(struct pair *pair)
{
	struct crew *crew = crew_start(1, pick_in_hand, NULL, &pair->pick);

	for (int i = 0; i < 2; i++)
		await(waiting_in(pair->q[i], line_of(pair->side)) > 0);
	return crew;
}

#define KIND_SIDE_TEST(name)                                                   \
	static void name##_of(const struct kind *kind,                         \
			      enum coqueue_side side);                         \
	START_TEST(name)                                                       \
	{                                                                      \
		const struct kind *kind = &kinds[_i];                          \
                                                                               \
		for (int side = COQUEUE_PUT; side <= COQUEUE_GET; side++)      \
			if (kind_can_block(kind, op_of(side)))                 \
				name##_of(kind, side);                         \
	}                                                                      \
	END_TEST                                                               \
	static void name##_of(const struct kind *kind, enum coqueue_side side)

/* ---- what is ready is done ------------------------------------------------ */

/* At a rendezvous, a partner is armed. */
static void make_ready(const struct kind *kind, coqueue_t *q,
		       enum coqueue_side side, struct node *partner)
{
	if (kind_is_rendezvous(kind)) {
		node_init(partner, q, side == COQUEUE_PUT ? get_arm : put_arm,
			  count_wake);
		partner->item = SERVED_ITEM;
		must_arm(partner);
	} else {
		serve_one(q, line_of(side));
	}
}

KIND_SIDE_TEST(the_case_that_is_ready_is_performed)
{
	struct timespec past = {0}, far = from_now(limit_ns());
	const struct timespec *deadlines[] = {NULL, COQUEUE_NOWAIT, &past,
					      &far};

	for (int i = 0; i < 8; i++) {
		struct node partner;
		struct pair pair;
		size_t ready = i % 2;

		pair_make(&pair, kind, side);
		make_ready(kind, pair.q[ready], side, &partner);
		ck_ok(pick_one(&pair.pick, deadlines[i / 2]));
		ck_chosen(&pair.pick, ready, 0);
		if (side == COQUEUE_GET)
			ck_assert_int_eq(pair.pick.items[ready], SERVED_ITEM);
		if (kind_is_rendezvous(kind)) {
			ck_wakes(&partner, 1);
			ck_ok(arm_node(&partner));
			if (side == COQUEUE_PUT)
				ck_assert_int_eq(partner.item,
						 FIRST_ITEM + (long)ready);
		}
		ck_code(pick_one(&pair.pick, COQUEUE_NOWAIT), EAGAIN);
		pair_destroy(&pair);
	}
}

KIND_SIDE_TEST(E62_who_waits_is_told_which_became_ready)
{
	for (size_t ready = 0; ready < 2; ready++) {
		struct pair pair;
		struct crew *crew;

		pair_make(&pair, kind, side);
		crew = pair_block(&pair);
		ck_assert_uint_eq(crew_finished(crew), 0);
		serve_one(pair.q[ready], line_of(side));
		crew_expect(crew, 0);
		ck_chosen(&pair.pick, ready, 0);
		if (side == COQUEUE_GET)
			ck_assert_int_eq(pair.pick.items[ready], SERVED_ITEM);
		pair_destroy(&pair);
	}
}

/* A try of another meets a select that waits, as it meets a thread. */
KIND_SIDE_TEST(G7_calls_that_do_not_wait_meet_who_waits)
{
	for_each_op(op) {
		struct timespec past = {0};
		struct pair pair;
		struct crew *crew;
		long item = SERVED_ITEM;

		if (op->keeps || op->line != line_of(other_side(side)))
			continue;
		pair_make(&pair, kind, side);
		crew = pair_block(&pair);
		ck_ok(op_call(op, pair.q[1], &item,
			      op->form == UNTIL ? &past : NULL));
		crew_expect(crew, 0);
		ck_chosen(&pair.pick, 1, 0);
		pair_destroy(&pair);
	}
}

KIND_SIDE_TEST(E60_a_queue_that_is_shut_is_ready)
{
	for_each_mode(mode)
		for (size_t shut = 0; shut < 2; shut++) {
			struct pair pair;

			pair_make(&pair, kind, side);
			ck_ok(coqueue_shutdown(pair.q[shut],
					       (enum coqueue_shutdown)mode));
			ck_ok(pick_one(&pair.pick, NULL));
			ck_chosen(&pair.pick, shut, ESHUTDOWN);
			/* E61 */
			ck_ok(pick_one(&pair.pick, COQUEUE_NOWAIT));
			ck_chosen(&pair.pick, shut, ESHUTDOWN);
			pair_destroy(&pair);
		}
}

KIND_SIDE_TEST(E61_a_queue_that_is_shut_beats_the_deadline)
{
	struct timespec past = {0}, soon = from_now(MS);

	for_each_mode(mode) {
		struct pair pair;

		pair_make(&pair, kind, side);
		ck_code(pick_one(&pair.pick, &past), ETIMEDOUT);
		ck_ok(coqueue_shutdown(pair.q[1], (enum coqueue_shutdown)mode));
		ck_ok(pick_one(&pair.pick, &past));
		ck_chosen(&pair.pick, 1, ESHUTDOWN);
		ck_ok(pick_one(&pair.pick, &soon));
		ck_chosen(&pair.pick, 1, ESHUTDOWN);
		pair_destroy(&pair);
	}
}

KIND_SIDE_TEST(E62_who_waits_is_told_which_was_shut)
{
	for_each_mode(mode)
		for (size_t shut = 0; shut < 2; shut++) {
			struct pair pair;
			struct crew *crew;

			pair_make(&pair, kind, side);
			crew = pair_block(&pair);
			ck_ok(coqueue_shutdown(pair.q[shut],
					       (enum coqueue_shutdown)mode));
			crew_expect(crew, 0);
			ck_chosen(&pair.pick, shut, ESHUTDOWN);
			pair_destroy(&pair);
		}
}

/* G5: what was accepted before is delivered. */
START_TEST(G5_what_a_graceful_shutdown_left_is_got_first)
{
	coqueue_t *q = queue_with(2, 2), *other = queue_with(1, 0);
	struct pick pick = {.n = 0};

	pick_add(&pick, q, COQUEUE_GET);
	pick_add(&pick, other, COQUEUE_GET);
	ck_ok(coqueue_shutdown(q, COQUEUE_GRACEFUL));
	for (long item = 0; item < 2; item++) {
		ck_ok(pick_one(&pick, COQUEUE_NOWAIT));
		ck_chosen(&pick, 0, 0);
		ck_assert_int_eq(pick.items[0], item);
	}
	ck_ok(pick_one(&pick, COQUEUE_NOWAIT));
	ck_chosen(&pick, 0, ESHUTDOWN);
	ck_ok(coqueue_destroy(q));
	ck_ok(coqueue_destroy(other));
}
END_TEST

/* ---- giving up ------------------------------------------------------------ */

KIND_SIDE_TEST(a_deadline_that_passes_leaves_no_trace)
{
	struct timespec soon = from_now(5 * MS);
	struct pair pair;

	pair_make(&pair, kind, side);
	ck_code(pick_one(&pair.pick, &soon), ETIMEDOUT);
	ck_assert(is_past(&soon));
	ck_code(pick_one(&pair.pick, COQUEUE_NOWAIT), EAGAIN);
	for (int i = 0; i < 2; i++)
		check_usable_as(kind, pair.q[i]);
	pair_destroy(&pair);
}

KIND_SIDE_TEST(E46_an_interrupt_of_either_queue_gives_EINTR)
{
	for (int i = 0; i < 2; i++) {
		struct pair pair;
		struct crew *crew;

		pair_make(&pair, kind, side);
		ck_ok(coqueue_interrupt(pair.q[i])); /* E47: not remembered */
		crew = pair_block(&pair);
		ck_ok(coqueue_interrupt(pair.q[i]));
		crew_expect(crew, EINTR);
		ck_code(pick_one(&pair.pick, COQUEUE_NOWAIT), EAGAIN);
		for (int k = 0; k < 2; k++)
			check_usable_as(kind, pair.q[k]);
		pair_destroy(&pair);
	}
}

KIND_SIDE_TEST(E84_a_cancelled_select_has_left_all_lines_without_effect)
{
	struct pair pair;
	struct crew *crew;
	size_t size;

	FOR_THREADS_ALONE();
	pair_make(&pair, kind, side);
	size = coqueue_size(pair.q[0]);
	crew = pair_block(&pair);
	crew_cancel(crew);
	crew_expect(crew, WAS_CANCELLED);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(waiting_in(pair.q[i], line_of(side)), 0);
		ck_assert_uint_eq(coqueue_size(pair.q[i]), size);
		check_usable_as(kind, pair.q[i]);
	}
	pair_destroy(&pair);
}

static int pick_uncancellable(struct hand *me)
{
	int code, state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	code = pick_in_hand(me);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	return state == PTHREAD_CANCEL_DISABLE
		       ? code
		       : complain(me, "select enabled cancellation");
}

KIND_SIDE_TEST(E84_a_select_that_cannot_be_cancelled_is_served)
{
	struct pair pair;
	struct crew *crew;

	FOR_THREADS_ALONE();
	pair_make(&pair, kind, side);
	crew = crew_start(1, pick_uncancellable, NULL, &pair.pick);
	await(waiting_in(pair.q[1], line_of(side)) > 0);
	crew_cancel(crew);
	serve_one(pair.q[1], line_of(side));
	crew_expect(crew, 0);
	pair_destroy(&pair);
}

static int pick_with_cancel_pending(struct hand *me)
{
	struct pick *pick = me->arg;

	pthread_cancel(pthread_self());
	me->done = pick_one(pick, COQUEUE_NOWAIT) == EAGAIN;
	pthread_testcancel();
	return complain(me, "no cancellation was pending");
}

START_TEST(E84_a_select_that_does_not_wait_is_no_cancellation_point)
{
	struct crew *crew;
	struct pair pair;

	FOR_THREADS_ALONE();
	pair_make(&pair, &kinds[0], COQUEUE_GET);
	crew = crew_start(1, pick_with_cancel_pending, NULL, &pair.pick);
	crew_join(crew);
	ck_assert_uint_eq(crew->hands[0].done, 1);
	crew_expect(crew, WAS_CANCELLED);
	pair_destroy(&pair);
}
END_TEST

/* G10: two wait at q[0], the first in a select, which is cancelled or at its
 * deadline when it is served: it took what came, or the second does. */
KIND_SIDE_TEST(E66_E67_E68_a_select_that_gives_up_passes_the_hint_on)
{
	uint64_t random = suite_seed();

	FOR_THREADS_ALONE();
	for (unsigned round = 0; round < scaled(60); round++) {
		bool times_out = random_below(&random, 2);
		struct timespec soon =
			from_now(times_out ? MS / 2 : limit_ns());
		struct crew *quitter, *patient;
		struct pair pair;
		int result;

		pair_make(&pair, kind, side);
		pair.pick.deadline = &soon;
		quitter = crew_start(1, pick_in_hand, NULL, &pair.pick);
		await(waiting_in(pair.q[0], line_of(side)) > 0 ||
		      crew_finished(quitter));
		patient = crew_call(pair.q[0], op_of(side), 1, NULL);
		await(waiting_in(pair.q[0], line_of(side)) > 1 ||
		      crew_finished(quitter));
		if (!times_out && random_below(&random, 2))
			crew_cancel(quitter);
		serve_one(pair.q[0], line_of(side));
		if (!times_out)
			crew_cancel(quitter);
		crew_join(quitter);
		result = quitter->hands[0].result;
		crew_free(quitter);
		if (result == 0)
			serve_one(pair.q[0], line_of(side));
		else
			ck_code(result, times_out ? ETIMEDOUT : WAS_CANCELLED);
		crew_expect(patient, 0);
		pair_destroy(&pair);
	}
}

/* It is served in both queues and takes one; the other goes to who is next. */
KIND_SIDE_TEST(E63_E67_E68_the_hint_that_a_select_does_not_use_goes_on)
{
	for (unsigned round = 0; round < scaled(30); round++) {
		struct crew *crew, *next[2];
		struct pair pair;
		size_t chosen;

		pair_make(&pair, kind, side);
		crew = pair_block(&pair);
		for (int i = 0; i < 2; i++)
			next[i] = crew_block(pair.q[i], op_of(side), 1);
		for (int i = 0; i < 2; i++)
			serve_one(pair.q[i], line_of(side));
		crew_expect(crew, 0);
		chosen = pair.pick.chosen;
		crew_expect(next[1 - chosen], 0);
		ck_assert_uint_eq(waiting_in(pair.q[chosen], line_of(side)), 1);
		serve_one(pair.q[chosen], line_of(side));
		crew_expect(next[chosen], 0);
		pair_destroy(&pair);
	}
}

/* G12 */
KIND_SIDE_TEST(G12_a_select_stands_in_line_among_threads)
{
	struct crew *first, *crew, *last;
	struct pair pair;

	pair_make(&pair, kind, side);
	first = crew_block(pair.q[0], op_of(side), 1);
	crew = crew_start(1, pick_in_hand, NULL, &pair.pick);
	await_waiting(pair.q[0], line_of(side), 2);
	await_waiting(pair.q[1], line_of(side), 1);
	last = crew_block(pair.q[0], op_of(side), 1);
	serve_one(pair.q[0], line_of(side));
	crew_expect(first, 0);
	ck_assert_uint_eq(crew_finished(crew), 0);
	serve_one(pair.q[0], line_of(side));
	crew_expect(crew, 0);
	ck_chosen(&pair.pick, 0, 0);
	ck_assert_uint_eq(crew_finished(last), 0);
	serve_one(pair.q[0], line_of(side));
	crew_expect(last, 0);
	pair_destroy(&pair);
}

static int shut_one(struct hand *me)
{
	return coqueue_shutdown(me->q, COQUEUE_GRACEFUL);
}

static int serve_until_refused(struct hand *me)
{
	const struct op *op = me->op;
	int code = op_call(op, me->q, &me->item, COQUEUE_NOWAIT);

	return code == EAGAIN || code == ESHUTDOWN ? EAGAIN : code;
}

/* Cancelled, shut and served at once: one outcome, which the counts confirm. */
KIND_SIDE_TEST(E66_a_select_has_one_outcome_of_cancel_shutdown_and_service)
{
	FOR_THREADS_ALONE();
	const struct op *serve =
		&ops[side == COQUEUE_PUT ? OP_TRY_GET : OP_TRY_PUT];

	for (unsigned round = 0; round < scaled(60); round++) {
		struct crew *crew, *shuts, *serves;
		uint64_t puts, gets, by_server;
		struct pair pair;
		bool effect;
		int result;

		pair_make(&pair, kind, side);
		puts = stats_of(pair.q[0]).puts;
		gets = stats_of(pair.q[0]).gets;
		crew = pair_block(&pair);
		serves = crew_work(1, serve_until_refused, pair.q[0], serve);
		shuts = crew_start(1, shut_one, pair.q[1], NULL);
		crew_cancel(crew);
		crew_join(crew);
		result = crew->hands[0].result;
		crew_free(crew);
		crew_expect(shuts, 0);
		crew_join(serves);
		by_server = serves->hands[0].result == 0;
		crew_free(serves);
		if (result != WAS_CANCELLED)
			ck_ok(result);
		effect = result == 0 && pair.pick.chosen == 0;
		if (effect)
			ck_chosen(&pair.pick, 0, 0);
		else if (result == 0)
			ck_chosen(&pair.pick, 1, ESHUTDOWN);
		puts = stats_of(pair.q[0]).puts - puts;
		gets = stats_of(pair.q[0]).gets - gets;
		ck_assert_uint_eq(side == COQUEUE_PUT ? puts : gets, effect);
		ck_assert_uint_eq(side == COQUEUE_PUT ? gets : puts, by_server);
		pair_destroy(&pair);
	}
}

/* ---- E65: a partner of a select that does not come ------------------------ */

static int pick_with_little_time(struct hand *me)
{
	struct pick *pick = me->arg;
	uint64_t random = suite_seed() + 1;
	struct timespec soon;
	int code;

	for (unsigned i = 0; i < scaled(1500); i++) {
		soon = from_now((int64_t)random_below(&random, 100) * 1000);
		code = pick_one(pick, &soon);
		if (code != 0 && code != ETIMEDOUT)
			return complain(me, "%s", code_name(code));
		me->done +=
			code == 0 && pick->cases[pick->chosen].queue == me->q;
	}
	return 0;
}

static int call_with_little_time(struct hand *me)
{
	const struct op *op = me->op;
	uint64_t random = suite_seed() + 2;
	struct timespec soon;
	int code;

	for (unsigned i = 0; i < scaled(1500); i++) {
		soon = from_now((int64_t)random_below(&random, 100) * 1000);
		code = op_call(op, me->q, &me->item, &soon);
		if (code != 0 && code != ETIMEDOUT && code != EAGAIN)
			return complain(me, "%s", code_name(code));
		me->done += code == 0;
	}
	return 0;
}

/* E50: both sides agree on how often they have met. */
START_TEST(E65_nobody_hangs_on_a_select_that_gives_up)
{
	static const int partners[2][2] = {
		[COQUEUE_PUT] = {OP_GET_UNTIL, OP_TRY_GET},
		[COQUEUE_GET] = {OP_PUT_UNTIL, OP_TRY_PUT},
	};

	for (int side = COQUEUE_PUT; side <= COQUEUE_GET; side++)
		for (int i = 0; i < 2; i++) {
			const struct kind *rendezvous = &kinds[N_KINDS - 1];
			struct crew *crew, *partner;
			struct pair pair;

			ck_assert(kind_is_rendezvous(rendezvous));
			pair_make(&pair, rendezvous, side);
			crew = crew_start(1, pick_with_little_time, pair.q[0],
					  &pair.pick);
			partner = crew_work(1, call_with_little_time, pair.q[0],
					    &ops[partners[side][i]]);
			crew_join(crew);
			crew_join(partner);
			ck_assert_uint_eq(crew->hands[0].done,
					  partner->hands[0].done);
			ck_assert_uint_eq(stats_of(pair.q[0]).puts,
					  crew->hands[0].done);
			crew_expect(crew, 0);
			crew_expect(partner, 0);
			pair_destroy(&pair);
		}
}
END_TEST

/* ---- the same queue in several cases (E64) -------------------------------- */

KIND_SIDE_TEST(E64_the_same_queue_twice_is_served_once)
{
	coqueue_t *q = kind_that_blocks(kind, op_of(side));
	struct pick pick = {.n = 0};

	for (int i = 0; i < 3; i++)
		pick_add(&pick, q, side);
	for (int round = 0; round < 10; round++) {
		uint64_t puts = stats_of(q).puts, gets = stats_of(q).gets;
		struct crew *crew = crew_start(1, pick_in_hand, NULL, &pick);

		await(waiting_in(q, line_of(side)) > 0);
		serve_one(q, line_of(side));
		crew_expect(crew, 0);
		ck_code(pick.cases[pick.chosen].result, 0);
		ck_assert_uint_eq(stats_of(q).puts, puts + 1);
		ck_assert_uint_eq(stats_of(q).gets, gets + 1);
		ck_assert_uint_eq(waiting_in(q, line_of(side)), 0);
	}
	ck_ok(coqueue_destroy(q));
}

KIND_SIDE_TEST(E64_the_same_queue_twice_is_left_twice)
{
	FOR_THREADS_ALONE();
	for (int how = 0; how < 3; how++) {
		coqueue_t *q = kind_that_blocks(kind, op_of(side));
		struct pick pick = {.n = 0};
		struct crew *crew;

		for (int i = 0; i < 3; i++)
			pick_add(&pick, q, side);
		crew = crew_start(1, pick_in_hand, NULL, &pick);
		await(waiting_in(q, line_of(side)) > 0);
		if (how == 0)
			ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
		else if (how == 1)
			ck_ok(coqueue_interrupt(q));
		else
			crew_cancel(crew);
		crew_expect(crew, how == 0   ? 0
				  : how == 1 ? EINTR
					     : WAS_CANCELLED);
		ck_assert_uint_eq(waiting_in(q, line_of(side)), 0);
		ck_ok(coqueue_destroy(q));
	}
}

START_TEST(E64_both_sides_of_one_queue)
{
	coqueue_t *q = queue_with(1, 0);
	struct pick pick = {.n = 0};

	pick_add(&pick, q, COQUEUE_GET);
	pick_add(&pick, q, COQUEUE_PUT);
	for (int i = 0; i < 3; i++) {
		ck_ok(pick_one(&pick, NULL));
		ck_chosen(&pick, 1, 0);
		ck_ok(pick_one(&pick, NULL));
		ck_chosen(&pick, 0, 0);
		ck_assert_int_eq(pick.items[0], FIRST_ITEM + 1);
	}
	ck_ok(coqueue_destroy(q));
}
END_TEST

static void pick_both_sides(struct pick *pick, coqueue_t *q)
{
	pick->n = 0;
	pick->deadline = NULL;
	pick_add(pick, q, COQUEUE_PUT);
	pick_add(pick, q, COQUEUE_GET);
}

START_TEST(E64_at_a_rendezvous_a_select_does_not_meet_itself)
{
	struct timespec soon = from_now(5 * MS), past = {0};
	coqueue_t *q = queue_with(0, 0);
	struct pick pick;
	struct crew *crew;
	long item = SERVED_ITEM;

	pick_both_sides(&pick, q);
	ck_code(pick_one(&pick, COQUEUE_NOWAIT), EAGAIN);
	ck_code(pick_one(&pick, &past), ETIMEDOUT);
	ck_code(pick_one(&pick, &soon), ETIMEDOUT);
	for (size_t side = 0; side < 2; side++) {
		pick_both_sides(&pick, q);
		crew = crew_start(1, pick_in_hand, NULL, &pick);
		await(waiting_in(q, PUTTERS) > 0 && waiting_in(q, GETTERS) > 0);
		if (side == 0)
			ck_ok(coqueue_try_get(q, &item));
		else
			ck_ok(coqueue_try_put(q, &item));
		crew_expect(crew, 0);
		ck_chosen(&pick, side, 0);
		ck_assert_int_eq(item, pick.items[side]);
	}
	ck_assert_uint_eq(stats_of(q).puts, 2);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(E64_at_a_rendezvous_two_selects_on_both_sides_meet)
{
	for (unsigned round = 0; round < scaled(200); round++) {
		coqueue_t *q = queue_with(0, 0);
		struct pick picks[2];
		struct crew *crews[2];

		for (int i = 0; i < 2; i++) {
			pick_both_sides(&picks[i], q);
			crews[i] = crew_start(1, pick_in_hand, NULL, &picks[i]);
		}
		for (int i = 0; i < 2; i++)
			crew_expect(crews[i], 0);
		ck_assert_uint_eq(picks[0].chosen + picks[1].chosen, 1);
		ck_assert_int_eq(picks[0].items[picks[0].chosen],
				 picks[1].items[picks[1].chosen]);
		ck_assert_uint_eq(stats_of(q).puts, 1);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* ---- selects meet selects ------------------------------------------------- */

START_TEST(G7_a_select_that_does_not_wait_meets_one_that_waits)
{
	for (int side = COQUEUE_PUT; side <= COQUEUE_GET; side++) {
		coqueue_t *q[3];
		struct pick waits = {.n = 0}, comes = {.n = 0};
		struct crew *crew;

		for (int i = 0; i < 3; i++)
			q[i] = queue_with(0, 0);
		pick_add(&waits, q[0], side);
		pick_add(&waits, q[1], side);
		pick_add(&comes, q[2], other_side(side));
		pick_add(&comes, q[1], other_side(side));
		crew = crew_start(1, pick_in_hand, NULL, &waits);
		await(waiting_in(q[0], line_of(side)) == 1 &&
		      waiting_in(q[1], line_of(side)) == 1);
		ck_ok(pick_one(&comes, COQUEUE_NOWAIT));
		ck_chosen(&comes, 1, 0);
		crew_expect(crew, 0);
		ck_chosen(&waits, 1, 0);
		ck_assert_int_eq(waits.items[1], comes.items[1]);
		for (int i = 0; i < 3; i++)
			ck_ok(coqueue_destroy(q[i]));
	}
}
END_TEST

static void check_ring(unsigned n, size_t capacity)
{
	struct kind fifo = {"FIFO", COQUEUE_FIFO, capacity};
	struct crew *crew;
	struct ring ring;

	ring_make(&ring, &fifo, n);
	crew = crew_start(n, go_round, NULL, &ring);
	ring_shut(&ring, scaled(2000));
	crew_expect(crew, ESHUTDOWN);
	ring_check(&ring);
}

START_TEST(two_selects_that_put_and_get_crosswise_get_on)
{
	for (size_t capacity = 0; capacity <= 1; capacity++)
		check_ring(2, capacity);
}
END_TEST

START_TEST(four_selects_in_a_ring_get_on)
{
	for (size_t capacity = 0; capacity <= 1; capacity++)
		check_ring(4, capacity);
}
END_TEST

/* ---- E63: exactly one, under load ----------------------------------------- */

struct load {
	coqueue_t *q[2];
	unsigned items; /* of each putter */
	_Atomic uint64_t put[2], got[2];
};

static int put_all(struct hand *me)
{
	struct load *load = me->arg;

	for (long item = 1; item <= (long)load->items; item++) {
		int code = coqueue_put(load->q[me->index % 2], &item);

		if (code != 0)
			return complain(me, "%s", code_name(code));
		atomic_fetch_add(&load->put[me->index % 2], (uint64_t)item);
	}
	return 0;
}

/* Until both are shut. */
static int get_all(struct hand *me)
{
	struct load *load = me->arg;
	long item[2];
	coqueue_case_t cases[2] = {
		{load->q[0], COQUEUE_GET, &item[0], 0},
		{load->q[1], COQUEUE_GET, &item[1], 0},
	};
	size_t n = 2, chosen;

	while (n > 0) {
		int code = coqueue_select(cases, n, NULL, &chosen);

		if (code != 0)
			return complain(me, "%s", code_name(code));
		if (cases[chosen].result == 0)
			atomic_fetch_add(
				&load->got[cases[chosen].queue == load->q[1]],
				(uint64_t) * (long *)cases[chosen].item);
		else
			cases[chosen] = cases[--n];
	}
	return 0;
}

START_TEST(E63_under_load_each_select_performs_exactly_one)
{
	const struct kind *kind = &kinds[_i];
	struct load load = {.items = scaled(2000)};
	struct crew *putters, *getters;

	for (int i = 0; i < 2; i++)
		load.q[i] = kind_with(kind, 0);
	putters = crew_start(4, put_all, NULL, &load);
	getters = crew_start(3, get_all, NULL, &load);
	crew_expect(putters, 0);
	for (int i = 0; i < 2; i++)
		ck_ok(coqueue_shutdown(load.q[i], COQUEUE_GRACEFUL));
	crew_expect(getters, 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(load.put[i], load.got[i]);
		ck_assert_uint_eq(stats_of(load.q[i]).gets, 2 * load.items);
		ck_ok(coqueue_destroy(load.q[i]));
	}
}
END_TEST

/* ---- uniform choice ------------------------------------------------------- */

enum { MOST_READY = 4 };

/* A fair one fails once in 10^9 (chi-square, by degrees of freedom). */
static void ck_uniform(const unsigned *counts, unsigned n)
{
	static const double limits[MOST_READY] = {0, 37.33, 41.45, 44.85};
	double sum = 0, expected, chi = 0;

	for (unsigned i = 0; i < n; i++)
		sum += counts[i];
	expected = sum / n;
	for (unsigned i = 0; i < n; i++)
		chi += (counts[i] - expected) * (counts[i] - expected) /
		       expected;
	ck_assert_msg(chi < limits[n - 1], "chi-square is %g: %u %u ...", chi,
		      counts[0], counts[1]);
}

enum { TRIALS = 20000 };

/* Of five, of which the second, the third and the last are ready. */
START_TEST(of_those_that_are_ready_one_is_chosen_uniformly)
{
	static const size_t ready[3] = {1, 2, 4};
	coqueue_t *full = queue_with(1, 1), *empty = queue_with(1, 0);
	unsigned counts[3] = {0};
	struct pick pick = {.n = 0};
	long item;

	for (size_t i = 0; i < 5; i++)
		pick_add(&pick, i == 0 || i == 3 ? empty : full, COQUEUE_GET);
	for (unsigned trial = 0; trial < scaled(TRIALS); trial++) {
		size_t k = 0;

		ck_ok(pick_one(&pick, trial % 2 ? COQUEUE_NOWAIT : NULL));
		while (k < 3 && ready[k] != pick.chosen)
			k++;
		ck_assert_uint_lt(k, 3);
		counts[k]++;
		item = (long)trial;
		ck_ok(coqueue_put(full, &item));
	}
	ck_uniform(counts, 3);
	ck_ok(coqueue_destroy(full));
	ck_ok(coqueue_destroy(empty));
}
END_TEST

START_TEST(of_a_put_and_a_get_one_is_chosen_uniformly)
{
	coqueue_t *q = queue_with(2, 1);
	unsigned counts[2] = {0};
	struct pick pick = {.n = 0};
	long item;

	pick_add(&pick, q, COQUEUE_PUT);
	pick_add(&pick, q, COQUEUE_GET);
	for (unsigned trial = 0; trial < scaled(TRIALS); trial++) {
		ck_ok(pick_one(&pick, NULL));
		counts[pick.chosen]++;
		if (pick.chosen == 0)
			ck_ok(coqueue_get(q, &item));
		else
			ck_ok(coqueue_put(q, &(long){1}));
	}
	ck_uniform(counts, 2);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(of_offers_one_is_chosen_uniformly)
{
	for (int side = COQUEUE_PUT; side <= COQUEUE_GET; side++) {
		unsigned counts[MOST_READY] = {0};
		struct node offers[MOST_READY];
		struct pick pick = {.n = 0};

		for (int i = 0; i < MOST_READY; i++) {
			node_init(&offers[i], queue_with(0, 0),
				  side == COQUEUE_PUT ? get_arm : put_arm,
				  count_wake);
			pick_add(&pick, offers[i].q, side);
			must_arm(&offers[i]);
		}
		for (unsigned trial = 0; trial < scaled(TRIALS); trial++) {
			ck_ok(pick_one(&pick, COQUEUE_NOWAIT));
			counts[pick.chosen]++;
			ck_ok(arm_node(&offers[pick.chosen]));
			must_arm(&offers[pick.chosen]);
		}
		ck_uniform(counts, MOST_READY);
		for (int i = 0; i < MOST_READY; i++) {
			ck_ok(disarm_node(&offers[i]));
			ck_ok(coqueue_destroy(offers[i].q));
		}
	}
}
END_TEST

/* Everything becomes ready while a coroutine is parked: the one that makes it so
 * runs on the same thread, and goes on until then. */
struct lottery {
	coqueue_t *q[MOST_READY]; /* the same one, or different ones */
	bool one_queue;
	unsigned counts[MOST_READY];
	unsigned trials, drawn;
};

static int draw(struct hand *me)
{
	struct lottery *lottery = me->arg;
	struct pick pick = {.n = 0};
	long item;

	for (int i = 0; i < MOST_READY; i++)
		pick_add(&pick, lottery->q[i], COQUEUE_GET);
	while (lottery->drawn < lottery->trials) {
		int code = pick_one(&pick, pick.deadline);

		if (code != 0)
			return complain(me, "%s", code_name(code));
		lottery->counts[pick.chosen]++;
		for (size_t i = 0; i < MOST_READY && !lottery->one_queue; i++)
			if (i != pick.chosen &&
			    coqueue_try_get(lottery->q[i], &item) != 0)
				return complain(me, "nothing in %zu", i);
		lottery->drawn++;
	}
	return 0;
}

static int fill_all(struct hand *me)
{
	struct lottery *lottery = me->arg;
	long item = 1;

	for (unsigned i = 0; i < lottery->trials; i++) {
		while (lottery->drawn < i ||
		       waiting_in(lottery->q[MOST_READY - 1], GETTERS) == 0)
			coro_yield();
		for (int k = 0; k < (lottery->one_queue ? 1 : MOST_READY); k++)
			if (coqueue_try_put(lottery->q[k], &item) != 0)
				return complain(me, "%d is full", k);
	}
	return 0;
}

static void check_lottery(const struct kind *kind, bool one_queue)
{
	struct lottery lottery = {.one_queue = one_queue,
				  .trials = scaled(TRIALS)};
	struct coro_pool *pool = coro_pool_start(1, CORO_PLAIN);
	struct crew *draws, *fills;

	for (int i = 0; i < MOST_READY; i++)
		lottery.q[i] =
			one_queue && i > 0 ? lottery.q[0] : kind_with(kind, 0);
	draws = coro_start(pool, 1, draw, NULL, &lottery);
	fills = coro_start(pool, 1, fill_all, NULL, &lottery);
	crew_expect(fills, 0);
	crew_expect(draws, 0);
	coro_pool_end(pool);
	ck_uniform(lottery.counts, MOST_READY);
	for (int i = 0; i < (one_queue ? 1 : MOST_READY); i++)
		ck_ok(coqueue_destroy(lottery.q[i]));
}

START_TEST(of_those_that_became_ready_meanwhile_one_is_chosen_uniformly)
{
	check_lottery(&kinds[0], false);
}
END_TEST

/* With a rendezvous, too: who puts takes any of the cases that wait. */
START_TEST(of_several_cases_at_one_queue_one_is_chosen_uniformly)
{
	check_lottery(&kinds[0], true);
	check_lottery(&kinds[N_KINDS - 1], true);
}
END_TEST

/* ---- arguments ------------------------------------------------------------ */

START_TEST(any_of_64_cases_may_be_chosen)
{
	for (int side = COQUEUE_PUT; side <= COQUEUE_GET; side++) {
		coqueue_t *q[COQUEUE_SELECT_MAX];
		struct pick pick = {.n = 0};

		for (int i = 0; i < COQUEUE_SELECT_MAX; i++) {
			q[i] = kind_that_blocks(&kinds[0], op_of(side));
			pick_add(&pick, q[i], side);
		}
		ck_code(pick_one(&pick, COQUEUE_NOWAIT), EAGAIN);
		for (size_t i = 0; i < COQUEUE_SELECT_MAX; i++) {
			struct crew *crew;

			pick.deadline = NULL;
			serve_one(q[i], line_of(side));
			ck_ok(pick_one(&pick, NULL));
			ck_chosen(&pick, i, 0);
			crew = crew_start(1, pick_in_hand, NULL, &pick);
			await(waiting_in(q[COQUEUE_SELECT_MAX - 1],
					 line_of(side)) > 0);
			serve_one(q[i], line_of(side));
			crew_expect(crew, 0);
			ck_chosen(&pick, i, 0);
		}
		for (int i = 0; i < COQUEUE_SELECT_MAX; i++)
			ck_ok(coqueue_destroy(q[i]));
	}
}
END_TEST

START_TEST(one_case_does_what_the_call_does)
{
	coqueue_t *q = queue_with(1, 0);
	struct pick put = {.n = 0}, get = {.n = 0};

	pick_add(&put, q, COQUEUE_PUT);
	pick_add(&get, q, COQUEUE_GET);
	ck_code(pick_one(&get, COQUEUE_NOWAIT), EAGAIN);
	ck_ok(pick_one(&put, NULL));
	ck_code(pick_one(&put, COQUEUE_NOWAIT), EAGAIN);
	ck_ok(pick_one(&get, NULL));
	ck_assert_int_eq(get.items[0], FIRST_ITEM);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* EINVAL comes first, also when a case is ready, and changes nothing. */
START_TEST(E17_bad_arguments_give_EINVAL_before_anything_else)
{
	static const struct timespec bad_times[] = {
		{0, -1}, {0, 1000000000}, {-1, 1000000000}};
	coqueue_t *q = queue_with(1, 1);
	coqueue_case_t many[COQUEUE_SELECT_MAX + 1];
	struct pick pick = {.n = 0};
	volatile int unknown_side = 2;
	size_t chosen = 99;
	long item = UNTOUCHED;

	pick_add(&pick, q, COQUEUE_GET);
	pick_add(&pick, q, COQUEUE_GET);
	for (int shut = 0; shut <= 1; shut++) {
		size_t size = coqueue_size(q);

		pick_reset(&pick);
		ck_code(coqueue_select(NULL, 2, NULL, &chosen), EINVAL);
		ck_code(coqueue_select(pick.cases, 2, NULL, NULL), EINVAL);
		ck_code(coqueue_select(pick.cases, 0, NULL, &chosen), EINVAL);
		for (int i = 0; i < 3; i++)
			ck_code(pick_one(&pick, &bad_times[i]), EINVAL);
		pick.cases[1].queue = NULL;
		ck_code(pick_one(&pick, NULL), EINVAL);
		pick.cases[1].queue = q;
		pick.cases[1].item = NULL;
		ck_code(pick_one(&pick, NULL), EINVAL);
		pick.cases[1].item = &pick.items[1];
		pick.cases[1].side = (enum coqueue_side)unknown_side;
		ck_code(coqueue_select(pick.cases, 2, NULL, &chosen), EINVAL);
		pick.cases[1].side = COQUEUE_GET;
		for (int i = 0; i <= COQUEUE_SELECT_MAX; i++)
			many[i] = (coqueue_case_t){q, COQUEUE_GET, &item,
						   UNTOUCHED};
		ck_code(coqueue_select(many, COQUEUE_SELECT_MAX + 1, NULL,
				       &chosen),
			EINVAL);
		ck_code(coqueue_select(many, SIZE_MAX, NULL, &chosen), EINVAL);
		ck_assert_uint_eq(coqueue_size(q), size);
		ck_assert_uint_eq(chosen, 99);
		ck_assert_int_eq(item, UNTOUCHED);
		ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
	}
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(E86_a_huge_deadline_means_for_ever)
{
	struct timespec huge = {INT64_MAX, 999999999};
	struct crew *crew;
	struct pair pair;

	pair_make(&pair, &kinds[0], COQUEUE_GET);
	pair.pick.deadline = &huge;
	crew = pair_block(&pair);
	ck_assert_uint_eq(crew_finished(crew), 0);
	serve_one(pair.q[0], GETTERS);
	crew_expect(crew, 0);
	pair_destroy(&pair);
}
END_TEST

/* ---- where it must not block ---------------------------------------------- */

struct in_wake {
	struct pick pick;
	int for_ever, far, past, nowait;
};

static void pick_in_wake(coqueue_waiter_t *w)
{
	struct in_wake *in_wake = node_of(w)->arg;
	struct timespec far = from_now(2 * limit_ns()), past = {0};

	in_wake->for_ever = pick_one(&in_wake->pick, NULL);
	in_wake->far = pick_one(&in_wake->pick, &far);
	in_wake->past = pick_one(&in_wake->pick, &past);
	in_wake->nowait = pick_one(&in_wake->pick, COQUEUE_NOWAIT);
}

KIND_SIDE_TEST(R4_a_select_that_would_block_in_a_wake_gives_EDEADLK)
{
	struct in_wake in_wake = {.pick = {.n = 0}};
	struct pair pair;

	pair_make(&pair, kind, side);
	in_wake.pick.n = 0;
	for (int i = 0; i < 2; i++)
		pick_add(&in_wake.pick, pair.q[i], side);
	in_a_wake(pick_in_wake, &in_wake);
	ck_code(in_wake.for_ever, EDEADLK);
	ck_code(in_wake.far, EDEADLK);
	ck_code(in_wake.past, ETIMEDOUT);
	ck_code(in_wake.nowait, EAGAIN);
	ck_ok(coqueue_shutdown(pair.q[1], COQUEUE_IMMEDIATE));
	in_a_wake(pick_in_wake, &in_wake);
	ck_ok(in_wake.for_ever);
	ck_ok(in_wake.far);
	ck_ok(in_wake.past);
	ck_ok(in_wake.nowait);
	ck_chosen(&in_wake.pick, 1, ESHUTDOWN);
	pair_destroy(&pair);
}

static struct pick *pick_in_comparator;
static int code_in_comparator;

static int pick_and_compare(const void *a, const void *b, void *unused)
{
	if (pick_in_comparator)
		code_in_comparator =
			pick_one(pick_in_comparator, COQUEUE_NOWAIT);
	return compare_steps(a, b, unused);
}

START_TEST(E40_a_select_in_a_comparator_gives_EDEADLK)
{
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;
	coqueue_t *q, *other = queue_with(1, 1);
	struct pick pick = {.n = 0};

	attr.order = COQUEUE_PRIORITY;
	attr.compare = pick_and_compare;
	q = queue_with_attr(3, 2, attr);
	pick_add(&pick, other, COQUEUE_GET);
	pick_in_comparator = &pick;
	ck_ok(coqueue_put(q, &(long){5}));
	pick_in_comparator = NULL;
	ck_code(code_in_comparator, EDEADLK);
	ck_assert_uint_eq(coqueue_size(other), 1);
	ck_ok(coqueue_destroy(other));
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* It must be out of all queues before one of them is freed. */
START_TEST(E80_destroy_lets_a_select_leave_first)
{
	for (unsigned round = 0; round < scaled(100); round++) {
		struct crew *crew;
		struct pair pair;

		pair_make(&pair, &kinds[0], COQUEUE_GET);
		crew = pair_block(&pair);
		ck_ok(coqueue_destroy(pair.q[round % 2]));
		crew_expect(crew, 0);
		ck_chosen(&pair.pick, round % 2, ESHUTDOWN);
		ck_ok(coqueue_destroy(pair.q[1 - round % 2]));
	}
}
END_TEST

int main(void)
{
	int failed = suite_run_each(
		"select",
		TESTS(the_case_that_is_ready_is_performed,
		      E62_who_waits_is_told_which_became_ready,
		      G7_calls_that_do_not_wait_meet_who_waits,
		      E60_a_queue_that_is_shut_is_ready,
		      E61_a_queue_that_is_shut_beats_the_deadline,
		      E62_who_waits_is_told_which_was_shut,
		      a_deadline_that_passes_leaves_no_trace,
		      E46_an_interrupt_of_either_queue_gives_EINTR,
		      E84_a_cancelled_select_has_left_all_lines_without_effect,
		      E84_a_select_that_cannot_be_cancelled_is_served,
		      E66_E67_E68_a_select_that_gives_up_passes_the_hint_on,
		      E63_E67_E68_the_hint_that_a_select_does_not_use_goes_on,
		      G12_a_select_stands_in_line_among_threads,
		      E66_a_select_has_one_outcome_of_cancel_shutdown_and_service,
		      E64_the_same_queue_twice_is_served_once,
		      E64_the_same_queue_twice_is_left_twice,
		      E63_under_load_each_select_performs_exactly_one,
		      R4_a_select_that_would_block_in_a_wake_gives_EDEADLK),
		N_KINDS);

	failed |= suite_run(
		"select, others",
		TESTS(G5_what_a_graceful_shutdown_left_is_got_first,
		      E84_a_select_that_does_not_wait_is_no_cancellation_point,
		      E65_nobody_hangs_on_a_select_that_gives_up,
		      E64_both_sides_of_one_queue,
		      E64_at_a_rendezvous_a_select_does_not_meet_itself,
		      E64_at_a_rendezvous_two_selects_on_both_sides_meet,
		      G7_a_select_that_does_not_wait_meets_one_that_waits,
		      two_selects_that_put_and_get_crosswise_get_on,
		      four_selects_in_a_ring_get_on,
		      of_those_that_are_ready_one_is_chosen_uniformly,
		      of_a_put_and_a_get_one_is_chosen_uniformly,
		      of_offers_one_is_chosen_uniformly,
		      of_those_that_became_ready_meanwhile_one_is_chosen_uniformly,
		      of_several_cases_at_one_queue_one_is_chosen_uniformly,
		      any_of_64_cases_may_be_chosen,
		      one_case_does_what_the_call_does,
		      E17_bad_arguments_give_EINVAL_before_anything_else,
		      E86_a_huge_deadline_means_for_ever,
		      E40_a_select_in_a_comparator_gives_EDEADLK,
		      E80_destroy_lets_a_select_leave_first));
	return failed;
}
