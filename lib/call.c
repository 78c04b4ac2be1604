/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a call waits: put, get, peek and join, all alike.
 *
 *   1. spin     for what comes in a moment, looking at one slot (queue.c has
 *               done so for one item: the less lies between a look that tells it
 *               is there and the try, the sooner others go on)
 *   2. yield    a few more, letting others run
 *   3. step     under lock: attempt; its answer, or stand in line and arm
 *   4. sleep    and step again when woken
 *   5. leave    under lock: out of the line, pass on what others still need
 *
 * Coroutines begin with 3: whom they would spin for may be on their own thread.
 * Armed waiters are 3 alone; the rest is their owners' (arm.c).
 *
 * A coroutine cannot be cancelled while it is parked.  So whoever makes its call
 * possible does it for it: a get whose item a put brings, say.  That is a call as
 * any other, which takes effect then, in its order; the coroutine finds it done,
 * and does not come back to the queue, which may be gone.  (Between two
 * coroutines at capacity 1: 340 -> 133 ns for an item.)  A select is woken
 * instead, since it is to choose when it runs.
 *
 *   [call.1] -> [call.2]  who sees that its call was done finds what it got
 *
 * A call that must not wait comes here too when its attempt found the queue
 * neither full nor empty but busy (store.h).  It stays until that is over.
 *
 * Cancellation takes effect in sleep alone, and then does 5 (G14).
 */
#include "config.h"

#include "backoff.h"
#include "probe.h"
#include "queue.h"

void queue_caller_leave_locked(struct coqueue *q)
{
	struct sync_cond *destroyer;

	q->exited++;
	destroyer = sync_load(&q->destroyer, relaxed);
	if (destroyer && queue_is_left_locked(q))
		sync_cond_broadcast(destroyer);
}

void queue_enter(struct coqueue *q)
{
	rcu_reader_enter();
	queue_caller_enter(q);
	rcu_reader_leave();
}

void queue_leave(struct coqueue *q)
{
	sync_lock(&q->lock);
	queue_caller_leave_locked(q);
	sync_unlock(&q->lock);
}

bool queue_look_begin(const struct coqueue *q)
{
	struct coqueue *looked_at = (struct coqueue *)(uintptr_t)q;
	bool locked;

	rcu_reader_enter();
	locked = queue_word(q) & QUEUE_RESIZING;
	if (locked)
		sync_lock(&looked_at->lock);
	return locked;
}

void queue_look_end(const struct coqueue *q, bool locked)
{
	struct coqueue *looked_at = (struct coqueue *)(uintptr_t)q;

	if (locked)
		sync_unlock(&looked_at->lock);
	rcu_reader_leave();
}

/* Whether an attempt's answer means that the call goes on waiting. */
static bool must_wait(int err)
{
	return err == EAGAIN || err == BUSY;
}

/*
 * One attempt, in a section without the lock, or with it.  Whether somebody is
 * to be woken for its effect.
 */
static bool call_attempt_now(struct call *c, bool locked, int *err)
{
	size_t before = c->left;

	*err = c->attempt(c);
	if (c->left == before && !c->tells)
		return false;
	if (locked && unlikely(c->queue->shrinking))
		queue_shrink_locked(c->queue);
	if (locked && !list_empty(&c->other->served))
		return true;
	return (locked ? !list_empty(&c->other->asleep)
		       : line_published(c->other)) &&
	       line_wake_is_due(c->other);
}

/* One attempt in a section, with the lock if the store wants it. */
static bool call_attempt_reader(struct call *c, int *err)
{
	bool locked = !queue_is_lockless(c->queue), wake;

	if (locked)
		sync_lock(&c->queue->lock);
	wake = call_attempt_now(c, locked, err);
	if (locked)
		sync_unlock(&c->queue->lock);
	return wake;
}

/* Whether the call needs a partner, rather than an item or room. */
static bool call_can_meet(const struct call *c)
{
	return c->left > 0 && queue_is_rendezvous(c->queue);
}

/* ---- waking --------------------------------------------------------------- */

