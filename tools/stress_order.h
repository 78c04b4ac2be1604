/* SPDX-License-Identifier: MIT */
/*
 * In which order items may come, as far as one caller can tell.  Others take
 * items, too; but what it got itself, one item after the other, says:
 *
 *     FIFO      of one producer, no item comes after a later one
 *     PRIORITY  the same among those of one rank; and what was there when a
 *               get began, and ranks before what it got, comes no more
 *     LIFO      of one producer, what was there when a get began, and is newer
 *               than what it got, comes no more
 *
 * A rendezvous is a FIFO here, whatever its order: a producer's item is taken
 * before its next one is put.
 *
 * Of several queues only what holds without knowing what was there is checked:
 * FIFO, and that of one rank.
 *
 * What is there is known from the producers' counters, which follow their puts.
 */
#ifndef STRESS_ORDER_H
#define STRESS_ORDER_H

#include "stress_cargo.h"

/* Of one producer. */
struct expected {
	uint32_t lowest[ITEM_RANKS]; /* to come; of a FIFO the first alone */
	uint32_t gone_from, gone_to; /* LIFO: between these, none comes */
	uint32_t there;              /* so many are put; of the last look */
};

/* Before a call that takes items or peeks. */
void order_look(struct actor *a);

/* An item came from that call; a peek leaves it where it is. */
void order_check(struct actor *a, struct item item, unsigned rank,
		 bool is_peek);

/* That none has come yet. */
void order_forget(struct actor *a);

#endif /* STRESS_ORDER_H */
