/* SPDX-License-Identifier: MIT */
/*
 * How coqueue waits and shuts down, as a model for spin.
 *
 * Two threads put one item each, two get one each, and up to two shut down, on
 * a queue of capacity 1 or 2.  spin tries every order of their steps.  What is
 * modelled, and where it is in lib/:
 *
 *      here                    there
 *      begin, REFUSES          the first lines of call_put() and call_get()
 *      claim_put, claim_get    ring_put_one(), ring_refuses_put() and mirrors
 *      REFUSED                 closed() in queue.c
 *      finish, publish         the rest of ring_put_one(), or of ring_put();
 *                              no fence that a processor knows    [wait.2]
 *      NOBODY_ARMED            line_is_armed(); what follows it in caller:
 *                              line_wake_is_due()
 *      READY                   queue_ready_to_put(), queue_ready_to_get()
 *      arm                     line_arm_locked()
 *      settle, settled         line_settle_locked(), with the heavy fence:
 *                              it empties all store buffers       [wait.1]
 *      claim_waiter            line_claim_locked()
 *      wake_ready, wake_all    line_wake_ready_locked(), line_wake_all_locked()
 *      line_enter, line_leave  line_enter_locked(), line_leave_locked()
 *      caller                  call_run(), call_sleep(), sleep_once(),
 *                              sleep_end(), sleep_cancelled() in call.c
 *      shutter                 publish_locked(), queue_shut(), discard() in
 *                              shutdown.c
 *
 * One step is one access to what others may change at that moment, and what a
 * thread does by itself before or after.  More is joined where it makes no
 * difference:
 *   - A claim is one step with the looks that lead to it, and so is each
 *     refusal, for the ring decides at one instant (invariants 3 and 4 of
 *     store_ring.h; the schedule explorer checks that on the code itself).
 *     From the claim to the stamp a call is half-way, and others find it so.
 *   - can_put and can_get in READY: a false was so at the instant of the last
 *     look; a true that was never so would only wake somebody in vain.
 *   - Taking the lock goes with the step after it, releasing it with the one
 *     before: only who wants the lock could tell, and waits.  (Not so where
 *     releasing it empties a store buffer that others wait to see.)
 *   - A store and the full fence behind it, with no load between them.
 * Spinning and yielding are left out: they are more attempts like the first.
 * So are join, peek, bulk and interrupt.
 *
 * Store buffers as x86 has them: a stamp and an armed word that are stored
 * without a fence stay in the buffer of their thread, which alone sees the
 * stamp, until `memory` empties it, or the thread executes a fence or a locked
 * instruction.  One entry is enough: no thread stores a second one before.
 *
 * The grace period waits for the sections that were open when it began, and
 * for no other.  A thread in GIVES_UP (a mask) may give up whenever it sleeps:
 * by its deadline, or cancelled, also after it was woken.
 *
 * What is asserted: nothing is lost or doubled, also by discarding; no put
 * takes effect after another was refused, or after a shutdown has returned;
 * the queue is empty after an immediate one; no get answers ESHUTDOWN while an
 * accepted item is left; who is woken is still there; and when nothing moves
 * any more, nobody sleeps who could be served, and everybody has left after a
 * shutdown (judge).  A thread that hangs elsewhere is an invalid end state.
 *
 * check_model.sh runs all of it, and the variants (NO_..., and others): each
 * takes one thing out, and must fail.
 */

#ifndef CAPACITY
#define CAPACITY 1
#endif
#ifndef PREFILLED
#define PREFILLED 0 /* items that are there at the beginning */
#endif
#ifndef GIVES_UP
#define GIVES_UP 0
#endif
#ifndef GRACEFUL
#define GRACEFUL 0 /* how many threads do it */
#endif
#ifndef IMMEDIATE
#define IMMEDIATE 0
#endif
#ifndef GETTERS
#define GETTERS 2
#endif
#define PUTTERS 2
#define THREADS (PUTTERS + GETTERS)
#define SHUTTERS (GRACEFUL + IMMEDIATE)
#define ALL (THREADS + SHUTTERS)
#define BIT(i) (1 << (i))