void call_serve_locked(struct coqueue *q, struct line *line, struct waiter *w)
{
	struct place *p = container_of(w, struct place, waiter);

	line_serve_locked(line, w);
	if (w->kind != WAITER_COROUTINE || !p->leaves)
		return;
	/* [call.1] release: with [call.2], what was done for it */
	sync_store(&p->gone, true, release);
	queue_caller_leave_locked(q);
}

static bool may_serve_locked(const struct coqueue *q, const struct waiter *w)
{
	return w->kind == WAITER_COROUTINE && !choice_of(w) &&
	       !queue_is_rendezvous(q);
}

bool queue_serve_put_locked(struct line *line, struct waiter *w)
{
	struct coqueue *q = container_of(line, struct coqueue, store.putters);

	if (!may_serve_locked(q, w) || !queue_put_locked(q, w->offer))
		return false;
	q->store.getters.owed = true;
	call_serve_locked(q, line, w);
	return true;
}

bool queue_serve_get_locked(struct line *line, struct waiter *w)
{
	struct coqueue *q = container_of(line, struct coqueue, store.getters);

	if (!may_serve_locked(q, w) || !queue_get_locked(q, w->offer))
		return false;
	q->store.putters.owed = true;
	call_serve_locked(q, line, w);
	return true;
}

/* Whether something was done for others of which these have not been told. */
static bool is_owed_locked(struct line *line)
{
	line->owed = line->owed && !list_empty(&line->asleep);
	return line->owed;
}

unsigned queue_wake_ready_locked(struct coqueue *q, struct line *line)
{
	unsigned n = line_wake_ready_locked(line);

	while (is_owed_locked(&q->store.putters) ||
	       is_owed_locked(&q->store.getters)) {
		line = q->store.putters.owed ? &q->store.putters
					     : &q->store.getters;
		line->owed = false;
		line_wake_ready_locked(line);
	}
	return n;
}

/*
 * At the end of a call: leave the section and wake.  Mostly there is one to wake,
 * and the queue is not touched after; else the call is counted as in it.
 */
static void queue_wake_reader(struct coqueue *q, struct line *line)
{
	struct waiter *first;
	bool more;

	sync_lock(&q->lock);
	first = line_first_locked(line, &more);
	more = more || is_owed_locked(&q->store.putters) ||
	       is_owed_locked(&q->store.getters);
	if (more)
		queue_caller_enter(q);
	sync_unlock(&q->lock);
	rcu_reader_leave();
	if (first)
		waiter_wake(first);
	if (more) {
		sync_lock(&q->lock);
		queue_wake_ready_locked(q, line);
		queue_caller_leave_locked(q);
		sync_unlock(&q->lock);
	}
}

/* One attempt under lock, which is released for the wake-ups. */
static int call_attempt_locked(struct call *c)
{
	int err;

	if (call_attempt_now(c, true, &err))
		queue_wake_ready_locked(c->queue, c->other);
	return err;
}

/* One attempt by a counted caller. */
static int call_attempt(struct call *c)
{
	bool wake;
	int err;

	rcu_reader_enter();
	wake = call_attempt_reader(c, &err);
	rcu_reader_leave();
	if (wake) {
		sync_lock(&c->queue->lock);
		queue_wake_ready_locked(c->queue, c->other);
		sync_unlock(&c->queue->lock);
	}
	return err;
}

/* Without waiting, but for a partner who was asleep and is on its way. */
static int call_try_meet(struct call *c)
{
	int err;

	sync_lock(&c->queue->lock);
	do {
		err = call_attempt_locked(c);
		if (err == EAGAIN)
			err = call_meet_locked(c, false);
	} while (err == BUSY);
	queue_caller_leave_locked(c->queue);
	sync_unlock(&c->queue->lock);
	return err;
}

/* ---- one step ------------------------------------------------------------- */

/*
 * One try by who may stand in line.  Whether its offer was taken meanwhile, or
 * it has been told how its call has ended, is part of that.
 */
