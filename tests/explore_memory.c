/* SPDX-License-Identifier: MIT */
/*
 * Memory, as the callers see it.
 *
 * Values.  There is one memory, and each load finds the last store in it, but:
 *
 *   - with a budget for delays a store may stay in its thread's store buffer
 *     (x86-TSO): the thread itself sees it, others do not, later stores queue
 *     up behind it, and a locked instruction, a fence or a lock drains it
 *   - with a budget for old values a load may find an older store, as C11
 *     allows (weak machines): one that no coherence, happens-before or order of
 *     sequentially consistent accesses and fences rules out.  A store that is
 *     not done yet is never found, and a read-modify-write finds the last one.
 *
 * Orders.  A vector clock tells for each access what happens-before it by C11's
 * rules (release and acquire, release sequences, fences, locks, grace periods).
 * That a store was found proves nothing; an order that the code relies on must
 * be in the clocks:
 *
 *   - a get reads the words of a slot, a put overwrites them: like plain
 *     memory, each ordered after what others did to them before (a peek may
 *     read whatever is there, it finds out afterwards)
 *   - a lock, a condvar or a queue is destroyed after all that was done to it
 *   - scenarios add what users rely on (explore_scenario.c)
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

enum { LOCATIONS = 1024, WRITES = 8 };

struct store {
	struct write write;
	uint64_t value;
	bool sc;               /* sequentially consistent */
	struct clock released; /* what a load that acquires gets from it */
};

