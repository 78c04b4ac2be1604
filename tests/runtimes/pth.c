/* SPDX-License-Identifier: MIT */
/*
 * pth: three threads of GNU Pth, which are one to the system, get what a thread
 * of the system puts.  pth_park.h is what lets one run while another waits.
 */
#include "pth_park.h"
#include <err.h>
#include <pthread.h>
#include <stdio.h>

#define MUST(x) ((x) ? (void)0 : errx(1, "line %d: %s", __LINE__, #x))
#define ITEMS 10000L
COQUEUE_DEFINE_TYPED(numbers, long)
static long count, sum;

static void *work(void *queue)
{
	for (long n, last = -1; !numbers_get(queue, &n); last = n, count++) {
		MUST(n > last);
		sum += n;
	}
	return queue;
}

static void *produce(void *queue)
{
	for (long n = 0; n < ITEMS; n++)
		MUST(numbers_put(queue, &n) == 0);
	coqueue_shutdown(queue, COQUEUE_GRACEFUL);
	return queue;
}

int main(void)
{
	coqueue_t *queue;
	pth_t threads[3];
	pthread_t producer;
	struct timespec soon;
	long n;

	MUST(pth_init() && park_init() == 0);
	MUST(numbers_create(&queue, 8, NULL) == 0);
	coqueue_deadline(&soon, 1000000); /* main() is one, too */
	MUST(numbers_get_until(queue, &n, &soon) == ETIMEDOUT);
	for (int i = 0; i < 3; i++)
		threads[i] = pth_spawn(PTH_ATTR_DEFAULT, work, queue);
	MUST(pthread_create(&producer, NULL, produce, queue) == 0);
	for (int i = 0; i < 3; i++)
		MUST(pth_join(threads[i], NULL));
	MUST(pthread_join(producer, NULL) == 0);
	MUST(count == ITEMS && sum == ITEMS * (ITEMS - 1) / 2);
	MUST(coqueue_destroy(queue) == 0);
	return printf("pth: %ld items, shut down\n", count) < 0;
}
