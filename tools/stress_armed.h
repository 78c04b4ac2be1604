/* SPDX-License-Identifier: MIT */
/*
 * Calls of who never blocks: it arms a waiter, goes on with something else, and
 * tries again when the waiter's wake function has run, as an event loop does.
 * The loop is a fiber's, so that the rest of a worker is the same for all.
 */
#ifndef STRESS_ARMED_H
#define STRESS_ARMED_H

#include "stress_call.h"

/* Whether there is an arming form of this call; not of those that do not wait,
 * or that move many. */
bool armed_can(const struct call *c);

/* The same as call_perform(), in a fiber. */
int armed_perform(struct actor *a, const struct call *c);

#endif /* STRESS_ARMED_H */
