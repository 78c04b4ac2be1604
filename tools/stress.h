/* SPDX-License-Identifier: MIT */
/*
 * coqueue-stress, what its parts share: what the user asked for, what came
 * out, and the run that leads from one to the other.
 *
 *     coqueue-stress.c    main: options, scenarios one after the other, report
 *     stress_options.c    the command line
 *     stress_scenarios.c  the table of scenarios: start reading here
 *     stress_round.c      a round: its plan, its crew, its queue
 *     stress_linearize.c  histories instead of load, checked by linearize.c
 *     stress_conduct.c    the verbs that scenarios bring a round to an end with
 *     stress_worker.c     what producers, consumers and joiners do
 *     stress_call.c       calls that can wait, and what they may return
 *     stress_armed.c      the same calls by who does not wait, but arms
 *     stress_select.c     several queues at once
 *     fibers.c            coroutines, for callers that are no threads
 *     stress_cargo.c      the items in a worker's hands
 *     stress_shut.c       what a shutdown promises, and the last release
 *     stress_resize.c     new capacities, and how many items fit then
 *     stress_judge.c      the accounts of a round, compared when it is over
 *     stress_ledger.c     which thread saw which items
 *     stress_order.c      which item may not come any more
 *     stress_monitor.c    live lines, signals, the watchdog
 *     stress_hang.c       what the watchdog prints
 *     stress_report.c     the summary; stress_json.c: the same for machines
 */
#ifndef STRESS_H
#define STRESS_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <coqueue.h>
#include "histogram.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_US UINT64_C(1000)

enum exit_status {
	EXIT_PASS = 0,
	EXIT_VIOLATION = 1,
	EXIT_USAGE = 2,
	EXIT_NO_START = 3,
	EXIT_HANG = 4,
	EXIT_SIGNALLED = 128 /* + the number of the signal */
};

struct scenario;

#define SCENARIOS_MAX 16

/* What a caller is. */
enum caller {
	THREAD,
	COROUTINE, /* a fiber, which the library parks */
	ARMED,     /* it arms waiters, and tries again when they are woken */
	N_CALLERS
};

/* Under which callers that are no threads run. */
enum runtime {
	UCONTEXT, /* coroutines, on `workers` threads */
	SINGLE,   /* coroutines, on one */
	ARM,      /* armed ones, on `workers` threads */
	N_RUNTIMES
};

/* As in --runtime. */
extern const char *const runtime_name[N_RUNTIMES];
extern const char *const caller_name[N_CALLERS];

#define N_SIDES 2 /* enum coqueue_side */

struct config {
	unsigned producers, consumers;
	enum coqueue_order order;
	size_t capacity; /* 0 and COQUEUE_UNBOUNDED too */
	size_t item_size, batch;
	double rate; /* items per second of all producers; 0: no limit */
	uint64_t duration_ns; /* of the run; 0: as long as `items` take */
	uint64_t items;       /* per scenario; 0: as many as fit */
	bool has_load;        /* an option for the load was given */
	unsigned coroutines;  /* of each side, beside the threads */
	enum runtime runtime;
	unsigned workers;   /* threads under them */
	bool has_runtime;   /* an option for that was given */
	bool linearize;     /* histories instead of load ... */
	uint64_t histories; /* ... so many; 0: as many as fit */
	unsigned players;   /* of a history */
	uint64_t seed;
	uint64_t interval_ns, watchdog_ns;
	bool jitter, quiet;
	const char *json;
	const struct scenario **scenarios; /* [n_scenarios] */
	unsigned n_scenarios;
	bool is_named[SCENARIOS_MAX];    /* in scenarios[] of all */
	const struct scenario *left_out; /* of "all"; or NULL */
};

