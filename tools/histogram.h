/* SPDX-License-Identifier: MIT */
/*
 * A histogram of times that keeps its precision over many decades: each power
 * of two is divided into 32 equal buckets, so that a percentile is at most
 * 1/32 too high, from a nanosecond to an hour.  The maximum is exact.
 *
 *     value   0 1 2 ... 31 | 32 33 ... 63 | 64 66 ... 126 | 128 132 ...
 *     bucket  0 1 2 ... 31 | 32 33 ... 63 | 64 65 ...  95 |  96  97 ...
 *
 * No locks: each thread fills one of its own, and they are added up later.
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 5
#define HISTOGRAM_SUB (1u << HISTOGRAM_SUB_BITS)
#define HISTOGRAM_TOP_BIT 42 /* values from 2^42 on share the last bucket */
#define HISTOGRAM_BUCKETS                                                      \
	((HISTOGRAM_TOP_BIT - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB)

struct histogram {
	uint64_t count;
	uint64_t max;
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_record(struct histogram *h, uint64_t value);
void histogram_add(struct histogram *sum, const struct histogram *part);

/* The lowest and the highest value that fall into a bucket. */
uint64_t histogram_low(unsigned bucket);
uint64_t histogram_high(unsigned bucket);

/* The value that `share` (0 ... 1) of what was recorded does not exceed. */
uint64_t histogram_percentile(const struct histogram *h, double share);

#endif /* HISTOGRAM_H */
