/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_figures.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[BENCH_FIGURES] = {
	[BENCH_NS] = "ns_per_item",
	[BENCH_CPU_NS] = "cpu_ns_per_item",
	[BENCH_TIMES_BASELINE] = "times_as_fast_as_baseline",
	[BENCH_COQUEUE_TIMES] = "coqueue_times_as_fast",
	[BENCH_NS_P50] = "p50_ns",
	[BENCH_NS_P99] = "p99_ns",
	[BENCH_NS_P99_9] = "p99_9_ns",
	[BENCH_DISTANCE] = "distance_ns",
};

const char *bench_unit_of(const struct bench_workload *workload)
{
	return bench_is_in_bytes(workload) ? "bytes" : "ns";
}

const char *bench_figure_name(const char *unit, enum bench_figure figure)
{
	return figure == BENCH_NS && strcmp(unit, "ns") ? unit : names[figure];
}

bool bench_is_coqueue(const struct bench_entry *entry)
{
	return !strcmp(entry->peer->name, "coqueue");
}

/* NULL: not measured. */
static const struct bench_entry *coqueue_of(const struct bench_result *result)
{
	unsigned int n;

	for (n = 0; n < result->n_entries; n++)
		if (bench_is_coqueue(&result->entries[n]) &&
		    !result->entries[n].not_supported)
			return &result->entries[n];
	return NULL;
}

bool bench_has_figure(const struct bench_result *result,
		      const struct bench_entry *entry, enum bench_figure figure)
{
	if (entry->not_supported)
		return false;
	switch (figure) {
	case BENCH_CPU_NS:
		return !bench_is_in_bytes(result->workload);
	case BENCH_TIMES_BASELINE:
		return !result->entries[0].not_supported;
	case BENCH_COQUEUE_TIMES:
		return coqueue_of(result);
	case BENCH_NS_P50:
	case BENCH_NS_P99:
	case BENCH_NS_P99_9:
		return bench_workload_is_timed(result->workload);
	default:
		return true;
	}
}

double bench_figure_of(const struct bench_result *result,
		       const struct bench_entry *entry, unsigned int i,
		       enum bench_figure figure)
{
	const struct bench_sample *sample = &entry->samples[i];

	switch (figure) {
	case BENCH_NS:
		return sample->ns;
	case BENCH_CPU_NS:
		return sample->cpu_ns;
	case BENCH_TIMES_BASELINE:
		return result->entries[0].samples[i].ns / sample->ns;
	case BENCH_COQUEUE_TIMES:
		return sample->ns / coqueue_of(result)->samples[i].ns;
	case BENCH_DISTANCE:
		return sample->distance;
	default:
		return sample->percentiles[figure - BENCH_NS_P50];
	}
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct bench_spread spread_of(double *figures, size_t n)
{
	qsort(figures, n, sizeof(figures[0]), by_size);
	return (struct bench_spread){
		.median = (figures[(n - 1) / 2] + figures[n / 2]) / 2,
		.min = figures[0],
		.max = figures[n - 1],
	};
}

struct bench_spread bench_spread_of(const struct bench_result *result,
				    const struct bench_entry *entry,
				    unsigned int repeat,
				    enum bench_figure figure)
{
	double figures[BENCH_MAX_REPEAT];
	unsigned int i;

	for (i = 0; i < repeat; i++)
		figures[i] = bench_figure_of(result, entry, i, figure);
	return spread_of(figures, repeat);
}

/* Of those that could be told. */
static size_t collect_distances(const struct bench_entry *entry,
				unsigned int repeat, double *figures)
{
	unsigned int i;
	size_t n = 0;

	for (i = 0; i < repeat && !entry->not_supported; i++)
		if (entry->samples[i].distance > 0)
			figures[n++] = entry->samples[i].distance;
	return n;
}

struct bench_spread bench_distances(const struct bench_result *results,
				    size_t n, unsigned int repeat)
{
	double *figures =
		calloc(n * BENCH_MAX_PEERS, repeat * sizeof(*figures));
	struct bench_spread spread = {0};
	unsigned int k;
	size_t i, m = 0;

	if (!figures)
		return spread;
	for (i = 0; i < n; i++)
		for (k = 0; k < results[i].n_entries; k++)
			m += collect_distances(&results[i].entries[k], repeat,
					       figures + m);
	if (m > 0)
		spread = spread_of(figures, m);
	free(figures);
	return spread;
}

bool bench_spreads_overlap(struct bench_spread a, struct bench_spread b)
{
	return a.min <= b.max && b.min <= a.max;
}

bool bench_like_coqueue(const struct bench_result *result,
			const struct bench_entry *entry, unsigned int repeat)
{
	const struct bench_entry *coqueue = coqueue_of(result);

	return coqueue && coqueue != entry && !entry->not_supported &&
	       bench_spreads_overlap(
		       bench_spread_of(result, coqueue, repeat, BENCH_NS),
		       bench_spread_of(result, entry, repeat, BENCH_NS));
}
