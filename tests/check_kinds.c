/* SPDX-License-Identifier: MIT */
/*
 * Every guarantee of the contract, G1 to G16, for every kind of queue: each
 * test below runs once for each row of kinds[] (crew.c), whose index a failure
 * names.  What depends on one kind alone is elsewhere.
 */
#include <stdio.h>
#include <unistd.h>
#include "turmoil.h"

#define KIND_TEST(name)                                                        \
	static void name##_of(const struct kind *kind);                        \
	START_TEST(name)                                                       \
	{                                                                      \
		name##_of(&kinds[_i]);                                         \
	}                                                                      \
	END_TEST                                                               \
	static void name##_of(const struct kind *kind)

/* Of the forms of waiting, those in which this kind makes anybody wait. */
#define for_each_wait(kind, op)                                                \
	for_each_op(op)                                                        \
		if (kind_can_block(kind, op))

/* How many items most tests put in: none into a rendezvous. */
static size_t some_items(const struct kind *kind)
{
	return kind->capacity < 5 ? kind->capacity : 5;
}

/* What ends a call that waited when the queue was shut down. */
static int code_of_shutdown(const struct op *op)
{
	return op->line == JOINERS ? 0 : ESHUTDOWN;
}

static void shut_down(coqueue_t *q, int mode)
{
	ck_ok(coqueue_shutdown(q, (enum coqueue_shutdown)mode));
}

/* ---- a shutdown in the middle of everything ------------------------------ */

enum { RACERS = 2, MOST = 5000 /* items of a putter */ };

struct race {
	_Atomic bool refused;  /* some put was: no later one succeeds */
	_Atomic bool ended;    /* some get was: no later one finds an item */
	_Atomic bool returned; /* so has coqueue_shutdown() */
	_Atomic unsigned destroyed;
	_Atomic unsigned char fates[RACERS * MOST]; /* got or destroyed */
};

static int race_put(struct hand *me)
{
	struct race *race = me->arg;

	for (me->done = 0; me->done < MOST; me->done++) {
		bool late = atomic_load(&race->refused) ||
			    atomic_load(&race->returned);
		long item = (long)(me->index * MOST + me->done);
		int code = coqueue_put(me->q, &item);

		if (code != 0) {
			atomic_store(&race->refused, true);
			return code;
		}
		if (late)
			return complain(me, "a put after a refusal or the end");
	}
	return ESHUTDOWN;
}

static int race_get(struct hand *me)
{
	struct race *race = me->arg;

	for (;;) {
		bool ended = atomic_load(&race->ended);
		long item;
		int code = coqueue_get(me->q, &item);

		if (code != 0) {
			atomic_store(&race->ended, true);
			return code;
		}
		atomic_fetch_add(&race->fates[item], 1);
		if (ended)
			return complain(me, "an item after ESHUTDOWN");
	}
}

static void race_destroy(void *item, void *ctx)
{
	struct race *race = ctx;

	atomic_fetch_add(&race->destroyed, 1);
	atomic_fetch_add(&race->fates[*(long *)item], 1);
}

static void check_fates(const struct race *race, const struct crew *putters)
{
	for (unsigned i = 0; i < putters->n; i++)
		for (size_t n = 0; n < MOST; n++)
			if (race->fates[i * MOST + n] !=
			    (n < putters->hands[i].done))
				ck_abort_msg("item %zu of %u: %u fates", n, i,
					     race->fates[i * MOST + n]);
}

static void race_once(const struct kind *kind, int mode, unsigned yields)
{
	struct race race = {.destroyed = 0};
	coqueue_attr_t attr = kind_attr(kind);
	struct crew *put, *get;
	uint64_t puts;
	coqueue_t *q;

	attr.item_destroy = race_destroy;
	attr.ctx = &race;
	q = queue_with_attr(kind->capacity, 0, attr);
	put = crew_start(RACERS, race_put, q, &race);
	get = crew_start(RACERS, race_get, q, &race);
	while (yields--)
		sched_yield();
	shut_down(q, mode);
	puts = stats_of(q).puts;
	atomic_store(&race.returned, true);
	if (mode == COQUEUE_IMMEDIATE) {
		ck_assert_uint_eq(coqueue_size(q), 0);
		ck_assert_uint_eq(race.destroyed, stats_of(q).discarded);
	}
	crew_expect(get, ESHUTDOWN);
	ck_assert_uint_eq(coqueue_size(q), 0);
	crew_join(put);
	ck_assert_uint_eq(stats_of(q).puts, puts);
	if (mode == COQUEUE_GRACEFUL)
		ck_assert_uint_eq(race.destroyed, 0);
	check_fates(&race, put);
	crew_expect(put, ESHUTDOWN);
	ck_ok(coqueue_destroy(q));
}

