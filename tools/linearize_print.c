/* SPDX-License-Identifier: MIT */
/* Histories as text: see linearize.h. */
#include "linearize.h"

#include <coqueue.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

enum { STEPS_SHOWN = 40 };

static const char *state_name(uint64_t state)
{
	static const char *const names[] = {"OPEN", "DRAINING", "SHUT"};

	return state < sizeof(names) / sizeof(*names) ? names[state] : "?";
}

static void print_result(FILE *f, int result)
{
	static const struct {
		int result;
		const char *name;
	} names[] = {
		{0, "0"},           {ESHUTDOWN, "ESHUTDOWN"},
		{EAGAIN, "EAGAIN"}, {ETIMEDOUT, "ETIMEDOUT"},
		{EINTR, "EINTR"},   {EINVAL, "EINVAL"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].result == result) {
			fputs(names[i].name, f);
			return;
		}
	fprintf(f, "errno value %d", result);
}

static void print_answer(FILE *f, const struct lin_op *op, struct lin_answer a)
{
	print_result(f, a.result);
	if (a.result)
		return;
	if (op->call == LIN_GET || op->call == LIN_PEEK)
		fprintf(f, ", item %" PRIu64, a.value);
	else if (op->call == LIN_STATE)
		fprintf(f, ", %s", state_name(a.value));
	else if (op->call == LIN_FORCE_PUT && a.evicted == LIN_NOTHING)
		fputs(", nothing made room", f);
	else if (op->call == LIN_FORCE_PUT)
		fprintf(f, ", item %" PRIu64 " made room", a.evicted);
}

static void print_call(FILE *f, const struct lin_op *op)
{
	switch (op->call) {
	case LIN_PUT:
		fprintf(f, "put %" PRIu64, op->value);
		break;
	case LIN_FORCE_PUT:
		fprintf(f, "force_put %" PRIu64, op->value);
		break;
	case LIN_SET_CAPACITY:
		fprintf(f, "set_capacity %" PRIu64, op->value);
		break;
	case LIN_HOLD:
	case LIN_RELEASE:
		fprintf(f, "%s %s", op->call == LIN_HOLD ? "hold" : "release",
			op->value == COQUEUE_PUT ? "PUT" : "GET");
		break;
	case LIN_TASK_DONE:
		fprintf(f, "task_done %" PRIu64, op->value);
		break;
	case LIN_SHUTDOWN:
		fprintf(f, "shutdown %s",
			op->value == COQUEUE_IMMEDIATE ? "IMMEDIATE"
						       : "GRACEFUL");
		break;
	default: {
		static const char *const names[LIN_N_CALLS] = {
			[LIN_GET] = "get",
			[LIN_PEEK] = "peek",
			[LIN_JOIN] = "join",
			[LIN_STATE] = "state",
			[LIN_INTERRUPT] = "interrupt",
		};

		fputs(op->call < LIN_N_CALLS ? names[op->call] : "?", f);
	}
	}
}

static void print_op(FILE *f, const struct lin_op *op)
{
	fprintf(f, "thread %u: ", op->thread);
	print_call(f, op);
	fputs(" -> ", f);
	print_answer(f, op,
		     (struct lin_answer){op->result, op->value, op->evicted});
}

static int by_instant(const void *a, const void *b)
{
	const struct lin_op *const *first = a, *const *second = b;

	if ((*first)->called != (*second)->called)
		return (*first)->called < (*second)->called ? -1 : 1;
	return *first < *second ? -1 : *first > *second;
}

static void print_interval(FILE *f, const struct lin_op *op)
{
	fprintf(f, "  [%8" PRIu64 ", ", op->called);
	if (op->returned == LIN_NEVER)
		fputs("       ...]  ", f);
	else
		fprintf(f, "%8" PRIu64 "]  ", op->returned);
}

static void print_kind(FILE *f, const struct model_kind *kind)
{
	static const char *const orders[] = {
		[COQUEUE_FIFO] = "FIFO",
		[COQUEUE_LIFO] = "LIFO",
		[COQUEUE_PRIORITY] = "PRIORITY",
	};

	fprintf(f, "a %s queue", orders[kind->order]);
	if (kind->order == COQUEUE_PRIORITY)
		fprintf(f, " (values modulo %" PRIu64 ")", kind->ranks);
	if (kind->capacity == COQUEUE_UNBOUNDED)
		fputs(" without limit", f);
	else
		fprintf(f, " of capacity %zu", kind->capacity);
}

