/* SPDX-License-Identifier: MIT */
/*
 * The search of Wing and Gong (1993) with the cache of Lowe (2017).
 *
 * A position per thread tells what of it was ordered; a move orders the next
 * step of one thread.  A step may be next when no other one that is still to be
 * ordered returned before it was called, and when the model gives its answer.
 * Depth first; where all moves failed, positions and model go into the cache,
 * in full, and nobody tries there again.  A rendezvous has a kind of move of its
 * own, the next steps of two threads at once.
 *
 * Three things keep the tree small:
 *
 *   - A step that changes nothing (a refusal, a peek, a state) and may be next
 *     is next: whatever order has it later, it may as well stand here.  Not so
 *     set_capacity, which later may change something.
 *   - A put does not join an item with which it could not leave in the order of
 *     the queue.  A FIFO's items leave in the order of their puts, so if x went
 *     in before y, y's get must not have returned before x's get was called, nor
 *     stand before it in one thread; nor may a peek that shows y have returned.
 *     This needs to know the get of a put: values that were put more than once
 *     are free of this rule.
 *   - Moves are tried in a likely order: gets, then puts by when their item
 *     left, then what is left by when it returned.
 */
#include "linearize.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BUDGET = 1 << 20, MIN_BUCKETS = 64 };

struct step {
	struct lin_step is;
	uint64_t called,
		returned; /* returned: of all of the thread from here */
	/* Of a put: the interval of its item's get, and the first return of a
	 * get or peek that shows it; from 0 to LIN_NEVER when that is not
	 * known. */
	uint64_t got_from, got_until, shown_until;
	uint32_t got_by; /* index of that get among the steps, or NOBODY */
	bool stores;     /* an item came into the queue */
	bool interrupted;
};

#define NOBODY UINT32_MAX

/* Whose next step is ordered; NO_THREAD, or whose get his put meets. */
struct move {
	uint8_t thread, partner;
};

#define NO_THREAD UINT8_MAX

/* A place in the tree, and what was done about it. */
struct node {
	struct model_state before;
	size_t next, end; /* moves to try, in moves[] */
	struct move moved;
	bool forced; /* that is the one move to try */
};

/* Positions and model, in words: what the cache holds. */
struct cache {
	uint32_t *words; /* records, each its length and as many words */
	size_t n_words, max_words;
	uint32_t *buckets; /* where a record begins, or 0 */
	size_t n_buckets, max_buckets, n_records;
};

struct lin_work {
	uint64_t budget, moves_tried;
	size_t max_ops, max_threads; /* for which there is memory */

	/* of the history that is checked */
	size_t threads, n_steps;
	struct step *steps;                /* thread by thread */
	uint32_t *position, *begin, *stop; /* per thread, indices of steps */
	uint32_t *by_value;                /* puts, hashed; index + 1 */
	bool hopeless, any_order;

	/* of the search */
	struct model model;
	uint64_t *room;
	uint32_t *put_by;    /* per item: its put */
	uint64_t *got_after; /* per item: latest got_from up to it */
	size_t depth, left; /* moves made, steps that are still to be ordered */
	struct node *nodes;
	struct move *moves;
	uint32_t *record; /* of the place at hand, as in the cache */
	struct cache cache;

	size_t longest;
	struct lin_step *longest_steps;
};

/* ---- memory ------------------------------------------------------------- */

static bool grow(void *array, size_t n, size_t size)
{
	void *old, *grown;

	memcpy(&old, array, sizeof(old));
	grown = realloc(old, n * size);
	if (grown)
		memcpy(array, &grown, sizeof(grown));
	return grown;
}

#define GROW(array, n) grow(&(array), n, sizeof(*(array)))

static size_t buckets_for(size_t n)
{
	size_t buckets = MIN_BUCKETS;

	while (buckets < 2 * n)
		buckets *= 2;
	return buckets;
}

/* Words of a record: its length, positions, 6 of the model, items. */
#define RECORD_MAX(threads, ops) (1 + (threads) + 6 + 2 * (ops))
#define AS_MADE 4 /* beside the state: capacity and holds are as at first */

