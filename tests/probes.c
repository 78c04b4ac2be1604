/* SPDX-License-Identifier: MIT */
/* Reaches each static probe; tests/probes.sh counts. */
#include <coqueue/waiter.h>
#include <stddef.h>

static void wake(coqueue_waiter_t *w)
{
	(void)w;
}

int main(void)
{
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;
	coqueue_waiter_t waiter = {.wake = wake};
	coqueue_t *q;
	int item = 0;

	attr.item_size = sizeof(item);
	if (coqueue_create(&q, 5, &attr))
		return 1;
	coqueue_get_arm(q, &item, &waiter);
	for (int i = 0; i < 4; i++)
		coqueue_put(q, &item);
	coqueue_get_arm(q, &item, &waiter);
	coqueue_shutdown(q, COQUEUE_IMMEDIATE);
	return coqueue_destroy(q);
}
