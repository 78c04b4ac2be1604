/* SPDX-License-Identifier: MIT */
/*
 * What the behaviour tests share: crews of threads that start on a barrier and
 * report a verdict each, a table of every call that has the shape of put, get,
 * peek or join, queues of long items, and a main().
 *
 * A worker thread never asserts: it returns a result code or complains, and
 * the test's own thread asserts after joining it.  No test sleeps in order to
 * let another thread get somewhere: it awaits a condition, with a limit that
 * turns a hang into a failure.
 */
#ifndef CREW_H
#define CREW_H

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <coqueue.h>

#if defined(__has_feature) /* clang */
#define UNDER_ASAN __has_feature(address_sanitizer)
#define UNDER_TSAN __has_feature(thread_sanitizer)
#else
enum {
#ifdef __SANITIZE_ADDRESS__
	UNDER_ASAN = 1,
#else
	UNDER_ASAN = 0,
#endif
#ifdef __SANITIZE_THREAD__
	UNDER_TSAN = 1
#else
	UNDER_TSAN = 0
#endif
};
#endif

/* ---- suites ------------------------------------------------------------- */

/*
 * Run the tests, each in a test case of its own name, so that CK_RUN_CASE
 * picks one.  COQUEUE_TEST_SEED sets the seed, which is printed,
 * COQUEUE_TEST_SCALE multiplies the number of rounds, and COQUEUE_TEST_LIMIT
 * is the limit of all waits, in seconds (300).
 */
int suite_run(const char *name, const TTest *const *tests);

/* The same; each test runs once for each i below n, which it finds in _i. */
int suite_run_each(const char *name, const TTest *const *tests, int n);
#define TESTS(...) ((const TTest *const[]){__VA_ARGS__, NULL})

unsigned scaled(unsigned rounds);

/* Tell tests/faults.sh how often the test has done to the queue what it is
 * about, once it is sure of that. */
void report_injected(uint64_t times);

uint64_t suite_seed(void);
uint64_t random_next(uint64_t *state);
unsigned random_below(uint64_t *state, unsigned limit);

/* ---- time --------------------------------------------------------------- */

#define MS ((int64_t)1000000) /* in nanoseconds */

/* How long a test waits for what must happen, and "far away" in deadlines. */
int64_t limit_ns(void);

struct timespec from_now(int64_t nanoseconds);
bool is_past(const struct timespec *deadline);

