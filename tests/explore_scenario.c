/* SPDX-License-Identifier: MIT */
/*
 * The scenarios, and how one schedule of a scenario is run: each caller makes
 * its calls, and each call is recorded.
 *
 * A scenario is as small as its purpose allows, or the search does not end.
 * A last shutdown hides lost wake-ups: so most have none, and those that have
 * one stand beside a sister that has none.
 */
#include "config.h"

#include "explore_waiter.h"

#undef free
#undef aligned_alloc

/* {PUT}: without a number where there is none. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
/* clang-format off */
const struct scenario scenarios[] = {
{ "put_get", "two puts, two gets, one slot", SMALL, 1,
	.callers = {{{PUT}, {PUT}}, {{GET}, {GET}}} },
{ "put_get_2", "three puts, three gets, two slots", MIDDLE, 2,
	.callers = {{{PUT}, {PUT}, {PUT}}, {{GET}, {GET}, {GET}}} },
{ "put_get_spin", "a call tries again before it sleeps", MIDDLE, 1, .spins = 1,
	.callers = {{{PUT}, {PUT}}, {{GET}, {GET}}} },
{ "words", "items of two words are never torn", MIDDLE, 1, .words = 2,
	.callers = {{{PUT}, {PUT}}, {{GET}, {GET}}} },
{ "spurious", "waits return for nothing", MIDDLE, 1, .spurious = 2,
	.callers = {{{PUT}, {PUT}}, {{GET}, {GET}}} },
{ "putters", "two putters, one getter, one slot", MIDDLE, 1,
	.callers = {{{PUT}}, {{PUT}}, {{GET}, {GET}}} },
{ "getters", "one putter, two getters, one slot", MIDDLE, 1,
	.callers = {{{PUT}, {PUT}}, {{GET}}, {{GET}}} },
{ "getters_2", "the same, two slots", MIDDLE, 2,
	.callers = {{{PUT}, {PUT}}, {{GET}}, {{GET}}} },
{ "two_two", "two putters, two getters, two slots", MIDDLE, 2,
	.callers = {{{PUT}}, {{PUT}}, {{GET}}, {{GET}}} },
{ "hole", "a put stalls in front of one that is complete", MIDDLE, 2,
	.callers = {{{PUT}}, {{PUT}}, {{GET}}} },
{ "pass_on", "one get makes room for two putters in turn", MIDDLE, 1, .filled = 1,
	.callers = {{{PUT}}, {{PUT}}, {{GET}, {GET}, {GET}}} },
{ "try", "calls that do not wait find it full, empty, or tell truly", SMALL, 1,
	.callers = {{{TRY_PUT}, {TRY_GET}}, {{TRY_PUT}, {TRY_GET}}} },
{ "try_behind", "a try behind a put that is half-way", MIDDLE, 1,
	.callers = {{{PUT}}, {{TRY_PUT}, {TRY_GET}}, {{TRY_GET}}} },
{ "size", "the size beside a get and a put that takes its slot", SMALL, 1, .filled = 1,
	.callers = {{{GET}}, {{PUT}}, {{SIZE}}} },
{ "size_bulk", "the same, with bulk calls", MIDDLE, 2, .filled = 2,
	.callers = {{{GET_MANY, 2}}, {{PUT_MANY, 2}}, {{SIZE}}} },
{ "chain", "an unbounded queue of two segments", MIDDLE, COQUEUE_UNBOUNDED,
	.callers = {{{PUT}, {PUT}, {PUT}}, {{GET}, {GET}, {GET}}} },
{ "chain_getters", "two getters leave a segment", LARGE, COQUEUE_UNBOUNDED, .filled = 2,
	.callers = {{{PUT}, {PUT}, {PUT}}, {{GET}, {GET}}, {{GET}, {GET}}} },
{ "chain_putters", "two putters need a segment", MIDDLE, COQUEUE_UNBOUNDED, .filled = 1,
	.callers = {{{PUT}, {PUT}}, {{PUT}, {PUT}}, {{GET}, {GET}, {TRY_GET}}} },
{ "chain_rivals", "a getter goes to sleep while another takes the first of two", MIDDLE, COQUEUE_UNBOUNDED,
	.callers = {{{GET}}, {{GET}}, {{PUT}, {PUT}}} },
{ "chain_tries", "tries that find it empty", MIDDLE, COQUEUE_UNBOUNDED, .filled = 1,
	.callers = {{{TRY_GET}, {TRY_PUT}}, {{TRY_PUT}, {TRY_GET}}, {{TRY_GET}}} },
{ "chain_again", "a segment is used again", MIDDLE, COQUEUE_UNBOUNDED, .filled = 2,
	.callers = {{{PUT}, {GET}, {PUT}, {GET}, {PUT}}, {{GET}, {GET}, {PUT}}} },
{ "chain_peek", "a peek while segments change", MIDDLE, COQUEUE_UNBOUNDED, .filled = 2,
	.callers = {{{GET}, {GET}, {PUT}, {PUT}, {PUT}}, {{PEEK}}} },
{ "chain_bulk", "bulk calls over segments", MIDDLE, COQUEUE_UNBOUNDED,
	.callers = {{{PUT_MANY, 3}}, {{GET_MANY, 2}, {GET_MANY, 1}}} },
{ "chain_bulk_getters", "bulk getters leave a segment together", MIDDLE, COQUEUE_UNBOUNDED, .filled = 3,
	.callers = {{{GET_MANY, 2}}, {{GET_MANY, 2}}, {{PUT}}} },
{ "chain_graceful", "an unbounded queue ends", MIDDLE, COQUEUE_UNBOUNDED, .filled = 1,
	.callers = {{{PUT}, {PUT}}, {{GET}, {GET}}, {{GRACEFUL}}} },
{ "chain_immediate", "... at once", MIDDLE, COQUEUE_UNBOUNDED, .filled = 1,
	.callers = {{{PUT}, {PUT}}, {{GET}, {GET}}, {{IMMEDIATE}}} },
{ "chain_join", "... and everything was done", MIDDLE, COQUEUE_UNBOUNDED,
	.callers = {{{PUT}, {PUT}, {JOIN}}, {{GET}, {TASK_DONE, 1}, {GET}, {TASK_DONE, 1}}} },
{ "chain_size", "... and its size beside calls", MIDDLE, COQUEUE_UNBOUNDED, .filled = 2,
	.callers = {{{GET}, {GET}}, {{PUT}}, {{SIZE}}} },
{ "meet", "a put and a get meet", SMALL, 0, .callers = {{{PUT}, {PUT}}, {{GET}, {GET}}} },
{ "meet_spin", "the same, spinning", MIDDLE, 0, .spins = 1,
	.callers = {{{PUT}, {PUT}}, {{GET}, {GET}}} },
{ "meet_three", "two putters, one getter", MIDDLE, 0,
	.callers = {{{PUT}}, {{PUT}}, {{GET}, {GET}}} },
{ "meet_getters", "two getters, one putter", MIDDLE, 0,
	.callers = {{{GET}}, {{GET}}, {{PUT}, {PUT}}} },
{ "meet_tries", "tries that may find a partner", MIDDLE, 0,
	.callers = {{{TRY_PUT}, {PUT}}, {{GET}}, {{TRY_GET}}} },
{ "meet_timed", "a partner that may go", MIDDLE, 0,
	.callers = {{{GET_UNTIL}}, {{PUT_UNTIL}}, {{TRY_PUT}}} },
{ "meet_cancelled", "a partner that is cancelled", MIDDLE, 0, 
	.callers = {{{GET}}, {{PUT_UNTIL}}, {{CANCEL, 0}}} },
{ "meet_try_cancelled", "a try whose partner is cancelled", SMALL, 0,
	.callers = {{{GET}}, {{TRY_PUT}}, {{CANCEL, 0}}} },
{ "meet_graceful", "shutdown beside a meeting", MIDDLE, 0,
	.callers = {{{GET}}, {{PUT}}, {{GRACEFUL}}} },
{ "meet_immediate", "the same, immediate", MIDDLE, 0,
	.callers = {{{GET}}, {{PUT}}, {{IMMEDIATE}}} },
{ "meet_interrupt", "an interrupt beside a meeting", MIDDLE, 0,
	.callers = {{{GET}}, {{PUT}}, {{INTERRUPT}}} },
{ "meet_interrupt_stall", "... by a partner that was woken and does not run", MIDDLE, 0, .stalls = 1,
	.callers = {{{GET}}, {{PUT}}, {{INTERRUPT}}} },
{ "meet_bulk", "bulk calls meet", SMALL, 0,
	.callers = {{{PUT_MANY, 2}}, {{GET_MANY, 2}, {GET_MANY, 2}}} },
{ "meet_peek", "a peek finds nothing", MIDDLE, 0,
	.callers = {{{GET}}, {{PUT}, {GRACEFUL}}, {{PEEK}}} },
{ "meet_crowd", "a crowd meets", LARGE, 0,
	.callers = {{{PUT}, {PUT}}, {{GET}, {GET}}, {{PUT_UNTIL}, {TRY_GET}}, {{GET_UNTIL}, {TRY_PUT}}} },
{ "graceful", "a putter, a getter and a graceful shutdown", MIDDLE, 1,
	.callers = {{{PUT}, {PUT}}, {{GET}, {GET}}, {{GRACEFUL}}} },
{ "graceful_putters", "blocked putters leave, accepted items are got", MIDDLE, 1,
	.callers = {{{PUT}}, {{PUT}}, {{GRACEFUL}, {GET}, {GET}}} },
{ "graceful_getters", "all getters leave, one of them with an item", MIDDLE, 2, .filled = 1,
	.callers = {{{GET}}, {{GET}}, {{GRACEFUL}}} },
{ "graceful_race", "the same, with a put that may come too late", LARGE, 2,
	.callers = {{{PUT}}, {{GET}}, {{GET}}, {{GRACEFUL}}} },
{ "gate", "a put from before cannot slip in after a refused one", MIDDLE, 1, .filled = 1,
	.callers = {{{PUT}}, {{TRY_PUT}, {GET}, {GET}}, {{GRACEFUL}}} },
{ "immediate", "a putter, a getter and an immediate shutdown", MIDDLE, 1,
	.callers = {{{PUT}, {PUT}}, {{GET}}, {{IMMEDIATE}, {TRY_PUT}}} },
{ "immediate_getters", "items are got or discarded, once", SMALL, 2, .filled = 2,
	.reenters = true,
	.callers = {{{GET}}, {{GET}, {STATE}}, {{IMMEDIATE}}} },
{ "both", "graceful beside immediate", MIDDLE, 1, .filled = 1,
	.callers = {{{PUT}}, {{GRACEFUL}, {GET}}, {{IMMEDIATE}, {TRY_PUT}}} },
{ "twice", "two shutdowns at once", MIDDLE, 1,
	.callers = {{{GRACEFUL}, {TRY_PUT}}, {{GRACEFUL}, {TRY_PUT}}, {{PUT}}} },
{ "timed_get", "a get whose deadline comes passes its wake-up on", MIDDLE, 2,
	.callers = {{{PUT}}, {{GET_UNTIL}}, {{GET}}} },
{ "timed_put", "a put whose deadline comes passes its wake-up on", MIDDLE, 1, .filled = 1,
	.callers = {{{PUT_UNTIL}}, {{PUT}}, {{GET}}} },
{ "timed_shutdown", "a deadline beside a shutdown", MIDDLE, 1,
	.callers = {{{GET_UNTIL}, {GET_UNTIL}}, {{PUT}}, {{GRACEFUL}}} },
{ "cancel_get", "a cancelled get passes its wake-up on", MIDDLE, 2,
	.callers = {{{PUT}}, {{GET}}, {{GET}}, {{CANCEL, 1}}} },
{ "cancel_put", "a cancelled put passes its wake-up on", MIDDLE, 1, .filled = 1,
	.callers = {{{PUT}}, {{PUT}}, {{CANCEL, 0}, {GET}}} },
{ "cancel_join", "a cancelled join leaves nothing behind", SMALL, 1, .filled = 1,
	.callers = {{{JOIN}}, {{CANCEL, 0}, {GET}, {TASK_DONE, 1}}} },
{ "interrupt", "who is blocked leaves, later calls do not", MIDDLE, 1,
	.callers = {{{GET}, {GET}}, {{PUT}}, {{INTERRUPT}}} },
{ "interrupt_put", "an interrupted put passes its wake-up on", MIDDLE, 1, .filled = 1,
	.callers = {{{PUT}}, {{PUT}}, {{INTERRUPT}, {GET}}} },
{ "interrupt_all", "whoever is blocked leaves", SMALL, 1,
	.callers = {{{GET}}, {{GET}}, {{SETTLE}, {INTERRUPT}}} },
{ "interrupt_walk", "nobody slips through an interrupt while others are woken", LARGE, 1,
	.callers = {{{GET}}, {{GET}}, {{PUT}, {TRY_GET}}, {{INTERRUPT}}} },
{ "interrupt_join", "a put and a join, both blocked, leave", SMALL, 1, .filled = 1,
	.callers = {{{PUT}}, {{JOIN}}, {{SETTLE}, {INTERRUPT}}} },
{ "bulk", "a bulk put into a full queue, a bulk get out of it", MIDDLE, 2,
	.callers = {{{PUT_MANY, 3}}, {{GET_MANY, 2}, {GET}}} },
{ "bulk_getters", "a bulk put wakes as many getters as it has items", MIDDLE, 2,
	.callers = {{{PUT_MANY, 2}}, {{GET}}, {{GET}}} },
{ "bulk_putters", "a bulk get wakes as many putters as it makes room", MIDDLE, 2, .filled = 2,
	.callers = {{{PUT}}, {{PUT}}, {{GET_MANY, 2}}} },
{ "bulk_cut", "a bulk put is cut by a shutdown", MIDDLE, 2,
	.callers = {{{PUT_MANY, 3}}, {{GET}, {GET_MANY, 3}}, {{GRACEFUL}}} },
{ "join", "join returns when the last task is done", MIDDLE, 1, .filled = 1,
	.callers = {{{JOIN}, {PUT}}, {{JOIN}}, {{GET}, {TASK_DONE, 1}}} },
{ "join_immediate", "items that are discarded are no longer waited for", SMALL, 1,
	.callers = {{{PUT}}, {{JOIN}}, {{IMMEDIATE}, {TRY_JOIN}}} },
{ "join_ahead", "task_done ahead of gets, beside a discard", SMALL, 2, .filled = 2,
	.callers = {{{TASK_DONE, 1}, {TASK_DONE, 1}}, {{IMMEDIATE}, {TRY_JOIN}}, {{TRY_JOIN}}} },
{ "join_put", "a put and a task_done beside a join", SMALL, 2, .filled = 1,
	.callers = {{{PUT}, {TASK_DONE, 1}}, {{TRY_JOIN}}} },
{ "join_timed", "a join whose deadline comes", SMALL, 1, .filled = 1,
	.callers = {{{JOIN_UNTIL}, {TRY_JOIN}}, {{GET}, {TASK_DONE, 1}}} },
{ "peek", "a peek beside a get, one put for both", MIDDLE, 1,
	.callers = {{{PUT}, {PUT}}, {{PEEK}}, {{GET}, {TRY_GET}}} },
{ "peek_over", "a slot is overwritten under a peek", SMALL, 1, .filled = 1, .words = 2,
	.callers = {{{GET}, {PUT}}, {{TRY_PEEK}, {PEEK_UNTIL}}} },
{ "peek_shutdown", "a parked peek leaves with a shutdown", MIDDLE, 1,
	.callers = {{{PEEK}}, {{PUT}}, {{GRACEFUL}}} },
{ "destroy_asleep", "destroy waits for those who are blocked", SMALL, 1,
	.callers = {{{GET}}, {{JOIN}}, {{SETTLE}, {DESTROY}}} },
{ "destroy_shut", "destroy right after shutdown, waiters on their way out", MIDDLE, 1, .filled = 1,
	.callers = {{{PUT}}, {{PUT}}, {{SETTLE}, {GRACEFUL}, {DESTROY}}} },
{ "destroy_get", "a getter destroys the queue of a put on its way out", SMALL, 1,
	.callers = {{{PUT}}, {{GET}, {DESTROY}}} },
{ "destroy_put", "a putter destroys the queue of a get on its way out", SMALL, 1, .filled = 1,
	.callers = {{{GET}}, {{PUT}, {DESTROY}}} },
{ "destroy_bulk", "the same with bulk calls", SMALL, 1,
	.callers = {{{PUT_MANY, 1}}, {{GET_MANY, 1}, {DESTROY}}} },
{ "destroy_bulk_waits", "a getter destroys the queue of a bulk put that has to wait", SMALL, 1,
	.callers = {{{PUT_MANY, 2}}, {{GET}, {DESTROY}}} },
{ "destroy_join", "a joiner destroys the queue of a task_done on its way out", SMALL, 1, .filled = 1,
	.callers = {{{GET}, {TASK_DONE, 1}}, {{JOIN}, {DESTROY}}} },
{ "destroy_shutdown", "a getter destroys the queue of a shutdown on its way out", SMALL, 1,
	.callers = {{{GRACEFUL}}, {{GET}, {DESTROY}}} },
{ "destroy_interrupt", "an interrupted one destroys the queue", SMALL, 1,
	.callers = {{{SETTLE}, {INTERRUPT}}, {{GET}, {DESTROY}}} },
{ "lifo", "two putters, two getters, the newest first", SMALL, 2, .order = COQUEUE_LIFO,
	.callers = {{{PUT}, {PUT}}, {{GET}, {GET}}} },
{ "lifo_one", "the same with one slot, and who is blocked", MIDDLE, 1, .order = COQUEUE_LIFO,
	.callers = {{{PUT}}, {{PUT}, {TRY_PUT}}, {{GET}, {GET}}} },
{ "lifo_peek", "a peek of a LIFO that changes", MIDDLE, 2, .order = COQUEUE_LIFO, .filled = 1,
	.callers = {{{PUT}, {GET}}, {{PEEK}, {TRY_PEEK}}, {{TRY_GET}}} },
{ "lifo_gate", "a put that is late, one that is refused, and then the size", SMALL, 2, .order = COQUEUE_LIFO,
	.callers = {{{PUT}}, {{GRACEFUL}}, {{TRY_PUT}, {SIZE}}} },
{ "lifo_size", "a LIFO's size beside a get and a put", MIDDLE, 1, .order = COQUEUE_LIFO, .filled = 1,
	.callers = {{{GET}}, {{PUT}}, {{SIZE}, {TRY_PEEK}}} },
{ "lifo_unbounded", "a LIFO without a limit", MIDDLE, COQUEUE_UNBOUNDED, .order = COQUEUE_LIFO,
	.callers = {{{PUT}, {PUT}}, {{GET}}, {{GET}}} },
{ "lifo_bulk", "bulk calls of a LIFO", MIDDLE, 2, .order = COQUEUE_LIFO,
	.callers = {{{PUT_MANY, 3}}, {{GET_MANY, 2}, {GET}}} },
{ "lifo_graceful", "a LIFO ends", LARGE, 1, .order = COQUEUE_LIFO,
	.callers = {{{PUT}, {PUT}}, {{GET}, {GET}}, {{GRACEFUL}}} },
{ "lifo_immediate", "... at once", MIDDLE, 2, .order = COQUEUE_LIFO, .filled = 2, .reenters = true,
	.callers = {{{PUT}}, {{GET}, {STATE}}, {{IMMEDIATE}}} },
{ "lifo_leaves", "a deadline and a cancellation in a LIFO", LARGE, 1, .order = COQUEUE_LIFO,
	.callers = {{{PUT}}, {{GET_UNTIL}}, {{GET}}, {{CANCEL, 2}}} },
{ "priority", "the lowest first, equal ones in their order", SMALL, 3, .order = COQUEUE_PRIORITY,
	.callers = {{{PUT}, {PUT}}, {{GET}, {GET}}} },
{ "priority_heap", "a heap of four", MIDDLE, 4, .order = COQUEUE_PRIORITY, .filled = 3,
	.callers = {{{PUT}, {GET}}, {{GET}, {GET}}, {{TRY_GET}}} },
{ "priority_peek", "a peek of what the next put overtakes", SMALL, 3, .order = COQUEUE_PRIORITY, .filled = 1,
	.callers = {{{PUT}, {PUT}}, {{PEEK}, {GET}, {TRY_PEEK}}} },
{ "priority_bulk", "bulk calls of a priority queue", SMALL, 3, .order = COQUEUE_PRIORITY,
	.callers = {{{PUT_MANY, 4}}, {{GET_MANY, 2}, {GET_MANY, 2}}} },
{ "priority_graceful", "a priority queue ends", MIDDLE, 2, .order = COQUEUE_PRIORITY, .filled = 1,
	.callers = {{{PUT}, {PUT}}, {{GET}, {GET}}, {{GRACEFUL}}} },
{ "priority_immediate", "... at once", MIDDLE, 3, .order = COQUEUE_PRIORITY, .filled = 3, .reenters = true,
	.callers = {{{GET}}, {{GET}, {STATE}}, {{IMMEDIATE}}} },
{ "priority_leaves", "a deadline and a cancellation in a priority queue", LARGE, 1, .order = COQUEUE_PRIORITY, .filled = 1,
	.callers = {{{PUT_UNTIL}}, {{PUT}}, {{CANCEL, 1}, {GET}}} },
{ "priority_stall", "the second item is got while the first getter does not run", MIDDLE, 2, .order = COQUEUE_PRIORITY,
	.stalls = 1, .callers = {{{PUT}, {PUT}}, {{GET}}, {{GET}}} },
{ "force", "a put that evicts beside a get and a put", MIDDLE, 1, .filled = 1,
	.callers = {{{FORCE_PUT}}, {{GET}}, {{PUT}}} },
{ "force_2", "the same, two slots", MIDDLE, 2, .filled = 2,
	.callers = {{{FORCE_PUT}}, {{GET}, {TRY_GET}}, {{PUT}}} },
{ "force_force", "two that evict, beside a get", MIDDLE, 1, .filled = 1,
	.callers = {{{FORCE_PUT}}, {{FORCE_PUT}}, {{TRY_GET}}} },
{ "force_force_2", "two that evict, two slots", MIDDLE, 2, .filled = 2,
	.callers = {{{FORCE_PUT}, {FORCE_PUT}}, {{FORCE_PUT}, {TRY_GET}}} },
{ "force_getters", "it wakes a getter when nothing is evicted", MIDDLE, 1,
	.callers = {{{FORCE_PUT}, {FORCE_PUT}}, {{GET}}, {{GET}}} },
{ "force_putter", "a blocked putter is served after it", MIDDLE, 1, .filled = 1,
	.callers = {{{PUT}}, {{FORCE_PUT}}, {{GET}, {GET}}} },
{ "force_tries", "what a try finds beside an exchange", MIDDLE, 1, .filled = 1,
	.callers = {{{FORCE_PUT}}, {{TRY_PUT}, {TRY_GET}}, {{TRY_GET}}} },
{ "force_peek", "a peek of the slot that is exchanged", MIDDLE, 1, .filled = 1, .words = 2,
	.callers = {{{FORCE_PUT}, {FORCE_PUT}}, {{TRY_PEEK}, {PEEK}}} },
{ "force_size", "the size beside an exchange", MIDDLE, 1, .filled = 1,
	.callers = {{{FORCE_PUT}}, {{SIZE}}, {{SIZE}, {GET}}} },
{ "force_bulk", "bulk calls beside an exchange", LARGE, 2, .filled = 2,
	.callers = {{{FORCE_PUT}}, {{GET_MANY, 2}}, {{PUT_MANY, 2}}} },
{ "force_graceful", "an exchange beside a shutdown", MIDDLE, 1, .filled = 1,
	.callers = {{{FORCE_PUT}}, {{GRACEFUL}, {GET}}, {{TRY_GET}}} },
{ "force_immediate", "... an immediate one", MIDDLE, 2, .filled = 2,
	.callers = {{{FORCE_PUT}, {TRY_PUT}}, {{IMMEDIATE}}, {{TRY_GET}}} },
{ "force_destroy", "a getter destroys the queue of a force_put on its way out", SMALL, 1,
	.callers = {{{FORCE_PUT}}, {{GET}, {DESTROY}}} },
{ "force_stopped", "an exchange that fails, beside a get that is half-way and does not run", MIDDLE, 2, .filled = 2,
	.stalls = 1, .stops = true, .callers = {{{GET}}, {{FORCE_PUT}}, {{GET}}} },
{ "force_chain", "it evicts nothing without a limit", MIDDLE, COQUEUE_UNBOUNDED, .filled = 1,
	.callers = {{{FORCE_PUT}, {FORCE_PUT}}, {{GET}, {GET}}} },
{ "grow", "a blocked putter goes on when the queue grows", SMALL, 1, .filled = 1,
	.callers = {{{PUT}}, {{SET_CAPACITY, 2}}} },
{ "grow_putters", "as many putters as fit, beside a get", LARGE, 1, .filled = 1,
	.callers = {{{PUT}}, {{PUT}}, {{SET_CAPACITY, 2}, {GET}}} },
{ "grow_all", "several putters at once", MIDDLE, 1, .filled = 1,
	.callers = {{{PUT}}, {{PUT}}, {{SETTLE}, {SET_CAPACITY, 3}}} },
{ "grow_getter", "puts and gets on their fast path while it grows", MIDDLE, 1,
	.callers = {{{PUT}, {TRY_PUT}}, {{GET}}, {{SET_CAPACITY, 2}}} },
{ "grow_tries", "tries while it grows", LARGE, 1, .filled = 1,
	.callers = {{{TRY_GET}, {TRY_PUT}}, {{TRY_PUT}, {TRY_GET}}, {{SET_CAPACITY, 2}}} },
{ "grow_peek", "a peek while the slots are replaced", LARGE, 1, .filled = 1, .words = 2,
	.callers = {{{PEEK}, {GET}}, {{SET_CAPACITY, 2}}, {{SIZE}}} },
{ "grow_spin", "a call that spins while the slots are replaced", MIDDLE, 1, .spins = 1, .filled = 1,
	.callers = {{{PUT}}, {{SET_CAPACITY, 2}}} },
{ "grow_force", "an exchange while it grows", MIDDLE, 1, .filled = 1,
	.callers = {{{FORCE_PUT}}, {{SET_CAPACITY, 2}}, {{TRY_GET}}} },
{ "shrink", "a get brings it down to its capacity", MIDDLE, 2, .filled = 2,
	.callers = {{{GET}, {GET}}, {{PUT}}, {{SET_CAPACITY, 1}}} },
{ "shrink_more", "two gets do", MIDDLE, 3, .filled = 3,
	.callers = {{{GET}, {GET}}, {{GET}}, {{SET_CAPACITY, 1}, {TRY_PUT}}} },
{ "shrink_after", "what holds too much refuses puts until gets made room", MIDDLE, 3, .filled = 3,
	.callers = {{{SET_CAPACITY, 1}, {TRY_PUT}, {GET}, {GET}, {GET}, {PUT}}, {{TRY_PUT}}, {{SIZE}}} },
{ "shrink_putter", "a putter that waits for it", SMALL, 2, .filled = 2,
	.callers = {{{SET_CAPACITY, 1}, {PUT}}, {{GET}, {GET}}} },
{ "shrink_bulk", "a bulk get brings it down, a bulk put fills it", MIDDLE, 3, .filled = 3,
	.callers = {{{GET_MANY, 3}}, {{PUT_MANY, 2}}, {{SET_CAPACITY, 1}, {GET}}} },
{ "shrink_peek", "a peek, a size and a state while it shrinks", MIDDLE, 2, .filled = 2,
	.callers = {{{GET}, {TRY_GET}}, {{PEEK_UNTIL}, {SIZE}}, {{SET_CAPACITY, 1}}} },
{ "shrink_force", "an exchange in what holds too much", MIDDLE, 2, .filled = 2,
	.callers = {{{SET_CAPACITY, 1}, {FORCE_PUT}, {TRY_PUT}}, {{GET}}, {{FORCE_PUT}}} },
{ "shrink_room", "an exchange in what holds too much, and has free slots", SMALL, 3, .filled = 3,
	.callers = {{{SET_CAPACITY, 1}, {GET}, {FORCE_PUT}, {TRY_PUT}}, {{TRY_GET}}} },
{ "shrink_graceful", "what holds too much ends", MIDDLE, 2, .filled = 2,
	.callers = {{{SET_CAPACITY, 1}, {GET}}, {{GRACEFUL}, {GET}}, {{TRY_PUT}}} },
{ "shrink_immediate", "... at once", MIDDLE, 2, .filled = 2,
	.callers = {{{SET_CAPACITY, 1}}, {{IMMEDIATE}}, {{TRY_GET}}} },
{ "resize_twice", "two new capacities at once", MIDDLE, 1, .filled = 1,
	.callers = {{{SET_CAPACITY, 3}, {TRY_PUT}}, {{SET_CAPACITY, 2}, {TRY_PUT}}} },
{ "resize_both", "growing beside shrinking, with a put and a get", LARGE, 2, .filled = 2,
	.callers = {{{SET_CAPACITY, 3}, {TRY_PUT}}, {{SET_CAPACITY, 1}, {TRY_PUT}}, {{GET}}} },
{ "resize_get", "two at once beside a putter and a getter", LARGE, 1,
	.callers = {{{SET_CAPACITY, 2}}, {{SET_CAPACITY, 3}}, {{PUT}, {PUT}}, {{GET}}} },
{ "resize_shutdown", "a new capacity beside a shutdown", LARGE, 1, .filled = 1,
	.callers = {{{SET_CAPACITY, 2}, {TRY_PUT}}, {{GRACEFUL}, {GET}}, {{PUT}}} },
{ "resize_join", "tasks are done while the capacity changes", MIDDLE, 1, .filled = 1,
	.callers = {{{GET}, {TASK_DONE, 1}}, {{JOIN}}, {{SET_CAPACITY, 2}}} },
{ "resize_cancel", "a cancelled putter, a deadline, while it grows", LARGE, 1, .filled = 1,
	.callers = {{{PUT}}, {{PUT_UNTIL}}, {{CANCEL, 0}, {SET_CAPACITY, 2}}} },
{ "resize_destroy", "a getter destroys the queue that a resizer leaves", MIDDLE, 1,
	.callers = {{{SET_CAPACITY, 2}, {PUT}}, {{GET}, {DESTROY}}} },
{ "resize_lifo", "a LIFO grows and shrinks", LARGE, 1, .order = COQUEUE_LIFO, .filled = 1,
	.callers = {{{PUT}}, {{SET_CAPACITY, 2}, {SET_CAPACITY, 1}}, {{GET}, {GET}}} },
{ "resize_priority", "a priority queue shrinks below its size", LARGE, 3, .order = COQUEUE_PRIORITY, .filled = 3,
	.callers = {{{SET_CAPACITY, 1}, {TRY_PUT}}, {{GET}, {GET}, {GET}}, {{PUT}}} },
{ "release_put", "the last producer goes: getters leave", MIDDLE, 1, .holds = {1},
	.callers = {{{PUT}, {RELEASE, COQUEUE_PUT}}, {{GET}, {GET}}} },
{ "release_puts", "two producers go", LARGE, 1, .holds = {2},
	.callers = {{{PUT}, {RELEASE, COQUEUE_PUT}}, {{RELEASE, COQUEUE_PUT}, {TRY_PUT}}, {{GET}, {GET}}} },
{ "release_get", "the last consumer goes: putters leave", MIDDLE, 1, .filled = 1, .holds = {0, 1},
	.callers = {{{PUT}}, {{GET}, {RELEASE, COQUEUE_GET}}, {{TRY_PUT}}} },
{ "release_gets", "two consumers go, the rest is discarded", MIDDLE, 2, .filled = 2, .holds = {0, 2},
	.callers = {{{GET}, {RELEASE, COQUEUE_GET}}, {{RELEASE, COQUEUE_GET}, {STATE}}, {{TRY_PUT}}} },
{ "release_both", "the last producer and the last consumer at once", LARGE, 1, .filled = 1, .holds = {1, 1},
	.callers = {{{RELEASE, COQUEUE_PUT}, {TRY_PUT}}, {{RELEASE, COQUEUE_GET}, {TRY_GET}}, {{JOIN}}} },
{ "release_hold", "one more beside the last one", MIDDLE, 1, .holds = {1},
	.callers = {{{RELEASE, COQUEUE_PUT}}, {{HOLD, COQUEUE_PUT}, {TRY_PUT}, {RELEASE, COQUEUE_PUT}}, {{GET}}} },
{ "release_late", "a hold that comes too late", SMALL, 1, .holds = {1},
	.callers = {{{RELEASE, COQUEUE_PUT}}, {{HOLD, COQUEUE_PUT}, {TRY_PUT}}} },
{ "release_more", "more are released than were held", MIDDLE, 1, .holds = {1},
	.callers = {{{RELEASE, COQUEUE_PUT}}, {{RELEASE, COQUEUE_PUT}}, {{GRACEFUL}, {HOLD, COQUEUE_PUT}}} },
{ "release_destroy", "a getter destroys the queue of a release on its way out", MIDDLE, 1, .holds = {1},
	.callers = {{{RELEASE, COQUEUE_PUT}}, {{GET}, {DESTROY}}} },
{ "stall_getters", "the second item is got while the first getter does not run", MIDDLE, 2,
	.stalls = 1, .callers = {{{PUT}, {PUT}}, {{GET}}, {{GET}}} },
{ "stall_putters", "the second put goes on while the first does not run", MIDDLE, 2,
	.filled = 2, .stalls = 1, .callers = {{{PUT}}, {{PUT}}, {{GET}, {GET}}} },
{ "stall_bulk", "a bulk put wakes both, whether or not the first runs", MIDDLE, 2,
	.stalls = 1, .callers = {{{PUT_MANY, 2}}, {{GET}}, {{GET}}} },
{ "stall_end", "getters leave a closed queue while the first does not run", MIDDLE, 1,
	.stalls = 1, .callers = {{{PUT}}, {{GET}}, {{GET}}, {{SETTLE}, {GRACEFUL}}} },
{ "stall_joiners", "joiners leave while the first does not run", MIDDLE, 1, .filled = 1,
	.stalls = 1, .callers = {{{JOIN}}, {{JOIN}}, {{GET}, {TASK_DONE, 1}}} },
{ "stall_gate", "the same, with a get that was there before the shutdown", LARGE, 2,
	.stalls = 1, .callers = {{{PUT}}, {{GET}}, {{GET}}, {{TRY_GET}}, {{GRACEFUL}}} },
{ "stall_race", "two putters, two getters, one of which does not run", LARGE, 2,
	.stalls = 1, .callers = {{{PUT}}, {{PUT}}, {{GET}}, {{GET}}} },
{ "arm_get", "a get by arming, two puts", MIDDLE, 1,
	.callers = {{{PUT}, {PUT}}, {{GET_LOOP}, {GET_LOOP}}} },
{ "arm_put", "a put by arming", MIDDLE, 1, .filled = 1,
	.callers = {{{PUT_LOOP}, {PUT_LOOP}}, {{GET}, {GET}}} },
{ "arm_both", "a put and a get by arming", MIDDLE, 1,
	.callers = {{{PUT_LOOP}, {PUT_LOOP}}, {{GET_LOOP}, {GET_LOOP}}} },
{ "arm_getters", "a thread and an event loop, one slot", MIDDLE, 1,
	.callers = {{{PUT}, {PUT}}, {{GET}}, {{GET_LOOP}}} },
{ "arm_getters_2", "the same, two slots", MIDDLE, 2,
	.callers = {{{PUT}, {PUT}}, {{GET}}, {{GET_LOOP}}} },
{ "arm_putters", "a thread and an event loop put", MIDDLE, 1, .filled = 1,
	.callers = {{{PUT}}, {{PUT_LOOP}}, {{GET}, {GET}}} },
{ "arm_spurious", "an event loop tries again for nothing", LARGE, 1, .spurious = 2,
	.callers = {{{PUT}}, {{GET_LOOP}}, {{GET_LOOP}}, {{PUT}}} },
{ "arm_timed", "an event loop gives up, and passes its hint on", MIDDLE, 2,
	.callers = {{{PUT}}, {{GET_LOOP, 1}}, {{GET}}} },
{ "arm_timed_put", "... of a put", MIDDLE, 1, .filled = 1,
	.callers = {{{PUT_LOOP, 1}}, {{PUT}}, {{GET}}} },
{ "arm_stall", "a woken event loop does not run", MIDDLE, 2, .stalls = 1,
	.callers = {{{PUT}, {PUT}}, {{GET_LOOP}}, {{GET}}} },
{ "arm_twice", "a node is armed again, before and after it is woken", SMALL, 1,
	.callers = {{{PUT}}, {{GET_ARM}, {REARM}, {REARM}, {DISARM, 1}}} },
{ "arm_place", "who is armed again keeps its place", MIDDLE, 1,
	.callers = {{{PUT}, {PUT}}, {{GET_ARM}, {REARM}}, {{GET}, {REARM}}} },
{ "arm_keeps_place", "... also before it is woken", MIDDLE, 1,
	.callers = {{{GET_ARM}, {SETTLE}, {REARM}}, {{GET}}, {{SETTLE}, {PUT}}} },
{ "arm_peek", "an armed peek beside a get", MIDDLE, 1,
	.callers = {{{PUT}, {PUT}}, {{PEEK_LOOP}}, {{GET_LOOP}, {TRY_GET}}} },
{ "arm_join", "an armed join", SMALL, 1, .filled = 1,
	.callers = {{{JOIN_LOOP}}, {{GET}, {TASK_DONE, 1}}} },
{ "arm_join_disarm", "an armed join leaves", MIDDLE, 1, .filled = 1,
	.callers = {{{JOIN_LOOP, 1}, {TRY_JOIN}}, {{JOIN}}, {{GET}, {TASK_DONE, 1}}} },
{ "arm_disarm", "a disarm beside the put that wakes", MIDDLE, 2,
	.callers = {{{PUT}}, {{GET_ARM}, {DISARM, 1}}, {{GET}}} },
{ "arm_disarm_put", "a disarm beside the get that wakes", MIDDLE, 1, .filled = 1,
	.callers = {{{GET}}, {{PUT_ARM}, {DISARM, 1}}, {{PUT}}} },
{ "arm_disarmed", "somebody else disarms", MIDDLE, 2,
	.callers = {{{PUT}}, {{GET_ARM}}, {{GET}}, {{DISARM, 1}}} },
{ "arm_woken_leaves", "who holds a hint disarms, and it is passed on", MIDDLE, 2,
	.callers = {{{GET_ARM}, {SETTLE}, {DISARM}}, {{GET}}, {{PUT}}} },
{ "arm_graceful", "armed ones leave at shutdown", LARGE, 1,
	.callers = {{{PUT_LOOP}, {PUT_LOOP}}, {{GET_LOOP}, {GET_LOOP}}, {{GRACEFUL}}} },
{ "arm_immediate", "... at once", MIDDLE, 1,
	.callers = {{{PUT_LOOP}}, {{GET_LOOP}, {GET_LOOP}}, {{IMMEDIATE}}} },
{ "arm_batch", "one of a batch that a shutdown wakes is disarmed before its turn", LARGE, 1,
	.callers = {{{GET_LOOP}}, {{GET_ARM}}, {{GRACEFUL}}, {{DISARM, 1}}} },
{ "arm_interrupt", "an interrupt is none of theirs", LARGE, 1,
	.callers = {{{GET_LOOP}}, {{GET}}, {{INTERRUPT}}, {{PUT}}} },
{ "arm_destroy", "destroy is refused while one is armed", SMALL, 1,
	.callers = {{{GET_ARM}, {DESTROY}, {DISARM}, {DESTROY}}} },
{ "arm_destroy_woken", "... or woken and not back", SMALL, 1,
	.callers = {{{GET_ARM}, {SETTLE}, {DESTROY}, {DISARM}, {DESTROY}}, {{PUT}}} },
{ "wake_again", "a wake function tries again", MIDDLE, 1, .wakes = {[1] = {{REARM}}},
	.callers = {{{PUT}, {PUT}}, {{GET_ARM}}, {{GET}}} },
{ "wake_again_put", "... a put", MIDDLE, 1, .filled = 1, .wakes = {{{REARM}}},
	.callers = {{{PUT_ARM}}, {{GET}, {GET}}, {{PUT}}} },
{ "wake_frees", "a wake function disarms, and frees its node", MIDDLE, 2, .wakes = {[1] = {{DISARM, 1}}},
	.callers = {{{PUT}}, {{GET_ARM}}, {{GET}}} },
{ "wake_disarms", "a wake function disarms another node", MIDDLE, 2, .wakes = {[1] = {{DISARM, 2}}},
	.callers = {{{PUT_MANY, 2}}, {{GET_ARM}}, {{GET_ARM}}} },
{ "wake_disarm_each", "two disarm each other", LARGE, 2, .wakes = {{{0}}, {{DISARM, 2}}, {{DISARM, 1}}},
	.callers = {{{PUT_MANY, 2}}, {{GET_ARM}}, {{GET_ARM}}, {{PUT}}} },
{ "wake_puts", "a wake function puts, and another one is woken", MIDDLE, 2, .wakes = {[1] = {{TRY_PUT}}},
	.callers = {{{PUT}}, {{GET_ARM}}, {{GET_LOOP}}} },
{ "wake_chain", "a get wakes a put that wakes a get", LARGE, 1, .filled = 1, .wakes = {{{0}}, {{REARM}}, {{REARM}}},
	.callers = {{{GET}}, {{PUT_ARM}}, {{PUT_ARM}}, {{GET}}} },
{ "wake_takes_back", "a wake function disarms whom it has woken itself", LARGE, 2, .wakes = {[1] = {{TRY_PUT}, {DISARM, 2}}},
	.callers = {{{PUT}}, {{GET_ARM}}, {{GET_ARM}}, {{GET}}} },
{ "wake_takes_away", "whom a wake function has woken is armed again before that is due", MIDDLE, 2, .wakes = {[1] = {{TRY_PUT}, {TRY_GET}, {REARM, 2}}},
	.callers = {{{PUT}}, {{GET_ARM}}, {{GET_ARM}}, {{TRY_GET}}} },
{ "wake_gets", "a wake function takes another's item", MIDDLE, 2, .wakes = {[1] = {{TRY_GET}}},
	.callers = {{{PUT}, {PUT}}, {{GET_ARM}}, {{GET}}} },
{ "wake_shuts", "a wake function shuts the queue", MIDDLE, 1, .wakes = {[1] = {{GRACEFUL}}},
	.callers = {{{PUT}}, {{GET_ARM}}, {{GET_LOOP}}} },
{ "wake_blocks", "a wake function must not block", MIDDLE, 1, .wakes = {[1] = {{PUT}}},
	.callers = {{{PUT}}, {{GET_ARM}}, {{GET}}} },
{ "meet_arm_get", "armed gets meet puts", SMALL, 0,
	.callers = {{{PUT}, {PUT}}, {{GET_LOOP}, {GET_LOOP}}} },
{ "meet_arm_put", "armed puts meet gets", SMALL, 0,
	.callers = {{{PUT_LOOP}, {PUT_LOOP}}, {{GET}, {GET}}} },
{ "meet_arm_both", "armed ones meet", SMALL, 0,
	.callers = {{{PUT_LOOP}, {PUT_LOOP}}, {{GET_LOOP}, {GET_LOOP}}} },
{ "meet_arm_tries", "tries meet armed ones", MIDDLE, 0,
	.callers = {{{TRY_PUT}, {PUT}}, {{GET_LOOP}}, {{TRY_GET}}} },
{ "meet_arm_three", "a thread and an armed put, one getter", LARGE, 0,
	.callers = {{{PUT}}, {{PUT_LOOP}}, {{GET}, {GET}}} },
{ "meet_arm_getters", "a thread and an armed get, an armed putter", MIDDLE, 0,
	.callers = {{{GET}}, {{GET_LOOP}}, {{PUT_LOOP}, {PUT}}} },
{ "meet_arm_timed", "an armed offer that may be withdrawn", LARGE, 0,
	.callers = {{{GET_LOOP, 1}}, {{PUT_UNTIL}}, {{TRY_PUT}}} },
{ "meet_arm_disarm", "a disarm beside the put that takes the offer", SMALL, 0,
	.callers = {{{TRY_PUT}}, {{GET_ARM}, {DISARM, 1}}} },
{ "meet_arm_leave_put", "a disarm of a put, beside a thread", LARGE, 0,
	.callers = {{{GET_UNTIL}}, {{PUT_ARM}, {DISARM, 1}}, {{PUT}}} },
{ "meet_arm_disarmed", "somebody else disarms an offer", MIDDLE, 0,
	.callers = {{{TRY_PUT}}, {{GET_ARM}, {SETTLE}, {REARM}}, {{DISARM, 1}}} },
{ "meet_arm_cancelled", "a thread that was woken for an armed offer is cancelled", MIDDLE, 0,
	.callers = {{{GET}}, {{PUT_LOOP}}, {{CANCEL, 0}}} },
{ "meet_arm_cancel_2", "... and another one is there", LARGE, 0,
	.callers = {{{GET}}, {{PUT_LOOP}}, {{CANCEL, 0}}, {{GET}}} },
{ "meet_arm_graceful", "a shutdown beside an armed offer", LARGE, 0,
	.callers = {{{GET_LOOP}}, {{PUT}}, {{GRACEFUL}}} },
{ "meet_arm_immediate", "... beside two", MIDDLE, 0,
	.callers = {{{GET_LOOP}}, {{PUT_LOOP}}, {{IMMEDIATE}}} },
{ "meet_arm_interrupt", "an interrupt, and an offer that stays", MIDDLE, 0,
	.callers = {{{GET_LOOP}}, {{PUT}}, {{INTERRUPT}}} },
{ "meet_arm_self", "one's own offers meet one another, and oneself", SMALL, 0,
	.callers = {{{GET_ARM}, {TRY_PUT}, {REARM}}, {{PUT_ARM}, {REARM}}} },
{ "meet_arm_bulk", "a bulk put takes armed offers, a thread's too", LARGE, 0,
	.callers = {{{PUT_MANY, 2}}, {{GET_LOOP}}, {{GET}}} },
{ "meet_arm_words", "offers of two words", SMALL, 0, .words = 2,
	.callers = {{{PUT_LOOP}, {PUT}}, {{GET}, {GET_LOOP}}} },
{ "meet_arm_destroy", "destroy beside an armed offer that was taken", MIDDLE, 0,
	.callers = {{{GET_ARM}, {SETTLE}, {DESTROY}, {DISARM}, {DESTROY}}, {{TRY_PUT}}} },
{ "meet_arm_order", "a thread sleeps before an armed offer", SMALL, 0,
	.callers = {{{PUT}}, {{SETTLE}, {PUT_LOOP}}, {{SETTLE}, {TRY_GET}}} },
{ "meet_arm_peek", "an armed peek finds nothing", LARGE, 0,
	.callers = {{{PEEK_LOOP}}, {{PUT_LOOP}}, {{GET}, {GRACEFUL}}} },
{ "meet_arm_stall", "a woken thread does not run beside an armed offer", MIDDLE, 0, .stalls = 1,
	.callers = {{{GET}}, {{PUT_LOOP}}, {{GET}}} },
{ "meet_arm_stall_2", "... which somebody else may take", LARGE, 0, .stalls = 1,
	.callers = {{{GET}}, {{PUT_LOOP}}, {{TRY_GET}}, {{PUT}}} },
{ "meet_wake_again", "a wake function makes the next offer", MIDDLE, 0, .wakes = {[1] = {{REARM}}},
	.callers = {{{PUT}, {TRY_PUT}}, {{GET_ARM}}, {{GET_LOOP}}} },
{ "meet_wake_puts", "a wake function takes another's offer", MIDDLE, 0, .wakes = {[1] = {{TRY_PUT}}},
	.callers = {{{PUT}}, {{GET_ARM}}, {{GET_LOOP}}} },
{ "co_put_get", "two coroutines, one slot", SMALL, 1, .coroutines = 3,
	.callers = {{{PUT}, {PUT}}, {{GET}, {GET}}} },
{ "co_put", "a coroutine puts, a thread gets", SMALL, 1, .coroutines = 1, .migrates = true,
	.callers = {{{PUT}, {PUT}}, {{GET}, {GET}}} },
{ "co_get", "a thread puts, a coroutine gets", SMALL, 1, .coroutines = 2, .migrates = true,
	.callers = {{{PUT}, {PUT}}, {{GET}, {GET}}} },
{ "co_spurious", "a park returns for nothing", MIDDLE, 1, .coroutines = 3, .spurious = 2, .migrates = true,
	.callers = {{{PUT}, {PUT}}, {{GET}, {GET}}} },
{ "co_getters", "a thread and a coroutine get", MIDDLE, 2, .coroutines = 2,
	.callers = {{{PUT}, {PUT}}, {{GET}}, {{GET}}} },
{ "co_putters", "a thread and a coroutine put", MIDDLE, 1, .coroutines = 2,
	.callers = {{{PUT}}, {{PUT}}, {{GET}, {GET}}} },
{ "co_timed", "a coroutine whose deadline comes passes its wake-up on", LARGE, 2, .coroutines = 2, .migrates = true,
	.callers = {{{PUT}}, {{GET_UNTIL}, {GET_UNTIL}}, {{GET}}} },
{ "co_timed_put", "... of a put", MIDDLE, 1, .filled = 1, .coroutines = 3,
	.callers = {{{PUT_UNTIL}}, {{PUT}}, {{GET}}} },
{ "co_interrupt", "coroutines are interrupted as threads are", MIDDLE, 1, .coroutines = 1,
	.callers = {{{GET}, {GET}}, {{PUT}}, {{INTERRUPT}}} },
{ "co_interrupt_all", "whoever is parked leaves", MIDDLE, 1, .coroutines = 3,
	.callers = {{{GET}}, {{GET}}, {{SETTLE}, {INTERRUPT}}} },
{ "co_graceful", "coroutines leave at shutdown", LARGE, 1, .coroutines = 3,
	.callers = {{{PUT}, {PUT}}, {{GET}, {GET}}, {{GRACEFUL}}} },
{ "co_immediate", "... at once", MIDDLE, 1, .coroutines = 3,
	.callers = {{{PUT}, {PUT}}, {{GET}}, {{IMMEDIATE}, {TRY_PUT}}} },
{ "co_bulk", "bulk calls of coroutines", MIDDLE, 2, .coroutines = 3,
	.callers = {{{PUT_MANY, 3}}, {{GET_MANY, 2}, {GET}}} },
{ "co_bulk_moves", "served in part, on another thread than it was parked by", MIDDLE, 1, .filled = 1, .coroutines = 1, .spurious = 1, .migrates = true,
	.callers = {{{PUT_MANY, 2}}, {{GET}}, {{GET}}} },
{ "co_join", "a coroutine and a thread join", MIDDLE, 1, .filled = 1, .coroutines = 1,
	.callers = {{{JOIN}, {PUT}}, {{JOIN}}, {{GET}, {TASK_DONE, 1}}} },
{ "co_peek", "a coroutine peeks", MIDDLE, 1, .coroutines = 2,
	.callers = {{{PUT}, {PUT}}, {{PEEK}}, {{GET}, {TRY_GET}}} },
{ "co_cancel", "a cancellation comes later for a coroutine", LARGE, 2, .coroutines = 2,
	.callers = {{{PUT}}, {{GET}}, {{GET}}, {{CANCEL, 1}, {PUT}}} },
{ "co_stall", "a coroutine that does not run", MIDDLE, 2, .stalls = 1, .coroutines = 2,
	.callers = {{{PUT}, {PUT}}, {{GET}}, {{GET}}} },
{ "co_destroy", "destroy waits for coroutines", SMALL, 1, .coroutines = 3,
	.callers = {{{GET}}, {{JOIN}}, {{SETTLE}, {DESTROY}}} },
{ "co_destroy_get", "a coroutine destroys the queue of a put on its way out", SMALL, 1, .coroutines = 2, .migrates = true,
	.callers = {{{PUT}}, {{GET}, {DESTROY}}} },
{ "co_destroy_more", "a getter destroys the queue of a put that has served two and wakes one", LARGE, 4, .coroutines = 3,
	.callers = {{{GET}}, {{GET}}, {{SETTLE}, {PUT_MANY, 4}}, {{GET_UNTIL}, {GET}, {DESTROY}}} },
{ "co_arm", "a coroutine, an event loop, a thread", LARGE, 2, .coroutines = 1,
	.callers = {{{GET}}, {{GET_LOOP}}, {{GET}}, {{PUT_MANY, 2}}} },
{ "co_home", "a line loses its home to a thread while it is looked at from there", MIDDLE, 2, .coroutines = 1,
	.callers = {{{GET}, {PUT}}, {{PUT}}, {{GET}}} },
{ "co_home_put", "the putters' line", MIDDLE, 1, .filled = 1, .coroutines = 1,
	.callers = {{{PUT}, {GET}}, {{GET}}, {{PUT}}} },
{ "co_homes", "two who armed it, on threads of their own", MIDDLE, 2, .coroutines = 3,
	.callers = {{{GET}, {PUT}}, {{GET}, {PUT}}, {{PUT}}} },
{ "co_chain", "an unbounded queue for coroutines", MIDDLE, COQUEUE_UNBOUNDED, .coroutines = 3,
	.callers = {{{PUT}, {PUT}, {PUT}}, {{GET}, {GET}, {GET}}} },
{ "co_lifo", "a LIFO of coroutines and a thread", MIDDLE, 1, .order = COQUEUE_LIFO, .coroutines = 5,
	.callers = {{{PUT}}, {{PUT}}, {{GET}, {GET}}} },
{ "co_priority", "a priority queue of coroutines", LARGE, 2, .order = COQUEUE_PRIORITY, .filled = 1, .coroutines = 3,
	.callers = {{{PUT}, {PUT}}, {{GET}, {GET}}, {{GRACEFUL}}} },
{ "co_grow", "a parked putter goes on when the queue grows", SMALL, 1, .filled = 1, .coroutines = 1,
	.callers = {{{PUT}}, {{SET_CAPACITY, 2}}} },
{ "co_meet", "two coroutines meet", SMALL, 0, .coroutines = 3, .migrates = true,
	.callers = {{{PUT}, {PUT}}, {{GET}, {GET}}} },
{ "co_meet_thread", "a coroutine and a thread meet", SMALL, 0, .coroutines = 1,
	.callers = {{{PUT}, {PUT}}, {{GET}, {GET}}} },
{ "co_meet_getters", "a coroutine and a thread get, a thread puts", LARGE, 0, .coroutines = 1,
	.callers = {{{GET}}, {{GET}}, {{PUT}, {PUT}}} },
{ "co_meet_tries", "tries that may find a coroutine", MIDDLE, 0, .coroutines = 6,
	.callers = {{{TRY_PUT}, {PUT}}, {{GET}}, {{TRY_GET}}} },
{ "co_meet_timed", "a coroutine that may go", LARGE, 0, .coroutines = 1,
	.callers = {{{GET_UNTIL}}, {{PUT_UNTIL}}, {{TRY_PUT}}} },
{ "co_meet_cancelled", "a thread that was woken for a coroutine is cancelled", MIDDLE, 0, .coroutines = 2,
	.callers = {{{GET}}, {{PUT_UNTIL}}, {{CANCEL, 0}}} },
{ "co_meet_interrupt", "an interrupt beside a meeting of coroutines", MIDDLE, 0, .coroutines = 3,
	.callers = {{{GET}}, {{PUT}}, {{INTERRUPT}}} },
{ "co_meet_graceful", "a shutdown beside a meeting of coroutines", MIDDLE, 0, .coroutines = 3,
	.callers = {{{GET}}, {{PUT}}, {{GRACEFUL}}} },
{ "co_meet_bulk", "bulk calls of coroutines meet", SMALL, 0, .coroutines = 3,
	.callers = {{{PUT_MANY, 2}}, {{GET_MANY, 2}, {GET_MANY, 2}}} },
{ "co_meet_arm", "a coroutine meets an armed offer", LARGE, 0, .coroutines = 1,
	.callers = {{{PUT}}, {{GET_LOOP}}, {{GET}}, {{PUT}}} },
{ "select", "a select puts or gets", SMALL, 1,
	.callers = {{{SELECT, CASES(P, G, 0)}, {SELECT, CASES(G, P, 0)}}, {{PUT}, {GET}}} },
{ "select_get", "a select gets what a thread puts", MIDDLE, 1,
	.callers = {{{SELECT, CASES(G, G, 0)}}, {{PUT}}, {{GET_UNTIL}}} },
{ "select_co", "a coroutine's", MIDDLE, 1, .coroutines = 1, .migrates = true,
	.callers = {{{SELECT, CASES(G, G, 0)}}, {{PUT}}, {{GET_UNTIL}}} },
{ "select_pass_on", "what it does not need goes to others", MIDDLE, 2,
	.callers = {{{SELECT, CASES(G, G, 0)}}, {{PUT}, {PUT}}, {{GET}}} },
{ "select_two", "a select over two queues", MIDDLE, 1, .two = true, .capacity_2 = 1,
	.callers = {{{SELECT, CASES(G, G2, 0)}, {SELECT, CASES(G, G2, 0)}}, {{PUT}}, {{PUT, .queue = 1}}} },
{ "select_two_co", "a coroutine's", MIDDLE, 1, .two = true, .capacity_2 = 1, .coroutines = 1,
	.callers = {{{SELECT, CASES(G, G2, 0)}, {SELECT, CASES(G, G2, 0)}}, {{PUT}}, {{PUT, .queue = 1}}} },
{ "select_two_leaves", "woken for both, it takes one, and others get the other", LARGE, 1, .two = true, .capacity_2 = 1,
	.callers = {{{SELECT, CASES(G, G2, 0)}}, {{PUT}, {PUT, .queue = 1}}, {{GET}}, {{GET, .queue = 1}}} },
{ "select_two_putters", "puts into either of two", LARGE, 1, .two = true, .capacity_2 = 1, .filled = 1, .filled_2 = 1,
	.callers = {{{SELECT, CASES(P, P2, 0)}}, {{GET}}, {{GET, .queue = 1}}, {{PUT}}} },
{ "select_relay", "gets here or puts there", MIDDLE, 1, .two = true, .capacity_2 = 1, .filled_2 = 1,
	.callers = {{{SELECT, CASES(G, P2, 0)}}, {{PUT}}, {{GET, .queue = 1}}} },
{ "select_timed", "a select whose deadline comes", LARGE, 2,
	.callers = {{{SELECT_UNTIL, CASES(G, G, 0)}}, {{PUT}}, {{GET}}} },
{ "select_cancel", "a cancelled select leaves all lines", LARGE, 1, .two = true, .capacity_2 = 1,
	.callers = {{{SELECT, CASES(G, G2, 0)}}, {{PUT}}, {{GET}}, {{CANCEL, 0}}} },
{ "select_interrupt", "an interrupted select", MIDDLE, 1, .two = true, .capacity_2 = 1,
	.callers = {{{SELECT, CASES(G, G2, 0)}}, {{PUT}}, {{INTERRUPT, .queue = 1}}} },
{ "select_shutdown", "a queue that is shut is ready", MIDDLE, 1, .two = true, .capacity_2 = 1,
	.callers = {{{SELECT, CASES(G, G2, 0)}, {SELECT, CASES(G2, G, 0)}}, {{PUT}}, {{GRACEFUL, .queue = 1}}} },
{ "select_tries", "selects that do not wait", MIDDLE, 1, .two = true, .capacity_2 = 1,
	.callers = {{{TRY_SELECT, CASES(G, G2, 0)}, {TRY_SELECT, CASES(P, P2, 0)}}, {{TRY_SELECT, CASES(P, G2, 0)}}, {{PUT, .queue = 1}}} },
{ "select_arm", "a select beside an event loop", MIDDLE, 2,
	.callers = {{{SELECT, CASES(G, G, 0)}}, {{PUT}, {PUT}}, {{GET_LOOP}}} },
{ "select_stall", "a woken select does not run", LARGE, 2, .stalls = 1,
	.callers = {{{SELECT, CASES(G, G, 0)}}, {{PUT}, {PUT}}, {{GET}}} },
{ "select_meet", "a select meets a thread", LARGE, 0,
	.callers = {{{SELECT, CASES(P, G, 0)}}, {{GET}}, {{PUT_UNTIL}}} },
{ "select_meet_co", "a coroutine's", LARGE, 0, .coroutines = 1,
	.callers = {{{SELECT, CASES(P, G, 0)}}, {{GET}}, {{PUT_UNTIL}}} },
{ "select_meet_arm", "a select meets an armed offer", LARGE, 0,
	.callers = {{{SELECT, CASES(P, G, 0)}}, {{GET_LOOP}}, {{PUT_LOOP, 1}}} },
{ "select_selects", "two selects meet", MIDDLE, 0,
	.callers = {{{SELECT, CASES(P, G, 0)}}, {{SELECT, CASES(P, G, 0)}}} },
{ "select_selects_co", "... of a coroutine and a thread", MIDDLE, 0, .coroutines = 1,
	.callers = {{{SELECT, CASES(P, G, 0)}}, {{SELECT, CASES(P, G, 0)}}} },
{ "select_selects_cos", "... of two coroutines", MIDDLE, 0, .coroutines = 3, .migrates = true,
	.callers = {{{SELECT, CASES(P, G, 0)}}, {{SELECT, CASES(P, G, 0)}}} },
{ "select_meet_two", "an offer to two queues is taken in one", LARGE, 0, .two = true,
	.callers = {{{SELECT, CASES(P, P2, 0)}}, {{GET}}, {{GET, .queue = 1}}} },
{ "select_meet_two_co", "a coroutine's", LARGE, 0, .two = true, .coroutines = 1,
	.callers = {{{SELECT, CASES(P, P2, 0)}}, {{GET_UNTIL}}, {{GET_UNTIL, .queue = 1}}} },
{ "select_meet_tries", "... by tries", MIDDLE, 0, .two = true, .coroutines = 1,
	.callers = {{{SELECT, CASES(P, P2, 0)}}, {{TRY_GET}}, {{TRY_GET, .queue = 1}}} },
{ "select_ring", "selects in a ring, threads", LARGE, 0, .two = true,
	.callers = {{{SELECT, CASES(P, G2, 0)}}, {{SELECT, CASES(P2, G, 0)}}} },
{ "select_ring_co", "... coroutines", LARGE, 0, .two = true, .coroutines = 3,
	.callers = {{{SELECT, CASES(P, G2, 0)}}, {{SELECT, CASES(P2, G, 0)}}} },
{ "select_ring_mixed", "... one of each", LARGE, 0, .two = true, .coroutines = 1,
	.callers = {{{SELECT, CASES(P, G2, 0)}}, {{SELECT, CASES(P2, G, 0)}}} },
{ "select_ring_three", "... three of them", LARGE, 0, .two = true,
	.callers = {{{SELECT, CASES(P, G2, 0)}}, {{SELECT, CASES(P2, G, 0)}}, {{SELECT, CASES(P, G2, 0)}}} },
{ "select_meet_cancel", "a select is cancelled beside another", LARGE, 0, .two = true,
	.callers = {{{SELECT, CASES(P, G2, 0)}}, {{SELECT, CASES(P2, G, 0)}}, {{CANCEL, 0}}} },
{ "select_meet_shut", "a select at a rendezvous that is shut", LARGE, 0, .two = true, .coroutines = 1,
	.callers = {{{SELECT, CASES(P, P2, 0)}}, {{GET}}, {{GRACEFUL}}} },
{ "select_hidden", "a woken select that does not run hides a thread from another", LARGE, 1, .two = true, .coroutines = 1,
	.callers = {{{SELECT, CASES(G, P2, 0)}}, {{PUT}, {GET, .queue = 1}}, {{PUT_LOOP, .queue = 1}}, {{PUT_UNTIL, .queue = 1}},
		{{SELECT_UNTIL, CASES(G, G2, 0)}}} },
{ "crowd", "three putters, three getters, one slot", LARGE, 1,
	.callers = {{{PUT}}, {{PUT}}, {{PUT}}, {{GET}}, {{GET}}, {{GET}}} },
{ "crowd_2", "three putters, three getters, two slots, two rounds", LARGE, 2,
	.callers = {{{PUT}, {PUT}}, {{PUT}, {PUT}}, {{PUT}, {PUT}},
		{{GET}, {GET}}, {{GET}, {GET}}, {{GET}, {GET}}} },
{ "crowd_graceful", "three putters, two getters, a graceful shutdown", LARGE, 2,
	.callers = {{{PUT}, {PUT}}, {{PUT}, {PUT}}, {{PUT}, {PUT}},
		{{GET}, {GET}}, {{GET}, {GET}}, {{GRACEFUL}}} },
{ "crowd_shutdowns", "graceful beside immediate, putters and getters", LARGE, 1,
	.callers = {{{PUT}, {PUT}}, {{PUT}, {PUT}}, {{GET}, {GET}}, {{GET}, {GET}},
		{{GRACEFUL}}, {{IMMEDIATE}}} },
{ "crowd_leaves", "deadlines, a cancellation and an interrupt", LARGE, 1, .spurious = 1,
	.callers = {{{PUT_UNTIL}, {PUT}}, {{PUT}, {PUT}}, {{GET_UNTIL}, {GET}},
		{{GET}, {GET}}, {{CANCEL, 1}, {PEEK_UNTIL}}, {{INTERRUPT}}} },
{ "crowd_bulk", "bulk calls, peeks and a shutdown", LARGE, 2,
	.callers = {{{PUT_MANY, 3}}, {{PUT_MANY, 2}, {PUT}}, {{GET_MANY, 3}, {GET}},
		{{PEEK}, {GET}}, {{GET}}, {{GRACEFUL}}} },
{ "crowd_tasks", "puts, gets, tasks done, joins and a shutdown", LARGE, 2,
	.callers = {{{PUT}, {PUT}}, {{GET}, {TASK_DONE, 1}, {GET}, {TASK_DONE, 1}},
		{{JOIN}, {JOIN_UNTIL}}, {{JOIN}}, {{IMMEDIATE}}} },
{ "crowd_kinds", "a priority queue that is resized, with putters, getters and a shutdown", LARGE, 2,
	.order = COQUEUE_PRIORITY, .callers = {{{PUT}, {PUT}}, {{PUT}, {PUT}}, {{GET}, {GET}},
		{{GET}, {PEEK}}, {{SET_CAPACITY, 1}, {SET_CAPACITY, 3}}, {{GRACEFUL}}} },
{ "crowd_resize", "two resizers, putters, getters and an exchange", LARGE, 2, .filled = 1,
	.callers = {{{PUT}, {PUT}}, {{PUT}, {TRY_PUT}}, {{GET}, {GET}}, {{GET}, {PEEK_UNTIL}},
		{{SET_CAPACITY, 1}, {SET_CAPACITY, 3}}, {{SET_CAPACITY, 2}, {FORCE_PUT}}} },
{ "crowd_force", "exchanges, putters, getters and a shutdown", LARGE, 2, .filled = 2,
	.callers = {{{FORCE_PUT}, {FORCE_PUT}}, {{FORCE_PUT}, {PUT}}, {{PUT}, {TRY_PUT}},
		{{GET}, {GET}}, {{GET}, {PEEK_UNTIL}}, {{GRACEFUL}}} },
{ "crowd_mixed", "threads, coroutines and event loops", LARGE, 1, .coroutines = 9, .migrates = true, .spurious = 1,
	.callers = {{{PUT}, {PUT}}, {{PUT_LOOP}, {PUT}}, {{PUT}, {PUT_LOOP}},
		{{GET}, {GET}}, {{GET_LOOP, 1}, {GET}}, {{GET}, {GET_LOOP}}} },
{ "crowd_meet", "... at a rendezvous", LARGE, 0, .coroutines = 9, .migrates = true, .spurious = 1,
	.callers = {{{PUT}, {PUT_UNTIL}}, {{PUT_LOOP}, {TRY_PUT}}, {{PUT_UNTIL}},
		{{GET}, {GET_UNTIL}}, {{GET_LOOP, 1}, {GET_UNTIL}}, {{GET}, {TRY_GET}}} },
{ "crowd_meet_ends", "... that is shut, with a cancellation", LARGE, 0, .coroutines = 1,
	.callers = {{{PUT}, {PUT}}, {{PUT_LOOP}, {PUT}}, {{GET}, {GET_LOOP}},
		{{GET_LOOP}, {GET}}, {{CANCEL, 2}, {PUT_ARM}, {DISARM, 4}}, {{GRACEFUL}}} },
{ "crowd_select", "selects, threads and event loops on two queues", LARGE, 1, .two = true, .coroutines = 2,
	.callers = {{{SELECT, CASES(G, G2, 0)}, {SELECT, CASES(P, P2, 0)}}, {{SELECT, CASES(G, P2, 0)}, {SELECT, CASES(G2, P, 0)}},
		{{PUT}, {GET, .queue = 1}}, {{GET_LOOP}, {PUT_LOOP, .queue = 1}}, {{PUT_UNTIL, .queue = 1}, {GET_UNTIL}}, {{SELECT_UNTIL, CASES(P, G, G2)}}} },
{ "crowd_select_ends", "... and a shutdown, an interrupt, a cancellation", LARGE, 0, .two = true, .capacity_2 = 1, .coroutines = 2,
	.callers = {{{SELECT, CASES(G, G2, 0)}}, {{SELECT, CASES(G, P2, 0)}, {SELECT, CASES(G2, P, 0)}},
		{{PUT}, {GET, .queue = 1}}, {{SELECT, CASES(P, P2, 0)}}, {{CANCEL, 0}, {INTERRUPT}}, {{GRACEFUL, .queue = 1}}} },
};
/* clang-format on */

