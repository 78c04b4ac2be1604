/* SPDX-License-Identifier: MIT */
/*
 * What workers do, for any put and get: each queue has its own copy.  A part of
 * bench_queue.h, which declares what is used here.
 */
#ifndef BENCH_LOOPS_H
#define BENCH_LOOPS_H

#define BENCH_LOOP static inline __attribute__((always_inline)) void

static inline bool bench_is_before(struct bench_worker *w, int phase)
{
	return __atomic_load_n(&w->run->phase, __ATOMIC_RELAXED) < phase &&
	       !w->err;
}

static inline bool bench_running(struct bench_worker *w)
{
	return bench_is_before(w, BENCH_STOPPED);
}

static inline void bench_count(struct bench_worker *w, uint64_t items)
{
	__atomic_store_n(&w->items, items, __ATOMIC_RELAXED);
}

/* Put an item into one queue, and get one from that or another; until a phase. */
BENCH_LOOP bench_put_get_loop(struct bench_worker *w, void *to, void *from,
			      bench_put_fn *put, bench_get_fn *get, int until,
			      bool timed)
{
	uint64_t n = w->puts, begin = 0;
	uintptr_t item = 0, sent = 0, got = 0;
	void *back = NULL;

	while (bench_is_before(w, until)) {
		item += BENCH_NEXT_ITEM;
		sent += item;
		if (timed)
			begin = bench_clock();
		w->err = put(to, (void *)item);
		if (!w->err)
			w->err = get(from, &back);
		if (timed)
			bench_record(w, bench_clock() - begin);
		got += (uintptr_t)back;
		bench_count(w, ++n);
	}
	w->put += sent;
	w->got += got;
	w->puts = n;
}

/* A clock that is read for each item would be part of what an item takes, so
 * they are counted first and timed then. */
BENCH_LOOP bench_asker_loop(struct bench_worker *w, bench_put_fn *put,
			    bench_get_fn *get)
{
	void *there = w->run->queues[0], *back = w->run->queues[1];

	bench_put_get_loop(w, there, back, put, get, BENCH_TIMED, false);
	bench_put_get_loop(w, there, back, put, get, BENCH_STOPPED, true);
}

BENCH_LOOP bench_producer_loop(struct bench_worker *w, bench_put_fn *put)
{
	void *queue = w->run->queues[0];
	uintptr_t item = 0, sent = 0;
	uint64_t n = 0;

	while (bench_running(w)) {
		if (n++ % BENCH_WINDOW_STEP == 0)
			bench_window_take(w->run->window);
		item += BENCH_NEXT_ITEM;
		sent += item;
		w->err = put(queue, (void *)item);
	}
	w->put = sent;
	w->puts = w->err ? n - 1 : n;
}

BENCH_LOOP bench_consumer_loop(struct bench_worker *w, bench_get_fn *get)
{
	void *queue = w->run->queues[0];
	uint64_t n = 0, got = 0;
	void *item;

	while ((w->err = get(queue, &item)) == 0) {
		got += (uintptr_t)item;
		bench_count(w, ++n);
		if (n % BENCH_WINDOW_STEP == 0)
			bench_window_give(w->run->window);
	}
	w->got = got;
}

/* Of BENCH_PACED.  An item is the time of its put.  A put that comes late, since
 * the one before took long or the sleep did, does not delay the next ones. */
BENCH_LOOP bench_paced_producer_loop(struct bench_worker *w, bench_put_fn *put)
{
	uint64_t n = 0, next = bench_clock();
	uintptr_t item, sent = 0;

	while (bench_running(w)) {
		bench_wait_until(w, next += w->run->workload->pace);
		item = (uintptr_t)bench_clock();
		sent += item;
		w->err = put(w->run->queues[0], (void *)item);
		n++;
	}
	w->put = sent;
	w->puts = n;
}

BENCH_LOOP bench_paced_consumer_loop(struct bench_worker *w, bench_get_fn *get)
{
	uint64_t n = 0, got = 0;
	void *item;

	while ((w->err = get(w->run->queues[0], &item)) == 0) {
		bench_record(w, (uintptr_t)bench_clock() - (uintptr_t)item);
		got += (uintptr_t)item;
		bench_count(w, ++n);
	}
	w->got = got;
}

