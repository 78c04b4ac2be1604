/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LIFO and PRIORITY.  What a pile is: store_pile.h.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "store_pile.h"

/* Of a pile without a limit, at the least. */
#define MIN_ROOM 32

static _Thread_local bool comparing;

bool pile_is_comparing(void)
{
	return comparing;
}

static struct pile *pile_of(struct store *s)
{
	return container_of(s, struct pile, store);
}

static const struct pile *pile_of_const(const struct store *s)
{
	return container_of_const(s, struct pile, store);
}

static _Atomic uint64_t *slot_at(const struct pile *p, size_t slot)
{
	return (void *)(p->slots + slot * p->stride);
}

/* ---- counts, which may be read without the lock --------------------------- */

static uint64_t pile_puts(const struct store *s)
{
	/* [pile.2] acquire: with [pile.1], the get that made room for it */
	return sync_load(&pile_of_const(s)->store.tail, acquire);
}

static uint64_t pile_gets(const struct store *s)
{
	/* [pile.2] acquire: with [pile.1], the put of what was got */
	return sync_load(&pile_of_const(s)->store.head, acquire);
}

static void count(_Atomic uint64_t *counter)
{
	/* [pile.1] release: with [pile.2], what was counted before */
	sync_store(counter, sync_load(counter, relaxed) + 1, release);
}

/* Under lock. */
static size_t pile_size(const struct pile *p)
{
	return (size_t)(sync_load(&p->store.tail, relaxed) -
			sync_load(&p->store.head, relaxed));
}

static size_t pile_capacity(const struct pile *p)
{
	return sync_load(&p->capacity, relaxed);
}

static bool pile_can_put(const struct store *s, uint64_t n)
{
	size_t size = store_size(s), capacity = pile_capacity(pile_of_const(s));

	return size < capacity && n <= capacity - size;
}

static bool pile_can_get(const struct store *s, uint64_t n)
{
	return store_size(s) >= n;
}

/* ---- the heap ------------------------------------------------------------- */

static bool comes_before(const struct pile *p, struct pile_entry a,
			 struct pile_entry b)
{
	int order = p->compare(sync_slot_item(slot_at(p, a.slot)),
			       sync_slot_item(slot_at(p, b.slot)), p->ctx);

	return order < 0 || (order == 0 && a.age < b.age);
}

/* The place at i is free for the entry, or one above it. */
static void heap_rise(struct pile *p, size_t i, struct pile_entry entry)
{
	for (; i > 0 && comes_before(p, entry, p->heap[(i - 1) / 2]);
	     i = (i - 1) / 2)
		p->heap[i] = p->heap[(i - 1) / 2];
	p->heap[i] = entry;
}

static void heap_add(struct pile *p, size_t size)
{
	p->heap[size].age = sync_load(&p->store.tail, relaxed);
	comparing = true;
	heap_rise(p, size, p->heap[size]);
	comparing = false;
}

/*
 * The first entry leaves: its slot is free, and stands behind the others.  Its
 * place sinks to the bottom, one comparison for each level, and the last entry,
 * which mostly belongs far down, rises from there.
 */
static void heap_remove_first(struct pile *p, size_t size)
{
	struct pile_entry first = p->heap[0];
	size_t i = 0, child;

	comparing = true;
	for (; (child = 2 * i + 1) < size - 1; i = child) {
		if (child + 1 < size - 1 &&
		    comes_before(p, p->heap[child + 1], p->heap[child]))
			child++;
		p->heap[i] = p->heap[child];
	}
	heap_rise(p, i, p->heap[size - 1]);
	comparing = false;
	p->heap[size - 1] = first;
}

/* ---- memory --------------------------------------------------------------- */

/* room x size bytes, or NULL. */
static void *pile_alloc(size_t room, size_t size)
{
	int saved = errno;
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(room, size, &bytes) ||
	    bytes > STORE_MAX_BYTES)
		return NULL;
	bytes += CACHE_LINE - 1;
	p = aligned_alloc(CACHE_LINE, bytes & ~(size_t)(CACHE_LINE - 1));
	errno_set_back(saved);
	return p;
}

