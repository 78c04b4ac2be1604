/* SPDX-License-Identifier: MIT */
/*
 * A queue without a limit would grow as long as a sample lasts if its producers
 * are the faster ones.  So they may be ahead by BENCH_WINDOW items and no more:
 * a producer takes leave for BENCH_WINDOW_STEP items at a time, a consumer
 * gives it back after so many gets, and once none is left, all producers that
 * come sleep until half of the window is free again.  That is a lock and a
 * count per 1000 items and at most a sleep per 50 000, the same for every queue.
 *
 * Each consumer may hold back what it has not counted up to a step, so there
 * must be fewer of them than steps in half a window.
 *
 * NULL is a window without end.  C and C++.
 */
#ifndef BENCH_WINDOW_H
#define BENCH_WINDOW_H

#ifdef __cplusplus
extern "C" {
#endif

enum {
	BENCH_WINDOW = 100000,
	BENCH_WINDOW_STEP = 1000,
};

struct bench_window;

/* NULL when there is no memory. */
struct bench_window *bench_window_create(void);
void bench_window_destroy(struct bench_window *window);

void bench_window_take(struct bench_window *window);
void bench_window_give(struct bench_window *window);

#ifdef __cplusplus
}
#endif

#endif /* BENCH_WINDOW_H */
