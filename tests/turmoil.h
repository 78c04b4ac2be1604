/* SPDX-License-Identifier: MIT */
/*
 * A queue under every kind of call at once, each item accounted for, while a
 * test does something unkind to one of the callers or to all of them.
 *
 * Putters number their items.  What was accepted and what was received is
 * counted and summed up by both sides, by a hash of each item, so that it shows
 * when one is lost, doubled or made up (G4); each getter sees the items of a
 * putter in order (G6), but of a LIFO; each call must return what it may in its
 * situation; and in the end nobody waits in vain, without a shutdown that would
 * wake them.
 */
#ifndef TURMOIL_H
#define TURMOIL_H

#include "crew.h"

/* Two putters, two who get and peek, one who joins and looks at statistics. */
enum { TURMOIL_HANDS = 5 };

struct turmoil;

struct turmoil *turmoil_start(const struct kind *kind);
struct crew *turmoil_crew(struct turmoil *t);

/* Let some calls end, up to so many; fails when they do not. */
void turmoil_go_on(struct turmoil *t, unsigned calls_max);

/* Stop any one of them: whether the others get on, or (false) sleep. */
bool turmoil_gets_on_without_one(struct turmoil *t);

/* A random number below the limit. */
unsigned turmoil_choose(struct turmoil *t, unsigned limit);

/* Cancel a hand in one of its calls; another thread takes its place. */
void turmoil_cancel(struct turmoil *t, unsigned hand);

/* Let all come to an end, check the accounts and the queue, free everything. */
void turmoil_end(struct turmoil *t);

/* A test: that often, spread over all kinds of queues, be unkind. */
void turmoil_suffer(unsigned times, void unkind(struct turmoil *t, unsigned i));

#endif
