/* SPDX-License-Identifier: MIT */
/*
 * Every kind of call at once (turmoil.h), while its threads are hit by signals,
 * cancelled, stopped, or moved from processor to processor.  Forks are in
 * check_fork.c.
 */
#include <config.h>
#include <signal.h>
#include "turmoil.h"

static unsigned any_hand(struct turmoil *t)
{
	return turmoil_choose(t, TURMOIL_HANDS);
}

/* ---- signals ------------------------------------------------------------ */

static bool hit(struct turmoil *t, unsigned total)
{
	ck_ok(pthread_kill(turmoil_crew(t)->hands[any_hand(t)].thread,
			   SIGUSR1));
	return signals_counted() >= total;
}

static void hit_ten_times(struct turmoil *t, unsigned i)
{
	unsigned total = signals_counted() + 10;

	count_signals(i % 2 ? SA_RESTART : 0);
	await(hit(t, total));
	turmoil_go_on(t, 3);
}

/* G14; G4 */
START_TEST(E88_signals_disturb_no_call)
{
	count_signals(0);
	turmoil_suffer(scaled(500), hit_ten_times);
	report_injected(10 * scaled(500));
}
END_TEST

/* ---- cancellation ------------------------------------------------------- */

static void cancel_one(struct turmoil *t, unsigned i)
{
	(void)i;
	turmoil_go_on(t, 100);
	turmoil_cancel(t, any_hand(t));
}

/* G14: no effect, no lock, no waiter is left of a cancelled call; G10. */
START_TEST(E84_cancellations_at_random_moments_leave_nothing)
{
	turmoil_suffer(scaled(100), cancel_one);
	report_injected(scaled(100));
}
END_TEST

/* ---- a stopped thread --------------------------------------------------- */

static unsigned others_got_on;

static void stop_one(struct turmoil *t, unsigned i)
{
	(void)i;
	turmoil_go_on(t, 100);
	others_got_on += turmoil_gets_on_without_one(t);
}

/* G16: it rarely has what others need; G4 */
START_TEST(a_thread_stopped_in_any_call_lets_others_get_on_or_sleep)
{
	prepare_to_stop();
	turmoil_suffer(scaled(300), stop_one);
	finish_stopping();
	ck_assert_uint_gt(2 * others_got_on, scaled(300));
	report_injected(scaled(300));
}
END_TEST

/* ---- processors --------------------------------------------------------- */

/* Those that this process may use. */
static cpu_set_t all_cpus;

static cpu_set_t nth_cpu(unsigned n)
{
	cpu_set_t one;
	int cpu = 0;

	for (n %= (unsigned)CPU_COUNT(&all_cpus);; cpu++)
		if (CPU_ISSET(cpu, &all_cpus) && n-- == 0)
			break;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return one;
}

/* All on one, each on its own as far as they suffice, one elsewhere, free. */
static void move_hands(struct turmoil *t, unsigned i)
{
	unsigned n = turmoil_choose(t, CPU_SETSIZE), only = any_hand(t),
		 way = i / 4 % 4;

	for (unsigned h = 0; h < TURMOIL_HANDS; h++) {
		cpu_set_t where = way == 3   ? all_cpus
				  : way == 1 ? nth_cpu(n + h)
					     : nth_cpu(n);

		if (way != 2 || h == only)
			ck_ok(pthread_setaffinity_np(
				turmoil_crew(t)->hands[h].thread, sizeof(where),
				&where));
	}
	turmoil_go_on(t, 300);
}

START_TEST(calls_go_on_wherever_their_threads_are_moved)
{
	ck_assert_int_eq(sched_getaffinity(0, sizeof(all_cpus), &all_cpus), 0);
	turmoil_suffer(scaled(100), move_hands);
	report_injected(scaled(100));
}
END_TEST

int main(void)
{
	return suite_run(
		"turmoil",
		TESTS(E88_signals_disturb_no_call,
		      E84_cancellations_at_random_moments_leave_nothing,
		      a_thread_stopped_in_any_call_lets_others_get_on_or_sleep,
		      calls_go_on_wherever_their_threads_are_moved));
}