KIND_TEST(G1_G2_G4_G5_puts_and_gets_race_with_shutdown)
{
	uint64_t random = suite_seed();

	for (unsigned round = 0; round < scaled(60); round++)
		race_once(kind, round % 2, random_below(&random, 20));
}

/* ---- G1 to G5, one by one ------------------------------------------------ */

KIND_TEST(G1_no_put_succeeds_after_a_refusal)
{
	for_each_mode(mode)
		for_each_mode(again) {
			coqueue_t *q = kind_with(kind, some_items(kind));
			struct timespec past = {0};
			long item = 0;

			shut_down(q, mode);
			for_each_op(op)
				if (op->line == PUTTERS)
					ck_code(op_call(op, q, &item, &past),
						ESHUTDOWN);
			while (coqueue_try_get(q, &item) == 0)
				;
			ck_code(coqueue_put(q, &item), ESHUTDOWN);
			shut_down(q, again);
			ck_code(coqueue_put(q, &item), ESHUTDOWN);
			ck_assert_int_ne(coqueue_state(q), COQUEUE_OPEN);
			ck_ok(coqueue_destroy(q));
		}
}

static int count_while_open(struct hand *me)
{
	int code;

	while ((code = coqueue_try_put(me->q, &me->item)) != ESHUTDOWN)
		me->done += code == 0;
	return code;
}

KIND_TEST(G2_what_shutdown_left_is_final_at_its_return)
{
	for (unsigned round = 0; round < scaled(40); round++) {
		coqueue_t *q = kind_with(kind, 0);
		struct crew *put =
			crew_start(RACERS, count_while_open, q, NULL);
		size_t left, accepted = 0, some = some_items(kind);

		await(stats_of(q).puts >= some);
		shut_down(q, COQUEUE_GRACEFUL);
		left = coqueue_size(q);
		crew_join(put);
		ck_assert_uint_eq(coqueue_size(q), left);
		for (unsigned i = 0; i < RACERS; i++)
			accepted += put->hands[i].done;
		ck_assert_uint_eq(accepted, left);
		crew_expect(put, ESHUTDOWN);
		ck_ok(coqueue_destroy(q));
	}
}

/* Three of each form that this kind lets wait, each form at its own queue. */
KIND_TEST(G3_everyone_leaves_in_every_form)
{
	for_each_mode(mode)
		for_each_wait(kind, op) {
			coqueue_t *q = kind_that_blocks(kind, op);
			struct crew *crew = crew_block(q, op, 3);

			shut_down(q, mode);
			if (op->line == JOINERS && coqueue_unfinished(q) > 0) {
				await_waiting(q, JOINERS, 3);
				ck_ok(coqueue_task_done(q, 1));
			}
			crew_expect(crew, code_of_shutdown(op));
			ck_ok(coqueue_destroy(q));
		}
}

/* All of those who can wait at one queue at once. */
static void leave_together(coqueue_t *q, int mode, enum line line, int other)
{
	struct crew *first =
		crew_block(q, &ops[line == PUTTERS ? OP_PUT : OP_GET], 3);
	struct crew *second = crew_block(q, &ops[other], 2);
	struct crew *join = crew_block(q, &ops[OP_JOIN], 2);
	size_t fetched = stats_of(q).gets;

	shut_down(q, mode);
	crew_expect(first, ESHUTDOWN);
	crew_expect(second, ESHUTDOWN);
	if (coqueue_unfinished(q) > 0) {
		await_waiting(q, JOINERS, 2);
		ck_assert_uint_eq(crew_finished(join), 0);
		shut_down(q, COQUEUE_IMMEDIATE);
		ck_ok(coqueue_task_done(q, fetched));
	}
	crew_expect(join, 0);
	ck_ok(coqueue_destroy(q));
}

