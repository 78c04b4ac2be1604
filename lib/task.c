/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unfinished items: task_done and join.
 *
 * Puts are counted by the store.  One word beside it counts what is finished,
 * so unfinished = puts - finished, and neither put nor get does anything for
 * it.
 *
 *   [task.1] -> [task.2]  what was done before task_done happens-before the
 *                         return of the join that it completes
 *
 * A joiner is told that the count was 0 at an instant when it was in line, and
 * need not find it still 0 when it runs.
 */
#include "config.h"

#include "queue.h"

/* Reads finished first: if the two are equal, they were so at that instant. */
uint64_t queue_unfinished(const struct coqueue *q)
{
	/* [task.2] acquire: with [task.1], what was done before task_done */
	uint64_t finished = sync_load(&q->finished, acquire);

	return q->store.kind->puts(&q->store) - finished;
}

bool queue_ready_to_join(struct line *line, uint64_t n, const struct waiter *w)
{
	const struct coqueue *q = container_of(line, struct coqueue, joiners);

	(void)n; /* one and all */
	(void)w;
	return queue_unfinished(q) == 0 || sync_load(&q->destroyer, relaxed);
}

void queue_discarded_locked(struct coqueue *q, uint64_t n)
{
	uint64_t finished, puts, sum;

	q->discarded += n;
	do {
		/* [task.2] acquire: with [task.1], the puts of what is done */
		finished = sync_load(&q->finished, acquire);
		/* task_done may have run ahead of the gets that now will not
		 * come */
		puts = q->store.kind->puts(&q->store);
		sum = puts - finished < n ? puts : finished + n;
		/* [task.1] release: with [task.2]; what earlier calls released
		 * goes on with it, since every change is an exchange */
	} while (!sync_cas(&q->finished, &finished, sum, release));
}

void queue_wake_joiners_locked(struct coqueue *q)
{
	if (queue_unfinished(q) == 0)
		line_wake_all_locked(&q->joiners, 0);
}

static not_inlined void wake_joiners(struct coqueue *q)
{
	sync_lock(&q->lock);
	queue_wake_joiners_locked(q);
	queue_caller_leave_locked(q);
	sync_unlock(&q->lock);
}

int coqueue_task_done(coqueue_t *q, size_t n)
{
	uint64_t finished;
	bool joiners, locked;

	if (!q)
		return EINVAL;
	locked = queue_look_begin(q);
	do {
		/* [task.2] acquire: with [task.1], the puts of what is done */
		finished = sync_load(&q->finished, acquire);
		if (n > q->store.kind->puts(&q->store) - finished) {
			queue_look_end(q, locked);
			return EINVAL;
		}
		/* [task.1] release: with [task.2]; what earlier calls released
		 * goes on with it, since every change is an exchange */
	} while (!sync_cas(&q->finished, &finished, finished + n, release));
	joiners = line_published(&q->joiners) && queue_unfinished(q) == 0;
	if (joiners)
		queue_caller_enter(q);
	queue_look_end(q, locked);
	if (joiners)
		wake_joiners(q);
	return 0;
}

static bool may_join(const struct coqueue *q)
{
	return queue_unfinished(q) == 0;
}

static int call_join(struct call *c)
{
	if (queue_unfinished(c->queue) == 0)
		return 0;
	return sync_load(&c->queue->destroyer, relaxed) ? EINTR : EAGAIN;
}

void call_init_join(struct call *c, struct coqueue *q)
{
	*c = (struct call){
		.queue = q,
		.attempt = call_join,
		.may = may_join,
		.line = &q->joiners,
	};
}

int coqueue_join_until(coqueue_t *q, const struct timespec *deadline)
{
	struct call c;

	if (!q || !deadline_is_valid(deadline))
		return EINVAL;
	call_init_join(&c, q);
	c.deadline = deadline;
	rcu_reader_enter();
	return call_run(&c);
}

int coqueue_join(coqueue_t *q)
{
	return coqueue_join_until(q, NULL);
}

size_t coqueue_unfinished(const coqueue_t *q)
{
	uint64_t n;
	bool locked;

	if (!q)
		return 0;
	locked = queue_look_begin(q);
	n = queue_unfinished(q);
	queue_look_end(q, locked);
	return (size_t)n;
}
