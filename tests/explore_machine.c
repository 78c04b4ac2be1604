/* SPDX-License-Identifier: MIT */
/*
 * Coroutines that stand for threads, scheduling points, and the primitives that
 * make a thread wait: locks, condvars, grace periods, naps.
 *
 * A point stands before each access that others can see.  A thread that cannot
 * go on gives way for nothing; to switch away from one that could costs a
 * preemption.  A timeout, a spurious return of a wait and the draining of a
 * store buffer are ways to go on as switches are.
 *
 * A thread that naps (it waits for another, half-way call, backoff.h) goes on
 * when some word of memory has changed: it would find nothing new before.  If
 * nothing can change any more, it is let go on some times, in vain: a livelock.
 *
 * A thread that was woken may stall, and one that is half-way, where a scenario
 * says so: it runs again when nobody else can.  Before
 * it does, nobody may sleep who could be served beside it.
 *
 * Grace periods are liburcu's: whoever waits is let go when each read-side
 * section that had begun has ended; a membarrier drains all store buffers at
 * both ends, and sections themselves are no barriers.
 */
#include "config.h"

#include <stdarg.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "explore.h"

#undef free
#undef aligned_alloc

enum { STACK = 1 << 16, NAPS_IN_VAIN = 64 };

struct thread threads[THREADS];
int running, n_threads;
struct budget budget;
uint64_t now;
bool tracing;
char machine_failure[512];
int seam_spins;

/* What belongs to threads in the library, see explore_seam.h. */
extern unsigned char __start_seam_own[], __stop_seam_own[];
enum { BEGIN_MAX = 4 };
static void (*at_begin[BEGIN_MAX])(void);
static int n_at_begin;

/* What was seen by who began a grace period: later sections see it too. */
static struct clock grace_seen;

static bool exploring; /* else: one thread after the other, no choices */
bool machine_stops;
static unsigned steps, naps_in_vain;
static uint64_t changes;
static jmp_buf explorer;
static unsigned char *stacks;
static void (*body_of)(int thread);
static void (*at_rest)(void);

static struct thread *self(void)
{
	return &threads[running];
}

int seam_thread(void)
{
	return running < 0 ? SEAM_THREADS - 1 : threads[running].os_thread;
}

void seam_at_begin(void (*f)(void))
{
	if (n_at_begin == BEGIN_MAX)
		abort();
	at_begin[n_at_begin++] = f;
}

void machine_migrate(void)
{
	self()->os_thread ^= THREADS;
}

bool machine_is_exploring(void)
{
	return exploring;
}

void machine_changed(void)
{
	changes++;
	naps_in_vain = 0;
}

/* ---- telling -------------------------------------------------------------- */

void machine_print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void machine_trace_place(const struct site *at)
{
	static const char prefix[] = "coqueue_private_"; /* prefix.h */
	const char *file, *function = at->function;

	if (!tracing)
		return;
	file = strrchr(at->file, '/');
	if (!strncmp(function, prefix, sizeof(prefix) - 1))
		function += sizeof(prefix) - 1;
	printf("%5u  %d %-12s %-12s:%-3d %-26s ", steps, running,
	       self()->call ? self()->call : "", file ? file + 1 : at->file,
	       at->line, function);
}

void machine_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(machine_failure, sizeof(machine_failure), format, args);
	va_end(args);
	machine_trace("*** %s", machine_failure);
	_longjmp(explorer, 2);
}

/* ---- who can go on -------------------------------------------------------- */

static bool grace_is_over(const struct thread *t)
{
	for (int i = 0; i < THREADS; i++)
		if (t->readers >> i & 1 && threads[i].sections > 0 &&
		    threads[i].section == t->awaited[i])
			return false;
	return true;
}

static bool is_asleep(const struct thread *t)
{
	return t->state == IN_COND && !t->signaled;
}

static bool others_have_settled(int thread)
{
	for (int i = 0; i < n_threads; i++)
		if (i != thread && threads[i].state != DONE &&
		    threads[i].state != SETTLING && !is_asleep(&threads[i]))
			return false;
	return true;
}

static bool can_go_on(int thread)
{
	const struct thread *t = &threads[thread];

	switch (t->state) {
	case READY:
		return true;
	case IN_MUTEX:
		return ((const struct sync_mutex *)t->on)->owner == 0;
	case IN_COND:
		return (t->signaled && !t->stalled) ||
		       (t->cancel_asked && !t->cancel_off);
	case IN_GRACE:
		return grace_is_over(t);
	case NAPPING:
		return changes != t->napped_at;
	case STOPPED:
		return !t->stalled;
	case SETTLING:
		return others_have_settled(thread);
	case DONE:
		break;
	}
	return false;
}

