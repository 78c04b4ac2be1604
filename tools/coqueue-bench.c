/* SPDX-License-Identifier: MIT */
/*
 * coqueue-bench: how fast coqueue is beside the queues that everyone writes by
 * hand, and those of other libraries.  Their samples are taken in turn, in
 * random order, each in a process of its own, so that a noisy minute or a lucky
 * memory layout meets all.
 */
#include "config.h"

#include "bench.h"
#include "bench_distance.h"
#include "bench_hogs.h"

#include <coqueue.h>

#include <argp.h>
#include <error.h>
#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

enum { WORKLOADS_MAX = 64, QUEUES_MAX = 32, HOGS_MAX = 1024 };

enum output { JSON, TSV, PLOT, OUTPUTS };

static bench_write *const writers[OUTPUTS] = {
	[JSON] = bench_write_json,
	[TSV] = bench_write_tsv,
	[PLOT] = bench_write_plot,
};

struct options {
	struct bench_plan plan;
	const char *files[OUTPUTS]; /* NULL: not wanted */
	struct bench_baseline *baseline;
	const struct bench_workload *chosen[WORKLOADS_MAX];
	size_t n_chosen;
	const char *queues[QUEUES_MAX]; /* patterns */
	size_t n_queues;                /* 0: all */
};

static const char doc[] =
	"Compare the speed of coqueue with that of queues made by hand of a "
	"mutex and condition variables, and with those of other libraries.\v"
	"Exit status: 0, 1 when a sample failed (a queue hung, crashed or lost "
	"an item) or a file cannot be written, 2 for a usage error.  An idle "
	"machine gives better figures.";

enum { KEY_DURATION = 'd', KEY_JSON = 'j', KEY_LIST = 'l', KEY_PIN = 'p' };
enum { KEY_REPEAT = 'r', KEY_SEED = 's', KEY_WORKLOAD = 'w' };
enum { KEY_TSV = 't', KEY_PLOT = 'o', KEY_BASELINE = 'b' };
enum { KEY_QUEUE = 'q', KEY_HOGS = 'H', KEY_DISTANCE = 'D' };

