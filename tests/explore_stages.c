/* SPDX-License-Identifier: MIT */
/*
 * The searches: one process for each pair of scenario and stage.
 *
 * With a state directory each search leaves there where it stands, every few
 * seconds, and goes on from there when it is started again.
 */
#include "config.h"

#include <error.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "explore_stages.h"

#undef free
#undef aligned_alloc

/* So many preemptions, delayed stores, old values. */
#define DEPTH(p, d, o)                                                         \
	{                                                                      \
		.mode = SEARCH_DEPTH, .budget = {p, d, 0, 0, 1, o}, .seed = 1  \
	}
#define RANDOMLY(d, o)                                                         \
	{                                                                      \
		.mode = SEARCH_PCT, .budget = {UNBOUNDED, d, 0, 0, 1, o},      \
		.seed = 1                                                      \
	}

const struct stage stages_full[] = {
	{"SC", DEPTH(2, 0, 0), SMALL, MIDDLE, 0},
	{"SC", DEPTH(2, 0, 0), LARGE, LARGE, 200000},
	{"TSO", DEPTH(2, 1, 0), SMALL, SMALL, 0},
	{"TSO", DEPTH(1, 1, 0), MIDDLE, MIDDLE, 100000},
	{"C11", DEPTH(1, 0, 1), SMALL, MIDDLE, 0},
	{"PCT", RANDOMLY(0, 0), SMALL, LARGE, 10000},
	{"PCT, TSO", RANDOMLY(4, 0), SMALL, LARGE, 10000},
	{"PCT, C11", RANDOMLY(0, 4), SMALL, LARGE, 10000},
	{0}};

const struct stage stages_quick[] = {
	{"SC", DEPTH(0, 0, 0), SMALL, LARGE, 1000},
	{"SC", DEPTH(1, 0, 0), SMALL, LARGE, 5000},
	{"SC", DEPTH(2, 0, 0), SMALL, SMALL, 5000},
	{"TSO", DEPTH(1, 1, 0), SMALL, MIDDLE, 5000},
	{"C11", DEPTH(1, 0, 1), SMALL, MIDDLE, 5000},
	{"PCT, TSO", RANDOMLY(2, 0), SMALL, LARGE, 3000},
	{"PCT, C11", RANDOMLY(0, 3), SMALL, LARGE, 3000},
	{"PCT", RANDOMLY(0, 0), LARGE, LARGE, 20000},
	{"PCT, C11", RANDOMLY(0, 2), MIDDLE, LARGE, 40000},
	{"SC", DEPTH(2, 0, 0), SMALL, MIDDLE, 50000},
	{"TSO", DEPTH(1, 1, 0), SMALL, MIDDLE, 50000},
	{"C11", DEPTH(1, 0, 1), SMALL, MIDDLE, 50000},
	{0}};

const struct stage stages_torture[] = {
	{"SC", DEPTH(2, 0, 0), SMALL, LARGE, 100000000},
	{"TSO", DEPTH(2, 1, 0), SMALL, LARGE, 100000000},
	{"SC", DEPTH(3, 0, 0), SMALL, LARGE, 100000000},
	{"C11", DEPTH(2, 0, 1), SMALL, LARGE, 100000000},
	{"PCT", RANDOMLY(0, 0), SMALL, LARGE, 10000000},
	{"PCT, TSO", RANDOMLY(4, 0), SMALL, LARGE, 10000000},
	{"PCT, C11", RANDOMLY(0, 4), SMALL, LARGE, 10000000},
	{0}};

/* What the processes tell each other. */
static struct totals {
	_Atomic uint64_t schedules, complete, failures;
} * totals;

static const struct run *run;
static double begun;
static int children;

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool time_is_up(void)
{
	return run->limit > 0 && seconds() - begun > run->limit;
}

/* ---- one search ----------------------------------------------------------- */

enum { LOOK_EVERY = 1024 /* schedules */, TELL_EVERY = 10 /* seconds */ };

struct job {
	const struct scenario *scenario;
	const struct stage *stage;
	struct search search;
	bool complete;
	double from, told; /* when */
	uint64_t before;   /* schedules of earlier runs */
	double share_before;
};

static void state_path(const struct job *j, char *path, size_t size)
{
	const struct budget *b = &j->search.budget;

	snprintf(path, size, "%s/%s.%d.%d.%d.%d", run->state, j->scenario->name,
		 (int)j->search.mode, b->preemptions, b->delays, b->old);
}

static void save(const struct job *j)
{
	char path[4096], part[4100];
	FILE *f;

	if (!run->state)
		return;
	state_path(j, path, sizeof(path));
	snprintf(part, sizeof(part), "%s.new", path);
	f = fopen(part, "w");
	if (f) {
		fprintf(f, "%d ", j->complete);
		search_save(&j->search, f);
	}
	if (!f || fclose(f) || rename(part, path))
		error(2, errno, "%s", path);
}

static void load(struct job *j)
{
	char path[4096], *line = NULL;
	size_t room = 0;
	FILE *f;

	search_begin(&j->search);
	if (!run->state)
		return;
	state_path(j, path, sizeof(path));
	f = fopen(path, "r");
	if (!f)
		return;
	if (getline(&line, &room, f) < 2 || !search_load(&j->search, line + 2))
		error(2, 0, "%s is not the state of a search", path);
	j->complete = line[0] == '1';
	free(line);
	fclose(f);
	j->before = j->search.schedules;
}

