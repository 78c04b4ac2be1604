/* SPDX-License-Identifier: MIT */
/*
 * What the tests of waiters share: a table of the arming calls, nodes that count
 * their wake-ups, and for which kinds of queues a test makes sense.
 */
#ifndef NODES_H
#define NODES_H

#include "crew.h"
#include <coqueue/waiter.h>

/* ---- arming calls --------------------------------------------------------- */

struct arm {
	const char *name;
	const struct op *op; /* the blocking call that does the same */
	int (*call)(coqueue_t *q, long *item, coqueue_waiter_t *w);
};

enum { ARM_PUT, ARM_GET, ARM_PEEK, ARM_JOIN, N_ARMS };

extern const struct arm arms[N_ARMS];
extern const struct arm *const put_arm, *const get_arm, *const peek_arm,
								*const join_arm;

static inline bool is_join(const struct arm *arm)
{
	return arm->op->line == JOINERS;
}

/* Whether a call, when it is done, is what this one waits for: a get for a put. */
static inline bool helps(const struct op *op, const struct arm *arm)
{
	return !op->keeps && op->line != arm->op->line;
}

/* ---- nodes ---------------------------------------------------------------- */

enum { MY_ITEM = 41 /* of a new node */, SERVED_ITEM = 7 /* of serve_one() */ };

struct node {
	coqueue_waiter_t waiter;
	coqueue_t *q;
	const struct arm *arm;
	long item;
	_Atomic unsigned wakes;
	int result;         /* the business of the wake function */
	struct node *other; /* idem */
	void *arg;          /* idem */
};

typedef void wake_function(coqueue_waiter_t *w);

void node_init(struct node *node, coqueue_t *q, const struct arm *arm,
	       wake_function *wake);
struct node *node_of(coqueue_waiter_t *w);

/* The wake function that does nothing else. */
void count_wake(coqueue_waiter_t *w);
unsigned wakes_of(const struct node *node);
void ck_wakes(const struct node *node, unsigned wanted);

/* They report ERRNO_CHANGED when errno is not as it was. */
int arm_node(struct node *node);
int disarm_node(struct node *node);

/* It must wait; it tries again, after serve_one(). */
void must_arm(struct node *node);
void must_be_served(struct node *node);

/* ---- kinds of queues ------------------------------------------------------ */

/* It may have to wait; what it waits for can come. */
bool can_wait(const struct kind *kind, const struct arm *arm);
bool can_be_served(const struct kind *kind, const struct arm *arm);

/* Each item, or room, is for one: not so for peekers and joiners. */
bool is_served_in_turn(const struct kind *kind, const struct arm *arm);

/* Others may be faster: at a rendezvous an offer is completed at once. */
bool can_be_stolen(const struct kind *kind, const struct arm *arm);

/* The same, and there may be more than one item, or room for more. */
bool leaves_others_some(const struct kind *kind, const struct arm *arm);

/* It may wait, and a shutdown gives ESHUTDOWN. */
bool is_refused(const struct kind *kind, const struct arm *arm);

/* A queue in which it must wait; an empty one if it never must. */
coqueue_t *queue_for(const struct kind *kind, const struct arm *arm);

/* One was served and has tried again: it must wait as before. */
void block_again(const struct kind *kind, coqueue_t *q, const struct arm *arm);

/* Others take what one of this line was woken for. */
void steal(coqueue_t *q, const struct arm *arm);

/* serve_one(), for workers, who do not assert. */
int serve_line(coqueue_t *q, enum line line);

/*
 * A test that runs once for each kind of queue and each arming call of which
 * `applies` holds; the index that a failure names is kind * N_ARMS + arm.
 */
#define ARM_TEST(name, applies)                                                \
	static void name##_of(const struct kind *kind, const struct arm *arm); \
	START_TEST(name)                                                       \
	{                                                                      \
		const struct kind *kind = &kinds[_i / N_ARMS];                 \
		const struct arm *arm = &arms[_i % N_ARMS];                    \
                                                                               \
		if (applies(kind, arm))                                        \
			name##_of(kind, arm);                                  \
	}                                                                      \
	END_TEST                                                               \
	static void name##_of(const struct kind *kind, const struct arm *arm)

int suite_run_arms(const char *name, const TTest *const *tests);

/* ---- in wake functions ---------------------------------------------------- */

/* What a wake function finds where it runs. */
struct visit {
	pthread_t thread;
	int cancel_state, section, served;
	bool locked;
	coqueue_t *spare; /* to be shut down */
};

/* The wake function of a node whose arg is a visit: notes, and tries again. */
void look_around(coqueue_waiter_t *w);

/* It ran in this thread, with nothing held, and was served. */
void check_visit(const struct visit *visit);

/* For tests without nodes of their own: call it as the wake function of one that
 * has this arg, armed for a get from a queue that is not known elsewhere. */
void in_a_wake(wake_function *function, void *arg);

/* ---- rings of selects ----------------------------------------------------- */

enum { RING_MOST = 4 };

/* Each hand puts into its own queue, or gets from its neighbour's. */
struct ring {
	coqueue_t *q[RING_MOST];
	unsigned n;
	_Atomic unsigned done;
	_Atomic uint64_t put[RING_MOST], got[RING_MOST]; /* sums, by queue */
};

void ring_make(struct ring *ring, const struct kind *kind, unsigned n);

/* The work of its hands: until ESHUTDOWN. */
int go_round(struct hand *me);

/* Once so much was done; and when the hands are gone, that nothing is missing. */
void ring_shut(struct ring *ring, unsigned done);
void ring_check(struct ring *ring);

#endif /* NODES_H */