KIND_TEST(G3_getters_peekers_putters_and_joiners_leave_together)
{
	for_each_mode(mode) {
		coqueue_t *q = kind_with(kind, 0);

		hand_over(q, 1);
		leave_together(q, mode, GETTERS, OP_PEEK);
		if (!kind_can_block(kind, &ops[OP_PUT]))
			continue;
		q = kind_with(kind, 0);
		hand_over(q, 1);
		for (long item = 0; item < (long)kind->capacity; item++)
			ck_ok(coqueue_try_put(q, &item));
		leave_together(q, mode, PUTTERS, OP_PUT_UNTIL);
	}
}

/* In which place an item may be: its first put is the caller's until 0. */
KIND_TEST(G4_each_item_is_got_or_destroyed_or_still_the_callers)
{
	for_each_mode(mode) {
		struct race race = {.destroyed = 0};
		coqueue_attr_t attr = kind_attr(kind);
		size_t n = some_items(kind), got = n > 2 ? 2 : 0;
		struct timespec past = {0};
		long item, refused = MOST;
		coqueue_t *q;

		attr.item_destroy = race_destroy;
		attr.ctx = &race;
		q = queue_with_attr(kind->capacity, n, attr);
		for (size_t i = 0; i < got; i++) {
			ck_ok(coqueue_try_get(q, &item));
			race.fates[item]++;
		}
		if (kind_is_bounded(kind) && n - got == kind->capacity)
			ck_code(coqueue_put_until(q, &refused, &past),
				ETIMEDOUT);
		shut_down(q, mode);
		ck_code(coqueue_put(q, &refused), ESHUTDOWN);
		ck_assert_uint_eq(race.destroyed,
				  mode == COQUEUE_IMMEDIATE ? n - got : 0);
		ck_ok(coqueue_destroy(q));
		ck_assert_uint_eq(race.destroyed, n - got);
		for (size_t i = 0; i < n; i++)
			ck_assert_uint_eq(race.fates[i], 1);
		ck_assert_uint_eq(race.fates[refused], 0);
	}
}

/* Items for some of the getters that wait, and then a shutdown at once. */
KIND_TEST(G5_graceful_ends_no_get_that_can_be_served)
{
	enum { GET = 3 };

	for (unsigned round = 0; round < scaled(60); round++) {
		unsigned items = 1 + round % (GET - 1);
		coqueue_t *q = kind_with(kind, 0);
		struct crew *crew = crew_block(q, &ops[OP_GET], GET);

		for (long item = 0; item < (long)items; item++)
			ck_ok(coqueue_put(q, &item));
		shut_down(q, COQUEUE_GRACEFUL);
		crew_join(crew);
		ck_assert_msg(crew_count(crew, 0) == items &&
				      crew_count(crew, ESHUTDOWN) ==
					      GET - items,
			      "%u items: %s", items, crew_report(crew));
		crew_free(crew);
		ck_ok(coqueue_destroy(q));
	}
}

KIND_TEST(G5_graceful_delivers_all_that_is_left_in_order)
{
	size_t n = some_items(kind);
	coqueue_t *q = kind_with(kind, n);
	long item;

	shut_down(q, COQUEUE_GRACEFUL);
	take_all_of(kind, q, n);
	ck_code(coqueue_try_get(q, &item), ESHUTDOWN);
	ck_code(coqueue_get(q, &item), ESHUTDOWN);
	ck_code(coqueue_peek(q, &item), ESHUTDOWN);
	ck_ok(coqueue_destroy(q));
}

/* ---- G6: order ----------------------------------------------------------- */

enum { MOST_HELD = 64 };

/* What the queue holds, in the order of the puts. */
struct held {
	long items[MOST_HELD];
	size_t n;
};

