/* SPDX-License-Identifier: MIT */
/*
 * Callers that do not block a thread, and what they may rely on (R1-R8):
 *
 *   - for each EINPROGRESS a wake function runs at most once; and not after a
 *     disarm, which says truly whether it has run
 *   - whoever waits armed and is woken too late, or not at all: see the verdict
 *   - hooks and wake functions run with no lock held, outside sections, without
 *     cancellation, and one after the other
 *   - what is freed after a disarm, nobody touches
 *   - a coroutine may be on another thread after each park
 */
#include "config.h"

#include "explore_waiter.h"

#undef aligned_alloc

/* ---- nodes ---------------------------------------------------------------- */

/* What is freed as one: the node, and the item that it offers. */
struct node {
	coqueue_waiter_t waiter;
	uint64_t item[ITEM_WORDS];
};

static struct owner {
	struct node *node;
	struct record *call; /* that it is armed for, or NULL */
	coqueue_t *queue;    /* of that; once an offer was taken, just a name */
	unsigned armed;      /* times EINPROGRESS was returned, */
	unsigned wakes;      /* its wake function has begun, */
	int arming, disarming; /* calls that have begun and not returned */
	bool waits; /* told EINPROGRESS, and not woken since it asked */
	bool woken; /* since it was armed */
	/* Somebody has disarmed it while it was being armed (not in its wake
	 * function): it is out; or either may have come first. */
	bool out, unsure;
	unsigned arms; /* such calls that have begun, */
	int outside;   /* and not returned */
	/* Who sees those knows what the owner, or a wake function, has done;
	 * the library cannot see how. */
	char armed_mark, woken_mark;
	/* of its loop */
	struct sync_mutex lock;
	struct sync_cond cond;
	bool told;           /* under lock */
	unsigned told_wakes; /* under lock: of so many of its wakes, */
	unsigned seen_wakes; /* and these it knows of */
} owners[CALLERS];

/* By explorer thread: whose wake function it is in, or NULL. */
static struct owner *in_wake_of[THREADS];

static struct owner *own(void)
{
	return in_wake_of[running] ? in_wake_of[running] : &owners[running];
}

static int index_of(const struct owner *o)
{
	return (int)(o - owners);
}

/* What the library promises to code of its callers. */
static void check_surroundings(const char *what)
{
	const struct thread *t = &threads[running];

	if (t->locks || t->sections)
		machine_fail("%s under a lock or in a section", what);
	if (!t->cancel_off)
		machine_fail("%s can be cancelled", what);
	if (in_wake_of[running])
		machine_fail("%s inside a wake function", what);
}

static struct owner *owner_of(const coqueue_waiter_t *w)
{
	for (int i = 0; i < CALLERS; i++)
		if (owners[i].node && &owners[i].node->waiter == w)
			return &owners[i];
	machine_fail("a node is woken that is gone");
}

static void mark(const char *object)
{
	memory_flush(running);
	memory_release(object);
}

static void tell(struct owner *o)
{
	sync_lock(&o->lock);
	o->told = true;
	o->told_wakes = o->wakes;
	sync_unlock(&o->lock);
	sync_cond_broadcast(&o->cond);
}

static bool loops(const struct record *call)
{
	return call && call->step->verb >= PUT_LOOP &&
	       call->step->verb <= JOIN_LOOP;
}

static void wake(coqueue_waiter_t *w)
{
	struct owner *o = owner_of(w);
	const struct step *also = story.scenario->wakes[index_of(o)];
	bool loop = loops(o->call);

	check_surroundings("a wake function runs");
	machine_trace("    the node of %d is woken", index_of(o));
	if (o->wakes == o->armed + (unsigned)o->arming)
		machine_fail("the node of %d is woken, and was not armed, or "
			     "has been woken",
			     index_of(o));
	o->wakes++;
	if (o->call) {
		o->call->place.wakes++;
		o->call->place.woken_by = threads[running].began;
	}
	o->waits = false;
	o->woken = true;
	if (!loop)
		mark(&o->woken_mark);
	in_wake_of[running] = o;
	for (int i = 0; i < WAKE_CALLS; i++)
		if (also[i].verb != END && !story_ends && queues[also[i].queue])
			story_call(&also[i]);
	if (loop)
		tell(o);
	in_wake_of[running] = NULL;
}

