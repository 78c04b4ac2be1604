/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a store of items must do.  A store knows nothing of waiting, shutdown
 * or tasks; what it promises is that each operation takes effect at one
 * instant, and that it tells truly why it did nothing.
 *
 * A store that works without the lock (the ring) also has a gate: once closed,
 * under the lock, no put takes effect any more.  The gate is part of the word
 * that puts are ordered by, so "closed and empty" is known at one instant and
 * is final.  See shutdown.c for what that is good for.
 */
#ifndef COQUEUE_STORE_H
#define COQUEUE_STORE_H

enum store_result {
	STORE_DONE,  /* at least one item was moved */
	STORE_NONE,  /* full, or empty, at some instant during the call */
	STORE_BUSY,  /* neither: a call that is half-way is in the way */
	STORE_CLOSED /* put: the gate is closed; get: closed and empty */
};

#endif