const size_t n_scenarios = sizeof(scenarios) / sizeof(scenarios[0]);

struct story story;
coqueue_t *queues[QUEUES];
bool story_ends;

const struct timespec far_away = {.tv_sec = INT32_MAX, .tv_nsec = 0};

int story_queues(void)
{
	return story.scenario->two ? QUEUES : 1;
}

int scenario_callers(const struct scenario *s)
{
	int n = 0;

	while (n < CALLERS && s->callers[n][0].verb != END)
		n++;
	return n;
}

const char *verb_name(enum verb verb)
{
	static const char *const names[] = {
		[PUT] = "put",
		[TRY_PUT] = "try_put",
		[PUT_UNTIL] = "put_until",
		[PUT_MANY] = "put_many",
		[FORCE_PUT] = "force_put",
		[GET] = "get",
		[TRY_GET] = "try_get",
		[GET_UNTIL] = "get_until",
		[GET_MANY] = "get_many",
		[PEEK] = "peek",
		[TRY_PEEK] = "try_peek",
		[PEEK_UNTIL] = "peek_until",
		[TASK_DONE] = "task_done",
		[JOIN] = "join",
		[TRY_JOIN] = "try_join",
		[JOIN_UNTIL] = "join_until",
		[STATE] = "state",
		[SIZE] = "size",
		[SET_CAPACITY] = "set_capacity",
		[HOLD] = "hold",
		[RELEASE] = "release",
		[GRACEFUL] = "graceful",
		[IMMEDIATE] = "immediate",
		[INTERRUPT] = "interrupt",
		[CANCEL] = "cancel",
		[SETTLE] = "settle",
		[DESTROY] = "destroy",
		[PUT_ARM] = "put_arm",
		[GET_ARM] = "get_arm",
		[PEEK_ARM] = "peek_arm",
		[JOIN_ARM] = "join_arm",
		[REARM] = "rearm",
		[DISARM] = "disarm",
		[PUT_LOOP] = "put_loop",
		[GET_LOOP] = "get_loop",
		[PEEK_LOOP] = "peek_loop",
		[JOIN_LOOP] = "join_loop",
		[SELECT] = "select",
		[TRY_SELECT] = "try_select",
		[SELECT_UNTIL] = "select_until",
	};

	return names[verb];
}

