/* SPDX-License-Identifier: MIT */
/* Processes that are busy while something is measured. */
#ifndef BENCH_HOGS_H
#define BENCH_HOGS_H

#include <stdbool.h>

/* Until this process ends.  0 or an errno value. */
int bench_start_hogs(unsigned int n, bool pin);

#endif /* BENCH_HOGS_H */
