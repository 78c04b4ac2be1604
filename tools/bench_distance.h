/* SPDX-License-Identifier: MIT */
/*
 * How far two cores are from each other.  Whatever is passed from thread to thread
 * takes some such ways; those who sleep take them unseen.  On a virtual machine the
 * distance changes while it runs.
 */
#ifndef BENCH_DISTANCE_H
#define BENCH_DISTANCE_H

#include <stdbool.h>

/* Nanoseconds for a cache line from the core of thread 0 to that of thread 1 and
 * back; 0 where both are one core, or they have been too busy to tell. */
double bench_distance(void);

/* Whether there are two. */
bool bench_has_distance(void);

#endif /* BENCH_DISTANCE_H */