static size_t next_out(const struct kind *kind, const struct held *held)
{
	size_t best = 0;

	if (kind->order == COQUEUE_LIFO)
		return held->n - 1;
	if (kind->order == COQUEUE_FIFO)
		return 0;
	for (size_t i = 1; i < held->n; i++)
		if (compare_steps(&held->items[i], &held->items[best], NULL) <
		    0)
			best = i;
	return best;
}

static void put_random(const struct kind *kind, coqueue_t *q, struct held *held,
		       uint64_t *random)
{
	long item = random_below(random, 5 * PRIORITY_STEP);
	bool full = held->n == kind->capacity;

	if (held->n == MOST_HELD)
		return;
	ck_code(coqueue_try_put(q, &item), full ? EAGAIN : 0);
	if (!full)
		held->items[held->n++] = item;
}

static void get_next(const struct kind *kind, coqueue_t *q, struct held *held)
{
	long item, peeked;
	size_t i;

	if (held->n == 0) {
		ck_code(coqueue_try_get(q, &item), EAGAIN);
		return;
	}
	i = next_out(kind, held);
	ck_ok(coqueue_try_peek(q, &peeked));
	ck_ok(coqueue_try_get(q, &item));
	if (item != held->items[i] || peeked != item)
		ck_abort_msg("peeked %ld, got %ld, not %ld", peeked, item,
			     held->items[i]);
	held->n--;
	memmove(&held->items[i], &held->items[i + 1],
		(held->n - i) * sizeof(long));
}

/* Equal ones too: their numbers tell which is the older. */
KIND_TEST(G6_items_leave_in_the_order_of_their_kind)
{
	uint64_t random = suite_seed();
	coqueue_t *q = kind_with(kind, 0);
	struct held held = {.n = 0};

	for (unsigned round = 0; round < scaled(20000); round++)
		if (random_below(&random, round / 200 % 2 ? 5 : 3) < 2)
			put_random(kind, q, &held, &random);
		else
			get_next(kind, q, &held);
	while (held.n > 0)
		get_next(kind, q, &held);
	check_usable_as(kind, q);
	ck_ok(coqueue_destroy(q));
}

/* In bulk, which is a series of single puts and gets (G8). */
KIND_TEST(G6_bulk_calls_keep_the_order_of_their_kind)
{
	size_t n = some_items(kind), done;
	coqueue_t *q = kind_with(kind, 0);
	long in[5] = {20, 4, 12, 5, 21}, out[5];
	struct held held = {.n = n};

	memcpy(held.items, in, sizeof(in));
	ck_code(coqueue_put_many(q, in, 5, COQUEUE_NOWAIT, &done),
		n < 5 ? EAGAIN : 0);
	ck_assert_uint_eq(done, n);
	ck_code(coqueue_get_many(q, out, 5, COQUEUE_NOWAIT, &done),
		n > 0 ? 0 : EAGAIN);
	ck_assert_uint_eq(done, n);
	for (size_t k = 0; k < n; k++) {
		size_t i = next_out(kind, &held);

		ck_assert_int_eq(out[k], held.items[i]);
		held.n--;
		memmove(&held.items[i], &held.items[i + 1],
			(held.n - i) * sizeof(long));
	}
	ck_ok(coqueue_destroy(q));
}

/* ---- G7: capacity -------------------------------------------------------- */

KIND_TEST(G7_it_holds_exactly_its_capacity)
{
	size_t n = kind_is_bounded(kind) ? kind->capacity : 20000, done;
	coqueue_t *q = kind_with(kind, 0);
	long *items = calloc(n + 1, sizeof(long));

	ck_assert_ptr_nonnull(items);
	ck_assert_uint_eq(coqueue_capacity(q), kind->capacity);
	for (int round = 0; round < 3; round++) {
		ck_code(coqueue_put_many(q, items, n + 1, COQUEUE_NOWAIT,
					 &done),
			kind_is_bounded(kind) ? EAGAIN : 0);
		ck_assert_uint_eq(done, kind_is_bounded(kind) ? n : n + 1);
		ck_assert_uint_eq(coqueue_size(q), done);
		if (kind_is_bounded(kind))
			ck_code(coqueue_try_put(q, items), EAGAIN);
		while (coqueue_size(q) > 0)
			ck_ok(coqueue_get_many(q, items, n + 1, NULL, &done));
		check_usable_as(kind, q);
	}
	free(items);
	ck_ok(coqueue_destroy(q));
}

