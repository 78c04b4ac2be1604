/* SPDX-License-Identifier: MIT */
/*
 * Memory, as the callers see it.
 *
 * Values.  There is one memory, and each load finds the last store in it.  With
 * a budget for delays a store may stay in its thread's store buffer (x86-TSO):
 * the thread itself sees it, others do not, later stores queue up behind it,
 * and a locked instruction, a fence or a lock drains the buffer.
 *
 * Orders.  Weaker machines than x86 are not simulated, but what they may do is
 * noticed: a vector clock tells for each access what happens-before it by C11's
 * rules (release and acquire, release sequences, fences, locks, grace periods).
 * That a store was read proves nothing; an order that the code relies on must
 * be in the clocks:
 *
 *   - a get reads the words of a slot, a put overwrites them: like plain
 *     memory, each ordered after what others did to them before
 *   - a peek reads words that it may not have been given; then the load that
 *     finds that out must be unable to miss the change (seqlock)
 *   - a lock, a condvar or a queue is destroyed after all that was done to it
 *   - scenarios add what users rely on (scenario.c)
 *
 * Dead memory: no access to a queue after free(), nor to another thread's stack
 * below where it is in use.
 */
#include "config.h"

#include "explore.h"

#undef free
#undef aligned_alloc

/* ---- clocks --------------------------------------------------------------- */

void clock_join(struct clock *into, const struct clock *from)
{
	for (int i = 0; i < THREADS; i++)
		if (into->at[i] < from->at[i])
			into->at[i] = from->at[i];
}

static struct view *view(void)
{
	return &threads[running].view;
}

bool memory_is_seen(const struct clock *clock)
{
	for (int i = 0; i < THREADS; i++)
		if (i != running && clock->at[i] > view()->clock.at[i])
			return false;
	return true;
}

/* ---- locations ------------------------------------------------------------ */

enum { LOCATIONS = 1024, WRITES = 4 };

struct location {
	const volatile void *p;
	uint32_t epoch;              /* of another schedule: empty */
	unsigned version;            /* stores so far */
	struct write writes[WRITES]; /* the last ones, by version */
	struct clock released;       /* what a load that acquires gets */
	struct clock touched;        /* when each thread last used it */
	struct clock read;           /* slots: when each thread last read it */
};

static struct location locations[LOCATIONS];
static unsigned used[LOCATIONS], n_used;
static uint32_t epoch;

static struct location *find_location(const volatile void *p)
{
	size_t i = ((uintptr_t)p >> 2) * 0x9E3779B97F4A7C15u >> 54;
	struct location *l;

	for (;; i = (i + 1) % LOCATIONS) {
		l = &locations[i];
		if (l->epoch == epoch && l->p == p)
			break;
		if (l->epoch == epoch)
			continue;
		memset(l, 0, sizeof(*l));
		l->p = p;
		l->epoch = epoch;
		if (n_used == LOCATIONS / 2)
			machine_fail("too many locations in one schedule");
		used[n_used++] = (unsigned)i;
		break;
	}
	return l;
}

/* The location at p, which the running thread uses now. */
static struct location *location(const volatile void *p)
{
	struct location *l = find_location(p);

	l->touched.at[running] = view()->clock.at[running];
	return l;
}

void memory_touch(const void *p)
{
	(void)location(p);
}

bool memory_sees(const struct write *w)
{
	return w->thread == running || w->at <= view()->clock.at[w->thread];
}

/* By the running thread, since its last scheduling point. */
static struct write this_write(void)
{
	return (struct write){running, view()->clock.at[running]};
}

struct write memory_mark(void)
{
	/* later than what was released before */
	view()->clock.at[running]++;
	return this_write();
}

static const struct write *last_write(const struct location *l)
{
	return &l->writes[l->version % WRITES];
}

/* ---- dead memory ---------------------------------------------------------- */

static _Alignas(64) unsigned char arena[1 << 14];
static size_t arena_used;
static bool arena_dead;

void *seam_alloc(size_t align, size_t bytes)
{
	if (arena_used || bytes > sizeof(arena) || align > 64)
		return NULL;
	arena_used = bytes;
	return arena;
}

void seam_free(void *p)
{
	if (!p)
		return;
	if (p != arena || arena_dead)
		machine_fail("free() of what is not allocated");
	memory_retire(SEAM_SITE("free"), arena, arena_used);
	arena_dead = true;
	memset(arena, 0xDD, arena_used);
}

bool memory_is_clean(void)
{
	return arena_dead;
}

static void check_alive(const struct site *at, const volatile void *p)
{
	const unsigned char *byte = (const unsigned char *)(uintptr_t)p;

	if (arena_dead && byte >= arena && byte < arena + sizeof(arena))
		machine_fail("%s:%d: %s: the queue has been freed", at->file,
			     at->line, at->text);
	if (machine_is_dead_stack(byte))
		machine_fail("%s:%d: %s: the waiter is gone", at->file,
			     at->line, at->text);
}

