/* SPDX-License-Identifier: MIT */
/* Calls that bytes tell: see calls.h. */
#include "calls.h"

#include <coqueue.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tools/model.h"

enum {
	CAPACITY_MAX = 8,
	ITEM_MAX = 40, /* bytes */
	BULK_MAX = 10, /* more than fit */
	ERRNO_BEFORE = 4711,
	UNTOUCHED = 0xa5
};

/* How a call says that it does not want to wait, or that it would. */
enum form { TRY, NOWAIT, PAST, LONG_PAST, FAR, FOR_EVER, N_FORMS };

static const struct timespec *const deadlines[N_FORMS] = {
	[TRY] = COQUEUE_NOWAIT,
	[NOWAIT] = COQUEUE_NOWAIT,
	[PAST] = &(const struct timespec){0, 0},
	[LONG_PAST] = &(const struct timespec){-1, 999999999},
	[FAR] = &(const struct timespec){INT64_MAX, 999999999},
	[FOR_EVER] = NULL,
};

struct calls {
	coqueue_t *q;
	struct model model;
	uint64_t *room;  /* the model's */
	bool *destroyed; /* items, by the order of their puts */
	size_t item_size;
	uint64_t next;    /* number of the next item */
	size_t left;      /* items got, or given to item_destroy */
	size_t discarded; /* by shutdown */
	const uint8_t *bytes, *end;
	size_t made;
	const char *call; /* the one at hand */
	bool differs;
	char *why;
	size_t why_size;
	unsigned char buffer[BULK_MAX * ITEM_MAX];
};

/* ---- what differs ------------------------------------------------------- */

static void __attribute__((format(printf, 2, 3)))
differ(struct calls *c, const char *format, ...)
{
	va_list args;
	int n;

	if (c->differs)
		return;
	c->differs = true;
	n = snprintf(c->why, c->why_size, "call %zu, %s: ", c->made, c->call);
	va_start(args, format);
	if (n >= 0 && (size_t)n < c->why_size)
		vsnprintf(c->why + n, c->why_size - (size_t)n, format, args);
	va_end(args);
}

static void expect(struct calls *c, const char *what, uint64_t found,
		   uint64_t expected)
{
	if (found != expected)
		differ(c, "%s is %llu, not %llu", what,
		       (unsigned long long)found, (unsigned long long)expected);
}

static void expect_result(struct calls *c, int found, int expected)
{
	if (found != expected)
		differ(c, "result is %d (%s), not %d (%s)", found,
		       strerror(found), expected, strerror(expected));
	if (errno != ERRNO_BEFORE)
		differ(c, "errno has changed to %d", errno);
	errno = ERRNO_BEFORE;
}

/* ---- items -------------------------------------------------------------- */

static void write_item(unsigned char *item, size_t size, uint64_t number)
{
	for (size_t i = 0; i < size; i++)
		item[i] = (unsigned char)(number * 31 + i * 7);
}

static bool is_item(const struct calls *c, const unsigned char *item,
		    uint64_t number)
{
	unsigned char want[ITEM_MAX];

	write_item(want, c->item_size, number);
	return memcmp(item, want, c->item_size) == 0;
}

static void expect_item(struct calls *c, const unsigned char *item,
			uint64_t number)
{
	if (!is_item(c, item, number))
		differ(c, "not item %llu", (unsigned long long)number);
}

/* From the i-th item of the buffer on, nothing was written. */
static void expect_untouched(struct calls *c, size_t i)
{
	for (i *= c->item_size; i < sizeof(c->buffer); i++)
		if (c->buffer[i] != UNTOUCHED) {
			differ(c, "byte %zu was written", i);
			return;
		}
}

/* A FIFO's are discarded in their order, others in any. */
static void item_destroy(void *item, void *calls)
{
	struct calls *c = calls;
	size_t i = 0;

	c->left++;
	while (i < c->model.now.end &&
	       (!model_holds(&c->model, i) || c->destroyed[i] ||
		(c->model.kind.order != COQUEUE_FIFO &&
		 !is_item(c, item, c->model.items[i]))))
		i++;
	if (i == c->model.now.end) {
		differ(c, "destroyed an item that it does not hold");
		return;
	}
	c->destroyed[i] = true;
	if (!is_item(c, item, c->model.items[i]))
		differ(c, "destroyed, but not item %llu",
		       (unsigned long long)c->model.items[i]);
}

/* The number of an item, modulo 256: what write_item() did to its first byte,
 * undone. */