KIND_TEST(G7_threads_that_fill_together_store_exactly_the_capacity)
{
	coqueue_t *q = kind_with(kind, 0);

	for (int round = 0; round < 10; round++)
		check_filled_together(q, kind->capacity);
	ck_ok(coqueue_destroy(q));
}

/* ---- G8: what beats what ------------------------------------------------- */

static void check_answers(const struct op *op, coqueue_t *q, int plain,
			  int nowait, int past_gives)
{
	struct timespec past = {0};
	long item = 0;

	if (op->form == TRY)
		ck_code(op_call(op, q, &item, NULL), nowait);
	if (op->form == PLAIN && plain >= 0)
		ck_code(op_call(op, q, &item, NULL), plain);
	if (op->form != UNTIL)
		return;
	ck_code(op_call(op, q, &item, COQUEUE_NOWAIT), nowait);
	ck_code(op_call(op, q, &item, &past), past_gives);
	if (plain >= 0)
		ck_code(op_call(op, q, &item, NULL), plain);
}

/* PLAIN would wait. */
enum { WOULD_WAIT = -1 };

KIND_TEST(G8_EAGAIN_and_ETIMEDOUT_while_nothing_can_be_done)
{
	for_each_op(op) {
		struct timespec soon;
		coqueue_t *q;
		long item = 0;

		if (op->line == PUTTERS && !kind_is_bounded(kind))
			continue;
		q = kind_that_blocks(kind, op);
		check_answers(op, q, WOULD_WAIT, EAGAIN, ETIMEDOUT);
		soon = from_now(2 * MS);
		if (op->form == UNTIL) {
			ck_code(op_call(op, q, &item, &soon), ETIMEDOUT);
			ck_assert(is_past(&soon));
		}
		ck_assert_uint_eq(waiting_in(q, op->line), 0);
		ck_ok(coqueue_destroy(q));
	}
}

/* One that a call on a rendezvous can meet; of other kinds nobody is needed. */
static struct crew *partner_for(const struct kind *kind, const struct op *op,
				coqueue_t *q)
{
	if (!kind_is_rendezvous(kind) || op->line == JOINERS)
		return NULL;
	return crew_block(q, &ops[op->line == PUTTERS ? OP_GET : OP_PUT], 1);
}

KIND_TEST(G8_an_item_or_room_beats_the_deadline)
{
	static const struct timespec past = {0};
	const struct timespec *const deadlines[] = {COQUEUE_NOWAIT, &past,
						    NULL};

	for_each_op(op)
		for (int i = 0; i < 3; i++) {
			coqueue_t *q = kind_with(kind, op->line == GETTERS &&
							       kind->capacity);
			long item = 0;
			struct crew *partner;

			if (!kind_can_serve(kind, op)) {
				ck_ok(coqueue_destroy(q));
				continue;
			}
			partner = partner_for(kind, op, q);
			ck_ok(op_call(op, q, &item, deadlines[i]));
			if (partner)
				crew_expect(partner, 0);
			ck_ok(coqueue_destroy(q));
		}
}

KIND_TEST(G8_ESHUTDOWN_beats_EAGAIN_and_the_deadline)
{
	for_each_mode(mode)
		for_each_op(op) {
			coqueue_t *q = kind_with(
				kind,
				op->line == PUTTERS ? some_items(kind) : 0);

			shut_down(q, mode);
			check_answers(op, q, code_of_shutdown(op),
				      code_of_shutdown(op),
				      code_of_shutdown(op));
			ck_ok(coqueue_destroy(q));
		}
}

/* Each has put one before it gets one, so there is one, and room for one. */
static int try_in_turn(struct hand *me)
{
	for (unsigned i = 0; i < scaled(3000); i++) {
		int code = coqueue_try_put(me->q, &me->item);

		if (code != 0)
			return complain(me, "put: %s", code_name(code));
		code = coqueue_try_get(me->q, &me->item);
		if (code != 0)
			return complain(me, "get: %s", code_name(code));
	}
	return 0;
}

