/* SPDX-License-Identifier: MIT */
/*
 * Callers of a scenario that do not block a thread: nodes and event loops,
 * coroutines, and selects.
 */
#ifndef EXPLORE_WAITER_H
#define EXPLORE_WAITER_H

#include <coqueue/waiter.h>

#include "explore_scenario.h"

/* Of the running thread: the calls of story_call(). */
int waiter_arm(struct record *r);
int waiter_loop(struct record *r);
int waiter_disarm(struct record *r);
int waiter_select(struct record *r);

/* The caller that runs is a coroutine, if the scenario says so, until the end. */
void coroutine_begin(void);
void coroutine_end(void);

/* A schedule begins; or ends: event loops leave, nothing stays armed. */
void waiters_begin(void);
void waiters_end(void);

/* What a caller's node waits for: its call, or NULL when it is not armed; and
 * whether it was woken, and owes another try. */
const struct record *waiter_is_armed(int caller, bool *woken);

/* The cases of a select that are there, up to BULK. */
size_t select_n_cases(const struct step *step);
int select_queue(const struct step *step, size_t i);
enum coqueue_side select_side(const struct step *step, size_t i);

#endif
