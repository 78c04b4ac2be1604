/* SPDX-License-Identifier: MIT */
/*
 * What coqueue-bench compares with, how it holds producers back, what it makes of
 * samples and how it runs coroutines: a queue by hand that got its order wrong, a
 * window that is always open, or coroutines that never park would still give
 * figures.
 */
#include <config.h>
#include "crew.h"
#include "../tools/bench_coroutines.h"
#include "../tools/bench_distance.h"
#include "../tools/bench_figures.h"
#include "../tools/bench_window.h"
#include "../tools/bench_workers.h"
#include "../tools/textbook.h"

#include <coqueue/waiter.h>

enum { ITEMS = 1000 };

/* ---- textbook queues ---------------------------------------------------- */

/* An item: what the heap compares, and how many were put before it. */
#define ITEM(rank, number) ((void *)(uintptr_t)((rank)*ITEMS + (number)))
#define RANK(item) ((uintptr_t)(item) / ITEMS)

static int by_rank(const void *a, const void *b, void *ctx)
{
	uintptr_t x = RANK(*(void *const *)a), y = RANK(*(void *const *)b);

	(void)ctx;
	return (x > y) - (x < y);
}

START_TEST(ring_gives_the_first_item_and_is_empty_when_it_stops)
{
	struct textbook *b = textbook_ring_create(3, sizeof(void *));
	uintptr_t i;
	void *item;

	for (i = 1; i < ITEMS; i++) {
		ck_ok(textbook_ring_put(b, ITEM(0, i)));
		ck_ok(textbook_ring_put(b, ITEM(1, i)));
		ck_ok(textbook_ring_get(b, &item));
		ck_assert_ptr_eq(item, ITEM(0, i));
		ck_ok(textbook_ring_get(b, &item));
		ck_assert_ptr_eq(item, ITEM(1, i));
	}
	ck_ok(textbook_ring_put(b, ITEM(2, 0)));
	textbook_shutdown(b);
	ck_code(textbook_ring_put(b, item), ESHUTDOWN);
	ck_ok(textbook_ring_get(b, &item));
	ck_assert_ptr_eq(item, ITEM(2, 0));
	ck_code(textbook_ring_get(b, &item), ESHUTDOWN);
	textbook_destroy(b);
}
END_TEST

START_TEST(ring_gives_the_values_that_were_put)
{
	struct {
		long rank, number;
		char name[5];
	} item = {0, 0, "item"}, back;
	struct textbook *b = textbook_ring_create(3, sizeof(item));

	for (item.number = 1; item.number < ITEMS; item.number++) {
		for (item.rank = 0; item.rank < 2; item.rank++)
			ck_ok(textbook_ring_put_value(b, &item));
		for (item.rank = 0; item.rank < 2; item.rank++) {
			memset(&back, 0, sizeof(back));
			ck_ok(textbook_ring_get_value(b, &back));
			ck_assert(!memcmp(&back, &item, sizeof(item)));
		}
	}
	textbook_shutdown(b);
	ck_code(textbook_ring_put_value(b, &item), ESHUTDOWN);
	ck_code(textbook_ring_get_value(b, &back), ESHUTDOWN);
	textbook_destroy(b);
}
END_TEST

START_TEST(stack_gives_the_last_item)
{
	struct textbook *b = textbook_stack_create(ITEMS);
	uintptr_t i;
	void *item;

	for (i = 0; i < ITEMS; i++)
		ck_ok(textbook_stack_put(b, ITEM(0, i)));
	while (i-- > 0) {
		ck_ok(textbook_stack_get(b, &item));
		ck_assert_ptr_eq(item, ITEM(0, i));
	}
	textbook_destroy(b);
}
END_TEST

START_TEST(heap_gives_the_smallest_item_equal_ones_in_order)
{
	struct textbook *b = textbook_heap_create(ITEMS, by_rank);
	uint64_t seed = suite_seed();
	void *item, *before = NULL;
	uintptr_t i;

	for (i = 0; i < ITEMS; i++)
		ck_ok(textbook_heap_put(b, ITEM(random_below(&seed, 20), i)));
	for (i = 0; i < ITEMS; i++) {
		ck_ok(textbook_heap_get(b, &item));
		ck_assert(i == 0 || (uintptr_t)before < (uintptr_t)item);
		before = item;
	}
	textbook_destroy(b);
}
END_TEST

