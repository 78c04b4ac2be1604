/* SPDX-License-Identifier: MIT */
/*
 * The parts of coqueue-bench:
 *
 *   coqueue-bench.c  options, and the order in which samples are taken
 *   bench_sample.c   peers and workloads; one sample in a process of its own
 *   bench_report.c   the table and the JSON file
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	BENCH_PEERS = 2,
	BENCH_BASELINE = 0, /* the peer that ratios refer to */
	BENCH_MAX_REPEAT = 1000,
};

/* What the threads of a workload do. */
enum bench_shape {
	BENCH_SOLO,     /* one thread puts an item and gets it back */
	BENCH_FLOW,     /* producers put, consumers get */
	BENCH_ROUNDTRIP /* one thread puts and waits for the other's answer */
};

struct bench_workload {
	const char *name;
	enum bench_shape shape;
	unsigned int producers;
	unsigned int consumers;
	size_t capacity;
	const char *about;
};

/* Ends with a workload without a name. */
extern const struct bench_workload bench_workloads[];
extern const char *const bench_peer_names[BENCH_PEERS];

/* How samples are to be taken. */
struct bench_plan {
	double seconds; /* measured time of a sample, at least */
	bool pin;       /* thread i on core i modulo the number of cores */
	unsigned int repeat;
	uint64_t seed; /* of the order of the samples */
};

/* What one sample found; an item of a round trip is there and back. */
struct bench_sample {
	double ns;     /* time per item */
	double cpu_ns; /* CPU time of all threads per item */
	uint64_t items;
};

/* All samples of a workload; those of one index were taken in a row. */
struct bench_result {
	const struct bench_workload *workload;
	struct bench_sample *samples[BENCH_PEERS]; /* plan.repeat of each */
};

/*
 * Take one sample in a child process.  NULL, or what went wrong: it hung, it
 * crashed, it lost an item.
 */
const char *bench_take(const struct bench_workload *workload, unsigned int peer,
		       const struct bench_plan *plan, struct bench_sample *out);

void bench_print_head(FILE *to, const struct bench_plan *plan);
void bench_print_result(FILE *to, const struct bench_plan *plan,
			const struct bench_result *result);

/* NULL, or what went wrong. */
const char *bench_write_json(const char *file, const struct bench_plan *plan,
			     const struct bench_result *results, size_t n);

#endif /* BENCH_H */
