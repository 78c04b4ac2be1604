/* SPDX-License-Identifier: MIT */
/*
 * Which choice is taken.
 *
 * Depth first: a schedule repeats the choices of the one before up to the last
 * that has options left, takes the next of these there, and the first wherever
 * it is asked after that.  When no choice has options left, every schedule
 * within the budget has been run.
 *
 * PCT: each thread has a priority, the highest goes on, and at a few moments,
 * chosen beforehand, the running one falls to the lowest (Burckhardt et al., "A
 * randomized scheduler with probabilistic guarantees of finding bugs", 2010).
 */
#include "config.h"

#include <inttypes.h>

#include "../tools/stress_random.h"
#include "explore.h"

#undef free
#undef aligned_alloc

struct choice {
	uint16_t at; /* replay: at the at-th choice */
	uint8_t taken, options;
};

enum { CHANGES = 3, FREE_OPTIONS_ONE_IN = 8 };

static struct choice choices[CHOICES_MAX];
static unsigned n_choices; /* of the schedule that was run last */
static unsigned repeated;  /* how many of them are given */
static unsigned position;
static struct search *current;
static struct random dice;
static int priorities[THREADS], lowest;
static unsigned change_at[CHANGES];

static struct choice *given; /* replay */
static unsigned n_given, next_given;

void search_begin(struct search *s)
{
	current = s;
	s->schedules = 0;
	s->choices = 0;
	n_choices = repeated = 0;
}

/* Depth first: the next branch.  False: there is none. */
static bool backtrack(void)
{
	while (n_choices > 0 && choices[n_choices - 1].taken + 1 ==
					choices[n_choices - 1].options)
		n_choices--;
	if (n_choices == 0)
		return false;
	choices[n_choices - 1].taken++;
	repeated = n_choices;
	return true;
}

double search_share(void)
{
	double share = 0, weight = 1;

	for (unsigned i = 0; i < position && weight > 1e-9; i++) {
		weight /= choices[i].options;
		share += weight * choices[i].taken;
	}
	return share;
}

static void roll_priorities(const struct search *s)
{
	unsigned length = s->choices ? s->choices : 100;

	for (int i = 0; i < THREADS; i++)
		priorities[i] = (int)random_below(&dice, 1000000);
	lowest = 0;
	for (int i = 0; i < CHANGES; i++)
		change_at[i] = (unsigned)random_below(&dice, length);
}

bool search_next(struct search *s)
{
	bool more = true;

	if (s->mode == SEARCH_DEPTH && s->schedules > 0)
		more = backtrack();
	if (s->mode == SEARCH_REPLAY)
		more = s->schedules == 0;
	if (!more)
		return false;
	dice = random_from(s->seed, s->schedules, 0);
	if (s->mode == SEARCH_PCT)
		roll_priorities(s);
	s->schedules++;
	budget = s->budget;
	n_choices = position = next_given = 0;
	return true;
}

static bool is_for_nothing(const struct way *o)
{
	return o->kind != GO_ON && o->kind != SWITCH_TO;
}

static unsigned choose_by_priority(const struct way *options, unsigned n)
{
	unsigned best = 0;

	if (random_one_in(&dice, FREE_OPTIONS_ONE_IN)) {
		best = (unsigned)random_below(&dice, n);
		if (is_for_nothing(&options[best]))
			return best;
	}
	for (int i = 0; i < CHANGES; i++)
		if (change_at[i] == position)
			priorities[running] = --lowest;
	best = 0;
	for (unsigned i = 0; i < n; i++)
		if (!is_for_nothing(&options[i]) &&
		    (is_for_nothing(&options[best]) ||
		     priorities[options[i].thread] >
			     priorities[options[best].thread]))
			best = i;
	return best;
}

static unsigned choose_at_random(unsigned n)
{
	return random_one_in(&dice, 4) ? (unsigned)random_below(&dice, n) : 0;
}

