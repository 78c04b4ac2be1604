/* SPDX-License-Identifier: MIT */
/*
 * One sample: a child process starts the threads of a workload, lets them run
 * warm, and reads the clock and the threads' counts twice.  What lies between
 * the two readings is the sample.  Then the producers stop, the queue is shut
 * down, and every item must have arrived.
 */
#include "config.h"

#include "bench_workers.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	MIN_ITEMS = 1000,   /* fewer say little: the sample goes on ... */
	MAX_STRETCH = 10,   /* ... up to so many times its duration */
	SLACK_SECONDS = 30, /* for a busy machine, before "it hung" */
};

const char bench_not_supported[] = "not supported";

/* The child process. */

/* What the child tells its parent. */
struct verdict {
	struct bench_sample sample;
	const char *error; /* a string constant: the same in the parent */
};

static double seconds_of(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static void sleep_for(double seconds)
{
	struct timespec ts;

	ts.tv_sec = (time_t)seconds;
	ts.tv_nsec = (long)(1e9 * (seconds - (double)ts.tv_sec));
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &ts) == EINTR)
		;
}

struct bench_time bench_now(void)
{
	return (struct bench_time){
		.clock = seconds_of(CLOCK_MONOTONIC),
		.cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID),
	};
}

struct reading {
	double time;
	double cpu;
	uint64_t items;
};

/*
 * Clock and counts belong together only when this thread was not preempted
 * between reading the one and the other: keep the quickest of a few tries.
 */
static struct reading read_all(const struct bench_job *job)
{
	struct reading best = {0}, next;
	double took, best_took = 1e9;
	int tries;

	for (tries = 0; tries < 8 && best_took > 20e-6; tries++) {
		next.time = seconds_of(CLOCK_MONOTONIC);
		next.items = bench_items_so_far(&job->run);
		next.cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) -
			   bench_seconds_waited(&job->run);
		took = seconds_of(CLOCK_MONOTONIC) - next.time;
		if (took < best_took) {
			best_took = took;
			best = next;
		}
	}
	return best;
}

/* What all do in some seconds; with a queue that hangs this does not end, and
 * the parent ends it. */
static struct bench_sample measure(const struct bench_job *job)
{
	double seconds = job->plan->seconds;
	struct reading from = read_all(job), to;
	double items;

	do {
		sleep_for(seconds);
		to = read_all(job);
	} while (to.items == from.items ||
		 (to.items - from.items < MIN_ITEMS &&
		  to.time - from.time < seconds * MAX_STRETCH));
	items = (double)(to.items - from.items);
	return (struct bench_sample){
		.ns = 1e9 * (to.time - from.time) / items,
		.cpu_ns = 1e9 * (to.cpu - from.cpu) / items,
		.items = to.items - from.items,
	};
}

/* Where they are paced, all of them are timed. */
static void run_warm_and_measure(struct bench_job *job,
				 struct bench_sample *out)
{
	bool paced = job->workload->shape == BENCH_PACED;

	sleep_for(job->plan->seconds / 5);
	if (!paced)
		*out = measure(job);
	if (!job->run.times)
		return;
	bench_enter(&job->run, BENCH_TIMED);
	if (paced)
		*out = measure(job);
	else
		measure(job);
}

static const char *take(struct bench_job *job, struct bench_sample *out)
{
	const char *error;

	if (job->workload->shape == BENCH_MEMORY)
		return bench_take_memory(job, out);
	if (job->queue->sample)
		return job->queue->sample(job->workload, job->plan, out);
	if (job->workload->shape == BENCH_SHUTDOWN)
		return bench_take_shutdowns(job, out);
	error = bench_job_start(job);
	if (error)
		return error;
	run_warm_and_measure(job, out);
	bench_job_stop(job);
	if (job->run.times)
		bench_read_percentiles(job->run.times, out);
	error = bench_job_verify(job);
	bench_job_release(job);
	return error;
}

/* Threads that could not all be started are left waiting: they end here. */
static _Noreturn void child(struct bench_job *job, int fd)
{
	struct verdict verdict = {.error = NULL};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0); /* with the programs that it starts */
	verdict.error = take(job, &verdict.sample);
	if (job->workload->shape == BENCH_PACED)
		verdict.sample.ns = verdict.sample.percentiles[BENCH_P50];
	_exit(write(fd, &verdict, sizeof(verdict)) != sizeof(verdict));
}

/* The parent. */

static const char *read_verdict(int fd, const struct bench_plan *plan,
				struct bench_sample *out)
{
	double limit = plan->seconds * (2 * MAX_STRETCH + 2) + SLACK_SECONDS;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	struct verdict verdict;
	int n;

	do
		n = poll(&ready, 1, (int)(1000 * limit));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return "it hung";
	if (read(fd, &verdict, sizeof(verdict)) != sizeof(verdict))
		return "it crashed";
	*out = verdict.sample;
	return verdict.error;
}

const char *bench_take(const struct bench_workload *workload,
		       const struct bench_queue *queue,
		       const struct bench_plan *plan, struct bench_sample *out)
{
	struct bench_job job = {
		.workload = workload, .queue = queue, .plan = plan};
	const char *error;
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		return "cannot make a pipe";
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(&job, fds[1]);
	close(fds[1]);
	error = pid < 0 ? "cannot fork" : read_verdict(fds[0], plan, out);
	close(fds[0]);
	if (pid > 0) {
		if (kill(-pid, SIGKILL))
			kill(pid, SIGKILL); /* that early */
		waitpid(pid, NULL, 0);
	}
	return error;
}