static int population(void)
{
	return exploring ? n_threads : n_threads + 1;
}

static unsigned add_way(struct way *ways, unsigned n, enum way_kind kind,
			int thread)
{
	ways[n].kind = kind;
	ways[n].thread = thread;
	return n + 1;
}

static unsigned add_flushes(struct way *ways, unsigned n)
{
	for (int i = 0; i < n_threads; i++)
		if (i != running && threads[i].view.n_late)
			n = add_way(ways, n, FLUSH, i);
	return n;
}

/* Whom a running thread could give way to, each for a preemption. */
static unsigned add_switches(struct way *ways, unsigned n)
{
	for (int i = 0; i < population(); i++)
		if (i != running && can_go_on(i))
			n = add_way(ways, n, SWITCH_TO, i);
	return n;
}

static unsigned add_sleepers(struct way *ways, unsigned n)
{
	for (int i = 0; i < population(); i++) {
		if (!is_asleep(&threads[i]) || can_go_on(i))
			continue;
		if (threads[i].timed)
			n = add_way(ways, n, TIME_OUT, i);
		if (exploring && budget.spurious > 0)
			n = add_way(ways, n, WAKE_FOR_NOTHING, i);
	}
	return n;
}

/* Nobody can go on: those who nap may look again. */
static unsigned add_naps(struct way *ways)
{
	unsigned n = 0;

	for (int i = 0; i < population(); i++)
		if (threads[i].state == NAPPING)
			n = add_way(ways, n, SWITCH_TO, i);
	if (n && ++naps_in_vain > NAPS_IN_VAIN)
		machine_fail("livelock: what is waited for does not come");
	return n;
}

static bool drain_all(void)
{
	bool any = false;

	for (int i = 0; i < n_threads; i++)
		for (; threads[i].view.n_late; any = true)
			memory_flush_one(i);
	return any;
}

/* Nobody else can go on. */
static bool let_stalled_go(void)
{
	bool any = false;
	int was = running;

	for (int i = 0; i < n_threads; i++)
		any |= threads[i].stalled;
	if (!any)
		return false;
	/* who looks must not learn anything for one of the threads */
	exploring = false;
	running = n_threads;
	at_rest();
	running = was;
	exploring = true;
	for (int i = 0; i < n_threads; i++)
		threads[i].stalled = false;
	return true;
}

/* ---- switching ------------------------------------------------------------ */

static void resume(int thread)
{
	running = thread;
	_longjmp(threads[thread].resume, 1);
}

/* Noted: where the stack ends that is in use. */
static __attribute__((noinline)) void suspend(int to)
{
	struct thread *t = self();

	t->top = __builtin_frame_address(0);
	if (to == running || _setjmp(t->resume))
		return;
	if (to < 0)
		_longjmp(explorer, 1);
	resume(to);
}

/* Do what was chosen; returns when the thread that called runs again. */
static void take_way(const struct way *way)
{
	struct thread *t = &threads[way->thread];

	switch (way->kind) {
	case GO_ON:
	case DELAY:
	case LOSE:
	case OLD_VALUE:
	case STALL:
		return;
	case FLUSH:
		memory_flush_one(way->thread);
		return;
	case SWITCH_TO:
		break;
	case TIME_OUT:
		machine_trace("    %d times out", way->thread);
		t->state = READY;
		break;
	case WAKE_FOR_NOTHING:
		machine_trace("    %d wakes up for nothing", way->thread);
		budget.spurious--;
		t->signaled = true;
		break;
	}
	suspend(way->thread);
}

static unsigned choose(const struct way *ways, unsigned n)
{
	return exploring && n > 1 ? search_choose(ways, n) : 0;
}

void machine_point(const struct site *at)
{
	struct way ways[4 * THREADS];
	unsigned n, chosen;

	if (++steps > STEPS_MAX)
		machine_fail("livelock: no end after %d steps", STEPS_MAX);
	while (exploring) {
		n = add_flushes(ways, add_way(ways, 0, GO_ON, running));
		if (budget.preemptions > 0)
			n = add_sleepers(ways, add_switches(ways, n));
		chosen = choose(ways, n);
		if (chosen && ways[chosen].kind != FLUSH)
			budget.preemptions--;
		take_way(&ways[chosen]);
		if (ways[chosen].kind != FLUSH)
			break;
	}
	self()->view.clock.at[running]++;
	if (self()->called) {
		self()->began = *self()->called = ++now;
		self()->called = NULL;
		memory_call_begins();
	}
	machine_trace_place(at);
}