START_TEST(list_gives_the_first_item)
{
	struct textbook_list *b = textbook_list_create();
	uintptr_t i;
	void *item;
	int round;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < ITEMS; i++)
			ck_ok(textbook_list_put(b, ITEM(0, i)));
		for (i = 0; i < ITEMS; i++) {
			ck_ok(textbook_list_get(b, &item));
			ck_assert_ptr_eq(item, ITEM(0, i));
		}
	}
	ck_ok(textbook_list_put(b, ITEM(1, 0))); /* destroyed with it */
	textbook_list_shutdown(b);
	ck_code(textbook_list_put(b, item), ESHUTDOWN);
	textbook_list_destroy(b);
}
END_TEST

static _Atomic int begun; /* puts */

static int put_two(struct hand *me)
{
	int err, i;

	for (i = 0; i < 2; i++) {
		atomic_store(&begun, i + 1);
		err = textbook_meeting_put(me->arg, ITEM(1, i));
		if (err)
			return err;
	}
	return 0;
}

START_TEST(meeting_put_returns_when_its_item_was_taken)
{
	struct textbook_meeting *b = textbook_meeting_create();
	struct crew *crew = crew_start(1, put_two, NULL, b);
	void *item;

	ck_ok(textbook_meeting_get(b, &item));
	ck_assert_ptr_eq(item, ITEM(1, 0));
	await(atomic_load(&begun) == 2);
	ck_assert_int_eq(crew_finished(crew), 0);
	ck_ok(textbook_meeting_get(b, &item));
	ck_assert_ptr_eq(item, ITEM(1, 1));
	crew_expect(crew, 0);
	textbook_meeting_destroy(b);
}
END_TEST

START_TEST(meeting_put_that_is_stopped_keeps_its_item)
{
	struct textbook_meeting *b = textbook_meeting_create();
	struct crew *crew = crew_start(2, put_two, NULL, b);
	void *item;

	await(atomic_load(&begun) > 0);
	textbook_meeting_shutdown(b);
	crew_expect(crew, ESHUTDOWN);
	ck_code(textbook_meeting_get(b, &item), ESHUTDOWN);
	textbook_meeting_destroy(b);
}
END_TEST

/* ---- the window --------------------------------------------------------- */

enum { STEPS = BENCH_WINDOW / BENCH_WINDOW_STEP };

static _Atomic uint64_t taken; /* steps */
static _Atomic bool enough;

static int take_steps(struct hand *me)
{
	while (!atomic_load(&enough)) {
		bench_window_take(me->arg);
		atomic_fetch_add(&taken, 1);
	}
	return 0;
}

static void give_steps(struct bench_window *window, unsigned n)
{
	while (n-- > 0)
		bench_window_give(window);
}

/* Those who take them rest, after so many. */
static void check_taken(struct crew *crew, uint64_t steps)
{
	await(atomic_load(&taken) >= steps);
	ck_assert(!crew_gets_on(crew, &taken, "window"));
	ck_assert_uint_eq(atomic_load(&taken), steps);
}

START_TEST(window_holds_producers_until_half_of_it_is_free)
{
	struct bench_window *window = bench_window_create();
	struct crew *crew = crew_start(3, take_steps, NULL, window), *late;

	check_taken(crew, STEPS);
	give_steps(window, STEPS / 2 - 1);
	check_taken(crew, STEPS);
	late = crew_start(1, take_steps, NULL, window);
	check_taken(late, STEPS);
	give_steps(window, 1);
	check_taken(crew, STEPS + STEPS / 2);
	atomic_store(&enough, true);
	give_steps(window, STEPS / 2);
	crew_expect(crew, 0);
	crew_expect(late, 0);
	bench_window_destroy(window);
}
END_TEST

/* ---- times of single items ---------------------------------------------- */

