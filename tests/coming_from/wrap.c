/* SPDX-License-Identifier: MIT */
/* What a fragment of C in man/coqueue_coming_from.7 leaves out. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

static atomic_long sum;

static void add(long n)
{
	sum += n;
}

static void *thread_main(void *body)
{
	(*(void (**)(void))body)();
	return NULL;
}

static void run(void (*a)(void), void (*b)(void), void (*c)(void))
{
	void (*bodies[])(void) = {a, b, c};
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, thread_main, &bodies[i]);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	printf("%ld\n", (long)sum);
}

FRAGMENT