/* Ways on from where the running thread cannot go on; none: all is at rest. */
static unsigned ways_on(struct way *ways)
{
	unsigned n;

	do {
		n = add_switches(ways, 0);
		if (can_go_on(running))
			n = add_way(ways, n, SWITCH_TO, running);
	} while (n == 0 && (drain_all() || let_stalled_go()));
	n = add_sleepers(ways, add_flushes(ways, n));
	return n ? n : add_naps(ways);
}

/* The running thread cannot go on: somebody else. */
static void give_way(void)
{
	struct way ways[4 * THREADS];
	unsigned n, chosen;

	do {
		n = ways_on(ways);
		if (n == 0) {
			suspend(-1);
			return;
		}
		chosen = choose(ways, n);
		take_way(&ways[chosen]);
	} while (ways[chosen].kind == FLUSH);
}

/* Until it can go on, or is let go on otherwise (take_way()). */
static void block(enum thread_state state, const void *on)
{
	self()->state = state;
	self()->on = on;
	give_way();
	self()->state = READY;
}

/* ---- threads -------------------------------------------------------------- */

static void thread_main(int thread)
{
	struct thread *t = &threads[thread];

	if (!_setjmp(t->base))
		_longjmp(explorer, 1);
	body_of(thread);
	if (t->sections)
		machine_fail("a call has returned from within a section");
	if (t->locks)
		machine_fail("a call has returned with a lock held");
	t->state = DONE;
	t->called = NULL;
	give_way();
	machine_fail("a thread that is done was resumed");
}

static void make_threads(void)
{
	ucontext_t here, there;

	stacks = mmap(NULL, (size_t)THREADS * STACK, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stacks == MAP_FAILED)
		abort();
	for (int i = 0; i < THREADS; i++) {
		threads[i].stack = stacks + (size_t)i * STACK;
		getcontext(&there);
		there.uc_stack.ss_sp = threads[i].stack;
		there.uc_stack.ss_size = STACK;
		there.uc_link = NULL;
		makecontext(&there, (void (*)(void))thread_main, 1, i);
		running = i;
		if (!_setjmp(explorer))
			swapcontext(&here, &there);
	}
}

/* From anywhere: the thread's next resumption starts its body anew. */
static void reset_thread(int thread)
{
	struct thread *t = &threads[thread];
	struct clock begun = threads[n_threads].view.clock;

	/* who begins a thread happens-before it */
	memcpy(&t->resume, &t->base, sizeof(t->resume));
	t->top = t->stack + STACK;
	t->state = READY;
	t->on = NULL;
	t->signaled = t->timed = t->stalled = false;
	t->cancel_asked = t->cancel_off = t->cancelled = false;
	t->sections = t->locks = t->n_undo = 0;
	t->section = 0;
	t->os_thread = thread;
	t->called = NULL;
	t->call = NULL;
	memset(&t->left, 0, sizeof(t->left));
	memset(&t->view, 0, offsetof(struct view, late));
	t->view.clock = begun;
	t->view.clock.at[thread]++;
}

bool machine_is_dead_stack(const void *p, int user)
{
	const unsigned char *byte = p;
	size_t i;

	if (byte < stacks || byte >= stacks + (size_t)THREADS * STACK)
		return false;
	i = (size_t)(byte - stacks) / STACK;
	return (int)i != user &&
	       (byte < threads[i].top || threads[i].state == DONE);
}

void machine_begin(int n, void (*prepare)(void))
{
	if (!stacks)
		make_threads();
	n_threads = n;
	steps = naps_in_vain = 0;
	changes = 1;
	now = 0;
	machine_failure[0] = '\0';
	exploring = false;
	memory_begin();
	memset(&grace_seen, 0, sizeof(grace_seen));
	memset(&threads[n].view.clock, 0, sizeof(struct clock));
	running = n;
	reset_thread(n);
	memset(__start_seam_own, 0,
	       (size_t)(__stop_seam_own - __start_seam_own));
	for (int i = 0; i < n_at_begin; i++)
		at_begin[i]();
	prepare();
	memory_flush(n); /* who is given a queue sees it whole */
	for (int i = 0; i < n; i++)
		reset_thread(i);
}

