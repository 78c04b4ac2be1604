/* SPDX-License-Identifier: MIT */
/*
 * What the callers of a scenario do, and the record that is kept of it.
 */
#ifndef EXPLORE_SCENARIO_H
#define EXPLORE_SCENARIO_H

#include <coqueue.h>

#include "../tools/model.h"
#include "explore.h"

enum {
	CALLERS = 6,
	CALLS = 6,
	BULK = 4,
	RECORDS = 64,
	VALUES = 1 + RECORDS * BULK
};

/* The deadline of a timed call may come any time. */
enum verb {
	END,
	PUT,
	TRY_PUT,
	PUT_UNTIL,
	PUT_MANY, /* argument: how many */
	FORCE_PUT,
	GET,
	TRY_GET,
	GET_UNTIL,
	GET_MANY, /* up to how many */
	PEEK,
	TRY_PEEK,
	PEEK_UNTIL,
	TASK_DONE, /* how many */
	JOIN,
	TRY_JOIN,
	JOIN_UNTIL,
	STATE,
	SIZE,         /* never more than the capacity */
	SET_CAPACITY, /* to what */
	HOLD,         /* which side */
	RELEASE,
	GRACEFUL,
	IMMEDIATE,
	INTERRUPT,
	CANCEL, /* which caller */
	SETTLE, /* wait until all others are asleep or have ended */
	DESTROY
};

struct step {
	enum verb verb;
	int n;
};

/* How far a scenario can be searched completely in minutes. */
enum scale {
	SMALL,  /* with two preemptions and a delayed store */
	MIDDLE, /* with two preemptions, or one and a delayed store */
	LARGE
};

struct scenario {
	const char *name, *about;
	enum scale scale;
	size_t capacity;
	enum coqueue_order order;
	int words;     /* per item; 0: one */
	int filled;    /* items put beforehand */
	int holds[2];  /* producers, consumers counted beforehand */
	int spins;     /* before a call sleeps */
	int spurious;  /* waits that may return for nothing */
	int stalls;    /* woken threads that do not run for long; */
	bool stops;    /* also the first caller, when it is half-way */
	bool reenters; /* item_destroy calls the queue */
	struct step callers[CALLERS][CALLS];
};

#define PENDING (-1)

/* One call. */
struct record {
	const struct step *step;
	int caller;
	uint64_t called, returned;
	int result; /* or PENDING */
	size_t n;   /* items moved */
	uint64_t values[BULK];
	uint64_t evicted;   /* by force_put; 0: none */
	struct write begun; /* what the caller did before */
};

/* Of the schedule that was run last. */
struct story {
	const struct scenario *scenario;
	struct record records[RECORDS];
	int n_records;
	int got[VALUES], discarded[VALUES];
	struct write put_by[VALUES];
	bool destroyed;
};

extern struct story story;

/* The model of a scenario's queue, by which its items rank, too. */
struct model_kind scenario_kind(const struct scenario *s);

/* The queue; NULL once destroy has begun. */
extern coqueue_t *queue;

/* Of the running thread: make one call, and record it. */
void story_call(const struct step *step);

const char *verb_name(enum verb verb);

extern const struct scenario scenarios[];
extern const size_t n_scenarios;

/* One schedule, judged.  False: machine_failure says what is wrong. */
bool scenario_run(const struct scenario *s);

/* How many callers the scenario has. */
int scenario_callers(const struct scenario *s);

/*
 * What must hold, see explore_verdict.c: when nothing goes on any more; of those
 * who sleep then, or sleep while all who could go on have stalled; and after
 * the epilogue.  False: machine_failure says what is wrong.
 */
bool verdict_is_still(void);
void verdict_sleepers(void);
bool verdict(void);

/* The history, and why it is none. */
void verdict_print(FILE *f);

#endif