KIND_TEST(G8_EAGAIN_is_never_an_artefact_of_a_call_that_is_half_way)
{
	unsigned n = kind->capacity < 3 ? (unsigned)kind->capacity : 3;
	coqueue_t *q = kind_with(kind, 0);

	if (n > 0)
		crew_expect(crew_start(n, try_in_turn, q, NULL), 0);
	ck_ok(coqueue_destroy(q));
}

/* ---- G9: visibility ------------------------------------------------------ */

enum { MESSAGES = 2000 };

static long messages[2 * MESSAGES]; /* plain memory, for TSan to judge */

static int send_messages(struct hand *me)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		long item = (long)(2 * i + me->index);
		int code;

		messages[item] = item + 1;
		code = coqueue_put(me->q, &item);
		if (code != 0)
			return complain(me, "put: %s", code_name(code));
	}
	return 0;
}

static int receive_messages(struct hand *me)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		long item;
		int code = coqueue_get(me->q, &item);

		if (code != 0)
			return complain(me, "get: %s", code_name(code));
		if (messages[item] != item + 1)
			return complain(me, "message %ld is %ld", item,
					messages[item]);
		messages[item] = 0;
	}
	return 0;
}

KIND_TEST(G9_what_came_before_a_put_is_seen_after_its_get)
{
	coqueue_t *q = kind_with(kind, 0);
	struct crew *put = crew_start(2, send_messages, q, NULL),
		    *get = crew_start(2, receive_messages, q, NULL);

	crew_expect(put, 0);
	crew_expect(get, 0);
	ck_ok(coqueue_destroy(q));
}

/* ---- G10: who gives up passes the wake-up on ----------------------------- */

/* No shutdown helps at the end.  One by one: check_wait.c. */
KIND_TEST(G10_cancellations_and_deadlines_lose_no_wake_up)
{
	struct turmoil *t;

	FOR_THREADS_ALONE();
	t = turmoil_start(kind);
	for (unsigned i = 0; i < scaled(20); i++) {
		turmoil_go_on(t, 50);
		turmoil_cancel(t, turmoil_choose(t, TURMOIL_HANDS));
	}
	turmoil_end(t);
}

/* ---- G11: no lock is held where the user's code runs --------------------- */

struct callback {
	coqueue_t *q;
	unsigned calls;
	int complaint; /* a line of this file */
};

#define expect(condition)                                                      \
	do {                                                                   \
		if (!(condition))                                              \
			callback->complaint = __LINE__;                        \
	} while (0)

static void call_the_queue(void *unused, void *ctx)
{
	struct callback *callback = ctx;
	coqueue_stats_t stats = {.size = sizeof(stats)};
	coqueue_t *q = callback->q;
	long item = 0;
	int cancel;

	(void)unused;
	callback->calls++;
	expect(coqueue_try_put(q, &item) == ESHUTDOWN);
	expect(coqueue_try_get(q, &item) == ESHUTDOWN);
	expect(coqueue_try_peek(q, &item) == ESHUTDOWN);
	expect(coqueue_shutdown(q, COQUEUE_IMMEDIATE) == 0);
	expect(coqueue_interrupt(q) == 0);
	expect(coqueue_size(q) == 0);
	expect(coqueue_unfinished(q) == 0);
	expect(coqueue_stats(q, &stats) == 0);
	expect(coqueue_hold(q, COQUEUE_PUT) == ESHUTDOWN);
	expect(coqueue_release(q, COQUEUE_PUT) == EINVAL);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	expect(cancel == PTHREAD_CANCEL_DISABLE);
}

KIND_TEST(G11_item_destroy_may_call_the_queue)
{
	struct callback callback = {.calls = 0};
	coqueue_attr_t attr = kind_attr(kind);
	size_t n = some_items(kind);

	attr.item_destroy = call_the_queue;
	attr.ctx = &callback;
	callback.q = queue_with_attr(kind->capacity, n, attr);
	shut_down(callback.q, COQUEUE_IMMEDIATE);
	ck_assert_uint_eq(callback.calls, n);
	ck_assert_msg(!callback.complaint, "line %d", callback.complaint);
	ck_ok(coqueue_destroy(callback.q));
}

