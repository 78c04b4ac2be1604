/* SPDX-License-Identifier: MIT */
/*
 * Deadlines while somebody moves the wall clock (E87).  The program runs itself
 * again under faketime, which reads the offset of the wall clock, and of that
 * alone, from a file that the test writes.
 */
#include <config.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>
#include "crew.h"

/* ---- the wall clock ----------------------------------------------------- */

#define CLOCK_FILE "FAKETIME_TIMESTAMP_FILE"

static int64_t wall_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec;
}

/* Whole or not at all: who asks for the time meanwhile reads it, too. */
static void write_offset(long offset_s)
{
	const char *name = getenv(CLOCK_FILE);
	char new[PATH_MAX];
	FILE *file;

	snprintf(new, sizeof(new), "%s.new", name);
	file = fopen(new, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "%+ld\n", offset_s);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(rename(new, name), 0);
}

/* And be sure that it has moved. */
static void move_wall_clock(long offset_s)
{
	static long offset_before;
	int64_t before = wall_s(), gone;

	write_offset(offset_s);
	gone = wall_s() - before - (offset_s - offset_before);
	ck_assert_msg(gone >= 0 && gone < 60, "the clock was not moved");
	offset_before = offset_s;
}

/* ---- deadlines ---------------------------------------------------------- */

static void check_new_deadline(void)
{
	struct timespec early = from_now(1000 * MS), made, late;

	coqueue_deadline(&made, 1000 * MS);
	late = from_now(1000 * MS);
	ck_assert_int_ge(made.tv_sec, early.tv_sec);
	ck_assert_int_le(made.tv_sec, late.tv_sec);
}

/* Callers of one form who wait for their deadline while the clock jumps. */
static unsigned wait_while_it_jumps(const struct op *op, uint64_t *random)
{
	coqueue_t *q = queue_that_blocks(op);
	struct timespec soon = from_now(20 * MS),
			far = from_now(limit_ns() / 2);
	struct crew *crew = crew_call(q, op, 2, &soon);
	unsigned jumps = 0;

	while (crew_finished(crew) < 2) {
		move_wall_clock((long)random_below(random, 100000) - 50000);
		check_new_deadline();
		jumps++;
		ck_assert_msg(!is_past(&far), "%s waits on", op->name);
	}
	ck_assert(is_past(&soon));
	move_wall_clock(0); /* which crew_join() goes by */
	crew_expect(crew, ETIMEDOUT);
	ck_ok(coqueue_destroy(q));
	return jumps;
}

START_TEST(E87_deadlines_hold_while_the_wall_clock_jumps)
{
	uint64_t random = suite_seed();
	unsigned jumps = 0;

	while (jumps < scaled(100))
		for_each_blocking_op(op)
			if (op->form == UNTIL)
				jumps += wait_while_it_jumps(op, &random);
	report_injected(jumps);
}
END_TEST

/* ---- the program within the program ------------------------------------- */

/*
 * faketime knows where its library is, and makes its children load it.  But it
 * also sets FAKETIME, and for who is born with that the file does not count.
 */
static void run_again(const char *file)
{
	static const char self[] = "/proc/self/exe";
	char path[PATH_MAX] = "";

	if (getenv("FAKETIME")) {
		unsetenv("FAKETIME");
		execl(self, self, (char *)NULL);
	}
	setenv(CLOCK_FILE, file, 1);
	setenv("FAKETIME_NO_CACHE", "1", 1);
	setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1", 1);
	setenv("CK_FORK", "no", 1); /* Check's alarms are of no concern here */
	if (readlink(self, path, sizeof(path) - 1) > 0)
		execlp("faketime", "faketime", "-m", "-f", "+0", path,
		       (char *)NULL);
}

static int run_suite(void)
{
	return suite_run("clock",
			 TESTS(E87_deadlines_hold_while_the_wall_clock_jumps));
}

int main(void)
{
	char new_file[] = "/tmp/coqueue-clock.XXXXXX";
	const char *file = getenv(CLOCK_FILE);
	int fd, status = 77;

	if (UNDER_ASAN || UNDER_TSAN) {
		printf("skipped: sanitizers have it that they load first\n");
		return status;
	}
	if (!file) {
		fd = mkstemp(new_file);
		if (fd < 0 || write(fd, "+0\n", 3) != 3 || close(fd) != 0)
			return EXIT_FAILURE;
		file = new_file;
	}
	if (file != new_file && !getenv("FAKETIME"))
		status = run_suite();
	else
		run_again(file);
	if (status == 77)
		printf("skipped: there is no faketime\n");
	unlink(file);
	return status;
}
