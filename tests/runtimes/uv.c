/* SPDX-License-Identifier: MIT */
/*
 * uv: a libuv loop gives numbers to a thread and gets them back, through two
 * small queues, neither of which ever blocks it.
 */
#include <coqueue/waiter.h>
#include <err.h>
#include <uv.h>

#define MUST(x) ((x) ? (void)0 : errx(1, "line %d: %s", __LINE__, #x))
#define ITEMS 10000L
COQUEUE_DEFINE_TYPED(numbers, long)
static coqueue_t *there, *back;
static coqueue_waiter_t putter, getter;
static long given, count;

static void wake(coqueue_waiter_t *w)
{
	uv_async_send(w->data);
}

static void go_on(uv_async_t *async)
{
	int result;

	while (given < ITEMS && !coqueue_put_arm(there, &given, &putter))
		given++;
	if (given == ITEMS)
		coqueue_shutdown(there, COQUEUE_GRACEFUL);
	for (long n; !(result = coqueue_get_arm(back, &n, &getter)); count++)
		MUST(n == count);
	if (result == EINPROGRESS)
		return;
	MUST(result == ESHUTDOWN && count == ITEMS);
	coqueue_disarm(&putter), coqueue_disarm(&getter); /* no more sends */
	uv_close((uv_handle_t *)async, NULL);
}

static void work(void *unused)
{
	for (long n; numbers_get(there, &n) == 0;)
		MUST(numbers_put(back, &n) == 0);
	coqueue_shutdown(back, COQUEUE_GRACEFUL);
}

int main(void)
{
	uv_async_t async;
	uv_thread_t thread;

	putter = getter = (coqueue_waiter_t)COQUEUE_WAITER_INIT(wake, &async);
	MUST(uv_async_init(uv_default_loop(), &async, go_on) == 0);
	MUST(!numbers_create(&there, 8, NULL) && !numbers_create(&back, 8, 0));
	MUST(uv_thread_create(&thread, work, NULL) == 0);
	go_on(&async);
	MUST(uv_run(uv_default_loop(), UV_RUN_DEFAULT) == 0);
	MUST(uv_thread_join(&thread) == 0);
	MUST(!coqueue_destroy(there) && !coqueue_destroy(back));
	return printf("uv: %ld items, shut down\n", count) < 0;
}
