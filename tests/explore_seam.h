/* SPDX-License-Identifier: MIT */
/*
 * The seam of lib/ (sync.h, rcu.h) as the explorer takes it over: the library
 * is compiled with COQUEUE_SEAM naming this header.  Each primitive tells where
 * it stands and asks the explorer, which first lets others run, if it so
 * chooses, and then does what the primitive does (explore_machine.c).
 */
#ifndef EXPLORE_SEAM_H
#define EXPLORE_SEAM_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "port.h"

/* A place in the source where a primitive stands. */
struct site {
	const char *file, *function, *text;
	int line;
};

#define SEAM_SITE(what)                                                        \
	({                                                                     \
		static const struct site site_ = {__FILE__, __func__, what,    \
						  __LINE__};                   \
		&site_;                                                        \
	})

enum order {
	seam_relaxed,
	seam_acquire,
	seam_release,
	seam_acq_rel,
	seam_seq_cst
};

/* ---- atomics -------------------------------------------------------------- */

void seam_init(volatile void *p, size_t size, uint64_t value);
uint64_t seam_load(const struct site *at, const volatile void *p, size_t size,
		   enum order order);
void seam_store(const struct site *at, volatile void *p, size_t size,
		uint64_t value, enum order order);

/* What an exchange, an addition or an "or" makes of the old value. */
enum change { SEAM_SWAP, SEAM_ADD, SEAM_SUB, SEAM_OR };
uint64_t seam_change(const struct site *at, volatile void *p, size_t size,
		     enum change change, uint64_t operand, enum order order);
bool seam_cas(const struct site *at, volatile void *p, size_t size,
	      uint64_t *expected, uint64_t value, enum order order);
void seam_fence(const struct site *at, enum order order);

/* The type of what lies at p, without _Atomic. */
#define SEAM_TYPE(p) __typeof__(atomic_load_explicit(p, memory_order_relaxed))

