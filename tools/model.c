/* SPDX-License-Identifier: MIT */
/* The model of a queue: see model.h. */
#include "model.h"

#include <errno.h>

void model_init(struct model *m, size_t capacity, uint64_t *items)
{
	*m = (struct model){.capacity = capacity, .items = items};
	m->now.state = COQUEUE_OPEN;
}

size_t model_size(const struct model *m)
{
	return m->now.end - m->now.first;
}

int model_put(struct model *m, uint64_t value)
{
	if (m->now.state != COQUEUE_OPEN)
		return ESHUTDOWN;
	if (model_size(m) == m->capacity)
		return EAGAIN;
	m->items[m->now.end++] = value;
	m->now.unfinished++;
	return 0;
}

int model_peek(const struct model *m, uint64_t *value)
{
	if (m->now.state == COQUEUE_SHUT)
		return ESHUTDOWN;
	if (model_size(m) == 0)
		return m->now.state == COQUEUE_OPEN ? EAGAIN : ESHUTDOWN;
	*value = m->items[m->now.first];
	return 0;
}

int model_get(struct model *m, uint64_t *value)
{
	int err = model_peek(m, value);

	if (!err)
		m->now.first++;
	return err;
}

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

	m->now.first = m->now.end;
	/* task_done may have run ahead of the gets that now will not come */
	m->now.unfinished -= n < m->now.unfinished ? n : m->now.unfinished;
	return n;
}