static void make_node(struct owner *o)
{
	if (o->node)
		return;
	o->node = memory_alloc_own(sizeof(*o->node));
	o->node->waiter = (coqueue_waiter_t)COQUEUE_WAITER_INIT(wake, NULL);
}

static bool meets(const struct owner *o)
{
	return scenario_kind(story.scenario, o->call->queue).capacity == 0;
}

/* Its call is over, or it has none any more. */
static void end_call(struct owner *o, int result)
{
	o->call->result = result;
	o->call->returned = ++now;
	o->call = NULL;
	o->waits = o->woken = false;
}

static int call_arm(const struct owner *o)
{
	struct view *v = &threads[running].view;
	coqueue_t *q = o->queue;
	int err;

	switch (o->call->call) {
	case LIN_PUT:
		return coqueue_put_arm(q, o->node->item, &o->node->waiter);
	case LIN_GET:
		return coqueue_get_arm(q, o->node->item, &o->node->waiter);
	case LIN_PEEK:
		v->peeking = true;
		err = coqueue_peek_arm(q, o->node->item, &o->node->waiter);
		v->peeking = false;
		return err;
	default:
		return coqueue_join_arm(q, &o->node->waiter);
	}
}

/* R1: what was shut before the call began has nobody armed. */
static bool was_shut(const struct record *call, uint64_t began)
{
	const struct record *r;

	for (int i = 0; i < story.n_records; i++) {
		r = &story.records[i];
		if (r->call == LIN_SHUTDOWN && r->queue == call->queue &&
		    r->result != PENDING && r->returned < began)
			return call->call != LIN_JOIN;
	}
	return false;
}

/* An interrupt is none; a join that is armed keeps its queue from destroy. */
static bool is_answer(const struct record *call, int err)
{
	return err == 0 || (err == ESHUTDOWN && call->call != LIN_JOIN);
}

static void note_answer(struct owner *o, struct record *call, int err)
{
	if (err == 0 && call->call == LIN_GET)
		call->values[0] = story_got(o->node->item);
	if (err == 0 && call->call == LIN_PEEK)
		call->values[0] = story_peeked(o->node->item);
	call->n = err == 0 && call->call != LIN_JOIN;
	end_call(o, err);
}

static void note_stands(struct owner *o)
{
	o->waits = !o->woken;
	o->call->place.since = ++now;
	if (o->call->stood)
		return;
	o->call->came = o->call->called;
	o->call->stood = now;
}

/*
 * One arming call, for what the node waits for.  Its wake function may run, and
 * end that, before it returns.
 */
static int arm(struct owner *o)
{
	struct record *call = o->call;
	bool outside = in_wake_of[running] != o;
	uint64_t began = now;
	int err;

	if (o != &owners[running])
		memory_acquire(&o->armed_mark);
	if (o->woken && !loops(call))
		memory_acquire(&o->woken_mark);
	o->arming++;
	o->arms += outside;
	o->outside += outside;
	o->woken = o->out = o->unsure = false;
	err = call_arm(o);
	o->arming--;
	o->outside -= outside;
	mark(&o->armed_mark);
	o->armed += err == EINPROGRESS;
	if (o->wakes > o->armed + (unsigned)o->arming)
		machine_fail("the node of %d was woken, and is not armed",
			     index_of(o));
	if (err != EINPROGRESS && !is_answer(call, err))
		machine_fail("an arming call returns %s", strerrorname_np(err));
	if (err != EINPROGRESS)
		note_answer(o, call, err);
	else if (was_shut(call, began))
		machine_fail("the node of %d is armed after a shutdown",
			     index_of(o));
	else if (o->call == call && o->out)
		end_call(o, ECANCELED);
	else if (o->call == call)
		note_stands(o);
	return err;
}

