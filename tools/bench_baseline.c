/* SPDX-License-Identifier: MIT */
/*
 * What an earlier run found, which wrote it to a JSON file, beside what this one
 * did.  The machine may be another by now, or have a slow day: hence ratios to
 * the same run's first queue beside times.
 */
#include "config.h"

#include "bench_figures.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A queue at a workload. */
struct old_entry {
	const char *workload;
	const char *queue;
	const char *first; /* queue, which times_as_fast is to */
	bool has_ratio;
	struct bench_spread ns;
	struct bench_spread times_as_fast;
};

struct bench_baseline {
	const char *file;
	json_t *root; /* keeps the strings */
	const char *version;
	const char *date;
	const char *model;
	int cores;
	size_t n_entries;
	struct old_entry *entries;
};

/* ---- reading ------------------------------------------------------------ */

struct reader {
	struct bench_baseline *baseline;
	char *why;
	size_t why_size;
};

__attribute__((format(printf, 2, 3))) static bool fails(struct reader *r,
							const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->why, r->why_size, format, args);
	va_end(args);
	return false;
}

static bool is_spread(const struct bench_spread *s)
{
	return s->min > 0 && s->min <= s->median && s->median <= s->max;
}

static bool read_entry(struct reader *r, const char *workload, const char *unit,
		       const char *first, const char *queue, json_t *object)
{
	struct old_entry *entries, *e;
	struct bench_spread *ns, *times;
	json_t *ratio = NULL;
	json_error_t error;
	int supported;

	if (json_unpack_ex(object, &error, 0, "{s:b}", "supported", &supported))
		return fails(r, "%s, %s: %s", workload, queue, error.text);
	if (!supported)
		return true;
	entries = realloc(r->baseline->entries,
			  (r->baseline->n_entries + 1) * sizeof(*entries));
	if (!entries)
		return fails(r, "no memory");
	r->baseline->entries = entries;
	e = &entries[r->baseline->n_entries++];
	*e = (struct old_entry){
		.workload = workload, .queue = queue, .first = first};
	ns = &e->ns;
	times = &e->times_as_fast;
	if (json_unpack_ex(object, &error, 0, "{s:{s:F, s:F, s:F}, s?o}",
			   bench_figure_name(unit, BENCH_NS), "median",
			   &ns->median, "min", &ns->min, "max", &ns->max,
			   bench_figure_name(unit, BENCH_TIMES_BASELINE),
			   &ratio) ||
	    (ratio && json_unpack_ex(ratio, &error, 0, "{s:F, s:F, s:F}",
				     "median", &times->median, "min",
				     &times->min, "max", &times->max)))
		return fails(r, "%s, %s: %s", workload, queue, error.text);
	e->has_ratio = ratio;
	if (!is_spread(ns) || (ratio && !is_spread(times)))
		return fails(r, "%s, %s: figures that are none", workload,
			     queue);
	return true;
}

static bool read_workload(struct reader *r, json_t *object)
{
	const char *workload, *unit = "ns", *first, *queue;
	json_t *peers, *peer;
	json_error_t error;

	if (json_unpack_ex(object, &error, 0, "{s:s, s?s, s:s, s:o}", "name",
			   &workload, "unit", &unit, "baseline", &first,
			   "peers", &peers))
		return fails(r, "workloads: %s", error.text);
	if (!json_is_object(peers))
		return fails(r, "%s: peers is no object", workload);
	json_object_foreach(peers, queue,
			    peer) if (!read_entry(r, workload, unit, first,
						  queue, peer)) return false;
	return true;
}

static bool read_root(struct reader *r)
{
	struct bench_baseline *b = r->baseline;
	json_t *workloads, *workload;
	json_error_t error;
	size_t i;

	b->root = json_load_file(b->file, 0, &error);
	if (!b->root && error.line > 0)
		return fails(r, "line %d: %s", error.line, error.text);
	if (!b->root)
		return fails(r, "%s", error.text);
	if (json_unpack_ex(b->root, &error, 0, "{s:s, s:s, s:{s:i, s:s}, s:o}",
			   "version", &b->version, "date", &b->date, "machine",
			   "cores", &b->cores, "model", &b->model, "workloads",
			   &workloads))
		return fails(r, "%s", error.text);
	if (!json_is_array(workloads))
		return fails(r, "workloads is no array");
	json_array_foreach(
		workloads, i,
		workload) if (!read_workload(r, workload)) return false;
	return true;
}

