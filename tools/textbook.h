/* SPDX-License-Identifier: MIT */
/*
 * The queues that everyone writes by hand: a mutex, condition variables, a
 * flag that says "stop", and what holds the items.  They are what coqueue-bench
 * compares coqueue with, and are used for nothing else.
 *
 *   ring, stack, heap   bounded: first, last or smallest item first
 *   list                unbounded: linked nodes of malloc()
 *   meeting             rendezvous: a put returns when its item was taken
 *
 * Of each:
 *   create     NULL when there is no memory
 *   destroy    nobody may be in the queue any more
 *   put        0, or ESHUTDOWN once the queue is stopped
 *   get        0, or ESHUTDOWN once the queue is stopped and empty
 *              Items are pointers; where they are values, of the size that the
 *              ring was created with, from or to where the pointer says
 *   shutdown   stop: wake everyone, refuse puts, let gets take what is left
 */
#ifndef TEXTBOOK_H
#define TEXTBOOK_H

#include <stddef.h>

struct textbook;
struct textbook *textbook_ring_create(size_t capacity, size_t item_size);
struct textbook *textbook_stack_create(size_t capacity);
/* compare() as for qsort(), of pointers to items; equal ones FIFO. */
struct textbook *textbook_heap_create(size_t capacity,
				      int (*compare)(const void *a,
						     const void *b, void *ctx));
void textbook_destroy(struct textbook *b);
int textbook_ring_put(struct textbook *b, void *item);
int textbook_ring_get(struct textbook *b, void **item);
int textbook_ring_put_value(struct textbook *b, const void *item);
int textbook_ring_get_value(struct textbook *b, void *item);
int textbook_stack_put(struct textbook *b, void *item);
int textbook_stack_get(struct textbook *b, void **item);
int textbook_heap_put(struct textbook *b, void *item);
int textbook_heap_get(struct textbook *b, void **item);
void textbook_shutdown(struct textbook *b);

struct textbook_list;
struct textbook_list *textbook_list_create(void);
void textbook_list_destroy(struct textbook_list *b);
int textbook_list_put(struct textbook_list *b, void *item); /* or ENOMEM */
int textbook_list_get(struct textbook_list *b, void **item);
void textbook_list_shutdown(struct textbook_list *b);

struct textbook_meeting;
struct textbook_meeting *textbook_meeting_create(void);
void textbook_meeting_destroy(struct textbook_meeting *b);
int textbook_meeting_put(struct textbook_meeting *b, void *item);
int textbook_meeting_get(struct textbook_meeting *b, void **item);
void textbook_meeting_shutdown(struct textbook_meeting *b);

#endif /* TEXTBOOK_H */
