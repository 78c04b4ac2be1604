/* SPDX-License-Identifier: MIT */
/*
 * The schedule explorer: runs the shipped code of lib/ with its callers as
 * coroutines of one OS thread, one schedule after the other, and judges each.
 *
 *     explore.c            options
 *     explore_stages.c     which scenario is searched how far; the table
 *       explore_search.c   which choice is taken: depth first, at random, replay
 *       explore_scenario.c what the callers do; their calls become a history
 *       explore_waiter.c   ... those of coroutines, event loops and selects
 *       explore_verdict.c  what must hold when a schedule has come to rest
 *         explore_machine.c  coroutines, scheduling points, locks, RCU
 *         explore_memory.c   store buffers, happens-before, dead memory
 *
 * A schedule is a series of choices.  Wherever there are several ways to go on,
 * the machine asks search_choose(); the choices, written down, are the
 * schedule, and replay it exactly.  Options cost from a budget (struct budget),
 * which is what bounds the search.
 */
#ifndef EXPLORE_H
#define EXPLORE_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "explore_seam.h"

enum { THREADS = 8, STEPS_MAX = 20000, CHOICES_MAX = 20000 };

/* ---- explore_memory.c ----------------------------------------------------- */

/* A vector clock: how much of each thread happens-before. */
struct clock {
	uint32_t at[THREADS];
};

/* A store, by its thread's clock. */
struct write {
	int thread;
	uint32_t at;
};

struct late_store {
	const struct site *at;
	volatile void *p;
	size_t size;
	uint64_t value;
	struct clock released;
	struct write write;
	bool sc; /* sequentially consistent: never late */
};

enum { LATE_MAX = 16 };

/* What memory knows of a thread. */
struct view {
	struct clock clock;
	struct clock acquired; /* by relaxed loads, for an acquire fence */
	struct clock released; /* at the last release fence */
	struct clock fenced;   /* sequentially consistent fences passed, */
	struct clock sc;       /* and stores: none older is found */
	bool peeking;          /* it may read a slot that is overwritten */
	unsigned n_late;
	struct late_store late[LATE_MAX]; /* store buffer, oldest first */
};

void memory_begin(void);
void memory_flush_one(int thread);
void memory_flush(int thread);
void memory_acquire(const void *object);
void memory_release(const void *object);

/* Seen so far: `clock` happens-before what the running thread does now. */
bool memory_is_seen(const struct clock *clock);
/* What the running thread has done so far, as if it were a store; and whether
 * such a store happens-before what it does now. */
struct write memory_mark(void);
bool memory_sees(const struct write *w);
void clock_join(struct clock *into, const struct clock *from);

/*
 * A call begins, or returns.  Who calls later than a return knows of it from
 * somewhere: no old value is found from before it.  It happens-before nothing
 * for that.
 */
void memory_call_begins(void);
void memory_call_returns(void);

/* The running thread uses the object at p, which no location stands for. */
void memory_touch(const void *p);

/* That p is neither freed nor in a stack frame that has gone. */
void memory_check(const struct site *at, const volatile void *p);

/* The object at p must not be used from now on: whatever others did to it
 * happens-before now. */
void memory_retire(const struct site *at, const void *p, size_t size);

/* Memory of the scenario's own, which is dead, too, once it is freed by
 * seam_free(), but need not be. */
void *memory_alloc_own(size_t bytes);

/* Everything else that was allocated has been freed; and what is dead, nobody
 * has written to. */
bool memory_is_clean(void);
bool memory_is_untouched(void);

/* ---- explore_machine.c ---------------------------------------------------- */

/* Of one who waits in line. */
struct place {
	uint64_t since;    /* when it last stood there, to be woken */
	unsigned wakes;    /* times it was woken */
	uint64_t woken_by; /* when the call began that woke it last */
};

enum thread_state {
	READY,
	IN_MUTEX, /* until the mutex at `on` is free */
	IN_COND,  /* on the condvar at `on` */
	IN_GRACE, /* until the sections of `readers` have ended */
	NAPPING,  /* until somebody has changed something since `napped_at` */
	STOPPED,  /* half-way; stalled */
	SETTLING, /* until all others are asleep or done */
	DONE
};

