/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a line of waiters is made of, for who gives it a place (store.h); what it
 * does, and why, is in wait.h.
 */
#ifndef COQUEUE_LINE_H
#define COQUEUE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "list.h"
#include "sync.h"

struct waiter;
struct line;

/* What lines of one sort, in all queues, have in common. */
struct line_kind {
	/* Could n more be served now, w among them (or NULL)? */
	bool (*ready)(struct line *line, uint64_t n, const struct waiter *w);
	/* Under lock: do what w waits for, if it has left what it takes; or
	 * NULL: nobody leaves that. */
	bool (*serve)(struct line *line, struct waiter *w);
	/* Bytes from a line to the lock, which is that of its queue. */
	ptrdiff_t lock;
};

struct line {
	_Atomic uint32_t armed; /* under lock; read anywhere [wait.2] */
	_Atomic uint32_t vain;  /* looks at an idle line; a hint */
	_Atomic uintptr_t home; /* as armed: of the thread; 0: of several */
	const struct line_kind *kind;
	/* under lock: */
	struct list asleep, served;
	uint64_t next_ticket;
	uint64_t completed;   /* tickets below: the call has succeeded */
	uint64_t interrupted; /* tickets below: blocked calls end */
	uint64_t waits;       /* callers that have been in line */
	uint64_t wakeups;     /* waiters woken */
	uint32_t in_flight;   /* woken */
	uint32_t consenting;  /* of these, threads */
	uint32_t waiting;     /* blocked, or armed and not woken */
	uint32_t nodes;       /* armed, or woken and not back yet */
	/* In line, coroutines and armed waiters; read anywhere, as a hint. */
	_Atomic uint32_t foreign;
	bool owed; /* to be looked at: something was done for others */
	_Atomic uint16_t slept; /* calls in a row; a hint: call_patience() */
};

#define LINE_IDLE UINT32_MAX

#endif