static unsigned choose_as_given(unsigned n)
{
	if (next_given == n_given || given[next_given].at != position)
		return 0;
	if (given[next_given].taken >= n)
		machine_fail("the choices do not fit this program");
	return given[next_given++].taken;
}

static unsigned take(const struct way *options, unsigned n)
{
	if (position < repeated) {
		if (choices[position].options != n)
			machine_fail("a schedule did not repeat itself");
		return choices[position].taken;
	}
	switch (current->mode) {
	case SEARCH_PCT:
		return choose_by_priority(options, n);
	case SEARCH_RANDOM:
		return choose_at_random(n);
	case SEARCH_REPLAY:
		return choose_as_given(n);
	case SEARCH_DEPTH:
		break;
	}
	return 0;
}

unsigned search_choose(const struct way *options, unsigned n)
{
	unsigned taken;

	if (position == CHOICES_MAX)
		machine_fail("livelock: no end after %d choices", CHOICES_MAX);
	taken = take(options, n);
	choices[position].taken = (uint8_t)taken;
	choices[position].options = (uint8_t)n;
	n_choices = ++position;
	if (current->choices < position)
		current->choices = position;
	return taken;
}

/* ---- as text -------------------------------------------------------------- */

/* Choices that are not the first option: "12=1,40=2". */
void search_print_choices(FILE *f)
{
	const struct budget *b = &current->budget;
	const char *comma = "";

	fprintf(f, "%d.%d.%d.%d.%d.%d:", b->preemptions, b->delays, b->stalls,
		b->spurious, b->lost, b->old);
	for (unsigned i = 0; i < position; i++) {
		if (!choices[i].taken)
			continue;
		fprintf(f, "%s%u=%u", comma, i, choices[i].taken);
		comma = ",";
	}
}

static bool add_given(unsigned at, unsigned taken)
{
	static unsigned room;
	struct choice *more;

	if (n_given == room) {
		room = room ? 2 * room : 64;
		more = realloc(given, room * sizeof(*given));
		if (!more)
			return false;
		given = more;
	}
	given[n_given].at = (uint16_t)at;
	given[n_given++].taken = (uint8_t)taken;
	return true;
}

bool search_load_choices(struct search *s, const char *text)
{
	struct budget *b = &s->budget;
	unsigned at, taken;
	int length = 0;

	s->mode = SEARCH_REPLAY;
	n_given = 0;
	if (sscanf(text, "%d.%d.%d.%d.%d.%d:%n", &b->preemptions, &b->delays,
		   &b->stalls, &b->spurious, &b->lost, &b->old, &length) < 6 ||
	    !length)
		return false;
	for (text += length; *text; text += length) {
		length = 0;
		if (sscanf(text, "%u=%u%n", &at, &taken, &length) < 2)
			return false;
		if (at >= CHOICES_MAX || taken > UINT8_MAX ||
		    !add_given(at, taken))
			return false;
		length += text[length] == ',';
	}
	return true;
}

/* ---- resuming ------------------------------------------------------------- */

/* After a schedule: all that the next one depends on, in one line. */
void search_save(const struct search *s, FILE *f)
{
	fprintf(f, "%" PRIu64 " %u", s->schedules, s->choices);
	for (unsigned i = 0; s->mode == SEARCH_DEPTH && i < n_choices; i++)
		fprintf(f, " %u/%u", choices[i].taken, choices[i].options);
	fputc('\n', f);
}

bool search_load(struct search *s, const char *line)
{
	unsigned taken, options;
	int length = 0;

	search_begin(s);
	if (sscanf(line, "%" SCNu64 " %u%n", &s->schedules, &s->choices,
		   &length) < 2)
		return false;
	for (line += length;
	     sscanf(line, " %u/%u%n", &taken, &options, &length) == 2;
	     line += length) {
		if (n_choices == CHOICES_MAX || taken >= options ||
		    options > UINT8_MAX)
			return false;
		choices[n_choices].taken = (uint8_t)taken;
		choices[n_choices++].options = (uint8_t)options;
	}
	return true;
}
