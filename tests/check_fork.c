/* SPDX-License-Identifier: MIT */
/*
 * Fork (G15): the child may make and use queues of its own, whatever other
 * threads of the parent were doing, and leaves the parent's queues alone.
 */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "turmoil.h"

/* ---- the child, where no test framework may be used --------------------- */

#define must(condition)                                                        \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "child: %s:%d: %s\n", __FILE__,        \
				__LINE__, #condition);                         \
			return 1;                                              \
		}                                                              \
	} while (0)

static int use_alone(coqueue_t *q)
{
	long item = 5;

	must(coqueue_put(q, &item) == 0);
	must(coqueue_try_peek(q, &item) == 0);
	must(coqueue_get(q, &item) == 0 && item == 5);
	must(coqueue_try_get(q, &item) == EAGAIN);
	must(coqueue_task_done(q, 1) == 0);
	must(coqueue_join(q) == 0);
	return 0;
}

static void *get_one(void *q)
{
	long item;

	return coqueue_get(q, &item) == ESHUTDOWN ? q : NULL;
}

static size_t getters_of(coqueue_t *q)
{
	coqueue_stats_t stats = {.size = sizeof(stats)};

	coqueue_stats(q, &stats);
	return stats.getters_waiting;
}

/*
 * Two threads of the child, blocked, are released by its shutdown.  Under
 * ThreadSanitizer a child of a process with threads cannot start any.
 */
static int use_with_threads(coqueue_t *q)
{
	pthread_t threads[2];
	void *value;

	if (UNDER_TSAN)
		return 0;
	for (int i = 0; i < 2; i++)
		must(pthread_create(&threads[i], NULL, get_one, q) == 0);
	while (getters_of(q) < 2)
		sched_yield();
	must(coqueue_shutdown(q, COQUEUE_GRACEFUL) == 0);
	for (int i = 0; i < 2; i++)
		must(pthread_join(threads[i], &value) == 0 && value == q);
	return 0;
}

static int live_a_life(void *unused)
{
	(void)unused;
	for (int round = 0; round < 2; round++) {
		coqueue_attr_t attr = COQUEUE_ATTR_INIT;
		coqueue_t *q = NULL;

		attr.item_size = sizeof(long);
		must(coqueue_create(&q, 2, &attr) == 0);
		must(use_alone(q) == 0);
		must(use_with_threads(q) == 0);
		must(coqueue_shutdown(q, COQUEUE_IMMEDIATE) == 0);
		must(coqueue_destroy(q) == 0);
	}
	return 0;
}

static int have_a_child(void *unused)
{
	int status = 0;
	pid_t pid;

	must(live_a_life(NULL) == 0);
	pid = fork();
	if (pid == 0)
		_exit(live_a_life(unused));
	must(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	return live_a_life(NULL);
}

static int exit_at_once(void *unused)
{
	(void)unused;
	return 0;
}

/* ---- the parent --------------------------------------------------------- */

static int put_and_get(struct hand *me)
{
	_Atomic bool *stop = me->arg;
	long item = 0;

	while (!atomic_load(stop))
		if (coqueue_put(me->q, &item) || coqueue_get(me->q, &item))
			return complain(me, "a call failed");
	return 0;
}

static int make_and_destroy(struct hand *me)
{
	_Atomic bool *stop = me->arg;

	while (!atomic_load(stop)) {
		coqueue_t *q = NULL;
		void *item = me;

		if (coqueue_create(&q, 3, NULL) || coqueue_put(q, &item) ||
		    coqueue_shutdown(q, COQUEUE_GRACEFUL) || coqueue_destroy(q))
			return complain(me, "a call failed");
	}
	return 0;
}

/* That often, but no longer than some seconds: sanitizers make forks slow. */
static void fork_often(int child(void *), unsigned times)
{
	struct timespec end = from_now(8000 * MS);

	while (times-- && !is_past(&end))
		check_in_child(child, NULL);
}

START_TEST(E85_a_child_of_a_quiet_process_uses_queues)
{
	coqueue_t *q = queue_with(2, 1);

	fork_often(live_a_life, 2);
	fork_often(exit_at_once, 2);
	fork_often(have_a_child, 2);
	take_in_order(q, 0, 1);
	check_usable(q);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(E85_a_child_of_a_process_that_has_no_queue_yet)
{
	coqueue_t *q;

	fork_often(live_a_life, 1);
	q = queue_with(2, 0);
	check_usable(q);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* G15: read-side sections are under way at the moment of the fork. */
START_TEST(E85_fork_while_threads_put_and_get)
{
	_Atomic bool stop = false;
	coqueue_t *q = queue_with(3, 0);
	struct crew *crew = crew_start(3, put_and_get, q, &stop);

	await(stats_of(q).gets > 100);
	fork_often(live_a_life, scaled(25));
	atomic_store(&stop, true);
	crew_expect(crew, 0);
	check_usable(q);
	ck_ok(coqueue_destroy(q));
}
END_TEST

static void fork_once(struct turmoil *t, unsigned i)
{
	(void)i;
	turmoil_go_on(t, 100);
	check_in_child(live_a_life, NULL);
}

/* G15: the parent does not notice.  Sanitizers make forks slow: fewer there. */
START_TEST(E85_forks_beside_every_kind_of_call)
{
	unsigned times = scaled(UNDER_ASAN || UNDER_TSAN ? 10 : 100);

	turmoil_suffer(times, fork_once);
	report_injected(times);
}
END_TEST

/* G15 */
START_TEST(E85_fork_while_callers_are_blocked)
{
	coqueue_t *full = queue_with(2, 2), *empty = queue_with(2, 0);
	struct crew *put = crew_block(full, &ops[OP_PUT], 2);
	struct crew *join = crew_block(full, &ops[OP_JOIN], 2);
	struct crew *get = crew_block(empty, &ops[OP_GET], 2);
	struct crew *peek = crew_block(empty, &ops[OP_PEEK], 2);

	fork_often(live_a_life, 5);
	fork_often(have_a_child, 2);
	ck_ok(coqueue_shutdown(full, COQUEUE_IMMEDIATE));
	ck_ok(coqueue_shutdown(empty, COQUEUE_GRACEFUL));
	crew_expect(put, ESHUTDOWN);
	crew_expect(join, 0);
	crew_expect(get, ESHUTDOWN);
	crew_expect(peek, ESHUTDOWN);
	ck_ok(coqueue_destroy(full));
	ck_ok(coqueue_destroy(empty));
}
END_TEST

/*
 * G15: grace periods are under way at the moment of the fork.  Not so under
 * the sanitizers, whose allocators do not expect one.
 */
START_TEST(E85_fork_while_threads_create_shut_down_and_destroy)
{
	_Atomic bool stop = false;
	struct crew *crew;

	if (UNDER_ASAN || UNDER_TSAN)
		return;
	crew = crew_start(2, make_and_destroy, NULL, &stop);
	fork_often(live_a_life, scaled(1000));
	atomic_store(&stop, true);
	crew_expect(crew, 0);
}
END_TEST

int main(void)
{
	return suite_run(
		"fork",
		TESTS(E85_a_child_of_a_quiet_process_uses_queues,
		      E85_a_child_of_a_process_that_has_no_queue_yet,
		      E85_fork_while_threads_put_and_get,
		      E85_forks_beside_every_kind_of_call,
		      E85_fork_while_callers_are_blocked,
		      E85_fork_while_threads_create_shut_down_and_destroy));
}
