/* SPDX-License-Identifier: MIT */
/*
 * explore: run every schedule of small programs on a coqueue, and judge each.
 * What it is made of: explore.h.
 */
#include "config.h"

#include <argp.h>
#include <error.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "explore_scenario.h"

#undef free
#undef aligned_alloc

/* A way to search, and for which scenarios. */
struct stage {
	const char *name;
	struct search search;
	enum scale from, to;
	uint64_t schedules; /* at most; 0: until complete */
};

enum { UNBOUNDED = 9999 };

#define DEPTH(p, d)                                                            \
	{                                                                      \
		.mode = SEARCH_DEPTH, .budget = { p, d, 0, 1 }                 \
	}
#define RANDOMLY(d)                                                            \
	{                                                                      \
		.mode = SEARCH_PCT, .budget = { UNBOUNDED, d, 0, 1 }           \
	}

/* What `make check-explore` does. */
static const struct stage full[] = {
	{"SC", DEPTH(2, 0), SMALL, MIDDLE, 0},
	{"TSO", DEPTH(2, 1), SMALL, SMALL, 0},
	{"TSO", DEPTH(1, 1), MIDDLE, MIDDLE, 1000000},
	{"PCT", RANDOMLY(0), SMALL, LARGE, 200000},
	{"PCT, TSO", RANDOMLY(4), SMALL, LARGE, 200000},
	{0}};

/* Finds most mistakes in seconds: the cheap searches of all come first. */
static const struct stage quick[] = {
	{"SC", DEPTH(0, 0), SMALL, LARGE, 2000},
	{"SC", DEPTH(1, 0), SMALL, LARGE, 20000},
	{"PCT, TSO", RANDOMLY(2), SMALL, LARGE, 10000},
	{"TSO", DEPTH(1, 1), SMALL, MIDDLE, 50000},
	{"SC", DEPTH(2, 0), SMALL, MIDDLE, 100000},
	{0}};

static struct stage own[] = {{"SC", DEPTH(2, 0), SMALL, LARGE, 0}, {0}};

static const struct stage *stages = own;
static const char *replay;
static int repeat = 1, jobs = 1;
static double limit; /* seconds for all; 0: none */
static bool list, keep_going;
static const char *chosen[64];
static size_t n_chosen;

/* ---- options -------------------------------------------------------------- */

enum {
	OPT_FULL = 256,
	OPT_QUICK,
	OPT_REPLAY,
	OPT_REPEAT,
	OPT_LIST,
	OPT_PCT,
	OPT_RANDOM,
	OPT_SEED,
	OPT_LIMIT,
	OPT_KEEP_GOING
};

static const struct argp_option options[] = {
	{"full", OPT_FULL, 0, 0, "All scenarios, all ways to search", 1},
	{"quick", OPT_QUICK, 0, 0,
	 "All scenarios, as far as finds most mistakes", 1},
	{"replay", OPT_REPLAY, "SCENARIO:CHOICES", 0,
	 "Run one schedule again, and show each step", 1},
	{"repeat", OPT_REPEAT, "N", 0, "Replay so many times, and show none",
	 1},
	{"list", OPT_LIST, 0, 0, "List the scenarios", 1},
	{"preemptions", 'p', "N", 0, "Search this deep (2)", 2},
	{"delays", 'd', "N", 0, "So many stores may be delayed (0)", 2},
	{"schedules", 'n', "N", 0, "At most so many of each scenario", 2},
	{"pct", OPT_PCT, 0, 0, "Random priorities instead of all schedules", 2},
	{"random", OPT_RANDOM, 0, 0, "Random choices instead of all schedules",
	 2},
	{"seed", OPT_SEED, "N", 0, "For these (1)", 2},
	{"jobs", 'j', "N", 0, "So many processes at a time (1)", 3},
	{"limit", OPT_LIMIT, "SECONDS", 0, "End after so long", 3},
	{"keep-going", OPT_KEEP_GOING, 0, 0, "Do not end at the first failure",
	 3},
	{0}};