static void begin_call(struct owner *o, struct record *r)
{
	make_node(o);
	o->call = r;
	o->queue = queues[r->queue];
	r->on_its_own = true;
	if (r->call != LIN_PUT)
		return;
	r->values[0] = story_fresh_value(r, 0);
	story_make_item(o->node->item, r->values[0]);
}

/* A try of what the node is armed for: a new call, but that an offer may have
 * been taken before. */
static int arm_again(struct owner *o)
{
	if (!meets(o))
		story_call_begins(o->call);
	return arm(o);
}

int waiter_arm(struct record *r)
{
	struct owner *o = r->step->n ? &owners[r->step->n] : own();

	if (r->step->verb == REARM && (!o->call || o->outside))
		return 0; /* not two at a time */
	if (!o->call) {
		begin_call(o, r);
		return arm(o);
	}
	if (r->step->verb != REARM && r->call != o->call->call)
		machine_fail("the scenario arms a node for two calls");
	r->call = LIN_N_CALLS;
	return arm_again(o);
}

/* Beside a call that arms it. */
static void note_disarmed_beside(struct owner *o, int err, bool was_armed)
{
	if (err != 0 || was_armed)
		o->unsure = true;
	else if (o->outside)
		o->out = true;
	else if (o->call && !loops(o->call))
		end_call(o, ECANCELED);
}

/* R6.  What was armed was not woken, or what was woken is not armed. */
static void note_disarmed(struct owner *o, int err)
{
	if (err == EALREADY && o->waits)
		machine_fail("the node of %d was armed and not woken, and "
			     "disarm says EALREADY",
			     index_of(o));
	if (err == 0 && o->wakes == o->armed)
		machine_fail("the node of %d was woken, and disarm says 0",
			     index_of(o));
	if (err != EBUSY) /* then a wake may be under way */
		o->wakes = o->armed;
	o->waits = o->woken = o->unsure = false;
}

static int disarm(struct owner *o)
{
	bool was_armed = o->waits || o->woken, beside = o->outside > 0;
	unsigned arms = o->arms;
	int err;

	if (o != &owners[running]) {
		memory_acquire(&o->armed_mark);
		memory_acquire(&o->woken_mark);
	}
	o->disarming++;
	err = coqueue_disarm(&o->node->waiter);
	o->disarming--;
	if (err == EBUSY && !in_wake_of[running])
		machine_fail("disarm does not wait for a wake");
	if (beside || arms != o->arms)
		note_disarmed_beside(o, err, was_armed);
	else if (!o->disarming)
		note_disarmed(o, err);
	return err;
}

/* No call is armed any more; what disarm says, or the call that was done
 * before.  (EBUSY: and what became of an offer is to be asked later.) */
static int leave(struct owner *o)
{
	int err;

	do {
		err = disarm(o);
		if (!o->call)
			return err;
		if (err == 0 || !meets(o))
			end_call(o, ECANCELED);
		if (err == EBUSY || !o->call)
			return err;
	} while ((err = arm(o)) == EINPROGRESS);
	return err;
}

static void free_node(struct owner *o)
{
	if (o->disarming || !o->node)
		return;
	free(o->node);
	o->node = NULL;
}

/* Of another's: that one learns for itself what became of its offer. */
static int disarm_other(struct owner *o)
{
	int err;

	if (!o->node)
		return EALREADY;
	err = disarm(o);
	if (!o->call || o->arming || o->disarming || o->unsure ||
	    (err && meets(o)))
		return err;
	if (loops(o->call))
		tell(o);
	else
		end_call(o, ECANCELED);
	return err;
}

