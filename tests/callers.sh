#!/bin/sh
# SPDX-License-Identifier: MIT
# The behaviour tests with other callers: threads, coroutines and event loops on
# the same queue get the same results.  What crews of threads do in "make check"
# (tests/crew.h) is done here by coroutines of one thread, by coroutines that
# migrate over several, and by a mixture; what is cancelled or stopped stays to
# threads.  CALLERS="mixed" and PROGRAMS="check_wait" choose.
. "$(dirname "$0")/script.sh"

: "${CALLERS:=coroutines migrating mixed}"
: "${PROGRAMS:=check_put_get check_bulk check_peek check_wait check_task
	check_interrupt check_shutdown check_discard check_destroy check_threads
	check_holds check_force check_resize check_stats check_kinds
	check_rendezvous check_pile check_arm check_offers check_select}"

case $SANITIZER_FLAGS in
?*) note "coroutines and sanitizers do not mix"; exit 77 ;;
esac

# play PROGRAM CALLERS: its output, and "ended STATUS".
play()
{
	COQUEUE_TEST_CALLERS=$2 "$top_builddir/tests/$1" 2>&1
	echo "ended $?"
}

for program in $PROGRAMS; do
	for callers in $CALLERS; do
		play "$program" "$callers" >"$scratch/$callers" &
	done
	wait
	for callers in $CALLERS; do
		printf '%s, %s: %s\n' "$program" "$callers" \
			"$(grep -E '^[0-9]+%: ' "$scratch/$callers" | tr '\n' ' ')"
		grep -q '^ended 0$' "$scratch/$callers" || {
			wrong "$program with $callers"
			sed 's/^/    /' "$scratch/$callers"
		}
	done
done
ends 64 env COQUEUE_TEST_CALLERS=nobody "$top_builddir/tests/check_put_get"
finish
