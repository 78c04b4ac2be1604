/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_hogs.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bench_machine.h"

static void be_busy(unsigned int i, bool pin)
{
	volatile unsigned int work = 0;
	cpu_set_t core;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (pin && bench_core(i, &core) == 0)
		sched_setaffinity(0, sizeof(core), &core);
	for (;;)
		work++;
}

int bench_start_hogs(unsigned int n, bool pin)
{
	pid_t child;

	for (unsigned int i = 0; i < n; i++) {
		child = fork();
		if (child < 0)
			return errno;
		if (child == 0)
			be_busy(i, pin);
	}
	return 0;
}