struct bench_baseline *bench_read_baseline(const char *file, char *why,
					   size_t size)
{
	struct reader r = {calloc(1, sizeof(*r.baseline)), why, size};

	if (!r.baseline) {
		fails(&r, "no memory");
		return NULL;
	}
	r.baseline->file = file;
	if (read_root(&r))
		return r.baseline;
	bench_free_baseline(r.baseline);
	return NULL;
}

void bench_free_baseline(struct bench_baseline *baseline)
{
	json_decref(baseline->root);
	free(baseline->entries);
	free(baseline);
}

/* ---- comparing ---------------------------------------------------------- */

static const struct old_entry *find(const struct bench_baseline *baseline,
				    const char *workload, const char *queue)
{
	const struct old_entry *e = baseline->entries;
	size_t i;

	for (i = 0; i < baseline->n_entries; i++, e++)
		if (!strcmp(e->workload, workload) && !strcmp(e->queue, queue))
			return e;
	return NULL;
}

/* With what has become of it, in words. */
static void print_pair(FILE *to, const struct bench_workload *workload,
		       int digits, struct bench_spread old,
		       struct bench_spread new, double times_as_fast)
{
	static const char *const verdicts[2][2] = {{"slower", "faster"},
						   {"larger", "smaller"}};
	const char *verdict =
		verdicts[bench_is_in_bytes(workload)][times_as_fast > 1];

	if (bench_spreads_overlap(old, new))
		verdict = "no difference";
	fprintf(to, " %10.*f %10.*f %6.2f %-13s", digits, old.median, digits,
		new.median, times_as_fast, verdict);
}

/* Of the time, and where both runs have the same first queue of the ratio. */
static void print_change(FILE *to, const struct old_entry *old,
			 const struct bench_plan *plan,
			 const struct bench_result *result,
			 const struct bench_entry *entry)
{
	struct bench_spread new =
		bench_spread_of(result, entry, plan->repeat, BENCH_NS);

	print_pair(to, result->workload, 1, old->ns, new,
		   old->ns.median / new.median);
	if (entry == &result->entries[0] || !old->has_ratio ||
	    !bench_has_figure(result, entry, BENCH_TIMES_BASELINE) ||
	    strcmp(old->first, result->entries[0].peer->name))
		return;
	new = bench_spread_of(result, entry, plan->repeat,
			      BENCH_TIMES_BASELINE);
	print_pair(to, result->workload, 2, old->times_as_fast, new,
		   new.median / old->times_as_fast.median);
}

static unsigned int print_workload(FILE *to,
				   const struct bench_baseline *baseline,
				   const struct bench_plan *plan,
				   const struct bench_result *result)
{
	const char *workload = result->workload->name;
	const struct bench_entry *entry;
	const struct old_entry *old;
	unsigned int n, printed = 0;

	for (n = 0; n < result->n_entries; n++) {
		entry = &result->entries[n];
		old = find(baseline, workload, entry->peer->name);
		if (!old || entry->not_supported)
			continue;
		fprintf(to, "%-14s %-11s", printed == 0 ? workload : "",
			entry->peer->name);
		print_change(to, old, plan, result, entry);
		fputc('\n', to);
		printed++;
	}
	return printed;
}

void bench_print_baseline(FILE *to, const struct bench_baseline *baseline,
			  const struct bench_plan *plan,
			  const struct bench_result *results, size_t n)
{
	unsigned int printed = 0;
	size_t i;

	fprintf(to,
		"\nbeside %s: coqueue %s, %s, %d cores, %s\n"
		"medians then and now, how many times as fast it is now; no "
		"difference: the samples overlap\n\n%-26s %-42s %s\n"
		"%-26s %10s %10s %-20s %10s %10s\n",
		baseline->file, baseline->version, baseline->date,
		baseline->cores, baseline->model, "", "          ns per item",
		"  times as fast as the first queue of the workload", "",
		"then", "now", "", "then", "now");
	for (i = 0; i < n; i++)
		printed += print_workload(to, baseline, plan, &results[i]);
	if (!printed)
		fputs("nothing that both have measured\n", to);
}
