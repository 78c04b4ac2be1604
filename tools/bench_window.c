/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_window.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct bench_window {
	pthread_mutex_t lock;
	pthread_cond_t opened;
	/* under lock */
	unsigned int free; /* items */
	bool closed;
};

struct bench_window *bench_window_create(void)
{
	struct bench_window *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->opened, NULL);
	w->free = BENCH_WINDOW;
	return w;
}

void bench_window_destroy(struct bench_window *w)
{
	if (!w)
		return;
	pthread_cond_destroy(&w->opened);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void bench_window_take(struct bench_window *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	while (w->closed || w->free == 0) {
		w->closed = true;
		pthread_cond_wait(&w->opened, &w->lock);
	}
	w->free -= BENCH_WINDOW_STEP;
	pthread_mutex_unlock(&w->lock);
}

void bench_window_give(struct bench_window *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->free += BENCH_WINDOW_STEP;
	if (w->closed && w->free >= BENCH_WINDOW / 2) {
		w->closed = false;
		pthread_cond_broadcast(&w->opened);
	}
	pthread_mutex_unlock(&w->lock);
}