/* Everything that is counted.  The order is that of the names in count_name. */
enum count {
	ACCEPTED,  /* items whose put returned 0 */
	DELIVERED, /* items that a get returned */
	DISCARDED, /* items that item_destroy received */
	REFUSED,   /* puts that returned ESHUTDOWN */
	ENDED,     /* gets and peeks that returned ESHUTDOWN */
	PEEKED,
	JOINED, /* joins that returned 0 */
	MARKED, /* items marked with task_done */
	TIMED_OUT,
	WOULD_BLOCK, /* EAGAIN */
	INTERRUPTED, /* EINTR */
	CANCELLED,   /* threads cancelled, and replaced */
	SHUTDOWNS,   /* calls of coqueue_shutdown; last releases */
	RESIZED,     /* calls of coqueue_set_capacity that returned 0 */
	PARKS,       /* how often coroutines were parked */
	ARMINGS,     /* calls that were answered EINPROGRESS */
	SELECTED,    /* selects that returned 0 */
	RECORDED,    /* calls in histories */
	N_COUNTS
};

extern const char *const count_name[N_COUNTS];

#define N_ORDERS 3

/* By enum coqueue_order; as in --order. */
extern const char *const order_name[N_ORDERS];

#define VERDICT_LENGTH 160
#define VERDICTS_KEPT 8

struct verdicts {
	_Atomic unsigned n;    /* all that were passed */
	_Atomic unsigned kept; /* as text: the first ones, without repeats */
	char text[VERDICTS_KEPT][VERDICT_LENGTH];
};

/* One writer; readers may look at text[0 ... kept-1] at any time. */
void verdicts_add(struct verdicts *v, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

enum line { PUTTERS, GETTERS, JOINERS, N_LINES };

/* What came out of one scenario. */
struct result {
	const struct scenario *scenario;
	uint64_t rounds;
	uint64_t load_ns;  /* from the start of each crew to its end */
	uint64_t too_hard; /* histories that could not be judged */
	uint64_t count[N_COUNTS];
	/* shutdowns that met at least two blocked in this line */
	uint64_t met_blocked[N_LINES];
	uint64_t moved_by[N_CALLERS][N_SIDES]; /* items */
	struct histogram latency;              /* put to get, in nanoseconds */
	struct verdicts violations;
};

struct round;

struct run {
	const struct config *config;
	FILE *out;              /* where people read */
	FILE *json;             /* NULL: not wanted */
	struct result *results; /* [config->n_scenarios] */
	unsigned n_results;     /* under view */
	struct round *round;
	uint64_t started_ns, ended_ns;
	int start_error;         /* why the run could not start or go on ... */
	const char *not_started; /* ... and what it lacked */
	_Atomic int signal;      /* the first SIGINT or SIGTERM; 0: none */
	_Atomic uint64_t steps;  /* grows with each step of the conductor, and
				 * with each worker that leaves */
	/* Taken by who looks at the queue from outside, and by the conductor
	 * around everything that makes such a look invalid. */
	pthread_mutex_t view;
};

uint64_t now_ns(void);
void sleep_ns(uint64_t ns); /* no cancellation point */
/* False: it was not posted before the deadline. */
bool semaphore_wait(sem_t *semaphore, uint64_t deadline_ns);

/* The exit status that the results call for, and why, in words. */
enum exit_status run_verdict(const struct run *run, char *why, size_t size);

/* stress_options.c: exits with EXIT_USAGE itself. */
void options_parse(struct config *c, int argc, char **argv);

#ifdef STRESS_INJECT
/* tests/faults.c: false when there is no such fault. */
bool inject(const char *fault);
#endif

/* stress_monitor.c: 0 or an errno value */
int monitor_start(struct run *run);
void monitor_stop(void);

/* stress_report.c */
void report_head(const struct run *run);
void report_summary(const struct run *run, enum exit_status status,
		    const char *why);

/* stress_json.c: 0 or an errno value.  Opened before the run, so that a path
 * that cannot be written is known at once. */
int json_open(struct run *run);
int json_write(const struct run *run, enum exit_status status, const char *why);

#endif /* STRESS_H */
