/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The part of the seam that names liburcu (flavour "bulletproof": threads need
 * not register).  Grace periods are process-wide: they wait for read-side
 * sections of the application in the same flavour, too.
 *
 * Readers are inlined, and reach their thread's word in one instruction
 * (-ftls-model=initial-exec): a section costs 2 ns where calls through the
 * shared object cost 14.
 *
 * What the library builds on the grace period [rcu.grace]: a section that
 * began before rcu_wait_readers() has ended when that returns, and what it did
 * happens-before the return; a section that it did not wait for sees all that
 * was written before the call.
 */
#ifndef COQUEUE_RCU_H
#define COQUEUE_RCU_H

#ifdef COQUEUE_SEAM
#include COQUEUE_SEAM
#else

#include <stdbool.h>

#include "port.h"

#if RCU_INLINE_READERS
#define _LGPL_SOURCE
#endif
#define URCU_API_MAP
#include <urcu/urcu-bp.h>
#include <urcu/static/urcu-bp.h>

/* ThreadSanitizer cannot see an order that rests on a grace period alone. */
#if PORT_TSAN
#include <sanitizer/tsan_interface.h>
extern char rcu_grace_edge;
#define rcu_tell_leave() __tsan_release(&rcu_grace_edge)
#define rcu_tell_grace() __tsan_acquire(&rcu_grace_edge)
#else
#define rcu_tell_leave() ((void)0)
#define rcu_tell_grace() ((void)0)
#endif

/* Whether liburcu knows the thread: it does after its first section. */
hot_inline bool rcu_reader_known(void)
{
	return URCU_TLS(urcu_bp_reader) != NULL;
}

/* Registering may fail to extend a mapping before it makes another: errno. */
void rcu_register(void);

hot_inline void rcu_reader_enter(void)
{
	if (unlikely(!rcu_reader_known()))
		rcu_register();
	urcu_bp_read_lock();
}

hot_inline void rcu_reader_leave(void)
{
	rcu_tell_leave();
	urcu_bp_read_unlock();
}

/* Whether the calling thread is in a section, its own or the application's. */
static inline bool rcu_reader_inside(void)
{
	return rcu_reader_known() && urcu_bp_read_ongoing();
}

/* Wait for a grace period: with no lock held, outside any section. */
static inline void rcu_wait_readers(void)
{
	urcu_bp_synchronize_rcu();
	rcu_tell_grace();
}

#endif /* COQUEUE_SEAM */

/* Whether queues can be made in this process: 0 or ENOMEM. */
int rcu_prepare(void);

#endif