static bool reserve(struct lin_work *w, size_t ops, size_t threads)
{
	size_t steps;

	if (ops <= w->max_ops && threads <= w->max_threads)
		return true;
	ops = ops > 2 * w->max_ops ? ops : 2 * w->max_ops;
	threads = threads > w->max_threads ? threads : w->max_threads;
	steps = 2 * ops;
	if (!GROW(w->steps, steps) || !GROW(w->room, MODEL_ROOM(ops)) ||
	    !GROW(w->put_by, ops) || !GROW(w->got_after, ops) ||
	    !GROW(w->nodes, steps + 1) ||
	    !GROW(w->moves, steps * (threads + threads * threads / 4)) ||
	    !GROW(w->record, RECORD_MAX(threads, ops)) ||
	    !GROW(w->by_value, buckets_for(ops)) ||
	    !GROW(w->position, threads) || !GROW(w->begin, threads) ||
	    !GROW(w->stop, threads))
		return false;
	w->max_ops = ops;
	w->max_threads = threads;
	return true;
}

/* ---- steps -------------------------------------------------------------- */

bool lin_may_discard(const struct lin_op *op)
{
	return (op->call == LIN_SHUTDOWN && op->value == COQUEUE_IMMEDIATE) ||
	       (op->call == LIN_RELEASE && op->value == COQUEUE_GET &&
		op->result == 0);
}

/* Whether an interrupt overlaps this call, which may be ended by one. */
static bool is_interrupted(const struct lin_history *h, const struct lin_op *op)
{
	if (op->call != LIN_PUT && op->call != LIN_GET &&
	    op->call != LIN_PEEK && op->call != LIN_JOIN)
		return false;
	for (size_t i = 0; i < h->n; i++) {
		const struct lin_op *by = &h->ops[i];

		if (by->call == LIN_INTERRUPT && by->called <= op->returned &&
		    op->called <= by->returned)
			return true;
	}
	return false;
}

static bool stores(const struct lin_op *op)
{
	return (op->call == LIN_PUT || op->call == LIN_FORCE_PUT) &&
	       op->result == 0;
}

static void add_step(struct lin_work *w, const struct lin_history *h,
		     const struct lin_op *op, enum lin_part part)
{
	struct step *s = &w->steps[w->stop[op->thread]++];

	s->is.op = op;
	s->is.partner = NULL;
	s->is.part = part;
	s->called = op->called;
	s->returned = op->returned;
	s->got_from = 0;
	s->got_until = LIN_NEVER;
	s->shown_until = LIN_NEVER;
	s->got_by = NOBODY;
	s->stores = stores(op);
	s->interrupted = op->result == EINTR && is_interrupted(h, op);
}

/* The steps of each thread in one piece, begin[] to stop[]. */
static void make_steps(struct lin_work *w, const struct lin_history *h)
{
	uint32_t n = 0;

	memset(w->stop, 0, h->threads * sizeof(*w->stop));
	for (size_t i = 0; i < h->n; i++) {
		assert(h->ops[i].thread < h->threads);
		w->stop[h->ops[i].thread] += 1 + lin_may_discard(&h->ops[i]);
	}
	for (size_t t = 0; t < h->threads; t++) {
		uint32_t of_thread = w->stop[t];

		w->position[t] = w->begin[t] = w->stop[t] = n;
		n += of_thread;
	}
	w->n_steps = w->left = n;
	w->threads = h->threads;
	for (size_t i = 0; i < h->n; i++) {
		add_step(w, h, &h->ops[i], LIN_EFFECT);
		if (lin_may_discard(&h->ops[i]))
			add_step(w, h, &h->ops[i], LIN_DISCARD);
	}
	for (size_t t = 0; t < h->threads; t++)
		for (uint32_t i = w->stop[t]; i-- > w->begin[t] + 1;)
			if (w->steps[i - 1].returned > w->steps[i].returned)
				w->steps[i - 1].returned = w->steps[i].returned;
}

/* ---- gets of puts ------------------------------------------------------- */

