/* SPDX-License-Identifier: MIT */
/*
 * A round: one queue, made, loaded, shut down, checked and destroyed.
 *
 *     plan      what this round is to be, drawn from the seed
 *     crew      workers, that put, get, join and shut down: threads, and
 *               fibers, as coroutines or as callers that arm waiters
 *     conduct   the main thread, the conductor, decides when the end comes
 *     judge     the accounts of all are compared
 *
 * A worker never judges more than the call it has just made: it records, and
 * the conductor judges when all have left.
 */
#ifndef STRESS_ROUND_H
#define STRESS_ROUND_H

#include <coqueue.h>
#include <sys/types.h>
#include "fibers.h"
#include "stress.h"
#include "stress_ledger.h"
#include "stress_random.h"

/* How long a caller is ready to wait; a set of them to draw from. */
enum form {
	FOR_EVER = 1, /* coqueue_put, coqueue_get ... */
	UNTIL = 2,    /* ..._until, with a deadline within plan->patience_ns */
	AT_ONCE = 4,  /* coqueue_try_..., COQUEUE_NOWAIT */
	ANY_FORM = FOR_EVER | UNTIL | AT_ONCE
};

/* Who is kept back until the shutdown has returned, so that others block. */
enum hold { NOBODY, HOLD_PRODUCERS, HOLD_CONSUMERS };

#define JOINERS_MAX 3
#define SHUTTERS_MAX 3
#define RESIZERS_MAX 2
#define QUEUES_MAX 8
#define NO_TRIGGER UINT32_MAX

struct plan {
	unsigned queues; /* to select from; 0: one queue, in plain calls */
	bool relays;     /* producers take items, too, now and then */
	enum coqueue_order order;
	size_t capacity;
	size_t largest; /* that it is ever changed to */
	unsigned producers, consumers, joiners, shutters, players, resizers;
	unsigned beside[N_CALLERS]; /* of each side, among those: no threads */
	unsigned put_forms, get_forms, join_forms;
	size_t batch;
	uint64_t patience_ns;
	bool patient_half; /* every other worker waits for ever all the same */
	unsigned peek_one_in; /* of that many gets, one is a peek; 0: none */
	bool mark_done;       /* consumers call task_done */
	uint32_t burst;       /* producers join after so many items; 0: never */
	bool one_call;        /* each worker makes one call and leaves */
	bool interrupts;      /* EINTR is to be expected */
	unsigned think_one_in[2]; /* producers, consumers: pause before one in
				   * so many calls; 0: never */
	bool is_held[N_SIDES];    /* each of that side holds, and releases */
	enum hold hold;
	uint64_t hold_at;   /* HOLD_PRODUCERS: after that many items each */
	uint64_t moment_ns; /* when the end comes, from the start */
	uint32_t trigger;   /* ... or when the first producer put so many */
	bool long_round;
	uint64_t items; /* to be put by all producers together, at most */
	uint64_t ahead; /* so many of them in a queue without a limit */
	enum coqueue_shutdown shutter_mode[SHUTTERS_MAX];
};

enum activity {
	NOT_STARTED,
	OWN_WORK,
	PACING,
	AT_GATE,
	LEFT,
	OBEYED_CANCELLATION,
	/* conductor */
	CREATING,
	WAITING_FOR_MOMENT,
	WAITING_FOR_BLOCKED,
	WAITING_FOR_IDLE,
	CANCELLING,
	JOINING_CREW,
	JUDGING,
	/* library calls */
	IN_PUT,
	IN_PUT_UNTIL,
	IN_TRY_PUT,
	IN_PUT_MANY,
	IN_FORCE_PUT,
	IN_GET,
	IN_GET_UNTIL,
	IN_TRY_GET,
	IN_GET_MANY,
	IN_PEEK,
	IN_PEEK_UNTIL,
	IN_TRY_PEEK,
	IN_JOIN,
	IN_JOIN_UNTIL,
	IN_TASK_DONE,
	IN_SELECT,
	IN_SET_CAPACITY,
	IN_HOLD,
	IN_RELEASE,
	IN_SHUTDOWN,
	IN_INTERRUPT,
	IN_DESTROY,
	N_ACTIVITIES
};

extern const char *const activity_name[N_ACTIVITIES];

enum role {
	PRODUCER,
	CONDUCTOR,
	CONSUMER,
	JOINER,
	SHUTTER,
	PLAYER,
	RESIZER,
	N_ROLES
};

extern const char *const role_name[N_ROLES];

/* What is known about the end of the queue, ordered by how final it is. */
enum finality { STILL_OPEN, GRACEFULLY, IMMEDIATELY };

static inline enum finality finality_of(enum coqueue_shutdown mode)
{
	return mode == COQUEUE_IMMEDIATE ? IMMEDIATELY : GRACEFULLY;
}

struct actor {
	/* written by the actor, read by anyone */
	_Alignas(64) _Atomic unsigned activity;
	_Atomic pid_t tid;
	_Atomic uint64_t moved;  /* items put, taken or discarded this round */
	_Atomic uint64_t marked; /* items about to be marked done this round */
	struct verdicts verdicts;

