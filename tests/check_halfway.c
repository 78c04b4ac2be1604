/* SPDX-License-Identifier: MIT */
/*
 * Calls that are stopped half-way, exactly: in the middle of copying their
 * item.  An item is two pages long, and the second page of the stopped call's
 * buffer is out of bounds; the handler of the fault waits until the test lets
 * the call go on.  Meanwhile others must wait for it or get on, but never be
 * told something untrue.
 */
#include "coro.h"

#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
	unsigned char *item; /* two pages, the second one out of bounds */
	sem_t reached, go;
} trap;

static size_t page;

static void on_fault(int signal)
{
	(void)signal;
	sem_post(&trap.reached);
	while (sem_wait(&trap.go))
		;
	mprotect(trap.item + page, page, PROT_READ | PROT_WRITE);
}

static size_t item_size(void)
{
	return 2 * page;
}

static unsigned char *new_item(unsigned char fill)
{
	unsigned char *item = mmap(NULL, item_size(), PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(item, MAP_FAILED);
	memset(item, fill, item_size());
	return item;
}

static bool is_whole(const unsigned char *item, unsigned char fill)
{
	for (size_t i = 0; i < item_size(); i++)
		if (item[i] != fill)
			return false;
	return true;
}

/* The next access to the second page of this item stops there. */
static void set_trap(unsigned char *item)
{
	struct sigaction action = {.sa_handler = on_fault};

	sem_init(&trap.reached, 0, 0);
	sem_init(&trap.go, 0, 0);
	trap.item = item;
	ck_ok(sigaction(SIGSEGV, &action, NULL));
	ck_ok(mprotect(item + page, page, PROT_NONE));
}

static void await_stopped(void)
{
	struct timespec limit;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += limit_ns() / (1000 * MS);
	while (sem_timedwait(&trap.reached, &limit))
		ck_assert_int_eq(errno, EINTR);
}

static void let_go(void)
{
	sem_post(&trap.go);
}

/* Others get every chance to do the wrong thing; none has to happen. */
static void give_a_chance(void)
{
	struct timespec end = from_now(50 * MS);

	while (!is_past(&end))
		sched_yield();
}

/* ---- queues and calls --------------------------------------------------- */

static _Atomic unsigned destroyed, torn;

static void count_destroyed(void *item, void *ctx)
{
	unsigned char fill = *(unsigned char *)item;

	(void)ctx;
	destroyed++;
	torn += !is_whole(item, fill);
}

static coqueue_t *new_queue(size_t capacity)
{
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;
	coqueue_t *q = NULL;

	page = (size_t)sysconf(_SC_PAGESIZE);
	destroyed = torn = 0;
	attr.item_size = item_size();
	attr.item_destroy = count_destroyed;
	ck_ok(coqueue_create(&q, capacity, &attr));
	return q;
}

static int work_put(struct hand *me)
{
	return coqueue_put(me->q, me->arg);
}

static int work_try_put(struct hand *me)
{
	return coqueue_try_put(me->q, me->arg);
}

static int work_get(struct hand *me)
{
	return coqueue_get(me->q, me->arg);
}

static int work_try_get(struct hand *me)
{
	return coqueue_try_get(me->q, me->arg);
}

static int work_peek(struct hand *me)
{
	return coqueue_peek(me->q, me->arg);
}

static int work_destroy(struct hand *me)
{
	return coqueue_destroy(me->q);
}

static int work_graceful(struct hand *me)
{
	return coqueue_shutdown(me->q, COQUEUE_GRACEFUL);
}

static int work_immediate(struct hand *me)
{
	return coqueue_shutdown(me->q, COQUEUE_IMMEDIATE);
}

/* A thread that is stopped in the middle of putting this item. */
static struct crew *stop_a_put(coqueue_t *q, unsigned char *item)
{
	struct crew *putter;

	set_trap(item);
	putter = crew_start(1, work_put, q, item);
	await_stopped();
	return putter;
}

/* A thread that is stopped in the middle of a get or peek into this item. */
static struct crew *stop_a_get(coqueue_t *q, hand_work *work,
			       unsigned char *item)
{
	struct crew *getter;

	set_trap(item);
	getter = crew_start(1, work, q, item);
	await_stopped();
	return getter;
}

static int work_stats(struct hand *me)
{
	stats_of(me->q);
	return 0;
}

/*
 * In the reference build the stopped call holds the lock, and everybody waits
 * for it.  What only the fast path has to get right is not to be seen there.
 */
static bool everybody_waits(coqueue_t *q, struct crew **looker)
{
	struct timespec end = from_now(1000 * MS);

	*looker = crew_start(1, work_stats, q, NULL);
	while (!crew_finished(*looker) && !is_past(&end))
		sched_yield();
	return !crew_finished(*looker);
}

/* ---- a put that is half-way --------------------------------------------- */

/* G6 G8 */
START_TEST(a_get_waits_for_the_half_way_put_in_front)
{
	hand_work *const gets[] = {work_get, work_try_get, work_peek};

	for (int i = 0; i < 3; i++) {
		coqueue_t *q = new_queue(4);
		unsigned char *got = new_item(0);
		struct crew *putter = stop_a_put(q, new_item('a')), *getter,
			    *behind = crew_start(1, work_put, q, new_item('b'));

		give_a_chance();
		getter = crew_start(1, gets[i], q, got);
		give_a_chance();
		ck_assert_uint_eq(crew_finished(getter), 0);
		let_go();
		crew_expect(putter, 0);
		crew_expect(behind, 0);
		crew_expect(getter, 0);
		ck_assert(is_whole(got, 'a'));
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* G7 G8: an item that is on its way in takes up its room. */
START_TEST(a_half_way_put_takes_up_its_room)
{
	coqueue_t *q = new_queue(1);
	struct crew *putter = stop_a_put(q, new_item('a')),
		    *other = crew_start(1, work_try_put, q, new_item('b'));

	give_a_chance();
	let_go();
	crew_expect(putter, 0);
	crew_expect(other, EAGAIN);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* G16: who waits for the half-way put sleeps, blocking call or not. */
START_TEST(who_waits_for_a_half_way_call_sleeps)
{
	hand_work *const gets[] = {work_get, work_try_get, work_peek};

	for (int i = 0; i < 3; i++) {
		coqueue_t *q = new_queue(4);
		struct crew *putter = stop_a_put(q, new_item('a')),
			    *getter = crew_start(1, gets[i], q, new_item(0));
		struct timespec end = from_now(500 * MS);

		while (!is_past(&end) && crew_cpu_time(getter) < 60 * MS)
			sched_yield();
		ck_assert_int_lt(crew_cpu_time(getter), 60 * MS);
		let_go();
		crew_expect(putter, 0);
		crew_expect(getter, 0);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* G2: whatever the mode, the put is over when shutdown returns. */
START_TEST(E15_E16_shutdown_waits_for_a_half_way_put)
{
	hand_work *const ways[] = {work_graceful, work_immediate, work_destroy};

	for (int i = 0; i < 3; i++) {
		coqueue_t *q = new_queue(4);
		unsigned char *got = new_item(0);
		struct crew *putter = stop_a_put(q, new_item('a')),
			    *ender = crew_start(1, ways[i], q, NULL);

		give_a_chance();
		ck_assert_uint_eq(crew_finished(ender), 0);
		let_go();
		crew_expect(putter, 0);
		crew_expect(ender, 0);
		if (ways[i] == work_graceful) {
			ck_ok(coqueue_try_get(q, got));
			ck_assert(is_whole(got, 'a'));
			ck_code(coqueue_try_get(q, got), ESHUTDOWN);
		} else {
			ck_assert_uint_eq(destroyed, 1);
		}
		if (ways[i] != work_destroy)
			ck_ok(coqueue_destroy(q));
		ck_assert_uint_eq(torn, 0);
	}
}
END_TEST

/* G2: each of several shutdowns keeps the promise. */
START_TEST(E38_each_of_several_shutdowns_waits_for_a_half_way_put)
{
	coqueue_t *q = new_queue(4);
	struct crew *putter = stop_a_put(q, new_item('a')),
		    *graceful = crew_start(2, work_graceful, q, NULL),
		    *immediate = crew_start(2, work_immediate, q, NULL);

	give_a_chance();
	ck_assert_uint_eq(crew_finished(graceful), 0);
	ck_assert_uint_eq(crew_finished(immediate), 0);
	let_go();
	crew_expect(putter, 0);
	crew_expect(graceful, 0);
	crew_expect(immediate, 0);
	ck_assert_uint_eq(destroyed, 1);
	ck_assert_uint_eq(torn, 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* G3 G5: getters that wait for the half-way put get it, or ESHUTDOWN. */
START_TEST(E09_getters_leave_when_a_half_way_put_is_the_last)
{
	coqueue_t *q = new_queue(4);
	unsigned char *got = new_item(0);
	struct crew *putter = stop_a_put(q, new_item('a')),
		    *getters = crew_start(3, work_get, q, got), *ender;

	give_a_chance();
	ender = crew_start(1, work_graceful, q, NULL);
	give_a_chance();
	ck_assert_uint_eq(crew_finished(getters), 0);
	let_go();
	crew_expect(putter, 0);
	crew_expect(ender, 0);
	crew_join(getters);
	ck_assert_uint_eq(crew_count(getters, 0), 1);
	ck_assert_uint_eq(crew_count(getters, ESHUTDOWN), 2);
	ck_assert(is_whole(got, 'a'));
	crew_free(getters);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* G16: shutdown wakes each of them once, though all must sleep again. */
START_TEST(shutdown_does_not_storm_at_getters_behind_a_half_way_put)
{
	coqueue_t *q = new_queue(4);
	unsigned char *got = new_item(0);
	struct crew *putter = stop_a_put(q, new_item('a')),
		    *getters = crew_start(20, work_get, q, got), *ender;
	struct timespec end = from_now(300 * MS);

	give_a_chance();
	ender = crew_start(1, work_graceful, q, NULL);
	while (!is_past(&end) && crew_cpu_time(ender) < 60 * MS)
		sched_yield();
	ck_assert_int_lt(crew_cpu_time(ender), 60 * MS);
	let_go();
	crew_expect(putter, 0);
	crew_expect(ender, 0);
	crew_join(getters);
	ck_assert_uint_eq(crew_count(getters, 0), 1);
	ck_assert_uint_eq(crew_count(getters, ESHUTDOWN), 19);
	crew_free(getters);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* G16: whoever fills the hole wakes as many as it makes ready. */
START_TEST(a_half_way_put_wakes_for_those_that_are_complete_behind_it)
{
	coqueue_t *q = new_queue(4);
	struct crew *first = crew_start(1, work_get, q, new_item(0)), *others,
		    *putter, *looker;

	await_waiting(q, GETTERS, 1);
	others = crew_start(2, work_get, q, new_item(0));
	await_waiting(q, GETTERS, 3);
	prepare_to_stop();
	putter = stop_a_put(q, new_item('a'));
	if (!everybody_waits(q, &looker)) {
		stop_thread(&first->hands[0]);
		ck_ok(coqueue_put(q, new_item('b')));
		ck_ok(coqueue_put(q, new_item('c')));
		let_go();
		await(crew_finished(others) == 2);
		ck_assert_uint_eq(crew_finished(first), 0);
		thaw_thread();
	} else {
		let_go();
		ck_ok(coqueue_put(q, new_item('b')));
		ck_ok(coqueue_put(q, new_item('c')));
	}
	crew_expect(looker, 0);
	crew_expect(putter, 0);
	crew_expect(others, 0);
	crew_expect(first, 0);
	finish_stopping();
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* G3 G16: who takes the last item of a closed queue sends the others home. */
START_TEST(E03_a_stopped_getter_keeps_no_ESHUTDOWN_from_the_others)
{
	coqueue_t *q = new_queue(4);
	unsigned char *got = new_item(0);
	struct crew *first = crew_start(1, work_get, q, new_item(0)), *others,
		    *putter, *looker, *ender;
	bool all_wait;

	await_waiting(q, GETTERS, 1);
	others = crew_start(2, work_get, q, new_item(0));
	await_waiting(q, GETTERS, 3);
	prepare_to_stop();
	putter = stop_a_put(q, new_item('a'));
	all_wait = everybody_waits(q, &looker);
	if (!all_wait)
		stop_thread(&first->hands[0]);
	ender = crew_start(1, work_graceful, q, NULL);
	give_a_chance();
	let_go();
	crew_expect(looker, 0);
	crew_expect(putter, 0);
	if (!all_wait) {
		int err;

		/* the shutdown has woken all whom it wakes */
		crew_expect(ender, 0);
		/* one of the others or this: the item goes to one of three */
		err = coqueue_try_get(q, got);
		await(crew_finished(others) == 2);
		ck_assert_uint_eq(crew_finished(first), 0);
		crew_join(others);
		ck_assert_uint_eq(crew_count(others, 0), err != 0);
		thaw_thread();
	} else {
		crew_expect(ender, 0);
	}
	crew_join(others);
	crew_free(others);
	crew_join(first);
	crew_free(first);
	finish_stopping();
	ck_ok(coqueue_destroy(q));
}
END_TEST

static int work_interrupt(struct hand *me)
{
	return coqueue_interrupt(me->q);
}

/* The first verdict stands, also when a shutdown comes before it is heard. */
START_TEST(E46_shutdown_takes_back_no_interrupt)
{
	coqueue_t *q = new_queue(4);
	struct crew *getter = crew_start(1, work_get, q, new_item(0)), *putter,
		    *looker, *interrupter, *ender;

	await_waiting(q, GETTERS, 1);
	prepare_to_stop();
	putter = stop_a_put(q, new_item('a'));
	if (!everybody_waits(q, &looker)) {
		stop_thread(&getter->hands[0]);
		interrupter = crew_start(1, work_interrupt, q, NULL);
		crew_expect(interrupter, 0);
		ender = crew_start(1, work_graceful, q, NULL);
		await(coqueue_state(q) == COQUEUE_DRAINING);
		give_a_chance();
		thaw_thread();
		await(crew_finished(getter) == 1);
		let_go();
		crew_expect(getter, EINTR);
	} else {
		let_go();
		ender = crew_start(1, work_graceful, q, NULL);
		crew_expect(getter, 0);
	}
	crew_expect(looker, 0);
	crew_expect(putter, 0);
	crew_expect(ender, 0);
	finish_stopping();
	ck_ok(coqueue_destroy(q));
}
END_TEST

static int work_get_soon(struct hand *me)
{
	struct timespec soon = from_now(5 * MS);

	return coqueue_get_until(me->q, me->arg, &soon);
}

/* G8: an item that takes up room is there, and beats the deadline. */
START_TEST(E08_a_half_way_item_beats_the_deadline)
{
	coqueue_t *q = new_queue(1);
	unsigned char *got = new_item(0);
	struct crew *putter = stop_a_put(q, new_item('a')),
		    *getter = crew_start(1, work_get_soon, q, got);
	struct timespec later = from_now(50 * MS);

	while (!is_past(&later))
		sched_yield();
	let_go();
	crew_expect(putter, 0);
	crew_expect(getter, 0);
	ck_assert(is_whole(got, 'a'));
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* For a parked call it may be taken while that waits, or by the put itself. */
START_TEST(E08_a_half_way_item_beats_the_deadline_of_a_parked_call)
{
	struct coro_pool *pool = coro_pool_start(1, CORO_PLAIN);

	for (int round = 0; round < 10; round++) {
		coqueue_t *q = new_queue(1);
		unsigned char *got = new_item(0);
		struct crew *getter, *putter;

		getter = coro_start(pool, 1, work_get_soon, q, got);
		await(waiting_in(q, GETTERS) == 1 || crew_finished(getter));
		putter = stop_a_put(q, new_item('a'));
		give_a_chance(); /* to be at its deadline */
		let_go();
		crew_expect(putter, 0);
		crew_join(getter);
		if (crew_count(getter, 0))
			ck_assert(is_whole(got, 'a'));
		else
			ck_ok(coqueue_get(q, got));
		crew_free(getter);
		ck_ok(coqueue_destroy(q));
	}
	coro_pool_end(pool);
}
END_TEST

/* ---- a get that is half-way --------------------------------------------- */

/* G8: the slot is neither full nor free. */
START_TEST(a_put_waits_for_the_half_way_get_in_its_slot)
{
	hand_work *const puts[] = {work_put, work_try_put};

	for (int i = 0; i < 2; i++) {
		coqueue_t *q = new_queue(1);
		unsigned char *got = new_item(0);
		struct crew *getter, *putter;

		ck_ok(coqueue_put(q, new_item('a')));
		getter = stop_a_get(q, work_get, got);
		putter = crew_start(1, puts[i], q, new_item('b'));
		give_a_chance();
		ck_assert_uint_eq(crew_finished(putter), 0);
		let_go();
		crew_expect(getter, 0);
		crew_expect(putter, 0);
		ck_assert(is_whole(got, 'a'));
		ck_ok(coqueue_destroy(q));
		ck_assert_uint_eq(destroyed, 1);
	}
}
END_TEST

/* G4 */
START_TEST(E34_a_half_way_get_keeps_its_item_through_shutdown)
{
	hand_work *const ways[] = {work_immediate, work_destroy};

	for (int i = 0; i < 2; i++) {
		coqueue_t *q = new_queue(4);
		unsigned char *got = new_item(0);
		struct crew *getter, *ender;

		ck_ok(coqueue_put(q, new_item('a')));
		ck_ok(coqueue_put(q, new_item('b')));
		getter = stop_a_get(q, work_get, got);
		ender = crew_start(1, ways[i], q, NULL);
		give_a_chance();
		let_go();
		crew_expect(getter, 0);
		crew_expect(ender, 0);
		ck_assert(is_whole(got, 'a'));
		ck_assert_uint_eq(destroyed, 1);
		ck_assert_uint_eq(torn, 0);
		if (ways[i] != work_destroy)
			ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* The short way, which threads take that liburcu knows. */
static int work_look_and_get(struct hand *me)
{
	(void)coqueue_size(me->q);
	return coqueue_get(me->q, me->arg);
}

static int work_pass_through(struct hand *me)
{
	int err = 0;

	for (int i = 0; i < 400 && !err; i++) {
		err = coqueue_put(me->q, me->arg);
		if (!err)
			err = coqueue_get(me->q, me->arg);
	}
	return err;
}

/*
 * Of an unbounded queue, a get that was stopped keeps segments from being used
 * again; it gives them back when it goes on, and nobody else has to come.  (In
 * the reference build others do not get past it.)
 */
START_TEST(a_half_way_get_gives_back_what_had_to_wait_for_it)
{
	const long few = 1 << 20; /* of 3.2 MB */
	hand_work *const gets[] = {work_get, work_look_and_get};

	for (int way = 0; way < 2; way++) {
		coqueue_t *q = new_queue(COQUEUE_UNBOUNDED);
		unsigned char *got = new_item(0), *item = new_item('b');
		struct crew *getter, *other;
		long before = resident();

		ck_ok(coqueue_put(q, new_item('a')));
		getter = stop_a_get(q, gets[way], got);
		other = crew_start(1, work_pass_through, q, item);
		for (int i = 0; i < 20 && !crew_finished(other); i++)
			give_a_chance();
		let_go();
		crew_expect(getter, 0);
		crew_expect(other, 0);
		ck_assert(is_whole(got, 'a') && is_whole(item, 'b'));
		if (!UNDER_ASAN && !UNDER_TSAN)
			ck_assert_int_lt(resident(), before + few);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

static int work_replace(struct hand *me)
{
	unsigned char *taken = new_item(0);
	int err = coqueue_get(me->q, taken);

	return err ? err : coqueue_put(me->q, me->arg);
}

/* The slot that a peek is reading is overwritten under its eyes. */
START_TEST(a_half_way_peek_never_shows_two_halves)
{
	coqueue_t *q = new_queue(1);
	unsigned char *seen = new_item(0);
	struct crew *peeker, *replacer;

	ck_ok(coqueue_put(q, new_item('a')));
	peeker = stop_a_get(q, work_peek, seen);
	replacer = crew_start(1, work_replace, q, new_item('b'));
	give_a_chance();
	let_go();
	crew_expect(peeker, 0);
	crew_expect(replacer, 0);
	ck_assert(is_whole(seen, 'a') || is_whole(seen, 'b'));
	ck_ok(coqueue_destroy(q));
}
END_TEST

int main(void)
{
	return suite_run(
		"halfway",
		TESTS(a_get_waits_for_the_half_way_put_in_front,
		      a_half_way_put_takes_up_its_room,
		      who_waits_for_a_half_way_call_sleeps,
		      E15_E16_shutdown_waits_for_a_half_way_put,
		      E38_each_of_several_shutdowns_waits_for_a_half_way_put,
		      E09_getters_leave_when_a_half_way_put_is_the_last,
		      shutdown_does_not_storm_at_getters_behind_a_half_way_put,
		      a_half_way_put_wakes_for_those_that_are_complete_behind_it,
		      E03_a_stopped_getter_keeps_no_ESHUTDOWN_from_the_others,
		      E46_shutdown_takes_back_no_interrupt,
		      E08_a_half_way_item_beats_the_deadline,
		      E08_a_half_way_item_beats_the_deadline_of_a_parked_call,
		      a_put_waits_for_the_half_way_get_in_its_slot,
		      E34_a_half_way_get_keeps_its_item_through_shutdown,
		      a_half_way_get_gives_back_what_had_to_wait_for_it,
		      a_half_way_peek_never_shows_two_halves));
}