static const struct argp_option argp_options[] = {
	{"workload", KEY_WORKLOAD, "NAME", 0,
	 "measure this one, or those that match a pattern such as 'lifo*'; "
	 "may be given again (default: all)",
	 0},
	{"queue", KEY_QUEUE, "NAME", 0,
	 "beside coqueue measure this one, or those that match a pattern; may "
	 "be given again (default: all)",
	 0},
	{"list", KEY_LIST, NULL, 0, "list workloads and queues", 0},
	{"repeat", KEY_REPEAT, "N", 0,
	 "samples of each workload and queue (default: 7)", 0},
	{"duration", KEY_DURATION, "SECONDS", 0,
	 "measured time of a sample, at least (default: 0.25)", 0},
	{"pin", KEY_PIN, "yes|no", 0,
	 "bind thread i to core i modulo the number of cores (default: yes)",
	 0},
	{"hogs", KEY_HOGS, "N", 0,
	 "let N processes be busy meanwhile, bound as threads are (default: 0)",
	 0},
	{"distance", KEY_DISTANCE, "MIN-MAX", 0,
	 "take samples only while a cache line goes from the core of thread 0 "
	 "to that of thread 1 and back in MIN to MAX ns; wait until then",
	 0},
	{"seed", KEY_SEED, "N", 0, "order of the samples (default: random)", 0},
	{"json", KEY_JSON, "FILE", 0, "write every figure to FILE, too", 0},
	{"tsv", KEY_TSV, "FILE", 0,
	 "write a line for each workload and queue, with tabs between figures",
	 0},
	{"plot", KEY_PLOT, "FILE.svg", 0, "draw bars (with gnuplot)", 0},
	{"baseline", KEY_BASELINE, "FILE", 0,
	 "compare with an earlier run, whose --json wrote FILE", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

static const char left_out[] = " (left out of this build)";

static void list_workloads(void)
{
	const struct bench_workload *w;

	puts("Workloads:");
	for (w = bench_workloads; w->name; w++) {
		printf("  %-14s  %s", w->name, w->about);
		if (w->capacity)
			printf(", capacity %zu", w->capacity);
		puts(bench_workload_is_built(w) ? "" : left_out);
	}
}

static void list_queues(void)
{
	const struct bench_peer *p;

	puts("\nQueues; ratios are to the first one that has the workload:");
	for (p = bench_peers; p->name; p++)
		printf("  %-14s  %s%s\n", p->name, p->about,
		       p->queue ? "" : left_out);
}

static void choose(struct options *options, const struct bench_workload *w,
		   struct argp_state *state)
{
	if (options->n_chosen == WORKLOADS_MAX)
		argp_error(state, "too many workloads");
	options->chosen[options->n_chosen++] = w;
}

static void choose_by_name(struct options *options, const char *pattern,
			   struct argp_state *state)
{
	const struct bench_workload *w;
	bool found = false;

	for (w = bench_workloads; w->name; w++) {
		if (!bench_workload_is_built(w) || fnmatch(pattern, w->name, 0))
			continue;
		choose(options, w, state);
		found = true;
	}
	if (!found)
		argp_error(state, "no workload '%s' (see --list)", pattern);
}

static void choose_queue(struct options *options, const char *pattern,
			 struct argp_state *state)
{
	const struct bench_peer *p;

	for (p = bench_peers; p->name; p++)
		if (p->queue && fnmatch(pattern, p->name, 0) == 0)
			break;
	if (!p->name)
		argp_error(state, "no queue '%s' (see --list)", pattern);
	if (options->n_queues == QUEUES_MAX)
		argp_error(state, "too many queues");
	options->queues[options->n_queues++] = pattern;
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

static void read_distance(struct bench_plan *plan, const char *arg,
			  struct argp_state *state)
{
	char rest;

	if (sscanf(arg, "%lf-%lf%c", &plan->near, &plan->far, &rest) != 2 ||
	    !(plan->near >= 0 && plan->near < plan->far))
		argp_error(state, "'%s' is no range of ns, such as 0-200", arg);
}

static bool yes_or_no(const char *arg, struct argp_state *state)
{
	if (strcmp(arg, "yes") && strcmp(arg, "no"))
		argp_error(state, "'%s' is neither yes nor no", arg);
	return !strcmp(arg, "yes");
}

static void read_baseline(struct options *options, const char *file)
{
	char why[256];

	if (options->baseline)
		bench_free_baseline(options->baseline);
	options->baseline = bench_read_baseline(file, why, sizeof(why));
	if (!options->baseline)
		error(EXIT_USAGE, 0, "cannot compare with %s: %s", file, why);
}

static const char *svg_name(const char *arg, struct argp_state *state)
{
	const char *dot = strrchr(arg, '.');

	if (!dot || strcmp(dot, ".svg"))
		argp_error(state, "'%s': plots are SVG, in a file named so",
			   arg);
	return arg;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_WORKLOAD:
		choose_by_name(options, arg, state);
		return 0;
	case KEY_QUEUE:
		choose_queue(options, arg, state);
		return 0;
	case KEY_LIST:
		list_workloads();
		list_queues();
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
	case KEY_HOGS:
		options->plan.hogs =
			(unsigned int)number(arg, 0, HOGS_MAX, state);
		return 0;
	case KEY_DISTANCE:
		read_distance(&options->plan, arg, state);
		return 0;
	case KEY_SEED:
		options->plan.seed =
			(uint64_t)number(arg, 0, UINT32_MAX, state);
		return 0;
	case KEY_JSON:
		options->files[JSON] = arg;
		return 0;
	case KEY_TSV:
		options->files[TSV] = arg;
		return 0;
	case KEY_PLOT:
		options->files[PLOT] = svg_name(arg, state);
		return 0;
	case KEY_BASELINE:
		read_baseline(options, arg);
		return 0;
	case ARGP_KEY_END:
		if (!options->n_chosen)
			choose_by_name(options, "*", state);
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

static double distance; /* when it was looked at last */

/* Not beside who is always busy: the two ends are to run at the same time. */
static void look(const struct bench_plan *plan)
{
	distance = plan->hogs ? 0 : bench_distance();
}

static bool is_at_distance(const struct bench_plan *plan)
{
	return plan->far == INFINITY ||
	       (distance > 0 && distance >= plan->near &&
		distance <= plan->far);
}

static void await_distance(const struct bench_plan *plan)
{
	if (!is_at_distance(plan))
		fprintf(stderr, "%s: waiting, a cache line takes %.0f ns\n",
			program_invocation_short_name, distance);
	for (; !is_at_distance(plan); look(plan))
		usleep(100000);
}

/* A sample counts if the distance was as is wanted before and after. */
static const char *take_at_distance(const struct bench_workload *workload,
				    const struct bench_queue *queue,
				    const struct bench_plan *plan,
				    struct bench_sample *sample)
{
	const char *problem;
	double before;

	do {
		await_distance(plan);
		before = distance;
		problem = bench_take(workload, queue, plan, sample);
		look(plan);
	} while (!problem && !is_at_distance(plan));
	sample->distance = fmax(before, distance);
	return problem;
}

static void take(const struct options *options,
		 const struct bench_workload *workload,
		 struct bench_entry *entry, unsigned int i)
{
	struct bench_sample *sample = &entry->samples[i];
	const char *problem;

	if (entry->not_supported)
		return;
	problem = take_at_distance(workload, entry->peer->queue, &options->plan,
				   sample);
	if (!problem && !sample->items)
		problem = "no item came out";
	if (problem == bench_not_supported)
		entry->not_supported = true;
	else if (problem)
		error(EXIT_FAILURE, 0, "%s, %s: %s", workload->name,
		      entry->peer->name, problem);
}

/* Sample i of a workload, from each peer, one right after the other. */
static void take_from_each(const struct options *options,
			   struct bench_result *result, unsigned int i)
{
	unsigned int order[BENCH_MAX_PEERS], n;

	shuffle(order, result->n_entries);
	for (n = 0; n < result->n_entries; n++)
		take(options, result->workload, &result->entries[order[n]], i);
}

static void take_all(const struct options *options,
		     struct bench_result *results)
{
	unsigned int order[WORKLOADS_MAX], i, n;
	bool terminal = isatty(STDERR_FILENO);

	if (options->plan.far < INFINITY &&
	    (options->plan.hogs > 0 || !bench_has_distance()))
		error(EXIT_FAILURE, 0,
		      "--distance: there is one core, or --hogs are busy "
		      "there");
	look(&options->plan);
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

static void add_entry(struct bench_result *result,
		      const struct bench_peer *peer, unsigned int repeat)
{
	struct bench_entry *entry = &result->entries[result->n_entries++];

	entry->peer = peer;
	entry->samples = calloc(repeat, sizeof(*entry->samples));
	if (!entry->samples)
		error(EXIT_FAILURE, ENOMEM, "samples");
}

static bool is_wanted(const struct options *options,
		      const struct bench_peer *peer)
{
	bool wanted = !options->n_queues || !strcmp(peer->name, "coqueue");
	size_t i;

	for (i = 0; i < options->n_queues && !wanted; i++)
		wanted = fnmatch(options->queues[i], peer->name, 0) == 0;
	return wanted;
}

static void prepare(const struct options *options, struct bench_result *results)
{
	const struct bench_peer *peer;
	size_t i;

	for (i = 0; i < options->n_chosen; i++) {
		results[i].workload = options->chosen[i];
		for (peer = bench_peers; peer->name; peer++)
			if (is_wanted(options, peer) &&
			    bench_peer_takes_part(peer, options->chosen[i]))
				add_entry(&results[i], peer,
					  options->plan.repeat);
	}
}

static void release(const struct options *options, struct bench_result *results)
{
	unsigned int n;
	size_t i;

	for (i = 0; i < options->n_chosen; i++)
		for (n = 0; n < results[i].n_entries; n++)
			free(results[i].entries[n].samples);
	if (options->baseline)
		bench_free_baseline(options->baseline);
}

/* What can be known before anything is measured, which takes long. */
static void check_outputs(const struct options *options)
{
	const char *problem;
	enum output output;
	FILE *f;

	for (output = 0; output < OUTPUTS; output++) {
		if (!options->files[output])
			continue;
		f = fopen(options->files[output], "a");
		if (!f || fclose(f))
			error(EXIT_FAILURE, errno, "%s",
			      options->files[output]);
	}
	problem = options->files[PLOT] ? bench_check_plot() : NULL;
	if (problem)
		error(EXIT_FAILURE, errno, "%s", problem);
}

static void report(const struct options *options,
		   const struct bench_result *results)
{
	const char *problem;
	enum output output;
	size_t i;

	bench_print_head(stdout, &options->plan, results, options->n_chosen);
	for (i = 0; i < options->n_chosen; i++)
		bench_print_result(stdout, &options->plan, &results[i]);
	if (options->baseline)
		bench_print_baseline(stdout, options->baseline, &options->plan,
				     results, options->n_chosen);
	for (output = 0; output < OUTPUTS; output++) {
		if (!options->files[output])
			continue;
		problem =
			writers[output](options->files[output], &options->plan,
					results, options->n_chosen);
		if (problem)
			error(EXIT_FAILURE, errno, "%s: %s",
			      options->files[output], problem);
	}
}

int main(int argc, char **argv)
{
	static const struct argp argp = {argp_options, parse, NULL, doc,
					 NULL,         NULL,  NULL};
	struct options options = {.plan = {.seconds = 0.25,
					   .pin = true,
					   .repeat = 7,
					   .far = INFINITY}};
	static struct bench_result results[WORKLOADS_MAX];
	int err;

	options.plan.seed = (uint64_t)time(NULL);
	argp_program_version_hook = print_version;
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	check_outputs(&options);
	prepare(&options, results);
	err = bench_start_hogs(options.plan.hogs, options.plan.pin);
	if (err)
		error(EXIT_FAILURE, err, "a process that is busy");
	take_all(&options, results);
	report(&options, results);
	release(&options, results);
	return EXIT_SUCCESS;
}