	struct round *round;
	enum role role;
	unsigned index; /* within the role */
	enum caller caller;
	unsigned rank; /* within the role, among callers of its sort */
	pthread_t thread;
	bool running, cancelled; /* conductor's: to be joined */

	/* the actor's own; the conductor's while it does not run */
	struct random random;
	unsigned forms;
	enum finality knows; /* from refusals this actor has seen */
	uint32_t number;     /* items accepted, and the next one's number */
	uint32_t share;      /* items to be put, or taken, and then leave */
	uint32_t stamped[QUEUES_MAX]; /* items that have their time already */
	uint32_t next_join;           /* number after which to join */
	uint64_t pace_start_ns;
	/* where there are several queues, by queue: */
	uint32_t put_in[QUEUES_MAX];
	uint64_t taken_from[QUEUES_MAX];
	unsigned over[N_SIDES]; /* a set of 1 << queue: it was refused there */

	bool in_call; /* set by a call that was cancelled */
	bool is_put;
	size_t done;           /* items moved by that call */
	unsigned char *buffer; /* items of one call */
	struct ledger ledger;  /* of who takes items */
	/* of consumers, producers that relay, conductor: stress_order.h */
	struct expected *expected; /* [item_sources] */
	unsigned looks;
	bool has_looked; /* before this call */
	uint64_t count[N_COUNTS];
	struct histogram *latency;
};

/* One of several queues. */
struct lane {
	struct round *round;
	coqueue_t *queue;
	enum coqueue_order order;
	size_t capacity;
	_Atomic int begun,
		returned;   /* finality of the last shutdown, as below */
	uint64_t discarded; /* the conductor's */
};

/* A gate lets all through once it is open. */
struct gate {
	sem_t turnstile;
	_Atomic unsigned arrived; /* how often somebody came to it */
};

struct round {
	struct run *run;
	struct result *result;
	uint64_t index;
	uint64_t salt;
	struct random random; /* the conductor's choices */
	struct plan plan;
	coqueue_t *queue; /* NULL: none, or being destroyed; under view
			     * for who is not part of the round */
	struct lane lanes[QUEUES_MAX];
	unsigned n_lanes; /* that have a queue; likewise */
	uint64_t start_ns;
	int start_error; /* why no thread or queue could be made */

	_Atomic int begun;    /* finality of the last shutdown that was begun */
	_Atomic int returned; /* ... that has returned */
	_Atomic bool destroying;
	_Atomic bool stop; /* producers are to leave */
	_Atomic bool triggered;
	_Atomic unsigned left[N_ROLES];
	/* of those who hold */
	_Atomic unsigned releasing[N_SIDES], released[N_SIDES];
	size_t full; /* HOLD_CONSUMERS: items, when all producers are blocked */
	_Atomic unsigned strays; /* item_destroy calls from unknown threads */
	sem_t bell;              /* something happened, conductor: look */
	struct gate hold_gate, shut_gate;

	struct fibers *pools[N_CALLERS]; /* under which such run; or NULL */
	uint64_t parks_before;           /* this round, of coroutines */

	/* By role.  For producers and the conductor, the place is the source
	 * that their items carry; where there are several queues, each place
	 * has a source for each. */
	struct actor *actors;
	unsigned n_actors;
	unsigned most[N_ROLES];  /* of each role */
	struct ledger **ledgers; /* [n_actors]: those of the actors */
	unsigned item_sources;   /* at most */
	uint32_t numbers_max;    /* items per source and round */
	uint64_t **stamps;       /* [item_sources]: when some items were put */
	size_t buffer_items;
	struct histories *histories; /* stress_linearize.c; or NULL */
};

/* One of this many items is timed when producers run without a rate. */
#define STAMP_EVERY 32

struct scenario {
	const char *name;
	const char *what; /* for --help */
	/* Draw what this round is to be; the plan holds the defaults. */
	void (*plan)(struct plan *p, const struct config *c, struct random *r);
	/* Before the crew starts; may be NULL. */
	void (*prepare)(struct round *r);
	/* The load is running: bring it to an end, with the verbs below. */
	void (*conduct)(struct round *r);
	bool changes_capacity; /* of queues that let it */
	bool selects;          /* from several queues */
	unsigned callers;      /* that take part whatever --coroutines says, as
				* a set of 1 << enum caller; 0: as it says */
};

extern const struct scenario scenarios[];
extern const unsigned n_scenarios;
const struct scenario *scenario_find(const char *name);

/* In every other case a kind of queue other than that which was asked for. */
void draw_any_kind(struct random *r, enum coqueue_order *order,
		   size_t *capacity);

/* ---- stress_round.c: life ---------------------------------------------- */

/* 0 or an errno value; everything that rounds of this run need. */
int round_init(struct round *r, struct run *run);
void round_free(struct round *r);

/* Play rounds until the time or the items are used up, a check has failed or
 * a signal has come.  0, or an errno value: could not start. */
int scenario_run(struct round *r, const struct scenario *s, uint64_t end_ns,
		 struct result *result);