/* Run until nothing can go on. */
static bool run(void)
{
	struct way ways[4 * THREADS];
	unsigned n;

	switch (_setjmp(explorer)) {
	case 0:
		running = exploring ? -1 : n_threads;
		if (!exploring)
			resume(n_threads);
		n = add_switches(ways, 0);
		resume(ways[choose(ways, n)].thread);
		return false;
	case 1:
		return true;
	default:
		return false;
	}
}

bool machine_run(void (*body)(int thread), void (*while_stalled)(void))
{
	at_rest = while_stalled;
	body_of = body;
	exploring = true;
	return run();
}

bool machine_epilogue(void (*body)(int thread))
{
	struct thread *t = &threads[n_threads];

	body_of = body;
	exploring = false;
	reset_thread(n_threads);
	for (int i = 0; i < n_threads; i++)
		if (threads[i].state == DONE)
			clock_join(&t->view.clock, &threads[i].view.clock);
	return run();
}

void machine_settle(void)
{
	block(SETTLING, NULL);
}

/* A point, and what is done there. */
static void step(const struct site *at)
{
	machine_point(at);
	machine_trace("%s", at->text);
}

/* ---- locks ---------------------------------------------------------------- */

int sync_mutex_init(struct sync_mutex *m)
{
	m->owner = 0;
	m->dead = false;
	return 0;
}

void sync_mutex_destroy(struct sync_mutex *m)
{
	if (m->owner || m->dead)
		machine_fail("destroys a mutex that is %s",
			     m->dead ? "dead" : "locked");
	memory_retire(SEAM_SITE("destroy mutex"), m, sizeof(*m));
	m->dead = true;
}

static void acquire(struct sync_mutex *m)
{
	while (m->owner)
		block(IN_MUTEX, m);
	if (m->dead)
		machine_fail("locks a dead mutex");
	m->owner = running + 1;
	self()->locks++;
	memory_flush(running);
	memory_acquire(m);
}

static void release(struct sync_mutex *m)
{
	if (m->owner != running + 1)
		machine_fail("unlocks a mutex that it does not hold");
	memory_flush(running);
	memory_release(m);
	m->owner = 0;
	self()->locks--;
}

void seam_lock(const struct site *at, struct sync_mutex *m)
{
	step(at);
	memory_check(at, m);
	if (m->owner == running + 1)
		machine_fail("locks a mutex that it holds");
	acquire(m);
}

void seam_unlock(const struct site *at, struct sync_mutex *m)
{
	step(at);
	release(m);
}

/* ---- condvars ------------------------------------------------------------- */

static int first_waiter(const struct sync_cond *c)
{
	for (int i = 0; i < population(); i++)
		if (threads[i].state == IN_COND && threads[i].on == c &&
		    !threads[i].signaled)
			return i;
	return -1;
}

void sync_cond_destroy(struct sync_cond *c)
{
	if (c->dead || first_waiter(c) >= 0)
		machine_fail("destroys a condvar that is %s",
			     c->dead ? "dead" : "waited on");
	memory_retire(SEAM_SITE("destroy condvar"), c, sizeof(*c));
	c->dead = true;
}

/* As on the way out of a cancelled thread. */
static void unwind(struct thread *t)
{
	machine_trace("    %d is cancelled", running);
	t->cancel_off = t->cancelled = true;
	while (t->n_undo > 0) {
		t->n_undo--;
		t->undo[t->n_undo].run(t->undo[t->n_undo].arg);
	}
	if (t->locks)
		machine_fail("a cancelled call has left a lock held");
	t->state = DONE;
	t->called = NULL;
	give_way();
}

/* A wait that has been woken as well may return instead. */
static bool is_cancelled(const struct thread *t)
{
	static const struct way ways[] = {{GO_ON, 0}, {LOSE, 0}};

	return t->cancel_asked && !t->cancel_off &&
	       !(t->signaled && choose(ways, 2));
}

int seam_wait(const struct site *at, struct sync_cond *c, struct sync_mutex *m,
	      const struct timespec *deadline)
{
	struct thread *t = self();
	bool woken;

	step(at);
	if (c->dead)
		machine_fail("waits on a dead condvar");
	if (t->sections)
		machine_fail("sleeps in a read-side section");
	t->signaled = false;
	t->timed = deadline != NULL;
	release(m);
	if (t->locks)
		machine_fail("sleeps with a lock held");
	t->place.since = ++now;
	if (!t->slept_at)
		t->slept_at = now;
	block(IN_COND, c);
	t->stalled = false;
	woken = t->signaled;
	acquire(m);
	if (is_cancelled(t))
		unwind(t);
	return woken || !t->timed ? 0 : ETIMEDOUT;
}