/* Of BENCH_BATCHES; the kinds of queues that have it need no window. */
BENCH_LOOP bench_batch_producer_loop(struct bench_worker *w,
				     bench_put_many_fn *put_many)
{
	uintptr_t item = 0, sent = 0;
	void *items[BENCH_BATCH];
	uint64_t n = 0;
	int i;

	while (bench_running(w)) {
		for (i = 0; i < BENCH_BATCH; i++) {
			item += BENCH_NEXT_ITEM;
			sent += item;
			items[i] = (void *)item;
		}
		w->err = put_many(w->run->queues[0], items, BENCH_BATCH);
		n += BENCH_BATCH;
	}
	w->put = sent;
	w->puts = n;
}

BENCH_LOOP bench_batch_consumer_loop(struct bench_worker *w,
				     bench_get_many_fn *get_many)
{
	void *queue = w->run->queues[0], *items[BENCH_BATCH];
	uint64_t n = 0, sum = 0;
	size_t got, i;

	while ((w->err = get_many(queue, items, BENCH_BATCH, &got)) == 0) {
		for (i = 0; i < got; i++)
			sum += (uintptr_t)items[i];
		bench_count(w, n += got);
	}
	w->got = sum;
}

/* Of BENCH_SIZED.  An item is a number, repeated; who gets it looks at the first
 * one and the last. */
BENCH_LOOP bench_sized_producer_loop(struct bench_worker *w,
				     bench_put_value_fn *put_value)
{
	size_t size = w->run->workload->item_size,
	       words = size / sizeof(uintptr_t), i;
	uintptr_t item[BENCH_ITEM_MAX / sizeof(uintptr_t)], next = 0, sent = 0;
	uint64_t n = 0;

	while (bench_running(w)) {
		next += BENCH_NEXT_ITEM;
		for (i = 0; i < words; i++)
			item[i] = next;
		sent += 2 * next;
		w->err = put_value(w->run->queues[0], item, size);
		n++;
	}
	w->put = sent;
	w->puts = n;
}

BENCH_LOOP bench_sized_consumer_loop(struct bench_worker *w,
				     bench_get_value_fn *get_value)
{
	size_t size = w->run->workload->item_size,
	       words = size / sizeof(uintptr_t);
	uintptr_t item[BENCH_ITEM_MAX / sizeof(uintptr_t)];
	uint64_t n = 0, got = 0;

	while ((w->err = get_value(w->run->queues[0], item, size)) == 0) {
		got += item[0] + item[words - 1];
		bench_count(w, ++n);
	}
	w->got = got;
}

static inline __attribute__((always_inline)) int
bench_put_copy(void *queue, const void *item, size_t size, bench_put_fn *put)
{
	void *copy = malloc(size);

	if (!copy)
		return ENOMEM;
	memcpy(copy, item, size);
	return put(queue, copy);
}

static inline __attribute__((always_inline)) int
bench_get_copy(void *queue, void *item, size_t size, bench_get_fn *get)
{
	void *copy;
	int err = get(queue, &copy);

	if (err)
		return err;
	memcpy(item, copy, size);
	free(copy);
	return 0;
}

BENCH_LOOP bench_answerer_loop(struct bench_worker *w, bench_put_fn *put,
			       bench_get_fn *get)
{
	void *there = w->run->queues[0], *back = w->run->queues[1];
	void *item;

	while ((w->err = get(there, &item)) == 0)
		if ((w->err = put(back, item)) != 0)
			break;
}

/* Of BENCH_SHUTDOWN.  Coroutines are all on one thread: whoever comes last finds
 * the others waiting. */
BENCH_LOOP bench_shutdown_loop(struct bench_worker *w)
{
	if (w->run->workload->kind != BENCH_COROUTINES)
		bench_await_sleepers(w->run);
	w->run->shutdown = bench_now();
	w->run->queue->close(w->run->queues[0], w->run);
}

BENCH_LOOP bench_waiter_loop(struct bench_worker *w, bench_get_fn *get)
{
	struct bench_run *run = w->run;
	void *item;

	__atomic_add_fetch(&run->waiting, 1, __ATOMIC_RELAXED);
	w->err = get(run->queues[0], &item);
	if (__atomic_add_fetch(&run->returned, 1, __ATOMIC_RELAXED) ==
	    run->consumers)
		run->last_return = bench_now();
}

#endif /* BENCH_LOOPS_H */
