/* SPDX-License-Identifier: MIT */
/*
 * The bounded queue that everyone writes by hand: one mutex, two condition
 * variables, a ring of pointers and a flag that says "stop".  It is what
 * coqueue-bench compares coqueue with, and is used for nothing else.
 */
#ifndef TEXTBOOK_H
#define TEXTBOOK_H

#include <stddef.h>

struct textbook;

/* NULL when there is no memory. */
struct textbook *textbook_create(size_t capacity);

/* Nobody may be in the queue any more. */
void textbook_destroy(struct textbook *b);

/* 0, or ESHUTDOWN once the queue is stopped. */
int textbook_put(struct textbook *b, void *item);

/* 0, or ESHUTDOWN once the queue is stopped and empty. */
int textbook_get(struct textbook *b, void **item);

/* Stop: wake everyone, refuse puts, let gets take what is left. */
void textbook_shutdown(struct textbook *b);

#endif /* TEXTBOOK_H */
