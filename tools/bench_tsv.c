/* SPDX-License-Identifier: MIT */
/* A line of figures for each workload and queue, with tabs between them. */
#include "config.h"

#include "bench_figures.h"

static const char columns[] =
	"workload\tqueue\tmedian\tmin\tmax\tcpu_ns_median\t"
	"times_as_fast_median\ttimes_as_fast_min\ttimes_as_fast_max\t"
	"p50_ns_median\tp99_ns_median\tp99_9_ns_median\tdistance_ns_median\tunit\tsamples\n";

/* Figures that there are not stay empty. */
static void write_spread(FILE *to, const struct bench_plan *plan,
			 const struct bench_result *result,
			 const struct bench_entry *entry,
			 enum bench_figure figure)
{
	struct bench_spread spread;

	if (!bench_has_figure(result, entry, figure)) {
		fputs("\t\t\t", to);
		return;
	}
	spread = bench_spread_of(result, entry, plan->repeat, figure);
	fprintf(to, "\t%.17g\t%.17g\t%.17g", spread.median, spread.min,
		spread.max);
}

static void write_median(FILE *to, const struct bench_plan *plan,
			 const struct bench_result *result,
			 const struct bench_entry *entry,
			 enum bench_figure figure)
{
	fputc('\t', to);
	if (bench_has_figure(result, entry, figure))
		fprintf(to, "%.17g",
			bench_spread_of(result, entry, plan->repeat, figure)
				.median);
}

static void write_entry(FILE *to, const struct bench_plan *plan,
			const struct bench_result *result,
			const struct bench_entry *entry)
{
	fprintf(to, "%s\t%s", result->workload->name, entry->peer->name);
	write_spread(to, plan, result, entry, BENCH_NS);
	write_median(to, plan, result, entry, BENCH_CPU_NS);
	write_spread(to, plan, result, entry, BENCH_TIMES_BASELINE);
	write_median(to, plan, result, entry, BENCH_NS_P50);
	write_median(to, plan, result, entry, BENCH_NS_P99);
	write_median(to, plan, result, entry, BENCH_NS_P99_9);
	write_median(to, plan, result, entry, BENCH_DISTANCE);
	fprintf(to, "\t%s\t%u\n", bench_unit_of(result->workload),
		entry->not_supported ? 0 : plan->repeat);
}

const char *bench_write_tsv(const char *file, const struct bench_plan *plan,
			    const struct bench_result *results, size_t n)
{
	FILE *to = fopen(file, "w");
	unsigned int k;
	bool failed;
	size_t i;

	if (!to)
		return "cannot write it";
	fputs(columns, to);
	for (i = 0; i < n; i++)
		for (k = 0; k < results[i].n_entries; k++)
			write_entry(to, plan, &results[i],
				    &results[i].entries[k]);
	failed = ferror(to);
	return fclose(to) || failed ? "cannot write it" : NULL;
}
