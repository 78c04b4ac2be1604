/* SPDX-License-Identifier: MIT */
/*
 * Two threads that watch the run from outside.
 *
 * The monitor receives the signals and is the watchdog.  It never calls the
 * queue while the run is alive, so a queue that hangs cannot take it along.
 *
 * The other prints the live lines, and may look at the queue, under run->view.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "stress_hang.h"
#include "stress_text.h"

#define TICK_NS (100 * NS_PER_MS)

static struct {
	struct run *run;
	pthread_t monitor, live;
	bool has_live, on_terminal;
	_Atomic bool stop;
	sem_t live_stop;
	struct sighting *sightings; /* [round->n_actors] */
	uint64_t still_ns;          /* for so long nothing has moved */
	uint64_t last_steps, last_moved;
	uint64_t last_tick_ns;
} watch;

/* ---- the watchdog ------------------------------------------------------ */

static uint64_t sum_moved(const struct round *r)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < r->n_actors; i++)
		sum += atomic_load_explicit(&r->actors[i].moved,
					    memory_order_relaxed);
	return sum;
}

/* Nothing need move for a long time where a producer waits for his time, or
 * while a history is checked, which the checker's budget ends. */
static bool somebody_takes_time(const struct round *r)
{
	for (unsigned i = 0; i < r->n_actors; i++) {
		unsigned activity = atomic_load_explicit(&r->actors[i].activity,
							 memory_order_relaxed);

		if (activity == PACING || activity == JUDGING)
			return true;
	}
	return false;
}

static void sight_actors(const struct round *r, uint64_t passed)
{
	for (unsigned i = 0; i < r->n_actors; i++) {
		struct sighting *s = &watch.sightings[i];
		uint64_t moved = atomic_load(&r->actors[i].moved);
		unsigned activity = atomic_load(&r->actors[i].activity);

		s->since_ns += passed;
		if (s->moved != moved || s->activity != activity)
			s->since_ns = 0;
		s->moved = moved;
		s->activity = activity;
	}
}

/* A process that was stopped or a machine that slept is not a hang: a tick
 * that came late counts as a short one. */
static void tick(void)
{
	const struct round *r = watch.run->round;
	uint64_t now = now_ns(), passed = now - watch.last_tick_ns;
	uint64_t steps = atomic_load(&watch.run->steps);
	uint64_t moved = sum_moved(r);

	if (passed > 5 * TICK_NS)
		passed = 5 * TICK_NS;
	watch.last_tick_ns = now;
	sight_actors(r, passed);
	watch.still_ns += passed;
	if (steps != watch.last_steps || moved != watch.last_moved ||
	    somebody_takes_time(r))
		watch.still_ns = 0;
	watch.last_steps = steps;
	watch.last_moved = moved;
}

/* ---- signals ----------------------------------------------------------- */

static void signalled(int number)
{
	struct run *run = watch.run;

	if (atomic_load(&run->signal))
		_exit(EXIT_SIGNALLED + number);
	atomic_store(&run->signal, number);
	sem_post(&run->round->bell);
	fprintf(stderr, "%s%s: shutting down; once more ends at once\n",
		watch.on_terminal ? "\r\033[K" : "",
		number == SIGINT ? "interrupted" : "terminated");
}

static void *monitor_main(void *signals)
{
	const struct timespec timeout = {0, (long)TICK_NS};
	uint64_t limit = watch.run->config->watchdog_ns;

	while (!atomic_load(&watch.stop)) {
		int number = sigtimedwait(signals, NULL, &timeout);

		if (number == SIGINT || number == SIGTERM)
			signalled(number);
		tick();
		if (watch.still_ns >= limit)
			hang_report(watch.run, watch.sightings, watch.still_ns,
				    watch.on_terminal);
	}
	return NULL;
}

/* ---- live lines -------------------------------------------------------- */

struct sample {
	const char *scenario;
	uint64_t delivered; /* of histories: calls */
	uint64_t errors;
	size_t depth;
	size_t waiting[N_LINES];
};