/* ---- what threads share ---------------------------------------------------- */

#define OPEN 0
#define DRAINING 1
#define SHUT 2
byte state;

/* The ring.  A stamp is free for a position, or holds its item. */
#define FREE(p) (2 * (p))
#define HELD(p) (2 * (p) + 1)
#define SLOT(p) ((p) % CAPACITY)
byte tail, head;
bool gate; /* a bit of the tail */
byte stamp[CAPACITY];
byte slot[CAPACITY];

/* The lines.  Putters come first, so the waiters of a side stand together. */
#define PUTTING 0
#define GETTING 1
#define FIRST(side) ((side) * PUTTERS)
#define BEYOND(side) (PUTTERS + (side) * GETTERS)
#define NOBODY 255
#define OUT 0
#define ASLEEP 1
#define WOKEN 2
byte armed[2];
byte flying[2]; /* wake-ups in flight */
byte next_ticket[2];
byte where[ALL];
byte ticket[ALL];
byte wakers[ALL]; /* wake-ups begun and not finished */
bool awake[ALL];
bool gone[ALL]; /* the waiter's memory is no more */

byte locked;      /* by thread + 1 */
byte inside;      /* who is in a read-side section */
byte awaited[ALL]; /* whom a grace period still waits for */

/* For assertions alone; items are bits, put by thread i: bit i. */
byte accepted, got, destroyed;
bool refused, returned;
byte done;

/* ---- store buffers --------------------------------------------------------- */

#define NOWHERE 0
#define AT_STAMP(i) (1 + (i))
#define AT_ARMED(side) (1 + CAPACITY + (side))
byte buffer_at[ALL];
byte buffer[ALL];

#define STAMP(p)                                                               \
	(buffer_at[me] == AT_STAMP(SLOT(p)) -> buffer[me] : stamp[SLOT(p)])

inline drain(thread)
{
	if
	:: buffer_at[thread] == NOWHERE
	:: buffer_at[thread] >= AT_ARMED(0) ->
		armed[buffer_at[thread] - AT_ARMED(0)] = buffer[thread]
	:: else ->
		stamp[buffer_at[thread] - AT_STAMP(0)] = buffer[thread]
	fi;
	buffer_at[thread] = NOWHERE;
	buffer[thread] = 0
}

inline store(place, word)
{
	drain(me);
	buffer_at[me] = place;
	buffer[me] = word
}

proctype memory()
{
	byte i;
end:
	do
	:: atomic {
		buffer_at[0] != NOWHERE || buffer_at[1] != NOWHERE ||
		buffer_at[2] != NOWHERE || buffer_at[3] != NOWHERE ->
		select(i : 0 .. 3);
		drain(i);
		i = 0
	}
	od
}

/* ---- the line -------------------------------------------------------------- */

#define CAN_PUT(n)                                                             \
	(!gate && (n) <= CAPACITY && STAMP(tail) == FREE(tail) &&              \
	 ((n) < 2 || STAMP(tail + 1) == FREE(tail + 1)))
#define CAN_GET(n)                                                             \
	((n) <= CAPACITY && STAMP(head) == HELD(head) &&                       \
	 ((n) < 2 || STAMP(head + 1) == HELD(head + 1)))
#define FINISHED (gate && head == tail)
#define READY(side, now, n)                                                    \
	((side == PUTTING && (now != OPEN || CAN_PUT(n))) ||                   \
	 (side == GETTING && (now == SHUT || CAN_GET(n) ||                     \
			      (now == DRAINING && FINISHED))))

/* Take the lock, unless one has it already. */
#define LOCK locked == 0 || locked == me + 1 -> locked = me + 1; drain(me)
#define UNLOCK drain(me); locked = 0

inline arm(side)
{
	i = FIRST(side);
	do
	:: i < BEYOND(side) && where[i] != ASLEEP -> i++
	:: else -> break
	od;
	anybody = i < BEYOND(side);
	i = 0;
	if
	:: anybody -> store(AT_ARMED(side), flying[side] + 1)
	:: else -> store(AT_ARMED(side), 0)
	fi
}