/* Whether a step shows an item that was the next to leave. */
static inline bool shows(const struct step *s, uint64_t *value)
{
	const struct lin_op *op = s->is.op;

	*value = op->call == LIN_FORCE_PUT ? op->evicted : op->value;
	return op->result == 0 &&
	       (op->call == LIN_GET || op->call == LIN_PEEK ||
		(op->call == LIN_FORCE_PUT && op->evicted != LIN_NOTHING));
}

/* Where the put of this value stands in by_value, or an empty place. */
static uint32_t *find_put(struct lin_work *w, uint64_t value, size_t mask)
{
	size_t i = (value * UINT64_C(0x9e3779b97f4a7c15)) >> 32;

	for (;; i++) {
		uint32_t *place = &w->by_value[i & mask];

		if (!*place || w->steps[*place - 1].is.op->value == value)
			return place;
	}
}

static size_t hash_puts(struct lin_work *w)
{
	size_t puts = 0, mask;

	for (size_t i = 0; i < w->n_steps; i++)
		puts += w->steps[i].stores;
	mask = buckets_for(puts) - 1;
	memset(w->by_value, 0, (mask + 1) * sizeof(*w->by_value));
	for (uint32_t i = 0; i < w->n_steps; i++) {
		struct step *s = &w->steps[i];
		uint32_t *place;

		if (!s->stores)
			continue;
		place = find_put(w, s->is.op->value, mask);
		if (*place) { /* more than one: 0 to LIN_NEVER for all */
			w->steps[*place - 1].got_from = 0;
			continue;
		}
		*place = i + 1;
		s->got_from = LIN_NEVER; /* never got, so far */
	}
	return mask;
}

/* A put's item was got, or peeked at; false: for the second time. */
static bool note_get(struct lin_work *w, struct step *put, uint32_t by)
{
	const struct lin_op *get = w->steps[by].is.op;

	if (put->got_by == NOBODY && put->got_from == 0)
		return true; /* one of several */
	if (get->returned < put->shown_until)
		put->shown_until = get->returned;
	if (get->call == LIN_PEEK)
		return true;
	if (put->got_by != NOBODY)
		return false;
	put->got_by = by;
	put->got_from = get->called;
	put->got_until = get->returned;
	return true;
}

/* Tell each put when its item was got. */
static void match_gets(struct lin_work *w)
{
	size_t mask = hash_puts(w);

	w->hopeless = false;
	for (uint32_t i = 0; i < w->n_steps && !w->hopeless; i++) {
		uint64_t value;
		uint32_t put;

		if (!shows(&w->steps[i], &value))
			continue;
		put = *find_put(w, value, mask);
		w->hopeless = !put || !note_get(w, &w->steps[put - 1], i);
	}
}

/* Whether an item can leave before another one is the next, which is so at
 * this instant at the latest. */
static bool can_leave_before(const struct lin_work *w, const struct step *put,
			     const struct step *later, uint64_t until)
{
	return put->got_from <= until &&
	       (put->got_by == NOBODY || later->got_by == NOBODY ||
		w->steps[put->got_by].is.op->thread !=
			w->steps[later->got_by].is.op->thread ||
		put->got_by < later->got_by);
}

static bool may_go_behind(const struct lin_work *w, const struct step *put)
{
	const struct model_state *now = &w->model.now;
	size_t last = now->end - 1;

	return now->gone == now->end ||
	       (w->got_after[last] <= put->shown_until &&
		can_leave_before(w, &w->steps[w->put_by[last]], put,
				 put->shown_until));
}

/* Whether an item that is put on top of another one leaves before it. */
static bool overtakes(const struct model_kind *kind, const struct step *put,
		      uint64_t item)
{
	return kind->order == COQUEUE_LIFO ||
	       model_compare(kind, put->is.op->value, item) < 0;
}