/* ---- items ---------------------------------------------------------------- */

static size_t words(void)
{
	return story.scenario->words ? (size_t)story.scenario->words : 1;
}

struct model_kind scenario_kind(const struct scenario *s, int queue)
{
	/* of four values in a row two rank alike */
	return (struct model_kind){.order = s->order,
				   .capacity =
					   queue ? s->capacity_2 : s->capacity,
				   .ranks = 3};
}

static int compare(const void *a, const void *b, void *ctx)
{
	const struct model_kind kind = scenario_kind(ctx, 0);

	return model_compare(&kind, *(const uint64_t *)a, *(const uint64_t *)b);
}

/* The value in each word, told apart by the word. */
static void make_items(uint64_t *items, const uint64_t *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t w = 0; w < words(); w++)
			items[i * words() + w] = values[i] + w * VALUES;
}

static uint64_t value_of(const uint64_t *item)
{
	for (size_t w = 0; w < words(); w++)
		if (item[w] != item[0] + w * VALUES || item[0] >= VALUES)
			machine_fail("an item is torn: word %zu is %#jx", w,
				     (uintmax_t)item[w]);
	if (!memory_sees(&story.put_by[item[0]]))
		machine_fail("what was done before the put of %ju does not "
			     "happen-before its get",
			     (uintmax_t)item[0]);
	return item[0];
}

