/* SPDX-License-Identifier: MIT */
/*
 * fiber: three fibers of Boost.Fiber pass on what one thread puts and another
 * gets.  By fiber_park.h the plain blocking calls let other fibers run.
 */
#include "fiber_park.h"
#include <cstdio>
#include <err.h>
#include <thread>

#define MUST(x) ((x) ? (void)0 : errx(1, "line %d: %s", __LINE__, #x))
#define ITEMS 10000L
COQUEUE_DEFINE_TYPED(numbers, long)
static coqueue_t *in, *out;

static void pass()
{
	for (long n, last = -1; numbers_get(in, &n) == 0; last = n)
		MUST(n > last && numbers_put(out, &n) == 0);
	MUST(coqueue_release(out, COQUEUE_PUT) == 0);
}

static void produce()
{
	for (long n = 0; n < ITEMS; n++)
		MUST(numbers_put(in, &n) == 0);
	MUST(coqueue_shutdown(in, COQUEUE_GRACEFUL) == 0);
}

static void consume(long *count, long *sum)
{
	for (long n; numbers_get(out, &n) == 0; ++*count)
		*sum += n;
}

int main()
{
	long n, count = 0, sum = 0;
	timespec soon;

	MUST(coqueue_set_scheduler(&fiber_hooks) == 0);
	MUST(!numbers_create(&in, 4, NULL) && !numbers_create(&out, 4, NULL));
	coqueue_deadline(&soon, 1000000); // this parks the fiber of main()
	MUST(numbers_get_until(in, &n, &soon) == ETIMEDOUT);
	for (int i = 0; i < 3; i++) // the last to release it shuts it down
		MUST(coqueue_hold(out, COQUEUE_PUT) == 0);
	boost::fibers::fiber a(pass), b(pass), c(pass);
	std::thread producer(produce), consumer(consume, &count, &sum);
	a.join(), b.join(), c.join();
	producer.join(), consumer.join();
	MUST(count == ITEMS && sum == ITEMS * (ITEMS - 1) / 2);
	MUST(!coqueue_destroy(in) && !coqueue_destroy(out));
	return printf("fiber: %ld items, shut down\n", count) < 0;
}