/* who: the first one asleep with a ticket from `from`, below `limit`. */
inline claim_waiter(side)
{
	who = NOBODY;
	i = FIRST(side);
	do
	:: i < BEYOND(side) ->
		if
		:: where[i] == ASLEEP && ticket[i] >= from &&
		   ticket[i] < limit &&
		   (who == NOBODY || ticket[i] < ticket[who % ALL]) ->
			who = i
		:: else
		fi;
		i++
	:: else -> break
	od;
	if
	:: who != NOBODY ->
		where[who] = WOKEN;
		flying[side]++;
		wakers[who]++;
		arm(side)
	:: else
	fi;
	i = 0
}

/* line_settle_locked() in two steps: arm, and then (settled) look. */
inline settle(side)
{
	first = armed[side] == 0;
	arm(side);
	drain(me);
#ifndef NO_HEAVY_FENCE
	if
	:: first && anybody -> drain(0); drain(1); drain(2); drain(3)
	:: else
	fi;
#endif
	first = false
}

inline settled(side)
{
	who = NOBODY;
#ifndef NO_RECHECK
	if
	:: anybody && READY(side, state, flying[side] + 1) ->
		claim_waiter(side)
	:: else
	fi;
#endif
	anybody = false
}

inline wake(w)
{
	atomic {
		assert(!gone[w]);
		awake[w] = true;
		wakers[w]--
	}
}

/* From when the lock is taken, or held already, until it is released. */
inline wake_ready(side)
{
	atomic { LOCK; from = 0; limit = next_ticket[side]; settle(side) }
	do
	:: atomic {
		settled(side);
		UNLOCK;
		if
		:: who == NOBODY -> from = 0; limit = 0; who = 0; break
		:: else -> from = ticket[who] + 1
		fi
	}
		wake(who);
		atomic { LOCK; settle(side) }
	od
}

/* The same for all, and the lock stays taken at the end. */
inline wake_all(side)
{
	limit = next_ticket[side];
	do
	:: atomic {
		LOCK;
		claim_waiter(side);
		if
		:: who == NOBODY -> from = 0; limit = 0; who = 0; break
		:: else -> from = ticket[who] + 1
		fi;
		UNLOCK
	}
		wake(who)
	od
}

inline line_enter(side)
{
	if
	:: where[me] == ASLEEP
	:: where[me] == WOKEN -> flying[side]--
	:: where[me] == OUT ->
		ticket[me] = next_ticket[side];
		next_ticket[side]++
	fi;
	where[me] = ASLEEP
}

inline line_leave(side)
{
	if
#ifndef LEAVES_IN_FLIGHT
	:: where[me] == WOKEN -> flying[side]--
#endif
	:: else
	fi;
	where[me] = OUT;
	ticket[me] = 0
}

/* ---- attempts -------------------------------------------------------------- */

/* An attempt's answer.  WAITS: full or empty, or somebody is half-way. */
#define DONE 0
#define EAGAIN 1
#define BUSY 2
#define ESHUTDOWN 3
#define ETIMEDOUT 4
#define ECANCELED 5
#define CLOSED 6
#define WAITS(err) (err == EAGAIN || err == BUSY)

inline publish(place, word)
{
	store(place, word)
}

/* Refused by the gate, or closed and empty. */
#define REFUSED (state == OPEN -> BUSY : ESHUTDOWN)

inline claim_put()
{
	if
	:: gate -> err = CLOSED
	:: !gate && STAMP(tail) == FREE(tail) ->
		drain(me);
		assert(!refused);
		accepted = accepted | BIT(me);
		p = tail;
		tail++;
		err = DONE
	:: !gate && STAMP(tail) != FREE(tail) ->
		drain(me);
		if
		:: head + CAPACITY == tail -> err = EAGAIN
		:: else -> err = BUSY
		fi
	fi
}

