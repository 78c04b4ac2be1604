/* SPDX-License-Identifier: MIT */
/*
 * The smallest program that uses the installed library in earnest; installed.sh
 * builds it, as C and as C++.  It prints the line that went wrong and
 * returns 1.
 */
#include <coqueue.h>
#include <coqueue/waiter.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

COQUEUE_DEFINE_TYPED(numbers, long)

#define MUST(condition)                                                        \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "line %d: %s\n", __LINE__,             \
				#condition);                                   \
			return 1;                                              \
		}                                                              \
	} while (0)

static long total;

/* Add up until the queue is shut down and empty. */
static void *consume(void *arg)
{
	coqueue_t *q = (coqueue_t *)arg;
	long number;
	int err;

	while ((err = numbers_get(q, &number)) == 0)
		total += number;
	return err == ESHUTDOWN ? NULL : arg;
}

int main(void)
{
	pthread_t consumer;
	void *failed;
	coqueue_t *q;
	char version[40];
	long number = 7;

	snprintf(version, sizeof(version), "%d.%d.%d", COQUEUE_VERSION_MAJOR,
		 COQUEUE_VERSION_MINOR, COQUEUE_VERSION_PATCH);
	MUST(strcmp(version, coqueue_version()) == 0);

	/* COQUEUE_NOWAIT is told by its address, which a program that is not
	 * position independent has moved into its own data; taken for an
	 * ordinary time in the past it would give ETIMEDOUT. */
	MUST(numbers_create(&q, 2, NULL) == 0);
	MUST(coqueue_get_until(q, &number, COQUEUE_NOWAIT) == EAGAIN);

	MUST(pthread_create(&consumer, NULL, consume, q) == 0);
	for (number = 1; number <= 1000; number++)
		MUST(numbers_put(q, &number) == 0);
	MUST(coqueue_shutdown(q, COQUEUE_GRACEFUL) == 0);
	MUST(pthread_join(consumer, &failed) == 0);
	MUST(!failed);
	MUST(total == 1000 * 1001 / 2);
	MUST(coqueue_destroy(q) == 0);
	return 0;
}