/* Whether a put's item may join those that the model holds. */
static bool may_join(const struct lin_work *w, const struct step *put)
{
	const struct model *m = &w->model;

	if (w->any_order)
		return true;
	if (m->kind.order == COQUEUE_FIFO)
		return may_go_behind(w, put);
	for (size_t i = 0; i < m->now.end; i++) {
		const struct step *held = &w->steps[w->put_by[i]];

		if (model_holds(m, i) &&
		    !(overtakes(&m->kind, put, m->items[i])
			      ? can_leave_before(w, put, held, held->got_until)
			      : can_leave_before(w, held, put,
						 put->shown_until)))
			return false;
	}
	return true;
}

/* ---- the model ---------------------------------------------------------- */

static int force_put(struct model *m, struct lin_answer *a)
{
	size_t n;
	int result = model_force_put(m, a->value, &a->evicted, &n);

	if (result == 0 && n == 0)
		a->evicted = LIN_NOTHING;
	return result;
}

static int shut_down(struct model *m, const struct lin_step *step)
{
	if (step->part == LIN_DISCARD)
		model_discard(m);
	else
		model_shutdown(m, (enum coqueue_shutdown)step->op->value);
	return 0;
}

static int release(struct model *m, const struct lin_step *step)
{
	if (step->part == LIN_EFFECT)
		return model_release(m, (enum coqueue_side)step->op->value);
	if (m->now.holds[COQUEUE_GET] == 0)
		model_discard(m); /* it was the last, and not just one */
	return 0;
}

static inline int answer_to(struct model *m, const struct lin_step *step,
			    struct lin_answer *a)
{
	switch ((enum lin_call)step->op->call) {
	case LIN_PUT:
		return step->partner ? model_hand_over(m)
				     : model_put(m, a->value);
	case LIN_GET:
		return model_get(m, &a->value);
	case LIN_PEEK:
		return model_peek(m, &a->value);
	case LIN_TASK_DONE:
		return model_task_done(m, a->value);
	case LIN_JOIN:
		return model_join(m);
	case LIN_STATE:
		a->value = m->now.state;
		return 0;
	case LIN_SHUTDOWN:
		return shut_down(m, step);
	case LIN_FORCE_PUT:
		return force_put(m, a);
	case LIN_SET_CAPACITY:
		return model_set_capacity(m, a->value);
	case LIN_HOLD:
		return model_hold(m, (enum coqueue_side)a->value);
	case LIN_RELEASE:
		return release(m, step);
	case LIN_INTERRUPT:
	case LIN_N_CALLS:
		break;
	}
	return 0;
}

struct lin_answer lin_answer(struct model *m, struct lin_step step)
{
	struct lin_answer a = {.value = step.op->value,
			       .evicted = step.op->evicted};

	a.result = answer_to(m, &step, &a);
	return a;
}

/* Let the model take this step; whether it answers as the queue did. */
static bool model_agrees(struct model *m, const struct step *s)
{
	const struct lin_op *op = s->is.op;
	struct lin_answer a = {.value = op->value, .evicted = op->evicted};
	int result;

	if (op->result == EINTR)
		return s->interrupted;
	result = answer_to(m, &s->is, &a);
	return (result == op->result ||
		(result == EAGAIN && op->result == ETIMEDOUT)) &&
	       a.value == op->value && a.evicted == op->evicted;
}

/* But for the capacity: see node_open(). */
static bool same_state(const struct model_state *a, const struct model_state *b)
{
	return a->gone == b->gone && a->end == b->end &&
	       a->unfinished == b->unfinished &&
	       a->holds[COQUEUE_PUT] == b->holds[COQUEUE_PUT] &&
	       a->holds[COQUEUE_GET] == b->holds[COQUEUE_GET] &&
	       a->state == b->state;
}

/* ---- the cache ---------------------------------------------------------- */

static void cache_clear(struct cache *c)
{
	if (c->n_records == 0)
		return;
	c->n_records = 0;
	c->n_words = 1;
	c->n_buckets = MIN_BUCKETS;
	memset(c->buckets, 0, MIN_BUCKETS * sizeof(*c->buckets));
}

