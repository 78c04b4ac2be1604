#!/bin/sh
# SPDX-License-Identifier: MIT
# Every fault, at full size: signals, cancellations, forks ... ("make
# check-faults"); "make check" does a tenth of it.  A fault counts as survived
# when its test passed and said that it had injected at least as many as asked
# for here.
#
# COQUEUE_TEST_SCALE=10 makes this ten times larger again; COQUEUE_TEST_LIMIT is
# the limit, in seconds, for what should take a moment.  No fault may take two
# minutes.
. "$(dirname "$0")/script.sh"

seconds=$((120 * ${COQUEUE_TEST_SCALE:-1}))
COQUEUE_TEST_SCALE=$((10 * ${COQUEUE_TEST_SCALE:-1}))
# The scale multiplies the limit, too; the larger part of that is not needed.
COQUEUE_TEST_LIMIT=${COQUEUE_TEST_LIMIT:-9}
export COQUEUE_TEST_SCALE COQUEUE_TEST_LIMIT

# row INJECTED SECONDS VERDICT FAULT...
row()
{
	injected=$1 took=$2 verdict=$3
	shift 3
	printf '%-46s %9s %7s  %s\n' "$*" "$injected" "$took" "$verdict"
}

# fault AT-LEAST PROGRAM CASE FAULT...
fault()
{
	at_least=$1 program=$2 begun=$(date +%s) verdict=survived
	export CK_RUN_CASE=$3
	shift 3
	if [ -x "$top_builddir/tests/check_$program" ]; then
		timeout -k 5 "$seconds" "$top_builddir/tests/check_$program" \
			>"$scratch/log" 2>&1
		status=$?
	else
		echo "there is no check_$program in this build" >"$scratch/log"
		status=77
	fi
	took=$(($(date +%s) - begun))
	injected=$(sed -n 's/^injected: //p' "$scratch/log")
	if [ $status -eq 77 ]; then
		verdict=skipped
	elif [ $status -ne 0 ] || [ "${injected:-0}" -lt "$at_least" ]; then
		verdict=FAILED
		errors=$((errors + 1))
	fi
	row "${injected:-?}" "$took" "$verdict" "$*"
	[ "$verdict" = survived ] || sed 's/^/    /' "$scratch/log"
}

row injected seconds verdict fault
# (How many waits there are to disturb is a matter of time: some hundreds.)
fault 15 faults \
	each_failure_below_create_is_reported_and_nothing_leaks \
	an allocation or init call fails
fault 10 faults \
	E88_spurious_wake_ups_lose_none_that_are_meant \
	a wake-up that nobody sent
fault 50000 wait E88_signals_end_no_wait \
	a signal to a blocked thread
fault 50000 turmoil E88_signals_disturb_no_call \
	a signal to a thread in any call
fault 1000 turmoil E84_cancellations_at_random_moments_leave_nothing \
	pthread_cancel at a random moment
fault 3000 turmoil a_thread_stopped_in_any_call_lets_others_get_on_or_sleep \
	a thread frozen in any call
fault 1000 progress \
	others_get_on_or_sleep_while_one_is_stopped_inside_a_call \
	a thread frozen in the midst of long items
fault 1000 fork E85_forks_beside_every_kind_of_call \
	a fork beside callers
fault 1000 turmoil calls_go_on_wherever_their_threads_are_moved \
	threads moved to other processors
fault 2000 shutdown E01_E12_E22_a_crowd_of_every_kind_leaves \
	blocked threads shut down, 1000 at once
fault 1000 clock E87_deadlines_hold_while_the_wall_clock_jumps \
	the wall clock jumps
finish