void lin_print(FILE *f, const struct lin_history *h)
{
	const struct lin_op **sorted = calloc(h->n + 1, sizeof(*sorted));

	fprintf(f, "history of %zu calls on ", h->n);
	print_kind(f, &h->kind);
	fputs(":\n", f);
	for (size_t i = 0; sorted && i < h->n; i++)
		sorted[i] = &h->ops[i];
	if (sorted)
		qsort(sorted, h->n, sizeof(*sorted), by_instant);
	for (size_t i = 0; i < h->n; i++) {
		const struct lin_op *op = sorted ? sorted[i] : &h->ops[i];

		print_interval(f, op);
		print_op(f, op);
		fputc('\n', f);
	}
	free(sorted);
}

static void print_model(FILE *f, const struct model *m)
{
	fprintf(f, "%s, %" PRIu64 " unfinished, holds",
		state_name(m->now.state), m->now.unfinished);
	for (size_t i = 0; i < m->now.end; i++)
		if (model_holds(m, i))
			fprintf(f, " %" PRIu64, m->items[i]);
	fputs(model_size(m) ? "" : " nothing", f);
	if (m->now.capacity != m->kind.capacity)
		fprintf(f, ", capacity %zu", m->now.capacity);
	if (m->now.holds[COQUEUE_PUT] || m->now.holds[COQUEUE_GET])
		fprintf(f, ", held by %u and %u", m->now.holds[COQUEUE_PUT],
			m->now.holds[COQUEUE_GET]);
	fputc('\n', f);
}

static void print_step(FILE *f, struct lin_step step)
{
	print_op(f, step.op);
	if (step.part == LIN_DISCARD)
		fputs(" (discards what is left)", f);
	if (step.partner) {
		fputs(", together with ", f);
		print_op(f, step.partner);
	}
}

static void explain_order(FILE *f, const struct lin_step *steps, size_t n,
			  struct model *m)
{
	fputs("the longest order in which a queue answers like this:\n", f);
	if (n > STEPS_SHOWN)
		fprintf(f, "       (%zu steps)\n", n - STEPS_SHOWN);
	for (size_t i = 0; i < n; i++) {
		if (steps[i].op->result != EINTR)
			lin_answer(m, steps[i]);
		if (i + STEPS_SHOWN < n)
			continue;
		fprintf(f, "%5zu. ", i + 1);
		print_step(f, steps[i]);
		fputs("\n         ", f);
		print_model(f, m);
	}
}

/* The step that comes after these, of one thread; without op: none. */
static struct lin_step next_step(const struct lin_history *h, size_t thread,
				 const struct lin_step *steps, size_t n)
{
	const struct lin_op *op = h->ops;
	struct lin_step last = {0};

	for (size_t i = 0; i < n; i++)
		if (steps[i].op->thread == thread)
			last = steps[i];
		else if (steps[i].partner && steps[i].partner->thread == thread)
			last = (struct lin_step){.op = steps[i].partner};
	if (last.op && lin_may_discard(last.op) && last.part == LIN_EFFECT)
		return (struct lin_step){.op = last.op, .part = LIN_DISCARD};
	if (last.op)
		op = last.op + 1;
	for (; op < h->ops + h->n; op++)
		if (op->thread == thread)
			return (struct lin_step){.op = op};
	return (struct lin_step){0};
}

/* A call that comes before this one and is still to be ordered, or NULL. */
static const struct lin_op *ahead(const struct lin_history *h,
				  const struct lin_op *op,
				  const struct lin_step *steps, size_t n)
{
	for (size_t t = 0; t < h->threads; t++) {
		const struct lin_op *other = next_step(h, t, steps, n).op;

		if (other && other->returned < op->called)
			return other;
	}
	return NULL;
}

static void explain_thread(FILE *f, const struct lin_history *h, size_t thread,
			   const struct lin_step *steps, size_t n,
			   const struct model *m)
{
	struct lin_step step = next_step(h, thread, steps, n);
	const struct lin_op *first;
	struct model tried = *m;

	if (!step.op)
		return;
	fputs("  ", f);
	print_step(f, step);
	first = ahead(h, step.op, steps, n);
	if (first) {
		fputs(": later than ", f);
		print_op(f, first);
	} else if (step.op->result == EINTR) {
		fputs(": nobody interrupts", f);
	} else {
		fputs(": the queue answers ", f);
		print_answer(f, step.op, lin_answer(&tried, step));
	}
	fputc('\n', f);
}

void lin_explain(FILE *f, struct lin_work *w, const struct lin_history *h)
{
	struct lin_step *steps = calloc(2 * h->n + 1, sizeof(*steps));
	uint64_t *room = calloc(MODEL_ROOM(h->n + 1), sizeof(*room));
	struct model m;

	lin_print(f, h);
	if (steps && room) {
		size_t n = lin_longest(w, h, steps);

		model_init(&m, h->kind, room, h->n);
		explain_order(f, steps, n, &m);
		fputs("what cannot come next:\n", f);
		for (size_t t = 0; t < h->threads; t++)
			explain_thread(f, h, t, steps, n, &m);
	}
	free(room);
	free(steps);
}