struct thread {
	jmp_buf base, resume;
	unsigned char *stack;
	unsigned char *top; /* of the stack in use while it does not run */
	enum thread_state state;
	const void *on;
	bool signaled, timed, stalled;
	bool cancel_asked, cancel_off, cancelled;
	int sections;              /* how deep in read-side sections */
	unsigned section;          /* how many have begun */
	int os_thread;             /* whose values are its own */
	struct clock left;         /* the last one, at its end */
	unsigned readers;          /* whom the grace period waits for, bits */
	unsigned awaited[THREADS]; /* in which section they were */
	uint64_t napped_at;
	uint64_t slept_at;  /* when its call first went to sleep; 0: not yet */
	struct place place; /* since then */
	uint64_t began;     /* when its call did */
	struct {
		void (*run)(void *);
		void *arg;
	} undo[8];
	int n_undo;
	int locks; /* held */
	struct view view;
	uint64_t *called; /* to be stamped at its next step */
	const char *call; /* what it is in, for the trace */
};

/* What may still be spent in this schedule. */
struct budget {
	int preemptions; /* switches away from a thread that could go on */
	int delays;      /* stores that stay in the store buffer for a while */
	int stalls;      /* threads that do not run for long */
	int spurious;    /* waits that return for no reason */
	int lost;        /* signals that wake nobody */
	int old;         /* loads that find an older store */
};

extern struct thread threads[THREADS];
extern int running; /* index; n_threads: the epilogue */
extern int n_threads;
extern struct budget budget;
extern uint64_t now; /* counts steps, calls and returns */
extern bool tracing;

/* prepare() makes what the n threads find when they start. */
void machine_begin(int n, void (*prepare)(void));

/* Whether thread 0 may stall, too, when it is half-way and holds no lock. */
extern bool machine_stops;
void machine_is_half_way(void);

/*
 * Run all threads until nothing can go on; while_stalled() is called when only
 * those can that have stalled.  False: a rule was broken.
 */
bool machine_run(void (*body)(int thread), void (*while_stalled)(void));

/* Run one more thread without any choice, after machine_run(). */
bool machine_epilogue(void (*body)(int thread));

/* Whether choices are made: not in the epilogue. */
bool machine_is_exploring(void);

/* Of the running thread: */
void machine_settle(void);
void machine_cancel(int thread);
/* It is a coroutine, and goes on in another thread: one of two. */
void machine_migrate(void);

/* Let others run here, if it is so chosen. */
void machine_point(const struct site *at);

/* Whether `p` is a dead part of a stack; not of the user's own. */
bool machine_is_dead_stack(const void *p, int user);

/* Somebody has changed something: who naps looks again. */
void machine_changed(void);

/* A rule is broken: this schedule ends here. */
void machine_fail(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));
extern char machine_failure[512];

void machine_print(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
void machine_trace_place(const struct site *at);
#define machine_trace(...)                                                     \
	do {                                                                   \
		if (unlikely(tracing))                                         \
			machine_print(__VA_ARGS__);                            \
	} while (0)

/* ---- explore_search.c ----------------------------------------------------- */

enum search_mode {
	SEARCH_DEPTH, /* every schedule within the budget */
	SEARCH_PCT,   /* random priorities, a few changes */
	SEARCH_RANDOM,
	SEARCH_REPLAY
};

struct search {
	enum search_mode mode;
	struct budget budget;
	uint64_t seed;
	/* out: */
	uint64_t schedules;
	unsigned choices; /* of the longest schedule */
};

enum way_kind {
	GO_ON,
	SWITCH_TO,
	TIME_OUT,
	WAKE_FOR_NOTHING,
	FLUSH,
	DELAY,
	OLD_VALUE,
	STALL,
	LOSE
};

struct way {
	enum way_kind kind;
	int thread;
};

void search_begin(struct search *s);

/* The next schedule; false: there is none (depth first: complete). */
bool search_next(struct search *s);

/* Depth first: about how much of the tree lies behind, 0 ... 1. */
double search_share(void);

/* One of n > 1 options. */
unsigned search_choose(const struct way *options, unsigned n);

/* Remember where a depth-first search stands, as text; and go on there. */
void search_save(const struct search *s, FILE *f);
bool search_load(struct search *s, const char *line);

/* The choices of the schedule that was run last, as text for --replay. */
void search_print_choices(FILE *f);
bool search_load_choices(struct search *s, const char *text);

#endif
