/* SPDX-License-Identifier: MIT */
/*
 * What the items are.  The first eight bytes name the item; a larger item
 * carries on with a pattern computed from them, so that a torn, stale or
 * overwritten one is told from every item that was ever put.
 *
 *     63         48 47       32 31                     0
 *     |   check    | producer  |   number of the item  |   pattern ...
 *
 * The highest two bits are the item's rank in a queue with priorities.
 *
 * `salt` differs from round to round: an item left over from a queue that was
 * destroyed has a wrong check.
 */
#ifndef STRESS_ITEM_H
#define STRESS_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "stress_random.h"

#define ITEM_SIZE_MIN sizeof(uint64_t)

struct item {
	unsigned producer;
	uint32_t number;
};

static inline uint64_t item_name(struct item item, uint64_t salt)
{
	uint64_t name = (uint64_t)item.producer << 32 | item.number;

	return random_mix(name ^ salt) << 48 | name;
}

#define ITEM_RANKS 4

static inline unsigned item_rank(const unsigned char *bytes)
{
	uint64_t name;

	memcpy(&name, bytes, sizeof(name));
	return (unsigned)(name >> 62);
}

static inline uint64_t item_pattern(uint64_t name, size_t at)
{
	return (name + at) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline void item_write(unsigned char *to, size_t size, struct item item,
			      uint64_t salt)
{
	uint64_t name = item_name(item, salt), word = name;

	memcpy(to, &word, sizeof(word));
	for (size_t at = sizeof(word); at < size; at += sizeof(word)) {
		size_t left = size - at;

		word = item_pattern(name, at);
		memcpy(to + at, &word,
		       left < sizeof(word) ? left : sizeof(word));
	}
}

/* False: these bytes are no item of this round. */
static inline bool item_read(const unsigned char *from, size_t size,
			     uint64_t salt, struct item *item)
{
	uint64_t name, word;

	memcpy(&name, from, sizeof(name));
	item->number = (uint32_t)name;
	item->producer = (unsigned)(name >> 32) & 0xffff;
	if (name != item_name(*item, salt))
		return false;
	for (size_t at = sizeof(word); at < size; at += sizeof(word)) {
		size_t left = size - at;

		word = item_pattern(name, at);
		if (memcmp(from + at, &word,
			   left < sizeof(word) ? left : sizeof(word)) != 0)
			return false;
	}
	return true;
}

#endif /* STRESS_ITEM_H */
