/* SPDX-License-Identifier: MIT */
/* Numbers for people: each returns its first argument, for use in printf(). */
#ifndef STRESS_TEXT_H
#define STRESS_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define TEXT_LENGTH 24

/* 999, 1.23 k, 45.6 M: three digits and a unit. */
char *text_count(char *to, double n);
/* 850 ns, 1.23 us, 45.6 ms, 12.0 s */
char *text_time(char *to, uint64_t ns);
/* 256, unbounded */
char *text_capacity(char *to, size_t capacity);
/* 0:07, 12:34, 1:02:03 */
char *text_clock(char *to, uint64_t ns);

#endif /* STRESS_TEXT_H */
