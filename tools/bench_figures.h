/* SPDX-License-Identifier: MIT */
/* What the samples of a queue tell, for whatever reports it. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include "bench.h"

/* The middle one of some figures, and how far they lie apart. */
struct bench_spread {
	double median;
	double min;
	double max;
};

enum bench_figure {
	BENCH_NS,
	BENCH_CPU_NS,
	BENCH_TIMES_BASELINE, /* as fast as the first queue of the workload */
	BENCH_COQUEUE_TIMES,  /* as fast as this queue is coqueue */
	BENCH_NS_P50,         /* of single items */
	BENCH_NS_P99,
	BENCH_NS_P99_9,
	BENCH_DISTANCE, /* of the cores; ns */
	BENCH_FIGURES
};

/* "ns" or "bytes", of BENCH_NS. */
const char *bench_unit_of(const struct bench_workload *workload);

/* In JSON files. */
const char *bench_figure_name(const char *unit, enum bench_figure figure);

/* Whether there is such a figure: it was measured, and what it is a ratio to. */
bool bench_has_figure(const struct bench_result *result,
		      const struct bench_entry *entry,
		      enum bench_figure figure);

/* That of sample i; ratios are of samples that were taken in a row. */
double bench_figure_of(const struct bench_result *result,
		       const struct bench_entry *entry, unsigned int i,
		       enum bench_figure figure);

/* That of all samples. */
struct bench_spread bench_spread_of(const struct bench_result *result,
				    const struct bench_entry *entry,
				    unsigned int repeat,
				    enum bench_figure figure);

/* How far cores were from each other, where that could be told; else 0. */
struct bench_spread bench_distances(const struct bench_result *results,
				    size_t n, unsigned int repeat);

/* Then there is no difference that these samples would show. */
bool bench_spreads_overlap(struct bench_spread a, struct bench_spread b);

bool bench_is_coqueue(const struct bench_entry *entry);

/* Whether the times of a queue and of coqueue overlap; not for coqueue. */
bool bench_like_coqueue(const struct bench_result *result,
			const struct bench_entry *entry, unsigned int repeat);

#endif /* BENCH_FIGURES_H */