static int try_locked(struct call *c, struct waiter *w, bool *wake)
{
	struct choice *choice = choice_of(w);
	int err, verdict;

	if (w->state == WAITER_SERVED) {
		w->state = WAITER_OUT;
		call_moved(c, 1);
		if (c->left && c->line == &c->queue->store.putters)
			return BUSY;
		if (c->left) /* bulk: what else is there */
			*wake |= call_attempt_now(c, true, &err);
		return 0;
	}
	if (choice && !choice_make(choice))
		return CHOSEN;
	*wake |= call_attempt_now(c, true, &err);
	if (!must_wait(err))
		return err;
	verdict = line_verdict_locked(c->line, w);
	return verdict == VERDICT_RETRY ? err : verdict;
}

/* Whether others may do it while w is in line. */
static bool call_can_be_served(const struct call *c, const struct waiter *w)
{
	return c->left > 0 && (w->kind == WAITER_COROUTINE ||
			       (w->kind == WAITER_NODE && call_can_meet(c)));
}

/* In line; returns whom to wake: w itself is to try again. */
static struct waiter *stand_locked(struct call *c, struct waiter *w)
{
	w->offer = call_can_be_served(c, w) ? c->items : NULL;
	if (w->kind == WAITER_NODE)
		node_set_armed(container_of(w, struct node, waiter),
			       c->armed_for);
	line_enter_locked(c->line, w);
	return line_settle_locked(c->line, w, 0, UINT64_MAX);
}

/* Returns the line in which others may want to be woken, or NULL. */
static struct line *out_of_line_locked(struct call *c, struct waiter *w)
{
	if (w->kind == WAITER_NODE)
		node_set_armed(container_of(w, struct node, waiter), 0);
	line_leave_locked(c->line, w);
	return call_left_locked(c->queue, c->line);
}

/* By who leaves the line, and has published nothing. */
static void pass_on_locked(struct coqueue *q, struct line *line,
			   struct line *partners)
{
	if (!list_empty(&line->asleep))
		q->passed_on += queue_wake_ready_locked(q, line);
	if (partners && !list_empty(&partners->asleep))
		queue_wake_ready_locked(q, partners);
}

void call_leave_locked(struct call *c, struct waiter *w)
{
	struct line *partners = out_of_line_locked(c, w);

	pass_on_locked(c->queue, c->line, partners);
}

int call_step_locked(struct call *c, struct waiter *w, bool stand)
{
	struct choice *choice = choice_of(w);
	bool wake = false, offers = false, out;
	struct line *partners = NULL;
	struct waiter *next;
	int err;

	w->offer = NULL; /* what it was may be moved now */
	if (w->kind != WAITER_NODE)
		line_ticket_locked(c->line, w);
	do {
		next = NULL;
		/* it has just been tried, and standing in line looks again */
		err = c->tried && stand ? EAGAIN : try_locked(c, w, &wake);
		c->tried = false;
		out = !must_wait(err);
		if (out && err != CHOSEN) {
			partners = out_of_line_locked(c, w);
		} else if (!out && stand) {
			next = stand_locked(c, w);
			offers = w->offer && call_can_meet(c);
		}
		if (!out && choice)
			sync_store(&choice->state, CHOICE_OPEN, relaxed);
	} while (next == w);
	if (!out && stand)
		PROBE3(block, c->queue, c->line, w->kind);
	/* From here on an armed waiter is others', too. */
	if (next) {
		sync_unlock(&c->queue->lock);
		waiter_wake(next);
		sync_lock(&c->queue->lock);
	}
	if (wake || offers)
		queue_wake_ready_locked(c->queue, c->other);
	if (out)
		pass_on_locked(c->queue, c->line, partners);
	return !out && stand ? EINPROGRESS : err;
}

/* ---- sleep ---------------------------------------------------------------- */

/* What a sleep answers when all has been done for the caller. */
#define SERVED EALREADY

struct sleep {
	struct call *call;
	struct sleeper sleeper;
	struct place place;
};

/* Out of the line, out of the queue; the lock is released. */
static void sleep_end(struct sleep *s)
{
	struct coqueue *q = s->call->queue;

	call_leave_locked(s->call, &s->place.waiter);
	queue_caller_leave_locked(q);
	sync_unlock(&q->lock);
	waiter_await_wakers(&s->place.waiter);
	sleeper_fini(&s->sleeper);
}

