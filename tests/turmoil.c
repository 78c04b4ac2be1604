/* SPDX-License-Identifier: MIT */
#include <config.h>
#include "turmoil.h"

enum {
	MANY = 3,     /* items of a bulk call */
	CROWDED = 500 /* items: putters go slow */
};

struct tally {
	uint64_t items, sum;
};

/*
 * What is known of a hand beside its thread, which may be cancelled.  Putters
 * and getters move items; a getter remembers the newest of each putter.
 */
struct actor {
	uint64_t random;
	struct tally tally;
	long newest[TURMOIL_HANDS];
	/* the call under way */
	long items[MANY];
	size_t moved;
};

enum stage {
	RUNNING,
	DRAINING, /* putters and joiners go home */
	CLOSING   /* getters too; who waits is interrupted */
};

struct turmoil {
	const struct kind *kind;
	coqueue_t *q;
	struct crew *crew;
	_Atomic int stage;
	_Atomic uint64_t calls;
	uint64_t random;
	struct actor actors[TURMOIL_HANDS];
};

static const enum line lines[TURMOIL_HANDS] = {PUTTERS, PUTTERS, GETTERS,
					       GETTERS, JOINERS};

/* Bulk calls of several items, for which the table of all calls has no form. */
static const struct op put_several = {"put_many", PUTTERS, UNTIL, false, NULL},
		       get_several = {"get_many", GETTERS, UNTIL, false, NULL};

/* ---- items -------------------------------------------------------------- */

/* The next of this putter; also those it could not put have a number. */
static long make_item(struct actor *a, unsigned putter)
{
	return ++a->newest[putter] * TURMOIL_HANDS + putter;
}

static int check_order(struct hand *me, const struct actor *a, long item)
{
	const struct turmoil *t = me->arg;
	long number = item / TURMOIL_HANDS, putter = item % TURMOIL_HANDS;

	if (number <= 0 || putter < 0 || lines[putter] != PUTTERS)
		return complain(me, "item %ld from nowhere", item);
	if (t->kind->order != COQUEUE_LIFO && number <= a->newest[putter])
		return complain(me, "item %ld of %ld is late", number, putter);
	return 0;
}

/* Account for what the last call has moved, also if it was cancelled. */
static int settle(struct hand *me, struct actor *a)
{
	int code = 0;

	for (size_t i = 0; i < a->moved && code == 0; i++) {
		uint64_t hash = (uint64_t)a->items[i];

		a->tally.items++;
		a->tally.sum += random_next(&hash);
		if (lines[me->index] != GETTERS)
			continue;
		code = check_order(me, a, a->items[i]);
		a->newest[a->items[i] % TURMOIL_HANDS] =
			a->items[i] / TURMOIL_HANDS;
	}
	if (code == 0 && lines[me->index] == GETTERS &&
	    coqueue_task_done(me->q, a->moved) != 0)
		return complain(me, "task_done failed");
	a->moved = 0;
	return code;
}

/* ---- calls -------------------------------------------------------------- */

/* For ever, not at all, or for a moment. */
static const struct timespec *choose_deadline(struct actor *a,
					      struct timespec *moment)
{
	switch (random_below(&a->random, 3)) {
	case 0:
		return NULL;
	case 1:
		return COQUEUE_NOWAIT;
	}
	*moment = from_now((int64_t)random_below(&a->random, 2000) * 1000);
	return moment;
}

/* One of its line, the bulk call among them as if it had a row of its own; but
 * none that would wait for ever. */
static const struct op *choose_op(const struct turmoil *t, struct actor *a,
				  enum line line)
{
	const struct op *op;
	unsigned i;

	do {
		i = random_below(&a->random, N_OPS + 2);
		op = i < N_OPS ? &ops[i]
			       : (i == N_OPS ? &put_several : &get_several);
	} while (op->line != line || !kind_can_serve(t->kind, op));
	return op;
}

static int make_call(struct hand *me, struct actor *a, const struct op *op,
		     const struct timespec *deadline)
{
	size_t n = op->call ? 1 : 1 + random_below(&a->random, MANY);
	int code;

	if (op->line == PUTTERS)
		for (size_t i = 0; i < n; i++)
			a->items[i] = make_item(a, me->index);
	if (op == &put_several)
		return coqueue_put_many(me->q, a->items, n, deadline,
					&a->moved);
	if (op == &get_several)
		return coqueue_get_many(me->q, a->items, n, deadline,
					&a->moved);
	code = op_call(op, me->q, a->items, deadline);
	a->moved = code == 0 && !op->keeps;
	return code;
}

static bool may_return(const struct turmoil *t, const struct op *op,
		       const struct timespec *deadline, int code)
{
	bool waits = op->form == PLAIN || !deadline,
	     tries = op->form == TRY || deadline == COQUEUE_NOWAIT;

	switch (code) {
	case 0:
		return true;
	case EAGAIN:
		return op->form != PLAIN && tries;
	case ETIMEDOUT:
		return !waits && !tries && is_past(deadline);
	case EINTR:
		return atomic_load(&t->stage) == CLOSING;
	}
	return false;
}

