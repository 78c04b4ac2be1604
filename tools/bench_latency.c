/* SPDX-License-Identifier: MIT */
/*
 * Times of single items, and producers that keep a pace.
 *
 * Such a producer mostly waits, on the processor or not, and that has nothing to
 * do with the queue: its CPU time meanwhile is not counted.  Reading that clock is
 * a system call, half of it on this side of the waiting and half beyond: what a
 * reading takes is left out, too.
 */
#include "config.h"

#include "bench_spin.h"
#include "bench_workers.h"

static uint64_t cpu_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t cost_of_reading(void)
{
	uint64_t before, took, best = UINT64_MAX;
	int i;

	for (i = 0; i < 100; i++) {
		before = cpu_clock();
		took = cpu_clock() - before;
		if (took < best)
			best = took;
	}
	return best;
}

static void sleep_until(uint64_t when)
{
	struct timespec ts = {.tv_sec = (time_t)(when / 1000000000),
			      .tv_nsec = (long)(when % 1000000000)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL))
		;
}

void bench_wait_until(struct bench_worker *w, uint64_t when)
{
	uint64_t before = cpu_clock();

	if (!w->reading_ns)
		w->reading_ns = cost_of_reading();
	if (w->run->workload->pace >= BENCH_SLEEP)
		sleep_until(when);
	else
		while (bench_clock() < when)
			bench_pause();
	__atomic_store_n(&w->waited_ns,
			 w->waited_ns + cpu_clock() - before + w->reading_ns,
			 __ATOMIC_RELAXED);
}

double bench_seconds_waited(const struct bench_run *run)
{
	uint64_t ns = 0;
	unsigned int i;

	for (i = 0; i < run->producers; i++)
		ns += __atomic_load_n(&run->workers[i].waited_ns,
				      __ATOMIC_RELAXED);
	return 1e-9 * (double)ns;
}

void bench_record(struct bench_worker *w, uint64_t ns)
{
	if (__atomic_load_n(&w->run->phase, __ATOMIC_RELAXED) == BENCH_TIMED)
		histogram_record(w->run->times, ns);
}

void bench_read_percentiles(const struct histogram *times,
			    struct bench_sample *out)
{
	static const double shares[BENCH_PERCENTILES] = {
		[BENCH_P50] = 0.5, [BENCH_P99] = 0.99, [BENCH_P99_9] = 0.999};
	int i;

	for (i = 0; i < BENCH_PERCENTILES; i++)
		out->percentiles[i] =
			(double)histogram_percentile(times, shares[i]);
}