void story_make_item(uint64_t *item, uint64_t value)
{
	make_items(item, &value, 1);
}

uint64_t story_fresh_value(const struct record *r, int i)
{
	uint64_t value = (uint64_t)(1 + (r - story.records) * BULK + i);

	story.put_by[value] = r->begun;
	return value;
}

uint64_t story_peeked(const uint64_t *item)
{
	return value_of(item);
}

uint64_t story_got(const uint64_t *item)
{
	uint64_t value = value_of(item);

	story.got[value]++;
	return value;
}

static void item_destroy(void *item, void *ctx)
{
	uint64_t any[BULK];

	(void)ctx;
	story.discarded[value_of(item)]++;
	if (threads[running].locks || threads[running].sections)
		machine_fail("item_destroy under a lock or in a section");
	if (!threads[running].cancel_off)
		machine_fail("item_destroy can be cancelled");
	if (story.scenario->reenters && queues[0] &&
	    coqueue_try_get(queues[0], any) != ESHUTDOWN)
		machine_fail("a get in item_destroy is not refused");
}

/* ---- calls ---------------------------------------------------------------- */

static void choose_values(struct record *r)
{
	for (int i = 0; i < BULK; i++)
		r->values[i] = story_fresh_value(r, i);
}

static coqueue_t *queue_of(const struct record *r)
{
	return queues[r->queue];
}