#define sync_init(p, v) seam_init(p, sizeof(*(p)), (uint64_t)(v))
#define sync_load(p, order)                                                    \
	((SEAM_TYPE(p))seam_load(SEAM_SITE("load " #p), p, sizeof(*(p)),       \
				 seam_##order))
#define sync_store(p, v, order)                                                \
	seam_store(SEAM_SITE("store " #p), p, sizeof(*(p)), (uint64_t)(v),     \
		   seam_##order)
#define SEAM_CHANGE(p, change, v, order, name)                                 \
	__extension__({                                                        \
		SEAM_TYPE(p)                                                   \
		old_ = (SEAM_TYPE(p))seam_change(SEAM_SITE(name " " #p), p,    \
						 sizeof(*(p)), change,         \
						 (uint64_t)(v), seam_##order); \
		old_;                                                          \
	})
#define sync_swap(p, v, order) SEAM_CHANGE(p, SEAM_SWAP, v, order, "swap")
#define sync_add(p, v, order) SEAM_CHANGE(p, SEAM_ADD, v, order, "add")
#define sync_sub(p, v, order) SEAM_CHANGE(p, SEAM_SUB, v, order, "sub")
#define sync_or(p, v, order) SEAM_CHANGE(p, SEAM_OR, v, order, "or")
#define sync_cas(p, expected, v, order)                                        \
	seam_cas(SEAM_SITE("cas " #p), p, sizeof(*(p)), expected, v,           \
		 seam_##order)
#define sync_fence() seam_fence(SEAM_SITE("fence"), seam_seq_cst)
/* As on processors, not as in C11, which knows no such thing. */
void seam_fence_heavy(const struct site *at);
#define sync_fence_light() ((void)0)
#undef sync_fence_heavy /* prefix.h */
#define sync_fence_heavy() seam_fence_heavy(SEAM_SITE("heavy fence"))
#define sync_fence_acquire()                                                   \
	seam_fence(SEAM_SITE("acquire fence"), seam_acquire)
#define sync_fence_release()                                                   \
	seam_fence(SEAM_SITE("release fence"), seam_release)

/* ---- threads -------------------------------------------------------------- */

/* One for each that the explorer has, and one for itself. */
enum { SEAM_THREADS = 16 };
int seam_thread(void);

/* Together in a section, which each schedule finds zeroed. */
#define sync_thread_local(type, name)                                          \
	static __attribute__((                                                 \
		section("seam_own"))) __typeof__(type) name[SEAM_THREADS]
#define sync_own(name) (&(name)[seam_thread()])
#define sync_self() ((uintptr_t)seam_thread() + 1)

/* What makes all else anew is called before each schedule, too. */
void seam_at_begin(void (*f)(void));
#define sync_at_fork_in_child(f) seam_at_begin(f)

/* The order by chance is one order here. */
#define sync_random() ((uint64_t)0)

/* ---- slots ---------------------------------------------------------------- */

/* Items are whole words here, each a scheduling point. */
void seam_slot_write(const struct site *at, _Atomic uint64_t *slot,
		     const void *item, size_t size);
void seam_slot_read(const struct site *at, _Atomic uint64_t *slot, void *item,
		    size_t size);

static inline size_t sync_slot_bytes(size_t item_size)
{
	return (item_size + sizeof(uint64_t) - 1) & ~(sizeof(uint64_t) - 1);
}

/* What follows are plain reads, which find the thread's own stores. */
void *seam_slot_item(_Atomic uint64_t *slot);

#define sync_slot_item(slot) seam_slot_item(slot)

#define sync_slot_write(slot, item, size)                                      \
	seam_slot_write(SEAM_SITE("write slot"), slot, item, size)
#define sync_slot_read(slot, item, size)                                       \
	seam_slot_read(SEAM_SITE("read slot"), slot, item, size)

/* ---- locks ---------------------------------------------------------------- */

struct sync_mutex {
	int owner; /* thread + 1; 0: free */
	bool dead;
};

struct sync_cond {
	bool dead;
};

#define SYNC_MUTEX_INIT                                                        \
	{                                                                      \
		0, false                                                       \
	}
#define SYNC_COND_INIT                                                         \
	{                                                                      \
		false                                                          \
	}

int sync_mutex_init(struct sync_mutex *m);
void sync_mutex_destroy(struct sync_mutex *m);
void sync_cond_destroy(struct sync_cond *c);

void seam_lock(const struct site *at, struct sync_mutex *m);
void seam_unlock(const struct site *at, struct sync_mutex *m);
int seam_wait(const struct site *at, struct sync_cond *c, struct sync_mutex *m,
	      const struct timespec *deadline);
void seam_broadcast(const struct site *at, struct sync_cond *c);
void seam_signal(const struct site *at, struct sync_cond *c);

#define sync_lock(m) seam_lock(SEAM_SITE("lock " #m), m)
#define sync_unlock(m) seam_unlock(SEAM_SITE("unlock " #m), m)
#define sync_cond_wait(c, m, deadline)                                         \
	seam_wait(SEAM_SITE("wait " #c), c, m, deadline)
#define sync_cond_broadcast(c) seam_broadcast(SEAM_SITE("broadcast " #c), c)
/* The library has no use for it; a planted bug has. */
#define sync_cond_signal(c) seam_signal(SEAM_SITE("signal " #c), c)

void seam_cancel_push(void (*undo)(void *), void *arg);
void seam_cancel_pop(void);

/* As pthread_cleanup_push() and _pop(), in one block. */
#define sync_cancel_push(undo, arg)                                            \
	do {                                                                   \
	seam_cancel_push(undo, arg)
#define sync_cancel_pop()                                                      \
	seam_cancel_pop();                                                     \
	}                                                                      \
	while (0)

/* ---- the thread itself ---------------------------------------------------- */

int sync_cancel_disable(void);
void sync_cancel_restore(int before);
#define sync_cancel_was_disabled(before) ((before) != 0)
void seam_pause(const struct site *at);

/* Goes on when somebody else has done something. */
void seam_nap(const struct site *at, bool for_lock);

#define sync_pause() seam_pause(SEAM_SITE("pause"))
#undef sync_yield /* prefix.h */
#undef sync_rests_from_yields
#undef sync_timed_yield
#undef sync_judge_yield
#define sync_yield() (seam_pause(SEAM_SITE("yield")), true)
#define sync_rests_from_yields() false
#define sync_timed_yield() ((uint64_t)sync_yield())
#define sync_judge_yield(took, items) ((void)(took)) /* none is long */
#define sync_contended() ((void)0)
#define sync_contended_lock() ((void)0)
#define sync_sleep(nanoseconds, for_lock)                                      \
	((void)(nanoseconds), seam_nap(SEAM_SITE("nap"), for_lock))

/* Each pause is a scheduling point: how many there are is up to the scenario. */
extern int seam_spins;
#define SYNC_SPINS seam_spins
#define SYNC_SPIN_ROOM 2
#define SYNC_VAIN_LOOKS 1
#define SYNC_YIELDS seam_spins
#define SYNC_SPINS_GREAT seam_spins
#define SYNC_SPINS_RESTING seam_spins
#define SYNC_SLEPT_OFTEN 1
#define SYNC_SLEPT_LONG 2
#define SYNC_MOST_YIELDS seam_spins
#define SYNC_WOKEN_YIELDS seam_spins
#define SYNC_BACKOFF_PAUSES 0
#define SYNC_BACKOFF_YIELDS 0

/* ---- RCU ------------------------------------------------------------------ */

/* A thread that liburcu does not know takes another way into the same code. */
static inline bool rcu_reader_known(void)
{
	return true;
}

void seam_reader_enter(const struct site *at);
void seam_reader_leave(const struct site *at);
bool rcu_reader_inside(void);
int rcu_prepare(void);
void seam_wait_readers(const struct site *at);

#define rcu_reader_enter() seam_reader_enter(SEAM_SITE("reader enter"))
#define rcu_reader_leave() seam_reader_leave(SEAM_SITE("reader leave"))
#define rcu_wait_readers() seam_wait_readers(SEAM_SITE("wait readers"))

/* ---- memory --------------------------------------------------------------- */

void *seam_alloc(size_t align, size_t bytes);
void seam_free(void *p);

#define SYNC_SEGMENT_BYTES ((size_t)1)
#define SYNC_SEGMENT_MIN ((size_t)2)

/* Pages that were given back hold what they held: nobody may care. */
#define sync_pages_alloc(bytes) seam_alloc(64, bytes)
#define sync_pages_discard(p, bytes) ((void)0)
#define sync_pages_free(p, bytes) seam_free(p)

#define aligned_alloc(align, bytes) seam_alloc(align, bytes)
#define free(p) seam_free(p)

#endif
