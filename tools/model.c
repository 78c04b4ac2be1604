/* SPDX-License-Identifier: MIT */
/* The model of a queue: see model.h. */
#include "model.h"

#include <errno.h>

void model_init(struct model *m, struct model_kind kind, uint64_t *room,
		size_t n)
{
	*m = (struct model){
		.kind = kind,
		.items = room,
		.left = room + n,
		.left_as = room + 2 * n,
	};
	m->now.capacity = kind.capacity;
	m->now.state = COQUEUE_OPEN;
}

/* ---- items -------------------------------------------------------------- */

int model_compare(const struct model_kind *kind, uint64_t a, uint64_t b)
{
	a %= kind->ranks;
	b %= kind->ranks;
	return (a > b) - (a < b);
}

size_t model_size(const struct model *m)
{
	return m->now.end - m->now.gone;
}

/* left[] may tell of a future that was left again: of its first `gone` only
 * what is there counts. */
bool model_holds(const struct model *m, size_t item)
{
	uint64_t as;

	if (m->kind.order == COQUEUE_FIFO)
		return item >= m->now.gone && item < m->now.end;
	if (item >= m->now.end)
		return false;
	as = m->left_as[item];
	return as >= m->now.gone || m->left[as] != item;
}

static size_t next_of_all(const struct model *m)
{
	size_t next = m->now.end;

	for (size_t i = m->now.end; i-- > 0;) {
		if (!model_holds(m, i))
			continue;
		if (m->kind.order == COQUEUE_LIFO)
			return i;
		if (next == m->now.end ||
		    model_compare(&m->kind, m->items[i], m->items[next]) <= 0)
			next = i;
	}
	return next;
}

static inline size_t next_item(const struct model *m)
{
	return m->kind.order == COQUEUE_FIFO ? m->now.gone : next_of_all(m);
}

size_t model_next(const struct model *m)
{
	return next_item(m);
}

static void append(struct model *m, uint64_t value)
{
	m->items[m->now.end] = value;
	if (m->kind.order != COQUEUE_FIFO)
		m->left_as[m->now.end] = UINT64_MAX;
	m->now.end++;
	m->now.unfinished++;
}

static int take_of_all(struct model *m, uint64_t *value)
{
	size_t item = next_of_all(m);

	m->left[m->now.gone] = item;
	m->left_as[item] = m->now.gone++;
	*value = m->items[item];
	return 0;
}

/* There is one.  0: what a get answers then. */
static inline int take_next(struct model *m, uint64_t *value)
{
	if (m->kind.order != COQUEUE_FIFO)
		return take_of_all(m, value);
	*value = m->items[m->now.gone++];
	return 0;
}

/* ---- put and get -------------------------------------------------------- */

int model_put(struct model *m, uint64_t value)
{
	if (m->now.state != COQUEUE_OPEN)
		return ESHUTDOWN;
	if (model_size(m) >= m->now.capacity)
		return EAGAIN;
	append(m, value);
	return 0;
}

/* Why there is nothing to take, or 0. */
static int is_refused(const struct model *m)
{
	if (m->now.state == COQUEUE_SHUT)
		return ESHUTDOWN;
	if (model_size(m) == 0)
		return m->now.state == COQUEUE_OPEN ? EAGAIN : ESHUTDOWN;
	return 0;
}

int model_peek(const struct model *m, uint64_t *value)
{
	int err = is_refused(m);

	if (!err)
		*value = m->items[next_item(m)];
	return err;
}

int model_get(struct model *m, uint64_t *value)
{
	int err = is_refused(m);

	return err ? err : take_next(m, value);
}

int model_hand_over(struct model *m)
{
	if (m->kind.capacity != 0)
		return EINVAL;
	if (m->now.state != COQUEUE_OPEN)
		return ESHUTDOWN;
	m->now.unfinished++;
	return 0;
}

int model_force_put(struct model *m, uint64_t value, uint64_t *evicted,
		    size_t *n_evicted)
{
	*n_evicted = 0;
	if (m->kind.order != COQUEUE_FIFO || m->kind.capacity == 0)
		return EINVAL;
	if (m->now.state != COQUEUE_OPEN)
		return ESHUTDOWN;
	if (model_size(m) >= m->now.capacity) {
		*n_evicted = 1;
		take_next(m, evicted);
	}
	append(m, value);
	return 0;
}

/* ---- tasks -------------------------------------------------------------- */

int model_task_done(struct model *m, uint64_t n)
{
	if (n > m->now.unfinished)
		return EINVAL;
	m->now.unfinished -= n;
	return 0;
}

int model_join(const struct model *m)
{
	return m->now.unfinished ? EAGAIN : 0;
}

/* ---- its life ----------------------------------------------------------- */

static bool is_bounded(size_t capacity)
{
	return capacity != 0 && capacity != COQUEUE_UNBOUNDED;
}

int model_set_capacity(struct model *m, size_t capacity)
{
	if (!is_bounded(m->kind.capacity) || !is_bounded(capacity))
		return EINVAL;
	if (m->now.state != COQUEUE_OPEN)
		return ESHUTDOWN;
	m->now.capacity = capacity;
	return 0;
}

void model_shutdown(struct model *m, enum coqueue_shutdown mode)
{
	if (mode == COQUEUE_IMMEDIATE)
		m->now.state = COQUEUE_SHUT;
	else if (m->now.state == COQUEUE_OPEN)
		m->now.state = COQUEUE_DRAINING;
}

size_t model_discard(struct model *m)
{
	size_t n = model_size(m);
	uint64_t item;

	if (m->now.state != COQUEUE_SHUT)
		return 0;
	while (model_size(m) > 0)
		take_next(m, &item);
	/* task_done may have run ahead of the gets that now will not come */
	m->now.unfinished -= n < m->now.unfinished ? n : m->now.unfinished;
	return n;
}

int model_hold(struct model *m, enum coqueue_side side)
{
	if (side >= MODEL_N_SIDES)
		return EINVAL;
	if (m->now.state != COQUEUE_OPEN)
		return ESHUTDOWN;
	m->now.holds[side]++;
	return 0;
}

int model_release(struct model *m, enum coqueue_side side)
{
	if (side >= MODEL_N_SIDES || m->now.holds[side] == 0)
		return EINVAL;
	if (--m->now.holds[side] == 0)
		model_shutdown(m, side == COQUEUE_PUT ? COQUEUE_GRACEFUL
						      : COQUEUE_IMMEDIATE);
	return 0;
}