static int call_any(struct hand *me, struct turmoil *t, struct actor *a)
{
	struct timespec moment;
	const struct timespec *deadline = choose_deadline(a, &moment);
	const struct op *op = choose_op(t, a, lines[me->index]);
	int code = make_call(me, a, op, deadline);

	if (!may_return(t, op, deadline, code))
		return complain(me, "%s gives %s", op->name, code_name(code));
	if (code == 0 && op->line == GETTERS && op->keeps)
		return check_order(me, a, a->items[0]);
	return settle(me, a);
}

static int look(struct hand *me)
{
	coqueue_stats_t stats = {.size = sizeof(stats)};

	if (coqueue_size(me->q) > coqueue_capacity(me->q))
		return complain(me, "larger than its capacity");
	if (coqueue_stats(me->q, &stats) != 0 || stats.puts < stats.gets)
		return complain(me, "more got than put");
	return 0;
}

/* Now and then keep away, so that the others have to wait. */
static void rest(struct hand *me, struct actor *a)
{
	bool crowded =
		lines[me->index] == PUTTERS && coqueue_size(me->q) > CROWDED;
	struct timespec span = {0, random_below(&a->random, 200) * 1000L};
	int cancel;

	if (!crowded && random_below(&a->random, 32) > 0)
		return;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL);
	pthread_setcancelstate(cancel, NULL);
}

static int act(struct hand *me)
{
	struct turmoil *t = me->arg;
	struct actor *a = &t->actors[me->index];
	enum line line = lines[me->index];
	int last = line == GETTERS ? DRAINING : RUNNING, code = 0;

	while (code == 0 && atomic_load(&t->stage) <= last) {
		code = call_any(me, t, a);
		if (code == 0 && line == JOINERS)
			code = look(me);
		atomic_fetch_add(&t->calls, 1);
		rest(me, a);
		if (t->kind->capacity > CROWDED || kind_is_rendezvous(t->kind))
			pthread_testcancel(); /* its calls need never wait */
	}
	return code;
}

/* ---- the whole ---------------------------------------------------------- */

struct turmoil *turmoil_start(const struct kind *kind)
{
	struct turmoil *t = calloc(1, sizeof(*t));

	ck_assert_ptr_nonnull(t);
	t->kind = kind;
	t->q = kind_with(kind, 0);
	t->random = suite_seed() + (uint64_t)(kind - kinds);
	for (unsigned i = 0; i < TURMOIL_HANDS; i++)
		t->actors[i].random = random_next(&t->random);
	t->crew = crew_start(TURMOIL_HANDS, act, t->q, t);
	return t;
}

struct crew *turmoil_crew(struct turmoil *t)
{
	return t->crew;
}

/* A complaint must not be drowned by the hang that it leads to. */
static bool checked(struct turmoil *t)
{
	crew_check(t->crew);
	return true;
}

void turmoil_go_on(struct turmoil *t, unsigned calls_max)
{
	uint64_t enough = atomic_load(&t->calls) +
			  random_below(&t->random, calls_max + 1);

	await(checked(t) && atomic_load(&t->calls) >= enough);
}

unsigned turmoil_choose(struct turmoil *t, unsigned limit)
{
	return random_below(&t->random, limit);
}

bool turmoil_gets_on_without_one(struct turmoil *t)
{
	return crew_gets_on_without(t->crew, turmoil_choose(t, TURMOIL_HANDS),
				    &t->calls, t->kind->name);
}

void turmoil_cancel(struct turmoil *t, unsigned hand)
{
	crew_cancel_one(t->crew, hand);
	settle(&t->crew->hands[hand], &t->actors[hand]);
	crew_restart_one(t->crew, hand);
}

static struct tally total(const struct turmoil *t, enum line line)
{
	struct tally sum = {0, 0};

	for (unsigned i = 0; i < TURMOIL_HANDS; i++)
		if (lines[i] == line) {
			sum.items += t->actors[i].tally.items;
			sum.sum += t->actors[i].tally.sum;
		}
	return sum;
}

static bool all_have_left(struct turmoil *t)
{
	ck_ok(coqueue_interrupt(t->q));
	return crew_finished(t->crew) == TURMOIL_HANDS;
}

void turmoil_end(struct turmoil *t)
{
	struct tally put, got;

	await(checked(t) && stats_of(t->q).puts > 0);
	atomic_store(&t->stage, DRAINING);
	await(checked(t) && crew_finished(t->crew) >= TURMOIL_HANDS - 2);
	await(checked(t) && coqueue_unfinished(t->q) == 0);
	atomic_store(&t->stage, CLOSING);
	await(all_have_left(t));
	crew_expect(t->crew, 0);
	for (enum line line = PUTTERS; line < N_LINES; line++)
		ck_assert_uint_eq(waiting_in(t->q, line), 0);
	put = total(t, PUTTERS);
	got = total(t, GETTERS);
	ck_assert_uint_gt(put.items, 0);
	ck_assert_uint_eq(put.items, got.items);
	ck_assert_uint_eq(put.sum, got.sum);
	ck_assert_uint_eq(stats_of(t->q).puts, put.items);
	check_usable_as(t->kind, t->q);
	ck_ok(coqueue_destroy(t->q));
	free(t);
}

void turmoil_suffer(unsigned times, void unkind(struct turmoil *t, unsigned i))
{
	for_each_kind(kind) {
		struct turmoil *t = turmoil_start(kind);

		for (unsigned i = (unsigned)(kind - kinds); i < times;
		     i += N_KINDS)
			unkind(t, i);
		turmoil_end(t);
	}
}
