/* SPDX-License-Identifier: MIT */
/*
 * Who saw which items.  Each thread that takes items out of a queue ticks
 * them off in a ledger of its own (one bit per item, no sharing); when the
 * round is over, the ledgers are laid on top of each other and compared with
 * what the producers know they have put.
 */
#ifndef STRESS_LEDGER_H
#define STRESS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "stress_item.h"

struct ledger {
	unsigned producers;
	uint32_t limit;   /* items per producer, a multiple of 64 */
	uint64_t *ticked; /* [producers][limit / 64] */
	uint32_t *end;    /* [producers]: one beyond the highest ticked */
};

/* 0 or ENOMEM; the memory is taken from the system as it is used. */
int ledger_init(struct ledger *l, unsigned producers, uint32_t limit);
void ledger_free(struct ledger *l);

/* The item must be within the ledger.  False: it was ticked before. */
static inline bool ledger_tick(struct ledger *l, struct item item)
{
	uint64_t *word = l->ticked + (size_t)item.producer * (l->limit / 64) +
			 item.number / 64;
	uint64_t bit = UINT64_C(1) << item.number % 64;
	bool fresh = !(*word & bit);

	*word |= bit;
	if (item.number >= l->end[item.producer])
		l->end[item.producer] = item.number + 1;
	return fresh;
}

/* What is wrong with the items of one producer, and the first of each kind. */
struct ledger_finding {
	uint64_t lost, doubled, foreign;
	uint32_t first_lost, first_doubled, first_foreign;
	unsigned doubled_by[2]; /* the ledgers that both have first_doubled */
};

/*
 * Compare: of this producer's items, 0 ... accepted-1 must each be in exactly
 * one ledger, and no other in any.  Wipes that producer's part of the ledgers.
 * A ledger without memory is empty.
 */
void ledger_settle(struct ledger *const *ledgers, unsigned n, unsigned producer,
		   uint32_t accepted, struct ledger_finding *out);

#endif /* STRESS_LEDGER_H */