static void touch_condvar(const struct site *at, struct sync_cond *c)
{
	step(at);
	memory_check(at, c);
	if (c->dead)
		machine_fail("wakes a dead condvar");
	memory_flush(running);
	memory_touch(c);
}

static bool stalls(struct thread *t)
{
	static const struct way ways[] = {{GO_ON, 0}, {STALL, 0}};

	if (budget.stalls == 0 || !choose(ways, 2))
		return false;
	machine_trace("    (it stalls)");
	budget.stalls--;
	t->stalled = true;
	return true;
}

/* Who is woken may be a thread that does not get to run for long. */
static void wake(struct thread *t)
{
	t->signaled = true;
	t->place.wakes++;
	t->place.woken_by = self()->began;
	(void)stalls(t);
}

void machine_is_half_way(void)
{
	if (machine_stops && exploring && running == 0 && !self()->locks &&
	    stalls(self()))
		block(STOPPED, NULL);
}

void seam_broadcast(const struct site *at, struct sync_cond *c)
{
	int i;

	touch_condvar(at, c);
	while ((i = first_waiter(c)) >= 0)
		wake(&threads[i]);
}

void seam_signal(const struct site *at, struct sync_cond *c)
{
	static const struct way ways[] = {{GO_ON, 0}, {LOSE, 0}};
	int i;

	touch_condvar(at, c);
	i = first_waiter(c);
	if (i < 0)
		return;
	if (budget.lost > 0 && choose(ways, 2)) {
		machine_trace("    (lost)");
		budget.lost--;
		return;
	}
	wake(&threads[i]);
}

/* ---- cancellation, pauses ------------------------------------------------- */

void seam_cancel_push(void (*undo)(void *), void *arg)
{
	struct thread *t = self();

	t->undo[t->n_undo].run = undo;
	t->undo[t->n_undo].arg = arg;
	t->n_undo++;
}

void seam_cancel_pop(void)
{
	self()->n_undo--;
}

int sync_cancel_disable(void)
{
	int before = self()->cancel_off;

	self()->cancel_off = true;
	return before;
}

void sync_cancel_restore(int before)
{
	self()->cancel_off = before;
}

void machine_cancel(int thread)
{
	machine_point(SEAM_SITE("cancel"));
	machine_trace("cancel %d", thread);
	threads[thread].cancel_asked = true;
}

void seam_pause(const struct site *at)
{
	step(at);
}

void seam_nap(const struct site *at, bool for_lock)
{
	step(at);
	if (self()->sections && !for_lock)
		machine_fail("naps in a read-side section");
	if (self()->locks && !for_lock)
		machine_fail("naps with a lock held");
	self()->napped_at = changes;
	block(NAPPING, NULL);
}

/* ---- RCU ------------------------------------------------------------------ */

void seam_reader_enter(const struct site *at)
{
	struct thread *t = self();

	step(at);
	if (t->sections++ == 0) {
		t->section++;
		clock_join(&t->view.clock, &grace_seen);
	}
}

void seam_reader_leave(const struct site *at)
{
	struct thread *t = self();

	step(at);
	if (t->sections == 0)
		machine_fail("leaves a section that it is not in");
	if (--t->sections == 0)
		t->left = t->view.clock;
}

bool rcu_reader_inside(void)
{
	return self()->sections > 0;
}

void seam_wait_readers(const struct site *at)
{
	struct thread *t = self();

	step(at);
	if (t->sections || t->locks)
		machine_fail("waits for readers in a section or with a lock");
	drain_all();
	clock_join(&grace_seen, &t->view.clock);
	t->readers = 0;
	for (int i = 0; i < population(); i++) {
		t->awaited[i] = threads[i].section;
		t->readers |= (unsigned)(threads[i].sections > 0) << i;
		clock_join(&t->view.clock, &threads[i].left);
	}
	block(IN_GRACE, NULL);
	drain_all();
	for (int i = 0; i < population(); i++)
		if (t->readers >> i & 1)
			clock_join(&t->view.clock, &threads[i].left);
}

int rcu_prepare(void)
{
	return 0;
}
