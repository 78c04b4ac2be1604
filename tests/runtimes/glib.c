/* SPDX-License-Identifier: MIT */
/*
 * glib: a source of GLib's main loop puts an item each time it is dispatched,
 * and sleeps while the queue is full; a thread gets.
 */
#include <coqueue/waiter.h>
#include <err.h>
#include <errno.h>
#include <glib.h>

#define MUST(x) ((x) ? (void)0 : errx(1, "line %d: %s", __LINE__, #x))
#define ITEMS 10000L
COQUEUE_DEFINE_TYPED(numbers, long)
static coqueue_t *queue;
static coqueue_waiter_t putter;

static void wake(coqueue_waiter_t *w)
{
	g_source_set_ready_time(w->data, 0);
}

static gboolean dispatch(GSource *source, GSourceFunc unused, gpointer next)
{
	int result;

	g_source_set_ready_time(source, -1); /* first, or a wake is undone */
	if ((result = coqueue_put_arm(queue, next, &putter)) == EINPROGRESS)
		return G_SOURCE_CONTINUE;
	MUST(result == 0);
	g_source_set_ready_time(source, 0);
	return ++*(long *)next < ITEMS ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static gpointer work(gpointer count)
{
	for (long n; numbers_get(queue, &n) == 0; ++*(long *)count)
		MUST(n == *(long *)count);
	return NULL;
}

int main(void)
{
	GSourceFuncs funcs = {.dispatch = dispatch};
	GSource *source = g_source_new(&funcs, sizeof(GSource));
	long next = 0, count = 0;
	GThread *thread;

	putter = (coqueue_waiter_t)COQUEUE_WAITER_INIT(wake, source);
	MUST(numbers_create(&queue, 8, NULL) == 0);
	g_source_set_callback(source, NULL, &next, NULL); /* no function */
	g_source_set_ready_time(source, 0), g_source_attach(source, NULL);
	thread = g_thread_new(NULL, work, &count);
	while (next < ITEMS)
		g_main_context_iteration(NULL, TRUE);
	MUST(coqueue_shutdown(queue, COQUEUE_GRACEFUL) == 0);
	coqueue_disarm(&putter); /* from here on nobody wakes the source */
	g_source_unref(source), g_thread_join(thread);
	MUST(count == ITEMS && coqueue_destroy(queue) == 0);
	g_print("glib: %ld items, shut down\n", count);
}
