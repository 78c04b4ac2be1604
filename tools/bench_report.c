/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench.h"

#include <coqueue.h>

#include <gnu/libc-version.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* The middle one of some figures, and how far they lie apart. */
struct spread {
	double median;
	double min;
	double max;
};

/* From P50 on of workloads alone that time single items. */
enum figure { NS, CPU_NS, TIMES_BASELINE, P50, P99, P99_9, FIGURES };

static const char *const figure_names[FIGURES] = {
	"ns_per_item", "cpu_ns_per_item", "times_as_fast_as_baseline",
	"p50_ns",      "p99_ns",          "p99_9_ns"};

static enum figure figures_of(const struct bench_workload *workload)
{
	return bench_workload_is_timed(workload) ? FIGURES : P50;
}

static double figure_of(const struct bench_result *result,
			const struct bench_entry *entry, unsigned int i,
			enum figure figure)
{
	const struct bench_sample *sample = &entry->samples[i];

	switch (figure) {
	case NS:
		return sample->ns;
	case CPU_NS:
		return sample->cpu_ns;
	case TIMES_BASELINE:
		return result->entries[0].samples[i].ns / sample->ns;
	default:
		return sample->percentiles[figure - P50];
	}
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct spread spread_of(const struct bench_result *result,
			       const struct bench_entry *entry,
			       unsigned int repeat, enum figure figure)
{
	double sorted[BENCH_MAX_REPEAT];
	unsigned int i;

	for (i = 0; i < repeat; i++)
		sorted[i] = figure_of(result, entry, i, figure);
	qsort(sorted, repeat, sizeof(sorted[0]), by_size);
	return (struct spread){
		.median = (sorted[(repeat - 1) / 2] + sorted[repeat / 2]) / 2,
		.min = sorted[0],
		.max = sorted[repeat - 1],
	};
}

struct machine {
	long cores;
	char model[128];
	struct utsname uts;
	char date[32];
};

static void read_model(char *model, size_t size)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[256];
	char *value;

	snprintf(model, size, "unknown");
	while (f && fgets(line, sizeof(line), f)) {
		value = strstr(line, ": ");
		if (strncmp(line, "model name", 10) || !value)
			continue;
		snprintf(model, size, "%.*s", (int)strcspn(value + 2, "\n"),
			 value + 2);
		break;
	}
	if (f)
		fclose(f);
}

static void read_machine(struct machine *machine)
{
	time_t now = time(NULL);
	struct tm tm;

	machine->cores = sysconf(_SC_NPROCESSORS_ONLN);
	read_model(machine->model, sizeof(machine->model));
	uname(&machine->uts);
	gmtime_r(&now, &tm);
	strftime(machine->date, sizeof(machine->date), "%Y-%m-%dT%H:%M:%SZ",
		 &tm);
}

void bench_print_head(FILE *to, const struct bench_plan *plan)
{
	const struct bench_workload *w;
	const struct bench_peer *peer;
	struct machine machine;

	read_machine(&machine);
	fprintf(to, "coqueue %s, %s\n", coqueue_version(), machine.date);
	fprintf(to, "%ld cores, %s, %s %s, glibc %s, compiler %s\n",
		machine.cores, machine.model, machine.uts.sysname,
		machine.uts.release, gnu_get_libc_version(), __VERSION__);
	fprintf(to,
		"medians of %u samples of %g s or more (smallest - largest); "
		"threads %s; seed %llu\n",
		plan->repeat, plan->seconds,
		plan->pin ? "pinned to cores" : "not pinned",
		(unsigned long long)plan->seed);
	for (peer = bench_peers; peer->name; peer++)
		if (!peer->queue)
			fprintf(to, "left out of this build: %s (%s)\n",
				peer->name, peer->about);
	for (w = bench_workloads; w->name; w++)
		if (!bench_workload_is_built(w))
			fprintf(to, "left out of this build: %s (%s)\n",
				w->name, w->about);
	fprintf(to, "\n%-14s %-11s %30s %10s %25s\n", "", "", "ns per item",
		"cpu ns", "times as fast");
}

static void print_figures(FILE *to, const struct bench_plan *plan,
			  const struct bench_result *result,
			  const struct bench_entry *entry)
{
	struct spread ns = spread_of(result, entry, plan->repeat, NS);
	struct spread cpu = spread_of(result, entry, plan->repeat, CPU_NS);
	struct spread times =
		spread_of(result, entry, plan->repeat, TIMES_BASELINE);

	fprintf(to, " %9.1f (%8.1f - %8.1f) %10.1f", ns.median, ns.min, ns.max,
		cpu.median);
	if (entry != &result->entries[0])
		fprintf(to, " %8.2f (%6.2f - %6.2f)", times.median, times.min,
			times.max);
}

