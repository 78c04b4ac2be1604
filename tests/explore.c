/* SPDX-License-Identifier: MIT */
/*
 * explore: run every schedule of small programs on a coqueue, and judge each.
 * What it is made of: explore.h.
 */
#include "config.h"

#include <argp.h>
#include <error.h>
#include <inttypes.h>

#include "explore_stages.h"

enum {
	OPT_FULL = 256,
	OPT_QUICK,
	OPT_TORTURE,
	OPT_REPLAY,
	OPT_REPEAT,
	OPT_LIST,
	OPT_PCT,
	OPT_RANDOM,
	OPT_SEED,
	OPT_LIMIT,
	OPT_KEEP_GOING,
	OPT_STATE
};

/* clang-format off */
static const struct argp_option options[] = {
	{"full", OPT_FULL, 0, 0, "All scenarios, in several ways", 1},
	{"quick", OPT_QUICK, 0, 0, "What finds most mistakes in seconds", 1},
	{"torture", OPT_TORTURE, 0, 0, "What takes days", 1},
	{"replay", OPT_REPLAY, "SCENARIO:CHOICES", 0,
		"Run one schedule again, and show each step", 1},
	{"repeat", OPT_REPEAT, "N", 0, "Replay so many times, and show none", 1},
	{"list", OPT_LIST, 0, 0, "List the scenarios", 1},
	{0, 0, 0, 0, "Without any of these, all schedules with", 2},
	{"preemptions", 'p', "N", 0, "so many preemptions (2)", 2},
	{"delays", 'd', "N", 0, "and so many delayed stores (0)", 2},
	{"old", 'o', "N", 0, "and so many loads of old values (0)", 2},
	{"schedules", 'n', "N", 0, "but at most so many of a scenario", 2},
	{"pct", OPT_PCT, 0, 0, "or random ones, by priorities,", 2},
	{"random", OPT_RANDOM, 0, 0, "or at each step,", 2},
	{"seed", OPT_SEED, "N", 0, "that begin so (1)", 2},
	{0, 0, 0, 0, "In all cases", 3},
	{"jobs", 'j', "N", 0, "So many processes at a time (1)", 3},
	{"limit", OPT_LIMIT, "SECONDS", 0, "End after so long", 3},
	{"keep-going", OPT_KEEP_GOING, 0, 0, "Do not end at the first failure", 3},
	{"state", OPT_STATE, "DIRECTORY", 0,
		"Go on from where a search with the same directory stood", 3},
	{0}};
/* clang-format on */

static struct stage own[] = {{.name = "SC",
			      .search = {.mode = SEARCH_DEPTH,
					 .budget = {2, 0, 0, 0, 1, 0},
					 .seed = 1},
			      .from = SMALL,
			      .to = LARGE},
			     {0}};

static const char *chosen[512];
static size_t n_chosen;

static bool is_chosen(const struct scenario *s)
{
	for (size_t i = 0; i < n_chosen; i++)
		if (!strcmp(chosen[i], s->name))
			return true;
	return n_chosen == 0;
}

static struct run run = {own, is_chosen, 1, 0, false, NULL};
static const char *replay;
static int repeat = 1;
static bool list;

static const struct scenario *find(const char *name, size_t length)
{
	for (size_t i = 0; i < n_scenarios; i++)
		if (strlen(scenarios[i].name) == length &&
		    !strncmp(scenarios[i].name, name, length))
			return &scenarios[i];
	return NULL;
}

static int number(struct argp_state *state, const char *text)
{
	int value;
	char rest;

	if (sscanf(text, "%d%c", &value, &rest) != 1 || value < 0)
		argp_error(state, "'%s' is not a number", text);
	return value;
}

/* Of the search that the options describe. */
static bool parse_own(int key, char *arg, struct argp_state *state)
{
	struct search *s = &own[0].search;

	switch (key) {
	case 'p':
		s->budget.preemptions = number(state, arg);
		break;
	case 'd':
		s->budget.delays = number(state, arg);
		own[0].name = "TSO";
		break;
	case 'o':
		s->budget.old = number(state, arg);
		own[0].name = "C11";
		break;
	case 'n':
		own[0].schedules = (uint64_t)number(state, arg);
		break;
	case OPT_PCT:
	case OPT_RANDOM:
		s->mode = key == OPT_PCT ? SEARCH_PCT : SEARCH_RANDOM;
		s->budget.preemptions = UNBOUNDED;
		own[0].name = key == OPT_PCT ? "PCT" : "random";
		break;
	case OPT_SEED:
		s->seed = (uint64_t)number(state, arg);
		break;
	default:
		return false;
	}
	return true;
}

static void parse_scenario(const char *name, struct argp_state *state)
{
	if (!find(name, strlen(name)))
		argp_error(state, "there is no scenario '%s'", name);
	if (n_chosen == sizeof(chosen) / sizeof(chosen[0]))
		argp_error(state, "too many scenarios");
	chosen[n_chosen++] = name;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case OPT_FULL:
		run.stages = stages_full;
		break;
	case OPT_QUICK:
		run.stages = stages_quick;
		break;
	case OPT_TORTURE:
		run.stages = stages_torture;
		break;
	case OPT_REPLAY:
		replay = arg;
		break;
	case OPT_REPEAT:
		repeat = number(state, arg);
		break;
	case OPT_LIST:
		list = true;
		break;
	case 'j':
		run.jobs = number(state, arg);
		if (run.jobs == 0)
			argp_error(state, "no job is not enough");
		break;
	case OPT_LIMIT:
		run.limit = number(state, arg);
		break;
	case OPT_KEEP_GOING:
		run.keep_going = true;
		break;
	case OPT_STATE:
		run.state = arg;
		break;
	case ARGP_KEY_ARG:
		parse_scenario(arg, state);
		break;
	default:
		return parse_own(key, arg, state) ? 0 : ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* 1 if it failed, as for any search. */
static int run_again(void)
{
	const char *colon = strchrnul(replay, ':');
	const struct scenario *s = find(replay, (size_t)(colon - replay));
	struct search search = {0};
	int failed = 0;

	if (!s)
		error(2, 0, "there is no scenario '%.*s'",
		      (int)(colon - replay), replay);
	if (!*colon || !search_load_choices(&search, colon + 1))
		error(2, 0, "'%s' are no choices", colon);
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
	return failed > 0;
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
	if (replay)
		return run_again();
	if (!list)
		return stages_run(&run);
	for (size_t i = 0; i < n_scenarios; i++)
		printf("%-18s %s\n", scenarios[i].name, scenarios[i].about);
	return 0;
}