void memory_retire(const struct site *at, const void *p, size_t size)
{
	const unsigned char *from = p, *byte;

	for (unsigned i = 0; i < n_used; i++) {
		byte = (const unsigned char *)(uintptr_t)locations[used[i]].p;
		if (byte >= from && byte < from + size &&
		    !memory_is_seen(&locations[used[i]].touched))
			machine_fail("%s:%d: %s: not ordered after what others "
				     "did at byte %td of it",
				     at->file, at->line, at->text, byte - from);
	}
}

void memory_begin(void)
{
	epoch++;
	n_used = 0;
	arena_used = 0;
	arena_dead = false;
}

/* ---- orders --------------------------------------------------------------- */

static bool acquires(enum order order)
{
	return order != seam_relaxed && order != seam_release;
}

static bool releases(enum order order)
{
	return order != seam_relaxed && order != seam_acquire;
}

static void take(const struct clock *released, enum order order)
{
	clock_join(&view()->acquired, released);
	if (acquires(order))
		clock_join(&view()->clock, released);
}

static struct clock given(enum order order)
{
	return releases(order) ? view()->clock : view()->released;
}

void memory_acquire(const void *object)
{
	clock_join(&view()->clock, &location(object)->released);
}

void memory_release(const void *object)
{
	location(object)->released = view()->clock;
}

/*
 * A peek that has read words which it may not have been given must now find out
 * by a load of what it has loaded before: at least one of the changes since
 * must be seen.
 */
static void check_finds_out(const struct site *at, const struct location *l)
{
	struct view *v = view();
	unsigned since = 0;

	for (unsigned i = 0; i < v->n_loads; i++)
		if (v->loads[i].p == l->p)
			since = v->loads[i].version;
	v->stale = false;
	for (unsigned i = l->version; i > since && i + WRITES > l->version; i--)
		if (memory_sees(&l->writes[i % WRITES]))
			return;
	machine_fail("%s:%d: %s: may miss that what was read is not the item",
		     at->file, at->line, at->text);
}

/* What a peek has loaded, and which store it was. */
static void remember_load(const struct location *l)
{
	struct view *v = view();
	unsigned i;

	for (i = 0; i < v->n_loads; i++)
		if (v->loads[i].p == l->p)
			return;
	if (i < sizeof(v->loads) / sizeof(v->loads[0])) {
		v->loads[i].p = l->p;
		v->loads[i].version = l->version;
		v->n_loads++;
	}
}

/* ---- stores --------------------------------------------------------------- */

static uint64_t read_value(const volatile void *p, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, (const void *)(uintptr_t)p, size);
	return value;
}

static void write_value(volatile void *p, size_t size, uint64_t value)
{
	if (read_value(p, size) == value)
		return;
	memcpy((void *)(uintptr_t)p, &value, size);
	machine_changed();
}

static void note_write(struct location *l, const struct write *w)
{
	l->writes[++l->version % WRITES] = *w;
}

void memory_flush_one(int thread)
{
	struct view *v = &threads[thread].view;
	struct late_store *late = &v->late[0];
	struct location *l;

	machine_trace("    the store of %d to %s becomes visible", thread,
		      late->at->text);
	check_alive(late->at, late->p);
	l = find_location(late->p);
	l->released = late->released;
	note_write(l, &late->write);
	write_value(late->p, late->size, late->value);
	v->n_late--;
	memmove(&v->late[0], &v->late[1], v->n_late * sizeof(v->late[0]));
}

void memory_flush(int thread)
{
	while (threads[thread].view.n_late)
		memory_flush_one(thread);
}

/* Whether this store waits in the store buffer. */
static bool is_delayed(void)
{
	static const struct way options[] = {{GO_ON, 0}, {DELAY, 0}};

	if (view()->n_late)
		return view()->n_late < LATE_MAX || (memory_flush(running), 0);
	if (budget.delays == 0 || n_threads < 2)
		return false;
	if (search_choose(options, 2) == 0)
		return false;
	budget.delays--;
	return true;
}

static void store(const struct site *at, volatile void *p, size_t size,
		  uint64_t value, struct clock released)
{
	struct view *v = view();
	struct write w = this_write();
	struct location *l = location(p);

	if (is_delayed()) {
		machine_trace("    (delayed)");
		v->late[v->n_late++] =
			(struct late_store){at, p, size, value, released, w};
		return;
	}
	l->released = released;
	note_write(l, &w);
	write_value(p, size, value);
}

static void begin(const struct site *at, const volatile void *p)
{
	machine_point(at, p);
	check_alive(at, p);
}

void seam_store(const struct site *at, volatile void *p, size_t size,
		uint64_t value, enum order order)
{
	begin(at, p);
	machine_trace("%s = %#jx", at->text, (uintmax_t)value);
	store(at, p, size, value, given(order));
	if (order == seam_seq_cst)
		memory_flush(running);
}

