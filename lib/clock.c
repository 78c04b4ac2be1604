/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Deadlines: checking, comparing and making them.  COQUEUE_NOWAIT is told by
 * its address before any of this runs; as a time it would be long past.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>

#include <coqueue.h>

#include "clock.h"

#define NSEC_PER_SEC 1000000000L

/* Seconds no monotonic clock reaches (200 years), far from overflow; also of 64
 * bits of nanoseconds, as which schedulers may take a deadline. */
#define FOR_EVER_SEC ((int64_t)200 * 366 * 24 * 3600)

const struct timespec coqueue_nowait = {0, 0};

bool deadline_is_valid(const struct timespec *deadline)
{
	return !deadline ||
	       (deadline->tv_nsec >= 0 && deadline->tv_nsec < NSEC_PER_SEC);
}

const struct timespec *deadline_saturate(const struct timespec *deadline)
{
	return deadline && (int64_t)deadline->tv_sec >= FOR_EVER_SEC ? NULL
								     : deadline;
}

bool deadline_has_passed(const struct timespec *deadline)
{
	struct timespec now;

	if (!deadline)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > deadline->tv_sec ||
	       (now.tv_sec == deadline->tv_sec &&
		now.tv_nsec >= deadline->tv_nsec);
}

void coqueue_deadline(struct timespec *out, int64_t nanoseconds_from_now)
{
	const time_t time_max =
		(time_t)(((uint64_t)1 << (8 * sizeof(time_t) - 1)) - 1);
	int64_t sec = nanoseconds_from_now / NSEC_PER_SEC;
	long nsec = (long)(nanoseconds_from_now % NSEC_PER_SEC);
	struct timespec now;

	if (!out)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	sec += now.tv_sec; /* both far below 2^62: no overflow */
	nsec += now.tv_nsec;
	if (nsec >= NSEC_PER_SEC) {
		nsec -= NSEC_PER_SEC;
		sec++;
	} else if (nsec < 0) {
		nsec += NSEC_PER_SEC;
		sec--;
	}
	if (sec > time_max)
		sec = time_max;
	if (sec < -(int64_t)time_max)
		sec = -(int64_t)time_max;
	out->tv_sec = (time_t)sec;
	out->tv_nsec = nsec;
}
