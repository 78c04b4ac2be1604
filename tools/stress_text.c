/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <coqueue.h>
#include <stdio.h>
#include "stress_text.h"

/* Divide until three digits say it, and take the unit that belongs to it. */
static char *three_digits(char *to, double n, const char *const *units)
{
	int decimals;

	/* 999.5 would be printed as 1000 */
	while (n >= 999.5 && units[1]) {
		n /= 1000;
		units++;
	}
	decimals = n < 9.995 ? 2 : n < 99.95 ? 1 : 0;
	if ((double)(uint64_t)n == n && n < 1000)
		decimals = 0;
	snprintf(to, TEXT_LENGTH, "%.*f%s%s", decimals, n, **units ? " " : "",
		 *units);
	return to;
}

char *text_count(char *to, double n)
{
	static const char *const units[] = {"", "k", "M", "G", "T", "P", NULL};

	return three_digits(to, n, units);
}

char *text_time(char *to, uint64_t ns)
{
	static const char *const units[] = {"ns", "us", "ms", "s", NULL};

	return three_digits(to, (double)ns, units);
}

char *text_capacity(char *to, size_t capacity)
{
	if (capacity == COQUEUE_UNBOUNDED)
		snprintf(to, TEXT_LENGTH, "unbounded");
	else
		snprintf(to, TEXT_LENGTH, "%zu", capacity);
	return to;
}

char *text_clock(char *to, uint64_t ns)
{
	uint64_t seconds = ns / 1000000000;
	unsigned h = (unsigned)(seconds / 3600);
	unsigned m = (unsigned)(seconds / 60 % 60);
	unsigned s = (unsigned)(seconds % 60);

	if (h)
		snprintf(to, TEXT_LENGTH, "%u:%02u:%02u", h, m, s);
	else
		snprintf(to, TEXT_LENGTH, "%u:%02u", m, s);
	return to;
}
