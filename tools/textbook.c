/* SPDX-License-Identifier: MIT */
/*
 * The bounded ones.  Put and get are written once, and inlined into those of
 * each structure, so that none pays for the others.
 *
 * Signals are sent with the lock held: sent after unlocking, the threads fall
 * over each other (32 producers and 32 consumers on 2 cores: 20 times slower,
 * measured), and the baseline is to be a good one of its kind.
 */
#include "config.h"

#include "textbook.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct ranked {
	void *item;
	uint64_t number; /* of the put */
};

struct textbook {
	pthread_mutex_t lock;
	pthread_cond_t not_full;
	pthread_cond_t not_empty;
	/* under lock */
	size_t capacity;
	size_t item_size;
	size_t count;
	bool stopping;
	size_t head;         /* of the ring */
	uint64_t next;       /* of the heap */
	void **items;        /* ring of pointers, stack */
	char *values;        /* ring of items of any size */
	struct ranked *heap; /* [0] is the smallest; [i]'s children are at
				2i + 1 and 2i + 2 */
	int (*compare)(const void *a, const void *b, void *ctx);
};

static struct textbook *create(size_t capacity, size_t item_size)
{
	struct textbook *b = calloc(1, sizeof(*b) + capacity * item_size);

	if (!b)
		return NULL;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->not_full, NULL);
	pthread_cond_init(&b->not_empty, NULL);
	b->capacity = capacity;
	b->item_size = item_size;
	b->items = (void **)(b + 1);
	b->values = (char *)(b + 1);
	b->heap = (struct ranked *)(b + 1);
	return b;
}

struct textbook *textbook_ring_create(size_t capacity, size_t item_size)
{
	return create(capacity, item_size);
}

struct textbook *textbook_stack_create(size_t capacity)
{
	return create(capacity, sizeof(void *));
}

struct textbook *textbook_heap_create(size_t capacity,
				      int (*compare)(const void *a,
						     const void *b, void *ctx))
{
	struct textbook *b = create(capacity, sizeof(struct ranked));

	if (b)
		b->compare = compare;
	return b;
}

void textbook_destroy(struct textbook *b)
{
	pthread_cond_destroy(&b->not_empty);
	pthread_cond_destroy(&b->not_full);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

void textbook_shutdown(struct textbook *b)
{
	pthread_mutex_lock(&b->lock);
	b->stopping = true;
	pthread_mutex_unlock(&b->lock);
	pthread_cond_broadcast(&b->not_full);
	pthread_cond_broadcast(&b->not_empty);
}

/* Put and get, for any store and take; the count is theirs to use, not to
 * change.  `item` is where the item is, or is to be. */

#define INLINED static inline __attribute__((always_inline))

INLINED int put(struct textbook *b, const void *item,
		void (*store)(struct textbook *b, const void *item))
{
	pthread_mutex_lock(&b->lock);
	while (b->count == b->capacity && !b->stopping)
		pthread_cond_wait(&b->not_full, &b->lock);
	if (b->stopping) {
		pthread_mutex_unlock(&b->lock);
		return ESHUTDOWN;
	}
	store(b, item);
	b->count++;
	pthread_cond_signal(&b->not_empty);
	pthread_mutex_unlock(&b->lock);
	return 0;
}

INLINED int get(struct textbook *b, void *item,
		void (*take)(struct textbook *b, void *item))
{
	pthread_mutex_lock(&b->lock);
	while (b->count == 0 && !b->stopping)
		pthread_cond_wait(&b->not_empty, &b->lock);
	if (b->count == 0) {
		pthread_mutex_unlock(&b->lock);
		return ESHUTDOWN;
	}
	take(b, item);
	b->count--;
	pthread_cond_signal(&b->not_full);
	pthread_mutex_unlock(&b->lock);
	return 0;
}

/* The ring. */

static inline size_t ring_tail(const struct textbook *b)
{
	size_t tail = b->head + b->count;

	return tail < b->capacity ? tail : tail - b->capacity;
}

static inline void ring_advance(struct textbook *b)
{
	b->head = b->head + 1 < b->capacity ? b->head + 1 : 0;
}

static inline void ring_store(struct textbook *b, const void *item)
{
	b->items[ring_tail(b)] = *(void *const *)item;
}

static inline void ring_take(struct textbook *b, void *item)
{
	*(void **)item = b->items[b->head];
	ring_advance(b);
}

int textbook_ring_put(struct textbook *b, void *item)
{
	return put(b, &item, ring_store);
}

int textbook_ring_get(struct textbook *b, void **item)
{
	return get(b, item, ring_take);
}

static inline void ring_store_value(struct textbook *b, const void *item)
{
	memcpy(b->values + ring_tail(b) * b->item_size, item, b->item_size);
}

static inline void ring_take_value(struct textbook *b, void *item)
{
	memcpy(item, b->values + b->head * b->item_size, b->item_size);
	ring_advance(b);
}

int textbook_ring_put_value(struct textbook *b, const void *item)
{
	return put(b, item, ring_store_value);
}

int textbook_ring_get_value(struct textbook *b, void *item)
{
	return get(b, item, ring_take_value);
}

/* The stack. */

static inline void stack_store(struct textbook *b, const void *item)
{
	b->items[b->count] = *(void *const *)item;
}

static inline void stack_take(struct textbook *b, void *item)
{
	*(void **)item = b->items[b->count - 1];
}

int textbook_stack_put(struct textbook *b, void *item)
{
	return put(b, &item, stack_store);
}

int textbook_stack_get(struct textbook *b, void **item)
{
	return get(b, item, stack_take);
}

/* The heap. */

static inline bool is_before(const struct textbook *b, const struct ranked *x,
			     const struct ranked *y)
{
	int order = b->compare(&x->item, &y->item, NULL);

	return order ? order < 0 : x->number < y->number;
}

static inline void heap_store(struct textbook *b, const void *item)
{
	struct ranked new = {*(void *const *)item, b->next++};
	size_t at = b->count, parent;

	for (; at > 0; at = parent) {
		parent = (at - 1) / 2;
		if (!is_before(b, &new, &b->heap[parent]))
			break;
		b->heap[at] = b->heap[parent];
	}
	b->heap[at] = new;
}

/* The last one moves to the top's place, and down from there. */
static inline void heap_take(struct textbook *b, void *item)
{
	size_t last = b->count - 1, at = 0, child;
	struct ranked moved = b->heap[last];

	*(void **)item = b->heap[0].item;
	for (; (child = 2 * at + 1) < last; at = child) {
		if (child + 1 < last &&
		    is_before(b, &b->heap[child + 1], &b->heap[child]))
			child++;
		if (!is_before(b, &b->heap[child], &moved))
			break;
		b->heap[at] = b->heap[child];
	}
	b->heap[at] = moved;
}

int textbook_heap_put(struct textbook *b, void *item)
{
	return put(b, &item, heap_store);
}

int textbook_heap_get(struct textbook *b, void **item)
{
	return get(b, item, heap_take);
}