START_TEST(items_are_timed_in_their_phase_alone)
{
	static struct histogram times;
	struct bench_run run = {.times = &times};
	struct bench_worker w = {.run = &run};
	struct bench_sample sample;
	unsigned i;

	bench_record(&w, 1000000);
	run.phase = BENCH_TIMED;
	for (i = 0; i < 1000; i++)
		bench_record(&w, i < 900 ? 10 : i < 995 ? 20 : 30);
	run.phase = BENCH_STOPPED;
	bench_record(&w, 1000000);
	ck_assert_uint_eq(times.count, 1000);
	bench_read_percentiles(&times, &sample);
	ck_assert_double_eq(sample.percentiles[BENCH_P50], 10);
	ck_assert_double_eq(sample.percentiles[BENCH_P99], 20);
	ck_assert_double_eq(sample.percentiles[BENCH_P99_9], 30);
}
END_TEST

static void check_wait(unsigned pace)
{
	const struct bench_workload paced = {.pace = pace};
	struct bench_worker w = {.run = NULL};
	struct bench_run run = {
		.workload = &paced, .workers = &w, .producers = 1};
	uint64_t next = bench_clock();
	double before = 0;
	int i;

	w.run = &run;
	for (i = 0; i < 10; i++) {
		bench_wait_until(&w, next += pace);
		ck_assert_uint_ge(bench_clock(), next);
		ck_assert_double_gt(bench_seconds_waited(&run), before);
		before = bench_seconds_waited(&run);
	}
}

START_TEST(who_waits_for_his_time_waits_until_then)
{
	check_wait(BENCH_SLEEP / 10);
	check_wait(BENCH_SLEEP * 10);
}
END_TEST

/* ---- figures ------------------------------------------------------------ */

enum { SAMPLES = 3 };

static struct bench_sample samples_of_first[] = {
	{.ns = 60, .cpu_ns = 6, .items = 1},
	{.ns = 20, .cpu_ns = 2, .items = 1},
	{.ns = 40, .cpu_ns = 9, .items = 1}};
static struct bench_sample samples_of_coqueue[] = {
	{.ns = 10, .cpu_ns = 3, .items = 1},
	{.ns = 20, .cpu_ns = 2, .items = 1},
	{.ns = 5, .cpu_ns = 1, .items = 1}};
static struct bench_sample samples_of_other[] = {
	{.ns = 21, .cpu_ns = 3, .items = 1},
	{.ns = 40, .cpu_ns = 2, .items = 1},
	{.ns = 30, .cpu_ns = 1, .items = 1}};
static const struct bench_peer peer_first = {"first", "", NULL};
static const struct bench_peer peer_coqueue = {"coqueue", "", NULL};
static const struct bench_peer peer_other = {"other", "", NULL};

static const struct bench_workload timed = {.shape = BENCH_ROUNDTRIP};
static const struct bench_workload of_memory = {.shape = BENCH_MEMORY};

enum { FIRST, COQUEUE, OTHER };

static struct bench_result measured(void)
{
	return (struct bench_result){
		.workload = &timed,
		.n_entries = 3,
		.entries = {{&peer_first, false, samples_of_first},
			    {&peer_coqueue, false, samples_of_coqueue},
			    {&peer_other, false, samples_of_other}},
	};
}

/* Of the first so many samples. */
static void check_spread(unsigned entry, unsigned n, enum bench_figure figure,
			 double median, double min, double max)
{
	struct bench_result r = measured();
	struct bench_spread s =
		bench_spread_of(&r, &r.entries[entry], n, figure);

	ck_assert(bench_has_figure(&r, &r.entries[entry], figure));
	ck_assert_double_eq(s.median, median);
	ck_assert_double_eq(s.min, min);
	ck_assert_double_eq(s.max, max);
}

START_TEST(figures_are_the_median_and_the_ends)
{
	check_spread(FIRST, SAMPLES, BENCH_NS, 40, 20, 60);
	check_spread(FIRST, SAMPLES, BENCH_CPU_NS, 6, 2, 9);
	check_spread(FIRST, 2, BENCH_NS, 40, 20, 60);
	check_spread(FIRST, 1, BENCH_NS, 60, 60, 60);
}
END_TEST