static size_t record_hash(const uint32_t *record)
{
	uint64_t hash = record[0] % 2 ? record[record[0]] : 0, two;

	for (uint32_t i = 1; i < record[0]; i += 2) {
		memcpy(&two, &record[i], sizeof(two));
		hash = (hash ^ two ^ hash >> 29) * UINT64_C(0x9e3779b97f4a7c15);
	}
	return (hash ^ hash >> 29) * UINT64_C(0x9e3779b97f4a7c15) >> 32;
}

/* The place of a record that is equal in full, or an empty one. */
static uint32_t *cache_find(const struct cache *c, const uint32_t *record)
{
	for (size_t i = record_hash(record);; i++) {
		uint32_t *place = &c->buckets[i & (c->n_buckets - 1)];

		if (!*place || (c->words[*place] == record[0] &&
				memcmp(&c->words[*place], record,
				       (record[0] + 1) * sizeof(*record)) == 0))
			return place;
	}
}

static bool cache_widen(struct cache *c)
{
	c->n_buckets *= 2;
	if (c->n_buckets > c->max_buckets) {
		if (!GROW(c->buckets, c->n_buckets))
			return false;
		c->max_buckets = c->n_buckets;
	}
	memset(c->buckets, 0, c->n_buckets * sizeof(*c->buckets));
	for (size_t at = 1; at < c->n_words; at += c->words[at] + 1)
		*cache_find(c, &c->words[at]) = (uint32_t)at;
	return true;
}

static bool cache_add(struct cache *c, const uint32_t *record)
{
	size_t size = record[0] + 1, need = c->n_words + size;

	if (2 * c->n_records >= c->n_buckets && !cache_widen(c))
		return false;
	if (need > c->max_words) {
		if (need > UINT32_MAX / 2 || !GROW(c->words, 2 * need))
			return false;
		c->max_words = 2 * need;
	}
	*cache_find(c, record) = (uint32_t)c->n_words;
	memcpy(&c->words[c->n_words], record, size * sizeof(*record));
	c->n_words = need;
	c->n_records++;
	return true;
}

/* What stands for an item that no call ever shows: such items are alike. */
#define UNSEEN UINT64_MAX

static uint32_t *record_item(const struct lin_work *w, size_t i,
			     uint32_t *words)
{
	const struct step *put = &w->steps[w->put_by[i]];
	uint64_t value = w->model.items[i];

	if (put->got_from == LIN_NEVER && put->shown_until == LIN_NEVER)
		value = UNSEEN;
	memcpy(words, &value, sizeof(value));
	return words + sizeof(value) / sizeof(*words);
}

/*
 * The items, in words, those of one priority together; which they are follows
 * from the positions, and how many of each priority, so their order is what the
 * record adds.
 */
static size_t record_items(const struct lin_work *w, uint32_t *words)
{
	const struct model *m = &w->model;
	bool ranked = m->kind.order == COQUEUE_PRIORITY;
	uint32_t *r = words;

	if (m->kind.order == COQUEUE_FIFO) {
		for (size_t i = m->now.gone; i < m->now.end; i++)
			r = record_item(w, i, r);
		return (size_t)(r - words);
	}
	for (uint64_t rank = 0; rank < (ranked ? m->kind.ranks : 1); rank++)
		for (size_t i = 0; i < m->now.end; i++)
			if (model_holds(m, i) &&
			    (!ranked || m->items[i] % m->kind.ranks == rank))
				r = record_item(w, i, r);
	return (size_t)(r - words);
}

static bool is_as_made(const struct model *m)
{
	return m->now.capacity == m->kind.capacity &&
	       m->now.holds[COQUEUE_PUT] == 0 && m->now.holds[COQUEUE_GET] == 0;
}

static const uint32_t *record_here(struct lin_work *w)
{
	const struct model_state *m = &w->model.now;
	bool as_made = is_as_made(&w->model);
	uint32_t *r = w->record + 1;

	memcpy(r, w->position, w->threads * sizeof(*r));
	r += w->threads;
	*r++ = m->state | (as_made ? AS_MADE : 0);
	memcpy(r, &m->unfinished, sizeof(m->unfinished));
	r += 2;
	if (!as_made) {
		memcpy(r, m->holds, sizeof(m->holds));
		r += sizeof(m->holds) / (sizeof(*r));
		memcpy(r, &m->capacity, sizeof(m->capacity));
		r += sizeof(m->capacity) / sizeof(*r);
	}
	r += record_items(w, r);
	w->record[0] = (uint32_t)(r - w->record - 1);
	return w->record;
}

