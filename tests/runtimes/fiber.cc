/* SPDX-License-Identifier: MIT */
/*
 * fiber: fibers of Boost.Fiber get what a thread puts, by plain blocking calls.
 */
#include <boost/fiber/all.hpp>
#include <coqueue/waiter.h>
#include <err.h>
#include <thread>

#define MUST(x) ((x) ? (void)0 : errx(1, "line %d: %s", __LINE__, #x))
#define ITEMS 10000L
COQUEUE_DEFINE_TYPED(numbers, long)
using namespace std::chrono;
/* Each fiber has one, to hold a token; try_push never switches to a fiber. */
using parking = boost::fibers::buffered_channel<bool>;
static boost::fibers::fiber_specific_ptr<parking> parkings;
static coqueue_t *queue;
static long count, sum;

static void *self(void *)
{
	if (!parkings.get())
		parkings.reset(new parking(2));
	return parkings.get();
}

static int park(void *, void *self, const timespec *t)
{
	auto p = static_cast<parking *>(self);
	bool token;
	auto until = t ? seconds(t->tv_sec) + nanoseconds(t->tv_nsec)
		       : nanoseconds::max();
	auto result = p->pop_wait_until(token, steady_clock::time_point(until));
	return result == decltype(result)::timeout ? ETIMEDOUT : 0;
}

static void unpark(void *, void *self)
{
	static_cast<parking *>(self)->try_push(true);
}

int main()
{
	const coqueue_scheduler_t hooks{sizeof(hooks), self, park, unpark, 0};
	MUST(!coqueue_set_scheduler(&hooks) && !numbers_create(&queue, 8, 0));
	auto work = [] {
		for (long n, last = -1; !numbers_get(queue, &n); last = n)
			MUST(n > last), count++, sum += n;
	};
	boost::fibers::fiber a(work), b(work), c(work);
	std::thread thread([] {
		for (long n = 0; n < ITEMS; n++)
			MUST(numbers_put(queue, &n) == 0);
		coqueue_shutdown(queue, COQUEUE_GRACEFUL);
	});
	a.join(), b.join(), c.join(), thread.join();
	MUST(count == ITEMS && sum == ITEMS * (ITEMS - 1) / 2);
	MUST(coqueue_destroy(queue) == 0);
	return printf("fiber: %ld items, shut down\n", count) < 0;
}