START_TEST(percentiles_are_of_workloads_that_time_items)
{
	struct bench_result r = measured();
	unsigned i;

	for (i = 0; i < SAMPLES; i++) {
		samples_of_first[i].percentiles[BENCH_P50] = 1 + i;
		samples_of_first[i].percentiles[BENCH_P99] = 11 + i;
		samples_of_first[i].percentiles[BENCH_P99_9] = 21 + i;
	}
	check_spread(FIRST, SAMPLES, BENCH_NS_P50, 2, 1, 3);
	check_spread(FIRST, SAMPLES, BENCH_NS_P99, 12, 11, 13);
	check_spread(FIRST, SAMPLES, BENCH_NS_P99_9, 22, 21, 23);
	r.workload = &of_memory;
	ck_assert(!bench_has_figure(&r, &r.entries[FIRST], BENCH_NS_P50));
}
END_TEST

START_TEST(bytes_have_no_cpu_time)
{
	struct bench_result r = measured();

	ck_assert_str_eq(bench_unit_of(r.workload), "ns");
	ck_assert_str_eq(bench_figure_name("ns", BENCH_NS), "ns_per_item");
	r.workload = &of_memory;
	ck_assert_str_eq(bench_unit_of(r.workload), "bytes");
	ck_assert_str_eq(bench_figure_name("bytes", BENCH_NS), "bytes");
	ck_assert(bench_has_figure(&r, &r.entries[FIRST], BENCH_NS));
	ck_assert(!bench_has_figure(&r, &r.entries[FIRST], BENCH_CPU_NS));
}
END_TEST

START_TEST(ratios_are_of_samples_taken_in_a_row)
{
	check_spread(COQUEUE, SAMPLES, BENCH_TIMES_BASELINE, 6, 1, 8);
	check_spread(FIRST, SAMPLES, BENCH_COQUEUE_TIMES, 6, 1, 8);
	check_spread(OTHER, SAMPLES, BENCH_COQUEUE_TIMES, 2.1, 2, 6);
	check_spread(COQUEUE, SAMPLES, BENCH_COQUEUE_TIMES, 1, 1, 1);
}
END_TEST

START_TEST(no_ratio_to_what_was_not_measured)
{
	struct bench_result r = measured();

	r.entries[FIRST].not_supported = true;
	ck_assert(!bench_has_figure(&r, &r.entries[FIRST], BENCH_NS));
	ck_assert(bench_has_figure(&r, &r.entries[OTHER], BENCH_NS));
	ck_assert(
		!bench_has_figure(&r, &r.entries[OTHER], BENCH_TIMES_BASELINE));
	ck_assert(bench_has_figure(&r, &r.entries[OTHER], BENCH_COQUEUE_TIMES));
	r.entries[COQUEUE].not_supported = true;
	ck_assert(
		!bench_has_figure(&r, &r.entries[OTHER], BENCH_COQUEUE_TIMES));
	ck_assert(!bench_like_coqueue(&r, &r.entries[OTHER], SAMPLES));
}
END_TEST

START_TEST(no_difference_where_samples_overlap)
{
	struct bench_result r = measured();

	ck_assert(bench_like_coqueue(&r, &r.entries[FIRST], SAMPLES));
	ck_assert(!bench_like_coqueue(&r, &r.entries[FIRST], 1));
	ck_assert(!bench_like_coqueue(&r, &r.entries[OTHER], SAMPLES));
	ck_assert(!bench_like_coqueue(&r, &r.entries[COQUEUE], SAMPLES));
	r.entries[FIRST].not_supported = true;
	ck_assert(!bench_like_coqueue(&r, &r.entries[FIRST], SAMPLES));
}
END_TEST

START_TEST(distances_are_of_all_samples)
{
	struct bench_result r[2] = {measured(), measured()};
	struct bench_spread s;

	for (unsigned i = 0; i < SAMPLES; i++) {
		samples_of_first[i].distance = 100 + i;
		samples_of_coqueue[i].distance = 103 + i;
		samples_of_other[i].distance = 106 + i;
	}
	check_spread(FIRST, SAMPLES, BENCH_DISTANCE, 101, 100, 102);
	s = bench_distances(r, 2, SAMPLES);
	ck_assert_double_eq(s.median, 104);
	ck_assert_double_eq(s.min, 100);
	ck_assert_double_eq(s.max, 108);
	r[0].entries[FIRST].not_supported = true;
	r[1].entries[FIRST].not_supported = true;
	ck_assert_double_eq(bench_distances(r, 2, SAMPLES).min, 103);
	samples_of_coqueue[0].distance = 0; /* not told */
	ck_assert_double_eq(bench_distances(r, 2, SAMPLES).min, 104);
	r[1].n_entries = 1;
	ck_assert_double_eq(bench_distances(&r[1], 1, SAMPLES).max, 0);
}
END_TEST

