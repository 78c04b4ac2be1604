/* SPDX-License-Identifier: MIT */
/*
 * What the callers of a scenario do, and the record that is kept of it.
 */
#ifndef EXPLORE_SCENARIO_H
#define EXPLORE_SCENARIO_H

#include <coqueue.h>

#include "../tools/linearize.h"
#include "explore.h"

enum {
	CALLERS = 6,
	CALLS = 6,
	WAKE_CALLS = 3,
	BULK = 4,
	RECORDS = 64,
	QUEUES = 2,
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
	DESTROY,

	/* Each caller has a node of its own.  To arm it: */
	PUT_ARM,
	GET_ARM,
	PEEK_ARM,
	JOIN_ARM,
	REARM,  /* with its last call; nothing, if that is over; whose, or 0:
		 * one's own */
	DISARM, /* whose; then free it, if it is one's own */
	/* As an event loop does: arm, sleep until woken, arm again ...;
	 * 1: with a deadline, at which it disarms. */
	PUT_LOOP,
	GET_LOOP,
	PEEK_LOOP,
	JOIN_LOOP,

	SELECT, /* CASES() */
	TRY_SELECT,
	SELECT_UNTIL
};

struct step {
	enum verb verb;
	int n;
	int queue; /* of the first, or the second */
};

/* Of a select: puts and gets, of the first queue and the second. */
enum { P = 1, G, P2, G2 };
#define CASE_BITS 3
#define CASES(a, b, c) ((a) | (b) << CASE_BITS | (c) << 2 * CASE_BITS)

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
	bool two;      /* there is a second queue, */
	size_t capacity_2;
	int filled_2;
	unsigned coroutines; /* which callers are some, bits; the others are
			      * threads */
	bool migrates;       /* after a park they are on another thread */
	/* What the wake functions of each caller's node do, beside noting it. */
	struct step wakes[CALLERS][WAKE_CALLS];
	struct step callers[CALLERS][CALLS];
};

#define PENDING (-1)

/* One call; of a node, from when it was armed until it is not any more. */
struct record {
	const struct step *step;
	enum lin_call call; /* what it was; LIN_N_CALLS: not in the history */
	int queue;
	int caller;
	bool on_its_own; /* not in the order of its caller's calls */
	uint64_t called, returned;
	int result; /* or PENDING */
	size_t n;   /* items moved */
	uint64_t values[BULK];
	uint64_t offered[BULK]; /* by the cases of a select; 0: none */
	uint64_t evicted;       /* by force_put; 0: none */
	struct write begun;     /* what the caller did before */
	/* When it came to its line, and then stood there first; of a node, or
	 * when it is over. */
	uint64_t came, stood;
	struct place place;
};

/* Of the schedule that was run last. */
struct story {
	const struct scenario *scenario;
	struct record records[RECORDS];
	int n_records;
	int got[VALUES], discarded[VALUES];
	struct write put_by[VALUES];
};

extern struct story story;

/* The model of a scenario's queue, by which its items rank, too. */
struct model_kind scenario_kind(const struct scenario *s, int queue);

/* The queues; NULL once destroy has begun. */
extern coqueue_t *queues[QUEUES];

/* How many there are. */
int story_queues(void);

/* No call begins any more. */
extern bool story_ends;

/* Never past: whether it expires is for the search to say. */
extern const struct timespec far_away;

/* Of the running thread: make one call, and record it. */
void story_call(const struct step *step);

/* A call by a node: it begins now. */
void story_call_begins(struct record *r);

/* A record's values are fresh, or as the item tells; an item is `words` long,
 * at most ITEM_WORDS. */
enum { ITEM_WORDS = 2 };
void story_make_item(uint64_t *item, uint64_t value);
uint64_t story_fresh_value(const struct record *r, int i);
uint64_t story_got(const uint64_t *item);
uint64_t story_peeked(const uint64_t *item);

/* What a caller may rely on after a call, which has this result. */
void story_check_sees(const struct record *r, int result);

const char *verb_name(enum verb verb);

/* What that is in a history; LIN_N_CALLS: nothing. */
enum lin_call lin_call_of(enum verb verb);

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
