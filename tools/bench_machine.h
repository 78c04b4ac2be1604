/* SPDX-License-Identifier: MIT */
/* Where and when was measured. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <sched.h>
#include <sys/utsname.h>

struct bench_machine {
	long cores;
	char model[128];
	struct utsname uts;
	char date[32]; /* 2026-11-29T12:00:00Z */
};

void bench_read_machine(struct bench_machine *machine);

/* The core of thread i: i modulo their number, of those we may use.  0 or an errno
 * value. */
int bench_core(unsigned int i, cpu_set_t *core);

#endif /* BENCH_MACHINE_H */