/* A line below those of the medians, of which these are some, too. */
static void print_percentiles(FILE *to, const struct bench_plan *plan,
			      const struct bench_result *result,
			      const struct bench_entry *entry)
{
	static const char *const names[] = {"p50", "p99", "p99.9"};
	enum figure figure;

	fprintf(to, "\n%26s", "");
	for (figure = P50; figure < FIGURES; figure++)
		fprintf(to, " %5s %9.1f", names[figure - P50],
			spread_of(result, entry, plan->repeat, figure).median);
}

void bench_print_result(FILE *to, const struct bench_plan *plan,
			const struct bench_result *result)
{
	const struct bench_entry *entry;
	unsigned int n;

	for (n = 0; n < result->n_entries; n++) {
		entry = &result->entries[n];
		fprintf(to, "%-14s %-11s", n == 0 ? result->workload->name : "",
			entry->peer->name);
		if (entry->not_supported)
			fputs(" not supported", to);
		else
			print_figures(to, plan, result, entry);
		if (!entry->not_supported &&
		    bench_workload_is_timed(result->workload))
			print_percentiles(to, plan, result, entry);
		fputc('\n', to);
	}
	fflush(to);
}

static json_t *figure_to_json(const struct bench_result *result,
			      const struct bench_entry *entry,
			      unsigned int repeat, enum figure figure)
{
	struct spread spread = spread_of(result, entry, repeat, figure);
	json_t *samples = json_array();
	unsigned int i;

	for (i = 0; i < repeat; i++)
		json_array_append_new(
			samples,
			json_real(figure_of(result, entry, i, figure)));
	return json_pack("{s:f, s:f, s:f, s:o}", "median", spread.median, "min",
			 spread.min, "max", spread.max, "samples", samples);
}

static json_t *entry_to_json(const struct bench_plan *plan,
			     const struct bench_result *result,
			     const struct bench_entry *entry)
{
	json_t *object = json_pack("{s:s, s:b}", "about", entry->peer->about,
				   "supported", !entry->not_supported);
	enum figure figure;

	for (figure = 0;
	     figure < figures_of(result->workload) && !entry->not_supported;
	     figure++)
		json_object_set_new(
			object, figure_names[figure],
			figure_to_json(result, entry, plan->repeat, figure));
	return object;
}

static json_t *result_to_json(const struct bench_plan *plan,
			      const struct bench_result *result)
{
	const struct bench_workload *w = result->workload;
	json_t *object = json_pack(
		"{s:s, s:s, s:s, s:i, s:i, s:s}", "name", w->name, "about",
		w->about, "kind", bench_kind_names[w->kind], "producers",
		(int)w->producers, "consumers", (int)w->consumers, "baseline",
		result->entries[0].peer->name);
	json_t *peers = json_object();
	unsigned int n;

	if (w->kind != BENCH_UNBOUNDED)
		json_object_set_new(object, "capacity",
				    json_integer((json_int_t)w->capacity));
	for (n = 0; n < result->n_entries; n++)
		json_object_set_new(
			peers, result->entries[n].peer->name,
			entry_to_json(plan, result, &result->entries[n]));
	json_object_set_new(object, "peers", peers);
	return object;
}

static json_t *left_out_to_json(void)
{
	json_t *list = json_array();
	const struct bench_workload *w;
	const struct bench_peer *peer;

	for (peer = bench_peers; peer->name; peer++)
		if (!peer->queue)
			json_array_append_new(list, json_string(peer->name));
	for (w = bench_workloads; w->name; w++)
		if (!bench_workload_is_built(w))
			json_array_append_new(list, json_string(w->name));
	return list;
}

static json_t *head_to_json(const struct bench_plan *plan)
{
	struct machine machine;

	read_machine(&machine);
	return json_pack("{s:s, s:s, s:{s:I, s:s, s:s, s:s, s:s, s:s},"
			 " s:o, s:i, s:f, s:b, s:I}",
			 "version", coqueue_version(), "date", machine.date,
			 "machine", "cores", (json_int_t)machine.cores, "model",
			 machine.model, "system", machine.uts.sysname,
			 "release", machine.uts.release, "glibc",
			 gnu_get_libc_version(), "compiler", __VERSION__,
			 "left_out", left_out_to_json(), "repeat",
			 (int)plan->repeat, "seconds", plan->seconds, "pinned",
			 (int)plan->pin, "seed", (json_int_t)plan->seed);
}

const char *bench_write_json(const char *file, const struct bench_plan *plan,
			     const struct bench_result *results, size_t n)
{
	json_t *root = head_to_json(plan);
	json_t *list = json_array();
	const char *error = NULL;
	size_t i;

	for (i = 0; i < n; i++)
		json_array_append_new(list, result_to_json(plan, &results[i]));
	if (json_object_set_new(root, "workloads", list))
		error = "no memory";
	else if (json_dump_file(root, file, JSON_INDENT(2)))
		error = "cannot write the JSON file";
	json_decref(root);
	return error;
}