inline claim_get()
{
	if
	:: STAMP(head) == HELD(head) ->
		drain(me);
		p = head;
		head++;
		err = DONE
	:: STAMP(head) != HELD(head) && head == tail ->
		drain(me);
		if
		:: gate -> err = CLOSED
		:: else -> err = EAGAIN
		fi
	:: else -> drain(me); err = BUSY
	fi
}

/* Take the item at p out; nobody else has. */
inline take(where_to)
{
	item = slot[SLOT(p)];
	slot[SLOT(p)] = 0;
	assert(item != 0);
	item--;
	assert(!((got | destroyed) & BIT(item)));
	where_to = where_to | BIT(item);
	item = 0
}

#define REFUSES(side) (side == PUTTING && state != OPEN || state == SHUT)

inline begin(side)
{
	if
	:: side == GETTING && state != OPEN -> other = GETTING
	:: else -> other = 1 - side
	fi
}

inline claim(side)
{
	if
	:: side == PUTTING -> claim_put()
	:: else -> claim_get()
	fi
}

#ifdef WAKES_GETTERS_ALONE
#define NOBODY_ARMED (other == PUTTING || armed[other] == 0)
#else
#define NOBODY_ARMED (armed[other] == 0)
#endif

/* What was claimed is half-way until here. */
inline finish(side)
{
	if
	:: side == PUTTING ->
		assert(!returned);
		slot[SLOT(p)] = me + 1;
		publish(AT_STAMP(SLOT(p)), HELD(p))
	:: else ->
		take(got);
		publish(AT_STAMP(SLOT(p)), FREE(p + CAPACITY))
	fi;
	p = 0
}

/* ---- threads --------------------------------------------------------------- */

inline section_leave()
{
	inside = inside & ~BIT(me);
	for (i in awaited) {
		awaited[i] = awaited[i] & ~BIT(me)
	}
	i = 0
}

proctype caller(byte me; byte side)
{
	byte err, now, p, i, other, from, limit, who, item;
	bool anybody, first, late;

	/* in a section: call_run() */
	atomic {
		inside = inside | BIT(me);
		begin(side);
		if
		:: REFUSES(side) ->
			err = ESHUTDOWN; section_leave(); goto returns
		:: else
		fi
	}
	atomic {
		claim(side);
		if
		:: WAITS(err) -> section_leave(); goto again
		:: else
		fi
	}
	if
	:: atomic { err == CLOSED ->
		err = REFUSED;
		section_leave();
		if
		:: err == BUSY -> goto again
		:: else -> goto returns
		fi }
	:: atomic { else -> finish(side) }
	fi;
	atomic {
		if
		:: NOBODY_ARMED -> section_leave(); goto returns
		:: else
		fi
	}
	atomic { drain(me); from = armed[other]; now = state }
	atomic {
		if
		:: !READY(other, now, from) ->
			from = 0; now = 0; section_leave(); goto returns
		:: else -> from = 0; now = 0; section_leave()
		fi
	}
	wake_ready(other);
	goto returns;

	/* call_sleep() */
again:
	atomic {
		LOCK;
		begin(side);
		if
		:: REFUSES(side) -> err = ESHUTDOWN
		:: else ->
			claim(side);
			if
			:: err == CLOSED -> err = REFUSED
			:: else
			fi
		fi;
		if
		:: err == DONE
		:: WAITS(err) && !late -> goto sleeps
		:: err == EAGAIN && late -> err = ETIMEDOUT; goto leaves
		:: err == BUSY && late -> UNLOCK; goto again
		:: else -> goto leaves
		fi
	}
	atomic { finish(side) }
	atomic {
		if
		:: NOBODY_ARMED -> goto leaves
		:: else ->
			drain(me);
			if
			:: !READY(other, state, armed[other]) -> goto leaves
			:: else
			fi
		fi
	}
	wake_ready(other);
	atomic { LOCK }
	goto leaves;

sleeps: /* sleep_once() */
	atomic { line_enter(side); settle(side) }
	atomic {
		limit = NOBODY;
		settled(side);
		limit = 0;
		err = 0
		;
		UNLOCK;
		if
		:: who == me -> who = 0; wakers[me]--; goto again
		:: who == NOBODY -> who = 0; goto asleep
		:: else
		fi
	}
	wake(who);
	who = 0;
asleep:
end_asleep:
	if
	:: atomic { awake[me] -> awake[me] = false; goto again }
	:: atomic { (GIVES_UP & BIT(me)) && !awake[me] -> late = true; goto again }
	:: (GIVES_UP & BIT(me)) -> err = ECANCELED
	fi;

leaves: /* sleep_end() */
#ifdef NO_PASS_ON
	atomic { LOCK; line_leave(side); arm(side); anybody = false; UNLOCK }
#else
	atomic { LOCK; line_leave(side) }
	wake_ready(side);
#endif
	atomic {
#ifndef NO_AWAIT_WAKERS
		wakers[me] == 0;
#endif
		gone[me] = true;
		awake[me] = false
	}

returns:
	atomic {
		if
		:: err == ESHUTDOWN && side == PUTTING -> refused = true
		:: err == ESHUTDOWN && side == GETTING ->
			assert(state == SHUT || FINISHED)
		:: else
		fi;
		done++;
		err = 0; other = 0; late = false
	}
}

