/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "histogram.h"

static unsigned bucket_of(uint64_t value)
{
	unsigned top, shift;

	if (value < HISTOGRAM_SUB)
		return (unsigned)value;
	top = 63 - (unsigned)__builtin_clzll(value);
	if (top >= HISTOGRAM_TOP_BIT)
		return HISTOGRAM_BUCKETS - 1;
	shift = top - HISTOGRAM_SUB_BITS;
	return shift * HISTOGRAM_SUB + (unsigned)(value >> shift);
}

void histogram_record(struct histogram *h, uint64_t value)
{
	h->bucket[bucket_of(value)]++;
	h->count++;
	if (value > h->max)
		h->max = value;
}

void histogram_add(struct histogram *sum, const struct histogram *part)
{
	if (!part->count)
		return;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		sum->bucket[i] += part->bucket[i];
	sum->count += part->count;
	if (part->max > sum->max)
		sum->max = part->max;
}

uint64_t histogram_low(unsigned bucket)
{
	unsigned shift;

	if (bucket < 2 * HISTOGRAM_SUB)
		return bucket;
	shift = bucket / HISTOGRAM_SUB - 1;
	return (uint64_t)(bucket % HISTOGRAM_SUB + HISTOGRAM_SUB) << shift;
}

uint64_t histogram_high(unsigned bucket)
{
	if (bucket == HISTOGRAM_BUCKETS - 1)
		return UINT64_MAX;
	return histogram_low(bucket + 1) - 1;
}

uint64_t histogram_percentile(const struct histogram *h, double share)
{
	uint64_t below = 0, wanted = (uint64_t)(share * (double)h->count);

	if (wanted >= h->count)
		return h->max;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		below += h->bucket[i];
		if (below > wanted)
			return histogram_high(i) < h->max ? histogram_high(i)
							  : h->max;
	}
	return h->max;
}