/* Yield until the condition holds; fail when it does not within the limit. */
#define await(condition)                                                       \
	do {                                                                   \
		struct timespec limit_ = from_now(limit_ns());                 \
		while (!(condition)) {                                         \
			ck_assert_msg(!is_past(&limit_),                       \
				      "waited in vain for: %s", #condition);   \
			sched_yield();                                         \
		}                                                              \
	} while (0)

/* ---- result codes ------------------------------------------------------- */

/* What a worker may report besides 0 and errno values. */
enum {
	STILL_RUNS = -1,
	WAS_CANCELLED = -2,
	ERRNO_CHANGED = -3,
	COMPLAINED = -4
};

const char *code_name(int code);

/* Cheap where it holds, unlike Check's own, which note every passing. */
#define ck_code(call, expected)                                                \
	do {                                                                   \
		int got_ = (call), want_ = (expected);                         \
		if (got_ != want_)                                             \
			ck_abort_msg("%s gives %s, not %s", #call,             \
				     code_name(got_), code_name(want_));       \
	} while (0)
#define ck_ok(call) ck_code(call, 0)

/* Around a call: its code, or ERRNO_CHANGED unless errno is as it was.  Nothing in
 * coroutines: compilers keep the address of a thread's. */
void errno_mark(void);
int errno_kept(int code);

/* ---- every call of one shape -------------------------------------------- */

enum line { PUTTERS, GETTERS, JOINERS, N_LINES };

/* PLAIN calls have no deadline and ignore the one they are handed. */
enum form { PLAIN, TRY, UNTIL };

struct op {
	const char *name;
	enum line line;
	enum form form;
	bool keeps; /* the item stays in the queue: peek and join */
	int (*call)(coqueue_t *q, long *item, const struct timespec *deadline);
};

enum {
	OP_PUT,
	OP_TRY_PUT,
	OP_PUT_UNTIL,
	OP_PUT_MANY,
	OP_GET,
	OP_TRY_GET,
	OP_GET_UNTIL,
	OP_GET_MANY,
	OP_PEEK,
	OP_TRY_PEEK,
	OP_PEEK_UNTIL,
	OP_JOIN,
	OP_JOIN_UNTIL,
	N_OPS
};

extern const struct op ops[N_OPS];

#define for_each_op(each)                                                      \
	for (const struct op *each = ops; each < ops + N_OPS; each++)
#define for_each_blocking_op(each)                                             \
	for_each_op(each)                                                      \
		if (each->form != TRY)
#define for_each_mode(mode)                                                    \
	for (int mode = COQUEUE_GRACEFUL; mode <= COQUEUE_IMMEDIATE; mode++)

/* Calls it, and reports ERRNO_CHANGED when errno is not as it was. */
int op_call(const struct op *op, coqueue_t *q, long *item,
	    const struct timespec *deadline);

/* ---- kinds of queues ---------------------------------------------------- */

struct kind {
	const char *name;
	enum coqueue_order order;
	size_t capacity;
};

enum { N_KINDS = 12 };
extern const struct kind kinds[N_KINDS];

#define for_each_kind(each)                                                    \
	for (const struct kind *each = kinds; each < kinds + N_KINDS; each++)

static inline bool kind_is_bounded(const struct kind *kind)
{
	return kind->capacity != COQUEUE_UNBOUNDED;
}

static inline bool kind_is_rendezvous(const struct kind *kind)
{
	return kind->capacity == 0;
}

/* By the numbers of items (long), those of one step being equal. */
enum { PRIORITY_STEP = 8 };
int compare_steps(const void *a, const void *b, void *unused);

coqueue_attr_t kind_attr(const struct kind *kind);

/* ---- queues of long ----------------------------------------------------- */

/* A queue of that capacity which holds the items 0, 1, ... items - 1. */
coqueue_t *queue_with(size_t capacity, size_t items);
coqueue_t *queue_with_attr(size_t capacity, size_t items, coqueue_attr_t attr);
coqueue_t *kind_with(const struct kind *kind, size_t items);

/* Whether callers of this op ever have to wait, or can be served. */
bool kind_can_block(const struct kind *kind, const struct op *op);
bool kind_can_serve(const struct kind *kind, const struct op *op);

/* A queue in which the op has to wait: full for a put, empty for a get, and
 * with one item unfinished for a join (a FIFO of capacity 2, or that kind). */
coqueue_t *queue_that_blocks(const struct op *op);
coqueue_t *kind_that_blocks(const struct kind *kind, const struct op *op);

/* Let one who waits in this line go on (an item 7 for a get); for a join, all. */
void serve_one(coqueue_t *q, enum line line);

/* Get the items first, first + 1, ... first + n - 1, in this order. */
void take_in_order(coqueue_t *q, long first, size_t n);

/* Get the items 0 ... n - 1, put in this order, in the order of the kind. */
void take_all_of(const struct kind *kind, coqueue_t *q, size_t n);

/* It is open and works: empty it, then fill it exactly and empty it again. */
void check_usable(coqueue_t *q);
void check_usable_as(const struct kind *kind, coqueue_t *q);

coqueue_stats_t stats_of(const coqueue_t *q);
size_t waiting_in(const coqueue_t *q, enum line line);
void await_waiting(const coqueue_t *q, enum line line, size_t n);

/* ---- crews -------------------------------------------------------------- */

/*
 * COQUEUE_TEST_CALLERS says what hands are: "threads" (or nothing), "coroutines"
 * of one thread, "migrating" ones of several, or "mixed": each second is a thread.
 * What is cancelled, stopped or asked for its thread is one:
 */
bool hands_are_threads(void);
#define FOR_THREADS_ALONE()                                                    \
	do {                                                                   \
		if (!hands_are_threads())                                      \
			return;                                                \
	} while (0)

struct fibers;
struct hand;
typedef int hand_work(struct hand *me);

struct hand {
	coqueue_t *q;
	const struct op *op;             /* for crew_call() */
	const struct timespec *deadline; /* for crew_call() */
	void *arg;
	unsigned index;
	long item;           /* crew_call(): put, or received */
	size_t done;         /* free for the work */
	int result;          /* what the work returned */
	char complaint[128]; /* what it found wrong */
	_Atomic bool finished;

	hand_work *work;
	struct crew *crew;
	struct fibers *fibers; /* a coroutine of these; NULL: a thread */
	pthread_t thread;
	_Atomic pid_t tid; /* of that thread */
	bool joined, restarted;
};

struct crew {
	unsigned n;
	pthread_barrier_t start;
	struct hand hands[];
};

/* Start n hands, which begin the work together. */
struct crew *crew_start(unsigned n, hand_work *work, coqueue_t *q, void *arg);

/* In a hand: let others run; the same in coroutines alone, which have to where
 * they might not block for long. */
void hand_yield(void);
void hand_pause(void);

/* Say what is wrong, in a worker; returns COMPLAINED for it to return. */
int complain(struct hand *me, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* n hands that make this call, once each; putters put their index. */
struct crew *crew_call(coqueue_t *q, const struct op *op, unsigned n,
		       const struct timespec *deadline);

/* n hands that do this work, whose business it is to call me->op. */
struct crew *crew_work(unsigned n, hand_work *work, coqueue_t *q,
		       const struct op *op);

/* crew_call() without a deadline; wait until all n of them are blocked. */
struct crew *crew_block(coqueue_t *q, const struct op *op, unsigned n);

/* The same with coroutines, whatever hands are otherwise. */
struct crew *crew_start_on(struct fibers *fibers, unsigned n, hand_work *work,
			   coqueue_t *q, void *arg);
struct crew *crew_call_on(struct fibers *fibers, coqueue_t *q,
			  const struct op *op, unsigned n,
			  const struct timespec *deadline);

/* Put an item that a blocked getter takes, whatever kind of queue it is. */
void hand_over(coqueue_t *q, long item);

/* Wait for all, at most for the limit; fails if one hangs or complained. */
void crew_join(struct crew *crew);

/* Fail if one that has finished complained. */
void crew_check(struct crew *crew);
void crew_free(struct crew *crew);
void crew_cancel(struct crew *crew);

/* How many have finished, of those still running; how many got this code. */
unsigned crew_finished(struct crew *crew);
unsigned crew_count(const struct crew *crew, int code);
const char *crew_report(const struct crew *crew);

/* Processor time that the crew has used, in nanoseconds. */
int64_t crew_cpu_time(const struct crew *crew);

/*
 * Watch the crew until either it has got on by many calls, or still does after a
 * long time (true), or it rests: no call ends and, for a while, hardly any time of
 * the processor is used.  It is a failure to use much of it meanwhile, unless
 * mostly all are asleep at once.  (So under valgrind, where one runs at a time, who
 * spins is not noticed.)
 */
bool crew_gets_on(const struct crew *crew, const _Atomic uint64_t *calls,
		  const char *name);

/* Cancel one hand, and wait for its end; then another thread does its work. */
void crew_cancel_one(struct crew *crew, unsigned index);
void crew_restart_one(struct crew *crew, unsigned index);

/* Join, require the same code of each, free. */
#define crew_expect(these, code)                                               \
	do {                                                                   \
		struct crew *crew_ = (these);                                  \
		int code_ = (code);                                            \
		crew_join(crew_);                                              \
		ck_assert_msg(crew_count(crew_, code_) == crew_->n,            \
			      "not all %s: %s", code_name(code_),              \
			      crew_report(crew_));                             \
		crew_free(crew_);                                              \
	} while (0)

/* ---- stopping a thread -------------------------------------------------- */

/* A signal handler stops one hand at a time, wherever it happens to be. */
void prepare_to_stop(void);
void stop_thread(const struct hand *hand);
void thaw_thread(void);

/* crew_gets_on() while this one is stopped; also after a failure it goes on, or
 * other tests of the process would wait for it in their grace periods. */
bool crew_gets_on_without(const struct crew *crew, unsigned index,
			  const _Atomic uint64_t *calls, const char *name);
void finish_stopping(void);

/* ---- signals ------------------------------------------------------------ */

/* SIGUSR1 is handled from now on, by counting it. */
void count_signals(int flags);
unsigned signals_counted(void);

/* ---- processes ---------------------------------------------------------- */

/*
 * Threads put by tries until it is full, together as many as its capacity (many,
 * if it has none), and then get until it is empty.
 */
void check_filled_together(coqueue_t *q, size_t capacity);

/* Run the function in a child; fails unless it exits 0 within the limit. */
void check_in_child(int (*function)(void *arg), void *arg);

/* Resident memory in bytes; what malloc() keeps for later is not counted. */
long resident(void);

#endif /* CREW_H */
