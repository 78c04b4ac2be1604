/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Deadlines: absolute times of CLOCK_MONOTONIC.
 */
#ifndef COQUEUE_CLOCK_H
#define COQUEUE_CLOCK_H

#include <stdbool.h>
#include <time.h>

/* NULL and COQUEUE_NOWAIT are valid too. */
bool deadline_is_valid(const struct timespec *deadline);

/* NULL when the clock will never get there, so that no wait overflows. */
const struct timespec *deadline_saturate(const struct timespec *deadline);

/* Never for NULL. */
bool deadline_has_passed(const struct timespec *deadline);

#endif
