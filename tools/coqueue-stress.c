/* SPDX-License-Identifier: MIT */
/*
 * coqueue-stress - put a coqueue under load and verify what it promises.
 *
 * This file runs the scenarios that were asked for, one after the other, and
 * says what came of it.  stress.h tells where the rest is.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "stress_linearize.h"
#include "stress_round.h"
#include "stress_text.h"

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_SECOND + (uint64_t)t.tv_nsec;
}

static struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){(time_t)(ns / NS_PER_SECOND),
				 (long)(ns % NS_PER_SECOND)};
}

static void fiber_sleep_ns(uint64_t ns)
{
	const struct timespec until = timespec_of(now_ns() + ns);

	fiber_sleep(&until);
}

/* Where a thread cannot be cancelled: ThreadSanitizer loses track of one that
 * is cancelled in nanosleep(), and reports races that are none. */
void sleep_ns(uint64_t ns)
{
	const struct timespec t = timespec_of(ns);
	int state;

	if (fiber_self()) {
		fiber_sleep_ns(ns);
		return;
	}
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	nanosleep(&t, NULL);
	pthread_setcancelstate(state, NULL);
}

bool semaphore_wait(sem_t *semaphore, uint64_t deadline_ns)
{
	const struct timespec t = timespec_of(deadline_ns);

	return sem_clockwait(semaphore, CLOCK_MONOTONIC, &t) == 0;
}

void verdicts_add(struct verdicts *v, const char *format, ...)
{
	unsigned kept = atomic_load(&v->kept);
	va_list args;

	if (kept < VERDICTS_KEPT) {
		va_start(args, format);
		vsnprintf(v->text[kept], VERDICT_LENGTH, format, args);
		va_end(args);
		if (!kept || strcmp(v->text[kept], v->text[kept - 1]) != 0)
			atomic_store(&v->kept, kept + 1);
	}
	atomic_fetch_add(&v->n, 1);
}

/* ---- verdict ----------------------------------------------------------- */

static void tell_histories(const struct run *run, char *why, size_t size)
{
	const struct result *r = &run->results[0];
	char calls[TEXT_LENGTH], time[TEXT_LENGTH];

	snprintf(why, size,
		 "%s%" PRIu64 " histories of %s calls in order, %" PRIu64
		 " too hard, %s",
		 atomic_load(&run->signal) ? "interrupted, " : "", r->rounds,
		 text_count(calls, (double)r->count[RECORDED]), r->too_hard,
		 text_time(time, run->ended_ns - run->started_ns));
}

static void tell_totals(const struct run *run, char *why, size_t size)
{
	uint64_t rounds = 0, shutdowns = 0, items = 0;
	char text[2][TEXT_LENGTH];

	for (unsigned i = 0; i < run->n_results; i++) {
		rounds += run->results[i].rounds;
		shutdowns += run->results[i].count[SHUTDOWNS];
		items += run->results[i].count[ACCEPTED];
	}
	snprintf(why, size,
		 "%s%" PRIu64 " round%s, %" PRIu64 " shutdown%s, %s items, %s",
		 atomic_load(&run->signal) ? "interrupted, " : "", rounds,
		 rounds == 1 ? "" : "s", shutdowns, shutdowns == 1 ? "" : "s",
		 text_count(text[0], (double)items),
		 text_time(text[1], run->ended_ns - run->started_ns));
}

enum exit_status run_verdict(const struct run *run, char *why, size_t size)
{
	int signal = atomic_load(&run->signal);

	for (unsigned i = 0; i < run->n_results; i++) {
		const struct result *r = &run->results[i];
		unsigned n = atomic_load(&r->violations.n);

		if (!n)
			continue;
		snprintf(why, size, "%u check%s failed in %s", n,
			 n == 1 ? "" : "s", r->scenario->name);
		return EXIT_VIOLATION;
	}
	if (run->start_error) {
		snprintf(why, size, "could not start %s: %s", run->not_started,
			 strerror(run->start_error));
		return EXIT_NO_START;
	}
	if (run->config->linearize)
		tell_histories(run, why, size);
	else
		tell_totals(run, why, size);
	return signal ? EXIT_SIGNALLED + signal : EXIT_PASS;
}

/* ---- the run ----------------------------------------------------------- */

static struct result *next_result(struct run *run)
{
	struct result *r = &run->results[run->n_results];

	r->scenario = run->config->scenarios[run->n_results];
	pthread_mutex_lock(&run->view);
	run->n_results++;
	pthread_mutex_unlock(&run->view);
	return r;
}

/* Each scenario ends when its part of the whole time is over, so that one
 * that came late does not make the run longer. */
static uint64_t end_of(const struct run *run, unsigned scenario)
{
	const struct config *c = run->config;

	if (!c->duration_ns)
		return UINT64_MAX;
	return run->started_ns +
	       c->duration_ns / c->n_scenarios * (scenario + 1);
}

static void run_scenarios(struct run *run)
{
	for (unsigned i = 0; i < run->config->n_scenarios; i++) {
		struct result *result = next_result(run);

		run->start_error =
			run->config->linearize
				? linearize_run(run->round, end_of(run, i),
						result)
				: scenario_run(run->round, result->scenario,
					       end_of(run, i), result);
		if (run->start_error || atomic_load(&run->signal) ||
		    atomic_load(&result->violations.n))
			return;
	}
}

static int run_start(struct run *run)
{
	int rc = json_open(run);

	if (rc)
		return rc;
	run->out = run->json == stdout ? stderr : stdout;
	run->results = calloc(run->config->n_scenarios, sizeof(*run->results));
	pthread_mutex_init(&run->view, NULL);
	if (!run->results)
		return ENOMEM;
	rc = round_init(run->round, run);
	if (rc)
		return rc;
	report_head(run);
	run->started_ns = now_ns();
	return monitor_start(run);
}

static enum exit_status run_finish(struct run *run)
{
	char why[VERDICT_LENGTH];
	enum exit_status status;
	int rc;

	status = run_verdict(run, why, sizeof(why));
	report_summary(run, status, why);
	rc = run->json ? json_write(run, status, why) : 0;
	if (rc)
		fprintf(stderr, "coqueue-stress: %s: %s\n", run->config->json,
			strerror(rc));
	return rc && !status ? EXIT_NO_START : status;
}

int main(int argc, char **argv)
{
	static struct config config;
	static struct round round;
	static struct run run = {.config = &config, .round = &round};
	enum exit_status status;

	options_parse(&config, argc, argv);
	run.start_error = run_start(&run);
	if (run.start_error) {
		fprintf(stderr, "coqueue-stress: could not start: %s%s%s\n",
			run.json || !config.json ? "" : config.json,
			run.json || !config.json ? "" : ": ",
			strerror(run.start_error));
		return EXIT_NO_START;
	}
	run_scenarios(&run);
	run.ended_ns = now_ns();
	monitor_stop();
	status = run_finish(&run);
	round_free(&round);
	free(run.results);
	return status;
}
