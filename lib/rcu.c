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

int rcu_prepare(void)
{
	static struct sync_mutex lock = SYNC_MUTEX_INIT;
	static bool hooked;
	int err = 0;

	sync_lock(&lock);
	if (!hooked)
		err = pthread_atfork(urcu_bp_before_fork,
				     urcu_bp_after_fork_parent,
				     urcu_bp_after_fork_child);
	hooked = !err;
	sync_unlock(&lock);
	return err;
}