/* Move all items into as many slots, from slot 0 on, in the order of the heap. */
static int pile_rebuild(struct pile *p, size_t room)
{
	struct pile_entry *heap = NULL;
	size_t size = pile_size(p), from;
	unsigned char *slots = pile_alloc(room, p->stride);

	if (p->compare)
		heap = pile_alloc(room, sizeof(*heap));
	if (!slots || (p->compare && !heap)) {
		free(slots);
		free(heap);
		return ENOMEM;
	}
	for (size_t i = 0; i < room; i++) {
		from = heap && i < size ? p->heap[i].slot : i;
		if (i < size)
			sync_slot_write((void *)(slots + i * p->stride),
					sync_slot_item(slot_at(p, from)),
					p->store.item_size);
		if (heap)
			heap[i] = (struct pile_entry){
				i, i < size ? p->heap[i].age : 0};
	}
	free(p->slots);
	free(p->heap);
	p->slots = slots;
	p->heap = heap;
	p->room = room;
	return 0;
}

/* Room for one more. */
static bool pile_grow(struct pile *p, size_t size)
{
	size_t room = p->room + p->room / 2;

	return size < p->room || (room > size && pile_rebuild(p, room) == 0);
}

static void pile_shrink(struct pile *p, size_t size)
{
	if (pile_capacity(p) == SIZE_MAX && p->room > MIN_ROOM &&
	    size < p->room / 4)
		(void)pile_rebuild(p, p->room / 2); /* else it stays large */
}

int pile_init(struct pile *p, size_t capacity, size_t item_size,
	      int (*compare)(const void *a, const void *b, void *ctx),
	      void *ctx)
{
	p->store.kind = &pile_kind;
	p->store.item_size = item_size;
	p->compare = compare;
	p->ctx = ctx;
	p->stride =
		item_size > STORE_MAX_BYTES ? 0 : store_stride(0, item_size);
	p->slots = NULL;
	p->heap = NULL;
	spin_init(&p->lock);
	p->closed = false;
	sync_init(&p->capacity, capacity);
	sync_init(&p->store.tail, 0);
	sync_init(&p->store.head, 0);
	if (p->stride == 0)
		return ENOMEM;
	return pile_rebuild(p, capacity == SIZE_MAX ? MIN_ROOM : capacity);
}

static void pile_fini(struct store *s)
{
	free(pile_of(s)->slots);
	free(pile_of(s)->heap);
}

static int pile_resize(struct store *s, size_t capacity)
{
	struct pile *p = pile_of(s);
	size_t size = pile_size(p);
	int err = pile_rebuild(p, size > capacity ? size : capacity);

	if (!err)
		sync_store(&p->capacity, capacity, relaxed);
	return err;
}

/* ---- put, get, peek ------------------------------------------------------- */

hot_inline void pile_add(struct pile *p, const void *item, size_t size)
{
	size_t slot = p->heap ? p->heap[size].slot : size;

	sync_slot_write(slot_at(p, slot), item, p->store.item_size);
	if (p->heap)
		heap_add(p, size);
	count(&p->store.tail);
}

hot_inline void pile_copy_next(struct pile *p, void *item, size_t size)
{
	sync_slot_read(slot_at(p, p->heap ? p->heap[0].slot : size - 1), item,
		       p->store.item_size);
}

hot_inline void pile_take(struct pile *p, void *item, size_t size)
{
	pile_copy_next(p, item, size);
	if (p->heap)
		heap_remove_first(p, size);
	count(&p->store.head);
	pile_shrink(p, size - 1);
}

/* Under the lock of the pile. */
static enum store_result pile_add_many(struct pile *p, const void *items,
				       size_t n, size_t *done)
{
	const unsigned char *from = items;
	size_t size = pile_size(p), capacity = pile_capacity(p);

	if (unlikely(p->closed))
		return STORE_CLOSED;
	if (size >= capacity)
		return STORE_NONE;
	if (unlikely(!pile_grow(p, size)))
		return STORE_NOMEM;
	for (*done = 0; *done < n && size < capacity && pile_grow(p, size);
	     ++*done, size++, from += p->store.item_size)
		pile_add(p, from, size);
	return STORE_DONE;
}