static bool failed_before(struct lin_work *w)
{
	return w->cache.n_records > 0 &&
	       *cache_find(&w->cache, record_here(w)) != 0;
}

/* ---- its life ----------------------------------------------------------- */

struct lin_work *lin_work_new(uint64_t budget)
{
	struct lin_work *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->budget = budget ? budget : BUDGET;
	w->cache.n_words = 1; /* 0 means that there is no record */
	w->cache.n_buckets = MIN_BUCKETS / 2;
	if (!cache_widen(&w->cache) || !reserve(w, 32, 8)) {
		lin_work_free(w);
		return NULL;
	}
	return w;
}

void lin_work_free(struct lin_work *w)
{
	if (!w)
		return;
	free(w->steps);
	free(w->room);
	free(w->put_by);
	free(w->got_after);
	free(w->nodes);
	free(w->moves);
	free(w->record);
	free(w->by_value);
	free(w->position);
	free(w->begin);
	free(w->stop);
	free(w->cache.words);
	free(w->cache.buckets);
	free(w);
}

/* ---- the search --------------------------------------------------------- */

static const struct step *next_of(const struct lin_work *w, size_t thread)
{
	return w->position[thread] < w->stop[thread]
		       ? &w->steps[w->position[thread]]
		       : NULL;
}

/* The instant before which each next step must have been called. */
static uint64_t first_return(const struct lin_work *w)
{
	uint64_t first = LIN_NEVER;

	for (size_t t = 0; t < w->threads; t++) {
		const struct step *s = next_of(w, t);

		if (s && s->returned < first)
			first = s->returned;
	}
	return first;
}

/* Small is tried first. */
static uint64_t lateness(const struct step *s)
{
	switch (s->is.op->call) {
	case LIN_GET:
		return 0;
	case LIN_PUT:
	case LIN_FORCE_PUT:
		return s->got_until;
	case LIN_SHUTDOWN:
		return s->is.part == LIN_EFFECT ? LIN_NEVER : s->returned;
	default:
		return s->returned;
	}
}

static inline void add_move(struct lin_work *w, struct node *n,
			    struct move move)
{
	uint64_t late = lateness(next_of(w, move.thread));
	size_t i = n->end++;

	for (; i > n->next; i--) {
		if (lateness(next_of(w, w->moves[i - 1].thread)) <= late)
			break;
		w->moves[i] = w->moves[i - 1];
	}
	w->moves[i] = move;
}

/* A put of a rendezvous with each get that it may meet. */
static void add_pairs(struct lin_work *w, struct node *n, size_t thread,
		      uint64_t first)
{
	const struct step *put = next_of(w, thread);

	if (put->is.op->call != LIN_PUT || !put->stores ||
	    model_hand_over(&w->model) != 0)
		return;
	w->model.now = n->before;
	for (size_t t = 0; t < w->threads; t++) {
		const struct step *get = next_of(w, t);

		if (get && get->called <= first &&
		    get->is.op->call == LIN_GET && get->is.op->result == 0 &&
		    get->is.op->value == put->is.op->value)
			add_move(w, n,
				 (struct move){(uint8_t)thread, (uint8_t)t});
	}
}

/* Find the moves that go on from here. */
static void node_open(struct lin_work *w)
{
	uint64_t first = first_return(w);
	struct node *n = &w->nodes[w->depth];

	n->before = w->model.now;
	n->next = n->end = w->depth ? n[-1].end : 0;
	n->forced = false;
	for (size_t t = 0; t < w->threads && !n->forced; t++) {
		const struct step *s = next_of(w, t);
		bool agrees;

		if (!s || s->called > first)
			continue;
		agrees = model_agrees(&w->model, s);
		n->forced = agrees && same_state(&w->model.now, &n->before) &&
			    s->is.op->call != LIN_SET_CAPACITY;
		if (n->forced)
			n->end = n->next;
		w->model.now = n->before;
		if (n->forced || (agrees && (!s->stores || may_join(w, s))))
			add_move(w, n, (struct move){(uint8_t)t, NO_THREAD});
		if (w->model.kind.capacity == 0)
			add_pairs(w, n, t, first);
	}
}

