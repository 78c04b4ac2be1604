/* SPDX-License-Identifier: MIT */
/* The hooks for threads of GNU Pth.  Each waits for an eventfd of its own, since
 * other threads of the system must not call Pth. */
#pragma once
#include <coqueue/waiter.h>
#include <errno.h>
#include <pth.h>
#include <sys/eventfd.h>
#include <unistd.h>

static pth_key_t park_fds;

static void park_close(void *fd)
{
	close((int)(intptr_t)fd);
}

static void *park_self(void *unused)
{
	void *fd = pth_key_getdata(park_fds);

	if (!fd)
		pth_key_setdata(park_fds, fd = (void *)(intptr_t)eventfd(0, 0));
	return (intptr_t)fd > 0 ? fd : NULL;
}

static int park_park(void *unused, void *fd, const struct timespec *deadline)
{
	pth_event_t timeout = NULL;
	struct timespec now;
	eventfd_t wakes;
	ssize_t got;
	long us;

	if (deadline) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		us = (deadline->tv_sec - now.tv_sec) * 1000000 +
		     (deadline->tv_nsec - now.tv_nsec) / 1000 + 1;
		timeout = pth_event(PTH_EVENT_TIME,
				    pth_timeout(us / 1000000, us % 1000000));
	}
	got = pth_read_ev((int)(intptr_t)fd, &wakes, sizeof(wakes), timeout);
	pth_event_free(timeout, PTH_FREE_THIS);
	return got < 0 ? ETIMEDOUT : 0;
}

static void park_unpark(void *unused, void *fd)
{
	eventfd_write((int)(intptr_t)fd, 1);
}

/* Once, in the thread that has called pth_init(). */
static inline int park_init(void)
{
	static const coqueue_scheduler_t hooks = {sizeof(hooks), park_self,
						  park_park, park_unpark, NULL};

	pth_key_create(&park_fds, park_close);
	return coqueue_set_scheduler(&hooks);
}