int waiter_disarm(struct record *r)
{
	struct owner *o = &owners[r->step->n];
	int err;

	if (o != own())
		return disarm_other(o);
	if (!o->node)
		return EALREADY;
	err = leave(o);
	if (err != EBUSY)
		free_node(o);
	return err;
}

/* ---- event loops ---------------------------------------------------------- */

/* Sleep until woken; or the deadline, or for nothing. */
static int sleep_in_loop(struct owner *o, const struct timespec *deadline)
{
	int cancel = sync_cancel_disable(), err = 0;

	sync_lock(&o->lock);
	if (!o->told)
		err = sync_cond_wait(&o->cond, &o->lock, deadline);
	if (o->told) {
		err = 0;
		o->seen_wakes = o->told_wakes;
	}
	o->told = false;
	sync_unlock(&o->lock);
	sync_cancel_restore(cancel);
	return err;
}

int waiter_loop(struct record *r)
{
	const struct timespec *deadline = r->step->n ? &far_away : NULL;
	struct owner *o = &owners[running];
	int err;

	begin_call(o, r);
	o->told = false;
	err = arm(o);
	while (err == EINPROGRESS) {
		err = sleep_in_loop(o, deadline);
		if (!o->call)
			; /* its wake function has tried again */
		else if (err == ETIMEDOUT || story_ends)
			leave(o);
		else
			arm_again(o);
		err = o->call ? EINPROGRESS : r->result;
	}
	/* there may be a wake that it has not seen */
	if (o->node && o->seen_wakes != o->armed)
		disarm(o);
	free_node(o);
	return err;
}

/* ---- coroutines ----------------------------------------------------------- */

/* In both threads that it may be on, see machine_migrate(). */
static struct coroutine {
	struct sync_mutex lock;
	struct sync_cond cond;
	bool permit;
} coroutines[THREADS];

static bool is_coroutine(int caller)
{
	return story.scenario->coroutines >> caller & 1;
}

static void *context(int os_thread)
{
	static char contexts[SEAM_THREADS];

	return &contexts[os_thread];
}

static void check_hook(const char *hook, const void *ctx)
{
	check_surroundings(hook);
	if (ctx != context(seam_thread()))
		machine_fail("%s: of another thread's scheduler", hook);
}

static void *hook_self(void *ctx)
{
	check_hook("self", ctx);
	return &coroutines[running];
}

/* May return for nothing, when the wait does. */
static int hook_park(void *ctx, void *self, const struct timespec *deadline)
{
	struct coroutine *co = self;
	int err = 0;

	check_hook("park", ctx);
	if (co != &coroutines[running])
		machine_fail("park: of another coroutine");
	sync_lock(&co->lock);
	if (!co->permit)
		err = sync_cond_wait(&co->cond, &co->lock, deadline);
	if (co->permit)
		err = 0;
	co->permit = false;
	sync_unlock(&co->lock);
	if (story.scenario->migrates)
		machine_migrate();
	return err;
}

static void hook_unpark(void *ctx, void *self)
{
	struct coroutine *co = self;

	(void)ctx;
	check_surroundings("unpark");
	sync_lock(&co->lock);
	co->permit = true;
	sync_unlock(&co->lock);
	sync_cond_broadcast(&co->cond);
}

void coroutine_begin(void)
{
	struct coroutine *co = &coroutines[running];
	coqueue_scheduler_t s = {.size = sizeof(s),
				 .self = hook_self,
				 .park = hook_park,
				 .unpark = hook_unpark};

	if (!is_coroutine(running))
		return;
	sync_mutex_init(&co->lock);
	co->cond = (struct sync_cond)SYNC_COND_INIT;
	co->permit = false;
	for (int i = 0; i < 2; i++) {
		machine_migrate();
		s.ctx = context(seam_thread());
		if (coqueue_set_scheduler(&s))
			machine_fail("a scheduler is refused");
	}
}

/* Nobody unparks it any more. */
void coroutine_end(void)
{
	struct coroutine *co = &coroutines[running];

	if (!is_coroutine(running))
		return;
	sync_cond_destroy(&co->cond);
	sync_mutex_destroy(&co->lock);
}