/* ---- G12: those who wait are served first come, first served ------------- */

static void check_line_order(const struct kind *kind, const struct op *op)
{
	enum { N = 4 };
	coqueue_t *q = kind_that_blocks(kind, op);
	struct crew *crews[N];

	for (int i = 0; i < N; i++)
		crews[i] = crew_block(q, op, 1);
	for (int i = 0; i < N; i++) {
		serve_one(q, op->line);
		crew_join(crews[i]);
		await_waiting(q, op->line, (size_t)(N - 1 - i));
		for (int later = i + 1; later < N; later++)
			ck_assert_uint_eq(crew_finished(crews[later]), 0);
		crew_expect(crews[i], 0);
	}
	ck_ok(coqueue_destroy(q));
}

KIND_TEST(G12_waiters_of_one_side_are_served_in_order)
{
	for_each_wait(kind, op)
		if (op->line == PUTTERS || !op->keeps)
			check_line_order(kind, op);
}

/* ---- G13: bad input ------------------------------------------------------ */

KIND_TEST(G13_bad_arguments_give_EINVAL_in_every_state)
{
	static const struct timespec bad = {0, 1000000000};
	enum { OPEN = -1 };

	for (int state = OPEN; state <= COQUEUE_IMMEDIATE; state++) {
		coqueue_t *q = kind_with(kind, some_items(kind));
		size_t size;
		long item = 0;

		if (state != OPEN)
			shut_down(q, state);
		size = coqueue_size(q);
		for_each_op(op) {
			if (op->line != JOINERS)
				ck_code(op_call(op, q, NULL, COQUEUE_NOWAIT),
					EINVAL);
			if (op->form == UNTIL)
				ck_code(op_call(op, q, &item, &bad), EINVAL);
		}
		ck_code(coqueue_task_done(q, coqueue_unfinished(q) + 1),
			EINVAL);
		ck_assert_uint_eq(coqueue_size(q), size);
		ck_ok(coqueue_destroy(q));
	}
}

KIND_TEST(G13_items_that_are_too_large_give_EINVAL_or_ENOMEM)
{
	coqueue_attr_t attr = kind_attr(kind);
	coqueue_t *q = NULL;

	for (size_t less = 0; less < 100; less++) {
		int code;

		attr.item_size = SIZE_MAX - less;
		code = coqueue_create(&q, kind->capacity, &attr);
		/* a rendezvous keeps none */
		if (code == 0 && kind_is_rendezvous(kind)) {
			ck_ok(coqueue_destroy(q));
			q = NULL;
		} else {
			ck_assert_msg(code == EINVAL || code == ENOMEM, "%s",
				      code_name(code));
		}
		ck_assert_ptr_null(q);
	}
}

/* ---- G14: cancellation --------------------------------------------------- */

KIND_TEST(G14_a_cancelled_call_has_no_effect)
{
	FOR_THREADS_ALONE();
	for_each_wait(kind, op) {
		coqueue_t *q = kind_that_blocks(kind, op);
		size_t size = coqueue_size(q), left = coqueue_unfinished(q);
		struct crew *crew = crew_block(q, op, 3);

		crew_cancel(crew);
		crew_expect(crew, WAS_CANCELLED);
		ck_assert_uint_eq(waiting_in(q, op->line), 0);
		ck_assert_uint_eq(coqueue_size(q), size);
		ck_assert_uint_eq(coqueue_unfinished(q), left);
		check_usable_as(kind, q);
		ck_ok(coqueue_destroy(q));
	}
}

static int try_with_cancel_pending(struct hand *me)
{
	int code;

	pthread_cancel(pthread_self());
	code = coqueue_try_put(me->q, &me->item);
	if (code != 0 && code != EAGAIN)
		return complain(me, "put: %s", code_name(code));
	code = coqueue_try_get(me->q, &me->item);
	if (code != 0 && code != EAGAIN)
		return complain(me, "get: %s", code_name(code));
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	return 0;
}