static uint64_t low_number(const void *item)
{
	return (unsigned char)(*(const unsigned char *)item * 223);
}

static int compare_items(const void *a, const void *b, void *calls)
{
	struct calls *c = calls;

	return model_compare(&c->model.kind, low_number(a), low_number(b));
}

/* ---- bytes -------------------------------------------------------------- */

static unsigned next_byte(struct calls *c)
{
	return c->bytes < c->end ? *c->bytes++ : 0;
}

static size_t next_capacity(struct calls *c)
{
	unsigned byte = next_byte(c) % (CAPACITY_MAX + 2);

	return byte <= CAPACITY_MAX ? byte : COQUEUE_UNBOUNDED;
}

/* A form that does not wait for what the model answers with EAGAIN. */
static enum form next_form(struct calls *c, int answer)
{
	enum form form = (enum form)(next_byte(c) % N_FORMS);

	return answer == EAGAIN && form >= FAR ? TRY : form;
}

static int in_form(enum form form, int answer)
{
	return answer == EAGAIN && form != TRY && form != NOWAIT ? ETIMEDOUT
								 : answer;
}

/* ---- calls -------------------------------------------------------------- */

static int make_put(coqueue_t *q, const void *item, enum form form)
{
	if (form == TRY)
		return coqueue_try_put(q, item);
	if (form == FOR_EVER)
		return coqueue_put(q, item);
	return coqueue_put_until(q, item, deadlines[form]);
}

static int make_get(coqueue_t *q, void *item, enum form form)
{
	if (form == TRY)
		return coqueue_try_get(q, item);
	if (form == FOR_EVER)
		return coqueue_get(q, item);
	return coqueue_get_until(q, item, deadlines[form]);
}

static int make_peek(coqueue_t *q, void *item, enum form form)
{
	if (form == TRY)
		return coqueue_try_peek(q, item);
	if (form == FOR_EVER)
		return coqueue_peek(q, item);
	return coqueue_peek_until(q, item, deadlines[form]);
}

static void put(struct calls *c)
{
	int answer = model_put(&c->model, c->next);
	enum form form = next_form(c, answer);

	write_item(c->buffer, c->item_size, c->next++);
	expect_result(c, make_put(c->q, c->buffer, form),
		      in_form(form, answer));
}

static void get(struct calls *c)
{
	uint64_t number = 0;
	int answer = model_get(&c->model, &number);
	enum form form = next_form(c, answer);

	expect_result(c, make_get(c->q, c->buffer, form),
		      in_form(form, answer));
	if (answer == 0)
		expect_item(c, c->buffer, number);
	expect_untouched(c, answer == 0);
	c->left = c->model.now.gone;
}

static void peek(struct calls *c)
{
	uint64_t number = 0;
	int answer = model_peek(&c->model, &number);
	enum form form = next_form(c, answer);

	expect_result(c, make_peek(c->q, c->buffer, form),
		      in_form(form, answer));
	if (answer == 0)
		expect_item(c, c->buffer, number);
	expect_untouched(c, 1);
}

static void put_many(struct calls *c)
{
	size_t n = next_byte(c) % (BULK_MAX + 1), expected = 0, done = 99;
	enum form form;
	int answer = 0;

	for (size_t i = 0; i < n; i++)
		write_item(c->buffer + i * c->item_size, c->item_size,
			   c->next + i);
	while (expected < n &&
	       (answer = model_put(&c->model, c->next + expected)) == 0)
		expected++;
	form = next_form(c, answer);
	expect_result(
		c, coqueue_put_many(c->q, c->buffer, n, deadlines[form], &done),
		in_form(form, answer));
	expect(c, "done", done, expected);
	c->next += n;
}

static void get_many(struct calls *c)
{
	size_t n = next_byte(c) % (BULK_MAX + 1), expected = 0, done = 99;
	uint64_t numbers[BULK_MAX];
	enum form form;
	int answer = 0;

	while (expected < n &&
	       (answer = model_get(&c->model, &numbers[expected])) == 0)
		expected++;
	answer = expected ? 0 : answer;
	form = next_form(c, answer);
	expect_result(
		c, coqueue_get_many(c->q, c->buffer, n, deadlines[form], &done),
		in_form(form, answer));
	expect(c, "done", done, expected);
	for (size_t i = 0; i < expected; i++)
		expect_item(c, c->buffer + i * c->item_size, numbers[i]);
	expect_untouched(c, expected);
	c->left = c->model.now.gone;
}

