/* SPDX-License-Identifier: MIT */
/*
 * coqueue-stress --linearize: instead of load, histories.  Short games of a few
 * threads, every call recorded with the instants around it, and each game
 * checked for an order (linearize.h).
 */
#ifndef STRESS_LINEARIZE_H
#define STRESS_LINEARIZE_H

#include "stress_round.h"

#define PLAYERS_MAX 8
#define LINEARIZE_ITEM_MAX 8192 /* bytes */

/* For tables and reports; it has no plan and no conduct. */
extern const struct scenario linearize_scenario;

/* Play until the time or the number of histories is used up, one has no order
 * or a signal has come.  0, or an errno value: could not start. */
int linearize_run(struct round *r, uint64_t end_ns, struct result *result);

/* What the thread of a player does. */
void linearize_play(struct actor *a);

#endif /* STRESS_LINEARIZE_H */