static void sample_queue(struct sample *s, const coqueue_t *q)
{
	coqueue_stats_t stats = {.size = sizeof(stats)};

	if (coqueue_stats(q, &stats) != 0)
		return;
	s->depth += coqueue_size(q);
	s->waiting[PUTTERS] += stats.putters_waiting;
	s->waiting[GETTERS] += stats.getters_waiting;
	s->waiting[JOINERS] += stats.joiners_waiting;
}

static void take_sample(struct sample *s)
{
	struct run *run = watch.run;
	struct round *r = run->round;

	*s = (struct sample){0};
	pthread_mutex_lock(&run->view);
	for (unsigned i = 0; i < run->n_results; i++) {
		s->scenario = run->results[i].scenario->name;
		s->delivered +=
			run->results[i]
				.count[run->config->linearize ? RECORDED
							      : DELIVERED];
		s->errors += atomic_load(&run->results[i].violations.n);
	}
	for (unsigned i = 0; i < r->n_actors; i++) {
		if (r->actors[i].role == CONSUMER ||
		    r->actors[i].role == PLAYER)
			s->delivered += atomic_load(&r->actors[i].moved);
		s->errors += atomic_load(&r->actors[i].verdicts.n);
	}
	for (unsigned i = 0; round_queue(r, i); i++)
		sample_queue(s, round_queue(r, i));
	pthread_mutex_unlock(&run->view);
}

static void print_clock(char *to, size_t size)
{
	const struct run *run = watch.run;
	char elapsed[TEXT_LENGTH], all[TEXT_LENGTH];

	text_clock(elapsed, now_ns() - run->started_ns);
	if (run->config->duration_ns)
		snprintf(to, size, "%s/%s", elapsed,
			 text_clock(all, run->config->duration_ns));
	else
		snprintf(to, size, "%s", elapsed);
}

static void print_live_line(const struct sample *s, double rate)
{
	char clock[2 * TEXT_LENGTH], per_second[TEXT_LENGTH],
		depth[TEXT_LENGTH];

	print_clock(clock, sizeof(clock));
	fprintf(watch.run->out,
		"%s%-7s %11s  %7s/s  depth %6s  blocked %3zup %3zug %3zuj  "
		"errors %llu%s",
		watch.on_terminal ? "\r\033[K" : "", s->scenario, clock,
		text_count(per_second, rate),
		text_count(depth, (double)s->depth), s->waiting[PUTTERS],
		s->waiting[GETTERS], s->waiting[JOINERS],
		(unsigned long long)s->errors, watch.on_terminal ? "" : "\n");
	fflush(watch.run->out);
}

static void *live_main(void *unused)
{
	uint64_t due = now_ns(), then = due, before = 0;
	struct sample s;

	(void)unused;
	for (;;) {
		uint64_t now;

		due += watch.run->config->interval_ns;
		if (semaphore_wait(&watch.live_stop, due))
			break;
		take_sample(&s);
		if (!s.scenario)
			continue;
		now = now_ns();
		print_live_line(&s, (double)(s.delivered - before) * 1e9 /
					    (double)(now - then));
		before = s.delivered;
		then = now;
	}
	if (watch.on_terminal)
		fprintf(watch.run->out, "\r\033[K");
	return NULL;
}

/* ---- life -------------------------------------------------------------- */

static sigset_t signals;

int monitor_start(struct run *run)
{
	int rc;

	watch.run = run;
	watch.on_terminal = isatty(fileno(run->out));
	watch.last_tick_ns = now_ns();
	watch.sightings =
		calloc(run->round->n_actors, sizeof(*watch.sightings));
	if (!watch.sightings)
		return ENOMEM;
	sem_init(&watch.live_stop, 0, 0);
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	rc = pthread_create(&watch.monitor, NULL, monitor_main, &signals);
	if (rc || run->config->quiet)
		return rc;
	rc = pthread_create(&watch.live, NULL, live_main, NULL);
	watch.has_live = rc == 0;
	return rc;
}

/* The signals stay blocked: the summary is printed in peace. */
void monitor_stop(void)
{
	if (watch.has_live) {
		sem_post(&watch.live_stop);
		pthread_join(watch.live, NULL);
	}
	atomic_store(&watch.stop, true);
	pthread_join(watch.monitor, NULL);
	free(watch.sightings);
}