static void task_done(struct calls *c)
{
	unsigned byte = next_byte(c);
	size_t n = byte < 255 ? byte % (CAPACITY_MAX + 1) : SIZE_MAX;

	expect_result(c, coqueue_task_done(c->q, n),
		      model_task_done(&c->model, n));
}

static void join(struct calls *c)
{
	int answer = model_join(&c->model);
	enum form form = next_form(c, answer);

	expect_result(c,
		      form == FOR_EVER
			      ? coqueue_join(c->q)
			      : coqueue_join_until(c->q, deadlines[form]),
		      in_form(form, answer));
}

static void shut_down(struct calls *c)
{
	enum coqueue_shutdown mode =
		next_byte(c) % 2 ? COQUEUE_IMMEDIATE : COQUEUE_GRACEFUL;

	model_shutdown(&c->model, mode);
	expect_result(c, coqueue_shutdown(c->q, mode), 0);
	if (mode == COQUEUE_IMMEDIATE)
		c->discarded += model_discard(&c->model);
}

static void force_put(struct calls *c)
{
	unsigned char *evicted = c->buffer + c->item_size;
	size_t n = 99, expected;
	uint64_t number = 0;
	int answer;

	answer = model_force_put(&c->model, c->next, &number, &expected);
	write_item(c->buffer, c->item_size, c->next++);
	expect_result(c, coqueue_force_put(c->q, c->buffer, evicted, &n),
		      answer);
	expect(c, "items that made room", n, expected);
	if (expected)
		expect_item(c, evicted, number);
	expect_untouched(c, 1 + expected);
	c->left = c->model.now.gone;
}

static void set_capacity(struct calls *c)
{
	size_t capacity = next_capacity(c);

	expect_result(c, coqueue_set_capacity(c->q, capacity),
		      model_set_capacity(&c->model, capacity));
}

static unsigned next_side(struct calls *c)
{
	return next_byte(c) % (MODEL_N_SIDES + 1); /* a bad one, too */
}

static void hold(struct calls *c)
{
	unsigned side = next_side(c);

	expect_result(c, coqueue_hold(c->q, (enum coqueue_side)side),
		      model_hold(&c->model, (enum coqueue_side)side));
}

static void release(struct calls *c)
{
	unsigned side = next_side(c);
	int answer = model_release(&c->model, (enum coqueue_side)side);

	expect_result(c, coqueue_release(c->q, (enum coqueue_side)side),
		      answer);
	c->discarded += model_discard(&c->model);
}

static void interrupt(struct calls *c)
{
	expect_result(c, coqueue_interrupt(c->q), 0);
}

/* Each is EINVAL, whatever the state, and changes nothing. */
static void bad_input(struct calls *c)
{
	static const struct timespec bad[] = {{0, -1}, {1, 1000000000}};
	const struct timespec *deadline = &bad[next_byte(c) % 2];
	coqueue_stats_t stats = {.size = sizeof(stats) - 1};
	size_t done[3] = {99, 99, 99}, n = 0;
	int results[] = {
		coqueue_try_put(NULL, c->buffer),
		coqueue_put(c->q, NULL),
		coqueue_put_until(c->q, c->buffer, deadline),
		coqueue_put_many(c->q, c->buffer, 1, deadline, &done[0]),
		coqueue_put_many(c->q, c->buffer, 1, COQUEUE_NOWAIT, NULL),
		coqueue_put_many(c->q, NULL, 1, COQUEUE_NOWAIT, &done[1]),
		coqueue_try_get(NULL, c->buffer),
		coqueue_get(c->q, NULL),
		coqueue_get_until(c->q, c->buffer, deadline),
		coqueue_get_many(c->q, c->buffer, 1, deadline, &done[2]),
		coqueue_get_many(c->q, c->buffer, 1, COQUEUE_NOWAIT, NULL),
		coqueue_peek(c->q, NULL),
		coqueue_peek_until(c->q, c->buffer, deadline),
		coqueue_join_until(c->q, deadline),
		coqueue_shutdown(c->q, (enum coqueue_shutdown)2),
		coqueue_force_put(NULL, c->buffer, c->buffer, &n),
		coqueue_force_put(c->q, NULL, c->buffer, &n),
		coqueue_force_put(c->q, c->buffer, NULL, &n),
		coqueue_force_put(c->q, c->buffer, c->buffer, NULL),
		coqueue_set_capacity(NULL, 1),
		coqueue_hold(NULL, COQUEUE_PUT),
		coqueue_release(NULL, COQUEUE_PUT),
		coqueue_stats(c->q, &stats),
	};

	for (size_t i = 0; i < sizeof(results) / sizeof(*results); i++)
		expect_result(c, results[i], EINVAL);
	expect(c, "done of bad calls", done[0] + done[1] + done[2], 0);
	expect_untouched(c, 0);
}

