/* SPDX-License-Identifier: MIT */
/*
 * Several queues, put to and got from by coqueue_select() alone, by threads and
 * coroutines.  The accounts are kept by queue: an item says which one it was put
 * into (each producer is a source for each queue), and so does who got it.
 */
#ifndef STRESS_SELECT_H
#define STRESS_SELECT_H

#include "stress_round.h"

/* Of each side, at most, however many there are: each needs a ledger. */
#define SELECTERS_MAX 64

/* Before memory is made: what items of several queues need. */
void select_count(struct round *r);

/* The queues of a round are made; are shut down, when it cannot start; have
 * been left by all: they are judged and destroyed. */
int select_open(struct round *r);
void select_shut_all(struct round *r);
void select_close(struct round *r);

/* What a worker does. */
void select_work(struct actor *a);

/* How the conductor brings a round to its end. */
void select_conduct(struct round *r);

#endif /* STRESS_SELECT_H */