/* ---- select --------------------------------------------------------------- */

static int select_case(const struct step *step, size_t i)
{
	return step->n >> i * CASE_BITS & ((1 << CASE_BITS) - 1);
}

size_t select_n_cases(const struct step *step)
{
	size_t n = 0;

	while (n < BULK && select_case(step, n))
		n++;
	return n;
}

int select_queue(const struct step *step, size_t i)
{
	return select_case(step, i) >= P2;
}

enum coqueue_side select_side(const struct step *step, size_t i)
{
	int c = select_case(step, i);

	return c == P || c == P2 ? COQUEUE_PUT : COQUEUE_GET;
}

/* The case that was performed is what the call was. */
static int performed(struct record *r, const coqueue_case_t *c, size_t i)
{
	r->queue = select_queue(r->step, i);
	r->call = c->side == COQUEUE_PUT ? LIN_PUT : LIN_GET;
	r->n = c->result == 0;
	if (c->result == 0)
		r->values[0] = c->side == COQUEUE_PUT ? r->offered[i]
						      : story_got(c->item);
	return c->result;
}

int waiter_select(struct record *r)
{
	enum { UNCHANGED = -2 };
	const struct timespec *deadline = r->step->verb == TRY_SELECT
						  ? COQUEUE_NOWAIT
					  : r->step->verb == SELECT ? NULL
								    : &far_away;
	size_t n = select_n_cases(r->step), chosen = BULK;
	uint64_t items[BULK][ITEM_WORDS];
	coqueue_case_t cases[BULK];
	int err;

	for (size_t i = 0; i < n; i++) {
		cases[i].queue = queues[select_queue(r->step, i)];
		cases[i].side = select_side(r->step, i);
		cases[i].item = items[i];
		cases[i].result = UNCHANGED;
		if (cases[i].side == COQUEUE_PUT) {
			r->offered[i] = story_fresh_value(r, (int)i);
			story_make_item(items[i], r->offered[i]);
		}
	}
	err = coqueue_select(cases, n, deadline, &chosen);
	if ((err == 0) != (chosen < n))
		machine_fail("select returns %d, and has chosen %zu", err,
			     chosen);
	for (size_t i = 0; i < n; i++)
		if ((cases[i].result == UNCHANGED) == (i == chosen))
			machine_fail("select has chosen %zu, and the result of "
				     "case %zu is %d",
				     chosen, i, cases[i].result);
	return err ? err : performed(r, &cases[chosen], chosen);
}

/* ---- a schedule ----------------------------------------------------------- */

void waiters_begin(void)
{
	memset(owners, 0, sizeof(owners));
	memset(in_wake_of, 0, sizeof(in_wake_of));
}

const struct record *waiter_is_armed(int caller, bool *woken)
{
	const struct owner *o = &owners[caller];

	if (!o->call || !(o->waits || o->woken))
		return NULL;
	*woken = o->woken || o->unsure;
	return o->call;
}

/* Destroy is refused while somebody is armed, or woken and not back. */
static void check_refusal(const struct owner *o)
{
	static const struct step end[QUEUES] = {{DESTROY, 0, 0},
						{DESTROY, 0, 1}};
	const struct record *r = &story.records[story.n_records];

	if (o->unsure || (!o->waits && (!o->woken || meets(o))))
		return;
	story_call(&end[o->call->queue]);
	if (r->result != EBUSY)
		machine_fail("destroy with an armed node returns %d",
			     r->result);
}

void waiters_end(void)
{
	bool settled = false;

	for (int i = 0; i < n_threads; i++)
		if (loops(owners[i].call)) {
			tell(&owners[i]);
			settled = true;
		}
	if (settled)
		machine_settle();
	for (int i = 0; i < n_threads; i++)
		if (owners[i].call) {
			check_refusal(&owners[i]);
			leave(&owners[i]);
		}
}