/* ---- loads ---------------------------------------------------------------- */

/* The thread's own store that is not visible yet, the newest. */
static const struct late_store *own_late(const volatile void *p)
{
	const struct view *v = view();

	for (unsigned i = v->n_late; i-- > 0;)
		if (v->late[i].p == p)
			return &v->late[i];
	return NULL;
}

uint64_t seam_load(const struct site *at, const volatile void *p, size_t size,
		   enum order order)
{
	const struct late_store *late;
	struct location *l;
	uint64_t value;

	begin(at, p);
	l = location(p);
	late = own_late(p);
	value = late ? late->value : read_value(p, size);
	machine_trace("%s: %#jx", at->text, (uintmax_t)value);
	if (view()->stale)
		check_finds_out(at, l);
	take(&l->released, order);
	if (view()->peeking)
		remember_load(l);
	return value;
}

/* ---- read-modify-write, fences -------------------------------------------- */

static void swap_in(volatile void *p, size_t size, uint64_t value,
		    enum order order)
{
	struct location *l = location(p);
	struct write w = this_write();
	struct clock mine;

	take(&l->released, order);
	mine = given(order);
	/* what was released before is released on: a release sequence */
	clock_join(&l->released, &mine);
	note_write(l, &w);
	write_value(p, size, value);
}

uint64_t seam_change(const struct site *at, volatile void *p, size_t size,
		     enum change change, uint64_t operand, enum order order)
{
	uint64_t old, value;

	begin(at, p);
	memory_flush(running);
	old = read_value(p, size);
	switch (change) {
	case SEAM_SWAP:
		value = operand;
		break;
	case SEAM_ADD:
		value = old + operand;
		break;
	case SEAM_SUB:
		value = old - operand;
		break;
	default:
		value = old | operand;
	}
	machine_trace("%s: %#jx -> %#jx", at->text, (uintmax_t)old,
		      (uintmax_t)value);
	swap_in(p, size, value, order);
	return old;
}

bool seam_cas(const struct site *at, volatile void *p, size_t size,
	      uint64_t *expected, uint64_t value, enum order order)
{
	uint64_t old;

	begin(at, p);
	memory_flush(running);
	old = read_value(p, size);
	if (old != *expected) {
		machine_trace("%s: %#jx, not %#jx", at->text, (uintmax_t)old,
			      (uintmax_t)*expected);
		take(&location(p)->released, seam_relaxed);
		*expected = old;
		return false;
	}
	machine_trace("%s: %#jx -> %#jx", at->text, (uintmax_t)old,
		      (uintmax_t)value);
	swap_in(p, size, value, order);
	return true;
}

void seam_fence(const struct site *at, enum order order)
{
	machine_trace_place(at);
	machine_trace("%s", at->text);
	if (order == seam_seq_cst)
		memory_flush(running);
	if (acquires(order))
		clock_join(&view()->clock, &view()->acquired);
	if (releases(order))
		view()->released = view()->clock;
}

/* ---- slots ---------------------------------------------------------------- */

static void write_slot_word(const struct site *at, _Atomic uint64_t *word,
			    uint64_t value)
{
	struct location *l;

	begin(at, word);
	l = location(word);
	machine_trace("%s = %#jx", at->text, (uintmax_t)value);
	if (!memory_is_seen(&l->read) || !memory_sees(last_write(l)))
		machine_fail("%s:%d: %s: not ordered after the last use of it",
			     at->file, at->line, at->text);
	store(at, word, sizeof(value), value, view()->released);
}

static uint64_t read_slot_word(const struct site *at, _Atomic uint64_t *word)
{
	struct view *v = view();
	struct location *l;
	uint64_t value;

	begin(at, word);
	l = location(word);
	value = read_value(word, sizeof(value));
	machine_trace("%s: %#jx", at->text, (uintmax_t)value);
	clock_join(&v->acquired, &l->released);
	if (v->peeking) {
		v->stale |= !memory_sees(last_write(l));
		return value;
	}
	if (!memory_sees(last_write(l)))
		machine_fail("%s:%d: %s: not ordered after the write", at->file,
			     at->line, at->text);
	l->read.at[running] = v->clock.at[running];
	return value;
}

void seam_slot_write(const struct site *at, _Atomic uint64_t *slot,
		     const void *item, size_t size)
{
	uint64_t value;

	for (size_t i = 0; i < size; i += sizeof(value)) {
		memcpy(&value, (const char *)item + i, sizeof(value));
		write_slot_word(at, slot++, value);
	}
}

void seam_slot_read(const struct site *at, _Atomic uint64_t *slot, void *item,
		    size_t size)
{
	uint64_t value;

	for (size_t i = 0; i < size; i += sizeof(value)) {
		value = read_slot_word(at, slot++);
		memcpy((char *)item + i, &value, sizeof(value));
	}
}