static int put_items(struct record *r)
{
	coqueue_t *queue = queue_of(r);
	uint64_t items[BULK * ITEM_WORDS];
	int err;

	choose_values(r);
	make_items(items, r->values, BULK);
	switch (r->step->verb) {
	case PUT:
		err = coqueue_put(queue, items);
		break;
	case TRY_PUT:
		err = coqueue_try_put(queue, items);
		break;
	case PUT_UNTIL:
		err = coqueue_put_until(queue, items, &far_away);
		break;
	default:
		return coqueue_put_many(queue, items, (size_t)r->step->n, NULL,
					&r->n);
	}
	r->n = !err;
	return err;
}

static int force_put(struct record *r)
{
	uint64_t items[BULK * ITEM_WORDS], old[ITEM_WORDS];
	size_t evicted;
	int err;

	choose_values(r);
	make_items(items, r->values, BULK);
	err = coqueue_force_put(queue_of(r), items, old, &evicted);
	r->n = !err;
	if (evicted)
		r->evicted = story_got(old);
	return err;
}

static int get_items(struct record *r)
{
	coqueue_t *queue = queue_of(r);
	uint64_t items[BULK * ITEM_WORDS];
	int err;

	switch (r->step->verb) {
	case GET:
		err = coqueue_get(queue, items);
		break;
	case TRY_GET:
		err = coqueue_try_get(queue, items);
		break;
	case GET_UNTIL:
		err = coqueue_get_until(queue, items, &far_away);
		break;
	default:
		err = coqueue_get_many(queue, items, (size_t)r->step->n, NULL,
				       &r->n);
	}
	if (r->step->verb != GET_MANY)
		r->n = !err;
	for (size_t i = 0; i < r->n; i++)
		r->values[i] = story_got(&items[i * words()]);
	return err;
}

