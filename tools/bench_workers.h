/* SPDX-License-Identifier: MIT */
/*
 * The workers of a sample, in the child process that takes it: threads, or
 * coroutines that share one more thread.
 */
#ifndef BENCH_WORKERS_H
#define BENCH_WORKERS_H

#include "bench.h"
#include "bench_queue.h"
#include "histogram.h"

struct bench_job {
	const struct bench_workload *workload;
	const struct bench_queue *queue;
	const struct bench_plan *plan;
	struct bench_run run;
};

static inline unsigned int bench_workers_of(const struct bench_run *run)
{
	return run->producers + run->consumers;
}

/* Create the queues and start the workers.  NULL, or what went wrong: some are
 * then left waiting. */
const char *bench_job_start(struct bench_job *job);

/* Each item is counted by one worker: who got it, or got its answer. */
uint64_t bench_items_so_far(const struct bench_run *run);

/* What producers used until it was time for an item. */
double bench_seconds_waited(const struct bench_run *run);

void bench_read_percentiles(const struct histogram *times,
			    struct bench_sample *out);

void bench_enter(struct bench_run *run, enum bench_phase phase);

/* Workers from ... to - 1 have ended. */
void bench_await_workers(struct bench_run *run, unsigned int from,
			 unsigned int to);

/*
 * Producers first: a consumer leaves when the queue is shut and empty.  Nobody
 * waits at the other one: who asks takes its answer there, and is a producer.
 */
void bench_job_stop(struct bench_job *job);

/* Whether all items arrived: a fast queue that loses some would be no queue.
 * NULL, or what went wrong. */
const char *bench_job_verify(const struct bench_job *job);

void bench_job_release(struct bench_job *job);

/* Samples of another kind: NULL, or what went wrong. */
const char *bench_take_shutdowns(struct bench_job *job,
				 struct bench_sample *out);
const char *bench_take_memory(const struct bench_job *job,
			      struct bench_sample *out);

#endif /* BENCH_WORKERS_H */
