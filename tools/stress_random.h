/* SPDX-License-Identifier: MIT */
/*
 * Random choices that a seed repeats (splitmix64: one word of state, and any
 * two seeds give unrelated sequences).
 */
#ifndef STRESS_RANDOM_H
#define STRESS_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static inline uint64_t random_next(struct random *r)
{
	r->state += UINT64_C(0x9e3779b97f4a7c15);
	return random_mix(r->state);
}

/* The generator that belongs to (seed, a, b), whatever was drawn elsewhere. */
static inline struct random random_from(uint64_t seed, uint64_t a, uint64_t b)
{
	return (struct random){random_mix(seed ^ random_mix(a + 1)) +
			       random_mix(~b)};
}

/* 0 ... n-1; n >= 1.  The bias is below n / 2^64. */
static inline uint64_t random_below(struct random *r, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)random_next(r) * n) >> 64);
}

static inline uint64_t random_between(struct random *r, uint64_t low,
				      uint64_t high)
{
	return low + random_below(r, high - low + 1);
}

static inline bool random_one_in(struct random *r, uint64_t n)
{
	return random_below(r, n) == 0;
}

/* Small values as often as large ones: each power of two is equally likely. */
static inline uint64_t random_skewed(struct random *r, uint64_t low,
				     uint64_t high)
{
	unsigned bits = 63 - (unsigned)__builtin_clzll(high / low);
	uint64_t cap = low << random_below(r, bits + 1);
	uint64_t top = cap > high / 2 ? high : cap * 2;

	return random_between(r, low, top);
}

#endif /* STRESS_RANDOM_H */