static void tell_failure(const struct job *j)
{
	printf("FAIL scenario=%s schedules=%" PRIu64 " choices=%s:",
	       j->scenario->name, j->search.schedules, j->scenario->name);
	search_print_choices(stdout);
	printf(" reason=%s\n", machine_failure);
	fflush(stdout);
}

static void tell_row(const struct job *j, const char *how)
{
	const struct budget *b = &j->search.budget;
	double took = seconds() - j->from;
	char bound[32] = "";
	int length = 0;

	if (j->search.mode == SEARCH_DEPTH)
		length = snprintf(bound, sizeof(bound), "%d preemptions",
				  b->preemptions);
	if (b->delays || b->old)
		snprintf(bound + length, sizeof(bound) - (size_t)length,
			 "%s%d %s", length ? ", " : "",
			 b->delays ? b->delays : b->old,
			 b->delays ? "delayed" : "old");
	printf("%-18s %-9s %-26s %11" PRIu64 " %-9s %4u %8.1f %9.0f\n",
	       j->scenario->name, j->stage->name, bound, j->search.schedules,
	       how, j->search.choices, took,
	       (double)(j->search.schedules - j->before) / took);
	fflush(stdout);
}

/* Of a search that takes long: how much is done, and how long it will take. */
static void tell_progress(struct job *j)
{
	double share, took = seconds() - j->from;
	char how[32];

	share = j->search.mode == SEARCH_DEPTH ? search_share() : 0;
	if (j->stage->schedules &&
	    share < (double)j->search.schedules / (double)j->stage->schedules)
		share = (double)j->search.schedules /
			(double)j->stage->schedules;
	if (j->share_before == 0)
		j->share_before = share;
	if (share > j->share_before)
		snprintf(how, sizeof(how), "%.1f%% %.0fs", 100 * share,
			 took * (1 - share) / (share - j->share_before));
	else
		snprintf(how, sizeof(how), "%.1f%%", 100 * share);
	tell_row(j, how);
	j->told = seconds();
}

static bool is_over(struct job *j)
{
	if (j->complete ||
	    (j->stage->schedules && j->search.schedules >= j->stage->schedules))
		return true;
	if (j->search.schedules % LOOK_EVERY)
		return false;
	if (run->state && seconds() - j->told > TELL_EVERY) {
		save(j);
		tell_progress(j);
	}
	return time_is_up();
}

/* Whether all its schedules were right. */
static bool explore(const struct scenario *scenario, const struct stage *stage)
{
	struct job j = {
		.scenario = scenario, .stage = stage, .search = stage->search};
	bool right = true;

	j.from = j.told = seconds();
	load(&j);
	while (right && !is_over(&j)) {
		if (search_next(&j.search))
			right = scenario_run(scenario);
		else
			j.complete = true;
	}
	totals->schedules += j.search.schedules;
	totals->complete += j.complete;
	totals->failures += !right;
	if (right) {
		save(&j);
		tell_row(&j, j.complete ? "complete" : "");
	} else {
		tell_failure(&j);
	}
	return right;
}

/* ---- all of them ---------------------------------------------------------- */

static void await_child(void)
{
	int status;

	if (wait(&status) < 0)
		error(2, errno, "wait");
	children--;
	if (WIFEXITED(status) && WEXITSTATUS(status) < 2)
		return;
	if (WIFEXITED(status)) /* it has said why */
		exit(WEXITSTATUS(status));
	printf("FAIL scenario=? choices=? reason=a search was killed by signal "
	       "%d\n",
	       WTERMSIG(status));
	totals->failures++;
}

static void start(const struct scenario *s, const struct stage *stage)
{
	while (children >= run->jobs)
		await_child();
	if (time_is_up() || (totals->failures && !run->keep_going))
		return;
	fflush(stdout);
	switch (fork()) {
	case -1:
		error(2, errno, "fork");
		break;
	case 0:
		_exit(!explore(s, stage));
	default:
		children++;
	}
}

static void start_stage(const struct stage *stage)
{
	for (const struct scenario *s = scenarios; s < scenarios + n_scenarios;
	     s++)
		if (s->scale >= stage->from && s->scale <= stage->to &&
		    run->is_chosen(s))
			start(s, stage);
}

int stages_run(const struct run *how)
{
	run = how;
	totals = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (totals == MAP_FAILED)
		error(2, errno, "mmap");
	begun = seconds();
	printf("%-18s %-9s %-26s %11s %-9s %4s %8s %9s\n", "scenario", "memory",
	       "bound", "schedules", "", "long", "seconds", "a second");
	for (const struct stage *stage = run->stages; stage->name; stage++)
		start_stage(stage);
	while (children)
		await_child();
	printf("%" PRIu64 " schedules, %" PRIu64 " searches complete, %" PRIu64
	       " failures, %.1f s\n",
	       totals->schedules, totals->complete, totals->failures,
	       seconds() - begun);
	return totals->failures > 0;
}
