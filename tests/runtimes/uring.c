/* SPDX-License-Identifier: MIT */
/*
 * uring: two threads get what an io_uring loop puts.  While the queue is full,
 * a read of the waiter's eventfd is among the requests of the ring.
 */
#include <coqueue/waiter.h>
#include <err.h>
#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>

#define MUST(x) ((x) ? (void)0 : errx(1, "line %d: %s", __LINE__, #x))
#define ITEMS 10000L
COQUEUE_DEFINE_TYPED(numbers, long)
static coqueue_t *queue;
static _Atomic long count, sum;

static void *work(void *unused)
{
	for (long n, last = -1; !numbers_get(queue, &n); last = n, count++) {
		MUST(n > last);
		sum += n;
	}
	return unused;
}

int main(void)
{
	int result, fd = eventfd(0, 0); /* one that blocks: a read is queued */
	coqueue_waiter_t putter =
		COQUEUE_WAITER_INIT(coqueue_wake_eventfd, (void *)(intptr_t)fd);
	struct io_uring ring;
	struct io_uring_cqe *done;
	pthread_t a, b;
	eventfd_t wakes;

	if ((errno = -io_uring_queue_init(4, &ring, 0)) != 0)
		err(77, "no io_uring"); /* 77: the test is skipped */
	MUST(numbers_create(&queue, 8, NULL) == 0);
	MUST(!pthread_create(&a, 0, work, 0) &&
	     !pthread_create(&b, 0, work, 0));
	for (long n = 0; n < ITEMS; n += !result) {
		if ((result = coqueue_put_arm(queue, &n, &putter)) == 0)
			continue;
		MUST(result == EINPROGRESS);
		io_uring_prep_read(io_uring_get_sqe(&ring), fd, &wakes, 8, 0);
		MUST(io_uring_submit_and_wait(&ring, 1) == 1);
		MUST(io_uring_peek_cqe(&ring, &done) == 0 && done->res == 8);
		io_uring_cqe_seen(&ring, done);
	}
	MUST(coqueue_shutdown(queue, COQUEUE_GRACEFUL) == 0);
	coqueue_disarm(&putter); /* from here on nobody writes to fd */
	io_uring_queue_exit(&ring);
	pthread_join(a, NULL), pthread_join(b, NULL);
	MUST(count == ITEMS && sum == ITEMS * (ITEMS - 1) / 2);
	MUST(coqueue_destroy(queue) == 0);
	return printf("uring: %ld items, shut down\n", count) < 0;
}