static void sleep_cancelled(void *arg)
{
	struct sleep *s = arg;

	sync_lock(&s->call->queue->lock);
	sleep_end(s);
}

/* Sleep once, the lock being released: 0 or ETIMEDOUT. */
static int thread_sleep(struct sleep *s)
{
	struct sync_mutex *lock = &s->call->queue->lock;
	int err;

	sync_unlock(lock);
	sync_cancel_push(sleep_cancelled, s);
	err = sleeper_sleep(&s->sleeper, s->call->deadline);
	sync_cancel_pop();
	sync_lock(lock);
	return err;
}

/*
 * At a deadline: lock, unless somebody has done the call, and so taken it out of
 * the queue, which may be gone.  Destroy comes after all that is done for others,
 * and has waited for a grace period since: within a section either the queue is
 * still there, or it is seen that the call has left it.
 */
static not_inlined bool parked_lock(struct sleep *s)
{
	struct place *p = &s->place;
	struct sync_mutex *lock = &s->call->queue->lock;
	bool gone;

	rcu_reader_enter();
	/* [call.2] acquire: with [call.1], what was done */
	gone = sync_load(&p->gone, acquire);
	if (!gone) {
		sync_lock(lock);
		gone = sync_load(&p->gone, relaxed);
		if (gone)
			sync_unlock(lock);
	}
	rcu_reader_leave();
	return !gone;
}

/* The same: 0, ETIMEDOUT; or SERVED: all has been done, and the lock is not
 * taken again. */
static int parked_sleep(struct sleep *s)
{
	struct sync_mutex *lock = &s->call->queue->lock;
	int err;

	for (;;) {
		sync_unlock(lock);
		err = park_sleep(&s->sleeper, s->call->deadline);
		if (!err)
			break;
		if (!parked_lock(s))
			return SERVED;
		if (err != MOVED)
			return err;
		if (s->place.waiter.state != WAITER_ASLEEP)
			return 0; /* its waker is about to use the old one */
		s->sleeper.scheduler = park_scheduler();
	}
	waiter_await_wakers(&s->place.waiter);
	if (sync_load(&s->place.gone, relaxed))
		return SERVED;
	sync_lock(lock);
	return 0;
}

/*
 * A coroutine may have come to another thread, and be woken by another scheduler
 * from now on.  It has been woken, and stands in line no more; the lock is
 * released in between.
 */
static void sleep_again(struct sleep *s)
{
	struct sync_mutex *lock = &s->call->queue->lock;

	sync_unlock(lock);
	waiter_await_wakers(&s->place.waiter);
	sleeper_again(&s->sleeper);
	s->sleeper.scheduler = park_scheduler();
	sync_lock(lock);
}

/* Steps of who sleeps: of a coroutine, */
static int parked_step(struct sleep *s, bool stand)
{
	struct call *c = s->call;
	struct waiter *w = &s->place.waiter;
	int err;

	if (w->state == WAITER_OUT)
		return call_step_locked(c, w, stand);
	err = call_step_locked(c, w, false);
	if (!stand || !must_wait(err))
		return err;
	sleep_again(s);
	return call_step_locked(c, w, true);
}

/* and of a thread; at a rendezvous an offer is part of it. */
static int thread_step(struct sleep *s, bool stand)
{
	struct call *c = s->call;
	struct waiter *w = &s->place.waiter;
	bool meets = call_can_meet(c);
	int err;

	do {
		err = call_step_locked(c, w, stand && !meets);
		if (meets && err == EAGAIN) {
			err = call_meet_locked(c, stand);
			if (err == EAGAIN && stand)
				err = call_step_locked(c, w, true);
		}
	} while (meets && err == BUSY);
	return err;
}

/* What has been done for a parked call, which has left the queue. */
static int parked_end(struct sleep *s)
{
	call_moved_last(s->call);
	waiter_await_wakers(&s->place.waiter);
	sleeper_fini(&s->sleeper);
	return 0;
}