struct location {
	const volatile void *p;
	uint32_t epoch;              /* of another schedule: empty */
	unsigned version;            /* stores so far */
	struct clock touched;        /* when each thread last used it */
	struct clock read;           /* when each thread last loaded it, */
	unsigned found[THREADS];     /* and which store it found */
	struct clock consumed;       /* slots: when each thread last got it */
	struct store stores[WRITES]; /* the last ones, by version */
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
		memset(l, 0, offsetof(struct location, stores));
		memset(&l->stores[0], 0, sizeof(l->stores[0]));
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

static struct store *store_at(struct location *l, unsigned version)
{
	return &l->stores[version % WRITES];
}

static struct store *last_store(struct location *l)
{
	return store_at(l, l->version);
}

/* ---- dead memory ---------------------------------------------------------- */

/* One piece of memory after the other; none is used twice in a schedule. */
enum { BLOCKS = 32, ALIGN = 64, ARENA = 1 << 14, DEAD = 0xDD };

/* Aligned, so that hashes of addresses are alike in every process. */
static _Alignas(ARENA) unsigned char arena[ARENA];
static struct block {
	size_t begin, end; /* in the arena */
	bool dead, own;
} blocks[BLOCKS];
static unsigned n_blocks;

void *seam_alloc(size_t align, size_t bytes)
{
	size_t begin = n_blocks ? blocks[n_blocks - 1].end : 0;

	begin = (begin + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (n_blocks == BLOCKS || bytes > sizeof(arena) - begin ||
	    align > ALIGN)
		return NULL;
	blocks[n_blocks++] = (struct block){begin, begin + bytes, false, false};
	return arena + begin;
}

void *memory_alloc_own(size_t bytes)
{
	void *p = seam_alloc(ALIGN, bytes);

	if (!p)
		machine_fail("too much memory in one schedule");
	blocks[n_blocks - 1].own = true;
	return p;
}

static struct block *block_of(const unsigned char *byte)
{
	if (byte < arena || byte >= arena + sizeof(arena))
		return NULL;
	for (unsigned i = 0; i < n_blocks; i++)
		if (byte >= arena + blocks[i].begin &&
		    byte < arena + blocks[i].end)
			return &blocks[i];
	return NULL;
}

/* The running thread's own stores into a block are there, for what looks at it
 * past the store buffer. */
static void flush_into(const struct block *b)
{
	unsigned n = view()->n_late;

	while (n > 0 && block_of((void *)(uintptr_t)view()->late[n - 1].p) != b)
		n--;
	for (; n > 0; n--)
		memory_flush_one(running);
}

void seam_free(void *p)
{
	struct block *b = p ? block_of(p) : NULL;

	if (!p)
		return;
	if (!b || b->dead || p != arena + b->begin)
		machine_fail("free() of what is not allocated");
	flush_into(b);
	memory_retire(SEAM_SITE("free"), p, b->end - b->begin);
	b->dead = true;
	memset(p, DEAD, b->end - b->begin);
}

bool memory_is_clean(void)
{
	for (unsigned i = 0; i < n_blocks; i++)
		if (!blocks[i].dead && !blocks[i].own)
			return false;
	return true;
}

bool memory_is_untouched(void)
{
	for (unsigned i = 0; i < n_blocks; i++)
		for (size_t at = blocks[i].begin;
		     blocks[i].dead && at < blocks[i].end; at++)
			if (arena[at] != DEAD)
				return false;
	return true;
}

static void check_access(const struct site *at, const volatile void *p,
			 int user)
{
	const unsigned char *byte = (const unsigned char *)(uintptr_t)p;

	const struct block *b = block_of(byte);

	if (!b && byte >= arena && byte < arena + sizeof(arena))
		machine_fail("%s:%d: %s: nobody has allocated that", at->file,
			     at->line, at->text);
	if (b && b->dead)
		machine_fail("%s:%d: %s: that memory has been freed", at->file,
			     at->line, at->text);
	if (machine_is_dead_stack(byte, user))
		machine_fail("%s:%d: %s: the waiter is gone", at->file,
			     at->line, at->text);
}

void memory_check(const struct site *at, const volatile void *p)
{
	check_access(at, p, running);
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

/* In the order of all sequentially consistent accesses: fences, with all that
 * came before each; and stores, by themselves. */
static struct clock sc_fences, sc_stores;

/* What returned calls have done, see memory_call_begins(). */
static struct clock returned;

/* What stands there before a fence is known to all that follows it; before an
 * access, to that alone (is_known()). */
static void meet_sc(struct view *v)
{
	clock_join(&v->fenced, &sc_fences);
	clock_join(&v->sc, &sc_stores);
}

void memory_acquire(const void *object)
{
	clock_join(&view()->clock, &last_store(location(object))->released);
}

void memory_release(const void *object)
{
	last_store(location(object))->released = view()->clock;
}

void memory_begin(void)
{
	memset(&sc_fences, 0, sizeof(sc_fences));
	memset(&sc_stores, 0, sizeof(sc_stores));
	memset(&returned, 0, sizeof(returned));
	epoch++;
	n_used = 0;
	n_blocks = 0;
}

void memory_call_returns(void)
{
	clock_join(&returned, &view()->clock);
}

void memory_call_begins(void)
{
	clock_join(&view()->fenced, &returned);
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

/* A store becomes visible. */
static void commit(struct location *l, const struct late_store *late)
{
	struct store *store = store_at(l, ++l->version);

	store->write = late->write;
	store->value = late->value;
	store->sc = late->sc;
	store->released = late->released;
	if (late->sc)
		sc_stores.at[late->write.thread] = late->write.at;
	write_value(late->p, late->size, late->value);
}

void memory_flush_one(int thread)
{
	struct view *v = &threads[thread].view;
	struct late_store *late = &v->late[0];

	machine_trace("    the store of %d to %s becomes visible", thread,
		      late->at->text);
	check_access(late->at, late->p, thread);
	commit(find_location(late->p), late);
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

static void store(const struct late_store *store)
{
	struct view *v = view();
	struct location *l = location(store->p);

	if (!store->sc && is_delayed()) {
		machine_trace("    (delayed)");
		v->late[v->n_late++] = *store;
	} else {
		commit(l, store);
	}
}

static void begin(const struct site *at, const volatile void *p)
{
	machine_point(at);
	memory_check(at, p);
}

void seam_store(const struct site *at, volatile void *p, size_t size,
		uint64_t value, enum order order)
{
	begin(at, p);
	machine_trace("%s = %#jx", at->text, (uintmax_t)value);
	if (order == seam_seq_cst)
		memory_flush(running);
	store(&(struct late_store){at, p, size, value, given(order),
				   this_write(), order == seam_seq_cst});
}

/* Before anybody else can know of p; no scheduling point. */
void seam_init(volatile void *p, size_t size, uint64_t value)
{
	static const struct site at = {"", "", "init", 0};

	commit(location(p),
	       &(struct late_store){&at, p, size, value, view()->clock,
				    this_write(), false});
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

static bool clock_has(const struct clock *clock, const struct write *w)
{
	return w->at <= clock->at[w->thread];
}

/* Whether no load of the running thread can find an older store. */
static bool is_known(const struct store *store, enum order order)
{
	const struct view *v = view();
	const struct write *w = &store->write;

	return memory_sees(w) || clock_has(&v->fenced, w) ||
	       (store->sc && clock_has(&v->sc, w)) ||
	       (order == seam_seq_cst &&
		(clock_has(&sc_fences, w) ||
		 (store->sc && clock_has(&sc_stores, w))));
}

/* The oldest store that the running thread may find. */
static unsigned oldest(struct location *l, enum order order)
{
	unsigned version = l->version, bound = l->found[running];

	for (int i = 0; i < THREADS; i++)
		if (l->read.at[i] <= view()->clock.at[i] && bound < l->found[i])
			bound = l->found[i];
	if (bound + WRITES <= version)
		bound = version - WRITES + 1;
	while (version > bound && !is_known(store_at(l, version), order))
		version--;
	return version;
}

static unsigned choose_version(struct location *l, enum order order)
{
	struct way ways[WRITES] = {{GO_ON, 0}};
	unsigned n = 1, chosen;

	if (budget.old == 0 || !machine_is_exploring())
		return l->version;
	for (unsigned first = oldest(l, order); first + n <= l->version; n++)
		ways[n].kind = OLD_VALUE;
	chosen = n > 1 ? search_choose(ways, n) : 0;
	budget.old -= chosen > 0;
	return l->version - chosen;
}

/* The running thread has found it, and finds none older after that. */
static void take_version(struct location *l, unsigned version, enum order order)
{
	l->read.at[running] = view()->clock.at[running];
	l->found[running] = version;
	take(&store_at(l, version)->released, order);
}

/* What a load finds, and takes over from it. */
static uint64_t find(struct location *l, const volatile void *p, size_t size,
		     enum order order)
{
	const struct late_store *late = own_late(p);
	unsigned version;

	if (late)
		return late->value;
	version = choose_version(l, order);
	take_version(l, version, order);
	if (version == l->version)
		return read_value(p, size);
	machine_trace("    (an old value)");
	return store_at(l, version)->value;
}

uint64_t seam_load(const struct site *at, const volatile void *p, size_t size,
		   enum order order)
{
	uint64_t value;

	begin(at, p);
	value = find(location(p), p, size, order);
	machine_trace("%s: %#jx", at->text, (uintmax_t)value);
	return value;
}

/* ---- read-modify-write, fences -------------------------------------------- */

static void swap_in(const struct site *at, volatile void *p, size_t size,
		    uint64_t value, enum order order)
{
	struct location *l = location(p);
	struct late_store store = {
		at, p, size, value, {{0}}, this_write(), order == seam_seq_cst};

	take(&last_store(l)->released, order);
	store.released = given(order);
	/* what was released before is released on: a release sequence */
	clock_join(&store.released, &last_store(l)->released);
	commit(l, &store);
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
	swap_in(at, p, size, value, order);
	return old;
}

bool seam_cas(const struct site *at, volatile void *p, size_t size,
	      uint64_t *expected, uint64_t value, enum order order)
{
	struct location *l;
	uint64_t old;

	begin(at, p);
	memory_flush(running);
	l = location(p);
	old = read_value(p, size);
	if (old != *expected) {
		machine_trace("%s: %#jx, not %#jx", at->text, (uintmax_t)old,
			      (uintmax_t)*expected);
		take_version(l, l->version, seam_relaxed);
		*expected = old;
		return false;
	}
	machine_trace("%s: %#jx -> %#jx", at->text, (uintmax_t)old,
		      (uintmax_t)value);
	swap_in(at, p, size, value, order);
	return true;
}

static void fence(int thread, enum order order)
{
	struct view *v = &threads[thread].view;

	if (acquires(order))
		clock_join(&v->clock, &v->acquired);
	if (releases(order))
		v->released = v->clock;
	if (order != seam_seq_cst)
		return;
	memory_flush(thread);
	meet_sc(v);
	clock_join(&sc_fences, &v->clock);
}

void seam_fence(const struct site *at, enum order order)
{
	machine_trace_place(at);
	machine_trace("%s", at->text);
	fence(running, order);
}

/* All threads execute a fence, between two of this one. */
void seam_fence_heavy(const struct site *at)
{
	machine_point(at);
	machine_trace("%s", at->text);
	fence(running, seam_seq_cst);
	for (int i = 0; i < n_threads; i++)
		fence(i, seam_seq_cst);
	fence(running, seam_seq_cst);
}

/* ---- slots ---------------------------------------------------------------- */

void *seam_slot_item(_Atomic uint64_t *slot)
{
	void *item = (void *)(uintptr_t)slot;

	flush_into(block_of(item));
	return item;
}

static void write_slot_word(const struct site *at, _Atomic uint64_t *word,
			    uint64_t value)
{
	struct location *l;

	begin(at, word);
	l = location(word);
	machine_trace("%s = %#jx", at->text, (uintmax_t)value);
	if (!memory_is_seen(&l->consumed) ||
	    !memory_sees(&last_store(l)->write))
		machine_fail("%s:%d: %s: not ordered after the last use of it",
			     at->file, at->line, at->text);
	store(&(struct late_store){at, word, sizeof(value), value,
				   view()->released, this_write(), false});
}

static uint64_t read_slot_word(const struct site *at, _Atomic uint64_t *word)
{
	struct location *l;
	uint64_t value;

	begin(at, word);
	l = location(word);
	if (!view()->peeking) {
		l->consumed.at[running] = view()->clock.at[running];
		if (!memory_sees(&last_store(l)->write))
			machine_fail("%s:%d: %s: not ordered after the write",
				     at->file, at->line, at->text);
	}
	value = find(l, word, sizeof(value), seam_relaxed);
	machine_trace("%s: %#jx", at->text, (uintmax_t)value);
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

	machine_is_half_way();
	for (size_t i = 0; i < size; i += sizeof(value)) {
		value = read_slot_word(at, slot++);
		memcpy((char *)item + i, &value, sizeof(value));
	}
}
