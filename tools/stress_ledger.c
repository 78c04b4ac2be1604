/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include "stress_ledger.h"

int ledger_init(struct ledger *l, unsigned producers, uint32_t limit)
{
	l->producers = producers;
	l->limit = limit;
	l->ticked = calloc((size_t)producers * (limit / 64), sizeof(uint64_t));
	l->end = calloc(producers, sizeof(*l->end));
	if (l->ticked && l->end)
		return 0;
	ledger_free(l);
	return ENOMEM;
}

void ledger_free(struct ledger *l)
{
	free(l->ticked);
	free(l->end);
	l->ticked = NULL;
	l->end = NULL;
}

static uint64_t *ledger_word(const struct ledger *l, unsigned producer,
			     uint32_t word)
{
	return l->ticked + (size_t)producer * (l->limit / 64) + word;
}

static uint32_t first_bit(uint32_t word, uint64_t bits)
{
	return word * 64 + (uint32_t)__builtin_ctzll(bits);
}

/* Which of the 64 items of a word a producer of `accepted` items has put. */
static uint64_t expected_bits(uint32_t word, uint32_t accepted)
{
	if ((uint64_t)accepted >= (uint64_t)(word + 1) * 64)
		return ~UINT64_C(0);
	if (accepted <= word * 64)
		return 0;
	return (UINT64_C(1) << accepted % 64) - 1;
}

static void count_bits(uint64_t bits, uint32_t word, uint64_t *total,
		       uint32_t *first)
{
	if (!bits)
		return;
	if (!*total)
		*first = first_bit(word, bits);
	*total += (uint64_t)__builtin_popcountll(bits);
}

static void find_holders(struct ledger *const *ledgers, unsigned n,
			 unsigned producer, struct ledger_finding *out)
{
	uint32_t item = out->first_doubled;
	unsigned found = 0;

	for (unsigned i = 0; i < n && found < 2; i++)
		if (ledgers[i]->ticked && item < ledgers[i]->end[producer] &&
		    *ledger_word(ledgers[i], producer, item / 64) >> item % 64 &
			    1)
			out->doubled_by[found++] = i;
}

static void settle_word(struct ledger *const *ledgers, unsigned n,
			unsigned producer, uint32_t word, uint32_t accepted,
			struct ledger_finding *out)
{
	uint64_t seen = 0, twice = 0, expected = expected_bits(word, accepted);
	uint64_t doubled = out->doubled;

	for (unsigned i = 0; i < n; i++) {
		uint64_t bits;

		if (!ledgers[i]->ticked ||
		    word * 64 >= ledgers[i]->end[producer])
			continue;
		bits = *ledger_word(ledgers[i], producer, word);
		twice |= seen & bits;
		seen |= bits;
	}
	count_bits(expected & ~seen, word, &out->lost, &out->first_lost);
	count_bits(seen & ~expected, word, &out->foreign, &out->first_foreign);
	count_bits(twice, word, &out->doubled, &out->first_doubled);
	if (!doubled && out->doubled)
		find_holders(ledgers, n, producer, out);
}

void ledger_settle(struct ledger *const *ledgers, unsigned n, unsigned producer,
		   uint32_t accepted, struct ledger_finding *out)
{
	uint32_t end = accepted;

	*out = (struct ledger_finding){0};
	for (unsigned i = 0; i < n; i++)
		if (ledgers[i]->ticked && ledgers[i]->end[producer] > end)
			end = ledgers[i]->end[producer];
	for (uint32_t word = 0; word * 64 < end; word++)
		settle_word(ledgers, n, producer, word, accepted, out);
	for (unsigned i = 0; i < n; i++) {
		if (!ledgers[i]->ticked)
			continue;
		memset(ledger_word(ledgers[i], producer, 0), 0,
		       (ledgers[i]->end[producer] + 63) / 64 * 8);
		ledgers[i]->end[producer] = 0;
	}
}
