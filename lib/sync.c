/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The heavy side of the asymmetric fence (sync.h): membarrier(2), which makes
 * every running thread of the process execute a full fence before it returns.
 * Where the system has no such call, both sides are full fences.
 *
 * Source: the idea is liburcu's, whose readers pay nothing by it either.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#if __has_include(<linux/membarrier.h>)
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>
#define HAVE_MEMBARRIER !PORT_TSAN
#else
#define HAVE_MEMBARRIER 0
#endif

#include "sync.h"

#if HAVE_MEMBARRIER

bool sync_is_asymmetric;

static long membarrier(int command)
{
	int saved = errno;
	long result = syscall(SYS_membarrier, command, 0, 0);

	errno = saved;
	return result;
}

/* When the library is loaded: nobody has used a light fence yet.  A child that
 * is forked inherits it. */
static __attribute__((constructor)) void register_membarrier(void)
{
	sync_is_asymmetric =
		membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
}

void sync_fence_heavy(void)
{
	sync_fence();
	if (sync_is_asymmetric &&
	    membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0)
		abort(); /* taken away since: wake-ups would be lost */
}

#else

void sync_fence_heavy(void)
{
	sync_fence();
}

#endif