static void note_item(struct lin_work *w, size_t at, uint32_t put)
{
	uint64_t before = at > w->model.now.gone ? w->got_after[at - 1] : 0;
	uint64_t own = w->steps[put].got_from;

	w->put_by[at] = put;
	w->got_after[at] = own > before ? own : before;
}

static void move(struct lin_work *w, struct node *n)
{
	struct move moved = w->moves[n->next++];
	uint32_t step = w->position[moved.thread]++;

	n->moved = moved;
	w->left--;
	if (moved.partner != NO_THREAD) {
		w->position[moved.partner]++;
		w->left--;
		model_hand_over(&w->model);
	} else if (!n->forced) { /* who is forced changes nothing */
		model_agrees(&w->model, &w->steps[step]);
	}
	if (w->model.now.end != n->before.end)
		note_item(w, n->before.end, step);
	w->depth++;
	w->moves_tried++;
}

static void move_back(struct lin_work *w)
{
	struct node *n = &w->nodes[--w->depth];

	w->position[n->moved.thread]--;
	w->left++;
	if (n->moved.partner != NO_THREAD) {
		w->position[n->moved.partner]--;
		w->left++;
	}
	w->model.now = n->before;
}

static void note_longest(struct lin_work *w)
{
	uint32_t *next = w->position;

	if (!w->longest_steps || w->depth <= w->longest)
		return;
	w->longest = w->depth;
	memcpy(next, w->begin, w->threads * sizeof(*next));
	for (size_t i = 0; i < w->depth; i++) {
		struct move moved = w->nodes[i].moved;
		struct lin_step *step = &w->longest_steps[i];

		*step = w->steps[next[moved.thread]++].is;
		if (moved.partner != NO_THREAD)
			step->partner = w->steps[next[moved.partner]++].is.op;
	}
}

static enum lin_verdict search(struct lin_work *w)
{
	w->depth = 0;
	w->moves_tried = 0;
	cache_clear(&w->cache);
	if (w->n_steps == 0)
		return LIN_OK;
	node_open(w);
	for (;;) {
		struct node *n = &w->nodes[w->depth];

		if (n->next == n->end) {
			if (!n->forced && !cache_add(&w->cache, record_here(w)))
				return LIN_TOO_HARD;
			if (w->depth == 0)
				return LIN_VIOLATION;
			move_back(w);
			continue;
		}
		if (w->moves_tried == w->budget)
			return LIN_TOO_HARD;
		move(w, n);
		note_longest(w);
		if (w->left == 0)
			return LIN_OK;
		node_open(w);
		if (!w->nodes[w->depth].forced && failed_before(w))
			move_back(w);
	}
}

static bool prepare(struct lin_work *w, const struct lin_history *h)
{
	if (!reserve(w, h->n, h->threads))
		return false;
	make_steps(w, h);
	match_gets(w);
	model_init(&w->model, h->kind, w->room, h->n);
	w->any_order = false;
	w->longest = 0;
	w->longest_steps = NULL;
	return true;
}

enum lin_verdict lin_check(struct lin_work *w, const struct lin_history *h)
{
	if (!prepare(w, h))
		return LIN_TOO_HARD;
	if (w->hopeless)
		return LIN_VIOLATION;
	return search(w);
}

size_t lin_longest(struct lin_work *w, const struct lin_history *h,
		   struct lin_step *steps)
{
	if (!prepare(w, h))
		return 0;
	w->any_order = true;
	w->longest_steps = steps;
	search(w);
	return w->longest;
}

uint64_t lin_moves(const struct lin_work *w)
{
	return w->moves_tried;
}
