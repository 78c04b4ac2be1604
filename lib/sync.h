/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The seam: every atomic, mutex, condvar, pause and access to a slot of the
 * library goes through this file, and every RCU call through rcu.h.  In the
 * shipped build each name here is the primitive itself.  A test build defines
 * COQUEUE_SEAM as the name of a header that takes all of these names over.
 *
 * Orders are written as the word alone: sync_load(&x, acquire).  Each one that
 * is not relaxed carries a label that names its partner (HACKING, "Memory
 * order").
 */
#ifndef COQUEUE_SYNC_H
#define COQUEUE_SYNC_H

#ifdef COQUEUE_SEAM
#include COQUEUE_SEAM
#else

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "port.h"

/* ---- atomics -------------------------------------------------------------- */

#define sync_init(p, v) atomic_init(p, v)
#define sync_load(p, order) atomic_load_explicit(p, memory_order_##order)
#define sync_store(p, v, order)                                                \
	atomic_store_explicit(p, v, memory_order_##order)
#define sync_swap(p, v, order)                                                 \
	atomic_exchange_explicit(p, v, memory_order_##order)
#define sync_add(p, v, order)                                                  \
	atomic_fetch_add_explicit(p, v, memory_order_##order)
#define sync_sub(p, v, order)                                                  \
	atomic_fetch_sub_explicit(p, v, memory_order_##order)
#define sync_or(p, v, order)                                                   \
	atomic_fetch_or_explicit(p, v, memory_order_##order)

/* On failure *expected is what was found, read relaxed. */
#define sync_cas(p, expected, v, order)                                        \
	atomic_compare_exchange_strong_explicit(                               \
		p, expected, v, memory_order_##order, memory_order_relaxed)

/*
 * The full fence, between a store and a later load of something else.  A
 * locked instruction on the own stack does on x86 what mfence does, in a
 * tenth of the time; gcc knows, clang 14 does not.  ThreadSanitizer has no
 * notion of fences: there an atomic read-modify-write stands in.
 */
#if PORT_TSAN
static inline void sync_fence(void)
{
	static _Atomic int fence;

	atomic_fetch_add(&fence, 1);
}
#define sync_fence_acquire() ((void)0)
#define sync_fence_release() ((void)0)
#else
static inline void sync_fence(void)
{
#if defined(__x86_64__)
	__asm__ __volatile__("lock; orl $0, -4(%%rsp)" ::: "memory", "cc");
#else
	atomic_thread_fence(memory_order_seq_cst);
#endif
}
#define sync_fence_acquire() atomic_thread_fence(memory_order_acquire)
#define sync_fence_release() atomic_thread_fence(memory_order_release)
#endif

/*
 * The same in two halves, for a side that is hot and one that is rare:
 * of two threads, one with a light fence between its store and its load, one
 * with a heavy fence, at least one sees the other's store.  The light one keeps
 * the compiler from moving anything, and where the system helps (sync.c) is no
 * instruction at all.  Two light ones order nothing.
 */
#if PORT_TSAN
#define sync_fence_light() sync_fence()
#else
extern bool sync_is_asymmetric; /* written when the library is loaded */

hot_inline void sync_fence_light(void)
{
	if (likely(sync_is_asymmetric))
		atomic_signal_fence(memory_order_seq_cst);
	else
		sync_fence();
}
#endif
void sync_fence_heavy(void);

/* ---- patience ------------------------------------------------------------- */

/*
 * How long a call tries before it sleeps.  A sleep and its wake-up cost some
 * 40 us together; spinning about 10 us and yielding a few times catches those
 * who are just about to come.  Where more threads run than processors do, they
 * come when it is their turn: as long as others put, more yields are cheaper than
 * a sleep from which many are woken in vain.
 */
#define SYNC_SPINS 200
#define SYNC_YIELDS 4
#define SYNC_SPINS_GREAT 1000
#define SYNC_SPINS_RESTING 4000
#define SYNC_MOST_YIELDS 64

/* Where so many calls in a row have slept, the next has no patience, and one of so
 * many after that great patience. */
#define SYNC_SLEPT_OFTEN 16
#define SYNC_SLEPT_LONG 256

/*
 * Beside a process that is always busy a thread that yields gets its core back after
 * a whole time slice, some milliseconds; one that sleeps gets it when it is woken.
 * So who has yielded for so many ns, and for so many for each item that was put
 * meanwhile (else those who ran were mostly others at this queue), sleeps instead of
 * yielding for so many times as long.
 */
#define SYNC_YIELD_LONG_NS 500000
#define SYNC_YIELD_NS_PER_ITEM 1000
#define SYNC_YIELD_REST 16

/* The room that a put into a full queue spins for, at most, in items. */
#define SYNC_SPIN_ROOM 16

/* The pauses of who finds a mutex taken: one, then twice as many each time. */
#define SYNC_LOCK_PAUSES 64

/* Of those who have woken another, and wait for it. */
#define SYNC_WOKEN_YIELDS 128

/* Of those who look for somebody asleep in an idle line (wait.h): as much as a
 * heavy fence costs, which disarming makes necessary again. */
#define SYNC_VAIN_LOOKS 32

/* Of those who wait for a call that is half-way, before they sleep. */
#define SYNC_BACKOFF_PAUSES 32
#define SYNC_BACKOFF_YIELDS 8

/* ---- chance ---------------------------------------------------------------- */

/* 64 bits by chance.  (The mixing function of S. Vigna's splitmix64.) */
static inline uint64_t sync_random(void)
{
	static _Atomic uint64_t state;
	uint64_t z = atomic_fetch_add_explicit(&state, 0x9e3779b97f4a7c15,
					       memory_order_relaxed);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* ---- slots ---------------------------------------------------------------- */

/*
 * An item lies in a slot as whole words, written and read one relaxed word at
 * a time: peek reads a slot that a put may be overwriting, and finds out
 * afterwards (store_ring.h).
 */

static inline size_t sync_slot_bytes(size_t item_size)
{
	return (item_size + sizeof(uint64_t) - 1) & ~(sizeof(uint64_t) - 1);
}

/* The item where it lies, once nobody else works on the slot. */
static inline void *sync_slot_item(_Atomic uint64_t *slot)
{
	return (void *)(uintptr_t)slot;
}

/* Where byte i of memory is in a word, as a shift. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SYNC_BYTE_SHIFT(i) (8 * (i))
#else
#define SYNC_BYTE_SHIFT(i) (56 - 8 * (i))
#endif

/* Odd ends go byte by byte: a call to memcpy() would burden the fast path. */
hot_inline void sync_slot_write(_Atomic uint64_t *slot, const void *item,
				size_t size)
{
	const unsigned char *from = item;
	uint64_t word;

	for (; size >= sizeof(word); size -= sizeof(word)) {
		memcpy(&word, from, sizeof(word));
		atomic_store_explicit(slot++, word, memory_order_relaxed);
		from += sizeof(word);
	}
	if (likely(size == 0))
		return;
	word = 0;
	for (size_t i = 0; i < size; i++)
		word |= (uint64_t)from[i] << SYNC_BYTE_SHIFT(i);
	atomic_store_explicit(slot, word, memory_order_relaxed);
}

hot_inline void sync_slot_read(_Atomic uint64_t *slot, void *item, size_t size)
{
	unsigned char *to = item;
	uint64_t word;

	for (; size >= sizeof(word); size -= sizeof(word)) {
		word = atomic_load_explicit(slot++, memory_order_relaxed);
		memcpy(to, &word, sizeof(word));
		to += sizeof(word);
	}
	if (likely(size == 0))
		return;
	word = atomic_load_explicit(slot, memory_order_relaxed);
	for (size_t i = 0; i < size; i++)
		to[i] = (unsigned char)(word >> SYNC_BYTE_SHIFT(i));
}

/* ---- pages ---------------------------------------------------------------- */

/* A segment of an unbounded queue: at most so many bytes, but so many items. */
#define SYNC_SEGMENT_BYTES ((size_t)1 << 16)
#define SYNC_SEGMENT_MIN ((size_t)8)

/* Memory of zeros, of which the system keeps what was touched; or NULL. */
static inline void *sync_pages_alloc(size_t bytes)
{
	int saved = errno;
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	errno = saved;
	return p == MAP_FAILED ? NULL : p;
}

/* Give back what was touched.  It may still be read, and written again. */
static inline void sync_pages_discard(void *p, size_t bytes)
{
	int saved = errno;

	madvise(p, bytes, MADV_DONTNEED);
	errno = saved;
}

static inline void sync_pages_free(void *p, size_t bytes)
{
	munmap(p, bytes);
}

/* ---- locks ---------------------------------------------------------------- */

struct sync_mutex {
	pthread_mutex_t native;
};

struct sync_cond {
	pthread_cond_t native;
};

/* Static initialisers cannot fail: for what lives on the stack of a caller. */
#define SYNC_MUTEX_INIT                                                        \
	{                                                                      \
		PTHREAD_MUTEX_INITIALIZER                                      \
	}
#define SYNC_COND_INIT                                                         \
	{                                                                      \
		PTHREAD_COND_INITIALIZER                                       \
	}

static inline int sync_mutex_init(struct sync_mutex *m)
{
	return pthread_mutex_init(&m->native, NULL);
}

static inline void sync_mutex_destroy(struct sync_mutex *m)
{
	pthread_mutex_destroy(&m->native);
}

/* It is held for some dozens of instructions: who finds it taken waits awake for a
 * moment before it sleeps. */
void sync_lock_taken(struct sync_mutex *m);

static inline void sync_lock(struct sync_mutex *m)
{
	if (unlikely(pthread_mutex_trylock(&m->native)))
		sync_lock_taken(m);
}

static inline void sync_unlock(struct sync_mutex *m)
{
	pthread_mutex_unlock(&m->native);
}

static inline void sync_cond_destroy(struct sync_cond *c)
{
	pthread_cond_destroy(&c->native);
}

/* 0 or ETIMEDOUT, and may be spurious; deadline NULL: for ever. */
static inline int sync_cond_wait(struct sync_cond *c, struct sync_mutex *m,
				 const struct timespec *deadline)
{
	if (!deadline)
		return pthread_cond_wait(&c->native, &m->native);
	return pthread_cond_clockwait(&c->native, &m->native, CLOCK_MONOTONIC,
				      deadline);
}

static inline void sync_cond_broadcast(struct sync_cond *c)
{
	pthread_cond_broadcast(&c->native);
}

/*
 * Run `undo(arg)` if the thread is cancelled before sync_cancel_pop(), which
 * must stand in the same block.
 */
#define sync_cancel_push(undo, arg) pthread_cleanup_push(undo, arg)
#define sync_cancel_pop() pthread_cleanup_pop(0)

/* ---- the thread itself ---------------------------------------------------- */

/* Cancellation off and back as it was, for what must run to its end. */
static inline int sync_cancel_disable(void)
{
	int before;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	return before;
}

static inline bool sync_cancel_was_disabled(int before)
{
	return before == PTHREAD_CANCEL_DISABLE;
}

static inline void sync_cancel_restore(int before)
{
	if (!sync_cancel_was_disabled(before))
		pthread_setcancelstate(before, NULL);
}

/* One object of the type for each thread, zeroed at first. */
#define sync_thread_local(type, name) static _Thread_local __typeof__(type) name
#define sync_own(name) (&(name))

/* Which thread this is, for as long as it lives.  Not to be kept over a park. */
extern _Thread_local char sync_mark_of_thread;
#define sync_self() ((uintptr_t)&sync_mark_of_thread)

/* Run f in each process that is forked from now on. */
#define sync_at_fork_in_child(f) pthread_atfork(NULL, NULL, f)

#define sync_pause() cpu_pause()

/* Let others run.  False: not done, this thread rests from yields. */
bool sync_yield(void);

/* Whether it does. */
bool sync_rests_from_yields(void);

/* As sync_yield(): how many ns that took, or 0.  And: so many items were put
 * meanwhile where it waits; if they are too few for that, it begins to rest. */
uint64_t sync_timed_yield(void);
void sync_judge_yield(uint64_t took, uint64_t items);

/*
 * Another thread has just won what this one wanted, and is likely to want it
 * again.  It keeps the cache line, and this core may run somebody who wants
 * another: 4 producers and 4 consumers on 2 cores are 1.4 times as fast by this
 * as by a pause of 1.5 us, and that is twice as fast as none.
 */
static inline void sync_contended(void)
{
	if (!sync_yield())
		sync_pause();
}

/* The same, about a lock that is held for some dozens of instructions: who lets others
 * run for long lets those run who want none of it. */
static inline void sync_contended_lock(void)
{
	uint64_t took = sync_timed_yield();

	if (took)
		sync_judge_yield(took, 0);
	else
		sync_pause();
}

/*
 * Sleep for so many nanoseconds (under a second); no cancellation point.  For a
 * lock, it may be in a read-side section or with a lock held.
 */
static inline void sync_sleep(long nanoseconds, bool for_lock)
{
	const struct timespec span = {.tv_sec = 0, .tv_nsec = nanoseconds};
	int cancel = sync_cancel_disable();

	(void)for_lock; /* the explorer wants to know */
	clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL);
	sync_cancel_restore(cancel);
}

#endif /* COQUEUE_SEAM */
#endif