static int peek_item(struct record *r)
{
	struct view *v = &threads[running].view;
	coqueue_t *queue = queue_of(r);
	uint64_t item[ITEM_WORDS];
	int err;

	v->peeking = true;
	switch (r->step->verb) {
	case PEEK:
		err = coqueue_peek(queue, item);
		break;
	case TRY_PEEK:
		err = coqueue_try_peek(queue, item);
		break;
	default:
		err = coqueue_peek_until(queue, item, &far_away);
	}
	v->peeking = false;
	r->n = !err;
	if (!err)
		r->values[0] = value_of(item);
	return err;
}

/* A queue that shrinks may hold what it held before. */
static uint64_t size(coqueue_t *queue)
{
	size_t n = coqueue_size(queue), most = story.scenario->capacity;
	const struct step *step;

	for (int i = 0; i < story.n_records; i++) {
		step = story.records[i].step;
		if (step->verb == SET_CAPACITY && (size_t)step->n > most)
			most = (size_t)step->n;
	}
	if (n > most)
		machine_fail("a queue of %zu holds %zu", most, n);
	return n;
}

/* While somebody is armed it is refused, and the queue is merely shut. */
static int destroy(struct record *r)
{
	coqueue_t *q = queue_of(r);
	int err;

	if (!q) /* it was not refused the first time */
		return ECANCELED;
	queues[r->queue] = NULL;
	err = coqueue_destroy(q);
	if (err)
		queues[r->queue] = q;
	return err;
}