static const struct {
	const char *name;
	void (*make)(struct calls *c);
} calls[] = {
	{"put", put},
	{"get", get},
	{"put", put},
	{"get", get},
	{"put_many", put_many},
	{"get_many", get_many},
	{"peek", peek},
	{"task_done", task_done},
	{"join", join},
	{"interrupt", interrupt},
	{"bad input", bad_input},
	{"force_put", force_put},
	{"set_capacity", set_capacity},
	/* two bytes of all that are a call, each */
	{"hold", hold},
	{"release", release},
	{"shutdown", shut_down},
};

enum {
	N_CALLS = sizeof(calls) / sizeof(*calls),
	N_RARE = 3,
	N_OFTEN = N_CALLS - N_RARE,
	RARE_FROM = 256 - 2 * N_RARE
};

/* ---- what the queue tells of itself ------------------------------------- */

static void compare(struct calls *c)
{
	const struct model_state *now = &c->model.now;
	coqueue_stats_t s = {.size = sizeof(s)};

	expect(c, "size", coqueue_size(c->q), model_size(&c->model));
	expect(c, "unfinished", coqueue_unfinished(c->q), now->unfinished);
	expect(c, "state", coqueue_state(c->q), now->state);
	expect(c, "capacity", coqueue_capacity(c->q), now->capacity);
	expect_result(c, coqueue_stats(c->q, &s), 0);
	expect(c, "puts", s.puts, now->end);
	expect(c, "gets", s.gets, now->gone - c->discarded);
	expect(c, "discarded", s.discarded, c->discarded);
	expect(c, "waits and wakeups", s.put_waits + s.get_waits + s.wakeups,
	       0);
	expect(c, "callers that wait",
	       s.putters_waiting + s.getters_waiting + s.joiners_waiting, 0);
	expect(c, "items that left", c->left, now->gone);
}

static void make_call(struct calls *c)
{
	unsigned byte = next_byte(c);
	unsigned which = byte >= RARE_FROM ? N_OFTEN + (byte - RARE_FROM) / 2
					   : byte % N_OFTEN;

	c->call = calls[which].name;
	memset(c->buffer, UNTOUCHED, sizeof(c->buffer));
	errno = ERRNO_BEFORE;
	calls[which].make(c);
	compare(c);
	c->made++;
}

static struct model_kind next_kind(struct calls *c)
{
	struct model_kind kind;

	kind.order = (enum coqueue_order)(next_byte(c) % 3);
	kind.capacity = next_capacity(c);
	kind.ranks = UINT64_C(1) << next_byte(c) % 4; /* see low_number() */
	return kind;
}

static void make_queue(struct calls *c, size_t items)
{
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;
	struct model_kind kind = next_kind(c);
	int result;

	c->item_size = 1 + next_byte(c) % ITEM_MAX;
	c->call = "create";
	attr.order = kind.order;
	attr.item_size = c->item_size;
	attr.item_destroy = item_destroy;
	if (kind.order == COQUEUE_PRIORITY)
		attr.compare = compare_items;
	attr.ctx = c;
	model_init(&c->model, kind, c->room, items);
	errno = ERRNO_BEFORE;
	result = coqueue_create(&c->q, kind.capacity, &attr);
	if (result != ENOTSUP || kind.capacity != 0)
		expect_result(c, result, 0);
}

static void destroy_queue(struct calls *c)
{
	c->call = "destroy";
	expect_result(c, coqueue_destroy(c->q), 0);
	expect(c, "items that left", c->left, c->model.now.end);
}

bool calls_agree(const uint8_t *bytes, size_t n, char *why, size_t size)
{
	size_t items = n * BULK_MAX + 1;
	struct calls c = {
		.call = "memory",
		.bytes = bytes,
		.end = bytes + n,
		.why = why,
		.why_size = size,
	};

	c.room = calloc(MODEL_ROOM(items), sizeof(*c.room));
	c.destroyed = calloc(items, sizeof(*c.destroyed));
	if (c.room && c.destroyed)
		make_queue(&c, items);
	else
		differ(&c, "no memory");
	while (c.q && !c.differs && c.bytes < c.end)
		make_call(&c);
	if (c.q)
		destroy_queue(&c);
	free(c.destroyed);
	free(c.room);
	return !c.differs;
}