/* Sleep until the call has its answer. */
static not_inlined int call_sleep(struct call *c)
{
	struct sleep s;
	struct backoff backoff = {0};
	int err, woken = 0;
	bool parks;

	s.call = c;
	sleeper_init(&s.sleeper);
	place_init(&s.place, &s.sleeper);
	parks = s.sleeper.self;
	sync_lock(&c->queue->lock);
	for (;;) {
		s.place.leaves = c->left == 1 && woken != ETIMEDOUT;
		err = parks ? parked_step(&s, woken != ETIMEDOUT)
			    : thread_step(&s, woken != ETIMEDOUT);
		if (err == EINPROGRESS) {
			woken = parks ? parked_sleep(&s) : thread_sleep(&s);
			if (woken == SERVED)
				return parked_end(&s);
		} else if (err == BUSY) {
			/* what is half-way beats the deadline, too */
			sync_unlock(&c->queue->lock);
			backoff_wait(&backoff);
			sync_lock(&c->queue->lock);
		} else {
			break;
		}
	}
	sleep_end(&s);
	return err == EAGAIN ? ETIMEDOUT : err;
}

/* A step of an armed waiter: an answer, or EINPROGRESS. */
static int call_arm(struct call *c)
{
	struct coqueue *q = c->queue;
	struct backoff backoff = {0};
	int err;

	sync_lock(&q->lock);
	/* What is half-way in a closed queue is waited for: nothing is armed
	 * there but joins. */
	while (must_wait(
		err = call_step_locked(c, c->armed,
				       queue_state(q) == COQUEUE_OPEN ||
					       c->line == &q->joiners))) {
		sync_unlock(&q->lock);
		backoff_wait(&backoff);
		sync_lock(&q->lock);
	}
	queue_caller_leave_locked(q);
	sync_unlock(&q->lock);
	return err;
}

/* Not for who may be on this thread, nor ahead of coroutines. */
static bool line_may_be_spun_for(const struct line *line)
{
	return !park_is_set() && !line_is_mixed(line);
}

static bool call_may_spin(const struct call *c)
{
	return !c->armed && line_may_be_spun_for(c->line);
}

/* How long a call waits awake. */
struct patience {
	int spins, yields;
};

/*
 * Where calls have slept of late the next mostly will, too: it sleeps at once, but
 * now and then waits for longer than a sleep takes.  Or two threads, each of which
 * sleeps because its partner does, would never come out of that.
 */
static struct patience line_patience(const struct line *line)
{
	uint16_t slept = SPINS ? sync_load(&line->slept, relaxed) : 0;

	if (slept < SYNC_SLEPT_OFTEN)
		return (struct patience){SPINS, YIELDS};
	if (slept % SYNC_SLEPT_LONG)
		return (struct patience){0, 0};
	if (sync_rests_from_yields())
		return (struct patience){SYNC_SPINS_RESTING, 0};
	return (struct patience){SYNC_SPINS_GREAT, YIELDS};
}

void call_note_slept(struct line *line, bool slept)
{
	uint16_t before;

	if (!SPINS)
		return;
	before = sync_load(&line->slept, relaxed);
	if (slept || before)
		sync_store(&line->slept, slept ? before + 1 : 0, relaxed);
}

int call_spins(const struct line *line, const struct timespec *deadline)
{
	if (deadline == COQUEUE_NOWAIT || pile_is_comparing() ||
	    waker_is_busy() || !line_may_be_spun_for(line) ||
	    deadline_has_passed(deadline))
		return 0;
	return line_patience(line).spins;
}

/* A hint: whether others put. */
static uint64_t puts_so_far(const struct coqueue *q)
{
	uint64_t puts = 0;

	rcu_reader_enter();
	if (!(queue_word(q) & QUEUE_RESIZING))
		puts = q->store.kind->puts(&q->store);
	rcu_reader_leave();
	return puts;
}

uint64_t queue_yield(const struct coqueue *q)
{
	uint64_t puts = puts_so_far(q), took = sync_timed_yield(), moved;

	if (!took)
		return 0;
	moved = puts_so_far(q) - puts;
	sync_judge_yield(took, moved);
	return moved;
}

/* After n yields, while it may be served by who runs. */
static bool may_yield_again(const struct call *c, int n)
{
	return n < MOST_YIELDS && call_may_spin(c) &&
	       !deadline_has_passed(c->deadline);
}

