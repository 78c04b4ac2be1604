/* SPDX-License-Identifier: MIT */
/* The table and the JSON file. */
#include "config.h"

#include "bench_figures.h"
#include "bench_machine.h"

#include <coqueue.h>

#include <gnu/libc-version.h>
#include <jansson.h>

/* Where it varied, medians are of near cores and of far ones. */
static void print_distances(FILE *to, struct bench_spread ns)
{
	if (ns.max > 0)
		fprintf(to,
			"a cache line from core to core and back takes %.0f ns "
			"(%.0f - %.0f)%s\n",
			ns.median, ns.min, ns.max,
			ns.max > 2 * ns.min ? ": it varied, see --distance"
					    : "");
}

void bench_print_head(FILE *to, const struct bench_plan *plan,
		      const struct bench_result *results, size_t n)
{
	const struct bench_workload *w;
	const struct bench_peer *peer;
	struct bench_machine machine;

	bench_read_machine(&machine);
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
	print_distances(to, bench_distances(results, n, plan->repeat));
	if (plan->hogs)
		fprintf(to, "beside %u processes that are busy\n", plan->hogs);
	for (peer = bench_peers; peer->name; peer++)
		if (!peer->queue)
			fprintf(to, "left out of this build: %s (%s)\n",
				peer->name, peer->about);
	for (w = bench_workloads; w->name; w++)
		if (!bench_workload_is_built(w))
			fprintf(to, "left out of this build: %s (%s)\n",
				w->name, w->about);
	fputs("times as fast as the first queue of the workload; coqueue: so "
	      "many times as fast as this\nqueue; ~ no difference: the samples "
	      "of both overlap; bytes: they count, not time\n",
	      to);
	fprintf(to, "\n%-14s %-11s %30s %10s %25s %8s\n", "", "", "ns per item",
		"cpu ns", "times as fast", "coqueue");
}

static void print_figures(FILE *to, const struct bench_plan *plan,
			  const struct bench_result *result,
			  const struct bench_entry *entry)
{
	struct bench_spread spread[BENCH_FIGURES], *s;
	enum bench_figure figure;

	for (figure = 0; figure < BENCH_FIGURES; figure++)
		if (bench_has_figure(result, entry, figure))
			spread[figure] = bench_spread_of(result, entry,
							 plan->repeat, figure);
	s = &spread[BENCH_NS];
	fprintf(to, " %9.1f (%8.1f - %8.1f)", s->median, s->min, s->max);
	if (bench_has_figure(result, entry, BENCH_CPU_NS))
		fprintf(to, " %10.1f", spread[BENCH_CPU_NS].median);
	else
		fprintf(to, " %10s", bench_unit_of(result->workload));
	s = &spread[BENCH_TIMES_BASELINE];
	if (entry == &result->entries[0] ||
	    !bench_has_figure(result, entry, BENCH_TIMES_BASELINE))
		fprintf(to, "%26s", "");
	else
		fprintf(to, " %8.2f (%6.2f - %6.2f)", s->median, s->min,
			s->max);
	if (!bench_is_coqueue(entry) &&
	    bench_has_figure(result, entry, BENCH_COQUEUE_TIMES))
		fprintf(to, " %8.2f%s", spread[BENCH_COQUEUE_TIMES].median,
			bench_like_coqueue(result, entry, plan->repeat) ? " ~"
									: "");
}

/* A line below those of the medians, of which these are some, too. */
static void print_percentiles(FILE *to, const struct bench_plan *plan,
			      const struct bench_result *result,
			      const struct bench_entry *entry)
{
	static const char *const names[] = {"p50", "p99", "p99.9"};
	enum bench_figure figure;

	fprintf(to, "\n%26s", "");
	for (figure = BENCH_NS_P50; figure <= BENCH_NS_P99_9; figure++)
		fprintf(to, " %5s %9.1f", names[figure - BENCH_NS_P50],
			bench_spread_of(result, entry, plan->repeat, figure)
				.median);
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
		if (bench_has_figure(result, entry, BENCH_NS_P50))
			print_percentiles(to, plan, result, entry);
		fputc('\n', to);
	}
	fflush(to);
}

static json_t *figure_to_json(const struct bench_result *result,
			      const struct bench_entry *entry,
			      unsigned int repeat, enum bench_figure figure)
{
	struct bench_spread spread =
		bench_spread_of(result, entry, repeat, figure);
	json_t *samples = json_array();
	unsigned int i;

	for (i = 0; i < repeat; i++)
		json_array_append_new(
			samples,
			json_real(bench_figure_of(result, entry, i, figure)));
	return json_pack("{s:f, s:f, s:f, s:o}", "median", spread.median, "min",
			 spread.min, "max", spread.max, "samples", samples);
}

static json_t *entry_to_json(const struct bench_plan *plan,
			     const struct bench_result *result,
			     const struct bench_entry *entry)
{
	json_t *object = json_pack("{s:s, s:b}", "about", entry->peer->about,
				   "supported", !entry->not_supported);
	const char *unit = bench_unit_of(result->workload);
	enum bench_figure figure;

	for (figure = 0; figure < BENCH_FIGURES; figure++)
		if (bench_has_figure(result, entry, figure))
			json_object_set_new(
				object, bench_figure_name(unit, figure),
				figure_to_json(result, entry, plan->repeat,
					       figure));
	return object;
}

static json_t *result_to_json(const struct bench_plan *plan,
			      const struct bench_result *result)
{
	const struct bench_workload *w = result->workload;
	json_t *object =
		json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:s}", "name",
			  w->name, "about", w->about, "unit", bench_unit_of(w),
			  "kind", bench_kind_names[w->kind], "producers",
			  (int)w->producers, "consumers", (int)w->consumers,
			  "baseline", result->entries[0].peer->name);
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
	struct bench_machine machine;

	bench_read_machine(&machine);
	return json_pack(
		"{s:s, s:s, s:{s:I, s:s, s:s, s:s, s:s, s:s},"
		" s:o, s:i, s:f, s:b, s:i, s:I}",
		"version", coqueue_version(), "date", machine.date, "machine",
		"cores", (json_int_t)machine.cores, "model", machine.model,
		"system", machine.uts.sysname, "release", machine.uts.release,
		"glibc", gnu_get_libc_version(), "compiler", __VERSION__,
		"left_out", left_out_to_json(), "repeat", (int)plan->repeat,
		"seconds", plan->seconds, "pinned", (int)plan->pin, "hogs",
		(int)plan->hogs, "seed", (json_int_t)plan->seed);
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
