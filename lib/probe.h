/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Static probes (USDT), for bpftrace, perf, SystemTap and gdb: each is one nop
 * and a note in the library, where <sys/sdt.h> is there when it is built, and
 * nothing otherwise.  None stands on a fast path.
 *
 *   create          queue, capacity, item_size
 *   block           queue, line, kind     somebody stands in line, and goes to sleep
 *   wake            line, kind            a waiter is to be woken
 *   shutdown__begin queue, mode           under lock, before it takes effect
 *   shutdown__end   queue, mode           all are awake, what is left is discarded
 *   discard         queue, items
 *
 * line is where one waits: an address within the queue.  kind: enum waiter_kind
 * (0 an armed waiter, 1 a thread, 2 a coroutine); mode: enum coqueue_shutdown.
 */
#ifndef COQUEUE_PROBE_H
#define COQUEUE_PROBE_H

#ifdef HAVE_SYS_SDT_H
#include <sys/sdt.h>
#define PROBE2(name, a, b) DTRACE_PROBE2(coqueue, name, a, b)
#define PROBE3(name, a, b, c) DTRACE_PROBE3(coqueue, name, a, b, c)
#else
#define PROBE2(name, a, b) ((void)(a), (void)(b))
#define PROBE3(name, a, b, c) ((void)(a), (void)(b), (void)(c))
#endif

#endif
