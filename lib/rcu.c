/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fork.  A child that was forked while some thread was in a read-side section
 * would wait for that reader for ever, in its first grace period; liburcu's
 * hooks forget the readers that the child does not have.
 */
#include "config.h"

#include <errno.h>

#include "rcu.h"
#include "sync.h"

#if PORT_TSAN
char rcu_grace_edge;
#endif

void rcu_register(void)
{
	int saved = errno;

	urcu_bp_read_lock();
	urcu_bp_read_unlock();
	errno = saved;
}

static int hook_error;

/*
 * When the library is loaded: a lock or a pthread_once that guards this later
 * could be held by another thread at the moment of a fork.
 */
static __attribute__((constructor)) void hook_fork(void)
{
	hook_error =
		pthread_atfork(urcu_bp_before_fork, urcu_bp_after_fork_parent,
			       urcu_bp_after_fork_child);
}

int rcu_prepare(void)
{
	return hook_error;
}
