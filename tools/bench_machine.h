/* SPDX-License-Identifier: MIT */
/* Where and when was measured. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <sys/utsname.h>

struct bench_machine {
	long cores;
	char model[128];
	struct utsname uts;
	char date[32]; /* 2026-11-29T12:00:00Z */
};

void bench_read_machine(struct bench_machine *machine);

#endif /* BENCH_MACHINE_H */