/* ---- how far cores are apart -------------------------------------------- */

static cpu_set_t bound[2]; /* to which cores threads were */
static _Atomic unsigned n_bound;

int __real_pthread_attr_setaffinity_np(pthread_attr_t *attr, size_t size,
				       const cpu_set_t *cores);
int __wrap_pthread_attr_setaffinity_np(pthread_attr_t *attr, size_t size,
				       const cpu_set_t *cores);
int __wrap_pthread_attr_setaffinity_np(pthread_attr_t *attr, size_t size,
				       const cpu_set_t *cores)
{
	bound[n_bound++ % 2] = *cores;
	return __real_pthread_attr_setaffinity_np(attr, size, cores);
}

START_TEST(distance_is_that_of_the_first_two_cores_or_none)
{
	cpu_set_t cores, one, both;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(cores), &cores), 0);
	if (CPU_COUNT(&cores) > 1) {
		ck_assert(bench_has_distance());
		(void)bench_distance(); /* 0 while others are busy there */
		ck_assert_uint_eq(n_bound, 2);
		CPU_OR(&both, &bound[0], &bound[1]);
		ck_assert_int_eq(CPU_COUNT(&both), 2);
		CPU_AND(&both, &both, &cores);
		ck_assert_int_eq(CPU_COUNT(&both), 2);
	}
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
		if (CPU_ISSET(i, &cores))
			CPU_SET(i, &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	ck_assert(!bench_has_distance());
	ck_assert_double_eq(bench_distance(), 0);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(cores), &cores), 0);
}
END_TEST

/* ---- coroutines --------------------------------------------------------- */

#if HAVE_BOOST_CONTEXT

enum { COROUTINES = 9 };

static coqueue_t *passed; /* a queue of long */
static struct bench_worker coroutines[COROUTINES];
static pthread_t runs_on[COROUTINES];
static long got[COROUTINES];
static struct bench_worker *went_on[COROUTINES];
static int n_went_on;
static int times_got[ITEMS];
static bool disorder; /* in what one coroutine got */
static _Atomic bool let_go;

static void get_all(struct bench_worker *w)
{
	long item, before = -1;

	runs_on[w - coroutines] = pthread_self();
	while ((w->err = coqueue_get(passed, &item)) == 0) {
		times_got[item]++;
		disorder |= item <= before;
		before = item;
	}
}

static void put_all_or_get_all(struct bench_worker *w)
{
	long i;

	if (w != coroutines) {
		get_all(w);
		return;
	}
	runs_on[0] = pthread_self();
	for (i = 0; i < ITEMS && !w->err; i++)
		w->err = coqueue_put(passed, &i);
	coqueue_shutdown(passed, COQUEUE_GRACEFUL);
}

START_TEST(coroutines_take_turns_on_one_thread)
{
	int i;

	memset(times_got, 0, sizeof(times_got));
	disorder = false;
	passed = queue_with(1, 0);
	bench_coroutines_run(put_all_or_get_all, coroutines, COROUTINES);
	ck_assert(!disorder);
	for (i = 0; i < ITEMS; i++)
		ck_assert_int_eq(times_got[i], 1);
	ck_assert_uint_gt(stats_of(passed).put_waits, 0);
	ck_assert_uint_gt(stats_of(passed).get_waits, 0);
	for (i = 0; i < COROUTINES; i++) {
		ck_assert(pthread_equal(runs_on[i], pthread_self()));
		ck_code(coroutines[i].err, i == 0 ? 0 : ESHUTDOWN);
	}
	ck_ok(coqueue_destroy(passed));
}
END_TEST

/* The first one, which is started last, keeps the others from running on. */
static void hold_or_get_one(struct bench_worker *w)
{
	if (w == coroutines) {
		while (!atomic_load(&let_go))
			sched_yield();
		return;
	}
	w->err = coqueue_get(passed, &got[w - coroutines]);
	went_on[n_went_on++] = w;
}

static int run_coroutines(struct hand *me)
{
	(void)me;
	bench_coroutines_run(hold_or_get_one, coroutines, COROUTINES);
	return 0;
}