static int call(struct record *r)
{
	coqueue_t *queue = queue_of(r);

	switch (r->step->verb) {
	case PUT:
	case TRY_PUT:
	case PUT_UNTIL:
	case PUT_MANY:
		return put_items(r);
	case FORCE_PUT:
		return force_put(r);
	case GET:
	case TRY_GET:
	case GET_UNTIL:
	case GET_MANY:
		return get_items(r);
	case PEEK:
	case TRY_PEEK:
	case PEEK_UNTIL:
		return peek_item(r);
	case TASK_DONE:
		return coqueue_task_done(queue, (size_t)r->step->n);
	case JOIN:
		return coqueue_join(queue);
	case TRY_JOIN:
		return coqueue_join_until(queue, COQUEUE_NOWAIT);
	case JOIN_UNTIL:
		return coqueue_join_until(queue, &far_away);
	case STATE:
		r->values[0] = coqueue_state(queue);
		return 0;
	case SIZE:
		r->values[0] = size(queue);
		return 0;
	case SET_CAPACITY:
		return coqueue_set_capacity(queue, (size_t)r->step->n);
	case HOLD:
		return coqueue_hold(queue, (enum coqueue_side)r->step->n);
	case RELEASE:
		return coqueue_release(queue, (enum coqueue_side)r->step->n);
	case GRACEFUL:
		return coqueue_shutdown(queue, COQUEUE_GRACEFUL);
	case IMMEDIATE:
		return coqueue_shutdown(queue, COQUEUE_IMMEDIATE);
	case INTERRUPT:
		return coqueue_interrupt(queue);
	case CANCEL:
		machine_cancel(r->step->n);
		return 0;
	case SETTLE:
		machine_settle();
		return 0;
	case DESTROY:
		return destroy(r);
	case PUT_ARM:
	case GET_ARM:
	case PEEK_ARM:
	case JOIN_ARM:
	case REARM:
		return waiter_arm(r);
	case PUT_LOOP:
	case GET_LOOP:
	case PEEK_LOOP:
	case JOIN_LOOP:
		return waiter_loop(r);
	case DISARM:
		return waiter_disarm(r);
	case SELECT:
	case TRY_SELECT:
	case SELECT_UNTIL:
		return waiter_select(r);
	case END:
		break;
	}
	return EINVAL;
}