KIND_TEST(G14_calls_that_never_wait_are_no_cancellation_points)
{
	coqueue_t *q;

	FOR_THREADS_ALONE();
	q = kind_with(kind, 0);
	crew_expect(crew_start(3, try_with_cancel_pending, q, NULL), 0);
	check_usable_as(kind, q);
	ck_ok(coqueue_destroy(q));
}

/* ---- G15: fork ----------------------------------------------------------- */

/* In the child, where no test framework may be used: a line, or 0. */
static int use_in_child(void *arg)
{
	const struct kind *kind = arg;
	coqueue_attr_t attr = kind_attr(kind);
	coqueue_t *q = NULL;
	long item = 5;
	int code;

	if (coqueue_create(&q, kind->capacity, &attr) != 0)
		return 1;
	code = coqueue_try_put(q, &item);
	if (code != (kind_is_rendezvous(kind) ? EAGAIN : 0))
		return 2;
	if (coqueue_try_get(q, &item) != code || item != 5)
		return 3;
	if (coqueue_shutdown(q, COQUEUE_GRACEFUL) != 0 ||
	    coqueue_get(q, &item) != ESHUTDOWN)
		return 4;
	return coqueue_destroy(q) == 0 ? 0 : 5;
}

KIND_TEST(G15_a_child_uses_queues_of_its_own)
{
	coqueue_t *q = kind_with(kind, 0);
	struct crew *crew = crew_block(q, &ops[OP_GET], 2);
	struct kind copy = *kind;

	check_in_child(use_in_child, &copy);
	ck_assert_uint_eq(crew_finished(crew), 0);
	serve_one(q, GETTERS);
	serve_one(q, GETTERS);
	crew_expect(crew, 0);
	check_usable_as(kind, q);
	ck_ok(coqueue_destroy(q));
}

/* ---- G16: progress ------------------------------------------------------- */

KIND_TEST(G16_others_get_on_or_sleep_while_one_is_stopped)
{
	struct turmoil *t;

	FOR_THREADS_ALONE();
	prepare_to_stop();
	t = turmoil_start(kind);
	for (unsigned i = 0; i < scaled(20); i++) {
		turmoil_go_on(t, 100);
		turmoil_gets_on_without_one(t);
	}
	turmoil_end(t);
	finish_stopping();
}

int main(void)
{
	return suite_run_each(
		"kinds",
		TESTS(G1_G2_G4_G5_puts_and_gets_race_with_shutdown,
		      G1_no_put_succeeds_after_a_refusal,
		      G2_what_shutdown_left_is_final_at_its_return,
		      G3_everyone_leaves_in_every_form,
		      G3_getters_peekers_putters_and_joiners_leave_together,
		      G4_each_item_is_got_or_destroyed_or_still_the_callers,
		      G5_graceful_ends_no_get_that_can_be_served,
		      G5_graceful_delivers_all_that_is_left_in_order,
		      G6_items_leave_in_the_order_of_their_kind,
		      G6_bulk_calls_keep_the_order_of_their_kind,
		      G7_it_holds_exactly_its_capacity,
		      G7_threads_that_fill_together_store_exactly_the_capacity,
		      G8_EAGAIN_and_ETIMEDOUT_while_nothing_can_be_done,
		      G8_an_item_or_room_beats_the_deadline,
		      G8_ESHUTDOWN_beats_EAGAIN_and_the_deadline,
		      G8_EAGAIN_is_never_an_artefact_of_a_call_that_is_half_way,
		      G9_what_came_before_a_put_is_seen_after_its_get,
		      G10_cancellations_and_deadlines_lose_no_wake_up,
		      G11_item_destroy_may_call_the_queue,
		      G12_waiters_of_one_side_are_served_in_order,
		      G13_bad_arguments_give_EINVAL_in_every_state,
		      G13_items_that_are_too_large_give_EINVAL_or_ENOMEM,
		      G14_a_cancelled_call_has_no_effect,
		      G14_calls_that_never_wait_are_no_cancellation_points,
		      G15_a_child_uses_queues_of_its_own,
		      G16_others_get_on_or_sleep_while_one_is_stopped),
		N_KINDS);
}
