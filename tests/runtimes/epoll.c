/* SPDX-License-Identifier: MIT */
/*
 * epoll: two threads put, an epoll loop gets.  Where it finds nothing it leaves
 * a waiter, whose wake function makes an eventfd readable.
 */
#include <coqueue/waiter.h>
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MUST(x) ((x) ? (void)0 : errx(1, "line %d: %s", __LINE__, #x))
#define ITEMS 10000L
COQUEUE_DEFINE_TYPED(numbers, long)
static coqueue_t *queue;

static void *work(void *first)
{
	for (long n = (intptr_t)first; n < ITEMS; n += 2)
		MUST(numbers_put(queue, &n) == 0);
	MUST(coqueue_release(queue, COQUEUE_PUT) == 0);
	return NULL;
}

int main(void)
{
	int result, loop = epoll_create1(0), fd = eventfd(0, EFD_NONBLOCK);
	coqueue_waiter_t getter =
		COQUEUE_WAITER_INIT(coqueue_wake_eventfd, (void *)(intptr_t)fd);
	struct epoll_event event = {.events = EPOLLIN};
	long n, count = 0, sum = 0, next[2] = {0, 1};
	pthread_t threads[2];
	eventfd_t wakes;

	MUST(epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) == 0);
	MUST(numbers_create(&queue, 8, NULL) == 0);
	for (int i = 0; i < 2; i++) /* the last to release it shuts it down */
		MUST(coqueue_hold(queue, COQUEUE_PUT) == 0);
	for (intptr_t i = 0; i < 2; i++)
		MUST(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
	while ((result = coqueue_get_arm(queue, &n, &getter)) != ESHUTDOWN) {
		if (result == EINPROGRESS) {
			MUST(epoll_wait(loop, &event, 1, -1) == 1);
			MUST(eventfd_read(fd, &wakes) == 0);
			continue;
		}
		MUST(result == 0 && n == next[n % 2]); /* each one's in order */
		next[n % 2] += 2, count++, sum += n;
	}
	coqueue_disarm(&getter); /* from here on nobody writes to fd */
	MUST(close(fd) == 0 && close(loop) == 0);
	MUST(!pthread_join(threads[0], NULL) &&
	     !pthread_join(threads[1], NULL));
	MUST(count == ITEMS && sum == ITEMS * (ITEMS - 1) / 2);
	MUST(coqueue_destroy(queue) == 0);
	return printf("epoll: %ld items, shut down\n", count) < 0;
}
