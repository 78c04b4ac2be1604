#!/bin/sh
# SPDX-License-Identifier: MIT
# The schedule explorer, for a few seconds: nothing is wrong with the library as
# far as that goes, and the explorer does what it says.  That it finds what is
# wrong: planted.sh.
. "$(dirname "$0")/script.sh"

explore=$top_builddir/tests/explore
case $SANITIZER_FLAGS in
?*) note "coroutines and sanitizers do not mix"; exit 77 ;;
esac

# complete: how many schedules it took until a search was complete.
complete()
{
	sed -n 's/.* \([0-9]*\) complete .*/\1/p' "$scratch/out"
}

ends 0 "$explore" --quick --limit 15 && says '^[1-9][0-9]* schedules, .* 0 failures'

# A search that was interrupted comes to the same end.
ends 0 "$explore" --preemptions 1 put_get && whole=$(complete)
[ "$whole" ] || wrong "a search of put_get is not complete"
ends 0 "$explore" --preemptions 1 --state "$scratch" --schedules 50 put_get &&
	[ -z "$(complete)" ] || wrong "50 schedules of put_get are not enough"
ends 0 "$explore" --preemptions 1 --state "$scratch" put_get
[ "$(complete)" = "$whole" ] ||
	wrong "interrupted, put_get has $(complete) schedules, not $whole"

# Each step of one schedule.
ends 0 "$explore" --replay put_get:1.0.0.0.0.0:5=1 && {
	says '^ *[0-9]+ +0 put +store_ring.h *:[0-9]+ +ring_put_one +cas &r->store.tail: 0 -> 0x'
	says '^put_get: failed 0 of 1 times'
}

ends 64 "$explore" --preemptions x
ends 64 "$explore" --preemptions -1
ends 64 "$explore" no_such_scenario
ends 2 "$explore" --replay put_get
ends 2 "$explore" --replay put_get:nonsense
ends 2 "$explore" --replay no_such_scenario:1.0.0.0.0.0:
ends 2 "$explore" --state "$scratch/none" --schedules 5 put_get
finish
