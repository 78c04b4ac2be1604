/* SPDX-License-Identifier: MIT */
/*
 * coqueue-bench: how fast coqueue is beside the queue that everyone writes by
 * hand.  Samples of the two are taken in turn, in random order, each in a
 * process of its own, so that a noisy minute or a lucky memory layout meets
 * both.
 */
#include "config.h"

#include "bench.h"

#include <coqueue.h>

#include <argp.h>
#include <error.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

enum { WORKLOADS_MAX = 64 };

struct options {
	struct bench_plan plan;
	const char *json;
	const struct bench_workload *chosen[WORKLOADS_MAX];
	size_t n_chosen;
};

static const char doc[] =
	"Compare the speed of coqueue with that of a queue made by hand of one "
	"mutex and two condition variables.\v"
	"Exit status: 0, 1 when a sample failed (a queue hung, crashed or lost "
	"an item), 2 for a usage error.  An idle machine gives better figures.";

enum { KEY_DURATION = 'd', KEY_JSON = 'j', KEY_LIST = 'l', KEY_PIN = 'p' };
enum { KEY_REPEAT = 'r', KEY_SEED = 's', KEY_WORKLOAD = 'w' };

static const struct argp_option argp_options[] = {
	{"workload", KEY_WORKLOAD, "NAME", 0,
	 "measure this one; may be given again (default: all)", 0},
	{"list", KEY_LIST, NULL, 0, "list the workloads", 0},
	{"repeat", KEY_REPEAT, "N", 0,
	 "samples of each workload and queue (default: 7)", 0},
	{"duration", KEY_DURATION, "SECONDS", 0,
	 "measured time of a sample, at least (default: 0.25)", 0},
	{"pin", KEY_PIN, "yes|no", 0,
	 "bind thread i to core i modulo the number of cores (default: yes)",
	 0},
	{"seed", KEY_SEED, "N", 0, "order of the samples (default: random)", 0},
	{"json", KEY_JSON, "FILE", 0, "write every figure to FILE, too", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

static void list_workloads(void)
{
	const struct bench_workload *w;

	for (w = bench_workloads; w->name; w++)
		printf("%-10s %s, capacity %zu\n", w->name, w->about,
		       w->capacity);
}

static void choose(struct options *options, const struct bench_workload *w,
		   struct argp_state *state)
{
	if (options->n_chosen == WORKLOADS_MAX)
		argp_error(state, "too many workloads");
	options->chosen[options->n_chosen++] = w;
}

static void choose_by_name(struct options *options, const char *name,
			   struct argp_state *state)
{
	const struct bench_workload *w = bench_workloads;

	while (w->name && strcmp(w->name, name))
		w++;
	if (!w->name)
		argp_error(state, "no workload '%s' (see --list)", name);
	choose(options, w, state);
}

static double number(const char *arg, double min, double max,
		     struct argp_state *state)
{
	char *end;
	double value = strtod(arg, &end);

	if (end == arg || *end || !(value >= min && value <= max))
		argp_error(state, "'%s' is no number from %g to %g", arg, min,
			   max);
	return value;
}

static bool yes_or_no(const char *arg, struct argp_state *state)
{
	if (strcmp(arg, "yes") && strcmp(arg, "no"))
		argp_error(state, "'%s' is neither yes nor no", arg);
	return !strcmp(arg, "yes");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;
	const struct bench_workload *w;

	switch (key) {
	case KEY_WORKLOAD:
		choose_by_name(options, arg, state);
		return 0;
	case KEY_LIST:
		list_workloads();
		exit(EXIT_SUCCESS);
	case KEY_REPEAT:
		options->plan.repeat =
			(unsigned int)number(arg, 1, BENCH_MAX_REPEAT, state);
		return 0;
	case KEY_DURATION:
		options->plan.seconds = number(arg, 0.001, 3600, state);
		return 0;
	case KEY_PIN:
		options->plan.pin = yes_or_no(arg, state);
		return 0;
	case KEY_SEED:
		options->plan.seed =
			(uint64_t)number(arg, 0, UINT32_MAX, state);
		return 0;
	case KEY_JSON:
		options->json = arg;
		return 0;
	case ARGP_KEY_END:
		if (!options->n_chosen)
			for (w = bench_workloads; w->name; w++)
				choose(options, w, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_version(FILE *stream, struct argp_state *state)
{
	(void)state;
	fprintf(stream, "coqueue-bench %s\n", coqueue_version());
}

static void shuffle(unsigned int *order, unsigned int n)
{
	unsigned int i, other, swap;

	for (i = 0; i < n; i++)
		order[i] = i;
	for (i = n; i > 1; i--) {
		other = (unsigned int)random() % i;
		swap = order[i - 1];
		order[i - 1] = order[other];
		order[other] = swap;
	}
}

/* Sample i of a workload, from each peer, one right after the other. */
static void take_from_each(const struct options *options,
			   const struct bench_result *result, unsigned int i)
{
	unsigned int order[BENCH_PEERS], n;
	const char *problem;

	shuffle(order, BENCH_PEERS);
	for (n = 0; n < BENCH_PEERS; n++) {
		problem = bench_take(result->workload, order[n], &options->plan,
				     &result->samples[order[n]][i]);
		if (problem)
			error(EXIT_FAILURE, 0, "%s, %s: %s",
			      result->workload->name,
			      bench_peer_names[order[n]], problem);
	}
}

static void take_all(const struct options *options,
		     const struct bench_result *results)
{
	unsigned int order[WORKLOADS_MAX], i, n;
	bool terminal = isatty(STDERR_FILENO);

	srandom((unsigned int)options->plan.seed);
	for (i = 0; i < options->plan.repeat; i++) {
		shuffle(order, (unsigned int)options->n_chosen);
		for (n = 0; n < options->n_chosen; n++) {
			if (terminal)
				fprintf(stderr, "\r\033[Kround %u of %u: %s",
					i + 1, options->plan.repeat,
					results[order[n]].workload->name);
			take_from_each(options, &results[order[n]], i);
		}
	}
	if (terminal)
		fprintf(stderr, "\r\033[K");
}

static void prepare(const struct options *options, struct bench_result *results)
{
	unsigned int peer;
	size_t i;

	for (i = 0; i < options->n_chosen; i++) {
		results[i].workload = options->chosen[i];
		for (peer = 0; peer < BENCH_PEERS; peer++) {
			results[i].samples[peer] =
				calloc(options->plan.repeat,
				       sizeof(struct bench_sample));
			if (!results[i].samples[peer])
				error(EXIT_FAILURE, ENOMEM, "samples");
		}
	}
}

static void release(const struct options *options, struct bench_result *results)
{
	unsigned int peer;
	size_t i;

	for (i = 0; i < options->n_chosen; i++)
		for (peer = 0; peer < BENCH_PEERS; peer++)
			free(results[i].samples[peer]);
}

static void report(const struct options *options,
		   const struct bench_result *results)
{
	const char *problem;
	size_t i;

	bench_print_head(stdout, &options->plan);
	for (i = 0; i < options->n_chosen; i++)
		bench_print_result(stdout, &options->plan, &results[i]);
	if (!options->json)
		return;
	problem = bench_write_json(options->json, &options->plan, results,
				   options->n_chosen);
	if (problem)
		error(EXIT_FAILURE, errno, "%s: %s", options->json, problem);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {argp_options, parse, NULL, doc,
					 NULL,         NULL,  NULL};
	struct options options = {
		.plan = {.seconds = 0.25, .pin = true, .repeat = 7}};
	struct bench_result results[WORKLOADS_MAX] = {{0}};

	options.plan.seed = (uint64_t)time(NULL);
	argp_program_version_hook = print_version;
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	prepare(&options, results);
	take_all(&options, results);
	report(&options, results);
	release(&options, results);
	return EXIT_SUCCESS;
}