/* By another thread. */
static void check_woken_in_order(bool while_one_runs)
{
	struct crew *crew;
	long i;

	n_went_on = 0;
	passed = queue_with(COROUTINES, 0);
	atomic_store(&let_go, !while_one_runs);
	crew = crew_start(1, run_coroutines, NULL, NULL);
	await_waiting(passed, GETTERS, COROUTINES - 1);
	for (i = 1; i < COROUTINES; i++)
		ck_ok(coqueue_put(passed, &i));
	atomic_store(&let_go, true);
	crew_expect(crew, 0);
	for (i = 1; i < COROUTINES; i++) {
		ck_ok(coroutines[i].err);
		ck_assert_int_eq(got[i], COROUTINES - i);
		ck_assert_ptr_eq(went_on[COROUTINES - 1 - i], &coroutines[i]);
	}
	ck_ok(coqueue_destroy(passed));
}

START_TEST(coroutines_woken_while_one_runs_go_on_in_order)
{
	check_woken_in_order(true);
}
END_TEST

START_TEST(coroutines_woken_while_none_runs_go_on_in_order)
{
	check_woken_in_order(false);
}
END_TEST

/* The hooks of this program's coroutines, which are set through the linker. */
static coqueue_scheduler_t hooks;

int __real_coqueue_set_scheduler(const coqueue_scheduler_t *s);
int __wrap_coqueue_set_scheduler(const coqueue_scheduler_t *s);
int __wrap_coqueue_set_scheduler(const coqueue_scheduler_t *s)
{
	if (s)
		hooks = *s;
	return __real_coqueue_set_scheduler(s);
}

static void *unpark_twice(void *self)
{
	hooks.unpark(hooks.ctx, self);
	hooks.unpark(hooks.ctx, self);
	return NULL;
}

static void unpark_elsewhere(void *self)
{
	pthread_t thread;

	ck_assert(pthread_create(&thread, NULL, unpark_twice, self) == 0);
	ck_assert(pthread_join(thread, NULL) == 0);
}

static void park_when_unparked(struct bench_worker *w)
{
	void *self = hooks.self(hooks.ctx);

	for (int i = 0; i < 3; i++) {
		unpark_elsewhere(self);
		w->err = hooks.park(hooks.ctx, self, NULL);
		unpark_twice(self);
		w->err |= hooks.park(hooks.ctx, self, NULL);
		w->items++;
	}
}

/* A call that finds itself woken does not park, and the next may be woken before
 * it does. */
START_TEST(a_coroutine_unparked_twice_before_it_parks_goes_on)
{
	coroutines[0].items = 0;
	bench_coroutines_run(park_when_unparked, coroutines, 1);
	ck_ok(coroutines[0].err);
	ck_assert_uint_eq(coroutines[0].items, 3);
}
END_TEST

#define TESTS_OF_COROUTINES                                                    \
	, coroutines_take_turns_on_one_thread,                                 \
		coroutines_woken_while_one_runs_go_on_in_order,                \
		coroutines_woken_while_none_runs_go_on_in_order,               \
		a_coroutine_unparked_twice_before_it_parks_goes_on

#else
#define TESTS_OF_COROUTINES
#endif

int main(void)
{
	return suite_run(
		"bench",
		TESTS(ring_gives_the_first_item_and_is_empty_when_it_stops,
		      ring_gives_the_values_that_were_put,
		      stack_gives_the_last_item,
		      heap_gives_the_smallest_item_equal_ones_in_order,
		      list_gives_the_first_item,
		      meeting_put_returns_when_its_item_was_taken,
		      meeting_put_that_is_stopped_keeps_its_item,
		      window_holds_producers_until_half_of_it_is_free,
		      items_are_timed_in_their_phase_alone,
		      who_waits_for_his_time_waits_until_then,
		      figures_are_the_median_and_the_ends,
		      percentiles_are_of_workloads_that_time_items,
		      bytes_have_no_cpu_time,
		      ratios_are_of_samples_taken_in_a_row,
		      no_ratio_to_what_was_not_measured,
		      no_difference_where_samples_overlap,
		      distances_are_of_all_samples,
		      distance_is_that_of_the_first_two_cores_or_none
			      TESTS_OF_COROUTINES));
}
