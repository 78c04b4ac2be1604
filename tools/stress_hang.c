/* SPDX-License-Identifier: MIT */
/*
 * A table of where everybody is.  First what the threads say of themselves;
 * only then is the queue asked, with an alarm set, because a queue that hangs
 * may not answer.
 */
#include "config.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "stress_hang.h"
#include "stress_text.h"

#define HANG_ROWS 64 /* of the table; the rest is summed up */
#define ASK_SECONDS 3

/* For the alarm: where to write, and the verdict. */
static int out_fd;
static char verdict[VERDICT_LENGTH];

static void print_actor(FILE *out, const struct actor *a,
			const struct sighting *s)
{
	char since[TEXT_LENGTH], items[TEXT_LENGTH], thread[TEXT_LENGTH];

	if (a->caller == THREAD)
		snprintf(thread, sizeof(thread), "%d", (int)a->tid);
	else
		snprintf(thread, sizeof(thread), "%s", caller_name[a->caller]);
	fprintf(out, "  %-9s %5u %10s  %-27s %9s %9s\n", role_name[a->role],
		a->index, thread, activity_name[s->activity],
		text_time(since, s->since_ns),
		text_count(items, (double)s->moved));
}

static void print_left(FILE *out, enum role role, unsigned n)
{
	if (n)
		fprintf(out, "  %u %s%s left\n", n, role_name[role],
			n == 1 ? " has" : "s have");
}

static void print_actors(FILE *out, struct round *r,
			 const struct sighting *sightings)
{
	unsigned shown = 0, more = 0;

	fprintf(out, "  %-9s %5s %10s  %-27s %9s %9s\n", "role", "no", "tid",
		"in", "for", "items");
	for (unsigned i = 0; i < r->n_actors; i++) {
		const struct actor *a = &r->actors[i];

		if (a->index >= round_crew_size(r, a->role) ||
		    sightings[i].activity == LEFT)
			continue;
		if (shown++ < HANG_ROWS)
			print_actor(out, a, &sightings[i]);
		else
			more++;
	}
	if (more)
		fprintf(out, "  and %u more\n", more);
	for (enum role role = 0; role < N_ROLES; role++)
		print_left(out, role, atomic_load(&r->left[role]));
}

static const char *state_name(enum coqueue_state state)
{
	return state == COQUEUE_OPEN       ? "open"
	       : state == COQUEUE_DRAINING ? "draining"
					   : "shut";
}

static void print_queue(FILE *out, coqueue_t *q)
{
	coqueue_stats_t s = {.size = sizeof(s)};
	char capacity[TEXT_LENGTH];

	fprintf(out, "  queue: %s, %zu items, capacity %s, %zu unfinished\n",
		state_name(coqueue_state(q)), coqueue_size(q),
		text_capacity(capacity, coqueue_capacity(q)),
		coqueue_unfinished(q));
	fflush(out);
	if (coqueue_stats(q, &s) != 0)
		return;
	fprintf(out,
		"         puts %llu, gets %llu, discarded %llu\n"
		"         put_waits %llu, get_waits %llu, wakeups %llu, "
		"passed on %llu\n"
		"         waiting: %zu putters, %zu getters, %zu joiners\n",
		(unsigned long long)s.puts, (unsigned long long)s.gets,
		(unsigned long long)s.discarded,
		(unsigned long long)s.put_waits,
		(unsigned long long)s.get_waits, (unsigned long long)s.wakeups,
		(unsigned long long)s.passed_on, s.putters_waiting,
		s.getters_waiting, s.joiners_waiting);
}

static void queue_is_silent(int signal)
{
	static const char text[] = "  queue: it does not answer\n";

	(void)signal;
	if (write(out_fd, text, sizeof(text) - 1) >= 0 &&
	    write(out_fd, verdict, strlen(verdict)) >= 0)
		_exit(EXIT_HANG);
	_exit(EXIT_HANG);
}

/* Within a second.  (ThreadSanitizer knows nothing of
 * pthread_mutex_clocklock().) */
static bool lock_soon(pthread_mutex_t *mutex)
{
	for (unsigned tries = 0; tries < 100; tries++) {
		if (pthread_mutex_trylock(mutex) == 0)
			return true;
		sleep_ns(10 * NS_PER_MS);
	}
	return false;
}

static void ask_queue(FILE *out, struct round *r)
{
	coqueue_t *q;

	fflush(out);
	signal(SIGALRM, queue_is_silent);
	alarm(ASK_SECONDS);
	if (!lock_soon(&r->run->view)) {
		fprintf(out, "  queue: somebody who asks it got no answer\n");
	} else {
		for (unsigned i = 0; (q = round_queue(r, i)); i++)
			print_queue(out, q);
		if (!round_queue(r, 0))
			fprintf(out, "  queue: none, or being destroyed\n");
		pthread_mutex_unlock(&r->run->view);
	}
	alarm(0);
}

static void print_verdicts(FILE *out, const struct round *r)
{
	for (unsigned i = 0; i < r->n_actors; i++) {
		const struct verdicts *v = &r->actors[i].verdicts;

		for (unsigned k = 0; k < atomic_load(&v->kept); k++)
			fprintf(out, "  also violated: %s %u %s\n",
				role_name[r->actors[i].role],
				r->actors[i].index, v->text[k]);
	}
}

void hang_report(struct run *run, const struct sighting *sightings,
		 uint64_t still_ns, bool on_terminal)
{
	struct round *r = run->round;
	const char *name = r->result->scenario->name;
	char still[TEXT_LENGTH], why[VERDICT_LENGTH / 2];

	fprintf(run->out, "%s\nHANG nothing has moved for %s\n",
		on_terminal ? "\r\033[K" : "", text_time(still, still_ns));
	print_actors(run->out, r, sightings);
	print_verdicts(run->out, r);
	snprintf(why, sizeof(why), "hang in %s, round %" PRIu64, name,
		 r->index);
	snprintf(verdict, sizeof(verdict), "FAIL seed %" PRIu64 ": %s\n",
		 run->config->seed, why);
	if (run->json)
		json_write(run, EXIT_HANG, why);
	out_fd = fileno(run->out);
	ask_queue(run->out, r);
	fputs(verdict, run->out);
	fflush(run->out);
	_exit(EXIT_HANG);
}