proctype shutter(byte me; byte to)
{
	byte p, i, from, limit, who, item, end_;
	bool anybody, first;

	atomic {
		LOCK;
		if
		:: state >= to -> goto published
		:: else
		fi;
#ifdef STATE_BEFORE_GATE
		state = to
	}
	gate = true;
#else
		gate = true
	}
	state = to;
#endif
published:
#ifndef FORGETS_PUTTERS
	wake_all(PUTTING);
#endif
#ifndef FORGETS_GETTERS
	wake_all(GETTING);
#endif
	atomic { anybody = false; UNLOCK }
#ifndef NO_GRACE
	awaited[me] = inside;
	awaited[me] == 0;
#endif
#if !defined(FORGETS_GETTERS) && !defined(NO_SECOND_WAKE)
	wake_ready(GETTING);
#endif
	if
	:: to == SHUT ->
		/* discard(): ring_take_all() loads and stores one by one */
		atomic { LOCK; end_ = tail }
		p = head;
		atomic { head = end_; UNLOCK }
		do
		:: atomic { p < end_ -> take(destroyed); p++ }
		:: else -> break
		od;
		atomic { assert(head == tail); p = 0; end_ = 0 }
	:: else
	fi;
	atomic { returned = true; done++ }
}

/* When nothing else can move. */
proctype judge()
{
	byte i;

	timeout;
	atomic {
		assert(locked == 0 && inside == 0);
		assert(SHUTTERS == 0 || done == ALL);
		for (i in where) {
			assert(where[i] == OUT ||
			       (state == OPEN && i < PUTTERS &&
				stamp[SLOT(tail)] != FREE(tail)) ||
			       (state == OPEN && i >= PUTTERS &&
				stamp[SLOT(head)] != HELD(head)))
		}
		for (i in slot) {
			if
			:: slot[i] != 0 ->
				got = got | BIT(slot[i] - 1);
				tail--
			:: else
			fi
		}
		assert(head == tail);
		assert((got | destroyed) == accepted)
	}
}

init {
	byte i;

	atomic {
		for (i in stamp) {
			if
			:: i < PREFILLED ->
				stamp[i] = HELD(i);
				slot[i] = ALL + i + 1;
				accepted = accepted | BIT(ALL + i)
			:: else -> stamp[i] = FREE(i)
			fi
		}
		tail = PREFILLED;
		i = 0;
		do
		:: i < PUTTERS -> run caller(i, PUTTING); i++
		:: i >= PUTTERS && i < THREADS -> run caller(i, GETTING); i++
		:: i >= THREADS && i < THREADS + GRACEFUL ->
			run shutter(i, DRAINING); i++
		:: i >= THREADS + GRACEFUL && i < ALL ->
			run shutter(i, SHUT); i++
		:: else -> break
		od;
		run memory();
		run judge()
	}
}
