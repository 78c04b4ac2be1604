/* SPDX-License-Identifier: MIT */
/*
 * The parts of coqueue-bench:
 *
 *   coqueue-bench.c   options, and the order in which samples are taken
 *   bench_tables.c    the queues and the workloads
 *   bench_sample.c    one sample, in a process of its own
 *   bench_workers.[ch]
 *                     the threads and coroutines of a sample
 *   bench_latency.c   times of single items, and producers that keep a pace
 *   bench_shutdown.c  samples of shutdowns
 *   bench_memory.c    samples of memory
 *   bench_report.c    the table and the JSON file
 *   bench_tsv.c bench_plot.c bench_baseline.c
 *                     a line for each queue, bars for each, each beside what an
 *                     earlier run found
 *   bench_figures.[ch]
 *                     medians, ratios and spreads, for all of these
 *   bench_machine.[ch] bench_distance.[ch]
 *                     where and when, and how far cores are apart
 *   bench_queue.h     what a queue must bring to be measured
 *   bench_loops.h     what is done with it
 *   bench_*.c, *.cc   that of one queue each: textbook, coqueue, glib, ...
 *   bench_program.[ch]
 *                     that of a language that wants threads of its own
 *   bench_go.go, bench_java.java, bench_python.py, bench_gevent.py
 *                     queues of these languages
 *   bench_workloads.* what is done with them, in Go, Java, Python
 *   bench_rust.*      channels of Rust, a library for it
 *   bench_spin.h      how queues that cannot wait are waited for
 *   bench_coroutines.[ch]
 *                     coroutines for coqueue
 *   bench_window.[ch] how far producers may run ahead where nothing else does
 *                     stop them
 *   textbook*.[ch]    the queues that everyone writes by hand
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bench_workload.h"

struct bench_queue;

enum {
	BENCH_MAX_PEERS = 32,
	BENCH_MAX_REPEAT = 1000,
};

/* A queue that is measured; one that a workload's kind lies outside of is not
 * part of that workload. */
struct bench_peer {
	const char *name;
	const char *about;
	const struct bench_queue *queue; /* NULL: left out of this build */
};

extern const char *const bench_kind_names[];

/* Both end with a row without a name. */
extern const struct bench_workload bench_workloads[];
extern const struct bench_peer bench_peers[];

/* Whether the peer is in this build and is made for the workload. */
bool bench_peer_takes_part(const struct bench_peer *peer,
			   const struct bench_workload *workload);

/* Whether coqueue does: else there is nothing to compare with. */
bool bench_workload_is_built(const struct bench_workload *workload);

/* How samples are to be taken. */
struct bench_plan {
	double seconds; /* measured time of a sample, at least */
	bool pin;       /* thread i on core i modulo the number of cores */
	unsigned int repeat;
	unsigned int hogs; /* processes that are busy meanwhile */
	uint64_t seed;     /* of the order of the samples */
	double near, far;  /* ns, the bench_distance() to measure at */
};

enum { BENCH_P50, BENCH_P99, BENCH_P99_9, BENCH_PERCENTILES };

/* What one sample found; an item of a round trip is there and back. */
struct bench_sample {
	double ns;     /* time per item; bytes, where that is the unit */
	double cpu_ns; /* CPU time of all threads per item */
	uint64_t items;
	double distance; /* bench_distance(), before or after: the larger */
	double percentiles
		[BENCH_PERCENTILES]; /* ns of single items, if timed */
};

/* All samples of one peer at a workload. */
struct bench_entry {
	const struct bench_peer *peer;
	bool not_supported;
	struct bench_sample *samples; /* plan.repeat of them */
};

/* All samples of a workload; those of one index were taken in a row. */
struct bench_result {
	const struct bench_workload *workload;
	unsigned int n_entries;
	struct bench_entry entries[BENCH_MAX_PEERS]; /* ratios are to [0] */
};

/* What bench_take() answers when the queue says ENOTSUP. */
extern const char bench_not_supported[];

/*
 * Take one sample in a child process.  NULL, or what went wrong: it hung, it
 * crashed, it lost an item, bench_not_supported.
 */
const char *bench_take(const struct bench_workload *workload,
		       const struct bench_queue *queue,
		       const struct bench_plan *plan, struct bench_sample *out);

void bench_print_head(FILE *to, const struct bench_plan *plan,
		      const struct bench_result *results, size_t n);
void bench_print_result(FILE *to, const struct bench_plan *plan,
			const struct bench_result *result);

/* Each writes a file; NULL, or what went wrong. */
typedef const char *bench_write(const char *file, const struct bench_plan *plan,
				const struct bench_result *results, size_t n);
bench_write bench_write_json, bench_write_tsv, bench_write_plot;

/* Whether plots can be drawn here; likewise. */
const char *bench_check_plot(void);

/* An earlier run, of which the JSON file tells; NULL: see why. */
struct bench_baseline;
struct bench_baseline *bench_read_baseline(const char *file, char *why,
					   size_t size);
void bench_free_baseline(struct bench_baseline *baseline);
void bench_print_baseline(FILE *to, const struct bench_baseline *baseline,
			  const struct bench_plan *plan,
			  const struct bench_result *results, size_t n);

#endif /* BENCH_H */