/* ---- what a caller may rely on after a call ------------------------------- */

static bool tries(enum verb verb)
{
	return verb == TRY_PUT || verb == TRY_GET || verb == TRY_PEEK ||
	       verb == TRY_JOIN || verb == TRY_SELECT;
}

static bool has_deadline(enum verb verb)
{
	return verb == PUT_UNTIL || verb == GET_UNTIL || verb == PEEK_UNTIL ||
	       verb == JOIN_UNTIL || verb == SELECT_UNTIL;
}

/* What the model answers, and not this kind of call. */
static void check_answer(const struct record *r, int result)
{
	enum verb verb = r->step->verb;

	if ((result == EAGAIN && !tries(verb)) ||
	    (result == ETIMEDOUT && !has_deadline(verb)) ||
	    (result == EINTR && tries(verb)) ||
	    (result == EDEADLK && !r->on_its_own))
		machine_fail("%s returns %s", verb_name(verb),
			     strerrorname_np(result));
}

static bool shuts_down(enum verb verb)
{
	return verb == GRACEFUL || verb == IMMEDIATE || verb == RELEASE ||
	       verb == DESTROY;
}

/* Some shutdown was begun, and what came before it is seen. */
static bool sees_a_shutdown(int queue)
{
	const struct record *r;

	for (int i = 0; i < story.n_records; i++) {
		r = &story.records[i];
		if (shuts_down(r->step->verb) && r->queue == queue &&
		    memory_sees(&r->begun))
			return true;
	}
	return false;
}

/* What came before each task_done that returned before join began is seen. */
static bool sees_tasks(const struct record *join)
{
	const struct record *r;

	for (int i = 0; i < story.n_records; i++) {
		r = &story.records[i];
		if (r->step->verb == TASK_DONE && !r->result &&
		    r->queue == join->queue && r->returned < join->called &&
		    !memory_sees(&r->begun))
			return false;
	}
	return true;
}

void story_check_sees(const struct record *r, int result)
{
	if (result == ESHUTDOWN && !sees_a_shutdown(r->queue))
		machine_fail("what was done before the shutdown does not "
			     "happen-before a refused call");
	if (r->call == LIN_JOIN && !result && !sees_tasks(r))
		machine_fail("what was done before task_done does not "
			     "happen-before join");
}

void story_call_begins(struct record *r)
{
	threads[running].called = &r->called;
}

void story_call(const struct step *step)
{
	struct thread *t = &threads[running];
	struct record *r = &story.records[story.n_records];
	const char *outer = t->call;
	uint64_t outer_began = t->began;
	int result;

	if (story.n_records == RECORDS)
		machine_fail("too many calls in one schedule");
	story.n_records++;
	memset(r, 0, sizeof(*r));
	r->step = step;
	r->call = lin_call_of(step->verb);
	r->queue = step->queue;
	r->caller = running;
	r->on_its_own = outer; /* by a wake function */
	r->result = PENDING;
	r->begun = memory_mark();
	story_call_begins(r);
	if (!outer) {
		t->slept_at = 0;
		memset(&t->place, 0, sizeof(t->place));
	}
	t->call = verb_name(step->verb);
	result = call(r);
	if (r->result == PENDING) /* it may have been told elsewhere */
		r->result = result;
	if (t->called) /* it came by no scheduling point */
		*t->called = ++now;
	t->called = NULL;
	r->returned = ++now;
	memory_call_returns();
	machine_trace("       %d %s returns %s, %zu", running, t->call,
		      result ? strerrorname_np(result) : "0", r->n);
	check_answer(r, result);
	story_check_sees(r, result);
	if (!r->on_its_own) {
		r->stood = t->slept_at;
		r->place = t->place;
	}
	t->call = outer;
	t->began = outer_began;
}

/* ---- one schedule --------------------------------------------------------- */

static void make_queue(int queue, size_t capacity, int filled)
{
	static const struct step fill[QUEUES] = {{PUT, 0, 0}, {PUT, 0, 1}};
	const struct scenario *s = story.scenario;
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;

	attr.item_size = words() * sizeof(uint64_t);
	attr.item_destroy = item_destroy;
	attr.order = s->order;
	attr.ctx = (void *)(uintptr_t)s;
	if (s->order == COQUEUE_PRIORITY)
		attr.compare = compare;
	if (coqueue_create(&queues[queue], capacity, &attr))
		abort();
	for (int i = 0; i < filled; i++)
		story_call(&fill[queue]);
}

static void prepare(void)
{
	static const struct step hold[] = {{HOLD, COQUEUE_PUT},
					   {HOLD, COQUEUE_GET}};
	const struct scenario *s = story.scenario;

	waiters_begin();
	make_queue(0, s->capacity, s->filled);
	if (s->two)
		make_queue(1, s->capacity_2, s->filled_2);
	for (int side = 0; side < 2; side++)
		for (int i = 0; i < s->holds[side]; i++)
			story_call(&hold[side]);
}

static void caller(int thread)
{
	const struct step *step = story.scenario->callers[thread];

	coroutine_begin();
	for (int i = 0; i < CALLS && step[i].verb != END && !story_ends; i++)
		story_call(&step[i]);
	coroutine_end();
}

/* Nobody goes on: look at what is left, take it out, and put it all away. */
static void take_all(int queue)
{
	static const struct step state[QUEUES] = {{STATE, 0, 0}, {STATE, 0, 1}},
				 join[QUEUES] = {{TRY_JOIN, 0, 0},
						 {TRY_JOIN, 0, 1}},
				 get[QUEUES] = {{TRY_GET, 0, 0},
						{TRY_GET, 0, 1}};
	const struct record *r;

	story_call(&state[queue]);
	story_call(&join[queue]);
	do {
		r = &story.records[story.n_records];
		story_call(&get[queue]);
	} while (r->result == 0);
}

static void destroy_queue(int queue)
{
	static const struct step end[QUEUES] = {{DESTROY, 0, 0},
						{DESTROY, 0, 1}};
	const struct record *r = &story.records[story.n_records];

	story_call(&end[queue]);
	if (r->result)
		machine_fail("destroy fails: %s", strerrorname_np(r->result));
}

static void epilogue(int thread)
{
	if (thread != n_threads) {
		caller(thread);
		return;
	}
	verdict_sleepers();
	for (int queue = 0; queue < story_queues(); queue++)
		take_all(queue);
	story_ends = true;
	waiters_end();
	for (int queue = 0; queue < story_queues(); queue++)
		destroy_queue(queue);
}

bool scenario_run(const struct scenario *s)
{
	memset(&story, 0, offsetof(struct story, records));
	story.n_records = 0;
	memset(story.got, 0, sizeof(story) - offsetof(struct story, got));
	story.scenario = s;
	story_ends = false;
	seam_spins = s->spins;
	budget.spurious = s->spurious;
	budget.stalls = s->stalls;
	machine_stops = s->stops;
	machine_begin(scenario_callers(s), prepare);
	return machine_run(caller, verdict_sleepers) && verdict_is_still() &&
	       (!queues[0] || machine_epilogue(epilogue)) && verdict();
}