static uint64_t number(struct argp_state *state, const char *text)
{
	uint64_t value;
	char rest;

	if (sscanf(text, "%" SCNu64 "%c", &value, &rest) != 1)
		argp_error(state, "'%s' is not a number", text);
	return value;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct search *s = &own[0].search;

	switch (key) {
	case OPT_FULL:
		stages = full;
		break;
	case OPT_QUICK:
		stages = quick;
		break;
	case OPT_REPLAY:
		replay = arg;
		break;
	case OPT_REPEAT:
		repeat = (int)number(state, arg);
		break;
	case OPT_LIST:
		list = true;
		break;
	case 'p':
		s->budget.preemptions = (int)number(state, arg);
		break;
	case 'd':
		s->budget.delays = (int)number(state, arg);
		own[0].name = "TSO";
		break;
	case 'n':
		own[0].schedules = number(state, arg);
		break;
	case OPT_PCT:
	case OPT_RANDOM:
		s->mode = key == OPT_PCT ? SEARCH_PCT : SEARCH_RANDOM;
		s->budget.preemptions = UNBOUNDED;
		own[0].name = key == OPT_PCT ? "PCT" : "random";
		break;
	case OPT_SEED:
		s->seed = number(state, arg);
		break;
	case 'j':
		jobs = (int)number(state, arg);
		break;
	case OPT_LIMIT:
		limit = (double)number(state, arg);
		break;
	case OPT_KEEP_GOING:
		keep_going = true;
		break;
	case ARGP_KEY_ARG:
		if (n_chosen == sizeof(chosen) / sizeof(chosen[0]))
			argp_error(state, "too many scenarios");
		chosen[n_chosen++] = arg;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct scenario *find(const char *name, size_t length)
{
	for (size_t i = 0; i < n_scenarios; i++)
		if (strlen(scenarios[i].name) == length &&
		    !strncmp(scenarios[i].name, name, length))
			return &scenarios[i];
	error(2, 0, "there is no scenario '%.*s'", (int)length, name);
	return NULL;
}

static bool is_chosen(const struct scenario *s)
{
	for (size_t i = 0; i < n_chosen; i++)
		if (!strcmp(chosen[i], s->name))
			return true;
	return n_chosen == 0;
}

/* ---- one search ----------------------------------------------------------- */

/* What the processes tell each other. */
static struct shared {
	_Atomic uint64_t schedules, steps, complete, failures;
} * shared;

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double begun;

static bool time_is_up(void)
{
	return limit > 0 && seconds() - begun > limit;
}

static void tell_failure(const struct scenario *s, const struct search *search)
{
	printf("FAIL scenario=%s schedules=%" PRIu64 " choices=%s:", s->name,
	       search->schedules, s->name);
	search_print_choices(stdout);
	printf(" reason=%s\n", machine_failure);
	fflush(stdout);
}

static void tell_row(const struct scenario *s, const struct stage *stage,
		     const struct search *search, bool complete, double took)
{
	const struct budget *b = &search->budget;
	char bound[32] = "";

	if (search->mode == SEARCH_DEPTH)
		snprintf(bound, sizeof(bound), "%d preemptions, %d delayed",
			 b->preemptions, b->delays);
	else if (b->delays)
		snprintf(bound, sizeof(bound), "%d delayed", b->delays);
	printf("%-18s %-9s %-26s %11" PRIu64 " %-9s %4u %8.1f %9.0f\n", s->name,
	       stage->name, bound, search->schedules,
	       complete ? "complete" : "", search->choices, took,
	       took > 0 ? (double)search->schedules / took : 0);
	fflush(stdout);
}

/* Whether all its schedules were right. */
static bool explore(const struct scenario *s, const struct stage *stage)
{
	struct search search = stage->search;
	double from = seconds();
	bool right = true, complete = false;

	search_begin(&search);
	while (right) {
		if ((stage->schedules &&
		     search.schedules >= stage->schedules) ||
		    (search.schedules % 256 == 255 && time_is_up()))
			break;
		if (!search_next(&search)) {
			complete = true;
			break;
		}
		right = scenario_run(s);
	}
	shared->schedules += search.schedules;
	shared->complete += complete;
	if (!right) {
		shared->failures++;
		tell_failure(s, &search);
	} else {
		tell_row(s, stage, &search, complete, seconds() - from);
	}
	return right;
}

/* ---- all of them ---------------------------------------------------------- */

static int children;

static void await_child(void)
{
	int status;

	if (wait(&status) < 0)
		return;
	children--;
	if (WIFSIGNALED(status)) {
		printf("FAIL scenario=? a search was killed by signal %d\n",
		       WTERMSIG(status));
		shared->failures++;
	}
}

static void start(const struct scenario *s, const struct stage *stage)
{
	while (children >= jobs)
		await_child();
	if (shared->failures && !keep_going)
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

static void explore_all(void)
{
	for (const struct stage *stage = stages; stage->name; stage++)
		for (size_t i = 0; i < n_scenarios && !time_is_up(); i++)
			if (scenarios[i].scale >= stage->from &&
			    scenarios[i].scale <= stage->to &&
			    is_chosen(&scenarios[i]))
				start(&scenarios[i], stage);
	while (children)
		await_child();
}

/* ---- replay --------------------------------------------------------------- */

/* 0 if it fails each time, as it should. */
static int replay_all(void)
{
	const char *colon = strchr(replay, ':');
	const struct scenario *s;
	struct search search;
	int failed = 0;

	if (!colon)
		error(2, 0, "--replay needs SCENARIO:CHOICES");
	s = find(replay, (size_t)(colon - replay));
	memset(&search, 0, sizeof(search));
	if (!search_load_choices(&search, colon + 1))
		error(2, 0, "'%s' are no choices", colon + 1);
	tracing = repeat == 1;
	for (int i = 0; i < repeat; i++) {
		search_begin(&search);
		search_next(&search);
		failed += !scenario_run(s);
	}
	if (failed && tracing) {
		printf("%s\n\n", machine_failure);
		verdict_print(stdout);
	}
	printf("%s: failed %d of %d times\n", s->name, failed, repeat);
	return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"[SCENARIO...]",
		"Run every schedule of small programs on a coqueue, within "
		"bounds, and judge each.",
		NULL,
		NULL,
		NULL};

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	for (size_t i = 0; i < n_chosen; i++)
		find(chosen[i], strlen(chosen[i]));
	if (list) {
		for (size_t i = 0; i < n_scenarios; i++)
			printf("%-18s %s\n", scenarios[i].name,
			       scenarios[i].about);
		return 0;
	}
	if (replay)
		return replay_all();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		error(2, errno, "mmap");
	begun = seconds();
	explore_all();
	printf("%" PRIu64 " schedules, %" PRIu64 " searches complete, %" PRIu64
	       " failures, %.1f s\n",
	       shared->schedules, shared->complete, shared->failures,
	       seconds() - begun);
	return shared->failures > 0;
}