static enum store_result pile_none(const struct pile *p)
{
	return p->closed ? STORE_CLOSED : STORE_NONE;
}

static enum store_result pile_take_many(struct pile *p, void *items, size_t n,
					size_t *done)
{
	unsigned char *to = items;
	size_t size = pile_size(p);

	if (size == 0)
		return pile_none(p);
	for (*done = 0; *done < n && size > 0;
	     ++*done, size--, to += p->store.item_size)
		pile_take(p, to, size);
	return STORE_DONE;
}

static enum store_result pile_put(struct store *s, const void *items, size_t n,
				  size_t *done)
{
	enum store_result result;

	spin_lock(&pile_of(s)->lock);
	result = pile_add_many(pile_of(s), items, n, done);
	spin_unlock(&pile_of(s)->lock);
	return result;
}

static enum store_result pile_get(struct store *s, void *items, size_t n,
				  size_t *done)
{
	enum store_result result;

	spin_lock(&pile_of(s)->lock);
	result = pile_take_many(pile_of(s), items, n, done);
	spin_unlock(&pile_of(s)->lock);
	return result;
}

bool pile_put_one(struct pile *p, const void *item)
{
	size_t size;
	bool fits;

	if (unlikely(comparing))
		return false;
	spin_lock(&p->lock);
	size = pile_size(p);
	fits = !p->closed && size < pile_capacity(p) && size < p->room;
	if (likely(fits))
		pile_add(p, item, size);
	spin_unlock(&p->lock);
	return fits;
}

bool pile_get_one(struct pile *p, void *item)
{
	size_t size;

	if (unlikely(comparing))
		return false;
	spin_lock(&p->lock);
	size = pile_size(p);
	if (likely(size > 0))
		pile_take(p, item, size);
	spin_unlock(&p->lock);
	return size > 0;
}

static enum store_result pile_peek(struct store *s, void *item)
{
	struct pile *p = pile_of(s);
	enum store_result result = STORE_DONE;
	size_t size;

	spin_lock(&p->lock);
	size = pile_size(p);
	if (size > 0)
		pile_copy_next(p, item, size);
	else
		result = pile_none(p);
	spin_unlock(&p->lock);
	return result;
}

/* ---- the end -------------------------------------------------------------- */

static void pile_close(struct store *s)
{
	spin_lock(&pile_of(s)->lock);
	pile_of(s)->closed = true;
	spin_unlock(&pile_of(s)->lock);
}

static bool pile_is_finished(const struct store *s)
{
	return pile_of_const(s)->closed && store_size(s) == 0;
}

static uint64_t pile_take_all(struct store *s, struct taken *taken)
{
	struct pile *p = pile_of(s);
	size_t size = pile_size(p);

	taken->next = size;
	/* [pile.1] release: with [pile.2], what was counted before */
	sync_store(&p->store.head, sync_load(&p->store.tail, relaxed), release);
	return size;
}

/* The newest first, which is what a LIFO would give. */
static void *pile_next_taken(struct store *s, struct taken *taken)
{
	struct pile *p = pile_of(s);
	size_t i = --taken->next;

	return sync_slot_item(slot_at(p, p->heap ? p->heap[i].slot : i));
}

const struct store_kind pile_kind = {
	.put = pile_put,
	.get = pile_get,
	.peek = pile_peek,
	.can_put = pile_can_put,
	.can_get = pile_can_get,
	.may_put = pile_can_put,
	.puts = pile_puts,
	.gets = pile_gets,
	.size = store_size,
	.close = pile_close,
	.is_finished = pile_is_finished,
	.resize = pile_resize,
	.take_all = pile_take_all,
	.next_taken = pile_next_taken,
	.fini = pile_fini,
};