/*
 * Let others run, and try again.  While the queue moves its turn may come, too:
 * sleeping is for when it has stood still for so many yields.
 */
static int call_yield(struct call *c, int yields, int err)
{
	int still = 0;

	for (int n = 0;
	     must_wait(err) && still < yields && may_yield_again(c, n); n++) {
		still = queue_yield(c->queue) ? 0 : still + 1;
		err = call_attempt(c);
	}
	call_note_slept(c->line, must_wait(err));
	return err;
}

/* Counted as a caller, in no section: until the answer is there; `late` if it
 * is EAGAIN. */
static int call_wait(struct call *c, bool patient, int late)
{
	struct backoff backoff = {0};
	int err = BUSY;

	if (c->armed)
		return call_arm(c);
	if (patient && (call_can_meet(c) || !call_may_spin(c)))
		return call_sleep(c);
	if (call_can_meet(c)) {
		err = call_try_meet(c);
		return err == EAGAIN ? late : err;
	}
	if (patient)
		err = call_yield(c, line_patience(c->line).yields, err);
	if (patient && must_wait(err))
		return call_sleep(c);
	while (err == BUSY && (err = call_attempt(c)) == BUSY)
		backoff_wait(&backoff);
	queue_leave(c->queue);
	return err == EAGAIN ? late : err;
}

/* A glance, but not at a store that may be replaced. */
static bool call_may(const struct call *c)
{
	return !(queue_word(c->queue) & QUEUE_RESIZING) && c->may(c->queue);
}

/*
 * In a section: wait up to `spins` pauses for what the call needs, and attempt.
 * Whether somebody is to be woken for its effect.
 */
static bool call_spin(struct call *c, int spins, int *err)
{
	bool wake;

	do {
		for (; spins > 0 && !call_may(c); spins--)
			sync_pause();
		wake = call_attempt_reader(c, err);
	} while (must_wait(*err) && !wake && spins-- > 0);
	return wake;
}

int call_run(struct call *c)
{
	bool nowait = c->deadline == COQUEUE_NOWAIT, meets = call_can_meet(c),
	     wake = false, stay, patient, waking, may_spin;
	int err = EAGAIN, late, spins;

	if (unlikely(pile_is_comparing())) {
		rcu_reader_leave();
		return EDEADLK;
	}
	if (!nowait)
		c->deadline = deadline_saturate(c->deadline);
	patient = !nowait && !deadline_has_passed(c->deadline);
	waking = patient && !c->armed && waker_is_busy();
	patient = patient && !waking;
	may_spin = call_may_spin(c);
	spins = patient && may_spin && !c->tried ? line_patience(c->line).spins
						 : 0;
	if (!meets && !c->stands && !(c->tried && patient && spins == 0))
		wake = call_spin(c, spins, &err);
	stay = err == BUSY || (err == EAGAIN && (patient || meets));
	c->tried = must_wait(err) && !meets && !c->stands;
	if (stay)
		queue_caller_enter(c->queue);
	else if (patient && may_spin)
		call_note_slept(c->line, false);
	if (wake && !stay)
		queue_wake_reader(c->queue, c->other);
	else
		rcu_reader_leave();
	if (wake && stay) {
		sync_lock(&c->queue->lock);
		queue_wake_ready_locked(c->queue, c->other);
		sync_unlock(&c->queue->lock);
	}
	late = nowait ? EAGAIN : waking ? EDEADLK : ETIMEDOUT;
	if (stay)
		return call_wait(c, patient, late);
	return err == EAGAIN ? late : err;
}

static not_inlined int call_wake_due(struct coqueue *q, struct line *other)
{
	if (line_wake_is_due(other))
		queue_wake_reader(q, other);
	else
		rcu_reader_leave();
	return 0;
}

/* Mostly it is idle and at home; so that costs no frame. */
not_inlined int call_wake(struct coqueue *q, struct line *other)
{
	if (!line_is_idle_at_home(other) || line_is_idle_for_long(other))
		return call_wake_due(q, other);
	rcu_reader_leave();
	return 0;
}