/* The i-th of the queues that there are; NULL: it has no more. */
coqueue_t *round_queue(const struct round *r, unsigned i);
struct actor *round_actor(struct round *r, enum role role, unsigned index);
struct actor *round_conductor(struct round *r);
unsigned round_crew_size(const struct round *r, enum role role);

/* Everybody may see the queue now; NULL: not any more. */
void round_publish_queue(struct round *r, coqueue_t *q);
/* Make a queue that discards to item_destroy(item, ctx); 0 or an errno value. */
int round_make_queue(struct round *r, coqueue_t **q, enum coqueue_order order,
		     size_t capacity, void (*item_destroy)(void *, void *),
		     void *ctx);
/* No caller but those that are blocked may be in the queue. */
void round_destroy_queue(struct round *r);
/* The round is over: verdicts and counts of all go to the result. */
void round_add_up(struct round *r);
/* What the conductor is doing now, for the watchdog: it gets on. */
void round_step(struct round *r, enum activity what);
void worker_start(struct actor *a); /* on failure, round->start_error is set */
bool worker_join(struct actor *a);  /* a thread; true: it was cancelled and
				     * obeyed */

/* ---- stress_conduct.c: the verbs of a scenario ------------------------- */

/* Until the planned moment, or until those who can block are blocked. */
void round_wait_moment(struct round *r);
/* HOLD_CONSUMERS: until as many items are in as can be, and no more. */
void round_wait_full(struct round *r);
/* Until all who hold have released. */
void round_wait_released(struct round *r);
/* Until every worker is blocked in the call that it makes. */
void round_wait_all_blocked(struct round *r);
/* Ask producers to leave. */
void round_stop(struct round *r);
/* The same, and wait until all has been delivered and every
 * consumer is gone or blocked: nobody helps those whose wake-up was lost. */
void round_run_dry(struct round *r);
void round_shut_down(struct round *r, enum coqueue_shutdown mode);
void round_open_gates(struct round *r);
void round_interrupt(struct round *r, coqueue_t *q);
/* Cancel up to n workers that are threads, wherever they are, and replace
 * them. */
void round_cancel(struct round *r, unsigned n);
/* The conductor puts (and takes) items itself. */
void round_put(struct round *r, size_t n);
void round_get(struct round *r, size_t n);
/* A pause while the load runs on. */
void round_linger(struct round *r, uint64_t ns);
bool round_is_over(const struct round *r);
/* Look again and again until it holds, or the round has to end. */
void round_wait_until(struct round *r, bool (*holds)(struct round *r));
bool round_producers_left(struct round *r);
/* False: that is a verdict. */
bool round_get_stats(struct round *r, coqueue_t *q, coqueue_stats_t *stats);
/* Before a shutdown: how many met at least two who were blocked. */
void round_note_blocked(struct round *r, coqueue_t *q);

/* ---- stress_worker.c --------------------------------------------------- */

#define WORKER_STACK ((size_t)256 << 10) /* bytes */

void *worker_main(void *actor); /* as a thread */
void worker_fiber(void *actor); /* as a fiber */
void worker_reset(struct actor *a);
/* One put or get of up to n items with checks and accounts; what it returned.
 */
int worker_puts(struct actor *a, size_t n);
/* Its share is not yet used up, nobody has asked it to stop; the pauses that
 * come before a call. */
bool worker_puts_on(struct actor *a);
void worker_thinks(struct actor *a);
bool worker_paces(struct actor *a, uint32_t number); /* false: it is to stop */
int worker_gets(struct actor *a, size_t n);

static inline uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Neither a rendezvous nor without a limit: it can be full, and changed. */
static inline bool capacity_is_limit(size_t capacity)
{
	return capacity != 0 && capacity != COQUEUE_UNBOUNDED;
}

#define actor_fail(a, ...) verdicts_add(&(a)->verdicts, __VA_ARGS__)

void gate_shut(struct gate *g); /* nobody is at it */
void gate_pass(struct gate *g);
void gate_open(struct gate *g);

/* ---- stress_shut.c ----------------------------------------------------- */

/* Who the calling thread is; the conductor says so itself. */
void worker_is(struct actor *a);
void worker_destroys(void *item, void *round);
void worker_shuts_down(struct actor *a, enum coqueue_shutdown mode);
/* Hold for each of the crew who is to; before it starts. */
void round_hold(struct round *r);
/* The caller's own hold makes one more return to what it was. */
void worker_holds_more(struct actor *a);
void worker_releases(struct actor *a);

/* ---- stress_judge.c ---------------------------------------------------- */

struct sums {
	const char *whose; /* for verdicts */
	uint64_t accepted, delivered, discarded, marked;
};

/* All have left, the queue still is; that one of several, with these sums. */
void judge_queue(struct round *r);
void judge_queue_of(struct round *r, coqueue_t *q, const struct sums *sums);
void judge_accounts(struct round *r); /* it is destroyed */
void judge_collect(struct round *r);  /* verdicts of all actors: to result */

/* ---- stress_resize.c --------------------------------------------------- */

void worker_resizes(struct actor *a);
/* HOLD_CONSUMERS, and all are blocked: one new capacity. */
void round_resize(struct round *r);

#endif /* STRESS_ROUND_H */
